/*
 * encode.c
 *	  Raw values become entries of a row: the same ones when learning and when
 *	  serving.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "reader/encoder.h"

void
reco_entries_reserve(RecoEntries *entries, size_t n)
{
	if (n <= entries->capacity)
		return;
	entries->capacity = n;
	if (entries->index == NULL)
	{
		entries->index = palloc_extended(n * sizeof(uint32), MCXT_ALLOC_HUGE);
		entries->weight = palloc_extended(n * sizeof(float), MCXT_ALLOC_HUGE);
		return;
	}
	entries->index = repalloc_huge(entries->index, n * sizeof(uint32));
	entries->weight = repalloc_huge(entries->weight, n * sizeof(float));
}

void
reco_entries_push(RecoEntries *entries, size_t column, float weight)
{
	if (entries->n == entries->capacity)
		reco_entries_reserve(entries, Max(entries->capacity + entries->capacity / 2, 64));
	entries->index[entries->n] = (uint32) column;
	entries->weight[entries->n++] = weight;
}

/* add appends an entry, unless it is zero. */
static void
add(RecoEntries *entries, size_t column, double weight)
{
	if ((float) weight != 0)
		reco_entries_push(entries, column, (float) weight);
}

int64
reco_attribute_find(const RecoAttribute *attribute, RecoPiece piece)
{
	RecoKey key = {.kind = RECO_KEY_TEXT, .bytes = piece.bytes, .length = piece.length};

	return attribute->level.n == 0 ? -1 : reco_keys_find(&attribute->level, &key);
}

/* other_column and missing_column are where those two are. */
static size_t
other_column(const RecoAttribute *attribute)
{
	return attribute->first + attribute->n - 2;
}

static size_t
missing_column(const RecoAttribute *attribute)
{
	return attribute->first + attribute->n - 1;
}

bool
reco_attribute_pools(const RecoAttribute *attribute)
{
	return attribute->kind == RECO_FEATURE_BOOLEAN || attribute->kind == RECO_FEATURE_CATEGORY ||
		   attribute->kind == RECO_FEATURE_SET;
}

/* level_of gives the position of a piece among the levels, or -1; of a kept value it is known. */
static int64
level_of(const RecoAttribute *attribute, const RecoRaw *raw, int i, RecoPiece piece)
{
	if (raw->level == NULL)
		return reco_attribute_find(attribute, piece);
	return raw->level[i] == RECO_NO_LEVEL ? -1 : (int64) raw->level[i];
}

/* encode_set gives n elements a weight of 1/sqrt(n) each; the m that are no levels share "other" with sqrt(m/n). */
static void
encode_set(const RecoAttribute *attribute, const RecoRaw *raw, RecoEntries *entries)
{
	int others = 0;

	for (int i = 0; i < raw->n; i++)
	{
		int64 level = level_of(attribute, raw, i, raw->level == NULL ? raw->element[i] : raw->piece);

		if (level >= 0)
			add(entries, attribute->first + (size_t) level, 1.0 / sqrt((double) raw->n));
		else
			others++;
	}
	if (others > 0 && attribute->keeps_other)
		add(entries, other_column(attribute), sqrt((double) others / (double) raw->n));
}

/* encode_category gives the level, or "other", a weight of 1. */
static void
encode_category(const RecoAttribute *attribute, const RecoRaw *raw, RecoEntries *entries)
{
	int64 level = level_of(attribute, raw, 0, raw->piece);

	if (level >= 0)
		add(entries, attribute->first + (size_t) level, 1.0);
	else if (attribute->keeps_other)
		add(entries, other_column(attribute), 1.0);
}

/* encode_number standardises; scale * (infinity - center) ends at the bound like any outlier. */
static void
encode_number(const RecoAttribute *attribute, const RecoRaw *raw, RecoEntries *entries)
{
	double z;

	if (attribute->scale == 0)
		return;
	z = (raw->number - attribute->center) * attribute->scale;
	add(entries, attribute->first, fmin(fmax(z, -RECO_NUMBER_BOUND), RECO_NUMBER_BOUND));
}

