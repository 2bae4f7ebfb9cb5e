/*
 * measure.c
 *	  The lists and predictions that one contestant makes for every test user, and how good they are.
 *
 * A list ranks all items that the contestant knows but those the user has in training (with
 * repeats: all).  A user of whom the training part knows nothing that counts gets the popular
 * list, as the ladder of recommend() would give.  What a rating of an item that
 * is not known is predicted as is what the formula says of an item without
 * bias and factors.
 *
 * The values of a user (RecoCell, RecoTail in internal.h) are summed up at once, in the order of users, and not kept.
 */
#include "postgres.h"

#include <math.h>

#include "evaluate/internal.h"
#include "kernel/metrics.h"
#include "kernel/rng.h"
#include "miscadmin.h"
#include "parallel/progress.h"
#include "utils/memutils.h"

/* Items scored between two checks for interrupts. */
#define INTERRUPT_EVERY 4096

/* What is reused from user to user. */
typedef struct Bench
{
	RecoEvaluation *evaluation;
	RecoContestant *contestant;
	uint8 *masked; /* bitmap of items that are not ranked */
	uint8 *wanted; /* bitmap of items to be found */
	RkHit *list;   /* [longest k] */
	uint8 *hit;    /* [longest k] */
	double *share; /* [longest k], of the training users who have each item */
	uint32 *place; /* [longest k], items of the training part */
	size_t longest;
	double *value;    /* [columns], of the user at hand */
	double *positive; /* [n_items], scores, for AUC */
	double *negative; /* [n_items] */
} Bench;

/* A test user at hand. */
typedef struct Subject
{
	const RecoTestUser *user;
	RecoQuery *query; /* of a model, else NULL */
	uint64 hash;      /* of the user's key, for random lists */
	double *value;    /* [columns] */
} Subject;

static void
mark(uint8 *bitmap, int32 item, bool set)
{
	if (item < 0)
		return;
	if (set)
		reco_evaluate_set_bit(bitmap, (size_t) item);
	else
		reco_evaluate_clear_bit(bitmap, (size_t) item);
}

void
reco_evaluate_mark_training(const RecoEvaluation *evaluation, const RecoContestant *contestant,
							const RecoTestUser *user, uint8 *masked, bool set)
{
	if (user->event_user < 0 || evaluation->settings.repeats)
		return;
	for (size_t e = evaluation->user_start[user->event_user];
		 e < evaluation->user_start[user->event_user + 1]; e++)
	{
		int32 item = evaluation->item_of_item[evaluation->events->item[e]];

		if (item >= 0 && reco_evaluate_bit(evaluation->keep, e))
			mark(masked, contestant->of_training[item], set);
	}
}

void
reco_evaluate_mark_targets(const RecoEvaluation *evaluation, const RecoContestant *contestant,
						   const RecoTestUser *user, uint8 *wanted, bool set)
{
	const RecoTarget *target = evaluation->target + user->first_target;

	for (size_t t = 0; t < user->n_targets; t++)
		if (target[t].is_ranked)
			mark(wanted, contestant->of_source[target[t].source], set);
}

/* mark_user sets or clears the bits of what a user has in training and of what is to be found. */
static void
mark_user(const Bench *bench, const RecoTestUser *user, bool set)
{
	reco_evaluate_mark_training(bench->evaluation, bench->contestant, user, bench->masked, set);
	reco_evaluate_mark_targets(bench->evaluation, bench->contestant, user, bench->wanted, set);
}

/* take_first fills the list with the first items of an order of the training part's that are not masked, and gives their number. */
static size_t
take_first(const Bench *bench, const uint32 *order)
{
	size_t n = 0;

	for (size_t i = 0; i < bench->evaluation->data->n_items && n < bench->longest; i++)
	{
		int32 item = bench->contestant->of_training[order[i]];

		if (item >= 0 && !reco_evaluate_bit(bench->masked, (size_t) item))
			bench->list[n++] = (RkHit){(uint32) item, 0};
	}
	return n;
}

/* chance gives the score of an item in a random list. */
static double
chance(const Bench *bench, const Subject *subject, size_t item)
{
	return (double) (rk_hash_mix(subject->hash, bench->contestant->tie[item]) >> 11) * 0x1p-53;
}

