/*
 * Proves the definitions of metrics.h on examples computed by hand, and that
 * the bootstrap covers the mean as often as its level says.
 */
#include "unit.h"

#include "kernel/metrics.h"

/* Hits at ranks 2 and 4 of 5, three held-out items. */
static void
test_by_hand(void)
{
	const uint8_t hit[5] = {0, 1, 0, 1, 0};
	const size_t cut[4] = {1, 2, 5, 10};
	RkListMetrics m[4];
	double log2_3 = 1.5849625007211561;
	double log2_5 = 2.321928094887362;
	double ideal = 1.0 + 1.0 / log2_3 + 0.5;

	rk_metrics_list(hit, 5, 3, cut, 4, m);
	CHECK(m[0].recall == 0.0 && m[0].precision == 0.0 && m[0].f1 == 0.0);
	CHECK(m[0].ndcg == 0.0 && m[0].average_precision == 0.0);
	CHECK(m[0].reciprocal_rank == 0.0 && m[0].hit_rate == 0.0);

	CHECK_NEAR(m[1].recall, 1.0 / 3.0, 1e-15);
	CHECK_NEAR(m[1].precision, 0.5, 1e-15);
	CHECK_NEAR(m[1].f1, 0.4, 1e-15);
	CHECK_NEAR(m[1].ndcg, (1.0 / log2_3) / (1.0 + 1.0 / log2_3), 1e-15);
	CHECK_NEAR(m[1].average_precision, 0.25, 1e-15);
	CHECK(m[1].reciprocal_rank == 0.5 && m[1].hit_rate == 1.0);

	CHECK_NEAR(m[2].recall, 2.0 / 3.0, 1e-15);
	CHECK_NEAR(m[2].precision, 0.4, 1e-15);
	CHECK_NEAR(m[2].f1, 0.5, 1e-15);
	CHECK_NEAR(m[2].ndcg, (1.0 / log2_3 + 1.0 / log2_5) / ideal, 1e-15);
	CHECK_NEAR(m[2].average_precision, (0.5 + 0.5) / 3.0, 1e-15);

	/* A cut beyond the list counts the missing places as misses. */
	CHECK_NEAR(m[3].precision, 0.2, 1e-15);
	CHECK_NEAR(m[3].f1, 4.0 / 13.0, 1e-15);
	CHECK(m[3].ndcg == m[2].ndcg && m[3].recall == m[2].recall);
}

/* A perfect list scores 1 at every cut, whether it has fewer or more hits. */
static void
test_perfect(void)
{
	const uint8_t hit[20] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
	const size_t cut[3] = {5, 12, 20};
	RkListMetrics m[3];

	rk_metrics_list(hit, 20, 12, cut, 3, m);
	for (int i = 0; i < 3; i++)
	{
		CHECK(m[i].ndcg == 1.0);
		CHECK_NEAR(m[i].average_precision, 1.0, 1e-15);
		CHECK(m[i].reciprocal_rank == 1.0);
	}
	CHECK(m[0].recall == 5.0 / 12.0 && m[1].f1 == 1.0 && m[2].precision == 0.6);
}

static void
test_edges(void)
{
	const uint8_t hit[1] = {1};
	const size_t cut[1] = {3};
	RkListMetrics m;

	rk_metrics_list(hit, 1, 0, cut, 1, &m);
	CHECK(m.ndcg == 0.0 && m.recall == 0.0);
	rk_metrics_list(NULL, 0, 2, cut, 1, &m);
	CHECK(m.ndcg == 0.0 && m.hit_rate == 0.0);
	CHECK(rk_metrics_discount(1) == 1.0 && rk_metrics_discount(3) == 0.5);
}

static void
test_errors(void)
{
	RkErrorSum sum = {0};

	rk_error_add(&sum, 3.0, 1.0);
	rk_error_add(&sum, 0.0, 1.0);
	rk_error_add(&sum, 2.0, 4.0);
	CHECK(sum.count == 3.0 && sum.squares == 9.0 && sum.absolutes == 5.0);
}

/* Areas by counting pairs: ties count half, a held-out item without a score loses every pair. */
static void
test_auc(void)
{
	double positive[2] = {3.0, 1.0};
	const double negative[4] = {0.0, 1.0, 2.0, 4.0};
	double none[1];

	/* 3 beats 0, 1, 2; 1 beats 0 and ties with 1: 4.5 of 8 */
	CHECK_NEAR(rk_metrics_auc(positive, 2, 0, negative, 4), 4.5 / 8.0, 1e-15);
	CHECK_NEAR(rk_metrics_auc(positive, 2, 1, negative, 4), 4.5 / 12.0, 1e-15);
	CHECK(rk_metrics_auc(none, 0, 2, negative, 4) == 0.0);
	CHECK(isnan(rk_metrics_auc(none, 0, 0, negative, 4)));
	CHECK(isnan(rk_metrics_auc(positive, 2, 0, negative, 0)));
}

