/*
 * added.c
 *	  Items that came after the version.
 *
 * A version does not know them, but what is known of them gives them a place in it: y = W f, as it gives one to the items
 * that nobody had chosen (DESIGN 3).  So a call may take them in, as the items of index n, n + 1, ... of its own model.  They are
 * read by the caller in the snapshot of the call and are gone with it: nobody sees in them what another may read, and
 * nothing of them can be stale.  Of those that came last a call reads which rows they are, and encodes only the rows that no call of the session
 * has encoded before (kept.c).
 *
 * Which ones: those that the call names, those in the user's history, and, where it asks for
 * new items, those that came last (reader/arrivals.c).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "model/added.h"
#include "model/kept.h"
#include "reco.h"

struct RecoAdded
{
	const RecoDefinition *definition;
	pg_uuid_t version;
	MemoryContext memory;
	size_t n;
	size_t room;
	RecoKey *key;               /* [n], in the order in which they were added */
	RecoAttributes *attributes; /* [n] */
	uint32 *order;              /* [n], in the order of keys */
};

RecoAdded *
reco_added_make(const RecoDefinition *definition, const pg_uuid_t *version)
{
	RecoAdded *added = palloc0(sizeof(RecoAdded));

	added->definition = definition;
	added->version = *version;
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
	*added = (RecoAdded){.definition = added->definition, .version = added->version, .memory = added->memory};
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

int
reco_model_order_equals(const RecoModel *model, uint32 a, uint32 b)
{
	if (model->place == NULL || a >= model->items.n || b >= model->items.n)
		return reco_model_order(model, a, b);
	return model->place[a] < model->place[b] ? -1 : model->place[a] > model->place[b];
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

int32
reco_model_reviewers(const RecoModel *model, uint32 item, int aspect)
{
	if (aspect >= model->n_aspects || item >= model->items.n)
		return 0;
	return model->reviewed[(size_t) item * model->n_aspects + aspect];
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
	{
		CHECK_FOR_INTERRUPTS();
		if (reco_model_find(model, &key[i]) < 0)
			unknown[met++] = key[i];
	}
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

/* take_in gives one item the next index, and the factors that it was given before, or NULL. */
static void
take_in(const RecoModel *model, const RecoKey *key, const RecoAttributes *attributes, const float *before)
{
	RecoAdded *added = model->added;
	RecoKey *own = &added->key[added->n];
	RecoAttributes *row = &added->attributes[added->n];
	size_t bytes = sizeof(float) * model->embedding->d;
	float *place = MemoryContextAlloc(added->memory, bytes);

	*own = *key;
	if (key->kind != RECO_KEY_INTEGER)
		own->bytes = copy_bytes(added->memory, key->bytes, key->length);
	*row = *attributes;
	row->column = copy_bytes(added->memory, attributes->column, sizeof(uint32) * attributes->n);
	row->value = copy_bytes(added->memory, attributes->value, sizeof(float) * attributes->n);
	if (before != NULL)
		memcpy(place, before, bytes);
	else
		model->algorithm->place(model, row, place);
	reco_items_add(model->embedding, place, added->memory);
	added->order[added->n] = (uint32) added->n;
	added->n++;
}

static int
compare_order(const void *a, const void *b, void *key)
{
	return reco_key_compare((const RecoKey *) key + *(const uint32 *) a,
							(const RecoKey *) key + *(const uint32 *) b);
}

/* sort_added puts the items that were added in the order of their keys, so that they are found by it. */
static void
sort_added(RecoAdded *added)
{
	qsort_arg(added->order, added->n, sizeof(uint32), compare_order, added->key);
}

/*
 * Keys that one query looks up.  PostgreSQL does not look for a cancel between two probes of an index, so two million of them
 * would go on for seconds.
 */
#define KEYS_A_QUERY 65536

/* add_piece takes in those of n unknown keys that have a row. */
static void
add_piece(const RecoModel *model, const RecoKey *key, size_t n)
{
	RecoAdded *added = model->added;
	const RecoFeatures *features =
		reco_encoder_rows(added->definition, model->item_encoder, RECO_SIDE_ITEM, key, (int) n);

	make_room(added, n);
	for (size_t i = 0; i < n; i++)
	{
		RecoAttributes attributes = reco_attributes_row(features, i);

		if (attributes.known)
			take_in(model, &key[i], &attributes, NULL);
	}
}

/* add_keys takes in those of n unknown keys, each there once, that have a row. */
static void
add_keys(const RecoModel *model, const RecoKey *key, size_t n)
{
	for (size_t done = 0; done < n; done += KEYS_A_QUERY)
	{
		CHECK_FOR_INTERRUPTS();
		add_piece(model, key + done, Min(n - done, KEYS_A_QUERY));
	}
	sort_added(model->added);
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

static int
compare_item(const void *a, const void *b)
{
	uint32 x = *(const uint32 *) a;
	uint32 y = *(const uint32 *) b;

	return x < y ? -1 : x > y;
}

uint32 *
reco_model_items(const RecoModel *model, const RecoKey *key, size_t n, bool add, size_t *n_items)
{
	uint32 *item = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	size_t known = 0;

	if (add)
		reco_model_add(model, key, n);
	for (size_t i = 0; i < n; i++)
	{
		int64 found = reco_model_find(model, &key[i]);

		CHECK_FOR_INTERRUPTS();
		if (found >= 0)
			item[known++] = (uint32) found;
	}
	qsort(item, known, sizeof(uint32), compare_item);
	*n_items = 0;
	for (size_t i = 0; i < known; i++)
		if (*n_items == 0 || item[*n_items - 1] != item[i])
			item[(*n_items)++] = item[i];
	return item;
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

/* add_kept takes in those of n unique items that are kept and not known yet, and says of each whether it is done. */
static bool *
add_kept(const RecoModel *model, const RecoArrival *arrival, size_t n)
{
	RecoAdded *added = model->added;
	const RecoKept *kept = reco_kept_of(&added->version, added->definition->items.relid);
	bool *done = palloc0(Max(n, 1));
	size_t before = added->n;

	make_room(added, n);
	for (size_t i = 0; i < n; i++)
	{
		const RecoKeptItem *item = reco_kept_find(kept, &arrival[i].row);

		bool known = reco_model_find(model, &arrival[i].key) >= 0;

		done[i] = known || item != NULL;
		if (item != NULL && !known)
			take_in(model, &arrival[i].key, &item->attributes, item->place);
	}
	if (added->n > before)
		sort_added(added);
	return done;
}

/* keep_taken keeps those of n items that were not done and have been taken in since. */
static void
keep_taken(const RecoModel *model, const RecoArrival *arrival, const bool *done, size_t n)
{
	RecoAdded *added = model->added;
	RecoKept *kept = reco_kept_of(&added->version, added->definition->items.relid);

	for (size_t i = 0; i < n; i++)
	{
		int64 item = done[i] ? -1 : reco_model_find(model, &arrival[i].key);

		if (item >= (int64) model->items.n)
			reco_kept_put(kept, &arrival[i].row, &added->attributes[(size_t) item - model->items.n],
						  reco_items_row(model->embedding, (uint32) item), model->embedding->d);
	}
}

/* add_arrivals looks for what came last and takes it in, in the current context. */
static void
add_arrivals(const RecoModel *model)
{
	const RecoDefinition *definition = model->added->definition;
	bool versions = reco_reader_tells_versions(definition, model->item_encoder);
	bool *done = NULL;
	RecoArrival *arrival;
	RecoKey *key;
	size_t n_left = 0;
	int n;

	arrival = reco_reader_arrivals(definition, &model->since, reco_max_new_items, versions, &n);
	if (versions)
		done = add_kept(model, arrival, (size_t) n);
	key = palloc_extended(sizeof(RecoKey) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
		if (done == NULL || !done[i])
			key[n_left++] = arrival[i].key;
	reco_model_add(model, key, n_left);
	if (versions && n_left > 0)
		keep_taken(model, arrival, done, (size_t) n);
}

size_t
reco_model_add_new(const RecoModel *model)
{
	MemoryContext scratch;
	MemoryContext outer;

	if (model->added == NULL)
		return 0;
	if (may_look(model))
	{
		scratch = AllocSetContextCreate(CurrentMemoryContext, "reco arrivals", ALLOCSET_DEFAULT_SIZES);
		outer = MemoryContextSwitchTo(scratch);
		add_arrivals(model);
		MemoryContextSwitchTo(outer);
		MemoryContextDelete(scratch);
	}
	return model->added->n;
}
