/*
 * walk.c
 *	  Scores that go from an item to the people who have it and on to their other items.
 *
 * rp3beta is a random walk of three steps that pays for popularity (Cooper et al. 2014; Paudel et al. 2016).
 * With values r_uj (neighbours.h), n_u = sum_j r_uj and n_j = sum_u r_uj,
 *
 *		S[j, i] = sum_u (r_uj / n_j)^alpha (r_ui / n_u)^alpha / n_i^beta.
 *
 * userknn is what similar users chose, u's likeness to v being <r_u, r_v> / |r_v|^a: as a
 * kernel of items, without reading anybody else's rows when a list is asked for,
 *
 *		S[j, i] = sum_v r_vj r_vi / |r_v|^a / |r_i|^b,
 *
 * where |r_v| and |r_i| are root sums of squares (for |r_u| see neighbours.h).  All users are neighbours, near ones more.  b
 * takes off what everybody has: at 0 that comes first, at 1 it hardly comes at all.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "model/walk.h"

enum
{
	RP3_ALPHA = NEIGHBOUR_COMMON_OPTIONS,
	RP3_BETA,
	RP3_N_OPTIONS
};

enum
{
	USER_EXPONENT = NEIGHBOUR_COMMON_OPTIONS,
	USER_POPULARITY,
	USER_N_OPTIONS
};

static const RecoOption rp3_option[RP3_N_OPTIONS] = {
	RECO_NEIGHBOUR_OPTIONS(200),
	[RP3_ALPHA] = {"alpha", RECO_OPTION_NUMBER, false, 0.6, NULL, 0, 4, false,
				   "Exponent of the probabilities of each step: less follows rare ties less closely."},
	[RP3_BETA] = {"beta", RECO_OPTION_NUMBER, false, 0.3, NULL, 0, 4, false,
				  "How much popular items are held back; 0 not at all."},
};

static const RecoOption user_option[USER_N_OPTIONS] = {
	RECO_NEIGHBOUR_OPTIONS(200),
	[USER_EXPONENT] = {"exponent", RECO_OPTION_NUMBER, false, 1, NULL, 0, 4, false,
					   "How much users with many items count less: 1 as in the cosine, 0 not at all."},
	[USER_POPULARITY] = {"popularity", RECO_OPTION_NUMBER, false, 0.6, NULL, 0, 4, false,
						 "How much popular items are held back; 0 not at all."},
};

static const RecoTuning rp3_tuning[] = {
	{"values", RECO_TUNE_CHOICE, 0, 0, "linear|log|binary"},
	{"neighbours", RECO_TUNE_LOG, 20, 500, NULL},
	{"alpha", RECO_TUNE_LINEAR, 0.2, 1.5, NULL},
	{"beta", RECO_TUNE_LINEAR, 0, 1, NULL},
};

static const RecoTuning user_tuning[] = {
	{"values", RECO_TUNE_CHOICE, 0, 0, "linear|log|binary"},
	{"neighbours", RECO_TUNE_LOG, 20, 500, NULL},
	{"exponent", RECO_TUNE_LINEAR, 0, 2, NULL},
	{"popularity", RECO_TUNE_LINEAR, 0, 1, NULL},
};

/* Sums over users and items, and the weights of entries that come of them. */
typedef struct Weights
{
	double *of_user; /* [n_users] */
	double *left;    /* [n_items], in the area */
	double *right;   /* [n_items], in the area */
	float *x;        /* [entries], in the area */
	float *y;        /* [entries], in the area */
} Weights;

static Size
walk_learn_bytes(size_t n_users, size_t n_items, size_t n_rows, bool explicit_feedback,
				 const RecoOptionValue *option)
{
	return reco_neighbours_bytes(n_users, n_items, n_rows, option);
}

/* begin folds the rows, and adds powers of their values up in of_user and left. */
static void
begin(RecoNeighbourLearner *learner, const RecoLearnInput *input, double power, Weights *weights)
{
	size_t entries;

	reco_neighbours_begin(learner, input);
	entries = rk_csr_nnz(&learner->by_user);
	weights->of_user = palloc_extended(sizeof(double) * input->data->n_users, MCXT_ALLOC_HUGE);
	weights->left = reco_area_alloc(input->area, sizeof(double) * input->data->n_items);
	weights->right = reco_area_alloc(input->area, sizeof(double) * input->data->n_items);
	weights->x = reco_area_alloc(input->area, sizeof(float) * (entries + 1));
	weights->y = reco_area_alloc(input->area, sizeof(float) * (entries + 1));
	reco_neighbours_sums(&learner->by_user, learner->by_user.weight, power, weights->of_user, weights->left);
}

