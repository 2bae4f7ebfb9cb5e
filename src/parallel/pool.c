/*
 * pool.c
 *	  The leader's side of a pool, and what both sides share.
 *
 * A run is a task, its argument, and a number of ranges.  Whoever is free, the
 * leader included, claims the next range by raising one atomic number, the
 * ticket, which holds both which run it is of (the epoch, 24 bits) and the next range
 * (40 bits).  Only that makes claims safe: a slow worker may have read
 * the description of one run and then sleep until another run is on; its
 * compare-and-swap then fails, since the epoch has moved on.
 *
 * Invariants:
 *
 *	- The description (task, arg, n_ranges, status, done) changes only while the ticket
 *	  is closed and of a new epoch.  So a claim that succeeds used the description
 *	  of the run it is for.
 *
 *	- Each claimed range is counted in "done" exactly once, after its effects.
 *	  The run is over when all claimed ranges are done; then no process touches
 *	  what the task works on, and the caller may free or reuse it.
 *
 *	- "status" goes from RK_OK to the first other status and stays; with it set
 *	  nobody claims any more, and the polls of those at work answer true.
 *
 *	- When the leader raises an error instead (a cancel), it does not wait: the reset
 *	  callback sets "stop", and workers give up at their next poll.  They write
 *	  into their own mapping of a file that has no name any more.  A pool that was
 *	  left in the middle of a run never runs again, and its area gets no workers again.
 *
 * Which process does which range changes from run to run; results must not depend on
 * it, and do not when ranges write to places of their own.
 *
 * A worker that is told to end by the postmaster finishes its range first.  A
 * worker that vanishes with a range would leave the leader waiting, so the
 * leader looks now and then whether one is gone that had work.
 */
#include "postgres.h"

#include <unistd.h>

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "parallel/launch.h"
#include "reco.h"

/* How long reco_pool_stop waits for workers to leave. */
#define STOP_WAIT_MS 2000

struct RecoPool
{
	RecoArea *area;
	RecoControl *control;
	const RecoTask *task;
	int n_tasks;
	void *scratch;
	bool running; /* a run has begun and not ended */
	bool stopped;
	int n_workers; /* registered */
	BackgroundWorkerHandle *handle[RECO_POOL_MAX_WORKERS];
	MemoryContextCallback callback;
};

/* interrupted says whether the user or an administrator wants this session to stop. */
static bool
interrupted(void *arg)
{
	RecoPool *pool = arg;

	return QueryCancelPending || ProcDiePending ||
		   (pool != NULL && pg_atomic_read_u32(&pool->control->status) != RK_OK);
}

const RkPoll reco_pool_poll = {.cancelled = interrupted, .arg = NULL};

/* reco_pool_has_work says whether there is a range to claim. */
bool
reco_pool_has_work(RecoControl *control)
{
	uint64 ticket = pg_atomic_read_u64(&control->ticket);

	pg_read_barrier();
	return (ticket & RECO_TICKET_CLOSED) != RECO_TICKET_CLOSED &&
		   (ticket & RECO_TICKET_CLOSED) < control->n_ranges && pg_atomic_read_u32(&control->status) == RK_OK;
}

/* reco_pool_claim claims the next range of the run at hand. */
bool
reco_pool_claim(RecoControl *control, RecoClaim *claim)
{
	for (;;)
	{
		uint64 ticket = pg_atomic_read_u64(&control->ticket);

		pg_read_barrier();
		claim->range = ticket & RECO_TICKET_CLOSED;
		claim->task = control->task;
		claim->arg = control->arg;
		if (claim->range == RECO_TICKET_CLOSED || claim->range >= control->n_ranges ||
			pg_atomic_read_u32(&control->status) != RK_OK)
			return false;
		if (pg_atomic_compare_exchange_u64(&control->ticket, &ticket, ticket + 1))
			return true;
	}
}

/* reco_pool_perform does a claimed range. */
void
reco_pool_perform(RecoControl *control, const RecoClaim *claim, const RecoTask *task, void *scratch,
				  const RkPoll *poll)
{
	RkStatus status = task[claim->task](claim->arg, (size_t) claim->range, scratch, poll);
	uint32 none = RK_OK;

	if (status != RK_OK)
		(void) pg_atomic_compare_exchange_u32(&control->status, &none, (uint32) status);
	(void) pg_atomic_fetch_add_u64(&control->done, 1);
}

/* reco_pool_wake sets the latch of a process; harmless when another process has its place by now. */
void
reco_pool_wake(int proc_number)
{
	SetLatch(&ProcGlobal->allProcs[proc_number].procLatch);
}

/* wake_workers wakes those that have come. */
static void
wake_workers(RecoPool *pool)
{
	for (int i = 0; i < pool->n_workers; i++)
	{
		uint32 state = pg_atomic_read_u32(&pool->control->slot[i].state);

		pg_read_barrier();
		if (state == RECO_SLOT_IDLE || state == RECO_SLOT_BUSY)
			reco_pool_wake(pool->control->slot[i].proc_number);
	}
}

