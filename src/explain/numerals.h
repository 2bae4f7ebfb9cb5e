/*
 * numerals.h
 *	  Numbers in a text, in digits and in English and Chinese words.
 */
#ifndef RECO_EXPLAIN_NUMERALS_H
#define RECO_EXPLAIN_NUMERALS_H

#include "postgres.h"

#include "explain/plain.h"

/*
 * reco_numeral_next finds the next number at or after a position; -1 is the value of what is
 * a number without an exact value, as "dozens".  False when there is none.
 */
extern bool reco_numeral_next(const RecoPlain *text, int at, bool chinese, int *from, int *to,
							  double *number);

#endif
