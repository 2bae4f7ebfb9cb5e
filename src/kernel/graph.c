/*
 * graph.c
 *	  Rows of a graph filter: a walk of three steps, the ideal low pass, and sharpening.
 */
#include "graph.h"

#include "blas.h"
#include "simd.h"

/* Items of one product between two questions to the poll. */
#define RK_GRAPH_COLUMNS 16384

/* Entries ahead of the one being added whose rows are asked for. */
#define RK_GRAPH_AHEAD 8

/* The rows that are made together, side by side. */
typedef float RkGraphLanes __attribute__((vector_size(RK_GRAPH_ROWS * sizeof(float))));

/* RkGraphRoom is the scratch. */
typedef struct RkGraphRoom
{
	float *sum;    /* [n x RK_GRAPH_ROWS], S so far */
	float *term;   /* [n x RK_GRAPH_ROWS], of the series; then rows of S, [RK_GRAPH_ROWS x n] */
	float *users;  /* [n_users x RK_GRAPH_ROWS] */
	RkEntry *room; /* [n] */
} RkGraphRoom;

size_t
rk_graph_scratch_bytes(size_t n_users, size_t n)
{
	return rk_scratch_bytes(2 * n * RK_GRAPH_ROWS, sizeof(float)) +
		   rk_scratch_bytes(n_users * RK_GRAPH_ROWS, sizeof(float)) + rk_scratch_bytes(n, sizeof(RkEntry));
}

/* rk_graph_smooth writes the low pass of rows first .. first + rows - 1, side by side; false when cancelled. */
static bool
rk_graph_smooth(const RkGraph *graph, size_t first, size_t rows, float *out, const RkPoll *poll)
{
	RkBlasInt depth = (RkBlasInt) graph->d;
	RkBlasInt height = (RkBlasInt) rows;
	RkBlasInt stride = RK_GRAPH_ROWS;
	float one = 1.0f;
	float zero = 0.0f;

	memset(out, 0, graph->n * RK_GRAPH_ROWS * sizeof(float));
	for (size_t c = 0; graph->d > 0 && c < graph->n; c += RK_GRAPH_COLUMNS)
	{
		RkBlasInt some = (RkBlasInt) rk_min(RK_GRAPH_COLUMNS, graph->n - c);

		/* by columns: out = left right^T */
		sgemm_("T", "N", &height, &some, &depth, &one, graph->left + first * graph->d, &depth,
			   graph->right + c * graph->d, &depth, &zero, out + c * RK_GRAPH_ROWS, &stride, 1, 1);
		if (rk_poll_cancelled(poll))
			return false;
	}
	return true;
}

/* rk_graph_add_walk adds rows of the walk. */
static void
rk_graph_add_walk(const RkGraph *graph, size_t first, size_t rows, float *out)
{
	const RkSlots *walk = &graph->walk;

	for (size_t r = 0; r < rows; r++)
	{
		size_t at = (first + r) * walk->most;

		for (size_t e = at; e < at + walk->count[first + r]; e++)
			out[walk->index[e] * RK_GRAPH_ROWS + r] += walk->weight[e];
	}
}

/* rk_graph_product writes rows first .. last - 1 of a sparse matrix times rows side by side. */
RK_CLONES static void
rk_graph_product(const RkCsr *matrix, size_t first, size_t last, const float *in, float *out)
{
	size_t end = (size_t) matrix->offset[last];

	for (size_t row = first; row < last; row++)
	{
		RkGraphLanes sum = {0};

		for (size_t e = (size_t) matrix->offset[row]; e < (size_t) matrix->offset[row + 1]; e++)
		{
			RkGraphLanes lanes;

			if (e + RK_GRAPH_AHEAD < end)
			{
				const float *ahead = in + (size_t) matrix->index[e + RK_GRAPH_AHEAD] * RK_GRAPH_ROWS;

				__builtin_prefetch(ahead);
				__builtin_prefetch(ahead + RK_GRAPH_ROWS / 2);
			}
			RK_LOAD(lanes, in + (size_t) matrix->index[e] * RK_GRAPH_ROWS);
			sum += lanes * matrix->weight[e];
		}
		RK_STORE(out + row * RK_GRAPH_ROWS, sum);
	}
}

