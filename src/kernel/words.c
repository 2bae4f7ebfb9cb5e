/*
 * words.c
 *	  The terms of a text.
 */
#include "words.h"

#include <stdbool.h>

typedef enum CharacterClass
{
	CLASS_SEPARATOR,
	CLASS_LETTER,
	CLASS_UNSPACED,
	CLASS_APOSTROPHE
} CharacterClass;

/* A range of characters of one class. */
typedef struct Range
{
	uint32_t first;
	uint32_t last;
	CharacterClass class;
} Range;

/* What is not a letter, by first character. */
static const Range range[] = {{0x00, 0x26, CLASS_SEPARATOR},       {0x27, 0x27, CLASS_APOSTROPHE},
							  {0x28, 0x2F, CLASS_SEPARATOR},       {0x3A, 0x40, CLASS_SEPARATOR},
							  {0x5B, 0x60, CLASS_SEPARATOR},       {0x7B, 0xA9, CLASS_SEPARATOR},
							  {0xAB, 0xB4, CLASS_SEPARATOR},       {0xB6, 0xB9, CLASS_SEPARATOR},
							  {0xBB, 0xBF, CLASS_SEPARATOR},       {0xD7, 0xD7, CLASS_SEPARATOR},
							  {0xF7, 0xF7, CLASS_SEPARATOR},       {0x0E00, 0x0EFF, CLASS_UNSPACED},
							  {0x1000, 0x109F, CLASS_UNSPACED},    {0x1780, 0x17FF, CLASS_UNSPACED},
							  {0x2000, 0x2018, CLASS_SEPARATOR},   {0x2019, 0x2019, CLASS_APOSTROPHE},
							  {0x201A, 0x206F, CLASS_SEPARATOR},   {0x20A0, 0x20CF, CLASS_SEPARATOR},
							  {0x2190, 0x2BFF, CLASS_SEPARATOR},   {0x2E00, 0x2E7F, CLASS_SEPARATOR},
							  {0x3000, 0x3004, CLASS_SEPARATOR},   {0x3005, 0x3007, CLASS_UNSPACED},
							  {0x3008, 0x303F, CLASS_SEPARATOR},   {0x3040, 0x309F, CLASS_UNSPACED},
							  {0x30A0, 0x30A0, CLASS_SEPARATOR},   {0x30A1, 0x30FA, CLASS_UNSPACED},
							  {0x30FB, 0x30FB, CLASS_SEPARATOR},   {0x30FC, 0x30FF, CLASS_UNSPACED},
							  {0x31F0, 0x31FF, CLASS_UNSPACED},    {0x3200, 0x33FF, CLASS_SEPARATOR},
							  {0x3400, 0x4DBF, CLASS_UNSPACED},    {0x4DC0, 0x4DFF, CLASS_SEPARATOR},
							  {0x4E00, 0x9FFF, CLASS_UNSPACED},    {0xD800, 0xF8FF, CLASS_SEPARATOR},
							  {0xF900, 0xFAFF, CLASS_UNSPACED},    {0xFE10, 0xFE1F, CLASS_SEPARATOR},
							  {0xFE30, 0xFE6F, CLASS_SEPARATOR},   {0xFF5F, 0xFF65, CLASS_SEPARATOR},
							  {0xFF66, 0xFF9F, CLASS_UNSPACED},    {0xFFE0, 0xFFFF, CLASS_SEPARATOR},
							  {0x1F000, 0x1FAFF, CLASS_SEPARATOR}, {0x20000, 0x3FFFF, CLASS_UNSPACED},
							  {0xE0000, 0x10FFFF, CLASS_SEPARATOR}};

