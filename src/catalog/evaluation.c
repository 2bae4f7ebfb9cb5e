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

int64
reco_catalog_insert_evaluation(const RecoDefinition *definition, const char *command, const char *split,
							   Jsonb *options, Jsonb *counts)
{
	RecoStatement statement = {
		.sql = "INSERT INTO reco.evaluation (recommender, created_at, command, split, options, counts)"
			   " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id"};
	Datum id;
	bool isnull;

	keep_recommender(definition);
	reco_statement_add(&statement, UUIDOID, UUIDPGetDatum(&definition->key), false);
	reco_statement_add(&statement, TIMESTAMPTZOID, TimestampTzGetDatum(GetCurrentTimestamp()), false);
	reco_statement_add(&statement, TEXTOID, CStringGetTextDatum(command), false);
	reco_statement_add(&statement, TEXTOID, CStringGetTextDatum(split), false);
	reco_statement_add(&statement, JSONBOID, reco_jsonb_or_empty(options), false);
	reco_statement_add(&statement, JSONBOID, reco_jsonb_or_empty(counts), false);
	if (!reco_statement_fetch(&statement, 1, &id, &isnull))
		elog(ERROR, "an insert returned no row");
	return DatumGetInt64(id);
}

/* add_text adds a text parameter; NULL is stored as such. */
static void
add_text(RecoStatement *statement, const char *text)
{
	reco_statement_add(statement, TEXTOID, text ? CStringGetTextDatum(text) : (Datum) 0, text == NULL);
}

/* add_number adds a double parameter; NaN is stored as NULL. */
static void
add_number(RecoStatement *statement, double number)
{
	reco_statement_add(statement, FLOAT8OID, Float8GetDatum(number), isnan(number));
}

/* insert_model stores the row of a model. */
static void
insert_model(int64 id, const RecoEvaluationModel *model)
{
	RecoStatement statement = {
		.sql =
			"INSERT INTO reco.evaluation_model (evaluation, model, place, algorithm, options, share, n_interactions, seconds)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"};

	reco_statement_add(&statement, INT8OID, Int64GetDatum(id), false);
	add_text(&statement, model->model);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(model->place), false);
	add_text(&statement, model->algorithm);
	reco_statement_add(&statement, JSONBOID, reco_jsonb_or_empty(model->options), model->options == NULL);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(model->share), model->algorithm == NULL);
	reco_statement_add(&statement, INT8OID, Int64GetDatum(model->rows), model->algorithm == NULL);
	reco_statement_add(&statement, FLOAT8OID, Float8GetDatum(model->seconds), model->algorithm == NULL);
	reco_statement_run(&statement);
}

/* insert_metric stores one measured value. */
static void
insert_metric(int64 id, const RecoMetricRow *row)
{
	RecoStatement statement = {
		.sql =
			"INSERT INTO reco.evaluation_metric (evaluation, model, user_group, item_group, metric, k, value, low, high, users)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"};

	reco_statement_add(&statement, INT8OID, Int64GetDatum(id), false);
	add_text(&statement, row->model);
	add_text(&statement, row->user_group);
	add_text(&statement, row->item_group);
	add_text(&statement, row->metric);
	reco_statement_add(&statement, INT4OID, Int32GetDatum(row->k), false);
	add_number(&statement, row->value);
	add_number(&statement, row->low);
	add_number(&statement, row->high);
	reco_statement_add(&statement, INT8OID, Int64GetDatum(row->users), false);
	reco_statement_run(&statement);
}

void
reco_catalog_insert_evaluation_model(const RecoDefinition *definition, int64 id,
									 const RecoEvaluationModel *model, const RecoMetricRow *row, int n_rows)
{
	keep_recommender(definition);
	insert_model(id, model);
	for (int i = 0; i < n_rows; i++)
		insert_metric(id, &row[i]);
}

void
reco_catalog_insert_differences(const RecoDefinition *definition, int64 id, const RecoDifferenceRow *row,
								int n_rows)
{
	keep_recommender(definition);
	for (int i = 0; i < n_rows; i++)
	{
		RecoStatement statement = {
			.sql =
				"INSERT INTO reco.evaluation_difference (evaluation, model, versus, metric, k, value, low, high)"
				" VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"};

		reco_statement_add(&statement, INT8OID, Int64GetDatum(id), false);
		add_text(&statement, row[i].model);
		add_text(&statement, row[i].versus);
		add_text(&statement, row[i].metric);
		reco_statement_add(&statement, INT4OID, Int32GetDatum(row[i].k), false);
		add_number(&statement, row[i].value);
		add_number(&statement, row[i].low);
		add_number(&statement, row[i].high);
		reco_statement_run(&statement);
	}
}
