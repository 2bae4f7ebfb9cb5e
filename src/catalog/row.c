/*
 * row.c
 *	  Rows of reco.recommender: stored form, parsed form, and writing.
 */
#include "catalog/tables.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "compat.h"

/* The columns of reco.recommender, by RecoField, with the types of parameters that are stored in them. */
static const struct
{
	const char *name;
	Oid type;
} field[RECO_FIELDS] = {
	{"key", UUIDOID},
	{"name", TEXTOID},
	{"owner", REGROLEOID},
	{"created_at", TIMESTAMPTZOID},
	{"algorithm", TEXTOID},
	{"feedback", TEXTOID},
	{"interactions", REGCLASSOID},
	{"interactions_name", TEXTOID},
	{"user_column", NAMEOID},
	{"item_column", NAMEOID},
	{"event_column", NAMEOID},
	{"event_weights", JSONBOID},
	{"value_column", NAMEOID},
	{"time_column", NAMEOID},
	{"half_life", INTERVALOID},
	{"items", REGCLASSOID},
	{"items_name", TEXTOID},
	{"item_key", NAMEOID},
	{"item_label", NAMEOID},
	{"item_features", NAMEARRAYOID},
	{"items_time_column", NAMEOID},
	{"users", REGCLASSOID},
	{"users_name", TEXTOID},
	{"user_key", NAMEOID},
	{"user_features", NAMEARRAYOID},
	{"protected", NAMEARRAYOID},
	{"shared_catalogue", BOOLOID},
	{"options", JSONBOID},
	{"deployed", INT4OID},
	{"reviews", REGCLASSOID},
	{"reviews_name", TEXTOID},
	{"reviews_item_column", NAMEOID},
	{"reviews_user_column", NAMEOID},
	{"review_aspects", NAMEARRAYOID},
	{"review_min", FLOAT8OID},
	{"review_people", INT4OID},
};

void
reco_row_deform(HeapTuple tuple, TupleDesc descriptor, RecoRow *row)
{
	for (int i = 0; i < RECO_FIELDS; i++)
		row->value[i] = heap_getattr(tuple, i + 1, descriptor, &row->isnull[i]);
}

/* row_text gives a text column as a string in the current context, or NULL. */
static char *
row_text(const RecoRow *row, RecoField f)
{
	return row->isnull[f] ? NULL : TextDatumGetCString(row->value[f]);
}

/* split_name takes a recorded name apart; one that is no qualified name, which only a change of the table by hand makes, has no parts. */
static void
split_name(RecoRelation *relation)
{
	List *part = NIL;

	relation->schema = relation->name = NULL;
	if (relation->recorded_name == NULL ||
		!SplitIdentifierString(pstrdup(relation->recorded_name), '.', &part) || list_length(part) != 2)
		return;
	relation->schema = linitial(part);
	relation->name = lsecond(part);
}

/* row_relation fills in a relation from its two columns. */
static void
row_relation(const RecoRow *row, RecoField f, RecoField name, RecoRelation *relation)
{
	relation->relid = row->isnull[f] ? InvalidOid : DatumGetObjectId(row->value[f]);
	relation->recorded_name = row_text(row, name);
	split_name(relation);
}

/* row_column fills in the name of a mapped column. */
static void
row_column(const RecoRow *row, RecoField f, RecoColumn *column)
{
	column->name = row->isnull[f] ? NULL : pstrdup(NameStr(*DatumGetName(row->value[f])));
}

/* row_names gives the elements of a name[] as a list of char *. */
static List *
row_names(const RecoRow *row, RecoField f)
{
	Datum *element;
	bool *isnull;
	int n;
	List *names = NIL;

	if (row->isnull[f])
		return NIL;
	deconstruct_array(DatumGetArrayTypeP(row->value[f]), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &element,
					  &isnull, &n);
	for (int i = 0; i < n; i++)
		if (!isnull[i])
			names = lappend(names, pstrdup(NameStr(*DatumGetName(element[i]))));
	return names;
}

static int
compare_event_weights(const void *a, const void *b)
{
	return strcmp(((const RecoEventWeight *) a)->event, ((const RecoEventWeight *) b)->event);
}

/* bad_weights raises the error for event weights that are no object of numbers. */
static void
bad_weights(const char *detail)
{
	ereport(
		ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		errmsg("event_weights must be a JSON object of finite numbers"), errdetail_internal("%s", detail),
		errhint(
			"Write a weight for each event that counts, as in '{\"view\": 1, \"purchase\": 5, \"return\": -3}'."));
}

