/*
 * list.c
 *	  Always k rows if k exist: rank, look up, drop, go on.
 *
 * The model ranks without knowing what the caller may see, the items relation
 * knows nothing of scores.  Which of the two comes first is a matter of cost alone, the list is
 * the same.
 *
 * Rank first: the list is made in rounds.  The best m items not tried yet are
 * looked up in one probe, and those that are there and pass are appended.  The
 * order of a source is total and every round continues strictly below the one
 * before, so what is appended is in order, whatever m is.  The first round asks
 * for a few more than k, since few items are deleted; later rounds grow with
 * what the filter has turned out to keep, up to blocks of BLOCK_ITEMS, until k
 * are found or no item is left.
 *
 * Filter first: one query gives the keys of all items that are there and pass
 * (reco_view_all), a bitmap remembers them, and only they are ranked from then on.
 *
 * The order of work.  With f of t items kept, about (t + 1) / (f + 1/2) items
 * have to be tried for each that is missing; they cost what ranking and looking up
 * has cost so far in this call, some microseconds each (TRY_MICROSECONDS until that is known).  Once this
 * comes to more than ASK_MICROSECONDS, PostgreSQL's planner is asked for the cost of
 * the query (reader/plans.c turns it into time), and as soon as going on is dearer
 * than the query, the query is run.  So a filter that keeps one row in two costs one
 * round; one that keeps one in a thousand costs a short round and an index scan where there is
 * an index for it.  Where there is none, k = 10 take some ten thousand lookups, which is
 * about what the filter takes over a million rows; what keeps less costs at most about twice
 * the scan of the relation.  The setting
 * reco.filter_order overrides all this, for tests.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/memutils.h"

#include "reco.h"
#include "serve/serve.h"

/* The most items of one probe. */
#define BLOCK_ITEMS 65536

/* What ranking and looking up costs an item, until this call has tried MEASURED_ITEMS. */
#define TRY_MICROSECONDS 4.0
#define MEASURED_ITEMS 256

/* From so many items kept on, their share of those tried tells how many more to try. */
#define SPEAKING 4

/* Items that came after the version, scored between two checks for interrupts. */
#define INTERRUPT_EVERY 4096

/* Below this no time is spent on estimates. */
#define ASK_MICROSECONDS 500.0

/* Of this many items, those at hand are scored one by one rather than by the ranking of all. */
#define SCORED_SHARE 32

/* A list while it is made. */
typedef struct Making
{
	size_t tried;
	size_t found;
	double round_microseconds; /* of all rounds */
	double query_microseconds; /* estimate for filter first; negative: not asked yet */
	bool filtered;             /* only items that pass are left */
} Making;

RecoSource
reco_serve_source(const RecoQuery *query)
{
	if (query == NULL || !reco_query_is_scored(query))
		return RECO_SOURCE_POPULAR;
	return query->has_positive ? RECO_SOURCE_HISTORY : RECO_SOURCE_ATTRIBUTES;
}

const char *
reco_serve_source_name(RecoSource source)
{
	switch (source)
	{
		case RECO_SOURCE_HISTORY:
			return "history";
		case RECO_SOURCE_ATTRIBUTES:
			return "attributes";
		case RECO_SOURCE_SIMILAR:
			return "similar";
		case RECO_SOURCE_SEGMENT:
			return "segment";
		case RECO_SOURCE_POPULAR:
			return "popular";
		case RECO_SOURCES:
			break;
	}
	return NULL;
}

/* rank_popular gives the m most popular items that are not skipped; the last ones, which nobody has chosen, are not popular. */
static size_t
rank_popular(const RecoListAsk *ask, size_t m, RkHit *hit)
{
	const int32 *order = ask->order != NULL ? ask->order : ask->model->popular;
	size_t n = ask->order != NULL ? ask->n_order : ask->model->items.n - ask->model->n_unseen;
	size_t found = 0;

	for (size_t i = 0; i < n && found < m; i++)
	{
		uint32 item = (uint32) order[i];

		if (!reco_skip_has(ask->skip, item))
			hit[found++] = (RkHit){item, 0};
	}
	return found;
}