/* send_home tells the workers to leave, those that have not started included. */
static void
send_home(RecoPool *pool)
{
	pool->stopped = true;
	pool->area->pool = NULL;
	pg_atomic_write_u32(&pool->control->stop, 1);
	pg_memory_barrier();
	wake_workers(pool);
	for (int i = 0; i < pool->n_workers; i++)
		TerminateBackgroundWorker(pool->handle[i]);
}

/* reco_pool_abandon stops a pool without waiting. */
void
reco_pool_abandon(RecoPool *pool)
{
	if (pool->stopped)
		return;
	if (pool->n_workers > 0)
		pool->area->spoiled = true;
	send_home(pool);
}

/* abandon is the reset callback of the context a pool was made in. */
static void
abandon(void *pool)
{
	reco_pool_abandon(pool);
}

/* all_left says whether no worker is left. */
static bool
all_left(RecoPool *pool)
{
	for (int i = 0; i < pool->n_workers; i++)
	{
		pid_t pid;
		BgwHandleStatus status = GetBackgroundWorkerPid(pool->handle[i], &pid);

		if (status == BGWH_STARTED || status == BGWH_NOT_YET_STARTED)
			return false;
	}
	return true;
}

/* nap waits for the latch, at most so long, and takes interrupts. */
static void
nap(long milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, milliseconds,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* reco_pool_stop sends the workers home and waits until they have left, though not for long. */
void
reco_pool_stop(RecoPool *pool)
{
	TimestampTz begun = GetCurrentTimestamp();

	if (pool->stopped)
		return;
	pool->area->spoiled |= pool->n_workers > 0;
	send_home(pool);
	while (!all_left(pool))
	{
		if (TimestampDifferenceExceeds(begun, GetCurrentTimestamp(), STOP_WAIT_MS))
			return;
		nap(50);
	}
	if (!pool->running && pool->n_workers > 0)
		pool->area->spoiled = false;
}

/* reco_pool_workers gives how many workers to launch: reco.workers, or what the machine and the server allow. */
int
reco_pool_workers(void)
{
	long processors;

	if (reco_workers >= 0)
		return Min(reco_workers, RECO_POOL_MAX_WORKERS);
	processors = sysconf(_SC_NPROCESSORS_ONLN);
	return (int) Max(0, Min(Min(processors - 1, max_parallel_maintenance_workers), RECO_POOL_MAX_WORKERS));
}

/* launch registers one worker; false when the server has no place for it. */
static bool
launch(RecoPool *pool, const char *worker_main)
{
	RecoArea *area = pool->area;
	BackgroundWorker worker = {0};
	RecoLaunch launch = {0};

	StaticAssertStmt(sizeof(RecoLaunch) <= BGW_EXTRALEN, "bgw_extra is large enough");
	launch.cookie = pool->control->cookie;
	launch.address = (uint64) (uintptr_t) area->base;
	launch.bytes = area->bytes;
	strlcpy(launch.path, area->path, sizeof(launch.path));

	snprintf(worker.bgw_name, BGW_MAXLEN, "reco worker for PID %d", MyProcPid);
	strlcpy(worker.bgw_type, "reco worker", BGW_MAXLEN);
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "$libdir/reco", sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, worker_main, sizeof(worker.bgw_function_name));
	worker.bgw_main_arg = Int32GetDatum(pool->n_workers);
	memcpy(worker.bgw_extra, &launch, sizeof(launch));
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &pool->handle[pool->n_workers]))
		return false;
	pool->n_workers++;
	return true;
}

/* prepare_control fills the control block of a new pool; no worker is there yet. */
static void
prepare_control(RecoPool *pool, int workers, Size scratch_bytes)
{
	static uint32 pools_made = 0;
	RecoControl *control = pool->control;

	memset(control, 0, sizeof(RecoControl));
	control->cookie = ((uint64) MyProcPid << 32 | ++pools_made) ^ (uint64) GetCurrentTimestamp();
	control->leader_pid = MyProcPid;
	control->leader_proc_number = (int) (MyProc - ProcGlobal->allProcs);
	control->n_slots = workers;
	control->n_tasks = pool->n_tasks;
	control->scratch_bytes = scratch_bytes;
	pg_atomic_init_u32(&control->stop, 0);
	pg_atomic_init_u32(&control->status, RK_OK);
	pg_atomic_init_u64(&control->ticket, RECO_TICKET_CLOSED);
	pg_atomic_init_u64(&control->done, 0);
	for (int i = 0; i < RECO_POOL_MAX_WORKERS; i++)
		pg_atomic_init_u32(&control->slot[i].state, RECO_SLOT_EMPTY);
	pg_memory_barrier();
}

