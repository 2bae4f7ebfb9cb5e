/*
 * lists.c
 *	  What the functions that return a ranked list have in common.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "model/json.h"
#include "sqlapi/arguments.h"
#include "sqlapi/lists.h"

#define LIST_COLUMNS 6

#define REASON_OPTION                                                                                        \
	{                                                                                                        \
		.name = "reason", .type = RECO_OPTION_BOOLEAN, .initial = 1, .maximum = 1,                           \
		.help = "Whether each line gets a reason; without, reason and the evidence in details are left out." \
	}

#define SEED_OPTION                                                                                        \
	{                                                                                                      \
		.name = "seed", .type = RECO_OPTION_INTEGER, .initial = 0, .minimum = 0, .maximum = 2147483647,    \
		.help =                                                                                            \
			"Chooses other wordings of the same reasons: the same user, item and seed have the same text." \
	}

#define NEW_ITEMS_OPTION                                                                                    \
	{                                                                                                       \
		.name = "new_items", .type = RECO_OPTION_INTEGER, .initial = 0, .minimum = 0, .maximum = 10000,     \
		.help = "How many lines are kept for items that nobody has chosen yet; from 1 on, items that came " \
				"after the last refresh are looked for."                                                    \
	}

static const RecoOption list_option[] = {[RECO_LIST_REASON] = REASON_OPTION,
										 [RECO_LIST_SEED] = SEED_OPTION,
										 [RECO_LIST_NEW_ITEMS] = NEW_ITEMS_OPTION,
										 [RECO_LIST_PROMOTED] = RECO_PROMOTED_OPTION,
										 [RECO_LIST_PROMOTION] = RECO_PROMOTION_OPTION};

static const RecoOption similar_option[] = {
	[RECO_LIST_REASON] = REASON_OPTION,
	[RECO_LIST_SEED] = SEED_OPTION,
	[RECO_LIST_NEW_ITEMS] = NEW_ITEMS_OPTION,
	[RECO_LIST_BY] = {.name = "by",
					  .type = RECO_OPTION_CHOICE,
					  .initial_string = "behaviour|attributes|both",
					  .help = "Whether items are alike in who likes them, in what they are, or in both."}};

static const RecoOption popular_option[] = {
	[RECO_LIST_REASON] = REASON_OPTION,
	[RECO_LIST_SEED] = SEED_OPTION,
	[RECO_LIST_NEW_ITEMS] = NEW_ITEMS_OPTION,
	[RECO_LIST_BY] = {.name = "by",
					  .type = RECO_OPTION_STRING,
					  .is_auto = true,
					  .help = "A feature of users: one list for each of its levels."},
	[RECO_LIST_SEGMENT] = {.name = "segment",
						   .type = RECO_OPTION_STRING,
						   .is_auto = true,
						   .help = "A level of that feature: the list of these users alone."},
	[RECO_LIST_ORDER] = {.name = "order",
						 .type = RECO_OPTION_STRING,
						 .is_auto = true,
						 .help = "popular, trending, new or rating."},
	[RECO_LIST_WINDOW] = {.name = "window",
						  .type = RECO_OPTION_STRING,
						  .is_auto = true,
						  .help = "So many days before the latest event of the refresh, as in \"7 days\"."}};

/* list_options reads the options of a list. */
static void
list_options(RecoListCall *list, FunctionCallInfo fcinfo, const RecoListPositions *position)
{
	static const struct
	{
		const RecoOption *option;
		int n;
	} table[] = {[RECO_LIST_OF_USER] = {list_option, lengthof(list_option)},
				 [RECO_LIST_OF_SIMILAR] = {similar_option, lengthof(similar_option)},
				 [RECO_LIST_OF_POPULAR] = {popular_option, lengthof(popular_option)}};
	RecoOptionValue *value = reco_argument_options(fcinfo, position->options, table[position->kind].option,
												   table[position->kind].n);

	list->option = value;
	list->with_reason = value[RECO_LIST_REASON].number != 0;
	list->voice.seed = (uint64) value[RECO_LIST_SEED].number;
	list->n_new = position->kind == RECO_LIST_OF_POPULAR ? 0 : (size_t) value[RECO_LIST_NEW_ITEMS].number;
}

