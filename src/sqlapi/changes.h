/*
 * changes.h
 *	  Changes to a user's history as jsonb: [{"item": 5, "event": "purchase"}, {"item": 7, "remove": true}].
 */
#ifndef RECO_SQLAPI_CHANGES_H
#define RECO_SQLAPI_CHANGES_H

#include "postgres.h"

#include "sqlapi/call.h"

/*
 * reco_changes_apply makes the changes of an array of objects, in their order.  Each has
 * "item", and what an event of this recommender has: "event", "value", "time"; or
 * "remove": true, which takes away all the user's events on the item, or those of
 * "event".  What the caller sees of the items to add is looked up by one query.  Errors name the change, counted from 1: ERRCODE_INVALID_PARAMETER_VALUE
 * for a wrong shape, ERRCODE_UNDEFINED_OBJECT for an item to add that the model does not
 * know or the caller does not see.
 */
extern void reco_changes_apply(const RecoCall *call, RecoView *view, Jsonb *changes, RecoHistory *history);

#endif
