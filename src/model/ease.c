/*
 * ease.c
 *	  Regression of each item on the others (Steck 2019; kernel/ease.h).
 *
 * With R the values of users (neighbours.h), S minimises |R - R S|^2 + lambda |S|^2 with nothing on the diagonal: the
 * weights by which what a user has predicts what else he has.  Unlike likeness they are of all
 * items together, so that two items that say the same do not count twice, and they may be negative.
 *
 * Two ways: *dense* inverts the Gram matrix of all items, or that of all users where they are much fewer, which takes 2 n^2 bytes
 * and n^3 operations; *local* regresses each item on the items nearest to it alone (by cosine, shrunk), for any number of
 * items.  Of either, the greatest weights of a row are stored.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"

#include "model/blas.h"
#include "model/neighbours.h"
#include "parallel/progress.h"
#include "storage/shmem.h"

/* Catalogues up to this many items are inverted where the method is left open. */
#define DENSE_ITEMS 12000

/*
 * Users are inverted where they are less than this share of the items: half of the operations of items then,
 * and rows of B, which take longer to make of it, in a part of what is left.
 */
#define DUAL_SHARE 0.8

/* Defaults of lambda. */
#define DENSE_LAMBDA 100
#define LOCAL_LAMBDA 50

/* As in itemknn.c, where the nearest items are chosen. */
#define NEAREST_SHRINKAGE 10

/* Items of one range, where rows take about the same time. */
#define RANGE_ITEMS 32

enum
{
	EASE_LAMBDA = NEIGHBOUR_COMMON_OPTIONS,
	EASE_METHOD,
	EASE_NEAREST,
	EASE_N_OPTIONS
};

enum
{
	METHOD_AUTO,
	METHOD_DENSE,
	METHOD_LOCAL
};

static const RecoOption ease_option[EASE_N_OPTIONS] = {
	RECO_NEIGHBOUR_OPTIONS(400),
	[EASE_LAMBDA] = {"lambda", RECO_OPTION_NUMBER, true, 0, NULL, 0, 1e9, true,
					 "Regularisation, in rows of the mean weight; it must be positive."},
	[EASE_METHOD] =
		{"method", RECO_OPTION_CHOICE, false, 0, "auto|dense|local", 0, 0, false,
		 "Whether all items are regressed on all others (dense), or each on those nearest to it (local)."},
	[EASE_NEAREST] = {"nearest", RECO_OPTION_INTEGER, false, 100, NULL, 1, 1000, false,
					  "How many items each is regressed on by the local method."},
};

static const RecoTuning ease_tuning[] = {
	{"values", RECO_TUNE_CHOICE, 0, 0, "linear|log|binary"},
	{"neighbours", RECO_TUNE_LOG, 100, 1000, NULL},
	{"lambda", RECO_TUNE_LOG, 5, 2000, NULL},
	{"nearest", RECO_TUNE_LOG, 30, 300, NULL},
};

typedef enum EaseTask
{
	TASK_GRAM,
	TASK_PANEL,
	TASK_UPDATE,
	TASK_ROWS,
	TASK_DUAL_DIAGONAL,
	TASK_DUAL_ROWS,
	TASK_LOCAL,
	N_TASKS
} EaseTask;

/* What all processes see. */
typedef struct EaseShared
{
	RkCsr by_item;
	RkCsr by_user;
	double lambda;
	bool is_dual;
	RkEase dense; /* of items, or of users */
	RkEaseDual dual;
	RkEaseLocal local;
	RkSlots slots;
} EaseShared;

/* last_of is the end of a range of RANGE_ITEMS of n. */
static size_t
last_of(size_t n, size_t range)
{
	return Min((range + 1) * RANGE_ITEMS, n);
}

static RkStatus
task_gram(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	EaseShared *shared = arg;

	return reco_blas()->ease_gram_range(shared->is_dual ? &shared->by_user : &shared->by_item,
										shared->is_dual ? &shared->by_item : &shared->by_user, shared->lambda,
										range * RANGE_ITEMS, last_of(shared->dense.n, range),
										shared->dense.matrix, scratch, poll);
}

static RkStatus
task_panel(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	EaseShared *shared = arg;

	return reco_blas()->ease_panel_range(&shared->dense, range, poll);
}

/* The longest rows of tiles come first. */
static RkStatus
task_update(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	EaseShared *shared = arg;

	return reco_blas()->ease_update_range(&shared->dense, rk_ease_tiles(shared->dense.n) - 1 - range, poll);
}

static RkStatus
task_rows(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	EaseShared *shared = arg;

	return reco_blas()->ease_rows_range(&shared->dense, range * RANGE_ITEMS,
										last_of(shared->by_item.n_rows, range), &shared->slots, scratch,
										poll);
}

static RkStatus
task_dual_diagonal(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	EaseShared *shared = arg;

	return rk_ease_dual_diagonal_range(&shared->dual, range * RANGE_ITEMS,
									   last_of(shared->by_item.n_rows, range), poll);
}

