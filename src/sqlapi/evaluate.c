/*
 * evaluate.c
 *	  CALL reco.evaluate(), reco.compare() and reco.learning_curve(): learn on
 *	  one part, measure on the other.
 */
#include "postgres.h"

#include "catalog/catalog.h"
#include "evaluate/evaluate.h"
#include "fmgr.h"
#include "sqlapi/procedure.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(reco_evaluate);
PG_FUNCTION_INFO_V1(reco_compare);
PG_FUNCTION_INFO_V1(reco_learning_curve);
PG_FUNCTION_INFO_V1(reco_require_report);

/* forbid_null raises for an argument that was passed as NULL and has another default. */
static void
forbid_null(FunctionCallInfo fcinfo, int argument, const char *name, const char *command)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s of %s cannot be NULL", name, command),
				 errhint("Leave it out for its default.")));
}

/* read_arguments reads the recommender and, from "first" on, split, test, repeats and options. */
static RecoEvaluateRequest
read_arguments(FunctionCallInfo fcinfo, RecoEvaluateCommand command, const char *name, int first)
{
	RecoEvaluateRequest request = {.command = command};

	forbid_null(fcinfo, first, "split", name);
	forbid_null(fcinfo, first + 2, "repeats", name);
	if (!PG_ARGISNULL(0))
		request.recommender = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request.split = text_to_cstring(PG_GETARG_TEXT_PP(first));
	if (!PG_ARGISNULL(first + 1))
		request.test = PG_GETARG_OID(first + 1);
	/* '-'::regclass, which would be no test relation */
	if (!PG_ARGISNULL(first + 1) && !OidIsValid(request.test))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE), errmsg("there is no relation with OID %u", request.test),
				 errhint("Pass the test relation by its name, or leave it out for a split.")));
	request.repeats = PG_GETARG_BOOL(first + 2);
	if (!PG_ARGISNULL(first + 3))
		request.options = PG_GETARG_JSONB_P_COPY(first + 3);
	return request;
}

/*
 * run measures what was asked.
 *
 * Stages: read (one snapshot for both relations); for each model learn and measure (none), and store; store
 * how the models differ.  What was stored stays when the rest is cancelled.
 */
static void
run(const RecoEvaluateRequest *request, bool may_commit)
{
	RecoEvaluation *evaluation = reco_evaluate_read(request);

	reco_procedure_commit(may_commit);
	while (reco_evaluate_next(evaluation))
	{
		reco_procedure_snapshot();
		reco_evaluate_store(evaluation);
		reco_procedure_commit(may_commit);
	}
	reco_procedure_snapshot();
	reco_evaluate_finish(evaluation);
	reco_procedure_commit(may_commit);
	reco_evaluate_announce(evaluation);
	reco_procedure_end(may_commit);
}

/* reco_evaluate measures a recommender on a part of its interactions, or on a relation of the caller's, that its learning does not see. */
Datum
reco_evaluate(PG_FUNCTION_ARGS)
{
	bool may_commit = reco_procedure_begin(fcinfo, "evaluate");
	RecoEvaluateRequest request = read_arguments(fcinfo, RECO_COMMAND_EVALUATE, "evaluate", 1);

	run(&request, may_commit);
	PG_RETURN_VOID();
}

/* reco_compare measures several models and baselines in the same way, and how they differ. */
Datum
reco_compare(PG_FUNCTION_ARGS)
{
	bool may_commit = reco_procedure_begin(fcinfo, "compare");
	RecoEvaluateRequest request = read_arguments(fcinfo, RECO_COMMAND_COMPARE, "compare", 2);

	if (!PG_ARGISNULL(1))
		request.models = PG_GETARG_JSONB_P_COPY(1);
	run(&request, may_commit);
	PG_RETURN_VOID();
}

/* reco_learning_curve measures a recommender that learns from growing shares of the users. */
Datum
reco_learning_curve(PG_FUNCTION_ARGS)
{
	bool may_commit = reco_procedure_begin(fcinfo, "learning_curve");
	RecoEvaluateRequest request = read_arguments(fcinfo, RECO_COMMAND_CURVE, "learning_curve", 1);

	run(&request, may_commit);
	PG_RETURN_VOID();
}

/* What a report is asked of, where it is named: a recommender that there is, and a measure.  Of one that the caller may not use it has no rows. */
Datum
reco_require_report(PG_FUNCTION_ARGS)
{
	if (!PG_ARGISNULL(0))
		(void) reco_catalog_read_row(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	if (!PG_ARGISNULL(1))
		reco_evaluate_require_metric(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_VOID();
}
