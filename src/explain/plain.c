/*
 * plain.c
 *	  Texts as code points.
 *
 * Folding is one code point for one, so that a position in the folded text is
 * a position in the raw one.  It knows what matters for comparing names and
 * words: case of Latin, Greek and Cyrillic letters, full-width forms, and the
 * many forms of quotes, spaces and hyphens.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "explain/plain.h"

#define CHECK_EVERY 65536 /* characters between two looks for a cancel */

static bool
is_in(uint32 code, uint32 first, uint32 last)
{
	return code >= first && code <= last;
}

/* fold_sign folds quotes, spaces and hyphens; 0 for what is none of them. */
static uint32
fold_sign(uint32 code)
{
	if (is_in(code, 0x201c, 0x201f) || code == 0xab || code == 0xbb)
		return '"';
	if (is_in(code, 0x2018, 0x201b) || code == 0x2032 || code == 0xb4)
		return '\'';
	if (code == 0x3008 || code == 0x300c || code == 0x300e || code == 0x3010)
		return 0x300a;
	if (code == 0x3009 || code == 0x300d || code == 0x300f || code == 0x3011)
		return 0x300b;
	if (code == 0xa0 || code == 0x3000 || is_in(code, 0x2000, 0x200a) || code == 0x202f)
		return ' ';
	if (is_in(code, 0x2010, 0x2015) || code == 0x2212)
		return '-';
	return 0;
}

static uint32
fold(uint32 code)
{
	uint32 sign = fold_sign(code);

	if (sign != 0)
		return sign;
	if (is_in(code, 0xff01, 0xff5e))
		code -= 0xfee0;
	if (is_in(code, 'A', 'Z') || is_in(code, 0xc0, 0xd6) || is_in(code, 0xd8, 0xde) ||
		is_in(code, 0x391, 0x3a9) || is_in(code, 0x410, 0x42f))
		return code + 32;
	if (is_in(code, 0x400, 0x40f))
		return code + 80;
	if (is_in(code, 0x100, 0x137) || is_in(code, 0x14a, 0x177) || is_in(code, 0x1e00, 0x1eff))
		return code | 1;
	return code;
}

bool
reco_plain_is_han(uint32 code)
{
	return is_in(code, 0x3400, 0x9fff) || is_in(code, 0xf900, 0xfaff) || is_in(code, 0x20000, 0x3ffff);
}

bool
reco_plain_is_letter(uint32 code)
{
	return is_in(code, 'a', 'z') || is_in(code, 'A', 'Z') ||
		   (is_in(code, 0xc0, 0x1fff) && code != 0xd7 && code != 0xf7) || is_in(code, 0x3041, 0x30ff) ||
		   is_in(code, 0xac00, 0xd7af);
}

bool
reco_plain_is_digit(uint32 code)
{
	return is_in(code, '0', '9');
}

bool
reco_plain_is_upper(uint32 raw)
{
	return fold(raw) != raw && reco_plain_is_letter(fold(raw)) && fold_sign(raw) == 0;
}

RecoPlain
reco_plain_utf8(const char *text, int length)
{
	RecoPlain plain = {.raw = palloc(sizeof(uint32) * (length + 1)),
					   .code = palloc(sizeof(uint32) * (length + 1))};

	for (int at = 0; at < length;)
	{
		if (plain.n % CHECK_EVERY == 0)
			CHECK_FOR_INTERRUPTS();
		plain.raw[plain.n] = utf8_to_unicode((const unsigned char *) text + at);
		plain.code[plain.n] = fold(plain.raw[plain.n]);
		plain.n++;
		at += pg_utf_mblen((const unsigned char *) text + at);
	}
	return plain;
}

RecoPlain
reco_plain_make(const char *text)
{
	char *utf8 = pg_server_to_any(text, (int) strlen(text), PG_UTF8);

	return reco_plain_utf8(utf8, (int) strlen(utf8));
}

RecoPlainWords
reco_plain_words(const char *bars)
{
	RecoPlainWords words = {.whole = reco_plain_utf8(bars, (int) strlen(bars))};
	const RecoPlain *whole = &words.whole;

	words.word = palloc(sizeof(RecoPlain) * (whole->n / 2 + 1));
	for (int at = 0, end; at < whole->n; at = end + 1)
	{
		end = at;
		while (end < whole->n && whole->code[end] != '|')
			end++;
		words.word[words.n++] = (RecoPlain){end - at, whole->raw + at, whole->code + at};
	}
	return words;
}

void
reco_plain_forget(RecoPlainWords *words)
{
	pfree(words->word);
	pfree(words->whole.raw);
	pfree(words->whole.code);
}

char *
reco_plain_text(const RecoPlain *plain, int from, int to)
{
	char *text = palloc((to - from) * 4 + 1);
	int length = 0;

	for (int at = from; at < to; at++)
	{
		unicode_to_utf8(plain->raw[at], (unsigned char *) text + length);
		length += pg_utf_mblen((unsigned char *) text + length);
	}
	text[length] = '\0';
	return pg_any_to_server(text, length, PG_UTF8);
}

/* is_word says whether a code point is part of a word that is delimited by others. */
static bool
is_word(uint32 code)
{
	return reco_plain_is_letter(code) || reco_plain_is_digit(code);
}

bool
reco_plain_matches(const RecoPlain *plain, int at, const RecoPlain *part)
{
	int end = at + part->n;

	if (part->n == 0 || end > plain->n || memcmp(plain->code + at, part->code, sizeof(uint32) * part->n) != 0)
		return false;
	if (at > 0 && is_word(part->code[0]) && is_word(plain->code[at - 1]))
		return false;
	return end == plain->n || !is_word(part->code[part->n - 1]) || !is_word(plain->code[end]);
}

int
reco_plain_find(const RecoPlain *plain, int from, const RecoPlain *part)
{
	for (int at = from; part->n > 0 && at + part->n <= plain->n; at++)
		if (plain->code[at] == part->code[0] && reco_plain_matches(plain, at, part))
			return at;
	return -1;
}

int
reco_plain_longest(const RecoPlain *plain, int at, const RecoPlainWords *words)
{
	int longest = 0;

	for (int w = 0; w < words->n; w++)
	{
		const RecoPlain *word = &words->word[w];

		if (word->code[0] == plain->code[at] && word->n > longest && reco_plain_matches(plain, at, word))
			longest = word->n;
	}
	return longest;
}
