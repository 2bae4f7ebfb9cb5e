/*
 * warm.c
 *	  warm() and verify(): the mapped cache, built ahead; stored versions, read again.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "model/ranking.h"
#include "sqlapi/arguments.h"
#include "sqlapi/call.h"

PG_FUNCTION_INFO_V1(reco_warm);
PG_FUNCTION_INFO_V1(reco_verify);

#define WARM_COLUMNS 4
#define VERIFY_COLUMNS 4

/* storage_name names where a session has a model. */
static const char *
storage_name(RecoStorage storage)
{
	switch (storage)
	{
		case RECO_STORAGE_MAPPED:
			return "mapped";
		case RECO_STORAGE_PRIVATE:
			return "private";
		case RECO_STORAGE_STREAMED:
			return "streamed";
	}
	return NULL;
}

/*
 * warm makes sure that the deployed version's cache file is there, has the kernel read it ahead, and opens it.  For
 * whoever may be served, since a call of theirs would do the same.  One row: version, items, bytes of the file, and
 * where this session has the model: private or streamed when the file cannot be written.
 */
Datum
reco_warm(PG_FUNCTION_ARGS)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "reco warm", ALLOCSET_DEFAULT_SIZES);
	MemoryContext outer;
	ReturnSetInfo *result;
	const RecoDefinition *definition;
	const RecoVersion *version;
	Datum value[WARM_COLUMNS];
	bool isnull[WARM_COLUMNS] = {false};
	Size bytes;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	outer = MemoryContextSwitchTo(memory);
	definition = reco_catalog_find(reco_argument_text(fcinfo, 0));
	reco_catalog_require_reader(definition);
	version = reco_catalog_deployed(definition);
	(void) reco_store_warm(version, &bytes);
	value[0] = Int32GetDatum(version->number);
	value[1] = Int64GetDatum(version->n_items);
	value[2] = Int64GetDatum((int64) bytes);
	value[3] = CStringGetTextDatum(storage_name(reco_model_open(definition, memory)->tensors->storage));
	tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
	MemoryContextSwitchTo(outer);
	MemoryContextDelete(memory);
	return (Datum) 0;
}

/* What put_problem adds to the result. */
typedef struct Verification
{
	ReturnSetInfo *result;
	int version;
} Verification;

/* put_problem is the sink that makes a row of a problem. */
static void
put_problem(void *state, const char *tensor, int chunk, const char *problem)
{
	const Verification *verification = state;
	Datum value[VERIFY_COLUMNS] = {Int32GetDatum(verification->version)};
	bool isnull[VERIFY_COLUMNS] = {false, tensor == NULL, chunk < 0, false};

	if (tensor != NULL)
		value[1] = CStringGetTextDatum(tensor);
	value[2] = Int32GetDatum(chunk);
	value[3] = CStringGetTextDatum(problem);
	tuplestore_putvalues(verification->result->setResult, verification->result->setDesc, value, isnull);
}

/* verify reads all kept versions, newest first, and says what is wrong: no row when nothing is.  For the owner. */
Datum
reco_verify(PG_FUNCTION_ARGS)
{
	MemoryContext memory = AllocSetContextCreate(CurrentMemoryContext, "reco verify", ALLOCSET_DEFAULT_SIZES);
	MemoryContext outer;
	Verification verification;
	const RecoDefinition *definition;
	ListCell *cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	verification.result = (ReturnSetInfo *) fcinfo->resultinfo;
	outer = MemoryContextSwitchTo(memory);
	definition = reco_catalog_find_owned(reco_argument_text(fcinfo, 0));
	foreach (cell, reco_catalog_version_numbers(definition))
	{
		const RecoVersion *version = reco_catalog_version(definition, lfirst_int(cell));

		verification.version = lfirst_int(cell);
		reco_store_verify(version, put_problem, &verification);
		reco_ranking_verify(version, put_problem, &verification);
	}
	MemoryContextSwitchTo(outer);
	MemoryContextDelete(memory);
	return (Datum) 0;
}
