/*
 * refresh.c
 *	  CALL reco.refresh(): read, learn, store and deploy a version.
 */
#include "postgres.h"

#include "evaluate/calibrate.h"
#include "evaluate/gate.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "model/boards.h"
#include "model/json.h"
#include "parallel/progress.h"
#include "portability/instr_time.h"
#include "reco.h"
#include "sqlapi/procedure.h"
#include "train/train.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(reco_refresh);

/* What a refresh was asked. */
typedef struct RefreshCall
{
	char *recommender; /* NULL: the one an unnamed call means */
	bool incremental;  /* go on from the deployed version */
	bool gate;         /* deploy only what is not worse */
	Jsonb *options;    /* NULL: those of the definition */
} RefreshCall;

/* seconds_since gives the seconds since *from and starts anew there. */
static double
seconds_since(instr_time *from)
{
	instr_time now;
	instr_time passed;

	INSTR_TIME_SET_CURRENT(now);
	passed = now;
	INSTR_TIME_SUBTRACT(passed, *from);
	*from = now;
	return INSTR_TIME_GET_DOUBLE(passed);
}

/* check_mode refuses modes that there are not, and says whether the mode is incremental. */
static bool
check_mode(const char *mode)
{
	bool incremental = strcmp(mode, "incremental") == 0;

	if (!incremental && strcmp(mode, "full") != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown refresh mode \"%s\"", mode),
						errhint("The modes are \"full\" and \"incremental\".")));
	return incremental;
}

static RefreshCall
read_arguments(FunctionCallInfo fcinfo)
{
	RefreshCall call = {0};

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s of refresh cannot be NULL", PG_ARGISNULL(1) ? "mode" : "gate"),
						errhint("Leave it out for its default.")));
	call.incremental = check_mode(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	call.gate = PG_GETARG_BOOL(2);
	if (!PG_ARGISNULL(0))
		call.recommender = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!PG_ARGISNULL(3))
		call.options = PG_GETARG_JSONB_P_COPY(3);
	return call;
}

/* read_events reads the interactions in the snapshot of the call. */
static RecoEvents *
read_events(const RecoDefinition *definition, instr_time *clock)
{
	RecoEvents *events;

	reco_progress_phase("reading", 0);
	events = reco_reader_events(definition);
	ereport(NOTICE,
			(errmsg("refresh of \"%s\": read %zu events of %zu users on %zu items in %.2f s",
					definition->name, events->n, events->users.n, events->items.n, seconds_since(clock))));
	return events;
}

/* learn learns from the events, whose memory it takes, outside of any snapshot. */
static RecoLearned *
learn(const RecoLearnRequest *request, instr_time *clock)
{
	RecoLearned *learned = reco_learn(request);
	char *detail = reco_json_rounded(learned->metrics);

	if (request->warm != NULL)
		ereport(NOTICE, (errmsg("refresh of \"%s\": learned from version %d on in %.2f s",
								request->definition->name, request->warm_version, seconds_since(clock)),
						 errdetail("%s", detail)));
	else
		ereport(NOTICE, (errmsg("refresh of \"%s\": learned in %.2f s", request->definition->name,
								seconds_since(clock)),
						 errdetail("%s", detail)));
	return learned;
}

/* calibrates says whether the call is to find out what scores mean. */
static bool
calibrates(const RecoDefinition *definition, const RefreshCall *call)
{
	return !call->incremental && reco_model_calibrates(definition, call->options);
}

/* open_gate opens what is deployed, to be compared with; false when nothing is. */
static bool
open_gate(RecoDefinition *definition, const RefreshCall *call, RecoGateRequest *request)
{
	const RecoVersion *version;

	if (definition->deployed == 0)
	{
		ereport(NOTICE, (errmsg("refresh of \"%s\": nothing is deployed to compare the new version with",
								definition->name)));
		return false;
	}
	version = reco_catalog_deployed(definition);
	*request = (RecoGateRequest){.definition = definition,
								 .call_options = call->options,
								 .deployed = reco_model_open(definition, CurrentMemoryContext),
								 .version = version->number,
								 .algorithm = pstrdup(version->algorithm),
								 .options = DatumGetJsonbPCopy(JsonbPGetDatum(version->options)),
								 .has_as_of = version->has_as_of,
								 .as_of = version->as_of,
								 .asked = reco_learn_asked_of(version->metrics),
								 .calibrate = calibrates(definition, call),
								 .incremental = call->incremental};
	return true;
}

/* pass_gate compares, and says what it found. */
static void
pass_gate(const RecoGateRequest *request, RecoGate *gate, instr_time *clock)
{
	*gate = reco_evaluate_gate(request);
	ereport(NOTICE, (errmsg("refresh of \"%s\": %s in %.2f s", request->definition->name,
							!gate->is_known ? "cannot be compared with what is deployed"
							: gate->passes  ? "not worse than what is deployed"
											: "worse than what is deployed",
							seconds_since(clock)),
					 errdetail("%s.", gate->finding)));
}

/* add_metric adds an object to the metrics. */
static void
add_metric(RecoLearned *learned, const char *name, Jsonb *object)
{
	RecoJson json;
	Jsonb *found;

	reco_json_begin(&json);
	reco_json_object(&json, name, object);
	found = reco_json_end(&json);
	learned->metrics = DatumGetJsonbP(
		DirectFunctionCall2(jsonb_concat, JsonbPGetDatum(learned->metrics), JsonbPGetDatum(found)));
}

