/*
 * probe.c
 *	  Which items can be among the best: the two tests of quantise.h.
 */
#include "quantise.h"

#include <math.h>

#include "rotate.h"
#include "simd.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define RK_X86 1
#include <immintrin.h>
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
#define RK_ARM 1
#include <arm_neon.h>
#endif

/* Queries for which the bound of quantise.h is proven. */
#define RK_PROBE_LEAST 0x1p-30
#define RK_PROBE_MOST 0x1p30

/* Bytes of a fine row that are called for ahead. */
#define RK_PROBE_PREFETCH 256

/* So many bytes ahead coarse codes are called for: across the pages of memory, where processors do not look ahead. */
#define RK_PROBE_AHEAD 4096

/* RkScan is one coarse pass over the blocks of a chunk. */
typedef struct RkScan
{
	const uint8_t *coarse;  /* [n_blocks x RK_GROUP_BYTES groups] */
	const int32_t *mark;    /* [16 n_blocks] */
	const float *bias;      /* [16 n_blocks] or NULL */
	const float *threshold; /* t, [n_blocks] */
	size_t n_blocks;
	size_t groups;      /* of 32 coordinates */
	const int8_t *code; /* z, [32 groups] */
	float gain;         /* A */
	float offset;       /* B */
	float norm;         /* Q' */
	uint32_t first;     /* block */
	uint32_t *position; /* out, with room for 16 more than are found */
	float *value;       /* out, the same: V + b */
} RkScan;

bool
rk_path_exists(RkPath path)
{
	switch (path)
	{
		case RK_PATH_BEST:
		case RK_PATH_PLAIN:
			return true;
#ifdef RK_X86
		case RK_PATH_AVX2:
			return __builtin_cpu_supports("avx2");
		case RK_PATH_VNNI:
			return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
				   __builtin_cpu_supports("avx512vnni");
#endif
#ifdef RK_ARM
		case RK_PATH_NEON:
			return true;
#endif
		default:
			return false;
	}
}

/* rk_path_choose is the variant to run. */
static RkPath
rk_path_choose(RkPath asked)
{
	if (asked != RK_PATH_BEST)
		return rk_path_exists(asked) ? asked : RK_PATH_PLAIN;
	if (rk_path_exists(RK_PATH_NEON))
		return RK_PATH_NEON;
	if (rk_path_exists(RK_PATH_VNNI))
		return RK_PATH_VNNI;
	return rk_path_exists(RK_PATH_AVX2) ? RK_PATH_AVX2 : RK_PATH_PLAIN;
}

