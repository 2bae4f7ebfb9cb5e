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
#include "model/json.h"
#include "mb/pg_wchar.h"

#define FACTS_VERSION 1

/* Characters of a text, beyond its template's where that is longer. */
#define LENGTH_LATIN 240
#define LENGTH_HAN 120
#define LENGTH_BEYOND_TEMPLATE 60

/* Most words that the caller may forbid or allow: a text is searched for each. */
#define MOST_STRINGS 10000

/* plain_name gives the name of an item without quotation marks, as a text may write it. */
static char *
plain_name(const RecoWords *words, const RecoModel *model, const RecoView *view, uint32 item)
{
	char *label = reco_words_label(model, view, item);

	return label != NULL ? label : reco_words_name(words, model, view, item);
}

/* write_words adds an array of the words of one class, or of one event, in a language. */
static void
write_words(RecoJson *json, const char *name, const char *lang, RecoWordClass class, const RecoCause *cause)
{
	reco_json_begin_array(json, name);
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
			reco_json_string(json, NULL, pg_any_to_server(word, (int) strlen(word), PG_UTF8));
	}
	reco_json_end_array(json);
}

/* write_item adds the id and the name of an item. */
static void
write_item(RecoJson *json, const RecoQuery *query, const RecoView *view, const RecoWords *words, uint32 item,
		   JsonbValue (*id)(const RecoModel *, uint32))
{
	JsonbValue value = id(query->model, item);

	reco_json_value(json, "id", &value);
	reco_json_string(json, "name", plain_name(words, query->model, view, item));
}

/* write_because adds the causes. */
static void
write_because(RecoJson *json, const RecoQuery *query, const RecoView *view, const RecoWords *words,
			  const RecoCause *cause, JsonbValue (*id)(const RecoModel *, uint32))
{
	reco_json_begin_array(json, "because");
	for (int c = 0; c < cause->n; c++)
	{
		reco_json_begin_object(json, NULL);
		write_item(json, query, view, words, query->evidence[cause->evidence[c]].item, id);
		reco_json_string(json, "event", reco_words_kind_name(cause->event[c]));
		reco_json_end_object(json);
	}
	reco_json_end_array(json);
}

/* write_numbers adds the numbers that a text may contain. */
static void
write_numbers(RecoJson *json, const RecoCause *cause, int people, int reviewers)
{
	reco_json_begin_array(json, "numbers");
	if (cause->n > 1)
		reco_json_integer(json, NULL, cause->n);
	if (people > 0)
		reco_json_integer(json, NULL, people);
	if (reviewers > 0 && reviewers != people)
		reco_json_integer(json, NULL, reviewers);
	reco_json_end_array(json);
}

/* write_promoted says that the item is promoted, and that a text may say so. */
static void
write_promoted(RecoJson *json, const char *lang)
{
	const char *word = reco_lexicon_speaks("zh", lang) ? "\xE6\x8E\xA8\xE5\xB9\xBF" : "promoted";

	reco_json_boolean(json, "promoted", true);
	reco_json_begin_array(json, "words");
	reco_json_string(json, NULL, pg_any_to_server(word, (int) strlen(word), PG_UTF8));
	reco_json_end_array(json);
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
	RecoJson json;

	reco_json_begin(&json);
	reco_json_integer(&json, "facts", FACTS_VERSION);
	reco_json_string(&json, "recommender", definition->name);
	reco_json_string(&json, "lang", lang);
	reco_json_string(&json, "source", source);
	reco_json_integer(&json, "max_length", Max(length, template_length));
	reco_json_string(&json, "polarity", "positive");
	reco_json_begin_object(&json, "item");
	write_item(&json, query, view, voice->words, item, id);
	reco_json_end_object(&json);
	write_because(&json, query, view, voice->words, cause, id);
	if (cause->n + cause->n_attributes == 0 &&
		(strcmp(source, "popular") != 0 || cause->basis != RECO_WORDING_POPULAR))
		reco_json_string(&json, "basis", reco_words_kind_name(cause->basis));
	if (cause->promoted)
		write_promoted(&json, lang);
	write_words(&json, "verbs", lang, RECO_WORD_EVENT, cause);
	reco_reason_write_attributes(&json, voice->words, reason, true);
	if (people > 0)
		reco_json_integer(&json, "people", people);
	if (reason->aspect != NULL)
	{
		reco_json_begin_object(&json, "reviews");
		reco_json_string(&json, "aspect", reco_words_column(lang, reason->aspect));
		reco_json_integer(&json, "people", reason->reviewers);
		reco_json_end_object(&json);
	}
	write_numbers(&json, cause, people, reason->reviewers);
	write_words(&json, "protected", lang, RECO_WORD_PROTECTED, cause);
	reco_json_string(&json, "template", reason->text);
	return reco_json_end(&json);
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
