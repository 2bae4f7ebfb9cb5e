/*
 * many.c
 *	  Lists for many users at once.
 *
 * What a call for one user spends on finding its recommender, on the query of
 * its history and on looking items up is spent once here: the events of all
 * users are read by one query and put in canonical order, which is the order
 * in which one user's history is folded; and where it is cheaper than a lookup
 * a list, one query finds all items that the caller sees and that pass the
 * filter.  Folding, solving and ranking are those of every other call, so the
 * scores are the same to the bit.
 *
 * Users are ranked one after the other.  The exact ranking reads so little of
 * the items that a product of matrices, which must read them all, gains nothing on it,
 * and serving stays free of BLAS.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "serve/many.h"

/* What an event takes while it is read and sorted, at most. */
#define EVENT_BYTES 64

/* Users read at once where nothing is known of the relation's size. */
#define BLOCK_USERS 4096

/* What one lookup costs an item. */
#define LOOKUP_MICROSECONDS 2.0

#define NO_ITEM PG_UINT32_MAX

typedef struct Many
{
	const RecoManyAsk *ask;
	const RecoEvents *events;
	uint32 *item_of;            /* [events->items.n], index in the model or NO_ITEM */
	RecoAttributes *attributes; /* by user */
	RecoSkip *none;             /* skips no item that may be listed */
	RecoSkip *hidden;           /* NULL: each list looks up its own items */
	RecoBoard *board;           /* [n_boards] */
	int n_boards;
	RecoPromotion promotion;
	MemoryContext memory; /* of one user */
} Many;

/* relation_rows gives PostgreSQL's idea of the number of rows of a table; negative when it has none. */
static double
relation_rows(Oid relid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class class;
	double rows = -1;

	if (!HeapTupleIsValid(tuple))
		return -1;
	class = (Form_pg_class) GETSTRUCT(tuple);
	if (class->relkind == RELKIND_RELATION || class->relkind == RELKIND_MATVIEW ||
		class->relkind == RELKIND_PARTITIONED_TABLE)
		rows = class->reltuples;
	ReleaseSysCache(tuple);
	return rows;
}

bool
reco_serve_many_fits(const RecoDefinition *definition)
{
	double rows = relation_rows(definition->interactions.relid);

	return rows >= 0 && rows * EVENT_BYTES <= maintenance_work_mem * 1024.0;
}

size_t
reco_serve_many_block(const RecoDefinition *definition, size_t n)
{
	double rows = relation_rows(definition->interactions.relid);
	double share;

	if (rows < 0)
		return Min(n, BLOCK_USERS);
	share = maintenance_work_mem * 1024.0 / (Max(rows, 1) * EVENT_BYTES);
	return (size_t) Min(Max(share * (double) n, 64.0), (double) n);
}

/* find_items finds the items of the events in the model, which takes in those that came after the version. */
static void
find_items(Many *many)
{
	const RecoModel *model = many->ask->model;
	const RecoKeys *items = &many->events->items;
	RecoKey *unknown = palloc_extended(sizeof(RecoKey) * Max(items->n, 1), MCXT_ALLOC_HUGE);
	uint32 *position = palloc_extended(sizeof(uint32) * Max(items->n, 1), MCXT_ALLOC_HUGE);
	size_t n = 0;

	many->item_of = palloc_extended(sizeof(uint32) * Max(items->n, 1), MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < items->n; i++)
	{
		RecoKey key = reco_keys_get(items, i);
		int64 found = reco_model_find(model, &key);

		many->item_of[i] = found >= 0 ? (uint32) found : NO_ITEM;
		if (found < 0)
		{
			position[n] = (uint32) i;
			unknown[n++] = key;
		}
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
	}
	if (n > 0 && reco_model_add(model, unknown, n) > 0)
		for (size_t u = 0; u < n; u++)
		{
			int64 found = reco_model_find(model, &unknown[u]);

			if (found >= 0)
				many->item_of[position[u]] = (uint32) found;
		}
	pfree(unknown);
	pfree(position);
}

