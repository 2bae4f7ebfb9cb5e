/*
 * targets.c
 *	  Who is tested, on which items.
 *
 * The test part folds like everything else: the events of a user on an item
 * are one row, with the clock and the weights of the training part, and count
 * once.  With implicit feedback a row is a target when t > 0: what a user
 * disliked is never to be found.  With explicit feedback every row is a rating
 * to predict, and those of at least the mean rating of the training part are to
 * be found by ranking.
 *
 * A target that the user has in training is dropped before |test| is counted,
 * unless repeats are wanted; one whose item nobody has in training stays: a model that learns from attributes of items
 * can find it, to others it is unreachable.
 */
#include "postgres.h"

#include <math.h>

#include "evaluate/internal.h"
#include "miscadmin.h"

/* A rounding error below the mean still is the mean. */
#define MEAN_TOLERANCE 1e-9

/* What is needed beside the evaluation while targets are collected. */
typedef struct Collector
{
	const RecoEvaluation *evaluation;
	RecoFoldRule rule;
	int64 *event_item;  /* [items of the source] in the interactions, or -1 */
	double ranked_from; /* least rating to be found by ranking */
} Collector;

/* find_keys gives the position of each key of one set in another, or -1. */
static int64 *
find_keys(const RecoKeys *keys, const RecoKeys *in)
{
	int64 *position = reco_evaluate_alloc(keys->n, sizeof(int64));

	for (size_t i = 0; i < keys->n; i++)
	{
		RecoKey key = reco_keys_get(keys, i);

		position[i] = keys == in ? (int64) i : reco_keys_find(in, &key);
	}
	return position;
}

/* fold_test folds those of the events first ... last - 1 of the source that are in the test part. */
static RecoFoldSum
fold_test(const Collector *collector, size_t first, size_t last)
{
	const RecoEvaluation *evaluation = collector->evaluation;
	const RecoEvents *source = evaluation->source;
	bool split = source == evaluation->events;
	RecoFoldSum sum = {0, 0};

	for (size_t e = first; e < last; e++)
	{
		RecoFoldEvent event = {source->amount[e], source->rating ? source->rating[e] : 0,
							   source->time ? source->time[e] : collector->rule.as_of};

		if (!split || !reco_evaluate_bit(evaluation->keep, e))
			reco_fold_add(&collector->rule, &event, &sum);
	}
	return sum;
}

/* is_in_test says whether any of the events first ... last - 1 of the source is in the test part. */
static bool
is_in_test(const RecoEvaluation *evaluation, size_t first, size_t last)
{
	if (evaluation->source != evaluation->events)
		return true;
	for (size_t e = first; e < last; e++)
		if (!reco_evaluate_bit(evaluation->keep, e))
			return true;
	return false;
}

/* is_in_training says whether a user has an item of the interactions in the training part. */
static bool
is_in_training(const RecoEvaluation *evaluation, int64 user, int64 item)
{
	size_t first;
	size_t last;

	if (user < 0 || item < 0 || !reco_evaluate_find_pair(evaluation, user, item, &first, &last))
		return false;
	for (size_t e = first; e < last; e++)
		if (reco_evaluate_bit(evaluation->keep, e))
			return true;
	return false;
}

/* make_target fills the target of the pair first ... last - 1 of the source; false when it is none. */
static bool
make_target(const Collector *collector, size_t first, size_t last, int64 user, RecoEvaluateCounts *counts,
			RecoTarget *target)
{
	const RecoEvaluation *evaluation = collector->evaluation;
	int64 item = collector->event_item[evaluation->source->item[first]];
	bool explicit_feedback = collector->rule.explicit_feedback;
	RecoFoldSum sum;

	if (!is_in_test(evaluation, first, last))
		return false;
	sum = fold_test(collector, first, last);
	if (sum.weight <= 0 || (!explicit_feedback && sum.pull <= 0))
	{
		counts->negative_pairs++;
		return false;
	}
	if (!evaluation->settings.repeats && is_in_training(evaluation, user, item))
	{
		counts->seen_targets++;
		return false;
	}
	target->source = evaluation->source->item[first];
	target->item = item < 0 ? -1 : evaluation->item_of_item[item];
	target->rating = sum.pull / sum.weight;
	target->is_ranked = !explicit_feedback || target->rating >= collector->ranked_from;
	return true;
}

