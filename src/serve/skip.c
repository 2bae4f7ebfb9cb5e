/*
 * skip.c
 *	  The set of items to leave out of a list.
 */
#include "postgres.h"

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
