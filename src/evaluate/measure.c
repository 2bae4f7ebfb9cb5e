/*
 * measure.c
 *	  The lists and predictions of every test user, and how good they are.
 *
 * A list ranks all learned items but those the user has in training (with
 * repeats: all).  A user whom the training part does not know gets the popular
 * list, as the ladder of recommend() would give.  What a rating of an item that
 * was not learned is predicted as is what the formula says of an item without
 * bias and factors.
 *
 * Values are kept a row a user: list_value in the order ranker, k, metric;
 * error_value as the number of ratings, then for each predictor the sum of
 * squares and of absolutes.  Means are taken later, in the order of users.
 */
#include "postgres.h"

#include <math.h>

#include "evaluate/internal.h"
#include "kernel/metrics.h"
#include "miscadmin.h"
#include "parallel/progress.h"
#include "utils/memutils.h"

/* What is reused from user to user. */
typedef struct Bench
{
	RecoEvaluation *evaluation;
	uint8 *masked; /* bitmap of items that are not ranked */
	uint8 *wanted; /* bitmap of items to be found */
	RkHit *list;   /* [longest k] */
	uint8 *hit;    /* [longest k] */
	size_t longest;
	uint8 *shown[2][RECO_RANKERS]; /* bitmaps [n_k x n_items]: without and with history */
} Bench;

static size_t
shown_bit(const Bench *bench, size_t k, uint32 item)
{
	return k * bench->evaluation->model->items.n + item;
}

/* mark_training sets or clears the bits of the items that a user has in training. */
static void
mark_training(const Bench *bench, const RecoTestUser *user, bool set)
{
	const RecoEvaluation *evaluation = bench->evaluation;

	if (user->event_user < 0 || evaluation->settings.repeats)
		return;
	for (size_t e = evaluation->user_start[user->event_user];
		 e < evaluation->user_start[user->event_user + 1]; e++)
	{
		int32 item = evaluation->item_of_item[evaluation->events->item[e]];

		if (item < 0 || !reco_evaluate_bit(evaluation->keep, e))
			continue;
		if (set)
			reco_evaluate_set_bit(bench->masked, item);
		else
			reco_evaluate_clear_bit(bench->masked, item);
	}
}

/* mark_targets sets or clears the bits of the items to be found. */
static void
mark_targets(const Bench *bench, const RecoTestUser *user, bool set)
{
	const RecoTarget *target = bench->evaluation->target + user->first_target;

	for (size_t t = 0; t < user->n_targets; t++)
	{
		if (target[t].item < 0 || !target[t].is_ranked)
			continue;
		if (set)
			reco_evaluate_set_bit(bench->wanted, target[t].item);
		else
			reco_evaluate_clear_bit(bench->wanted, target[t].item);
	}
}

/* take_first fills the list with the first items of an order that are not masked, and gives their number. */
static size_t
take_first(const Bench *bench, const uint32 *order)
{
	size_t n = 0;

	for (size_t i = 0; i < bench->evaluation->model->items.n && n < bench->longest; i++)
		if (!reco_evaluate_bit(bench->masked, order[i]))
			bench->list[n++] = (RkHit){order[i], 0};
	return n;
}

/* make_list fills the list of one ranker and gives its length. */
static size_t
make_list(const Bench *bench, const RecoTestUser *user, const RecoQuery *query, RecoRanker ranker)
{
	const RecoEvaluation *evaluation = bench->evaluation;

	if (ranker == RECO_RANKER_ITEM_MEAN)
		return take_first(bench, evaluation->baselines.by_mean);
	if (ranker == RECO_RANKER_POPULARITY || !user->with_history)
		return take_first(bench, evaluation->baselines.popular);
	return reco_rank(query, bench->longest, bench->masked, evaluation->tie, bench->list);
}

