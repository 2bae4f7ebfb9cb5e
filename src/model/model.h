/*
 * model.h
 *	  The contract of an algorithm: the model is about items, a user is a query.
 *
 * A model is what learning found out about items: named tensors.  It holds
 * nothing of any user.  A user is a query: the user's own events, folded and
 * solved against the model when a call asks.  Ranking (rank.h), explanations,
 * evaluation and storage are written once, against the types here; an
 * algorithm supplies
 *
 *		options			names, types, defaults, ranges, help
 *		learn			clean interactions -> named tensors
 *		bind			named tensors -> whatever its other functions need
 *		check			whether stored values are such as learn writes
 *		represent		one user's rows -> a query
 *		contributions	query, item -> addends of the score
 *		removals		query, item -> effects of taking each piece of evidence away (optional)
 *
 * "without" (query, set of evidence -> query) is not supplied: represent is a
 * pure function of the rows, so reco_query_without() represents the rows that
 * are left.  removals exists because an algorithm may know a closed form.
 *
 * A query is a constant, a per-item bias and a list of weighted terms:
 *
 *		score(i) = constant + bias[i] + sum over terms of term(i)
 *
 *		dense	<vector, factor[i]>			inner product over an item matrix
 *		sparse	sum_r weight[r] * S[row_r, i]	rows of an item-item matrix
 *		block	score_block(items) -> doubles	anything else
 *
 * reco_query_score() is the one place where a term list becomes a number, so
 * recommend, score, explain and evaluate agree to the bit.
 */
#ifndef RECO_MODEL_MODEL_H
#define RECO_MODEL_MODEL_H

#include "postgres.h"

#include "catalog/catalog.h"
#include "kernel/topk.h"
#include "model/options.h"
#include "parallel/pool.h"
#include "reader/features.h"
#include "reader/reader.h"
#include "store/store.h"

typedef struct RecoAlgorithm RecoAlgorithm;
typedef struct RecoModel RecoModel;
typedef struct RecoQuery RecoQuery;
typedef struct RecoAdded RecoAdded;

/* How a score depends on the rows of the user: decides what explanations may call exact. */
typedef enum RecoLinearity
{
	RECO_LINEAR,   /* a sum over rows */
	RECO_AFFINE,   /* the same plus addends that no row owns */
	RECO_NONLINEAR /* addends are measured; the gap goes to rest */
} RecoLinearity;

/* Rows of one user on one item the model knows, taken together: one piece of evidence. */
typedef struct RecoEvidence
{
	uint32 item;   /* index in the model */
	double weight; /* w */
	double pull;   /* b = w * t */
	int kind;      /* event kind with the greatest share of w, index into RecoHistory.kind; -1 none */
	bool kept;     /* false: dropped by the 2^-40 rule; seen all the same */
} RecoEvidence;

/* What the addends of a score are about (DESIGN 4, G1). */
typedef enum RecoAddendKind
{
	RECO_ADDEND_HISTORY,
	RECO_ADDEND_DISLIKE,
	RECO_ADDEND_ATTRIBUTE,
	RECO_ADDEND_PRIOR,
	RECO_ADDEND_AVERAGE,
	RECO_ADDEND_ITEM,
	RECO_ADDEND_POPULARITY,
	RECO_ADDEND_PROMOTED,
	RECO_ADDEND_MEMBER,
	RECO_ADDEND_REST
} RecoAddendKind;

/* Addends of a score that belong to no evidence, at most. */
#define RECO_EXTRA_ADDENDS 4

typedef struct RecoAddend
{
	RecoAddendKind kind;
	int evidence; /* index into RecoQuery.evidence, or -1 */
	double contribution;
	int column; /* of an attribute: of the encoder of users, or of items in the view by item; else -1 */
} RecoAddend;

/* What is known of one user or item: a row as an encoder makes it. */
typedef struct RecoAttributes
{
	bool known; /* the user has a row that the caller sees */
	size_t n;
	const uint32 *column; /* [n], increasing */
	const float *value;   /* [n] */
} RecoAttributes;

/* How an attribute is worded. */
typedef enum RecoAttributeKind
{
	RECO_ATTRIBUTE_OTHER,
	RECO_ATTRIBUTE_CATEGORY,
	RECO_ATTRIBUTE_BRAND,
	RECO_ATTRIBUTE_PRICE
} RecoAttributeKind;

