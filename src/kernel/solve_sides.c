/*
 * solve_sides.c
 *	  What explanations ask of a factored fold-in system: many right-hand sides at once.
 *
 * The sides stand beside each other: element i of all of them is one group of numbers, a lane a side.  Every lane does the same
 * operations in the same order, whatever its neighbours are, so a side solved alone has the same bits as
 * one among others.  Rows of U are taken RK_SIDE_ROWS at a time: what was loaded of a solved
 * row then serves several, and the sums of several rows run side by side.
 *
 * An element of U^-T b is b_i minus u_ji x_j in ascending j; one of U^-1 b is b_i minus the sum of u_ij x_j, which is taken
 * in ascending j from the end of the rows of its group, and then over that group; one of Y x is a sum in ascending column.
 */
#include "solve.h"

#include <math.h>

#include "simd.h"

/* Rows that are worked on together. */
#define RK_SIDE_ROWS 4

/* Numbers in a vector. */
#define RK_TILE_LANES (RK_TILE_BYTES / (int) sizeof(double))

/* A group has room for so many sides, or twice or three times as many. */
#define RK_SIDE_UNIT (RK_FOLD_SIDES / 3)

/* Vectors in the widest group. */
#define RK_SIDE_VECTORS (RK_FOLD_SIDES / RK_TILE_LANES)

/* The sides of some rows. */
typedef RkTileLanes RkSides[RK_SIDE_ROWS][RK_SIDE_VECTORS];

/* rk_sides_width gives the numbers of a group that has room for m sides. */
static size_t
rk_sides_width(size_t m)
{
	return rk_round_up(m, RK_SIDE_UNIT);
}

/* rk_sides_load and rk_sides_store move the elements of n_rows rows. */
RK_INLINE void
rk_sides_load(RkSides sides, const double *element, int n_rows, int vectors)
{
	for (int a = 0; a < n_rows; a++)
		for (int s = 0; s < vectors; s++)
			RK_LOAD(sides[a][s], element + (a * vectors + s) * RK_TILE_LANES);
}

RK_INLINE void
rk_sides_store(double *element, RkSides sides, int n_rows, int vectors)
{
	for (int a = 0; a < n_rows; a++)
		for (int s = 0; s < vectors; s++)
			RK_STORE(element + (a * vectors + s) * RK_TILE_LANES, sides[a][s]);
}

/* rk_lower_rows solves n_rows rows from i on, of which those before first are zero in all sides. */
RK_INLINE void
rk_lower_rows(const double *u, size_t ld, size_t first, size_t i, int n_rows, double *b, int vectors)
{
	size_t width = (size_t) vectors * RK_TILE_LANES;
	RkSides left;

	rk_sides_load(left, b + i * width, n_rows, vectors);
	for (size_t j = first; j < i; j++)
		for (int s = 0; s < vectors; s++)
		{
			RkTileLanes solved;

			RK_LOAD(solved, b + j * width + s * RK_TILE_LANES);
			for (int a = 0; a < n_rows; a++)
				left[a][s] -= u[j * ld + i + a] * solved;
		}
	for (int a = 0; a < n_rows; a++)
	{
		const double *row = u + (i + a) * ld + i;

		for (int s = 0; s < vectors; s++)
			left[a][s] /= row[a];
		for (int below = a + 1; below < n_rows; below++)
			for (int s = 0; s < vectors; s++)
				left[below][s] -= row[below] * left[a][s];
	}
	rk_sides_store(b + i * width, left, n_rows, vectors);
}

/* rk_upper_rows does the same for U^-1 b. */
RK_INLINE void
rk_upper_rows(const double *u, size_t order, size_t ld, size_t i, int n_rows, double *b, int vectors)
{
	size_t width = (size_t) vectors * RK_TILE_LANES;
	RkSides sum = {{{0.0}}};
	RkSides solved;

	for (size_t j = i + n_rows; j < order; j++)
		for (int s = 0; s < vectors; s++)
		{
			RkTileLanes known;

			RK_LOAD(known, b + j * width + s * RK_TILE_LANES);
			for (int a = 0; a < n_rows; a++)
				sum[a][s] += u[(i + a) * ld + j] * known;
		}
	rk_sides_load(solved, b + i * width, n_rows, vectors);
	for (int a = n_rows; a-- > 0;)
	{
		const double *row = u + (i + a) * ld + i;

		for (int s = 0; s < vectors; s++)
		{
			for (int after = a + 1; after < n_rows; after++)
				sum[a][s] += row[after] * solved[after][s];
			solved[a][s] = (solved[a][s] - sum[a][s]) / row[a];
		}
	}
	rk_sides_store(b + i * width, solved, n_rows, vectors);
}