/* class_of gives the class of a character by binary search. */
static CharacterClass
class_of(uint32_t c)
{
	size_t low = 0;
	size_t high = sizeof(range) / sizeof(range[0]);

	while (low < high)
	{
		size_t middle = low + (high - low) / 2;

		if (c > range[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == sizeof(range) / sizeof(range[0]) || c < range[low].first)
		return CLASS_LETTER;
	return range[low].class;
}

/* lower_pair gives the lower case in blocks where upper and lower alternate; even: the upper ones are. */
static uint32_t
lower_pair(uint32_t c, bool even)
{
	return (c % 2 == 0) == even ? c + 1 : c;
}

/* lower_greek gives the lower case of a Greek letter, 0x0370 to 0x03FF. */
static uint32_t
lower_greek(uint32_t c)
{
	if (c == 0x386)
		return 0x3AC;
	if (c >= 0x388 && c <= 0x38A)
		return c + 0x25;
	if (c == 0x38C)
		return 0x3CC;
	if (c == 0x38E || c == 0x38F)
		return c + 0x3F;
	if (c >= 0x391 && c <= 0x3AB)
		return c + 0x20;
	return c == 0x3C2 ? 0x3C3 : c; /* the sigma at the end of a word */
}

/* lower_latin gives the lower case of a letter of the Latin extensions, 0x0100 to 0x017F. */
static uint32_t
lower_latin(uint32_t c)
{
	if (c == 0x130)
		return 'i';
	if (c == 0x178)
		return 0xFF;
	if (c <= 0x137 || (c >= 0x14A && c <= 0x177))
		return lower_pair(c, true);
	return (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E) ? lower_pair(c, false) : c;
}

/* lower gives the lower case of a character, and of a full-width one the usual width. */
static uint32_t
lower(uint32_t c)
{
	if (c >= 0xFF01 && c <= 0xFF5E)
		c -= 0xFF01 - 0x21;
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
	if (c < 0x100)
		return c >= 0xC0 && c <= 0xDE && c != 0xD7 ? c + 0x20 : c;
	if (c < 0x180)
		return lower_latin(c);
	if (c >= 0x370 && c <= 0x3FF)
		return lower_greek(c);
	if (c >= 0x400 && c <= 0x42F)
		return c < 0x410 ? c + 0x50 : c + 0x20;
	if ((c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) || (c >= 0x4D0 && c <= 0x52F) ||
		(c >= 0x1E00 && c <= 0x1E95) || (c >= 0x1EA0 && c <= 0x1EFF))
		return lower_pair(c, true);
	return c >= 0x531 && c <= 0x556 ? c + 0x30 : c;
}

/* decode reads a character and goes on behind it; 0, a separator, for a byte that begins none. */
static uint32_t
decode(RkWords *words)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *at = words->at;
	int n = *at < 0x80                  ? 1
			: *at >= 0xC2 && *at < 0xE0 ? 2
			: *at >= 0xE0 && *at < 0xF0 ? 3
			: *at >= 0xF0 && *at < 0xF5 ? 4
										: 0;
	uint32_t c;

	if (n == 0 || words->end - at < n)
	{
		words->at++;
		return 0;
	}
	c = n == 1 ? *at : *at & (0x7F >> n);
	for (int i = 1; i < n; i++)
	{
		if ((at[i] & 0xC0) != 0x80)
		{
			words->at++;
			return 0;
		}
		c = c << 6 | (at[i] & 0x3F);
	}
	words->at += n;
	return c < least[n] || c > 0x10FFFF ? 0 : c;
}

/* encode appends a character; gives the length after it. */
static size_t
encode(uint32_t c, char *term, size_t length)
{
	if (c < 0x80)
		term[length++] = (char) c;
	else if (c < 0x800)
	{
		term[length++] = (char) (0xC0 | c >> 6);
		term[length++] = (char) (0x80 | (c & 0x3F));
	}
	else if (c < 0x10000)
	{
		term[length++] = (char) (0xE0 | c >> 12);
		term[length++] = (char) (0x80 | (c >> 6 & 0x3F));
		term[length++] = (char) (0x80 | (c & 0x3F));
	}
	else
	{
		term[length++] = (char) (0xF0 | c >> 18);
		term[length++] = (char) (0x80 | (c >> 12 & 0x3F));
		term[length++] = (char) (0x80 | (c >> 6 & 0x3F));
		term[length++] = (char) (0x80 | (c & 0x3F));
	}
	return length;
}

/* take_word reads the rest of a word that begins with c; gives 0 for a single character. */
static size_t
take_word(RkWords *words, uint32_t c, char *term)
{
	size_t length = encode(c, term, 0);
	size_t characters = 1;

	while (words->at < words->end)
	{
		const unsigned char *before = words->at;
		CharacterClass class;

		c = lower(decode(words));
		class = class_of(c);
		if (class == CLASS_APOSTROPHE)
			continue;
		if (class != CLASS_LETTER)
		{
			words->at = before;
			break;
		}
		characters++;
		if (length + 4 <= RK_WORD_BYTES)
			length = encode(c, term, length);
	}
	return characters > 1 ? length : 0;
}

/* leave_unspaced ends a run of unspaced characters; gives the length of a character that stood alone. */
static size_t
leave_unspaced(RkWords *words, char *term)
{
	size_t length = words->before != 0 && !words->paired ? encode(words->before, term, 0) : 0;

	words->before = 0;
	words->paired = false;
	return length;
}

void
rk_words_begin(RkWords *words, const char *text, size_t bytes)
{
	words->at = (const unsigned char *) text;
	words->end = words->at + bytes;
	words->before = 0;
	words->paired = false;
}

size_t
rk_words_next(RkWords *words, char term[RK_WORD_BYTES])
{
	while (words->at < words->end)
	{
		const unsigned char *start = words->at;
		uint32_t c = lower(decode(words));
		CharacterClass class = class_of(c);
		size_t length;

		if (class == CLASS_UNSPACED)
		{
			uint32_t before = words->before;

			words->before = c;
			words->paired = before != 0;
			if (before == 0)
				continue;
			return encode(c, term, encode(before, term, 0));
		}
		length = leave_unspaced(words, term);
		if (length > 0)
		{
			words->at = start;
			return length;
		}
		if (class == CLASS_LETTER)
			length = take_word(words, c, term);
		if (length > 0)
			return length;
	}
	return leave_unspaced(words, term);
}
