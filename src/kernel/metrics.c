/*
 * metrics.c
 *	  Quality of ranked lists and of predicted values.
 */
#include "metrics.h"

#include <math.h>

#include "rng.h"
#include "simd.h"

double
rk_metrics_discount(size_t rank)
{
	return 1.0 / log2((double) rank + 1.0);
}

/* rk_metrics_cut computes the metrics at one cut; n_test > 0. */
static void
rk_metrics_cut(const uint8_t *hit, size_t n_list, size_t n_test, size_t cut, RkListMetrics *out)
{
	size_t length = rk_min(n_list, cut);
	size_t ideal_length = rk_min(cut, n_test);
	double hits = 0.0;
	double gain = 0.0;
	double ideal = 0.0;
	double precisions = 0.0;

	for (size_t rank = 1; rank <= ideal_length; rank++)
		ideal += rk_metrics_discount(rank);
	for (size_t rank = 1; rank <= length; rank++)
	{
		if (hit[rank - 1] == 0)
			continue;
		hits += 1.0;
		gain += rk_metrics_discount(rank);
		precisions += hits / (double) rank;
		if (hits == 1.0)
			out->reciprocal_rank = 1.0 / (double) rank;
	}
	out->recall = hits / (double) n_test;
	out->precision = hits / (double) cut;
	out->f1 = 2.0 * hits / (double) (n_test + cut);
	out->ndcg = gain / ideal;
	out->average_precision = precisions / (double) ideal_length;
	out->hit_rate = hits > 0.0 ? 1.0 : 0.0;
}

void
rk_metrics_list(const uint8_t *hit, size_t n_list, size_t n_test, const size_t *cut, size_t n_k,
				RkListMetrics *out)
{
	for (size_t i = 0; i < n_k; i++)
	{
		memset(&out[i], 0, sizeof(out[i]));
		if (n_test > 0 && cut[i] > 0)
			rk_metrics_cut(hit, n_list, n_test, cut[i], &out[i]);
	}
}

/* rk_sift moves value[place] down in a heap whose greatest is first. */
static void
rk_sift(double *value, size_t place, size_t size)
{
	double moving = value[place];

	for (;;)
	{
		size_t child = 2 * place + 1;

		if (child >= size)
			break;
		if (child + 1 < size && value[child + 1] > value[child])
			child++;
		if (!(value[child] > moving))
			break;
		value[place] = value[child];
		place = child;
	}
	value[place] = moving;
}

/* rk_sort sorts ascending in place (heapsort: qsort() may allocate). */
static void
rk_sort(double *value, size_t n)
{
	for (size_t place = n / 2; place-- > 0;)
		rk_sift(value, place, n);
	for (size_t size = n; size > 1; size--)
	{
		double greatest = value[0];

		value[0] = value[size - 1];
		value[size - 1] = greatest;
		rk_sift(value, 0, size - 1);
	}
}

/* rk_quantile interpolates in a sorted array, n > 0. */
static double
rk_quantile(const double *sorted, size_t n, double p)
{
	double place = p * (double) (n - 1);
	size_t low = rk_min((size_t) place, n - 1);
	size_t high = rk_min(low + 1, n - 1);

	return sorted[low] + (place - (double) low) * (sorted[high] - sorted[low]);
}

size_t
rk_metrics_bootstrap_scratch_bytes(size_t resamples)
{
	return rk_scratch_bytes(resamples, sizeof(double));
}

RkStatus
rk_metrics_bootstrap(const double *value, size_t n, size_t resamples, uint64_t seed, double level,
					 void *scratch, RkInterval *out, const RkPoll *poll)
{
	double *mean = scratch;
	double work = 0.0;
	RkRng rng;

	if (n == 0 || resamples == 0 || !(level > 0.0 && level < 1.0))
		return RK_INVALID;
	for (size_t i = 0; i < n; i++)
		if (!isfinite(value[i]))
			return RK_NON_FINITE;
	rk_rng_seed(&rng, seed);
	for (size_t r = 0; r < resamples; r++)
	{
		double sum = 0.0;

		for (size_t i = 0; i < n; i++)
		{
			sum += value[rk_rng_below(&rng, n)];
			if (rk_poll_after(poll, &work, 64.0))
				return RK_CANCELLED;
		}
		mean[r] = sum / (double) n;
	}
	rk_sort(mean, resamples);
	out->low = rk_quantile(mean, resamples, (1.0 - level) / 2.0);
	out->high = rk_quantile(mean, resamples, (1.0 + level) / 2.0);
	return RK_OK;
}

void
rk_error_add(RkErrorSum *sum, double predicted, double actual)
{
	double error = predicted - actual;

	sum->count += 1.0;
	sum->squares += error * error;
	sum->absolutes += fabs(error);
}

void
rk_error_merge(RkErrorSum *sum, const RkErrorSum *other)
{
	sum->count += other->count;
	sum->squares += other->squares;
	sum->absolutes += other->absolutes;
}

double
rk_error_rmse(const RkErrorSum *sum)
{
	return sum->count > 0.0 ? sqrt(sum->squares / sum->count) : 0.0;
}

double
rk_error_mae(const RkErrorSum *sum)
{
	return sum->count > 0.0 ? sum->absolutes / sum->count : 0.0;
}
