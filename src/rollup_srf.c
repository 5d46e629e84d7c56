/*
 * rollup_srf.c
 *	  team_rollup() and rollup_members(): the rollup as set-returning functions.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "rollup_query.h"
#include "rollup_row.h"
#include "rollup_state.h"

PG_FUNCTION_INFO_V1(distributor_team_rollup);
PG_FUNCTION_INFO_V1(distributor_rollup_members);


#define FIRST_ARRAY				1024

/*
 * Kilobytes of the result that are kept in memory, at most.  Writing more of
 * it to a file takes no longer than touching as much new memory, and reading
 * it back no longer than finding it out of the processor's cache.
 */
#define RESULT_MEMORY			(16 * 1024)

/* Columns of the result, in the order of their SQL declaration. */
enum
{
	ROLLUP_MEMBER_ID,
	ROLLUP_PATH,
	ROLLUP_DEPTH,
	ROLLUP_INPUT_ROWS,
	ROLLUP_TEAM_SIZE,
	ROLLUP_FRONTLINE,
	ROLLUP_DEEPEST,
	ROLLUP_PERSONAL,
	ROLLUP_TEAM,
	ROLLUP_LARGEST_LEG,
	ROLLUP_OTHER_LEGS,
	ROLLUP_LEGS_AT_LEAST,
	ROLLUP_BY_LEVEL,
	ROLLUP_NCOLUMNS
};

/* Arguments of both functions: the first says what is rolled up. */
enum
{
	ARG_INPUT,
	ARG_LEGS,
	ARG_LEG_THRESHOLD,
	ARG_LEVELS,
	ARG_FIRST_PARAMETER
};

/* Where members go: the store spills to disk, all else is of one member. */
typedef struct RollupResult
{
	Tuplestorestate *store;
	TupleDesc	columns;
	RollupRow	row;
	ArrayType  *array;			/* the last one made for a row */
	Size		narray;			/* what is allocated for it */
	ArrayType  *zeros;			/* a zero for each column of volumes */
	ArrayType  *no_legs;		/* the same as int8 */
	ArrayType  *no_levels;
} RollupResult;

/* ---- arguments ---- */

static int
parse_levels(FunctionCallInfo fcinfo)
{
	int			levels = PG_ARGISNULL(ARG_LEVELS) ? 0 : PG_GETARG_INT32(ARG_LEVELS);

	if (levels < 0 || levels > ROLLUP_MAX_LEVELS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("levels must be between 0 and %d", ROLLUP_MAX_LEVELS),
				 errdetail("The number given is %d.", levels),
				 errhint("The whole team is in the column \"team\", however deep it is.")));
	return levels;
}

static RollupOptions
parse_options(FunctionCallInfo fcinfo)
{
	RollupOptions options = {0};

	options.nlevels = parse_levels(fcinfo);
	options.legs = !PG_ARGISNULL(ARG_LEGS) && PG_GETARG_BOOL(ARG_LEGS);
	if (!PG_ARGISNULL(ARG_LEG_THRESHOLD))
	{
		MoneySum   *threshold = palloc(sizeof(MoneySum));

		if (!money_sum_of_numeric(threshold, PG_GETARG_NUMERIC(ARG_LEG_THRESHOLD)))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("leg_threshold must be finite")));
		options.threshold = threshold;
		options.legs = true;
	}
	return options;
}

static void
set_parameter(ParamListInfo params, int n, Oid type, Datum value, bool isnull)
{
	ParamExternData *param = &params->params[n];

	/* as EXECUTE ... USING has it: a literal without a type is text */
	if (type == UNKNOWNOID)
	{
		type = TEXTOID;
		if (!isnull)
			value = CStringGetTextDatum(DatumGetCString(value));
	}
	param->ptype = type;
	param->value = value;
	param->isnull = isnull;
	param->pflags = PARAM_FLAG_CONST;
}

/* $1 and so on from VARIADIC array */
static ParamListInfo
parameters_of_array(FunctionCallInfo fcinfo)
{
	ParamListInfo params;
	ArrayType  *array;
	Oid			type;
	int16		typlen;
	bool		typbyval;
	char		typalign;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	if (PG_ARGISNULL(ARG_FIRST_PARAMETER))
		return NULL;
	array = PG_GETARG_ARRAYTYPE_P(ARG_FIRST_PARAMETER);
	type = ARR_ELEMTYPE(array);
	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	deconstruct_array(array, type, typlen, typbyval, typalign, &values, &nulls, &n);
	params = makeParamList(n);
	for (int i = 0; i < n; i++)
		set_parameter(params, i, type, values[i], nulls[i]);
	return params;
}

