/*
 * als_removals.h
 *	  Private to serving ALS: what the files of removal effects share.
 *
 * als_removals.c takes one row away, als_removal_of_two.c two together.
 */
#ifndef RECO_MODEL_ALS_REMOVALS_H
#define RECO_MODEL_ALS_REMOVALS_H

#include "model/als_query.h"

/* Below this 1 - w h the closed form loses digits and the system is solved again. */
#define DIRECT_REMAINDER 1e-6

/* What bounds allow for rounding, in parts of what they are made of. */
#define BOUND_SLACK 1e-9

/* The system of B, which all removal effects of a user share; see the top of the file. */
struct AlsFewer
{
	RkFold *fold;
	double *vector;    /* [columns] */
	double *predicted; /* [n], p' */
	double **half;     /* [n], what rk_fold_coupling needs of a row; NULL until it is wanted */
	double *remainder; /* [n], 1 - w h'; NaN until it is wanted */
	RkBounds *bounds;  /* of effects; NULL until they are wanted */
	double loss;       /* of the vector V g, see als_joint_slack; NaN until it is wanted */
	double lambda;
	double *diagonal; /* [columns] */
};

/* What the effects of all rows on one item are made of. */
typedef struct AlsEffects
{
	const RecoQuery *query;
	AlsQuery *user;
	const AlsFewer *fewer;
	uint32 item;
	double score;
	double shift;            /* s - s' */
	const double *influence; /* [n], w y_i^T B^-1 y_j */
} AlsEffects;

/* reco_als_fewer solves the system with the lambda of so many rows less, to be kept with the query; without remainders and halves. */
extern AlsFewer *reco_als_fewer(const AlsModel *als, AlsQuery *user, size_t less);

/* reco_als_effects gathers what the effects of all rows are made of; of users with two rows at least. */
extern AlsEffects reco_als_effects(const RecoQuery *query, uint32 item);

/* reco_als_know computes 1 - w h' and halves of those of m rows whose half is not known yet; row is changed. */
extern void reco_als_know(AlsQuery *user, size_t *row, size_t m);

/* reco_als_remainder gives 1 - w h' of a row, computed when it is first asked for. */
extern double reco_als_remainder(AlsQuery *user, const AlsFewer *fewer, size_t j);

/* reco_als_pull gives the effect of row j but for the shift and the division by its remainder. */
extern double reco_als_pull(const AlsEffects *all, size_t j);

/* reco_als_row_of gives the row of a piece of evidence, or n when it was dropped. */
extern size_t reco_als_row_of(const AlsQuery *user, int evidence);

#endif
