/*
 * events.c
 *	  A whole relation of interactions becomes arrays of events in canonical
 *	  order.
 *
 * The rows come in whatever order the executor gives them.  They are received
 * one by one, never as a tuple store: what is kept of a row is two temporary
 * numbers (of its user and its item, from a RecoKeymap), its amount and, where
 * they are mapped, its rating and time.  That is 24 bytes an event of the usual
 * kind.
 *
 * Afterwards numbers become ranks in the sorted keys, and events are ordered
 * by (user, item, time, amount, rating).  A pass of counting sort by user makes one place of
 * each event, its item and its position; the places of a user are few and sorted where they are,
 * and so are runs of events on one item, mostly of length 1, by comparison.  Every order
 * used is total up to events that are equal in all fields, so the result depends on the set of rows alone.
 *
 * Users and items are then written from the places, which become positions; the other arrays follow
 * these one at a time, so that at most one of them exists twice.
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "reader/keymap.h"
#include "reader/reader.h"
#include "reader/receiver.h"
#include "reader/rows.h"
#include "reader/skipped.h"
#include "reco.h"

/* Steps of a loop between two checks for interrupts. */
#define RECO_EVENTS_CHECK 65536

/* Events while they are read. */
typedef struct RecoEventsRead
{
	RecoRowReader reader;
	RecoEvents *events;
	size_t capacity;
	MemoryContext row; /* for what one row needs */
	RecoKeymap *users;
	RecoKeymap *items;
	RecoEventNames *names; /* NULL without event weights */
} RecoEventsRead;

/* reco_events_bytes is what an event takes while events are put in order, which is when they take most. */
static Size
reco_events_bytes(const RecoEvents *events)
{
	return 2 * sizeof(uint32) + sizeof(double) + (events->rating != NULL ? sizeof(double) : 0) +
		   (events->time != NULL ? sizeof(TimestampTz) : 0) + sizeof(uint32) + sizeof(double);
}

/* reco_events_check_memory raises when there are as many events as reco.learn_memory has room for; it gives how many that is. */
static size_t
reco_events_check_memory(const RecoEventsRead *read)
{
	size_t most = (Size) reco_learn_memory * 1024 / reco_events_bytes(read->events);

	if (read->capacity >= most)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("reading more than %zu interactions needs more memory than reco.learn_memory "
						"(%d MB)",
						read->capacity, reco_learn_memory / 1024),
				 errhint("Raise reco.learn_memory, or let the recommender read a view of fewer rows.")));
	return most;
}

/* reco_events_grow makes room for half as many events again. */
static void
reco_events_grow(RecoEventsRead *read)
{
	RecoEvents *events = read->events;
	size_t n = Min(read->capacity + read->capacity / 2, reco_events_check_memory(read));

	if (n > PG_UINT32_MAX)
		n = PG_UINT32_MAX;
	if (n == read->capacity)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("too many interactions: at most %u can be read", PG_UINT32_MAX)));
	events->user = repalloc_huge(events->user, n * sizeof(uint32));
	events->item = repalloc_huge(events->item, n * sizeof(uint32));
	events->amount = repalloc_huge(events->amount, n * sizeof(double));
	if (events->rating != NULL)
		events->rating = repalloc_huge(events->rating, n * sizeof(double));
	if (events->time != NULL)
		events->time = repalloc_huge(events->time, n * sizeof(TimestampTz));
	read->capacity = n;
}

/* reco_events_count counts a row that is skipped. */
static void
reco_events_count(RecoReadCounts *counts, RecoRowFate fate)
{
	switch (fate)
	{
		case RECO_ROW_KEPT:
			break;
		case RECO_ROW_NULL_KEY:
			counts->null_key++;
			break;
		case RECO_ROW_NULL_VALUE:
			counts->null_value++;
			break;
		case RECO_ROW_NON_FINITE:
			counts->non_finite++;
			break;
		case RECO_ROW_FUTURE:
			counts->future++;
			break;
		case RECO_ROW_UNKNOWN_EVENT:
			counts->unknown_event++;
			break;
	}
}

