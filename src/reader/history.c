/*
 * history.c
 *	  One user's events, as the caller's snapshot has them.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "reader/change.h"
#include "reader/plans.h"
#include "reader/reader.h"
#include "reader/receiver.h"
#include "reader/rows.h"

/* A name of an event and its number.  Names are not few everywhere: an event column may hold a text of its own a row. */
typedef struct RecoHistoryName
{
	const char *bytes;
	uint32 length;
} RecoHistoryName;

typedef struct RecoHistoryKind
{
	RecoHistoryName name;
	int number;
	char status;
} RecoHistoryKind;

#define SH_PREFIX reco_kinds
#define SH_ELEMENT_TYPE RecoHistoryKind
#define SH_KEY_TYPE RecoHistoryName
#define SH_KEY name
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key).bytes, (int) (key).length)
#define SH_EQUAL(table, a, b) ((a).length == (b).length && memcmp((a).bytes, (b).bytes, (a).length) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* A history while it is read. */
typedef struct RecoHistoryRead
{
	RecoRowReader reader;
	RecoHistory *history;
	size_t capacity;
	reco_kinds_hash *kinds; /* NULL before the first name */
	int kinds_capacity;
	MemoryContext context;
} RecoHistoryRead;

/* reco_history_new_kind adds a name, which must stay where it is, to those met. */
static int
reco_history_new_kind(RecoHistoryRead *read, char *name)
{
	RecoHistory *history = read->history;

	if (history->n_kinds == read->kinds_capacity)
	{
		read->kinds_capacity = Max(8, 2 * read->kinds_capacity);
		history->kind = history->kind == NULL
							? palloc(read->kinds_capacity * sizeof(char *))
							: repalloc_huge(history->kind, read->kinds_capacity * sizeof(char *));
	}
	history->kind[history->n_kinds] = name;
	return history->n_kinds++;
}

/* reco_history_kind gives the number of a row's event name, a new one if it was not met before. */
static int
reco_history_kind(RecoHistoryRead *read, const RecoEventRow *row)
{
	RecoHistoryName name = {row->event, row->event_length};
	RecoHistoryKind *kind;
	bool found;

	if (row->event == NULL)
		return -1;
	if (read->kinds == NULL)
		read->kinds = reco_kinds_create(read->context, 8, NULL);
	kind = reco_kinds_insert(read->kinds, name, &found);
	if (!found)
	{
		kind->name.bytes = pnstrdup(row->event, row->event_length);
		kind->number = reco_history_new_kind(read, unconstify(char *, kind->name.bytes));
	}
	return kind->number;
}

/* reco_history_item gives the row's item with bytes of its own. */
static RecoKey
reco_history_item(const RecoHistoryRead *read, Datum item)
{
	RecoKey key = reco_key_from_datum(item, read->reader.definition->item.type);
	char *bytes;

	if (key.kind == RECO_KEY_INTEGER)
		return key;
	bytes = palloc(key.length + 1);
	memcpy(bytes, key.bytes, key.length);
	key.bytes = bytes;
	return key;
}

/* reco_history_receive takes one row. */
static void
reco_history_receive(TupleTableSlot *slot, void *state)
{
	RecoHistoryRead *read = state;
	RecoHistory *history = read->history;
	RecoEventRow row;
	MemoryContext old;

	if (reco_rows_read(&read->reader, slot, &row) != RECO_ROW_KEPT)
		return;
	old = MemoryContextSwitchTo(read->context);
	if (history->n == read->capacity)
	{
		read->capacity *= 2;
		history->event = repalloc_huge(history->event, read->capacity * sizeof(RecoHistoryEvent));
	}
	history->event[history->n++] = (RecoHistoryEvent){.item = reco_history_item(read, row.item),
													  .amount = row.amount,
													  .rating = row.rating,
													  .time = row.time,
													  .kind = reco_history_kind(read, &row)};
	MemoryContextSwitchTo(old);
}

/* compare_events is the total order; kinds are numbered as they come, so that their names decide. */
static int
compare_events(const void *left, const void *right, void *state)
{
	const RecoHistory *history = state;
	const RecoHistoryEvent *a = left;
	const RecoHistoryEvent *b = right;
	int order;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	order = reco_key_compare(&a->item, &b->item);
	if (order != 0)
		return order;
	if (a->amount != b->amount)
		return a->amount < b->amount ? -1 : 1;
	if (a->rating != b->rating)
		return a->rating < b->rating ? -1 : 1;
	return a->kind == b->kind || a->kind < 0 || b->kind < 0
			   ? a->kind - b->kind
			   : strcmp(history->kind[a->kind], history->kind[b->kind]);
}

void
reco_history_sort(RecoHistory *history)
{
	qsort_arg(history->event, history->n, sizeof(RecoHistoryEvent), compare_events, history);
}

/* reco_history_query executes the lookup under the pinned search path. */
static void
reco_history_query(RecoHistoryRead *read, const RecoKey *user)
{
	const RecoDefinition *definition = read->reader.definition;
	Oid type = reco_key_lookup_type(definition->user.type);
	Datum value = reco_key_to_datum(user, type);
	RecoReceiver dest;
	StringInfoData sql;
	RecoPlan *plan;
	int nest_level;

	initStringInfo(&sql);
	reco_rows_select(&read->reader, &sql);
	appendStringInfo(&sql, " WHERE %s OPERATOR(pg_catalog.=) $1", quote_identifier(definition->user.name));
	reco_receiver_init(&dest, reco_history_receive, read);
	reco_receiver_expect_key(&dest, definition->item.type);

	nest_level = reco_catalog_begin_query();
	plan = reco_plans_find(sql.data, 1, &type);
	if (plan == NULL)
		plan = reco_plans_prepare(sql.data, 1, &type);
	reco_plans_execute(plan, &value, NULL, &dest.base);
	reco_catalog_end_query(nest_level);
	pfree(sql.data);
}

RecoHistory *
reco_reader_history(const RecoDefinition *definition, const RecoKey *user)
{
	RecoHistoryRead read = {.capacity = 64, .context = CurrentMemoryContext};

	read.history = palloc0(sizeof(RecoHistory));
	if (!reco_key_fits(user, definition->user.type))
		return read.history;
	read.history->event = palloc(read.capacity * sizeof(RecoHistoryEvent));
	reco_rows_begin(&read.reader, definition, false);
	reco_history_query(&read, user);
	reco_history_sort(read.history);
	return read.history;
}