/*
 * A part of a score that an attribute is owed, of the item or of the user (own).  Its texts
 * live as long as the query.
 */
typedef struct RecoAttributeShare
{
	RecoAttributeKind kind;
	bool own;
	RecoColumnRole role; /* "other" and "missing" have no value */
	const char *name;    /* the column, as it may be shown */
	const char *value;   /* as it may be shown; NULL: the column as a whole, as of a description */
	const char *from;    /* of a band of numbers: its ends, see RecoEncoderColumn */
	const char *to;
	double contribution; /* to the score */
	double removal;      /* what the score would lose if the item, or the user, had no such attribute */
} RecoAttributeShare;

/* What a member of a blend has to do with a score, which is the sum of weight times score over the members. */
typedef struct RecoMemberShare
{
	const char *name; /* of its algorithm */
	double weight;
	double score; /* the member's own */
} RecoMemberShare;

typedef enum RecoTermKind
{
	RECO_TERM_DENSE,
	RECO_TERM_SPARSE,
	RECO_TERM_BLOCK
} RecoTermKind;

typedef struct RecoTerm
{
	RecoTermKind kind;
	/* dense */
	const double *vector; /* [items->d] */
	const RkItems *items; /* factors [n_items x d]; its bias is added here too, and nowhere else */
	/* sparse */
	const RkCsr *matrix; /* item-item, [n_items x n_items] */
	int n_rows;
	const uint32 *row;        /* [n_rows] */
	const double *row_weight; /* [n_rows] */
	/* block */
	void (*score_block)(const RecoQuery *query, const uint32 *item, size_t n, double *score);
	void *block_state;
} RecoTerm;

struct RecoQuery
{
	const RecoModel *model;
	const RecoHistory *history;
	int n_evidence;
	RecoEvidence *evidence; /* [n_evidence], by reco_model_order */
	int sole;               /* the piece that reco_query_revives tells of, -1: none */
	bool
		has_positive; /* some kept evidence has t > 0, and represent found that it orders items: the history rung */
	double
		neutral; /* the target above which a row is a liking: 0, or a rating; set by represent where it is not 0 */
	RecoAttributes attributes; /* of the user; nothing where the model does not ask (RecoModel.asks_users) */
	double constant;
	int n_terms;
	RecoTerm *term; /* [n_terms] */
	void *state;    /* the algorithm's own */
};

/* A model ready to serve. */
struct RecoModel
{
	const RecoAlgorithm *algorithm;
	const RecoTensorSet *tensors;
	bool explicit_feedback;
	RecoFoldRule fold;
	RecoKeys items;       /* the item of index i has the i-th key */
	const int32 *popular; /* [items.n] item indexes, most users first */
	const uint32
		*place;    /* [items.n] where an item stands among them: the order of equal scores; NULL: by index */
	int n_aspects; /* of reviews; 0: none are counted */
	const char **aspect; /* [n_aspects] */
	const int32 *
		reviewed; /* [items.n x n_aspects] buckets of people who rated the aspect highly, 0: too few to say */
	const int32 *people; /* [items.n] buckets of users who chose the item, 0: too few; NULL: not counted */
	size_t n_link;       /* 0: scores were not calibrated */
	const double *link;  /* [n_link x 2] scores and what they mean as probabilities, both ascending */
	const RecoEncoder *item_encoder; /* of item_features, NULL: the version has none */
	const RecoEncoder *user_encoder;
	bool reads_items; /* the caller may read the features of items, so that they may be named */
	bool asks_users;  /* queries want the attributes of their users; set by bind */
	const int32
		*unseen; /* [n_unseen] items that nobody had chosen when the version was learned; none: NULL */
	size_t n_unseen;
	const RkItems
		*embedding; /* read by reco_items_row; NULL when the algorithm has no item factors; set by bind */
	const RkCsr *similar; /* row j: what is like item j; NULL: cosines of the embedding say so */
	RkCsr attributes;     /* of the items, where they are learned from; without columns where they are not */
	RecoSince since;      /* what came after the version */
	bool finds_new;       /* that can be told */
	RecoAdded *added;     /* items that this call has taken in; NULL: it takes none (added.c) */
	void *state;          /* made by bind */
};

