/*
 * support.c
 *	  What the planner is told of functions that return lists.
 *
 * A list has at most k rows, and mostly exactly k; many lists have k rows a
 * user.  Where k or the users are not known while planning, the estimates
 * of the functions' definitions hold.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(reco_list_rows);
PG_FUNCTION_INFO_V1(reco_many_rows);

/* What k is when it is NULL, and how many users are taken for all. */
#define DEFAULT_K 10
#define DEFAULT_USERS 1000

/* rows_of_list gives the value of k, the only integer argument; negative when it is not known. */
static double
rows_of_list(const SupportRequestRows *request)
{
	const ListCell *cell;

	foreach (cell, castNode(FuncExpr, request->node)->args)
	{
		Node *argument = lfirst(cell);

		if (exprType(argument) != INT4OID)
			continue;
		argument = estimate_expression_value(request->root, argument);
		if (!IsA(argument, Const))
			return -1;
		return castNode(Const, argument)->constisnull
				   ? DEFAULT_K
				   : Max(DatumGetInt32(castNode(Const, argument)->constvalue), 1);
	}
	return -1;
}

/* users_of gives the number of elements of the array of users, the first array argument. */
static double
users_of(const SupportRequestRows *request)
{
	const ListCell *cell;

	foreach (cell, castNode(FuncExpr, request->node)->args)
	{
		Node *argument = lfirst(cell);
		ArrayType *array;

		if (!OidIsValid(get_element_type(exprType(argument))))
			continue;
		argument = estimate_expression_value(request->root, argument);
		if (IsA(argument, ArrayExpr))
			return list_length(castNode(ArrayExpr, argument)->elements);
		if (!IsA(argument, Const) || castNode(Const, argument)->constisnull)
			return DEFAULT_USERS;
		array = DatumGetArrayTypeP(castNode(Const, argument)->constvalue);
		return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	}
	return DEFAULT_USERS;
}

/* answer gives the planner an estimate, for the request that asks for one. */
static Datum
answer(FunctionCallInfo fcinfo, bool many)
{
	Node *node = (Node *) PG_GETARG_POINTER(0);
	SupportRequestRows *request;
	double rows;

	if (!IsA(node, SupportRequestRows) || !IsA(((SupportRequestRows *) node)->node, FuncExpr))
		PG_RETURN_POINTER(NULL);
	request = (SupportRequestRows *) node;
	rows = rows_of_list(request);
	if (rows < 0)
		PG_RETURN_POINTER(NULL);
	request->rows = many ? Max(rows * users_of(request), 1) : rows;
	PG_RETURN_POINTER(request);
}

/* Support of functions that return one list. */
Datum
reco_list_rows(PG_FUNCTION_ARGS)
{
	return answer(fcinfo, false);
}

/* Support of recommend_all(). */
Datum
reco_many_rows(PG_FUNCTION_ARGS)
{
	return answer(fcinfo, true);
}
