/*
 * recommend_into.c
 *	  CALL reco.recommend_into(): the lists of many users, written into a table.
 *
 * Users are taken in blocks.  A block is one reading of their events, their
 * lists, one INSERT and, where the procedure may commit, one commit: so other
 * sessions see whole lists only, no snapshot outlives a block, and what is
 * committed survives an interruption.
 *
 * What was interrupted goes on by the same call: users who have rows in the
 * target are skipped, so a fresh run begins with an empty target.  With the
 * option "replace" nobody is skipped, and a block deletes what its users had,
 * in the transaction that writes their new lists.
 *
 * The caller's privileges, triggers and policies hold for the target as for
 * any statement of the caller's own.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "explain/explain.h"
#include "parallel/progress.h"
#include "sqlapi/arguments.h"
#include "sqlapi/call.h"
#include "sqlapi/many.h"
#include "sqlapi/procedure.h"

PG_FUNCTION_INFO_V1(reco_recommend_into);

/* Lists written by one INSERT hold about this many rows. */
#define BLOCK_ROWS 20000

/* Columns that a target may have. */
typedef enum IntoColumn
{
	INTO_USER,
	INTO_RANK,
	INTO_ITEM,
	INTO_SCORE,
	INTO_SOURCE,
	INTO_REASON,
	INTO_COLUMNS
} IntoColumn;

static const char *const into_name[INTO_COLUMNS] = {"user_id", "rank",   "item_id",
													"score",   "source", "reason"};

/* One call.  Lives in memory that survives commits, but for the values of a block. */
typedef struct Into
{
	RecoManyAsk ask;
	Oid target;
	char *target_name; /* for SQL */
	bool replace;
	const RecoWords *words;
	bool has[INTO_COLUMNS];
	Oid type[INTO_COLUMNS]; /* in which values are passed */
	Oid user_column_type;

	MemoryContext block;
	int n;
	int capacity;
	Datum *value[INTO_COLUMNS]; /* [n] of the block */
	bool *no_score;             /* [n] */
	int64 lists;                /* written by all blocks */
	int64 rows;
} Into;

/* find_column notes a column of the target, if it is there. */
static void
find_column(Into *into, Relation target, IntoColumn column)
{
	TupleDesc descriptor = RelationGetDescr(target);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (attribute->attisdropped || strcmp(NameStr(attribute->attname), into_name[column]) != 0)
			continue;
		into->has[column] = true;
		if (column == INTO_USER)
			into->user_column_type = attribute->atttypid;
	}
}

/* bind_target finds the columns of the target and decides in which types ids are passed. */
static void
bind_target(Into *into)
{
	const RecoDefinition *definition = into->ask.definition;
	Relation target = try_table_open(into->target, AccessShareLock);
	char *name;

	if (target == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no relation with OID %u", into->target),
				 errhint("Pass the target by its name.")));
	name = pstrdup(RelationGetRelationName(target));
	into->target_name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(target)), name);
	for (int column = 0; column < INTO_COLUMNS; column++)
		find_column(into, target, (IntoColumn) column);
	table_close(target, NoLock);
	if (!into->has[INTO_USER] || !into->has[INTO_ITEM])
		ereport(
			ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("relation \"%s\" has no column \"%s\"", name,
					into->has[INTO_USER] ? "item_id" : "user_id"),
			 errdetail(
				 "The lists go into columns user_id and item_id, and rank, score, source and reason where they are there."),
			 errhint(
				 "CREATE TABLE ... (user_id %s, rank int, item_id %s, score float8, source text, PRIMARY KEY (user_id, rank)).",
				 format_type_be(definition->user.type), format_type_be(definition->item.type))));
	if (reco_key_kind_of_type(into->user_column_type, "column user_id of the target") !=
		reco_key_kind_of_type(definition->user.type, "a user column"))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("column \"user_id\" of relation \"%s\" is %s, users are %s", name,
							   format_type_be(into->user_column_type), format_type_be(definition->user.type)),
						errhint("Give it the type of the ids of users.")));
	into->type[INTO_USER] = reco_key_lookup_type(definition->user.type);
	into->type[INTO_RANK] = INT4OID;
	into->type[INTO_ITEM] = reco_key_lookup_type(definition->item.type);
	into->type[INTO_SCORE] = FLOAT8OID;
	into->type[INTO_SOURCE] = into->type[INTO_REASON] = TEXTOID;
}

