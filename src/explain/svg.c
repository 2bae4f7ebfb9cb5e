/*
 * svg.c
 *	  An explanation as a picture.
 *
 * Rows from top to bottom, each with three columns:
 *
 *		what it is about | its bar, from where the last one ended | the number
 *
 * Colours are in a style sheet whose every rule begins with .reco-waterfall,
 * so that the picture may be put into a page; it follows the reader's choice
 * of light or dark.  What is up or down is told by the sign as well as by the
 * colour.  Texts are data: escaped, and cut to their column, which clips what
 * an unusual font makes too wide; the whole text is the row's tooltip.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "explain/svg.h"
#include "explain/words.h"

/* Sizes in pixels. */
#define MARGIN 16
#define HEAD 64
#define ROW 26
#define BAR 16
#define NUMBER_WIDTH 84
#define GAP 12
#define COLUMN_PIXELS 7.0 /* a column of text, of which a Chinese character takes two */
#define TITLE_PIXELS 9.0

/* A picture being drawn. */
typedef struct Svg
{
	StringInfoData text;
	const RecoWords *words;
	int width;
	double label_width;
	double first_x; /* of the bars */
	double last_x;
	double low; /* the values there */
	double high;
	int decimals;
} Svg;

static const char style[] =
	"<style>"
	".reco-waterfall{color-scheme:light dark;font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\","
	"\"Noto Sans\",\"PingFang SC\",\"Hiragino Sans GB\",\"Microsoft YaHei\",\"Noto Sans CJK SC\",\"Source Han Sans SC\","
	"\"WenQuanYi Micro Hei\",sans-serif;font-size:13px}"
	".reco-waterfall .page{fill:#ffffff}"
	".reco-waterfall text{fill:#1f2328}"
	".reco-waterfall .head{font-size:16px;font-weight:600}"
	".reco-waterfall .quiet{fill:#59636e;font-size:12px}"
	".reco-waterfall .number{text-anchor:end;font-variant-numeric:tabular-nums}"
	".reco-waterfall .total{font-weight:600}"
	".reco-waterfall .up{fill:#1a7f37}"
	".reco-waterfall .down{fill:#cf222e}"
	".reco-waterfall .score{fill:#0969da}"
	".reco-waterfall line{stroke:#8c959f;stroke-width:1}"
	".reco-waterfall .step{stroke-dasharray:2 2}"
	"@media (prefers-color-scheme:dark){"
	".reco-waterfall .page{fill:#0d1117}"
	".reco-waterfall text{fill:#e6edf3}"
	".reco-waterfall .quiet{fill:#9198a1}"
	".reco-waterfall .up{fill:#3fb950}"
	".reco-waterfall .down{fill:#f85149}"
	".reco-waterfall .score{fill:#4493f8}"
	".reco-waterfall line{stroke:#6e7681}"
	"}</style>\n";

/* append_escaped appends text as XML character data; characters that XML does not have become spaces. */
static void
append_escaped(StringInfo to, const char *text)
{
	for (const char *at = text; *at != '\0'; at++)
	{
		unsigned char c = (unsigned char) *at;

		if (c == '&')
			appendStringInfoString(to, "&amp;");
		else if (c == '<')
			appendStringInfoString(to, "&lt;");
		else if (c == '>')
			appendStringInfoString(to, "&gt;");
		else if (c == '"')
			appendStringInfoString(to, "&quot;");
		else if (c < ' ')
			appendStringInfoChar(to, ' ');
		else if (GetDatabaseEncoding() == PG_UTF8 && c == 0xEF && (unsigned char) at[1] == 0xBF &&
				 (unsigned char) at[2] >= 0xBE)
		{
			/* U+FFFE and U+FFFF */
			appendStringInfoChar(to, ' ');
			at += 2;
		}
		else
			appendStringInfoChar(to, *at);
	}
}

/* columns_of estimates how many columns of text a character takes: two for Chinese, more than one for wide letters. */
static double
columns_of(const char *character)
{
	unsigned char c = (unsigned char) *character;

	if (c == 'W' || c == 'M' || c == 'm' || c == 'w' || c == '@' || c == '%')
		return 1.8;
	if (c >= 'A' && c <= 'Z')
		return 1.3;
	return Max(pg_dsplen(character), 0);
}

/* cut gives as much of a text as fits a width, with an ellipsis where that is not all. */
static char *
cut(const char *text, double pixels, double column_pixels)
{
	const char *ellipsis = GetDatabaseEncoding() == PG_UTF8 ? "\xE2\x80\xA6" : "...";
	double room = pixels / column_pixels;
	double columns = 0;
	const char *fits = text; /* the end of what leaves room for the ellipsis */

	for (const char *at = text; *at != '\0'; at += pg_mblen(at))
	{
		columns += columns_of(at);
		if (columns > room)
			return psprintf("%.*s%s", (int) (fits - text), text, ellipsis);
		if (columns <= room - 1)
			fits = at + pg_mblen(at);
	}
	return pstrdup(text);
}

/* x_of gives where a value is. */
static double
x_of(const Svg *svg, double value)
{
	return svg->first_x + (value - svg->low) / (svg->high - svg->low) * (svg->last_x - svg->first_x);
}

/* measure finds the range of values that the bars go through, and how many decimals tell them apart. */
static void
measure(Svg *svg, const RecoExplanation *explanation)
{
	double value = 0;
	double size;

	for (int r = 0; r < explanation->n; r++)
	{
		value += explanation->row[r].contribution;
		svg->low = Min(svg->low, value);
		svg->high = Max(svg->high, value);
	}
	size = Max(fabs(svg->low), fabs(svg->high));
	if (!(size > 0))
		svg->high = size = 1;
	svg->decimals = Min(Max(2 - (int) floor(log10(size)), 0), 12);
}

