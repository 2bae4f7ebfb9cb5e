/*
 * sgemm.c
 *	  Measures what one core can do: the best GFLOP/s of single-precision
 *	  products of two n x n matrices in the BLAS that learning uses.
 */
#define _POSIX_C_SOURCE 199309L

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

extern void sgemm_(const char *transa, const char *transb, const int *m, const int *n, const int *k,
				   const float *alpha, const float *a, const int *lda, const float *b, const int *ldb,
				   const float *beta, float *c, const int *ldc);

/* seconds gives the time since some moment. */
static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec * 1e-9;
}

int
main(void)
{
	const int n = 1024;
	const float one = 1;
	const float zero = 0;
	float *a = malloc(sizeof(float) * n * n);
	float *b = malloc(sizeof(float) * n * n);
	float *c = malloc(sizeof(float) * n * n);
	double best = 1e9;

	if (a == NULL || b == NULL || c == NULL)
		return 1;
	for (int i = 0; i < n * n; i++)
	{
		a[i] = (float) (i % 7) * 0.25f;
		b[i] = (float) (i % 5) * 0.5f;
	}
	for (int run = 0; run < 20; run++)
	{
		double begun = seconds();
		double took;

		sgemm_("N", "N", &n, &n, &n, &one, a, &n, b, &n, &zero, c, &n);
		took = seconds() - begun;
		if (took < best)
			best = took;
	}
	printf("%.1f\n", 2e-9 * n * n * n / best);
	return c[0] < 0;
}
