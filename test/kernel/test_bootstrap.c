/*
 * Proves that draws are Poisson numbers of mean 1 that depend on the hash alone, that sums over resamples are those of the draws,
 * and that intervals from them hold as many means as they say.
 */
#include "unit.h"

#include "kernel/bootstrap.h"
#include "kernel/rng.h"

/* Every frequency is that of the Poisson distribution, and so are the mean and the variance. */
static void
test_draws(void)
{
	static double times[1 << 20];
	const size_t n = sizeof(times) / sizeof(times[0]);
	double expected = exp(-1.0);
	size_t count[16] = {0};
	double sum = 0.0;
	double square = 0.0;

	rk_bootstrap_times(7, times, n);
	for (size_t i = 0; i < n; i++)
	{
		count[(int) times[i]]++;
		sum += times[i];
		square += (times[i] - 1.0) * (times[i] - 1.0);
	}
	for (int j = 0; j < 8; j++)
	{
		expected /= j > 0 ? j : 1;
		CHECK(fabs((double) count[j] - expected * (double) n) < 5.0 * sqrt(expected * (double) n) + 1.0);
	}
	CHECK(fabs(sum / (double) n - 1.0) < 5.0 / sqrt((double) n));
	CHECK(fabs(square / (double) n - 1.0) < 15.0 / sqrt((double) n));
}

/* The first draws do not depend on how many there are; another hash draws otherwise. */
static void
test_same(void)
{
	double few[301];
	double many[1000];
	double others[301];

	rk_bootstrap_times(42, few, 301);
	rk_bootstrap_times(42, many, 1000);
	rk_bootstrap_times(43, others, 301);
	CHECK(memcmp(few, many, sizeof(few)) == 0);
	CHECK(memcmp(few, others, sizeof(few)) != 0);
}

/* Sums are those of the draws, whatever a column has. */
static void
test_sums(void)
{
	const double value[3] = {0.5, 0.0, -2.0};
	double sum[3 * 77] = {0.0};
	double times[2][77];
	int good = 0;

	for (int u = 0; u < 2; u++)
	{
		rk_bootstrap_times((uint64_t) u, times[u], 77);
		rk_bootstrap_add(value, 3, times[u], 77, sum);
	}
	for (int c = 0; c < 3; c++)
		for (int r = 0; r < 77; r++)
			good += sum[c * 77 + r] == value[c] * (times[0][r] + times[1][r]);
	CHECK(good == 3 * 77);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Of samples of 200 numbers with mean 1, about 95 in 100 intervals hold it. */
static void
test_coverage(void)
{
	enum
	{
		SAMPLES = 1000,
		USERS = 200,
		RESAMPLES = 200
	};
	int held = 0;
	RkRng rng;

	rk_rng_seed(&rng, 5);
	for (int s = 0; s < SAMPLES; s++)
	{
		double sum[2 * RESAMPLES] = {0.0};
		double times[RESAMPLES];

		for (int u = 0; u < USERS; u++)
		{
			double value[2] = {2.0 * rk_rng_uniform(&rng), 1.0};

			rk_bootstrap_times(rk_hash_mix((uint64_t) s, (uint64_t) u), times, RESAMPLES);
			rk_bootstrap_add(value, 2, times, RESAMPLES, sum);
		}
		for (int r = 0; r < RESAMPLES; r++)
			sum[r] /= sum[RESAMPLES + r];
		qsort(sum, RESAMPLES, sizeof(double), compare);
		held += sum[5] <= 1.0 && 1.0 <= sum[RESAMPLES - 6];
	}
	CHECK(held > 920 && held < 970);
}

int
main(void)
{
	test_draws();
	test_same();
	test_sums();
	test_coverage();
	return unit_finish("bootstrap");
}