/* hide_fresh hides those items that came after the version which the filter refuses; the caller has just read them. */
static void
hide_fresh(Many *many, RecoView *view)
{
	const RecoSkip *hidden = many->hidden;
	uint32 *item = palloc(sizeof(uint32) * Max(hidden->n_fresh, 1));

	for (size_t f = 0; f < hidden->n_fresh; f++)
		item[f] = (uint32) (hidden->n + f);
	reco_view_probe(view, item, hidden->n_fresh, NULL, 0);
	for (size_t f = 0; f < hidden->n_fresh; f++)
	{
		const RecoViewItem *seen = reco_view_find(view, item[f]);

		if (seen == NULL || !seen->passes)
			reco_skip_add(many->hidden, item[f]);
	}
	pfree(item);
}

/* find_hidden finds what the caller does not see or the filter refuses, if one query for all is cheaper than one a list. */
static void
find_hidden(Many *many, size_t n_users)
{
	const RecoManyAsk *ask = many->ask;
	RecoView *view = reco_view_make(ask->definition, ask->model, ask->filter);
	int64 looked = ask->k + ask->k / 8 + 4;
	double each = (double) looked * LOOKUP_MICROSECONDS;
	uint8 *passes;

	if (reco_view_looks(view) && reco_view_all_microseconds(view) > each * (double) n_users)
		return;
	many->hidden = reco_skip_copy(many->none);
	hide_fresh(many, view);
	passes = reco_view_all(view);
	if (passes != NULL)
	{
		(void) reco_skip_unmarked(many->hidden, passes);
		pfree(passes);
	}
}

static int
order_evidence(const void *a, const void *b, void *model)
{
	return reco_model_order(model, ((const RecoEvidence *) a)->item, ((const RecoEvidence *) b)->item);
}

/* fold_user folds rows first .. last - 1 of the events, which are those of one user. */
static RecoQuery *
fold_user(const Many *many, size_t first, size_t last, const RecoAttributes *attributes)
{
	const RecoEvents *events = many->events;
	const RecoFoldRule *rule = &many->ask->model->fold;
	RecoEvidence *evidence = palloc_extended(sizeof(RecoEvidence) * Max(last - first, 1), MCXT_ALLOC_HUGE);
	int n = 0;

	for (size_t row = first; row < last;)
	{
		uint32 item = events->item[row];
		RecoFoldSum sum = {0, 0};

		for (; row < last && events->item[row] == item; row++)
		{
			RecoFoldEvent event = {.amount = events->amount[row],
								   .rating = events->rating != NULL ? events->rating[row] : 0,
								   .time = events->time != NULL ? events->time[row] : 0};

			reco_fold_add(rule, &event, &sum);
		}
		if (many->item_of[item] != NO_ITEM)
			evidence[n++] = (RecoEvidence){
				.item = many->item_of[item], .weight = sum.weight, .pull = sum.pull, .kind = -1};
	}
	/* the order of keys is that of the items of the version, but not of those that came after it */
	qsort_arg(evidence, n, sizeof(RecoEvidence), order_evidence, unconstify(RecoModel *, many->ask->model));
	return reco_query_from_evidence(many->ask->model, evidence, n, attributes);
}

/* segment_of gives the board of the segment of a user of whom there is no history, or NULL. */
static const RecoBoard *
segment_of(const Many *many, const RecoKey *user)
{
	const RecoManyAsk *ask = many->ask;

	if (many->n_boards == 0)
		return NULL;
	return reco_boards_segment(ask->model, many->board, many->n_boards,
							   reco_attributes_read(ask->definition, ask->model, user, 1));
}

