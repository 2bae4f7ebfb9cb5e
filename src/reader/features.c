/*
 * features.c
 *	  Reads the attributes of users and items: all rows when learning, a few
 *	  when serving.
 *
 * Learning reads the relation twice in one snapshot: once to gather what the encoder is fitted on, and once to
 * encode, row by row, with the function that serves.  A relation whose key is not unique may have several rows
 * for one key.  Then one more reading finds for each key the least hash of its rows, and only
 * rows of that hash count, so that the choice does not depend on the order of rows.
 *
 * Vectors and texts are the exception: their means and topics are computed in the order of keys, so their components and terms
 * are kept from the second reading and encoded when the rows are put together.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "reader/filter.h"
#include "reader/fit.h"
#include "reader/plans.h"
#include "reader/receiver.h"
#include "reco.h"

#define ROW_SEED UINT64CONST(0x66656174757265)
#define CHECK_EVERY 65536
#define NOWHERE SIZE_MAX

/* What a reading is for. */
typedef enum Purpose
{
	PURPOSE_FIT,
	PURPOSE_HASH,
	PURPOSE_ENCODE
} Purpose;

/* Values of an attribute that are encoded when all are known: a run of entries a key. */
typedef struct Late
{
	RecoEntries entries;
	size_t *start; /* [n keys], NOWHERE: missing */
	size_t *end;
} Late;

/* One reading of a side. */
typedef struct Reading
{
	RecoSide side;
	const RecoDefinition *definition;
	RecoEncoder *encoder;
	RecoSource *source; /* [attributes] */
	Oid key_type;
	MemoryContext context; /* what outlives a row */
	MemoryContext row;

	/* keys: sorted when learning; in the order of the call when serving */
	const RecoKeys *keys;
	const RecoKey *key;
	uint32 *order; /* [n_keys], positions in the order of keys */
	size_t n_keys;

	Purpose purpose;
	uint8 *met;       /* bitmap of the keys whose row was taken */
	uint64 *least;    /* [n_keys] hash of the row to take, NULL: any */
	bool has_several; /* some key has several rows */
	RecoFit *fit;     /* [attributes] */
	RecoEntries entries;
	size_t *start; /* [n_keys], NOWHERE: no row */
	size_t *end;
	Late *late; /* [attributes], NULL when serving */
} Reading;

bool
reco_features_named(const RecoDefinition *definition, RecoSide side)
{
	return (side == RECO_SIDE_ITEM ? definition->item_features : definition->user_features) != NIL;
}

/* side_of gives the relation and key column of a side. */
static const RecoRelation *
side_of(const RecoDefinition *definition, RecoSide side, const RecoColumn **key)
{
	*key = side == RECO_SIDE_ITEM ? &definition->item_key : &definition->user_key;
	return side == RECO_SIDE_ITEM ? &definition->items : &definition->users;
}

/* plan_side makes an encoder, not fitted, of the features of a side. */
static RecoEncoder *
plan_side(const RecoDefinition *definition, RecoSide side, int group, RecoSource **source,
		  RecoFeatureOptions **options)
{
	List *names = side == RECO_SIDE_ITEM ? definition->item_features : definition->user_features;
	RecoEncoder *encoder = palloc0(sizeof(RecoEncoder));
	const ListCell *cell;

	encoder->encoding = GetDatabaseEncoding();
	encoder->n_attributes = list_length(names);
	encoder->attribute = palloc0(Max(encoder->n_attributes, 1) * sizeof(RecoAttribute));
	*source = palloc(Max(encoder->n_attributes, 1) * sizeof(RecoSource));
	*options = palloc(Max(encoder->n_attributes, 1) * sizeof(RecoFeatureOptions));
	foreach (cell, names)
	{
		int a = foreach_current_index(cell);

		(*options)[a] = reco_feature_options(definition, lfirst(cell), group);
		reco_attribute_plan(definition, side, lfirst(cell), &(*options)[a], &encoder->attribute[a],
							&(*source)[a]);
	}
	return encoder;
}

void
reco_features_check(const RecoDefinition *definition)
{
	RecoSource *source;
	RecoFeatureOptions *options;

	reco_feature_options_check(definition);
	(void) plan_side(definition, RECO_SIDE_ITEM, 0, &source, &options);
	(void) plan_side(definition, RECO_SIDE_USER, 0, &source, &options);
}

