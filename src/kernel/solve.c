/*
 * solve.c
 *	  The fold-in system of one user, in double precision and without BLAS.
 *
 * Both forms are one computation: a matrix C is the sum of p p^T over the rows
 * p of a panel P, plus a diagonal.  In primal form the rows of P are
 * sqrt(w_j) y_j and the diagonal is D; in dual form row k of P is column k of
 * S Y D^-1/2 and the diagonal is 1.  The Cholesky factor U^T U = C is left-looking:
 * row i of U is row i of C minus the sum of p p^T over the rows of U above it,
 * so the same tile of 4 x 8 serves twice.
 *
 * Each element of C and of U is a sum in ascending row order of P, whatever the
 * tiles and chunks: these are only the order in which memory is walked.  Row
 * strides are odd multiples of 64 bytes, so that a column of tiles does not
 * fall into one set of the cache.
 *
 * Tiles on the diagonal also write below it; nothing reads that.
 */
#include "solve.h"

#include <math.h>
#include <stdint.h>

#include "simd.h"

/* Rows of the panel P that are held at once. */
#define RK_FOLD_CHUNK 64

/* Rows and columns of a tile. */
#define RK_TILE_ROWS 4
#define RK_TILE_COLUMNS 8

/* Vectors in a row of a tile, and numbers in a vector. */
#define RK_TILE_LANES (RK_TILE_BYTES / (int) sizeof(double))
#define RK_TILE_VECTORS (RK_TILE_COLUMNS / RK_TILE_LANES)

/* rk_lanes_sum adds 16 lanes in the order that solve.h states. */
RK_INLINE double
rk_lanes_sum(const RkDouble4 *lane)
{
	RkDouble4 four = (lane[0] + lane[2]) + (lane[1] + lane[3]);

	return (four[0] + four[2]) + (four[1] + four[3]);
}

/* rk_lanes_add_df adds 16 products of doubles and floats to the lanes. */
RK_INLINE void
rk_lanes_add_df(RkDouble4 *lane, const double *x, const float *y)
{
	for (int i = 0; i < 4; i++)
	{
		RkDouble4 a;
		RkFloat4 b;

		RK_LOAD(a, x + 4 * i);
		RK_LOAD(b, y + 4 * i);
		lane[i] += a * __builtin_convertvector(b, RkDouble4);
	}
}

/* rk_lanes_add_dd adds 16 products of doubles to the lanes. */
RK_INLINE void
rk_lanes_add_dd(RkDouble4 *lane, const double *x, const double *y)
{
	for (int i = 0; i < 4; i++)
	{
		RkDouble4 a;
		RkDouble4 b;

		RK_LOAD(a, x + 4 * i);
		RK_LOAD(b, y + 4 * i);
		lane[i] += a * b;
	}
}

/* rk_lanes_add_ff adds 16 products of widened floats to the lanes. */
RK_INLINE void
rk_lanes_add_ff(RkDouble4 *lane, const float *x, const float *y)
{
	for (int i = 0; i < 4; i++)
	{
		RkFloat4 a;
		RkFloat4 b;

		RK_LOAD(a, x + 4 * i);
		RK_LOAD(b, y + 4 * i);
		lane[i] += __builtin_convertvector(a, RkDouble4) * __builtin_convertvector(b, RkDouble4);
	}
}

/* rk_dot_inline is rk_dot; the last group is padded with zeros. */
RK_INLINE double
rk_dot_inline(const double *x, const float *y, size_t d)
{
	RkDouble4 lane[4] = {{0.0}, {0.0}, {0.0}, {0.0}};
	size_t k = 0;

	for (; k + 16 <= d; k += 16)
		rk_lanes_add_df(lane, x + k, y + k);
	if (k < d)
	{
		double x_tail[16] = {0.0};
		float y_tail[16] = {0.0f};

		memcpy(x_tail, x + k, (d - k) * sizeof(double));
		memcpy(y_tail, y + k, (d - k) * sizeof(float));
		rk_lanes_add_df(lane, x_tail, y_tail);
	}
	return rk_lanes_sum(lane);
}

/* rk_dot_dd_inline is rk_dot_dd. */
RK_INLINE double
rk_dot_dd_inline(const double *x, const double *y, size_t d)
{
	RkDouble4 lane[4] = {{0.0}, {0.0}, {0.0}, {0.0}};
	size_t k = 0;

	for (; k + 16 <= d; k += 16)
		rk_lanes_add_dd(lane, x + k, y + k);
	if (k < d)
	{
		double x_tail[16] = {0.0};
		double y_tail[16] = {0.0};

		memcpy(x_tail, x + k, (d - k) * sizeof(double));
		memcpy(y_tail, y + k, (d - k) * sizeof(double));
		rk_lanes_add_dd(lane, x_tail, y_tail);
	}
	return rk_lanes_sum(lane);
}

