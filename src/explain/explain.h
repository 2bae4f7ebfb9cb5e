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

#include "explain/templates.h"
#include "model/json.h"
#include "model/model.h"
#include "model/promotion.h"
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
	const RecoAttributeShare
		*attribute; /* of attribute and prior: what it is about; NULL: all there is of that kind */
	const RecoMemberShare *member; /* of member: which one */
} RecoExplainRow;

typedef struct RecoExplanation
{
	const char *exactness;
	int n;
	RecoExplainRow *row;    /* [n], in the order they are shown */
	bool by_item;           /* by what the item is, not by the user's history */
	double average;         /* what ratings of this item are compared with: the rows of kind average */
	const RecoWords *words; /* the language of its clauses, the caller's to set; NULL: reco.lang */
} RecoExplanation;

/*
 * reco_explain_history splits the score of an item by the user's history.  The limit is the
 * number of pieces of evidence that get a row of their own; only these are looked up in the view, where it does not
 * remember them yet, and only their removal effects are computed.  SPI must be connected.  Rows are
 * ordered by |contribution|, evidence before the rows that belong to nobody's
 * history among equals, then by item; rest is last.
 */
extern RecoExplanation *reco_explain_history(const RecoQuery *query, RecoView *view, uint32 item, int limit);

/*
 * reco_explain_by_item splits the same score by what the item is: a row an attribute, one for what is expected of any
 * item, one for what no attribute accounts for, of ratings the average and how the user rates beside it; without removal effects.  NULL where the model knows nothing of items.
 */
extern RecoExplanation *reco_explain_by_item(const RecoQuery *query, uint32 item);

/* reco_explain_by_member splits it by the models of a blend, a row each, without removal effects.  NULL where there is one model alone. */
extern RecoExplanation *reco_explain_by_member(const RecoQuery *query, uint32 item);

/* reco_explain_promote adds to an explanation a row of kind promoted: what a promotion adds to the score. */
extern void reco_explain_promote(RecoExplanation *explanation, double much);

/* reco_explain_evidence gives the items of all evidence of a query, [query->n_evidence]. */
extern uint32 *reco_explain_evidence(const RecoQuery *query);

/* reco_explain_kind_name gives the word that SQL shows for a kind. */
extern const char *reco_explain_kind_name(RecoAddendKind kind);

/* reco_explain_clause says in words what one row is about: you bought “Trail shoes”. */
extern char *reco_explain_clause(const RecoQuery *query, const RecoView *view,
								 const RecoExplanation *explanation, const RecoExplainRow *row);

/* A voice: the language of reasons, and what chooses among wordings that say the same. */
typedef struct RecoVoice
{
	const RecoWords *words;
	uint64 seed; /* a hash of the user and the seed of the call */
} RecoVoice;

/*
 * Reasons for the lines of a list.  One reasoner serves one query; look_ahead
 * has the signature of RecoListAsk.look_ahead, so that the items it wants to
 * name are looked up with those of the list.
 */
typedef struct RecoReasoner RecoReasoner;

/* Items that one reason cites, at most. */
#define RECO_REASON_CITES 2

/* The reason of one line, the items and attributes it cites and the bucket of people it counts (0: none). */
typedef struct RecoReason
{
	char *text; /* NULL: no reason was asked for */
	int n_cited;
	uint32 cited[RECO_REASON_CITES];
	int n_attributes;
	RecoAttributeShare attribute[RECO_REASON_CITES];
	int people;
	bool is_new;        /* it says that the item is new: nobody had chosen it at the refresh */
	const char *aspect; /* NULL, or that of reviews which it speaks of */
	int reviewers;      /* and the bucket of people who rated it highly */
} RecoReason;

/*
 * reco_reason_write_attributes adds "attributes": [{"of": "item", "name": ..., "value": ...}], where a reason cites any; values as they
 * are, or as a line shows them.
 */
extern void reco_reason_write_attributes(RecoJson *json, const RecoWords *words, const RecoReason *reason,
										 bool as_shown);

/*
 * What a reason is made of: pieces of history, and attributes of the item or the user, two at most in all.
 * Each would lower the score if it were not there.
 */