static void
encode_bands(const RecoAttribute *attribute, const RecoRaw *raw, RecoEntries *entries)
{
	size_t band = 0;

	while (band < attribute->n - 2 && raw->number >= attribute->edge[band])
		band++;
	add(entries, attribute->first + band, 1.0);
}

static void
encode_vector(const RecoAttribute *attribute, const RecoRaw *raw, RecoEntries *entries)
{
	for (size_t c = 0; c < attribute->dimensions; c++)
		add(entries, attribute->first + c,
			((double) raw->component[c] - (double) attribute->mean[c]) * attribute->scale);
}

/* encode_text encodes a text; false when it has no known term. */
static bool
encode_text(const RecoAttribute *attribute, const RecoRaw *raw, RecoEntries *entries)
{
	RecoEntries terms = {0};

	if (raw->level != NULL)
	{
		reco_text_encode(attribute, raw->level, raw->component, (size_t) raw->n, entries);
		return true;
	}
	reco_text_terms(attribute, raw->piece, &terms);
	if (terms.n == 0)
		return false;
	reco_text_encode(attribute, terms.index, terms.weight, terms.n, entries);
	pfree(terms.index);
	pfree(terms.weight);
	return true;
}

void
reco_attribute_encode(const RecoAttribute *attribute, const RecoRaw *raw, RecoEntries *entries)
{
	bool missing =
		raw->missing || (attribute->kind == RECO_FEATURE_VECTOR && (size_t) raw->n != attribute->dimensions);

	if (!missing)
		switch (attribute->kind)
		{
			case RECO_FEATURE_BOOLEAN:
			case RECO_FEATURE_CATEGORY:
				encode_category(attribute, raw, entries);
				return;
			case RECO_FEATURE_SET:
				encode_set(attribute, raw, entries);
				return;
			case RECO_FEATURE_NUMBER:
			case RECO_FEATURE_TIME:
				encode_number(attribute, raw, entries);
				return;
			case RECO_FEATURE_BANDS:
				encode_bands(attribute, raw, entries);
				return;
			case RECO_FEATURE_VECTOR:
				encode_vector(attribute, raw, entries);
				return;
			case RECO_FEATURE_TEXT:
				if (encode_text(attribute, raw, entries))
					return;
				break;
		}
	if (attribute->keeps_missing)
		add(entries, missing_column(attribute), 1.0);
}

/* value_columns gives the number of columns before "other" and "missing"; of bands it is known from n alone. */
static size_t
value_columns(const RecoAttribute *attribute)
{
	switch (attribute->kind)
	{
		case RECO_FEATURE_BOOLEAN:
		case RECO_FEATURE_CATEGORY:
		case RECO_FEATURE_SET:
			return attribute->level.n;
		case RECO_FEATURE_NUMBER:
		case RECO_FEATURE_TIME:
			return 1;
		case RECO_FEATURE_BANDS:
		case RECO_FEATURE_VECTOR:
		case RECO_FEATURE_TEXT:
			return attribute->dimensions;
	}
	return 0;
}

void
reco_encoder_lay_out(RecoEncoder *encoder)
{
	encoder->n_columns = 0;
	for (int a = 0; a < encoder->n_attributes; a++)
	{
		RecoAttribute *attribute = &encoder->attribute[a];

		attribute->first = encoder->n_columns;
		attribute->n = value_columns(attribute) + (reco_attribute_pools(attribute) ? 2 : 1);
		encoder->n_columns += attribute->n;
	}
}

size_t
reco_encoder_n_columns(const RecoEncoder *encoder)
{
	return encoder->n_columns;
}

