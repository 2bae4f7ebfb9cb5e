/*
 * options.c
 *	  Checks jsonb settings against a table of options.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "model/options.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/varlena.h"

/* Names further apart than this, or than half of what was written, are not offered as a correction. */
#define NEAR_DISTANCE 4

/* So much of a value is shown in an error. */
#define SHOWN_BYTES 100

const char *
reco_nearest_name(const char *name, const char *const *candidate, int n)
{
	const char *nearest = NULL;
	int best = (int) Min(NEAR_DISTANCE, strlen(name) / 2) + 1;

	for (int i = 0; i < n; i++)
	{
		int distance;

		if (strlen(name) > 255 || strlen(candidate[i]) > 255)
			continue;
		distance = varstr_levenshtein_less_equal(name, strlen(name), candidate[i], strlen(candidate[i]), 1, 1,
												 1, best, true);
		if (distance < best)
		{
			best = distance;
			nearest = candidate[i];
		}
	}
	return nearest;
}

/* known_names lists the options of a table, for a hint. */
static char *
known_names(const RecoOption *option, int n_options)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < n_options; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? ", " : "", option[i].name);
	return text.data;
}

static int
option_position(const RecoOption *option, int n_options, const char *name)
{
	for (int i = 0; i < n_options; i++)
		if (strcmp(option[i].name, name) == 0)
			return i;
	return -1;
}

int
reco_option_find(const RecoOption *option, int n_options, const char *name)
{
	int position = option_position(option, n_options, name);

	if (position < 0)
		elog(ERROR, "no option named \"%s\"", name);
	return position;
}

static void
raise_unknown(const RecoOption *option, int n_options, const char *name)
{
	const char **candidate = palloc(sizeof(char *) * Max(n_options, 1));
	const char *nearest;

	for (int i = 0; i < n_options; i++)
		candidate[i] = option[i].name;
	nearest = reco_nearest_name(name, candidate, n_options);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown option \"%s\"", name),
					nearest         ? errhint("Perhaps you meant \"%s\".", nearest)
					: n_options > 0 ? errhint("The options are %s.", known_names(option, n_options))
									: errhint("There are no options here yet.")));
}

/* describe_choices names the choices of "a|b|c". */
static char *
describe_choices(const char *choices)
{
	StringInfoData text;

	initStringInfo(&text);
	for (const char *c = choices; *c != '\0'; c++)
	{
		if (*c != '|')
			appendStringInfoChar(&text, *c);
		else
			appendStringInfoString(&text, strchr(c + 1, '|') != NULL ? ", " : " or ");
	}
	return text.data;
}

/* describe_range says in words what an option takes. */
static char *
describe_range(const RecoOption *option)
{
	const char *what = option->type == RECO_OPTION_INTEGER    ? "an integer"
					   : option->type == RECO_OPTION_INTEGERS ? "an integer or an array of integers, each"
															  : "a number";

	if (option->type == RECO_OPTION_BOOLEAN)
		return pstrdup("true or false");
	if (option->type == RECO_OPTION_STRING)
		return pstrdup("a string");
	if (option->type == RECO_OPTION_TEXTS)
		return pstrdup("an array of strings, numbers, booleans or nulls");
	if (option->type == RECO_OPTION_CHOICE)
		return describe_choices(option->initial_string);
	if (option->type == RECO_OPTION_OBJECT)
		return pstrdup("a JSON object");
	if (isinf(option->maximum))
		return psprintf("%s %s %g", what, option->open_minimum ? "above" : "of at least", option->minimum);
	if (option->open_minimum)
		return psprintf("%s above %g and at most %.15g", what, option->minimum, option->maximum);
	return psprintf("%s from %g to %.15g", what, option->minimum, option->maximum);
}

static void
raise_bad_value(const RecoOption *option, const char *found)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("option \"%s\" cannot be %s", option->name, found),
					errdetail("It takes %s.", describe_range(option)), errhint("%s", option->help)));
}

/* value_text gives a jsonb value as text. */
static char *
value_text(JsonbValue *value)
{
	Jsonb *jsonb = JsonbValueToJsonb(value);

	return JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
}

/* shown gives a jsonb value for an error: its beginning where it is long. */
static char *
shown(JsonbValue *value)
{
	char *text = value_text(value);
	int length = (int) strlen(text);

	return length <= SHOWN_BYTES ? text : psprintf("%.*s...", pg_mbcliplen(text, length, SHOWN_BYTES), text);
}

/* number_of gives the number of a jsonb value in the range of the option, or raises. */
static double
number_of(const RecoOption *option, JsonbValue *value)
{
	double number;

	if (value->type != jbvNumeric)
		raise_bad_value(option, shown(value));
	number =
		DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
	if (!isfinite(number) || number < option->minimum || number > option->maximum ||
		(option->open_minimum && number == option->minimum) ||
		((option->type == RECO_OPTION_INTEGER || option->type == RECO_OPTION_INTEGERS) &&
		 number != rint(number)))
		raise_bad_value(option, shown(value));
	return number;
}

static void
parse_integers(const RecoOption *option, JsonbValue *value, RecoOptionValue *out)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue element;

	if (value->type == jbvNumeric)
	{
		out->n = 1;
		out->integer = palloc(sizeof(int));
		out->integer[0] = (int) number_of(option, value);
		return;
	}
	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data) ||
		JsonContainerSize(value->val.binary.data) == 0)
		raise_bad_value(option, shown(value));
	out->n = 0;
	out->integer = palloc(sizeof(int) * JsonContainerSize(value->val.binary.data));
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &element, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			out->integer[out->n++] = (int) number_of(option, &element);
}

