/*
 * history.c
 *	  A score as rows that add up to it, by the user's history.
 *
 * The addends come from the algorithm.  Those of one piece of evidence become
 * one row; evidence without an addend (a dislike whose target is 0) has a row with
 * contribution 0, for its removal still has an effect.  Evidence that the
 * caller may not see named, and what is beyond the limit, is added into one
 * row "rest", so that the rows always add up to the score.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "explain/explain.h"
#include "explain/words.h"

const char *
reco_explain_kind_name(RecoAddendKind kind)
{
	switch (kind)
	{
		case RECO_ADDEND_HISTORY:
			return "history";
		case RECO_ADDEND_DISLIKE:
			return "dislike";
		case RECO_ADDEND_ATTRIBUTE:
			return "attribute";
		case RECO_ADDEND_PRIOR:
			return "prior";
		case RECO_ADDEND_AVERAGE:
			return "average";
		case RECO_ADDEND_ITEM:
			return "item";
		case RECO_ADDEND_POPULARITY:
			return "popularity";
		case RECO_ADDEND_PROMOTED:
			return "promoted";
		case RECO_ADDEND_MEMBER:
			return "member";
		case RECO_ADDEND_REST:
			return "rest";
	}
	return NULL;
}

uint32 *
reco_explain_evidence(const RecoQuery *query)
{
	uint32 *item = palloc(sizeof(uint32) * Max(query->n_evidence, 1));

	for (int e = 0; e < query->n_evidence; e++)
		item[e] = query->evidence[e].item;
	return item;
}

/* first_kind gives the kind of evidence that has no addend. */
static RecoAddendKind
first_kind(const RecoQuery *query, const RecoEvidence *evidence)
{
	return !query->model->explicit_feedback && evidence->pull <= 0 ? RECO_ADDEND_DISLIKE
																   : RECO_ADDEND_HISTORY;
}

/*
 * order_rows sorts by |contribution| descending, rows of evidence first among
 * equals and by item (evidence is in the order of items), members by name, attributes in the order of their encoder, rest last of all.
 */
static int
order_rows(const void *a, const void *b)
{
	const RecoExplainRow *x = a;
	const RecoExplainRow *y = b;
	double size_x = fabs(x->contribution);
	double size_y = fabs(y->contribution);

	if ((x->kind == RECO_ADDEND_REST) != (y->kind == RECO_ADDEND_REST))
		return x->kind == RECO_ADDEND_REST ? 1 : -1;
	if (size_x != size_y)
		return size_x > size_y ? -1 : 1;
	if ((x->evidence < 0) != (y->evidence < 0))
		return x->evidence < 0 ? 1 : -1;
	if (x->evidence != y->evidence)
		return x->evidence < y->evidence ? -1 : 1;
	if (x->member != NULL && y->member != NULL)
		return strcmp(x->member->name, y->member->name);
	/* both are of one array */
	if (x->attribute != NULL && y->attribute != NULL)
		return x->attribute < y->attribute ? -1 : x->attribute > y->attribute;
	return (int) x->kind - (int) y->kind;
}

/* A piece of evidence and what it adds to the score. */
typedef struct Piece
{
	int evidence;
	RecoAddendKind kind;
	double contribution;
} Piece;

/* order_pieces sorts like order_rows, so that the rows of the first pieces are the first rows. */
static int
order_pieces(const void *a, const void *b)
{
	const Piece *x = a;
	const Piece *y = b;
	double size_x = fabs(x->contribution);
	double size_y = fabs(y->contribution);

	if (size_x != size_y)
		return size_x > size_y ? -1 : 1;
	return x->evidence < y->evidence ? -1 : x->evidence > y->evidence;
}

/* pieces_of gives the pieces of evidence that are in the score or could be, contributions still 0, in the order of evidence. */
static Piece *
pieces_of(const RecoQuery *query)
{
	Piece *piece = palloc_extended(sizeof(Piece) * Max(query->n_evidence, 1), MCXT_ALLOC_HUGE);

	for (int e = 0; e < query->n_evidence; e++)
		piece[e] = (Piece){e, first_kind(query, &query->evidence[e]), 0};
	return piece;
}

