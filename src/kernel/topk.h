/*
 * topk.h
 *	  Exact top-k by inner product, and a heap for rankers of other kinds.
 *
 * The score of item i is
 *
 *		rk_score(constant, bias_i, rk_dot(query, y_i, d)),
 *
 * evaluated in double in one written order; score() of a pair evaluates the
 * same expression, so ranking and scoring agree to the bit.  Lists are ordered
 * by score descending, then by tie ascending, then by item index ascending.
 *
 * With an index (quantise.h) the lists are the same and come sooner: most items
 * are ruled out by a few bytes each.  What follows is the ranking without one, and of questions
 * that an index cannot answer.
 *
 * A list is continued by asking again with its items marked in skip: what they
 * cost is one look at the bitmap each.
 *
 * Pass 1 scores in float32 and re-scores an item in double only if the score
 * could reach the current k-th.  Why this is exact:
 *
 * Let u = 2^-24, q' the query rounded to float, f the float32 dot product of q'
 * and y summed in any order, s = rk_dot(q, y).  With standard bounds (Higham,
 * Accuracy and Stability, 3.1; gamma_n = n u / (1 - n u)),
 *
 *		|q'_k - q_k|			<= u |q_k| + t
 *		|f - sum q'_k y_k|		<= gamma_d sum |q'_k y_k| + d t
 *		|s - sum q_k y_k|		<= d 2^-52 sum |q_k y_k| + d 2^-1074
 *
 * where t = 2^-126 covers underflow of a product or an operand, gradual or
 * flushed to zero.  By Cauchy-Schwarz sum |q_k y_k| <= |q||y|, so
 *
 *		|f - s| <= ((d + 2) u + O(d^2 u^2) + d 2^-52) |q||y| + 2 d t (1 + |q| + |y|).
 *
 * rk_topk uses E = ((d + 4) 2^-24 (1 + d 2^-22) Q N + 4 d 2^-126 (1 + Q + N))
 * (1 + 2^-20) with Q and N upper bounds of the norms; for d <= 65536 this
 * exceeds the right-hand side by more than the roundings of E and of f + E
 * themselves, whose relative size is 2^-50.  So f + E >= s, and because
 * floating-point addition is monotone,
 *
 *		rk_score(constant, bias_i, f + E) >= rk_score(constant, bias_i, s)
 *
 * holds exactly, whatever constant and bias are.  An item is passed over only
 * if the left side is strictly below the k-th score.  Overflow: if Q or Q N is
 * above 2^120, or d above 65536, the item is scored in double at once.  The
 * cheaper test with Q N (1 + 2^-20) + 2^-500 in place of f + E comes first and
 * holds by the third line above (Q itself is rounded up by as much).
 *
 * For cosines the query is first divided by its norm and f + E by N, which
 * rk_items_norms keeps within a factor 1 + 2^-22 of |y|: f / N + E / N + 2^-20
 * is a bound if 2^-60 <= N <= 2^100.  Other items are scored in double.
 */
#ifndef RK_TOPK_H
#define RK_TOPK_H

#include <stdint.h>

#include "solve.h"
#include "status.h"

/* RkItems is what can be ranked; it owns nothing. */
typedef struct RkItems
{
	size_t n; /* items, below 2^32 */
	size_t d;
	const float *factor;         /* [n x d], finite */
	const float *norm;           /* [n], from rk_items_norms */
	const float *bias;           /* [n], finite, or NULL for 0 */
	const struct RkIndex *index; /* of these items (quantise.h), or NULL */
	void *
		elsewhere; /* of the caller, whose factors are elsewhere when factor is NULL; the kernel cannot rank those */
} RkItems;

/* RkHit is one line of a ranked list. */
typedef struct RkHit
{
	uint32_t item;
	double score;
} RkHit;

/* RkTopk is one question; it owns nothing. */
typedef struct RkTopk
{
	const double *query; /* [d] */
	double constant;     /* added to every score */
	size_t k;
	const uint8_t *skip; /* bitmap of n bits, item i is bit i % 8 of
								 * byte i / 8; or NULL */
	const uint32_t *tie; /* [n], the smaller wins among equal scores;
								 * or NULL: the smaller index wins */
	const RkPoll *poll;
} RkTopk;

/*
 * RkHeap keeps the best of what is pushed, in the caller's array.  Any ranker
 * may use it: init, push every candidate, finish.
 */
typedef struct RkHeap
{
	RkHit *hit; /* [capacity], the worst first until finish */
	size_t capacity;
	size_t size;
	const uint32_t *tie; /* indexed by item, or NULL */
} RkHeap;

/* rk_score is the score of an item; dot is rk_dot(query, factor, d). */
static inline double
rk_score(double constant, double bias, double dot)
{
	return (constant + bias) + dot;
}

/* rk_item_score is the score of item i for a query [d]. */
extern double rk_item_score(const RkItems *items, const double *query, double constant, uint32_t item);

/*
 * rk_items_norms computes an upper bound of the norm of each row of factor
 * [n x d] for rows first .. last - 1, rounded up to float (infinity if above
 * the greatest float).  norm is [n].  RK_NON_FINITE for a NaN or infinity.
 */
extern RkStatus rk_items_norms(const float *factor, size_t d, size_t first, size_t last, float *norm,
							   const RkPoll *poll);

/* rk_heap_init makes an empty heap over hit [capacity]. */
extern void rk_heap_init(RkHeap *heap, RkHit *hit, size_t capacity, const uint32_t *tie);

/* rk_heap_push offers one item; false if it is not (yet) among the best, or NaN. */
extern bool rk_heap_push(RkHeap *heap, uint32_t item, double score);

/*
 * rk_heap_floor is the score that an item must reach: -infinity until the heap
 * is full, then the worst kept.  An item that equals it may still win by tie.
 */
extern double rk_heap_floor(const RkHeap *heap);

/* rk_heap_finish sorts the kept items, best first, and returns their number. */
extern size_t rk_heap_finish(RkHeap *heap);

/* rk_topk_scratch_bytes is the scratch of rk_topk and rk_topk_cosine. */
extern size_t rk_topk_scratch_bytes(size_t d);

/*
 * rk_topk finds the k best items.  hit is [k]; *n_hit is how many were found,
 * fewer than k only if no more items remain.  RK_NON_FINITE if the query or
 * the constant is not finite or a score is NaN.
 */
extern RkStatus rk_topk(const RkItems *items, const RkTopk *ask, void *scratch, RkHit *hit, size_t *n_hit);

/*
 * rk_cosine is q.y / |q| / |y| clamped to [-1, 1], and 0 if a norm is 0.
 * query_norm is sqrt(rk_dot_dd(query, query, d)).
 */
extern double rk_cosine(const double *query, double query_norm, const float *factor, size_t d);

/*
 * rk_topk_cosine finds the k items nearest in angle, exactly: the score is
 * rk_cosine in double.  constant and bias are ignored.  Items that are zero
 * are left out; a query whose norm is 0 has no neighbours.  To ask for the
 * neighbours of an item, widen its factor into query and set its bit in skip.
 */
extern RkStatus rk_topk_cosine(const RkItems *items, const RkTopk *ask, void *scratch, RkHit *hit,
							   size_t *n_hit);

#endif /* RK_TOPK_H */