int
reco_encoder_attribute_of(const RecoEncoder *encoder, size_t column)
{
	int low = 0;
	int high = encoder->n_attributes - 1;

	while (low < high)
	{
		int middle = low + (high - low + 1) / 2;

		if (encoder->attribute[middle].first <= column)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

bool
reco_encoder_keeps(const RecoEncoder *encoder, size_t column)
{
	const RecoAttribute *attribute = &encoder->attribute[reco_encoder_attribute_of(encoder, column)];

	if (column == missing_column(attribute))
		return attribute->keeps_missing;
	return attribute->keeps_other || !reco_attribute_pools(attribute) || column != other_column(attribute);
}

RecoColumnRole
reco_encoder_role(const RecoEncoder *encoder, size_t column)
{
	const RecoAttribute *attribute = &encoder->attribute[reco_encoder_attribute_of(encoder, column)];

	if (column == missing_column(attribute))
		return RECO_ROLE_MISSING;
	if (!reco_attribute_pools(attribute))
		return attribute->kind == RECO_FEATURE_BANDS ? RECO_ROLE_LEVEL : RECO_ROLE_VALUE;
	return column == other_column(attribute) ? RECO_ROLE_OTHER : RECO_ROLE_LEVEL;
}

/* short_number writes a number for people: whole ones in full, others with six digits. */
static char *
short_number(double number)
{
	return fabs(number) < 1e15 && number == rint(number) ? psprintf("%.0f", number)
														 : psprintf("%.6g", number);
}

/* name_band names a band by its edges. */
static void
name_band(const RecoAttribute *attribute, size_t band, RecoEncoderColumn *column)
{
	size_t bands = attribute->dimensions;

	if (band > 0)
		column->from = short_number(attribute->edge[band - 1]);
	if (band + 1 < bands)
		column->to = short_number(attribute->edge[band]);
	if (bands == 1)
		column->level = pstrdup("any");
	else if (column->from == NULL)
		column->level = psprintf("below %s", column->to);
	else if (column->to == NULL)
		column->level = psprintf("%s and above", column->from);
	else
		column->level = psprintf("%s to %s", column->from, column->to);
}

/* level_label gives the bytes of a level as a string. */
static char *
level_label(const RecoAttribute *attribute, size_t level)
{
	RecoKey key = reco_keys_get(&attribute->level, level);

	return pnstrdup(key.bytes, key.length);
}

RecoEncoderColumn
reco_encoder_column(const RecoEncoder *encoder, size_t column)
{
	int a = reco_encoder_attribute_of(encoder, column);
	const RecoAttribute *attribute = &encoder->attribute[a];
	size_t position = column - attribute->first;
	RecoEncoderColumn result = {.attribute = a,
								.name = attribute->name,
								.kind = attribute->kind,
								.role = reco_encoder_role(encoder, column)};

	if (result.role == RECO_ROLE_LEVEL && attribute->kind == RECO_FEATURE_BANDS)
		name_band(attribute, position, &result);
	else if (result.role == RECO_ROLE_LEVEL)
		result.level = level_label(attribute, position);
	else if (result.role != RECO_ROLE_VALUE)
		return result;
	else if (attribute->kind == RECO_FEATURE_VECTOR)
		result.level = psprintf("%zu", position + 1);
	else if (attribute->kind == RECO_FEATURE_TEXT)
		result.level = reco_text_label(attribute, position);
	return result;
}

const char *
reco_feature_kind_name(RecoFeatureKind kind)
{
	static const char *const name[] = {
		[RECO_FEATURE_BOOLEAN] = "boolean", [RECO_FEATURE_CATEGORY] = "category",
		[RECO_FEATURE_SET] = "set",         [RECO_FEATURE_NUMBER] = "number",
		[RECO_FEATURE_TIME] = "time",       [RECO_FEATURE_BANDS] = "bands",
		[RECO_FEATURE_VECTOR] = "vector",   [RECO_FEATURE_TEXT] = "text"};

	return name[kind];
}

const char *
reco_column_role_name(RecoColumnRole role)
{
	static const char *const name[] = {[RECO_ROLE_VALUE] = "value",
									   [RECO_ROLE_LEVEL] = "level",
									   [RECO_ROLE_OTHER] = "other",
									   [RECO_ROLE_MISSING] = "missing"};

	return name[role];
}
