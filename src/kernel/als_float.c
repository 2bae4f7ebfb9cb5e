/*
 * als_float.c
 *	  One row of ALS in float32, on the tiles of small.h.
 *
 * A dual row is Z = S Y D^-1/2 with S = sqrt(W), of order n; a primal
 * row is panels of S Y, of order d, over blocks of entries.
 */
#include "als_row.h"

#include <math.h>

/* rk_row_gather describes n entries from an entry on. */
static RkGather
rk_row_gather(const RkAlsRow *row, size_t entry, size_t n)
{
	const RkCsr *rows = &row->side->rows;

	return (RkGather){.factor = row->other->factor,
					  .d = row->side->d,
					  .columns = row->columns,
					  .index = rows->index + entry,
					  .n = n,
					  .ahead = rk_csr_nnz(rows) - entry,
					  .weight = rows->weight + entry,
					  .root = row->root};
}

/* rk_row_targets fills root and rhs, sqrt(w) t after mean and bias, for n entries from an entry on. */
static void
rk_row_targets(RkAlsRow *row, size_t entry, size_t n)
{
	const RkAlsSide *side = row->side;
	float *rhs = row->rhs;

	row->small->roots(side->rows.weight + entry, side->rows.target + entry, n, row->root, rhs);
	if (side->bias)
		for (size_t j = 0; j < n; j++)
			rhs[j] = (float) ((double) row->root[j] * rk_row_target(row, entry + j));
}

/* rk_row_is_hard tells whether the bound of the condition number is too great, squares being sum w |y|^2. */
static bool
rk_row_is_hard(const RkAlsRow *row, double squares)
{
	return !(row->highest + row->lambda + squares <= RK_ALS_MAX_CONDITION * (row->lowest + row->lambda));
}

/*
 * rk_row_cholesky replaces vector, [order] padded with zeros, by the solution
 * of M c = vector, M being in the matrix.
 */
static RkStatus
rk_row_cholesky(RkAlsRow *row, size_t order)
{
	float *vector = row->vector;
	size_t blocks = rk_round_up(order, RK_TILE) / RK_TILE;

	for (size_t block = 0; block < blocks; block++)
	{
		if (!row->small->factor(row->matrix, order, block, vector, row->inverse))
			return RK_NOT_POSITIVE_DEFINITE;
		if (rk_poll_after(row->poll, &row->work,
						  (double) (block * (blocks - block)) * 2.0 * RK_TILE * RK_TILE * RK_TILE))
			return RK_CANCELLED;
	}
	row->small->back(row->matrix, order, row->inverse, vector);
	return RK_OK;
}

