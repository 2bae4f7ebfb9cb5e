/*
 * serve.h
 *	  Lists: the best k items of a source that the caller may see and wants.
 *
 * A source orders all items of the model; what was asked to be left out is a
 * bitmap; what the caller sees and what passes the filter is the view.
 */
#ifndef RECO_SERVE_SERVE_H
#define RECO_SERVE_SERVE_H

#include "postgres.h"

#include "model/boards.h"
#include "model/model.h"
#include "model/promotion.h"
#include "model/view.h"

/* The rungs of the ladder (DESIGN 2) and the other orders of items. */
typedef enum RecoSource
{
	RECO_SOURCE_HISTORY,    /* by the score of a query */
	RECO_SOURCE_ATTRIBUTES, /* by the score of a query that knows the user's attributes and no history */
	RECO_SOURCE_SIMILAR,    /* by cosine to one item */
	RECO_SOURCE_SEGMENT,    /* by number of users of a segment, then of all, without a score */
	RECO_SOURCE_POPULAR,    /* by number of users, without a score */
	RECO_SOURCES
} RecoSource;

/*
 * Items to leave out: a bitmap over the items of the version, and a flag for each of those that were added to it and
 * take part in the list.  Items that were added later are left out.
 */
typedef struct RecoSkip
{
	size_t n;
	uint8 *bit;
	size_t n_fresh;
	bool *fresh; /* [n_fresh], of the items from n on */
} RecoSkip;

/* reco_skip_make makes one of all items there are, none of them skipped; reco_skip_copy one that is the same. */
extern RecoSkip *reco_skip_make(const RecoModel *model);
extern RecoSkip *reco_skip_copy(const RecoSkip *skip);

extern void reco_skip_add(RecoSkip *skip, uint32 item);
extern bool reco_skip_has(const RecoSkip *skip, uint32 item);

/* reco_skip_unmarked skips the items of the version whose bit is not set, and gives the number of those that are left. */
extern size_t reco_skip_unmarked(RecoSkip *skip, const uint8 *bit);

/* reco_skip_left lists the n items of the version that are not skipped, in the current context. */
extern uint32 *reco_skip_left(const RecoSkip *skip, size_t n);

/* reco_skip_others skips all but the listed items. */
extern void reco_skip_others(RecoSkip *skip, const uint32 *item, size_t n);

/*
 * What a list is asked of.  look_ahead, if given, is told the best k items before they are
 * looked up and gives more items that the caller will want to name; they go into
 * the same probe.
 */
typedef struct RecoListAsk
{
	RecoSource source;
	const RecoModel *model;
	const RecoQuery *query; /* of RECO_SOURCE_HISTORY and RECO_SOURCE_ATTRIBUTES */
	const RecoAlike *alike; /* of RECO_SOURCE_SIMILAR */
	const int32
		*order; /* of RECO_SOURCE_POPULAR: another order [n_order] than that of the model; NULL: none */
	size_t n_order;
	size_t k;
	const uint32 *candidate; /* [n_candidate] of the version, distinct; NULL: all items */
	size_t n_candidate;
	RecoSkip *skip; /* grows by the items that were tried */
	RecoView *view;
	uint32 *(*look_ahead)(void *state, const RkHit *hit, size_t n, size_t *n_more);
	void *look_ahead_state;
} RecoListAsk;

/* reco_serve_source chooses the rung of a user; query is NULL for one who is not known at all. */
extern RecoSource reco_serve_source(const RecoQuery *query);

extern const char *reco_serve_source_name(RecoSource source);

/*
 * reco_serve_list gives the best k eligible items in hit [k], best first, and
 * their number: fewer than k only when no more exist.  Scores of
 * RECO_SOURCE_POPULAR are 0 and mean nothing.  SPI must be connected.
 */
extern size_t reco_serve_list(RecoListAsk *ask, RkHit *hit);

/*
 * reco_serve_list_with_new does the same, but keeps places for n_new items that nobody had chosen when the version was learned,
 * or that came after it, as far as there are any that are eligible.  Lists by popularity have no such places.
 */
extern size_t reco_serve_list_with_new(RecoListAsk *ask, size_t n_new, RkHit *hit);

/*
 * reco_serve_list_of_segment lists what a segment of users chooses (model/boards.h), and after it what all do; n_own is the
 * number of the first.  Scores mean nothing.
 */
extern size_t reco_serve_list_of_segment(RecoListAsk *ask, const RecoBoard *board, RkHit *hit, size_t *n_own);

/* reco_serve_is_scored says whether scores of a source mean something. */
static inline bool
reco_serve_is_scored(RecoSource source)
{
	return source != RECO_SOURCE_SEGMENT && source != RECO_SOURCE_POPULAR;
}

/*
 * reco_serve_list_promoted does the same with something added to the scores of some items; lists by popularity begin with them.
 */
extern size_t reco_serve_list_promoted(RecoListAsk *ask, size_t n_new, const RecoPromotion *promotion,
									   RkHit *hit);

/*
 * reco_serve_segment_promoted is reco_serve_list_of_segment that begins with what is promoted: n_promoted items, and then
 * n_own of the segment.
 */
extern size_t reco_serve_segment_promoted(RecoListAsk *ask, const RecoBoard *board,
										  const RecoPromotion *promotion, RkHit *hit, size_t *n_promoted,
										  size_t *n_own);

/* reco_serve_sort puts hits in the order of lists: by score, then by reco_model_order_equals. */
extern void reco_serve_sort(const RecoModel *model, RkHit *hit, size_t n);

#endif
