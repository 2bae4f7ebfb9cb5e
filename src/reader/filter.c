/*
 * filter.c
 *	  A filter is checked: one boolean SQL expression over the items relation.
 *
 * The text is parsed alone, in the parser's mode for expressions, before it is
 * put between the parentheses of a query.  In that mode a parenthesis that was
 * not opened, a semicolon or an unfinished comment or string is a syntax error;
 * a FROM or any other clause would parse and is refused by looking at the tree.
 * A text that is one expression by itself is one expression wherever an
 * expression may stand, and the line break after it ends a comment.  So the
 * filter cannot become anything else in the query than what was checked.
 *
 * The same tree, given the items relation to draw from, is then analysed, so
 * that the caller hears of a missing column, of a type that is not boolean, of
 * an aggregate or of a missing argument in terms of the filter and not of the
 * query around it.  Sub-selects are expressions and allowed: they are the
 * caller's own SQL, and read-only like the rest.
 *
 * The check is done once a plan, and again when the relation was changed.  What
 * it says holds for the search path it was done under.  When that changes,
 * PostgreSQL analyses the query anew; then IS TRUE, which the query applies to
 * the filter, still refuses what is not boolean, and the query's form refuses
 * aggregates.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "reader/filter.h"

#define RECO_FILTER_HINT                                                                                \
	"A filter is one boolean expression over the columns of \"%s\", such as price < $1::numeric, with " \
	"values in filter_args."

void
reco_filter_context(void *filter)
{
	if (filter != NULL)
		errcontext("filter \"%s\"", ((const RecoFilter *) filter)->expression);
}

/* reco_filter_refuse raises that the text is an expression of the wrong kind. */
static void
reco_filter_refuse(const RecoDefinition *definition, int sqlstate, const char *message)
{
	ereport(ERROR,
			(errcode(sqlstate), errmsg("%s", message), errhint(RECO_FILTER_HINT, definition->items.name)));
}

/* reco_filter_is_plain says whether a SELECT has no clause but its list of targets. */
static bool
reco_filter_is_plain(const SelectStmt *select)
{
	return select->distinctClause == NIL && select->intoClause == NULL && select->fromClause == NIL &&
		   select->whereClause == NULL && select->groupClause == NIL && select->havingClause == NULL &&
		   select->windowClause == NIL && select->valuesLists == NIL && select->sortClause == NIL &&
		   select->limitOffset == NULL && select->limitCount == NULL && select->lockingClause == NIL &&
		   select->withClause == NULL && select->op == SETOP_NONE && !select->groupDistinct;
}

/* reco_filter_is_star says whether a target is * or relation.*. */
static bool
reco_filter_is_star(const Node *target)
{
	return IsA(target, ColumnRef) && IsA(llast(((const ColumnRef *) target)->fields), A_Star);
}

/* reco_filter_parse parses the text alone and checks that it is one expression. */
static RawStmt *
reco_filter_parse(const RecoDefinition *definition, const char *expression)
{
	List *statements = raw_parser(expression, RAW_PARSE_PLPGSQL_EXPR);
	RawStmt *statement = linitial_node(RawStmt, statements);
	const SelectStmt *select;
	const ResTarget *target;

	if (list_length(statements) != 1 || !IsA(statement->stmt, SelectStmt))
		reco_filter_refuse(definition, ERRCODE_SYNTAX_ERROR, "filter is not an expression");
	select = (const SelectStmt *) statement->stmt;
	if (select->targetList == NIL && reco_filter_is_plain(select))
		reco_filter_refuse(definition, ERRCODE_SYNTAX_ERROR, "filter is empty");
	if (!reco_filter_is_plain(select))
		reco_filter_refuse(definition, ERRCODE_SYNTAX_ERROR, "filter has a clause after its expression");
	if (list_length(select->targetList) != 1)
		reco_filter_refuse(definition, ERRCODE_SYNTAX_ERROR, "filter is more than one expression");
	target = linitial_node(ResTarget, select->targetList);
	if (target->name != NULL)
		reco_filter_refuse(definition, ERRCODE_SYNTAX_ERROR, "filter has a name after its expression");
	if (reco_filter_is_star(target->val))
		reco_filter_refuse(definition, ERRCODE_SYNTAX_ERROR, "filter is not an expression");
	return statement;
}

/* reco_filter_last_parameter finds the greatest n of a $n, in the int behind last. */
static bool
reco_filter_last_parameter(Node *node, void *last)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		*(int *) last = Max(*(int *) last, ((const Param *) node)->paramid);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, reco_filter_last_parameter, last, 0);
	return expression_tree_walker(node, reco_filter_last_parameter, last);
}

/* reco_filter_require_used raises unless the last value of filter_args is used: what is left over is mostly a mistake. */
static void
reco_filter_require_used(const RecoFilter *filter, Query *query)
{
	int last = 0;

	(void) reco_filter_last_parameter((Node *) query, &last);
	if (last >= filter->n_arguments)
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					last == 0 ? errmsg("filter_args holds %d values, but the filter uses none of them",
									   filter->n_arguments)
							  : errmsg("filter_args holds %d values, but the filter uses none after $%d",
									   filter->n_arguments, last),
					errhint("Write the values into the filter as $1, $2, ..., or leave them out.")));
}

