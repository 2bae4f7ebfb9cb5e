/*
 * accept.c
 *	  May a text that somebody else wrote be shown as a reason?
 *
 * A text is taken apart in this order:
 *
 *	1.	Names.  At every position the longest label counts, of the facts and of
 *		all labels that the caller sees.  One of the facts becomes a mark, another is
 *		a problem.  What stands in quotation marks and is no mark is a
 *		name too, and so is a capital letter within an English sentence.
 *	2.	Numbers, in digits and in words, must be in the facts.
 *	3.	Words of the lexicon: what turns the meaning round, events that did not
 *		happen, claims that no fact bears out, protected attributes.
 *	4.	Causes.  Each clause that is worded as a cause must hold the mark of
 *		a piece of evidence, which was checked when the facts were made (G3).
 *	5.	All other words must be known to claim nothing.
 *	6.	Length, markup, language.
 *
 * All of these are closed: a name or number that is not in the facts is refused, and so is a word that is neither in the
 * lexicon nor among the "words" that the caller adds to the facts, for it may claim anything.  What passes is made of names and
 * numbers of the facts and of words that claim nothing by themselves; a false claim made of those alone, by their
 * order, may pass (test/sql/accept_corpus.sql measures how often).  The text that
 * replaces a refused one is true.  A language without a lexicon cannot be checked, so nothing passes.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "explain/lexicon.h"
#include "explain/numerals.h"
#include "explain/outside.h"
#include "explain/plain.h"
#include "explain/ratings.h"
#include "explain/vocabulary.h"
#include "explain/words.h"

/* A mark stands for every character of a name of the facts: MARK is the item, MARK + c cause c - 1. */
#define MARK 0xF0000
#define FOREIGN_NAME 0xF1000 /* of a name that is not in the facts */
#define HARMLESS 0xF2000     /* of words that were looked at and are fine */

/* Most names that facts have: of causes, of attributes and of the item. */
#define OWN_NAMES (2 * RECO_REASON_CITES + 1)

/* The longest name that begins at a position; of length 0: none does. */
typedef struct Named
{
	int n;
	uint32 mark;
} Named;

typedef struct Check
{
	const RecoFacts *facts;
	RecoPlain text;
	bool chinese;
	List *problems;
	int n_own;
	RecoPlain own[OWN_NAMES]; /* names of the facts */
	bool *allowed;            /* [text.n] whether it stands in a word that the caller allows */
	Named *name;              /* [text.n] of the facts and of the catalogue, as the text was written */
	int n_usual;
	RecoPlain *usual; /* words in the text that everybody uses: a label that is one of them is no name */
	int n_prose;      /* see check_language */
} Check;

static int clause_to(const Check *check, int at);
static int clause_from(const Check *check, int at);
static int sentence_from(const Check *check, int at);
static bool has_cause(const Check *check, int from, int to);

static bool
is_mark(uint32 code)
{
	return code >= MARK && code < FOREIGN_NAME;
}

static void
add_problem(Check *check, char *problem)
{
	ListCell *cell;

	foreach (cell, check->problems)
		if (strcmp(lfirst(cell), problem) == 0)
			return;
	check->problems = lappend(check->problems, problem);
}

/* add_found adds a problem that quotes part of the text. */
static void
add_found(Check *check, const char *what, int from, int to, const char *why)
{
	add_problem(check, psprintf("%s: %s %s", what, reco_plain_text(&check->text, from, to), why));
}

/* blank replaces a stretch of the folded text. */
static void
blank(RecoPlain *text, int from, int to, uint32 code)
{
	for (int at = from; at < to; at++)
		text->code[at] = code;
}

/* ---- names ---- */

/* put_name keeps a name wherever it stands in the text and nothing as long begins. */
static void
put_name(Check *check, const RecoPlain *name, uint32 mark)
{
	for (int at = reco_plain_find(&check->text, 0, name); at >= 0;
		 at = reco_plain_find(&check->text, at + 1, name))
		if (name->n > check->name[at].n)
			check->name[at] = (Named){name->n, mark};
}

/* put_own keeps a name of the facts. */
static void
put_own(Check *check, const char *name, uint32 mark)
{
	RecoPlain *own = &check->own[check->n_own++];

	*own = reco_plain_make(name);
	put_name(check, own, mark);
}

