/*
 * filter.h
 *	  What items.c and filter.c share.
 */
#ifndef RECO_READER_FILTER_H
#define RECO_READER_FILTER_H

#include "postgres.h"

#include "reader/plans.h"
#include "reader/reader.h"

struct RecoFilter
{
	const char *expression;
	char *sql;       /* of the whole lookup */
	char *all_sql;   /* of the keys of all items that pass; without the array of keys */
	int n_arguments; /* $1 .. $n; $n+1 is the array of keys */
	Datum *value;    /* [n_arguments + 1] */
	bool *isnull;
	Oid *type;
};

/* reco_items_sql writes the lookup of items by an array of keys, parameter "keys_parameter", with a filter or NULL. */
extern char *reco_items_sql(const RecoDefinition *definition, const char *filter, int keys_parameter);

/* reco_items_all_sql writes the query of the keys of all items that pass a filter, or are there (NULL). */
extern char *reco_items_all_sql(const RecoDefinition *definition, const char *filter);

/* What a read-only lookup has changed and gives back at its end. */
typedef struct RecoReading
{
	int nest_level; /* of settings */
	bool was_read_only;
	MemoryContext context; /* SPI makes its own current */
} RecoReading;

/*
 * reco_items_begin_read / reco_items_end_read bracket a lookup: read-only, and under the
 * pinned search path unless the query holds the caller's own filter.
 */
extern RecoReading reco_items_begin_read(const RecoFilter *filter);
extern void reco_items_end_read(RecoReading reading);

/* reco_filter_plan gives the kept plan of a filter's lookup, or prepares it. */
extern RecoPlan *reco_filter_plan(const RecoDefinition *definition, const RecoFilter *filter);

/* reco_filter_context is an error context callback that names the filter. */
extern void reco_filter_context(void *filter);

#endif
