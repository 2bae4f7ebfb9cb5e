/*
 * change.h
 *	  A user's history as it would be: events added and taken away in memory.
 */
#ifndef RECO_READER_CHANGE_H
#define RECO_READER_CHANGE_H

#include "postgres.h"

#include "reader/reader.h"
#include "reader/rows.h"

/* One change.  A removal heeds item and event alone. */
typedef struct RecoChange
{
	bool remove;
	RecoKey item;
	char *event;      /* NULL: none; when removing, whatever the event */
	double value;     /* 1 where none is mapped */
	TimestampTz time; /* 0 where none is mapped */
} RecoChange;

/*
 * reco_change_add puts an event at the end of a history, which is to be sorted when all changes are made; anything but
 * RECO_ROW_KEPT says that a row like it would be skipped, and leaves the history alone.
 */
extern RecoRowFate reco_change_add(const RecoDefinition *definition, RecoHistory *history,
								   const RecoChange *change);

/* reco_change_remove takes all events on an item away, or those of one kind. */
extern void reco_change_remove(RecoHistory *history, const RecoChange *change);

/* reco_history_sort puts events in total order: by time, item, amount, rating and the name of their kind. */
extern void reco_history_sort(RecoHistory *history);

#endif