RK_CLONES static double
rk_dot_cloned(const double *x, const float *y, size_t d)
{
	return rk_dot_inline(x, y, d);
}

RK_CLONES static double
rk_dot_dd_cloned(const double *x, const double *y, size_t d)
{
	return rk_dot_dd_inline(x, y, d);
}

RK_CLONES static double
rk_dot_ff_cloned(const float *x, const float *y, size_t d)
{
	RkDouble4 lane[4] = {{0.0}, {0.0}, {0.0}, {0.0}};
	size_t k = 0;

	for (; k + 16 <= d; k += 16)
		rk_lanes_add_ff(lane, x + k, y + k);
	if (k < d)
	{
		float x_tail[16] = {0.0f};
		float y_tail[16] = {0.0f};

		memcpy(x_tail, x + k, (d - k) * sizeof(float));
		memcpy(y_tail, y + k, (d - k) * sizeof(float));
		rk_lanes_add_ff(lane, x_tail, y_tail);
	}
	return rk_lanes_sum(lane);
}

double
rk_dot(const double *x, const float *y, size_t d)
{
	return rk_dot_cloned(x, y, d);
}

double
rk_dot_dd(const double *x, const double *y, size_t d)
{
	return rk_dot_dd_cloned(x, y, d);
}

double
rk_dot_ff(const float *x, const float *y, size_t d)
{
	return rk_dot_ff_cloned(x, y, d);
}

/* rk_axpy_df adds a y to x; both [d], y widened. */
RK_INLINE void
rk_axpy_df(double a, const float *y, double *x, size_t d)
{
	size_t k = 0;

	for (; k + 4 <= d; k += 4)
	{
		RkFloat4 b;
		RkDouble4 c;

		RK_LOAD(b, y + k);
		RK_LOAD(c, x + k);
		c += a * __builtin_convertvector(b, RkDouble4);
		RK_STORE(x + k, c);
	}
	for (; k < d; k++)
		x[k] += a * (double) y[k];
}

/* rk_axpy_minus subtracts a y from x; both [d]. */
RK_INLINE void
rk_axpy_minus(double a, const double *y, double *x, size_t d)
{
	size_t k = 0;

	for (; k + 4 <= d; k += 4)
	{
		RkDouble4 b;
		RkDouble4 c;

		RK_LOAD(b, y + k);
		RK_LOAD(c, x + k);
		c -= a * b;
		RK_STORE(x + k, c);
	}
	for (; k < d; k++)
		x[k] -= a * y[k];
}

/*
 * rk_tile_update sets a tile of 4 x 8 of C to that of "from", which may be the same, plus (or minus) the
 * products p[a] p[b] over the rows p of a panel, in row order.  left and right point at
 * the tile's rows and columns in the first row of the panel.
 */
RK_INLINE void
rk_tile_update(const double *from, double *c, size_t ldc, const double *left, const double *right, size_t ldp,
			   size_t n_rows, bool subtract)
{
	RkTileLanes sum[RK_TILE_ROWS][RK_TILE_VECTORS];

	for (int a = 0; a < RK_TILE_ROWS; a++)
		for (int b = 0; b < RK_TILE_VECTORS; b++)
			RK_LOAD(sum[a][b], from + (size_t) a * ldc + RK_TILE_LANES * b);
	for (size_t r = 0; r < n_rows; r++)
		for (int b = 0; b < RK_TILE_VECTORS; b++)
		{
			RkTileLanes lanes;

			RK_LOAD(lanes, right + r * ldp + RK_TILE_LANES * b);
			for (int a = 0; a < RK_TILE_ROWS; a++)
			{
				double p = left[r * ldp + (size_t) a];

				sum[a][b] = subtract ? sum[a][b] - p * lanes : sum[a][b] + p * lanes;
			}
		}
	for (int a = 0; a < RK_TILE_ROWS; a++)
		for (int b = 0; b < RK_TILE_VECTORS; b++)
			RK_STORE(c + (size_t) a * ldc + RK_TILE_LANES * b, sum[a][b]);
}

