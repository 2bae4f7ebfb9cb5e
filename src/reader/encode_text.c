/*
 * encode_text.c
 *	  Free text as topics: TF-IDF over the terms of a vocabulary, reduced by a
 *	  truncated SVD (latent semantic analysis, Deerwester et al. 1990).
 *
 * With n texts of which df have a term, and tf occurrences in a text,
 *
 *		w = (1 + ln tf) ln((1 + n) / df),	x = w / |w|,	y = scale * B^T x
 *
 * where the columns of B are the first right singular vectors of the texts, and the scale makes
 * the mean square norm of y over the texts 1.  The vocabulary is the terms of at least min_count texts, at most options.vocabulary,
 * those of most texts first.  A text without any of them is missing.
 *
 * Weights are rounded to float before they are multiplied, both when they are kept while learning and when a text is
 * served, and products are summed in the order of terms: the same text has the same y to the bit.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "kernel/rng.h"
#include "kernel/svd.h"
#include "kernel/words.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "reader/fit.h"

/* Of a longer text the first megabyte counts. */
#define TEXT_BYTES (1024 * 1024)

/* Texts that the singular vectors are drawn from, at most about so many: those of least hash. */
#define SVD_TEXTS 50000
#define SVD_SEED UINT64CONST(0x746f70696373)

/* Terms between two checks for interrupts. */
#define CHECK_EVERY 65536

/* Heaviest words that name a topic. */
#define LABEL_TERMS 3

/* begin_text starts to take a text of the database's encoding apart; gives what is to be freed afterwards, or NULL. */
static char *
begin_text(RkWords *words, RecoPiece text)
{
	char *converted;
	int length;

	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
	{
		rk_words_begin(words, text.bytes, Min(text.length, TEXT_BYTES));
		return NULL;
	}
	length = pg_mbcliplen(text.bytes, (int) text.length, TEXT_BYTES);
	converted = pg_server_to_any(text.bytes, length, PG_UTF8);
	rk_words_begin(words, converted, converted != text.bytes ? strlen(converted) : (size_t) length);
	return converted != text.bytes ? converted : NULL;
}

/* A growing list of numbers. */
typedef struct Numbers
{
	uint32 *number;
	size_t n;
	size_t capacity;
} Numbers;

static void
add_number(Numbers *list, uint32 number)
{
	if (list->n == list->capacity)
	{
		list->capacity = Max(2 * list->capacity, 256);
		list->number = list->number == NULL
						   ? palloc_extended(list->capacity * sizeof(uint32), MCXT_ALLOC_HUGE)
						   : repalloc_huge(list->number, list->capacity * sizeof(uint32));
	}
	if (list->n % CHECK_EVERY == 0)
		CHECK_FOR_INTERRUPTS();
	list->number[list->n++] = number;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint32 x = *(const uint32 *) a;
	uint32 y = *(const uint32 *) b;

	return (x > y) - (x < y);
}

/* end_of_run gives where the occurrences of a number end in a sorted list. */
static size_t
end_of_run(const Numbers *list, size_t i)
{
	size_t end = i + 1;

	while (end < list->n && list->number[end] == list->number[i])
		end++;
	return end;
}

bool
reco_fit_text(RecoFit *fit, RecoPiece piece, MemoryContext context)
{
	char term[RK_WORD_BYTES];
	RecoKey key = {.kind = RECO_KEY_TEXT, .bytes = term};
	Numbers list = {0};
	RkWords words;
	size_t length;

	(void) begin_text(&words, piece);
	while ((length = rk_words_next(&words, term)) > 0)
	{
		key.length = (uint32) length;
		add_number(&list, reco_keymap_number_of(fit->map, &key));
	}
	qsort(list.number, list.n, sizeof(uint32), compare_numbers);
	for (size_t i = 0, end; i < list.n; i = end)
	{
		end = end_of_run(&list, i);
		reco_fit_count(fit, list.number[i], context);
		reco_fit_keep(fit, list.number[i], (float) (end - i), context);
	}
	return list.n > 0;
}

void
reco_fit_idf(RecoFit *fit, const uint32 *count, MemoryContext result)
{
	RecoAttribute *attribute = fit->attribute;
	float *idf = MemoryContextAllocHuge(result, Max(attribute->level.n, 1) * sizeof(float));

	for (size_t t = 0; t < attribute->level.n; t++)
		idf[t] = (float) log((1.0 + (double) fit->n) / (double) count[t]);
	attribute->idf = idf;
	attribute->dimensions = Min((size_t) fit->options.dimensions, Min(attribute->level.n, fit->n));
}

void
reco_text_weigh(const RecoAttribute *attribute, const uint32 *term, float *weight, size_t n)
{
	double squares = 0;

	for (size_t e = 0; e < n; e++)
	{
		double w = (1 + log((double) weight[e])) * (double) attribute->idf[term[e]];

		squares += w * w;
		weight[e] = (float) w;
	}
	for (size_t e = 0; e < n; e++)
		weight[e] = (float) ((double) weight[e] / sqrt(squares));
}

void
reco_text_terms(const RecoAttribute *attribute, RecoPiece text, RecoEntries *entries)
{
	Numbers list = {0};
	RkWords words;
	char term[RK_WORD_BYTES];
	size_t length;
	size_t first = entries->n;
	char *converted = begin_text(&words, text);

	while ((length = rk_words_next(&words, term)) > 0)
	{
		int64 found = reco_attribute_find(attribute, (RecoPiece){term, (uint32) length});

		if (found >= 0)
			add_number(&list, (uint32) found);
	}
	qsort(list.number, list.n, sizeof(uint32), compare_numbers);
	for (size_t i = 0, end; i < list.n; i = end)
	{
		end = end_of_run(&list, i);
		reco_entries_push(entries, list.number[i], (float) (end - i));
	}
	reco_text_weigh(attribute, entries->index + first, entries->weight + first, entries->n - first);
	if (list.number != NULL)
		pfree(list.number);
	if (converted != NULL)
		pfree(converted);
}

