/*
 * svd.h
 *	  Truncated singular value decomposition of a sparse matrix, without BLAS.
 *
 * The randomised method of Halko, Martinsson and Tropp (SIAM Review 53, 2011, algorithms 4.4 and 5.1): the range of
 * A is found by power iteration on a few more random vectors than are wanted, and the decomposition is
 * that of A within it.  Everything is in double and summed in a written order, so the result is a function of the matrix
 * and the seed.
 */
#ifndef RK_SVD_H
#define RK_SVD_H

#include "csr.h"

/* Random vectors beyond those that are wanted, and rounds of power iteration. */
#define RK_SVD_EXTRA 8
#define RK_SVD_ROUNDS 4

/* rk_svd_scratch_bytes is the scratch of rk_svd_right. */
extern size_t rk_svd_scratch_bytes(size_t n_rows, size_t n_cols, size_t k);

/*
 * rk_svd_right computes the first k right singular vectors of A.
 *
 * a is [n x m], weights of either sign, k <= min(n, m).  basis is [m x k]: column c is the vector of the c-th greatest
 * singular value, its component of largest magnitude positive, or zero where the singular value is below 1e-7 of the
 * greatest.  value is [k], the singular values, falling.
 */
extern RkStatus rk_svd_right(const RkCsr *a, size_t k, uint64_t seed, float *basis, double *value,
							 void *scratch, const RkPoll *poll);

#endif /* RK_SVD_H */
