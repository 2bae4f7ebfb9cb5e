/*
 * neighbours.c
 *	  Item-item matrices: rows made from interactions, and summed for a user.
 */
#include "neighbours.h"

#include <math.h>

#include "simd.h"

/* Entries that a threshold is guessed from. */
#define RK_THIN_SAMPLE 256

/* RkSimilarRow is the scratch of one row. */
typedef struct RkSimilarRow
{
	double *sum;       /* [n_items], all zeros between rows */
	bool *met;         /* [n_items], all false between rows; a sum may be 0 for what was met */
	uint32_t *touched; /* [n_items] */
	RkEntry *entry;    /* [n_items] */
	size_t n;
} RkSimilarRow;

/* rk_entry_before tells whether a is kept rather than b. */
static inline bool
rk_entry_before(const RkEntry *a, const RkEntry *b)
{
	float size_a = fabsf(a->weight);
	float size_b = fabsf(b->weight);

	return size_a > size_b || (size_a == size_b && a->index < b->index);
}

static inline void
rk_entry_swap(RkEntry *a, RkEntry *b)
{
	RkEntry kept = *a;

	*a = *b;
	*b = kept;
}

/* rk_entries_pivot chooses the middle one of first, middle and last. */
static RkEntry
rk_entries_pivot(const RkEntry *entry, size_t n)
{
	const RkEntry *a = entry;
	const RkEntry *b = entry + n / 2;
	const RkEntry *c = entry + n - 1;

	if (rk_entry_before(a, b))
		return rk_entry_before(b, c) ? *b : rk_entry_before(a, c) ? *c : *a;
	return rk_entry_before(a, c) ? *a : rk_entry_before(b, c) ? *c : *b;
}

/* rk_entries_select brings the k entries that are kept to the front, by partitions; which they are is a function of the set. */
static void
rk_entries_select(RkEntry *entry, size_t n, size_t k)
{
	while (n > 1 && k > 0 && k < n)
	{
		RkEntry pivot = rk_entries_pivot(entry, n);
		size_t i = 0;
		size_t j = n - 1;

		for (;;)
		{
			while (rk_entry_before(&entry[i], &pivot))
				i++;
			while (rk_entry_before(&pivot, &entry[j]))
				j--;
			if (i >= j)
				break;
			rk_entry_swap(&entry[i++], &entry[j--]);
		}
		/* entries before i are not after the pivot, from i on not before it; indexes differ, so both shrink */
		if (i == 0)
			i = 1;
		if (k < i)
			n = i;
		else
		{
			entry += i;
			n -= i;
			k -= i;
		}
	}
}

/* rk_entries_sink moves an entry down a heap of greatest index first. */
static void
rk_entries_sink(RkEntry *entry, size_t place, size_t n)
{
	RkEntry moving = entry[place];

	for (size_t child; (child = 2 * place + 1) < n; place = child)
	{
		if (child + 1 < n && entry[child].index < entry[child + 1].index)
			child++;
		if (moving.index >= entry[child].index)
			break;
		entry[place] = entry[child];
	}
	entry[place] = moving;
}

/* rk_entries_sort sorts by index. */
static void
rk_entries_sort(RkEntry *entry, size_t n)
{
	for (size_t place = n / 2; place-- > 0;)
		rk_entries_sink(entry, place, n);
	for (size_t size = n; size > 1; size--)
	{
		rk_entry_swap(&entry[0], &entry[size - 1]);
		rk_entries_sink(entry, 0, size - 1);
	}
}

/*
 * rk_entries_thin leaves out entries that are surely not among the k that are kept, and gives the number of the others,
 * which keep their order: a sample guesses a magnitude that somewhat more than k entries reach, and if k do, the
 * others are out.
 */
