/*
 * Proves that the fold-in solver agrees with a long double reference in both
 * forms, at the edges (no rows, zero weights, repeated rows), and that every
 * quantity an explanation uses is what solving again gives.
 */
#include "unit.h"

#include "kernel/solve.h"

/* A problem with its solution in long double. */
typedef struct Problem
{
	size_t n;
	size_t d;
	size_t stride;
	float *factor;
	double *diagonal;
	double *weight;
	double *target;
	double *prior;
	long double *matrix; /* [d x d], A, then its Cholesky factor L */
} Problem;

static void
problem_make(Problem *p, uint64_t seed, size_t n, size_t d, double ridge)
{
	RkRng rng;

	rk_rng_seed(&rng, seed);
	p->n = n;
	p->d = d;
	p->stride = d + seed % 5;
	p->factor = unit_floats(seed, n * p->stride + 1, 0.5f);
	p->diagonal = unit_alloc(d * sizeof(double));
	p->weight = unit_alloc(n * sizeof(double));
	p->target = unit_alloc(n * sizeof(double));
	p->prior = unit_alloc(d * sizeof(double));
	p->matrix = unit_alloc(d * d * sizeof(long double));
	for (size_t k = 0; k < d; k++)
	{
		p->diagonal[k] = ridge * (0.5 + rk_rng_uniform(&rng));
		p->prior[k] = rk_rng_normal(&rng);
	}
	for (size_t j = 0; j < n; j++)
	{
		p->weight[j] = j % 7 == 3 ? 0.0 : exp(2.0 * rk_rng_normal(&rng)) * (j % 7 == 5 ? 1e-9 : 1.0);
		p->target[j] = rk_rng_normal(&rng);
	}
}

static void
problem_free(Problem *p)
{
	free(p->factor);
	free(p->diagonal);
	free(p->weight);
	free(p->target);
	free(p->prior);
	free(p->matrix);
}

static RkFoldSystem
problem_system(const Problem *p)
{
	return (RkFoldSystem){p->n, p->d, p->factor, p->stride, p->diagonal, p->weight};
}

/* reference_factor computes A and its lower Cholesky factor. */
static void
reference_factor(Problem *p)
{
	size_t d = p->d;
	long double *a = p->matrix;

	for (size_t i = 0; i < d; i++)
		for (size_t k = 0; k <= i; k++)
		{
			long double sum = i == k ? (long double) p->diagonal[k] : 0.0L;

			for (size_t j = 0; j < p->n; j++)
				sum +=
					(long double) p->weight[j] * p->factor[j * p->stride + i] * p->factor[j * p->stride + k];
			for (size_t m = 0; m < k; m++)
				sum -= a[i * d + m] * a[k * d + m];
			a[i * d + k] = i == k ? sqrtl(sum) : sum / a[k * d + k];
		}
}

/* reference_solve replaces b by A^-1 b. */
static void
reference_solve(const Problem *p, long double *b)
{
	size_t d = p->d;
	const long double *a = p->matrix;

	for (size_t i = 0; i < d; i++)
	{
		for (size_t k = 0; k < i; k++)
			b[i] -= a[i * d + k] * b[k];
		b[i] /= a[i * d + i];
	}
	for (size_t i = d; i-- > 0;)
	{
		for (size_t k = i + 1; k < d; k++)
			b[i] -= a[k * d + i] * b[k];
		b[i] /= a[i * d + i];
	}
}

/* reference_user sets x to A^-1 (D x0 + sum w t y). */
static void
reference_user(const Problem *p, const double *prior, long double *x)
{
	for (size_t k = 0; k < p->d; k++)
	{
		x[k] = prior != NULL ? (long double) p->diagonal[k] * prior[k] : 0.0L;
		for (size_t j = 0; j < p->n; j++)
			x[k] += (long double) p->weight[j] * p->target[j] * p->factor[j * p->stride + k];
	}
	reference_solve(p, x);
}

/* check_close compares with the reference on the scale of its largest element. */
static void
check_close(const double *got, const long double *expected, size_t n, double tolerance)
{
	double largest = 1e-300;
	double worst = 0.0;

	for (size_t k = 0; k < n; k++)
		largest = fmax(largest, fabs((double) expected[k]));
	for (size_t k = 0; k < n; k++)
		worst = fmax(worst, fabs(got[k] - (double) expected[k]));
	CHECK_NEAR(worst / largest, 0.0, tolerance);
}