/* reco_pool_start makes a pool and launches its workers; it ends with the current memory context. */
RecoPool *
reco_pool_start(RecoArea *area, int workers, const char *worker_main, const RecoTask *task, int n_tasks,
				Size scratch_bytes)
{
	RecoPool *pool = palloc0(sizeof(RecoPool));
	char *scratch = MemoryContextAllocHuge(CurrentMemoryContext, scratch_bytes + RECO_AREA_ALIGN);

	if (area->pool != NULL)
		elog(ERROR, "a pool is running in this area");
	workers = area->spoiled ? 0 : Max(0, Min(workers, RECO_POOL_MAX_WORKERS));
	pool->area = area;
	pool->task = task;
	pool->n_tasks = n_tasks;
	pool->scratch = (void *) TYPEALIGN(RECO_AREA_ALIGN, scratch);
	pool->control = workers > 0 ? reco_area_control(area) : palloc(sizeof(RecoControl));
	prepare_control(pool, workers, scratch_bytes);
	area->pool = pool;
	pool->callback.func = abandon;
	pool->callback.arg = pool;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &pool->callback);

	while (pool->n_workers < workers)
	{
		if (!launch(pool, worker_main))
		{
			ereport(DEBUG1, (errmsg_internal("%d of %d reco workers: max_worker_processes is reached",
											 pool->n_workers, workers)));
			break;
		}
	}
	return pool;
}

/* open_run describes a run and lets everybody claim its ranges. */
static void
open_run(RecoPool *pool, int task, void *arg, size_t n_ranges)
{
	RecoControl *control = pool->control;
	uint64 epoch = ((pg_atomic_read_u64(&control->ticket) >> RECO_RANGE_BITS) + 1) << RECO_RANGE_BITS;

	pg_atomic_write_u64(&control->ticket, epoch | RECO_TICKET_CLOSED);
	pg_memory_barrier();
	control->task = task;
	control->arg = arg;
	control->n_ranges = n_ranges;
	pg_atomic_write_u32(&control->status, RK_OK);
	pg_atomic_write_u64(&control->done, 0);
	pg_memory_barrier();
	pg_atomic_write_u64(&control->ticket, epoch);
	pg_memory_barrier();
	wake_workers(pool);
}

/* close_run ends claiming, and gives how many ranges were claimed. */
static uint64
close_run(RecoControl *control)
{
	uint64 ticket = pg_atomic_read_u64(&control->ticket);

	while (!pg_atomic_compare_exchange_u64(&control->ticket, &ticket, ticket | RECO_TICKET_CLOSED))
		;
	return Min(ticket & RECO_TICKET_CLOSED, control->n_ranges);
}

/* check_workers raises when a worker has vanished that may have had a range. */
static void
check_workers(RecoPool *pool)
{
	for (int i = 0; i < pool->n_workers; i++)
	{
		pid_t pid;

		if (GetBackgroundWorkerPid(pool->handle[i], &pid) == BGWH_STOPPED &&
			pg_atomic_read_u32(&pool->control->slot[i].state) == RECO_SLOT_BUSY)
			ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
							errmsg("a reco worker process ended in the middle of its work"),
							errhint("The server's log may say why.")));
	}
}

/* wait_for_claimed waits until all claimed ranges are done. */
static void
wait_for_claimed(RecoPool *pool, uint64 claimed, RecoPoolProgress progress, void *state)
{
	RecoControl *control = pool->control;
	uint64 reported = 0;

	for (;;)
	{
		uint64 done = pg_atomic_read_u64(&control->done);

		if (progress != NULL && done != reported)
			progress(state, (size_t) done, (size_t) control->n_ranges);
		reported = done;
		if (done >= claimed)
			break;
		nap(100);
		check_workers(pool);
	}
	pg_memory_barrier();
}

/*
 * end_with_postmaster ends the process when the postmaster is gone.  A backend that waits does so by itself; one that learns
 * for an hour would keep the server from being started again for as long.
 */
static void
end_with_postmaster(void)
{
	if (IsUnderPostmaster && !PostmasterIsAlive())
		proc_exit(1);
}

/* reco_pool_run runs the ranges of a task, each once, and gives the first status other than RK_OK. */
RkStatus
reco_pool_run(RecoPool *pool, int task, void *arg, size_t n_ranges, RecoPoolProgress progress, void *state)
{
	RkPoll poll = {.cancelled = interrupted, .arg = pool};
	RecoControl *control = pool->control;
	RecoClaim claim;

	if (pool->running || pool->stopped)
		elog(ERROR, "this pool cannot run any more");
	if (task < 0 || task >= pool->n_tasks || n_ranges >= RECO_TICKET_CLOSED)
		elog(ERROR, "no such task or too many ranges");
	if (n_ranges == 0)
		return RK_OK;

	pool->running = true;
	open_run(pool, task, arg, n_ranges);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		end_with_postmaster();
		if (!reco_pool_claim(control, &claim))
			break;
		reco_pool_perform(control, &claim, pool->task, pool->scratch, &poll);
		if (progress != NULL)
			progress(state, (size_t) pg_atomic_read_u64(&control->done), n_ranges);
	}
	wait_for_claimed(pool, close_run(control), progress, state);
	pool->running = false;
	return (RkStatus) pg_atomic_read_u32(&control->status);
}