/* rk_graph_multiply is rk_graph_product for all rows; false when cancelled. */
static bool
rk_graph_multiply(const RkCsr *matrix, const float *in, float *out, const RkPoll *poll)
{
	double entries = (double) rk_csr_nnz(matrix) / (double) rk_max(matrix->n_rows, 1);
	size_t some = (size_t) (RK_POLL_WORK / (2.0 * RK_GRAPH_ROWS * (entries + 1.0))) + 1;

	for (size_t first = 0; first < matrix->n_rows; first += some)
	{
		rk_graph_product(matrix, first, rk_min(first + some, matrix->n_rows), in, out);
		if (rk_poll_cancelled(poll))
			return false;
	}
	return true;
}

/* rk_graph_sharpen turns rows of B, in sum, into rows of S; false when cancelled. */
static bool
rk_graph_sharpen(const RkGraph *graph, const RkGraphRoom *room, const RkPoll *poll)
{
	size_t n = graph->n * RK_GRAPH_ROWS;

	memcpy(room->term, room->sum, n * sizeof(float));
	for (int term = 1; term <= RK_GRAPH_TERMS; term++)
	{
		float factor = (float) (-graph->sharpening / term);

		if (!rk_graph_multiply(&graph->by_user, room->term, room->users, poll) ||
			!rk_graph_multiply(&graph->by_item, room->users, room->term, poll))
			return false;
		for (size_t k = 0; k < n; k++)
		{
			room->term[k] *= factor;
			room->sum[k] += room->term[k];
		}
	}
	return true;
}

/* rk_graph_keep keeps the greatest entries of rows, which it takes apart. */
static RkStatus
rk_graph_keep(const RkGraph *graph, size_t first, size_t rows, const RkGraphRoom *room)
{
	size_t n = graph->n;

	for (size_t i = 0; i < n; i++)
		for (size_t r = 0; r < rows; r++)
			room->term[r * n + i] = room->sum[i * RK_GRAPH_ROWS + r];
	for (size_t r = 0; r < rows; r++)
	{
		RkStatus status = rk_slots_keep(room->term + r * n, n, first + r, &graph->slots, room->room);

		if (status != RK_OK)
			return status;
	}
	return RK_OK;
}

RkStatus
rk_graph_range(const RkGraph *graph, size_t first, size_t last, void *scratch, const RkPoll *poll)
{
	size_t lanes = graph->n * RK_GRAPH_ROWS;
	char *cursor = scratch;
	RkGraphRoom room;

	room.sum = rk_scratch_take(&cursor, 2 * lanes, sizeof(float));
	room.term = room.sum + lanes;
	room.users = rk_scratch_take(&cursor, graph->by_user.n_rows * RK_GRAPH_ROWS, sizeof(float));
	room.room = rk_scratch_take(&cursor, graph->n, sizeof(RkEntry));
	for (size_t block = first; block < last; block += RK_GRAPH_ROWS)
	{
		size_t rows = rk_min(RK_GRAPH_ROWS, last - block);
		RkStatus status;

		if (!rk_graph_smooth(graph, block, rows, room.sum, poll))
			return RK_CANCELLED;
		rk_graph_add_walk(graph, block, rows, room.sum);
		if (graph->sharpening > 0.0 && !rk_graph_sharpen(graph, &room, poll))
			return RK_CANCELLED;
		status = rk_graph_keep(graph, block, rows, &room);
		if (status != RK_OK)
			return status;
		if (rk_poll_cancelled(poll))
			return RK_CANCELLED;
	}
	return RK_OK;
}