/* check_sides checks that influences of several vectors at once are those of each alone, to the bit. */
static void
check_sides(const Problem *p, const RkFold *fold, const double *v, const double *alone, double *tmp)
{
	size_t m = 2 * RK_FOLD_SIDES + 3;
	double *many = unit_alloc(m * p->d * sizeof(double));
	double *influence = unit_alloc(m * p->n * sizeof(double));

	for (size_t s = 0; s < m; s++)
		for (size_t k = 0; k < p->d; k++)
			many[s * p->d + k] = s % 3 == 2 ? v[k] : v[k] * (double) (s + 1) - 1.0;
	rk_fold_influences(fold, m, many, influence, tmp);
	for (size_t s = 2; s < m; s += 3)
		CHECK(memcmp(influence + s * p->n, alone, p->n * sizeof(double)) == 0);
	free(many);
	free(influence);
}

/* remainders computes r of all rows, each alone; remainder is [n], tmp is [RK_FOLD_SIDES (n + d)]. */
static void
remainders(const RkFold *fold, double *remainder, double *tmp)
{
	for (size_t j = 0; j < fold->system.n; j++)
		rk_fold_remainders(fold, 1, &j, &remainder[j], NULL, tmp);
}

/* check_rows compares influence and remainder of each row with the reference. */
static void
check_rows(const Problem *p, const RkFold *fold, const double *v, double tolerance)
{
	double *influence = unit_alloc(p->n * sizeof(double));
	double *remainder = unit_alloc(p->n * sizeof(double));
	double *tmp = unit_alloc(RK_FOLD_SIDES * (p->n + p->d) * sizeof(double));
	long double *z = unit_alloc(p->d * sizeof(long double));
	long double *expected = unit_alloc(p->n * sizeof(long double));

	rk_fold_influences(fold, 1, v, influence, tmp);
	check_sides(p, fold, v, influence, tmp);
	for (size_t k = 0; k < p->d; k++)
		z[k] = v[k];
	reference_solve(p, z);
	for (size_t j = 0; j < p->n; j++)
	{
		expected[j] = 0.0L;
		for (size_t k = 0; k < p->d; k++)
			expected[j] += p->weight[j] * z[k] * p->factor[j * p->stride + k];
	}
	check_close(influence, expected, p->n, tolerance);

	remainders(fold, remainder, tmp);
	for (size_t j = 0; j < p->n; j++)
	{
		const float *y = p->factor + j * p->stride;
		long double h = 0.0L;

		for (size_t k = 0; k < p->d; k++)
			z[k] = y[k];
		reference_solve(p, z);
		for (size_t k = 0; k < p->d; k++)
			h += z[k] * y[k];
		CHECK_NEAR(remainder[j], (double) (1.0L - p->weight[j] * h), tolerance);
	}
	free(influence);
	free(remainder);
	free(tmp);
	free(z);
	free(expected);
}

static void
test_problem(uint64_t seed, size_t n, size_t d, double ridge, double tolerance)
{
	Problem p;
	RkFoldSystem system;
	RkFold fold;
	void *scratch = unit_alloc(rk_fold_scratch_bytes(n, d));
	double *x = unit_alloc(d * sizeof(double));
	double *tmp = unit_alloc((n + d) * sizeof(double));
	long double *expected = unit_alloc(d * sizeof(long double));

	problem_make(&p, seed, n, d, ridge);
	reference_factor(&p);
	system = problem_system(&p);
	CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_OK);

	rk_fold_user(&fold, p.target, NULL, x, tmp);
	reference_user(&p, NULL, expected);
	check_close(x, expected, d, tolerance);
	rk_fold_user(&fold, p.target, p.prior, x, tmp);
	reference_user(&p, p.prior, expected);
	check_close(x, expected, d, tolerance);

	for (size_t k = 0; k < d; k++)
		expected[k] = p.prior[k];
	reference_solve(&p, expected);
	rk_fold_solve(&fold, p.prior, x, tmp);
	check_close(x, expected, d, tolerance);
	memcpy(x, p.prior, d * sizeof(double));
	rk_fold_solve(&fold, x, x, tmp);
	check_close(x, expected, d, tolerance);
	check_rows(&p, &fold, p.prior, tolerance);

	problem_free(&p);
	free(scratch);
	free(x);
	free(tmp);
	free(expected);
}

