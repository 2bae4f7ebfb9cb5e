/*
 * explain_check.c
 *	  explain_check(): proves the explanation of one pair, or raises.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "explain/check.h"
#include "explain/words.h"
#include "sqlapi/arguments.h"
#include "sqlapi/pair.h"

PG_FUNCTION_INFO_V1(reco_explain_check_pair);

#define CHECK_COLUMNS 9

enum
{
	CHECK_TOLERANCE,
	CHECK_SUM_TOLERANCE,
	CHECK_LIMIT
};

static const RecoOption check_option[] = {
	[CHECK_TOLERANCE] =
		{.name = "tolerance",
		 .type = RECO_OPTION_NUMBER,
		 .initial = 1e-5,
		 .minimum = 0,
		 .maximum = 1,
		 .help = "The greatest difference of a removal effect, in parts of the size of the score."},
	[CHECK_SUM_TOLERANCE] =
		{.name = "sum_tolerance",
		 .type = RECO_OPTION_NUMBER,
		 .initial = 1e-6,
		 .minimum = 0,
		 .maximum = 1,
		 .help = "The greatest difference of the sum of contributions, in parts of the size of the score."},
	[CHECK_LIMIT] = {
		.name = "limit",
		.type = RECO_OPTION_INTEGER,
		.initial = 50,
		.minimum = 0,
		.maximum = 10000,
		.help = "The pieces of evidence with a row of their own in the explanation that is added up."}};

/* item_text gives the id of an item as text. */
static char *
item_text(const RecoModel *model, uint32 item)
{
	RecoKey key = reco_model_key(model, item);

	return TextDatumGetCString(reco_key_to_datum(&key, TEXTOID));
}

/* worst_name names the worst piece of evidence, unless the caller may not see it. */
static char *
worst_name(const RecoPair *pair, const RecoExplainCheck *check)
{
	uint32 item = pair->query->evidence[check->worst].item;

	if (reco_view_find(pair->view, item) == NULL)
		return pstrdup("an item that you may not see");
	return psprintf("item %s", item_text(pair->call.model, item));
}

/* require_sum raises unless the contributions add up to the score. */
static void
require_sum(const RecoPair *pair, const RecoExplainCheck *check, double tolerance)
{
	/* written so that a NaN fails it */
	if (!(check->sum_residual <= tolerance))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("the contributions to the score of item %s do not add up to it",
						item_text(pair->call.model, pair->item)),
				 errdetail("Their sum is %.17g, the score is %.17g: %.3g of its size apart, more than %.3g.",
						   check->total, check->score, check->sum_residual, tolerance)));
}

/* require_removals raises unless the worst stated effect is near enough to what was found. */
static void
require_removals(const RecoPair *pair, const RecoExplainCheck *check, double tolerance)
{
	if (check->worst >= 0 && !(check->removal_residual <= tolerance))
		ereport(
			ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("the stated effect of %s on the score of item %s is not what removing it does",
					worst_name(pair, check), item_text(pair->call.model, pair->item)),
			 errdetail(
				 "Stated is %.17g, scoring again without its rows gives %.17g: %.3g of the size of the score apart, more than %.3g.",
				 check->stated, check->found, check->removal_residual, tolerance)));
}

/* put_check writes the row of a check that held. */
static void
put_check(ReturnSetInfo *result, const RecoPair *pair, const RecoExplainCheck *check)
{
	bool nonlinear = pair->call.model->algorithm->linearity == RECO_NONLINEAR;
	Datum value[CHECK_COLUMNS] = {0};
	bool isnull[CHECK_COLUMNS] = {false};
	const RecoViewItem *seen = NULL;

	if (check->worst >= 0)
		seen = reco_view_find(pair->view, pair->query->evidence[check->worst].item);
	value[0] = Float8GetDatum(check->score);
	value[1] = Int32GetDatum(check->n);
	value[2] = Float8GetDatum(check->sum_residual);
	value[3] = Float8GetDatum(check->removal_residual);
	isnull[4] = seen == NULL;
	if (seen != NULL)
	{
		RecoKey key = reco_model_key(pair->call.model, pair->query->evidence[check->worst].item);

		value[4] = reco_key_to_datum(&key, TupleDescAttr(result->setDesc, 4)->atttypid);
	}
	isnull[5] = seen == NULL || seen->label == NULL;
	if (!isnull[5])
		value[5] = CStringGetTextDatum(seen->label);
	value[6] = Float8GetDatum(check->stated);
	value[7] = Float8GetDatum(check->found);
	isnull[3] = isnull[6] = isnull[7] = check->worst < 0;
	value[8] = CStringGetTextDatum(nonlinear ? "measured" : "exact");
	tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
}

/* A NULL user or item has no explanation and so no row. */
Datum
reco_explain_check_pair(PG_FUNCTION_ARGS)
{
	RecoOptionValue *option;
	RecoExplainCheck check;
	RecoPair pair;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	option = reco_argument_options(fcinfo, 3, check_option, lengthof(check_option));
	if (!reco_pair_begin(&pair, fcinfo, 2))
		return (Datum) 0;
	check = reco_explain_check(pair.query, pair.view, pair.item, (int) option[CHECK_LIMIT].number);
	require_sum(&pair, &check, option[CHECK_SUM_TOLERANCE].number);
	require_removals(&pair, &check, option[CHECK_TOLERANCE].number);
	put_check((ReturnSetInfo *) fcinfo->resultinfo, &pair, &check);
	reco_pair_end(&pair);
	return (Datum) 0;
}
