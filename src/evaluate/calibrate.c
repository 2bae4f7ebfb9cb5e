/*
 * calibrate.c
 *	  Fits the link from scores to probabilities.
 */
#include "postgres.h"

#include <math.h>

#include "evaluate/calibrate.h"
#include "evaluate/internal.h"
#include "kernel/isotonic.h"
#include "kernel/rng.h"
#include "miscadmin.h"
#include "model/json.h"
#include "utils/memutils.h"

#define SEED RECO_HELD_OUT_SEED
#define SHOWN RECO_HELD_OUT_LIST
#define BINS 10

/* Other pairs of a user that are sampled, on average. */
#define SAMPLED 500

/* A pair of a user and an item. */
typedef struct Pair
{
	double score;
	double weight;
	bool found;
	bool shown; /* on the list, or a rating */
	uint8 half; /* of the users */
} Pair;

typedef struct Collector
{
	RecoEvaluation *evaluation;
	RecoContestant *contestant;
	uint8 *masked;
	uint8 *wanted;
	uint8 *taken;
	RkHit *list; /* [RECO_CALIBRATE_LIST] */
	size_t n_users;
	size_t n;
	size_t room;
	Pair *pair;
} Collector;

static void
add_pair(Collector *collector, Pair pair)
{
	if (collector->n == collector->room)
	{
		collector->room *= 2;
		collector->pair = repalloc_huge(collector->pair, sizeof(Pair) * collector->room);
	}
	collector->pair[collector->n++] = pair;
}

/* half_of tells the users apart. */
static uint8
half_of(const RecoEvaluation *evaluation, const RecoTestUser *user)
{
	RecoKey key = reco_keys_get(&evaluation->source->users, user->source);

	return (uint8) (reco_key_hash(SEED, &key) >> 40 & 1);
}

/* collect_ratings adds the held-out ratings of a user. */
static void
collect_ratings(Collector *collector, const RecoTestUser *user, const RecoQuery *query)
{
	const RecoTarget *target = collector->evaluation->target + user->first_target;
	uint8 half = half_of(collector->evaluation, user);

	for (size_t t = 0; t < user->n_targets; t++)
	{
		int32 item = collector->contestant->of_source[target[t].source];

		if (item >= 0)
			add_pair(collector,
					 (Pair){reco_query_score(query, (uint32) item), 1, target[t].is_ranked, true, half});
	}
}

/* collect_others adds what is to be found and is not on the list, and a sample of the other items. */
static void
collect_others(Collector *collector, const RecoQuery *query, uint64 hash, uint8 half)
{
	size_t n_items = collector->contestant->n_items;
	double share = Min(1.0, (double) SAMPLED / (double) n_items);

	for (size_t i = 0; i < n_items; i++)
	{
		bool found = reco_evaluate_bit(collector->wanted, i);

		if (reco_evaluate_bit(collector->masked, i) || reco_evaluate_bit(collector->taken, i))
			continue;
		if (found || (double) (rk_hash_mix(hash, i) >> 11) * 0x1p-53 < share)
			add_pair(collector,
					 (Pair){reco_query_score(query, (uint32) i), found ? 1 : 1 / share, found, false, half});
	}
}

/* collect_list adds the pairs of a user whose items are ranked. */
static void
collect_list(Collector *collector, const RecoTestUser *user, const RecoQuery *query)
{
	const RecoEvaluation *evaluation = collector->evaluation;
	const RecoContestant *contestant = collector->contestant;
	RecoKey key = reco_keys_get(&evaluation->source->users, user->source);
	uint8 half = half_of(evaluation, user);
	size_t n;

	reco_evaluate_mark_training(evaluation, contestant, user, collector->masked, true);
	reco_evaluate_mark_targets(evaluation, contestant, user, collector->wanted, true);
	n = reco_rank(query, RECO_CALIBRATE_LIST, collector->masked, contestant->tie, collector->list);
	for (size_t r = 0; r < n; r++)
	{
		uint32 item = collector->list[r].item;

		reco_evaluate_set_bit(collector->taken, item);
		add_pair(collector, (Pair){collector->list[r].score, 1, reco_evaluate_bit(collector->wanted, item),
								   r < SHOWN, half});
	}
	collect_others(collector, query, reco_key_hash(SEED, &key), half);
	for (size_t r = 0; r < n; r++)
		reco_evaluate_clear_bit(collector->taken, collector->list[r].item);
	reco_evaluate_mark_training(evaluation, contestant, user, collector->masked, false);
	reco_evaluate_mark_targets(evaluation, contestant, user, collector->wanted, false);
}

/* collect_user adds the pairs of a user, if the model serves the user. */
static void
collect_user(Collector *collector, const RecoTestUser *user)
{
	RecoQuery *query = reco_evaluate_query(collector->evaluation, collector->contestant, user);

	if (collector->evaluation->definition->explicit_feedback)
		collect_ratings(collector, user, query);
	else if (query->has_positive)
		collect_list(collector, user, query);
}

