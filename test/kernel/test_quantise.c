/*
 * Proves that the tests of an index never rule out an item that reaches the floor,
 * with the floor set to the score of each item in turn, and that every path finds the same
 * items; that an index is in order, bounds what it says, and rules out most; and that the rotation of its rows changes no
 * inner product and spreads spikes.
 */
#include "unit.h"

#include "index.h"
#include "kernel/rotate.h"
#include "kernel/solve.h"
#include "kernel/topk.h"

/* The kinds of factors. */
enum
{
	NORMAL,
	BINARY,
	SIGNS,
	SPIKES,
	GRID,
	LADDER,
	TINY,
	LARGE,
	KINDS
};

/* draw gives coordinate k of row i. */
static double
draw(int kind, size_t i, size_t k, RkRng *rng)
{
	double normal = rk_rng_normal(rng);

	switch (kind)
	{
		case BINARY:
			return (double) rk_rng_below(rng, 2);
		case SIGNS:
			return rk_rng_below(rng, 2) ? 1.0 : -1.0;
		case SPIKES:
			return k == i % 7 ? 100.0 : 0.01 * normal;
		case GRID:
			/* half-way between two coarse codes, so that every residual has one sign */
			return k == 0 ? 127.0 : 16.0 * (double) rk_rng_below(rng, 7) - 0.5;
		case LADDER:
			return normal * pow(2.0, -(double) (i % 120));
		case TINY:
			return normal * 0x1p-58;
		case LARGE:
			return normal * 0x1p56;
		default:
			return normal;
	}
}

/* turn_back replaces a row [64] by that which is rotated to it, so that codes see the kind of factors that was drawn. */
static void
turn_back(float *row)
{
	float turned[64];

	for (int k = 0; k < 64; k++)
	{
		double unit[64] = {0.0};

		unit[k] = 1.0;
		rk_rotate(unit, 64);
		turned[k] = (float) rk_dot(unit, row, 64);
	}
	memcpy(row, turned, sizeof(turned));
}

/* A small catalogue with its index. */
typedef struct Case
{
	RkItems items;
	float *factor;
	float *norm;
	float *bias;
	double *query;
	Index index;
	void *scratch;
} Case;

static Case
case_make(int kind, size_t n, size_t d, bool biased, uint64_t seed)
{
	RkRng rng;
	Case c = {.factor = unit_alloc(n * d * sizeof(float)),
			  .norm = unit_alloc(n * sizeof(float)),
			  .bias = unit_alloc(n * sizeof(float)),
			  .query = unit_alloc(d * sizeof(double)),
			  .scratch = unit_alloc(rk_probe_scratch_bytes(d))};

	rk_rng_seed(&rng, seed);
	for (size_t i = 0; i < n; i++)
	{
		for (size_t k = 0; k < d; k++)
			c.factor[i * d + k] = i % 50 == 49 ? 0.0f : (float) draw(kind, i, k, &rng);
		if (d == 64)
			turn_back(c.factor + i * d);
		c.bias[i] = (float) (rk_rng_normal(&rng) * pow(10.0, (double) rk_rng_below(&rng, 12) - 6.0));
	}
	for (size_t k = 0; k < d; k++)
		c.query[k] = draw(kind < TINY ? kind : NORMAL, 3, k, &rng);
	c.query[0] += 0.25;
	if (d == 64 && kind < TINY)
		for (size_t k = 0; k < d; k++)
			c.query[k] = (double) c.factor[3 * d + k];
	CHECK(rk_items_norms(c.factor, d, 0, n, c.norm, NULL) == RK_OK);
	c.items = (RkItems){n, d, c.factor, c.norm, biased ? c.bias : NULL, NULL, NULL};
	c.index = index_make(&c.items);
	return c;
}

static void
case_free(Case *c)
{
	index_free(&c->index);
	free(c->factor);
	free(c->norm);
	free(c->bias);
	free(c->query);
	free(c->scratch);
}

