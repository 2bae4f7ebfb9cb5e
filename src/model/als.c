/*
 * als.c
 *	  Matrix factorisation by alternating least squares: serving.
 *
 * A version holds, in the basis where the Gram matrix G of its items is
 * diagonal,
 *
 *		item_factor		Y, float4 [n_items x d]
 *		item_norm		upper bounds of the norms of its rows, float4 [n_items]
 *		gram_eigenvalue	Lambda, the diagonal of G, float8 [d]
 *		item_bias		b_i, float4 [n_items], explicit feedback only
 *		als_parameters	alpha0, lambda, nu, m, mu, and the pull that made V (als_side.c)
 *		item_map		W, float4 [columns + 1 x d], where attributes of items are learned from
 *		user_map		V, the same of users
 *
 * and the copy of the items by which kernel/quantise.h ranks (tensors.h).
 *
 * A user with kept rows (w_j, b_j) on n items is the solution of
 *
 *		A x = b,	A = alpha0 Lambda + lambda_u I + sum w_j y_j y_j^T,
 *		b = sum b_j y_j + lambda_u V g,	lambda_u = lambda (n + alpha0 m)^nu
 *
 * (Hu, Koren and Volinsky 2008; Rendle et al. 2022 for the frequency scaled
 * lambda), so the score of item i is the sum over j of y_i^T A^-1 y_j b_j: one
 * addend a row, and lambda_u y_i^T A^-1 V g, which als_attributes.c divides among what is known of the user.  With explicit feedback the targets are residuals t_j - mu -
 * b_j, and the user's bias is solved with the vector, as a column of ones.
 */
#include "postgres.h"

#include <math.h>

#include "kernel/solve.h"
#include "miscadmin.h"
#include "model/als_query.h"
#include "model/ranking.h"
#include "model/tensors.h"

const RecoOption reco_als_option[ALS_N_OPTIONS] = {
	[ALS_FACTORS] = {"factors", RECO_OPTION_INTEGER, false, 64, NULL, 4, 1024, false,
					 "Length of an item's vector; more factors recall more and cost more memory and time."},
	[ALS_ALPHA0] =
		{"alpha0", RECO_OPTION_NUMBER, true, 0, NULL, 0, 1e6, false,
		 "Weight of a pair that was not observed. By default 0.03 of the mean weight of a row; 0 for explicit feedback."},
	[ALS_LAMBDA] =
		{"lambda", RECO_OPTION_NUMBER, true, 0, NULL, ALS_LEAST_LAMBDA, 1e9, false,
		 "Regularisation; it must be positive. The default is chosen for the feedback and the mean weight of a row."},
	[ALS_NU] =
		{"nu", RECO_OPTION_NUMBER, true, 0, NULL, 0, 4, false,
		 "Exponent with which regularisation grows with the number of a user's or an item's rows. By default 0.5; 1 for explicit feedback."},
	[ALS_ITERATIONS] = {"iterations", RECO_OPTION_INTEGER, true, 0, NULL, 1, 1000, false,
						"Sweeps over users and items. By default chosen by held-out interactions."},
	[ALS_MAX_ITERATIONS] = {"max_iterations", RECO_OPTION_INTEGER, false, 16, NULL, 1, 1000, false,
							"Most sweeps that the choice by held-out interactions may take."},
	[ALS_DISLIKE] =
		{"dislike", RECO_OPTION_NUMBER, false, 0, NULL, 0, 1e6, false,
		 "How far an event of negative weight pulls the target below zero (tau); 0 only pulls it towards zero."},
	[ALS_SEED] = {"seed", RECO_OPTION_INTEGER, false, 42, NULL, 0, 2147483647, false,
				  "Seed of the start vectors and of the held-out sample."},
	[ALS_WARM_SWEEPS] = {"warm_sweeps", RECO_OPTION_INTEGER, false, 1, NULL, 1, 1000, false,
						 "Sweeps of an incremental refresh, which starts from the deployed version."},
	[ALS_WARM_STEP] =
		{"warm_step", RECO_OPTION_NUMBER, false, 0.3, NULL, 0, 1, false,
		 "How far a sweep of an incremental refresh moves the items that are known: 1 to where a full one would, 0 not at all."},
	[ALS_ATTRIBUTES] = {"attributes", RECO_OPTION_BOOLEAN, false, 1, NULL, 0, 1, false,
						"Whether item_features and user_features are learned from."},
	[ALS_ATTRIBUTE_RIDGE] =
		{"attribute_ridge", RECO_OPTION_NUMBER, false, 1, NULL, 0, 1e6, true,
		 "Of how many items, about, an attribute must be before it counts for half of what it seems to."},
	[ALS_USER_RIDGE] =
		{"user_ridge", RECO_OPTION_NUMBER, false, 30, NULL, 0, 1e6, true,
		 "Of how many users, about, an attribute must be before it counts for half of what it seems to."},
	[ALS_USER_PULL] =
		{"user_pull", RECO_OPTION_NUMBER, true, 0, NULL, ALS_LEAST_PULL, 1, false,
		 "How far on the way to what their attributes say users are drawn. By default 0.5, or 1 where held-out interactions speak for it; 1 for explicit feedback."},
};

