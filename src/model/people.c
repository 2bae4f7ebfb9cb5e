/*
 * people.c
 *	  How many other people chose an item, so that no single one shows.
 *
 * A number of users is never stored.  It is counted at a refresh and kept as a bucket:
 * min_group times a power of ten, and 0 when fewer than min_group + 1 distinct users have
 * chosen the item.  A bucket that the deployed version has is kept until the
 * number falls more than 20 % below its edge, so that whoever adds a user
 * and takes it away again does not see the bucket come and go; but
 * never with fewer than min_group + 1 users.
 *
 * The buckets of the deployed version are read chunk by chunk from the tables and
 * not by opening the version: a damaged version must not keep a refresh from
 * replacing it.
 */
#include "postgres.h"

#include "model/model.h"
#include "model/tensors.h"
#include "utils/builtins.h"

struct RecoPeople
{
	RecoKeys items;
	const int32 *bucket;       /* [items.n] */
	const RecoTensor *aspects; /* names of aspects of reviews; NULL: none */
	const RecoTensor *reviews; /* their buckets */
};

int32
reco_people_bucket(int64 users, int32 previous, int min_group)
{
	int64 bucket = min_group;
	bool known = false;

	if (users < (int64) min_group + 1)
		return 0;
	for (int64 edge = min_group; edge <= PG_INT32_MAX; edge *= 10)
	{
		if (edge <= users)
			bucket = edge;
		if (edge == previous)
			known = true;
	}
	if (known && previous > bucket && users * 5 >= (int64) previous * 4)
		return previous;
	return (int32) bucket;
}

/* read_keys makes the key set of the stored tensors; false when they do not fit together. */
static bool
read_keys(const RecoVersion *version, RecoKeys *keys)
{
	const RecoTensor *tensor = reco_store_read_tensor(version, TENSOR_RULE);

	if (tensor == NULL || tensor->type != RECO_FLOAT8 || tensor->columns != RULE_N || tensor->rows != 1)
		return false;
	keys->kind = (RecoKeyKind) ((const double *) tensor->data)[RULE_KEY_KIND];
	tensor = reco_store_read_tensor(version, keys->kind == RECO_KEY_INTEGER ? TENSOR_KEY : TENSOR_KEY_OFFSET);
	if (tensor == NULL || tensor->type != RECO_INT8 || tensor->columns != 1)
		return false;
	keys->n = (size_t) tensor->rows;
	keys->integer = tensor->data;
	if (keys->kind == RECO_KEY_INTEGER)
		return true;
	if (keys->n == 0)
		return false;
	keys->n--;
	keys->offset = tensor->data;
	tensor = reco_store_read_tensor(version, TENSOR_KEY_BYTES);
	if (tensor == NULL || tensor->type != RECO_BYTE || keys->offset[keys->n] != (uint64) tensor->rows)
		return false;
	keys->bytes = tensor->data;
	return true;
}

RecoPeople *
reco_people_read(const RecoDefinition *definition)
{
	RecoPeople *people = palloc0(sizeof(RecoPeople));
	const RecoVersion *version =
		definition->deployed > 0 ? reco_catalog_version(definition, definition->deployed) : NULL;
	const RecoTensor *bucket;

	if (version == NULL)
		return NULL;
	bucket = reco_store_read_tensor(version, TENSOR_PEOPLE);
	if (bucket == NULL || bucket->type != RECO_INT4 || !read_keys(version, &people->items) ||
		(size_t) bucket->rows != people->items.n)
		return NULL;
	people->bucket = bucket->data;
	people->aspects = reco_store_read_tensor(version, TENSOR_REVIEW_ASPECTS);
	people->reviews = reco_store_read_tensor(version, TENSOR_REVIEWS);
	if (people->aspects == NULL || people->reviews == NULL || people->aspects->type != RECO_BYTE ||
		people->reviews->type != RECO_INT4 || (size_t) people->reviews->rows != people->items.n)
		people->aspects = people->reviews = NULL;
	return people;
}

