/*
 * plans.h
 *	  Prepared plans of generated queries, kept for the session.
 */
#ifndef RECO_READER_PLANS_H
#define RECO_READER_PLANS_H

#include "postgres.h"

#include "executor/spi.h"

typedef struct RecoPlan RecoPlan;

/* reco_plans_find gives the kept plan of a query, or NULL. */
extern RecoPlan *reco_plans_find(const char *sql, int n_types, const Oid *type);

/*
 * reco_plans_prepare prepares a query and keeps its plan; SPI must be connected.
 * The plan is generic: it is not made again for each parameter value.
 */
extern RecoPlan *reco_plans_prepare(const char *sql, int n_types, const Oid *type);

/*
 * reco_plans_prepare_custom does the same for a query that is planned anew for
 * each execution, with the values of its parameters at hand.
 */
extern RecoPlan *reco_plans_prepare_custom(const char *sql, int n_types, const Oid *type);

/*
 * reco_plans_microseconds estimates how long an execution would take with all
 * pages in memory, from the planner's costs; see plans.c.
 */
extern double reco_plans_microseconds(RecoPlan *plan, const Datum *value, const bool *isnull);

/* reco_plans_is_current is false when something a plan was made of has changed, so that PostgreSQL will make it again. */
extern bool reco_plans_is_current(const RecoPlan *plan);

/*
 * reco_plans_execute runs a plan in the active snapshot, as the caller, and
 * hands its rows to dest; the caller's memory context is current again after it, not
 * SPI's.  A plan may be used again while it runs.
 */
extern void reco_plans_execute(RecoPlan *plan, const Datum *value, const bool *isnull, DestReceiver *dest);

#endif