/* lambda and alpha0 go with the scale of the event weights, and so are searched as multiples of their defaults. */
static const RecoTuning als_tuning[] = {
	{"factors", RECO_TUNE_LOG, 16, 256, NULL},
	{"alpha0", RECO_TUNE_TIMES, 0.2, 5, NULL},
	{"lambda", RECO_TUNE_TIMES, 0.1, 10, NULL},
	{"nu", RECO_TUNE_LINEAR, 0, 1, NULL},
};

/* The greatest length of vectors that kernel/topk.h is exact for. */
#define GREATEST_WIDTH 65536

/* aligned_alloc64 gives memory for kernels, 64-byte aligned, in the current context. */
static void *
aligned_alloc64(Size bytes)
{
	char *raw = palloc_extended(bytes + RK_SCRATCH_ALIGN, MCXT_ALLOC_HUGE);

	return (void *) TYPEALIGN(RK_SCRATCH_ALIGN, (uintptr_t) raw);
}

/* als_bind finds the tensors of a version and checks their shapes against each other. */
static void
als_bind(RecoModel *model)
{
	AlsModel *als = palloc0(sizeof(AlsModel));
	int64 n = (int64) model->items.n;
	const RecoTensor *factor = reco_store_find(model->tensors, "item_factor", RECO_FLOAT4, -1);

	als->items.n = model->items.n;
	als->items.d = factor ? (size_t) factor->columns : 0;
	als->items.factor = reco_model_tensor(model->tensors, "item_factor", RECO_FLOAT4, n, als->items.d);
	if (als->items.factor == NULL)
		reco_items_stream(&als->items, model->tensors, factor);
	als->items.norm = reco_model_tensor(model->tensors, "item_norm", RECO_FLOAT4, n, 1);
	if (model->explicit_feedback)
		als->items.bias = reco_model_tensor(model->tensors, "item_bias", RECO_FLOAT4, n, 1);
	als->eigenvalue = reco_model_tensor(model->tensors, "gram_eigenvalue", RECO_FLOAT8, als->items.d, 1);
	als->parameter = reco_model_tensor(model->tensors, "als_parameters", RECO_FLOAT8, 1, ALS_N_PARAMETERS);
	reco_ranking_bind(model->tensors, &als->items, &als->index);
	reco_als_bind_attributes(model, als);
	model->embedding = &als->items;
	model->state = als;
}

/* als_check checks what the solves of serving trust; that values are finite is checked where chunks are read. */
static void
als_check(const RecoModel *model)
{
	const AlsModel *als = model->state;
	const double *p = als->parameter;

	if (als->items.d < 1 || als->items.d > GREATEST_WIDTH)
		reco_model_refuse("item_factor");
	if (!(p[ALS_PARAMETER_ALPHA0] >= 0) || !(p[ALS_PARAMETER_LAMBDA] > 0) || !(p[ALS_PARAMETER_NU] >= 0) ||
		!(p[ALS_PARAMETER_ITEMS] >= 0 && p[ALS_PARAMETER_ITEMS] <= (double) als->items.n) ||
		!(p[ALS_PARAMETER_PULL] >= ALS_LEAST_PULL && p[ALS_PARAMETER_PULL] <= 1))
		reco_model_refuse("als_parameters");
	for (size_t k = 0; k < als->items.d; k++)
		if (!(als->eigenvalue[k] >= 0))
			reco_model_refuse("gram_eigenvalue");
	for (size_t i = 0; i < als->items.n; i++)
		if (!(als->items.norm[i] >= 0))
			reco_model_refuse("item_norm");
	if (!reco_ranking_check(&als->items))
		reco_model_refuse(TENSOR_RANK_ORDER);
}

