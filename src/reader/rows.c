/*
 * rows.c
 *	  One row of the interactions relation becomes one clean event, or a reason
 *	  to skip it.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "reader/rows.h"

void
reco_rows_begin(RecoRowReader *reader, const RecoDefinition *definition, bool with_user)
{
	int n = 0;

	reader->definition = definition;
	reader->user = with_user ? n++ : -1;
	reader->item = n++;
	reader->value = definition->value.name != NULL ? n++ : -1;
	reader->event = definition->event.name != NULL ? n++ : -1;
	reader->time = definition->time.name != NULL ? n++ : -1;
	reader->value_is_numeric = reader->value >= 0 && getBaseType(definition->value.type) == NUMERICOID;
	reader->time_is_date = reader->time >= 0 && getBaseType(definition->time.type) == DATEOID;
	reader->horizon = GetCurrentTransactionStartTimestamp() + USECS_PER_DAY;
	reader->last_event_weight = 0;
}

void
reco_rows_select(const RecoRowReader *reader, StringInfo sql)
{
	const RecoDefinition *definition = reader->definition;

	appendStringInfoString(sql, "SELECT ");
	if (reader->user >= 0)
		appendStringInfo(sql, "%s, ", quote_identifier(definition->user.name));
	appendStringInfoString(sql, quote_identifier(definition->item.name));
	if (reader->value >= 0)
		appendStringInfo(sql, ", %s::pg_catalog.%s", quote_identifier(definition->value.name),
						 reader->value_is_numeric ? "numeric" : "float8");
	if (reader->event >= 0)
		appendStringInfo(sql, ", %s::pg_catalog.text", quote_identifier(definition->event.name));
	if (reader->time >= 0)
		appendStringInfo(sql, ", %s", quote_identifier(definition->time.name));
	appendStringInfo(sql, " FROM %s", definition->interactions.sql_name);
}

/* reco_rows_compare_event compares a name with that of an event weight, by bytes. */
static int
reco_rows_compare_event(const RecoEventRow *row, const RecoEventWeight *weight)
{
	size_t length = strlen(weight->event);
	int order = memcmp(row->event, weight->event, Min(row->event_length, length));

	if (order != 0)
		return order;
	return (row->event_length > length) - (row->event_length < length);
}

/* reco_rows_find_weight gives the position of a row's event among the weights, or -1. */
static int
reco_rows_find_weight(RecoRowReader *reader, const RecoEventRow *row)
{
	const RecoDefinition *definition = reader->definition;
	int low = 0;
	int high = definition->n_event_weights - 1;

	if (reader->last_event_weight <= high &&
		reco_rows_compare_event(row, &definition->event_weight[reader->last_event_weight]) == 0)
		return reader->last_event_weight;
	while (low <= high)
	{
		int middle = low + (high - low) / 2;
		int order = reco_rows_compare_event(row, &definition->event_weight[middle]);

		if (order == 0)
		{
			reader->last_event_weight = middle;
			return middle;
		}
		if (order > 0)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return -1;
}

/* reco_rows_read_event finds the event's name and its place among the weights. */
static void
reco_rows_read_event(RecoRowReader *reader, TupleTableSlot *slot, RecoEventRow *row)
{
	text *name;

	row->event = NULL;
	row->event_length = 0;
	row->event_weight = -1;
	if (reader->event < 0 || slot->tts_isnull[reader->event])
		return;
	name = DatumGetTextPP(slot->tts_values[reader->event]);
	row->event = VARDATA_ANY(name);
	row->event_length = VARSIZE_ANY_EXHDR(name);
	if (reader->definition->has_event_weights)
		row->event_weight = reco_rows_find_weight(reader, row);
}

/*
 * reco_rows_weigh sets amount and rating from the row's value and its event's
 * weight; false when the amount is out of bounds.
 */
static bool
reco_rows_weigh(const RecoRowReader *reader, double value, RecoEventRow *row)
{
	const RecoDefinition *definition = reader->definition;
	double weight = row->event_weight >= 0 ? definition->event_weight[row->event_weight].weight : 1.0;

	row->rating = 0.0;
	if (definition->explicit_feedback)
	{
		row->amount = fabs(weight);
		row->rating = value + 0.0;
	}
	else
	{
		row->amount = fabs(weight * value);
		if ((weight < 0 || value < 0) && row->amount > 0)
			row->amount = -row->amount;
	}
	return fabs(row->amount) <= RECO_LARGEST_VALUE;
}

/* reco_rows_judge decides the fate of a row whose event and time are set, and weighs it. */
static RecoRowFate
reco_rows_judge(const RecoRowReader *reader, double value, RecoEventRow *row)
{
	/* written so that a NaN fails it */
	if (!(fabs(value) <= RECO_LARGEST_VALUE) || TIMESTAMP_NOT_FINITE(row->time))
		return RECO_ROW_NON_FINITE;
	if (reader->time >= 0 && row->time > reader->horizon)
		return RECO_ROW_FUTURE;
	if (reader->definition->has_event_weights && row->event_weight < 0)
		return RECO_ROW_UNKNOWN_EVENT;
	return reco_rows_weigh(reader, value, row) ? RECO_ROW_KEPT : RECO_ROW_NON_FINITE;
}

/* reco_rows_time gives the time of a row in microseconds in UTC; dates after all timestamps are in the future. */
static TimestampTz
reco_rows_time(const RecoRowReader *reader, Datum value)
{
	int overflow;
	Timestamp time;

	if (!reader->time_is_date)
		return DatumGetTimestampTz(value);
	time = date2timestamp_opt_overflow(DatumGetDateADT(value), &overflow);
	return overflow > 0 ? END_TIMESTAMP : time;
}

/* reco_rows_value reads a value; a numeric beyond float8 is infinite. */
static double
reco_rows_value(const RecoRowReader *reader, Datum value)
{
	return DatumGetFloat8(reader->value_is_numeric ? DirectFunctionCall1(numeric_float8_no_overflow, value)
												   : value);
}

RecoRowFate
reco_rows_read(RecoRowReader *reader, TupleTableSlot *slot, RecoEventRow *row)
{
	const bool *isnull;
	double value = 1.0;

	slot_getallattrs(slot);
	isnull = slot->tts_isnull;
	reco_rows_read_event(reader, slot, row);

	if (isnull[reader->item] || (reader->user >= 0 && isnull[reader->user]))
		return RECO_ROW_NULL_KEY;
	if ((reader->value >= 0 && isnull[reader->value]) || (reader->event >= 0 && isnull[reader->event]) ||
		(reader->time >= 0 && isnull[reader->time]))
		return RECO_ROW_NULL_VALUE;
	row->user = reader->user >= 0 ? slot->tts_values[reader->user] : (Datum) 0;
	row->item = slot->tts_values[reader->item];
	row->time = reader->time >= 0 ? reco_rows_time(reader, slot->tts_values[reader->time]) : 0;
	if (reader->value >= 0)
		value = reco_rows_value(reader, slot->tts_values[reader->value]);
	return reco_rows_judge(reader, value, row);
}

RecoRowFate
reco_rows_imagine(RecoRowReader *reader, const char *event, double value, TimestampTz time, RecoEventRow *row)
{
	memset(row, 0, sizeof(*row));
	row->event = event;
	row->event_length = event != NULL ? (uint32) strlen(event) : 0;
	row->event_weight =
		event != NULL && reader->definition->has_event_weights ? reco_rows_find_weight(reader, row) : -1;
	row->time = time;
	return reco_rows_judge(reader, value, row);
}
