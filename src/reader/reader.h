/*
 * reader.h
 *	  SQL rows become clean interactions: whole tables for learning, one
 *	  user's rows for serving, and the caller's view of items.
 *
 * Everything here runs as the caller, through SPI, so that privileges,
 * row-level security, views, partitions and foreign tables are honoured.
 */
#ifndef RECO_READER_READER_H
#define RECO_READER_READER_H

#include "postgres.h"

#include "catalog/catalog.h"
#include "kernel/csr.h"

#include "reader/features.h"
#include "reader/fold.h"
#include "reader/key.h"
#include "utils/array.h"

/*
 * Why rows were skipped.  The amount of an implicit event is weight * value
 * (each 1 when not mapped), negative when either is negative; of an explicit
 * one the weight (>= 0), its rating the value.
 */
typedef struct RecoReadCounts
{
	int64 rows;       /* rows read */
	int64 null_key;   /* user or item is NULL */
	int64 null_value; /* value or event or time is NULL where mapped */
	int64
		non_finite; /* value is NaN, infinite or beyond 1e30 (so that sums fit a float), or time is infinite */
	int64 future;   /* time more than a day after now(), the start of the transaction */
	int64 unknown_event; /* event without a weight, when weights are given */
} RecoReadCounts;

/*
 * Raw events of a whole relation in canonical order: by (user, item, time,
 * amount, rating).  user and item index the sorted key sets.  All in the memory context
 * that was current when they were read.
 */
typedef struct RecoEvents
{
	RecoKeys users;
	RecoKeys items;
	size_t n;
	uint32 *user;      /* [n] */
	uint32 *item;      /* [n] */
	double *amount;    /* [n] */
	double *rating;    /* [n], NULL unless explicit */
	TimestampTz *time; /* [n], NULL unless a time column is mapped */
	RecoReadCounts counts;
	RecoFeatures *item_features; /* rows are those of items, NULL where the definition names none */
	RecoFeatures *user_features;
	const bool
		*catalogue; /* [items.n], items that get an index even where no event of them is kept; NULL: none */
	TimestampTz *item_time; /* [items.n], of items_time_column, DT_NOBEGIN: not dated; NULL: not mapped */
	bool dates_items;       /* items_time_column is mapped, and there is a catalogue */
	int64 items_until;      /* then what reco_reader_items_until gave */
} RecoEvents;

/*
 * reco_reader_events reads the interactions of a definition in the active
 * snapshot (SPI must be connected), warns once about what was skipped
 * (ERRCODE_WARNING, detail lists how many and why), warns about event weights that never occur,
 * and raises ERRCODE_NO_DATA_FOUND when nothing usable is left.  Features are fitted and encoded in the same snapshot.
 */
extern RecoEvents *reco_reader_events(const RecoDefinition *definition);

/*
 * reco_events_join_catalogue makes every item that the caller sees in the items relation an item of the events:
 * its key joins events->items (SPI must be connected; in the snapshot of the events).
 */
extern void reco_events_join_catalogue(const RecoDefinition *definition, RecoEvents *events);

/*
 * reco_reader_items_until gives the latest time of items_time_column that is not in the future, as the caller and in
 * the active snapshot (SPI must be connected): microseconds as the column's type counts them, a date at its
 * midnight.  DT_NOBEGIN where there is none, or no such column is mapped.
 */
extern int64 reco_reader_items_until(const RecoDefinition *definition);

/*
 * reco_reader_item_times gives when items came, by items_time_column, the least where a key has several rows, as the caller and in
 * the active snapshot (SPI must be connected): [keys->n], DT_NOBEGIN where nothing is said.
 */
extern TimestampTz *reco_reader_item_times(const RecoDefinition *definition, const RecoKeys *keys);

/* What an item that came after a version is known by. */
typedef struct RecoSince
{
	bool by_time; /* by items_time_column, else by a key greater than all */
	int64 time;   /* reco_reader_items_until at the refresh */
	RecoKey key;  /* the greatest of the version */
} RecoSince;

/* Which version of a row of a table: what it holds never changes, until the table is written anew. */
typedef struct RecoRowVersion
{
	ItemPointerData place;
	TransactionId writer;
} RecoRowVersion;

