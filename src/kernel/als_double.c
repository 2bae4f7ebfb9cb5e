/*
 * als_double.c
 *	  One row of ALS in double, with BLAS: the rows that float32 would spoil; and the Gram matrices.
 *
 * The Fortran routines read a row-major array as its transpose.  So the panel
 * of a row's entries, [n x ld] here, is a matrix of ld x n there: its product
 * with its transpose is the d x d matrix of the primal form ("N") and the other
 * way round the n x n one of the dual form ("T").  Symmetric matrices are their
 * own transposes and use the lower triangle there, the upper one here.
 *
 * All that BLAS reads or writes of a row's system lies in the scratch, aligned
 * and with strides that depend on d and n alone, because OpenBLAS may take
 * another path, and round otherwise, where alignment differs.
 */
#include "als_row.h"

#include <math.h>

#include "blas.h"

/* Columns that are multiplied at once in dual form. */
#define RK_ALS_DEPTH 512

/* Rows of factors that are multiplied at once for a Gram matrix: some 5 ms of work at d = 1024. */
#define RK_WIDE_BLOCK 128

/*
 * rk_panel_row writes root * y * scale, all [d], then the column of ones of a
 * bias, and zeros to the end of the row.  scale is padded to ld.
 */
RK_INLINE void
rk_panel_row(const RkAlsRow *row, const float *y, double root, const double *scale, double *out)
{
	size_t d = row->side->d;
	size_t k = 0;

	for (; k + 4 <= d; k += 4)
	{
		RkFloat4 narrow;
		RkDouble4 wide;
		RkDouble4 factor;

		RK_LOAD(narrow, y + k);
		RK_LOAD(factor, scale + k);
		wide = root * __builtin_convertvector(narrow, RkDouble4) * factor;
		RK_STORE(out + k, wide);
	}
	for (; k < d; k++)
		out[k] = root * (double) y[k] * scale[k];
	if (row->columns > d)
		out[k++] = root * scale[d];
	for (; k < row->ld; k++)
		out[k] = 0;
}

/*
 * rk_panel_fill writes n_rows rows of the panel, from an entry on, and the
 * right-hand sides sqrt(w) (t - y.x0).  Returns the sum of w (t - y.x0)^2.
 */
RK_CLONES static double
rk_panel_fill(const RkAlsRow *row, size_t entry, size_t n_rows, const double *scale, double *panel,
			  double *rhs)
{
	const double *start = row->start;
	double squares = 0.0;

	for (size_t r = 0; r < n_rows; r++)
	{
		double weight = (double) row->side->rows.weight[entry + r];
		double root = sqrt(weight);
		double residual = rk_row_target(row, entry + r);

		if (row->side->prior != NULL)
			residual -= rk_dot(start, rk_row_factor(row, entry + r), row->side->d);
		rk_panel_row(row, rk_row_factor(row, entry + r), root, scale, panel + r * row->ld);
		rhs[r] = root * residual;
		squares += weight * residual * residual;
	}
	return squares;
}

/* rk_cholesky_solve factors the lower triangle and replaces rhs by the solution. */
static RkStatus
rk_cholesky_solve(double *matrix, size_t order, size_t ld, double *rhs)
{
	RkBlasInt n = (RkBlasInt) order;
	RkBlasInt lda = (RkBlasInt) ld;
	RkBlasInt one = 1;
	RkBlasInt info = 0;

	dpotrf_("L", &n, matrix, &lda, &info, 1);
	if (info != 0)
		return RK_NOT_POSITIVE_DEFINITE;
	dtrsv_("L", "N", "N", &n, matrix, &lda, rhs, &one, 1, 1, 1);
	dtrsv_("L", "T", "N", &n, matrix, &lda, rhs, &one, 1, 1, 1);
	return RK_OK;
}

/*
 * rk_row_solve_dual solves (I + Z Z^T) c = s with Z = S Y D^-1/2 and s = S
 * (t - Y x0), and adds D^-1/2 Z^T c to x0.  The row's loss is s.c, because
 * |s|^2 - s.(Z Z^T c) = s.c.
 */