/* rk_row_dots writes Z Z^T of the panel's rows into the matrix. */
static RkStatus
rk_row_dots(RkAlsRow *row)
{
	size_t blocks = rk_round_up(row->n, RK_TILE) / RK_TILE;

	for (size_t block = 0; block < blocks; block++)
	{
		row->small->dots(row->panel, row->columns, row->n, block, row->matrix);
		if (rk_poll_after(row->poll, &row->work,
						  (double) ((blocks - block) * row->ld) * 2.0 * RK_TILE * RK_TILE))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/* rk_row_product writes P^T P of a panel into the matrix, or adds it. */
static RkStatus
rk_row_product(RkAlsRow *row, size_t depth, size_t order, bool add)
{
	size_t blocks = rk_round_up(order, RK_TILE) / RK_TILE;

	for (size_t block = 0; block < blocks; block++)
	{
		row->small->product(row->panel, depth, order, block, add, row->matrix);
		if (rk_poll_after(row->poll, &row->work,
						  (double) ((blocks - block) * depth) * 2.0 * RK_TILE * RK_TILE))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/* rk_row_raise adds the diagonal [order], or ones, to the matrix. */
static void
rk_row_raise(RkAlsRow *row, size_t order, const float *mass, float lambda)
{
	size_t padded = rk_round_up(order, RK_TILE);
	float *matrix = row->matrix;

	for (size_t k = 0; k < order; k++)
		matrix[(k / RK_TILE * padded + k) * RK_TILE + k % RK_TILE] += mass == NULL ? 1.0f : mass[k] + lambda;
}

/* rk_row_from_prior takes what the prior mean says from the right side, s - Z v with v = D^1/2 x0; gives the loss of x0. */
static double
rk_row_from_prior(RkAlsRow *row)
{
	double loss = row->small->start(rk_row_prior(row), row->mass, row->scale, (float) row->lambda,
									row->side->d, row->columns, row->start);

	row->small->against(row->panel, row->columns, row->n, row->start, row->rhs);
	return loss;
}

/* rk_row_add_prior adds x0 = D^-1/2 v to the solution. */
static void
rk_row_add_prior(RkAlsRow *row)
{
	const float *scale = row->scale;
	const float *v = row->start;

	for (size_t k = 0; k < row->columns; k++)
		row->solution[k] += scale[k] * v[k];
}

/*
 * rk_row_solve_dual solves (I + Z Z^T) c = s with Z = S Y D^-1/2 and s = S
 * (t - Y x0) = S t - Z v, and adds D^-1/2 Z^T c to x0.  The row's loss is s.c, because
 * |s|^2 - s.(Z Z^T c) = s.c.
 */
static RkStatus
rk_row_solve_dual(RkAlsRow *row)
{
	float *scale = row->scale;
	float *rhs = row->rhs;
	float *c = row->vector;
	bool drawn = rk_row_prior(row) != NULL;
	RkGather gather = rk_row_gather(row, row->first, row->n);
	RkStatus status;

	if (row->scaled != row->n)
		row->small->scale(row->mass, (float) row->lambda, row->ld, scale);
	row->scaled = row->n;
	rk_row_targets(row, row->first, row->n);
	if (rk_row_is_hard(row, row->small->gather_dual(&gather, scale, row->panel)))
		return RK_NOT_POSITIVE_DEFINITE;
	row->loss = drawn ? rk_row_from_prior(row) : 0.0;
	status = rk_row_dots(row);
	if (status != RK_OK)
		return status;
	rk_row_raise(row, row->n, NULL, 0.0f);
	memset(c, 0, rk_round_up(row->n, RK_TILE) * sizeof(float));
	memcpy(c, rhs, row->n * sizeof(float));
	status = rk_row_cholesky(row, row->n);
	if (status != RK_OK)
		return status;

	for (size_t j = 0; j < row->n; j++)
		row->loss += (double) rhs[j] * (double) c[j];
	row->small->collect(row->panel, row->columns, row->n, c, scale, row->solution);
	if (drawn)
		rk_row_add_prior(row);
	return RK_OK;
}

/* rk_row_trace is the trace of Y^T W Y, which is the sum of w |y|^2. */
static double
rk_row_trace(const RkAlsRow *row)
{
	const float *matrix = row->matrix;
	double trace = 0.0;

	for (size_t k = 0; k < row->columns; k++)
		trace += (double) matrix[(k / RK_TILE * row->ld + k) * RK_TILE + k % RK_TILE];
	return trace;
}

/* rk_row_draw adds lambda p to b, and lambda |p|^2 to the squares. */
static void
rk_row_draw(const RkAlsRow *row, float *b, double *squares)
{
	const float *prior = rk_row_prior(row);

	for (size_t k = 0; k < row->side->d; k++)
	{
		b[k] += (float) row->lambda * prior[k];
		*squares += row->lambda * (double) prior[k] * (double) prior[k];
	}
}

/*
 * rk_row_assemble sums A = D + Y^T W Y and b = Y^T W t + lambda p over blocks of
 * entries.  *squares becomes the sum of w t^2 and lambda |p|^2.
 */
static RkStatus
rk_row_assemble(RkAlsRow *row, float *b, double *squares)
{
	const float *rhs = row->rhs;

	*squares = 0.0;
	memset(b, 0, row->ld * sizeof(float));
	for (size_t done = 0; done < row->n; done += RK_ALS_BLOCK)
	{
		size_t n = rk_min(row->n - done, RK_ALS_BLOCK);
		RkGather gather = rk_row_gather(row, row->first + done, n);
		RkStatus status;

		rk_row_targets(row, row->first + done, n);
		for (size_t j = 0; j < n; j++)
			*squares += (double) rhs[j] * (double) rhs[j];
		row->small->gather_primal(&gather, row->panel);
		row->small->project(row->panel, n, row->columns, rhs, b);
		status = rk_row_product(row, n, row->columns, done > 0);
		if (status != RK_OK)
			return status;
	}
	if (rk_row_is_hard(row, rk_row_trace(row)))
		return RK_NOT_POSITIVE_DEFINITE;
	if (rk_row_prior(row) != NULL)
		rk_row_draw(row, b, squares);
	rk_row_raise(row, row->columns, row->mass, (float) row->lambda);
	return RK_OK;
}

/* rk_row_solve_primal solves A x = b; the loss is squares - b.x. */
static RkStatus
rk_row_solve_primal(RkAlsRow *row)
{
	float *b = row->scale;
	float *x = row->vector;
	double squares;
	RkStatus status;

	row->scaled = 0;
	status = rk_row_assemble(row, b, &squares);
	if (status != RK_OK)
		return status;
	memcpy(x, b, row->ld * sizeof(float));
	status = rk_row_cholesky(row, row->columns);
	if (status != RK_OK)
		return status;
	row->loss = squares;
	for (size_t k = 0; k < row->columns; k++)
		row->loss -= (double) b[k] * (double) x[k];
	memcpy(row->solution, x, row->ld * sizeof(float));
	return RK_OK;
}

RkStatus
rk_row_solve_float(RkAlsRow *row)
{
	if (rk_row_is_hard(row, 0.0))
		return RK_NOT_POSITIVE_DEFINITE;
	return row->n < row->columns ? rk_row_solve_dual(row) : rk_row_solve_primal(row);
}
