/*
 * words.h
 *	  The terms of a text: words where words are spaced, pairs of characters
 *	  where they are not.
 *
 * A term is a run of letters and digits, in lower case, of at least two characters; apostrophes
 * within it are left out.  Chinese, Japanese, Thai, Lao, Khmer and Burmese are written without spaces: there each pair of
 * neighbouring characters is a term, and a character that stands alone is one too.  Korean has spaces.
 *
 * The classes and the lower case of characters are written down here and ask no locale, so that a text has the same
 * terms on every machine: letters are what is neither a control, nor punctuation, nor a symbol of the blocks
 * that hold those, and lower case is known of Latin, Greek, Cyrillic, Armenian and full-width letters.
 */
#ifndef RK_WORDS_H
#define RK_WORDS_H

#include <stddef.h>
#include <stdint.h>

/* The longest term in bytes; of a longer word the first bytes are the term. */
#define RK_WORD_BYTES 64

/* RkWords is a text being taken apart. */
typedef struct RkWords
{
	const unsigned char *at;
	const unsigned char *end;
	uint32_t before; /* the unspaced character before, 0: none */
	int paired;      /* whether it was part of a pair already */
} RkWords;

/* rk_words_begin starts at the beginning of a text in UTF-8; bytes that are no UTF-8 separate words. */
extern void rk_words_begin(RkWords *words, const char *text, size_t bytes);

/* rk_words_next writes the next term, UTF-8, not terminated; gives its length, 0 at the end. */
extern size_t rk_words_next(RkWords *words, char term[RK_WORD_BYTES]);

#endif /* RK_WORDS_H */