/* put_attribute keeps the name of an attribute that is cited, as the column is called and as it is said; never a protected one. */
static void
put_attribute(Check *check, const char *attribute)
{
	RecoPlain column = reco_plain_make(attribute);
	RecoPlain said = reco_plain_make(reco_words_column(check->facts->lang, attribute));

	if (reco_lexicon_protects(attribute))
		return;
	put_name(check, &column, HARMLESS);
	put_name(check, &said, HARMLESS);
}

/* find_usual finds the words of the text that only quotation marks make names. */
static void
find_usual(Check *check)
{
	for (int l = 0; l < reco_n_lexicon; l++)
	{
		const RecoLexicon *entry = &reco_lexicon[l];
		RecoPlainWords words;

		if ((entry->class != RECO_WORD_PROSE && entry->class != RECO_WORD_EVENT &&
			 entry->class != RECO_WORD_CAUSE_NEXT && entry->class != RECO_WORD_NEUTRAL) ||
			!reco_lexicon_speaks(entry->lang, check->facts->lang))
			continue;
		words = reco_plain_words(entry->words);
		check->usual = check->usual == NULL
						   ? palloc(sizeof(RecoPlain) * words.n)
						   : repalloc(check->usual, sizeof(RecoPlain) * (check->n_usual + words.n));
		for (int w = 0; w < words.n; w++)
			if (reco_plain_find(&check->text, 0, &words.word[w]) >= 0)
				check->usual[check->n_usual++] = words.word[w];
	}
}

/* is_usual says whether a label is no more than a word that every text uses, or a character. */
static bool
is_usual(const Check *check, const RecoPlain *label)
{
	if (label->n == 1)
		return true;
	for (int u = 0; u < check->n_usual; u++)
		if (check->usual[u].n == label->n &&
			memcmp(check->usual[u].code, label->code, sizeof(uint32) * label->n) == 0)
			return true;
	return false;
}

/* see_label keeps where a label of the catalogue stands in the text; nothing of the label itself, which is gone with its row. */
static void
see_label(void *state, const char *text)
{
	Check *check = state;
	RecoPlain label = reco_plain_make(text);

	while (label.n > 0 && label.code[0] == ' ')
		label = (RecoPlain){label.n - 1, label.raw + 1, label.code + 1};
	while (label.n > 0 && label.code[label.n - 1] == ' ')
		label.n--;
	if (label.n <= check->text.n && !is_usual(check, &label))
		put_name(check, &label, FOREIGN_NAME);
}

/* find_names finds all names of the text, those of the facts before others of their length. */
static void
find_names(Check *check, const RecoDefinition *definition)
{
	const RecoFacts *facts = check->facts;
	const ListCell *cell;

	check->name = palloc0(sizeof(Named) * check->text.n);
	/* causes first: an item that is its own cause is one */
	for (int c = 0; c < facts->n_causes; c++)
		put_own(check, facts->cause[c].name, MARK + 1 + (uint32) c);
	/* an attribute that the score is owed to is a cause too */
	for (int v = 0; v < facts->n_values; v++)
		put_own(check, facts->value[v], MARK + 1 + RECO_REASON_CITES + (uint32) v);
	put_own(check, facts->item, MARK);
	foreach (cell, facts->attributes)
		put_attribute(check, lfirst(cell));
	find_usual(check);
	reco_reader_labels(definition, see_label, check);
}

/* mark_names replaces names, left to right, and tells of those that are not in the facts. */
static void
mark_names(Check *check, const RecoDefinition *definition)
{
	find_names(check, definition);
	for (int at = 0; at < check->text.n; at += Max(check->name[at].n, 1))
	{
		const Named *name = &check->name[at];

		if (name->n > 0 && name->mark == FOREIGN_NAME)
			add_found(check, "name", at, at + name->n, "is not in the facts");
		blank(&check->text, at, at + name->n, name->mark);
	}
}

/* is_inside_fact says whether a word of the text is a word of a name of the facts. */
static bool
is_inside_fact(const Check *check, int from, int to)
{
	RecoPlain word = {to - from, check->text.raw + from, check->text.code + from};

	for (int o = 0; o < check->n_own; o++)
		if (reco_plain_find(&check->own[o], 0, &word) >= 0)
			return true;
	return false;
}

