/*
 * blas.h
 *	  The way to kernels that need BLAS.
 *
 * They live in a second library, reco_blas, which links the serial OpenBLAS.
 * It is loaded by the first call of reco_blas(), in processes that learn or
 * rank for many users at once; a backend that only serves never maps it.
 */
#ifndef RECO_MODEL_BLAS_H
#define RECO_MODEL_BLAS_H

#include "kernel/als.h"
#include "kernel/ease.h"
#include "kernel/eigh.h"
#include "kernel/graph.h"

/* What the second library offers: the kernels of als.h, ease.h, eigh.h and graph.h. */
typedef struct RecoBlas
{
	/* set_one_thread makes a threaded BLAS that was there already use one thread; true if there was one. */
	bool (*set_one_thread)(void);

	size_t (*gram_scratch_bytes)(size_t d);
	RkStatus (*gram_range)(const float *factor, size_t first, size_t last, size_t d, bool wide, double *gram,
						   void *scratch, const RkPoll *poll);
	bool (*wants_wide)(const RkAlsSide *side, const double *eigenvalue);
	void (*gram_add)(size_t d, const double *slab, double *gram);
	size_t (*rotate_scratch_bytes)(size_t d);
	RkStatus (*rotate_range)(float *factor, size_t first, size_t last, size_t d, const float *vector,
							 void *scratch, const RkPoll *poll);
	size_t (*solve_scratch_bytes)(size_t d);
	RkStatus (*solve_range)(const RkAlsSide *side, const RkAlsOther *other, size_t first, size_t last,
							float *factor, float *bias, double *loss, size_t *bad_row, void *scratch,
							const RkPoll *poll);
	double (*ridge_range)(const RkAlsSide *side, size_t first, size_t last, const float *factor,
						  const float *bias);
	void (*init_row)(uint64_t seed, uint64_t key_hash, size_t d, float *row);
	RkStatus (*degree_range)(const RkCsr *rows, size_t first, size_t last, float *degree, const RkPoll *poll);
	RkStatus (*spread_range)(const RkAlsSide *side, const RkAlsOther *other, const float *degree,
							 const float *other_degree, size_t first, size_t last, float *factor,
							 void *scratch, const RkPoll *poll);
	bool (*whiten)(size_t d, const double *vector, const double *eigenvalue, double size, float *map);
	size_t (*eigh_scratch_bytes)(size_t d);
	RkStatus (*eigh_gram)(size_t d, double *matrix, double *value, void *scratch, const RkPoll *poll);

	size_t (*ease_gram_scratch_bytes)(size_t n_items);
	RkStatus (*ease_gram_range)(const RkCsr *by_item, const RkCsr *by_user, double lambda, size_t first,
								size_t last, float *matrix, void *scratch, const RkPoll *poll);
	size_t (*ease_pivot_scratch_bytes)(void);
	RkStatus (*ease_pivot)(const RkEase *ease, void *scratch);
	RkStatus (*ease_panel_range)(const RkEase *ease, size_t tile, const RkPoll *poll);
	RkStatus (*ease_update_range)(const RkEase *ease, size_t tile, const RkPoll *poll);
	size_t (*ease_rows_scratch_bytes)(size_t n);
	RkStatus (*ease_rows_range)(const RkEase *ease, size_t first, size_t last, const RkSlots *slots,
								void *scratch, const RkPoll *poll);
	size_t (*ease_local_scratch_bytes)(const RkEaseLocal *local);
	RkStatus (*ease_local_range)(const RkEaseLocal *local, size_t first, size_t last, void *scratch,
								 const RkPoll *poll);

	size_t (*graph_scratch_bytes)(size_t n_users, size_t n);
	RkStatus (*graph_range)(const RkGraph *graph, size_t first, size_t last, void *scratch,
							const RkPoll *poll);
} RecoBlas;

/* reco_blas loads the library once a process and gives its kernels. */
extern const RecoBlas *reco_blas(void);

#endif
