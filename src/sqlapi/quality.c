/*
 * quality.c
 *	  explanation_quality(): how good the explanations of a recommender are.
 *
 * It reads the rows of other people, so it is for the recommender's owner, and
 * reads as the caller.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include <math.h>

#include "explain/quality.h"
#include "sqlapi/arguments.h"
#include "sqlapi/call.h"
#include "sqlapi/sample.h"

PG_FUNCTION_INFO_V1(reco_explanation_quality);

#define QUALITY_COLUMNS 4

enum
{
	QUALITY_K,
	QUALITY_ITEMS,
	QUALITY_PIECES,
	QUALITY_DRAWS,
	QUALITY_SEED
};

static const RecoOption quality_option[] = {
	[QUALITY_K] = {.name = "k",
				   .type = RECO_OPTION_INTEGER,
				   .initial = 10,
				   .minimum = 1,
				   .maximum = 1000,
				   .help = "The length of the list that an item is in or out of."},
	[QUALITY_ITEMS] = {.name = "items",
					   .type = RECO_OPTION_INTEGER,
					   .initial = 1,
					   .minimum = 1,
					   .maximum = 1000,
					   .help = "How many items of each list are explained, from the first."},
	[QUALITY_PIECES] = {.name = "pieces",
						.type = RECO_OPTION_INTEGER,
						.initial = 5,
						.minimum = 1,
						.maximum = 1000,
						.help = "The pieces of evidence of an explanation."},
	[QUALITY_DRAWS] = {.name = "draws",
					   .type = RECO_OPTION_INTEGER,
					   .initial = 10,
					   .minimum = 1,
					   .maximum = 1000,
					   .help = "The random explanations that each explanation is compared with."},
	[QUALITY_SEED] = {.name = "seed",
					  .type = RECO_OPTION_INTEGER,
					  .initial = 42,
					  .minimum = 0,
					  .maximum = 2147483647,
					  .help = "Chooses the users and the random explanations."}};

static void
put_metric(ReturnSetInfo *result, const RecoQualityMetric *metric)
{
	Datum value[QUALITY_COLUMNS] = {CStringGetTextDatum(metric->name), Float8GetDatum(metric->value),
									Int64GetDatum(metric->n), CStringGetTextDatum(metric->meaning)};
	bool isnull[QUALITY_COLUMNS] = {false, isnan(metric->value), false, false};

	tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
}

Datum
reco_explanation_quality(PG_FUNCTION_ARGS)
{
	RecoOptionValue *option;
	RecoQualityAsk ask;
	RecoQuality *quality;
	RecoQualityMetric *metric;
	RecoSample sample;
	RecoQuery *query;
	RecoCall call;
	int users;
	int n;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	users = reco_sample_size(fcinfo, 1);
	option = reco_argument_options(fcinfo, 2, quality_option, lengthof(quality_option));
	ask = (RecoQualityAsk){(int) option[QUALITY_K].number, (int) option[QUALITY_ITEMS].number,
						   (int) option[QUALITY_PIECES].number, (int) option[QUALITY_DRAWS].number,
						   (uint64) option[QUALITY_SEED].number};
	reco_call_begin(&call, fcinfo, 0);
	quality = reco_quality_make(&ask);
	reco_sample_begin(&sample, &call, users, ask.seed);
	while ((query = reco_sample_next(&sample)) != NULL)
		reco_quality_add(quality, query, reco_key_hash(ask.seed, sample.user));
	metric = reco_quality_metrics(quality, &n);
	for (int m = 0; m < n; m++)
		put_metric((ReturnSetInfo *) fcinfo->resultinfo, &metric[m]);
	reco_call_end(&call);
	return (Datum) 0;
}