/* check_quotes refuses what stands in quotation marks and is no name of the facts. */
static void
check_quotes(Check *check)
{
	int opened = -1;

	for (int at = 0; at < check->text.n; at++)
	{
		uint32 code = check->text.code[at];
		bool quote = code == '"' || code == 0x300a || code == 0x300b;

		if (!quote)
			continue;
		if (opened < 0 || code == 0x300a)
		{
			if (opened >= 0 || code == 0x300b)
				add_problem(check, pstrdup("markup: quotation marks do not pair"));
			opened = at;
			continue;
		}
		for (int inside = opened + 1; inside < at; inside++)
			if (!is_mark(check->text.code[inside]) && check->text.code[inside] != FOREIGN_NAME &&
				check->text.code[inside] != ' ')
			{
				add_found(check, "name", opened + 1, at, "is not in the facts");
				break;
			}
		opened = -1;
	}
	if (opened >= 0)
		add_problem(check, pstrdup("markup: quotation marks do not pair"));
}

/* begins_sentence says whether nothing but marks of punctuation stands between a position and the end of the sentence before. */
static bool
begins_sentence(const Check *check, int at)
{
	while (--at >= 0)
	{
		uint32 code = check->text.code[at];

		if (code == '.' || code == '!' || code == '?' || code == ':')
			return true;
		if (code != ' ' && code != '"' && code != '\'' && code != '(')
			return false;
	}
	return true;
}

/* check_capitals refuses English words that are written as names and are none of the facts. */
static void
check_capitals(Check *check)
{
	for (int at = 0, end; at < check->text.n; at = end)
	{
		int capitals = 0;
		bool first;

		CHECK_FOR_INTERRUPTS();
		end = at + 1;
		if (!reco_plain_is_letter(check->text.code[at]))
			continue;
		while (end < check->text.n &&
			   (reco_plain_is_letter(check->text.code[end]) || reco_plain_is_digit(check->text.code[end])))
			end++;
		for (int c = at; c < end; c++)
			capitals += reco_plain_is_upper(check->text.raw[c]);
		first = reco_plain_is_upper(check->text.raw[at]);
		if (capitals == 0 || (end - at == 1 && check->text.code[at] == 'i') ||
			(capitals == 1 && first && begins_sentence(check, at)) || check->allowed[at] ||
			is_inside_fact(check, at, end))
			continue;
		add_found(check, "name", at, end, "is not in the facts");
	}
}

/* ---- numbers ---- */

static bool
number_allowed(const RecoFacts *facts, double number)
{
	return (facts->people > 0 && number == facts->people) ||
		   (facts->reviewers > 0 && number == facts->reviewers) ||
		   (facts->n_causes > 1 && number == facts->n_causes);
}

static void
check_numbers(Check *check)
{
	int at = 0;
	int from;
	int to;
	double number;

	while (reco_numeral_next(&check->text, at, check->chinese, &from, &to, &number))
	{
		if (!number_allowed(check->facts, number))
			add_found(check, "number", from, to, "is not in the facts");
		at = to;
	}
}

/* ---- words ---- */

/* next_word finds the first of some words that begins within bounds, the longest of those that begin there; false when there is none. */
static bool
next_word(const Check *check, const RecoPlainWords *words, int from, int to, int *found, int *end)
{
	for (int at = from; at < to; at++)
	{
		int length;

		CHECK_FOR_INTERRUPTS();
		length = reco_plain_longest(&check->text, at, words);
		if (length > 0)
		{
			*found = at;
			*end = at + length;
			return true;
		}
	}
	return false;
}

/* is_of says whether an entry of the lexicon is of a class, and of the language of the text. */
static bool
is_of(const Check *check, const RecoLexicon *entry, RecoWordClass class)
{
	return entry->class == class && reco_lexicon_speaks(entry->lang, check->facts->lang);
}

/* Does something with a word that was found. */
typedef void (*WordVisitor)(Check *check, int from, int to);

/* visit_words calls the visitor for every word of a class in the text. */
static void
visit_words(Check *check, RecoWordClass class, WordVisitor visitor)
{
	for (int l = 0; l < reco_n_lexicon; l++)
	{
		RecoPlainWords words;
		int end = 0;
		int found;

		if (!is_of(check, &reco_lexicon[l], class))
			continue;
		words = reco_plain_words(reco_lexicon[l].words);
		while (next_word(check, &words, end, check->text.n, &found, &end))
			visitor(check, found, end);
		reco_plain_forget(&words);
	}
}

