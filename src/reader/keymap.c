/*
 * keymap.c
 *	  Numbers keys in the order they are first met, and afterwards in the order
 *	  of the keys.
 *
 * Every kind of key is held as one entry: a word that orders like the key, and,
 * for uuid and text, the bytes.  The word of an integer is the integer with its
 * sign bit flipped; that of bytes is the first eight, big-endian, padded with
 * zeros.  Where words differ, they order the keys; where they are the same,
 * the bytes do.  (Padding is safe: two keys with the same word are compared in
 * full, and a zero is the least byte.)
 *
 * The hash table stores numbers, and its keys are numbers too: a key is looked
 * up by writing it into the entry after the last, whose number is then asked
 * for.  So a slot of the table has 12 bytes whatever the kind, and the entries
 * are an array ready to be sorted.  Events often come in runs of one user: the
 * key met last is tried before the table.
 *
 * Integers that count something, as most keys do, need no hashing: those below
 * "span" are looked up in an array.  It doubles as long as at least an eighth of
 * it is in use or would be; whoever was in the table before is entered in it too, so a key
 * below span is a member if and only if the array says so.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

#include "compat.h"
#include "reader/keymap.h"

#define RECO_KEYMAP_ARENA (256 * 1024)

/* Places of the array that a member pays for, and those that are free. */
#define RECO_KEYMAP_SPARSE 8
#define RECO_KEYMAP_SPAN 65536

#define RECO_KEYMAP_NONE PG_UINT32_MAX

/* Keys between two checks for interrupts. */
#define RECO_KEYMAP_CHECK 65536

/* Keys of at most eight bytes that were looked up last: as many as this power of two. */
#define RECO_KEYMAP_SHORT_BITS 7

typedef struct RecoKeymapEntry
{
	uint64 word;
	const char *bytes; /* NULL for integers */
	uint32 length;
	uint32 number;
} RecoKeymapEntry;

typedef struct RecoKeymapSlot
{
	uint32 number;
	uint32 hash;
	char status;
} RecoKeymapSlot;

struct reco_slots_hash;

/* The number of a key of at most eight bytes that was looked up last of those of its place. */
typedef struct RecoKeymapShort
{
	uint64 word;
	uint32 length; /* PG_UINT32_MAX: none */
	uint32 number;
} RecoKeymapShort;

struct RecoKeymap
{
	MemoryContext context;
	Oid type;
	RecoKeyKind kind;
	struct reco_slots_hash *slots;
	RecoKeymapEntry *entry; /* [capacity], n of them in use and one more for lookups */
	uint32 n;
	size_t capacity;
	uint32 last;             /* number given last; n > 0 */
	uint64 word;             /* its word, so that a new key is told apart without looking at its entry */
	size_t span;             /* integers from 0 to span - 1 are looked up in place; 0 for other kinds */
	uint32 *place;           /* [span], number of each or RECO_KEYMAP_NONE */
	RecoKeymapShort *shorts; /* [1 << RECO_KEYMAP_SHORT_BITS]; NULL for integers */
	char *arena;             /* free space for bytes */
	size_t arena_left;
	uint64 total_length;
};

/* reco_keymap_equal says whether two entries hold the same key. */
static inline bool
reco_keymap_equal(const RecoKeymapEntry *a, const RecoKeymapEntry *b)
{
	return a->word == b->word && a->length == b->length &&
		   (a->length == 0 || memcmp(a->bytes, b->bytes, a->length) == 0);
}

/* reco_keymap_hash hashes the key of an entry. */
static inline uint32
reco_keymap_hash(const RecoKeymapEntry *entry)
{
	uint64 h = entry->word;

	if (entry->length > 8)
		h ^= hash_bytes_extended((const unsigned char *) entry->bytes, (int) entry->length, 0);
	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return (uint32) h;
}

#define SH_PREFIX reco_slots
#define SH_ELEMENT_TYPE RecoKeymapSlot
#define SH_KEY_TYPE uint32
#define SH_KEY number
#define SH_HASH_KEY(table, key) reco_keymap_hash(&((RecoKeymap *) (table)->private_data)->entry[key])
#define SH_EQUAL(table, a, b)                                            \
	reco_keymap_equal(&((RecoKeymap *) (table)->private_data)->entry[a], \
					  &((RecoKeymap *) (table)->private_data)->entry[b])