/* What learning works on. */
typedef struct RecoLearnInput
{
	const RecoDataset *data; /* learn may move the entries of by_user while it runs, and puts them back */
	const RecoKeys *users;   /* keys of RecoEvents: of user u, reco_keys_get(users, data->user_of[u]) */
	const RecoKeys *items;
	bool explicit_feedback;
	const RecoOptionValue *option; /* in the order of algorithm->option */
	RecoArea *area;                /* holds the dataset; scratch and results come from here */
	int workers;
	const RecoModel *warm; /* incremental: the version to go on from, NULL otherwise */
	int warm_version;      /* its number */

	/* by RecoSide: what is known of the users and items of the dataset, in the area; without columns where nothing is */
	RkCsr attributes[2];
} RecoLearnInput;

/* What learning gives back. */
typedef struct RecoLearnOutput
{
	int n_tensors;
	RecoTensor *tensor; /* data in the area */
	Jsonb *options;     /* every option as resolved */
	Jsonb *metrics;     /* object: loss, sweeps, validation */
} RecoLearnOutput;

/* An algorithm with an option of this name, in days, decays by it and not by the half-life of the recommender. */
#define RECO_OPTION_HALF_LIFE "half_life_days"

struct RecoAlgorithm
{
	const char *name;
	RecoLinearity linearity;
	bool implicit_only; /* does not take explicit feedback */
	const RecoOption *option;
	int n_options;
	const RecoTuning *tuning; /* what CALL reco.tune() searches; NULL when there is nothing to choose */
	int n_tuning;

	/* check_options raises for options that the table takes and the algorithm does not; NULL: there are none. */
	void (*check_options)(const RecoOptionValue *option);

	/* learn_bytes bounds the memory of the area beside the dataset. */
	Size (*learn_bytes)(size_t n_users, size_t n_items, size_t n_rows, bool explicit_feedback,
						const RecoOptionValue *option);
	void (*learn)(const RecoLearnInput *input, RecoLearnOutput *output);

	/*
	 * again gives the model, in the current context and over what is learned, that the same rows would give with other values of
	 * options that tuning ranges over; NULL where that must be learned.  NULL: it must always be.
	 */
	const RecoModel *(*again)(const RecoModel *learned, const RecoOptionValue *option);

	/*
	 * attribute_bytes bounds what learning takes of the area beside learn_bytes for the attributes of one side,
	 * in n_columns; NULL when the algorithm knows nothing of attributes.
	 */
	Size (*attribute_bytes)(size_t n_rows, size_t n_columns, const RecoOptionValue *option);

	/*
	 * warm_refusal says why learning with these options cannot go on from a
	 * version of the same algorithm and feedback ("version 3 was learned ..."), NULL when it can.
	 * The function itself is NULL where it never can.
	 */
	char *(*warm_refusal)(const RecoModel *warm, const RecoOptionValue *option);
	void (*bind)(RecoModel *model);

	/* use says which tensors may be streamed or left out where memory is short (store.h); NULL: none. */
	RecoTensorUse (*use)(const char *tensor);

	/* check raises ERRCODE_DATA_CORRUPTED unless the values that bind has found are such as learn writes. */
	void (*check)(const RecoModel *model);

	/* represent fills constant, terms and state of a query whose evidence is there. */
	void (*represent)(const RecoModel *model, RecoQuery *query);

	/* contributions writes at most reco_query_most_addends addends that sum to the score, and gives their number. */
	int (*contributions)(const RecoQuery *query, uint32 item, RecoAddend *addend);

	/*
	 * removals writes effect[p] = score - score without piece of evidence piece[p], to G2, for n different pieces; piece may be NULL: the
	 * first n.  What one piece does is the same to the bit whatever others are asked for with it.  NULL: reco_query_removals re-represents.
	 */
	void (*removals)(const RecoQuery *query, uint32 item, const int *piece, int n, double *effect);

	/*
	 * expect_removals says which items removals will be asked of next, so that they can be worked on
	 * together; nothing depends on it but time.  NULL: nothing is gained by that.
	 */
	void (*expect_removals)(const RecoQuery *query, const uint32 *item, size_t n);

