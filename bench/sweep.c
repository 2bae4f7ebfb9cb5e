/*
 * sweep.c
 *	  Times the parts of a sweep of exact ALS in one process, with the kernels that learning uses.
 *
 *	  sweep FACTORS SWEEPS <pairs		pairs: "user,item" lines, non-negative integers, no header
 *
 * Prints the median CPU seconds of each part, of users + items, and of a whole sweep, as a line of a table: Gram matrices,
 * eigenvectors, rotation, rows. Rows have weight and target 1; alpha0, lambda and nu are the defaults of learning.
 */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/als.h"
#include "kernel/eigh.h"

/* Slabs of a Gram matrix, as in learning. */
#define SLABS 8

enum
{
	PART_GRAM,
	PART_EIGEN,
	PART_ROTATE,
	PART_SOLVE,
	PARTS
};

/* seconds gives the CPU seconds of this process. */
static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

/* take allocates, aligned for the kernels. */
static void *
take(size_t bytes)
{
	void *p = aligned_alloc(RK_SCRATCH_ALIGN, (bytes + RK_SCRATCH_ALIGN) / RK_SCRATCH_ALIGN * RK_SCRATCH_ALIGN);

	if (p == NULL)
		exit(1);
	return p;
}

static void
check(RkStatus status)
{
	if (status == RK_OK)
		return;
	fprintf(stderr, "kernel failed with status %d\n", (int) status);
	exit(1);
}

static int
compare_pairs(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *) a;
	uint64_t y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

/* read_rows reads the pairs, each once, and makes rows by user. */
static RkCsr
read_rows(void)
{
	size_t room = 1 << 20;
	size_t n = 0;
	size_t kept = 0;
	uint64_t *pair = malloc(room * sizeof(uint64_t));
	unsigned user;
	unsigned item;
	uint64_t *offset;
	uint32_t *index;
	float *ones;
	size_t users;
	size_t items = 0;

	while (pair != NULL && scanf("%u,%u", &user, &item) == 2)
	{
		if (n == room)
			pair = realloc(pair, (room *= 2) * sizeof(uint64_t));
		if (pair != NULL)
			pair[n++] = (uint64_t) user << 32 | item;
	}
	if (pair == NULL || n == 0)
		exit(1);
	qsort(pair, n, sizeof(uint64_t), compare_pairs);
	for (size_t k = 0; k < n; k++)
		if (k == 0 || pair[k] != pair[k - 1])
			pair[kept++] = pair[k];
	users = (size_t) (pair[kept - 1] >> 32) + 1;
	offset = take((users + 1) * sizeof(uint64_t));
	index = take(kept * sizeof(uint32_t));
	ones = take(kept * sizeof(float));
	memset(offset, 0, (users + 1) * sizeof(uint64_t));
	for (size_t k = 0; k < kept; k++)
	{
		offset[(pair[k] >> 32) + 1]++;
		index[k] = (uint32_t) pair[k];
		ones[k] = 1.0f;
		if (index[k] >= items)
			items = (size_t) index[k] + 1;
	}
	for (size_t u = 0; u < users; u++)
		offset[u + 1] += offset[u];
	free(pair);
	return (RkCsr){users, items, offset, index, ones, ones};
}

static RkCsr
transpose(const RkCsr *rows)
{
	size_t nnz = rk_csr_nnz(rows);
	uint64_t *offset = take((rows->n_cols + 1) * sizeof(uint64_t));
	uint32_t *index = take(nnz * sizeof(uint32_t));
	float *weight = take(nnz * sizeof(float));
	float *target = take(nnz * sizeof(float));

	check(rk_csr_transpose(rows, offset, index, weight, target, NULL));
	return (RkCsr){rows->n_cols, rows->n_rows, offset, index, weight, target};
}

