/*
 * quantise.h
 *	  A small copy of the items that tells which of them can be among the best.
 *
 * The items lie in the order of falling norm (equal norms: by item), in blocks
 * of 16.  Each has two codes: a coarse one of three bits a coordinate, read by
 * every query, 16 items at a time; and a fine one of a byte a coordinate, read
 * only for items that the coarse code could not rule out.  The factors themselves
 * are read only for those that remain.  A query of 64 columns over items of equal
 * norm reads 28 bytes an item instead of 256.  Where norms differ it also ends
 * early: once |query| |y| of a block is too small, it is for all blocks after it.
 *
 * Both codes are of rows that are rotated first (rotate.h), the query likewise, which changes no inner product: factors of some
 * hundreds of columns have coordinates far out, of which three bits lose half as much again as of normal numbers.  Of
 * 1,024 factors on Gowalla, 41,000 items, the coarse code leaves 650 items to a median query, and 6,300 without the rotation.
 *
 * Three bits a coordinate are chosen because the search goes with the memory it
 * reads.  Of a million directions without any structure, the hardest case, they leave three items
 * in a thousand, whose fine codes cost a cache line and more each; four bits leave hardly any but
 * read a third more, two bits leave one in fifteen.
 *
 * The copy is derived data: a function of factors, norms and biases alone,
 * whichever CPU made it.
 *
 * Layout, columns being d rounded up to 32 and position p being lane p % 16 of
 * block p / 16:
 *
 *		order	[n]					position -> item
 *		coarse	[blocks x 6 columns] bytes 192 g + 4 lane + t and 64 and 128 behind it hold H of
 *									coordinates 32 g + 4 j + t, j = 0 .. 7: in their lower
 *									six bits those of j = 0 and 1, 2 and 3, 4 and 5; in
 *									the upper two of the first and second the lower bits of
 *									j = 6 and 7, whose highest bits are the third's upper two
 *		fine	[n x columns]		byte k is c of coordinate k; 128 for a row of zeros
 *		mark	[16 blocks]			s and r of the item: the upper halves of two floats, s
 *									in the upper 16 bits; 0 for a row of zeros and beyond n
 *		bias	[16 blocks]			only where items have a bias
 *		block	[RK_BLOCK_N x blocks], see RkBlockColumn
 *
 * ## Why nothing is lost
 *
 * Let u = 2^-24 and R the rotation, of d' columns, so that (R q).(R y) = q.y and |R y| = |y|.
 * What is computed of R y is rounded to float and so within 2^-24 (1 + 2^-20) |y| of it; of R q it is within 2^-47 |q|.
 * In what follows q and y are R q and R y, and d is d'.  The query q (double) is coded as q' = sigma z with integers
 * |z_k| <= 127, and the item y by H in 0 .. 7 and c in 1 .. 255 as
 *
 *		y1 = s (2 H - 7)	and		y2 = f (c - 128),
 *
 * s of the item and f of its block.  With e = y - y1 (or y2), by Cauchy-Schwarz
 *
 *		q.y = q'.y1 + q'.e + (q - q').y <= q'.y1 + |q'| |e| + |q - q'| |y|,	(1)
 *
 * and q'.y1 = s sigma (2 I - 7 Z) where I = sum H z and Z = sum z are
 * exact integers; likewise q'.y2 = f sigma (sum c z - 128 Z).
 *
 * Of each item is stored r, at least |e| of its coarse code, and of each block N, at
 * least the norm of each of its items (those of rk_items_norms, which round up), and R, at
 * least |e| of the fine code of each: the residuals of the rotated row as it was computed are summed in double, where s (2 H - 7)
 * and f (c - 128) are exact, and the sum of squares and root err by less than 2^-40 for
 * d <= 4096, then inflated by 1 + 2^-30; 2^-23 N is added for what the row was computed by, which also keeps products with them from
 * underflowing; and the sum is rounded up.  Of the query are computed in
 * double, inflated by 1 + 2^-20 which again exceeds every rounding, upper bounds
 * Q' of |q'|, Q of |q| and delta of |q - q'| (plus 2^-40 Q for the
 * rounding of each q_k - sigma z_k and of the rotation).
 *
 * *The coarse test in float32.*  For each item is computed
 *
 *		V = s * (A * I + B) + Q' * r,	A = 2 sigma,	B = -7 sigma Z,
 *
 * A, B and Q' rounded to float, each operation rounded, I exact in float because
 * |I| <= 7 * 127 * 4096 < 2^24.  That is at most five roundings of relative size u
 * along each path, so V differs from its real value by at most
 *
 *		5.01 u (2 s sigma |I| + 7 s sigma |Z| + Q' r).
 *
 * sigma |I| <= 7 sigma sum |z| <= 7 sqrt(d) |q'|; sigma |Z| <= sqrt(d) |q'|; s is
 * made at most the greatest |y_k| that was computed, so at most N (1 + 2^-23); and r, rounded up by less than 2^-7, is at most
 * 1.01 (|y| + |y1|) <= 1.01 (N + 7 sqrt(d) s) <= 8.1 sqrt(d) N (d >= 32).  Together the difference is at most
 *
 *		5.01 u (14 + 7 + 8.1) sqrt(d) Q' N < 146 u sqrt(d) Q' N,
 *
 * so with C = (delta + 256 u sqrt(d) Q') N (1 + 2^-20) + 2^-120, by (1),
 *
 *		q.y + (110 u sqrt(d) Q' + 2^-20 delta) N <= V + C - 2^-121.	(2)
 *
 * The 2^-120 covers underflow, gradual or flushed to zero: only the product with
 * s can underflow, by less than 2^-126, since the tests are used only for
 * 2^-30 <= max |q_k| <= 2^30 and blocks whose norms are 0 or within
 * [2^-60, 2^60].  Nothing overflows under the same conditions.
 *
 * *What the score is.*  The score (topk.h) is S = fl(fl(c + b) + s) with s = rk_dot(q, y)
 * and |s - q.y| <= d 2^-52 |q| |y|, which with room to spare fits
 * in the second addend of (2), as does 2^-52 |s|: Q' + delta is at least |q|, and
 * 110 u sqrt(d) > 2^-20 > (d + 1) 2^-52.  Let F be the least score to
 * keep.  If the real sum x = c + b + s is below F - 2^-51 (|F| + |s|), then
 * S < F strictly, for S <= x + 2^-53 (|x| + |s|) + 2^-53 (|x| + |x| 2^-52 + |s|), which
 * grows with x.  So with
 *
 *		T = F - c - 2^-48 (|F| + |c|) - 2^-120,
 *
 * 2^-48 also covering the roundings of T itself and of T - C,
 *
 *		V + b + C < T	implies		S < F.								(3)
 *
 * The test is written fl(V + b) >= t with t a float not above T - C.  If the real V + b
 * is at least t then so is fl(V + b), because rounding is monotone and t is a float:
 * the last addition needs no allowance.  t is found in double, lowered by
 * 2^-22 |t| + 2^-126, and rounded to float, which cannot bring it back above T - C.
 * It is limited to +-2^120, where |V + b| < 2^110 decides the same.
 *
 * *The fine test* is V2 = f sigma (sum c z - 128 Z) + Q' R + b >= t in
 * double.  The integer is exact, below 2^31; every rounding is 2^29 times smaller
 * than above while the terms are at most 128 times greater, so (2) and (3) hold with the same C and t.
 *
 * *The end.*  S < F if Q N (1 + 2^-20) + b_max < T, N and b_max being those of
 * this block and all after it: q.y <= |q| |y|, and 2^-20 Q N covers the
 * roundings as before.
 *
 * *Cosines* are rk_cosine = fl(fl(s / |q|) / |y|), clamped, the norms being rounded roots.
 * If it is at least F > -1 then so is the value before clamping, so
 * s >= F |q| |y| (1 - 2^-50 sign F).  Hence (3) holds for the threshold
 *
 *		T = F |q| n (1 - 2^-40) - 2^-120, n <= |y|,		if F > 0,
 *		T = F |q| N (1 + 2^-40) - 2^-120,				if F <= 0,
 *
 * with n the smallest norm of the block that is not 0, rounded down: rk_items_norms is at
 * most 1 + 2^-22 times the norm, so n is 1 - 2^-21 times the smallest of these.  (Rows of
 * zeros are no one's neighbour.)  F <= -1 keeps everything.
 *
 * Blocks with other norms, or with a bias above 2^100, say so; all their items are scored.
 * Other queries, |c| > 2^60 and d > 4096 use the float32 pass.
 *
 * The coarse test may be made again with a T that has risen since, from the V that was kept: (3) holds for any T.
 *
 * Every CPU gets the same candidates: I and sum c z are integers, the
 * float operations of V are the same in each variant, and -ffp-contract=off.
 */
