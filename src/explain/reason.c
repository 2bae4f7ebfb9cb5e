/*
 * reason.c
 *	  One line of words for each line of a list.
 *
 * A reason cites the piece of evidence whose removal would lower the score
 * most, and only if it would lower it at all (G3), and only an item that the
 * caller sees.  It cites the next one too when that counts for at least half as much and the score
 * falls when both are gone, by the removal effect of the two together.
 * Which evidence that is follows from the removal effects of all; what
 * the caller sees costs a probe.  So the AHEAD best of each line are looked up together with the
 * list itself; a line whose AHEAD best are all invisible has the others looked up
 * in a second probe.  A second piece comes from the AHEAD best alone, so that what
 * is said of an item does not depend on the other lines.  Evidence that pulls its item down is not cited as a cause.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "explain/explain.h"
#include "explain/lexicon.h"
#include "explain/words.h"

/* Pieces of evidence a line that are looked up ahead. */
#define AHEAD 3

/* The second piece of evidence counts for at least this share of the first. */
#define SECOND_SHARE 0.5

/* The effect of both together is at least this share of that of the first: well above rounding. */
#define LEAST_JOINT 1e-3

/* Evidence with a positive effect on one line, best first: the AHEAD best, or all. */
typedef struct LineEvidence
{
	uint32 item; /* of the line */
	bool whole;
	int n;
	int *evidence;  /* [n] */
	double *effect; /* [n] */
} LineEvidence;

struct RecoReasoner
{
	const RecoQuery *query;
	RecoView *view;
	RecoVoice voice;
	size_t n_lines;                 /* looked ahead */
	LineEvidence *line;             /* [n_lines] */
	const RecoPromotion *promotion; /* NULL: none */
	bool has_average;
	double average;
};

RecoReasoner *
reco_reason_make(const RecoQuery *query, RecoView *view, const RecoVoice *voice,
				 const RecoPromotion *promotion)
{
	RecoReasoner *reasoner = palloc0(sizeof(RecoReasoner));

	reasoner->query = query;
	reasoner->view = view;
	reasoner->voice = *voice;
	reasoner->promotion = promotion;
	return reasoner;
}

