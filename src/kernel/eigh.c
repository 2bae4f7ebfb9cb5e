/*
 * eigh.c
 *	  Eigendecomposition of a symmetric matrix in double, interruptible.
 *
 * LAPACK sees the row-major matrix as its transpose, which is the same matrix
 * with its upper triangle in the lower place; and it writes eigenvectors as
 * columns, which are the rows here.
 *
 * The staged way, in the terms of LAPACK: G = Q T Q^T with T tridiagonal and
 * Q = H(1) H(2) ... H(d - 1) Householder reflectors, whose vectors replace the
 * columns of G below the diagonal; T = Z diag(value) Z^T; the eigenvectors are
 * Q Z, for which blocks of reflectors are applied to Z from the last to the
 * first.
 */
#include "eigh.h"

#include <math.h>

#include "blas.h"
#include "simd.h"

/* Reflectors in a panel: about 10 ms of work each at d = 1024. */
#define RK_EIGH_PANEL 32

/* RkEigh is the scratch of the staged way, laid out. */
typedef struct RkEigh
{
	size_t d;
	double *matrix;       /* [d x d], of the caller */
	double *value;        /* [d], of the caller */
	double *vector;       /* [d x d], Z, then Q Z */
	double *off_diagonal; /* [d], of T */
	double *tau;          /* [d], scales of the reflectors */
	double *triangle;     /* [RK_EIGH_PANEL x RK_EIGH_PANEL] */
	double *work;         /* [rk_eigh_work(d)] */
	RkBlasInt *iwork;     /* [3 + 5 d] */
} RkEigh;

/* rk_eigh_work is the number of doubles that dsyevd and the stages need. */
static size_t
rk_eigh_work(size_t d)
{
	return d <= RK_EIGH_DIRECT ? 1 + 6 * d + 2 * d * d : 1 + 4 * d + d * d + d * RK_EIGH_PANEL;
}

size_t
rk_eigh_scratch_bytes(size_t d)
{
	return rk_scratch_bytes(d * d, sizeof(double)) + 2 * rk_scratch_bytes(d, sizeof(double)) +
		   rk_scratch_bytes(RK_EIGH_PANEL * RK_EIGH_PANEL, sizeof(double)) +
		   rk_scratch_bytes(rk_eigh_work(d), sizeof(double)) + rk_scratch_bytes(3 + 5 * d, sizeof(RkBlasInt));
}

/* rk_eigh_direct solves by one call of dsyevd; values ascend. */
static RkStatus
rk_eigh_direct(RkEigh *eigh)
{
	RkBlasInt n = (RkBlasInt) eigh->d;
	RkBlasInt lwork = (RkBlasInt) rk_eigh_work(eigh->d);
	RkBlasInt liwork = 3 + 5 * n;
	RkBlasInt info = 0;

	dsyevd_("V", "L", &n, eigh->matrix, &n, eigh->value, eigh->work, &lwork, eigh->iwork, &liwork, &info, 1,
			1);
	return info == 0 ? RK_OK : RK_NO_CONVERGENCE;
}

/* rk_eigh_reduce_panel reduces columns first .. first + RK_EIGH_PANEL - 1. */
static void
rk_eigh_reduce_panel(RkEigh *eigh, size_t first)
{
	const double minus_one = -1.0;
	const double one = 1.0;
	size_t d = eigh->d;
	double *corner = eigh->matrix + first * d + first;
	RkBlasInt lda = (RkBlasInt) d;
	RkBlasInt panel = RK_EIGH_PANEL;
	RkBlasInt left = (RkBlasInt) (d - first);
	RkBlasInt rest = left - panel;

	dlatrd_("L", &left, &panel, corner, &lda, eigh->off_diagonal + first, eigh->tau + first, eigh->work,
			&left, 1);
	dsyr2k_("L", "N", &rest, &panel, &minus_one, corner + panel, &lda, eigh->work + panel, &left, &one,
			corner + (size_t) panel * (d + 1), &lda, 1, 1);
	for (size_t j = first; j < first + RK_EIGH_PANEL; j++)
	{
		eigh->matrix[j * d + j + 1] = eigh->off_diagonal[j];
		eigh->value[j] = eigh->matrix[j * d + j];
	}
}

/* rk_eigh_reduce fills value and off_diagonal with T, and matrix and tau with Q. */
static RkStatus
rk_eigh_reduce(RkEigh *eigh, const RkPoll *poll)
{
	size_t d = eigh->d;
	size_t first = 0;
	RkBlasInt lda = (RkBlasInt) d;
	RkBlasInt left;
	RkBlasInt info = 0;

	for (; first + 2 * RK_EIGH_PANEL < d; first += RK_EIGH_PANEL)
	{
		rk_eigh_reduce_panel(eigh, first);
		if (rk_poll_cancelled(poll))
			return RK_CANCELLED;
	}
	left = (RkBlasInt) (d - first);
	dsytd2_("L", &left, eigh->matrix + first * (d + 1), &lda, eigh->value + first, eigh->off_diagonal + first,
			eigh->tau + first, &info, 1);
	return info == 0 ? RK_OK : RK_NO_CONVERGENCE;
}

