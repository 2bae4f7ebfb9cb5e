/*
 * internal.h
 *	  What the files of this room share.
 *
 * Indexes: a user or item of the interactions is its position in the sorted
 * keys of RecoEvents; a row or item of the training part its position in RecoEvaluation.data; an item
 * of a contestant its position in what the contestant ranks, which for a learned model
 * is the model's own and for a baseline that of the training part.
 */
#ifndef RECO_EVALUATE_INTERNAL_H
#define RECO_EVALUATE_INTERNAL_H

#include "evaluate/calibrate.h"
#include "evaluate/evaluate.h"
#include "model/model.h"

/* How test pairs are chosen. */
typedef enum RecoSplit
{
	RECO_SPLIT_RANDOM, /* pairs by a hash */
	RECO_SPLIT_LAST,   /* the last items of each user */
	RECO_SPLIT_TIME,   /* what happened from a moment on */
	RECO_SPLIT_TABLE   /* a relation of the caller's */
} RecoSplit;

/* The arguments and options, checked. */
typedef struct RecoEvaluateSettings
{
	RecoEvaluateCommand command;
	RecoSplit split;
	const char *split_name; /* as stored */
	bool repeats;
	int n_k;
	size_t *k; /* [n_k], increasing, distinct */
	double fraction;
	bool of_refresh; /* nothing to test is no error */
	bool has_after;  /* random: only pairs whose first event came later than this */
	TimestampTz after;
	size_t last_n;
	bool has_from;
	TimestampTz from;
	uint64 seed;
	int resamples;
	size_t max_users;     /* 0: all */
	size_t sample_users;  /* for AUC and diversity; 0: all */
	Jsonb *model_options; /* learning options of this call, or NULL */
	int n_shares;
	size_t *share;      /* [n_shares], per cent, increasing, distinct */
	const char *metric; /* tune: what is searched by */
	int max_trials;     /* tune: settings; 0: as many as the budget allows */
	Jsonb *ranges;      /* tune: what is searched, or NULL */
} RecoEvaluateSettings;

/* What happened to pairs on the way; reported with the result. */
typedef struct RecoEvaluateCounts
{
	int64 training_events;
	int64 removed_pairs;   /* pairs that lost events to the test part */
	int64 negative_pairs;  /* pairs of the test part that are no targets: disliked or weightless */
	int64 seen_targets;    /* targets dropped because the user has them in training */
	int64 available_users; /* test users before sampling */
	int64 test_pairs;      /* targets to be found by ranking */
	int64 rating_pairs;    /* targets of predicted ratings */
	int64
		unreachable_targets; /* targets to be found whose item no entry has learned, not even by its attributes */
	int64 users_with_history;
	int64 users_without_history;
} RecoEvaluateCounts;

/* One item that a test user is to be recommended, or whose rating is to be predicted. */
typedef struct RecoTarget
{
	uint32 source;  /* item, in the keys of RecoEvaluation.source */
	int32 item;     /* of the training part; -1: not there */
	bool is_ranked; /* counts in |test|; false only for explicit ratings below the mean */
	double rating;  /* explicit feedback only */
} RecoTarget;

/*
 * Users by how much of them the training part knows.  Each user is of one
 * class; a group of users, for which there are lines of its own, is made of classes.
 */
typedef enum RecoUserClass
{
	RECO_CLASS_NONE, /* nothing that counts: served the popular list */
	RECO_CLASS_ONE,  /* items with a row: 1 */
	RECO_CLASS_FEW,  /* 2 to 5 */
	RECO_CLASS_SOME, /* 6 to 20 */
	RECO_CLASS_MANY, /* more */
	RECO_CLASSES
} RecoUserClass;

typedef enum RecoUserGroup
{
	RECO_GROUP_ALL,
	RECO_GROUP_WITH_HISTORY,
	RECO_GROUP_WITHOUT_HISTORY,
	RECO_GROUP_ONE,
	RECO_GROUP_FEW,
	RECO_GROUP_SOME,
	RECO_GROUP_MANY,
	RECO_GROUPS
} RecoUserGroup;

/* reco_evaluate_in_group says whether the users of a class are in a group. */
static inline bool
reco_evaluate_in_group(RecoUserClass class, RecoUserGroup group)
{
	if (group == RECO_GROUP_ALL)
		return true;
	if (group == RECO_GROUP_WITH_HISTORY)
		return class != RECO_CLASS_NONE;
	if (group == RECO_GROUP_WITHOUT_HISTORY)
		return class == RECO_CLASS_NONE;
	return (int) class - RECO_CLASS_ONE == (int) group - RECO_GROUP_ONE;
}

