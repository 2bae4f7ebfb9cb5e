/*
 * ranking.c
 *	  The tensors by which items are ranked fast.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

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

/* Takes memory, aligned for kernels, from somewhere. */
typedef void *(*Take)(void *from, Size bytes);

/* make_room takes memory for the copy of items. */
static RkIndexRoom
make_room(const RkItems *items, Take take, void *from)
{
	size_t blocks = rk_index_blocks(items->n);

	return (RkIndexRoom){
		.order = take(from, sizeof(int32) * items->n),
		.coarse = take(from, blocks * rk_index_coarse_bytes(items->d)),
		.fine = take(from, items->n * rk_index_columns(items->d)),
		.mark = take(from, sizeof(int32) * RK_BLOCK * blocks),
		.bias = items->bias != NULL ? take(from, sizeof(float) * RK_BLOCK * blocks) : NULL,
		.block = take(from, sizeof(float) * RK_BLOCK_N * blocks),
	};
}

RkIndexRoom
reco_ranking_room(RecoArea *area, const RkItems *items)
{
	return make_room(items, reco_area_alloc, area);
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

/* What the verification of one version needs. */
typedef struct Derived
{
	const RecoVersion *version;
	char *prefix; /* of the member's tensors */
	RecoProblemSink report;
	void *report_state;
} Derived;

/* read_derived reads a tensor of the member; NULL unless it is there, whole and of a type. */
static const RecoTensor *
read_derived(const Derived *derived, const char *name, RecoTensorType type)
{
	const RecoTensor *tensor =
		reco_store_read_tensor(derived->version, psprintf("%s%s", derived->prefix, name));

	return tensor != NULL && tensor->type == type ? tensor : NULL;
}

/* compare_derived reports a tensor that is there and not what it should be; an absent one is reported by others. */
static void
compare_derived(const Derived *derived, const RecoTensor *right)
{
	const RecoTensor *stored = read_derived(derived, right->name, right->type);
	Size bytes = reco_store_tensor_bytes(right);

	CHECK_FOR_INTERRUPTS();
	if (stored != NULL && (stored->rows != right->rows || stored->columns != right->columns ||
						   memcmp(stored->data, right->data, bytes) != 0))
		derived->report(derived->report_state, psprintf("%s%s", derived->prefix, right->name), -1,
						"not what the factors give");
}

/* take_of_context takes memory of any size from the current context. */
static void *
take_of_context(void *none, Size bytes)
{
	return (void *) TYPEALIGN(RK_SCRATCH_ALIGN,
							  (uintptr_t) palloc_extended(bytes + RK_SCRATCH_ALIGN, MCXT_ALLOC_HUGE));
}

/* verify_copy makes the copy of items again and compares its tensors. */
static void
verify_copy(const Derived *derived, const RkItems *items)
{
	RkIndexRoom room = make_room(items, take_of_context, NULL);
	void *scratch = take_of_context(NULL, rk_index_scratch_bytes(items->n));
	RecoTensor tensor[RECO_RANKING_TENSORS];
	RecoLearnOutput output = {.tensor = tensor};

	reco_learn_check(rk_index_build(items, &room, scratch, &reco_pool_poll));
	reco_ranking_add(items, &room, &output);
	for (int t = 0; t < output.n_tensors; t++)
		compare_derived(derived, &tensor[t]);
}

/* verify_member looks at the norms of one member, and at its copy if it has one. */
static void
verify_member(const Derived *derived)
{
	const RecoTensor *factor = read_derived(derived, "item_factor", RECO_FLOAT4);
	const RecoTensor *bias = read_derived(derived, "item_bias", RECO_FLOAT4);
	RkItems items = {0};
	RkStatus status;
	float *norm;

	if (factor == NULL || factor->columns < 1 || factor->rows > PG_INT32_MAX)
		return;
	items.n = (size_t) factor->rows;
	items.d = (size_t) factor->columns;
	items.factor = factor->data;
	items.norm = norm = take_of_context(NULL, sizeof(float) * Max(items.n, 1));
	if (bias != NULL && bias->rows == factor->rows && bias->columns == 1)
		items.bias = bias->data;
	status = rk_items_norms(items.factor, items.d, 0, items.n, norm, &reco_pool_poll);
	if (status == RK_NON_FINITE)
		return; /* reported as such */
	reco_learn_check(status);
	compare_derived(derived, &(RecoTensor){"item_norm", RECO_FLOAT4, factor->rows, 1, norm});
	if (items.d <= RK_INDEX_MAX_COLUMNS && read_derived(derived, TENSOR_RANK_MARK, RECO_INT4) != NULL)
		verify_copy(derived, &items);
}

void
reco_ranking_verify(const RecoVersion *version, RecoProblemSink report, void *state)
{
	static const char factors[] = "item_factor";
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "reco verify", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	int n;
	const RecoChunkRef *ref = reco_catalog_chunks(version, &n);

	for (int i = 0; i < n; i++)
	{
		Size before = strlen(ref[i].tensor);

		if (ref[i].chunk != 0 || before < strlen(factors))
			continue;
		before -= strlen(factors);
		if (strcmp(ref[i].tensor + before, factors) == 0 && (before == 0 || ref[i].tensor[before - 1] == '.'))
			verify_member(&(Derived){version, pnstrdup(ref[i].tensor, before), report, state});
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}
