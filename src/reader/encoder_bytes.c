/*
 * encoder_bytes.c
 *	  The stored form of an encoder.
 *
 * Numbers are in the byte order of the server; everything begins at a multiple of eight bytes, so that an encoder
 * that is read points into the bytes.
 *
 *		magic		uint64		ENCODER_MAGIC, which reads as another number on a server of the other byte order
 *		attributes	uint64		their number, and in the upper half the encoding of levels, names and delimiters
 *		each:		a Head, then, padded to eight bytes each,
 *			name		bytes
 *			delimiter	bytes
 *			offset		uint64 [levels + 1]		where there are levels
 *			level		bytes
 *			edge		float8 [dimensions - 1]	bands
 *			mean		float4 [dimensions]		vector
 *			idf			float4 [levels]			text
 *			basis		float4 [levels x dimensions]	text
 *
 * What is read may have been edited: every length is checked against what is left, and every value that is
 * used without looking twice.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "compat.h"
#include "reader/encoder.h"

#define ENCODER_MAGIC UINT64CONST(0x31434e454f434552)

#define FLAG_MISSING 1
#define FLAG_OTHER 2
#define FLAG_DELIMITER 4

/* The fixed part of an attribute. */
typedef struct Head
{
	uint64 kind;
	uint64 flags;
	uint64 name_bytes;
	uint64 delimiter_bytes;
	uint64 levels;
	uint64 level_bytes;
	uint64 dimensions;
	double center;
	double scale;
} Head;

/* Bytes being read. */
typedef struct Cursor
{
	const char *at;
	size_t left;
} Cursor;

static size_t
padded(size_t bytes)
{
	return (bytes + 7) / 8 * 8;
}

/* put appends bytes and pads them. */
static void
put(char **at, const void *bytes, size_t n)
{
	if (n > 0)
		memcpy(*at, bytes, n);
	memset(*at + n, 0, padded(n) - n);
	*at += padded(n);
}

/* head_of gives the fixed part of an attribute. */
static Head
head_of(const RecoAttribute *attribute)
{
	Head head = {.kind = attribute->kind,
				 .flags = (attribute->keeps_missing ? FLAG_MISSING : 0) |
						  (attribute->keeps_other ? FLAG_OTHER : 0) |
						  (attribute->delimiter != NULL ? FLAG_DELIMITER : 0),
				 .name_bytes = strlen(attribute->name),
				 .delimiter_bytes = attribute->delimiter != NULL ? strlen(attribute->delimiter) : 0,
				 .levels = attribute->level.n,
				 .dimensions = attribute->dimensions,
				 .center = attribute->center,
				 .scale = attribute->scale};

	if (head.levels > 0)
		head.level_bytes = attribute->level.offset[head.levels];
	return head;
}

/* array_bytes gives the sizes of the four arrays of numbers. */
static void
array_bytes(const Head *head, size_t bytes[4])
{
	bytes[0] = head->kind == RECO_FEATURE_BANDS ? (head->dimensions - 1) * sizeof(double) : 0;
	bytes[1] = head->kind == RECO_FEATURE_VECTOR ? head->dimensions * sizeof(float) : 0;
	bytes[2] = head->kind == RECO_FEATURE_TEXT ? head->levels * sizeof(float) : 0;
	bytes[3] = head->kind == RECO_FEATURE_TEXT ? head->levels * head->dimensions * sizeof(float) : 0;
}

/* body_bytes gives the size of an attribute without its head. */
static size_t
body_bytes(const Head *head)
{
	size_t array[4];
	size_t bytes = padded(head->name_bytes) + padded(head->delimiter_bytes) + padded(head->level_bytes);

	array_bytes(head, array);
	if (head->levels > 0)
		bytes += (head->levels + 1) * sizeof(uint64);
	for (int i = 0; i < 4; i++)
		bytes += padded(array[i]);
	return bytes;
}

