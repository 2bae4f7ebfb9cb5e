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

/* labels_sql writes the query; NULL when nothing of the items is a name. */
static char *
labels_sql(const RecoDefinition *definition)
{
	StringInfoData sql;
	int n = 0;
	ListCell *cell;

	if (!OidIsValid(definition->items.relid))
		return NULL;
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	if (definition->item_label.name != NULL && ++n > 0)
		appendStringInfo(&sql, "%s::pg_catalog.text", quote_identifier(definition->item_label.name));
	foreach (cell, definition->item_features)
		if (is_name_feature(lfirst(cell)))
			appendStringInfo(&sql, "%s%s::pg_catalog.text", n++ > 0 ? ", " : "",
							 quote_identifier(lfirst(cell)));
	appendStringInfo(&sql, " FROM %s", definition->items.sql_name);
	return n > 0 ? sql.data : NULL;
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