/* judge_list writes the values of the list of length n, and notes which items were shown. */
static void
judge_list(const Bench *bench, const RecoTestUser *user, RecoRanker ranker, size_t n, double *value)
{
	const RecoEvaluateSettings *settings = &bench->evaluation->settings;
	uint8 *shown = bench->shown[user->with_history][ranker];
	RkListMetrics *metrics = palloc(sizeof(RkListMetrics) * settings->n_k);

	for (size_t r = 0; r < n; r++)
		bench->hit[r] = reco_evaluate_bit(bench->wanted, bench->list[r].item);
	rk_metrics_list(bench->hit, n, user->n_ranked, settings->k, settings->n_k, metrics);
	for (int k = 0; k < settings->n_k; k++)
	{
		double *out = value + (size_t) k * RECO_LIST_METRICS;

		out[0] = metrics[k].recall;
		out[1] = metrics[k].precision;
		out[2] = metrics[k].f1;
		out[3] = metrics[k].ndcg;
		out[4] = metrics[k].average_precision;
		out[5] = metrics[k].reciprocal_rank;
		out[6] = metrics[k].hit_rate;
		for (size_t r = 0; r < Min(n, settings->k[k]); r++)
			reco_evaluate_set_bit(shown, shown_bit(bench, k, bench->list[r].item));
	}
}

/* predict gives the rating that a predictor expects of an item (-1: not learned). */
static double
predict(const RecoEvaluation *evaluation, const RecoQuery *query, RecoPredictor predictor, int32 item)
{
	if (predictor == RECO_PREDICTOR_GLOBAL_MEAN || (predictor == RECO_PREDICTOR_ITEM_MEAN && item < 0))
		return evaluation->baselines.global_mean;
	if (predictor == RECO_PREDICTOR_ITEM_MEAN)
		return evaluation->baselines.item_mean[item];
	return item < 0 ? query->constant : reco_query_score(query, (uint32) item);
}

/* judge_ratings writes the errors of the predicted ratings of one user. */
static void
judge_ratings(const RecoEvaluation *evaluation, const RecoTestUser *user, const RecoQuery *query,
			  double *value)
{
	const RecoTarget *target = evaluation->target + user->first_target;

	value[0] = (double) user->n_targets;
	for (int p = 0; p < evaluation->n_predictors; p++)
	{
		RkErrorSum sum = {0, 0, 0};

		for (size_t t = 0; t < user->n_targets; t++)
			rk_error_add(&sum, predict(evaluation, query, p, target[t].item), target[t].rating);
		value[1 + 2 * p] = sum.squares;
		value[2 + 2 * p] = sum.absolutes;
	}
}

/* make_query represents the training rows of a user. */
static RecoQuery *
make_query(const RecoEvaluation *evaluation, const RecoTestUser *user)
{
	const RkCsr *rows = &evaluation->learned->data->by_user;
	size_t first = user->row < 0 ? 0 : rows->offset[user->row];
	size_t n = user->row < 0 ? 0 : rk_csr_count(rows, user->row);

	return reco_query_from_rows(evaluation->model, rows->index + first, rows->weight + first,
								rows->target + first, n);
}

/* measure_user fills the values of the u-th test user. */
static void
measure_user(const Bench *bench, size_t u)
{
	RecoEvaluation *evaluation = bench->evaluation;
	RecoTestUser *user = &evaluation->user[u];
	RecoQuery *query = make_query(evaluation, user);
	double *value = evaluation->list_value + u * reco_evaluate_list_columns(evaluation);

	user->with_history = query->has_positive;
	if (evaluation->n_predictors > 0)
		judge_ratings(evaluation, user, query,
					  evaluation->error_value + u * reco_evaluate_error_columns(evaluation));
	if (user->n_ranked == 0)
		return;
	mark_training(bench, user, true);
	mark_targets(bench, user, true);
	for (int ranker = 0; ranker < evaluation->n_rankers; ranker++)
		judge_list(bench, user, ranker, make_list(bench, user, query, ranker),
				   value + (size_t) ranker * evaluation->settings.n_k * RECO_LIST_METRICS);
	mark_training(bench, user, false);
	mark_targets(bench, user, false);
}

