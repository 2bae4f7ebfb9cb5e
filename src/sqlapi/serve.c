/*
 * serve.c
 *	  score(): the model's score of one pair.
 */
#include "postgres.h"

#include "sqlapi/arguments.h"
#include "sqlapi/call.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(reco_score);
PG_FUNCTION_INFO_V1(reco_probability);

/* score_of gives the score of the pair of a call that has begun; false when there is none. */
static bool
score_of(RecoCall *call, FunctionCallInfo fcinfo, double *score)
{
	RecoKey user;
	RecoKey key;
	int64 item = -1;

	if (reco_argument_key(fcinfo, 0, call->definition->user.type, "user", &user) &&
		reco_argument_key(fcinfo, 1, call->definition->item.type, "item", &key))
		item = reco_call_visible_item(call, reco_view_make(call->definition, call->model, NULL), &key);
	if (item >= 0)
		*score = reco_query_score(reco_call_query(call, &user), (uint32) item);
	return item >= 0;
}

/*
 * score never leaves the model: a user without rows has the score of no
 * evidence.  It is NULL when an id is NULL, and for an item that the model does not know or
 * the caller does not see.
 */
Datum
reco_score(PG_FUNCTION_ARGS)
{
	RecoCall call;
	double score;
	bool found;

	reco_call_begin(&call, fcinfo, 2);
	found = score_of(&call, fcinfo, &score);
	reco_call_end(&call);
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(score);
}

/* probability is what the score means by the link of the version (evaluate/calibrate.h); an error where it has none. */
Datum
reco_probability(PG_FUNCTION_ARGS)
{
	RecoCall call;
	double probability = 0;
	bool found;

	reco_call_begin(&call, fcinfo, 2);
	if (call.model->n_link == 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("scores of \"%s\" are not calibrated, so they are no probabilities",
					call.definition->name),
			 errhint(
				 "Set the option calibrate, as in CALL reco.refresh(%s, options => '{\"calibrate\": true}').",
				 quote_literal_cstr(call.definition->name))));
	found = score_of(&call, fcinfo, &probability);
	if (found)
		probability = reco_model_probability(call.model, probability);
	reco_call_end(&call);
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(probability);
}
