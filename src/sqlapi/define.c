/*
 * define.c
 *	  SQL functions that define: create_recommender, alter_recommender,
 *	  drop_recommender, deploy and may_use.
 *
 * Creating and altering share their arguments from "interactions" to "options";
 * the table "argument" below says which column of the stored row each one
 * fills.  Both put the arguments over a row (a new one, or the stored one) and
 * check the whole row, so that a definition that alter leaves is one that
 * create would have taken.
 */
#include "sqlapi/define.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "model/model.h"

#define MAX_NAME_BYTES 255

#define NO_DEFAULT "It has no default: the call must give it."

PG_FUNCTION_INFO_V1(reco_create_recommender);
PG_FUNCTION_INFO_V1(reco_alter_recommender);
PG_FUNCTION_INFO_V1(reco_drop_recommender);
PG_FUNCTION_INFO_V1(reco_deploy);
PG_FUNCTION_INFO_V1(reco_may_use);

/* The arguments that create and alter share, in their order. */
static const struct
{
	const char *name;
	RecoField field;
	bool required;
} argument[] = {
	{"interactions", RECO_FIELD_INTERACTIONS, true},
	{"user_column", RECO_FIELD_USER_COLUMN, true},
	{"item_column", RECO_FIELD_ITEM_COLUMN, true},
	{"event_column", RECO_FIELD_EVENT_COLUMN, false},
	{"event_weights", RECO_FIELD_EVENT_WEIGHTS, false},
	{"value_column", RECO_FIELD_VALUE_COLUMN, false},
	{"time_column", RECO_FIELD_TIME_COLUMN, false},
	{"half_life", RECO_FIELD_HALF_LIFE, false},
	{"feedback", RECO_FIELD_FEEDBACK, false},
	{"items", RECO_FIELD_ITEMS, false},
	{"item_key", RECO_FIELD_ITEM_KEY, false},
	{"item_label", RECO_FIELD_ITEM_LABEL, false},
	{"item_features", RECO_FIELD_ITEM_FEATURES, false},
	{"items_time_column", RECO_FIELD_ITEMS_TIME_COLUMN, false},
	{"users", RECO_FIELD_USERS, false},
	{"user_key", RECO_FIELD_USER_KEY, false},
	{"user_features", RECO_FIELD_USER_FEATURES, false},
	{"shared_catalogue", RECO_FIELD_SHARED_CATALOGUE, false},
	{"algorithm", RECO_FIELD_ALGORITHM, false},
	{"options", RECO_FIELD_OPTIONS, false},
	{"protected", RECO_FIELD_PROTECTED, false},
};

/* Positions of the arguments of create and alter that are not shared. */
#define CREATE_NAME 0
#define CREATE_SHARED 1
#define ALTER_NAME 0
#define ALTER_NEW_NAME 1
#define ALTER_OWNER 2
#define ALTER_SHARED 3
#define ALTER_UNSET (ALTER_SHARED + (int) lengthof(argument))

/* set_field gives a column of the row a value. */
static void
set_field(RecoRow *row, RecoField f, Datum value)
{
	row->value[f] = value;
	row->isnull[f] = false;
}

/* set_null takes the value of a column of the row away. */
static void
set_null(RecoRow *row, RecoField f)
{
	row->value[f] = (Datum) 0;
	row->isnull[f] = true;
}

/* set_default gives an argument that was left out, or unset, its default. */
static void
set_default(RecoRow *row, RecoField f)
{
	switch (f)
	{
		case RECO_FIELD_FEEDBACK:
			set_field(row, f, CStringGetTextDatum("implicit"));
			break;
		case RECO_FIELD_ALGORITHM:
			set_field(row, f, CStringGetTextDatum("als"));
			break;
		case RECO_FIELD_SHARED_CATALOGUE:
			set_field(row, f, BoolGetDatum(false));
			break;
		case RECO_FIELD_OPTIONS:
			set_field(row, f, DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
			break;
		case RECO_FIELD_ITEMS:
			set_null(row, RECO_FIELD_ITEMS_NAME);
			set_null(row, f);
			break;
		case RECO_FIELD_USERS:
			set_null(row, RECO_FIELD_USERS_NAME);
			set_null(row, f);
			break;
		default:
			set_null(row, f);
	}
}

/* set_relation records a relation with its name as it is now. */
static void
set_relation(RecoRow *row, RecoField f, Datum relation, const char *name)
{
	RecoField recorded = f == RECO_FIELD_ITEMS   ? RECO_FIELD_ITEMS_NAME
						 : f == RECO_FIELD_USERS ? RECO_FIELD_USERS_NAME
												 : RECO_FIELD_INTERACTIONS_NAME;
	char *qualified = reco_catalog_relation_name(DatumGetObjectId(relation));

	if (!qualified)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("there is no relation with OID %u", DatumGetObjectId(relation)),
				errhint("Give the name of a table or a view as %s.", name));
	set_field(row, f, relation);
	set_field(row, recorded, CStringGetTextDatum(qualified));
}