static void
set_bench(Bench *bench, RecoEvaluation *evaluation)
{
	size_t n_items = evaluation->model->items.n;
	size_t n_k = evaluation->settings.n_k;

	bench->evaluation = evaluation;
	bench->longest = evaluation->settings.k[n_k - 1];
	bench->masked = reco_evaluate_alloc((n_items + 7) / 8, 1);
	bench->wanted = reco_evaluate_alloc((n_items + 7) / 8, 1);
	bench->list = reco_evaluate_alloc(bench->longest, sizeof(RkHit));
	bench->hit = reco_evaluate_alloc(bench->longest, 1);
	for (int history = 0; history < 2; history++)
		for (int ranker = 0; ranker < evaluation->n_rankers; ranker++)
			bench->shown[history][ranker] = reco_evaluate_alloc((n_items * n_k + 7) / 8, 1);
}

/* count_shown fills the coverage of one ranker at one k: the share of learned items that some list holds. */
static void
count_shown(const Bench *bench, int ranker, size_t k)
{
	RecoEvaluation *evaluation = bench->evaluation;
	size_t n_items = evaluation->model->items.n;
	size_t n_k = evaluation->settings.n_k;
	double count[RECO_GROUPS] = {0};

	for (size_t i = 0; i < n_items; i++)
	{
		bool without = reco_evaluate_bit(bench->shown[0][ranker], shown_bit(bench, k, i));
		bool with = reco_evaluate_bit(bench->shown[1][ranker], shown_bit(bench, k, i));

		count[RECO_GROUP_ALL] += with || without;
		count[RECO_GROUP_WITH_HISTORY] += with;
		count[RECO_GROUP_WITHOUT_HISTORY] += without;
	}
	for (int group = 0; group < RECO_GROUPS; group++)
		evaluation->coverage[((size_t) group * evaluation->n_rankers + ranker) * n_k + k] =
			count[group] / n_items;
}

/* reco_evaluate_rank fills list_value, error_value, coverage and who has a history. */
void
reco_evaluate_rank(RecoEvaluation *evaluation)
{
	MemoryContext each =
		AllocSetContextCreate(CurrentMemoryContext, "reco evaluate: one user", ALLOCSET_DEFAULT_SIZES);
	size_t n_k = evaluation->settings.n_k;
	Bench bench;

	evaluation->n_rankers = evaluation->definition->explicit_feedback ? RECO_RANKERS : RECO_RANKER_ITEM_MEAN;
	evaluation->n_predictors = evaluation->definition->explicit_feedback ? RECO_PREDICTORS : 0;
	evaluation->list_value =
		reco_evaluate_alloc(evaluation->n_users, sizeof(double) * reco_evaluate_list_columns(evaluation));
	evaluation->error_value =
		reco_evaluate_alloc(evaluation->n_users, sizeof(double) * reco_evaluate_error_columns(evaluation));
	evaluation->coverage = reco_evaluate_alloc(RECO_GROUPS * evaluation->n_rankers * n_k, sizeof(double));
	set_bench(&bench, evaluation);
	reco_progress_phase("ranking", (int64) evaluation->n_users);
	for (size_t u = 0; u < evaluation->n_users; u++)
	{
		MemoryContext previous = MemoryContextSwitchTo(each);

		measure_user(&bench, u);
		MemoryContextSwitchTo(previous);
		MemoryContextReset(each);
		reco_progress_step((int64) u + 1, NAN);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextDelete(each);
	for (int ranker = 0; ranker < evaluation->n_rankers; ranker++)
		for (size_t k = 0; k < n_k; k++)
			count_shown(&bench, ranker, k);
	for (size_t u = 0; u < evaluation->n_users; u++)
		evaluation->counts.users_with_history += evaluation->user[u].with_history;
	evaluation->counts.users_without_history =
		(int64) evaluation->n_users - evaluation->counts.users_with_history;
}
