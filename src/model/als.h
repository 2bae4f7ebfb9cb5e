/*
 * als.h
 *	  What the two files of the ALS algorithm share: its options and tensors.
 *
 * als.c serves: a user's rows become a vector, an item's score becomes
 * addends.  als_learn.c learns.
 */
#ifndef RECO_MODEL_ALS_H
#define RECO_MODEL_ALS_H

#include "model/model.h"

/* Positions in reco_als_option. */
typedef enum RecoAlsOption
{
	ALS_FACTORS,
	ALS_ALPHA0,
	ALS_LAMBDA,
	ALS_NU,
	ALS_ITERATIONS,
	ALS_MAX_ITERATIONS,
	ALS_DISLIKE,
	ALS_SEED,
	ALS_N_OPTIONS
} RecoAlsOption;

extern const RecoOption reco_als_option[ALS_N_OPTIONS];

/* The tensor "als_parameters", float8 [1 x ALS_N_PARAMETERS]: what A and b of a user are made of. */
typedef enum RecoAlsParameter
{
	ALS_PARAMETER_ALPHA0,
	ALS_PARAMETER_LAMBDA,
	ALS_PARAMETER_NU,
	ALS_PARAMETER_ITEMS, /* m, the solved items */
	ALS_PARAMETER_MEAN,  /* mu; 0 for implicit feedback */
	ALS_N_PARAMETERS
} RecoAlsParameter;

extern Size reco_als_learn_bytes(size_t n_users, size_t n_items, size_t n_rows, bool explicit_feedback,
								 const RecoOptionValue *option);
extern void reco_als_learn(const RecoLearnInput *input, RecoLearnOutput *output);

#endif
