/*
 * counterfactual.c
 *	  The smallest set of a user's own rows whose absence takes an item out of the top k.
 *
 * An item falls out when the k-th best of the other items overtakes it.  So
 * the greedy step takes away the piece of evidence that helps the item most
 * beside that rival: the greatest difference of their removal effects.  Both
 * are known in closed form, the list is then made again, and the rival may be
 * another.  When the item is out, pieces that turn out to be needless are put
 * back.  Then single pieces, and pairs, are tried in the order of the same
 * difference, as long as that would be smaller than what was found.
 *
 * What decides is always the list itself: items that the user has rows on stay
 * left out, items that the caller does not see are not in it, and a user left
 * without a positive row gets what goes by attributes, else what the user's segment chooses and the popular items, as in recommend().
 * Of items that came after the version ours alone is in it.  Items that
 * turn out to be invisible are added to the bitmap of those left out, so that
 * each is looked up once.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "explain/counterfactual.h"
#include "explain/explain.h"

/* Items ranked beyond k in each round, so that a few invisible ones cost no second round. */
#define SLACK 4

/* A search under way. */
typedef struct Search
{
	const RecoCounterfactualAsk *ask;
	uint8 *skip; /* items left out, bitmap */
	size_t n_unscored;
	uint32 *unscored;      /* [n_unscored] the list of a user without a score; NULL until it is wanted */
	int n_allowed;         /* evidence that may be in the set: what the caller sees */
	int *allowed;          /* by the first advantage, greatest first */
	double *advantage;     /* [n_evidence], see the top of the file */
	bool *removed;         /* [n_evidence] */
	MemoryContext scratch; /* reset after each list */
	int tested;
} Search;

/* A set of evidence. */
typedef struct Set
{
	int n;
	int *evidence;
} Set;

static void
skip_item(Search *search, uint32 item)
{
	search->skip[item / 8] |= (uint8) (1 << (item % 8));
}

static bool
is_skipped(const Search *search, uint32 item)
{
	return (search->skip[item / 8] >> (item % 8) & 1) != 0;
}

/* look_up probes for those of n items that were not looked up yet and leaves the invisible ones out; true if there were any. */
static bool
look_up(Search *search, const uint32 *item, size_t n)
{
	bool any = false;

	if (!reco_view_looks(search->ask->view))
		return false;
	reco_view_look_up(search->ask->view, item, n);
	for (size_t i = 0; i < n; i++)
		if (reco_view_find(search->ask->view, item[i]) == NULL)
		{
			skip_item(search, item[i]);
			any = true;
		}
	return any;
}

/* unscored_list lists what a user without a score gets, what is left out too: the segment's board, and what all choose. */
static const uint32 *
unscored_list(Search *search, size_t *n)
{
	const RecoModel *model = search->ask->query->model;
	const RecoBoard *board = search->ask->board;
	size_t n_popular = model->items.n - model->n_unseen;
	uint8 *met;

	*n = search->n_unscored;
	if (search->unscored != NULL)
		return search->unscored;
	met = palloc0(model->items.n / 8 + 1);
	search->unscored = MemoryContextAllocHuge(
		GetMemoryChunkContext(search), sizeof(uint32) * (n_popular + (board != NULL ? board->n : 0) + 1));
	for (int i = 0; board != NULL && i < board->n; i++)
	{
		uint32 item = (uint32) board->item[i];

		met[item / 8] |= (uint8) (1 << (item % 8));
		search->unscored[search->n_unscored++] = item;
	}
	for (size_t i = 0; i < n_popular; i++)
	{
		uint32 item = (uint32) model->popular[i];

		if ((met[item / 8] >> (item % 8) & 1) == 0)
			search->unscored[search->n_unscored++] = item;
	}
	pfree(met);
	*n = search->n_unscored;
	return search->unscored;
}

/* add_ours puts our item into a list of m places by score, where it came after the version; items of the version are first among equals. */
static size_t
add_ours(const Search *search, const RecoQuery *query, size_t n, size_t m, RkHit *hit)
{
	uint32 item = search->ask->item;
	double score;
	size_t at;

	if (item < query->model->items.n || is_skipped(search, item))
		return n;
	score = reco_query_score(query, item);
	for (at = n; at > 0 && hit[at - 1].score < score; at--)
		if (at < m)
			hit[at] = hit[at - 1];
	if (at == m)
		return n;
	hit[at] = (RkHit){item, score};
	return Min(n + 1, m);
}

