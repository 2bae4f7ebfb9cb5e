/*
 * Proves that the eigendecomposition rebuilds its input with orthonormal
 * vectors at sizes on both sides of the staged way, in its documented order
 * and signs, and that it can be interrupted.
 */
#include "unit.h"

#include "kernel/eigh.h"
#include "kernel/solve.h"

/* gram_make fills the upper triangle of a Gram matrix of the given rank. */
static double *
gram_make(size_t d, size_t rank, uint64_t seed)
{
	float *factor = unit_floats(seed, rank * d, 1.0f);
	double *gram = unit_alloc(d * d * sizeof(double));

	memset(gram, 0, d * d * sizeof(double));
	for (size_t r = 0; r < rank; r++)
		for (size_t i = 0; i < d; i++)
			for (size_t k = i; k < d; k++)
				gram[i * d + k] += (double) factor[r * d + i] * (double) factor[r * d + k];
	for (size_t i = 1; i < d; i++)
		gram[i * d] = NAN; /* the lower triangle is not read */
	free(factor);
	return gram;
}

/* check_decomposition compares sampled elements of V^T diag V and V V^T. */
static void
check_decomposition(size_t d, const double *gram, const double *vector, const double *value)
{
	size_t step = d < 100 ? 1 : d / 16;
	double error = 0.0;
	double skew = 0.0;

	for (size_t i = 0; i < d; i += step)
		for (size_t j = i; j < d; j += step)
		{
			double sum = 0.0;

			for (size_t k = 0; k < d; k++)
				sum += value[k] * vector[k * d + i] * vector[k * d + j];
			error = fmax(error, fabs(sum - gram[i * d + j]));
			skew = fmax(skew, fabs(rk_dot_dd(vector + i * d, vector + j * d, d) - (i == j)));
		}
	CHECK_NEAR(error / fmax(1e-300, value[0]), 0.0, 1e-13);
	CHECK_NEAR(skew, 0.0, 1e-12);
}

static void
check_order_and_signs(size_t d, const double *vector, const double *value)
{
	size_t good = 0;

	for (size_t k = 0; k < d; k++)
	{
		size_t largest = 0;

		for (size_t i = 1; i < d; i++)
			if (fabs(vector[k * d + i]) > fabs(vector[k * d + largest]))
				largest = i;
		good += vector[k * d + largest] > 0.0 && (k == 0 || value[k] <= value[k - 1]);
	}
	CHECK(good == d);
}

static void
test_size(size_t d, size_t rank)
{
	double *gram = gram_make(d, rank, 50 + d);
	double *vector = unit_alloc(d * d * sizeof(double));
	double *again = unit_alloc(d * d * sizeof(double));
	double *value = unit_alloc(d * sizeof(double));
	void *scratch = unit_alloc(rk_eigh_scratch_bytes(d));

	memcpy(vector, gram, d * d * sizeof(double));
	CHECK(rk_eigh_gram(d, vector, value, scratch, NULL) == RK_OK);
	check_decomposition(d, gram, vector, value);
	check_order_and_signs(d, vector, value);
	CHECK(value[d - 1] >= 0.0);
	memcpy(again, gram, d * d * sizeof(double));
	memset(scratch, 0, rk_eigh_scratch_bytes(d));
	CHECK(rk_eigh_gram(d, again, value, scratch, NULL) == RK_OK);
	CHECK(memcmp(again, vector, d * d * sizeof(double)) == 0);
	free(gram);
	free(vector);
	free(again);
	free(value);
	free(scratch);
}

/* Diagonal and zero matrices, whose reflectors vanish. */
static void
test_diagonal(size_t d)
{
	double *matrix = unit_alloc(d * d * sizeof(double));
	double *value = unit_alloc(d * sizeof(double));
	void *scratch = unit_alloc(rk_eigh_scratch_bytes(d));
	size_t good = 0;

	memset(matrix, 0, d * d * sizeof(double));
	for (size_t k = 0; k < d; k++)
		matrix[k * d + k] = (double) k - 3.0;
	CHECK(rk_eigh(d, matrix, value, scratch, NULL) == RK_OK);
	for (size_t k = 0; k < d; k++)
		good += fabs(value[k] - (double) (d - 1 - k) + 3.0) < 1e-12 &&
				fabs(matrix[k * d + d - 1 - k] - 1.0) < 1e-12;
	CHECK(good == d);
	memset(matrix, 0, d * d * sizeof(double));
	CHECK(rk_eigh(d, matrix, value, scratch, NULL) == RK_OK);
	CHECK(value[0] == 0.0 && value[d - 1] == 0.0);
	matrix[d - 1] = INFINITY;
	CHECK(rk_eigh(d, matrix, value, scratch, NULL) == (d == 0 ? RK_OK : RK_NON_FINITE));
	free(matrix);
	free(value);
	free(scratch);
}

static void
test_cancel(size_t d)
{
	double *gram = gram_make(d, d, 3);
	double *matrix = unit_alloc(d * d * sizeof(double));
	double *value = unit_alloc(d * sizeof(double));
	void *scratch = unit_alloc(rk_eigh_scratch_bytes(d));

	for (int after = 0; after < 12; after++)
	{
		int left = after;
		RkPoll poll = {unit_cancel_after, &left};

		memcpy(matrix, gram, d * d * sizeof(double));
		CHECK(rk_eigh(d, matrix, value, scratch, &poll) == RK_CANCELLED);
	}
	free(gram);
	free(matrix);
	free(value);
	free(scratch);
}

int
main(void)
{
	test_size(1, 3);
	test_size(4, 9);
	test_size(64, 200);
	test_size(64, 10);
	test_size(192, 300);
	test_size(193, 250);
	test_size(256, 300);
	test_size(257, 40);
	test_size(1024, 1100);
	test_diagonal(5);
	test_diagonal(230);
	test_cancel(300);
	return unit_finish("eigh");
}
