/*
 * als.h
 *	  Exact alternating least squares, in pieces that processes can share.
 *
 * The loss, with x_u the rows of the side that is solved, y_j those of the
 * opposite side, p_u the prior mean of a row (from its attributes; 0 without):
 *
 *		sum_u [ sum_j w_uj (t_uj - x_u.y_j)^2 + alpha0 x_u^T G x_u
 *				+ lambda_u |x_u - p_u|^2 ] + sum_j lambda_j |y_j - p_j|^2
 *
 *		G = Y^T Y,	lambda_u = lambda (n_u + alpha0 m)^nu,
 *
 * n_u being the entries of row u and m the number of opposite rows in G.  A
 * half-sweep minimises it exactly over one side:
 *
 *	1. G of the opposite side: rk_gram_range over fixed slabs of rows, each
 *	   into its own matrix of zeros, added in slab order by rk_gram_add.
 *	2. rk_eigh_gram gives V and Lambda; if rk_als_wants_wide, both again from a
 *	   wide G.  V is rounded to float.
 *	3. rk_rotate_range rotates the opposite factors in place (y := V y) and
 *	   they are never rotated back: G is now Lambda, and every score is
 *	   unchanged because x is solved in the same basis.  Prior means of the
 *	   solved side must be given in this basis too, so a map from attributes
 *	   to factors, [features x d], is rotated by the same function.
 *	4. rk_als_solve_range solves rows: with D = alpha0 Lambda + lambda_u and
 *	   x0 = lambda_u D^-1 p, as x0 + A^-1 Y^T W (t - Y x0), in the dual space of order n where n < d
 *	   (see solve.h), else as A^-1 (Y^T W t + lambda_u p), which is the same.
 *
 * A row without entries gets x0 (p itself in directions where neither alpha0 Lambda
 * nor lambda_u has any weight): zeros without a prior mean, and zero rows change
 * no Gram matrix.  So rows that must stay out of G are given a prior mean of zeros
 * while learning.
 *
 * Explicit feedback (bias = true): t is replaced by t - mean - (bias of j), and
 * the row's own bias is solved with x, as one more column that is 1 in every
 * y, with lambda_u alone on the diagonal and prior mean 0.
 *
 * Precision: rows are solved in float32, and in double where the bound
 * (alpha0 Lambda_max + lambda_u + sum w |y|^2) / (alpha0 Lambda_min + lambda_u)
 * of the condition number exceeds 1e4 (|y|^2 counts the column of ones, and
 * Lambda_min is 0 with bias), or where the float32 Cholesky fails.
 *
 * Every piece depends only on its inputs: the same bytes whichever process
 * takes which range.  Ranges of rows may be any; ranges of rk_gram_range
 * change the order of a sum, so they must be a fixed function of the shape.
 */
#ifndef RK_ALS_H
#define RK_ALS_H

#include <math.h>
#include <stdint.h>

#include "csr.h"
#include "status.h"

/* RkAlsSide is one side to solve, and the weights of the loss. */
typedef struct RkAlsSide
{
	RkCsr rows; /* a row for each solved vector, columns are
								 * rows of the opposite side */
	size_t d;
	double alpha0;      /* weight of unobserved pairs, >= 0 */
	double lambda;      /* > 0 */
	double nu;          /* exponent of the frequency scaling */
	size_t n_other;     /* m, the opposite rows with entries */
	bool bias;          /* solve a bias with each vector */
	double mean;        /* mu; used if bias */
	const float *prior; /* [n_rows x d], rotated; NULL for 0 */
} RkAlsSide;

/* RkAlsOther is the opposite side, as rk_als_solve_range reads it. */
typedef struct RkAlsOther
{
	const float *factor;      /* [n_cols x d], rotated */
	const float *bias;        /* [n_cols]; used if side->bias, NULL for 0 */
	const double *eigenvalue; /* [d], Lambda, descending, >= 0 */
} RkAlsOther;

/* rk_als_lambda is lambda_u of a row with n entries. */
static inline double
rk_als_lambda(const RkAlsSide *side, size_t n)
{
	return side->lambda * pow((double) n + side->alpha0 * (double) side->n_other, side->nu);
}

/*
 * rk_als_init_row writes the start vector of one row, [d]: 0.1 / sqrt(d) with random
 * signs, a function of the seed and the hash of the row's key alone.
 */
extern void rk_als_init_row(uint64_t seed, uint64_t key_hash, size_t d, float *row);

