/*
 * plain.h
 *	  Texts as code points, folded so that the same words written differently are equal.
 */
#ifndef RECO_EXPLAIN_PLAIN_H
#define RECO_EXPLAIN_PLAIN_H

#include "postgres.h"

/* A text: raw code points, and the same folded (lower case, narrow forms, plain quotes), one for one. */
typedef struct RecoPlain
{
	int n;
	uint32 *raw;  /* [n] */
	uint32 *code; /* [n] */
} RecoPlain;

/* reco_plain_make takes a text in the server's encoding, reco_plain_utf8 one in UTF-8. */
extern RecoPlain reco_plain_make(const char *text);
extern RecoPlain reco_plain_utf8(const char *text, int length);

/* reco_plain_text gives part of a text in the server's encoding. */
extern char *reco_plain_text(const RecoPlain *plain, int from, int to);

extern bool reco_plain_is_han(uint32 code);
extern bool reco_plain_is_letter(uint32 code); /* of an alphabet: Latin, Greek, Cyrillic, ... */
extern bool reco_plain_is_digit(uint32 code);
extern bool reco_plain_is_upper(uint32 raw);

/* reco_plain_matches says whether part stands at a position of a text, as whole words where it begins or ends in letters or digits. */
extern bool reco_plain_matches(const RecoPlain *plain, int at, const RecoPlain *part);

/* reco_plain_find gives the next such position from "from" on, or -1. */
extern int reco_plain_find(const RecoPlain *plain, int from, const RecoPlain *part);

#endif
