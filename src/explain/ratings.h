/*
 * ratings.h
 *	  How a text says that its reader rated an item highly.
 */
#ifndef RECO_EXPLAIN_RATINGS_H
#define RECO_EXPLAIN_RATINGS_H

#include "postgres.h"

#include "explain/plain.h"

/*
 * reco_ratings_blank puts a code in the place of the words that say so of a name, for which marks stand in the folded text; not where the
 * name is one of several, of which the same would be said.
 */
extern void reco_ratings_blank(RecoPlain *text, const char *lang, uint32 mark, uint32 code);

#endif