/* say_calibrated says what scores mean, or that it is not known. */
static void
say_calibrated(const RecoDefinition *definition, const RecoCalibration *calibration, instr_time *clock)
{
	if (calibration->n == 0)
		ereport(WARNING,
				(errmsg("refresh of \"%s\": scores are not calibrated", definition->name),
				 errdetail("Only %lld of the rows that were held out could be found; %d are needed.",
						   (long long) calibration->found, RECO_CALIBRATE_FOUND),
				 errhint("The version is learned all the same, and nothing of it is called a probability.")));
	else
		ereport(NOTICE,
				(errmsg("refresh of \"%s\": calibrated in %.2f s", definition->name, seconds_since(clock)),
				 errdetail("%s", reco_json_rounded(calibration->json))));
}

/* add_link adds what scores mean: as it was calibrated, or as the version says that an incremental refresh went on from. */
static void
add_link(RecoLearned *learned, const RecoCalibration *calibration, const RecoModel *warm)
{
	if (calibration->n > 0)
	{
		reco_learn_link(learned, calibration->link, calibration->n);
		add_metric(learned, "calibration", calibration->json);
	}
	else if (warm != NULL && warm->n_link > 0)
		reco_learn_link(learned, warm->link, warm->n_link);
}

/* store_version stores what was learned; gate is NULL where nothing was compared. */
static void
store_version(const RecoDefinition *definition, RecoLearned *learned, const RecoGate *gate, instr_time *clock)
{
	bool deploy = gate == NULL || gate->passes;
	int number;

	if (gate != NULL)
		add_metric(learned, "gate", gate->json);
	reco_progress_phase("storing", 0);
	reco_procedure_snapshot();
	number = reco_train_store(definition, learned, deploy);
	if (deploy)
		ereport(NOTICE, (errmsg("refresh of \"%s\": stored and deployed version %d in %.2f s",
								definition->name, number, seconds_since(clock))));
	else
		ereport(WARNING,
				(errmsg("refresh of \"%s\": version %d is kept and not deployed", definition->name, number),
				 errdetail("%s.", gate->finding),
				 errhint("SELECT reco.deploy(%s, %d) deploys it nevertheless.",
						 quote_literal_cstr(definition->name), number)));
}

/*
 * reco_refresh learns a new version from the interactions and deploys it, from
 * nothing or, incrementally, from the deployed version on.
 *
 * Stages: read (one snapshot), with gate compare and with calibrate measure (none), learn (none), store.  The deployed version
 * serves until the last stage commits; whatever fails before leaves it.
 */
Datum
reco_refresh(PG_FUNCTION_ARGS)
{
	bool may_commit = reco_procedure_begin(fcinfo, "refresh");
	RefreshCall call = read_arguments(fcinfo);
	RecoDefinition *definition = reco_catalog_copy(reco_catalog_find_owned(call.recommender));
	RecoLearnRequest request = {.definition = definition, .call_options = call.options};
	RecoGateRequest gate_request;
	RecoGate gate = {0};
	bool gated;
	RecoCalibration calibration = {0};
	RecoPeople *people;
	RecoBoards *boards;
	int *windows;
	int n_windows;
	RecoReviewCounts *reviews;
	RecoLearned *learned;
	instr_time clock;

	if (call.options != NULL)
		reco_model_check_options(definition->algorithm, call.options);
	windows = reco_model_windows(definition, call.options, &n_windows);
	reco_catalog_lock(definition);
	if (call.incremental)
		request.warm = reco_learn_warm(definition, call.options, CurrentMemoryContext, &request.warm_version);
	gated = call.gate && open_gate(definition, &call, &gate_request);
	INSTR_TIME_SET_CURRENT(clock);
	reco_progress_begin(&definition->key, "refresh");
	request.events = read_events(definition, &clock);
	if (gated)
	{
		gate_request.events = request.events;
		reco_evaluate_gate_read(&gate_request);
	}
	boards = reco_boards_count(request.events, windows, n_windows, reco_min_group);
	people = reco_people_read(definition);
	reviews = reco_reader_reviews(definition, &request.events->items);
	reco_procedure_commit(may_commit);

	if (gated)
		pass_gate(&gate_request, &gate, &clock);
	if (calibrates(definition, &call))
	{
		calibration = gated && gate.calibrates
						  ? gate.calibration
						  : reco_evaluate_calibrate(definition, call.options, request.events);
		say_calibrated(definition, &calibration, &clock);
	}
	request.forget = true;
	learned = learn(&request, &clock);
	add_metric(learned, RECO_METRIC_ASKED, reco_learn_asked(definition, call.options));
	add_link(learned, &calibration, request.warm);
	reco_people_count(learned, &request.events->items, people, reco_min_group);
	reco_boards_add(learned, boards);
	reco_people_count_reviews(learned, reviews, definition->review_people, &request.events->items, people,
							  reco_min_group);
	store_version(definition, learned, gated ? &gate : NULL, &clock);
	reco_procedure_commit(may_commit);
	reco_progress_end();
	reco_catalog_unlock(definition);
	reco_procedure_end(may_commit);
	PG_RETURN_VOID();
}
