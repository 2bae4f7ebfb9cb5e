/*
 * als_learn.c
 *	  Matrix factorisation by alternating least squares: learning.
 *
 * A sweep solves all users exactly, then all items exactly (kernel/als.h).
 * Before a side is solved the other side's Gram matrix is diagonalised and its
 * factors are rotated into that basis; nothing is ever rotated back.
 *
 * Implicit feedback begins with singular vectors of the normalised matrix, found
 * by a few multiplications (guess()), so that few sweeps are needed.
 *
 * How many sweeps?  The training loss cannot say: it falls long after recall
 * has begun to.  So 2 % of the rows (at least 500, at most a fifth) are held
 * out by a hash of user and item, sweeps are done on the rest, and they end
 * when the held-out measure (NDCG@20; RMSE for explicit feedback) has not
 * improved.  The version is then learned from all rows with the number of
 * sweeps that measured best.
 *
 * Everything shared with worker processes lies in the area: pointers in it are
 * good in every process (parallel/pool.h).  The split into ranges depends on
 * the rows and d alone, each range writes its own part, and the sums of ranges
 * are taken in order: the same bytes for any number of workers.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "portability/instr_time.h"

#include "kernel/quantise.h"
#include "kernel/rng.h"
#include "kernel/solve.h"
#include "model/als.h"
#include "model/blas.h"
#include "model/json.h"
#include "model/tensors.h"
#include "parallel/progress.h"

/* Defaults for rows of mean weight 1: a compromise of three data sets, each on a split of its events. */
#define DEFAULT_ALPHA0 0.03
#define DEFAULT_LAMBDA 0.15
#define DEFAULT_NU 0.5
#define DEFAULT_LAMBDA_EXPLICIT 0.1
#define DEFAULT_NU_EXPLICIT 1

#define VALIDATION_USERS 4096
#define VALIDATION_K 20

/* The least share by which a sweep must lower the held-out RMSE. */
#define RMSE_WORTH 0.001

/* Sweeps when nothing can be held out (no user has two rows). */
#define SWEEPS_UNMEASURED 8

/* The first guess of implicit feedback: multiplications to and fro, and the root mean square length of an item. */
#define GUESS_ROUNDS 2
#define GUESS_LENGTH 0.3

/* Slabs of a Gram matrix: part of the result's bytes. */
#define GRAM_SLABS 8

/* Rows rotated in one range, a multiple of RK_ROTATE_BLOCK. */
#define ROTATE_ROWS (8 * RK_ROTATE_BLOCK)

/* Tensors that write_tensors writes, at most. */
#define ALS_MOST_TENSORS 11

/* Floating-point operations of one range of a solve: a few milliseconds. */
#define RANGE_OPERATIONS 2e7

typedef enum AlsTask
{
	TASK_GRAM,
	TASK_ROTATE,
	TASK_SOLVE,
	TASK_SPREAD,
	TASK_HOLDOUT,
	N_TASKS
} AlsTask;

/* One side, users or items. */
typedef struct AlsSide
{
	RkAlsSide problem; /* rows of this side; d, alpha0, lambda, nu */
	float *factor;     /* [n_rows x d] */
	float *bias;       /* [n_rows], explicit feedback only */
	size_t n_ranges;
	size_t *first; /* [n_ranges + 1] */
	double *loss;  /* [n_ranges] */
	float *degree; /* [n_rows], see rk_als_degree_range; implicit feedback only */
} AlsSide;

/* What all processes see.  Lies in the area. */
typedef struct AlsShared
{
	AlsSide users;
	AlsSide items;
	size_t d;
	double *slab;          /* [GRAM_SLABS x d x d]; the first becomes the sum, then the eigenvectors */
	float *vector;         /* [d x d], eigenvectors */
	double *eigenvalue;    /* [d], of the side prepared last */
	const AlsSide *target; /* the side being solved */
	AlsSide *other;        /* the side being prepared, or opposite to target */
	RkHoldout holdout;
	size_t n_list; /* users to measure */
	double *ndcg;  /* [n_list] */
} AlsShared;

