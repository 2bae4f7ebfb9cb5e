/*
 * solve.h
 *	  The fold-in system of one user, in double precision and without BLAS.
 *
 * A user with rows j = 1 .. n has the system
 *
 *		A = diag(D) + sum_j w_j y_j y_j^T,		x = A^-1 (D x0 + sum_j w_j t_j y_j)
 *
 * in the basis where the Gram matrix of the items is diagonal, so that
 * D = alpha0 Lambda + lambda_u, and x0 = lambda_u D^-1 V g is what the user
 * would be without any row.  With n < d the n x n dual system is factored,
 *
 *		M = I + S Y D^-1 Y^T S,		S = diag(sqrt(w)),
 *		A^-1 = D^-1 - D^-1 Y^T S M^-1 S Y D^-1,
 *
 * else the d x d primal one.  Nothing is divided by a weight that may be 0.
 *
 * Serving and explanations use these functions and no others, so scores agree
 * to the bit wherever they are shown: every sum is written in one order, the
 * compiler may not contract it, and the variants for different CPUs do the
 * same operations in the same order.
 *
 * Explicit feedback solves the user's bias with the vector: give d + 1
 * columns, the last 1 in Y and lambda_u in D.
 */
#ifndef RK_SOLVE_H
#define RK_SOLVE_H

#include "status.h"

/*
 * rk_dot is THE score: sum_k x[k] y[k] with y widened to double.  Element k is
 * added to lane k mod 16 in ascending order; the lanes are then added pairwise,
 * lane l with lane l + 8, then + 4, + 2, + 1.  x and y are [d].
 */
extern double rk_dot(const double *x, const float *y, size_t d);

/* rk_dot_dd is rk_dot for two vectors of doubles, in the same order. */
extern double rk_dot_dd(const double *x, const double *y, size_t d);

/* rk_dot_ff is rk_dot for two vectors of floats, both widened. */
extern double rk_dot_ff(const float *x, const float *y, size_t d);

/*
 * rk_cholesky factors C = U^T U in place.  C is [order x ld] with ld =
 * rk_cholesky_stride(order), its upper triangle (column >= row) given; U is on and above the diagonal
 * afterwards and anything below.  There must be room for order rounded up to a multiple of 8 rows.
 * RK_NON_FINITE for a diagonal that is not finite, RK_NOT_POSITIVE_DEFINITE if a pivot vanishes.
 */
extern size_t rk_cholesky_stride(size_t order);
extern RkStatus rk_cholesky(double *c, size_t order, size_t ld, const RkPoll *poll);

/* RkFoldSystem states one system; it owns nothing. */
typedef struct RkFoldSystem
{
	size_t n;               /* rows of the user, 0 allowed */
	size_t d;               /* columns */
	const float *factor;    /* Y, [n x d] with rows stride floats apart */
	size_t stride;          /* >= d */
	const double *diagonal; /* D, [d], all > 0 */
	const double *weight;   /* w, [n], all >= 0 */
} RkFoldSystem;

/*
 * RkFold is a factored system.  It points into the system's arrays and into
 * the scratch, which must both outlive it.  Its fields are private to solve.c.
 */
typedef struct RkFold
{
	RkFoldSystem system;
	bool dual;       /* n < d: M is factored, else A */
	size_t order;    /* of the factored matrix: n or d */
	size_t ld;       /* its row stride */
	double *matrix;  /* [order x ld], U on and above the diagonal
								 * (U^T U = M or A), anything below */
	double *sums;    /* what was factored: matrix itself (dual), or A on and above the diagonal */
	double *spread;  /* [order], diagonal of M - I, or of A - D */
	double *root;    /* [n], sqrt(w) */
	double *inverse; /* [d], 1 / D */
} RkFold;

/* rk_fold_scratch_bytes is the scratch of rk_fold_factor. */
extern size_t rk_fold_scratch_bytes(size_t n, size_t d);

/*
 * rk_fold_factor factors a system.  RK_NON_FINITE for a NaN or infinity in Y,
 * D or w; RK_INVALID for D <= 0 or w < 0; RK_NOT_POSITIVE_DEFINITE if rounding
 * makes a pivot vanish.
 */
extern RkStatus rk_fold_factor(const RkFoldSystem *system, void *scratch, RkFold *fold, const RkPoll *poll);