/* rank_version gives the best m items of the version that are not skipped, in hit [m]. */
static size_t
rank_version(const RecoListAsk *ask, size_t m, RkHit *hit)
{
	switch (ask->source)
	{
		case RECO_SOURCE_HISTORY:
		case RECO_SOURCE_ATTRIBUTES:
			if (ask->candidate != NULL && ask->n_candidate <= ask->model->items.n / SCORED_SHARE)
				return reco_rank_of(ask->query, ask->candidate, ask->n_candidate, m, ask->skip->bit,
									ask->model->place, hit);
			return reco_rank(ask->query, m, ask->skip->bit, ask->model->place, hit);
		case RECO_SOURCE_SIMILAR:
			return reco_rank_similar(ask->alike, m, ask->skip->bit, hit);
		case RECO_SOURCE_SEGMENT:
		case RECO_SOURCE_POPULAR:
			return rank_popular(ask, m, hit);
		case RECO_SOURCES:
			break;
	}
	return 0;
}

/* order_hits sorts by score, and equal ones by popularity. */
static int
order_hits(const void *a, const void *b, void *model)
{
	const RkHit *x = a;
	const RkHit *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return reco_model_order_equals(model, x->item, y->item);
}

void
reco_serve_sort(const RecoModel *model, RkHit *hit, size_t n)
{
	qsort_arg(hit, n, sizeof(RkHit), order_hits, unconstify(RecoModel *, model));
}

