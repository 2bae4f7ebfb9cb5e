/*
 * new_items.c
 *	  Places of a list that are kept for items that nobody has chosen yet, those that came after the version among them.
 *
 * By score alone such an item almost never comes first: what is known of it is what is known of many. So places are
 * kept only if they are asked for.  They go to the best new items, and the lines that make room are the last ones; the list stays in the
 * order of scores.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "serve/serve.h"

/* find_new finds the best new items that are not in the list yet, in hit [k]; skip is what the list was to leave out. */
static size_t
find_new(const RecoListAsk *ask, RecoSkip *skip, const RkHit *listed, size_t n, size_t k, RkHit *hit)
{
	RecoListAsk more = *ask;
	size_t n_unseen = ask->model->n_unseen;
	size_t n_fresh = skip->n_fresh;
	uint32 *item = palloc_extended(sizeof(uint32) * (n_unseen + n_fresh + 1), MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < n_unseen; i++)
		item[i] = (uint32) ask->model->unseen[i];
	for (size_t f = 0; f < n_fresh; f++)
		item[n_unseen + f] = (uint32) (skip->n + f);
	reco_skip_others(skip, item, n_unseen + n_fresh);
	for (size_t i = 0; i < n; i++)
		reco_skip_add(skip, listed[i].item);
	more.k = k;
	more.skip = skip;
	more.candidate = item;
	more.n_candidate = n_unseen;
	more.look_ahead = NULL;
	return reco_serve_list(&more, hit);
}

size_t
reco_serve_list_with_new(RecoListAsk *ask, size_t n_new, RkHit *hit)
{
	RecoSkip *skip;
	RkHit *fresh;
	size_t n;
	size_t n_fresh;
	size_t wanted = Min(n_new, ask->k);
	size_t kept = 0;
	size_t drop;

	if (wanted == 0 || ask->model->n_unseen + ask->skip->n_fresh == 0 || !reco_serve_is_scored(ask->source))
		return reco_serve_list(ask, hit);
	skip = reco_skip_copy(ask->skip);
	n = reco_serve_list(ask, hit);
	for (size_t i = 0; i < n && wanted > 0; i++)
		wanted -= reco_model_is_unseen(ask->model, hit[i].item);
	if (wanted == 0)
		return n;
	fresh = palloc(sizeof(RkHit) * wanted);
	n_fresh = find_new(ask, skip, hit, n, wanted, fresh);
	drop = n + n_fresh > ask->k ? n + n_fresh - ask->k : 0;
	for (size_t i = n; i-- > 0 && drop > 0;)
		if (!reco_model_is_unseen(ask->model, hit[i].item))
		{
			hit[i].item = PG_UINT32_MAX;
			drop--;
		}
	for (size_t i = 0; i < n; i++)
		if (hit[i].item != PG_UINT32_MAX)
			hit[kept++] = hit[i];
	memcpy(hit + kept, fresh, sizeof(RkHit) * n_fresh);
	reco_serve_sort(ask->model, hit, kept + n_fresh);
	return kept + n_fresh;
}
