/*
 * check.h
 *	  Whether an explanation is true: its effects against scores without the evidence.
 */
#ifndef RECO_EXPLAIN_CHECK_H
#define RECO_EXPLAIN_CHECK_H

#include "postgres.h"

#include "explain/explain.h"

/* Residuals are on the scale of G1: divided by max(|score|, sum of |contribution|) where that is not 0. */
typedef struct RecoExplainCheck
{
	double score;
	double total; /* of all contributions */
	double sum_residual;
	int n;     /* pieces of evidence that were taken away, one at a time */
	int worst; /* the piece with the greatest residual, index into RecoQuery.evidence; -1 without evidence */
	double stated;
	double found; /* both of the worst piece */
	double removal_residual;
} RecoExplainCheck;

/*
 * reco_explain_check solves the user again without each piece of evidence and
 * compares the score of the item with what removals state (G2), and adds up
 * the rows of an explanation with a limit (G1).  The view holds the worst piece afterwards, where the caller sees it.
 */
extern RecoExplainCheck reco_explain_check(const RecoQuery *query, RecoView *view, uint32 item, int limit);

/* reco_explain_scale gives max(|score|, sum of |contribution|), or 1 where both are 0. */
extern double reco_explain_scale(const RecoQuery *query, uint32 item);

#endif
