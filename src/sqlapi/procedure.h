/*
 * procedure.h
 *	  Transactions of the procedures that learn.
 *
 * A procedure called by itself commits between its stages, so that it holds no
 * snapshot while it computes.  Inside a transaction block it cannot, runs in
 * that one transaction and says so.
 */
#ifndef RECO_SQLAPI_PROCEDURE_H
#define RECO_SQLAPI_PROCEDURE_H

#include "postgres.h"

#include "fmgr.h"

/*
 * reco_procedure_begin connects SPI and gives whether the procedure may commit.
 * Where nothing can be written it raises ERRCODE_READ_ONLY_SQL_TRANSACTION.
 * The memory context it leaves current survives commits and is freed by
 * reco_procedure_end, or by an error.
 */
extern bool reco_procedure_begin(FunctionCallInfo fcinfo, const char *name);

/* reco_procedure_commit commits where that is allowed; no snapshot is active afterwards. */
extern void reco_procedure_commit(bool may_commit);

/* reco_procedure_snapshot makes sure that a snapshot is active, for stages after a commit. */
extern void reco_procedure_snapshot(void);

extern void reco_procedure_end(bool may_commit);

#endif