/* rk_mark_float is s of a mark, the higher half, or r, the lower. */
RK_INLINE float
rk_mark_float(uint32_t bits)
{
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* rk_scan_call calls for a group of coarse codes ahead. */
RK_INLINE void
rk_scan_call(const uint8_t *coarse)
{
	for (size_t byte = 0; byte < RK_GROUP_BYTES; byte += 64)
		__builtin_prefetch(coarse + RK_PROBE_AHEAD + byte);
}

/* rk_scan_keep appends the lanes of a block that pass the coarse test. */
RK_INLINE size_t
rk_scan_keep(const RkScan *scan, size_t block, const int32_t *dot, size_t found)
{
	uint32_t position = (scan->first + (uint32_t) block) * RK_BLOCK;
	float threshold = scan->threshold[block];

	for (size_t lane = 0; lane < RK_BLOCK; lane++)
	{
		size_t place = block * RK_BLOCK + lane;
		uint32_t mark = (uint32_t) scan->mark[place];
		float value = rk_mark_float(mark & 0xffff0000u) * (scan->gain * (float) dot[lane] + scan->offset);

		value += scan->norm * rk_mark_float(mark << 16);
		if (scan->bias != NULL)
			value += scan->bias[place];
		scan->position[found] = position + (uint32_t) lane;
		scan->value[found] = value;
		found += value >= threshold;
	}
	return found;
}

typedef uint8_t RkBytes8 __attribute__((vector_size(8)));
typedef int16_t RkShorts8 __attribute__((vector_size(16)));

/* Groups whose products fit in 16 bits: 4 * 8 * 7 * 127 < 2^15. */
#define RK_PLAIN_GROUPS 4

/* rk_plain_codes spreads the codes of four coordinates of the query over two items. */
RK_INLINE RkShorts8
rk_plain_codes(const int8_t *z)
{
	return (RkShorts8){z[0], z[1], z[2], z[3], z[0], z[1], z[2], z[3]};
}

/* rk_plain_bytes reads the bytes of two items. */
RK_INLINE RkShorts8
rk_plain_bytes(const uint8_t *coarse)
{
	RkBytes8 bytes;

	RK_LOAD(bytes, coarse);
	return __builtin_convertvector(bytes, RkShorts8);
}

/* rk_plain_group gives the products of a group for two items, not yet added up over t. */
RK_INLINE RkShorts8
rk_plain_group(const uint8_t *coarse, const RkShorts8 code[8])
{
	RkShorts8 byte[3] = {rk_plain_bytes(coarse), rk_plain_bytes(coarse + 64), rk_plain_bytes(coarse + 128)};
	RkShorts8 sum =
		(byte[0] >> 6 | (byte[2] >> 4 & 4)) * code[6] + (byte[1] >> 6 | (byte[2] >> 5 & 4)) * code[7];

	for (int i = 0; i < 3; i++)
		sum += (byte[i] & 7) * code[2 * i] + (byte[i] >> 3 & 7) * code[2 * i + 1];
	return sum;
}

/* rk_plain_dots computes I of the 16 items of a block. */
static void
rk_plain_dots(const RkScan *scan, const uint8_t *coarse, int32_t *dot)
{
	memset(dot, 0, RK_BLOCK * sizeof(int32_t));
	for (size_t first = 0; first < scan->groups; first += RK_PLAIN_GROUPS)
	{
		RkShorts8 sum[8] = {{0}};

		for (size_t g = first; g < rk_min(scan->groups, first + RK_PLAIN_GROUPS); g++)
		{
			RkShorts8 code[8];

			for (size_t j = 0; j < 8; j++)
				code[j] = rk_plain_codes(scan->code + RK_GROUP * g + 4 * j);
			for (size_t pair = 0; pair < 8; pair++)
				sum[pair] += rk_plain_group(coarse + RK_GROUP_BYTES * g + 8 * pair, code);
		}
		for (int pair = 0; pair < 8; pair++)
		{
			dot[2 * pair] += (sum[pair][0] + sum[pair][1]) + (sum[pair][2] + sum[pair][3]);
			dot[2 * pair + 1] += (sum[pair][4] + sum[pair][5]) + (sum[pair][6] + sum[pair][7]);
		}
	}
}

/* rk_plain_scan is the coarse pass in portable C. */
static size_t
rk_plain_scan(const RkScan *scan)
{
	int32_t dot[RK_BLOCK];
	size_t found = 0;

	for (size_t block = 0; block < scan->n_blocks; block++)
	{
		rk_plain_dots(scan, scan->coarse + block * RK_GROUP_BYTES * scan->groups, dot);
		found = rk_scan_keep(scan, block, dot, found);
	}
	return found;
}

/* rk_plain_fine is sum c z of one row of columns bytes, a multiple of 16. */
static int32_t
rk_plain_fine(const uint8_t *fine, const int8_t *code, size_t columns)
{
	int32_t dot = 0;

	for (size_t k = 0; k < columns; k++)
		dot += fine[k] * code[k];
	return dot;
}

#ifdef RK_X86

/* rk_avx2_add adds the products of three bits a byte and four codes of the query; a pair is at most 2 * 7 * 127. */
__attribute__((target("avx2"))) static inline __m256i
rk_avx2_add(__m256i sum, __m256i value, const int8_t *code)
{
	int32_t z;

	memcpy(&z, code, sizeof(z));
	return _mm256_add_epi16(sum, _mm256_maddubs_epi16(value, _mm256_set1_epi32(z)));
}

/* rk_avx2_dots computes I of eight items, whose bytes are 64 apart. */
__attribute__((target("avx2"))) static inline __m256i
rk_avx2_dots(const RkScan *scan, const uint8_t *coarse)
{
	const __m256i two = _mm256_set1_epi8(3);
	const __m256i three = _mm256_set1_epi8(7);
	const __m256i high = _mm256_set1_epi8(4);
	__m256i sum = _mm256_setzero_si256();

	for (size_t g = 0; g < scan->groups; g++, coarse += RK_GROUP_BYTES)
	{
		const int8_t *code = scan->code + RK_GROUP * g;
		__m256i products = _mm256_setzero_si256();
		__m256i byte[3];

		rk_scan_call(coarse);
		for (int i = 0; i < 3; i++)
		{
			byte[i] = _mm256_loadu_si256((const __m256i *) (coarse + 64 * i));
			products = rk_avx2_add(products, _mm256_and_si256(byte[i], three), code + 8 * i);
			products = rk_avx2_add(products, _mm256_and_si256(_mm256_srli_epi16(byte[i], 3), three),
								   code + 8 * i + 4);
		}
		for (int i = 0; i < 2; i++)
		{
			__m256i low = _mm256_and_si256(_mm256_srli_epi16(byte[i], 6), two);
			__m256i top = _mm256_and_si256(_mm256_srli_epi16(byte[2], 4 + i), high);

			products = rk_avx2_add(products, _mm256_or_si256(low, top), code + 24 + 4 * i);
		}
		sum = _mm256_add_epi32(sum, _mm256_madd_epi16(products, _mm256_set1_epi16(1)));
	}
	return sum;
}

/* rk_avx2_values computes V + b of eight items. */
__attribute__((target("avx2"))) static inline __m256
rk_avx2_values(const RkScan *scan, size_t place, __m256i dot)
{
	__m256i mark = _mm256_loadu_si256((const __m256i *) (scan->mark + place));
	__m256 scale = _mm256_castsi256_ps(_mm256_and_si256(mark, _mm256_set1_epi32((int) 0xffff0000u)));
	__m256 rest = _mm256_castsi256_ps(_mm256_slli_epi32(mark, 16));
	__m256 value = _mm256_mul_ps(_mm256_set1_ps(scan->gain), _mm256_cvtepi32_ps(dot));

	value = _mm256_mul_ps(scale, _mm256_add_ps(value, _mm256_set1_ps(scan->offset)));
	value = _mm256_add_ps(value, _mm256_mul_ps(_mm256_set1_ps(scan->norm), rest));
	if (scan->bias != NULL)
		value = _mm256_add_ps(value, _mm256_loadu_ps(scan->bias + place));
	return value;
}

/* rk_avx2_scan is the coarse pass for AVX2. */
__attribute__((target("avx2"))) static size_t
rk_avx2_scan(const RkScan *scan)
{
	size_t found = 0;

	for (size_t half = 0; half < 2 * scan->n_blocks; half++)
	{
		size_t block = half / 2;
		__m256i sum =
			rk_avx2_dots(scan, scan->coarse + block * RK_GROUP_BYTES * scan->groups + half % 2 * 32);
		__m256 value = rk_avx2_values(scan, half * 8, sum);
		__m256 threshold = _mm256_set1_ps(scan->threshold[block]);
		unsigned passes = (unsigned) _mm256_movemask_ps(_mm256_cmp_ps(value, threshold, _CMP_GE_OQ));
		float lanes[8];

		if (passes == 0)
			continue;
		_mm256_storeu_ps(lanes, value);
		for (; passes != 0; passes &= passes - 1)
		{
			uint32_t lane = (uint32_t) __builtin_ctz(passes);

			scan->position[found] = scan->first * RK_BLOCK + (uint32_t) (half * 8) + lane;
			scan->value[found++] = lanes[lane];
		}
	}
	return found;
}

/* rk_avx2_fine is rk_plain_fine; 16 bits a factor, since products of bytes would saturate. */
__attribute__((target("avx2"))) static int32_t
rk_avx2_fine(const uint8_t *fine, const int8_t *code, size_t columns)
{
	__m256i sum = _mm256_setzero_si256();
	__m128i half;

	for (size_t k = 0; k < columns; k += 16)
	{
		__m256i c = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *) (fine + k)));
		__m256i z = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *) (code + k)));

		sum = _mm256_add_epi32(sum, _mm256_madd_epi16(c, z));
	}
	half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
	half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
	half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
	return _mm_cvtsi128_si32(half);
}

