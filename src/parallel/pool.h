/*
 * pool.h
 *	  Memory shared with worker processes while learning, and the workers.
 *
 * An area is a file in reco's folder, reserved with posix_fallocate and mapped
 * shared at the same address in each process (a worker that cannot have the
 * address leaves; fewer workers means slower).  So kernels may keep plain
 * pointers into it.  Workers are dynamic background workers without a database
 * connection: they hold no snapshot, take no lock, raise no error; they run
 * numbered ranges of numbered tasks and answer with a status.
 *
 * Ownership: the leader creates area and pool, both die with the memory context
 * they were made in (reset callbacks stop the workers, unmap and unlink), on
 * errors too.  If the leader dies workers notice and leave.
 */
#ifndef RECO_PARALLEL_POOL_H
#define RECO_PARALLEL_POOL_H

#include "postgres.h"

#include "kernel/status.h"

typedef struct RecoArea RecoArea;
typedef struct RecoPool RecoPool;

/*
 * reco_area_create maps "bytes", and a little more for the rounding of a thousand
 * pieces and for the pool.  Raises ERRCODE_CONFIGURATION_LIMIT_EXCEEDED above
 * reco.learn_memory or temp_file_limit, saying both figures, and ERRCODE_DISK_FULL when it cannot be
 * reserved; NOTICE above maintenance_work_mem.  advice: what else than more room would
 * help, as the end of a hint ("learn fewer factors").  Freed with the current memory context.
 */
extern RecoArea *reco_area_create(Size bytes, const char *advice);

/* reco_area_alloc gives the next 64-byte aligned piece; raises when the area is exhausted. */
extern void *reco_area_alloc(void *area, Size bytes);

/* reco_area_mark and _release give back everything allocated since the mark. */
extern Size reco_area_mark(const RecoArea *area);
extern void reco_area_release(RecoArea *area, Size mark);

/*
 * A task works on one range of its argument.  arg lies in the area; scratch is
 * private to the process, 64-byte aligned, as large as the pool was told.
 * It polls as kernels do and gives their status.
 */
typedef RkStatus (*RecoTask)(void *arg, size_t range, void *scratch, const RkPoll *poll);

/*
 * reco_pool_start launches "workers" (reco.workers resolved: reco_pool_workers())
 * background workers whose main function is the symbol worker_main of reco.so;
 * that function calls reco_pool_work with the same task table.  Zero workers is fine.
 * An area has one pool at a time.  A pool whose run ended in an error cannot run again.
 */
extern int reco_pool_workers(void);
extern RecoPool *reco_pool_start(RecoArea *area, int workers, const char *worker_main, const RecoTask *task,
								 int n_tasks, Size scratch_bytes);

/* Called after each range the leader has done, with the number of ranges done by all; may be NULL. */
typedef void (*RecoPoolProgress)(void *state, size_t done, size_t total);

/*
 * reco_pool_run runs ranges 0 ... n_ranges - 1 of a task, each exactly once, on
 * the leader and the workers, and returns when all are done.  Checks for interrupts
 * between ranges and while waiting.  The first status other than RK_OK stops the
 * run and is returned.
 */
extern RkStatus reco_pool_run(RecoPool *pool, int task, void *arg, size_t n_ranges, RecoPoolProgress progress,
							  void *state);

/* reco_pool_poll is the poll of the leader, for kernels it calls by itself: true when an interrupt is pending. */
extern const RkPoll reco_pool_poll;

extern void reco_pool_stop(RecoPool *pool);

/* reco_pool_work is the main loop of a worker: main_arg as given by the background worker. */
extern void reco_pool_work(Datum main_arg, const RecoTask *task, int n_tasks);

#endif
