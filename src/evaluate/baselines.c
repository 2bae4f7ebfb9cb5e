/*
 * baselines.c
 *	  What any model has to beat, derived from the training part.
 *
 *	popularity	items by the number of users who have a row with t > 0, as the
 *				lowest rung of serving counts it
 *	item mean	a rating is predicted as the item's weighted mean rating; items
 *				are ranked by that mean damped with DAMPING ratings of the global
 *				mean, or else one enthusiast puts an item on top
 *	global mean	a rating is predicted as the weighted mean of all ratings
 *
 *	random		items by hash(seed, user key, item key): what chance gives; nothing to derive
 *
 * Ties are broken by the hash of the key, not by the key: keys are often given
 * in the order of popularity.
 */
#include "postgres.h"

#include "evaluate/internal.h"

#define DAMPING 5.0

/* An item with what it is ordered by. */
typedef struct Standing
{
	uint32 item;
	uint32 tie;
	double score;
} Standing;

static int
compare_standing(const void *a, const void *b, void *unused)
{
	const Standing *x = a;
	const Standing *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->tie != y->tie)
		return x->tie < y->tie ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

/* order_by lists the items by descending score [n_items]. */
static uint32 *
order_by(const RecoEvaluation *evaluation, const double *score)
{
	size_t n = evaluation->data->n_items;
	Standing *standing = reco_evaluate_alloc(n, sizeof(Standing));
	uint32 *order = reco_evaluate_alloc(n, sizeof(uint32));

	for (size_t i = 0; i < n; i++)
		standing[i] = (Standing){(uint32) i, evaluation->tie[i], score[i]};
	qsort_interruptible(standing, n, sizeof(Standing), compare_standing, NULL);
	for (size_t i = 0; i < n; i++)
		order[i] = standing[i].item;
	pfree(standing);
	return order;
}

/* count_users gives the number of users with a positive row on each item. */
static double *
count_users(const RecoDataset *data)
{
	double *users = reco_evaluate_alloc(data->n_items, sizeof(double));

	for (size_t k = 0; k < rk_csr_nnz(&data->by_user); k++)
		if (data->by_user.target[k] > 0)
			users[data->by_user.index[k]] += 1;
	return users;
}

/* learn_means fills item_mean, by_mean and global_mean. */
static void
learn_means(RecoEvaluation *evaluation)
{
	RecoBaselines *baselines = &evaluation->baselines;
	const RecoDataset *data = evaluation->data;
	double *weight = reco_evaluate_alloc(data->n_items, sizeof(double));
	double *sum = reco_evaluate_alloc(data->n_items, sizeof(double));
	double *damped = reco_evaluate_alloc(data->n_items, sizeof(double));
	double total_weight = 0;
	double total = 0;

	for (size_t k = 0; k < rk_csr_nnz(&data->by_user); k++)
	{
		double w = data->by_user.weight[k];

		weight[data->by_user.index[k]] += w;
		sum[data->by_user.index[k]] += w * data->by_user.target[k];
		total_weight += w;
		total += w * data->by_user.target[k];
	}
	baselines->global_mean = total / total_weight;
	baselines->item_mean = reco_evaluate_alloc(data->n_items, sizeof(double));
	for (size_t i = 0; i < data->n_items; i++)
	{
		baselines->item_mean[i] = weight[i] > 0 ? sum[i] / weight[i] : baselines->global_mean;
		damped[i] = (sum[i] + DAMPING * baselines->global_mean) / (weight[i] + DAMPING);
	}
	baselines->by_mean = order_by(evaluation, damped);
	pfree(weight);
	pfree(sum);
	baselines->damped = damped;
}

/* group_items puts the items, most popular first, into groups of a third of the rows each. */
static void
group_items(RecoEvaluation *evaluation)
{
	const RecoBaselines *baselines = &evaluation->baselines;
	size_t n = evaluation->data->n_items;
	double total = 0;
	double before = 0;

	evaluation->item_group = reco_evaluate_alloc(n, 1);
	for (size_t i = 0; i < n; i++)
		total += baselines->users[i];
	for (size_t place = 0; place < n; place++)
	{
		uint32 item = baselines->popular[place];

		evaluation->item_group[item] = baselines->users[item] == 0 ? RECO_ITEMS_NEW
									   : 3 * before < total        ? RECO_ITEMS_HEAD
									   : 3 * before < 2 * total    ? RECO_ITEMS_MIDDLE
																   : RECO_ITEMS_TAIL;
		before += baselines->users[item];
	}
}

/* reco_evaluate_learn_baselines fills the baselines and the groups of items; needs the training part. */
void
reco_evaluate_learn_baselines(RecoEvaluation *evaluation)
{
	RecoBaselines *baselines = &evaluation->baselines;

	baselines->users = count_users(evaluation->data);
	baselines->popular = order_by(evaluation, baselines->users);
	group_items(evaluation);
	if (evaluation->definition->explicit_feedback)
		learn_means(evaluation);
}
