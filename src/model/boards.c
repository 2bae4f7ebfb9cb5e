/*
 * boards.c
 *	  Lists of what others choose, counted at a refresh.
 *
 * A user chose an item when the amounts of the events on it add up to more than 0, in all or within the
 * window; windows end at the latest event.  An item came when items_time_column says so, else when it was first chosen.  Of each window
 * there is a board of what was chosen in it, be it empty, so that a version says which windows it has.  With c users in the window, c0 in the one before it, and g the growth of all together,
 * an item is trending by (c + s) / (g c0 + s), s = min_group: a rate that few users cannot make large.
 *
 * A rating is smoothed towards the mean of all by (n r + C m) / (n + C), where C = within-variance / between-variance of
 * the items, by the method of moments: the posterior mean where both are normal.
 *
 * Three tensors: "board" [boards x BOARD_N], "board_item" and "board_score", the boards one after the other.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "model/boards.h"
#include "model/tensors.h"

/* Items of a board, and boards of segments, at most. */
#define BOARD_ITEMS 500
#define MOST_SEGMENTS 1000

/* Pairs between two checks for interrupts. */
#define CHECK_EVERY 65536

/* Bounds of C above. */
#define LEAST_PRIOR 1.0
#define GREATEST_PRIOR 1000.0

/* An item that may be on a board. */
typedef struct Candidate
{
	double value;
	uint32 item;
} Candidate;

struct RecoBoards
{
	int n;
	int capacity;
	RecoBoard *board;
	size_t n_items; /* of the events */
};

/* What is counted of an item in a window. */
typedef struct WindowCounts
{
	uint32 *now;
	uint32 *before;
	uint64 all_now;
	uint64 all_before;
} WindowCounts;

/* Counting: arrays are [items]. */
typedef struct Counting
{
	const RecoEvents *events;
	RecoBoards *boards;
	int min_group;
	TimestampTz as_of;
	uint32 *users;
	TimestampTz *first;
	int n_windows; /* 0 where no times are mapped */
	const int *days;
	WindowCounts window[RECO_MOST_WINDOWS];
	Candidate *candidate;
	size_t n_candidates;
} Counting;

