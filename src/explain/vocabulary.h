/*
 * vocabulary.h
 *	  Which words of a text are known: the lexicon's, or words that somebody allows.
 */
#ifndef RECO_EXPLAIN_VOCABULARY_H
#define RECO_EXPLAIN_VOCABULARY_H

#include "postgres.h"

#include "explain/lexicon.h"
#include "explain/plain.h"
#include "nodes/pg_list.h"

/*
 * reco_vocabulary_cover says of every code point of a text whether it stands in a word of the
 * lexicon of a language, or in one of more (a list of char *).  Classes that are only looked for before others do not count.
 */
extern bool *reco_vocabulary_cover(const RecoPlain *text, const char *lang, const List *more);

/* reco_vocabulary_cover_strings does so for words of the caller alone (a list of char *), and leaves the others as they are. */
extern void reco_vocabulary_cover_strings(const RecoPlain *text, const List *strings, bool *covered);

/* reco_vocabulary_ends says whether a word of a class ends right before a position, spaces aside, and where it begins. */
extern bool reco_vocabulary_ends(const RecoPlain *text, const char *lang, RecoWordClass class, int at,
								 int *from);

#endif