static void
blank_word(Check *check, int from, int to)
{
	blank(&check->text, from, to, HARMLESS);
}

/*
 * blank_reviews takes out what a text may say of reviews: the aspect, and in its clause that people rated it highly and how many.
 */
static void
blank_reviews(Check *check)
{
	static const char *const said[] = {
		"rated it highly",
		"rated highly",
		"rate it highly",
		"rates highly",
		"highly rated",
		"high ratings",
		"high rating",
		"praised",
		"reviews",
		"reviewers",
		"review",
		"\xE9\xAB\x98\xE5\x88\x86\xE8\xAF\x84\xE4\xBB\xB7", /* high rating, praise and review, in Chinese */
		"\xE9\xAB\x98\xE5\x88\x86",
		"\xE5\xA5\xBD\xE8\xAF\x84",
		"\xE8\xAF\x84\xE4\xBB\xB7"};
	RecoPlain aspect;
	int at;

	if (check->facts->aspect == NULL)
		return;
	aspect = reco_plain_make(check->facts->aspect);
	for (at = reco_plain_find(&check->text, 0, &aspect); at >= 0;
		 at = reco_plain_find(&check->text, at + 1, &aspect))
	{
		int to = clause_to(check, at);
		int from = clause_from(check, at);

		blank(&check->text, at, at + aspect.n, HARMLESS);
		for (size_t s = 0; s < lengthof(said); s++)
		{
			RecoPlain word = reco_plain_utf8(said[s], (int) strlen(said[s]));
			int found = reco_plain_find(&check->text, from, &word);

			if (found >= 0 && found + word.n <= to)
				blank(&check->text, found, found + word.n, HARMLESS);
		}
	}
}

/* has_item says whether the name of the item stands within bounds. */
static bool
has_item(const Check *check, int from, int to)
{
	for (int at = from; at < to; at++)
		if (check->text.code[at] == MARK)
			return true;
	return false;
}

/* blank_reasons_after takes out words by which what was named before is called the reason: a cause, and not the item. */
static void
blank_reasons_after(Check *check)
{
	RecoPlainWords words =
		reco_plain_words("is the reason|was the reason|are the reason|are the reasons|were the reason");
	int found;
	int end = 0;

	while (next_word(check, &words, end, check->text.n, &found, &end))
	{
		int begin = sentence_from(check, found);

		if (has_cause(check, begin, found))
			blank(&check->text, found, end, HARMLESS);
		else if (has_item(check, begin, found))
			add_found(check, "cause", found, end, "gives a cause that the facts do not");
	}
	reco_plain_forget(&words);
}

/* blank_ratings takes out what says that the reader rated an item highly, of those causes of which it is true. */
static void
blank_ratings(Check *check)
{
	for (int c = 0; c < check->facts->n_causes; c++)
		if (check->facts->cause[c].event == RECO_WORDING_RATED_HIGHLY)
			reco_ratings_blank(&check->text, check->facts->lang, MARK + 1 + (uint32) c, HARMLESS);
}

/* is_value says whether the value of an attribute that is cited follows a position, quotation marks aside. */
static bool
is_value(const Check *check, int at)
{
	while (at < check->text.n &&
		   (check->text.code[at] == ' ' || check->text.code[at] == '"' || check->text.code[at] == 0x300a))
		at++;
	return at < check->text.n && check->text.code[at] > MARK + RECO_REASON_CITES &&
		   check->text.code[at] < FOREIGN_NAME;
}

/* blank_values takes out the words that say no more than the value after them. */
static void
blank_values(Check *check)
{
	RecoPlainWords words = reco_plain_words(
		"priced at|costs|"
		"\xE4\xBB\xB7\xE6\xA0\xBC\xE4\xB8\xBA|"
		"\xE4\xBB\xB7\xE4\xBD\x8D\xE5\x9C\xA8|\xE5\x87\xBA\xE8\x87\xAA" /* priced at, from, in Chinese */
	);
	int found;
	int end = 0;

	while (next_word(check, &words, end, check->text.n, &found, &end))
		if (is_value(check, end))
			blank(&check->text, found, end, HARMLESS);
	reco_plain_forget(&words);
}

static void
refuse_negative(Check *check, int from, int to)
{
	add_found(check, "polarity", from, to, "turns the meaning round");
}

static void
refuse_claim(Check *check, int from, int to)
{
	add_found(check, "claim", from, to, "is borne out by no fact");
}

