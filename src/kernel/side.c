/*
 * side.c
 *	  From attributes to factors: the ridge regression within hierarchical ALS.
 */
#include "side.h"

#include <math.h>

#include "simd.h"
#include "solve.h"

/* Rows of the factored matrix are rounded up to as many. */
#define RK_SIDE_ROWS 8

/* Doubles of a block of it, about. */
#define RK_SIDE_BLOCK 32768

/* rk_side_axpy adds a x to y; both [d]. */
RK_INLINE void
rk_side_axpy(double a, const double *x, double *y, size_t d)
{
	for (size_t k = 0; k < d; k++)
		y[k] += a * x[k];
}

/* rk_side_axpy_float does so for a vector of floats. */
RK_INLINE void
rk_side_axpy_float(double a, const float *x, double *y, size_t d)
{
	for (size_t k = 0; k < d; k++)
		y[k] += a * (double) x[k];
}

size_t
rk_side_gram_elements(size_t q)
{
	return rk_round_up(q, RK_SIDE_ROWS) * rk_cholesky_stride(q);
}

/* rk_side_block_rows is the number of rows of F^T L F in one block: as many as stay in a processor's own cache. */
static size_t
rk_side_block_rows(size_t q)
{
	size_t rows = RK_SIDE_BLOCK / rk_cholesky_stride(q);

	return rows > RK_SIDE_ROWS ? rows - rows % RK_SIDE_ROWS : RK_SIDE_ROWS;
}

size_t
rk_side_blocks(size_t q)
{
	size_t rows = rk_side_block_rows(q);

	return (q + rows - 1) / rows;
}

