/*
 * Proves that rows of item-item matrices are those of a plain double loop, that the greatest entries stay and no
 * others, whatever their order, that ranges change nothing, and that sums of rows are sums of entries.
 */
#include "unit.h"

#include "kernel/csr.h"
#include "kernel/neighbours.h"

#define USERS 60
#define ITEMS 41

static uint64_t user_offset[USERS + 1];
static uint64_t item_offset[ITEMS + 2];
static uint32_t user_index[USERS * ITEMS];
static uint32_t item_index[USERS * ITEMS];
static float x[USERS * ITEMS];
static float y[USERS * ITEMS];
static float item_x[USERS * ITEMS];
static double left[ITEMS];
static double right[ITEMS];

/* A matrix with slots, and the memory of both. */
typedef struct Made
{
	RkSlots slots;
	uint32_t index[ITEMS * ITEMS];
	float weight[ITEMS * ITEMS];
	uint32_t count[ITEMS];
	uint64_t offset[ITEMS + 1];
} Made;

/* fill makes random rows; user 7 and item 5 have none. */
static RkSimilar
fill(RkSimilarity similarity, size_t most)
{
	RkSimilar similar = {.similarity = similarity, .shrink = 0.5, .left = left, .right = right, .most = most};
	RkRng rng;
	size_t n = 0;
	RkCsr by_x;

	rk_rng_seed(&rng, 3);
	for (size_t u = 0; u < USERS; u++)
	{
		user_offset[u] = n;
		for (size_t i = 0; i < ITEMS; i++)
			if (u != 7 && i != 5 && rk_rng_below(&rng, 4) == 0)
			{
				user_index[n] = (uint32_t) i;
				/* few different values, so that entries tie */
				x[n] = (float) (1 + rk_rng_below(&rng, 2));
				y[n++] = (float) (1 + rk_rng_below(&rng, 2)) * 0.5f;
			}
	}
	user_offset[USERS] = n;
	for (size_t i = 0; i < ITEMS; i++)
	{
		left[i] = 50.0 + (double) (i % 3);
		right[i] = 60.0 + (double) (i % 2);
	}
	by_x = (RkCsr){USERS, ITEMS, user_offset, user_index, x, NULL};
	CHECK(rk_csr_transpose(&by_x, item_offset, item_index, item_x, NULL, NULL) == RK_OK);
	similar.by_user = (RkCsr){USERS, ITEMS, user_offset, user_index, y, NULL};
	similar.by_item = (RkCsr){ITEMS, USERS, item_offset, item_index, item_x, NULL};
	return similar;
}

/* slots_of points the slots of a matrix at its memory. */
static void
slots_of(Made *made, size_t most)
{
	memset(made, 0xa5, sizeof(*made));
	made->slots = (RkSlots){most, made->index, made->weight, made->count};
}

/* make makes all rows, range by range. */
static void
make(const RkSimilar *similar, size_t step, Made *made)
{
	void *scratch = unit_alloc(rk_similar_scratch_bytes(ITEMS));

	slots_of(made, similar->most);
	for (size_t first = 0; first < ITEMS; first += step)
		CHECK(rk_similar_range(similar, first, first + step < ITEMS ? first + step : ITEMS, &made->slots,
							   scratch, NULL) == RK_OK);
	free(scratch);
}

/* plain gives S[j, i] by loops over everything. */
static float
plain(const RkSimilar *similar, size_t j, size_t i)
{
	double c = 0.0;

	for (size_t u = 0; u < USERS; u++)
		for (uint64_t e = user_offset[u]; e < user_offset[u + 1]; e++)
			for (uint64_t f = user_offset[u]; f < user_offset[u + 1]; f++)
				if (user_index[e] == j && user_index[f] == i)
					c += (double) x[e] * (double) y[f];
	if (i == j || c == 0.0)
		return 0.0f;
	switch (similar->similarity)
	{
		case RK_SIMILAR_PRODUCT:
			return (float) (left[j] * right[i] * c);
		case RK_SIMILAR_SHRUNK:
			return (float) (c / (left[j] * right[i] + similar->shrink));
		case RK_SIMILAR_JACCARD:
			return (float) (c / (left[j] + right[i] - c + similar->shrink));
	}
	return 0.0f;
}

