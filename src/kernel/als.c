/*
 * als.c
 *	  Exact alternating least squares, in pieces that processes can share.
 *
 * The Fortran routines read a row-major array as its transpose.  So the panel
 * of a row's entries, [n x ld] here, is a matrix of ld x n there: its product
 * with its transpose is the d x d matrix of the primal form ("N") and the other
 * way round the n x n one of the dual form ("T").  Symmetric matrices are their
 * own transposes and use the lower triangle there, the upper one here.
 *
 * All that BLAS reads or writes of a row's system lies in the scratch, aligned
 * and with strides that depend on d and n alone, because OpenBLAS may take
 * another path, and round otherwise, where alignment differs.
 */
#include "als.h"

#include <math.h>

#include "blas.h"
#include "rng.h"
#include "simd.h"
#include "solve.h"

/* Entries of a row that are gathered at once in primal form. */
#define RK_ALS_BLOCK 256

/* Columns that are multiplied at once in dual form. */
#define RK_ALS_DEPTH 512

/* Strides are multiples of this many elements, 64 bytes of float. */
#define RK_ALS_PAD 16

/* Rows of factors that are converted at once for a Gram matrix. */
#define RK_GRAM_BLOCK 256

/* Above this bound of the condition number a row is solved in double. */
#define RK_ALS_MAX_CONDITION 1e4

/* RkAlsRow is the system of one row, and the scratch laid out. */
typedef struct RkAlsRow
{
	const RkAlsSide *side;
	const RkAlsOther *other;
	const RkPoll *poll;
	double work;       /* since the last question to the poll */
	size_t columns;    /* d, and one more with bias */
	size_t ld;         /* columns rounded up */
	size_t first;      /* the row's first entry */
	size_t n;          /* and how many there are */
	double lambda;     /* lambda_u */
	double start_loss; /* of x0 without the entries */
	double loss;       /* of the solution */
	double *diagonal;  /* [ld], D */
	double *start;     /* [ld], x0 */
	double *solution;  /* [ld], x */
	void *scale;       /* [ld], of the precision in use, as below */
	void *rhs;         /* [2 max(ld, RK_ALS_BLOCK)] */
	void *panel;       /* [max(ld, RK_ALS_BLOCK) x ld] */
	void *matrix;      /* [ld x ld] */
} RkAlsRow;

typedef RkFloat4 RkVector_float;
typedef RkDouble4 RkVector_double;

/* rk_row_factor is y of an entry, [d]. */
RK_INLINE const float *
rk_row_factor(const RkAlsRow *row, size_t entry)
{
	return row->other->factor + (size_t) row->side->rows.index[entry] * row->side->d;
}

/* rk_row_residual is t - y.x0 of an entry, after mean and bias. */
RK_INLINE double
rk_row_residual(const RkAlsRow *row, size_t entry)
{
	const RkAlsSide *side = row->side;
	double residual = (double) side->rows.target[entry];

	if (side->bias)
		residual -= side->mean;
	if (side->bias && row->other->bias != NULL)
		residual -= (double) row->other->bias[side->rows.index[entry]];
	if (side->prior != NULL)
		residual -= rk_dot(row->start, rk_row_factor(row, entry), side->d);
	return residual;
}

#define RK_REAL float
#define RK_NAME(name) name##_float
#define RK_SYRK ssyrk_
#define RK_GEMV sgemv_
#define RK_POTRF spotrf_
#define RK_TRSV strsv_
#include "als_system.inc"
#undef RK_REAL
#undef RK_NAME
#undef RK_SYRK
#undef RK_GEMV
#undef RK_POTRF
#undef RK_TRSV

#define RK_REAL double
#define RK_NAME(name) name##_double
#define RK_SYRK dsyrk_
#define RK_GEMV dgemv_
#define RK_POTRF dpotrf_
#define RK_TRSV dtrsv_
#include "als_system.inc"
#undef RK_REAL
#undef RK_NAME
#undef RK_SYRK
#undef RK_GEMV
#undef RK_POTRF
#undef RK_TRSV

double
rk_als_lambda(const RkAlsSide *side, size_t n)
{
	return side->lambda * pow((double) n + side->alpha0 * (double) side->n_other, side->nu);
}

void
rk_als_init_row(uint64_t seed, uint64_t key_hash, size_t d, float *row)
{
	rk_normal_fill(rk_hash_mix(seed, key_hash), (float) (0.1 / sqrt((double) d)), d, row);
}

size_t
rk_gram_scratch_bytes(size_t d)
{
	return rk_scratch_bytes(RK_GRAM_BLOCK * rk_round_up(d, RK_ALS_PAD), sizeof(double)) +
		   rk_scratch_bytes(d * rk_round_up(d, RK_ALS_PAD), sizeof(double));
}

