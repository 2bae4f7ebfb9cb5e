/*
 * ease_dual.c
 *	  Dense regression of each item on the others by the Gram matrix of users.
 */
#include "ease.h"

#include <math.h>

#include "simd.h"

/* Rows of B that are made together, side by side. */
#define RK_DUAL_ROWS 16

/* One number of each of these rows. */
typedef float RkDualFloats __attribute__((vector_size(RK_DUAL_ROWS * sizeof(float))));
typedef double RkDualLanes __attribute__((vector_size(RK_DUAL_ROWS * sizeof(double))));

/* RkDualRoom is the scratch of rk_ease_dual_rows_range. */
typedef struct RkDualRoom
{
	double *sum;   /* [padded users], A r_j */
	float *beside; /* [padded users x RK_DUAL_ROWS], of all rows that are made */
	float *row;    /* [RK_DUAL_ROWS x n_items] */
	RkEntry *room; /* [n_items] */
} RkDualRoom;

RkStatus
rk_ease_dual_diagonal_range(const RkEaseDual *dual, size_t first, size_t last, const RkPoll *poll)
{
	const RkCsr *by_item = &dual->by_item;
	const float *matrix = dual->inverse.matrix;
	size_t n_users = dual->inverse.n;
	double work = 0.0;

	for (size_t item = first; item < last; item++)
	{
		double sum = 1.0;

		for (uint64_t e = by_item->offset[item]; e < by_item->offset[item + 1]; e++)
		{
			size_t user = by_item->index[e];
			double half =
				0.5 * (double) by_item->weight[e] * (double) matrix[rk_ease_at(n_users, user, user)];

			for (uint64_t f = by_item->offset[item]; f < e; f++)
				half += (double) by_item->weight[f] *
						(double) matrix[rk_ease_at(n_users, user, by_item->index[f])];
			sum += 2.0 * (double) by_item->weight[e] * half;
			if (rk_poll_after(poll, &work, 64.0 * (double) (e - by_item->offset[item] + 1)))
				return RK_CANCELLED;
		}
		if (!(sum > 0.0))
			return RK_NOT_POSITIVE_DEFINITE;
		dual->diagonal[item] = sum;
	}
	return RK_OK;
}

size_t
rk_ease_dual_rows_scratch_bytes(size_t n_users, size_t n_items)
{
	return rk_scratch_bytes(rk_ease_padded(n_users), sizeof(double)) +
		   rk_scratch_bytes(rk_ease_padded(n_users) * RK_DUAL_ROWS, sizeof(float)) +
		   rk_scratch_bytes(n_items * RK_DUAL_ROWS, sizeof(float)) +
		   rk_scratch_bytes(n_items, sizeof(RkEntry));
}

/* rk_dual_add adds a multiple of the row of a user of A to sum. */
RK_CLONES static void
rk_dual_add(const RkEase *inverse, size_t user, double times, double *sum)
{
	size_t corner = user / RK_TILE * RK_TILE;
	size_t end = rk_ease_padded(inverse->n);
	const float *below = inverse->matrix + rk_ease_at(inverse->n, corner, corner) + (user - corner);

	/* the tile on the diagonal is whole */
	for (size_t column = 0; column <= corner; column += RK_TILE)
	{
		const float *from = inverse->matrix + rk_ease_at(inverse->n, user, column);

		for (size_t k = 0; k < RK_TILE; k++)
			sum[column + k] += times * (double) from[k];
	}
	for (size_t i = corner + RK_TILE; i < end; i++)
		sum[i] += times * (double) below[(i - corner) * RK_TILE];
}

