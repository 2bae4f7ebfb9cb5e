/*
 * facts.c
 *	  What a writer outside may say of a recommendation, as jsonb.
 *
 * Names are those that the caller sees, as they are shown; the user's id is
 * not among the facts.  Causes are evidence that was checked (G3).
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "explain/lexicon.h"
#include "explain/outside.h"
#include "explain/words.h"
#include "mb/pg_wchar.h"

#define FACTS_VERSION 1

/* Characters of a text, beyond its template's where that is longer. */
#define LENGTH_LATIN 240
#define LENGTH_HAN 120
#define LENGTH_BEYOND_TEMPLATE 60

/* Most words that the caller may forbid or allow: a text is searched for each. */
#define MOST_STRINGS 10000

static void
push_name(JsonbParseState **state, const char *name)
{
	JsonbValue key;

	key.type = jbvString;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = (int) strlen(name);
	pushJsonbValue(state, WJB_KEY, &key);
}

static JsonbValue
string_value(const char *string)
{
	JsonbValue value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = (int) strlen(string);
	return value;
}

static JsonbValue
number_value(int64 number)
{
	JsonbValue value;

	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	return value;
}

static void
push_string(JsonbParseState **state, const char *name, const char *string)
{
	JsonbValue value = string_value(string);

	push_name(state, name);
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
push_number(JsonbParseState **state, const char *name, int64 number)
{
	JsonbValue value = number_value(number);

	push_name(state, name);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* plain_name gives the name of an item without quotation marks, as a text may write it. */
static char *
plain_name(const RecoWords *words, const RecoModel *model, const RecoView *view, uint32 item)
{
	char *label = reco_words_label(model, view, item);

	return label != NULL ? label : reco_words_name(words, model, view, item);
}

/* push_words adds an array of the words of one class, or of one event, in a language. */
static void
push_words(JsonbParseState **state, const char *name, const char *lang, RecoWordClass class,
		   const RecoCause *cause)
{
	push_name(state, name);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int l = 0; l < reco_n_lexicon; l++)
	{
		const RecoLexicon *entry = &reco_lexicon[l];
		bool wanted = entry->class == class && reco_lexicon_speaks(entry->lang, lang);
		char *words;

		if (wanted && class == RECO_WORD_EVENT)
			wanted = (cause->n > 0 && cause->event[0] == entry->wording) ||
					 (cause->n > 1 && cause->event[1] == entry->wording);
		if (!wanted)
			continue;
		words = pstrdup(entry->words);
		for (char *word = strtok(words, "|"); word != NULL; word = strtok(NULL, "|"))
		{
			JsonbValue value = string_value(pg_any_to_server(word, (int) strlen(word), PG_UTF8));

			pushJsonbValue(state, WJB_ELEM, &value);
		}
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* push_because adds the causes. */
static void
push_because(JsonbParseState **state, const RecoQuery *query, const RecoView *view, const RecoWords *words,
			 const RecoCause *cause, JsonbValue (*id)(const RecoModel *, uint32))
{
	push_name(state, "because");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int c = 0; c < cause->n; c++)
	{
		uint32 item = query->evidence[cause->evidence[c]].item;
		JsonbValue value = id(query->model, item);

		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		push_name(state, "id");
		pushJsonbValue(state, WJB_VALUE, &value);
		push_string(state, "name", plain_name(words, query->model, view, item));
		push_string(state, "event", reco_words_kind_name(cause->event[c]));
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* push_numbers adds the numbers that a text may contain. */
static void
push_numbers(JsonbParseState **state, const RecoCause *cause, int people, int reviewers)
{
	JsonbValue value;

	push_name(state, "numbers");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	if (cause->n > 1)
	{
		value = number_value(cause->n);
		pushJsonbValue(state, WJB_ELEM, &value);
	}
	if (people > 0)
	{
		value = number_value(people);
		pushJsonbValue(state, WJB_ELEM, &value);
	}
	if (reviewers > 0 && reviewers != people)
	{
		value = number_value(reviewers);
		pushJsonbValue(state, WJB_ELEM, &value);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* push_promoted says that the item is promoted, and that a text may say so. */
static void
push_promoted(JsonbParseState **state, const char *lang)
{
	const char *word = reco_lexicon_speaks("zh", lang) ? "\xE6\x8E\xA8\xE5\xB9\xBF" : "promoted";
	JsonbValue value;

	value.type = jbvBool;
	value.val.boolean = true;
	push_name(state, "promoted");
	pushJsonbValue(state, WJB_VALUE, &value);
	push_name(state, "words");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	value = string_value(pg_any_to_server(word, (int) strlen(word), PG_UTF8));
	pushJsonbValue(state, WJB_ELEM, &value);
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* push_attributes adds the attributes that the reason cites, where there are any. */
static void
push_attributes(JsonbParseState **state, const RecoWords *words, const RecoReason *reason)
{
	if (reason->n_attributes == 0)
		return;
	push_name(state, "attributes");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int a = 0; a < reason->n_attributes; a++)
	{
		char *band = reco_words_band(words, &reason->attribute[a]);

		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		push_string(state, "of", reason->attribute[a].own ? "user" : "item");
		push_string(state, "name", reason->attribute[a].name);
		if (reason->attribute[a].value != NULL)
			push_string(state, "value", band != NULL ? band : reco_words_line(reason->attribute[a].value));
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

Jsonb *
reco_facts_write(const RecoDefinition *definition, const RecoQuery *query, const RecoView *view,
				 const RecoVoice *voice, const char *source, uint32 item, const RecoCause *cause,
				 const RecoReason *reason, JsonbValue (*id)(const RecoModel *, uint32))
{
	const char *lang = reco_words_language(voice->words);
	int people = reco_model_people(query->model, item);
	int length = reco_lexicon_speaks("zh", lang) ? LENGTH_HAN : LENGTH_LATIN;
	int template_length = pg_mbstrlen(reason->text) + LENGTH_BEYOND_TEMPLATE;
	JsonbParseState *state = NULL;
	JsonbValue value;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_number(&state, "facts", FACTS_VERSION);
	push_string(&state, "recommender", definition->name);
	push_string(&state, "lang", lang);
	push_string(&state, "source", source);
	push_number(&state, "max_length", Max(length, template_length));
	push_string(&state, "polarity", "positive");
	push_name(&state, "item");
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	value = id(query->model, item);
	push_name(&state, "id");
	pushJsonbValue(&state, WJB_VALUE, &value);
	push_string(&state, "name", plain_name(voice->words, query->model, view, item));
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	push_because(&state, query, view, voice->words, cause, id);
	if (cause->n + cause->n_attributes == 0 &&
		(strcmp(source, "popular") != 0 || cause->basis != RECO_WORDING_POPULAR))
		push_string(&state, "basis", reco_words_kind_name(cause->basis));
	if (cause->promoted)
		push_promoted(&state, lang);
	push_words(&state, "verbs", lang, RECO_WORD_EVENT, cause);
	push_attributes(&state, voice->words, reason);
	if (people > 0)
		push_number(&state, "people", people);
	if (reason->aspect != NULL)
	{
		push_name(&state, "reviews");
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		push_string(&state, "aspect", reco_words_aspect(reason->aspect));
		push_number(&state, "people", reason->reviewers);
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	push_numbers(&state, cause, people, reason->reviewers);
	push_words(&state, "protected", lang, RECO_WORD_PROTECTED, cause);
	push_string(&state, "template", reason->text);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* ---- reading ---- */

/* raise_shape refuses facts of another shape. */
static void
raise_shape(const char *key, const char *expected)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("facts have no key \"%s\" that is %s", key, expected),
					errhint("Take them from reco.reason_prompt().")));
}

/* member gives a value of an object of a type, or raises. */
static JsonbValue *
member(JsonbContainer *object, const char *key, enum jbvType type, const char *expected)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object, key, (int) strlen(key), NULL);

	if (value == NULL || value->type != type)
		raise_shape(key, expected);
	return value;
}

static char *
member_string(JsonbContainer *object, const char *key)
{
	JsonbValue *value = member(object, key, jbvString, "a string");

	return pnstrdup(value->val.string.val, value->val.string.len);
}

static double
number_of(const JsonbValue *value)
{
	return DatumGetFloat8(
		DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
}

/* member_container gives a nested object or array. */
static JsonbContainer *
member_container(JsonbContainer *object, const char *key, bool array)
{
	const char *expected = array ? "an array" : "an object";
	JsonbContainer *inside = member(object, key, jbvBinary, expected)->val.binary.data;

	if (array ? !JsonContainerIsArray(inside) : !JsonContainerIsObject(inside))
		raise_shape(key, expected);
	return inside;
}

/* read_because reads the causes. */
static void
read_because(JsonbContainer *array, RecoFacts *facts)
{
	facts->n_causes = (int) JsonContainerSize(array);
	if (facts->n_causes > RECO_REASON_CITES)
		raise_shape("because", "an array of at most two objects");
	for (int c = 0; c < facts->n_causes; c++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, c);
		char *event;
		int wording = RECO_WORDINGS;

		if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
			raise_shape("because", "an array of objects");
		facts->cause[c].name = member_string(value->val.binary.data, "name");
		event = member_string(value->val.binary.data, "event");
		for (int w = RECO_WORDING_BOUGHT; w <= RECO_WORDING_OTHER_EVENT; w++)
			if (strcmp(reco_words_kind_name((RecoWording) w), event) == 0)
				wording = w;
		if (wording == RECO_WORDINGS)
			raise_shape("event", "an event that speaks for an item");
		facts->cause[c].event = (RecoWording) wording;
	}
}

/* read_strings reads an array of strings. */
static List *
read_strings(JsonbContainer *array, const char *key)
{
	List *strings = NIL;

	if (JsonContainerSize(array) > MOST_STRINGS)
		raise_shape(key, psprintf("an array of at most %d strings", MOST_STRINGS));
	for (uint32 i = 0; i < JsonContainerSize(array); i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, i);

		if (value->type != jbvString)
			raise_shape(key, "an array of strings");
		strings = lappend(strings, pnstrdup(value->val.string.val, value->val.string.len));
	}
	return strings;
}

/* read_reviews reads what reviews say, where they say something. */
static void
read_reviews(JsonbContainer *root, RecoFacts *facts)
{
	JsonbContainer *reviews;

	if (getKeyJsonValueFromContainer(root, "reviews", strlen("reviews"), NULL) == NULL)
		return;
	reviews = member_container(root, "reviews", false);
	facts->aspect = member_string(reviews, "aspect");
	facts->reviewers = number_of(member(reviews, "people", jbvNumeric, "a number"));
}

/* read_attributes reads the names and values of attributes that may be said. */
static void
read_attributes(JsonbContainer *root, RecoFacts *facts)
{
	JsonbContainer *array;

	if (getKeyJsonValueFromContainer(root, "attributes", strlen("attributes"), NULL) == NULL)
		return;
	array = member_container(root, "attributes", true);
	if (JsonContainerSize(array) > RECO_REASON_CITES)
		raise_shape("attributes", "an array of at most two objects");
	for (uint32 a = 0; a < JsonContainerSize(array); a++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, a);

		if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
			raise_shape("attributes", "an array of objects");
		facts->attributes = lappend(facts->attributes, member_string(value->val.binary.data, "name"));
		if (getKeyJsonValueFromContainer(value->val.binary.data, "value", strlen("value"), NULL) != NULL)
			facts->value[facts->n_values++] = member_string(value->val.binary.data, "value");
	}
}

RecoFacts *
reco_facts_read(Jsonb *jsonb)
{
	RecoFacts *facts = palloc0(sizeof(RecoFacts));
	JsonbContainer *root = &jsonb->root;
	JsonbValue *people;
	double length;

	if (!JsonContainerIsObject(root))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("facts must be a JSON object"),
						errhint("Take them from reco.reason_prompt().")));
	if (number_of(member(root, "facts", jbvNumeric, "a number")) != FACTS_VERSION)
		raise_shape("facts", psprintf("the number %d", FACTS_VERSION));
	facts->recommender = member_string(root, "recommender");
	facts->lang = member_string(root, "lang");
	facts->source = member_string(root, "source");
	length = number_of(member(root, "max_length", jbvNumeric, "a number"));
	if (!(length >= 1 && length <= 10000))
		raise_shape("max_length", "a number from 1 to 10000");
	facts->max_length = (int) length;
	facts->item = member_string(member_container(root, "item", false), "name");
	read_because(member_container(root, "because", true), facts);
	facts->basis = "";
	if (getKeyJsonValueFromContainer(root, "basis", strlen("basis"), NULL) != NULL)
		facts->basis = member_string(root, "basis");
	people = getKeyJsonValueFromContainer(root, "people", strlen("people"), NULL);
	if (people != NULL)
		facts->people = number_of(member(root, "people", jbvNumeric, "a number"));
	read_reviews(root, facts);
	read_attributes(root, facts);
	facts->protected = read_strings(member_container(root, "protected", true), "protected");
	if (getKeyJsonValueFromContainer(root, "words", strlen("words"), NULL) != NULL)
		facts->words =
			list_concat(facts->words, read_strings(member_container(root, "words", true), "words"));
	facts->template_text = member_string(root, "template");
	return facts;
}
