/*
 * pair.h
 *	  The functions about one user and one item: explain and what follows from it.
 */
#ifndef RECO_SQLAPI_PAIR_H
#define RECO_SQLAPI_PAIR_H

#include "postgres.h"

#include "sqlapi/call.h"

/* One call about a pair. */
typedef struct RecoPair
{
	RecoCall call;
	RecoView *view;   /* holds the item and, where the evidence is little, all of it that the caller sees */
	RecoQuery *query; /* of the user's rows */
	uint32 item;
} RecoPair;

/*
 * reco_pair_begin reads the ids of arguments 0 and 1, opens the recommender
 * named by an argument and makes the query.  False when one of the ids is NULL:
 * the call is over then.  An item that the model does not know, or the caller
 * does not see, is ERRCODE_UNDEFINED_OBJECT.  reco_pair_end ends the call.
 */
extern bool reco_pair_begin(RecoPair *pair, FunctionCallInfo fcinfo, int recommender);
extern void reco_pair_end(RecoPair *pair);

/* reco_pair_raise_no_item refuses an item that is unknown; one that is invisible to the caller is no different. */
pg_noreturn extern void reco_pair_raise_no_item(const RecoCall *call, const RecoKey *key);

#endif