/* score_fresh scores the items that came after the version and are not skipped, in hit [n_fresh]. */
static size_t
score_fresh(const RecoListAsk *ask, RkHit *hit)
{
	size_t n = 0;

	for (size_t f = 0; f < ask->skip->n_fresh; f++)
	{
		uint32 item = (uint32) (ask->skip->n + f);
		double score = 0;

		if (f % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		if (ask->skip->fresh[f])
			continue;
		if (ask->source != RECO_SOURCE_SIMILAR)
			score = reco_query_score(ask->query, item);
		else if (!reco_alike_score(ask->alike, item, &score))
			continue;
		hit[n++] = (RkHit){item, score};
	}
	return n;
}

/* rank gives the best m items of the source that are not skipped, in hit [m]. */
static size_t
rank(const RecoListAsk *ask, size_t m, RkHit *hit)
{
	size_t found = rank_version(ask, m, hit);
	RkHit *all;
	size_t n;

	if (ask->skip->n_fresh == 0 || !reco_serve_is_scored(ask->source))
		return found;
	all = palloc_extended(sizeof(RkHit) * (found + ask->skip->n_fresh), MCXT_ALLOC_HUGE);
	memcpy(all, hit, sizeof(RkHit) * found);
	n = found + score_fresh(ask, all + found);
	reco_serve_sort(ask->model, all, n);
	n = Min(n, m);
	memcpy(hit, all, sizeof(RkHit) * n);
	pfree(all);
	return n;
}

/* probe looks up the items of a round, in the first one together with what look_ahead asks for. */
static void
probe(RecoListAsk *ask, const RkHit *hit, size_t n, bool first)
{
	uint32 *item = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	uint32 *more = NULL;
	size_t n_more = 0;

	for (size_t i = 0; i < n; i++)
		item[i] = hit[i].item;
	if (first && ask->look_ahead != NULL)
		more = ask->look_ahead(ask->look_ahead_state, hit, Min(n, ask->k), &n_more);
	reco_view_probe(ask->view, item, n, more, n_more);
	pfree(item);
}

/* take appends the items of a round that are there and pass, and skips all of them from now on. */
static size_t
take(RecoListAsk *ask, const RkHit *tried, size_t n, RkHit *hit, size_t found)
{
	for (size_t i = 0; i < n; i++)
	{
		const RecoViewItem *seen = reco_view_find(ask->view, tried[i].item);

		if (found < ask->k && seen != NULL && seen->passes)
			hit[found++] = tried[i];
		reco_skip_add(ask->skip, tried[i].item);
	}
	return found;
}

/* tries_left estimates how many items must be tried until the list is full. */
static double
tries_left(const RecoListAsk *ask, const Making *making)
{
	return (double) (ask->k - making->found) * ((double) making->tried + 1) / ((double) making->found + 0.5);
}

/* first_size chooses how many items the first round tries: a few more than k, of those with a filter twice as many. */
static size_t
first_size(const RecoListAsk *ask)
{
	if (reco_view_filters(ask->view))
		return 2 * ask->k + 16;
	return reco_view_looks(ask->view) ? ask->k + ask->k / 16 + 2 : ask->k;
}

/*
 * next_size chooses how many items the next round tries: enough by what was
 * kept so far, and four times as many as before while that says little.
 */
static size_t
next_size(const RecoListAsk *ask, size_t last, const Making *making)
{
	double missing = (double) (ask->k - making->found);
	double wanted;

	if (making->filtered)
		return ask->k - making->found;
	if (making->found == 0)
		wanted = Max(16.0 * (double) making->tried, 4.0 * (double) last);
	else
		wanted = 1.3 * (missing + 1) * (double) making->tried / (double) making->found;
	if (making->found < SPEAKING)
		wanted = Max(wanted, 4.0 * (double) last);
	return (size_t) Min(wanted, (double) BLOCK_ITEMS);
}

/* filter_pays says whether filtering first is cheaper from here on than trying more items; see the top of the file. */
static bool
filter_pays(const RecoListAsk *ask, Making *making)
{
	double each = TRY_MICROSECONDS;
	double rest;

	if (making->filtered || !reco_view_looks(ask->view))
		return false;
	if (reco_filter_order != RECO_FILTER_ORDER_AUTO)
		return reco_filter_order == RECO_FILTER_ORDER_FILTER;
	if (making->tried >= MEASURED_ITEMS)
		each = making->round_microseconds / (double) making->tried;
	rest = Min(tries_left(ask, making), (double) ask->model->items.n) * each;
	if (rest < ASK_MICROSECONDS)
		return false;
	if (making->query_microseconds < 0)
		making->query_microseconds = reco_view_all_microseconds(ask->view);
	return making->query_microseconds < rest;
}

/* filter_now leaves only the items that are there and pass. */
static void
filter_now(RecoListAsk *ask, Making *making)
{
	uint8 *passes = reco_view_all(ask->view);
	size_t left = reco_skip_unmarked(ask->skip, passes);

	pfree(passes);
	making->filtered = true;
	ask->candidate = NULL;
	ask->n_candidate = left;
	if (left <= ask->model->items.n / SCORED_SHARE)
		ask->candidate = reco_skip_left(ask->skip, left);
}

/* try_round tries the best m items; false when no more are left. */
static bool
try_round(RecoListAsk *ask, size_t m, Making *making, RkHit *hit)
{
	RkHit *round = palloc_extended(sizeof(RkHit) * m, MCXT_ALLOC_HUGE);
	size_t ranked;
	instr_time before;
	instr_time after;

	INSTR_TIME_SET_CURRENT(before);
	ranked = rank(ask, m, round);
	probe(ask, round, ranked, making->tried == 0);
	INSTR_TIME_SET_CURRENT(after);
	INSTR_TIME_SUBTRACT(after, before);
	making->round_microseconds += (double) INSTR_TIME_GET_MICROSEC(after);
	making->found = take(ask, round, ranked, hit, making->found);
	making->tried += ranked;
	pfree(round);
	return ranked == m;
}

size_t
reco_serve_list(RecoListAsk *ask, RkHit *hit)
{
	Making making = {.query_microseconds = -1};
	size_t m = first_size(ask);

	for (;;)
	{
		m = Min(m, ask->skip->n + ask->skip->n_fresh);
		if (m == 0)
			return 0;
		CHECK_FOR_INTERRUPTS();
		if (!try_round(ask, m, &making, hit) || making.found == ask->k)
			return making.found;
		if (filter_pays(ask, &making))
			filter_now(ask, &making);
		m = next_size(ask, m, &making);
	}
}

size_t
reco_serve_list_of_segment(RecoListAsk *ask, const RecoBoard *board, RkHit *hit, size_t *n_own)
{
	RecoListAsk others;

	ask->order = board->item;
	ask->n_order = (size_t) board->n;
	*n_own = reco_serve_list(ask, hit);
	/* what was tried is skipped by now, so the others go on where the board ends */
	others = *ask;
	others.k = ask->k - *n_own;
	others.order = NULL;
	return *n_own + (others.k > 0 ? reco_serve_list(&others, hit + *n_own) : 0);
}
