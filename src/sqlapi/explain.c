/*
 * explain.c
 *	  explain(): the score of one pair as rows that add up to it.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "explain/explain.h"
#include "explain/words.h"
#include "model/json.h"
#include "sqlapi/arguments.h"
#include "sqlapi/pair.h"

PG_FUNCTION_INFO_V1(reco_explain);

#define EXPLAIN_COLUMNS 10

enum
{
	EXPLAIN_LIMIT,
	EXPLAIN_PROMOTED,
	EXPLAIN_PROMOTION
};

static const RecoOption explain_option[] = {
	[EXPLAIN_LIMIT] =
		{.name = "limit",
		 .type = RECO_OPTION_INTEGER,
		 .initial = 50,
		 .minimum = 0,
		 .maximum = 10000,
		 .help =
			 "The pieces of evidence that get a row of their own; the others are added up in the row \"rest\"."},
	[EXPLAIN_PROMOTED] = RECO_PROMOTED_OPTION,
	[EXPLAIN_PROMOTION] = RECO_PROMOTION_OPTION};

/* By what a score is split. */
typedef enum ExplainView
{
	EXPLAIN_BY_ATTRIBUTES,
	EXPLAIN_BY_HISTORY,
	EXPLAIN_BY_MEMBERS,
	EXPLAIN_VIEWS
} ExplainView;

static const char *const view_name[EXPLAIN_VIEWS] = {"attributes", "history", "members"};

/* read_view reads by what a score is to be split, and refuses views that there are not. */
static ExplainView
read_view(FunctionCallInfo fcinfo, int position)
{
	char *view = reco_argument_text(fcinfo, position);

	if (view == NULL)
		return EXPLAIN_BY_HISTORY;
	for (int v = 0; v < EXPLAIN_VIEWS; v++)
		if (strcmp(view, view_name[v]) == 0)
			return (ExplainView) v;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("unknown view \"%s\" of a score", view),
					errhint("The known views are: attributes, history, members.")));
}

/* explain_by_item refuses models that know nothing of items. */
static RecoExplanation *
explain_by_item(const RecoPair *pair)
{
	RecoExplanation *explanation = reco_explain_by_item(pair->query, pair->item);

	if (explanation == NULL)
		ereport(
			ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("view \"attributes\" needs a model that learns from the attributes of items"),
			 errdetail(
				 "The model scores items by who chose them, so no part of a score is owed to an attribute."),
			 errhint("Name columns of the items in item_features, and refresh.")));
	return explanation;
}

/* explain_by_member refuses models that are not blended of others. */
static RecoExplanation *
explain_by_member(const RecoPair *pair)
{
	RecoExplanation *explanation = reco_explain_by_member(pair->query, pair->item);

	if (explanation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("view \"members\" needs a blend"),
				 errdetail("Recommender \"%s\" serves a model of algorithm \"%s\", which has no members.",
						   pair->call.definition->name, pair->call.model->algorithm->name),
				 errhint("Leave the view out, or ask for view => 'history'.")));
	return explanation;
}

/* explain makes the explanation of a view. */
static RecoExplanation *
explain(const RecoPair *pair, ExplainView view, int limit)
{
	if (view == EXPLAIN_BY_ATTRIBUTES)
		return explain_by_item(pair);
	if (view == EXPLAIN_BY_MEMBERS)
		return explain_by_member(pair);
	return reco_explain_history(pair->query, pair->view, pair->item, limit);
}

/*
 * row_details tells of evidence its folded weight and target and its main event, of an attribute whose it is and
 * what, of a member its weight and its own score, of rest how much is in it.
 */