/* Factoring again with another diagonal gives the bits of factoring anew, once and twice, and leaves the first fold as it was. */
static void
test_again(size_t n, size_t d)
{
	Problem p;
	RkFoldSystem system;
	RkFold first;
	RkFold fold;
	void *scratch[3];
	double *diagonal = unit_alloc(d * sizeof(double));
	double *tmp = unit_alloc((n + d) * sizeof(double));
	double *before = unit_alloc(d * sizeof(double));
	double *x = unit_alloc(d * sizeof(double));
	double *anew = unit_alloc(d * sizeof(double));

	for (int s = 0; s < 3; s++)
		scratch[s] = unit_alloc(rk_fold_scratch_bytes(n, d));
	problem_make(&p, 11, n, d, 0.5);
	system = problem_system(&p);
	CHECK(rk_fold_factor(&system, scratch[0], &first, NULL) == RK_OK);
	rk_fold_user(&first, p.target, p.prior, before, tmp);
	for (int turn = 1; turn <= 2; turn++)
	{
		for (size_t k = 0; k < d; k++)
			diagonal[k] = system.diagonal[k] * (1.0 + 0.25 * turn);
		CHECK(rk_fold_factor_again(&first, diagonal, scratch[1], &fold, NULL) == RK_OK);
		rk_fold_user(&fold, p.target, p.prior, x, tmp);
		system.diagonal = diagonal;
		CHECK(rk_fold_factor(&system, scratch[2], &fold, NULL) == RK_OK);
		system.diagonal = p.diagonal;
		rk_fold_user(&fold, p.target, p.prior, anew, tmp);
		CHECK(memcmp(x, anew, d * sizeof(double)) == 0);
		CHECK(memcmp(x, before, d * sizeof(double)) != 0);
	}
	rk_fold_user(&first, p.target, p.prior, x, tmp);
	CHECK(memcmp(x, before, d * sizeof(double)) == 0);
	diagonal[0] = -1.0;
	CHECK(rk_fold_factor_again(&first, diagonal, scratch[1], &fold, NULL) == RK_INVALID);

	problem_free(&p);
	for (int s = 0; s < 3; s++)
		free(scratch[s]);
	free(diagonal);
	free(tmp);
	free(before);
	free(x);
	free(anew);
}

/* The scratch's contents and the sign of zero lanes change no bit. */
static void
test_pure(void)
{
	Problem p;
	RkFoldSystem system;
	RkFold fold;
	size_t bytes = rk_fold_scratch_bytes(45, 50);
	void *scratch = unit_alloc(bytes);
	double x[50];
	double again[50];
	double tmp[95];

	problem_make(&p, 3, 45, 50, 0.1);
	system = problem_system(&p);
	CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_OK);
	rk_fold_user(&fold, p.target, p.prior, x, tmp);
	memset(scratch, 0x5a, bytes);
	CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_OK);
	rk_fold_user(&fold, p.target, p.prior, again, tmp);
	CHECK(memcmp(x, again, sizeof(x)) == 0);
	problem_free(&p);
	free(scratch);
}

/*
 * The bits of a solution are the same for every compiler, CPU variant and
 * optimisation: these constants were computed once.  Inputs avoid libm.
 */
static void
test_bits(size_t n, size_t d, uint64_t expected)
{
	Problem p;
	RkFoldSystem system;
	RkFold fold;
	void *scratch = unit_alloc(rk_fold_scratch_bytes(n, d));
	double *x = unit_alloc(d * sizeof(double));
	double *tmp = unit_alloc(RK_FOLD_SIDES * (n + d) * sizeof(double));
	double *remainder = unit_alloc(n * sizeof(double));
	uint64_t hash = 0;
	uint64_t bits;
	RkRng rng;

	problem_make(&p, 1, n, d, 1.0);
	rk_rng_seed(&rng, 77);
	for (size_t i = 0; i < n * p.stride; i++)
		p.factor[i] = (float) rk_rng_uniform(&rng) - 0.5f;
	for (size_t k = 0; k < d; k++)
	{
		p.diagonal[k] = 0.01 + rk_rng_uniform(&rng);
		p.prior[k] = rk_rng_uniform(&rng);
	}
	for (size_t j = 0; j < n; j++)
	{
		p.weight[j] = rk_rng_uniform(&rng);
		p.target[j] = rk_rng_uniform(&rng);
	}
	system = problem_system(&p);
	CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_OK);
	rk_fold_user(&fold, p.target, p.prior, x, tmp);
	remainders(&fold, remainder, tmp);
	for (size_t k = 0; k < d; k++)
	{
		memcpy(&bits, &x[k], sizeof(bits));
		hash = rk_hash_mix(hash, bits);
	}
	for (size_t j = 0; j < n; j++)
	{
		memcpy(&bits, &remainder[j], sizeof(bits));
		hash = rk_hash_mix(hash, bits);
	}
	if (!CHECK(hash == expected))
		printf("n %zu d %zu: 0x%016llx\n", n, d, (unsigned long long) hash);
	problem_free(&p);
	free(scratch);
	free(x);
	free(tmp);
	free(remainder);
}

