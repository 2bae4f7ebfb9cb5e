/*
 * results.c
 *	  From the values of every user to the rows that are stored.
 *
 * A line is a mean over the users who have the value: those with something to
 * find for the measures of lists, those with ratings for the errors (there the
 * mean is over ratings, not over users).  Intervals hold 95 % of the bootstrap
 * resamples of those users.
 */
#include "postgres.h"

#include <math.h>

#include "evaluate/internal.h"
#include "model/json.h"
#include "parallel/progress.h"
#include "utils/timestamp.h"

#define LEVEL 0.95

static const char *const group_names[RECO_GROUPS] = {"all", "with history", "without history"};

static const char *const list_metrics[RECO_LIST_METRICS] = {"recall", "precision", "f1",      "ndcg",
															"map",    "mrr",       "hit_rate"};

static const char *
ranker_name(const RecoEvaluation *evaluation, RecoRanker ranker)
{
	return ranker == RECO_RANKER_MODEL        ? evaluation->definition->algorithm
		   : ranker == RECO_RANKER_POPULARITY ? "popularity"
											  : "item mean";
}

static const char *
predictor_name(const RecoEvaluation *evaluation, RecoPredictor predictor)
{
	return predictor == RECO_PREDICTOR_MODEL       ? evaluation->definition->algorithm
		   : predictor == RECO_PREDICTOR_ITEM_MEAN ? "item mean"
												   : "global mean";
}

/* Values of one kind for the users of one group, with their resamples. */
typedef struct Sample
{
	const double *value; /* [users x n_columns] */
	size_t n_columns;
	size_t n;          /* users of the group */
	uint32 *user;      /* [n] */
	double *sum;       /* [n_columns], in the order of users */
	double *resampled; /* [resamples x n_columns], NULL without resamples */
} Sample;

static bool
is_in_group(const RecoTestUser *user, RecoUserGroup group)
{
	return group == RECO_GROUP_ALL || user->with_history == (group == RECO_GROUP_WITH_HISTORY);
}

/* fill_sample sums and resamples; "all" is the sample of all users, whose resamples serve a group that is as large. */
static void
fill_sample(const RecoEvaluation *evaluation, const Sample *all, Sample *sample)
{
	sample->sum = reco_evaluate_alloc(sample->n_columns, sizeof(double));
	sample->resampled = NULL;
	for (size_t i = 0; i < sample->n; i++)
		for (size_t c = 0; c < sample->n_columns; c++)
			sample->sum[c] += sample->value[sample->user[i] * sample->n_columns + c];
	if (sample->n == 0 || evaluation->settings.resamples == 0)
		return;
	if (all != NULL && all->n == sample->n)
		sample->resampled = all->resampled;
	else
		sample->resampled = reco_evaluate_resample(sample->value, sample->n_columns, sample->user, sample->n,
												   evaluation->settings.resamples, evaluation->settings.seed);
}

/* make_sample gathers the users of a group who have ranked targets (or, ratings: any). */
static Sample
make_sample(const RecoEvaluation *evaluation, RecoUserGroup group, bool ratings, const Sample *all)
{
	Sample sample = {.value = ratings ? evaluation->error_value : evaluation->list_value,
					 .n_columns = ratings ? reco_evaluate_error_columns(evaluation)
										  : reco_evaluate_list_columns(evaluation),
					 .user = reco_evaluate_alloc(evaluation->n_users, sizeof(uint32))};

	for (size_t u = 0; u < evaluation->n_users; u++)
		if (is_in_group(&evaluation->user[u], group) && (ratings || evaluation->user[u].n_ranked > 0))
			sample.user[sample.n++] = (uint32) u;
	fill_sample(evaluation, all, &sample);
	return sample;
}

