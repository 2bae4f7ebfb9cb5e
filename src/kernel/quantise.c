/*
 * quantise.c
 *	  A small copy of the items that tells which of them can be among the best:
 *	  making it, and the two tests of quantise.h.
 */
#include "quantise.h"

#include <math.h>

#include "simd.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define RK_X86 1
#include <immintrin.h>
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
#define RK_ARM 1
#include <arm_neon.h>
#endif

/* Norms, biases and queries for which the bound of quantise.h is proven. */
#define RK_INDEX_NORM_LEAST 0x1p-60f
#define RK_INDEX_NORM_MOST 0x1p60f
#define RK_INDEX_BIAS_MOST 0x1p100f
#define RK_PROBE_LEAST 0x1p-30
#define RK_PROBE_MOST 0x1p30

/* Codes of one item. */
typedef struct RkCode
{
	float scale;
	double coarse; /* |y - y1| / scale */
	double fine;   /* |y - y2| / scale */
} RkCode;

/* RkScan is one coarse pass over the blocks of a chunk. */
typedef struct RkScan
{
	const uint8_t *coarse;  /* [n_blocks x 64 groups] */
	const float *scale;     /* [16 n_blocks] */
	const float *bias;      /* [16 n_blocks] or NULL */
	const float *offset;    /* [n_blocks] */
	const float *threshold; /* t of block b at b % (2 RK_CHUNK) */
	size_t n_blocks;
	size_t groups; /* of 8 coordinates */
	const int8_t *low;
	const int8_t *high;
	float gain;         /* A */
	uint32_t first;     /* block */
	uint32_t *position; /* out, with room for 16 more than are found */
	int32_t *dot;
} RkScan;

/* rk_round_float rounds a bound up to float. */
RK_INLINE float
rk_round_float(double bound)
{
	float rounded = bound > 0x1.fffffep127 ? INFINITY : (float) bound;

	return (double) rounded < bound ? nextafterf(rounded, INFINITY) : rounded;
}

size_t
rk_index_scratch_bytes(size_t n)
{
	return rk_scratch_bytes(n, sizeof(int32_t));
}

/* rk_digit is 8 bits of a norm, so that smaller digits mean greater norms. */
RK_INLINE size_t
rk_digit(float norm, int shift)
{
	uint32_t bits;

	memcpy(&bits, &norm, sizeof(bits));
	return 255 - (bits >> shift & 255);
}

/*
 * rk_index_pass sorts the items of from [n] by one digit of their norms into to
 * [n], stably.  Norms are not negative, so their bits order as they do.
 */
static bool
rk_index_pass(const float *norm, size_t n, int shift, const int32_t *from, int32_t *to, const RkPoll *poll)
{
	size_t place[257] = {0};
	double work = 0.0;

	for (size_t i = 0; i < n; i++)
		place[rk_digit(norm[i], shift) + 1]++;
	for (size_t digit = 1; digit < 257; digit++)
		place[digit] += place[digit - 1];
	for (size_t i = 0; i < n; i++)
	{
		to[place[rk_digit(norm[from[i]], shift)]++] = from[i];
		if (rk_poll_after(poll, &work, 16.0))
			return false;
	}
	return true;
}

/* rk_index_order writes the items by falling norm, equal norms by item. */
static bool
rk_index_order(const float *norm, size_t n, int32_t *order, int32_t *other, const RkPoll *poll)
{
	for (size_t i = 0; i < n; i++)
		order[i] = (int32_t) i;
	return rk_index_pass(norm, n, 0, order, other, poll) && rk_index_pass(norm, n, 8, other, order, poll) &&
		   rk_index_pass(norm, n, 16, order, other, poll) && rk_index_pass(norm, n, 24, other, order, poll);
}

/* rk_index_measure adds the squares of what the codes of four coordinates lose to coarse and fine, and gives the codes. */
RK_INLINE RkInt4
rk_index_measure(RkDouble4 y, double scale, double inverse, RkDouble4 *coarse, RkDouble4 *fine)
{
	/* adding 1.5 * 2^52 rounds to an integer, as rint does */
	RkDouble4 rounded = (y * inverse + 0x1.8p52) - 0x1.8p52;
	RkInt4 code = __builtin_convertvector(rounded, RkInt4) + 128;
	RkInt4 low = code < 1;
	RkInt4 high = code > 255;
	RkDouble4 coarse_rest;
	RkDouble4 fine_rest;

	code = (low & 1) | (high & 255) | (~low & ~high & code);
	coarse_rest = y - scale * (__builtin_convertvector(code & -16, RkDouble4) + (7.5 - 128.0));
	fine_rest = y - scale * (__builtin_convertvector(code, RkDouble4) - 128.0);
	*coarse += coarse_rest * coarse_rest;
	*fine += fine_rest * fine_rest;
	return code;
}

