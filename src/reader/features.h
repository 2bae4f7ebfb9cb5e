/*
 * features.h
 *	  What is known of users and items: columns of the side relations become
 *	  rows of numbers, f_i for an item and g_u for a user.
 *
 * An encoder is fitted on the rows of the users or items that have events, is stored with the version, and
 * turns a row into the same numbers ever after: learning and serving encode with one function.  Reading is as
 * the caller, in the active snapshot, with SPI connected.
 *
 * Columns of an attribute, in this order (encoder.h has the details):
 *
 *		boolean, category	a level each, weight 1; "other" for rare and unknown levels; "missing"
 *		set					a level each, weight 1/sqrt(n) for n distinct elements; "other"; "missing"
 *		number, time		the value, robustly standardised, within [-3, 3]; "missing"
 *		bands				a level for each quantile band of a number; "missing"
 *		vector				the components, centred, of mean square norm 1; "missing"
 *		text				topics: TF-IDF reduced by a truncated SVD, of mean square norm 1; "missing"
 *
 * Missing are NULL, NaN, an empty set or text, and a key without a row.  There is no column of ones.
 */
#ifndef RECO_READER_FEATURES_H
#define RECO_READER_FEATURES_H

#include "postgres.h"

#include "catalog/catalog.h"
#include "kernel/csr.h"
#include "reader/key.h"

typedef enum RecoSide
{
	RECO_SIDE_ITEM,
	RECO_SIDE_USER
} RecoSide;

/* The values are stored. */
typedef enum RecoFeatureKind
{
	RECO_FEATURE_BOOLEAN = 1,
	RECO_FEATURE_CATEGORY,
	RECO_FEATURE_SET,
	RECO_FEATURE_NUMBER,
	RECO_FEATURE_TIME,
	RECO_FEATURE_BANDS,
	RECO_FEATURE_VECTOR,
	RECO_FEATURE_TEXT
} RecoFeatureKind;

/* What a column of the encoded rows stands for. */
typedef enum RecoColumnRole
{
	RECO_ROLE_VALUE, /* a number, a component, a topic */
	RECO_ROLE_LEVEL,
	RECO_ROLE_OTHER,
	RECO_ROLE_MISSING
} RecoColumnRole;

typedef struct RecoEncoder RecoEncoder;

/* Encoded rows.  matrix is [n x reco_encoder_n_columns]: weights, never 0, of either sign; columns ascend within a row; no target. */
typedef struct RecoFeatures
{
	RkCsr matrix;
	const RecoEncoder *encoder;
	bool *found; /* [n], whether the key has a row that the caller sees; the others are all "missing" */
} RecoFeatures;

/* One column of the encoded rows, for explanations. */
typedef struct RecoEncoderColumn
{
	int attribute;    /* position among the features of the definition */
	const char *name; /* of the relation's column */
	RecoFeatureKind kind;
	RecoColumnRole role;
	char *
		level; /* of a level: "Books", "true", "10 to 20"; of a topic its heaviest words; of a component its number; else NULL */
	const char *from; /* of a band: where it begins and ends, NULL: nowhere; both NULL of what is no band */
	const char *to;
} RecoEncoderColumn;

/*
 * reco_features_check raises unless the features that a definition names can be encoded: ERRCODE_DATATYPE_MISMATCH
 * for a type that cannot be, ERRCODE_INVALID_PARAMETER_VALUE for bad options ("features" in options), ERRCODE_UNDEFINED_COLUMN.
 */
extern void reco_features_check(const RecoDefinition *definition);

/* reco_features_named says whether the definition names features of a side. */
extern bool reco_features_named(const RecoDefinition *definition, RecoSide side);

/*
 * reco_features_learn fits an encoder on the rows of the given keys and encodes them, in the current context; NULL where
 * the definition names no features of the side.  Row r is that of key r.  On the user side levels
 * of fewer than min_group + 1 users are pooled.  The result depends on the set of rows alone; of several rows with one
 * key, one is taken, always the same.  Errors: ERRCODE_DATA_EXCEPTION for vectors of different
 * lengths, ERRCODE_UNDEFINED_COLUMN with a hint that names alter_recommender for a column that is gone,
 * ERRCODE_CONFIGURATION_LIMIT_EXCEEDED where encoded rows would need more than reco.learn_memory.
 */
