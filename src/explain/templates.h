/*
 * templates.h
 *	  Patterns of words by kind and language, and how they are filled.
 *
 * A pattern is text with slots: {items} is replaced by what it names,
 * {count|one thing|# things} by the form for the number, with # for the number itself;
 * {{ and }} are braces.  Each kind knows its slots, and a pattern with
 * another one is refused when it is written.  Words never decide facts:
 * everything here is told what is true.
 */
#ifndef RECO_EXPLAIN_TEMPLATES_H
#define RECO_EXPLAIN_TEMPLATES_H

#include "postgres.h"

/* What a pattern is for. */
typedef enum RecoWording
{
	/* whole reasons */
	RECO_WORDING_HISTORY,
	RECO_WORDING_SIMILAR,
	RECO_WORDING_POPULAR,
	RECO_WORDING_POPULAR_COUNT,
	RECO_WORDING_POPULAR_AMONG,
	RECO_WORDING_RATING,
	RECO_WORDING_NEW,
	RECO_WORDING_PROMOTED,
	RECO_WORDING_FALLBACK,
	RECO_WORDING_PROFILE,
	RECO_WORDING_GENERAL,
	/* what a user did with items */
	RECO_WORDING_BOUGHT,
	RECO_WORDING_VIEWED,
	RECO_WORDING_CART,
	RECO_WORDING_RATED,
	RECO_WORDING_RATED_HIGHLY,
	RECO_WORDING_LIKED,
	RECO_WORDING_READ,
	RECO_WORDING_LISTENED,
	RECO_WORDING_WATCHED,
	RECO_WORDING_SAVED,
	RECO_WORDING_OTHER_EVENT,
	RECO_WORDING_RETURNED,
	RECO_WORDING_DISLIKED,
	RECO_WORDING_SKIPPED,
	RECO_WORDING_HID,
	RECO_WORDING_UNCART,
	/* what an item, or its user, is */
	RECO_WORDING_CATEGORY,
	RECO_WORDING_BRAND,
	RECO_WORDING_PRICE,
	RECO_WORDING_FEATURE,
	RECO_WORDING_FEATURE_WHOLE,
	RECO_WORDING_OWN_FEATURE,
	/* what others said of an item */
	RECO_WORDING_REVIEWED,
	/* rows of an explanation that no event words */
	RECO_WORDING_EVIDENCE,
	RECO_WORDING_DISLIKE,
	RECO_WORDING_AVERAGE,
	RECO_WORDING_ITEM,
	RECO_WORDING_PRIOR,
	RECO_WORDING_ATTRIBUTE,
	RECO_WORDING_REST,
	RECO_WORDING_NO_HISTORY,
	RECO_WORDING_REMAINDER,
	RECO_WORDING_ANY_ITEM,
	RECO_WORDING_RESIDUAL,
	RECO_WORDING_HIDDEN,
	RECO_WORDING_MEMBER,
	RECO_WORDING_ITS_NAME,
	RECO_WORDING_YOUR_NAME,
	RECO_WORDING_ITS_MISSING,
	RECO_WORDING_YOUR_MISSING,
	RECO_WORDING_ITS_OTHER,
	RECO_WORDING_YOUR_OTHER,
	/* parts */
	RECO_WORDING_YOU,
	RECO_WORDING_IT,
	RECO_WORDING_LABEL,
	RECO_WORDING_VALUE,
	RECO_WORDING_BAND_BELOW,
	RECO_WORDING_BAND_WITHIN,
	RECO_WORDING_BAND_ABOVE,
	RECO_WORDING_ID,
	RECO_WORDING_JOIN_ITEMS,
	RECO_WORDING_JOIN_CLAUSES,
	RECO_WORDING_JOIN_FEATURES,
	RECO_WORDING_JOIN_REVIEW,
	/* kinds that came later stand here, since the number of a kind is in the choice among its wordings: a row of an explanation */
	RECO_WORDING_RATER,
	/* and the words of a picture */
	RECO_WORDING_PICTURE,
	RECO_WORDING_PICTURE_SCORE,
	RECO_WORDING_PICTURE_SUM,
	RECO_WORDINGS
} RecoWording;

typedef enum RecoSlot
{
	RECO_SLOT_YOU,
	RECO_SLOT_IT,
	RECO_SLOT_ITEMS,
	RECO_SLOT_CLAUSES,
	RECO_SLOT_COUNT,
	RECO_SLOT_TEXT,
	RECO_SLOT_NAME,
	RECO_SLOT_VALUE,
	RECO_SLOT_A,
	RECO_SLOT_B,
	RECO_SLOTS
} RecoSlot;

/* All wordings of one language. */
typedef struct RecoWords RecoWords;

/* What fills a pattern. */
typedef struct RecoFilling
{
	const char *slot[RECO_SLOTS]; /* NULL: empty */
	int64 count;                  /* of {count} */
	int evidence; /* items or people that stand behind it: wordings that need more are left out */
	bool pick;    /* choose among the wordings by hash; else take the first */
	uint64 hash;
} RecoFilling;

/*
 * reco_words_open gives the wordings of a language, NULL meaning reco.lang;
 * "zh-CN" falls back to "zh".  They stay valid until "pin" is reset.  An unknown
 * language is ERRCODE_INVALID_PARAMETER_VALUE with the known ones as hint.
 */
extern const RecoWords *reco_words_open(const char *lang, MemoryContext pin);

/* reco_words_language gives the name of the language. */
extern const char *reco_words_language(const RecoWords *words);

/* reco_words_say gives a wording of a kind, filled. */
extern char *reco_words_say(const RecoWords *words, RecoWording kind, const RecoFilling *filling);

/* reco_words_can_say says whether a language, or English, has a wording of a kind that is content with so much evidence. */
extern bool reco_words_can_say(const RecoWords *words, RecoWording kind, int evidence);

/* reco_words_kind_name gives the name of a kind in the table of templates. */
extern const char *reco_words_kind_name(RecoWording kind);

/*
 * reco_template_check raises ERRCODE_INVALID_PARAMETER_VALUE for an unknown kind, a slot
 * that the kind does not know, one that it needs and lacks, and unbalanced braces.
 */
extern void reco_template_check(const char *kind, const char *pattern);

/* A wording that reco brings, in UTF-8. */
typedef struct RecoBuiltinWording
{
	RecoWording kind;
	const char *lang;
	int variant;
	int min_evidence;
	const char *pattern;
	const char *ascii; /* where the encoding has no such characters; NULL: there is none then */
} RecoBuiltinWording;

extern const RecoBuiltinWording reco_builtin_wording[];
extern const int reco_n_builtin_wordings;

/* reco_wording_convert gives UTF-8 in the server's encoding, or NULL when that has no such characters. */
extern char *reco_wording_convert(const char *utf8);

/* reco_wording_column gives what a column of this name is called in a language, NULL where that is not known, or cannot be written. */
extern char *reco_wording_column(const char *lang, const char *name);

/* reco_wording_encode gives a built-in pattern in the server's encoding, or NULL when it cannot be written in it. */
extern char *reco_wording_encode(const RecoBuiltinWording *wording);

#endif
