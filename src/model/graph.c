/*
 * graph.c
 *	  A graph filter: the walk of rp3beta (walk.c), the ideal low pass, and sharpening (kernel/graph.h).
 *
 * GF-CF (Shen et al. 2021) filters a user's row r by P + alpha D^-1/2 V V^T D^1/2, P being
 * the normalised likeness of items, V its leading eigenvectors and D the degrees of items.  Here the
 * likeness is the walk of rp3beta, whose two exponents say how much degrees count, and "low_pass"
 * is the weight of the second addend relative to the first, by the Frobenius norms of both.  What comes of both is sharpened as
 * BSPM (Choi et al. 2023) does, for the time "sharpening", with the likeness of items by r_ui / sqrt(n_u n_i).  All is linear in the
 * user's row, so the filter is stored as one item-item matrix, of which the greatest entries of each row are kept.
 *
 * The factors are found as ALS finds its first guess (als_start.c), with more multiplications.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"

#include "model/als_learner.h"
#include "model/blas.h"
#include "model/neighbours.h"
#include "model/walk.h"
#include "parallel/progress.h"
#include "storage/shmem.h"

/* Multiplications to and fro until the factors are taken for singular vectors. */
#define ROUNDS 4

/* Items of one range. */
#define RANGE_ITEMS RK_GRAPH_ROWS

enum
{
	GRAPH_ALPHA = NEIGHBOUR_COMMON_OPTIONS,
	GRAPH_BETA,
	GRAPH_FACTORS,
	GRAPH_LOW_PASS,
	GRAPH_SHARPENING,
	GRAPH_SEED,
	GRAPH_N_OPTIONS
};

static const RecoOption graph_option[GRAPH_N_OPTIONS] = {
	RECO_NEIGHBOUR_OPTIONS(300),
	[GRAPH_ALPHA] =
		{"alpha", RECO_OPTION_NUMBER, false, 0.6, NULL, 0, 4, false,
		 "Exponent of the probabilities of each step of the walk: less follows rare ties less closely."},
	[GRAPH_BETA] = {"beta", RECO_OPTION_NUMBER, false, 0.3, NULL, 0, 4, false,
					"How much the walk holds popular items back; 0 not at all."},
	[GRAPH_FACTORS] = {"factors", RECO_OPTION_INTEGER, false, 256, NULL, 1, 1024, false,
					   "Factors of the low pass: how much of the graph counts as smooth."},
	[GRAPH_LOW_PASS] = {"low_pass", RECO_OPTION_NUMBER, false, 0.3, NULL, 0, 1000, false,
						"Weight of the low pass beside the walk."},
	[GRAPH_SHARPENING] = {"sharpening", RECO_OPTION_NUMBER, false, 1, NULL, 0, 2, false,
						  "How much of what items have in common is taken off again; 0 nothing."},
	[GRAPH_SEED] = {"seed", RECO_OPTION_INTEGER, false, 42, NULL, 0, 2147483647, false,
					"Seed of the vectors that the factors are found from."},
};

static const RecoTuning graph_tuning[] = {
	{"values", RECO_TUNE_CHOICE, 0, 0, "linear|log|binary"},
	{"alpha", RECO_TUNE_LINEAR, 0.2, 1.5, NULL},
	{"beta", RECO_TUNE_LINEAR, 0, 1, NULL},
	{"factors", RECO_TUNE_LOG, 32, 512, NULL},
	{"low_pass", RECO_TUNE_LOG, 0.05, 2, NULL},
	{"sharpening", RECO_TUNE_LINEAR, 0, 1.5, NULL},
};

static RkStatus
task_rows(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	RkGraph *graph = arg;

	return reco_blas()->graph_range(graph, range * RANGE_ITEMS, Min((range + 1) * RANGE_ITEMS, graph->n),
									scratch, poll);
}

static const RecoTask graph_tasks[1] = {task_rows};

PGDLLEXPORT void reco_graph_worker_main(Datum main_arg);

/* reco_graph_worker_main is where a background worker of graph filters starts. */
void
reco_graph_worker_main(Datum main_arg)
{
	reco_pool_work(main_arg, graph_tasks, lengthof(graph_tasks));
}

/* factor_options gives the options of ALS by which the factors are found. */
static RecoOptionValue *
factor_options(size_t n_users, size_t n_items, const RecoOptionValue *option)
{
	RecoOptionValue *of_als = reco_options_parse(reco_als_option, ALS_N_OPTIONS, NULL, 0);

	of_als[ALS_FACTORS].number = Min(option[GRAPH_FACTORS].number, (double) Min(n_users, n_items));
	of_als[ALS_SEED].number = option[GRAPH_SEED].number;
	return of_als;
}

