/*
 * popular.c
 *	  What most people choose, and what most people choose now: the same list for everybody.
 *
 * Items are ordered by
 *
 *		popular		the number of users with t > 0 on the item
 *		recent		the sum over users of the positive pulls b_i, each event decayed by
 *					2^-(age / half_life) since the latest event that was learned
 *
 * and the item at place p = 0, 1, ... of n scores 1 - p / n: the order and nothing
 * more, because a number of people below the least group would tell of single ones (DESIGN 4).
 *
 * A version holds the scores as vectors of length one, so that they are ranked
 * like any others, the user's vector being 1.  Nothing of a user is in a
 * score: no piece of evidence owns an addend, and taking one away changes nothing.
 */
#include "postgres.h"

#include <math.h>

#include "model/json.h"
#include "model/ranking.h"
#include "model/tensors.h"
#include "storage/shmem.h"

/* What bind finds in the tensors. */
typedef struct PopularModel
{
	RkItems items; /* d = 1 */
	RkIndex index;
} PopularModel;

enum
{
	POPULAR_DISLIKE,
	POPULAR_N_OPTIONS,
	RECENT_HALF_LIFE = POPULAR_N_OPTIONS,
	RECENT_N_OPTIONS
};

/* clang-format off */
#define DISLIKE_OPTION \
	[POPULAR_DISLIKE] = {"dislike", RECO_OPTION_NUMBER, false, 0, NULL, 0, 1e6, false, \
		"How far an event of negative weight pulls the target below zero (tau); who disliked an item did not choose it."}
/* clang-format on */

static const RecoOption popular_option[POPULAR_N_OPTIONS] = {DISLIKE_OPTION};

static const RecoOption recent_option[RECENT_N_OPTIONS] = {
	DISLIKE_OPTION,
	[RECENT_HALF_LIFE] = {RECO_OPTION_HALF_LIFE, RECO_OPTION_NUMBER, false, 7, NULL, 0, 36500, true,
						  "Days after which an event counts half; in place of the recommender's half_life."},
};

/* An item and how much it is chosen. */
typedef struct Chosen
{
	uint32 item;
	double much;
} Chosen;

static Size
popular_learn_bytes(size_t n_users, size_t n_items, size_t n_rows, bool explicit_feedback,
					const RecoOptionValue *option)
{
	return add_size(reco_ranking_bytes(n_items, 1),
					add_size(mul_size(n_items, 2 * sizeof(float) + sizeof(Chosen)), 64 * 1024));
}

static int
compare_chosen(const void *a, const void *b)
{
	const Chosen *x = a;
	const Chosen *y = b;

	if (x->much != y->much)
		return x->much > y->much ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

/* write_scores hands over the scores of items [n_items] in any order. */
static void
write_scores(const RecoLearnInput *input, Chosen *chosen, RecoLearnOutput *output)
{
	size_t n = input->data->n_items;
	float *factor = reco_area_alloc(input->area, sizeof(float) * n);
	float *norm = reco_area_alloc(input->area, sizeof(float) * n);
	RkItems items = {.n = n, .d = 1, .factor = factor, .norm = norm};

	qsort(chosen, n, sizeof(Chosen), compare_chosen);
	for (size_t place = 0; place < n; place++)
		factor[chosen[place].item] = (float) (1 - (double) place / (double) n);
	reco_learn_check(rk_items_norms(factor, 1, 0, n, norm, &reco_pool_poll));
	output->tensor = palloc(sizeof(RecoTensor) * (2 + RECO_RANKING_TENSORS));
	output->tensor[0] = (RecoTensor){"item_score", RECO_FLOAT4, (int64) n, 1, factor};
	output->tensor[1] = (RecoTensor){"item_norm", RECO_FLOAT4, (int64) n, 1, norm};
	output->n_tensors = 2;
	reco_ranking_write(input->area, &items, output);
}

/* learn adds up users, or their pulls. */
static void
learn(const RecoLearnInput *input, bool recent, RecoLearnOutput *output)
{
	const RkCsr *rows = &input->data->by_user;
	Chosen *chosen = reco_area_alloc(input->area, sizeof(Chosen) * rows->n_cols);
	RecoJson options;
	RecoJson metrics;

	for (size_t i = 0; i < rows->n_cols; i++)
		chosen[i] = (Chosen){(uint32) i, 0};
	for (size_t k = 0; k < rk_csr_nnz(rows); k++)
		if (rows->target[k] > 0)
			chosen[rows->index[k]].much += recent ? (double) rows->weight[k] * rows->target[k] : 1;
	write_scores(input, chosen, output);
	reco_json_begin(&options);
	reco_json_number(&options, "dislike", input->option[POPULAR_DISLIKE].number);
	if (recent)
		reco_json_number(&options, RECO_OPTION_HALF_LIFE, input->option[RECENT_HALF_LIFE].number);
	reco_json_begin(&metrics);
	output->options = reco_json_end(&options);
	output->metrics = reco_json_end(&metrics);
}

static void
popular_learn(const RecoLearnInput *input, RecoLearnOutput *output)
{
	learn(input, false, output);
}

static void
recent_learn(const RecoLearnInput *input, RecoLearnOutput *output)
{
	if (!input->data->has_as_of)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("algorithm \"recent\" needs to know when events happened"),
			 errhint(
				 "Name the column: reco.alter_recommender(..., time_column => 'at'), or use the algorithm \"popular\".")));
	learn(input, true, output);
}

