/*
 * evaluate.c
 *	  CALL reco.evaluate(): learn on one part, measure on the other.
 */
#include "postgres.h"

#include "evaluate/evaluate.h"
#include "fmgr.h"
#include "sqlapi/procedure.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(reco_evaluate);

/* forbid_null raises for an argument that was passed as NULL and has another default. */
static void
forbid_null(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s of evaluate cannot be NULL", name),
				 errhint("Leave it out for its default.")));
}

static RecoEvaluateRequest
read_arguments(FunctionCallInfo fcinfo)
{
	RecoEvaluateRequest request = {0};

	forbid_null(fcinfo, 1, "split");
	forbid_null(fcinfo, 3, "repeats");
	if (!PG_ARGISNULL(0))
		request.recommender = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request.split = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (!PG_ARGISNULL(2))
		request.test = PG_GETARG_OID(2);
	request.repeats = PG_GETARG_BOOL(3);
	if (!PG_ARGISNULL(4))
		request.options = PG_GETARG_JSONB_P_COPY(4);
	return request;
}

/*
 * reco_evaluate measures a recommender on a part of its interactions, or on a
 * relation of the caller's, that its learning does not see.
 *
 * Stages: read (one snapshot for both relations), measure (none), store.
 */
Datum
reco_evaluate(PG_FUNCTION_ARGS)
{
	bool may_commit = reco_procedure_begin(fcinfo, "evaluate");
	RecoEvaluateRequest request = read_arguments(fcinfo);
	RecoEvaluation *evaluation = reco_evaluate_read(&request);

	reco_procedure_commit(may_commit);
	reco_evaluate_measure(evaluation);
	reco_procedure_snapshot();
	reco_evaluate_store(evaluation);
	reco_procedure_commit(may_commit);
	reco_evaluate_announce(evaluation);
	reco_procedure_end(may_commit);
	PG_RETURN_VOID();
}
