/*
 * Proves that rows of a graph filter are those of the walk plus those of the product, that the greatest stay, and that
 * ranges change nothing.
 */
#include "unit.h"

#include "kernel/graph.h"

#define ITEMS 150
#define FACTORS 11
#define MOST 20

static uint32_t column[ITEMS * MOST];
static float entry[ITEMS * MOST];
static uint32_t count[ITEMS];
static float walk[ITEMS * ITEMS];

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

static void
test_rows(size_t step)
{
	float *left = unit_floats(1, ITEMS * FACTORS, 0.3f);
	float *right = unit_floats(2, ITEMS * FACTORS, 0.3f);
	RkGraph graph = {
		.n = ITEMS, .d = FACTORS, .left = left, .right = right, .slots = {MOST, column, entry, count}};
	void *scratch = unit_alloc(rk_graph_scratch_bytes(ITEMS));
	size_t wrong = 0;
	double worst = 0.0;

	fill();
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
	test_rows(RK_GRAPH_ROWS);
	test_rows(3 * RK_GRAPH_ROWS);
	return unit_finish("graph");
}
