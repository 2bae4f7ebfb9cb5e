/*
 * kept.c
 *	  What a session keeps of new items from one call to the next.
 *
 * Reading and encoding a thousand new items takes longer than everything else of a list.  So what they were encoded to, and the
 * place that gives them in a model version, is kept by the version of their row (reader/row_version.c).  A call still
 * asks, as the caller and in its own snapshot, which rows there are: what is kept is never what is shown, only what a row
 * that the caller has been given was turned into before.
 *
 * A version of a row means the same until its table is written anew or altered.  PostgreSQL says so to all sessions, and then what was kept of it
 * is given up.  Kept are the items of a few model versions, the ones used last, and of each twice what one call may take.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/inval.h"
#include "utils/memutils.h"

#include "model/kept.h"
#include "reco.h"

/* Model versions that items are kept of. */
#define KEPT_VERSIONS 4

/* hash_row hashes the version of a row. */
static uint32
hash_row(const RecoRowVersion *row)
{
	return hash_combine(murmurhash32(row->writer),
						murmurhash32(ItemPointerGetBlockNumberNoCheck(&row->place) * (MaxOffsetNumber + 1) +
									 ItemPointerGetOffsetNumberNoCheck(&row->place)));
}

/* same_row says whether two versions of rows are one. */
static bool
same_row(const RecoRowVersion *a, const RecoRowVersion *b)
{
	return a->writer == b->writer &&
		   ItemPointerGetBlockNumberNoCheck(&a->place) == ItemPointerGetBlockNumberNoCheck(&b->place) &&
		   ItemPointerGetOffsetNumberNoCheck(&a->place) == ItemPointerGetOffsetNumberNoCheck(&b->place);
}

#define SH_PREFIX items
#define SH_ELEMENT_TYPE RecoKeptItem
#define SH_KEY_TYPE RecoRowVersion
#define SH_KEY row
#define SH_HASH_KEY(tb, key) hash_row(&(key))
#define SH_EQUAL(tb, a, b) same_row(&(a), &(b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct RecoKept
{
	pg_uuid_t version;
	Oid relid;            /* InvalidOid: nothing is kept here */
	bool stale;           /* the relation was altered, or may have been */
	uint64 used;          /* when it was asked for last */
	MemoryContext memory; /* of the items; NULL before the first */
	items_hash *item;
};

static RecoKept all_kept[KEPT_VERSIONS];
static uint64 asked = 0;

/* relation_changed notes that a relation was altered or written anew; InvalidOid: that any may have been. */
static void
relation_changed(Datum argument, Oid relid)
{
	for (int k = 0; k < KEPT_VERSIONS; k++)
		if (!OidIsValid(relid) || all_kept[k].relid == relid)
			all_kept[k].stale = true;
}

/* begin_kept makes a place for the items of a version, where others may have been. */
static void
begin_kept(RecoKept *kept, const pg_uuid_t *version, Oid relid)
{
	kept->relid = InvalidOid;
	kept->item = NULL;
	if (kept->memory == NULL)
		kept->memory = AllocSetContextCreate(TopMemoryContext, "reco kept items", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(kept->memory);
	kept->item = items_create(kept->memory, 64, NULL);
	kept->version = *version;
	kept->stale = false;
	kept->relid = relid;
}

RecoKept *
reco_kept_of(const pg_uuid_t *version, Oid relid)
{
	RecoKept *kept = &all_kept[0];

	if (asked++ == 0)
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	for (int k = 0; k < KEPT_VERSIONS; k++)
	{
		if (all_kept[k].relid == relid && memcmp(&all_kept[k].version, version, UUID_LEN) == 0)
		{
			kept = &all_kept[k];
			break;
		}
		if (all_kept[k].used < kept->used)
			kept = &all_kept[k];
	}
	if (kept->relid != relid || memcmp(&kept->version, version, UUID_LEN) != 0 || kept->stale)
		begin_kept(kept, version, relid);
	kept->used = asked;
	return kept;
}

const RecoKeptItem *
reco_kept_find(const RecoKept *kept, const RecoRowVersion *row)
{
	return items_lookup(kept->item, *row);
}

/* copy_bytes copies bytes into a context. */
static void *
copy_bytes(MemoryContext memory, const void *bytes, Size n)
{
	return memcpy(MemoryContextAlloc(memory, Max(n, 1)), bytes, n);
}

void
reco_kept_put(RecoKept *kept, const RecoRowVersion *row, const RecoAttributes *attributes, const float *place,
			  size_t d)
{
	RecoKeptItem item = {.attributes = *attributes};
	RecoKeptItem *own;
	bool found;

	if (kept->item->members >= 2 * (uint64) reco_max_new_items)
		begin_kept(kept, &kept->version, kept->relid);
	item.attributes.column = copy_bytes(kept->memory, attributes->column, sizeof(uint32) * attributes->n);
	item.attributes.value = copy_bytes(kept->memory, attributes->value, sizeof(float) * attributes->n);
	item.place = copy_bytes(kept->memory, place, sizeof(float) * d);
	own = items_insert(kept->item, *row, &found);
	own->attributes = item.attributes;
	own->place = item.place;
}