/* An item that came last. */
typedef struct RecoArrival
{
	RecoKey key;
	RecoRowVersion row; /* where it was asked for */
} RecoArrival;

/*
 * reco_reader_arrivals gives the items that came last: those later than "since" and not in the future,
 * or of a greater key, at most "most", the newest first, by one query that an index on that column
 * serves.  As the caller, read-only, in the active snapshot; SPI must be connected.  A key with several rows may be
 * there several times, and among items of the day of "since", where the column is a date, are some that are not new.
 * Versions of rows may be asked for where reco_reader_tells_versions says so.
 */
extern RecoArrival *reco_reader_arrivals(const RecoDefinition *definition, const RecoSince *since, int most,
										 bool versions, int *n);

/* reco_reader_keys_grow says whether keys of a kind can tell what is newer: integers, and uuid, whose version 7 begins with the time. */
extern bool reco_reader_keys_grow(RecoKeyKind kind);

/* reco_events_forget frees the rows of events; keys, counts and n stay. */
extern void reco_events_forget(RecoEvents *events);

/*
 * reco_reader_test_events reads another relation with the same user and item
 * columns as (user, item) keys, for evaluation: same clean-up, no fold.  Value
 * (required for explicit feedback), event and time columns are used where the relation has them.
 */
extern RecoEvents *reco_reader_test_events(const RecoDefinition *definition, Oid relation);

/*
 * reco_reader_events_of reads the events of users [n] = first, first + 1, ... of a sorted set
 * (NULL: of all users) for serving: silently skips what learning counts and
 * skips, and finding none is no error.  What it gives of a user is what reco_reader_history gives,
 * in the order of (item, time, amount, rating).  SPI must be connected.
 */
extern RecoEvents *reco_reader_events_of(const RecoDefinition *definition, const RecoKeys *users,
										 size_t first, size_t n);

/*
 * reco_reader_users gives the users who have events, sorted; reco_reader_users_of
 * the ids that the caller's own query gives in its one column, read-only
 * (ERRCODE_SYNTAX_ERROR unless it is one query that returns rows,
 * ERRCODE_DATATYPE_MISMATCH for a column that cannot hold ids).  NULLs and duplicates are dropped.
 */
extern RecoKeys *reco_reader_users(const RecoDefinition *definition);
extern RecoKeys *reco_reader_users_of(const RecoDefinition *definition, const char *query);

/* reco_reader_users_in gives the ids of an array of bigint, uuid or text as such a set. */
extern RecoKeys *reco_reader_users_in(const RecoDefinition *definition, ArrayType *ids);

/*
 * Folded interactions, compact: only users with at least one kept row, and items with one or of the
 * catalogue.  user_of and item_of give the index in RecoEvents of each.
 */
typedef struct RecoDataset
{
	size_t n_users;
	size_t n_items;
	size_t n_seen;   /* items that have a row */
	uint32 *user_of; /* [n_users], increasing */
	uint32 *item_of; /* [n_items], increasing */
	RkCsr by_user;   /* [n_users x n_items]; items increase within a row */
	bool has_as_of;
	TimestampTz as_of; /* latest time of a kept event */
} RecoDataset;

/* Where a dataset is put: returns 64-byte aligned memory of that size or raises. */
typedef struct RecoAllocator
{
	void *(*allocate)(void *state, Size bytes);
	void *state;
} RecoAllocator;

/*
 * reco_dataset_build folds the events whose bit in keep is set (NULL: all).
 * rule->as_of is ignored: the dataset's own as_of is used.  reco_dataset_pairs counts the pairs of
 * user and item among these events, which bounds the rows; reco_dataset_bytes bounds what build will allocate.
 */
extern size_t reco_dataset_pairs(const RecoEvents *events, const uint8 *keep);
extern Size reco_dataset_bytes(const RecoEvents *events, size_t pairs);
extern RecoDataset *reco_dataset_build(const RecoEvents *events, const uint8 *keep, const RecoFoldRule *rule,
									   const RecoAllocator *allocator);

/* One event of one user, as the caller's snapshot has it. */
typedef struct RecoHistoryEvent
{
	RecoKey item;
	double amount;
	double rating;
	TimestampTz time; /* 0 when no time column is mapped */
	int kind;         /* index into RecoHistory.kind, or -1 without an event column */
} RecoHistoryEvent;