/* reco_events_receive takes one row from the executor, which checks for interrupts between rows. */
static void
reco_events_receive(TupleTableSlot *slot, void *state)
{
	RecoEventsRead *read = state;
	RecoEvents *events = read->events;
	MemoryContext old;
	RecoEventRow row;
	RecoRowFate fate;

	/* a numeric or a long name is copied to be read, and the executor's memory stays to the end of the query */
	MemoryContextReset(read->row);
	old = MemoryContextSwitchTo(read->row);
	fate = reco_rows_read(&read->reader, slot, &row);
	events->counts.rows++;
	if (read->names != NULL && row.event != NULL)
		reco_event_names_meet(read->names, &row);
	MemoryContextSwitchTo(old);
	if (fate != RECO_ROW_KEPT)
	{
		reco_events_count(&events->counts, fate);
		return;
	}
	if (events->n == read->capacity)
		reco_events_grow(read);
	events->user[events->n] = reco_keymap_number(read->users, row.user);
	events->item[events->n] = reco_keymap_number(read->items, row.item);
	events->amount[events->n] = row.amount;
	if (events->rating != NULL)
		events->rating[events->n] = row.rating;
	if (events->time != NULL)
		events->time[events->n] = row.time;
	events->n++;
}

/* reco_events_check_key raises when a key column has been given a type that keys cannot have. */
static void
reco_events_check_key(const RecoDefinition *definition, const RecoColumn *column)
{
	char *what = psprintf("column \"%s\" of relation \"%s\"", column->name, definition->interactions.name);

	(void) reco_key_kind_of_type(column->type, what);
	pfree(what);
}

/* reco_events_begin allocates the first arrays in the current context, everything temporary in "temporary". */
static void
reco_events_begin(RecoEventsRead *read, const RecoDefinition *definition, MemoryContext temporary)
{
	RecoEvents *events = palloc0(sizeof(RecoEvents));
	MemoryContext old;
	size_t n = 8192;

	memset(read, 0, sizeof(*read));
	reco_events_check_key(definition, &definition->user);
	reco_events_check_key(definition, &definition->item);
	reco_rows_begin(&read->reader, definition, true);
	events->user = palloc(n * sizeof(uint32));
	events->item = palloc(n * sizeof(uint32));
	events->amount = palloc(n * sizeof(double));
	events->rating = definition->explicit_feedback ? palloc(n * sizeof(double)) : NULL;
	events->time = read->reader.time >= 0 ? palloc(n * sizeof(TimestampTz)) : NULL;
	read->events = events;
	read->capacity = n;

	old = MemoryContextSwitchTo(temporary);
	read->row = AllocSetContextCreate(temporary, "reco event", ALLOCSET_SMALL_SIZES);
	read->users = reco_keymap_create(definition->user.type);
	read->items = reco_keymap_create(definition->item.type);
	if (definition->has_event_weights && read->reader.event >= 0)
		read->names = reco_event_names_create(definition);
	MemoryContextSwitchTo(old);
}

