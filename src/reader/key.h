/*
 * key.h
 *	  Keys of users and items: smallint, int, bigint, uuid, text and varchar
 *	  columns, as three kinds with one total order each.
 *
 * The order is canonical, not the column's collation: integers by value, uuid
 * and text by unsigned bytes, a prefix first.  A sorted set of keys is what
 * makes a version independent of the physical order of rows; the position of a
 * key in it is the item's index in every tensor.
 */
#ifndef RECO_READER_KEY_H
#define RECO_READER_KEY_H

#include "postgres.h"

typedef enum RecoKeyKind
{
	RECO_KEY_INTEGER,
	RECO_KEY_UUID,
	RECO_KEY_TEXT
} RecoKeyKind;

/* One key.  bytes points into memory of whoever made the key (16 bytes for uuid). */
typedef struct RecoKey
{
	RecoKeyKind kind;
	int64 integer;     /* RECO_KEY_INTEGER */
	const char *bytes; /* RECO_KEY_UUID, RECO_KEY_TEXT */
	uint32 length;     /* of bytes */
} RecoKey;

/* A sorted set of n distinct keys of one kind. */
typedef struct RecoKeys
{
	RecoKeyKind kind;
	size_t n;
	const int64 *integer; /* [n], RECO_KEY_INTEGER */
	const uint64 *offset; /* [n + 1], into bytes; the other two kinds (uuid too: 16 * i) */
	const char *bytes;
} RecoKeys;

/*
 * reco_key_kind_of_type maps a column type (domains looked through) to its
 * kind; "what" names the column in the error for any other type
 * (ERRCODE_DATATYPE_MISMATCH, hint: cast it in a view).
 */
extern RecoKeyKind reco_key_kind_of_type(Oid type, const char *what);

/* reco_key_from_datum reads a non-null value of a supported type; bytes of text point into the (detoasted) datum. */
extern RecoKey reco_key_from_datum(Datum value, Oid type);

/*
 * reco_key_to_datum makes a value of "type" (any type of the key's kind, or
 * text for any kind) in the current context.  An integer out of the range of
 * the type is ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE: see reco_key_fits.
 */
extern Datum reco_key_to_datum(const RecoKey *key, Oid type);

/* reco_key_array makes an array of such values, in the current context, without the keys that the type cannot hold. */
extern Datum reco_key_array(const RecoKey *key, int n, Oid type);

/*
 * reco_key_parse turns an argument of a SQL call (bigint, uuid or text) into a
 * key of a column of type column_type.  Text is parsed by the column type's
 * input function.  Any other mismatch is ERRCODE_DATATYPE_MISMATCH with a hint
 * that shows the right call; "what" is "user" or "item".
 * A bigint out of the range of a smallint or int column gives a key that no row has.
 */
extern RecoKey reco_key_parse(Datum value, Oid argument_type, Oid column_type, const char *what);

/*
 * reco_key_require_answer raises ERRCODE_DATATYPE_MISMATCH unless ids of an item
 * column can be answered as answer_type, which is of the same kind or text.  The
 * hint says what to do; the name of the column's type goes where it has %s.
 */
extern void reco_key_require_answer(Oid answer_type, Oid column_type, const char *hint);

/* reco_key_fits says whether a key is in the range of a column's type; one that is not is in no row. */
extern bool reco_key_fits(const RecoKey *key, Oid type);

/*
 * reco_key_lookup_type gives the type of a parameter that is compared with a
 * column: no domain, and text for varchar.  Raises like reco_key_kind_of_type.
 */
extern Oid reco_key_lookup_type(Oid type);

extern int reco_key_compare(const RecoKey *a, const RecoKey *b);

/* reco_key_hash hashes the canonical bytes: 8 little-endian bytes of an integer, or bytes. */
extern uint64 reco_key_hash(uint64 seed, const RecoKey *key);

extern RecoKey reco_keys_get(const RecoKeys *keys, size_t index);

/* reco_keys_without gives the keys that are not in another set of the same kind, in the current context. */
extern RecoKeys *reco_keys_without(const RecoKeys *keys, const RecoKeys *others);

/* reco_keys_find gives the index of a key, or -1.  Binary search. */
extern int64 reco_keys_find(const RecoKeys *keys, const RecoKey *key);

#endif
