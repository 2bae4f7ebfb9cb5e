/*
 * version.c
 *	  Rows of reco.version: read through a session cache, written once, never changed.
 */
#include "catalog/tables.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "reco.h"

#define MAX_ENTRIES 256

typedef struct VersionKey
{
	pg_uuid_t recommender;
	int32 number;
} VersionKey;

typedef struct VersionEntry
{
	VersionKey key;
	MemoryContext context; /* of the version; NULL: none yet */
	RecoRowIdentity identity;
	RecoVersion *version;
} VersionEntry;

static HTAB *entries = NULL;

/* retire lets a parsed form live on until the transaction ends. */
static void
retire(MemoryContext context)
{
	if (context)
		MemoryContextSetParent(context, TopTransactionContext);
}

/* forget_all retires every entry. */
static void
forget_all(void)
{
	HASH_SEQ_STATUS status;
	VersionEntry *entry;

	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
		retire(entry->context);
	hash_destroy(entries);
	entries = NULL;
}

/* entry_of gives the cache entry of a version, made when there is none. */
static VersionEntry *
entry_of(const pg_uuid_t *recommender, int number)
{
	VersionKey key = {.recommender = *recommender, .number = number};
	VersionEntry *entry;
	bool found;

	if (entries && hash_get_num_entries(entries) >= MAX_ENTRIES)
		forget_all();
	if (!entries)
	{
		HASHCTL control = {.keysize = sizeof(VersionKey), .entrysize = sizeof(VersionEntry)};

		entries = hash_create("reco versions", 16, &control, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(entries, &key, HASH_ENTER, &found);
	if (!found)
		entry->context = NULL;
	return entry;
}

/* parse makes a version of a tuple in the current context. */
static RecoVersion *
parse(HeapTuple tuple, TupleDesc descriptor)
{
	RecoVersion *version = palloc0(sizeof(RecoVersion));
	Datum value[VERSION_COLUMNS + 1];
	bool isnull[VERSION_COLUMNS + 1];

	for (int i = 1; i <= VERSION_COLUMNS; i++)
		value[i] = heap_getattr(tuple, i, descriptor, &isnull[i]);
	version->recommender = *DatumGetUUIDP(value[VERSION_RECOMMENDER]);
	version->number = DatumGetInt32(value[VERSION_NUMBER]);
	version->key = *DatumGetUUIDP(value[VERSION_KEY]);
	version->format = DatumGetInt32(value[VERSION_FORMAT]);
	version->algorithm = TextDatumGetCString(value[VERSION_ALGORITHM]);
	version->user_type = DatumGetObjectId(value[VERSION_USER_TYPE]);
	version->item_type = DatumGetObjectId(value[VERSION_ITEM_TYPE]);
	version->has_as_of = !isnull[VERSION_AS_OF];
	if (version->has_as_of)
		version->as_of = DatumGetTimestampTz(value[VERSION_AS_OF]);
	version->n_users = DatumGetInt64(value[VERSION_N_USERS]);
	version->n_items = DatumGetInt64(value[VERSION_N_ITEMS]);
	version->n_interactions = DatumGetInt64(value[VERSION_N_INTERACTIONS]);
	version->options = DatumGetJsonbPCopy(value[VERSION_OPTIONS]);
	version->metrics = DatumGetJsonbPCopy(value[VERSION_METRICS]);
	version->tensors = DatumGetJsonbPCopy(value[VERSION_TENSORS]);
	return version;
}

/* parse_into parses a tuple into a new context, which replaces the entry's. */
static void
parse_into(VersionEntry *entry, HeapTuple tuple, TupleDesc descriptor, const RecoRowIdentity *identity)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "reco version", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	RecoVersion *version = parse(tuple, descriptor);

	MemoryContextSwitchTo(old);
	retire(entry->context);
	MemoryContextSetParent(context, CacheMemoryContext);
	entry->context = context;
	entry->version = version;
	entry->identity = *identity;
}

/* check_format refuses a version that this library cannot read. */
static void
check_format(const RecoDefinition *definition, const RecoVersion *version)
{
	if (version->format == RECO_FORMAT_VERSION)
		return;
	ereport(ERROR, errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			errmsg("version %d of recommender \"%s\" has format %d, which this library does not know",
				   version->number, definition->name, version->format),
			errdetail("This library reads format %d.", RECO_FORMAT_VERSION),
			errhint("Install the library it was learned with, or learn it again with CALL reco.refresh(%s).",
					quote_literal_cstr(definition->name)));
}

const RecoVersion *
reco_catalog_version(const RecoDefinition *definition, int number)
{
	RecoScan scan;
	ScanKeyData key[2];
	HeapTuple tuple;
	const RecoVersion *version = NULL;

	reco_scan_key_uuid(&key[0], VERSION_RECOMMENDER, &definition->key);
	reco_scan_key_int(&key[1], VERSION_NUMBER, number);
	reco_scan_begin(&scan, "version", "version_pkey", false, 2, key);
	tuple = reco_scan_next(&scan);
	if (tuple)
	{
		VersionEntry *entry = entry_of(&definition->key, number);
		RecoRowIdentity identity;

		reco_row_identify(tuple, &identity);
		if (!entry->context || !reco_row_same(&identity, &entry->identity))
			parse_into(entry, tuple, RelationGetDescr(scan.table), &identity);
		version = entry->version;
	}
	reco_scan_end(&scan);
	if (version)
		check_format(definition, version);
	return version;
}

/* same_kind says whether keys of two types are stored alike: both integers, both uuid, or both text. */
static bool
same_kind(Oid a, Oid b)
{
	static const Oid kind[][3] = {
		{INT2OID, INT4OID, INT8OID}, {UUIDOID, UUIDOID, UUIDOID}, {TEXTOID, VARCHAROID, VARCHAROID}};

	/* the type of a stored version may be gone */
	if (!get_typisdefined(a) || !get_typisdefined(b))
		return false;
	a = getBaseType(a);
	b = getBaseType(b);
	if (a == b)
		return true;
	for (size_t k = 0; k < lengthof(kind); k++)
	{
		bool has_a = a == kind[k][0] || a == kind[k][1] || a == kind[k][2];
		bool has_b = b == kind[k][0] || b == kind[k][1] || b == kind[k][2];

		if (has_a || has_b)
			return has_a && has_b;
	}
	return false;
}

/* check_type raises when a key column is not of the kind a version was learned from. */
static void
check_type(const RecoDefinition *definition, const RecoVersion *version, const RecoColumn *column,
		   Oid learned)
{
	if (same_kind(column->type, learned))
		return;
	ereport(
		ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
		errmsg(
			"column \"%s\" of relation %s is of type %s, but version %d of recommender \"%s\" was learned from %s",
			column->name, definition->interactions.recorded_name, format_type_be(column->type),
			version->number, definition->name, format_type_extended(learned, -1, FORMAT_TYPE_ALLOW_INVALID)),
		errhint("Learn it again with CALL reco.refresh(%s).", quote_literal_cstr(definition->name)));
}

/* check_item_key raises when the key of the items relation is not of the kind of the interactions' item column any more. */
static void
check_item_key(const RecoDefinition *definition)
{
	const RecoColumn *key = &definition->item_key;

	if (!key->name || same_kind(key->type, definition->item.type))
		return;
	ereport(
		ERROR, errcode(ERRCODE_DATATYPE_MISMATCH),
		errmsg("column \"%s\" of relation %s is of type %s, but column \"%s\" of relation %s is of type %s",
			   key->name, definition->items.recorded_name, format_type_be(key->type), definition->item.name,
			   definition->interactions.recorded_name, format_type_be(definition->item.type)),
		errdetail("Items of recommender \"%s\" cannot be looked up.", definition->name),
		errhint(
			"Change its type back, or cast it in a view and map that with SELECT reco.alter_recommender(%s, items => '...').",
			quote_literal_cstr(definition->name)));
}

void
reco_catalog_check_types(const RecoDefinition *definition, const RecoVersion *version)
{
	check_type(definition, version, &definition->user, version->user_type);
	check_type(definition, version, &definition->item, version->item_type);
	check_item_key(definition);
}

/* nothing_deployed raises the error for a recommender without a deployed version. */
static void
nothing_deployed(const RecoDefinition *definition)
{
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("recommender \"%s\" has learned nothing yet", definition->name),
			definition->deployed
				? errdetail("Version %d is deployed, but it is not there.", definition->deployed)
				: 0,
			errhint("Run CALL reco.refresh(%s).", quote_literal_cstr(definition->name)));
}