/* rk_index_put writes four codes, of coordinates k to k + 3, into a lane of a block and into a fine row. */
RK_INLINE void
rk_index_put(RkInt4 code, size_t k, uint8_t *lane, uint8_t *fine)
{
	int shift = k % 8 < 4 ? 0 : 4;

	for (size_t t = 0; t < 4; t++)
	{
		lane[k / 8 * 64 + t] |= (uint8_t) (code[t] >> 4 << shift);
		fine[k / 8 * 4 + t] |= (uint8_t) ((code[t] & 15) << shift);
	}
}

/*
 * rk_index_encode writes the codes of one row y [d] into a lane of its
 * block and into its fine row, both zero before, and measures what they lose.
 * The last coordinates, if fewer than four, are written as zero bytes
 * beyond d, which no query meets.
 */
RK_INLINE RkCode
rk_index_encode(const float *y, size_t d, float greatest, uint8_t *lane, uint8_t *fine)
{
	RkCode code = {.scale = (float) ((double) greatest / 127.0)};
	double scale = (double) code.scale;
	double inverse = 1.0 / scale;
	RkDouble4 coarse_square = {0};
	RkDouble4 fine_square = {0};
	size_t k = 0;

	for (; k + 4 <= d; k += 4)
	{
		RkFloat4 narrow;

		RK_LOAD(narrow, y + k);
		rk_index_put(rk_index_measure(__builtin_convertvector(narrow, RkDouble4), scale, inverse,
									  &coarse_square, &fine_square),
					 k, lane, fine);
	}
	if (k < d)
	{
		RkDouble4 rest = {(double) y[k], k + 1 < d ? (double) y[k + 1] : 0.0,
						  k + 2 < d ? (double) y[k + 2] : 0.0, 0.0};
		RkDouble4 coarse_rest = {0};
		RkDouble4 fine_rest = {0};
		RkInt4 last = rk_index_measure(rest, scale, inverse, &coarse_rest, &fine_rest);

		for (size_t t = 0; t < 4; t++)
			if (k + t < d)
			{
				coarse_square[t] += coarse_rest[t];
				fine_square[t] += fine_rest[t];
			}
			else
				last[t] = 0;
		rk_index_put(last, k, lane, fine);
	}
	code.coarse = sqrt((coarse_square[0] + coarse_square[1]) + (coarse_square[2] + coarse_square[3])) / scale;
	code.fine = sqrt((fine_square[0] + fine_square[1]) + (fine_square[2] + fine_square[3])) / scale;
	return code;
}

/* rk_index_greatest is the greatest magnitude of a row of finite numbers, [d], whose bits order as they do. */
RK_INLINE float
rk_index_greatest(const float *y, size_t d)
{
	int32_t greatest = 0;
	float result;

	for (size_t k = 0; k < d; k++)
	{
		int32_t bits;

		memcpy(&bits, y + k, sizeof(bits));
		bits &= INT32_MAX;
		greatest = bits > greatest ? bits : greatest;
	}
	memcpy(&result, &greatest, sizeof(result));
	return result;
}

