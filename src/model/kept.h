/*
 * kept.h
 *	  Private to added.c: what a session keeps of new items from one call to the next.
 */
#ifndef RECO_MODEL_KEPT_H
#define RECO_MODEL_KEPT_H

#include "model/model.h"

/* A new item as it was encoded and placed. */
typedef struct RecoKeptItem
{
	RecoRowVersion row;
	RecoAttributes attributes;
	const float *place; /* [d] */
	char status;        /* of the hash table */
} RecoKeptItem;

typedef struct RecoKept RecoKept;

/*
 * reco_kept_of gives what is kept for a model version and an items relation.  It is valid until the next query: then it may
 * have been given up, and must be asked for again.
 */
extern RecoKept *reco_kept_of(const pg_uuid_t *version, Oid relid);

/* reco_kept_find gives the item of a row, NULL where it is not kept. */
extern const RecoKeptItem *reco_kept_find(const RecoKept *kept, const RecoRowVersion *row);

/* reco_kept_put keeps a copy of an item [d]. */
extern void reco_kept_put(RecoKept *kept, const RecoRowVersion *row, const RecoAttributes *attributes,
						  const float *place, size_t d);

#endif