static size_t
rk_entries_thin(RkEntry *entry, size_t n, size_t k)
{
	RkEntry sample[RK_THIN_SAMPLE];
	size_t rank = RK_THIN_SAMPLE * k / rk_max(n, 1) * 3 / 2 + 8;
	float floor = INFINITY;
	size_t reach = 0;
	size_t left = 0;

	if (n < 8 * RK_THIN_SAMPLE || k > n / 4)
		return n;
	for (size_t e = 0; e < RK_THIN_SAMPLE; e++)
		sample[e] = (RkEntry){entry[e * (n / RK_THIN_SAMPLE)].weight, (uint32_t) e};
	rk_entries_select(sample, RK_THIN_SAMPLE, rank);
	for (size_t e = 0; e < rank; e++)
		floor = fminf(floor, fabsf(sample[e].weight));
	for (size_t e = 0; e < n; e++)
		reach += fabsf(entry[e].weight) >= floor;
	if (reach < k)
		return n;
	for (size_t e = 0; e < n; e++)
	{
		RkEntry one = entry[e];

		entry[left] = one;
		left += fabsf(one.weight) >= floor;
	}
	return left;
}

/* rk_slots_write keeps the first of n entries in a row. */
static void
rk_slots_write(const RkSlots *slots, size_t row, RkEntry *entry, size_t n)
{
	size_t kept = rk_min(n, slots->most);
	size_t at = row * slots->most;

	n = rk_entries_thin(entry, n, kept);
	rk_entries_select(entry, n, kept);
	rk_entries_sort(entry, kept);
	for (size_t e = 0; e < kept; e++)
	{
		slots->index[at + e] = entry[e].index;
		slots->weight[at + e] = entry[e].weight;
	}
	slots->count[row] = (uint32_t) kept;
}

size_t
rk_similar_scratch_bytes(size_t n_items)
{
	return rk_scratch_bytes(n_items, sizeof(double)) + rk_scratch_bytes(n_items, sizeof(bool)) +
		   rk_scratch_bytes(n_items, sizeof(uint32_t)) + rk_scratch_bytes(n_items, sizeof(RkEntry));
}

/* rk_similar_products sums c(j, i) of a row; false when cancelled. */
static bool
rk_similar_products(const RkSimilar *similar, size_t j, RkSimilarRow *row, double *work, const RkPoll *poll)
{
	const RkCsr *by_item = &similar->by_item;
	const RkCsr *by_user = &similar->by_user;

	row->n = 0;
	for (uint64_t e = by_item->offset[j]; e < by_item->offset[j + 1]; e++)
	{
		uint32_t user = by_item->index[e];
		double x = (double) by_item->weight[e];

		for (uint64_t f = by_user->offset[user]; f < by_user->offset[user + 1]; f++)
		{
			uint32_t i = by_user->index[f];

			if (!row->met[i])
			{
				row->met[i] = true;
				row->touched[row->n++] = i;
			}
			row->sum[i] += x * (double) by_user->weight[f];
		}
		if (rk_poll_after(poll, work, 8.0 * (double) rk_csr_count(by_user, user)))
			return false;
	}
	return true;
}

/* rk_similar_weight turns c(j, i) into S[j, i]. */
static double
rk_similar_weight(const RkSimilar *similar, size_t j, size_t i, double c)
{
	switch (similar->similarity)
	{
		case RK_SIMILAR_PRODUCT:
			return similar->left[j] * similar->right[i] * c;
		case RK_SIMILAR_SHRUNK:
			return c / (similar->left[j] * similar->right[i] + similar->shrink);
		case RK_SIMILAR_JACCARD:
			return c / (similar->left[j] + similar->right[i] - c + similar->shrink);
	}
	return 0.0;
}

/* rk_similar_row makes the entries of a row of its sums, which become zeros again; false if one is not finite. */
static bool
rk_similar_row(const RkSimilar *similar, size_t j, RkSimilarRow *row, size_t *n)
{
	bool finite = true;

	*n = 0;
	for (size_t t = 0; t < row->n; t++)
	{
		uint32_t i = row->touched[t];
		double c = row->sum[i];
		float weight;

		row->sum[i] = 0.0;
		row->met[i] = false;
		if (i == j || c <= 0.0)
			continue;
		weight = (float) rk_similar_weight(similar, j, i, c);
		finite = finite && isfinite(weight);
		if (weight > 0.0f)
			row->entry[(*n)++] = (RkEntry){weight, i};
	}
	return finite;
}

