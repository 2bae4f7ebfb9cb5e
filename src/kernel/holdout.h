/*
 * holdout.h
 *	  NDCG on held-out interactions, for many users at once (with BLAS).
 *
 * This is the quick measure that learning and tuning look at.  Scores are
 * float32 products, so a list may differ from a served one where scores agree
 * to seven digits; what is shown to users goes through topk.h.
 */
#ifndef RK_HOLDOUT_H
#define RK_HOLDOUT_H

#include <stdint.h>

#include "csr.h"
#include "status.h"

/* Users that are scored together; part of the result's bytes. */
#define RK_HOLDOUT_USERS 64

/* RkHoldout is what is measured; it owns nothing. */
typedef struct RkHoldout
{
	size_t d;
	const float *user_factor; /* [n_users x d] */
	const float *item_factor; /* [n_items x d] */
	const float *item_bias;   /* [n_items], or NULL for 0 */
	const RkCsr *train;       /* [n_users x n_items], these are not ranked */
	const RkCsr *test;        /* [n_users x n_items], these are to be found */
	const uint8_t *skip;      /* bitmap of n_items bits, more items not to
								 * rank, as in topk.h; or NULL */
	const uint32_t *tie;      /* [n_items], the smaller wins among equal
								 * scores; or NULL: the smaller index */
	const uint32_t *user;     /* [n_list], the users to measure */
	size_t k;                 /* length of a list, >= 1 */
} RkHoldout;

/* rk_holdout_scratch_bytes is the scratch of rk_holdout_ndcg_range. */
extern size_t rk_holdout_scratch_bytes(const RkHoldout *holdout);

/*
 * rk_holdout_ndcg_range computes NDCG@k (as in metrics.h, the ideal cut at
 * min(k, |test|)) of the users at positions first .. last - 1 of the list.
 * ndcg is [n_list], written at the same positions: the caller adds them in
 * order.  A user without held-out items gets NaN and is to be left out.
 *
 * first must be a multiple of RK_HOLDOUT_USERS, and last one too unless it is
 * the end, for the same bytes whatever the ranges.
 */
extern RkStatus rk_holdout_ndcg_range(const RkHoldout *holdout, size_t first, size_t last, double *ndcg,
									  void *scratch, const RkPoll *poll);

#endif /* RK_HOLDOUT_H */
