/*
 * numerals.c
 *	  Finds numbers in a text.
 *
 * Digits are read with commas between groups of three and a decimal point.
 * Digits of other scripts, circled and superscript ones have no value here, so
 * no fact allows them.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "explain/numerals.h"

/* An English number word; scale words multiply what stands before them. */
typedef struct NumberWord
{
	const char *word;
	double value;
	bool scale;
} NumberWord;

static const NumberWord number_word[] = {
	{"zero", 0, false},      {"one", 1, false},        {"two", 2, false},       {"three", 3, false},
	{"four", 4, false},      {"five", 5, false},       {"six", 6, false},       {"seven", 7, false},
	{"eight", 8, false},     {"nine", 9, false},       {"ten", 10, false},      {"eleven", 11, false},
	{"twelve", 12, false},   {"thirteen", 13, false},  {"fourteen", 14, false}, {"fifteen", 15, false},
	{"sixteen", 16, false},  {"seventeen", 17, false}, {"eighteen", 18, false}, {"nineteen", 19, false},
	{"twenty", 20, false},   {"thirty", 30, false},    {"forty", 40, false},    {"fifty", 50, false},
	{"sixty", 60, false},    {"seventy", 70, false},   {"eighty", 80, false},   {"ninety", 90, false},
	{"hundred", 100, true},  {"thousand", 1000, true}, {"million", 1e6, true},  {"billion", 1e9, true},
	{"dozen", 12, true},     {"dozens", -1, false},    {"hundreds", -1, false}, {"thousands", -1, false},
	{"millions", -1, false}, {"half", -1, false},      {"twice", -1, false},    {"thrice", -1, false},
	{"double", -1, false},   {"triple", -1, false},    {"couple", -1, false},   {"several", -1, false},
	{"percent", -1, false},  {"first", -1, false},     {"second", -1, false},   {"third", -1, false},
	{"score", -1, false},    {"scores", -1, false},    {"once", -1, false},     {"fourth", -1, false},
	{"fifth", -1, false},    {"tenth", -1, false},     {"quarter", -1, false},  {"trio", -1, false},
	{"pair", -1, false},     {"tens", -1, false},      {"umpteen", -1, false},  {"countless", -1, false},
};

/* Chinese digits 0 to 9 and the units. */
static const uint32 han_digit[] = {0x96f6, 0x4e00, 0x4e8c, 0x4e09, 0x56db,
								   0x4e94, 0x516d, 0x4e03, 0x516b, 0x4e5d};

/* han_value gives the value of a Chinese numeral, *unit whether it multiplies; -1 for any other character. */
static double
han_value(uint32 code, bool *unit)
{
	*unit = false;
	for (size_t d = 0; d < lengthof(han_digit); d++)
		if (han_digit[d] == code)
			return (double) d;
	if (code == 0x3007)
		return 0;
	if (code == 0x4e24 || code == 0x4fe9)
		return 2;
	if (code == 0x53cc) /* a pair */
		return 2;
	*unit = true;
	switch (code)
	{
		case 0x5341:
			return 10;
		case 0x767e:
			return 100;
		case 0x5343:
			return 1000;
		case 0x4e07:
			return 1e4;
		case 0x4ebf:
			return 1e8;
	}
	return -1;
}

/* read_han reads a Chinese numeral; gives where it ends, "at" when there is none. */
static int
read_han(const RecoPlain *text, int at, double *number)
{
	double total = 0;
	double section = 0;
	double digit = 0;
	bool unit;
	int end = at;

	for (; end < text->n; end++)
	{
		double value = han_value(text->code[end], &unit);

		if (value < 0)
			break;
		if (!unit)
			digit = digit * (end > at && digit > 0 ? 10 : 1) + value;
		else if (value < 1e4)
		{
			section += (digit > 0 ? digit : 1) * value;
			digit = 0;
		}
		else
		{
			total = (total + section + digit > 0 ? total + section + digit : 1) * value;
			section = digit = 0;
		}
	}
	*number = total + section + digit;
	return end;
}

