/*
 * row_security.c
 *	  Whether row-level security restricts what the caller reads of a relation.
 *
 * check_enable_rls() answers for a table.  A view has no policies of its own;
 * those of the tables beneath it hold for its owner, or, where the view is
 * security_invoker, for the caller.  Even in the first case they may tell
 * callers apart, as current_user and settings are the caller's there.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "catalog/catalog.h"

/* A view while its query is walked. */
typedef struct Beneath
{
	Oid view;
	Oid reader; /* whose policies hold for the tables beneath it; InvalidOid: the caller's */
} Beneath;

static bool is_secured(Oid relid, Oid reader);

/* any_secured says whether any relation of a query is secured; the walker of expressions and queries. */
static bool
any_secured(Node *node, void *state)
{
	const Beneath *beneath = state;
	const ListCell *cell;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, any_secured, state);
	foreach (cell, ((const Query *) node)->rtable)
	{
		const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		/* the query of a view lists the view itself, too */
		if (entry->rtekind == RTE_RELATION && entry->relid != beneath->view &&
			is_secured(entry->relid, beneath->reader))
			return true;
	}
	return query_tree_walker((Query *) node, any_secured, state, 0);
}

/* is_view_secured says whether any relation beneath a view is secured. */
static bool
is_view_secured(Oid relid)
{
	Relation view = table_open(relid, AccessShareLock);
	Beneath beneath = {relid, RelationHasSecurityInvoker(view) ? InvalidOid : view->rd_rel->relowner};
	bool secured = any_secured((Node *) get_view_query(view), &beneath);

	table_close(view, AccessShareLock);
	return secured;
}

/* is_secured says whether policies restrict what a role reads of a relation; InvalidOid: the caller. */
static bool
is_secured(Oid relid, Oid reader)
{
	check_stack_depth();
	if (get_rel_relkind(relid) == RELKIND_VIEW)
		return is_view_secured(relid);
	return check_enable_rls(relid, reader, true) == RLS_ENABLED;
}

bool
reco_catalog_is_row_secured(Oid relid)
{
	return OidIsValid(relid) && is_secured(relid, InvalidOid);
}
