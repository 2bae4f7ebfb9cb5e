/*
 * Proves that the tiles of small.h do what naive loops in double do, at sizes
 * around the edges of tiles, in the variants of every CPU generation that this
 * one can run; and that a matrix without a Cholesky factor is noticed.
 */
#include "unit.h"

#include "kernel/small.h"

/* The bound of the error of sums of some hundred float32 products of size 1. */
#define TOLERANCE 2e-5

static size_t
padded(size_t n)
{
	return (n + RK_TILE - 1) / RK_TILE * RK_TILE;
}

/* place is where P(k, j) or M(k, j) lies in a panel of some depth. */
static size_t
place(size_t depth, size_t k, size_t j)
{
	return (j / RK_TILE * depth + k) * RK_TILE + j % RK_TILE;
}

/* A run of n entries of random factors. */
typedef struct Run
{
	RkGather gather;
	float *scale;  /* [columns padded] */
	float *target; /* [n] */
	float *rhs;    /* [n padded] */
} Run;

static Run
run_make(const RkSmall *set, size_t n, size_t d, bool bias)
{
	Run run = {.gather = {.d = d, .columns = d + bias, .n = n, .ahead = n}};
	uint32_t *index = unit_alloc(n * sizeof(uint32_t));
	float *weight = unit_floats(11, n, 1.0f);
	float *root = unit_alloc(padded(n) * sizeof(float));
	float *mass = unit_floats(12, padded(d + 1), 1.0f);

	for (size_t j = 0; j < n; j++)
	{
		index[j] = (uint32_t) (n - 1 - j);
		weight[j] = j % 7 == 3 ? 0.0f : j % 3 == 0 ? 1.0f : fabsf(weight[j]);
	}
	for (size_t k = 0; k < padded(d + 1); k++)
		mass[k] = mass[k] * mass[k];
	run.gather.factor = unit_floats(13, n * d, 1.0f);
	run.gather.index = index;
	run.gather.weight = weight;
	run.gather.root = root;
	run.target = unit_floats(14, n, 1.0f);
	run.rhs = unit_alloc(padded(n) * sizeof(float));
	run.scale = unit_alloc(padded(d + 1) * sizeof(float));
	set->roots(weight, run.target, n, root, run.rhs);
	set->scale(mass, 0.5f, padded(d + 1), run.scale);
	for (size_t k = 0; k < d + 1; k++)
		CHECK_NEAR((double) run.scale[k] * sqrt((double) mass[k] + 0.5), 1.0, 1e-6);
	for (size_t j = 0; j < n; j++)
	{
		CHECK_NEAR((double) root[j], sqrt((double) weight[j]), 1e-6);
		CHECK(run.rhs[j] == root[j] * run.target[j]);
	}
	free(mass);
	return run;
}

static void
run_free(Run *run)
{
	free((void *) run->gather.factor);
	free((void *) run->gather.index);
	free((void *) run->gather.weight);
	free((void *) run->gather.root);
	free(run->scale);
	free(run->target);
	free(run->rhs);
}

/* run_y is element k of y of entry j. */
static double
run_y(const Run *run, size_t j, size_t k)
{
	const RkGather *gather = &run->gather;

	return k < gather->d ? (double) gather->factor[gather->index[j] * gather->d + k] : 1.0;
}

static double
run_squares(const Run *run)
{
	double sum = 0.0;

	for (size_t j = 0; j < run->gather.n; j++)
		for (size_t k = 0; k < run->gather.columns; k++)
			sum += (double) run->gather.weight[j] * run_y(run, j, k) * run_y(run, j, k);
	return sum;
}

