/*
 * check.c
 *	  Whether the tensors of a stored version can be trusted.
 *
 * Digests say that a chunk is what was written, not that what was written makes
 * sense: a superuser can edit rows, and a restored copy can be half of one
 * version and half of another.  Lookups, lists and solves use indexes, offsets and
 * parameters without looking twice, so they are looked at here, once.
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "model/boards.h"
#include "model/tensors.h"

/* Items between two checks for interrupts. */
#define INTERRUPT_EVERY 65536

/* refuse raises for a tensor whose values no learning writes. */
static void
refuse(const char *tensor, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
					errmsg("tensor \"%s\" of the model has impossible values", tensor),
					errdetail("%s", detail), errhint("Learn a new version with CALL reco.refresh().")));
}

/* check_rule checks how rows are folded, before any of it is converted. */
static void
check_rule(const RecoVersion *version, const RecoTensorSet *tensors)
{
	const RecoTensor *tensor = reco_store_find(tensors, TENSOR_RULE, RECO_FLOAT8, RULE_N);
	const double *rule;

	if (tensor == NULL || tensor->rows != 1)
		return; /* reco_model_bind says so */
	rule = tensor->data;
	if (rule[RULE_EXPLICIT] != 0 && rule[RULE_EXPLICIT] != 1)
		refuse(TENSOR_RULE, "The kind of feedback is neither 0 nor 1.");
	if (!(rule[RULE_DISLIKE] >= 0) || !(rule[RULE_HALF_LIFE] >= 0))
		refuse(TENSOR_RULE, "The pull of dislikes or the half-life is negative.");
	if (!(fabs(rule[RULE_AS_OF]) < -(double) PG_INT64_MIN))
		refuse(TENSOR_RULE, "The clock is out of range.");
	if (rule[RULE_KEY_KIND] != (double) reco_key_kind_of_type(version->item_type, "the item column"))
		refuse(TENSOR_RULE, "The kind of the items' keys is not that of the version.");
}

bool
reco_model_lists_all(const int32 *list, size_t n)
{
	uint8 *met = palloc_extended(n / 8 + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	bool all = true;

	for (size_t i = 0; i < n && all; i++)
	{
		int32 item = list[i];

		if (i % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		all = item >= 0 && (size_t) item < n && (met[item / 8] >> (item % 8) & 1) == 0;
		if (all)
			met[item / 8] |= (uint8) (1 << (item % 8));
	}
	pfree(met);
	return all;
}

/* check_link checks that a higher score never means a lower probability. */
static void
check_link(const RecoTensorSet *tensors)
{
	const RecoTensor *tensor = reco_store_find(tensors, TENSOR_LINK, RECO_FLOAT8, 2);
	const double *link = tensor != NULL ? tensor->data : NULL;

	for (int64 i = 0; tensor != NULL && i < tensor->rows; i++)
	{
		if (!isfinite(link[2 * i]) || !(link[2 * i + 1] >= 0 && link[2 * i + 1] <= 1))
			refuse(TENSOR_LINK, "A score is not finite, or a probability not between 0 and 1.");
		if (i > 0 && (link[2 * i] <= link[2 * i - 2] || link[2 * i + 1] < link[2 * i - 1]))
			refuse(TENSOR_LINK, "Scores or probabilities are not in ascending order.");
	}
}

/* check_offsets checks that the keys lie within their bytes, the last of which bind has checked. */
static void
check_offsets(const RecoKeys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
	{
		if (i % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		if (keys->offset[i] > keys->offset[i + 1] || keys->offset[i + 1] - keys->offset[i] > MaxAllocSize ||
			(keys->kind == RECO_KEY_UUID && keys->offset[i + 1] - keys->offset[i] != UUID_LEN))
			refuse(TENSOR_KEY_OFFSET, "The length of a key is out of range.");
	}
	if (keys->offset[0] != 0)
		refuse(TENSOR_KEY_OFFSET, "The first key does not begin at 0.");
}

/* check_keys checks that the keys are different, in order, and text in the encoding of the database. */
static void
check_keys(const RecoKeys *keys)
{
	const char *tensor = keys->kind == RECO_KEY_INTEGER ? TENSOR_KEY : TENSOR_KEY_BYTES;

	if (keys->kind != RECO_KEY_INTEGER)
		check_offsets(keys);
	for (size_t i = 0; i < keys->n; i++)
	{
		RecoKey key = reco_keys_get(keys, i);
		RecoKey before;

		if (i % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		if (keys->kind == RECO_KEY_TEXT && !pg_verifymbstr(key.bytes, (int) key.length, true))
			refuse(tensor, "A key is not valid in the encoding of the database.");
		if (i == 0)
			continue;
		before = reco_keys_get(keys, i - 1);
		if (reco_key_compare(&before, &key) >= 0)
			refuse(tensor, "The keys are not in ascending order.");
	}
}

/* check_attributes checks that the attributes of the items are columns of the encoder. */
static void
check_attributes(const RkCsr *attributes)
{
	RkCsr pattern = *attributes;
	RkStatus status;

	pattern.weight = NULL;
	status = rk_csr_validate(&pattern, (size_t) pattern.offset[pattern.n_rows], &reco_pool_poll);
	CHECK_FOR_INTERRUPTS();
	if (status != RK_OK)
		refuse(TENSOR_ATTRIBUTE_COLUMN, "It does not list columns in ascending order.");
}

void
reco_model_check(const RecoVersion *version, const RecoTensorSet *tensors)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "reco check", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	RecoModel *model;

	check_rule(version, tensors);
	check_link(tensors);
	model = reco_model_bind(version->algorithm, tensors);
	if (model->items.n > PG_INT32_MAX)
		refuse(TENSOR_POPULAR, "It lists too many items.");
	if (!reco_model_lists_all(model->popular, model->items.n))
		refuse(TENSOR_POPULAR, "It does not list every item once.");
	for (size_t p = 0; model->place != NULL && p < model->items.n; p++)
		if (model->place[model->popular[p]] != p)
			refuse(TENSOR_PLACE, "It does not give the places of the popular items.");
	for (size_t i = 0; i < model->n_unseen; i++)
		if (model->unseen[i] < 0 || (size_t) model->unseen[i] >= model->items.n ||
			(i > 0 && model->unseen[i] <= model->unseen[i - 1]))
			refuse(TENSOR_NEW, "It does not list items in ascending order.");
	check_keys(&model->items);
	if (model->item_encoder != NULL)
		reco_encoder_check(model->item_encoder);
	if (model->user_encoder != NULL)
		reco_encoder_check(model->user_encoder);
	if (model->attributes.n_cols > 0)
		check_attributes(&model->attributes);
	reco_boards_check(model);
	model->algorithm->check(model);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}