/* push_options adds the members of an object that are not null, and not overridden, to a jsonb that is being made. */
static void
push_options(JsonbParseState **state, Jsonb *options, Jsonb *overriding)
{
	JsonbIterator *iterator = JsonbIteratorInit(&options->root);
	JsonbIteratorToken token;
	JsonbValue key;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		JsonbValue found;

		if (token != WJB_KEY)
			continue;
		JsonbIteratorNext(&iterator, &value, true);
		if (value.type == jbvNull)
			continue;
		if (overriding &&
			getKeyJsonValueFromContainer(&overriding->root, key.val.string.val, key.val.string.len, &found))
			continue;
		pushJsonbValue(state, WJB_KEY, &key);
		pushJsonbValue(state, WJB_VALUE, &value);
	}
}

/* merge_options puts options over older ones, key by key; null removes. */
static Datum
merge_options(Jsonb *old, Jsonb *new)
{
	JsonbParseState *state = NULL;

	if (!JB_ROOT_IS_OBJECT(new))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("options must be a JSON object"),
				errhint("Write it as in '{\"factors\": 64}'."));
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_options(&state, old, new);
	push_options(&state, new, NULL);
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/*
 * take_arguments puts the shared arguments that are not NULL over the row,
 * marks them in changed, and says whether there were any.
 */
static bool
take_arguments(FunctionCallInfo fcinfo, int first, RecoRow *row, bool *changed)
{
	bool any = false;

	for (int i = 0; i < (int) lengthof(argument); i++)
	{
		RecoField f = argument[i].field;
		Datum value;

		if (PG_ARGISNULL(first + i))
			continue;
		value = PG_GETARG_DATUM(first + i);
		if (f == RECO_FIELD_INTERACTIONS || f == RECO_FIELD_ITEMS || f == RECO_FIELD_USERS)
			set_relation(row, f, value, argument[i].name);
		else if (f == RECO_FIELD_OPTIONS)
			set_field(row, f, merge_options(DatumGetJsonbP(row->value[f]), DatumGetJsonbP(value)));
		else if ((f == RECO_FIELD_ITEM_FEATURES || f == RECO_FIELD_USER_FEATURES ||
				  f == RECO_FIELD_PROTECTED) &&
				 ARR_NDIM(DatumGetArrayTypeP(value)) == 0)
			set_null(row, f);
		else
			set_field(row, f, value);
		changed[f] = true;
		any = true;
	}
	return any;
}

/* required_argument gives a text argument that must be there. */
static char *
required_argument(FunctionCallInfo fcinfo, int i, const char *name)
{
	if (PG_ARGISNULL(i))
		ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				errmsg("argument \"%s\" must not be null", name), errhint(NO_DEFAULT));
	return text_to_cstring(PG_GETARG_TEXT_PP(i));
}

/* check_name checks the name that a recommender is to have. */
static void
check_name(const char *name, const char *argument_name)
{
	if (name[0] == '\0')
		ereport(ERROR, errcode(ERRCODE_INVALID_NAME), errmsg("%s must not be empty", argument_name),
				errhint("Choose a name that is not in use in the view reco.recommenders."));
	if (strlen(name) > MAX_NAME_BYTES)
		ereport(ERROR, errcode(ERRCODE_NAME_TOO_LONG),
				errmsg("%s is %zu bytes long", argument_name, strlen(name)),
				errhint("Names have at most %d bytes.", MAX_NAME_BYTES));
}

