/*
 * als_tensors.c
 *	  Matrix factorisation by alternating least squares: the tensors of a version.
 */
#include "postgres.h"

#include "kernel/quantise.h"
#include "model/als_learner.h"
#include "model/tensors.h"

/* Tensors that reco_als_write_tensors writes, at most. */
#define ALS_MOST_TENSORS 11

static void
add_tensor(RecoLearnOutput *output, const char *name, RecoTensorType type, size_t rows, size_t columns,
		   const void *data)
{
	output->tensor[output->n_tensors++] = (RecoTensor){name, type, (int64) rows, (int64) columns, data};
}

/* write_index hands over the copy of the items that makes ranking fast. */
static void
write_index(RecoArea *area, const RkItems *items, RecoLearnOutput *output)
{
	size_t blocks = rk_index_blocks(items->n);
	size_t columns = rk_index_columns(items->d);
	RkIndexRoom room = {
		.order = reco_area_alloc(area, sizeof(int32) * items->n),
		.coarse = reco_area_alloc(area, blocks * 8 * columns),
		.fine = reco_area_alloc(area, items->n * columns / 2),
		.scale = reco_area_alloc(area, sizeof(float) * RK_BLOCK * blocks),
		.bias = items->bias != NULL ? reco_area_alloc(area, sizeof(float) * RK_BLOCK * blocks) : NULL,
		.block = reco_area_alloc(area, sizeof(float) * RK_BLOCK_N * blocks),
	};
	Size mark = reco_area_mark(area);

	reco_als_check(rk_index_build(items, &room, reco_area_alloc(area, rk_index_scratch_bytes(items->n)),
								  &reco_pool_poll));
	reco_area_release(area, mark);
	add_tensor(output, TENSOR_RANK_ORDER, RECO_INT4, items->n, 1, room.order);
	add_tensor(output, TENSOR_RANK_COARSE, RECO_BYTE, blocks, 8 * columns, room.coarse);
	add_tensor(output, TENSOR_RANK_FINE, RECO_BYTE, items->n, columns / 2, room.fine);
	add_tensor(output, TENSOR_RANK_SCALE, RECO_FLOAT4, blocks, RK_BLOCK, room.scale);
	add_tensor(output, TENSOR_RANK_BLOCK, RECO_FLOAT4, RK_BLOCK_N, blocks, room.block);
	if (room.bias != NULL)
		add_tensor(output, TENSOR_RANK_BIAS, RECO_FLOAT4, blocks, RK_BLOCK, room.bias);
}

Size
reco_als_index_bytes(size_t n_items, Size d)
{
	/* the bytes of the row, order, scale, bias, block and scratch, the latter four rounded up */
	return mul_size(add_size(n_items, RK_BLOCK), add_size(rk_index_columns(d), 5 * sizeof(float)));
}

void
reco_als_write_tensors(AlsLearner *learner, RecoLearnOutput *output)
{
	AlsShared *shared = learner->shared;
	const RkAlsSide *users = &shared->users.problem;
	size_t n = learner->input->data->n_items;
	float *norm = reco_area_alloc(learner->input->area, sizeof(float) * n);
	double *parameter = palloc(sizeof(double) * ALS_N_PARAMETERS);
	RkItems items = {
		.n = n, .d = shared->d, .factor = shared->items.factor, .norm = norm, .bias = shared->items.bias};

	reco_als_check(rk_items_norms(shared->items.factor, shared->d, 0, n, norm, &reco_pool_poll));
	parameter[ALS_PARAMETER_ALPHA0] = users->alpha0;
	parameter[ALS_PARAMETER_LAMBDA] = users->lambda;
	parameter[ALS_PARAMETER_NU] = users->nu;
	parameter[ALS_PARAMETER_ITEMS] = (double) users->n_other;
	parameter[ALS_PARAMETER_MEAN] = users->mean;
	output->tensor = palloc(sizeof(RecoTensor) * ALS_MOST_TENSORS);
	add_tensor(output, "item_factor", RECO_FLOAT4, n, shared->d, shared->items.factor);
	add_tensor(output, "item_norm", RECO_FLOAT4, n, 1, norm);
	add_tensor(output, "gram_eigenvalue", RECO_FLOAT8, shared->d, 1, shared->eigenvalue);
	add_tensor(output, "als_parameters", RECO_FLOAT8, 1, ALS_N_PARAMETERS, parameter);
	if (shared->items.bias != NULL)
		add_tensor(output, "item_bias", RECO_FLOAT4, n, 1, shared->items.bias);
	write_index(learner->input->area, &items, output);
}
