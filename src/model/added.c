/*
 * added.c
 *	  Items that came after the version.
 *
 * A version does not know them, but what is known of them gives them a place in it: y = W f, as it gives one to the items
 * that nobody had chosen (DESIGN 3).  So a call may take them in, as the items of index n, n + 1, ... of its own model.  They are
 * read by the caller in the snapshot of the call and are gone with it: nobody sees in them what another may read, and
 * nothing of them can be stale.
 *
 * Which ones: those that the call names, those in the user's history, and, where it asks for
 * new items, those that came last (reader/arrivals.c).
 */
#include "postgres.h"

#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "model/added.h"
#include "reco.h"

struct RecoAdded
{
	const RecoDefinition *definition;
	MemoryContext memory;
	size_t n;
	size_t room;
	RecoKey *key;               /* [n], in the order in which they were added */
	RecoAttributes *attributes; /* [n] */
	uint32 *order;              /* [n], in the order of keys */
};

RecoAdded *
reco_added_make(const RecoDefinition *definition)
{
	RecoAdded *added = palloc0(sizeof(RecoAdded));

	added->definition = definition;
	added->memory = AllocSetContextCreate(CurrentMemoryContext, "reco added items", ALLOCSET_SMALL_SIZES);
	return added;
}

void
reco_model_forget_added(const RecoModel *model)
{
	RecoAdded *added = model->added;

	if (added == NULL || added->n == 0)
		return;
	reco_items_forget(model->embedding);
	MemoryContextReset(added->memory);
	*added = (RecoAdded){.definition = added->definition, .memory = added->memory};
}

size_t
reco_model_n_items(const RecoModel *model)
{
	return model->items.n + (model->added != NULL ? model->added->n : 0);
}

RecoKey
reco_model_key(const RecoModel *model, uint32 item)
{
	return item < model->items.n ? reco_keys_get(&model->items, item)
								 : model->added->key[item - model->items.n];
}

