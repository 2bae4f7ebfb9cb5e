/*
 * als_learn.c
 *	  Matrix factorisation by alternating least squares: learning a version.
 *
 * als_learner.h tells which file does what.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "kernel/rng.h"
#include "model/als_learner.h"
#include "model/ranking.h"
#include "parallel/progress.h"
#include "storage/shmem.h"

/* Defaults for rows of mean weight 1: a compromise of three data sets, each on a split of its events. */
#define DEFAULT_ALPHA0 0.03
#define DEFAULT_LAMBDA 0.15
#define DEFAULT_NU 0.5
#define DEFAULT_LAMBDA_EXPLICIT 0.1
#define DEFAULT_NU_EXPLICIT 1

/*
 * Rounds of users and their map against the final items, at most.  The map is what a user without events is served by, and few sweeps, which may be
 * best for those with a history, leave it on its way.  Each round moves it by about the same share of what the one before did, so the last step is
 * prolonged to where such steps end, and no more are taken once one has moved it by less than SETTLED of its norm.
 */
#define SETTLE_ROUNDS 4
#define SETTLED 0.05

/*
 * default_weights chooses alpha0, lambda and nu where options leave them open.
 * The loss is not invariant to the scale of weights, so the constants are
 * those of rows with mean weight 1: both weights scale with the mean, and
 * lambda such that an average user has the same lambda_u whatever alpha0 and
 * nu are.
 */
static void
default_weights(const RecoLearnInput *input, RkAlsSide *problem)
{
	const RkCsr *rows = &input->data->by_user;
	const RecoOptionValue *option = input->option;
	double nnz = (double) rk_csr_nnz(rows);
	double per_user = nnz / (double) rows->n_rows;
	double items = (double) input->data->n_seen;
	double alpha0 = input->explicit_feedback ? 0 : DEFAULT_ALPHA0;
	double lambda = input->explicit_feedback ? DEFAULT_LAMBDA_EXPLICIT : DEFAULT_LAMBDA;
	double nu = input->explicit_feedback ? DEFAULT_NU_EXPLICIT : DEFAULT_NU;
	double mean = 0;

	for (size_t k = 0; k < rk_csr_nnz(rows); k++)
	{
		if (k % 1000000 == 0)
			CHECK_FOR_INTERRUPTS();
		mean += rows->weight[k];
	}
	mean /= nnz;
	problem->nu = option[ALS_NU].is_set ? option[ALS_NU].number : nu;
	problem->alpha0 = option[ALS_ALPHA0].is_set ? option[ALS_ALPHA0].number : alpha0 * mean;
	problem->lambda = option[ALS_LAMBDA].is_set ? option[ALS_LAMBDA].number
												: lambda * mean * pow(per_user + alpha0 * items, nu) /
													  pow(per_user + problem->alpha0 * items, problem->nu);
	if (!(problem->lambda >= ALS_LEAST_LAMBDA))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("the weights of the rows are too small to learn from"),
						errdetail("Their mean is %g, which makes \"lambda\" %g; it must be at least %g.",
								  mean, problem->lambda, ALS_LEAST_LAMBDA),
						errhint("Use greater event weights or values.")));
}

/* scratch_bytes is what any task needs in one process. */
static Size
scratch_bytes(const AlsLearner *learner)
{
	RkHoldout holdout = {.items = {.n = learner->input->data->n_items, .d = learner->shared->d},
						 .k = VALIDATION_K};
	Size bytes =
		reco_als_prior_scratch(learner->shared->d) + learner->blas->solve_scratch_bytes(learner->shared->d);

	bytes = Max(bytes, learner->blas->gram_scratch_bytes(learner->shared->d));
	bytes = Max(bytes, learner->blas->rotate_scratch_bytes(learner->shared->d));
	return Max(bytes, rk_holdout_scratch_bytes(&holdout));
}

