/*
 * launch.h
 *	  What the leader tells a worker it launches, and what both sides of a pool
 *	  call.
 */
#ifndef RECO_PARALLEL_LAUNCH_H
#define RECO_PARALLEL_LAUNCH_H

#include "postmaster/bgworker.h"

#include "parallel/area.h"

/* In bgw_extra of a worker. */
typedef struct RecoLaunch
{
	uint64 cookie;
	uint64 address;
	uint64 bytes;
	char path[RECO_AREA_PATH_BYTES];
} RecoLaunch;

/* A claimed range. */
typedef struct RecoClaim
{
	int task;
	void *arg;
	uint64 range;
} RecoClaim;

/* The ticket: the epoch above, the next range below, all ones when nobody may claim. */
#define RECO_RANGE_BITS 40
#define RECO_TICKET_CLOSED ((UINT64CONST(1) << RECO_RANGE_BITS) - 1)

/* reco_pool_has_work says whether there is a range to claim, at this moment. */
extern bool reco_pool_has_work(RecoControl *control);

/* reco_pool_claim claims the next range of the run at hand; false when there is none. */
extern bool reco_pool_claim(RecoControl *control, RecoClaim *claim);

/* reco_pool_perform does a claimed range, notes its status when it is the first bad one, and counts it. */
extern void reco_pool_perform(RecoControl *control, const RecoClaim *claim, const RecoTask *task,
							  void *scratch, const RkPoll *poll);

/* reco_pool_wake sets the latch of a process. */
extern void reco_pool_wake(int proc_number);

#endif
