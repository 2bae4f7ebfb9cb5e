/*
 * recommend_all.c
 *	  recommend_all(): the lists of many users as rows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "sqlapi/arguments.h"
#include "sqlapi/call.h"
#include "sqlapi/many.h"

PG_FUNCTION_INFO_V1(reco_recommend_all);
PG_FUNCTION_INFO_V1(reco_recommend_all_typed);

enum
{
	ALL_USER,
	ALL_RANK,
	ALL_ITEM,
	ALL_SCORE,
	ALL_SOURCE,
	ALL_COLUMNS
};

/* Where a function has its arguments. */
typedef struct AllPositions
{
	int k;
	int users;
	int users_query;
	int options;
} AllPositions;

/* One call. */
typedef struct AllCall
{
	RecoCall call;
	RecoManyAsk ask;
	Oid id_type; /* of the ids in the answer */
	ReturnSetInfo *result;
	Datum source[RECO_SOURCES]; /* names, by RecoSource */
} AllCall;

const RecoOption reco_many_option[RECO_MANY_OPTIONS] = {
	[RECO_MANY_EXCLUDE_SEEN] = {"exclude_seen", RECO_OPTION_BOOLEAN, false, 1, NULL, 0, 1, false,
								"Whether items that a user has are left out."},
	[RECO_MANY_FILTER] = {"filter", RECO_OPTION_STRING, true, 0, NULL, 0, 0, false,
						  "A boolean expression over the items relation, as in recommend()."},
	[RECO_MANY_FILTER_ARGS] = {"filter_args", RECO_OPTION_TEXTS, true, 0, NULL, 0, 0, false,
							   "The values of $1, $2, ... in the filter."},
	[RECO_MANY_NEW_ITEMS] =
		{"new_items", RECO_OPTION_INTEGER, false, 0, NULL, 0, 10000, false,
		 "How many lines are kept for items that nobody has chosen yet, as in recommend()."},
	[RECO_MANY_PROMOTED] = RECO_PROMOTED_OPTION,
	[RECO_MANY_PROMOTION] = RECO_PROMOTION_OPTION,
	[RECO_MANY_REPLACE] =
		{"replace", RECO_OPTION_BOOLEAN, false, 0, NULL, 0, 1, false,
		 "Whether rows that users have in the target are deleted, rather than the users skipped."},
};

/* array_of gives texts as an array. */
static ArrayType *
array_of(const RecoOptionValue *texts)
{
	Datum *value = palloc_array(Datum, Max(texts->n, 1));
	bool *isnull = palloc_array(bool, Max(texts->n, 1));
	int low = 1;
	int n = texts->n;

	for (int i = 0; i < n; i++)
	{
		isnull[i] = texts->text[i] == NULL;
		value[i] = isnull[i] ? (Datum) 0 : CStringGetTextDatum(texts->text[i]);
	}
	return construct_md_array(value, isnull, 1, &n, &low, TEXTOID, -1, false, TYPALIGN_INT);
}

void
reco_many_options(RecoManyAsk *ask, const RecoOptionValue *option)
{
	const RecoOptionValue *arguments = &option[RECO_MANY_FILTER_ARGS];

	ask->exclude_seen = option[RECO_MANY_EXCLUDE_SEEN].number != 0;
	ask->n_new = (size_t) option[RECO_MANY_NEW_ITEMS].number;
	ask->promotion = option[RECO_MANY_PROMOTION].number;
	ask->promoted =
		reco_argument_promoted(&option[RECO_MANY_PROMOTED], ask->definition->item.type, &ask->n_promoted);
	if (arguments->is_set && !option[RECO_MANY_FILTER].is_set)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("filter_args without filter"),
						errhint("They are the values of $1, $2, ... in the filter.")));
	if (option[RECO_MANY_FILTER].is_set)
		ask->filter = reco_reader_filter(ask->definition, option[RECO_MANY_FILTER].string,
										 arguments->is_set ? array_of(arguments) : NULL);
}

