/*
 * calibrate.h
 *	  What a score means as a probability: option calibrate of a refresh.
 *
 * A tenth of the rows is held out, a model is learned from the rest, and a
 * function that never falls is fitted to whether pairs of a user and an item with such a score are among what was
 * held out (kernel/isotonic.h).  So the probability of an item that the user does not have is that
 * of finding it in a tenth of the user's rows that were put aside; with explicit
 * feedback it is that of a rating of at least the mean, given that the user rates the item.
 *
 * The pairs are, for some RECO_CALIBRATE_USERS users, the first RECO_CALIBRATE_LIST of their lists, all that is to be
 * found, and a sample of the others, weighted for what it stands for.  With explicit feedback they are the held-out ratings.
 *
 * The expected calibration error is that of the first 20 of each list (of all ratings): the mean distance of
 * probability and what was found, over ten bins of as many pairs each.  It is measured on one half of the
 * users with a function fitted to the other half.  That of the scores as they are, read as probabilities where they lie
 * between 0 and 1, stands beside it.
 */
#ifndef RECO_EVALUATE_CALIBRATE_H
#define RECO_EVALUATE_CALIBRATE_H

#include "postgres.h"

#include "model/model.h"

#define RECO_CALIBRATE_USERS 4096
#define RECO_CALIBRATE_LIST 100

/* Fewer pairs that were found say nothing. */
#define RECO_CALIBRATE_FOUND 50

typedef struct RecoCalibration
{
	size_t n;     /* of the link; 0: too few were found */
	double *link; /* [n x 2]: score and probability, both ascending */
	Jsonb *json;  /* for the metrics of the version */
	int64 found;  /* pairs */
} RecoCalibration;

/*
 * reco_evaluate_calibrate learns and measures; touches no database, leaves the events as they are.  The result is
 * in the current context.  ERRCODE_NO_DATA_FOUND when nothing can be held out.
 */
extern RecoCalibration reco_evaluate_calibrate(RecoDefinition *definition, Jsonb *call_options,
											   RecoEvents *events);

#endif
