/*
 * als_side.c
 *	  Matrix factorisation by alternating least squares: what attributes say of
 *	  factors.
 *
 * Users and items are drawn not towards zero but towards V g_u and W f_i, linear in what is known of them
 * (kernel/als.h, kernel/side.h).  The loss has both maps in it, so a sweep minimises over them too: whenever a
 * side has been solved, its map is fitted to the new factors, and the next time the side is solved it is drawn there.
 * Each of these steps is an exact minimum over its part, so the loss falls.
 *
 * Users are drawn only a part of the way to what the regression says, the pull.  For 0 < pull <= 1 that is a loss, too, lambda_u
 * (|x_u - V g_u|^2 + (1 / pull - 1) |V g_u|^2) for each user and the ridge 1 / pull as large, whose minimum over V is the solution of the regression times the
 * pull.  It matters because the intercept is what everybody likes: drawn all the way there, users with a history are given more of what is popular with
 * each sweep, and their lists get worse, unless their attributes say so much that it pays (als_choose.c finds out).  Who has no events is
 * given the same list with any pull: a prior mean half as long orders items no differently.
 *
 * Maps live in the space of the factors: whatever rotates factors rotates the rows of both maps (reco_als_side_rotate).
 *
 * Items without entries were exposed to nobody.  They are zeros while learning, so that they
 * are in no Gram matrix, they have no weight in the fit, and in the end they get what the map says (reco_als_side_complete).
 *
 * The matrix of the normal equations depends on the rows at hand alone, not on the factors, and is factored once for
 * them.  With very many columns there is none, and each fit searches from the map before.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"

#include "model/als_learner.h"
#include "storage/shmem.h"

/* The search for a map ends when the residual has fallen to this share, or after so many steps. */
#define SEARCH_ENOUGH 1e-5
#define SEARCH_STEPS 200

RkStatus
reco_als_task_side_gram(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	const AlsShared *shared = arg;
	const AlsAttributes *attributes = shared->target->attributes;

	return rk_side_gram(&attributes->problem, range, attributes->gram, poll);
}

RkStatus
reco_als_task_side_right(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	const AlsShared *shared = arg;
	const AlsAttributes *attributes = shared->target->attributes;

	return rk_side_right(&attributes->problem, shared->target->factor, range,
						 attributes->slab + range * attributes->slab_elements, scratch, poll);
}

RkStatus
reco_als_task_side_product(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	const AlsShared *shared = arg;
	const AlsAttributes *attributes = shared->target->attributes;

	return rk_side_product(&attributes->problem, attributes->search.p, range,
						   attributes->slab + range * attributes->slab_elements, scratch, poll);
}

RkStatus
reco_als_task_side_misfit(void *arg, size_t range, void *scratch, const RkPoll *poll)
{
	const AlsShared *shared = arg;
	AlsAttributes *attributes = shared->target->attributes;

	return rk_side_misfit(&attributes->problem, attributes->misfit_map, shared->target->factor, range,
						  &attributes->misfit[range], scratch, poll);
}

/* Arrays [q x d] of a search, its right side among them. */
#define SEARCH_MATRICES 5

Size
reco_als_side_bytes(size_t n_rows, size_t n_columns, size_t d)
{
	size_t q = n_columns + 1;
	Size map = mul_size(q, d);
	Size bytes = add_size(sizeof(AlsAttributes), mul_size(n_rows, sizeof(double)));

	bytes = add_size(bytes, mul_size(map, 3 * sizeof(float) + SEARCH_MATRICES * sizeof(double)));
	bytes = add_size(bytes, mul_size(map, RK_SIDE_SLABS * sizeof(double)));
	if (q <= RK_SIDE_DIRECT)
		bytes = add_size(bytes, mul_size(rk_side_gram_elements(q), sizeof(double)));
	bytes = add_size(bytes, mul_size(q + 4 * d, sizeof(double)));
	return add_size(bytes, 16 * RK_SCRATCH_ALIGN);
}

static double *
doubles(RecoArea *area, Size n)
{
	return reco_area_alloc(area, mul_size(n, sizeof(double)));
}

