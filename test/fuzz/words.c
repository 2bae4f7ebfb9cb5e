/*
 * words.c
 *	  libFuzzer: whatever the bytes of a text, its terms are taken apart in bounds, are of at most RK_WORD_BYTES, and come to
 *	  an end.
 */
#include <stdlib.h>
#include <string.h>

#include "kernel/words.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t bytes);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t bytes)
{
	char *text = malloc(bytes > 0 ? bytes : 1);
	char term[RK_WORD_BYTES];
	RkWords words;
	size_t length;
	size_t n = 0;

	memcpy(text, data, bytes);
	rk_words_begin(&words, text, bytes);
	while ((length = rk_words_next(&words, term)) > 0)
	{
		/* a byte is part of at most a term of its own and two pairs */
		if (length > RK_WORD_BYTES || ++n > 3 * bytes)
			abort();
	}
	free(text);
	return 0;
}
