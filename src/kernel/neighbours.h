/*
 * neighbours.h
 *	  Item-item matrices: rows made from interactions, and summed for a user.
 *
 * A model of neighbours is a sparse matrix S, [n_items x n_items]; a user with
 * values r_j scores item i as sum_j r_j S[j, i].  Rows of S are products of
 * interactions, which go from an item over its users to their other items,
 *
 *		c(j, i) = sum_v x_jv y_vi,
 *
 * x and y being weights of the same entries, and
 *
 *		product		S[j, i] = left_j right_i c				walks, kernels
 *		shrunk		S[j, i] = c / (left_j right_i + shrink)	cosines
 *		Jaccard		S[j, i] = c / (left_j + right_i - c + shrink)
 *
 * Each row is made by itself: users ascending, their items ascending, sums in
 * double.  The same bytes whichever process takes which rows.
 */
#ifndef RK_NEIGHBOURS_H
#define RK_NEIGHBOURS_H

#include <stdint.h>

#include "csr.h"
#include "status.h"

typedef enum RkSimilarity
{
	RK_SIMILAR_PRODUCT,
	RK_SIMILAR_SHRUNK,
	RK_SIMILAR_JACCARD
} RkSimilarity;

/* RkSimilar is a matrix to be made; it owns nothing. */
typedef struct RkSimilar
{
	RkCsr by_item; /* [n_items x n_users], weight x; target is not used */
	RkCsr by_user; /* [n_users x n_items], weight y */
	RkSimilarity similarity;
	double shrink;       /* >= 0 */
	const double *left;  /* [n_items] */
	const double *right; /* [n_items] */
	size_t most;         /* entries kept of a row, >= 1 */
} RkSimilar;

/* RkSlots holds rows of at most "most" entries: those of row r begin at r * most. */
typedef struct RkSlots
{
	size_t most;
	uint32_t *index; /* [n_rows x most], ascending within a row */
	float *weight;   /* [n_rows x most] */
	uint32_t *count; /* [n_rows] */
} RkSlots;

/* rk_similar_scratch_bytes is the scratch of rk_similar_range. */
extern size_t rk_similar_scratch_bytes(size_t n_items);

/*
 * rk_similar_range makes rows first .. last - 1: the greatest entries above 0
 * beside the diagonal, of equal ones those of lower columns.  RK_NON_FINITE if an entry
 * is not finite as a float.
 */
extern RkStatus rk_similar_range(const RkSimilar *similar, size_t first, size_t last, const RkSlots *slots,
								 void *scratch, const RkPoll *poll);

/*
 * rk_slots_keep puts the entries of a dense row [n] with the greatest magnitude into a slot:
 * at most slots->most, those that are 0 and the diagonal left out, of equal ones those of lower columns.
 * room is [n] of RkEntry.  RK_NON_FINITE if an entry is not finite.
 */
typedef struct RkEntry
{
	float weight;
	uint32_t index;
} RkEntry;

extern RkStatus rk_slots_keep(const float *dense, size_t n, size_t row, const RkSlots *slots, RkEntry *room);

/* rk_slots_copy does the same for every row of a matrix, whose entries may be any; room is [n_cols]. */
extern RkStatus rk_slots_copy(const RkCsr *matrix, const RkSlots *slots, RkEntry *room, const RkPoll *poll);

/*
 * rk_slots_close moves the rows together, in place: index and weight then lie as in
 * RkCsr, and offset [n_rows + 1] says where.  Gives the number of entries.
 */
extern size_t rk_slots_close(const RkSlots *slots, size_t n_rows, uint64_t *offset);

/* RkRowSum is sum over r of row_weight[r] * row[r] of a matrix, while it is made. */
typedef struct RkRowSum
{
	double *sum;       /* [n_cols], zeros where nothing was added */
	uint8_t *met;      /* bitmap of n_cols bits: something was added */
	uint32_t *touched; /* [n_cols], the columns met, in no order */
	size_t n_touched;
} RkRowSum;

/* rk_row_sum_add adds rows of a matrix in the order given, each weighed. */
extern RkStatus rk_row_sum_add(RkRowSum *to, const RkCsr *matrix, const uint32_t *row,
							   const double *row_weight, size_t n_rows, const RkPoll *poll);

/* rk_csr_entry is the weight at a place of a matrix, 0 where there is no entry. */
extern double rk_csr_entry(const RkCsr *matrix, uint32_t row, uint32_t column);

#endif /* RK_NEIGHBOURS_H */
