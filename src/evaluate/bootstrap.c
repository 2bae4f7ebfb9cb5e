/*
 * bootstrap.c
 *	  Resamples of users, for all measured values at once.
 *
 * The percentile bootstrap (Efron 1979) draws n users with replacement and
 * takes the statistic again.  All columns share the draws, so that two models
 * are compared on the same resamples, and the values, which are many times
 * larger than the draws, are read once for a block of resamples.
 */
#include "postgres.h"

#include <math.h>

#include "evaluate/internal.h"
#include "kernel/rng.h"
#include "miscadmin.h"
#include "parallel/progress.h"

/* Of the intervals. */
#define LEVEL 0.95

/* Resamples taken together. */
#define BLOCK 16

/* Users between two checks for interrupts. */
#define INTERRUPT_EVERY 4096

/* draw counts how often each of n users is drawn in BLOCK resamples from "first" on: times is [n x BLOCK]. */
static void
draw(double *times, size_t n, int first, uint64 seed)
{
	memset(times, 0, sizeof(double) * n * BLOCK);
	for (int r = 0; r < BLOCK; r++)
	{
		RkRng rng;

		rk_rng_seed(&rng, rk_hash_mix(seed, (uint64) first + (uint64) r));
		for (size_t i = 0; i < n; i++)
		{
			times[rk_rng_below(&rng, n) * BLOCK + r] += 1;
			if (i % INTERRUPT_EVERY == 0)
				CHECK_FOR_INTERRUPTS();
		}
	}
}

/* add_user adds the values [n_columns] of one user, as often as it was drawn, to sum [n_columns x BLOCK]. */
static void
add_user(const double *value, size_t n_columns, const double *times, double *sum)
{
	for (size_t c = 0; c < n_columns; c++)
		for (int r = 0; r < BLOCK; r++)
			sum[c * BLOCK + r] += times[r] * value[c];
}

/*
 * reco_evaluate_resample gives the sums of the columns over each resample of
 * the listed users: [resamples x n_columns] in the current context.  value is
 * [users x n_columns], user is [n], n > 0.
 */
double *
reco_evaluate_resample(const double *value, size_t n_columns, const uint32 *user, size_t n, int resamples,
					   uint64 seed)
{
	double *out = reco_evaluate_alloc(n_columns * resamples, sizeof(double));
	double *times = reco_evaluate_alloc(n * BLOCK, sizeof(double));
	double *sum = reco_evaluate_alloc(n_columns * BLOCK, sizeof(double));

	for (int first = 0; first < resamples; first += BLOCK)
	{
		draw(times, n, first, seed);
		memset(sum, 0, sizeof(double) * n_columns * BLOCK);
		for (size_t i = 0; i < n; i++)
		{
			add_user(value + user[i] * n_columns, n_columns, times + i * BLOCK, sum);
			if (i % INTERRUPT_EVERY == 0)
				CHECK_FOR_INTERRUPTS();
		}
		for (int r = 0; r < BLOCK && first + r < resamples; r++)
			for (size_t c = 0; c < n_columns; c++)
				out[(size_t) (first + r) * n_columns + c] = sum[c * BLOCK + r];
	}
	pfree(times);
	pfree(sum);
	return out;
}

/*
 * reco_evaluate_resample_statistic gives a statistic over all test users, whose values are [users x columns], and
 * writes it over each resample: resampled is [resamples].
 */
double
reco_evaluate_resample_statistic(const RecoEvaluation *evaluation, const double *value,
								 const RecoStatistic *statistic, double *resampled)
{
	const RecoStatistic two = {0, 1, statistic->root};
	size_t n_columns = reco_evaluate_columns(evaluation);
	size_t n = evaluation->n_users;
	int resamples = evaluation->settings.resamples;
	double *compact = reco_evaluate_alloc(n * 2, sizeof(double));
	uint32 *user = reco_evaluate_alloc(n, sizeof(uint32));
	double sum[2] = {0, 0};
	size_t n_having = 0;
	double *sums;

	for (size_t u = 0; u < n; u++)
	{
		user[u] = (uint32) u;
		compact[2 * u] = value[u * n_columns + statistic->column];
		compact[2 * u + 1] = value[u * n_columns + statistic->denominator];
		sum[0] += compact[2 * u];
		sum[1] += compact[2 * u + 1];
		n_having += compact[2 * u + 1] > 0;
	}
	sums = reco_evaluate_resample(compact, 2, user, n, resamples, evaluation->settings.seed);
	for (int r = 0; r < resamples; r++)
		resampled[r] = n_having < RECO_LEAST_USERS ? NAN : reco_evaluate_statistic(&two, sums + 2 * r);
	pfree(compact);
	pfree(user);
	pfree(sums);
	return reco_evaluate_statistic(&two, sum);
}

double
reco_evaluate_statistic(const RecoStatistic *statistic, const double *sum)
{
	double value = sum[statistic->column] / sum[statistic->denominator];

	return statistic->root ? sqrt(value) : value;
}

static int
compare_double(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* quantile gives the p-quantile of sorted values, interpolated linearly between order statistics. */
static double
quantile(const double *sorted, size_t n, double p)
{
	double place = p * (double) (n - 1);
	size_t low = (size_t) place;
	size_t high = Min(low + 1, n - 1);

	return sorted[low] + (place - (double) low) * (sorted[high] - sorted[low]);
}

void
reco_evaluate_interval(double *value, size_t n, double *low, double *high)
{
	size_t finite = 0;

	for (size_t i = 0; i < n; i++)
		if (isfinite(value[i]))
			value[finite++] = value[i];
	*low = *high = NAN;
	if (n == 0 || 2 * finite < n)
		return;
	qsort(value, finite, sizeof(double), compare_double);
	*low = quantile(value, finite, (1 - LEVEL) / 2);
	*high = quantile(value, finite, (1 + LEVEL) / 2);
}
