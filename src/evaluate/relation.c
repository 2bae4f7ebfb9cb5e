/*
 * relation.c
 *	  Checks a relation of test pairs before it is read, with errors that say
 *	  what such a relation must look like.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "evaluate/internal.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* More columns than this are not listed in a hint. */
#define MAX_LISTED 20

/* count_columns gives the number of columns of a relation, dropped ones included. */
static int
count_columns(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	int n;

	if (!HeapTupleIsValid(tuple))
		return 0;
	n = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
	ReleaseSysCache(tuple);
	return n;
}

/* column_list names the columns of a relation. */
static char *
column_list(Oid relation)
{
	StringInfoData text;
	int n = count_columns(relation);
	int listed = 0;

	initStringInfo(&text);
	for (int i = 1; i <= n; i++)
	{
		char *name = get_attname(relation, i, true);

		if (name == NULL)
			continue;
		if (++listed > MAX_LISTED)
		{
			appendStringInfoString(&text, ", ...");
			break;
		}
		appendStringInfo(&text, "%s%s", listed > 1 ? ", " : "", name);
	}
	return text.data;
}

/* require_column raises unless the relation has a column of the definition's name. */
static void
require_column(const RecoDefinition *definition, const RecoColumn *column, Oid relation)
{
	if (column->name == NULL || get_attnum(relation, column->name) > 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("test relation \"%s\" has no column \"%s\"", get_rel_name(relation), column->name),
			 errdetail("Its columns are %s.", column_list(relation)),
			 errhint("It needs the columns \"%s\" and \"%s\"%s of recommender \"%s\"; rename them in a view.",
					 definition->user.name, definition->item.name,
					 definition->explicit_feedback ? ", and that of the ratings," : "", definition->name)));
}

/* require_kind raises unless the column is a key of the kind that the definition's is. */
static void
require_kind(const RecoColumn *column, Oid relation)
{
	Oid type = get_atttype(relation, get_attnum(relation, column->name));
	char *what = psprintf("column \"%s\" of test relation \"%s\"", column->name, get_rel_name(relation));

	if (reco_key_kind_of_type(type, what) != reco_key_kind_of_type(column->type, column->name))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("%s is of type %s, that of the interactions of type %s", what,
							   format_type_be(type), format_type_be(column->type)),
						errhint("Cast it in a view.")));
}

/*
 * reco_evaluate_check_relation raises unless the relation is there and has the
 * user and item columns of the definition, with keys of the same kinds, and for
 * explicit feedback its ratings.
 */
void
reco_evaluate_check_relation(const RecoDefinition *definition, Oid relation)
{
	if (get_rel_name(relation) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no relation with OID %u", relation),
				 errhint("Pass the test relation by its name.")));
	require_column(definition, &definition->user, relation);
	require_column(definition, &definition->item, relation);
	if (definition->explicit_feedback)
		require_column(definition, &definition->value, relation);
	require_kind(&definition->user, relation);
	require_kind(&definition->item, relation);
}
