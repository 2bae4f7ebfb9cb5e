/*
 * evaluate.h
 *	  How good a recommender is: learn on one part of the interactions, rank for
 *	  the users of the other, and count.
 *
 * One evaluation measures any number of contestants on one split: the
 * recommender as it is defined, other algorithms and settings, the same one learned from
 * shares of the data, and baselines that learn nothing.  It runs in stages, so
 * that the caller may commit between them: reading, in one snapshot; then for each contestant
 * learning and measuring, which touch no database, and storing, in a short
 * transaction.  What was stored stays when the rest is cancelled.  The README of this folder states the rules.
 */
#ifndef RECO_EVALUATE_EVALUATE_H
#define RECO_EVALUATE_EVALUATE_H

#include "postgres.h"

#include "utils/jsonb.h"

typedef enum RecoEvaluateCommand
{
	RECO_COMMAND_EVALUATE, /* the recommender beside baselines */
	RECO_COMMAND_COMPARE,  /* several models beside baselines */
	RECO_COMMAND_CURVE,    /* the recommender, learned from growing shares of the users */
	RECO_COMMAND_TUNE      /* settings, one after the other (tune.h) */
} RecoEvaluateCommand;

/* The arguments of CALL reco.evaluate(), reco.compare() and reco.learning_curve(). */
typedef struct RecoEvaluateRequest
{
	RecoEvaluateCommand command;
	const char *recommender; /* NULL: the one that an unnamed call means */
	Jsonb *models;           /* compare: what to measure beside the recommender; NULL: every algorithm */
	const char *split;       /* "random", "last" or "time" */
	Oid test;                /* a relation of test pairs instead of a split, or InvalidOid */
	bool repeats;            /* what a user had in training may be recommended and found again */
	Jsonb *options;          /* NULL: none */
} RecoEvaluateRequest;

typedef struct RecoEvaluation RecoEvaluation;

/* reco_evaluate_require_metric raises ERRCODE_INVALID_PARAMETER_VALUE for a measure that there is not. */
extern void reco_evaluate_require_metric(const char *metric);

/*
 * reco_evaluate_read checks the request and reads all it needs (SPI must be
 * connected, a snapshot active).  Everything lives in the current memory
 * context, which must outlive the commits between the stages, and ends with it.
 * Errors: see settings.c and entries.c; ERRCODE_NO_DATA_FOUND for an empty test relation.
 */
extern RecoEvaluation *reco_evaluate_read(const RecoEvaluateRequest *request);

/*
 * reco_evaluate_next splits, when it is called first, and learns and measures
 * the next contestant; false when all are measured.  Same current context, no transaction work.
 * ERRCODE_NO_DATA_FOUND when the split leaves nothing to learn from or nobody to test.
 */
extern bool reco_evaluate_next(RecoEvaluation *evaluation);

/* reco_evaluate_store writes what the last call of reco_evaluate_next measured, in the current transaction. */
extern void reco_evaluate_store(RecoEvaluation *evaluation);

/* reco_evaluate_finish writes how the contestants differ, in the current transaction. */
extern void reco_evaluate_finish(RecoEvaluation *evaluation);

/* reco_evaluate_announce ends the reporting of progress and says in a NOTICE what was measured and how to read it. */
extern void reco_evaluate_announce(const RecoEvaluation *evaluation);

#endif
