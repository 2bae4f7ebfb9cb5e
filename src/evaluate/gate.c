/*
 * gate.c
 *	  Two contestants on a split that neither has seen: the candidate and what is deployed.
 */
#include "postgres.h"

#include "evaluate/gate.h"
#include "evaluate/internal.h"
#include "model/json.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define GATE_RESAMPLES 1000

/* Positions of the contestants. */
enum
{
	CANDIDATE,
	DEPLOYED,
	N_CONTESTANTS
};

/* What each contestant measured. */
typedef struct Measured
{
	double value;
	double *resampled; /* [GATE_RESAMPLES] */
} Measured;

/* count_tested gives the number of users who lost events to the test part. */
static size_t
count_tested(const RecoEvaluation *evaluation)
{
	const RecoEvents *events = evaluation->events;
	size_t n = 0;

	for (size_t user = 0; user < events->users.n; user++)
		for (size_t e = evaluation->user_start[user]; e < evaluation->user_start[user + 1]; e++)
			if (!reco_evaluate_bit(evaluation->keep, e))
			{
				n++;
				break;
			}
	return n;
}

/* may_be_served says whether users can be served the deployed version as it is. */
static bool
may_be_served(const RecoGateRequest *request)
{
	return !request->deployed->asks_users || request->users != NULL;
}

void
reco_evaluate_gate_read(RecoGateRequest *request)
{
	const RecoModel *deployed = request->deployed;

	if (deployed->asks_users && deployed->user_encoder != NULL && request->has_as_of &&
		request->events->time != NULL &&
		reco_encoder_fits(request->definition, deployed->user_encoder, RECO_SIDE_USER))
		request->users =
			reco_evaluate_encode_users(request->definition, deployed->user_encoder, &request->events->users);
}

/* split holds out pairs that are new since the deployed version, if they are enough; says whether they are. */
static bool
split(RecoEvaluation *evaluation, const RecoGateRequest *request)
{
	if (request->has_as_of && evaluation->events->time != NULL && may_be_served(request))
	{
		evaluation->settings.has_after = true;
		evaluation->settings.after = request->as_of;
		reco_evaluate_split(evaluation);
		if (count_tested(evaluation) >= RECO_GATE_USERS)
			return true;
		evaluation->settings.has_after = false;
		memset(&evaluation->counts, 0, sizeof(evaluation->counts));
	}
	if (request->incremental)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("an incremental refresh of \"%s\" cannot be gated now", request->definition->name),
			 may_be_served(request)
				 ? errdetail(
					   "Version %d, which it goes on from, has seen all rows but those of fewer than %d users "
					   "who came to something new since.",
					   request->version, RECO_GATE_USERS)
				 : errdetail(
					   "Version %d, which it goes on from, asks for attributes of users that are not mapped any "
					   "more as it knew them.",
					   request->version),
			 errhint("Run a full refresh, or one without gate.")));
	reco_evaluate_split(evaluation);
	return false;
}

/* make_evaluation gives an evaluation with everything but contestants; NULL when too few users can be tested. */
static RecoEvaluation *
make_evaluation(const RecoGateRequest *request, bool *fresh)
{
	RecoEvaluation *evaluation =
		reco_evaluate_hold_out(request->definition, request->call_options, request->events);

	evaluation->settings.resamples = GATE_RESAMPLES;
	if (request->events->users.n < RECO_GATE_USERS)
		return NULL;
	*fresh = split(evaluation, request);
	if (count_tested(evaluation) < RECO_GATE_USERS)
		return NULL;
	reco_evaluate_prepare(evaluation);
	return evaluation->n_users < RECO_GATE_USERS ? NULL : evaluation;
}

/*
 * deployed_entry gives the deployed version as it is, or its settings to be learned: as they were asked for, so that what the
 * algorithm chooses by the rows is chosen again, for the candidate has it chosen again too.
 */
static RecoEntry
deployed_entry(const RecoGateRequest *request, bool fresh)
{
	RecoEntry entry = {
		.name = "deployed", .ranker = RECO_RANKER_MODEL, .definition = request->definition, .share = 100};

	if (fresh)
	{
		entry.model = request->deployed;
		entry.users = request->users;
		return entry;
	}
	entry.definition = palloc(sizeof(RecoDefinition));
	*entry.definition = *request->definition;
	entry.definition->algorithm = request->algorithm;
	entry.definition->options = request->asked != NULL ? request->asked : request->options;
	return entry;
}

/* statistic_of gives what is compared. */
static RecoStatistic
statistic_of(const RecoEvaluation *evaluation)
{
	if (evaluation->definition->explicit_feedback)
		return (RecoStatistic){reco_evaluate_tail(evaluation, RECO_TAIL_SQUARES),
							   reco_evaluate_tail(evaluation, RECO_TAIL_RATINGS), true};
	return (RecoStatistic){reco_evaluate_cell(0, RECO_CELL_NDCG),
						   reco_evaluate_tail(evaluation, RECO_TAIL_RANKED), false};
}

