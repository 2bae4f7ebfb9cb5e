/*
 * reviews.c
 *	  set_reviews(): which relation tells how items were rated, by aspect.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "reader/reader.h"
#include "reco.h"
#include "sqlapi/define.h"

PG_FUNCTION_INFO_V1(reco_set_reviews);

#define MOST_ASPECTS 32

/* The arguments, in their order. */
enum
{
	ARGUMENT_RECOMMENDER,
	ARGUMENT_RELATION,
	ARGUMENT_ITEM_COLUMN,
	ARGUMENT_USER_COLUMN,
	ARGUMENT_ASPECTS,
	ARGUMENT_MIN_RATING,
	ARGUMENT_MIN_PEOPLE,
	ARGUMENTS
};

static const char *const argument_name[ARGUMENTS] = {
	"recommender", "relation", "item_column", "user_column", "aspects", "min_rating", "min_people"};

/* The columns of the row that reviews take, but for the recorded name, by the arguments from the relation on. */
static const RecoField review_field[ARGUMENTS] = {
	[ARGUMENT_RELATION] = RECO_FIELD_REVIEWS,
	[ARGUMENT_ITEM_COLUMN] = RECO_FIELD_REVIEWS_ITEM_COLUMN,
	[ARGUMENT_USER_COLUMN] = RECO_FIELD_REVIEWS_USER_COLUMN,
	[ARGUMENT_ASPECTS] = RECO_FIELD_REVIEW_ASPECTS,
	[ARGUMENT_MIN_RATING] = RECO_FIELD_REVIEW_MIN,
	[ARGUMENT_MIN_PEOPLE] = RECO_FIELD_REVIEW_PEOPLE,
};

/* check_aspects refuses a list of aspects that is empty, too long, of two dimensions, or has NULL in it. */
static void
check_aspects(ArrayType *aspects)
{
	int n = ArrayGetNItems(ARR_NDIM(aspects), ARR_DIMS(aspects));

	if (n < 1 || n > MOST_ASPECTS || ARR_NDIM(aspects) != 1 || array_contains_nulls(aspects))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("aspects must name 1 to %d columns", MOST_ASPECTS),
						errhint("They are columns of ratings, as in '{quality,price}'.")));
}

/* check_arguments refuses what is missing or out of range. */
static void
check_arguments(FunctionCallInfo fcinfo)
{
	for (int a = ARGUMENT_ITEM_COLUMN; a < ARGUMENTS; a++)
		if (PG_ARGISNULL(a))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" of set_reviews must not be null", argument_name[a]),
					 errhint("With a relation it needs item_column, user_column, aspects and min_rating.")));
	check_aspects(PG_GETARG_ARRAYTYPE_P(ARGUMENT_ASPECTS));
	if (!isfinite(PG_GETARG_FLOAT8(ARGUMENT_MIN_RATING)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("min_rating must be finite"),
						errhint("It is the least rating that counts as high, such as 4 of 5.")));
	if (PG_GETARG_INT32(ARGUMENT_MIN_PEOPLE) < 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("min_people must be at least 1"),
						errhint("Counts of fewer than reco.min_group + 1 people are never said.")));
}

/*
 * check_columns refuses aspects that are no numbers or named twice, and ids that can be no items; of columns that are not
 * there the trial query tells.
 */
static void
check_columns(const RecoDefinition *definition)
{
	Oid relid = definition->reviews.relid;
	AttrNumber item = get_attnum(relid, definition->reviews_item);
	RecoColumn key = {.name = definition->reviews_item};
	ListCell *cell;

	if (item > 0)
	{
		key.type = get_atttype(relid, item);
		reco_define_check_same_kind(definition, &definition->item, &definition->reviews, &key);
	}

	foreach (cell, definition->review_aspects)
	{
		AttrNumber column = get_attnum(relid, lfirst(cell));
		Oid type = column > 0 ? get_atttype(relid, column) : InvalidOid;

		for (int i = 0; i < foreach_current_index(cell); i++)
			if (strcmp(list_nth(definition->review_aspects, i), lfirst(cell)) == 0)
				ereport(ERROR, (errcode(ERRCODE_DUPLICATE_COLUMN),
								errmsg("aspects names column \"%s\" twice", (char *) lfirst(cell)),
								errhint("Name each column once.")));

		if (OidIsValid(type) && TypeCategory(type) != TYPCATEGORY_NUMERIC)
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
							errmsg("aspect \"%s\" is of type %s, not a number", (char *) lfirst(cell),
								   format_type_be(type)),
							errhint("Name columns of ratings, or cast them in a view and name the view.")));
	}
}

/* try_reading reads no review, as the caller, so that a wrong column or a missing right shows now and not at a refresh. */
static void
try_reading(RecoDefinition *definition)
{
	reco_catalog_bind_reviews(definition);
	reco_define_check_relation(&definition->reviews, "reviews");
	check_columns(definition);
	SPI_connect();
	reco_reader_reviews_try(definition);
	SPI_finish();
}

Datum
reco_set_reviews(PG_FUNCTION_ARGS)
{
	RecoRow *row;
	RecoDefinition *definition;
	char *name;

	if (PG_ARGISNULL(ARGUMENT_RECOMMENDER))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("argument \"recommender\" of set_reviews must not be null"),
						errhint("The view reco.recommenders has the names.")));
	if (!PG_ARGISNULL(ARGUMENT_RELATION))
		check_arguments(fcinfo);
	PreventCommandDuringRecovery("reco.set_reviews()");
	row = reco_define_lock_owned(text_to_cstring(PG_GETARG_TEXT_PP(ARGUMENT_RECOMMENDER)));
	for (int a = ARGUMENT_RELATION; a < ARGUMENTS; a++)
	{
		row->isnull[review_field[a]] = PG_ARGISNULL(ARGUMENT_RELATION);
		row->value[review_field[a]] = PG_ARGISNULL(ARGUMENT_RELATION) ? (Datum) 0 : PG_GETARG_DATUM(a);
	}
	row->isnull[RECO_FIELD_REVIEWS_NAME] = PG_ARGISNULL(ARGUMENT_RELATION);
	if (!PG_ARGISNULL(ARGUMENT_RELATION))
	{
		name = reco_catalog_relation_name(PG_GETARG_OID(ARGUMENT_RELATION));
		if (name == NULL)
			ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
							errmsg("there is no relation with OID %u", PG_GETARG_OID(ARGUMENT_RELATION))));
		row->value[RECO_FIELD_REVIEWS_NAME] = CStringGetTextDatum(name);
		definition = reco_catalog_parse(row);
		reco_catalog_bind(definition);
		try_reading(definition);
	}
	reco_catalog_update_row(row);
	PG_RETURN_VOID();
}
