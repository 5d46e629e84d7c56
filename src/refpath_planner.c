/*
 * refpath_planner.c
 *	  Planner support of refpath's operators: containment by B-tree.
 *
 * A team is contiguous in pre-order, and what is above a path is one path for
 * each of its members.  So a B-tree answers
 *
 *		path <@ X		path >= X and path < path_upper(X)
 *		path << X		path >  X and path < path_upper(X)
 *		path @> X		path = ANY (ancestors_or_self(X))
 *		path >> X		path = ANY (ancestors(X))
 *
 * exactly, whatever X is: a constant, a parameter, a column of another table.
 * The commutators with X on the left give the same conditions, and so do the
 * function forms of the operators, which are also estimated like them.
 *
 * The lists are for the leading column of an index alone.  The server looks
 * for lists on later columns, which make an index scan return rows out of
 * order, only among the conditions of the query, not among those that come
 * from here: it would leave out a Sort that is needed.
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

#include "refpath_selfuncs.h"

/*
 * A constant's list is made while planning, so that its length is known and
 * EXPLAIN shows it; a longer one only when the query runs.
 */
#define PLANNED_LIST_MAX		256

PG_FUNCTION_INFO_V1(refpath_support);

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
 * A function of X that stands beside the operator's own.  It is looked up
 * without asking whether the user may use the schema: the user need not name
 * it.
 */
static Expr *
call_sibling(Oid funcid, const char *name, Oid result, Node *path, Oid type)
{
	oidvector  *argtypes = buildoidvector(&type, 1);
	Oid			sibling = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
										  CStringGetDatum(name),
										  PointerGetDatum(argtypes),
										  ObjectIdGetDatum(get_func_namespace(funcid)));

	if (!OidIsValid(sibling))
		elog(ERROR, "function %s(%u) is missing", name, type);
	return (Expr *) makeFuncExpr(sibling, result, list_make1(copyObject(path)),
								 InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);
}

static bool
is_known(Node *path)
{
	return IsA(path, Const) && !((Const *) path)->constisnull;
}

static RefPath *
known_path(Node *path)
{
	return DatumGetRefPathPP(((Const *) path)->constvalue);
}

static Expr *
upper_of(Oid funcid, Node *path, Oid type)
{
	if (is_known(path))
		return (Expr *) makeConst(type, -1, InvalidOid, -1,
								  PointerGetDatum(refpath_upper(known_path(path))),
								  false, false);
	return call_sibling(funcid, "path_upper", type, path, type);
}

/* The paths above X as an array; NULL if there are too many for one. */
static Expr *
ancestors_of(Oid funcid, Node *path, bool strict, Oid type)
{
	Oid			array_type = get_array_type(type);

	if (!OidIsValid(array_type))
		return NULL;
	if (is_known(path))
	{
		RefPathBytes bytes = refpath_bytes(known_path(path));

		if (!refpath_ancestors_fit(bytes))
			return NULL;
		if (bytes.len <= PLANNED_LIST_MAX)
			return (Expr *) makeConst(array_type, -1, InvalidOid, -1,
									  PointerGetDatum(refpath_ancestors_array(bytes, strict, type)),
									  false, false);
	}
	return call_sibling(funcid, strict ? "ancestors" : "ancestors_or_self",
						array_type, path, type);
}

/* A class with our comparison may still lack an operator: InvalidOid. */
static Oid
operator_of(SupportRequestIndexCondition *req, int strategy, Oid type)
{
	return get_opfamily_member(req->opfamily, type, type, strategy);
}

/* The range of X's team. */
static List *
team_range(SupportRequestIndexCondition *req, Node *column, Node *base, bool strict, Oid type)
{
	Oid			from = operator_of(req, strict ? BTGreaterStrategyNumber : BTGreaterEqualStrategyNumber, type);
	Oid			below = operator_of(req, BTLessStrategyNumber, type);

	if (!OidIsValid(from) || !OidIsValid(below))
		return NIL;
	return list_make2(make_opclause(from, BOOLOID, false,
									(Expr *) copyObject(column),
									(Expr *) copyObject(base),
									InvalidOid, InvalidOid),
					  make_opclause(below, BOOLOID, false,
									(Expr *) copyObject(column),
									upper_of(req->funcid, base, type),
									InvalidOid, InvalidOid));
}

/* The list of the paths above X. */
static List *
upline_list(SupportRequestIndexCondition *req, Node *column, Node *path, bool strict, Oid type)
{
	ScalarArrayOpExpr *clause;
	Oid			equal = operator_of(req, BTEqualStrategyNumber, type);
	Expr	   *array;

	if (req->indexcol != 0 || !OidIsValid(equal))
		return NIL;
	array = ancestors_of(req->funcid, path, strict, type);
	if (array == NULL)
		return NIL;

	clause = makeNode(ScalarArrayOpExpr);
	clause->opno = equal;
	clause->opfuncid = get_opcode(clause->opno);
	clause->useOr = true;
	clause->args = list_make2(copyObject(column), array);
	clause->location = -1;
	return list_make1(clause);
}

/*
 * Conditions for an index column that is one of the two arguments; NIL where
 * the index or the other argument does not suit.
 */
static List *
index_conditions(SupportRequestIndexCondition *req)
{
	RefPathTest test;
	List	   *args;
	Node	   *column;
	Node	   *other;
	Oid			type;

	if (is_opclause(req->node))
		args = ((OpExpr *) req->node)->args;
	else if (is_funcclause(req->node))
		args = ((FuncExpr *) req->node)->args;
	else
		return NIL;
	if (list_length(args) != 2 ||
		!refpath_test_of(req->funcid, &test) || test.by_id)
		return NIL;

	column = (Node *) list_nth(args, req->indexarg);
	other = (Node *) list_nth(args, 1 - req->indexarg);
	type = exprType(other);
	if (!orders_as_refpath(req, type) ||
		!is_pseudo_constant_for_index(req->root, other, req->index))
		return NIL;

	req->lossy = false;
	if (req->indexarg == test.upper)
		return upline_list(req, column, other, test.strict, type);
	return team_range(req, column, other, test.strict, type);
}

/* For the function forms; operators have estimators of their own. */
static bool
estimate(SupportRequestSelectivity *req)
{
	RefPathTest test;

	if (!refpath_test_of(req->funcid, &test))
		return false;
	if (req->is_join)
		req->selectivity = refpath_join(req->root, req->funcid, &test, req->args,
										req->jointype, req->sjinfo);
	else
		req->selectivity = refpath_restriction(req->root, req->funcid, &test, req->args,
											   req->varRelid);
	return true;
}

Datum
refpath_support(PG_FUNCTION_ARGS)
{
	Node	   *rawreq = (Node *) PG_GETARG_POINTER(0);

	if (IsA(rawreq, SupportRequestIndexCondition))
		PG_RETURN_POINTER(index_conditions((SupportRequestIndexCondition *) rawreq));
	if (IsA(rawreq, SupportRequestSelectivity) &&
		estimate((SupportRequestSelectivity *) rawreq))
		PG_RETURN_POINTER(rawreq);
	PG_RETURN_POINTER(NULL);
}
