/*
 * lists.h
 *	  The functions that return a ranked list: recommend, similar_items,
 *	  popular_items.
 */
#ifndef RECO_SQLAPI_LISTS_H
#define RECO_SQLAPI_LISTS_H

#include "postgres.h"

#include "explain/explain.h"
#include "fmgr.h"
#include "serve/serve.h"
#include "sqlapi/call.h"
#include "utils/array.h"

/* Which options a list has. */
typedef enum RecoListKind
{
	RECO_LIST_OF_USER,
	RECO_LIST_OF_SIMILAR,
	RECO_LIST_OF_POPULAR
} RecoListKind;

/* Where a function has the arguments of a list; -1: it has none such. */
typedef struct RecoListPositions
{
	int item_type;
	int k;
	int recommender;
	int filter;
	int filter_args;
	int candidates;
	int exclude;
	int exclude_seen;
	int lang;
	int options;
	RecoListKind kind;
} RecoListPositions;

/* Options of lists, by position; from RECO_LIST_BY on those of popular_items, of which similar_items has the first. */
typedef enum RecoListOption
{
	RECO_LIST_REASON,
	RECO_LIST_SEED,
	RECO_LIST_NEW_ITEMS,
	RECO_LIST_BY,
	RECO_LIST_SEGMENT,
	RECO_LIST_ORDER,
	RECO_LIST_WINDOW,
	RECO_LIST_OPTIONS,

	/* of recommend() */
	RECO_LIST_PROMOTED = RECO_LIST_BY,
	RECO_LIST_PROMOTION
} RecoListOption;

/* One call for a list. */
typedef struct RecoListCall
{
	RecoCall call;
	RecoListKind kind;
	Oid item_type; /* of the ids in the answer */
	RecoListAsk ask;
	const RecoOptionValue *option; /* by RecoListOption */
	bool exclude_seen;
	bool with_reason; /* option "reason" */
	size_t n_new;     /* option "new_items" */
	RecoPromotion promotion;
	RecoVoice voice; /* of the reasons; a user is not mixed into its seed yet */
	size_t n;
	RkHit *hit; /* [n], filled by reco_list_run */
	int n_without;
	const char **without; /* [n_without], columns of users that are not what was learned any more */
} RecoListCall;

/*
 * reco_list_begin reads the arguments, opens the model and prepares a list:
 * candidates and exclude are in ask already; source, query and alike are the
 * caller's to set, and whether ids can be answered in item_type is its to check.
 */
extern void reco_list_begin(RecoListCall *list, FunctionCallInfo fcinfo, const RecoListPositions *position);

/* reco_list_run makes the list. */
extern void reco_list_run(RecoListCall *list);

/* reco_list_return writes the rows with a reason each, or none (NULL), and ends the call. */
extern void reco_list_return(RecoListCall *list, FunctionCallInfo fcinfo, const RecoReason *reason);

#endif