/* weight_of gives the number of one event. */
static double
weight_of(const char *event, const JsonbValue *value)
{
	double weight;

	if (value->type != jbvNumeric)
		bad_weights(psprintf("The weight of event \"%s\" is not a number.", event));
	weight =
		DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!isfinite(weight))
		bad_weights(psprintf("The weight of event \"%s\" is out of range.", event));
	return weight;
}

/* parse_event_weights reads the object of weights into the definition, sorted by event. */
static void
parse_event_weights(Jsonb *weights, RecoDefinition *definition)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;
	char *event = NULL;

	definition->has_event_weights = true;
	if (!JB_ROOT_IS_OBJECT(weights))
		bad_weights("It is not an object.");
	definition->event_weight = palloc_array(RecoEventWeight, JB_ROOT_COUNT(weights) + 1);
	iterator = JsonbIteratorInit(&weights->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			event = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
		{
			RecoEventWeight *weight = &definition->event_weight[definition->n_event_weights++];

			weight->event = event;
			weight->weight = weight_of(event, &value);
		}
	}
	qsort(definition->event_weight, definition->n_event_weights, sizeof(RecoEventWeight),
		  compare_event_weights);
}

/* half_life_of converts an interval into microseconds; a month has 30 days. */
static double
half_life_of(const Interval *interval)
{
	double days = (double) interval->month * DAYS_PER_MONTH + interval->day;
	double half_life = days * USECS_PER_DAY + (double) interval->time;

	if (half_life > 0 && reco_compat_interval_is_finite(interval))
		return half_life;
	ereport(
		ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		errmsg("half_life must be a positive, finite interval"),
		errhint(
			"It is the age at which an event counts half, as in '90 days'; without it all events count in full."));
	pg_unreachable();
}

/* parse_relations reads the three relations with their columns. */
static void
parse_relations(const RecoRow *row, RecoDefinition *definition)
{
	row_relation(row, RECO_FIELD_INTERACTIONS, RECO_FIELD_INTERACTIONS_NAME, &definition->interactions);
	row_column(row, RECO_FIELD_USER_COLUMN, &definition->user);
	row_column(row, RECO_FIELD_ITEM_COLUMN, &definition->item);
	row_column(row, RECO_FIELD_EVENT_COLUMN, &definition->event);
	row_column(row, RECO_FIELD_VALUE_COLUMN, &definition->value);
	row_column(row, RECO_FIELD_TIME_COLUMN, &definition->time);
	row_relation(row, RECO_FIELD_ITEMS, RECO_FIELD_ITEMS_NAME, &definition->items);
	row_column(row, RECO_FIELD_ITEM_KEY, &definition->item_key);
	row_column(row, RECO_FIELD_ITEM_LABEL, &definition->item_label);
	row_column(row, RECO_FIELD_ITEMS_TIME_COLUMN, &definition->items_time);
	definition->item_features = row_names(row, RECO_FIELD_ITEM_FEATURES);
	row_relation(row, RECO_FIELD_USERS, RECO_FIELD_USERS_NAME, &definition->users);
	row_column(row, RECO_FIELD_USER_KEY, &definition->user_key);
	definition->user_features = row_names(row, RECO_FIELD_USER_FEATURES);
	definition->protected = row_names(row, RECO_FIELD_PROTECTED);
}

/* parse_reviews reads the reviews relation with its columns. */
static void
parse_reviews(const RecoRow *row, RecoDefinition *definition)
{
	row_relation(row, RECO_FIELD_REVIEWS, RECO_FIELD_REVIEWS_NAME, &definition->reviews);
	if (definition->reviews.recorded_name == NULL)
		return;
	definition->reviews_item = pstrdup(NameStr(*DatumGetName(row->value[RECO_FIELD_REVIEWS_ITEM_COLUMN])));
	definition->reviews_user = pstrdup(NameStr(*DatumGetName(row->value[RECO_FIELD_REVIEWS_USER_COLUMN])));
	definition->review_aspects = row_names(row, RECO_FIELD_REVIEW_ASPECTS);
	definition->review_min = DatumGetFloat8(row->value[RECO_FIELD_REVIEW_MIN]);
	definition->review_people = DatumGetInt32(row->value[RECO_FIELD_REVIEW_PEOPLE]);
}