static void
refuse_foreign(Check *check, int from, int to)
{
	add_found(check, "language", from, to, "is of another language");
}

/* sentence_from and sentence_to give the bounds of the sentence around a position. */
static bool
ends_sentence(uint32 code)
{
	return code == '.' || code == '!' || code == '?' || code == ';' || code == 0x3002 || code == '\n';
}

static int
sentence_from(const Check *check, int at)
{
	while (at > 0 && !ends_sentence(check->text.code[at - 1]))
		at--;
	return at;
}

static int
sentence_to(const Check *check, int at)
{
	while (at < check->text.n && !ends_sentence(check->text.code[at]))
		at++;
	return at;
}

/* has_cause says whether the name of a cause stands within bounds. */
static bool
has_cause(const Check *check, int from, int to)
{
	for (int at = from; at < to; at++)
		if (check->text.code[at] > MARK && check->text.code[at] < FOREIGN_NAME)
			return true;
	return false;
}

/* check_event refuses what the user did not do, and what was done when it is not said of a cause. */
static void
check_event(Check *check, int from, int to)
{
	const RecoFacts *facts = check->facts;
	bool did = false;

	for (int c = 0; c < facts->n_causes; c++)
	{
		RecoWording event =
			facts->cause[c].event == RECO_WORDING_RATED_HIGHLY ? RECO_WORDING_RATED : facts->cause[c].event;
		RecoPlain word = {to - from, check->text.raw + from, check->text.code + from};

		/* one word may stand for several events, as "seen" does */
		for (int l = 0; l < reco_n_lexicon && !did; l++)
			if (is_of(check, &reco_lexicon[l], RECO_WORD_EVENT) && reco_lexicon[l].wording == event)
			{
				RecoPlainWords words = reco_plain_words(reco_lexicon[l].words);

				did = reco_plain_longest(&word, 0, &words) > 0;
				reco_plain_forget(&words);
			}
	}
	if (!did)
		add_found(check, "verb", from, to, "is not what the facts say was done");
	else if (!has_cause(check, sentence_from(check, from), sentence_to(check, to)))
		add_found(check, "verb", from, to, "is said of nothing that the facts give as a cause");
}

/*
 * check_doer refuses an event that somebody else did, or that is said as what may happen: who or what stands before it,
 * auxiliaries aside.
 */
static void
check_doer(Check *check, int from, int to)
{
	const char *lang = check->facts->lang;
	int before = from;
	int word;

	while (reco_vocabulary_ends(&check->text, lang, RECO_WORD_AUXILIARY, before, &word))
		before = word;
	if (reco_vocabulary_ends(&check->text, lang, RECO_WORD_MODAL, before, &word))
		add_found(check, "verb", word, to, "is not said as what was done");
	if (reco_vocabulary_ends(&check->text, lang, RECO_WORD_NOT_READER, before, &word))
		add_found(check, "verb", word, to, "is said of somebody else");
}

/* check_vocabulary refuses words that nobody knows: what they claim, no fact can bear out. */
static void
check_vocabulary(Check *check)
{
	bool *covered = reco_vocabulary_cover(&check->text, check->facts->lang, check->facts->words);
	double number;
	int from;
	int to;

	for (int at = 0; reco_numeral_next(&check->text, at, check->chinese, &from, &to, &number); at = to)
		memset(covered + from, true, to - from);
	for (from = 0; from < check->text.n; from = to)
	{
		to = from;
		while (to < check->text.n && !covered[to] &&
			   (reco_plain_is_letter(check->text.code[to]) || reco_plain_is_han(check->text.code[to])))
			to++;
		if (to > from)
			add_found(check, "claim", from, to, "is no word that is known to claim nothing");
		else
			to++;
	}
}

/* next_of finds the first word of a class within bounds, of events that of a rating; its end where there is none. */
static int
next_of(const Check *check, RecoWordClass class, int from, int to)
{
	for (int l = 0; l < reco_n_lexicon; l++)
	{
		RecoPlainWords words;
		int found;
		int end;

		if (!is_of(check, &reco_lexicon[l], class) ||
			(class == RECO_WORD_EVENT && reco_lexicon[l].wording != RECO_WORDING_RATED))
			continue;
		words = reco_plain_words(reco_lexicon[l].words);
		if (next_word(check, &words, from, to, &found, &end))
			to = found;
		reco_plain_forget(&words);
	}
	return to;
}

