/*
 * refpath_planner.c
 *	  Planner support of refpath's operators: containment by B-tree.
 *
 * A team is contiguous in pre-order, so a B-tree answers
 *
 *		path <@ X		path >= X and path < path_upper(X)
 *		path << X		path >  X and path < path_upper(X)
 *
 * exactly, whatever X is: a constant, a parameter, a column of another table.
 * The commutators X @> path and X >> path give the same conditions.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "access/nbtree.h"
#include "catalog/pg_am.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "refpath.h"

PG_FUNCTION_INFO_V1(refpath_contains_support);
PG_FUNCTION_INFO_V1(refpath_contained_support);
PG_FUNCTION_INFO_V1(refpath_above_support);
PG_FUNCTION_INFO_V1(refpath_below_support);

extern PGDLLEXPORT Datum refpath_cmp(PG_FUNCTION_ARGS);

/* Does the index column stand in the order that the team is contiguous in? */
static bool
orders_as_refpath(SupportRequestIndexCondition *req, Oid type)
{
	Oid			cmp;
	FmgrInfo	flinfo;

	if (req->index->relam != BTREE_AM_OID ||
		req->index->opcintype[req->indexcol] != type)
		return false;
	cmp = get_opfamily_proc(req->opfamily, type, type, BTORDER_PROC);
	if (!OidIsValid(cmp))
		return false;
	fmgr_info(cmp, &flinfo);
	return flinfo.fn_addr == refpath_cmp;
}

/*
 * path_upper(X).  The function is looked up beside the operator's own, without
 * asking whether the user may use the schema: the user need not name it.
 */
static Expr *
upper_of(Oid funcid, Node *path, Oid type)
{
	oidvector  *argtypes;
	Oid			upper;

	if (IsA(path, Const) && !((Const *) path)->constisnull)
	{
		RefPath    *bound = refpath_upper(DatumGetRefPathPP(((Const *) path)->constvalue));

		return (Expr *) makeConst(type, -1, InvalidOid, -1,
								  PointerGetDatum(bound), false, false);
	}

	argtypes = buildoidvector(&type, 1);
	upper = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
							CStringGetDatum("path_upper"),
							PointerGetDatum(argtypes),
							ObjectIdGetDatum(get_func_namespace(funcid)));
	if (!OidIsValid(upper))
		elog(ERROR, "function path_upper(%u) is missing", type);
	return (Expr *) makeFuncExpr(upper, type, list_make1(copyObject(path)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

static Expr *
condition(SupportRequestIndexCondition *req, int strategy, Node *column, Expr *bound, Oid type)
{
	Oid			op = get_opfamily_member(req->opfamily, type, type, strategy);

	if (!OidIsValid(op))
		elog(ERROR, "missing operator %d(%u,%u) in opfamily %u",
			 strategy, type, type, req->opfamily);
	return make_opclause(op, BOOLOID, false, (Expr *) copyObject(column), bound,
						 InvalidOid, InvalidOid);
}

/*
 * The range of X's team, for an operator or function whose argument 'lower' is
 * the path that is to lie in it; NIL where the index or X does not suit.
 */
static List *
team_range(SupportRequestIndexCondition *req, int lower, bool strict)
{
	List	   *args;
	Node	   *column;
	Node	   *base;
	Oid			type;

	if (is_opclause(req->node))
		args = ((OpExpr *) req->node)->args;
	else if (is_funcclause(req->node))
		args = ((FuncExpr *) req->node)->args;
	else
		return NIL;
	if (req->indexarg != lower || list_length(args) != 2)
		return NIL;

	column = (Node *) list_nth(args, lower);
	base = (Node *) list_nth(args, 1 - lower);
	type = exprType(base);
	if (!orders_as_refpath(req, type) ||
		!is_pseudo_constant_for_index(req->root, base, req->index))
		return NIL;

	req->lossy = false;
	return list_make2(condition(req,
								strict ? BTGreaterStrategyNumber : BTGreaterEqualStrategyNumber,
								column, (Expr *) copyObject(base), type),
					  condition(req, BTLessStrategyNumber, column,
								upper_of(req->funcid, base, type), type));
}

static Node *
team_support(Node *rawreq, int lower, bool strict)
{
	if (IsA(rawreq, SupportRequestIndexCondition))
		return (Node *) team_range((SupportRequestIndexCondition *) rawreq,
								   lower, strict);
	return NULL;
}

Datum
refpath_contains_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(team_support((Node *) PG_GETARG_POINTER(0), 1, false));
}

Datum
refpath_contained_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(team_support((Node *) PG_GETARG_POINTER(0), 0, false));
}

Datum
refpath_above_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(team_support((Node *) PG_GETARG_POINTER(0), 1, true));
}

Datum
refpath_below_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(team_support((Node *) PG_GETARG_POINTER(0), 0, true));
}