/* rk_panel_add adds P^T P to the upper triangle of C, P is [n_rows x ld]. */
RK_CLONES static void
rk_panel_add(double *c, size_t order, size_t ld, const double *panel, size_t n_rows)
{
	for (size_t i = 0; i < order; i += RK_TILE_ROWS)
		for (size_t j = i / RK_TILE_COLUMNS * RK_TILE_COLUMNS; j < order; j += RK_TILE_COLUMNS)
			rk_tile_update(c + i * ld + j, c + i * ld + j, ld, panel + i, panel + j, ld, n_rows, false);
}

/*
 * rk_cholesky_rows computes up to four rows of U from first on, those of C being in "from".  Returns false
 * if a pivot is not positive.
 */
RK_CLONES static bool
rk_cholesky_rows(const double *from, double *c, size_t order, size_t ld, size_t first)
{
	size_t last = rk_min(first + RK_TILE_ROWS, order);

	for (size_t j = first / RK_TILE_COLUMNS * RK_TILE_COLUMNS; j < order; j += RK_TILE_COLUMNS)
		rk_tile_update(from + first * ld + j, c + first * ld + j, ld, c + first, c + j, ld, first, true);

	for (size_t i = first; i < last; i++)
	{
		double *row = c + i * ld;
		double inverse;

		if (!(row[i] > 0.0))
			return false;
		row[i] = sqrt(row[i]);
		inverse = 1.0 / row[i];
		for (size_t j = i + 1; j < order; j++)
			row[j] *= inverse;
		for (size_t below = i + 1; below < last; below++)
			rk_axpy_minus(row[below], row + below, c + below * ld + below, order - below);
	}
	return true;
}

/* rk_cholesky_of is rk_cholesky of a matrix that is left as it is, or is c itself. */
static RkStatus
rk_cholesky_of(const double *from, double *c, size_t order, size_t ld, const RkPoll *poll)
{
	double work = 0.0;

	for (size_t i = 0; i < order; i++)
		if (!isfinite(from[i * ld + i]))
			return RK_NON_FINITE;
	for (size_t i = 0; i < order; i += RK_TILE_ROWS)
	{
		if (!rk_cholesky_rows(from, c, order, ld, i))
			return RK_NOT_POSITIVE_DEFINITE;
		if (rk_poll_after(poll, &work, 8.0 * (double) i * (double) (order - i)))
			return RK_CANCELLED;
	}
	return RK_OK;
}

RkStatus
rk_cholesky(double *c, size_t order, size_t ld, const RkPoll *poll)
{
	return rk_cholesky_of(c, c, order, ld, poll);
}

/* rk_solve_lower replaces b by U^-T b. */
RK_CLONES static void
rk_solve_lower(const double *u, size_t order, size_t ld, double *b)
{
	for (size_t i = 0; i < order; i++)
	{
		b[i] /= u[i * ld + i];
		rk_axpy_minus(b[i], u + i * ld + i + 1, b + i + 1, order - i - 1);
	}
}

/* rk_solve_upper replaces b by U^-1 b. */
RK_CLONES static void
rk_solve_upper(const double *u, size_t order, size_t ld, double *b)
{
	for (size_t i = order; i-- > 0;)
	{
		double dot = rk_dot_dd_inline(u + i * ld + i + 1, b + i + 1, order - i - 1);

		b[i] = (b[i] - dot) / u[i * ld + i];
	}
}

/* rk_rows_combine sets out [d] to sum_j a_j y_j, in row order. */
RK_CLONES static void
rk_rows_combine(const RkFoldSystem *system, const double *a, double *out)
{
	memset(out, 0, system->d * sizeof(double));
	for (size_t j = 0; j < system->n; j++)
		rk_axpy_df(a[j], system->factor + j * system->stride, out, system->d);
}

/* rk_rows_dot sets out [n] to Y x. */
RK_CLONES static void
rk_rows_dot(const RkFoldSystem *system, const double *x, double *out)
{
	for (size_t j = 0; j < system->n; j++)
		out[j] = rk_dot_inline(x, system->factor + j * system->stride, system->d);
}

void
rk_fold_predict(const RkFold *fold, const double *x, double *predicted)
{
	rk_rows_dot(&fold->system, x, predicted);
}