/* test_rows compares every entry, kept or not. */
static void
test_rows(RkSimilarity similarity, size_t most)
{
	static Made made;
	RkSimilar similar = fill(similarity, most);
	size_t wrong = 0;

	make(&similar, ITEMS, &made);
	for (size_t j = 0; j < ITEMS; j++)
	{
		float dense[ITEMS];
		size_t kept = 0;
		size_t e = 0;

		for (size_t i = 0; i < ITEMS; i++)
			dense[i] = plain(&similar, j, i);
		for (size_t i = 0; i < ITEMS; i++)
		{
			size_t before = 0;
			bool stays;

			for (size_t other = 0; other < ITEMS; other++)
				before += dense[other] > dense[i] || (dense[other] == dense[i] && other < i);
			stays = dense[i] > 0.0f && before < most;
			kept += stays;
			if (!stays)
				continue;
			wrong +=
				e >= made.count[j] || made.index[j * most + e] != i || made.weight[j * most + e] != dense[i];
			e++;
		}
		wrong += kept != made.count[j];
	}
	CHECK(wrong == 0);
	CHECK(made.count[5] == 0);
}

static void
test_ranges(void)
{
	static Made once;
	static Made often;
	RkSimilar similar = fill(RK_SIMILAR_PRODUCT, 7);

	make(&similar, ITEMS, &once);
	make(&similar, 5, &often);
	CHECK(memcmp(once.count, often.count, sizeof(once.count)) == 0);
	CHECK(memcmp(once.index, often.index, sizeof(once.index)) == 0);
	CHECK(memcmp(once.weight, often.weight, sizeof(once.weight)) == 0);
}

static void
test_not_finite(void)
{
	static Made made;
	RkSimilar similar = fill(RK_SIMILAR_PRODUCT, 7);
	void *scratch = unit_alloc(rk_similar_scratch_bytes(ITEMS));

	slots_of(&made, 7);
	left[3] = 1e300;
	CHECK(rk_similar_range(&similar, 0, ITEMS, &made.slots, scratch, NULL) == RK_NON_FINITE);
	free(scratch);
}

/* test_zeros: weights that underflowed make no entries, and what is met with a sum of 0 is met once, in the scratch that was asked for. */
static void
test_zeros(void)
{
	enum
	{
		GUARD = 4096
	};
	static Made made;
	RkSimilar similar = fill(RK_SIMILAR_PRODUCT, 7);
	size_t bytes = rk_similar_scratch_bytes(ITEMS);
	unsigned char *scratch = unit_alloc(bytes + GUARD);
	size_t touched = 0;
	size_t kept = 0;

	memset(scratch + bytes, 0x5a, GUARD);
	memset(item_x, 0, sizeof(item_x));
	slots_of(&made, 7);
	CHECK(rk_similar_range(&similar, 0, ITEMS, &made.slots, scratch, NULL) == RK_OK);
	for (size_t b = 0; b < GUARD; b++)
		touched += scratch[bytes + b] != 0x5a;
	for (size_t i = 0; i < ITEMS; i++)
		kept += made.count[i];
	CHECK(touched == 0);
	CHECK(kept == 0);
	free(scratch);
}

/* test_keep: dense rows keep what is greatest in magnitude. */
static void
test_keep(void)
{
	static Made made;
	float dense[6] = {0.5f, -3.0f, 0.0f, 3.0f, -0.5f, 9.0f};
	RkEntry room[6];

	slots_of(&made, 3);
	CHECK(rk_slots_keep(dense, 6, 5, &made.slots, room) == RK_OK);
	CHECK(made.count[5] == 3);
	CHECK(made.index[15] == 0 && made.index[16] == 1 && made.index[17] == 3);
	CHECK(made.weight[15] == 0.5f && made.weight[16] == -3.0f && made.weight[17] == 3.0f);
	dense[2] = NAN;
	CHECK(rk_slots_keep(dense, 6, 5, &made.slots, room) == RK_NON_FINITE);
}

