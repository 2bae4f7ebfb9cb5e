/*
 * list.c
 *	  Always k rows if k exist: rank, look up, drop, go on.
 *
 * The model ranks without knowing what the caller may see, the items relation
 * knows nothing of scores.  So the list is made in rounds: the best m items not
 * tried yet are looked up in one probe, and those that are there and pass are
 * appended.  The order of a source is total and every round continues strictly
 * below the one before, so what is appended is in order, whatever m is.  The
 * first round asks for a few more than k, since few items are deleted; later
 * rounds grow with what the filter has turned out to keep, up to blocks of
 * BLOCK_ITEMS, until k are found or no item is left.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "serve/serve.h"

/* The most items of one probe. */
#define BLOCK_ITEMS 65536

RecoSource
reco_serve_source(const RecoQuery *query)
{
	return query != NULL && query->has_positive ? RECO_SOURCE_HISTORY : RECO_SOURCE_POPULAR;
}

const char *
reco_serve_source_name(RecoSource source)
{
	switch (source)
	{
		case RECO_SOURCE_HISTORY:
			return "history";
		case RECO_SOURCE_SIMILAR:
			return "similar";
		case RECO_SOURCE_POPULAR:
			return "popular";
	}
	return NULL;
}

/* rank_popular gives the m most popular items that are not skipped. */
static size_t
rank_popular(const RecoListAsk *ask, size_t m, RkHit *hit)
{
	size_t found = 0;

	for (size_t i = 0; i < ask->model->items.n && found < m; i++)
	{
		uint32 item = (uint32) ask->model->popular[i];

		if (!reco_skip_has(ask->skip, item))
			hit[found++] = (RkHit){item, 0};
	}
	return found;
}

/* rank gives the best m items of the source that are not skipped, in hit [m]. */
static size_t
rank(const RecoListAsk *ask, size_t m, RkHit *hit)
{
	switch (ask->source)
	{
		case RECO_SOURCE_HISTORY:
			if (ask->candidate != NULL)
				return reco_rank_of(ask->query, ask->candidate, ask->n_candidate, m, ask->skip->bit, NULL,
									hit);
			return reco_rank(ask->query, m, ask->skip->bit, NULL, hit);
		case RECO_SOURCE_SIMILAR:
			return reco_rank_similar(ask->model, ask->item, m, ask->skip->bit, hit);
		case RECO_SOURCE_POPULAR:
			return rank_popular(ask, m, hit);
	}
	return 0;
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

/* next_size chooses how many items the next round tries: enough by what was kept so far, at least four times as many. */
static size_t
next_size(const RecoListAsk *ask, size_t last, size_t tried, size_t found)
{
	double missing = (double) (ask->k - found);
	double wanted = found > 0 ? 1.5 * missing * (double) tried / (double) found : 16.0 * (double) tried;

	wanted = Max(wanted, 4.0 * (double) last);
	return (size_t) Min(wanted, (double) BLOCK_ITEMS);
}

size_t
reco_serve_list(RecoListAsk *ask, RkHit *hit)
{
	size_t found = 0;
	size_t tried = 0;
	size_t m = ask->k;

	if (reco_view_looks(ask->view))
		m += ask->k / 8 + 4;
	for (;;)
	{
		size_t ranked;
		RkHit *round;

		m = Min(m, ask->model->items.n);
		if (m == 0)
			return 0;
		CHECK_FOR_INTERRUPTS();
		round = palloc_extended(sizeof(RkHit) * m, MCXT_ALLOC_HUGE);
		ranked = rank(ask, m, round);
		probe(ask, round, ranked, tried == 0);
		found = take(ask, round, ranked, hit, found);
		pfree(round);
		tried += ranked;
		if (found == ask->k || ranked < m)
			return found;
		m = next_size(ask, m, tried, found);
	}
}