/* rk_lower_of replaces b [order x sides], zero before row first, by U^-T b. */
RK_INLINE void
rk_lower_of(const double *u, size_t order, size_t ld, size_t first, double *b, int vectors)
{
	size_t whole = order - order % RK_SIDE_ROWS;

	first -= first % RK_SIDE_ROWS;
	for (size_t i = first; i < whole; i += RK_SIDE_ROWS)
		rk_lower_rows(u, ld, first, i, RK_SIDE_ROWS, b, vectors);
	if (whole < order)
		rk_lower_rows(u, ld, first, whole, (int) (order - whole), b, vectors);
}

/* rk_upper_of replaces b [order x sides] by U^-1 b. */
RK_INLINE void
rk_upper_of(const double *u, size_t order, size_t ld, double *b, int vectors)
{
	size_t whole = order - order % RK_SIDE_ROWS;

	if (whole < order)
		rk_upper_rows(u, order, ld, whole, (int) (order - whole), b, vectors);
	for (size_t i = whole; i > 0; i -= RK_SIDE_ROWS)
		rk_upper_rows(u, order, ld, i - RK_SIDE_ROWS, RK_SIDE_ROWS, b, vectors);
}

/* rk_dots_of_rows sets out [n_rows x sides] to the inner products of rows of Y with x [d x sides]. */
RK_INLINE void
rk_dots_of_rows(const RkFoldSystem *system, size_t j, int n_rows, const double *x, double *out, int vectors)
{
	const float *y = system->factor + j * system->stride;
	RkSides sum = {{{0.0}}};

	for (size_t k = 0; k < system->d; k++)
	{
		RkSides group;

		rk_sides_load(group, x + k * (size_t) vectors * RK_TILE_LANES, 1, vectors);
		for (int a = 0; a < n_rows; a++)
			for (int s = 0; s < vectors; s++)
				sum[a][s] += (double) y[a * system->stride + k] * group[0][s];
	}
	rk_sides_store(out, sum, n_rows, vectors);
}

/* rk_dots_of sets out [n x sides] to Y x. */
RK_INLINE void
rk_dots_of(const RkFoldSystem *system, const double *x, double *out, int vectors)
{
	size_t width = (size_t) vectors * RK_TILE_LANES;
	size_t whole = system->n - system->n % RK_SIDE_ROWS;

	for (size_t j = 0; j < whole; j += RK_SIDE_ROWS)
		rk_dots_of_rows(system, j, RK_SIDE_ROWS, x, out + j * width, vectors);
	for (size_t j = whole; j < system->n; j++)
		rk_dots_of_rows(system, j, 1, x, out + j * width, vectors);
}

/* RK_FOR_WIDTH calls a function of a number of vectors that the compiler knows. */
#define RK_FOR_WIDTH(width, call, ...)                           \
	do                                                           \
	{                                                            \
		if ((width) == RK_SIDE_UNIT)                             \
			call(__VA_ARGS__, RK_SIDE_UNIT / RK_TILE_LANES);     \
		else if ((width) == 2 * RK_SIDE_UNIT)                    \
			call(__VA_ARGS__, 2 * RK_SIDE_UNIT / RK_TILE_LANES); \
		else                                                     \
			call(__VA_ARGS__, RK_SIDE_VECTORS);                  \
	} while (0)

/* rk_sides_lower replaces b [order x width], zero before row first, by U^-T b. */
RK_CLONES static void
rk_sides_lower(const RkFold *fold, size_t first, double *b, size_t width)
{
	RK_FOR_WIDTH(width, rk_lower_of, fold->matrix, fold->order, fold->ld, first, b);
}

/* rk_sides_upper replaces b [order x width] by U^-1 b. */
RK_CLONES static void
rk_sides_upper(const RkFold *fold, double *b, size_t width)
{
	RK_FOR_WIDTH(width, rk_upper_of, fold->matrix, fold->order, fold->ld, b);
}

