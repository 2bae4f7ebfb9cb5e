/*
 * index.h
 *	  An index of items for unit tests.
 */
#ifndef TEST_INDEX_H
#define TEST_INDEX_H

#include "unit.h"

#include "kernel/quantise.h"

/* An index and the memory it lies in. */
typedef struct Index
{
	RkIndexRoom room;
	RkIndex index;
} Index;

/* index_make builds the index of items. */
static inline Index
index_make(const RkItems *items)
{
	size_t blocks = rk_index_blocks(items->n);
	size_t columns = rk_index_columns(items->d);
	void *scratch = unit_alloc(rk_index_scratch_bytes(items->n));
	RkIndexRoom room = {
		.order = unit_alloc(items->n * sizeof(int32_t)),
		.coarse = unit_alloc(blocks * rk_index_coarse_bytes(items->d)),
		.fine = unit_alloc(items->n * columns),
		.mark = unit_alloc(blocks * RK_BLOCK * sizeof(int32_t)),
		.bias = items->bias != NULL ? unit_alloc(blocks * RK_BLOCK * sizeof(float)) : NULL,
		.block = unit_alloc(RK_BLOCK_N * blocks * sizeof(float)),
	};
	Index index = {room,
				   {room.order, room.coarse, room.fine, room.mark, room.bias, room.block, RK_PATH_BEST}};

	CHECK(rk_index_build(items, &room, scratch, NULL) == RK_OK);
	free(scratch);
	return index;
}

/* index_free frees an index. */
static inline void
index_free(Index *index)
{
	free(index->room.order);
	free(index->room.coarse);
	free(index->room.fine);
	free(index->room.mark);
	free(index->room.bias);
	free(index->room.block);
}

#endif /* TEST_INDEX_H */