/* init_sides allocates factors and states the problem of both sides. */
static void
init_sides(AlsLearner *learner)
{
	const RecoLearnInput *input = learner->input;
	AlsShared *shared = learner->shared;
	AlsSide *side[2] = {&shared->users, &shared->items};
	size_t n[2] = {input->data->n_users, input->data->n_items};
	RkAlsSide problem = {.d = shared->d, .bias = input->explicit_feedback};

	default_weights(input, &problem);
	for (int s = 0; s < 2; s++)
	{
		side[s]->problem = problem;
		side[s]->factor = reco_area_alloc(input->area, sizeof(float) * n[s] * shared->d);
		if (input->explicit_feedback)
			side[s]->bias = reco_area_alloc(input->area, sizeof(float) * n[s]);
		else
			side[s]->degree = reco_area_alloc(input->area, sizeof(float) * n[s]);
	}
}

/* hash_items hashes the keys of items: for start vectors and for ties. */
static void
hash_items(AlsLearner *learner)
{
	const RecoDataset *data = learner->input->data;

	learner->item_hash = palloc_extended(sizeof(uint64) * data->n_items, MCXT_ALLOC_HUGE);
	learner->tie = reco_area_alloc(learner->input->area, sizeof(uint32) * data->n_items);
	for (size_t i = 0; i < data->n_items; i++)
	{
		RecoKey key = reco_keys_get(learner->input->items, data->item_of[i]);

		learner->item_hash[i] = reco_key_hash(learner->seed, &key);
		learner->tie[i] = (uint32) (rk_hash_mix(learner->item_hash[i], 2) >> 32);
	}
}

/*
 * first_pull gives the pull of the users to begin with: what the option says, what the version gone on from had, or half the way; all of it
 * for explicit feedback, where a rating is expected of whom only attributes are known, and half a prior mean would be half of what they say.
 */
static double
first_pull(const RecoLearnInput *input)
{
	double pull = 0;

	if (input->option[ALS_USER_PULL].is_set)
		return input->option[ALS_USER_PULL].number;
	if (input->warm != NULL)
		pull = reco_als_warm_pull(input->warm);
	if (pull > 0)
		return pull;
	return input->explicit_feedback ? PULL_WHOLE : PULL_HALF;
}

AlsLearner *
reco_als_learner_make(const RecoLearnInput *input)
{
	AlsLearner *learner = palloc0(sizeof(AlsLearner));
	AlsShared *shared = reco_area_alloc(input->area, sizeof(AlsShared));
	size_t d = (size_t) input->option[ALS_FACTORS].number;

	memset(shared, 0, sizeof(AlsShared));
	learner->input = input;
	learner->blas = reco_blas();
	learner->shared = shared;
	learner->seed = (uint64) input->option[ALS_SEED].number;
	learner->max_sweeps = (int) input->option[ALS_MAX_ITERATIONS].number;
	learner->loss = NAN;
	INSTR_TIME_SET_CURRENT(learner->lap);
	shared->d = d;
	shared->slab = reco_area_alloc(input->area, sizeof(double) * GRAM_SLABS * d * d);
	shared->vector = reco_area_alloc(input->area, sizeof(float) * d * d);
	shared->eigenvalue = reco_area_alloc(input->area, sizeof(double) * d);
	learner->eigh_scratch = reco_area_alloc(input->area, learner->blas->eigh_scratch_bytes(d));
	learner->rotate_scratch = reco_area_alloc(input->area, learner->blas->rotate_scratch_bytes(d));
	init_sides(learner);
	reco_als_side_init(learner);
	if (shared->users.attributes != NULL)
		reco_als_side_pull(learner, first_pull(input));
	hash_items(learner);
	learner->pool = reco_pool_start(input->area, input->workers, "reco_als_worker_main", reco_als_task,
									N_TASKS, scratch_bytes(learner));
	return learner;
}

/* start_warm begins with the items of the version to go on from. */
static void
start_warm(AlsLearner *learner)
{
	AlsSide *items = &learner->shared->items;

	learner->known = palloc_extended(sizeof(bool) * items->problem.rows.n_rows, MCXT_ALLOC_HUGE);
	learner->n_new =
		reco_als_warm_start(learner->input, learner->shared->d, items->factor, items->bias, learner->known);
	reco_als_side_warm(learner);
	learner->steps_before = 0;
	learner->loss = NAN;
}