/* drop_nothings leaves out pieces that the user's rows were solved without: they are not in the score, nor would it change without them. */
static int
drop_nothings(const RecoQuery *query, Piece *piece)
{
	int n = 0;

	for (int e = 0; e < query->n_evidence; e++)
		if (query->evidence[e].kept || piece[e].contribution != 0)
			piece[n++] = piece[e];
	return n;
}

/* look_up looks for the items of n pieces in the caller's view. */
static void
look_up(const RecoQuery *query, RecoView *view, const Piece *piece, int n)
{
	uint32 *item = palloc_extended(sizeof(uint32) * Max(n, 1), MCXT_ALLOC_HUGE);

	for (int p = 0; p < n; p++)
		item[p] = query->evidence[piece[p].evidence].item;
	reco_view_look_up(view, item, (size_t) n);
	pfree(item);
}

/*
 * choose_shown lists the greatest pieces that the caller sees, at most limit, and adds the others of n to rest.  It looks
 * up what it takes and, where some of that is hidden, twice as many each time.
 */
static int
choose_shown(const RecoQuery *query, RecoView *view, const Piece *piece, int n, int limit, int *shown,
			 RecoExplainRow *rest)
{
	int n_shown = 0;
	int looked_up = 0;

	for (int p = 0; p < n; p++)
	{
		if (p == looked_up && n_shown < limit)
		{
			int some = Min(Max(limit - n_shown, p), n - p);

			look_up(query, view, piece + p, some);
			looked_up += some;
		}
		if (n_shown < limit && reco_view_find(view, query->evidence[piece[p].evidence].item) != NULL)
			shown[n_shown++] = p;
		else
		{
			rest->contribution += piece[p].contribution;
			rest->n_cut++;
		}
	}
	return n_shown;
}

/* add_evidence gives the greatest pieces a row each, and adds the others to rest. */
static void
add_evidence(const RecoQuery *query, RecoView *view, uint32 item, Piece *piece, int limit,
			 RecoExplanation *out, RecoExplainRow *rest)
{
	int n = drop_nothings(query, piece);
	int *shown = palloc(sizeof(int) * Max(Min(n, limit), 1));
	int *evidence = palloc(sizeof(int) * Max(Min(n, limit), 1));
	double *effect = palloc(sizeof(double) * Max(Min(n, limit), 1));
	int n_shown;

	qsort(piece, n, sizeof(Piece), order_pieces);
	n_shown = choose_shown(query, view, piece, n, limit, shown, rest);
	for (int s = 0; s < n_shown; s++)
		evidence[s] = piece[shown[s]].evidence;
	reco_query_removals_of(query, item, evidence, n_shown, effect);
	for (int s = 0; s < n_shown; s++)
		out->row[out->n++] = (RecoExplainRow){.kind = piece[shown[s]].kind,
											  .evidence = evidence[s],
											  .contribution = piece[shown[s]].contribution,
											  .has_removal = true,
											  .removal = effect[s]};
	pfree(shown);
	pfree(evidence);
	pfree(effect);
}

/* fill_shares sets the share of every row. */
static void
fill_shares(RecoExplanation *out)
{
	double sum = 0;

	for (int r = 0; r < out->n; r++)
		sum += fabs(out->row[r].contribution);
	for (int r = 0; r < out->n; r++)
	{
		out->row[r].has_share = sum > 0;
		out->row[r].share = sum > 0 ? fabs(out->row[r].contribution) / sum : 0;
	}
}

/* add_attributes adds a row an attribute; what the score owes one of the user's own goes with it. */
static void
add_attributes(const RecoEncoder *encoder, const RecoAddend *addend, int n_addends, bool own,
			   RecoExplanation *out)
{
	int n;
	RecoAttributeShare *share = reco_attribute_shares(encoder, addend, n_addends, own, &n, NULL);

	for (int a = 0; a < n; a++)
		out->row[out->n++] = (RecoExplainRow){.kind = RECO_ADDEND_ATTRIBUTE,
											  .evidence = -1,
											  .contribution = share[a].contribution,
											  .has_removal = own,
											  .removal = own ? share[a].removal : 0,
											  .attribute = &share[a]};
}

