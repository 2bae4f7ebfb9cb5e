/*
 * many.h
 *	  Lists for many users at once.
 */
#ifndef RECO_SERVE_MANY_H
#define RECO_SERVE_MANY_H

#include "postgres.h"

#include "serve/serve.h"

/* The segment that a list comes from: the board is NULL, or that of n lines after the promoted ones. */
typedef struct RecoManySegment
{
	const RecoBoard *board;
	size_t n_promoted;
	size_t n;
} RecoManySegment;

/*
 * Takes the list of one user; n is 0 when nothing is left for them.  What hit, segment and promotion point to goes with
 * the call.
 */
typedef void (*RecoManyReceive)(void *state, const RecoKey *user, RecoSource source,
								const RecoManySegment *segment, const RecoPromotion *promotion,
								const RkHit *hit, size_t n);

typedef struct RecoManyAsk
{
	const RecoDefinition *definition;
	const RecoModel *model;
	const RecoFilter *filter; /* or NULL */
	size_t k;
	bool exclude_seen;
	size_t n_new;            /* lines kept for new items, see reco_serve_list_with_new */
	double promotion;        /* what is added to the scores of the promoted items */
	const RecoKey *promoted; /* [n_promoted] */
	size_t n_promoted;
	const RecoKeys *users; /* NULL: all that have events */
	size_t first;          /* of users */
	size_t n;              /* of users */
	bool only_active; /* leave out users without an event that counts: those who were not asked for by name */
	RecoManyReceive receive;
	void *state;
} RecoManyAsk;

/*
 * reco_serve_many makes the lists of users first .. first + n - 1, in the order
 * of their keys, from one reading of their events: the lists that a call for each of them
 * gives in the same snapshot, with the same scores to the bit.  SPI must be connected.
 */
extern void reco_serve_many(const RecoManyAsk *ask);

/*
 * reco_serve_many_block gives how many users' events may be read at once, of n in
 * all, within maintenance_work_mem, by what PostgreSQL knows of the relation's size; n if all.
 */
extern size_t reco_serve_many_block(const RecoDefinition *definition, size_t n);

/* reco_serve_many_fits says whether all events of the relation may be read at once. */
extern bool reco_serve_many_fits(const RecoDefinition *definition);

#endif