#ifndef RK_QUANTISE_H
#define RK_QUANTISE_H

#include <stdint.h>

#include "status.h"
#include "topk.h"

/* Items in a block, the most blocks judged at once, and how many items may wait when they are. */
#define RK_BLOCK 16
#define RK_CHUNK 64
#define RK_WAITING 4096

/* Of the waiting items, so many are tested at once. */
#define RK_BATCH 64

/* Above this many columns there is no index. */
#define RK_INDEX_MAX_COLUMNS 4096

/* RkBlockColumn are the rows of RkIndex.block; each holds one number a block. */
typedef enum RkBlockColumn
{
	RK_BLOCK_NORM,       /* N, at least all norms from this block on */
	RK_BLOCK_NORM_LEAST, /* n, at most all its norms that are not 0 */
	RK_BLOCK_STEP,       /* f */
	RK_BLOCK_FINE,       /* R */
	RK_BLOCK_BIAS,       /* at least all biases from this block on; 0 without */
	RK_BLOCK_ODD,        /* 1: norms or biases are out of range, score all */
	RK_BLOCK_N
} RkBlockColumn;

/* RkPath names the variants of the inner loops; all give the same candidates. */
typedef enum RkPath
{
	RK_PATH_BEST, /* the fastest that this CPU has */
	RK_PATH_PLAIN,
	RK_PATH_AVX2,
	RK_PATH_VNNI, /* AVX-512 with VNNI */
	RK_PATH_NEON, /* every 64-bit ARM */
	RK_PATH_N
} RkPath;

