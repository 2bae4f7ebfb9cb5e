/*
 * neighbours.h
 *	  What the models of neighbours share: a sparse item-item matrix S, stored,
 *	  served and learned in one way.
 *
 * A version holds
 *
 *		similar_offset			where the rows of S begin, int8 [n_items + 1]
 *		similar_index			columns, ascending within a row, int4 [entries]
 *		similar_weight			float4 [entries]
 *		neighbour_parameters	how a row of a user becomes a value, float8 [1 x NEIGHBOUR_N_PARAMETERS]
 *
 * and item i scores sum_j r_j S[j, i] for a user with values r_j (neighbours.c).  A value is a
 * function of the row's pull b_j alone (option "values"), so the score is a
 * sum over rows, and taking a row away takes its addend away: no
 * normalisation by the user's other rows, which would change no order anyway.
 *
 * An algorithm of the family is its options and a function that fills S.
 * neighbours_learn.c prepares rows by user and by item, has workers make S and writes the tensors.
 */
#ifndef RECO_MODEL_NEIGHBOURS_H
#define RECO_MODEL_NEIGHBOURS_H

#include "kernel/neighbours.h"
#include "model/json.h"
#include "model/model.h"

/* How a pull b becomes a value; m is the mean of the positive pulls that were learned from. */
typedef enum RecoValues
{
	RECO_VALUES_LINEAR, /* b / m */
	RECO_VALUES_LOG,    /* log2(1 + b / m), odd */
	RECO_VALUES_BINARY  /* 1, -1 or 0 */
} RecoValues;

/* Columns of the tensor "neighbour_parameters". */
typedef enum RecoNeighbourParameter
{
	NEIGHBOUR_VALUES,
	NEIGHBOUR_MEAN,
	NEIGHBOUR_N_PARAMETERS
} RecoNeighbourParameter;

/* The options that come first in every algorithm of the family, and their positions. */
enum
{
	NEIGHBOUR_OPTION_VALUES,
	NEIGHBOUR_OPTION_NEIGHBOURS,
	NEIGHBOUR_OPTION_DISLIKE,
	NEIGHBOUR_COMMON_OPTIONS
};

/* clang-format off */
#define RECO_NEIGHBOUR_OPTIONS(initial_neighbours) \
	[NEIGHBOUR_OPTION_VALUES] = {"values", RECO_OPTION_CHOICE, false, 0, "linear|log|binary", 0, 0, false, \
		"What counts of a row: its weight, the logarithm of it, or only that it is there."}, \
	[NEIGHBOUR_OPTION_NEIGHBOURS] = {"neighbours", RECO_OPTION_INTEGER, false, initial_neighbours, NULL, 1, 100000, false, \
		"Most neighbours that are kept of an item; more recall more and cost more memory and time."}, \
	[NEIGHBOUR_OPTION_DISLIKE] = {"dislike", RECO_OPTION_NUMBER, false, 0, NULL, 0, 1e6, false, \
		"How far an event of negative weight pulls the target below zero (tau); 0 only pulls it towards zero."}
/* clang-format on */

/* reco_neighbours_value is the value of a pull b != 0, and 0 of 0. */
extern double reco_neighbours_value(RecoValues values, double mean, double pull);

/* neighbours.c: serving, as RecoAlgorithm wants it. */
extern void reco_neighbours_bind(RecoModel *model);
extern void reco_neighbours_check(const RecoModel *model);
extern void reco_neighbours_represent(const RecoModel *model, RecoQuery *query);
extern int reco_neighbours_contributions(const RecoQuery *query, uint32 item, RecoAddend *addend);
extern void reco_neighbours_removals(const RecoQuery *query, uint32 item, const int *piece, int n,
									 double *effect);

/*
 * The learning of S.  "value" is the value of each entry of by_user, whose rows hold
 * the positive pulls alone; an algorithm writes its own weights of entries beside it.
 */
typedef struct RecoNeighbourLearner
{
	const RecoLearnInput *input;
	RkCsr by_user;     /* [n_users x n_items], weight: the values */
	double mean;       /* m */
	RkCsr by_item;     /* [n_items x n_users], made by reco_neighbours_similar or _by_item */
	RkSlots slots;     /* rows of S as they are made, [n_items x neighbours] */
	void *shared;      /* what the processes see, in the area */
	RecoPool *pool;    /* NULL until reco_neighbours_start */
	RecoJson *options; /* resolved, beside the common ones */
	RecoJson *metrics;
} RecoNeighbourLearner;

/* reco_neighbours_bytes bounds the memory of the area that rows, slots and tensors take. */
extern Size reco_neighbours_bytes(size_t n_users, size_t n_items, size_t n_rows,
								  const RecoOptionValue *option);

/* reco_neighbours_begin folds the rows into values. */
extern void reco_neighbours_begin(RecoNeighbourLearner *learner, const RecoLearnInput *input);

/* reco_neighbours_sums writes the sum of "weight" [entries of by_user], each to a power, over users and over items. */
extern void reco_neighbours_sums(const RkCsr *by_user, const float *weight, double power, double *of_user,
								 double *of_item);

/*
 * reco_neighbours_similar makes S: x and y [entries of by_user] are the weights of kernel/neighbours.h, in the
 * order of by_user and in the area, like left and right [n_items].  The rule's rows of the data are not
 * looked at, and most = 0 stands for the option.
 */
extern void reco_neighbours_similar(RecoNeighbourLearner *learner, const RkSimilar *rule, const float *x,
									const float *y);

/* reco_neighbours_by_item makes the rows by item of weights [entries of by_user], in the area. */
extern RkCsr reco_neighbours_by_item(const RecoNeighbourLearner *learner, const float *weight);

/* reco_neighbours_slots makes room for rows of S of at most so many entries, 0 for those of the option. */
extern RkSlots reco_neighbours_slots(const RecoNeighbourLearner *learner, size_t most);

/*
 * reco_neighbours_turn takes the slots for columns of S, makes rows of them, and keeps the greatest
 * entries of each, as the option says; its memory in the area is that of the entries once more, and that of slots.
 */
extern void reco_neighbours_turn(RecoNeighbourLearner *learner);

/* reco_neighbours_finish hands over the tensors, options and metrics. */
extern void reco_neighbours_finish(RecoNeighbourLearner *learner, RecoLearnOutput *output);

#endif
