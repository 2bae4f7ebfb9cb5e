/*
 * blend.c
 *	  Several models as one: serving.
 *
 * A member is a model like any other, of the blend's items and folding.  A query of
 * a blend holds a query of each member over the same evidence, and has all their terms, scaled; so a score, a
 * list, an explanation and a removal are sums of the members', and whatever is exact of them
 * is exact of the blend.
 */
#include "postgres.h"

#include "model/blend.h"
#include "model/tensors.h"

/* What represent leaves for explanations. */
typedef struct BlendQuery
{
	RecoQuery *member[BLEND_MOST_MEMBERS];
} BlendQuery;

bool
reco_blend_allows(const RecoAlgorithm *algorithm)
{
	/* a half-life of its own needs rows folded its own way */
	for (int o = 0; o < algorithm->n_options; o++)
		if (strcmp(algorithm->option[o].name, RECO_OPTION_HALF_LIFE) == 0)
			return false;
	return strcmp(algorithm->name, "blend") != 0;
}

RecoModel *
reco_blend_member(const RecoModel *whole, const RecoAlgorithm *algorithm, const RecoTensorSet *tensors)
{
	RecoModel *model = palloc(sizeof(RecoModel));

	*model = *whole;
	model->algorithm = algorithm;
	model->tensors = tensors;
	model->item_encoder = NULL;
	model->user_encoder = NULL;
	model->embedding = NULL;
	model->similar = NULL;
	model->state = NULL;
	algorithm->bind(model);
	return model;
}

/* tensors_of gives the tensors of one member, under their own names. */
static RecoTensorSet *
tensors_of(const RecoTensorSet *all, const char *name)
{
	RecoTensorSet *own = palloc(sizeof(RecoTensorSet));
	size_t length = strlen(name);

	*own = *all;
	own->n = 0;
	own->tensor = palloc(sizeof(RecoTensor) * all->n);
	for (int t = 0; t < all->n; t++)
		if (strncmp(all->tensor[t].name, name, length) == 0 && all->tensor[t].name[length] == '.')
		{
			own->tensor[own->n] = all->tensor[t];
			own->tensor[own->n++].name = all->tensor[t].name + length + 1;
		}
	return own;
}

static void
blend_bind(RecoModel *model)
{
	RecoBlend *blend = palloc0(sizeof(RecoBlend));
	int n_algorithms;
	const char *const *name = reco_algorithm_names(&n_algorithms);

	for (int a = 0; a < n_algorithms; a++)
	{
		const RecoAlgorithm *algorithm = reco_algorithm_find(name[a]);
		RecoTensorSet *tensors = tensors_of(model->tensors, name[a]);

		if (tensors->n == 0 || !reco_blend_allows(algorithm) || blend->n == BLEND_MOST_MEMBERS)
			continue;
		blend->weight[blend->n] =
			*(const double *) reco_model_tensor(tensors, BLEND_WEIGHT, RECO_FLOAT8, 1, 1);
		if (reco_store_find(tensors, BLEND_SCALE, RECO_FLOAT8, 1) != NULL)
			blend->scale[blend->n] = reco_model_tensor(tensors, BLEND_SCALE, RECO_FLOAT8, 1, 1);
		blend->member[blend->n++] = reco_blend_member(model, algorithm, tensors);
	}
	if (blend->n == 0)
		reco_model_refuse(BLEND_WEIGHT);
	for (int m = 0; m < blend->n; m++)
	{
		if (model->similar == NULL)
			model->similar = blend->member[m]->similar;
		if (model->embedding == NULL)
			model->embedding = blend->member[m]->embedding;
	}
	model->state = blend;
}

static void
blend_check(const RecoModel *model)
{
	const RecoBlend *blend = model->state;

	for (int m = 0; m < blend->n; m++)
	{
		if (!(blend->weight[m] >= 0))
			reco_model_refuse(BLEND_WEIGHT);
		blend->member[m]->algorithm->check(blend->member[m]);
	}
}

/* scaled gives n numbers times a weight, in the current context. */
static double *
scaled(const double *value, size_t n, double weight)
{
	double *out = palloc_extended(sizeof(double) * Max(n, 1), MCXT_ALLOC_HUGE);

	for (size_t k = 0; k < n; k++)
		out[k] = value[k] * weight;
	return out;
}

/* add_term adds a member's term to those of the blend. */
static void
add_term(RecoQuery *query, const RecoTerm *of_member, double weight)
{
	RecoTerm *term = &query->term[query->n_terms++];

	*term = *of_member;
	if (term->kind == RECO_TERM_DENSE)
		term->vector = scaled(of_member->vector, term->items->d, weight);
	else if (term->kind == RECO_TERM_SPARSE)
		term->row_weight = scaled(of_member->row_weight, term->n_rows, weight);
	else
		elog(ERROR, "a blend cannot have a member with a term of kind %d", (int) term->kind);
}