typedef struct RecoTestUser
{
	uint32 source;    /* in the keys of RecoEvaluation.source */
	int64 event_user; /* in the keys of the interactions, or -1 */
	int64 row;        /* of the training part, or -1: nothing there */
	RecoUserClass class;
	bool sampled; /* AUC and diversity are measured */
	size_t first_target;
	size_t n_targets;
	size_t n_ranked; /* |test| */
} RecoTestUser;

/*
 * Items by how many users chose them in training: the most popular items that
 * together have a third of the rows, those that have the next third, the others,
 * and items that nobody chose.
 */
typedef enum RecoItemGroup
{
	RECO_ITEMS_HEAD,
	RECO_ITEMS_MIDDLE,
	RECO_ITEMS_TAIL,
	RECO_ITEMS_NEW,
	RECO_ITEM_GROUPS
} RecoItemGroup;

/*
 * The columns of a user's values: a block a k, then a tail.  Every measure is the sum of a
 * column over the sum of another one (RecoStatistic), over users.
 */
typedef enum RecoCell
{
	RECO_CELL_RECALL,
	RECO_CELL_PRECISION,
	RECO_CELL_F1,
	RECO_CELL_NDCG,
	RECO_CELL_MAP,
	RECO_CELL_MRR,
	RECO_CELL_HIT_RATE,
	RECO_CELL_NOVELTY,
	RECO_CELL_DIVERSITY,
	RECO_CELL_ITEM_RECALL, /* RECO_ITEM_GROUPS of them */
	RECO_CELLS = RECO_CELL_ITEM_RECALL + RECO_ITEM_GROUPS
} RecoCell;

typedef enum RecoTail
{
	RECO_TAIL_RANKED,    /* 1: something is to be found */
	RECO_TAIL_SAMPLED,   /* 1: and the user is in the sample for AUC and diversity */
	RECO_TAIL_AUC_USERS, /* 1: and there is something that can be reached, and something else */
	RECO_TAIL_AUC,
	RECO_TAIL_RATINGS, /* number of ratings to predict */
	RECO_TAIL_SQUARES, /* of the errors */
	RECO_TAIL_ABSOLUTES,
	RECO_TAIL_ITEM_USERS, /* RECO_ITEM_GROUPS of them; 1: something of the group is to be found */
	RECO_TAILS = RECO_TAIL_ITEM_USERS + RECO_ITEM_GROUPS
} RecoTail;

/* column / denominator, each summed over users; of RMSE the root. */
typedef struct RecoStatistic
{
	size_t column;
	size_t denominator;
	bool root;
} RecoStatistic;

/*
 * Fewer users than this give no interval: resamples of them are too alike, and those of one user are all the same, so that every
 * difference would be called significant.
 */
#define RECO_LEAST_USERS 20

/* How a contestant makes lists and predictions. */
typedef enum RecoRanker
{
	RECO_RANKER_MODEL,
	RECO_RANKER_POPULARITY,
	RECO_RANKER_RANDOM,     /* compare only */
	RECO_RANKER_ITEM_MEAN,  /* explicit feedback only */
	RECO_RANKER_GLOBAL_MEAN /* explicit feedback only; predicts, and makes no lists */
} RecoRanker;

/* What is to be measured. */
typedef struct RecoEntry
{
	char *name;
	RecoRanker ranker;
	RecoDefinition *definition; /* learned: the recommender's, with the entry's algorithm and options */
	Jsonb *options;             /* of learning, over those of the definition; or NULL */
	int share;                  /* per cent of the training users to learn from */
	const RecoModel *model;     /* learned already, or NULL */
	const RecoFeatures
		*users; /* of the source, as its encoder has them; NULL unless it asks for attributes of users */
	const RecoModel *warm; /* to go on from when learning, or NULL */
	int warm_version;      /* its number */
} RecoEntry;

/* What is summed up over some of the test users. */
typedef struct RecoSums
{
	size_t users;
	size_t *having;    /* [columns] users whose value is above 0 */
	double *sum;       /* [columns] */
	double *resampled; /* [columns x resamples] */
} RecoSums;

/* All that is kept of the values of test users; it does not grow with them. */
typedef struct RecoTally
{
	size_t n_columns;
	size_t resamples;
	double *times; /* [resamples], of the user at hand */
	RecoSums of_class[RECO_CLASSES];
} RecoTally;

/* What was measured of it. */
typedef struct RecoResult
{
	const char *name;
	RecoSums all; /* over all test users */
} RecoResult;

/* What makes the lists at hand. */
typedef struct RecoContestant
{
	const RecoEntry *entry;
	const RecoModel *model; /* RECO_RANKER_MODEL only */
	size_t n_items;         /* that it ranks */
	int32 *training_of;     /* [n_items] item of the training part, or -1 */
	int32 *of_training;     /* [items of the training part] item of the contestant, or -1 */
	int32 *of_source;       /* [items of the source] item of the contestant, or -1 */
	uint32 *tie;            /* [n_items] order among equal scores: a hash of the key */
	RecoTally *tally;       /* of the values of test users */
	uint32 *shown;          /* [RECO_CLASSES x n_k x n_items] how many lists hold an item */
} RecoContestant;