RecoDefinition *
reco_catalog_parse(const RecoRow *row)
{
	RecoDefinition *definition = palloc0(sizeof(RecoDefinition));

	definition->key = *DatumGetUUIDP(row->value[RECO_FIELD_KEY]);
	definition->name = row_text(row, RECO_FIELD_NAME);
	definition->owner = DatumGetObjectId(row->value[RECO_FIELD_OWNER]);
	definition->algorithm = row_text(row, RECO_FIELD_ALGORITHM);
	definition->explicit_feedback = strcmp(row_text(row, RECO_FIELD_FEEDBACK), "explicit") == 0;
	parse_relations(row, definition);
	parse_reviews(row, definition);
	if (!row->isnull[RECO_FIELD_EVENT_WEIGHTS])
		parse_event_weights(DatumGetJsonbP(row->value[RECO_FIELD_EVENT_WEIGHTS]), definition);
	if (!row->isnull[RECO_FIELD_HALF_LIFE])
		definition->half_life = half_life_of(DatumGetIntervalP(row->value[RECO_FIELD_HALF_LIFE]));
	definition->shared_catalogue = DatumGetBool(row->value[RECO_FIELD_SHARED_CATALOGUE]);
	if (!row->isnull[RECO_FIELD_OPTIONS])
		definition->options = DatumGetJsonbPCopy(row->value[RECO_FIELD_OPTIONS]);
	if (!row->isnull[RECO_FIELD_DEPLOYED])
		definition->deployed = DatumGetInt32(row->value[RECO_FIELD_DEPLOYED]);
	return definition;
}

/* copy_string copies a string or NULL. */
static char *
copy_string(const char *string)
{
	return string ? pstrdup(string) : NULL;
}

static void
copy_relation(RecoRelation *relation)
{
	relation->recorded_name = copy_string(relation->recorded_name);
	relation->schema = copy_string(relation->schema);
	relation->name = copy_string(relation->name);
	relation->sql_name = copy_string(relation->sql_name);
}

static List *
copy_names(const List *names)
{
	List *copy = NIL;
	ListCell *cell;

	foreach (cell, names)
		copy = lappend(copy, pstrdup(lfirst(cell)));
	return copy;
}

/* columns_of gives pointers to all column slots of a definition, for what is done to each. */
#define N_COLUMNS 9
static void
columns_of(RecoDefinition *definition, RecoColumn *column[N_COLUMNS])
{
	column[0] = &definition->user;
	column[1] = &definition->item;
	column[2] = &definition->event;
	column[3] = &definition->value;
	column[4] = &definition->time;
	column[5] = &definition->item_key;
	column[6] = &definition->item_label;
	column[7] = &definition->items_time;
	column[8] = &definition->user_key;
}

RecoDefinition *
reco_catalog_copy(const RecoDefinition *definition)
{
	RecoDefinition *copy = palloc(sizeof(RecoDefinition));
	RecoColumn *column[N_COLUMNS];

	*copy = *definition;
	copy->name = copy_string(definition->name);
	copy->algorithm = copy_string(definition->algorithm);
	copy_relation(&copy->interactions);
	copy_relation(&copy->items);
	copy_relation(&copy->users);
	copy_relation(&copy->reviews);
	copy->reviews_item = copy_string(definition->reviews_item);
	copy->reviews_user = copy_string(definition->reviews_user);
	copy->review_aspects = copy_names(definition->review_aspects);
	columns_of(copy, column);
	for (int i = 0; i < N_COLUMNS; i++)
		column[i]->name = copy_string(column[i]->name);
	copy->event_weight = palloc_array(RecoEventWeight, definition->n_event_weights + 1);
	for (int i = 0; i < definition->n_event_weights; i++)
	{
		copy->event_weight[i].event = pstrdup(definition->event_weight[i].event);
		copy->event_weight[i].weight = definition->event_weight[i].weight;
	}
	copy->item_features = copy_names(definition->item_features);
	copy->user_features = copy_names(definition->user_features);
	copy->protected = copy_names(definition->protected);
	copy->options = reco_jsonb_copy(definition->options);
	return copy;
}

void
reco_catalog_random_key(pg_uuid_t *key)
{
	if (!pg_strong_random(key->data, UUID_LEN))
		elog(ERROR, "could not generate a random key");
	key->data[6] = (key->data[6] & 0x0f) | 0x40; /* version 4 */
	key->data[8] = (key->data[8] & 0x3f) | 0x80; /* variant of RFC 4122 */
}

