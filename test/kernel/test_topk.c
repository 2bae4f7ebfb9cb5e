/*
 * Proves that top-k returns what scoring every item in double and sorting
 * would, to the bit and in the same order, with and without an index and on every
 * path this CPU has, on factors made to break a bound: shaped like learned ones,
 * 0/1-valued, equal, parallel, of norm 1, denormal, huge, zero, and with ties.
 */
#include "unit.h"

#include "index.h"
#include "kernel/topk.h"

/* A catalogue and its reference ranking. */
typedef struct Shop
{
	size_t n;
	size_t d;
	float *factor;
	float *norm;
	float *bias;
	double *query;
	uint8_t *skip;
	uint32_t *tie;
	RkHit *expected; /* all that may be ranked, best first */
	size_t n_expected;
} Shop;

/* The kinds of factors. */
enum
{
	RANDOM,
	BINARY,
	EQUAL,
	PARALLEL,
	UNIT,
	DENORMAL,
	HUGE_VALUES,
	MIXED,
	SIGNS,
	LEARNED,
	ZEROS,
	KINDS
};

static void
shop_fill_row(Shop *shop, int kind, size_t i, RkRng *rng)
{
	float *y = shop->factor + i * shop->d;
	size_t d = shop->d;
	double scale = kind == DENORMAL ? 1e-41 : kind == HUGE_VALUES ? 1e38 : 1.0;
	double norm = 0.0;

	for (size_t k = 0; k < d; k++)
	{
		double value = rk_rng_normal(rng) * scale;

		if (kind == BINARY)
			value = (double) rk_rng_below(rng, 2);
		else if (kind == SIGNS)
			value = rk_rng_below(rng, 2) ? 0.1 : -0.1;
		else if (kind == EQUAL && i > 0)
			value = (double) shop->factor[k];
		else if (kind == PARALLEL && i > 0)
			value = (double) shop->factor[k] * (double) (1 + i % 50) * 0x1p-5;
		else if (kind == MIXED)
			value *= pow(10.0, (double) rk_rng_below(rng, 60) - 30.0);
		else if (kind == LEARNED)
			value *= pow(1.0 + (double) k, -0.5) * pow(2.0, (double) (i % 97) / 16.0);
		else if (kind == ZEROS && i % 4 != 0)
			value = 0.0;
		else if (kind == HUGE_VALUES)
			value = fmax(-3e38, fmin(3e38, value));
		y[k] = (float) value;
		norm += (double) y[k] * (double) y[k];
	}
	for (size_t k = 0; kind == UNIT && k < d; k++)
		y[k] = (float) ((double) y[k] / sqrt(norm));
}

static Shop
shop_make(int kind, size_t n, size_t d, uint64_t seed)
{
	RkRng rng;
	Shop shop = {.n = n, .d = d};

	rk_rng_seed(&rng, seed);
	shop.factor = unit_alloc(n * d * sizeof(float));
	shop.norm = unit_alloc(n * sizeof(float));
	shop.bias = unit_alloc(n * sizeof(float));
	shop.query = unit_alloc(d * sizeof(double));
	shop.skip = unit_alloc(n / 8 + 1);
	shop.tie = unit_alloc(n * sizeof(uint32_t));
	shop.expected = unit_alloc(n * sizeof(RkHit));
	for (size_t i = 0; i < n; i++)
	{
		shop_fill_row(&shop, kind, i, &rng);
		shop.bias[i] = i % 3 == 0 ? 0.0f : (float) rk_rng_normal(&rng);
		shop.tie[i] = (uint32_t) rk_rng_below(&rng, 50);
	}
	for (size_t b = 0; b <= n / 8; b++)
		shop.skip[b] = (uint8_t) (rk_rng_next(&rng) & rk_rng_next(&rng));
	for (size_t k = 0; k < d; k++)
		shop.query[k] = kind == BINARY ? (double) rk_rng_below(&rng, 2) : rk_rng_normal(&rng);
	CHECK(rk_items_norms(shop.factor, d, 0, n, shop.norm, NULL) == RK_OK);
	return shop;
}