/* rk_sides_dots sets out [n x width] to Y x, x is [d x width]. */
RK_CLONES static void
rk_sides_dots(const RkFold *fold, const double *x, double *out, size_t width)
{
	RK_FOR_WIDTH(width, rk_dots_of, &fold->system, x, out);
}

/* rk_influences_of is rk_fold_influences of at most RK_FOLD_SIDES vectors. */
static void
rk_influences_of(const RkFold *fold, size_t m, const double *v, double *influence, double *tmp)
{
	size_t n = fold->system.n;
	size_t d = fold->system.d;
	size_t width = rk_sides_width(m);
	double *vectors = tmp;
	double *rows = tmp + d * width;

	memset(vectors, 0, d * width * sizeof(double));
	for (size_t k = 0; k < d; k++)
		for (size_t s = 0; s < m; s++)
			vectors[k * width + s] = fold->dual ? fold->inverse[k] * v[s * d + k] : v[s * d + k];
	if (!fold->dual)
	{
		rk_sides_lower(fold, 0, vectors, width);
		rk_sides_upper(fold, vectors, width);
	}
	rk_sides_dots(fold, vectors, rows, width);
	if (fold->dual)
	{
		for (size_t j = 0; j < n; j++)
			for (size_t s = 0; s < width; s++)
				rows[j * width + s] *= fold->root[j];
		rk_sides_lower(fold, 0, rows, width);
		rk_sides_upper(fold, rows, width);
	}
	for (size_t j = 0; j < n; j++)
	{
		double scale = fold->dual ? fold->root[j] : fold->system.weight[j];

		for (size_t s = 0; s < m; s++)
			influence[s * n + j] = rows[j * width + s] * scale;
	}
}

void
rk_fold_influences(const RkFold *fold, size_t m, const double *v, double *influence, double *tmp)
{
	for (size_t first = 0; first < m; first += RK_FOLD_SIDES)
		rk_influences_of(fold, rk_min(m - first, RK_FOLD_SIDES), v + first * fold->system.d,
						 influence + first * fold->system.n, tmp);
}

/* rk_remainder_of gives r_j from half = U^-T e_j or U^-T y_j, [order]. */
static double
rk_remainder_of(const RkFold *fold, size_t j, const double *half)
{
	double weight = fold->system.weight[j];
	double square;

	if (fold->dual && !(weight > 0.0))
		return 1.0;
	square = rk_dot_dd(half, half, fold->order);
	return fold->dual ? square : 1.0 - weight * square;
}

/* rk_remainders_of is rk_fold_remainders of at most RK_FOLD_SIDES rows; own is [order]. */
static void
rk_remainders_of(const RkFold *fold, size_t m, const size_t *row, double *remainder, double *const *half,
				 double *side, double *own)
{
	size_t width = rk_sides_width(m);
	size_t first = fold->dual ? fold->order : 0;

	memset(side, 0, width * fold->order * sizeof(double));
	for (size_t s = 0; s < m; s++)
	{
		const float *y = fold->system.factor + row[s] * fold->system.stride;

		if (fold->dual)
		{
			side[row[s] * width + s] = 1.0;
			first = rk_min(first, row[s]);
		}
		for (size_t k = 0; !fold->dual && k < fold->order; k++)
			side[k * width + s] = (double) y[k];
	}
	rk_sides_lower(fold, first, side, width);
	for (size_t s = 0; s < m; s++)
	{
		double *to = half != NULL ? half[s] : own;

		for (size_t k = 0; k < fold->order; k++)
			to[k] = side[k * width + s];
		remainder[s] = rk_remainder_of(fold, row[s], to);
	}
}

void
rk_fold_remainders(const RkFold *fold, size_t m, const size_t *row, double *remainder, double *const *half,
				   double *tmp)
{
	for (size_t first = 0; first < m; first += RK_FOLD_SIDES)
		rk_remainders_of(fold, rk_min(m - first, RK_FOLD_SIDES), row + first, remainder + first,
						 half != NULL ? half + first : NULL, tmp, tmp + RK_FOLD_SIDES * fold->order);
}

/*
 * rk_fold_coupling: in primal form the halves are U^-T y; in dual form they are
 * U^-T e, and S Y A^-1 Y^T S = I - M^-1.
 */
