/*
 * fit.c
 *	  The rows of an attribute become the parameters of its encoder.
 *
 * Numbers are standardised by their median and by 1.4826 times the median distance to it, which is the standard deviation
 * where they are normal and does not move for a tenth of outliers (Rousseeuw and Croux 1993).  Where more than half are
 * equal that is 0, and 1.2533 times the mean distance to the median takes its place.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "reader/fit.h"
#include "reco.h"

#define MAD_TO_DEVIATION 1.4826
#define MEAN_TO_DEVIATION 1.2533

/* Steps of a loop between two checks for interrupts. */
#define CHECK_EVERY 65536

/* A text of more characters than this, mostly different from row to row, is taken for prose. */
#define PROSE_CHARACTERS 40

/* Bytes that a level takes while levels are counted, about. */
#define LEVEL_MEMORY 64

void
reco_fit_begin(RecoFit *fit, RecoAttribute *attribute, const RecoFeatureOptions *options, int group)
{
	memset(fit, 0, sizeof(*fit));
	fit->attribute = attribute;
	fit->options = *options;
	fit->group = group;
	fit->shortest = PG_INT32_MAX;
	switch (attribute->kind)
	{
		case RECO_FEATURE_BOOLEAN:
			fit->options.min_count = group + 1;
			fit->map = reco_keymap_create(TEXTOID);
			break;
		case RECO_FEATURE_CATEGORY:
		case RECO_FEATURE_SET:
		case RECO_FEATURE_TEXT:
			fit->map = reco_keymap_create(TEXTOID);
			break;
		default:
			break;
	}
}

/* take_number keeps a finite number. */
static void
take_number(RecoFit *fit, double number, MemoryContext context)
{
	if (!isfinite(number))
		return;
	if (fit->n_values == fit->capacity)
	{
		fit->capacity = Max(fit->capacity + fit->capacity / 2, 1024);
		fit->value = fit->value == NULL ? MemoryContextAllocHuge(context, fit->capacity * sizeof(double))
										: repalloc_huge(fit->value, fit->capacity * sizeof(double));
	}
	fit->value[fit->n_values++] = number;
}

/* take_level counts a row that has a level. */
static void
take_level(RecoFit *fit, RecoPiece piece, MemoryContext context)
{
	fit->characters += piece.length;
	if (piece.length > RECO_LEVEL_BYTES)
	{
		fit->n_long++;
		return;
	}
	reco_fit_count(fit,
				   reco_keymap_number(
					   fit->map, PointerGetDatum(cstring_to_text_with_len(piece.bytes, (int) piece.length))),
				   context);
}

void
reco_fit_count(RecoFit *fit, uint32 number, MemoryContext context)
{
	if (number >= fit->capacity)
	{
		fit->capacity = Max(fit->capacity + fit->capacity / 2, 1024);
		fit->count = fit->count == NULL ? MemoryContextAllocHuge(context, fit->capacity * sizeof(uint32))
										: repalloc_huge(fit->count, fit->capacity * sizeof(uint32));
	}
	while (fit->n_counts <= number)
		fit->count[fit->n_counts++] = 0;
	fit->count[number]++;
	if (fit->n_counts / 1024 * LEVEL_MEMORY > (size_t) reco_learn_memory)
		ereport(
			ERROR, errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			errmsg("the different values of feature \"%s\" need more memory than reco.learn_memory (%d MB)",
				   fit->attribute->name, reco_learn_memory / 1024),
			errhint("Raise reco.learn_memory, or leave the feature out."));
}

