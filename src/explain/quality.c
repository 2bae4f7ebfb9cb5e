/*
 * quality.c
 *	  How good explanations are.
 *
 * Fidelity is measured, not assumed: every number here comes from queries
 * made again of the rows that are left.
 *
 * necessity and sufficiency are the probabilities of Tan et al. 2021
 * ("Counterfactual explainable recommendation", CIKM): without the
 * explanation the item leaves the top k; with nothing but the explanation it
 * stays.  The seen-filter is held fixed in both.
 *
 * The deletion curve takes away one piece after the other, in the order of
 * removal effects, and looks at the part of the score's history that is gone:
 * (s - s_t) / (s - s_0), with s_0 the score without any history.  Its area is
 * the mean over the first "pieces" deletions.  Pairs with fewer than twice as
 * many pieces are left out, as any order would do there, and so are those whose history
 * does not raise the score.
 *
 * Stability is the overlap (Jaccard) of the explanation with that of the same
 * user with every weight multiplied by a random number from 0.95 to 1.05.
 */
#include "postgres.h"

#include <math.h>

#include "kernel/rng.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "explain/check.h"
#include "explain/quality.h"

/* Weights are shaken by so much, up and down. */
#define SHAKE 0.05

/* A mean or a greatest value in the making. */
typedef struct Tally
{
	int64 n;
	double sum;
	double greatest;
} Tally;

struct RecoQuality
{
	RecoQualityAsk ask;
	MemoryContext scratch; /* see Pair */
	int64 users;
	Tally addition;
	Tally removal;
	Tally necessity;
	Tally necessity_random;
	Tally sufficiency;
	Tally sufficiency_random;
	Tally area;
	Tally area_random;
	Tally half;
	Tally stability;
	Tally stability_first;
};

/* One pair that is being measured. */
typedef struct Pair
{
	const RecoQualityAsk *ask;
	const RecoQuery *query;
	const uint8 *skip;     /* what the user has rows on, bitmap */
	MemoryContext scratch; /* of one query without some evidence, reset after it */
	uint32 item;
	double score;
	double empty;   /* the score without any history */
	double *effect; /* [n_evidence] */
	int n;          /* kept evidence */
	int *order;     /* [n], greatest effect first */
	RkRng rng;
} Pair;

static void
tally(Tally *to, double value)
{
	to->greatest = to->n == 0 ? value : Max(to->greatest, value);
	to->sum += value;
	to->n++;
}

/* is_listed says whether the item is among the k best of a query, which has a list of its own only where it is scored. */
static bool
is_listed(const Pair *pair, const RecoQuery *query)
{
	RkHit *hit = palloc(sizeof(RkHit) * pair->ask->k);
	size_t n = reco_query_is_scored(query)
				   ? reco_rank(query, pair->ask->k, pair->skip, query->model->place, hit)
				   : 0;

	for (size_t i = 0; i < n; i++)
		if (hit[i].item == pair->item)
			return true;
	return false;
}

/* without gives the query without the first m pieces of an order, or with nothing else. */
static RecoQuery *
without(const Pair *pair, const int *order, int m, bool nothing_else)
{
	bool *removed = palloc(sizeof(bool) * pair->query->n_evidence);

	memset(removed, nothing_else, sizeof(bool) * pair->query->n_evidence);
	for (int i = 0; i < m; i++)
		removed[order[i]] = !nothing_else;
	return reco_query_without(pair->query, removed);
}

/* score_without scores the item by the query without the first m pieces of an order. */
static double
score_without(const Pair *pair, const int *order, int m)
{
	MemoryContext outer = MemoryContextSwitchTo(pair->scratch);
	double score;

	CHECK_FOR_INTERRUPTS();
	score = reco_query_score(without(pair, order, m, false), pair->item);
	MemoryContextSwitchTo(outer);
	MemoryContextReset(pair->scratch);
	return score;
}

/* is_listed_without says whether the item is listed without the first m pieces of an order, or with nothing else. */
static bool
is_listed_without(const Pair *pair, const int *order, int m, bool nothing_else)
{
	MemoryContext outer = MemoryContextSwitchTo(pair->scratch);
	bool listed;

	CHECK_FOR_INTERRUPTS();
	listed = is_listed(pair, without(pair, order, m, nothing_else));
	MemoryContextSwitchTo(outer);
	MemoryContextReset(pair->scratch);
	return listed;
}

