/*
 * als.c
 *	  Exact alternating least squares, in pieces that processes can share.
 *
 * als_float.c and als_double.c solve a row; here is what is around them: Gram
 * matrices, rotations, and the ranges of rows.
 */
#include "als_row.h"

#include <float.h>
#include <math.h>

#include "rng.h"

/* Rows of factors that are multiplied at once for a Gram matrix; RK_GRAM_CHUNK is a multiple. */
#define RK_GRAM_BLOCK 256

/* Pieces of a panel that are multiplied with all later ones, one after the other. */
#define RK_GRAM_GROUP 16

/* Rows that are rotated at once, a multiple of RK_TILE, and the depth to which they are multiplied at once. */
#define RK_ROTATE_BLOCK 128
#define RK_ROTATE_DEPTH 256

/*
 * Directions shorter than this share of the longest are noise: not made longer than this would be.
 * Their squares are known to some 1e-7 of the greatest (rk_gram_range).
 */
#define RK_ALS_FLOOR 1e-3

void
rk_als_init_row(uint64_t seed, uint64_t key_hash, size_t d, float *row)
{
	float length[2] = {(float) (0.1 / sqrt((double) d)), (float) (-0.1 / sqrt((double) d))};
	uint64_t bits = rk_hash_mix(seed, key_hash);

	for (size_t k = 0; k < d; k++)
	{
		if (k % 64 == 0)
			bits = rk_hash_mix(bits, k);
		row[k] = length[bits >> (k % 64) & 1];
	}
}

size_t
rk_gram_scratch_bytes(size_t d)
{
	size_t padded = rk_round_up(d, RK_TILE);
	size_t narrow = rk_scratch_bytes(RK_GRAM_BLOCK * padded, sizeof(float)) +
					rk_scratch_bytes(padded * padded, sizeof(float));

	return rk_max(narrow, rk_gram_wide_scratch_bytes(d));
}

/* rk_gram_collect adds the upper triangle of a sum in tiles to gram [d x d]. */
RK_CLONES static void
rk_gram_collect(const float *sum, size_t d, double *gram)
{
	size_t padded = rk_round_up(d, RK_TILE);

	for (size_t column = 0; column < d; column += RK_TILE)
		for (size_t i = 0; i < d && i < column + RK_TILE; i++)
		{
			const float *from = sum + column * padded + i * RK_TILE;
			size_t first = i > column ? i - column : 0;

			for (size_t k = first; k < rk_min(d - column, RK_TILE); k++)
				gram[i * d + column + k] += (double) from[k];
		}
}

/*
 * rk_gram_tiles adds the product of a panel of n_rows rows to the tiles of sum, or writes it.  A few
 * pieces of the panel at a time meet all that follow, so that they stay in a near cache.
 */
static RkStatus
rk_gram_tiles(const RkSmall *small, const float *panel, size_t n_rows, size_t blocks, bool add, float *sum,
			  const RkPoll *poll)
{
	size_t piece = n_rows * RK_TILE;
	size_t tile = RK_TILE * RK_TILE;
	double work = 0.0;

	for (size_t group = 0; group < blocks; group += RK_GRAM_GROUP)
		for (size_t b = group; b < blocks; b++)
		{
			size_t end = rk_min(rk_min(group + RK_GRAM_GROUP, blocks), b + 1);

			for (size_t a = group; a < end; a++)
				small->tile(panel + a * piece, panel + b * piece, n_rows, sum + (b * blocks + a) * tile,
							RK_TILE, add);
			if (rk_poll_after(poll, &work, (double) (n_rows * (end - group) * 2 * tile)))
				return RK_CANCELLED;
		}
	return RK_OK;
}

