/*
 * tables.c
 *	  Reaching the tables of schema reco: scans in the active snapshot, and
 *	  statements as the owner of the tables.
 *
 * Reading uses index scans of the table access method and not SPI, because
 * every recommend() reads two rows.  Such a scan looks at no privilege: who
 * may see what is decided before its result is used.  Writing uses SPI, so
 * that constraints and indexes are kept, as the owner of the tables,
 * around one statement.  When that raises, PostgreSQL restores user id and
 * settings as the (sub)transaction aborts.
 */
#include "catalog/tables.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#define RECO_SCHEMA "reco"

Oid
reco_table_oid(const char *name)
{
	Oid schema = get_namespace_oid(RECO_SCHEMA, true);
	Oid relid = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;

	if (!OidIsValid(relid))
		ereport(
			ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
			errmsg("extension \"reco\" is not installed in this database"),
			errdetail("There is no relation %s.%s.", RECO_SCHEMA, name),
			errhint("Run CREATE EXTENSION reco, or ALTER EXTENSION reco UPDATE when the library is newer."));
	return relid;
}

/*
 * require_columns raises where a table has fewer columns than this library reads: of a schema that an older version of the
 * extension has made.  Rows are taken apart by place, so nothing else would notice.
 */
static void
require_columns(Relation table, const char *name)
{
	static const struct
	{
		const char *table;
		int columns;
	} expected[] = {{"recommender", RECO_FIELDS},
					{"version", VERSION_COLUMNS},
					{"chunk", CHUNK_COLUMNS},
					{"version_chunk", VERSION_CHUNK_COLUMNS},
					{"reason_template", TEMPLATE_COLUMNS}};

	for (size_t i = 0; i < lengthof(expected); i++)
		if (strcmp(name, expected[i].table) == 0 &&
			RelationGetNumberOfAttributes(table) < expected[i].columns)
			ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("extension \"reco\" is older in this database than its library"),
					errdetail("Relation %s.%s has %d columns, and the library reads %d.", RECO_SCHEMA, name,
							  RelationGetNumberOfAttributes(table), expected[i].columns),
					errhint("Run ALTER EXTENSION reco UPDATE."));
}

void
reco_scan_begin(RecoScan *scan, const char *table, const char *index, bool ordered, int n_keys, ScanKey key)
{
	scan->pushed = !ActiveSnapshotSet();
	if (scan->pushed)
		PushActiveSnapshot(GetTransactionSnapshot());
	scan->table = table_open(reco_table_oid(table), AccessShareLock);
	require_columns(scan->table, table);
	scan->index = index ? index_open(reco_table_oid(index), AccessShareLock) : NULL;
	scan->ordered = ordered;
	if (ordered)
		scan->scan = systable_beginscan_ordered(scan->table, scan->index, GetActiveSnapshot(), n_keys, key);
	else
		scan->scan = systable_beginscan(scan->table, index ? RelationGetRelid(scan->index) : InvalidOid,
										index != NULL, GetActiveSnapshot(), n_keys, key);
}

HeapTuple
reco_scan_next(RecoScan *scan)
{
	if (scan->ordered)
		return systable_getnext_ordered(scan->scan, ForwardScanDirection);
	return systable_getnext(scan->scan);
}

void
reco_scan_end(RecoScan *scan)
{
	if (scan->ordered)
		systable_endscan_ordered(scan->scan);
	else
		systable_endscan(scan->scan);
	if (scan->index)
		index_close(scan->index, AccessShareLock);
	table_close(scan->table, AccessShareLock);
	if (scan->pushed)
		PopActiveSnapshot();
}

void
reco_scan_key_uuid(ScanKey key, AttrNumber attribute, const pg_uuid_t *value)
{
	ScanKeyInit(key, attribute, BTEqualStrategyNumber, F_UUID_EQ, UUIDPGetDatum(value));
}

void
reco_scan_key_int(ScanKey key, AttrNumber attribute, int value)
{
	ScanKeyInit(key, attribute, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(value));
}

/* reco_scan_key_text compares bytes: the columns it is used for have collation "C", which ScanKeyInit sets. */
void
reco_scan_key_text(ScanKey key, AttrNumber attribute, const char *value)
{
	ScanKeyInit(key, attribute, BTEqualStrategyNumber, F_TEXTEQ, CStringGetTextDatum(value));
}

