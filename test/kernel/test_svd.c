/*
 * Proves that the truncated decomposition finds planted singular values and vectors, is orthonormal, explains as much as it can
 * of a random matrix, and is defined for matrices without rank.
 */
#include "unit.h"

#include "kernel/svd.h"

#define N 80
#define M 50
#define K 6

static uint64_t offset[N + 1];
static uint32_t column[N * M];
static float weight[N * M];
static float basis[M * K];
static double value[K];

/* dense makes a sparse matrix of a dense one, zeros left out. */
static RkCsr
dense(const double *a, size_t n, size_t m)
{
	uint64_t nnz = 0;

	for (size_t r = 0; r < n; r++)
	{
		offset[r] = nnz;
		for (size_t c = 0; c < m; c++)
			if (a[r * m + c] != 0)
			{
				column[nnz] = (uint32_t) c;
				weight[nnz++] = (float) a[r * m + c];
			}
	}
	offset[n] = nnz;
	return (RkCsr){.n_rows = n, .n_cols = m, .offset = offset, .index = column, .weight = weight};
}

/* decompose runs the kernel with k vectors. */
static RkStatus
decompose(const RkCsr *a, size_t k)
{
	void *scratch = unit_alloc(rk_svd_scratch_bytes(a->n_rows, a->n_cols, k));
	RkStatus status = rk_svd_right(a, k, 7, basis, value, scratch, NULL);

	free(scratch);
	return status;
}

/* Four disjoint blocks of ones: singular values sqrt(rows * columns), vectors constant on a block's columns. */
static void
test_blocks(void)
{
	static const size_t rows[] = {30, 25, 15, 10};
	static const size_t columns[] = {20, 15, 10, 5};
	static double a[N * M];
	RkCsr csr;
	size_t r0 = 0;
	size_t c0 = 0;

	memset(a, 0, sizeof(a));
	for (int b = 0; b < 4; b++)
	{
		for (size_t r = r0; r < r0 + rows[b]; r++)
			for (size_t c = c0; c < c0 + columns[b]; c++)
				a[r * M + c] = 1;
		r0 += rows[b];
		c0 += columns[b];
	}
	csr = dense(a, N, M);
	CHECK(decompose(&csr, K) == RK_OK);
	c0 = 0;
	for (int b = 0; b < 4; b++)
	{
		CHECK_NEAR(value[b], sqrt((double) (rows[b] * columns[b])), 1e-6);
		for (size_t c = 0; c < M; c++)
			CHECK_NEAR(basis[c * K + b], c >= c0 && c < c0 + columns[b] ? 1 / sqrt((double) columns[b]) : 0,
					   1e-6);
		c0 += columns[b];
	}
	CHECK_NEAR(value[4], 0, 1e-5);
	CHECK_NEAR(value[5], 0, 1e-5);
}

/* Of a random matrix of rank K and a little noise the vectors are orthonormal and |A v| is the singular value. */
static void
test_random(void)
{
	static double a[N * M];
	static double left[N * K];
	static double right[M * K];
	static float first[M * K];
	RkCsr csr;
	RkRng rng;

	rk_rng_seed(&rng, 3);
	for (size_t i = 0; i < N * K; i++)
		left[i] = rk_rng_normal(&rng);
	for (size_t i = 0; i < M * K; i++)
		right[i] = rk_rng_normal(&rng);
	for (size_t r = 0; r < N; r++)
		for (size_t c = 0; c < M; c++)
		{
			a[r * M + c] = 1e-3 * rk_rng_normal(&rng);
			for (size_t k = 0; k < K; k++)
				a[r * M + c] += (double) (K - k) * left[r * K + k] * right[c * K + k];
		}
	csr = dense(a, N, M);
	CHECK(decompose(&csr, K) == RK_OK);
	for (size_t i = 0; i < K; i++)
	{
		double squares = 0;

		CHECK(i == 0 || value[i] <= value[i - 1]);
		for (size_t j = 0; j < K; j++)
		{
			double dot = 0;

			for (size_t c = 0; c < M; c++)
				dot += (double) basis[c * K + i] * (double) basis[c * K + j];
			CHECK_NEAR(dot, i == j ? 1 : 0, 1e-5);
		}
		for (size_t r = 0; r < N; r++)
		{
			double dot = 0;

			for (size_t c = 0; c < M; c++)
				dot += a[r * M + c] * (double) basis[c * K + i];
			squares += dot * dot;
		}
		CHECK_NEAR(sqrt(squares) / value[i], 1, 1e-5);
	}
	/* what is left over is the noise */
	{
		double all = 0;
		double kept = 0;

		for (size_t i = 0; i < N * M; i++)
			all += a[i] * a[i];
		for (size_t k = 0; k < K; k++)
			kept += value[k] * value[k];
		CHECK(all - kept < 1e-6 * N * M * 2);
	}
	memcpy(first, basis, sizeof(first));
	CHECK(decompose(&csr, K) == RK_OK);
	CHECK(memcmp(first, basis, sizeof(first)) == 0);
}

static bool
always(void *arg)
{
	(void) arg;
	return true;
}

static void
test_degenerate(void)
{
	static double a[N * M];
	RkCsr csr;

	memset(a, 0, sizeof(a));
	csr = dense(a, N, M);
	CHECK(decompose(&csr, K) == RK_OK);
	for (size_t i = 0; i < M * K; i++)
		CHECK(basis[i] == 0);
	a[0] = 2;
	csr = dense(a, 1, 1);
	CHECK(decompose(&csr, 1) == RK_OK);
	CHECK_NEAR(value[0], 2, 1e-12);
	CHECK_NEAR(basis[0], 1, 1e-6);
	CHECK(decompose(&csr, 2) == RK_INVALID);
	CHECK(decompose(&csr, 0) == RK_INVALID);
	a[0] = NAN;
	csr = dense(a, 1, 1);
	CHECK(decompose(&csr, 1) == RK_NON_FINITE);
}

/* A long one stops when it is asked to. */
static void
test_cancel(void)
{
	enum
	{
		ROWS = 3000,
		EACH = 40
	};
	static uint64_t start[ROWS + 1];
	static uint32_t index[ROWS * EACH];
	static float ones[ROWS * EACH];
	static float vectors[M * K];
	RkPoll poll = {always, NULL};
	RkCsr csr = {.n_rows = ROWS, .n_cols = M, .offset = start, .index = index, .weight = ones};
	void *scratch = unit_alloc(rk_svd_scratch_bytes(ROWS, M, K));

	for (size_t r = 0; r < ROWS; r++)
	{
		start[r + 1] = (r + 1) * EACH;
		for (size_t e = 0; e < EACH; e++)
		{
			index[r * EACH + e] = (uint32_t) (e + r % (M - EACH));
			ones[r * EACH + e] = 1;
		}
	}
	CHECK(rk_svd_right(&csr, K, 1, vectors, value, scratch, &poll) == RK_CANCELLED);
	free(scratch);
}

int
main(void)
{
	test_blocks();
	test_random();
	test_degenerate();
	test_cancel();
	return unit_finish("svd");
}