/* found_at tells whether a chunk of all blocks finds an item; *sum becomes a hash of all it finds. */
static bool
found_at(Case *c, RkPath path, const RkGate *gate, bool with_bias, uint32_t item, uint64_t *sum)
{
	size_t blocks = rk_index_blocks(c->items.n);
	bool found = false;
	RkProbe *probe;

	c->index.index.path = path;
	c->items.index = &c->index.index;
	probe = rk_probe_init(&c->items, c->query, with_bias, c->scratch);
	CHECK(probe != NULL);
	*sum = 1;
	for (size_t first = 0; first < blocks; first += RK_CHUNK)
	{
		rk_probe_coarse(probe, gate, first, blocks - first < RK_CHUNK ? blocks - first : RK_CHUNK);
		rk_probe_fine(probe, gate, probe->n_waiting, NULL);
		for (size_t f = 0; f < probe->n_found; f++)
		{
			found = found || probe->item[f] == item;
			*sum = rk_hash_mix(*sum, probe->item[f]);
		}
	}
	return found;
}

/* check_item sets the floor to the score of an item and looks for it on every path. */
static void
check_item(Case *c, uint32_t item, bool cosine)
{
	const float *y = c->factor + item * c->items.d;
	double query_norm = sqrt(rk_dot_dd(c->query, c->query, c->items.d));
	double constant = -1.25;
	double floor = cosine ? rk_cosine(c->query, query_norm, y, c->items.d)
						  : rk_item_score(&c->items, c->query, constant, item);
	RkGate gate = {floor - constant - (fabs(floor) + fabs(constant)) * 0x1p-48 - 0x1p-120, 0.0};
	uint64_t expected = 0;

	if (cosine && c->norm[item] == 0.0f)
		return;
	if (cosine)
	{
		gate.base = -0x1p-120;
		gate.slope = floor * query_norm * (floor > 0.0 ? 1.0 - 0x1p-40 : 1.0 + 0x1p-40);
	}
	for (int path = RK_PATH_PLAIN; path < RK_PATH_N; path++)
	{
		uint64_t sum;

		if (!rk_path_exists((RkPath) path))
			continue;
		CHECK(found_at(c, (RkPath) path, &gate, !cosine, item, &sum));
		CHECK(path == RK_PATH_PLAIN || sum == expected);
		expected = sum;
	}
}

static void
test_never_loses(void)
{
	const size_t columns[] = {1, 3, 8, 9, 64, 71, 200, 1024};

	for (int kind = 0; kind < KINDS; kind++)
		for (size_t d = 0; d < sizeof(columns) / sizeof(columns[0]); d++)
			for (int biased = 0; biased < 2; biased++)
			{
				Case c = case_make(kind, 150, columns[d], biased, 31 * (uint64_t) kind + d);

				for (uint32_t item = 0; item < 150; item++)
				{
					check_item(&c, item, false);
					check_item(&c, item, true);
				}
				case_free(&c);
			}
}

/* The best k are found where all norms are equal and only bytes can tell; few others are. */
static void
test_rules_out(void)
{
	Case c = case_make(SIGNS, 20000, 64, false, 9);
	RkGate gate = {36.0, 0.0};
	double most = 8.0 * sqrt(rk_dot_dd(c.query, c.query, 64));
	uint64_t sum;
	RkProbe *probe;
	size_t waiting = 0;
	size_t found = 0;
	size_t expected = 0;

	for (size_t i = 0; i < c.items.n; i++)
		expected += rk_dot(c.query, c.factor + i * 64, 64) >= 36.0;
	found_at(&c, RK_PATH_BEST, &gate, false, 0, &sum);
	probe = rk_probe_init(&c.items, c.query, false, c.scratch);
	for (size_t first = 0; first < rk_index_blocks(c.items.n); first += 25)
	{
		rk_probe_coarse(probe, &gate, first, 25);
		waiting += probe->n_waiting;
		rk_probe_fine(probe, &gate, probe->n_waiting, NULL);
		found += probe->n_found;
	}
	CHECK(found >= expected && found < 10 * expected + 10);
	CHECK(waiting < c.items.n / 20);
	CHECK(rk_probe_ends(probe, 0, most * 1.0001) && !rk_probe_ends(probe, 0, most * 0.9999));
	case_free(&c);
}