static void
blend_represent(const RecoModel *model, RecoQuery *query)
{
	const RecoBlend *blend = model->state;
	BlendQuery *user = palloc0(sizeof(BlendQuery));
	int n_terms = 0;

	for (int m = 0; m < blend->n; m++)
	{
		RecoQuery *own = palloc(sizeof(RecoQuery));

		*own = *query;
		own->model = blend->member[m];
		own->constant = 0;
		own->n_terms = 0;
		own->term = NULL;
		own->state = NULL;
		blend->member[m]->algorithm->represent(blend->member[m], own);
		user->member[m] = own;
		n_terms += own->n_terms;
	}
	query->term = palloc(sizeof(RecoTerm) * Max(n_terms, 1));
	for (int m = 0; m < blend->n; m++)
	{
		query->constant += blend->weight[m] * user->member[m]->constant;
		for (int t = 0; t < user->member[m]->n_terms; t++)
			add_term(query, &user->member[m]->term[t], blend->weight[m]);
	}
	query->state = user;
}

/*
 * blend_contributions adds the addends of members up, those of a piece of evidence to one, and those of
 * no evidence by kind.
 */
static int
blend_contributions(const RecoQuery *query, uint32 item, RecoAddend *addend)
{
	const RecoBlend *blend = query->model->state;
	const BlendQuery *user = query->state;
	RecoAddend *own = palloc(sizeof(RecoAddend) * (query->n_evidence + RECO_EXTRA_ADDENDS));
	RecoAddend *of_evidence = palloc0(sizeof(RecoAddend) * Max(query->n_evidence, 1));
	bool *met = palloc0(sizeof(bool) * Max(query->n_evidence, 1));
	int n = 0;

	for (int m = 0; m < blend->n; m++)
	{
		int n_own = reco_query_contributions(user->member[m], item, own);

		for (int a = 0; a < n_own; a++)
		{
			RecoAddend *sum = NULL;

			if (own[a].evidence >= 0)
			{
				sum = &of_evidence[own[a].evidence];
				met[own[a].evidence] = true;
			}
			else
			{
				for (int e = 0; sum == NULL && e < n; e++)
					if (addend[e].kind == own[a].kind)
						sum = &addend[e];
				if (sum == NULL)
				{
					sum = &addend[n++];
					sum->contribution = 0;
				}
			}
			sum->kind = own[a].kind;
			sum->evidence = own[a].evidence;
			sum->contribution += blend->weight[m] * own[a].contribution;
		}
	}
	for (int e = 0; e < query->n_evidence; e++)
		if (met[e])
			addend[n++] = of_evidence[e];
	pfree(own);
	pfree(of_evidence);
	pfree(met);
	return n;
}

static RecoMemberShare *
blend_by_member(const RecoQuery *query, uint32 item, int *n)
{
	const RecoBlend *blend = query->model->state;
	const BlendQuery *user = query->state;
	RecoMemberShare *share = palloc(sizeof(RecoMemberShare) * blend->n);

	for (int m = 0; m < blend->n; m++)
		share[m] = (RecoMemberShare){blend->member[m]->algorithm->name, blend->weight[m],
									 reco_query_score(user->member[m], item)};
	*n = blend->n;
	return share;
}

static void
blend_removals(const RecoQuery *query, uint32 item, const int *piece, int n, double *effect)
{
	const RecoBlend *blend = query->model->state;
	const BlendQuery *user = query->state;
	double *own = palloc(sizeof(double) * Max(n, 1));

	memset(effect, 0, sizeof(double) * n);
	for (int m = 0; m < blend->n; m++)
	{
		reco_query_removals_of(user->member[m], item, piece, n, own);
		for (int p = 0; p < n; p++)
			effect[p] += blend->weight[m] * own[p];
	}
	pfree(own);
}

/* blend_removal_of_two adds the members' up, so that those that know a closed form use it. */
static bool
blend_removal_of_two(const RecoQuery *query, uint32 item, int first, int second, double *effect)
{
	const RecoBlend *blend = query->model->state;
	const BlendQuery *user = query->state;

	*effect = 0;
	for (int m = 0; m < blend->n; m++)
		*effect += blend->weight[m] * reco_query_removal_of_two(user->member[m], item, first, second);
	return true;
}

/* blend_use streams nothing: the copies to rank by can be done without. */
static RecoTensorUse
blend_use(const char *tensor)
{
	const char *own = strchr(tensor, '.');

	return own != NULL && strncmp(own + 1, TENSOR_RANK, strlen(TENSOR_RANK)) == 0 ? RECO_TENSOR_LEFT_OUT
																				  : RECO_TENSOR_HELD;
}

/* In units of the spread of a member's scores. */
static const RecoTuning blend_tuning[] = {
	{"weights", RECO_TUNE_EACH, 0.25, 4, NULL},
};

const RecoAlgorithm reco_blend = {
	.name = "blend",
	.linearity = RECO_AFFINE,
	.implicit_only = true,
	.option = reco_blend_option,
	.n_options = BLEND_N_OPTIONS,
	.tuning = blend_tuning,
	.n_tuning = lengthof(blend_tuning),
	.check_options = reco_blend_check_options,
	.learn_bytes = reco_blend_learn_bytes,
	.learn = reco_blend_learn,
	.again = reco_blend_again,
	.bind = blend_bind,
	.use = blend_use,
	.check = blend_check,
	.represent = blend_represent,
	.contributions = blend_contributions,
	.by_member = blend_by_member,
	.removals = blend_removals,
	.removal_of_two = blend_removal_of_two,
};
