/*
 * change.c
 *	  A user's history as it would be.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "reader/change.h"

/* kind_of gives the number of an event name in a history, or -1. */
static int
kind_of(const RecoHistory *history, const char *event)
{
	for (int kind = 0; kind < history->n_kinds; kind++)
		if (strcmp(history->kind[kind], event) == 0)
			return kind;
	return -1;
}

/* add_kind gives the number of an event name, a new one if it is not there. */
static int
add_kind(RecoHistory *history, const char *event)
{
	int kind = kind_of(history, event);
	char **more;

	if (kind >= 0)
		return kind;
	if (history->n_kinds >= history->kinds_room)
	{
		history->kinds_room = 2 * history->n_kinds + 1;
		more = palloc_extended(sizeof(char *) * history->kinds_room, MCXT_ALLOC_HUGE);
		if (history->n_kinds > 0)
			memcpy(more, history->kind, sizeof(char *) * history->n_kinds);
		history->kind = more;
	}
	history->kind[history->n_kinds] = pstrdup(event);
	return history->n_kinds++;
}

/* make_room makes room for one more event: as much again, so that many changes copy a history a few times. */
static void
make_room(RecoHistory *history)
{
	RecoHistoryEvent *more;

	if (history->n < history->room)
		return;
	history->room = 2 * history->n + 1;
	more = palloc_extended(sizeof(RecoHistoryEvent) * history->room, MCXT_ALLOC_HUGE);
	if (history->n > 0)
		memcpy(more, history->event, sizeof(RecoHistoryEvent) * history->n);
	history->event = more;
}

RecoRowFate
reco_change_add(const RecoDefinition *definition, RecoHistory *history, const RecoChange *change)
{
	RecoRowReader reader;
	RecoEventRow row;
	RecoRowFate fate;

	reco_rows_begin(&reader, definition, false);
	fate = reco_rows_imagine(&reader, change->event, change->value, change->time, &row);
	if (fate != RECO_ROW_KEPT)
		return fate;
	make_room(history);
	history->event[history->n++] =
		(RecoHistoryEvent){.item = change->item,
						   .amount = row.amount,
						   .rating = row.rating,
						   .time = row.time,
						   .kind = change->event ? add_kind(history, change->event) : -1};
	return RECO_ROW_KEPT;
}

void
reco_change_remove(RecoHistory *history, const RecoChange *change)
{
	int kind = change->event ? kind_of(history, change->event) : -1;
	size_t kept = 0;

	if (change->event != NULL && kind < 0)
		return;
	for (size_t e = 0; e < history->n; e++)
	{
		const RecoHistoryEvent *event = &history->event[e];

		if (reco_key_compare(&event->item, &change->item) != 0 || (kind >= 0 && event->kind != kind))
			history->event[kept++] = *event;
	}
	history->n = kept;
}
