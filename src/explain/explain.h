/*
 * explain.h
 *	  Why a score is what it is: rows that add up, what removing a row would
 *	  do, and one line of words.
 *
 * The guarantees G1 to G6 of DESIGN 4 are kept here.  An item that is not in
 * the caller's view is never named; its share of a score goes to the row
 * "rest".
 */
#ifndef RECO_EXPLAIN_EXPLAIN_H
#define RECO_EXPLAIN_EXPLAIN_H

#include "postgres.h"

#include "model/model.h"
#include "model/view.h"

/* One row of an explanation. */
typedef struct RecoExplainRow
{
	RecoAddendKind kind;
	int evidence; /* index into RecoQuery.evidence, or -1 */
	double contribution;
	bool has_removal;
	double removal; /* removal effect */
	bool has_share;
	double share; /* |contribution| / sum of |contribution| */
	int n_cut;    /* of rest: pieces of evidence in it */
} RecoExplainRow;

typedef struct RecoExplanation
{
	const char *exactness;
	int n;
	RecoExplainRow *row; /* [n], in the order they are shown */
	double average;      /* what ratings of this item are compared with: the rows of kind average */
} RecoExplanation;

/*
 * reco_explain_history splits the score of an item by the user's history.  The limit is the
 * number of pieces of evidence that get a row of their own.  Evidence must be
 * in the view already (reco_explain_evidence lists its items).  Rows are
 * ordered by |contribution|, evidence before the rows that belong to nobody's
 * history among equals, then by item; rest is last.
 */
extern RecoExplanation *reco_explain_history(const RecoQuery *query, const RecoView *view, uint32 item,
											 int limit);

/* reco_explain_evidence gives the items of all evidence of a query, [query->n_evidence]. */
extern uint32 *reco_explain_evidence(const RecoQuery *query);

/* reco_explain_kind_name gives the word that SQL shows for a kind. */
extern const char *reco_explain_kind_name(RecoAddendKind kind);

/* reco_explain_clause says in English what one row is about: you bought “Trail shoes”. */
extern char *reco_explain_clause(const RecoQuery *query, const RecoView *view,
								 const RecoExplanation *explanation, const RecoExplainRow *row);

/*
 * Reasons for the lines of a list.  One reasoner serves one query; look_ahead
 * has the signature of RecoListAsk.look_ahead, so that the items it wants to
 * name are looked up with those of the list.
 */
typedef struct RecoReasoner RecoReasoner;

/* The reason of one line: a text, and the item it cites or -1. */
typedef struct RecoReason
{
	char *text;
	int64 cited;
} RecoReason;

extern RecoReasoner *reco_reason_make(const RecoQuery *query, RecoView *view);
extern uint32 *reco_reason_look_ahead(void *reasoner, const RkHit *hit, size_t n, size_t *n_more);

/*
 * reco_reason_choose gives the reason of each of n lines, all made from the
 * visible evidence whose removal would lower the score most (G3); "based on
 * your history" where there is none.  SPI must be connected: it looks up more evidence
 * when all that was looked up ahead turned out to be invisible.
 */
extern RecoReason *reco_reason_choose(RecoReasoner *reasoner, const RkHit *hit, size_t n);

/* reco_reason_similar words the reason of a similar item, reco_reason_popular that of a popular one. */
extern char *reco_reason_similar(const RecoModel *model, const RecoView *view, uint32 item);
extern char *reco_reason_popular(void);

#endif
