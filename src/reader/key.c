/*
 * key.c
 *	  Keys of users and items: from datums and back, their order and hash.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#include "compat.h"
#include "kernel/rng.h"
#include "reader/key.h"

/* reco_key_base_type gives the supported type below any domains, or InvalidOid. */
static Oid
reco_key_base_type(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case UUIDOID:
		case TEXTOID:
		case VARCHAROID:
			return type;
		default:
			type = getBaseType(type);
			break;
	}
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case UUIDOID:
		case TEXTOID:
		case VARCHAROID:
			return type;
		default:
			return InvalidOid;
	}
}

/* reco_key_kind_of_base maps a supported type without domains to its kind. */
static RecoKeyKind
reco_key_kind_of_base(Oid base)
{
	switch (base)
	{
		case UUIDOID:
			return RECO_KEY_UUID;
		case TEXTOID:
		case VARCHAROID:
			return RECO_KEY_TEXT;
		default:
			return RECO_KEY_INTEGER;
	}
}

RecoKeyKind
reco_key_kind_of_type(Oid type, const char *what)
{
	Oid base = reco_key_base_type(type);

	if (!OidIsValid(base))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s cannot be of type %s", what, format_type_be(type)),
				 errdetail("Keys are of type smallint, integer, bigint, uuid, text or character varying."),
				 errhint("Cast the column to one of these in a view, and map the view.")));
	return reco_key_kind_of_base(base);
}

Oid
reco_key_lookup_type(Oid type)
{
	Oid base;

	(void) reco_key_kind_of_type(type, "a key");
	base = reco_key_base_type(type);
	return base == VARCHAROID ? TEXTOID : base;
}

/* reco_key_of_integer makes an integer key. */
static RecoKey
reco_key_of_integer(int64 integer)
{
	return (RecoKey){.kind = RECO_KEY_INTEGER, .integer = integer};
}

RecoKey
reco_key_from_datum(Datum value, Oid type)
{
	RecoKey key = {0};
	text *string;

	switch (reco_key_base_type(type))
	{
		case INT2OID:
			return reco_key_of_integer(DatumGetInt16(value));
		case INT4OID:
			return reco_key_of_integer(DatumGetInt32(value));
		case INT8OID:
			return reco_key_of_integer(DatumGetInt64(value));
		case UUIDOID:
			key.kind = RECO_KEY_UUID;
			key.bytes = (const char *) DatumGetUUIDP(value)->data;
			key.length = UUID_LEN;
			return key;
		case TEXTOID:
		case VARCHAROID:
			string = DatumGetTextPP(value);
			key.kind = RECO_KEY_TEXT;
			key.bytes = VARDATA_ANY(string);
			key.length = VARSIZE_ANY_EXHDR(string);
			return key;
		default:
			elog(ERROR, "type %u cannot be a key", type);
	}
}

bool
reco_key_fits(const RecoKey *key, Oid type)
{
	if (key->kind != RECO_KEY_INTEGER)
		return true;
	switch (reco_key_base_type(type))
	{
		case INT2OID:
			return key->integer >= PG_INT16_MIN && key->integer <= PG_INT16_MAX;
		case INT4OID:
			return key->integer >= PG_INT32_MIN && key->integer <= PG_INT32_MAX;
		default:
			return true;
	}
}

/* reco_key_to_text writes a key of any kind as its type's output function would. */
static Datum
reco_key_to_text(const RecoKey *key)
{
	char digits[MAXINT8LEN + 1];

	switch (key->kind)
	{
		case RECO_KEY_INTEGER:
			return PointerGetDatum(cstring_to_text_with_len(digits, pg_lltoa(key->integer, digits)));
		case RECO_KEY_UUID:
			return CStringGetTextDatum(
				DatumGetCString(DirectFunctionCall1(uuid_out, PointerGetDatum(key->bytes))));
		case RECO_KEY_TEXT:
			break;
	}
	return PointerGetDatum(cstring_to_text_with_len(key->bytes, key->length));
}

/* reco_key_to_integer makes a datum of an integer type. */
static Datum
reco_key_to_integer(const RecoKey *key, Oid base)
{
	if (!reco_key_fits(key, base))
		ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
						errmsg("id " INT64_FORMAT " is out of range for type %s", key->integer,
							   format_type_be(base))));
	if (base == INT2OID)
		return Int16GetDatum((int16) key->integer);
	if (base == INT4OID)
		return Int32GetDatum((int32) key->integer);
	return Int64GetDatum(key->integer);
}

