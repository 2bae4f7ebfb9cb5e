/*
 * blas_module.c
 *	  The second library, reco_blas: kernels linked with the serial OpenBLAS.
 *
 * Debian's default OpenBLAS starts a thread when it is loaded, so nothing that
 * needs BLAS is in the library that every backend loads.  This file and the
 * kernels als, small and eigh make up reco_blas.so, whose RUNPATH names the
 * folder of the serial flavour; see blas.h for who loads it.
 */
#include "postgres.h"

#include "fmgr.h"

#include "model/blas.h"

PG_MODULE_MAGIC;

extern int openblas_get_parallel(void);
extern void openblas_set_num_threads(int threads);

/* Only threaded flavours have it: ends the threads that wait for work. */
extern int blas_thread_shutdown_(void) __attribute__((weak));

PGDLLEXPORT const RecoBlas *reco_blas_api(void);

/*
 * set_one_thread looks at the OpenBLAS this library was bound to.  It is the
 * serial one unless the process had mapped another flavour under the same
 * name before.
 */
static bool
set_one_thread(void)
{
	if (openblas_get_parallel() == 0)
		return false;
	openblas_set_num_threads(1);
	if (blas_thread_shutdown_ != NULL)
		(void) blas_thread_shutdown_();
	return true;
}

static const RecoBlas api = {
	.set_one_thread = set_one_thread,
	.gram_scratch_bytes = rk_gram_scratch_bytes,
	.gram_range = rk_gram_range,
	.wants_wide = rk_als_wants_wide,
	.gram_add = rk_gram_add,
	.rotate_scratch_bytes = rk_rotate_scratch_bytes,
	.rotate_range = rk_rotate_range,
	.solve_scratch_bytes = rk_als_scratch_bytes,
	.solve_range = rk_als_solve_range,
	.ridge_range = rk_als_ridge_range,
	.init_row = rk_als_init_row,
	.degree_range = rk_als_degree_range,
	.spread_range = rk_als_spread_range,
	.whiten = rk_als_whiten,
	.eigh_scratch_bytes = rk_eigh_scratch_bytes,
	.eigh_gram = rk_eigh_gram,
	.ease_gram_scratch_bytes = rk_ease_gram_scratch_bytes,
	.ease_gram_range = rk_ease_gram_range,
	.ease_pivot_scratch_bytes = rk_ease_pivot_scratch_bytes,
	.ease_pivot = rk_ease_pivot,
	.ease_panel_range = rk_ease_panel_range,
	.ease_update_range = rk_ease_update_range,
	.ease_rows_scratch_bytes = rk_ease_rows_scratch_bytes,
	.ease_rows_range = rk_ease_rows_range,
	.ease_local_scratch_bytes = rk_ease_local_scratch_bytes,
	.ease_local_range = rk_ease_local_range,
	.graph_scratch_bytes = rk_graph_scratch_bytes,
	.graph_range = rk_graph_range,
};

/* reco_blas_api gives the table of kernels. */
const RecoBlas *
reco_blas_api(void)
{
	return &api;
}
