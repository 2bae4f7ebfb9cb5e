/*
 * als_removal_of_two.c
 *	  What a score loses when two rows of the user are taken away together.
 */
#include "postgres.h"

#include <math.h>

#include "kernel/solve.h"
#include "model/als_removals.h"

/* als_two_fewer gives the system with the lambda of two rows less, made on first use and kept with the query. */
static const AlsFewer *
als_two_fewer(const AlsModel *als, AlsQuery *user)
{
	if (user->two_fewer == NULL)
		user->two_fewer = reco_als_fewer(als, user, 2);
	return user->two_fewer;
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
 * reco_als_removal_of_two is reco_als_removals for two rows a and b that go together.  With B of lambda at n - 2,
 * g_j = w_j y_j^T B^-1 y_i and the 2 x 2 matrix K_jk = y_j^T B^-1 y_k w_k,
 *
 *		effect = s - s' + g_a e_a + g_b e_b,	(I - K) e = t - p'.
 *
 * False where the closed form does not hold or would lose digits.
 */
bool
reco_als_removal_of_two(const RecoQuery *query, uint32 item, int first, int second, double *effect)
{
	const AlsModel *als = query->model->state;
	AlsQuery *user = query->state;
	size_t row[2] = {reco_als_row_of(user, first), reco_als_row_of(user, second)};
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
 * r = 1 - w h' and c the coupling sqrt(w_a w_b) y_a^T B^-1 y_b, the 2 x 2 system of reco_als_removal_of_two has the determinant
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

	reco_als_know(all->user, row, 2);
	left_a = reco_als_remainder(all->user, all->fewer, a);
	left_b = reco_als_remainder(all->user, all->fewer, b);
	coupling = rk_fold_coupling(all->fewer->fold, a, all->fewer->half[a], b, all->fewer->half[b]);
	determinant = left_a * left_b - coupling * coupling;
	if (!(determinant > DIRECT_REMAINDER))
		return false;
	*joint = all->shift + (reco_als_pull(all, a) * left_b + reco_als_pull(all, b) * left_a +
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

/* reco_als_lowers_together decides by the system that all effects share, where the difference cannot matter. */
bool
reco_als_lowers_together(const RecoQuery *query, uint32 item, int first, int second, double least)
{
	const AlsQuery *user = query->state;
	size_t a = reco_als_row_of(user, first);
	size_t b = reco_als_row_of(user, second);

	if (user->n >= 3 && (int) user->n == query->n_evidence && a < user->n && b < user->n)
	{
		AlsEffects all = reco_als_effects(query, item);
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
