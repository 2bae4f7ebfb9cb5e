/*
 * rotate.h
 *	  A rotation that spreads what a vector consists of over all its coordinates.
 *
 * Factors have coordinates of very different size, a few of them far out, and codes of three bits lose much of such a row.  After
 * this rotation every coordinate is a sum of all with signs, so they are spread like normal numbers, which such codes hold
 * best (the randomised Hadamard transform: Ailon and Chazelle 2006).  Inner products and norms do not change.
 *
 * With P the greatest power of two that is at most d', the rotation multiplies coordinate k by the sign that
 * a hash of k gives and applies H_P / sqrt(P), H_P being the Hadamard matrix of order P, to the first P coordinates; where
 * P < d' it does so again, with other signs, and the last P.
 */
#ifndef RK_ROTATE_H
#define RK_ROTATE_H

#include <stddef.h>

/*
 * rk_rotate replaces x [columns], a multiple of 32, by R x.  R is orthogonal but for rounding: what is computed differs from R x
 * by at most 2^-47 |x| for up to 2^12 columns, each of at most 24 additions and two products in a row erring by 2^-53 of a vector
 * of length |x|.  The same bits on every CPU.
 */
extern void rk_rotate(double *x, size_t columns);

#endif /* RK_ROTATE_H */
