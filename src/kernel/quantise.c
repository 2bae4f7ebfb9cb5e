/*
 * quantise.c
 *	  A small copy of the items that tells which of them can be among the best:
 *	  making it.  probe.c asks it.
 */
#include "quantise.h"

#include <math.h>

#include "rotate.h"
#include "simd.h"

/* Norms and biases for which the bound of quantise.h is proven. */
#define RK_INDEX_NORM_LEAST 0x1p-60f
#define RK_INDEX_NORM_MOST 0x1p60f
#define RK_INDEX_BIAS_MOST 0x1p100f

/* Half the best distance of eight levels for normal numbers of variance 1, where the search for s begins; and its steps. */
#define RK_INDEX_STEP 0.293
#define RK_INDEX_STEPS 4

/* RkCoarse says of one item's coarse code what goes into its mark. */
typedef struct RkCoarse
{
	double scale; /* s */
	double rest;  /* |y - y1| */
} RkCoarse;

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

/* rk_index_rotate writes R y of a row [d], rounded to float, to "rotated" [columns]. */
RK_INLINE void
rk_index_rotate(const float *y, size_t d, size_t columns, float *rotated)
{
	double wide[RK_INDEX_MAX_COLUMNS];

	for (size_t k = 0; k < d; k++)
		wide[k] = (double) y[k];
	memset(wide + d, 0, (columns - d) * sizeof(double));
	rk_rotate(wide, columns);
	for (size_t k = 0; k < columns; k++)
		rotated[k] = (float) wide[k];
}

/* rk_index_load reads coordinates k to k + 3 of a row. */
RK_INLINE void
rk_index_load(const float *y, size_t k, RkDouble4 *four)
{
	RkFloat4 narrow;

	RK_LOAD(narrow, y + k);
	*four = __builtin_convertvector(narrow, RkDouble4);
}

/* rk_index_sum adds up four lanes in the order that all sums of the index have. */
RK_INLINE double
rk_index_sum(const RkDouble4 *sum)
{
	return ((*sum)[0] + (*sum)[1]) + ((*sum)[2] + (*sum)[3]);
}

/* rk_index_levels gives the magnitudes of four coordinates and of their levels, 1, 3, 5 or 7 times s. */
RK_INLINE void
rk_index_levels(const RkDouble4 *four, double scale, RkDouble4 *size, RkDouble4 *level)
{
	const RkDouble4 two = {2.0, 2.0, 2.0, 2.0};

	*size = (RkDouble4) ((RkLong4) *four & INT64_MAX);
	*level = (RkDouble4) ((*size > 2.0 * scale) & (RkLong4) two) +
			 (RkDouble4) ((*size > 4.0 * scale) & (RkLong4) two) +
			 (RkDouble4) ((*size > 6.0 * scale) & (RkLong4) two) + 1.0;
}

/*
 * rk_index_scale looks for the s that loses least of a row y [columns], by turns choosing the
 * levels for s, and s for the levels by least squares.  What it finds is a
 * float whose lower half is 0, above 0 and at most greatest.
 */
RK_INLINE double
rk_index_scale(const float *y, size_t columns, float greatest)
{
	RkDouble4 length = {0};
	double scale;
	uint32_t bits;
	float rounded;

	for (size_t k = 0; k < columns; k += 4)
	{
		RkDouble4 four;

		rk_index_load(y, k, &four);
		length += four * four;
	}
	scale = RK_INDEX_STEP * sqrt(rk_index_sum(&length) / (double) columns);
	for (int step = 0; step < RK_INDEX_STEPS; step++)
	{
		RkDouble4 product = {0};
		RkDouble4 square = {0};

		for (size_t k = 0; k < columns; k += 4)
		{
			RkDouble4 four;
			RkDouble4 size;
			RkDouble4 level;

			rk_index_load(y, k, &four);
			rk_index_levels(&four, scale, &size, &level);
			product += size * level;
			square += level * level;
		}
		scale = rk_index_sum(&product) / rk_index_sum(&square);
	}
	rounded = (float) fmin(scale, (double) greatest);
	memcpy(&bits, &rounded, sizeof(bits));
	bits &= 0xffff0000u;
	memcpy(&rounded, &bits, sizeof(rounded));
	return (double) rounded;
}

