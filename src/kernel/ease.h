/*
 * ease.h
 *	  Regression of each item on the others: dense, by the inverse of a Gram
 *	  matrix, or on its nearest alone.
 *
 * EASE (Steck 2019) minimises |R - R B|^2 + lambda |B|^2 with a zero diagonal.
 * With P = (R^T R + lambda I)^-1 the solution is B[j, i] = -P_ji / P_ii.
 *
 * *Dense.*  The inverse is made in place by sweeping (Goodnight 1979) in blocks of
 * RK_EASE_TILE columns: with D the pivot block of step k and U the panel of its columns,
 *
 *		A_ij := A_ij - U_i D^-1 U_j^T,	A_ik := U_i D^-1,	A_kk := -D^-1,
 *
 * and after all steps A is -P.  n^3 operations as for Cholesky and inversion,
 * but one product a step, whose rows of tiles are independent: processes share each step
 * (rk_ease_panel_range, then rk_ease_update_range), the leader inverts the pivot.  Sweeping a positive
 * definite matrix needs no pivoting.
 *
 * A is symmetric, so only what is on and below the diagonal is kept, in columns of small tiles: with
 * m = rk_ease_padded(n), column of tiles p holds rows 16 p .. m - 1 of columns 16 p .. 16 p + 15, row by row, and
 * such columns follow each other (rk_ease_at).  A small tile is then what the kernels of small.h multiply and add in one
 * piece, and the panel, packed once a step, is what they read.  Items from n on have ones on the
 * diagonal and nothing else, and stay so.
 *
 * A is in float32, sums of 256 products at a time.  The largest entry of the inverse is at most 1 / lambda and
 * the condition number at most (|R^T R| + lambda) / lambda, so that the error of an entry of B is of the order of that times
 * 2^-24; test_ease.c holds it to 2e-6 on a small problem.
 *
 * *Dual.*  Where users are fewer than items, the smaller Gram matrix serves: with A the sweep of R R^T + lambda I, hence
 * -(R R^T + lambda I)^-1,
 *
 *		P = (I + R^T A R) / lambda,	B[j, i] = -r_i^T A r_j / (1 + r_i^T A r_i),
 *
 * r_i being what users have of item i.  The divisor lies between lambda / (|r_i|^2 + lambda) and 1 and is summed in double, so its relative error grows
 * with |r_i|^2 / lambda; test_ease.c holds B to 4e-6 on a small problem.
 *
 * *Local.*  Column i of B is found from the m items nearest to i alone, as the ridge
 * regression of i on them: (R_N^T R_N + lambda I) b = R_N^T r_i.  The Gram matrix of
 * the m items is added up from the rows of users who have any of them.
 *
 * Every piece depends only on its inputs, whichever process does it.
 */
#ifndef RK_EASE_H
#define RK_EASE_H

#include <stdint.h>

#include "csr.h"
#include "neighbours.h"
#include "small.h"
#include "status.h"

/* Columns that are swept together, a multiple of RK_TILE; part of the result's bytes. */
#define RK_EASE_TILE 256

/* RkEase is a dense problem; it owns nothing.  All is aligned to RK_SCRATCH_ALIGN. */
typedef struct RkEase
{
	size_t n;
	float *matrix; /* [rk_ease_floats(n)] */
	float *panel;  /* U, a panel of small.h, of depth RK_EASE_TILE at most, a piece for each 16 items */
	float *scaled; /* -D^-1 U^T, likewise; both [rk_ease_padded(n) x RK_EASE_TILE] */
	float *pivot;  /* -D^-1, a panel; [RK_EASE_TILE x RK_EASE_TILE] */
	size_t step;   /* k */
} RkEase;

/* rk_ease_padded is n rounded up to whole small tiles. */
static inline size_t
rk_ease_padded(size_t n)
{
	return (n + RK_TILE - 1) / RK_TILE * RK_TILE;
}

/* rk_ease_column is where column of small tiles p begins. */
static inline size_t
rk_ease_column(size_t n, size_t p)
{
	return RK_TILE * p * rk_ease_padded(n) - RK_TILE * RK_TILE / 2 * p * (p - (p > 0));
}

