/*
 * lexicon.h
 *	  Words by what they do in a reason, in the languages whose texts can be checked.
 */
#ifndef RECO_EXPLAIN_LEXICON_H
#define RECO_EXPLAIN_LEXICON_H

#include "postgres.h"

#include "explain/templates.h"

typedef enum RecoWordClass
{
	RECO_WORD_CAUSE_NEXT,   /* "because": what follows is given as a cause */
	RECO_WORD_CAUSE_BEFORE, /* "therefore": what is before is */
	RECO_WORD_NEGATIVE,     /* turns the meaning round */
	RECO_WORD_HARMLESS,     /* looks like one of the others and is not */
	RECO_WORD_HISTORY,      /* "based on your history": true of whatever comes from the history */
	RECO_WORD_PROFILE,      /* the same of what is known of the reader */
	RECO_WORD_PROSE,        /* function words */
	RECO_WORD_FOREIGN,      /* of other languages in the same script */
	RECO_WORD_CLAIM,        /* claims that no fact bears out: price, quality, time, place, the person */
	RECO_WORD_CROWD,        /* claims about other people: need a count of them */
	RECO_WORD_PROTECTED,    /* attributes of people that reasons do not touch */
	RECO_WORD_NEUTRAL,      /* words that say nothing which a fact would have to bear out */
	RECO_WORD_MODAL,        /* before an event: it may not have happened */
	RECO_WORD_AUXILIARY,    /* may stand between an event and what is before it */
	RECO_WORD_NOT_READER,   /* before an event: somebody else did it */
	RECO_WORD_EVENT         /* what a user did: see wording */
} RecoWordClass;

/* One class of one language: words separated by bars. */
typedef struct RecoLexicon
{
	const char *lang;
	RecoWordClass class;
	RecoWording wording; /* of RECO_WORD_EVENT */
	const char *words;   /* UTF-8, lower case */
} RecoLexicon;

/* reco_lexicon_protects says whether the name of an attribute speaks of a protected one: age_band, Gender. */
extern bool reco_lexicon_protects(const char *name);

/* reco_lexicon_speaks says whether the words of a language, "en", are those of another or of one of its regions: "en", "en-gb". */
extern bool reco_lexicon_speaks(const char *words, const char *lang);

extern const RecoLexicon reco_lexicon[];
extern const int reco_n_lexicon;

#endif