static size_t
take_random(const Bench *bench, const Subject *subject)
{
	RkHeap heap;

	rk_heap_init(&heap, bench->list, bench->longest, bench->contestant->tie);
	for (size_t i = 0; i < bench->contestant->n_items; i++)
		if (!reco_evaluate_bit(bench->masked, i))
			rk_heap_push(&heap, (uint32) i, chance(bench, subject, i));
	return rk_heap_finish(&heap);
}

/* is_popular says whether the list of a user is the popular one. */
static bool
is_popular(const Bench *bench, const Subject *subject)
{
	RecoRanker ranker = bench->contestant->entry->ranker;

	return ranker == RECO_RANKER_POPULARITY ||
		   (ranker == RECO_RANKER_MODEL && !reco_query_is_scored(subject->query));
}

/* make_list fills the list and gives its length. */
static size_t
make_list(const Bench *bench, const Subject *subject)
{
	const RecoBaselines *baselines = &bench->evaluation->baselines;
	const RecoContestant *contestant = bench->contestant;

	if (is_popular(bench, subject))
		return take_first(bench, baselines->popular);
	if (contestant->entry->ranker == RECO_RANKER_ITEM_MEAN)
		return take_first(bench, baselines->by_mean);
	if (contestant->entry->ranker == RECO_RANKER_RANDOM)
		return take_random(bench, subject);
	return reco_rank(subject->query, bench->longest, bench->masked, contestant->tie, bench->list);
}

/* score gives what an item is ranked by. */
static double
score(const Bench *bench, const Subject *subject, size_t item)
{
	const RecoBaselines *baselines = &bench->evaluation->baselines;
	const RecoContestant *contestant = bench->contestant;
	int32 training = contestant->training_of[item];

	if (is_popular(bench, subject))
		return training < 0 ? 0 : baselines->users[training];
	if (contestant->entry->ranker == RECO_RANKER_ITEM_MEAN)
		return baselines->damped[training];
	if (contestant->entry->ranker == RECO_RANKER_RANDOM)
		return chance(bench, subject, item);
	return reco_query_score(subject->query, (uint32) item);
}

/* note_shown counts the items of the list for coverage and Gini. */
static void
note_shown(const Bench *bench, const RecoTestUser *user, size_t n)
{
	const RecoEvaluateSettings *settings = &bench->evaluation->settings;
	const RecoContestant *contestant = bench->contestant;

	for (int k = 0; k < settings->n_k; k++)
	{
		uint32 *shown = contestant->shown + ((size_t) user->class * settings->n_k + k) * contestant->n_items;

		for (size_t r = 0; r < Min(n, settings->k[k]); r++)
			shown[bench->list[r].item]++;
	}
}

/* judge_hits writes what the hits of the list of length n say. */
static void
judge_hits(const Bench *bench, const Subject *subject, size_t n)
{
	const RecoEvaluateSettings *settings = &bench->evaluation->settings;
	RkListMetrics *metrics = palloc(sizeof(RkListMetrics) * settings->n_k);

	for (size_t r = 0; r < n; r++)
		bench->hit[r] = reco_evaluate_bit(bench->wanted, bench->list[r].item);
	rk_metrics_list(bench->hit, n, subject->user->n_ranked, settings->k, settings->n_k, metrics);
	for (int k = 0; k < settings->n_k; k++)
	{
		double *out = subject->value + reco_evaluate_cell(k, 0);

		out[RECO_CELL_RECALL] = metrics[k].recall;
		out[RECO_CELL_PRECISION] = metrics[k].precision;
		out[RECO_CELL_F1] = metrics[k].f1;
		out[RECO_CELL_NDCG] = metrics[k].ndcg;
		out[RECO_CELL_MAP] = metrics[k].average_precision;
		out[RECO_CELL_MRR] = metrics[k].reciprocal_rank;
		out[RECO_CELL_HIT_RATE] = metrics[k].hit_rate;
	}
}