/*
 * A first guess for implicit feedback is better than start vectors: singular
 * vectors of the matrix with elements w t / sqrt(s_i s_j), s being the sums of
 * |w t| of row and column, found by a few multiplications with it.
 *
 * rk_als_degree_range writes s_i^-1/2 of rows first .. last - 1 at the same
 * places of degree [n_rows]; 0 where s_i = 0.
 *
 * rk_als_spread_range multiplies: rows first .. last - 1 of factor [n_rows x d]
 * become sum_j w_ij t_ij / sqrt(s_i s_j) y_j.  other->factor alone is read, and
 * the scratch is that of rk_als_solve_range.
 *
 * rk_als_whiten fills the map [d x d] that makes the columns orthonormal, for
 * rk_rotate_range, from what rk_eigh_gram gave.  If size > 0 they then get lengths in
 * the ratio of the fourth roots of their singular values (the roots of those of the matrix,
 * once orthonormal columns have been multiplied to and fro), and size is the root of the sum
 * of all squares.  False, without a map, if the factors are zeros.
 */
extern RkStatus rk_als_degree_range(const RkCsr *rows, size_t first, size_t last, float *degree,
									const RkPoll *poll);
extern RkStatus rk_als_spread_range(const RkAlsSide *side, const RkAlsOther *other, const float *degree,
									const float *other_degree, size_t first, size_t last, float *factor,
									void *scratch, const RkPoll *poll);
extern bool rk_als_whiten(size_t d, const double *vector, const double *eigenvalue, double size, float *map);

/* rk_gram_scratch_bytes is the scratch of rk_gram_range. */
extern size_t rk_gram_scratch_bytes(size_t d);

/* Rows of factors whose products rk_gram_range sums in float32, one after the other. */
#define RK_GRAM_CHUNK 1024

/*
 * rk_gram_range adds y y^T of rows first .. last - 1 of factor [n x d] to the
 * upper triangle (column >= row) of gram [d x d].
 *
 * Each RK_GRAM_CHUNK rows are summed in float32, with a rounding for each row, and these sums in
 * double.  So element (i, k) is off by at most u = 2^-24 times the sum of the absolute values of all
 * products and partial sums, usually some 1e-7 sum_r |y_ri y_rk|; in the worst case that is g sum_r
 * |y_ri y_rk| with g = m u / (1 - m u) and m = RK_GRAM_CHUNK + 1, 6.2e-5.
 *
 * If wide, everything is in double.  What is left of the errors is that of a sum of doubles.
 */
extern RkStatus rk_gram_range(const float *factor, size_t first, size_t last, size_t d, bool wide,
							  double *gram, void *scratch, const RkPoll *poll);

/*
 * rk_als_wants_wide tells from Lambda whether the Gram matrix it was found from must be summed again, wide,
 * before rows of side are solved: whether alpha0 Lambda_max exceeds 1e4 (alpha0 Lambda_min + lambda_u) for the
 * least lambda_u, the same bound that has rows solved in double, without the rows' own entries.  An error of
 * e Lambda_max in G changes the scores of a row by up to e alpha0 Lambda_max / (alpha0 Lambda_min + lambda_u) of
 * the greatest, which has no limit above the bound.
 */
extern bool rk_als_wants_wide(const RkAlsSide *side, const double *eigenvalue);

/* rk_gram_add adds the upper triangle of slab to that of gram; both [d x d]. */
extern void rk_gram_add(size_t d, const double *slab, double *gram);

/* rk_rotate_scratch_bytes is the scratch of rk_rotate_range. */
extern size_t rk_rotate_scratch_bytes(size_t d);

/*
 * rk_rotate_range replaces each row y of rows first .. last - 1 of factor
 * [n x d] by V y.  vector is V, [d x d], its row k the k-th eigenvector as
 * rk_eigh gives it, rounded to float.
 *
 * A row's bytes do not depend on the range.
 */
extern RkStatus rk_rotate_range(float *factor, size_t first, size_t last, size_t d, const float *vector,
								void *scratch, const RkPoll *poll);

/* rk_als_scratch_bytes is the scratch of rk_als_solve_range. */
extern size_t rk_als_scratch_bytes(size_t d);

/*
 * rk_als_solve_range solves rows first .. last - 1.
 *
 * factor is X, [n_rows x d], and bias [n_rows] (NULL unless side->bias): the
 * rows of the range are overwritten.  *loss, unless loss is NULL, becomes the
 * sum over the range of each row's part of the loss at its solution; the
 * whole loss is the sum of these and rk_als_ridge_range of the other side.
 *
 * RK_NOT_POSITIVE_DEFINITE if a row cannot be factored in double either;
 * RK_NON_FINITE if a solution is not finite; *bad_row, unless NULL, is then
 * that row.
 */
extern RkStatus rk_als_solve_range(const RkAlsSide *side, const RkAlsOther *other, size_t first, size_t last,
								   float *factor, float *bias, double *loss, size_t *bad_row, void *scratch,
								   const RkPoll *poll);

/*
 * rk_als_ridge_range sums lambda_u (|x_u - p_u|^2 + bias_u^2) over rows first
 * .. last - 1 that have entries, and over all of them with prior means.  factor is
 * [n_rows x d], in the basis of side->prior; bias is [n_rows] or NULL.
 */
extern double rk_als_ridge_range(const RkAlsSide *side, size_t first, size_t last, const float *factor,
								 const float *bias);

#endif /* RK_ALS_H */