/* A prior mean as the rows of the dual form meet it: v, what it takes from a right side, and the loss of it alone. */
static void
check_start(const RkSmall *set, const Run *run, const float *rows)
{
	size_t d = run->gather.d;
	size_t columns = run->gather.columns;
	size_t ld = rk_small_stride(columns);
	float *prior = unit_floats(15, d, 1.0f);
	float *mass = unit_floats(16, padded(columns), 1.0f);
	float *v = unit_alloc(padded(columns) * sizeof(float));
	float *rhs = unit_floats(17, padded(run->gather.n), 1.0f);
	float *before = unit_floats(17, padded(run->gather.n), 1.0f);
	double loss = set->start(prior, mass, run->scale, 0.7f, d, columns, v);
	double worst = 0.0;

	for (size_t k = 0; k < padded(columns); k++)
	{
		double expected = k < d ? 0.7 * (double) prior[k] * (double) run->scale[k] : 0.0;

		worst = fmax(worst, fabs(expected - (double) v[k]));
		loss -= (double) mass[k] * expected * expected / 0.7;
	}
	CHECK_NEAR(worst, 0.0, 1e-6);
	CHECK_NEAR(loss, 0.0, TOLERANCE * (double) columns);
	set->against(rows, columns, run->gather.n, v, rhs);
	worst = 0.0;
	for (size_t j = 0; j < run->gather.n; j++)
	{
		double expected = (double) before[j];

		for (size_t k = 0; k < columns; k++)
			expected -= (double) rows[j * ld + k] * (double) v[k];
		worst = fmax(worst, fabs(expected - (double) rhs[j]));
	}
	CHECK_NEAR(worst, 0.0, TOLERANCE * (double) columns);
	free(prior);
	free(mass);
	free(v);
	free(rhs);
	free(before);
}

/* Rows of the dual form, their inner products in the layout of tiles, and their combination. */
static void
test_dual(const RkSmall *set, size_t n, size_t d, bool bias)
{
	Run run = run_make(set, n, d, bias);
	size_t columns = run.gather.columns;
	size_t depth = padded(columns);
	size_t ld = rk_small_stride(columns);
	size_t side = padded(n);
	float *rows = unit_alloc(side * ld * sizeof(float));
	float *matrix = unit_alloc(side * side * sizeof(float));
	float *out = unit_alloc(ld * sizeof(float));
	double squares = run_squares(&run);
	double worst = 0.0;

	for (size_t k = columns; k < depth; k++)
		run.scale[k] = 7.0f;
	CHECK_NEAR(set->gather_dual(&run.gather, run.scale, rows) / fmax(squares, 1e-30),
			   squares > 0.0 ? 1.0 : 0.0, 1e-5);
	for (size_t j = 0; j < n; j++)
		for (size_t k = 0; k < depth; k++)
		{
			double y = k < columns ? run_y(&run, j, k) : 0.0;

			worst = fmax(worst, fabs(y * (double) run.scale[k] * (double) run.gather.root[j] -
									 (double) rows[j * ld + k]));
		}
	CHECK_NEAR(worst, 0.0, 1e-5);

	for (size_t i = 0; i < side * side; i++)
		matrix[i] = NAN;
	for (size_t block = 0; block < side / RK_TILE; block++)
		set->dots(rows, columns, n, block, matrix);
	worst = 0.0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i; j < padded(n); j++)
		{
			double sum = 0.0;

			for (size_t k = 0; k < columns && j < n; k++)
				sum += (double) rows[i * ld + k] * (double) rows[j * ld + k];
			sum = fabs(sum - (double) matrix[place(side, i, j)]);
			worst = isnan(sum) ? INFINITY : fmax(worst, sum);
		}
	CHECK_NEAR(worst, 0.0, TOLERANCE * (double) columns);

	set->collect(rows, columns, n, run.target, run.scale, out);
	worst = 0.0;
	for (size_t k = 0; k < depth; k++)
	{
		double sum = 0.0;

		for (size_t j = 0; j < n; j++)
			sum += (double) run.target[j] * (double) rows[j * ld + k];
		worst = fmax(worst, fabs(sum * (double) run.scale[k] - (double) out[k]));
	}
	CHECK_NEAR(worst, 0.0, TOLERANCE * (double) n);
	check_start(set, &run, rows);
	free(rows);
	free(matrix);
	free(out);
	run_free(&run);
}

static void
test_gather_primal(const RkSmall *set, size_t n, size_t d, bool bias)
{
	Run run = run_make(set, n, d, bias);
	size_t columns = run.gather.columns;
	float *panel = unit_alloc(padded(columns) * n * sizeof(float));
	float *sum = unit_alloc(padded(columns) * sizeof(float));
	double worst = 0.0;

	memset(sum, 0, padded(columns) * sizeof(float));
	set->gather_primal(&run.gather, panel);
	set->project(panel, n, columns, run.rhs, sum);
	set->project(panel, n, columns, run.rhs, sum);
	for (size_t k = 0; k < padded(columns); k++)
	{
		double total = 0.0;

		for (size_t j = 0; j < n; j++)
		{
			double y = k < columns ? run_y(&run, j, k) : 0.0;

			total += y * (double) run.gather.root[j] * (double) run.rhs[j];
			worst = fmax(worst, fabs(y * (double) run.gather.root[j] - (double) panel[place(n, j, k)]));
		}
		worst = fmax(worst, fabs(2.0 * total - (double) sum[k]) / (double) n);
	}
	CHECK_NEAR(worst, 0.0, 1e-5);
	free(panel);
	free(sum);
	run_free(&run);
}

