/*
 * rng.c
 *	  Hashes and random numbers with explicit state.
 */
#include "rng.h"

#include <math.h>

#define RK_GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* rk_hash_finish is the finaliser of splitmix64, a bijection (Steele 2014). */
static inline uint64_t
rk_hash_finish(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t
rk_hash_mix(uint64_t seed, uint64_t value)
{
	return rk_hash_finish((seed + RK_GOLDEN) ^ rk_hash_finish(value + RK_GOLDEN));
}

uint64_t
rk_hash64(uint64_t seed, const void *bytes, size_t len)
{
	const unsigned char *byte = bytes;
	uint64_t hash = rk_hash_mix(seed, (uint64_t) len);

	for (size_t start = 0; start < len; start += 8)
	{
		uint64_t word = 0;

		for (size_t i = 0; i < 8 && start + i < len; i++)
			word |= (uint64_t) byte[start + i] << (8 * i);
		hash = rk_hash_mix(hash, word);
	}
	return hash;
}

void
rk_rng_seed(RkRng *rng, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
	{
		seed += RK_GOLDEN;
		rng->word[i] = rk_hash_finish(seed);
	}
	rng->spare = 0.0;
	rng->has_spare = 0;
}

/* rk_rotate_left rotates the bits of x. */
static inline uint64_t
rk_rotate_left(uint64_t x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

uint64_t
rk_rng_next(RkRng *rng)
{
	uint64_t *s = rng->word;
	uint64_t result = rk_rotate_left(s[0] + s[3], 23) + s[0];
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rk_rotate_left(s[3], 45);
	return result;
}

double
rk_rng_uniform(RkRng *rng)
{
	return (double) (rk_rng_next(rng) >> 11) * 0x1p-53;
}

/* Draws below 2^64 mod bound are refused, so that each remainder is as likely. */
uint64_t
rk_rng_below(RkRng *rng, uint64_t bound)
{
	uint64_t refused;
	uint64_t draw;

	if (bound == 0)
		return 0;
	refused = (UINT64_MAX - bound + 1) % bound;
	do
		draw = rk_rng_next(rng);
	while (draw < refused);
	return draw % bound;
}

double
rk_rng_normal(RkRng *rng)
{
	double u;
	double v;
	double square;
	double scale;

	if (rng->has_spare)
	{
		rng->has_spare = 0;
		return rng->spare;
	}
	do
	{
		u = 2.0 * rk_rng_uniform(rng) - 1.0;
		v = 2.0 * rk_rng_uniform(rng) - 1.0;
		square = u * u + v * v;
	} while (square >= 1.0 || square == 0.0);
	scale = sqrt(-2.0 * log(square) / square);
	rng->spare = v * scale;
	rng->has_spare = 1;
	return u * scale;
}
