/*
 * fit.h
 *	  Private to the encoding of attributes: what is gathered of the rows of one
 *	  attribute before its encoder is known.
 *
 * Everything gathered is a count or is put in order before it is summed, so that nothing depends
 * on the order of rows.
 */
#ifndef RECO_READER_FIT_H
#define RECO_READER_FIT_H

#include "postgres.h"

#include "reader/encoder.h"
#include "reader/keymap.h"

typedef struct RecoFit
{
	RecoAttribute *attribute;
	RecoFeatureOptions options;
	int group; /* min_group on the user side, else 0 */
	size_t n;  /* rows with a value */

	/* number, time, bands: the finite values */
	double *value;
	size_t n_values;
	size_t capacity;

	/* boolean, category, set: how many rows have each level */
	RecoKeymap *map;
	uint32 *count;
	size_t n_counts;
	size_t n_long;     /* values too long for a level */
	uint64 characters; /* of all values */

	/* vector */
	int shortest;
	int longest;
} RecoFit;

/* reco_fit_begin prepares to gather, in the current context. */
extern void reco_fit_begin(RecoFit *fit, RecoAttribute *attribute, const RecoFeatureOptions *options,
						   int group);

/* reco_fit_take gathers the value of one row; what is kept is in the fit's context, what is temporary in the current one. */
extern void reco_fit_take(RecoFit *fit, const RecoRaw *raw, MemoryContext context);

/* reco_fit_count counts a row that has the level, or the term, of a number of the map. */
extern void reco_fit_count(RecoFit *fit, uint32 number, MemoryContext context);

/* reco_fit_text counts the terms of a text, each once; false when it has none. */
extern bool reco_fit_text(RecoFit *fit, RecoPiece piece, MemoryContext context);

/* reco_fit_idf weighs the terms of the vocabulary, of which count[t] texts have term t, and decides how many topics there are. */
extern void reco_fit_idf(RecoFit *fit, const uint32 *count, MemoryContext result);

/* Texts as terms and weights, in the order of keys. */
typedef struct RecoTextRows
{
	size_t n;
	const RecoEntries *entries;
	size_t *start; /* [n] */
	size_t *end;
	uint64 *hash; /* [n], of the key */
} RecoTextRows;

/* reco_fit_topics gives a text attribute basis and scale. */
extern void reco_fit_topics(RecoAttribute *attribute, const RecoTextRows *rows, MemoryContext result);

/*
 * reco_fit_finish fills in the parameters of the attribute, in the context "result": all but mean, basis and scale of
 * vectors and texts.
 * Raises ERRCODE_DATA_EXCEPTION for vectors of different lengths.
 */
extern void reco_fit_finish(RecoFit *fit, MemoryContext result);

/* reco_fit_vectors gives a vector attribute mean and scale: component is [n x dimensions], in the order of keys. */
extern void reco_fit_vectors(RecoAttribute *attribute, const float *const *row, size_t n,
							 MemoryContext result);

#endif
