/*
 * Proves that the dense regression is that of the inverse by elimination in double, by items and by users, that the local one solves
 * the ridge regression of its nearest, and that both notice what cannot be solved.
 */
#include "unit.h"

#include "kernel/csr.h"
#include "kernel/ease.h"

#define USERS 900
#define ITEMS 603
#define ENTRIES (USERS * 40)

static uint64_t user_offset[USERS + 1];
static uint64_t item_offset[ITEMS + 2];
static uint32_t user_index[ENTRIES];
static uint32_t item_index[ENTRIES];
static float value[ENTRIES];
static float item_value[ENTRIES];

/* fill makes random rows with values 0.5 and 1; item 17 has none. */
static void
fill(RkCsr *by_user, RkCsr *by_item)
{
	RkRng rng;
	size_t n = 0;

	rk_rng_seed(&rng, 9);
	for (size_t u = 0; u < USERS; u++)
	{
		user_offset[u] = n;
		for (size_t i = 0; i < ITEMS; i++)
			if (i != 17 && n < ENTRIES && rk_rng_below(&rng, 20 + 40 * ((u + i) % 3)) == 0)
			{
				user_index[n] = (uint32_t) i;
				value[n++] = 0.5f * (float) (1 + rk_rng_below(&rng, 2));
			}
	}
	user_offset[USERS] = n;
	*by_user = (RkCsr){USERS, ITEMS, user_offset, user_index, value, NULL};
	CHECK(rk_csr_transpose(by_user, item_offset, item_index, item_value, NULL, NULL) == RK_OK);
	*by_item = (RkCsr){ITEMS, USERS, item_offset, item_index, item_value, NULL};
}

/* gram gives R^T R + lambda I in double. */
static double *
gram(const RkCsr *by_user, double lambda)
{
	double *out = unit_alloc(sizeof(double) * ITEMS * ITEMS);

	memset(out, 0, sizeof(double) * ITEMS * ITEMS);
	for (size_t u = 0; u < USERS; u++)
		for (uint64_t e = by_user->offset[u]; e < by_user->offset[u + 1]; e++)
			for (uint64_t f = by_user->offset[u]; f < by_user->offset[u + 1]; f++)
				out[by_user->index[e] * ITEMS + by_user->index[f]] +=
					(double) by_user->weight[e] * (double) by_user->weight[f];
	for (size_t i = 0; i < ITEMS; i++)
		out[i * ITEMS + i] += lambda;
	return out;
}

/* eliminate solves matrix [n x n] x = right [n] in place, by Gauss-Jordan. */
static void
eliminate(size_t n, double *matrix, double *right, size_t columns)
{
	for (size_t k = 0; k < n; k++)
	{
		double pivot = matrix[k * n + k];

		for (size_t i = 0; i < n; i++)
		{
			double factor = matrix[i * n + k] / pivot;

			if (i == k || factor == 0.0)
				continue;
			for (size_t j = k; j < n; j++)
				matrix[i * n + j] -= factor * matrix[k * n + j];
			for (size_t c = 0; c < columns; c++)
				right[i * columns + c] -= factor * right[k * columns + c];
		}
	}
	for (size_t k = 0; k < n; k++)
		for (size_t c = 0; c < columns; c++)
			right[k * columns + c] /= matrix[k * n + k];
}

/* dense_make sweeps a problem (by users where items and users are exchanged) in the memory given; "tiles" apart from the steps says in which order rows of tiles are done. */
static RkStatus
dense_make(RkEase *ease, const RkCsr *by_item, const RkCsr *by_user, double lambda, bool backwards)
{
	void *scratch = unit_alloc(rk_ease_gram_scratch_bytes(ease->n));
	void *pivot = unit_alloc(rk_ease_pivot_scratch_bytes());
	size_t tiles = rk_ease_tiles(ease->n);
	RkStatus status = rk_ease_gram_range(by_item, by_user, lambda, 0, ease->n, ease->matrix, scratch, NULL);

	for (ease->step = 0; status == RK_OK && ease->step < tiles; ease->step++)
	{
		status = rk_ease_pivot(ease, pivot);
		for (size_t t = 0; status == RK_OK && t < tiles; t++)
			status = rk_ease_panel_range(ease, backwards ? tiles - 1 - t : t, NULL);
		for (size_t t = 0; status == RK_OK && t < tiles; t++)
			status = rk_ease_update_range(ease, backwards ? tiles - 1 - t : t, NULL);
	}
	free(scratch);
	free(pivot);
	return status;
}