/* put_list adds the rows of one user. */
static void
put_list(void *state, const RecoKey *user, RecoSource source, const RecoManySegment *segment,
		 const RecoPromotion *promotion, const RkHit *hit, size_t n)
{
	AllCall *all = state;
	Datum value[ALL_COLUMNS];
	bool isnull[ALL_COLUMNS] = {[ALL_SCORE] = !reco_serve_is_scored(source)};

	if (n == 0)
		return;
	value[ALL_USER] = reco_key_to_datum(user, all->id_type);
	value[ALL_SOURCE] = all->source[source];
	for (size_t i = 0; i < n; i++)
	{
		RecoKey item = reco_model_key(all->call.model, hit[i].item);

		value[ALL_RANK] = Int32GetDatum((int32) i + 1);
		value[ALL_ITEM] = reco_key_to_datum(&item, all->id_type);
		value[ALL_SCORE] = Float8GetDatum(hit[i].score);
		tuplestore_putvalues(all->result->setResult, all->result->setDesc, value, isnull);
	}
}

/* require_answer raises unless ids of both columns can be given in the type of the answer. */
static void
require_answer(const AllCall *all)
{
	const RecoDefinition *definition = all->call.definition;
	RecoKeyKind answer = reco_key_kind_of_type(all->id_type, "an id");

	if (answer == RECO_KEY_TEXT || (reco_key_kind_of_type(definition->user.type, "a user column") == answer &&
									reco_key_kind_of_type(definition->item.type, "an item column") == answer))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("ids of recommender \"%s\" cannot be answered as %s", definition->name,
					format_type_be(all->id_type)),
			 errdetail("Its users are %s, its items %s.", format_type_be(definition->user.type),
					   format_type_be(definition->item.type)),
			 errhint("Pass users as text[], or leave them out: then ids are text, which fits every type.")));
}

/* asked_users gives the users that the call names, or NULL for all. */
static RecoKeys *
asked_users(const AllCall *all, FunctionCallInfo fcinfo, const AllPositions *position)
{
	ArrayType *ids = reco_argument_array(fcinfo, position->users);
	char *query = reco_argument_text(fcinfo, position->users_query);

	if (ids != NULL && query != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("users and users_query are both given"),
				 errhint("Give the one or the other, or neither for all users who have events.")));
	if (ids != NULL)
		return reco_reader_users_in(all->call.definition, ids);
	return query != NULL ? reco_reader_users_of(all->call.definition, query) : NULL;
}

/* make_lists makes all lists, as many users at once as memory allows. */
static void
make_lists(AllCall *all, RecoKeys *users)
{
	RecoManyAsk *ask = &all->ask;
	size_t block;

	if (users == NULL && reco_serve_many_fits(ask->definition))
	{
		reco_serve_many(ask);
		return;
	}
	ask->only_active = users == NULL;
	ask->users = users != NULL ? users : reco_reader_users(ask->definition);
	block = reco_serve_many_block(ask->definition, ask->users->n);
	for (ask->first = 0; ask->first < ask->users->n; ask->first += ask->n)
	{
		ask->n = Min(block, ask->users->n - ask->first);
		reco_serve_many(ask);
	}
}

static Datum
recommend_all(FunctionCallInfo fcinfo, const AllPositions *position)
{
	AllCall all;

	memset(&all, 0, sizeof(all));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	all.result = (ReturnSetInfo *) fcinfo->resultinfo;
	all.id_type = TupleDescAttr(all.result->setDesc, ALL_USER)->atttypid;
	all.ask.k = (size_t) reco_argument_k(fcinfo, position->k);
	reco_call_begin(&all.call, fcinfo, 0);
	require_answer(&all);
	all.ask.definition = all.call.definition;
	all.ask.model = all.call.model;
	reco_many_options(&all.ask,
					  reco_argument_options(fcinfo, position->options, reco_many_option, RECO_MANY_REPLACE));
	all.ask.receive = put_list;
	all.ask.state = &all;
	for (int source = 0; source < RECO_SOURCES; source++)
		all.source[source] = CStringGetTextDatum(reco_serve_source_name((RecoSource) source));
	make_lists(&all, asked_users(&all, fcinfo, position));
	reco_call_end(&all.call);
	return (Datum) 0;
}

/* The lists of many users, ids as text. */
Datum
reco_recommend_all(PG_FUNCTION_ARGS)
{
	static const AllPositions position = {.k = 1, .users = 2, .users_query = 3, .options = 4};

	return recommend_all(fcinfo, &position);
}

/* The same for ids of the type of the array of users, which may be NULL for all. */
Datum
reco_recommend_all_typed(PG_FUNCTION_ARGS)
{
	static const AllPositions position = {.k = 2, .users = 1, .users_query = 3, .options = 4};

	return recommend_all(fcinfo, &position);
}
