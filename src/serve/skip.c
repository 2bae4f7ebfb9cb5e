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
reco_skip_make(const RecoModel *model)
{
	RecoSkip *skip = palloc(sizeof(RecoSkip));

	skip->n = model->items.n;
	skip->bit = palloc_extended(bitmap_bytes(skip->n), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	skip->n_fresh = reco_model_n_items(model) - skip->n;
	skip->fresh = palloc0(sizeof(bool) * Max(skip->n_fresh, 1));
	return skip;
}

RecoSkip *
reco_skip_copy(const RecoSkip *skip)
{
	RecoSkip *copy = palloc(sizeof(RecoSkip));

	*copy = *skip;
	copy->bit = palloc_extended(bitmap_bytes(skip->n), MCXT_ALLOC_HUGE);
	memcpy(copy->bit, skip->bit, bitmap_bytes(skip->n));
	copy->fresh = palloc(sizeof(bool) * Max(skip->n_fresh, 1));
	memcpy(copy->fresh, skip->fresh, sizeof(bool) * skip->n_fresh);
	return copy;
}

void
reco_skip_add(RecoSkip *skip, uint32 item)
{
	if (item < skip->n)
		skip->bit[item / 8] |= (uint8) (1 << (item % 8));
	else if (item - skip->n < skip->n_fresh)
		skip->fresh[item - skip->n] = true;
}

bool
reco_skip_has(const RecoSkip *skip, uint32 item)
{
	if (item < skip->n)
		return (skip->bit[item / 8] >> (item % 8) & 1) != 0;
	return item - skip->n >= skip->n_fresh || skip->fresh[item - skip->n];
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
	bool *fresh = palloc(sizeof(bool) * Max(skip->n_fresh, 1));

	memset(others, 0xff, bitmap_bytes(skip->n));
	memset(fresh, true, sizeof(bool) * skip->n_fresh);
	for (size_t i = 0; i < n; i++)
		if (item[i] < skip->n)
			others[item[i] / 8] &= (uint8) ~(1 << (item[i] % 8));
		else if (item[i] - skip->n < skip->n_fresh)
			fresh[item[i] - skip->n] = false;
	for (size_t byte = 0; byte < bitmap_bytes(skip->n); byte++)
		skip->bit[byte] |= others[byte];
	for (size_t f = 0; f < skip->n_fresh; f++)
		skip->fresh[f] |= fresh[f];
	pfree(others);
	pfree(fresh);
}