/* $1 and so on of the query; NULL where none are given. */
static ParamListInfo
parse_parameters(FunctionCallInfo fcinfo)
{
	ParamListInfo params;
	int			n = PG_NARGS() - ARG_FIRST_PARAMETER;

	if (n <= 0)
		return NULL;
	if (get_fn_expr_variadic(fcinfo->flinfo))
		return parameters_of_array(fcinfo);
	params = makeParamList(n);
	for (int i = 0; i < n; i++)
	{
		int			arg = ARG_FIRST_PARAMETER + i;

		set_parameter(params, i, get_fn_expr_argtype(fcinfo->flinfo, arg),
					  PG_GETARG_DATUM(arg), PG_ARGISNULL(arg));
	}
	return params;
}

/* ---- result ---- */

static void
start_result(FunctionCallInfo fcinfo, RollupResult *result)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TupleDesc	columns;
	MemoryContext old;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	if (!(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("materialize mode required, but it is not allowed in this context")));
	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE ||
		columns->natts != ROLLUP_NCOLUMNS)
		elog(ERROR, "return type of a function of rollups does not match its library");

	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
											  false, Min(work_mem, RESULT_MEMORY));
	rsinfo->setDesc = CreateTupleDescCopy(columns);
	MemoryContextSwitchTo(old);

	memset(result, 0, sizeof(RollupResult));
	result->store = rsinfo->setResult;
	result->columns = rsinfo->setDesc;
}

/* Room for an array of so many bytes, in place of the one before. */
static ArrayType *
next_array(RollupResult *result, Size size)
{
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("volumes of a member are too large for an array")));
	if (size > result->narray)
	{
		pfree(result->array);
		result->narray = Min(2 * size, MaxAllocSize);
		result->array = palloc(result->narray);
	}
	return result->array;
}

/*
 * numeric[] of the sums; with nrows > 0, of so many rows of them.  It is valid
 * until the next one.
 */
static ArrayType *
sums_array(RollupResult *result, const MoneySum *sums, int nrows, int ncolumns)
{
	int			nsums = Max(nrows, 1) * ncolumns;
	int			ndims = nrows > 0 ? 2 : 1;
	Size		size = ARR_OVERHEAD_NONULLS(ndims);
	ArrayType  *array;
	char	   *out;

	for (int i = 0; i < nsums; i++)
		size += INTALIGN(money_sum_size(&sums[i]));
	array = next_array(result, size);
	array->ndim = ndims;
	array->dataoffset = 0;
	array->elemtype = NUMERICOID;
	for (int i = 0; i < ndims; i++)
		ARR_LBOUND(array)[i] = 1;
	if (nrows > 0)
		ARR_DIMS(array)[0] = nrows;
	ARR_DIMS(array)[ndims - 1] = ncolumns;

	out = ARR_DATA_PTR(array);
	for (int i = 0; i < nsums; i++)
	{
		char	   *end = out + money_sum_write(&sums[i], out);

		out = (char *) INTALIGN(end);
		memset(end, 0, out - end);
	}
	SET_VARSIZE(array, out - (char *) array);
	return array;
}

