/*
 * promoted.c
 *	  Lists in which some items score more than the model says.
 *
 * The best of the items that are not promoted and the best of those that are, each list exact, are one list when they are put
 * in order; what is promoted and may not be in the list stays out of it.  A list by popularity has no scores: there what is
 * promoted comes first.
 */
#include "postgres.h"

#include "serve/serve.h"

/* find_promoted finds the best promoted items that may be in the list, in hit [k]; skip is what the list was to leave out. */
static size_t
find_promoted(const RecoListAsk *ask, RecoSkip *skip, const RecoPromotion *promotion, RkHit *hit)
{
	RecoListAsk own = *ask;
	size_t n;

	reco_skip_others(skip, promotion->item, promotion->n);
	own.k = Min(ask->k, promotion->n);
	own.skip = skip;
	own.candidate = promotion->item;
	own.n_candidate = promotion->n;
	/* those that came after the version are the last */
	while (own.n_candidate > 0 && promotion->item[own.n_candidate - 1] >= ask->model->items.n)
		own.n_candidate--;
	own.look_ahead = NULL;
	n = reco_serve_list(&own, hit);
	for (size_t i = 0; i < n; i++)
		hit[i].score += promotion->much;
	return n;
}

size_t
reco_serve_list_promoted(RecoListAsk *ask, size_t n_new, const RecoPromotion *promotion, RkHit *hit)
{
	RecoSkip *skip;
	RkHit *all;
	size_t n;

	if (promotion->n == 0)
		return reco_serve_list_with_new(ask, n_new, hit);
	skip = reco_skip_copy(ask->skip);
	for (size_t i = 0; i < promotion->n; i++)
		reco_skip_add(ask->skip, promotion->item[i]);
	all = palloc(sizeof(RkHit) * 2 * ask->k);
	n = find_promoted(ask, skip, promotion, all);
	n += reco_serve_list_with_new(ask, n_new, all + n);
	if (reco_serve_is_scored(ask->source))
		reco_serve_sort(ask->model, all, n);
	n = Min(n, ask->k);
	memcpy(hit, all, sizeof(RkHit) * n);
	pfree(all);
	return n;
}