#define RK_TARGET_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

/* rk_vnni_add adds the products of the bits that a mask selects and four codes of the query. */
RK_TARGET_VNNI static inline __m512i
rk_vnni_add(__m512i sum, __m512i byte, int mask, __m512i code)
{
	return _mm512_dpbusd_epi32(sum, _mm512_and_si512(byte, _mm512_set1_epi8((char) mask)), code);
}

/* rk_vnni_codes spreads four codes of the query over all items. */
RK_TARGET_VNNI static inline __m512i
rk_vnni_codes(const int8_t *code)
{
	int32_t z;

	memcpy(&z, code, sizeof(z));
	return _mm512_set1_epi32(z);
}

/*
 * rk_vnni_dots computes I of the 16 items of a block.  Bits stay where they are, which makes
 * their sums 8, 64, 16 or 32 times as great, below 2^31.
 */
RK_TARGET_VNNI static inline __m512i
rk_vnni_dots(const RkScan *scan, const uint8_t *coarse)
{
	__m512i low = _mm512_setzero_si512();
	__m512i middle = _mm512_setzero_si512();
	__m512i high = _mm512_setzero_si512();
	__m512i top6 = _mm512_setzero_si512();
	__m512i top7 = _mm512_setzero_si512();

	for (size_t g = 0; g < scan->groups; g++, coarse += RK_GROUP_BYTES)
	{
		const int8_t *code = scan->code + RK_GROUP * g;
		__m512i byte0 = _mm512_loadu_si512(coarse);
		__m512i byte1 = _mm512_loadu_si512(coarse + 64);
		__m512i byte2 = _mm512_loadu_si512(coarse + 128);
		__m512i code6 = rk_vnni_codes(code + 24);
		__m512i code7 = rk_vnni_codes(code + 28);

		rk_scan_call(coarse);
		low = rk_vnni_add(low, byte0, 7, rk_vnni_codes(code));
		middle = rk_vnni_add(middle, byte0, 56, rk_vnni_codes(code + 4));
		high = rk_vnni_add(high, byte0, 192, code6);
		low = rk_vnni_add(low, byte1, 7, rk_vnni_codes(code + 8));
		middle = rk_vnni_add(middle, byte1, 56, rk_vnni_codes(code + 12));
		high = rk_vnni_add(high, byte1, 192, code7);
		low = rk_vnni_add(low, byte2, 7, rk_vnni_codes(code + 16));
		middle = rk_vnni_add(middle, byte2, 56, rk_vnni_codes(code + 20));
		top6 = rk_vnni_add(top6, byte2, 64, code6);
		top7 = rk_vnni_add(top7, byte2, 128, code7);
	}
	low = _mm512_add_epi32(low, _mm512_srai_epi32(middle, 3));
	high = _mm512_add_epi32(_mm512_srai_epi32(high, 6), _mm512_srai_epi32(top6, 4));
	return _mm512_add_epi32(_mm512_add_epi32(low, high), _mm512_srai_epi32(top7, 5));
}

