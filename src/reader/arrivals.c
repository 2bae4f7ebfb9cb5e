/*
 * arrivals.c
 *	  Items that came after a version was learned.
 *
 * They are found at the new end of an order: by items_time_column, or by a key that grows.  At a refresh the latest time
 * not in the future is kept with the version, and the greatest key is there anyway.  A call asks for what
 * lies beyond, newest first and limited, which is one probe of an index on that column however large the relation is.
 * Without such an index it is a scan.
 *
 * An item dated in the future has not arrived: it is found when its time has come.  A date says only the day, so
 * items of the same day as the latest one are asked for again, and whoever asks drops those that the version knows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "reader/filter.h"
#include "reader/reader.h"
#include "reader/receiver.h"

bool
reco_reader_keys_grow(RecoKeyKind kind)
{
	return kind != RECO_KEY_TEXT;
}

/* time_type gives the type that times are compared in, and its name in SQL. */
static Oid
time_type(const RecoDefinition *definition, const char **name)
{
	Oid type = getBaseType(definition->items_time.type);

	*name = type == DATEOID        ? "pg_catalog.date"
			: type == TIMESTAMPOID ? "pg_catalog.timestamp"
								   : "pg_catalog.timestamptz";
	return type;
}

/* time_to_datum makes a value of the type of a column of microseconds. */
static Datum
time_to_datum(int64 time, Oid type)
{
	if (type != DATEOID)
		return TimestampGetDatum(time);
	if (TIMESTAMP_IS_NOBEGIN(time))
		return DateADTGetDatum(DATEVAL_NOBEGIN);
	return DateADTGetDatum((DateADT) (time / USECS_PER_DAY));
}

/* take_time takes the one row of the query of the latest time. */
static void
take_time(TupleTableSlot *slot, void *state)
{
	int64 *until = state;
	bool isnull;
	Datum value = slot_getattr(slot, 1, &isnull);

	if (!isnull)
		*until = DatumGetTimestamp(value);
}

int64
reco_reader_items_until(const RecoDefinition *definition)
{
	int64 until = DT_NOBEGIN;
	const char *type;
	const char *column;
	RecoReceiver dest;
	RecoReading before;
	SPIExecuteOptions options = {.read_only = true, .dest = &dest.base};
	char *sql;

	if (definition->items_time.name == NULL)
		return until;
	(void) time_type(definition, &type);
	column = quote_identifier(definition->items_time.name);
	sql = psprintf("SELECT pg_catalog.max(%s::%s)::pg_catalog.%s FROM %s WHERE %s::%s "
				   "OPERATOR(pg_catalog.<=) pg_catalog.now()::%s",
				   column, type,
				   getBaseType(definition->items_time.type) == TIMESTAMPTZOID ? "timestamptz" : "timestamp",
				   definition->items.sql_name, column, type, type);
	reco_receiver_init(&dest, take_time, &until);
	before = reco_items_begin_read(NULL);
	if (SPI_execute_extended(sql, &options) != SPI_OK_SELECT)
		elog(ERROR, "reading the latest item failed: %s", SPI_result_code_string(SPI_result));
	reco_items_end_read(before);
	pfree(sql);
	return until;
}

/* Times of items while they are read. */
typedef struct TimesRead
{
	const RecoKeys *keys;
	Oid type;
	bool is_date; /* of which some are later than any timestamp */
	TimestampTz *time;
} TimesRead;

/* take_item_time takes the key and time of one row. */
static void
take_item_time(TupleTableSlot *slot, void *state)
{
	TimesRead *read = state;
	TimestampTz time = 0;
	int overflow = 0;
	RecoKey key;
	int64 found;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0] || slot->tts_isnull[1])
		return;
	key = reco_key_from_datum(slot->tts_values[0], read->type);
	found = reco_keys_find(read->keys, &key);
	if (read->is_date)
		time = date2timestamp_opt_overflow(DatumGetDateADT(slot->tts_values[1]), &overflow);
	else
		time = DatumGetTimestampTz(slot->tts_values[1]);
	if (key.kind == RECO_KEY_TEXT && key.bytes != VARDATA_ANY(DatumGetPointer(slot->tts_values[0])))
		pfree((char *) key.bytes - VARHDRSZ);
	if (found < 0 || overflow != 0 || TIMESTAMP_NOT_FINITE(time))
		return;
	if (TIMESTAMP_IS_NOBEGIN(read->time[found]) || time < read->time[found])
		read->time[found] = time;
}

