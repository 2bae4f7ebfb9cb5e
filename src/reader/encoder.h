/*
 * encoder.h
 *	  Private to the encoding of attributes: what an encoder holds, and one row
 *	  on its way through it.
 *
 *	feature_options.c	the "features" of a definition's options
 *	attribute.c			a column's type and options decide how it is encoded and read
 *	row_version.c		when the version of a row tells what it becomes
 *	raw.c				a row of the relation becomes raw values
 *	encode.c			raw values become entries of a row
 *	encode_text.c		texts become topics
 *	fit.c				rows become the parameters of an encoder
 *	features.c			learning: reads the relation, fits and encodes
 *	features_read.c		serving: reads a few keys and encodes them; the queries of both
 *	sources.c			how the attributes of an encoder are read, kept for the session
 *	encoder_bytes.c		stored form
 */
#ifndef RECO_READER_ENCODER_H
#define RECO_READER_ENCODER_H

#include "postgres.h"

#include "executor/tuptable.h"

#include "reader/features.h"

/* Levels and elements longer than this are never levels of their own, so that dictionaries are bounded. */
#define RECO_LEVEL_BYTES 200

/* Standardised numbers end here. */
#define RECO_NUMBER_BOUND 3.0

/* Limits of options, and of what is read back. */
#define RECO_MOST_LEVELS 100000
#define RECO_MOST_BANDS 100
#define RECO_MOST_DIMENSIONS 16384
#define RECO_MOST_TOPICS 256
#define RECO_MOST_TERMS 200000

/* How a column is to be encoded: the options of one feature, defaults filled in. */
typedef struct RecoFeatureOptions
{
	bool text;
	bool category;
	char *delimiter; /* NULL: the text is one level */
	int bands;       /* 0: a number is standardised */
	int levels;      /* at most so many */
	int min_count;   /* of a level */
	int dimensions;  /* of a text */
	int vocabulary;  /* terms of a text, at most */
} RecoFeatureOptions;

/* How values of a column are read. */
typedef enum RecoRawForm
{
	RECO_RAW_BYTES,     /* text */
	RECO_RAW_FLOAT,     /* float8 */
	RECO_RAW_NUMERIC,   /* numeric, which may be beyond float8 */
	RECO_RAW_INTERVAL,  /* interval, in seconds; a month is 30 days, as where intervals are compared */
	RECO_RAW_DATE,      /* date */
	RECO_RAW_TIMESTAMP, /* timestamp or timestamptz, in microseconds */
	RECO_RAW_ELEMENTS,  /* text[] */
	RECO_RAW_REALS,     /* real[] */
	RECO_RAW_DOUBLES,   /* float8[] */
	RECO_RAW_NUMERICS   /* numeric[] */
} RecoRawForm;

/*
 * An attribute of an encoder.  Its columns are first ... first + n - 1; the last is "missing", and that before it
 * "other" where there are levels.
 */
typedef struct RecoAttribute
{
	char *name;
	RecoFeatureKind kind;
	size_t first;
	size_t n;
	bool keeps_missing; /* user side: enough users for a level of their own; else no entry */
	bool keeps_other;

	/* boolean, category, set: the levels; text: the terms, in UTF-8.  Sorted by bytes. */
	RecoKeys level;
	char *delimiter; /* set of a delimited text; NULL otherwise */

	/* number, time: (x - center) * scale; a scale of 0 makes the value constant */
	double center;
	double scale; /* vector, text: of all components */

	/* bands: edges between them [n - 2], ascending; a value belongs to the band after the greatest edge that is <= it */
	const double *edge;

	/* vector, text: components without "missing" */
	size_t dimensions;
	const float *mean;  /* vector [dimensions] */
	const float *idf;   /* text [level.n] */
	const float *basis; /* text [level.n x dimensions] */
} RecoAttribute;

struct RecoEncoder
{
	int encoding; /* of levels, names and delimiters */
	int n_attributes;
	RecoAttribute *attribute; /* [n_attributes] */
	size_t n_columns;
};

/* A run of bytes. */
typedef struct RecoPiece
{
	const char *bytes;
	uint32 length;
} RecoPiece;

/* Positions among the levels of a value that is none of them. */
#define RECO_NO_LEVEL PG_UINT32_MAX

/*
 * The value of one attribute of one row: as read, in the memory of the row's context, or as it was kept while learning
 * (fit.h), where levels and terms have been found already.
 */
typedef struct RecoRaw
{
	bool missing;
	double number;      /* number, time, bands: finite or infinite, never NaN */
	RecoPiece piece;    /* category, boolean, text */
	int n;              /* of element, level or component */
	RecoPiece *element; /* set: sorted by bytes, distinct */
	float *component;   /* vector; of the terms of a text that was kept: their weights */
	const uint32
		*level; /* kept: positions of piece, elements or terms among the levels, ascending; else NULL */
} RecoRaw;

/* Entries of rows being made. */
typedef struct RecoEntries
{
	size_t n;
	size_t capacity;
	uint32 *index;
	float *weight;
} RecoEntries;

/* How one column is read. */
typedef struct RecoSource
{
	Oid type; /* of the column; InvalidOid where it is gone */
	char *
		expression; /* SQL; NULL where the column is gone, or is not what was learned: then it is not read, and says nothing */
	RecoRawForm form;
} RecoSource;

/* feature_options.c */