const RecoVersion *
reco_catalog_deployed(const RecoDefinition *definition)
{
	const RecoVersion *version =
		definition->deployed ? reco_catalog_version(definition, definition->deployed) : NULL;

	if (!version)
	{
		nothing_deployed(definition);
		return NULL;
	}
	reco_catalog_check_types(definition, version);
	return version;
}

static int
compare_numbers(const ListCell *a, const ListCell *b)
{
	return lfirst_int(b) - lfirst_int(a);
}

List *
reco_catalog_version_numbers(const RecoDefinition *definition)
{
	RecoScan scan;
	ScanKeyData key;
	HeapTuple tuple;
	List *numbers = NIL;

	reco_scan_key_uuid(&key, VERSION_RECOMMENDER, &definition->key);
	reco_scan_begin(&scan, "version", "version_pkey", false, 1, &key);
	while ((tuple = reco_scan_next(&scan)) != NULL)
	{
		bool isnull;
		Datum number = heap_getattr(tuple, VERSION_NUMBER, RelationGetDescr(scan.table), &isnull);

		numbers = lappend_int(numbers, DatumGetInt32(number));
	}
	reco_scan_end(&scan);
	list_sort(numbers, compare_numbers);
	return numbers;
}

bool
reco_catalog_version_exists(const pg_uuid_t *version_key)
{
	RecoScan scan;
	ScanKeyData key;
	bool exists;

	reco_scan_key_uuid(&key, VERSION_KEY, version_key);
	reco_scan_begin(&scan, "version", "version_key_key", false, 1, &key);
	exists = reco_scan_next(&scan) != NULL;
	reco_scan_end(&scan);
	return exists;
}

