/*
 * serve.c
 *	  score(): the model's score of one pair.
 */
#include "postgres.h"

#include "sqlapi/arguments.h"
#include "sqlapi/call.h"

PG_FUNCTION_INFO_V1(reco_score);

/*
 * score never leaves the model: a user without rows has the score of no
 * evidence.  It is NULL when an id is NULL, and for an item that the model does not know or
 * the caller does not see.
 */
Datum
reco_score(PG_FUNCTION_ARGS)
{
	RecoCall call;
	RecoKey user;
	RecoKey key;
	double score = 0;
	int64 item = -1;

	reco_call_begin(&call, fcinfo, 2);
	if (reco_argument_key(fcinfo, 0, call.definition->user.type, "user", &user) &&
		reco_argument_key(fcinfo, 1, call.definition->item.type, "item", &key))
		item = reco_call_visible_item(&call, reco_view_make(call.definition, call.model, NULL), &key);
	if (item >= 0)
		score = reco_query_score(reco_call_query(&call, &user), (uint32) item);
	reco_call_end(&call);
	if (item < 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(score);
}
