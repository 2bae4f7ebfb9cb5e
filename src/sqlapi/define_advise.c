/*
 * define_advise.c
 *	  NOTICEs at definition: what will be slow, late or not used.
 */
#include "model/model.h"
#include "sqlapi/define.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* leads says whether a column is the first of an index that serves every lookup by it. */
static bool
leads(Oid index_oid, AttrNumber attnum)
{
	Relation index = index_open(index_oid, AccessShareLock);
	bool result = index->rd_index->indisvalid && index->rd_index->indkey.values[0] == attnum &&
				  RelationGetIndexPredicate(index) == NIL;

	index_close(index, AccessShareLock);
	return result;
}

/* has_index says whether lookups by a column are served by an index, or the relation is of a kind that has none. */
static bool
has_index(const RecoRelation *relation, const RecoColumn *column)
{
	char kind = get_rel_relkind(relation->relid);
	bool found = false;
	Relation table;
	List *indexes;
	ListCell *cell;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_MATVIEW)
		return true;
	table = table_open(relation->relid, AccessShareLock);
	indexes = RelationGetIndexList(table);
	foreach (cell, indexes)
		found = found || leads(lfirst_oid(cell), column->attnum);
	list_free(indexes);
	table_close(table, AccessShareLock);
	return found;
}

/* advise_index says when lookups by a column are not served by an index. */
static void
advise_index(const RecoRelation *relation, const RecoColumn *column, const char *who)
{
	if (!column->name || has_index(relation, column))
		return;
	ereport(NOTICE,
			errmsg("no index of relation \"%s\" begins with column \"%s\"", relation->name, column->name),
			errdetail("%s reads the whole relation without one.", who),
			errhint("CREATE INDEX ON %s (%s);", relation->sql_name, quote_identifier(column->name)));
}

/* advise_new_items says how items that are added later are found between refreshes, where that is not plain. */
static void
advise_new_items(const RecoDefinition *definition)
{
	char *name;

	if (!OidIsValid(definition->items.relid))
		return;
	name = definition->items.name;
	if (!definition->item_features || reco_algorithm_find(definition->algorithm)->place == NULL)
		ereport(NOTICE, errmsg("items added later wait for the next refresh"),
				errdetail(
					"Between refreshes new rows of relation \"%s\" can be scored by their attributes alone, "
					"and none are learned.",
					name),
				errhint("Name columns in item_features, with the algorithm \"als\"."));
	else if (definition->items_time.name)
		advise_index(&definition->items, &definition->items_time, "Looking for new items");
	else if (!reco_reader_keys_grow(reco_key_kind_of_type(definition->item_key.type, "item_key")))
		ereport(NOTICE, errmsg("items added later wait for the next refresh, unless a call names them"),
				errdetail("Nothing says which rows of relation \"%s\" are new.", name),
				errhint("Name the column with the time at which an item was added in items_time_column."));
	else if (reco_key_kind_of_type(definition->item_key.type, "item_key") == RECO_KEY_UUID)
		ereport(
			NOTICE, errmsg("new items are looked for by growing keys"),
			errdetail(
				"That finds those whose uuid is greater than all before, as of version 7, and no others."),
			errhint("Else name the column with the time at which an item was added in items_time_column."));
}

/* advise_features says where features are recorded, not used. */
static void
advise_features(const RecoDefinition *definition)
{
	if ((!definition->item_features && !definition->user_features) ||
		reco_algorithm_find(definition->algorithm)->attribute_bytes != NULL)
		return;
	ereport(
		NOTICE,
		errmsg("features are recorded, but algorithm \"%s\" does not learn from them", definition->algorithm),
		errhint("Algorithm \"als\" does."));
}

void
reco_define_advise(const RecoDefinition *definition, const bool *changed)
{
	if (changed[RECO_FIELD_INTERACTIONS] || changed[RECO_FIELD_USER_COLUMN])
		advise_index(&definition->interactions, &definition->user, "Every call for a user");
	if (changed[RECO_FIELD_ITEMS] || changed[RECO_FIELD_ITEM_KEY])
		advise_index(&definition->items, &definition->item_key, "Looking up labels and filters of items");
	if (changed[RECO_FIELD_ITEMS] || changed[RECO_FIELD_ITEMS_TIME_COLUMN] || changed[RECO_FIELD_ITEM_KEY] ||
		changed[RECO_FIELD_ITEM_FEATURES])
		advise_new_items(definition);
	if (changed[RECO_FIELD_ITEM_FEATURES] || changed[RECO_FIELD_USER_FEATURES])
		advise_features(definition);
}