/* als_use streams the factors where memory is short, and does without the copy to rank by. */
static RecoTensorUse
als_use(const char *tensor)
{
	if (strcmp(tensor, "item_factor") == 0)
		return RECO_TENSOR_STREAMED;
	return strncmp(tensor, TENSOR_RANK, strlen(TENSOR_RANK)) == 0 ? RECO_TENSOR_LEFT_OUT : RECO_TENSOR_HELD;
}

double
reco_als_lambda(const AlsModel *als, size_t n)
{
	return als->parameter[ALS_PARAMETER_LAMBDA] *
		   pow((double) n + als->parameter[ALS_PARAMETER_ALPHA0] * als->parameter[ALS_PARAMETER_ITEMS],
			   als->parameter[ALS_PARAMETER_NU]);
}

double *
reco_als_diagonal(const AlsModel *als, size_t columns, double lambda)
{
	double *diagonal = palloc(sizeof(double) * columns);

	for (size_t k = 0; k < columns; k++)
		diagonal[k] =
			lambda + (k < als->items.d ? als->parameter[ALS_PARAMETER_ALPHA0] * als->eigenvalue[k] : 0);
	return diagonal;
}

/* als_gather copies the factors, weights and targets of the kept rows. */
static void
als_gather(const RecoQuery *query, AlsQuery *user)
{
	const RecoModel *model = query->model;
	const AlsModel *als = model->state;
	size_t d = als->items.d;

	for (int e = 0; e < query->n_evidence; e++)
	{
		const RecoEvidence *row = &query->evidence[e];
		float *to = user->factor + user->n * user->columns;

		if (!row->kept)
			continue;
		memcpy(to, reco_items_row(&als->items, row->item), sizeof(float) * d);
		user->evidence[user->n] = e;
		user->weight[user->n] = row->weight;
		user->target[user->n] = row->pull / row->weight;
		if (model->explicit_feedback)
		{
			to[d] = 1;
			user->target[user->n] -=
				als->parameter[ALS_PARAMETER_MEAN] + reco_items_bias(&als->items, row->item);
		}
		user->n++;
	}
}

RkFold *
reco_als_factor(const AlsQuery *user, const double *diagonal)
{
	RkFold *fold = palloc(sizeof(RkFold));
	RkFoldSystem system = {user->n, user->columns, user->factor, user->columns, diagonal, user->weight};
	void *scratch = aligned_alloc64(rk_fold_scratch_bytes(user->n, user->columns));
	RkStatus status = user->fold != NULL
						  ? rk_fold_factor_again(user->fold, diagonal, scratch, fold, &reco_pool_poll)
						  : rk_fold_factor(&system, scratch, fold, &reco_pool_poll);

	CHECK_FOR_INTERRUPTS();
	if (status != RK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the system of a user's rows cannot be solved"),
				 errdetail("Its weights are too large, or lambda is too small beside them."),
				 errhint("Set a larger \"lambda\" in options, or smaller event weights, and refresh.")));
	return fold;
}

double *
reco_als_temporary(AlsQuery *user)
{
	if (user->temporary == NULL)
		user->temporary =
			MemoryContextAllocHuge(user->context, sizeof(double) * RK_FOLD_SIDES * (user->n + user->columns));
	return user->temporary;
}

/* als_tells_nothing says whether the vector of a user orders no items: what they have is new, or nothing was learned of it. */
static bool
als_tells_nothing(const RecoModel *model, const AlsQuery *user)
{
	const AlsModel *als = model->state;

	for (size_t k = 0; k < als->items.d; k++)
		if (user->vector[k] != 0)
			return false;
	return !model->explicit_feedback;
}

double *
reco_als_without_rows(const AlsQuery *user, double lambda, const double *diagonal)
{
	double *start;

	if (user->prior == NULL)
		return NULL;
	start = palloc(sizeof(double) * user->columns);
	for (size_t k = 0; k < user->columns; k++)
		start[k] = diagonal[k] > 0 ? lambda * user->prior[k] / diagonal[k] : user->prior[k];
	return start;
}

