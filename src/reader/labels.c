/*
 * labels.c
 *	  All labels and brands that the caller sees in the items relation.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "reader/filter.h"
#include "reader/plans.h"
#include "reader/receiver.h"

/* Features whose values are names, as a shop would call them. */
static const char *const name_feature[] = {"brand",  "maker",     "manufacturer", "author", "artist",
										   "vendor", "publisher", "seller",       "label"};

typedef struct LabelRead
{
	RecoLabelSink sink;
	void *state;
	MemoryContext row;
} LabelRead;

/* receive_labels hands every column of a row that is not NULL to the sink. */
static void
receive_labels(TupleTableSlot *slot, void *state)
{
	LabelRead *read = state;
	MemoryContext outer = MemoryContextSwitchTo(read->row);

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	for (int c = 0; c < slot->tts_tupleDescriptor->natts; c++)
		if (!slot->tts_isnull[c])
			read->sink(read->state, TextDatumGetCString(slot->tts_values[c]));
	MemoryContextSwitchTo(outer);
	MemoryContextReset(read->row);
}

/* is_name_feature says whether the values of a feature are names of somebody. */
static bool
is_name_feature(const char *feature)
{
	for (size_t i = 0; i < lengthof(name_feature); i++)
		if (pg_strcasecmp(feature, name_feature[i]) == 0)
			return true;
	return false;
}

/* add_column adds a column to the query, unless it is gone or the caller may not read it: what nobody shows them they cannot name. */
static void
add_column(StringInfo columns, const RecoDefinition *definition, const char *column)
{
	AttrNumber number = get_attnum(definition->items.relid, column);

	if (number == InvalidAttrNumber || !reco_catalog_may_select(definition->items.relid, number))
		return;
	appendStringInfo(columns, "%s%s::pg_catalog.text", columns->len > 0 ? ", " : "",
					 quote_identifier(column));
}

/* labels_sql writes the query; NULL when nothing of the items is a name. */
static char *
labels_sql(const RecoDefinition *definition)
{
	StringInfoData columns;
	ListCell *cell;

	if (!OidIsValid(definition->items.relid))
		return NULL;
	initStringInfo(&columns);
	if (definition->item_label.name != NULL)
		add_column(&columns, definition, definition->item_label.name);
	foreach (cell, definition->item_features)
		if (is_name_feature(lfirst(cell)))
			add_column(&columns, definition, lfirst(cell));
	return columns.len > 0 ? psprintf("SELECT %s FROM %s", columns.data, definition->items.sql_name) : NULL;
}

void
reco_reader_labels(const RecoDefinition *definition, RecoLabelSink sink, void *state)
{
	LabelRead read = {.sink = sink, .state = state};
	char *sql = labels_sql(definition);
	RecoReceiver dest;
	RecoPlan *plan;
	RecoReading reading;

	if (sql == NULL)
		return;
	read.row = AllocSetContextCreate(CurrentMemoryContext, "reco label", ALLOCSET_DEFAULT_SIZES);
	reco_receiver_init(&dest, receive_labels, &read);
	reading = reco_items_begin_read(NULL);
	plan = reco_plans_find(sql, 0, NULL);
	if (plan == NULL)
		plan = reco_plans_prepare(sql, 0, NULL);
	reco_plans_execute(plan, NULL, NULL, &dest.base);
	reco_items_end_read(reading);
	MemoryContextDelete(read.row);
}