static void
shop_free(Shop *shop)
{
	free(shop->factor);
	free(shop->norm);
	free(shop->bias);
	free(shop->query);
	free(shop->skip);
	free(shop->tie);
	free(shop->expected);
}

static const uint32_t *sort_tie;

static int
compare_hits(const void *left, const void *right)
{
	const RkHit *a = left;
	const RkHit *b = right;

	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	if (sort_tie != NULL && sort_tie[a->item] != sort_tie[b->item])
		return sort_tie[a->item] < sort_tie[b->item] ? -1 : 1;
	return a->item < b->item ? -1 : 1;
}

/* brute_force fills shop->expected. */
static void
brute_force(Shop *shop, const RkItems *items, const RkTopk *ask, bool cosine)
{
	double query_norm = sqrt(rk_dot_dd(ask->query, ask->query, shop->d));

	shop->n_expected = 0;
	for (size_t i = 0; i < shop->n; i++)
	{
		const float *y = shop->factor + i * shop->d;
		RkHit *hit = &shop->expected[shop->n_expected];

		if (ask->skip != NULL && (ask->skip[i / 8] >> (i % 8) & 1))
			continue;
		if (cosine && (query_norm == 0.0 || rk_dot_ff(y, y, shop->d) == 0.0))
			continue;
		hit->item = (uint32_t) i;
		hit->score = cosine ? rk_cosine(ask->query, query_norm, y, shop->d)
							: rk_item_score(items, ask->query, ask->constant, (uint32_t) i);
		shop->n_expected++;
	}
	sort_tie = ask->tie;
	qsort(shop->expected, shop->n_expected, sizeof(RkHit), compare_hits);
}

/* check_list compares a list with the reference, scores to the bit. */
static void
check_list(const Shop *shop, size_t k, const RkHit *hit, size_t n_hit)
{
	size_t same = 0;

	CHECK(n_hit == (k < shop->n_expected ? k : shop->n_expected));
	for (size_t r = 0; r < n_hit; r++)
		same += hit[r].item == shop->expected[r].item && hit[r].score == shop->expected[r].score;
	CHECK(same == n_hit);
}

/* check_paths runs one ranker with an index on every path. */
static void
check_paths(const Shop *shop, const RkItems *items, const RkTopk *ask, bool cosine, void *scratch, RkHit *hit)
{
	for (int path = RK_PATH_BEST; path < RK_PATH_N; path++)
	{
		RkIndex index = *items->index;
		RkItems indexed = *items;
		size_t n_hit;

		if (!rk_path_exists((RkPath) path))
			continue;
		index.path = (RkPath) path;
		indexed.index = &index;
		CHECK((cosine ? rk_topk_cosine : rk_topk)(&indexed, ask, scratch, hit, &n_hit) == RK_OK);
		check_list(shop, ask->k, hit, n_hit);
	}
}

/* check_ask runs the three rankers on one question, with an index and without. */
static void
check_ask(Shop *shop, const RkItems *items, const RkTopk *ask)
{
	void *scratch = unit_alloc(rk_topk_scratch_bytes(shop->d));
	RkHit *hit = unit_alloc(ask->k * sizeof(RkHit));
	RkItems plain = *items;
	size_t n_hit;

	plain.index = NULL;
	brute_force(shop, items, ask, false);
	CHECK(rk_topk(&plain, ask, scratch, hit, &n_hit) == RK_OK);
	check_list(shop, ask->k, hit, n_hit);
	check_paths(shop, items, ask, false, scratch, hit);
	brute_force(shop, items, ask, true);
	CHECK(rk_topk_cosine(&plain, ask, scratch, hit, &n_hit) == RK_OK);
	check_list(shop, ask->k, hit, n_hit);
	check_paths(shop, items, ask, true, scratch, hit);
	free(scratch);
	free(hit);
}