static int
compare_double(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* quantile gives the p-quantile of sorted values, interpolated linearly between order statistics. */
static double
quantile(const double *sorted, size_t n, double p)
{
	double place = p * (double) (n - 1);
	size_t low = (size_t) place;
	size_t high = Min(low + 1, n - 1);

	return sorted[low] + (place - (double) low) * (sorted[high] - sorted[low]);
}

/* A statistic is column / denominator, and for RMSE the root of it; denominator -1 is the number of users. */
typedef struct Statistic
{
	size_t column;
	int denominator;
	bool root;
} Statistic;

static double
statistic_of(const Statistic *statistic, const double *sum, size_t n)
{
	double mean =
		sum[statistic->column] / (statistic->denominator < 0 ? (double) n : sum[statistic->denominator]);

	return statistic->root ? sqrt(mean) : mean;
}

/* add_row stores a statistic of a sample with its interval. */
static void
add_row(RecoEvaluation *evaluation, RecoMetricRow row, const Sample *sample, Statistic statistic)
{
	int resamples = sample->resampled ? evaluation->settings.resamples : 0;
	double *value = reco_evaluate_alloc(Max(resamples, 1), sizeof(double));

	for (int r = 0; r < resamples; r++)
		value[r] = statistic_of(&statistic, sample->resampled + r * sample->n_columns, sample->n);
	qsort(value, resamples, sizeof(double), compare_double);
	row.value = statistic_of(&statistic, sample->sum, sample->n);
	row.low = resamples > 0 ? quantile(value, resamples, (1 - LEVEL) / 2) : NAN;
	row.high = resamples > 0 ? quantile(value, resamples, (1 + LEVEL) / 2) : NAN;
	row.users = (int64) sample->n;
	evaluation->row[evaluation->n_rows++] = row;
	pfree(value);
}

/* add_lists adds the rows of the lists of one group. */
static void
add_lists(RecoEvaluation *evaluation, RecoUserGroup group, const Sample *sample)
{
	int n_k = evaluation->settings.n_k;

	for (int ranker = 0; ranker < evaluation->n_rankers; ranker++)
		for (int k = 0; k < n_k; k++)
		{
			size_t cell = (size_t) ranker * n_k + k;
			RecoMetricRow row = {.model = ranker_name(evaluation, ranker),
								 .user_group = group_names[group],
								 .k = (int) evaluation->settings.k[k]};

			for (int m = 0; m < RECO_LIST_METRICS; m++)
			{
				row.metric = list_metrics[m];
				add_row(evaluation, row, sample, (Statistic){cell * RECO_LIST_METRICS + m, -1, false});
			}
			row.metric = "coverage";
			row.value = evaluation->coverage[(size_t) group * evaluation->n_rankers * n_k + cell];
			row.low = row.high = NAN;
			row.users = (int64) sample->n;
			evaluation->row[evaluation->n_rows++] = row;
		}
}

/* add_errors adds the rows of the predicted ratings of one group. */
static void
add_errors(RecoEvaluation *evaluation, RecoUserGroup group, const Sample *sample)
{
	for (int p = 0; p < evaluation->n_predictors; p++)
	{
		RecoMetricRow row = {.model = predictor_name(evaluation, p), .user_group = group_names[group]};

		row.metric = "rmse";
		add_row(evaluation, row, sample, (Statistic){1 + 2 * p, 0, true});
		row.metric = "mae";
		add_row(evaluation, row, sample, (Statistic){2 + 2 * p, 0, false});
	}
}

/* reco_evaluate_summarise fills the rows to be stored; a group without users has none. */
void
reco_evaluate_summarise(RecoEvaluation *evaluation)
{
	size_t most =
		RECO_GROUPS * ((size_t) evaluation->n_rankers * evaluation->settings.n_k * (RECO_LIST_METRICS + 1) +
					   2 * (size_t) evaluation->n_predictors);
	Sample lists[RECO_GROUPS];
	Sample ratings[RECO_GROUPS];

	reco_progress_phase("bootstrap", RECO_GROUPS);
	evaluation->row = reco_evaluate_alloc(most, sizeof(RecoMetricRow));
	for (int group = 0; group < RECO_GROUPS; group++)
	{
		lists[group] = make_sample(evaluation, group, false, group > 0 ? &lists[0] : NULL);
		if (lists[group].n > 0)
			add_lists(evaluation, group, &lists[group]);
		if (evaluation->n_predictors > 0)
		{
			ratings[group] = make_sample(evaluation, group, true, group > 0 ? &ratings[0] : NULL);
			if (ratings[group].n > 0)
				add_errors(evaluation, group, &ratings[group]);
		}
		reco_progress_step(group + 1, NAN);
	}
}

/* reco_evaluate_options_json gives the settings as they were resolved, those of learning under "model". */
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
	reco_json_object(&json, "model", evaluation->learned->options);
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
	reco_json_integer(&json, "training_users", (int64) evaluation->learned->n_users);
	reco_json_integer(&json, "training_items", (int64) evaluation->learned->n_items);
	reco_json_integer(&json, "training_pairs", (int64) evaluation->learned->n_rows);
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