void
reco_explain_promote(RecoExplanation *explanation, double much)
{
	explanation->row = repalloc(explanation->row, sizeof(RecoExplainRow) * (explanation->n + 1));
	explanation->row[explanation->n++] = (RecoExplainRow){.kind = RECO_ADDEND_PROMOTED,
														  .evidence = -1,
														  .contribution = much,
														  .has_removal = true,
														  .removal = much};
	qsort(explanation->row, explanation->n, sizeof(RecoExplainRow), order_rows);
	fill_shares(explanation);
}

RecoExplanation *
reco_explain_by_item(const RecoQuery *query, uint32 item)
{
	RecoExplanation *out;
	int n;
	RecoAddend *addend = reco_query_by_item(query, item, &n);
	RecoExplainRow hidden = {.kind = RECO_ADDEND_REST, .evidence = -1};

	if (addend == NULL)
		return NULL;
	out = palloc0(sizeof(RecoExplanation));
	out->exactness = "exact";
	out->by_item = true;
	out->row = palloc0(sizeof(RecoExplainRow) * (n + 1));
	for (int a = 0; a < n; a++)
	{
		if (addend[a].kind != RECO_ADDEND_ATTRIBUTE)
			out->row[out->n++] = (RecoExplainRow){
				.kind = addend[a].kind, .evidence = -1, .contribution = addend[a].contribution};
		else if (!query->model->reads_items)
			hidden.contribution += addend[a].contribution;
	}
	if (query->model->reads_items)
		add_attributes(query->model->item_encoder, addend, n, false, out);
	else
		out->row[out->n++] = hidden;
	qsort(out->row, out->n, sizeof(RecoExplainRow), order_rows);
	fill_shares(out);
	return out;
}

RecoExplanation *
reco_explain_by_member(const RecoQuery *query, uint32 item)
{
	RecoExplanation *out;
	int n;
	RecoMemberShare *member = reco_query_by_member(query, item, &n);

	if (member == NULL)
		return NULL;
	out = palloc0(sizeof(RecoExplanation));
	out->exactness = "exact";
	out->row = palloc0(sizeof(RecoExplainRow) * n);
	for (int m = 0; m < n; m++)
		out->row[out->n++] = (RecoExplainRow){.kind = RECO_ADDEND_MEMBER,
											  .evidence = -1,
											  .contribution = member[m].weight * member[m].score,
											  .member = &member[m]};
	qsort(out->row, out->n, sizeof(RecoExplainRow), order_rows);
	fill_shares(out);
	return out;
}

RecoExplanation *
reco_explain_history(const RecoQuery *query, RecoView *view, uint32 item, int limit)
{
	RecoExplanation *out = palloc0(sizeof(RecoExplanation));
	RecoAddend *addend =
		palloc_extended(sizeof(RecoAddend) * reco_query_most_addends(query), MCXT_ALLOC_HUGE);
	int n = reco_query_contributions(query, item, addend);
	Piece *piece = pieces_of(query);
	RecoExplainRow rest = {.kind = RECO_ADDEND_REST, .evidence = -1};
	bool has_rest = false;

	out->exactness = query->model->algorithm->linearity == RECO_NONLINEAR ? "measured" : "exact";
	out->row = palloc0(sizeof(RecoExplainRow) * (reco_query_most_addends(query) - query->n_evidence +
												 Min(query->n_evidence, limit) + 1));
	for (int a = 0; a < n; a++)
	{
		if (addend[a].kind == RECO_ADDEND_AVERAGE)
			out->average += addend[a].contribution;
		if (addend[a].evidence >= 0)
		{
			piece[addend[a].evidence].kind = addend[a].kind;
			piece[addend[a].evidence].contribution += addend[a].contribution;
		}
		else if (addend[a].kind == RECO_ADDEND_REST)
		{
			rest.contribution += addend[a].contribution;
			has_rest = true;
		}
		else if (addend[a].kind != RECO_ADDEND_ATTRIBUTE)
			out->row[out->n++] = (RecoExplainRow){
				.kind = addend[a].kind, .evidence = -1, .contribution = addend[a].contribution};
	}
	add_attributes(query->model->user_encoder, addend, n, true, out);
	add_evidence(query, view, item, piece, limit, out, &rest);
	pfree(piece);
	pfree(addend);
	if (has_rest || rest.n_cut > 0 || out->n == 0)
		out->row[out->n++] = rest;
	qsort(out->row, out->n, sizeof(RecoExplainRow), order_rows);
	fill_shares(out);
	return out;
}

