/*
 * similar.c
 *	  How items are alike.
 *
 * By behaviour: who liked the one likes the other.  That is a row of the item-item matrix where the model has one, else the
 * cosine of factors; factors of an item that nobody has chosen are what its attributes say, so it is like others by
 * behaviour as far as that follows from what it is.
 *
 * By attributes: the cosine of the encoded rows f_i and f_j, whatever anybody does.  "Other" and "missing" are left out: two
 * items are not alike in that nothing is known of them.  Items without anything in common, or more that speaks against it, are not alike.
 *
 * By both: the mean of the two cosines.
 */
#include "postgres.h"

#include <math.h>

#include "kernel/neighbours.h"
#include "kernel/solve.h"
#include "miscadmin.h"
#include "model/model.h"

/* Items scored between two checks for interrupts. */
#define INTERRUPT_EVERY 4096

struct RecoAlike
{
	const RecoModel *model;
	uint32 item;
	RecoAlikeBy by;
	double *vector; /* factors of the item, NULL: not asked for */
	double norm;
	bool *speaks;      /* [columns], neither "other" nor "missing"; NULL: not asked for */
	double *attribute; /* [columns], of the item */
	double size;       /* the norm of it */
};

/* require_attributes raises unless the caller may compare by attributes. */
static void
require_attributes(const RecoModel *model)
{
	if (model->attributes.n_cols == 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the model has learned nothing of the attributes of items"),
			 errhint(
				 "Name columns of the items in item_features, with the algorithm \"als\", and refresh.")));
	if (!model->reads_items)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("you may not read the attributes by which items are to be compared"),
						errdetail("It takes SELECT on the columns of the items that are features."),
						errhint("Compare by \"behaviour\".")));
}

/* take_attributes spreads the attributes of the item out. */
static void
take_attributes(RecoAlike *alike)
{
	const RecoModel *model = alike->model;
	RecoAttributes known = reco_model_attributes(model, alike->item);
	size_t n = model->attributes.n_cols;

	require_attributes(model);
	alike->speaks = palloc(sizeof(bool) * n);
	alike->attribute = palloc0(sizeof(double) * n);
	for (size_t c = 0; c < n; c++)
	{
		RecoColumnRole role = reco_encoder_role(model->item_encoder, c);

		alike->speaks[c] = role == RECO_ROLE_VALUE || role == RECO_ROLE_LEVEL;
	}
	for (size_t e = 0; e < known.n; e++)
		if (alike->speaks[known.column[e]])
			alike->attribute[known.column[e]] = known.value[e];
	alike->size = sqrt(rk_dot_dd(alike->attribute, alike->attribute, n));
}

/* take_factors widens the factors of the item. */
static void
take_factors(RecoAlike *alike)
{
	const RkItems *items = alike->model->embedding;
	const float *row = reco_items_row(items, alike->item);

	alike->vector = palloc(sizeof(double) * items->d);
	for (size_t c = 0; c < items->d; c++)
		alike->vector[c] = row[c];
	alike->norm = sqrt(rk_dot_dd(alike->vector, alike->vector, items->d));
}

RecoAlike *
reco_alike_make(const RecoModel *model, uint32 item, RecoAlikeBy by)
{
	RecoAlike *alike = palloc0(sizeof(RecoAlike));

	*alike = (RecoAlike){.model = model, .item = item, .by = by};
	if (by != RECO_ALIKE_BEHAVIOUR)
		take_attributes(alike);
	if (by == RECO_ALIKE_ATTRIBUTES || model->similar != NULL)
		return alike;
	if (model->embedding == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("algorithm \"%s\" knows nothing of how items are alike", model->algorithm->name),
				 errhint("Use a recommender whose algorithm is \"als\" or \"itemknn\".")));
	take_factors(alike);
	return alike;
}