/* select_sql writes the query of all rows, or of those of an array of keys. */
static char *
select_sql(const Reading *reading, bool by_key)
{
	const RecoColumn *key;
	const RecoRelation *relation = side_of(reading->definition, reading->side, &key);
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s", quote_identifier(key->name));
	for (int a = 0; a < reading->encoder->n_attributes; a++)
		appendStringInfo(&sql, ", %s", reading->source[a].expression);
	appendStringInfo(&sql, " FROM %s", relation->sql_name);
	if (by_key)
		appendStringInfo(&sql, " WHERE %s OPERATOR(pg_catalog.=) ANY ($1)", quote_identifier(key->name));
	return sql.data;
}

/* position_of gives the position of a key among those that are wanted, or -1; one that is wanted twice has the first. */
static int64
position_of(const Reading *reading, const RecoKey *key)
{
	size_t low = 0;
	size_t high = reading->n_keys;

	if (reading->keys != NULL)
		return reco_keys_find(reading->keys, key);
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

/* read_raws reads the attributes of a row; gives its hash where that is asked for. */
static RecoRaw *
read_raws(const Reading *reading, TupleTableSlot *slot, uint64 *hash)
{
	RecoRaw *raw = palloc(reading->encoder->n_attributes * sizeof(RecoRaw));

	*hash = ROW_SEED;
	for (int a = 0; a < reading->encoder->n_attributes; a++)
	{
		raw[a] = reco_raw_read(&reading->encoder->attribute[a], reading->source[a].form,
							   slot->tts_values[a + 1], slot->tts_isnull[a + 1]);
		if (reading->least != NULL)
			*hash = reco_raw_hash(*hash, &raw[a]);
	}
	return raw;
}

/* keep_late keeps a vector, or the terms of a text, until all are known; false for a text without a known term. */
static bool
keep_late(const RecoAttribute *attribute, Late *late, size_t position, const RecoRaw *raw)
{
	size_t start = late->entries.n;

	if (attribute->kind == RECO_FEATURE_TEXT)
		reco_text_entries(attribute, raw->piece, &late->entries);
	else
		for (int c = 0; c < raw->n; c++)
			reco_entries_push(&late->entries, (size_t) c, raw->component[c]);
	if (late->entries.n == start)
		return false;
	late->start[position] = start;
	late->end[position] = late->entries.n;
	return true;
}

/* check_memory raises where the encoded rows do not fit. */
static void
check_memory(const Reading *reading)
{
	size_t n = reading->entries.n;

	for (int a = 0; reading->late != NULL && a < reading->encoder->n_attributes; a++)
		n += reading->late[a].entries.n;
	if (n / 1024 * 2 * (sizeof(uint32) + sizeof(float)) <= (size_t) reco_learn_memory)
		return;
	ereport(ERROR, errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			errmsg("the features of the %s need more memory than reco.learn_memory (%d MB)",
				   reading->side == RECO_SIDE_ITEM ? "items" : "users", reco_learn_memory / 1024),
			errhint("Raise reco.learn_memory, or name fewer features."));
}

/* encode_row appends the entries of a row. */
static void
encode_row(Reading *reading, size_t position, const RecoRaw *raw)
{
	MemoryContext old = MemoryContextSwitchTo(reading->context);

	reading->start[position] = reading->entries.n;
	for (int a = 0; a < reading->encoder->n_attributes; a++)
	{
		const RecoAttribute *attribute = &reading->encoder->attribute[a];

		if (reading->late == NULL || reading->late[a].start == NULL || raw[a].missing ||
			!keep_late(attribute, &reading->late[a], position, &raw[a]))
			reco_attribute_encode(attribute, &raw[a], &reading->entries);
	}
	reading->end[position] = reading->entries.n;
	MemoryContextSwitchTo(old);
	if (reading->late != NULL)
		check_memory(reading);
}

/* take_row does with the row of a wanted key what the reading is for. */
static void
take_row(Reading *reading, size_t position, const RecoRaw *raw, uint64 hash)
{
	bool met = (reading->met[position / 8] >> (position % 8) & 1) != 0;

	if (reading->purpose == PURPOSE_HASH)
	{
		reading->least[position] = Min(reading->least[position], hash);
		return;
	}
	reading->has_several |= met;
	if (met || (reading->least != NULL && reading->least[position] != hash))
		return;
	reading->met[position / 8] |= (uint8) (1 << (position % 8));
	if (reading->purpose == PURPOSE_ENCODE)
	{
		encode_row(reading, position, raw);
		return;
	}
	for (int a = 0; a < reading->encoder->n_attributes; a++)
		reco_fit_take(&reading->fit[a], &raw[a], reading->context);
}

/* receive takes one row from the executor, which checks for interrupts between rows. */
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
		uint64 hash;

		if (position >= 0)
		{
			const RecoRaw *raw = read_raws(reading, slot, &hash);

			take_row(reading, (size_t) position, raw, hash);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(reading->row);
}

/* read_all reads the whole relation. */
static void
read_all(Reading *reading, Purpose purpose)
{
	const RecoColumn *key;
	RecoReceiver dest;
	SPIExecuteOptions options = {.read_only = true, .dest = &dest.base};
	char *sql = select_sql(reading, false);
	RecoReading before;

	(void) side_of(reading->definition, reading->side, &key);
	reading->purpose = purpose;
	memset(reading->met, 0, reading->n_keys / 8 + 1);
	reco_receiver_init(&dest, receive, reading);
	reco_receiver_expect_key(&dest, key->type);
	before = reco_items_begin_read(NULL);
	if (SPI_execute_extended(sql, &options) != SPI_OK_SELECT)
		elog(ERROR, "reading features failed: %s", SPI_result_code_string(SPI_result));
	reco_items_end_read(before);
	pfree(sql);
}

/* fit_all reads what the encoder is fitted on and fits it, the parameters in the context "result". */
static void
fit_all(Reading *reading, const RecoFeatureOptions *options, int group, MemoryContext result)
{
	int n = reading->encoder->n_attributes;

	for (;;)
	{
		reading->fit = palloc(n * sizeof(RecoFit));
		for (int a = 0; a < n; a++)
			reco_fit_begin(&reading->fit[a], &reading->encoder->attribute[a], &options[a], group);
		reading->has_several = false;
		read_all(reading, PURPOSE_FIT);
		if (!reading->has_several || reading->least != NULL)
			break;
		reading->least = palloc_extended(Max(reading->n_keys, 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
		memset(reading->least, 0xFF, reading->n_keys * sizeof(uint64));
		read_all(reading, PURPOSE_HASH);
	}
	for (int a = 0; a < n; a++)
		reco_fit_finish(&reading->fit[a], result);
	reco_encoder_lay_out(reading->encoder);
}

/* begin_positions makes the arrays of where the entries of each key are. */
static void
begin_positions(size_t n, size_t **start, size_t **end)
{
	*start = palloc_extended(Max(n, 1) * sizeof(size_t), MCXT_ALLOC_HUGE);
	*end = palloc_extended(Max(n, 1) * sizeof(size_t), MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < n; i++)
		(*start)[i] = (*end)[i] = NOWHERE;
}

/* fit_vectors fits a vector attribute. */
static void
fit_vectors(const Reading *reading, const Late *late, RecoAttribute *attribute, MemoryContext result)
{
	const float **row = palloc_extended(Max(reading->n_keys, 1) * sizeof(float *), MCXT_ALLOC_HUGE);
	size_t n = 0;

	for (size_t i = 0; i < reading->n_keys; i++)
		if (late->start[i] != NOWHERE)
			row[n++] = late->entries.weight + late->start[i];
	reco_fit_vectors(attribute, row, n, result);
	pfree(row);
}

/* fit_texts fits a text attribute. */
static void
fit_texts(const Reading *reading, const Late *late, RecoAttribute *attribute, MemoryContext result)
{
	RecoTextRows rows = {.entries = &late->entries};

	begin_positions(reading->n_keys, &rows.start, &rows.end);
	rows.hash = palloc_extended(Max(reading->n_keys, 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < reading->n_keys; i++)
	{
		RecoKey key = reco_keys_get(reading->keys, i);

		if (late->start[i] == NOWHERE)
			continue;
		rows.start[rows.n] = late->start[i];
		rows.end[rows.n] = late->end[i];
		rows.hash[rows.n++] = reco_key_hash(ROW_SEED, &key);
	}
	reco_fit_topics(attribute, &rows, result);
}

/* fit_late fits the attributes whose values were kept, in the order of keys. */
static void
fit_late(const Reading *reading, MemoryContext result)
{
	for (int a = 0; a < reading->encoder->n_attributes; a++)
	{
		RecoAttribute *attribute = &reading->encoder->attribute[a];

		if (attribute->kind == RECO_FEATURE_VECTOR)
			fit_vectors(reading, &reading->late[a], attribute, result);
		else if (attribute->kind == RECO_FEATURE_TEXT)
			fit_texts(reading, &reading->late[a], attribute, result);
	}
}

/* encode_late encodes a value that was kept. */
static void
encode_late(const RecoAttribute *attribute, const Late *late, size_t position, RecoEntries *into)
{
	RecoRaw raw = {.n = (int) (late->end[position] - late->start[position]),
				   .component = late->entries.weight + late->start[position]};

	if (attribute->kind == RECO_FEATURE_TEXT)
		reco_text_encode(attribute, late->entries.index + late->start[position], raw.component,
						 (size_t) raw.n, into);
	else
		reco_attribute_encode(attribute, &raw, into);
}

/* collect_row appends the entries of a key to those of the keys before it, in the order of columns. */
static void
collect_row(const Reading *reading, size_t position, RecoEntries *into)
{
	const RecoEntries *from = &reading->entries;
	const RecoRaw missing = {.missing = true};
	size_t e = reading->start[position];

	for (int a = 0; a < reading->encoder->n_attributes; a++)
	{
		const RecoAttribute *attribute = &reading->encoder->attribute[a];

		if (e == NOWHERE)
		{
			reco_attribute_encode(attribute, &missing, into);
			continue;
		}
		if (reading->late != NULL && reading->late[a].start != NULL &&
			reading->late[a].start[position] != NOWHERE)
			encode_late(attribute, &reading->late[a], position, into);
		for (; e < reading->end[position] && from->index[e] < attribute->first + attribute->n; e++)
			reco_entries_push(into, from->index[e], from->weight[e]);
	}
}

/* collect makes the matrix of the rows that were read, in the order of keys, in the current context. */
static RecoFeatures *
collect(const Reading *reading)
{
	RecoFeatures *features = palloc0(sizeof(RecoFeatures));
	uint64 *offset = palloc_extended((reading->n_keys + 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
	RecoEntries into = {0};

	features->found = palloc_extended(Max(reading->n_keys, 1) * sizeof(bool), MCXT_ALLOC_HUGE);
	offset[0] = 0;
	for (size_t i = 0; i < reading->n_keys; i++)
	{
		if (i % CHECK_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		features->found[i] = reading->start[i] != NOWHERE;
		collect_row(reading, i, &into);
		offset[i + 1] = into.n;
	}
	features->encoder = reading->encoder;
	features->matrix = (RkCsr){.n_rows = reading->n_keys,
							   .n_cols = reading->encoder->n_columns,
							   .offset = offset,
							   .index = into.index,
							   .weight = into.weight};
	return features;
}

/*
 * pool_small takes "missing" and "other" out of the user side where they are of fewer than group + 1 users: no
 * entry then says so, neither here nor when serving.
 */
static void
pool_small(RecoFeatures *features, RecoEncoder *encoder, int group)
{
	const RkCsr *matrix = &features->matrix;
	uint32 *count = palloc0(Max(encoder->n_columns, 1) * sizeof(uint32));
	uint64 *offset = unconstify(uint64 *, matrix->offset);
	uint32 *index = unconstify(uint32 *, matrix->index);
	float *weight = unconstify(float *, matrix->weight);
	uint64 kept = 0;
	uint64 e = 0;

	for (uint64 i = 0; i < matrix->offset[matrix->n_rows]; i++)
		count[matrix->index[i]]++;
	for (int a = 0; a < encoder->n_attributes; a++)
	{
		RecoAttribute *attribute = &encoder->attribute[a];

		attribute->keeps_missing = count[attribute->first + attribute->n - 1] > (uint32) group;
		if (reco_attribute_pools(attribute))
			attribute->keeps_other = count[attribute->first + attribute->n - 2] > (uint32) group;
	}
	for (size_t r = 0; r < matrix->n_rows; r++)
	{
		for (uint64 end = matrix->offset[r + 1]; e < end; e++)
			if (reco_encoder_keeps(encoder, index[e]))
			{
				index[kept] = index[e];
				weight[kept++] = weight[e];
			}
		offset[r + 1] = kept;
	}
	pfree(count);
}

RecoFeatures *
reco_features_learn(const RecoDefinition *definition, RecoSide side, const RecoKeys *keys, int min_group)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext temporary = AllocSetContextCreate(result, "reco features", ALLOCSET_DEFAULT_SIZES);
	int group = side == RECO_SIDE_USER ? min_group : 0;
	Reading reading = {.side = side, .definition = definition, .keys = keys, .n_keys = keys->n};
	RecoFeatureOptions *options;
	RecoFeatures *features;
	const RecoColumn *key;

	if (!reco_features_named(definition, side))
		return NULL;
	(void) side_of(definition, side, &key);
	reading.key_type = key->type;
	reading.encoder = plan_side(definition, side, group, &reading.source, &options);
	MemoryContextSwitchTo(temporary);
	reading.context = temporary;
	reading.row = AllocSetContextCreate(temporary, "reco features row", ALLOCSET_DEFAULT_SIZES);
	reading.met = palloc_extended(keys->n / 8 + 1, MCXT_ALLOC_HUGE);
	fit_all(&reading, options, group, result);
	begin_positions(keys->n, &reading.start, &reading.end);
	reading.late = palloc0(Max(reading.encoder->n_attributes, 1) * sizeof(Late));
	for (int a = 0; a < reading.encoder->n_attributes; a++)
		if (reading.encoder->attribute[a].kind == RECO_FEATURE_VECTOR ||
			reading.encoder->attribute[a].kind == RECO_FEATURE_TEXT)
			begin_positions(keys->n, &reading.late[a].start, &reading.late[a].end);
	read_all(&reading, PURPOSE_ENCODE);
	fit_late(&reading, result);
	MemoryContextSwitchTo(result);
	features = collect(&reading);
	if (group > 0)
		pool_small(features, reading.encoder, group);
	MemoryContextDelete(temporary);
	return features;
}

/* key_array makes the array of keys to look up, without those that no row can have. */
static Datum
key_array(const RecoKey *key, int n, Oid type)
{
	Datum *element = palloc(Max(n, 1) * sizeof(Datum));
	int16 length;
	bool by_value;
	char alignment;
	int kept = 0;

	for (int i = 0; i < n; i++)
		if (reco_key_fits(&key[i], type))
			element[kept++] = reco_key_to_datum(&key[i], type);
	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return PointerGetDatum(construct_array(element, kept, type, length, by_value, alignment));
}

/* probe reads the rows of the wanted keys by a kept plan. */
static void
probe(Reading *reading, const RecoColumn *key, Datum keys)
{
	Oid array_type = get_array_type(reco_key_lookup_type(key->type));
	char *sql = select_sql(reading, true);
	RecoReceiver dest;
	RecoPlan *plan;
	RecoReading before;

	reco_receiver_init(&dest, receive, reading);
	reco_receiver_expect_key(&dest, key->type);
	before = reco_items_begin_read(NULL);
	plan = reco_plans_find(sql, 1, &array_type);
	if (plan == NULL)
		plan = reco_plans_prepare(sql, 1, &array_type);
	reco_plans_execute(plan, &keys, NULL, &dest.base);
	reco_items_end_read(before);
}

/* probe_all reads the wanted rows; once more where a key has several. */
static void
probe_all(Reading *reading, const RecoColumn *key)
{
	Datum keys = key_array(reading->key, (int) reading->n_keys, reco_key_lookup_type(key->type));

	reading->purpose = PURPOSE_ENCODE;
	probe(reading, key, keys);
	if (!reading->has_several)
		return;
	reading->least = palloc(reading->n_keys * sizeof(uint64));
	memset(reading->least, 0xFF, reading->n_keys * sizeof(uint64));
	reading->purpose = PURPOSE_HASH;
	probe(reading, key, keys);
	reading->purpose = PURPOSE_ENCODE;
	memset(reading->met, 0, reading->n_keys / 8 + 1);
	reading->entries.n = 0;
	probe(reading, key, keys);
}

RecoFeatures *
reco_encoder_rows(const RecoDefinition *definition, const RecoEncoder *encoder, RecoSide side,
				  const RecoKey *key, int n)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext temporary = AllocSetContextCreate(result, "reco features", ALLOCSET_DEFAULT_SIZES);
	Reading reading = {.side = side,
					   .definition = definition,
					   .encoder = unconstify(RecoEncoder *, encoder),
					   .key = key,
					   .n_keys = (size_t) n};
	RecoFeatures *features;
	const RecoColumn *column;

	(void) side_of(definition, side, &column);
	MemoryContextSwitchTo(temporary);
	reading.context = temporary;
	reading.key_type = column->type;
	reading.source = palloc(Max(encoder->n_attributes, 1) * sizeof(RecoSource));
	for (int a = 0; a < encoder->n_attributes; a++)
		reading.source[a] = reco_attribute_source(definition, side, &encoder->attribute[a]);
	reading.row = AllocSetContextCreate(temporary, "reco features row", ALLOCSET_DEFAULT_SIZES);
	reading.met = palloc0(n / 8 + 1);
	sort_positions(&reading);
	begin_positions(n, &reading.start, &reading.end);
	probe_all(&reading, column);
	MemoryContextSwitchTo(result);
	features = collect(&reading);
	MemoryContextDelete(temporary);
	return features;
}
