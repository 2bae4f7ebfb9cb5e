/*
 * blend_weights.c
 *	  The weights of a blend, by what its members rank of rows they have not seen.
 *
 * For a sample of users with held-out rows, the best CANDIDATES items of each member, those of the user's own rows
 * excepted and those of one score in the order of popularity as in every list, are scored by all members.  A member's scale is the spread of its scores among
 * a user's candidates, so that a weight of 1 means the same for each.  The weights, none below 0, are then
 * found by coordinate ascent on NDCG@20 of the candidates in the order of the weighted
 * sum, from all ones and from each member alone.  A step is taken, and another start preferred to the ones, only where users are better
 * off by more than the standard error of the paired difference: held-out rows are few, near its best NDCG hardly tells weights apart, and what
 * they happen to say of some users is worse for others than equal weights.
 *
 * The sample, the order of candidates and of sums are functions of rows and seed.
 */
#include "postgres.h"

#include <math.h>

#include "kernel/rng.h"
#include "miscadmin.h"
#include "model/blend.h"
#include "model/json.h"
#include "parallel/progress.h"
#include "utils/memutils.h"

#define MOST_USERS 3000
#define SCALE_USERS 500 /* where only the spread of scores is asked for */
#define CANDIDATES 100
#define LIST 20
#define ROUNDS 8

/* A weight is tried times each of these. */
static const double step[] = {0, 0.25, 0.5, 0.7, 0.85, 1.15, 1.4, 2, 4};

/* A step must gain this much of NDCG beyond its standard error to be taken. */
#define LEAST_GAIN 1e-5

/* One user who is measured. */
typedef struct Judged
{
	int n;         /* candidates */
	int n_targets; /* held-out items */
	int n_found;   /* of them candidates, which come first */
	float *score;  /* [n x members] */
} Judged;

typedef struct Jury
{
	int n_members;
	int n;
	Judged *judged; /* [n] */
} Jury;

static int
compare_items(const void *a, const void *b)
{
	uint32 x = *(const uint32 *) a;
	uint32 y = *(const uint32 *) b;

	return x < y ? -1 : x > y;
}

/* is_target says whether an item is among the held-out ones of a user that are liked; test NULL: nothing is held out. */
static bool
is_target(const RkCsr *test, size_t user, uint32 item)
{
	if (test == NULL)
		return false;
	for (uint64 e = test->offset[user]; e < test->offset[user + 1]; e++)
		if (test->index[e] == item)
			return test->target[e] > 0;
	return false;
}

/* count_targets counts the items of a user that are liked. */
static int
count_targets(const RkCsr *rows, size_t user)
{
	int n = 0;

	for (uint64 e = rows->offset[user]; e < rows->offset[user + 1]; e++)
		n += rows->target[e] > 0;
	return n;
}

/* query_of represents the rows of a user for one member. */
static RecoQuery *
query_of(const RecoModel *model, const RkCsr *rows, size_t user)
{
	size_t first = rows->offset[user];
	size_t n = rk_csr_count(rows, user);
	RecoEvidence *evidence = palloc0(sizeof(RecoEvidence) * Max(n, 1));

	for (size_t e = 0; e < n; e++)
		evidence[e] = (RecoEvidence){.item = rows->index[first + e],
									 .weight = rows->weight[first + e],
									 .pull = (double) rows->weight[first + e] * rows->target[first + e],
									 .kind = -1};
	return reco_query_from_evidence(model, evidence, (int) n, NULL);
}

/* candidates_of lists the best items of all members, targets first, each once. */
static uint32 *
candidates_of(const RecoBlend *blend, RecoQuery **query, const RkCsr *train, const RkCsr *test, size_t user,
			  Judged *judged)
{
	uint8 *seen = palloc0(train->n_cols / 8 + 1);
	uint32 *item = palloc(sizeof(uint32) * CANDIDATES * blend->n);
	RkHit hit[CANDIDATES];
	int n = 0;

	for (uint64 e = train->offset[user]; e < train->offset[user + 1]; e++)
		seen[train->index[e] / 8] |= (uint8) (1 << (train->index[e] % 8));
	for (int m = 0; m < blend->n; m++)
	{
		size_t found = reco_rank(query[m], CANDIDATES, seen, blend->member[m]->place, hit);

		for (size_t h = 0; h < found; h++)
			item[n++] = hit[h].item;
	}
	qsort(item, n, sizeof(uint32), compare_items);
	for (int i = 0; i < n; i++)
	{
		if (i > 0 && item[i] == item[i - 1])
			continue;
		item[judged->n++] = item[i];
	}
	for (int i = 0; i < judged->n; i++)
		if (is_target(test, user, item[i]))
		{
			uint32 target = item[i];

			item[i] = item[judged->n_found];
			item[judged->n_found++] = target;
		}
	return item;
}

