/*
 * fit.c
 *	  The rows of an attribute become the parameters of its encoder.
 *
 * Numbers are standardised by their median and by 1.4826 times the median distance to it, which is the standard deviation
 * where they are normal and does not move for a tenth of outliers (Rousseeuw and Croux 1993).  Where more than half are
 * equal that is 0, and 1.2533 times the mean distance to the median takes its place.
 */
#include "postgres.h"

#include <float.h>
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

/* grow makes an array of "size" bytes an element half as long again, in a context, unless there is room for one more. */
static void *
grow(void *array, size_t n, size_t *capacity, size_t size, MemoryContext context)
{
	if (n < *capacity)
		return array;
	*capacity = Max(*capacity + *capacity / 2, 1024);
	return array == NULL ? MemoryContextAllocHuge(context, *capacity * size)
						 : repalloc_huge(array, *capacity * size);
}

void
reco_fit_keep(RecoFit *fit, uint32 index, float weight, MemoryContext context)
{
	RecoFeatureKind kind = fit->attribute->kind;
	RecoFitRows *kept = &fit->kept;
	size_t capacity = kept->element_capacity;

	if (kind != RECO_FEATURE_VECTOR)
	{
		kept->index = grow(kept->index, kept->n_elements, &capacity, sizeof(uint32), context);
		kept->index[kept->n_elements] = index;
	}
	if (kind == RECO_FEATURE_VECTOR || kind == RECO_FEATURE_TEXT)
	{
		capacity = kept->element_capacity;
		kept->weight = grow(kept->weight, kept->n_elements, &capacity, sizeof(float), context);
		kept->weight[kept->n_elements] = weight;
	}
	kept->element_capacity = capacity;
	kept->n_elements++;
}

/* end_row ends the row of elements, or of a number. */
static void
end_row(RecoFit *fit, double number, MemoryContext context)
{
	RecoFitRows *kept = &fit->kept;

	switch (fit->attribute->kind)
	{
		case RECO_FEATURE_NUMBER:
		case RECO_FEATURE_TIME:
		case RECO_FEATURE_BANDS:
			kept->number = grow(kept->number, kept->n, &kept->capacity, sizeof(double), context);
			kept->number[kept->n] = number;
			break;
		case RECO_FEATURE_SET:
		case RECO_FEATURE_VECTOR:
		case RECO_FEATURE_TEXT:
			kept->end = grow(kept->end, kept->n, &kept->capacity, sizeof(size_t), context);
			kept->end[kept->n] = kept->n_elements;
			break;
		case RECO_FEATURE_BOOLEAN:
		case RECO_FEATURE_CATEGORY:
			break;
	}
	kept->n++;
}

size_t
reco_fit_bytes(const RecoFit *fit)
{
	const RecoFitRows *kept = &fit->kept;

	return kept->n * ((kept->number != NULL) * sizeof(double) + (kept->end != NULL) * sizeof(size_t)) +
		   kept->n_elements *
			   ((kept->index != NULL) * sizeof(uint32) + (kept->weight != NULL) * sizeof(float));
}

/* take_level counts a row that has a level; gives its number. */
static uint32
take_level(RecoFit *fit, RecoPiece piece, MemoryContext context)
{
	RecoKey key = {.kind = RECO_KEY_TEXT, .bytes = piece.bytes, .length = piece.length};
	uint32 number;

	fit->characters += piece.length;
	if (piece.length > RECO_LEVEL_BYTES)
	{
		fit->n_long++;
		return RECO_NO_LEVEL;
	}
	number = reco_keymap_number_of(fit->map, &key);
	reco_fit_count(fit, number, context);
	return number;
}