/* warm_half_sweep solves the items, and moves those that are known only a step (als_warm.c). */
static void
warm_half_sweep(AlsLearner *learner)
{
	AlsShared *shared = learner->shared;
	AlsSide *items = &shared->items;
	RecoArea *area = learner->input->area;
	Size mark = reco_area_mark(area);
	size_t n = items->problem.rows.n_rows;
	float *before = reco_area_alloc(area, sizeof(float) * n * (shared->d + 1));
	float *bias_before = before + n * shared->d;
	float step = (float) learner->input->option[ALS_WARM_STEP].number;

	/* the items that were must be in the basis of those that come */
	reco_als_prepare(learner, &shared->users);
	shared->other = items;
	reco_als_rotate(learner);
	memcpy(before, items->factor, sizeof(float) * n * shared->d);
	if (items->bias != NULL)
		memcpy(bias_before, items->bias, sizeof(float) * n);
	shared->other = &shared->users;
	shared->target = items;
	reco_als_run(learner, TASK_SOLVE, items->n_ranges, true);
	reco_als_warm_step(learner->known, n, shared->d, step, before, items->factor);
	if (items->bias != NULL)
		reco_als_warm_step(learner->known, n, 1, step, bias_before, items->bias);
	reco_area_release(area, mark);
	reco_als_side_fit(learner, items);
}

/*
 * settle solves the users and fits their map a few times more against the items as they are, so that the map belongs to
 * them, and leaves the items in their own basis.
 */
static void
settle(AlsLearner *learner)
{
	AlsShared *shared = learner->shared;
	double moved = 1;

	reco_als_prepare(learner, &shared->items);
	if (shared->users.attributes == NULL)
		return;
	for (int round = 0; round < SETTLE_ROUNDS && moved > SETTLED; round++)
	{
		reco_als_side_leave(&shared->users);
		shared->target = &shared->users;
		reco_als_run(learner, TASK_SOLVE, shared->users.n_ranges, true);
		reco_als_side_fit(learner, &shared->users);
		moved = reco_als_side_moved(&shared->users, round == 0);
		ereport(DEBUG1, (errmsg_internal("settled users by %.2g in %.3f s", moved, reco_als_lap(learner))));
	}
	reco_als_side_reach(&shared->users);
}

/* learn_all learns from all rows with a number of sweeps and leaves the items in their own basis. */
static void
learn_all(AlsLearner *learner, int sweeps)
{
	AlsShared *shared = learner->shared;

	reco_als_set_rows(learner, &learner->input->data->by_user);
	reco_progress_phase("learning",
						(int64) sweeps * (shared->users.n_ranges + shared->items.n_ranges) +
							(shared->users.attributes != NULL ? SETTLE_ROUNDS * shared->users.n_ranges : 0));
	if (learner->input->warm != NULL)
		start_warm(learner);
	else
		reco_als_start(learner);
	ereport(DEBUG1, (errmsg_internal("set all rows in %.3f s", reco_als_lap(learner))));
	for (int s = 0; s < sweeps; s++)
	{
		reco_als_half_sweep(learner, &shared->users, &shared->items);
		learner->loss = reco_als_sweep_loss(learner);
		if (learner->known != NULL)
			warm_half_sweep(learner);
		else
			reco_als_half_sweep(learner, &shared->items, &shared->users);
		ereport(DEBUG1, (errmsg_internal("learning sweep %d: loss %.6g, %.3f s", s + 1, learner->loss,
										 reco_als_lap(learner))));
	}
	settle(learner);
}