/* rk_gram_narrow is rk_gram_range if not wide. */
static RkStatus
rk_gram_narrow(const float *factor, size_t first, size_t last, size_t d, double *gram, void *scratch,
			   const RkPoll *poll)
{
	const RkSmall *small = rk_small_best();
	size_t blocks = rk_round_up(d, RK_TILE) / RK_TILE;
	char *cursor = scratch;
	float *panel = rk_scratch_take(&cursor, RK_GRAM_BLOCK * blocks * RK_TILE, sizeof(float));
	float *sum = rk_scratch_take(&cursor, blocks * RK_TILE * blocks * RK_TILE, sizeof(float));

	for (size_t row = first; row < last; row += RK_GRAM_BLOCK)
	{
		size_t n_rows = rk_min(last - row, RK_GRAM_BLOCK);
		bool more = (row - first) % RK_GRAM_CHUNK != 0;

		small->pack(factor + row * d, n_rows, d, panel);
		if (rk_gram_tiles(small, panel, n_rows, blocks, more, sum, poll) != RK_OK)
			return RK_CANCELLED;
		if (row + n_rows == last || (row + n_rows - first) % RK_GRAM_CHUNK == 0)
			rk_gram_collect(sum, d, gram);
	}
	return RK_OK;
}

RkStatus
rk_gram_range(const float *factor, size_t first, size_t last, size_t d, bool wide, double *gram,
			  void *scratch, const RkPoll *poll)
{
	return wide ? rk_gram_wide(factor, first, last, d, gram, scratch, poll)
				: rk_gram_narrow(factor, first, last, d, gram, scratch, poll);
}

bool
rk_als_wants_wide(const RkAlsSide *side, const double *eigenvalue)
{
	size_t d = side->d;

	return d > 0 && side->alpha0 * eigenvalue[0] >
						RK_ALS_MAX_CONDITION * (side->alpha0 * eigenvalue[d - 1] + rk_als_lambda(side, 0));
}

void
rk_gram_add(size_t d, const double *slab, double *gram)
{
	for (size_t i = 0; i < d; i++)
		for (size_t k = i; k < d; k++)
			gram[i * d + k] += slab[i * d + k];
}

size_t
rk_rotate_scratch_bytes(size_t d)
{
	size_t padded = rk_round_up(d, RK_TILE);

	return rk_scratch_bytes(RK_ROTATE_BLOCK * d, sizeof(float)) +
		   rk_scratch_bytes(padded * d, sizeof(float)) +
		   rk_scratch_bytes(RK_ROTATE_BLOCK * padded, sizeof(float));
}

/*
 * rk_rotate_tiles multiplies a block of rows that is in a panel by a map that is, into tiles: that
 * of rows j and columns i of the product is tile i / 16 * (RK_ROTATE_BLOCK / 16) + j / 16.
 */
static void
rk_rotate_tiles(const RkSmall *small, const float *panel, const float *map, size_t n_rows, size_t d,
				float *out)
{
	for (size_t k = 0; k < d; k += RK_ROTATE_DEPTH)
		for (size_t i = 0; i < d; i += RK_TILE)
			for (size_t j = 0; j < n_rows; j += RK_TILE)
				small->tile(panel + j * d + k * RK_TILE, map + i * d + k * RK_TILE,
							rk_min(d - k, RK_ROTATE_DEPTH), out + i * RK_ROTATE_BLOCK + j * RK_TILE,
							rk_min(n_rows - j, RK_TILE), k > 0);
}

/* rk_rotate_unpack copies the rows [n_rows x d] out of those tiles. */
static void
rk_rotate_unpack(const float *tiles, size_t n_rows, size_t d, float *out)
{
	for (size_t j = 0; j < n_rows; j++)
	{
		size_t i = 0;

		for (; i + RK_TILE <= d; i += RK_TILE)
			memcpy(out + j * d + i, tiles + i * RK_ROTATE_BLOCK + j * RK_TILE, RK_TILE * sizeof(float));
		memcpy(out + j * d + i, tiles + i * RK_ROTATE_BLOCK + j * RK_TILE, (d - i) * sizeof(float));
	}
}