/* als_represent solves the user's vector. */
static void
als_represent(const RecoModel *model, RecoQuery *query)
{
	const AlsModel *als = model->state;
	AlsQuery *user = palloc0(sizeof(AlsQuery));
	size_t capacity = Max(query->n_evidence, 1);
	RecoTerm *term = palloc0(sizeof(RecoTerm));

	user->context = CurrentMemoryContext;
	user->columns = als->items.d + (model->explicit_feedback ? 1 : 0);
	user->evidence = palloc(sizeof(int) * capacity);
	user->factor = palloc_extended(sizeof(float) * capacity * user->columns, MCXT_ALLOC_HUGE);
	user->weight = palloc(sizeof(double) * capacity);
	user->target = palloc(sizeof(double) * capacity);
	user->vector = palloc0(sizeof(double) * user->columns);
	als_gather(query, user);
	user->lambda = reco_als_lambda(als, user->n);
	user->diagonal = reco_als_diagonal(als, user->columns, user->lambda);
	user->prior = reco_als_prior(query);
	if (user->n > 0)
	{
		user->fold = reco_als_factor(user, user->diagonal);
		rk_fold_user(user->fold, user->target, reco_als_without_rows(user, user->lambda, user->diagonal),
					 user->vector, reco_als_temporary(user));
	}
	else if (user->prior != NULL)
		memcpy(user->vector, reco_als_without_rows(user, user->lambda, user->diagonal),
			   sizeof(double) * user->columns);
	if (model->explicit_feedback)
	{
		query->neutral = als->parameter[ALS_PARAMETER_MEAN];
		query->constant = als->parameter[ALS_PARAMETER_MEAN] + user->vector[als->items.d];
	}
	term->kind = RECO_TERM_DENSE;
	term->vector = user->vector;
	term->items = &als->items;
	query->n_terms = 1;
	query->term = term;
	query->state = user;
	query->has_positive = query->has_positive && !als_tells_nothing(model, user);
}

double *
reco_als_item_vector(const AlsModel *als, uint32 item, size_t columns)
{
	double *vector = palloc(sizeof(double) * columns);
	const float *row = reco_items_row(&als->items, item);

	for (size_t k = 0; k < columns; k++)
		vector[k] = k < als->items.d ? row[k] : 1;
	return vector;
}

static int
als_contributions(const RecoQuery *query, uint32 item, RecoAddend *addend)
{
	const AlsModel *als = query->model->state;
	AlsQuery *user = query->state;
	double *influence = palloc(sizeof(double) * Max(user->n, 1));
	int n = reco_als_own_addends(query, item, addend);

	if (query->model->explicit_feedback)
	{
		addend[n++] = (RecoAddend){RECO_ADDEND_AVERAGE, -1, als->parameter[ALS_PARAMETER_MEAN], -1};
		addend[n++] = (RecoAddend){RECO_ADDEND_ITEM, -1, reco_items_bias(&als->items, item), -1};
	}
	if (user->n > 0)
		rk_fold_influences(user->fold, 1, reco_als_item_vector(als, item, user->columns), influence,
						   reco_als_temporary(user));
	for (size_t j = 0; j < user->n; j++)
	{
		int e = user->evidence[j];
		bool dislike = !query->model->explicit_feedback && query->evidence[e].pull <= 0;

		addend[n].kind = dislike ? RECO_ADDEND_DISLIKE : RECO_ADDEND_HISTORY;
		addend[n].evidence = e;
		addend[n].column = -1;
		addend[n++].contribution = influence[j] * user->target[j];
	}
	return n;
}

const RecoAlgorithm reco_als = {
	.name = "als",
	.linearity = RECO_AFFINE,
	.option = reco_als_option,
	.n_options = ALS_N_OPTIONS,
	.tuning = als_tuning,
	.n_tuning = lengthof(als_tuning),
	.learn_bytes = reco_als_learn_bytes,
	.learn = reco_als_learn,
	.attribute_bytes = reco_als_attribute_bytes,
	.warm_refusal = reco_als_warm_refusal,
	.bind = als_bind,
	.use = als_use,
	.check = als_check,
	.represent = als_represent,
	.contributions = als_contributions,
	.removals = reco_als_removals,
	.removal_of_two = reco_als_removal_of_two,
	.expect_removals = reco_als_expect,
	.best_removals = reco_als_best_removals,
	.lowers_together = reco_als_lowers_together,
	.attributes = reco_als_attributes,
	.by_item = reco_als_by_item,
	.place = reco_als_place,
};