/* rk_vnni_values computes V + b of the 16 items of a block. */
RK_TARGET_VNNI static inline __m512
rk_vnni_values(const RkScan *scan, size_t block, __m512i dot)
{
	__m512i mark = _mm512_loadu_si512(scan->mark + block * RK_BLOCK);
	__m512 scale = _mm512_castsi512_ps(_mm512_and_si512(mark, _mm512_set1_epi32((int) 0xffff0000u)));
	__m512 rest = _mm512_castsi512_ps(_mm512_slli_epi32(mark, 16));
	__m512 value = _mm512_mul_ps(_mm512_set1_ps(scan->gain), _mm512_cvtepi32_ps(dot));

	value = _mm512_mul_ps(scale, _mm512_add_ps(value, _mm512_set1_ps(scan->offset)));
	value = _mm512_add_ps(value, _mm512_mul_ps(_mm512_set1_ps(scan->norm), rest));
	if (scan->bias != NULL)
		value = _mm512_add_ps(value, _mm512_loadu_ps(scan->bias + block * RK_BLOCK));
	return value;
}

/* rk_vnni_scan is the coarse pass for AVX-512 with VNNI. */
RK_TARGET_VNNI static size_t
rk_vnni_scan(const RkScan *scan)
{
	const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	size_t found = 0;

	for (size_t block = 0; block < scan->n_blocks; block++)
	{
		int position = (int) ((scan->first + block) * RK_BLOCK);
		__m512i sum = rk_vnni_dots(scan, scan->coarse + block * RK_GROUP_BYTES * scan->groups);
		__m512 value = rk_vnni_values(scan, block, sum);
		__mmask16 passes = _mm512_cmp_ps_mask(value, _mm512_set1_ps(scan->threshold[block]), _CMP_GE_OQ);

		if (passes == 0)
			continue;
		_mm512_storeu_si512(
			scan->position + found,
			_mm512_maskz_compress_epi32(passes, _mm512_add_epi32(lane, _mm512_set1_epi32(position))));
		_mm512_storeu_ps(scan->value + found, _mm512_maskz_compress_ps(passes, value));
		found += (size_t) __builtin_popcount(passes);
	}
	return found;
}

