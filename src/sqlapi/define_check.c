/*
 * define_check.c
 *	  What must hold of a definition before it is stored.
 */
#include "sqlapi/define.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "model/model.h"
#include "reader/key.h"

void
reco_define_check_relation(const RecoRelation *relation, const char *argument)
{
	char kind;

	if (!OidIsValid(relation->relid))
		return;
	kind = get_rel_relkind(relation->relid);
	if (kind == '\0')
		return; /* reco_catalog_bind says what is missing */
	if (kind != RELKIND_RELATION && kind != RELKIND_VIEW && kind != RELKIND_MATVIEW &&
		kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_FOREIGN_TABLE)
		ereport(
			ERROR, errcode(ERRCODE_WRONG_OBJECT_TYPE),
			errmsg("%s must be a table or a view, and \"%s\" is neither", argument,
				   get_rel_name(relation->relid)),
			errhint(
				"Tables, partitioned tables, foreign tables, views and materialized views can be mapped."));
	if (get_rel_persistence(relation->relid) == RELPERSISTENCE_TEMP)
		ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				errmsg("%s must not be a temporary relation, and \"%s\" is one", argument,
					   get_rel_name(relation->relid)),
				errdetail("A recommender is there for all sessions and outlives this one."),
				errhint("Map a permanent or unlogged table."));
}

/* needs raises unless what an argument is about was given too. */
static void
needs(bool given, const char *argument, bool there, const char *needed, const char *why)
{
	if (!given || there)
		return;
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s needs %s", argument, needed),
			errdetail_internal("%s", why), errhint("Give %s, or leave out (or unset) %s.", needed, argument));
}

/* check_needs checks which arguments need which. */
static void
check_needs(const RecoDefinition *definition)
{
	bool items = definition->items.recorded_name != NULL;
	bool users = definition->users.recorded_name != NULL;

	needs(definition->has_event_weights, "event_weights", definition->event.name, "event_column",
		  "The weights are looked up by the event of each row.");
	needs(definition->half_life > 0, "half_life", definition->time.name, "time_column",
		  "Events lose weight with their age.");
	needs(definition->explicit_feedback, "feedback", definition->value.name, "value_column",
		  "Explicit feedback is ratings, and they are in that column.");
	needs(items, "items", definition->item_key.name, "item_key", "It is the column that identifies an item.");
	needs(definition->item_key.name, "item_key", items, "items", "It is a column of that relation.");
	needs(definition->item_label.name, "item_label", items, "items", "It is a column of that relation.");
	needs(definition->items_time.name, "items_time_column", items, "items",
		  "It is a column of that relation.");
	needs(definition->item_features, "item_features", items, "items", "They are columns of that relation.");
	needs(users, "users", definition->user_key.name, "user_key", "It is the column that identifies a user.");
	needs(definition->user_key.name, "user_key", users, "users", "It is a column of that relation.");
	needs(definition->user_features, "user_features", users, "users", "They are columns of that relation.");
	needs(definition->protected, "protected", items || users, "users",
		  "They are columns of that relation, or of items.");
}

/* column_phrase names a column for a message. */
static char *
column_phrase(const RecoRelation *relation, const RecoColumn *column)
{
	return psprintf("column \"%s\" of relation \"%s\"", column->name, relation->name);
}

void
reco_define_check_same_kind(const RecoDefinition *definition, const RecoColumn *column,
							const RecoRelation *side, const RecoColumn *key)
{
	RecoKeyKind kind = reco_key_kind_of_type(column->type, column_phrase(&definition->interactions, column));

	if (!key->name || reco_key_kind_of_type(key->type, column_phrase(side, key)) == kind)
		return;
	ereport(ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
			errmsg("%s is of type %s, but %s is of type %s", column_phrase(side, key),
				   format_type_be(key->type), column_phrase(&definition->interactions, column),
				   format_type_be(column->type)),
			errdetail("Both must be integers, both uuid, or both text."),
			errhint("Cast one of them in a view, and map the view."));
}

/*
 * check_collation refuses keys that are equal while their bytes differ: rows are learned by the bytes of their keys, and a
 * lookup would find the rows of several.
 */
static void
check_collation(const RecoRelation *relation, const RecoColumn *column, const char *argument)
{
	if (!column->name || !OidIsValid(column->collation) || get_collation_isdeterministic(column->collation))
		return;
	ereport(
		ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
		errmsg("%s cannot have a nondeterministic collation", argument),
		errdetail("It is %s, whose collation \"%s\" takes different keys for equal.",
				  column_phrase(relation, column), get_collation_name(column->collation)),
		errhint("Give the column another collation, in a view that is mapped instead or with ALTER TABLE."));
}

static void
check_types(const RecoDefinition *definition)
{
	reco_define_check_same_kind(definition, &definition->user, &definition->users, &definition->user_key);
	reco_define_check_same_kind(definition, &definition->item, &definition->items, &definition->item_key);
	check_collation(&definition->interactions, &definition->user, "user_column");
	check_collation(&definition->interactions, &definition->item, "item_column");
	check_collation(&definition->items, &definition->item_key, "item_key");
	check_collation(&definition->users, &definition->user_key, "user_key");
}

