/*
 * Proves that both solvers of side.c give the minimum of the ridge regression (its gradient vanishes), that they agree,
 * that rows without weight take no part, and that a planted map is found again.
 */
#include "unit.h"

#include "kernel/side.h"

#define N 60
#define P 9
#define D 5
#define Q (P + 1)

static uint64_t offset[N + 1];
static uint32_t column[N * P];
static float value[N * P];
static double lambda[N];

/* problem makes rows of three levels that always sum to one, and numbers of either sign, some missing; every seventh row weighs nothing. */
static RkSide
problem(double ridge)
{
	RkSide side = {.features = {N, P, offset, column, value, NULL}, .lambda = lambda, .d = D, .ridge = ridge};
	RkRng rng;
	size_t nnz = 0;

	rk_rng_seed(&rng, 5);
	for (size_t i = 0; i < N; i++)
	{
		offset[i] = nnz;
		column[nnz] = (uint32_t) rk_rng_below(&rng, 3);
		value[nnz++] = 1.0f;
		for (uint32_t c = 3; c < P; c++)
			if (rk_rng_below(&rng, 3) > 0)
			{
				column[nnz] = c;
				value[nnz++] = (float) (4.0 * rk_rng_uniform(&rng) - 2.0);
			}
		lambda[i] = i % 7 == 3 ? 0.0 : 0.5 + rk_rng_uniform(&rng);
	}
	offset[N] = nnz;
	return side;
}

/* sums gives the sum of all slabs of F^T L Y. */
static double *
right_side(const RkSide *side, const float *factor)
{
	size_t n = rk_side_columns(side) * side->d;
	double *sum = calloc(n, sizeof(double));
	double *slab = unit_alloc(n * sizeof(double));
	double tmp[D];

	for (size_t s = 0; s < RK_SIDE_SLABS; s++)
	{
		CHECK(rk_side_right(side, factor, s, slab, tmp, NULL) == RK_OK);
		rk_side_add(n, slab, sum);
	}
	free(slab);
	return sum;
}

/* product writes F^T L F p, all slabs. */
static void
product(const RkSide *side, const double *p, double *out)
{
	size_t n = rk_side_columns(side) * side->d;
	double *slab = unit_alloc(n * sizeof(double));
	double tmp[D];

	memset(out, 0, n * sizeof(double));
	for (size_t s = 0; s < RK_SIDE_SLABS; s++)
	{
		CHECK(rk_side_product(side, p, s, slab, tmp, NULL) == RK_OK);
		rk_side_add(n, slab, out);
	}
	free(slab);
}

/* direct solves by factoring. */
static double *
direct(const RkSide *side, const float *factor)
{
	size_t n = rk_side_gram_elements(rk_side_columns(side));
	double *gram = unit_alloc(n * sizeof(double));
	double *w = right_side(side, factor);

	for (size_t b = rk_side_blocks(rk_side_columns(side)); b-- > 0;)
		CHECK(rk_side_gram(side, b, gram, NULL) == RK_OK);
	CHECK(rk_side_factor(side, gram, NULL) == RK_OK);
	CHECK(rk_side_solve(side, gram, w, NULL) == RK_OK);
	free(gram);
	return w;
}

/* searched solves by conjugate gradients from the given start, in at most "steps". */
static double *
searched(const RkSide *side, const float *factor, double start, int steps)
{
	double *x = unit_alloc(Q * D * sizeof(double));
	RkSideSearch search = {.x = x,
						   .residual = right_side(side, factor),
						   .p = unit_alloc(Q * D * sizeof(double)),
						   .product = unit_alloc(Q * D * sizeof(double)),
						   .diagonal = unit_alloc(Q * sizeof(double)),
						   .rho = unit_alloc(D * sizeof(double)),
						   .size = unit_alloc(D * sizeof(double)),
						   .work = unit_alloc(2 * D * sizeof(double))};
	double worst;

	for (size_t k = 0; k < Q * D; k++)
		x[k] = start;
	CHECK(rk_side_diagonal(side, search.diagonal, NULL) == RK_OK);
	product(side, x, search.product);
	worst = rk_side_search_begin(side, &search);
	for (int s = 0; s < steps && worst > 1e-12; s++)
	{
		product(side, search.p, search.product);
		worst = rk_side_search_step(side, &search);
	}
	CHECK(worst <= 1e-12);
	free(search.residual);
	free(search.p);
	free(search.product);
	free(search.diagonal);
	free(search.rho);
	free(search.size);
	free(search.work);
	return x;
}

/* dense_row widens one row, with its one. */
static void
dense_row(const RkSide *side, size_t i, double *f)
{
	memset(f, 0, rk_side_columns(side) * sizeof(double));
	for (uint64_t e = side->features.offset[i]; e < side->features.offset[i + 1]; e++)
		f[side->features.index[e]] = side->features.weight[e];
	f[side->features.n_cols] = 1.0;
}

