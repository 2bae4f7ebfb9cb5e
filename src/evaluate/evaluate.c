/*
 * evaluate.c
 *	  The three stages of an evaluation.
 */
#include "postgres.h"

#include "evaluate/internal.h"
#include "parallel/progress.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

void *
reco_evaluate_alloc(size_t n, size_t size)
{
	return palloc_extended(Max(mul_size(n, size), 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

RecoEvaluation *
reco_evaluate_read(const RecoEvaluateRequest *request)
{
	RecoEvaluation *evaluation = palloc0(sizeof(RecoEvaluation));
	RecoDefinition *definition = reco_catalog_copy(reco_catalog_find(request->recommender));

	evaluation->definition = definition;
	reco_catalog_require_owner(definition);
	reco_evaluate_check(request, definition, &evaluation->settings);
	if (OidIsValid(request->test))
	{
		reco_evaluate_check_relation(definition, request->test);
		evaluation->test_name = reco_catalog_relation_name(request->test);
	}
	reco_progress_begin(&definition->key, "evaluate");
	reco_progress_phase("reading", 0);
	evaluation->events = reco_reader_events(definition);
	evaluation->source =
		OidIsValid(request->test) ? reco_reader_test_events(definition, request->test) : evaluation->events;
	return evaluation;
}

/* make_ties hashes the key of every learned item. */
static void
make_ties(RecoEvaluation *evaluation)
{
	const RecoKeys *items = &evaluation->model->items;

	evaluation->tie = reco_evaluate_alloc(items->n, sizeof(uint32));
	for (size_t i = 0; i < items->n; i++)
	{
		RecoKey key = reco_keys_get(items, i);

		evaluation->tie[i] = (uint32) (reco_key_hash(evaluation->settings.seed, &key) >> 32);
	}
}

void
reco_evaluate_measure(RecoEvaluation *evaluation)
{
	const RecoDefinition *definition = evaluation->definition;

	reco_evaluate_split(evaluation);
	evaluation->learned =
		reco_learn(definition, evaluation->settings.model_options, evaluation->events, evaluation->keep);
	evaluation->model = reco_model_bind(definition->algorithm, &evaluation->learned->tensors);
	make_ties(evaluation);
	reco_evaluate_learn_baselines(evaluation);
	reco_evaluate_find_targets(evaluation);
	reco_evaluate_rank(evaluation);
	reco_evaluate_summarise(evaluation);
}

void
reco_evaluate_store(RecoEvaluation *evaluation)
{
	reco_progress_phase("storing", 0);
	(void) reco_catalog_insert_evaluation(
		evaluation->definition, evaluation->settings.split_name, reco_evaluate_options_json(evaluation),
		reco_evaluate_counts_json(evaluation), evaluation->row, evaluation->n_rows);
}

void
reco_evaluate_announce(const RecoEvaluation *evaluation)
{
	const RecoEvaluateCounts *counts = &evaluation->counts;
	const char *name = evaluation->definition->name;

	reco_progress_end();
	ereport(
		NOTICE,
		(errmsg("evaluation of \"%s\": %zu test users, %lld test pairs", name, evaluation->n_users,
				(long long) counts->test_pairs),
		 errdetail(
			 "Pairs taken out of training, wholly or in part: %lld. Users without history in training: %lld. Targets that "
			 "cannot be reached because their item was not learned: %lld. Targets left out because the "
			 "user has them in training: %lld.",
			 (long long) counts->removed_pairs, (long long) counts->users_without_history,
			 (long long) counts->unreachable_targets, (long long) counts->seen_targets),
		 errhint("SELECT * FROM reco.evaluation_report(%s) shows the result.", quote_literal_cstr(name))));
}
