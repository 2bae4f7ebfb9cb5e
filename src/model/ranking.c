/*
 * ranking.c
 *	  The tensors by which items are ranked fast.
 */
#include "postgres.h"

#include "model/ranking.h"
#include "model/tensors.h"

static void
add_tensor(RecoLearnOutput *output, const char *name, RecoTensorType type, size_t rows, size_t columns,
		   const void *data)
{
	output->tensor[output->n_tensors++] = (RecoTensor){name, type, (int64) rows, (int64) columns, data};
}

Size
reco_ranking_bytes(size_t n_items, Size d)
{
	Size codes = rk_index_columns(d) + rk_index_coarse_bytes(d) / RK_BLOCK;

	/* both codes of the row, order, mark, bias, block and scratch, the latter three rounded up */
	return mul_size(add_size(n_items, RK_BLOCK), add_size(codes, 5 * sizeof(float)));
}

RkIndexRoom
reco_ranking_room(RecoArea *area, const RkItems *items)
{
	size_t blocks = rk_index_blocks(items->n);
	size_t columns = rk_index_columns(items->d);

	return (RkIndexRoom){
		.order = reco_area_alloc(area, sizeof(int32) * items->n),
		.coarse = reco_area_alloc(area, blocks * rk_index_coarse_bytes(items->d)),
		.fine = reco_area_alloc(area, items->n * columns),
		.mark = reco_area_alloc(area, sizeof(int32) * RK_BLOCK * blocks),
		.bias = items->bias != NULL ? reco_area_alloc(area, sizeof(float) * RK_BLOCK * blocks) : NULL,
		.block = reco_area_alloc(area, sizeof(float) * RK_BLOCK_N * blocks),
	};
}

void
reco_ranking_add(const RkItems *items, const RkIndexRoom *room, RecoLearnOutput *output)
{
	size_t blocks = rk_index_blocks(items->n);
	size_t columns = rk_index_columns(items->d);

	add_tensor(output, TENSOR_RANK_ORDER, RECO_INT4, items->n, 1, room->order);
	add_tensor(output, TENSOR_RANK_COARSE, RECO_BYTE, blocks, rk_index_coarse_bytes(items->d), room->coarse);
	add_tensor(output, TENSOR_RANK_FINE, RECO_BYTE, items->n, columns, room->fine);
	add_tensor(output, TENSOR_RANK_MARK, RECO_INT4, blocks, RK_BLOCK, room->mark);
	add_tensor(output, TENSOR_RANK_BLOCK, RECO_FLOAT4, RK_BLOCK_N, blocks, room->block);
	if (room->bias != NULL)
		add_tensor(output, TENSOR_RANK_BIAS, RECO_FLOAT4, blocks, RK_BLOCK, room->bias);
}

void
reco_ranking_write(RecoArea *area, const RkItems *items, RecoLearnOutput *output)
{
	RkIndexRoom room = reco_ranking_room(area, items);
	Size mark = reco_area_mark(area);

	reco_learn_check(rk_index_build(items, &room, reco_area_alloc(area, rk_index_scratch_bytes(items->n)),
									&reco_pool_poll));
	reco_area_release(area, mark);
	reco_ranking_add(items, &room, output);
}

void
reco_ranking_bind(const RecoTensorSet *tensors, RkItems *items, RkIndex *index)
{
	int64 n = (int64) items->n;
	int64 blocks = (int64) rk_index_blocks(items->n);
	int64 columns = (int64) rk_index_columns(items->d);

	if (reco_store_find(tensors, TENSOR_RANK_MARK, RECO_INT4, RK_BLOCK) == NULL)
		return;
	index->order = reco_model_tensor(tensors, TENSOR_RANK_ORDER, RECO_INT4, n, 1);
	index->coarse = reco_model_tensor(tensors, TENSOR_RANK_COARSE, RECO_BYTE, blocks,
									  (int64) rk_index_coarse_bytes(items->d));
	index->fine = reco_model_tensor(tensors, TENSOR_RANK_FINE, RECO_BYTE, n, columns);
	index->mark = reco_model_tensor(tensors, TENSOR_RANK_MARK, RECO_INT4, blocks, RK_BLOCK);
	index->block = reco_model_tensor(tensors, TENSOR_RANK_BLOCK, RECO_FLOAT4, RK_BLOCK_N, blocks);
	if (items->bias != NULL)
		index->bias = reco_model_tensor(tensors, TENSOR_RANK_BIAS, RECO_FLOAT4, blocks, RK_BLOCK);
	items->index = index;
}

bool
reco_ranking_check(const RkItems *items)
{
	return items->index == NULL || reco_model_lists_all(items->index->order, items->n);
}
