/*
 * rank.c
 *	  The best items for a query, exactly.
 *
 * A query of one dense term goes through the kernel's pruned ranking, or, where its factors are
 * not in memory (rows.c), through the kernel's scan by windows.  Any other
 * query is scored item by item.  Both order by the score that reco_query_score
 * gives, then by tie, then by index.
 */
#include "postgres.h"

#include "kernel/solve.h"
#include "miscadmin.h"
#include "model/model.h"

/* Items scored between two checks for interrupts where there is no kernel to poll. */
#define INTERRUPT_EVERY 4096

static bool
is_skipped(const uint8 *skip, uint32 item)
{
	return skip != NULL && (skip[item / 8] >> (item % 8) & 1);
}

/* check_rank turns the status of a ranking kernel into an error. */
static void
check_rank(RkStatus status)
{
	if (status == RK_CANCELLED)
		CHECK_FOR_INTERRUPTS();
	if (status != RK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the scores of this user are not finite"),
				 errhint("The user's weights may be too large; look at the values and event weights.")));
}

/* rank_each ranks by scoring items one by one; item NULL means all of 0 ... n - 1. */
static size_t
rank_each(const RecoQuery *query, const uint32 *item, size_t n, size_t k, const uint8 *skip,
		  const uint32 *tie, RkHit *hit)
{
	RkHeap heap;

	rk_heap_init(&heap, hit, k, tie);
	for (size_t i = 0; i < n; i++)
	{
		uint32 candidate = item ? item[i] : (uint32) i;

		if (i % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		if (!is_skipped(skip, candidate))
			rk_heap_push(&heap, candidate, reco_query_score(query, candidate));
	}
	return rk_heap_finish(&heap);
}

size_t
reco_rank_of(const RecoQuery *query, const uint32 *item, size_t n, size_t k, const uint8 *skip,
			 const uint32 *tie, RkHit *hit)
{
	return rank_each(query, item, n, k, skip, tie, hit);
}

/* kernel_scratch gives aligned scratch for a ranking kernel. */
static void *
kernel_scratch(size_t d, void **raw)
{
	*raw = palloc(rk_topk_scratch_bytes(d) + RK_SCRATCH_ALIGN);
	return (void *) TYPEALIGN(RK_SCRATCH_ALIGN, (uintptr_t) *raw);
}

typedef RkStatus (*RankKernel)(const RkItems *items, const RkTopk *ask, void *scratch, RkHit *hit,
							   size_t *n_hit);

/* rank_windows ranks items whose factors are not in memory. */
static size_t
rank_windows(RankKernel kernel, const RkItems *items, const RkTopk *ask, void *scratch, RkHit *hit)
{
	RkHit *part = palloc_extended(sizeof(RkHit) * Max(ask->k, 1), MCXT_ALLOC_HUGE);
	RkItems window;
	RkHeap heap;

	rk_heap_init(&heap, hit, ask->k, ask->tie);
	for (size_t first = 0; first < items->n; first += window.n)
	{
		RkTopk of_window = *ask;
		size_t found;

		reco_items_window(items, first, &window);
		of_window.skip = ask->skip != NULL ? ask->skip + first / 8 : NULL;
		of_window.tie = ask->tie != NULL ? ask->tie + first : NULL;
		check_rank(kernel(&window, &of_window, scratch, part, &found));
		for (size_t i = 0; i < found; i++)
			rk_heap_push(&heap, (uint32) (first + part[i].item), part[i].score);
	}
	pfree(part);
	return rk_heap_finish(&heap);
}

/* run_kernel ranks all items by a kernel. */
static size_t
run_kernel(RankKernel kernel, const RkItems *items, const RkTopk *ask, RkHit *hit)
{
	void *raw;
	void *scratch = kernel_scratch(items->d, &raw);
	size_t found;

	if (items->factor == NULL)
		found = rank_windows(kernel, items, ask, scratch, hit);
	else
		check_rank(kernel(items, ask, scratch, hit, &found));
	pfree(raw);
	return found;
}

size_t
reco_rank(const RecoQuery *query, size_t k, const uint8 *skip, const uint32 *tie, RkHit *hit)
{
	const RecoTerm *term = query->term;
	RkTopk ask = {.constant = query->constant, .k = k, .skip = skip, .tie = tie, .poll = &reco_pool_poll};

	if (query->n_terms != 1 || term->kind != RECO_TERM_DENSE)
		return rank_each(query, NULL, query->model->items.n, k, skip, tie, hit);
	ask.query = term->vector;
	return run_kernel(rk_topk, term->items, &ask, hit);
}

size_t
reco_rank_similar(const RecoModel *model, uint32 item, size_t k, const uint8 *skip, RkHit *hit)
{
	const RkItems *items = model->embedding;
	RkTopk ask = {.k = k, .poll = &reco_pool_poll};
	size_t bytes = (model->items.n + 7) / 8;
	uint8 *others;
	double *vector;
	const float *row;
	size_t found;

	if (items == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("algorithm \"%s\" has no item vectors to compare", model->algorithm->name),
						errhint("Use a recommender whose algorithm is \"als\".")));
	others = palloc0(bytes);
	if (skip != NULL)
		memcpy(others, skip, bytes);
	others[item / 8] |= (uint8) (1 << (item % 8));
	vector = palloc(sizeof(double) * items->d);
	row = reco_items_row(items, item);
	for (size_t c = 0; c < items->d; c++)
		vector[c] = row[c];
	ask.query = vector;
	ask.skip = others;
	found = run_kernel(rk_topk_cosine, items, &ask, hit);
	pfree(others);
	pfree(vector);
	return found;
}