/* What only the calling process needs. */
typedef struct AlsLearner
{
	const RecoLearnInput *input;
	const RecoBlas *blas;
	AlsShared *shared;
	RecoPool *pool;
	uint64 seed;
	uint64 *item_hash; /* [n_items], of keys */
	uint32 *tie;       /* [n_items], in the area */
	void *eigh_scratch;
	int max_sweeps;
	size_t steps_before; /* ranges done in this phase before the current run */
	double loss;         /* of the last sweep; NaN before */
	instr_time lap;      /* when the stage that is timed began */
	size_t n_new;        /* items that the version gone on from does not know */
	bool *known;         /* [n_items], those that it knows; NULL in a full refresh */
} AlsLearner;

/* The held-out rows. */
typedef struct AlsValidation
{
	AlsHeldOut rows;
	double value[1000]; /* by sweep, the first at 1 */
} AlsValidation;

static RkStatus
task_gram(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	AlsShared *shared = arg;
	size_t n = shared->other->problem.rows.n_rows;
	size_t d = shared->d;
	double *slab = shared->slab + range * d * d;

	memset(slab, 0, sizeof(double) * d * d);
	return reco_blas()->gram_range(shared->other->factor, n * range / GRAM_SLABS,
								   n * (range + 1) / GRAM_SLABS, d, slab, scratch, poll);
}

static RkStatus
task_rotate(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	AlsShared *shared = arg;
	size_t n = shared->other->problem.rows.n_rows;

	return reco_blas()->rotate_range(shared->other->factor, range * ROTATE_ROWS,
									 Min(n, (range + 1) * ROTATE_ROWS), shared->d, shared->vector, scratch,
									 poll);
}

static RkStatus
task_solve(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	AlsShared *shared = arg;
	const AlsSide *side = shared->target;
	RkAlsOther other = {shared->other->factor, shared->other->bias, shared->eigenvalue};

	return reco_blas()->solve_range(&side->problem, &other, side->first[range], side->first[range + 1],
									side->factor, side->bias, &side->loss[range], NULL, scratch, poll);
}

static RkStatus
task_spread(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	AlsShared *shared = arg;
	const AlsSide *side = shared->target;
	RkAlsOther other = {shared->other->factor, NULL, NULL};

	return reco_blas()->spread_range(&side->problem, &other, side->degree, shared->other->degree,
									 side->first[range], side->first[range + 1], side->factor, scratch, poll);
}

static RkStatus
task_holdout(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	AlsShared *shared = arg;

	return reco_blas()->holdout_ndcg_range(&shared->holdout, range * RK_HOLDOUT_USERS,
										   Min(shared->n_list, (range + 1) * RK_HOLDOUT_USERS), shared->ndcg,
										   scratch, poll);
}

static const RecoTask als_tasks[N_TASKS] = {
	[TASK_GRAM] = task_gram,     [TASK_ROTATE] = task_rotate,   [TASK_SOLVE] = task_solve,
	[TASK_SPREAD] = task_spread, [TASK_HOLDOUT] = task_holdout,
};

PGDLLEXPORT void reco_als_worker_main(Datum main_arg);

/* reco_als_worker_main is where a background worker of ALS starts. */
void
reco_als_worker_main(Datum main_arg)
{
	reco_pool_work(main_arg, als_tasks, N_TASKS);
}

/* check turns the status of a kernel into an error. */
static void
check(RkStatus status)
{
	switch (status)
	{
		case RK_OK:
			return;
		case RK_CANCELLED:
			CHECK_FOR_INTERRUPTS();
			ereport(ERROR, (errcode(ERRCODE_QUERY_CANCELED), errmsg("learning was cancelled")));
		case RK_NOT_POSITIVE_DEFINITE:
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("a least-squares system is not positive definite"),
							errdetail("Its weights are too large beside lambda, even in double precision."),
							errhint("Set a larger \"lambda\" in options, or smaller event weights.")));
		case RK_NON_FINITE:
			ereport(
				ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("learning gave values that are not finite"),
				 errhint(
					 "Look for extreme values in the value column, or set a larger \"lambda\" in options.")));
		default:
			elog(ERROR, "kernel failed with status %d", (int) status);
	}
}

