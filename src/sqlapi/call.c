/*
 * call.c
 *	  What the serving functions do before and after their own work.
 *
 * The memory of a call is a child of the context the call was made in, so an
 * error frees it with its parent, model pin included.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "sqlapi/arguments.h"
#include "sqlapi/call.h"

/* More than the memory of most calls; see settle_malloc. */
#define SETTLE_BYTES (4 * 1024 * 1024)

void
reco_call_require_catalogue(const RecoDefinition *definition)
{
	if (OidIsValid(definition->items.relid) || definition->shared_catalogue ||
		!reco_catalog_is_row_secured(definition->interactions.relid))
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
		 errmsg(
			 "row-level security hides rows of %s, and recommender \"%s\" does not say which items may be shown",
			 definition->interactions.sql_name, definition->name),
		 errdetail("Lists would name items that occur only in rows which are hidden from role \"%s\".",
				   GetUserNameFromId(GetUserId(), false)),
		 errhint("Its owner can name an items relation, or declare that everybody may see all items: "
				 "SELECT reco.alter_recommender(%s, shared_catalogue => true).",
				 quote_literal_cstr(definition->name))));
}

/*
 * settle_malloc frees one large block, once a session.  A call works in a few hundred kilobytes; glibc's malloc
 * would take them from the kernel page by page and give them back at the end of every call, which costs a third of an
 * explain(), until it has seen a block of that size come and go (mallopt(3), M_MMAP_THRESHOLD).  The block is never
 * written to, so it costs no memory.
 */
static void
settle_malloc(void)
{
	static bool settled = false;

	if (!settled)
		pfree(palloc(SETTLE_BYTES));
	settled = true;
}

void
reco_call_begin(RecoCall *call, FunctionCallInfo fcinfo, int recommender)
{
	settle_malloc();
	call->memory = AllocSetContextCreate(CurrentMemoryContext, "reco call", ALLOCSET_DEFAULT_SIZES);
	call->outer = MemoryContextSwitchTo(call->memory);
	call->definition = reco_catalog_find(reco_argument_text(fcinfo, recommender));
	reco_catalog_require_reader(call->definition);
	reco_call_require_catalogue(call->definition);
	call->model = reco_model_open(call->definition, call->memory);
	SPI_connect();
	MemoryContextSwitchTo(call->memory);
}

void
reco_call_end(RecoCall *call)
{
	SPI_finish();
	MemoryContextSwitchTo(call->outer);
	MemoryContextDelete(call->memory);
}

const RecoAttributes *
reco_call_attributes(const RecoCall *call, const RecoKey *user)
{
	return user != NULL ? reco_attributes_of(call->definition, call->model, user, 1) : NULL;
}

RecoQuery *
reco_call_query(const RecoCall *call, const RecoKey *user)
{
	RecoHistory *history =
		user != NULL ? reco_reader_history(call->definition, user) : palloc0(sizeof(RecoHistory));

	return reco_query_make(call->model, history, reco_call_attributes(call, user));
}

int64
reco_call_visible_item(const RecoCall *call, RecoView *view, const RecoKey *item)
{
	int64 found = reco_model_find(call->model, item);
	uint32 index;

	if (found < 0 && reco_model_add(call->model, item, 1) > 0)
		found = reco_model_find(call->model, item);
	if (found < 0)
		return -1;
	index = (uint32) found;
	reco_view_probe(view, NULL, 0, &index, 1);
	return reco_view_find(view, index) != NULL ? found : -1;
}

JsonbValue
reco_call_id(const RecoModel *model, uint32 item)
{
	RecoKey key = reco_model_key(model, item);
	JsonbValue id;

	if (key.kind == RECO_KEY_INTEGER)
	{
		id.type = jbvNumeric;
		id.val.numeric = int64_to_numeric(key.integer);
		return id;
	}
	id.type = jbvString;
	id.val.string.val = TextDatumGetCString(reco_key_to_datum(&key, TEXTOID));
	id.val.string.len = (int) strlen(id.val.string.val);
	return id;
}