/* rk_gram_convert widens rows of factor [n x d] into panel, rows ld apart. */
RK_CLONES static void
rk_gram_convert(const float *factor, size_t n_rows, size_t d, size_t ld, double *panel)
{
	for (size_t r = 0; r < n_rows; r++)
		for (size_t k = 0; k < d; k++)
			panel[r * ld + k] = (double) factor[r * d + k];
}

RkStatus
rk_gram_range(const float *factor, size_t first, size_t last, size_t d, double *gram, void *scratch,
			  const RkPoll *poll)
{
	const double unit = 1.0;
	const double zero = 0.0;
	size_t ld = rk_round_up(d, RK_ALS_PAD);
	char *cursor = scratch;
	double *panel = rk_scratch_take(&cursor, RK_GRAM_BLOCK * ld, sizeof(double));
	double *sum = rk_scratch_take(&cursor, d * ld, sizeof(double));
	RkBlasInt n = (RkBlasInt) d;
	RkBlasInt lda = (RkBlasInt) ld;
	double work = 0.0;

	for (size_t row = first; row < last; row += RK_GRAM_BLOCK)
	{
		size_t n_rows = rk_min(last - row, RK_GRAM_BLOCK);
		RkBlasInt depth = (RkBlasInt) n_rows;

		rk_gram_convert(factor + row * d, n_rows, d, ld, panel);
		dsyrk_("L", "N", &n, &depth, &unit, panel, &lda, row == first ? &zero : &unit, sum, &lda, 1, 1);
		if (rk_poll_after(poll, &work, (double) n_rows * (double) d * (double) d))
			return RK_CANCELLED;
	}
	for (size_t i = 0; first < last && i < d; i++)
		for (size_t k = i; k < d; k++)
			gram[i * d + k] += sum[i * ld + k];
	return RK_OK;
}

void
rk_gram_add(size_t d, const double *slab, double *gram)
{
	for (size_t i = 0; i < d; i++)
		for (size_t k = i; k < d; k++)
			gram[i * d + k] += slab[i * d + k];
}

void
rk_gram_mirror(size_t d, double *gram)
{
	for (size_t i = 0; i < d; i++)
		for (size_t k = i + 1; k < d; k++)
			gram[k * d + i] = gram[i * d + k];
}

size_t
rk_rotate_scratch_bytes(size_t d)
{
	return 2 * rk_scratch_bytes(RK_ROTATE_BLOCK * d, sizeof(float)) + rk_scratch_bytes(d * d, sizeof(float));
}

RkStatus
rk_rotate_range(float *factor, size_t first, size_t last, size_t d, const float *vector, void *scratch,
				const RkPoll *poll)
{
	const float unit = 1.0f;
	const float zero = 0.0f;
	char *cursor = scratch;
	float *before = rk_scratch_take(&cursor, RK_ROTATE_BLOCK * d, sizeof(float));
	float *after = rk_scratch_take(&cursor, RK_ROTATE_BLOCK * d, sizeof(float));
	float *aligned = rk_scratch_take(&cursor, d * d, sizeof(float));
	RkBlasInt n = (RkBlasInt) d;
	double work = 0.0;

	memcpy(aligned, vector, d * d * sizeof(float));
	for (size_t row = first; row < last; row += RK_ROTATE_BLOCK)
	{
		size_t n_rows = rk_min(last - row, RK_ROTATE_BLOCK);
		RkBlasInt block = (RkBlasInt) n_rows;

		memcpy(before, factor + row * d, n_rows * d * sizeof(float));
		sgemm_("T", "N", &n, &block, &n, &unit, aligned, &n, before, &n, &zero, after, &n, 1, 1);
		memcpy(factor + row * d, after, n_rows * d * sizeof(float));
		if (rk_poll_after(poll, &work, (double) n_rows * (double) d * (double) d))
			return RK_CANCELLED;
	}
	return RK_OK;
}

size_t
rk_als_scratch_bytes(size_t d)
{
	size_t ld = rk_round_up(d + 1, RK_ALS_PAD);
	size_t rows = rk_max(ld, RK_ALS_BLOCK);

	return 4 * rk_scratch_bytes(ld, sizeof(double)) + rk_scratch_bytes(2 * rows, sizeof(double)) +
		   rk_scratch_bytes(rows * ld, sizeof(double)) + rk_scratch_bytes(ld * ld, sizeof(double));
}

/* rk_row_layout cuts the scratch. */
static void
rk_row_layout(RkAlsRow *row, const RkAlsSide *side, void *scratch)
{
	char *cursor = scratch;
	size_t rows;

	row->columns = side->bias ? side->d + 1 : side->d;
	row->ld = rk_round_up(row->columns, RK_ALS_PAD);
	rows = rk_max(row->ld, RK_ALS_BLOCK);
	row->diagonal = rk_scratch_take(&cursor, row->ld, sizeof(double));
	row->start = rk_scratch_take(&cursor, row->ld, sizeof(double));
	row->solution = rk_scratch_take(&cursor, row->ld, sizeof(double));
	row->scale = rk_scratch_take(&cursor, row->ld, sizeof(double));
	row->rhs = rk_scratch_take(&cursor, 2 * rows, sizeof(double));
	row->panel = rk_scratch_take(&cursor, rows * row->ld, sizeof(double));
	row->matrix = rk_scratch_take(&cursor, row->ld * row->ld, sizeof(double));
}

