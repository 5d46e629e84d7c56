/*
 * commission_srf.c
 *	  distributor.commissions() and explain_commissions(): the engine as
 *	  set-returning functions.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "currency.h"
#include "engine.h"
#include "plan.h"
#include "refpath_selfuncs.h"

PG_FUNCTION_INFO_V1(distributor_commissions);
PG_FUNCTION_INFO_V1(distributor_explain_commissions);
PG_FUNCTION_INFO_V1(distributor_commissions_support);

/* Arguments of both. */
enum
{
	ARGUMENT_PLAN,
	ARGUMENT_PATH,
	ARGUMENT_AMOUNT,
	ARGUMENT_CURRENCY,
	ARGUMENT_STATES,
	ARGUMENT_RANKS,
	ARGUMENT_SALE
};

/* Columns of the results, in the order of their SQL declaration. */
enum
{
	COMMISSION_RULE,
	COMMISSION_LEVEL,
	COMMISSION_MEMBER_ID,
	COMMISSION_BASE,
	COMMISSION_RATE,
	COMMISSION_AMOUNT,
	COMMISSION_LINE,
	COMMISSION_BASIS,
	COMMISSION_NCOLUMNS
};

enum
{
	EXPLAINED_RULE,
	EXPLAINED_LINE,
	EXPLAINED_LEVEL,
	EXPLAINED_MEMBER_ID,
	EXPLAINED_BASIS,
	EXPLAINED_BASE,
	EXPLAINED_RATE,
	EXPLAINED_EXACT,
	EXPLAINED_AMOUNT,
	EXPLAINED_REASON,
	EXPLAINED_LIMITED_BY,
	EXPLAINED_EXPLANATION,
	EXPLAINED_NCOLUMNS
};

/*
 * What a call site keeps from row to row, in fn_extra.  The plan was compiled
 * from exactly these bytes, in plan_context, which is replaced when other
 * bytes come.
 */
typedef struct CallSite
{
	MemoryContext context;		/* of the call site */
	MemoryContext plan_context; /* NULL: no plan yet */
	struct varlena *source;		/* the plan's datum, detoasted but maybe packed */
	CommissionPlan *plan;
	Datum	   *names;			/* of the rules, as text */
	MemoryContext row_context;	/* of one row of the result */
	EngineResult result;
	TupleDesc	tupdesc;
} CallSite;

static CallSite *
call_site(FunctionCallInfo fcinfo, bool paid_only)
{
	int			ncolumns = paid_only ? COMMISSION_NCOLUMNS : EXPLAINED_NCOLUMNS;
	CallSite   *site = fcinfo->flinfo->fn_extra;
	MemoryContext old;
	TupleDesc	tupdesc;

	if (site != NULL)
		return site;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
		tupdesc->natts != ncolumns)
		elog(ERROR, "return type of a function of commissions does not match its library");

	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	site = palloc0(sizeof(CallSite));
	site->context = CurrentMemoryContext;
	site->tupdesc = CreateTupleDescCopy(tupdesc);
	engine_init(&site->result, CurrentMemoryContext);
	site->result.paid_only = paid_only;
	if (!paid_only)
		site->row_context = AllocSetContextCreate(CurrentMemoryContext, "explained commission",
												  ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(old);

	fcinfo->flinfo->fn_extra = site;
	return site;
}

static void
forget_plan(CallSite *site)
{
	if (site->plan_context != NULL)
		MemoryContextDelete(site->plan_context);
	site->plan_context = NULL;
	site->source = NULL;
	site->plan = NULL;
}

/* Compile the plan, unless it is the one that was compiled last. */
static void
use_plan(CallSite *site, struct varlena *source)
{
	MemoryContext old;

	if (site->plan != NULL &&
		VARSIZE_ANY(site->source) == VARSIZE_ANY(source) &&
		memcmp(site->source, source, VARSIZE_ANY(source)) == 0)
		return;

	forget_plan(site);
	site->plan_context = AllocSetContextCreate(site->context, "commission plan",
											   ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(site->plan_context);
	site->source = palloc(VARSIZE_ANY(source));
	memcpy(site->source, source, VARSIZE_ANY(source));
	site->plan = plan_compile(DatumGetJsonbP(PointerGetDatum(site->source)));
	site->names = palloc(sizeof(Datum) * site->plan->nrules);
	for (int i = 0; i < site->plan->nrules; i++)
		site->names[i] = CStringGetTextDatum(site->plan->rules[i].name);
	MemoryContextSwitchTo(old);
}

/* ---- arguments ---- */

static EngineState
parse_state(const text *word)
{
	const char *name = VARDATA_ANY(word);
	int			len = VARSIZE_ANY_EXHDR(word);

	if (len == 6 && memcmp(name, "active", 6) == 0)
		return ENGINE_ACTIVE;
	if (len == 6 && memcmp(name, "frozen", 6) == 0)
		return ENGINE_FROZEN;
	if (len == 4 && memcmp(name, "left", 4) == 0)
		return ENGINE_LEFT;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid member state \"%s\"", text_to_cstring(word)),
			 errhint("A state is \"active\", \"frozen\" or \"left\".")));
}