static void
test_combine(const RkSmall *set, size_t n, size_t d, bool bias)
{
	Run run = run_make(set, n, d, bias);
	size_t columns = run.gather.columns;
	float *out = unit_alloc(padded(columns) * sizeof(float));
	double worst = 0.0;

	set->combine(&run.gather, run.target, out);
	for (size_t k = 0; k < padded(columns); k++)
	{
		double total = 0.0;

		for (size_t j = 0; j < n && k < columns; j++)
			total += run_y(&run, j, k) * (double) run.target[j];
		worst = fmax(worst, fabs(total - (double) out[k]));
	}
	CHECK_NEAR(worst, 0.0, TOLERANCE * (double) n);
	free(out);
	run_free(&run);
}

/* panel_make draws a panel of P, [depth x order]. */
static float *
panel_make(uint64_t seed, size_t depth, size_t order)
{
	float *panel = unit_floats(seed, padded(order) * depth, 1.0f);

	for (size_t j = order; j < padded(order); j++)
		for (size_t k = 0; k < depth; k++)
			panel[place(depth, k, j)] = 0.0f;
	return panel;
}

static double
panel_product(const float *panel, size_t depth, size_t i, size_t j)
{
	double sum = 0.0;

	for (size_t k = 0; k < depth; k++)
		sum += (double) panel[place(depth, k, i)] * (double) panel[place(depth, k, j)];
	return sum;
}

/* P^T P, written and then added, leaves what lies below the diagonal tiles alone. */
static void
test_product(const RkSmall *set, size_t depth, size_t order)
{
	float *panel = panel_make(21, depth, order);
	size_t side = padded(order);
	float *matrix = unit_alloc(side * side * sizeof(float));
	double worst = 0.0;

	for (int times = 1; times <= 2; times++)
	{
		for (size_t block = 0; block < side / RK_TILE; block++)
			set->product(panel, depth, order, block, times == 2, matrix);
		for (size_t i = 0; i < order; i++)
			for (size_t j = i; j < order; j++)
				worst = fmax(worst, fabs(times * panel_product(panel, depth, i, j) -
										 (double) matrix[place(side, i, j)]));
	}
	CHECK_NEAR(worst, 0.0, TOLERANCE * (double) depth);
	free(panel);
	free(matrix);
}

/* Panels of rows and of their transpose, and tiles of their products. */
static void
test_pack(const RkSmall *set, size_t n, size_t d)
{
	float *rows = unit_floats(41, n * d, 1.0f);
	float *panel = unit_alloc(padded(d) * n * sizeof(float));
	float *turned = unit_alloc(padded(n) * d * sizeof(float));
	float *tile = unit_alloc(RK_TILE * RK_TILE * sizeof(float));
	size_t wrong = 0;
	double worst = 0.0;

	set->pack(rows, n, d, panel);
	set->pack_turned(rows, n, d, turned);
	for (size_t j = 0; j < n; j++)
		for (size_t k = 0; k < padded(d); k++)
			wrong += panel[place(n, j, k)] != (k < d ? rows[j * d + k] : 0.0f);
	for (size_t k = 0; k < d; k++)
		for (size_t j = 0; j < padded(n); j++)
			wrong += turned[place(d, k, j)] != (j < n ? rows[j * d + k] : 0.0f);
	CHECK(wrong == 0);
	for (int times = 1; times <= 2; times++)
	{
		set->tile(turned, turned + (padded(n) - RK_TILE) * d, d, tile, n < RK_TILE ? n : RK_TILE, times == 2);
		for (size_t i = 0; i < n && i < RK_TILE; i++)
			for (size_t c = 0; c < RK_TILE; c++)
			{
				size_t j = padded(n) - RK_TILE + c;
				double sum = 0.0;

				for (size_t k = 0; k < d && j < n; k++)
					sum += (double) rows[i * d + k] * (double) rows[j * d + k];
				worst = fmax(worst, fabs(times * sum - (double) tile[i * RK_TILE + c]));
			}
	}
	CHECK_NEAR(worst, 0.0, TOLERANCE * (double) d);
	free(rows);
	free(panel);
	free(turned);
	free(tile);
}

