/*
 * tune.h
 *	  Searching settings: CALL reco.tune().
 *
 * A trial learns one setting from a share of the training users and measures it
 * on the test part of a split.  Settings are drawn at random from the ranges that the
 * algorithm declares (options.h); many are tried on a small share, the best third of them on three
 * times as much, until the best one is learned from all (successive halving, Jamieson and Talwalkar
 * 2016), and so again while there is budget.  The present setting is trial 1, learned from all.
 *
 * Which trials there are is a function of the data, the definition, the options and the seed;
 * the budget decides only how many.  A trial that is stored already is taken from there, so that a search
 * goes on where it stopped, was cancelled or ran out of budget.
 */
#ifndef RECO_EVALUATE_TUNE_H
#define RECO_EVALUATE_TUNE_H

#include "postgres.h"

#include "utils/jsonb.h"

typedef struct RecoTuneRequest
{
	const char *recommender; /* NULL: the one that an unnamed call means */
	double budget;           /* seconds; a trial under way is finished */
	const char *split;       /* "random", "last" or "time" */
	Jsonb *options;          /* NULL: none */
} RecoTuneRequest;

typedef struct RecoSearch RecoSearch;

/* reco_tune_read checks the request and reads the interactions, like reco_evaluate_read; ERRCODE_FEATURE_NOT_SUPPORTED for an algorithm without ranges. */
extern RecoSearch *reco_tune_read(const RecoTuneRequest *request);

/* reco_tune_choose chooses the next trial; false when there is none.  No transaction work. */
extern bool reco_tune_choose(RecoSearch *search);

/* reco_tune_recall takes the trial at hand from the table; false when it is not there. */
extern bool reco_tune_recall(RecoSearch *search);

/* reco_tune_try learns and measures the trial at hand, unless the budget is spent: then it gives false.  No transaction work. */
extern bool reco_tune_try(RecoSearch *search);

/* reco_tune_store writes the trial at hand, in the current transaction. */
extern void reco_tune_store(RecoSearch *search);

/* reco_tune_announce says what was found; gives the trial that is better than the present setting, or 0. */
extern int64 reco_tune_announce(RecoSearch *search);

#endif