/* reco_events_keys makes the array of users first .. first + n - 1 to look up, without those that no row can have. */
static Datum
reco_events_keys(const RecoKeys *users, size_t first, size_t n, Oid type)
{
	Datum *element = palloc_extended(Max(n, 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	int16 length;
	bool by_value;
	char alignment;
	int kept = 0;

	for (size_t i = first; i < first + n; i++)
	{
		RecoKey key = reco_keys_get(users, i);

		if (reco_key_fits(&key, type))
			element[kept++] = reco_key_to_datum(&key, type);
	}
	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return PointerGetDatum(construct_array(element, kept, type, length, by_value, alignment));
}

/* reco_events_query reads all rows, or those of an array of users, in the active snapshot and as the caller. */
static void
reco_events_query(RecoEventsRead *read, const Datum *users)
{
	const RecoColumn *user = &read->reader.definition->user;
	RecoReceiver dest;
	SPIExecuteOptions options = {.read_only = true, .dest = &dest.base};
	StringInfoData sql;
	int nest_level;
	int result;

	reco_receiver_init(&dest, reco_events_receive, read);
	reco_receiver_expect_key(&dest, read->reader.definition->user.type);
	reco_receiver_expect_key(&dest, read->reader.definition->item.type);
	initStringInfo(&sql);
	reco_rows_select(&read->reader, &sql);
	if (users != NULL)
	{
		appendStringInfo(&sql, " WHERE %s OPERATOR(pg_catalog.=) ANY ($1)", quote_identifier(user->name));
		options.params = makeParamList(1);
		options.params->params[0] =
			(ParamExternData){.value = *users,
							  .pflags = PARAM_FLAG_CONST,
							  .ptype = get_array_type(reco_key_lookup_type(user->type))};
	}
	nest_level = reco_catalog_begin_query();
	result = SPI_execute_extended(sql.data, &options);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "reading interactions failed: %s", SPI_result_code_string(result));
	reco_catalog_end_query(nest_level);
	pfree(sql.data);
}

/* reco_events_rank replaces temporary numbers by ranks. */
static void
reco_events_rank(uint32 *number, size_t n, const uint32 *rank)
{
	for (size_t i = 0; i < n; i++)
	{
		number[i] = rank[number[i]];
		if (i % RECO_EVENTS_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/* reco_events_offsets gives where the events of each user will begin: [users.n + 1]. */
static size_t *
reco_events_offsets(const RecoEvents *events)
{
	size_t *offset =
		palloc_extended((events->users.n + 1) * sizeof(size_t), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (size_t i = 0; i < events->n; i++)
	{
		offset[events->user[i] + 1]++;
		if (i % RECO_EVENTS_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
	}
	for (size_t u = 0; u < events->users.n; u++)
		offset[u + 1] += offset[u];
	return offset;
}

/* reco_events_group gives items and positions, item << 32 | position, of the events by user. */
static uint64 *
reco_events_group(const RecoEvents *events, const size_t *offset)
{
	uint64 *place = palloc_extended(events->n * sizeof(uint64), MCXT_ALLOC_HUGE);
	size_t *next = palloc_extended(Max(events->users.n, 1) * sizeof(size_t), MCXT_ALLOC_HUGE);

	memcpy(next, offset, events->users.n * sizeof(size_t));
	for (size_t i = 0; i < events->n; i++)
	{
		place[next[events->user[i]]++] = (uint64) events->item[i] << 32 | i;
		if (i % RECO_EVENTS_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
	}
	pfree(next);
	return place;
}

#define ST_SORT reco_events_sort_places
#define ST_ELEMENT_TYPE uint64
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* reco_events_compare orders two events of one user on one item, by their places. */
static inline int
reco_events_compare(const uint64 *a, const uint64 *b, const RecoEvents *events)
{
	uint32 x = (uint32) *a;
	uint32 y = (uint32) *b;

	if (events->time != NULL && events->time[x] != events->time[y])
		return events->time[x] < events->time[y] ? -1 : 1;
	if (events->amount[x] != events->amount[y])
		return events->amount[x] < events->amount[y] ? -1 : 1;
	if (events->rating != NULL && events->rating[x] != events->rating[y])
		return events->rating[x] < events->rating[y] ? -1 : 1;
	return 0;
}

#define ST_SORT reco_events_sort_run
#define ST_ELEMENT_TYPE uint64
#define ST_COMPARE(a, b, events) reco_events_compare(a, b, events)
#define ST_COMPARE_ARG_TYPE const RecoEvents
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* reco_events_sort_user sorts the places of one user: by item, and each run of events on one item. */
static void
reco_events_sort_user(const RecoEvents *events, uint64 *place, size_t n)
{
	size_t first = 0;

	reco_events_sort_places(place, n);
	for (size_t i = 1; i <= n; i++)
	{
		if (i % RECO_EVENTS_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		if (i < n && place[i] >> 32 == place[first] >> 32)
			continue;
		if (i - first > 1)
			reco_events_sort_run(place + first, i - first, events);
		first = i;
	}
}

/*
 * reco_events_follow gives the array of 8-byte elements in the order; the array itself, which may have
 * room for more, is freed.  One whose elements are all the same is as it will be.
 */
static void *
reco_events_follow(void *array, const uint32 *order, size_t n)
{
	const uint64 *from = array;
	uint64 *sorted;
	size_t same = 1;

	if (array == NULL)
		return NULL;
	while (same < n && from[same] == from[0])
		same++;
	if (same == n)
		return array;
	sorted = MemoryContextAllocHuge(GetMemoryChunkContext(array), n * sizeof(uint64));
	for (size_t i = 0; i < n; i++)
	{
		sorted[i] = from[order[i]];
		if (i % RECO_EVENTS_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
	}
	pfree(array);
	return sorted;
}

/*
 * reco_events_settle writes users and items as they are sorted, and turns places into the order of
 * the other arrays, in the same memory.
 */
static uint32 *
reco_events_settle(RecoEvents *events, const size_t *offset, uint64 *place)
{
	uint32 *order = (uint32 *) place;

	for (size_t u = 0; u < events->users.n; u++)
	{
		CHECK_FOR_INTERRUPTS();
		reco_events_sort_user(events, place + offset[u], offset[u + 1] - offset[u]);
	}
	for (size_t u = 0; u < events->users.n; u++)
		for (size_t i = offset[u]; i < offset[u + 1]; i++)
		{
			uint64 at = place[i];

			if (i % RECO_EVENTS_CHECK == 0)
				CHECK_FOR_INTERRUPTS();
			events->user[i] = (uint32) u;
			events->item[i] = (uint32) (at >> 32);
			order[i] = (uint32) at;
		}
	return repalloc_huge(order, events->n * sizeof(uint32));
}

/* reco_events_order puts ranked events in canonical order; its own memory is in the current context. */
static void
reco_events_order(RecoEvents *events)
{
	size_t *offset = reco_events_offsets(events);
	uint32 *order = reco_events_settle(events, offset, reco_events_group(events, offset));

	events->amount = reco_events_follow(events->amount, order, events->n);
	events->rating = reco_events_follow(events->rating, order, events->n);
	events->time = reco_events_follow(events->time, order, events->n);
	pfree(order);
	pfree(offset);
}

/* reco_events_canonical turns what was received into canonical form. */
static void
reco_events_canonical(RecoEventsRead *read, MemoryContext result)
{
	RecoEvents *events = read->events;
	uint32 *rank;

	rank = reco_keymap_finish(read->users, result, &events->users);
	reco_events_rank(events->user, events->n, rank);
	pfree(rank);
	rank = reco_keymap_finish(read->items, result, &events->items);
	reco_events_rank(events->item, events->n, rank);
	pfree(rank);
	reco_events_order(events);
}

/* reco_events_read reads and cleans the relation; may_warn_weights is false where it need not hold every event. */
static RecoEvents *
reco_events_read(const RecoDefinition *definition, bool may_warn_weights)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext temporary = AllocSetContextCreate(result, "reco events", ALLOCSET_DEFAULT_SIZES);
	RecoEventsRead read;
	RecoEvents *events;

	reco_events_begin(&read, definition, temporary);
	events = read.events;
	MemoryContextSwitchTo(temporary);
	reco_events_query(&read, NULL);
	if (events->n == 0)
		reco_skipped_raise_nothing_left(definition, &events->counts, read.names);
	reco_skipped_warn(definition, &events->counts);
	if (read.names != NULL && may_warn_weights)
		reco_event_names_warn(read.names);
	reco_events_canonical(&read, result);
	MemoryContextSwitchTo(result);
	MemoryContextDelete(temporary);
	return events;
}

void
reco_events_forget(RecoEvents *events)
{
	void *array[] = {events->user, events->item, events->amount, events->rating, events->time};

	for (size_t a = 0; a < lengthof(array); a++)
		if (array[a] != NULL)
			pfree(array[a]);
	events->user = events->item = NULL;
	events->amount = events->rating = NULL;
	events->time = NULL;
}

RecoEvents *
reco_reader_events(const RecoDefinition *definition)
{
	RecoEvents *events = reco_events_read(definition, true);

	if (reco_features_named(definition, RECO_SIDE_ITEM))
		reco_events_join_catalogue(definition, events);
	events->item_features = reco_features_learn(definition, RECO_SIDE_ITEM, &events->items, reco_min_group);
	events->user_features = reco_features_learn(definition, RECO_SIDE_USER, &events->users, reco_min_group);
	if (definition->items_time.name != NULL)
		events->item_time = reco_reader_item_times(definition, &events->items);
	if (events->item_features != NULL)
	{
		events->catalogue = events->item_features->found;
		events->dates_items = definition->items_time.name != NULL;
		events->items_until = reco_reader_items_until(definition);
	}
	return events;
}

RecoEvents *
reco_reader_events_of(const RecoDefinition *definition, const RecoKeys *users, size_t first, size_t n)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext temporary = AllocSetContextCreate(result, "reco events", ALLOCSET_DEFAULT_SIZES);
	RecoEventsRead read;
	Datum keys = 0;

	reco_events_begin(&read, definition, temporary);
	read.names = NULL;
	MemoryContextSwitchTo(temporary);
	if (users != NULL)
		keys = reco_events_keys(users, first, n, reco_key_lookup_type(definition->user.type));
	reco_events_query(&read, users != NULL ? &keys : NULL);
	reco_events_canonical(&read, result);
	MemoryContextSwitchTo(result);
	MemoryContextDelete(temporary);
	return read.events;
}

/*
 * reco_events_rebind finds a column by its name in another relation.  A column
 * that is missing is unmapped, or an error if it is required.
 */
static void
reco_events_rebind(RecoColumn *column, Oid relation, bool required)
{
	if (column->name == NULL)
		return;
	column->attnum = get_attnum(relation, column->name);
	if (column->attnum > 0)
	{
		get_atttypetypmodcoll(relation, column->attnum, &column->type, &column->typmod, &column->collation);
		return;
	}
	if (required)
		ereport(
			ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("relation \"%s\" has no column \"%s\"", get_rel_name(relation), column->name),
			 errhint("Test interactions need the user and item columns of the interactions they test, and "
					 "for explicit feedback the value column.")));
	memset(column, 0, sizeof(*column));
}

RecoEvents *
reco_reader_test_events(const RecoDefinition *definition, Oid relation)
{
	RecoDefinition test = *definition;

	test.interactions.relid = relation;
	test.interactions.name = get_rel_name(relation);
	if (test.interactions.name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no relation with OID %u", relation),
				 errhint("Pass the test relation by its name.")));
	test.interactions.schema = get_namespace_name(get_rel_namespace(relation));
	test.interactions.sql_name = quote_qualified_identifier(test.interactions.schema, test.interactions.name);
	reco_events_rebind(&test.user, relation, true);
	reco_events_rebind(&test.item, relation, true);
	reco_events_rebind(&test.value, relation, definition->explicit_feedback);
	reco_events_rebind(&test.event, relation, false);
	reco_events_rebind(&test.time, relation, false);
	if (reco_key_kind_of_type(test.user.type, "a user column") !=
			reco_key_kind_of_type(definition->user.type, "a user column") ||
		reco_key_kind_of_type(test.item.type, "an item column") !=
			reco_key_kind_of_type(definition->item.type, "an item column"))
		elog(ERROR, "ids in \"%s\" are of other types than in \"%s\"", test.interactions.name,
			 definition->interactions.name);
	if (test.event.name == NULL)
		test.has_event_weights = false;
	return reco_events_read(&test, false);
}