/* judge_items writes recall by the popularity of the items to be found. */
static void
judge_items(const Bench *bench, const Subject *subject, size_t n)
{
	const RecoEvaluation *evaluation = bench->evaluation;
	const RecoEvaluateSettings *settings = &evaluation->settings;
	const RecoTarget *target = evaluation->target + subject->user->first_target;
	double wanted[RECO_ITEM_GROUPS] = {0};

	for (size_t t = 0; t < subject->user->n_targets; t++)
		if (target[t].is_ranked)
			wanted[target[t].item < 0 ? RECO_ITEMS_NEW : evaluation->item_group[target[t].item]] += 1;
	for (int group = 0; group < RECO_ITEM_GROUPS; group++)
		subject->value[reco_evaluate_tail(evaluation, RECO_TAIL_ITEM_USERS + group)] = wanted[group] > 0;
	for (int k = 0; k < settings->n_k; k++)
		for (size_t r = 0; r < Min(n, settings->k[k]); r++)
		{
			int32 training = bench->contestant->training_of[bench->list[r].item];
			int group = training < 0 ? RECO_ITEMS_NEW : evaluation->item_group[training];

			if (bench->hit[r])
				subject->value[reco_evaluate_cell(k, RECO_CELL_ITEM_RECALL + group)] += 1 / wanted[group];
		}
}

/* judge_novelty writes how unexpected the list is, and for users of the sample how diverse. */
static void
judge_novelty(const Bench *bench, const Subject *subject, size_t n)
{
	const RecoEvaluation *evaluation = bench->evaluation;
	const RecoEvaluateSettings *settings = &evaluation->settings;
	double *out = palloc(sizeof(double) * settings->n_k);

	for (size_t r = 0; r < n; r++)
	{
		int32 training = bench->contestant->training_of[bench->list[r].item];
		double users = training < 0 ? 0 : evaluation->baselines.users[training];

		bench->share[r] = Max(users, 1) / (double) evaluation->data->n_users;
		bench->place[r] = training < 0 ? RK_METRICS_NO_ITEM : (uint32) training;
	}
	rk_metrics_novelty(bench->share, n, settings->k, settings->n_k, out);
	for (int k = 0; k < settings->n_k; k++)
		subject->value[reco_evaluate_cell(k, RECO_CELL_NOVELTY)] = out[k];
	if (!subject->user->sampled)
		return;
	if (rk_metrics_diversity(&evaluation->by_item, bench->place, n, settings->k, settings->n_k, out,
							 &reco_pool_poll) == RK_CANCELLED)
		CHECK_FOR_INTERRUPTS();
	for (int k = 0; k < settings->n_k; k++)
		subject->value[reco_evaluate_cell(k, RECO_CELL_DIVERSITY)] = out[k];
}