	/*
	 * best_removals writes the at most k pieces that speak for items (reco_query_speaks) whose removal lowers the score
	 * most, best first, and their effects, which are those of removals; gives their number.  NULL: reco_query_best_removals picks them.
	 */
	int (*best_removals)(const RecoQuery *query, uint32 item, int k, int *evidence, double *effect);

	/*
	 * lowers_together says whether the effect of taking two pieces away together is more than some
	 * least effect; NULL: reco_query_lowers_together asks removal_of_two.
	 */
	bool (*lowers_together)(const RecoQuery *query, uint32 item, int first, int second, double least);

	/*
	 * by_item gives other addends that sum to the score, by what the item is: one of kind attribute for each column known
	 * of it, one of kind prior for what is expected of any item, one of kind item for what no attribute accounts for; of ratings also the
	 * average, and as history how the user rates beside it.
	 * NULL where the model knows nothing of items.
	 */
	RecoAddend *(*by_item)(const RecoQuery *query, uint32 item, int *n);

	/* by_member divides a score among the models that are blended in this one, n of them; NULL where there is one model alone. */
	RecoMemberShare *(*by_member)(const RecoQuery *query, uint32 item, int *n);

	/*
	 * place writes the factors [embedding->d] that an item which the version does not know has by its attributes.
	 * NULL where attributes say nothing; reco_model_add asks only models with attributes of items.
	 */
	void (*place)(const RecoModel *model, const RecoAttributes *attributes, float *row);

	/*
	 * attributes gives the parts of a score that attributes are owed, and their number; NULL where there are none. All of them are there where
	 * one has a removal of "least" or more; where none has, none need be.
	 */
	RecoAttributeShare *(*attributes)(const RecoQuery *query, uint32 item, double least, int *n);

	/* removal_of_two gives the effect of taking two pieces away together; false, or NULL: reco_query_removal_of_two re-represents. */
	bool (*removal_of_two)(const RecoQuery *query, uint32 item, int first, int second, double *effect);
};

/* reco_algorithm_find gives the algorithm of that name or raises ERRCODE_UNDEFINED_OBJECT with the known ones as hint. */
extern const RecoAlgorithm *reco_algorithm_find(const char *name);

/* The algorithms there are; model.c lists them. */
extern const RecoAlgorithm reco_als;
extern const RecoAlgorithm reco_blend;
extern const RecoAlgorithm reco_ease;
extern const RecoAlgorithm reco_graph;
extern const RecoAlgorithm reco_itemknn;
extern const RecoAlgorithm reco_popular;
extern const RecoAlgorithm reco_recent;
extern const RecoAlgorithm reco_rp3beta;
extern const RecoAlgorithm reco_userknn;

/*
 * reco_model_parse_options gives a value an option of the algorithm, in its order, and after them those that
 * every algorithm has: whether scores are to be calibrated, and windows.
 */
extern RecoOptionValue *reco_model_parse_options(const RecoAlgorithm *algorithm, Jsonb *const *object,
												 int n_objects);

/* reco_model_calibrates says whether a refresh with these options is to calibrate. */
extern bool reco_model_calibrates(const RecoDefinition *definition, Jsonb *call_options);

/* Windows that are counted, at most. */
#define RECO_MOST_WINDOWS 16

/* reco_model_windows gives the windows, in days, that a refresh with these options is to count, ascending and distinct. */
extern int *reco_model_windows(const RecoDefinition *definition, Jsonb *call_options, int *n);

/* reco_model_probability gives what a score means as a probability; the model must have a link. */
extern double reco_model_probability(const RecoModel *model, double score);

/* reco_algorithm_names gives the names of all algorithms, [*n]. */
extern const char *const *reco_algorithm_names(int *n);

/* reco_model_check_options raises unless the algorithm is known and takes these options. */
extern void reco_model_check_options(const char *algorithm, Jsonb *options);

/* reco_model_has_option says whether an algorithm, which must be known, takes an option. */
extern bool reco_model_has_option(const char *algorithm, const char *name);

/* reco_model_options gives the options of a definition that are the algorithm's: all but "features". */
extern Jsonb *reco_model_options(const RecoDefinition *definition);

/* reco_model_check_feedback raises ERRCODE_FEATURE_NOT_SUPPORTED when the algorithm does not take that feedback. */
extern void reco_model_check_feedback(const char *algorithm, bool explicit_feedback);