const char *
reco_encoder_write(const RecoEncoder *encoder, size_t *n_bytes)
{
	uint64 front[2] = {ENCODER_MAGIC, (uint64) encoder->n_attributes | (uint64) GetDatabaseEncoding() << 32};
	char *bytes;
	char *at;

	*n_bytes = sizeof(front);
	for (int a = 0; a < encoder->n_attributes; a++)
	{
		Head head = head_of(&encoder->attribute[a]);

		*n_bytes += sizeof(Head) + body_bytes(&head);
	}
	at = bytes = palloc_extended(*n_bytes, MCXT_ALLOC_HUGE);
	put(&at, front, sizeof(front));
	for (int a = 0; a < encoder->n_attributes; a++)
	{
		const RecoAttribute *attribute = &encoder->attribute[a];
		Head head = head_of(attribute);
		size_t array[4];

		array_bytes(&head, array);
		put(&at, &head, sizeof(head));
		put(&at, attribute->name, head.name_bytes);
		put(&at, attribute->delimiter, head.delimiter_bytes);
		if (head.levels > 0)
			put(&at, attribute->level.offset, (head.levels + 1) * sizeof(uint64));
		put(&at, attribute->level.bytes, head.level_bytes);
		put(&at, attribute->edge, array[0]);
		put(&at, attribute->mean, array[1]);
		put(&at, attribute->idf, array[2]);
		put(&at, attribute->basis, array[3]);
	}
	Assert(at == bytes + *n_bytes);
	return bytes;
}

pg_noreturn static void refuse(const char *detail);

/* refuse raises for bytes that no encoder is written as. */
static void
refuse(const char *detail)
{
	ereport(ERROR, errcode(ERRCODE_DATA_CORRUPTED), errmsg("an encoder of the model has impossible values"),
			errdetail_internal("%s", detail), errhint("Learn a new version with CALL reco.refresh()."));
}

/* get gives the next bytes, or raises where there are not so many. */
static const void *
get(Cursor *cursor, size_t n)
{
	const char *bytes = cursor->at;

	if (padded(n) > cursor->left)
		refuse("It is shorter than it says.");
	cursor->at += padded(n);
	cursor->left -= padded(n);
	return bytes;
}

/* check_head checks the sizes of an attribute, so that none of their products can overflow. */
static void
check_head(const Head *head)
{
	bool levelled = head->kind <= RECO_FEATURE_SET || head->kind == RECO_FEATURE_TEXT;
	bool bands = head->kind == RECO_FEATURE_BANDS;

	if (head->kind < RECO_FEATURE_BOOLEAN || head->kind > RECO_FEATURE_TEXT)
		refuse("An attribute is of no known kind.");
	if (head->name_bytes == 0 || head->name_bytes >= NAMEDATALEN || head->delimiter_bytes > MaxAllocSize ||
		head->levels > Max(RECO_MOST_LEVELS, RECO_MOST_TERMS) || (head->levels > 0 && !levelled) ||
		head->level_bytes > head->levels * RECO_LEVEL_BYTES)
		refuse("The name or the levels of an attribute are too long.");
	if (head->dimensions > (head->kind == RECO_FEATURE_TEXT ? RECO_MOST_TOPICS
							: bands                         ? RECO_MOST_BANDS
															: RECO_MOST_DIMENSIONS) ||
		(bands && head->dimensions == 0))
		refuse("The dimensions of an attribute are out of range.");
	if (!isfinite(head->center) || !isfinite(head->scale) || head->scale < 0)
		refuse("A scale is not a number, or negative.");
}

/* check_levels checks that the levels are in order, different, and text. */
static void
check_levels(const RecoAttribute *attribute)
{
	const RecoKeys *level = &attribute->level;

	if (level->offset[0] != 0)
		refuse("The first level does not begin at 0.");
	for (size_t i = 0; i < level->n; i++)
		if (level->offset[i] > level->offset[i + 1] ||
			level->offset[i + 1] - level->offset[i] > RECO_LEVEL_BYTES)
			refuse("The length of a level is out of range.");
	for (size_t i = 0; i < level->n; i++)
	{
		RecoKey key = reco_keys_get(level, i);
		int encoding = attribute->kind == RECO_FEATURE_TEXT ? PG_UTF8 : GetDatabaseEncoding();

		if (!pg_verify_mbstr(encoding, key.bytes, (int) key.length, true))
			refuse("A level is not valid in its encoding.");
		if (i > 0)
		{
			RecoKey before = reco_keys_get(level, i - 1);

			if (reco_key_compare(&before, &key) >= 0)
				refuse("The levels are not in ascending order.");
		}
	}
}

/* check_numbers checks that the arrays of an attribute are finite, and its edges ascend. */
static void
check_numbers(const RecoAttribute *attribute)
{
	Head head = head_of(attribute);
	size_t array[4];
	const float *floats[] = {attribute->mean, attribute->idf, attribute->basis};

	array_bytes(&head, array);
	for (size_t i = 0; i < array[0] / sizeof(double); i++)
		if (!isfinite(attribute->edge[i]) || (i > 0 && !(attribute->edge[i] > attribute->edge[i - 1])))
			refuse("The edges of bands do not ascend.");
	for (int f = 0; f < 3; f++)
		for (size_t i = 0; i < array[f + 1] / sizeof(float); i++)
			if (!isfinite(floats[f][i]))
				refuse("A number is not finite.");
}

