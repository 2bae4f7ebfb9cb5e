/*
 * ease.c
 *	  Regression of each item on the others: dense or local.
 */
#include "ease.h"

#include <math.h>

#include "blas.h"
#include "simd.h"

size_t
rk_ease_gram_scratch_bytes(size_t n_items)
{
	return rk_scratch_bytes(n_items, sizeof(double));
}

/* rk_ease_write writes row j [j + 1], and what mirrors it in the tile on the diagonal. */
static void
rk_ease_write(size_t n, size_t j, const double *row, float *matrix)
{
	size_t corner = j / RK_TILE * RK_TILE;
	float *diagonal = matrix + rk_ease_at(n, corner, corner);

	for (size_t first = 0; first <= j; first += RK_TILE)
	{
		float *to = matrix + rk_ease_at(n, j, first);

		for (size_t i = first; i <= j && i < first + RK_TILE; i++)
			to[i - first] = (float) row[i];
	}
	for (size_t i = corner; i < j; i++)
		diagonal[(i - corner) * RK_TILE + j - corner] = (float) row[i];
}

/* rk_ease_pad writes the rows of no item. */
static void
rk_ease_pad(size_t n, float *matrix)
{
	for (size_t j = n; j < rk_ease_padded(n); j++)
	{
		for (size_t i = 0; i < n; i++)
			matrix[rk_ease_at(n, j, i)] = 0.0f;
		for (size_t i = j / RK_TILE * RK_TILE; i < rk_ease_padded(n); i++)
		{
			size_t at = rk_ease_column(n, j / RK_TILE);

			matrix[at + i % RK_TILE * RK_TILE + j % RK_TILE] = i == j ? 1.0f : 0.0f;
			matrix[at + j % RK_TILE * RK_TILE + i % RK_TILE] = i == j ? 1.0f : 0.0f;
		}
	}
}

RkStatus
rk_ease_gram_range(const RkCsr *by_item, const RkCsr *by_user, double lambda, size_t first, size_t last,
				   float *matrix, void *scratch, const RkPoll *poll)
{
	size_t n = by_item->n_rows;
	double *sum = scratch;
	double work = 0.0;

	for (size_t j = first; j < last; j++)
	{
		memset(sum, 0, (j + 1) * sizeof(double));
		for (uint64_t e = by_item->offset[j]; e < by_item->offset[j + 1]; e++)
		{
			uint32_t user = by_item->index[e];
			double x = (double) by_item->weight[e];

			for (uint64_t f = by_user->offset[user]; f < by_user->offset[user + 1] && by_user->index[f] <= j;
				 f++)
				sum[by_user->index[f]] += x * (double) by_user->weight[f];
			if (rk_poll_after(poll, &work, 4.0 * (double) rk_csr_count(by_user, user)))
				return RK_CANCELLED;
		}
		sum[j] += lambda;
		if (!isfinite((float) sum[j]))
			return RK_NON_FINITE;
		rk_ease_write(n, j, sum, matrix);
		if (rk_poll_after(poll, &work, 4.0 * (double) j))
			return RK_CANCELLED;
	}
	if (last == n)
		rk_ease_pad(n, matrix);
	return RK_OK;
}

size_t
rk_ease_pivot_scratch_bytes(void)
{
	return rk_scratch_bytes((size_t) RK_EASE_TILE * RK_EASE_TILE, sizeof(double));
}

/* rk_ease_width is the number of rows in a row of tiles, a multiple of RK_TILE. */
static size_t
rk_ease_width(const RkEase *ease, size_t tile)
{
	return rk_min(RK_EASE_TILE, rk_ease_padded(ease->n) - tile * RK_EASE_TILE);
}

RkStatus
rk_ease_pivot(const RkEase *ease, void *scratch)
{
	size_t first = ease->step * RK_EASE_TILE;
	size_t width = rk_ease_width(ease, ease->step);
	RkBlasInt order = (RkBlasInt) width;
	double *block = scratch;
	RkBlasInt info;

	/* the lower triangle by rows is the upper one by columns */
	for (size_t i = 0; i < width; i++)
		for (size_t j = 0; j <= i; j++)
			block[i * width + j] = (double) ease->matrix[rk_ease_at(ease->n, first + i, first + j)];
	dpotrf_("U", &order, block, &order, &info, 1);
	if (info != 0)
		return RK_NOT_POSITIVE_DEFINITE;
	dpotri_("U", &order, block, &order, &info, 1);
	if (info != 0)
		return RK_NOT_POSITIVE_DEFINITE;
	for (size_t i = 0; i < width; i++)
		for (size_t j = 0; j <= i; j++)
		{
			float value = (float) -block[i * width + j];

			if (!isfinite(value))
				return RK_NON_FINITE;
			ease->pivot[(j / RK_TILE * width + i) * RK_TILE + j % RK_TILE] = value;
			ease->pivot[(i / RK_TILE * width + j) * RK_TILE + i % RK_TILE] = value;
		}
	return RK_OK;
}