static void
popular_bind(RecoModel *model)
{
	PopularModel *popular = palloc0(sizeof(PopularModel));
	int64 n = (int64) model->items.n;

	popular->items.n = model->items.n;
	popular->items.d = 1;
	popular->items.factor = reco_model_tensor(model->tensors, "item_score", RECO_FLOAT4, n, 1);
	popular->items.norm = reco_model_tensor(model->tensors, "item_norm", RECO_FLOAT4, n, 1);
	reco_ranking_bind(model->tensors, &popular->items, &popular->index);
	model->state = popular;
}

static void
popular_check(const RecoModel *model)
{
	const PopularModel *popular = model->state;

	for (size_t i = 0; i < popular->items.n; i++)
		if (!(popular->items.norm[i] >= fabsf(popular->items.factor[i])))
			reco_model_refuse("item_norm");
	if (!reco_ranking_check(&popular->items))
		reco_model_refuse(TENSOR_RANK_ORDER);
}

static void
popular_represent(const RecoModel *model, RecoQuery *query)
{
	static const double one = 1;
	const PopularModel *popular = model->state;
	RecoTerm *term = palloc0(sizeof(RecoTerm));

	term->kind = RECO_TERM_DENSE;
	term->vector = &one;
	term->items = &popular->items;
	query->n_terms = 1;
	query->term = term;
}

static int
popular_contributions(const RecoQuery *query, uint32 item, RecoAddend *addend)
{
	addend[0] = (RecoAddend){RECO_ADDEND_POPULARITY, -1, reco_query_score(query, item), -1};
	return 1;
}

static void
popular_removals(const RecoQuery *query, uint32 item, const int *piece, int n, double *effect)
{
	memset(effect, 0, sizeof(double) * n);
}

const RecoAlgorithm reco_popular = {
	.name = "popular",
	.linearity = RECO_AFFINE,
	.implicit_only = true,
	.option = popular_option,
	.n_options = POPULAR_N_OPTIONS,
	.learn_bytes = popular_learn_bytes,
	.learn = popular_learn,
	.bind = popular_bind,
	.check = popular_check,
	.represent = popular_represent,
	.contributions = popular_contributions,
	.removals = popular_removals,
};

const RecoAlgorithm reco_recent = {
	.name = "recent",
	.linearity = RECO_AFFINE,
	.implicit_only = true,
	.option = recent_option,
	.n_options = RECENT_N_OPTIONS,
	.learn_bytes = popular_learn_bytes,
	.learn = recent_learn,
	.bind = popular_bind,
	.check = popular_check,
	.represent = popular_represent,
	.contributions = popular_contributions,
	.removals = popular_removals,
};
