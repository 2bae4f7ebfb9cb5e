/*
 * fit.c
 *	  Whether mapped columns have types that fit their use: when a recommender
 *	  is defined, and at every call, as a column may have another type since.
 *
 * Keys are not judged here: reader/key.h knows them.
 */
#include "catalog/tables.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* wrong_type raises the error for a column of a type that does not fit its use. */
static void
wrong_type(const RecoRelation *relation, const RecoColumn *column, const char *argument, const char *expected,
		   const char *hint)
{
	ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
			errmsg("%s cannot be of type %s", argument, format_type_be(column->type)),
			errdetail("It is column \"%s\" of relation \"%s\"; expected is %s.", column->name, relation->name,
					  expected),
			errhint("%s", hint));
}

/* check_value checks that a value column holds numbers. */
static void
check_value(const RecoDefinition *definition)
{
	Oid type;

	if (!definition->value.name)
		return;
	type = getBaseType(definition->value.type);
	if (type != INT2OID && type != INT4OID && type != INT8OID && type != FLOAT4OID && type != FLOAT8OID &&
		type != NUMERICOID)
		wrong_type(&definition->interactions, &definition->value, "value_column", "a number",
				   "Cast the column to double precision in a view, and map the view.");
}

/* check_event checks that the names of events can be read as text. */
static void
check_event(const RecoDefinition *definition)
{
	Oid type;
	char category;
	bool preferred;

	if (!definition->event.name)
		return;
	type = getBaseType(definition->event.type);
	if (type == INT2OID || type == INT4OID || type == INT8OID || type == CHAROID || type_is_enum(type))
		return;
	get_type_category_preferred(type, &category, &preferred);
	if (category != TYPCATEGORY_STRING)
		wrong_type(&definition->interactions, &definition->event, "event_column",
				   "text, an enum or an integer", "Cast the column to text in a view, and map the view.");
}

/* check_time checks that a column holds points in time. */
static void
check_time(const RecoRelation *relation, const RecoColumn *column, const char *argument)
{
	Oid type;

	if (!column->name)
		return;
	type = getBaseType(column->type);
	if (type != DATEOID && type != TIMESTAMPOID && type != TIMESTAMPTZOID)
		wrong_type(relation, column, argument, "date, timestamp or timestamp with time zone",
				   "Convert the column in a view, for instance with to_timestamp(), and map the view.");
}

void
reco_catalog_check_fit(const RecoDefinition *definition)
{
	check_event(definition);
	check_value(definition);
	check_time(&definition->interactions, &definition->time, "time_column");
	check_time(&definition->items, &definition->items_time, "items_time_column");
}
