/*
 * rows.c
 *	  Rows of item factors, in memory or not.
 *
 * A model that is too large for the memory it may have is streamed (store.h):
 * its factors come in windows of about a megabyte, which are ranked one after
 * the other.  A window begins at a multiple of eight items, so that bitmaps of items
 * can be cut where it begins.
 */
#include "postgres.h"

#include "model/model.h"

#define WINDOW_BYTES (1024 * 1024)
#define WINDOW_UNIT 8

/* The window at hand of streamed factors, and rows that were added. */
typedef struct Rows
{
	const RecoTensorSet *set;
	const RecoTensor *factor;
	MemoryContext memory;
	float *window; /* [n x d]; NULL before the first */
	size_t first;  /* item */
	size_t n;
	size_t n_added;
	size_t room;
	const float **added; /* [n_added], rows of the items from n on */
} Rows;

void
reco_items_stream(RkItems *items, const RecoTensorSet *set, const RecoTensor *factor)
{
	Rows *rows = palloc0(sizeof(Rows));

	rows->set = set;
	rows->factor = factor;
	rows->memory = CurrentMemoryContext;
	items->elsewhere = rows;
}

void
reco_items_grow(RkItems *items)
{
	if (items->elsewhere == NULL)
		items->elsewhere = palloc0(sizeof(Rows));
}

void
reco_items_add(const RkItems *items, const float *row, MemoryContext memory)
{
	Rows *rows = items->elsewhere;

	if (rows->n_added == rows->room)
	{
		rows->room = Max(2 * rows->room, 16);
		rows->added = rows->added == NULL ? MemoryContextAlloc(memory, rows->room * sizeof(float *))
										  : repalloc_huge(rows->added, rows->room * sizeof(float *));
	}
	rows->added[rows->n_added++] = row;
}

void
reco_items_forget(const RkItems *items)
{
	Rows *rows = items->elsewhere;

	rows->n_added = rows->room = 0;
	rows->added = NULL;
}

/* window_items gives how many rows a window holds, the last one excepted. */
static size_t
window_items(size_t d)
{
	size_t items = WINDOW_BYTES / (sizeof(float) * d);

	return Max(items / WINDOW_UNIT * WINDOW_UNIT, WINDOW_UNIT);
}

/* bring_window reads the window that holds an item. */
static const Rows *
bring_window(const RkItems *items, size_t item)
{
	Rows *rows = items->elsewhere;
	size_t most = window_items(items->d);
	size_t row_bytes = sizeof(float) * items->d;

	if (rows->n > 0 && item >= rows->first && item < rows->first + rows->n)
		return rows;
	if (rows->window == NULL)
		rows->window = MemoryContextAllocHuge(rows->memory, most * row_bytes);
	rows->n = 0;
	rows->first = item / most * most;
	reco_store_fetch(rows->set, rows->factor, rows->first * row_bytes,
					 Min(most, items->n - rows->first) * row_bytes, rows->window);
	rows->n = Min(most, items->n - rows->first);
	return rows;
}

const float *
reco_items_row(const RkItems *items, uint32 item)
{
	const Rows *rows;

	if (item >= items->n)
		return ((const Rows *) items->elsewhere)->added[item - items->n];
	if (items->factor != NULL)
		return items->factor + (size_t) item * items->d;
	rows = bring_window(items, item);
	return rows->window + ((size_t) item - rows->first) * items->d;
}

void
reco_items_window(const RkItems *items, size_t first, RkItems *window)
{
	const Rows *rows = bring_window(items, first);

	Assert(rows->first == first);
	*window = (RkItems){.n = rows->n,
						.d = items->d,
						.factor = rows->window,
						.norm = items->norm + first,
						.bias = items->bias != NULL ? items->bias + first : NULL};
}
