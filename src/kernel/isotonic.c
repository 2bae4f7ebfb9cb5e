/*
 * isotonic.c
 *	  Pool adjacent violators.
 */
#include "isotonic.h"

/* rk_pool merges block b + 1 into block b. */
static void
rk_pool(double *x, double *y, double *w, size_t b)
{
	double sum = w[b] + w[b + 1];

	x[b] += (x[b + 1] - x[b]) * (w[b + 1] / sum);
	y[b] += (y[b + 1] - y[b]) * (w[b + 1] / sum);
	w[b] = sum;
}

size_t
rk_isotonic(double *x, double *y, double *w, size_t n)
{
	size_t distinct = 0;
	size_t blocks = 0;

	for (size_t i = 0; i < n; i++)
	{
		x[distinct] = x[i];
		y[distinct] = y[i];
		w[distinct] = w[i];
		if (distinct > 0 && x[distinct - 1] == x[distinct])
			rk_pool(x, y, w, distinct - 1);
		else
			distinct++;
	}
	for (size_t i = 0; i < distinct; i++)
	{
		x[blocks] = x[i];
		y[blocks] = y[i];
		w[blocks] = w[i];
		blocks++;
		while (blocks > 1 && y[blocks - 2] >= y[blocks - 1])
		{
			rk_pool(x, y, w, blocks - 2);
			blocks--;
		}
	}
	return blocks;
}

double
rk_isotonic_at(const double *x, const double *y, size_t n, double at)
{
	size_t low = 0;
	size_t high = n - 1;

	if (!(at > x[0]))
		return y[0];
	if (at >= x[high])
		return y[high];
	while (high - low > 1)
	{
		size_t middle = low + (high - low) / 2;

		if (x[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	return y[low] + (at - x[low]) / (x[high] - x[low]) * (y[high] - y[low]);
}
