/*
 * als_choose.c
 *	  Matrix factorisation by alternating least squares: how many sweeps?
 *
 * The training loss cannot say: it falls long after recall has begun to.  So
 * 2 % of the rows (at least 500, at most a fifth) are held out by a hash of
 * user and item, sweeps are done on the rest, and they end
 * when the held-out measure (NDCG@20; RMSE for explicit feedback) has not
 * improved.  The version is then learned from all rows with the number of
 * sweeps that measured best.
 *
 * Where something is known of users, how far they are drawn to what it says (als_side.c) is chosen with it: half the way, or all
 * of it, if the lists of the held-out users are better for that beyond doubt, first with the items as they are and then with those that are learned so.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "kernel/rng.h"
#include "kernel/solve.h"
#include "model/als_learner.h"
#include "parallel/progress.h"

/* The least share by which a sweep must lower the held-out RMSE. */
#define RMSE_WORTH 0.001

/* Sweeps when nothing can be held out (no user has two rows). */
#define SWEEPS_UNMEASURED 8

/* The standard errors by which the mean difference between two pulls must exceed 0. */
#define PULL_DOUBT 2

/* What was measured of one pull. */
typedef struct AlsMeasured
{
	int n;
	int best;           /* the sweep that measured best, the first is 1 */
	double value[1000]; /* by sweep */
} AlsMeasured;

/* The held-out rows. */
typedef struct AlsValidation
{
	AlsHeldOut rows;
	AlsMeasured measured;
} AlsValidation;

/* user_key_hash hashes the key of a user of the dataset. */
static uint64
user_key_hash(const AlsLearner *learner, size_t user)
{
	RecoKey key = reco_keys_get(learner->input->users, learner->input->data->user_of[user]);

	return reco_key_hash(learner->seed, &key);
}

/* list_users chooses the users to measure: all with held-out rows, or a sample by hash of about VALIDATION_USERS. */
static void
list_users(AlsLearner *learner, const AlsValidation *validation)
{
	AlsShared *shared = learner->shared;
	size_t n = reco_als_count_rows(&validation->rows.test);
	double share = n > VALIDATION_USERS ? (double) VALIDATION_USERS / (double) n : 1;
	uint32 *list = reco_area_alloc(learner->input->area, sizeof(uint32) * (n + 1));

	shared->n_list = 0;
	for (size_t u = 0; u < validation->rows.test.n_rows; u++)
		if (rk_csr_count(&validation->rows.test, u) > 0 &&
			(double) (rk_hash_mix(user_key_hash(learner, u), 1) >> 11) * 0x1p-53 < share)
			list[shared->n_list++] = (uint32) u;
	shared->ndcg = reco_area_alloc(learner->input->area, sizeof(double) * (n + 1));
	shared->holdout.user = list;
}

/* set_holdout states what the held-out measure looks at; train and test lie in the area beside it. */
static void
set_holdout(AlsLearner *learner, const AlsValidation *validation)
{
	AlsShared *shared = learner->shared;
	RkCsr *csr = reco_area_alloc(learner->input->area, sizeof(RkCsr) * 2);

	csr[0] = validation->rows.train;
	csr[1] = validation->rows.test;
	shared->holdout.user_factor = shared->users.factor;
	shared->holdout.train = &csr[0];
	shared->holdout.test = &csr[1];
	shared->holdout.tie = learner->tie;
	shared->holdout.k = VALIDATION_K;
	list_users(learner, validation);
	if (!learner->input->explicit_feedback)
		reco_als_index_room(learner);
}

/* run_listed runs a task on the listed users. */
static void
run_listed(AlsLearner *learner, AlsTask task)
{
	reco_als_run(learner, task, (learner->shared->n_list + VALIDATION_RANGE - 1) / VALIDATION_RANGE, false);
}

/* held_out_ndcg averages NDCG@20 over the listed users. */
static double
held_out_ndcg(AlsLearner *learner)
{
	AlsShared *shared = learner->shared;
	double sum = 0;

	reco_als_index_fill(learner);
	shared->holdout.items = shared->ranked;
	run_listed(learner, TASK_HOLDOUT);
	for (size_t l = 0; l < shared->n_list; l++)
		sum += shared->ndcg[l];
	return sum / (double) shared->n_list;
}

