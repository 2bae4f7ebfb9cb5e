/*
 * fold.h
 *	  All events of a user on one item become one row (DESIGN 3, "Rows").
 *
 * For implicit feedback, with amounts v_e and decay d_e,
 *		w = sum |v_e| d_e        b = sum v_e+ d_e - dislike * sum v_e- d_e        t = b / w
 * for explicit feedback b = sum |v_e| d_e r_e, so that t is the weighted mean
 * rating.  d_e = 2^(-max(0, as_of - t_e) / half_life).  Rows with w below 2^-40 of the
 * user's largest, and rows with w below the least normal float (1.2e-38), are dropped:
 * learning keeps weights as floats.  Sums run in the order of
 * the events, which callers keep canonical, in double.  Learning and serving
 * fold with this code and no other.
 */
#ifndef RECO_READER_FOLD_H
#define RECO_READER_FOLD_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef struct RecoFoldRule
{
	bool explicit_feedback;
	double dislike;    /* tau >= 0 */
	double half_life;  /* microseconds; 0: no decay */
	TimestampTz as_of; /* used only when half_life > 0 */
} RecoFoldRule;

/* One event, ready to fold. */
typedef struct RecoFoldEvent
{
	double amount;    /* v_e, before decay */
	double rating;    /* explicit feedback only */
	TimestampTz time; /* used only when the rule decays */
} RecoFoldEvent;

typedef struct RecoFoldSum
{
	double weight; /* w */
	double pull;   /* b */
} RecoFoldSum;

/* reco_fold_decay gives d_e of an event. */
extern double reco_fold_decay(const RecoFoldRule *rule, TimestampTz time);

/* reco_fold_add adds one event to a sum that starts as {0, 0}. */
extern void reco_fold_add(const RecoFoldRule *rule, const RecoFoldEvent *event, RecoFoldSum *sum);

/* reco_fold_keeps says whether a row of weight w stays beside the user's largest weight. */
extern bool reco_fold_keeps(double weight, double largest);

#endif