/* rk_panel_dual fills rows first .. first + n_rows - 1 of (S Y D^-1/2)^T. */
static void
rk_panel_dual(const RkFold *fold, size_t first, size_t n_rows, double *panel)
{
	const RkFoldSystem *system = &fold->system;

	double scale[RK_FOLD_CHUNK];

	for (size_t r = 0; r < n_rows; r++)
		scale[r] = sqrt(fold->inverse[first + r]);
	for (size_t j = 0; j < system->n; j++)
	{
		const float *row = system->factor + j * system->stride + first;

		for (size_t r = 0; r < n_rows; r++)
			panel[r * fold->ld + j] = fold->root[j] * scale[r] * (double) row[r];
	}
}

/* rk_panel_primal fills rows first .. first + n_rows - 1 of S Y. */
static void
rk_panel_primal(const RkFold *fold, size_t first, size_t n_rows, double *panel)
{
	const RkFoldSystem *system = &fold->system;

	for (size_t r = 0; r < n_rows; r++)
	{
		const float *y = system->factor + (first + r) * system->stride;
		double root = fold->root[first + r];
		double *row = panel + r * fold->ld;

		for (size_t k = 0; k < system->d; k++)
			row[k] = root * (double) y[k];
	}
}

/* rk_fold_assemble fills the upper triangle of M or A, the sums. */
static RkStatus
rk_fold_assemble(RkFold *fold, double *panel, const RkPoll *poll)
{
	size_t n_rows = fold->dual ? fold->system.d : fold->system.n;
	size_t order = fold->order;
	double work = 0.0;

	memset(fold->sums, 0, rk_round_up(order, RK_TILE_ROWS) * fold->ld * sizeof(double));
	memset(panel, 0, rk_min(n_rows, RK_FOLD_CHUNK) * fold->ld * sizeof(double));
	for (size_t first = 0; first < n_rows; first += RK_FOLD_CHUNK)
	{
		size_t chunk = rk_min(n_rows - first, RK_FOLD_CHUNK);

		(fold->dual ? rk_panel_dual : rk_panel_primal)(fold, first, chunk, panel);
		rk_panel_add(fold->sums, order, fold->ld, panel, chunk);
		if (rk_poll_after(poll, &work, (double) chunk * (double) order * (double) order))
			return RK_CANCELLED;
	}
	for (size_t j = 0; j < order; j++)
	{
		fold->spread[j] = fold->sums[j * fold->ld + j];
		fold->sums[j * fold->ld + j] += fold->dual ? 1.0 : fold->system.diagonal[j];
	}
	return RK_OK;
}

size_t
rk_cholesky_stride(size_t order)
{
	size_t ld = rk_round_up(order, RK_TILE_COLUMNS);

	return ld % (2 * RK_TILE_COLUMNS) == 0 ? ld + RK_TILE_COLUMNS : ld;
}

size_t
rk_fold_scratch_bytes(size_t n, size_t d)
{
	size_t order = rk_min(n, d);
	size_t ld = rk_cholesky_stride(order);
	size_t size = sizeof(double);

	return (n < d ? 1 : 2) * rk_scratch_bytes(rk_round_up(order, RK_TILE_ROWS) * ld, size) +
		   rk_scratch_bytes(RK_FOLD_CHUNK * ld, size) + rk_scratch_bytes(n, size) +
		   rk_scratch_bytes(order, size) + rk_scratch_bytes(d, size);
}

/* rk_fold_prepare fills root and inverse, and checks the ranges of w and D. */
static RkStatus
rk_fold_prepare(RkFold *fold)
{
	const RkFoldSystem *system = &fold->system;

	for (size_t j = 0; j < system->n; j++)
	{
		if (!isfinite(system->weight[j]))
			return RK_NON_FINITE;
		if (system->weight[j] < 0.0)
			return RK_INVALID;
		fold->root[j] = sqrt(system->weight[j]);
	}
	for (size_t k = 0; k < system->d; k++)
	{
		if (!isfinite(system->diagonal[k]))
			return RK_NON_FINITE;
		if (!(system->diagonal[k] > 0.0))
			return RK_INVALID;
		fold->inverse[k] = 1.0 / system->diagonal[k];
	}
	return RK_OK;
}

/* rk_fold_place divides the scratch among the fields of a fold, and gives what is left of it. */
static char *
rk_fold_place(const RkFoldSystem *system, void *scratch, RkFold *fold)
{
	char *cursor = scratch;

	fold->system = *system;
	fold->dual = system->n < system->d;
	fold->order = rk_min(system->n, system->d);
	fold->ld = rk_cholesky_stride(fold->order);
	fold->matrix =
		rk_scratch_take(&cursor, rk_round_up(fold->order, RK_TILE_ROWS) * fold->ld, sizeof(double));
	fold->sums = fold->matrix;
	fold->root = rk_scratch_take(&cursor, system->n, sizeof(double));
	fold->spread = rk_scratch_take(&cursor, fold->order, sizeof(double));
	fold->inverse = rk_scratch_take(&cursor, system->d, sizeof(double));
	return cursor;
}