/* collect_user appends the targets of the user whose events in the source are first ... last - 1. */
static void
collect_user(RecoEvaluation *evaluation, const Collector *collector, size_t first, size_t last,
			 RecoTestUser *user)
{
	RecoTarget *target = evaluation->target + user->first_target;

	for (size_t start = first, end; start < last; start = end)
	{
		end = reco_evaluate_pair_end(evaluation->source, start);
		if (!make_target(collector, start, end, user->event_user, &evaluation->counts,
						 &target[user->n_targets]))
			continue;
		user->n_ranked += target[user->n_targets].is_ranked;
		user->n_targets++;
	}
}

/* class_of says how much the training part knows of a user, whose row there may be -1. */
static RecoUserClass
class_of(const RecoEvaluation *evaluation, int64 row)
{
	const RkCsr *rows = &evaluation->data->by_user;
	size_t n = row < 0 ? 0 : rk_csr_count(rows, row);
	bool liked = false;

	for (size_t e = 0; e < n; e++)
		liked = liked || rows->target[rows->offset[row] + e] > 0;
	if (!liked)
		return RECO_CLASS_NONE;
	return n == 1 ? RECO_CLASS_ONE : n <= 5 ? RECO_CLASS_FEW : n <= 20 ? RECO_CLASS_SOME : RECO_CLASS_MANY;
}

/* collect finds the targets of every user of the source. */
static void
collect(RecoEvaluation *evaluation, const Collector *collector, const int64 *event_user)
{
	const RecoEvents *source = evaluation->source;
	size_t n_targets = 0;

	evaluation->user = reco_evaluate_alloc(source->users.n, sizeof(RecoTestUser));
	evaluation->target = reco_evaluate_alloc(source->n, sizeof(RecoTarget));
	for (size_t first = 0, last; first < source->n; first = last)
	{
		RecoTestUser *user = &evaluation->user[evaluation->n_users];

		for (last = first + 1; last < source->n && source->user[last] == source->user[first]; last++)
			;
		*user = (RecoTestUser){.source = source->user[first],
							   .event_user = event_user[source->user[first]],
							   .row = -1,
							   .first_target = n_targets};
		if (user->event_user >= 0)
			user->row = evaluation->row_of_user[user->event_user];
		user->class = class_of(evaluation, user->row);
		collect_user(evaluation, collector, first, last, user);
		n_targets += user->n_targets;
		if (user->n_targets > 0)
			evaluation->n_users++;
		CHECK_FOR_INTERRUPTS();
	}
}

/* A user's place in the sample. */
typedef struct Draw
{
	uint64 hash;
	size_t user;
} Draw;

static int
compare_draw(const void *a, const void *b, void *unused)
{
	const Draw *x = a;
	const Draw *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x->user < y->user ? -1 : x->user > y->user;
}

/* choose gives for each test user whether it is among the "most" of least hash(seed, key). */
static bool *
choose(const RecoEvaluation *evaluation, size_t most)
{
	size_t n = evaluation->n_users;
	Draw *draw = reco_evaluate_alloc(n, sizeof(Draw));
	bool *chosen = reco_evaluate_alloc(n, sizeof(bool));

	for (size_t u = 0; u < n; u++)
	{
		RecoKey key = reco_keys_get(&evaluation->source->users, evaluation->user[u].source);

		draw[u] = (Draw){reco_key_hash(evaluation->settings.seed, &key), u};
	}
	qsort_interruptible(draw, n, sizeof(Draw), compare_draw, NULL);
	for (size_t i = 0; i < Min(most, n); i++)
		chosen[draw[i].user] = true;
	pfree(draw);
	return chosen;
}

/* sample_users keeps at most max_users test users, in the order of keys, and marks those whose lists are looked at closely. */
static void
sample_users(RecoEvaluation *evaluation)
{
	const RecoEvaluateSettings *settings = &evaluation->settings;
	size_t n = evaluation->n_users;
	bool *tested = choose(evaluation, settings->max_users == 0 ? n : settings->max_users);
	bool *sampled = choose(evaluation, settings->sample_users == 0 ? n : settings->sample_users);

	evaluation->n_users = 0;
	for (size_t u = 0; u < n; u++)
	{
		evaluation->user[u].sampled = sampled[u];
		if (tested[u])
			evaluation->user[evaluation->n_users++] = evaluation->user[u];
	}
	pfree(tested);
	pfree(sampled);
}