static void
test_kind(int kind, size_t n, size_t d, double query_scale, int step)
{
	const size_t length[] = {0, 1, 10, 100, 5000};
	Shop shop = shop_make(kind, n, d, 1000 + (uint64_t) kind + d);
	Index index[2];

	for (size_t k = 0; k < d; k++)
		shop.query[k] *= query_scale;
	for (int b = 0; b < 2; b++)
	{
		RkItems items = {n, d, shop.factor, shop.norm, b ? shop.bias : NULL, NULL, NULL};

		index[b] = index_make(&items);
	}
	for (int options = 0; options < 16; options += step)
	{
		RkItems items = {
			n, d, shop.factor, shop.norm, options & 1 ? shop.bias : NULL, &index[options & 1].index, NULL};
		RkTopk ask = {
			.query = shop.query,
			.constant = options & 8 ? -3.25 : 0.0,
			.k = length[options % 5],
			.skip = options & 2 ? shop.skip : NULL,
			.tie = options & 4 ? shop.tie : NULL,
		};

		check_ask(&shop, &items, &ask);
	}
	index_free(&index[0]);
	index_free(&index[1]);
	shop_free(&shop);
}

/* Asking again with what was found marked in skip continues a list where it ended. */
static void
test_continued(void)
{
	Shop shop = shop_make(LEARNED, 3000, 24, 5);
	RkItems items = {shop.n, shop.d, shop.factor, shop.norm, NULL, NULL, NULL};
	Index index = index_make(&items);
	RkTopk ask = {.query = shop.query, .k = 70, .skip = shop.skip};
	void *scratch = unit_alloc(rk_topk_scratch_bytes(shop.d));
	RkHit hit[70];
	size_t n_hit;
	size_t place = 0;
	size_t same = 0;

	items.index = &index.index;
	brute_force(&shop, &items, &ask, false);
	do
	{
		CHECK(rk_topk(&items, &ask, scratch, hit, &n_hit) == RK_OK);
		for (size_t h = 0; h < n_hit; h++)
		{
			same += place < shop.n_expected && hit[h].item == shop.expected[place].item;
			place++;
			shop.skip[hit[h].item / 8] |= (uint8_t) (1 << hit[h].item % 8);
		}
	} while (n_hit > 0);
	CHECK(place == shop.n_expected && same == place);
	index_free(&index);
	free(scratch);
	shop_free(&shop);
}

/* Norms are upper bounds, and tight. */
static void
test_norms(void)
{
	for (int kind = 0; kind < KINDS; kind++)
	{
		Shop shop = shop_make(kind, 200, 33, 7);
		size_t good = 0;

		for (size_t i = 0; i < shop.n; i++)
		{
			long double square = 0.0L;

			for (size_t k = 0; k < shop.d; k++)
				square += (long double) shop.factor[i * shop.d + k] * shop.factor[i * shop.d + k];
			good += (long double) shop.norm[i] >= sqrtl(square) &&
					((long double) shop.norm[i] <= sqrtl(square) * (1.0L + 0x1p-22L) ||
					 shop.norm[i] < 1e-37f || isinf(shop.norm[i]));
		}
		CHECK(good == shop.n);
		shop.factor[40] = NAN;
		CHECK(rk_items_norms(shop.factor, shop.d, 0, shop.n, shop.norm, NULL) == RK_NON_FINITE);
		shop_free(&shop);
	}
}

/* A lane that overflows to -infinity must not hide an item that is best. */
static void
test_overflow(void)
{
	float factor[2 * 33] = {-3e35f};
	float norm[2];
	double query[33];
	RkItems items = {2, 33, factor, norm, NULL, NULL, NULL};
	RkTopk ask = {.query = query, .k = 1};
	void *scratch = unit_alloc(rk_topk_scratch_bytes(33));
	RkHit hit[1];
	size_t n_hit;

	factor[33] = -3e35f;
	factor[33 + 1] = 3.2e35f;
	factor[33 + 32] = -3e35f;
	for (size_t k = 0; k < 33; k++)
		query[k] = 1024.0;
	CHECK(rk_items_norms(factor, 33, 0, 2, norm, NULL) == RK_OK);
	CHECK(rk_topk(&items, &ask, scratch, hit, &n_hit) == RK_OK);
	CHECK(n_hit == 1 && hit[0].item == 1);
	CHECK(rk_topk_cosine(&items, &ask, scratch, hit, &n_hit) == RK_OK);
	CHECK(n_hit == 1 && hit[0].item == 1);
	free(scratch);
}

