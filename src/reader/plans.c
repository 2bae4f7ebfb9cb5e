/*
 * plans.c
 *	  Prepared plans of generated queries, kept for the session.
 *
 * A plan is kept by the text of its query and the types of its parameters.  As
 * that text is generated anew at each call from the definition and the
 * catalogs, a definition that was changed, a column that got another type or
 * another filter simply asks for another plan: nothing has to be invalidated
 * here.  What changes behind the same text (an index, a policy, the search
 * path, a table made anew) is noticed by PostgreSQL's own plan cache.  What a
 * literal of a filter means is settled when the text is analysed, so the settings that
 * literals are read by belong to what a plan is found by; and the moment of the
 * transaction does where a literal may be 'now', 'today', 'tomorrow' or 'yesterday'.
 *
 * At most RECO_PLANS_KEPT plans stay; the one used longest ago makes room.  A
 * plan may be in use further up the stack, when a view or a filter calls reco
 * again; such plans are counted and left alone.
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "nodes/plannodes.h"
#include "parser/parse_expr.h"
#include "parser/parser.h"
#include "pgtime.h"
#include "utils/array.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"

#include "reader/plans.h"

#define RECO_PLANS_KEPT 32

/*
 * What one unit of the planner's cost takes when all pages are in memory.  A
 * plan that reads a whole relation costs mostly work on tuples, which the units
 * count low beside pages; one that is driven by indexes costs mostly pages read at random,
 * which the units take to come from a disk.
 */
#define RECO_WALK_MICROSECONDS 4.0
#define RECO_INDEX_MICROSECONDS 0.5

/* What a row takes besides: to be handed over, and its key to be found among those of the model. */
#define RECO_ROW_MICROSECONDS 0.4

/* What the literals of a query are read by; without padding, so that it can be compared as bytes. */
typedef struct Literals
{
	const pg_tz *zone;  /* PostgreSQL makes each but once */
	TimestampTz moment; /* of the transaction where a literal may depend on it, else 0 */
	int date_style;
	int date_order;
	int interval_style;
	int flags; /* standard_conforming_strings, transform_null_equals, array_nulls */
} Literals;

struct RecoPlan
{
	dlist_node node;
	uint64 hash;
	Literals literals;
	char *sql;
	int n_types;
	Oid *type;
	SPIPlanPtr plan;
	int users; /* executions under way */
};

/* Used last comes first. */
static dlist_head reco_plans = DLIST_STATIC_INIT(reco_plans);
static int reco_plans_kept = 0;
static MemoryContext reco_plans_context = NULL;

/* is_letter says whether a byte is an ASCII letter, whatever the locale. */
static inline bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* names_moment says whether a word of a query may be one that literals of times have for a moment; the function now() is none. */
static bool
names_moment(const char *sql)
{
	static const char *const word[] = {"now", "today", "tomorrow", "yesterday"};

	for (const char *at = sql; *at != '\0';)
	{
		size_t n = 0;

		while (is_letter(at[n]))
			n++;
		for (size_t w = 0; w < lengthof(word); w++)
			if (n == strlen(word[w]) && at[n] != '(' && pg_strncasecmp(at, word[w], n) == 0)
				return true;
		at += Max(n, 1);
	}
	return false;
}

/* literals_now gives what the literals of a query are read by at this moment. */
static Literals
literals_now(const char *sql)
{
	return (Literals){.zone = session_timezone,
					  .moment = names_moment(sql) ? GetCurrentTransactionStartTimestamp() : 0,
					  .date_style = DateStyle,
					  .date_order = DateOrder,
					  .interval_style = IntervalStyle,
					  .flags = (standard_conforming_strings ? 1 : 0) | (Transform_null_equals ? 2 : 0) |
							   (Array_nulls ? 4 : 0)};
}