/* knows_catalogue says whether an entry will have learned the items that have attributes and no event. */
static bool
knows_catalogue(const RecoEvaluation *evaluation, const RecoEntry *entry)
{
	if (entry->ranker != RECO_RANKER_MODEL || evaluation->events->catalogue == NULL)
		return false;
	return entry->model != NULL || reco_learn_uses_attributes(entry->definition, entry->options);
}

/* mark_seen gives a bitmap of the items of the training part that have a row in it: the others are there for their attributes. */
static uint8 *
mark_seen(const RecoEvaluation *evaluation)
{
	const RkCsr *rows = &evaluation->data->by_user;
	uint8 *seen = reco_evaluate_alloc(evaluation->data->n_items / 8 + 1, 1);

	for (size_t e = 0; e < rk_csr_nnz(rows); e++)
		reco_evaluate_set_bit(seen, rows->index[e]);
	return seen;
}

/* is_unreachable says whether no entry can list an item of the source that has no row in the training part. */
static bool
is_unreachable(const RecoEvaluation *evaluation, uint32 item)
{
	RecoKey key = reco_keys_get(&evaluation->source->items, item);
	int64 found = reco_keys_find(&evaluation->events->items, &key);

	for (int e = 0; e < evaluation->n_entries; e++)
	{
		const RecoEntry *entry = &evaluation->entry[e];

		if (!knows_catalogue(evaluation, entry))
			continue;
		if (entry->model != NULL ? reco_keys_find(&entry->model->items, &key) >= 0
								 : found >= 0 && evaluation->events->catalogue[found])
			return false;
	}
	return true;
}

/* count_targets counts what is left to be tested. */
static void
count_targets(RecoEvaluation *evaluation)
{
	RecoEvaluateCounts *counts = &evaluation->counts;
	uint8 *seen = mark_seen(evaluation);

	for (size_t u = 0; u < evaluation->n_users; u++)
	{
		const RecoTestUser *user = &evaluation->user[u];
		const RecoTarget *target = evaluation->target + user->first_target;

		if (user->class == RECO_CLASS_NONE)
			counts->users_without_history++;
		else
			counts->users_with_history++;
		counts->test_pairs += user->n_ranked;
		counts->rating_pairs += evaluation->definition->explicit_feedback ? user->n_targets : 0;
		for (size_t t = 0; t < user->n_targets; t++)
			counts->unreachable_targets +=
				target[t].is_ranked &&
				!(target[t].item >= 0 && reco_evaluate_bit(seen, (size_t) target[t].item)) &&
				is_unreachable(evaluation, target[t].source);
	}
	pfree(seen);
}

static void
raise_nobody(const RecoEvaluation *evaluation)
{
	const RecoEvaluateCounts *counts = &evaluation->counts;

	ereport(
		ERROR,
		(errcode(ERRCODE_NO_DATA_FOUND), errmsg("no user is left to test"),
		 errdetail("Of the test part, %lld pairs are no targets (disliked or without weight) and %lld are "
				   "known from training.",
				   (long long) counts->negative_pairs, (long long) counts->seen_targets),
		 counts->seen_targets > 0
			 ? errhint("repeats => true tests items that the user had before.")
			 : errhint("Test on a larger part, by the options of the split, or on a relation of yours.")));
}

/*
 * reco_evaluate_find_targets fills the test users and their targets.  Needs the
 * training part and the baselines' global mean.  ERRCODE_NO_DATA_FOUND when there are none, unless a refresh asks.
 */
void
reco_evaluate_find_targets(RecoEvaluation *evaluation)
{
	const RecoEvents *events = evaluation->events;
	const RecoEvents *source = evaluation->source;
	int64 *event_user = find_keys(&source->users, &events->users);
	double mean = evaluation->baselines.global_mean;
	Collector collector = {
		.evaluation = evaluation,
		.rule = evaluation->fold,
		.event_item = find_keys(&source->items, &events->items),
		.ranked_from = mean - MEAN_TOLERANCE * fabs(mean),
	};

	collect(evaluation, &collector, event_user);
	evaluation->counts.available_users = (int64) evaluation->n_users;
	if (evaluation->n_users == 0 && !evaluation->settings.of_refresh)
		raise_nobody(evaluation);
	sample_users(evaluation);
	count_targets(evaluation);
	pfree(event_user);
	pfree(collector.event_item);
}
