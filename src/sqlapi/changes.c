/*
 * changes.c
 *	  Reads and makes changes to a user's history.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "lib/stringinfo.h"
#include "reader/change.h"
#include "sqlapi/changes.h"
#include "sqlapi/pair.h"

/* What a change may have. */
typedef enum ChangeMember
{
	MEMBER_ITEM,
	MEMBER_EVENT,
	MEMBER_VALUE,
	MEMBER_TIME,
	MEMBER_REMOVE,
	MEMBERS
} ChangeMember;

static const char *const member_name[MEMBERS] = {"item", "event", "value", "time", "remove"};

/* A change as it was written. */
typedef struct Written
{
	int number;                  /* from 1 */
	JsonbValue *member[MEMBERS]; /* NULL: not there */
	bool remove;
	RecoKey item;
} Written;

#define SHAPE_HINT \
	"Write them as '[{\"item\": 5, \"event\": \"purchase\"}, {\"item\": 7, \"remove\": true}]'."

/* raise_member refuses a member that is not of the right type. */
static void
raise_member(const Written *written, ChangeMember member, const char *expected)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("\"%s\" of change %d must be %s", member_name[member], written->number, expected),
					errhint(SHAPE_HINT)));
}

/* find_member gives the position of a name, or raises. */
static ChangeMember
find_member(const Written *written, const JsonbValue *key)
{
	char *name = pnstrdup(key->val.string.val, key->val.string.len);
	const char *near;

	for (int m = 0; m < MEMBERS; m++)
		if (strcmp(name, member_name[m]) == 0)
			return (ChangeMember) m;
	near = reco_nearest_name(name, member_name, MEMBERS);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("change %d has an unknown member \"%s\"", written->number, name),
					near ? errhint("Perhaps you meant \"%s\".", near)
						 : errhint("A change has item, event, value and time, or item, event and remove.")));
	return MEMBERS;
}

/* read_members reads one object; a null is a member that is not there. */
static Written
read_members(JsonbContainer *object, int number)
{
	Written written = {.number = number};
	JsonbIterator *at = JsonbIteratorInit(object);
	JsonbValue value;
	JsonbIteratorToken token;
	ChangeMember member = MEMBERS;

	while ((token = JsonbIteratorNext(&at, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			member = find_member(&written, &value);
		else if (token == WJB_VALUE && value.type != jbvNull)
		{
			written.member[member] = palloc(sizeof(JsonbValue));
			*written.member[member] = value;
		}
	}
	return written;
}

/* string_of gives a member that is a string, or NULL when it is not there. */
static char *
string_of(const Written *written, ChangeMember member)
{
	const JsonbValue *value = written->member[member];

	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		raise_member(written, member, "a string");
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* item_of gives the item as a key; numbers and strings are both read by the column type's input function. */
static RecoKey
item_of(const RecoCall *call, const Written *written)
{
	const JsonbValue *value = written->member[MEMBER_ITEM];
	char *text;

	if (value == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("change %d has no \"item\"", written->number), errhint(SHAPE_HINT)));
	if (value->type == jbvNumeric)
		text = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	else if (value->type == jbvString)
		text = pnstrdup(value->val.string.val, value->val.string.len);
	else
	{
		raise_member(written, MEMBER_ITEM, "a number or a string");
		return (RecoKey){0};
	}
	return reco_key_parse(CStringGetTextDatum(text), TEXTOID, call->definition->item.type, "item");
}

/* refuse_unmapped raises for a member that no column of the recommender holds. */
static void
refuse_unmapped(const RecoCall *call, const Written *written, ChangeMember member, const RecoColumn *column)
{
	if (written->member[member] != NULL && column->name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("change %d has \"%s\", but recommender \"%s\" has no %s column", written->number,
						member_name[member], call->definition->name, member_name[member]),
				 errhint("Leave it out.")));
}

/* event_list lists the events that have weights. */
static char *
event_list(const RecoDefinition *definition)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int w = 0; w < definition->n_event_weights; w++)
		appendStringInfo(&list, "%s%s", w > 0 ? ", " : "", definition->event_weight[w].event);
	return list.data;
}

/* event_of gives the event of an addition; it must be there where its weight matters. */
static char *
event_of(const RecoCall *call, const Written *written)
{
	char *event = string_of(written, MEMBER_EVENT);

	if (event == NULL && call->definition->has_event_weights)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("change %d has no \"event\"", written->number),
						errhint("The events of recommender \"%s\" are: %s.", call->definition->name,
								event_list(call->definition))));
	return event;
}

/* value_of gives the value of an addition: 1 by default, but a rating must be given. */
static double
value_of(const RecoCall *call, const Written *written)
{
	const JsonbValue *value = written->member[MEMBER_VALUE];

	if (value == NULL && call->definition->explicit_feedback)
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("change %d has no \"value\"", written->number),
			 errhint("It is the rating: recommender \"%s\" learns from ratings.", call->definition->name)));
	if (value == NULL)
		return 1.0;
	if (value->type != jbvNumeric)
		raise_member(written, MEMBER_VALUE, "a number");
	return DatumGetFloat8(
		DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
}

