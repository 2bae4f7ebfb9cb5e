/*
 * row_version.c
 *	  When the version of a row of the items relation tells what its item is encoded to.
 *
 * PostgreSQL never changes a row in its place: an update writes another one, at another place or by another transaction.  So a row of the same
 * place (ctid) and writer (xmin) as one read before holds the same values, as long as the table is not written anew, of which
 * every session is told (a relcache invalidation).  That holds for heap tables and materialised views; a view, a foreign table or a tree of tables
 * has no such versions, or not for all rows.  The key must be unique, or else another row may be the one that counts, and what is read must
 * follow from the values alone (reco_attribute_is_fixed).  Asking for the version takes the right to select from the whole table.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "utils/rel.h"

#include "reader/encoder.h"

/* is_key_of says whether an index makes sure that a column has each value once. */
static bool
is_key_of(Oid index_oid, AttrNumber attnum)
{
	Relation index = index_open(index_oid, AccessShareLock);
	const FormData_pg_index *form = index->rd_index;
	bool result = form->indisunique && form->indimmediate && form->indisvalid && form->indnkeyatts == 1 &&
				  form->indkey.values[0] == attnum && RelationGetIndexPredicate(index) == NIL;

	index_close(index, AccessShareLock);
	return result;
}

/* is_unique says whether an index makes sure that a key has one row. */
static bool
is_unique(Relation table, AttrNumber attnum)
{
	List *indexes = RelationGetIndexList(table);
	const ListCell *cell;
	bool found = false;

	foreach (cell, indexes)
		found = found || is_key_of(lfirst_oid(cell), attnum);
	list_free(indexes);
	return found;
}

/* all_fixed says whether all attributes that are read at all are read from values alone. */
static bool
all_fixed(const RecoDefinition *definition, const RecoEncoder *encoder)
{
	for (int a = 0; a < encoder->n_attributes; a++)
	{
		RecoSource source = reco_attribute_source(definition, RECO_SIDE_ITEM, &encoder->attribute[a]);

		if (source.expression == NULL)
			continue;
		pfree(source.expression);
		if (!reco_attribute_is_fixed(source.type, source.form))
			return false;
	}
	return true;
}

bool
reco_reader_tells_versions(const RecoDefinition *definition, const RecoEncoder *encoder)
{
	Oid relid = definition->items.relid;
	Relation table;
	bool result;

	if (!reco_catalog_may_select_all(relid))
		return false;
	table = table_open(relid, AccessShareLock);
	result = (table->rd_rel->relkind == RELKIND_RELATION || table->rd_rel->relkind == RELKIND_MATVIEW) &&
			 table->rd_rel->relam == HEAP_TABLE_AM_OID && !table->rd_rel->relhassubclass &&
			 is_unique(table, definition->item_key.attnum) && all_fixed(definition, encoder);
	table_close(table, NoLock);
	return result;
}
