/*
 * als_learner.h
 *	  Private to learning ALS: what its files share.
 *
 * als_learn.c learns a version; als_choose.c finds how many sweeps by rows that
 * are held out (als_held_out.c takes them out); als_start.c makes the factors that sweeps begin with; als_sweep.c
 * has the sweeps, and the tasks that worker processes run; als_tensors.c hands
 * over what was learned; als_warm.c begins an incremental refresh.
 *
 * Everything shared with worker processes lies in the area: pointers in it are
 * good in every process (parallel/pool.h).  The split into ranges depends on
 * the rows and d alone, each range writes its own part, and the sums of ranges
 * are taken in order: the same bytes for any number of workers.
 */
#ifndef RECO_MODEL_ALS_LEARNER_H
#define RECO_MODEL_ALS_LEARNER_H

#include "postgres.h"

#include "portability/instr_time.h"

#include "kernel/holdout.h"
#include "kernel/quantise.h"
#include "model/als.h"
#include "model/blas.h"
#include "model/json.h"

/* Slabs of a Gram matrix: part of the result's bytes. */
#define GRAM_SLABS 8

/* Users that are measured while sweeps are chosen, about; the length of their lists; those of a range. */
#define VALIDATION_USERS 4096
#define VALIDATION_K 20
#define VALIDATION_RANGE 64

/* Blocks of the index that are made in one range. */
#define INDEX_BLOCKS 64

typedef enum AlsTask
{
	TASK_GRAM,
	TASK_ROTATE,
	TASK_SOLVE,
	TASK_SPREAD,
	TASK_INDEX,
	TASK_HOLDOUT,
	N_TASKS
} AlsTask;

/* One side, users or items. */
typedef struct AlsSide
{
	RkAlsSide problem; /* rows of this side; d, alpha0, lambda, nu */
	float *factor;     /* [n_rows x d] */
	float *bias;       /* [n_rows], explicit feedback only */
	size_t n_ranges;
	size_t *first; /* [n_ranges + 1] */
	double *loss;  /* [n_ranges] */
	float *degree; /* [n_rows], see rk_als_degree_range; implicit feedback only */
} AlsSide;

/* What all processes see.  Lies in the area. */
typedef struct AlsShared
{
	AlsSide users;
	AlsSide items;
	size_t d;
	double *slab;          /* [GRAM_SLABS x d x d]; the first becomes the sum, then the eigenvectors */
	float *vector;         /* [d x d], eigenvectors */
	double *eigenvalue;    /* [d], of the side prepared last */
	const AlsSide *target; /* the side being solved */
	AlsSide *other;        /* the side being prepared, or opposite to target */
	float *norm;           /* [n_items], of ranked; this, room and index by reco_als_index_room */
	RkIndexRoom room;
	RkIndex index;
	RkItems ranked; /* the items with their norms and index */
	RkHoldout holdout;
	size_t n_list; /* users to measure */
	double *ndcg;  /* [n_list] */
} AlsShared;

/* What only the calling process needs. */
typedef struct AlsLearner
{
	const RecoLearnInput *input;
	const RecoBlas *blas;
	AlsShared *shared;
	RecoPool *pool;
	uint64 seed;
	uint64 *item_hash; /* [n_items], of keys */
	uint32 *tie;       /* [n_items], in the area */
	void *eigh_scratch;
	int max_sweeps;
	size_t steps_before; /* ranges done in this phase before the current run */
	double loss;         /* of the last sweep; NaN before */
	instr_time lap;      /* when the stage that is timed began */
	size_t n_new;        /* items that the version gone on from does not know */
	bool *known;         /* [n_items], those that it knows; NULL in a full refresh */
} AlsLearner;

/* als_sweep.c */

/* reco_als_task is the table of tasks, by AlsTask. */
extern const RecoTask reco_als_task[N_TASKS];

/* reco_als_lap gives the seconds since the last lap, for messages of level DEBUG1. */
extern double reco_als_lap(AlsLearner *learner);

/* reco_als_run runs all ranges of a task; progress is reported if it counts. */
extern void reco_als_run(AlsLearner *learner, AlsTask task, size_t n_ranges, bool counts);

/* reco_als_count_rows counts the rows that have entries. */
extern size_t reco_als_count_rows(const RkCsr *rows);

/* reco_als_set_rows gives both sides the rows to learn from, and their ranges. */
extern void reco_als_set_rows(AlsLearner *learner, const RkCsr *by_user);

/*
 * reco_als_diagonalise leaves the eigenvectors of a side's Gram matrix in the first
 * slab and the eigenvalues beside it; reco_als_rotate maps the factors of
 * the side prepared last by shared->vector; reco_als_prepare does both.
 */
extern void reco_als_diagonalise(AlsLearner *learner, AlsSide *side);
extern void reco_als_rotate(AlsLearner *learner);
extern void reco_als_prepare(AlsLearner *learner, AlsSide *side);

/* reco_als_half_sweep solves one side exactly against the other. */
extern void reco_als_half_sweep(AlsLearner *learner, AlsSide *target, AlsSide *other);

/* reco_als_sweep_loss sums the loss after users were solved. */
extern double reco_als_sweep_loss(AlsLearner *learner);

/* als_start.c: reco_als_start writes the factors of the items that learning begins with. */
extern void reco_als_start(AlsLearner *learner);

/*
 * als_choose.c: reco_als_choose_sweeps gives the number of sweeps that measured best on held-out rows,
 * and adds what it measured to the metrics.
 */
extern int reco_als_choose_sweeps(AlsLearner *learner, RecoJson *metrics);

/* als_tensors.c */

/* reco_als_write_tensors hands over what serving needs; see als.c. */
extern void reco_als_write_tensors(AlsLearner *learner, RecoLearnOutput *output);

/*
 * reco_als_index_room allocates norms of the items and the index by which they are ranked
 * (kernel/quantise.h) in the area; reco_als_index_fill makes both of the factors as they are.
 * shared->ranked are then the items to rank.
 */
extern void reco_als_index_room(AlsLearner *learner);
extern void reco_als_index_fill(AlsLearner *learner);

#endif
