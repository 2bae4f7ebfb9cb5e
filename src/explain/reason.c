/*
 * reason.c
 *	  One line of words for each line of a list.
 *
 * A reason cites the one piece of evidence whose removal would lower the score
 * most, and only if it would lower it at all (G3), and only an item that the
 * caller sees.  Which that is follows from the removal effects of all evidence; what
 * the caller sees costs a probe.  So the AHEAD best of each line are looked up together with the
 * list itself; a line whose AHEAD best are all invisible has the others looked up
 * in a second probe.  Evidence that pulls its item down is not cited as a cause.
 */
#include "postgres.h"

#include <limits.h>

#include "explain/explain.h"
#include "explain/words.h"

/* Pieces of evidence a line that are looked up ahead. */
#define AHEAD 3

/* Evidence with a positive effect on one line, best first. */
typedef struct LineEvidence
{
	uint32 item; /* of the line */
	int n;
	int *evidence; /* [n] */
} LineEvidence;

struct RecoReasoner
{
	const RecoQuery *query;
	RecoView *view;
	size_t n_lines;     /* looked ahead */
	LineEvidence *line; /* [n_lines] */
};

typedef struct Effect
{
	int evidence;
	double effect;
} Effect;

static int
order_effects(const void *a, const void *b)
{
	const Effect *x = a;
	const Effect *y = b;

	if (x->effect != y->effect)
		return x->effect > y->effect ? -1 : 1;
	return x->evidence < y->evidence ? -1 : x->evidence > y->evidence;
}

RecoReasoner *
reco_reason_make(const RecoQuery *query, RecoView *view)
{
	RecoReasoner *reasoner = palloc0(sizeof(RecoReasoner));

	reasoner->query = query;
	reasoner->view = view;
	return reasoner;
}

/* line_evidence finds the evidence that speaks for an item, best first. */
static LineEvidence
line_evidence(const RecoQuery *query, uint32 item)
{
	LineEvidence line = {.item = item};
	double *effect = palloc0(sizeof(double) * Max(query->n_evidence, 1));
	Effect *positive = palloc(sizeof(Effect) * Max(query->n_evidence, 1));

	reco_query_removals(query, item, effect);
	for (int e = 0; e < query->n_evidence; e++)
		if (effect[e] > 0 && query->evidence[e].pull > 0)
			positive[line.n++] = (Effect){e, effect[e]};
	qsort(positive, line.n, sizeof(Effect), order_effects);
	line.evidence = palloc(sizeof(int) * Max(line.n, 1));
	for (int p = 0; p < line.n; p++)
		line.evidence[p] = positive[p].evidence;
	pfree(positive);
	pfree(effect);
	return line;
}

uint32 *
reco_reason_look_ahead(void *state, const RkHit *hit, size_t n, size_t *n_more)
{
	RecoReasoner *reasoner = state;
	uint32 *more = palloc(sizeof(uint32) * Max(AHEAD * n, 1));

	reasoner->line = palloc(sizeof(LineEvidence) * Max(n, 1));
	reasoner->n_lines = n;
	*n_more = 0;
	for (size_t i = 0; i < n; i++)
	{
		reasoner->line[i] = line_evidence(reasoner->query, hit[i].item);
		for (int p = 0; p < Min(reasoner->line[i].n, AHEAD); p++)
			more[(*n_more)++] = reasoner->query->evidence[reasoner->line[i].evidence[p]].item;
	}
	return more;
}

/* lines_of gives the evidence of each line of the list, from what was looked ahead where it is there. */
static LineEvidence *
lines_of(const RecoReasoner *reasoner, const RkHit *hit, size_t n)
{
	LineEvidence *line = palloc(sizeof(LineEvidence) * Max(n, 1));
	size_t ahead = 0;

	/* both are in the order of the list, which only loses lines on the way */
	for (size_t i = 0; i < n; i++)
	{
		size_t at = ahead;

		while (at < reasoner->n_lines && reasoner->line[at].item != hit[i].item)
			at++;
		if (at < reasoner->n_lines)
		{
			line[i] = reasoner->line[at];
			ahead = at + 1;
		}
		else
			line[i] = line_evidence(reasoner->query, hit[i].item);
	}
	return line;
}