/* rk_vnni_fine is rk_plain_fine. */
RK_TARGET_VNNI static int32_t
rk_vnni_fine(const uint8_t *fine, const int8_t *code, size_t columns)
{
	__m512i sum = _mm512_setzero_si512();

	for (size_t k = 0; k < columns; k += 64)
	{
		__mmask64 used = columns - k >= 64 ? ~(__mmask64) 0 : ((__mmask64) 1 << (columns - k)) - 1;

		sum = _mm512_dpbusd_epi32(sum, _mm512_maskz_loadu_epi8(used, fine + k),
								  _mm512_maskz_loadu_epi8(used, code + k));
	}
	return _mm512_reduce_add_epi32(sum);
}

#endif /* RK_X86 */

#ifdef RK_ARM

/* rk_neon_products adds the products of a group for four items to sums of two neighbours in 16 bits: 2 * 8 * 7 * 127 < 2^14. */
RK_INLINE int16x8_t
rk_neon_products(const uint8_t *coarse, const int8x16_t code[8])
{
	int16x8_t first = vdupq_n_s16(0);
	int16x8_t second = vdupq_n_s16(0);
	uint8x16_t byte[3] = {vld1q_u8(coarse), vld1q_u8(coarse + 64), vld1q_u8(coarse + 128)};
	uint8x16_t value[8];

	for (int i = 0; i < 3; i++)
	{
		value[2 * i] = vandq_u8(byte[i], vdupq_n_u8(7));
		value[2 * i + 1] = vandq_u8(vshrq_n_u8(byte[i], 3), vdupq_n_u8(7));
	}
	value[6] = vorrq_u8(vshrq_n_u8(byte[0], 6), vandq_u8(vshrq_n_u8(byte[2], 4), vdupq_n_u8(4)));
	value[7] = vorrq_u8(vshrq_n_u8(byte[1], 6), vandq_u8(vshrq_n_u8(byte[2], 5), vdupq_n_u8(4)));
	for (int j = 0; j < 8; j++)
	{
		int8x16_t three = vreinterpretq_s8_u8(value[j]);

		first = vmlal_s8(first, vget_low_s8(three), vget_low_s8(code[j]));
		second = vmlal_high_s8(second, three, code[j]);
	}
	return vpaddq_s16(first, second);
}

/* rk_neon_dots computes I of the 16 items of a block, four in each sum. */
RK_INLINE void
rk_neon_dots(const RkScan *scan, const uint8_t *coarse, int32x4_t sum[4])
{
	for (int i = 0; i < 4; i++)
		sum[i] = vdupq_n_s32(0);
	for (size_t g = 0; g < scan->groups; g++, coarse += RK_GROUP_BYTES)
	{
		int8x16_t code[8];

		rk_scan_call(coarse);
		for (size_t j = 0; j < 8; j++)
		{
			int32_t z;

			memcpy(&z, scan->code + RK_GROUP * g + 4 * j, sizeof(z));
			code[j] = vreinterpretq_s8_s32(vdupq_n_s32(z));
		}
		for (int i = 0; i < 4; i++)
			sum[i] = vpadalq_s16(sum[i], rk_neon_products(coarse + 16 * i, code));
	}
}

/* rk_neon_passes is the coarse test of four items: all bits of a lane each. */
RK_INLINE uint32x4_t
rk_neon_passes(const RkScan *scan, size_t block, size_t place, int32x4_t dot)
{
	uint32x4_t mark = vreinterpretq_u32_s32(vld1q_s32(scan->mark + place));
	float32x4_t scale = vreinterpretq_f32_u32(vandq_u32(mark, vdupq_n_u32(0xffff0000u)));
	float32x4_t rest = vreinterpretq_f32_u32(vshlq_n_u32(mark, 16));
	float threshold = scan->threshold[block];
	float32x4_t value = vmulq_f32(vdupq_n_f32(scan->gain), vcvtq_f32_s32(dot));

	value = vmulq_f32(scale, vaddq_f32(value, vdupq_n_f32(scan->offset)));
	value = vaddq_f32(value, vmulq_f32(vdupq_n_f32(scan->norm), rest));
	if (scan->bias != NULL)
		value = vaddq_f32(value, vld1q_f32(scan->bias + place));
	return vcgeq_f32(value, vdupq_n_f32(threshold));
}

