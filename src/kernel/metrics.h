/*
 * metrics.h
 *	  Quality of ranked lists and of predicted values.
 *
 * A list is an array of flags, hit[r] != 0 if the item at rank r + 1 is one
 * of the user's n_test held-out items.  At a cut k, with h the number of hits
 * among the first k:
 *
 *		recall				h / n_test
 *		precision			h / k		(k, not the length of a short list)
 *		F1					2 h / (n_test + k), the harmonic mean of the two
 *		NDCG				sum over hits of 1 / log2(rank + 1), divided by
 *							the same sum over ranks 1 .. min(k, n_test)
 *		average precision	sum over hits of precision at their rank,
 *							divided by min(k, n_test)
 *		reciprocal rank		1 / rank of the first hit, 0 without
 *		hit rate			1 if h > 0, else 0
 *
 * The cut in NDCG and average precision makes a perfect list score 1 at every
 * k.  Means over users are the caller's, in index order.
 */
#ifndef RK_METRICS_H
#define RK_METRICS_H

#include <stdint.h>

#include "csr.h"
#include "status.h"

typedef struct RkListMetrics
{
	double recall;
	double precision;
	double f1;
	double ndcg;
	double average_precision;
	double reciprocal_rank;
	double hit_rate;
} RkListMetrics;

/* RkErrorSum accumulates errors of predicted values; start from all zeros. */
typedef struct RkErrorSum
{
	double count;
	double squares;
	double absolutes;
} RkErrorSum;

/* rk_metrics_discount is 1 / log2(rank + 1), rank counted from 1. */
extern double rk_metrics_discount(size_t rank);

/*
 * rk_metrics_list computes the metrics of one list at n_k cuts.  hit is
 * [n_list], which may be shorter than a cut; cut is [n_k], each >= 1; out is
 * [n_k].  A user without held-out items (n_test = 0) has all zeros and should
 * be left out of means.
 */
extern void rk_metrics_list(const uint8_t *hit, size_t n_list, size_t n_test, const size_t *cut, size_t n_k,
							RkListMetrics *out);

/*
 * rk_metrics_auc computes the area under the ROC curve: the share of pairs of a
 * held-out and another candidate in which the held-out one scores higher, ties
 * counting half (Mann and Whitney 1947).  positive is [n_positive] and is sorted;
 * negative is [n_negative].  n_missing more held-out items have no score and lie below every candidate.
 * NaN when there is no held-out item, or no other candidate.
 */
extern double rk_metrics_auc(double *positive, size_t n_positive, size_t n_missing, const double *negative,
							 size_t n_negative);

/*
 * rk_metrics_novelty computes the mean of -log2(share) over the first cut[i]
 * items of a list: how surprising they are to someone who knows what is popular
 * (Zhou et al. 2010).  share is [n_list], of the users who have each item, in (0, 1]; out is [n_k], 0 for an empty list.
 */
extern void rk_metrics_novelty(const double *share, size_t n_list, const size_t *cut, size_t n_k,
							   double *out);

/* An item of a list that is in no row of by_item. */
#define RK_METRICS_NO_ITEM UINT32_MAX

/*
 * rk_metrics_diversity computes the mean over all pairs of the first cut[i]
 * items of a list of 1 - cosine of who has them, |A and B| / sqrt(|A| |B|) (intra-list
 * diversity, Ziegler et al. 2005).  by_item is [items x users], its entries without weights;
 * list is [n_list]; RK_METRICS_NO_ITEM, and an item that nobody has, is like nothing else.  out is [n_k], 0 where
 * there are fewer than two items.
 */
extern RkStatus rk_metrics_diversity(const RkCsr *by_item, const uint32_t *list, size_t n_list,
									 const size_t *cut, size_t n_k, double *out, const RkPoll *poll);

/*
 * rk_metrics_gini computes the Gini coefficient of n counts, which are sorted: 0 when all are
 * equal, (n - 1) / n when one has everything; 0 when all are zero or n = 0.
 */
extern double rk_metrics_gini(double *count, size_t n);

/* rk_error_add counts one prediction. */
extern void rk_error_add(RkErrorSum *sum, double predicted, double actual);

#endif /* RK_METRICS_H */
