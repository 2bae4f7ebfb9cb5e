/*
 * als_system.h
 *	  The system of one row of ALS, in one precision.  als.c includes this file
 *	  twice: it is a template, not a header.
 *
 * Before: RK_REAL is float or double, RK_NAME(name) the name in this precision,
 * and RK_SYRK, RK_GEMV, RK_POTRF, RK_TRSV the BLAS and LAPACK calls.
 *
 * Matrices are as als.c describes them: rows of the panel are ld apart.
 */

/*
 * rk_panel_row writes root * y * scale, all [d], then the column of ones of a
 * bias, and zeros to the end of the row.  scale is padded to ld.
 */
RK_INLINE void
RK_NAME(rk_panel_row) (const RkAlsRow *row, const float *y, RK_REAL root,
					   const RK_REAL *scale, RK_REAL *out)
{
	size_t		d = row->side->d;
	size_t		k = 0;

	for (; k + 4 <= d; k += 4)
	{
		RkFloat4	narrow;
		RK_NAME(RkVector) wide;
		RK_NAME(RkVector) factor;

		RK_LOAD(narrow, y + k);
		RK_LOAD(factor, scale + k);
		wide = root * __builtin_convertvector(narrow, RK_NAME(RkVector)) * factor;
		RK_STORE(out + k, wide);
	}
	for (; k < d; k++)
		out[k] = root * (RK_REAL) y[k] * scale[k];
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
RK_NAME(rk_panel_fill) (const RkAlsRow *row, size_t entry, size_t n_rows,
						const RK_REAL *scale, RK_REAL *panel, RK_REAL *rhs)
{
	double		squares = 0.0;

	for (size_t r = 0; r < n_rows; r++)
	{
		double		weight = (double) row->side->rows.weight[entry + r];
		double		root = sqrt(weight);
		double		residual = rk_row_residual(row, entry + r);

		RK_NAME(rk_panel_row) (row, rk_row_factor(row, entry + r), (RK_REAL) root, scale,
							   panel + r * row->ld);
		rhs[r] = (RK_REAL) (root * residual);
		squares += weight * residual * residual;
	}
	return squares;
}

/* rk_cholesky_solve factors the lower triangle and replaces rhs by the solution. */
static RkStatus
RK_NAME(rk_cholesky_solve) (RK_REAL *matrix, size_t order, size_t ld, RK_REAL *rhs)
{
	RkBlasInt	n = (RkBlasInt) order;
	RkBlasInt	lda = (RkBlasInt) ld;
	RkBlasInt	one = 1;
	RkBlasInt	info = 0;

	RK_POTRF("L", &n, matrix, &lda, &info, 1);
	if (info != 0)
		return RK_NOT_POSITIVE_DEFINITE;
	RK_TRSV("L", "N", "N", &n, matrix, &lda, rhs, &one, 1, 1, 1);
	RK_TRSV("L", "T", "N", &n, matrix, &lda, rhs, &one, 1, 1, 1);
	return RK_OK;
}

/*
 * rk_row_solve_dual solves (I + Z Z^T) c = s with Z = S Y D^-1/2 and s = S
 * (t - Y x0), and adds D^-1/2 Z^T c to x0.  The row's loss is s.c, because
 * |s|^2 - s.(Z Z^T c) = s.c.
 */
static RkStatus
RK_NAME(rk_row_solve_dual) (RkAlsRow *row)
{
	const RK_REAL zero = 0;
	const RK_REAL unit = 1;
	RK_REAL    *scale = row->scale;
	RK_REAL    *panel = row->panel;
	RK_REAL    *matrix = row->matrix;
	RK_REAL    *rhs = row->rhs;
	RK_REAL    *solution = rhs + row->ld;
	size_t		ldm = rk_round_up(row->n, RK_ALS_PAD);
	RkBlasInt	n = (RkBlasInt) row->n;
	RkBlasInt	lda = (RkBlasInt) row->ld;
	RkBlasInt	ldc = (RkBlasInt) ldm;
	RkBlasInt	columns = (RkBlasInt) row->columns;
	RkBlasInt	one = 1;
	RkStatus	status;

	for (size_t k = 0; k < row->columns; k++)
		scale[k] = (RK_REAL) (1.0 / sqrt(row->diagonal[k]));
	RK_NAME(rk_panel_fill) (row, row->first, row->n, scale, panel, rhs);
	for (size_t k = 0; k < row->columns; k += RK_ALS_DEPTH)
	{
		RkBlasInt	depth = (RkBlasInt) rk_min(row->columns - k, RK_ALS_DEPTH);

		RK_SYRK("L", "T", &n, &depth, &unit, panel + k, &lda, k == 0 ? &zero : &unit,
				matrix, &ldc, 1, 1);
		if (rk_poll_after(row->poll, &row->work, (double) row->n * (double) row->n * depth))
			return RK_CANCELLED;
	}
	for (size_t j = 0; j < row->n; j++)
		matrix[j * ldm + j] += 1;
	memcpy(solution, rhs, row->n * sizeof(RK_REAL));
	status = RK_NAME(rk_cholesky_solve) (matrix, row->n, ldm, solution);
	if (status != RK_OK)
		return status;

	row->loss = row->start_loss;
	for (size_t j = 0; j < row->n; j++)
		row->loss += (double) rhs[j] * (double) solution[j];
	RK_GEMV("N", &columns, &n, &unit, panel, &lda, solution, &one, &zero, rhs, &one, 1);
	for (size_t k = 0; k < row->columns; k++)
		row->solution[k] = row->start[k] + (double) rhs[k] * (double) scale[k];
	return RK_OK;
}

/*
 * rk_row_assemble sums A = D + Y^T W Y and b = Y^T W (t - Y x0) over blocks of
 * entries.  *squares becomes the sum of w (t - y.x0)^2.
 */
static RkStatus
RK_NAME(rk_row_assemble) (RkAlsRow *row, RK_REAL *b, double *squares)
{
	const RK_REAL zero = 0;
	const RK_REAL unit = 1;
	RK_REAL    *scale = row->scale;
	RK_REAL    *panel = row->panel;
	RK_REAL    *matrix = row->matrix;
	RK_REAL    *rhs = row->rhs;
	RkBlasInt	lda = (RkBlasInt) row->ld;
	RkBlasInt	columns = (RkBlasInt) row->columns;
	RkBlasInt	one = 1;

	*squares = 0.0;
	for (size_t k = 0; k < row->columns; k++)
		scale[k] = 1;
	for (size_t done = 0; done < row->n; done += RK_ALS_BLOCK)
	{
		size_t		n_rows = rk_min(row->n - done, RK_ALS_BLOCK);
		RkBlasInt	block = (RkBlasInt) n_rows;
		const RK_REAL *beta = done == 0 ? &zero : &unit;

		*squares += RK_NAME(rk_panel_fill) (row, row->first + done, n_rows, scale, panel, rhs);
		RK_SYRK("L", "N", &columns, &block, &unit, panel, &lda, beta, matrix, &lda, 1, 1);
		RK_GEMV("N", &columns, &block, &unit, panel, &lda, rhs, &one, beta, b, &one, 1);
		if (rk_poll_after(row->poll, &row->work,
						  (double) n_rows * (double) row->ld * (double) row->ld))
			return RK_CANCELLED;
	}
	for (size_t k = 0; k < row->columns; k++)
		matrix[k * row->ld + k] += (RK_REAL) row->diagonal[k];
	return RK_OK;
}

/* rk_row_solve_primal solves A z = b, adds z to x0; the loss is squares - b.z. */
static RkStatus
RK_NAME(rk_row_solve_primal) (RkAlsRow *row)
{
	RK_REAL    *b = (RK_REAL *) row->rhs + rk_max(row->ld, RK_ALS_BLOCK);
	RK_REAL    *z = row->rhs;
	double		squares;
	RkStatus	status = RK_NAME(rk_row_assemble) (row, b, &squares);

	if (status != RK_OK)
		return status;
	memcpy(z, b, row->columns * sizeof(RK_REAL));
	status = RK_NAME(rk_cholesky_solve) (row->matrix, row->columns, row->ld, z);
	if (status != RK_OK)
		return status;
	row->loss = row->start_loss + squares;
	for (size_t k = 0; k < row->columns; k++)
	{
		row->loss -= (double) b[k] * (double) z[k];
		row->solution[k] = row->start[k] + (double) z[k];
	}
	return RK_OK;
}

/* rk_row_solve solves one row; RK_NON_FINITE if rounding spoiled the solution. */
static RkStatus
RK_NAME(rk_row_solve) (RkAlsRow *row)
{
	RkStatus	status = row->n < row->columns ? RK_NAME(rk_row_solve_dual) (row) :
		RK_NAME(rk_row_solve_primal) (row);

	for (size_t k = 0; status == RK_OK && k < row->columns; k++)
		if (!isfinite((float) row->solution[k]))
			status = RK_NON_FINITE;
	return status;
}
