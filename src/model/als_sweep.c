/*
 * als_sweep.c
 *	  Matrix factorisation by alternating least squares: the sweeps.
 *
 * A sweep solves all users exactly, then all items exactly (kernel/als.h).
 * Before a side is solved the other side's Gram matrix is diagonalised and its
 * factors are rotated into that basis; nothing is ever rotated back.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "model/als_learner.h"
#include "parallel/progress.h"

/* Rows rotated in one range, and rows of a ridge between two checks for interrupts. */
#define ROTATE_ROWS 2048

/* Floating-point operations of one range of a solve: a few milliseconds. */
#define RANGE_OPERATIONS 2e7

static RkStatus
task_gram(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	AlsShared *shared = arg;
	size_t n = shared->other->problem.rows.n_rows;
	size_t d = shared->d;
	double *slab = shared->slab + range * d * d;

	memset(slab, 0, sizeof(double) * d * d);
	return reco_blas()->gram_range(shared->other->factor, n * range / GRAM_SLABS,
								   n * (range + 1) / GRAM_SLABS, d, shared->wide, slab, scratch, poll);
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

/* solve_rows solves rows first ... last - 1 of the target; loss is their part of it. */
static RkStatus
solve_rows(AlsShared *shared, size_t first, size_t last, double *loss, void *scratch, const RkPoll *poll)
{
	const AlsSide *side = shared->target;
	RkAlsOther other = {shared->other->factor, shared->other->bias, shared->eigenvalue};
	RkAlsSide problem = side->problem;
	char *cursor = scratch;
	double *tmp = scratch;
	RkStatus status = RK_OK;

	cursor += reco_als_prior_scratch(shared->d);
	if (side->attributes != NULL && side->attributes->fitted)
	{
		/* a row's prior mean stands where its solution will */
		status = reco_als_side_prior(side, first, last, tmp, poll);
		problem.prior = side->factor;
	}
	if (status != RK_OK)
		return status;
	return reco_blas()->solve_range(&problem, &other, first, last, side->factor, side->bias, loss, NULL,
									cursor, poll);
}

static RkStatus
task_solve(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	AlsShared *shared = arg;
	const AlsSide *side = shared->target;

	return solve_rows(shared, side->first[range], side->first[range + 1], &side->loss[range], scratch, poll);
}

static RkStatus
task_solve_listed(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	AlsShared *shared = arg;
	size_t last = Min(shared->n_list, (range + 1) * VALIDATION_RANGE);
	RkStatus status = RK_OK;

	for (size_t l = range * VALIDATION_RANGE; l < last && status == RK_OK; l++)
	{
		size_t user = shared->holdout.user[l];
		double loss;

		status = solve_rows(shared, user, user + 1, &loss, scratch, poll);
	}
	return status;
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
task_index(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	AlsShared *shared = arg;
	size_t blocks = rk_index_blocks(shared->ranked.n);

	return rk_index_range(&shared->ranked, &shared->room, range * INDEX_BLOCKS,
						  Min(blocks, (range + 1) * INDEX_BLOCKS), poll);
}

static RkStatus
task_holdout(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	AlsShared *shared = arg;

	return rk_holdout_ndcg_range(&shared->holdout, range * VALIDATION_RANGE,
								 Min(shared->n_list, (range + 1) * VALIDATION_RANGE), shared->ndcg, scratch,
								 poll);
}

const RecoTask reco_als_task[N_TASKS] = {
	[TASK_GRAM] = task_gram,
	[TASK_ROTATE] = task_rotate,
	[TASK_SOLVE] = task_solve,
	[TASK_SOLVE_LISTED] = task_solve_listed,
	[TASK_SPREAD] = task_spread,
	[TASK_INDEX] = task_index,
	[TASK_HOLDOUT] = task_holdout,
	[TASK_SIDE_GRAM] = reco_als_task_side_gram,
	[TASK_SIDE_RIGHT] = reco_als_task_side_right,
	[TASK_SIDE_PRODUCT] = reco_als_task_side_product,
	[TASK_SIDE_MISFIT] = reco_als_task_side_misfit,
};

PGDLLEXPORT void reco_als_worker_main(Datum main_arg);

/* reco_als_worker_main is where a background worker of ALS starts. */
void
reco_als_worker_main(Datum main_arg)
{
	reco_pool_work(main_arg, reco_als_task, N_TASKS);
}

double
reco_als_lap(AlsLearner *learner)
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

void
reco_als_run(AlsLearner *learner, AlsTask task, size_t n_ranges, bool counts)
{
	reco_learn_check(
		reco_pool_run(learner->pool, task, learner->shared, n_ranges, counts ? on_range : NULL, learner));
	if (counts)
		learner->steps_before += n_ranges;
}

void
reco_als_diagonalise(AlsLearner *learner, AlsSide *side, bool wide)
{
	AlsShared *shared = learner->shared;
	size_t d = shared->d;

	shared->other = side;
	shared->wide = wide;
	reco_als_run(learner, TASK_GRAM, GRAM_SLABS, false);
	for (size_t s = 1; s < GRAM_SLABS; s++)
		learner->blas->gram_add(d, shared->slab + s * d * d, shared->slab);
	reco_learn_check(learner->blas->eigh_gram(d, shared->slab, shared->eigenvalue, learner->eigh_scratch,
											  &reco_pool_poll));
}

void
reco_als_rotate(AlsLearner *learner)
{
	reco_als_run(learner, TASK_ROTATE,
				 (learner->shared->other->problem.rows.n_rows + ROTATE_ROWS - 1) / ROTATE_ROWS, false);
}

void
reco_als_prepare(AlsLearner *learner, AlsSide *side)
{
	AlsShared *shared = learner->shared;
	const AlsSide *solved = side == &shared->items ? &shared->users : &shared->items;

	reco_als_diagonalise(learner, side, false);
	if (learner->blas->wants_wide(&solved->problem, shared->eigenvalue))
		reco_als_diagonalise(learner, side, true);
	for (size_t k = 0; k < shared->d * shared->d; k++)
		shared->vector[k] = (float) shared->slab[k];
	reco_als_rotate(learner);
	reco_als_side_rotate(learner, &shared->users);
	reco_als_side_rotate(learner, &shared->items);
}

void
reco_als_half_sweep(AlsLearner *learner, AlsSide *target, AlsSide *other)
{
	reco_als_prepare(learner, other);
	learner->shared->target = target;
	reco_als_run(learner, TASK_SOLVE, target->n_ranges, true);
	reco_als_side_fit(learner, target);
}

/* ridge sums the ridge of a side, with checks for interrupts. */
static double
ridge(AlsLearner *learner, const RkAlsSide *problem, const float *factor, const float *bias)
{
	size_t n = problem->rows.n_rows;
	double sum = 0;

	for (size_t first = 0; first < n; first += ROTATE_ROWS)
	{
		CHECK_FOR_INTERRUPTS();
		sum += learner->blas->ridge_range(problem, first, Min(n, first + ROTATE_ROWS), factor, bias);
	}
	return sum;
}

double
reco_als_sweep_loss(AlsLearner *learner)
{
	AlsShared *shared = learner->shared;
	RkAlsSide biases = shared->items.problem;
	double loss = 0;

	for (size_t r = 0; r < shared->users.n_ranges; r++)
		loss += shared->users.loss[r];
	biases.d = 0;
	if (shared->items.attributes != NULL && shared->items.attributes->fitted)
		return loss + reco_als_side_misfit(learner, &shared->items) +
			   ridge(learner, &biases, shared->items.factor, shared->items.bias);
	return loss + ridge(learner, &shared->items.problem, shared->items.factor, shared->items.bias);
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

	reco_learn_check(rk_csr_transpose(rows, offset, index, weight, target, &reco_pool_poll));
	result.offset = offset;
	result.index = index;
	result.weight = weight;
	result.target = target;
	return result;
}

size_t
reco_als_count_rows(const RkCsr *rows)
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
		if (k % 1000000 == 0)
			CHECK_FOR_INTERRUPTS();
		sum += (double) rows->weight[k] * rows->target[k];
		weight += rows->weight[k];
	}
	return weight > 0 ? sum / weight : 0;
}

void
reco_als_set_rows(AlsLearner *learner, const RkCsr *by_user)
{
	AlsShared *shared = learner->shared;
	RecoArea *area = learner->input->area;

	shared->users.problem.rows = *by_user;
	shared->items.problem.rows = transpose(area, by_user);
	shared->users.problem.n_other = reco_als_count_rows(&shared->items.problem.rows);
	shared->items.problem.n_other = reco_als_count_rows(&shared->users.problem.rows);
	if (learner->input->explicit_feedback)
		shared->users.problem.mean = shared->items.problem.mean = mean_target(by_user);
	split_ranges(area, &shared->users);
	split_ranges(area, &shared->items);
	reco_als_side_set(learner, &shared->users, NULL);
	reco_als_side_set(learner, &shared->items, NULL);
}
