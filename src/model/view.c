/*
 * view.c
 *	  What the caller sees of items, looked up as it is needed.
 *
 * Only what may still be shown is remembered, so that a filter that refuses a
 * million items on its way to ten costs the memory of ten.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "model/view.h"

#define SH_PREFIX seen
#define SH_ELEMENT_TYPE RecoViewItem
#define SH_KEY_TYPE uint32
#define SH_KEY item
#define SH_HASH_KEY(tb, key) murmurhash32(key)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct RecoView
{
	const RecoDefinition *definition;
	const RecoModel *model;
	const RecoFilter *filter;
	MemoryContext memory;
	seen_hash *seen;    /* NULL when there is nothing to look up */
	RecoViewItem plain; /* what every item is then */
};

RecoView *
reco_view_make(const RecoDefinition *definition, const RecoModel *model, const RecoFilter *filter)
{
	RecoView *view = palloc0(sizeof(RecoView));

	view->definition = definition;
	view->model = model;
	view->filter = filter;
	view->memory = CurrentMemoryContext;
	view->plain.passes = true;
	if (OidIsValid(definition->items.relid))
		view->seen = seen_create(CurrentMemoryContext, 64, NULL);
	return view;
}

RecoView *
reco_view_everything(const RecoModel *model)
{
	RecoView *view = palloc0(sizeof(RecoView));

	view->model = model;
	view->memory = CurrentMemoryContext;
	view->plain.passes = true;
	return view;
}

bool
reco_view_looks(const RecoView *view)
{
	return view->seen != NULL;
}

bool
reco_view_filters(const RecoView *view)
{
	return view->filter != NULL;
}

static int
compare_item(const void *a, const void *b)
{
	uint32 x = *(const uint32 *) a;
	uint32 y = *(const uint32 *) b;

	return x < y ? -1 : x > y;
}

/* sorted_union gives the distinct items of two lists, sorted, and their number. */
static uint32 *
sorted_union(const uint32 *item, size_t n, const uint32 *also, size_t n_also, size_t *n_union)
{
	uint32 *all = palloc_extended(sizeof(uint32) * Max(n + n_also, 1), MCXT_ALLOC_HUGE);
	size_t kept = 0;

	if (n > 0)
		memcpy(all, item, sizeof(uint32) * n);
	if (n_also > 0)
		memcpy(all + n, also, sizeof(uint32) * n_also);
	qsort(all, n + n_also, sizeof(uint32), compare_item);
	for (size_t i = 0; i < n + n_also; i++)
		if (kept == 0 || all[kept - 1] != all[i])
			all[kept++] = all[i];
	*n_union = kept;
	return all;
}

/* remember puts one row that was found into the view. */
static void
remember(RecoView *view, uint32 item, const RecoItemRow *row)
{
	bool found;
	RecoViewItem *entry = seen_insert(view->seen, item, &found);

	if (found)
	{
		entry->passes = entry->passes || row->passes;
		return;
	}
	entry->passes = row->passes;
	entry->label = row->label ? MemoryContextStrdup(view->memory, row->label) : NULL;
}

/* look_up probes for sorted items; those in also [n_also], sorted, are remembered even if they do not pass. */
static void
look_up(RecoView *view, const uint32 *item, size_t n, const uint32 *also, size_t n_also)
{
	RecoKey *key = palloc_extended(sizeof(RecoKey) * n, MCXT_ALLOC_HUGE);
	RecoItemRow *row;
	int n_found;

	for (size_t i = 0; i < n; i++)
		key[i] = reco_model_key(view->model, item[i]);
	row = reco_reader_items(view->definition, key, (int) n, view->filter, &n_found);
	for (int r = 0; r < n_found; r++)
	{
		int64 found = reco_model_find(view->model, &row[r].key);
		uint32 index = (uint32) found;

		if (found < 0)
			continue;
		if (row[r].passes ||
			(n_also > 0 && bsearch(&index, also, n_also, sizeof(uint32), compare_item) != NULL))
			remember(view, index, &row[r]);
	}
}

void
reco_view_probe(RecoView *view, const uint32 *item, size_t n, const uint32 *also, size_t n_also)
{
	MemoryContext scratch;
	MemoryContext outer;
	size_t n_all;
	size_t n_sorted;
	uint32 *all;
	uint32 *sorted;

	if (view->seen == NULL || n + n_also == 0)
		return;
	scratch = AllocSetContextCreate(view->memory, "reco item probe", ALLOCSET_DEFAULT_SIZES);
	outer = MemoryContextSwitchTo(scratch);
	sorted = sorted_union(NULL, 0, also, n_also, &n_sorted);
	all = sorted_union(item, n, sorted, n_sorted, &n_all);
	look_up(view, all, n_all, sorted, n_sorted);
	MemoryContextSwitchTo(outer);
	MemoryContextDelete(scratch);
}

void
reco_view_look_up(RecoView *view, const uint32 *item, size_t n)
{
	uint32 *unknown;
	size_t n_unknown = 0;

	if (view->seen == NULL)
		return;
	unknown = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < n; i++)
		if (reco_view_find(view, item[i]) == NULL)
			unknown[n_unknown++] = item[i];
	reco_view_probe(view, NULL, 0, unknown, n_unknown);
	pfree(unknown);
}

const RecoViewItem *
reco_view_find(const RecoView *view, uint32 item)
{
	if (view->seen == NULL)
		return &view->plain;
	return seen_lookup(view->seen, item);
}

/* A bitmap of items while keys are read. */
typedef struct KeyMarks
{
	const RecoKeys *items;
	uint8 *bit;
	size_t next; /* after the item marked last: rows often come in the order of keys */
} KeyMarks;

/* mark_key sets the bit of one key, if the model knows it. */
static void
mark_key(const RecoKey *key, void *state)
{
	KeyMarks *marks = state;
	int64 item = -1;

	if (marks->next < marks->items->n)
	{
		RecoKey guess = reco_keys_get(marks->items, marks->next);

		if (reco_key_compare(&guess, key) == 0)
			item = (int64) marks->next;
	}
	if (item < 0)
		item = reco_keys_find(marks->items, key);
	if (item < 0)
		return;
	marks->bit[item / 8] |= (uint8) (1 << (item % 8));
	marks->next = (size_t) item + 1;
}

uint8 *
reco_view_all(const RecoView *view)
{
	const RecoKeys *items = &view->model->items;
	KeyMarks marks = {.items = items};

	if (view->seen == NULL)
		return NULL;
	marks.bit = palloc_extended(Max((items->n + 7) / 8, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	reco_reader_all_items(view->definition, view->filter, mark_key, &marks);
	return marks.bit;
}

double
reco_view_all_microseconds(const RecoView *view)
{
	return view->seen == NULL ? 0 : reco_reader_all_items_microseconds(view->definition, view->filter);
}