/* rk_dual_products writes r_i^T A r_j for items i first .. last - 1 and the rows j beside each other. */
RK_CLONES static void
rk_dual_products(const RkCsr *by_item, size_t first, size_t last, const RkDualRoom *room)
{
	size_t n = by_item->n_rows;

	for (size_t item = first; item < last; item++)
	{
		RkDualLanes sum = {0};

		for (size_t e = (size_t) by_item->offset[item]; e < (size_t) by_item->offset[item + 1]; e++)
		{
			RkDualFloats lanes;

			RK_LOAD(lanes, room->beside + (size_t) by_item->index[e] * RK_DUAL_ROWS);
			sum += __builtin_convertvector(lanes, RkDualLanes) * (double) by_item->weight[e];
		}
		for (size_t r = 0; r < RK_DUAL_ROWS; r++)
			room->row[r * n + item] = (float) sum[r];
	}
}

/* rk_dual_gather writes A r_j of rows first .. first + rows - 1 beside each other; false when cancelled. */
static bool
rk_dual_gather(const RkEaseDual *dual, size_t first, size_t rows, const RkDualRoom *room, const RkPoll *poll)
{
	const RkCsr *by_item = &dual->by_item;
	size_t n = rk_ease_padded(dual->inverse.n);
	double work = 0.0;

	memset(room->beside, 0, n * RK_DUAL_ROWS * sizeof(float));
	for (size_t r = 0; r < rows; r++)
	{
		memset(room->sum, 0, n * sizeof(double));
		for (uint64_t e = by_item->offset[first + r]; e < by_item->offset[first + r + 1]; e++)
		{
			rk_dual_add(&dual->inverse, by_item->index[e], (double) by_item->weight[e], room->sum);
			if (rk_poll_after(poll, &work, 32.0 * (double) n))
				return false;
		}
		for (size_t u = 0; u < n; u++)
			room->beside[u * RK_DUAL_ROWS + r] = (float) room->sum[u];
	}
	return true;
}

/* rk_dual_multiply is rk_dual_products for all items; false when cancelled. */
static bool
rk_dual_multiply(const RkCsr *by_item, const RkDualRoom *room, const RkPoll *poll)
{
	double entries = (double) rk_csr_nnz(by_item) / (double) rk_max(by_item->n_rows, 1);
	size_t some = (size_t) (RK_POLL_WORK / (2.0 * RK_DUAL_ROWS * (entries + 1.0))) + 1;

	for (size_t first = 0; first < by_item->n_rows; first += some)
	{
		rk_dual_products(by_item, first, rk_min(first + some, by_item->n_rows), room);
		if (rk_poll_cancelled(poll))
			return false;
	}
	return true;
}

RkStatus
rk_ease_dual_rows_range(const RkEaseDual *dual, size_t first, size_t last, const RkSlots *slots,
						void *scratch, const RkPoll *poll)
{
	size_t n = dual->by_item.n_rows;
	size_t users = rk_ease_padded(dual->inverse.n);
	char *cursor = scratch;
	RkDualRoom room;

	room.sum = rk_scratch_take(&cursor, users, sizeof(double));
	room.beside = rk_scratch_take(&cursor, users * RK_DUAL_ROWS, sizeof(float));
	room.row = rk_scratch_take(&cursor, n * RK_DUAL_ROWS, sizeof(float));
	room.room = rk_scratch_take(&cursor, n, sizeof(RkEntry));
	for (size_t block = first; block < last; block += RK_DUAL_ROWS)
	{
		size_t rows = rk_min(RK_DUAL_ROWS, last - block);

		if (!rk_dual_gather(dual, block, rows, &room, poll) || !rk_dual_multiply(&dual->by_item, &room, poll))
			return RK_CANCELLED;
		for (size_t r = 0; r < rows; r++)
		{
			float *row = room.row + r * n;
			RkStatus status;

			for (size_t i = 0; i < n; i++)
				row[i] = (float) (-(double) row[i] / dual->diagonal[i]);
			status = rk_slots_keep(row, n, block + r, slots, room.room);
			if (status != RK_OK)
				return status;
			if (rk_poll_cancelled(poll))
				return RK_CANCELLED;
		}
	}
	return RK_OK;
}