/* reco_feature_options reads the options of one feature; group is min_group on the user side, 0 on that of items. */
extern RecoFeatureOptions reco_feature_options(const RecoDefinition *definition, const char *name, int group);

/* reco_feature_options_check raises for options of columns that are no features. */
extern void reco_feature_options_check(const RecoDefinition *definition);

/* attribute.c */

/* reco_attribute_plan decides how a column is encoded (name, kind, delimiter) and read. */
extern void reco_attribute_plan(const RecoDefinition *definition, RecoSide side, const char *name,
								const RecoFeatureOptions *options, RecoAttribute *attribute,
								RecoSource *source);

/* reco_attribute_source says how the column of a fitted attribute is read as it is now, if it still can be. */
extern RecoSource reco_attribute_source(const RecoDefinition *definition, RecoSide side,
										const RecoAttribute *attribute);

/* reco_source_asks_settings says whether settings of the session decide how a column's values are written as texts: times, and numbers with a point. */
extern bool reco_source_asks_settings(const RecoSource *source);

/* reco_attribute_is_fixed says whether what is read of a column's value depends on the value alone, and on no names of a type. */
extern bool reco_attribute_is_fixed(Oid type, RecoRawForm form);

/* features_read.c: the relation and key column of a side. */
extern const RecoRelation *reco_feature_side(const RecoDefinition *definition, RecoSide side,
											 const RecoColumn **key);

/* Which rows a query reads: all, those of one key ($1), those of an array of keys ($1). */
typedef enum RecoFeatureRows
{
	RECO_FEATURES_OF_ALL,
	RECO_FEATURES_OF_ONE,
	RECO_FEATURES_OF_SOME
} RecoFeatureRows;

/* reco_feature_sql writes the query of the key and n attributes of rows. */
extern char *reco_feature_sql(const RecoDefinition *definition, RecoSide side, const RecoSource *source,
							  int n, RecoFeatureRows rows);

/*
 * reco_feature_pin_settings makes what settings of the session would decide how to write be written by one setting, until the reading that has
 * begun ends: so a level has one name whoever calls.  The settings are those that dumps are written with.
 */
extern void reco_feature_pin_settings(const RecoSource *source, int n);

/* reco_feature_raws reads the attributes of a row, whose key comes first, into raw. */
extern void reco_feature_raws(const RecoEncoder *encoder, const RecoSource *source, TupleTableSlot *slot,
							  RecoRaw *raw);

/* reco_feature_hash hashes a row. */
extern uint64 reco_feature_hash(const RecoEncoder *encoder, const RecoRaw *raw);

/* sources.c */

/*
 * reco_sources_find says how each attribute of an encoder is read as its column is now, and gives the query of one key, NULL where no
 * attribute can be read.  Both are good until the next call of it or the next query.  Where attributes cannot be read any more it WARNs,
 * once a session for each (ERRCODE_UNDEFINED_COLUMN, ERRCODE_DATATYPE_MISMATCH).
 */
extern const RecoSource *reco_sources_find(const RecoDefinition *definition, const RecoEncoder *encoder,
										   RecoSide side, const char **sql);

/* raw.c */

/* reco_raw_read reads an attribute's value; piece, element and component are in the current context. */
extern RecoRaw reco_raw_read(const RecoAttribute *attribute, RecoRawForm form, Datum value, bool isnull);

/* reco_raw_hash mixes a value into the hash of a row. */
extern uint64 reco_raw_hash(uint64 seed, const RecoRaw *raw);

/* encode.c */

/* reco_entries_reserve makes room for entries in the current context; reco_entries_push appends one, and makes room where there is none. */
extern void reco_entries_reserve(RecoEntries *entries, size_t n);
extern void reco_entries_push(RecoEntries *entries, size_t column, float weight);

/* reco_attribute_pools says whether an attribute has a column "other". */
extern bool reco_attribute_pools(const RecoAttribute *attribute);

/* reco_encoder_keeps says whether entries of a column are written at all: see keeps_missing and keeps_other. */
extern bool reco_encoder_keeps(const RecoEncoder *encoder, size_t column);

/* reco_attribute_encode appends the entries of one attribute. */
extern void reco_attribute_encode(const RecoAttribute *attribute, const RecoRaw *raw, RecoEntries *entries);

/*
 * reco_text_terms appends the terms of a text, ascending, with their weights, of norm 1, in the current context; none for a text
 * without any known term.  reco_text_weigh makes such weights of the occurrences of n terms.
 * reco_text_encode appends the topics of such terms; reco_text_label names a topic by its heaviest words.
 */
extern void reco_text_terms(const RecoAttribute *attribute, RecoPiece text, RecoEntries *entries);
extern void reco_text_weigh(const RecoAttribute *attribute, const uint32 *term, float *weight, size_t n);
extern void reco_text_encode(const RecoAttribute *attribute, const uint32 *term, const float *weight,
							 size_t n, RecoEntries *into);
extern char *reco_text_label(const RecoAttribute *attribute, size_t topic);

/* reco_encoder_lay_out gives every attribute its columns: levels, edges and dimensions are known. */
extern void reco_encoder_lay_out(RecoEncoder *encoder);

/* reco_attribute_find gives the position of a level or term, or -1. */
extern int64 reco_attribute_find(const RecoAttribute *attribute, RecoPiece piece);

#endif