/* measure learns and measures one contestant, and calibrates it unless "calibration" is NULL; the results are in "outer". */
static Measured
measure(RecoEvaluation *evaluation, const RecoEntry *entry, RecoCalibration *calibration, MemoryContext outer)
{
	MemoryContext each = AllocSetContextCreate(outer, "reco gate: one contestant", ALLOCSET_DEFAULT_SIZES);
	RecoStatistic statistic = statistic_of(evaluation);
	RecoContestant *contestant;
	Measured measured;
	RecoSums all;

	MemoryContextSwitchTo(each);
	contestant = reco_evaluate_contest(evaluation, entry, outer);
	reco_evaluate_measure(evaluation, contestant);
	measured.resampled = MemoryContextAlloc(outer, sizeof(double) * GATE_RESAMPLES);
	all = reco_evaluate_sums(contestant->tally, RECO_GROUP_ALL);
	measured.value = reco_evaluate_statistic(&statistic, &all);
	reco_evaluate_resampled(&statistic, &all, GATE_RESAMPLES, measured.resampled);
	if (calibration != NULL)
		*calibration = reco_evaluate_link(evaluation, contestant, outer);
	MemoryContextSwitchTo(outer);
	MemoryContextDelete(each);
	return measured;
}

/* judge compares the two; "found" is the context of the result. */
static RecoGate
judge(const RecoEvaluation *evaluation, const RecoGateRequest *request, const Measured *measured, bool fresh,
	  MemoryContext found)
{
	bool is_error = evaluation->definition->explicit_feedback;
	const char *metric = is_error ? "rmse" : psprintf("ndcg@%d", RECO_HELD_OUT_LIST);
	double difference = measured[CANDIDATE].value - measured[DEPLOYED].value;
	double *each = palloc(sizeof(double) * GATE_RESAMPLES);
	RecoGate gate;
	RecoJson json;
	double low;
	double high;

	for (int r = 0; r < GATE_RESAMPLES; r++)
		each[r] = measured[CANDIDATE].resampled[r] - measured[DEPLOYED].resampled[r];
	reco_evaluate_interval(each, GATE_RESAMPLES, &low, &high);
	memset(&gate, 0, sizeof(gate));
	gate.is_known = true;
	gate.passes = !(is_error ? low > 0 : high < 0);
	MemoryContextSwitchTo(found);
	gate.finding = psprintf(
		"%s %.4f against %.4f of %sversion %d, difference %.4f (%.4f to %.4f), %zu users, %s", metric,
		measured[CANDIDATE].value, measured[DEPLOYED].value, fresh ? "" : "the settings of ",
		request->version, difference, low, high, evaluation->n_users, fresh ? "new events" : "held-out rows");
	reco_json_begin(&json);
	reco_json_string(&json, "verdict", gate.passes ? "passed" : "refused");
	reco_json_string(&json, "by", fresh ? "new events" : "settings");
	reco_json_integer(&json, "against", request->version);
	reco_json_string(&json, "metric", metric);
	reco_json_number(&json, "candidate", measured[CANDIDATE].value);
	reco_json_number(&json, "deployed", measured[DEPLOYED].value);
	reco_json_number(&json, "difference", difference);
	reco_json_number(&json, "low", low);
	reco_json_number(&json, "high", high);
	reco_json_integer(&json, "users", (int64) evaluation->n_users);
	gate.json = reco_json_end(&json);
	return gate;
}

/* cannot_say lets the candidate pass without comparing. */
static RecoGate
cannot_say(const RecoGateRequest *request, MemoryContext found)
{
	RecoGate gate = {.passes = true};
	RecoJson json;

	MemoryContextSwitchTo(found);
	gate.finding = psprintf("Fewer than %d users can be tested", RECO_GATE_USERS);
	reco_json_begin(&json);
	reco_json_string(&json, "verdict", "unknown");
	reco_json_integer(&json, "against", request->version);
	gate.json = reco_json_end(&json);
	return gate;
}

RecoGate
reco_evaluate_gate(const RecoGateRequest *request)
{
	MemoryContext found = CurrentMemoryContext;
	MemoryContext outer = AllocSetContextCreate(found, "reco gate", ALLOCSET_DEFAULT_SIZES);
	RecoEntry entry[N_CONTESTANTS];
	Measured measured[N_CONTESTANTS];
	RecoEvaluation *evaluation;
	RecoCalibration calibration = {0};
	RecoGate gate;
	bool calibrates;
	bool fresh;

	if (request->deployed->explicit_feedback != request->definition->explicit_feedback)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of \"%s\" was learned from other feedback, and cannot be compared with",
						request->version, request->definition->name),
				 errhint("Refresh without gate.")));
	MemoryContextSwitchTo(outer);
	evaluation = make_evaluation(request, &fresh);
	if (evaluation == NULL)
	{
		gate = cannot_say(request, found);
		MemoryContextDelete(outer);
		return gate;
	}
	entry[CANDIDATE] = (RecoEntry){.name = "candidate",
								   .ranker = RECO_RANKER_MODEL,
								   .definition = request->definition,
								   .options = request->call_options,
								   .warm = request->incremental ? request->deployed : NULL,
								   .warm_version = request->version,
								   .share = 100};
	entry[DEPLOYED] = deployed_entry(request, fresh);
	/* new events are no sample of all rows: what scores mean is then found by holding rows out once more */
	calibrates = request->calibrate && !fresh;
	measured[CANDIDATE] = measure(evaluation, &entry[CANDIDATE], calibrates ? &calibration : NULL, found);
	measured[DEPLOYED] = measure(evaluation, &entry[DEPLOYED], NULL, outer);
	gate = judge(evaluation, request, measured, fresh, found);
	gate.calibrates = calibrates;
	gate.calibration = calibration;
	MemoryContextSwitchTo(found);
	MemoryContextDelete(outer);
	return gate;
}