/* compare_effects sorts evidence by descending effect, then by item. */
static int
compare_effects(const void *a, const void *b, void *effects)
{
	const double *effect = effects;
	int x = *(const int *) a;
	int y = *(const int *) b;

	if (effect[x] != effect[y])
		return effect[x] > effect[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* order_by lists kept evidence by descending effect, then by item. */
static int *
order_by(const RecoQuery *query, double *effect, int *n)
{
	int *order = palloc(sizeof(int) * Max(query->n_evidence, 1));

	*n = 0;
	for (int e = 0; e < query->n_evidence; e++)
		if (query->evidence[e].kept)
			order[(*n)++] = e;
	qsort_arg(order, *n, sizeof(int), compare_effects, effect);
	return order;
}

/* shuffled gives the kept evidence in a random order. */
static int *
shuffled(Pair *pair)
{
	int *order = palloc(sizeof(int) * Max(pair->n, 1));

	memcpy(order, pair->order, sizeof(int) * pair->n);
	for (int i = pair->n - 1; i > 0; i--)
	{
		int j = (int) rk_rng_below(&pair->rng, (uint64) i + 1);
		int swap = order[i];

		order[i] = order[j];
		order[j] = swap;
	}
	return order;
}

/* deletion_area gives the area of the deletion curve of an order. */
static double
deletion_area(const Pair *pair, const int *order)
{
	double area = 0;

	for (int m = 1; m <= pair->ask->pieces; m++)
		area += (pair->score - score_without(pair, order, m)) / (pair->score - pair->empty);
	return area / pair->ask->pieces;
}

/* half_size gives how many pieces must go, in order, until half of what history adds is gone. */
static int
half_size(const Pair *pair)
{
	double half = (pair->score + pair->empty) / 2;
	int low = 1;
	int high = pair->n;

	/* taking more away mostly lowers the score, so that bisection finds such a place */
	while (low < high)
	{
		int middle = (low + high) / 2;

		if (score_without(pair, pair->order, middle) <= half)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* measure_curve compares the deletion curve with those of random orders. */
static void
measure_curve(RecoQuality *quality, Pair *pair)
{
	if (!(pair->score > pair->empty))
		return;
	tally(&quality->half, half_size(pair));
	if (pair->n < 2 * pair->ask->pieces)
		return;
	tally(&quality->area, deletion_area(pair, pair->order));
	for (int draw = 0; draw < pair->ask->draws; draw++)
		tally(&quality->area_random, deletion_area(pair, shuffled(pair)));
}

/* measure_list asks whether the item stays in the list without and with nothing but an explanation. */
static void
measure_list(RecoQuality *quality, Pair *pair)
{
	int m = Min(pair->ask->pieces, pair->n);

	tally(&quality->necessity, !is_listed_without(pair, pair->order, m, false));
	tally(&quality->sufficiency, is_listed_without(pair, pair->order, m, true));
	for (int draw = 0; draw < pair->ask->draws; draw++)
	{
		int *order = shuffled(pair);

		tally(&quality->necessity_random, !is_listed_without(pair, order, m, false));
		tally(&quality->sufficiency_random, is_listed_without(pair, order, m, true));
	}
}

/* overlap gives the Jaccard index of the first m of two orders. */
static double
overlap(const int *a, const int *b, int m)
{
	int common = 0;

	for (int i = 0; i < m; i++)
		for (int j = 0; j < m; j++)
			common += a[i] == b[j];
	return (double) common / (2 * m - common);
}

/* measure_stability shakes the weights and explains again. */
static void
measure_stability(RecoQuality *quality, Pair *pair)
{
	double *factor = palloc(sizeof(double) * pair->query->n_evidence);
	double *effect = palloc0(sizeof(double) * pair->query->n_evidence);
	int m = Min(pair->ask->pieces, pair->n);
	int n;
	int *order;

	for (int e = 0; e < pair->query->n_evidence; e++)
		factor[e] = 1 + SHAKE * (2 * rk_rng_uniform(&pair->rng) - 1);
	reco_query_removals(reco_query_reweighted(pair->query, factor), pair->item, effect);
	order = order_by(pair->query, effect, &n);
	tally(&quality->stability, overlap(pair->order, order, m));
	tally(&quality->stability_first, pair->order[0] == order[0]);
}

/* measure_truth compares what is stated with what is found. */
static void
measure_truth(RecoQuality *quality, const Pair *pair)
{
	RecoAddend *addend = palloc(sizeof(RecoAddend) * reco_query_most_addends(pair->query));
	int n = reco_query_contributions(pair->query, pair->item, addend);
	double scale = reco_explain_scale(pair->query, pair->item);
	double sum = 0;

	for (int a = 0; a < n; a++)
		sum += addend[a].contribution;
	tally(&quality->addition, fabs(sum - pair->score) / scale);
	for (int i = 0; i < pair->n; i++)
	{
		double found = pair->score - score_without(pair, pair->order + i, 1);

		tally(&quality->removal, fabs(found - pair->effect[pair->order[i]]) / scale);
	}
}

/* measure_pair measures the explanation of one item of a list. */
static void
measure_pair(RecoQuality *quality, const RecoQuery *query, const uint8 *skip, uint32 item, uint64 seed)
{
	Pair pair = {
		.ask = &quality->ask, .query = query, .skip = skip, .scratch = quality->scratch, .item = item};

	rk_rng_seed(&pair.rng, seed);
	pair.score = reco_query_score(query, item);
	pair.effect = palloc0(sizeof(double) * query->n_evidence);
	reco_query_removals(query, item, pair.effect);
	pair.order = order_by(query, pair.effect, &pair.n);
	pair.empty = score_without(&pair, pair.order, pair.n);
	measure_truth(quality, &pair);
	measure_list(quality, &pair);
	measure_curve(quality, &pair);
	measure_stability(quality, &pair);
}

RecoQuality *
reco_quality_make(const RecoQualityAsk *ask)
{
	RecoQuality *quality = palloc0(sizeof(RecoQuality));

	quality->ask = *ask;
	quality->scratch =
		AllocSetContextCreate(CurrentMemoryContext, "reco quality without", ALLOCSET_DEFAULT_SIZES);
	return quality;
}

void
reco_quality_add(RecoQuality *quality, const RecoQuery *query, uint64 user)
{
	MemoryContext scratch;
	MemoryContext outer;
	uint8 *skip;
	RkHit *hit;
	size_t n;

	if (!query->has_positive)
		return;
	quality->users++;
	scratch = AllocSetContextCreate(CurrentMemoryContext, "reco quality", ALLOCSET_DEFAULT_SIZES);
	skip = palloc0(reco_model_n_items(query->model) / 8 + 1);
	for (int e = 0; e < query->n_evidence; e++)
		skip[query->evidence[e].item / 8] |= (uint8) (1 << (query->evidence[e].item % 8));
	hit = palloc(sizeof(RkHit) * quality->ask.k);
	n = reco_rank(query, quality->ask.k, skip, query->model->place, hit);
	outer = MemoryContextSwitchTo(scratch);
	for (size_t i = 0; i < Min(n, (size_t) quality->ask.items); i++)
	{
		CHECK_FOR_INTERRUPTS();
		measure_pair(quality, query, skip, hit[i].item, rk_hash_mix(rk_hash_mix(quality->ask.seed, user), i));
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(outer);
	MemoryContextDelete(scratch);
	pfree(skip);
	pfree(hit);
}

static double
mean(const Tally *of)
{
	return of->n > 0 ? of->sum / (double) of->n : NAN;
}

RecoQualityMetric *
reco_quality_metrics(const RecoQuality *quality, int *n)
{
	const RecoQuality *q = quality;
	double ratio = q->area_random.sum > 0 ? mean(&q->area) / mean(&q->area_random) : NAN;
	const RecoQualityMetric metric[] = {
		{"users", (double) q->users, q->users, "sampled users with a history"},
		{"pairs", (double) q->addition.n, q->addition.n, "items of their lists that were explained"},
		{"additivity_residual", q->addition.n > 0 ? q->addition.greatest : NAN, q->addition.n,
		 "greatest |sum of contributions - score|, in parts of the size of the score"},
		{"removal_residual", q->removal.n > 0 ? q->removal.greatest : NAN, q->removal.n,
		 "greatest |stated - re-scored| effect of a piece of evidence, in parts of the size of the score"},
		{"necessity", mean(&q->necessity), q->necessity.n,
		 "how often the item leaves the list without its explanation"},
		{"necessity_random", mean(&q->necessity_random), q->necessity_random.n,
		 "the same of a random explanation of that size"},
		{"sufficiency", mean(&q->sufficiency), q->sufficiency.n,
		 "how often the item stays in the list with nothing but its explanation"},
		{"sufficiency_random", mean(&q->sufficiency_random), q->sufficiency_random.n,
		 "the same of a random explanation of that size"},
		{"deletion_area", mean(&q->area), q->area.n,
		 "mean part of what history adds to the score that the first deletions take away"},
		{"deletion_area_random", mean(&q->area_random), q->area_random.n, "the same in random order"},
		{"deletion_ratio", ratio, q->area.n, "how many times as fast the score falls as in random order"},
		{"half_size", mean(&q->half), q->half.n,
		 "pieces of evidence that must go until half of what history adds is gone"},
		{"stability", mean(&q->stability), q->stability.n,
		 "overlap of the explanation with the one after weights change by up to 5 %"},
		{"stability_first", mean(&q->stability_first), q->stability_first.n,
		 "how often the first piece of the explanation stays the first then"}};
	RecoQualityMetric *out = palloc(sizeof(metric));

	memcpy(out, metric, sizeof(metric));
	*n = lengthof(metric);
	return out;
}