/* next_number locks the recommender's row against being dropped and gives the number of its next version. */
static int
next_number(const pg_uuid_t *recommender)
{
	RecoStatement lock = {.sql = "SELECT 1 FROM reco.recommender WHERE key = $1 FOR KEY SHARE"};
	RecoStatement greatest = {
		.sql = "SELECT coalesce(max(number), 0) + 1 FROM reco.version WHERE recommender = $1"};
	Datum number;
	bool isnull;

	reco_statement_add(&lock, UUIDOID, UUIDPGetDatum(recommender), false);
	if (reco_statement_run(&lock) == 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("the recommender was dropped while it was being refreshed"));
	reco_statement_add(&greatest, UUIDOID, UUIDPGetDatum(recommender), false);
	if (!reco_statement_fetch(&greatest, 1, &number, &isnull))
		elog(ERROR, "an aggregate gave no row");
	return DatumGetInt32(number);
}

/* insert_row stores the row of a version. */
static void
insert_row(const RecoVersion *version)
{
	RecoStatement statement = {
		.sql =
			"INSERT INTO reco.version (recommender, number, key, created_at, format, algorithm, user_type, item_type,"
			" as_of, n_users, n_items, n_interactions, options, metrics, tensors)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"};

	reco_statement_add(&statement, UUIDOID, UUIDPGetDatum(&version->recommender), false);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(version->number), false);
	reco_statement_add(&statement, UUIDOID, UUIDPGetDatum(&version->key), false);
	reco_statement_add(&statement, TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp()), false);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(version->format), false);
	reco_statement_add(&statement, TEXTOID, CStringGetTextDatum(version->algorithm), false);
	reco_statement_add(&statement, REGTYPEOID, ObjectIdGetDatum(version->user_type), false);
	reco_statement_add(&statement, REGTYPEOID, ObjectIdGetDatum(version->item_type), false);
	reco_statement_add(&statement, TIMESTAMPTZOID, TimestampTzGetDatum(version->as_of), !version->has_as_of);
	reco_statement_add(&statement, INT8OID, Int64GetDatum(version->n_users), false);
	reco_statement_add(&statement, INT8OID, Int64GetDatum(version->n_items), false);
	reco_statement_add(&statement, INT8OID, Int64GetDatum(version->n_interactions), false);
	reco_statement_add(&statement, JSONBOID, reco_jsonb_or_empty(version->options), false);
	reco_statement_add(&statement, JSONBOID, reco_jsonb_or_empty(version->metrics), false);
	reco_statement_add(&statement, JSONBOID, reco_jsonb_or_empty(version->tensors), false);
	reco_statement_run(&statement);
}

/* array_of makes a one-dimensional array datum. */
static Datum
array_of(Datum *value, int n, Oid type)
{
	int16 length;
	bool by_value;
	char align;

	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_array(value, n, type, length, by_value, align));
}

