/*
 * arguments.c
 *	  Reads and checks the arguments that several entry points have in common.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
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

static int
compare_item(const void *a, const void *b)
{
	uint32 x = *(const uint32 *) a;
	uint32 y = *(const uint32 *) b;

	return x < y ? -1 : x > y;
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
		if (!isnull[i])
			key[(*n)++] = reco_key_parse(value[i], type, column_type, "item");
	return key;
}

uint32 *
reco_argument_items(ArrayType *array, Oid column_type, const RecoModel *model, bool add, size_t *n)
{
	RecoKey *key;
	uint32 *item;
	size_t n_keys;
	size_t known = 0;

	*n = 0;
	if (array == NULL)
		return NULL;
	key = read_items(array, column_type, &n_keys);
	if (add)
		reco_model_add(model, key, n_keys);
	item = palloc_extended(sizeof(uint32) * Max(n_keys, 1), MCXT_ALLOC_HUGE);
	for (size_t i = 0; i < n_keys; i++)
	{
		int64 found = reco_model_find(model, &key[i]);

		if (found >= 0)
			item[known++] = (uint32) found;
	}
	qsort(item, known, sizeof(uint32), compare_item);
	for (size_t i = 0; i < known; i++)
		if (*n == 0 || item[*n - 1] != item[i])
			item[(*n)++] = item[i];
	return item;
}

RecoPromotion
reco_argument_promotion(const RecoOptionValue *promoted, const RecoOptionValue *promotion, Oid column_type,
						const RecoModel *model)
{
	RecoPromotion of = {.much = promotion->number};
	Datum *id;
	int n = 0;

	if (!promoted->is_set)
		return of;
	id = palloc(sizeof(Datum) * Max(promoted->n, 1));
	for (int i = 0; i < promoted->n; i++)
		if (promoted->text[i] != NULL)
			id[n++] = CStringGetTextDatum(promoted->text[i]);
	of.item = reco_argument_items(construct_array(id, n, TEXTOID, -1, false, TYPALIGN_INT), column_type,
								  model, true, &of.n);
	return of;
}
