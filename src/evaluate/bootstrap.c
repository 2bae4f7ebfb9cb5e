/*
 * bootstrap.c
 *	  Sums over users, and over resamples of them.
 *
 * Every measured value of a user goes into the sums of the user's class when the user is measured, once and as often as each resample
 * draws the user (kernel/bootstrap.h), and is then forgotten.  All contestants share the draws, so that two models
 * are compared on the same resamples.  Groups are made of classes, and so are their sums.
 */
#include "postgres.h"

#include <math.h>

#include "evaluate/internal.h"
#include "kernel/bootstrap.h"
#include "storage/shmem.h"

/* Of the intervals. */
#define LEVEL 0.95

RecoTally *
reco_evaluate_tally_make(const RecoEvaluation *evaluation)
{
	RecoTally *tally = palloc0(sizeof(RecoTally));
	size_t columns = reco_evaluate_columns(evaluation);
	size_t resamples = (size_t) evaluation->settings.resamples;

	tally->n_columns = columns;
	tally->resamples = resamples;
	tally->times = reco_evaluate_alloc(resamples, sizeof(double));
	for (int class = 0; class < RECO_CLASSES; class ++)
		tally->of_class[class] = (RecoSums){
			0,
			reco_evaluate_alloc(columns, sizeof(size_t)),
			reco_evaluate_alloc(columns, sizeof(double)),
			reco_evaluate_alloc(mul_size(columns, resamples), sizeof(double)),
		};
	return tally;
}

void
reco_evaluate_tally_add(RecoTally *tally, RecoUserClass class, uint64 hash, const double *value)
{
	RecoSums *sums = &tally->of_class[class];

	sums->users++;
	for (size_t c = 0; c < tally->n_columns; c++)
	{
		sums->having[c] += value[c] > 0;
		sums->sum[c] += value[c];
	}
	rk_bootstrap_times(hash, tally->times, tally->resamples);
	rk_bootstrap_add(value, tally->n_columns, tally->times, tally->resamples, sums->resampled);
}

RecoSums
reco_evaluate_sums(const RecoTally *tally, RecoUserGroup group)
{
	size_t resampled = tally->n_columns * tally->resamples;
	RecoSums sums = {0, reco_evaluate_alloc(tally->n_columns, sizeof(size_t)),
					 reco_evaluate_alloc(tally->n_columns, sizeof(double)),
					 reco_evaluate_alloc(resampled, sizeof(double))};

	for (int class = 0; class < RECO_CLASSES; class ++)
	{
		const RecoSums *part = &tally->of_class[class];

		if (!reco_evaluate_in_group(class, group) || part->users == 0)
			continue;
		sums.users += part->users;
		for (size_t c = 0; c < tally->n_columns; c++)
		{
			sums.having[c] += part->having[c];
			sums.sum[c] += part->sum[c];
		}
		for (size_t i = 0; i < resampled; i++)
			sums.resampled[i] += part->resampled[i];
	}
	return sums;
}

void
reco_evaluate_free_sums(RecoSums *sums)
{
	pfree(sums->having);
	pfree(sums->sum);
	pfree(sums->resampled);
}

/* ratio gives a statistic of two sums. */
static double
ratio(const RecoStatistic *statistic, double sum, double denominator)
{
	double value = sum / denominator;

	return statistic->root ? sqrt(value) : value;
}

double
reco_evaluate_statistic(const RecoStatistic *statistic, const RecoSums *sums)
{
	return ratio(statistic, sums->sum[statistic->column], sums->sum[statistic->denominator]);
}

void
reco_evaluate_resampled(const RecoStatistic *statistic, const RecoSums *sums, size_t resamples, double *value)
{
	bool enough = sums->having[statistic->denominator] >= RECO_LEAST_USERS;

	for (size_t r = 0; r < resamples; r++)
		value[r] = enough ? ratio(statistic, sums->resampled[statistic->column * resamples + r],
								  sums->resampled[statistic->denominator * resamples + r])
						  : NAN;
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