/* judge scores the candidates of a user by all members; the memory of the scores is "keep". */
static bool
judge(const RecoBlend *blend, const RkCsr *train, const RkCsr *test, size_t user, MemoryContext keep,
	  Judged *judged)
{
	RecoQuery *query[BLEND_MOST_MEMBERS];
	bool has_positive = false;
	uint32 *item;

	memset(judged, 0, sizeof(*judged));
	judged->n_targets = test != NULL ? count_targets(test, user) : 0;
	for (int m = 0; m < blend->n; m++)
	{
		query[m] = query_of(blend->member[m], train, user);
		has_positive = has_positive || query[m]->has_positive;
	}
	if (!has_positive)
		return false;
	item = candidates_of(blend, query, train, test, user, judged);
	judged->score = MemoryContextAlloc(keep, sizeof(float) * judged->n * blend->n);
	for (int i = 0; i < judged->n; i++)
		for (int m = 0; m < blend->n; m++)
			judged->score[i * blend->n + m] = (float) reco_query_score(query[m], item[i]);
	return true;
}

/* choose_users lists users with liked rows, at most "most" about, by hash. */
static uint32 *
choose_users(const RkCsr *rows, uint64 seed, int most, int *n)
{
	size_t with = 0;
	uint32 *user = palloc_extended(sizeof(uint32) * Max(rows->n_rows, 1), MCXT_ALLOC_HUGE);
	double share;

	for (size_t u = 0; u < rows->n_rows; u++)
		with += count_targets(rows, u) > 0;
	share = with > (size_t) most ? (double) most / (double) with : 1;
	*n = 0;
	for (size_t u = 0; u < rows->n_rows; u++)
		if (count_targets(rows, u) > 0 && (double) (rk_hash_mix(seed, u) >> 11) * 0x1p-53 < share)
			user[(*n)++] = (uint32) u;
	return user;
}