/* Remainders of several rows at once are those of each alone, to the bit, and so are halves. */
static void
test_remainders(size_t n, size_t d)
{
	enum
	{
		ROWS = RK_FOLD_SIDES + 3
	};
	Problem p;
	RkFoldSystem system;
	RkFold fold;
	void *scratch = unit_alloc(rk_fold_scratch_bytes(n, d));
	double *tmp = unit_alloc(RK_FOLD_SIDES * (n + d) * sizeof(double));
	size_t order = n < d ? n : d;
	double *alone = unit_alloc(order * sizeof(double));
	size_t row[ROWS];
	double remainder[ROWS];
	double *half[ROWS];

	problem_make(&p, 21, n, d, 0.5);
	p.weight[2] = 0.0;
	system = problem_system(&p);
	CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_OK);
	for (size_t r = 0; r < ROWS; r++)
	{
		row[r] = (7 * r + 2) % n;
		half[r] = unit_alloc(order * sizeof(double));
	}
	rk_fold_remainders(&fold, ROWS, row, remainder, half, tmp);
	for (size_t r = 0; r < ROWS; r++)
	{
		double rest;

		rk_fold_remainders(&fold, 1, &row[r], &rest, &alone, tmp);
		CHECK(memcmp(&rest, &remainder[r], sizeof(rest)) == 0);
		CHECK(memcmp(alone, half[r], order * sizeof(double)) == 0);
		CHECK(row[r] != 2 || rest == 1.0);
		free(half[r]);
	}
	problem_free(&p);
	free(scratch);
	free(tmp);
	free(alone);
}

/* Bounds are what solve.h says, for any number of rows, and are at least the effects; the greatest number is found. */
static void
test_bounds(size_t n)
{
	double *number = unit_alloc(6 * n * sizeof(double));
	double *influence = number + 3 * n;
	double *most = number + 4 * n;
	double *expected = number + 5 * n;
	RkBounds bounds = {n, number, number + n, number + 2 * n};
	size_t greatest = n;
	RkRng rng;

	rk_rng_seed(&rng, 33 + n);
	for (size_t j = 0; j < n; j++)
	{
		double pull;
		double up;

		influence[j] = rk_rng_uniform(&rng) - 0.5;
		bounds.gap[j] = rk_rng_uniform(&rng) - 0.5;
		bounds.gain[j] = rk_rng_uniform(&rng);
		bounds.other[j] = j % 5 == 4 ? -INFINITY : 0.0;
		pull = influence[j] * bounds.gap[j];
		up = pull > 0.0 ? pull : 0.0;
		expected[j] =
			0.25 + pull + up * bounds.gain[j] + 1e-3 * (fabs(pull) + up * bounds.gain[j]) + bounds.other[j];
		if (isfinite(expected[j]) && (greatest == n || expected[j] > expected[greatest]))
			greatest = j;
	}
	rk_bounds(&bounds, 0.25, 1e-3, influence, most);
	for (size_t j = 0; j < n; j++)
		CHECK(isfinite(expected[j]) ? fabs(most[j] - expected[j]) < 1e-15 : most[j] == expected[j]);
	CHECK(rk_greatest(most, n) == greatest);
	for (size_t j = 0; j < n; j++)
		most[j] = -INFINITY;
	CHECK(rk_greatest(most, n) == n);
	free(number);
}