/* rank gives the best m items that are not left out, of a query or of what is popular. */
static size_t
rank(Search *search, const RecoQuery *query, size_t m, RkHit *hit)
{
	const uint32 *order;
	size_t n;
	size_t found = 0;

	if (reco_query_is_scored(query))
		return add_ours(search, query, reco_rank(query, m, search->skip, query->model->place, hit), m, hit);
	order = unscored_list(search, &n);
	for (size_t i = 0; i < n && found < m; i++)
		if (!is_skipped(search, order[i]))
			hit[found++] = (RkHit){order[i], 0};
	return found;
}

/* list gives the best m eligible items of a query, as recommend() would, in memory of the current context. */
static RkHit *
list(Search *search, const RecoQuery *query, size_t m, size_t *n)
{
	size_t wide = Min(m + SLACK, reco_model_n_items(query->model));

	search->tested++;
	for (;;)
	{
		RkHit *hit = palloc_extended(sizeof(RkHit) * Max(wide, 1), MCXT_ALLOC_HUGE);
		size_t ranked = wide > 0 ? rank(search, query, wide, hit) : 0;
		uint32 *item = palloc_extended(sizeof(uint32) * Max(ranked, 1), MCXT_ALLOC_HUGE);

		CHECK_FOR_INTERRUPTS();
		for (size_t i = 0; i < ranked; i++)
			item[i] = hit[i].item;
		if (!look_up(search, item, ranked))
		{
			*n = Min(ranked, m);
			return hit;
		}
		pfree(hit);
		pfree(item);
	}
}

/* is_out says whether the item is not among the k best of a query. */
static bool
is_out(Search *search, const RecoQuery *query)
{
	size_t n;
	RkHit *hit = list(search, query, search->ask->k, &n);

	for (size_t i = 0; i < n; i++)
		if (hit[i].item == search->ask->item)
			return false;
	return true;
}

/* is_out_without says the same of the query without the removed evidence. */
static bool
is_out_without(Search *search)
{
	MemoryContext outer = MemoryContextSwitchTo(search->scratch);
	bool out = is_out(search, reco_query_without(search->ask->query, search->removed));

	MemoryContextSwitchTo(outer);
	MemoryContextReset(search->scratch);
	return out;
}

/* is_before says whether another item comes before ours in the list of a query's scores. */
static bool
is_before(const RecoQuery *query, uint32 other, uint32 item, double score)
{
	double its = reco_query_score(query, other);

	return its > score || (its == score && reco_model_order_equals(query->model, other, item) < 0);
}

