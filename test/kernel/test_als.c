/*
 * Proves that a half-sweep solves each row as a double precision reference
 * does, in both forms and precisions, for both kinds of feedback; that the
 * loss falls and is what its definition says; and that the way ranges are cut
 * changes no byte.
 */
#include "unit.h"

#include "kernel/als.h"
#include "kernel/eigh.h"
#include "kernel/solve.h"

/* A random matrix of interactions with its two sides. */
typedef struct World
{
	size_t n_users;
	size_t n_items;
	size_t d;
	RkCsr by_user;
	RkCsr by_item;
	float *x;
	float *y;
	float *user_bias;
	float *item_bias;
	float *prior;
	double *value; /* [d], of the side that was prepared last */
	void *scratch;
} World;

static size_t
greatest(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* world_rows draws the interactions; the first user has them all. */
static void
world_rows(World *w, RkRng *rng, double weight_scale)
{
	size_t most = w->n_users * w->n_items + 1;
	uint64_t *offset = unit_alloc((w->n_users + 1) * sizeof(uint64_t));
	uint32_t *index = unit_alloc(most * sizeof(uint32_t));
	float *weight = unit_alloc(most * sizeof(float));
	float *target = unit_alloc(most * sizeof(float));
	size_t nnz = 0;

	for (size_t u = 0; u < w->n_users; u++)
	{
		double density = u == 0 ? 1.0 : u % 6 == 5 ? 0.0 : 0.6 * pow((double) (u % 7 + 1) / 7.0, 4.0);

		offset[u] = nnz;
		for (size_t i = 0; i < w->n_items; i++)
			if (i % 9 != 4 && rk_rng_uniform(rng) < density)
			{
				index[nnz] = (uint32_t) i;
				weight[nnz] = nnz % 11 == 0 ? 0.0f : (float) (weight_scale * (0.2 + rk_rng_uniform(rng)));
				target[nnz] = (float) rk_rng_normal(rng) + 1.0f;
				nnz++;
			}
	}
	offset[w->n_users] = nnz;
	w->by_user = (RkCsr){w->n_users, w->n_items, offset, index, weight, target};
	CHECK(rk_csr_validate(&w->by_user, nnz, NULL) == RK_OK);
}

static World
world_make(uint64_t seed, size_t n_users, size_t n_items, size_t d, double weight_scale)
{
	World w = {.n_users = n_users, .n_items = n_items, .d = d};
	size_t nnz;
	uint64_t *offset;
	uint32_t *index;
	float *weight;
	float *target;
	RkRng rng;

	rk_rng_seed(&rng, seed);
	world_rows(&w, &rng, weight_scale);
	nnz = rk_csr_nnz(&w.by_user);
	offset = unit_alloc((n_items + 1) * sizeof(uint64_t));
	index = unit_alloc(nnz * sizeof(uint32_t));
	weight = unit_alloc(nnz * sizeof(float));
	target = unit_alloc(nnz * sizeof(float));
	CHECK(rk_csr_transpose(&w.by_user, offset, index, weight, target, NULL) == RK_OK);
	w.by_item = (RkCsr){n_items, n_users, offset, index, weight, target};

	w.x = unit_floats(seed + 1, n_users * d, 0.3f);
	w.y = unit_floats(seed + 2, n_items * d, 0.3f);
	w.user_bias = unit_floats(seed + 3, n_users, 0.3f);
	w.item_bias = unit_floats(seed + 4, n_items, 0.3f);
	w.prior = unit_floats(seed + 5, greatest(n_users, n_items) * d, 0.3f);
	w.value = unit_alloc(d * sizeof(double));
	w.scratch = unit_alloc(greatest(greatest(rk_als_scratch_bytes(d), rk_eigh_scratch_bytes(d)),
									greatest(rk_gram_scratch_bytes(d), rk_rotate_scratch_bytes(d))));
	return w;
}

static void
world_free(World *w)
{
	const RkCsr *csr[2] = {&w->by_user, &w->by_item};

	for (int c = 0; c < 2; c++)
	{
		free((void *) csr[c]->offset);
		free((void *) csr[c]->index);
		free((void *) csr[c]->weight);
		free((void *) csr[c]->target);
	}
	free(w->x);
	free(w->y);
	free(w->user_bias);
	free(w->item_bias);
	free(w->prior);
	free(w->value);
	free(w->scratch);
}

/* world_prepare rotates factor [n x d] so that its Gram matrix is diagonal, for side to be solved; it tells whether that was wide. */
static bool
world_prepare(World *w, float *factor, size_t n, const RkAlsSide *side)
{
	size_t d = w->d;
	double *gram = unit_alloc(d * d * sizeof(double));
	float *vector = unit_alloc(d * d * sizeof(float));
	bool wide = false;

	for (;;)
	{
		memset(gram, 0, d * d * sizeof(double));
		CHECK(rk_gram_range(factor, 0, n, d, wide, gram, w->scratch, NULL) == RK_OK);
		CHECK(rk_eigh_gram(d, gram, w->value, w->scratch, NULL) == RK_OK);
		if (wide || !rk_als_wants_wide(side, w->value))
			break;
		wide = true;
	}
	for (size_t k = 0; k < d * d; k++)
		vector[k] = (float) gram[k];
	CHECK(rk_rotate_range(factor, 0, n, d, vector, w->scratch, NULL) == RK_OK);
	free(gram);
	free(vector);
	return wide;
}

/* reference_row solves one row in double with the solver of serving. */
static void
reference_row(const RkAlsSide *side, const RkAlsOther *other, size_t row, double *x)
{
	size_t n = rk_csr_count(&side->rows, row);
	size_t first = (size_t) side->rows.offset[row];
	size_t d = side->d;
	size_t columns = side->bias ? d + 1 : d;
	double lambda = rk_als_lambda(side, n);
	float *y = unit_alloc(n * columns * sizeof(float));
	double *number = unit_alloc((3 * n + 3 * columns) * sizeof(double));
	double *weight = number;
	double *target = weight + n;
	double *diagonal = target + n;
	double *start = diagonal + columns;
	double *tmp = start + columns;
	void *scratch = unit_alloc(rk_fold_scratch_bytes(n, columns));
	RkFoldSystem system = {n, columns, y, columns, diagonal, weight};
	RkFold fold;

	for (size_t k = 0; k < columns; k++)
	{
		diagonal[k] = lambda + (k < d ? side->alpha0 * other->eigenvalue[k] : 0.0);
		start[k] =
			side->prior != NULL && k < d ? lambda * (double) side->prior[row * d + k] / diagonal[k] : 0.0;
	}
	for (size_t j = 0; j < n; j++)
	{
		size_t column = side->rows.index[first + j];

		memcpy(y + j * columns, other->factor + column * d, d * sizeof(float));
		weight[j] = (double) side->rows.weight[first + j];
		target[j] = (double) side->rows.target[first + j];
		if (side->bias)
		{
			y[j * columns + d] = 1.0f;
			target[j] -= side->mean + (double) other->bias[column];
		}
	}
	CHECK(rk_fold_factor(&system, scratch, &fold, NULL) == RK_OK);
	rk_fold_user(&fold, target, start, x, tmp);
	free(y);
	free(number);
	free(scratch);
}

/* eliminate replaces x by A^-1 x: A [n x n] is symmetric and positive definite, so no pivots are needed. */
static void
eliminate(double *a, size_t n, double *x)
{
	for (size_t k = 0; k < n; k++)
		for (size_t i = k + 1; i < n; i++)
		{
			double part = a[i * n + k] / a[k * n + k];

			for (size_t l = k; l < n; l++)
				a[i * n + l] -= part * a[k * n + l];
			x[i] -= part * x[k];
		}
	for (size_t k = n; k-- > 0;)
	{
		for (size_t l = k + 1; l < n; l++)
			x[k] -= a[k * n + l] * x[l];
		x[k] /= a[k * n + k];
	}
}

/* brute_row solves A x = b + lambda_u p by elimination. */
static void
brute_row(const RkAlsSide *side, const RkAlsOther *other, size_t row, double *x)
{
	size_t d = side->d;
	size_t columns = side->bias ? d + 1 : d;
	double lambda = rk_als_lambda(side, rk_csr_count(&side->rows, row));
	double *a = unit_alloc(columns * columns * sizeof(double));
	double *y = unit_alloc(columns * sizeof(double));

	memset(a, 0, columns * columns * sizeof(double));
	for (size_t k = 0; k < columns; k++)
	{
		a[k * columns + k] = lambda + (k < d ? side->alpha0 * other->eigenvalue[k] : 0.0);
		x[k] = k < d ? lambda * (double) side->prior[row * d + k] : 0.0;
	}
	for (uint64_t e = side->rows.offset[row]; e < side->rows.offset[row + 1]; e++)
	{
		double weight = (double) side->rows.weight[e];
		double target = (double) side->rows.target[e];

		for (size_t k = 0; k < columns; k++)
			y[k] = k < d ? (double) other->factor[side->rows.index[e] * d + k] : 1.0;
		if (side->bias)
			target -= side->mean + (double) other->bias[side->rows.index[e]];
		for (size_t k = 0; k < columns; k++)
		{
			x[k] += weight * target * y[k];
			for (size_t l = 0; l < columns; l++)
				a[k * columns + l] += weight * y[k] * y[l];
		}
	}
	eliminate(a, columns, x);
	free(a);
	free(y);
}

/* check_rows compares every row with the reference on the scale of the row. */
static void
check_rows(const RkAlsSide *side, const RkAlsOther *other, const float *factor, const float *bias,
		   double tolerance)
{
	double *x = unit_alloc((side->d + 1) * sizeof(double));
	double worst = 0.0;
	size_t zeros = 0;
	size_t empty = 0;

	for (size_t i = 0; i < side->rows.n_rows; i++)
	{
		double error = 0.0;
		double scale = 0.0;

		if (rk_csr_count(&side->rows, i) == 0)
		{
			empty += side->d;
			for (size_t k = 0; k < side->d; k++)
				zeros += factor[i * side->d + k] == 0.0f;
			continue;
		}
		reference_row(side, other, i, x);
		for (size_t k = 0; k < side->d; k++)
		{
			error = fmax(error, fabs(x[k] - (double) factor[i * side->d + k]));
			scale = fmax(scale, fabs(x[k]));
		}
		if (side->bias)
			error = fmax(error, fabs(x[side->d] - (double) bias[i]));
		worst = fmax(worst, error / fmax(scale, 1e-30));
	}
	CHECK(zeros == empty);
	CHECK_NEAR(worst, 0.0, tolerance);
	free(x);
}

/* loss_naive evaluates the loss of als.h, both sides, from its definition. */
static double
loss_naive(const RkAlsSide *users, const RkAlsSide *items, const float *x, const float *y,
		   const float *user_bias, const float *item_bias)
{
	size_t d = users->d;
	double total = 0.0;

	for (size_t u = 0; u < users->rows.n_rows; u++)
	{
		uint64_t e = users->rows.offset[u];

		for (size_t i = 0; i < users->rows.n_cols; i++)
		{
			double dot = 0.0;
			double residual;

			for (size_t k = 0; k < d; k++)
				dot += (double) x[u * d + k] * (double) y[i * d + k];
			total += users->alpha0 * dot * dot;
			if (e >= users->rows.offset[u + 1] || users->rows.index[e] != i)
				continue;
			residual = (double) users->rows.target[e] - dot;
			if (users->bias)
				residual -= users->mean + (double) user_bias[u] + (double) item_bias[i];
			total += (double) users->rows.weight[e++] * residual * residual;
		}
	}
	return total + rk_als_ridge_range(users, 0, users->rows.n_rows, x, user_bias) +
		   rk_als_ridge_range(items, 0, items->rows.n_rows, y, item_bias);
}

/* The two sides of a world with one set of options. */
static void
world_sides(const World *w, double alpha0, double lambda, bool bias, RkAlsSide *users, RkAlsSide *items)
{
	*users = (RkAlsSide){.rows = w->by_user,
						 .d = w->d,
						 .alpha0 = alpha0,
						 .lambda = lambda,
						 .nu = 0.7,
						 .n_other = w->n_items,
						 .bias = bias,
						 .mean = bias ? 0.9 : 0.0};
	*items = *users;
	items->rows = w->by_item;
	items->n_other = w->n_users;
}

/* Four half-sweeps: rows match, the loss matches its definition and falls. */
static void
test_sweeps(size_t d, double alpha0, double lambda, bool bias, double weight_scale, double tolerance)
{
	World w = world_make(70 + d, 60, 90, d, weight_scale);
	double before = INFINITY;
	RkAlsSide side[2];
	float *factor[2] = {w.x, w.y};
	float *offset[2] = {bias ? w.user_bias : NULL, bias ? w.item_bias : NULL};

	world_sides(&w, alpha0, lambda, bias, &side[0], &side[1]);
	for (size_t i = 0; i < w.n_items; i++)
		if (rk_csr_count(&w.by_item, i) == 0)
			memset(w.y + i * d, 0, d * sizeof(float));
	for (int half = 0; half < 4; half++)
	{
		int s = half % 2;
		RkAlsOther other;
		double loss;
		double total;

		(void) world_prepare(&w, factor[1 - s], side[s].rows.n_cols, &side[s]);
		other = (RkAlsOther){factor[1 - s], offset[1 - s], w.value};
		CHECK(rk_als_solve_range(&side[s], &other, 0, side[s].rows.n_rows, factor[s], offset[s], &loss, NULL,
								 w.scratch, NULL) == RK_OK);
		check_rows(&side[s], &other, factor[s], offset[s], tolerance);
		total =
			loss + rk_als_ridge_range(&side[1 - s], 0, side[1 - s].rows.n_rows, factor[1 - s], offset[1 - s]);
		CHECK_NEAR(total / loss_naive(&side[0], &side[1], w.x, w.y, offset[0], offset[1]), 1.0, 2e-5);
		CHECK(total <= before * (1.0 + 1e-5));
		before = total;
	}
	world_free(&w);
}

/*
 * Prior means, in both forms: every row is the solution of its system, those without entries too, the loss is
 * what its definition says, and a prior mean of zeros changes nothing.
 */
static void
test_prior(size_t d, double alpha0, double lambda, bool bias, double weight_scale, double tolerance)
{
	World w = world_make(5, 40, 70, d, weight_scale);
	float *again = unit_alloc(w.n_users * d * sizeof(float));
	double *x = unit_alloc((d + 1) * sizeof(double));
	double worst = 0.0;
	size_t without = 0;
	float *user_bias = bias ? w.user_bias : NULL;
	float *item_bias = bias ? w.item_bias : NULL;
	RkAlsSide users;
	RkAlsSide items;
	RkAlsOther other;
	double loss;
	double ridge;

	world_sides(&w, alpha0, lambda, bias, &users, &items);
	(void) world_prepare(&w, w.y, w.n_items, &users);
	other = (RkAlsOther){w.y, item_bias, w.value};
	users.prior = w.prior;
	CHECK(rk_als_solve_range(&users, &other, 0, w.n_users, w.x, user_bias, &loss, NULL, w.scratch, NULL) ==
		  RK_OK);
	for (size_t u = 0; u < w.n_users; u++)
	{
		double error = 0.0;
		double scale = 0.0;

		without += rk_csr_count(&w.by_user, u) == 0;
		brute_row(&users, &other, u, x);
		for (size_t k = 0; k < d; k++)
		{
			error = fmax(error, fabs(x[k] - (double) w.x[u * d + k]));
			scale = fmax(scale, fabs(x[k]));
		}
		if (bias)
			error = fmax(error, fabs(x[d] - (double) w.user_bias[u]));
		worst = fmax(worst, error / scale);
	}
	CHECK(without > 0);
	CHECK_NEAR(worst, 0.0, tolerance);
	ridge = rk_als_ridge_range(&items, 0, w.n_items, w.y, item_bias);
	CHECK_NEAR((loss + ridge) / loss_naive(&users, &items, w.x, w.y, user_bias, item_bias), 1.0, 2e-5);

	memset(w.prior, 0, w.n_users * d * sizeof(float));
	CHECK(rk_als_solve_range(&users, &other, 0, w.n_users, w.x, NULL, NULL, NULL, w.scratch, NULL) == RK_OK);
	users.prior = NULL;
	CHECK(rk_als_solve_range(&users, &other, 0, w.n_users, again, NULL, NULL, NULL, w.scratch, NULL) ==
		  RK_OK);
	worst = 0.0;
	for (size_t k = 0; k < w.n_users * d; k++)
		worst = fmax(worst, fabs((double) w.x[k] - (double) again[k]));
	CHECK_NEAR(worst, 0.0, 1e-5);
	world_free(&w);
	free(again);
	free(x);
}

/* A row without entries and without any weight on its vector gets its prior mean. */
static void
test_prior_alone(void)
{
	World w = world_make(5, 12, 30, 8, 1.0);
	RkAlsSide users;
	RkAlsSide items;
	RkAlsOther other;

	world_sides(&w, 0.0, 0.2, true, &users, &items);
	(void) world_prepare(&w, w.y, w.n_items, &users);
	other = (RkAlsOther){w.y, w.item_bias, w.value};
	users.prior = w.prior;
	CHECK(rk_csr_count(&w.by_user, 5) == 0 && rk_als_lambda(&users, 0) == 0.0);
	CHECK(rk_als_solve_range(&users, &other, 0, 12, w.x, w.user_bias, NULL, NULL, w.scratch, NULL) == RK_OK);
	CHECK(memcmp(w.x + 5 * 8, w.prior + 5 * 8, 8 * sizeof(float)) == 0 && w.user_bias[5] == 0.0f);
	world_free(&w);
}

/* The same rows in ranges of other sizes, in another order, in other scratch. */
static void
test_ranges(size_t d, bool bias)
{
	World w = world_make(33, 61, 83, d, 1.0);
	RkAlsSide users;
	RkAlsSide items;
	RkAlsOther other;
	size_t bytes = w.n_users * d * sizeof(float);
	float *again = unit_alloc(bytes);
	float *again_bias = unit_alloc(w.n_users * sizeof(float));
	const size_t cut[] = {61, 40, 39, 7, 0};
	void *scratch = unit_alloc(rk_als_scratch_bytes(d));

	world_sides(&w, bias ? 0.0 : 0.3, 0.1, bias, &users, &items);
	(void) world_prepare(&w, w.y, w.n_items, &users);
	other = (RkAlsOther){w.y, w.item_bias, w.value};
	CHECK(rk_als_solve_range(&users, &other, 0, w.n_users, w.x, w.user_bias, NULL, NULL, w.scratch, NULL) ==
		  RK_OK);
	for (size_t c = 0; c + 1 < sizeof(cut) / sizeof(cut[0]); c++)
		CHECK(rk_als_solve_range(&users, &other, cut[c + 1], cut[c], again, again_bias, NULL, NULL, scratch,
								 NULL) == RK_OK);
	CHECK(memcmp(w.x, again, bytes) == 0);
	CHECK(!bias || memcmp(w.user_bias, again_bias, w.n_users * sizeof(float)) == 0);
	world_free(&w);
	free(again);
	free(again_bias);
	free(scratch);
}

/* Rows of 1, 2, 3 ... entries, so that every size on both sides of d occurs. */
static void
test_counts(size_t d, bool bias)
{
	size_t n = d + 40;
	size_t nnz = n * (n + 1) / 2;
	uint64_t *offset = unit_alloc((n + 1) * sizeof(uint64_t));
	uint32_t *index = unit_alloc(nnz * sizeof(uint32_t));
	float *weight = unit_floats(51, nnz, 1.0f);
	float *target = unit_floats(52, nnz, 1.0f);
	float *y = unit_floats(53, n * d, 0.3f);
	float *y_bias = unit_floats(54, n, 0.3f);
	float *x = unit_alloc(n * d * sizeof(float));
	float *x_bias = unit_alloc(n * sizeof(float));
	double *value = unit_alloc(d * sizeof(double));
	void *scratch = unit_alloc(rk_als_scratch_bytes(d));
	RkAlsSide side = {.rows = {n, n, offset, index, weight, target},
					  .d = d,
					  .alpha0 = 0.2,
					  .lambda = 0.3,
					  .nu = 0.5,
					  .n_other = n,
					  .bias = bias,
					  .mean = 0.4};
	RkAlsOther other = {y, y_bias, value};

	for (size_t u = 0; u <= n; u++)
		offset[u] = u * (u + 1) / 2;
	for (size_t u = 0; u < n; u++)
		for (size_t j = 0; j <= u; j++)
			index[offset[u] + j] = (uint32_t) (n - 1 - u + j);
	for (size_t k = 0; k < nnz; k++)
		weight[k] = k % 2 == 0 ? 1.0f : fabsf(weight[k]);
	for (size_t k = 0; k < d; k++)
		value[k] = 10.0 / (double) (k + 1);
	CHECK(rk_als_solve_range(&side, &other, 0, n, x, bias ? x_bias : NULL, NULL, NULL, scratch, NULL) ==
		  RK_OK);
	check_rows(&side, &other, x, x_bias, 2e-4);
	free(offset);
	free(index);
	free(weight);
	free(target);
	free(y);
	free(y_bias);
	free(x);
	free(x_bias);
	free(value);
	free(scratch);
}

/*
 * gram_error gives the greatest error of an element of the upper triangle of a Gram matrix, as a multiple of its bound: what
 * als.h promises, made sharp by the partial sums themselves.  Each of rounding "unit" is at most unit times the
 * absolute value of the product, or of the partial sum of its chunk; chunks and slabs are added in double.
 */
static double
gram_error(const float *y, const double *gram, size_t n, size_t d, const size_t *slab, double unit)
{
	double worst = 0.0;

	for (size_t i = 0; i < d; i++)
		for (size_t k = i; k < d; k++)
		{
			double sum = 0.0;
			double size = 0.0;
			double bound = 0.0;
			double part = 0.0;

			for (size_t r = 0, s = 0; r < n; r++)
			{
				double product = (double) y[r * d + i] * (double) y[r * d + k];

				s += r == slab[s + 1];
				part = (r - slab[s]) % RK_GRAM_CHUNK == 0 ? product : part + product;
				sum += product;
				size += fabs(product);
				bound += unit * (fabs(product) + fabs(part) * (1.0 + 1e-3));
			}
			worst = fmax(worst, fabs(sum - gram[i * d + k]) / (bound + 0x1p-52 * (double) n * size));
		}
	return worst;
}

/*
 * Gram matrices over slabs: within the bound, in float32 and wide, and exact where float32 is, so that no other error hides
 * below the bound.
 */
static void
test_gram(size_t n, size_t d)
{
	float *y = unit_floats(1, n * d, 1.0f);
	double *gram = unit_alloc(d * d * sizeof(double));
	double *slab = unit_alloc(d * d * sizeof(double));
	void *scratch = unit_alloc(rk_gram_scratch_bytes(d));
	size_t slabs[4] = {0, n / 3, n, SIZE_MAX};

	for (int round = 0; round < 3; round++)
	{
		bool wide = round == 1;
		bool whole = round == 2;

		for (size_t k = 0; whole && k < n * d; k++)
			y[k] = roundf(fminf(fmaxf(30.0f * y[k], -127.0f), 127.0f));
		memset(gram, 0, d * d * sizeof(double));
		memset(slab, 0, d * d * sizeof(double));
		CHECK(rk_gram_range(y, 0, n / 3, d, wide, gram, scratch, NULL) == RK_OK);
		CHECK(rk_gram_range(y, n / 3, n, d, wide, slab, scratch, NULL) == RK_OK);
		CHECK(rk_gram_range(y, n, n, d, wide, slab, scratch, NULL) == RK_OK);
		rk_gram_add(d, slab, gram);
		CHECK(gram_error(y, gram, n, d, slabs, wide || whole ? 0.0 : 0x1p-24) <= (whole ? 0.0 : 1.0));
	}
	free(y);
	free(gram);
	free(slab);
	free(scratch);
}

/* Rotations against loops; any ranges of a rotation. */
static void
test_rotation(size_t n, size_t d)
{
	float *y = unit_floats(1, n * d, 1.0f);
	float *copy = unit_floats(1, n * d, 1.0f);
	float *split = unit_floats(1, n * d, 1.0f);
	float *vector = unit_floats(2, d * d, 1.0f);
	void *scratch = unit_alloc(rk_rotate_scratch_bytes(d));
	double worst = 0.0;

	CHECK(rk_rotate_range(y, 0, n, d, vector, scratch, NULL) == RK_OK);
	for (size_t r = 0; r < n; r++)
		for (size_t k = 0; k < d; k++)
			worst = fmax(worst, fabs(rk_dot_ff(vector + k * d, copy + r * d, d) - (double) y[r * d + k]));
	CHECK_NEAR(worst, 0.0, 1e-5 * (double) d);
	for (size_t last = n; last > 0; last = last * 2 / 3)
		CHECK(rk_rotate_range(split, last * 2 / 3, last, d, vector, scratch, NULL) == RK_OK);
	CHECK(memcmp(split, y, n * d * sizeof(float)) == 0);
	free(y);
	free(copy);
	free(split);
	free(vector);
	free(scratch);
}

/* decaying_factors makes the columns of factors [n x d] fall off by so many powers of ten, and mixes them by a reflection. */
static void
decaying_factors(float *y, size_t n, size_t d, double powers)
{
	float *mirror = unit_floats(3, d, 1.0f);
	double square = rk_dot_ff(mirror, mirror, d);

	for (size_t i = 0; i < n; i++)
	{
		double along;

		for (size_t k = 0; k < d; k++)
			y[i * d + k] *= (float) pow(10.0, -powers * (double) k / (double) (d - 1));
		along = rk_dot_ff(mirror, y + i * d, d);
		for (size_t k = 0; k < d; k++)
			y[i * d + k] -= (float) (2.0 * along / square * (double) mirror[k]);
	}
	free(mirror);
}

/* brute_scores gives the scores of a row for all opposite rows y, from its system in any basis: gram is Y^T Y, [d x d]. */
static void
brute_scores(const RkAlsSide *side, const double *gram, const float *y, size_t row, double *score)
{
	size_t d = side->d;
	double *a = unit_alloc(d * d * sizeof(double));
	double *x = unit_alloc(d * sizeof(double));

	memset(x, 0, d * sizeof(double));
	for (size_t k = 0; k < d * d; k++)
		a[k] = side->alpha0 * gram[k];
	for (size_t k = 0; k < d; k++)
		a[k * d + k] += rk_als_lambda(side, rk_csr_count(&side->rows, row));
	for (uint64_t e = side->rows.offset[row]; e < side->rows.offset[row + 1]; e++)
	{
		const float *of = y + side->rows.index[e] * d;
		double weight = (double) side->rows.weight[e];

		for (size_t k = 0; k < d; k++)
		{
			x[k] += weight * (double) side->rows.target[e] * (double) of[k];
			for (size_t l = 0; l < d; l++)
				a[k * d + l] += weight * (double) of[k] * (double) of[l];
		}
	}
	eliminate(a, d, x);
	for (size_t i = 0; i < side->rows.n_cols; i++)
		score[i] = rk_dot(x, y + i * d, d);
	free(a);
	free(x);
}

/* worst_scores compares the scores of all rows with those of brute_scores, on the scale of the row's greatest. */
static double
worst_scores(const World *w, const RkAlsSide *side, const float *before)
{
	size_t d = w->d;
	double *gram = unit_alloc(d * d * sizeof(double));
	double *score = unit_alloc(w->n_items * sizeof(double));
	double worst = 0.0;

	memset(gram, 0, d * d * sizeof(double));
	for (size_t i = 0; i < w->n_items; i++)
		for (size_t k = 0; k < d * d; k++)
			gram[k] += (double) before[i * d + k / d] * (double) before[i * d + k % d];
	for (size_t u = 0; u < w->n_users; u++)
	{
		double error = 0.0;
		double scale = 0.0;

		if (rk_csr_count(&side->rows, u) == 0)
			continue;
		brute_scores(side, gram, before, u, score);
		for (size_t i = 0; i < w->n_items; i++)
		{
			error = fmax(error, fabs(score[i] - rk_dot_ff(w->x + u * d, w->y + i * d, d)));
			scale = fmax(scale, fabs(score[i]));
		}
		worst = fmax(worst, error / scale);
	}
	free(gram);
	free(score);
	return worst;
}

/*
 * A whole half-sweep, Gram matrix and rotation included, where the Gram matrix is nearly singular: scores are those of double
 * arithmetic, because it is summed wide where that is wanted.
 */
static void
test_condition(size_t d, size_t n_items, double powers, double alpha0, double lambda, bool wide)
{
	World w = world_make(70 + d, 40, n_items, d, 1.0);
	float *before = unit_floats(1, n_items * d, 0.0f);
	RkAlsSide users;
	RkAlsSide items;
	RkAlsOther other = {w.y, NULL, w.value};

	world_sides(&w, alpha0, lambda, false, &users, &items);
	decaying_factors(w.y, n_items, d, powers);
	memcpy(before, w.y, n_items * d * sizeof(float));
	CHECK(world_prepare(&w, w.y, n_items, &users) == wide);
	CHECK(rk_als_solve_range(&users, &other, 0, w.n_users, w.x, NULL, NULL, NULL, w.scratch, NULL) == RK_OK);
	CHECK_NEAR(worst_scores(&w, &users, before), 0.0, 3e-4);
	world_free(&w);
	free(before);
}

static void
test_init_row(void)
{
	float a[4096];
	float b[4096];
	double square = 0.0;
	double sum = 0.0;
	double product = 0.0;

	rk_als_init_row(1, 2, 4096, a);
	rk_als_init_row(1, 2, 4096, b);
	CHECK(memcmp(a, b, sizeof(a)) == 0);
	rk_als_init_row(2, 2, 4096, b);
	CHECK(memcmp(a, b, sizeof(a)) != 0);
	for (int k = 0; k < 4096; k++)
	{
		square += (double) a[k] * (double) a[k];
		sum += (double) a[k];
		product += (double) a[k] * (double) b[k];
	}
	CHECK_NEAR(square, 0.01, 1e-6);
	CHECK_NEAR(sum / 6.4, 0.0, 0.05);
	CHECK_NEAR(product, 0.0, 0.0005);
}

/* Degrees and one multiplication against loops, whatever the ranges; whitened columns are orthonormal. */
static void
test_guess(size_t d)
{
	World w = world_make(77, 60, 400, d, 1.0);
	RkAlsSide side = {.rows = w.by_user, .d = d};
	RkAlsOther other = {w.y, NULL, NULL};
	float *degree = unit_alloc(w.n_users * sizeof(float));
	float *other_degree = unit_alloc(w.n_items * sizeof(float));
	float *again = unit_alloc(w.n_users * d * sizeof(float));
	float *map = unit_alloc(d * d * sizeof(float));
	double *gram = unit_alloc(d * d * sizeof(double));
	double worst = 0.0;

	CHECK(rk_als_degree_range(&w.by_user, 0, 7, degree, NULL) == RK_OK);
	CHECK(rk_als_degree_range(&w.by_user, 7, w.n_users, degree, NULL) == RK_OK);
	CHECK(rk_als_degree_range(&w.by_item, 0, w.n_items, other_degree, NULL) == RK_OK);
	CHECK(rk_als_spread_range(&side, &other, degree, other_degree, 0, w.n_users, w.x, w.scratch, NULL) ==
		  RK_OK);
	CHECK(rk_als_spread_range(&side, &other, degree, other_degree, 21, w.n_users, again, w.scratch, NULL) ==
		  RK_OK);
	CHECK(rk_als_spread_range(&side, &other, degree, other_degree, 0, 21, again, w.scratch, NULL) == RK_OK);
	CHECK(memcmp(w.x, again, w.n_users * d * sizeof(float)) == 0);
	for (size_t u = 0; u < w.n_users; u++)
	{
		double sum = 0.0;

		for (size_t e = w.by_user.offset[u]; e < w.by_user.offset[u + 1]; e++)
			sum += fabs((double) w.by_user.weight[e] * (double) w.by_user.target[e]);
		worst = fmax(worst, fabs((double) degree[u] - (sum > 0.0 ? 1.0 / sqrt(sum) : 0.0)));
		for (size_t k = 0; k < d; k++)
		{
			double x = 0.0;

			for (size_t e = w.by_user.offset[u]; e < w.by_user.offset[u + 1]; e++)
				x += (double) degree[u] * (double) other_degree[w.by_user.index[e]] *
					 (double) w.by_user.weight[e] * (double) w.by_user.target[e] *
					 (double) w.y[w.by_user.index[e] * d + k];
			worst = fmax(worst, fabs(x - (double) w.x[u * d + k]));
		}
	}
	CHECK_NEAR(worst, 0.0, 1e-5);

	for (int last = 0; last < 2; last++)
	{
		double off = 0.0;
		double trace = 0.0;

		memset(gram, 0, d * d * sizeof(double));
		CHECK(rk_gram_range(w.y, 0, w.n_items, d, false, gram, w.scratch, NULL) == RK_OK);
		CHECK(rk_eigh_gram(d, gram, w.value, w.scratch, NULL) == RK_OK);
		CHECK(rk_als_whiten(d, gram, w.value, last == 1 ? 3.0 : 0.0, map));
		CHECK(rk_rotate_range(w.y, 0, w.n_items, d, map, w.scratch, NULL) == RK_OK);
		memset(gram, 0, d * d * sizeof(double));
		CHECK(rk_gram_range(w.y, 0, w.n_items, d, false, gram, w.scratch, NULL) == RK_OK);
		for (size_t i = 0; i < d; i++)
		{
			trace += gram[i * d + i];
			for (size_t k = i + 1; k < d; k++)
				off = fmax(off, fabs(gram[i * d + k]));
		}
		CHECK_NEAR(trace, last == 1 ? 9.0 : (double) d, 1e-4 * (double) d);
		CHECK_NEAR(off, 0.0, 1e-5);
	}
	memset(w.value, 0, d * sizeof(double));
	CHECK(!rk_als_whiten(d, gram, w.value, 0.0, map));
	world_free(&w);
	free(degree);
	free(other_degree);
	free(again);
	free(map);
	free(gram);
}

/* A system without a factor names its row; a poll stops the range. */
static void
test_failures(void)
{
	World w = world_make(9, 20, 30, 8, 1.0);
	RkAlsSide users;
	RkAlsSide items;
	RkAlsOther other;
	size_t bad_row = 99;
	int left = 0;
	RkPoll poll = {unit_cancel_after, &left};

	world_sides(&w, 0.1, 0.2, false, &users, &items);
	(void) world_prepare(&w, w.y, w.n_items, &users);
	other = (RkAlsOther){w.y, NULL, w.value};
	w.y[8 * w.by_user.index[w.by_user.offset[3]]] = NAN;
	CHECK(rk_als_solve_range(&users, &other, 1, 20, w.x, NULL, NULL, &bad_row, w.scratch, NULL) != RK_OK);
	CHECK(bad_row < 20);
	world_free(&w);

	w = world_make(9, 20, 700, 300, 1.0);
	world_sides(&w, 0.1, 0.2, false, &users, &items);
	memset(w.value, 0, 300 * sizeof(double));
	other = (RkAlsOther){w.y, NULL, w.value};
	CHECK(rk_als_solve_range(&users, &other, 0, 20, w.x, NULL, NULL, &bad_row, w.scratch, &poll) ==
		  RK_CANCELLED);
	world_free(&w);
}

int
main(void)
{
	test_gram(700, 20);
	test_rotation(700, 20);
	test_gram(30, 64);
	test_rotation(30, 64);
	test_gram(256, 1);
	test_rotation(256, 1);
	test_gram(3000, 33);
	test_rotation(3000, 33);
	test_gram(300, 600);
	test_rotation(300, 600);
	test_condition(30, 3000, 0.0, 0.1, 1e-8, false);
	test_condition(30, 3000, 3.0, 0.1, 1e-2, false);
	test_condition(30, 3000, 3.0, 0.1, 1e-9, true);
	test_condition(30, 3000, 5.0, 1e-3, 1e-9, true);
	test_condition(30, 3000, 3.0, 1e-9, 1e-4, false);
	test_condition(30, 3000, 3.0, 0.0, 1e-6, false);
	test_condition(200, 600, 5.0, 1e-3, 1e-9, true);
	test_init_row();
	test_sweeps(4, 0.2, 0.5, false, 1.0, 3e-4);
	test_sweeps(20, 0.2, 0.1, false, 1.0, 3e-4);
	test_sweeps(33, 0.05, 0.02, false, 10.0, 3e-4);
	test_sweeps(100, 0.2, 0.1, false, 1.0, 3e-4);
	test_sweeps(20, 0.0, 1e-6, false, 10.0, 1e-6);
	test_sweeps(64, 0.0, 1e-6, false, 10.0, 1e-6);
	test_sweeps(16, 0.0, 0.1, true, 1.0, 3e-4);
	test_sweeps(64, 0.0, 0.05, true, 1.0, 3e-4);
	test_sweeps(64, 0.1, 0.05, true, 1.0, 3e-4);
	test_sweeps(1024, 0.1, 0.1, false, 1.0, 3e-4);
	test_prior(8, 0.1, 0.2, false, 1.0, 3e-4);
	test_prior(64, 0.1, 0.2, false, 1.0, 3e-4);
	test_prior(64, 1e-3, 1e-6, false, 10.0, 1e-6);
	test_prior(8, 0.1, 0.2, true, 1.0, 3e-4);
	test_prior(64, 0.1, 0.2, true, 1.0, 3e-4);
	test_prior(20, 1e-4, 1e-4, true, 10.0, 1e-6);
	test_prior_alone();
	test_counts(1, false);
	test_counts(15, true);
	test_counts(16, false);
	test_counts(17, true);
	test_counts(63, false);
	test_counts(64, true);
	test_ranges(24, false);
	test_ranges(24, true);
	test_ranges(37, false);
	test_ranges(64, true);
	test_ranges(100, false);
	test_guess(5);
	test_guess(64);
	test_failures();
	return unit_finish("als");
}