/* The rotation keeps inner products to 2^-46 and leaves no coordinate of a spike above a few times the mean. */
static void
test_rotation(void)
{
	const size_t columns[] = {32, 64, 96, 224, 1024, 4096};

	for (size_t c = 0; c < sizeof(columns) / sizeof(columns[0]); c++)
	{
		size_t n = columns[c];
		double *x = unit_alloc(n * sizeof(double));
		double *y = unit_alloc(n * sizeof(double));
		double before;
		double length;
		double greatest = 0.0;
		RkRng rng;

		rk_rng_seed(&rng, n);
		for (size_t k = 0; k < n; k++)
		{
			x[k] = rk_rng_normal(&rng);
			y[k] = k == n / 2 ? 1.0 : 0.0;
		}
		before = rk_dot_dd(x, y, n);
		length = rk_dot_dd(x, x, n);
		rk_rotate(x, n);
		rk_rotate(y, n);
		for (size_t k = 0; k < n; k++)
			greatest = fmax(greatest, fabs(y[k]));
		CHECK(fabs(rk_dot_dd(x, y, n) - before) <= 0x1p-46 * sqrt(length));
		CHECK(fabs(rk_dot_dd(x, x, n) - length) <= 0x1p-46 * length);
		CHECK(fabs(rk_dot_dd(y, y, n) - 1.0) <= 0x1p-46);
		CHECK(greatest <= 6.0 / sqrt((double) n));
		free(x);
		free(y);
	}
}

/* Positions are a permutation by falling norm, then item; blocks bound their items. */
static void
test_order(void)
{
	Case c = case_make(LADDER, 1000, 5, true, 4);
	const RkIndex *index = &c.index.index;
	size_t blocks = rk_index_blocks(1000);
	uint8_t *seen = calloc(1000, 1);
	size_t good = 0;
	size_t bounded = 0;

	for (size_t p = 0; p < 1000; p++)
	{
		int32_t item = index->order[p];
		int32_t next = index->order[p + 1 < 1000 ? p + 1 : p];
		size_t block = p / RK_BLOCK;

		good += !seen[item]++ &&
				(p == 999 || c.norm[item] > c.norm[next] || (c.norm[item] == c.norm[next] && item < next));
		bounded +=
			index->block[RK_BLOCK_NORM * blocks + block] >= c.norm[item] &&
			index->block[RK_BLOCK_BIAS * blocks + block] >= c.bias[item] &&
			(c.norm[item] == 0.0f || index->block[RK_BLOCK_NORM_LEAST * blocks + block] < c.norm[item]);
	}
	CHECK(good == 1000);
	CHECK(bounded == 1000);
	free(seen);
	case_free(&c);
}

/* What is out of range is refused, so that the caller ranks without an index. */
static void
test_refused(void)
{
	Case c = case_make(NORMAL, 40, 4, false, 2);
	const double scale[] = {0.0, 0x1p-40, 0x1p40, INFINITY};
	void *scratch = unit_alloc(rk_index_scratch_bytes(40));
	RkItems wide = {1, RK_INDEX_MAX_COLUMNS + 1, c.factor, c.norm, NULL, NULL, NULL};
	int left = 0;
	RkPoll poll = {unit_cancel_after, &left};

	CHECK(rk_probe_init(&c.items, c.query, false, c.scratch) == NULL);
	c.items.index = &c.index.index;
	CHECK(rk_probe_init(&c.items, c.query, false, c.scratch) != NULL);
	for (int s = 0; s < 4; s++)
	{
		double query[4] = {scale[s], 0.0, 0.0, 0.0};

		CHECK(rk_probe_init(&c.items, query, false, c.scratch) == NULL);
	}
	CHECK(rk_index_build(&wide, &c.index.room, scratch, NULL) == RK_INVALID);
	CHECK(rk_index_build(&c.items, &c.index.room, scratch, &poll) == RK_OK);
	CHECK(rk_path_exists(RK_PATH_PLAIN) && rk_path_exists(RK_PATH_BEST) && !rk_path_exists(RK_PATH_N));
	free(scratch);
	case_free(&c);
}

int
main(void)
{
	test_rotation();
	test_never_loses();
	test_rules_out();
	test_order();
	test_refused();
	return unit_finish("quantise");
}
