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

/* Words that were separated by bars, in the order in which they stood there. */
typedef struct RecoPlainWords
{
	int n;
	RecoPlain *word; /* [n] parts of "whole" */
	RecoPlain whole;
} RecoPlainWords;

/* reco_plain_words takes words in UTF-8 apart; reco_plain_forget frees them. */
extern RecoPlainWords reco_plain_words(const char *bars);
extern void reco_plain_forget(RecoPlainWords *words);

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

/* reco_plain_longest gives the length of the longest of some words that stands so at a position; 0: none does. */
extern int reco_plain_longest(const RecoPlain *plain, int at, const RecoPlainWords *words);

#endif
