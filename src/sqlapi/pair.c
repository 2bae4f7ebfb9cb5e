/*
 * pair.c
 *	  What the functions about one user and one item do before and after their own work.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "explain/explain.h"
#include "sqlapi/arguments.h"
#include "sqlapi/pair.h"

/* So many pieces of evidence are looked up with the item; of more, those that are wanted. */
#define FEW_PIECES 500

void
reco_pair_raise_no_item(const RecoCall *call, const RecoKey *key)
{
	ereport(
		ERROR,
		(errcode(ERRCODE_UNDEFINED_OBJECT),
		 errmsg("recommender \"%s\" does not know item %s", call->definition->name,
				TextDatumGetCString(reco_key_to_datum(key, TEXTOID))),
		 errdetail(
			 "It had no events when the deployed version was learned, or it is not among the items you may see."),
		 errhint("CALL reco.refresh(%s) learns the items that have events by now.",
				 quote_literal_cstr(call->definition->name))));
}

bool
reco_pair_begin(RecoPair *pair, FunctionCallInfo fcinfo, int recommender)
{
	RecoCall *call = &pair->call;
	RecoKey user;
	RecoKey key;
	int64 found;

	reco_call_begin(call, fcinfo, recommender);
	if (!reco_argument_key(fcinfo, 0, call->definition->user.type, "user", &user) ||
		!reco_argument_key(fcinfo, 1, call->definition->item.type, "item", &key))
	{
		reco_call_end(call);
		return false;
	}
	found = reco_model_find(call->model, &key);
	if (found < 0 && reco_model_add(call->model, &key, 1) > 0)
		found = reco_model_find(call->model, &key);
	if (found < 0)
		reco_pair_raise_no_item(call, &key);
	pair->item = (uint32) found;
	pair->query = reco_call_query(call, &user);
	pair->view = reco_view_make(call->definition, call->model, NULL);
	reco_view_probe(pair->view, &pair->item, 1, reco_explain_evidence(pair->query),
					pair->query->n_evidence <= FEW_PIECES ? pair->query->n_evidence : 0);
	if (reco_view_find(pair->view, pair->item) == NULL)
		reco_pair_raise_no_item(call, &key);
	return true;
}

void
reco_pair_end(RecoPair *pair)
{
	reco_call_end(&pair->call);
}
