/*
 * evaluation.c
 *	  Storing what an evaluation measured.
 */
#include "catalog/tables.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* keep_recommender locks the recommender's row against being dropped, or raises when it was. */
static void
keep_recommender(const RecoDefinition *definition)
{
	RecoStatement statement = {.sql = "SELECT 1 FROM reco.recommender WHERE key = $1 FOR KEY SHARE"};

	reco_statement_add(&statement, UUIDOID, UUIDPGetDatum(&definition->key), false);
	if (reco_statement_run(&statement) == 0)
		ereport(ERROR, errcode(ERRCODE_UNDEFINED_OBJECT),
				errmsg("recommender \"%s\" was dropped while it was being evaluated", definition->name));
}

/* insert_evaluation stores the row of an evaluation and gives its id. */
static int64
insert_evaluation(const RecoDefinition *definition, const char *split, Jsonb *options, Jsonb *counts)
{
	RecoStatement statement = {
		.sql = "INSERT INTO reco.evaluation (recommender, created_at, split, options, counts)"
			   " VALUES ($1, $2, $3, $4, $5) RETURNING id"};
	Datum id;
	bool isnull;

	reco_statement_add(&statement, UUIDOID, UUIDPGetDatum(&definition->key), false);
	reco_statement_add(&statement, TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp()), false);
	reco_statement_add(&statement, TEXTOID, CStringGetTextDatum(split), false);
	reco_statement_add(&statement, JSONBOID, reco_jsonb_or_empty(options), false);
	reco_statement_add(&statement, JSONBOID, reco_jsonb_or_empty(counts), false);
	if (!reco_statement_fetch(&statement, 1, &id, &isnull))
		elog(ERROR, "an insert returned no row");
	return DatumGetInt64(id);
}

/* add_number adds a double parameter; NaN is stored as NULL. */
static void
add_number(RecoStatement *statement, double number)
{
	reco_statement_add(statement, FLOAT8OID, Float8GetDatum(number), isnan(number));
}

/* insert_metric stores one measured value. */
static void
insert_metric(int64 id, const RecoMetricRow *row)
{
	RecoStatement statement = {
		.sql =
			"INSERT INTO reco.evaluation_metric (evaluation, model, user_group, metric, k, value, low, high, users)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"};

	reco_statement_add(&statement, INT8OID, Int64GetDatum(id), false);
	reco_statement_add(&statement, TEXTOID, CStringGetTextDatum(row->model), false);
	reco_statement_add(&statement, TEXTOID, CStringGetTextDatum(row->user_group), false);
	reco_statement_add(&statement, TEXTOID, CStringGetTextDatum(row->metric), false);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(row->k), false);
	add_number(&statement, row->value);
	add_number(&statement, row->low);
	add_number(&statement, row->high);
	reco_statement_add(&statement, INT8OID, Int64GetDatum(row->users), false);
	reco_statement_run(&statement);
}

int64
reco_catalog_insert_evaluation(const RecoDefinition *definition, const char *split, Jsonb *options,
							   Jsonb *counts, const RecoMetricRow *row, int n_rows)
{
	int64 id;

	keep_recommender(definition);
	id = insert_evaluation(definition, split, options, counts);
	for (int i = 0; i < n_rows; i++)
		insert_metric(id, &row[i]);
	return id;
}
