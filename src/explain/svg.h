/*
 * svg.h
 *	  An explanation as a picture.
 */
#ifndef RECO_EXPLAIN_SVG_H
#define RECO_EXPLAIN_SVG_H

#include "postgres.h"

#include "explain/explain.h"

/* The least and the greatest width of a picture, in pixels. */
#define RECO_SVG_LEAST_WIDTH 360
#define RECO_SVG_GREATEST_WIDTH 4000

/*
 * reco_explain_svg draws an explanation as a waterfall from zero to the score
 * of an item, in the language of its words: one bar a row, then one for the score.  Gives a well-formed XML
 * document without a declaration, in the encoding of the database, that
 * loads nothing and runs nothing.
 */
extern char *reco_explain_svg(const RecoQuery *query, const RecoView *view,
							  const RecoExplanation *explanation, uint32 item, int width);

#endif
