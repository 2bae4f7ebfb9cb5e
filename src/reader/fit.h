/*
 * fit.h
 *	  Private to the encoding of attributes: what is kept of the rows of one
 *	  attribute between reading and encoding them.
 *
 * The relation is read once.  Of each row an attribute keeps what encoding needs, in the order of reading: a number as
 * it is, and of names the numbers that a map gave them, which become positions among the levels once those are chosen.
 * Everything that is fitted is a count or is put in order before it is summed, so that nothing depends
 * on the order of rows.
 */
#ifndef RECO_READER_FIT_H
#define RECO_READER_FIT_H

#include "postgres.h"

#include "reader/encoder.h"
#include "reader/keymap.h"

/* Stands for the level of a row that has no value. */
#define RECO_NO_VALUE (PG_UINT32_MAX - 1)

/* Stands for the row of a key that has none. */
#define RECO_NO_ROW PG_UINT32_MAX

/*
 * The values of the rows that were read.  Row r has the elements end[r - 1] ... end[r] - 1, or the element r where there is no end.  Once they are
 * arranged (reco_fit_arrange) rows are those of keys, and row r has the elements start[r] ... end[r] - 1.
 */
typedef struct RecoFitRows
{
	size_t n;          /* rows */
	size_t capacity;   /* of number and end */
	double *number;    /* number, time, bands: NaN where missing */
	size_t *end;       /* set, vector, text: none where missing */
	size_t *start;     /* the same, once arranged */
	size_t n_elements; /* of index and weight */
	size_t element_capacity;
	uint32 *index; /* boolean, category, set, text: a number of the map, or as in RecoRaw once fitted */
	float *weight; /* vector: components; text: occurrences, then weights */
} RecoFitRows;

typedef struct RecoFit
{
	RecoAttribute *attribute;
	RecoFeatureOptions options;
	int group; /* min_group on the user side, else 0 */
	size_t n;  /* rows with a value */
	RecoFitRows kept;

	/* boolean, category, set, text: how many rows have each level */
	RecoKeymap *map;
	uint32 *count;
	size_t n_counts;
	size_t count_capacity;
	size_t n_long;     /* values too long for a level */
	uint64 characters; /* of all values */

	/* vector */
	int shortest;
	int longest;
} RecoFit;

/* reco_fit_begin prepares to gather, in the current context. */
extern void reco_fit_begin(RecoFit *fit, RecoAttribute *attribute, const RecoFeatureOptions *options,
						   int group);

/* reco_fit_take keeps the value of one row; what is kept is in the given context, what is temporary in the current one. */
extern void reco_fit_take(RecoFit *fit, const RecoRaw *raw, MemoryContext context);

/* reco_fit_bytes is the memory of what was kept. */
extern size_t reco_fit_bytes(const RecoFit *fit);

/* reco_fit_count counts a row that has the level, or the term, of a number of the map. */
extern void reco_fit_count(RecoFit *fit, uint32 number, MemoryContext context);

/* reco_fit_keep keeps an element of the row that is being taken. */
extern void reco_fit_keep(RecoFit *fit, uint32 index, float weight, MemoryContext context);

/* reco_fit_text counts the terms of a text, each once, and keeps them; false when it has none. */
extern bool reco_fit_text(RecoFit *fit, RecoPiece piece, MemoryContext context);

/* reco_fit_idf weighs the terms of the vocabulary, of which count[t] texts have term t, and decides how many topics there are. */
extern void reco_fit_idf(RecoFit *fit, const uint32 *count, MemoryContext result);

/* Texts as terms and weights, in the order of keys. */
typedef struct RecoTextRows
{
	size_t n;
	const uint32 *term;
	const float *weight;
	size_t *start; /* [n] */
	size_t *end;
	uint64 *hash; /* [n], of the key */
} RecoTextRows;

/* reco_fit_topics gives a text attribute basis and scale. */
extern void reco_fit_topics(RecoAttribute *attribute, const RecoTextRows *rows, MemoryContext result);

/*
 * reco_fit_finish fills in the parameters of the attribute, in the context "result": all but mean, basis and scale of
 * vectors and texts.  What was kept of names becomes positions among the levels, and of texts terms and weights.
 * Raises ERRCODE_DATA_EXCEPTION for vectors of different lengths.
 */
extern void reco_fit_finish(RecoFit *fit, MemoryContext result);

/* reco_fit_vectors gives a vector attribute mean and scale: component is [n x dimensions], in the order of keys. */
extern void reco_fit_vectors(RecoAttribute *attribute, const float *const *row, size_t n,
							 MemoryContext result);

/*
 * reco_fit_arrange puts what was kept, after reco_fit_finish, in the order of n keys, of which key i has the row row_of[i], or RECO_NO_ROW and then
 * misses the value.  An attribute at a time, so that no row is looked for in the memory of all attributes.
 */
extern void reco_fit_arrange(RecoFit *fit, const uint32 *row_of, size_t n, MemoryContext context);

/* reco_fit_raw gives the value of a key, after reco_fit_arrange. */
extern RecoRaw reco_fit_raw(const RecoFit *fit, size_t key);

#endif