/* find_visible fills best[i], where it is still -1, with the first of the line's "width" best that the caller sees. */
static void
find_visible(const RecoReasoner *reasoner, const LineEvidence *line, size_t n, int width, int *best)
{
	for (size_t i = 0; i < n; i++)
		for (int p = 0; best[i] < 0 && p < Min(line[i].n, width); p++)
		{
			int e = line[i].evidence[p];

			if (reco_view_find(reasoner->view, reasoner->query->evidence[e].item) != NULL)
				best[i] = e;
		}
}

/* look_up probes for the "width" best of every line that has nothing visible yet. */
static void
look_up(RecoReasoner *reasoner, const LineEvidence *line, size_t n, int width, const int *best)
{
	const RecoQuery *query = reasoner->query;
	bool *wanted = palloc0(sizeof(bool) * Max(query->n_evidence, 1));
	uint32 *more = palloc(sizeof(uint32) * Max(query->n_evidence, 1));
	size_t n_more = 0;

	for (size_t i = 0; i < n; i++)
		for (int p = 0; best[i] < 0 && p < Min(line[i].n, width); p++)
			wanted[line[i].evidence[p]] = true;
	for (int e = 0; e < query->n_evidence; e++)
		if (wanted[e] && reco_view_find(reasoner->view, query->evidence[e].item) == NULL)
			more[n_more++] = query->evidence[e].item;
	reco_view_probe(reasoner->view, NULL, 0, more, n_more);
	pfree(wanted);
	pfree(more);
}

/* choose_evidence gives the evidence that each line cites, or -1. */
static int *
choose_evidence(RecoReasoner *reasoner, const RkHit *hit, size_t n)
{
	LineEvidence *line = lines_of(reasoner, hit, n);
	int *best = palloc(sizeof(int) * Max(n, 1));

	for (size_t i = 0; i < n; i++)
		best[i] = -1;
	find_visible(reasoner, line, n, AHEAD, best);
	look_up(reasoner, line, n, AHEAD, best);
	find_visible(reasoner, line, n, AHEAD, best);
	look_up(reasoner, line, n, INT_MAX, best);
	find_visible(reasoner, line, n, INT_MAX, best);
	return best;
}

/* average_rating gives what ratings are compared with: the addends of kind average. */
static double
average_rating(const RecoQuery *query, uint32 item)
{
	RecoAddend *addend = palloc(sizeof(RecoAddend) * (query->n_evidence + RECO_EXTRA_ADDENDS));
	int n = reco_query_contributions(query, item, addend);
	double average = 0;

	for (int a = 0; a < n; a++)
		if (addend[a].kind == RECO_ADDEND_AVERAGE)
			average += addend[a].contribution;
	pfree(addend);
	return average;
}

/* word_reason makes the line of words for an item from one piece of evidence, or from none (-1). */
static RecoReason
word_reason(const RecoReasoner *reasoner, uint32 item, int best)
{
	const RecoQuery *query = reasoner->query;
	const RecoEvidence *evidence = best < 0 ? NULL : &query->evidence[best];
	bool highly;
	char *did;

	if (evidence == NULL)
		return (RecoReason){pstrdup("based on your history"), -1};
	highly = query->model->explicit_feedback && evidence->weight > 0 &&
			 evidence->pull / evidence->weight > average_rating(query, item);
	did = reco_words_did(query, reasoner->view, best, highly);
	if (did != NULL)
		return (RecoReason){psprintf("because %s", did), evidence->item};
	return (RecoReason){
		psprintf("because of %s", reco_words_name(query->model, reasoner->view, evidence->item)),
		evidence->item};
}

RecoReason *
reco_reason_choose(RecoReasoner *reasoner, const RkHit *hit, size_t n)
{
	RecoReason *reason = palloc(sizeof(RecoReason) * Max(n, 1));
	int *best = choose_evidence(reasoner, hit, n);

	for (size_t i = 0; i < n; i++)
		reason[i] = word_reason(reasoner, hit[i].item, best[i]);
	return reason;
}

char *
reco_reason_similar(const RecoModel *model, const RecoView *view, uint32 item)
{
	return psprintf("similar to %s", reco_words_name(model, view, item));
}

char *
reco_reason_popular(void)
{
	return pstrdup("popular with other customers");
}
