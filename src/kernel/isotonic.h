/*
 * isotonic.h
 *	  Least squares under the constraint of never falling: pool adjacent violators.
 */
#ifndef RK_ISOTONIC_H
#define RK_ISOTONIC_H

#include "status.h"

/*
 * rk_isotonic fits the non-decreasing function that is nearest to (x, y) in
 * weighted squares, by pooling adjacent violators (Ayer et al. 1955).  x, y and w are [n], x ascending,
 * w > 0; places of equal x are pooled first.  Gives the number of blocks m; x, y and w then begin
 * with m blocks: their weighted mean x (strictly ascending), their value (strictly ascending) and their weight.
 */
extern size_t rk_isotonic(double *x, double *y, double *w, size_t n);

/* rk_isotonic_at reads a fitted function at any place: linear between blocks, constant beyond them; n > 0. */
extern double rk_isotonic_at(const double *x, const double *y, size_t n, double at);

#endif /* RK_ISOTONIC_H */
