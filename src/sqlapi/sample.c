/*
 * sample.c
 *	  Going through a sample of users, for reports.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "sqlapi/sample.h"

#define DEFAULT_USERS 100
#define GREATEST_USERS 100000

int
reco_sample_size(FunctionCallInfo fcinfo, int position)
{
	int users = PG_ARGISNULL(position) ? DEFAULT_USERS : PG_GETARG_INT32(position);

	if (users < 1 || users > GREATEST_USERS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("users cannot be %d", users),
						errdetail("users is the number of users in the sample."),
						errhint("Give a number from 1 to %d.", GREATEST_USERS)));
	return users;
}

void
reco_sample_begin(RecoSample *sample, const RecoCall *call, int users, uint64 seed)
{
	reco_catalog_require_owner(call->definition);
	sample->call = call;
	sample->next = 0;
	sample->user = NULL;
	sample->key = reco_reader_sample_users(call->definition, seed, users, &sample->n);
	sample->memory = AllocSetContextCreate(CurrentMemoryContext, "reco sample", ALLOCSET_DEFAULT_SIZES);
}

RecoQuery *
reco_sample_next(RecoSample *sample)
{
	MemoryContext outer;
	RecoQuery *query;

	CHECK_FOR_INTERRUPTS();
	if (sample->next == sample->n)
		return NULL;
	MemoryContextReset(sample->memory);
	outer = MemoryContextSwitchTo(sample->memory);
	sample->user = &sample->key[sample->next++];
	query = reco_call_query(sample->call, sample->user);
	MemoryContextSwitchTo(outer);
	return query;
}