/* say gives the first wording of a kind. */
static char *
say(const RecoWords *words, RecoWording kind, const char *items, int count)
{
	RecoFilling filling = {.evidence = INT_MAX, .count = count};

	filling.slot[RECO_SLOT_ITEMS] = items;
	return reco_words_say(words, kind, &filling);
}

/* rest_clause says what is in the row of all that has no row. */
static char *
rest_clause(const RecoWords *words, const RecoQuery *query, const RecoExplainRow *row)
{
	if (row->n_cut > 0)
		return say(words, RECO_WORDING_REST, NULL, row->n_cut);
	return say(words, query->n_evidence == 0 ? RECO_WORDING_NO_HISTORY : RECO_WORDING_REMAINDER, NULL, 0);
}

/* member_clause says which model of a blend a row is about. */
static char *
member_clause(const RecoWords *words, const RecoMemberShare *member)
{
	RecoFilling filling = {.evidence = 1};

	filling.slot[RECO_SLOT_NAME] = member->name;
	return reco_words_say(words, RECO_WORDING_MEMBER, &filling);
}

/* evidence_clause says what a piece of evidence is. */
static char *
evidence_clause(const RecoWords *words, const RecoQuery *query, const RecoView *view, double average,
				const RecoExplainRow *row)
{
	RecoWording event = reco_words_event(query, row->evidence, average);
	char *name = reco_words_name(words, query->model, view, query->evidence[row->evidence].item);

	if (event != RECO_WORDING_OTHER_EVENT)
		return reco_words_clause(words, event, name, 1, true, NULL);
	return say(words, row->kind == RECO_ADDEND_DISLIKE ? RECO_WORDING_DISLIKE : RECO_WORDING_EVIDENCE, name,
			   1);
}

char *
reco_explain_clause(const RecoQuery *query, const RecoView *view, const RecoExplanation *explanation,
					const RecoExplainRow *row)
{
	const RecoWords *words =
		explanation->words != NULL ? explanation->words : reco_words_open(NULL, CurrentMemoryContext);

	switch (row->kind)
	{
		case RECO_ADDEND_HISTORY:
		case RECO_ADDEND_DISLIKE:
			if (row->evidence < 0)
				return say(words, RECO_WORDING_RATER, NULL, 0);
			return evidence_clause(words, query, view, explanation->average, row);
		case RECO_ADDEND_AVERAGE:
			return say(words, RECO_WORDING_AVERAGE, NULL, 0);
		case RECO_ADDEND_ITEM:
			return say(words, explanation->by_item ? RECO_WORDING_RESIDUAL : RECO_WORDING_ITEM, NULL, 0);
		case RECO_ADDEND_POPULARITY:
			return say(words, RECO_WORDING_POPULAR, NULL, 0);
		case RECO_ADDEND_PROMOTED:
			return say(words, RECO_WORDING_PROMOTED, NULL, 0);
		case RECO_ADDEND_MEMBER:
			return member_clause(words, row->member);
		case RECO_ADDEND_PRIOR:
			if (explanation->by_item)
				return say(words, RECO_WORDING_ANY_ITEM, NULL, 0);
			return say(words, RECO_WORDING_PRIOR, NULL, 0);
		case RECO_ADDEND_ATTRIBUTE:
			if (row->attribute != NULL && row->attribute->value == NULL)
				return reco_words_feature_named(words, row->attribute);
			if (row->attribute != NULL)
				return reco_words_feature(words, row->attribute, true, NULL);
			return say(words, RECO_WORDING_ATTRIBUTE, NULL, 0);
		case RECO_ADDEND_REST:
			if (explanation->by_item)
				return say(words, RECO_WORDING_HIDDEN, NULL, 0);
			return rest_clause(words, query, row);
	}
	return NULL;
}
