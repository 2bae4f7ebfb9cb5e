/*
 * features_read.c
 *	  Reads the attributes of a few users or items as they are now, and encodes
 *	  them.
 *
 * What a call reads is read in its snapshot and as the caller, and nothing of a row is kept.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "reader/encoder.h"
#include "reader/filter.h"
#include "reader/plans.h"
#include "reader/receiver.h"

#define ROW_SEED UINT64CONST(0x66656174757265)
#define NOWHERE SIZE_MAX

const RecoRelation *
reco_feature_side(const RecoDefinition *definition, RecoSide side, const RecoColumn **key)
{
	*key = side == RECO_SIDE_ITEM ? &definition->item_key : &definition->user_key;
	return side == RECO_SIDE_ITEM ? &definition->items : &definition->users;
}

char *
reco_feature_sql(const RecoDefinition *definition, RecoSide side, const RecoSource *source, int n,
				 RecoFeatureRows rows)
{
	const RecoColumn *key;
	const RecoRelation *relation = reco_feature_side(definition, side, &key);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s", quote_identifier(key->name));
	for (int a = 0; a < n; a++)
		appendStringInfo(&sql, ", %s", source[a].expression != NULL ? source[a].expression : "NULL");
	appendStringInfo(&sql, " FROM %s", relation->sql_name);
	if (rows != RECO_FEATURES_OF_ALL)
		appendStringInfo(&sql, " WHERE %s OPERATOR(pg_catalog.=) %s", quote_identifier(key->name),
						 rows == RECO_FEATURES_OF_ONE ? "$1" : "ANY ($1)");
	return sql.data;
}

void
reco_feature_pin_settings(const RecoSource *source, int n)
{
	static const char *const setting[][2] = {{"DateStyle", "ISO, YMD"},
											 {"TimeZone", "UTC"},
											 {"extra_float_digits", "1"},
											 {"IntervalStyle", "postgres"}};
	bool asks = false;

	for (int a = 0; a < n; a++)
		asks |= source[a].expression != NULL && reco_source_asks_settings(&source[a]);
	for (size_t s = 0; asks && s < lengthof(setting); s++)
		(void) set_config_option(setting[s][0], setting[s][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
}

void
reco_feature_raws(const RecoEncoder *encoder, const RecoSource *source, TupleTableSlot *slot, RecoRaw *raw)
{
	for (int a = 0; a < encoder->n_attributes; a++)
		raw[a] = reco_raw_read(&encoder->attribute[a], source[a].form, slot->tts_values[a + 1],
							   slot->tts_isnull[a + 1]);
}

uint64
reco_feature_hash(const RecoEncoder *encoder, const RecoRaw *raw)
{
	uint64 hash = ROW_SEED;

	for (int a = 0; a < encoder->n_attributes; a++)
		hash = reco_raw_hash(hash, &raw[a]);
	return hash;
}

/* What a probe is for. */
typedef enum Purpose
{
	PURPOSE_HASH,
	PURPOSE_ENCODE
} Purpose;

/* One probe of a side. */
typedef struct Reading
{
	RecoSide side;
	const RecoDefinition *definition;
	const RecoEncoder *encoder;
	RecoSource *source; /* [attributes] */
	Oid key_type;
	MemoryContext context; /* what outlives a row */
	MemoryContext row;

	const RecoKey *key; /* [n_keys], in the order of the call */
	uint32 *order;      /* [n_keys], positions in the order of keys */
	size_t n_keys;

	Purpose purpose;
	RecoRaw *raw;     /* [attributes], of a row */
	uint64 *least;    /* [n_keys] hash of the row to take, NULL: any */
	bool has_several; /* some key has several rows */
	RecoEntries entries;
	size_t *start; /* [n_keys], NOWHERE: no row */
	size_t *end;
} Reading;

