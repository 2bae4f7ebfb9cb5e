/*
 * als_start.c
 *	  Matrix factorisation by alternating least squares: what sweeps begin with.
 *
 * Implicit feedback begins with singular vectors of the normalised matrix, found
 * by a few multiplications (guess()), so that few sweeps are needed.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "model/als_learner.h"

/* The first guess of implicit feedback: multiplications to and fro, and the root mean square length of an item. */
#define GUESS_ROUNDS 2
#define GUESS_LENGTH 0.3

/* random_items writes the start vectors of the items, functions of seed and key. */
static void
random_items(AlsLearner *learner)
{
	AlsShared *shared = learner->shared;
	size_t n_items = shared->items.problem.rows.n_rows;

	for (size_t i = 0; i < n_items; i++)
	{
		if (i % 256 == 0)
			CHECK_FOR_INTERRUPTS();
		if (rk_csr_count(&shared->items.problem.rows, i) > 0)
			learner->blas->init_row(learner->seed, learner->item_hash[i], shared->d,
									shared->items.factor + i * shared->d);
		else
			memset(shared->items.factor + i * shared->d, 0, sizeof(float) * shared->d);
	}
}

/* multiply writes the product of the normalised matrix with the factors of a side into those of the other, target. */
static void
multiply(AlsLearner *learner, AlsSide *target, AlsSide *other)
{
	AlsShared *shared = learner->shared;

	shared->target = target;
	shared->other = other;
	reco_als_run(learner, TASK_SPREAD, target->n_ranges, false);
}

/*
 * spread multiplies the factors of the items by the normalised matrix, to the users and back, and makes their columns
 * orthogonal.  Those of the users need not be: the way back is linear, so they span the same.
 */
static bool
spread(AlsLearner *learner, double size)
{
	AlsShared *shared = learner->shared;

	multiply(learner, &shared->users, &shared->items);
	multiply(learner, &shared->items, &shared->users);
	reco_als_diagonalise(learner, &shared->items, false);
	if (!learner->blas->whiten(shared->d, shared->slab, shared->eigenvalue, size, shared->vector))
		return false;
	reco_als_rotate(learner);
	return true;
}

/* degrees writes what the matrix is normalised by. */
static void
degrees(AlsLearner *learner)
{
	AlsSide *side[2] = {&learner->shared->users, &learner->shared->items};

	for (int s = 0; s < 2; s++)
		reco_learn_check(learner->blas->degree_range(&side[s]->problem.rows, 0, side[s]->problem.rows.n_rows,
													 side[s]->degree, &reco_pool_poll));
}

/*
 * guess turns start vectors of the items into leading singular vectors of the
 * normalised matrix (kernel/als.h), roughly: after them, one or two sweeps
 * measure what took five before, and better.  False, with factors undefined,
 * if all rows weigh nothing.
 */
static bool
guess(AlsLearner *learner)
{
	AlsShared *shared = learner->shared;
	double size = GUESS_LENGTH * sqrt((double) shared->users.problem.n_other);

	degrees(learner);
	for (int round = 1; round <= GUESS_ROUNDS; round++)
		if (!spread(learner, round == GUESS_ROUNDS ? size : 0))
			return false;
	return true;
}

void
reco_als_start(AlsLearner *learner)
{
	AlsShared *shared = learner->shared;

	random_items(learner);
	if (shared->items.bias != NULL)
		memset(shared->items.bias, 0, sizeof(float) * shared->items.problem.rows.n_rows);
	else if (guess(learner))
		reco_als_side_fit(learner, &shared->items);
	else
		random_items(learner);
	learner->steps_before = 0;
	learner->loss = NAN;
}

float *
reco_als_directions(AlsLearner *learner, const RkCsr *by_user, int rounds)
{
	AlsShared *shared = learner->shared;

	reco_als_set_rows(learner, by_user);
	random_items(learner);
	degrees(learner);
	for (int round = 0; round < rounds; round++)
		if (!spread(learner, 0))
			return NULL;
	return shared->items.factor;
}