/* rk_ease_at is where the element of row i and column j <= i is. */
static inline size_t
rk_ease_at(size_t n, size_t i, size_t j)
{
	return rk_ease_column(n, j / RK_TILE) + (i - j / RK_TILE * RK_TILE) * RK_TILE + j % RK_TILE;
}

/* rk_ease_floats is the size of the matrix. */
static inline size_t
rk_ease_floats(size_t n)
{
	return rk_ease_column(n, rk_ease_padded(n) / RK_TILE);
}

/* rk_ease_tiles is the number of steps, and of ranges of each. */
static inline size_t
rk_ease_tiles(size_t n)
{
	return (n + RK_EASE_TILE - 1) / RK_EASE_TILE;
}

/* rk_ease_gram_scratch_bytes is the scratch of rk_ease_gram_range. */
extern size_t rk_ease_gram_scratch_bytes(size_t n_items);

/* rk_ease_gram_range writes rows first .. last - 1 of R^T R + lambda I, and after the last item those from n on; weights are values. */
extern RkStatus rk_ease_gram_range(const RkCsr *by_item, const RkCsr *by_user, double lambda, size_t first,
								   size_t last, float *matrix, void *scratch, const RkPoll *poll);

/* rk_ease_pivot inverts the pivot block of the step; scratch is that of rk_ease_pivot_scratch_bytes. */
extern size_t rk_ease_pivot_scratch_bytes(void);
extern RkStatus rk_ease_pivot(const RkEase *ease, void *scratch);

/* rk_ease_panel_range writes panel and scaled of row of tiles "tile". */
extern RkStatus rk_ease_panel_range(const RkEase *ease, size_t tile, const RkPoll *poll);

/* rk_ease_update_range does the step's work on row of tiles "tile", after all panels are there. */
extern RkStatus rk_ease_update_range(const RkEase *ease, size_t tile, const RkPoll *poll);

/* rk_ease_rows_range keeps the greatest entries of rows first .. last - 1 of B; scratch is that of rk_ease_rows_scratch_bytes. */
extern size_t rk_ease_rows_scratch_bytes(size_t n);
extern RkStatus rk_ease_rows_range(const RkEase *ease, size_t first, size_t last, const RkSlots *slots,
								   void *scratch, const RkPoll *poll);

/* RkEaseDual is a dense problem of fewer users than items; it owns nothing. */
typedef struct RkEaseDual
{
	RkEase
		inverse; /* the sweep of R R^T + lambda I, by rk_ease_gram_range with items and users exchanged; n: the number of users */
	RkCsr by_item;    /* [n_items x n_users], weights are values */
	double *diagonal; /* [n_items], 1 + r_i^T A r_i */
} RkEaseDual;

/* rk_ease_dual_diagonal_range writes diagonal[first .. last - 1], after all steps. */
extern RkStatus rk_ease_dual_diagonal_range(const RkEaseDual *dual, size_t first, size_t last,
											const RkPoll *poll);

/* rk_ease_dual_rows_range keeps the greatest entries of rows first .. last - 1 of B, after all of the diagonal. */
extern size_t rk_ease_dual_rows_scratch_bytes(size_t n_users, size_t n_items);
extern RkStatus rk_ease_dual_rows_range(const RkEaseDual *dual, size_t first, size_t last,
										const RkSlots *slots, void *scratch, const RkPoll *poll);

/* RkEaseLocal is a local problem. */
typedef struct RkEaseLocal
{
	RkCsr by_item; /* [n_items x n_users], weights are values */
	RkCsr by_user;
	double lambda;
	RkSlots near; /* the nearest of each item; the weights become the entries of column i of B */
} RkEaseLocal;

/* rk_ease_local_scratch_bytes is the scratch of rk_ease_local_range. */
extern size_t rk_ease_local_scratch_bytes(const RkEaseLocal *local);

/* rk_ease_local_range replaces the weights of slots first .. last - 1 by regressions. */
extern RkStatus rk_ease_local_range(const RkEaseLocal *local, size_t first, size_t last, void *scratch,
									const RkPoll *poll);

#endif /* RK_EASE_H */