/* new_row makes a row with a new key, the caller as owner, and every argument at its default. */
static RecoRow *
new_row(const char *name)
{
	RecoRow *row = palloc(sizeof(RecoRow));
	pg_uuid_t *key = palloc(sizeof(pg_uuid_t));

	for (int i = 0; i < RECO_FIELDS; i++)
		set_null(row, i);
	for (int i = 0; i < (int) lengthof(argument); i++)
		set_default(row, argument[i].field);
	reco_catalog_random_key(key);
	set_field(row, RECO_FIELD_KEY, UUIDPGetDatum(key));
	set_field(row, RECO_FIELD_NAME, CStringGetTextDatum(name));
	set_field(row, RECO_FIELD_OWNER, ObjectIdGetDatum(GetUserId()));
	set_field(row, RECO_FIELD_CREATED_AT, TimestampTzGetDatum(GetCurrentTransactionStartTimestamp()));
	return row;
}

Datum
reco_create_recommender(PG_FUNCTION_ARGS)
{
	char *name = required_argument(fcinfo, CREATE_NAME, "name");
	bool changed[RECO_FIELDS] = {0};
	RecoRow *row;
	RecoDefinition *definition;

	PreventCommandDuringRecovery("reco.create_recommender()");
	check_name(name, "name");
	if (reco_catalog_read_row(name, true))
		reco_catalog_name_taken(name);
	for (int i = 0; i < (int) lengthof(argument); i++)
		if (argument[i].required && PG_ARGISNULL(CREATE_SHARED + i))
			ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					errmsg("argument \"%s\" must not be null", argument[i].name), errhint(NO_DEFAULT));
	row = new_row(name);
	take_arguments(fcinfo, CREATE_SHARED, row, changed);
	definition = reco_define_check(row);
	reco_catalog_insert_row(row);
	reco_define_advise(definition, changed);
	PG_RETURN_VOID();
}

/* unknown_unset raises the error for a name in unset that is no argument. */
static void
unknown_unset(const char *name)
{
	List *known = NIL;
	StringInfoData hint;
	const char *nearest;

	initStringInfo(&hint);
	appendStringInfoString(&hint, "It can be");
	for (int i = 0; i < (int) lengthof(argument); i++)
	{
		if (argument[i].required)
			continue;
		appendStringInfo(&hint, "%s %s", known ? "," : "", argument[i].name);
		known = lappend(known, unconstify(char *, argument[i].name));
	}
	appendStringInfoChar(&hint, '.');
	nearest = reco_catalog_nearest(name, known);
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("unset names \"%s\", which is no argument that has a default", name),
			nearest ? errhint("Perhaps you meant \"%s\".", nearest) : errhint("%s", hint.data));
}

/* unset_argument returns one argument to its default. */
static void
unset_argument(RecoRow *row, const char *name, bool *changed)
{
	int i = 0;

	while (i < (int) lengthof(argument) && (argument[i].required || strcmp(argument[i].name, name) != 0))
		i++;
	if (i == (int) lengthof(argument))
		unknown_unset(name);
	if (changed[argument[i].field])
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("%s is given a value and also unset", name), errhint("Do one or the other."));
	set_default(row, argument[i].field);
}

/* unset_arguments returns the arguments that "unset" names to their defaults; says whether there were any. */
static bool
unset_arguments(FunctionCallInfo fcinfo, RecoRow *row, bool *changed)
{
	Datum *name;
	bool *isnull;
	int n;

	if (PG_ARGISNULL(ALTER_UNSET))
		return false;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(ALTER_UNSET), NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &name,
					  &isnull, &n);
	for (int i = 0; i < n; i++)
	{
		if (isnull[i])
			ereport(ERROR, errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("unset must not contain NULL"),
					errhint("Write the names of arguments, as in '{half_life}'."));
		unset_argument(row, NameStr(*DatumGetName(name[i])), changed);
	}
	return n > 0;
}

/* rename_row gives the recommender another name. */
static void
rename_row(RecoRow *row, const char *name)
{
	RecoRow *other;

	check_name(name, "new_name");
	other = reco_catalog_read_row(name, true);
	if (other &&
		DatumGetBool(DirectFunctionCall2(uuid_ne, other->value[RECO_FIELD_KEY], row->value[RECO_FIELD_KEY])))
		reco_catalog_name_taken(name);
	set_field(row, RECO_FIELD_NAME, CStringGetTextDatum(name));
}

/* give_row makes another role the owner, as far as the caller may. */
static void
give_row(RecoRow *row, Oid owner)
{
	if (!GetUserNameFromId(owner, true))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no role with OID %u", owner));
	reco_compat_check_can_give(GetUserId(), owner);
	set_field(row, RECO_FIELD_OWNER, ObjectIdGetDatum(owner));
}

