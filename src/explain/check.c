/*
 * check.c
 *	  Whether an explanation is true.
 *
 * What is stated comes from the algorithm's closed form; what is found comes
 * from the query of the rows that are left, which knows nothing of it.  For an
 * algorithm without a closed form both are the same computation.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "explain/check.h"

double
reco_explain_scale(const RecoQuery *query, uint32 item)
{
	RecoAddend *addend = palloc(sizeof(RecoAddend) * reco_query_most_addends(query));
	int n = reco_query_contributions(query, item, addend);
	double size = 0;

	for (int a = 0; a < n; a++)
		size += fabs(addend[a].contribution);
	pfree(addend);
	size = Max(size, fabs(reco_query_score(query, item)));
	return size > 0 ? size : 1;
}

/* check_sum adds up the rows of an explanation. */
static void
check_sum(const RecoQuery *query, RecoView *view, uint32 item, int limit, double scale,
		  RecoExplainCheck *check)
{
	RecoExplanation *explanation = reco_explain_history(query, view, item, limit);

	for (int r = 0; r < explanation->n; r++)
		check->total += explanation->row[r].contribution;
	check->sum_residual = fabs(check->total - check->score) / scale;
}

/* check_removals takes every piece of evidence away in turn. */
static void
check_removals(const RecoQuery *query, uint32 item, double scale, RecoExplainCheck *check)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "reco check", ALLOCSET_DEFAULT_SIZES);
	bool *removed = palloc0(sizeof(bool) * Max(query->n_evidence, 1));
	double *stated = palloc0(sizeof(double) * Max(query->n_evidence, 1));

	reco_query_removals(query, item, stated);
	for (int e = 0; e < query->n_evidence; e++)
	{
		MemoryContext outer = MemoryContextSwitchTo(scratch);
		double found;
		double residual;

		CHECK_FOR_INTERRUPTS();
		removed[e] = true;
		found = check->score - reco_query_score(reco_query_without(query, removed), item);
		removed[e] = false;
		residual = fabs(found - stated[e]) / scale;
		/* written so that a NaN is the worst */
		if (check->worst < 0 || !(residual <= check->removal_residual))
		{
			check->worst = e;
			check->stated = stated[e];
			check->found = found;
			check->removal_residual = residual;
		}
		MemoryContextSwitchTo(outer);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
}

RecoExplainCheck
reco_explain_check(const RecoQuery *query, RecoView *view, uint32 item, int limit)
{
	RecoExplainCheck check = {.n = query->n_evidence, .worst = -1};
	double scale = reco_explain_scale(query, item);

	check.score = reco_query_score(query, item);
	check_sum(query, view, item, limit, scale, &check);
	check_removals(query, item, scale, &check);
	if (check.worst >= 0)
		reco_view_look_up(view, &query->evidence[check.worst].item, 1);
	return check;
}
