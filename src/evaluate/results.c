/*
 * results.c
 *	  From sums over users to the rows that are stored.
 *
 * A line is a mean over the users who have the value: those with something to
 * find for the measures of lists, those with ratings for the errors (there the
 * mean is over ratings, not over users).  Intervals hold 95 % of the bootstrap
 * resamples of the users of the group; all contestants share the draws.  There is none of fewer than RECO_LEAST_USERS users.
 */
#include "postgres.h"

#include <math.h>

#include "evaluate/evaluate.h"
#include "evaluate/internal.h"
#include "kernel/metrics.h"
#include "miscadmin.h"
#include "model/json.h"
#include "utils/timestamp.h"

static const char *const group_names[RECO_GROUPS] = {
	"all", "with history", "without history", "1 item", "2 to 5 items", "6 to 20 items", "over 20 items"};

static const char *const item_group_names[RECO_ITEM_GROUPS] = {"head", "middle", "tail", "new"};

const char *const reco_evaluate_cell_name[RECO_CELL_ITEM_RECALL] = {
	"recall", "precision", "f1", "ndcg", "map", "mrr", "hit_rate", "novelty", "diversity"};

/* Measures that no list of one user has. */
static const char *const whole_names[] = {"auc", "coverage", "gini", "mae", "rmse"};

void
reco_evaluate_require_metric(const char *metric)
{
	const char *name[RECO_CELL_ITEM_RECALL + lengthof(whole_names)];
	StringInfoData known;

	memcpy(name, reco_evaluate_cell_name, sizeof(reco_evaluate_cell_name));
	memcpy(name + RECO_CELL_ITEM_RECALL, whole_names, sizeof(whole_names));
	initStringInfo(&known);
	for (size_t m = 0; m < lengthof(name); m++)
	{
		if (strcmp(name[m], metric) == 0)
			return;
		appendStringInfo(&known, "%s%s", m > 0 ? ", " : "", name[m]);
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown measure \"%s\"", metric),
					errhint("The known measures are: %s.", known.data)));
}

/* What rows are made of while a contestant is summarised. */
typedef struct Summary
{
	RecoEvaluation *evaluation;
	const RecoContestant *contestant;
	RecoUserGroup group;
	RecoSums sums;
} Summary;

/* new_row starts a row of the group, a value of so many users. */
static RecoMetricRow *
new_row(Summary *summary, const char *metric, int k, int64 users)
{
	RecoMetricRow *row = &summary->evaluation->row[summary->evaluation->n_rows++];

	*row = (RecoMetricRow){.model = summary->contestant->entry->name,
						   .user_group = group_names[summary->group],
						   .item_group = "all",
						   .metric = metric,
						   .k = k,
						   .low = NAN,
						   .high = NAN,
						   .users = users};
	return row;
}

/* add adds the row of a statistic with its interval; NULL when nobody has the value. */
static RecoMetricRow *
add(Summary *summary, const char *metric, int k, RecoStatistic statistic)
{
	size_t resamples = (size_t) summary->evaluation->settings.resamples;
	RecoMetricRow *row;
	double *value;

	if (!(summary->sums.sum[statistic.denominator] > 0))
		return NULL;
	row = new_row(summary, metric, k, (int64) summary->sums.users);
	row->value = reco_evaluate_statistic(&statistic, &summary->sums);
	value = reco_evaluate_alloc(resamples, sizeof(double));
	reco_evaluate_resampled(&statistic, &summary->sums, resamples, value);
	reco_evaluate_interval(value, resamples, &row->low, &row->high);
	pfree(value);
	return row;
}

/* add_mean adds a mean over users, who are counted by the denominator. */
static RecoMetricRow *
add_mean(Summary *summary, const char *metric, int k, size_t column, RecoTail users)
{
	size_t denominator = reco_evaluate_tail(summary->evaluation, users);
	RecoMetricRow *row = add(summary, metric, k, (RecoStatistic){column, denominator, false});

	if (row != NULL)
		row->users = (int64) summary->sums.sum[denominator];
	return row;
}