/* list_user makes the list of a user whose rows are first .. last - 1 and hands it on. */
static void
list_user(const Many *many, const RecoKey *user, size_t first, size_t last, const RecoAttributes *attributes)
{
	const RecoManyAsk *ask = many->ask;
	RecoQuery *query = fold_user(many, first, last, attributes);
	RecoListAsk list = {.model = ask->model, .query = query, .k = ask->k};
	RkHit *hit = palloc(sizeof(RkHit) * ask->k);
	RecoManySegment segment = {0};
	size_t n;

	list.skip = reco_skip_copy(many->hidden != NULL ? many->hidden : many->none);
	for (int e = 0; ask->exclude_seen && e < query->n_evidence; e++)
		reco_skip_add(list.skip, query->evidence[e].item);
	list.view = many->hidden != NULL ? reco_view_everything(ask->model)
									 : reco_view_make(ask->definition, ask->model, ask->filter);
	list.source = reco_serve_source(query);
	segment.board = list.source == RECO_SOURCE_POPULAR ? segment_of(many, user) : NULL;
	if (segment.board != NULL)
	{
		list.source = RECO_SOURCE_SEGMENT;
		n = reco_serve_segment_promoted(&list, segment.board, &many->promotion, hit, &segment.n_promoted,
										&segment.n);
	}
	else
		n = reco_serve_list_promoted(&list, ask->n_new, &many->promotion, hit);
	ask->receive(ask->state, user, list.source, &segment, &many->promotion, hit, n);
}

/* read_attributes reads what is known of the users, where the model asks. */
static void
read_attributes(Many *many)
{
	const RecoManyAsk *ask = many->ask;
	const RecoKeys *users = ask->users != NULL ? ask->users : &many->events->users;
	size_t first = ask->users != NULL ? ask->first : 0;
	size_t n = ask->users != NULL ? ask->n : users->n;
	RecoKey *key = palloc_extended(sizeof(RecoKey) * Max(n, 1), MCXT_ALLOC_HUGE);

	for (size_t u = 0; u < n; u++)
		key[u] = reco_keys_get(users, first + u);
	many->attributes = reco_attributes_of(ask->definition, ask->model, key, (int) n);
}

/* list_all makes the lists of all users in turn; both they and the events are in the order of keys. */
static void
list_all(const Many *many)
{
	const RecoManyAsk *ask = many->ask;
	const RecoEvents *events = many->events;
	const RecoKeys *users = ask->users != NULL ? ask->users : &events->users;
	size_t first_user = ask->users != NULL ? ask->first : 0;
	size_t n = ask->users != NULL ? ask->n : users->n;
	size_t last = 0;

	for (size_t u = first_user; u < first_user + n; u++)
	{
		MemoryContext outer = MemoryContextSwitchTo(many->memory);
		RecoKey key = reco_keys_get(users, u);
		size_t first = last;

		CHECK_FOR_INTERRUPTS();
		if (first < events->n)
		{
			RecoKey with_events = reco_keys_get(&events->users, events->user[first]);

			if (reco_key_compare(&with_events, &key) == 0)
				while (last < events->n && events->user[last] == events->user[first])
					last++;
		}
		if (last > first || !ask->only_active)
			list_user(many, &key, first, last, &many->attributes[u - first_user]);
		MemoryContextSwitchTo(outer);
		MemoryContextReset(many->memory);
	}
}

void
reco_serve_many(const RecoManyAsk *ask)
{
	MemoryContext context =
		AllocSetContextCreate(CurrentMemoryContext, "reco many lists", ALLOCSET_DEFAULT_SIZES);
	MemoryContext outer = MemoryContextSwitchTo(context);
	Many many = {.ask = ask};

	reco_model_forget_added(ask->model);
	if (ask->n_new > 0)
		reco_model_add_new(ask->model);
	many.promotion = reco_promotion_make(ask->model, ask->promoted, ask->n_promoted, ask->promotion);
	many.none = reco_skip_make(ask->model);
	many.events = reco_reader_events_of(ask->definition, ask->users, ask->first, ask->n);
	many.board = reco_boards_read(ask->model, &many.n_boards);
	many.memory = AllocSetContextCreate(context, "reco list", ALLOCSET_DEFAULT_SIZES);
	find_items(&many);
	read_attributes(&many);
	find_hidden(&many, ask->users != NULL ? ask->n : many.events->users.n);
	list_all(&many);
	MemoryContextSwitchTo(outer);
	MemoryContextDelete(context);
}
