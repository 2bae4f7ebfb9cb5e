/*
 * catalog.h
 *	  The only code that names the tables of schema reco.
 *
 * Rights are checked here in C.  Reading is by index scans, which look at no
 * rights, in the active snapshot (one is pushed where there is none).  Writing is by SPI as
 * the owner of the tables, by SetUserIdAndSecContext around one statement,
 * with search_path = pg_catalog, pg_temp; these functions connect to SPI by
 * themselves, whether or not the caller is connected.  Nothing here commits.
 * Reads see what the active snapshot sees: after a write of its own, a caller
 * that wants to read it back needs a newer snapshot.
 */
#ifndef RECO_CATALOG_CATALOG_H
#define RECO_CATALOG_CATALOG_H

#include "postgres.h"

#include "access/attnum.h"
#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "storage/itemptr.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "compat.h"

/* A mapped column.  name is NULL when the definition does not map it; type is then InvalidOid. */
typedef struct RecoColumn
{
	char *name;
	AttrNumber attnum; /* resolved by reco_catalog_bind */
	Oid type;          /* declared type */
	int32 typmod;
	Oid collation;
} RecoColumn;

/*
 * A mapped relation.  recorded_name is NULL when the definition does not map it; relid is then InvalidOid.
 * Before reco_catalog_bind it may also be InvalidOid because a dump was restored without the relation.
 */
typedef struct RecoRelation
{
	Oid relid;
	char *recorded_name; /* qualified and quoted name when the definition was made */
	char *schema;        /* its parts, unquoted */
	char *name;
	char *
		sql_name; /* of generated SQL; set by reco_catalog_bind, once it has seen that the name is still true */
} RecoRelation;

typedef struct RecoEventWeight
{
	char *event;
	double weight;
} RecoEventWeight;

/* A row of reco.recommender, parsed. */
typedef struct RecoDefinition
{
	pg_uuid_t key;
	char *name;
	Oid owner;
	char *algorithm;
	bool explicit_feedback;
	RecoRelation interactions;
	RecoColumn user;
	RecoColumn item;
	RecoColumn event;
	RecoColumn value;
	RecoColumn time;
	bool has_event_weights;
	int n_event_weights;
	RecoEventWeight *event_weight; /* sorted by event, bytewise */
	double half_life;              /* microseconds; 0: no decay */
	RecoRelation items;
	RecoColumn item_key;
	RecoColumn item_label;
	RecoColumn items_time;
	List *item_features; /* of char * */
	RecoRelation users;
	RecoColumn user_key;
	List *user_features;  /* of char * */
	List *protected;      /* of char *: columns of users or items that nothing is learned from */
	RecoRelation reviews; /* bound by reco_catalog_bind_reviews alone: only a refresh reads it */
	char *reviews_item;
	char *reviews_user;
	List *review_aspects; /* of char *: columns of ratings */
	double review_min;    /* from which a rating is high */
	int review_people;    /* from which a bucket is said */
	bool shared_catalogue;
	Jsonb *options;
	int deployed; /* version number; 0: none yet */

	/* identity of the row this was parsed from, for session caches */
	TransactionId row_xmin;
	ItemPointerData row_tid;
} RecoDefinition;

/* A row of reco.version. */
typedef struct RecoVersion
{
	pg_uuid_t recommender;
	int number;
	pg_uuid_t key;
	int format;
	char *algorithm;
	Oid user_type; /* declared types of the key columns when it was learned */
	Oid item_type;
	bool has_as_of;
	TimestampTz as_of;
	int64 n_users;
	int64 n_items;
	int64 n_interactions;
	Jsonb *options; /* every learning option as resolved, defaults included */
	Jsonb *metrics;
	Jsonb *tensors; /* array of {name, type, rows, columns}; owned by store/ */
} RecoVersion;

/* One entry of a version's list of chunks. */
typedef struct RecoChunkRef
{
	char *tensor;
	int chunk;
	uint8 digest[32]; /* SHA-256 of the data */
} RecoChunkRef;