/*
 * States by level, for each of depth levels.  Elements count by their order,
 * whatever the array's lower bound; what lies beyond the path is checked and
 * not used.
 */
static EngineState *
parse_states(ArrayType *array, int depth)
{
	EngineState *states;
	Datum	   *words;
	bool	   *nulls;
	int			nwords;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("states must be a one-dimensional array"),
				 errdetail("The array has %d dimensions.", ARR_NDIM(array))));
	if (ARR_NDIM(array) == 0)
		return NULL;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &nwords);
	states = palloc(sizeof(EngineState) * Max(depth, 1));
	for (int i = 0; i < Max(nwords, depth); i++)
	{
		EngineState state = ENGINE_ACTIVE;

		if (i < nwords && !nulls[i])
			state = parse_state((text *) DatumGetPointer(words[i]));
		if (i < depth)
			states[i] = state;
	}
	return states;
}

/* Ranks by level, as positions in the plan, for each of depth levels. */
static int *
parse_ranks(const CommissionPlan *plan, ArrayType *array, int depth)
{
	int		   *positions;
	Datum	   *words;
	bool	   *nulls;
	int			nwords;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ranks must be a one-dimensional array"),
				 errdetail("The array has %d dimensions.", ARR_NDIM(array))));
	if (ARR_NDIM(array) == 0 || !plan->uses_rank)
		return NULL;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &nwords);
	positions = palloc0(sizeof(int) * Max(depth, 1));
	for (int i = 0; i < Min(nwords, depth); i++)
	{
		const text *word = (const text *) DatumGetPointer(words[i]);

		if (!nulls[i])
			positions[i] = plan_find_rank(plan, VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word));
	}
	return positions;
}

static void
parse_currency(FunctionCallInfo fcinfo, const CommissionPlan *plan, EngineSale *sale)
{
	sale->scale = CURRENCY_DEFAULT_SCALE;
	if (PG_ARGISNULL(ARGUMENT_CURRENCY))
		return;
	sale->currency = text_to_cstring(PG_GETARG_TEXT_PP(ARGUMENT_CURRENCY));
	sale->scale = plan_currency_scale(plan, sale->currency);
}

static void
run_sale(FunctionCallInfo fcinfo, CallSite *site, EngineSale *sale)
{
	int64	   *ids;

	memset(sale, 0, sizeof(EngineSale));
	sale->depth = refpath_decode(PG_GETARG_REFPATH_PP(ARGUMENT_PATH), &ids);
	sale->ids = ids;
	sale->amount = PG_GETARG_NUMERIC(ARGUMENT_AMOUNT);
	parse_currency(fcinfo, site->plan, sale);
	if (!PG_ARGISNULL(ARGUMENT_STATES))
		sale->states = parse_states(PG_GETARG_ARRAYTYPE_P(ARGUMENT_STATES), sale->depth);
	if (!PG_ARGISNULL(ARGUMENT_RANKS))
		sale->rank_positions = parse_ranks(site->plan, PG_GETARG_ARRAYTYPE_P(ARGUMENT_RANKS), sale->depth);
	if (!PG_ARGISNULL(ARGUMENT_SALE))
		engine_read_facts(sale, PG_GETARG_JSONB_P(ARGUMENT_SALE));
	engine_run(site->plan, sale, &site->result);
}

/* ---- result ---- */

/*
 * A tuplestore of our own making, as the caller would build one row by row
 * otherwise.  No descriptor is handed out: the caller would free it, and a new
 * one for each row is what a LATERAL join cannot afford.
 */
static Tuplestorestate *
start_result(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	if (!(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("materialize mode required, but it is not allowed in this context")));

	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
											  false, work_mem);
	rsinfo->setDesc = NULL;
	MemoryContextSwitchTo(old);
	return rsinfo->setResult;
}

static void
put_numeric(Datum *values, bool *nulls, int column, Numeric value)
{
	values[column] = NumericGetDatum(value);
	nulls[column] = value == NULL;
}

static void
put_payment(Tuplestorestate *store, const CallSite *site, const EngineLine *line)
{
	Datum		values[COMMISSION_NCOLUMNS];
	bool		nulls[COMMISSION_NCOLUMNS] = {false};

	values[COMMISSION_RULE] = site->names[line->rule->index];
	values[COMMISSION_LEVEL] = Int32GetDatum(line->level);
	values[COMMISSION_MEMBER_ID] = Int64GetDatum(line->member_id);
	put_numeric(values, nulls, COMMISSION_BASE, line->base);
	put_numeric(values, nulls, COMMISSION_RATE, line->rate);
	values[COMMISSION_AMOUNT] = NumericGetDatum(line->amount);
	values[COMMISSION_LINE] = Int32GetDatum(line->line);
	values[COMMISSION_BASIS] = Int32GetDatum(line->basis);
	tuplestore_putvalues(store, site->tupdesc, values, nulls);
}

