/*
 * worker.c
 *	  The worker's side of a pool.
 *
 * A worker has no database, no transaction and no snapshot: it maps the area,
 * claims ranges and does them.  It has nothing to say: whatever goes wrong, it leaves with
 * exit code 0, and the leader and the others do its share.
 *
 * It leaves when the leader says so, when it is told to end (after the range it is at),
 * and when the leader or the postmaster is gone.
 */
#include "postgres.h"

#include <signal.h>

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/latch.h"
#include "storage/pmsignal.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "parallel/launch.h"

/* How often a worker without work looks whether its leader is there. */
#define LOOK_MS 1000

typedef struct Worker
{
	RecoControl *control;
	RecoSlot *slot;
	void *scratch;
} Worker;

static volatile sig_atomic_t told_to_end = false;

/* on_term notes that the worker is to end. */
static void
on_term(SIGNAL_ARGS)
{
	int saved = errno;

	told_to_end = true;
	SetLatch(MyLatch);
	errno = saved;
}

/* abandoned says whether nobody wants the work any more; the poll of the tasks. */
static bool
abandoned(void *arg)
{
	Worker *worker = arg;

	return pg_atomic_read_u32(&worker->control->stop) != 0 ||
		   pg_atomic_read_u32(&worker->control->status) != RK_OK || !PostmasterIsAlive();
}

/* set_state tells the leader what this worker is at. */
static void
set_state(Worker *worker, RecoSlotState state)
{
	pg_memory_barrier();
	pg_atomic_write_u32(&worker->slot->state, state);
	pg_memory_barrier();
}

/* attach maps the area and takes the worker's slot; false when it came too late or cannot. */
static bool
attach(Worker *worker, int number, int n_tasks)
{
	RecoLaunch launch;
	RecoControl *control;
	char *scratch;

	memcpy(&launch, MyBgworkerEntry->bgw_extra, sizeof(launch));
	control =
		(RecoControl *) reco_area_map_at(launch.path, (char *) (uintptr_t) launch.address, launch.bytes);
	if (control == NULL)
		return false;
	if (control->cookie != launch.cookie || control->n_tasks != n_tasks || number < 0 ||
		number >= control->n_slots || pg_atomic_read_u32(&control->stop) != 0)
		return false;
	scratch = MemoryContextAllocExtended(TopMemoryContext, control->scratch_bytes + RECO_AREA_ALIGN,
										 MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (scratch == NULL)
		return false;
	worker->control = control;
	worker->scratch = (void *) TYPEALIGN(RECO_AREA_ALIGN, scratch);
	worker->slot = &control->slot[number];
	worker->slot->proc_number = (int) (MyProc - ProcGlobal->allProcs);
	set_state(worker, RECO_SLOT_IDLE);
	return true;
}

/* leader_gone says whether the leading process does not exist any more. */
static bool
leader_gone(const RecoControl *control)
{
	return kill(control->leader_pid, 0) != 0 && errno == ESRCH;
}

/* work_off does ranges as long as there are any. */
static void
work_off(Worker *worker, const RecoTask *task, const RkPoll *poll)
{
	RecoControl *control = worker->control;
	RecoClaim claim;

	set_state(worker, RECO_SLOT_BUSY);
	while (!told_to_end && pg_atomic_read_u32(&control->stop) == 0 && reco_pool_claim(control, &claim))
		reco_pool_perform(control, &claim, task, worker->scratch, poll);
	set_state(worker, RECO_SLOT_IDLE);
	reco_pool_wake(control->leader_proc_number);
}

/* reco_pool_work is the main loop of a worker. */
void
reco_pool_work(Datum main_arg, const RecoTask *task, int n_tasks)
{
	Worker worker = {0};
	RkPoll poll = {.cancelled = abandoned, .arg = &worker};

	pqsignal(SIGTERM, on_term);
	BackgroundWorkerUnblockSignals();
	if (!attach(&worker, DatumGetInt32(main_arg), n_tasks))
		return;
	while (!told_to_end && pg_atomic_read_u32(&worker.control->stop) == 0)
	{
		ResetLatch(MyLatch);
		if (reco_pool_has_work(worker.control))
		{
			work_off(&worker, task, &poll);
			continue;
		}
		if (leader_gone(worker.control))
			break;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, LOOK_MS,
						 PG_WAIT_EXTENSION);
	}
	set_state(&worker, RECO_SLOT_LEFT);
}
