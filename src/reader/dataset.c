/*
 * dataset.c
 *	  Events become one compact sparse matrix of folded rows.
 *
 * Events come sorted by (user, item, time, ...), so one walk over them folds a
 * user at a time: the sums of the user's rows are kept in double, rows that
 * weigh nothing beside the largest are dropped, and the rest is written as
 * float.  Users and items without a row left get no index.  As both keep their
 * order, the columns of a row ascend.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"

#include "reader/reader.h"

/* Arrays of a dataset, and what rounding each to 64 bytes may cost. */
#define RECO_DATASET_ARRAYS 7
#define RECO_DATASET_PADDING 64

#define RECO_DATASET_NO_ITEM PG_UINT32_MAX

/* One row of a user before it is written. */
typedef struct RecoDatasetRow
{
	uint32 item;
	RecoFoldSum sum;
} RecoDatasetRow;

/* A dataset in the making.  The pointers are those of by_user, writable. */
typedef struct RecoDatasetBuild
{
	const RecoEvents *events;
	const uint8 *keep;
	RecoFoldRule rule;
	RecoDataset *dataset;
	uint64 *offset;
	uint32 *index;
	float *weight;
	float *target;
	RecoDatasetRow *row; /* of one user */
	uint32 *item_index;  /* [items.n], first whether an item has a row, then its index */
} RecoDatasetBuild;

Size
reco_dataset_bytes(const RecoEvents *events, size_t pairs)
{
	Size bytes = sizeof(RecoDataset) + RECO_DATASET_ARRAYS * RECO_DATASET_PADDING;

	bytes = add_size(bytes, mul_size(events->users.n, sizeof(uint32) + sizeof(uint64)));
	bytes = add_size(bytes, sizeof(uint64));
	bytes = add_size(bytes, mul_size(events->items.n, sizeof(uint32)));
	return add_size(bytes, mul_size(pairs, sizeof(uint32) + 2 * sizeof(float)));
}

/* reco_dataset_kept says whether an event takes part. */
static inline bool
reco_dataset_kept(const RecoDatasetBuild *build, size_t event)
{
	return build->keep == NULL || (build->keep[event / 8] >> (event % 8) & 1) != 0;
}

/*
 * reco_dataset_scan finds the clock, the number of distinct pairs, which bounds
 * the rows, and the most rows of one user.
 */