/* project computes B^T x in double. */
static void
project(const RecoAttribute *attribute, const uint32 *term, const float *weight, size_t n, double *y)
{
	size_t d = attribute->dimensions;

	memset(y, 0, d * sizeof(double));
	for (size_t e = 0; e < n; e++)
	{
		const float *basis = attribute->basis + term[e] * d;

		for (size_t c = 0; c < d; c++)
			y[c] += (double) weight[e] * (double) basis[c];
	}
}

void
reco_text_encode(const RecoAttribute *attribute, const uint32 *term, const float *weight, size_t n,
				 RecoEntries *into)
{
	double y[RECO_MOST_TOPICS];

	project(attribute, term, weight, n, y);
	for (size_t c = 0; c < attribute->dimensions; c++)
		if ((float) (attribute->scale * y[c]) != 0)
			reco_entries_push(into, attribute->first + c, (float) (attribute->scale * y[c]));
}

/* svd_cancelled raises when there is a reason to; the kernel then never returns to the loop it asked from. */
static bool
svd_cancelled(void *arg)
{
	CHECK_FOR_INTERRUPTS();
	return false;
}

/* sample makes the matrix of the texts that the singular vectors are drawn from, in the order of keys. */
static RkCsr
sample(const RecoTextRows *rows, size_t n_terms)
{
	uint64 most = rows->n <= SVD_TEXTS ? PG_UINT64_MAX : PG_UINT64_MAX / rows->n * SVD_TEXTS;
	uint64 *offset = palloc_extended((rows->n + 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
	RecoEntries entries = {0};
	size_t n = 0;

	offset[0] = 0;
	for (size_t r = 0; r < rows->n; r++)
	{
		if (rk_hash_mix(SVD_SEED, rows->hash[r]) > most)
			continue;
		for (size_t e = rows->start[r]; e < rows->end[r]; e++)
			reco_entries_push(&entries, rows->term[e], rows->weight[e]);
		offset[++n] = entries.n;
	}
	return (RkCsr){
		.n_rows = n, .n_cols = n_terms, .offset = offset, .index = entries.index, .weight = entries.weight};
}

/* fit_scale gives the scale that makes the mean square norm 1. */
static void
fit_scale(RecoAttribute *attribute, const RecoTextRows *rows)
{
	double y[RECO_MOST_TOPICS];
	double squares = 0;

	for (size_t r = 0; r < rows->n; r++)
	{
		if (r % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		project(attribute, rows->term + rows->start[r], rows->weight + rows->start[r],
				rows->end[r] - rows->start[r], y);
		for (size_t c = 0; c < attribute->dimensions; c++)
			squares += y[c] * y[c];
	}
	attribute->scale = squares > 0 ? sqrt((double) rows->n / squares) : 0;
}

void
reco_fit_topics(RecoAttribute *attribute, const RecoTextRows *rows, MemoryContext result)
{
	size_t d = attribute->dimensions;
	size_t terms = attribute->level.n;
	float *basis = MemoryContextAllocHuge(result, Max(terms * d, 1) * sizeof(float));
	RkPoll poll = {svd_cancelled, NULL};
	double value[RECO_MOST_TOPICS];
	RkCsr texts = sample(rows, terms);
	size_t k = Min(d, texts.n_rows);
	float *vectors;
	void *scratch;
	RkStatus status;

	memset(basis, 0, terms * d * sizeof(float));
	attribute->basis = basis;
	if (k == 0)
		return;
	vectors = palloc_extended(terms * k * sizeof(float), MCXT_ALLOC_HUGE);
	scratch = palloc_extended(rk_svd_scratch_bytes(texts.n_rows, terms, k), MCXT_ALLOC_HUGE);
	status = rk_svd_right(&texts, k, SVD_SEED, vectors, value, scratch, &poll);
	if (status != RK_OK)
		elog(ERROR, "decomposing the texts of feature \"%s\" failed with status %d", attribute->name,
			 (int) status);
	for (size_t t = 0; t < terms; t++)
		memcpy(basis + t * d, vectors + t * k, k * sizeof(float));
	fit_scale(attribute, rows);
}

char *
reco_text_label(const RecoAttribute *attribute, size_t topic)
{
	StringInfoData label;
	size_t named[LABEL_TERMS];

	initStringInfo(&label);
	for (int i = 0; i < LABEL_TERMS; i++)
	{
		float heaviest = 0;

		named[i] = SIZE_MAX;
		for (size_t t = 0; t < attribute->level.n; t++)
		{
			float weight = fabsf(attribute->basis[t * attribute->dimensions + topic]);
			bool taken = false;

			for (int j = 0; j < i; j++)
				taken |= named[j] == t;
			if (!taken && weight > heaviest)
			{
				heaviest = weight;
				named[i] = t;
			}
		}
		if (named[i] != SIZE_MAX)
		{
			RecoKey key = reco_keys_get(&attribute->level, named[i]);

			if (i > 0)
				appendStringInfoString(&label, ", ");
			appendBinaryStringInfo(&label, key.bytes, (int) key.length);
		}
	}
	return GetDatabaseEncoding() == PG_SQL_ASCII ? label.data
												 : pg_any_to_server(label.data, label.len, PG_UTF8);
}