/* dense_alloc makes the memory of a problem. */
static RkEase
dense_alloc(size_t n)
{
	return (RkEase){.n = n,
					.matrix = unit_alloc(sizeof(float) * rk_ease_floats(n)),
					.panel = unit_alloc(sizeof(float) * rk_ease_padded(n) * RK_EASE_TILE),
					.scaled = unit_alloc(sizeof(float) * rk_ease_padded(n) * RK_EASE_TILE),
					.pivot = unit_alloc(sizeof(float) * RK_EASE_TILE * RK_EASE_TILE)};
}

static void
dense_free(RkEase *ease)
{
	free(ease->matrix);
	free(ease->panel);
	free(ease->scaled);
	free(ease->pivot);
}

/* inverse_of gives (R^T R + lambda I)^-1 in double. */
static double *
inverse_of(const RkCsr *by_user, double lambda)
{
	double *matrix = gram(by_user, lambda);
	double *inverse = unit_alloc(sizeof(double) * ITEMS * ITEMS);

	memset(inverse, 0, sizeof(double) * ITEMS * ITEMS);
	for (size_t i = 0; i < ITEMS; i++)
		inverse[i * ITEMS + i] = 1.0;
	eliminate(ITEMS, matrix, inverse, ITEMS);
	free(matrix);
	return inverse;
}

/* check_rows compares rows of B with the inverse; item 17, which nobody has, has none. */
static void
check_rows(const RkSlots *slots, const double *inverse, double tolerance)
{
	double worst = 0.0;

	for (size_t j = 0; j < ITEMS; j++)
	{
		for (uint32_t e = 0; e < slots->count[j]; e++)
		{
			size_t i = slots->index[j * ITEMS + e];

			worst = fmax(worst, fabs((double) slots->weight[j * ITEMS + e] +
									 inverse[j * ITEMS + i] / inverse[i * ITEMS + i]));
		}
	}
	CHECK_NEAR(worst, 0.0, tolerance);
	CHECK(slots->count[17] == 0 && slots->count[3] > ITEMS / 2);
}

static uint32_t slot_index[ITEMS * ITEMS];
static float slot_weight[ITEMS * ITEMS];
static uint32_t slot_count[ITEMS];

static void
test_dense(void)
{
	RkSlots slots = {ITEMS, slot_index, slot_weight, slot_count};
	RkEase ease = dense_alloc(ITEMS);
	RkEase again = dense_alloc(ITEMS);
	RkCsr by_user;
	RkCsr by_item;
	double *inverse;
	void *scratch = unit_alloc(rk_ease_rows_scratch_bytes(ITEMS));

	fill(&by_user, &by_item);
	inverse = inverse_of(&by_user, 3.0);
	CHECK(dense_make(&ease, &by_item, &by_user, 3.0, false) == RK_OK);
	CHECK(dense_make(&again, &by_item, &by_user, 3.0, true) == RK_OK);
	CHECK(rk_ease_rows_range(&ease, 0, ITEMS, &slots, scratch, NULL) == RK_OK);
	CHECK(memcmp(ease.matrix, again.matrix, rk_ease_floats(ITEMS) * sizeof(float)) == 0);
	check_rows(&slots, inverse, 2e-6);
	dense_free(&ease);
	dense_free(&again);
	free(inverse);
	free(scratch);
}

