/*
 * json.c
 *	  Writes jsonb.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "model/json.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

/* Integers below it are exact in a double. */
#define MOST_INTEGER 9007199254740992.0

static JsonbValue
string_value(const char *string)
{
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = (int) strlen(string);
	return value;
}

/* number_value gives a number; those that are integers need not be written and read again. */
static JsonbValue
number_value(double number)
{
	char text[DOUBLE_SHORTEST_DECIMAL_LEN];
	JsonbValue value;

	value.type = jbvNull;
	if (!isfinite(number))
		return value;
	value.type = jbvNumeric;
	if (number == rint(number) && fabs(number) < MOST_INTEGER)
	{
		value.val.numeric = int64_to_numeric((int64) number);
		return value;
	}
	double_to_shortest_decimal_buf(number, text);
	value.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
															ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	return value;
}

/* begin_value writes the name of what comes next. */
static void
begin_value(RecoJson *json, const char *name)
{
	JsonbValue key;

	if (name == NULL)
		return;
	key = string_value(name);
	pushJsonbValue(&json->state, WJB_KEY, &key);
}

void
reco_json_value(RecoJson *json, const char *name, const JsonbValue *value)
{
	begin_value(json, name);
	pushJsonbValue(&json->state, name != NULL ? WJB_VALUE : WJB_ELEM, unconstify(JsonbValue *, value));
}

void
reco_json_begin(RecoJson *json)
{
	json->state = NULL;
	pushJsonbValue(&json->state, WJB_BEGIN_OBJECT, NULL);
}

void
reco_json_begin_object(RecoJson *json, const char *name)
{
	begin_value(json, name);
	pushJsonbValue(&json->state, WJB_BEGIN_OBJECT, NULL);
}

void
reco_json_end_object(RecoJson *json)
{
	pushJsonbValue(&json->state, WJB_END_OBJECT, NULL);
}

void
reco_json_begin_array(RecoJson *json, const char *name)
{
	begin_value(json, name);
	pushJsonbValue(&json->state, WJB_BEGIN_ARRAY, NULL);
}

void
reco_json_end_array(RecoJson *json)
{
	pushJsonbValue(&json->state, WJB_END_ARRAY, NULL);
}

void
reco_json_number(RecoJson *json, const char *name, double value)
{
	JsonbValue number = number_value(value);

	reco_json_value(json, name, &number);
}

void
reco_json_integer(RecoJson *json, const char *name, int64 value)
{
	JsonbValue number;

	number.type = jbvNumeric;
	number.val.numeric = int64_to_numeric(value);
	reco_json_value(json, name, &number);
}

void
reco_json_boolean(RecoJson *json, const char *name, bool value)
{
	JsonbValue boolean;

	boolean.type = jbvBool;
	boolean.val.boolean = value;
	reco_json_value(json, name, &boolean);
}

void
reco_json_string(RecoJson *json, const char *name, const char *value)
{
	JsonbValue string = string_value(value);

	reco_json_value(json, name, &string);
}

void
reco_json_numbers(RecoJson *json, const char *name, const double *value, int n)
{
	reco_json_begin_array(json, name);
	for (int i = 0; i < n; i++)
		reco_json_number(json, NULL, value[i]);
	reco_json_end_array(json);
}

void
reco_json_integers(RecoJson *json, const char *name, const int *value, int n)
{
	reco_json_begin_array(json, name);
	for (int i = 0; i < n; i++)
		reco_json_integer(json, NULL, value[i]);
	reco_json_end_array(json);
}

void
reco_json_object(RecoJson *json, const char *name, Jsonb *value)
{
	JsonbValue object;

	object.type = jbvBinary;
	object.val.binary.data = &value->root;
	object.val.binary.len = (int) VARSIZE_ANY_EXHDR(value);
	reco_json_value(json, name, &object);
}

Jsonb *
reco_json_end(RecoJson *json)
{
	return JsonbValueToJsonb(pushJsonbValue(&json->state, WJB_END_OBJECT, NULL));
}

/* round_number replaces a number that is no integer by one of four significant digits, or none behind the point. */
static void
round_number(JsonbValue *value)
{
	double number =
		DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	int before = number == 0 ? 0 : (int) floor(log10(fabs(number)));

	if (number == rint(number) || !isfinite(number))
		return;
	value->val.numeric = DatumGetNumeric(DirectFunctionCall1(
		numeric_trim_scale, DirectFunctionCall2(numeric_round, NumericGetDatum(value->val.numeric),
												Int32GetDatum(Max(3 - before, 0)))));
}

char *
reco_json_rounded(Jsonb *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbParseState *state = NULL;
	JsonbValue *whole = NULL;
	JsonbIteratorToken token;
	JsonbValue value;
	Jsonb *rounded;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
	{
		if ((token == WJB_VALUE || token == WJB_ELEM) && value.type == jbvNumeric)
			round_number(&value);
		whole = pushJsonbValue(&state, token, token < WJB_BEGIN_ARRAY ? &value : NULL);
	}
	rounded = JsonbValueToJsonb(whole);
	return JsonbToCString(NULL, &rounded->root, VARSIZE(rounded));
}