/* rk_ease_turn copies rows of a small tile to columns of another one, times a sign. */
static void
rk_ease_turn(const float *from, float sign, float *to)
{
	for (size_t i = 0; i < RK_TILE; i++)
		for (size_t j = 0; j < RK_TILE; j++)
			to[j * RK_TILE + i] = sign * from[i * RK_TILE + j];
}

/* rk_ease_copy_panel packs the columns of the step of the 16 items from "item" on, which are not of the step. */
static void
rk_ease_copy_panel(const RkEase *ease, size_t item, float *piece)
{
	size_t pivot = ease->step * RK_EASE_TILE;
	size_t width = rk_ease_width(ease, ease->step);

	if (item < pivot)
	{
		memcpy(piece, ease->matrix + rk_ease_at(ease->n, pivot, item), width * RK_TILE * sizeof(float));
		return;
	}
	for (size_t k = 0; k < width; k += RK_TILE)
		rk_ease_turn(ease->matrix + rk_ease_at(ease->n, item, pivot + k), 1.0f, piece + k * RK_TILE);
}

RkStatus
rk_ease_panel_range(const RkEase *ease, size_t tile, const RkPoll *poll)
{
	const RkSmall *small = rk_small_best();
	size_t width = rk_ease_width(ease, ease->step);
	size_t first = tile * RK_EASE_TILE;

	if (tile == ease->step)
		return RK_OK;
	for (size_t item = first; item < first + rk_ease_width(ease, tile); item += RK_TILE)
	{
		float *piece = ease->panel + item * width;

		rk_ease_copy_panel(ease, item, piece);
		for (size_t k = 0; k < width; k += RK_TILE)
			small->tile(ease->pivot + k * width, piece, width, ease->scaled + item * width + k * RK_TILE,
						RK_TILE, false);
	}
	return rk_poll_cancelled(poll) ? RK_CANCELLED : RK_OK;
}

/* rk_ease_take_pivot writes the row of tiles of the step itself. */
static void
rk_ease_take_pivot(const RkEase *ease)
{
	size_t first = ease->step * RK_EASE_TILE;
	size_t width = rk_ease_width(ease, ease->step);

	for (size_t item = 0; item < first; item += RK_TILE)
	{
		const float *scaled = ease->scaled + item * width;
		float *to = ease->matrix + rk_ease_at(ease->n, first, item);

		for (size_t k = 0; k < width * RK_TILE; k++)
			to[k] = -scaled[k];
	}
	for (size_t k = 0; k < width; k += RK_TILE)
		memcpy(ease->matrix + rk_ease_at(ease->n, first + k, first + k),
			   ease->pivot + (k * width + k * RK_TILE), (width - k) * RK_TILE * sizeof(float));
}

/* rk_ease_take_scaled writes the columns of the step in a row of tiles below it. */
static void
rk_ease_take_scaled(const RkEase *ease, size_t first, size_t height)
{
	size_t pivot = ease->step * RK_EASE_TILE;
	size_t width = rk_ease_width(ease, ease->step);

	for (size_t item = first; item < first + height; item += RK_TILE)
		for (size_t k = 0; k < width; k += RK_TILE)
			rk_ease_turn(ease->scaled + item * width + k * RK_TILE, -1.0f,
						 ease->matrix + rk_ease_at(ease->n, item, pivot + k));
}