/* items_before gives the items, not left out, that come before ours; *listed: whether ours is in the list at all. */
static uint32 *
items_before(Search *search, const RecoQuery *query, size_t *n, bool *listed)
{
	bool scored = reco_query_is_scored(query);
	uint32 item = search->ask->item;
	double score = reco_query_score(query, item);
	size_t n_all = query->model->items.n;
	const uint32 *order = scored ? NULL : unscored_list(search, &n_all);
	uint32 *before = palloc_extended(sizeof(uint32) * Max(n_all, 1), MCXT_ALLOC_HUGE);

	*n = 0;
	*listed = scored;
	for (size_t i = 0; i < n_all && (scored || !*listed); i++)
	{
		uint32 other = scored ? (uint32) i : order[i];

		if (i % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		*listed = *listed || other == item;
		if (other != item && !is_skipped(search, other) && (!scored || is_before(query, other, item, score)))
			before[(*n)++] = other;
	}
	return before;
}

/* rank_of gives the place of our item in the list of all eligible items, 0 when it is not in it. */
static int64
rank_of(Search *search, const RecoQuery *query)
{
	size_t n;
	bool listed;
	uint32 *before = items_before(search, query, &n, &listed);
	int64 place = 1;

	look_up(search, before, n);
	for (size_t i = 0; i < n; i++)
		if (!is_skipped(search, before[i]))
			place++;
	pfree(before);
	return listed ? place : 0;
}

/* rival_of gives the k-th best of the other items, or -1 when there are not so many. */
static int64
rival_of(Search *search, const RecoQuery *query)
{
	size_t n;
	RkHit *hit = list(search, query, (size_t) search->ask->k + 1, &n);
	int others = 0;

	for (size_t i = 0; i < n; i++)
		if (hit[i].item != search->ask->item && ++others == search->ask->k)
			return hit[i].item;
	return -1;
}

/*
 * find_advantages sets, for each piece of evidence that is left, how much its removal
 * takes from our item beside the rival.
 */
static void
find_advantages(Search *search, const RecoQuery *left)
{
	int64 rival = rival_of(search, left);
	double *item_effect = palloc0(sizeof(double) * Max(left->n_evidence, 1));
	double *rival_effect = palloc0(sizeof(double) * Max(left->n_evidence, 1));

	reco_query_removals(left, search->ask->item, item_effect);
	if (rival >= 0)
		reco_query_removals(left, (uint32) rival, rival_effect);
	for (int e = 0, of_left = 0; e < search->ask->query->n_evidence; e++)
		if (!search->removed[e])
		{
			search->advantage[e] = item_effect[of_left] - rival_effect[of_left];
			of_left++;
		}
}

/* compare_advantages sorts evidence by descending advantage, then by item. */
static int
compare_advantages(const void *a, const void *b, void *advantages)
{
	const double *advantage = advantages;
	int x = *(const int *) a;
	int y = *(const int *) b;

	if (advantage[x] != advantage[y])
		return advantage[x] > advantage[y] ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* order_allowed lists the evidence that may be removed, greatest advantage first. */
static void
order_allowed(Search *search)
{
	const RecoQuery *query = search->ask->query;
	uint32 *item = reco_explain_evidence(query);

	reco_view_look_up(search->ask->view, item, (size_t) query->n_evidence);
	pfree(item);
	for (int e = 0; e < query->n_evidence; e++)
		if (query->evidence[e].kept && reco_view_find(search->ask->view, query->evidence[e].item) != NULL)
			search->allowed[search->n_allowed++] = e;
	qsort_arg(search->allowed, search->n_allowed, sizeof(int), compare_advantages, search->advantage);
}

/* begin prepares a search: what is left out, what may be removed. */
static Search *
begin(const RecoCounterfactualAsk *ask)
{
	const RecoQuery *query = ask->query;
	size_t room = Max(query->n_evidence, 1);
	Search *search = palloc0(sizeof(Search));

	search->ask = ask;
	search->skip =
		palloc_extended(reco_model_n_items(query->model) / 8 + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int e = 0; ask->exclude_seen && e < query->n_evidence; e++)
		skip_item(search, query->evidence[e].item);
	search->allowed = palloc(sizeof(int) * room);
	search->advantage = palloc0(sizeof(double) * room);
	search->removed = palloc0(sizeof(bool) * room);
	search->scratch =
		AllocSetContextCreate(CurrentMemoryContext, "reco counterfactual", ALLOCSET_DEFAULT_SIZES);
	return search;
}

/* greedy_step removes the piece with the greatest advantage and gives it; -1 when none is left. */
static int
greedy_step(Search *search)
{
	MemoryContext outer = MemoryContextSwitchTo(search->scratch);
	int best = -1;

	find_advantages(search, reco_query_without(search->ask->query, search->removed));
	MemoryContextSwitchTo(outer);
	MemoryContextReset(search->scratch);
	for (int a = 0; a < search->n_allowed; a++)
	{
		int e = search->allowed[a];

		if (!search->removed[e] && (best < 0 || search->advantage[e] > search->advantage[best]))
			best = e;
	}
	if (best >= 0)
		search->removed[best] = true;
	return best;
}

/* prune puts back every piece that is not needed, the last ones first, until none is. */
static void
prune(Search *search, Set *set)
{
	for (int at = set->n - 1; at >= 0 && set->n > 1; at--)
	{
		search->removed[set->evidence[at]] = false;
		if (!is_out_without(search))
		{
			search->removed[set->evidence[at]] = true;
			continue;
		}
		memmove(set->evidence + at, set->evidence + at + 1, sizeof(int) * (set->n - at - 1));
		set->n--;
		at = set->n;
	}
}

/* find_greedy finds a set from which no piece can be put back; n = 0 when there is none of max_size. */
static Set
find_greedy(Search *search)
{
	int most = Min(search->ask->max_size, search->n_allowed);
	Set set = {0, palloc(sizeof(int) * Max(most, 2))};
	bool out = false;

	while (!out && set.n < most)
	{
		set.evidence[set.n++] = greedy_step(search);
		out = is_out_without(search);
	}
	if (out)
		prune(search, &set);
	else
		set.n = 0;
	memset(search->removed, 0, sizeof(bool) * search->ask->query->n_evidence);
	return set;
}

/* try_set says whether the item is out without one or two pieces (second < 0: one). */
static bool
try_set(Search *search, int first, int second)
{
	bool out;

	search->removed[first] = true;
	if (second >= 0)
		search->removed[second] = true;
	out = is_out_without(search);
	search->removed[first] = false;
	if (second >= 0)
		search->removed[second] = false;
	return out;
}

/* find_single looks for one piece that is enough; false with *tests < 0 when tests ran out. */
static bool
find_single(Search *search, int *tests, Set *set)
{
	for (int a = 0; a < search->n_allowed; a++)
	{
		if (--*tests < 0)
			return false;
		if (try_set(search, search->allowed[a], -1))
		{
			set->n = 1;
			set->evidence[0] = search->allowed[a];
			return true;
		}
	}
	return false;
}

/* find_pair looks for two pieces that are enough, pairs of great advantages first. */
static bool
find_pair(Search *search, int *tests, Set *set)
{
	/* allowed is ordered, so going through the sum of two places comes near the order of the sum of advantages */
	for (int sum = 1; sum <= 2 * search->n_allowed - 3; sum++)
		for (int a = Max(0, sum - search->n_allowed + 1); 2 * a < sum; a++)
		{
			if (--*tests < 0)
				return false;
			if (try_set(search, search->allowed[a], search->allowed[sum - a]))
			{
				set->n = 2;
				set->evidence[0] = search->allowed[a];
				set->evidence[1] = search->allowed[sum - a];
				return true;
			}
		}
	return false;
}

/*
 * improve looks for a smaller set than the greedy one (n = 0: for any), and
 * says whether every set smaller than the result was tried.
 */
static bool
improve(Search *search, Set *set)
{
	int tests = search->ask->tests;

	if (set->n == 1 || find_single(search, &tests, set))
		return true;
	if (tests < 0 || search->ask->max_size < 2)
		return false;
	if (set->n == 2 || find_pair(search, &tests, set))
		return true;
	return tests >= 0 && set->n == 3;
}

/* is_weaker says whether a piece has less effect alone than another. */
static bool
is_weaker(int piece, int other, const double *effect)
{
	if (effect[piece] != effect[other])
		return effect[piece] < effect[other];
	return piece > other;
}

/* order_set puts the pieces with the greatest effect alone first. */
static void
order_set(Set *set, const double *effect)
{
	for (int i = 1; i < set->n; i++)
	{
		int piece = set->evidence[i];
		int at = i;

		for (; at > 0 && is_weaker(set->evidence[at - 1], piece, effect); at--)
			set->evidence[at] = set->evidence[at - 1];
		set->evidence[at] = piece;
	}
}

/* verify scores and ranks again without the set, and fills in what that gives. */
static void
verify(Search *search, const Set *set, RecoCounterfactual *result)
{
	const RecoQuery *without;

	for (int i = 0; i < set->n; i++)
		search->removed[set->evidence[i]] = true;
	without = reco_query_without(search->ask->query, search->removed);
	result->score_after = reco_query_score(without, search->ask->item);
	result->rank_after = rank_of(search, without);
	if (result->rank_after > 0 && result->rank_after <= search->ask->k)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("the ranking of the model contradicts its scores"),
				 errdetail("A set of evidence does not do what was computed of it."),
				 errhint("Learn a new version with CALL reco.refresh().")));
	result->n = set->n;
	result->evidence = set->evidence;
	result->outcome = RECO_COUNTERFACTUAL_FOUND;
}

