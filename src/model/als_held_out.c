/*
 * als_held_out.c
 *	  Matrix factorisation by alternating least squares: the rows by which the
 *	  number of sweeps is chosen.
 *
 * About 2 % of the rows, but at least 500 and at most a fifth, are held out by
 * a hash of user and item.  They are few, so they are moved out of the rows
 * of the dataset and put back afterwards, and the rows exist once.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "storage/shmem.h"

#include "kernel/rng.h"
#include "model/als.h"

#define HELD_OUT_FRACTION 0.02
#define HELD_OUT_ROWS 500
#define HELD_OUT_MOST 0.2

/*
 * Makes the hash another one than that of a random split of reco.evaluate() with the same seed: of the rows that such a split leaves to learn from,
 * none would be held out.
 */
#define HELD_OUT_SALT 0x68656c64

static double
held_out_fraction(size_t n_rows)
{
	return Max(HELD_OUT_FRACTION, Min(HELD_OUT_MOST, (double) HELD_OUT_ROWS / (double) n_rows));
}

/* Six standard deviations above the expected number: what a hash does not exceed. */
size_t
reco_als_held_out_most(size_t n_rows)
{
	double expected = held_out_fraction(n_rows) * (double) n_rows;

	return (size_t) Min((double) n_rows, ceil(expected + 6 * sqrt(expected) + 16));
}

/*
 * choose marks the rows that are held out, in a bitmap of zeros.  Only rows
 * with t > 0 are; a user keeps at least the first row that the hash spares, or else the last one.
 */
static void
choose(const RecoLearnInput *input, uint64 seed, const uint64 *item_hash, uint8 *bit)
{
	const RkCsr *rows = &input->data->by_user;
	double fraction = held_out_fraction(rk_csr_nnz(rows));
	size_t most = reco_als_held_out_most(rk_csr_nnz(rows));
	size_t n = 0;

	for (size_t u = 0; u < rows->n_rows; u++)
	{
		RecoKey key = reco_keys_get(input->users, input->data->user_of[u]);
		uint64 user_hash = reco_key_hash(seed, &key);
		size_t end = rows->offset[u + 1];
		bool kept = false;

		if (u % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		for (size_t k = rows->offset[u]; k < end && n < most; k++)
		{
			uint64 hash = rk_hash_mix(rk_hash_mix(user_hash, item_hash[rows->index[k]]), HELD_OUT_SALT);

			if ((!kept && k + 1 == end) || rows->target[k] <= 0 ||
				(double) (hash >> 11) * 0x1p-53 >= fraction)
			{
				kept = true;
				continue;
			}
			bit[k / 8] |= (uint8) (1 << (k % 8));
			n++;
		}
	}
}

void
reco_als_hold_out(const RecoLearnInput *input, uint64 seed, const uint64 *item_hash, AlsHeldOut *held_out)
{
	RecoArea *area = input->area;
	const RkCsr *rows = &input->data->by_user;
	Size bit_bytes = rk_csr_nnz(rows) / 8 + 1;
	RkCsrArrays test;
	size_t n = reco_als_held_out_most(rk_csr_nnz(rows));
	Size mark;
	uint8 *bit;

	test.offset = reco_area_alloc(area, mul_size(rows->n_rows + 1, sizeof(uint64)));
	test.index = reco_area_alloc(area, mul_size(n, sizeof(uint32)));
	test.weight = reco_area_alloc(area, mul_size(n, sizeof(float)));
	test.target = reco_area_alloc(area, mul_size(n, sizeof(float)));
	mark = reco_area_mark(area);
	bit = reco_area_alloc(area, bit_bytes);
	memset(bit, 0, bit_bytes);
	choose(input, seed, item_hash, bit);

	/* the dataset is ours to move around while we learn (model.h) */
	held_out->arrays = (RkCsrArrays){(uint64 *) rows->offset, (uint32 *) rows->index, (float *) rows->weight,
									 (float *) rows->target};
	held_out->train = *rows;
	held_out->test = (RkCsr){rows->n_rows, rows->n_cols, test.offset, test.index, test.weight, test.target};
	rk_csr_take(&held_out->train, &held_out->arrays, bit, &test);
	reco_area_release(area, mark);
}

void
reco_als_put_back(const AlsHeldOut *held_out)
{
	rk_csr_put_back(&held_out->train, &held_out->arrays, &held_out->test);
}