/* reco_plans_hash hashes what a plan is found by. */
static uint64
reco_plans_hash(const char *sql, const Literals *literals, int n_types, const Oid *type)
{
	uint64 hash = hash_bytes_extended((const unsigned char *) sql, (int) strlen(sql), 0);

	hash = hash_bytes_extended((const unsigned char *) literals, sizeof(Literals), hash);
	return hash_bytes_extended((const unsigned char *) type, n_types * (int) sizeof(Oid), hash);
}

RecoPlan *
reco_plans_find(const char *sql, int n_types, const Oid *type)
{
	Literals literals = literals_now(sql);
	uint64 hash = reco_plans_hash(sql, &literals, n_types, type);
	dlist_iter iter;

	dlist_foreach (iter, &reco_plans)
	{
		RecoPlan *plan = dlist_container(RecoPlan, node, iter.cur);

		if (plan->hash == hash && plan->n_types == n_types && strcmp(plan->sql, sql) == 0 &&
			memcmp(&plan->literals, &literals, sizeof(Literals)) == 0 &&
			(n_types == 0 || memcmp(plan->type, type, n_types * sizeof(Oid)) == 0))
		{
			dlist_move_head(&reco_plans, &plan->node);
			return plan;
		}
	}
	return NULL;
}

/* reco_plans_free forgets a plan that nobody uses. */
static void
reco_plans_free(RecoPlan *plan)
{
	dlist_delete(&plan->node);
	reco_plans_kept--;
	SPI_freeplan(plan->plan);
	pfree(plan->sql);
	pfree(plan->type);
	pfree(plan);
}

/* reco_plans_shrink forgets the plans used longest ago, down to the limit, but none that is in use. */
static void
reco_plans_shrink(int limit)
{
	dlist_node *node = dlist_is_empty(&reco_plans) ? NULL : dlist_tail_node(&reco_plans);

	while (node != NULL && reco_plans_kept > limit)
	{
		RecoPlan *plan = dlist_container(RecoPlan, node, node);

		node = dlist_has_prev(&reco_plans, node) ? dlist_prev_node(&reco_plans, node) : NULL;
		if (plan->users == 0)
			reco_plans_free(plan);
	}
}

/* reco_plans_make makes the record of a query, not yet in the list. */
static RecoPlan *
reco_plans_make(const char *sql, int n_types, const Oid *type)
{
	RecoPlan *plan;

	if (reco_plans_context == NULL)
		reco_plans_context = AllocSetContextCreate(TopMemoryContext, "reco plans", ALLOCSET_SMALL_SIZES);
	plan = MemoryContextAllocZero(reco_plans_context, sizeof(RecoPlan));
	plan->sql = MemoryContextStrdup(reco_plans_context, sql);
	plan->type = MemoryContextAlloc(reco_plans_context, (n_types + 1) * sizeof(Oid));
	for (int t = 0; t < n_types; t++)
		plan->type[t] = type[t];
	plan->n_types = n_types;
	plan->literals = literals_now(sql);
	plan->hash = reco_plans_hash(sql, &plan->literals, n_types, type);
	return plan;
}

/* prepare_kept prepares a query with SPI's options for its plans and keeps it. */
static RecoPlan *
prepare_kept(const char *sql, int n_types, const Oid *type, int options)
{
	MemoryContext context = CurrentMemoryContext;
	SPIPlanPtr prepared;
	RecoPlan *plan;

	prepared = SPI_prepare_cursor(sql, n_types, unconstify(Oid *, type), options);
	if (prepared == NULL)
		elog(ERROR, "preparing a query failed: %s", SPI_result_code_string(SPI_result));
	reco_plans_shrink(RECO_PLANS_KEPT - 1);
	plan = reco_plans_make(sql, n_types, type);
	if (SPI_keepplan(prepared) != 0)
		elog(ERROR, "keeping a plan failed");
	plan->plan = prepared;
	dlist_push_head(&reco_plans, &plan->node);
	reco_plans_kept++;
	MemoryContextSwitchTo(context);
	return plan;
}

