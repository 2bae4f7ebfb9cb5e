/*
 * topk.c
 *	  Exact top-k by inner product, and a heap for rankers of other kinds.
 */
#include "topk.h"

#include <math.h>

#include "quantise.h"
#include "simd.h"

/* Above these, float32 could overflow or the bound of topk.h not hold. */
#define RK_TOPK_MAX_PRODUCT 0x1p120
#define RK_TOPK_MAX_COLUMNS 65536

/* Bytes of a row of factors that are called for ahead. */
#define RK_TOPK_PREFETCH 1024

/* One item in so many left makes a question selective; words of the bitmap that are looked at to tell. */
#define RK_TOPK_SELECTIVE 200
#define RK_TOPK_SAMPLE 1024

/* Above this the bound of quantise.h does not hold. */
#define RK_TOPK_MAX_CONSTANT 0x1p60

/* RkPass is what one pass over the items needs, beside the question. */
typedef struct RkPass
{
	const RkItems *items;
	const RkTopk *ask;
	RkProbe *probe;     /* the query coded for the index; NULL: no index */
	const float *query; /* q' of topk.h; NULL: score all in double */
	double query_norm;  /* Q, at least |q|; for cosines |q| itself */
	double relative;    /* E = relative * Q N + absolute * (1 + Q + N) */
	double absolute;
	bool cosine;
} RkPass;

/* rk_hit_better tells whether a comes before b in a list. */
static inline bool
rk_hit_better(const RkHit *a, const RkHit *b, const uint32_t *tie)
{
	if (a->score != b->score)
		return a->score > b->score;
	if (tie != NULL && tie[a->item] != tie[b->item])
		return tie[a->item] < tie[b->item];
	return a->item < b->item;
}

/* rk_heap_sink moves the hit at a place down until no child is worse. */
static void
rk_heap_sink(RkHeap *heap, size_t place, size_t size)
{
	RkHit moving = heap->hit[place];

	for (;;)
	{
		size_t child = 2 * place + 1;

		if (child >= size)
			break;
		if (child + 1 < size && rk_hit_better(&heap->hit[child], &heap->hit[child + 1], heap->tie))
			child++;
		if (!rk_hit_better(&moving, &heap->hit[child], heap->tie))
			break;
		heap->hit[place] = heap->hit[child];
		place = child;
	}
	heap->hit[place] = moving;
}

/* rk_heap_rise moves the last hit up until its parent is not better. */
static void
rk_heap_rise(RkHeap *heap)
{
	size_t place = heap->size - 1;
	RkHit moving = heap->hit[place];

	while (place > 0)
	{
		size_t parent = (place - 1) / 2;

		if (!rk_hit_better(&heap->hit[parent], &moving, heap->tie))
			break;
		heap->hit[place] = heap->hit[parent];
		place = parent;
	}
	heap->hit[place] = moving;
}

void
rk_heap_init(RkHeap *heap, RkHit *hit, size_t capacity, const uint32_t *tie)
{
	heap->hit = hit;
	heap->capacity = capacity;
	heap->size = 0;
	heap->tie = tie;
}

bool
rk_heap_push(RkHeap *heap, uint32_t item, double score)
{
	RkHit offered = {item, score};

	if (isnan(score) || heap->capacity == 0)
		return false;
	if (heap->size < heap->capacity)
	{
		heap->hit[heap->size++] = offered;
		rk_heap_rise(heap);
		return true;
	}
	if (!rk_hit_better(&offered, &heap->hit[0], heap->tie))
		return false;
	heap->hit[0] = offered;
	rk_heap_sink(heap, 0, heap->size);
	return true;
}

double
rk_heap_floor(const RkHeap *heap)
{
	if (heap->size < heap->capacity || heap->capacity == 0)
		return -INFINITY;
	return heap->hit[0].score;
}

size_t
rk_heap_finish(RkHeap *heap)
{
	for (size_t size = heap->size; size > 1; size--)
	{
		RkHit worst = heap->hit[0];

		heap->hit[0] = heap->hit[size - 1];
		heap->hit[size - 1] = worst;
		rk_heap_sink(heap, 0, size - 1);
	}
	return heap->size;
}