/* rk_index_block fills one block and its fine rows. */
RK_CLONES static void
rk_index_block(const RkItems *items, const RkIndexRoom *room, size_t block)
{
	size_t columns = rk_index_columns(items->d);
	size_t blocks = rk_index_blocks(items->n);
	size_t last = rk_min(RK_BLOCK, items->n - block * RK_BLOCK);
	double coarse = 0.0;
	double fine = 0.0;
	float least = 0.0f;
	bool odd = false;

	memset(room->coarse + block * 8 * columns, 0, 8 * columns);
	memset(room->scale + block * RK_BLOCK, 0, RK_BLOCK * sizeof(float));
	for (size_t lane = 0; lane < last; lane++)
	{
		size_t position = block * RK_BLOCK + lane;
		size_t item = (size_t) room->order[position];
		float norm = items->norm[item];
		uint8_t *fine_row = room->fine + position * (columns / 2);
		const float *y = items->factor + item * items->d;

		memset(fine_row, 0, columns / 2);
		odd = odd || (items->bias != NULL && !(fabsf(items->bias[item]) <= RK_INDEX_BIAS_MOST));
		if (norm == 0.0f)
			continue;
		least = norm;
		odd = odd || !(norm >= RK_INDEX_NORM_LEAST && norm <= RK_INDEX_NORM_MOST);
		if (!odd)
		{
			RkCode code = rk_index_encode(y, items->d, rk_index_greatest(y, items->d),
										  room->coarse + block * 8 * columns + 4 * lane, fine_row);

			room->scale[position] = code.scale;
			coarse = fmax(coarse, code.coarse);
			fine = fmax(fine, code.fine);
		}
	}
	room->block[RK_BLOCK_NORM * blocks + block] = items->norm[room->order[block * RK_BLOCK]];
	room->block[RK_BLOCK_NORM_LEAST * blocks + block] = least * (1.0f - 0x1p-21f);
	room->block[RK_BLOCK_COARSE * blocks + block] = rk_round_float(coarse * (1.0 + 0x1p-30));
	room->block[RK_BLOCK_FINE * blocks + block] = rk_round_float(fine * (1.0 + 0x1p-30));
	room->block[RK_BLOCK_ODD * blocks + block] = odd ? 1.0f : 0.0f;
}

void
rk_index_end(const RkItems *items, const RkIndexRoom *room)
{
	size_t blocks = rk_index_blocks(items->n);
	float greatest = -INFINITY;

	for (size_t block = blocks; block-- > 0;)
	{
		for (size_t lane = 0; items->bias != NULL && lane < RK_BLOCK; lane++)
		{
			size_t position = block * RK_BLOCK + lane;

			room->bias[position] = position < items->n ? items->bias[room->order[position]] : 0.0f;
			if (position < items->n)
				greatest = fmaxf(greatest, room->bias[position]);
		}
		room->block[RK_BLOCK_BIAS * blocks + block] = items->bias != NULL ? greatest : 0.0f;
	}
}

RkStatus
rk_index_begin(const RkItems *items, const RkIndexRoom *room, void *scratch, const RkPoll *poll)
{
	if (items->d == 0 || items->d > RK_INDEX_MAX_COLUMNS)
		return RK_INVALID;
	return rk_index_order(items->norm, items->n, room->order, scratch, poll) ? RK_OK : RK_CANCELLED;
}

RkStatus
rk_index_range(const RkItems *items, const RkIndexRoom *room, size_t first, size_t last, const RkPoll *poll)
{
	double work = 0.0;

	for (size_t block = first; block < last; block++)
	{
		rk_index_block(items, room, block);
		if (rk_poll_after(poll, &work, 16.0 * RK_BLOCK * (double) items->d))
			return RK_CANCELLED;
	}
	return RK_OK;
}

RkStatus
rk_index_build(const RkItems *items, const RkIndexRoom *room, void *scratch, const RkPoll *poll)
{
	RkStatus status = rk_index_begin(items, room, scratch, poll);

	if (status == RK_OK)
		status = rk_index_range(items, room, 0, rk_index_blocks(items->n), poll);
	if (status == RK_OK)
		rk_index_end(items, room);
	return status;
}

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

/* rk_scan_keep appends the lanes of a block that pass the coarse test. */
RK_INLINE size_t
rk_scan_keep(const RkScan *scan, size_t block, const int32_t *dot, size_t found)
{
	uint32_t position = (scan->first + (uint32_t) block) * RK_BLOCK;
	float threshold = scan->threshold[(scan->first + block) % (2 * RK_CHUNK)];

	for (size_t lane = 0; lane < RK_BLOCK; lane++)
	{
		size_t place = block * RK_BLOCK + lane;
		float value = scan->scale[place] * (scan->gain * (float) dot[lane] + scan->offset[block]);

		if (scan->bias != NULL)
			value += scan->bias[place];
		scan->position[found] = position + (uint32_t) lane;
		scan->dot[found] = dot[lane];
		found += value >= threshold;
	}
	return found;
}