/* Baselines, all from the training part; arrays are by its items. */
typedef struct RecoBaselines
{
	double *users;      /* who have a row with t > 0 */
	uint32 *popular;    /* items, most users first, ties by hash */
	double *damped;     /* damped mean rating; explicit only */
	uint32 *by_mean;    /* items, highest damped mean rating first; explicit only */
	double *item_mean;  /* explicit only */
	double global_mean; /* explicit only */
} RecoBaselines;

struct RecoEvaluation
{
	RecoDefinition *definition;
	RecoEvaluateSettings settings;
	char *test_name; /* of the caller's relation, or NULL */
	int n_entries;
	RecoEntry *entry; /* [n_entries] */

	RecoEvents *events;          /* the interactions */
	RecoFeatures *user_features; /* of the users of source; NULL: none are named */
	RecoEvents *source;          /* where targets come from: events, or the caller's relation */
	size_t *user_start;          /* [users + 1], first event of each user of the interactions */
	uint8 *keep; /* bitmap of events to learn from; the other ones are the test part of a split */
	bool has_cut;
	TimestampTz cut; /* time split: first moment of the test part */

	RecoFoldRule fold;   /* of the training part */
	RecoDataset *data;   /* the training part, folded */
	RkCsr by_item;       /* its transpose, without weights: who has a row with t > 0 */
	uint8 *item_group;   /* [items of the training part], of RecoItemGroup */
	uint32 *tie;         /* [items of the training part] */
	int32 *row_of_user;  /* [users of the interactions] rows of the training part, or -1 */
	int32 *item_of_item; /* [items of the interactions] items of the training part, or -1 */
	RecoBaselines baselines;

	size_t n_users;
	RecoTestUser *user; /* [n_users], by key */
	RecoTarget *target;
	RecoEvaluateCounts counts;

	int n_done;         /* entries measured */
	int n_stored;       /* entries stored */
	RecoResult *result; /* [n_entries] */
	int64 id;           /* of the stored evaluation; 0: not yet */

	/* the entry measured last */
	Jsonb *learned_options;
	int64 learned_rows;
	double seconds;
	int n_rows;
	RecoMetricRow *row;
};

/* Positions in the values of a user. */
static inline size_t
reco_evaluate_cell(int k, int cell)
{
	return (size_t) k * RECO_CELLS + cell;
}

static inline size_t
reco_evaluate_tail(const RecoEvaluation *evaluation, int tail)
{
	return (size_t) evaluation->settings.n_k * RECO_CELLS + tail;
}

static inline size_t
reco_evaluate_columns(const RecoEvaluation *evaluation)
{
	return reco_evaluate_tail(evaluation, RECO_TAILS);
}

static inline bool
reco_evaluate_bit(const uint8 *bitmap, size_t index)
{
	return bitmap[index / 8] >> (index % 8) & 1;
}

static inline void
reco_evaluate_set_bit(uint8 *bitmap, size_t index)
{
	bitmap[index / 8] |= (uint8) (1 << (index % 8));
}

static inline void
reco_evaluate_clear_bit(uint8 *bitmap, size_t index)
{
	bitmap[index / 8] &= (uint8) ~(1 << (index % 8));
}

/* reco_evaluate_alloc gives zeroed memory of any size in the current context. */
extern void *reco_evaluate_alloc(size_t n, size_t size);

/* reco_evaluate_copy_json copies an object into the current context; NULL stays NULL. */
extern Jsonb *reco_evaluate_copy_json(const Jsonb *json);

/* reco_evaluate_prepare splits, unless that is done, folds the training part and finds the targets. */
extern void reco_evaluate_prepare(RecoEvaluation *evaluation);

/* reco_evaluate_encode_users encodes the users of a set of keys as they are now. */
extern RecoFeatures *reco_evaluate_encode_users(const RecoDefinition *definition, const RecoEncoder *encoder,
												const RecoKeys *users);

/* What a refresh holds out of its own events: so much of the pairs, for lists of this length. */
#define RECO_HELD_OUT_FRACTION 0.1
#define RECO_HELD_OUT_LIST 20
#define RECO_HELD_OUT_SEED 42

/* reco_evaluate_hold_out gives an evaluation of events that a refresh has read, without contestants and not prepared. */
extern RecoEvaluation *reco_evaluate_hold_out(RecoDefinition *definition, Jsonb *call_options,
											  RecoEvents *events);

/* calibrate.c: fits what the scores of a contestant mean; the result is in the context "found". */
extern RecoCalibration reco_evaluate_link(RecoEvaluation *evaluation, RecoContestant *contestant,
										  MemoryContext found);