RkStatus
rk_rotate_range(float *factor, size_t first, size_t last, size_t d, const float *vector, void *scratch,
				const RkPoll *poll)
{
	const RkSmall *small = rk_small_best();
	char *cursor = scratch;
	float *panel = rk_scratch_take(&cursor, RK_ROTATE_BLOCK * d, sizeof(float));
	float *map = rk_scratch_take(&cursor, rk_round_up(d, RK_TILE) * d, sizeof(float));
	float *tiles = rk_scratch_take(&cursor, RK_ROTATE_BLOCK * rk_round_up(d, RK_TILE), sizeof(float));
	double work = 0.0;

	small->pack_turned(vector, d, d, map);
	for (size_t row = first; row < last; row += RK_ROTATE_BLOCK)
	{
		size_t n_rows = rk_min(last - row, RK_ROTATE_BLOCK);

		small->pack_turned(factor + row * d, n_rows, d, panel);
		rk_rotate_tiles(small, panel, map, n_rows, d, tiles);
		rk_rotate_unpack(tiles, n_rows, d, factor + row * d);
		if (rk_poll_after(poll, &work, 2.0 * (double) n_rows * (double) d * (double) d))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/* rk_row_rows is how many entries are gathered at once, at most. */
static size_t
rk_row_rows(size_t ld)
{
	return rk_max(ld, RK_ALS_BLOCK);
}

size_t
rk_als_scratch_bytes(size_t d)
{
	size_t ld = rk_round_up(d + 1, RK_ALS_PAD);
	size_t rows = rk_row_rows(ld);

	return 3 * rk_scratch_bytes(ld, sizeof(float)) + 3 * rk_scratch_bytes(ld, sizeof(double)) +
		   2 * rk_scratch_bytes(rows, sizeof(double)) + rk_scratch_bytes(rows * ld, sizeof(double)) +
		   rk_scratch_bytes(ld * ld, sizeof(double)) + rk_scratch_bytes(rows, sizeof(float));
}

/* rk_row_layout cuts the scratch. */
static void
rk_row_layout(RkAlsRow *row, void *scratch)
{
	char *cursor = scratch;
	size_t rows;

	row->columns = row->side->bias ? row->side->d + 1 : row->side->d;
	row->ld = rk_round_up(row->columns, RK_ALS_PAD);
	rows = rk_row_rows(row->ld);
	row->solution = rk_scratch_take(&cursor, row->ld, sizeof(float));
	row->mass = rk_scratch_take(&cursor, row->ld, sizeof(float));
	row->inverse = rk_scratch_take(&cursor, row->ld, sizeof(float));
	row->diagonal = rk_scratch_take(&cursor, row->ld, sizeof(double));
	row->start = rk_scratch_take(&cursor, row->ld, sizeof(double));
	row->scale = rk_scratch_take(&cursor, row->ld, sizeof(double));
	row->rhs = rk_scratch_take(&cursor, rows, sizeof(double));
	row->vector = rk_scratch_take(&cursor, rows, sizeof(double));
	row->panel = rk_scratch_take(&cursor, rows * row->ld, sizeof(double));
	row->matrix = rk_scratch_take(&cursor, row->ld * row->ld, sizeof(double));
	row->root = rk_scratch_take(&cursor, rows, sizeof(float));
}

/* rk_row_open fills what does not depend on the row. */
static void
rk_row_open(RkAlsRow *row, const RkAlsSide *side, const RkAlsOther *other, void *scratch, const RkPoll *poll)
{
	size_t d = side->d;

	*row = (RkAlsRow){.side = side, .other = other, .small = rk_small_best(), .poll = poll, .n = SIZE_MAX};
	rk_row_layout(row, scratch);
	for (size_t k = 0; k < row->ld; k++)
		row->mass[k] = k < d ? (float) (side->alpha0 * other->eigenvalue[k]) : 0.0f;
	row->highest = d > 0 ? side->alpha0 * other->eigenvalue[0] : 0.0;
	row->lowest = d > 0 && !side->bias ? side->alpha0 * other->eigenvalue[d - 1] : 0.0;
}

/* rk_row_begin turns to a row. */
static void
rk_row_begin(RkAlsRow *row, size_t index)
{
	size_t n = rk_csr_count(&row->side->rows, index);
	size_t place = n % RK_ALS_LAMBDAS;

	if (row->known_n[place] != n + 1)
	{
		row->known_n[place] = n + 1;
		row->known_lambda[place] = rk_als_lambda(row->side, n);
	}
	row->lambda = row->known_lambda[place];
	row->index = index;
	row->first = (size_t) row->side->rows.offset[index];
	row->n = n;
}

/*
 * rk_row_start fills D, x0 = lambda_u D^-1 p and the loss of x0, which is the
 * sum of lambda_u p_k^2 alpha0 Lambda_k / D_k.
 */
static void
rk_row_start(RkAlsRow *row)
{
	const RkAlsSide *side = row->side;
	const float *prior = rk_row_prior(row);
	double *start = row->start;

	row->start_loss = 0.0;
	for (size_t k = 0; k < row->columns; k++)
	{
		double mass = k < side->d ? side->alpha0 * row->other->eigenvalue[k] : 0.0;
		double mean = k < side->d && prior != NULL ? (double) prior[k] : 0.0;

		row->diagonal[k] = mass + row->lambda;
		if (row->diagonal[k] > 0.0)
		{
			start[k] = row->lambda * mean / row->diagonal[k];
			row->start_loss += row->lambda * mean * mean * mass / row->diagonal[k];
		}
		else
			start[k] = mean;
	}
}

/* rk_row_rest gives a row without entries x0. */
static void
rk_row_rest(RkAlsRow *row)
{
	const double *start = row->start;

	rk_row_start(row);
	for (size_t k = 0; k < row->columns; k++)
		row->solution[k] = (float) start[k];
	row->loss = row->start_loss;
}

/* rk_row_check gives RK_NON_FINITE if rounding spoiled the solution. */
static RkStatus
rk_row_check(const RkAlsRow *row)
{
	bool finite = true;

	for (size_t k = 0; k < row->columns; k++)
		finite &= fabsf(row->solution[k]) <= FLT_MAX;
	return finite ? RK_OK : RK_NON_FINITE;
}

/* rk_row_run solves a row in float32 if that is safe and works, else in double. */
static RkStatus
rk_row_run(RkAlsRow *row)
{
	RkStatus status = rk_row_solve_float(row);

	if (status == RK_OK)
		status = rk_row_check(row);
	if (status == RK_OK || status == RK_CANCELLED)
		return status;
	row->scaled = 0;
	rk_row_start(row);
	status = rk_row_solve_double(row);
	return status == RK_OK ? rk_row_check(row) : status;
}

RkStatus
rk_als_solve_range(const RkAlsSide *side, const RkAlsOther *other, size_t first, size_t last, float *factor,
				   float *bias, double *loss, size_t *bad_row, void *scratch, const RkPoll *poll)
{
	RkAlsRow row;
	double total = 0.0;

	rk_row_open(&row, side, other, scratch, poll);
	for (size_t i = first; i < last; i++)
	{
		RkStatus status;

		memset(row.solution, 0, row.ld * sizeof(float));
		rk_row_begin(&row, i);
		if (row.n > 0)
		{
			status = rk_row_run(&row);
			if (status != RK_OK && status != RK_CANCELLED && bad_row != NULL)
				*bad_row = i;
			if (status != RK_OK)
				return status;
			total += row.loss;
		}
		else if (side->prior != NULL)
		{
			rk_row_rest(&row);
			total += row.loss;
		}
		memcpy(factor + i * side->d, row.solution, side->d * sizeof(float));
		if (side->bias && bias != NULL)
			bias[i] = row.solution[side->d];
		if (rk_poll_after(poll, &row.work, 1024.0 + (double) row.ld * 16.0))
			return RK_CANCELLED;
	}
	if (loss != NULL)
		*loss = total;
	return RK_OK;
}

RkStatus
rk_als_degree_range(const RkCsr *rows, size_t first, size_t last, float *degree, const RkPoll *poll)
{
	double work = 0.0;

	for (size_t i = first; i < last; i++)
	{
		double sum = 0.0;

		for (uint64_t e = rows->offset[i]; e < rows->offset[i + 1]; e++)
			sum += fabs((double) rows->weight[e] * (double) rows->target[e]);
		degree[i] = sum > 0.0 ? (float) (1.0 / sqrt(sum)) : 0.0f;
		if (rk_poll_after(poll, &work, 8.0 + 8.0 * (double) rk_csr_count(rows, i)))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/* rk_spread_row adds the part of n entries, from an entry on, to out. */
static void
rk_spread_row(const RkAlsRow *row, size_t entry, size_t n, float degree, const float *other_degree,
			  float *out)
{
	const RkCsr *rows = &row->side->rows;
	float *coefficient = row->rhs;
	float *part = row->vector;
	RkGather gather = {.factor = row->other->factor,
					   .d = row->side->d,
					   .columns = row->side->d,
					   .index = rows->index + entry,
					   .n = n,
					   .ahead = rk_csr_nnz(rows) - entry};

	for (size_t j = 0; j < n; j++)
		coefficient[j] =
			degree * other_degree[gather.index[j]] * rows->weight[entry + j] * rows->target[entry + j];
	row->small->combine(&gather, coefficient, part);
	for (size_t k = 0; k < gather.d; k++)
		out[k] += part[k];
}

RkStatus
rk_als_spread_range(const RkAlsSide *side, const RkAlsOther *other, const float *degree,
					const float *other_degree, size_t first, size_t last, float *factor, void *scratch,
					const RkPoll *poll)
{
	RkAlsRow row = {.side = side, .other = other, .small = rk_small_best(), .poll = poll};
	size_t d = side->d;

	rk_row_layout(&row, scratch);
	for (size_t i = first; i < last; i++)
	{
		size_t end = (size_t) side->rows.offset[i + 1];

		memset(factor + i * d, 0, d * sizeof(float));
		for (size_t e = (size_t) side->rows.offset[i]; e < end; e += RK_ALS_BLOCK)
		{
			size_t n = rk_min(end - e, RK_ALS_BLOCK);

			rk_spread_row(&row, e, n, degree[i], other_degree, factor + i * d);
			if (rk_poll_after(poll, &row.work, 4.0 * (double) n * (double) d))
				return RK_CANCELLED;
		}
	}
	return RK_OK;
}

bool
rk_als_whiten(size_t d, const double *vector, const double *eigenvalue, double size, float *map)
{
	double greatest = d > 0 ? sqrt(eigenvalue[0]) : 0.0;
	double sum = 0.0;

	if (!(greatest > 0.0))
		return false;
	for (size_t k = 0; k < d; k++)
		sum += sqrt(sqrt(eigenvalue[k]) / greatest);
	for (size_t k = 0; k < d; k++)
	{
		double sigma = fmax(sqrt(eigenvalue[k]), RK_ALS_FLOOR * greatest);
		double length = size > 0.0 ? size * sqrt(sqrt(sigma / greatest) / sum) : 1.0;

		for (size_t l = 0; l < d; l++)
			map[k * d + l] = (float) (vector[k * d + l] * length / sigma);
	}
	return true;
}

double
rk_als_ridge_range(const RkAlsSide *side, size_t first, size_t last, const float *factor, const float *bias)
{
	size_t d = side->d;
	double total = 0.0;

	for (size_t i = first; i < last; i++)
	{
		size_t n = rk_csr_count(&side->rows, i);
		double squares = 0.0;

		if (n == 0 && side->prior == NULL)
			continue;
		for (size_t k = 0; k < d; k++)
		{
			double mean = side->prior != NULL ? (double) side->prior[i * d + k] : 0.0;
			double distance = (double) factor[i * d + k] - mean;

			squares += distance * distance;
		}
		if (bias != NULL)
			squares += (double) bias[i] * (double) bias[i];
		total += rk_als_lambda(side, n) * squares;
	}
	return total;
}