extern RecoFeatures *reco_features_learn(const RecoDefinition *definition, RecoSide side,
										 const RecoKeys *keys, int min_group);

/*
 * reco_encoder_rows reads n keys as they are now, in one indexed probe, and encodes them, in the current
 * context.  A vector of another length than the encoder's is missing, an unknown level is "other".  An attribute whose column is gone, or
 * has become of another kind, has no entries, not even "missing", and a WARNING says so (reco_sources_find); where all are, no key has a row.
 */
extern RecoFeatures *reco_encoder_rows(const RecoDefinition *definition, const RecoEncoder *encoder,
									   RecoSide side, const RecoKey *key, int n);

/*
 * reco_reader_tells_versions says whether what an encoder makes of an item follows from the version of its row alone, and the caller may
 * ask for that version (row_version.c says when).  If so the relation is locked until the end of the
 * transaction, so that nobody writes it anew meanwhile.
 */
extern bool reco_reader_tells_versions(const RecoDefinition *definition, const RecoEncoder *encoder);

/* What a caller may do with what an encoder was fitted on. */
typedef enum RecoAccess
{
	RECO_ACCESS_DENIED, /* some column, or the key, may not be read */
	RECO_ACCESS_GONE,   /* a column is gone: nothing of it is shown, and the others are read */
	RECO_ACCESS_GRANTED
} RecoAccess;

/* reco_encoder_access says whether the caller may read the key of a side and every column that an encoder was fitted on, whatever the definition names by now. */
extern RecoAccess reco_encoder_access(const RecoDefinition *definition, const RecoEncoder *encoder,
									  RecoSide side);

/* reco_encoder_may_show says whether the caller may read the column of a relation that an attribute was fitted on: no, where it is gone. */
extern bool reco_encoder_may_show(const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side,
								  int attribute);

/* reco_encoder_fits says whether all columns of an encoder are there and of their kinds, so that reco_encoder_rows reads them all. */
extern bool reco_encoder_fits(const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side);

/* reco_encoder_lost names the columns of an encoder, and their number, that are not: they say nothing of anybody. */
extern const char **reco_encoder_lost(const RecoDefinition *definition, const RecoEncoder *encoder,
									  RecoSide side, int *n);

/* Shape and meaning of encoded rows; the column is made in the current context. */
extern size_t reco_encoder_n_columns(const RecoEncoder *encoder);
extern RecoEncoderColumn reco_encoder_column(const RecoEncoder *encoder, size_t column);

/* reco_encoder_role gives what a column is, without making anything. */
extern RecoColumnRole reco_encoder_role(const RecoEncoder *encoder, size_t column);

/* reco_encoder_attribute_of gives the position of the attribute that a column belongs to, without making anything. */
extern int reco_encoder_attribute_of(const RecoEncoder *encoder, size_t column);

/* Names of kinds and roles for users: "category", "other", ... */
extern const char *reco_feature_kind_name(RecoFeatureKind kind);
extern const char *reco_column_role_name(RecoColumnRole role);

/*
 * reco_encoder_write gives the stored form (encoder_bytes.c draws it) in the current context.  reco_encoder_read is its
 * inverse; the encoder is in the current context and points into the bytes.  Raises ERRCODE_DATA_CORRUPTED
 * for bytes whose lengths do not fit, which takes no time; reco_encoder_check looks at the values, once for a version, and
 * raises ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE where they are texts of a database of another encoding.
 */
extern const char *reco_encoder_write(const RecoEncoder *encoder, size_t *n_bytes);
extern RecoEncoder *reco_encoder_read(const char *bytes, size_t n_bytes);
extern void reco_encoder_check(const RecoEncoder *encoder);

#endif