/* read_attribute reads one attribute. */
static void
read_attribute(Cursor *cursor, RecoAttribute *attribute)
{
	Head head = *(const Head *) get(cursor, sizeof(Head));
	size_t array[4];

	check_head(&head);
	array_bytes(&head, array);
	attribute->kind = (RecoFeatureKind) head.kind;
	attribute->keeps_missing = (head.flags & FLAG_MISSING) != 0;
	attribute->keeps_other = (head.flags & FLAG_OTHER) != 0;
	attribute->center = head.center;
	attribute->scale = head.scale;
	attribute->dimensions = head.dimensions;
	attribute->name = pnstrdup(get(cursor, head.name_bytes), head.name_bytes);
	attribute->delimiter = pnstrdup(get(cursor, head.delimiter_bytes), head.delimiter_bytes);
	if ((head.flags & FLAG_DELIMITER) == 0)
		attribute->delimiter = NULL;
	else if (attribute->delimiter[0] == '\0')
		refuse("A delimiter is empty.");
	attribute->level.kind = RECO_KEY_TEXT;
	attribute->level.n = head.levels;
	if (head.levels > 0)
		attribute->level.offset = get(cursor, (head.levels + 1) * sizeof(uint64));
	attribute->level.bytes = get(cursor, head.level_bytes);
	if (head.levels > 0 && attribute->level.offset[head.levels] != head.level_bytes)
		refuse("The levels do not fill their bytes.");
	attribute->edge = get(cursor, array[0]);
	attribute->mean = get(cursor, array[1]);
	attribute->idf = get(cursor, array[2]);
	attribute->basis = get(cursor, array[3]);
}

/* is_ascii says whether bytes are the same text in every encoding of a server. */
static bool
is_ascii(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (IS_HIGHBIT_SET(bytes[i]))
			return false;
	return true;
}

/* check_encoding raises for text that was learned in a database of another encoding, where it would be another text. */
static void
check_encoding(const RecoEncoder *encoder, const RecoAttribute *attribute)
{
	const RecoKeys *level = &attribute->level;
	bool levels = attribute->kind == RECO_FEATURE_TEXT || level->n == 0 ||
				  is_ascii(level->bytes, level->offset[level->n]);

	if (encoder->encoding == GetDatabaseEncoding() ||
		(levels && is_ascii(attribute->name, strlen(attribute->name)) &&
		 (attribute->delimiter == NULL || is_ascii(attribute->delimiter, strlen(attribute->delimiter)))))
		return;
	ereport(ERROR, errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			errmsg("attribute \"%s\" of the model was learned in a database of encoding %s",
				   is_ascii(attribute->name, strlen(attribute->name)) ? attribute->name : "?",
				   pg_encoding_to_char(encoder->encoding)),
			errdetail("The encoding of this database is %s, in which its levels are other texts.",
					  GetDatabaseEncodingName()),
			errhint("Learn a new version with CALL reco.refresh()."));
}

void
reco_encoder_check(const RecoEncoder *encoder)
{
	for (int a = 0; a < encoder->n_attributes; a++)
		check_encoding(encoder, &encoder->attribute[a]);
	for (int a = 0; a < encoder->n_attributes; a++)
	{
		if (encoder->attribute[a].level.n > 0)
			check_levels(&encoder->attribute[a]);
		check_numbers(&encoder->attribute[a]);
	}
}

RecoEncoder *
reco_encoder_read(const char *bytes, size_t n_bytes)
{
	Cursor cursor = {bytes, n_bytes};
	RecoEncoder *encoder = palloc0(sizeof(RecoEncoder));
	const uint64 *front = get(&cursor, 2 * sizeof(uint64));

	if (front[0] != ENCODER_MAGIC)
		refuse("It does not begin as one, or was written by a server of another byte order.");
	encoder->n_attributes = (int) (front[1] & PG_UINT32_MAX);
	encoder->encoding = (int) (front[1] >> 32);
	if (encoder->n_attributes < 1 || encoder->n_attributes > MaxHeapAttributeNumber ||
		!PG_VALID_ENCODING(encoder->encoding))
		refuse("The number of its attributes, or their encoding, is out of range.");
	encoder->attribute = palloc0(encoder->n_attributes * sizeof(RecoAttribute));
	for (int a = 0; a < encoder->n_attributes; a++)
		read_attribute(&cursor, &encoder->attribute[a]);
	if (cursor.left != 0)
		refuse("It is longer than it says.");
	reco_encoder_lay_out(encoder);
	return encoder;
}
