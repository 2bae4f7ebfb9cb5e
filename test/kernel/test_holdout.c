/*
 * Proves that the NDCG of many users is that of ranking every item for each,
 * that what a user has is not ranked, and that neither ranges nor an index of the items change a byte.
 */
#include "unit.h"

#include "kernel/holdout.h"
#include "kernel/metrics.h"
#include "kernel/quantise.h"

#define USERS 150
#define ITEMS 2100

/* random_rows makes a matrix of about per_row entries a row, some rows empty. */
static RkCsr
random_rows(uint64_t seed, double per_row)
{
	uint64_t *offset = unit_alloc((USERS + 1) * sizeof(uint64_t));
	uint32_t *index = unit_alloc(USERS * ITEMS * sizeof(uint32_t));
	size_t nnz = 0;
	RkRng rng;

	rk_rng_seed(&rng, seed);
	for (size_t u = 0; u < USERS; u++)
	{
		offset[u] = nnz;
		for (uint32_t i = 0; i < ITEMS && u % 10 != 7; i++)
			if (rk_rng_uniform(&rng) < per_row / ITEMS)
				index[nnz++] = i;
	}
	offset[USERS] = nnz;
	return (RkCsr){USERS, ITEMS, offset, index, NULL, NULL};
}

static bool
row_contains(const RkCsr *csr, size_t row, size_t column)
{
	for (uint64_t e = csr->offset[row]; e < csr->offset[row + 1]; e++)
		if (csr->index[e] == column)
			return true;
	return false;
}

/* naive_ndcg ranks every item of one user with the heap. */
static double
naive_ndcg(const RkHoldout *h, size_t u)
{
	RkHit *hit = unit_alloc(h->k * sizeof(RkHit));
	uint8_t *flag = unit_alloc(h->k);
	size_t n_test = rk_csr_count(h->test, u);
	size_t n;
	RkHeap heap;
	RkListMetrics metrics;

	rk_heap_init(&heap, hit, h->k, h->tie);
	for (size_t i = 0; i < ITEMS; i++)
	{
		float score = h->items.bias != NULL ? h->items.bias[i] : 0.0f;

		if (row_contains(h->train, u, i))
			continue;
		for (size_t k = 0; k < h->items.d; k++)
			score += h->user_factor[u * h->items.d + k] * h->items.factor[i * h->items.d + k];
		rk_heap_push(&heap, (uint32_t) i, (double) score);
	}
	n = rk_heap_finish(&heap);
	for (size_t r = 0; r < n; r++)
		flag[r] = row_contains(h->test, u, hit[r].item);
	rk_metrics_list(flag, n, n_test, &h->k, 1, &metrics);
	free(hit);
	free(flag);
	return n_test > 0 ? metrics.ndcg : NAN;
}

/*
 * Factors are small integers, so that float32 sums are exact in any order and
 * many scores tie.
 */
static void
test_against_naive(size_t d, size_t k, bool with_options)
{
	RkCsr train = random_rows(1, 60.0);
	RkCsr test = random_rows(2, 40.0);
	float *x = unit_alloc(USERS * d * sizeof(float));
	float *y = unit_alloc(ITEMS * d * sizeof(float));
	float bias[ITEMS];
	float norm[ITEMS];
	uint32_t tie[ITEMS];
	uint32_t user[USERS];
	double ndcg[USERS];
	double again[USERS];
	RkHoldout h = {{ITEMS, d, y, norm, NULL, NULL, NULL}, x, &train, &test, NULL, user, k};
	RkIndexRoom room = {.order = unit_alloc(ITEMS * sizeof(int32_t)),
						.coarse = unit_alloc(rk_index_blocks(ITEMS) * rk_index_coarse_bytes(d)),
						.fine = unit_alloc(ITEMS * rk_index_columns(d)),
						.mark = unit_alloc(RK_BLOCK * rk_index_blocks(ITEMS) * sizeof(int32_t)),
						.bias = unit_alloc(RK_BLOCK * rk_index_blocks(ITEMS) * sizeof(float)),
						.block = unit_alloc(RK_BLOCK_N * rk_index_blocks(ITEMS) * sizeof(float))};
	RkIndex index = {room.order, room.coarse, room.fine, room.mark, NULL, room.block, RK_PATH_BEST};
	void *scratch;
	size_t same = 0;
	int left = 0;
	RkPoll poll = {unit_cancel_after, &left};
	RkRng rng;

	rk_rng_seed(&rng, 3);
	for (size_t i = 0; i < USERS * d; i++)
		x[i] = (float) rk_rng_below(&rng, 5) - 2.0f;
	for (size_t i = 0; i < ITEMS * d; i++)
		y[i] = (float) rk_rng_below(&rng, 3) - 1.0f;
	for (size_t i = 0; i < ITEMS; i++)
	{
		bias[i] = (float) rk_rng_below(&rng, 3);
		tie[i] = (uint32_t) rk_rng_next(&rng);
	}
	for (uint32_t u = 0; u < USERS; u++)
		user[u] = (u * 7) % USERS;
	if (with_options)
	{
		h.items.bias = bias;
		index.bias = room.bias;
		h.tie = tie;
	}
	CHECK(rk_items_norms(y, d, 0, ITEMS, norm, NULL) == RK_OK);
	scratch = unit_alloc(rk_index_scratch_bytes(ITEMS));
	CHECK(rk_index_build(&h.items, &room, scratch, NULL) == RK_OK);
	free(scratch);
	scratch = unit_alloc(rk_holdout_scratch_bytes(&h));
	CHECK(rk_holdout_ndcg_range(&h, 0, USERS, ndcg, scratch, NULL) == RK_OK);
	CHECK(rk_holdout_ndcg_range(&h, 128, USERS, again, scratch, NULL) == RK_OK);
	CHECK(rk_holdout_ndcg_range(&h, 0, 128, again, scratch, NULL) == RK_OK);
	CHECK(memcmp(ndcg, again, sizeof(ndcg)) == 0);
	for (size_t p = 0; p < USERS; p++)
	{
		double expected = naive_ndcg(&h, user[p]);

		same += ndcg[p] == expected || (isnan(ndcg[p]) && isnan(expected));
	}
	CHECK(same == USERS);
	h.items.index = &index;
	CHECK(rk_holdout_ndcg_range(&h, 0, USERS, again, scratch, NULL) == RK_OK);
	CHECK(memcmp(ndcg, again, sizeof(ndcg)) == 0);
	CHECK(rk_holdout_ndcg_range(&h, 0, USERS, again, scratch, &poll) == RK_CANCELLED);
	free((void *) train.offset);
	free((void *) train.index);
	free((void *) test.offset);
	free((void *) test.index);
	free(x);
	free(y);
	free(room.order);
	free(room.coarse);
	free(room.fine);
	free(room.mark);
	free(room.bias);
	free(room.block);
	free(scratch);
}

int
main(void)
{
	test_against_naive(8, 20, false);
	test_against_naive(8, 20, true);
	test_against_naive(64, 1, true);
	test_against_naive(3, 3000, true);
	return unit_finish("holdout");
}