RecoRow *
reco_catalog_lock_row(const RecoRow *row)
{
	RecoRow *locked = palloc(sizeof(RecoRow));
	RecoStatement statement = {.sql = "SELECT * FROM reco.recommender WHERE key = $1 FOR NO KEY UPDATE"};

	reco_statement_add(&statement, UUIDOID, row->value[RECO_FIELD_KEY], false);
	if (!reco_statement_fetch(&statement, RECO_FIELDS, locked->value, locked->isnull))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("recommender \"%s\" was dropped meanwhile", row_text(row, RECO_FIELD_NAME)));
	return locked;
}

void
reco_catalog_name_taken(const char *name)
{
	ereport(
		ERROR, errcode(ERRCODE_DUPLICATE_OBJECT), errmsg("recommender \"%s\" already exists", name),
		errhint(
			"Names are unique in the database: choose another, or change the one there is with reco.alter_recommender()."));
}

void
reco_catalog_insert_row(const RecoRow *row)
{
	RecoStatement statement = {0};
	StringInfoData columns;
	StringInfoData parameters;

	initStringInfo(&columns);
	initStringInfo(&parameters);
	for (int i = 0; i < RECO_FIELDS; i++)
	{
		const char *separator = i > 0 ? ", " : "";

		appendStringInfo(&columns, "%s%s", separator, field[i].name);
		appendStringInfo(&parameters, "%s$%d", separator, i + 1);
		reco_statement_add(&statement, field[i].type, row->value[i], row->isnull[i]);
	}
	statement.sql = psprintf("INSERT INTO reco.recommender (%s) VALUES (%s) ON CONFLICT (name) DO NOTHING",
							 columns.data, parameters.data);
	if (reco_statement_run(&statement) == 0)
		reco_catalog_name_taken(row_text(row, RECO_FIELD_NAME));
}

/* run_update runs the update of a row; another session may have committed a recommender of the name meanwhile. */
static uint64
run_update(RecoStatement *statement, const char *name)
{
	MemoryContext context = CurrentMemoryContext;
	uint64 rows = 0;

	PG_TRY();
	{
		rows = reco_statement_run(statement);
	}
	PG_CATCH();
	{
		/* either way an error goes on, so that the transaction is undone as ever */
		MemoryContextSwitchTo(context);
		if (geterrcode() != ERRCODE_UNIQUE_VIOLATION)
			PG_RE_THROW();
		FlushErrorState();
		reco_catalog_name_taken(name);
	}
	PG_END_TRY();
	return rows;
}

void
reco_catalog_update_row(const RecoRow *row)
{
	RecoStatement statement = {0};
	StringInfoData assignments;

	initStringInfo(&assignments);
	reco_statement_add(&statement, UUIDOID, row->value[RECO_FIELD_KEY], false);
	for (int i = 0; i < RECO_FIELDS; i++)
	{
		if (i == RECO_FIELD_KEY || i == RECO_FIELD_CREATED_AT || i == RECO_FIELD_DEPLOYED)
			continue;
		reco_statement_add(&statement, field[i].type, row->value[i], row->isnull[i]);
		appendStringInfo(&assignments, "%s%s = $%d", statement.n > 2 ? ", " : "", field[i].name, statement.n);
	}
	statement.sql = psprintf("UPDATE reco.recommender SET %s WHERE key = $1", assignments.data);
	if (run_update(&statement, row_text(row, RECO_FIELD_NAME)) == 0)
		elog(ERROR, "the row of a recommender is gone while it is locked");
}

void
reco_catalog_delete_row(const RecoRow *row)
{
	static const char *const from[] = {
		"evaluation_difference WHERE evaluation IN (SELECT id FROM reco.evaluation WHERE recommender = $1)",
		"evaluation_metric WHERE evaluation IN (SELECT id FROM reco.evaluation WHERE recommender = $1)",
		"evaluation_model WHERE evaluation IN (SELECT id FROM reco.evaluation WHERE recommender = $1)",
		"evaluation WHERE recommender = $1",
		"trial WHERE recommender = $1",
		"version_chunk WHERE recommender = $1",
		"version WHERE recommender = $1",
		"chunk WHERE recommender = $1",
		"recommender WHERE key = $1"};

	for (size_t i = 0; i < lengthof(from); i++)
	{
		RecoStatement statement = {.sql = psprintf("DELETE FROM reco.%s", from[i])};

		reco_statement_add(&statement, UUIDOID, row->value[RECO_FIELD_KEY], false);
		reco_statement_run(&statement);
	}
}