/* gradient gives the greatest element of the gradient of the loss, computed from its definition. */
static double
gradient(const RkSide *side, const float *factor, const double *w)
{
	double slope[Q * D] = {0};
	double worst = 0.0;
	double f[Q];

	for (size_t i = 0; i < N; i++)
	{
		dense_row(side, i, f);
		for (size_t k = 0; k < D; k++)
		{
			double gap = factor[i * D + k];

			for (size_t c = 0; c < Q; c++)
				gap -= f[c] * w[c * D + k];
			for (size_t c = 0; c < Q; c++)
				slope[c * D + k] -= side->lambda[i] * gap * f[c];
		}
	}
	for (size_t c = 0; c < Q; c++)
		for (size_t k = 0; k < D; k++)
			worst = fmax(worst, fabs(slope[c * D + k] + (c < P ? side->ridge * w[c * D + k] : 0.0)));
	return worst;
}

static void
test_minimum(void)
{
	const double ridges[] = {1e-3, 1.0, 50.0};

	for (size_t r = 0; r < 3; r++)
	{
		RkSide side = problem(ridges[r]);
		float *y = unit_floats(3, N * D, 1.0f);
		double *w = direct(&side, y);
		double *x = searched(&side, y, 0.25, 60);
		float *other = unit_floats(3, N * D, 1.0f);
		double *same;

		CHECK(gradient(&side, y, w) < 1e-10);
		CHECK(gradient(&side, y, x) < 1e-9);
		for (size_t k = 0; k < Q * D; k++)
			CHECK_NEAR(x[k], w[k], 1e-8);
		for (size_t i = 3; i < N; i += 7)
			for (size_t k = 0; k < D; k++)
				other[i * D + k] = 1e6f;
		same = direct(&side, other);
		CHECK(memcmp(same, w, Q * D * sizeof(double)) == 0);
		free(y);
		free(w);
		free(x);
		free(other);
		free(same);
	}
}

/* A map from attributes to factors is found again when factors are what it says, all but for a trace of ridge. */
static void
test_planted(void)
{
	RkSide side = problem(1e-9);
	float *planted = unit_floats(8, Q * D, 1.0f);
	float *y = unit_alloc(N * D * sizeof(float));
	float *again = unit_alloc(N * D * sizeof(float));
	float map[Q * D];
	double tmp[D];
	double misfit = 0.0;
	double whole = 0.0;
	double *w;

	CHECK(rk_side_apply_range(&side, planted, 0, N, true, y, tmp, NULL) == RK_OK);
	w = direct(&side, y);
	for (size_t k = 0; k < Q * D; k++)
		map[k] = (float) w[k];
	CHECK(rk_side_apply_range(&side, map, 0, N, true, again, tmp, NULL) == RK_OK);
	for (size_t k = 0; k < N * D; k++)
		CHECK_NEAR(again[k], y[k], 1e-4);
	for (size_t s = 0; s < RK_SIDE_SLABS; s++)
	{
		double part;

		CHECK(rk_side_misfit(&side, map, y, s, &part, tmp, NULL) == RK_OK);
		misfit += part;
		CHECK(rk_side_misfit(&side, NULL, y, s, &part, tmp, NULL) == RK_OK);
		whole += part;
	}
	CHECK(misfit < 1e-8 * whole);
	free(planted);
	free(y);
	free(again);
	free(w);
}

static void
test_apply(void)
{
	RkSide side = problem(1.0);
	float *map = unit_floats(4, Q * D, 1.0f);
	float *whole = unit_alloc(N * D * sizeof(float));
	float *parts = unit_alloc(N * D * sizeof(float));
	double tmp[D];
	double f[Q];

	CHECK(rk_side_apply_range(&side, map, 0, N, false, whole, tmp, NULL) == RK_OK);
	for (size_t first = 0; first < N; first += 13)
		CHECK(rk_side_apply_range(&side, map, first, first + 13 < N ? first + 13 : N, false, parts, tmp,
								  NULL) == RK_OK);
	CHECK(memcmp(whole, parts, N * D * sizeof(float)) == 0);
	for (size_t i = 0; i < N; i++)
	{
		dense_row(&side, i, f);
		for (size_t k = 0; k < D; k++)
		{
			double expected = 0.0;

			for (size_t c = 0; c < Q; c++)
				expected += lambda[i] > 0.0 ? f[c] * (double) map[c * D + k] : 0.0;
			CHECK_NEAR(whole[i * D + k], expected, 1e-5);
		}
		rk_side_map(map, P, D, column + offset[i], value + offset[i], (size_t) (offset[i + 1] - offset[i]),
					tmp);
		for (size_t k = 0; lambda[i] > 0.0 && k < D; k++)
			CHECK(whole[i * D + k] == (float) tmp[k]);
	}
	free(map);
	free(whole);
	free(parts);
}

