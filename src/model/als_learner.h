/*
 * als_learner.h
 *	  Private to learning ALS: what its files share.
 *
 * als_learn.c learns a version; als_choose.c finds how many sweeps by rows that
 * are held out (als_held_out.c takes them out); als_start.c makes the factors that sweeps begin with; als_side.c
 * fits what attributes say of factors; als_sweep.c
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
#include "kernel/side.h"
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
	TASK_SOLVE_LISTED, /* the users that are measured */
	TASK_SPREAD,
	TASK_INDEX,
	TASK_HOLDOUT,
	TASK_SIDE_GRAM,
	TASK_SIDE_RIGHT,
	TASK_SIDE_PRODUCT,
	TASK_SIDE_MISFIT,
	N_TASKS
} AlsTask;

/*
 * How well the solution W of a regression fits, from its normal equations (G + ridge) W = R: sum lambda |y - p W f|^2 is
 * squares - 2 p product + p^2 curved for any p.
 */
typedef struct AlsFit
{
	double squares; /* sum lambda |y|^2 */
	double product; /* tr(W^T R) */
	double curved;  /* tr(W^T G W) */
	double mean;    /* what the mean of the rows explains of squares */
} AlsFit;

/* What is known of the rows of a side, and what it says of their factors; als_side.c.  Lies in the area. */
typedef struct AlsAttributes
{
	RkSide problem; /* lambda_u of the rows at hand, 0 for those without entries */
	double *lambda; /* [n_rows], of problem */
	float *map;     /* [q x d], in the basis of the factors; its rows are rotated with them */
	double pull;    /* what the solution of the regression is multiplied by to become the map */
	bool fitted;    /* there is a map: factors are drawn towards it */
	float *left;    /* [q x d], the map noted by reco_als_side_leave */
	float *step;    /* [q x d], from there */
	double factor;  /* of a step, what the next one is expected to be */
	double *gram;   /* factored, of the rows at hand; NULL where there are too many columns for that */
	double *slab;   /* [RK_SIDE_SLABS x slab_elements], for tasks */
	size_t slab_elements;
	double misfit[RK_SIDE_SLABS];
	const float *misfit_map; /* of TASK_SIDE_MISFIT */
	RkSideSearch search;     /* where gram is NULL */
	double *right;           /* [q x d], the right side of the normal equations; may lie in the first slab */
	bool measured;           /* the fit below is that of the rows and factors at hand, up to a rotation */
	AlsFit fit;
} AlsAttributes;

