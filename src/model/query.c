/*
 * query.c
 *	  A user as a query: folding a history, scoring, taking evidence away.
 */
#include "postgres.h"

#include <math.h>

#include "kernel/neighbours.h"
#include "model/model.h"

/* One event of a history on a known item, for sorting by item while keeping total order. */
typedef struct KnownEvent
{
	uint32 item;
	uint32 position; /* in the history */
} KnownEvent;

static int
compare_known(const void *a, const void *b, void *model)
{
	const KnownEvent *x = a;
	const KnownEvent *y = b;

	if (x->item != y->item)
		return reco_model_order(model, x->item, y->item);
	return x->position < y->position ? -1 : x->position > y->position;
}

/* known_events finds the items of a history in the model, sorted by item; those it does not know it is asked to take in. */
static KnownEvent *
known_events(const RecoModel *model, const RecoHistory *history, size_t *n)
{
	KnownEvent *known = palloc(sizeof(KnownEvent) * Max(history->n, 1));
	KnownEvent *unknown = palloc(sizeof(KnownEvent) * Max(history->n, 1));
	RecoKey *key = palloc(sizeof(RecoKey) * Max(history->n, 1));
	size_t n_unknown = 0;

	*n = 0;
	for (size_t e = 0; e < history->n; e++)
	{
		int64 item = reco_model_find(model, &history->event[e].item);

		if (item >= 0)
			known[(*n)++] = (KnownEvent){(uint32) item, (uint32) e};
		else
		{
			key[n_unknown] = history->event[e].item;
			unknown[n_unknown++].position = (uint32) e;
		}
	}
	if (n_unknown > 0 && reco_model_add(model, key, n_unknown) > 0)
		for (size_t u = 0; u < n_unknown; u++)
		{
			int64 item = reco_model_find(model, &key[u]);

			if (item >= 0)
				known[(*n)++] = (KnownEvent){(uint32) item, unknown[u].position};
		}
	pfree(unknown);
	pfree(key);
	qsort_arg(known, *n, sizeof(KnownEvent), compare_known, unconstify(RecoModel *, model));
	return known;
}

/*
 * main_kind gives the event kind with the greatest share of the weight among n
 * events: of those that pull the way the row does, so that a purchase that
 * outweighs its return is told as a purchase.  share is [n_kinds], all zero
 * before and after.
 */
static int
main_kind(const RecoModel *model, const RecoHistory *history, const KnownEvent *known, size_t n,
		  bool positive, double *share)
{
	int best = -1;

	for (size_t k = 0; k < n; k++)
	{
		const RecoHistoryEvent *event = &history->event[known[k].position];
		RecoFoldSum sum = {0, 0};
		RecoFoldEvent fold = {event->amount, event->rating, event->time};

		if (event->kind < 0 || (event->amount > 0) != positive)
			continue;
		reco_fold_add(&model->fold, &fold, &sum);
		share[event->kind] += sum.weight;
		if (best < 0 || share[event->kind] >= share[best])
			best = event->kind;
	}
	for (size_t k = 0; k < n; k++)
		if (history->event[known[k].position].kind >= 0)
			share[history->event[known[k].position].kind] = 0;
	return best;
}

/* fold_evidence folds the events of one item into a row; share is for main_kind. */
static RecoEvidence
fold_evidence(const RecoModel *model, const RecoHistory *history, const KnownEvent *known, size_t n,
			  double *share)
{
	RecoFoldSum sum = {0, 0};
	RecoEvidence row = {.item = known[0].item};

	for (size_t k = 0; k < n; k++)
	{
		const RecoHistoryEvent *event = &history->event[known[k].position];
		RecoFoldEvent fold = {event->amount, event->rating, event->time};

		reco_fold_add(&model->fold, &fold, &sum);
	}
	row.weight = sum.weight;
	row.pull = sum.pull;
	row.kind = main_kind(model, history, known, n, row.pull > 0 || model->explicit_feedback, share);
	return row;
}

/* settle decides which rows are kept, whether any of them is positive, and which one's going would change what is kept. */
static void
settle(RecoQuery *query)
{
	double largest = 0;
	int n_kept = 0;
	int n_largest = 0;

	query->has_positive = false;
	query->sole = -1;
	for (int e = 0; e < query->n_evidence; e++)
		largest = Max(largest, query->evidence[e].weight);
	for (int e = 0; e < query->n_evidence; e++)
	{
		RecoEvidence *row = &query->evidence[e];

		row->kept = reco_fold_keeps(row->weight, largest);
		n_kept += row->kept;
		if (row->kept && row->pull > 0)
			query->has_positive = true;
		if (row->weight == largest)
		{
			n_largest++;
			query->sole = e;
		}
	}
	if (n_kept == query->n_evidence || n_largest != 1)
		query->sole = -1;
}

