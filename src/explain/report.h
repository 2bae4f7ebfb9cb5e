/*
 * report.h
 *	  What the reasons of many lists say: by kind how often, for how many users, how strongly.
 */
#ifndef RECO_EXPLAIN_REPORT_H
#define RECO_EXPLAIN_REPORT_H

#include "postgres.h"

#include "explain/explain.h"

typedef struct RecoReport RecoReport;

extern RecoReport *reco_report_make(void);

/* reco_report_add_history counts the causes of the n lines of one user's list. */
extern void reco_report_add_history(RecoReport *report, const RecoQuery *query, const RkHit *hit,
									const RecoCause *cause, size_t n);

/* reco_report_add_popular counts the n lines of a list of popular items, of the first n_of_segment of which a segment of users is named. */
extern void reco_report_add_popular(RecoReport *report, size_t n_of_segment, size_t n);

/* One row of a report. */
typedef struct RecoReportRow
{
	const char
		*kind; /* history, attribute; fallback, profile, general: nothing can be cited (reco_reason_basis);
					   * segment: popular among users like this one; popular */
	const char *
		event; /* what the user did, or the attribute, by the name of its template; NULL for the other kinds */
	int64 lines;       /* that say it */
	double line_share; /* of all lines */
	int64 users;       /* who have such a line */
	double user_share; /* of all users */
	double effect; /* mean removal effect of what is cited, in parts of the size of the score; NaN: none */
	double contribution; /* mean |contribution| of what is cited, in parts of the sum of all; NaN: none */
} RecoReportRow;

/* reco_report_rows gives the rows, most frequent first, and their number. */
extern RecoReportRow *reco_report_rows(const RecoReport *report, int *n);

#endif
