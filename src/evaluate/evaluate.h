/*
 * evaluate.h
 *	  How good a recommender is: learn on one part of the interactions, rank for
 *	  the users of the other, and count.
 *
 * An evaluation runs in three stages, so that the caller may commit between
 * them: reading, in one snapshot; measuring, which touches no database; and
 * storing, in a short transaction.  The README of this folder states the rules.
 */
#ifndef RECO_EVALUATE_EVALUATE_H
#define RECO_EVALUATE_EVALUATE_H

#include "postgres.h"

#include "utils/jsonb.h"

/* The arguments of CALL reco.evaluate(). */
typedef struct RecoEvaluateRequest
{
	const char *recommender; /* NULL: the one that an unnamed call means */
	const char *split;       /* "random", "last" or "time" */
	Oid test;                /* a relation of test pairs instead of a split, or InvalidOid */
	bool repeats;            /* what a user had in training may be recommended and found again */
	Jsonb *options;          /* NULL: none */
} RecoEvaluateRequest;

typedef struct RecoEvaluation RecoEvaluation;

/*
 * reco_evaluate_read checks the request and reads all it needs (SPI must be
 * connected, a snapshot active).  Everything lives in the current memory
 * context, which must outlive the commits between the stages, and ends with it.
 * Errors: see settings.c; ERRCODE_NO_DATA_FOUND for an empty test relation.
 */
extern RecoEvaluation *reco_evaluate_read(const RecoEvaluateRequest *request);

/*
 * reco_evaluate_measure splits, learns and measures; same current context,
 * no transaction work.  ERRCODE_NO_DATA_FOUND when the split leaves nothing to
 * learn from or nobody to test.
 */
extern void reco_evaluate_measure(RecoEvaluation *evaluation);

/* reco_evaluate_store writes the results in the current transaction. */
extern void reco_evaluate_store(RecoEvaluation *evaluation);

/* reco_evaluate_announce ends the reporting of progress and says in a NOTICE what was measured and how to read it. */
extern void reco_evaluate_announce(const RecoEvaluation *evaluation);

#endif
