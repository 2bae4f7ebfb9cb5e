/*
 * area.h
 *	  What an area looks like inside the room: the head that leader and workers
 *	  share, and the leader's handle.
 */
#ifndef RECO_PARALLEL_AREA_H
#define RECO_PARALLEL_AREA_H

#include "postgres.h"

#include "lib/ilist.h"
#include "port/atomics.h"
#include "utils/palloc.h"

#include "parallel/pool.h"

#define RECO_AREA_ALIGN 64
#define RECO_AREA_PATH_BYTES 72
#define RECO_POOL_MAX_WORKERS 128

typedef enum RecoSlotState
{
	RECO_SLOT_EMPTY = 0, /* the worker has not come, or never will */
	RECO_SLOT_IDLE,
	RECO_SLOT_BUSY, /* may have claimed a range that is not done */
	RECO_SLOT_LEFT
} RecoSlotState;

/* One worker, on a cache line of its own. */
typedef struct RecoSlot
{
	pg_atomic_uint32 state;
	int proc_number; /* index in ProcGlobal->allProcs, valid from RECO_SLOT_IDLE on */
	char padding[RECO_AREA_ALIGN - sizeof(pg_atomic_uint32) - sizeof(int)];
} RecoSlot;

/*
 * The control block of a pool.  pool.c says how it is used.  It is the first
 * thing in an area, so that a worker finds it; a pool without workers has a private one.
 */
typedef struct RecoControl
{
	/* constant while the pool lives */
	uint64 cookie; /* tells this pool from others whose file had the same name */
	int leader_pid;
	int leader_proc_number;
	int n_slots;
	int n_tasks;
	Size scratch_bytes;
	pg_atomic_uint32 stop; /* workers leave, and give up what they are doing */

	/* the run at hand; written by the leader while the ticket is closed */
	int task;
	void *arg;
	uint64 n_ranges;
	pg_atomic_uint32 status; /* the first other than RK_OK */

	char padding[RECO_AREA_ALIGN];
	pg_atomic_uint64 ticket; /* epoch and next range; see pool.c */
	char more_padding[RECO_AREA_ALIGN];
	pg_atomic_uint64 done; /* ranges done, whatever their status */
	char last_padding[RECO_AREA_ALIGN];
	RecoSlot slot[RECO_POOL_MAX_WORKERS];
} RecoControl;

struct RecoArea
{
	dlist_node node; /* in the list of live areas of this process */
	char *base;
	Size bytes; /* of the mapping */
	Size used;
	RecoPool *pool; /* using the control block now */
	bool spoiled;   /* a worker of an earlier pool may still be there: no more workers */
	char path[RECO_AREA_PATH_BYTES];
	const char *advice; /* the end of a hint where there is no room */
	MemoryContextCallback callback;
};

/* reco_area_control gives the control block of an area. */
static inline RecoControl *
reco_area_control(const RecoArea *area)
{
	return (RecoControl *) area->base;
}

/* reco_area_map_at maps an area in a worker at the leader's address; NULL when that is impossible. */
extern char *reco_area_map_at(const char *path, char *address, Size bytes);

/* reco_pool_abandon stops a pool from a reset callback: no wait, no error. */
extern void reco_pool_abandon(RecoPool *pool);

#endif
