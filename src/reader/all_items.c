/*
 * all_items.c
 *	  All items that pass a filter, found by the filter.
 *
 * The other way round than items.c, which asks for the verdict on items at
 * hand.  The filter stands in the WHERE clause, where an index may serve it, and
 * the query is planned with the values of its arguments: how many rows pass decides
 * which plan is good.  Where filter.c has checked a filter, WHERE holds to the same rules: the
 * text is one expression, WHERE takes nothing but booleans, and no aggregates.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/memutils.h"

#include "reader/filter.h"
#include "reader/receiver.h"

/* Where keys go. */
typedef struct RecoAllItemsRead
{
	Oid type;
	RecoKeyReceive receive;
	void *state;
} RecoAllItemsRead;

/* all_items_receive hands on the key of one row. */
static void
all_items_receive(TupleTableSlot *slot, void *state)
{
	const RecoAllItemsRead *read = state;
	bool isnull;
	Datum value = slot_getattr(slot, 1, &isnull);
	RecoKey key;

	if (isnull)
		return;
	key = reco_key_from_datum(value, read->type);
	read->receive(&key, read->state);
	if (key.kind == RECO_KEY_TEXT && key.bytes != VARDATA_ANY(DatumGetPointer(value)))
		pfree((char *) key.bytes - VARHDRSZ);
}

/* all_items_plan gives the kept plan of the query, or prepares it. */
static RecoPlan *
all_items_plan(const RecoDefinition *definition, const RecoFilter *filter)
{
	char *sql = filter != NULL ? filter->all_sql : reco_items_all_sql(definition, NULL);
	int n = filter != NULL ? filter->n_arguments : 0;
	const Oid none = InvalidOid;
	const Oid *type = filter != NULL ? filter->type : &none;
	RecoPlan *plan = reco_plans_find(sql, n, type);

	return plan != NULL ? plan : reco_plans_prepare_custom(sql, n, type);
}

/* all_items_begin makes errors name the filter and read-only reading begin; gives what all_items_end takes. */
static RecoReading
all_items_begin(const RecoFilter *filter, ErrorContextCallback *context)
{
	context->callback = reco_filter_context;
	context->arg = unconstify(RecoFilter *, filter);
	context->previous = error_context_stack;
	error_context_stack = context;
	return reco_items_begin_read(filter);
}

static void
all_items_end(RecoReading reading, const ErrorContextCallback *context)
{
	reco_items_end_read(reading);
	error_context_stack = context->previous;
}

double
reco_reader_all_items_microseconds(const RecoDefinition *definition, const RecoFilter *filter)
{
	ErrorContextCallback context;
	RecoReading reading = all_items_begin(filter, &context);
	RecoPlan *plan = all_items_plan(definition, filter);
	double microseconds;

	if (filter != NULL)
		microseconds = reco_plans_microseconds(plan, filter->value, filter->isnull);
	else
		microseconds = reco_plans_microseconds(plan, NULL, NULL);
	all_items_end(reading, &context);
	return microseconds;
}

void
reco_reader_all_items(const RecoDefinition *definition, const RecoFilter *filter, RecoKeyReceive receive,
					  void *state)
{
	RecoAllItemsRead read = {definition->item_key.type, receive, state};
	ErrorContextCallback context;
	RecoReading reading = all_items_begin(filter, &context);
	RecoPlan *plan = all_items_plan(definition, filter);
	RecoReceiver dest;

	reco_receiver_init(&dest, all_items_receive, &read);
	if (filter != NULL)
		reco_plans_execute(plan, filter->value, filter->isnull, &dest.base);
	else
		reco_plans_execute(plan, NULL, NULL, &dest.base);
	all_items_end(reading, &context);
}