/* reasons_of words the list of one user as recommend() does, from the user's history. */
static RecoReason *
reasons_of(const Into *into, const RecoKey *user, RecoSource source, const RecoManySegment *segment,
		   const RecoPromotion *promotion, const RkHit *hit, size_t n)
{
	const RecoManyAsk *ask = &into->ask;
	RecoVoice voice = {.words = into->words, .seed = reco_key_hash(0, user)};
	RecoView *view = reco_view_make(ask->definition, ask->model, NULL);
	RecoQuery *query;

	if (source == RECO_SOURCE_SEGMENT)
		return reco_reason_segment(ask->model, &voice, promotion, (size_t) segment->board->column, hit,
								   segment->n_promoted, segment->n, n);
	if (source == RECO_SOURCE_POPULAR)
		return reco_reason_popular(ask->model, &voice, promotion, hit, n);
	query = reco_query_make(ask->model, reco_reader_history(ask->definition, user),
							reco_attributes_of(ask->definition, ask->model, user, 1));
	return reco_reason_choose(reco_reason_make(query, view, &voice, promotion), hit, n);
}

/* make_room makes room for n more rows in the block. */
static void
make_room(Into *into, size_t n)
{
	int capacity = Max(into->capacity, 1024);

	while (into->n + (int) n > capacity)
		capacity *= 2;
	if (capacity == into->capacity)
		return;
	for (int column = 0; column < INTO_COLUMNS; column++)
		into->value[column] = into->capacity == 0 ? palloc_array(Datum, capacity)
												  : repalloc_array(into->value[column], Datum, capacity);
	into->no_score =
		into->capacity == 0 ? palloc_array(bool, capacity) : repalloc_array(into->no_score, bool, capacity);
	into->capacity = capacity;
}

/* put_list adds the list of one user to the block. */
static void
put_list(void *state, const RecoKey *user, RecoSource source, const RecoManySegment *segment,
		 const RecoPromotion *promotion, const RkHit *hit, size_t n)
{
	Into *into = state;
	RecoReason *reason =
		into->has[INTO_REASON] ? reasons_of(into, user, source, segment, promotion, hit, n) : NULL;
	MemoryContext outer = MemoryContextSwitchTo(into->block);
	Datum id = reco_key_to_datum(user, into->type[INTO_USER]);
	Datum name = CStringGetTextDatum(reco_serve_source_name(source));

	make_room(into, n);
	into->lists += n > 0;
	for (size_t i = 0; i < n; i++)
	{
		RecoKey item = reco_model_key(into->ask.model, hit[i].item);
		int at = into->n++;

		into->value[INTO_USER][at] = id;
		into->value[INTO_RANK][at] = Int32GetDatum((int32) i + 1);
		into->value[INTO_ITEM][at] = reco_key_to_datum(&item, into->type[INTO_ITEM]);
		into->value[INTO_SCORE][at] = Float8GetDatum(hit[i].score);
		into->value[INTO_SOURCE][at] = name;
		into->no_score[at] = !reco_serve_is_scored(source);
		if (reason != NULL)
			into->value[INTO_REASON][at] = CStringGetTextDatum(reason[i].text);
	}
	MemoryContextSwitchTo(outer);
}

/* make_array makes an array of n values of a type, with NULLs where isnull says so. */
static Datum
make_array(Datum *value, bool *isnull, int n, Oid type)
{
	int low = 1;
	int16 length;
	bool by_value;
	char alignment;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return PointerGetDatum(construct_md_array(value, isnull, 1, &n, &low, type, length, by_value, alignment));
}

/* run executes a statement of reco's with array parameters, under the caller's own settings. */
static void
run(const char *sql, int n, Oid *type, Datum *value, int expected)
{
	int result = SPI_execute_with_args(sql, n, type, value, NULL, false, 0);

	if (result != expected)
		elog(ERROR, "writing lists failed: %s", SPI_result_code_string(result));
}

/* delete_old deletes what the users of the block have in the target. */
static void
delete_old(const Into *into)
{
	const RecoManyAsk *ask = &into->ask;
	Datum *user = palloc_array(Datum, Max(ask->n, 1));
	Oid type = get_array_type(into->type[INTO_USER]);
	int n = 0;
	Datum array;

	for (size_t u = ask->first; u < ask->first + ask->n; u++)
	{
		RecoKey key = reco_keys_get(ask->users, u);

		if (reco_key_fits(&key, into->type[INTO_USER]))
			user[n++] = reco_key_to_datum(&key, into->type[INTO_USER]);
	}
	array = make_array(user, NULL, n, into->type[INTO_USER]);
	run(psprintf("DELETE FROM %s WHERE user_id OPERATOR(pg_catalog.=) ANY ($1)", into->target_name), 1, &type,
		&array, SPI_OK_DELETE);
}

/* insert_block writes the rows of the block. */
static void
insert_block(Into *into)
{
	StringInfoData columns;
	StringInfoData values;
	Oid type[INTO_COLUMNS];
	Datum array[INTO_COLUMNS];
	int n = 0;

	if (into->n == 0)
		return;
	initStringInfo(&columns);
	initStringInfo(&values);
	for (int column = 0; column < INTO_COLUMNS; column++)
	{
		if (!into->has[column])
			continue;
		array[n] = make_array(into->value[column], column == INTO_SCORE ? into->no_score : NULL, into->n,
							  into->type[column]);
		type[n++] = get_array_type(into->type[column]);
		appendStringInfo(&columns, "%s%s", n > 1 ? ", " : "", into_name[column]);
		appendStringInfo(&values, "%spg_catalog.unnest($%d)", n > 1 ? ", " : "", n);
	}
	run(psprintf("INSERT INTO %s (%s) SELECT * FROM ROWS FROM (%s) AS list", into->target_name, columns.data,
				 values.data),
		n, type, array, SPI_OK_INSERT);
	into->rows += into->n;
}