static int
compare_candidates(const void *a, const void *b)
{
	const Candidate *x = a;
	const Candidate *y = b;

	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

/* offer makes an item a candidate of the board that comes next, if enough users chose it. */
static void
offer(Counting *counting, uint32 item, uint32 users, double value)
{
	if (users > (uint32) counting->min_group)
		counting->candidate[counting->n_candidates++] = (Candidate){value, item};
}

/* finish makes a board of the candidates; where there are none, only one that says that there is such a window. */
static void
finish(Counting *counting, RecoBoardKind kind, int column, int days)
{
	RecoBoards *boards = counting->boards;
	int n = (int) Min(counting->n_candidates, BOARD_ITEMS);
	int32 *item = palloc(Max(n, 1) * sizeof(int32));
	float *score = palloc0(Max(n, 1) * sizeof(float));

	qsort(counting->candidate, counting->n_candidates, sizeof(Candidate), compare_candidates);
	for (int i = 0; i < n; i++)
	{
		item[i] = (int32) counting->candidate[i].item;
		if (kind == RECO_BOARD_RATED)
			score[i] = (float) counting->candidate[i].value;
	}
	counting->n_candidates = 0;
	if (n == 0 && kind != RECO_BOARD_RECENT)
		return;
	if (boards->n == boards->capacity)
	{
		boards->capacity *= 2;
		boards->board = repalloc(boards->board, boards->capacity * sizeof(RecoBoard));
	}
	boards->board[boards->n++] = (RecoBoard){kind, column, days, n, item, score};
}

/* An item that a user chose: the events of the pair. */
typedef struct Pair
{
	size_t first;
	size_t end;
	bool chosen;
} Pair;

/* next_pair gives the pair that begins at an event. */
static Pair
next_pair(const RecoEvents *events, size_t first)
{
	Pair pair = {first, first, false};
	double sum = 0;

	while (pair.end < events->n && events->user[pair.end] == events->user[first] &&
		   events->item[pair.end] == events->item[first])
		sum += events->amount[pair.end++];
	pair.chosen = sum > 0;
	return pair;
}

/* in_window says whether a user chose the item of a pair in a window, or in the one before it. */
static bool
in_window(const Counting *counting, const Pair *pair, int w, bool before)
{
	const RecoEvents *events = counting->events;
	int64 length = (int64) counting->days[w] * USECS_PER_DAY;
	int64 from = before ? length : 0;

	for (size_t e = pair->first; e < pair->end; e++)
	{
		int64 age = counting->as_of - events->time[e];

		if (events->amount[e] > 0 && age >= from && age < from + length)
			return true;
	}
	return false;
}

/* count_windows counts a pair in every window that it has an event in. */
static void
count_windows(Counting *counting, const Pair *pair)
{
	uint32 item = counting->events->item[pair->first];

	for (int w = 0; w < counting->n_windows; w++)
	{
		bool now = in_window(counting, pair, w, false);
		bool before = in_window(counting, pair, w, true);

		counting->window[w].now[item] += now;
		counting->window[w].before[item] += before;
		counting->window[w].all_now += now;
		counting->window[w].all_before += before;
	}
}

/* count_pairs counts users, first times and windows of all items. */
static void
count_pairs(Counting *counting)
{
	const RecoEvents *events = counting->events;
	Pair pair;

	for (size_t e = 0; e < events->n; e = pair.end)
	{
		uint32 item = events->item[e];

		if (e % CHECK_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		pair = next_pair(events, e);
		if (!pair.chosen)
			continue;
		counting->users[item]++;
		if (events->time == NULL)
			continue;
		/* events of a pair are in the order of time */
		counting->first[item] = Min(counting->first[item], events->time[e]);
		count_windows(counting, &pair);
	}
}

/* came gives when an item came. */
static TimestampTz
came(const Counting *counting, uint32 item)
{
	const TimestampTz *time = counting->events->item_time;

	return time != NULL && !TIMESTAMP_IS_NOBEGIN(time[item]) ? time[item] : counting->first[item];
}

/* add_windows makes the boards of one window. */
static void
add_windows(Counting *counting, int w)
{
	const WindowCounts *window = &counting->window[w];
	int days = counting->days[w];
	double growth = window->all_before > 0 ? (double) window->all_now / (double) window->all_before : 1;
	double s = counting->min_group;

	for (uint32 i = 0; i < counting->events->items.n; i++)
		offer(counting, i, window->now[i], window->now[i]);
	finish(counting, RECO_BOARD_RECENT, -1, days);
	for (uint32 i = 0; i < counting->events->items.n && window->all_before > 0; i++)
		offer(counting, i, window->now[i], (window->now[i] + s) / (growth * window->before[i] + s));
	finish(counting, RECO_BOARD_TRENDING, -1, days);
	for (uint32 i = 0; i < counting->events->items.n; i++)
		if (counting->as_of - came(counting, i) < (int64) days * USECS_PER_DAY)
			offer(counting, i, counting->users[i], counting->users[i]);
	finish(counting, RECO_BOARD_NEW, -1, days);
}

/* What users chose: user u the items start[u] ... start[u + 1] - 1, each with the windows that it was chosen in as bits. */
typedef struct Choices
{
	size_t *start; /* [users + 1] */
	uint32 *item;
	uint16 *windows; /* NULL where there are none */
} Choices;

StaticAssertDecl(RECO_MOST_WINDOWS <= 16, "a choice has a bit for each window");

/* make_choices lists what users chose, so that users of many segments need no second look at their events. */
static Choices
make_choices(const Counting *counting)
{
	const RecoEvents *events = counting->events;
	Choices choices = {palloc_extended((events->users.n + 1) * sizeof(size_t), MCXT_ALLOC_HUGE),
					   palloc_extended(Max(events->n, 1) * sizeof(uint32), MCXT_ALLOC_HUGE), NULL};
	size_t n = 0;
	size_t u = 0;
	Pair pair;

	if (counting->n_windows > 0)
		choices.windows = palloc_extended(Max(events->n, 1) * sizeof(uint16), MCXT_ALLOC_HUGE);
	for (size_t e = 0; e < events->n; e = pair.end)
	{
		if (e % CHECK_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		while (u <= events->user[e])
			choices.start[u++] = n;
		pair = next_pair(events, e);
		if (!pair.chosen)
			continue;
		choices.item[n++] = events->item[e];
		if (counting->n_windows == 0)
			continue;
		choices.windows[n - 1] = 0;
		for (int w = 0; w < counting->n_windows; w++)
			choices.windows[n - 1] |= (uint16) (in_window(counting, &pair, w, false) << w);
	}
	while (u <= events->users.n)
		choices.start[u++] = n;
	return choices;
}

/* count_segment counts the n users of row by what they chose, in all and in each window; users is [1 + n_windows x items]. */
static void
count_segment(const Counting *counting, const Choices *choices, const uint32 *row, size_t n, uint32 *users)
{
	size_t n_items = counting->events->items.n;

	memset(users, 0, sizeof(uint32) * (1 + counting->n_windows) * n_items);
	for (size_t r = 0; r < n; r++)
	{
		CHECK_FOR_INTERRUPTS();
		for (size_t c = choices->start[row[r]]; c < choices->start[row[r] + 1]; c++)
		{
			users[choices->item[c]]++;
			for (int w = 0; w < counting->n_windows; w++)
				users[(1 + w) * n_items + choices->item[c]] += choices->windows[c] >> w & 1;
		}
	}
}

/* add_segment makes the boards of one column of the user features, of all time and of each window; row lists its users. */
static void
add_segment(Counting *counting, const Choices *choices, const uint32 *row, size_t n, int column,
			uint32 *users)
{
	size_t n_items = counting->events->items.n;

	count_segment(counting, choices, row, n, users);
	for (int w = 0; w < 1 + counting->n_windows; w++)
	{
		for (uint32 i = 0; i < n_items; i++)
			offer(counting, i, users[w * n_items + i], users[w * n_items + i]);
		finish(counting, RECO_BOARD_SEGMENT, column, w == 0 ? 0 : counting->days[w - 1]);
	}
}

/* add_segments makes the boards of each level of each attribute of users. */
static void
add_segments(Counting *counting)
{
	const RkCsr *matrix = &counting->events->user_features->matrix;
	const RecoEncoder *encoder = counting->events->user_features->encoder;
	Choices choices = make_choices(counting);
	uint64 *offset = palloc_extended((matrix->n_cols + 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
	uint32 *row = palloc_extended(Max(rk_csr_nnz(matrix), 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32 *users = palloc_extended(
		sizeof(uint32) * (1 + counting->n_windows) * Max(counting->events->items.n, 1), MCXT_ALLOC_HUGE);
	int made = 0;

	if (rk_csr_transpose(&(RkCsr){.n_rows = matrix->n_rows,
								  .n_cols = matrix->n_cols,
								  .offset = matrix->offset,
								  .index = matrix->index},
						 offset, row, NULL, NULL, NULL) != RK_OK)
		elog(ERROR, "transposing the features of users failed");
	for (size_t c = 0; c < matrix->n_cols && made < MOST_SEGMENTS; c++)
		if (offset[c + 1] - offset[c] > (uint64) counting->min_group &&
			reco_encoder_role(encoder, c) == RECO_ROLE_LEVEL)
		{
			add_segment(counting, &choices, row + offset[c], offset[c + 1] - offset[c], (int) c, users);
			made++;
		}
	pfree(users);
	pfree(row);
	pfree(offset);
	pfree(choices.start);
	pfree(choices.item);
	if (choices.windows != NULL)
		pfree(choices.windows);
}

/* Ratings of an item, a user counting once with the mean of theirs. */
typedef struct Ratings
{
	double n;
	double sum;
	double squares;
} Ratings;

/* prior_weight gives C: how many ratings the mean of all is worth. */
static double
prior_weight(const Ratings *rating, size_t n_items, const Ratings *all)
{
	double mean = all->sum / all->n;
	double within = 0;
	double between = 0;
	double items = 0;
	double squares = 0;

	for (size_t i = 0; i < n_items; i++)
		if (rating[i].n > 0)
		{
			double own = rating[i].sum / rating[i].n;

			within += rating[i].squares - own * rating[i].sum;
			between += rating[i].n * (own - mean) * (own - mean);
			squares += rating[i].n * rating[i].n;
			items++;
		}
	if (!(all->n > items) || !(all->n * all->n > squares))
		return GREATEST_PRIOR;
	within /= all->n - items;
	between = (between - (items - 1) * within) / (all->n - squares / all->n);
	return between > 0 ? fmin(fmax(within / between, LEAST_PRIOR), GREATEST_PRIOR) : GREATEST_PRIOR;
}

/* add_rated makes the board of smoothed ratings. */
static void
add_rated(Counting *counting)
{
	const RecoEvents *events = counting->events;
	Ratings *rating =
		palloc_extended(Max(events->items.n, 1) * sizeof(Ratings), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	Ratings all = {0};
	double weight;
	Pair pair;

	for (size_t e = 0; e < events->n; e = pair.end)
	{
		Ratings *item = &rating[events->item[e]];
		double sum = 0;
		double amount = 0;

		pair = next_pair(events, e);
		for (size_t o = e; o < pair.end; o++)
		{
			sum += events->amount[o] * events->rating[o];
			amount += events->amount[o];
		}
		if (!pair.chosen)
			continue;
		sum /= amount;
		*item = (Ratings){item->n + 1, item->sum + sum, item->squares + sum * sum};
		all = (Ratings){all.n + 1, all.sum + sum, 0};
	}
	weight = all.n > 0 ? prior_weight(rating, events->items.n, &all) : 0;
	for (uint32 i = 0; i < events->items.n; i++)
		if (rating[i].n > 0)
			offer(counting, i, (uint32) rating[i].n,
				  (rating[i].sum + weight * all.sum / all.n) / (rating[i].n + weight));
	finish(counting, RECO_BOARD_RATED, -1, 0);
	pfree(rating);
}

/* begin makes the arrays of counts. */
static void
begin(Counting *counting)
{
	const RecoEvents *events = counting->events;
	size_t n = Max(events->items.n, 1);

	counting->boards = palloc0(sizeof(RecoBoards));
	counting->boards->capacity = 16;
	counting->boards->board = palloc(16 * sizeof(RecoBoard));
	counting->boards->n_items = events->items.n;
	counting->candidate = palloc_extended(n * sizeof(Candidate), MCXT_ALLOC_HUGE);
	counting->users = palloc_extended(n * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	counting->first = palloc_extended(n * sizeof(TimestampTz), MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < n; i++)
		counting->first[i] = PG_INT64_MAX;
	for (int w = 0; w < counting->n_windows; w++)
	{
		counting->window[w].now = palloc_extended(n * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		counting->window[w].before = palloc_extended(n * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	}
	counting->as_of = PG_INT64_MIN;
	for (size_t e = 0; e < events->n && events->time != NULL; e++)
		counting->as_of = Max(counting->as_of, events->time[e]);
}

RecoBoards *
reco_boards_count(const RecoEvents *events, const int *days, int n_days, int min_group)
{
	Counting counting = {.events = events,
						 .min_group = min_group,
						 .days = days,
						 .n_windows = events->time != NULL ? n_days : 0};

	begin(&counting);
	if (events->time != NULL)
	{
		count_pairs(&counting);
		for (int w = 0; w < counting.n_windows; w++)
			add_windows(&counting, w);
	}
	if (events->user_features != NULL)
		add_segments(&counting);
	if (events->rating != NULL)
		add_rated(&counting);
	for (int w = 0; w < counting.n_windows; w++)
	{
		pfree(counting.window[w].now);
		pfree(counting.window[w].before);
	}
	pfree(counting.first);
	pfree(counting.users);
	pfree(counting.candidate);
	return counting.boards;
}

void
reco_boards_add(RecoLearned *learned, const RecoBoards *boards)
{
	const RecoDataset *data = learned->data;
	RecoTensorSet *set = &learned->tensors;
	int32 *index = palloc_extended(Max(boards->n_items, 1) * sizeof(int32), MCXT_ALLOC_HUGE);
	int32 *row = palloc(Max(boards->n, 1) * BOARD_N * sizeof(int32));
	int32 *item = palloc(Max((size_t) boards->n * BOARD_ITEMS, 1) * sizeof(int32));
	float *score = palloc(Max((size_t) boards->n * BOARD_ITEMS, 1) * sizeof(float));
	int64 n = 0;

	memset(index, 0xFF, boards->n_items * sizeof(int32));
	for (size_t i = 0; i < data->n_items; i++)
		index[data->item_of[i]] = (int32) i;
	for (int b = 0; b < boards->n; b++)
	{
		const RecoBoard *board = &boards->board[b];
		int64 first = n;

		for (int i = 0; i < board->n; i++)
			if (index[board->item[i]] >= 0)
			{
				item[n] = index[board->item[i]];
				score[n++] = board->score[i];
			}
		row[b * BOARD_N + BOARD_KIND] = (int32) board->kind;
		row[b * BOARD_N + BOARD_COLUMN] = board->column;
		row[b * BOARD_N + BOARD_DAYS] = board->days;
		row[b * BOARD_N + BOARD_LENGTH] = (int32) (n - first);
	}
	pfree(index);
	if (boards->n == 0)
		return;
	set->tensor[set->n++] = (RecoTensor){TENSOR_BOARD, RECO_INT4, boards->n, BOARD_N, row};
	set->tensor[set->n++] = (RecoTensor){TENSOR_BOARD_ITEM, RECO_INT4, n, 1, item};
	set->tensor[set->n++] = (RecoTensor){TENSOR_BOARD_SCORE, RECO_FLOAT4, n, 1, score};
}

RecoBoard *
reco_boards_read(const RecoModel *model, int *n)
{
	const RecoTensor *row = reco_store_find(model->tensors, TENSOR_BOARD, RECO_INT4, BOARD_N);
	const RecoTensor *item = reco_store_find(model->tensors, TENSOR_BOARD_ITEM, RECO_INT4, 1);
	const RecoTensor *score = reco_store_find(model->tensors, TENSOR_BOARD_SCORE, RECO_FLOAT4, 1);
	RecoBoard *board;
	int64 first = 0;

	*n = row != NULL && item != NULL && score != NULL ? (int) row->rows : 0;
	board = palloc(Max(*n, 1) * sizeof(RecoBoard));
	for (int b = 0; b < *n; b++)
	{
		const int32 *value = (const int32 *) row->data + (size_t) b * BOARD_N;

		board[b] = (RecoBoard){.kind = (RecoBoardKind) value[BOARD_KIND],
							   .column = value[BOARD_COLUMN],
							   .days = value[BOARD_DAYS],
							   .n = value[BOARD_LENGTH],
							   .item = (const int32 *) item->data + first,
							   .score = (const float *) score->data + first};
		first += value[BOARD_LENGTH];
	}
	return board;
}

const RecoBoard *
reco_boards_segment(const RecoModel *model, const RecoBoard *board, int n, const RecoAttributes *attributes)
{
	/* columns ascend, and are in the order in which the features were named */
	for (size_t e = 0; e < attributes->n; e++)
		for (int b = 0; b < n; b++)
			if (board[b].kind == RECO_BOARD_SEGMENT && board[b].days == 0 &&
				board[b].column == (int) attributes->column[e])
				return &board[b];
	return NULL;
}

pg_noreturn static void refuse(const char *detail);

/* refuse raises for boards that no refresh writes. */
static void
refuse(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("tensor \"%s\" of the model has impossible values", TENSOR_BOARD),
			 errdetail_internal("%s", detail), errhint("Learn a new version with CALL reco.refresh().")));
}

void
reco_boards_check(const RecoModel *model)
{
	const RecoTensor *row = reco_store_find(model->tensors, TENSOR_BOARD, RECO_INT4, BOARD_N);
	const RecoTensor *item = reco_store_find(model->tensors, TENSOR_BOARD_ITEM, RECO_INT4, 1);
	const RecoTensor *score = reco_store_find(model->tensors, TENSOR_BOARD_SCORE, RECO_FLOAT4, 1);
	size_t columns = model->user_encoder != NULL ? reco_encoder_n_columns(model->user_encoder) : 0;
	int64 n = 0;

	if (row == NULL && item == NULL && score == NULL)
		return;
	if (row == NULL || item == NULL || score == NULL || item->rows != score->rows || row->rows > PG_INT32_MAX)
		refuse("Some of its parts are missing.");
	for (int64 b = 0; b < row->rows; b++)
	{
		const int32 *value = (const int32 *) row->data + b * BOARD_N;

		if (value[BOARD_LENGTH] < 0 || (value[BOARD_KIND] == RECO_BOARD_SEGMENT &&
										(value[BOARD_COLUMN] < 0 || (size_t) value[BOARD_COLUMN] >= columns)))
			refuse("A length or a column is out of range.");
		n += value[BOARD_LENGTH];
	}
	if (n != item->rows)
		refuse("The boards do not fill their items.");
	for (int64 i = 0; i < n; i++)
		if (((const int32 *) item->data)[i] < 0 || (size_t) ((const int32 *) item->data)[i] >= model->items.n)
			refuse("A board names an item that the model does not know.");
}
