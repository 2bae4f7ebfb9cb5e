/*
 * embedding.c
 *	  item_embedding() and user_embedding(): the numbers behind the scores.
 *
 * Factors are drawn from everybody's rows.  Where row-level security hides
 * some of those from the caller, only the owner of the recommender may have
 * them (DESIGN 7).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"

#include "sqlapi/arguments.h"
#include "sqlapi/call.h"

PG_FUNCTION_INFO_V1(reco_item_embedding);
PG_FUNCTION_INFO_V1(reco_user_embedding);

/* require_factors raises ERRCODE_INSUFFICIENT_PRIVILEGE unless the caller may have factors. */
static void
require_factors(const RecoDefinition *definition)
{
	const char *owner;

	if (has_privs_of_role(GetUserId(), definition->owner))
		return;
	if (!reco_catalog_is_row_secured(definition->interactions.relid) &&
		!reco_catalog_is_row_secured(definition->items.relid) &&
		!reco_catalog_is_row_secured(definition->users.relid))
		return;
	owner = GetUserNameFromId(definition->owner, true);
	ereport(
		ERROR,
		(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		 errmsg(
			 "only the owner of recommender \"%s\" may have its embeddings where row-level security is active",
			 definition->name),
		 errdetail("They are drawn from rows of everybody, also from those that you may not read."),
		 owner != NULL ? errhint("Ask as role \"%s\", or use score() and similar_items().", owner)
					   : errhint("Use score() and similar_items(); its owner was dropped.")));
}

/* item_factors gives the factors of an item as real[]. */
static ArrayType *
item_factors(const RkItems *items, uint32 item)
{
	Datum *value = palloc(sizeof(Datum) * items->d);
	const float *row = reco_items_row(items, item);

	for (size_t c = 0; c < items->d; c++)
		value[c] = Float4GetDatum(row[c]);
	return construct_array(value, (int) items->d, FLOAT4OID, sizeof(float4), true, TYPALIGN_INT);
}

/* user_factors gives the dense vector of a query as double precision[], or NULL when it has none. */
static ArrayType *
user_factors(const RecoQuery *query)
{
	for (int t = 0; t < query->n_terms; t++)
	{
		const RecoTerm *term = &query->term[t];
		Datum *value;

		if (term->kind != RECO_TERM_DENSE)
			continue;
		value = palloc(sizeof(Datum) * term->items->d);
		for (size_t c = 0; c < term->items->d; c++)
			value[c] = Float8GetDatum(term->vector[c]);
		return construct_array(value, (int) term->items->d, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
							   TYPALIGN_DOUBLE);
	}
	return NULL;
}

/* end_with_array ends a call and gives a copy of the array to the caller, or NULL. */
static Datum
end_with_array(RecoCall *call, FunctionCallInfo fcinfo, ArrayType *array)
{
	ArrayType *copy = NULL;

	if (array != NULL)
	{
		copy = MemoryContextAlloc(call->outer, VARSIZE(array));
		memcpy(copy, array, VARSIZE(array));
	}
	reco_call_end(call);
	if (copy == NULL)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(copy);
}

Datum
reco_item_embedding(PG_FUNCTION_ARGS)
{
	RecoCall call;
	RecoKey key;
	int64 item = -1;

	reco_call_begin(&call, fcinfo, 1);
	require_factors(call.definition);
	if (call.model->embedding != NULL &&
		reco_argument_key(fcinfo, 0, call.definition->item.type, "item", &key))
		item = reco_call_visible_item(&call, reco_view_make(call.definition, call.model, NULL), &key);
	return end_with_array(&call, fcinfo,
						  item < 0 ? NULL : item_factors(call.model->embedding, (uint32) item));
}

/* A user who is NULL has no embedding; one without rows has that of no evidence. */
Datum
reco_user_embedding(PG_FUNCTION_ARGS)
{
	RecoCall call;
	RecoKey user;
	ArrayType *factors = NULL;

	reco_call_begin(&call, fcinfo, 1);
	require_factors(call.definition);
	if (reco_argument_key(fcinfo, 0, call.definition->user.type, "user", &user))
		factors = user_factors(reco_call_query(&call, &user));
	return end_with_array(&call, fcinfo, factors);
}
