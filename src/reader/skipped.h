/*
 * skipped.h
 *	  What a reading of interactions says about the rows it did not use.
 */
#ifndef RECO_READER_SKIPPED_H
#define RECO_READER_SKIPPED_H

#include "postgres.h"

#include "reader/reader.h"
#include "reader/rows.h"

/* Which event weights occur, and which events have no weight. */
typedef struct RecoEventNames RecoEventNames;

/* reco_event_names_create makes an empty record, in the current context. */
extern RecoEventNames *reco_event_names_create(const RecoDefinition *definition);

/* reco_event_names_meet records the event of a row; the row's event is not NULL. */
extern void reco_event_names_meet(RecoEventNames *names, const RecoEventRow *row);

/* reco_event_names_warn warns of weights whose events never occur, if there are any. */
extern void reco_event_names_warn(const RecoEventNames *names);

/* reco_skipped_warn warns that rows were skipped, and why, if any were. */
extern void reco_skipped_warn(const RecoDefinition *definition, const RecoReadCounts *counts);

/* reco_skipped_raise_nothing_left raises that no row could be used; names may be NULL. */
pg_noreturn extern void reco_skipped_raise_nothing_left(const RecoDefinition *definition,
														const RecoReadCounts *counts,
														const RecoEventNames *names);

#endif