/* rk_side_first gives the first of a row's n columns that is at least c. */
static size_t
rk_side_first(const uint32_t *column, size_t n, size_t c)
{
	size_t low = 0;
	size_t high = n;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (column[middle] < c)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* rk_side_gram_row adds to rows first ... last - 1 of the upper triangle one row's lambda f f^T; gives the multiplications. */
RK_CLONES static size_t
rk_side_gram_row(const RkSide *side, size_t row, size_t first, size_t last, double *gram, size_t ld)
{
	const RkCsr *features = &side->features;
	size_t begin = (size_t) features->offset[row];
	size_t n = rk_csr_count(features, row);
	const uint32_t *column = features->index + begin;
	const float *value = features->weight + begin;
	size_t p = features->n_cols;
	size_t low = rk_side_first(column, n, first);
	size_t a = low;

	for (; a < n && column[a] < last; a++)
	{
		double *to = gram + (size_t) column[a] * ld;
		double weight = side->lambda[row] * (double) value[a];

		if (column[n - 1] - column[a] == n - 1 - a)
			/* no column is left out, as in a vector */
			rk_side_axpy_float(weight, value + a, to + column[a], n - a);
		else
			for (size_t b = a; b < n; b++)
				to[column[b]] += weight * (double) value[b];
		to[p] += weight;
	}
	if (p >= first && p < last)
		gram[p * ld + p] += side->lambda[row];
	return (a - low) * n;
}

RkStatus
rk_side_gram(const RkSide *side, size_t block, double *gram, const RkPoll *poll)
{
	size_t q = rk_side_columns(side);
	size_t ld = rk_cholesky_stride(q);
	size_t first = block * rk_side_block_rows(q);
	size_t last =
		first + rk_side_block_rows(q) < q ? first + rk_side_block_rows(q) : rk_round_up(q, RK_SIDE_ROWS);
	double work = 0.0;

	memset(gram + first * ld, 0, (last - first) * ld * sizeof(double));
	for (size_t i = 0; i < side->features.n_rows; i++)
	{
		size_t done = 0;

		if (side->lambda[i] > 0.0)
			done = rk_side_gram_row(side, i, first, last, gram, ld);
		if (rk_poll_after(poll, &work, 64.0 + 4.0 * (double) done))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/* rk_side_right_row adds one row's lambda f y^T. */
RK_CLONES static void
rk_side_right_row(const RkSide *side, size_t row, const float *y, double *right, double *tmp)
{
	const RkCsr *features = &side->features;
	size_t d = side->d;

	for (size_t k = 0; k < d; k++)
		tmp[k] = side->lambda[row] * (double) y[k];
	for (uint64_t e = features->offset[row]; e < features->offset[row + 1]; e++)
		rk_side_axpy((double) features->weight[e], tmp, right + (size_t) features->index[e] * d, d);
	rk_side_axpy(1.0, tmp, right + features->n_cols * d, d);
}

RkStatus
rk_side_right(const RkSide *side, const float *factor, size_t slab, double *right, double *tmp,
			  const RkPoll *poll)
{
	double work = 0.0;

	memset(right, 0, rk_side_columns(side) * side->d * sizeof(double));
	for (size_t i = rk_side_slab(side, slab); i < rk_side_slab(side, slab + 1); i++)
	{
		if (side->lambda[i] > 0.0)
			rk_side_right_row(side, i, factor + i * side->d, right, tmp);
		if (rk_poll_after(poll, &work,
						  2.0 * (double) side->d * (double) (rk_csr_count(&side->features, i) + 1)))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/* rk_side_product_row adds one row's lambda f (f^T P). */
RK_CLONES static void
rk_side_product_row(const RkSide *side, size_t row, const double *p, double *out, double *tmp)
{
	const RkCsr *features = &side->features;
	size_t d = side->d;
	size_t last = features->n_cols * d;

	for (size_t k = 0; k < d; k++)
		tmp[k] = p[last + k];
	for (uint64_t e = features->offset[row]; e < features->offset[row + 1]; e++)
		rk_side_axpy((double) features->weight[e], p + (size_t) features->index[e] * d, tmp, d);
	for (uint64_t e = features->offset[row]; e < features->offset[row + 1]; e++)
		rk_side_axpy(side->lambda[row] * (double) features->weight[e], tmp,
					 out + (size_t) features->index[e] * d, d);
	rk_side_axpy(side->lambda[row], tmp, out + last, d);
}

RkStatus
rk_side_product(const RkSide *side, const double *p, size_t slab, double *out, double *tmp,
				const RkPoll *poll)
{
	double work = 0.0;

	memset(out, 0, rk_side_columns(side) * side->d * sizeof(double));
	for (size_t i = rk_side_slab(side, slab); i < rk_side_slab(side, slab + 1); i++)
	{
		if (side->lambda[i] > 0.0)
			rk_side_product_row(side, i, p, out, tmp);
		if (rk_poll_after(poll, &work,
						  4.0 * (double) side->d * (double) (rk_csr_count(&side->features, i) + 1)))
			return RK_CANCELLED;
	}
	return RK_OK;
}

void
rk_side_add(size_t n, const double *slab, double *sum)
{
	for (size_t k = 0; k < n; k++)
		sum[k] += slab[k];
}

RkStatus
rk_side_factor(const RkSide *side, double *gram, const RkPoll *poll)
{
	size_t q = rk_side_columns(side);
	size_t ld = rk_cholesky_stride(q);

	for (size_t c = 0; c + 1 < q; c++)
		gram[c * ld + c] += side->ridge;
	return rk_cholesky(gram, q, ld, poll);
}

/* rk_side_minus subtracts a x from y; both [d]. */
RK_CLONES static void
rk_side_minus(double a, const double *x, double *y, size_t d)
{
	for (size_t k = 0; k < d; k++)
		y[k] -= a * x[k];
}

/* rk_side_divide divides x [d] by a. */
static void
rk_side_divide(double a, double *x, size_t d)
{
	for (size_t k = 0; k < d; k++)
		x[k] /= a;
}

RkStatus
rk_side_solve(const RkSide *side, const double *gram, double *right, const RkPoll *poll)
{
	size_t q = rk_side_columns(side);
	size_t ld = rk_cholesky_stride(q);
	size_t d = side->d;
	double work = 0.0;

	for (size_t i = 0; i < q; i++)
	{
		rk_side_divide(gram[i * ld + i], right + i * d, d);
		for (size_t j = i + 1; j < q; j++)
			rk_side_minus(gram[i * ld + j], right + i * d, right + j * d, d);
		if (rk_poll_after(poll, &work, 2.0 * (double) d * (double) (q - i)))
			return RK_CANCELLED;
	}
	for (size_t i = q; i-- > 0;)
	{
		for (size_t j = i + 1; j < q; j++)
			rk_side_minus(gram[i * ld + j], right + j * d, right + i * d, d);
		rk_side_divide(gram[i * ld + i], right + i * d, d);
		if (rk_poll_after(poll, &work, 2.0 * (double) d * (double) (q - i)))
			return RK_CANCELLED;
	}
	return RK_OK;
}

RkStatus
rk_side_diagonal(const RkSide *side, double *diagonal, const RkPoll *poll)
{
	const RkCsr *features = &side->features;
	size_t p = features->n_cols;
	double work = 0.0;

	for (size_t c = 0; c < p; c++)
		diagonal[c] = side->ridge;
	diagonal[p] = 0.0;
	for (size_t i = 0; i < features->n_rows; i++)
	{
		for (uint64_t e = features->offset[i]; e < features->offset[i + 1]; e++)
			diagonal[features->index[e]] +=
				side->lambda[i] * (double) features->weight[e] * (double) features->weight[e];
		diagonal[p] += side->lambda[i];
		if (rk_poll_after(poll, &work, 4.0 * (double) (rk_csr_count(features, i) + 1)))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/*
 * rk_side_search_turn computes rho = r^T M^-1 r of each column, sets the direction to M^-1 r + (rho / before) p,
 * or to M^-1 r at first, and gives the greatest relative residual.
 */
RK_CLONES static double
rk_side_search_turn(const RkSide *side, RkSideSearch *search, bool first)
{
	size_t q = rk_side_columns(side);
	size_t d = side->d;
	double *rho = search->work;
	double *squares = search->work + d;
	double worst = 0.0;

	memset(search->work, 0, 2 * d * sizeof(double));
	for (size_t c = 0; c < q; c++)
		for (size_t k = 0; k < d; k++)
		{
			double square = search->residual[c * d + k] * search->residual[c * d + k];

			squares[k] += square;
			rho[k] += square / search->diagonal[c];
		}
	for (size_t k = 0; k < d; k++)
	{
		double keep = !first && search->rho[k] > 0.0 ? rho[k] / search->rho[k] : 0.0;

		if (search->size[k] > 0.0)
			worst = fmax(worst, sqrt(squares[k]) / search->size[k]);
		search->rho[k] = rho[k];
		rho[k] = keep;
	}
	for (size_t c = 0; c < q; c++)
		for (size_t k = 0; k < d; k++)
		{
			double old = first ? 0.0 : rho[k] * search->p[c * d + k];

			search->p[c * d + k] = search->residual[c * d + k] / search->diagonal[c] + old;
		}
	return worst;
}

/* rk_side_add_ridge adds ridge x to a product of x; the intercept has none. */
static void
rk_side_add_ridge(const RkSide *side, const double *x, double *product)
{
	for (size_t k = 0; k < side->features.n_cols * side->d; k++)
		product[k] += side->ridge * x[k];
}

/* rk_side_search_open does the arithmetic of rk_side_search_begin before its first turn. */
RK_CLONES static void
rk_side_search_open(const RkSide *side, RkSideSearch *search)
{
	size_t d = side->d;

	memset(search->size, 0, d * sizeof(double));
	for (size_t c = 0; c < rk_side_columns(side); c++)
		for (size_t k = 0; k < d; k++)
		{
			search->size[k] += search->residual[c * d + k] * search->residual[c * d + k];
			search->residual[c * d + k] -= search->product[c * d + k];
		}
	for (size_t k = 0; k < d; k++)
		search->size[k] = sqrt(search->size[k]);
}

double
rk_side_search_begin(const RkSide *side, RkSideSearch *search)
{
	rk_side_add_ridge(side, search->x, search->product);
	rk_side_search_open(side, search);
	return rk_side_search_turn(side, search, true);
}

/* rk_side_search_move goes along p to where each column is least. */
RK_CLONES static void
rk_side_search_move(const RkSide *side, RkSideSearch *search)
{
	size_t q = rk_side_columns(side);
	size_t d = side->d;
	double *step = search->work;

	memset(step, 0, d * sizeof(double));
	for (size_t c = 0; c < q; c++)
		for (size_t k = 0; k < d; k++)
			step[k] += search->p[c * d + k] * search->product[c * d + k];
	for (size_t k = 0; k < d; k++)
		step[k] = step[k] > 0.0 ? search->rho[k] / step[k] : 0.0;
	for (size_t c = 0; c < q; c++)
		for (size_t k = 0; k < d; k++)
		{
			search->x[c * d + k] += step[k] * search->p[c * d + k];
			search->residual[c * d + k] -= step[k] * search->product[c * d + k];
		}
}

double
rk_side_search_step(const RkSide *side, RkSideSearch *search)
{
	rk_side_add_ridge(side, search->p, search->product);
	rk_side_search_move(side, search);
	return rk_side_search_turn(side, search, false);
}

/* rk_side_map_cloned is rk_side_map. */
RK_CLONES static void
rk_side_map_cloned(const float *map, size_t p, size_t d, const uint32_t *column, const float *value, size_t n,
				   double *out)
{
	for (size_t k = 0; k < d; k++)
		out[k] = (double) map[p * d + k];
	for (size_t e = 0; e < n; e++)
		rk_side_axpy_float((double) value[e], map + (size_t) column[e] * d, out, d);
}

void
rk_side_map(const float *map, size_t p, size_t d, const uint32_t *column, const float *value, size_t n,
			double *out)
{
	rk_side_map_cloned(map, p, d, column, value, n, out);
}

/* rk_side_map_row maps one row of the regression. */
static void
rk_side_map_row(const RkSide *side, const float *map, size_t row, double *out)
{
	const RkCsr *features = &side->features;
	size_t first = (size_t) features->offset[row];

	rk_side_map_cloned(map, features->n_cols, side->d, features->index + first, features->weight + first,
					   rk_csr_count(features, row), out);
}

RkStatus
rk_side_apply_range(const RkSide *side, const float *map, size_t first, size_t last, bool all, float *out,
					double *tmp, const RkPoll *poll)
{
	size_t d = side->d;
	double work = 0.0;

	for (size_t i = first; i < last; i++)
	{
		memset(out + i * d, 0, d * sizeof(float));
		if (!all && !(side->lambda[i] > 0.0))
			continue;
		rk_side_map_row(side, map, i, tmp);
		for (size_t k = 0; k < d; k++)
			out[i * d + k] = (float) tmp[k];
		if (rk_poll_after(poll, &work, 2.0 * (double) d * (double) (rk_csr_count(&side->features, i) + 1)))
			return RK_CANCELLED;
	}
	return RK_OK;
}

RkStatus
rk_side_misfit(const RkSide *side, const float *map, const float *factor, size_t slab, double *misfit,
			   double *tmp, const RkPoll *poll)
{
	size_t d = side->d;
	double work = 0.0;

	*misfit = 0.0;
	for (size_t i = rk_side_slab(side, slab); i < rk_side_slab(side, slab + 1); i++)
	{
		double squares = 0.0;

		if (!(side->lambda[i] > 0.0))
			continue;
		memset(tmp, 0, d * sizeof(double));
		if (map != NULL)
			rk_side_map_row(side, map, i, tmp);
		for (size_t k = 0; k < d; k++)
		{
			double gap = (double) factor[i * d + k] - tmp[k];

			squares += gap * gap;
		}
		*misfit += side->lambda[i] * squares;
		if (rk_poll_after(poll, &work, 2.0 * (double) d * (double) (rk_csr_count(&side->features, i) + 2)))
			return RK_CANCELLED;
	}
	return RK_OK;
}
