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
	const int32 *bucket; /* [items.n] */
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
	return people;
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
		int64 before = previous != NULL && previous->items.kind == key.kind
						   ? reco_keys_find(&previous->items, &key)
						   : -1;

		bucket[i] = reco_people_bucket(users[i], before >= 0 ? previous->bucket[before] : 0, min_group);
	}
	pfree(users);
	set->tensor[set->n++] = (RecoTensor){TENSOR_PEOPLE, RECO_INT4, (int64) data->n_items, 1, bucket};
}
