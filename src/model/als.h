/*
 * als.h
 *	  What the files of the ALS algorithm share: its options and tensors.
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
	ALS_WARM_SWEEPS,
	ALS_WARM_STEP,
	ALS_ATTRIBUTES,
	ALS_ATTRIBUTE_RIDGE,
	ALS_USER_RIDGE,
	ALS_USER_PULL,
	ALS_N_OPTIONS
} RecoAlsOption;

extern const RecoOption reco_als_option[ALS_N_OPTIONS];

/* Below this, sums of squares of what is solved leave the range of float. */
#define ALS_LEAST_LAMBDA 1e-30

/* The least option "user_pull". */
#define ALS_LEAST_PULL 0.01

/* The tensor "als_parameters", float8 [1 x ALS_N_PARAMETERS]: what A and b of a user are made of. */
typedef enum RecoAlsParameter
{
	ALS_PARAMETER_ALPHA0,
	ALS_PARAMETER_LAMBDA,
	ALS_PARAMETER_NU,
	ALS_PARAMETER_ITEMS, /* m, the solved items */
	ALS_PARAMETER_MEAN,  /* mu; 0 for implicit feedback */
	ALS_PARAMETER_PULL,  /* what V was made shorter by while learning (als_side.c); 1 without V */
	ALS_N_PARAMETERS
} RecoAlsParameter;

extern Size reco_als_learn_bytes(size_t n_users, size_t n_items, size_t n_rows, bool explicit_feedback,
								 const RecoOptionValue *option);
extern Size reco_als_attribute_bytes(size_t n_rows, size_t n_columns, const RecoOptionValue *option);
extern void reco_als_learn(const RecoLearnInput *input, RecoLearnOutput *output);

/* als_held_out.c: rows that are held out while the number of sweeps is chosen. */
typedef struct AlsHeldOut
{
	RkCsr train;        /* the dataset's rows without those held out, in the same arrays */
	RkCsr test;         /* [users x items], in the area */
	RkCsrArrays arrays; /* of train */
} AlsHeldOut;

/* reco_als_held_out_most bounds the number of rows that are held out. */
extern size_t reco_als_held_out_most(size_t n_rows);

/*
 * reco_als_hold_out moves the held-out rows out of the dataset of the input, into the area;
 * reco_als_put_back moves them back.  item_hash is [n_items], of keys.
 */
extern void reco_als_hold_out(const RecoLearnInput *input, uint64 seed, const uint64 *item_hash,
							  AlsHeldOut *held_out);
extern void reco_als_put_back(const AlsHeldOut *held_out);

/* als_warm.c: the start of an incremental refresh. */
extern char *reco_als_warm_refusal(const RecoModel *warm, const RecoOptionValue *option);

/* reco_als_warm_pull gives the pull of the version gone on from; 0 where that knows nothing of users. */
extern double reco_als_warm_pull(const RecoModel *warm);

/*
 * reco_als_warm_start copies the vectors of the items that the version knows into
 * factor [n_items x d] and bias [n_items] (NULL without biases), and writes zeros for
 * the others.  known [n_items] says which is which; gives the number of the others.
 */
extern size_t reco_als_warm_start(const RecoLearnInput *input, size_t d, float *factor, float *bias,
								  bool *known);

/*
 * reco_als_warm_step moves known rows back from where they were solved to: the
 * row becomes before + step (solved - before).  Of rows [n x d], in place.
 */
extern void reco_als_warm_step(const bool *known, size_t n, size_t d, float step, const float *before,
							   float *solved);

#endif
