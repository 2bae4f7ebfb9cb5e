/*
 * explain_svg.c
 *	  explain_svg(): the explanation of one pair as a picture.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "explain/svg.h"
#include "sqlapi/arguments.h"
#include "sqlapi/pair.h"

PG_FUNCTION_INFO_V1(reco_explain_svg_pair);

enum
{
	SVG_LIMIT,
	SVG_WIDTH
};

static const RecoOption svg_option[] = {
	[SVG_LIMIT] = {.name = "limit",
				   .type = RECO_OPTION_INTEGER,
				   .initial = 12,
				   .minimum = 0,
				   .maximum = 1000,
				   .help = "The pieces of evidence that get a bar of their own; the others share one."},
	[SVG_WIDTH] = {.name = "width",
				   .type = RECO_OPTION_INTEGER,
				   .initial = 760,
				   .minimum = RECO_SVG_LEAST_WIDTH,
				   .maximum = RECO_SVG_GREATEST_WIDTH,
				   .help = "The width of the picture in pixels."}};

/* A NULL user or item has no picture. */
Datum
reco_explain_svg_pair(PG_FUNCTION_ARGS)
{
	RecoOptionValue *option = reco_argument_options(fcinfo, 4, svg_option, lengthof(svg_option));
	RecoExplanation *explanation;
	const RecoWords *words;
	RecoPair pair;
	char *svg;
	text *result;

	words = reco_argument_lang(fcinfo, 3);
	if (!reco_pair_begin(&pair, fcinfo, 2))
		PG_RETURN_NULL();
	explanation = reco_explain_history(pair.query, pair.view, pair.item, (int) option[SVG_LIMIT].number);
	explanation->words = words;
	svg = reco_explain_svg(pair.query, pair.view, explanation, pair.item, (int) option[SVG_WIDTH].number);
	MemoryContextSwitchTo(pair.call.outer);
	result = cstring_to_text(svg);
	reco_pair_end(&pair);
	PG_RETURN_TEXT_P(result);
}
