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

/* The held-out rows. */
typedef struct AlsValidation
{
	AlsHeldOut rows;
	double value[1000]; /* by sweep, the first at 1 */
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

/* held_out_ndcg averages NDCG@20 over the listed users. */
static double
held_out_ndcg(AlsLearner *learner)
{
	AlsShared *shared = learner->shared;
	double sum = 0;

	reco_als_index_fill(learner);
	shared->holdout.items = shared->ranked;
	reco_als_run(learner, TASK_HOLDOUT, (shared->n_list + VALIDATION_RANGE - 1) / VALIDATION_RANGE, false);
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
static int
choose_sweeps(AlsLearner *learner, AlsValidation *validation, int *n_measured)
{
	AlsShared *shared = learner->shared;
	bool explicit_feedback = learner->input->explicit_feedback;
	int best = 1;

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
		validation->value[s - 1] =
			explicit_feedback ? held_out_rmse(learner, validation) : held_out_ndcg(learner);
		*n_measured = s;
		ereport(DEBUG1,
				(errmsg_internal("sweep %d: held-out %s %.5f, loss %.6g, %.3f s and %.3f s to measure", s,
								 explicit_feedback ? "-RMSE" : "NDCG@20", validation->value[s - 1],
								 learner->loss, seconds, reco_als_lap(learner))));
		if (validation->value[s - 1] >
			validation->value[best - 1] * (explicit_feedback && s > 1 ? 1 - RMSE_WORTH : 1))
			best = s;
		if (best < s || s == learner->max_sweeps)
			return best;
	}
}

int
reco_als_choose_sweeps(AlsLearner *learner, RecoJson *metrics)
{
	RecoArea *area = learner->input->area;
	Size mark = reco_area_mark(area);
	AlsValidation *validation = palloc0(sizeof(AlsValidation));
	int n_measured = 0;
	int sweeps = SWEEPS_UNMEASURED;
	RecoJson json;

	reco_als_hold_out(learner->input, learner->seed, learner->item_hash, &validation->rows);
	set_holdout(learner, validation);
	if (learner->shared->n_list > 0)
	{
		reco_als_set_rows(learner, &validation->rows.train);
		reco_progress_phase("choosing sweeps",
							(int64) ((learner->max_sweeps + 1) * learner->shared->users.n_ranges +
									 learner->max_sweeps * learner->shared->items.n_ranges));
		sweeps = choose_sweeps(learner, validation, &n_measured);
		if (learner->input->explicit_feedback)
			for (int s = 0; s < n_measured; s++)
				validation->value[s] = -validation->value[s];
	}
	reco_json_begin(&json);
	reco_json_string(&json, "measure", learner->input->explicit_feedback ? "rmse" : "ndcg@20");
	reco_json_integer(&json, "held_out", (int64) rk_csr_nnz(&validation->rows.test));
	reco_json_integer(&json, "users", (int64) learner->shared->n_list);
	reco_json_numbers(&json, "by_sweep", validation->value, n_measured);
	reco_json_object(metrics, "validation", reco_json_end(&json));
	reco_als_put_back(&validation->rows);
	pfree(validation);
	reco_area_release(area, mark);
	return sweeps;
}