static Size
graph_learn_bytes(size_t n_users, size_t n_items, size_t n_rows, bool explicit_feedback,
				  const RecoOptionValue *option)
{
	Size bytes = reco_neighbours_bytes(n_users, n_items, n_rows, option);
	Size vectors = mul_size(n_items, mul_size(2 * sizeof(float), (Size) option[GRAPH_FACTORS].number));

	bytes = add_size(bytes, mul_size(n_rows, 4 * sizeof(float)));
	bytes = add_size(bytes, mul_size(add_size(n_items, 2), sizeof(uint64)));
	bytes = add_size(bytes, reco_als_learn_bytes(n_users, n_items, n_rows, false,
												 factor_options(n_users, n_items, option)));
	/* scratch lies beside the area, in every process, and counts all the same */
	bytes = add_size(
		bytes, mul_size((Size) reco_pool_workers() + 1, reco_blas()->graph_scratch_bytes(n_users, n_items)));
	return add_size(bytes, vectors);
}

/* find_factors gives V, [n_items x *d], or NULL. */
static float *
find_factors(const RecoNeighbourLearner *learner, size_t *d)
{
	RecoLearnInput input = *learner->input;
	RkCsr rows = learner->by_user;
	size_t entries = rk_csr_nnz(&rows);
	float *one = reco_area_alloc(input.area, sizeof(float) * (entries + 1));
	AlsLearner *als;
	float *found;

	for (size_t k = 0; k < entries; k++)
		one[k] = 1;
	rows.target = one;
	input.option = factor_options(input.data->n_users, input.data->n_items, input.option);
	reco_progress_phase("factors", 0);
	als = reco_als_learner_make(&input);
	*d = als->shared->d;
	found = reco_als_directions(als, &rows, ROUNDS);
	reco_pool_stop(als->pool);
	return found;
}

/* scaled gives V with its rows multiplied by sums of items to a power, in the area. */
static float *
scaled(RecoArea *area, const float *factor, const double *of_item, size_t n, size_t d, double power)
{
	float *out = reco_area_alloc(area, sizeof(float) * n * d);

	for (size_t i = 0; i < n; i++)
	{
		double scale = of_item[i] > 0 ? pow(of_item[i], power) : 0;

		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();

		for (size_t c = 0; c < d; c++)
			out[i * d + c] = (float) (factor[i * d + c] * scale);
	}
	return out;
}

/* gram gives the Gram matrix of the columns of [n x d], its upper triangle. */
static double *
gram(const float *factor, size_t n, size_t d)
{
	double *out = palloc_extended(sizeof(double) * d * d, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	char *raw = palloc_extended(reco_blas()->gram_scratch_bytes(d) + RK_SCRATCH_ALIGN, MCXT_ALLOC_HUGE);

	reco_learn_check(reco_blas()->gram_range(factor, 0, n, d, false, out,
											 (void *) TYPEALIGN(RK_SCRATCH_ALIGN, raw), &reco_pool_poll));
	pfree(raw);
	return out;
}

/* product_norm gives the Frobenius norm of L R^T: the root of the sum of products of both Gram matrices. */
static double
product_norm(const float *left, const float *right, size_t n, size_t d)
{
	double *of_left = gram(left, n, d);
	double *of_right = gram(right, n, d);
	double sum = 0;

	for (size_t a = 0; a < d; a++)
		for (size_t b = a; b < d; b++)
			sum += of_left[a * d + b] * of_right[a * d + b] * (a == b ? 1 : 2);
	pfree(of_left);
	pfree(of_right);
	return sqrt(Max(sum, 0));
}

/* slots_norm gives the Frobenius norm of rows in slots. */
static double
slots_norm(const RkSlots *slots, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t e = i * slots->most; e < i * slots->most + slots->count[i]; e++)
			sum += (double) slots->weight[e] * slots->weight[e];
	return sqrt(sum);
}