/*
 * test_long: of many entries the same are kept as by counting those before each, whatever a sample of them looks
 * like: random, most of them equal, and great only where no sample is taken.
 */
static void
test_long(void)
{
	enum
	{
		LONG = 5000,
		KEPT = 300
	};
	static float dense[LONG];
	static uint32_t index[KEPT];
	static float weight[KEPT];
	static uint32_t count[1];
	static RkEntry room[LONG];
	RkSlots slots = {KEPT, index, weight, count};
	RkRng rng;

	rk_rng_seed(&rng, 11);
	for (int kind = 0; kind < 3; kind++)
	{
		size_t wrong = 0;

		for (size_t i = 0; i < LONG; i++)
			dense[i] = kind == 0   ? (float) (rk_rng_uniform(&rng) - 0.5)
					   : kind == 1 ? (float) (1 + rk_rng_below(&rng, 3))
								   : 1.0f / (float) (1 + i % (LONG / 256));
		CHECK(rk_slots_keep(dense, LONG, 0, &slots, room) == RK_OK && count[0] == KEPT);
		for (size_t e = 0; e < KEPT; e++)
		{
			size_t before = 0;

			for (size_t i = 1; i < LONG; i++)
				before += fabsf(dense[i]) > fabsf(dense[index[e]]) ||
						  (fabsf(dense[i]) == fabsf(dense[index[e]]) && i < index[e]);
			wrong += before >= KEPT || weight[e] != dense[index[e]] || (e > 0 && index[e] <= index[e - 1]);
		}
		CHECK(wrong == 0);
	}
}

/* test_sums: rows that were moved together, looked up and summed. */
static void
test_sums(void)
{
	static Made made;
	static double sum[ITEMS];
	static uint8_t met[ITEMS / 8 + 1];
	static uint32_t touched[ITEMS];
	RkSimilar similar = fill(RK_SIMILAR_SHRUNK, 6);
	RkRowSum total = {sum, met, touched, 0};
	uint32_t row[4] = {9, 2, 5, 40};
	double row_weight[4] = {1.5, -2.0, 7.0, 0.25};
	size_t wrong = 0;
	size_t n_met = 0;
	RkCsr matrix;
	size_t n;

	make(&similar, ITEMS, &made);
	n = rk_slots_close(&made.slots, ITEMS, made.offset);
	matrix = (RkCsr){ITEMS, ITEMS, made.offset, made.index, made.weight, NULL};
	CHECK(rk_csr_validate(&matrix, n, NULL) == RK_OK);
	CHECK(rk_row_sum_add(&total, &matrix, row, row_weight, 4, NULL) == RK_OK);
	for (uint32_t i = 0; i < ITEMS; i++)
	{
		double expected = 0.0;

		for (size_t r = 0; r < 4; r++)
			expected += row_weight[r] * rk_csr_entry(&matrix, row[r], i);
		wrong += expected != sum[i];
		n_met += met[i / 8] >> (i % 8) & 1;
	}
	CHECK(wrong == 0);
	CHECK(n_met == total.n_touched && n_met > 6);
	CHECK(rk_csr_entry(&matrix, 5, 4) == 0.0);
}

int
main(void)
{
	for (RkSimilarity similarity = RK_SIMILAR_PRODUCT; similarity <= RK_SIMILAR_JACCARD; similarity++)
	{
		test_rows(similarity, ITEMS);
		test_rows(similarity, 9);
		test_rows(similarity, 1);
	}
	test_ranges();
	test_not_finite();
	test_zeros();
	test_keep();
	test_long();
	test_sums();
	return unit_finish("neighbours");
}
