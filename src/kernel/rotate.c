/*
 * rotate.c
 *	  A rotation that spreads what a vector consists of over all its coordinates.
 */
#include "rotate.h"

#include <math.h>

#include "rng.h"
#include "simd.h"

/* Coordinates whose signs are in one hash. */
#define RK_ROTATE_SIGNS 64

/* rk_rotate_signs changes signs of x [columns], others for each seed. */
RK_INLINE void
rk_rotate_signs(double *x, size_t columns, uint64_t seed)
{
	uint64_t signs = 0;

	for (size_t k = 0; k < columns; k++)
	{
		if (k % RK_ROTATE_SIGNS == 0)
			signs = rk_hash_mix(seed, k / RK_ROTATE_SIGNS);
		x[k] = (signs >> (k % RK_ROTATE_SIGNS) & 1) != 0 ? -x[k] : x[k];
	}
}

/* rk_rotate_four multiplies four numbers by H_4. */
RK_INLINE void
rk_rotate_four(double *x)
{
	double sum[2] = {x[0] + x[1], x[2] + x[3]};
	double difference[2] = {x[0] - x[1], x[2] - x[3]};

	x[0] = sum[0] + sum[1];
	x[1] = difference[0] + difference[1];
	x[2] = sum[0] - sum[1];
	x[3] = difference[0] - difference[1];
}

/* rk_rotate_hadamard multiplies x [order], a power of two from 4 on, by H / sqrt(order). */
RK_INLINE void
rk_rotate_hadamard(double *x, size_t order)
{
	double scale = 1.0 / sqrt((double) order);

	for (size_t k = 0; k < order; k += 4)
		rk_rotate_four(x + k);
	for (size_t half = 4; half < order; half *= 2)
		for (size_t first = 0; first < order; first += 2 * half)
			for (size_t k = first; k < first + half; k += 4)
			{
				RkDouble4 a;
				RkDouble4 b;
				RkDouble4 sum;

				RK_LOAD(a, x + k);
				RK_LOAD(b, x + k + half);
				sum = a + b;
				b = a - b;
				RK_STORE(x + k, sum);
				RK_STORE(x + k + half, b);
			}
	for (size_t k = 0; k < order; k++)
		x[k] *= scale;
}

RK_CLONES static void
rk_rotate_cloned(double *x, size_t columns)
{
	size_t order = 4;

	while (2 * order <= columns)
		order *= 2;
	rk_rotate_signs(x, columns, 0);
	rk_rotate_hadamard(x, order);
	if (order == columns)
		return;
	rk_rotate_signs(x, columns, 1);
	rk_rotate_hadamard(x + columns - order, order);
}

void
rk_rotate(double *x, size_t columns)
{
	rk_rotate_cloned(x, columns);
}