TimestampTz *
reco_reader_item_times(const RecoDefinition *definition, const RecoKeys *keys)
{
	const char *column = quote_identifier(definition->items_time.name);
	const char *type;
	TimesRead read = {.keys = keys,
					  .type = definition->item_key.type,
					  .is_date = time_type(definition, &type) == DATEOID,
					  .time = palloc_extended(sizeof(TimestampTz) * Max(keys->n, 1), MCXT_ALLOC_HUGE)};
	RecoReceiver dest;
	RecoReading before;
	SPIExecuteOptions options = {.read_only = true, .dest = &dest.base};
	char *sql = psprintf("SELECT %s, %s::%s FROM %s", quote_identifier(definition->item_key.name), column,
						 type, definition->items.sql_name);

	for (size_t i = 0; i < keys->n; i++)
		read.time[i] = DT_NOBEGIN;
	reco_receiver_init(&dest, take_item_time, &read);
	reco_receiver_expect_key(&dest, definition->item_key.type);
	before = reco_items_begin_read(NULL);
	if (SPI_execute_extended(sql, &options) != SPI_OK_SELECT)
		elog(ERROR, "reading the times of items failed: %s", SPI_result_code_string(SPI_result));
	reco_items_end_read(before);
	pfree(sql);
	return read.time;
}

/* Items that came last while they are read. */
typedef struct ArrivalsRead
{
	Oid type;
	MemoryContext context;
	bool versions;
	RecoArrival *arrival;
	int n;
} ArrivalsRead;

/* take_arrival takes one row. */
static void
take_arrival(TupleTableSlot *slot, void *state)
{
	ArrivalsRead *read = state;
	RecoArrival *arrival = &read->arrival[read->n];
	MemoryContext old;
	RecoKey *key = &arrival->key;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0])
		return;
	read->n++;
	old = MemoryContextSwitchTo(read->context);
	*key = reco_key_from_datum(slot->tts_values[0], read->type);
	if (key->kind != RECO_KEY_INTEGER)
		key->bytes = memcpy(palloc(key->length + 1), key->bytes, key->length);
	MemoryContextSwitchTo(old);
	if (read->versions)
		arrival->row = (RecoRowVersion){*(ItemPointer) DatumGetPointer(slot->tts_values[1]),
										DatumGetTransactionId(slot->tts_values[2])};
}

/* arrivals_sql writes the query; its parameter is of the type that is given back. */
static char *
arrivals_sql(const RecoDefinition *definition, const RecoSince *since, int most, bool versions,
			 Oid *parameter)
{
	const char *key = quote_identifier(definition->item_key.name);
	const char *more = versions ? ", ctid, xmin" : "";
	const char *column;
	const char *type;

	if (!since->by_time)
	{
		*parameter = reco_key_lookup_type(definition->item_key.type);
		return psprintf("SELECT %s%s FROM %s WHERE %s OPERATOR(pg_catalog.>) $1 ORDER BY %s DESC LIMIT %d",
						key, more, definition->items.sql_name, key, key, most);
	}
	*parameter = time_type(definition, &type);
	column = quote_identifier(definition->items_time.name);
	return psprintf("SELECT %s%s FROM %s WHERE %s OPERATOR(pg_catalog.%s) $1 AND %s OPERATOR(pg_catalog.<=) "
					"pg_catalog.statement_timestamp()::%s ORDER BY %s DESC, %s DESC LIMIT %d",
					key, more, definition->items.sql_name, column, *parameter == DATEOID ? ">=" : ">", column,
					type, column, key, most);
}

RecoArrival *
reco_reader_arrivals(const RecoDefinition *definition, const RecoSince *since, int most, bool versions,
					 int *n)
{
	ArrivalsRead read = {.type = reco_key_lookup_type(definition->item_key.type),
						 .context = CurrentMemoryContext,
						 .versions = versions};
	RecoReceiver dest;
	RecoReading before;
	RecoPlan *plan;
	Datum value;
	Oid type;
	char *sql = arrivals_sql(definition, since, most, versions, &type);

	read.arrival = palloc_extended(sizeof(RecoArrival) * Max(most, 1), MCXT_ALLOC_HUGE);
	*n = 0;
	if (!since->by_time && !reco_key_fits(&since->key, type))
		return read.arrival;
	value = since->by_time ? time_to_datum(since->time, type) : reco_key_to_datum(&since->key, type);
	reco_receiver_init(&dest, take_arrival, &read);
	reco_receiver_expect_key(&dest, definition->item_key.type);
	before = reco_items_begin_read(NULL);
	plan = reco_plans_find(sql, 1, &type);
	if (plan == NULL)
		plan = reco_plans_prepare(sql, 1, &type);
	reco_plans_execute(plan, &value, NULL, &dest.base);
	reco_items_end_read(before);
	pfree(sql);
	*n = read.n;
	return read.arrival;
}