#define SH_STORE_HASH
#define SH_GET_HASH(table, slot) (slot)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* reco_keymap_order orders two entries by their keys. */
static inline int
reco_keymap_order(const RecoKeymapEntry *a, const RecoKeymapEntry *b)
{
	int order;

	if (a->word != b->word)
		return a->word < b->word ? -1 : 1;
	order = a->length == 0 || b->length == 0 ? 0 : memcmp(a->bytes, b->bytes, Min(a->length, b->length));
	if (order != 0)
		return order;
	return (a->length > b->length) - (a->length < b->length);
}

#define ST_SORT reco_keymap_sort
#define ST_ELEMENT_TYPE RecoKeymapEntry
#define ST_COMPARE(a, b) reco_keymap_order(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

RecoKeymap *
reco_keymap_create(Oid column_type)
{
	RecoKeymap *map = palloc0(sizeof(RecoKeymap));

	map->context = CurrentMemoryContext;
	map->type = reco_key_lookup_type(column_type);
	map->kind = reco_key_kind_of_type(map->type, "key");
	map->capacity = 1024;
	map->entry = palloc(map->capacity * sizeof(RecoKeymapEntry));
	map->slots = reco_slots_create(CurrentMemoryContext, 1024, map);
	if (map->kind != RECO_KEY_INTEGER)
	{
		Size bytes = sizeof(RecoKeymapShort) << RECO_KEYMAP_SHORT_BITS;

		map->shorts = palloc(bytes);
		memset(map->shorts, 0xFF, bytes);
	}
	return map;
}

Oid
reco_keymap_type_for(Oid column_type)
{
	return reco_key_kind_of_type(column_type, "key") == RECO_KEY_INTEGER ? INT8OID
																		 : reco_key_lookup_type(column_type);
}

/* reco_keymap_keep copies the bytes of a new entry into the map's own memory. */
static void
reco_keymap_keep(RecoKeymap *map, RecoKeymapEntry *entry)
{
	if (map->arena == NULL || entry->length > map->arena_left)
	{
		map->arena_left = Max((size_t) entry->length, (size_t) RECO_KEYMAP_ARENA);
		map->arena = MemoryContextAllocHuge(map->context, map->arena_left);
	}
	memcpy(map->arena, entry->bytes, entry->length);
	entry->bytes = map->arena;
	map->arena += entry->length;
	map->arena_left -= entry->length;
	map->total_length += entry->length;
}

/* reco_keymap_integer gives the integer of an entry. */
static inline int64
reco_keymap_integer(const RecoKeymapEntry *entry)
{
	return (int64) (entry->word ^ (UINT64CONST(1) << 63));
}

/* reco_keymap_widen doubles the array of places until it covers a key, or does nothing where it would be too sparse. */
static void
reco_keymap_widen(RecoKeymap *map, uint64 key)
{
	size_t span = Max(map->span, RECO_KEYMAP_SPAN / 2);

	if (map->kind != RECO_KEY_INTEGER || key >= Max(RECO_KEYMAP_SPAN, RECO_KEYMAP_SPARSE * (size_t) map->n))
		return;
	while (span <= key)
		span *= 2;
	if (map->place != NULL)
		pfree(map->place);
	map->place = MemoryContextAllocHuge(map->context, span * sizeof(uint32));
	map->span = span;
	memset(map->place, 0xFF, span * sizeof(uint32));
	for (uint32 i = 0; i < map->n; i++)
	{
		uint64 member = (uint64) reco_keymap_integer(&map->entry[i]);

		if (member < span)
			map->place[member] = i;
	}
}

/* reco_keymap_set fills an entry from a key. */
static inline void
reco_keymap_set(RecoKeymapEntry *entry, const RecoKey *key)
{
	entry->bytes = key->bytes;
	entry->length = key->length;
	entry->word = 0;
	if (key->kind == RECO_KEY_INTEGER)
		entry->word = (uint64) key->integer ^ (UINT64CONST(1) << 63);
	else
	{
		memcpy(&entry->word, key->bytes, Min(key->length, 8));
		entry->word = pg_ntoh64(entry->word);
	}
}

/* reco_keymap_append makes the entry after the last a member and gives its number. */
static uint32
reco_keymap_append(RecoKeymap *map)
{
	RecoKeymapEntry *entry = &map->entry[map->n];

	if (map->n == PG_UINT32_MAX - 1)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many distinct user or item ids")));
	if (map->kind != RECO_KEY_INTEGER)
		reco_keymap_keep(map, entry);
	entry->number = map->n++;
	if (map->n == map->capacity)
	{
		map->capacity += map->capacity / 2;
		map->entry = repalloc_huge(map->entry, map->capacity * sizeof(RecoKeymapEntry));
	}
	return map->n - 1;
}