/*
 * reco_model_open gives the deployed version of a recommender ready to serve;
 * it stays valid until "pin" is reset.  Bound models are kept for the session.
 */
extern const RecoModel *reco_model_open(const RecoDefinition *definition, MemoryContext pin);

/*
 * reco_items_row gives the factors of an item, [d], wherever they are; valid
 * until the next row or window of these items is asked for.
 */
extern const float *reco_items_row(const RkItems *items, uint32 item);

/* reco_items_bias gives the bias of an item; 0 where there are none, and of items that were added. */
static inline double
reco_items_bias(const RkItems *items, uint32 item)
{
	return items->bias != NULL && item < items->n ? (double) items->bias[item] : 0.0;
}

/* reco_items_grow lets rows be added to items that are in memory; for bind. */
extern void reco_items_grow(RkItems *items);

/* reco_items_add makes a row [d] that of the next item after those there are; the kernels do not rank it. */
extern void reco_items_add(const RkItems *items, const float *row, MemoryContext memory);

/* reco_items_forget takes the added rows out again. */
extern void reco_items_forget(const RkItems *items);

/* reco_items_stream lets the rows of items, whose factor is NULL, come from a streamed tensor; for bind. */
extern void reco_items_stream(RkItems *items, const RecoTensorSet *set, const RecoTensor *factor);

/*
 * reco_items_window gives the items that are at hand together from "first" on, as items of their own; first is 0 or where a window
 * ended.  For items whose factor is NULL.
 */
extern void reco_items_window(const RkItems *items, size_t first, RkItems *window);

/*
 * reco_model_check raises ERRCODE_DATA_CORRUPTED unless the tensors of a version
 * fit together: lookups and solves trust what they hold.  Takes time in
 * proportion to the items, so it is done once, when a session opens a version.
 */
extern void reco_model_check(const RecoVersion *version, const RecoTensorSet *tensors);

/* reco_model_tensor gives the values of a tensor of a version, or raises ERRCODE_DATA_CORRUPTED unless it has that shape. */
extern const void *reco_model_tensor(const RecoTensorSet *tensors, const char *name, RecoTensorType type,
									 int64 rows, int64 columns);

/* reco_model_refuse raises ERRCODE_DATA_CORRUPTED for a tensor whose values no learning writes. */
pg_noreturn extern void reco_model_refuse(const char *tensor);

/* reco_model_lists_all says whether a list of n indexes names each of 0 ... n - 1 once. */
extern bool reco_model_lists_all(const int32 *list, size_t n);

/* reco_model_is_unseen says whether nobody had chosen an item when the version was learned; so of all that came after. */
extern bool reco_model_is_unseen(const RecoModel *model, uint32 item);

/*
 * Items that came after the version (added.c).  A call may take in items that the version does not know: they are
 * those of index items.n and on, with a place that their attributes give them.  Functions of the model take
 * their indexes like others, but reco_rank ranks only those of the version.
 *
 * reco_model_add takes in those of n keys that are not known yet and that the caller sees in the items relation;
 * SPI must be connected.  A model that was bound without reco_model_open, one without attributes of items, and one whose
 * caller may not read them take in none.  reco_model_add_new looks for what came after the version (DESIGN 5), at most
 * reco.max_new_items, and takes it in.  A column of the attributes that is gone, or of another type, says nothing of
 * them; where all are, none is taken in (reco_encoder_rows).  Both give the number of items that have been added by now.
 */
extern size_t reco_model_add(const RecoModel *model, const RecoKey *key, size_t n);
extern size_t reco_model_add_new(const RecoModel *model);

/*
 * reco_model_items gives the indexes of those of n keys that the model knows, distinct and ascending, in the current context; with
 * "add" it is asked to take in the others first (reco_model_add).
 */
extern uint32 *reco_model_items(const RecoModel *model, const RecoKey *key, size_t n, bool add,
								size_t *n_items);

/* reco_model_forget_added takes them all out again: for a model that lives longer than a snapshot. */
extern void reco_model_forget_added(const RecoModel *model);

/* reco_model_n_items counts the items, added ones too; reco_model_key gives the key of one, reco_model_find its index or -1. */
extern size_t reco_model_n_items(const RecoModel *model);
extern RecoKey reco_model_key(const RecoModel *model, uint32 item);
extern int64 reco_model_find(const RecoModel *model, const RecoKey *key);