RkStatus
rk_ease_update_range(const RkEase *ease, size_t tile, const RkPoll *poll)
{
	const RkSmall *small = rk_small_best();
	size_t first = tile * RK_EASE_TILE;
	size_t height = rk_ease_width(ease, tile);
	size_t width = rk_ease_width(ease, ease->step);
	double work = 0.0;

	if (tile == ease->step)
	{
		rk_ease_take_pivot(ease);
		return RK_OK;
	}
	for (size_t column = 0; column < first + height; column += RK_TILE)
	{
		if (column / RK_EASE_TILE == ease->step)
			continue;
		for (size_t row = rk_max(first, column); row < first + height; row += RK_TILE)
		{
			float *to = ease->matrix + rk_ease_at(ease->n, row, column);

			/* added to after the product, and by then it is there */
			for (size_t line = 0; line < RK_TILE; line++)
				__builtin_prefetch(to + line * RK_TILE, 1);
			small->tile(ease->scaled + row * width, ease->panel + column * width, width, to, RK_TILE, true);
		}
		if (rk_poll_after(poll, &work, 2.0 * RK_TILE * (double) (height * width)))
			return RK_CANCELLED;
	}
	if (tile > ease->step)
		rk_ease_take_scaled(ease, first, height);
	return RK_OK;
}

size_t
rk_ease_rows_scratch_bytes(size_t n)
{
	return 2 * rk_scratch_bytes(n, sizeof(float)) + rk_scratch_bytes(n, sizeof(RkEntry));
}

/* rk_ease_read reads row j of the matrix, [n]. */
static void
rk_ease_read(const RkEase *ease, size_t j, float *row)
{
	const float *column = ease->matrix + rk_ease_at(ease->n, j, j);

	for (size_t first = 0; first <= j; first += RK_TILE)
	{
		const float *from = ease->matrix + rk_ease_at(ease->n, j, first);

		for (size_t i = first; i <= j && i < first + RK_TILE; i++)
			row[i] = from[i - first];
	}
	for (size_t i = j + 1; i < ease->n; i++)
		row[i] = column[(i - j) * RK_TILE];
}