void
reco_scan_key_bytes(ScanKey key, AttrNumber attribute, const void *value, Size bytes)
{
	ScanKeyInit(key, attribute, BTEqualStrategyNumber, F_BYTEAEQ,
				PointerGetDatum(cstring_to_text_with_len(value, (int) bytes)));
}

void
reco_row_identify(HeapTuple tuple, RecoRowIdentity *identity)
{
	identity->table = tuple->t_tableOid;
	identity->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	identity->cid = HeapTupleHeaderGetRawCommandId(tuple->t_data);
	identity->tid = tuple->t_self;
}

bool
reco_row_same(const RecoRowIdentity *a, const RecoRowIdentity *b)
{
	return a->table == b->table && a->xmin == b->xmin && a->cid == b->cid &&
		   ItemPointerEquals(unconstify(ItemPointerData *, &a->tid), unconstify(ItemPointerData *, &b->tid));
}

int
reco_catalog_begin_query(void)
{
	int nest_level = NewGUCNestLevel();

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return nest_level;
}

void
reco_catalog_end_query(int nest_level)
{
	AtEOXact_GUC(true, nest_level);
}

void
reco_statement_add(RecoStatement *statement, Oid type, Datum value, bool isnull)
{
	int i = statement->n++;

	if (i >= RECO_STATEMENT_PARAMETERS)
		elog(ERROR, "too many parameters for a statement of reco");
	statement->type[i] = type;
	statement->value[i] = isnull ? (Datum) 0 : value;
	statement->isnull[i] = isnull ? 'n' : ' ';
}

/* tables_owner gives the role that owns the tables: the owner of the extension. */
static Oid
tables_owner(void)
{
	Relation table = table_open(reco_table_oid("recommender"), AccessShareLock);
	Oid owner = table->rd_rel->relowner;

	table_close(table, AccessShareLock);
	return owner;
}

/* execute runs a statement as the owner of the tables; SPI is connected. */
static void
execute(RecoStatement *statement)
{
	Oid user;
	int context;
	int nest_level;
	int result;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(tables_owner(), context | SECURITY_LOCAL_USERID_CHANGE);
	nest_level = reco_catalog_begin_query();
	result = SPI_execute_with_args(statement->sql, statement->n, statement->type, statement->value,
								   statement->isnull, false, 0);
	reco_catalog_end_query(nest_level);
	SetUserIdAndSecContext(user, context);
	if (result < 0)
		elog(ERROR, "statement of reco failed: %s: %s", SPI_result_code_string(result), statement->sql);
}

uint64
reco_statement_run(RecoStatement *statement)
{
	uint64 rows;

	SPI_connect();
	execute(statement);
	rows = SPI_processed;
	SPI_finish();
	return rows;
}

/* copy_columns copies the columns of the first row of the SPI result into the given context. */
static void
copy_columns(MemoryContext context, int n_columns, Datum *value, bool *isnull)
{
	TupleDesc descriptor = SPI_tuptable->tupdesc;
	MemoryContext old = MemoryContextSwitchTo(context);

	for (int i = 0; i < n_columns; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		value[i] = SPI_getbinval(SPI_tuptable->vals[0], descriptor, i + 1, &isnull[i]);
		if (isnull[i])
			continue;
		if (attribute->attlen == -1)
			value[i] = PointerGetDatum(PG_DETOAST_DATUM_COPY(value[i]));
		else
			value[i] = datumCopy(value[i], attribute->attbyval, attribute->attlen);
	}
	MemoryContextSwitchTo(old);
}

bool
reco_statement_fetch(RecoStatement *statement, int n_columns, Datum *value, bool *isnull)
{
	MemoryContext context = CurrentMemoryContext;
	bool found;

	SPI_connect();
	execute(statement);
	found = SPI_processed > 0;
	if (found)
		copy_columns(context, n_columns, value, isnull);
	SPI_finish();
	return found;
}

Jsonb *
reco_jsonb_copy(const Jsonb *jsonb)
{
	Jsonb *copy;

	if (!jsonb)
		return NULL;
	copy = palloc(VARSIZE(jsonb));
	memcpy(copy, jsonb, VARSIZE(jsonb));
	return copy;
}

Datum
reco_jsonb_or_empty(Jsonb *jsonb)
{
	if (jsonb)
		return JsonbPGetDatum(jsonb);
	return DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"));
}
