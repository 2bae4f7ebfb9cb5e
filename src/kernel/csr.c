/*
 * csr.c
 *	  Sparse interactions in compressed rows.
 */
#include "csr.h"

#include <math.h>

#include "simd.h"

/* Entries between two questions to the poll. */
#define RK_CSR_POLL 65536

/* rk_csr_check_row checks the columns and values of one row. */
static RkStatus
rk_csr_check_row(const RkCsr *csr, size_t row)
{
	for (uint64_t e = csr->offset[row]; e < csr->offset[row + 1]; e++)
	{
		if (csr->index[e] >= csr->n_cols)
			return RK_INVALID;
		if (e > csr->offset[row] && csr->index[e] <= csr->index[e - 1])
			return RK_INVALID;
		if (csr->weight != NULL && !isfinite(csr->weight[e]))
			return RK_NON_FINITE;
		if (csr->weight != NULL && csr->weight[e] < 0.0f)
			return RK_INVALID;
		if (csr->target != NULL && !isfinite(csr->target[e]))
			return RK_NON_FINITE;
	}
	return RK_OK;
}

RkStatus
rk_csr_validate(const RkCsr *csr, size_t nnz, const RkPoll *poll)
{
	if (csr->offset[0] != 0 || csr->offset[csr->n_rows] != nnz)
		return RK_INVALID;
	for (size_t row = 0; row < csr->n_rows; row++)
	{
		RkStatus status;

		if (csr->offset[row] > csr->offset[row + 1] || csr->offset[row + 1] > nnz)
			return RK_INVALID;
		status = rk_csr_check_row(csr, row);
		if (status != RK_OK)
			return status;
		if (row % 1024 == 0 && rk_poll_cancelled(poll))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/* rk_csr_count_columns sets offset[c + 2] to the entries of column c. */
static RkStatus
rk_csr_count_columns(const RkCsr *csr, uint64_t *offset, const RkPoll *poll)
{
	size_t nnz = rk_csr_nnz(csr);

	memset(offset, 0, (csr->n_cols + 1) * sizeof(uint64_t));
	for (size_t first = 0; first < nnz; first += RK_CSR_POLL)
	{
		size_t last = rk_min(nnz, first + RK_CSR_POLL);

		for (size_t e = first; e < last; e++)
			if ((size_t) csr->index[e] + 2 <= csr->n_cols)
				offset[(size_t) csr->index[e] + 2]++;
		if (rk_poll_cancelled(poll))
			return RK_CANCELLED;
	}
	return RK_OK;
}

/*
 * The array of offsets doubles as the cursors: shifted by one place, offset[c +
 * 1] starts as the first entry of column c and ends as the last plus one.
 */
RkStatus
rk_csr_transpose(const RkCsr *csr, uint64_t *offset, uint32_t *index, float *weight, float *target,
				 const RkPoll *poll)
{
	size_t since = 0;

	if ((uint64_t) csr->n_rows > UINT32_MAX)
		return RK_INVALID;
	if (rk_csr_count_columns(csr, offset, poll) != RK_OK)
		return RK_CANCELLED;
	for (size_t c = 2; c <= csr->n_cols; c++)
		offset[c] += offset[c - 1];

	for (size_t row = 0; row < csr->n_rows; row++)
		for (uint64_t e = csr->offset[row]; e < csr->offset[row + 1]; e++)
		{
			uint64_t place = offset[(size_t) csr->index[e] + 1]++;

			index[place] = (uint32_t) row;
			if (csr->weight != NULL)
				weight[place] = csr->weight[e];
			if (csr->target != NULL)
				target[place] = csr->target[e];
			if (++since % RK_CSR_POLL == 0 && rk_poll_cancelled(poll))
				return RK_CANCELLED;
		}
	return RK_OK;
}

/* rk_csr_copy_entry copies one entry. */
static inline void
rk_csr_copy_entry(const RkCsr *from, uint64_t entry, const RkCsrArrays *to, uint64_t place)
{
	to->index[place] = from->index[entry];
	if (from->weight != NULL)
		to->weight[place] = from->weight[entry];
	if (from->target != NULL)
		to->target[place] = from->target[entry];
}

void
rk_csr_take(const RkCsr *csr, const RkCsrArrays *arrays, const uint8_t *bit, const RkCsrArrays *into)
{
	uint64_t entry = 0;
	uint64_t kept = 0;
	uint64_t taken = 0;

	for (size_t row = 0; row < csr->n_rows; row++)
	{
		uint64_t end = csr->offset[row + 1];

		arrays->offset[row] = kept;
		into->offset[row] = taken;
		for (; entry < end; entry++)
		{
			if (bit[entry / 8] >> (entry % 8) & 1)
				rk_csr_copy_entry(csr, entry, into, taken++);
			else
				rk_csr_copy_entry(csr, entry, arrays, kept++);
		}
	}
	arrays->offset[csr->n_rows] = kept;
	into->offset[csr->n_rows] = taken;
}

/*
 * Rows are merged from the last entry to the first, so that an entry is
 * written at or behind the place it is read from.
 */
void
rk_csr_put_back(const RkCsr *csr, const RkCsrArrays *arrays, const RkCsr *taken)
{
	for (size_t row = csr->n_rows; row-- > 0;)
	{
		uint64_t kept = csr->offset[row + 1];
		uint64_t back = taken->offset[row + 1];
		uint64_t place = kept + back;

		arrays->offset[row + 1] = place;
		while (back > taken->offset[row] || kept > csr->offset[row])
		{
			if (back > taken->offset[row] &&
				(kept == csr->offset[row] || taken->index[back - 1] > csr->index[kept - 1]))
				rk_csr_copy_entry(taken, --back, arrays, --place);
			else
				rk_csr_copy_entry(csr, --kept, arrays, --place);
		}
	}
}