/*
 * list_filter makes the filter of a call, or NULL when there is none; the reader
 * refuses one without an items relation.
 */
static RecoFilter *
list_filter(const RecoListCall *list, FunctionCallInfo fcinfo, const RecoListPositions *position)
{
	char *expression = reco_argument_text(fcinfo, position->filter);
	ArrayType *arguments = reco_argument_array(fcinfo, position->filter_args);

	if (expression == NULL)
	{
		if (arguments != NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("filter_args without filter"),
							errhint("They are the values of $1, $2, ... in the filter.")));
		return NULL;
	}
	return reco_reader_filter(list->call.definition, expression, arguments);
}

/* known_first gives how many of n sorted items are of the version; they are the first. */
static size_t
known_first(const RecoModel *model, const uint32 *item, size_t n)
{
	while (n > 0 && item[n - 1] >= model->items.n)
		n--;
	return n;
}

/*
 * list_items settles which items take part: those of the version, those that came after it where new items are asked
 * for, and candidates, without what is excluded.
 */
static void
list_items(RecoListCall *list, FunctionCallInfo fcinfo, const RecoListPositions *position)
{
	const RecoModel *model = list->call.model;
	RecoListAsk *ask = &list->ask;
	Oid type = list->call.definition->item.type;
	uint32 *exclude;
	size_t n;

	if (list->n_new > 0)
		reco_model_add_new(model);
	if (position->candidates >= 0)
		ask->candidate = reco_argument_items(reco_argument_array(fcinfo, position->candidates), type, model,
											 true, &ask->n_candidate);
	if (position->kind == RECO_LIST_OF_USER)
		list->promotion = reco_argument_promotion(&list->option[RECO_LIST_PROMOTED],
												  &list->option[RECO_LIST_PROMOTION], type, model);
	ask->skip = reco_skip_make(model);
	if (ask->candidate != NULL)
	{
		reco_skip_others(ask->skip, ask->candidate, ask->n_candidate);
		ask->n_candidate = known_first(model, ask->candidate, ask->n_candidate);
	}
	if (position->exclude < 0)
		return;
	exclude = reco_argument_items(reco_argument_array(fcinfo, position->exclude), type, model, false, &n);
	for (size_t i = 0; i < n; i++)
		reco_skip_add(ask->skip, exclude[i]);
}

void
reco_list_begin(RecoListCall *list, FunctionCallInfo fcinfo, const RecoListPositions *position)
{
	ReturnSetInfo *result;

	memset(list, 0, sizeof(*list));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	list->item_type = TupleDescAttr(result->setDesc, 1)->atttypid;
	list->kind = position->kind;
	list->ask.k = reco_argument_k(fcinfo, position->k);
	if (position->item_type >= 0)
		reco_argument_item_type(fcinfo, position->item_type);
	list->voice.words = reco_argument_lang(fcinfo, position->lang);
	list_options(list, fcinfo, position);
	list->exclude_seen =
		position->exclude_seen >= 0 && reco_argument_boolean(fcinfo, position->exclude_seen, true);

	reco_call_begin(&list->call, fcinfo, position->recommender);
	list->ask.model = list->call.model;
	list_items(list, fcinfo, position);
	list->ask.view =
		reco_view_make(list->call.definition, list->call.model, list_filter(list, fcinfo, position));
}

void
reco_list_run(RecoListCall *list)
{
	list->hit = palloc(sizeof(RkHit) * list->ask.k);
	list->n = reco_serve_list_promoted(&list->ask, list->n_new, &list->promotion, list->hit);
}

