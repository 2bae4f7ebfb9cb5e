/*
 * itemknn.c
 *	  Items that the same people chose: cosine or Jaccard, weighted.
 *
 * With values r_ui (neighbours.h) the cosine of two items is
 *
 *		S[j, i] = sum_u x_uj x_ui / (|x_j|^2a |x_i|^2(1 - a) + shrinkage),
 *
 * where the asymmetry a is 1/2 for the cosine itself, and greater where an item that many have may be
 * recommended sooner than it recommends (Aiolli 2013).  x is r, or weighted as in text retrieval with the item as the document
 * and its users as the words, N being the items and n_u those of a user:
 *
 *		tfidf	x_ui = sqrt(r_ui) log(N / (1 + n_u)), at least 0
 *		bm25	x_ui = r_ui (k1 + 1) / (r_ui + k1 (1 - b + b len_i / mean len)) log(N / (1 + n_u)),
 *				k1 = 1.2, b = 0.75, len_i = sum_u r_ui
 *
 * so that somebody who has everything says little about what is alike, and bm25
 * damps what everybody has.  Jaccard counts users, whatever the values:
 *
 *		S[j, i] = n_ij / (n_j + n_i - n_ij + shrinkage).
 *
 * Shrinkage is as if every pair had some more users of whom none has both: pairs that rest on a few users
 * weigh less (Bell and Koren 2007).
 */
#include "postgres.h"

#include <math.h>

#include "model/neighbours.h"

#define BM25_K1 1.2
#define BM25_B 0.75

enum
{
	KNN_SIMILARITY = NEIGHBOUR_COMMON_OPTIONS,
	KNN_WEIGHTING,
	KNN_SHRINKAGE,
	KNN_ASYMMETRY,
	KNN_N_OPTIONS
};

enum
{
	SIMILARITY_COSINE,
	SIMILARITY_JACCARD
};

enum
{
	WEIGHTING_NONE,
	WEIGHTING_TFIDF,
	WEIGHTING_BM25
};

static const RecoOption knn_option[KNN_N_OPTIONS] = {
	RECO_NEIGHBOUR_OPTIONS(200),
	[KNN_SIMILARITY] =
		{"similarity", RECO_OPTION_CHOICE, false, 0, "cosine|jaccard", 0, 0, false,
		 "How alike two items are: the cosine of their users, or the share of their users that have both."},
	[KNN_WEIGHTING] =
		{"weighting", RECO_OPTION_CHOICE, false, 0, "none|tfidf|bm25", 0, 0, false,
		 "What a user's row weighs in the cosine: its value, or less the more items the user has."},
	[KNN_SHRINKAGE] = {"shrinkage", RECO_OPTION_NUMBER, false, 10, NULL, 0, 1e6, false,
					   "How much pairs of items that rest on few users are damped."},
	[KNN_ASYMMETRY] =
		{"asymmetry", RECO_OPTION_NUMBER, false, 0.5, NULL, 0, 1, false,
		 "Share of the norm of the item that recommends in the cosine; above 0.5 popular items come sooner."},
};

static const RecoTuning knn_tuning[] = {
	{"values", RECO_TUNE_CHOICE, 0, 0, "linear|log|binary"},
	{"neighbours", RECO_TUNE_LOG, 20, 500, NULL},
	{"similarity", RECO_TUNE_CHOICE, 0, 0, "cosine|jaccard"},
	{"weighting", RECO_TUNE_CHOICE, 0, 0, "none|tfidf|bm25"},
	{"shrinkage", RECO_TUNE_LOG, 0.5, 500, NULL},
	{"asymmetry", RECO_TUNE_LINEAR, 0.4, 0.8, NULL},
};

static Size
knn_learn_bytes(size_t n_users, size_t n_items, size_t n_rows, bool explicit_feedback,
				const RecoOptionValue *option)
{
	return reco_neighbours_bytes(n_users, n_items, n_rows, option);
}

/* weigh writes x of every entry. */
static void
weigh(const RkCsr *rows, int weighting, const double *length, float *x)
{
	double items = (double) rows->n_cols;
	double mean = 0;

	for (size_t i = 0; i < rows->n_cols; i++)
		mean += length[i] / items;
	for (size_t u = 0; u < rows->n_rows; u++)
	{
		double rarity = Max(log(items / (1 + (double) rk_csr_count(rows, u))), 0);

		for (size_t k = rows->offset[u]; k < rows->offset[u + 1]; k++)
		{
			double r = rows->weight[k];
			double norm = BM25_K1 * (1 - BM25_B + BM25_B * length[rows->index[k]] / mean);

			x[k] = (float) (weighting == WEIGHTING_NONE    ? r
							: weighting == WEIGHTING_TFIDF ? sqrt(r) * rarity
														   : r * (BM25_K1 + 1) / (r + norm) * rarity);
		}
	}
}

static void
knn_learn(const RecoLearnInput *input, RecoLearnOutput *output)
{
	const RecoOptionValue *option = input->option;
	bool jaccard = option[KNN_SIMILARITY].number == SIMILARITY_JACCARD;
	RecoNeighbourLearner learner;
	RkSimilar rule = {.similarity = jaccard ? RK_SIMILAR_JACCARD : RK_SIMILAR_SHRUNK,
					  .shrink = option[KNN_SHRINKAGE].number};
	double *of_user = palloc_extended(sizeof(double) * input->data->n_users, MCXT_ALLOC_HUGE);
	double *of_item = reco_area_alloc(input->area, sizeof(double) * input->data->n_items);
	double *right = reco_area_alloc(input->area, sizeof(double) * input->data->n_items);
	double asymmetry = option[KNN_ASYMMETRY].number;
	size_t n;
	float *x;

	reco_neighbours_begin(&learner, input);
	n = rk_csr_nnz(&learner.by_user);
	x = reco_area_alloc(input->area, sizeof(float) * (n + 1));
	reco_neighbours_sums(&learner.by_user, learner.by_user.weight, 1, of_user, of_item);
	if (jaccard)
		for (size_t k = 0; k < n; k++)
			x[k] = 1;
	else
		weigh(&learner.by_user, (int) option[KNN_WEIGHTING].number, of_item, x);
	reco_neighbours_sums(&learner.by_user, x, 2, of_user, of_item);
	for (size_t i = 0; i < input->data->n_items; i++)
	{
		right[i] = jaccard ? of_item[i] : pow(of_item[i], 1 - asymmetry);
		of_item[i] = jaccard ? of_item[i] : pow(of_item[i], asymmetry);
	}
	rule.left = of_item;
	rule.right = right;
	reco_neighbours_similar(&learner, &rule, x, x);
	reco_json_string(learner.options, "similarity", option[KNN_SIMILARITY].string);
	reco_json_string(learner.options, "weighting", option[KNN_WEIGHTING].string);
	reco_json_number(learner.options, "shrinkage", option[KNN_SHRINKAGE].number);
	reco_json_number(learner.options, "asymmetry", asymmetry);
	reco_neighbours_finish(&learner, output);
}

const RecoAlgorithm reco_itemknn = {
	.name = "itemknn",
	.linearity = RECO_LINEAR,
	.implicit_only = true,
	.option = knn_option,
	.n_options = KNN_N_OPTIONS,
	.tuning = knn_tuning,
	.n_tuning = lengthof(knn_tuning),
	.learn_bytes = knn_learn_bytes,
	.learn = knn_learn,
	.bind = reco_neighbours_bind,
	.check = reco_neighbours_check,
	.represent = reco_neighbours_represent,
	.contributions = reco_neighbours_contributions,
	.removals = reco_neighbours_removals,
};
