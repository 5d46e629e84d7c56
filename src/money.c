/*
 * money.c
 *	  Exact decimal arithmetic of the calculation layer.
 *
 * The only file of layer 2 that calls the functions of numeric.
 */
#include "compat.h"

#include <ctype.h>

#include "common/int.h"
#include "utils/fmgrprotos.h"

#include "money.h"

const int64 money_powers_of_ten[MONEY_POWERS_OF_TEN] = {
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

static Numeric
money_absolute(Numeric value)
{
	return DatumGetNumeric(DirectFunctionCall1(numeric_abs, NumericGetDatum(value)));
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

/* Add to a sum that nobody else refers to; NULL: nothing yet. */
void
money_add_to(Numeric *sum, Numeric value)
{
	Numeric		before = *sum;

	if (before == NULL)
	{
		*sum = palloc(VARSIZE(value));
		memcpy(*sum, value, VARSIZE(value));
		return;
	}
	*sum = money_add(before, value);
	pfree(before);
}

Numeric
money_multiply(Numeric a, Numeric b)
{
	return numeric_mul_opt_error(a, b, NULL);
}

static Numeric
round_half_up(Numeric value, int scale)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_round,
											   NumericGetDatum(value),
											   Int32GetDatum(scale)));
}

static Numeric
round_down(Numeric value, int scale)
{
	return DatumGetNumeric(DirectFunctionCall2(numeric_trunc,
											   NumericGetDatum(value),
											   Int32GetDatum(scale)));
}

/* 10^-scale */
static Numeric
unit_of(int scale)
{
	return int64_div_fast_to_numeric(1, scale);
}

/* Toward zero by the last unit, unless value is exactly there. */
static Numeric
away_from_zero(Numeric value, Numeric down, int scale)
{
	if (money_compare(value, down) == 0)
		return down;
	return money_sign(value) < 0 ? money_subtract(down, unit_of(scale))
		: money_add(down, unit_of(scale));
}

/*
 * A tie goes to the even last digit: half up, and one unit back where that
 * made an odd one out of a tie.
 */
static Numeric
round_half_even(Numeric value, int scale)
{
	Numeric		rounded = round_half_up(value, scale);
	Numeric		half = int64_div_fast_to_numeric(5, scale + 1);
	Numeric		excess = money_subtract(rounded, value);
	Numeric		units;

	if (money_sign(excess) == 0 || money_compare(money_absolute(excess), half) != 0)
		return rounded;
	units = money_multiply(rounded, money_from_int(money_powers_of_ten[scale]));
	if (money_sign(DatumGetNumeric(DirectFunctionCall2(numeric_mod,
													   NumericGetDatum(units),
													   NumericGetDatum(money_from_int(2))))) == 0)
		return rounded;
	return money_sign(value) < 0 ? money_add(rounded, unit_of(scale))
		: money_subtract(rounded, unit_of(scale));
}

/*
 * Rounded once, to at most PLAN_MAX_CURRENCY_SCALE decimals.  All ways are
 * mirrored for negatives, so that a refund takes back exactly what its sale
 * gave.
 */
Numeric
money_round(Numeric value, int scale, MoneyRounding rounding)
{
	switch (rounding)
	{
		case MONEY_HALF_UP:
			return round_half_up(value, scale);
		case MONEY_HALF_EVEN:
			return round_half_even(value, scale);
		case MONEY_DOWN:
			return round_down(value, scale);
		case MONEY_CEILING:
			return away_from_zero(value, round_down(value, scale), scale);
	}
	elog(ERROR, "unexpected rounding %d", (int) rounding);
}

/* whole * part / of, rounded down; none is negative, of is over zero. */
Numeric
money_portion(Numeric whole, Numeric part, Numeric of, int scale)
{
	Numeric		product = money_multiply(whole, part);
	Numeric		shifted = money_multiply(product, money_from_int(money_powers_of_ten[scale]));
	Numeric		units = DatumGetNumeric(DirectFunctionCall2(numeric_div_trunc,
															NumericGetDatum(shifted),
															NumericGetDatum(of)));

	return money_round(money_multiply(units, unit_of(scale)), scale, MONEY_HALF_UP);
}

Numeric
money_trim(Numeric value)
{
	return DatumGetNumeric(DirectFunctionCall1(numeric_trim_scale,
											   NumericGetDatum(value)));
}

/*
 * Reading the digits is several times faster than multiplying by a power of
 * ten and converting.
 */