/* Slabs cover every row once, also where there are fewer rows than slabs. */
static void
test_slabs(void)
{
	for (size_t n = 0; n < 40; n++)
	{
		RkSide side = {.features = {.n_rows = n}};

		CHECK(rk_side_slab(&side, 0) == 0);
		CHECK(rk_side_slab(&side, RK_SIDE_SLABS) == n);
		for (size_t s = 0; s < RK_SIDE_SLABS; s++)
			CHECK(rk_side_slab(&side, s) <= rk_side_slab(&side, s + 1));
	}
}

/* test_blocks proves that the blocks of F^T L F are the whole of it, of rows that have all columns, the last ones, or some. */
static void
test_blocks(void)
{
	const size_t n = 24;
	const size_t p = 400;
	const size_t q = p + 1;
	size_t elements = rk_side_gram_elements(q);
	size_t ld = elements / ((q + 7) / 8 * 8);
	uint64_t *starts = unit_alloc((n + 1) * sizeof(uint64_t));
	uint32_t *index = unit_alloc(n * p * sizeof(uint32_t));
	float *weight = unit_floats(4, n * p, 1.0f);
	double *weigh = unit_alloc(n * sizeof(double));
	double *gram = unit_alloc(elements * sizeof(double));
	double *want = calloc(q * q, sizeof(double));
	double *row = unit_alloc(q * sizeof(double));
	RkSide side = {.features = {n, p, starts, index, weight, NULL}, .lambda = weigh, .d = 1, .ridge = 1.0};
	size_t nnz = 0;

	for (size_t i = 0; i < n; i++)
	{
		starts[i] = nnz;
		weigh[i] = i % 5 == 4 ? 0.0 : 1.0 + (double) i;
		for (size_t c = 0; c < p; c++)
			if (i % 3 == 0 || (i % 3 == 1 && c > 100) || (i % 3 == 2 && (c * 7 + i) % 11 < 4))
				index[nnz++] = (uint32_t) c;
	}
	starts[n] = nnz;
	for (size_t i = 0; i < n; i++)
	{
		dense_row(&side, i, row);
		for (size_t a = 0; a < q; a++)
			for (size_t b = a; b < q; b++)
				want[a * q + b] += weigh[i] * row[a] * row[b];
	}
	CHECK(rk_side_blocks(q) > 2);
	for (size_t b = rk_side_blocks(q); b-- > 0;)
		CHECK(rk_side_gram(&side, b, gram, NULL) == RK_OK);
	for (size_t a = 0; a < q; a++)
		for (size_t b = a; b < q; b++)
			CHECK(fabs(gram[a * ld + b] - want[a * q + b]) <= 1e-9);
	free(starts);
	free(index);
	free(weight);
	free(weigh);
	free(gram);
	free(want);
	free(row);
}

/* big makes a problem large enough that every function asks the poll. */
static void
test_cancel(void)
{
	const size_t n = 40000;
	const size_t p = 64;
	const size_t d = 64;
	uint64_t *starts = unit_alloc((n + 1) * sizeof(uint64_t));
	uint32_t *index = unit_alloc(n * p * sizeof(uint32_t));
	float *weight = unit_floats(2, n * p, 1.0f);
	double *ones = unit_alloc(n * sizeof(double));
	float *y = unit_floats(3, n * d, 1.0f);
	double *out = unit_alloc(rk_side_gram_elements(p + 1) * sizeof(double));
	double *from = calloc((p + 1) * d, sizeof(double));
	double tmp[64];
	int left = 0;
	RkPoll poll = {unit_cancel_after, &left};
	RkSide side = {.features = {n, p, starts, index, weight, NULL}, .lambda = ones, .d = d, .ridge = 1.0};

	for (size_t i = 0; i < n; i++)
	{
		starts[i] = i * p;
		ones[i] = 1.0;
		for (size_t c = 0; c < p; c++)
			index[i * p + c] = (uint32_t) c;
	}
	starts[n] = n * p;
	CHECK(rk_side_gram(&side, 0, out, &poll) == RK_CANCELLED);
	left = 0;
	CHECK(rk_side_right(&side, y, 0, out, tmp, &poll) == RK_CANCELLED);
	left = 0;
	CHECK(rk_side_product(&side, from, 0, out, tmp, &poll) == RK_CANCELLED);
	left = 0;
	CHECK(rk_side_misfit(&side, y, y, 0, out, tmp, &poll) == RK_CANCELLED);
	left = 0;
	CHECK(rk_side_apply_range(&side, y, 0, n, true, y, tmp, &poll) == RK_CANCELLED);
	free(starts);
	free(index);
	free(weight);
	free(ones);
	free(y);
	free(out);
	free(from);
}

int
main(void)
{
	test_minimum();
	test_planted();
	test_apply();
	test_slabs();
	test_blocks();
	test_cancel();
	return unit_finish("side");
}
