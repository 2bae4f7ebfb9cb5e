/*
 * check_data.c
 *	  check_data(): what may be wrong with the data of a recommender, one row a
 *	  rule.  It reads and changes nothing.
 */
#include "postgres.h"

#include <math.h>

#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "reader/data_rules.h"
#include "sqlapi/arguments.h"

#define CHECK_COLUMNS 6

PG_FUNCTION_INFO_V1(reco_check_data);

enum
{
	OPTION_OUTLIER_Z,
	OPTION_PER_MINUTE,
	OPTION_PER_DAY,
	OPTION_CORES
};

static const RecoOption check_option[] = {
	[OPTION_OUTLIER_Z] = {.name = "outlier_z",
						  .type = RECO_OPTION_NUMBER,
						  .initial = 4.5,
						  .minimum = 1,
						  .maximum = INFINITY,
						  .help = "How many robust standard deviations from the median are too many."},
	[OPTION_PER_MINUTE] = {.name = "per_minute",
						   .type = RECO_OPTION_INTEGER,
						   .initial = 40,
						   .minimum = 1,
						   .maximum = PG_INT32_MAX,
						   .help = "An account that acts at more different times of a minute is no person."},
	[OPTION_PER_DAY] = {.name = "per_day",
						.type = RECO_OPTION_INTEGER,
						.initial = 1000,
						.minimum = 1,
						.maximum = PG_INT32_MAX,
						.help = "An account that acts at more different times of a day is no person."},
	[OPTION_CORES] = {.name = "cores",
					  .type = RECO_OPTION_INTEGERS,
					  .initial_string = "2,5,10",
					  .minimum = 1,
					  .maximum = PG_INT32_MAX,
					  .help = "The k of the k-cores that are counted."}};

/* put_rule writes the row of a rule; rules that find nothing are told too. */
static void
put_rule(ReturnSetInfo *result, const RecoDataRule *rule)
{
	int64 found = reco_data_rule_count(rule);
	Datum value[CHECK_COLUMNS] = {CStringGetTextDatum(rule->name),
								  CStringGetTextDatum(rule->relation),
								  Int64GetDatum(found),
								  Int64GetDatum(rule->dropped ? found : 0),
								  CStringGetTextDatum(rule->why),
								  CStringGetTextDatum(rule->query)};
	bool isnull[CHECK_COLUMNS] = {false};

	tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
}

/* put_core writes how many pairs of user and item are outside of a k-core. */
static void
put_core(ReturnSetInfo *result, const RecoDefinition *definition, const RecoEvents *events, int k)
{
	RecoCore all = reco_data_core(events, 0);
	RecoCore core = reco_data_core(events, k);
	Datum value[CHECK_COLUMNS] = {
		CStringGetTextDatum(psprintf("outside_core_%d", k)),
		CStringGetTextDatum(definition->interactions.sql_name),
		Int64GetDatum((int64) (all.pairs - core.pairs)), Int64GetDatum(0),
		CStringGetTextDatum(psprintf(
			"pairs of user and item outside of the %d-core, which has %zu of %zu users, %zu of %zu items and %zu "
			"of %zu pairs",
			k, core.users, all.users, core.items, all.items, core.pairs, all.pairs))};
	bool isnull[CHECK_COLUMNS] = {false, false, false, false, false, true};

	tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
}

/* reco_check_data reads as the caller, who owns the recommender, in the snapshot of the call. */
Datum
reco_check_data(PG_FUNCTION_ARGS)
{
	const RecoDefinition *definition = reco_catalog_find_owned(reco_argument_text(fcinfo, 0));
	RecoOptionValue *option = reco_argument_options(fcinfo, 1, check_option, lengthof(check_option));
	RecoDataLimits limits = {.outlier_z = option[OPTION_OUTLIER_Z].number,
							 .per_minute = (int) option[OPTION_PER_MINUTE].number,
							 .per_day = (int) option[OPTION_PER_DAY].number};
	ReturnSetInfo *result;
	RecoEvents *events;
	const ListCell *cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	result = (ReturnSetInfo *) fcinfo->resultinfo;
	SPI_connect();
	foreach (cell, reco_data_rules(definition, &limits))
		put_rule(result, lfirst(cell));
	events = reco_reader_events_of(definition, NULL, 0, 0);
	for (int i = 0; i < option[OPTION_CORES].n; i++)
		put_core(result, definition, events, option[OPTION_CORES].integer[i]);
	SPI_finish();
	return (Datum) 0;
}