/*
 * reco_model_order compares the places of two items: those of the version by index, then added ones by key, so that nothing
 * depends on the order in which they were added.
 */
extern int reco_model_order(const RecoModel *model, uint32 a, uint32 b);

/* reco_model_order_equals compares the places in a list of two items of one score: more popular ones first, added ones last and by key. */
extern int reco_model_order_equals(const RecoModel *model, uint32 a, uint32 b);

/* reco_model_attributes gives the encoded attributes of an item; none where they are not learned from. */
extern RecoAttributes reco_model_attributes(const RecoModel *model, uint32 item);

/* reco_model_people gives the bucket of users who chose an item; 0: too few, or not counted. */
extern int32 reco_model_people(const RecoModel *model, uint32 item);

/* reco_model_reviewers gives the bucket of people who rated an aspect of an item highly; 0: too few, or not counted. */
extern int32 reco_model_reviewers(const RecoModel *model, uint32 item, int aspect);

/* reco_model_bind makes a model of tensors at hand (evaluation, right after learning). */
extern RecoModel *reco_model_bind(const char *algorithm, const RecoTensorSet *tensors);

/*
 * reco_query_make folds a history against a model and represents it, in the
 * current context.  Rows on items the model does not know are no evidence.  attributes may be NULL: nothing is known.
 */
extern RecoQuery *reco_query_make(const RecoModel *model, const RecoHistory *history,
								  const RecoAttributes *attributes);

/*
 * reco_query_from_evidence does the same for evidence folded already, by
 * reco_model_order; it is the query's from then on, and there is no history.
 */
extern RecoQuery *reco_query_from_evidence(const RecoModel *model, RecoEvidence *evidence, int n,
										   const RecoAttributes *attributes);

/*
 * reco_attributes_of reads what the caller sees of n users, for a model that asks (SPI must be connected): [n], in the
 * current context.  Nothing is known where the caller may not read a column that is asked for.
 */
extern RecoAttributes *reco_attributes_of(const RecoDefinition *definition, const RecoModel *model,
										  const RecoKey *user, int n);

/* reco_attributes_read does the same for any model that has an encoder of users. */
extern RecoAttributes *reco_attributes_read(const RecoDefinition *definition, const RecoModel *model,
											const RecoKey *user, int n);

/*
 * reco_attribute_shares words the addends of kind attribute, of a user (own) or of an item: one a level, and one for all
 * other columns of an attribute.  Their removal is their contribution.  In the current context, n of them; place [n_addends],
 * unless NULL, becomes the share that an addend is part of, -1 for one of another kind.
 */
extern RecoAttributeShare *reco_attribute_shares(const RecoEncoder *encoder, const RecoAddend *addend,
												 int n_addends, bool own, int *n, int *place);

/* reco_attributes_row gives row r of encoded features. */
extern RecoAttributes reco_attributes_row(const RecoFeatures *features, size_t r);

/* reco_query_is_scored says whether lists of a user are ranked by score: a history, or attributes, speak for the user. */
extern bool reco_query_is_scored(const RecoQuery *query);

/* reco_query_without is the query of the same user had the evidence with removed[e] never been. */
extern RecoQuery *reco_query_without(const RecoQuery *query, const bool *removed);

/* reco_query_reweighted is the query of the same user had every row weighed factor[e] > 0 times as much, at the same target. */
extern RecoQuery *reco_query_reweighted(const RecoQuery *query, const double *factor);

/* reco_query_refuse_scores raises because a score is not finite. */
pg_noreturn extern void reco_query_refuse_scores(void);

/* reco_query_score gives the score of one item: the number that every function shows; raises when it is not finite. */
extern double reco_query_score(const RecoQuery *query, uint32 item);

/* reco_query_most_addends bounds the addends of reco_query_contributions. */
extern int reco_query_most_addends(const RecoQuery *query);

/* reco_query_by_item: see RecoAlgorithm.by_item; NULL where nothing is known of items. */
extern RecoAddend *reco_query_by_item(const RecoQuery *query, uint32 item, int *n);

/* reco_query_by_member: see RecoAlgorithm.by_member; NULL where there is one model alone. */
extern RecoMemberShare *reco_query_by_member(const RecoQuery *query, uint32 item, int *n);

