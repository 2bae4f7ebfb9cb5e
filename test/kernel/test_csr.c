/*
 * Proves that transposing is stable, undone by itself, and right on empty rows
 * and columns, and that validation refuses each kind of broken matrix.
 */
#include "unit.h"

#include "kernel/csr.h"

#define ROWS 37
#define COLUMNS 23

static uint64_t offset[ROWS + 1];
static uint32_t column[ROWS * COLUMNS];
static float weight[ROWS * COLUMNS];
static float target[ROWS * COLUMNS];

/* fill makes a random matrix with empty rows and columns; returns nnz. */
static size_t
fill(RkCsr *csr)
{
	RkRng rng;
	size_t nnz = 0;

	rk_rng_seed(&rng, 11);
	for (size_t r = 0; r < ROWS; r++)
	{
		offset[r] = nnz;
		for (size_t c = 0; c < COLUMNS; c++)
			if (r % 5 != 0 && c % 7 != 3 && rk_rng_below(&rng, 3) == 0)
			{
				column[nnz] = (uint32_t) c;
				weight[nnz] = (float) rk_rng_uniform(&rng);
				target[nnz] = (float) (100 * r + c);
				nnz++;
			}
	}
	offset[ROWS] = nnz;
	*csr = (RkCsr){ROWS, COLUMNS, offset, column, weight, target};
	return nnz;
}

static void
test_transpose(void)
{
	RkCsr csr;
	RkCsr turned;
	RkCsr back;
	size_t nnz = fill(&csr);
	uint64_t offset_t[COLUMNS + 1];
	uint64_t offset_b[ROWS + 1];
	uint32_t index_t[ROWS * COLUMNS];
	uint32_t index_b[ROWS * COLUMNS];
	float weight_t[ROWS * COLUMNS];
	float target_t[ROWS * COLUMNS];
	float weight_b[ROWS * COLUMNS];

	CHECK(rk_csr_validate(&csr, nnz, NULL) == RK_OK);
	CHECK(rk_csr_transpose(&csr, offset_t, index_t, weight_t, target_t, NULL) == RK_OK);
	turned = (RkCsr){COLUMNS, ROWS, offset_t, index_t, weight_t, target_t};
	CHECK(rk_csr_validate(&turned, nnz, NULL) == RK_OK);
	CHECK(rk_csr_nnz(&turned) == nnz);
	for (size_t c = 0; c < COLUMNS; c++)
		for (uint64_t e = offset_t[c]; e < offset_t[c + 1]; e++)
			CHECK(target_t[e] == (float) (100 * index_t[e] + c));

	turned.target = NULL;
	CHECK(rk_csr_transpose(&turned, offset_b, index_b, weight_b, NULL, NULL) == RK_OK);
	back = (RkCsr){ROWS, COLUMNS, offset_b, index_b, weight_b, NULL};
	CHECK(memcmp(back.offset, offset, sizeof(offset)) == 0);
	CHECK(memcmp(back.index, column, nnz * sizeof(uint32_t)) == 0);
	CHECK(memcmp(back.weight, weight, nnz * sizeof(float)) == 0);
}

static void
test_empty(void)
{
	uint64_t zero[3] = {0, 0, 0};
	uint64_t out[4] = {9, 9, 9, 9};
	RkCsr no_rows = {0, 3, zero, NULL, NULL, NULL};
	RkCsr no_columns = {2, 0, zero, NULL, NULL, NULL};

	CHECK(rk_csr_validate(&no_rows, 0, NULL) == RK_OK);
	CHECK(rk_csr_transpose(&no_rows, out, NULL, NULL, NULL, NULL) == RK_OK);
	for (int i = 0; i < 4; i++)
		CHECK(out[i] == 0);
	CHECK(rk_csr_validate(&no_columns, 0, NULL) == RK_OK);
	CHECK(rk_csr_transpose(&no_columns, out, NULL, NULL, NULL, NULL) == RK_OK);
	CHECK(out[0] == 0);
}

