/*
 * Proves which terms a text has: words in lower case, pairs of unspaced characters, no byte out of place.
 */
#include "unit.h"

#include "kernel/words.h"

/* terms joins the terms of a text with spaces. */
static const char *
terms(const char *text, size_t bytes)
{
	static char joined[65536];
	RkWords words;
	char term[RK_WORD_BYTES];
	size_t length;
	size_t n = 0;

	rk_words_begin(&words, text, bytes);
	while ((length = rk_words_next(&words, term)) > 0)
	{
		CHECK(length <= RK_WORD_BYTES);
		if (n > 0)
			joined[n++] = ' ';
		memcpy(joined + n, term, length);
		n += length;
	}
	joined[n] = '\0';
	return joined;
}

/* has compares the terms of a text with those expected. */
static void
has(const char *text, const char *expected)
{
	const char *found = terms(text, strlen(text));

	if (!CHECK(strcmp(found, expected) == 0))
		printf("\"%s\": \"%s\", expected \"%s\"\n", text, found, expected);
}

static void
test_spaced(void)
{
	has("", "");
	has(" .,;! ", "");
	has("The quick-brown fox's 2 foxes, in 2024!", "the quick brown foxs foxes in 2024");
	has("Don't; DON\u2019T", "dont dont");
	has("it is a b c", "it is");
	has("\u00C9COLE \u00FCber \u0141\u00F3d\u017A", "\u00E9cole \u00FCber \u0142\u00F3d\u017A");
	has("\u039F\u0394\u039F\u03A3 \u03BF\u03B4\u03BF\u03C2",
		"\u03BF\u03B4\u03BF\u03C3 \u03BF\u03B4\u03BF\u03C3");
	has("\u041C\u043E\u0421\u041A\u0412\u0410 \u0401\u0436",
		"\u043C\u043E\u0441\u043A\u0432\u0430 \u0451\u0436");
	has("\uD55C\uAD6D\uC5B4 \uCC45", "\uD55C\uAD6D\uC5B4");
	has("\uFF28\uFF45\uFF4C\uFF4C\uFF4F \uFF14\uFF12", "hello 42");
	has("a\u2014bc\u00B7de\u20ACfg\U0001F600hi", "bc de fg hi");
}

static void
test_unspaced(void)
{
	has("\u7EA2\u697C\u68A6", "\u7EA2\u697C \u697C\u68A6");
	has("\u4E66\u3002", "\u4E66");
	has("\u4E66", "\u4E66");
	has("\u4E00\u4E8C,\u4E09", "\u4E00\u4E8C \u4E09");
	has("SQL\u5165\u95E8 101", "sql \u5165\u95E8 101");
	has("\u5165sql\u95E8", "\u5165 sql \u95E8");
	has("\u30B3\u30FC\u30D2\u30FC", "\u30B3\u30FC \u30FC\u30D2 \u30D2\u30FC");
	has("\u30A2\u30FB\u30A4", "\u30A2 \u30A4");
}

/* Broken UTF-8 separates words and is in no term; long words are cut between characters. */
static void
test_hostile(void)
{
	static char text[20000];

	CHECK(strcmp(terms("ab\xFF"
					   "cd\xC3",
					   6),
				 "ab cd") == 0);
	CHECK(strcmp(terms("ab\xE4\xB8", 4), "ab") == 0);
	CHECK(strcmp(terms("\xC0\x80zz\xED\xA0\x80yy\xF8zz", 12), "zz yy zz") == 0);
	CHECK(strcmp(terms("x\0yz", 4), "yz") == 0);
	memset(text, 'q', sizeof(text));
	CHECK(strlen(terms(text, sizeof(text))) > 32);
	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xC3\xA9", 2);
	{
		const char *found = terms(text, sizeof(text));

		CHECK(strlen(found) <= RK_WORD_BYTES && strlen(found) % 2 == 0);
	}
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char) (i * 2654435761u >> 13);
	(void) terms(text, sizeof(text));
}

int
main(void)
{
	test_spaced();
	test_unspaced();
	test_hostile();
	return unit_finish("words");
}
