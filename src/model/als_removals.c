/*
 * als_removals.c
 *	  What scores lose when a row of the user is taken away.
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
#include "model/als_removals.h"

/* Rows whose leverages are computed between two checks for interrupts. */
#define KNOWN_AT_ONCE ((size_t) 48)

/* als_removal_direct solves the user again without one piece of evidence. */
static double
als_removal_direct(const RecoQuery *query, uint32 item, double score, int evidence)
{
	bool *removed = palloc0(sizeof(bool) * query->n_evidence);

	removed[evidence] = true;
	return score - reco_query_score(reco_query_without(query, removed), item);
}

AlsFewer *
reco_als_fewer(const AlsModel *als, AlsQuery *user, size_t less)
{
	MemoryContext previous = MemoryContextSwitchTo(user->context);
	AlsFewer *fewer = palloc0(sizeof(AlsFewer));

	fewer->vector = palloc(sizeof(double) * user->columns);
	fewer->predicted = palloc(sizeof(double) * user->n);
	fewer->lambda = reco_als_lambda(als, user->n - less);
	fewer->diagonal = reco_als_diagonal(als, user->columns, fewer->lambda);
	fewer->fold = reco_als_factor(user, fewer->diagonal);
	rk_fold_user(fewer->fold, user->target, reco_als_without_rows(user, fewer->lambda, fewer->diagonal),
				 fewer->vector, reco_als_temporary(user));
	rk_fold_predict(fewer->fold, fewer->vector, fewer->predicted);
	MemoryContextSwitchTo(previous);
	return fewer;
}

/* als_fewer gives the system of B, made on first use and kept with the query. */
static const AlsFewer *
als_fewer(const AlsModel *als, AlsQuery *user)
{
	AlsFewer *fewer;

	if (user->fewer != NULL)
		return user->fewer;
	fewer = reco_als_fewer(als, user, 1);
	fewer->remainder = MemoryContextAllocHuge(user->context, sizeof(double) * user->n);
	fewer->half = MemoryContextAllocZero(user->context, sizeof(double *) * user->n);
	fewer->loss = NAN;
	for (size_t j = 0; j < user->n; j++)
		fewer->remainder[j] = NAN;
	return user->fewer = fewer;
}

void
reco_als_know(AlsQuery *user, size_t *row, size_t m)
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

double
reco_als_remainder(AlsQuery *user, const AlsFewer *fewer, size_t j)
{
	size_t row = j;

	if (isnan(fewer->remainder[j]))
		reco_als_know(user, &row, 1);
	return fewer->remainder[j];
}

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

AlsEffects
reco_als_effects(const RecoQuery *query, uint32 item)
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

double
reco_als_pull(const AlsEffects *all, size_t j)
{
	return all->influence[j] * (all->user->target[j] - all->fewer->predicted[j]);
}

/* als_effect gives the effect of row j. */
static double
als_effect(const AlsEffects *all, size_t j)
{
	double remainder = reco_als_remainder(all->user, all->fewer, j);

	if (!(remainder >= DIRECT_REMAINDER) || reco_query_revives(all->query, all->user->evidence[j]))
		return als_removal_direct(all->query, all->item, all->score, all->user->evidence[j]);
	return all->shift + reco_als_pull(all, j) / remainder;
}

size_t
reco_als_row_of(const AlsQuery *user, int evidence)
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

/* reco_als_removals computes the effects of pieces; see the top of the file. */
void
reco_als_removals(const RecoQuery *query, uint32 item, const int *piece, int n, double *effect)
{
	AlsQuery *user = query->state;
	size_t *row = palloc_extended(sizeof(size_t) * Max(n, 1), MCXT_ALLOC_HUGE);
	size_t m = 0;
	AlsEffects all;

	memset(effect, 0, sizeof(double) * n);
	for (int p = 0; p < n; p++)
	{
		row[m] = reco_als_row_of(user, piece != NULL ? piece[p] : p);
		m += row[m] < user->n;
	}
	if (user->n > 1 && m > 0)
	{
		all = reco_als_effects(query, item);
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
 * reco_als_expect solves for what the effects on some items take: influences, and the leverages of the rows whose effects will be asked for
 * first.
 */
void
reco_als_expect(const RecoQuery *query, const uint32 *item, size_t n)
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
		AlsEffects all = reco_als_effects(query, item[i]);
		AlsChoice choice = als_choice(query, &all);

		user->expected_choice[i] = choice;
		for (size_t f = 0; f < choice.n_first; f++)
			row[m++] = choice.first[f];
	}
	reco_als_know(user, row, m);
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
 * reco_als_best_removals computes effects in the order of their bounds until no row that is left could be
 * among the best: most rows never need their leverage.
 */
int
reco_als_best_removals(const RecoQuery *query, uint32 item, int k, int *evidence, double *effect)
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
	all = reco_als_effects(query, item);
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