/*
 * rk_row_begin fills D, x0 = lambda_u D^-1 p and the loss of x0, which is the
 * sum of lambda_u p_k^2 alpha0 Lambda_k / D_k.
 */
static void
rk_row_begin(RkAlsRow *row, size_t index)
{
	const RkAlsSide *side = row->side;
	const float *prior = side->prior != NULL ? side->prior + index * side->d : NULL;

	row->first = (size_t) side->rows.offset[index];
	row->n = rk_csr_count(&side->rows, index);
	row->lambda = rk_als_lambda(side, row->n);
	row->start_loss = 0.0;
	for (size_t k = 0; k < row->columns; k++)
	{
		double mass = k < side->d ? side->alpha0 * row->other->eigenvalue[k] : 0.0;
		double mean = k < side->d && prior != NULL ? (double) prior[k] : 0.0;

		row->diagonal[k] = mass + row->lambda;
		row->start[k] = row->lambda * mean / row->diagonal[k];
		row->start_loss += row->lambda * mean * mean * mass / row->diagonal[k];
	}
}

/* rk_row_judge sets *hard if the row needs double precision (see als.h). */
static RkStatus
rk_row_judge(RkAlsRow *row, bool *hard)
{
	const RkAlsSide *side = row->side;
	double extra = side->bias ? 1.0 : 0.0;
	double highest = side->d > 0 ? side->alpha0 * row->other->eigenvalue[0] : 0.0;
	double lowest = side->d > 0 && !side->bias ? side->alpha0 * row->other->eigenvalue[side->d - 1] : 0.0;
	double limit = RK_ALS_MAX_CONDITION * (row->lambda + lowest);
	double greatest = row->lambda + highest;

	for (size_t j = row->first; j < row->first + row->n && greatest <= limit; j++)
	{
		const float *y = rk_row_factor(row, j);

		greatest += (double) side->rows.weight[j] * (rk_dot_ff(y, y, side->d) + extra);
		if (rk_poll_after(row->poll, &row->work, 4.0 * (double) side->d))
			return RK_CANCELLED;
	}
	*hard = !(greatest <= limit);
	return RK_OK;
}

/* rk_row_run solves a row in float32 if that is safe and works, else in double. */
static RkStatus
rk_row_run(RkAlsRow *row)
{
	bool hard = true;
	RkStatus status = rk_row_judge(row, &hard);

	if (status == RK_OK && !hard)
		status = rk_row_solve_float(row);
	if (status == RK_NOT_POSITIVE_DEFINITE || status == RK_NON_FINITE || (status == RK_OK && hard))
		status = rk_row_solve_double(row);
	return status;
}

RkStatus
rk_als_solve_range(const RkAlsSide *side, const RkAlsOther *other, size_t first, size_t last, float *factor,
				   float *bias, double *loss, size_t *bad_row, void *scratch, const RkPoll *poll)
{
	RkAlsRow row = {.side = side, .other = other, .poll = poll};
	double total = 0.0;

	rk_row_layout(&row, side, scratch);
	for (size_t i = first; i < last; i++)
	{
		RkStatus status;

		memset(row.solution, 0, row.ld * sizeof(double));
		if (rk_csr_count(&side->rows, i) > 0)
		{
			rk_row_begin(&row, i);
			status = rk_row_run(&row);
			if (status != RK_OK && status != RK_CANCELLED && bad_row != NULL)
				*bad_row = i;
			if (status != RK_OK)
				return status;
			total += row.loss;
		}
		for (size_t k = 0; k < side->d; k++)
			factor[i * side->d + k] = (float) row.solution[k];
		if (side->bias && bias != NULL)
			bias[i] = (float) row.solution[side->d];
		if (rk_poll_after(poll, &row.work, 1024.0 + (double) row.ld * 16.0))
			return RK_CANCELLED;
	}
	if (loss != NULL)
		*loss = total;
	return RK_OK;
}

double
rk_als_ridge_range(const RkAlsSide *side, size_t first, size_t last, const float *factor, const float *bias)
{
	size_t d = side->d;
	double total = 0.0;

	for (size_t i = first; i < last; i++)
	{
		size_t n = rk_csr_count(&side->rows, i);
		double squares = 0.0;

		if (n == 0)
			continue;
		for (size_t k = 0; k < d; k++)
		{
			double mean = side->prior != NULL ? (double) side->prior[i * d + k] : 0.0;
			double distance = (double) factor[i * d + k] - mean;

			squares += distance * distance;
		}
		if (bias != NULL)
			squares += (double) bias[i] * (double) bias[i];
		total += rk_als_lambda(side, n) * squares;
	}
	return total;
}
