/*
 * bind.c
 *	  Resolving the relations and columns of a definition as they are now.
 *
 * A relation is recorded twice: by OID and by the qualified name it had. Both
 * must agree.  After a rename, a drop, a drop and create, or a restore
 * of only some tables they do not, and then a call is an error and not a
 * guess: alter_recommender() records what is meant.  A dump holds the name
 * that the OID had then, beside the recorded one; the restored row has the OID of
 * the relation of that name, or none (sqlapi/reference.c).
 */
#include "catalog/tables.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#define MAX_LISTED_COLUMNS 40

Oid
reco_catalog_relation_named(const char *schema, const char *name)
{
	Oid namespace = get_namespace_oid(schema, true);

	return OidIsValid(namespace) ? get_relname_relid(name, namespace) : InvalidOid;
}

char *
reco_catalog_relation_name(Oid relid)
{
	char *relation = get_rel_name(relid);
	char *schema;
	char *name;

	if (!relation)
		return NULL;
	schema = get_namespace_name(get_rel_namespace(relid));
	name = quote_qualified_identifier(schema, relation);
	if (schema)
		pfree(schema);
	pfree(relation);
	return name;
}

/*
 * Names are compared and not their quoted forms: what is quoted depends on the
 * setting quote_all_identifiers, and on the keywords of the server's version.
 */
bool
reco_catalog_present(const RecoRelation *relation)
{
	char *name = get_rel_name(relation->relid);
	char *schema = name != NULL ? get_namespace_name(get_rel_namespace(relation->relid)) : NULL;
	bool present = schema != NULL && relation->name != NULL && strcmp(schema, relation->schema) == 0 &&
				   strcmp(name, relation->name) == 0;

	if (schema != NULL)
		pfree(schema);
	if (name != NULL)
		pfree(name);
	return present;
}

/* is_stored says whether a definition comes from the table; while it is being made there is nothing to alter. */
static bool
is_stored(const RecoDefinition *definition)
{
	return TransactionIdIsValid(definition->row_xmin);
}

/* alter_call writes the call that gives one argument of a stored definition another value. */
static char *
alter_call(const RecoDefinition *definition, const char *argument, const char *value)
{
	return psprintf("SELECT reco.alter_recommender(%s, %s => %s)", quote_literal_cstr(definition->name),
					argument, quote_literal_cstr(value));
}

/* absent raises the error for a relation that is not what was recorded. */
static void
absent(const RecoDefinition *definition, const RecoRelation *relation, const char *argument)
{
	char *now = reco_catalog_relation_name(relation->relid);

	if (now)
		ereport(
			ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
			errmsg("relation %s of recommender \"%s\" is now %s", relation->recorded_name, definition->name,
				   now),
			errdetail(
				"It was renamed or moved, or only some tables were restored, since the recommender was defined."),
			errhint("Say which relation is meant with %s.", alter_call(definition, argument, now)));
	ereport(
		ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
		errmsg("relation %s of recommender \"%s\" does not exist", relation->recorded_name, definition->name),
		OidIsValid(relation->relid)
			? errdetail("It was dropped, or dropped and created again, since the recommender was defined.")
			: errdetail("It was not there when the recommender was restored from a dump."),
		errhint("Once it is there, say so with %s.",
				alter_call(definition, argument, relation->recorded_name)));
}

/* bind_relation checks that a mapped relation is there as recorded. */
static void
bind_relation(const RecoDefinition *definition, RecoRelation *relation, const char *argument)
{
	if (!relation->recorded_name)
		return;
	if (!reco_catalog_present(relation))
		absent(definition, relation, argument);
	relation->sql_name = relation->recorded_name;
}

void
reco_catalog_bind_reviews(RecoDefinition *definition)
{
	RecoRelation *relation = &definition->reviews;

	if (!relation->recorded_name)
		return;
	if (!reco_catalog_present(relation))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_TABLE),
				errmsg("reviews relation %s of recommender \"%s\" is not there as it was named",
					   relation->recorded_name, definition->name),
				errdetail("It was dropped, renamed or moved, or not restored, since it was named."),
				errhint("Name it again with reco.set_reviews(%s, ...), or SELECT reco.set_reviews(%s, NULL).",
						quote_literal_cstr(definition->name), quote_literal_cstr(definition->name)));
	relation->sql_name = relation->recorded_name;
}

