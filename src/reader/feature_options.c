/*
 * feature_options.c
 *	  How features are to be encoded: options => '{"features": {"tags": {"delimiter": ","}}}'.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "reader/encoder.h"

typedef enum OptionType
{
	OPTION_INTEGER,
	OPTION_BOOLEAN,
	OPTION_STRING
} OptionType;

static const struct
{
	const char *name;
	OptionType type;
	int minimum;
	int maximum;
	size_t offset;
	const char *help;
} known[] = {
	{"bands", OPTION_INTEGER, 2, RECO_MOST_BANDS, offsetof(RecoFeatureOptions, bands),
	 "A number is cut into that many bands of about equally many rows, each a level."},
	{"category", OPTION_BOOLEAN, 0, 1, offsetof(RecoFeatureOptions, category),
	 "Whether each value of a number or a date is a level of its own."},
	{"delimiter", OPTION_STRING, 0, 0, offsetof(RecoFeatureOptions, delimiter),
	 "A text is a list of levels with that between them, as in \"Suzanne Collins, J. Doe\"."},
	{"dimensions", OPTION_INTEGER, 1, RECO_MOST_TOPICS, offsetof(RecoFeatureOptions, dimensions),
	 "The number of topics that a text is reduced to."},
	{"levels", OPTION_INTEGER, 1, RECO_MOST_LEVELS, offsetof(RecoFeatureOptions, levels),
	 "The most levels that a category or a set has; the rarest are pooled as \"other\"."},
	{"min_count", OPTION_INTEGER, 1, PG_INT32_MAX, offsetof(RecoFeatureOptions, min_count),
	 "Levels and words of fewer rows than this are pooled as \"other\"."},
	{"text", OPTION_BOOLEAN, 0, 1, offsetof(RecoFeatureOptions, text),
	 "Whether a text is prose: its words count, not the text as a whole."},
	{"vocabulary", OPTION_INTEGER, 10, RECO_MOST_TERMS, offsetof(RecoFeatureOptions, vocabulary),
	 "The most words of a text that count: those that most rows have."},
};

/* known_names lists the options, of char *. */
static List *
known_names(void)
{
	List *names = NIL;

	for (size_t i = 0; i < lengthof(known); i++)
		names = lappend(names, unconstify(char *, known[i].name));
	return names;
}

/* joined writes a list of names for a hint. */
static char *
joined(const List *names)
{
	StringInfoData text;
	const ListCell *cell;

	initStringInfo(&text);
	foreach (cell, names)
		appendStringInfo(&text, "%s%s", foreach_current_index(cell) > 0 ? ", " : "", (char *) lfirst(cell));
	return text.data;
}

/* raise_unknown raises for a name that is none of the candidates. */
static void
raise_unknown(const char *message, const char *name, List *candidates, const char *what)
{
	const char *nearest = reco_catalog_nearest(name, candidates);

	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg_internal("%s", message),
			nearest             ? errhint("Perhaps you meant \"%s\".", nearest)
			: candidates == NIL ? errhint("The recommender has no features.")
								: errhint("%s are %s.", what, joined(candidates)));
}

/* raise_bad_value raises for an option of a wrong type or out of range. */
static void
raise_bad_value(size_t i, const char *feature)
{
	char *expected = known[i].type == OPTION_BOOLEAN ? pstrdup("true or false")
					 : known[i].type == OPTION_STRING
						 ? pstrdup("a string that is not empty")
						 : psprintf("an integer from %d to %d", known[i].minimum, known[i].maximum);

	ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			errmsg("option \"%s\" of feature \"%s\" takes %s", known[i].name, feature, expected),
			errhint("%s", known[i].help));
}

/* take_value puts the value of option i into the options. */
static void
take_value(size_t i, const char *feature, const JsonbValue *value, RecoFeatureOptions *options)
{
	char *target = (char *) options + known[i].offset;

	switch (known[i].type)
	{
		case OPTION_INTEGER:
		{
			double number;

			if (value->type != jbvNumeric)
				raise_bad_value(i, feature);
			number = DatumGetFloat8(
				DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
			if (!(number >= known[i].minimum && number <= known[i].maximum) || number != rint(number))
				raise_bad_value(i, feature);
			*(int *) target = (int) number;
			break;
		}
		case OPTION_BOOLEAN:
			if (value->type != jbvBool)
				raise_bad_value(i, feature);
			*(bool *) target = value->val.boolean;
			break;
		case OPTION_STRING:
			if (value->type != jbvString || value->val.string.len == 0)
				raise_bad_value(i, feature);
			*(char **) target = pnstrdup(value->val.string.val, value->val.string.len);
			break;
	}
}

/* parse_feature reads the object of one feature. */
static void
parse_feature(const char *feature, JsonbValue *object, RecoFeatureOptions *options)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	if (object->type != jbvBinary || !JsonContainerIsObject(object->val.binary.data))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("the options of feature \"%s\" must be a JSON object", feature),
				errhint("Write them as in '{\"features\": {\"%s\": {\"text\": true}}}'.", feature));
	iterator = JsonbIteratorInit(object->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char *name;
		size_t i = 0;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		JsonbIteratorNext(&iterator, &value, true);
		while (i < lengthof(known) && strcmp(known[i].name, name) != 0)
			i++;
		if (i == lengthof(known))
			raise_unknown(psprintf("unknown option \"%s\" of feature \"%s\"", name, feature), name,
						  known_names(), "The options of a feature");
		if (value.type != jbvNull)
			take_value(i, feature, &value, options);
	}
}

/* features_object gives the object "features" of a definition's options; NULL when there is none. */
static JsonbValue *
features_object(const RecoDefinition *definition)
{
	JsonbValue *object = definition->options == NULL || !JB_ROOT_IS_OBJECT(definition->options)
							 ? NULL
							 : getKeyJsonValueFromContainer(&definition->options->root, "features",
															(int) strlen("features"), NULL);

	if (object == NULL || object->type == jbvNull)
		return NULL;
	if (object->type != jbvBinary || !JsonContainerIsObject(object->val.binary.data))
		ereport(ERROR, errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				errmsg("option \"features\" must be a JSON object of features"),
				errhint("Write it as in '{\"features\": {\"description\": {\"text\": true}}}'."));
	return object;
}

RecoFeatureOptions
reco_feature_options(const RecoDefinition *definition, const char *name, int group)
{
	RecoFeatureOptions options = {.levels = 1000, .min_count = 2, .dimensions = 32, .vocabulary = 20000};
	JsonbValue *object = features_object(definition);
	JsonbValue *found;

	if (object != NULL)
	{
		found = getKeyJsonValueFromContainer(object->val.binary.data, name, (int) strlen(name), NULL);
		if (found != NULL)
			parse_feature(name, found, &options);
	}
	if (group > 0)
		options.min_count = Max(options.min_count, group + 1);
	return options;
}

void
reco_feature_options_check(const RecoDefinition *definition)
{
	JsonbValue *object = features_object(definition);
	List *features = list_concat_copy(definition->item_features, definition->user_features);
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	if (object == NULL)
		return;
	iterator = JsonbIteratorInit(object->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		char *name;
		const ListCell *cell;
		bool found = false;

		if (token != WJB_KEY)
			continue;
		name = pnstrdup(value.val.string.val, value.val.string.len);
		JsonbIteratorNext(&iterator, &value, true);
		foreach (cell, features)
			found = found || strcmp(lfirst(cell), name) == 0;
		if (!found)
			raise_unknown(psprintf("option \"features\" names \"%s\", which is no feature", name), name,
						  features, "The features");
	}
}