/* test_dual: by users the same comes out, whichever ranges its rows are made in. */
static void
test_dual(void)
{
	static float before[ITEMS * ITEMS];
	RkSlots slots = {ITEMS, slot_index, slot_weight, slot_count};
	RkEaseDual dual = {.inverse = dense_alloc(USERS), .diagonal = unit_alloc(sizeof(double) * ITEMS)};
	RkCsr by_user;
	double *inverse;
	void *scratch = unit_alloc(rk_ease_dual_rows_scratch_bytes(USERS, ITEMS));

	fill(&by_user, &dual.by_item);
	inverse = inverse_of(&by_user, 3.0);
	CHECK(dense_make(&dual.inverse, &by_user, &dual.by_item, 3.0, false) == RK_OK);
	CHECK(rk_ease_dual_diagonal_range(&dual, 0, ITEMS, NULL) == RK_OK);
	CHECK(rk_ease_dual_rows_range(&dual, 0, ITEMS, &slots, scratch, NULL) == RK_OK);
	check_rows(&slots, inverse, 4e-6);
	memcpy(before, slot_weight, sizeof(before));
	for (size_t first = 0; first < ITEMS; first += 7)
		CHECK(rk_ease_dual_rows_range(&dual, first, first + 7 < ITEMS ? first + 7 : ITEMS, &slots, scratch,
									  NULL) == RK_OK);
	CHECK(memcmp(before, slot_weight, sizeof(before)) == 0);
	dense_free(&dual.inverse);
	free(dual.diagonal);
	free(inverse);
	free(scratch);
}

/* test_singular: without any regularisation, the item that nobody has cannot be solved for. */
static void
test_singular(void)
{
	RkEase ease = dense_alloc(ITEMS);
	RkCsr by_user;
	RkCsr by_item;

	fill(&by_user, &by_item);
	CHECK(dense_make(&ease, &by_item, &by_user, 0.0, false) == RK_NOT_POSITIVE_DEFINITE);
	dense_free(&ease);
}

/* test_local: three items, of which one has few nearest, against elimination; the split into ranges changes nothing. */
static void
test_local(void)
{
	enum
	{
		MOST = 30
	};
	static uint32_t index[ITEMS * MOST];
	static float weight[ITEMS * MOST];
	static float before[ITEMS * MOST];
	static uint32_t count[ITEMS];
	static const size_t checked[3] = {0, 250, 599};
	RkEaseLocal local = {.lambda = 2.0, .near = {MOST, index, weight, count}};
	double *matrix;
	void *scratch;

	fill(&local.by_user, &local.by_item);
	matrix = gram(&local.by_user, 0.0);
	for (size_t i = 0; i < ITEMS; i++)
	{
		/* the nearest lie around the item, so that its own place is among theirs */
		count[i] = i == 17 ? 0 : i == 250 ? 3 : MOST;
		for (size_t k = 0; k < count[i]; k++)
		{
			size_t first = i < 15 ? 0 : i > ITEMS - 20 ? ITEMS - 35 : i - 15;

			index[i * MOST + k] = (uint32_t) (first + k + (first + k >= i));
		}
	}
	scratch = unit_alloc(rk_ease_local_scratch_bytes(&local));
	CHECK(rk_ease_local_range(&local, 0, ITEMS, scratch, NULL) == RK_OK);
	for (size_t c = 0; c < 3; c++)
	{
		size_t i = checked[c];
		size_t n = count[i];
		double system[MOST * MOST];
		double right[MOST];
		double worst = 0.0;

		for (size_t a = 0; a < n; a++)
		{
			for (size_t b = 0; b < n; b++)
				system[a * n + b] =
					matrix[index[i * MOST + a] * ITEMS + index[i * MOST + b]] + (a == b ? 2.0 : 0.0);
			right[a] = matrix[index[i * MOST + a] * ITEMS + i];
		}
		eliminate(n, system, right, 1);
		for (size_t a = 0; a < n; a++)
			worst = fmax(worst, fabs(right[a] - (double) weight[i * MOST + a]));
		CHECK_NEAR(worst, 0.0, 1e-6);
	}
	memcpy(before, weight, sizeof(weight));
	for (size_t first = 0; first < ITEMS; first += 7)
		CHECK(rk_ease_local_range(&local, first, first + 7 < ITEMS ? first + 7 : ITEMS, scratch, NULL) ==
			  RK_OK);
	CHECK(memcmp(before, weight, sizeof(weight)) == 0);
	free(matrix);
	free(scratch);
}

int
main(void)
{
	test_dense();
	test_dual();
	test_singular();
	test_local();
	return unit_finish("ease");
}
