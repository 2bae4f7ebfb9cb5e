/*
 * progress.h
 *	  What a refresh or an evaluation is doing, seen from any session while no
 *	  transaction of its own shows it: one small file a running command in
 *	  reco's folder, rewritten in place, read by reco.progress.
 */
#ifndef RECO_PARALLEL_PROGRESS_H
#define RECO_PARALLEL_PROGRESS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/uuid.h"

typedef struct RecoProgress
{
	pg_uuid_t recommender;
	Oid database;
	int pid;
	char command[16]; /* "refresh", "evaluate" */
	char phase[32];   /* "reading", "choosing sweeps", "learning", "storing", ... */
	int64 done;
	int64 total; /* 0: not known */
	double loss; /* NaN: not known */
	TimestampTz started_at;
	TimestampTz phase_started_at;
} RecoProgress;

/* reco_progress_begin starts reporting; ends with the current memory context, or reco_progress_end. */
extern void reco_progress_begin(const pg_uuid_t *recommender, const char *command);

/* reco_progress_phase enters a phase; a NOTICE-level message is given by its caller, not here. */
extern void reco_progress_phase(const char *phase, int64 total);

/* reco_progress_step reports; cheap: writes at most every 100 ms, and always the last one of a phase. */
extern void reco_progress_step(int64 done, double loss);

extern void reco_progress_end(void);

/*
 * reco_progress_list reads what runs now in this database, in the current
 * context; files of dead processes are removed.
 */
extern RecoProgress *reco_progress_list(int *n);

/* reco_progress_seconds_left estimates from the pace of the phase; NaN when it cannot. */
extern double reco_progress_seconds_left(const RecoProgress *progress);

#endif