static void
check_rated_highly(Check *check)
{
	bool highly = false;
	RecoPlainWords words = reco_plain_words("highly|well|favourably|favorably|high|\xE9\xAB\x98\xE5\x88\x86");
	int found;
	int end = 0;

	for (int c = 0; c < check->facts->n_causes; c++)
		highly |= check->facts->cause[c].event == RECO_WORDING_RATED_HIGHLY;
	while (!highly && next_word(check, &words, end, check->text.n, &found, &end))
	{
		int to = sentence_to(check, end);

		if (next_of(check, RECO_WORD_EVENT, sentence_from(check, found), to) < to)
			add_found(check, "verb", found, end, "is more than the facts say");
	}
	reco_plain_forget(&words);
}

/* ---- causes ---- */

/* clause_to gives where the clause that begins at a position ends: at a comma or with the sentence. */
static int
clause_to(const Check *check, int at)
{
	int end = sentence_to(check, at);

	for (; at < end; at++)
		if (check->text.code[at] == ',' || check->text.code[at] == 0x3001)
			return at;
	return end;
}

/* clause_from gives where the clause around a position begins. */
static int
clause_from(const Check *check, int at)
{
	int begin = sentence_from(check, at);

	for (; at > begin; at--)
		if (check->text.code[at - 1] == ',' || check->text.code[at - 1] == 0x3001)
			return at;
	return begin;
}

static void
check_cause_next(Check *check, int from, int to)
{
	int end = clause_to(check, to);

	end = next_of(check, RECO_WORD_CAUSE_NEXT, to, end);
	end = next_of(check, RECO_WORD_CAUSE_BEFORE, to, end);
	if (!has_cause(check, to, end))
		add_found(check, "cause", from, to, "gives a cause that the facts do not");
}

static void
check_cause_before(Check *check, int from, int to)
{
	int begin = sentence_from(check, from);
	int first = begin;

	while (first < from && check->text.code[first] == ' ')
		first++;
	/* a sentence that begins with it speaks of the one before */
	if (first == from && begin > 0)
		begin = sentence_from(check, begin - 1);
	if (!has_cause(check, begin, from))
		add_found(check, "cause", from, to, "gives a cause that the facts do not");
}

/* ---- form ---- */

/* is_far_too_long refuses a text whose bytes alone say that it is too long: it is not taken apart, be it of a gigabyte. */
static bool
is_far_too_long(Check *check, const char *text)
{
	size_t bytes = strlen(text);

	if (bytes <= (size_t) check->facts->max_length * MAX_MULTIBYTE_CHAR_LEN)
		return false;
	add_problem(check,
				psprintf("length: %zu bytes are more than %d characters", bytes, check->facts->max_length));
	return true;
}

static void
check_length(Check *check)
{
	bool blank_text = true;

	for (int at = 0; at < check->text.n; at++)
		if (check->text.code[at] != ' ')
			blank_text = false;
	if (blank_text)
		add_problem(check, pstrdup("length: the text is empty"));
	if (check->text.n > check->facts->max_length)
		add_problem(check, psprintf("length: %d characters are more than %d", check->text.n,
									check->facts->max_length));
}

/* is_markup says whether a character has no place in a sentence, outside of names. */
static bool
is_markup(uint32 raw)
{
	return raw < ' ' || (raw >= 0x7f && raw < 0xa0) ||
		   strchr("<>{}[]*`\\|~^=_#@$&/", (int) Min(raw, 0x7f)) != NULL || (raw >= 0x200b && raw <= 0x200f) ||
		   (raw >= 0x2028 && raw <= 0x202e) || (raw >= 0x2060 && raw <= 0x206f) || raw == 0xfeff ||
		   raw == 0xad || raw == 0xfffc || raw >= 0x1f000;
}

static void
check_markup(Check *check)
{
	RecoPlainWords link = reco_plain_words("http|https|www|html|script|href");
	int found;
	int end;

	for (int at = 0; at < check->text.n; at++)
		if (!is_mark(check->text.code[at]) && check->text.code[at] != HARMLESS && check->text.raw[at] != 0 &&
			is_markup(check->text.raw[at]))
		{
			add_problem(check, psprintf("markup: the character U+%04X", check->text.raw[at]));
			break;
		}
	if (next_word(check, &link, 0, check->text.n, &found, &end))
		add_found(check, "markup", found, end, "is a link or markup");
}

