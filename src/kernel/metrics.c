/*
 * metrics.c
 *	  Quality of ranked lists and of predicted values.
 */
#include "metrics.h"

#include <math.h>

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

/* rk_count_below gives how many of n sorted values are below (equal: at most) x. */
static size_t
rk_count_below(const double *sorted, size_t n, double x, bool equal)
{
	size_t low = 0;

	while (low < n)
	{
		size_t middle = low + (n - low) / 2;

		if (sorted[middle] < x || (equal && sorted[middle] == x))
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

double
rk_metrics_auc(double *positive, size_t n_positive, size_t n_missing, const double *negative,
			   size_t n_negative)
{
	double won = 0.0;

	if (n_positive + n_missing == 0 || n_negative == 0)
		return NAN;
	rk_sort(positive, n_positive);
	for (size_t i = 0; i < n_negative; i++)
	{
		size_t below = rk_count_below(positive, n_positive, negative[i], false);
		size_t not_above = rk_count_below(positive, n_positive, negative[i], true);

		won += (double) (n_positive - not_above) + 0.5 * (double) (not_above - below);
	}
	return won / ((double) (n_positive + n_missing) * (double) n_negative);
}

void
rk_metrics_novelty(const double *share, size_t n_list, const size_t *cut, size_t n_k, double *out)
{
	for (size_t i = 0; i < n_k; i++)
	{
		size_t length = rk_min(n_list, cut[i]);
		double sum = 0.0;

		for (size_t r = 0; r < length; r++)
			sum -= log2(share[r]);
		out[i] = length > 0 ? sum / (double) length : 0.0;
	}
}

/* rk_cosine is the cosine of two rows as sets of columns. */
static double
rk_cosine(const RkCsr *rows, uint32_t one, uint32_t other)
{
	const uint32_t *a = rows->index + rows->offset[one];
	const uint32_t *b = rows->index + rows->offset[other];
	size_t n_a = rk_csr_count(rows, one);
	size_t n_b = rk_csr_count(rows, other);
	size_t common = 0;

	if (n_a == 0 || n_b == 0)
		return 0.0;
	for (size_t i = 0, j = 0; i < n_a && j < n_b;)
	{
		uint32_t x = a[i];
		uint32_t y = b[j];

		common += x == y;
		i += x <= y;
		j += y <= x;
	}
	return (double) common / sqrt((double) n_a * (double) n_b);
}

RkStatus
rk_metrics_diversity(const RkCsr *by_item, const uint32_t *list, size_t n_list, const size_t *cut, size_t n_k,
					 double *out, const RkPoll *poll)
{
	double work = 0.0;

	memset(out, 0, sizeof(double) * n_k);
	for (size_t r = 1; r < n_list; r++)
	{
		double sum = 0.0;

		for (size_t s = 0; s < r; s++)
		{
			if (list[r] == RK_METRICS_NO_ITEM || list[s] == RK_METRICS_NO_ITEM)
			{
				sum += 1.0;
				continue;
			}
			sum += 1.0 - rk_cosine(by_item, list[r], list[s]);
			if (rk_poll_after(poll, &work,
							  (double) (rk_csr_count(by_item, list[r]) + rk_csr_count(by_item, list[s]))))
				return RK_CANCELLED;
		}
		for (size_t i = 0; i < n_k; i++)
			if (r < cut[i])
				out[i] += sum;
	}
	for (size_t i = 0; i < n_k; i++)
	{
		double length = (double) rk_min(n_list, cut[i]);

		if (length >= 2.0)
			out[i] /= length * (length - 1.0) / 2.0;
	}
	return RK_OK;
}

double
rk_metrics_gini(double *count, size_t n)
{
	double total = 0.0;
	double ranked = 0.0;

	rk_sort(count, n);
	for (size_t i = 0; i < n; i++)
	{
		total += count[i];
		ranked += (double) (i + 1) * count[i];
	}
	return total > 0.0 ? 2.0 * ranked / ((double) n * total) - ((double) n + 1.0) / (double) n : 0.0;
}

void
rk_error_add(RkErrorSum *sum, double predicted, double actual)
{
	double error = predicted - actual;

	sum->count += 1.0;
	sum->squares += error * error;
	sum->absolutes += fabs(error);
}