/* insert_list stores a version's list of chunks. */
static void
insert_list(const RecoVersion *version, const RecoChunkRef *chunk, int n)
{
	RecoStatement statement = {
		.sql = "INSERT INTO reco.version_chunk (recommender, number, tensor, chunk, digest)"
			   " SELECT $1, $2, l.tensor, l.chunk, l.digest"
			   " FROM unnest($3, $4, $5) AS l (tensor, chunk, digest)"};
	Datum *tensor = palloc_array(Datum, n + 1);
	Datum *number = palloc_array(Datum, n + 1);
	Datum *digest = palloc_array(Datum, n + 1);

	for (int i = 0; i < n; i++)
	{
		tensor[i] = CStringGetTextDatum(chunk[i].tensor);
		number[i] = Int32GetDatum(chunk[i].chunk);
		digest[i] = PointerGetDatum(
			cstring_to_text_with_len((const char *) chunk[i].digest, sizeof(chunk[i].digest)));
	}
	reco_statement_add(&statement, UUIDOID, UUIDPGetDatum(&version->recommender), false);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(version->number), false);
	reco_statement_add(&statement, TEXTARRAYOID, array_of(tensor, n, TEXTOID), false);
	reco_statement_add(&statement, INT4ARRAYOID, array_of(number, n, INT4OID), false);
	reco_statement_add(&statement, BYTEAARRAYOID, array_of(digest, n, BYTEAOID), false);
	reco_statement_run(&statement);
}

void
reco_catalog_insert_version(RecoVersion *version, const RecoChunkRef *chunk, int n_chunks)
{
	version->number = next_number(&version->recommender);
	reco_catalog_random_key(&version->key);
	insert_row(version);
	insert_list(version, chunk, n_chunks);
}

/*
 * lock_recommender locks the recommender's row, so that what is deployed and
 * what is pruned exclude each other: whoever comes second sees, with a newer
 * snapshot, what the first has done.  The owner may have changed since the
 * definition was read, perhaps hours ago, so rights are checked again.
 */
static void
lock_recommender(const RecoDefinition *definition)
{
	RecoStatement statement = {.sql = "SELECT owner FROM reco.recommender WHERE key = $1 FOR NO KEY UPDATE"};
	RecoDefinition now = *definition;
	Datum owner;
	bool isnull;

	reco_statement_add(&statement, UUIDOID, UUIDPGetDatum(&definition->key), false);
	if (!reco_statement_fetch(&statement, 1, &owner, &isnull))
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("recommender \"%s\" was dropped meanwhile", definition->name));
	now.owner = DatumGetObjectId(owner);
	reco_catalog_require_owner(&now);
}

void
reco_catalog_deploy(const RecoDefinition *definition, int number)
{
	RecoStatement statement = {
		.sql = "UPDATE reco.recommender SET deployed = $2 WHERE key = $1"
			   " AND EXISTS (SELECT FROM reco.version WHERE recommender = $1 AND number = $2)"};

	lock_recommender(definition);
	reco_statement_add(&statement, UUIDOID, UUIDPGetDatum(&definition->key), false);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(number), false);
	if (reco_statement_run(&statement) == 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("recommender \"%s\" has no version %d any more", definition->name, number));
}

void
reco_catalog_prune(const RecoDefinition *definition, int keep)
{
	RecoStatement versions = {
		.sql =
			"DELETE FROM reco.version WHERE recommender = $1 AND number NOT IN"
			" (SELECT v.number FROM reco.version v JOIN reco.recommender r ON r.key = v.recommender"
			" WHERE v.recommender = $1 ORDER BY v.number IS NOT DISTINCT FROM r.deployed DESC, v.number DESC LIMIT $2)"};
	RecoStatement lists = {
		.sql = "DELETE FROM reco.version_chunk l WHERE l.recommender = $1 AND NOT EXISTS"
			   " (SELECT FROM reco.version v WHERE v.recommender = l.recommender AND v.number = l.number)"};
	RecoStatement chunks = {
		.sql =
			"DELETE FROM reco.chunk c WHERE c.recommender = $1 AND NOT EXISTS"
			" (SELECT FROM reco.version_chunk l WHERE l.recommender = c.recommender AND l.digest = c.digest)"};

	lock_recommender(definition);
	reco_statement_add(&versions, UUIDOID, UUIDPGetDatum(&definition->key), false);
	reco_statement_add(&versions, INT4OID, Int32GetDatum(Max(keep, 1)), false);
	reco_statement_run(&versions);
	reco_statement_add(&lists, UUIDOID, UUIDPGetDatum(&definition->key), false);
	reco_statement_run(&lists);
	reco_statement_add(&chunks, UUIDOID, UUIDPGetDatum(&definition->key), false);
	reco_statement_run(&chunks);
}
