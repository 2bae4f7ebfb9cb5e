/*
 * vocabulary.c
 *	  Which words of a text are known.
 *
 * Words are looked for wherever they stand, as whole words in an alphabet.  Chinese is not cut into words: a
 * character is known when some known word covers it, so that no segmentation has to be right.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "explain/vocabulary.h"

/* cover_word marks all places of a word. */
static void
cover_word(const RecoPlain *text, const RecoPlain *word, bool *covered)
{
	for (int at = reco_plain_find(text, 0, word); at >= 0; at = reco_plain_find(text, at + 1, word))
		memset(covered + at, true, word->n);
}

/* cover_possessive marks the s of a possessive. */
static void
cover_possessive(const RecoPlain *text, bool *covered)
{
	for (int at = 1; at < text->n; at++)
		if (text->code[at] == 's' && text->code[at - 1] == '\'' &&
			(at + 1 == text->n || !reco_plain_is_letter(text->code[at + 1])))
			covered[at] = true;
}

/* is_context says whether the words of a class are only looked for before others. */
static bool
is_context(RecoWordClass class)
{
	return class == RECO_WORD_MODAL || class == RECO_WORD_AUXILIARY || class == RECO_WORD_NOT_READER;
}

void
reco_vocabulary_cover_strings(const RecoPlain *text, const List *strings, bool *covered)
{
	ListCell *cell;

	foreach (cell, strings)
	{
		RecoPlain word = reco_plain_make(lfirst(cell));

		CHECK_FOR_INTERRUPTS();
		cover_word(text, &word, covered);
		pfree(word.raw);
		pfree(word.code);
	}
}

bool *
reco_vocabulary_cover(const RecoPlain *text, const char *lang, const List *more)
{
	bool *covered = palloc0(sizeof(bool) * (text->n + 1));

	for (int l = 0; l < reco_n_lexicon; l++)
	{
		RecoPlainWords words;

		if (!reco_lexicon_speaks(reco_lexicon[l].lang, lang) || is_context(reco_lexicon[l].class))
			continue;
		words = reco_plain_words(reco_lexicon[l].words);
		for (int w = 0; w < words.n; w++)
		{
			CHECK_FOR_INTERRUPTS();
			cover_word(text, &words.word[w], covered);
		}
		reco_plain_forget(&words);
	}
	reco_vocabulary_cover_strings(text, more, covered);
	cover_possessive(text, covered);
	return covered;
}

bool
reco_vocabulary_ends(const RecoPlain *text, const char *lang, RecoWordClass class, int at, int *from)
{
	int longest = 0;

	while (at > 0 && text->code[at - 1] == ' ')
		at--;
	for (int l = 0; l < reco_n_lexicon; l++)
	{
		RecoPlainWords words;

		if (reco_lexicon[l].class != class || !reco_lexicon_speaks(reco_lexicon[l].lang, lang))
			continue;
		words = reco_plain_words(reco_lexicon[l].words);
		for (int w = 0; w < words.n; w++)
		{
			const RecoPlain *word = &words.word[w];

			if (word->n > longest && word->n <= at && reco_plain_matches(text, at - word->n, word))
				longest = word->n;
		}
		reco_plain_forget(&words);
	}
	*from = at - longest;
	return longest > 0;
}