Datum
reco_key_to_datum(const RecoKey *key, Oid type)
{
	Oid base = reco_key_base_type(type);
	pg_uuid_t *uuid;

	if (base == TEXTOID || base == VARCHAROID)
		return reco_key_to_text(key);
	if (!OidIsValid(base) || reco_key_kind_of_base(base) != key->kind)
		elog(ERROR, "a key of kind %d has no value of type %u", (int) key->kind, type);
	if (base != UUIDOID)
		return reco_key_to_integer(key, base);
	uuid = palloc(sizeof(pg_uuid_t));
	memcpy(uuid->data, key->bytes, UUID_LEN);
	return UUIDPGetDatum(uuid);
}

/* reco_key_type_name names the type in which calls pass keys of a kind. */
static const char *
reco_key_type_name(RecoKeyKind kind)
{
	switch (kind)
	{
		case RECO_KEY_INTEGER:
			return "bigint";
		case RECO_KEY_UUID:
			return "uuid";
		case RECO_KEY_TEXT:
			break;
	}
	return "text";
}

/* What a text is parsed as. */
typedef struct RecoKeyParse
{
	const char *what; /* "user" or "item" */
	Oid base;
} RecoKeyParse;

/* reco_key_parse_hint adds a hint to what an input function raises. */
static void
reco_key_parse_hint(void *arg)
{
	const RecoKeyParse *parse = arg;

	errhint("The %s ids of this recommender are of type %s.", parse->what, format_type_be(parse->base));
}

/* reco_key_input reads a string with the input function of a type other than text. */
static RecoKey
reco_key_input(const char *string, Oid base)
{
	switch (base)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			/* one that the column's type cannot hold is an id that nobody has, as when it is passed as bigint */
			return reco_key_from_datum(DirectFunctionCall1(int8in, CStringGetDatum(string)), INT8OID);
		default:
			return reco_key_from_datum(DirectFunctionCall1(uuid_in, CStringGetDatum(string)), base);
	}
}

/* reco_key_parse_text reads text with the input function of the column's type. */
static RecoKey
reco_key_parse_text(Datum value, Oid base, const char *what)
{
	RecoKeyParse parse = {what, base};
	ErrorContextCallback frame = {.callback = reco_key_parse_hint, .arg = &parse};
	RecoKey key;

	if (base == TEXTOID || base == VARCHAROID)
		return reco_key_from_datum(value, TEXTOID);
	frame.previous = error_context_stack;
	error_context_stack = &frame;
	key = reco_key_input(TextDatumGetCString(value), base);
	error_context_stack = frame.previous;
	return key;
}

RecoKey
reco_key_parse(Datum value, Oid argument_type, Oid column_type, const char *what)
{
	Oid argument = reco_key_base_type(argument_type);
	Oid column = reco_key_base_type(column_type);

	if (!OidIsValid(argument) || !OidIsValid(column))
		elog(ERROR, "types %u and %u cannot both be keys", argument_type, column_type);
	if (argument == TEXTOID || argument == VARCHAROID)
		return reco_key_parse_text(value, column, what);
	if (reco_key_kind_of_base(argument) == reco_key_kind_of_base(column))
		return reco_key_from_datum(value, argument);
	ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
					errmsg("%s ids of this recommender are %s, not %s", what,
						   reco_key_type_name(reco_key_kind_of_base(column)),
						   reco_key_type_name(reco_key_kind_of_base(argument))),
					errhint("Pass the %s id as %s: text fits ids of every type.", what,
							reco_key_kind_of_base(column) == RECO_KEY_UUID      ? "uuid or text"
							: reco_key_kind_of_base(column) == RECO_KEY_INTEGER ? "bigint or text"
																				: "text")));
}

void
reco_key_require_answer(Oid answer_type, Oid column_type, const char *hint)
{
	Oid answer = reco_key_base_type(answer_type);
	Oid column = reco_key_base_type(column_type);
	const char *name;

	if (!OidIsValid(answer) || !OidIsValid(column))
		elog(ERROR, "types %u and %u cannot both be keys", answer_type, column_type);
	if (answer == TEXTOID || reco_key_kind_of_base(answer) == reco_key_kind_of_base(column))
		return;
	name = reco_key_type_name(reco_key_kind_of_base(column));
	ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
					errmsg("item ids of this recommender are %s, not %s", name,
						   reco_key_type_name(reco_key_kind_of_base(answer))),
					errhint(hint, name)));
}