/* write_block makes and writes the lists of the users that the question names now. */
static void
write_block(Into *into)
{
	MemoryContext outer = MemoryContextSwitchTo(into->block);

	into->n = into->capacity = 0;
	reco_serve_many(&into->ask);
	MemoryContextSwitchTo(into->block);
	if (into->replace)
		delete_old(into);
	insert_block(into);
	MemoryContextSwitchTo(outer);
	MemoryContextReset(into->block);
}

/* users_left gives the users to make lists for: those asked for but, unless rows are replaced, those who have some. */
static RecoKeys *
users_left(Into *into, const char *users_query, size_t *n_skipped)
{
	const RecoDefinition *definition = into->ask.definition;
	RecoKeys *users =
		users_query != NULL ? reco_reader_users_of(definition, users_query) : reco_reader_users(definition);
	RecoKeys *done;

	*n_skipped = 0;
	if (into->replace)
		return users;
	done = reco_reader_users_of(definition, psprintf("SELECT DISTINCT user_id FROM %s", into->target_name));
	*n_skipped = users->n;
	users = reco_keys_without(users, done);
	*n_skipped -= users->n;
	return users;
}

/* write_all writes the lists of all users, block by block. */
static void
write_all(Into *into, RecoKeys *users, bool may_commit)
{
	RecoManyAsk *ask = &into->ask;
	size_t block = Min(reco_serve_many_block(ask->definition, users->n), Max(BLOCK_ROWS / ask->k, 1));

	reco_progress_phase("writing", (int64) users->n);
	ask->users = users;
	for (ask->first = 0; ask->first < users->n; ask->first += ask->n)
	{
		ask->n = Min(block, users->n - ask->first);
		reco_procedure_snapshot();
		write_block(into);
		reco_procedure_commit(may_commit);
		reco_progress_step((int64) (ask->first + ask->n), get_float8_nan());
	}
}

/* read_arguments reads the arguments and opens the recommender. */
static void
read_arguments(Into *into, FunctionCallInfo fcinfo)
{
	RecoManyAsk *ask = &into->ask;
	RecoOptionValue *option;
	RecoDefinition *definition;

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("target cannot be NULL"),
						errhint("Name a table for the lists.")));
	ask->k = (size_t) reco_argument_k(fcinfo, 2);
	option = reco_argument_options(fcinfo, 4, reco_many_option, RECO_MANY_OPTIONS);
	definition = reco_catalog_copy(reco_catalog_find(reco_argument_text(fcinfo, 0)));
	reco_catalog_require_reader(definition);
	reco_call_require_catalogue(definition);
	ask->definition = definition;
	ask->model = reco_model_open(definition, CurrentMemoryContext);
	ask->receive = put_list;
	ask->state = into;
	into->target = PG_GETARG_OID(1);
	into->replace = option[RECO_MANY_REPLACE].number != 0;
	reco_many_options(ask, option);
	bind_target(into);
	if (into->has[INTO_REASON])
		into->words = reco_words_open(NULL, CurrentMemoryContext);
	into->block = AllocSetContextCreate(CurrentMemoryContext, "reco block of lists", ALLOCSET_DEFAULT_SIZES);
}

/*
 * reco_recommend_into writes the lists of all users who have events, or of
 * those that users_query gives, into a table.
 */
Datum
reco_recommend_into(PG_FUNCTION_ARGS)
{
	bool may_commit = reco_procedure_begin(fcinfo, "recommend_into");
	Into into = {0};
	char *users_query = reco_argument_text(fcinfo, 3);
	RecoKeys *users;
	size_t n_skipped;

	read_arguments(&into, fcinfo);
	reco_progress_begin(&into.ask.definition->key, "recommend_into");
	reco_progress_phase("reading", 0);
	into.ask.only_active = users_query == NULL;
	users = users_left(&into, users_query, &n_skipped);
	write_all(&into, users, may_commit);
	reco_progress_end();
	ereport(
		NOTICE,
		(errmsg("recommend_into: wrote " INT64_FORMAT " rows for " INT64_FORMAT " users into %s", into.rows,
				into.lists, into.target_name),
		 n_skipped > 0 ? errdetail("%zu users were skipped because they have rows already.", n_skipped) : 0,
		 n_skipped > 0
			 ? errhint("To make all lists anew, empty the table first, or set the option \"replace\".")
			 : 0));
	reco_procedure_end(may_commit);
	PG_RETURN_VOID();
}