typedef uint8_t RkBytes8 __attribute__((vector_size(8)));
typedef int16_t RkShorts8 __attribute__((vector_size(16)));

/* Groups whose products fit in 16 bits: 8 * 2 * 15 * 127 < 2^15. */
#define RK_PLAIN_GROUPS 8

/* rk_plain_codes spreads the codes of four coordinates of the query over two items. */
RK_INLINE RkShorts8
rk_plain_codes(const int8_t *z)
{
	return (RkShorts8){z[0], z[1], z[2], z[3], z[0], z[1], z[2], z[3]};
}

/* rk_plain_dots computes I of the 16 items of a block. */
static void
rk_plain_dots(const RkScan *scan, const uint8_t *code, int32_t *dot)
{
	memset(dot, 0, RK_BLOCK * sizeof(int32_t));
	for (size_t first = 0; first < scan->groups; first += RK_PLAIN_GROUPS)
	{
		RkShorts8 sum[8] = {{0}};

		for (size_t g = first; g < rk_min(scan->groups, first + RK_PLAIN_GROUPS); g++)
		{
			RkShorts8 low = rk_plain_codes(scan->low + 4 * g);
			RkShorts8 high = rk_plain_codes(scan->high + 4 * g);

			for (int pair = 0; pair < 8; pair++)
			{
				RkBytes8 bytes;
				RkShorts8 wide;

				RK_LOAD(bytes, code + 64 * g + 8 * (size_t) pair);
				wide = __builtin_convertvector(bytes, RkShorts8);
				sum[pair] += (wide & 15) * low + (wide >> 4) * high;
			}
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
		rk_plain_dots(scan, scan->coarse + block * 64 * scan->groups, dot);
		found = rk_scan_keep(scan, block, dot, found);
	}
	return found;
}

/* rk_plain_fine is sum L z of one row of bytes. */
static int32_t
rk_plain_fine(const uint8_t *fine, const int8_t *low, const int8_t *high, size_t bytes)
{
	int32_t dot = 0;

	for (size_t b = 0; b < bytes; b++)
		dot += (fine[b] & 15) * low[b] + (fine[b] >> 4) * high[b];
	return dot;
}

#ifdef RK_X86

/* rk_avx2_dots computes I of eight items, whose bytes are 64 apart from group to group. */
__attribute__((target("avx2"))) static inline __m256i
rk_avx2_dots(const RkScan *scan, const uint8_t *code)
{
	const __m256i nibble = _mm256_set1_epi8(15);
	const __m256i one = _mm256_set1_epi16(1);
	__m256i sum = _mm256_setzero_si256();

	for (size_t g = 0; g < scan->groups; g++)
	{
		__m256i byte = _mm256_loadu_si256((const __m256i *) (code + 64 * g));
		int32_t low;
		int32_t high;
		__m256i pairs;

		memcpy(&low, scan->low + 4 * g, sizeof(low));
		memcpy(&high, scan->high + 4 * g, sizeof(high));
		/* no saturation: a pair is at most 2 * 15 * 127, both at most 7620 */
		pairs = _mm256_maddubs_epi16(_mm256_and_si256(byte, nibble), _mm256_set1_epi32(low));
		pairs =
			_mm256_add_epi16(pairs, _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(byte, 4), nibble),
														 _mm256_set1_epi32(high)));
		sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, one));
	}
	return sum;
}

/* rk_avx2_passes is the coarse test of eight items: a bit each. */
__attribute__((target("avx2"))) static inline unsigned
rk_avx2_passes(const RkScan *scan, size_t block, size_t place, __m256i dot)
{
	float threshold = scan->threshold[(scan->first + block) % (2 * RK_CHUNK)];
	__m256 value = _mm256_mul_ps(_mm256_set1_ps(scan->gain), _mm256_cvtepi32_ps(dot));

	value = _mm256_add_ps(value, _mm256_set1_ps(scan->offset[block]));
	value = _mm256_mul_ps(_mm256_loadu_ps(scan->scale + place), value);
	if (scan->bias != NULL)
		value = _mm256_add_ps(value, _mm256_loadu_ps(scan->bias + place));
	return (unsigned) _mm256_movemask_ps(_mm256_cmp_ps(value, _mm256_set1_ps(threshold), _CMP_GE_OQ));
}