/*
 * reco_catalog_find gives the definition of the named recommender, or for
 * NULL the one an unnamed call means (DESIGN 2; find.c says who may be
 * trusted): reco.default_recommender, else the only one of the caller's own
 * side.  Errors: ERRCODE_UNDEFINED_OBJECT (hint names near ones that the
 * caller may use), ERRCODE_AMBIGUOUS_PARAMETER when several qualify.  Reads in
 * the active snapshot.  Cached for the session, checked against the row each
 * call; the result is valid until the end of the transaction.  It says
 * nothing about rights: require_owner or require_reader must follow.
 */
extern const RecoDefinition *reco_catalog_find(const char *name);

/*
 * reco_catalog_find_owned is the same for what learns and measures: NULL never means one that only reads the caller's tables,
 * and the caller must have the privileges of the owner (ERRCODE_INSUFFICIENT_PRIVILEGE).
 */
extern const RecoDefinition *reco_catalog_find_owned(const char *name);

/* reco_catalog_find_by_key is the same by key; NULL when it is gone.  Always reads the row. */
extern const RecoDefinition *reco_catalog_find_by_key(const pg_uuid_t *key);

/* reco_catalog_copy copies a definition into the current memory context, to keep across commits. */
extern RecoDefinition *reco_catalog_copy(const RecoDefinition *definition);

/*
 * Columns of a stored definition, in the order of the table.  The first four
 * and the last are reco's own; the others are arguments of create_recommender
 * or follow from them.
 */
typedef enum RecoField
{
	RECO_FIELD_KEY,
	RECO_FIELD_NAME,
	RECO_FIELD_OWNER,
	RECO_FIELD_CREATED_AT,
	RECO_FIELD_ALGORITHM,
	RECO_FIELD_FEEDBACK,
	RECO_FIELD_INTERACTIONS,
	RECO_FIELD_INTERACTIONS_NAME,
	RECO_FIELD_USER_COLUMN,
	RECO_FIELD_ITEM_COLUMN,
	RECO_FIELD_EVENT_COLUMN,
	RECO_FIELD_EVENT_WEIGHTS,
	RECO_FIELD_VALUE_COLUMN,
	RECO_FIELD_TIME_COLUMN,
	RECO_FIELD_HALF_LIFE,
	RECO_FIELD_ITEMS,
	RECO_FIELD_ITEMS_NAME,
	RECO_FIELD_ITEM_KEY,
	RECO_FIELD_ITEM_LABEL,
	RECO_FIELD_ITEM_FEATURES,
	RECO_FIELD_ITEMS_TIME_COLUMN,
	RECO_FIELD_USERS,
	RECO_FIELD_USERS_NAME,
	RECO_FIELD_USER_KEY,
	RECO_FIELD_USER_FEATURES,
	RECO_FIELD_PROTECTED,
	RECO_FIELD_SHARED_CATALOGUE,
	RECO_FIELD_OPTIONS,
	RECO_FIELD_DEPLOYED,
	RECO_FIELD_REVIEWS,
	RECO_FIELD_REVIEWS_NAME,
	RECO_FIELD_REVIEWS_ITEM_COLUMN,
	RECO_FIELD_REVIEWS_USER_COLUMN,
	RECO_FIELD_REVIEW_ASPECTS,
	RECO_FIELD_REVIEW_MIN,
	RECO_FIELD_REVIEW_PEOPLE,
	RECO_FIELDS
} RecoField;

/* A row of reco.recommender as it is stored; for the functions that define. */
typedef struct RecoRow
{
	Datum value[RECO_FIELDS];
	bool isnull[RECO_FIELDS];
} RecoRow;

/*
 * reco_catalog_read_row gives the row of a name in the current context, not
 * bound to relations; NULL when there is none and missing_ok, else raises as
 * find does.  reco_catalog_lock_row gives its newest committed state, locked
 * against other changes until the transaction ends.
 */
extern RecoRow *reco_catalog_read_row(const char *name, bool missing_ok);
extern RecoRow *reco_catalog_lock_row(const RecoRow *row);

