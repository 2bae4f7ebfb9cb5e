/*
 * json.c
 *	  Writes small jsonb objects.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "model/json.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/numeric.h"

void
reco_json_begin(RecoJson *json)
{
	initStringInfo(&json->text);
	appendStringInfoChar(&json->text, '{');
	json->nested = false;
}

/* member writes what comes before a value. */
static void
member(RecoJson *json, const char *name)
{
	if (json->nested)
		appendStringInfoString(&json->text, ", ");
	json->nested = true;
	escape_json(&json->text, name);
	appendStringInfoString(&json->text, ": ");
}

static void
append_number(StringInfo text, double value)
{
	char buffer[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (!isfinite(value))
	{
		appendStringInfoString(text, "null");
		return;
	}
	double_to_shortest_decimal_buf(value, buffer);
	appendStringInfoString(text, buffer);
}

void
reco_json_number(RecoJson *json, const char *name, double value)
{
	member(json, name);
	append_number(&json->text, value);
}

void
reco_json_integer(RecoJson *json, const char *name, int64 value)
{
	member(json, name);
	appendStringInfo(&json->text, "%lld", (long long) value);
}

void
reco_json_boolean(RecoJson *json, const char *name, bool value)
{
	member(json, name);
	appendStringInfoString(&json->text, value ? "true" : "false");
}

void
reco_json_string(RecoJson *json, const char *name, const char *value)
{
	member(json, name);
	escape_json(&json->text, value);
}

void
reco_json_numbers(RecoJson *json, const char *name, const double *value, int n)
{
	member(json, name);
	appendStringInfoChar(&json->text, '[');
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoString(&json->text, ", ");
		append_number(&json->text, value[i]);
	}
	appendStringInfoChar(&json->text, ']');
}

void
reco_json_integers(RecoJson *json, const char *name, const int *value, int n)
{
	member(json, name);
	appendStringInfoChar(&json->text, '[');
	for (int i = 0; i < n; i++)
		appendStringInfo(&json->text, "%s%d", i > 0 ? ", " : "", value[i]);
	appendStringInfoChar(&json->text, ']');
}

void
reco_json_object(RecoJson *json, const char *name, Jsonb *value)
{
	member(json, name);
	(void) JsonbToCString(&json->text, &value->root, VARSIZE(value));
}

Jsonb *
reco_json_end(RecoJson *json)
{
	Jsonb *result;

	appendStringInfoChar(&json->text, '}');
	result = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json->text.data)));
	pfree(json->text.data);
	return result;
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
