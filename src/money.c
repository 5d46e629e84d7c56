/*
 * money.c
 *	  Exact decimal arithmetic of the calculation layer.
 *
 * The only file of layer 2 that calls the functions of numeric.
 */
#include "compat.h"

#include "utils/fmgrprotos.h"

#include "money.h"

bool
money_is_finite(Numeric value)
{
	return !numeric_is_nan(value) && !numeric_is_inf(value);
}

int
money_compare(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp,
											 NumericGetDatum(a),
											 NumericGetDatum(b)));
}

int
money_sign(Numeric value)
{
	Numeric		zero = int64_to_numeric(0);
	int			sign = money_compare(value, zero);

	pfree(zero);
	return (sign > 0) - (sign < 0);
}

bool
money_is_zero(Numeric value)
{
	return money_sign(value) == 0;
}

int
money_scale(Numeric value)
{
	return DatumGetInt32(DirectFunctionCall1(numeric_scale,
											 NumericGetDatum(value)));
}

Numeric
money_add(Numeric a, Numeric b)
{
	return numeric_add_opt_error(a, b, NULL);
}

Numeric
money_subtract(Numeric a, Numeric b)
{
	return numeric_sub_opt_error(a, b, NULL);
}

Numeric
money_multiply(Numeric a, Numeric b)
{
	return numeric_mul_opt_error(a, b, NULL);
}

/*
 * Half up, mirrored for negatives, so that a refund takes back exactly what
 * its sale gave.  That is how numeric rounds.
 */
Numeric
money_round(Numeric value, int scale)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_round,
											   NumericGetDatum(value),
											   Int32GetDatum(scale)));
}

Numeric
money_trim(Numeric value)
{
	return DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale,
											   NumericGetDatum(value)));
}

Numeric
money_from_int(int64 value)
{
	return int64_to_numeric(value);
}

Numeric
money_from_digits(const char *digits)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in,
											   CStringGetDatum(digits),
											   ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

bool
money_to_int(Numeric value, int *result)
{
	bool		failed = false;

	/* numeric's own conversion would round 1.5 */
	if (!money_is_finite(value) || money_scale(money_trim(value)) > 0)
		return false;
	*result = numeric_int4_opt_error(value, &failed);
	return !failed;
}

char *
money_to_string(Numeric value)
{
	return DatumGetCString(DirectFunctionCall1(numeric_out,
											   NumericGetDatum(value)));
}