MoneyFactor
money_factor(Numeric value)
{
	MoneyFactor factor = {value, -1, 0};
	char	   *text = money_to_string(value);
	char	   *point = strchr(text, '.');
	char	   *end = point != NULL ? point + strlen(point) : NULL;
	int64		units = 0;

	/* a quotient comes with 16 decimals and more, most of them zeros */
	if (point != NULL && end - point - 1 > MONEY_UNITS_MAX_SCALE)
	{
		while (end[-1] == '0')
			*--end = '\0';
	}
	if (point == NULL || end - point - 1 <= MONEY_UNITS_MAX_SCALE)
	{
		const char *digit = text;

		for (; units <= PG_INT32_MAX && (isdigit((unsigned char) *digit) || digit == point); digit++)
			if (digit != point)
				units = units * 10 + (*digit - '0');
		/* whatever stops earlier is negative, no number, or large */
		if (*digit == '\0' && units <= PG_INT32_MAX)
		{
			factor.units = (int32) units;
			factor.scale = point != NULL ? (int) (end - point - 1) : 0;
		}
	}
	pfree(text);
	return factor;
}

bool
money_factor_is_zero(const MoneyFactor *factor)
{
	return factor->units == 0 || (factor->units < 0 && money_is_zero(factor->value));
}

/* a - b, which is not negative. */
MoneyFactor
money_difference(const MoneyFactor *a, const MoneyFactor *b)
{
	MoneyFactor factor;
	int			scale = Max(a->scale, b->scale);
	int64		units;

	if (a->units < 0 || b->units < 0)
		return money_factor(money_subtract(a->value, b->value));
	/* below 2^31 * 10^9 each */
	units = a->units * money_powers_of_ten[scale - a->scale] - b->units * money_powers_of_ten[scale - b->scale];
	if (units > PG_INT32_MAX)
		return money_factor(money_subtract(a->value, b->value));
	factor.units = (int32) units;
	factor.scale = scale;
	factor.value = money_from_units(units, scale);
	return factor;
}

/* One more unit for what was cut off? */
static bool
rounds_up(int64 quotient, int64 remainder, int64 divisor, MoneyRounding rounding)
{
	switch (rounding)
	{
		case MONEY_HALF_UP:
			return remainder >= divisor / 2;	/* divisors are even */
		case MONEY_HALF_EVEN:
			return remainder > divisor / 2 || (remainder == divisor / 2 && quotient % 2 != 0);
		case MONEY_DOWN:
			return false;
		case MONEY_CEILING:
			return remainder > 0;
	}
	elog(ERROR, "unexpected rounding %d", (int) rounding);
}

/*
 * a * b in units of 10^-scale, rounded as money_round does.  False: it does
 * not fit.
 */
bool
money_product_units(const MoneyFactor *a, const MoneyFactor *b, int scale,
					MoneyRounding rounding, int64 *result)
{
	int			excess = a->scale + b->scale - scale;	/* decimals to lose */
	int64		product;

	if (a->units < 0 || b->units < 0)
		return false;
	product = (int64) a->units * b->units;	/* below 2^62 */

	if (excess > 0)
	{
		/* at most twice MONEY_UNITS_MAX_SCALE, so the table reaches */
		int64		divisor = money_powers_of_ten[excess];
		int64		quotient = product / divisor;

		*result = quotient + (rounds_up(quotient, product % divisor, divisor, rounding) ? 1 : 0);
		return true;
	}
	if (-excess >= (int) lengthof(money_powers_of_ten))
		return false;
	return !pg_mul_s64_overflow(product, money_powers_of_ten[-excess], result);
}

/*
 * a * b, rounded once.  *units gets the product in units of 10^-scale, -1 where
 * it is too large for that.
 */
Numeric
money_product(const MoneyFactor *a, const MoneyFactor *b, int scale,
			  MoneyRounding rounding, int64 *units)
{
	Numeric		product;

	if (money_product_units(a, b, scale, rounding, units))
		return int64_div_fast_to_numeric(*units, scale);
	product = money_round(money_multiply(a->value, b->value), scale, rounding);
	*units = money_to_units(product, scale);
	return product;
}

/* A value that is not negative and has at most scale decimals; -1: too large. */
int64
money_to_units(Numeric value, int scale)
{
	Numeric		units;

	/* before the multiplication, which might overflow */
	if (money_compare(value, money_from_int(MONEY_MAX_UNITS)) > 0)
		return -1;
	units = money_multiply(value, money_from_int(money_powers_of_ten[scale]));
	if (money_compare(units, money_from_int(MONEY_MAX_UNITS)) > 0)
		return -1;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(units)));
}

Numeric
money_from_units(int64 units, int scale)
{
	return int64_div_fast_to_numeric(units, scale);
}

/* "12", "-12.50": nothing else, so that no two readers disagree. */
Numeric
money_from_text(const char *text, int len)
{
	int			i = len > 0 && text[0] == '-' ? 1 : 0;
	int			digits = i;

	if (len > MONEY_MAX_TEXT)
		return NULL;
	while (i < len && text[i] >= '0' && text[i] <= '9')
		i++;
	if (i == digits)
		return NULL;
	if (i < len && text[i] == '.')
	{
		digits = ++i;
		while (i < len && text[i] >= '0' && text[i] <= '9')
			i++;
		if (i == digits)
			return NULL;
	}
	return i == len ? money_from_digits(pnstrdup(text, len)) : NULL;
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