/* RkIndex is the derived copy of n items of d columns; it owns nothing. */
typedef struct RkIndex
{
	const int32_t *order;
	const uint8_t *coarse;
	const uint8_t *fine;
	const int32_t *mark;
	const float *bias; /* NULL if the items have none */
	const float *block;
	RkPath path; /* RK_PATH_BEST, except in tests */
} RkIndex;

/* RkIndexRoom is where rk_index_build writes, shapes as above. */
typedef struct RkIndexRoom
{
	int32_t *order;
	uint8_t *coarse;
	uint8_t *fine;
	int32_t *mark;
	float *bias; /* NULL if the items have none */
	float *block;
} RkIndexRoom;

/* Coordinates that share bytes of the coarse code, and what those take of a block. */
#define RK_GROUP 32
#define RK_GROUP_BYTES 192

/* rk_index_columns is d rounded up to 32. */
static inline size_t
rk_index_columns(size_t d)
{
	return (d + RK_GROUP - 1) / RK_GROUP * RK_GROUP;
}

/* rk_index_coarse_bytes is the length of the coarse codes of a block. */
static inline size_t
rk_index_coarse_bytes(size_t d)
{
	return rk_index_columns(d) / RK_GROUP * RK_GROUP_BYTES;
}

/* rk_index_blocks is the number of blocks of n items. */
static inline size_t
rk_index_blocks(size_t n)
{
	return (n + RK_BLOCK - 1) / RK_BLOCK;
}

/* rk_index_scratch_bytes is the scratch of rk_index_build. */
extern size_t rk_index_scratch_bytes(size_t n);

/*
 * rk_index_build makes the index of items, whose n is below 2^31 and whose norms are
 * those of rk_items_norms.  RK_INVALID if d is 0 or above RK_INDEX_MAX_COLUMNS.
 */
