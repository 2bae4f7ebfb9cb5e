/*
 * graph.c
 *	  Rows of a graph filter: a walk of three steps, and the ideal low pass.
 */
#include "graph.h"

#include "blas.h"
#include "simd.h"

/* Columns of one product between two questions to the poll. */
#define RK_GRAPH_COLUMNS 16384

size_t
rk_graph_scratch_bytes(size_t n)
{
	return rk_scratch_bytes(RK_GRAPH_ROWS * n, sizeof(float)) + rk_scratch_bytes(n, sizeof(RkEntry));
}

/* rk_graph_smooth writes rows of the low pass, [RK_GRAPH_ROWS x n]; false when cancelled. */
static bool
rk_graph_smooth(const RkGraph *graph, size_t first, size_t rows, float *dense, const RkPoll *poll)
{
	RkBlasInt depth = (RkBlasInt) graph->d;
	RkBlasInt height = (RkBlasInt) rows;
	RkBlasInt stride = (RkBlasInt) graph->n;
	float one = 1.0f;
	float zero = 0.0f;

	for (size_t c = 0; c < graph->n; c += RK_GRAPH_COLUMNS)
	{
		RkBlasInt some = (RkBlasInt) rk_min(RK_GRAPH_COLUMNS, graph->n - c);

		/* by columns: dense^T = R left^T */
		sgemm_("T", "N", &some, &height, &depth, &one, graph->right + c * graph->d, &depth,
			   graph->left + first * graph->d, &depth, &zero, dense + c, &stride, 1, 1);
		if (rk_poll_cancelled(poll))
			return false;
	}
	return true;
}

RkStatus
rk_graph_range(const RkGraph *graph, size_t first, size_t last, void *scratch, const RkPoll *poll)
{
	char *cursor = scratch;
	float *dense = rk_scratch_take(&cursor, RK_GRAPH_ROWS * graph->n, sizeof(float));
	RkEntry *room = rk_scratch_take(&cursor, graph->n, sizeof(RkEntry));
	const RkSlots *slots = &graph->slots;

	for (size_t block = first; block < last; block += RK_GRAPH_ROWS)
	{
		size_t rows = rk_min(RK_GRAPH_ROWS, last - block);

		if (!rk_graph_smooth(graph, block, rows, dense, poll))
			return RK_CANCELLED;
		for (size_t r = 0; r < rows; r++)
		{
			float *row = dense + r * graph->n;
			size_t at = (block + r) * slots->most;
			RkStatus status;

			for (size_t e = at; e < at + slots->count[block + r]; e++)
				row[slots->index[e]] += slots->weight[e];
			status = rk_slots_keep(row, graph->n, block + r, slots, room);
			if (status != RK_OK)
				return status;
		}
		if (rk_poll_cancelled(poll))
			return RK_CANCELLED;
	}
	return RK_OK;
}