/* make_query allocates a query with room for evidence. */
static RecoQuery *
make_query(const RecoModel *model, const RecoHistory *history, const RecoAttributes *attributes,
		   size_t capacity)
{
	RecoQuery *query = palloc0(sizeof(RecoQuery));

	if (attributes != NULL)
		query->attributes = *attributes;
	query->model = model;
	query->history = history;
	query->evidence = palloc_extended(sizeof(RecoEvidence) * Max(capacity, 1), MCXT_ALLOC_HUGE);
	return query;
}

RecoQuery *
reco_query_make(const RecoModel *model, const RecoHistory *history, const RecoAttributes *attributes)
{
	size_t n;
	KnownEvent *known = known_events(model, history, &n);
	RecoQuery *query = make_query(model, history, attributes, n);
	double *share = palloc0(sizeof(double) * Max(history->n_kinds, 1));

	for (size_t first = 0, last; first < n; first = last)
	{
		for (last = first + 1; last < n && known[last].item == known[first].item; last++)
			;
		query->evidence[query->n_evidence++] =
			fold_evidence(model, history, known + first, last - first, share);
	}
	pfree(share);
	settle(query);
	model->algorithm->represent(model, query);
	return query;
}

RecoQuery *
reco_query_from_evidence(const RecoModel *model, RecoEvidence *evidence, int n,
						 const RecoAttributes *attributes)
{
	RecoQuery *query = make_query(model, NULL, attributes, 0);

	pfree(query->evidence);
	query->evidence = evidence;
	query->n_evidence = n;
	settle(query);
	model->algorithm->represent(model, query);
	return query;
}

RecoQuery *
reco_query_without(const RecoQuery *query, const bool *removed)
{
	RecoQuery *fewer = make_query(query->model, query->history, &query->attributes, query->n_evidence);

	for (int e = 0; e < query->n_evidence; e++)
		if (!removed[e])
			fewer->evidence[fewer->n_evidence++] = query->evidence[e];
	settle(fewer);
	fewer->model->algorithm->represent(fewer->model, fewer);
	return fewer;
}

RecoQuery *
reco_query_reweighted(const RecoQuery *query, const double *factor)
{
	RecoQuery *other = make_query(query->model, query->history, &query->attributes, query->n_evidence);

	other->n_evidence = query->n_evidence;
	for (int e = 0; e < query->n_evidence; e++)
	{
		other->evidence[e] = query->evidence[e];
		other->evidence[e].weight *= factor[e];
		other->evidence[e].pull *= factor[e];
	}
	settle(other);
	other->model->algorithm->represent(other->model, other);
	return other;
}

/* dense_score adds the inner product of a dense term, and the item's bias, to a score. */
static double
dense_score(const RecoTerm *term, double score, uint32 item)
{
	const RkItems *items = term->items;

	return rk_score(score, reco_items_bias(items, item),
					rk_dot(term->vector, reco_items_row(items, item), items->d));
}

/* sparse_score gives the sum of an item's entries in the rows of a sparse term. */
static double
sparse_score(const RecoTerm *term, uint32 item)
{
	double score = 0;

	for (int r = 0; r < term->n_rows; r++)
		score += term->row_weight[r] * rk_csr_entry(term->matrix, term->row[r], item);
	return score;
}

void
reco_query_refuse_scores(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("the scores of this user are not finite"),
			 errhint("The user's weights may be too large; look at the values and event weights.")));
}

double
reco_query_score(const RecoQuery *query, uint32 item)
{
	double score = query->constant;

	for (int t = 0; t < query->n_terms; t++)
	{
		const RecoTerm *term = &query->term[t];

		if (term->kind == RECO_TERM_DENSE)
			score = dense_score(term, score, item);
		else if (term->kind == RECO_TERM_SPARSE)
			score += sparse_score(term, item);
		else
		{
			double block;

			term->score_block(query, &item, 1, &block);
			score += block;
		}
	}
	if (unlikely(!isfinite(score)))
		reco_query_refuse_scores();
	return score;
}

bool
reco_query_is_scored(const RecoQuery *query)
{
	return query->has_positive || (query->model->asks_users && query->attributes.known);
}

int
reco_query_most_addends(const RecoQuery *query)
{
	return query->n_evidence + (int) query->attributes.n + RECO_EXTRA_ADDENDS;
}

