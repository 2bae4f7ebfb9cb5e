/*
 * evaluate.c
 *	  The stages of an evaluation.
 */
#include "postgres.h"

#include "evaluate/internal.h"
#include "parallel/progress.h"
#include "portability/instr_time.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Names of the commands: as reco.progress and reco.evaluation have them. */
static const char *const command_names[] = {"evaluate", "compare", "learning_curve", "tune"};

/* Report functions of the commands. */
static const char *const report_names[] = {"evaluation_report", "comparison_report", "learning_curve_report"};

void *
reco_evaluate_alloc(size_t n, size_t size)
{
	return palloc_extended(Max(mul_size(n, size), 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

Jsonb *
reco_evaluate_copy_json(const Jsonb *json)
{
	Jsonb *copy;

	if (json == NULL)
		return NULL;
	copy = palloc(VARSIZE(json));
	memcpy(copy, json, VARSIZE(json));
	return copy;
}

RecoFeatures *
reco_evaluate_encode_users(const RecoDefinition *definition, const RecoEncoder *encoder,
						   const RecoKeys *users)
{
	RecoKey *key = palloc_extended(sizeof(RecoKey) * Max(users->n, 1), MCXT_ALLOC_HUGE);

	for (size_t u = 0; u < users->n; u++)
		key[u] = reco_keys_get(users, u);
	return reco_encoder_rows(definition, encoder, RECO_SIDE_USER, key, (int) users->n);
}

RecoEvaluation *
reco_evaluate_read(const RecoEvaluateRequest *request)
{
	RecoEvaluation *evaluation = palloc0(sizeof(RecoEvaluation));
	RecoDefinition *definition = reco_catalog_copy(reco_catalog_find_owned(request->recommender));

	evaluation->definition = definition;
	reco_evaluate_check(request, definition, &evaluation->settings);
	reco_evaluate_enter(evaluation, request->models);
	if (OidIsValid(request->test))
	{
		reco_evaluate_check_relation(definition, request->test);
		evaluation->test_name = reco_catalog_relation_name(request->test);
	}
	reco_progress_begin(&definition->key, command_names[request->command]);
	reco_progress_phase("reading", 0);
	evaluation->events = reco_reader_events(definition);
	evaluation->source =
		OidIsValid(request->test) ? reco_reader_test_events(definition, request->test) : evaluation->events;
	evaluation->user_features = evaluation->events->user_features;
	/* some users of the caller's relation may not be in the interactions */
	if (evaluation->source != evaluation->events && evaluation->user_features != NULL)
		evaluation->user_features = reco_evaluate_encode_users(definition, evaluation->user_features->encoder,
															   &evaluation->source->users);
	return evaluation;
}

RecoEvaluation *
reco_evaluate_hold_out(RecoDefinition *definition, Jsonb *call_options, RecoEvents *events)
{
	RecoEvaluation *evaluation = palloc0(sizeof(RecoEvaluation));

	evaluation->settings = (RecoEvaluateSettings){.split = RECO_SPLIT_RANDOM,
												  .of_refresh = true,
												  .n_k = 1,
												  .k = palloc(sizeof(size_t)),
												  .fraction = RECO_HELD_OUT_FRACTION,
												  .seed = RECO_HELD_OUT_SEED,
												  .sample_users = 1,
												  .model_options = call_options};
	evaluation->settings.k[0] = RECO_HELD_OUT_LIST;
	evaluation->definition = definition;
	evaluation->events = evaluation->source = events;
	evaluation->user_features = events->user_features;
	return evaluation;
}

void
reco_evaluate_prepare(RecoEvaluation *evaluation)
{
	if (evaluation->keep == NULL)
		reco_evaluate_split(evaluation);
	reco_evaluate_fold(evaluation);
	reco_evaluate_learn_baselines(evaluation);
	reco_evaluate_find_targets(evaluation);
}

/* The memory of a contestant, lists and model, goes when it is summarised. */
bool
reco_evaluate_next(RecoEvaluation *evaluation)
{
	MemoryContext outer = CurrentMemoryContext;
	MemoryContext each;
	RecoContestant *contestant;
	const RecoEntry *entry;
	instr_time begin;
	instr_time end;

	if (evaluation->n_done == 0)
		reco_evaluate_prepare(evaluation);
	if (evaluation->n_done == evaluation->n_entries)
		return false;
	entry = &evaluation->entry[evaluation->n_done];
	INSTR_TIME_SET_CURRENT(begin);
	each = AllocSetContextCreate(outer, "reco evaluate: one contestant", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(each);
	contestant = reco_evaluate_contest(evaluation, entry, outer);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, begin);
	evaluation->seconds = entry->ranker == RECO_RANKER_MODEL ? INSTR_TIME_GET_DOUBLE(end) : 0;
	reco_evaluate_measure(evaluation, contestant);
	MemoryContextSwitchTo(outer);
	reco_evaluate_summarise(evaluation, contestant, &evaluation->result[evaluation->n_done]);
	MemoryContextDelete(each);
	evaluation->n_done++;
	return true;
}

/* describe gives the entry measured last as it is stored. */
static RecoEvaluationModel
describe(const RecoEvaluation *evaluation)
{
	const RecoEntry *entry = &evaluation->entry[evaluation->n_done - 1];

	return (RecoEvaluationModel){
		.model = entry->name,
		.place = evaluation->n_done,
		.algorithm = entry->ranker == RECO_RANKER_MODEL ? entry->definition->algorithm : NULL,
		.options = evaluation->learned_options,
		.share = entry->ranker == RECO_RANKER_MODEL ? entry->share : 0,
		.rows = evaluation->learned_rows,
		.seconds = evaluation->seconds,
	};
}

void
reco_evaluate_store(RecoEvaluation *evaluation)
{
	RecoEvaluationModel model = describe(evaluation);

	reco_progress_phase("storing", 0);
	if (evaluation->id == 0)
		evaluation->id = reco_catalog_insert_evaluation(
			evaluation->definition, command_names[evaluation->settings.command],
			evaluation->settings.split_name, reco_evaluate_options_json(evaluation),
			reco_evaluate_counts_json(evaluation));
	reco_catalog_insert_evaluation_model(evaluation->definition, evaluation->id, &model, evaluation->row,
										 evaluation->n_rows);
}

void
reco_evaluate_finish(RecoEvaluation *evaluation)
{
	int n;
	RecoDifferenceRow *row = reco_evaluate_differences(evaluation, &n);

	reco_catalog_insert_differences(evaluation->definition, evaluation->id, row, n);
}

void
reco_evaluate_announce(const RecoEvaluation *evaluation)
{
	const RecoEvaluateCounts *counts = &evaluation->counts;
	RecoEvaluateCommand command = evaluation->settings.command;
	const char *name = evaluation->definition->name;

	reco_progress_end();
	ereport(
		NOTICE,
		(errmsg("%s of \"%s\": %zu test users, %lld test pairs",
				command == RECO_COMMAND_EVALUATE  ? "evaluation"
				: command == RECO_COMMAND_COMPARE ? "comparison"
												  : "learning curve",
				name, evaluation->n_users, (long long) counts->test_pairs),
		 errdetail(
			 "Pairs taken out of training, wholly or in part: %lld. Users without history in training: %lld. Targets that "
			 "cannot be reached because their item was not learned: %lld. Targets left out because the "
			 "user has them in training: %lld.",
			 (long long) counts->removed_pairs, (long long) counts->users_without_history,
			 (long long) counts->unreachable_targets, (long long) counts->seen_targets),
		 errhint("SELECT * FROM reco.%s(%s) shows the result.", report_names[command],
				 quote_literal_cstr(name))));
}
