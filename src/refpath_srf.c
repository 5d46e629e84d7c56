/*
 * refpath_srf.c
 *	  uplines(): the members above a path's own, nearest first, with their level.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"

#include "refpath_selfuncs.h"

PG_FUNCTION_INFO_V1(refpath_uplines);
PG_FUNCTION_INFO_V1(refpath_uplines_support);

/* One call of uplines(): next level to return, of those up to 'levels'. */
typedef struct UplinesState
{
	int64	   *ids;			/* the whole path, root first */
	int			depth;			/* members in ids; levels <= depth - 1 */
	int			levels;			/* levels to return, from 1 */
} UplinesState;

static UplinesState *
uplines_start(FunctionCallInfo fcinfo)
{
	UplinesState *state = (UplinesState *) palloc0(sizeof(UplinesState));

	if (!PG_ARGISNULL(1) && PG_GETARG_INT32(1) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_levels must not be negative"),
				 errdetail("The number given is %d.", PG_GETARG_INT32(1)),
				 errhint("Use NULL for all levels.")));
	if (PG_ARGISNULL(0))
		return state;

	state->depth = refpath_decode(PG_GETARG_REFPATH_PP(0), &state->ids);
	state->levels = Max(state->depth - 1, 0);
	if (!PG_ARGISNULL(1))
		state->levels = Min(state->levels, PG_GETARG_INT32(1));
	return state;
}

Datum
refpath_uplines(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;
	UplinesState *state;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext oldcontext;
		TupleDesc	tupdesc;

		funcctx = SRF_FIRSTCALL_INIT();
		oldcontext = MemoryContextSwitchTo(funcctx->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		funcctx->tuple_desc = BlessTupleDesc(tupdesc);
		funcctx->user_fctx = uplines_start(fcinfo);
		MemoryContextSwitchTo(oldcontext);
	}

	funcctx = SRF_PERCALL_SETUP();
	state = (UplinesState *) funcctx->user_fctx;
	if (funcctx->call_cntr < (uint64) state->levels)
	{
		int			level = (int) funcctx->call_cntr + 1;
		Datum		values[2];
		bool		nulls[2] = {false, false};
		HeapTuple	tuple;

		values[0] = Int32GetDatum(level);
		values[1] = Int64GetDatum(state->ids[state->depth - 1 - level]);
		tuple = heap_form_tuple(funcctx->tuple_desc, values, nulls);
		SRF_RETURN_NEXT(funcctx, HeapTupleGetDatum(tuple));
	}
	SRF_RETURN_DONE(funcctx);
}

/* A constant argument's value, also where it becomes constant by folding. */
static Const *
known_argument(PlannerInfo *root, List *args, int n)
{
	Node	   *arg;

	if (list_length(args) <= n)
		return NULL;
	arg = (Node *) list_nth(args, n);
	if (root != NULL)
		arg = estimate_expression_value(root, arg);
	return IsA(arg, Const) ? (Const *) arg : NULL;
}

/* As many as the path has members, but for its own: the column's average. */
static double
estimate_uplines(PlannerInfo *root, FuncExpr *call)
{
	Const	   *path = known_argument(root, call->args, 0);
	Const	   *max_levels = known_argument(root, call->args, 1);
	double		rows;

	if (path != NULL && path->constisnull)
		return 0;
	rows = refpath_expected_depth(root, call->funcid, linitial(call->args)) - 1;
	if (max_levels != NULL && !max_levels->constisnull && max_levels->consttype == INT4OID)
		rows = Min(rows, DatumGetInt32(max_levels->constvalue));
	return Max(rows, 0);
}

Datum
refpath_uplines_support(PG_FUNCTION_ARGS)
{
	Node	   *rawreq = (Node *) PG_GETARG_POINTER(0);

	if (IsA(rawreq, SupportRequestRows))
	{
		SupportRequestRows *req = (SupportRequestRows *) rawreq;

		if (req->node != NULL && IsA(req->node, FuncExpr))
		{
			req->rows = estimate_uplines(req->root, (FuncExpr *) req->node);
			PG_RETURN_POINTER(req);
		}
	}
	PG_RETURN_POINTER(NULL);
}
