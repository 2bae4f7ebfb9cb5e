/*
 * report.c
 *	  What the reasons of many lists say.
 *
 * Lines are counted by wordings: of an event, of an attribute, and of what a score is based on where nothing can be cited.
 * A line that cites two things of one wording counts once for it; one
 * that cites two wordings counts for both, so the shares may add up to more than 1.
 */
#include "postgres.h"

#include <math.h>

#include "explain/check.h"
#include "explain/report.h"
#include "explain/words.h"

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
	Count count[RECO_WORDINGS];
};

/* The contributions to one line and what removals of what it cites do. */
typedef struct Line
{
	double *contribution; /* |contribution| of each piece of evidence */
	double effect[RECO_REASON_CITES];
	double sum;
	double scale;
} Line;

RecoReport *
reco_report_make(void)
{
	return palloc0(sizeof(RecoReport));
}

/* look_at finds contributions to one item, and effects of what is cited of it. */
static Line
look_at(const RecoQuery *query, uint32 item, const RecoCause *cause)
{
	RecoAddend *addend = palloc(sizeof(RecoAddend) * reco_query_most_addends(query));
	int n = reco_query_contributions(query, item, addend);
	Line line = {.contribution = palloc0(sizeof(double) * Max(query->n_evidence, 1)),
				 .scale = reco_explain_scale(query, item)};

	reco_query_removals_of(query, item, cause->evidence, cause->n, line.effect);
	for (int a = 0; a < n; a++)
	{
		line.sum += fabs(addend[a].contribution);
		if (addend[a].evidence >= 0)
			line.contribution[addend[a].evidence] += fabs(addend[a].contribution);
	}
	pfree(addend);
	return line;
}

/* cite counts one thing that a line cites. */
static void
cite(Count *count, const Line *line, double effect, double contribution)
{
	count->citations++;
	count->effect += effect / line->scale;
	if (line->sum > 0)
		count->contribution += contribution / line->sum;
}

/* count_line counts what one line cites; met [RECO_WORDINGS] collects the wordings of this user. */
static void
count_line(RecoReport *report, const RecoQuery *query, uint32 item, const RecoCause *cause, bool *met)
{
	bool said[RECO_WORDINGS] = {false};
	Line line = look_at(query, item, cause);

	if (cause->n + cause->n_attributes == 0)
		said[cause->basis] = true;
	for (int c = 0; c < cause->n; c++)
	{
		int evidence = cause->evidence[c];

		said[cause->event[c]] = true;
		cite(&report->count[cause->event[c]], &line, line.effect[c], line.contribution[evidence]);
	}
	for (int a = 0; a < cause->n_attributes; a++)
	{
		const RecoAttributeShare *attribute = &cause->attribute[a];
		RecoWording wording = reco_words_feature_kind(attribute);

		said[wording] = true;
		cite(&report->count[wording], &line, attribute->removal, fabs(attribute->contribution));
	}
	for (int kind = 0; kind < RECO_WORDINGS; kind++)
		if (said[kind])
		{
			report->count[kind].lines++;
			met[kind] = true;
		}
	pfree(line.contribution);
}

void
reco_report_add_history(RecoReport *report, const RecoQuery *query, const RkHit *hit, const RecoCause *cause,
						size_t n)
{
	bool met[RECO_WORDINGS] = {false};

	for (size_t i = 0; i < n; i++)
		count_line(report, query, hit[i].item, &cause[i], met);
	for (int kind = 0; kind < RECO_WORDINGS; kind++)
		report->count[kind].users += met[kind];
	report->lines += n;
	report->users++;
}

void
reco_report_add_popular(RecoReport *report, size_t n_of_segment, size_t n)
{
	report->count[RECO_WORDING_POPULAR_AMONG].lines += n_of_segment;
	report->count[RECO_WORDING_POPULAR_AMONG].users += n_of_segment > 0;
	report->count[RECO_WORDING_POPULAR].lines += n - n_of_segment;
	report->count[RECO_WORDING_POPULAR].users += n > n_of_segment;
	report->lines += n;
	report->users++;
}

/* name_row gives a row its kind, and the wording of history and attributes. */
static void
name_row(RecoWording wording, RecoReportRow *row)
{
	switch (wording)
	{
		case RECO_WORDING_FALLBACK:
		case RECO_WORDING_PROFILE:
		case RECO_WORDING_GENERAL:
		case RECO_WORDING_POPULAR:
			row->kind = reco_words_kind_name(wording);
			return;
		case RECO_WORDING_POPULAR_AMONG:
			row->kind = "segment";
			return;
		case RECO_WORDING_CATEGORY:
		case RECO_WORDING_BRAND:
		case RECO_WORDING_PRICE:
		case RECO_WORDING_FEATURE:
		case RECO_WORDING_FEATURE_WHOLE:
		case RECO_WORDING_OWN_FEATURE:
			row->kind = "attribute";
			break;
		default:
			row->kind = "history";
			break;
	}
	row->event = reco_words_kind_name(wording);
}

/* row_of makes a row of a count. */
static RecoReportRow
row_of(const RecoReport *report, int kind)
{
	const Count *count = &report->count[kind];
	RecoReportRow row = {.effect = NAN, .contribution = NAN};

	name_row((RecoWording) kind, &row);
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
	RecoReportRow *row = palloc(sizeof(RecoReportRow) * RECO_WORDINGS);

	*n = 0;
	for (int kind = 0; kind < RECO_WORDINGS; kind++)
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
