/*
 * als_row.h
 *	  Private to als*.c: the system of one row of ALS, and what is done in double.
 */
#ifndef RK_ALS_ROW_H
#define RK_ALS_ROW_H

#include "als.h"
#include "simd.h"
#include "small.h"
#include "solve.h"

/* Entries of a row that are gathered at once in primal form. */
#define RK_ALS_BLOCK 256

/* Strides are multiples of this many elements, 64 bytes of float. */
#define RK_ALS_PAD RK_TILE

/* Above this bound of the condition number a row is solved in double. */
#define RK_ALS_MAX_CONDITION 1e4

/* How many lambda_u are remembered, a power of 2. */
#define RK_ALS_LAMBDAS 64

/* RkAlsRow is the system of one row, and the scratch laid out. */
typedef struct RkAlsRow
{
	const RkAlsSide *side;
	const RkAlsOther *other;
	const RkSmall *small;
	const RkPoll *poll;
	double work;    /* since the last question to the poll */
	size_t columns; /* d, and one more with bias */
	size_t ld;      /* columns rounded up */
	size_t index;   /* the row */
	size_t first;   /* its first entry */
	size_t n;       /* and how many there are */
	double lambda;  /* lambda_u */
	size_t known_n
		[RK_ALS_LAMBDAS]; /* numbers of entries + 1 for which lambda_u is known, by n mod RK_ALS_LAMBDAS */
	double known_lambda[RK_ALS_LAMBDAS];
	double highest;    /* alpha0 Lambda_max */
	double lowest;     /* alpha0 Lambda_min, 0 with bias */
	double start_loss; /* of x0 without the entries */
	double loss;       /* of the solution */
	float *solution;   /* [ld], x */
	float *mass;       /* [ld], alpha0 Lambda, then zeros */
	double *diagonal;  /* [ld], D, by rk_row_start */
	void *start;       /* [ld], x0 by rk_row_start; in float32 v of small.h */
	void *scale;       /* [ld], of the precision in use, as below */
	void *rhs;         /* [max(ld, RK_ALS_BLOCK)] */
	void *vector;      /* [max(ld, RK_ALS_BLOCK)] */
	void *panel;       /* [max(ld, RK_ALS_BLOCK) x ld] */
	void *matrix;      /* [ld x ld] */
	float *root;       /* [max(ld, RK_ALS_BLOCK)] */
	float *inverse;    /* [ld] */
	size_t scaled;     /* the n for which the float scale is there, or 0 */
} RkAlsRow;

/* rk_row_factor is y of an entry, [d]. */
static inline const float *
rk_row_factor(const RkAlsRow *row, size_t entry)
{
	return row->other->factor + (size_t) row->side->rows.index[entry] * row->side->d;
}

/* rk_row_target is t of an entry, after mean and bias. */
static inline double
rk_row_target(const RkAlsRow *row, size_t entry)
{
	const RkAlsSide *side = row->side;
	double target = (double) side->rows.target[entry];

	if (side->bias)
		target -= side->mean;
	if (side->bias && row->other->bias != NULL)
		target -= (double) row->other->bias[side->rows.index[entry]];
	return target;
}

/* rk_row_prior is p of the row that is solved, or NULL. */
static inline const float *
rk_row_prior(const RkAlsRow *row)
{
	return row->side->prior != NULL ? row->side->prior + row->index * row->side->d : NULL;
}

/*
 * rk_row_solve_float and rk_row_solve_double solve one row into solution and
 * loss.  The first gives RK_NOT_POSITIVE_DEFINITE if the row needs double
 * precision (see als.h); the second reads what rk_row_start filled.
 */
extern RkStatus rk_row_solve_float(RkAlsRow *row);
extern RkStatus rk_row_solve_double(RkAlsRow *row);

/* rk_gram_wide is rk_gram_range if wide. */
extern size_t rk_gram_wide_scratch_bytes(size_t d);
extern RkStatus rk_gram_wide(const float *factor, size_t first, size_t last, size_t d, double *gram,
							 void *scratch, const RkPoll *poll);

#endif /* RK_ALS_ROW_H */
