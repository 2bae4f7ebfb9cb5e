/*
 * side.h
 *	  From attributes to factors: the ridge regression within hierarchical ALS.
 *
 * Given factors y_i [d] of n rows with attributes f_i [p], the map W is the
 * minimum of
 *
 *		sum_i lambda_i |y_i - W^T (f_i, 1)|^2 + ridge sum_c |w_c|^2
 *
 * over W [q x d], q = p + 1.  Row c < p of W belongs to attribute column c; the last
 * row is the intercept, which the ridge leaves alone: what nothing is known of is
 * expected to be average, not nothing.  Rows with lambda_i = 0 take no part.
 *
 * The right side of the normal equations (F^T L F + ridge) W = F^T L Y is summed over RK_SIDE_SLABS
 * slabs of rows, each into a matrix of its own, added in order, and F^T L F by blocks of its rows, each over all
 * rows of F in order: the same bytes whichever process takes which slab or block.  Up to RK_SIDE_DIRECT columns they are factored, once
 * for as many Y as there are; beyond, they are solved by conjugate gradients, all
 * d columns at once and each with steps of its own, preconditioned by the
 * diagonal (Saad, Iterative Methods for Sparse Linear Systems, algorithm 9.1), and F^T L F is
 * never formed.  All in double.
 */
#ifndef RK_SIDE_H
#define RK_SIDE_H

#include <stdint.h>

#include "csr.h"
#include "status.h"

/* Slabs of rows: part of the result's bytes. */
#define RK_SIDE_SLABS 8

/* The most columns q whose normal equations are factored. */
#define RK_SIDE_DIRECT 2048

/* RkSide states one regression; it owns nothing. */
typedef struct RkSide
{
	RkCsr features;       /* F, [n x p], values of either sign in weight */
	const double *lambda; /* [n], >= 0 */
	size_t d;
	double ridge; /* > 0 */
} RkSide;

/* rk_side_columns is q. */
static inline size_t
rk_side_columns(const RkSide *side)
{
	return side->features.n_cols + 1;
}

/* rk_side_slab is the first row of a slab; that of slab RK_SIDE_SLABS is n. */
static inline size_t
rk_side_slab(const RkSide *side, size_t slab)
{
	return side->features.n_rows / RK_SIDE_SLABS * slab +
		   side->features.n_rows % RK_SIDE_SLABS * slab / RK_SIDE_SLABS;
}

/* rk_side_gram_elements is the number of doubles of a matrix F^T L F and of its factor. */
extern size_t rk_side_gram_elements(size_t q);

/*
 * rk_side_gram writes the rows of one of rk_side_blocks(q) blocks of the upper triangle of F^T L F into the matrix that has
 * them all.
 */
extern size_t rk_side_blocks(size_t q);
extern RkStatus rk_side_gram(const RkSide *side, size_t block, double *gram, const RkPoll *poll);

/*
 * rk_side_right writes one slab's F^T L Y, right is [q x d] and factor is Y, [n x d]; rk_side_product
 * its F^T L F P, out and P are [q x d].  tmp is [d].
 */
extern RkStatus rk_side_right(const RkSide *side, const float *factor, size_t slab, double *right,
							  double *tmp, const RkPoll *poll);
extern RkStatus rk_side_product(const RkSide *side, const double *p, size_t slab, double *out, double *tmp,
								const RkPoll *poll);

/* rk_side_add adds a slab's n numbers to the sum. */
extern void rk_side_add(size_t n, const double *slab, double *sum);

/* rk_side_factor adds the ridge to F^T L F and factors it in place. */
extern RkStatus rk_side_factor(const RkSide *side, double *gram, const RkPoll *poll);

/* rk_side_solve replaces the right side [q x d] by W, with what rk_side_factor left. */
extern RkStatus rk_side_solve(const RkSide *side, const double *gram, double *right, const RkPoll *poll);

/* RkSideSearch is conjugate gradients under way; all [q x d] but where said. */
typedef struct RkSideSearch
{
	double *x;        /* W */
	double *residual; /* the right side before rk_side_search_begin */
	double *p;        /* the direction to multiply next */
	double *product;  /* F^T L F p, the sum of all slabs */
	double *diagonal; /* [q], of F^T L F + ridge */
	double *rho;      /* [d] */
	double *size;     /* [d], norms of the right side */
	double *work;     /* [2 x d] */
} RkSideSearch;

/* rk_side_diagonal writes the diagonal of F^T L F + ridge, [q]. */
extern RkStatus rk_side_diagonal(const RkSide *side, double *diagonal, const RkPoll *poll);

/*
 * rk_side_search_begin starts from x, whose product is F^T L F x; rk_side_search_step takes one step, with the product
 * of the direction.  Both leave the next direction in p and give the greatest relative
 * residual |b - A x| / |b| of the d columns.
 */
extern double rk_side_search_begin(const RkSide *side, RkSideSearch *search);
extern double rk_side_search_step(const RkSide *side, RkSideSearch *search);

/*
 * rk_side_map computes W^T (f, 1) of one row in double: out is [d], map is W [q x d], and the row has
 * n values at increasing columns below p.
 */
extern void rk_side_map(const float *map, size_t p, size_t d, const uint32_t *column, const float *value,
						size_t n, double *out);

/*
 * rk_side_apply_range writes W^T (f_i, 1), rounded to float, to rows first .. last - 1 of out [n x d];
 * zeros where lambda_i = 0, unless all.  tmp is [d].
 */
extern RkStatus rk_side_apply_range(const RkSide *side, const float *map, size_t first, size_t last, bool all,
									float *out, double *tmp, const RkPoll *poll);

/*
 * rk_side_misfit adds up lambda_i |y_i - W^T (f_i, 1)|^2 of one slab; map NULL: of W = 0.  tmp is [d].
 */
extern RkStatus rk_side_misfit(const RkSide *side, const float *map, const float *factor, size_t slab,
							   double *misfit, double *tmp, const RkPoll *poll);

#endif /* RK_SIDE_H */