/*
 * rk_fold_factor_again is rk_fold_factor, to the bit, of a factored system with another diagonal [d]; in primal
 * form without adding its rows up again.  The first fold stays as it is, must outlive this one, and may be used
 * so any number of times.  scratch is as large as that of the first.
 */
extern RkStatus rk_fold_factor_again(const RkFold *first, const double *diagonal, void *scratch, RkFold *fold,
									 const RkPoll *poll);

/*
 * rk_fold_solve computes z = A^-1 v.  v and z are [d] and may be the same;
 * tmp is [n + d].
 */
extern void rk_fold_solve(const RkFold *fold, const double *v, double *z, double *tmp);

/*
 * rk_fold_user computes the user's vector
 *
 *		x = x0 + D^-1 Y^T S M^-1 S (t - Y x0),	or x = x0 + A^-1 Y^T W (t - Y x0),
 *
 * which are the same.  target is t, [n]; prior is x0, [d], or NULL for 0; x is
 * [d]; tmp is [n + d].
 */
extern void rk_fold_user(const RkFold *fold, const double *target, const double *prior, double *x,
						 double *tmp);

/* rk_fold_predict computes Y x, each element by rk_dot; x is [d], predicted is [n]. */
extern void rk_fold_predict(const RkFold *fold, const double *x, double *predicted);

/* solve_sides.c */

/* Right-hand sides that are solved at once, and what they take of scratch: RK_FOLD_SIDES (n + d) doubles. */
#define RK_FOLD_SIDES 12

/*
 * rk_fold_influences computes g_j = w_j y_j^T A^-1 v for every row j and each of m vectors v: the
 * contribution of row j to the score x^T v is g_j t_j.  In dual form it is
 * S M^-1 S Y D^-1 v, which loses no digits where A is nearly singular.
 * v is [m x d], influence is [m x n], tmp is [RK_FOLD_SIDES (n + d)].  The influences of one vector are the same to the bit whatever
 * others are asked for with it.
 */
extern void rk_fold_influences(const RkFold *fold, size_t m, const double *v, double *influence, double *tmp);

/*
 * rk_fold_remainders computes r_j = 1 - w_j y_j^T A^-1 y_j of m rows, without
 * cancellation in dual form (it is on the diagonal of M^-1), and leaves in half what
 * rk_fold_coupling needs of them.  remainder is [m]; half is [m] of [min(n, d)], or NULL; tmp is [RK_FOLD_SIDES (n + d)].  The numbers of
 * one row are the same to the bit whatever others are asked for with it.
 */
extern void rk_fold_remainders(const RkFold *fold, size_t m, const size_t *row, double *remainder,
							   double *const *half, double *tmp);

/*
 * rk_fold_coupling computes sqrt(w_i w_j) y_i^T A^-1 y_j of two different rows
 * with w > 0 from the halves of both.
 */
extern double rk_fold_coupling(const RkFold *fold, size_t i, const double *half_i, size_t j,
							   const double *half_j);

/*
 * rk_fold_gain computes w_j y_j^T D^-1 y_j of every row.  Since A is at least
 * D + w_j y_j y_j^T, 1 / r_j is at most 1 + gain_j.  gain is [n].
 */
extern void rk_fold_gain(const RkFold *fold, double *gain);

/* RkBounds holds what bounds the effect of taking a row away. */
typedef struct RkBounds
{
	size_t n;
	double *gap;  /* [n], the target of a row less what is predicted of it without any row's own pull */
	double *gain; /* [n], of rk_fold_gain, or more */
	double
		*other; /* [n], 0; infinite where nothing is known of the row, -infinite where it is of no interest */
} RkBounds;

/*
 * rk_bounds bounds effects shift + p_j / r_j from above, p_j = influence_j gap_j:
 *
 *		most_j = shift + p_j + max(p_j, 0) gain_j + slack (|p_j| + max(p_j, 0) gain_j) + other_j
 *
 * slack allows for rounding; influence and most are [n].
 */
extern void rk_bounds(const RkBounds *bounds, double shift, double slack, const double *influence,
					  double *most);

/* rk_greatest gives the place of the greatest of n numbers, the first among equals; n where none is greater than -infinity. */
extern size_t rk_greatest(const double *x, size_t n);

#endif /* RK_SOLVE_H */
