/*
 * promoted.c
 *	  Lists in which some items score more than the model says.
 *
 * The best of the items that are not promoted and the best of those that are, each list exact, are one list when they are put
 * in order; what is promoted and may not be in the list stays out of it.  A list by popularity, of a segment or of all, has no scores: there what is
 * promoted comes first, in the order of that list.
 */
#include "postgres.h"

#include "serve/serve.h"

/* only_promoted asks for the promoted items alone that may be in the list; skip is what the list was to leave out. */
static RecoListAsk
only_promoted(const RecoListAsk *ask, RecoSkip *skip, const RecoPromotion *promotion)
{
	RecoListAsk own = *ask;

	reco_skip_others(skip, promotion->item, promotion->n);
	own.k = Min(ask->k, promotion->n);
	own.skip = skip;
	own.candidate = promotion->item;
	own.n_candidate = promotion->n;
	/* those that came after the version are the last */
	while (own.n_candidate > 0 && promotion->item[own.n_candidate - 1] >= ask->model->items.n)
		own.n_candidate--;
	own.look_ahead = NULL;
	return own;
}

/* without_promoted skips the promoted items, and gives what was skipped before. */
static RecoSkip *
without_promoted(RecoListAsk *ask, const RecoPromotion *promotion)
{
	RecoSkip *skip = reco_skip_copy(ask->skip);

	for (size_t i = 0; i < promotion->n; i++)
		reco_skip_add(ask->skip, promotion->item[i]);
	return skip;
}

size_t
reco_serve_list_promoted(RecoListAsk *ask, size_t n_new, const RecoPromotion *promotion, RkHit *hit)
{
	RecoListAsk own;
	RkHit *all;
	size_t n;

	if (promotion->n == 0)
		return reco_serve_list_with_new(ask, n_new, hit);
	own = only_promoted(ask, without_promoted(ask, promotion), promotion);
	all = palloc(sizeof(RkHit) * 2 * ask->k);
	n = reco_serve_list(&own, all);
	for (size_t i = 0; i < n; i++)
		all[i].score += promotion->much;
	n += reco_serve_list_with_new(ask, n_new, all + n);
	if (reco_serve_is_scored(ask->source))
		reco_serve_sort(ask->model, all, n);
	n = Min(n, ask->k);
	memcpy(hit, all, sizeof(RkHit) * n);
	pfree(all);
	return n;
}

size_t
reco_serve_segment_promoted(RecoListAsk *ask, const RecoBoard *board, const RecoPromotion *promotion,
							RkHit *hit, size_t *n_promoted, size_t *n_own)
{
	RecoListAsk own;

	*n_promoted = *n_own = 0;
	if (promotion->n > 0)
	{
		own = only_promoted(ask, without_promoted(ask, promotion), promotion);
		*n_promoted = reco_serve_list_of_segment(&own, board, hit, n_own);
		*n_own = 0;
	}
	if (*n_promoted == ask->k)
		return ask->k;
	ask->k -= *n_promoted;
	return *n_promoted + reco_serve_list_of_segment(ask, board, hit + *n_promoted, n_own);
}