/* half_sweep solves x against y and adds the seconds of its parts. */
static double
half_sweep(const RkAlsSide *side, float *x, float *y, size_t n_y, double *slab, float *vector, double *value,
		   void *scratch, double *part)
{
	size_t d = side->d;
	RkAlsOther other = {y, NULL, value};
	double begun = seconds();
	double loss;

	memset(slab, 0, SLABS * d * d * sizeof(double));
	for (size_t s = 0; s < SLABS; s++)
		check(rk_gram_range(y, n_y * s / SLABS, n_y * (s + 1) / SLABS, d, false, slab + s * d * d, scratch, NULL));
	for (size_t s = 1; s < SLABS; s++)
		rk_gram_add(d, slab + s * d * d, slab);
	part[PART_GRAM] = seconds() - begun;
	begun += part[PART_GRAM];
	check(rk_eigh_gram(d, slab, value, scratch, NULL));
	for (size_t k = 0; k < d * d; k++)
		vector[k] = (float) slab[k];
	part[PART_EIGEN] = seconds() - begun;
	begun += part[PART_EIGEN];
	check(rk_rotate_range(y, 0, n_y, d, vector, scratch, NULL));
	part[PART_ROTATE] = seconds() - begun;
	begun += part[PART_ROTATE];
	check(rk_als_solve_range(side, &other, 0, side->rows.n_rows, x, NULL, &loss, NULL, scratch, NULL));
	part[PART_SOLVE] = seconds() - begun;
	return loss;
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

static double
median(double *value, int n)
{
	qsort(value, (size_t) n, sizeof(double), compare_doubles);
	return value[n / 2];
}

static size_t
greater(size_t a, size_t b)
{
	return a > b ? a : b;
}

int
main(int argc, char **argv)
{
	size_t d = argc > 1 ? (size_t) atoi(argv[1]) : 64;
	int sweeps = argc > 2 ? atoi(argv[2]) : 4;
	RkAlsSide side[2] = {{.d = d, .alpha0 = 0.03, .nu = 0.5}};
	float *factor[2];
	double *slab = take(SLABS * d * d * sizeof(double));
	float *vector = take(d * d * sizeof(float));
	double *value = take(d * sizeof(double));
	void *scratch = take(greater(greater(rk_als_scratch_bytes(d), rk_eigh_scratch_bytes(d)),
								 greater(rk_gram_scratch_bytes(d), rk_rotate_scratch_bytes(d))));
	double *time[2][PARTS + 1];
	double loss = 0;

	side[0].rows = read_rows();
	side[0].lambda = 0.15;
	side[1] = side[0];
	side[1].rows = transpose(&side[0].rows);
	for (int s = 0; s < 2; s++)
	{
		side[s].n_other = side[s].rows.n_cols;
		factor[s] = take(side[s].rows.n_rows * d * sizeof(float));
		for (int p = 0; p <= PARTS; p++)
			time[s][p] = take((size_t) sweeps * sizeof(double));
	}
	for (size_t i = 0; i < side[1].rows.n_rows; i++)
		rk_als_init_row(1, i, d, factor[1] + i * d);
	for (int sweep = -1; sweep < sweeps; sweep++)
		for (int s = 0; s < 2; s++)
		{
			double part[PARTS];

			loss = half_sweep(&side[s], factor[s], factor[1 - s], side[s].rows.n_cols, slab, vector, value,
							  scratch, part) +
				   rk_als_ridge_range(&side[1 - s], 0, side[1 - s].rows.n_rows, factor[1 - s], NULL);
			for (int p = 0; p < PARTS && sweep >= 0; p++)
				time[s][p][sweep] = part[p];
			if (sweep >= 0)
				time[s][PARTS][sweep] = part[0] + part[1] + part[2] + part[3];
		}
	printf("| %zu factors |", d);
	for (int p = 0; p < PARTS; p++)
		printf(" %.4f + %.4f |", median(time[0][p], sweeps), median(time[1][p], sweeps));
	printf(" %.4f |\n", median(time[0][PARTS], sweeps) + median(time[1][PARTS], sweeps));
	fprintf(stderr, "loss %.7g\n", loss);
	return 0;
}