/* take_low_pass gives the filter its low pass. */
static void
take_low_pass(RecoNeighbourLearner *learner, const double *of_item, RkGraph *graph)
{
	const RecoLearnInput *input = learner->input;
	float *factor = find_factors(learner, &graph->d);
	size_t n = graph->n;
	double share;
	float *left;

	if (factor == NULL)
	{
		graph->d = 0;
		return;
	}
	left = scaled(input->area, factor, of_item, n, graph->d, -0.5);
	graph->right = scaled(input->area, factor, of_item, n, graph->d, 0.5);
	share = product_norm(left, graph->right, n, graph->d);
	share = share > 0 ? input->option[GRAPH_LOW_PASS].number * slots_norm(&learner->slots, n) / share : 0;
	for (size_t k = 0; k < n * graph->d; k++)
		left[k] = (float) (left[k] * share);
	graph->left = left;
}

/* take_likeness gives the filter what it sharpens by. */
static void
take_likeness(RecoNeighbourLearner *learner, const double *of_user, const double *of_item, RkGraph *graph)
{
	const RkCsr *rows = &learner->by_user;
	float *weight = reco_area_alloc(learner->input->area, sizeof(float) * (rk_csr_nnz(rows) + 1));

	for (size_t u = 0; u < rows->n_rows; u++)
	{
		if (u % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		for (size_t k = rows->offset[u]; k < rows->offset[u + 1]; k++)
			weight[k] = (float) (rows->weight[k] / sqrt(of_user[u] * of_item[rows->index[k]]));
	}
	graph->by_user = *rows;
	graph->by_user.weight = weight;
	graph->by_item = reco_neighbours_by_item(learner, weight);
}

/* filter turns rows of the walk into rows of the filter. */
static void
filter(RecoNeighbourLearner *learner)
{
	const RecoLearnInput *input = learner->input;
	size_t n = input->data->n_items;
	size_t ranges = (n + RANGE_ITEMS - 1) / RANGE_ITEMS;
	double *of_user = palloc_extended(sizeof(double) * input->data->n_users, MCXT_ALLOC_HUGE);
	double *of_item = palloc_extended(sizeof(double) * n, MCXT_ALLOC_HUGE);
	RkGraph *graph = reco_area_alloc(input->area, sizeof(RkGraph));
	RecoPool *pool;

	*graph = (RkGraph){.n = n,
					   .sharpening = input->option[GRAPH_SHARPENING].number,
					   .walk = learner->slots,
					   .slots = learner->slots};
	reco_neighbours_sums(&learner->by_user, learner->by_user.weight, 1, of_user, of_item);
	if (input->option[GRAPH_LOW_PASS].number > 0)
		take_low_pass(learner, of_item, graph);
	if (graph->sharpening > 0)
		take_likeness(learner, of_user, of_item, graph);
	pool =
		reco_pool_start(input->area, input->workers, "reco_graph_worker_main", graph_tasks,
						lengthof(graph_tasks), reco_blas()->graph_scratch_bytes(learner->by_user.n_rows, n));
	reco_progress_phase("filtering", (int64) ranges);
	reco_learn_check(reco_pool_run(pool, 0, graph, ranges, NULL, NULL));
	reco_pool_stop(pool);
}

static void
graph_learn(const RecoLearnInput *input, RecoLearnOutput *output)
{
	const RecoOptionValue *option = input->option;
	RecoNeighbourLearner learner;

	reco_walk_rows(&learner, input, option[GRAPH_ALPHA].number, option[GRAPH_BETA].number);
	if (option[GRAPH_LOW_PASS].number > 0 || option[GRAPH_SHARPENING].number > 0)
		filter(&learner);
	reco_json_number(learner.options, "alpha", option[GRAPH_ALPHA].number);
	reco_json_number(learner.options, "beta", option[GRAPH_BETA].number);
	reco_json_integer(learner.options, "factors", (int64) option[GRAPH_FACTORS].number);
	reco_json_number(learner.options, "low_pass", option[GRAPH_LOW_PASS].number);
	reco_json_number(learner.options, "sharpening", option[GRAPH_SHARPENING].number);
	reco_json_integer(learner.options, "seed", (int64) option[GRAPH_SEED].number);
	reco_neighbours_finish(&learner, output);
}

const RecoAlgorithm reco_graph = {
	.name = "graph",
	.linearity = RECO_LINEAR,
	.implicit_only = true,
	.option = graph_option,
	.n_options = GRAPH_N_OPTIONS,
	.tuning = graph_tuning,
	.n_tuning = lengthof(graph_tuning),
	.learn_bytes = graph_learn_bytes,
	.learn = graph_learn,
	.bind = reco_neighbours_bind,
	.check = reco_neighbours_check,
	.represent = reco_neighbours_represent,
	.contributions = reco_neighbours_contributions,
	.removals = reco_neighbours_removals,
};