/* is_other_digit says whether a character is a number in a form that is not read. */
static bool
is_other_digit(uint32 code)
{
	return (code >= 0x660 && code <= 0x669) || (code >= 0x6f0 && code <= 0x6f9) ||
		   (code >= 0x966 && code <= 0x96f) || (code >= 0x2070 && code <= 0x2089) ||
		   (code >= 0x2150 && code <= 0x218b) || (code >= 0x2460 && code <= 0x249b) ||
		   (code >= 0x2776 && code <= 0x2793) || (code >= 0x3220 && code <= 0x3229) || code == 0xb2 ||
		   code == 0xb3 || code == 0xb9 || (code >= 0xbc && code <= 0xbe) || code == 0x534a ||
		   code == 0x51e0 || code == '%' || (code >= 0x1d7ce && code <= 0x1d7ff);
}

/* read_digits reads a number in digits; gives where it ends. */
static int
read_digits(const RecoPlain *text, int at, double *number)
{
	double scale = 0;
	int end = at;

	*number = 0;
	for (; end < text->n; end++)
	{
		uint32 code = text->code[end];
		bool digit_follows = end + 1 < text->n && reco_plain_is_digit(text->code[end + 1]);

		if (reco_plain_is_digit(code))
		{
			*number = scale > 0 ? *number + (code - '0') * scale : *number * 10 + (code - '0');
			scale /= 10;
		}
		else if (code == '.' && digit_follows && scale == 0)
			scale = 0.1;
		else if (code != ',' || !digit_follows)
			break;
	}
	/* a unit or a percent sign makes it another number */
	if (end < text->n)
	{
		bool unit;
		double value = han_value(text->code[end], &unit);

		if (value > 0 && unit)
		{
			*number *= value;
			end++;
		}
		else if (text->code[end] == '%' || text->code[end] == 'k' || text->code[end] == 'm')
		{
			*number = -1;
			end++;
		}
	}
	return end;
}

/* find_word gives the number word at a position and where it ends, or NULL. */
static const NumberWord *
find_word(const RecoPlain *text, int at, int *end)
{
	for (size_t w = 0; w < lengthof(number_word); w++)
	{
		RecoPlain word = reco_plain_utf8(number_word[w].word, (int) strlen(number_word[w].word));
		bool here = reco_plain_matches(text, at, &word);

		*end = at + word.n;
		pfree(word.raw);
		pfree(word.code);
		if (here)
			return &number_word[w];
	}
	return NULL;
}

/* read_words reads an English number in words: "two hundred and one"; gives where it ends, "at" when there is none. */
static int
read_words(const RecoPlain *text, int at, double *number)
{
	double total = 0;
	double section = 0;
	int end = at;
	int next;
	const NumberWord *word;

	while ((word = find_word(text, end == at ? at : end + 1, &next)) != NULL)
	{
		if (word->value < 0)
		{
			*number = -1;
			return next;
		}
		if (!word->scale)
			section += word->value;
		else if (word->value >= 1000)
		{
			total += (section > 0 ? section : 1) * word->value;
			section = 0;
		}
		else
			section = (section > 0 ? section : 1) * word->value;
		end = next;
		if (end >= text->n || (text->code[end] != ' ' && text->code[end] != '-'))
			break;
	}
	*number = total + section;
	return end;
}

bool
reco_numeral_next(const RecoPlain *text, int at, bool chinese, int *from, int *to, double *number)
{
	for (; at < text->n; at++)
	{
		uint32 code = text->code[at];

		CHECK_FOR_INTERRUPTS();
		*from = at;
		*to = at;
		if (reco_plain_is_digit(code))
			*to = read_digits(text, at, number);
		else if (is_other_digit(code))
		{
			*to = at + 1;
			*number = -1;
		}
		else if (chinese)
			*to = read_han(text, at, number);
		else if (reco_plain_is_letter(code))
			*to = read_words(text, at, number);
		if (*to > at)
			return true;
	}
	return false;
}