static ArrayType *
counts_array(const int64 *counts, int n)
{
	Datum		elements[ROLLUP_MAX_COLUMNS];

	for (int i = 0; i < n; i++)
		elements[i] = Int64GetDatum(counts[i]);
	return construct_array(elements, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

static void
put_array(RollupResult *result, const ArrayType *array, char align)
{
	rollup_row_bytes(&result->row, VARDATA(array), VARSIZE(array) - VARHDRSZ, align);
}

/* Most members bought nothing, and most have no legs: one array for them all. */
static ArrayType *
volumes_array(RollupResult *result, const MoneySum *sums, int ncolumns)
{
	for (int i = 0; i < ncolumns; i++)
		if (!money_sum_is_zero(&sums[i]))
			return sums_array(result, sums, 0, ncolumns);
	return result->zeros;
}

static void
put_volumes(RollupResult *result, const RollupMember *member, int ncolumns)
{
	ArrayType  *personal = volumes_array(result, member->personal, ncolumns);

	put_array(result, personal, TYPALIGN_INT);
	put_array(result, member->frontline == 0 ? personal
			  : volumes_array(result, member->team, ncolumns), TYPALIGN_INT);
}

/* The legs but for the largest: what the member and that one do not account for. */
static void
put_other_legs(RollupResult *result, const RollupMember *member, int ncolumns)
{
	MoneySum	sums[ROLLUP_MAX_COLUMNS];

	if (member->frontline < 2)
	{
		put_array(result, result->zeros, TYPALIGN_INT);
		return;
	}
	memset(sums, 0, sizeof(MoneySum) * ncolumns);
	for (int i = 0; i < ncolumns; i++)
	{
		money_sum_add(&sums[i], &member->team[i]);
		money_sum_subtract(&sums[i], &member->personal[i]);
		money_sum_subtract(&sums[i], &member->largest_leg[i]);
	}
	put_array(result, volumes_array(result, sums, ncolumns), TYPALIGN_INT);
	for (int i = 0; i < ncolumns; i++)
		money_sum_clear(&sums[i]);
}

static void
put_legs(RollupResult *result, const RollupMember *member, const RollupOptions *options)
{
	if (options->legs)
	{
		put_array(result, volumes_array(result, member->largest_leg, options->ncolumns), TYPALIGN_INT);
		put_other_legs(result, member, options->ncolumns);
	}
	if (options->threshold == NULL)
		return;
	if (member->frontline == 0)
		put_array(result, result->no_legs, TYPALIGN_DOUBLE);
	else
	{
		ArrayType  *counts = counts_array(member->legs_at_least, options->ncolumns);

		put_array(result, counts, TYPALIGN_DOUBLE);
		pfree(counts);
	}
}

static void
put_levels(RollupResult *result, const Rollup *rollup, const RollupMember *member,
		   const RollupOptions *options)
{
	int			nlevels = rollup_levels_of(rollup, member);

	if (options->nlevels == 0)
		return;
	if (nlevels == 0 || options->ncolumns == 0)
		put_array(result, result->no_levels, TYPALIGN_INT);
	else
		put_array(result, sums_array(result, rollup_level(rollup, member, 1), nlevels, options->ncolumns),
				  TYPALIGN_INT);
}

/* A RollupEmit: the columns in the order of their SQL declaration. */
static void
put_member(const Rollup *rollup, const RollupMember *member, RefPathBytes path, int depth, void *arg)
{
	RollupResult *result = (RollupResult *) arg;
	const RollupOptions *options = rollup_options(rollup);
	RollupRow  *row = &result->row;

	rollup_row_start(row);
	rollup_row_int8(row, refpath_decode_id(path.data + member->code));
	rollup_row_bytes(row, path.data, path.len, TYPALIGN_INT);
	rollup_row_int4(row, depth);
	rollup_row_int8(row, member->input_rows);
	rollup_row_int8(row, member->team_size);
	rollup_row_int8(row, member->frontline);
	rollup_row_int4(row, member->deepest);
	put_volumes(result, member, options->ncolumns);
	put_legs(result, member, options);
	put_levels(result, rollup, member, options);
	tuplestore_puttuple(result->store, rollup_row_end(row));
}

static Rollup *
start_rollup(RollupResult *result, const RollupOptions *options)
{
	MoneySum	zeros[ROLLUP_MAX_COLUMNS] = {{0}};
	int64		none[ROLLUP_MAX_COLUMNS] = {0};
	bool		nulls[ROLLUP_NCOLUMNS] = {false};

	nulls[ROLLUP_LARGEST_LEG] = !options->legs;
	nulls[ROLLUP_OTHER_LEGS] = !options->legs;
	nulls[ROLLUP_LEGS_AT_LEAST] = options->threshold == NULL;
	nulls[ROLLUP_BY_LEVEL] = options->nlevels == 0;
	rollup_row_begin(&result->row, ROLLUP_NCOLUMNS, nulls);

	result->no_legs = counts_array(none, options->ncolumns);
	result->no_levels = construct_empty_array(NUMERICOID);
	result->zeros = result->no_levels;
	result->narray = FIRST_ARRAY;
	result->array = palloc(FIRST_ARRAY);
	if (options->ncolumns > 0)
		result->zeros = (ArrayType *)
			PG_DETOAST_DATUM_COPY(PointerGetDatum(sums_array(result, zeros, 0, options->ncolumns)));
	return rollup_begin(options, put_member, result);
}

/* ---- functions ---- */

static Oid
path_type(const RollupResult *result)
{
	return TupleDescAttr(result->columns, ROLLUP_PATH)->atttypid;
}

/*
 * team_rollup(query text, legs bool, leg_threshold numeric, levels int
 *			   [, VARIADIC "any"])
 */
Datum
distributor_team_rollup(PG_FUNCTION_ARGS)
{
	RollupResult result;
	RollupOptions options;
	RollupQuery query;
	Rollup	   *rollup;

	/* a query may call this function again, and a function that it calls */
	check_stack_depth();

	start_result(fcinfo, &result);
	if (PG_ARGISNULL(ARG_INPUT))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("query must not be null")));
	options = parse_options(fcinfo);
	rollup_query_prepare(&query, text_to_cstring(PG_GETARG_TEXT_PP(ARG_INPUT)),
						 parse_parameters(fcinfo), path_type(&result));
	options.ncolumns = query.ncolumns;
	rollup = start_rollup(&result, &options);
	rollup_query_run(&query, rollup);
	rollup_end(rollup);
	return (Datum) 0;
}

/* rollup_members(state bytea, legs bool, leg_threshold numeric, levels int) */
Datum
distributor_rollup_members(PG_FUNCTION_ARGS)
{
	RollupResult result;
	RollupOptions options;
	Rollup	   *rollup;
	bytea	   *state;

	start_result(fcinfo, &result);
	options = parse_options(fcinfo);
	if (PG_ARGISNULL(ARG_INPUT))
		return (Datum) 0;
	state = PG_GETARG_BYTEA_PP(ARG_INPUT);
	options.ncolumns = rollup_state_columns(state);
	rollup = start_rollup(&result, &options);
	rollup_state_run(state, rollup);
	rollup_end(rollup);
	return (Datum) 0;
}
