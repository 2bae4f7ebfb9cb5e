/*
 * blend.h
 *	  Several models as one (blend.c serves, blend_learn.c learns).
 *
 * The score of a blend is the sum of its members' scores, each times a weight that is not negative:
 * score(i) = sum_m weight_m score_m(i).  A member keeps its tensors under its name and a
 * point ("ease.similar_index"), its weight being "ease.blend_weight", float8 [1 x 1].
 */
#ifndef RECO_MODEL_BLEND_H
#define RECO_MODEL_BLEND_H

#include "model/json.h"
#include "model/model.h"

#define BLEND_WEIGHT "blend_weight"

/* What a member whose weight is given counts one of, float8 [1 x 1]; not there where weights were found. */
#define BLEND_SCALE "blend_scale"

/* Members at most: each algorithm once. */
#define BLEND_MOST_MEMBERS 16

enum
{
	BLEND_MEMBERS,
	BLEND_WEIGHTS,
	BLEND_DISLIKE,
	BLEND_SEED,
	BLEND_N_OPTIONS
};

/* A blend that is served, or measured while its weights are chosen. */
typedef struct RecoBlend
{
	int n;
	RecoModel *member[BLEND_MOST_MEMBERS];
	double weight[BLEND_MOST_MEMBERS];
	const double *scale[BLEND_MOST_MEMBERS]; /* NULL: weights were found */
} RecoBlend;

/* reco_blend_member makes a model of a member's tensors that shares items and folding with "whole". */
extern RecoModel *reco_blend_member(const RecoModel *whole, const RecoAlgorithm *algorithm,
									const RecoTensorSet *tensors);

/* reco_blend_allows says whether an algorithm can be a member. */
extern bool reco_blend_allows(const RecoAlgorithm *algorithm);

/* blend_learn.c */
extern const RecoOption reco_blend_option[BLEND_N_OPTIONS];
extern Size reco_blend_learn_bytes(size_t n_users, size_t n_items, size_t n_rows, bool explicit_feedback,
								   const RecoOptionValue *option);
extern void reco_blend_learn(const RecoLearnInput *input, RecoLearnOutput *output);
extern const RecoModel *reco_blend_again(const RecoModel *learned, const RecoOptionValue *option);
extern void reco_blend_check_options(const RecoOptionValue *option);

/*
 * blend_weights.c: reco_blend_weigh chooses the weights of members by what they rank of rows that were held out;
 * the users are sampled by the seed.  Adds what it measured to the metrics.
 */
extern void reco_blend_weigh(RecoBlend *blend, const RkCsr *train, const RkCsr *test, uint64 seed,
							 RecoJson *metrics);

/*
 * reco_blend_scale gives the weights of members that count "share" each, [n], in the units of reco_blend_weigh: reciprocal
 * spreads of scores, here of the items that members list for a sample of the users of "rows"; scale [n] is what 1 counts.
 */
extern void reco_blend_scale(RecoBlend *blend, const RkCsr *rows, uint64 seed, const double *share,
							 double *scale);

#endif