/* init_side makes what is known of one side. */
static void
init_side(AlsLearner *learner, AlsSide *side, const RkCsr *features)
{
	RecoArea *area = learner->input->area;
	size_t d = learner->shared->d;
	size_t q = features->n_cols + 1;
	AlsAttributes *attributes;

	if (features->n_cols == 0)
		return;
	side->attributes = attributes = reco_area_alloc(area, sizeof(AlsAttributes));
	memset(attributes, 0, sizeof(AlsAttributes));
	attributes->lambda = doubles(area, features->n_rows);
	attributes->pull = PULL_WHOLE;
	attributes->problem = (RkSide){.features = *features, .lambda = attributes->lambda, .d = d};
	attributes->map = reco_area_alloc(area, mul_size(mul_size(q, d), sizeof(float)));
	attributes->left = reco_area_alloc(area, mul_size(mul_size(q, d), sizeof(float)));
	attributes->step = reco_area_alloc(area, mul_size(mul_size(q, d), sizeof(float)));
	attributes->slab_elements = q * d;
	attributes->slab = doubles(area, RK_SIDE_SLABS * attributes->slab_elements);
	attributes->search.x = doubles(area, q * d);
	if (q <= RK_SIDE_DIRECT)
	{
		attributes->gram = doubles(area, rk_side_gram_elements(q));
		attributes->right = attributes->slab;
		return;
	}
	attributes->right = doubles(area, q * d);
	attributes->search.residual = doubles(area, q * d);
	attributes->search.p = doubles(area, q * d);
	attributes->search.product = doubles(area, q * d);
	attributes->search.diagonal = doubles(area, q);
	attributes->search.rho = doubles(area, d);
	attributes->search.size = doubles(area, d);
	attributes->search.work = doubles(area, 2 * d);
}

void
reco_als_side_init(AlsLearner *learner)
{
	init_side(learner, &learner->shared->users, &learner->input->attributes[RECO_SIDE_USER]);
	init_side(learner, &learner->shared->items, &learner->input->attributes[RECO_SIDE_ITEM]);
}

/* run_slabs runs a task on all slabs of a side and adds their first n elements to the sum. */
static void
run_slabs(AlsLearner *learner, AlsSide *side, AlsTask task, Size n, double *sum)
{
	const AlsAttributes *attributes = side->attributes;

	learner->shared->target = side;
	reco_als_run(learner, task, RK_SIDE_SLABS, false);
	memcpy(sum, attributes->slab, n * sizeof(double));
	for (size_t s = 1; s < RK_SIDE_SLABS; s++)
		rk_side_add(n, attributes->slab + s * attributes->slab_elements, sum);
}