/* draw_label writes text in the column of labels, clipped to it. */
static void
draw_label(Svg *svg, int y, const char *label, const char *class)
{
	appendStringInfo(&svg->text,
					 "<svg x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"><text x=\"0\" y=\"18\"%s>", MARGIN,
					 y, svg->label_width, ROW, class);
	append_escaped(&svg->text, cut(label, svg->label_width, COLUMN_PIXELS));
	appendStringInfoString(&svg->text, "</text></svg>");
}

/* draw_bar draws a bar from one value to another. */
static void
draw_bar(Svg *svg, int y, double from, double to, const char *class)
{
	double left = x_of(svg, Min(from, to));
	double right = x_of(svg, Max(from, to));

	appendStringInfo(&svg->text,
					 "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>", class,
					 left, y + (ROW - BAR) / 2, Max(right - left, 1.0), BAR);
}

static void
draw_number(Svg *svg, int y, double value, bool signed_, const char *class)
{
	appendStringInfo(&svg->text,
					 signed_ ? "<text class=\"number%s\" x=\"%d\" y=\"%d\">%+.*f</text>"
							 : "<text class=\"number%s\" x=\"%d\" y=\"%d\">%.*f</text>",
					 class, svg->width - MARGIN, y + 18, svg->decimals, value);
}

/* draw_row draws one row of the explanation; before is the sum of those above it. */
static void
draw_row(Svg *svg, int y, const char *label, double before, double contribution)
{
	double after = before + contribution;

	appendStringInfoString(&svg->text, "<g><title>");
	append_escaped(&svg->text, label);
	appendStringInfo(&svg->text, ": %+.*f</title>", svg->decimals, contribution);
	draw_label(svg, y, label, "");
	draw_bar(svg, y, before, after, contribution < 0 ? "down" : "up");
	appendStringInfo(&svg->text, "<line class=\"step\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>",
					 x_of(svg, after), y + (ROW + BAR) / 2, x_of(svg, after), y + ROW + (ROW - BAR) / 2);
	draw_number(svg, y, contribution, true, "");
	appendStringInfoString(&svg->text, "</g>\n");
}

/* say gives a wording of the picture itself, with one slot filled. */
static char *
say(const Svg *svg, RecoWording kind, RecoSlot slot, const char *value)
{
	RecoFilling filling = {.evidence = 1};

	filling.slot[slot] = value;
	return reco_words_say(svg->words, kind, &filling);
}

/* draw_total draws the bar of the score, and the line of zero through all rows. */
static void
draw_total(Svg *svg, int y, double score)
{
	appendStringInfo(&svg->text, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", MARGIN, y,
					 svg->width - MARGIN, y);
	draw_label(svg, y, say(svg, RECO_WORDING_PICTURE_SCORE, RECO_SLOT_VALUE, NULL), " class=\"total\"");
	draw_bar(svg, y, 0, score, "score");
	draw_number(svg, y, score, false, " total");
	appendStringInfo(&svg->text, "\n<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", x_of(svg, 0),
					 HEAD, x_of(svg, 0), y + ROW);
}

/* draw_head opens the picture and writes its title. */
static void
draw_head(Svg *svg, int height, const char *name, double score)
{
	char *title = say(svg, RECO_WORDING_PICTURE, RECO_SLOT_ITEMS, name);
	char *sum = say(svg, RECO_WORDING_PICTURE_SUM, RECO_SLOT_VALUE, psprintf("%.*f", svg->decimals, score));

	appendStringInfoString(
		&svg->text,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"reco-waterfall\" role=\"img\" xml:lang=\"");
	append_escaped(&svg->text, reco_words_language(svg->words));
	appendStringInfo(&svg->text, "\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n<title>", svg->width,
					 height, svg->width, height);
	append_escaped(&svg->text, title);
	appendStringInfoString(&svg->text, "</title><desc>");
	append_escaped(&svg->text, sum);
	appendStringInfoString(&svg->text, "</desc>\n");
	appendStringInfoString(&svg->text, style);
	appendStringInfo(
		&svg->text,
		"<rect class=\"page\" width=\"%d\" height=\"%d\"/>\n<text class=\"head\" x=\"%d\" y=\"30\">",
		svg->width, height, MARGIN);
	append_escaped(&svg->text, cut(title, svg->width - 2 * MARGIN, TITLE_PIXELS));
	appendStringInfo(&svg->text, "</text>\n<text class=\"quiet\" x=\"%d\" y=\"50\">", MARGIN);
	append_escaped(&svg->text, sum);
	appendStringInfoString(&svg->text, "</text>\n");
}

char *
reco_explain_svg(const RecoQuery *query, const RecoView *view, const RecoExplanation *explanation,
				 uint32 item, int width)
{
	Svg svg = {.words = explanation->words, .width = width};
	double score = reco_query_score(query, item);
	double before = 0;
	int y = HEAD;

	initStringInfo(&svg.text);
	svg.label_width = Min(0.42 * width, 330);
	svg.first_x = MARGIN + svg.label_width + GAP;
	svg.last_x = width - MARGIN - NUMBER_WIDTH;
	measure(&svg, explanation);
	draw_head(&svg, HEAD + ROW * (explanation->n + 1) + MARGIN,
			  reco_words_name(explanation->words, query->model, view, item), score);
	for (int r = 0; r < explanation->n; r++)
	{
		const RecoExplainRow *row = &explanation->row[r];

		draw_row(&svg, y, reco_explain_clause(query, view, explanation, row), before, row->contribution);
		before += row->contribution;
		y += ROW;
	}
	draw_total(&svg, y, score);
	appendStringInfoString(&svg.text, "</svg>\n");
	return svg.text.data;
}
