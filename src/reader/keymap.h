/*
 * keymap.h
 *	  Numbers keys in the order they are first met, and afterwards in the order
 *	  of the keys.
 */
#ifndef RECO_READER_KEYMAP_H
#define RECO_READER_KEYMAP_H

#include "postgres.h"

#include "reader/key.h"

typedef struct RecoKeymap RecoKeymap;

/* reco_keymap_create makes an empty map of keys of a column's type, in the current context. */
extern RecoKeymap *reco_keymap_create(Oid column_type);

/* reco_keymap_type_for gives the widest type of a column's kind: values of it hold every id that a call may name. */
extern Oid reco_keymap_type_for(Oid column_type);

/* reco_keymap_number gives the number of a column's non-null value, a new one (0, 1, ...) for a key not met before. */
extern uint32 reco_keymap_number(RecoKeymap *map, Datum value);

/* reco_keymap_number_of does so for a key of the map's kind. */
extern uint32 reco_keymap_number_of(RecoKeymap *map, const RecoKey *key);

/*
 * reco_keymap_finish sorts the keys and copies them into the context "result".
 * Gives rank[number], the position in the sorted keys, in the current context;
 * the map is then good for nothing else.
 */
extern uint32 *reco_keymap_finish(RecoKeymap *map, MemoryContext result, RecoKeys *keys);

#endif
