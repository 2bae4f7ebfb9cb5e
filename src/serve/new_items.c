/*
 * new_items.c
 *	  Places of a list that are kept for items that nobody has chosen yet.
 *
 * By score alone such an item almost never comes first: what is known of it is what is known of many. So places are
 * kept only if they are asked for.  They go to the best new items, and the lines that make room are the last ones; the list stays in the
 * order of scores.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "serve/serve.h"

/* order_hits sorts by score, then by item. */
static int
order_hits(const void *a, const void *b)
{
	const RkHit *x = a;
	const RkHit *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

/* find_new finds the best new items that are not in the list yet, in hit [k]; skip is what the list was to leave out. */
static size_t
find_new(const RecoListAsk *ask, RecoSkip *skip, const RkHit *listed, size_t n, size_t k, RkHit *hit)
{
	RecoListAsk more = *ask;
	uint32 *item = palloc_extended(sizeof(uint32) * ask->model->n_unseen, MCXT_ALLOC_HUGE);

	for (size_t i = 0; i < ask->model->n_unseen; i++)
		item[i] = (uint32) ask->model->unseen[i];
	reco_skip_others(skip, item, ask->model->n_unseen);
	for (size_t i = 0; i < n; i++)
		reco_skip_add(skip, listed[i].item);
	more.k = k;
	more.skip = skip;
	more.candidate = item;
	more.n_candidate = ask->model->n_unseen;
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

	if (wanted == 0 || ask->model->n_unseen == 0 || ask->source == RECO_SOURCE_POPULAR)
		return reco_serve_list(ask, hit);
	skip = reco_skip_make(ask->skip->n);
	memcpy(skip->bit, ask->skip->bit, (skip->n + 7) / 8);
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
	qsort(hit, kept + n_fresh, sizeof(RkHit), order_hits);
	return kept + n_fresh;
}
