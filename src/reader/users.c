/*
 * users.c
 *	  Sets of users: those who have events, and those that a query of the caller names.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "reader/keymap.h"
#include "reader/reader.h"
#include "reader/receiver.h"

/* Ids while they are read. */
typedef struct RecoUsersRead
{
	RecoKeymap *map;
	Oid type;              /* of the column that is read */
	Oid user_type;         /* of the interactions' user column */
	MemoryContext scratch; /* reset for each row */
} RecoUsersRead;

/* users_receive takes the id of one row. */
static void
users_receive(TupleTableSlot *slot, void *state)
{
	RecoUsersRead *read = state;
	bool isnull;
	Datum value = slot_getattr(slot, 1, &isnull);
	MemoryContext old;
	RecoKey key;

	if (isnull)
		return;
	old = MemoryContextSwitchTo(read->scratch);
	key = reco_key_parse(value, read->type, read->user_type, "user");
	reco_keymap_number(read->map, reco_key_to_datum(&key, reco_keymap_type_for(read->user_type)));
	MemoryContextSwitchTo(old);
	MemoryContextReset(read->scratch);
}

/* users_begin prepares to read ids of a type, everything in the current context. */
static void
users_begin(RecoUsersRead *read, const RecoDefinition *definition, Oid type)
{
	read->user_type = definition->user.type;
	read->type = type;
	read->map = reco_keymap_create(reco_keymap_type_for(definition->user.type));
	read->scratch = AllocSetContextCreate(CurrentMemoryContext, "reco user id", ALLOCSET_SMALL_SIZES);
}

/* users_finish gives the ids that were read, sorted, in the context "result". */
static RecoKeys *
users_finish(RecoUsersRead *read, MemoryContext result)
{
	RecoKeys *keys = MemoryContextAlloc(result, sizeof(RecoKeys));

	(void) reco_keymap_finish(read->map, result, keys);
	return keys;
}

RecoKeys *
reco_reader_users(const RecoDefinition *definition)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext temporary = AllocSetContextCreate(result, "reco users", ALLOCSET_DEFAULT_SIZES);
	const char *user = quote_identifier(definition->user.name);
	RecoReceiver dest;
	SPIExecuteOptions options = {.read_only = true, .dest = &dest.base};
	RecoUsersRead read;
	RecoKeys *keys;
	int nest_level;

	MemoryContextSwitchTo(temporary);
	users_begin(&read, definition, definition->user.type);
	reco_receiver_init(&dest, users_receive, &read);
	nest_level = reco_catalog_begin_query();
	if (SPI_execute_extended(psprintf("SELECT DISTINCT %s FROM %s", user, definition->interactions.sql_name),
							 &options) != SPI_OK_SELECT)
		elog(ERROR, "reading users failed: %s", SPI_result_code_string(SPI_result));
	reco_catalog_end_query(nest_level);
	keys = users_finish(&read, result);
	MemoryContextSwitchTo(result);
	MemoryContextDelete(temporary);
	return keys;
}

/* prepare_query prepares the caller's query and gives the type of its column. */
static SPIPlanPtr
prepare_query(const char *query, Oid *type)
{
	SPIPlanPtr plan = SPI_prepare(query, 0, NULL);
	CachedPlanSource *source;

	if (plan == NULL || !SPI_is_cursor_plan(plan))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR), errmsg("users_query is not one query that returns rows"),
				 errhint("Write a query that gives ids of users, such as SELECT id FROM customers.")));
	source = linitial(SPI_plan_get_plan_sources(plan));
	if (source->resultDesc == NULL || source->resultDesc->natts != 1)
		ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
						errmsg("users_query gives %d columns, not one",
							   source->resultDesc == NULL ? 0 : source->resultDesc->natts),
						errhint("Write a query that gives ids of users, such as SELECT id FROM customers.")));
	*type = TupleDescAttr(source->resultDesc, 0)->atttypid;
	(void) reco_key_kind_of_type(*type, "the column of users_query");
	return plan;
}

RecoKeys *
reco_reader_users_of(const RecoDefinition *definition, const char *query)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext temporary = AllocSetContextCreate(result, "reco users", ALLOCSET_DEFAULT_SIZES);
	RecoReceiver dest;
	SPIExecuteOptions options = {.read_only = true, .dest = &dest.base};
	RecoUsersRead read;
	RecoKeys *keys;
	SPIPlanPtr plan;
	Oid type;
	bool was_read_only = XactReadOnly;

	/* see reco_items_begin_read */
	XactReadOnly = true;
	plan = prepare_query(query, &type);
	MemoryContextSwitchTo(temporary);
	users_begin(&read, definition, type);
	reco_receiver_init(&dest, users_receive, &read);
	if (SPI_execute_plan_extended(plan, &options) != SPI_OK_SELECT)
		elog(ERROR, "running users_query failed: %s", SPI_result_code_string(SPI_result));
	XactReadOnly = was_read_only;
	keys = users_finish(&read, result);
	SPI_freeplan(plan);
	MemoryContextSwitchTo(result);
	MemoryContextDelete(temporary);
	return keys;
}

RecoKeys *
reco_reader_users_in(const RecoDefinition *definition, ArrayType *ids)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext temporary = AllocSetContextCreate(result, "reco users", ALLOCSET_DEFAULT_SIZES);
	RecoUsersRead read;
	RecoKeys *keys;
	ArrayIterator iterator;
	Datum value;
	bool isnull;

	MemoryContextSwitchTo(temporary);
	users_begin(&read, definition, ARR_ELEMTYPE(ids));
	iterator = array_create_iterator(ids, 0, NULL);
	while (array_iterate(iterator, &value, &isnull))
	{
		RecoKey key;

		if (isnull)
			continue;
		key = reco_key_parse(value, read.type, read.user_type, "user");
		(void) reco_keymap_number(read.map, reco_key_to_datum(&key, reco_keymap_type_for(read.user_type)));
	}
	array_free_iterator(iterator);
	keys = users_finish(&read, result);
	MemoryContextSwitchTo(result);
	MemoryContextDelete(temporary);
	return keys;
}