/* Coupling is sqrt(w_i w_j) y_i^T A^-1 y_j; a row alone has the numbers of all; gain bounds 1 / remainder. */
static void
test_coupling(size_t n, size_t d)
{
	Problem p;
	RkFoldSystem system;
	RkFold fold;
	void *scratch = unit_alloc(rk_fold_scratch_bytes(n, d));
	double *tmp = unit_alloc(RK_FOLD_SIDES * (n + d) * sizeof(double));
	double *half[2] = {unit_alloc(n * sizeof(double)), unit_alloc(n * sizeof(double))};
	double *remainder = unit_alloc(n * sizeof(double));
	double *gain = unit_alloc(n * sizeof(double));
	double *row = unit_alloc(d * sizeof(double));
	double *influence = unit_alloc(n * sizeof(double));
	double rest[2];

	problem_make(&p, 9, n, d, 0.3);
	system = problem_system(&p);
	CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_OK);
	remainders(&fold, remainder, tmp);
	rk_fold_gain(&fold, gain);
	for (size_t i = 0; i < n; i++)
	{
		size_t j = (i + 1 + i % 3) % n;

		CHECK(1.0 / remainder[i] <= (1.0 + gain[i]) * (1.0 + 1e-12));
		size_t pair[2] = {i, j};

		rk_fold_remainders(&fold, 2, pair, rest, half, tmp);
		for (size_t k = 0; k < d; k++)
			row[k] = p.factor[i * p.stride + k];
		rk_fold_influences(&fold, 1, row, influence, tmp);
		if (i != j && p.weight[i] > 0 && p.weight[j] > 0)
			CHECK_NEAR(rk_fold_coupling(&fold, i, half[0], j, half[1]),
					   influence[j] * sqrt(p.weight[i] / p.weight[j]), 1e-10);
	}
	problem_free(&p);
	free(scratch);
	free(tmp);
	free(half[0]);
	free(half[1]);
	free(remainder);
	free(gain);
	free(row);
	free(influence);
}

/* Deleting a row and solving again is what influence and leverage predict. */
static void
test_removal(size_t n, size_t d)
{
	Problem p;
	RkFoldSystem system;
	RkFold fold;
	void *scratch = unit_alloc(rk_fold_scratch_bytes(n, d));
	double *x = unit_alloc(d * sizeof(double));
	double *tmp = unit_alloc(RK_FOLD_SIDES * (n + d) * sizeof(double));
	double *influence = unit_alloc(n * sizeof(double));
	double *remainder = unit_alloc(n * sizeof(double));

	problem_make(&p, 8, n, d, 0.3);
	system = problem_system(&p);
	CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_OK);
	rk_fold_user(&fold, p.target, NULL, x, tmp);
	rk_fold_influences(&fold, 1, p.prior, influence, tmp);
	remainders(&fold, remainder, tmp);
	for (size_t j = 0; j < n; j += 4)
	{
		double score = rk_dot_dd(x, p.prior, d);
		double predicted = rk_dot(x, p.factor + j * p.stride, d);
		double kept = p.weight[j];
		double without = score - influence[j] * (p.target[j] - predicted) / remainder[j];
		RkFold less;
		void *other = unit_alloc(rk_fold_scratch_bytes(n, d));
		double *solved = unit_alloc(d * sizeof(double));

		p.weight[j] = 0.0;
		CHECK(rk_fold_factor(&system, other, &less, NULL) == RK_OK);
		rk_fold_user(&less, p.target, NULL, solved, tmp);
		CHECK_NEAR(rk_dot_dd(solved, p.prior, d), without, 1e-10);
		p.weight[j] = kept;
		free(other);
		free(solved);
	}
	problem_free(&p);
	free(scratch);
	free(x);
	free(tmp);
	free(influence);
	free(remainder);
}

/* Repeated rows with little ridge: singular but for D, cond about 1e9. */
static void
test_ill_conditioned(void)
{
	for (size_t n = 6; n <= 20; n += 7)
	{
		Problem p;
		RkFoldSystem system;
		RkFold fold;
		void *scratch = unit_alloc(rk_fold_scratch_bytes(n, 12));
		double x[12];
		double tmp[32];
		long double expected[12];

		problem_make(&p, 15, n, 12, 1e-6);
		for (size_t j = 1; j < n; j++)
			memcpy(p.factor + j * p.stride, p.factor + j % 2 * p.stride, 12 * sizeof(float));
		reference_factor(&p);
		system = problem_system(&p);
		CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_OK);
		rk_fold_user(&fold, p.target, NULL, x, tmp);
		reference_user(&p, NULL, expected);
		check_close(x, expected, 12, 1e-6);
		check_rows(&p, &fold, p.diagonal, 1e-5);
		problem_free(&p);
		free(scratch);
	}
}

