/*
 * sample.c
 *	  A sample of the users of a recommender, the same for the same seed.
 *
 * Users are ordered by a hash of the seed and their key, and the first of them
 * taken: whichever order the rows come in, and mostly the same users when some are added.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "reader/reader.h"
#include "reader/receiver.h"

/* A user with its place in the order. */
typedef struct Sampled
{
	uint64 hash;
	RecoKey key;
} Sampled;

/* A sample while users are read: a heap with the last of them on top. */
typedef struct SampleRead
{
	const RecoDefinition *definition;
	uint64 seed;
	int n;
	int most;
	Sampled *user;
	MemoryContext context;
} SampleRead;

/* is_after is the order of a sample. */
static bool
is_after(const Sampled *a, const Sampled *b)
{
	if (a->hash != b->hash)
		return a->hash > b->hash;
	return reco_key_compare(&a->key, &b->key) > 0;
}

static int
compare_sampled(const void *a, const void *b)
{
	return is_after(a, b) ? 1 : is_after(b, a) ? -1 : 0;
}

/* sift restores the heap below a place. */
static void
sift(SampleRead *read, int at)
{
	for (int child; (child = 2 * at + 1) < read->n; at = child)
	{
		Sampled swap;

		if (child + 1 < read->n && is_after(&read->user[child + 1], &read->user[child]))
			child++;
		if (!is_after(&read->user[child], &read->user[at]))
			return;
		swap = read->user[at];
		read->user[at] = read->user[child];
		read->user[child] = swap;
	}
}

/* copy_key gives a key with bytes of its own. */
static RecoKey
copy_key(const SampleRead *read, const RecoKey *key)
{
	RecoKey copy = *key;

	if (key->kind != RECO_KEY_INTEGER)
	{
		char *bytes = MemoryContextAlloc(read->context, key->length + 1);

		memcpy(bytes, key->bytes, key->length);
		copy.bytes = bytes;
	}
	return copy;
}

/* receive_user takes one distinct user. */
static void
receive_user(TupleTableSlot *slot, void *state)
{
	SampleRead *read = state;
	Sampled user;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0])
		return;
	user.key = reco_key_from_datum(slot->tts_values[0], read->definition->user.type);
	user.hash = reco_key_hash(read->seed, &user.key);
	if (read->n == read->most && !is_after(&read->user[0], &user))
		return;
	user.key = copy_key(read, &user.key);
	if (read->n < read->most)
	{
		read->user[read->n++] = user;
		if (read->n == read->most)
			for (int at = read->n / 2; at >= 0; at--)
				sift(read, at);
		return;
	}
	if (read->user[0].key.kind != RECO_KEY_INTEGER)
		pfree((char *) read->user[0].key.bytes);
	read->user[0] = user;
	sift(read, 0);
}

RecoKey *
reco_reader_sample_users(const RecoDefinition *definition, uint64 seed, int most, int *n)
{
	SampleRead read = {.definition = definition, .seed = seed, .most = most, .context = CurrentMemoryContext};
	RecoReceiver dest;
	StringInfoData sql;
	SPIExecuteOptions options = {.read_only = true};
	RecoKey *key = palloc(sizeof(RecoKey) * most);
	int nest_level;
	int status;

	read.user = palloc(sizeof(Sampled) * most);
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT DISTINCT %s FROM %s", quote_identifier(definition->user.name),
					 definition->interactions.sql_name);
	reco_receiver_init(&dest, receive_user, &read);
	options.dest = &dest.base;
	nest_level = reco_catalog_begin_query();
	status = SPI_execute_extended(sql.data, &options);
	reco_catalog_end_query(nest_level);
	if (status < 0)
		elog(ERROR, "users could not be read: %s", SPI_result_code_string(status));
	qsort(read.user, read.n, sizeof(Sampled), compare_sampled);
	for (int i = 0; i < read.n; i++)
		key[i] = read.user[i].key;
	*n = read.n;
	return key;
}
