/*
 * ranges.c
 *	  The option "ranges" of CALL reco.tune(): what is searched instead of what the algorithm declares.
 *
 * A member is named like an option that the algorithm declares a range of, and is [low, high], in the option's
 * own units; one value, which fixes the option; or, of an option with choices, an array of them.
 */
#include "postgres.h"

#include <math.h>

#include "compat.h"
#include "evaluate/internal.h"
#include "utils/builtins.h"

/* The greatest number of an object whose members are searched. */
#define MOST_OF_EACH 1e6

pg_noreturn static void raise_range(const char *name);

static void
raise_range(const char *name)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the range of \"%s\" is none", name),
					errhint("Write [low, high], one value, or an array of choices.")));
}

/* number_of gives the number of a jsonb value of a range. */
static double
number_of(const char *name, const JsonbValue *value)
{
	if (value->type != jbvNumeric)
		raise_range(name);
	return DatumGetFloat8(
		DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
}

/* take_choices joins the strings of an array as "a|b|c". */
static void
take_choices(JsonbContainer *array, RecoTuning *range)
{
	StringInfoData text;

	initStringInfo(&text);
	for (uint32 i = 0; i < JsonContainerSize(array); i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, i);

		if (value->type != jbvString)
			raise_range(range->option);
		appendStringInfo(&text, "%s%.*s", i > 0 ? "|" : "", value->val.string.len, value->val.string.val);
	}
	range->choice = text.data;
}

static void
take_array(JsonbContainer *array, RecoTuning *range)
{
	if (range->scale == RECO_TUNE_CHOICE && JsonContainerSize(array) > 0)
	{
		take_choices(array, range);
		return;
	}
	if (JsonContainerSize(array) != 2)
		raise_range(range->option);
	range->low = number_of(range->option, getIthJsonbValueFromContainer(array, 0));
	range->high = number_of(range->option, getIthJsonbValueFromContainer(array, 1));
	if (range->low > range->high)
		raise_range(range->option);
}

/* reco_evaluate_range replaces a declared range by that of the call, where it has one. */
void
reco_evaluate_range(Jsonb *ranges, RecoTuning *range)
{
	JsonbValue key = {.type = jbvString, .val.string = {(int) strlen(range->option), (char *) range->option}};
	JsonbValue *value;

	if (ranges == NULL)
		return;
	value = findJsonbValueFromContainer(&ranges->root, JB_FOBJECT, &key);
	if (value == NULL)
		return;
	if (value->type == jbvString && range->scale == RECO_TUNE_CHOICE)
		range->choice = pnstrdup(value->val.string.val, value->val.string.len);
	else if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data))
		take_array(value->val.binary.data, range);
	else
		range->low = range->high = number_of(range->option, value);
	if (range->scale != RECO_TUNE_CHOICE && range->scale != RECO_TUNE_EACH)
		range->scale = range->low > 0 ? RECO_TUNE_LOG : RECO_TUNE_LINEAR;
}

/* has_choice says whether "a|b|c" has a choice of that name and length. */
static bool
has_choice(const char *choices, const char *name, size_t length)
{
	for (;;)
	{
		size_t width = strcspn(choices, "|");

		if (width == length && memcmp(choices, name, length) == 0)
			return true;
		if (choices[width] == '\0')
			return false;
		choices += width + 1;
	}
}

/* check_choices raises unless the option takes every choice of a range. */
static void
check_choices(const RecoOption *option, const RecoTuning *range)
{
	const char *choice = range->choice;

	for (;;)
	{
		size_t width = strcspn(choice, "|");

		if (option->type == RECO_OPTION_CHOICE && !has_choice(option->initial_string, choice, width))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("option \"%s\" cannot be \"%.*s\"", option->name, (int) width, choice),
							errhint("%s", option->help)));
		if (choice[width] == '\0')
			return;
		choice += width + 1;
	}
}

/* check_range raises unless the option takes all of a range that replaces the declared one. */
static void
check_range(const RecoOption *option, const RecoTuning *range)
{
	if (range->scale == RECO_TUNE_CHOICE)
		check_choices(option, range);
	else if (range->low < option->minimum || (option->open_minimum && range->low == option->minimum) ||
			 range->high > option->maximum)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the range of \"%s\" is not within what the option takes", option->name),
				 errdetail("It takes numbers %s %g and at most %.15g.",
						   option->open_minimum ? "above" : "of at least", option->minimum, option->maximum),
				 errhint("%s", option->help)));
}

/* replaces says whether the ranges of a call have one of an option. */
static bool
replaces(Jsonb *ranges, const char *option)
{
	JsonbValue key = {.type = jbvString, .val.string = {(int) strlen(option), (char *) option}};

	return ranges != NULL && findJsonbValueFromContainer(&ranges->root, JB_FOBJECT, &key) != NULL;
}

/*
 * reco_evaluate_check_ranges raises unless every member is a range of an option that the algorithm declares one of, of values that
 * the option takes.
 */
void
reco_evaluate_check_ranges(const RecoAlgorithm *algorithm, Jsonb *ranges)
{
	const char **known = palloc(sizeof(char *) * Max(algorithm->n_tuning, 1));
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	for (int t = 0; t < algorithm->n_tuning; t++)
	{
		RecoTuning range = algorithm->tuning[t];

		known[t] = range.option;
		reco_evaluate_range(ranges, &range);
		if (replaces(ranges, range.option))
		{
			RecoOption option =
				algorithm->option[reco_option_find(algorithm->option, algorithm->n_options, range.option)];

			if (range.scale == RECO_TUNE_EACH)
			{
				option.open_minimum = true;
				option.maximum = MOST_OF_EACH;
			}
			check_range(&option, &range);
		}
	}
	if (ranges == NULL)
		return;
	iterator = JsonbIteratorInit(&ranges->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char *name;
		const char *nearest;
		bool found = false;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		for (int t = 0; t < algorithm->n_tuning; t++)
			found = found || strcmp(name, known[t]) == 0;
		nearest = reco_nearest_name(name, known, algorithm->n_tuning);
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" of \"%s\" is not searched", name, algorithm->name),
					 nearest ? errhint("Perhaps you meant \"%s\".", nearest)
							 : errhint("Its value in the options of the recommender holds for all trials.")));
	}
}