void
reco_fit_take(RecoFit *fit, const RecoRaw *raw, MemoryContext context)
{
	if (raw->missing)
		return;
	if (fit->attribute->kind == RECO_FEATURE_TEXT)
	{
		fit->n += reco_fit_text(fit, raw->piece, context);
		return;
	}
	fit->n++;
	switch (fit->attribute->kind)
	{
		case RECO_FEATURE_BOOLEAN:
		case RECO_FEATURE_CATEGORY:
			take_level(fit, raw->piece, context);
			break;
		case RECO_FEATURE_SET:
			for (int i = 0; i < raw->n; i++)
				take_level(fit, raw->element[i], context);
			break;
		case RECO_FEATURE_NUMBER:
		case RECO_FEATURE_TIME:
		case RECO_FEATURE_BANDS:
			take_number(fit, raw->number, context);
			break;
		case RECO_FEATURE_VECTOR:
			fit->shortest = Min(fit->shortest, raw->n);
			fit->longest = Max(fit->longest, raw->n);
			break;
		case RECO_FEATURE_TEXT:
			break;
	}
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

#define ST_SORT sort_doubles
#define ST_ELEMENT_TYPE double
#define ST_COMPARE(a, b) compare_doubles(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* median gives the median of sorted numbers, n > 0: the mean of the two in the middle where n is even. */
static double
median(const double *value, size_t n)
{
	return n % 2 == 1 ? value[n / 2] : value[n / 2 - 1] / 2 + value[n / 2] / 2;
}

/* finish_number standardises robustly; a number that is the same in all rows has a scale of 0. */
static void
finish_number(RecoFit *fit)
{
	RecoAttribute *attribute = fit->attribute;
	double deviation;
	double sum = 0;

	if (fit->n_values == 0)
		return;
	sort_doubles(fit->value, fit->n_values);
	attribute->center = median(fit->value, fit->n_values);
	for (size_t i = 0; i < fit->n_values; i++)
		fit->value[i] = fabs(fit->value[i] - attribute->center);
	sort_doubles(fit->value, fit->n_values);
	for (size_t i = 0; i < fit->n_values; i++)
		sum += fit->value[i] / (double) fit->n_values;
	deviation = MAD_TO_DEVIATION * median(fit->value, fit->n_values);
	if (!(deviation > 0))
		deviation = MEAN_TO_DEVIATION * sum;
	attribute->scale = isfinite(deviation) && isnormal(1 / deviation) ? 1 / deviation : 0;
}

/*
 * finish_bands cuts the sorted values where about equally many are between two edges, never between equal ones, and
 * never so that a band has fewer than min_count rows.
 */
static void
finish_bands(RecoFit *fit, MemoryContext result)
{
	size_t n = fit->n_values;
	size_t fewest = (size_t) fit->options.min_count;
	size_t each = Max((n + (size_t) fit->options.bands - 1) / (size_t) fit->options.bands, fewest);
	double *edge = MemoryContextAlloc(result, fit->options.bands * sizeof(double));
	size_t n_edges = 0;
	size_t end = 0;

	sort_doubles(fit->value, n);
	for (;;)
	{
		end += each;
		while (end < n && fit->value[end] == fit->value[end - 1])
			end++;
		if (end >= n || n - end < fewest)
			break;
		edge[n_edges++] = fit->value[end];
	}
	fit->attribute->edge = edge;
	fit->attribute->dimensions = n_edges + 1;
}

/* A level and how many rows have it. */
typedef struct Counted
{
	uint32 level;
	uint32 count;
} Counted;

static int
compare_counted(const void *a, const void *b)
{
	const Counted *x = a;
	const Counted *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->level < y->level ? -1 : x->level > y->level;
}

static int
compare_levels(const void *a, const void *b)
{
	uint32 x = ((const Counted *) a)->level;
	uint32 y = ((const Counted *) b)->level;

	return x < y ? -1 : x > y;
}

/* keep_levels copies the chosen levels, which are in order, into the attribute. */
static void
keep_levels(RecoAttribute *attribute, const RecoKeys *all, const Counted *chosen, size_t n,
			MemoryContext result)
{
	uint64 *offset = MemoryContextAllocHuge(result, (n + 1) * sizeof(uint64));
	char *bytes;

	offset[0] = 0;
	for (size_t i = 0; i < n; i++)
		offset[i + 1] = offset[i] + reco_keys_get(all, chosen[i].level).length;
	bytes = MemoryContextAllocHuge(result, offset[n] + 1);
	for (size_t i = 0; i < n; i++)
	{
		RecoKey key = reco_keys_get(all, chosen[i].level);

		memcpy(bytes + offset[i], key.bytes, key.length);
	}
	attribute->level = (RecoKeys){.kind = RECO_KEY_TEXT, .n = n, .offset = offset, .bytes = bytes};
}

/* advise_prose says that a text looks like prose. */
static void
advise_prose(const RecoFit *fit, size_t n_levels)
{
	const RecoAttribute *attribute = fit->attribute;

	if (attribute->kind != RECO_FEATURE_CATEGORY || fit->n == 0 ||
		fit->characters <= PROSE_CHARACTERS * (uint64) fit->n || 2 * (n_levels + fit->n_long) <= fit->n)
		return;
	ereport(WARNING,
			errmsg("feature \"%s\" is encoded as a category, and most of its values are long and different",
				   attribute->name),
			errhint("Say that it is prose with options => '{\"features\": {\"%s\": {\"text\": true}}}'.",
					attribute->name));
}

/* finish_levels chooses the levels that enough rows have, at most options.levels of them. */
static void
finish_levels(RecoFit *fit, MemoryContext result)
{
	RecoKeys all;
	uint32 *rank = reco_keymap_finish(fit->map, CurrentMemoryContext, &all);
	Counted *chosen = palloc_extended(Max(all.n, 1) * sizeof(Counted), MCXT_ALLOC_HUGE);
	bool text = fit->attribute->kind == RECO_FEATURE_TEXT;
	size_t n = 0;

	advise_prose(fit, all.n);
	for (size_t i = 0; i < all.n; i++)
	{
		if (i % CHECK_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		if (fit->count[i] >= (uint32) fit->options.min_count)
			chosen[n++] = (Counted){rank[i], fit->count[i]};
	}
	qsort(chosen, n, sizeof(Counted), compare_counted);
	n = Min(n, (size_t) (text ? fit->options.vocabulary : fit->options.levels));
	qsort(chosen, n, sizeof(Counted), compare_levels);
	keep_levels(fit->attribute, &all, chosen, n, result);
	if (!text)
		return;
	for (size_t i = 0; i < n; i++)
		fit->count[i] = chosen[i].count;
	reco_fit_idf(fit, fit->count, result);
}

/* finish_vector checks that all vectors have one length. */
static void
finish_vector(RecoFit *fit)
{
	RecoAttribute *attribute = fit->attribute;

	if (fit->longest > fit->shortest)
		ereport(
			ERROR, errcode(ERRCODE_DATA_EXCEPTION),
			errmsg("the vectors of feature \"%s\" have from %d to %d components", attribute->name,
				   fit->shortest, fit->longest),
			errhint(
				"Vectors of one feature need the same length; leave out the others in a view, or make them "
				"NULL."));
	if (fit->longest > RECO_MOST_DIMENSIONS)
		ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				errmsg("the vectors of feature \"%s\" have %d components", attribute->name, fit->longest),
				errhint("They can have at most %d.", RECO_MOST_DIMENSIONS));
	attribute->dimensions = (size_t) fit->longest;
}

void
reco_fit_finish(RecoFit *fit, MemoryContext result)
{
	switch (fit->attribute->kind)
	{
		case RECO_FEATURE_BOOLEAN:
		case RECO_FEATURE_CATEGORY:
		case RECO_FEATURE_SET:
		case RECO_FEATURE_TEXT:
			finish_levels(fit, result);
			break;
		case RECO_FEATURE_NUMBER:
		case RECO_FEATURE_TIME:
			finish_number(fit);
			break;
		case RECO_FEATURE_BANDS:
			finish_bands(fit, result);
			break;
		case RECO_FEATURE_VECTOR:
			finish_vector(fit);
			break;
	}
	fit->attribute->keeps_missing = fit->attribute->keeps_other = true;
}

void
reco_fit_vectors(RecoAttribute *attribute, const float *const *row, size_t n, MemoryContext result)
{
	size_t d = attribute->dimensions;
	double *sum = palloc0(Max(d, 1) * sizeof(double));
	float *mean = MemoryContextAllocHuge(result, Max(d, 1) * sizeof(float));
	double squares = 0;

	for (size_t r = 0; r < n; r++)
	{
		if (r % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		for (size_t c = 0; c < d; c++)
			sum[c] += row[r][c];
	}
	for (size_t c = 0; c < d; c++)
		mean[c] = n > 0 ? (float) (sum[c] / (double) n) : 0;
	for (size_t r = 0; r < n; r++)
	{
		if (r % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		for (size_t c = 0; c < d; c++)
		{
			double centred = (double) row[r][c] - (double) mean[c];

			squares += centred * centred;
		}
	}
	attribute->mean = mean;
	attribute->scale = squares > 0 && isnormal(sqrt((double) n / squares)) ? sqrt((double) n / squares) : 0;
	pfree(sum);
}