static RkStatus
task_dual_rows(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	EaseShared *shared = arg;

	return rk_ease_dual_rows_range(&shared->dual, range * RANGE_ITEMS, last_of(shared->by_item.n_rows, range),
								   &shared->slots, scratch, poll);
}

static RkStatus
task_local(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	EaseShared *shared = arg;

	return reco_blas()->ease_local_range(&shared->local, range * RANGE_ITEMS,
										 last_of(shared->by_item.n_rows, range), scratch, poll);
}

static const RecoTask ease_tasks[N_TASKS] = {
	[TASK_GRAM] = task_gram,
	[TASK_PANEL] = task_panel,
	[TASK_UPDATE] = task_update,
	[TASK_ROWS] = task_rows,
	[TASK_DUAL_DIAGONAL] = task_dual_diagonal,
	[TASK_DUAL_ROWS] = task_dual_rows,
	[TASK_LOCAL] = task_local,
};

PGDLLEXPORT void reco_ease_worker_main(Datum main_arg);

/* reco_ease_worker_main is where a background worker of EASE starts. */
void
reco_ease_worker_main(Datum main_arg)
{
	reco_pool_work(main_arg, ease_tasks, N_TASKS);
}

/* is_dual says whether the dense method inverts users; as is_dense, it decides by those of the events, before and after folding the same. */
static bool
is_dual(size_t n_users, size_t n_items)
{
	return (double) n_users < DUAL_SHARE * (double) n_items;
}

/* is_dense says whether all items are regressed on all others. */
static bool
is_dense(size_t n_items, const RecoOptionValue *option)
{
	int method = (int) option[EASE_METHOD].number;

	return method == METHOD_DENSE || (method == METHOD_AUTO && n_items <= DENSE_ITEMS);
}

static Size
ease_learn_bytes(size_t n_users, size_t n_items, size_t n_rows, bool explicit_feedback,
				 const RecoOptionValue *option)
{
	Size bytes = reco_neighbours_bytes(n_users, n_items, n_rows, option);
	Size panels = 2 * RK_EASE_TILE * sizeof(float);

	if (is_dense(n_items, option))
	{
		/* half of the square, with the tiles on the diagonal whole */
		size_t order = is_dual(n_users, n_items) ? n_users : n_items;
		Size matrix = mul_size(rk_ease_padded(order), mul_size(order / 2 + RK_TILE, sizeof(float)));

		bytes = add_size(bytes, mul_size(n_items, sizeof(double)));
		if (is_dual(n_users, n_items))
			/* scratch lies beside the area, in every process, and counts all the same */
			bytes = add_size(bytes, mul_size((Size) reco_pool_workers() + 1,
											 rk_ease_dual_rows_scratch_bytes(n_users, n_items)));
		return add_size(add_size(bytes, matrix), add_size(mul_size(rk_ease_padded(order), panels),
														  RK_EASE_TILE * RK_EASE_TILE * sizeof(float)));
	}
	return add_size(bytes, mul_size(mul_size(n_items, (Size) option[EASE_NEAREST].number),
									2 * (sizeof(uint32) + sizeof(float))));
}

/* run does all ranges of a task. */
static void
run(RecoPool *pool, EaseTask task, EaseShared *shared, size_t n_ranges)
{
	reco_learn_check(reco_pool_run(pool, task, shared, n_ranges, NULL, NULL));
}

/* alloc_dense makes room for the dense problem. */
static void
alloc_dense(RecoArea *area, size_t n, RkEase *dense)
{
	dense->n = n;
	dense->matrix = reco_area_alloc(area, sizeof(float) * rk_ease_floats(n));
	dense->panel = reco_area_alloc(area, sizeof(float) * rk_ease_padded(n) * RK_EASE_TILE);
	dense->scaled = reco_area_alloc(area, sizeof(float) * rk_ease_padded(n) * RK_EASE_TILE);
	dense->pivot = reco_area_alloc(area, sizeof(float) * RK_EASE_TILE * RK_EASE_TILE);
}

/* scratch_bytes is what the tasks of the dense method need. */
static size_t
scratch_bytes(const EaseShared *shared)
{
	const RecoBlas *blas = reco_blas();
	size_t rows = shared->is_dual ? rk_ease_dual_rows_scratch_bytes(shared->dense.n, shared->by_item.n_rows)
								  : blas->ease_rows_scratch_bytes(shared->dense.n);

	return Max(blas->ease_gram_scratch_bytes(shared->dense.n), rows);
}

/* invert sweeps the Gram matrix. */
static void
invert(RecoPool *pool, RecoArea *area, EaseShared *shared)
{
	size_t tiles = rk_ease_tiles(shared->dense.n);
	void *scratch = reco_area_alloc(area, reco_blas()->ease_pivot_scratch_bytes());

	reco_progress_phase("inverting", (int64) tiles);
	for (size_t step = 0; step < tiles; step++)
	{
		shared->dense.step = step;
		reco_learn_check(reco_blas()->ease_pivot(&shared->dense, scratch));
		run(pool, TASK_PANEL, shared, tiles);
		run(pool, TASK_UPDATE, shared, tiles);
		reco_progress_step((int64) step + 1, NAN);
	}
}

