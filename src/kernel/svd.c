/*
 * svd.c
 *	  Truncated singular value decomposition of a sparse matrix.
 *
 * Vectors are orthonormalised through the eigenvectors of their Gram matrix, which also says which of them are
 * spare: Y <- Y U diag(lambda)^(-1/2), with zeros where lambda vanishes.  Once is enough while iterating; the last time it is done
 * twice, which leaves them orthonormal to rounding.
 */
#include "svd.h"

#include <math.h>
#include <string.h>

#include "rng.h"

/* Entries, or products, between two polls. */
#define POLL_EVERY 4000000

/* Sweeps of Jacobi's method after which it has converged or never will; seven or so suffice. */
#define JACOBI_SWEEPS 60

/* What the steps share: y is [n x l], z is [m x l], the others are [l x l] and [l]. */
typedef struct Svd
{
	const RkCsr *a;
	size_t l;
	double *y;
	double *z;
	double *gram;
	double *vector;
	double *value;
	double *row;
	const RkPoll *poll;
	size_t work; /* since the last poll */
} Svd;

static size_t
least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* width gives the number of random vectors. */
static size_t
width(size_t n_rows, size_t n_cols, size_t k)
{
	return least_of(k + RK_SVD_EXTRA, least_of(n_rows, n_cols));
}

size_t
rk_svd_scratch_bytes(size_t n_rows, size_t n_cols, size_t k)
{
	size_t l = width(n_rows, n_cols, k);

	return ((n_rows + n_cols) * l + 2 * l * l + 2 * l) * sizeof(double);
}

/* cancelled counts work and polls now and then. */
static bool
cancelled(Svd *svd, size_t work)
{
	svd->work += work;
	if (svd->work < POLL_EVERY)
		return false;
	svd->work = 0;
	return rk_poll_cancelled(svd->poll);
}

/* forward computes Y = A Z. */
static bool
forward(Svd *svd)
{
	const RkCsr *a = svd->a;
	size_t l = svd->l;

	for (size_t r = 0; r < a->n_rows; r++)
	{
		double *y = svd->y + r * l;

		memset(y, 0, l * sizeof(double));
		for (uint64_t e = a->offset[r]; e < a->offset[r + 1]; e++)
		{
			const double *z = svd->z + a->index[e] * l;
			double weight = a->weight[e];

			for (size_t c = 0; c < l; c++)
				y[c] += weight * z[c];
		}
		if (cancelled(svd, rk_csr_count(a, r) * l))
			return false;
	}
	return true;
}

/* backward computes Z = A^T Y. */
static bool
backward(Svd *svd)
{
	const RkCsr *a = svd->a;
	size_t l = svd->l;

	memset(svd->z, 0, a->n_cols * l * sizeof(double));
	for (size_t r = 0; r < a->n_rows; r++)
	{
		const double *y = svd->y + r * l;

		for (uint64_t e = a->offset[r]; e < a->offset[r + 1]; e++)
		{
			double *z = svd->z + a->index[e] * l;
			double weight = a->weight[e];

			for (size_t c = 0; c < l; c++)
				z[c] += weight * y[c];
		}
		if (cancelled(svd, rk_csr_count(a, r) * l))
			return false;
	}
	return true;
}

/* gram_of computes the Gram matrix of the columns of x, [n x l]. */
static bool
gram_of(Svd *svd, const double *x, size_t n)
{
	size_t l = svd->l;

	memset(svd->gram, 0, l * l * sizeof(double));
	for (size_t r = 0; r < n; r++)
	{
		const double *row = x + r * l;

		for (size_t i = 0; i < l; i++)
		{
			double weight = row[i];
			double *gram = svd->gram + i * l;

			for (size_t j = i; j < l; j++)
				gram[j] += weight * row[j];
		}
		if (cancelled(svd, l * l / 2))
			return false;
	}
	for (size_t i = 0; i < l; i++)
		for (size_t j = 0; j < i; j++)
			svd->gram[i * l + j] = svd->gram[j * l + i];
	return true;
}

/* rotate turns rows and columns p and q of the Gram matrix so that their element vanishes, and the vectors with it. */
static void
rotate(Svd *svd, size_t p, size_t q)
{
	size_t l = svd->l;
	double *g = svd->gram;
	double *v = svd->vector;
	double theta = (g[q * l + q] - g[p * l + p]) / (2 * g[p * l + q]);
	double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
	double c = 1 / sqrt(t * t + 1);
	double s = t * c;

	for (size_t i = 0; i < l; i++)
	{
		double a = g[i * l + p];
		double b = g[i * l + q];

		g[i * l + p] = c * a - s * b;
		g[i * l + q] = s * a + c * b;
	}
	for (size_t i = 0; i < l; i++)
	{
		double a = g[p * l + i];
		double b = g[q * l + i];

		g[p * l + i] = c * a - s * b;
		g[q * l + i] = s * a + c * b;
	}
	for (size_t i = 0; i < l; i++)
	{
		double a = v[p * l + i];
		double b = v[q * l + i];

		v[p * l + i] = c * a - s * b;
		v[q * l + i] = s * a + c * b;
	}
}

/* sort_vectors orders eigenvalues falling, rows of vectors with them. */
static void
sort_vectors(Svd *svd)
{
	size_t l = svd->l;

	for (size_t i = 0; i < l; i++)
	{
		size_t best = i;
		double value;

		for (size_t j = i + 1; j < l; j++)
			if (svd->value[j] > svd->value[best])
				best = j;
		value = svd->value[i];
		svd->value[i] = svd->value[best];
		svd->value[best] = value;
		for (size_t c = 0; c < l && best != i; c++)
		{
			double component = svd->vector[i * l + c];

			svd->vector[i * l + c] = svd->vector[best * l + c];
			svd->vector[best * l + c] = component;
		}
	}
}