/* lap gives the seconds since the last lap, for messages of level DEBUG1. */
static double
lap(AlsLearner *learner)
{
	instr_time now;
	instr_time passed;

	INSTR_TIME_SET_CURRENT(now);
	passed = now;
	INSTR_TIME_SUBTRACT(passed, learner->lap);
	learner->lap = now;
	return INSTR_TIME_GET_DOUBLE(passed);
}

/* on_range reports progress while a task runs. */
static void
on_range(void *state, size_t done, size_t total)
{
	AlsLearner *learner = state;

	(void) total;
	reco_progress_step((int64) (learner->steps_before + done), learner->loss);
}

static void
run(AlsLearner *learner, AlsTask task, size_t n_ranges, bool counts)
{
	check(reco_pool_run(learner->pool, task, learner->shared, n_ranges, counts ? on_range : NULL, learner));
	if (counts)
		learner->steps_before += n_ranges;
}

/* diagonalise gives the eigenvectors and eigenvalues of the Gram matrix of a side, in the first slab and beside it. */
static void
diagonalise(AlsLearner *learner, AlsSide *side)
{
	AlsShared *shared = learner->shared;
	size_t d = shared->d;

	shared->other = side;
	run(learner, TASK_GRAM, GRAM_SLABS, false);
	for (size_t s = 1; s < GRAM_SLABS; s++)
		learner->blas->gram_add(d, shared->slab + s * d * d, shared->slab);
	check(learner->blas->eigh_gram(d, shared->slab, shared->eigenvalue, learner->eigh_scratch,
								   &reco_pool_poll));
}

/* rotate maps the factors of the side prepared last by shared->vector. */
static void
rotate(AlsLearner *learner)
{
	run(learner, TASK_ROTATE, (learner->shared->other->problem.rows.n_rows + ROTATE_ROWS - 1) / ROTATE_ROWS,
		false);
}

/* prepare diagonalises the Gram matrix of a side and rotates its factors into that basis. */
static void
prepare(AlsLearner *learner, AlsSide *side)
{
	AlsShared *shared = learner->shared;

	diagonalise(learner, side);
	for (size_t k = 0; k < shared->d * shared->d; k++)
		shared->vector[k] = (float) shared->slab[k];
	rotate(learner);
}

/* half_sweep solves one side exactly against the other. */
static void
half_sweep(AlsLearner *learner, AlsSide *target, AlsSide *other)
{
	prepare(learner, other);
	learner->shared->target = target;
	run(learner, TASK_SOLVE, target->n_ranges, true);
}

/* sweep_loss sums the loss after users were solved. */
static double
sweep_loss(AlsLearner *learner)
{
	AlsShared *shared = learner->shared;
	double loss = 0;

	for (size_t r = 0; r < shared->users.n_ranges; r++)
		loss += shared->users.loss[r];
	return loss + learner->blas->ridge_range(&shared->items.problem, 0, shared->items.problem.rows.n_rows,
											 shared->items.factor, shared->items.bias);
}

/* row_operations estimates the work of one row with n entries. */
static double
row_operations(double n, double d)
{
	double order = Min(n, d);

	return 2 * n * d + n * d * order + order * order * order / 3;
}

/* split_ranges cuts the rows of a side into ranges of about equal work. */
static void
split_ranges(RecoArea *area, AlsSide *side)
{
	const RkCsr *rows = &side->problem.rows;
	double work = 0;

	side->first = reco_area_alloc(area, sizeof(size_t) * (rows->n_rows + 2));
	side->n_ranges = 0;
	side->first[0] = 0;
	for (size_t r = 0; r < rows->n_rows; r++)
	{
		work += row_operations((double) rk_csr_count(rows, r), (double) side->problem.d);
		if (work >= RANGE_OPERATIONS || r + 1 == rows->n_rows)
		{
			side->first[++side->n_ranges] = r + 1;
			work = 0;
		}
	}
	side->loss = reco_area_alloc(area, sizeof(double) * (side->n_ranges + 1));
}