/* add_shown adds how the lists at the k-th length spread over the items that the contestant knows. */
static void
add_shown(Summary *summary, int k)
{
	const RecoEvaluateSettings *settings = &summary->evaluation->settings;
	const RecoContestant *contestant = summary->contestant;
	size_t n_items = contestant->n_items;
	double *count = reco_evaluate_alloc(n_items, sizeof(double));
	int64 users = (int64) summary->sums.sum[reco_evaluate_tail(summary->evaluation, RECO_TAIL_RANKED)];
	double distinct = 0;

	for (int class = 0; class < RECO_CLASSES; class ++)
		if (reco_evaluate_in_group(class, summary->group))
			for (size_t i = 0; i < n_items; i++)
				count[i] += contestant->shown[((size_t) class * settings->n_k + k) * n_items + i];
	for (size_t i = 0; i < n_items; i++)
		distinct += count[i] > 0;
	new_row(summary, "coverage", (int) settings->k[k], users)->value = distinct / (double) n_items;
	if (distinct > 0)
		new_row(summary, "gini", (int) settings->k[k], users)->value = rk_metrics_gini(count, n_items);
	pfree(count);
}

/* add_lists adds the rows of the lists of the group. */
static void
add_lists(Summary *summary)
{
	const RecoEvaluateSettings *settings = &summary->evaluation->settings;

	for (int k = 0; k < settings->n_k; k++)
	{
		int length = (int) settings->k[k];

		for (int cell = 0; cell < RECO_CELL_DIVERSITY; cell++)
			add_mean(summary, reco_evaluate_cell_name[cell], length, reco_evaluate_cell(k, cell),
					 RECO_TAIL_RANKED);
		if (length > 1)
			add_mean(summary, reco_evaluate_cell_name[RECO_CELL_DIVERSITY], length,
					 reco_evaluate_cell(k, RECO_CELL_DIVERSITY), RECO_TAIL_SAMPLED);
		add_shown(summary, k);
	}
	add_mean(summary, "auc", 0, reco_evaluate_tail(summary->evaluation, RECO_TAIL_AUC), RECO_TAIL_AUC_USERS);
}

/* add_items adds recall by the popularity of the items to be found. */
static void
add_items(Summary *summary)
{
	const RecoEvaluateSettings *settings = &summary->evaluation->settings;

	for (int k = 0; k < settings->n_k; k++)
		for (int group = 0; group < RECO_ITEM_GROUPS; group++)
		{
			RecoMetricRow *row =
				add_mean(summary, "recall", (int) settings->k[k],
						 reco_evaluate_cell(k, RECO_CELL_ITEM_RECALL + group), RECO_TAIL_ITEM_USERS + group);

			if (row != NULL)
				row->item_group = item_group_names[group];
		}
}

/* add_errors adds the rows of the predicted ratings of the group. */
static void
add_errors(Summary *summary)
{
	size_t ratings = reco_evaluate_tail(summary->evaluation, RECO_TAIL_RATINGS);

	(void) add(summary, "rmse", 0,
			   (RecoStatistic){reco_evaluate_tail(summary->evaluation, RECO_TAIL_SQUARES), ratings, true});
	(void) add(summary, "mae", 0,
			   (RecoStatistic){reco_evaluate_tail(summary->evaluation, RECO_TAIL_ABSOLUTES), ratings, false});
}

/*
 * reco_evaluate_summarise fills the rows to be stored of one contestant, in the current context, and what is
 * kept of it in *result; a group without users has no rows.
 */
