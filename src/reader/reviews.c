/*
 * reviews.c
 *	  How many people rated items highly, by aspect.
 *
 * One aggregate query an aspect; only numbers of people leave it, and they go into buckets (model/people.c).  Who wrote
 * several reviews counts once.  Ratings that are NULL or NaN are none.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "reader/key.h"
#include "reader/reader.h"

/* count_query counts the people who rated one aspect highly, by item; $1 is the least high rating. */
static char *
count_query(const RecoDefinition *definition, const char *aspect, const char *end)
{
	const char *item = quote_identifier(definition->reviews_item);
	const char *rating = quote_identifier(aspect);

	return psprintf("SELECT %s, count(DISTINCT %s) FROM %s WHERE %s IS NOT NULL AND %s::float8 >= $1"
					" AND %s::float8 <> 'NaN'::float8 GROUP BY 1%s",
					item, quote_identifier(definition->reviews_user), definition->reviews.sql_name, item,
					rating, rating, end);
}

/* run_query runs it. */
static void
run_query(const RecoDefinition *definition, const char *aspect, const char *end)
{
	Oid type = FLOAT8OID;
	Datum value = Float8GetDatum(definition->review_min);

	if (SPI_execute_with_args(count_query(definition, aspect, end), 1, &type, &value, NULL, true, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "reading reviews failed");
}

/* take_counts puts the rows of one aspect into the counts. */
static void
take_counts(const RecoKeys *items, int aspect, RecoReviewCounts *counts)
{
	Oid type = SPI_gettypeid(SPI_tuptable->tupdesc, 1);
	bool isnull;

	for (uint64 r = 0; r < SPI_processed; r++)
	{
		RecoKey key = reco_key_from_datum(
			SPI_getbinval(SPI_tuptable->vals[r], SPI_tuptable->tupdesc, 1, &isnull), type);
		int64 item = key.kind == items->kind ? reco_keys_find(items, &key) : -1;

		if (item >= 0)
			counts->reviewers[item * counts->n_aspects + aspect] =
				DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[r], SPI_tuptable->tupdesc, 2, &isnull));
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
}

RecoReviewCounts *
reco_reader_reviews(RecoDefinition *definition, const RecoKeys *items)
{
	RecoReviewCounts *counts;
	ListCell *cell;
	int nest_level;

	if (definition->reviews.recorded_name == NULL)
		return NULL;
	reco_catalog_bind_reviews(definition);
	counts = palloc0(sizeof(RecoReviewCounts));
	counts->n_aspects = list_length(definition->review_aspects);
	counts->aspect = definition->review_aspects;
	counts->reviewers = palloc_extended(sizeof(int64) * Max(items->n * counts->n_aspects, 1),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	SPI_connect();
	nest_level = reco_catalog_begin_query();
	foreach (cell, definition->review_aspects)
	{
		run_query(definition, lfirst(cell), "");
		take_counts(items, foreach_current_index(cell), counts);
	}
	reco_catalog_end_query(nest_level);
	SPI_finish();
	return counts;
}

void
reco_reader_reviews_try(const RecoDefinition *definition)
{
	int nest_level = reco_catalog_begin_query();
	ListCell *cell;

	foreach (cell, definition->review_aspects)
	{
		run_query(definition, lfirst(cell), " LIMIT 0");
		(void) reco_key_kind_of_type(SPI_gettypeid(SPI_tuptable->tupdesc, 1), "item_column of the reviews");
		SPI_freetuptable(SPI_tuptable);
	}
	reco_catalog_end_query(nest_level);
}