/* system_solve solves (I + P^T P) c = rhs and gives the status of the factor. */
static bool
system_solve(const RkSmall *set, const float *panel, size_t depth, size_t order, float *c)
{
	size_t side = padded(order);
	float *matrix = unit_alloc(side * side * sizeof(float));
	float *inverse = unit_alloc(side * sizeof(float));
	bool positive = true;

	for (size_t block = 0; block < side / RK_TILE; block++)
		set->product(panel, depth, order, block, false, matrix);
	for (size_t i = 0; i < order; i++)
		matrix[place(side, i, i)] += 1.0f;
	for (size_t block = 0; positive && block < side / RK_TILE; block++)
		positive = set->factor(matrix, order, block, c, inverse);
	if (positive)
		set->back(matrix, order, inverse, c);
	free(matrix);
	free(inverse);
	return positive;
}

/* The residual of the solution is small beside the matrix; padding stays 0. */
static void
test_solve(const RkSmall *set, size_t depth, size_t order)
{
	float *panel = panel_make(31, depth, order);
	float *rhs = unit_floats(32, padded(order), 1.0f);
	float *c = unit_floats(32, padded(order), 1.0f);
	double worst = 0.0;
	double greatest = 1.0;
	size_t zeros = 0;

	for (size_t i = order; i < padded(order); i++)
		c[i] = 0.0f;
	CHECK(system_solve(set, panel, depth, order, c));
	for (size_t i = 0; i < order; i++)
	{
		double residual = (double) c[i] - (double) rhs[i];

		for (size_t j = 0; j < order; j++)
			residual += panel_product(panel, depth, i, j) * (double) c[j];
		worst = fmax(worst, fabs(residual));
		greatest = fmax(greatest, panel_product(panel, depth, i, i));
	}
	CHECK_NEAR(worst / greatest, 0.0, 1e-5);
	for (size_t i = order; i < padded(order); i++)
		zeros += c[i] == 0.0f;
	CHECK(zeros == padded(order) - order);
	free(panel);
	free(rhs);
	free(c);
}

/* A pivot that is negative, zero or not a number, in the first block or a later one. */
static void
test_no_factor(const RkSmall *set, size_t order, size_t bad, float value)
{
	size_t side = padded(order);
	float *matrix = unit_alloc(side * side * sizeof(float));
	float *inverse = unit_alloc(side * sizeof(float));
	float *rhs = unit_alloc(side * sizeof(float));
	bool positive = true;

	memset(matrix, 0, side * side * sizeof(float));
	memset(rhs, 0, side * sizeof(float));
	for (size_t i = 0; i < order; i++)
		matrix[place(side, i, i)] = i == bad ? value : 1.0f;
	for (size_t block = 0; positive && block < side / RK_TILE; block++)
		positive = set->factor(matrix, order, block, rhs, inverse);
	CHECK(!positive);
	free(matrix);
	free(inverse);
	free(rhs);
}

static void
test_set(const RkSmall *set)
{
	static const size_t size[] = {1,  2,  3,  4,  5,  8,  12, 13, 15, 16, 17,
								  20, 24, 28, 31, 32, 33, 47, 64, 65, 100};
	static const size_t depth[] = {1, 3, 16, 63, 64, 130};
	const size_t n_sizes = sizeof(size) / sizeof(size[0]);

	for (size_t s = 0; s < n_sizes; s++)
		for (size_t t = 0; t < sizeof(depth) / sizeof(depth[0]); t++)
		{
			for (int bias = 0; bias < 2; bias++)
			{
				test_dual(set, size[s], depth[t], bias == 1);
				test_gather_primal(set, size[s], depth[t], bias == 1);
				test_combine(set, size[s], depth[t], bias == 1);
			}
			test_product(set, depth[t], size[s]);
			test_solve(set, depth[t], size[s]);
			test_pack(set, size[s], depth[t]);
		}
	test_solve(set, 300, 257);
	test_no_factor(set, 5, 3, 0.0f);
	test_no_factor(set, 16, 0, -1.0f);
	test_no_factor(set, 40, 37, NAN);
	test_no_factor(set, 40, 16, -1e-20f);
}

int
main(void)
{
	size_t n = 0;

	for (; rk_small_variant(n) != NULL; n++)
		test_set(rk_small_variant(n));
	CHECK(n >= 1 && rk_small_best() == rk_small_variant(0));
	return unit_finish("small");
}