/* rk_eigh_expand replaces Z by Q Z. */
static RkStatus
rk_eigh_expand(RkEigh *eigh, const RkPoll *poll)
{
	size_t d = eigh->d;
	size_t n_reflectors = d - 1;
	RkBlasInt lda = (RkBlasInt) d;
	RkBlasInt ldt = RK_EIGH_PANEL;

	for (size_t end = rk_round_up(n_reflectors, RK_EIGH_PANEL); end > 0; end -= RK_EIGH_PANEL)
	{
		size_t first = end - RK_EIGH_PANEL;
		RkBlasInt rows = (RkBlasInt) (n_reflectors - first);
		RkBlasInt block = (RkBlasInt) rk_min(n_reflectors - first, RK_EIGH_PANEL);
		double *reflector = eigh->matrix + first * d + first + 1;

		dlarft_("F", "C", &rows, &block, reflector, &lda, eigh->tau + first, eigh->triangle, &ldt, 1, 1);
		dlarfb_("L", "N", "F", "C", &rows, &lda, &block, reflector, &lda, eigh->triangle, &ldt,
				eigh->vector + first + 1, &lda, eigh->work, &lda, 1, 1, 1, 1);
		if (rk_poll_cancelled(poll))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/* rk_eigh_staged solves by stages and polls between; values ascend. */
static RkStatus
rk_eigh_staged(RkEigh *eigh, const RkPoll *poll)
{
	RkBlasInt n = (RkBlasInt) eigh->d;
	RkBlasInt lwork = (RkBlasInt) rk_eigh_work(eigh->d);
	RkBlasInt liwork = 3 + 5 * n;
	RkBlasInt info = 0;
	RkStatus status = rk_eigh_reduce(eigh, poll);

	if (status != RK_OK)
		return status;
	dstedc_("I", &n, eigh->value, eigh->off_diagonal, eigh->vector, &n, eigh->work, &lwork, eigh->iwork,
			&liwork, &info, 1);
	if (info != 0)
		return RK_NO_CONVERGENCE;
	if (rk_poll_cancelled(poll))
		return RK_CANCELLED;
	status = rk_eigh_expand(eigh, poll);
	if (status == RK_OK)
		memcpy(eigh->matrix, eigh->vector, eigh->d * eigh->d * sizeof(double));
	return status;
}

/* rk_eigh_descend reverses the order of values and vectors. */
static void
rk_eigh_descend(size_t d, double *matrix, double *value)
{
	for (size_t low = 0, high = d - 1; low < high; low++, high--)
	{
		double kept = value[low];

		value[low] = value[high];
		value[high] = kept;
		for (size_t k = 0; k < d; k++)
		{
			kept = matrix[low * d + k];
			matrix[low * d + k] = matrix[high * d + k];
			matrix[high * d + k] = kept;
		}
	}
}

/* rk_eigh_orient makes the largest component of a vector [d] positive. */
static void
rk_eigh_orient(size_t d, double *vector)
{
	size_t largest = 0;

	for (size_t k = 1; k < d; k++)
		if (fabs(vector[k]) > fabs(vector[largest]))
			largest = k;
	if (vector[largest] < 0.0)
		for (size_t k = 0; k < d; k++)
			vector[k] = -vector[k];
}

/* rk_eigh_finite checks the upper triangle. */
static bool
rk_eigh_finite(size_t d, const double *matrix)
{
	for (size_t i = 0; i < d; i++)
		for (size_t k = i; k < d; k++)
			if (!isfinite(matrix[i * d + k]))
				return false;
	return true;
}

RkStatus
rk_eigh(size_t d, double *matrix, double *value, void *scratch, const RkPoll *poll)
{
	char *cursor = scratch;
	RkEigh eigh = {.d = d, .matrix = matrix, .value = value};
	RkStatus status;

	if (d == 0)
		return RK_OK;
	if (!rk_eigh_finite(d, matrix))
		return RK_NON_FINITE;
	eigh.vector = rk_scratch_take(&cursor, d * d, sizeof(double));
	eigh.off_diagonal = rk_scratch_take(&cursor, d, sizeof(double));
	eigh.tau = rk_scratch_take(&cursor, d, sizeof(double));
	eigh.triangle = rk_scratch_take(&cursor, RK_EIGH_PANEL * RK_EIGH_PANEL, sizeof(double));
	eigh.work = rk_scratch_take(&cursor, rk_eigh_work(d), sizeof(double));
	eigh.iwork = rk_scratch_take(&cursor, 3 + 5 * d, sizeof(RkBlasInt));

	status = d <= RK_EIGH_DIRECT ? rk_eigh_direct(&eigh) : rk_eigh_staged(&eigh, poll);
	if (status != RK_OK)
		return status;
	rk_eigh_descend(d, matrix, value);
	for (size_t k = 0; k < d; k++)
		rk_eigh_orient(d, matrix + k * d);
	return rk_poll_cancelled(poll) ? RK_CANCELLED : RK_OK;
}

RkStatus
rk_eigh_gram(size_t d, double *matrix, double *value, void *scratch, const RkPoll *poll)
{
	RkStatus status = rk_eigh(d, matrix, value, scratch, poll);

	for (size_t k = 0; status == RK_OK && k < d; k++)
		if (value[k] < 0.0)
			value[k] = 0.0;
	return status;
}
