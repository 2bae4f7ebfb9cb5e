/*
 * Proves that hashes have the values that stored models depend on, do not
 * depend on alignment, and that the generators have the right distributions.
 */
#include "unit.h"

/* A hash that changes makes start vectors, and so models, change. */
static void
test_hash_values(void)
{
	CHECK(rk_hash64(0, NULL, 0) == rk_hash_mix(0, 0));
	CHECK(rk_hash64(1, "", 0) != rk_hash64(2, "", 0));
	CHECK(rk_hash64(7, "abcdefgh", 8) == rk_hash_mix(rk_hash_mix(7, 8), UINT64_C(0x6867666564636261)));
	CHECK(rk_hash64(7, "a", 1) != rk_hash64(7, "a\0", 2));
	CHECK(rk_hash_mix(rk_hash_mix(0, 1), 2) != rk_hash_mix(rk_hash_mix(0, 2), 1));
	CHECK(rk_hash_mix(0, 0) == UINT64_C(0x0397ab29740681d9));
	CHECK(rk_hash64(42, "recommender", 11) == UINT64_C(0x0b3b7c2278731a0f));
}

static void
test_hash_avalanche(void)
{
	double flipped = 0.0;

	for (int bit = 0; bit < 64; bit++)
		for (uint64_t i = 0; i < 64; i++)
			flipped += __builtin_popcountll(rk_hash_mix(3, i) ^ rk_hash_mix(3, i ^ (UINT64_C(1) << bit)));
	CHECK_NEAR(flipped / (64 * 64), 32.0, 0.5);
}

static void
test_hash_alignment(void)
{
	char buffer[64];

	for (size_t shift = 0; shift < 8; shift++)
	{
		memcpy(buffer + shift, "thirteen byte", 13);
		CHECK(rk_hash64(1, buffer + shift, 13) == rk_hash64(1, "thirteen byte", 13));
	}
}

/* The first outputs of xoshiro256++ from the state {1, 2, 3, 4}. */
static void
test_xoshiro(void)
{
	RkRng rng = {{1, 2, 3, 4}, 0.0, 0};

	CHECK(rk_rng_next(&rng) == UINT64_C(41943041));
	CHECK(rk_rng_next(&rng) == UINT64_C(58720359));
	CHECK(rk_rng_next(&rng) == UINT64_C(3588806011781223));
	CHECK(rk_rng_next(&rng) == UINT64_C(3591011842654386));
}

static void
test_uniform_and_below(void)
{
	RkRng rng;
	double sum = 0.0;
	size_t count[7] = {0};

	rk_rng_seed(&rng, 5);
	for (int i = 0; i < 70000; i++)
	{
		double u = rk_rng_uniform(&rng);

		if (u < 0.0 || u >= 1.0)
			CHECK(0);
		sum += u;
		count[rk_rng_below(&rng, 7)]++;
	}
	CHECK_NEAR(sum / 70000, 0.5, 0.005);
	for (int i = 0; i < 7; i++)
		CHECK_NEAR((double) count[i], 10000.0, 400.0);
	CHECK(rk_rng_below(&rng, 0) == 0);
	CHECK(rk_rng_below(&rng, 1) == 0);
	CHECK(rk_rng_below(&rng, UINT64_MAX) < UINT64_MAX);
}

static void
test_normal(void)
{
	size_t n = 100001;
	float *a = unit_floats(9, n, 2.0f);
	float *b = unit_floats(9, n, 2.0f);
	double moment[5] = {0};

	CHECK(memcmp(a, b, n * sizeof(float)) == 0);
	for (size_t i = 0; i < n; i++)
		for (int p = 1; p <= 4; p++)
			moment[p] += pow(a[i] / 2.0, p) / (double) n;
	CHECK_NEAR(moment[1], 0.0, 0.015);
	CHECK_NEAR(moment[2], 1.0, 0.02);
	CHECK_NEAR(moment[3], 0.0, 0.05);
	CHECK_NEAR(moment[4], 3.0, 0.15);
	free(a);
	free(b);
}

int
main(void)
{
	test_hash_values();
	test_hash_avalanche();
	test_hash_alignment();
	test_xoshiro();
	test_uniform_and_below();
	test_normal();
	return unit_finish("rng");
}
