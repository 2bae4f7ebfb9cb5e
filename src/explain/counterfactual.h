/*
 * counterfactual.h
 *	  The smallest set of a user's own rows whose absence takes an item out of the top k (G4).
 */
#ifndef RECO_EXPLAIN_COUNTERFACTUAL_H
#define RECO_EXPLAIN_COUNTERFACTUAL_H

#include "postgres.h"

#include "model/model.h"
#include "model/boards.h"
#include "model/view.h"

typedef enum RecoCounterfactualOutcome
{
	RECO_COUNTERFACTUAL_FOUND,
	RECO_COUNTERFACTUAL_NOT_LISTED, /* the item is not in the top k to begin with */
	RECO_COUNTERFACTUAL_SEEN,       /* nor could it be: the user has rows on it */
	RECO_COUNTERFACTUAL_NO_HISTORY, /* the list is of popular items, whatever the rows are */
	RECO_COUNTERFACTUAL_NONE        /* no set was found */
} RecoCounterfactualOutcome;

/* What is asked. */
typedef struct RecoCounterfactualAsk
{
	const RecoQuery *query;
	RecoView *view; /* holds the evidence that the caller sees, and the item */
	uint32 item;
	const RecoBoard *board; /* what the user's segment chooses, see reco_recommend_segment; or NULL */
	int k;
	bool exclude_seen; /* lists leave out what the user has rows on; it stays left out when they are gone */
	int max_size;      /* of a set */
	int tests;         /* sets of one and two pieces that are tried, at most */
} RecoCounterfactualAsk;

typedef struct RecoCounterfactual
{
	RecoCounterfactualOutcome outcome;
	int n;
	int *evidence;  /* [n], indexes into RecoQuery.evidence, greatest effect first */
	double *effect; /* [query->n_evidence], of each piece alone */
	double score_before;
	double score_after;
	int64 rank_before; /* in the list of all eligible items; 0 for an item that is not in it */
	int64 rank_after;
	bool smallest; /* every smaller set of visible evidence was tried */
	int tested;    /* lists that were made */
} RecoCounterfactual;

/*
 * reco_counterfactual searches among the evidence that the caller sees.  Every
 * set was verified by scoring and ranking again without it.  SPI must be connected.
 */
extern RecoCounterfactual *reco_counterfactual(const RecoCounterfactualAsk *ask);

#endif
