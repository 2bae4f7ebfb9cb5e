/*
 * report.c
 *	  What the reasons of many lists say.
 *
 * A line that cites two things of one event counts once for that event; one
 * that cites two events counts for both, so the shares may add up to more than 1.
 */
#include "postgres.h"

#include <math.h>

#include "explain/check.h"
#include "explain/report.h"

/* Kinds of lines: one for each wording of an event, and two more. */
#define LINE_FALLBACK RECO_WORDINGS
#define LINE_POPULAR (RECO_WORDINGS + 1)
#define LINE_KINDS (RECO_WORDINGS + 2)

/* Counts of one kind. */
typedef struct Count
{
	int64 lines;
	int64 users;
	int64 citations;
	double effect;
	double contribution;
} Count;

struct RecoReport
{
	int64 lines;
	int64 users;
	Count count[LINE_KINDS];
};

/* The contributions to one line and what removals do. */
typedef struct Line
{
	double *contribution; /* |contribution| of each piece of evidence */
	double *effect;
	double sum;
	double scale;
} Line;

RecoReport *
reco_report_make(void)
{
	return palloc0(sizeof(RecoReport));
}

/* look_at finds contributions and effects of one item. */
static Line
look_at(const RecoQuery *query, uint32 item)
{
	RecoAddend *addend = palloc(sizeof(RecoAddend) * reco_query_most_addends(query));
	int n = reco_query_contributions(query, item, addend);
	Line line = {palloc0(sizeof(double) * Max(query->n_evidence, 1)),
				 palloc0(sizeof(double) * Max(query->n_evidence, 1)), 0, reco_explain_scale(query, item)};

	reco_query_removals(query, item, line.effect);
	for (int a = 0; a < n; a++)
	{
		line.sum += fabs(addend[a].contribution);
		if (addend[a].evidence >= 0)
			line.contribution[addend[a].evidence] += fabs(addend[a].contribution);
	}
	pfree(addend);
	return line;
}

/* count_line counts what one line cites; met [LINE_KINDS] collects the kinds of this user. */
static void
count_line(RecoReport *report, const RecoQuery *query, uint32 item, const RecoCause *cause, bool *met)
{
	bool said[LINE_KINDS] = {false};
	Line line = look_at(query, item);

	said[LINE_FALLBACK] = cause->n == 0;
	for (int c = 0; c < cause->n; c++)
	{
		Count *count = &report->count[cause->event[c]];

		said[cause->event[c]] = true;
		count->citations++;
		count->effect += line.effect[cause->evidence[c]] / line.scale;
		if (line.sum > 0)
			count->contribution += line.contribution[cause->evidence[c]] / line.sum;
	}
	for (int kind = 0; kind < LINE_KINDS; kind++)
		if (said[kind])
		{
			report->count[kind].lines++;
			met[kind] = true;
		}
	pfree(line.contribution);
	pfree(line.effect);
}

void
reco_report_add_history(RecoReport *report, const RecoQuery *query, const RkHit *hit, const RecoCause *cause,
						size_t n)
{
	bool met[LINE_KINDS] = {false};

	for (size_t i = 0; i < n; i++)
		count_line(report, query, hit[i].item, &cause[i], met);
	for (int kind = 0; kind < LINE_KINDS; kind++)
		report->count[kind].users += met[kind];
	report->lines += n;
	report->users++;
}

void
reco_report_add_popular(RecoReport *report, size_t n)
{
	report->count[LINE_POPULAR].lines += n;
	report->count[LINE_POPULAR].users += n > 0;
	report->lines += n;
	report->users++;
}

/* row_of makes a row of a count. */
static RecoReportRow
row_of(const RecoReport *report, int kind)
{
	const Count *count = &report->count[kind];
	RecoReportRow row = {.kind = "history", .effect = NAN, .contribution = NAN};

	if (kind == LINE_FALLBACK)
		row.kind = "fallback";
	else if (kind == LINE_POPULAR)
		row.kind = "popular";
	else
		row.event = reco_words_kind_name((RecoWording) kind);
	row.lines = count->lines;
	row.line_share = (double) count->lines / (double) report->lines;
	row.users = count->users;
	row.user_share = (double) count->users / (double) report->users;
	if (count->citations > 0)
	{
		row.effect = count->effect / (double) count->citations;
		row.contribution = count->contribution / (double) count->citations;
	}
	return row;
}

RecoReportRow *
reco_report_rows(const RecoReport *report, int *n)
{
	RecoReportRow *row = palloc(sizeof(RecoReportRow) * LINE_KINDS);

	*n = 0;
	for (int kind = 0; kind < LINE_KINDS; kind++)
	{
		int at;

		if (report->count[kind].lines == 0)
			continue;
		for (at = (*n)++; at > 0 && row[at - 1].lines < report->count[kind].lines; at--)
			row[at] = row[at - 1];
		row[at] = row_of(report, kind);
	}
	return row;
}
