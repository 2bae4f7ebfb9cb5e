/*
 * write.c
 *	  A learned version goes into the tables: tensors are cut into chunks of
 *	  1 MB, each stored once under the SHA-256 of its bytes, and the version's row
 *	  holds the table of tensors and the list of chunks.
 */
#include "postgres.h"

#include <limits.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "store/layout.h"

/* check_names refuses what the tensor table cannot hold: these are mistakes of an algorithm, not of a user. */
static void
check_names(const RecoTensorSet *set)
{
	if (set->n > RECO_MAX_TENSORS)
		elog(ERROR, "a version cannot have %d tensors", set->n);
	for (int i = 0; i < set->n; i++)
	{
		const char *name = set->tensor[i].name;

		if (name[0] == '\0' || strlen(name) >= RECO_TENSOR_NAME_BYTES)
			elog(ERROR, "tensor name \"%s\" is empty or too long", name);
		for (int j = 0; j < i; j++)
			if (strcmp(name, set->tensor[j].name) == 0)
				elog(ERROR, "two tensors are named \"%s\"", name);
	}
}

/* check_finite raises when a float tensor holds NaN or infinity. */
static void
check_finite(const RecoTensor *tensor)
{
	Size bytes = reco_store_tensor_bytes(tensor);

	for (Size start = 0; start < bytes; start += RECO_CHUNK_BYTES)
	{
		CHECK_FOR_INTERRUPTS();
		if (!reco_store_all_finite((const char *) tensor->data + start, Min(RECO_CHUNK_BYTES, bytes - start),
								   tensor->type))
			ereport(
				ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("tensor \"%s\" of the learned model has values that are not finite", tensor->name),
				 errdetail("A model with NaN or infinity cannot be stored."),
				 errhint("Look for extreme values or weights in the interactions, or raise lambda.")));
	}
}

/* tensor_table describes the tensors as jsonb: [{"name", "type", "rows", "columns"}, ...]. */
static Jsonb *
tensor_table(const RecoTensorSet *set)
{
	StringInfoData text;
	Jsonb *table;

	initStringInfo(&text);
	appendStringInfoChar(&text, '[');
	for (int i = 0; i < set->n; i++)
	{
		const RecoTensor *tensor = &set->tensor[i];

		appendStringInfoString(&text, i == 0 ? "{\"name\": " : ", {\"name\": ");
		escape_json(&text, tensor->name);
		appendStringInfo(&text,
						 ", \"type\": \"%s\", \"rows\": " INT64_FORMAT ", \"columns\": " INT64_FORMAT "}",
						 reco_store_type_name(tensor->type), tensor->rows, tensor->columns);
	}
	appendStringInfoChar(&text, ']');
	table = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data)));
	pfree(text.data);
	return table;
}

/* write_tensor stores the chunks of one tensor and lists them in chunk[]; returns how many. */
static int
write_tensor(const pg_uuid_t *recommender, const RecoTensor *tensor, RecoChunkRef *chunk,
			 MemoryContext scratch)
{
	Size bytes = reco_store_tensor_bytes(tensor);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	int n = 0;

	for (Size start = 0; start < bytes; start += RECO_CHUNK_BYTES, n++)
	{
		Size length = Min(RECO_CHUNK_BYTES, bytes - start);
		const void *data = (const char *) tensor->data + start;

		CHECK_FOR_INTERRUPTS();
#ifdef WORDS_BIGENDIAN
		data = memcpy(palloc(length), data, length);
		reco_store_swap((void *) data, length, tensor->type);
#endif
		chunk[n].tensor = (char *) tensor->name;
		chunk[n].chunk = n;
		reco_store_sha256(data, length, NULL, 0, chunk[n].digest);
		reco_catalog_put_chunk(recommender, chunk[n].digest, data, length);
		MemoryContextReset(scratch);
	}
	MemoryContextSwitchTo(caller);
	return n;
}

/* reco_store_write puts a version and its tensors into the tables, in the caller's transaction. */
void
reco_store_write(RecoVersion *version, const RecoTensorSet *set)
{
	MemoryContext scratch =
		AllocSetContextCreate(CurrentMemoryContext, "reco store write", ALLOCSET_DEFAULT_SIZES);
	Size n_chunks = 0;
	RecoChunkRef *chunk;

	check_names(set);
	for (int i = 0; i < set->n; i++)
	{
		check_finite(&set->tensor[i]);
		n_chunks += (reco_store_tensor_bytes(&set->tensor[i]) + RECO_CHUNK_BYTES - 1) / RECO_CHUNK_BYTES;
	}
	if (n_chunks > INT_MAX / sizeof(RecoChunkRef))
		elog(ERROR, "a model of %zu chunks is too large to be stored", n_chunks);

	chunk = palloc(Max(n_chunks, 1) * sizeof(RecoChunkRef));
	n_chunks = 0;
	for (int i = 0; i < set->n; i++)
		n_chunks += write_tensor(&version->recommender, &set->tensor[i], chunk + n_chunks, scratch);
	version->tensors = tensor_table(set);
	reco_catalog_insert_version(version, chunk, (int) n_chunks);
	pfree(chunk);
	MemoryContextDelete(scratch);
}
