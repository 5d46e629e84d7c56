/*
 * rollup_agg.c
 *	  The aggregate rollup_state(path, VARIADIC volumes).
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "money.h"
#include "rollup_state.h"

PG_FUNCTION_INFO_V1(distributor_rollup_state_accum);
PG_FUNCTION_INFO_V1(distributor_rollup_state_combine);
PG_FUNCTION_INFO_V1(distributor_rollup_state_final);

/*
 * The state to go on with, and whether it may be changed in place: only within
 * an aggregate, and only if it is not a copy made just now.
 */
static bytea *
get_state(FunctionCallInfo fcinfo, bool *in_place)
{
	bytea	   *state = PG_GETARG_BYTEA_P(0);

	*in_place = AggCheckCallContext(fcinfo, NULL) != 0 &&
		PointerGetDatum(state) == PG_GETARG_DATUM(0);
	return state;
}

/* Volumes of a row; a null is 0.  Returns their number. */
static int
get_volumes(FunctionCallInfo fcinfo, RefPathBytes path, MoneySum *volumes)
{
	ArrayType  *array;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("array of volumes must not be null")));
	array = PG_GETARG_ARRAYTYPE_P(2);
	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	if (n > ROLLUP_MAX_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many volumes of a rollup"),
				 errdetail("%d are given; %d are possible.", n, ROLLUP_MAX_COLUMNS)));
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			money_sum_of_int(&volumes[i], 0);
		else if (!money_sum_of_numeric(&volumes[i], (Numeric) DatumGetPointer(values[i])))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("volumes must be finite"),
					 errdetail("Volume %d is %s at path %s.", i + 1,
							   money_to_string(DatumGetNumeric(values[i])),
							   refpath_to_cstring(path))));
	}
	return n;
}

/* rollup_state_accum(state bytea, path refpath, VARIADIC volumes numeric[]) */
Datum
distributor_rollup_state_accum(PG_FUNCTION_ARGS)
{
	MoneySum	volumes[ROLLUP_MAX_COLUMNS];
	RefPathBytes path;
	bytea	   *state;
	bool		in_place = true;
	int			n;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	path = refpath_bytes(PG_GETARG_REFPATH_PP(1));
	if (path.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the empty path is no member's"),
				 errhint("Leave it out, or make it null: rows without a path are not rolled up.")));
	/* raises an error for an upper bound, which is no path */
	(void) refpath_depth_of(path.data, path.len);

	n = get_volumes(fcinfo, path, volumes);
	state = PG_ARGISNULL(0) ? rollup_state_new(n) : get_state(fcinfo, &in_place);
	if (rollup_state_columns(state) != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("every row of a rollup must have as many volumes as the first"),
				 errdetail("The first had %d, a later one has %d.",
						   rollup_state_columns(state), n)));
	PG_RETURN_BYTEA_P(rollup_state_add(state, in_place, path, volumes));
}

/* rollup_state_combine(bytea, bytea) */
Datum
distributor_rollup_state_combine(PG_FUNCTION_ARGS)
{
	bool		in_place;
	bytea	   *state = get_state(fcinfo, &in_place);

	PG_RETURN_BYTEA_P(rollup_state_join(state, in_place, PG_GETARG_BYTEA_PP(1)));
}

/* rollup_state_final(bytea) */
Datum
distributor_rollup_state_final(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(rollup_state_sorted(PG_GETARG_BYTEA_PP(0)));
}
