/*
 * als_tensors.c
 *	  Matrix factorisation by alternating least squares: the tensors of a version.
 */
#include "postgres.h"

#include "model/als_learner.h"
#include "model/ranking.h"
#include "model/tensors.h"

/* Tensors that reco_als_write_tensors writes, at most. */
#define ALS_MOST_TENSORS (7 + RECO_RANKING_TENSORS)

static void
add_tensor(RecoLearnOutput *output, const char *name, RecoTensorType type, size_t rows, size_t columns,
		   const void *data)
{
	output->tensor[output->n_tensors++] = (RecoTensor){name, type, (int64) rows, (int64) columns, data};
}

/* write_map hands over what attributes say of the factors of one side. */
static void
write_map(const AlsSide *side, const char *name, RecoLearnOutput *output)
{
	if (side->attributes != NULL)
		add_tensor(output, name, RECO_FLOAT4, rk_side_columns(&side->attributes->problem),
				   side->attributes->problem.d, side->attributes->map);
}

void
reco_als_index_room(AlsLearner *learner)
{
	RecoArea *area = learner->input->area;
	AlsShared *shared = learner->shared;
	size_t n = learner->input->data->n_items;
	const RkIndexRoom *room = &shared->room;

	shared->norm = reco_area_alloc(area, sizeof(float) * n);
	shared->ranked = (RkItems){.n = n,
							   .d = shared->d,
							   .factor = shared->items.factor,
							   .norm = shared->norm,
							   .bias = shared->items.bias,
							   .index = &shared->index};
	shared->room = reco_ranking_room(area, &shared->ranked);
	shared->index =
		(RkIndex){room->order, room->coarse, room->fine, room->mark, room->bias, room->block, RK_PATH_BEST};
}

void
reco_als_index_fill(AlsLearner *learner)
{
	RecoArea *area = learner->input->area;
	AlsShared *shared = learner->shared;
	const RkItems *items = &shared->ranked;
	Size mark = reco_area_mark(area);

	reco_learn_check(rk_items_norms(items->factor, items->d, 0, items->n, shared->norm, &reco_pool_poll));
	reco_learn_check(rk_index_begin(
		items, &shared->room, reco_area_alloc(area, rk_index_scratch_bytes(items->n)), &reco_pool_poll));
	reco_area_release(area, mark);
	reco_als_run(learner, TASK_INDEX, (rk_index_blocks(items->n) + INDEX_BLOCKS - 1) / INDEX_BLOCKS, false);
	rk_index_end(items, &shared->room);
}

void
reco_als_write_tensors(AlsLearner *learner, RecoLearnOutput *output)
{
	AlsShared *shared = learner->shared;
	const RkAlsSide *users = &shared->users.problem;
	size_t n = learner->input->data->n_items;
	double *parameter = palloc(sizeof(double) * ALS_N_PARAMETERS);

	reco_als_index_room(learner);
	reco_als_index_fill(learner);
	parameter[ALS_PARAMETER_ALPHA0] = users->alpha0;
	parameter[ALS_PARAMETER_LAMBDA] = users->lambda;
	parameter[ALS_PARAMETER_NU] = users->nu;
	parameter[ALS_PARAMETER_ITEMS] = (double) users->n_other;
	parameter[ALS_PARAMETER_MEAN] = users->mean;
	parameter[ALS_PARAMETER_PULL] = shared->users.attributes != NULL ? shared->users.attributes->pull : 1;
	output->tensor = palloc(sizeof(RecoTensor) * ALS_MOST_TENSORS);
	add_tensor(output, "item_factor", RECO_FLOAT4, n, shared->d, shared->items.factor);
	add_tensor(output, "item_norm", RECO_FLOAT4, n, 1, shared->ranked.norm);
	add_tensor(output, "gram_eigenvalue", RECO_FLOAT8, shared->d, 1, shared->eigenvalue);
	add_tensor(output, "als_parameters", RECO_FLOAT8, 1, ALS_N_PARAMETERS, parameter);
	if (shared->items.bias != NULL)
		add_tensor(output, "item_bias", RECO_FLOAT4, n, 1, shared->items.bias);
	write_map(&shared->items, TENSOR_ITEM_MAP, output);
	write_map(&shared->users, TENSOR_USER_MAP, output);
	reco_ranking_add(&shared->ranked, &shared->room, output);
}
