/*
 * graph.h
 *	  Rows of a graph filter: a walk of three steps, and the ideal low pass.
 *
 * Of n items, with the walk's rows W (neighbours.h) and V, [n x d], the leading
 * right singular vectors of the normalised interactions,
 *
 *		S = W + c L R^T,	L = diag(left) V,	R = diag(right) V,
 *
 * the second addend keeping what is smooth on the graph of users and items and dropping the rest
 * (Shen et al. 2021, GF-CF).  Rows are made some at a time by one product each, and only
 * their greatest entries are kept.
 */
#ifndef RK_GRAPH_H
#define RK_GRAPH_H

#include "neighbours.h"
#include "status.h"

/* Rows that are made together; part of the result's bytes. */
#define RK_GRAPH_ROWS 32

/* RkGraph is a matrix to be made; it owns nothing. */
typedef struct RkGraph
{
	size_t n;
	size_t d;
	const float *left;  /* c L, [n x d] */
	const float *right; /* R, [n x d] */
	RkSlots slots;      /* rows of W, which become those of S */
} RkGraph;

/* rk_graph_scratch_bytes is the scratch of rk_graph_range. */
extern size_t rk_graph_scratch_bytes(size_t n);

/* rk_graph_range makes rows first .. last - 1, of which first is a multiple of RK_GRAPH_ROWS. */
extern RkStatus rk_graph_range(const RkGraph *graph, size_t first, size_t last, void *scratch,
							   const RkPoll *poll);

#endif /* RK_GRAPH_H */