/* resolved_options states every option as it was used. */
static Jsonb *
resolved_options(const AlsLearner *learner, int sweeps)
{
	const RecoOptionValue *option = learner->input->option;
	RecoJson json;

	reco_json_begin(&json);
	reco_json_integer(&json, "factors", (int64) learner->shared->d);
	reco_json_number(&json, "alpha0", learner->shared->users.problem.alpha0);
	reco_json_number(&json, "lambda", learner->shared->users.problem.lambda);
	reco_json_number(&json, "nu", learner->shared->users.problem.nu);
	if (learner->input->warm != NULL)
	{
		reco_json_integer(&json, "warm_sweeps", sweeps);
		reco_json_number(&json, "warm_step", option[ALS_WARM_STEP].number);
	}
	else
	{
		reco_json_integer(&json, "iterations", sweeps);
		reco_json_integer(&json, "max_iterations", (int64) option[ALS_MAX_ITERATIONS].number);
	}
	reco_json_number(&json, "dislike", option[ALS_DISLIKE].number);
	reco_json_integer(&json, "seed", (int64) option[ALS_SEED].number);
	if (learner->shared->items.attributes != NULL || learner->shared->users.attributes != NULL)
	{
		reco_json_number(&json, "attribute_ridge", option[ALS_ATTRIBUTE_RIDGE].number);
		reco_json_number(&json, "user_ridge", option[ALS_USER_RIDGE].number);
	}
	if (learner->shared->users.attributes != NULL)
		reco_json_number(&json, "user_pull", learner->shared->users.attributes->pull);
	return reco_json_end(&json);
}

Size
reco_als_learn_bytes(size_t n_users, size_t n_items, size_t n_rows, bool explicit_feedback,
					 const RecoOptionValue *option)
{
	Size d = (Size) option[ALS_FACTORS].number;
	Size rows = add_size(n_users, n_items);
	Size entry = sizeof(uint32) + 2 * sizeof(float);
	Size bytes = mul_size(rows, mul_size(d + 1, sizeof(float)));

	bytes = add_size(bytes, mul_size(mul_size(d, d), sizeof(double) * GRAM_SLABS + sizeof(float)));
	bytes = add_size(bytes, reco_blas()->eigh_scratch_bytes(d));
	bytes = add_size(bytes, reco_blas()->rotate_scratch_bytes(d));
	bytes = add_size(bytes, mul_size(add_size(n_rows, reco_als_held_out_most(n_rows)), entry));
	bytes = add_size(bytes, n_rows / 8);
	bytes = add_size(bytes, mul_size(rows, 6 * sizeof(uint64)));
	bytes = add_size(bytes, reco_ranking_bytes(n_items, d));
	bytes = add_size(bytes, mul_size(n_items, mul_size(d + 1, sizeof(float)))); /* of warm_half_sweep */
	return add_size(bytes, 1024 * 1024);
}

Size
reco_als_attribute_bytes(size_t n_rows, size_t n_columns, const RecoOptionValue *option)
{
	return reco_als_side_bytes(n_rows, n_columns, (size_t) option[ALS_FACTORS].number);
}

void
reco_als_learn(const RecoLearnInput *input, RecoLearnOutput *output)
{
	AlsLearner *learner = reco_als_learner_make(input);
	bool warm = input->warm != NULL;
	int sweeps = (int) input->option[warm ? ALS_WARM_SWEEPS : ALS_ITERATIONS].number;
	RecoJson metrics;

	reco_json_begin(&metrics);
	if (!warm && !input->option[ALS_ITERATIONS].is_set)
		sweeps = reco_als_choose_sweeps(learner, &metrics);
	learn_all(learner, sweeps);
	reco_json_string(&metrics, "mode", warm ? "incremental" : "full");
	if (warm)
	{
		reco_json_integer(&metrics, "from_version", input->warm_version);
		reco_json_integer(&metrics, "new_items", (int64) learner->n_new);
	}
	reco_json_integer(&metrics, "sweeps", sweeps);
	reco_json_number(&metrics, "loss", learner->loss);
	reco_als_side_metrics(learner, &metrics);
	reco_als_side_complete(learner);
	reco_als_write_tensors(learner, output);
	reco_pool_stop(learner->pool);
	output->options = resolved_options(learner, sweeps);
	output->metrics = reco_json_end(&metrics);
}
