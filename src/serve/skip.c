/*
 * skip.c
 *	  The set of items to leave out of a list.
 */
#include "postgres.h"

#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "serve/serve.h"

static size_t
bitmap_bytes(size_t n)
{
	return Max((n + 7) / 8, 1);
}

RecoSkip *
reco_skip_make(size_t n)
{
	RecoSkip *skip = palloc(sizeof(RecoSkip));

	skip->n = n;
	skip->bit = palloc_extended(bitmap_bytes(n), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	return skip;
}

void
reco_skip_add(RecoSkip *skip, uint32 item)
{
	skip->bit[item / 8] |= (uint8) (1 << (item % 8));
}

bool
reco_skip_has(const RecoSkip *skip, uint32 item)
{
	return (skip->bit[item / 8] >> (item % 8) & 1) != 0;
}

size_t
reco_skip_unmarked(RecoSkip *skip, const uint8 *bit)
{
	size_t skipped = 0;

	for (size_t byte = 0; byte < bitmap_bytes(skip->n); byte++)
	{
		skip->bit[byte] |= (uint8) ~bit[byte];
		skipped += pg_number_of_ones[skip->bit[byte]];
	}
	/* the bits beyond the last item are skipped now as well */
	return 8 * bitmap_bytes(skip->n) - skipped;
}

uint32 *
reco_skip_left(const RecoSkip *skip, size_t n)
{
	uint32 *left = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);
	size_t found = 0;

	for (size_t byte = 0; byte < bitmap_bytes(skip->n) && found < n; byte++)
		for (uint8 bits = (uint8) ~skip->bit[byte]; bits != 0 && found < n; bits &= (uint8) (bits - 1))
			left[found++] = (uint32) (8 * byte) + (uint32) pg_rightmost_one_pos32(bits);
	return left;
}

void
reco_skip_others(RecoSkip *skip, const uint32 *item, size_t n)
{
	uint8 *others = palloc_extended(bitmap_bytes(skip->n), MCXT_ALLOC_HUGE);

	memset(others, 0xff, bitmap_bytes(skip->n));
	for (size_t i = 0; i < n; i++)
		others[item[i] / 8] &= (uint8) ~(1 << (item[i] % 8));
	for (size_t byte = 0; byte < bitmap_bytes(skip->n); byte++)
		skip->bit[byte] |= others[byte];
	pfree(others);
}
