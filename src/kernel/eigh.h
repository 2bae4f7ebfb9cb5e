/*
 * eigh.h
 *	  Eigendecomposition of a symmetric matrix in double, interruptible.
 *
 * Up to RK_EIGH_DIRECT columns this is one call of LAPACK's dsyevd.  Above, it
 * is the same algorithm taken apart so that the caller can be asked between
 * the pieces: Householder reduction to tridiagonal form in panels (dlatrd and
 * dsyr2k, as dsytrd does), divide and conquer on the tridiagonal matrix
 * (dstedc), and the product with the Householder blocks (dlarft and dlarfb,
 * as dormtr does), one block at a time.
 *
 * The longest stretch between two polls is dstedc, which LAPACK does not let
 * one interrupt: 60 to 100 ms at d = 1024 (of 200 to 240 in all; the others stay
 * below 10 ms there), growing with the cube of d.
 */
#ifndef RK_EIGH_H
#define RK_EIGH_H

#include "status.h"

/* The greatest d that is solved by one call. */
#define RK_EIGH_DIRECT 192

/* rk_eigh_scratch_bytes is the scratch of rk_eigh. */
extern size_t rk_eigh_scratch_bytes(size_t d);

/*
 * rk_eigh computes G = V^T diag(value) V.
 *
 * matrix is [d x d], the symmetric G on entry: its upper triangle (column >=
 * row) is read.  On exit row k of it is the unit eigenvector of value[k]; the
 * component of largest magnitude in each (the first among equals) is positive.
 * value is [d], in descending order.  RK_NON_FINITE if G is not finite,
 * RK_NO_CONVERGENCE if LAPACK gives up.
 */
extern RkStatus rk_eigh(size_t d, double *matrix, double *value, void *scratch, const RkPoll *poll);

/*
 * rk_eigh_gram is rk_eigh for a Gram matrix: eigenvalues that rounding made
 * negative are set to 0.
 */
extern RkStatus rk_eigh_gram(size_t d, double *matrix, double *value, void *scratch, const RkPoll *poll);

#endif /* RK_EIGH_H */