/* rk_index_put writes H of coordinates k to k + 3 into a lane of a block, zero before. */
RK_INLINE void
rk_index_put(RkInt4 code, size_t k, uint8_t *lane)
{
	size_t j = k % RK_GROUP / 4;
	uint8_t *group = lane + k / RK_GROUP * RK_GROUP_BYTES;

	for (size_t t = 0; t < 4; t++)
		if (j < 6)
			group[j / 2 * 64 + t] |= (uint8_t) (code[t] << j % 2 * 3);
		else
		{
			group[(j - 6) * 64 + t] |= (uint8_t) ((code[t] & 3) << 6);
			group[128 + t] |= (uint8_t) (code[t] >> 2 << j);
		}
}

/* rk_index_coarse writes the coarse code of a row y [columns] into its lane of a block, zero before. */
RK_INLINE RkCoarse
rk_index_coarse(const float *y, size_t columns, float greatest, uint8_t *lane)
{
	RkCoarse coarse = {.scale = rk_index_scale(y, columns, greatest)};
	RkDouble4 square = {0};

	for (size_t k = 0; k < columns; k += 4)
	{
		RkDouble4 four;
		RkDouble4 size;
		RkDouble4 level;
		RkDouble4 rest;

		rk_index_load(y, k, &four);
		rk_index_levels(&four, coarse.scale, &size, &level);
		level = (RkDouble4) ((RkLong4) level | ((RkLong4) four & INT64_MIN));
		rest = four - coarse.scale * level;
		square += rest * rest;
		rk_index_put(__builtin_convertvector((level + 7.0) * 0.5, RkInt4), k, lane);
	}
	coarse.rest = sqrt(rk_index_sum(&square));
	return coarse;
}

/* rk_index_rest is an upper bound of |R y - y1| for what was summed up of the rotated row as it was computed. */
RK_INLINE double
rk_index_rest(double rest, float norm)
{
	return rest * (1.0 + 0x1p-30) + 0x1p-23 * (double) norm;
}

/* rk_index_mark packs s and an upper bound of the residual; both are within the range of normal floats. */
RK_INLINE int32_t
rk_index_mark(RkCoarse coarse, float norm)
{
	float scale = (float) coarse.scale;
	float rest = rk_round_float(rk_index_rest(coarse.rest, norm));
	uint32_t high;
	uint32_t low;

	memcpy(&high, &scale, sizeof(high));
	memcpy(&low, &rest, sizeof(low));
	return (int32_t) (high | (low + 0xffffu) >> 16);
}

/* rk_index_fine writes the fine code of a row y [columns] with step f, not 0, and gives |y - y2|. */
RK_INLINE double
rk_index_fine(const float *y, size_t columns, double step, uint8_t *fine)
{
	double inverse = 1.0 / step;
	RkDouble4 square = {0};

	for (size_t k = 0; k < columns; k += 4)
	{
		RkDouble4 four;
		RkDouble4 level;
		RkDouble4 rest;

		rk_index_load(y, k, &four);
		/* adding 1.5 * 2^52 rounds to an integer, as rint does; |y_k| <= 127 f but for a rounding */
		level = (four * inverse + 0x1.8p52) - 0x1.8p52;
		rest = four - step * level;
		square += rest * rest;
		for (size_t t = 0; t < 4; t++)
			fine[k + t] = (uint8_t) ((int) level[t] + 128);
	}
	return sqrt(rk_index_sum(&square));
}

