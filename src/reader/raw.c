/*
 * raw.c
 *	  One column of one row of a side relation as a raw value.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "kernel/rng.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "reader/encoder.h"

/* Of a set so many elements count, and of a delimited text so many bytes. */
#define MOST_ELEMENTS 65536
#define MOST_BYTES (1024 * 1024)

/* Hash of a missing value. */
#define MISSING UINT64CONST(0x6d697373696e6721)

/* piece_of gives the bytes of a text datum; memory is the datum's, or the current context's where it was compressed. */
static RecoPiece
piece_of(Datum value)
{
	text *bytes = DatumGetTextPP(value);

	return (RecoPiece){VARDATA_ANY(bytes), (uint32) VARSIZE_ANY_EXHDR(bytes)};
}

/* seconds_of gives the length of an interval as intervals are compared: a month of 30 days, a day of 24 hours. */
static double
seconds_of(const Interval *interval)
{
	double days = (double) interval->month * DAYS_PER_MONTH + (double) interval->day;

	return days * SECS_PER_DAY + (double) interval->time / (double) USECS_PER_SEC;
}

/* double_of gives the double nearest to a numeric, infinite beyond them. */
static double
double_of(Datum numeric)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, numeric));
}

/* number_of reads a number or a time, in microseconds; the ends of time are infinite. */
static double
number_of(RecoRawForm form, Datum value)
{
	switch (form)
	{
		case RECO_RAW_FLOAT:
			return DatumGetFloat8(value);
		case RECO_RAW_NUMERIC:
			return double_of(value);
		case RECO_RAW_INTERVAL:
			return seconds_of(DatumGetIntervalP(value));
		case RECO_RAW_DATE:
		{
			DateADT date = DatumGetDateADT(value);

			if (DATE_NOT_FINITE(date))
				return DATE_IS_NOBEGIN(date) ? -INFINITY : INFINITY;
			return (double) date * (double) USECS_PER_DAY;
		}
		default:
		{
			Timestamp time = DatumGetTimestamp(value);

			if (TIMESTAMP_NOT_FINITE(time))
				return TIMESTAMP_IS_NOBEGIN(time) ? -INFINITY : INFINITY;
			return (double) time;
		}
	}
}

static int
compare_pieces(const void *a, const void *b)
{
	const RecoPiece *x = a;
	const RecoPiece *y = b;
	int order = memcmp(x->bytes, y->bytes, Min(x->length, y->length));

	return order != 0 ? order : (x->length > y->length) - (x->length < y->length);
}

/* sort_elements sorts the elements of a set and keeps each once. */
static void
sort_elements(RecoRaw *raw)
{
	int kept = 0;

	qsort(raw->element, raw->n, sizeof(RecoPiece), compare_pieces);
	for (int i = 0; i < raw->n; i++)
		if (kept == 0 || compare_pieces(&raw->element[kept - 1], &raw->element[i]) != 0)
			raw->element[kept++] = raw->element[i];
	raw->n = kept;
	raw->missing = kept == 0;
}

/* trim takes blanks off both ends. */
static RecoPiece
trim(RecoPiece piece)
{
	static const char blank[] = " \t\r\n";

	while (piece.length > 0 && memchr(blank, piece.bytes[0], sizeof(blank) - 1) != NULL)
		piece = (RecoPiece){piece.bytes + 1, piece.length - 1};
	while (piece.length > 0 && memchr(blank, piece.bytes[piece.length - 1], sizeof(blank) - 1) != NULL)
		piece.length--;
	return piece;
}

