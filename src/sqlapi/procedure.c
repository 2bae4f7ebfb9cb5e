/*
 * procedure.c
 *	  Transactions of the procedures that learn.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "sqlapi/procedure.h"
#include "tcop/pquery.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

/*
 * renew_snapshot makes what the calling procedure has done so far visible: the
 * snapshot that is active may be as old as the outermost call.  Where the
 * procedure may commit the only active snapshots are those of portals, as
 * SPI_commit relies on too.
 */
static void
renew_snapshot(bool may_commit)
{
	if (may_commit)
	{
		ForgetPortalSnapshots();
		EnsurePortalSnapshotExists();
		return;
	}
	PushCopiedSnapshot(GetTransactionSnapshot());
	UpdateActiveSnapshotCommandId();
}

bool
reco_procedure_begin(FunctionCallInfo fcinfo, const char *name)
{
	bool may_commit = fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
					  !castNode(CallContext, fcinfo->context)->atomic;

	/* now, and not when the result is to be stored */
	PreventCommandDuringRecovery(psprintf("reco.%s()", name));
	PreventCommandIfReadOnly(psprintf("reco.%s()", name));
	if (SPI_connect_ext(may_commit ? SPI_OPT_NONATOMIC : 0) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	renew_snapshot(may_commit);
	if (!may_commit)
		ereport(
			NOTICE,
			(errmsg("%s runs in one transaction and cannot commit between its stages", name),
			 errdetail(
				 "Until the transaction ends vacuum cannot remove rows deleted since, and nothing of the result is visible to others."),
			 errhint("Call it outside a transaction block, as a statement of its own.")));
	return may_commit;
}

void
reco_procedure_commit(bool may_commit)
{
	if (may_commit)
		SPI_commit();
}

void
reco_procedure_snapshot(void)
{
	EnsurePortalSnapshotExists();
}

void
reco_procedure_end(bool may_commit)
{
	if (!may_commit)
		PopActiveSnapshot();
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}
