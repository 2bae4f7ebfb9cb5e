/*
 * tables.h
 *	  How the files of this room reach the tables of schema reco.  Private to src/catalog.
 */
#ifndef RECO_CATALOG_TABLES_H
#define RECO_CATALOG_TABLES_H

#include "postgres.h"

#include "access/genam.h"
#include "access/skey.h"
#include "executor/spi.h"
#include "utils/rel.h"
#include "utils/uuid.h"

#include "catalog/catalog.h"

/* Attribute numbers of reco.version, reco.chunk, reco.version_chunk and reco.reason_template. */
enum
{
	VERSION_RECOMMENDER = 1,
	VERSION_NUMBER,
	VERSION_KEY,
	VERSION_CREATED_AT,
	VERSION_FORMAT,
	VERSION_ALGORITHM,
	VERSION_USER_TYPE,
	VERSION_ITEM_TYPE,
	VERSION_AS_OF,
	VERSION_N_USERS,
	VERSION_N_ITEMS,
	VERSION_N_INTERACTIONS,
	VERSION_OPTIONS,
	VERSION_METRICS,
	VERSION_TENSORS,
	VERSION_COLUMNS = VERSION_TENSORS
};

enum
{
	CHUNK_RECOMMENDER = 1,
	CHUNK_DIGEST,
	CHUNK_DATA,
	CHUNK_COLUMNS = CHUNK_DATA
};

enum
{
	VERSION_CHUNK_RECOMMENDER = 1,
	VERSION_CHUNK_NUMBER,
	VERSION_CHUNK_TENSOR,
	VERSION_CHUNK_CHUNK,
	VERSION_CHUNK_DIGEST,
	VERSION_CHUNK_COLUMNS = VERSION_CHUNK_DIGEST
};

enum
{
	TEMPLATE_KIND = 1,
	TEMPLATE_LANG,
	TEMPLATE_VARIANT,
	TEMPLATE_PATTERN,
	TEMPLATE_MIN_EVIDENCE,
	TEMPLATE_WEIGHT,
	TEMPLATE_BUILTIN,
	TEMPLATE_COLUMNS = TEMPLATE_BUILTIN
};

/* A scan of one table, by an index or of all of it. */
typedef struct RecoScan
{
	Relation table;
	Relation index; /* NULL: the whole table */
	SysScanDesc scan;
	bool ordered;
	bool pushed; /* a snapshot was pushed for it */
} RecoScan;

/*
 * reco_scan_begin starts a scan of a table of schema reco.  index is NULL for
 * the whole table.  Keys carry attribute numbers of the table and are changed.
 */
extern void reco_scan_begin(RecoScan *scan, const char *table, const char *index, bool ordered, int n_keys,
							ScanKey key);

/* reco_scan_next gives the next tuple, valid until the next call; NULL at the end. */
extern HeapTuple reco_scan_next(RecoScan *scan);
extern void reco_scan_end(RecoScan *scan);

extern void reco_scan_key_uuid(ScanKey key, AttrNumber attribute, const pg_uuid_t *value);
extern void reco_scan_key_int(ScanKey key, AttrNumber attribute, int value);
extern void reco_scan_key_text(ScanKey key, AttrNumber attribute, const char *value);
extern void reco_scan_key_bytes(ScanKey key, AttrNumber attribute, const void *value, Size bytes);

/* What makes a version of a row the one that was parsed: nothing else has these three while the table is not rewritten, cid tells the rest. */
typedef struct RecoRowIdentity
{
	Oid table;
	TransactionId xmin;
	CommandId cid;
	ItemPointerData tid;
} RecoRowIdentity;

extern void reco_row_identify(HeapTuple tuple, RecoRowIdentity *identity);
extern bool reco_row_same(const RecoRowIdentity *a, const RecoRowIdentity *b);

/* reco_table_oid gives the OID of a table or index of schema reco, or raises when the extension is not there. */
extern Oid reco_table_oid(const char *name);

#define RECO_STATEMENT_PARAMETERS 48

/* One statement over the tables, with its parameters. */
typedef struct RecoStatement
{
	const char *sql;
	int n;
	Oid type[RECO_STATEMENT_PARAMETERS];
	Datum value[RECO_STATEMENT_PARAMETERS];
	char isnull[RECO_STATEMENT_PARAMETERS]; /* 'n' or ' ', as SPI has it */
} RecoStatement;

extern void reco_statement_add(RecoStatement *statement, Oid type, Datum value, bool isnull);

/* reco_statement_run runs a statement as the owner of the tables and gives the number of rows. */
extern uint64 reco_statement_run(RecoStatement *statement);

/* reco_statement_fetch runs one that gives a row: its columns are copied into the current context.  False when there is no row. */
extern bool reco_statement_fetch(RecoStatement *statement, int n_columns, Datum *value, bool *isnull);

/* reco_jsonb_copy copies a jsonb into the current context; NULL stays NULL. */
extern Jsonb *reco_jsonb_copy(const Jsonb *jsonb);

/* reco_jsonb_or_empty gives the datum of a jsonb, {} for NULL. */
extern Datum reco_jsonb_or_empty(Jsonb *jsonb);

/* reco_row_deform takes a tuple of reco.recommender apart; by-reference values point into it. */
extern void reco_row_deform(HeapTuple tuple, TupleDesc descriptor, RecoRow *row);

/* reco_catalog_usable_names lists the names of the recommenders that the caller may use, of char *. */
extern List *reco_catalog_usable_names(void);

/* reco_catalog_may_read says whether the caller has SELECT on every mapped interactions column, as far as they are still there. */
extern bool reco_catalog_may_read(const RecoDefinition *definition);

/* reco_catalog_present says whether a relation is there under the name that was recorded. */
extern bool reco_catalog_present(const RecoRelation *relation);

/* reco_catalog_check_fit raises ERRCODE_DATATYPE_MISMATCH unless the bound event, value and time columns have types that fit their use (fit.c). */
extern void reco_catalog_check_fit(const RecoDefinition *definition);

#endif