/*
 * reco_catalog_parse makes a definition of a row in the current context, not
 * bound.  Errors (ERRCODE_INVALID_PARAMETER_VALUE) for event weights that are
 * no object of finite numbers and a half-life that is not positive.
 */
extern RecoDefinition *reco_catalog_parse(const RecoRow *row);

/* reco_catalog_name_taken raises the error for a name that another recommender has. */
pg_noreturn extern void reco_catalog_name_taken(const char *name);

/*
 * reco_catalog_insert_row stores a new definition, reco_catalog_update_row all
 * but key, created_at and deployed of one (both ERRCODE_DUPLICATE_OBJECT when
 * another session has taken the name), reco_catalog_delete_row removes it with all that hangs on it.
 */
extern void reco_catalog_insert_row(const RecoRow *row);
extern void reco_catalog_update_row(const RecoRow *row);
extern void reco_catalog_delete_row(const RecoRow *row);

/* reco_catalog_relation_named gives the relation of a name, whoever may use it; InvalidOid when there is none. */
extern Oid reco_catalog_relation_named(const char *schema, const char *name);

/* reco_catalog_relation_name gives the quoted, qualified name of a relation; NULL when it is gone. */
extern char *reco_catalog_relation_name(Oid relid);

/* reco_catalog_random_key makes a random (version 4) uuid. */
extern void reco_catalog_random_key(pg_uuid_t *key);

/*
 * reco_catalog_nearest gives the candidate (of char *) nearest to a misspelt
 * name, or NULL when none is near.
 */
extern const char *reco_catalog_nearest(const char *name, List *candidates);

/* reco_catalog_bind_column resolves one column of a bound relation; argument is the argument of create_recommender that names it. */
extern void reco_catalog_bind_column(const RecoDefinition *definition, const RecoRelation *relation,
									 RecoColumn *column, const char *argument);

/* reco_catalog_may_select says whether the caller has SELECT on a column, and USAGE on its schema. */
extern bool reco_catalog_may_select(Oid relid, AttrNumber attnum);

/* reco_catalog_may_select_all says the same of the whole relation. */
extern bool reco_catalog_may_select_all(Oid relid);

/*
 * reco_catalog_is_row_secured says whether row-level security restricts what the caller reads of a relation: its own, or
 * that of a table beneath a view.  What functions within a view read is not known.
 */
extern bool reco_catalog_is_row_secured(Oid relid);

/*
 * reco_catalog_bind resolves relations and columns as they are now and fills
 * attnum, type, sql_name.  A relation that is gone, renamed or replaced, and a
 * column that is gone, are ERRCODE_UNDEFINED_TABLE / _COLUMN with a hint that
 * names alter_recommender.  reco_catalog_find has done it already.
 */
extern void reco_catalog_bind(RecoDefinition *definition);

/* reco_catalog_require_owner raises ERRCODE_INSUFFICIENT_PRIVILEGE unless the caller has the privileges of the owner. */
extern void reco_catalog_require_owner(const RecoDefinition *definition);

/* reco_catalog_require_reader raises unless the caller has SELECT on every mapped interactions column. */
extern void reco_catalog_require_reader(const RecoDefinition *definition);

/* reco_catalog_may_use says without raising whether one of the two above holds; false when there is no such key. */
extern bool reco_catalog_may_use(const pg_uuid_t *key);

/*
 * reco_catalog_version gives a version by number; NULL when there is none.
 * reco_catalog_version_numbers lists those that are kept, newest first.
 * reco_catalog_deployed gives the deployed one, or raises
 * ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE with the hint to CALL reco.refresh().
 * Both refuse an unknown format (ERRCODE_FEATURE_NOT_SUPPORTED) and, deployed
 * only, key columns whose type has changed kind since (ERRCODE_DATATYPE_MISMATCH).
 * Cached for the session by key like definitions.
 */