/* rk_avx2_scan is the coarse pass for AVX2. */
__attribute__((target("avx2"))) static size_t
rk_avx2_scan(const RkScan *scan)
{
	int32_t dot[8];
	size_t found = 0;

	for (size_t half = 0; half < 2 * scan->n_blocks; half++)
	{
		size_t block = half / 2;
		__m256i sum = rk_avx2_dots(scan, scan->coarse + block * 64 * scan->groups + half % 2 * 32);
		unsigned passes = rk_avx2_passes(scan, block, half * 8, sum);

		if (passes == 0)
			continue;
		_mm256_storeu_si256((__m256i *) dot, sum);
		for (; passes != 0; passes &= passes - 1)
		{
			int lane = __builtin_ctz(passes);

			scan->position[found] = scan->first * RK_BLOCK + (uint32_t) (half * 8) + (uint32_t) lane;
			scan->dot[found++] = dot[lane];
		}
	}
	return found;
}

/* rk_avx2_fine is rk_plain_fine. */
__attribute__((target("avx2"))) static int32_t
rk_avx2_fine(const uint8_t *fine, const int8_t *low, const int8_t *high, size_t bytes)
{
	const __m256i nibble = _mm256_set1_epi8(15);
	__m256i sum = _mm256_setzero_si256();
	__m128i half;
	size_t b = 0;

	for (; b + 32 <= bytes; b += 32)
	{
		__m256i byte = _mm256_loadu_si256((const __m256i *) (fine + b));
		__m256i pairs = _mm256_maddubs_epi16(_mm256_and_si256(byte, nibble),
											 _mm256_loadu_si256((const __m256i *) (low + b)));

		pairs =
			_mm256_add_epi16(pairs, _mm256_maddubs_epi16(_mm256_and_si256(_mm256_srli_epi16(byte, 4), nibble),
														 _mm256_loadu_si256((const __m256i *) (high + b))));
		sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
	}
	half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
	half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
	half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
	return _mm_cvtsi128_si32(half) + rk_plain_fine(fine + b, low + b, high + b, bytes - b);
}

#define RK_TARGET_VNNI __attribute__((target("avx512f,avx512bw,avx512vnni")))

/*
 * rk_vnni_dots computes I of the 16 items of a block.  The upper halves of bytes stay where
 * they are, which makes their sums 16 times as great, below 2^31.
 */
RK_TARGET_VNNI static inline __m512i
rk_vnni_dots(const RkScan *scan, const uint8_t *code)
{
	const __m512i lower = _mm512_set1_epi8(15);
	__m512i low_sum = _mm512_setzero_si512();
	__m512i high_sum = _mm512_setzero_si512();

	for (size_t g = 0; g < scan->groups; g++)
	{
		__m512i byte = _mm512_loadu_si512(code + 64 * g);
		int32_t low;
		int32_t high;

		memcpy(&low, scan->low + 4 * g, sizeof(low));
		memcpy(&high, scan->high + 4 * g, sizeof(high));
		low_sum = _mm512_dpbusd_epi32(low_sum, _mm512_and_si512(byte, lower), _mm512_set1_epi32(low));
		high_sum = _mm512_dpbusd_epi32(high_sum, _mm512_andnot_si512(lower, byte), _mm512_set1_epi32(high));
	}
	return _mm512_add_epi32(low_sum, _mm512_srai_epi32(high_sum, 4));
}

/* rk_vnni_scan is the coarse pass for AVX-512 with VNNI. */
RK_TARGET_VNNI static size_t
rk_vnni_scan(const RkScan *scan)
{
	const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	const __m512 gain = _mm512_set1_ps(scan->gain);
	size_t found = 0;

	for (size_t block = 0; block < scan->n_blocks; block++)
	{
		float threshold = scan->threshold[(scan->first + block) % (2 * RK_CHUNK)];
		int position = (int) ((scan->first + block) * RK_BLOCK);
		__m512i sum = rk_vnni_dots(scan, scan->coarse + block * 64 * scan->groups);
		__m512 value = _mm512_mul_ps(gain, _mm512_cvtepi32_ps(sum));
		__mmask16 passes;

		value = _mm512_add_ps(value, _mm512_set1_ps(scan->offset[block]));
		value = _mm512_mul_ps(_mm512_loadu_ps(scan->scale + block * RK_BLOCK), value);
		if (scan->bias != NULL)
			value = _mm512_add_ps(value, _mm512_loadu_ps(scan->bias + block * RK_BLOCK));
		passes = _mm512_cmp_ps_mask(value, _mm512_set1_ps(threshold), _CMP_GE_OQ);
		if (passes == 0)
			continue;
		_mm512_storeu_si512(
			scan->position + found,
			_mm512_maskz_compress_epi32(passes, _mm512_add_epi32(lane, _mm512_set1_epi32(position))));
		_mm512_storeu_si512(scan->dot + found, _mm512_maskz_compress_epi32(passes, sum));
		found += (size_t) __builtin_popcount(passes);
	}
	return found;
}

