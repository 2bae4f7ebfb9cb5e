/*
 * call.h
 *	  One call of a serving function: rights, the deployed model, and memory
 *	  that is gone when the call is over.
 */
#ifndef RECO_SQLAPI_CALL_H
#define RECO_SQLAPI_CALL_H

#include "postgres.h"

#include "fmgr.h"
#include "model/model.h"
#include "model/view.h"
#include "utils/jsonb.h"

typedef struct RecoCall
{
	MemoryContext memory; /* everything of the call, current from begin to end */
	MemoryContext outer;
	const RecoDefinition *definition;
	const RecoModel *model;
} RecoCall;

/*
 * reco_call_begin finds the recommender named by an argument, checks that the
 * caller may be served by it, opens its deployed version and connects to SPI.
 * Refuses interactions with row-level security for a recommender without an
 * items relation, unless its catalogue is shared (ERRCODE_INSUFFICIENT_PRIVILEGE).
 */
extern void reco_call_begin(RecoCall *call, FunctionCallInfo fcinfo, int recommender);

/* reco_call_end disconnects, frees everything and goes back to the caller's context. */
extern void reco_call_end(RecoCall *call);

/* reco_call_require_catalogue refuses lists that nothing limits to what the caller may see; reco_call_begin has done it. */
extern void reco_call_require_catalogue(const RecoDefinition *definition);

/* reco_call_attributes reads what the caller sees of a user, for a model that asks; NULL: nobody. */
extern const RecoAttributes *reco_call_attributes(const RecoCall *call, const RecoKey *user);

/* reco_call_history reads a user's rows and makes a query of them; without a user (NULL), of no rows. */
extern RecoQuery *reco_call_query(const RecoCall *call, const RecoKey *user);

/*
 * reco_call_visible_item gives the index of an item, or -1 for one that the
 * model neither knows nor takes in, or the caller's view does not hold.
 */
extern int64 reco_call_visible_item(const RecoCall *call, RecoView *view, const RecoKey *item);

/* reco_call_id gives the id of an item as a jsonb value: a number, or a string for uuid and text. */
extern JsonbValue reco_call_id(const RecoModel *model, uint32 item);

#endif
