/*
 * trial.c
 *	  Rows of reco.trial: settings that reco.tune() has tried.
 */
#include "catalog/tables.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* add_number adds a double parameter; NaN is stored as NULL. */
static void
add_number(RecoStatement *statement, double number)
{
	reco_statement_add(statement, FLOAT8OID, Float8GetDatum(number), isnan(number));
}

/* array_of makes a float8[] of numbers. */
static Datum
array_of(const double *number, int n)
{
	Datum *value = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		value[i] = Float8GetDatum(number[i]);
	return PointerGetDatum(
		construct_array(value, n, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

int64
reco_catalog_insert_trial(const RecoDefinition *definition, const char *digest, const RecoTrial *trial)
{
	RecoStatement keep = {.sql = "SELECT 1 FROM reco.recommender WHERE key = $1 FOR KEY SHARE"};
	RecoStatement statement = {
		.sql =
			"INSERT INTO reco.trial (recommender, digest, place, share, created_at, algorithm, options, resolved, metric, k,"
			" value, low, high, gain, gain_low, gain_high, seconds, resampled)"
			" VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, '{}') || coalesce($8, '{}'), $9, $10, $11, $12, $13, $14, $15, $16,"
			" $17, $18, $19) RETURNING id"};
	Datum id;
	bool isnull;

	reco_statement_add(&keep, UUIDOID, UUIDPGetDatum(&definition->key), false);
	if (reco_statement_run(&keep) == 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("recommender \"%s\" was dropped while it was being tuned", definition->name));
	reco_statement_add(&statement, UUIDOID, UUIDPGetDatum(&definition->key), false);
	reco_statement_add(&statement, TEXTOID, CStringGetTextDatum(digest), false);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(trial->place), false);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(trial->share), false);
	reco_statement_add(&statement, TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp()), false);
	reco_statement_add(&statement, TEXTOID, CStringGetTextDatum(definition->algorithm), false);
	reco_statement_add(&statement, JSONBOID, reco_jsonb_or_empty(definition->options), false);
	reco_statement_add(&statement, JSONBOID, reco_jsonb_or_empty(trial->drawn), false);
	reco_statement_add(&statement, JSONBOID, reco_jsonb_or_empty(trial->resolved), false);
	reco_statement_add(&statement, TEXTOID, CStringGetTextDatum(trial->metric), false);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(trial->k), false);
	add_number(&statement, trial->value);
	add_number(&statement, trial->low);
	add_number(&statement, trial->high);
	add_number(&statement, trial->gain);
	add_number(&statement, trial->gain_low);
	add_number(&statement, trial->gain_high);
	add_number(&statement, trial->seconds);
	reco_statement_add(&statement, FLOAT8ARRAYOID, array_of(trial->resampled, trial->n_resampled), false);
	if (!reco_statement_fetch(&statement, 1, &id, &isnull))
		elog(ERROR, "an insert returned no row");
	return DatumGetInt64(id);
}

/* number_of gives a number of a row, NaN for NULL. */
static double
number_of(Datum value, bool isnull)
{
	return isnull ? NAN : DatumGetFloat8(value);
}

bool
reco_catalog_find_trial(const RecoDefinition *definition, const char *digest, RecoTrial *trial)
{
	RecoStatement statement = {
		.sql = "SELECT id, resolved, value, low, high, gain, gain_low, gain_high, resampled FROM reco.trial"
			   " WHERE recommender = $1 AND digest = $2 AND place = $3 AND share = $4"};
	Datum value[9];
	bool isnull[9];
	Datum *number;
	int n;

	reco_statement_add(&statement, UUIDOID, UUIDPGetDatum(&definition->key), false);
	reco_statement_add(&statement, TEXTOID, CStringGetTextDatum(digest), false);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(trial->place), false);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(trial->share), false);
	if (!reco_statement_fetch(&statement, lengthof(value), value, isnull))
		return false;
	trial->id = DatumGetInt64(value[0]);
	trial->resolved = DatumGetJsonbP(value[1]);
	trial->value = number_of(value[2], isnull[2]);
	trial->low = number_of(value[3], isnull[3]);
	trial->high = number_of(value[4], isnull[4]);
	trial->gain = number_of(value[5], isnull[5]);
	trial->gain_low = number_of(value[6], isnull[6]);
	trial->gain_high = number_of(value[7], isnull[7]);
	deconstruct_array(DatumGetArrayTypeP(value[8]), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
					  TYPALIGN_DOUBLE, &number, NULL, &n);
	trial->n_resampled = n;
	trial->resampled = palloc(sizeof(double) * Max(n, 1));
	for (int i = 0; i < n; i++)
		trial->resampled[i] = DatumGetFloat8(number[i]);
	return true;
}

bool
reco_catalog_trial_options(int64 id, pg_uuid_t *recommender, char **algorithm, Jsonb **options)
{
	RecoStatement statement = {.sql = "SELECT recommender, algorithm, options FROM reco.trial WHERE id = $1"};
	Datum value[3];
	bool isnull[3];

	reco_statement_add(&statement, INT8OID, Int64GetDatum(id), false);
	if (!reco_statement_fetch(&statement, lengthof(value), value, isnull))
		return false;
	*recommender = *DatumGetUUIDP(value[0]);
	*algorithm = TextDatumGetCString(value[1]);
	*options = DatumGetJsonbP(value[2]);
	return true;
}
