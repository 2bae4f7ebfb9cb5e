/*
 * rows.h
 *	  One row of the interactions relation becomes one clean event, or a reason
 *	  to skip it.  Learning and serving read rows with this code and no other.
 */
#ifndef RECO_READER_ROWS_H
#define RECO_READER_ROWS_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "lib/stringinfo.h"

#include "catalog/catalog.h"

/* Values and amounts beyond this are taken for infinite: their sums would not fit a float. */
#define RECO_LARGEST_VALUE 1e30

typedef enum RecoRowFate
{
	RECO_ROW_KEPT,
	RECO_ROW_NULL_KEY,
	RECO_ROW_NULL_VALUE,
	RECO_ROW_NON_FINITE,
	RECO_ROW_FUTURE,
	RECO_ROW_UNKNOWN_EVENT
} RecoRowFate;

/* How to read the rows of one query.  Columns are positions in its result, -1 when not selected. */
typedef struct RecoRowReader
{
	const RecoDefinition *definition;
	int user;
	int item;
	int value;
	int event;
	int time;
	bool value_is_numeric; /* and may be beyond float8 */
	bool time_is_date;
	TimestampTz horizon;   /* later times are in the future */
	int last_event_weight; /* position met last, tried first */
} RecoRowReader;

/* A row as read.  user, item and event point into the slot. */
typedef struct RecoEventRow
{
	Datum user;
	Datum item;
	double amount;
	double rating;
	TimestampTz time;  /* 0 without a time column */
	const char *event; /* name, not terminated; NULL when it is NULL or not selected */
	uint32 event_length;
	int event_weight; /* position in the definition's event weights, or -1 */
} RecoEventRow;

/* reco_rows_begin sets a reader up for the mapped columns, the user's only if with_user. */
extern void reco_rows_begin(RecoRowReader *reader, const RecoDefinition *definition, bool with_user);

/* reco_rows_select appends "SELECT columns FROM relation" as the reader expects it, safe under any search_path. */
extern void reco_rows_select(const RecoRowReader *reader, StringInfo sql);

/* reco_rows_read reads a row; unless it is kept only event and event_weight are sure to be set. */
extern RecoRowFate reco_rows_read(RecoRowReader *reader, TupleTableSlot *slot, RecoEventRow *row);

/* reco_rows_imagine makes of these values what reading a row with them would; event may be NULL. */
extern RecoRowFate reco_rows_imagine(RecoRowReader *reader, const char *event, double value, TimestampTz time,
									 RecoEventRow *row);

#endif