RkStatus
rk_fold_factor(const RkFoldSystem *system, void *scratch, RkFold *fold, const RkPoll *poll)
{
	char *cursor = rk_fold_place(system, scratch, fold);
	double *panel;
	RkStatus status;

	if (!fold->dual)
		fold->sums =
			rk_scratch_take(&cursor, rk_round_up(fold->order, RK_TILE_ROWS) * fold->ld, sizeof(double));
	panel = rk_scratch_take(&cursor, RK_FOLD_CHUNK * fold->ld, sizeof(double));
	status = rk_fold_prepare(fold);
	if (status == RK_OK)
		status = rk_fold_assemble(fold, panel, poll);
	if (status == RK_OK)
		status = rk_cholesky_of(fold->sums, fold->matrix, fold->order, fold->ld, poll);
	return status;
}

RkStatus
rk_fold_factor_again(const RkFold *first, const double *diagonal, void *scratch, RkFold *fold,
					 const RkPoll *poll)
{
	RkFoldSystem system = first->system;
	RkStatus status;

	system.diagonal = diagonal;
	if (first->dual)
		return rk_fold_factor(&system, scratch, fold, poll);
	(void) rk_fold_place(&system, scratch, fold);
	fold->sums = first->sums;
	fold->spread = first->spread;
	status = rk_fold_prepare(fold);
	if (status != RK_OK)
		return status;
	for (size_t k = 0; k < system.d; k++)
		fold->sums[k * fold->ld + k] = fold->spread[k] + diagonal[k];
	return rk_cholesky_of(fold->sums, fold->matrix, fold->order, fold->ld, poll);
}

/* rk_fold_apply replaces b [order] by M^-1 b or A^-1 b. */
static void
rk_fold_apply(const RkFold *fold, double *b)
{
	rk_solve_lower(fold->matrix, fold->order, fold->ld, b);
	rk_solve_upper(fold->matrix, fold->order, fold->ld, b);
}

/* rk_fold_project sets q [n] to M^-1 S Y D^-1 v, the heart of the dual form. */
static void
rk_fold_project(const RkFold *fold, const double *v, double *q, double *scaled)
{
	for (size_t k = 0; k < fold->system.d; k++)
		scaled[k] = fold->inverse[k] * v[k];
	rk_rows_dot(&fold->system, scaled, q);
	for (size_t j = 0; j < fold->system.n; j++)
		q[j] *= fold->root[j];
	rk_fold_apply(fold, q);
}

void
rk_fold_solve(const RkFold *fold, const double *v, double *z, double *tmp)
{
	size_t n = fold->system.n;
	size_t d = fold->system.d;
	double *combined = tmp + n;

	if (!fold->dual)
	{
		memmove(z, v, d * sizeof(double));
		rk_fold_apply(fold, z);
		return;
	}
	rk_fold_project(fold, v, tmp, combined);
	for (size_t j = 0; j < n; j++)
		tmp[j] *= fold->root[j];
	rk_rows_combine(&fold->system, tmp, combined);
	for (size_t k = 0; k < d; k++)
		z[k] = fold->inverse[k] * (v[k] - combined[k]);
}

void
rk_fold_user(const RkFold *fold, const double *target, const double *prior, double *x, double *tmp)
{
	size_t n = fold->system.n;
	size_t d = fold->system.d;
	double *combined = tmp + n;

	if (prior != NULL)
		rk_rows_dot(&fold->system, prior, tmp);
	for (size_t j = 0; j < n; j++)
	{
		double residual = prior != NULL ? target[j] - tmp[j] : target[j];

		tmp[j] = residual * (fold->dual ? fold->root[j] : fold->system.weight[j]);
	}
	if (fold->dual)
	{
		rk_fold_apply(fold, tmp);
		for (size_t j = 0; j < n; j++)
			tmp[j] *= fold->root[j];
	}
	rk_rows_combine(&fold->system, tmp, combined);
	if (fold->dual)
		for (size_t k = 0; k < d; k++)
			combined[k] *= fold->inverse[k];
	else
		rk_fold_apply(fold, combined);
	for (size_t k = 0; k < d; k++)
		x[k] = prior != NULL ? prior[k] + combined[k] : combined[k];
}
