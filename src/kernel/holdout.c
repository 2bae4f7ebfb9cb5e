/*
 * holdout.c
 *	  NDCG on held-out interactions, for many users at once (with BLAS).
 *
 * Users are taken in blocks and items in tiles; the scores of a block and a
 * tile are one matrix product.  Each user of the block keeps a heap, and a
 * cursor into the training row, whose items ascend as the tiles do.
 */
#include "holdout.h"

#include <math.h>

#include "blas.h"
#include "metrics.h"
#include "simd.h"
#include "topk.h"

/* Items that are scored together. */
#define RK_HOLDOUT_ITEMS 1024

/* Scores that are compared with the floor of a heap at once. */
#define RK_HOLDOUT_SCAN 32

typedef int32_t RkInt8x32 __attribute__((vector_size(32)));

/* RkHoldoutBlock is the scratch, laid out. */
typedef struct RkHoldoutBlock
{
	const RkHoldout *holdout;
	size_t n_users;       /* in this block */
	const uint32_t *user; /* [n_users] */
	float *query;         /* [RK_HOLDOUT_USERS x d] */
	float *factor;        /* [RK_HOLDOUT_ITEMS x d] */
	float *score;         /* [RK_HOLDOUT_USERS x RK_HOLDOUT_ITEMS] */
	uint64_t *cursor;     /* [RK_HOLDOUT_USERS], next training entry */
	RkHeap *heap;         /* [RK_HOLDOUT_USERS] */
	RkHit *hit;           /* [RK_HOLDOUT_USERS x k] */
	uint8_t *found;       /* [k] */
} RkHoldoutBlock;

size_t
rk_holdout_scratch_bytes(const RkHoldout *holdout)
{
	return rk_scratch_bytes(RK_HOLDOUT_USERS * holdout->d, sizeof(float)) +
		   rk_scratch_bytes(RK_HOLDOUT_ITEMS * holdout->d, sizeof(float)) +
		   rk_scratch_bytes(RK_HOLDOUT_USERS * RK_HOLDOUT_ITEMS, sizeof(float)) +
		   rk_scratch_bytes(RK_HOLDOUT_USERS, sizeof(uint64_t)) +
		   rk_scratch_bytes(RK_HOLDOUT_USERS, sizeof(RkHeap)) +
		   rk_scratch_bytes(RK_HOLDOUT_USERS * holdout->k, sizeof(RkHit)) +
		   rk_scratch_bytes(holdout->k, sizeof(uint8_t));
}

/* rk_block_layout cuts the scratch. */
static void
rk_block_layout(RkHoldoutBlock *block, const RkHoldout *holdout, void *scratch)
{
	char *cursor = scratch;

	block->holdout = holdout;
	block->query = rk_scratch_take(&cursor, RK_HOLDOUT_USERS * holdout->d, sizeof(float));
	block->factor = rk_scratch_take(&cursor, RK_HOLDOUT_ITEMS * holdout->d, sizeof(float));
	block->score = rk_scratch_take(&cursor, RK_HOLDOUT_USERS * RK_HOLDOUT_ITEMS, sizeof(float));
	block->cursor = rk_scratch_take(&cursor, RK_HOLDOUT_USERS, sizeof(uint64_t));
	block->heap = rk_scratch_take(&cursor, RK_HOLDOUT_USERS, sizeof(RkHeap));
	block->hit = rk_scratch_take(&cursor, RK_HOLDOUT_USERS * holdout->k, sizeof(RkHit));
	block->found = rk_scratch_take(&cursor, holdout->k, sizeof(uint8_t));
}

/* rk_block_begin starts a block of users. */
static void
rk_block_begin(RkHoldoutBlock *block, const uint32_t *user, size_t n_users)
{
	const RkHoldout *holdout = block->holdout;
	size_t d = holdout->d;

	block->user = user;
	block->n_users = n_users;
	for (size_t u = 0; u < n_users; u++)
	{
		memcpy(block->query + u * d, holdout->user_factor + (size_t) user[u] * d, d * sizeof(float));
		block->cursor[u] = holdout->train->offset[user[u]];
		rk_heap_init(&block->heap[u], block->hit + u * holdout->k, holdout->k, holdout->tie);
	}
}

/* rk_block_score fills the scores of items first .. first + n_items - 1. */
static void
rk_block_score(RkHoldoutBlock *block, size_t first, size_t n_items)
{
	const float unit = 1.0f;
	const float zero = 0.0f;
	size_t d = block->holdout->d;
	RkBlasInt items = (RkBlasInt) n_items;
	RkBlasInt users = (RkBlasInt) block->n_users;
	RkBlasInt depth = (RkBlasInt) d;
	RkBlasInt lda = (RkBlasInt) rk_max(d, 1);
	RkBlasInt ldc = RK_HOLDOUT_ITEMS;

	memcpy(block->factor, block->holdout->item_factor + first * d, n_items * d * sizeof(float));
	sgemm_("T", "N", &items, &users, &depth, &unit, block->factor, &lda, block->query, &lda, &zero,
		   block->score, &ldc, 1, 1);
}