typedef struct RecoCause
{
	int n;                                /* pieces of history */
	int evidence[RECO_REASON_CITES];      /* index into RecoQuery.evidence */
	RecoWording event[RECO_REASON_CITES]; /* how it is worded */
	int n_attributes;
	RecoAttributeShare attribute[RECO_REASON_CITES];
	RecoWording
		basis; /* where nothing can be cited: what the score rests on, see reco_reason_basis; or promoted */
	bool promoted;
} RecoCause;

/* reco_reason_make begins reasons; what is promoted (NULL: nothing) must live as long. */
extern RecoReasoner *reco_reason_make(const RecoQuery *query, RecoView *view, const RecoVoice *voice,
									  const RecoPromotion *promotion);
extern uint32 *reco_reason_look_ahead(void *reasoner, const RkHit *hit, size_t n, size_t *n_more);

/*
 * reco_reason_causes gives for each of n lines the visible evidence whose removal would lower
 * the score most, and the next when it counts for at least half as much and
 * both together would lower it too (G3); no evidence where there is none.  An attribute that
 * counts for more (reco_query_attributes) takes the place of a piece, or stands beside one by
 * the same rule.  Of an item that is promoted that is a cause too, the first one, and others stand beside it by the same rule.  SPI must be connected: it
 * looks up more when all that was looked up ahead turned out to be invisible.
 */
extern RecoCause *reco_reason_causes(RecoReasoner *reasoner, const RkHit *hit, size_t n);

/*
 * reco_reason_basis gives what may be said of a score of which nothing can be cited: that it is based on the user's history, where
 * that is in it, else on the user's attributes, else that the item is popular, where that is in it, else that the suggestion
 * is a general one.
 */
extern RecoWording reco_reason_basis(const RecoQuery *query, uint32 item);

/* reco_reason_choose words the causes of n lines; what the score is based on where there is none. */
extern RecoReason *reco_reason_choose(RecoReasoner *reasoner, const RkHit *hit, size_t n);

/*
 * reco_reason_word words one cause of an item.  Beside a piece of history stands what reviews say of the item, where enough people
 * rated one of its aspects highly; reviews alone are no reason.
 */
extern RecoReason reco_reason_word(const RecoQuery *query, const RecoView *view, const RecoVoice *voice,
								   uint32 item, const RecoCause *cause);

/* reco_reason_add_new adds that an item is new, where nobody had chosen it at the refresh. */
extern void reco_reason_add_new(const RecoModel *model, const RecoVoice *voice, uint32 item,
								RecoReason *reason);

/* reco_reason_similar words the reasons of items similar to one, reco_reason_popular those of popular ones. */
extern RecoReason *reco_reason_similar(const RecoModel *model, const RecoView *view, const RecoVoice *voice,
									   uint32 item, const RkHit *hit, size_t n);
extern RecoReason *reco_reason_popular(const RecoModel *model, const RecoVoice *voice,
									   const RecoPromotion *promotion, const RkHit *hit, size_t n);

/* reco_reason_says_segment says whether there are words for a segment, as in "popular in Germany": not for "true", nor for a band of numbers. */
extern bool reco_reason_says_segment(const RecoEncoderColumn *column);

/* reco_reason_names_segment says whether reasons name a segment, a column of the encoder of users: there are words, and it is not of a protected attribute. */
extern bool reco_reason_names_segment(const RecoModel *model, size_t column);

/*
 * reco_reason_segment words the reasons of a list whose first n_promoted of n items are promoted, and whose next n_own a segment of
 * users chooses: the column of the encoder of users that it is.  What is said of a segment that is not named
 * (reco_reason_names_segment) is that they are popular.
 */
extern RecoReason *reco_reason_segment(const RecoModel *model, const RecoVoice *voice,
									   const RecoPromotion *promotion, size_t column, const RkHit *hit,
									   size_t n_promoted, size_t n_own, size_t n);

/* reco_reason_board words the reasons of items of a list that one wording with one value fits, such as "popular in {value}". */
extern RecoReason *reco_reason_board(const RecoModel *model, const RecoVoice *voice, RecoWording wording,
									 const char *value, const RkHit *hit, size_t n);

#endif