/* reco_keymap_add makes the entry after the last a member, unless its key is one: gives the key's number. */
static uint32
reco_keymap_add(RecoKeymap *map)
{
	uint64 key = (uint64) reco_keymap_integer(&map->entry[map->n]);
	bool found;
	RecoKeymapSlot *slot;

	if (key >= map->span)
		reco_keymap_widen(map, key);
	if (key < map->span)
	{
		if (map->place[key] == RECO_KEYMAP_NONE)
		{
			map->place[key] = map->n;
			return reco_keymap_append(map);
		}
		return map->place[key];
	}
	slot = reco_slots_insert(map->slots, map->n, &found);
	return found ? slot->number : reco_keymap_append(map);
}

/* reco_keymap_short finds or adds a key of at most eight bytes: few of them may be all there are, as where they are levels of an attribute. */
static uint32
reco_keymap_short(RecoKeymap *map)
{
	const RecoKeymapEntry *entry = &map->entry[map->n];
	RecoKeymapShort *kept =
		&map->shorts[(entry->word * UINT64CONST(0x9e3779b97f4a7c15)) >> (64 - RECO_KEYMAP_SHORT_BITS)];

	if (kept->word != entry->word || kept->length != entry->length)
	{
		kept->word = entry->word;
		kept->length = entry->length;
		kept->number = reco_keymap_add(map);
	}
	return kept->number;
}

uint32
reco_keymap_number_of(RecoKeymap *map, const RecoKey *key)
{
	RecoKeymapEntry *entry = &map->entry[map->n];

	reco_keymap_set(entry, key);
	if (map->n == 0 || entry->word != map->word || !reco_keymap_equal(entry, &map->entry[map->last]))
	{
		map->word = entry->word;
		map->last = map->shorts != NULL && entry->length <= 8 ? reco_keymap_short(map) : reco_keymap_add(map);
	}
	return map->last;
}

uint32
reco_keymap_number(RecoKeymap *map, Datum value)
{
	RecoKey key = reco_key_from_datum(value, map->type);

	(void) reco_keymap_number_of(map, &key);
	if (map->type == TEXTOID && key.bytes != VARDATA_ANY(DatumGetPointer(value)))
		pfree((char *) key.bytes - VARHDRSZ);
	return map->last;
}

/* reco_keymap_copy_keys copies the sorted keys out. */
static void
reco_keymap_copy_keys(const RecoKeymap *map, RecoKeys *keys)
{
	int64 *integer;
	uint64 *offset;
	char *bytes;

	memset(keys, 0, sizeof(*keys));
	keys->kind = map->kind;
	keys->n = map->n;
	if (map->kind == RECO_KEY_INTEGER)
	{
		keys->integer = integer = palloc_extended(Max(map->n, 1) * sizeof(int64), MCXT_ALLOC_HUGE);
		for (uint32 i = 0; i < map->n; i++)
			integer[i] = reco_keymap_integer(&map->entry[i]);
		return;
	}
	keys->offset = offset = palloc_extended(((size_t) map->n + 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
	keys->bytes = bytes = palloc_extended(map->total_length + 1, MCXT_ALLOC_HUGE);
	offset[0] = 0;
	for (uint32 i = 0; i < map->n; i++)
	{
		if (i % RECO_KEYMAP_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		memcpy(bytes + offset[i], map->entry[i].bytes, map->entry[i].length);
		offset[i + 1] = offset[i] + map->entry[i].length;
	}
}

uint32 *
reco_keymap_finish(RecoKeymap *map, MemoryContext result, RecoKeys *keys)
{
	uint32 *rank = palloc_extended(Max(map->n, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	MemoryContext old;

	reco_slots_destroy(map->slots);
	map->slots = NULL;
	if (map->place != NULL)
		pfree(map->place);
	reco_keymap_sort(map->entry, map->n);
	for (uint32 i = 0; i < map->n; i++)
	{
		rank[map->entry[i].number] = i;
		if (i % RECO_KEYMAP_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
	}
	old = MemoryContextSwitchTo(result);
	reco_keymap_copy_keys(map, keys);
	MemoryContextSwitchTo(old);
	return rank;
}