/* reco_query_contributions, _removals_of and _removals, of all pieces: see RecoAlgorithm; effect is [n] and [n_evidence]. */
extern int reco_query_contributions(const RecoQuery *query, uint32 item, RecoAddend *addend);
extern void reco_query_removals_of(const RecoQuery *query, uint32 item, const int *piece, int n,
								   double *effect);
extern void reco_query_removals(const RecoQuery *query, uint32 item, double *effect);

/* reco_query_expect_removals, _best_removals and _lowers_together: see RecoAlgorithm; evidence and effect are [k]. */
extern void reco_query_expect_removals(const RecoQuery *query, const uint32 *item, size_t n);
extern int reco_query_best_removals(const RecoQuery *query, uint32 item, int k, int *evidence,
									double *effect);
extern bool reco_query_lowers_together(const RecoQuery *query, uint32 item, int first, int second,
									   double least);

/* reco_query_speaks says whether a piece of evidence is a liking: a reason must not give what was rated low as a cause. */
extern bool reco_query_speaks(const RecoQuery *query, int evidence);

/* reco_query_is_better orders pieces of evidence by effect, the greater first, then by their place. */
extern bool reco_query_is_better(int piece, double its_effect, int other, double other_effect);

/* reco_query_keep_best puts a piece among the n best so far, at most k, where it belongs. */
extern void reco_query_keep_best(int piece, double its_effect, int k, int *evidence, double *effect, int *n);

/* reco_query_attributes: see RecoAlgorithm.attributes; n is 0 where the algorithm has none. */
extern RecoAttributeShare *reco_query_attributes(const RecoQuery *query, uint32 item, double least, int *n);

/* reco_query_removal gives score - score without one piece of evidence, by representing the user again. */
extern double reco_query_removal(const RecoQuery *query, uint32 item, int evidence);

/*
 * reco_query_revives says whether taking a piece of evidence away may bring back rows that
 * were dropped beside it, which no closed form knows.
 */
extern bool reco_query_revives(const RecoQuery *query, int evidence);

/* reco_query_removal_of_two gives score - score without two different pieces of evidence, to G2. */
extern double reco_query_removal_of_two(const RecoQuery *query, uint32 item, int first, int second);

/*
 * reco_rank gives the k best items of the version by (score descending, tie ascending, index
 * ascending), exactly: score is reco_query_score.  skip is a bitmap of n_items bits
 * or NULL; tie is [n_items] or NULL.  hit is [k].
 */
extern size_t reco_rank(const RecoQuery *query, size_t k, const uint8 *skip, const uint32 *tie, RkHit *hit);

/* reco_rank_of ranks only the listed items. */
extern size_t reco_rank_of(const RecoQuery *query, const uint32 *item, size_t n, size_t k, const uint8 *skip,
						   const uint32 *tie, RkHit *hit);

/* reco_rank_run ranks all items by a kernel, wherever their factors are. */
typedef RkStatus (*RecoRankKernel)(const RkItems *items, const RkTopk *ask, void *scratch, RkHit *hit,
								   size_t *n_hit);
extern size_t reco_rank_run(RecoRankKernel kernel, const RkItems *items, const RkTopk *ask, RkHit *hit);

/* By what items are alike (similar.c). */
typedef enum RecoAlikeBy
{
	RECO_ALIKE_BEHAVIOUR,
	RECO_ALIKE_ATTRIBUTES,
	RECO_ALIKE_BOTH
} RecoAlikeBy;

/* An item that others are to be compared with. */
typedef struct RecoAlike RecoAlike;

/*
 * reco_alike_make makes what items are compared with, in the current context; the item may be one that was added.  Raises
 * ERRCODE_FEATURE_NOT_SUPPORTED where the model does not know how items are alike, or knows no attributes, and
 * ERRCODE_INSUFFICIENT_PRIVILEGE where the caller may not read the attributes.
 */
extern RecoAlike *reco_alike_make(const RecoModel *model, uint32 item, RecoAlikeBy by);

/* reco_alike_score says how much an item is like it; false where nothing does, as for the item itself. */
extern bool reco_alike_score(const RecoAlike *alike, uint32 item, double *score);

/* reco_rank_similar gives the k items of the version most like it, by (score descending, index ascending), of those that anything says something of. */
extern size_t reco_rank_similar(const RecoAlike *alike, size_t k, const uint8 *skip, RkHit *hit);