/* check_weights checks the signs of the event weights. */
static void
check_weights(const RecoDefinition *definition)
{
	bool positive = false;

	for (int i = 0; i < definition->n_event_weights; i++)
	{
		const RecoEventWeight *weight = &definition->event_weight[i];

		positive |= weight->weight > 0;
		if (definition->explicit_feedback && weight->weight < 0)
			ereport(
				ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the weight of event \"%s\" is negative", weight->event),
				errdetail(
					"With explicit feedback the rating says what was disliked; a weight says how much the row counts."),
				errhint("Give a weight of 0 or more, or use feedback => 'implicit'."));
	}
	if (definition->has_event_weights && !positive)
		ereport(
			ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("event_weights has no positive weight"),
			errdetail("Rows whose event has no weight are skipped, so nothing would be learned."),
			errhint(
				"Write a weight for each event that counts, as in '{\"view\": 1, \"purchase\": 5, \"return\": -3}'."));
}

/* check_select raises unless the caller may read a mapped column. */
static void
check_select(const RecoRelation *relation, const RecoColumn *column)
{
	if (!column->name || reco_catalog_may_select(relation->relid, column->attnum))
		return;
	ereport(ERROR, errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			errmsg("permission denied for %s", column_phrase(relation, column)),
			errdetail("Whoever defines a recommender must be able to read every column it maps."),
			errhint("Ask for GRANT SELECT ON %s, and USAGE on its schema.", relation->recorded_name));
}

/* check_features checks that feature columns are there and may be read. */
static void
check_features(const RecoDefinition *definition, const RecoRelation *relation, List *features,
			   const char *argument)
{
	ListCell *cell;

	foreach (cell, features)
	{
		RecoColumn column = {.name = lfirst(cell)};

		for (int i = 0; i < foreach_current_index(cell); i++)
			if (strcmp(list_nth(features, i), column.name) == 0)
				ereport(ERROR, errcode(ERRCODE_DUPLICATE_COLUMN),
						errmsg("%s names column \"%s\" twice", argument, column.name),
						errhint("Name each column once."));
		reco_catalog_bind_column(definition, relation, &column, argument);
		check_select(relation, &column);
	}
}

/* has_column says whether a relation is mapped and has a column. */
static bool
has_column(const RecoRelation *relation, const char *name)
{
	return OidIsValid(relation->relid) && get_attnum(relation->relid, name) > 0;
}

/* named says whether a list of names has one. */
static bool
named(const List *names, const char *name)
{
	const ListCell *cell;

	foreach (cell, names)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

/* check_protected checks that protected columns are there and that nothing is learned from them. */
static void
check_protected(const RecoDefinition *definition)
{
	const ListCell *cell;

	foreach (cell, definition->protected)
	{
		const char *name = lfirst(cell);
		RecoColumn column = {.name = pstrdup(name)};

		if (!has_column(&definition->users, name) && !has_column(&definition->items, name))
			reco_catalog_bind_column(
				definition, OidIsValid(definition->users.relid) ? &definition->users : &definition->items,
				&column, "protected");
		if (named(definition->item_features, name) || named(definition->user_features, name))
			ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("column \"%s\" is protected and a feature", name),
					errdetail("Nothing is learned from protected columns; they are there for audits."),
					errhint("Name it in one of protected, item_features and user_features."));
	}
}

/* check_rights checks that the caller may read all that the definition maps. */
static void
check_rights(const RecoDefinition *definition)
{
	check_select(&definition->interactions, &definition->user);
	check_select(&definition->interactions, &definition->item);
	check_select(&definition->interactions, &definition->event);
	check_select(&definition->interactions, &definition->value);
	check_select(&definition->interactions, &definition->time);
	check_select(&definition->items, &definition->item_key);
	check_select(&definition->items, &definition->item_label);
	check_select(&definition->items, &definition->items_time);
	check_select(&definition->users, &definition->user_key);
	check_features(definition, &definition->items, definition->item_features, "item_features");
	check_features(definition, &definition->users, definition->user_features, "user_features");
}

/* check_feedback checks the word for the kind of feedback. */
static void
check_feedback(const RecoRow *row)
{
	char *feedback = TextDatumGetCString(row->value[RECO_FIELD_FEEDBACK]);

	if (strcmp(feedback, "implicit") == 0 || strcmp(feedback, "explicit") == 0)
		return;
	ereport(
		ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown feedback \"%s\"", feedback),
		errhint("It is \"implicit\" (events: what people did) or \"explicit\" (ratings: what people said)."));
}

/* check_names checks that an array of columns has one dimension and no NULL. */
static void
check_names(const RecoRow *row, RecoField f, const char *argument)
{
	ArrayType *names;

	if (row->isnull[f])
		return;
	names = DatumGetArrayTypeP(row->value[f]);
	if (ARR_NDIM(names) <= 1 && !array_contains_nulls(names))
		return;
	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("%s must be a list of column names, without NULL", argument),
			errhint("Write it as in '{category, brand, price}'."));
}

RecoDefinition *
reco_define_check(const RecoRow *row)
{
	RecoDefinition *definition;

	check_feedback(row);
	check_names(row, RECO_FIELD_ITEM_FEATURES, "item_features");
	check_names(row, RECO_FIELD_USER_FEATURES, "user_features");
	check_names(row, RECO_FIELD_PROTECTED, "protected");
	definition = reco_catalog_parse(row);
	reco_define_check_relation(&definition->interactions, "interactions");
	reco_define_check_relation(&definition->items, "items");
	reco_define_check_relation(&definition->users, "users");
	check_needs(definition);
	reco_catalog_bind(definition);
	check_rights(definition);
	check_protected(definition);
	check_types(definition);
	check_weights(definition);
	reco_features_check(definition);
	reco_model_check_options(definition->algorithm, reco_model_options(definition));
	reco_model_check_feedback(definition->algorithm, definition->explicit_feedback);
	return definition;
}