/* outcome_at_once gives the outcome where there is nothing to search for, else NONE. */
static RecoCounterfactualOutcome
outcome_at_once(Search *search, RecoCounterfactual *result)
{
	const RecoCounterfactualAsk *ask = search->ask;

	if (is_skipped(search, ask->item))
		return RECO_COUNTERFACTUAL_SEEN;
	result->rank_before = rank_of(search, ask->query);
	if (result->rank_before == 0 || result->rank_before > ask->k)
		return RECO_COUNTERFACTUAL_NOT_LISTED;
	return ask->query->has_positive ? RECO_COUNTERFACTUAL_NONE : RECO_COUNTERFACTUAL_NO_HISTORY;
}

RecoCounterfactual *
reco_counterfactual(const RecoCounterfactualAsk *ask)
{
	RecoCounterfactual *result = palloc0(sizeof(RecoCounterfactual));
	Search *search = begin(ask);
	Set set;

	result->score_before = reco_query_score(ask->query, ask->item);
	result->effect = palloc0(sizeof(double) * Max(ask->query->n_evidence, 1));
	result->outcome = outcome_at_once(search, result);
	if (result->outcome != RECO_COUNTERFACTUAL_NONE)
		return result;
	reco_query_removals(ask->query, ask->item, result->effect);
	find_advantages(search, ask->query);
	order_allowed(search);
	set = find_greedy(search);
	result->smallest = improve(search, &set);
	order_set(&set, result->effect);
	if (set.n > 0)
		verify(search, &set, result);
	result->tested = search->tested;
	MemoryContextDelete(search->scratch);
	return result;
}