/* transpose makes the items' rows from the users' rows, in the area. */
static RkCsr
transpose(RecoArea *area, const RkCsr *rows)
{
	size_t nnz = rk_csr_nnz(rows);
	RkCsr result = {rows->n_cols, rows->n_rows, NULL, NULL, NULL, NULL};
	uint64_t *offset = reco_area_alloc(area, sizeof(uint64_t) * (rows->n_cols + 1));
	uint32_t *index = reco_area_alloc(area, sizeof(uint32_t) * nnz);
	float *weight = reco_area_alloc(area, sizeof(float) * nnz);
	float *target = reco_area_alloc(area, sizeof(float) * nnz);

	check(rk_csr_transpose(rows, offset, index, weight, target, &reco_pool_poll));
	result.offset = offset;
	result.index = index;
	result.weight = weight;
	result.target = target;
	return result;
}

/* count_rows counts the rows that have entries. */
static size_t
count_rows(const RkCsr *rows)
{
	size_t n = 0;

	for (size_t r = 0; r < rows->n_rows; r++)
		n += rk_csr_count(rows, r) > 0;
	return n;
}

/* mean_target gives mu: the weighted mean of the targets. */
static double
mean_target(const RkCsr *rows)
{
	double sum = 0;
	double weight = 0;

	for (size_t k = 0; k < rk_csr_nnz(rows); k++)
	{
		sum += (double) rows->weight[k] * rows->target[k];
		weight += rows->weight[k];
	}
	return weight > 0 ? sum / weight : 0;
}

/* set_rows gives both sides the rows to learn from, and their ranges. */
static void
set_rows(AlsLearner *learner, const RkCsr *by_user)
{
	AlsShared *shared = learner->shared;
	RecoArea *area = learner->input->area;

	shared->users.problem.rows = *by_user;
	shared->items.problem.rows = transpose(area, by_user);
	shared->users.problem.n_other = count_rows(&shared->items.problem.rows);
	shared->items.problem.n_other = count_rows(&shared->users.problem.rows);
	if (learner->input->explicit_feedback)
		shared->users.problem.mean = shared->items.problem.mean = mean_target(by_user);
	split_ranges(area, &shared->users);
	split_ranges(area, &shared->items);
}

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

/* spread multiplies the factors of a side by the normalised matrix, into target, and makes columns orthogonal. */
static bool
spread(AlsLearner *learner, AlsSide *target, AlsSide *other, double size)
{
	AlsShared *shared = learner->shared;

	shared->target = target;
	shared->other = other;
	run(learner, TASK_SPREAD, target->n_ranges, false);
	diagonalise(learner, target);
	if (!learner->blas->whiten(shared->d, shared->slab, shared->eigenvalue, size, shared->vector))
		return false;
	rotate(learner);
	return true;
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
	AlsSide *side[2] = {&shared->users, &shared->items};
	double size = GUESS_LENGTH * sqrt((double) shared->users.problem.n_other);

	for (int s = 0; s < 2; s++)
		check(learner->blas->degree_range(&side[s]->problem.rows, 0, side[s]->problem.rows.n_rows,
										  side[s]->degree, &reco_pool_poll));
	for (int round = 1; round <= GUESS_ROUNDS; round++)
		if (!spread(learner, &shared->users, &shared->items, 0) ||
			!spread(learner, &shared->items, &shared->users, round == GUESS_ROUNDS ? size : 0))
			return false;
	return true;
}

/* start writes the factors of the items that learning begins with. */
static void
start(AlsLearner *learner)
{
	AlsShared *shared = learner->shared;

	random_items(learner);
	if (shared->items.bias != NULL)
		memset(shared->items.bias, 0, sizeof(float) * shared->items.problem.rows.n_rows);
	else if (!guess(learner))
		random_items(learner);
	learner->steps_before = 0;
	learner->loss = NAN;
}

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
	size_t n = count_rows(&validation->rows.test);
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
	shared->holdout.d = shared->d;
	shared->holdout.user_factor = shared->users.factor;
	shared->holdout.item_factor = shared->items.factor;
	shared->holdout.item_bias = shared->items.bias;
	shared->holdout.train = &csr[0];
	shared->holdout.test = &csr[1];
	shared->holdout.tie = learner->tie;
	shared->holdout.k = VALIDATION_K;
	list_users(learner, validation);
}