/* judge_order writes the AUC of all items that are ranked. */
static void
judge_order(const Bench *bench, const Subject *subject)
{
	const RecoEvaluation *evaluation = bench->evaluation;
	size_t n_positive = 0;
	size_t n_negative = 0;
	double area;

	for (size_t i = 0; i < bench->contestant->n_items; i++)
	{
		if (i % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		if (reco_evaluate_bit(bench->masked, i))
			continue;
		if (reco_evaluate_bit(bench->wanted, i))
			bench->positive[n_positive++] = score(bench, subject, i);
		else
			bench->negative[n_negative++] = score(bench, subject, i);
	}
	area = rk_metrics_auc(bench->positive, n_positive, subject->user->n_ranked - n_positive, bench->negative,
						  n_negative);
	if (isnan(area))
		return;
	subject->value[reco_evaluate_tail(evaluation, RECO_TAIL_AUC_USERS)] = 1;
	subject->value[reco_evaluate_tail(evaluation, RECO_TAIL_AUC)] = area;
}

/* judge_list writes all that a user's list says. */
static void
judge_list(const Bench *bench, const Subject *subject)
{
	const RecoEvaluation *evaluation = bench->evaluation;
	const RecoTestUser *user = subject->user;
	size_t n;

	mark_user(bench, user, true);
	n = make_list(bench, subject);
	subject->value[reco_evaluate_tail(evaluation, RECO_TAIL_RANKED)] = 1;
	subject->value[reco_evaluate_tail(evaluation, RECO_TAIL_SAMPLED)] = user->sampled;
	note_shown(bench, user, n);
	judge_hits(bench, subject, n);
	judge_items(bench, subject, n);
	judge_novelty(bench, subject, n);
	if (user->sampled)
		judge_order(bench, subject);
	mark_user(bench, user, false);
}

/* predict gives the rating that the contestant expects of a target. */
static double
predict(const Bench *bench, const Subject *subject, const RecoTarget *target)
{
	const RecoBaselines *baselines = &bench->evaluation->baselines;
	RecoRanker ranker = bench->contestant->entry->ranker;
	int32 item = bench->contestant->of_source[target->source];

	if (ranker == RECO_RANKER_MODEL)
		return item < 0 ? subject->query->constant : reco_query_score(subject->query, (uint32) item);
	if (ranker == RECO_RANKER_ITEM_MEAN && item >= 0)
		return baselines->item_mean[item];
	return baselines->global_mean;
}

/* judge_ratings writes the errors of the predicted ratings of one user. */
static void
judge_ratings(const Bench *bench, const Subject *subject)
{
	const RecoEvaluation *evaluation = bench->evaluation;
	const RecoTarget *target = evaluation->target + subject->user->first_target;
	RkErrorSum sum = {0, 0, 0};

	for (size_t t = 0; t < subject->user->n_targets; t++)
		rk_error_add(&sum, predict(bench, subject, &target[t]), target[t].rating);
	subject->value[reco_evaluate_tail(evaluation, RECO_TAIL_RATINGS)] = sum.count;
	subject->value[reco_evaluate_tail(evaluation, RECO_TAIL_SQUARES)] = sum.squares;
	subject->value[reco_evaluate_tail(evaluation, RECO_TAIL_ABSOLUTES)] = sum.absolutes;
}

/* measure_user measures the u-th test user. */
static void
measure_user(const Bench *bench, size_t u)
{
	const RecoEvaluation *evaluation = bench->evaluation;
	const RecoContestant *contestant = bench->contestant;
	RecoRanker ranker = contestant->entry->ranker;
	Subject subject = {.user = &evaluation->user[u], .value = bench->value};
	RecoKey key = reco_keys_get(&evaluation->source->users, subject.user->source);

	memset(bench->value, 0, sizeof(double) * reco_evaluate_columns(evaluation));
	subject.hash = reco_key_hash(evaluation->settings.seed, &key);
	if (ranker == RECO_RANKER_MODEL)
		subject.query = reco_evaluate_query(evaluation, contestant, subject.user);
	if (evaluation->definition->explicit_feedback &&
		(ranker == RECO_RANKER_MODEL || ranker == RECO_RANKER_ITEM_MEAN || ranker == RECO_RANKER_GLOBAL_MEAN))
		judge_ratings(bench, &subject);
	if (subject.user->n_ranked > 0 && ranker != RECO_RANKER_GLOBAL_MEAN)
		judge_list(bench, &subject);
	reco_evaluate_tally_add(contestant->tally, subject.user->class, subject.hash, bench->value);
}

static void
set_bench(Bench *bench, RecoEvaluation *evaluation, RecoContestant *contestant)
{
	size_t n_items = contestant->n_items;
	size_t n_k = evaluation->settings.n_k;

	bench->evaluation = evaluation;
	bench->contestant = contestant;
	bench->longest = evaluation->settings.k[n_k - 1];
	bench->masked = reco_evaluate_alloc((n_items + 7) / 8, 1);
	bench->wanted = reco_evaluate_alloc((n_items + 7) / 8, 1);
	bench->list = reco_evaluate_alloc(bench->longest, sizeof(RkHit));
	bench->hit = reco_evaluate_alloc(bench->longest, 1);
	bench->share = reco_evaluate_alloc(bench->longest, sizeof(double));
	bench->place = reco_evaluate_alloc(bench->longest, sizeof(uint32));
	bench->positive = reco_evaluate_alloc(n_items, sizeof(double));
	bench->negative = reco_evaluate_alloc(n_items, sizeof(double));
	bench->value = reco_evaluate_alloc(reco_evaluate_columns(evaluation), sizeof(double));
	contestant->tally = reco_evaluate_tally_make(evaluation);
	contestant->shown = reco_evaluate_alloc(RECO_CLASSES * n_k, sizeof(uint32) * n_items);
}

void
reco_evaluate_measure(RecoEvaluation *evaluation, RecoContestant *contestant)
{
	MemoryContext each =
		AllocSetContextCreate(CurrentMemoryContext, "reco evaluate: one user", ALLOCSET_DEFAULT_SIZES);
	Bench bench;

	set_bench(&bench, evaluation, contestant);
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
}
