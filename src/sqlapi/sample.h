/*
 * sample.h
 *	  Going through a sample of users, for reports.
 */
#ifndef RECO_SQLAPI_SAMPLE_H
#define RECO_SQLAPI_SAMPLE_H

#include "postgres.h"

#include "sqlapi/call.h"

/* A sample of users of one recommender. */
typedef struct RecoSample
{
	const RecoCall *call;
	int n;
	int next;
	const RecoKey *key;   /* [n] */
	const RecoKey *user;  /* of the query given last */
	MemoryContext memory; /* of that query, reset before the next */
} RecoSample;

/* reco_sample_size reads the number of users: NULL means 100, and it must be from 1 to 100000. */
extern int reco_sample_size(FunctionCallInfo fcinfo, int position);

/*
 * reco_sample_begin chooses users by a seed.  It raises ERRCODE_INSUFFICIENT_PRIVILEGE
 * unless the caller has the privileges of the recommender's owner: a report is about other people's rows.
 */
extern void reco_sample_begin(RecoSample *sample, const RecoCall *call, int users, uint64 seed);

/* reco_sample_next gives the query of the next user, valid until the next call, or NULL after the last. */
extern RecoQuery *reco_sample_next(RecoSample *sample);

#endif