/* parse_texts reads an array of scalars, each as its text. */
static void
parse_texts(const RecoOption *option, JsonbValue *value, RecoOptionValue *out)
{
	JsonbContainer *array = value->type == jbvBinary ? value->val.binary.data : NULL;

	if (array == NULL || !JsonContainerIsArray(array))
		raise_bad_value(option, shown(value));
	out->n = JsonContainerSize(array);
	out->text = palloc(sizeof(char *) * Max(out->n, 1));
	for (int i = 0; i < out->n; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(array, i);

		CHECK_FOR_INTERRUPTS();
		if (element->type == jbvBinary)
			raise_bad_value(option, shown(value));
		if (element->type == jbvNull)
			out->text[i] = NULL;
		else if (element->type == jbvString)
			out->text[i] = pnstrdup(element->val.string.val, element->val.string.len);
		else if (element->type == jbvNumeric)
			out->text[i] =
				DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(element->val.numeric)));
		else
			out->text[i] = value_text(element);
		pfree(element);
	}
}

/* choose sets a choice to the name of that length; false if it is none of them. */
static bool
choose(const RecoOption *option, const char *name, size_t length, RecoOptionValue *out)
{
	const char *choice = option->initial_string;

	for (int position = 0;; position++)
	{
		size_t width = strcspn(choice, "|");

		if (width == length && memcmp(choice, name, length) == 0)
		{
			out->number = position;
			out->string = pnstrdup(choice, width);
			return true;
		}
		if (choice[width] == '\0')
			return false;
		choice += width + 1;
	}
}

static void
parse_value(const RecoOption *option, JsonbValue *value, RecoOptionValue *out)
{
	switch (option->type)
	{
		case RECO_OPTION_INTEGER:
		case RECO_OPTION_NUMBER:
			out->number = number_of(option, value);
			break;
		case RECO_OPTION_BOOLEAN:
			if (value->type != jbvBool)
				raise_bad_value(option, shown(value));
			out->number = value->val.boolean ? 1 : 0;
			break;
		case RECO_OPTION_STRING:
			if (value->type != jbvString)
				raise_bad_value(option, shown(value));
			out->string = pnstrdup(value->val.string.val, value->val.string.len);
			break;
		case RECO_OPTION_CHOICE:
			if (value->type != jbvString ||
				!choose(option, value->val.string.val, value->val.string.len, out))
				raise_bad_value(option, shown(value));
			break;
		case RECO_OPTION_INTEGERS:
			parse_integers(option, value, out);
			break;
		case RECO_OPTION_TEXTS:
			parse_texts(option, value, out);
			break;
		case RECO_OPTION_OBJECT:
			if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
				raise_bad_value(option, shown(value));
			out->object = JsonbValueToJsonb(value);
			break;
	}
	out->is_set = true;
}

/* set_default fills the default of an option; an automatic one stays unset. */
static void
set_default(const RecoOption *option, RecoOptionValue *out)
{
	memset(out, 0, sizeof(*out));
	if (option->is_auto)
		return;
	out->is_set = true;
	out->number = option->initial;
	if (option->type == RECO_OPTION_STRING)
		out->string = pstrdup(option->initial_string);
	else if (option->type == RECO_OPTION_CHOICE)
		(void) choose(option, option->initial_string, strcspn(option->initial_string, "|"), out);
	else if (option->type == RECO_OPTION_INTEGERS)
	{
		char *text = pstrdup(option->initial_string);

		out->integer = palloc(sizeof(int) * (strlen(text) + 1));
		for (char *piece = strtok(text, ","); piece != NULL; piece = strtok(NULL, ","))
			out->integer[out->n++] = atoi(piece);
	}
}

static void
parse_object(const RecoOption *option, int n_options, Jsonb *object, RecoOptionValue *out)
{
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue value;

	if (!JB_ROOT_IS_OBJECT(object))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("options must be a JSON object, not %s",
							   JsonbToCString(NULL, &object->root, VARSIZE(object))),
						errhint("Write them as '{\"name\": value}'.")));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char *name;
		int position;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&iterator, &value, true);
		position = option_position(option, n_options, name);
		if (position < 0)
			raise_unknown(option, n_options, name);
		if (value.type == jbvNull)
			set_default(&option[position], &out[position]);
		else
			parse_value(&option[position], &value, &out[position]);
	}
}

RecoOptionValue *
reco_options_parse(const RecoOption *option, int n_options, Jsonb *const *object, int n_objects)
{
	RecoOptionValue *out = palloc0(sizeof(RecoOptionValue) * Max(n_options, 1));

	for (int i = 0; i < n_options; i++)
		set_default(&option[i], &out[i]);
	for (int i = 0; i < n_objects; i++)
		if (object[i] != NULL)
			parse_object(option, n_options, object[i], out);
	return out;
}

static void
add_hint(void *hint)
{
	errhint("%s", (const char *) hint);
}

Datum
reco_option_input(PGFunction input, const char *text, const char *hint)
{
	ErrorContextCallback callback;
	Datum value;

	callback.previous = error_context_stack;
	callback.callback = add_hint;
	callback.arg = (void *) hint;
	error_context_stack = &callback;
	value =
		DirectFunctionCall3(input, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	error_context_stack = callback.previous;
	return value;
}
