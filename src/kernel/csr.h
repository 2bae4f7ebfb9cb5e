/*
 * csr.h
 *	  Sparse interactions in compressed rows.
 */
#ifndef RK_CSR_H
#define RK_CSR_H

#include <stdint.h>

#include "status.h"

/*
 * RkCsr is a sparse [n_rows x n_cols] matrix whose entries carry a weight and
 * a target.  It owns nothing.  Row r is the entries offset[r] .. offset[r + 1]
 * - 1; within a row the columns ascend and none occurs twice.
 */
typedef struct RkCsr
{
	size_t n_rows;
	size_t n_cols;
	const uint64_t *offset; /* [n_rows + 1], offset[0] = 0, ascending */
	const uint32_t *index;  /* [nnz], column of each entry */
	const float *weight;    /* [nnz], w >= 0; NULL if not used */
	const float *target;    /* [nnz], t; NULL if not used */
} RkCsr;

/* rk_csr_nnz is the number of entries. */
static inline size_t
rk_csr_nnz(const RkCsr *csr)
{
	return (size_t) csr->offset[csr->n_rows];
}

/* rk_csr_count is the number of entries of one row. */
static inline size_t
rk_csr_count(const RkCsr *csr, size_t row)
{
	return (size_t) (csr->offset[row + 1] - csr->offset[row]);
}

/*
 * rk_csr_validate checks a matrix: offsets ascend from 0 to nnz, columns are
 * below n_cols and ascend strictly within a row (else RK_INVALID); weights are
 * finite and not negative, targets finite (else RK_NON_FINITE, or RK_INVALID
 * for a negative weight).  nnz is the length of the arrays.
 */
extern RkStatus rk_csr_validate(const RkCsr *csr, size_t nnz, const RkPoll *poll);

/*
 * rk_csr_transpose writes the transposed matrix.  Entries are taken in row
 * order, so each new row has its columns ascending: the result is canonical
 * whatever made the input.
 *
 * offset is [n_cols + 1]; index, weight and target are [nnz]; weight and
 * target are not written where the input has NULL.  n_rows must be below
 * 2^32, else RK_INVALID.
 */
extern RkStatus rk_csr_transpose(const RkCsr *csr, uint64_t *offset, uint32_t *index, float *weight,
								 float *target, const RkPoll *poll);

/* RkCsrArrays is the arrays of a matrix, writable; weight and target may be NULL. */
typedef struct RkCsrArrays
{
	uint64_t *offset;
	uint32_t *index;
	float *weight;
	float *target;
} RkCsrArrays;

/*
 * rk_csr_take moves the entries whose bit is set (of nnz bits) out of a matrix
 * and into another of the same shape, both in order.  arrays are those of csr, which stays
 * where it is and gets shorter; into has room for the entries taken, and the same arrays as csr.
 *
 * rk_csr_put_back undoes it: csr is afterwards what it was, to the bit.
 */
extern void rk_csr_take(const RkCsr *csr, const RkCsrArrays *arrays, const uint8_t *bit,
						const RkCsrArrays *into);
extern void rk_csr_put_back(const RkCsr *csr, const RkCsrArrays *arrays, const RkCsr *taken);

#endif /* RK_CSR_H */