static void
test_refused(void)
{
	for (size_t n = 3; n <= 9; n += 6)
	{
		Problem p;
		RkFoldSystem system;
		RkFold fold;
		void *scratch = unit_alloc(rk_fold_scratch_bytes(n, 6));
		float kept;

		problem_make(&p, 4, n, 6, 1.0);
		system = problem_system(&p);
		p.weight[1] = -1.0;
		CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_INVALID);
		p.weight[1] = NAN;
		CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_NON_FINITE);
		p.weight[1] = 1.0;
		p.diagonal[2] = 0.0;
		CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_INVALID);
		p.diagonal[2] = INFINITY;
		CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_NON_FINITE);
		p.diagonal[2] = 1.0;
		kept = p.factor[0];
		p.factor[0] = INFINITY;
		CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_NON_FINITE);
		p.factor[0] = NAN;
		CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_NON_FINITE);
		p.factor[0] = kept;
		CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_OK);
		problem_free(&p);
		free(scratch);
	}
}

static void
test_cancel(void)
{
	Problem p;
	RkFoldSystem system;
	RkFold fold;
	void *scratch = unit_alloc(rk_fold_scratch_bytes(500, 400));
	int left = 2;
	RkPoll poll = {unit_cancel_after, &left};

	problem_make(&p, 2, 500, 400, 1.0);
	system = problem_system(&p);
	CHECK(rk_fold_factor(&system, scratch, &fold, &poll) == RK_CANCELLED);
	problem_free(&p);
	free(scratch);
}

/* naive_dot adds in the order that solve.h promises, one element at a time. */
static double
naive_dot(const double *x, const float *y, size_t d)
{
	double lane[16] = {0.0};

	for (size_t k = 0; k < d; k++)
	{
		double product = x[k] * (double) y[k];

		lane[k % 16] += product;
	}
	for (size_t width = 8; width > 0; width /= 2)
		for (size_t l = 0; l < width; l++)
			lane[l] += lane[l + width];
	return lane[0];
}

static void
test_dot(void)
{
	float *y = unit_floats(31, 300, 1.0f);
	float *x_narrow = unit_floats(32, 300, 1.0f);
	double x[300];
	double y_wide[300];

	for (size_t k = 0; k < 300; k++)
	{
		x[k] = (double) x_narrow[k];
		y_wide[k] = (double) y[k];
	}
	for (size_t d = 0; d <= 256; d++)
		for (size_t shift = 0; shift < 3; shift++)
		{
			double expected = naive_dot(x + shift, y + shift, d);

			CHECK(rk_dot(x + shift, y + shift, d) == expected);
			CHECK(rk_dot_dd(x + shift, y_wide + shift, d) == expected);
			CHECK(rk_dot_ff(x_narrow + shift, y + shift, d) == expected);
		}
	free(y);
	free(x_narrow);
}

int
main(void)
{
	const size_t order[] = {1, 2, 3, 4, 5, 8, 13, 16, 31, 64, 65};

	test_dot();
	for (size_t a = 0; a < sizeof(order) / sizeof(order[0]); a++)
		for (size_t b = 0; b < sizeof(order) / sizeof(order[0]); b++)
			test_problem(100 + 11 * a + b, order[a], order[b], 0.2, 1e-11);
	test_problem(1, 0, 4, 1.0, 1e-12);
	test_problem(2, 0, 0, 1.0, 1e-12);
	test_problem(5, 300, 20, 0.01, 1e-11);
	test_problem(6, 9, 1024, 0.01, 1e-11);
	test_problem(7, 200, 130, 1.0, 1e-11);
	test_again(30, 64);
	test_again(64, 64);
	test_again(200, 37);
	test_pure();
	test_bits(27, 64, UINT64_C(0xa9949c205b6f8ce2));
	test_bits(90, 37, UINT64_C(0x09af85be364af2de));
	test_removal(30, 64);
	test_removal(64, 16);
	test_remainders(30, 64);
	test_remainders(64, 16);
	test_bounds(11);
	test_bounds(64);
	test_coupling(30, 64);
	test_coupling(64, 16);
	test_ill_conditioned();
	test_refused();
	test_cancel();
	return unit_finish("solve");
}