static size_t
reco_dataset_scan(RecoDatasetBuild *build, size_t *most)
{
	const RecoEvents *events = build->events;
	RecoDataset *dataset = build->dataset;
	size_t pairs = 0;
	size_t of_user = 0;
	size_t last = 0;

	*most = 0;
	for (size_t e = 0; e < events->n; e++)
	{
		if (e % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (!reco_dataset_kept(build, e))
			continue;
		if (events->time != NULL && (!dataset->has_as_of || events->time[e] > dataset->as_of))
		{
			dataset->has_as_of = true;
			dataset->as_of = events->time[e];
		}
		if (pairs == 0 || events->user[e] != events->user[last])
			of_user = 0;
		if (of_user == 0 || events->item[e] != events->item[last])
		{
			pairs++;
			of_user++;
			*most = Max(*most, of_user);
		}
		last = e;
	}
	return pairs;
}

size_t
reco_dataset_pairs(const RecoEvents *events, const uint8 *keep)
{
	RecoDataset dataset = {0};
	RecoDatasetBuild build = {.events = events, .keep = keep, .dataset = &dataset};
	size_t most;

	return reco_dataset_scan(&build, &most);
}

/* reco_dataset_allocate makes the arrays, for at most "pairs" rows. */
static void
reco_dataset_allocate(RecoDatasetBuild *build, size_t pairs, const RecoAllocator *allocator)
{
	const RecoEvents *events = build->events;
	RecoDataset *dataset = build->dataset;
	void *state = allocator->state;

	dataset->user_of = allocator->allocate(state, mul_size(Max(events->users.n, 1), sizeof(uint32)));
	dataset->item_of = allocator->allocate(state, mul_size(Max(events->items.n, 1), sizeof(uint32)));
	build->offset = allocator->allocate(state, mul_size(events->users.n + 1, sizeof(uint64)));
	build->index = allocator->allocate(state, mul_size(Max(pairs, 1), sizeof(uint32)));
	build->weight = allocator->allocate(state, mul_size(Max(pairs, 1), sizeof(float)));
	build->target = allocator->allocate(state, mul_size(Max(pairs, 1), sizeof(float)));
}

/* reco_dataset_fold_user folds the events from "first" on that are of one user; *n is the number of rows. */
static size_t
reco_dataset_fold_user(RecoDatasetBuild *build, size_t first, size_t *n)
{
	const RecoEvents *events = build->events;
	uint32 user = events->user[first];
	size_t e;

	*n = 0;
	for (e = first; e < events->n && events->user[e] == user; e++)
	{
		RecoFoldEvent event = {.amount = events->amount[e]};

		if (!reco_dataset_kept(build, e))
			continue;
		if (*n == 0 || build->row[*n - 1].item != events->item[e])
			build->row[(*n)++] = (RecoDatasetRow){.item = events->item[e]};
		if (events->rating != NULL)
			event.rating = events->rating[e];
		if (events->time != NULL)
			event.time = events->time[e];
		reco_fold_add(&build->rule, &event, &build->row[*n - 1].sum);
	}
	return e;
}

/* reco_dataset_write_user writes the rows of a user that stay. */
static void
reco_dataset_write_user(RecoDatasetBuild *build, uint32 user, size_t n)
{
	RecoDataset *dataset = build->dataset;
	uint64 first = build->offset[dataset->n_users];
	uint64 end = first;
	double largest = 0;

	for (size_t j = 0; j < n; j++)
		largest = Max(largest, build->row[j].sum.weight);
	for (size_t j = 0; j < n; j++)
	{
		const RecoDatasetRow *row = &build->row[j];

		if (!reco_fold_keeps(row->sum.weight, largest))
			continue;
		build->index[end] = row->item;
		build->weight[end] = (float) row->sum.weight;
		build->target[end] = (float) (row->sum.pull / row->sum.weight);
		build->item_index[row->item] = 0;
		end++;
	}
	if (end == first)
		return;
	dataset->user_of[dataset->n_users++] = user;
	build->offset[dataset->n_users] = end;
}

/* reco_dataset_number_items gives the items that have a row, or are of the catalogue, consecutive numbers. */
static void
reco_dataset_number_items(RecoDatasetBuild *build)
{
	RecoDataset *dataset = build->dataset;
	uint64 n_rows = build->offset[dataset->n_users];

	for (size_t i = 0; i < build->events->items.n; i++)
	{
		bool seen = build->item_index[i] != RECO_DATASET_NO_ITEM;

		if (!seen && (build->events->catalogue == NULL || !build->events->catalogue[i]))
			continue;
		dataset->n_seen += seen;
		build->item_index[i] = (uint32) dataset->n_items;
		dataset->item_of[dataset->n_items++] = (uint32) i;
	}
	for (uint64 j = 0; j < n_rows; j++)
	{
		build->index[j] = build->item_index[build->index[j]];
		if (j % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
	}
}

/* reco_dataset_fold folds all users. */
static void
reco_dataset_fold(RecoDatasetBuild *build)
{
	const RecoEvents *events = build->events;
	size_t first = 0;
	size_t checked = 0;

	build->offset[0] = 0;
	for (size_t i = 0; i < events->items.n; i++)
		build->item_index[i] = RECO_DATASET_NO_ITEM;
	while (first < events->n)
	{
		uint32 user = events->user[first];
		size_t n;

		if (first - checked >= 4096)
		{
			CHECK_FOR_INTERRUPTS();
			checked = first;
		}
		first = reco_dataset_fold_user(build, first, &n);
		reco_dataset_write_user(build, user, n);
	}
}

RecoDataset *
reco_dataset_build(const RecoEvents *events, const uint8 *keep, const RecoFoldRule *rule,
				   const RecoAllocator *allocator)
{
	RecoDatasetBuild build = {.events = events, .keep = keep, .rule = *rule};
	RecoDataset *dataset = allocator->allocate(allocator->state, sizeof(RecoDataset));
	size_t most;
	size_t pairs;

	memset(dataset, 0, sizeof(*dataset));
	build.dataset = dataset;
	pairs = reco_dataset_scan(&build, &most);
	build.rule.as_of = dataset->as_of;
	if (!dataset->has_as_of)
		build.rule.half_life = 0;
	reco_dataset_allocate(&build, pairs, allocator);

	build.row = palloc_extended(Max(most, 1) * sizeof(RecoDatasetRow), MCXT_ALLOC_HUGE);
	build.item_index = palloc_extended(Max(events->items.n, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	reco_dataset_fold(&build);
	reco_dataset_number_items(&build);
	pfree(build.row);
	pfree(build.item_index);

	dataset->by_user = (RkCsr){.n_rows = dataset->n_users,
							   .n_cols = dataset->n_items,
							   .offset = build.offset,
							   .index = build.index,
							   .weight = build.weight,
							   .target = build.target};
	return dataset;
}
