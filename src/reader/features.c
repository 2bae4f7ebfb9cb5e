/*
 * features.c
 *	  Reads the attributes of all users or items, fits an encoder on them, and
 *	  encodes them.
 *
 * The relation is read once, in the snapshot of the events; what encoding needs of each row is kept (fit.h) until the
 * encoder is known, and encoded by the functions that serve.  A relation whose key is not unique may have several rows
 * for one key.  Then another reading finds for each key the least hash of its rows, and one more takes
 * rows of that hash alone, so that the choice does not depend on the order of rows.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "reader/filter.h"
#include "reader/fit.h"
#include "reader/receiver.h"
#include "reco.h"

#define CHECK_EVERY 65536
#define TEXT_SEED UINT64CONST(0x66656174757265)

/* One reading of a side. */
typedef struct Reading
{
	RecoSide side;
	const RecoDefinition *definition;
	RecoEncoder *encoder;
	const RecoSource *source;         /* [attributes] */
	const RecoFeatureOptions *option; /* [attributes] */
	int group;
	Oid key_type;
	const RecoKeys *keys;

	MemoryContext context; /* what is kept */
	MemoryContext row;
	RecoRaw *raw;     /* [attributes], of a row */
	uint64 *least;    /* [keys], hash of the row to take; NULL: any */
	bool hashing;     /* least is being found */
	bool has_several; /* some key has several rows */
	uint32 *row_of;   /* [keys], the row that was kept, or RECO_NO_ROW */
	uint32 n_rows;
	RecoFit *fit; /* [attributes] */
} Reading;