/* position_of gives the position of a key among those that are wanted, or -1; one that is wanted twice has the first. */
static int64
position_of(const Reading *reading, const RecoKey *key)
{
	size_t low = 0;
	size_t high = reading->n_keys;

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (reco_key_compare(&reading->key[reading->order[middle]], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == reading->n_keys || reco_key_compare(&reading->key[reading->order[low]], key) != 0)
		return -1;
	return reading->order[low];
}

static int
compare_positions(const void *a, const void *b, void *key)
{
	uint32 x = *(const uint32 *) a;
	uint32 y = *(const uint32 *) b;
	int order = reco_key_compare((const RecoKey *) key + x, (const RecoKey *) key + y);

	return order != 0 ? order : (x > y) - (x < y);
}

/* sort_positions puts the keys of a call in order, so that they are found by binary search. */
static void
sort_positions(Reading *reading)
{
	reading->order = palloc_extended(Max(reading->n_keys, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < reading->n_keys; i++)
		reading->order[i] = (uint32) i;
	qsort_arg(reading->order, reading->n_keys, sizeof(uint32), compare_positions,
			  unconstify(RecoKey *, reading->key));
}

/* take_row does with the row of a wanted key what the reading is for. */
static void
take_row(Reading *reading, size_t position)
{
	uint64 hash = reading->least != NULL ? reco_feature_hash(reading->encoder, reading->raw) : 0;
	MemoryContext old;

	if (reading->purpose == PURPOSE_HASH)
	{
		reading->least[position] = Min(reading->least[position], hash);
		return;
	}
	reading->has_several |= reading->start[position] != NOWHERE;
	if (reading->start[position] != NOWHERE || (reading->least != NULL && reading->least[position] != hash))
		return;
	old = MemoryContextSwitchTo(reading->context);
	reading->start[position] = reading->entries.n;
	for (int a = 0; a < reading->encoder->n_attributes; a++)
		if (reading->source[a].expression != NULL)
			reco_attribute_encode(&reading->encoder->attribute[a], &reading->raw[a], &reading->entries);
	reading->end[position] = reading->entries.n;
	MemoryContextSwitchTo(old);
}

/* receive takes one row from the executor. */
static void
receive(TupleTableSlot *slot, void *state)
{
	Reading *reading = state;
	MemoryContext old = MemoryContextSwitchTo(reading->row);

	slot_getallattrs(slot);
	if (!slot->tts_isnull[0])
	{
		RecoKey key = reco_key_from_datum(slot->tts_values[0], reading->key_type);
		int64 position = position_of(reading, &key);

		if (position >= 0)
		{
			reco_feature_raws(reading->encoder, reading->source, slot, reading->raw);
			take_row(reading, (size_t) position);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(reading->row);
}

/* forget_rows makes the reading one of no rows. */
static void
forget_rows(Reading *reading)
{
	reading->entries.n = 0;
	for (size_t i = 0; i < reading->n_keys; i++)
		reading->start[i] = reading->end[i] = NOWHERE;
}

/* What a probe looks up: a key, by a kept query, or an array of keys. */
typedef struct Wanted
{
	const char *sql;
	Oid type;
	Datum value;
} Wanted;

/* probe reads the rows of the wanted keys by a kept plan. */
static void
probe(Reading *reading, const Wanted *wanted)
{
	RecoReceiver dest;
	RecoPlan *plan;
	RecoReading before;

	reco_receiver_init(&dest, receive, reading);
	reco_receiver_expect_key(&dest, reading->key_type);
	before = reco_items_begin_read(NULL);
	reco_feature_pin_settings(reading->source, reading->encoder->n_attributes);
	plan = reco_plans_find(wanted->sql, 1, &wanted->type);
	if (plan == NULL)
		plan = reco_plans_prepare(wanted->sql, 1, &wanted->type);
	reco_plans_execute(plan, &wanted->value, NULL, &dest.base);
	reco_items_end_read(before);
}

/* probe_all reads the wanted rows; once more where a key has several. */
static void
probe_all(Reading *reading, const char *one_sql)
{
	Oid type = reco_key_lookup_type(reading->key_type);
	Wanted wanted = {.sql = one_sql, .type = type};

	if (reading->n_keys == 1 && reco_key_fits(reading->key, type))
		wanted.value = reco_key_to_datum(reading->key, type);
	else
		wanted = (Wanted){reco_feature_sql(reading->definition, reading->side, reading->source,
										   reading->encoder->n_attributes, RECO_FEATURES_OF_SOME),
						  get_array_type(type), reco_key_array(reading->key, (int) reading->n_keys, type)};
	reading->purpose = PURPOSE_ENCODE;
	probe(reading, &wanted);
	if (!reading->has_several)
		return;
	reading->least = palloc(reading->n_keys * sizeof(uint64));
	memset(reading->least, 0xFF, reading->n_keys * sizeof(uint64));
	reading->purpose = PURPOSE_HASH;
	probe(reading, &wanted);
	reading->purpose = PURPOSE_ENCODE;
	forget_rows(reading);
	probe(reading, &wanted);
}

/* collect makes the matrix of the rows that were read, in the order of the call, in the current context. */
static RecoFeatures *
collect(const Reading *reading)
{
	const RecoEncoder *encoder = reading->encoder;
	const RecoRaw missing = {.missing = true};
	RecoFeatures *features = palloc0(sizeof(RecoFeatures));
	uint64 *offset = palloc_extended((reading->n_keys + 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
	RecoEntries into = {0};

	reco_entries_reserve(&into, reading->entries.n + (size_t) encoder->n_attributes);
	features->found = palloc_extended(Max(reading->n_keys, 1) * sizeof(bool), MCXT_ALLOC_HUGE);
	offset[0] = 0;
	for (size_t i = 0; i < reading->n_keys; i++)
	{
		features->found[i] = reading->start[i] != NOWHERE;
		for (int a = 0; a < encoder->n_attributes && !features->found[i]; a++)
			if (reading->source[a].expression != NULL)
				reco_attribute_encode(&encoder->attribute[a], &missing, &into);
		for (size_t e = reading->start[i]; features->found[i] && e < reading->end[i]; e++)
			reco_entries_push(&into, reading->entries.index[e], reading->entries.weight[e]);
		offset[i + 1] = into.n;
	}
	features->encoder = encoder;
	features->matrix = (RkCsr){.n_rows = reading->n_keys,
							   .n_cols = encoder->n_columns,
							   .offset = offset,
							   .index = into.index,
							   .weight = into.weight};
	return features;
}

RecoFeatures *
reco_encoder_rows(const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side,
				  const RecoKey *key, int n)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext temporary = AllocSetContextCreate(result, "reco features", ALLOCSET_DEFAULT_SIZES);
	Reading reading = {
		.side = side, .definition = definition, .encoder = encoder, .key = key, .n_keys = (size_t) n};
	size_t n_attributes = Max(encoder->n_attributes, 1);
	const RecoSource *source;
	const char *one_sql;
	RecoFeatures *features;
	const RecoColumn *column;

	(void) reco_feature_side(definition, side, &column);
	source = reco_sources_find(definition, encoder, side, &one_sql);
	MemoryContextSwitchTo(temporary);
	reading.context = temporary;
	reading.key_type = column->type;
	/* copies: a view may ask for the sources of other encoders while it is read */
	reading.source = palloc(n_attributes * sizeof(RecoSource));
	memcpy(reading.source, source, encoder->n_attributes * sizeof(RecoSource));
	one_sql = one_sql != NULL ? pstrdup(one_sql) : NULL;
	reading.row = AllocSetContextCreate(temporary, "reco features row", ALLOCSET_DEFAULT_SIZES);
	reading.raw = palloc(n_attributes * sizeof(RecoRaw));
	reading.start = palloc_extended(Max(n, 1) * sizeof(size_t), MCXT_ALLOC_HUGE);
	reading.end = palloc_extended(Max(n, 1) * sizeof(size_t), MCXT_ALLOC_HUGE);
	forget_rows(&reading);
	sort_positions(&reading);
	if (one_sql != NULL)
		probe_all(&reading, one_sql);
	MemoryContextSwitchTo(result);
	features = collect(&reading);
	MemoryContextDelete(temporary);
	return features;
}
