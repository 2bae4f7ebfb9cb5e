/*
 * skipped.c
 *	  What a reading of interactions says about the rows it did not use.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "reader/skipped.h"

/* Names are kept up to this number and length: they only serve a hint. */
#define RECO_EVENT_NAMES_KEPT 256
#define RECO_EVENT_NAMES_SHOWN 8
#define RECO_EVENT_NAME_LENGTH 63

struct RecoEventNames
{
	const RecoDefinition *definition;
	MemoryContext context;
	bool *occurs; /* [n_event_weights] */
	int n_unknown;
	char *unknown[RECO_EVENT_NAMES_KEPT]; /* sorted by bytes */
};

RecoEventNames *
reco_event_names_create(const RecoDefinition *definition)
{
	RecoEventNames *names = palloc0(sizeof(RecoEventNames));

	names->definition = definition;
	names->context = CurrentMemoryContext;
	names->occurs = palloc0((definition->n_event_weights + 1) * sizeof(bool));
	return names;
}

/*
 * reco_event_names_find gives the place of a name among the sorted unknown
 * ones, and whether it is there.
 */
static int
reco_event_names_find(const RecoEventNames *names, const char *name, size_t length, bool *found)
{
	int low = 0;
	int high = names->n_unknown;

	*found = false;
	while (low < high)
	{
		int middle = (low + high) / 2;
		const char *other = names->unknown[middle];
		int order = strncmp(other, name, length);

		if (order == 0 && other[length] == '\0')
		{
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
reco_event_names_meet(RecoEventNames *names, const RecoEventRow *row)
{
	size_t length = Min(row->event_length, RECO_EVENT_NAME_LENGTH);
	bool found;
	int place;

	if (row->event_weight >= 0)
	{
		names->occurs[row->event_weight] = true;
		return;
	}
	if (row->event_length > RECO_EVENT_NAME_LENGTH)
		return;
	place = reco_event_names_find(names, row->event, length, &found);
	if (found || names->n_unknown == RECO_EVENT_NAMES_KEPT)
		return;
	memmove(&names->unknown[place + 1], &names->unknown[place],
			(names->n_unknown - place) * sizeof(names->unknown[0]));
	names->unknown[place] = MemoryContextAlloc(names->context, length + 1);
	memcpy(names->unknown[place], row->event, length);
	names->unknown[place][length] = '\0';
	names->n_unknown++;
}

/* reco_event_names_near gives the unknown name nearest to a weight's, or NULL when none is near. */
static const char *
reco_event_names_near(const RecoEventNames *names, const char *event)
{
	const char *nearest = NULL;
	int length = (int) strlen(event);
	int most = Max(length / 2, 1);

	if (length > RECO_EVENT_NAME_LENGTH)
		return NULL;
	for (int i = 0; i < names->n_unknown; i++)
	{
		const char *other = names->unknown[i];
		int distance =
			varstr_levenshtein_less_equal(event, length, other, (int) strlen(other), 1, 1, 1, most, true);

		if (distance <= most)
		{
			nearest = other;
			most = distance - 1;
		}
	}
	return nearest;
}

/* reco_event_names_list writes the events without a weight. */
static void
reco_event_names_list(const RecoEventNames *names, StringInfo text)
{
	for (int i = 0; i < names->n_unknown && i < RECO_EVENT_NAMES_SHOWN; i++)
		appendStringInfo(text, "%s\"%s\"", i == 0 ? "" : ", ", names->unknown[i]);
	if (names->n_unknown > RECO_EVENT_NAMES_SHOWN)
		appendStringInfoString(text, ", ...");
}

void
reco_event_names_warn(const RecoEventNames *names)
{
	StringInfoData missing;
	StringInfoData hint;
	int n = 0;

	initStringInfo(&missing);
	initStringInfo(&hint);
	for (int i = 0; i < names->definition->n_event_weights; i++)
	{
		const char *event = names->definition->event_weight[i].event;
		const char *near = names->occurs[i] ? NULL : reco_event_names_near(names, event);

		if (names->occurs[i])
			continue;
		appendStringInfo(&missing, "%s\"%s\"", n++ == 0 ? "" : ", ", event);
		if (near != NULL)
			appendStringInfo(&hint, " Perhaps \"%s\" is meant by \"%s\".", near, event);
	}
	if (n == 0)
		return;
	if (names->n_unknown > 0)
	{
		appendStringInfoString(&hint, " Events without a weight are: ");
		reco_event_names_list(names, &hint);
		appendStringInfoChar(&hint, '.');
	}
	ereport(WARNING, (errcode(ERRCODE_WARNING),
					  errmsg("event_weights names events that never occur: %s", missing.data),
					  errhint("Check the spelling in event_weights.%s", hint.data)));
}

/* reco_skipped_clause appends one reason, if any row was skipped for it. */
static void
reco_skipped_clause(StringInfo text, int64 rows, const char *reason)
{
	if (rows > 0)
		appendStringInfo(text, "%s%s: " INT64_FORMAT, text->len == 0 ? "" : "; ", reason, rows);
}

/* reco_skipped_reasons lists why rows were skipped. */
static char *
reco_skipped_reasons(const RecoReadCounts *counts)
{
	StringInfoData text;

	initStringInfo(&text);
	reco_skipped_clause(&text, counts->null_key, "user or item is NULL");
	reco_skipped_clause(&text, counts->null_value, "value, event or time is NULL");
	reco_skipped_clause(&text, counts->non_finite,
						"value is NaN, infinite or beyond 1e30, or time is infinite");
	reco_skipped_clause(&text, counts->future, "time is more than a day in the future");
	reco_skipped_clause(&text, counts->unknown_event, "event has no weight in event_weights");
	return text.data;
}

void
reco_skipped_warn(const RecoDefinition *definition, const RecoReadCounts *counts)
{
	int64 skipped =
		counts->null_key + counts->null_value + counts->non_finite + counts->future + counts->unknown_event;

	if (skipped == 0)
		return;
	ereport(WARNING, (errcode(ERRCODE_WARNING),
					  errmsg("skipped " INT64_FORMAT " of " INT64_FORMAT " rows of \"%s\"", skipped,
							 counts->rows, definition->interactions.name),
					  errdetail("Rows by reason: %s.", reco_skipped_reasons(counts))));
}

void
reco_skipped_raise_nothing_left(const RecoDefinition *definition, const RecoReadCounts *counts,
								const RecoEventNames *names)
{
	const char *relation = definition->interactions.name;
	StringInfoData events;

	if (counts->rows == 0)
		ereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("no usable interactions in \"%s\"", relation),
						errdetail("It has no rows, or none that you may see."),
						errhint("Insert interactions first; with row-level security, check its policies.")));
	initStringInfo(&events);
	if (names != NULL)
		reco_event_names_list(names, &events);
	ereport(ERROR,
			(errcode(ERRCODE_NO_DATA_FOUND), errmsg("no usable interactions in \"%s\"", relation),
			 errdetail("All " INT64_FORMAT " rows were skipped, by reason: %s.", counts->rows,
					   reco_skipped_reasons(counts)),
			 events.len > 0 ? errhint("Check event_weights: events without a weight are: %s.", events.data)
							: errhint("Check the columns mapped by the recommender, or clean the rows.")));
}