/* write_reason adds what a reason points at: {"because": [id, ...]} (G5), attributes, and the bucket of "people" it counts. */
static void
write_reason(RecoJson *json, const RecoModel *model, const RecoWords *words, const RecoReason *reason)
{
	reco_json_begin_array(json, "because");
	for (int c = 0; c < reason->n_cited; c++)
	{
		JsonbValue id = reco_call_id(model, reason->cited[c]);

		reco_json_value(json, NULL, &id);
	}
	reco_json_end_array(json);
	reco_reason_write_attributes(json, words, reason, false);
	if (reason->aspect != NULL)
	{
		reco_json_begin_object(json, "reviews");
		reco_json_string(json, "aspect", reason->aspect);
		reco_json_integer(json, "people", reason->reviewers);
		reco_json_end_object(json);
	}
	if (reason->is_new)
		reco_json_boolean(json, "new", true);
	if (reason->people > 0)
		reco_json_integer(json, "people", reason->people);
}

/* find_without finds the columns of users that the version was learned from and the list had to do without. */
static void
find_without(RecoListCall *list)
{
	const RecoModel *model = list->call.model;
	const RecoDefinition *definition = list->call.definition;

	if (list->kind != RECO_LIST_OF_USER || model->user_encoder == NULL ||
		(!model->asks_users && reco_serve_is_scored(list->ask.source)))
		return;
	list->without = reco_encoder_lost(definition, model->user_encoder, RECO_SIDE_USER, &list->n_without);
	/* who may not read the users is served without them anyway */
	if (list->n_without > 0 &&
		reco_encoder_access(definition, model->user_encoder, RECO_SIDE_USER) == RECO_ACCESS_DENIED)
		list->n_without = 0;
}

/* write_without adds "without": ["column", ...], where there are such columns. */
static void
write_without(RecoJson *json, const RecoListCall *list)
{
	if (list->n_without == 0)
		return;
	reco_json_begin_array(json, "without");
	for (int w = 0; w < list->n_without; w++)
		reco_json_string(json, NULL, list->without[w]);
	reco_json_end_array(json);
}

/* score_of_model gives the score of a line without what its promotion adds. */
static double
score_of_model(const RecoListCall *list, const RkHit *hit)
{
	return reco_promotion_of(&list->promotion, hit->item) > 0 ? reco_query_score(list->ask.query, hit->item)
															  : hit->score;
}

/*
 * details gives what is said beside a row: what its reason points at (NULL: no reason), what its promotion added, what the score of
 * the model means, where it is known, and which columns it was made without.
 */
static Datum
details(const RecoListCall *list, const RecoReason *reason, const RkHit *hit)
{
	const RecoModel *model = list->call.model;
	double promotion = reco_promotion_of(&list->promotion, hit->item);
	RecoJson json;

	reco_json_begin(&json);
	if (reason != NULL)
		write_reason(&json, model, list->voice.words, reason);
	if (promotion > 0)
		reco_json_number(&json, "promotion", promotion);
	if (list->ask.source == RECO_SOURCE_HISTORY && model->n_link > 0)
		reco_json_number(&json, "probability", reco_model_probability(model, score_of_model(list, hit)));
	write_without(&json, list);
	return JsonbPGetDatum(reco_json_end(&json));
}

void
reco_list_return(RecoListCall *list, FunctionCallInfo fcinfo, const RecoReason *reason)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool scored = reco_serve_is_scored(list->ask.source);
	Datum source = CStringGetTextDatum(reco_serve_source_name(list->ask.source));

	find_without(list);
	for (size_t i = 0; i < list->n; i++)
	{
		RecoKey key = reco_model_key(list->call.model, list->hit[i].item);
		bool isnull[LIST_COLUMNS] = {false, false, !scored, false, reason == NULL, false};
		Datum value[LIST_COLUMNS] = {0};

		value[0] = Int32GetDatum((int32) i + 1);
		value[1] = reco_key_to_datum(&key, list->item_type);
		value[2] = Float8GetDatum(list->hit[i].score);
		value[3] = source;
		if (reason != NULL)
			value[4] = CStringGetTextDatum(reason[i].text);
		value[5] = details(list, reason != NULL ? &reason[i] : NULL, &list->hit[i]);
		tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
	}
	reco_call_end(&list->call);
}