/* time_of gives the time of an addition: by default now, or the newest event learned if that is later. */
static TimestampTz
time_of(const RecoCall *call, const Written *written)
{
	const RecoColumn *column = &call->definition->time;
	char *time = string_of(written, MEMBER_TIME);
	Oid type;

	if (column->name == NULL)
		return 0;
	if (time == NULL)
		return Max(GetCurrentTransactionStartTimestamp(), call->model->fold.as_of);
	type = getBaseType(column->type);
	if (type == TIMESTAMPOID || type == DATEOID)
		return DatumGetTimestamp(DirectFunctionCall3(timestamp_in, CStringGetDatum(time),
													 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(time),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* is_removal reads "remove". */
static bool
is_removal(const Written *written)
{
	const JsonbValue *value = written->member[MEMBER_REMOVE];

	if (value == NULL)
		return false;
	if (value->type != jbvBool)
		raise_member(written, MEMBER_REMOVE, "true or false");
	if (value->val.boolean && (written->member[MEMBER_VALUE] != NULL || written->member[MEMBER_TIME] != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("change %d removes, so it cannot have \"value\" or \"time\"", written->number),
				 errdetail("All events of the user on the item are removed, or all of one \"event\".")));
	return value->val.boolean;
}

/* raise_fate refuses an addition that would be skipped as a row. */
static void
raise_fate(const RecoCall *call, const Written *written, const char *event, RecoRowFate fate)
{
	switch (fate)
	{
		case RECO_ROW_UNKNOWN_EVENT:
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("change %d has an unknown event \"%s\"", written->number, event),
							errhint("The events of recommender \"%s\" are: %s.", call->definition->name,
									event_list(call->definition))));
			break;
		case RECO_ROW_FUTURE:
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("\"time\" of change %d is more than a day in the future", written->number),
							errhint("Leave it out: an event of now counts in full.")));
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("change %d has a value or a time that is too large", written->number),
					 errdetail("Values are finite and at most 1e30, weighted too; times are finite.")));
	}
}

/* apply makes one change. */
static void
apply(const RecoCall *call, const RecoView *view, const Written *written, RecoHistory *history)
{
	RecoChange change = {.remove = written->remove, .item = written->item};
	int64 found;
	RecoRowFate fate;

	refuse_unmapped(call, written, MEMBER_EVENT, &call->definition->event);
	refuse_unmapped(call, written, MEMBER_VALUE, &call->definition->value);
	refuse_unmapped(call, written, MEMBER_TIME, &call->definition->time);
	if (change.remove)
	{
		change.event = string_of(written, MEMBER_EVENT);
		reco_change_remove(history, &change);
		return;
	}
	found = reco_model_find(call->model, &change.item);
	if (found < 0 || reco_view_find(view, (uint32) found) == NULL)
		reco_pair_raise_no_item(call, &change.item);
	change.event = event_of(call, written);
	change.value = value_of(call, written);
	change.time = time_of(call, written);
	fate = reco_change_add(call->definition, history, &change);
	if (fate != RECO_ROW_KEPT)
		raise_fate(call, written, change.event, fate);
}

/* read_changes reads what every change is about, n of them. */
static Written *
read_changes(const RecoCall *call, Jsonb *changes, int *n)
{
	Written *written = palloc_extended(sizeof(Written) * Max(JB_ROOT_COUNT(changes), 1), MCXT_ALLOC_HUGE);
	JsonbIterator *at = JsonbIteratorInit(&changes->root);
	JsonbValue value;
	JsonbIteratorToken token;

	*n = 0;
	while ((token = JsonbIteratorNext(&at, &value, true)) != WJB_DONE)
	{
		Written *one = &written[*n];

		CHECK_FOR_INTERRUPTS();
		if (token != WJB_ELEM)
			continue;
		(*n)++;
		if (value.type != jbvBinary || !JsonContainerIsObject(value.val.binary.data))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("change %d is not an object", *n), errhint(SHAPE_HINT)));
		*one = read_members(value.val.binary.data, *n);
		one->remove = is_removal(one);
		one->item = item_of(call, one);
	}
	return written;
}

/* look_up asks the model to take in, and the caller's view for, all items that have events added. */
static void
look_up(const RecoCall *call, RecoView *view, const Written *written, int n)
{
	RecoKey *key = palloc_extended(sizeof(RecoKey) * Max(n, 1), MCXT_ALLOC_HUGE);
	size_t n_keys = 0;
	size_t n_items;
	uint32 *item;

	for (int w = 0; w < n; w++)
		if (!written[w].remove)
			key[n_keys++] = written[w].item;
	item = reco_model_items(call->model, key, n_keys, true, &n_items);
	reco_view_look_up(view, item, n_items);
}

void
reco_changes_apply(const RecoCall *call, RecoView *view, Jsonb *changes, RecoHistory *history)
{
	Written *written;
	int n;

	if (!JB_ROOT_IS_ARRAY(changes) || JB_ROOT_IS_SCALAR(changes))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("changes must be a JSON array"),
						errhint(SHAPE_HINT)));
	written = read_changes(call, changes, &n);
	look_up(call, view, written, n);
	for (int w = 0; w < n; w++)
	{
		CHECK_FOR_INTERRUPTS();
		apply(call, view, &written[w], history);
	}
	reco_history_sort(history);
}
