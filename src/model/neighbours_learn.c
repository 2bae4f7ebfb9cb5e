/*
 * neighbours_learn.c
 *	  Models of neighbours: learning what all of them share.
 *
 * The rows of the dataset become values (positive pulls alone: what was disliked
 * makes no items alike), an algorithm weighs them, and each row of S is made by itself
 * from the rows of users who have the item (kernel/neighbours.h).  Rows go into slots of equal size,
 * which are then moved together: no process waits for another, and no byte depends on
 * who made what.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"

#include "model/neighbours.h"
#include "parallel/progress.h"
#include "storage/shmem.h"

/* Products of one range: a few milliseconds. */
#define RANGE_PRODUCTS 2e6

/* Tensors of a version, at most. */
#define MOST_TENSORS 4

typedef enum NeighbourTask
{
	TASK_SIMILAR,
	N_TASKS
} NeighbourTask;

/* What all processes see. */
typedef struct Shared
{
	RkSimilar similar;
	RkSlots slots;
	size_t *first; /* [n_ranges + 1] */
} Shared;

static RkStatus
task_similar(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	const Shared *shared = arg;

	return rk_similar_range(&shared->similar, shared->first[range], shared->first[range + 1], &shared->slots,
							scratch, poll);
}

static const RecoTask tasks[N_TASKS] = {[TASK_SIMILAR] = task_similar};

PGDLLEXPORT void reco_neighbours_worker_main(Datum main_arg);

/* reco_neighbours_worker_main is where a background worker of these models starts. */
void
reco_neighbours_worker_main(Datum main_arg)
{
	reco_pool_work(main_arg, tasks, N_TASKS);
}

/* most_neighbours is the size of a slot. */
static size_t
most_neighbours(size_t n_items, const RecoOptionValue *option)
{
	return Max(Min((size_t) option[NEIGHBOUR_OPTION_NEIGHBOURS].number, n_items), 1);
}

Size
reco_neighbours_bytes(size_t n_users, size_t n_items, size_t n_rows, const RecoOptionValue *option)
{
	Size row = 2 * sizeof(uint32) + 4 * sizeof(float);
	Size slot = sizeof(uint32) + sizeof(float);
	Size bytes = mul_size(n_rows, row);

	bytes = add_size(bytes, mul_size(n_items, mul_size(most_neighbours(n_items, option), slot)));
	bytes = add_size(bytes, mul_size(add_size(n_users, n_items), 6 * sizeof(uint64)));
	return add_size(bytes, 1024 * 1024);
}

/* mean_pull gives the mean of the positive pulls, 1 if there is none. */
static double
mean_pull(const RkCsr *rows, size_t *n)
{
	double sum = 0;

	*n = 0;
	for (size_t k = 0; k < rk_csr_nnz(rows); k++)
	{
		double pull = (double) rows->weight[k] * rows->target[k];

		if (pull > 0)
		{
			sum += pull;
			(*n)++;
		}
	}
	return *n > 0 ? sum / (double) *n : 1;
}