/* held_out_rmse gives the negative RMSE over all held-out rows, so that greater is better. */
static double
held_out_rmse(AlsLearner *learner, const AlsValidation *validation)
{
	const AlsSide *users = &learner->shared->users;
	const AlsSide *items = &learner->shared->items;
	const RkCsr *test = &validation->rows.test;
	size_t d = learner->shared->d;
	double sum = 0;

	for (size_t u = 0; u < test->n_rows; u++)
	{
		if (u % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		for (size_t k = test->offset[u]; k < test->offset[u + 1]; k++)
		{
			uint32 i = test->index[k];
			double error = users->problem.mean + users->bias[u] + items->bias[i] - test->target[k] +
						   rk_dot_ff(users->factor + u * d, items->factor + (size_t) i * d, d);

			sum += error * error;
		}
	}
	return -sqrt(sum / (double) rk_csr_nnz(test));
}

/*
 * choose_sweeps finds the number of sweeps after which the held-out measure is
 * best, with patience 1.  An RMSE goes on falling a little for a long time: a
 * sweep that lowers it by less than RMSE_WORTH of itself is no improvement.
 * After s sweeps the users are solved once more, which
 * is what serving does, and measured; that solution begins sweep s + 1.
 */
static void
choose_sweeps(AlsLearner *learner, const AlsValidation *validation, AlsMeasured *measured)
{
	AlsShared *shared = learner->shared;
	bool explicit_feedback = learner->input->explicit_feedback;
	double *value = measured->value;
	int *best = &measured->best;

	reco_progress_phase("choosing sweeps", (int64) ((learner->max_sweeps + 1) * shared->users.n_ranges +
													learner->max_sweeps * shared->items.n_ranges));
	*best = 1;
	reco_als_start(learner);
	ereport(DEBUG1, (errmsg_internal("chose held-out rows in %.3f s", reco_als_lap(learner))));
	reco_als_half_sweep(learner, &shared->users, &shared->items);
	ereport(DEBUG1, (errmsg_internal("first users in %.3f s", reco_als_lap(learner))));
	for (int s = 1;; s++)
	{
		double seconds;

		reco_als_half_sweep(learner, &shared->items, &shared->users);
		reco_als_half_sweep(learner, &shared->users, &shared->items);
		learner->loss = reco_als_sweep_loss(learner);
		seconds = reco_als_lap(learner);
		value[s - 1] = explicit_feedback ? held_out_rmse(learner, validation) : held_out_ndcg(learner);
		measured->n = s;
		ereport(DEBUG1,
				(errmsg_internal("sweep %d: held-out %s %.5f, loss %.6g, %.3f s and %.3f s to measure", s,
								 explicit_feedback ? "-RMSE" : "NDCG@20", value[s - 1], learner->loss,
								 seconds, reco_als_lap(learner))));
		if (value[s - 1] > value[*best - 1] * (explicit_feedback && s > 1 ? 1 - RMSE_WORTH : 1))
			*best = s;
		if (*best < s || s == learner->max_sweeps)
			return;
	}
}

/* is_better says whether the mean of after - before, over the listed users, is above 0 beyond doubt. */
static bool
is_better(const double *before, const double *after, size_t n)
{
	double sum = 0;
	double squares = 0;

	for (size_t l = 0; l < n; l++)
	{
		double difference = after[l] - before[l];

		sum += difference;
		squares += difference * difference;
	}
	/* the variance of the sum is n times that of a difference */
	return sum > 0 && sum * sum > PULL_DOUBT * PULL_DOUBT * (squares - sum * sum / (double) n);
}

/*
 * promises_more says whether the listed users would be given better lists of the items as they are, in their own basis and ranked
 * already, if drawn all the way.  The other users stay as they are.
 */
static bool
promises_more(AlsLearner *learner)
{
	AlsShared *shared = learner->shared;
	Size bytes = sizeof(double) * shared->n_list;
	double *before = palloc_extended(bytes, MCXT_ALLOC_HUGE);
	bool more;

	memcpy(before, shared->ndcg, bytes);
	reco_als_side_redraw(&shared->users, PULL_WHOLE);
	shared->target = &shared->users;
	run_listed(learner, TASK_SOLVE_LISTED);
	run_listed(learner, TASK_HOLDOUT);
	more = is_better(before, shared->ndcg, shared->n_list);
	pfree(before);
	return more;
}

/* choose_pull chooses sweeps, and the pull of the users where it is to be chosen. */
static void
choose_pull(AlsLearner *learner, AlsValidation *validation)
{
	AlsMeasured *whole;

	choose_sweeps(learner, validation, &validation->measured);
	if (learner->shared->users.attributes == NULL || learner->input->option[ALS_USER_PULL].is_set ||
		learner->input->explicit_feedback)
		return;
	if (!promises_more(learner))
	{
		reco_als_side_pull(learner, PULL_HALF);
		return;
	}
	whole = palloc0(sizeof(AlsMeasured));
	reco_als_side_pull(learner, PULL_WHOLE);
	choose_sweeps(learner, validation, whole);
	if (whole->value[whole->best - 1] > validation->measured.value[validation->measured.best - 1])
		validation->measured = *whole;
	else
		reco_als_side_pull(learner, PULL_HALF);
	pfree(whole);
}

int
reco_als_choose_sweeps(AlsLearner *learner, RecoJson *metrics)
{
	RecoArea *area = learner->input->area;
	Size mark = reco_area_mark(area);
	AlsValidation *validation = palloc0(sizeof(AlsValidation));
	const AlsMeasured *measured = &validation->measured;
	double sign = learner->input->explicit_feedback ? -1 : 1;
	int sweeps = SWEEPS_UNMEASURED;
	RecoJson json;

	reco_als_hold_out(learner->input, learner->seed, learner->item_hash, &validation->rows);
	set_holdout(learner, validation);
	if (learner->shared->n_list > 0)
	{
		reco_als_set_rows(learner, &validation->rows.train);
		choose_pull(learner, validation);
		sweeps = measured->best;
		for (int s = 0; s < measured->n; s++)
			validation->measured.value[s] *= sign;
	}
	reco_json_begin(&json);
	reco_json_string(&json, "measure", learner->input->explicit_feedback ? "rmse" : "ndcg@20");
	reco_json_integer(&json, "held_out", (int64) rk_csr_nnz(&validation->rows.test));
	reco_json_integer(&json, "users", (int64) learner->shared->n_list);
	reco_json_numbers(&json, "by_sweep", measured->value, measured->n);
	reco_json_object(metrics, "validation", reco_json_end(&json));
	reco_als_put_back(&validation->rows);
	pfree(validation);
	reco_area_release(area, mark);
	return sweeps;
}
