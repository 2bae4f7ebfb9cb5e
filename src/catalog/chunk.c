/*
 * chunk.c
 *	  Chunks of tensors: bytes addressed by their SHA-256.
 */
#include "catalog/tables.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"

#define DIGEST_BYTES 32

/* bytes_datum makes a bytea in the current context. */
static Datum
bytes_datum(const void *data, Size bytes)
{
	bytea *copy = palloc(VARHDRSZ + bytes);

	SET_VARSIZE(copy, VARHDRSZ + bytes);
	memcpy(VARDATA(copy), data, bytes);
	return PointerGetDatum(copy);
}

void
reco_catalog_put_chunk(const pg_uuid_t *recommender, const uint8 digest[32], const void *data, Size bytes)
{
	RecoStatement statement = {.sql = "INSERT INTO reco.chunk (recommender, digest, data) VALUES ($1, $2, $3)"
									  " ON CONFLICT (recommender, digest) DO UPDATE SET data = EXCLUDED.data"
									  " WHERE chunk.data <> EXCLUDED.data"};

	reco_statement_add(&statement, UUIDOID, UUIDPGetDatum(recommender), false);
	reco_statement_add(&statement, BYTEAOID, bytes_datum(digest, DIGEST_BYTES), false);
	reco_statement_add(&statement, BYTEAOID, bytes_datum(data, bytes), false);
	reco_statement_run(&statement);
	pfree(DatumGetPointer(statement.value[1]));
	pfree(DatumGetPointer(statement.value[2]));
}

/* chunk_ref_of reads one entry of a version's list. */
static RecoChunkRef
chunk_ref_of(HeapTuple tuple, TupleDesc descriptor)
{
	RecoChunkRef ref = {0};
	bool isnull;
	bytea *digest;

	ref.tensor = TextDatumGetCString(heap_getattr(tuple, VERSION_CHUNK_TENSOR, descriptor, &isnull));
	ref.chunk = DatumGetInt32(heap_getattr(tuple, VERSION_CHUNK_CHUNK, descriptor, &isnull));
	digest = DatumGetByteaPP(heap_getattr(tuple, VERSION_CHUNK_DIGEST, descriptor, &isnull));
	if (VARSIZE_ANY_EXHDR(digest) != DIGEST_BYTES)
		ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED),
				errmsg("a chunk of tensor \"%s\" has a digest of %zu bytes, not %d", ref.tensor,
					   (size_t) VARSIZE_ANY_EXHDR(digest), DIGEST_BYTES),
				errhint("Learn the recommender again with CALL reco.refresh()."));
	memcpy(ref.digest, VARDATA_ANY(digest), DIGEST_BYTES);
	return ref;
}

void
reco_catalog_hold_chunks(void)
{
	LockRelationOid(reco_table_oid("chunk"), AccessShareLock);
}

RecoChunkRef *
reco_catalog_chunks(const RecoVersion *version, int *n_chunks)
{
	RecoScan scan;
	ScanKeyData key[2];
	HeapTuple tuple;
	int room = 64;
	int n = 0;
	RecoChunkRef *ref = palloc_array(RecoChunkRef, room);

	reco_scan_key_uuid(&key[0], VERSION_CHUNK_RECOMMENDER, &version->recommender);
	reco_scan_key_int(&key[1], VERSION_CHUNK_NUMBER, version->number);
	reco_scan_begin(&scan, "version_chunk", "version_chunk_pkey", true, 2, key);
	while ((tuple = reco_scan_next(&scan)) != NULL)
	{
		if (n == room)
		{
			room *= 2;
			ref = repalloc_array(ref, RecoChunkRef, room);
		}
		ref[n++] = chunk_ref_of(tuple, RelationGetDescr(scan.table));
	}
	reco_scan_end(&scan);
	*n_chunks = n;
	return ref;
}

bytea *
reco_catalog_read_chunk(const pg_uuid_t *recommender, const uint8 digest[32])
{
	RecoScan scan;
	ScanKeyData key[2];
	HeapTuple tuple;
	bytea *data = NULL;

	reco_scan_key_uuid(&key[0], CHUNK_RECOMMENDER, recommender);
	reco_scan_key_bytes(&key[1], CHUNK_DIGEST, digest, DIGEST_BYTES);
	reco_scan_begin(&scan, "chunk", "chunk_pkey", false, 2, key);
	tuple = reco_scan_next(&scan);
	if (tuple)
	{
		bool isnull;

		data = DatumGetByteaPCopy(heap_getattr(tuple, CHUNK_DATA, RelationGetDescr(scan.table), &isnull));
	}
	reco_scan_end(&scan);
	return data;
}