/* settings.c */
extern void reco_evaluate_check(const RecoEvaluateRequest *request, const RecoDefinition *definition,
								RecoEvaluateSettings *settings);

/* ranges.c */
extern void reco_evaluate_range(Jsonb *ranges, RecoTuning *range);
extern void reco_evaluate_check_ranges(const RecoAlgorithm *algorithm, Jsonb *ranges);

/* relation.c */
extern void reco_evaluate_check_relation(const RecoDefinition *definition, Oid relation);

/* entries.c: what is measured. */
extern void reco_evaluate_enter(RecoEvaluation *evaluation, Jsonb *models);

/*
 * split.c.  reco_evaluate_pair_end gives the first event after those of the
 * pair that starts at "first"; reco_evaluate_find_pair gives the events first ... last - 1 of a
 * user on an item of the interactions, or false when there are none.
 * reco_evaluate_keep_share gives the bitmap of the kept events of a share (per cent) of the users:
 * a larger share holds every smaller one.
 */
extern void reco_evaluate_split(RecoEvaluation *evaluation);
extern size_t reco_evaluate_pair_end(const RecoEvents *events, size_t first);
extern bool reco_evaluate_find_pair(const RecoEvaluation *evaluation, int64 user, int64 item, size_t *first,
									size_t *last);
extern uint8 *reco_evaluate_keep_share(const RecoEvaluation *evaluation, int share);

/* training.c: folds the training part and numbers its users and items. */
extern void reco_evaluate_fold(RecoEvaluation *evaluation);

/* targets.c */
extern void reco_evaluate_find_targets(RecoEvaluation *evaluation);

/* baselines.c */
extern void reco_evaluate_learn_baselines(RecoEvaluation *evaluation);

/* contestant.c: learns an entry, in the current context; what the evaluation keeps of it goes to "outer". */
extern RecoContestant *reco_evaluate_contest(RecoEvaluation *evaluation, const RecoEntry *entry,
											 MemoryContext outer);

/* reco_evaluate_query represents the training rows of a test user in a contestant's model. */
extern RecoQuery *reco_evaluate_query(const RecoEvaluation *evaluation, const RecoContestant *contestant,
									  const RecoTestUser *user);

/*
 * measure.c: fills tally and shown of a contestant.  The other two set or clear the bits, by the contestant's items, of what
 * a user has in training (with repeats: of nothing), and of what is to be found.
 */
extern void reco_evaluate_mark_training(const RecoEvaluation *evaluation, const RecoContestant *contestant,
										const RecoTestUser *user, uint8 *masked, bool set);
extern void reco_evaluate_mark_targets(const RecoEvaluation *evaluation, const RecoContestant *contestant,
									   const RecoTestUser *user, uint8 *wanted, bool set);
extern void reco_evaluate_measure(RecoEvaluation *evaluation, RecoContestant *contestant);

/*
 * bootstrap.c.  reco_evaluate_tally_add adds the values [columns] of a test user, of whom the hash decides in which resamples;
 * reco_evaluate_sums gives the sums of a group, in the current context, which reco_evaluate_free_sums frees.
 */
extern RecoTally *reco_evaluate_tally_make(const RecoEvaluation *evaluation);
extern void reco_evaluate_tally_add(RecoTally *tally, RecoUserClass class, uint64 hash, const double *value);
extern RecoSums reco_evaluate_sums(const RecoTally *tally, RecoUserGroup group);
extern void reco_evaluate_free_sums(RecoSums *sums);

/*
 * reco_evaluate_statistic gives a statistic, and reco_evaluate_resampled that of each resample: value is [resamples], NaN where
 * fewer than RECO_LEAST_USERS users have it.  reco_evaluate_interval gives the quantiles of n values, which are sorted; NaN when more
 * than half are not finite (a resample without a single user who has the value).
 */
extern double reco_evaluate_statistic(const RecoStatistic *statistic, const RecoSums *sums);
extern void reco_evaluate_resampled(const RecoStatistic *statistic, const RecoSums *sums, size_t resamples,
									double *value);
extern void reco_evaluate_interval(double *value, size_t n, double *low, double *high);

/* results.c */
extern void reco_evaluate_summarise(RecoEvaluation *evaluation, const RecoContestant *contestant,
									RecoResult *result);
extern Jsonb *reco_evaluate_options_json(const RecoEvaluation *evaluation);
extern Jsonb *reco_evaluate_counts_json(const RecoEvaluation *evaluation);

/* differences.c: how each two contestants differ, on the same resamples. */
extern RecoDifferenceRow *reco_evaluate_differences(const RecoEvaluation *evaluation, int *n);

/* The name of each RecoCell that is a measure of lists. */
extern const char *const reco_evaluate_cell_name[RECO_CELL_ITEM_RECALL];

#endif