extern const RecoVersion *reco_catalog_version(const RecoDefinition *definition, int number);
extern const RecoVersion *reco_catalog_deployed(const RecoDefinition *definition);
extern List *reco_catalog_version_numbers(const RecoDefinition *definition);

/*
 * reco_catalog_check_types raises ERRCODE_DATATYPE_MISMATCH unless the key
 * columns still are of the kinds a version was learned from, and the key of the
 * items relation of the kind of the items.
 */
extern void reco_catalog_check_types(const RecoDefinition *definition, const RecoVersion *version);

/*
 * Writing a version, all in the caller's transaction: chunks first (a digest
 * that is there already is kept), then the version with its list, then deploy,
 * then prune.  reco_catalog_insert_version chooses the number (greatest + 1)
 * and a random key, fills them in *version, and returns with the recommender's
 * row locked FOR KEY SHARE; it raises ERRCODE_UNDEFINED_OBJECT when the
 * recommender was dropped meanwhile.  Deploying and pruning check again that
 * the caller has the privileges of the owner.
 */
extern void reco_catalog_put_chunk(const pg_uuid_t *recommender, const uint8 digest[32], const void *data,
								   Size bytes);
extern void reco_catalog_insert_version(RecoVersion *version, const RecoChunkRef *chunk, int n_chunks);
extern void reco_catalog_deploy(const RecoDefinition *definition, int number);

/*
 * reco_catalog_prune keeps the deployed version and the newest others, keep in
 * all, and deletes the rest and the chunks that no version names any more.
 */
extern void reco_catalog_prune(const RecoDefinition *definition, int keep);

/*
 * reco_catalog_hold_chunks keeps the table of chunks from being altered or dropped to the end of the transaction.  Whoever is about to take
 * another lock than PostgreSQL's and to read chunks under it waits here, where a deadlock is seen.
 */
extern void reco_catalog_hold_chunks(void);

/* reco_catalog_chunks lists a version's chunks ordered by (tensor, chunk), in the current context. */
extern RecoChunkRef *reco_catalog_chunks(const RecoVersion *version, int *n_chunks);

/*
 * reco_catalog_read_chunk gives the bytes of one chunk (a bytea in the current
 * context), or NULL when it is missing.
 */
extern bytea *reco_catalog_read_chunk(const pg_uuid_t *recommender, const uint8 digest[32]);

/* reco_catalog_version_exists says whether a version with this key is still there (for clearing cache files). */
extern bool reco_catalog_version_exists(const pg_uuid_t *version_key);

/* One measured value of an evaluation. */
typedef struct RecoMetricRow
{
	const char *model;
	const char *user_group;
	const char *item_group;
	const char *metric;
	int k;        /* 0 when the metric has no list length */
	double value; /* NaN is stored as NULL */
	double low;
	double high;
	int64 users;
} RecoMetricRow;

/* One model of an evaluation. */
typedef struct RecoEvaluationModel
{
	const char *model;
	int place;             /* 1 ... in the order of measuring */
	const char *algorithm; /* NULL of a baseline */
	Jsonb *options;        /* of learning, as resolved; NULL of a baseline */
	int share;             /* per cent of the training users that it learned from; 0 of a baseline */
	int64 rows;            /* folded rows that it learned from */
	double seconds;        /* of learning */
} RecoEvaluationModel;

/* How one model differs from another in one metric, over all users. */
typedef struct RecoDifferenceRow
{
	const char *model;
	const char *versus;
	const char *metric;
	int k;
	double value; /* of model minus that of versus */
	double low;
	double high;
} RecoDifferenceRow;

/*
 * reco_catalog_insert_evaluation stores an evaluation and gives its id;
 * _insert_evaluation_model one of its models with its values, _insert_differences how they
 * differ.  Each checks that the recommender is still there.
 */
extern int64 reco_catalog_insert_evaluation(const RecoDefinition *definition, const char *command,
											const char *split, Jsonb *options, Jsonb *counts);
extern void reco_catalog_insert_evaluation_model(const RecoDefinition *definition, int64 id,
												 const RecoEvaluationModel *model, const RecoMetricRow *row,
												 int n_rows);