/* A user's events in total order: (time, item key, amount, rating, name of the kind). */
typedef struct RecoHistory
{
	size_t n;
	size_t room; /* for events; 0: for n */
	RecoHistoryEvent *event;
	int n_kinds;
	int kinds_room; /* for kinds; 0: for n_kinds */
	char **kind;    /* distinct event names met */
} RecoHistory;

/* reco_reader_history reads one user's rows (SPI must be connected) into the current context; silently skips what learning counts and skips. */
extern RecoHistory *reco_reader_history(const RecoDefinition *definition, const RecoKey *user);

/*
 * reco_reader_sample_users gives at most "most" > 0 of the users that have rows (SPI must be
 * connected), chosen and ordered by a hash of the seed and their key, in the current context.
 */
extern RecoKey *reco_reader_sample_users(const RecoDefinition *definition, uint64 seed, int most, int *n);

/* What the caller sees of one item. */
typedef struct RecoItemRow
{
	RecoKey key;
	char *label; /* NULL when not mapped or NULL */
	bool passes; /* the filter is true (or there is none) */
} RecoItemRow;

/*
 * A filter checked once for a call: one SQL expression over the items relation,
 * with text parameters $1 ... from args.  See reader/filter.c.
 */
typedef struct RecoFilter RecoFilter;

/*
 * reco_reader_filter checks the expression (SPI must be connected).  Errors:
 * those of PostgreSQL's parser with position and context in terms of the filter, ERRCODE_SYNTAX_ERROR
 * for what is not one expression, ERRCODE_DATATYPE_MISMATCH unless it is
 * boolean, ERRCODE_INVALID_PARAMETER_VALUE without an items relation.
 */
extern RecoFilter *reco_reader_filter(const RecoDefinition *definition, const char *expression,
									  ArrayType *args);

/*
 * reco_reader_items looks up n keys in the items relation as the caller, in
 * one indexed probe (key = ANY (array)), transaction_read_only while it runs.
 * Gives the keys found, each once, in the order of keys; a key without a row is
 * deleted or invisible.  Of several rows with one key the label is the least,
 * and the filter passes if any of them passes.  filter may be NULL.
 */
extern RecoItemRow *reco_reader_items(const RecoDefinition *definition, const RecoKey *key, int n,
									  const RecoFilter *filter, int *n_found);

/* Takes one label; it, and what is allocated in the current context, is gone when the call is over. */
typedef void (*RecoLabelSink)(void *state, const char *label);

/*
 * reco_reader_labels reads, as the caller, every label of the items relation and the
 * values of features that name somebody (brand, author, ...); SPI must be connected.
 */
extern void reco_reader_labels(const RecoDefinition *definition, RecoLabelSink sink, void *state);
/* Takes the key of one item; its bytes go with the row. */
typedef void (*RecoKeyReceive)(const RecoKey *key, void *state);

/*
 * reco_reader_all_items hands on the keys of all items that the caller sees and
 * that pass the filter (NULL: all), in any order, duplicates included.  One
 * query, which an index on the filter's columns serves if there is one;
 * nothing is kept of a row.  As the caller and read-only, like reco_reader_items.
 */
extern void reco_reader_all_items(const RecoDefinition *definition, const RecoFilter *filter,
								  RecoKeyReceive receive, void *state);

/* reco_reader_all_items_microseconds estimates how long that would take, from the planner's costs. */
extern double reco_reader_all_items_microseconds(const RecoDefinition *definition, const RecoFilter *filter);

/* Reviews, as they are read at a refresh: how many people rated each item highly, by aspect. */
typedef struct RecoReviewCounts
{
	int n_aspects;
	List *aspect;     /* of char *, names of columns */
	int64 *reviewers; /* [n_items x n_aspects], distinct people */
} RecoReviewCounts;

/*
 * reco_reader_reviews counts, as the caller and in the active snapshot, the distinct people whose rating of an aspect is
 * at least the definition's review_min, for items among the keys; in the current context.  NULL without reviews.
 * SPI must not be connected.  reco_reader_reviews_try reads none, for its errors; SPI must be connected.
 */
extern RecoReviewCounts *reco_reader_reviews(RecoDefinition *definition, const RecoKeys *items);
extern void reco_reader_reviews_try(const RecoDefinition *definition);

#endif