/* The learning of one version, whatever the algorithm. */
typedef struct RecoLearned
{
	RecoTensorSet tensors; /* the algorithm's, the keys of items and their order of popularity */
	bool has_as_of;
	TimestampTz as_of;
	RecoFoldRule fold;
	size_t n_users;
	size_t n_items;
	size_t n_rows; /* folded */
	const RecoDataset *data;
	Jsonb *options;
	Jsonb *metrics;
} RecoLearned;

/*
 * reco_learn_popular lists the items of a dataset, [n_items], those that most users have with t > 0 first, those without a row last;
 * reco_learn_places gives the place of each in such a list.
 */
extern int32 *reco_learn_popular(const RecoDataset *data);
extern uint32 *reco_learn_places(const int32 *popular, size_t n);

/* reco_learn_check turns the status of a kernel into an error. */
extern void reco_learn_check(RkStatus status);

/* reco_learn_link adds the tensor "link" [n x 2] to what was learned. */
extern void reco_learn_link(RecoLearned *learned, const double *link, size_t n);

/*
 * reco_learn_asked gives the options that learning is asked for, those of the definition and over them those of the call, before
 * anything that was left open is resolved; it is kept in the metrics of a version under RECO_METRIC_ASKED, where reco_learn_asked_of finds
 * it; NULL: it is not there.
 */
#define RECO_METRIC_ASKED "asked"
extern Jsonb *reco_learn_asked(const RecoDefinition *definition, Jsonb *call_options);
extern Jsonb *reco_learn_asked_of(Jsonb *metrics);

/* reco_learn_uses_attributes says whether learning with these options learns from the features that a definition names. */
extern bool reco_learn_uses_attributes(const RecoDefinition *definition, Jsonb *call_options);

/* reco_learn_fold_rule gives how learning with these options folds rows; as_of is open until the events are known. */
extern RecoFoldRule reco_learn_fold_rule(const RecoDefinition *definition, Jsonb *call_options);

/*
 * The buckets of people of a version, kept while the next one is learned
 * (people.c says what they are).
 */
typedef struct RecoPeople RecoPeople;

/*
 * reco_people_read reads the buckets of the deployed version in the current context; NULL when there
 * is none, or it has none, or it cannot be read: then counting starts anew.
 */
extern RecoPeople *reco_people_read(const RecoDefinition *definition);

/* reco_people_count adds the tensor "people" to what was learned; previous may be NULL. */
extern void reco_people_count(RecoLearned *learned, const RecoKeys *items, const RecoPeople *previous,
							  int min_group);

/* reco_people_count_reviews adds the tensors of reviews; counts may be NULL: there are none then. */
extern void reco_people_count_reviews(RecoLearned *learned, const RecoReviewCounts *counts, int least,
									  const RecoKeys *items, const RecoPeople *previous, int min_group);

/* reco_people_bucket gives the bucket of a number of users, of whom the version before had that bucket (0: none). */
extern int32 reco_people_bucket(int64 users, int32 previous, int min_group);

/* What is to be learned. */
typedef struct RecoLearnRequest
{
	const RecoDefinition *definition;
	Jsonb *call_options; /* over the options of the definition; NULL: none */
	RecoEvents *events;
	const uint8 *keep;     /* bitmap of the events to learn from; NULL: all */
	bool forget;           /* the rows of events are freed once they are folded; the keys stay */
	const RecoModel *warm; /* incremental: the version to go on from; NULL: learn from nothing */
	int warm_version;      /* its number */
} RecoLearnRequest;

/*
 * reco_learn folds the events and learns from them.  Touches no database; everything it
 * makes lives in the current context, the learning area included.
 */
extern RecoLearned *reco_learn(const RecoLearnRequest *request);

/*
 * reco_learn_warm opens the deployed version as the start of an incremental
 * refresh, valid until "pin" is reset, and gives its number.  Raises
 * ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE when there is none, or when it was
 * learned by another algorithm, of another feedback or with options that cannot be
 * gone on from; the hint is a full refresh.
 */
extern const RecoModel *reco_learn_warm(const RecoDefinition *definition, Jsonb *call_options,
										MemoryContext pin, int *version);

#endif