static void
count_prose(Check *check, int from, int to)
{
	check->n_prose++;
}

/* check_language wants letters of the language alone, outside of names, and some of its words. */
static void
check_language(Check *check)
{
	for (int at = 0; at < check->text.n; at++)
	{
		uint32 code = check->text.code[at];
		bool han = reco_plain_is_han(code);
		bool letter = reco_plain_is_letter(code);

		if (check->allowed[at])
			continue;
		if ((han && !check->chinese) || (letter && check->chinese) ||
			(letter && !check->chinese && code > 0x7f))
		{
			add_found(check, "language", at, at + 1, "is of another language");
			break;
		}
	}
	visit_words(check, RECO_WORD_FOREIGN, refuse_foreign);
	visit_words(check, RECO_WORD_PROSE, count_prose);
	visit_words(check, RECO_WORD_HISTORY, count_prose);
	visit_words(check, RECO_WORD_PROFILE, count_prose);
	visit_words(check, RECO_WORD_NEUTRAL, count_prose);
	if (check->n_prose == 0)
		add_problem(check, psprintf("language: nothing in the text is of language %s", check->facts->lang));
}

static void
refuse_protected(Check *check, int from, int to)
{
	add_found(check, "protected", from, to, "is no business of a reason");
}

/* check_protected refuses the words of the lexicon, whatever the facts say, and those that the facts list. */
static void
check_protected(Check *check)
{
	ListCell *cell;

	visit_words(check, RECO_WORD_PROTECTED, refuse_protected);
	foreach (cell, check->facts->protected)
	{
		RecoPlain word = reco_plain_make(lfirst(cell));
		int found = reco_plain_find(&check->text, 0, &word);

		CHECK_FOR_INTERRUPTS();
		if (found >= 0)
			refuse_protected(check, found, found + word.n);
		pfree(word.raw);
		pfree(word.code);
	}
}

/* check_words looks at everything that depends on words, names being marks by now. */
static void
check_words(Check *check)
{
	const char *basis = check->facts->basis;

	blank_reviews(check);
	blank_values(check);
	blank_ratings(check);
	blank_reasons_after(check);
	check_language(check);
	if (strcmp(check->facts->source, "history") == 0 && (basis[0] == '\0' || strcmp(basis, "fallback") == 0))
		visit_words(check, RECO_WORD_HISTORY, blank_word);
	if (strcmp(basis, "profile") == 0)
		visit_words(check, RECO_WORD_PROFILE, blank_word);
	visit_words(check, RECO_WORD_HARMLESS, blank_word);
	check_numbers(check);
	check_protected(check);
	visit_words(check, RECO_WORD_NEGATIVE, refuse_negative);
	visit_words(check, RECO_WORD_CLAIM, refuse_claim);
	if (check->facts->people <= 0 && check->facts->reviewers <= 0 &&
		strcmp(basis[0] != '\0' ? basis : check->facts->source, "popular") != 0)
		visit_words(check, RECO_WORD_CROWD, refuse_claim);
	visit_words(check, RECO_WORD_EVENT, check_event);
	visit_words(check, RECO_WORD_EVENT, check_doer);
	check_rated_highly(check);
	visit_words(check, RECO_WORD_CAUSE_NEXT, check_cause_next);
	visit_words(check, RECO_WORD_CAUSE_BEFORE, check_cause_before);
	check_vocabulary(check);
}

List *
reco_accept(const char *text, const RecoFacts *facts, const RecoDefinition *definition)
{
	Check check = {.facts = facts, .chinese = reco_lexicon_speaks("zh", facts->lang)};

	if (is_far_too_long(&check, text))
		return check.problems;
	check.text = reco_plain_make(text);
	if (!check.chinese && !reco_lexicon_speaks("en", facts->lang))
	{
		add_problem(&check, psprintf("language: texts in language %s cannot be checked", facts->lang));
		return check.problems;
	}
	check_length(&check);
	if (check.problems != NIL)
		return check.problems;
	check.allowed = palloc0(sizeof(bool) * check.text.n);
	reco_vocabulary_cover_strings(&check.text, facts->words, check.allowed);
	mark_names(&check, definition);
	check_markup(&check);
	check_quotes(&check);
	if (!check.chinese)
		check_capitals(&check);
	check_words(&check);
	return check.problems;
}
