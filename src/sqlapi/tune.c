/*
 * tune.c
 *	  CALL reco.tune(): search settings; reco.apply_trial(): take those of a trial.
 */
#include "postgres.h"

#include "catalog/catalog.h"
#include "catalog/pg_type.h"
#include "evaluate/tune.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "sqlapi/procedure.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(reco_tune);
PG_FUNCTION_INFO_V1(reco_apply_trial);

/* Seconds of a budget that is measured in months. */
#define SECONDS_A_MONTH (30.0 * SECS_PER_DAY)

static void
raise_trial(int64 trial)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT), errmsg("there is no trial %lld", (long long) trial),
					errhint("SELECT * FROM reco.trials shows those of your recommenders.")));
}

/*
 * alter replaces the options of a recommender but "features", which no trial varies, with the checks of
 * alter_recommender, which by itself adds to them; SPI must be connected.
 */
static void
alter(const RecoDefinition *definition, Jsonb *options)
{
	static const char *const sql[] = {
		"SELECT reco.alter_recommender(name => $1, unset => '{options}')",
		"SELECT reco.alter_recommender(name => $1, options => $2)",
		("SELECT reco.alter_recommender(name => $1, options => pg_catalog.jsonb_build_object('features', "
		 "$3 OPERATOR(pg_catalog.->) 'features'))")};
	Oid type[] = {TEXTOID, JSONBOID, JSONBOID};
	Datum value[] = {CStringGetTextDatum(definition->name), JsonbPGetDatum(options),
					 PointerGetDatum(PG_DETOAST_DATUM_COPY(JsonbPGetDatum(definition->options)))};
	int nest_level = reco_catalog_begin_query();

	for (size_t i = 0; i < lengthof(sql); i++)
		if (SPI_execute_with_args(sql[i], (int) i + 1, type, value, NULL, false, 1) != SPI_OK_SELECT)
			elog(ERROR, "alter_recommender gave no row");
	reco_catalog_end_query(nest_level);
}

/* apply makes the options of a trial those of its recommender; SPI must be connected. */
static void
apply(int64 trial)
{
	const RecoDefinition *definition;
	pg_uuid_t key;
	char *algorithm;
	Jsonb *options;

	if (!reco_catalog_trial_options(trial, &key, &algorithm, &options) || !reco_catalog_may_use(&key))
		raise_trial(trial);
	definition = reco_catalog_find_by_key(&key);
	reco_catalog_require_owner(definition);
	if (strcmp(definition->algorithm, algorithm) != 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("trial %lld is of algorithm \"%s\", and \"%s\" now has \"%s\"",
							   (long long) trial, algorithm, definition->name, definition->algorithm),
						errhint("Change the algorithm with reco.alter_recommender(), or tune again.")));
	alter(definition, options);
	ereport(NOTICE,
			(errmsg("options of \"%s\" are those of trial %lld", definition->name, (long long) trial),
			 errhint("CALL reco.refresh(%s) learns with them.", quote_literal_cstr(definition->name))));
}

/* reco_apply_trial makes the options of a trial those of its recommender. */
Datum
reco_apply_trial(PG_FUNCTION_ARGS)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	apply(PG_GETARG_INT64(0));
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	PG_RETURN_VOID();
}

/* seconds_of gives the seconds of a budget, or raises when it is negative. */
static double
seconds_of(const Interval *budget)
{
	double seconds = (double) budget->time / USECS_PER_SEC + budget->day * (double) SECS_PER_DAY +
					 budget->month * SECONDS_A_MONTH;

	if (seconds < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("budget cannot be negative"),
						errhint("For example budget => '10 minutes'.")));
	return seconds;
}

static RecoTuneRequest
read_arguments(FunctionCallInfo fcinfo)
{
	static const char *const name[] = {"recommender", "budget", "split", "apply"};
	RecoTuneRequest request = {0};

	for (int a = 1; a < (int) lengthof(name); a++)
		if (PG_ARGISNULL(a))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("%s of tune cannot be NULL", name[a]),
					 errhint("Leave it out for its default.")));
	if (!PG_ARGISNULL(0))
		request.recommender = text_to_cstring(PG_GETARG_TEXT_PP(0));
	request.budget = seconds_of(PG_GETARG_INTERVAL_P(1));
	request.split = text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (!PG_ARGISNULL(4))
		request.options = PG_GETARG_JSONB_P_COPY(4);
	return request;
}

/*
 * reco_tune searches settings until the budget is spent or there are no more to try.
 *
 * Stages: read (one snapshot); for each trial look it up, or learn and measure it (no snapshot) and store it.
 */
Datum
reco_tune(PG_FUNCTION_ARGS)
{
	bool may_commit = reco_procedure_begin(fcinfo, "tune");
	RecoTuneRequest request = read_arguments(fcinfo);
	bool wanted = PG_GETARG_BOOL(3);
	RecoSearch *search = reco_tune_read(&request);
	int64 best;

	reco_procedure_commit(may_commit);
	while (reco_tune_choose(search))
	{
		bool known;

		reco_procedure_snapshot();
		known = reco_tune_recall(search);
		reco_procedure_commit(may_commit);
		if (known)
			continue;
		if (!reco_tune_try(search))
			break;
		reco_procedure_snapshot();
		reco_tune_store(search);
		reco_procedure_commit(may_commit);
	}
	best = reco_tune_announce(search);
	if (wanted && best != 0)
	{
		reco_procedure_snapshot();
		apply(best);
		reco_procedure_commit(may_commit);
	}
	reco_procedure_end(may_commit);
	PG_RETURN_VOID();
}
