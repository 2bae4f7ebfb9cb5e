/*
 * walk.h
 *	  The walk of rp3beta (walk.c), which graph filters build on.
 */
#ifndef RECO_MODEL_WALK_H
#define RECO_MODEL_WALK_H

#include "model/neighbours.h"

/* reco_walk_rows begins a learner and makes the rows of the walk in its slots. */
extern void reco_walk_rows(RecoNeighbourLearner *learner, const RecoLearnInput *input, double alpha,
						   double beta);

#endif
