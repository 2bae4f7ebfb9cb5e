/*
 * arguments.c
 *	  Reads and checks the arguments that several entry points have in common.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "sqlapi/arguments.h"

#define DEFAULT_K 10
#define GREATEST_K 10000

char *
reco_argument_text(FunctionCallInfo fcinfo, int position)
{
	return PG_ARGISNULL(position) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(position));
}

ArrayType *
reco_argument_array(FunctionCallInfo fcinfo, int position)
{
	return PG_ARGISNULL(position) ? NULL : PG_GETARG_ARRAYTYPE_P(position);
}

bool
reco_argument_boolean(FunctionCallInfo fcinfo, int position, bool initial)
{
	return PG_ARGISNULL(position) ? initial : PG_GETARG_BOOL(position);
}

int
reco_argument_k(FunctionCallInfo fcinfo, int position)
{
	int k = PG_ARGISNULL(position) ? DEFAULT_K : PG_GETARG_INT32(position);

	if (k < 1 || k > GREATEST_K)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k cannot be %d", k),
						errdetail("k is the number of items to return."),
						errhint("Give a number from 1 to %d.", GREATEST_K)));
	return k;
}

const RecoWords *
reco_argument_lang(FunctionCallInfo fcinfo, int position)
{
	return reco_words_open(reco_argument_text(fcinfo, position), CurrentMemoryContext);
}

RecoOptionValue *
reco_argument_options(FunctionCallInfo fcinfo, int position, const RecoOption *option, int n_options)
{
	Jsonb *object = PG_ARGISNULL(position) ? NULL : PG_GETARG_JSONB_P(position);

	return reco_options_parse(option, n_options, &object, 1);
}

void
reco_argument_item_type(FunctionCallInfo fcinfo, int position)
{
	if (!PG_ARGISNULL(position))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("item_type must be NULL"),
						errdetail("Only its type matters: it is the type of the item ids in the answer."),
						errhint("Write NULL::%s. A recommender is named by recommender => 'name'.",
								format_type_be(get_fn_expr_argtype(fcinfo->flinfo, position)))));
}

bool
reco_argument_key(FunctionCallInfo fcinfo, int position, Oid column_type, const char *what, RecoKey *key)
{
	if (PG_ARGISNULL(position))
		return false;
	*key = reco_key_parse(PG_GETARG_DATUM(position), get_fn_expr_argtype(fcinfo->flinfo, position),
						  column_type, what);
	return true;
}

/* read_items gives the keys of an array of ids, without NULLs, and their number. */
static RecoKey *
read_items(ArrayType *array, Oid column_type, size_t *n)
{
	Oid type = ARR_ELEMTYPE(array);
	int16 length;
	bool by_value;
	char alignment;
	Datum *value;
	bool *isnull;
	int n_values;
	RecoKey *key;

	*n = 0;
	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	deconstruct_array(array, type, length, by_value, alignment, &value, &isnull, &n_values);
	key = palloc_extended(sizeof(RecoKey) * Max(n_values, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n_values; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!isnull[i])
			key[(*n)++] = reco_key_parse(value[i], type, column_type, "item");
	}
	return key;
}

uint32 *
reco_argument_items(ArrayType *array, Oid column_type, const RecoModel *model, bool add, size_t *n)
{
	RecoKey *key;
	size_t n_keys;

	*n = 0;
	if (array == NULL)
		return NULL;
	key = read_items(array, column_type, &n_keys);
	return reco_model_items(model, key, n_keys, add, n);
}

RecoKey *
reco_argument_promoted(const RecoOptionValue *promoted, Oid column_type, size_t *n)
{
	RecoKey *key;

	*n = 0;
	if (!promoted->is_set)
		return NULL;
	key = palloc(sizeof(RecoKey) * Max(promoted->n, 1));
	for (int i = 0; i < promoted->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (promoted->text[i] != NULL)
			key[(*n)++] =
				reco_key_parse(CStringGetTextDatum(promoted->text[i]), TEXTOID, column_type, "item");
	}
	return key;
}

RecoPromotion
reco_argument_promotion(const RecoOptionValue *promoted, const RecoOptionValue *promotion, Oid column_type,
						const RecoModel *model)
{
	size_t n;
	RecoKey *key = reco_argument_promoted(promoted, column_type, &n);

	return reco_promotion_make(model, key, n, promotion->number);
}
