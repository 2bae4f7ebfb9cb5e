/*
 * als_attributes.c
 *	  Matrix factorisation by alternating least squares: what attributes have to do with a score.
 *
 * A user's vector is A^-1 (sum b_j y_j + lambda_u V g), so what is known of the user adds
 *
 *		lambda_u y_i^T A^-1 V g = sum_c g_c (lambda_u z . v_c) + lambda_u z . v_0,	z = A^-1 y_i,
 *
 * to the score of item i: an addend a column, and one for what is expected of anybody.  It is exactly what the score would lose if
 * nothing were said of it, not even that it is missing.
 *
 * An item's vector is W f_i and what its users said beyond that, so the same score is also
 *
 *		x . y_i = sum_c f_ic (x . w_c) + x . w_0 + x . (y_i - W f_i).
 *
 * f_i is that of the time of learning, as is y_i.  An item that came after the version has y_i = W f_i.
 */
#include "postgres.h"

#include <math.h>

#include "kernel/side.h"
#include "model/als_query.h"
#include "model/tensors.h"

/* What a bound allows for rounding, in parts of it. */
#define BOUND_SLACK 1e-9

/* find_map finds a map and checks its shape against the encoder; NULL where the version has none. */
static const float *
find_map(const RecoModel *model, const char *name, const RecoEncoder *encoder, size_t d)
{
	const RecoTensor *map = reco_store_find(model->tensors, name, RECO_FLOAT4, (int64) d);

	if (map == NULL)
		return NULL;
	if (encoder == NULL || map->rows != (int64) reco_encoder_n_columns(encoder) + 1)
		ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED),
						errmsg("tensor \"%s\" of the model does not fit its encoder", name),
						errhint("Learn a new version with CALL reco.refresh().")));
	return map->data;
}

void
reco_als_bind_attributes(RecoModel *model, AlsModel *als)
{
	als->user_map = find_map(model, TENSOR_USER_MAP, model->user_encoder, als->items.d);
	als->item_map = find_map(model, TENSOR_ITEM_MAP, model->item_encoder, als->items.d);
	model->asks_users = als->user_map != NULL;
	reco_items_grow(&als->items);
	if ((als->item_map != NULL) != (model->attributes.n_cols > 0))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("the attributes of the items in the model are missing or have the wrong shape"),
				 errhint("Learn a new version with CALL reco.refresh().")));
}

double *
reco_als_prior(const RecoQuery *query)
{
	const AlsModel *als = query->model->state;
	const RecoAttributes *known = &query->attributes;
	size_t d = als->items.d;
	double *prior;

	if (als->user_map == NULL)
		return NULL;
	prior = palloc0(sizeof(double) * (d + 1));
	rk_side_map(als->user_map, reco_encoder_n_columns(query->model->user_encoder), d, known->column,
				known->value, known->n, prior);
	return prior;
}

/* pull gives lambda_u A^-1 y_i: what a direction of V g is worth to the item. */
static double *
pull(const RecoQuery *query, uint32 item)
{
	const AlsModel *als = query->model->state;
	AlsQuery *user = query->state;
	double *z = reco_als_item_vector(als, item, user->columns);

	if (user->n > 0)
		rk_fold_solve(user->fold, z, z, reco_als_temporary(user));
	for (size_t k = 0; k < user->columns; k++)
	{
		if (user->n > 0)
			z[k] *= user->lambda;
		else if (user->diagonal[k] > 0)
			z[k] *= user->lambda / user->diagonal[k];
	}
	return z;
}

/* map_row gives the row of a map for a column. */
static const float *
map_row(const float *map, size_t column, size_t d)
{
	return map + column * d;
}

int
reco_als_own_addends(const RecoQuery *query, uint32 item, RecoAddend *addend)
{
	const AlsModel *als = query->model->state;
	const RecoAttributes *known = &query->attributes;
	size_t d = als->items.d;
	int n = 0;
	double *worth;

	if (als->user_map == NULL)
		return 0;
	worth = pull(query, item);
	for (size_t c = 0; c < known->n; c++)
		addend[n++] = (RecoAddend){RECO_ADDEND_ATTRIBUTE, -1,
								   (double) known->value[c] *
									   rk_dot(worth, map_row(als->user_map, known->column[c], d), d),
								   (int) known->column[c]};
	addend[n++] = (RecoAddend){
		RECO_ADDEND_PRIOR, -1,
		rk_dot(worth, map_row(als->user_map, reco_encoder_n_columns(query->model->user_encoder), d), d), -1};
	pfree(worth);
	return n;
}

RecoAddend *
reco_als_by_item(const RecoQuery *query, uint32 item, int *n)
{
	const AlsModel *als = query->model->state;
	const AlsQuery *user = query->state;
	size_t d = als->items.d;
	double rest = reco_query_score(query, item);
	RecoAttributes known;
	RecoAddend *addend;

	*n = 0;
	if (als->item_map == NULL)
		return NULL;
	known = reco_model_attributes(query->model, item);
	addend = palloc(sizeof(RecoAddend) * (known.n + 4));
	for (size_t e = 0; e < known.n; e++)
		addend[(*n)++] = (RecoAddend){RECO_ADDEND_ATTRIBUTE, -1,
									  (double) known.value[e] *
										  rk_dot(user->vector, map_row(als->item_map, known.column[e], d), d),
									  (int) known.column[e]};
	addend[(*n)++] =
		(RecoAddend){RECO_ADDEND_PRIOR, -1,
					 rk_dot(user->vector, map_row(als->item_map, query->model->attributes.n_cols, d), d), -1};
	if (query->model->explicit_feedback)
		addend[(*n)++] = (RecoAddend){RECO_ADDEND_AVERAGE, -1, als->parameter[ALS_PARAMETER_MEAN], -1};
	/* the user's own bias, which is of all the user's ratings */
	if (query->model->explicit_feedback && user->n > 0)
		addend[(*n)++] = (RecoAddend){RECO_ADDEND_HISTORY, -1, user->vector[d], -1};
	for (int a = 0; a < *n; a++)
		rest -= addend[a].contribution;
	addend[(*n)++] = (RecoAddend){RECO_ADDEND_ITEM, -1, rest, -1};
	return addend;
}

