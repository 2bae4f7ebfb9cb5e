/*
 * training.c
 *	  The training part, folded: the frame in which all contestants are measured.
 *
 * It is the same for every contestant, whatever each of them learned from: which
 * items a user has, who has a history, how popular an item is.
 */
#include "postgres.h"

#include "evaluate/internal.h"
#include "utils/memutils.h"

static void *
allocate(void *state, Size bytes)
{
	char *raw = palloc_extended(bytes + RK_SCRATCH_ALIGN, MCXT_ALLOC_HUGE);

	return (void *) TYPEALIGN(RK_SCRATCH_ALIGN, (uintptr_t) raw);
}

/* invert gives for each of n indexes its position in list [n_list], or -1. */
static int32 *
invert(size_t n, const uint32 *list, size_t n_list)
{
	int32 *position = reco_evaluate_alloc(n, sizeof(int32));

	memset(position, 0xFF, sizeof(int32) * n);
	for (size_t i = 0; i < n_list; i++)
		position[list[i]] = (int32) i;
	return position;
}

/* fold_rule gives the rule of the definition, with the learning options of the call. */
static RecoFoldRule
fold_rule(const RecoEvaluation *evaluation)
{
	const RecoDefinition *definition = evaluation->definition;

	return reco_learn_fold_rule(definition, evaluation->settings.model_options);
}

/* make_ties hashes the keys of the items of the training part. */
static void
make_ties(RecoEvaluation *evaluation)
{
	const RecoDataset *data = evaluation->data;

	evaluation->tie = reco_evaluate_alloc(data->n_items, sizeof(uint32));
	for (size_t i = 0; i < data->n_items; i++)
	{
		RecoKey key = reco_keys_get(&evaluation->events->items, data->item_of[i]);

		evaluation->tie[i] = (uint32) (reco_key_hash(evaluation->settings.seed, &key) >> 32);
	}
}

/* transpose lists who has a row with t > 0 on each item. */
static void
transpose(RecoEvaluation *evaluation)
{
	const RkCsr *by_user = &evaluation->data->by_user;
	size_t n_items = evaluation->data->n_items;
	uint64 *offset = reco_evaluate_alloc(n_items + 2, sizeof(uint64));
	uint32 *index = reco_evaluate_alloc(rk_csr_nnz(by_user), sizeof(uint32));

	/* offset is one ahead while it is filled, so that it ends where it belongs */
	for (size_t e = 0; e < rk_csr_nnz(by_user); e++)
		if (by_user->target[e] > 0)
			offset[by_user->index[e] + 2]++;
	for (size_t i = 0; i < n_items; i++)
		offset[i + 2] += offset[i + 1];
	for (size_t user = 0; user < by_user->n_rows; user++)
		for (uint64 e = by_user->offset[user]; e < by_user->offset[user + 1]; e++)
			if (by_user->target[e] > 0)
				index[offset[by_user->index[e] + 1]++] = (uint32) user;
	evaluation->by_item =
		(RkCsr){.n_rows = n_items, .n_cols = by_user->n_rows, .offset = offset, .index = index};
}

/* reco_evaluate_fold fills fold, data, by_item, tie and the numbers of users and items in the training part. */
void
reco_evaluate_fold(RecoEvaluation *evaluation)
{
	RecoAllocator allocator = {allocate, NULL};
	const RecoEvents *events = evaluation->events;
	RecoDataset *data;

	evaluation->fold = fold_rule(evaluation);
	data = reco_dataset_build(events, evaluation->keep, &evaluation->fold, &allocator);
	evaluation->fold.as_of = data->as_of;
	evaluation->data = data;
	if (data->n_users == 0)
		ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND),
						errmsg("no interaction of \"%s\" that is left to learn from has a weight",
							   evaluation->definition->name),
						errhint("Look at value_column and event_weights of the definition.")));
	evaluation->row_of_user = invert(events->users.n, data->user_of, data->n_users);
	evaluation->item_of_item = invert(events->items.n, data->item_of, data->n_items);
	make_ties(evaluation);
	transpose(evaluation);
}
