/*
 * small.c
 *	  Dense float32 algebra on the small systems of ALS, for each CPU generation.
 *
 * small.inc is compiled once for each; here are its vectors.
 */
#include "small.h"

#include <math.h>

#include "simd.h"

/* Loops over parts of a tile must be unrolled, for the tile to be in registers. */
#if defined(__clang__)
#define RK_UNROLL _Pragma("clang loop unroll(full)")
#else
#define RK_UNROLL _Pragma("GCC unroll 16")
#endif

/* Entries ahead of the one being gathered whose factors are asked for. */
#define RK_GATHER_AHEAD 24

/* Columns that are gathered at once in dual form. */
#define RK_GATHER_COLUMNS 64

/* A tile with at most so many columns in use is computed as its transpose. */
#define RK_NARROW 12

typedef float RkVector4 __attribute__((vector_size(16)));
typedef int32_t RkIndex4 __attribute__((vector_size(16)));

#if defined(__x86_64__) && defined(__GNUC__)
#define RK_SMALL_X86
#include <immintrin.h>

#define RK_NAME(name) rk_avx512_##name
#define RK_SET "avx512"
#define RK_TARGET __attribute__((target("avx512f,fma")))
#define RK_VECTOR __m512
#define RK_WIDTH 16
#define RK_ROWS 16
#define RK_BROADCAST(x) _mm512_set1_ps(x)
#define RK_GET(p) _mm512_loadu_ps(p)
#define RK_PUT(p, v) _mm512_storeu_ps(p, v)
#define RK_FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define RK_FNMA(a, b, c) _mm512_fnmadd_ps(a, b, c)
#define RK_SQRT(v) _mm512_sqrt_ps(v)
#include "small.inc"

#define RK_NAME(name) rk_avx2_##name
#define RK_SET "avx2"
#define RK_TARGET __attribute__((target("avx2,fma")))
#define RK_VECTOR __m256
#define RK_WIDTH 8
#define RK_ROWS 4
#define RK_BROADCAST(x) _mm256_set1_ps(x)
#define RK_GET(p) _mm256_loadu_ps(p)
#define RK_PUT(p, v) _mm256_storeu_ps(p, v)
#define RK_FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define RK_FNMA(a, b, c) _mm256_fnmadd_ps(a, b, c)
#define RK_SQRT(v) _mm256_sqrt_ps(v)
#include "small.inc"
#endif

static inline RkVector4
rk_vector4_get(const float *p)
{
	RkVector4 v;

	RK_LOAD(v, p);
	return v;
}

static inline void
rk_vector4_put(float *p, RkVector4 v)
{
	RK_STORE(p, v);
}

static inline RkVector4
rk_vector4_sqrt(RkVector4 v)
{
	return (RkVector4){sqrtf(v[0]), sqrtf(v[1]), sqrtf(v[2]), sqrtf(v[3])};
}

#define RK_NAME(name) rk_plain_##name
#define RK_SET "plain"
#define RK_TARGET
#define RK_VECTOR RkVector4
#define RK_WIDTH 4
#define RK_ROWS 2
#define RK_BROADCAST(x) ((RkVector4){0} + (x))
#define RK_GET(p) rk_vector4_get(p)
#define RK_PUT(p, v) rk_vector4_put(p, v)
#define RK_FMA(a, b, c) ((a) * (b) + (c))
#define RK_FNMA(a, b, c) ((c) - (a) * (b))
#define RK_SQRT(v) rk_vector4_sqrt(v)
#include "small.inc"

const RkSmall *
rk_small_variant(size_t which)
{
	const RkSmall *set[3];
	size_t n = 0;

#ifdef RK_SMALL_X86
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma"))
		set[n++] = &rk_avx512_set;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		set[n++] = &rk_avx2_set;
#endif
	set[n++] = &rk_plain_set;
	return which < n ? set[which] : NULL;
}

const RkSmall *
rk_small_best(void)
{
	return rk_small_variant(0);
}
