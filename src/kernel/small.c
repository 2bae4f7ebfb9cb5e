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

/* Entries ahead of the one being gathered whose factors are asked for: so many, and about so many elements, at most. */
#define RK_GATHER_AHEAD 24
#define RK_GATHER_FLOATS 8192

/* A tile with at most so many columns in use is computed as its transpose. */
#define RK_NARROW 12

typedef float RkVector4 __attribute__((vector_size(16)));
typedef int32_t RkIndex4 __attribute__((vector_size(16)));

#if defined(__x86_64__) && defined(__GNUC__)
#define RK_SMALL_X86
#include <immintrin.h>

/*
 * The sums of the elements of four vectors: first within 16 bytes, by sums of
 * what interleaving pairs gives, then across.
 */
__attribute__((target("avx2,fma"), always_inline)) static inline RkVector4
rk_avx2_sum4(__m256 v0, __m256 v1, __m256 v2, __m256 v3)
{
	__m256 a = _mm256_add_ps(_mm256_unpacklo_ps(v0, v1), _mm256_unpackhi_ps(v0, v1));
	__m256 b = _mm256_add_ps(_mm256_unpacklo_ps(v2, v3), _mm256_unpackhi_ps(v2, v3));
	__m256 sum = _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x44), _mm256_shuffle_ps(a, b, 0xee));

	return (RkVector4) _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
}

__attribute__((target("avx512f,fma"), always_inline)) static inline RkVector4
rk_avx512_sum4(__m512 v0, __m512 v1, __m512 v2, __m512 v3)
{
	__m512 a = _mm512_add_ps(_mm512_unpacklo_ps(v0, v1), _mm512_unpackhi_ps(v0, v1));
	__m512 b = _mm512_add_ps(_mm512_unpacklo_ps(v2, v3), _mm512_unpackhi_ps(v2, v3));
	__m512 sum = _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
	__m256 half = _mm256_add_ps(_mm512_castps512_ps256(sum),
								_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(sum), 1)));

	return (RkVector4) _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

#define RK_NAME(name) rk_avx512_##name
#define RK_SET "avx512"
#define RK_TARGET __attribute__((target("avx512f,fma")))
#define RK_VECTOR __m512
#define RK_WIDTH 16
#define RK_ROWS 16
#define RK_DOT_ROWS 4
#define RK_SUM4 rk_avx512_sum4
#define RK_BROADCAST(x) _mm512_set1_ps(x)
#define RK_GET(p) _mm512_loadu_ps(p)
#define RK_GET_SOME(p, n) _mm512_maskz_loadu_ps((__mmask16) ((1u << (n)) - 1), p)
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
#define RK_DOT_ROWS 2
#define RK_SUM4 rk_avx2_sum4
#define RK_BROADCAST(x) _mm256_set1_ps(x)
#define RK_GET(p) _mm256_loadu_ps(p)
#define RK_GET_SOME(p, n) \
	_mm256_maskload_ps(   \
		p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int) (n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)))
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

static inline RkVector4
rk_vector4_get_some(const float *p, size_t n)
{
	return (RkVector4){p[0], n > 1 ? p[1] : 0.0f, n > 2 ? p[2] : 0.0f, n > 3 ? p[3] : 0.0f};
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

static inline RkVector4
rk_vector4_sum4(RkVector4 v0, RkVector4 v1, RkVector4 v2, RkVector4 v3)
{
	RkVector4 a = __builtin_shufflevector(v0, v1, 0, 4, 1, 5) + __builtin_shufflevector(v0, v1, 2, 6, 3, 7);
	RkVector4 b = __builtin_shufflevector(v2, v3, 0, 4, 1, 5) + __builtin_shufflevector(v2, v3, 2, 6, 3, 7);

	return __builtin_shufflevector(a, b, 0, 1, 4, 5) + __builtin_shufflevector(a, b, 2, 3, 6, 7);
}

#define RK_NAME(name) rk_plain_##name
#define RK_SET "plain"
#define RK_TARGET
#define RK_VECTOR RkVector4
#define RK_WIDTH 4
#define RK_ROWS 2
#define RK_DOT_ROWS 2
#define RK_SUM4 rk_vector4_sum4
#define RK_BROADCAST(x) ((RkVector4){0} + (x))
#define RK_GET(p) rk_vector4_get(p)
#define RK_GET_SOME(p, n) rk_vector4_get_some(p, n)
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