/* rk_neon_scan is the coarse pass for 64-bit ARM. */
static size_t
rk_neon_scan(const RkScan *scan)
{
	size_t found = 0;

	for (size_t block = 0; block < scan->n_blocks; block++)
	{
		uint32x4_t passes[4];
		int32x4_t sum[4];
		int32_t dot[RK_BLOCK];

		rk_neon_dots(scan, scan->coarse + block * RK_GROUP_BYTES * scan->groups, sum);
		for (size_t i = 0; i < 4; i++)
			passes[i] = rk_neon_passes(scan, block, block * RK_BLOCK + 4 * i, sum[i]);
		if (vmaxvq_u32(vorrq_u32(vorrq_u32(passes[0], passes[1]), vorrq_u32(passes[2], passes[3]))) == 0)
			continue;
		for (int i = 0; i < 4; i++)
			vst1q_s32(dot + 4 * i, sum[i]);
		found = rk_scan_keep(scan, block, dot, found);
	}
	return found;
}

/* rk_neon_fine is rk_plain_fine: sum c z = sum (c - 128) z + 128 Z. */
static int32_t
rk_neon_fine(const uint8_t *fine, const int8_t *code, size_t columns, int32_t code_sum)
{
	int32x4_t sum = vdupq_n_s32(0);

	for (size_t k = 0; k < columns; k += 16)
	{
		int8x16_t c = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(fine + k), vdupq_n_u8(128)));
		int8x16_t z = vld1q_s8(code + k);

		/* each product is at most 128 * 127 in magnitude, two below 2^15 */
		sum = vpadalq_s16(sum, vmlal_high_s8(vmull_s8(vget_low_s8(c), vget_low_s8(z)), c, z));
	}
	return vaddvq_s32(sum) + 128 * code_sum;
}

#endif /* RK_ARM */

/* rk_scan runs the coarse pass of a path and gives the number found. */
static size_t
rk_scan(const RkScan *scan, RkPath path)
{
	switch (path)
	{
#ifdef RK_X86
		case RK_PATH_VNNI:
			return rk_vnni_scan(scan);
		case RK_PATH_AVX2:
			return rk_avx2_scan(scan);
#endif
#ifdef RK_ARM
		case RK_PATH_NEON:
			return rk_neon_scan(scan);
#endif
		default:
			return rk_plain_scan(scan);
	}
}

/* rk_fine_dot is sum c z of the item at a position. */
RK_INLINE int32_t
rk_fine_dot(const RkProbe *probe, size_t position)
{
	size_t columns = probe->columns;
	const uint8_t *fine = probe->index->fine + position * columns;

	switch (probe->path)
	{
#ifdef RK_X86
		case RK_PATH_VNNI:
			return rk_vnni_fine(fine, probe->code, columns);
		case RK_PATH_AVX2:
			return rk_avx2_fine(fine, probe->code, columns);
#endif
#ifdef RK_ARM
		case RK_PATH_NEON:
			return rk_neon_fine(fine, probe->code, columns, probe->sum);
#endif
		default:
			return rk_plain_fine(fine, probe->code, columns);
	}
}

size_t
rk_probe_scratch_bytes(size_t d)
{
	return rk_scratch_bytes(1, sizeof(RkProbe)) + rk_scratch_bytes(rk_index_columns(d), sizeof(double)) +
		   rk_scratch_bytes(rk_index_columns(d), 1);
}

