/*
 * items.c
 *	  The caller's view of items: which of some keys are there, their labels, and
 *	  the verdict of a filter.
 *
 * The lookup runs as the caller and read-only.  Without a filter it runs under
 * reco's own search path, like all SQL that reco writes.  With one it runs
 * under the caller's, because the filter is the caller's own SQL; what reco
 * wrote around it names every object with its schema, so that no search path
 * changes its meaning.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "reader/filter.h"
#include "reader/receiver.h"

/* Rows found while they are read. */
typedef struct RecoItemsRead
{
	Oid type;
	RecoItemRow *row;
	int n;
	int capacity;
	MemoryContext context;
} RecoItemsRead;

char *
reco_items_sql(const RecoDefinition *definition, const char *filter, int keys_parameter)
{
	/* the relation's own name, not an alias, so that a filter may qualify columns with it */
	const char *relation = quote_identifier(definition->items.name);
	const char *key = quote_identifier(definition->item_key.name);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s.%s, ", relation, key);
	if (definition->item_label.name != NULL)
		appendStringInfo(&sql, "%s.%s::pg_catalog.text, ", relation,
						 quote_identifier(definition->item_label.name));
	else
		appendStringInfoString(&sql, "NULL::pg_catalog.text, ");
	/* the line break ends a comment at the end of the filter */
	if (filter != NULL)
		appendStringInfo(&sql, "((%s\n)) IS TRUE", filter);
	else
		appendStringInfoString(&sql, "true");
	appendStringInfo(&sql, " FROM %s WHERE %s.%s OPERATOR(pg_catalog.=) ANY ($%d)",
					 definition->items.sql_name, relation, key, keys_parameter);
	return sql.data;
}

char *
reco_items_all_sql(const RecoDefinition *definition, const char *filter)
{
	const char *relation = quote_identifier(definition->items.name);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s.%s FROM %s", relation, quote_identifier(definition->item_key.name),
					 definition->items.sql_name);
	if (filter != NULL)
		appendStringInfo(&sql, " WHERE (%s\n)", filter);
	return sql.data;
}

/*
 * The variable behind transaction_read_only is set, not the setting: since
 * PostgreSQL 16 that cannot be saved and restored.  After an error the end of
 * the transaction, or of the subtransaction in which the error was caught,
 * puts back the value that it began with.
 */
RecoReading
reco_items_begin_read(const RecoFilter *filter)
{
	RecoReading reading = {filter == NULL ? reco_catalog_begin_query() : NewGUCNestLevel(), XactReadOnly,
						   CurrentMemoryContext};

	XactReadOnly = true;
	return reading;
}

void
reco_items_end_read(RecoReading reading)
{
	XactReadOnly = reading.was_read_only;
	reco_catalog_end_query(reading.nest_level);
	MemoryContextSwitchTo(reading.context);
}

/* reco_items_receive takes one row. */
static void
reco_items_receive(TupleTableSlot *slot, void *state)
{
	RecoItemsRead *read = state;
	RecoItemRow *row;
	MemoryContext old;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0])
		return;
	old = MemoryContextSwitchTo(read->context);
	if (read->n == read->capacity)
	{
		read->capacity *= 2;
		read->row = repalloc_huge(read->row, read->capacity * sizeof(RecoItemRow));
	}
	row = &read->row[read->n++];
	row->key = reco_key_from_datum(slot->tts_values[0], read->type);
	if (row->key.kind != RECO_KEY_INTEGER)
	{
		char *bytes = palloc(row->key.length + 1);

		memcpy(bytes, row->key.bytes, row->key.length);
		row->key.bytes = bytes;
	}
	row->label = slot->tts_isnull[1] ? NULL : TextDatumGetCString(slot->tts_values[1]);
	row->passes = !slot->tts_isnull[2] && DatumGetBool(slot->tts_values[2]);
	MemoryContextSwitchTo(old);
}

/* reco_items_compare orders rows by key, then label, NULL last. */
static int
reco_items_compare(const void *left, const void *right)
{
	const RecoItemRow *a = left;
	const RecoItemRow *b = right;
	int order = reco_key_compare(&a->key, &b->key);

	if (order != 0)
		return order;
	if (a->label == NULL || b->label == NULL)
		return (a->label == NULL) - (b->label == NULL);
	return strcmp(a->label, b->label);
}

/*
 * reco_items_merge makes one row a key: with the least label, and passing if
 * any of the key's rows passes.  More than one is met where the key is not unique.
 */
static int
reco_items_merge(RecoItemRow *row, int n)
{
	int kept = 0;

	qsort(row, n, sizeof(RecoItemRow), reco_items_compare);
	for (int i = 0; i < n; i++)
	{
		if (kept > 0 && reco_key_compare(&row[kept - 1].key, &row[i].key) == 0)
			row[kept - 1].passes |= row[i].passes;
		else
			row[kept++] = row[i];
	}
	return kept;
}

/* reco_items_query executes the lookup for an array of keys. */
static void
reco_items_query(const RecoDefinition *definition, const RecoFilter *filter, Datum keys, Oid array_type,
				 DestReceiver *dest)
{
	RecoReading reading = reco_items_begin_read(filter);
	RecoPlan *plan;

	if (filter != NULL)
	{
		filter->value[filter->n_arguments] = keys;
		plan = reco_filter_plan(definition, filter);
		reco_plans_execute(plan, filter->value, filter->isnull, dest);
	}
	else
	{
		char *sql = reco_items_sql(definition, NULL, 1);

		plan = reco_plans_find(sql, 1, &array_type);
		if (plan == NULL)
			plan = reco_plans_prepare(sql, 1, &array_type);
		reco_plans_execute(plan, &keys, NULL, dest);
		pfree(sql);
	}
	reco_items_end_read(reading);
}

RecoItemRow *
reco_reader_items(const RecoDefinition *definition, const RecoKey *key, int n, const RecoFilter *filter,
				  int *n_found)
{
	Oid type = reco_key_lookup_type(definition->item_key.type);
	RecoItemsRead read = {.type = type, .capacity = Max(n, 8), .context = CurrentMemoryContext};
	ErrorContextCallback context = {.callback = reco_filter_context, .arg = unconstify(RecoFilter *, filter)};
	RecoReceiver dest;
	Datum keys = reco_key_array(key, n, type);

	read.row = palloc_extended(mul_size(read.capacity, sizeof(RecoItemRow)), MCXT_ALLOC_HUGE);
	reco_receiver_init(&dest, reco_items_receive, &read);
	reco_receiver_expect_key(&dest, definition->item_key.type);
	context.previous = error_context_stack;
	if (filter != NULL)
		error_context_stack = &context;
	reco_items_query(definition, filter, keys, get_array_type(type), &dest.base);
	error_context_stack = context.previous;
	pfree(DatumGetPointer(keys));
	*n_found = reco_items_merge(read.row, read.n);
	return read.row;
}
