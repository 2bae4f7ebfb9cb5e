/*
 * bootstrap.c
 *	  Resamples of users who come one after the other, without keeping them.
 */
#include "bootstrap.h"

#include "rng.h"
#include "simd.h"

/* Random numbers that are turned into draws at once; even. */
#define RK_DRAWS 256

/* A draw is how many of these a random number of 32 bits reaches: 2^32 (1 + 1/1! + ... + 1/j!) / e, j = 0 .. 11, rounded. */
static const uint32_t rk_poisson[] = {0x5e2d58d9, 0xbc5ab1b1, 0xeb715e1e, 0xfb239797, 0xff1025f6, 0xffd90f3c,
									  0xfffa8b72, 0xffff540c, 0xffffed1f, 0xfffffe21, 0xffffffd5, 0xfffffffc};

/* rk_poisson_count turns random numbers into draws, [n]. */
RK_CLONES static void
rk_poisson_count(const uint32_t *random, double *times, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		int32_t count = 0;

		for (size_t j = 0; j < sizeof(rk_poisson) / sizeof(rk_poisson[0]); j++)
			count += random[i] >= rk_poisson[j];
		times[i] = (double) count;
	}
}

void
rk_bootstrap_times(uint64_t hash, double *times, size_t n)
{
	RkRng rng;

	rk_rng_seed(&rng, hash);
	for (size_t first = 0; first < n; first += RK_DRAWS)
	{
		uint32_t random[RK_DRAWS];
		size_t count = rk_min(n - first, RK_DRAWS);

		for (size_t i = 0; i < count; i += 2)
		{
			uint64_t two = rk_rng_next(&rng);

			random[i] = (uint32_t) two;
			random[i + 1] = (uint32_t) (two >> 32);
		}
		rk_poisson_count(random, times + first, count);
	}
}

/* rk_bootstrap_add_one adds times[r] value to sum[r], [n]. */
RK_CLONES static void
rk_bootstrap_add_one(double value, const double *times, size_t n, double *sum)
{
	for (size_t r = 0; r < n; r++)
		sum[r] += times[r] * value;
}

void
rk_bootstrap_add(const double *value, size_t n_columns, const double *times, size_t n, double *sum)
{
	for (size_t c = 0; c < n_columns; c++)
		if (value[c] != 0.0)
			rk_bootstrap_add_one(value[c], times, n, sum + c * n);
}