/* rk_vnni_fine is rk_plain_fine. */
RK_TARGET_VNNI static int32_t
rk_vnni_fine(const uint8_t *fine, const int8_t *low, const int8_t *high, size_t bytes)
{
	const __m512i nibble = _mm512_set1_epi8(15);
	__m512i sum = _mm512_setzero_si512();

	for (size_t b = 0; b < bytes; b += 64)
	{
		__mmask64 used = bytes - b >= 64 ? ~(__mmask64) 0 : ((__mmask64) 1 << (bytes - b)) - 1;
		__m512i byte = _mm512_maskz_loadu_epi8(used, fine + b);

		sum =
			_mm512_dpbusd_epi32(sum, _mm512_and_si512(byte, nibble), _mm512_maskz_loadu_epi8(used, low + b));
		sum = _mm512_dpbusd_epi32(sum, _mm512_and_si512(_mm512_srli_epi16(byte, 4), nibble),
								  _mm512_maskz_loadu_epi8(used, high + b));
	}
	return _mm512_reduce_add_epi32(sum);
}

#endif /* RK_X86 */

#ifdef RK_ARM

/* rk_neon_products adds the products of 16 bytes, two half bytes each, to sums of four neighbours in 16 bits: 2 * 2 * 15 * 127 < 2^13. */
RK_INLINE int16x8_t
rk_neon_products(uint8x16_t byte, int8x16_t low, int8x16_t high)
{
	int8x16_t lower = vreinterpretq_s8_u8(vandq_u8(byte, vdupq_n_u8(15)));
	int8x16_t upper = vreinterpretq_s8_u8(vshrq_n_u8(byte, 4));
	int16x8_t first = vmull_s8(vget_low_s8(lower), vget_low_s8(low));
	int16x8_t second = vmull_high_s8(lower, low);

	first = vmlal_s8(first, vget_low_s8(upper), vget_low_s8(high));
	second = vmlal_high_s8(second, upper, high);
	return vpaddq_s16(first, second);
}

/* rk_neon_dots computes I of the 16 items of a block, four in each sum. */
RK_INLINE void
rk_neon_dots(const RkScan *scan, const uint8_t *code, int32x4_t sum[4])
{
	for (int i = 0; i < 4; i++)
		sum[i] = vdupq_n_s32(0);
	for (size_t g = 0; g < scan->groups; g++)
	{
		int32_t four;
		int8x16_t low;
		int8x16_t high;

		memcpy(&four, scan->low + 4 * g, sizeof(four));
		low = vreinterpretq_s8_s32(vdupq_n_s32(four));
		memcpy(&four, scan->high + 4 * g, sizeof(four));
		high = vreinterpretq_s8_s32(vdupq_n_s32(four));
		for (int i = 0; i < 4; i++)
			sum[i] = vpadalq_s16(sum[i], rk_neon_products(vld1q_u8(code + 64 * g + 16 * i), low, high));
	}
}