bool
reco_features_named(const RecoDefinition *definition, RecoSide side)
{
	return (side == RECO_SIDE_ITEM ? definition->item_features : definition->user_features) != NIL;
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

/* check_memory raises where what is kept, and n entries that are encoded of it, do not fit. */
static void
check_memory(const Reading *reading, size_t n)
{
	size_t bytes = n * (sizeof(uint32) + sizeof(float));

	for (int a = 0; a < reading->encoder->n_attributes; a++)
		bytes += reco_fit_bytes(&reading->fit[a]);
	if (bytes / 1024 <= (size_t) reco_learn_memory)
		return;
	ereport(ERROR, errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			errmsg("the features of the %s need more memory than reco.learn_memory (%d MB)",
				   reading->side == RECO_SIDE_ITEM ? "items" : "users", reco_learn_memory / 1024),
			errhint("Raise reco.learn_memory, or name fewer features."));
}

/* take_row keeps the row of a key, or looks at its hash. */
static void
take_row(Reading *reading, size_t position)
{
	bool met = reading->row_of[position] != RECO_NO_ROW;
	uint64 hash = reading->least != NULL ? reco_feature_hash(reading->encoder, reading->raw) : 0;

	if (reading->hashing)
	{
		reading->least[position] = Min(reading->least[position], hash);
		return;
	}
	reading->has_several |= met;
	if (met || (reading->least != NULL && reading->least[position] != hash))
		return;
	reading->row_of[position] = reading->n_rows++;
	for (int a = 0; a < reading->encoder->n_attributes; a++)
		reco_fit_take(&reading->fit[a], &reading->raw[a], reading->context);
	if (reading->n_rows % 64 == 0)
		check_memory(reading, 0);
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
		int64 position = reco_keys_find(reading->keys, &key);

		if (position >= 0)
		{
			reco_feature_raws(reading->encoder, reading->source, slot, reading->raw);
			take_row(reading, (size_t) position);
		}
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(reading->row);
}

/* read_all reads the whole relation. */
static void
read_all(Reading *reading)
{
	const RecoColumn *key;
	RecoReceiver dest;
	SPIExecuteOptions options = {.read_only = true, .dest = &dest.base};
	char *sql = reco_feature_sql(reading->definition, reading->side, reading->source,
								 reading->encoder->n_attributes, RECO_FEATURES_OF_ALL);
	RecoReading before;

	(void) reco_feature_side(reading->definition, reading->side, &key);
	reco_receiver_init(&dest, receive, reading);
	reco_receiver_expect_key(&dest, key->type);
	before = reco_items_begin_read(NULL);
	reco_feature_pin_settings(reading->source, reading->encoder->n_attributes);
	if (SPI_execute_extended(sql, &options) != SPI_OK_SELECT)
		elog(ERROR, "reading features failed: %s", SPI_result_code_string(SPI_result));
	reco_items_end_read(before);
	pfree(sql);
}

/* keep_all reads the relation and keeps what it says of each key. */
static void
keep_all(Reading *reading)
{
	MemoryContext old;

	MemoryContextReset(reading->context);
	old = MemoryContextSwitchTo(reading->context);
	for (int a = 0; a < reading->encoder->n_attributes; a++)
		reco_fit_begin(&reading->fit[a], &reading->encoder->attribute[a], &reading->option[a],
					   reading->group);
	MemoryContextSwitchTo(old);
	reading->n_rows = 0;
	memset(reading->row_of, 0xFF, reading->keys->n * sizeof(uint32));
	read_all(reading);
}

/* keep_one_each keeps one row of each key: where a key has several, that of the least hash. */
static void
keep_one_each(Reading *reading)
{
	keep_all(reading);
	if (!reading->has_several)
		return;
	reading->least = palloc_extended(Max(reading->keys->n, 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
	memset(reading->least, 0xFF, reading->keys->n * sizeof(uint64));
	reading->hashing = true;
	read_all(reading);
	reading->hashing = false;
	keep_all(reading);
}

/* fit_vectors fits a vector attribute. */
static void
fit_vectors(const Reading *reading, const RecoFit *fit, MemoryContext result)
{
	const float **row = palloc_extended(Max(reading->n_rows, 1) * sizeof(float *), MCXT_ALLOC_HUGE);
	size_t n = 0;

	for (size_t i = 0; i < reading->keys->n; i++)
	{
		RecoRaw raw = reco_fit_raw(fit, i);

		if (!raw.missing)
			row[n++] = raw.component;
	}
	reco_fit_vectors(fit->attribute, row, n, result);
	pfree(row);
}

/* fit_texts fits a text attribute. */
static void
fit_texts(const Reading *reading, const RecoFit *fit, MemoryContext result)
{
	size_t most = Max(reading->n_rows, 1);
	RecoTextRows rows = {.term = fit->kept.index,
						 .weight = fit->kept.weight,
						 .start = palloc_extended(most * sizeof(size_t), MCXT_ALLOC_HUGE),
						 .end = palloc_extended(most * sizeof(size_t), MCXT_ALLOC_HUGE),
						 .hash = palloc_extended(most * sizeof(uint64), MCXT_ALLOC_HUGE)};

	for (size_t i = 0; i < reading->keys->n; i++)
	{
		RecoKey key = reco_keys_get(reading->keys, i);

		if (reco_fit_raw(fit, i).missing)
			continue;
		rows.start[rows.n] = fit->kept.start[i];
		rows.end[rows.n] = fit->kept.end[i];
		rows.hash[rows.n++] = reco_key_hash(TEXT_SEED, &key);
	}
	reco_fit_topics(fit->attribute, &rows, result);
}

/* fit_all fits the encoder to what was kept, its parameters in the context "result". */
static void
fit_all(Reading *reading, MemoryContext result)
{
	for (int a = 0; a < reading->encoder->n_attributes; a++)
	{
		reco_fit_finish(&reading->fit[a], result);
		reco_fit_arrange(&reading->fit[a], reading->row_of, reading->keys->n, reading->context);
	}
	reco_encoder_lay_out(reading->encoder);
	/* the means of vectors and the topics of texts are sums in the order of keys */
	for (int a = 0; a < reading->encoder->n_attributes; a++)
		if (reading->encoder->attribute[a].kind == RECO_FEATURE_VECTOR)
			fit_vectors(reading, &reading->fit[a], result);
		else if (reading->encoder->attribute[a].kind == RECO_FEATURE_TEXT)
			fit_texts(reading, &reading->fit[a], result);
}

/* encode_key appends the entries of a key. */
static void
encode_key(const Reading *reading, size_t position, RecoEntries *into)
{
	for (int a = 0; a < reading->encoder->n_attributes; a++)
	{
		RecoRaw raw = reco_fit_raw(&reading->fit[a], position);

		reco_attribute_encode(&reading->encoder->attribute[a], &raw, into);
	}
}

/* encode_all makes the matrix of what was kept, in the order of keys, in the current context. */
static RecoFeatures *
encode_all(const Reading *reading)
{
	RecoFeatures *features = palloc0(sizeof(RecoFeatures));
	size_t n = reading->keys->n;
	uint64 *offset = palloc_extended((n + 1) * sizeof(uint64), MCXT_ALLOC_HUGE);
	RecoEntries into = {0};

	reco_entries_reserve(&into, n * (size_t) reading->encoder->n_attributes);
	features->found = palloc_extended(Max(n, 1) * sizeof(bool), MCXT_ALLOC_HUGE);
	offset[0] = 0;
	for (size_t i = 0; i < n; i++)
	{
		if (i % 1024 == 0)
		{
			CHECK_FOR_INTERRUPTS();
			check_memory(reading, into.n);
		}
		features->found[i] = reading->row_of[i] != RECO_NO_ROW;
		encode_key(reading, i, &into);
		offset[i + 1] = into.n;
	}
	features->encoder = reading->encoder;
	features->matrix = (RkCsr){.n_rows = n,
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
	bool *keeps = palloc(Max(encoder->n_columns, 1) * sizeof(bool));
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
	for (size_t c = 0; c < encoder->n_columns; c++)
		keeps[c] = reco_encoder_keeps(encoder, c);
	for (size_t r = 0; r < matrix->n_rows; r++)
	{
		for (uint64 end = matrix->offset[r + 1]; e < end; e++)
			if (keeps[index[e]])
			{
				index[kept] = index[e];
				weight[kept++] = weight[e];
			}
		offset[r + 1] = kept;
	}
	pfree(keeps);
	pfree(count);
}

RecoFeatures *
reco_features_learn(const RecoDefinition *definition, RecoSide side, const RecoKeys *keys, int min_group)
{
	MemoryContext result = CurrentMemoryContext;
	MemoryContext temporary = AllocSetContextCreate(result, "reco features", ALLOCSET_DEFAULT_SIZES);
	int group = side == RECO_SIDE_USER ? min_group : 0;
	Reading reading = {.side = side, .definition = definition, .keys = keys, .group = group};
	RecoSource *source;
	RecoFeatureOptions *option;
	RecoFeatures *features;
	const RecoColumn *key;

	if (!reco_features_named(definition, side))
		return NULL;
	(void) reco_feature_side(definition, side, &key);
	reading.key_type = key->type;
	reading.encoder = plan_side(definition, side, group, &source, &option);
	reading.source = source;
	reading.option = option;
	MemoryContextSwitchTo(temporary);
	reading.context = AllocSetContextCreate(temporary, "reco features kept", ALLOCSET_DEFAULT_SIZES);
	reading.row = AllocSetContextCreate(temporary, "reco features row", ALLOCSET_DEFAULT_SIZES);
	reading.raw = palloc(reading.encoder->n_attributes * sizeof(RecoRaw));
	reading.fit = palloc(reading.encoder->n_attributes * sizeof(RecoFit));
	reading.row_of = palloc_extended(Max(keys->n, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	keep_one_each(&reading);
	fit_all(&reading, result);
	MemoryContextSwitchTo(result);
	features = encode_all(&reading);
	if (group > 0)
		pool_small(features, reading.encoder, group);
	MemoryContextDelete(temporary);
	return features;
}