/* split makes elements of a delimited text, trimmed and without empty ones. */
static void
split(RecoPiece text, const char *delimiter, RecoRaw *raw)
{
	size_t length = strlen(delimiter);
	const char *end =
		text.bytes +
		(text.length > MOST_BYTES ? (size_t) pg_mbcliplen(text.bytes, MOST_BYTES, MOST_BYTES) : text.length);
	const char *start = text.bytes;
	int capacity = 8;

	raw->element = palloc(capacity * sizeof(RecoPiece));
	for (;;)
	{
		const char *stop = length == 0 ? NULL : memmem(start, end - start, delimiter, length);
		RecoPiece piece = trim((RecoPiece){start, (uint32) ((stop != NULL ? stop : end) - start)});

		if (raw->n == capacity)
		{
			capacity *= 2;
			raw->element = repalloc_huge(raw->element, capacity * sizeof(RecoPiece));
		}
		if (piece.length > 0)
			raw->element[raw->n++] = piece;
		if (stop == NULL || raw->n == MOST_ELEMENTS)
			break;
		start = stop + length;
	}
	sort_elements(raw);
}

/* take_elements reads the elements of a text[] that are not NULL. */
static void
take_elements(Datum value, RecoRaw *raw)
{
	Datum *element;
	bool *isnull;
	int n;

	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &element, &isnull, &n);
	raw->element = palloc(Min(Max(n, 1), MOST_ELEMENTS) * sizeof(RecoPiece));
	for (int i = 0; i < n && raw->n < MOST_ELEMENTS; i++)
		if (!isnull[i])
			raw->element[raw->n++] = piece_of(element[i]);
	sort_elements(raw);
}

/* component_of reads a component of a vector. */
static float
component_of(RecoRawForm form, Datum value)
{
	if (form == RECO_RAW_REALS)
		return DatumGetFloat4(value);
	return (float) (form == RECO_RAW_DOUBLES ? DatumGetFloat8(value) : double_of(value));
}

/* take_components reads a vector; one with a NULL, a NaN or an infinite component, or without any, is missing. */
static void
take_components(Datum value, RecoRawForm form, RecoRaw *raw)
{
	Oid type = form == RECO_RAW_REALS ? FLOAT4OID : form == RECO_RAW_DOUBLES ? FLOAT8OID : NUMERICOID;
	int16 length;
	bool by_value;
	char alignment;
	Datum *element;
	bool *isnull;
	int n;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	deconstruct_array(DatumGetArrayTypeP(value), type, length, by_value, alignment, &element, &isnull, &n);
	raw->component = palloc_extended(Max(n, 1) * sizeof(float), MCXT_ALLOC_HUGE);
	raw->n = n;
	raw->missing = n == 0;
	for (int i = 0; i < n && !raw->missing; i++)
	{
		raw->component[i] = isnull[i] ? NAN : component_of(form, element[i]);
		raw->missing = !isfinite(raw->component[i]);
	}
}

RecoRaw
reco_raw_read(const RecoAttribute *attribute, RecoRawForm form, Datum value, bool isnull)
{
	RecoRaw raw = {.missing = isnull};

	if (isnull)
		return raw;
	switch (attribute->kind)
	{
		case RECO_FEATURE_BOOLEAN:
		case RECO_FEATURE_CATEGORY:
		case RECO_FEATURE_TEXT:
			raw.piece = piece_of(value);
			break;
		case RECO_FEATURE_SET:
			if (attribute->delimiter != NULL)
				split(piece_of(value), attribute->delimiter, &raw);
			else
				take_elements(value, &raw);
			break;
		case RECO_FEATURE_NUMBER:
		case RECO_FEATURE_TIME:
		case RECO_FEATURE_BANDS:
			raw.number = number_of(form, value) + 0.0;
			raw.missing = isnan(raw.number);
			break;
		case RECO_FEATURE_VECTOR:
			take_components(value, form, &raw);
			break;
	}
	return raw;
}

uint64
reco_raw_hash(uint64 seed, const RecoRaw *raw)
{
	if (raw->missing)
		return rk_hash_mix(seed, MISSING);
	seed = rk_hash64(seed, &raw->number, sizeof(raw->number));
	seed = rk_hash64(seed, raw->piece.bytes, raw->piece.length);
	if (raw->component != NULL)
		return rk_hash64(seed, raw->component, raw->n * sizeof(float));
	for (int i = 0; i < raw->n; i++)
		seed = rk_hash64(seed, raw->element[i].bytes, raw->element[i].length);
	return seed;
}