extern void reco_catalog_insert_differences(const RecoDefinition *definition, int64 id,
											const RecoDifferenceRow *row, int n_rows);

/* A setting that reco.tune() has tried. */
typedef struct RecoTrial
{
	int64 id;
	int place;       /* of the setting in the search, 0: the present one */
	int share;       /* per cent of the training users that it learned from */
	Jsonb *drawn;    /* options over those of the definition; NULL: none */
	Jsonb *resolved; /* every learning option as it was learned with */
	const char *metric;
	int k; /* 0 when the metric has no list length */
	double value;
	double low;
	double high;
	double gain; /* over the present setting; NaN when it is not known, as the next two */
	double gain_low;
	double gain_high;
	double seconds;
	int n_resampled;
	double *resampled; /* [n_resampled] values over resamples of the test users */
} RecoTrial;

/*
 * reco_catalog_insert_trial stores a trial and gives its id; digest says of which data and
 * search.  reco_catalog_find_trial fills the trial of that place and share, in the current context; false when
 * there is none.  reco_catalog_trial_options says whose a trial is, and its options.
 */
extern int64 reco_catalog_insert_trial(const RecoDefinition *definition, const char *digest,
									   const RecoTrial *trial);
extern bool reco_catalog_find_trial(const RecoDefinition *definition, const char *digest, RecoTrial *trial);
extern bool reco_catalog_trial_options(int64 id, pg_uuid_t *recommender, char **algorithm, Jsonb **options);

/* A row of reco.reason_template. */
typedef struct RecoTemplateRow
{
	char *kind;
	char *lang;
	int variant;
	char *pattern;
	int min_evidence;
	double weight;
	bool builtin;
} RecoTemplateRow;

/* reco_catalog_templates gives all of them in their newest state, by (kind, lang, variant, builtin), in the current context. */
extern RecoTemplateRow *reco_catalog_templates(int *n);

/*
 * reco_catalog_templates_watch begins to notice changes of the table and gives a number
 * for its state, to be taken before reading; reco_catalog_templates_current says whether nothing
 * has changed since.  reco_catalog_templates_changed is for whoever changes rows.
 */
extern uint64 reco_catalog_templates_watch(void);
extern bool reco_catalog_templates_current(uint64 seen);
extern void reco_catalog_templates_changed(void);

/*
 * reco_catalog_lock takes the session-level lock that excludes refreshes of
 * one recommender from each other and from drop; raises
 * ERRCODE_LOCK_NOT_AVAILABLE at once when another session holds it.  It
 * outlives commits; PostgreSQL frees it when the transaction aborts.  In a
 * subtransaction, where nothing can commit and a caught error would leave a
 * session-level lock behind, it is a lock of the transaction instead.
 * reco_catalog_unlock turns it into one of the current transaction, so that
 * the next refresh sees what this one has done.  reco_catalog_lock_in_transaction
 * takes it for the transaction alone, for drop; reco_catalog_lock_redefinition
 * does so for alter, and excludes refreshes and drops only: what was
 * learned from one definition must not be deployed under another.
 */
extern void reco_catalog_lock(const RecoDefinition *definition);
extern void reco_catalog_unlock(const RecoDefinition *definition);
extern void reco_catalog_lock_in_transaction(const RecoDefinition *definition);
extern void reco_catalog_lock_redefinition(const RecoDefinition *definition);

/* reco_catalog_bind_reviews checks that the reviews relation, if there is one, is there as recorded; the hint is set_reviews. */
extern void reco_catalog_bind_reviews(RecoDefinition *definition);

/*
 * reco_catalog_begin_query / _end_query bracket SQL that reco generates over
 * user relations: search_path = pg_catalog, pg_temp in a nested GUC level (an
 * error unwinds it).  The user id is left alone: such SQL runs as the caller.
 */
extern int reco_catalog_begin_query(void);
extern void reco_catalog_end_query(int nest_level);

#endif