/* rk_neon_passes is the coarse test of four items: all bits of a lane each. */
RK_INLINE uint32x4_t
rk_neon_passes(const RkScan *scan, size_t block, size_t place, int32x4_t dot)
{
	float threshold = scan->threshold[(scan->first + block) % (2 * RK_CHUNK)];
	float32x4_t value = vmulq_f32(vdupq_n_f32(scan->gain), vcvtq_f32_s32(dot));

	value = vaddq_f32(value, vdupq_n_f32(scan->offset[block]));
	value = vmulq_f32(vld1q_f32(scan->scale + place), value);
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

		rk_neon_dots(scan, scan->coarse + block * 64 * scan->groups, sum);
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

/* rk_neon_fine is rk_plain_fine. */
static int32_t
rk_neon_fine(const uint8_t *fine, const int8_t *low, const int8_t *high, size_t bytes)
{
	int32x4_t sum = vdupq_n_s32(0);
	size_t b = 0;

	for (; b + 16 <= bytes; b += 16)
		sum = vpadalq_s16(sum, rk_neon_products(vld1q_u8(fine + b), vld1q_s8(low + b), vld1q_s8(high + b)));
	return vaddvq_s32(sum) + rk_plain_fine(fine + b, low + b, high + b, bytes - b);
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

/* rk_fine_dot is sum L z of the item at a position. */
RK_INLINE int32_t
rk_fine_dot(const RkProbe *probe, size_t position)
{
	size_t bytes = probe->columns / 2;
	const uint8_t *fine = probe->index->fine + position * bytes;

	switch (probe->path)
	{
#ifdef RK_X86
		case RK_PATH_VNNI:
			return rk_vnni_fine(fine, probe->low, probe->high, bytes);
		case RK_PATH_AVX2:
			return rk_avx2_fine(fine, probe->low, probe->high, bytes);
#endif
#ifdef RK_ARM
		case RK_PATH_NEON:
			return rk_neon_fine(fine, probe->low, probe->high, bytes);
#endif
		default:
			return rk_plain_fine(fine, probe->low, probe->high, bytes);
	}
}

size_t
rk_probe_scratch_bytes(size_t d)
{
	return rk_scratch_bytes(1, sizeof(RkProbe)) + 2 * rk_scratch_bytes(rk_index_columns(d) / 2, 1);
}

/* rk_probe_code writes z and computes what is said of it in quantise.h. */
static void
rk_probe_code(RkProbe *probe, const double *query, size_t d)
{
	double error_square = 0.0;
	double square = 0.0;
	double code_square = 0.0;

	memset(probe->low, 0, probe->columns / 2);
	memset(probe->high, 0, probe->columns / 2);
	probe->sum = 0;
	for (size_t k = 0; k < d; k++)
	{
		double z = fmax(-127.0, fmin(127.0, rint(query[k] / probe->step)));
		double rest = query[k] - probe->step * z;

		(k % 8 < 4 ? probe->low : probe->high)[k / 8 * 4 + k % 4] = (int8_t) z;
		probe->sum += (int32_t) z;
		error_square += rest * rest;
		square += query[k] * query[k];
		code_square += z * z;
	}
	probe->norm = probe->step * sqrt(code_square) * (1.0 + 0x1p-20);
	probe->reach = sqrt(square) * (1.0 + 0x1p-20) * (1.0 + 0x1p-20);
	probe->error = sqrt(error_square) * (1.0 + 0x1p-20) + 0x1p-40 * probe->reach;
	probe->error = (probe->error + sqrt((double) d) * 0x1p-20 * probe->norm) * (1.0 + 0x1p-20);
}

RkProbe *
rk_probe_init(const RkItems *items, const double *query, bool with_bias, void *scratch)
{
	const RkIndex *index = items->index;
	size_t d = items->d;
	char *cursor = scratch;
	RkProbe *probe = rk_scratch_take(&cursor, 1, sizeof(RkProbe));
	double greatest = 0.0;

	for (size_t k = 0; k < d; k++)
		greatest = fmax(greatest, fabs(query[k]));
	if (index == NULL || !(greatest >= RK_PROBE_LEAST && greatest <= RK_PROBE_MOST))
		return NULL;
	probe->index = index;
	probe->n = items->n;
	probe->bias = with_bias ? index->bias : NULL;
	probe->columns = rk_index_columns(d);
	probe->path = rk_path_choose(index->path);
	probe->low = rk_scratch_take(&cursor, probe->columns / 2, 1);
	probe->high = rk_scratch_take(&cursor, probe->columns / 2, 1);
	probe->step = greatest / 127.0;
	probe->n_waiting = 0;
	probe->n_found = 0;
	rk_probe_code(probe, query, d);
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

/* rk_probe_gate computes B, offset [n_blocks], and t of the blocks of a chunk. */
static void
rk_probe_gate(RkProbe *probe, const RkGate *gate, size_t first, size_t n_blocks, float *offset)
{
	const float *norm = rk_probe_block(probe, RK_BLOCK_NORM) + first;
	const float *coarse = rk_probe_block(probe, RK_BLOCK_COARSE) + first;
	const float *odd = rk_probe_block(probe, RK_BLOCK_ODD) + first;
	const float *bound =
		rk_probe_block(probe, gate->slope > 0.0 ? RK_BLOCK_NORM_LEAST : RK_BLOCK_NORM) + first;
	double base = gate->base - 0x1p-120 - 0x1p-126;
	double fixed = -120.5 * probe->step * (double) probe->sum;

	for (size_t b = 0; b < n_blocks; b++)
	{
		double limit = base + gate->slope * (double) bound[b] - probe->error * (double) norm[b];

		limit -= fabs(limit) * 0x1p-22;
		limit = limit > 0x1p120 ? 0x1p120 : limit < -0x1p120 ? -0x1p120 : limit;
		probe->threshold[(first + b) % (2 * RK_CHUNK)] = odd[b] == 0.0f ? (float) limit : -INFINITY;
		offset[b] = (float) (fixed + probe->norm * (double) coarse[b]);
	}
}

/* rk_probe_call cuts items beyond n off the waiting ones and calls for what rk_probe_fine will read of the new. */
static void
rk_probe_call(RkProbe *probe, size_t waited)
{
	while (probe->n_waiting > waited && probe->position[probe->n_waiting - 1] >= probe->n)
		probe->n_waiting--;
	for (size_t c = waited; c < probe->n_waiting; c++)
	{
		__builtin_prefetch(probe->index->fine + probe->position[c] * (probe->columns / 2));
		__builtin_prefetch(probe->index->order + probe->position[c]);
	}
}

void
rk_probe_coarse(RkProbe *probe, const RkGate *gate, size_t first, size_t n_blocks)
{
	const RkIndex *index = probe->index;
	size_t waited = probe->n_waiting;
	float offset[RK_CHUNK];
	RkScan scan = {
		.coarse = index->coarse + first * 8 * probe->columns,
		.scale = index->scale + first * RK_BLOCK,
		.bias = probe->bias != NULL ? probe->bias + first * RK_BLOCK : NULL,
		.offset = offset,
		.threshold = probe->threshold,
		.n_blocks = n_blocks,
		.groups = probe->columns / 8,
		.low = probe->low,
		.high = probe->high,
		.gain = (float) (16.0 * probe->step),
		.first = (uint32_t) first,
		.position = probe->position + waited,
		.dot = probe->dot + waited,
	};

	rk_probe_gate(probe, gate, first, n_blocks, offset);
	probe->n_waiting += rk_scan(&scan, probe->path);
	rk_probe_call(probe, waited);
}

/* rk_probe_passes_fine is the fine test of waiting item c. */
RK_INLINE bool
rk_probe_passes_fine(const RkProbe *probe, size_t c, double fine, double threshold)
{
	size_t position = probe->position[c];
	int32_t dot = 16 * probe->dot[c] + rk_fine_dot(probe, position) - 128 * probe->sum;
	double value = (double) probe->index->scale[position] * (probe->step * (double) dot + probe->norm * fine);

	if (probe->bias != NULL)
		value += (double) probe->bias[position];
	return value >= threshold;
}

void
rk_probe_fine(RkProbe *probe, size_t n, const uint8_t *skip)
{
	const int32_t *order = probe->index->order;
	const float *fine = rk_probe_block(probe, RK_BLOCK_FINE);

	probe->n_found = 0;
	for (size_t c = 0; c < n; c++)
	{
		size_t block = probe->position[c] / RK_BLOCK;

		if (skip != NULL && rk_probe_skips(skip, (uint32_t) order[probe->position[c]]))
			continue;
		if (rk_probe_passes_fine(probe, c, (double) fine[block],
								 (double) probe->threshold[block % (2 * RK_CHUNK)]))
			probe->item[probe->n_found++] = (uint32_t) order[probe->position[c]];
	}
	probe->n_waiting -= n;
	memmove(probe->position, probe->position + n, probe->n_waiting * sizeof(uint32_t));
	memmove(probe->dot, probe->dot + n, probe->n_waiting * sizeof(int32_t));
}