/* reco_filter_analyse checks the meaning of a parsed filter, which it may scribble on. */
static void
reco_filter_analyse(const RecoDefinition *definition, const RecoFilter *filter, RawStmt *statement)
{
	RangeVar *relation = makeRangeVar(definition->items.schema, definition->items.name, -1);
	Query *query;
	Oid type;

	((SelectStmt *) statement->stmt)->fromClause = list_make1(relation);
	query = parse_analyze_fixedparams(statement, filter->expression, filter->type, filter->n_arguments, NULL);
	if (query->hasAggs)
		reco_filter_refuse(definition, ERRCODE_GROUPING_ERROR, "filter must not contain aggregate functions");
	if (query->hasWindowFuncs)
		reco_filter_refuse(definition, ERRCODE_WINDOWING_ERROR, "filter must not contain window functions");
	if (query->hasTargetSRFs)
		reco_filter_refuse(definition, ERRCODE_FEATURE_NOT_SUPPORTED,
						   "filter must not contain set-returning functions");
	type = exprType((Node *) linitial_node(TargetEntry, query->targetList)->expr);
	if (type != BOOLOID)
		reco_filter_refuse(definition, ERRCODE_DATATYPE_MISMATCH,
						   psprintf("filter must be of type boolean, not type %s", format_type_be(type)));
	reco_filter_require_used(filter, query);
}

/*
 * reco_filter_rethrow raises the current error of the parser again, with its
 * position in the filter, a context that names the filter and, if it has none, a hint.
 */
static void
reco_filter_rethrow(const RecoDefinition *definition, const RecoFilter *filter, MemoryContext context)
{
	ErrorData *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	if (error->cursorpos > 0)
	{
		error->internalpos = error->cursorpos;
		error->internalquery = pstrdup(filter->expression);
		error->cursorpos = 0;
	}
	if (error->hint == NULL && error->sqlerrcode == ERRCODE_UNDEFINED_PARAMETER)
		error->hint = filter->n_arguments == 0
						  ? pstrdup("Give the values of $1, $2, ... in filter_args.")
						  : psprintf("filter_args gives values up to $%d.", filter->n_arguments);
	else if (error->hint == NULL && error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE &&
			 ERRCODE_TO_CATEGORY(error->sqlerrcode) ==
				 ERRCODE_TO_CATEGORY(ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION))
		error->hint = psprintf(RECO_FILTER_HINT, definition->items.name);
	ReThrowError(error);
}

/* reco_filter_check raises unless the filter is what it must be. */
static void
reco_filter_check(const RecoDefinition *definition, const RecoFilter *filter)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(context, "reco filter", ALLOCSET_DEFAULT_SIZES);
	ErrorContextCallback frame;

	frame.callback = reco_filter_context;
	frame.arg = unconstify(RecoFilter *, filter);
	frame.previous = error_context_stack;
	error_context_stack = &frame;
	PG_TRY();
	{
		MemoryContextSwitchTo(scratch);
		reco_filter_analyse(definition, filter, reco_filter_parse(definition, filter->expression));
	}
	PG_CATCH();
	{
		reco_filter_rethrow(definition, filter, context);
	}
	PG_END_TRY();
	error_context_stack = frame.previous;
	MemoryContextSwitchTo(context);
	MemoryContextDelete(scratch);
}

RecoPlan *
reco_filter_plan(const RecoDefinition *definition, const RecoFilter *filter)
{
	RecoPlan *plan = reco_plans_find(filter->sql, filter->n_arguments + 1, filter->type);

	if (plan != NULL && reco_plans_is_current(plan))
		return plan;
	reco_filter_check(definition, filter);
	if (plan != NULL)
		return plan;
	return reco_plans_prepare(filter->sql, filter->n_arguments + 1, filter->type);
}

/* reco_filter_arguments takes the elements of filter_args as text parameters, and leaves room for the keys. */
static void
reco_filter_arguments(RecoFilter *filter, ArrayType *args, Oid keys_type)
{
	Datum *element = NULL;
	bool *isnull = NULL;

	if (args != NULL)
		deconstruct_array(args, TEXTOID, -1, false, TYPALIGN_INT, &element, &isnull, &filter->n_arguments);
	/* SPI counts parameters in 16 bits, and the array of keys is one more */
	if (filter->n_arguments >= PG_INT16_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("filter_args holds %d values, more than %d", filter->n_arguments, PG_INT16_MAX - 1),
				 errhint("Pass a list as one value: id = ANY ($1::bigint[]).")));
	filter->value = palloc0((filter->n_arguments + 1) * sizeof(Datum));
	filter->isnull = palloc0((filter->n_arguments + 1) * sizeof(bool));
	filter->type = palloc((filter->n_arguments + 1) * sizeof(Oid));
	for (int i = 0; element != NULL && i < filter->n_arguments; i++)
	{
		filter->value[i] = element[i];
		filter->isnull[i] = isnull[i];
		filter->type[i] = TEXTOID;
	}
	filter->type[filter->n_arguments] = keys_type;
}

RecoFilter *
reco_reader_filter(const RecoDefinition *definition, const char *expression, ArrayType *args)
{
	RecoFilter *filter = palloc0(sizeof(RecoFilter));
	RecoReading reading;

	if (!OidIsValid(definition->items.relid))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("recommender \"%s\" has no items relation to filter", definition->name),
						errhint("Give it one: reco.alter_recommender(%s, items => ..., item_key => ...).",
								quote_literal_cstr(definition->name))));
	filter->expression = pstrdup(expression);
	reco_filter_arguments(filter, args, get_array_type(reco_key_lookup_type(definition->item_key.type)));
	filter->sql = reco_items_sql(definition, expression, filter->n_arguments + 1);
	filter->all_sql = reco_items_all_sql(definition, expression);
	reading = reco_items_begin_read(filter);
	(void) reco_filter_plan(definition, filter);
	reco_items_end_read(reading);
	return filter;
}
