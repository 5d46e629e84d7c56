/*
 * apportion_fn.c
 *	  apportion() in SQL.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "apportion.h"
#include "plan.h"

static void
check_number(Numeric value, const char *what, int scale)
{
	if (!money_is_finite(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be finite, not %s", what, money_to_string(value))));
	if (money_sign(value) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative, but is %s", what, money_to_string(value))));
	if (money_scale(money_trim(value)) > scale)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has more than %d decimals", what, scale),
				 errdetail("It is %s.", money_to_string(value))));
}

static Numeric *
read_remainders(ArrayType *array, int scale, int *n)
{
	Datum	   *values;
	bool	   *nulls;
	Numeric    *remainders;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("an array of one dimension is needed")));
	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, &values, &nulls, n);
	remainders = palloc_extended(sizeof(Numeric) * (Size) Max(*n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the array must not contain null")));
		remainders[i] = DatumGetNumeric(values[i]);
		check_number(remainders[i], "a remainder", scale);
	}
	return remainders;
}

/* apportion(amount numeric, remainders numeric[], scale int4) returns numeric[] */
PG_FUNCTION_INFO_V1(distributor_apportion);
Datum
distributor_apportion(PG_FUNCTION_ARGS)
{
	Numeric		amount = PG_GETARG_NUMERIC(0);
	int			scale = PG_GETARG_INT32(2);
	int			n;
	Numeric    *remainders;
	Numeric    *parts;
	Datum	   *values;

	if (scale < 0 || scale > PLAN_MAX_CURRENCY_SCALE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scale %d is out of range", scale),
				 errhint("Use 0 to %d.", PLAN_MAX_CURRENCY_SCALE)));
	check_number(amount, "the amount", scale);
	remainders = read_remainders(PG_GETARG_ARRAYTYPE_P(1), scale, &n);
	if (money_compare(amount, apportion_sum(remainders, n)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the amount is more than what remains"),
				 errdetail("The amount is %s, and the remainders add up to %s.",
						   money_to_string(amount), money_to_string(apportion_sum(remainders, n)))));
	parts = palloc_extended(sizeof(Numeric) * (Size) Max(n, 1), MCXT_ALLOC_HUGE);
	apportion(amount, remainders, n, scale, parts);
	values = palloc_extended(sizeof(Datum) * (Size) Max(n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
		values[i] = NumericGetDatum(parts[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(values, n, NUMERICOID, -1, false, TYPALIGN_INT));
}