void
reco_evaluate_summarise(RecoEvaluation *evaluation, const RecoContestant *contestant, RecoResult *result)
{
	/* a k: the measures of lists, coverage and Gini; with them AUC, RMSE and MAE; of all users by items too */
	size_t most = (size_t) RECO_GROUPS * (evaluation->settings.n_k * (RECO_CELL_ITEM_RECALL + 2) + 3) +
				  (size_t) evaluation->settings.n_k * RECO_ITEM_GROUPS;
	Summary summary = {.evaluation = evaluation, .contestant = contestant};

	evaluation->n_rows = 0;
	evaluation->row = reco_evaluate_alloc(most, sizeof(RecoMetricRow));
	for (int group = 0; group < RECO_GROUPS; group++)
	{
		summary.group = group;
		summary.sums = reco_evaluate_sums(contestant->tally, group);
		if (summary.sums.sum[reco_evaluate_tail(evaluation, RECO_TAIL_RANKED)] > 0)
		{
			add_lists(&summary);
			if (group == RECO_GROUP_ALL)
				add_items(&summary);
		}
		add_errors(&summary);
		if (group == RECO_GROUP_ALL)
			*result = (RecoResult){contestant->entry->name, summary.sums};
		else
			reco_evaluate_free_sums(&summary.sums);
		CHECK_FOR_INTERRUPTS();
	}
}

/* reco_evaluate_options_json gives the settings as they were resolved, those of learning under "model" where there is one model. */
Jsonb *
reco_evaluate_options_json(const RecoEvaluation *evaluation)
{
	const RecoEvaluateSettings *settings = &evaluation->settings;
	int *k = palloc(sizeof(int) * settings->n_k);
	RecoJson json;

	for (int i = 0; i < settings->n_k; i++)
		k[i] = (int) settings->k[i];
	reco_json_begin(&json);
	reco_json_integers(&json, "k", k, settings->n_k);
	if (settings->split == RECO_SPLIT_RANDOM || (settings->split == RECO_SPLIT_TIME && !settings->has_from))
		reco_json_number(&json, "fraction", settings->fraction);
	if (settings->split == RECO_SPLIT_LAST)
		reco_json_integer(&json, "last_n", (int64) settings->last_n);
	if (evaluation->has_cut)
		reco_json_string(&json, "from", timestamptz_to_str(evaluation->cut));
	if (evaluation->test_name != NULL)
		reco_json_string(&json, "test", evaluation->test_name);
	reco_json_boolean(&json, "repeats", settings->repeats);
	reco_json_integer(&json, "seed", (int64) settings->seed);
	reco_json_integer(&json, "resamples", settings->resamples);
	reco_json_integer(&json, "users", (int64) settings->max_users);
	reco_json_integer(&json, "sample_users", (int64) settings->sample_users);
	if (settings->command == RECO_COMMAND_EVALUATE)
		reco_json_object(&json, "model", evaluation->learned_options);
	return reco_json_end(&json);
}

/* reco_evaluate_counts_json gives what was learned from, tested and left out. */
Jsonb *
reco_evaluate_counts_json(const RecoEvaluation *evaluation)
{
	const RecoEvaluateCounts *counts = &evaluation->counts;
	RecoJson json;

	reco_json_begin(&json);
	reco_json_integer(&json, "training_events", counts->training_events);
	reco_json_integer(&json, "training_users", (int64) evaluation->data->n_users);
	reco_json_integer(&json, "training_items", (int64) evaluation->data->n_items);
	reco_json_integer(&json, "training_pairs", (int64) rk_csr_nnz(&evaluation->data->by_user));
	reco_json_integer(&json, "pairs_removed_from_training", counts->removed_pairs);
	reco_json_integer(&json, "test_users", (int64) evaluation->n_users);
	reco_json_integer(&json, "test_users_available", counts->available_users);
	reco_json_integer(&json, "test_users_with_history", counts->users_with_history);
	reco_json_integer(&json, "test_users_without_history", counts->users_without_history);
	reco_json_integer(&json, "test_pairs", counts->test_pairs);
	if (evaluation->definition->explicit_feedback)
		reco_json_integer(&json, "test_ratings", counts->rating_pairs);
	reco_json_integer(&json, "unreachable_targets", counts->unreachable_targets);
	reco_json_integer(&json, "seen_targets_removed", counts->seen_targets);
	reco_json_integer(&json, "pairs_that_are_no_targets", counts->negative_pairs);
	return reco_json_end(&json);
}
