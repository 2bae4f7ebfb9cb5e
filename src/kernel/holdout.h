/*
 * holdout.h
 *	  NDCG on held-out interactions.
 *
 * This is the quick measure by which learning chooses.  Lists are those of
 * topk.h, so an index of the items (quantise.h) makes it quick and changes nothing.
 */
#ifndef RK_HOLDOUT_H
#define RK_HOLDOUT_H

#include <stdint.h>

#include "csr.h"
#include "status.h"
#include "topk.h"

/* RkHoldout is what is measured; it owns nothing. */
typedef struct RkHoldout
{
	RkItems items;            /* what is ranked */
	const float *user_factor; /* [n_users x d] */
	const RkCsr *train;       /* [n_users x n_items], these are not ranked */
	const RkCsr *test;        /* [n_users x n_items], these are to be found */
	const uint32_t *tie;      /* [n_items], the smaller wins among equal
								 * scores; or NULL: the smaller index */
	const uint32_t *user;     /* [n_list], the users to measure */
	size_t k;                 /* length of a list, >= 1 */
} RkHoldout;

/* rk_holdout_scratch_bytes is the scratch of rk_holdout_ndcg_range, a function of items.n, items.d and k. */
extern size_t rk_holdout_scratch_bytes(const RkHoldout *holdout);

/*
 * rk_holdout_ndcg_range computes NDCG@k (as in metrics.h, the ideal cut at
 * min(k, |test|)) of the users at positions first .. last - 1 of the list.
 * ndcg is [n_list], written at the same positions: the caller adds them in
 * order.  A user without held-out items gets NaN and is to be left out.
 * RK_NON_FINITE as rk_topk.
 */
extern RkStatus rk_holdout_ndcg_range(const RkHoldout *holdout, size_t first, size_t last, double *ndcg,
									  void *scratch, const RkPoll *poll);

#endif /* RK_HOLDOUT_H */