int
reco_key_compare(const RecoKey *a, const RecoKey *b)
{
	int order;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == RECO_KEY_INTEGER)
		return (a->integer > b->integer) - (a->integer < b->integer);
	order = memcmp(a->bytes, b->bytes, Min(a->length, b->length));
	if (order != 0)
		return order;
	return (a->length > b->length) - (a->length < b->length);
}

uint64
reco_key_hash(uint64 seed, const RecoKey *key)
{
	uint64 word;

	if (key->kind != RECO_KEY_INTEGER)
		return rk_hash64(seed, key->bytes, key->length);
	word = (uint64) key->integer;
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	return rk_hash64(seed, &word, sizeof(word));
}

RecoKey
reco_keys_get(const RecoKeys *keys, size_t index)
{
	RecoKey key = {.kind = keys->kind};

	if (keys->kind == RECO_KEY_INTEGER)
	{
		key.integer = keys->integer[index];
		return key;
	}
	key.bytes = keys->bytes + keys->offset[index];
	key.length = (uint32) (keys->offset[index + 1] - keys->offset[index]);
	return key;
}

/* find_integer finds one of n ascending integers; where they follow each other closely the first guess is right. */
static int64
find_integer(const int64 *key, size_t n, int64 wanted)
{
	size_t low = 0;
	size_t guess;

	if (n == 0 || wanted < key[0] || wanted > key[n - 1])
		return -1;
	guess = (size_t) (((double) wanted - (double) key[0]) / ((double) key[n - 1] - (double) key[0] + 1) *
					  (double) n);
	guess = Min(guess, n - 1);
	if (key[guess] == wanted)
		return (int64) guess;
	while (n > 1)
	{
		size_t half = n / 2;

		low += key[low + half] <= wanted ? half : 0;
		n -= half;
	}
	return key[low] == wanted ? (int64) low : -1;
}

int64
reco_keys_find(const RecoKeys *keys, const RecoKey *key)
{
	size_t low = 0;
	size_t high = keys->n;

	if (keys->kind == RECO_KEY_INTEGER && key->kind == RECO_KEY_INTEGER)
		return find_integer(keys->integer, keys->n, key->integer);
	while (low < high)
	{
		size_t middle = low + (high - low) / 2;
		RecoKey candidate = reco_keys_get(keys, middle);
		int order = reco_key_compare(&candidate, key);

		if (order == 0)
			return (int64) middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

RecoKeys *
reco_keys_without(const RecoKeys *keys, const RecoKeys *others)
{
	RecoKeys *left = palloc0(sizeof(RecoKeys));
	int64 *integer = NULL;
	uint64 *offset = NULL;
	char *bytes = NULL;

	left->kind = keys->kind;
	if (keys->kind == RECO_KEY_INTEGER)
		left->integer = integer = palloc_extended(Max(keys->n, 1) * sizeof(int64), MCXT_ALLOC_HUGE);
	else
	{
		left->offset = offset = palloc_extended((keys->n + 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
		left->bytes = bytes = palloc_extended(keys->offset[keys->n] + 1, MCXT_ALLOC_HUGE);
		offset[0] = 0;
	}
	for (size_t i = 0; i < keys->n; i++)
	{
		RecoKey key = reco_keys_get(keys, i);

		if (reco_keys_find(others, &key) >= 0)
			continue;
		if (keys->kind == RECO_KEY_INTEGER)
			integer[left->n] = key.integer;
		else
		{
			memcpy(bytes + offset[left->n], key.bytes, key.length);
			offset[left->n + 1] = offset[left->n] + key.length;
		}
		left->n++;
	}
	return left;
}

Datum
reco_key_array(const RecoKey *key, int n, Oid type)
{
	Datum *element = palloc(Max(n, 1) * sizeof(Datum));
	int16 length;
	bool by_value;
	char alignment;
	int kept = 0;
	ArrayType *array;

	for (int i = 0; i < n; i++)
		if (reco_key_fits(&key[i], type))
			element[kept++] = reco_key_to_datum(&key[i], type);
	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	array = construct_array(element, kept, type, length, by_value, alignment);
	for (int i = 0; i < kept && !by_value; i++)
		pfree(DatumGetPointer(element[i]));
	pfree(element);
	return PointerGetDatum(array);
}