void
reco_als_place(const RecoModel *model, const RecoAttributes *attributes, float *row)
{
	const AlsModel *als = model->state;
	size_t d = als->items.d;
	double *place = palloc(sizeof(double) * d);

	rk_side_map(als->item_map, model->attributes.n_cols, d, attributes->column, attributes->value,
				attributes->n, place);
	for (size_t k = 0; k < d; k++)
		row[k] = (float) place[k];
	pfree(place);
}

/* length gives sqrt(v^T D^-1 v), v being d numbers and, with a bias, "last"; infinity where D has a zero. */
static double
length(const AlsQuery *user, const float *v, size_t d, double last)
{
	double sum = user->columns > d ? last * last / user->diagonal[d] : 0;

	for (size_t k = 0; k < d; k++)
		sum += (double) v[k] * (double) v[k] / user->diagonal[k];
	return isfinite(sum) ? sqrt(sum) : INFINITY;
}

/*
 * bound_own gives the most that a share can be worth: with A = D + (positive semidefinite), the square of y^T A^-1 v is at most
 * (y^T D^-1 y) (v^T D^-1 v).  A share of a column is lambda_u g_c y^T A^-1 v_c.
 */
static double
bound_own(const RecoQuery *query, const AlsOwn *own)
{
	const AlsModel *als = query->model->state;
	const AlsQuery *user = query->state;
	const RecoAttributes *known = &query->attributes;
	double *share = palloc0(sizeof(double) * Max(own->n, 1));
	double most = 0;

	for (size_t c = 0; c < known->n; c++)
		share[own->place[c]] +=
			user->lambda * fabs((double) known->value[c]) *
			length(user, map_row(als->user_map, known->column[c], als->items.d), als->items.d, 0);
	for (int s = 0; s < own->n; s++)
		most = Max(most, share[s]);
	pfree(share);
	return most * (1 + BOUND_SLACK);
}

/* worded_own gives the wording of the user's own attributes, made at the first item that asks for it. */
static const AlsOwn *
worded_own(const RecoQuery *query)
{
	AlsQuery *user = query->state;
	const RecoAttributes *known = &query->attributes;
	RecoAddend *addend;
	MemoryContext previous;

	if (user->own != NULL)
		return user->own;
	previous = MemoryContextSwitchTo(user->context);
	addend = palloc0(sizeof(RecoAddend) * Max(known->n, 1));
	for (size_t c = 0; c < known->n; c++)
		addend[c] = (RecoAddend){RECO_ADDEND_ATTRIBUTE, -1, 0, (int) known->column[c]};
	user->own = palloc(sizeof(AlsOwn));
	user->own->place = palloc(sizeof(int) * Max(known->n, 1));
	user->own->share = reco_attribute_shares(query->model->user_encoder, addend, (int) known->n, true,
											 &user->own->n, user->own->place);
	user->own->most = bound_own(query, user->own);
	pfree(addend);
	MemoryContextSwitchTo(previous);
	return user->own;
}

/* own_shares gives what the user's own attributes are owed of a score, with room for "more", and their number: 0 where none can be owed "least". */
static RecoAttributeShare *
own_shares(const RecoQuery *query, uint32 item, double least, int more, int *n)
{
	const AlsModel *als = query->model->state;
	const AlsOwn *own = worded_own(query);
	RecoAttributeShare *share = palloc(sizeof(RecoAttributeShare) * (own->n + more + 1));
	RecoAddend *addend;

	*n = 0;
	if (own->most * length(query->state, reco_items_row(&als->items, item), als->items.d, 1) < least)
		return share;
	addend = palloc(sizeof(RecoAddend) * reco_query_most_addends(query));
	(void) reco_als_own_addends(query, item, addend);
	memcpy(share, own->share, sizeof(RecoAttributeShare) * own->n);
	for (size_t a = 0; a < query->attributes.n; a++)
	{
		share[own->place[a]].contribution += addend[a].contribution;
		share[own->place[a]].removal += addend[a].contribution;
	}
	*n = own->n;
	pfree(addend);
	return share;
}

/*
 * reco_als_attributes gives the user's own attributes, and those of an item that nobody had chosen: its vector is what they
 * say and nothing else, so the score would be that much less without them.  An item with a history would be much the same
 * item to the model if an attribute of it were not known.
 */
RecoAttributeShare *
reco_als_attributes(const RecoQuery *query, uint32 item, double least, int *n)
{
	const RecoModel *model = query->model;
	const AlsModel *als = model->state;
	RecoAttributeShare *of_item = NULL;
	RecoAttributeShare *share;
	int n_of_item = 0;

	if (model->reads_items && reco_model_is_unseen(model, item))
	{
		int n_addends;
		RecoAddend *addend = reco_als_by_item(query, item, &n_addends);

		if (addend != NULL)
			of_item = reco_attribute_shares(model->item_encoder, addend, n_addends, false, &n_of_item, NULL);
	}
	*n = 0;
	if (als->user_map == NULL)
	{
		*n = n_of_item;
		return of_item;
	}
	share = own_shares(query, item, n_of_item > 0 ? -INFINITY : least, n_of_item, n);
	if (n_of_item > 0)
		memcpy(share + *n, of_item, sizeof(RecoAttributeShare) * n_of_item);
	*n += n_of_item;
	return share;
}
