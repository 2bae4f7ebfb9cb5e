/*
 * internal.h
 *	  What the files of this room share.
 *
 * Indexes: a user or item of the interactions is its position in the sorted
 * keys of RecoEvents; a row or item of the model is its position among those
 * that are left to learn from.
 */
#ifndef RECO_EVALUATE_INTERNAL_H
#define RECO_EVALUATE_INTERNAL_H

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
	RecoSplit split;
	const char *split_name; /* as stored */
	bool repeats;
	int n_k;
	size_t *k; /* [n_k], increasing, distinct */
	double fraction;
	size_t last_n;
	bool has_from;
	TimestampTz from;
	uint64 seed;
	int resamples;
	size_t max_users;     /* 0: all */
	Jsonb *model_options; /* learning options of this call, or NULL */
} RecoEvaluateSettings;

/* What happened to pairs on the way; reported with the result. */
typedef struct RecoEvaluateCounts
{
	int64 training_events;
	int64 removed_pairs;       /* pairs that lost events to the test part */
	int64 negative_pairs;      /* pairs of the test part that are no targets: disliked or weightless */
	int64 seen_targets;        /* targets dropped because the user has them in training */
	int64 available_users;     /* test users before sampling */
	int64 test_pairs;          /* targets to be found by ranking */
	int64 rating_pairs;        /* targets of predicted ratings */
	int64 unreachable_targets; /* targets to be found whose item was not learned */
	int64 users_with_history;
	int64 users_without_history;
} RecoEvaluateCounts;

/* One item that a test user is to be recommended, or whose rating is to be predicted. */
typedef struct RecoTarget
{
	int32 item;     /* of the model; -1: not learned, unreachable */
	bool is_ranked; /* counts in |test|; false only for explicit ratings below the mean */
	double rating;  /* explicit feedback only */
} RecoTarget;

typedef struct RecoTestUser
{
	uint32 source;     /* in the keys of RecoEvaluation.source */
	int64 event_user;  /* in the keys of the interactions, or -1 */
	int64 row;         /* of the dataset, or -1: nothing in training */
	bool with_history; /* served by the model, not by the popular list */
	size_t first_target;
	size_t n_targets;
	size_t n_ranked; /* |test| */
} RecoTestUser;

/* Lists whose quality is measured. */
typedef enum RecoRanker
{
	RECO_RANKER_MODEL,
	RECO_RANKER_POPULARITY,
	RECO_RANKER_ITEM_MEAN, /* explicit feedback only */
	RECO_RANKERS
} RecoRanker;

/* Predictors of ratings, explicit feedback only. */
typedef enum RecoPredictor
{
	RECO_PREDICTOR_MODEL,
	RECO_PREDICTOR_ITEM_MEAN,
	RECO_PREDICTOR_GLOBAL_MEAN,
	RECO_PREDICTORS
} RecoPredictor;

/* Measures of a list, in the order of RkListMetrics. */
#define RECO_LIST_METRICS 7

/* Groups of users with lines of their own. */
typedef enum RecoUserGroup
{
	RECO_GROUP_ALL,
	RECO_GROUP_WITH_HISTORY,
	RECO_GROUP_WITHOUT_HISTORY,
	RECO_GROUPS
} RecoUserGroup;

/* Baselines, all from the training part. */
typedef struct RecoBaselines
{
	uint32 *popular;    /* [n_items] items, most users first, ties by hash */
	uint32 *by_mean;    /* [n_items] items, highest damped mean rating first; explicit only */
	double *item_mean;  /* [n_items]; explicit only */
	double global_mean; /* explicit only */
} RecoBaselines;

struct RecoEvaluation
{
	RecoDefinition *definition;
	RecoEvaluateSettings settings;
	char *test_name; /* of the caller's relation, or NULL */

	RecoEvents *events; /* the interactions */
	RecoEvents *source; /* where targets come from: events, or the caller's relation */
	size_t *user_start; /* [users + 1], first event of each user of the interactions */
	uint8 *keep;        /* bitmap of events to learn from; the other ones are the test part of a split */
	bool has_cut;
	TimestampTz cut; /* time split: first moment of the test part */

	RecoLearned *learned;
	RecoModel *model;
	int32 *row_of_user;  /* [users of the interactions] rows of the dataset, or -1 */
	int32 *item_of_item; /* [items of the interactions] items of the model, or -1 */
	uint32 *tie;         /* [n_items] order among equal scores: a hash of the key */
	RecoBaselines baselines;

	size_t n_users;
	RecoTestUser *user; /* [n_users], by key */
	RecoTarget *target;
	RecoEvaluateCounts counts;

	int n_rankers;
	int n_predictors;
	double *list_value;  /* [n_users x n_rankers x n_k x RECO_LIST_METRICS]; see measure.c */
	double *error_value; /* [n_users x (1 + 2 n_predictors)]: count, then squares and absolutes */
	double *coverage;    /* [RECO_GROUPS x n_rankers x n_k] */

	int n_rows;
	RecoMetricRow *row;
};

/* Positions in the arrays of a user's values. */
static inline size_t
reco_evaluate_list_columns(const RecoEvaluation *evaluation)
{
	return (size_t) evaluation->n_rankers * evaluation->settings.n_k * RECO_LIST_METRICS;
}

static inline size_t
reco_evaluate_error_columns(const RecoEvaluation *evaluation)
{
	return 1 + 2 * (size_t) evaluation->n_predictors;
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

/* settings.c */
extern void reco_evaluate_check(const RecoEvaluateRequest *request, const RecoDefinition *definition,
								RecoEvaluateSettings *settings);

/* relation.c */
extern void reco_evaluate_check_relation(const RecoDefinition *definition, Oid relation);

/*
 * split.c.  reco_evaluate_pair_end gives the first event after those of the
 * pair that starts at "first"; reco_evaluate_find_pair gives the events first ... last - 1 of a
 * user on an item of the interactions, or false when there are none.
 */
extern void reco_evaluate_split(RecoEvaluation *evaluation);
extern size_t reco_evaluate_pair_end(const RecoEvents *events, size_t first);
extern bool reco_evaluate_find_pair(const RecoEvaluation *evaluation, int64 user, int64 item, size_t *first,
									size_t *last);

/* targets.c */
extern void reco_evaluate_find_targets(RecoEvaluation *evaluation);

/* baselines.c */
extern void reco_evaluate_learn_baselines(RecoEvaluation *evaluation);

/* measure.c */
extern void reco_evaluate_rank(RecoEvaluation *evaluation);

/* bootstrap.c */
extern double *reco_evaluate_resample(const double *value, size_t n_columns, const uint32 *user, size_t n,
									  int resamples, uint64 seed);

/* results.c */
extern void reco_evaluate_summarise(RecoEvaluation *evaluation);
extern Jsonb *reco_evaluate_options_json(const RecoEvaluation *evaluation);
extern Jsonb *reco_evaluate_counts_json(const RecoEvaluation *evaluation);

#endif