/* line_evidence finds the evidence that speaks for an item, at most "most" pieces, best first. */
static LineEvidence
line_evidence(const RecoQuery *query, uint32 item, int most)
{
	int room = Max(Min(most, query->n_evidence), 1);
	LineEvidence line = {.item = item, .whole = room < most, .evidence = palloc(sizeof(int) * room)};

	line.effect = palloc(sizeof(double) * room);
	line.n = reco_query_best_removals(query, item, room, line.evidence, line.effect);
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
		more[i] = hit[i].item;
	reco_query_expect_removals(reasoner->query, more, n);
	for (size_t i = 0; i < n; i++)
	{
		reasoner->line[i] = line_evidence(reasoner->query, hit[i].item, AHEAD);
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
			line[i] = line_evidence(reasoner->query, hit[i].item, AHEAD);
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

/* widen lists all the evidence of the lines that have nothing visible yet. */
static void
widen(const RecoReasoner *reasoner, LineEvidence *line, size_t n, const int *best)
{
	for (size_t i = 0; i < n; i++)
		if (best[i] < 0 && !line[i].whole)
			line[i] = line_evidence(reasoner->query, line[i].item, INT_MAX);
}

/* look_up probes for the "width" best of every line that has nothing visible yet. */
static void
look_up(RecoReasoner *reasoner, const LineEvidence *line, size_t n, int width, const int *best)
{
	const RecoQuery *query = reasoner->query;
	bool *wanted;
	uint32 *more;
	size_t n_more = 0;
	size_t missing = 0;

	while (missing < n && best[missing] >= 0)
		missing++;
	if (missing == n)
		return;
	wanted = palloc0(sizeof(bool) * Max(query->n_evidence, 1));
	more = palloc(sizeof(uint32) * Max(query->n_evidence, 1));
	for (size_t i = missing; i < n; i++)
		for (int p = 0; best[i] < 0 && p < Min(line[i].n, width); p++)
			wanted[line[i].evidence[p]] = true;
	for (int e = 0; e < query->n_evidence; e++)
		if (wanted[e])
			more[n_more++] = query->evidence[e].item;
	reco_view_look_up(reasoner->view, more, n_more);
	pfree(wanted);
	pfree(more);
}

/* choose_first gives the evidence that each line cites first, or -1. */
static int *
choose_first(RecoReasoner *reasoner, LineEvidence *line, size_t n)
{
	int *best = palloc(sizeof(int) * Max(n, 1));

	for (size_t i = 0; i < n; i++)
		best[i] = -1;
	find_visible(reasoner, line, n, AHEAD, best);
	look_up(reasoner, line, n, AHEAD, best);
	find_visible(reasoner, line, n, AHEAD, best);
	widen(reasoner, line, n, best);
	look_up(reasoner, line, n, INT_MAX, best);
	find_visible(reasoner, line, n, INT_MAX, best);
	return best;
}

/* choose_second gives the next visible piece of evidence of a line if it may be cited beside the first, or -1. */
static int
choose_second(RecoReasoner *reasoner, const LineEvidence *line, int first)
{
	const RecoQuery *query = reasoner->query;
	int at = 0;
	int second;

	while (at < Min(line->n, AHEAD) && line->evidence[at] != first)
		at++;
	for (int p = at + 1; p < Min(line->n, AHEAD); p++)
	{
		second = line->evidence[p];
		if (line->effect[p] < SECOND_SHARE * line->effect[at])
			return -1;
		if (reco_view_find(reasoner->view, query->evidence[second].item) == NULL)
			continue;
		return reco_query_lowers_together(query, line->item, first, second, LEAST_JOINT * line->effect[at])
				   ? second
				   : -1;
	}
	return -1;
}

/* order_attributes sorts by removal effect, the greatest first, then by name, whose it is and value. */
static int
order_attributes(const void *a, const void *b)
{
	const RecoAttributeShare *x = a;
	const RecoAttributeShare *y = b;

	if (x->removal != y->removal)
		return x->removal > y->removal ? -1 : 1;
	if (strcmp(x->name, y->name) != 0)
		return strcmp(x->name, y->name);
	if (x->own != y->own)
		return x->own ? 1 : -1;
	return strcmp(x->value != NULL ? x->value : "", y->value != NULL ? y->value : "");
}

/* positive_attributes gives the attributes that speak for an item and may be said, best first; none where none is worth "least". */
static RecoAttributeShare *
positive_attributes(const RecoQuery *query, uint32 item, double least, int *n)
{
	int all;
	RecoAttributeShare *share = reco_query_attributes(query, item, least, &all);

	*n = 0;
	for (int a = 0; a < all; a++)
		if (share[a].removal > 0 && share[a].role != RECO_ROLE_MISSING && share[a].role != RECO_ROLE_OTHER &&
			!(share[a].own && share[a].value == NULL) && !reco_lexicon_protects(share[a].name))
			share[(*n)++] = share[a];
	if (*n > 1)
		qsort(share, *n, sizeof(RecoAttributeShare), order_attributes);
	return share;
}

/* joint_effect gives what the score loses when a piece of evidence and an attribute go together. */
static double
joint_effect(const RecoQuery *query, uint32 item, int evidence, double effect,
			 const RecoAttributeShare *attribute)
{
	bool *removed = palloc0(sizeof(bool) * query->n_evidence);
	RecoAttributeShare *share;
	int n;

	removed[evidence] = true;
	share = reco_query_attributes(reco_query_without(query, removed), item, -INFINITY, &n);
	for (int a = 0; a < n; a++)
		if (share[a].own == attribute->own && strcmp(share[a].name, attribute->name) == 0)
			effect += share[a].removal;
	return effect;
}

/* effect_of gives the effect of a piece of evidence on a line. */
static double
effect_of(const LineEvidence *line, int evidence)
{
	for (int p = 0; p < line->n; p++)
		if (line->evidence[p] == evidence)
			return line->effect[p];
	return 0;
}

/*
 * add_attributes lets attributes take the places of pieces of history that count for less: the first place, and the
 * second where they count for at least SECOND_SHARE of the first and both together for something.
 */
static void
add_attributes(const RecoQuery *query, const LineEvidence *line, RecoCause *cause)
{
	int n;
	double first = cause->n > 0 ? effect_of(line, cause->evidence[0]) : 0;
	double second = cause->n > 1 ? effect_of(line, cause->evidence[1]) : 0;
	/* what counts for less than this share of the history is not said beside it either */
	RecoAttributeShare *share = positive_attributes(query, line->item, SECOND_SHARE * first, &n);

	if (n == 0)
		return;
	if (share[0].removal <= first)
	{
		if (share[0].removal > second && share[0].removal >= SECOND_SHARE * first &&
			joint_effect(query, line->item, cause->evidence[0], first, &share[0]) > LEAST_JOINT * first)
		{
			cause->n = 1;
			cause->attribute[cause->n_attributes++] = share[0];
		}
		return;
	}
	cause->attribute[cause->n_attributes++] = share[0];
	/* the parts of different columns add up, so two of them always have an effect together */
	if (n > 1 && share[1].removal > first && share[1].removal >= SECOND_SHARE * share[0].removal)
	{
		cause->attribute[cause->n_attributes++] = share[1];
		cause->n = 0;
		return;
	}
	cause->n = cause->n > 0 && first >= SECOND_SHARE * share[0].removal &&
			   joint_effect(query, line->item, cause->evidence[0], first, &share[0]) >
				   LEAST_JOINT * share[0].removal;
}

/* add_promotion makes a promotion the first cause of an item; others stay that count for at least SECOND_SHARE of it. */
static void
add_promotion(const RecoReasoner *reasoner, const LineEvidence *line, RecoCause *cause)
{
	double much = reasoner->promotion != NULL ? reco_promotion_of(reasoner->promotion, line->item) : 0;
	double greatest = 0;

	if (much <= 0)
		return;
	cause->promoted = true;
	if (cause->n > 0)
		greatest = effect_of(line, cause->evidence[0]);
	if (cause->n_attributes > 0)
		greatest = Max(greatest, cause->attribute[0].removal);
	if (greatest >= SECOND_SHARE * much)
		return;
	cause->n = cause->n_attributes = 0;
	cause->basis = RECO_WORDING_PROMOTED;
}

/* average_rating gives what ratings are compared with: the addends of kind average. */
static double
average_rating(RecoReasoner *reasoner, uint32 item)
{
	RecoAddend *addend;
	int n;

	if (reasoner->has_average || !reasoner->query->model->explicit_feedback)
		return reasoner->average;
	addend = palloc(sizeof(RecoAddend) * reco_query_most_addends(reasoner->query));
	n = reco_query_contributions(reasoner->query, item, addend);
	for (int a = 0; a < n; a++)
		if (addend[a].kind == RECO_ADDEND_AVERAGE)
			reasoner->average += addend[a].contribution;
	pfree(addend);
	reasoner->has_average = true;
	return reasoner->average;
}

RecoWording
reco_reason_basis(const RecoQuery *query, uint32 item)
{
	RecoAddend *addend = palloc(sizeof(RecoAddend) * reco_query_most_addends(query));
	int n = reco_query_contributions(query, item, addend);
	RecoWording basis = RECO_WORDING_GENERAL;

	for (int a = 0; a < n && basis != RECO_WORDING_FALLBACK; a++)
	{
		if (addend[a].contribution == 0)
			continue;
		if (addend[a].evidence >= 0)
			basis = RECO_WORDING_FALLBACK;
		else if (addend[a].kind == RECO_ADDEND_ATTRIBUTE)
			basis = RECO_WORDING_PROFILE;
		else if (addend[a].kind == RECO_ADDEND_POPULARITY && basis == RECO_WORDING_GENERAL)
			basis = RECO_WORDING_POPULAR;
	}
	pfree(addend);
	return basis;
}

RecoCause *
reco_reason_causes(RecoReasoner *reasoner, const RkHit *hit, size_t n)
{
	LineEvidence *line = lines_of(reasoner, hit, n);
	int *first = choose_first(reasoner, line, n);
	RecoCause *cause = palloc0(sizeof(RecoCause) * Max(n, 1));

	for (size_t i = 0; i < n; i++)
	{
		if (first[i] >= 0)
		{
			cause[i].evidence[cause[i].n++] = first[i];
			cause[i].evidence[1] = choose_second(reasoner, &line[i], first[i]);
			if (cause[i].evidence[1] >= 0)
				cause[i].n++;
		}
		add_attributes(reasoner->query, &line[i], &cause[i]);
		if (cause[i].n + cause[i].n_attributes == 0)
			cause[i].basis = reco_reason_basis(reasoner->query, hit[i].item);
		add_promotion(reasoner, &line[i], &cause[i]);
		for (int c = 0; c < cause[i].n; c++)
			cause[i].event[c] = reco_words_event(reasoner->query, cause[i].evidence[c],
												 average_rating(reasoner, hit[i].item));
	}
	return cause;
}

RecoReason *
reco_reason_choose(RecoReasoner *reasoner, const RkHit *hit, size_t n)
{
	RecoReason *reason = palloc(sizeof(RecoReason) * Max(n, 1));
	RecoCause *cause = reco_reason_causes(reasoner, hit, n);

	for (size_t i = 0; i < n; i++)
	{
		reason[i] =
			reco_reason_word(reasoner->query, reasoner->view, &reasoner->voice, hit[i].item, &cause[i]);
		reco_reason_add_new(reasoner->query->model, &reasoner->voice, hit[i].item, &reason[i]);
	}
	return reason;
}