/* less gives sum^-exponent, and 0 where there is nothing. */
static double
less(double sum, double exponent)
{
	return sum > 0 ? pow(sum, -exponent) : 0;
}

/* weigh writes y = r^power, and x = y of_user^-exponent. */
static void
weigh(const RkCsr *rows, double power, double exponent, const Weights *weights)
{
	for (size_t u = 0; u < rows->n_rows; u++)
	{
		double share = less(weights->of_user[u], exponent);

		if (u % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		for (size_t k = rows->offset[u]; k < rows->offset[u + 1]; k++)
		{
			double y = pow((double) rows->weight[k], power);

			weights->y[k] = (float) y;
			weights->x[k] = (float) (y * share);
		}
	}
}

void
reco_walk_rows(RecoNeighbourLearner *learner, const RecoLearnInput *input, double alpha, double beta)
{
	RkSimilar rule = {.similarity = RK_SIMILAR_PRODUCT};
	Weights weights;

	begin(learner, input, 1, &weights);
	weigh(&learner->by_user, alpha, alpha, &weights);
	for (size_t i = 0; i < input->data->n_items; i++)
	{
		weights.right[i] = less(weights.left[i], beta);
		weights.left[i] = less(weights.left[i], alpha);
	}
	rule.left = weights.left;
	rule.right = weights.right;
	reco_neighbours_similar(learner, &rule, weights.x, weights.y);
}

static void
rp3_learn(const RecoLearnInput *input, RecoLearnOutput *output)
{
	double alpha = input->option[RP3_ALPHA].number;
	double beta = input->option[RP3_BETA].number;
	RecoNeighbourLearner learner;

	reco_walk_rows(&learner, input, alpha, beta);
	reco_json_number(learner.options, "alpha", alpha);
	reco_json_number(learner.options, "beta", beta);
	reco_neighbours_finish(&learner, output);
}

static void
user_learn(const RecoLearnInput *input, RecoLearnOutput *output)
{
	double exponent = input->option[USER_EXPONENT].number;
	double popularity = input->option[USER_POPULARITY].number;
	RkSimilar rule = {.similarity = RK_SIMILAR_PRODUCT};
	RecoNeighbourLearner learner;
	Weights weights;

	begin(&learner, input, 2, &weights);
	weigh(&learner.by_user, 1, exponent / 2, &weights);
	for (size_t i = 0; i < input->data->n_items; i++)
	{
		weights.right[i] = less(weights.left[i], popularity / 2);
		weights.left[i] = 1;
	}
	rule.left = weights.left;
	rule.right = weights.right;
	reco_neighbours_similar(&learner, &rule, weights.x, weights.y);
	reco_json_number(learner.options, "exponent", exponent);
	reco_json_number(learner.options, "popularity", popularity);
	reco_neighbours_finish(&learner, output);
}

const RecoAlgorithm reco_rp3beta = {
	.name = "rp3beta",
	.linearity = RECO_LINEAR,
	.implicit_only = true,
	.option = rp3_option,
	.n_options = RP3_N_OPTIONS,
	.tuning = rp3_tuning,
	.n_tuning = lengthof(rp3_tuning),
	.learn_bytes = walk_learn_bytes,
	.learn = rp3_learn,
	.bind = reco_neighbours_bind,
	.check = reco_neighbours_check,
	.represent = reco_neighbours_represent,
	.contributions = reco_neighbours_contributions,
	.removals = reco_neighbours_removals,
};

const RecoAlgorithm reco_userknn = {
	.name = "userknn",
	.linearity = RECO_LINEAR,
	.implicit_only = true,
	.option = user_option,
	.n_options = USER_N_OPTIONS,
	.tuning = user_tuning,
	.n_tuning = lengthof(user_tuning),
	.learn_bytes = walk_learn_bytes,
	.learn = user_learn,
	.bind = reco_neighbours_bind,
	.check = reco_neighbours_check,
	.represent = reco_neighbours_represent,
	.contributions = reco_neighbours_contributions,
	.removals = reco_neighbours_removals,
};
