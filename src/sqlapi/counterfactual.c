/*
 * counterfactual.c
 *	  counterfactual(): which rows of the user keep an item in the list.
 *
 * There is always at least one row for a pair: where no set is given, found is
 * false and outcome says why, so that a join loses nobody.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "explain/counterfactual.h"
#include "explain/explain.h"
#include "model/json.h"
#include "sqlapi/arguments.h"
#include "sqlapi/pair.h"
#include "sqlapi/recommend.h"

PG_FUNCTION_INFO_V1(reco_counterfactual_pair);

#define COUNTERFACTUAL_COLUMNS 12

enum
{
	COUNTERFACTUAL_EXCLUDE_SEEN,
	COUNTERFACTUAL_MAX_SIZE,
	COUNTERFACTUAL_TESTS
};

static const RecoOption counterfactual_option[] = {
	[COUNTERFACTUAL_EXCLUDE_SEEN] = {.name = "exclude_seen",
									 .type = RECO_OPTION_BOOLEAN,
									 .initial = 1,
									 .help = "Whether the list leaves out items that the user has rows on."},
	[COUNTERFACTUAL_MAX_SIZE] = {.name = "max_size",
								 .type = RECO_OPTION_INTEGER,
								 .initial = 50,
								 .minimum = 1,
								 .maximum = 10000,
								 .help = "The most pieces of evidence that a set may have."},
	[COUNTERFACTUAL_TESTS] = {
		.name = "tests",
		.type = RECO_OPTION_INTEGER,
		.initial = 1000,
		.minimum = 0,
		.maximum = 10000000,
		.help =
			"The most single pieces and pairs that are tried to find a smaller set than the greedy one."}};

/* outcome_name gives the words that SQL shows for an outcome. */
static const char *
outcome_name(RecoCounterfactualOutcome outcome)
{
	switch (outcome)
	{
		case RECO_COUNTERFACTUAL_FOUND:
			return "out of the list";
		case RECO_COUNTERFACTUAL_NOT_LISTED:
			return "not in the list";
		case RECO_COUNTERFACTUAL_SEEN:
			return "seen already";
		case RECO_COUNTERFACTUAL_NO_HISTORY:
			return "no history";
		case RECO_COUNTERFACTUAL_NONE:
			return "none found";
	}
	return NULL;
}

/* search_details tells what is known of the set as a whole. */
static Jsonb *
search_details(const RecoCounterfactual *result)
{
	RecoJson json;

	reco_json_begin(&json);
	if (result->outcome == RECO_COUNTERFACTUAL_FOUND)
	{
		reco_json_integer(&json, "pieces", result->n);
		reco_json_boolean(&json, "smallest", result->smallest);
	}
	reco_json_integer(&json, "lists", result->tested);
	return reco_json_end(&json);
}

/* put_piece fills the columns of one piece of evidence. */
static void
put_piece(const RecoPair *pair, const RecoCounterfactual *result, int e, Oid type, Datum *value, bool *isnull)
{
	const RecoEvidence *evidence = &pair->query->evidence[e];
	RecoKey key = reco_model_key(pair->call.model, evidence->item);
	const RecoViewItem *seen = reco_view_find(pair->view, evidence->item);

	value[3] = reco_key_to_datum(&key, type);
	isnull[4] = seen == NULL || seen->label == NULL;
	if (!isnull[4])
		value[4] = CStringGetTextDatum(seen->label);
	value[5] = CStringGetTextDatum(reco_explain_kind_name(
		!pair->call.model->explicit_feedback && evidence->pull <= 0 ? RECO_ADDEND_DISLIKE
																	: RECO_ADDEND_HISTORY));
	value[6] = Float8GetDatum(result->effect[e]);
	isnull[3] = isnull[5] = isnull[6] = false;
}

/* put_rows writes a row a piece of the set, or the one that says why there is none. */
static void
put_rows(ReturnSetInfo *result_info, const RecoPair *pair, const RecoCounterfactual *result)
{
	bool found = result->outcome == RECO_COUNTERFACTUAL_FOUND;
	Datum outcome = CStringGetTextDatum(outcome_name(result->outcome));
	Datum details = JsonbPGetDatum(search_details(result));

	for (int i = 0; i < Max(result->n, 1); i++)
	{
		Datum value[COUNTERFACTUAL_COLUMNS] = {0};
		bool isnull[COUNTERFACTUAL_COLUMNS] = {false};

		value[0] = Int32GetDatum(i + 1);
		value[1] = BoolGetDatum(found);
		value[2] = outcome;
		isnull[3] = isnull[4] = isnull[5] = isnull[6] = true;
		if (found)
			put_piece(pair, result, result->evidence[i], TupleDescAttr(result_info->setDesc, 3)->atttypid,
					  value, isnull);
		value[7] = Float8GetDatum(result->score_before);
		value[8] = Float8GetDatum(result->score_after);
		value[9] = Int64GetDatum(result->rank_before);
		value[10] = Int64GetDatum(result->rank_after);
		isnull[8] = !found;
		isnull[10] = result->rank_after == 0;
		isnull[9] = result->rank_before == 0;
		value[11] = details;
		tuplestore_putvalues(result_info->setResult, result_info->setDesc, value, isnull);
	}
}

/* A NULL user or item has no list and so no row. */
Datum
reco_counterfactual_pair(PG_FUNCTION_ARGS)
{
	RecoCounterfactualAsk ask = {0};
	RecoOptionValue *option;
	RecoPair pair;
	RecoKey user;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	ask.k = reco_argument_k(fcinfo, 2);
	option = reco_argument_options(fcinfo, 4, counterfactual_option, lengthof(counterfactual_option));
	ask.exclude_seen = option[COUNTERFACTUAL_EXCLUDE_SEEN].number != 0;
	ask.max_size = (int) option[COUNTERFACTUAL_MAX_SIZE].number;
	ask.tests = (int) option[COUNTERFACTUAL_TESTS].number;
	if (!reco_pair_begin(&pair, fcinfo, 3))
		return (Datum) 0;
	ask.query = pair.query;
	ask.view = pair.view;
	ask.item = pair.item;
	(void) reco_argument_key(fcinfo, 0, pair.call.definition->user.type, "user", &user);
	ask.board = reco_recommend_segment(&pair.call, &user);
	put_rows((ReturnSetInfo *) fcinfo->resultinfo, &pair, reco_counterfactual(&ask));
	reco_pair_end(&pair);
	return (Datum) 0;
}