/* rk_index_greatest is the greatest magnitude of a row of finite numbers, [columns], whose bits order as they do. */
RK_INLINE float
rk_index_greatest(const float *y, size_t columns)
{
	int32_t greatest = 0;
	float result;

	for (size_t k = 0; k < columns; k++)
	{
		int32_t bits;

		memcpy(&bits, y + k, sizeof(bits));
		bits &= INT32_MAX;
		greatest = bits > greatest ? bits : greatest;
	}
	memcpy(&result, &greatest, sizeof(result));
	return result;
}

/* rk_index_is_odd tells whether the bound of quantise.h is not proven for an item. */
RK_INLINE bool
rk_index_is_odd(const RkItems *items, size_t item)
{
	float norm = items->norm[item];

	return (norm != 0.0f && !(norm >= RK_INDEX_NORM_LEAST && norm <= RK_INDEX_NORM_MOST)) ||
		   (items->bias != NULL && !(fabsf(items->bias[item]) <= RK_INDEX_BIAS_MOST));
}

/* rk_index_codes writes both codes of the items of a block that is not odd, and gives its R. */
RK_INLINE double
rk_index_codes(const RkItems *items, const RkIndexRoom *room, size_t block, float step)
{
	size_t columns = rk_index_columns(items->d);
	double most = 0.0;

	for (size_t position = block * RK_BLOCK; position < rk_min(items->n, (block + 1) * RK_BLOCK); position++)
	{
		size_t item = (size_t) room->order[position];
		float y[RK_INDEX_MAX_COLUMNS];
		RkCoarse coarse;

		if (items->norm[item] == 0.0f)
			continue;
		rk_index_rotate(items->factor + item * items->d, items->d, columns, y);
		coarse = rk_index_coarse(y, columns, rk_index_greatest(y, columns),
								 room->coarse + block * rk_index_coarse_bytes(items->d) +
									 4 * (position % RK_BLOCK));
		room->mark[position] = rk_index_mark(coarse, items->norm[item]);
		most = fmax(most, rk_index_fine(y, columns, (double) step, room->fine + position * columns));
	}
	return most;
}

/* rk_index_block fills one block and its fine rows. */
RK_CLONES static void
rk_index_block(const RkItems *items, const RkIndexRoom *room, size_t block)
{
	size_t columns = rk_index_columns(items->d);
	size_t blocks = rk_index_blocks(items->n);
	size_t first = block * RK_BLOCK;
	size_t last = rk_min(items->n, first + RK_BLOCK);
	float norm = items->norm[room->order[first]];
	float greatest = 0.0f;
	float least = 0.0f;
	double rest = 0.0;
	bool odd = false;
	float step;

	memset(room->coarse + block * rk_index_coarse_bytes(items->d), 0, rk_index_coarse_bytes(items->d));
	memset(room->mark + first, 0, RK_BLOCK * sizeof(int32_t));
	memset(room->fine + first * columns, 128, (last - first) * columns);
	for (size_t position = first; position < last; position++)
	{
		size_t item = (size_t) room->order[position];
		float y[RK_INDEX_MAX_COLUMNS];

		odd = odd || rk_index_is_odd(items, item);
		least = items->norm[item] != 0.0f ? items->norm[item] : least;
		rk_index_rotate(items->factor + item * items->d, items->d, columns, y);
		greatest = fmaxf(greatest, rk_index_greatest(y, columns));
	}
	step = greatest / 127.0f;
	if (!odd && norm > 0.0f)
		rest = rk_index_rest(rk_index_codes(items, room, block, step), norm);
	room->block[RK_BLOCK_NORM * blocks + block] = norm;
	room->block[RK_BLOCK_NORM_LEAST * blocks + block] = least * (1.0f - 0x1p-21f);
	room->block[RK_BLOCK_STEP * blocks + block] = odd ? 0.0f : step;
	room->block[RK_BLOCK_FINE * blocks + block] = rk_round_float(rest);
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