void
reco_neighbours_begin(RecoNeighbourLearner *learner, const RecoLearnInput *input)
{
	const RkCsr *rows = &input->data->by_user;
	RecoValues values = (RecoValues) input->option[NEIGHBOUR_OPTION_VALUES].number;
	uint64 *offset = reco_area_alloc(input->area, sizeof(uint64) * (rows->n_rows + 1));
	uint32 *index;
	float *value;
	size_t n;

	memset(learner, 0, sizeof(*learner));
	learner->input = input;
	learner->mean = mean_pull(rows, &n);
	index = reco_area_alloc(input->area, sizeof(uint32) * (n + 1));
	value = reco_area_alloc(input->area, sizeof(float) * (n + 1));
	n = 0;
	for (size_t u = 0; u < rows->n_rows; u++)
	{
		if (u % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		offset[u] = n;
		for (size_t k = rows->offset[u]; k < rows->offset[u + 1]; k++)
		{
			double pull = (double) rows->weight[k] * rows->target[k];

			if (pull <= 0)
				continue;
			index[n] = rows->index[k];
			value[n++] = (float) reco_neighbours_value(values, learner->mean, pull);
		}
	}
	offset[rows->n_rows] = n;
	learner->by_user = (RkCsr){rows->n_rows, rows->n_cols, offset, index, value, NULL};
	learner->options = palloc(sizeof(RecoJson));
	learner->metrics = palloc(sizeof(RecoJson));
	reco_json_begin(learner->options);
	reco_json_begin(learner->metrics);
}

void
reco_neighbours_sums(const RkCsr *by_user, const float *weight, double power, double *of_user,
					 double *of_item)
{
	memset(of_item, 0, sizeof(double) * by_user->n_cols);
	for (size_t u = 0; u < by_user->n_rows; u++)
	{
		if (u % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		of_user[u] = 0;
		for (size_t k = by_user->offset[u]; k < by_user->offset[u + 1]; k++)
		{
			double term = power == 1 ? (double) weight[k] : pow((double) weight[k], power);

			of_user[u] += term;
			of_item[by_user->index[k]] += term;
		}
	}
}

RkCsr
reco_neighbours_by_item(const RecoNeighbourLearner *learner, const float *weight)
{
	RecoArea *area = learner->input->area;
	RkCsr weighed = learner->by_user;
	size_t n = rk_csr_nnz(&weighed);
	uint64 *offset = reco_area_alloc(area, sizeof(uint64) * (weighed.n_cols + 2));
	uint32 *index = reco_area_alloc(area, sizeof(uint32) * (n + 1));
	float *copy = reco_area_alloc(area, sizeof(float) * (n + 1));

	weighed.weight = weight;
	reco_learn_check(rk_csr_transpose(&weighed, offset, index, copy, NULL, &reco_pool_poll));
	return (RkCsr){weighed.n_cols, weighed.n_rows, offset, index, copy, NULL};
}

/* split cuts the items into ranges of about equal work. */
static size_t
split(Shared *shared)
{
	const RkCsr *by_item = &shared->similar.by_item;
	const RkCsr *by_user = &shared->similar.by_user;
	double work = 0;
	size_t n_ranges = 0;

	shared->first[0] = 0;
	for (size_t i = 0; i < by_item->n_rows; i++)
	{
		for (size_t k = by_item->offset[i]; k < by_item->offset[i + 1]; k++)
			work += (double) rk_csr_count(by_user, by_item->index[k]);
		if (work >= RANGE_PRODUCTS || i + 1 == by_item->n_rows)
		{
			shared->first[++n_ranges] = i + 1;
			work = 0;
		}
	}
	return n_ranges;
}

RkSlots
reco_neighbours_slots(const RecoNeighbourLearner *learner, size_t most)
{
	RecoArea *area = learner->input->area;
	size_t n = learner->by_user.n_cols;

	most = most == 0 ? most_neighbours(n, learner->input->option) : Min(most, n);
	return (RkSlots){.most = most,
					 .index = reco_area_alloc(area, sizeof(uint32) * n * most),
					 .weight = reco_area_alloc(area, sizeof(float) * n * most),
					 .count = reco_area_alloc(area, sizeof(uint32) * n)};
}

void
reco_neighbours_turn(RecoNeighbourLearner *learner)
{
	RecoArea *area = learner->input->area;
	RkSlots columns = learner->slots;
	size_t n = learner->by_user.n_cols;
	uint64 *offset = reco_area_alloc(area, sizeof(uint64) * (n + 1));
	size_t entries = rk_slots_close(&columns, n, offset);
	RkCsr turned = {n, n, offset, columns.index, columns.weight, NULL};
	uint64 *row_offset = reco_area_alloc(area, sizeof(uint64) * (n + 2));
	uint32 *index = reco_area_alloc(area, sizeof(uint32) * (entries + 1));
	float *weight = reco_area_alloc(area, sizeof(float) * (entries + 1));

	reco_learn_check(rk_csr_transpose(&turned, row_offset, index, weight, NULL, &reco_pool_poll));
	turned.offset = row_offset;
	turned.index = index;
	turned.weight = weight;
	learner->slots = reco_neighbours_slots(learner, 0);
	reco_learn_check(rk_slots_copy(&turned, &learner->slots,
								   palloc_extended(sizeof(RkEntry) * n, MCXT_ALLOC_HUGE), &reco_pool_poll));
}

/* on_range reports progress while rows are made. */
static void
on_range(void *state, size_t done, size_t total)
{
	reco_progress_step((int64) done, NAN);
}

void
reco_neighbours_similar(RecoNeighbourLearner *learner, const RkSimilar *rule, const float *x, const float *y)
{
	const RecoLearnInput *input = learner->input;
	size_t n_items = input->data->n_items;
	Shared *shared = reco_area_alloc(input->area, sizeof(Shared));
	size_t n_ranges;

	learner->by_item = reco_neighbours_by_item(learner, x);
	learner->slots = reco_neighbours_slots(learner, rule->most);
	shared->similar = *rule;
	shared->similar.by_user = learner->by_user;
	shared->similar.by_user.weight = y;
	shared->similar.by_item = learner->by_item;
	shared->similar.most = learner->slots.most;
	shared->slots = learner->slots;
	shared->first = reco_area_alloc(input->area, sizeof(size_t) * (n_items + 1));
	n_ranges = split(shared);
	reco_progress_phase("learning", (int64) n_ranges);
	learner->pool = reco_pool_start(input->area, input->workers, "reco_neighbours_worker_main", tasks,
									N_TASKS, rk_similar_scratch_bytes(n_items));
	reco_learn_check(reco_pool_run(learner->pool, TASK_SIMILAR, shared, n_ranges, on_range, NULL));
	reco_pool_stop(learner->pool);
}

static void
add_tensor(RecoLearnOutput *output, const char *name, RecoTensorType type, size_t rows, size_t columns,
		   const void *data)
{
	output->tensor[output->n_tensors++] = (RecoTensor){name, type, (int64) rows, (int64) columns, data};
}

void
reco_neighbours_finish(RecoNeighbourLearner *learner, RecoLearnOutput *output)
{
	const RecoOptionValue *option = learner->input->option;
	size_t n_items = learner->input->data->n_items;
	uint64 *offset = reco_area_alloc(learner->input->area, sizeof(uint64) * (n_items + 1));
	size_t entries = rk_slots_close(&learner->slots, n_items, offset);
	double *parameter = palloc(sizeof(double) * NEIGHBOUR_N_PARAMETERS);

	parameter[NEIGHBOUR_VALUES] = option[NEIGHBOUR_OPTION_VALUES].number;
	parameter[NEIGHBOUR_MEAN] = learner->mean;
	output->tensor = palloc(sizeof(RecoTensor) * MOST_TENSORS);
	add_tensor(output, "neighbour_parameters", RECO_FLOAT8, 1, NEIGHBOUR_N_PARAMETERS, parameter);
	add_tensor(output, "similar_offset", RECO_INT8, n_items + 1, 1, offset);
	add_tensor(output, "similar_index", RECO_INT4, entries, 1, learner->slots.index);
	add_tensor(output, "similar_weight", RECO_FLOAT4, entries, 1, learner->slots.weight);
	reco_json_string(learner->options, "values", option[NEIGHBOUR_OPTION_VALUES].string);
	reco_json_integer(learner->options, "neighbours", (int64) option[NEIGHBOUR_OPTION_NEIGHBOURS].number);
	reco_json_number(learner->options, "dislike", option[NEIGHBOUR_OPTION_DISLIKE].number);
	reco_json_integer(learner->metrics, "entries", (int64) entries);
	output->options = reco_json_end(learner->options);
	output->metrics = reco_json_end(learner->metrics);
}
