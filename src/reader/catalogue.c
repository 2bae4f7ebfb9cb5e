/*
 * catalogue.c
 *	  Items that have no event yet.
 *
 * An item of the items relation without events is an item all the same where attributes say
 * something of it.  Its key joins those of the events, so that from here on there is one set of keys.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "reader/keymap.h"
#include "reader/reader.h"

/* Keys between two checks for interrupts. */
#define RECO_CATALOGUE_CHECK 65536

/* The keys of the catalogue while they are read. */
typedef struct RecoCatalogueRead
{
	RecoKeymap *map;
	Oid type;
	uint64 n;
	MemoryContext row;
} RecoCatalogueRead;

/* reco_catalogue_number numbers one key. */
static void
reco_catalogue_number(const RecoKey *key, void *state)
{
	RecoCatalogueRead *read = state;
	MemoryContext outer = MemoryContextSwitchTo(read->row);
	Datum value = reco_key_to_datum(key, read->type);

	if (++read->n % RECO_CATALOGUE_CHECK == 0)
		CHECK_FOR_INTERRUPTS();
	(void) reco_keymap_number(read->map, value);
	MemoryContextSwitchTo(outer);
	MemoryContextReset(read->row);
}

void
reco_events_join_catalogue(const RecoDefinition *definition, RecoEvents *events)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext temporary = AllocSetContextCreate(result, "reco catalogue", ALLOCSET_DEFAULT_SIZES);
	RecoCatalogueRead read = {.type = reco_keymap_type_for(definition->item.type)};
	uint32 *rank;

	MemoryContextSwitchTo(temporary);
	read.map = reco_keymap_create(read.type);
	read.row = AllocSetContextCreate(temporary, "reco catalogue key", ALLOCSET_SMALL_SIZES);
	for (size_t i = 0; i < events->items.n; i++)
	{
		RecoKey key = reco_keys_get(&events->items, i);

		reco_catalogue_number(&key, &read);
	}
	reco_reader_all_items(definition, NULL, reco_catalogue_number, &read);
	/* the events' keys have the first numbers, and both orders are that of the keys: events stay in order */
	rank = reco_keymap_finish(read.map, result, &events->items);
	for (size_t e = 0; e < events->n; e++)
	{
		if (e % RECO_CATALOGUE_CHECK == 0)
			CHECK_FOR_INTERRUPTS();
		events->item[e] = rank[events->item[e]];
	}
	MemoryContextSwitchTo(result);
	MemoryContextDelete(temporary);
}
