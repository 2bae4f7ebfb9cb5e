/*
 * simd.h
 *	  Private to the kernel: vectors, CPU variants and scratch.
 *
 * Hot loops are written on vectors of fixed length (an extension of GCC and
 * Clang) and compiled once for each CPU generation by RK_CLONES; the loader
 * picks one.  The element-wise operations are the same in each variant and
 * every sum has its order written out, so all give the same bits, provided
 * that the compiler does not contract a * b + c: hence -ffp-contract=off.
 *
 * Functions with RK_CLONES are static, behind a plain public one: clang 14 does
 * not export the name of a cloned function.
 *
 * Define RK_NO_CLONES where the loader cannot choose (some sanitizers).
 */
#ifndef RK_SIMD_H
#define RK_SIMD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "status.h"

#if defined(__FAST_MATH__)
#error "the kernel must not be compiled with -ffast-math"
#endif

#if defined(__x86_64__) && defined(__linux__) && !defined(RK_NO_CLONES) && defined(__has_attribute)
#if __has_attribute(target_clones)
#define RK_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#endif
#ifndef RK_CLONES
#define RK_CLONES
#define RK_TILE_BYTES 16
#else
#define RK_TILE_BYTES 32
#endif

/*
 * RK_TILE_BYTES is the length of the vectors in the innermost tile: where only
 * 16-byte registers are at hand, GCC keeps longer vectors in memory, ten times
 * slower.  No sum runs across these lanes, so the length changes no bit.
 */

/* Part of a RK_CLONES function: compiled again within each variant. */
#define RK_INLINE static inline __attribute__((always_inline))

typedef double RkDouble4 __attribute__((vector_size(32)));
typedef double RkTileLanes __attribute__((vector_size(RK_TILE_BYTES)));
typedef float RkFloat4 __attribute__((vector_size(16)));
typedef float RkFloat8 __attribute__((vector_size(32)));
typedef int32_t RkInt4 __attribute__((vector_size(16)));
typedef int64_t RkLong4 __attribute__((vector_size(32)));

/* RK_LOAD reads the vector v from any address; RK_STORE writes it. */
#define RK_LOAD(v, address) memcpy(&(v), (address), sizeof(v))
#define RK_STORE(address, v) memcpy((address), &(v), sizeof(v))

/* rk_round_up rounds n up to a multiple of unit. */
static inline size_t
rk_round_up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/* rk_min is the smaller of two sizes. */
static inline size_t
rk_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* rk_max is the greater of two sizes. */
static inline size_t
rk_max(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* rk_scratch_bytes is what rk_scratch_take takes for count elements. */
static inline size_t
rk_scratch_bytes(size_t count, size_t size)
{
	return rk_round_up(count * size, RK_SCRATCH_ALIGN);
}

/* rk_scratch_take cuts an aligned piece off the front of the scratch. */
static inline void *
rk_scratch_take(char **cursor, size_t count, size_t size)
{
	void *piece = *cursor;

	*cursor += rk_scratch_bytes(count, size);
	return piece;
}

/* Floating-point operations between two questions to the poll: a few ms. */
#define RK_POLL_WORK ((double) (1 << 24))

/* rk_poll_after asks the poll once enough work was done since the last time. */
static inline bool
rk_poll_after(const RkPoll *poll, double *work, double operations)
{
	*work += operations;
	if (*work < RK_POLL_WORK)
		return false;
	*work = 0.0;
	return rk_poll_cancelled(poll);
}

#endif /* RK_SIMD_H */
