/*
 * what_if.c
 *	  what_if(): the list of recommend() as it would be with other events.
 *
 * Nothing is written: the user's history is changed in memory, and all that
 * follows, what counts as seen included, is as in recommend().  A NULL user
 * has no history, so the changes are all there is.
 */
#include "postgres.h"

#include "sqlapi/arguments.h"
#include "sqlapi/changes.h"
#include "sqlapi/lists.h"
#include "sqlapi/recommend.h"

PG_FUNCTION_INFO_V1(reco_what_if);
PG_FUNCTION_INFO_V1(reco_what_if_typed);

static const RecoListPositions what_if_positions = {.item_type = -1,
													.k = 2,
													.recommender = 3,
													.filter = 4,
													.filter_args = 5,
													.candidates = 6,
													.exclude = 7,
													.exclude_seen = 8,
													.lang = 9,
													.options = 10};

static const RecoListPositions what_if_typed_positions = {.item_type = 1,
														  .k = 3,
														  .recommender = 4,
														  .filter = 5,
														  .filter_args = 6,
														  .candidates = 7,
														  .exclude = 8,
														  .exclude_seen = 9,
														  .lang = 10,
														  .options = 11};

/* what_if answers for one user; changes is the position of the changes, of which NULL are none. */
static Datum
what_if(FunctionCallInfo fcinfo, const RecoListPositions *position, int changes)
{
	RecoListCall list;
	RecoKey user;
	bool known;
	RecoHistory *history;
	const RecoAttributes *attributes = NULL;

	reco_list_begin(&list, fcinfo, position);
	known = reco_argument_key(fcinfo, 0, list.call.definition->user.type, "user", &user);
	if (known)
	{
		list.voice.seed = reco_key_hash(list.voice.seed, &user);
		history = reco_reader_history(list.call.definition, &user);
		attributes = reco_call_attributes(&list.call, &user);
	}
	else
		history = palloc0(sizeof(RecoHistory));
	if (!PG_ARGISNULL(changes))
		reco_changes_apply(&list.call, list.ask.view, PG_GETARG_JSONB_P(changes), history);
	reco_key_require_answer(list.item_type, list.call.definition->item.type,
							"Call what_if(user_id, NULL::%s, changes, ...), or pass the user id as text.");
	reco_recommend_list(&list, fcinfo, known ? &user : NULL,
						reco_query_make(list.call.model, history, attributes));
	return (Datum) 0;
}

Datum
reco_what_if(PG_FUNCTION_ARGS)
{
	return what_if(fcinfo, &what_if_positions, 1);
}

Datum
reco_what_if_typed(PG_FUNCTION_ARGS)
{
	return what_if(fcinfo, &what_if_typed_positions, 2);
}