/* column_names lists the columns of a relation, of char *. */
static List *
column_names(Oid relid)
{
	List *names = NIL;
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	AttrNumber n;

	if (!HeapTupleIsValid(tuple))
		return NIL;
	n = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
	ReleaseSysCache(tuple);
	for (AttrNumber i = 1; i <= n; i++)
	{
		tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(i));
		if (!HeapTupleIsValid(tuple))
			continue;
		if (!((Form_pg_attribute) GETSTRUCT(tuple))->attisdropped)
			names = lappend(names, pstrdup(NameStr(((Form_pg_attribute) GETSTRUCT(tuple))->attname)));
		ReleaseSysCache(tuple);
	}
	return names;
}

/* takes_list says whether an argument names several columns. */
static bool
takes_list(const char *argument)
{
	return strcmp(argument, "item_features") == 0 || strcmp(argument, "user_features") == 0 ||
		   strcmp(argument, "protected") == 0;
}

pg_noreturn static void no_column(const RecoDefinition *definition, const RecoRelation *relation,
								  const char *name, const char *argument);

/* no_column raises the error for a column that a relation does not have. */
static void
no_column(const RecoDefinition *definition, const RecoRelation *relation, const char *name,
		  const char *argument)
{
	List *names = column_names(relation->relid);
	const char *nearest = reco_catalog_nearest(name, names);
	StringInfoData hint;
	ListCell *cell;

	initStringInfo(&hint);
	foreach (cell, names)
	{
		int i = foreach_current_index(cell);

		appendStringInfo(&hint, "%s%s", i > 0 ? ", " : "Its columns are ",
						 i == MAX_LISTED_COLUMNS ? "..." : (char *) lfirst(cell));
		if (i == MAX_LISTED_COLUMNS)
			break;
	}
	appendStringInfoString(&hint, names ? "." : "It has no columns.");
	if (nearest)
		appendStringInfo(&hint, " Perhaps you meant \"%s\".", nearest);
	if (is_stored(definition) && takes_list(argument))
		appendStringInfo(&hint, " Name the columns that are there with %s.",
						 alter_call(definition, argument, "{...}"));
	else if (is_stored(definition))
		appendStringInfo(&hint, " Name the column that is meant with %s.",
						 alter_call(definition, argument, nearest ? nearest : "..."));
	ereport(ERROR, errcode(ERRCODE_UNDEFINED_COLUMN),
			errmsg("relation \"%s\" has no column \"%s\"", relation->name, name),
			is_stored(definition)
				? errdetail("Recommender \"%s\" was defined with it as %s.", definition->name, argument)
				: 0,
			errhint("%s", hint.data));
}

void
reco_catalog_bind_column(const RecoDefinition *definition, const RecoRelation *relation, RecoColumn *column,
						 const char *argument)
{
	HeapTuple tuple;
	Form_pg_attribute attribute;

	if (!column->name)
		return;
	tuple = SearchSysCacheAttName(relation->relid, column->name);
	if (!HeapTupleIsValid(tuple) || ((Form_pg_attribute) GETSTRUCT(tuple))->attnum <= 0)
		no_column(definition, relation, column->name, argument);
	attribute = (Form_pg_attribute) GETSTRUCT(tuple);
	column->attnum = attribute->attnum;
	column->type = attribute->atttypid;
	column->typmod = attribute->atttypmod;
	column->collation = attribute->attcollation;
	ReleaseSysCache(tuple);
}

void
reco_catalog_bind(RecoDefinition *definition)
{
	RecoRelation *relation = &definition->interactions;

	bind_relation(definition, relation, "interactions");
	reco_catalog_bind_column(definition, relation, &definition->user, "user_column");
	reco_catalog_bind_column(definition, relation, &definition->item, "item_column");
	reco_catalog_bind_column(definition, relation, &definition->event, "event_column");
	reco_catalog_bind_column(definition, relation, &definition->value, "value_column");
	reco_catalog_bind_column(definition, relation, &definition->time, "time_column");

	relation = &definition->items;
	bind_relation(definition, relation, "items");
	reco_catalog_bind_column(definition, relation, &definition->item_key, "item_key");
	reco_catalog_bind_column(definition, relation, &definition->item_label, "item_label");
	reco_catalog_bind_column(definition, relation, &definition->items_time, "items_time_column");

	relation = &definition->users;
	bind_relation(definition, relation, "users");
	reco_catalog_bind_column(definition, relation, &definition->user_key, "user_key");

	reco_catalog_check_fit(definition);
}