RecoPlan *
reco_plans_prepare(const char *sql, int n_types, const Oid *type)
{
	return prepare_kept(sql, n_types, type, CURSOR_OPT_GENERIC_PLAN);
}

RecoPlan *
reco_plans_prepare_custom(const char *sql, int n_types, const Oid *type)
{
	return prepare_kept(sql, n_types, type, CURSOR_OPT_CUSTOM_PLAN | CURSOR_OPT_PARALLEL_OK);
}

bool
reco_plans_is_current(const RecoPlan *plan)
{
	return SPI_plan_is_valid(plan->plan);
}

/* reco_plans_params wraps parameter values for SPI. */
static ParamListInfo
reco_plans_params(const RecoPlan *plan, const Datum *value, const bool *isnull)
{
	ParamListInfo params = makeParamList(plan->n_types);

	for (int i = 0; i < plan->n_types; i++)
		params->params[i] = (ParamExternData){.value = value[i],
											  .isnull = isnull != NULL && isnull[i],
											  .pflags = PARAM_FLAG_CONST,
											  .ptype = plan->type[i]};
	return params;
}

static bool walks_relation(const Plan *plan);

/* any_walks says whether any plan of a list reads a whole relation. */
static bool
any_walks(const List *plans)
{
	const ListCell *cell;

	foreach (cell, plans)
		if (walks_relation(lfirst(cell)))
			return true;
	return false;
}

/* walks_relation says whether a plan reads a whole relation, or may: what is not known does. */
static bool
walks_relation(const Plan *plan)
{
	if (plan == NULL)
		return false;
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_ForeignScan:
		case T_CustomScan:
			return true;
		case T_Append:
			return any_walks(((const Append *) plan)->appendplans);
		case T_MergeAppend:
			return any_walks(((const MergeAppend *) plan)->mergeplans);
		case T_SubqueryScan:
			return walks_relation(((const SubqueryScan *) plan)->subplan);
		default:
			return walks_relation(plan->lefttree) || walks_relation(plan->righttree);
	}
}

double
reco_plans_microseconds(RecoPlan *plan, const Datum *value, const bool *isnull)
{
	ParamListInfo params = reco_plans_params(plan, value, isnull);
	CachedPlan *cached;
	const PlannedStmt *statement;
	bool walks;
	double cost;
	double rows;

	/* planning evaluates functions, which may call reco with many other queries */
	plan->users++;
	PG_TRY();
	{
		cached = GetCachedPlan(linitial(SPI_plan_get_plan_sources(plan->plan)), params, CurrentResourceOwner,
							   NULL);
	}
	PG_FINALLY();
	{
		plan->users--;
	}
	PG_END_TRY();
	statement = linitial_node(PlannedStmt, cached->stmt_list);
	walks = walks_relation(statement->planTree) || any_walks(statement->subplans);
	cost = statement->planTree->total_cost;
	rows = statement->planTree->plan_rows;
	ReleaseCachedPlan(cached, CurrentResourceOwner);
	pfree(params);
	return cost * (walks ? RECO_WALK_MICROSECONDS : RECO_INDEX_MICROSECONDS) + rows * RECO_ROW_MICROSECONDS;
}

void
reco_plans_execute(RecoPlan *plan, const Datum *value, const bool *isnull, DestReceiver *dest)
{
	MemoryContext context = CurrentMemoryContext;
	SPIExecuteOptions options = {.read_only = true, .dest = dest};
	int result;

	options.params = reco_plans_params(plan, value, isnull);
	plan->users++;
	PG_TRY();
	{
		result = SPI_execute_plan_extended(plan->plan, &options);
		if (result != SPI_OK_SELECT)
			elog(ERROR, "executing a plan failed: %s", SPI_result_code_string(result));
	}
	PG_FINALLY();
	{
		plan->users--;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	pfree(options.params);
}
