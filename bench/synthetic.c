/*
 * synthetic.c
 *	  The item side of a large model, for benchmarks, from a small learned one.
 *
 *		synthetic KIND ITEMS COLUMNS < factors
 *
 * Reads learned factors, [n x COLUMNS] float4 in hexadecimal, and writes the
 * tensors of a version with ITEMS items (src/README.md) as text for COPY:
 * tensor, type, rows, columns, chunk, bytes.  Item i has the key i.  KIND is
 *
 *		bootstrap	items 0 ... n - 1 are the learned ones and the others are drawn from
 *					them; each has noise added of 25 % of its own norm
 *		isotropic	unit vectors of random direction
 *
 * The same arguments give the same bytes on one kind of CPU.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/quantise.h"
#include "kernel/topk.h"

#define CHUNK_BYTES (1024 * 1024)
#define NOISE 0.25

static uint64_t state = 42;

static void *
allocate(size_t bytes)
{
	void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);

	if (memory == NULL)
	{
		fprintf(stderr, "synthetic: out of memory\n");
		exit(1);
	}
	memset(memory, 0, bytes);
	return memory;
}

/* draw gives the next 64 random bits (splitmix64). */
static uint64_t
draw(void)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* normal gives a number that is nearly normal: the sum of four uniform ones, of variance 1. */
static double
normal(void)
{
	uint64_t bits = draw();
	double sum = 0;

	for (int part = 0; part < 4; part++, bits >>= 16)
		sum += (double) (bits & 0xffff) / 65536 - 0.5;
	return sum * sqrt(3);
}

/* read_factors reads hexadecimal digits until the end; gives the number of floats. */
static size_t
read_factors(float **factor)
{
	size_t capacity = 1 << 20;
	size_t n = 0;
	unsigned char *bytes = malloc(capacity);
	int high;

	while ((high = getchar()) != EOF && high != '\n')
	{
		char digits[3] = {(char) high, (char) getchar(), 0};

		if (n == capacity)
			bytes = realloc(bytes, capacity *= 2);
		bytes[n++] = (unsigned char) strtol(digits, NULL, 16);
	}
	*factor = (float *) (void *) bytes;
	return n / sizeof(float);
}

/* add_noise writes an item: a learned one with noise. */
static void
add_noise(const float *from, float *to, size_t d)
{
	double square = 0;

	for (size_t k = 0; k < d; k++)
		square += (double) from[k] * from[k];
	for (size_t k = 0; k < d; k++)
		to[k] = (float) (from[k] + NOISE * sqrt(square / (double) d) * normal());
}

/* point writes an item: a unit vector of random direction. */
static void
point(float *to, size_t d)
{
	double square = 0;

	for (size_t k = 0; k < d; k++)
	{
		to[k] = (float) normal();
		square += (double) to[k] * to[k];
	}
	for (size_t k = 0; k < d; k++)
		to[k] = (float) (to[k] / sqrt(square));
}

/* put writes a tensor of elements of "size" bytes. */
static void
put(const char *name, const char *type, size_t size, size_t rows, size_t columns, const void *data)
{
	static const char hex[] = "0123456789abcdef";
	size_t bytes = rows * columns * size;
	char *line = allocate(2 * CHUNK_BYTES + 1);

	for (size_t start = 0; start < bytes; start += CHUNK_BYTES)
	{
		size_t length = bytes - start < CHUNK_BYTES ? bytes - start : CHUNK_BYTES;
		const unsigned char *from = (const unsigned char *) data + start;

		for (size_t i = 0; i < length; i++)
		{
			line[2 * i] = hex[from[i] >> 4];
			line[2 * i + 1] = hex[from[i] & 15];
		}
		line[2 * length] = 0;
		printf("%s\t%s\t%zu\t%zu\t%zu\t\\\\x%s\n", name, type, rows, columns, start / CHUNK_BYTES, line);
	}
	free(line);
}

/* put_keys writes keys and order of popularity: both 0, 1, ... */
static void
put_keys(size_t n)
{
	int64_t *key = allocate(n * sizeof(int64_t));
	int32_t *popular = allocate(n * sizeof(int32_t));

	for (size_t i = 0; i < n; i++)
	{
		key[i] = (int64_t) i;
		popular[i] = (int32_t) i;
	}
	put("item_key", "int8", 8, n, 1, key);
	put("popular", "int4", 4, n, 1, popular);
	free(key);
	free(popular);
}

/* put_index writes norms and the copy of the items that ranking reads. */
static RkStatus
put_index(RkItems *items)
{
	size_t columns = rk_index_columns(items->d);
	size_t blocks = rk_index_blocks(items->n);
	float *norm = allocate(items->n * sizeof(float));
	RkIndexRoom room = {.order = allocate(items->n * sizeof(int32_t)),
						.coarse = allocate(blocks * rk_index_coarse_bytes(items->d)),
						.fine = allocate(items->n * columns),
						.mark = allocate(blocks * RK_BLOCK * sizeof(int32_t)),
						.block = allocate(RK_BLOCK_N * blocks * sizeof(float))};
	RkStatus status = rk_items_norms(items->factor, items->d, 0, items->n, norm, NULL);

	items->norm = norm;
	if (status == RK_OK)
		status = rk_index_build(items, &room, allocate(rk_index_scratch_bytes(items->n)), NULL);
	if (status != RK_OK)
		return status;
	put("item_norm", "float4", 4, items->n, 1, norm);
	put("rank_order", "int4", 4, items->n, 1, room.order);
	put("rank_coarse", "byte", 1, blocks, rk_index_coarse_bytes(items->d), room.coarse);
	put("rank_fine", "byte", 1, items->n, columns, room.fine);
	put("rank_mark", "int4", 4, blocks, RK_BLOCK, room.mark);
	put("rank_block", "float4", 4, RK_BLOCK_N, blocks, room.block);
	return RK_OK;
}

int
main(int argc, char **argv)
{
	RkItems items = {0};
	float *learned;
	float *factor;
	size_t n_learned;
	int isotropic;

	if (argc != 4 || (items.n = strtoul(argv[2], NULL, 10)) == 0 || (items.d = strtoul(argv[3], NULL, 10)) == 0)
	{
		fprintf(stderr, "usage: synthetic bootstrap|isotropic ITEMS COLUMNS < factors in hexadecimal\n");
		return 2;
	}
	isotropic = strcmp(argv[1], "isotropic") == 0;
	n_learned = read_factors(&learned) / items.d;
	if (n_learned == 0)
	{
		fprintf(stderr, "synthetic: no factors to draw from\n");
		return 2;
	}
	items.factor = factor = allocate(items.n * items.d * sizeof(float));
	for (size_t i = 0; i < items.n; i++)
	{
		size_t from = i < n_learned ? i : draw() % n_learned;

		if (isotropic)
			point(factor + i * items.d, items.d);
		else
			add_noise(learned + from * items.d, factor + i * items.d, items.d);
	}
	put("item_factor", "float4", 4, items.n, items.d, factor);
	put_keys(items.n);
	if (put_index(&items) != RK_OK)
	{
		fprintf(stderr, "synthetic: the copy for ranking cannot be made\n");
		return 1;
	}
	return 0;
}
