/*
 * ratings.c
 *	  How a text says that its reader rated an item highly.
 *
 * "A high rating" is true of what was rated so and of nothing else, so the words count only where they stand around its name.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "explain/lexicon.h"
#include "explain/ratings.h"

/* How it is said that the reader rated an item highly, before and after its name; bound to the name, since of another it would be false. */
typedef struct RatedForm
{
	const char *lang;
	const char *before;
	const char *after;
} RatedForm;

static const RatedForm rated_form[] = {
	{"en", "you gave", "a high rating"},
	{"en", "you gave", "a high score"},
	{"en", "you gave", "a high mark"},
	{"en", "you gave", "high marks"},
	{"en", "you have given", "a high rating"},
	{"en", "you gave a high rating to", ""},
	{"en", "you gave high marks to", ""},
	{"en", "your high rating of", ""},
	{"en", "your high rating for", ""},
	{"en", "your high score for", ""},
	{"en", "your high mark for", ""},
	{"en", "your high marks for", ""},
	{"en", "", "got a high rating from you"},
	{"en", "", "received a high rating from you"},
	{"en", "", "has a high rating from you"},
	{"zh", "\xE6\x82\xA8\xE5\xAF\xB9",
	 "\xE8\xAF\x84\xE5\x88\x86\xE5\xBE\x88\xE9\xAB\x98"}, /* you to ... gave a very high rating */
	{"zh", "\xE6\x82\xA8\xE5\xAF\xB9",
	 "\xE8\xAF\x84\xE5\x88\x86\xE8\xBE\x83\xE9\xAB\x98"}, /* a rather high rating */
	{"zh", "\xE6\x82\xA8\xE5\xAF\xB9",
	 "\xE7\x9A\x84\xE9\xAB\x98\xE5\x88\x86\xE8\xAF\x84\xE4\xBB\xB7"},           /* high praise */
	{"zh", "\xE6\x82\xA8\xE5\xAF\xB9", "\xE7\x9A\x84\xE9\xAB\x98\xE5\x88\x86"}, /* a high rating */
	{"zh", "\xE6\x82\xA8\xE4\xB8\xBA",
	 "\xE6\x89\x93\xE4\xBA\x86\xE9\xAB\x98\xE5\x88\x86"}, /* for ... gave a high rating */
};

/* is_around says whether a character stands between a name and the words about it. */
static bool
is_around(uint32 code)
{
	return code == ' ' || code == '"' || code == 0x300a || code == 0x300b;
}

/* is_joined says whether a name from one position to another is one of several, as in "A and B": what is said is then said of the others too. */
static bool
is_joined(const RecoPlain *text, int from, int to)
{
	static const char *const joint[] = {"and", "or", "with", "plus", ",", "&", "+", "/"};

	for (size_t j = 0; j < lengthof(joint); j++)
	{
		RecoPlain word = reco_plain_utf8(joint[j], (int) strlen(joint[j]));

		if (reco_plain_matches(text, to, &word) ||
			(from >= word.n && reco_plain_matches(text, from - word.n, &word)))
			return true;
	}
	return false;
}

/* blank_form takes out the words of a form around a name from one position to another, where they are there. */
static void
blank_form(RecoPlain *text, const RatedForm *form, int from, int to, uint32 code)
{
	RecoPlain before = reco_plain_utf8(form->before, (int) strlen(form->before));
	RecoPlain after = reco_plain_utf8(form->after, (int) strlen(form->after));

	while (from > 0 && is_around(text->code[from - 1]))
		from--;
	while (to < text->n && is_around(text->code[to]))
		to++;
	if ((before.n == 0 || after.n == 0) && is_joined(text, from, to))
		return;
	if ((before.n > 0 && (from < before.n || !reco_plain_matches(text, from - before.n, &before))) ||
		(after.n > 0 && !reco_plain_matches(text, to, &after)))
		return;
	for (int at = from - before.n; at < from; at++)
		text->code[at] = code;
	for (int at = to; at < to + after.n; at++)
		text->code[at] = code;
}

void
reco_ratings_blank(RecoPlain *text, const char *lang, uint32 mark, uint32 code)
{
	for (int at = 0, end; at < text->n; at = Max(end, at + 1))
	{
		CHECK_FOR_INTERRUPTS();
		for (end = at; end < text->n && text->code[end] == mark; end++)
			;
		for (size_t f = 0; f < lengthof(rated_form) && end > at; f++)
			if (reco_lexicon_speaks(rated_form[f].lang, lang))
				blank_form(text, &rated_form[f], at, end, code);
	}
}