double
rk_fold_coupling(const RkFold *fold, size_t i, const double *half_i, size_t j, const double *half_j)
{
	double dot = rk_dot_dd(half_i, half_j, fold->order);

	return fold->dual ? -dot : fold->root[i] * fold->root[j] * dot;
}

/* rk_gain_primal is rk_fold_gain in primal form: of each row, four sums over k mod 4, added in their order. */
RK_CLONES static void
rk_gain_primal(const RkFoldSystem *system, const double *inverse, double *gain)
{
	for (size_t j = 0; j < system->n; j++)
	{
		const float *y = system->factor + j * system->stride;
		RkDouble4 lane = {0.0};
		size_t k = 0;
		double sum;

		for (; k + 4 <= system->d; k += 4)
		{
			RkFloat4 narrow;
			RkDouble4 wide;
			RkDouble4 scale;

			RK_LOAD(narrow, y + k);
			RK_LOAD(scale, inverse + k);
			wide = __builtin_convertvector(narrow, RkDouble4);
			lane += scale * wide * wide;
		}
		sum = lane[0] + lane[1] + lane[2] + lane[3];
		for (; k < system->d; k++)
			sum += inverse[k] * (double) y[k] * (double) y[k];
		gain[j] = system->weight[j] * sum;
	}
}

void
rk_fold_gain(const RkFold *fold, double *gain)
{
	if (fold->dual)
		memcpy(gain, fold->spread, fold->system.n * sizeof(double));
	else
		rk_gain_primal(&fold->system, fold->inverse, gain);
}

/* rk_bounds_four computes the bounds of four rows. */
RK_INLINE void
rk_bounds_four(const double *gap, const double *gain, const double *other, double shift, double slack,
			   const double *influence, double *most)
{
	RkDouble4 pull;
	RkDouble4 factor;
	RkDouble4 more;
	RkDouble4 up;
	RkDouble4 bound;

	RK_LOAD(pull, influence);
	RK_LOAD(factor, gap);
	pull *= factor;
	RK_LOAD(factor, gain);
	RK_LOAD(more, other);
	up = (RkDouble4) ((RkLong4) pull & (pull > 0.0));
	bound = shift + pull + up * factor + slack * (up + up - pull + up * factor) + more;
	RK_STORE(most, bound);
}

RK_CLONES static void
rk_bounds_cloned(const RkBounds *bounds, double shift, double slack, const double *influence, double *most)
{
	size_t j = 0;

	for (; j + 4 <= bounds->n; j += 4)
		rk_bounds_four(bounds->gap + j, bounds->gain + j, bounds->other + j, shift, slack, influence + j,
					   most + j);
	if (j < bounds->n)
	{
		double last[5][4] = {{0.0}};
		size_t bytes = (bounds->n - j) * sizeof(double);

		memcpy(last[0], bounds->gap + j, bytes);
		memcpy(last[1], bounds->gain + j, bytes);
		memcpy(last[2], bounds->other + j, bytes);
		memcpy(last[3], influence + j, bytes);
		rk_bounds_four(last[0], last[1], last[2], shift, slack, last[3], last[4]);
		memcpy(most + j, last[4], bytes);
	}
}

void
rk_bounds(const RkBounds *bounds, double shift, double slack, const double *influence, double *most)
{
	rk_bounds_cloned(bounds, shift, slack, influence, most);
}

/* rk_greatest_cloned keeps the greatest of each of four lanes. */
RK_CLONES static double
rk_greatest_cloned(const double *x, size_t n)
{
	RkDouble4 greatest = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
	double most;
	size_t i = 0;

	for (; i + 4 <= n; i += 4)
	{
		RkDouble4 other;
		RkLong4 above;

		RK_LOAD(other, x + i);
		above = other > greatest;
		greatest = (RkDouble4) (((RkLong4) other & above) | ((RkLong4) greatest & ~above));
	}
	most = fmax(fmax(greatest[0], greatest[1]), fmax(greatest[2], greatest[3]));
	for (; i < n; i++)
		most = x[i] > most ? x[i] : most;
	return most;
}

size_t
rk_greatest(const double *x, size_t n)
{
	double most = rk_greatest_cloned(x, n);
	size_t i = 0;

	if (!(most > -INFINITY))
		return n;
	while (x[i] != most)
		i++;
	return i;
}