static Datum
row_details(const RecoQuery *query, const RecoWords *words, const RecoExplainRow *row)
{
	RecoJson json;

	reco_json_begin(&json);
	if (row->evidence >= 0)
	{
		const RecoEvidence *evidence = &query->evidence[row->evidence];

		reco_json_number(&json, "weight", evidence->weight);
		if (evidence->weight > 0)
			reco_json_number(&json, "target", evidence->pull / evidence->weight);
		if (evidence->kind >= 0)
			reco_json_string(&json, "event", query->history->kind[evidence->kind]);
	}
	else if (row->attribute != NULL)
	{
		reco_json_string(&json, "of", row->attribute->own ? "user" : "item");
		reco_json_string(&json, "attribute", row->attribute->name);
		if (row->attribute->value != NULL)
			reco_json_string(&json, "value", reco_words_value(words, row->attribute));
	}
	else if (row->member != NULL)
	{
		reco_json_number(&json, "weight", row->member->weight);
		reco_json_number(&json, "score", row->member->score);
	}
	else if (row->kind == RECO_ADDEND_REST)
		reco_json_integer(&json, "items", row->n_cut);
	return JsonbPGetDatum(reco_json_end(&json));
}

/* put_row writes one row of an explanation. */
static void
put_row(ReturnSetInfo *result, const RecoQuery *query, const RecoView *view,
		const RecoExplanation *explanation, int r)
{
	const RecoExplainRow *row = &explanation->row[r];
	Datum value[EXPLAIN_COLUMNS] = {0};
	bool isnull[EXPLAIN_COLUMNS] = {false};

	value[0] = Int32GetDatum(r + 1);
	value[1] = CStringGetTextDatum(reco_explain_kind_name(row->kind));
	isnull[2] = isnull[3] = true;
	if (row->evidence >= 0)
	{
		uint32 item = query->evidence[row->evidence].item;
		RecoKey key = reco_model_key(query->model, item);
		const RecoViewItem *seen = reco_view_find(view, item);

		value[2] = reco_key_to_datum(&key, TupleDescAttr(result->setDesc, 2)->atttypid);
		isnull[2] = false;
		isnull[3] = seen == NULL || seen->label == NULL;
		if (!isnull[3])
			value[3] = CStringGetTextDatum(seen->label);
	}
	else if (row->attribute != NULL)
	{
		value[3] = CStringGetTextDatum(row->attribute->value != NULL
										   ? reco_words_value(explanation->words, row->attribute)
										   : row->attribute->name);
		isnull[3] = false;
	}
	else if (row->member != NULL)
	{
		value[3] = CStringGetTextDatum(row->member->name);
		isnull[3] = false;
	}
	value[4] = Float8GetDatum(row->contribution);
	value[5] = Float8GetDatum(row->removal);
	isnull[5] = !row->has_removal;
	value[6] = Float8GetDatum(row->share);
	isnull[6] = !row->has_share;
	value[7] = CStringGetTextDatum(explanation->exactness);
	value[8] = CStringGetTextDatum(reco_explain_clause(query, view, explanation, row));
	value[9] = row_details(query, explanation->words, row);
	tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
}

/* A NULL user or item has no score and no rows; a user without rows has the rows that belong to nobody's history. */
Datum
reco_explain(PG_FUNCTION_ARGS)
{
	RecoPair pair;
	RecoExplanation *explanation;
	RecoOptionValue *option;
	RecoPromotion promotion;
	const RecoWords *words;
	ExplainView view;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	view = read_view(fcinfo, 3);
	words = reco_argument_lang(fcinfo, 4);
	option = reco_argument_options(fcinfo, 5, explain_option, lengthof(explain_option));
	if (!reco_pair_begin(&pair, fcinfo, 2))
		return (Datum) 0;
	explanation = explain(&pair, view, (int) option[EXPLAIN_LIMIT].number);
	promotion = reco_argument_promotion(&option[EXPLAIN_PROMOTED], &option[EXPLAIN_PROMOTION],
										pair.call.definition->item.type, pair.call.model);
	if (reco_promotion_of(&promotion, pair.item) > 0)
		reco_explain_promote(explanation, promotion.much);
	explanation->words = words;
	for (int r = 0; r < explanation->n; r++)
		put_row((ReturnSetInfo *) fcinfo->resultinfo, pair.query, pair.view, explanation, r);
	reco_pair_end(&pair);
	return (Datum) 0;
}
