/*
 * template.c
 *	  Reading reco.reason_template, and noticing that it has changed.
 *
 * Who changes a row of the table sends an invalidation of the table's cache
 * entry (reco_catalog_templates_changed, from a trigger), which reaches every session when
 * the change commits, and the session itself at once and again when it rolls
 * back.  So sessions keep what they have read until they are told.  What is
 * read is the newest state, not that of the transaction's snapshot: a session
 * in an old snapshot would otherwise keep what is no longer there.
 */
#include "catalog/tables.h"

#include "access/htup_details.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"

#define TEMPLATE_TABLE "reason_template"

static Datum
column_of(HeapTuple tuple, TupleDesc descriptor, AttrNumber column)
{
	bool isnull;

	return heap_getattr(tuple, column, descriptor, &isnull);
}

/* template_of copies one row; no column of the table can be NULL. */
static RecoTemplateRow
template_of(HeapTuple tuple, TupleDesc descriptor)
{
	return (RecoTemplateRow){
		.kind = TextDatumGetCString(column_of(tuple, descriptor, TEMPLATE_KIND)),
		.lang = TextDatumGetCString(column_of(tuple, descriptor, TEMPLATE_LANG)),
		.variant = DatumGetInt32(column_of(tuple, descriptor, TEMPLATE_VARIANT)),
		.pattern = TextDatumGetCString(column_of(tuple, descriptor, TEMPLATE_PATTERN)),
		.min_evidence = DatumGetInt32(column_of(tuple, descriptor, TEMPLATE_MIN_EVIDENCE)),
		.weight = DatumGetFloat8(column_of(tuple, descriptor, TEMPLATE_WEIGHT)),
		.builtin = DatumGetBool(column_of(tuple, descriptor, TEMPLATE_BUILTIN)),
	};
}

RecoTemplateRow *
reco_catalog_templates(int *n)
{
	RecoScan scan;
	HeapTuple tuple;
	int room = 128;
	RecoTemplateRow *row = palloc_array(RecoTemplateRow, room);

	*n = 0;
	PushActiveSnapshot(GetCatalogSnapshot(reco_table_oid(TEMPLATE_TABLE)));
	reco_scan_begin(&scan, TEMPLATE_TABLE, "reason_template_pkey", true, 0, NULL);
	while ((tuple = reco_scan_next(&scan)) != NULL)
	{
		if (*n == room)
		{
			room *= 2;
			row = repalloc_array(row, RecoTemplateRow, room);
		}
		row[(*n)++] = template_of(tuple, RelationGetDescr(scan.table));
	}
	reco_scan_end(&scan);
	PopActiveSnapshot();
	return row;
}

void
reco_catalog_templates_changed(void)
{
	CacheInvalidateRelcacheByRelid(reco_table_oid(TEMPLATE_TABLE));
}

/* The table as it was last read by this session, and whether that still holds. */
static Oid watched = InvalidOid;
static uint64 generation = 1;

/* notice_change starts a new generation when the table, or everything, is invalidated. */
static void
notice_change(Datum argument, Oid relid)
{
	if (relid == InvalidOid || relid == watched)
		generation++;
}

uint64
reco_catalog_templates_watch(void)
{
	static bool registered = false;

	if (!registered)
		CacheRegisterRelcacheCallback(notice_change, (Datum) 0);
	registered = true;
	watched = reco_table_oid(TEMPLATE_TABLE);
	return generation;
}

bool
reco_catalog_templates_current(uint64 seen)
{
	return seen == generation;
}
