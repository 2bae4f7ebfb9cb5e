/*
 * rng.h
 *	  Hashes and random numbers with explicit state.
 *
 * Hashes and integers are the same on every machine, whatever its byte order.
 * Normal numbers go through log() and so may differ in the last bit between
 * two versions of libm; on one build they are reproducible.
 */
#ifndef RK_RNG_H
#define RK_RNG_H

#include <stddef.h>
#include <stdint.h>

/* The state of xoshiro256++ (Blackman and Vigna 2021), and a spare normal. */
typedef struct RkRng
{
	uint64_t word[4];
	double spare;
	int has_spare;
} RkRng;

/*
 * rk_hash_mix mixes one 64-bit value into a hash.  It is the finaliser of
 * splitmix64 over (seed + golden ratio) xor-ed with the finalised value, so
 * that every input bit reaches every output bit.  Order matters:
 * mix(mix(s, a), b) differs from mix(mix(s, b), a).
 */
extern uint64_t rk_hash_mix(uint64_t seed, uint64_t value);

/*
 * rk_hash64 hashes len bytes: the length, then each group of eight bytes read
 * as a little-endian number (the last padded with zeros), are mixed in turn
 * with rk_hash_mix.  Not cryptographic.  bytes may be NULL when len is 0.
 */
extern uint64_t rk_hash64(uint64_t seed, const void *bytes, size_t len);

/* rk_rng_seed fills the state from a seed by splitmix64. */
extern void rk_rng_seed(RkRng *rng, uint64_t seed);

/* rk_rng_next draws 64 random bits. */
extern uint64_t rk_rng_next(RkRng *rng);

/* rk_rng_uniform draws from [0, 1), a multiple of 2^-53. */
extern double rk_rng_uniform(RkRng *rng);

/* rk_rng_below draws an integer from [0, bound) without bias; 0 if bound is 0. */
extern uint64_t rk_rng_below(RkRng *rng, uint64_t bound);

/* rk_rng_normal draws from N(0, 1) by Marsaglia's polar method. */
extern double rk_rng_normal(RkRng *rng);

#endif /* RK_RNG_H */