/* attribute_cosine compares attributes, the columns in their order; 0 where one of the two has none. */
static double
attribute_cosine(const RecoAlike *alike, uint32 item)
{
	RecoAttributes other = reco_model_attributes(alike->model, item);
	double dot = 0;
	double squares = 0;

	for (size_t e = 0; e < other.n; e++)
		if (alike->speaks[other.column[e]])
		{
			double value = other.value[e];

			dot += value * alike->attribute[other.column[e]];
			squares += value * value;
		}
	return alike->size > 0 && squares > 0 ? Min(Max(dot / (alike->size * sqrt(squares)), -1), 1) : 0;
}

/* factor_cosine compares factors; false where one of the two has none. */
static bool
factor_cosine(const RecoAlike *alike, uint32 item, double *cosine)
{
	const RkItems *items = alike->model->embedding;
	const float *row = reco_items_row(items, item);

	*cosine = rk_cosine(alike->vector, alike->norm, row, items->d);
	return alike->norm > 0 && rk_dot_ff(row, row, items->d) > 0;
}

bool
reco_alike_score(const RecoAlike *alike, uint32 item, double *score)
{
	double cosine;

	if (item == alike->item)
		return false;
	switch (alike->by)
	{
		case RECO_ALIKE_BEHAVIOUR:
			if (alike->vector != NULL)
				return factor_cosine(alike, item, score);
			*score = rk_csr_entry(alike->model->similar, alike->item, item);
			return *score != 0;
		case RECO_ALIKE_ATTRIBUTES:
			*score = attribute_cosine(alike, item);
			return *score > 0;
		case RECO_ALIKE_BOTH:
			if (!factor_cosine(alike, item, &cosine))
				return false;
			*score = (cosine + attribute_cosine(alike, item)) / 2;
			return true;
	}
	return false;
}

static bool
is_skipped(const uint8 *skip, uint32 item)
{
	return skip != NULL && (skip[item / 8] >> (item % 8) & 1);
}

/* rank_row gives the greatest entries of the item's row of the item-item matrix. */
static size_t
rank_row(const RecoAlike *alike, size_t k, const uint8 *skip, RkHit *hit)
{
	const RkCsr *matrix = alike->model->similar;
	RkHeap heap;

	rk_heap_init(&heap, hit, k, alike->model->place);
	for (uint64 e = matrix->offset[alike->item]; e < matrix->offset[alike->item + 1]; e++)
		if (matrix->index[e] != alike->item && !is_skipped(skip, matrix->index[e]))
			rk_heap_push(&heap, matrix->index[e], matrix->weight[e]);
	return rk_heap_finish(&heap);
}

/* rank_factors gives the items nearest by the cosine of factors. */
static size_t
rank_factors(const RecoAlike *alike, size_t k, const uint8 *skip, RkHit *hit)
{
	size_t n = alike->model->items.n;
	uint8 *others = palloc_extended(n / 8 + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	RkTopk ask = {
		.query = alike->vector, .k = k, .skip = others, .tie = alike->model->place, .poll = &reco_pool_poll};
	size_t found;

	if (skip != NULL)
		memcpy(others, skip, (n + 7) / 8);
	if (alike->item < n)
		others[alike->item / 8] |= (uint8) (1 << (alike->item % 8));
	found = reco_rank_run(rk_topk_cosine, alike->model->embedding, &ask, hit);
	pfree(others);
	return found;
}

/* rank_each compares with one item after the other. */
static size_t
rank_each(const RecoAlike *alike, size_t k, const uint8 *skip, RkHit *hit)
{
	RkHeap heap;

	rk_heap_init(&heap, hit, k, alike->model->place);
	for (size_t i = 0; i < alike->model->items.n; i++)
	{
		double score;

		if (i % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		if (!is_skipped(skip, (uint32) i) && reco_alike_score(alike, (uint32) i, &score))
			rk_heap_push(&heap, (uint32) i, score);
	}
	return rk_heap_finish(&heap);
}

size_t
reco_rank_similar(const RecoAlike *alike, size_t k, const uint8 *skip, RkHit *hit)
{
	if (alike->by != RECO_ALIKE_BEHAVIOUR)
		return rank_each(alike, k, skip, hit);
	return alike->vector == NULL ? rank_row(alike, k, skip, hit) : rank_factors(alike, k, skip, hit);
}