static RkStatus
rk_row_solve_dual(RkAlsRow *row)
{
	const double zero = 0;
	const double unit = 1;
	const double *start = row->start;
	double *scale = row->scale;
	double *panel = row->panel;
	double *matrix = row->matrix;
	double *rhs = row->rhs;
	double *solution = row->vector;
	size_t ldm = rk_round_up(row->n, RK_ALS_PAD);
	RkBlasInt n = (RkBlasInt) row->n;
	RkBlasInt lda = (RkBlasInt) row->ld;
	RkBlasInt ldc = (RkBlasInt) ldm;
	RkBlasInt columns = (RkBlasInt) row->columns;
	RkBlasInt one = 1;
	RkStatus status;

	for (size_t k = 0; k < row->columns; k++)
		scale[k] = 1.0 / sqrt(row->diagonal[k]);
	rk_panel_fill(row, row->first, row->n, scale, panel, rhs);
	for (size_t k = 0; k < row->columns; k += RK_ALS_DEPTH)
	{
		RkBlasInt depth = (RkBlasInt) rk_min(row->columns - k, RK_ALS_DEPTH);

		dsyrk_("L", "T", &n, &depth, &unit, panel + k, &lda, k == 0 ? &zero : &unit, matrix, &ldc, 1, 1);
		if (rk_poll_after(row->poll, &row->work, (double) row->n * (double) row->n * depth))
			return RK_CANCELLED;
	}
	for (size_t j = 0; j < row->n; j++)
		matrix[j * ldm + j] += 1;
	memcpy(solution, rhs, row->n * sizeof(double));
	status = rk_cholesky_solve(matrix, row->n, ldm, solution);
	if (status != RK_OK)
		return status;

	row->loss = row->start_loss;
	for (size_t j = 0; j < row->n; j++)
		row->loss += rhs[j] * solution[j];
	dgemv_("N", &columns, &n, &unit, panel, &lda, solution, &one, &zero, rhs, &one, 1);
	for (size_t k = 0; k < row->columns; k++)
		row->solution[k] = (float) (start[k] + rhs[k] * scale[k]);
	return RK_OK;
}

/*
 * rk_row_assemble sums A = D + Y^T W Y and b = Y^T W (t - Y x0) over blocks of
 * entries.  *squares becomes the sum of w (t - y.x0)^2.
 */
static RkStatus
rk_row_assemble(RkAlsRow *row, double *b, double *squares)
{
	const double zero = 0;
	const double unit = 1;
	double *scale = row->scale;
	double *panel = row->panel;
	double *matrix = row->matrix;
	double *rhs = row->rhs;
	RkBlasInt lda = (RkBlasInt) row->ld;
	RkBlasInt columns = (RkBlasInt) row->columns;
	RkBlasInt one = 1;

	*squares = 0.0;
	for (size_t k = 0; k < row->columns; k++)
		scale[k] = 1;
	for (size_t done = 0; done < row->n; done += RK_ALS_BLOCK)
	{
		size_t n_rows = rk_min(row->n - done, RK_ALS_BLOCK);
		RkBlasInt block = (RkBlasInt) n_rows;
		const double *beta = done == 0 ? &zero : &unit;

		*squares += rk_panel_fill(row, row->first + done, n_rows, scale, panel, rhs);
		dsyrk_("L", "N", &columns, &block, &unit, panel, &lda, beta, matrix, &lda, 1, 1);
		dgemv_("N", &columns, &block, &unit, panel, &lda, rhs, &one, beta, b, &one, 1);
		if (rk_poll_after(row->poll, &row->work, (double) n_rows * (double) row->ld * (double) row->ld))
			return RK_CANCELLED;
	}
	for (size_t k = 0; k < row->columns; k++)
		matrix[k * row->ld + k] += row->diagonal[k];
	return RK_OK;
}

/* rk_row_solve_primal solves A z = b, adds z to x0; the loss is squares - b.z. */
static RkStatus
rk_row_solve_primal(RkAlsRow *row)
{
	const double *start = row->start;
	double *b = row->vector;
	double *z = row->rhs;
	double squares;
	RkStatus status = rk_row_assemble(row, b, &squares);

	if (status != RK_OK)
		return status;
	memcpy(z, b, row->columns * sizeof(double));
	status = rk_cholesky_solve(row->matrix, row->columns, row->ld, z);
	if (status != RK_OK)
		return status;
	row->loss = row->start_loss + squares;
	for (size_t k = 0; k < row->columns; k++)
	{
		row->loss -= b[k] * z[k];
		row->solution[k] = (float) (start[k] + z[k]);
	}
	return RK_OK;
}

RkStatus
rk_row_solve_double(RkAlsRow *row)
{
	return row->n < row->columns ? rk_row_solve_dual(row) : rk_row_solve_primal(row);
}

size_t
rk_gram_wide_scratch_bytes(size_t d)
{
	return rk_scratch_bytes(RK_WIDE_BLOCK * d, sizeof(double));
}

RkStatus
rk_gram_wide(const float *factor, size_t first, size_t last, size_t d, double *gram, void *scratch,
			 const RkPoll *poll)
{
	const double unit = 1;
	double *panel = scratch;
	RkBlasInt columns = (RkBlasInt) d;
	double work = 0.0;

	for (size_t row = first; row < last; row += RK_WIDE_BLOCK)
	{
		size_t n_rows = rk_min(last - row, RK_WIDE_BLOCK);
		RkBlasInt block = (RkBlasInt) n_rows;

		for (size_t k = 0; k < n_rows * d; k++)
			panel[k] = (double) factor[row * d + k];
		dsyrk_("L", "N", &columns, &block, &unit, panel, &columns, &unit, gram, &columns, 1, 1);
		if (rk_poll_after(poll, &work, 2.0 * (double) n_rows * (double) d * (double) d))
			return RK_CANCELLED;
	}
	return RK_OK;
}