RkStatus
rk_similar_range(const RkSimilar *similar, size_t first, size_t last, const RkSlots *slots, void *scratch,
				 const RkPoll *poll)
{
	size_t n_items = similar->by_item.n_rows;
	char *cursor = scratch;
	RkSimilarRow row = {.sum = rk_scratch_take(&cursor, n_items, sizeof(double)),
						.met = rk_scratch_take(&cursor, n_items, sizeof(bool)),
						.touched = rk_scratch_take(&cursor, n_items, sizeof(uint32_t)),
						.entry = rk_scratch_take(&cursor, n_items, sizeof(RkEntry))};
	double work = 0.0;

	memset(row.sum, 0, n_items * sizeof(double));
	memset(row.met, 0, n_items * sizeof(bool));
	for (size_t j = first; j < last; j++)
	{
		size_t n;

		if (!rk_similar_products(similar, j, &row, &work, poll))
			return RK_CANCELLED;
		if (!rk_similar_row(similar, j, &row, &n))
			return RK_NON_FINITE;
		rk_slots_write(slots, j, row.entry, n);
		if (rk_poll_after(poll, &work, 64.0 * (double) row.n))
			return RK_CANCELLED;
	}
	return RK_OK;
}

RkStatus
rk_slots_keep(const float *dense, size_t n, size_t row, const RkSlots *slots, RkEntry *room)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
	{
		if (!isfinite(dense[i]))
			return RK_NON_FINITE;
		if (dense[i] != 0.0f && i != row)
			room[found++] = (RkEntry){dense[i], (uint32_t) i};
	}
	rk_slots_write(slots, row, room, found);
	return RK_OK;
}

RkStatus
rk_slots_copy(const RkCsr *matrix, const RkSlots *slots, RkEntry *room, const RkPoll *poll)
{
	double work = 0.0;

	for (size_t row = 0; row < matrix->n_rows; row++)
	{
		size_t n = 0;

		for (uint64_t e = matrix->offset[row]; e < matrix->offset[row + 1]; e++)
			if (matrix->weight[e] != 0.0f)
				room[n++] = (RkEntry){matrix->weight[e], matrix->index[e]};
		rk_slots_write(slots, row, room, n);
		if (rk_poll_after(poll, &work, 64.0 * (double) n + 16.0))
			return RK_CANCELLED;
	}
	return RK_OK;
}

size_t
rk_slots_close(const RkSlots *slots, size_t n_rows, uint64_t *offset)
{
	size_t n = 0;

	for (size_t row = 0; row < n_rows; row++)
	{
		size_t at = row * slots->most;

		offset[row] = n;
		memmove(slots->index + n, slots->index + at, slots->count[row] * sizeof(uint32_t));
		memmove(slots->weight + n, slots->weight + at, slots->count[row] * sizeof(float));
		n += slots->count[row];
	}
	offset[n_rows] = n;
	return n;
}

RkStatus
rk_row_sum_add(RkRowSum *to, const RkCsr *matrix, const uint32_t *row, const double *row_weight,
			   size_t n_rows, const RkPoll *poll)
{
	double work = 0.0;

	for (size_t r = 0; r < n_rows; r++)
	{
		for (uint64_t e = matrix->offset[row[r]]; e < matrix->offset[row[r] + 1]; e++)
		{
			uint32_t column = matrix->index[e];

			if ((to->met[column / 8] >> (column % 8) & 1) == 0)
			{
				to->met[column / 8] |= (uint8_t) (1u << (column % 8));
				to->touched[to->n_touched++] = column;
			}
			to->sum[column] += row_weight[r] * (double) matrix->weight[e];
		}
		if (rk_poll_after(poll, &work, 8.0 * (double) rk_csr_count(matrix, row[r])))
			return RK_CANCELLED;
	}
	return RK_OK;
}

double
rk_csr_entry(const RkCsr *matrix, uint32_t row, uint32_t column)
{
	size_t first = (size_t) matrix->offset[row];
	size_t last = (size_t) matrix->offset[row + 1];
	size_t end = last;

	while (first < last)
	{
		size_t middle = first + (last - first) / 2;

		if (matrix->index[middle] < column)
			first = middle + 1;
		else
			last = middle;
	}
	return first < end && matrix->index[first] == column ? (double) matrix->weight[first] : 0.0;
}