/* held_out_ndcg averages NDCG@20 over the listed users. */
static double
held_out_ndcg(AlsLearner *learner)
{
	AlsShared *shared = learner->shared;
	double sum = 0;

	run(learner, TASK_HOLDOUT, (shared->n_list + RK_HOLDOUT_USERS - 1) / RK_HOLDOUT_USERS, false);
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

	start(learner);
	ereport(DEBUG1, (errmsg_internal("chose held-out rows in %.3f s", lap(learner))));
	half_sweep(learner, &shared->users, &shared->items);
	ereport(DEBUG1, (errmsg_internal("first users in %.3f s", lap(learner))));
	for (int s = 1;; s++)
	{
		double seconds;

		half_sweep(learner, &shared->items, &shared->users);
		half_sweep(learner, &shared->users, &shared->items);
		learner->loss = sweep_loss(learner);
		seconds = lap(learner);
		validation->value[s - 1] =
			explicit_feedback ? held_out_rmse(learner, validation) : held_out_ndcg(learner);
		*n_measured = s;
		ereport(DEBUG1,
				(errmsg_internal("sweep %d: held-out %s %.5f, loss %.6g, %.3f s and %.3f s to measure", s,
								 explicit_feedback ? "-RMSE" : "NDCG@20", validation->value[s - 1],
								 learner->loss, seconds, lap(learner))));
		if (validation->value[s - 1] >
			validation->value[best - 1] * (explicit_feedback && s > 1 ? 1 - RMSE_WORTH : 1))
			best = s;
		if (best < s || s == learner->max_sweeps)
			return best;
	}
}

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
	double items = (double) rows->n_cols;
	double alpha0 = input->explicit_feedback ? 0 : DEFAULT_ALPHA0;
	double lambda = input->explicit_feedback ? DEFAULT_LAMBDA_EXPLICIT : DEFAULT_LAMBDA;
	double nu = input->explicit_feedback ? DEFAULT_NU_EXPLICIT : DEFAULT_NU;
	double mean = 0;

	for (size_t k = 0; k < rk_csr_nnz(rows); k++)
		mean += rows->weight[k];
	mean /= nnz;
	problem->nu = option[ALS_NU].is_set ? option[ALS_NU].number : nu;
	problem->alpha0 = option[ALS_ALPHA0].is_set ? option[ALS_ALPHA0].number : alpha0 * mean;
	problem->lambda = option[ALS_LAMBDA].is_set ? option[ALS_LAMBDA].number
												: lambda * mean * pow(per_user + alpha0 * items, nu) /
													  pow(per_user + problem->alpha0 * items, problem->nu);
}

/* scratch_bytes is what any task needs in one process. */
static Size
scratch_bytes(const AlsLearner *learner)
{
	RkHoldout holdout = {.d = learner->shared->d, .k = VALIDATION_K};
	RkCsr shape = learner->input->data->by_user;
	Size bytes = learner->blas->solve_scratch_bytes(learner->shared->d);

	holdout.train = holdout.test = &shape;
	bytes = Max(bytes, learner->blas->gram_scratch_bytes(learner->shared->d));
	bytes = Max(bytes, learner->blas->rotate_scratch_bytes(learner->shared->d));
	return Max(bytes, learner->blas->holdout_scratch_bytes(&holdout));
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

static AlsLearner *
make_learner(const RecoLearnInput *input)
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
	init_sides(learner);
	hash_items(learner);
	learner->pool = reco_pool_start(input->area, input->workers, "reco_als_worker_main", als_tasks, N_TASKS,
									scratch_bytes(learner));
	return learner;
}

/* validate runs the choice of sweeps on a part of the rows and gives the area back afterwards. */
static int
validate(AlsLearner *learner, RecoJson *metrics)
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
		set_rows(learner, &validation->rows.train);
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

