/*
 * graph.h
 *	  Rows of a graph filter: a walk of three steps, the ideal low pass, and sharpening.
 *
 * Of n items, with the walk's rows W (neighbours.h) and V, [n x d], the leading
 * right singular vectors of the normalised interactions,
 *
 *		B = W + c L R^T,	L = diag(left) V,	R = diag(right) V,
 *
 * the second addend keeping what is smooth on the graph of users and items and dropping the rest
 * (Shen et al. 2021, GF-CF).  Both blur: what they say of an item is a mean over items like it.  Sharpening goes the way
 * back of dB/dt = B P for a time T, P = N^T N being the likeness of items by the normalised interactions N (Choi et al. 2023,
 * BSPM), by the first terms of the exponential series,
 *
 *		S = B (1 - T P + T^2 P^2 / 2 - T^3 P^3 / 6).
 *
 * P has its eigenvalues between 0 and 1, so that T takes most from what is smoothest and leaves what is particular.  Rows are
 * made RK_GRAPH_ROWS at a time, side by side, so that a product with N reads each entry of it once for all of
 * them; only their greatest entries are kept.
 */
#ifndef RK_GRAPH_H
#define RK_GRAPH_H

#include "csr.h"
#include "neighbours.h"
#include "status.h"

/* Rows that are made together; part of the result's bytes. */
#define RK_GRAPH_ROWS 32

/* Terms of the series beside the first. */
#define RK_GRAPH_TERMS 3

/* RkGraph is a matrix to be made; it owns nothing. */
typedef struct RkGraph
{
	size_t n;
	size_t d;
	const float *left;  /* c L, [n x d]; d = 0: no low pass */
	const float *right; /* R, [n x d] */
	double sharpening;  /* T >= 0; 0: none */
	RkCsr by_user;      /* N, [n_users x n]; where T > 0 */
	RkCsr by_item;      /* its transpose */
	RkSlots walk;       /* rows of W */
	RkSlots slots;      /* rows of S; may be those of W */
} RkGraph;

/* rk_graph_scratch_bytes is the scratch of rk_graph_range. */
extern size_t rk_graph_scratch_bytes(size_t n_users, size_t n);

/* rk_graph_range makes rows first .. last - 1, of which first is a multiple of RK_GRAPH_ROWS. */
extern RkStatus rk_graph_range(const RkGraph *graph, size_t first, size_t last, void *scratch,
							   const RkPoll *poll);

#endif /* RK_GRAPH_H */
