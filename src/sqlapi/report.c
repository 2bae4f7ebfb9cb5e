/*
 * report.c
 *	  reason_report(): what the reasons of a recommender's lists say.
 *
 * The lists are those of recommend(), of sampled users, as the caller sees
 * users' rows and items.
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "utils/builtins.h"

#include "explain/report.h"
#include "serve/serve.h"
#include "sqlapi/arguments.h"
#include "sqlapi/recommend.h"
#include "sqlapi/sample.h"

PG_FUNCTION_INFO_V1(reco_reason_report);

#define REPORT_COLUMNS 8

enum
{
	REPORT_K,
	REPORT_SEED
};

static const RecoOption report_option[] = {[REPORT_K] = {.name = "k",
														 .type = RECO_OPTION_INTEGER,
														 .initial = 10,
														 .minimum = 1,
														 .maximum = 1000,
														 .help = "The length of the lists."},
										   [REPORT_SEED] = {.name = "seed",
															.type = RECO_OPTION_INTEGER,
															.initial = 42,
															.minimum = 0,
															.maximum = 2147483647,
															.help = "Chooses the users."}};

/* count_unscored counts a list by popularity: that of the user's segment, where there is one. */
static void
count_unscored(RecoReport *report, const RecoSample *sample, RecoListAsk *ask, RkHit *hit)
{
	const RecoBoard *board = reco_recommend_segment(sample->call, sample->user);
	size_t n_own = 0;
	size_t n;

	if (board != NULL)
	{
		ask->source = RECO_SOURCE_SEGMENT;
		n = reco_serve_list_of_segment(ask, board, hit, &n_own);
		if (!reco_reason_names_segment(ask->model, (size_t) board->column))
			n_own = 0;
	}
	else
		n = reco_serve_list(ask, hit);
	reco_report_add_popular(report, n_own, n);
}

/* count_list makes the list of one user and counts its reasons. */
static void
count_list(RecoReport *report, const RecoSample *sample, const RecoQuery *query, int k)
{
	const RecoVoice voice = {NULL, 0};
	RecoListAsk ask = {.source = reco_serve_source(query), .model = query->model, .query = query, .k = k};
	MemoryContext outer = MemoryContextSwitchTo(sample->memory);
	RkHit *hit = palloc(sizeof(RkHit) * k);
	RecoReasoner *reasoner;
	size_t n;

	ask.skip = reco_skip_make(query->model);
	for (int e = 0; e < query->n_evidence; e++)
		reco_skip_add(ask.skip, query->evidence[e].item);
	ask.view = reco_view_make(sample->call->definition, query->model, NULL);
	if (ask.source == RECO_SOURCE_POPULAR)
		count_unscored(report, sample, &ask, hit);
	else
	{
		reasoner = reco_reason_make(query, ask.view, &voice, NULL);
		ask.look_ahead = reco_reason_look_ahead;
		ask.look_ahead_state = reasoner;
		n = reco_serve_list(&ask, hit);
		reco_report_add_history(report, query, hit, reco_reason_causes(reasoner, hit, n), n);
	}
	MemoryContextSwitchTo(outer);
}

static void
put_row(ReturnSetInfo *result, const RecoReportRow *row)
{
	Datum value[REPORT_COLUMNS] = {0};
	bool isnull[REPORT_COLUMNS] = {false};

	value[0] = CStringGetTextDatum(row->kind);
	isnull[1] = row->event == NULL;
	if (!isnull[1])
		value[1] = CStringGetTextDatum(row->event);
	value[2] = Int64GetDatum(row->lines);
	value[3] = Float8GetDatum(row->line_share);
	value[4] = Int64GetDatum(row->users);
	value[5] = Float8GetDatum(row->user_share);
	value[6] = Float8GetDatum(row->effect);
	value[7] = Float8GetDatum(row->contribution);
	isnull[6] = isnan(row->effect);
	isnull[7] = isnan(row->contribution);
	tuplestore_putvalues(result->setResult, result->setDesc, value, isnull);
}

Datum
reco_reason_report(PG_FUNCTION_ARGS)
{
	RecoOptionValue *option;
	RecoReport *report;
	RecoReportRow *row;
	RecoSample sample;
	RecoQuery *query;
	RecoCall call;
	int users;
	int n;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	users = reco_sample_size(fcinfo, 1);
	option = reco_argument_options(fcinfo, 2, report_option, lengthof(report_option));
	reco_call_begin(&call, fcinfo, 0);
	report = reco_report_make();
	reco_sample_begin(&sample, &call, users, (uint64) option[REPORT_SEED].number);
	while ((query = reco_sample_next(&sample)) != NULL)
		count_list(report, &sample, query, (int) option[REPORT_K].number);
	row = reco_report_rows(report, &n);
	for (int r = 0; r < n; r++)
		put_row((ReturnSetInfo *) fcinfo->resultinfo, &row[r]);
	reco_call_end(&call);
	return (Datum) 0;
}