static void
test_validate(void)
{
	RkCsr csr;
	size_t nnz = fill(&csr);

	CHECK(rk_csr_validate(&csr, nnz + 1, NULL) == RK_INVALID);
	offset[3] = offset[4] + 1;
	CHECK(rk_csr_validate(&csr, nnz, NULL) == RK_INVALID);
	fill(&csr);
	offset[0] = 1;
	CHECK(rk_csr_validate(&csr, nnz, NULL) == RK_INVALID);
	fill(&csr);
	offset[1] = UINT64_MAX;
	CHECK(rk_csr_validate(&csr, nnz, NULL) == RK_INVALID);
	fill(&csr);
	column[nnz - 1] = COLUMNS;
	CHECK(rk_csr_validate(&csr, nnz, NULL) == RK_INVALID);
	fill(&csr);
	column[1] = column[0];
	CHECK(rk_csr_validate(&csr, nnz, NULL) == RK_INVALID);
	fill(&csr);
	weight[5] = -1.0f;
	CHECK(rk_csr_validate(&csr, nnz, NULL) == RK_INVALID);
	fill(&csr);
	weight[5] = INFINITY;
	CHECK(rk_csr_validate(&csr, nnz, NULL) == RK_NON_FINITE);
	fill(&csr);
	target[5] = NAN;
	CHECK(rk_csr_validate(&csr, nnz, NULL) == RK_NON_FINITE);
}

static void
test_cancel(void)
{
	RkCsr csr;
	int left = 0;
	RkPoll poll = {unit_cancel_after, &left};
	uint64_t out[COLUMNS + 1];
	size_t nnz = fill(&csr);

	CHECK(rk_csr_validate(&csr, nnz, &poll) == RK_CANCELLED);
	CHECK(rk_csr_transpose(&csr, out, NULL, NULL, NULL, &poll) == RK_CANCELLED);
}

/* Entries taken out of a matrix and put back leave it as it was, to the bit. */
static void
test_take(void)
{
	static uint64_t offset_k[ROWS + 1];
	static uint64_t offset_t[ROWS + 1];
	static uint32_t index_k[ROWS * COLUMNS];
	static uint32_t index_t[ROWS * COLUMNS];
	static float value_k[2 * ROWS * COLUMNS];
	static float value_t[2 * ROWS * COLUMNS];
	uint8_t bit[ROWS * COLUMNS / 8 + 1] = {0};
	RkCsr csr;
	size_t nnz = fill(&csr);
	RkCsr kept = {ROWS, COLUMNS, offset_k, index_k, value_k, value_k + nnz};
	RkCsr taken = {ROWS, COLUMNS, offset_t, index_t, value_t, value_t + nnz};
	RkCsrArrays kept_arrays = {offset_k, index_k, value_k, value_k + nnz};
	RkCsrArrays taken_arrays = {offset_t, index_t, value_t, value_t + nnz};
	RkRng rng;
	size_t n_taken = 0;

	memcpy(offset_k, offset, sizeof(offset));
	memcpy(index_k, column, nnz * sizeof(uint32_t));
	memcpy(value_k, weight, nnz * sizeof(float));
	memcpy(value_k + nnz, target, nnz * sizeof(float));
	rk_rng_seed(&rng, 12);
	for (size_t e = 0; e < nnz; e++)
		if (rk_rng_below(&rng, 3) == 0 || e + 1 == nnz)
		{
			bit[e / 8] |= (uint8_t) (1u << (e % 8));
			n_taken++;
		}
	rk_csr_take(&kept, &kept_arrays, bit, &taken_arrays);
	CHECK(n_taken > 10 && rk_csr_nnz(&taken) == n_taken && rk_csr_nnz(&kept) == nnz - n_taken);
	CHECK(rk_csr_validate(&kept, nnz - n_taken, NULL) == RK_OK);
	CHECK(rk_csr_validate(&taken, n_taken, NULL) == RK_OK);
	for (size_t r = 0; r < ROWS; r++)
		for (size_t e = offset_t[r]; e < offset_t[r + 1]; e++)
			CHECK(taken.target[e] == (float) (100 * r + taken.index[e]));
	rk_csr_put_back(&kept, &kept_arrays, &taken);
	CHECK(memcmp(offset_k, offset, sizeof(offset)) == 0);
	CHECK(memcmp(index_k, column, nnz * sizeof(uint32_t)) == 0);
	CHECK(memcmp(value_k, weight, nnz * sizeof(float)) == 0);
	CHECK(memcmp(value_k + nnz, target, nnz * sizeof(float)) == 0);
}

int
main(void)
{
	test_transpose();
	test_take();
	test_empty();
	test_validate();
	test_cancel();
	return unit_finish("csr");
}