/* The area agrees with counting all pairs of random scores, many of them equal. */
static void
test_auc_pairs(void)
{
	double positive[40];
	double negative[300];
	double won = 0.0;
	RkRng rng;

	rk_rng_seed(&rng, 5);
	for (size_t i = 0; i < 40; i++)
		positive[i] = (double) rk_rng_below(&rng, 30) + 5.0;
	for (size_t i = 0; i < 300; i++)
		negative[i] = (double) rk_rng_below(&rng, 30);
	for (size_t i = 0; i < 40; i++)
		for (size_t j = 0; j < 300; j++)
			won += positive[i] > negative[j] ? 1.0 : positive[i] == negative[j] ? 0.5 : 0.0;
	CHECK_NEAR(rk_metrics_auc(positive, 40, 0, negative, 300), won / 12000.0, 1e-14);
}

/* Shares 1/2, 1/8, 1: surprises of 1, 3 and 0 bits. */
static void
test_novelty(void)
{
	const double share[3] = {0.5, 0.125, 1.0};
	const size_t cut[3] = {1, 2, 10};
	double out[3];

	rk_metrics_novelty(share, 3, cut, 3, out);
	CHECK(out[0] == 1.0 && out[1] == 2.0);
	CHECK_NEAR(out[2], 4.0 / 3.0, 1e-15);
	rk_metrics_novelty(share, 0, cut, 1, out);
	CHECK(out[0] == 0.0);
}

/* Items of users {0, 1}, {1, 2}, {3} and nobody: cosines 1/2, 0 and 0. */
static void
test_diversity(void)
{
	const uint64_t offset[5] = {0, 2, 4, 5, 5};
	const uint32_t index[5] = {0, 1, 1, 2, 3};
	const RkCsr by_item = {.n_rows = 4, .n_cols = 4, .offset = offset, .index = index};
	const uint32_t list[5] = {0, 1, 2, 3, RK_METRICS_NO_ITEM};
	const uint32_t twice[2] = {1, 1};
	const size_t cut[5] = {1, 2, 3, 4, 20};
	double out[5];

	CHECK(rk_metrics_diversity(&by_item, list, 5, cut, 5, out, NULL) == RK_OK);
	CHECK(out[0] == 0.0);
	CHECK_NEAR(out[1], 0.5, 1e-15);
	CHECK_NEAR(out[2], 2.5 / 3.0, 1e-15);
	CHECK_NEAR(out[3], 5.5 / 6.0, 1e-15);
	CHECK_NEAR(out[4], 9.5 / 10.0, 1e-15);
	CHECK(rk_metrics_diversity(&by_item, twice, 2, cut, 2, out, NULL) == RK_OK);
	CHECK_NEAR(out[1], 0.0, 1e-15);
	CHECK(rk_metrics_diversity(&by_item, list, 0, cut, 2, out, NULL) == RK_OK && out[1] == 0.0);
}

/* Equal shares have 0, one that has everything (n - 1) / n; 1, 3, 0 by the formula of mean differences. */
static void
test_gini(void)
{
	double equal[4] = {2.0, 2.0, 2.0, 2.0};
	double one[4] = {0.0, 7.0, 0.0, 0.0};
	double some[3] = {1.0, 3.0, 0.0};
	double zero[2] = {0.0, 0.0};

	CHECK_NEAR(rk_metrics_gini(equal, 4), 0.0, 1e-15);
	CHECK_NEAR(rk_metrics_gini(one, 4), 0.75, 1e-15);
	/* sum of |x_i - x_j| over ordered pairs 2 (2 + 1 + 3) = 12, over 2 n^2 mean = 2 * 9 * 4/3 = 24 */
	CHECK_NEAR(rk_metrics_gini(some, 3), 0.5, 1e-15);
	CHECK(rk_metrics_gini(zero, 2) == 0.0 && rk_metrics_gini(zero, 0) == 0.0);
}

int
main(void)
{
	test_by_hand();
	test_perfect();
	test_edges();
	test_errors();
	test_auc();
	test_auc_pairs();
	test_novelty();
	test_diversity();
	test_gini();
	return unit_finish("metrics");
}
