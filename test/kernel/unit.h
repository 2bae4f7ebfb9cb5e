/*
 * unit.h
 *	  The smallest frame for unit tests of the kernel.
 *
 * A test program calls CHECK as often as it likes and returns unit_finish(),
 * which prints "name: N passed, N failed".
 */
#ifndef UNIT_H
#define UNIT_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/rng.h"
#include "kernel/status.h"

static size_t unit_passed;
static size_t unit_failed;

/* unit_check counts one check and tells where it failed. */
static inline int
unit_check(int holds, const char *text, const char *file, int line)
{
	if (holds)
		unit_passed++;
	else
	{
		unit_failed++;
		if (unit_failed <= 20)
			printf("%s:%d: failed: %s\n", file, line, text);
	}
	return holds;
}

/* unit_check_near checks |got - expected| <= tolerance and shows the numbers. */
static inline int
unit_check_near(double got, double expected, double tolerance, const char *file, int line)
{
	int holds = fabs(got - expected) <= tolerance;

	if (!holds && unit_failed < 20)
		printf("%s:%d: got %.17g, expected %.17g within %g\n", file, line, got, expected, tolerance);
	return unit_check(holds, "near", file, line);
}

#define CHECK(condition) unit_check((condition) != 0, #condition, __FILE__, __LINE__)
#define CHECK_NEAR(got, expected, tolerance) \
	unit_check_near((got), (expected), (tolerance), __FILE__, __LINE__)

/* unit_finish prints the totals of a program and gives its exit code. */
static inline int
unit_finish(const char *name)
{
	printf("%s: %zu passed, %zu failed\n", name, unit_passed, unit_failed);
	return unit_failed == 0 ? 0 : 1;
}

/* unit_alloc allocates aligned scratch filled with a byte that shows misuse. */
static inline void *
unit_alloc(size_t bytes)
{
	size_t rounded = (bytes + RK_SCRATCH_ALIGN) / RK_SCRATCH_ALIGN * RK_SCRATCH_ALIGN;
	void *memory = aligned_alloc(RK_SCRATCH_ALIGN, rounded);

	if (memory == NULL)
		abort();
	memset(memory, 0xa5, rounded);
	return memory;
}

/* unit_floats allocates n normal numbers times scale. */
static inline float *
unit_floats(uint64_t seed, size_t n, float scale)
{
	float *out = unit_alloc(n * sizeof(float));
	RkRng rng;

	rk_rng_seed(&rng, seed);
	for (size_t i = 0; i < n; i++)
		out[i] = (float) (rk_rng_normal(&rng) * (double) scale);
	return out;
}

/* unit_cancel_after is a poll callback that gives in when *arg reaches 0. */
static inline bool
unit_cancel_after(void *arg)
{
	int *left = arg;

	return --*left < 0;
}

#endif /* UNIT_H */
