/*
 * holdout.c
 *	  NDCG on held-out interactions.
 */
#include "holdout.h"

#include <math.h>

#include "metrics.h"
#include "simd.h"

/* RkHoldoutUser is the scratch, laid out. */
typedef struct RkHoldoutUser
{
	double *query;  /* [d] */
	RkHit *hit;     /* [k] */
	uint8_t *found; /* [k] */
	uint8_t *skip;  /* bitmap of items, all 0 between users */
	void *topk;     /* of rk_topk */
} RkHoldoutUser;

size_t
rk_holdout_scratch_bytes(const RkHoldout *holdout)
{
	return rk_scratch_bytes(holdout->items.d, sizeof(double)) + rk_scratch_bytes(holdout->k, sizeof(RkHit)) +
		   rk_scratch_bytes(holdout->k, 1) + rk_scratch_bytes(holdout->items.n / 8 + 1, 1) +
		   rk_topk_scratch_bytes(holdout->items.d);
}

/* rk_user_layout cuts the scratch. */
static void
rk_user_layout(RkHoldoutUser *user, const RkHoldout *holdout, void *scratch)
{
	char *cursor = scratch;

	user->query = rk_scratch_take(&cursor, holdout->items.d, sizeof(double));
	user->hit = rk_scratch_take(&cursor, holdout->k, sizeof(RkHit));
	user->found = rk_scratch_take(&cursor, holdout->k, 1);
	user->skip = rk_scratch_take(&cursor, holdout->items.n / 8 + 1, 1);
	user->topk = cursor;
	memset(user->skip, 0, holdout->items.n / 8 + 1);
}

/* rk_row_contains tells whether a row of a matrix has a column. */
static bool
rk_row_contains(const RkCsr *csr, size_t row, uint32_t column)
{
	uint64_t low = csr->offset[row];
	uint64_t high = csr->offset[row + 1];

	while (low < high)
	{
		uint64_t middle = low + (high - low) / 2;

		if (csr->index[middle] < column)
			low = middle + 1;
		else
			high = middle;
	}
	return low < csr->offset[row + 1] && csr->index[low] == column;
}

/* rk_user_rank fills the list of a user and gives its length. */
static RkStatus
rk_user_rank(const RkHoldoutUser *user, const RkHoldout *holdout, uint32_t index, size_t *n_hit,
			 const RkPoll *poll)
{
	const RkCsr *train = holdout->train;
	size_t d = holdout->items.d;
	RkTopk ask = {
		.query = user->query, .k = holdout->k, .skip = user->skip, .tie = holdout->tie, .poll = poll};
	RkStatus status;

	for (size_t k = 0; k < d; k++)
		user->query[k] = (double) holdout->user_factor[index * d + k];
	for (uint64_t e = train->offset[index]; e < train->offset[index + 1]; e++)
		user->skip[train->index[e] / 8] |= (uint8_t) (1u << (train->index[e] % 8));
	status = rk_topk(&holdout->items, &ask, user->topk, user->hit, n_hit);
	for (uint64_t e = train->offset[index]; e < train->offset[index + 1]; e++)
		user->skip[train->index[e] / 8] = 0;
	return status;
}

/* rk_user_ndcg measures a list of n_hit items. */
static double
rk_user_ndcg(const RkHoldoutUser *user, const RkHoldout *holdout, uint32_t index, size_t n_hit)
{
	size_t n_test = rk_csr_count(holdout->test, index);
	RkListMetrics metrics;

	if (n_test == 0)
		return NAN;
	for (size_t r = 0; r < n_hit; r++)
		user->found[r] = rk_row_contains(holdout->test, index, user->hit[r].item);
	rk_metrics_list(user->found, n_hit, n_test, &holdout->k, 1, &metrics);
	return metrics.ndcg;
}

RkStatus
rk_holdout_ndcg_range(const RkHoldout *holdout, size_t first, size_t last, double *ndcg, void *scratch,
					  const RkPoll *poll)
{
	RkHoldoutUser user;

	rk_user_layout(&user, holdout, scratch);
	for (size_t p = first; p < last; p++)
	{
		size_t n_hit = 0;
		RkStatus status = rk_user_rank(&user, holdout, holdout->user[p], &n_hit, poll);

		if (status != RK_OK)
			return status;
		ndcg[p] = rk_user_ndcg(&user, holdout, holdout->user[p], n_hit);
	}
	return RK_OK;
}