/* learn_dense inverts a Gram matrix and keeps the greatest entries of each row. */
static void
learn_dense(RecoNeighbourLearner *learner, EaseShared *shared)
{
	RecoArea *area = learner->input->area;
	size_t ranges = (shared->by_item.n_rows + RANGE_ITEMS - 1) / RANGE_ITEMS;
	size_t n = shared->is_dual ? shared->by_user.n_rows : shared->by_item.n_rows;
	size_t gram_ranges = (n + RANGE_ITEMS - 1) / RANGE_ITEMS;
	RecoPool *pool;

	alloc_dense(area, n, &shared->dense);
	learner->slots = reco_neighbours_slots(learner, 0);
	shared->slots = learner->slots;
	pool = reco_pool_start(area, learner->input->workers, "reco_ease_worker_main", ease_tasks, N_TASKS,
						   scratch_bytes(shared));
	reco_progress_phase("adding up", (int64) gram_ranges);
	run(pool, TASK_GRAM, shared, gram_ranges);
	invert(pool, area, shared);
	reco_progress_phase("regressing", (int64) ranges);
	if (shared->is_dual)
	{
		shared->dual = (RkEaseDual){shared->dense, shared->by_item,
									reco_area_alloc(area, sizeof(double) * shared->by_item.n_rows)};
		run(pool, TASK_DUAL_DIAGONAL, shared, ranges);
	}
	run(pool, shared->is_dual ? TASK_DUAL_ROWS : TASK_ROWS, shared, ranges);
	reco_pool_stop(pool);
}

/* learn_local finds the nearest of each item, regresses on them, and turns the columns into rows. */
static void
learn_local(RecoNeighbourLearner *learner, EaseShared *shared)
{
	size_t n = learner->by_user.n_cols;
	size_t ranges = (n + RANGE_ITEMS - 1) / RANGE_ITEMS;
	double *of_user = palloc_extended(sizeof(double) * learner->by_user.n_rows, MCXT_ALLOC_HUGE);
	double *of_item = reco_area_alloc(learner->input->area, sizeof(double) * n);
	RkSimilar rule = {.similarity = RK_SIMILAR_SHRUNK,
					  .shrink = NEAREST_SHRINKAGE,
					  .left = of_item,
					  .right = of_item,
					  .most = (size_t) learner->input->option[EASE_NEAREST].number};
	RecoPool *pool;

	reco_neighbours_sums(&learner->by_user, learner->by_user.weight, 2, of_user, of_item);
	for (size_t i = 0; i < n; i++)
		of_item[i] = sqrt(of_item[i]);
	reco_neighbours_similar(learner, &rule, learner->by_user.weight, learner->by_user.weight);
	shared->by_item = learner->by_item;
	shared->local = (RkEaseLocal){learner->by_item, learner->by_user, shared->lambda, learner->slots};
	pool = reco_pool_start(learner->input->area, learner->input->workers, "reco_ease_worker_main", ease_tasks,
						   N_TASKS, reco_blas()->ease_local_scratch_bytes(&shared->local));
	reco_progress_phase("regressing", (int64) ranges);
	run(pool, TASK_LOCAL, shared, ranges);
	reco_pool_stop(pool);
	reco_neighbours_turn(learner);
}

static void
ease_learn(const RecoLearnInput *input, RecoLearnOutput *output)
{
	const RecoOptionValue *option = input->option;
	bool dense = is_dense(input->items->n, option);
	EaseShared *shared = reco_area_alloc(input->area, sizeof(EaseShared));
	RecoNeighbourLearner learner;

	memset(shared, 0, sizeof(EaseShared));
	reco_neighbours_begin(&learner, input);
	shared->by_user = learner.by_user;
	shared->is_dual = is_dual(input->users->n, input->items->n);
	shared->lambda = option[EASE_LAMBDA].is_set ? option[EASE_LAMBDA].number
					 : dense                    ? DENSE_LAMBDA
												: LOCAL_LAMBDA;
	if (dense)
	{
		shared->by_item = reco_neighbours_by_item(&learner, learner.by_user.weight);
		learn_dense(&learner, shared);
	}
	else
		learn_local(&learner, shared);
	reco_json_number(learner.options, "lambda", shared->lambda);
	reco_json_string(learner.options, "method", dense ? "dense" : "local");
	if (!dense)
		reco_json_integer(learner.options, "nearest", (int64) option[EASE_NEAREST].number);
	reco_neighbours_finish(&learner, output);
}

const RecoAlgorithm reco_ease = {
	.name = "ease",
	.linearity = RECO_LINEAR,
	.implicit_only = true,
	.option = ease_option,
	.n_options = EASE_N_OPTIONS,
	.tuning = ease_tuning,
	.n_tuning = lengthof(ease_tuning),
	.learn_bytes = ease_learn_bytes,
	.learn = ease_learn,
	.bind = reco_neighbours_bind,
	.check = reco_neighbours_check,
	.represent = reco_neighbours_represent,
	.contributions = reco_neighbours_contributions,
	.removals = reco_neighbours_removals,
};