static void
put_explained(Tuplestorestate *store, const CallSite *site, const EngineSale *sale,
			  const EngineLine *line)
{
	Datum		values[EXPLAINED_NCOLUMNS];
	bool		nulls[EXPLAINED_NCOLUMNS] = {false};
	const char *limit = engine_limit_code(line->limited_by);
	MemoryContext old = MemoryContextSwitchTo(site->row_context);
	char	   *member = line->member_id < 0 ? NULL : psprintf(INT64_FORMAT, line->member_id);

	values[EXPLAINED_RULE] = site->names[line->rule->index];
	values[EXPLAINED_LINE] = Int32GetDatum(line->line);
	values[EXPLAINED_LEVEL] = Int32GetDatum(line->level);
	nulls[EXPLAINED_LEVEL] = line->level < 0;
	values[EXPLAINED_MEMBER_ID] = Int64GetDatum(line->member_id);
	nulls[EXPLAINED_MEMBER_ID] = line->member_id < 0;
	values[EXPLAINED_BASIS] = Int32GetDatum(line->basis);
	put_numeric(values, nulls, EXPLAINED_BASE, line->base);
	put_numeric(values, nulls, EXPLAINED_RATE, line->rate);
	put_numeric(values, nulls, EXPLAINED_EXACT, line->exact);
	values[EXPLAINED_AMOUNT] = NumericGetDatum(line->amount);
	values[EXPLAINED_REASON] = CStringGetTextDatum(engine_reason_code(line->reason));
	nulls[EXPLAINED_LIMITED_BY] = limit == NULL;
	values[EXPLAINED_LIMITED_BY] = limit == NULL ? (Datum) 0 : CStringGetTextDatum(limit);
	values[EXPLAINED_EXPLANATION] =
		CStringGetTextDatum(engine_explain(line, sale, member, sale->currency));
	tuplestore_putvalues(store, site->tupdesc, values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(site->row_context);
}

static void
return_lines(FunctionCallInfo fcinfo, bool paid_only)
{
	Tuplestorestate *store = start_result(fcinfo);
	CallSite   *site;
	EngineSale	sale;

	if (PG_ARGISNULL(ARGUMENT_PLAN))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("plan must not be null")));
	if (PG_ARGISNULL(ARGUMENT_PATH) || PG_ARGISNULL(ARGUMENT_AMOUNT))
		return;

	site = call_site(fcinfo, paid_only);
	use_plan(site, PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(ARGUMENT_PLAN)));
	run_sale(fcinfo, site, &sale);
	for (int i = 0; i < site->result.nlines; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (paid_only)
			put_payment(store, site, &site->result.lines[i]);
		else
			put_explained(store, site, &sale, &site->result.lines[i]);
	}
}

/*
 * commissions(plan jsonb, path refpath, amount numeric, currency text,
 *			   states text[], ranks text[], sale jsonb)
 */
Datum
distributor_commissions(PG_FUNCTION_ARGS)
{
	return_lines(fcinfo, true);
	return (Datum) 0;
}

/* The same with every line of the plan, paid or not, and why. */
Datum
distributor_explain_commissions(PG_FUNCTION_ARGS)
{
	return_lines(fcinfo, false);
	return (Datum) 0;
}

/* ---- planner ---- */

/*
 * How many rows?  As many as a constant plan has lines, for the levels that
 * the path is expected to have.
 */
static bool
estimate_rows(SupportRequestRows *request)
{
	List	   *args;
	Node	   *plan;
	double		depth;
	double		lines;

	if (!is_funcclause(request->node))
		return false;
	args = ((FuncExpr *) request->node)->args;
	plan = linitial(args);
	plan = estimate_expression_value(request->root, plan);
	if (!IsA(plan, Const) || ((Const *) plan)->constisnull ||
		((Const *) plan)->consttype != JSONBOID)
		return false;

	depth = refpath_expected_depth(request->root, request->funcid, lsecond(args));
	lines = plan_estimate_lines(DatumGetJsonbP(((Const *) plan)->constvalue), depth);
	request->rows = Max(lines, 1);
	return true;
}

Datum
distributor_commissions_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);

	if (IsA(request, SupportRequestRows) &&
		estimate_rows((SupportRequestRows *) request))
		PG_RETURN_POINTER(request);
	PG_RETURN_POINTER(NULL);
}
