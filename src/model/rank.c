/*
 * rank.c
 *	  The best items for a query, exactly.
 *
 * A query of one dense term goes through the kernel's pruned ranking, or, where its factors are
 * not in memory (rows.c), through the kernel's scan by windows.  One of sparse
 * terms adds up the rows of the user's items, and all items that no row knows come
 * together, with the score of the constant.  One of a dense term and sparse ones is ranked by both.  Any other query is scored item by item.  All order by the score that reco_query_score
 * gives, then by tie, then by index.
 */
#include "postgres.h"

#include <math.h>

#include "kernel/neighbours.h"
#include "kernel/quantise.h"
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
		reco_query_refuse_scores();
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

/* is_sparse says whether all terms of a query are rows of item-item matrices. */
static bool
is_sparse(const RecoQuery *query)
{
	for (int t = 0; t < query->n_terms; t++)
		if (query->term[t].kind != RECO_TERM_SPARSE)
			return false;
	return query->n_terms > 0;
}

/* The sums of rows of a query's sparse terms. */
typedef struct SparseSums
{
	const RecoQuery *query;
	RkRowSum rows; /* what was met by any term; the sum of the last one */
	double **sum;  /* [n_terms], each [n_items]; NULL of other terms */
} SparseSums;

/* sum_rows adds up the rows of every sparse term, each in the order in which reco_query_score adds an item's entries. */
static SparseSums
sum_rows(const RecoQuery *query)
{
	size_t n = query->model->items.n;
	SparseSums sums = {.query = query, .sum = palloc0(sizeof(double *) * query->n_terms)};

	sums.rows.met = palloc0(n / 8 + 1);
	sums.rows.touched = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	for (int t = 0; t < query->n_terms; t++)
	{
		const RecoTerm *term = &query->term[t];

		if (term->kind != RECO_TERM_SPARSE)
			continue;
		sums.sum[t] = palloc_extended(sizeof(double) * Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		sums.rows.sum = sums.sum[t];
		check_rank(rk_row_sum_add(&sums.rows, term->matrix, term->row, term->row_weight, term->n_rows,
								  &reco_pool_poll));
	}
	return sums;
}

static void
free_sums(SparseSums *sums)
{
	for (int t = 0; t < sums->query->n_terms; t++)
		if (sums->sum[t] != NULL)
			pfree(sums->sum[t]);
	pfree(sums->sum);
	pfree(sums->rows.met);
	pfree(sums->rows.touched);
}

/* sum_score gives what reco_query_score gives of an item, the terms taken in the same order. */
static double
sum_score(const SparseSums *sums, uint32 item)
{
	double score = sums->query->constant;

	for (int t = 0; t < sums->query->n_terms; t++)
	{
		const RecoTerm *term = &sums->query->term[t];

		if (sums->sum[t] != NULL)
			score += sums->sum[t][item];
		else
			score = rk_item_score(term->items, term->vector, score, item);
	}
	return score;
}

/*
 * push_untouched offers the items that no row knows, which all score the constant, while they may be among the best: in the
 * order of ties where that is known, so that no more are offered than are taken.
 */
static void
push_untouched(const SparseSums *sums, const uint8 *skip, RkHeap *heap)
{
	const RecoModel *model = sums->query->model;
	double constant = sums->query->constant;
	bool by_place = heap->tie != NULL && heap->tie == model->place;

	for (size_t i = 0; i < model->items.n; i++)
	{
		uint32 item = by_place ? (uint32) model->popular[i] : (uint32) i;
		double floor = rk_heap_floor(heap);

		if (floor > constant)
			return;
		if (floor == constant &&
			((by_place && heap->tie[heap->hit[0].item] < i) || (heap->tie == NULL && heap->hit[0].item < i)))
			return;
		if (i % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		if (!is_skipped(sums->rows.met, item) && !is_skipped(skip, item))
			rk_heap_push(heap, item, constant);
	}
}

/* rank_sparse ranks by the sums of rows; item NULL means all items. */
static size_t
rank_sparse(const RecoQuery *query, const uint32 *item, size_t n, size_t k, const uint8 *skip,
			const uint32 *tie, RkHit *hit)
{
	SparseSums sums = sum_rows(query);
	const uint32 *offered = item != NULL ? item : sums.rows.touched;
	size_t n_offered = item != NULL ? n : sums.rows.n_touched;
	RkHeap heap;

	rk_heap_init(&heap, hit, k, tie);
	for (size_t i = 0; i < n_offered; i++)
	{
		if (i % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		if (!is_skipped(skip, offered[i]))
			rk_heap_push(&heap, offered[i], sum_score(&sums, offered[i]));
	}
	if (item == NULL)
		push_untouched(&sums, skip, &heap);
	free_sums(&sums);
	return rk_heap_finish(&heap);
}

size_t
reco_rank_of(const RecoQuery *query, const uint32 *item, size_t n, size_t k, const uint8 *skip,
			 const uint32 *tie, RkHit *hit)
{
	if (is_sparse(query))
		return rank_sparse(query, item, n, k, skip, tie, hit);
	return rank_each(query, item, n, k, skip, tie, hit);
}

/* kernel_scratch gives aligned scratch for a ranking kernel. */
static void *
kernel_scratch(size_t d, void **raw)
{
	*raw = palloc(rk_topk_scratch_bytes(d) + RK_SCRATCH_ALIGN);
	return (void *) TYPEALIGN(RK_SCRATCH_ALIGN, (uintptr_t) *raw);
}

/* rank_windows ranks items whose factors are not in memory. */
static size_t
rank_windows(RecoRankKernel kernel, const RkItems *items, const RkTopk *ask, void *scratch, RkHit *hit)
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

size_t
reco_rank_run(RecoRankKernel kernel, const RkItems *items, const RkTopk *ask, RkHit *hit)
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

/* Of a mixed query, so many items that the sparse terms put first are scored first, so that the floor is high soon. */
#define FIRST_ITEMS 256

/* is_mixed says whether a query is of one dense term, its factors without biases and in memory, and sparse ones. */
static bool
is_mixed(const RecoQuery *query, int *dense)
{
	int n_dense = 0;

	for (int t = 0; t < query->n_terms; t++)
	{
		if (query->term[t].kind == RECO_TERM_SPARSE)
			continue;
		if (query->term[t].kind != RECO_TERM_DENSE || query->term[t].items->factor == NULL ||
			query->term[t].items->bias != NULL)
			return false;
		*dense = t;
		n_dense++;
	}
	return n_dense == 1 && query->n_terms > 1;
}

/* sparse_part gives the sum of an item's sparse terms. */
static double
sparse_part(const SparseSums *sums, uint32 item)
{
	double part = 0;

	for (int t = 0; t < sums->query->n_terms; t++)
		if (sums->sum[t] != NULL)
			part += sums->sum[t][item];
	return part;
}

/* push_first offers the touched items with the greatest sparse parts and marks them as done. */
static void
push_first(const SparseSums *sums, uint8 *done, RkHeap *heap)
{
	RkHit first[FIRST_ITEMS];
	RkHeap by_part;
	size_t n;

	rk_heap_init(&by_part, first, FIRST_ITEMS, NULL);
	for (size_t i = 0; i < sums->rows.n_touched; i++)
	{
		if (i % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		if (!is_skipped(done, sums->rows.touched[i]))
			rk_heap_push(&by_part, sums->rows.touched[i], sparse_part(sums, sums->rows.touched[i]));
	}
	n = rk_heap_finish(&by_part);
	for (size_t i = 0; i < n; i++)
	{
		rk_heap_push(heap, first[i].item, sum_score(sums, first[i].item));
		done[first[i].item / 8] |= (uint8) (1 << (first[i].item % 8));
	}
}

/* greatest_addends bounds the sum of the magnitudes of all that is added up to an item's sparse parts. */
static double
greatest_addends(const RecoQuery *query)
{
	double sum = 0;

	for (int t = 0; t < query->n_terms; t++)
	{
		const RecoTerm *term = &query->term[t];

		for (int r = 0; term->kind == RECO_TERM_SPARSE && r < term->n_rows; r++)
		{
			float greatest = 0;

			CHECK_FOR_INTERRUPTS();
			for (uint64 e = term->matrix->offset[term->row[r]]; e < term->matrix->offset[term->row[r] + 1];
				 e++)
				greatest = Max(greatest, fabsf(term->matrix->weight[e]));
			sum += fabs(term->row_weight[r]) * greatest;
		}
	}
	return sum;
}

/* A mixed query while it is ranked. */
typedef struct Mixed
{
	const SparseSums *sums;
	const RecoTerm *dense;
	double length; /* of the vector */
	double most;   /* bounds the magnitudes of all addends but the dense one */
	uint8 *done;   /* bitmap of items that are not offered any more */
	RkHeap *heap;
} Mixed;

/*
 * dense_floor is what the dense term of an item must reach for the score to reach the floor, the sparse part being at most "part".
 * With Q and N at least the norms of vector and factors, 2^-20 of Q N exceeds by far what the dot product is rounded by
 * (topk.h), and 2^-20 of the magnitudes of all addends, each addition erring by less than 2^-52 of those added so far, is more than for
 * 2^31 additions.
 */
static double
dense_floor(const Mixed *mixed, double part, double norm)
{
	double slack = 0x1p-20 * (mixed->most + mixed->length * norm);

	return rk_heap_floor(mixed->heap) - mixed->sums->query->constant - part - slack;
}

/* push_touched offers the other touched items that may reach the floor, by their norms. */
static void
push_touched(const Mixed *mixed)
{
	const RkRowSum *rows = &mixed->sums->rows;

	for (size_t i = 0; i < rows->n_touched; i++)
	{
		uint32 item = rows->touched[i];
		double norm = mixed->dense->items->norm[item];

		if (i % INTERRUPT_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		if (is_skipped(mixed->done, item))
			continue;
		if (!(mixed->length * norm < dense_floor(mixed, sparse_part(mixed->sums, item), norm)))
			rk_heap_push(mixed->heap, item, sum_score(mixed->sums, item));
		mixed->done[item / 8] |= (uint8) (1 << (item % 8));
	}
}

/* push_others offers the items to which the sparse terms add nothing: the best come from the dense ranking. */
static void
push_others(const Mixed *mixed, size_t k, const uint32 *tie)
{
	RkHit *others = palloc_extended(sizeof(RkHit) * Max(k, 1), MCXT_ALLOC_HUGE);
	RkTopk ask = {.query = mixed->dense->vector,
				  .constant = mixed->sums->query->constant,
				  .k = k,
				  .skip = mixed->done,
				  .tie = tie,
				  .poll = &reco_pool_poll};
	size_t n = reco_rank_run(rk_topk, mixed->dense->items, &ask, others);

	for (size_t i = 0; i < n; i++)
		rk_heap_push(mixed->heap, others[i].item, others[i].score);
	pfree(others);
}

/* push_waiting offers those items of a block that passed its coarse test and pass, by their own parts, both tests. */
static void
push_waiting(const Mixed *mixed, RkProbe *probe, const double *part)
{
	while (probe->n_waiting > 0)
	{
		uint32 position = probe->position[probe->n_waiting - 1];
		uint32 item = (uint32) probe->index->order[position];
		RkGate gate = {
			dense_floor(mixed, part[position % RK_BLOCK], mixed->dense->items->norm[item]) - 0x1p-120, 0};

		rk_probe_fine(probe, &gate, 1, mixed->done);
		if (probe->n_found > 0)
			rk_heap_push(mixed->heap, item, sum_score(mixed->sums, item));
	}
}

/*
 * push_blocks offers all items that may reach the floor, block by block of the index.  A block is tested with the greatest part of
 * its items, and with the norm of its longest.
 */
static void
push_blocks(const Mixed *mixed, RkProbe *probe)
{
	const RkItems *items = mixed->dense->items;

	for (size_t block = 0; block < rk_index_blocks(items->n); block++)
	{
		const int32_t *order = probe->index->order + block * RK_BLOCK;
		size_t n = Min(RK_BLOCK, items->n - block * RK_BLOCK);
		double part[RK_BLOCK];
		double greatest = -INFINITY;
		RkGate gate = {0, 0};

		if (block % (INTERRUPT_EVERY / RK_BLOCK) == 0)
			CHECK_FOR_INTERRUPTS();
		for (size_t i = 0; i < n; i++)
		{
			part[i] = sparse_part(mixed->sums, (uint32) order[i]);
			greatest = Max(greatest, part[i]);
		}
		gate.base = dense_floor(mixed, greatest, probe->index->block[block]) - 0x1p-120;
		if (rk_probe_ends(probe, block, gate.base))
			continue;
		rk_probe_coarse(probe, &gate, block, 1);
		push_waiting(mixed, probe, part);
	}
}

/*
 * rank_mixed ranks by one dense term and sparse ones.  With an index of the dense term its items are ruled out as
 * quantise.h proves, the sparse part of each being known; without one by their norms, and items that no row knows come from the dense ranking.
 */
static size_t
rank_mixed(const RecoQuery *query, const RecoTerm *dense, size_t k, const uint8 *skip, const uint32 *tie,
		   RkHit *hit)
{
	size_t n_items = query->model->items.n;
	SparseSums sums = sum_rows(query);
	RkHeap heap;
	Mixed mixed = {.sums = &sums,
				   .dense = dense,
				   .length = sqrt(rk_dot_dd(dense->vector, dense->vector, dense->items->d)),
				   .most = fabs(query->constant) + greatest_addends(query),
				   .done = palloc0(n_items / 8 + 1),
				   .heap = &heap};
	void *raw = palloc(rk_probe_scratch_bytes(dense->items->d) + RK_SCRATCH_ALIGN);
	RkProbe *probe = rk_probe_init(dense->items, dense->vector, false,
								   (void *) TYPEALIGN(RK_SCRATCH_ALIGN, (uintptr_t) raw));

	if (skip != NULL)
		memcpy(mixed.done, skip, (n_items + 7) / 8);
	rk_heap_init(&heap, hit, k, tie);
	push_first(&sums, mixed.done, &heap);
	if (probe != NULL && rk_heap_floor(&heap) > -INFINITY)
		push_blocks(&mixed, probe);
	else
	{
		push_touched(&mixed);
		push_others(&mixed, k, tie);
	}
	pfree(raw);
	pfree(mixed.done);
	free_sums(&sums);
	return rk_heap_finish(&heap);
}

size_t
reco_rank(const RecoQuery *query, size_t k, const uint8 *skip, const uint32 *tie, RkHit *hit)
{
	const RecoTerm *term = query->term;
	RkTopk ask = {.constant = query->constant, .k = k, .skip = skip, .tie = tie, .poll = &reco_pool_poll};
	int dense = 0;

	if (is_sparse(query))
		return rank_sparse(query, NULL, 0, k, skip, tie, hit);
	if (is_mixed(query, &dense))
		return rank_mixed(query, &query->term[dense], k, skip, tie, hit);
	if (query->n_terms != 1 || term->kind != RECO_TERM_DENSE)
		return rank_each(query, NULL, query->model->items.n, k, skip, tie, hit);
	ask.query = term->vector;
	return reco_rank_run(rk_topk, term->items, &ask, hit);
}
