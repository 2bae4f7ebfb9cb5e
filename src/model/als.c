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
 *
 * Taking a row away changes n, and with it lambda_u.  With lambda' =
 * lambda_u(n - 1), B = A + (lambda' - lambda_u) I, lambda' V g in b too, and p', h', s' the
 * predictions, leverages and score of the system of B, the score without row j
 * is, by Sherman and Morrison, s' - y_i^T B^-1 y_j w_j (t_j - p'_j) / (1 - w_j h'_j).
 */
#include "postgres.h"

#include <math.h>

#include "kernel/solve.h"
#include "miscadmin.h"
#include "model/als_query.h"
#include "model/ranking.h"
#include "model/tensors.h"

/* Below this 1 - w h the closed form loses digits and the system is solved again. */
#define DIRECT_REMAINDER 1e-6

/* Rows whose leverages are computed between two checks for interrupts. */
#define KNOWN_AT_ONCE ((size_t) 48)

/* What bounds allow for rounding, in parts of what they are made of. */
#define BOUND_SLACK 1e-9

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

/* als_diagonal makes D = alpha0 Lambda + lambda_u; the column of ones has lambda_u alone. */
static double *
als_diagonal(const AlsModel *als, size_t columns, double lambda)
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

/* als_factor factors the system of the gathered rows with the given diagonal, from the user's own where that is there. */
static RkFold *
als_factor(const AlsQuery *user, const double *diagonal)
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

/*
 * als_start gives x0 = lambda_u D^-1 V g, or NULL where nothing is known.  In directions without any weight, which there
 * are for a user without rows at alpha0 = 0, it is V g, to which it tends.
 */
static double *
als_start(const AlsQuery *user, double lambda, const double *diagonal)
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
	user->diagonal = als_diagonal(als, user->columns, user->lambda);
	user->prior = reco_als_prior(query);
	if (user->n > 0)
	{
		user->fold = als_factor(user, user->diagonal);
		rk_fold_user(user->fold, user->target, als_start(user, user->lambda, user->diagonal), user->vector,
					 reco_als_temporary(user));
	}
	else if (user->prior != NULL)
		memcpy(user->vector, als_start(user, user->lambda, user->diagonal), sizeof(double) * user->columns);
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

/* als_removal_direct solves the user again without one piece of evidence. */
static double
als_removal_direct(const RecoQuery *query, uint32 item, double score, int evidence)
{
	bool *removed = palloc0(sizeof(bool) * query->n_evidence);

	removed[evidence] = true;
	return score - reco_query_score(reco_query_without(query, removed), item);
}

/* als_fewer gives the system of B, made on first use and kept with the query. */
static const AlsFewer *
als_fewer(const AlsModel *als, AlsQuery *user)
{
	MemoryContext previous;
	AlsFewer *fewer;

	if (user->fewer != NULL)
		return user->fewer;
	previous = MemoryContextSwitchTo(user->context);
	fewer = palloc0(sizeof(AlsFewer));
	fewer->vector = palloc(sizeof(double) * user->columns);
	fewer->predicted = palloc(sizeof(double) * user->n);
	fewer->remainder = palloc(sizeof(double) * user->n);
	fewer->half = palloc0(sizeof(double *) * user->n);
	fewer->loss = NAN;
	for (size_t j = 0; j < user->n; j++)
		fewer->remainder[j] = NAN;
	fewer->lambda = reco_als_lambda(als, user->n - 1);
	fewer->diagonal = als_diagonal(als, user->columns, fewer->lambda);
	fewer->fold = als_factor(user, fewer->diagonal);
	rk_fold_user(fewer->fold, user->target, als_start(user, fewer->lambda, fewer->diagonal), fewer->vector,
				 reco_als_temporary(user));
	rk_fold_predict(fewer->fold, fewer->vector, fewer->predicted);
	MemoryContextSwitchTo(previous);
	return user->fewer = fewer;
}

/* als_know computes 1 - w h' and halves of those of m rows whose half is not known yet; row is changed. */
static void
als_know(AlsQuery *user, size_t *row, size_t m)
{
	const AlsFewer *fewer = user->fewer;
	size_t length = Min(user->n, user->columns);
	double **half = palloc(sizeof(double *) * Max(m, 1));
	double *remainder = palloc(sizeof(double) * Max(m, 1));
	double *memory;
	size_t left = 0;

	for (size_t r = 0; r < m; r++)
		if (fewer->half[row[r]] == NULL)
		{
			row[left] = row[r];
			/* so that a row that is listed twice is new once; replaced below */
			fewer->half[row[left++]] = remainder;
		}
	memory = MemoryContextAllocHuge(user->context, sizeof(double) * length * Max(left, 1));
	for (size_t r = 0; r < left; r++)
		fewer->half[row[r]] = half[r] = memory + length * r;
	rk_fold_remainders(fewer->fold, left, row, remainder, half, reco_als_temporary(user));
	for (size_t r = 0; r < left; r++)
		fewer->remainder[row[r]] = remainder[r];
	pfree(half);
	pfree(remainder);
}

/* als_know_remainders computes 1 - w h' of m rows. */
static void
als_know_remainders(AlsQuery *user, const size_t *row, size_t m)
{
	double remainder[KNOWN_AT_ONCE];

	for (size_t first = 0; first < m; first += KNOWN_AT_ONCE)
	{
		size_t some = Min(KNOWN_AT_ONCE, m - first);

		rk_fold_remainders(user->fewer->fold, some, row + first, remainder, NULL, reco_als_temporary(user));
		for (size_t r = 0; r < some; r++)
			user->fewer->remainder[row[first + r]] = remainder[r];
		CHECK_FOR_INTERRUPTS();
	}
}

/* als_remainder gives 1 - w h' of a row, computed when it is first asked for. */
static double
als_remainder(AlsQuery *user, const AlsFewer *fewer, size_t j)
{
	size_t row = j;

	if (isnan(fewer->remainder[j]))
		als_know(user, &row, 1);
	return fewer->remainder[j];
}

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

/* als_expect_influences solves for the influences of the rows on some items at once, of users with two rows at least. */
static void
als_expect_influences(const RecoQuery *query, const uint32 *item, size_t n)
{
	const AlsModel *als = query->model->state;
	AlsQuery *user = query->state;
	MemoryContext previous = MemoryContextSwitchTo(user->context);
	const AlsFewer *fewer = als_fewer(als, user);
	size_t d = user->columns;
	double *target = palloc(sizeof(double) * n * d);

	for (size_t i = 0; i < n; i++)
	{
		const float *row = reco_items_row(&als->items, item[i]);

		user->expected_item[i] = item[i];
		user->expected_choice[i].most = NULL;
		for (size_t k = 0; k < d; k++)
			target[i * d + k] = k < als->items.d ? row[k] : 1;
	}
	if (user->expected == NULL || user->n_expected < n)
		user->expected = palloc_extended(sizeof(double) * n * user->n, MCXT_ALLOC_HUGE);
	rk_fold_influences(fewer->fold, n, target, user->expected, reco_als_temporary(user));
	user->n_expected = n;
	pfree(target);
	MemoryContextSwitchTo(previous);
}

/* als_influence gives the influences of the rows on an item, from those at hand where they are there. */
static const double *
als_influence(const RecoQuery *query, uint32 item)
{
	const AlsQuery *user = query->state;

	for (size_t i = 0; i < user->n_expected; i++)
		if (user->expected_item[i] == item)
			return user->expected + i * user->n;
	als_expect_influences(query, &item, 1);
	return user->expected;
}

/* als_effects gathers what the effects of all rows are made of; of users with two rows at least. */
static AlsEffects
als_effects(const RecoQuery *query, uint32 item)
{
	const AlsModel *als = query->model->state;
	AlsQuery *user = query->state;
	AlsEffects all = {.query = query, .user = user, .fewer = als_fewer(als, user), .item = item};
	double without = rk_dot(all.fewer->vector, reco_items_row(&als->items, item), als->items.d);

	if (query->model->explicit_feedback)
		without += all.fewer->vector[als->items.d] + als->parameter[ALS_PARAMETER_MEAN] +
				   reco_items_bias(&als->items, item);
	all.score = reco_query_score(query, item);
	all.shift = all.score - without;
	all.influence = als_influence(query, item);
	return all;
}

/* als_pull gives the effect of row j but for the shift and the division by its remainder. */
static double
als_pull(const AlsEffects *all, size_t j)
{
	return all->influence[j] * (all->user->target[j] - all->fewer->predicted[j]);
}

/* als_effect gives the effect of row j. */
static double
als_effect(const AlsEffects *all, size_t j)
{
	double remainder = als_remainder(all->user, all->fewer, j);

	if (!(remainder >= DIRECT_REMAINDER) || reco_query_revives(all->query, all->user->evidence[j]))
		return als_removal_direct(all->query, all->item, all->score, all->user->evidence[j]);
	return all->shift + als_pull(all, j) / remainder;
}

/* als_row_of gives the row of a piece of evidence, or n when it was dropped. */
static size_t
als_row_of(const AlsQuery *user, int evidence)
{
	size_t low = 0;
	size_t high = user->n;

	while (low < high)
	{
		size_t middle = (low + high) / 2;

		if (user->evidence[middle] < evidence)
			low = middle + 1;
		else
			high = middle;
	}
	return low < user->n && user->evidence[low] == evidence ? low : user->n;
}

/* als_removals computes the effects of pieces; see the top of the file. */
static void
als_removals(const RecoQuery *query, uint32 item, const int *piece, int n, double *effect)
{
	AlsQuery *user = query->state;
	size_t *row = palloc_extended(sizeof(size_t) * Max(n, 1), MCXT_ALLOC_HUGE);
	size_t m = 0;
	AlsEffects all;

	memset(effect, 0, sizeof(double) * n);
	for (int p = 0; p < n; p++)
	{
		row[m] = als_row_of(user, piece != NULL ? piece[p] : p);
		m += row[m] < user->n;
	}
	if (user->n > 1 && m > 0)
	{
		all = als_effects(query, item);
		als_know_remainders(user, row, m);
	}
	for (int p = 0, r = 0; p < n && (size_t) r < m; p++)
	{
		int e = piece != NULL ? piece[p] : p;

		if (user->evidence[row[r]] != e)
			continue;
		effect[p] = user->n > 1 ? als_effect(&all, row[r])
								: als_removal_direct(query, item, reco_query_score(query, item), e);
		r++;
		CHECK_FOR_INTERRUPTS();
	}
	pfree(row);
}

/*
 * als_bounds gives what bounds the effects of rows without their leverages, made on first use: 1 / (1 - w h') is between 1 and 1 + gain.  Rows
 * that do not speak for items have no place among the best; one that may have to be solved directly can have any effect.
 */
static const RkBounds *
als_bounds(const RecoQuery *query)
{
	AlsQuery *user = query->state;
	AlsFewer *fewer = user->fewer;
	RkBounds *bounds;
	double *memory;

	if (fewer->bounds != NULL)
		return fewer->bounds;
	bounds = MemoryContextAlloc(user->context, sizeof(RkBounds));
	memory = MemoryContextAllocHuge(user->context, sizeof(double) * 3 * user->n);
	*bounds = (RkBounds){user->n, memory, memory + user->n, memory + 2 * user->n};
	rk_fold_gain(fewer->fold, bounds->gain);
	for (size_t j = 0; j < user->n; j++)
	{
		bool direct =
			1 + bounds->gain[j] >= 0.5 / DIRECT_REMAINDER || reco_query_revives(query, user->evidence[j]);

		bounds->gap[j] = direct ? 0 : user->target[j] - fewer->predicted[j];
		bounds->gain[j] = direct ? 0 : bounds->gain[j];
		bounds->other[j] = direct ? INFINITY : 0;
		if (!reco_query_speaks(query, user->evidence[j]))
			bounds->other[j] = -INFINITY;
	}
	return fewer->bounds = bounds;
}

/* als_greatest takes the row of the greatest bound, where that is positive; false when there is none. */
static bool
als_greatest(const AlsQuery *user, double *most, size_t *row, double *its_most)
{
	*row = rk_greatest(most, user->n);
	if (*row == user->n || !(most[*row] > 0))
		return false;
	*its_most = most[*row];
	most[*row] = -INFINITY;
	return true;
}

/* als_choice makes the choice among the rows that may be effective on an item, with the first ones taken. */
static AlsChoice
als_choice(const RecoQuery *query, const AlsEffects *all)
{
	const AlsQuery *user = query->state;
	AlsChoice choice = {.most = MemoryContextAllocHuge(user->context, sizeof(double) * user->n)};
	size_t taken = 0;

	rk_bounds(als_bounds(query), all->shift + BOUND_SLACK * fabs(all->shift), BOUND_SLACK, all->influence,
			  choice.most);
	while (taken < FIRST_EFFECTS &&
		   als_greatest(user, choice.most, &choice.first[taken], &choice.first_most[taken]))
		taken++;
	choice.n_first = taken;
	return choice;
}

/* als_next takes the row of the greatest bound, unless that is under a floor: false. */
static bool
als_next(const AlsQuery *user, AlsChoice *choice, size_t *taken, double floor, size_t *row)
{
	double most;

	if (*taken < choice->n_first)
	{
		*row = choice->first[*taken];
		most = choice->first_most[*taken];
	}
	else if (!als_greatest(user, choice->most, row, &most))
		return false;
	(*taken)++;
	return most >= floor;
}

/*
 * als_expect solves for what the effects on some items take: influences, and the leverages of the rows whose effects will be asked for
 * first.
 */
static void
als_expect(const RecoQuery *query, const uint32 *item, size_t n)
{
	AlsQuery *user = query->state;
	size_t row[MOST_EXPECTED * FIRST_EFFECTS];
	size_t m = 0;

	if (user->n < 2)
		return;
	n = Min(n, MOST_EXPECTED);
	als_expect_influences(query, item, n);
	for (size_t i = 0; i < n; i++)
	{
		AlsEffects all = als_effects(query, item[i]);
		AlsChoice choice = als_choice(query, &all);

		user->expected_choice[i] = choice;
		for (size_t f = 0; f < choice.n_first; f++)
			row[m++] = choice.first[f];
	}
	als_know(user, row, m);
}

/* als_take_choice gives the choice that was expected, once, or makes it. */
static AlsChoice
als_take_choice(const RecoQuery *query, const AlsEffects *all)
{
	AlsQuery *user = query->state;

	for (size_t i = 0; i < user->n_expected; i++)
		if (user->expected_item[i] == all->item && user->expected_choice[i].most != NULL)
		{
			AlsChoice choice = user->expected_choice[i];

			user->expected_choice[i].most = NULL;
			return choice;
		}
	return als_choice(query, all);
}

/*
 * als_best_removals computes effects in the order of their bounds until no row that is left could be
 * among the best: most rows never need their leverage.
 */
static int
als_best_removals(const RecoQuery *query, uint32 item, int k, int *evidence, double *effect)
{
	AlsQuery *user = query->state;
	AlsEffects all;
	AlsChoice choice;
	size_t taken = 0;
	size_t row;
	int n = 0;

	if (user->n == 0)
		return 0;
	if (user->n == 1)
	{
		*evidence = user->evidence[0];
		*effect = als_removal_direct(query, item, reco_query_score(query, item), *evidence);
		return *effect > 0 && reco_query_speaks(query, *evidence);
	}
	all = als_effects(query, item);
	choice = als_take_choice(query, &all);
	while (als_next(user, &choice, &taken, n == k ? effect[k - 1] : 0, &row))
	{
		double its_effect = als_effect(&all, row);

		if (its_effect > 0)
			reco_query_keep_best(user->evidence[row], its_effect, k, evidence, effect, &n);
		CHECK_FOR_INTERRUPTS();
	}
	pfree(choice.most);
	return n;
}

/* als_two_fewer gives the system with the lambda of two rows less, made on first use and kept with the query. */
static const AlsFewer *
als_two_fewer(const AlsModel *als, AlsQuery *user)
{
	MemoryContext previous;
	AlsFewer *fewer;

	if (user->two_fewer != NULL)
		return user->two_fewer;
	previous = MemoryContextSwitchTo(user->context);
	fewer = palloc0(sizeof(AlsFewer));
	fewer->vector = palloc(sizeof(double) * user->columns);
	fewer->predicted = palloc(sizeof(double) * user->n);
	fewer->lambda = reco_als_lambda(als, user->n - 2);
	fewer->diagonal = als_diagonal(als, user->columns, fewer->lambda);
	fewer->fold = als_factor(user, fewer->diagonal);
	rk_fold_user(fewer->fold, user->target, als_start(user, fewer->lambda, fewer->diagonal), fewer->vector,
				 reco_als_temporary(user));
	rk_fold_predict(fewer->fold, fewer->vector, fewer->predicted);
	MemoryContextSwitchTo(previous);
	return user->two_fewer = fewer;
}

/* als_row_vector gives the gathered factors of a row as doubles. */
static double *
als_row_vector(const AlsQuery *user, size_t j)
{
	double *vector = palloc(sizeof(double) * user->columns);

	for (size_t k = 0; k < user->columns; k++)
		vector[k] = user->factor[j * user->columns + k];
	return vector;
}

/*
 * als_removal_of_two is als_removals for two rows a and b that go together.  With B of lambda at n - 2,
 * g_j = w_j y_j^T B^-1 y_i and the 2 x 2 matrix K_jk = y_j^T B^-1 y_k w_k,
 *
 *		effect = s - s' + g_a e_a + g_b e_b,	(I - K) e = t - p'.
 *
 * False where the closed form does not hold or would lose digits.
 */
static bool
als_removal_of_two(const RecoQuery *query, uint32 item, int first, int second, double *effect)
{
	const AlsModel *als = query->model->state;
	AlsQuery *user = query->state;
	size_t row[2] = {als_row_of(user, first), als_row_of(user, second)};
	const AlsFewer *fewer;
	double *influence;
	double *target;
	double k[2][2];
	double gap[2];
	double determinant;
	double without;

	if (user->n < 3 || (int) user->n != query->n_evidence || row[0] == user->n || row[1] == user->n)
		return false;
	fewer = als_two_fewer(als, user);
	influence = palloc(sizeof(double) * user->n);
	for (int r = 0; r < 2; r++)
	{
		rk_fold_influences(fewer->fold, 1, als_row_vector(user, row[r]), influence, reco_als_temporary(user));
		k[r][0] = influence[row[0]];
		k[r][1] = influence[row[1]];
		gap[r] = user->target[row[r]] - fewer->predicted[row[r]];
	}
	determinant = (1 - k[0][0]) * (1 - k[1][1]) - k[0][1] * k[1][0];
	if (!(determinant > DIRECT_REMAINDER))
		return false;
	target = reco_als_item_vector(als, item, user->columns);
	rk_fold_influences(fewer->fold, 1, target, influence, reco_als_temporary(user));
	without = rk_dot_dd(fewer->vector, target, user->columns);
	if (query->model->explicit_feedback)
		without += als->parameter[ALS_PARAMETER_MEAN] + reco_items_bias(&als->items, item);
	*effect = reco_query_score(query, item) - without +
			  (influence[row[0]] * ((1 - k[1][1]) * gap[0] + k[0][1] * gap[1]) +
			   influence[row[1]] * ((1 - k[0][0]) * gap[1] + k[1][0] * gap[0])) /
				  determinant;
	return true;
}

/* als_crossed gives what row b adds to the effect of row a beside it, but for their coupling. */
static double
als_crossed(const AlsEffects *all, size_t a, size_t b)
{
	const AlsQuery *user = all->user;

	return all->influence[a] * (user->target[b] - all->fewer->predicted[b]) *
		   sqrt(user->weight[b] / user->weight[a]);
}

/*
 * als_joint gives the effect of rows a and b together in the system of B, and false where it would lose digits.  With
 * r = 1 - w h' and c the coupling sqrt(w_a w_b) y_a^T B^-1 y_b, the 2 x 2 system of als_removal_of_two has the determinant
 * r_a r_b - c^2.
 */
static bool
als_joint(const AlsEffects *all, size_t a, size_t b, double *joint)
{
	size_t row[2] = {a, b};
	double left_a;
	double left_b;
	double coupling;
	double determinant;

	als_know(all->user, row, 2);
	left_a = als_remainder(all->user, all->fewer, a);
	left_b = als_remainder(all->user, all->fewer, b);
	coupling = rk_fold_coupling(all->fewer->fold, a, all->fewer->half[a], b, all->fewer->half[b]);
	determinant = left_a * left_b - coupling * coupling;
	if (!(determinant > DIRECT_REMAINDER))
		return false;
	*joint = all->shift + (als_pull(all, a) * left_b + als_pull(all, b) * left_a +
						   coupling * (als_crossed(all, a, b) + als_crossed(all, b, a))) /
							  determinant;
	return true;
}

/* als_prior_loss gives the loss of the vector p = V g: sum w (t - y^T p)^2 + alpha0 p^T G p. */
static double
als_prior_loss(const AlsQuery *user)
{
	AlsFewer *fewer = user->fewer;
	double loss = 0;

	if (!isnan(fewer->loss))
		return fewer->loss;
	for (size_t j = 0; j < user->n; j++)
	{
		double gap = user->target[j];

		if (user->prior != NULL)
			gap -= rk_dot(user->prior, user->factor + j * user->columns, user->columns);
		loss += user->weight[j] * gap * gap;
	}
	for (size_t c = 0; user->prior != NULL && c < user->columns; c++)
		loss += (fewer->diagonal[c] - fewer->lambda) * user->prior[c] * user->prior[c];
	return fewer->loss = loss;
}

/*
 * als_joint_slack bounds how far the joint effect is from that of als_joint, whose lambda is that of n - 1 rows and not of
 * n - 2.  With A1 and A2 the systems of the rows that are left, A1 = A2 + delta I, and p = V g, the scores differ by
 * delta y^T A1^-1 (p - x2), at most delta sqrt(y^T D1^-1 y) |p - x2| / sqrt(lambda1); and lambda2 |p - x2|^2 is at most
 * the loss of the vector p.
 */
static double
als_joint_slack(const AlsEffects *all, double joint)
{
	const AlsModel *als = all->query->model->state;
	const AlsQuery *user = all->user;
	double *target = reco_als_item_vector(als, all->item, user->columns);
	double lambda = reco_als_lambda(als, user->n - 2);
	double size = 0;

	for (size_t c = 0; c < user->columns; c++)
		size += target[c] * target[c] / all->fewer->diagonal[c];
	pfree(target);
	return (all->fewer->lambda - lambda) * sqrt(size * als_prior_loss(user) / (lambda * all->fewer->lambda)) +
		   BOUND_SLACK * (fabs(all->score) + fabs(joint));
}

/* als_lowers_together decides by the system that all effects share, where the difference cannot matter. */
static bool
als_lowers_together(const RecoQuery *query, uint32 item, int first, int second, double least)
{
	const AlsQuery *user = query->state;
	size_t a = als_row_of(user, first);
	size_t b = als_row_of(user, second);

	if (user->n >= 3 && (int) user->n == query->n_evidence && a < user->n && b < user->n)
	{
		AlsEffects all = als_effects(query, item);
		double joint;

		if (als_joint(&all, a, b, &joint))
		{
			double slack = als_joint_slack(&all, joint);

			if (fabs(joint - least) > slack)
				return joint > least;
		}
	}
	return reco_query_removal_of_two(query, item, first, second) > least;
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
	.removals = als_removals,
	.removal_of_two = als_removal_of_two,
	.expect_removals = als_expect,
	.best_removals = als_best_removals,
	.lowers_together = als_lowers_together,
	.attributes = reco_als_attributes,
	.by_item = reco_als_by_item,
	.place = reco_als_place,
};
