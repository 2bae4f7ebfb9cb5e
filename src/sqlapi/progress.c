/*
 * progress.c
 *	  The rows behind the view reco.progress.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

#include "catalog/catalog.h"
#include "parallel/progress.h"

enum
{
	PROGRESS_RECOMMENDER,
	PROGRESS_PID,
	PROGRESS_COMMAND,
	PROGRESS_PHASE,
	PROGRESS_DONE,
	PROGRESS_TOTAL,
	PROGRESS_LOSS,
	PROGRESS_STARTED_AT,
	PROGRESS_SECONDS_LEFT,
	PROGRESS_COLUMNS
};

PG_FUNCTION_INFO_V1(reco_progress_rows);

/* put_row adds the row of one running command. */
static void
put_row(ReturnSetInfo *result, const RecoProgress *progress)
{
	Datum value[PROGRESS_COLUMNS] = {0};
	bool null[PROGRESS_COLUMNS] = {0};
	double seconds_left = reco_progress_seconds_left(progress);

	value[PROGRESS_RECOMMENDER] = UUIDPGetDatum(&progress->recommender);
	value[PROGRESS_PID] = Int32GetDatum(progress->pid);
	value[PROGRESS_COMMAND] = CStringGetTextDatum(progress->command);
	value[PROGRESS_PHASE] = CStringGetTextDatum(progress->phase);
	value[PROGRESS_DONE] = Int64GetDatum(progress->done);
	value[PROGRESS_TOTAL] = Int64GetDatum(progress->total);
	null[PROGRESS_TOTAL] = progress->total <= 0;
	value[PROGRESS_LOSS] = Float8GetDatum(progress->loss);
	null[PROGRESS_LOSS] = isnan(progress->loss);
	value[PROGRESS_STARTED_AT] = TimestampTzGetDatum(progress->started_at);
	value[PROGRESS_SECONDS_LEFT] = Float8GetDatum(seconds_left);
	null[PROGRESS_SECONDS_LEFT] = isnan(seconds_left);
	tuplestore_putvalues(result->setResult, result->setDesc, value, null);
}

/* reco_progress_rows shows what is being learned or evaluated, of recommenders that the caller may use. */
Datum
reco_progress_rows(PG_FUNCTION_ARGS)
{
	int n;
	RecoProgress *list = reco_progress_list(&n);

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	for (int i = 0; i < n; i++)
	{
		if (reco_catalog_may_use(&list[i].recommender))
			put_row((ReturnSetInfo *) fcinfo->resultinfo, &list[i]);
	}
	return (Datum) 0;
}