/* hear scores the candidates of all chosen users; test NULL: nothing is held out. */
static Jury
hear(const RecoBlend *blend, const RkCsr *train, const RkCsr *test, uint64 seed)
{
	MemoryContext keep = CurrentMemoryContext;
	MemoryContext memory = AllocSetContextCreate(keep, "reco blend user", ALLOCSET_DEFAULT_SIZES);
	int n;
	uint32 *user =
		test != NULL ? choose_users(test, seed, MOST_USERS, &n) : choose_users(train, seed, SCALE_USERS, &n);
	Jury jury = {blend->n, 0, palloc(sizeof(Judged) * Max(n, 1))};

	reco_progress_phase("weighing", n);
	for (int u = 0; u < n; u++)
	{
		MemoryContextSwitchTo(memory);
		if (judge(blend, train, test, user[u], keep, &jury.judged[jury.n]))
			jury.n++;
		MemoryContextSwitchTo(keep);
		MemoryContextReset(memory);
		reco_progress_step(u + 1, NAN);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextDelete(memory);
	return jury;
}

/* scale_of gives the reciprocal of the spread of a member's scores, 0 where they are all the same. */
static double
scale_of(const Jury *jury, int member)
{
	double variance = 0;

	for (int u = 0; u < jury->n; u++)
	{
		const Judged *judged = &jury->judged[u];
		double sum = 0;
		double square = 0;

		for (int i = 0; i < judged->n; i++)
		{
			double score = judged->score[i * jury->n_members + member];

			sum += score;
			square += score * score;
		}
		if (judged->n > 0)
			variance += Max(square / judged->n - (sum / judged->n) * (sum / judged->n), 0);
	}
	return variance > 0 ? sqrt(jury->n / variance) : 0;
}

/* combined gives the weighted sum of a candidate. */
static double
combined(const Jury *jury, const Judged *judged, int candidate, const double *weight)
{
	double sum = 0;

	for (int m = 0; m < jury->n_members; m++)
		sum += weight[m] * judged->score[candidate * jury->n_members + m];
	return sum;
}

/* ndcg_of gives NDCG@20 of one user; a candidate that equals a target comes before it. */
static double
ndcg_of(const Jury *jury, const Judged *judged, const double *weight)
{
	double gain = 0;
	double ideal = 0;

	for (int t = 0; t < judged->n_found; t++)
	{
		double score = combined(jury, judged, t, weight);
		int rank = 1;

		for (int i = 0; i < judged->n && rank <= LIST; i++)
			rank += i != t && combined(jury, judged, i, weight) >= score;
		if (rank <= LIST)
			gain += 1 / log2(1 + rank);
	}
	for (int rank = 1; rank <= Min(judged->n_targets, LIST); rank++)
		ideal += 1 / log2(1 + rank);
	return gain / ideal;
}

/* ndcg writes NDCG@20 of each user, [jury->n], and gives the mean. */
static double
ndcg(const Jury *jury, const double *weight, double *of_user)
{
	double sum = 0;

	CHECK_FOR_INTERRUPTS();
	for (int u = 0; u < jury->n; u++)
	{
		of_user[u] = ndcg_of(jury, &jury->judged[u], weight);
		sum += of_user[u];
	}
	return jury->n > 0 ? sum / jury->n : 0;
}

/* is_better says whether users are better off by more than the standard error of the mean difference. */
static bool
is_better(const Jury *jury, const double *found, const double *before)
{
	double sum = 0;
	double square = 0;
	double n = jury->n;

	for (int u = 0; u < jury->n; u++)
	{
		double gain = found[u] - before[u];

		sum += gain;
		square += gain * gain;
	}
	return n > 1 && sum / n > LEAST_GAIN + sqrt(Max(square / n - sum / n * (sum / n), 0) / (n - 1));
}

/* alloc_values makes room for a number of each user. */
static double *
alloc_values(const Jury *jury)
{
	return palloc(sizeof(double) * Max(jury->n, 1));
}

/* try_steps takes the best of the steps of a member's weight that make users better off, if any does. */
static bool
try_steps(const Jury *jury, int member, double scale, double *weight, double *value, double *best)
{
	/* a member without weight is tried at a part of its scale */
	double from = weight[member] > 0 ? weight[member] : 0.25 * scale;
	double at = weight[member];
	double *found = alloc_values(jury);
	double *taken = alloc_values(jury);
	double before = *best;

	for (size_t s = 0; s < lengthof(step); s++)
	{
		double mean;

		weight[member] = from * step[s];
		mean = ndcg(jury, weight, found);
		if (mean > *best && is_better(jury, found, value))
		{
			*best = mean;
			at = weight[member];
			memcpy(taken, found, sizeof(double) * jury->n);
		}
	}
	weight[member] = at;
	if (*best > before)
		memcpy(value, taken, sizeof(double) * jury->n);
	pfree(found);
	pfree(taken);
	return *best > before;
}

/* climb improves weights, one at a time, until none gains; gives NDCG, and that of each user in value. */
static double
climb(const Jury *jury, const double *scale, double *weight, double *value)
{
	double best = ndcg(jury, weight, value);
	bool gained = true;

	for (int round = 0; round < ROUNDS && gained; round++)
	{
		gained = false;
		for (int m = 0; m < jury->n_members; m++)
			gained = try_steps(jury, m, scale[m], weight, value, &best) || gained;
	}
	return best;
}

/* report says what was measured. */
static void
report(const RecoBlend *blend, const Jury *jury, const double *alone, const double *scale, double best,
	   RecoJson *metrics)
{
	RecoJson json;
	RecoJson members;

	reco_json_begin(&json);
	reco_json_string(&json, "measure", "ndcg@20");
	reco_json_integer(&json, "users", jury->n);
	reco_json_number(&json, "blend", best);
	reco_json_begin(&members);
	for (int m = 0; m < blend->n; m++)
	{
		RecoJson member;

		reco_json_begin(&member);
		reco_json_number(&member, "alone", alone[m]);
		reco_json_number(&member, "weight", scale[m] > 0 ? blend->weight[m] / scale[m] : 0);
		reco_json_object(&members, blend->member[m]->algorithm->name, reco_json_end(&member));
	}
	reco_json_object(&json, "members", reco_json_end(&members));
	reco_json_object(metrics, "validation", reco_json_end(&json));
}

void
reco_blend_weigh(RecoBlend *blend, const RkCsr *train, const RkCsr *test, uint64 seed, RecoJson *metrics)
{
	Jury jury = hear(blend, train, test, seed);
	double scale[BLEND_MOST_MEMBERS] = {0};
	double alone[BLEND_MOST_MEMBERS] = {0};
	double weight[BLEND_MOST_MEMBERS];
	double *value = alloc_values(&jury);
	double *of_start = alloc_values(&jury);
	double best;

	for (int m = 0; m < blend->n; m++)
	{
		scale[m] = scale_of(&jury, m);
		/* where nobody can be asked, scores are added as they are */
		blend->weight[m] = jury.n > 0 ? scale[m] : 1;
	}
	best = climb(&jury, scale, blend->weight, value);
	for (int m = 0; m < blend->n; m++)
	{
		double found;

		memset(weight, 0, sizeof(weight));
		weight[m] = scale[m];
		alone[m] = ndcg(&jury, weight, of_start);
		found = climb(&jury, scale, weight, of_start);
		if (is_better(&jury, of_start, value))
		{
			best = found;
			memcpy(blend->weight, weight, sizeof(weight));
			memcpy(value, of_start, sizeof(double) * jury.n);
		}
	}
	report(blend, &jury, alone, scale, best, metrics);
}

void
reco_blend_scale(RecoBlend *blend, const RkCsr *rows, uint64 seed, const double *share, double *scale)
{
	Jury jury = hear(blend, rows, NULL, seed);

	for (int m = 0; m < blend->n; m++)
	{
		scale[m] = jury.n > 0 ? scale_of(&jury, m) : 1;
		blend->weight[m] = share[m] * scale[m];
	}
}