/* start_warm begins with the items of the version to go on from. */
static void
start_warm(AlsLearner *learner)
{
	AlsSide *items = &learner->shared->items;

	learner->known = palloc_extended(sizeof(bool) * items->problem.rows.n_rows, MCXT_ALLOC_HUGE);
	learner->n_new =
		reco_als_warm_start(learner->input, learner->shared->d, items->factor, items->bias, learner->known);
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
	prepare(learner, &shared->users);
	shared->other = items;
	rotate(learner);
	memcpy(before, items->factor, sizeof(float) * n * shared->d);
	if (items->bias != NULL)
		memcpy(bias_before, items->bias, sizeof(float) * n);
	shared->other = &shared->users;
	shared->target = items;
	run(learner, TASK_SOLVE, items->n_ranges, true);
	reco_als_warm_step(learner->known, n, shared->d, step, before, items->factor);
	if (items->bias != NULL)
		reco_als_warm_step(learner->known, n, 1, step, bias_before, items->bias);
	reco_area_release(area, mark);
}

/* learn_all learns from all rows with a number of sweeps and leaves the items in their own basis. */
static void
learn_all(AlsLearner *learner, int sweeps)
{
	AlsShared *shared = learner->shared;

	set_rows(learner, &learner->input->data->by_user);
	reco_progress_phase("learning", (int64) sweeps * (shared->users.n_ranges + shared->items.n_ranges));
	if (learner->input->warm != NULL)
		start_warm(learner);
	else
		start(learner);
	ereport(DEBUG1, (errmsg_internal("set all rows in %.3f s", lap(learner))));
	for (int s = 0; s < sweeps; s++)
	{
		half_sweep(learner, &shared->users, &shared->items);
		learner->loss = sweep_loss(learner);
		if (learner->known != NULL)
			warm_half_sweep(learner);
		else
			half_sweep(learner, &shared->items, &shared->users);
		ereport(DEBUG1, (errmsg_internal("learning sweep %d: loss %.6g, %.3f s", s + 1, learner->loss,
										 lap(learner))));
	}
	prepare(learner, &shared->items);
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
	return reco_json_end(&json);
}

static void
add_tensor(RecoLearnOutput *output, const char *name, RecoTensorType type, size_t rows, size_t columns,
		   const void *data)
{
	output->tensor[output->n_tensors++] = (RecoTensor){name, type, (int64) rows, (int64) columns, data};
}

/* write_index hands over the copy of the items that makes ranking fast. */
static void
write_index(RecoArea *area, const RkItems *items, RecoLearnOutput *output)
{
	size_t blocks = rk_index_blocks(items->n);
	size_t columns = rk_index_columns(items->d);
	RkIndexRoom room = {
		.order = reco_area_alloc(area, sizeof(int32) * items->n),
		.coarse = reco_area_alloc(area, blocks * 8 * columns),
		.fine = reco_area_alloc(area, items->n * columns / 2),
		.scale = reco_area_alloc(area, sizeof(float) * RK_BLOCK * blocks),
		.bias = items->bias != NULL ? reco_area_alloc(area, sizeof(float) * RK_BLOCK * blocks) : NULL,
		.block = reco_area_alloc(area, sizeof(float) * RK_BLOCK_N * blocks),
	};
	Size mark = reco_area_mark(area);

	check(rk_index_build(items, &room, reco_area_alloc(area, rk_index_scratch_bytes(items->n)),
						 &reco_pool_poll));
	reco_area_release(area, mark);
	add_tensor(output, TENSOR_RANK_ORDER, RECO_INT4, items->n, 1, room.order);
	add_tensor(output, TENSOR_RANK_COARSE, RECO_BYTE, blocks, 8 * columns, room.coarse);
	add_tensor(output, TENSOR_RANK_FINE, RECO_BYTE, items->n, columns / 2, room.fine);
	add_tensor(output, TENSOR_RANK_SCALE, RECO_FLOAT4, blocks, RK_BLOCK, room.scale);
	add_tensor(output, TENSOR_RANK_BLOCK, RECO_FLOAT4, RK_BLOCK_N, blocks, room.block);
	if (room.bias != NULL)
		add_tensor(output, TENSOR_RANK_BIAS, RECO_FLOAT4, blocks, RK_BLOCK, room.bias);
}