/* rk_probe_code writes z of a rotated query [columns] and computes what is said of it in quantise.h. */
static void
rk_probe_code(RkProbe *probe, const double *query)
{
	double error_square = 0.0;
	double square = 0.0;
	double code_square = 0.0;

	probe->sum = 0;
	for (size_t k = 0; k < probe->columns; k++)
	{
		double z = fmax(-127.0, fmin(127.0, rint(query[k] / probe->step)));
		double rest = query[k] - probe->step * z;

		probe->code[k] = (int8_t) z;
		probe->sum += (int32_t) z;
		error_square += rest * rest;
		square += query[k] * query[k];
		code_square += z * z;
	}
	probe->norm = probe->step * sqrt(code_square) * (1.0 + 0x1p-20);
	probe->reach = sqrt(square) * (1.0 + 0x1p-20) * (1.0 + 0x1p-20);
	probe->error = sqrt(error_square) * (1.0 + 0x1p-20) + 0x1p-40 * probe->reach;
	probe->error = (probe->error + sqrt((double) probe->columns) * 0x1p-16 * probe->norm) * (1.0 + 0x1p-20);
}

RkProbe *
rk_probe_init(const RkItems *items, const double *query, bool with_bias, void *scratch)
{
	const RkIndex *index = items->index;
	size_t d = items->d;
	char *cursor = scratch;
	RkProbe *probe = rk_scratch_take(&cursor, 1, sizeof(RkProbe));
	size_t columns = rk_index_columns(d);
	double *rotated = rk_scratch_take(&cursor, columns, sizeof(double));
	double greatest = 0.0;

	if (index == NULL)
		return NULL;
	memcpy(rotated, query, d * sizeof(double));
	memset(rotated + d, 0, (columns - d) * sizeof(double));
	rk_rotate(rotated, columns);
	for (size_t k = 0; k < columns; k++)
		greatest = fmax(greatest, fabs(rotated[k]));
	if (!(greatest >= RK_PROBE_LEAST && greatest <= RK_PROBE_MOST))
		return NULL;
	probe->index = index;
	probe->n = items->n;
	probe->bias = with_bias ? index->bias : NULL;
	probe->columns = columns;
	probe->path = rk_path_choose(index->path);
	probe->code = rk_scratch_take(&cursor, columns, 1);
	probe->step = greatest / 127.0;
	probe->n_waiting = 0;
	probe->n_found = 0;
	rk_probe_code(probe, rotated);
	return probe;
}

/* rk_probe_block is the column of the block table. */
RK_INLINE const float *
rk_probe_block(const RkProbe *probe, RkBlockColumn column)
{
	return probe->index->block + (size_t) column * rk_index_blocks(probe->n);
}

bool
rk_probe_ends(const RkProbe *probe, size_t block, double base)
{
	double norm = (double) rk_probe_block(probe, RK_BLOCK_NORM)[block];
	double bias = (double) rk_probe_block(probe, RK_BLOCK_BIAS)[block];

	return probe->reach * norm + bias < base;
}