static void
test_refused(void)
{
	Shop shop = shop_make(RANDOM, 100, 8, 1);
	RkItems items = {100, 8, shop.factor, shop.norm, NULL, NULL, NULL};
	Index index = index_make(&items);
	RkTopk ask = {.query = shop.query, .k = 5};
	void *scratch = unit_alloc(rk_topk_scratch_bytes(8));
	RkHit hit[5];
	size_t n_hit;
	int left = 0;
	RkPoll poll = {unit_cancel_after, &left};
	const double bad[] = {NAN, INFINITY, -INFINITY};

	for (int b = 0; b < 6; b++)
	{
		double kept = shop.query[7];

		items.index = b < 3 ? NULL : &index.index;
		shop.query[7] = bad[b % 3];
		CHECK(rk_topk(&items, &ask, scratch, hit, &n_hit) == RK_NON_FINITE);
		CHECK(rk_topk_cosine(&items, &ask, scratch, hit, &n_hit) == RK_NON_FINITE);
		shop.query[7] = kept;
	}
	ask.poll = &poll;
	CHECK(rk_topk(&items, &ask, scratch, hit, &n_hit) == RK_CANCELLED);
	items.index = NULL;
	CHECK(rk_topk(&items, &ask, scratch, hit, &n_hit) == RK_CANCELLED);
	items.index = &index.index;
	ask.poll = NULL;
	items.n = 0;
	CHECK(rk_topk(&items, &ask, scratch, hit, &n_hit) == RK_OK && n_hit == 0);
	memset(shop.query, 0, 8 * sizeof(double));
	items.n = 100;
	CHECK(rk_topk_cosine(&items, &ask, scratch, hit, &n_hit) == RK_OK && n_hit == 0);
	CHECK(rk_topk(&items, &ask, scratch, hit, &n_hit) == RK_OK && n_hit == 5);
	for (uint32_t i = 0; i < 5; i++)
		CHECK(hit[i].item == i && hit[i].score == 0.0);
	CHECK(rk_cosine(shop.query, 0.0, shop.factor, 8) == 0.0);
	index_free(&index);
	shop_free(&shop);
	free(scratch);
}

static void
test_heap(void)
{
	RkHit hit[3];
	RkHeap heap;
	const uint32_t tie[] = {9, 3, 3, 1};

	rk_heap_init(&heap, hit, 3, tie);
	CHECK(rk_heap_floor(&heap) == -INFINITY);
	CHECK(!rk_heap_push(&heap, 0, NAN));
	CHECK(rk_heap_push(&heap, 0, 1.0));
	CHECK(rk_heap_push(&heap, 2, 1.0));
	CHECK(rk_heap_push(&heap, 1, 1.0));
	CHECK(rk_heap_floor(&heap) == 1.0);
	CHECK(rk_heap_push(&heap, 3, 1.0));
	CHECK(!rk_heap_push(&heap, 0, 1.0));
	CHECK(!rk_heap_push(&heap, 0, 0.5));
	CHECK(rk_heap_finish(&heap) == 3);
	CHECK(hit[0].item == 3 && hit[1].item == 1 && hit[2].item == 2);
	rk_heap_init(&heap, hit, 0, NULL);
	CHECK(!rk_heap_push(&heap, 0, 1.0) && rk_heap_finish(&heap) == 0);
}

int
main(void)
{
	const size_t columns[] = {1, 7, 8, 31, 64, 100};
	const double scale[] = {1.0, 0.0, 1e-300, 1e-42, 1e39, 1e150};

	for (int kind = 0; kind < KINDS; kind++)
	{
		for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++)
			test_kind(kind, 1500, columns[c], 1.0, 1);
		for (size_t s = 0; s < sizeof(scale) / sizeof(scale[0]); s++)
			test_kind(kind, 700, 20, scale[s], 1);
		test_kind(kind, 40000, 9, -1.0, 7);
		test_kind(kind, 300, 1024, 1.0, 5);
	}
	test_continued();
	test_norms();
	test_overflow();
	test_refused();
	test_heap();
	return unit_finish("topk");
}
