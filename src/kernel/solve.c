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

/*
 * rk_solve_lower replaces b by U^-T b.  b is zero before element first, which
 * is then left alone.
 */
RK_CLONES static void
rk_solve_lower(const double *u, size_t order, size_t ld, size_t first, double *b)
{
	for (size_t i = first; i < order; i++)
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

/* rk_rows_dot_two is rk_rows_dot of two vectors, to the bit, which widens Y once. */
RK_CLONES static void
rk_rows_dot_two(const RkFoldSystem *system, const double *x, const double *z, double *of_x, double *of_z)
{
	size_t whole = system->d / 16 * 16;

	for (size_t j = 0; j < system->n; j++)
	{
		const float *y = system->factor + j * system->stride;
		RkDouble4 lane_x[4] = {{0.0}, {0.0}, {0.0}, {0.0}};
		RkDouble4 lane_z[4] = {{0.0}, {0.0}, {0.0}, {0.0}};

		for (size_t k = 0; k < whole; k += 16)
		{
			rk_lanes_add_df(lane_x, x + k, y + k);
			rk_lanes_add_df(lane_z, z + k, y + k);
		}
		if (whole < system->d)
		{
			double tail[16] = {0.0};
			float y_tail[16] = {0.0f};

			memcpy(y_tail, y + whole, (system->d - whole) * sizeof(float));
			memcpy(tail, x + whole, (system->d - whole) * sizeof(double));
			rk_lanes_add_df(lane_x, tail, y_tail);
			memcpy(tail, z + whole, (system->d - whole) * sizeof(double));
			rk_lanes_add_df(lane_z, tail, y_tail);
		}
		of_x[j] = rk_lanes_sum(lane_x);
		of_z[j] = rk_lanes_sum(lane_z);
	}
}

/* rk_panel_dual fills rows first .. first + n_rows - 1 of (S Y D^-1/2)^T. */
static void
rk_panel_dual(const RkFold *fold, size_t first, size_t n_rows, double *panel)
{
	const RkFoldSystem *system = &fold->system;

	for (size_t r = 0; r < n_rows; r++)
	{
		const float *column = system->factor + first + r;
		double scale = sqrt(fold->inverse[first + r]);
		double *row = panel + r * fold->ld;

		for (size_t j = 0; j < system->n; j++)
			row[j] = fold->root[j] * scale * (double) column[j * system->stride];
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
	if (!fold->dual)
		for (size_t k = 0; k < order; k++)
			fold->sums[k * fold->ld + k] = fold->system.diagonal[k];
	for (size_t first = 0; first < n_rows; first += RK_FOLD_CHUNK)
	{
		size_t chunk = rk_min(n_rows - first, RK_FOLD_CHUNK);

		(fold->dual ? rk_panel_dual : rk_panel_primal)(fold, first, chunk, panel);
		rk_panel_add(fold->sums, order, fold->ld, panel, chunk);
		if (rk_poll_after(poll, &work, (double) chunk * (double) order * (double) order))
			return RK_CANCELLED;
	}
	if (fold->dual)
		for (size_t j = 0; j < order; j++)
		{
			fold->gain[j] = fold->sums[j * fold->ld + j];
			fold->sums[j * fold->ld + j] += 1.0;
		}
	return RK_OK;
}

/* rk_diagonal_add adds the squares of sqrt(w_j) y_j to the diagonal [d], in row order. */
RK_CLONES static void
rk_diagonal_add(const RkFold *fold, double *diagonal)
{
	const RkFoldSystem *system = &fold->system;

	for (size_t j = 0; j < system->n; j++)
	{
		const float *y = system->factor + j * system->stride;
		double root = fold->root[j];

		for (size_t k = 0; k < system->d; k++)
		{
			double p = root * (double) y[k];

			diagonal[k] += p * p;
		}
	}
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
		   rk_scratch_bytes(RK_FOLD_CHUNK * ld, size) + 2 * rk_scratch_bytes(n, size) +
		   rk_scratch_bytes(d, size);
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
		fold->gain[j] = 0.0;
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
	fold->gain = rk_scratch_take(&cursor, system->n, sizeof(double));
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
	char *cursor;
	double *sum;
	RkStatus status;

	system.diagonal = diagonal;
	if (first->dual)
		return rk_fold_factor(&system, scratch, fold, poll);
	cursor = rk_fold_place(&system, scratch, fold);
	sum = rk_scratch_take(&cursor, system.d, sizeof(double));
	fold->sums = first->sums;
	status = rk_fold_prepare(fold);
	if (status != RK_OK)
		return status;
	memcpy(sum, diagonal, system.d * sizeof(double));
	rk_diagonal_add(fold, sum);
	for (size_t k = 0; k < system.d; k++)
		fold->sums[k * fold->ld + k] = sum[k];
	return rk_cholesky_of(fold->sums, fold->matrix, fold->order, fold->ld, poll);
}

/* rk_fold_apply replaces b [order] by M^-1 b or A^-1 b. */
static void
rk_fold_apply(const RkFold *fold, double *b)
{
	rk_solve_lower(fold->matrix, fold->order, fold->ld, 0, b);
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

/* A right-hand side of RK_FOLD_SIDES lanes: element i of all sides stands together. */
#define RK_SIDE_VECTORS (RK_FOLD_SIDES / RK_TILE_LANES)

/* rk_sides_load and rk_sides_store move element i of all sides. */
RK_INLINE void
rk_sides_load(RkTileLanes *lanes, const double *element)
{
	for (int s = 0; s < RK_SIDE_VECTORS; s++)
		RK_LOAD(lanes[s], element + s * RK_TILE_LANES);
}

RK_INLINE void
rk_sides_store(double *element, const RkTileLanes *lanes)
{
	for (int s = 0; s < RK_SIDE_VECTORS; s++)
		RK_STORE(element + s * RK_TILE_LANES, lanes[s]);
}

/* rk_sides_lower replaces b [order x sides] by U^-T b: in every lane rk_solve_lower, to the bit. */
RK_CLONES static void
rk_sides_lower(const double *u, size_t order, size_t ld, double *b)
{
	for (size_t i = 0; i < order; i++)
	{
		RkTileLanes solved[RK_SIDE_VECTORS];

		rk_sides_load(solved, b + i * RK_FOLD_SIDES);
		for (int s = 0; s < RK_SIDE_VECTORS; s++)
			solved[s] /= u[i * ld + i];
		rk_sides_store(b + i * RK_FOLD_SIDES, solved);
		for (size_t j = i + 1; j < order; j++)
		{
			RkTileLanes left[RK_SIDE_VECTORS];

			rk_sides_load(left, b + j * RK_FOLD_SIDES);
			for (int s = 0; s < RK_SIDE_VECTORS; s++)
				left[s] -= u[i * ld + j] * solved[s];
			rk_sides_store(b + j * RK_FOLD_SIDES, left);
		}
	}
}

/*
 * rk_sides_upper replaces b [order x sides] by U^-1 b.  Each element is a sum in a written order, the same in
 * every lane: in two sums of even and odd elements.
 */
RK_CLONES static void
rk_sides_upper(const double *u, size_t order, size_t ld, double *b)
{
	for (size_t i = order; i-- > 0;)
	{
		RkTileLanes sum[2][RK_SIDE_VECTORS] = {{{0.0}}};
		RkTileLanes solved[RK_SIDE_VECTORS];

		for (size_t j = i + 1; j < order; j++)
		{
			rk_sides_load(solved, b + j * RK_FOLD_SIDES);
			for (int s = 0; s < RK_SIDE_VECTORS; s++)
				sum[j % 2][s] += u[i * ld + j] * solved[s];
		}
		rk_sides_load(solved, b + i * RK_FOLD_SIDES);
		for (int s = 0; s < RK_SIDE_VECTORS; s++)
			solved[s] = (solved[s] - (sum[0][s] + sum[1][s])) / u[i * ld + i];
		rk_sides_store(b + i * RK_FOLD_SIDES, solved);
	}
}

/* rk_sides_apply replaces b [order x sides] by (U^T U)^-1 b. */
static void
rk_sides_apply(const double *u, size_t order, size_t ld, double *b)
{
	rk_sides_lower(u, order, ld, b);
	rk_sides_upper(u, order, ld, b);
}

/* rk_sides_rows sets out [n] to Y x for each of m vectors: x is [m x d], out is [m x n]. */
static void
rk_sides_rows(const RkFoldSystem *system, size_t m, const double *x, double *out)
{
	size_t s = 0;

	for (; s + 2 <= m; s += 2)
		rk_rows_dot_two(system, x + s * system->d, x + (s + 1) * system->d, out + s * system->n,
						out + (s + 1) * system->n);
	if (s < m)
		rk_rows_dot(system, x + s * system->d, out + s * system->n);
}

/* rk_influences_dual is rk_fold_influences of at most RK_FOLD_SIDES vectors in dual form. */
static void
rk_influences_dual(const RkFold *fold, size_t m, const double *v, double *influence, double *tmp)
{
	size_t n = fold->system.n;
	size_t d = fold->system.d;
	double *side = tmp;
	double *scaled = tmp + RK_FOLD_SIDES * n;

	for (size_t s = 0; s < m; s++)
		for (size_t k = 0; k < d; k++)
			scaled[s * d + k] = fold->inverse[k] * v[s * d + k];
	rk_sides_rows(&fold->system, m, scaled, influence);
	memset(side, 0, RK_FOLD_SIDES * n * sizeof(double));
	for (size_t s = 0; s < m; s++)
		for (size_t j = 0; j < n; j++)
			side[j * RK_FOLD_SIDES + s] = influence[s * n + j] * fold->root[j];
	rk_sides_apply(fold->matrix, n, fold->ld, side);
	for (size_t s = 0; s < m; s++)
		for (size_t j = 0; j < n; j++)
			influence[s * n + j] = side[j * RK_FOLD_SIDES + s] * fold->root[j];
}

/* rk_influences_primal is the same in primal form. */
static void
rk_influences_primal(const RkFold *fold, size_t m, const double *v, double *influence, double *tmp)
{
	size_t n = fold->system.n;
	size_t d = fold->system.d;
	double *side = tmp;
	double *solved = tmp + RK_FOLD_SIDES * d;

	memset(side, 0, RK_FOLD_SIDES * d * sizeof(double));
	for (size_t s = 0; s < m; s++)
		for (size_t k = 0; k < d; k++)
			side[k * RK_FOLD_SIDES + s] = v[s * d + k];
	rk_sides_apply(fold->matrix, d, fold->ld, side);
	for (size_t s = 0; s < m; s++)
		for (size_t k = 0; k < d; k++)
			solved[s * d + k] = side[k * RK_FOLD_SIDES + s];
	rk_sides_rows(&fold->system, m, solved, influence);
	for (size_t s = 0; s < m; s++)
		for (size_t j = 0; j < n; j++)
			influence[s * n + j] *= fold->system.weight[j];
}

void
rk_fold_influences(const RkFold *fold, size_t m, const double *v, double *influence, double *tmp)
{
	for (size_t first = 0; first < m; first += RK_FOLD_SIDES)
		(fold->dual ? rk_influences_dual : rk_influences_primal)(fold, rk_min(m - first, RK_FOLD_SIDES),
																 v + first * fold->system.d,
																 influence + first * fold->system.n, tmp);
}

void
rk_fold_influence(const RkFold *fold, const double *v, double *influence, double *tmp)
{
	rk_fold_influences(fold, 1, v, influence, tmp);
}

/*
 * rk_leverage_dual gives w_j h_j and 1 - w_j h_j of one row with w_j > 0 from c = U^-T e_j.
 *
 * The remainder is |c|^2, the diagonal of M^-1.  Where row j
 * is weak, w_j h_j = 1 - |c|^2 would cancel; it is also (M - I)_jj minus
 * |U^-T (M - I) e_j|^2, and U^-T (M - I) e_j = U e_j - c.
 */
static double
rk_leverage_dual(const RkFold *fold, size_t j, const double *c, double *remainder)
{
	size_t n = fold->order;
	const double *u = fold->matrix;
	double taken = 0.0;

	*remainder = rk_dot_dd(c + j, c + j, n - j);
	if (fold->gain[j] >= 1.0)
		return 1.0 - *remainder;
	for (size_t i = 0; i <= j; i++)
	{
		double element = u[i * fold->ld + j] - c[i];

		taken += element * element;
	}
	return fold->gain[j] - (taken + rk_dot_dd(c + j + 1, c + j + 1, n - j - 1));
}

/* rk_leverage_unweighted is h_j of a row with w_j = 0, in dual form. */
static double
rk_leverage_unweighted(const RkFold *fold, size_t j, double *tmp)
{
	const RkFoldSystem *system = &fold->system;
	const float *y = system->factor + j * system->stride;
	double *scaled = tmp + system->n;
	double gain;

	for (size_t k = 0; k < system->d; k++)
		scaled[k] = fold->inverse[k] * (double) y[k];
	gain = rk_dot(scaled, y, system->d);
	rk_rows_dot(system, scaled, tmp);
	for (size_t i = 0; i < system->n; i++)
		tmp[i] *= fold->root[i];
	rk_solve_lower(fold->matrix, fold->order, fold->ld, 0, tmp);
	return gain - rk_dot_dd(tmp, tmp, system->n);
}

/* rk_half_start sets half [order] to what U^-T is applied to: e_j or y_j.  Gives the first element that is not 0. */
static size_t
rk_half_start(const RkFold *fold, size_t j, double *half)
{
	const float *y = fold->system.factor + j * fold->system.stride;

	for (size_t k = 0; k < fold->order; k++)
		half[k] = fold->dual ? (double) (k == j) : (double) y[k];
	return fold->dual ? j : 0;
}

/* rk_half_finish gives h_j and r_j from half = U^-T e_j or U^-T y_j. */
static void
rk_half_finish(const RkFold *fold, size_t j, double *half, double *leverage, double *remainder)
{
	double weight = fold->system.weight[j];

	*remainder = 1.0;
	if (!fold->dual)
	{
		*leverage = rk_dot_dd(half, half, fold->order);
		*remainder = 1.0 - weight * *leverage;
	}
	else if (weight > 0.0)
		*leverage = rk_leverage_dual(fold, j, half, remainder) / weight;
	else
		*leverage = rk_leverage_unweighted(fold, j, half);
}

void
rk_fold_leverage_of(const RkFold *fold, size_t j, double *leverage, double *remainder, double *half)
{
	size_t first = rk_half_start(fold, j, half);

	rk_solve_lower(fold->matrix, fold->order, fold->ld, first, half);
	rk_half_finish(fold, j, half, leverage, remainder);
}

void
rk_fold_leverages_of(const RkFold *fold, size_t m, const size_t *row, double *remainder, double *const *half,
					 double *tmp)
{
	for (size_t first = 0; first < m; first += RK_FOLD_SIDES)
	{
		size_t sides = rk_min(m - first, RK_FOLD_SIDES);
		double leverage;

		memset(tmp, 0, RK_FOLD_SIDES * fold->order * sizeof(double));
		for (size_t s = 0; s < sides; s++)
		{
			(void) rk_half_start(fold, row[first + s], half[first + s]);
			for (size_t k = 0; k < fold->order; k++)
				tmp[k * RK_FOLD_SIDES + s] = half[first + s][k];
		}
		rk_sides_lower(fold->matrix, fold->order, fold->ld, tmp);
		for (size_t s = 0; s < sides; s++)
		{
			for (size_t k = 0; k < fold->order; k++)
				half[first + s][k] = tmp[k * RK_FOLD_SIDES + s];
			rk_half_finish(fold, row[first + s], half[first + s], &leverage, &remainder[first + s]);
		}
	}
}

/*
 * rk_fold_coupling: in primal form the halves are U^-T y; in dual form they are
 * U^-T e, and S Y A^-1 Y^T S = I - M^-1.
 */
double
rk_fold_coupling(const RkFold *fold, size_t i, const double *half_i, size_t j, const double *half_j)
{
	double dot = rk_dot_dd(half_i, half_j, fold->order);

	return fold->dual ? -dot : fold->root[i] * fold->root[j] * dot;
}

/* rk_gain_primal is rk_fold_gain in primal form: of each row, four sums over k mod 4, added in their order. */
RK_CLONES static void
rk_gain_primal(const RkFoldSystem *system, const double *inverse, double *gain)
{
	for (size_t j = 0; j < system->n; j++)
	{
		const float *y = system->factor + j * system->stride;
		RkDouble4 lane = {0.0};
		size_t k = 0;
		double sum;

		for (; k + 4 <= system->d; k += 4)
		{
			RkFloat4 narrow;
			RkDouble4 wide;
			RkDouble4 scale;

			RK_LOAD(narrow, y + k);
			RK_LOAD(scale, inverse + k);
			wide = __builtin_convertvector(narrow, RkDouble4);
			lane += scale * wide * wide;
		}
		sum = lane[0] + lane[1] + lane[2] + lane[3];
		for (; k < system->d; k++)
			sum += inverse[k] * (double) y[k] * (double) y[k];
		gain[j] = system->weight[j] * sum;
	}
}

void
rk_fold_gain(const RkFold *fold, double *gain)
{
	if (fold->dual)
		memcpy(gain, fold->gain, fold->system.n * sizeof(double));
	else
		rk_gain_primal(&fold->system, fold->inverse, gain);
}