extern RkStatus rk_index_build(const RkItems *items, const RkIndexRoom *room, void *scratch,
							   const RkPoll *poll);

/*
 * The same in pieces that processes can share: begin, which takes the scratch, then all ranges of
 * blocks first .. last - 1, then end.
 */
extern RkStatus rk_index_begin(const RkItems *items, const RkIndexRoom *room, void *scratch,
							   const RkPoll *poll);
extern RkStatus rk_index_range(const RkItems *items, const RkIndexRoom *room, size_t first, size_t last,
							   const RkPoll *poll);
extern void rk_index_end(const RkItems *items, const RkIndexRoom *room);

/* rk_path_exists tells whether this CPU can run a variant. */
extern bool rk_path_exists(RkPath path);

/*
 * RkGate says which score a candidate must be able to reach: T = base for inner products,
 * T = slope times n or N of the block, plus base, for cosines (see above).
 */
typedef struct RkGate
{
	double base;
	double slope; /* 0 for inner products */
} RkGate;

/* RkProbe is a coded query, with what it has found in the last chunks. */
typedef struct RkProbe
{
	const RkIndex *index;
	size_t n;
	size_t columns;
	RkPath path;
	const float *bias; /* of the index, or NULL: not to be added */
	int32_t sum;       /* Z */
	double step;       /* sigma */
	double norm;       /* Q' */
	double reach;      /* Q (1 + 2^-20) */
	double error;      /* C = error * N + 2^-120 */
	int8_t *code;      /* z, [columns], 0 beyond d */

	/* items that passed the coarse test with their V + b; and room for a chunk and a block */
	size_t n_waiting;
	uint32_t position[RK_WAITING + (RK_CHUNK + 1) * RK_BLOCK];
	float value[RK_WAITING + (RK_CHUNK + 1) * RK_BLOCK];

	/* items to be scored */
	size_t n_found;
	uint32_t item[RK_CHUNK * RK_BLOCK];
} RkProbe;

/* rk_probe_scratch_bytes is the scratch of rk_probe_init. */
extern size_t rk_probe_scratch_bytes(size_t d);

/*
 * rk_probe_init codes a query, [d], for the index of items and gives the probe,
 * which lies in the scratch; NULL if there is no index or the query is out of range.
 */
extern RkProbe *rk_probe_init(const RkItems *items, const double *query, bool with_bias, void *scratch);

/*
 * rk_probe_ends tells whether neither the block nor any after it holds an item
 * whose inner product with the query, plus bias, may reach T = base.
 */
extern bool rk_probe_ends(const RkProbe *probe, size_t block, double base);

/* rk_probe_find gives the first block whose least norm is at most a norm, or the last block. */
extern size_t rk_probe_find(const RkProbe *probe, double norm);

/* rk_probe_is_zero tells whether all items of the block and after it are rows of zeros. */
extern bool rk_probe_is_zero(const RkProbe *probe, size_t block);

/*
 * rk_probe_all finds every item of blocks first .. first + n_blocks - 1 that is
 * not marked in skip, a bitmap of items or NULL.
 */
extern void rk_probe_all(RkProbe *probe, size_t first, size_t n_blocks, const uint8_t *skip);

/*
 * rk_probe_coarse lets those items of blocks first .. first + n_blocks - 1 wait
 * that pass the coarse test; n_blocks <= RK_CHUNK, and no more than RK_WAITING wait before.
 * It gives how many of the new, which are then the last of all, promise to reach T: they would if their
 * residual counted for nothing.
 */
extern size_t rk_probe_coarse(RkProbe *probe, const RkGate *gate, size_t first, size_t n_blocks);

/*
 * rk_probe_fine finds those of the last n waiting items, at most RK_CHUNK * RK_BLOCK, that pass both tests, the
 * coarse one again because T may have risen, and are not marked in skip; the n wait no longer.
 */
extern void rk_probe_fine(RkProbe *probe, const RkGate *gate, size_t n, const uint8_t *skip);

#endif /* RK_QUANTISE_H */