int64
reco_model_find(const RecoModel *model, const RecoKey *key)
{
	int64 found = reco_keys_find(&model->items, key);
	const RecoAdded *added = model->added;
	size_t low = 0;
	size_t high = added != NULL ? added->n : 0;

	if (found >= 0)
		return found;
	while (low < high)
	{
		size_t middle = low + (high - low) / 2;
		int order = reco_key_compare(&added->key[added->order[middle]], key);

		if (order == 0)
			return (int64) (model->items.n + added->order[middle]);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

int
reco_model_order(const RecoModel *model, uint32 a, uint32 b)
{
	const RecoAdded *added = model->added;

	if (a < model->items.n || b < model->items.n)
		return a < b ? -1 : a > b;
	return reco_key_compare(&added->key[a - model->items.n], &added->key[b - model->items.n]);
}

RecoAttributes
reco_model_attributes(const RecoModel *model, uint32 item)
{
	size_t first;

	if (item >= model->items.n)
		return model->added->attributes[item - model->items.n];
	if (model->attributes.n_cols == 0)
		return (RecoAttributes){0};
	first = (size_t) model->attributes.offset[item];
	return (RecoAttributes){true, rk_csr_count(&model->attributes, item), model->attributes.index + first,
							model->attributes.weight + first};
}

int32
reco_model_people(const RecoModel *model, uint32 item)
{
	return model->people != NULL && item < model->items.n ? model->people[item] : 0;
}

static int
compare_keys(const void *a, const void *b)
{
	return reco_key_compare(a, b);
}

/* unknown_keys gives those of n keys that are not known yet, each once and sorted, in the current context. */
static RecoKey *
unknown_keys(const RecoModel *model, const RecoKey *key, size_t n, size_t *n_unknown)
{
	RecoKey *unknown = palloc_extended(sizeof(RecoKey) * Max(n, 1), MCXT_ALLOC_HUGE);
	size_t met = 0;

	for (size_t i = 0; i < n; i++)
		if (reco_model_find(model, &key[i]) < 0)
			unknown[met++] = key[i];
	qsort(unknown, met, sizeof(RecoKey), compare_keys);
	*n_unknown = 0;
	for (size_t i = 0; i < met; i++)
		if (*n_unknown == 0 || reco_key_compare(&unknown[*n_unknown - 1], &unknown[i]) != 0)
			unknown[(*n_unknown)++] = unknown[i];
	return unknown;
}

/* make_room makes room for n more items. */
static void
make_room(RecoAdded *added, size_t n)
{
	size_t room = Max(added->n + n, 2 * added->room);

	if (added->n + n <= added->room)
		return;
	if (added->room == 0)
	{
		added->key = MemoryContextAllocHuge(added->memory, room * sizeof(RecoKey));
		added->attributes = MemoryContextAllocHuge(added->memory, room * sizeof(RecoAttributes));
		added->order = MemoryContextAllocHuge(added->memory, room * sizeof(uint32));
	}
	else
	{
		added->key = repalloc_huge(added->key, room * sizeof(RecoKey));
		added->attributes = repalloc_huge(added->attributes, room * sizeof(RecoAttributes));
		added->order = repalloc_huge(added->order, room * sizeof(uint32));
	}
	added->room = room;
}

/* copy_bytes copies bytes into a context. */
static void *
copy_bytes(MemoryContext memory, const void *bytes, Size n)
{
	return memcpy(MemoryContextAlloc(memory, Max(n, 1)), bytes, n);
}

/* take_in gives one item the next index. */
static void
take_in(const RecoModel *model, const RecoKey *key, const RecoAttributes *attributes)
{
	RecoAdded *added = model->added;
	RecoKey *own = &added->key[added->n];
	RecoAttributes *row = &added->attributes[added->n];

	*own = *key;
	if (key->kind != RECO_KEY_INTEGER)
		own->bytes = copy_bytes(added->memory, key->bytes, key->length);
	*row = *attributes;
	row->column = copy_bytes(added->memory, attributes->column, sizeof(uint32) * attributes->n);
	row->value = copy_bytes(added->memory, attributes->value, sizeof(float) * attributes->n);
	model->algorithm->place(model, row, added->memory);
	added->order[added->n] = (uint32) added->n;
	added->n++;
}

static int
compare_order(const void *a, const void *b, void *key)
{
	return reco_key_compare((const RecoKey *) key + *(const uint32 *) a,
							(const RecoKey *) key + *(const uint32 *) b);
}

/* add_keys takes in those of n unknown keys that have a row. */
static void
add_keys(const RecoModel *model, const RecoKey *key, size_t n)
{
	RecoAdded *added = model->added;
	const RecoFeatures *features =
		reco_encoder_rows(added->definition, model->item_encoder, RECO_SIDE_ITEM, key, (int) n);

	make_room(added, n);
	for (size_t i = 0; i < n; i++)
	{
		RecoAttributes attributes = reco_attributes_row(features, i);

		if (attributes.known)
			take_in(model, &key[i], &attributes);
	}
	qsort_arg(added->order, added->n, sizeof(uint32), compare_order, added->key);
}

size_t
reco_model_add(const RecoModel *model, const RecoKey *key, size_t n)
{
	MemoryContext scratch;
	MemoryContext outer;
	RecoKey *unknown;
	size_t n_unknown;

	if (model->added == NULL)
		return 0;
	scratch = AllocSetContextCreate(CurrentMemoryContext, "reco new items", ALLOCSET_DEFAULT_SIZES);
	outer = MemoryContextSwitchTo(scratch);
	unknown = unknown_keys(model, key, n, &n_unknown);
	if (n_unknown > 0)
		add_keys(model, unknown, n_unknown);
	MemoryContextSwitchTo(outer);
	MemoryContextDelete(scratch);
	return model->added->n;
}

size_t
reco_model_add_history(const RecoModel *model, const RecoKey *key, size_t n)
{
	if (model->added == NULL ||
		!reco_encoder_fits(model->added->definition, model->item_encoder, RECO_SIDE_ITEM))
		return 0;
	return reco_model_add(model, key, n);
}

/* may_look says whether the caller may read what says which items came last. */
static bool
may_look(const RecoModel *model)
{
	const RecoDefinition *definition = model->added->definition;

	if (!model->finds_new)
		return false;
	return !model->since.by_time ||
		   (definition->items_time.name != NULL &&
			reco_catalog_may_select(definition->items.relid, definition->items_time.attnum));
}

size_t
reco_model_add_new(const RecoModel *model)
{
	RecoKey *key;
	int n;

	if (model->added == NULL)
		return 0;
	if (may_look(model))
	{
		key = reco_reader_arrivals(model->added->definition, &model->since, reco_max_new_items, &n);
		reco_model_add(model, key, (size_t) n);
		pfree(key);
	}
	return model->added->n;
}