/* index_bytes bounds what write_index takes beside a constant. */
static Size
index_bytes(size_t n_items, Size d)
{
	/* the bytes of the row, order, scale, bias, block and scratch, the latter four rounded up */
	return mul_size(add_size(n_items, RK_BLOCK), add_size(rk_index_columns(d), 5 * sizeof(float)));
}

/* write_tensors hands over what serving needs; see als.c. */
static void
write_tensors(AlsLearner *learner, RecoLearnOutput *output)
{
	AlsShared *shared = learner->shared;
	const RkAlsSide *users = &shared->users.problem;
	size_t n = learner->input->data->n_items;
	float *norm = reco_area_alloc(learner->input->area, sizeof(float) * n);
	double *parameter = palloc(sizeof(double) * ALS_N_PARAMETERS);
	RkItems items = {n, shared->d, shared->items.factor, norm, shared->items.bias, NULL};

	check(rk_items_norms(shared->items.factor, shared->d, 0, n, norm, &reco_pool_poll));
	parameter[ALS_PARAMETER_ALPHA0] = users->alpha0;
	parameter[ALS_PARAMETER_LAMBDA] = users->lambda;
	parameter[ALS_PARAMETER_NU] = users->nu;
	parameter[ALS_PARAMETER_ITEMS] = (double) users->n_other;
	parameter[ALS_PARAMETER_MEAN] = users->mean;
	output->tensor = palloc(sizeof(RecoTensor) * ALS_MOST_TENSORS);
	add_tensor(output, "item_factor", RECO_FLOAT4, n, shared->d, shared->items.factor);
	add_tensor(output, "item_norm", RECO_FLOAT4, n, 1, norm);
	add_tensor(output, "gram_eigenvalue", RECO_FLOAT8, shared->d, 1, shared->eigenvalue);
	add_tensor(output, "als_parameters", RECO_FLOAT8, 1, ALS_N_PARAMETERS, parameter);
	if (shared->items.bias != NULL)
		add_tensor(output, "item_bias", RECO_FLOAT4, n, 1, shared->items.bias);
	write_index(learner->input->area, &items, output);
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
	bytes = add_size(bytes, mul_size(add_size(n_rows, reco_als_held_out_most(n_rows)), entry));
	bytes = add_size(bytes, n_rows / 8);
	bytes = add_size(bytes, mul_size(rows, 6 * sizeof(uint64)));
	bytes = add_size(bytes, index_bytes(n_items, d));
	bytes = add_size(bytes, mul_size(n_items, mul_size(d + 1, sizeof(float)))); /* of warm_half_sweep */
	return add_size(bytes, 1024 * 1024);
}

void
reco_als_learn(const RecoLearnInput *input, RecoLearnOutput *output)
{
	AlsLearner *learner = make_learner(input);
	bool warm = input->warm != NULL;
	int sweeps = (int) input->option[warm ? ALS_WARM_SWEEPS : ALS_ITERATIONS].number;
	RecoJson metrics;

	reco_json_begin(&metrics);
	if (!warm && !input->option[ALS_ITERATIONS].is_set)
		sweeps = validate(learner, &metrics);
	learn_all(learner, sweeps);
	reco_json_string(&metrics, "mode", warm ? "incremental" : "full");
	if (warm)
	{
		reco_json_integer(&metrics, "from_version", input->warm_version);
		reco_json_integer(&metrics, "new_items", (int64) learner->n_new);
	}
	reco_json_integer(&metrics, "sweeps", sweeps);
	reco_json_number(&metrics, "loss", learner->loss);
	reco_pool_stop(learner->pool);
	write_tensors(learner, output);
	output->options = resolved_options(learner, sweeps);
	output->metrics = reco_json_end(&metrics);
}