/* is_chosen says whether a user of the interactions is in the sample. */
static bool
is_chosen(const RecoEvaluation *evaluation, size_t user)
{
	RecoKey key = reco_keys_get(&evaluation->events->users, user);
	uint64 hash = rk_hash_mix(reco_key_hash(SEED, &key), RECO_CALIBRATE_USERS);

	return evaluation->row_of_user[user] >= 0 &&
		   (double) (hash >> 11) * 0x1p-53 * (double) evaluation->data->n_users < RECO_CALIBRATE_USERS;
}

/*
 * collect gathers the pairs of a sample of the users in training.  Those of whom nothing was held out are as
 * much a part of it as the others: without them every pair would seem likelier than it is.
 */
static void
collect(Collector *collector)
{
	RecoEvaluation *evaluation = collector->evaluation;
	size_t bytes = (collector->contestant->n_items + 7) / 8;
	MemoryContext outer = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(outer, "reco calibrate: one user", ALLOCSET_DEFAULT_SIZES);
	size_t tested = 0;

	collector->masked = reco_evaluate_alloc(bytes, 1);
	collector->wanted = reco_evaluate_alloc(bytes, 1);
	collector->taken = reco_evaluate_alloc(bytes, 1);
	collector->list = reco_evaluate_alloc(RECO_CALIBRATE_LIST, sizeof(RkHit));
	collector->room = 65536;
	collector->pair = reco_evaluate_alloc(collector->room, sizeof(Pair));
	for (size_t u = 0; u < evaluation->events->users.n; u++)
	{
		RecoTestUser user = {.source = (uint32) u, .event_user = (int64) u};

		while (tested < evaluation->n_users && evaluation->user[tested].source < u)
			tested++;
		if (tested < evaluation->n_users && evaluation->user[tested].source == u)
			user = evaluation->user[tested];
		if (!is_chosen(evaluation, u))
			continue;
		collector->n_users++;
		MemoryContextSwitchTo(each);
		collect_user(collector, &user);
		MemoryContextSwitchTo(outer);
		MemoryContextReset(each);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextDelete(each);
}

static int
compare_pair(const void *a, const void *b, void *unused)
{
	const Pair *x = a;
	const Pair *y = b;

	if (x->score != y->score)
		return x->score < y->score ? -1 : 1;
	if (x->found != y->found)
		return x->found < y->found ? -1 : 1;
	return x->weight < y->weight ? -1 : x->weight > y->weight;
}

/* A link: [n] scores and probabilities. */
typedef struct Link
{
	size_t n;
	double *x;
	double *y;
} Link;

/* fit gives the link of the sorted pairs of one half, or of all (-1). */
static Link
fit(const Collector *collector, int half)
{
	Link link = {0, reco_evaluate_alloc(collector->n, sizeof(double)),
				 reco_evaluate_alloc(collector->n, sizeof(double))};
	double *weight = reco_evaluate_alloc(collector->n, sizeof(double));

	for (size_t p = 0; p < collector->n; p++)
	{
		const Pair *pair = &collector->pair[p];

		if (half >= 0 && pair->half != half)
			continue;
		link.x[link.n] = pair->score;
		link.y[link.n] = pair->found;
		weight[link.n++] = pair->weight;
	}
	link.n = rk_isotonic(link.x, link.y, weight, link.n);
	pfree(weight);
	return link;
}

/* A pair that is shown, as it is predicted by the link of the other half. */
typedef struct Prediction
{
	double probability;
	double score;
	double found; /* 0 or 1 */
} Prediction;

static int
compare_prediction(const void *a, const void *b, void *unused)
{
	const Prediction *x = a;
	const Prediction *y = b;

	if (x->probability != y->probability)
		return x->probability < y->probability ? -1 : 1;
	return x->score < y->score ? -1 : x->score > y->score;
}

/*
 * share_ties gives those of one score the mean of what was found of them: which of them fall into which of two bins is chance.
 * prediction is sorted.
 */
static void
share_ties(Prediction *prediction, size_t n)
{
	for (size_t first = 0, last; first < n; first = last)
	{
		double found = 0;

		for (last = first; last < n && compare_prediction(&prediction[last], &prediction[first], NULL) == 0;
			 last++)
			found += prediction[last].found;
		for (size_t p = first; p < last; p++)
			prediction[p].found = found / (double) (last - first);
	}
}

/* calibration_error gives the expected calibration error of n > 0 predictions, which are sorted. */
static double
calibration_error(Prediction *prediction, size_t n)
{
	double error = 0;

	qsort_interruptible(prediction, n, sizeof(Prediction), compare_prediction, NULL);
	share_ties(prediction, n);
	for (size_t bin = 0; bin < BINS; bin++)
	{
		double gap = 0;

		for (size_t p = n * bin / BINS; p < n * (bin + 1) / BINS; p++)
			gap += prediction[p].probability - prediction[p].found;
		error += fabs(gap);
	}
	return error / (double) n;
}

/* as_it_is reads a score as a probability. */
static double
as_it_is(double score)
{
	return Max(0.0, Min(1.0, score));
}

/*
 * check gives the expected calibration error across the halves; NaN when one of them is empty.  With "fitted" false it is that of
 * the scores as they are.
 */
static double
check(const Collector *collector, bool fitted)
{
	Link link[2] = {fit(collector, 0), fit(collector, 1)};
	Prediction *prediction = reco_evaluate_alloc(collector->n, sizeof(Prediction));
	size_t n = 0;

	if (link[0].n == 0 || link[1].n == 0)
		return NAN;
	for (size_t p = 0; p < collector->n; p++)
	{
		const Pair *pair = &collector->pair[p];
		const Link *other = &link[1 - pair->half];

		if (pair->shown)
			prediction[n++] = (Prediction){fitted ? rk_isotonic_at(other->x, other->y, other->n, pair->score)
												  : as_it_is(pair->score),
										   pair->score, pair->found};
	}
	return n > 0 ? calibration_error(prediction, n) : NAN;
}

/* describe gives what is said of the calibration. */
static Jsonb *
describe(const Collector *collector, const RecoCalibration *calibration)
{
	int64 shown = 0;
	int64 shown_found = 0;
	RecoJson json;

	for (size_t p = 0; p < collector->n; p++)
	{
		shown += collector->pair[p].shown;
		shown_found += collector->pair[p].shown && collector->pair[p].found;
	}
	reco_json_begin(&json);
	reco_json_number(&json, "ece", check(collector, true));
	reco_json_number(&json, "ece_of_scores", check(collector, false));
	reco_json_integer(&json, "users", (int64) collector->n_users);
	reco_json_integer(&json, "pairs", (int64) collector->n);
	reco_json_integer(&json, "found", calibration->found);
	reco_json_integer(&json, "shown", shown);
	reco_json_number(&json, "shown_found", shown > 0 ? (double) shown_found / (double) shown : NAN);
	reco_json_integer(&json, "steps", (int64) calibration->n);
	return reco_json_end(&json);
}

/* keep copies a link to another context. */
static void
keep(const Link *link, MemoryContext found, RecoCalibration *calibration)
{
	calibration->n = link->n;
	calibration->link = MemoryContextAllocHuge(found, sizeof(double) * 2 * link->n);
	for (size_t i = 0; i < link->n; i++)
	{
		calibration->link[2 * i] = link->x[i];
		calibration->link[2 * i + 1] = link->y[i];
	}
}

RecoCalibration
reco_evaluate_link(RecoEvaluation *evaluation, RecoContestant *contestant, MemoryContext found)
{
	RecoCalibration calibration = {0};
	Collector collector = {.evaluation = evaluation, .contestant = contestant};
	Link link;

	collect(&collector);
	for (size_t p = 0; p < collector.n; p++)
		calibration.found += collector.pair[p].found;
	if (calibration.found < RECO_CALIBRATE_FOUND)
		return calibration;
	qsort_interruptible(collector.pair, collector.n, sizeof(Pair), compare_pair, NULL);
	link = fit(&collector, -1);
	keep(&link, found, &calibration);
	calibration.json = describe(&collector, &calibration);
	MemoryContextSwitchTo(found);
	calibration.json = reco_evaluate_copy_json(calibration.json);
	return calibration;
}

RecoCalibration
reco_evaluate_calibrate(RecoDefinition *definition, Jsonb *call_options, RecoEvents *events)
{
	MemoryContext found = CurrentMemoryContext;
	MemoryContext each = AllocSetContextCreate(found, "reco calibrate", ALLOCSET_DEFAULT_SIZES);
	RecoEntry entry = {.name = "calibrated",
					   .ranker = RECO_RANKER_MODEL,
					   .definition = definition,
					   .options = call_options,
					   .share = 100};
	RecoCalibration calibration;
	RecoEvaluation *evaluation;

	/* so few rows cannot be split; so that many, of which a tenth is held out, say nothing either */
	if (events->n < RECO_CALIBRATE_FOUND)
		return (RecoCalibration){0};
	MemoryContextSwitchTo(each);
	evaluation = reco_evaluate_hold_out(definition, call_options, events);
	reco_evaluate_prepare(evaluation);
	calibration = reco_evaluate_link(evaluation, reco_evaluate_contest(evaluation, &entry, each), found);
	MemoryContextSwitchTo(found);
	MemoryContextDelete(each);
	return calibration;
}