/* One side, users or items. */
typedef struct AlsSide
{
	RkAlsSide problem; /* rows of this side; d, alpha0, lambda, nu */
	float *factor;     /* [n_rows x d] */
	float *bias;       /* [n_rows], explicit feedback only */
	size_t n_ranges;
	size_t *first;             /* [n_ranges + 1] */
	double *loss;              /* [n_ranges] */
	float *degree;             /* [n_rows], see rk_als_degree_range; implicit feedback only */
	AlsAttributes *attributes; /* NULL when nothing is known of the rows but their entries */
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
	bool wide;             /* of TASK_GRAM */
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
	void *rotate_scratch; /* of the leader */
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
 * reco_als_diagonalise leaves the eigenvectors of a side's Gram matrix, summed wide or not
 * (kernel/als.h), in the first slab and the eigenvalues beside it; reco_als_rotate maps the factors of
 * the side prepared last by shared->vector; reco_als_prepare does both, and sums again where it must be wide.
 */
extern void reco_als_diagonalise(AlsLearner *learner, AlsSide *side, bool wide);
extern void reco_als_rotate(AlsLearner *learner);
extern void reco_als_prepare(AlsLearner *learner, AlsSide *side);

/* reco_als_half_sweep solves one side exactly against the other. */
extern void reco_als_half_sweep(AlsLearner *learner, AlsSide *target, AlsSide *other);

/* reco_als_sweep_loss sums the loss after users were solved. */
extern double reco_als_sweep_loss(AlsLearner *learner);

/*
 * als_side.c.  Of a side without attributes reco_als_side_set, _fit and _rotate do nothing.
 *
 * reco_als_side_init makes what is known of both sides; reco_als_side_bytes bounds what it takes of the area for one.
 * reco_als_side_set takes the rows at hand (of them those known, unless that is NULL), and forgets the map.  reco_als_side_pull sets the pull of
 * the users and forgets both maps: for a new start with the same rows.  reco_als_side_fit fits the map to the factors
 * as they are.  reco_als_side_rotate rotates it by shared->vector.  reco_als_side_prior writes what the map says
 * of rows first ... last - 1 into their factors, zeros for rows without entries; it is called by tasks.
 * reco_als_side_misfit sums lambda |y - W f|^2.  reco_als_side_redraw makes the map what it is with another pull.
 *
 * reco_als_side_leave notes the map that is about to be fitted anew, in the same basis; reco_als_side_moved then gives the norm of the step, as a share of that of the
 * map; after the last step reco_als_side_reach goes on to where it seems to lead.
 */
extern void reco_als_side_init(AlsLearner *learner);
extern Size reco_als_side_bytes(size_t n_rows, size_t n_columns, size_t d);
extern void reco_als_side_set(AlsLearner *learner, AlsSide *side, const bool *known);
extern void reco_als_side_pull(AlsLearner *learner, double pull);
extern void reco_als_side_fit(AlsLearner *learner, AlsSide *side);
extern void reco_als_side_rotate(AlsLearner *learner, AlsSide *side);
extern RkStatus reco_als_side_prior(const AlsSide *side, size_t first, size_t last, double *tmp,
									const RkPoll *poll);
extern double reco_als_side_misfit(AlsLearner *learner, AlsSide *side);
extern void reco_als_side_redraw(AlsSide *side, double pull);
extern void reco_als_side_leave(AlsSide *side);
extern double reco_als_side_moved(AlsSide *side, bool first);
extern void reco_als_side_reach(AlsSide *side);

/* reco_als_prior_scratch is the room for tmp of reco_als_side_prior, in front of the scratch of a solve. */
static inline Size
reco_als_prior_scratch(size_t d)
{
	return TYPEALIGN(RK_SCRATCH_ALIGN, d * sizeof(double));
}

/*
 * reco_als_side_warm fits the map of the items to those that the version gone on from knows, and lets those that it
 * does not know begin with what their attributes say.
 */
extern void reco_als_side_warm(AlsLearner *learner);

/* reco_als_side_complete gives items without entries the factors that their attributes say. */
extern void reco_als_side_complete(AlsLearner *learner);

/* reco_als_side_metrics says how many columns are known of each side and what share of the factors they explain. */
extern void reco_als_side_metrics(AlsLearner *learner, RecoJson *metrics);

/* The tasks of als_side.c, for the table in als_sweep.c. */
extern RkStatus reco_als_task_side_gram(void *arg, size_t range, void *scratch, const RkPoll *poll);
extern RkStatus reco_als_task_side_right(void *arg, size_t range, void *scratch, const RkPoll *poll);
extern RkStatus reco_als_task_side_product(void *arg, size_t range, void *scratch, const RkPoll *poll);
extern RkStatus reco_als_task_side_misfit(void *arg, size_t range, void *scratch, const RkPoll *poll);

/* The pulls of users that are chosen from where the option leaves it open (als_choose.c). */
#define PULL_HALF 0.5
#define PULL_WHOLE 1.0

/* als_start.c: reco_als_start writes the factors of the items that learning begins with. */
extern void reco_als_start(AlsLearner *learner);

/*
 * reco_als_directions gives d leading right singular vectors of the normalised matrix (kernel/als.h) of rows, as orthonormal columns of
 * [n_items x d], after so many multiplications to and fro; NULL if all rows weigh nothing.  Of the learner,
 * reco_als_learner_make made the parts.
 */
extern float *reco_als_directions(AlsLearner *learner, const RkCsr *by_user, int rounds);

/* als_learn.c: reco_als_learner_make makes a learner for input->option, those of ALS, and starts its workers. */
extern AlsLearner *reco_als_learner_make(const RecoLearnInput *input);

/*
 * als_choose.c: reco_als_choose_sweeps gives the number of sweeps that measured best on held-out rows, leaves the pull of the
 * users that did, and adds what it measured to the metrics.
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
