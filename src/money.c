/*
 * money.c
 *	  Exact decimal arithmetic of the calculation layer.
 *
 * The only file of layer 2 that calls the functions of numeric.
 */
#include "compat.h"

#include "common/int.h"
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

static const int64 powers_of_ten[] = {
	INT64CONST(1),
	INT64CONST(10),
	INT64CONST(100),
	INT64CONST(1000),
	INT64CONST(10000),
	INT64CONST(100000),
	INT64CONST(1000000),
	INT64CONST(10000000),
	INT64CONST(100000000),
	INT64CONST(1000000000),
	INT64CONST(10000000000),
	INT64CONST(100000000000),
	INT64CONST(1000000000000),
	INT64CONST(10000000000000),
	INT64CONST(100000000000000),
	INT64CONST(1000000000000000),
	INT64CONST(10000000000000000),
	INT64CONST(100000000000000000),
	INT64CONST(1000000000000000000)
};

MoneyFactor
money_factor(Numeric value)
{
	MoneyFactor factor = {value, -1, 0};
	int			scale = money_scale(value);
	bool		failed = false;
	int32		units;

	/* a quotient comes with 16 decimals and more, most of them zeros */
	if (scale > MONEY_UNITS_MAX_SCALE)
	{
		value = money_trim(value);
		scale = money_scale(value);
	}
	if (scale > MONEY_UNITS_MAX_SCALE)
		return factor;
	if (scale > 0)
		value = money_multiply(value, int64_to_numeric(powers_of_ten[scale]));
	units = numeric_int4_opt_error(value, &failed);
	if (!failed && units >= 0)
	{
		factor.units = units;
		factor.scale = scale;
	}
	return factor;
}

/*
 * a * b in units of 10^-scale, rounded as money_round does.  False: it does
 * not fit.
 */
static bool
units_product(const MoneyFactor *a, const MoneyFactor *b, int scale, int64 *result)
{
	int			excess = a->scale + b->scale - scale;	/* decimals to lose */
	int64		product;

	if (a->units < 0 || b->units < 0)
		return false;
	product = (int64) a->units * b->units;	/* below 2^62 */

	if (excess > 0)
	{
		/* at most twice MONEY_UNITS_MAX_SCALE, so the table reaches */
		int64		divisor = powers_of_ten[excess];

		*result = product / divisor + (product % divisor >= divisor / 2 ? 1 : 0);
		return true;
	}
	if (-excess >= lengthof(powers_of_ten))
		return false;
	return !pg_mul_s64_overflow(product, powers_of_ten[-excess], result);
}

/* a * b, rounded once to scale, half away from zero. */
Numeric
money_product(const MoneyFactor *a, const MoneyFactor *b, int scale, bool *is_zero)
{
	int64		units;
	Numeric		product;

	if (units_product(a, b, scale, &units))
	{
		*is_zero = units == 0;
		return int64_div_fast_to_numeric(units, scale);
	}
	product = money_round(money_multiply(a->value, b->value), scale);
	*is_zero = money_is_zero(product);
	return product;
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