size_t
rk_probe_find(const RkProbe *probe, double norm)
{
	const float *least = rk_probe_block(probe, RK_BLOCK_NORM_LEAST);
	size_t low = 0;
	size_t high = rk_index_blocks(probe->n) - 1;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if ((double) least[middle] > norm)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool
rk_probe_is_zero(const RkProbe *probe, size_t block)
{
	return rk_probe_block(probe, RK_BLOCK_NORM)[block] == 0.0f;
}

/* rk_probe_skips tells whether an item is marked. */
RK_INLINE bool
rk_probe_skips(const uint8_t *skip, uint32_t item)
{
	return skip != NULL && (skip[item / 8] >> (item % 8) & 1) != 0;
}

void
rk_probe_all(RkProbe *probe, size_t first, size_t n_blocks, const uint8_t *skip)
{
	size_t last = rk_min(probe->n, (first + n_blocks) * RK_BLOCK);

	probe->n_found = 0;
	for (size_t position = first * RK_BLOCK; position < last; position++)
	{
		uint32_t item = (uint32_t) probe->index->order[position];

		probe->item[probe->n_found] = item;
		probe->n_found += !rk_probe_skips(skip, item);
	}
}

/* rk_probe_limit is t of a block. */
RK_INLINE float
rk_probe_limit(const RkProbe *probe, const RkGate *gate, size_t block)
{
	const float *norm = rk_probe_block(probe, RK_BLOCK_NORM);
	const float *bound = gate->slope > 0.0 ? rk_probe_block(probe, RK_BLOCK_NORM_LEAST) : norm;
	double limit = (gate->base - 0x1p-120 - 0x1p-126) + gate->slope * (double) bound[block] -
				   probe->error * (double) norm[block];

	limit -= fabs(limit) * 0x1p-22;
	limit = limit > 0x1p120 ? 0x1p120 : limit < -0x1p120 ? -0x1p120 : limit;
	return rk_probe_block(probe, RK_BLOCK_ODD)[block] == 0.0f ? (float) limit : -INFINITY;
}

/* rk_probe_call calls for what rk_probe_fine will read of an item. */
RK_INLINE void
rk_probe_call(const RkProbe *probe, size_t position)
{
	const uint8_t *fine = probe->index->fine + position * probe->columns;

	for (size_t byte = 0; byte < rk_min(probe->columns, RK_PROBE_PREFETCH); byte += 64)
		__builtin_prefetch(fine + byte);
	__builtin_prefetch(probe->index->order + position);
}

/* rk_probe_part moves those of the waiting items from first on that promise to pass to the end and gives their number. */
static size_t
rk_probe_part(RkProbe *probe, const float *threshold, size_t first, size_t first_block)
{
	size_t last = probe->n_waiting;

	for (size_t c = first; c < last;)
	{
		uint32_t position = probe->position[c];
		float value = probe->value[c];
		float rest = rk_mark_float((uint32_t) probe->index->mark[position] << 16);

		if (value - (float) probe->norm * rest < threshold[position / RK_BLOCK - first_block])
		{
			c++;
			continue;
		}
		last--;
		probe->position[c] = probe->position[last];
		probe->value[c] = probe->value[last];
		probe->position[last] = position;
		probe->value[last] = value;
	}
	return probe->n_waiting - last;
}

size_t
rk_probe_coarse(RkProbe *probe, const RkGate *gate, size_t first, size_t n_blocks)
{
	const RkIndex *index = probe->index;
	size_t waited = probe->n_waiting;
	float threshold[RK_CHUNK];
	RkScan scan = {
		.coarse = index->coarse + first * rk_index_coarse_bytes(probe->columns),
		.mark = index->mark + first * RK_BLOCK,
		.bias = probe->bias != NULL ? probe->bias + first * RK_BLOCK : NULL,
		.threshold = threshold,
		.n_blocks = n_blocks,
		.groups = probe->columns / RK_GROUP,
		.code = probe->code,
		.gain = (float) (2.0 * probe->step),
		.offset = (float) (-7.0 * probe->step * (double) probe->sum),
		.norm = (float) probe->norm,
		.first = (uint32_t) first,
		.position = probe->position + waited,
		.value = probe->value + waited,
	};

	for (size_t block = 0; block < n_blocks; block++)
		threshold[block] = rk_probe_limit(probe, gate, first + block);
	probe->n_waiting += rk_scan(&scan, probe->path);
	while (probe->n_waiting > waited && probe->position[probe->n_waiting - 1] >= probe->n)
		probe->n_waiting--;
	return rk_probe_part(probe, threshold, waited, first);
}

/* rk_probe_value is V2 + b of the item at a position. */
RK_INLINE double
rk_probe_value(const RkProbe *probe, size_t position)
{
	size_t block = position / RK_BLOCK;
	double step = (double) rk_probe_block(probe, RK_BLOCK_STEP)[block];
	double rest = (double) rk_probe_block(probe, RK_BLOCK_FINE)[block];
	int32_t dot = rk_fine_dot(probe, position) - 128 * probe->sum;
	double value = step * (probe->step * (double) dot) + probe->norm * rest;

	return probe->bias != NULL ? value + (double) probe->bias[position] : value;
}

void
rk_probe_fine(RkProbe *probe, const RkGate *gate, size_t n, const uint8_t *skip)
{
	const int32_t *order = probe->index->order;
	size_t first = probe->n_waiting - n;
	size_t last = first;

	probe->n_found = 0;
	for (size_t c = first; c < probe->n_waiting; c++)
		if (probe->value[c] >= rk_probe_limit(probe, gate, probe->position[c] / RK_BLOCK))
		{
			probe->position[last] = probe->position[c];
			rk_probe_call(probe, probe->position[last++]);
		}
	for (size_t c = first; c < last; c++)
	{
		size_t position = probe->position[c];
		uint32_t item = (uint32_t) order[position];

		if (!rk_probe_skips(skip, item) &&
			rk_probe_value(probe, position) >= (double) rk_probe_limit(probe, gate, position / RK_BLOCK))
			probe->item[probe->n_found++] = item;
	}
	probe->n_waiting = first;
}
