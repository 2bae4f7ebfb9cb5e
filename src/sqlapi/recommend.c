/*
 * recommend.c
 *	  recommend() and similar_items(): the list comes from
 *	  serve, its words from explain.
 */
#include "postgres.h"

#include "sqlapi/arguments.h"
#include "sqlapi/lists.h"
#include "sqlapi/recommend.h"

PG_FUNCTION_INFO_V1(reco_recommend);
PG_FUNCTION_INFO_V1(reco_recommend_typed);
PG_FUNCTION_INFO_V1(reco_similar_items);

static const RecoListPositions recommend_positions = {.item_type = -1,
													  .k = 1,
													  .recommender = 2,
													  .filter = 3,
													  .filter_args = 4,
													  .candidates = 5,
													  .exclude = 6,
													  .exclude_seen = 7,
													  .lang = 8,
													  .options = 9};

static const RecoListPositions recommend_typed_positions = {.item_type = 1,
															.k = 2,
															.recommender = 3,
															.filter = 4,
															.filter_args = 5,
															.candidates = 6,
															.exclude = 7,
															.exclude_seen = 8,
															.lang = 9,
															.options = 10};

static const RecoListPositions similar_positions = {.item_type = -1,
													.k = 1,
													.recommender = 2,
													.filter = 3,
													.filter_args = 4,
													.candidates = 5,
													.exclude = 6,
													.exclude_seen = -1,
													.lang = 7,
													.options = 8,
													.kind = RECO_LIST_OF_SIMILAR};

/* return_history makes the list of a user with a history and writes it. */
static void
return_history(RecoListCall *list, FunctionCallInfo fcinfo)
{
	RecoReasoner *reasoner;

	if (!list->with_reason)
	{
		reco_list_run(list);
		reco_list_return(list, fcinfo, NULL);
		return;
	}
	reasoner = reco_reason_make(list->ask.query, list->ask.view, &list->voice, &list->promotion);
	list->ask.look_ahead = reco_reason_look_ahead;
	list->ask.look_ahead_state = reasoner;
	reco_list_run(list);
	reco_list_return(list, fcinfo, reco_reason_choose(reasoner, list->hit, list->n));
}

/* return_popular makes the list of popular items and writes it. */
static void
return_popular(RecoListCall *list, FunctionCallInfo fcinfo)
{
	reco_list_run(list);
	reco_list_return(list, fcinfo,
					 list->with_reason ? reco_reason_popular(list->call.model, &list->voice, &list->promotion,
															 list->hit, list->n)
									   : NULL);
}

const RecoBoard *
reco_recommend_segment(const RecoCall *call, const RecoKey *user)
{
	const RecoModel *model = call->model;
	RecoBoard *board;
	int n;

	if (user == NULL || model->user_encoder == NULL)
		return NULL;
	board = reco_boards_read(model, &n);
	return n > 0
			   ? reco_boards_segment(model, board, n, reco_attributes_read(call->definition, model, user, 1))
			   : NULL;
}

/* return_segment makes the list of what a segment of users chooses and writes it. */
static void
return_segment(RecoListCall *list, FunctionCallInfo fcinfo, const RecoBoard *board)
{
	size_t n_promoted;
	size_t n_own;

	list->ask.source = RECO_SOURCE_SEGMENT;
	list->hit = palloc(sizeof(RkHit) * list->ask.k);
	list->n =
		reco_serve_segment_promoted(&list->ask, board, &list->promotion, list->hit, &n_promoted, &n_own);
	reco_list_return(list, fcinfo,
					 list->with_reason
						 ? reco_reason_segment(list->call.model, &list->voice, &list->promotion,
											   (size_t) board->column, list->hit, n_promoted, n_own, list->n)
						 : NULL);
}

void
reco_recommend_list(RecoListCall *list, FunctionCallInfo fcinfo, const RecoKey *user, RecoQuery *query)
{
	const RecoBoard *board;

	for (int e = 0; list->exclude_seen && e < query->n_evidence; e++)
		reco_skip_add(list->ask.skip, query->evidence[e].item);
	list->ask.source = reco_serve_source(query);
	list->ask.query = query;
	if (list->ask.source != RECO_SOURCE_POPULAR)
	{
		return_history(list, fcinfo);
		return;
	}
	board = reco_recommend_segment(&list->call, user);
	if (board != NULL)
		return_segment(list, fcinfo, board);
	else
		return_popular(list, fcinfo);
}

/*
 * recommend answers for one user.  A user id that is NULL is a user whom
 * nobody knows: the ladder ends at what is popular, so that an outer join does not fail.
 */
static Datum
recommend(FunctionCallInfo fcinfo, const RecoListPositions *position)
{
	RecoListCall list;
	RecoKey user;
	bool known;

	reco_list_begin(&list, fcinfo, position);
	known = reco_argument_key(fcinfo, 0, list.call.definition->user.type, "user", &user);
	reco_key_require_answer(list.item_type, list.call.definition->item.type,
							"Call recommend(user_id, NULL::%s, ...), or pass the user id as text.");
	if (known)
		list.voice.seed = reco_key_hash(list.voice.seed, &user);
	reco_recommend_list(&list, fcinfo, known ? &user : NULL,
						reco_call_query(&list.call, known ? &user : NULL));
	return (Datum) 0;
}

Datum
reco_recommend(PG_FUNCTION_ARGS)
{
	return recommend(fcinfo, &recommend_positions);
}

Datum
reco_recommend_typed(PG_FUNCTION_ARGS)
{
	return recommend(fcinfo, &recommend_typed_positions);
}

/* An item that is NULL, unknown or invisible to the caller has no similar ones: no rows. */
Datum
reco_similar_items(PG_FUNCTION_ARGS)
{
	RecoListCall list;
	RecoKey key;
	int64 item = -1;

	reco_list_begin(&list, fcinfo, &similar_positions);
	if (reco_argument_key(fcinfo, 0, list.call.definition->item.type, "item", &key))
		item = reco_call_visible_item(&list.call, list.ask.view, &key);
	reco_key_require_answer(list.item_type, list.call.definition->item.type, "Pass the item id as %s.");
	if (item >= 0)
	{
		list.ask.source = RECO_SOURCE_SIMILAR;
		list.ask.alike =
			reco_alike_make(list.call.model, (uint32) item, (RecoAlikeBy) list.option[RECO_LIST_BY].number);
		reco_skip_add(list.ask.skip, (uint32) item);
		reco_list_run(&list);
		reco_list_return(&list, fcinfo,
						 list.with_reason ? reco_reason_similar(list.call.model, list.ask.view, &list.voice,
																(uint32) item, list.hit, list.n)
										  : NULL);
	}
	else
		reco_call_end(&list.call);
	return (Datum) 0;
}