/* diagonalise gives the eigenvalues of the Gram matrix, falling, and row k of vector the eigenvector of the k-th (Jacobi's method). */
static RkStatus
diagonalise(Svd *svd)
{
	size_t l = svd->l;
	double *g = svd->gram;

	memset(svd->vector, 0, l * l * sizeof(double));
	for (size_t i = 0; i < l; i++)
		svd->vector[i * l + i] = 1;
	for (int sweep = 0;; sweep++)
	{
		double off = 0;
		double all = 0;

		for (size_t i = 0; i < l; i++)
			for (size_t j = 0; j < l; j++)
			{
				all += g[i * l + j] * g[i * l + j];
				off += i != j ? g[i * l + j] * g[i * l + j] : 0;
			}
		if (!isfinite(all))
			return RK_NON_FINITE;
		if (off <= 1e-30 * all)
			break;
		if (sweep == JACOBI_SWEEPS)
			return RK_NO_CONVERGENCE;
		for (size_t p = 0; p < l; p++)
		{
			for (size_t q = p + 1; q < l; q++)
				if (fabs(g[p * l + q]) > 1e-300)
					rotate(svd, p, q);
			if (cancelled(svd, 6 * l * l))
				return RK_CANCELLED;
		}
	}
	for (size_t i = 0; i < l; i++)
		svd->value[i] = g[i * l + i] > 0 ? g[i * l + i] : 0;
	sort_vectors(svd);
	return RK_OK;
}

/* orthonormalise replaces the columns of x, [n x l], by orthonormal ones of the same span, zeros where there are fewer. */
static RkStatus
orthonormalise(Svd *svd, double *x, size_t n)
{
	size_t l = svd->l;
	RkStatus status;

	if (!gram_of(svd, x, n))
		return RK_CANCELLED;
	status = diagonalise(svd);
	if (status != RK_OK)
		return status;
	for (size_t k = 0; k < l; k++)
	{
		double scale =
			svd->value[k] > 1e-14 * svd->value[0] && svd->value[k] > 0 ? 1 / sqrt(svd->value[k]) : 0;

		for (size_t c = 0; c < l; c++)
			svd->vector[k * l + c] *= scale;
	}
	for (size_t r = 0; r < n; r++)
	{
		double *row = x + r * l;

		for (size_t k = 0; k < l; k++)
		{
			double sum = 0;

			for (size_t c = 0; c < l; c++)
				sum += svd->vector[k * l + c] * row[c];
			svd->row[k] = sum;
		}
		memcpy(row, svd->row, l * sizeof(double));
		if (cancelled(svd, l * l))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/* iterate finds orthonormal vectors Y that span most of the range of A, and leaves Z = A^T Y. */
static RkStatus
iterate(Svd *svd, uint64_t seed)
{
	const RkCsr *a = svd->a;
	RkStatus status = RK_OK;
	RkRng rng;

	rk_rng_seed(&rng, seed);
	for (size_t i = 0; i < a->n_cols * svd->l; i++)
		svd->z[i] = rk_rng_normal(&rng);
	for (int round = 0; round < RK_SVD_ROUNDS && status == RK_OK; round++)
	{
		if (!forward(svd))
			return RK_CANCELLED;
		status = orthonormalise(svd, svd->y, a->n_rows);
		if (status == RK_OK && round == RK_SVD_ROUNDS - 1)
			status = orthonormalise(svd, svd->y, a->n_rows);
		if (status == RK_OK && !backward(svd))
			status = RK_CANCELLED;
	}
	return status;
}

/* write_vector writes right singular vector k: Z u_k / sigma_k, its largest component positive. */
static void
write_vector(const Svd *svd, size_t k, size_t n_vectors, double sigma, float *basis)
{
	const double *u = svd->vector + k * svd->l;
	double largest = 0;

	for (size_t r = 0; r < svd->a->n_cols; r++)
	{
		double sum = 0;

		for (size_t c = 0; c < svd->l; c++)
			sum += svd->z[r * svd->l + c] * u[c];
		if (fabs(sum) > fabs(largest))
			largest = sum;
		basis[r * n_vectors + k] = sigma > 0 ? (float) (sum / sigma) : 0;
	}
	for (size_t r = 0; r < svd->a->n_cols && largest < 0; r++)
		basis[r * n_vectors + k] = -basis[r * n_vectors + k];
}

RkStatus
rk_svd_right(const RkCsr *a, size_t k, uint64_t seed, float *basis, double *value, void *scratch,
			 const RkPoll *poll)
{
	Svd svd = {.a = a, .l = width(a->n_rows, a->n_cols, k), .y = scratch, .poll = poll};
	RkStatus status;

	if (k == 0 || k > svd.l)
		return RK_INVALID;
	svd.z = svd.y + a->n_rows * svd.l;
	svd.gram = svd.z + a->n_cols * svd.l;
	svd.vector = svd.gram + svd.l * svd.l;
	svd.value = svd.vector + svd.l * svd.l;
	svd.row = svd.value + svd.l;
	status = iterate(&svd, seed);
	if (status == RK_OK && !gram_of(&svd, svd.z, a->n_cols))
		status = RK_CANCELLED;
	if (status == RK_OK)
		status = diagonalise(&svd);
	if (status != RK_OK)
		return status;
	for (size_t c = 0; c < k; c++)
	{
		double sigma = svd.value[c] > 1e-14 * svd.value[0] ? sqrt(svd.value[c]) : 0;

		value[c] = sigma;
		write_vector(&svd, c, k, sigma, basis);
		if (cancelled(&svd, a->n_cols * svd.l))
			return RK_CANCELLED;
	}
	return RK_OK;
}