RecoRow *
reco_define_lock_owned(const char *name)
{
	RecoRow *row = reco_catalog_read_row(name, false);

	reco_catalog_require_owner(reco_catalog_parse(row));
	row = reco_catalog_lock_row(row);
	reco_catalog_require_owner(reco_catalog_parse(row));
	return row;
}

/* kept_options_hint says what to do about options that fitted the algorithm before. */
static void
kept_options_hint(void *argument)
{
	errhint(
		"Options stay when the algorithm changes: take them away with unset => '{options}', or one with options => "
		"'{\"factors\": null}'.");
}

/* check_kept_options checks that another algorithm knows the options that stay. */
static void
check_kept_options(const RecoRow *row)
{
	RecoDefinition *definition = reco_catalog_parse(row);
	ErrorContextCallback frame = {.callback = kept_options_hint};

	(void) reco_algorithm_find(definition->algorithm);
	frame.previous = error_context_stack;
	error_context_stack = &frame;
	reco_model_check_options(definition->algorithm, reco_model_options(definition));
	error_context_stack = frame.previous;
}

Datum
reco_alter_recommender(PG_FUNCTION_ARGS)
{
	char *name = required_argument(fcinfo, ALTER_NAME, "name");
	bool changed[RECO_FIELDS] = {0};
	RecoRow *row;
	RecoDefinition *definition = NULL;
	bool redefined;

	PreventCommandDuringRecovery("reco.alter_recommender()");
	row = reco_define_lock_owned(name);
	if (!PG_ARGISNULL(ALTER_NEW_NAME))
		rename_row(row, text_to_cstring(PG_GETARG_TEXT_PP(ALTER_NEW_NAME)));
	if (!PG_ARGISNULL(ALTER_OWNER))
		give_row(row, PG_GETARG_OID(ALTER_OWNER));
	redefined = take_arguments(fcinfo, ALTER_SHARED, row, changed);
	redefined |= unset_arguments(fcinfo, row, changed);
	if (changed[RECO_FIELD_ALGORITHM])
		check_kept_options(row);
	if (redefined)
	{
		definition = reco_define_check(row);
		reco_catalog_lock_redefinition(definition);
	}
	reco_catalog_update_row(row);
	if (redefined)
		reco_define_advise(definition, changed);
	PG_RETURN_VOID();
}

Datum
reco_drop_recommender(PG_FUNCTION_ARGS)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool if_exists = PG_GETARG_BOOL(1);
	RecoRow *row = reco_catalog_read_row(name, if_exists);
	RecoDefinition *definition;

	PreventCommandDuringRecovery("reco.drop_recommender()");
	if (!row)
	{
		ereport(NOTICE, errmsg("recommender \"%s\" does not exist, skipping", name));
		PG_RETURN_VOID();
	}
	definition = reco_catalog_parse(row);
	reco_catalog_require_owner(definition);
	reco_catalog_lock_in_transaction(definition);
	row = reco_define_lock_owned(name);
	reco_catalog_delete_row(row);
	PG_RETURN_VOID();
}

/* no_version raises the error for a version that is not kept. */
static void
no_version(const RecoDefinition *definition, int number)
{
	List *numbers = reco_catalog_version_numbers(definition);
	StringInfoData list;
	ListCell *cell;

	initStringInfo(&list);
	foreach (cell, numbers)
		appendStringInfo(&list, "%s%d", foreach_current_index(cell) > 0 ? ", " : "", lfirst_int(cell));
	ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
			errmsg("recommender \"%s\" has no version %d", definition->name, number),
			numbers ? errhint("The versions that are kept are %s.", list.data)
					: errhint("It has learned nothing yet: run CALL reco.refresh(%s).",
							  quote_literal_cstr(definition->name)));
}

Datum
reco_deploy(PG_FUNCTION_ARGS)
{
	const RecoDefinition *definition = reco_catalog_find_owned(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	int number = PG_GETARG_INT32(1);
	const RecoVersion *version;

	version = reco_catalog_version(definition, number);
	if (!version)
		no_version(definition, number);
	reco_catalog_check_types(definition, version);
	reco_catalog_deploy(definition, number);
	PG_RETURN_VOID();
}

Datum
reco_may_use(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(reco_catalog_may_use(PG_GETARG_UUID_P(0)));
}
