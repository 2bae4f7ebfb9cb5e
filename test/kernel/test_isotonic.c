/*
 * Proves that pooling gives the function by hand, that it is the nearest one
 * that never falls, and that reading it never falls either.
 */
#include "unit.h"

#include "kernel/isotonic.h"

/* 1, 3, 2, 2 with weights 1, 1, 2, 1: the last three are pooled to (3 + 4 + 2) / 4. */
static void
test_by_hand(void)
{
	double x[4] = {0.0, 1.0, 2.0, 4.0};
	double y[4] = {1.0, 3.0, 2.0, 2.0};
	double w[4] = {1.0, 1.0, 2.0, 1.0};

	CHECK(rk_isotonic(x, y, w, 4) == 2);
	CHECK(x[0] == 0.0 && y[0] == 1.0 && w[0] == 1.0);
	CHECK_NEAR(x[1], (1.0 + 4.0 + 4.0) / 4.0, 1e-15);
	CHECK_NEAR(y[1], 2.25, 1e-15);
	CHECK(w[1] == 4.0);
	CHECK_NEAR(rk_isotonic_at(x, y, 2, -5.0), 1.0, 0.0);
	CHECK_NEAR(rk_isotonic_at(x, y, 2, 1.125), 1.625, 1e-15);
	CHECK_NEAR(rk_isotonic_at(x, y, 2, 99.0), 2.25, 1e-15);
	CHECK_NEAR(rk_isotonic_at(x, y, 1, 99.0), 1.0, 0.0);
}

/* Equal places are one place, whatever the order of their values. */
static void
test_ties(void)
{
	double x[4] = {1.0, 1.0, 2.0, 2.0};
	double y[4] = {0.0, 1.0, 0.0, 1.0};
	double w[4] = {3.0, 1.0, 1.0, 1.0};

	CHECK(rk_isotonic(x, y, w, 4) == 2);
	CHECK(x[0] == 1.0 && x[1] == 2.0);
	CHECK_NEAR(y[0], 0.25, 1e-15);
	CHECK_NEAR(y[1], 0.5, 1e-15);
	CHECK(rk_isotonic(x, y, w, 0) == 0);
}

/* On random 0/1 values the fit ascends, keeps the weighted mean, and no shift of two neighbouring blocks is nearer. */
static void
test_random(void)
{
	enum
	{
		N = 500
	};
	double x[N];
	double y[N];
	double w[N];
	double mean = 0.0;
	double fitted = 0.0;
	size_t blocks;
	RkRng rng;

	rk_rng_seed(&rng, 3);
	for (size_t i = 0; i < N; i++)
	{
		x[i] = (double) i;
		y[i] = rk_rng_uniform(&rng) < (double) i / N ? 1.0 : 0.0;
		w[i] = 1.0 + (double) rk_rng_below(&rng, 3);
		mean += w[i] * y[i];
	}
	blocks = rk_isotonic(x, y, w, N);
	CHECK(blocks > 3 && blocks < N / 2);
	for (size_t b = 0; b < blocks; b++)
	{
		fitted += w[b] * y[b];
		CHECK(b == 0 || (y[b] > y[b - 1] && x[b] > x[b - 1]));
		CHECK(y[b] >= 0.0 && y[b] <= 1.0);
		CHECK_NEAR(rk_isotonic_at(x, y, blocks, x[b]), y[b], 1e-12);
	}
	CHECK_NEAR(fitted, mean, 1e-9);
	for (double at = -1.0; at < N; at += 0.5)
		CHECK(rk_isotonic_at(x, y, blocks, at) <= rk_isotonic_at(x, y, blocks, at + 0.5));
}

int
main(void)
{
	test_by_hand();
	test_ties();
	test_random();
	return unit_finish("isotonic");
}
