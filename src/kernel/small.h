/*
 * small.h
 *	  Private to learning: dense float32 algebra on the small systems of ALS.
 *
 * A general BLAS spends more on a 20 x 20 system than the system costs, so the
 * few operations that a row needs are written here on tiles of RK_TILE x RK_TILE
 * that stay in registers, with fused multiply-add where the CPU has it.
 *
 * Two layouts, for matrices with at most "order" columns, blocks = order / 16
 * rounded up:
 *
 *	- A panel of P, [depth x order], is blocks pieces of [depth x 16], one after
 *	  the other: P(k, j) is panel[(j / 16 * depth + k) * 16 + j % 16].  Columns
 *	  from order on are zeros.
 *	- A matrix M, [order x order], is a panel of depth 16 blocks: M(i, j) is
 *	  matrix[(j / 16 * 16 blocks + i) * 16 + j % 16].  Tiles above and on the
 *	  diagonal are used, those below are never touched.
 *
 * All pointers to panels, matrices and vectors are aligned to 64 bytes.  There
 * is one set of functions for each CPU generation; they round differently, so
 * what is learned depends on the CPU type (as it does with a BLAS).  Nothing that
 * serves calls them.
 */
#ifndef RK_SMALL_H
#define RK_SMALL_H

#include <stdint.h>

#include "status.h"

/* Rows and columns of a tile; vectors of a system are padded to multiples. */
#define RK_TILE 16

/*
 * rk_small_stride is the distance of rows of "columns" elements: an odd number of cache
 * lines, so that many rows at once do not compete for a few places in the cache.
 */
static inline size_t
rk_small_stride(size_t columns)
{
	return (columns + RK_TILE - 1) / RK_TILE * RK_TILE | RK_TILE;
}

/* RkGather is a run of entries of one row: what is gathered, and how it is scaled. */
typedef struct RkGather
{
	const float *factor;   /* [any x d], y */
	size_t d;              /* columns of factor */
	size_t columns;        /* d, or d + 1: the last is 1 in every y */
	const uint32_t *index; /* [n], rows of factor */
	size_t n;
	size_t ahead;        /* index has this many valid elements, >= n */
	const float *weight; /* [n], w */
	const float *root;   /* [n], sqrt(w) */
} RkGather;

/* RkSmall is the set of functions for one CPU generation. */
typedef struct RkSmall
{
	const char *name;

	/* scale writes 1 / sqrt(mass_k + lambda), both [n], n rounded up to 16. */
	void (*scale)(const float *mass, float lambda, size_t n, float *out);

	/* roots writes root_j = sqrt(weight_j) and rhs_j = root_j target_j, [n rounded up to 16]. */
	void (*roots)(const float *weight, const float *target, size_t n, float *root, float *rhs);

	/*
	 * gather_dual writes rows Z [n x columns], rk_small_stride(columns) apart and padded with zeros
	 * to a multiple of 16, z_jk = y_jk scale_k root_j, and rows of zeros up to a multiple of 4.  It
	 * returns the sum of w_j |y_j|^2.  dots writes row "block" of tiles of Z Z^T, of order n.
	 * collect writes scale_k times the sum of coefficient_j z_jk, [columns rounded up to 16].
	 *
	 * start writes the prior mean p [d] as Z meets it, v_k = lambda p_k scale_k, with zeros up to the next multiple of
	 * 16 of columns, and returns the sum of mass_k v_k^2 / lambda; against subtracts Z v from rhs, [n rounded up to 4].
	 */
	double (*gather_dual)(const RkGather *gather, const float *scale, float *rows);
	void (*dots)(const float *rows, size_t columns, size_t order, size_t block, float *matrix);
	void (*collect)(const float *rows, size_t columns, size_t n, const float *coefficient, const float *scale,
					float *out);
	double (*start)(const float *prior, const float *mass, const float *scale, float lambda, size_t d,
					size_t columns, float *v);
	void (*against)(const float *rows, size_t columns, size_t n, const float *v, float *rhs);

	/*
	 * gather_primal writes the panel with P(j, k) = y_jk root_j, of depth n and order
	 * "columns".  project adds the sum of coefficient_j P(j, k) to sum, [order rounded up to
	 * 16].  product writes row "block" of tiles of P^T P, or adds it if add.
	 */
	void (*gather_primal)(const RkGather *gather, float *panel);
	void (*project)(const float *panel, size_t depth, size_t order, const float *coefficient, float *sum);
	void (*product)(const float *panel, size_t depth, size_t order, size_t block, bool add, float *matrix);

	/* combine writes the sum of coefficient_j y_j, [columns rounded up to 16]. */
	void (*combine)(const RkGather *gather, const float *coefficient, float *out);

	/*
	 * factor turns row "block" of tiles of M into those of U, M = U^T U, rows
	 * before it being done, and elements of rhs (padded) into those of z, U^T z = rhs;
	 * inverse becomes 1 / U_ii, padded.  False if a pivot is not > 0.
	 */
	bool (*factor)(float *matrix, size_t order, size_t block, float *rhs, float *inverse);

	/* back replaces z, padded with zeros, by the solution c of U c = z. */
	void (*back)(const float *matrix, size_t order, const float *inverse, float *z);

	/*
	 * pack writes the panel, of depth n and order d, of rows [n x d]; pack_turned that of their transpose,
	 * of depth d and order n.  tile writes the first n_rows rows, rounded up to 4, of the tile A^T B, or
	 * adds them if add, A and B being pieces of panels of equal depth.
	 */
	void (*pack)(const float *rows, size_t n, size_t d, float *panel);
	void (*pack_turned)(const float *rows, size_t n, size_t d, float *panel);
	void (*tile)(const float *a, const float *b, size_t depth, float *c, size_t n_rows, bool add);
} RkSmall;

/* rk_small_best gives the set for this CPU; the same one on every call. */
extern const RkSmall *rk_small_best(void);

/* rk_small_variant gives the sets that this CPU can run, from the best on; NULL after the last. */
extern const RkSmall *rk_small_variant(size_t which);

#endif /* RK_SMALL_H */