/* rk_block_mask adds biases and takes out what one user must not be given. */
static void
rk_block_mask(RkHoldoutBlock *block, size_t u, size_t first, size_t n_items)
{
	const RkHoldout *holdout = block->holdout;
	const RkCsr *train = holdout->train;
	float *score = block->score + u * RK_HOLDOUT_ITEMS;
	uint64_t end = train->offset[(size_t) block->user[u] + 1];

	if (holdout->item_bias != NULL)
		for (size_t i = 0; i < n_items; i++)
			score[i] += holdout->item_bias[first + i];
	if (holdout->skip != NULL)
		for (size_t i = 0; i < n_items; i++)
			if ((holdout->skip[(first + i) / 8] >> ((first + i) % 8) & 1) != 0)
				score[i] = -INFINITY;
	for (; block->cursor[u] < end && train->index[block->cursor[u]] < first + n_items; block->cursor[u]++)
		score[train->index[block->cursor[u]] - first] = -INFINITY;
	for (size_t i = n_items; i < rk_round_up(n_items, RK_HOLDOUT_SCAN); i++)
		score[i] = -INFINITY;
}

/* rk_scan_reaches tells whether any of 32 scores is at least the floor. */
RK_INLINE bool
rk_scan_reaches(const float *score, float floor)
{
	RkInt8x32 any = {0};
	uint64_t word[4];

	for (size_t i = 0; i < RK_HOLDOUT_SCAN; i += 8)
	{
		RkFloat8 v;

		RK_LOAD(v, score + i);
		any |= v >= floor;
	}
	RK_STORE(word, any);
	return (word[0] | word[1] | word[2] | word[3]) != 0;
}

/* rk_scan_scores offers the scores of a tile to a heap. */
RK_CLONES static void
rk_scan_scores(const float *score, size_t first, size_t n_items, RkHeap *heap)
{
	float floor = (float) rk_heap_floor(heap);

	for (size_t start = 0; start < n_items; start += RK_HOLDOUT_SCAN)
	{
		if (!rk_scan_reaches(score + start, floor))
			continue;
		for (size_t i = start; i < start + RK_HOLDOUT_SCAN; i++)
			if (score[i] >= floor && score[i] > -INFINITY)
			{
				rk_heap_push(heap, (uint32_t) (first + i), (double) score[i]);
				floor = (float) rk_heap_floor(heap);
			}
	}
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

/* rk_block_ndcg finishes the list of one user. */
static double
rk_block_ndcg(RkHoldoutBlock *block, size_t u)
{
	const RkHoldout *holdout = block->holdout;
	size_t n_test = rk_csr_count(holdout->test, block->user[u]);
	size_t n_list = rk_heap_finish(&block->heap[u]);
	RkListMetrics metrics;

	if (n_test == 0)
		return NAN;
	for (size_t r = 0; r < n_list; r++)
		block->found[r] = rk_row_contains(holdout->test, block->user[u], block->heap[u].hit[r].item);
	rk_metrics_list(block->found, n_list, n_test, &holdout->k, 1, &metrics);
	return metrics.ndcg;
}

RkStatus
rk_holdout_ndcg_range(const RkHoldout *holdout, size_t first, size_t last, double *ndcg, void *scratch,
					  const RkPoll *poll)
{
	size_t n_items = holdout->train->n_cols;
	RkHoldoutBlock block;

	rk_block_layout(&block, holdout, scratch);
	for (size_t start = first; start < last; start += RK_HOLDOUT_USERS)
	{
		rk_block_begin(&block, holdout->user + start, rk_min(last - start, RK_HOLDOUT_USERS));
		for (size_t item = 0; item < n_items; item += RK_HOLDOUT_ITEMS)
		{
			size_t tile = rk_min(n_items - item, RK_HOLDOUT_ITEMS);

			rk_block_score(&block, item, tile);
			for (size_t u = 0; u < block.n_users; u++)
			{
				rk_block_mask(&block, u, item, tile);
				rk_scan_scores(block.score + u * RK_HOLDOUT_ITEMS, item, tile, &block.heap[u]);
			}
			if (rk_poll_cancelled(poll))
				return RK_CANCELLED;
		}
		for (size_t u = 0; u < block.n_users; u++)
			ndcg[start + u] = rk_block_ndcg(&block, u);
	}
	return RK_OK;
}
