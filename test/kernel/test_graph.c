/*
 * Proves that rows of a graph filter are those of the walk plus those of the product, sharpened by the series or not, that the
 * greatest stay, and that ranges change nothing.
 */
#include "unit.h"

#include "kernel/csr.h"
#include "kernel/graph.h"

#define ITEMS 150
#define FACTORS 11
#define MOST 20

static uint32_t column[ITEMS * MOST];
static float entry[ITEMS * MOST];
static uint32_t count[ITEMS];
static float walk[ITEMS * ITEMS];

#define USERS 90
static uint64_t user_offset[USERS + 1];
static uint64_t item_offset[ITEMS + 2];
static uint32_t user_index[USERS * ITEMS];
static uint32_t item_index[USERS * ITEMS];
static float user_weight[USERS * ITEMS];
static float item_weight[USERS * ITEMS];
static double likeness[ITEMS * ITEMS];

/* fill makes walks of random entries, in slots and dense. */
static void
fill(void)
{
	RkRng rng;

	rk_rng_seed(&rng, 5);
	memset(walk, 0, sizeof(walk));
	for (uint32_t j = 0; j < ITEMS; j++)
	{
		count[j] = 0;
		for (uint32_t i = 0; i < ITEMS; i++)
			if (i != j && count[j] < MOST && rk_rng_below(&rng, 9) == 0)
			{
				float value = (float) rk_rng_uniform(&rng);

				column[j * MOST + count[j]] = i;
				entry[j * MOST + count[j]++] = value;
				walk[j * ITEMS + i] = value;
			}
	}
}

/* interact makes N of random rows, and P = N^T N in double. */
static void
interact(RkGraph *graph)
{
	RkRng rng;
	size_t n = 0;

	rk_rng_seed(&rng, 6);
	for (size_t u = 0; u < USERS; u++)
	{
		user_offset[u] = n;
		for (uint32_t i = 0; i < ITEMS; i++)
			if (rk_rng_below(&rng, 6) == 0)
			{
				user_index[n] = i;
				user_weight[n++] = (float) rk_rng_uniform(&rng) * 0.1f;
			}
	}
	user_offset[USERS] = n;
	graph->by_user = (RkCsr){USERS, ITEMS, user_offset, user_index, user_weight, NULL};
	CHECK(rk_csr_transpose(&graph->by_user, item_offset, item_index, item_weight, NULL, NULL) == RK_OK);
	graph->by_item = (RkCsr){ITEMS, USERS, item_offset, item_index, item_weight, NULL};
	memset(likeness, 0, sizeof(likeness));
	for (size_t u = 0; u < USERS; u++)
		for (size_t e = user_offset[u]; e < user_offset[u + 1]; e++)
			for (size_t f = user_offset[u]; f < user_offset[u + 1]; f++)
				likeness[user_index[e] * ITEMS + user_index[f]] +=
					(double) user_weight[e] * (double) user_weight[f];
}

/* sharpen applies the series to a row in double. */
static void
sharpen(double *row, double sharpening)
{
	double term[ITEMS];
	double next[ITEMS];

	memcpy(term, row, sizeof(term));
	for (int k = 1; k <= RK_GRAPH_TERMS; k++)
	{
		memset(next, 0, sizeof(next));
		for (size_t i = 0; i < ITEMS; i++)
			for (size_t j = 0; j < ITEMS; j++)
				next[j] -= term[i] * likeness[i * ITEMS + j] * sharpening / k;
		memcpy(term, next, sizeof(term));
		for (size_t j = 0; j < ITEMS; j++)
			row[j] += term[j];
	}
}

static void
test_rows(size_t step, double sharpening)
{
	float *left = unit_floats(1, ITEMS * FACTORS, 0.3f);
	float *right = unit_floats(2, ITEMS * FACTORS, 0.3f);
	RkGraph graph = {.n = ITEMS,
					 .d = FACTORS,
					 .left = left,
					 .right = right,
					 .sharpening = sharpening,
					 .walk = {MOST, column, entry, count},
					 .slots = {MOST, column, entry, count}};
	void *scratch = unit_alloc(rk_graph_scratch_bytes(USERS, ITEMS));
	size_t wrong = 0;
	double worst = 0.0;

	fill();
	interact(&graph);
	for (size_t first = 0; first < ITEMS; first += step)
		CHECK(rk_graph_range(&graph, first, first + step < ITEMS ? first + step : ITEMS, scratch, NULL) ==
			  RK_OK);
	for (size_t j = 0; j < ITEMS; j++)
	{
		double dense[ITEMS];
		double least = INFINITY;

		for (size_t i = 0; i < ITEMS; i++)
		{
			dense[i] = (double) walk[j * ITEMS + i];
			for (size_t c = 0; c < FACTORS; c++)
				dense[i] += (double) left[j * FACTORS + c] * (double) right[i * FACTORS + c];
		}
		sharpen(dense, sharpening);
		wrong += count[j] != MOST;
		for (size_t e = j * MOST; e < j * MOST + count[j]; e++)
		{
			wrong += column[e] == j;
			worst = fmax(worst, fabs(dense[column[e]] - (double) entry[e]));
			least = fmin(least, fabs(dense[column[e]]));
			dense[column[e]] = 0.0;
		}
		for (size_t i = 0; i < ITEMS; i++)
			wrong += i != j && fabs(dense[i]) > least + 1e-6;
	}
	CHECK(wrong == 0);
	CHECK_NEAR(worst, 0.0, 1e-6);
	free(left);
	free(right);
	free(scratch);
}

int
main(void)
{
	test_rows(RK_GRAPH_ROWS, 0.0);
	test_rows(RK_GRAPH_ROWS, 0.7);
	test_rows(3 * RK_GRAPH_ROWS, 0.7);
	return unit_finish("graph");
}