RkStatus
rk_ease_rows_range(const RkEase *ease, size_t first, size_t last, const RkSlots *slots, void *scratch,
				   const RkPoll *poll)
{
	size_t n = ease->n;
	char *cursor = scratch;
	float *row = rk_scratch_take(&cursor, n, sizeof(float));
	float *diagonal = rk_scratch_take(&cursor, n, sizeof(float));
	RkEntry *room = rk_scratch_take(&cursor, n, sizeof(RkEntry));
	double work = 0.0;

	for (size_t i = 0; i < n; i++)
		diagonal[i] = ease->matrix[rk_ease_at(n, i, i)];
	for (size_t j = first; j < last; j++)
	{
		RkStatus status;

		rk_ease_read(ease, j, row);
		for (size_t i = 0; i < n; i++)
			row[i] = -row[i] / diagonal[i];
		status = rk_slots_keep(row, n, j, slots, room);
		if (status != RK_OK)
			return status;
		if (rk_poll_after(poll, &work, 64.0 * (double) n))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/* RkEaseRoom is the scratch of local regressions. */
typedef struct RkEaseRoom
{
	uint32_t *place; /* [n_items], place among the nearest plus 1, 0 for others; zeros between items */
	uint8_t *met;    /* [n_users], zeros between items */
	uint32_t *user;  /* [n_users], those met */
	double *gram;    /* [(most + 1) x (most + 1)], upper triangle by columns */
	uint32_t *among; /* [most + 1], places in one user's row */
	double *value;   /* [most + 1] */
	double *weight;  /* [most + 1] */
	size_t n_users;
} RkEaseRoom;

size_t
rk_ease_local_scratch_bytes(const RkEaseLocal *local)
{
	size_t order = local->near.most + 1;

	return rk_scratch_bytes(local->by_item.n_rows, sizeof(uint32_t)) +
		   rk_scratch_bytes(local->by_user.n_rows, 1) +
		   rk_scratch_bytes(local->by_user.n_rows, sizeof(uint32_t)) +
		   rk_scratch_bytes(order * order, sizeof(double)) + rk_scratch_bytes(order, sizeof(uint32_t)) +
		   2 * rk_scratch_bytes(order, sizeof(double));
}

/* rk_ease_room cuts the scratch. */
static RkEaseRoom
rk_ease_room(const RkEaseLocal *local, void *scratch)
{
	size_t order = local->near.most + 1;
	char *cursor = scratch;
	RkEaseRoom room;

	room.place = rk_scratch_take(&cursor, local->by_item.n_rows, sizeof(uint32_t));
	room.met = rk_scratch_take(&cursor, local->by_user.n_rows, 1);
	room.user = rk_scratch_take(&cursor, local->by_user.n_rows, sizeof(uint32_t));
	room.gram = rk_scratch_take(&cursor, order * order, sizeof(double));
	room.among = rk_scratch_take(&cursor, order, sizeof(uint32_t));
	room.value = rk_scratch_take(&cursor, order, sizeof(double));
	room.weight = rk_scratch_take(&cursor, order, sizeof(double));
	room.n_users = 0;
	memset(room.place, 0, local->by_item.n_rows * sizeof(uint32_t));
	memset(room.met, 0, local->by_user.n_rows);
	return room;
}

/* rk_ease_meet lists the users who have an item, each once. */
static void
rk_ease_meet(const RkCsr *by_item, uint32_t item, RkEaseRoom *room)
{
	for (uint64_t e = by_item->offset[item]; e < by_item->offset[item + 1]; e++)
	{
		uint32_t user = by_item->index[e];

		if (room->met[user] == 0)
			room->user[room->n_users++] = user;
		room->met[user] = 1;
	}
}

/* rk_ease_add_user adds a user's row, restricted to the items that have a place, to the Gram matrix. */
static void
rk_ease_add_user(const RkCsr *by_user, uint32_t user, size_t order, RkEaseRoom *room)
{
	size_t n = 0;

	for (uint64_t e = by_user->offset[user]; e < by_user->offset[user + 1]; e++)
	{
		uint32_t place = room->place[by_user->index[e]];

		if (place == 0)
			continue;
		room->among[n] = place - 1;
		room->value[n++] = (double) by_user->weight[e];
	}
	/* items ascend, and so do the places of the nearest; the item itself has the last place and comes in between */
	for (size_t a = 0; a < n; a++)
		for (size_t b = 0; b < n; b++)
			if (room->among[b] <= room->among[a])
				room->gram[room->among[a] * order + room->among[b]] += room->value[a] * room->value[b];
}

/* rk_ease_gather adds up the Gram matrix of the nearest of an item and, in the last place, the item. */
static void
rk_ease_gather(const RkEaseLocal *local, size_t item, size_t n, RkEaseRoom *room)
{
	const uint32_t *near = local->near.index + item * local->near.most;
	size_t order = n + 1;

	memset(room->gram, 0, order * order * sizeof(double));
	room->n_users = 0;
	for (size_t k = 0; k < n; k++)
	{
		room->place[near[k]] = (uint32_t) k + 1;
		rk_ease_meet(&local->by_item, near[k], room);
	}
	room->place[item] = (uint32_t) order;
	for (size_t u = 0; u < room->n_users; u++)
	{
		rk_ease_add_user(&local->by_user, room->user[u], order, room);
		room->met[room->user[u]] = 0;
	}
	for (size_t k = 0; k < n; k++)
		room->place[near[k]] = 0;
	room->place[item] = 0;
}

/* rk_ease_regress solves for the weights of the nearest, in room->weight. */
static RkStatus
rk_ease_regress(double lambda, size_t n, RkEaseRoom *room)
{
	RkBlasInt order = (RkBlasInt) n;
	RkBlasInt stride = (RkBlasInt) n + 1;
	RkBlasInt one = 1;
	RkBlasInt info;

	for (size_t k = 0; k < n; k++)
	{
		room->gram[k * (n + 1) + k] += lambda;
		room->weight[k] = room->gram[n * (n + 1) + k];
	}
	dpotrf_("U", &order, room->gram, &stride, &info, 1);
	if (info != 0)
		return RK_NOT_POSITIVE_DEFINITE;
	dtrsv_("U", "T", "N", &order, room->gram, &stride, room->weight, &one, 1, 1, 1);
	dtrsv_("U", "N", "N", &order, room->gram, &stride, room->weight, &one, 1, 1, 1);
	return RK_OK;
}

RkStatus
rk_ease_local_range(const RkEaseLocal *local, size_t first, size_t last, void *scratch, const RkPoll *poll)
{
	RkEaseRoom room = rk_ease_room(local, scratch);
	double work = 0.0;

	for (size_t item = first; item < last; item++)
	{
		size_t n = local->near.count[item];
		float *weight = local->near.weight + item * local->near.most;
		RkStatus status;

		if (n == 0)
			continue;
		rk_ease_gather(local, item, n, &room);
		status = rk_ease_regress(local->lambda, n, &room);
		if (status != RK_OK)
			return status;
		for (size_t k = 0; k < n; k++)
		{
			weight[k] = (float) room.weight[k];
			if (!isfinite(weight[k]))
				return RK_NON_FINITE;
		}
		if (rk_poll_after(poll, &work,
						  (double) n * (double) n * (double) n / 3.0 + 64.0 * (double) room.n_users))
			return RK_CANCELLED;
	}
	return RK_OK;
}