RecoAddend *
reco_query_by_item(const RecoQuery *query, uint32 item, int *n)
{
	const RecoAlgorithm *algorithm = query->model->algorithm;

	*n = 0;
	return algorithm->by_item != NULL ? algorithm->by_item(query, item, n) : NULL;
}

RecoMemberShare *
reco_query_by_member(const RecoQuery *query, uint32 item, int *n)
{
	const RecoAlgorithm *algorithm = query->model->algorithm;

	*n = 0;
	return algorithm->by_member != NULL ? algorithm->by_member(query, item, n) : NULL;
}

int
reco_query_contributions(const RecoQuery *query, uint32 item, RecoAddend *addend)
{
	return query->model->algorithm->contributions(query, item, addend);
}

bool
reco_query_revives(const RecoQuery *query, int evidence)
{
	return evidence == query->sole;
}

double
reco_query_removal(const RecoQuery *query, uint32 item, int evidence)
{
	bool *removed = palloc0(sizeof(bool) * query->n_evidence);

	removed[evidence] = true;
	return reco_query_score(query, item) - reco_query_score(reco_query_without(query, removed), item);
}

void
reco_query_removals_of(const RecoQuery *query, uint32 item, const int *piece, int n, double *effect)
{
	if (query->model->algorithm->removals != NULL)
	{
		query->model->algorithm->removals(query, item, piece, n, effect);
		return;
	}
	for (int p = 0; p < n; p++)
		effect[p] = reco_query_removal(query, item, piece != NULL ? piece[p] : p);
}

void
reco_query_removals(const RecoQuery *query, uint32 item, double *effect)
{
	reco_query_removals_of(query, item, NULL, query->n_evidence, effect);
}

void
reco_query_expect_removals(const RecoQuery *query, const uint32 *item, size_t n)
{
	if (query->model->algorithm->expect_removals != NULL)
		query->model->algorithm->expect_removals(query, item, n);
}

int
reco_query_best_removals(const RecoQuery *query, uint32 item, int k, int *evidence, double *effect)
{
	double *all;
	int n = 0;

	if (query->model->algorithm->best_removals != NULL)
		return query->model->algorithm->best_removals(query, item, k, evidence, effect);
	all = palloc0(sizeof(double) * Max(query->n_evidence, 1));
	reco_query_removals(query, item, all);
	for (int e = 0; e < query->n_evidence; e++)
		if (reco_query_speaks(query, e) && all[e] > 0)
			reco_query_keep_best(e, all[e], k, evidence, effect, &n);
	pfree(all);
	return n;
}

void
reco_query_keep_best(int piece, double its_effect, int k, int *evidence, double *effect, int *n)
{
	int at;

	if (*n == k && !reco_query_is_better(piece, its_effect, evidence[k - 1], effect[k - 1]))
		return;
	if (*n < k)
		(*n)++;
	for (at = *n - 1; at > 0 && reco_query_is_better(piece, its_effect, evidence[at - 1], effect[at - 1]);
		 at--)
	{
		evidence[at] = evidence[at - 1];
		effect[at] = effect[at - 1];
	}
	evidence[at] = piece;
	effect[at] = its_effect;
}

bool
reco_query_speaks(const RecoQuery *query, int evidence)
{
	const RecoEvidence *row = &query->evidence[evidence];

	return row->pull > query->neutral * row->weight;
}

bool
reco_query_is_better(int piece, double its_effect, int other, double other_effect)
{
	return its_effect != other_effect ? its_effect > other_effect : piece < other;
}

bool
reco_query_lowers_together(const RecoQuery *query, uint32 item, int first, int second, double least)
{
	if (query->model->algorithm->lowers_together != NULL)
		return query->model->algorithm->lowers_together(query, item, first, second, least);
	return reco_query_removal_of_two(query, item, first, second) > least;
}

RecoAttributeShare *
reco_query_attributes(const RecoQuery *query, uint32 item, double least, int *n)
{
	const RecoAlgorithm *algorithm = query->model->algorithm;

	*n = 0;
	return algorithm->attributes != NULL ? algorithm->attributes(query, item, least, n) : NULL;
}

double
reco_query_removal_of_two(const RecoQuery *query, uint32 item, int first, int second)
{
	const RecoAlgorithm *algorithm = query->model->algorithm;
	double effect;
	bool *removed;

	if (algorithm->removal_of_two != NULL && algorithm->removal_of_two(query, item, first, second, &effect))
		return effect;
	removed = palloc0(sizeof(bool) * query->n_evidence);
	removed[first] = removed[second] = true;
	return reco_query_score(query, item) - reco_query_score(reco_query_without(query, removed), item);
}