/* weigh_rows sets lambda_u of every row, and the ridge. */
static void
weigh_rows(const AlsLearner *learner, AlsSide *side, const bool *known)
{
	AlsAttributes *attributes = side->attributes;
	RecoAlsOption ridge = side == &learner->shared->users ? ALS_USER_RIDGE : ALS_ATTRIBUTE_RIDGE;
	const RkCsr *rows = &side->problem.rows;
	double sum = 0;
	size_t n = 0;

	for (size_t r = 0; r < rows->n_rows; r++)
	{
		size_t entries = known == NULL || known[r] ? rk_csr_count(rows, r) : 0;

		if (r % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		attributes->lambda[r] = entries > 0 ? rk_als_lambda(&side->problem, entries) : 0;
		sum += attributes->lambda[r];
		n += entries > 0;
	}
	attributes->problem.ridge = learner->input->option[ridge].number * sum / (double) Max(n, 1);
}

void
reco_als_side_set(AlsLearner *learner, AlsSide *side, const bool *known)
{
	AlsAttributes *attributes = side->attributes;

	if (attributes == NULL)
		return;
	attributes->fitted = attributes->measured = false;
	weigh_rows(learner, side, known);
	if (attributes->gram != NULL)
	{
		learner->shared->target = side;
		reco_als_run(learner, TASK_SIDE_GRAM, rk_side_blocks(rk_side_columns(&attributes->problem)), false);
		reco_learn_check(rk_side_factor(&attributes->problem, attributes->gram, &reco_pool_poll));
	}
	else
		reco_learn_check(
			rk_side_diagonal(&attributes->problem, attributes->search.diagonal, &reco_pool_poll));
}

void
reco_als_side_pull(AlsLearner *learner, double pull)
{
	AlsSide *side[2] = {&learner->shared->users, &learner->shared->items};

	for (int s = 0; s < 2; s++)
		if (side[s]->attributes != NULL)
			side[s]->attributes->fitted = false;
	if (side[0]->attributes != NULL)
		side[0]->attributes->pull = pull;
}

void
reco_als_side_redraw(AlsSide *side, double pull)
{
	AlsAttributes *attributes = side->attributes;
	size_t n = rk_side_columns(&attributes->problem) * side->problem.d;

	for (size_t k = 0; k < n; k++)
		attributes->map[k] = (float) (attributes->map[k] * pull / attributes->pull);
	attributes->pull = pull;
}

/* search_map improves search.x, the map so far, by conjugate gradients. */
static void
search_map(AlsLearner *learner, AlsSide *side)
{
	AlsAttributes *attributes = side->attributes;
	RkSideSearch *search = &attributes->search;
	size_t n = rk_side_columns(&attributes->problem) * learner->shared->d;
	double residual;
	int steps = 0;

	memcpy(search->p, search->x, n * sizeof(double));
	run_slabs(learner, side, TASK_SIDE_PRODUCT, n, search->product);
	residual = rk_side_search_begin(&attributes->problem, search);
	for (; residual > SEARCH_ENOUGH && steps < SEARCH_STEPS; steps++)
	{
		run_slabs(learner, side, TASK_SIDE_PRODUCT, n, search->product);
		residual = rk_side_search_step(&attributes->problem, search);
	}
	ereport(DEBUG1, (errmsg_internal("map of %zu columns: residual %.2g after %d steps",
									 attributes->problem.features.n_cols, residual, steps)));
}

/* misfit sums lambda |y - W f|^2 for a map in the area, or lambda |y|^2 for none. */
static double
misfit(AlsLearner *learner, AlsSide *side, const float *map)
{
	AlsAttributes *attributes = side->attributes;
	double sum = 0;

	learner->shared->target = side;
	attributes->misfit_map = map;
	reco_als_run(learner, TASK_SIDE_MISFIT, RK_SIDE_SLABS, false);
	for (size_t s = 0; s < RK_SIDE_SLABS; s++)
		sum += attributes->misfit[s];
	return sum;
}

/*
 * measure says how well the solution W of the regression fits, without another look at the rows' attributes.  Where W is not exact, (G + ridge) W is
 * R less the residual.
 */
static void
measure(AlsLearner *learner, AlsSide *side, const double *solution)
{
	AlsAttributes *attributes = side->attributes;
	const RkSide *problem = &attributes->problem;
	const double *residual = attributes->search.residual;
	size_t last = problem->features.n_cols * problem->d;
	AlsFit fit = {.squares = misfit(learner, side, NULL)};
	double sum = 0;

	for (size_t k = 0; k < last + problem->d; k++)
	{
		fit.product += solution[k] * attributes->right[k];
		if (residual != NULL)
			fit.curved -= solution[k] * residual[k];
		if (k < last)
			fit.curved -= problem->ridge * solution[k] * solution[k];
	}
	fit.curved += fit.product;
	for (size_t r = 0; r < problem->features.n_rows; r++)
		sum += problem->lambda[r];
	for (size_t k = 0; k < problem->d; k++)
		fit.mean += attributes->right[last + k] * attributes->right[last + k] / Max(sum, DBL_MIN);
	attributes->fit = fit;
	attributes->measured = true;
}

/* misfit_of gives sum lambda |y - p W f|^2 for the solution W of the regression. */
static double
misfit_of(const AlsFit *fit, double p)
{
	return fit->squares - 2 * p * fit->product + p * p * fit->curved;
}

double
reco_als_side_misfit(AlsLearner *learner, AlsSide *side)
{
	const AlsAttributes *attributes = side->attributes;

	return attributes->measured ? misfit_of(&attributes->fit, attributes->pull)
								: misfit(learner, side, attributes->map);
}

void
reco_als_side_fit(AlsLearner *learner, AlsSide *side)
{
	AlsAttributes *attributes = side->attributes;
	double *map;
	size_t n;

	if (attributes == NULL)
		return;
	n = rk_side_columns(&attributes->problem) * learner->shared->d;
	map = attributes->search.x;
	if (attributes->gram != NULL)
	{
		run_slabs(learner, side, TASK_SIDE_RIGHT, n, map);
		memcpy(attributes->right, map, n * sizeof(double));
		reco_learn_check(rk_side_solve(&attributes->problem, attributes->gram, map, &reco_pool_poll));
	}
	else
	{
		for (size_t k = 0; k < n; k++)
			map[k] = attributes->fitted ? attributes->map[k] / attributes->pull : 0;
		run_slabs(learner, side, TASK_SIDE_RIGHT, n, attributes->right);
		memcpy(attributes->search.residual, attributes->right, n * sizeof(double));
		search_map(learner, side);
	}
	measure(learner, side, map);
	for (size_t k = 0; k < n; k++)
		attributes->map[k] = (float) (attributes->pull * map[k]);
	attributes->fitted = true;
}

/* The most of a step that the next one may be expected to be. */
#define MOST_ONWARD 0.5

void
reco_als_side_leave(AlsSide *side)
{
	AlsAttributes *attributes = side->attributes;

	memcpy(attributes->left, attributes->map,
		   rk_side_columns(&attributes->problem) * side->problem.d * sizeof(float));
}

/*
 * The steps of a linear iteration fall by a factor in the end, that of the slowest of its directions; the sum of those to come is then
 * factor / (1 - factor) times the last one (Aitken's method, for a vector).
 */
double
reco_als_side_moved(AlsSide *side, bool first)
{
	AlsAttributes *attributes = side->attributes;
	size_t n = rk_side_columns(&attributes->problem) * side->problem.d;
	double size = 0;
	double moved = 0;
	double before = 0;
	double along = 0;

	for (size_t k = 0; k < n; k++)
	{
		double step = (double) attributes->map[k] - (double) attributes->left[k];

		size += (double) attributes->map[k] * attributes->map[k];
		moved += step * step;
		before += first ? 0 : (double) attributes->step[k] * attributes->step[k];
		along += first ? 0 : step * attributes->step[k];
		attributes->step[k] = (float) step;
	}
	attributes->factor = before > 0 ? fmin(fmax(along / before, 0), MOST_ONWARD) : 0;
	return size > 0 ? sqrt(moved / size) : 0;
}

void
reco_als_side_reach(AlsSide *side)
{
	AlsAttributes *attributes = side->attributes;
	size_t n = rk_side_columns(&attributes->problem) * side->problem.d;
	float onward = (float) (attributes->factor / (1 - attributes->factor));

	for (size_t k = 0; k < n; k++)
		attributes->map[k] += onward * attributes->step[k];
}

void
reco_als_side_rotate(AlsLearner *learner, AlsSide *side)
{
	AlsAttributes *attributes = side->attributes;

	if (attributes == NULL || !attributes->fitted)
		return;
	reco_learn_check(learner->blas->rotate_range(attributes->map, 0, rk_side_columns(&attributes->problem),
												 learner->shared->d, learner->shared->vector,
												 learner->rotate_scratch, &reco_pool_poll));
}

RkStatus
reco_als_side_prior(const AlsSide *side, size_t first, size_t last, double *tmp, const RkPoll *poll)
{
	const AlsAttributes *attributes = side->attributes;

	return rk_side_apply_range(&attributes->problem, attributes->map, first, last, false, side->factor, tmp,
							   poll);
}

/* predict gives rows whose flag is not set the factors that their attributes say; flags NULL: rows without entries. */
static void
predict(const AlsLearner *learner, const AlsSide *side, const bool *known)
{
	const AlsAttributes *attributes = side->attributes;
	double *tmp = palloc(sizeof(double) * learner->shared->d);

	for (size_t r = 0; r < side->problem.rows.n_rows; r++)
	{
		bool solved = rk_csr_count(&side->problem.rows, r) > 0;

		if (r % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		if (known != NULL ? solved && !known[r] : !solved)
			reco_learn_check(rk_side_apply_range(&attributes->problem, attributes->map, r, r + 1, true,
												 side->factor, tmp, &reco_pool_poll));
	}
	pfree(tmp);
}

void
reco_als_side_warm(AlsLearner *learner)
{
	AlsSide *items = &learner->shared->items;
	AlsAttributes *attributes = items->attributes;

	if (attributes == NULL)
		return;
	reco_als_side_set(learner, items, learner->known);
	reco_als_side_fit(learner, items);
	predict(learner, items, learner->known);
	reco_als_side_set(learner, items, NULL);
	attributes->fitted = true;
}

void
reco_als_side_complete(AlsLearner *learner)
{
	AlsSide *items = &learner->shared->items;

	if (items->attributes != NULL)
		predict(learner, items, NULL);
}

/* side_metrics gives the object of one side: its columns, and what they explain of what the mean leaves open. */
static Jsonb *
side_metrics(const AlsAttributes *attributes)
{
	double whole = attributes->fit.squares - attributes->fit.mean;
	RecoJson json;

	reco_json_begin(&json);
	reco_json_integer(&json, "columns", (int64) attributes->problem.features.n_cols);
	reco_json_number(&json, "explained",
					 attributes->measured && whole > 0 ? 1 - misfit_of(&attributes->fit, 1) / whole : 0);
	return reco_json_end(&json);
}

void
reco_als_side_metrics(AlsLearner *learner, RecoJson *metrics)
{
	AlsShared *shared = learner->shared;
	RecoJson json;

	if (shared->items.attributes == NULL && shared->users.attributes == NULL)
		return;
	reco_json_begin(&json);
	if (shared->items.attributes != NULL)
		reco_json_object(&json, "items", side_metrics(shared->items.attributes));
	if (shared->users.attributes != NULL)
		reco_json_object(&json, "users", side_metrics(shared->users.attributes));
	reco_json_object(metrics, "attributes", reco_json_end(&json));
}