double
rk_item_score(const RkItems *items, const double *query, double constant, uint32_t item)
{
	double bias = items->bias != NULL ? (double) items->bias[item] : 0.0;

	return rk_score(constant, bias, rk_dot(query, items->factor + (size_t) item * items->d, items->d));
}

RkStatus
rk_items_norms(const float *factor, size_t d, size_t first, size_t last, float *norm, const RkPoll *poll)
{
	double work = 0.0;

	for (size_t i = first; i < last; i++)
	{
		double square = rk_dot_ff(factor + i * d, factor + i * d, d);
		double bound = sqrt(square) * (1.0 + 0x1p-30);

		if (!isfinite(square))
			return RK_NON_FINITE;
		norm[i] = bound > 0x1.fffffep127 ? INFINITY : (float) bound;
		if ((double) norm[i] < bound)
			norm[i] = nextafterf(norm[i], INFINITY);
		if (rk_poll_after(poll, &work, 4.0 * (double) d + 32.0))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/* rk_dot_float is the float32 dot product of pass 1; 32 lanes, then 8. */
RK_INLINE float
rk_dot_float(const float *x, const float *y, size_t d)
{
	RkFloat8 lane[4] = {{0.0f}, {0.0f}, {0.0f}, {0.0f}};
	RkFloat8 a;
	RkFloat8 b;
	size_t k = 0;

	for (; k + 32 <= d; k += 32)
		for (int i = 0; i < 4; i++)
		{
			RK_LOAD(a, x + k + 8 * (size_t) i);
			RK_LOAD(b, y + k + 8 * (size_t) i);
			lane[i] += a * b;
		}
	for (; k + 8 <= d; k += 8)
	{
		RK_LOAD(a, x + k);
		RK_LOAD(b, y + k);
		lane[0] += a * b;
	}
	for (; k < d; k++)
		lane[1][k % 8] += x[k] * y[k];
	lane[0] = (lane[0] + lane[2]) + (lane[1] + lane[3]);
	return ((lane[0][0] + lane[0][4]) + (lane[0][2] + lane[0][6])) +
		   ((lane[0][1] + lane[0][5]) + (lane[0][3] + lane[0][7]));
}

/* rk_unskipped is the first of the items item .. last - 1 that is not marked in a bitmap, or last. */
RK_INLINE size_t
rk_unskipped(const uint8_t *skip, size_t item, size_t last)
{
	uint64_t word;

	while (skip != NULL && item < last)
	{
		if (item % 64 == 0 && item + 64 <= last)
		{
			memcpy(&word, skip + item / 8, sizeof(word));
			if (word == UINT64_MAX)
			{
				item += 64;
				continue;
			}
		}
		if ((skip[item / 8] >> (item % 8) & 1) == 0)
			break;
		item++;
	}
	return item;
}

/* rk_pass_reaches_dot tells whether the score of an item may reach the floor. */
RK_INLINE bool
rk_pass_reaches_dot(const RkPass *pass, size_t item, double floor)
{
	const RkItems *items = pass->items;
	double norm = (double) items->norm[item];
	double bias = items->bias != NULL ? (double) items->bias[item] : 0.0;
	double product = pass->query_norm * norm;
	double error;
	float dot;

	if (!(product <= RK_TOPK_MAX_PRODUCT))
		return true;
	if (rk_score(pass->ask->constant, bias, product * (1.0 + 0x1p-20) + 0x1p-500) < floor)
		return false;
	error = (pass->relative * product + pass->absolute * (1.0 + pass->query_norm + norm)) * (1.0 + 0x1p-20);
	dot = rk_dot_float(pass->query, items->factor + item * items->d, items->d);
	return !(rk_score(pass->ask->constant, bias, (double) dot + error) < floor);
}

/* rk_pass_reaches_cosine is the same for cosines; the query has norm 1. */
RK_INLINE bool
rk_pass_reaches_cosine(const RkPass *pass, size_t item, double floor)
{
	const RkItems *items = pass->items;
	double norm = (double) items->norm[item];
	double error;
	float dot;

	if (!(norm >= 0x1p-60 && norm <= 0x1p100))
		return true;
	error = pass->relative * (1.0 + 0x1p-20) + pass->absolute * (3.0 + norm) / norm + 0x1p-20;
	dot = rk_dot_float(pass->query, items->factor + item * items->d, items->d);
	return !((double) dot / norm + error < floor);
}

/* rk_pass_score offers one item to the heap with its score in double. */
static bool
rk_pass_score(const RkPass *pass, uint32_t item, RkHeap *heap)
{
	const RkItems *items = pass->items;
	const float *factor = items->factor + (size_t) item * items->d;
	double score;

	if (!pass->cosine)
		score = rk_item_score(items, pass->ask->query, pass->ask->constant, item);
	else if (rk_dot_ff(factor, factor, items->d) == 0.0)
		return true;
	else
		score = rk_cosine(pass->ask->query, pass->query_norm, factor, items->d);
	if (isnan(score))
		return false;
	rk_heap_push(heap, item, score);
	return true;
}

/* rk_pass_range offers items first .. last - 1; false if a score is NaN. */
RK_CLONES static bool
rk_pass_range(const RkPass *pass, size_t first, size_t last, RkHeap *heap)
{
	double floor = rk_heap_floor(heap);

	for (size_t item = rk_unskipped(pass->ask->skip, first, last); item < last;
		 item = rk_unskipped(pass->ask->skip, item + 1, last))
	{
		if (pass->query != NULL && floor > -INFINITY &&
			!(pass->cosine ? rk_pass_reaches_cosine(pass, item, floor)
						   : rk_pass_reaches_dot(pass, item, floor)))
			continue;
		if (!rk_pass_score(pass, (uint32_t) item, heap))
			return false;
		floor = rk_heap_floor(heap);
	}
	return true;
}

/* rk_pass_scan offers all items, in their own order. */
static RkStatus
rk_pass_scan(const RkPass *pass, RkHeap *heap)
{
	size_t block = rk_max(64, ((size_t) 1 << 20) / (pass->items->d + 1));
	size_t n = pass->items->n;

	for (size_t first = 0; first < n; first += block)
	{
		if (!rk_pass_range(pass, first, rk_min(n, first + block), heap))
			return RK_NON_FINITE;
		if (rk_poll_cancelled(pass->ask->poll))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/* rk_pass_gate is what an item must be able to reach: T of quantise.h for the floor. */
static RkGate
rk_pass_gate(const RkPass *pass, double floor)
{
	double constant = pass->ask->constant;
	RkGate gate = {0.0, 0.0};

	if (pass->cosine)
	{
		gate.base = floor > -1.0 ? -0x1p-120 : -INFINITY;
		gate.slope = floor * pass->query_norm * (floor > 0.0 ? 1.0 - 0x1p-40 : 1.0 + 0x1p-40);
	}
	else
		gate.base = floor - constant - (fabs(floor) + fabs(constant)) * 0x1p-48 - 0x1p-120;
	return gate;
}

/* rk_pass_ends tells whether neither a block nor any after it need be looked at. */
static bool
rk_pass_ends(const RkPass *pass, const RkGate *gate, size_t block)
{
	return pass->cosine ? rk_probe_is_zero(pass->probe, block)
						: rk_probe_ends(pass->probe, block, gate->base);
}

/* rk_pass_end is the first of the blocks first .. last - 1 that need not be looked at, nor any after it. */
static size_t
rk_pass_end(const RkPass *pass, const RkGate *gate, size_t first, size_t last)
{
	if (!rk_pass_ends(pass, gate, last - 1))
		return last;
	while (!rk_pass_ends(pass, gate, first))
		first++;
	return first;
}

/* rk_pass_found offers what the probe has found; false if a score is NaN. */
static bool
rk_pass_found(const RkPass *pass, RkHeap *heap)
{
	const RkProbe *probe = pass->probe;
	const RkItems *items = pass->items;

	for (size_t f = 0; f < probe->n_found; f++)
	{
		const char *row = (const char *) (items->factor + probe->item[f] * items->d);

		for (size_t byte = 0; byte < rk_min(items->d * sizeof(float), RK_TOPK_PREFETCH); byte += 64)
			__builtin_prefetch(row + byte);
	}
	for (size_t f = 0; f < probe->n_found; f++)
		if (!rk_pass_score(pass, probe->item[f], heap))
			return false;
	return true;
}

/* rk_pass_fine offers the last n waiting items that may reach the floor; false if a score is NaN. */
static bool
rk_pass_fine(const RkPass *pass, size_t n, RkHeap *heap)
{
	for (size_t left = n; left > 0; left -= rk_min(left, RK_BATCH))
	{
		RkGate gate = rk_pass_gate(pass, rk_heap_floor(heap));

		rk_probe_fine(pass->probe, &gate, rk_min(left, RK_BATCH), pass->ask->skip);
		if (!rk_pass_found(pass, heap))
			return false;
	}
	return true;
}

/*
 * rk_pass_chunk offers the items of blocks first .. last - 1, those excepted that may wait: they
 * come when no more fit, or last of all, and by then most are below the floor, which those that promise
 * to be among the best have raised.  False if a score is NaN.
 */
static bool
rk_pass_chunk(const RkPass *pass, const RkGate *gate, size_t first, size_t last, RkHeap *heap)
{
	RkProbe *probe = pass->probe;

	if (gate->base == -INFINITY)
	{
		rk_probe_all(probe, first, last - first, pass->ask->skip);
		return rk_pass_found(pass, heap);
	}
	return rk_pass_fine(pass, rk_probe_coarse(probe, gate, first, last - first), heap) &&
		   (probe->n_waiting <= RK_WAITING || rk_pass_fine(pass, probe->n_waiting, heap));
}

/*
 * rk_pass_blocks offers the items of blocks first .. last - 1 in the order of the index until
 * none of them, nor any after it, can reach the floor.  The first chunks are small, so that the
 * floor rises early.
 */
static RkStatus
rk_pass_blocks(const RkPass *pass, size_t first, size_t last, RkHeap *heap)
{
	size_t size = 1;

	for (; first < last; size = rk_min(2 * size, RK_CHUNK))
	{
		RkGate gate = rk_pass_gate(pass, rk_heap_floor(heap));
		size_t next = rk_min(last, first + size);
		size_t end = rk_pass_end(pass, &gate, first, next);

		if (!rk_pass_chunk(pass, &gate, first, end, heap))
			return RK_NON_FINITE;
		if (rk_poll_cancelled(pass->ask->poll))
			return RK_CANCELLED;
		if (end < next)
			break;
		first = next;
	}
	return rk_pass_fine(pass, pass->probe->n_waiting, heap) ? RK_OK : RK_NON_FINITE;
}

/*
 * rk_pass_index offers the items by the index.  Cosines begin at the norm of the query, because
 * neighbours of an item are likely to be about as long as it is: the floor is high when the others come.
 */
static RkStatus
rk_pass_index(const RkPass *pass, RkHeap *heap)
{
	size_t blocks = rk_index_blocks(pass->items->n);
	size_t begin = pass->cosine ? rk_probe_find(pass->probe, pass->query_norm) : 0;
	RkStatus status = rk_pass_blocks(pass, begin, blocks, heap);

	return status == RK_OK && begin > 0 ? rk_pass_blocks(pass, 0, begin, heap) : status;
}

/*
 * rk_pass_is_selective tells from a sample of the bitmap whether so few items are
 * left that to score them all is less work than to look for the best by norm.
 */
static bool
rk_pass_is_selective(const RkPass *pass)
{
	size_t words = pass->items->n / 64;
	size_t step = rk_max(1, words / RK_TOPK_SAMPLE);
	size_t seen = 0;
	size_t left = 0;

	for (size_t w = 0; pass->ask->skip != NULL && w < words; w += step)
	{
		uint64_t word;

		memcpy(&word, pass->ask->skip + 8 * w, sizeof(word));
		seen += 64;
		left += 64 - (size_t) __builtin_popcountll(word);
	}
	return left * RK_TOPK_SELECTIVE < seen;
}

/* rk_pass_run goes over the items and finishes the list. */
static RkStatus
rk_pass_run(const RkPass *pass, RkHit *hit, size_t *n_hit)
{
	RkStatus status = RK_OK;
	RkHeap heap;

	rk_heap_init(&heap, hit, pass->ask->k, pass->ask->tie);
	if (heap.capacity > 0)
		status = pass->probe != NULL && !rk_pass_is_selective(pass) ? rk_pass_index(pass, &heap)
																	: rk_pass_scan(pass, &heap);
	if (status == RK_OK)
		*n_hit = rk_heap_finish(&heap);
	return status;
}

/* rk_pass_init checks a question and fills all of a pass but query. */
static RkStatus
rk_pass_init(RkPass *pass, const RkItems *items, const RkTopk *ask, bool cosine)
{
	double d = (double) items->d;

	for (size_t k = 0; k < items->d; k++)
		if (!isfinite(ask->query[k]))
			return RK_NON_FINITE;
	if (!cosine && !isfinite(ask->constant))
		return RK_NON_FINITE;
	pass->items = items;
	pass->ask = ask;
	pass->probe = NULL;
	pass->query = NULL;
	pass->query_norm = sqrt(rk_dot_dd(ask->query, ask->query, items->d));
	if (!cosine)
		pass->query_norm = pass->query_norm * (1.0 + 0x1p-20) + 0x1p-500;
	pass->relative = (d + 4.0) * 0x1p-24 * (1.0 + d * 0x1p-22);
	pass->absolute = 4.0 * d * 0x1p-126;
	pass->cosine = cosine;
	return RK_OK;
}

size_t
rk_topk_scratch_bytes(size_t d)
{
	return rk_scratch_bytes(d, sizeof(float)) + rk_probe_scratch_bytes(d);
}

RkStatus
rk_topk(const RkItems *items, const RkTopk *ask, void *scratch, RkHit *hit, size_t *n_hit)
{
	char *cursor = scratch;
	float *query = rk_scratch_take(&cursor, items->d, sizeof(float));
	RkPass pass;

	*n_hit = 0;
	if (rk_pass_init(&pass, items, ask, false) != RK_OK)
		return RK_NON_FINITE;
	if (fabs(ask->constant) <= RK_TOPK_MAX_CONSTANT)
		pass.probe = rk_probe_init(items, ask->query, true, cursor);
	if (items->d <= RK_TOPK_MAX_COLUMNS && pass.query_norm <= RK_TOPK_MAX_PRODUCT)
	{
		for (size_t k = 0; k < items->d; k++)
			query[k] = (float) ask->query[k];
		pass.query = query;
	}
	return rk_pass_run(&pass, hit, n_hit);
}

double
rk_cosine(const double *query, double query_norm, const float *factor, size_t d)
{
	double norm = sqrt(rk_dot_ff(factor, factor, d));
	double cosine;

	if (query_norm == 0.0 || norm == 0.0)
		return 0.0;
	cosine = rk_dot(query, factor, d) / query_norm / norm;
	return cosine > 1.0 ? 1.0 : cosine < -1.0 ? -1.0 : cosine;
}

RkStatus
rk_topk_cosine(const RkItems *items, const RkTopk *ask, void *scratch, RkHit *hit, size_t *n_hit)
{
	char *cursor = scratch;
	float *query = rk_scratch_take(&cursor, items->d, sizeof(float));
	RkPass pass;

	*n_hit = 0;
	if (rk_pass_init(&pass, items, ask, true) != RK_OK || !isfinite(pass.query_norm))
		return RK_NON_FINITE;
	if (pass.query_norm == 0.0)
		return RK_OK;
	pass.probe = rk_probe_init(items, ask->query, false, cursor);
	if (items->d <= RK_TOPK_MAX_COLUMNS && pass.query_norm >= 0x1p-400)
	{
		for (size_t k = 0; k < items->d; k++)
			query[k] = (float) (ask->query[k] / pass.query_norm);
		pass.query = query;
	}
	return rk_pass_run(&pass, hit, n_hit);
}