void
reco_fit_count(RecoFit *fit, uint32 number, MemoryContext context)
{
	while (fit->n_counts <= number)
	{
		fit->count = grow(fit->count, fit->n_counts, &fit->count_capacity, sizeof(uint32), context);
		fit->count[fit->n_counts++] = 0;
	}
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
	bool has_value = !raw->missing;

	switch (fit->attribute->kind)
	{
		case RECO_FEATURE_BOOLEAN:
		case RECO_FEATURE_CATEGORY:
			reco_fit_keep(fit, raw->missing ? RECO_NO_VALUE : take_level(fit, raw->piece, context), 0,
						  context);
			break;
		case RECO_FEATURE_SET:
			for (int i = 0; i < raw->n && has_value; i++)
				reco_fit_keep(fit, take_level(fit, raw->element[i], context), 0, context);
			break;
		case RECO_FEATURE_NUMBER:
		case RECO_FEATURE_TIME:
		case RECO_FEATURE_BANDS:
			break;
		case RECO_FEATURE_VECTOR:
			for (int i = 0; i < raw->n && has_value; i++)
				reco_fit_keep(fit, 0, raw->component[i], context);
			if (has_value)
			{
				fit->shortest = Min(fit->shortest, raw->n);
				fit->longest = Max(fit->longest, raw->n);
			}
			break;
		case RECO_FEATURE_TEXT:
			has_value = has_value && reco_fit_text(fit, raw->piece, context);
			break;
	}
	fit->n += has_value;
	end_row(fit, raw->missing ? NAN : raw->number, context);
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

/* Rounds of select after which what is left is sorted, and the numbers that are not worth a round. */
#define SELECT_ROUNDS 64
#define SELECT_FEW 32

/*
 * split puts numbers from first to last in two parts, those of the first at most as great as those of the second, around the
 * middle one of three of them (Hoare 1961); gives where the first ends.
 */
static size_t
split(double *value, size_t first, size_t last)
{
	double a = value[first];
	double b = value[first + (last - first) / 2];
	double c = value[last];
	double pivot = Max(Min(a, b), Min(Max(a, b), c));
	size_t i = first;
	size_t j = last;

	for (;;)
	{
		double swap;

		while (value[i] < pivot)
			i++;
		while (value[j] > pivot)
			j--;
		if (i >= j)
			return j;
		swap = value[i];
		value[i++] = value[j];
		value[j--] = swap;
	}
}

/* select_double puts the number of place k, from 0 on, in its place among n > k numbers: none before it is greater, and none after it less. */
static double
select_double(double *value, size_t n, size_t k)
{
	size_t first = 0;
	size_t last = n - 1;

	for (int round = 0; round < SELECT_ROUNDS && last - first > SELECT_FEW; round++)
	{
		size_t end = split(value, first, last);

		CHECK_FOR_INTERRUPTS();
		if (k <= end)
			last = end;
		else
			first = end + 1;
	}
	sort_doubles(value + first, last - first + 1);
	return value[k];
}

/* median gives the median of n > 0 numbers: the mean of the two in the middle where n is even.  It moves them. */
static double
median(double *value, size_t n)
{
	double upper = select_double(value, n, n / 2);
	double lower;

	if (n % 2 == 1)
		return upper;
	lower = value[0];
	for (size_t i = 1; i < n / 2; i++)
		lower = Max(lower, value[i]);
	return lower / 2 + upper / 2;
}

/* finite_numbers copies the finite numbers that were kept. */
static double *
finite_numbers(const RecoFit *fit, size_t *n)
{
	double *value = palloc_extended(Max(fit->kept.n, 1) * sizeof(double), MCXT_ALLOC_HUGE);

	*n = 0;
	for (size_t i = 0; i < fit->kept.n; i++)
		if (isfinite(fit->kept.number[i]))
			value[(*n)++] = fit->kept.number[i];
	return value;
}

/* mean_distance gives the mean of distances, summed in their order. */
static double
mean_distance(double *value, size_t n)
{
	double sum = 0;

	sort_doubles(value, n);
	for (size_t i = 0; i < n; i++)
		sum += value[i] / (double) n;
	return sum;
}

/* finish_number standardises robustly; a number that is the same in all rows has a scale of 0. */
static void
finish_number(RecoFit *fit)
{
	RecoAttribute *attribute = fit->attribute;
	size_t n;
	double *value = finite_numbers(fit, &n);
	double deviation;

	if (n > 0)
	{
		attribute->center = median(value, n);
		for (size_t i = 0; i < n; i++)
			value[i] = fabs(value[i] - attribute->center);
		deviation = MAD_TO_DEVIATION * median(value, n);
		if (!(deviation > 0))
			deviation = MEAN_TO_DEVIATION * mean_distance(value, n);
		attribute->scale = isfinite(deviation) && isnormal(1 / deviation) ? 1 / deviation : 0;
	}
	pfree(value);
}

/* multiple gives the greatest multiple of 10^power, or of half of it, that is at most a number, as the double nearest to that decimal. */
static double
multiple(double number, int power, bool half)
{
	double factor = half ? 2 : 1;
	double unit = pow(10, abs(power));

	if (power < 0)
		return floor(number * factor * unit) / (factor * unit);
	return floor(number * factor / unit) * (unit / factor);
}

/* roundest gives the decimal of the fewest digits that is greater than low and at most high, which are finite; high, where doubles have no such. */
static double
roundest(double low, double high)
{
	double greatest = Max(fabs(low), fabs(high));
	int first = (int) floor(log10(greatest)) + 1;

	if (low < 0 && high >= 0)
		return 0;
	for (int power = first; power > first - DBL_DIG - 2; power--)
		for (int half = 0; half < 2; half++)
		{
			double found = multiple(high, power, half == 1);

			if (found > low && found <= high)
				return found;
		}
	return high;
}

/*
 * place_edge moves an edge that has "end" of n sorted values below it to the roundest number that leaves at most "fewest" more or fewer there,
 * at least as many not below it, and at least "least" below it.  Gives how many are below it, 0 where there is no such number.
 */
static size_t
place_edge(const double *value, size_t n, size_t end, size_t least, size_t fewest, double *edge)
{
	size_t low = Max(end - fewest, least);
	size_t high = Min(end + fewest, n - fewest);

	if (low > high || !(value[low - 1] < value[high]))
		return 0;
	*edge = roundest(value[low - 1], value[high]);
	while (value[low] < *edge)
		low++;
	return low;
}

/*
 * finish_bands cuts the sorted values where about equally many are between two edges, never between equal ones, and
 * never so that a band has fewer than min_count rows.  Edges between items are their values.  Those between users are nobody's: what is told of
 * them follows from where more than 2 min_group users are, and is the roundest number there.
 */
static void
finish_bands(RecoFit *fit, MemoryContext result)
{
	size_t n;
	double *value = finite_numbers(fit, &n);
	size_t fewest = (size_t) fit->options.min_count;
	size_t each = Max((n + (size_t) fit->options.bands - 1) / (size_t) fit->options.bands, fewest);
	double *edge = MemoryContextAlloc(result, fit->options.bands * sizeof(double));
	size_t n_edges = 0;
	size_t before = 0;

	sort_doubles(value, n);
	for (size_t end = each; end < n; end += each)
	{
		size_t below;

		while (end < n && value[end] == value[end - 1])
			end++;
		if (end >= n || n - end < fewest)
			break;
		edge[n_edges] = value[end];
		below = fit->group > 0 ? place_edge(value, n, end, before + fewest, fewest, &edge[n_edges]) : end;
		if (below == 0)
			continue;
		before = below;
		n_edges++;
	}
	fit->attribute->edge = edge;
	fit->attribute->dimensions = n_edges + 1;
	pfree(value);
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

static int
compare_terms(const void *a, const void *b)
{
	uint64 x = *(const uint64 *) a;
	uint64 y = *(const uint64 *) b;

	return (x > y) - (x < y);
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

/* weigh_texts brings the terms of the texts that were kept in order, without those that are in no vocabulary, and weighs them. */
static void
weigh_texts(RecoFit *fit)
{
	RecoFitRows *kept = &fit->kept;
	uint64 *term = NULL;
	size_t room = 0;
	size_t from = 0;
	size_t to = 0;

	for (size_t r = 0; r < kept->n; r++)
	{
		size_t start = to;
		size_t n = 0;

		if (r % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		for (; from < kept->end[r]; from++)
		{
			if (kept->index[from] == RECO_NO_LEVEL)
				continue;
			term = grow(term, n, &room, sizeof(uint64), CurrentMemoryContext);
			term[n++] = (uint64) kept->index[from] << 32 | (uint32) kept->weight[from];
		}
		qsort(term, n, sizeof(uint64), compare_terms);
		for (size_t i = 0; i < n; i++, to++)
		{
			kept->index[to] = (uint32) (term[i] >> 32);
			kept->weight[to] = (float) (uint32) term[i];
		}
		reco_text_weigh(fit->attribute, kept->index + start, kept->weight + start, n);
		kept->end[r] = to;
	}
	if (term != NULL)
		pfree(term);
}

/* place_levels turns numbers of the map that were kept into positions among the n levels that were chosen. */
static void
place_levels(RecoFit *fit, const uint32 *rank, size_t n_all, const Counted *chosen, size_t n)
{
	RecoFitRows *kept = &fit->kept;
	uint32 *place = palloc_extended(Max(n_all, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);

	memset(place, 0xFF, n_all * sizeof(uint32));
	for (size_t i = 0; i < n; i++)
		place[chosen[i].level] = (uint32) i;
	for (size_t e = 0; e < kept->n_elements; e++)
	{
		if (e % CHECK_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		if (kept->index[e] < n_all)
			kept->index[e] = place[rank[kept->index[e]]];
	}
	pfree(place);
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
	place_levels(fit, rank, all.n, chosen, n);
	if (!text)
		return;
	for (size_t i = 0; i < n; i++)
		fit->count[i] = chosen[i].count;
	reco_fit_idf(fit, fit->count, result);
	weigh_texts(fit);
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

/*
 * hush makes numbers, times and vectors that group users or fewer have say nothing: a constant, or of no components.  Levels and terms need more
 * users each, so theirs are hushed already.
 */
static void
hush(RecoFit *fit)
{
	RecoAttribute *attribute = fit->attribute;

	attribute->center = attribute->scale = 0;
	if (attribute->kind == RECO_FEATURE_BANDS)
		attribute->kind = RECO_FEATURE_NUMBER;
	if (attribute->kind == RECO_FEATURE_VECTOR)
		attribute->dimensions = 0;
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
	if (fit->group > 0 && fit->n <= (size_t) fit->group)
		hush(fit);
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

/* arrange_runs puts where the elements of rows begin and end in the order of keys. */
static void
arrange_runs(RecoFitRows *kept, const uint32 *row_of, size_t n, MemoryContext context)
{
	size_t *start = MemoryContextAllocHuge(context, Max(n, 1) * sizeof(size_t));
	size_t *end = MemoryContextAllocHuge(context, Max(n, 1) * sizeof(size_t));

	for (size_t i = 0; i < n; i++)
	{
		bool has = row_of[i] != RECO_NO_ROW;

		start[i] = has && row_of[i] > 0 ? kept->end[row_of[i] - 1] : 0;
		end[i] = has ? kept->end[row_of[i]] : 0;
	}
	if (kept->end != NULL)
		pfree(kept->end);
	kept->start = start;
	kept->end = end;
}

/* arrange_numbers puts numbers in the order of keys. */
static void
arrange_numbers(RecoFitRows *kept, const uint32 *row_of, size_t n, MemoryContext context)
{
	double *number = MemoryContextAllocHuge(context, Max(n, 1) * sizeof(double));

	for (size_t i = 0; i < n; i++)
		number[i] = row_of[i] != RECO_NO_ROW ? kept->number[row_of[i]] : NAN;
	if (kept->number != NULL)
		pfree(kept->number);
	kept->number = number;
}

/* arrange_levels puts single levels in the order of keys. */
static void
arrange_levels(RecoFitRows *kept, const uint32 *row_of, size_t n, MemoryContext context)
{
	uint32 *index = MemoryContextAllocHuge(context, Max(n, 1) * sizeof(uint32));

	for (size_t i = 0; i < n; i++)
		index[i] = row_of[i] != RECO_NO_ROW ? kept->index[row_of[i]] : RECO_NO_VALUE;
	if (kept->index != NULL)
		pfree(kept->index);
	kept->index = index;
}

void
reco_fit_arrange(RecoFit *fit, const uint32 *row_of, size_t n, MemoryContext context)
{
	RecoFitRows *kept = &fit->kept;

	CHECK_FOR_INTERRUPTS();
	switch (fit->attribute->kind)
	{
		case RECO_FEATURE_BOOLEAN:
		case RECO_FEATURE_CATEGORY:
			arrange_levels(kept, row_of, n, context);
			break;
		case RECO_FEATURE_NUMBER:
		case RECO_FEATURE_TIME:
		case RECO_FEATURE_BANDS:
			arrange_numbers(kept, row_of, n, context);
			break;
		case RECO_FEATURE_SET:
		case RECO_FEATURE_VECTOR:
		case RECO_FEATURE_TEXT:
			arrange_runs(kept, row_of, n, context);
			break;
	}
	kept->n = n;
}

RecoRaw
reco_fit_raw(const RecoFit *fit, size_t key)
{
	const RecoFitRows *kept = &fit->kept;
	RecoRaw raw = {0};

	switch (fit->attribute->kind)
	{
		case RECO_FEATURE_BOOLEAN:
		case RECO_FEATURE_CATEGORY:
			raw.level = kept->index + key;
			raw.missing = kept->index[key] == RECO_NO_VALUE;
			raw.n = 1;
			break;
		case RECO_FEATURE_NUMBER:
		case RECO_FEATURE_TIME:
		case RECO_FEATURE_BANDS:
			raw.number = kept->number[key];
			raw.missing = isnan(raw.number);
			break;
		case RECO_FEATURE_SET:
		case RECO_FEATURE_VECTOR:
		case RECO_FEATURE_TEXT:
			raw.n = (int) (kept->end[key] - kept->start[key]);
			raw.missing = raw.n == 0;
			if (kept->index != NULL)
				raw.level = kept->index + kept->start[key];
			if (kept->weight != NULL)
				raw.component = kept->weight + kept->start[key];
			break;
	}
	return raw;
}