/* aspect_names gives the tensor of names, each with a zero byte behind it. */
static RecoTensor
aspect_names(const List *aspect)
{
	StringInfoData names;
	ListCell *cell;

	initStringInfo(&names);
	foreach (cell, aspect)
		appendBinaryStringInfo(&names, lfirst(cell), (int) strlen(lfirst(cell)) + 1);
	return (RecoTensor){TENSOR_REVIEW_ASPECTS, RECO_BYTE, names.len, 1, names.data};
}

/* previous_item gives the place of an item in the version before, or -1. */
static int64
previous_item(const RecoPeople *previous, const RecoKey *key)
{
	return previous != NULL && previous->items.kind == key->kind ? reco_keys_find(&previous->items, key) : -1;
}

/* said_bucket gives the bucket of a review count that is to be said, 0 when it is below the least. */
static int32
said_bucket(int64 reviewers, int32 before, int least, int min_group)
{
	int32 bucket = reco_people_bucket(reviewers, before, min_group);

	return bucket >= least ? bucket : 0;
}

void
reco_people_count_reviews(RecoLearned *learned, const RecoReviewCounts *counts, int least,
						  const RecoKeys *items, const RecoPeople *previous, int min_group)
{
	const RecoDataset *data = learned->data;
	RecoTensorSet *set = &learned->tensors;
	RecoTensor names;
	int32 *bucket;
	bool same;

	if (counts == NULL || data->n_items == 0)
		return;
	names = aspect_names(counts->aspect);
	same = previous != NULL && previous->aspects != NULL && previous->aspects->rows == names.rows &&
		   memcmp(previous->aspects->data, names.data, names.rows) == 0 &&
		   previous->reviews->columns == counts->n_aspects;
	bucket = palloc_extended(sizeof(int32) * data->n_items * counts->n_aspects, MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < data->n_items; i++)
	{
		RecoKey key = reco_keys_get(items, data->item_of[i]);
		int64 before = same ? previous_item(previous, &key) : -1;

		for (int a = 0; a < counts->n_aspects; a++)
			bucket[i * counts->n_aspects + a] = said_bucket(
				counts->reviewers[data->item_of[i] * counts->n_aspects + a],
				before >= 0 ? ((const int32 *) previous->reviews->data)[before * counts->n_aspects + a] : 0,
				least, min_group);
	}
	set->tensor[set->n++] =
		(RecoTensor){TENSOR_REVIEWS, RECO_INT4, (int64) data->n_items, counts->n_aspects, bucket};
	set->tensor[set->n++] = names;
}

/* count_users counts the users of each item with t > 0. */
static uint32 *
count_users(const RecoDataset *data)
{
	uint32 *users =
		palloc_extended(sizeof(uint32) * Max(data->n_items, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (size_t k = 0; k < rk_csr_nnz(&data->by_user); k++)
		if (data->by_user.target[k] > 0)
			users[data->by_user.index[k]]++;
	return users;
}

void
reco_people_count(RecoLearned *learned, const RecoKeys *items, const RecoPeople *previous, int min_group)
{
	const RecoDataset *data = learned->data;
	uint32 *users = count_users(data);
	int32 *bucket = palloc_extended(sizeof(int32) * Max(data->n_items, 1), MCXT_ALLOC_HUGE);
	RecoTensorSet *set = &learned->tensors;

	for (size_t i = 0; i < data->n_items; i++)
	{
		RecoKey key = reco_keys_get(items, data->item_of[i]);
		int64 before = previous_item(previous, &key);

		bucket[i] = reco_people_bucket(users[i], before >= 0 ? previous->bucket[before] : 0, min_group);
	}
	pfree(users);
	set->tensor[set->n++] = (RecoTensor){TENSOR_PEOPLE, RECO_INT4, (int64) data->n_items, 1, bucket};
}
