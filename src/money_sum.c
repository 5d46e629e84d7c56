/*
 * money_sum.c
 *	  Exact running sums of numeric, as fast as sums of integers.
 */
#include "compat.h"

#include "common/int.h"

#include "money.h"
#include "money_sum.h"

/*
 * How a numeric lies in a table, which no server can change: a header of 16
 * bits, or of 32 where the decimals or the magnitude are many, and digits in
 * base 10000, the first one worth 10000^weight.
 */
#define FORM_MASK				0xC000
#define FORM_NEGATIVE			0x4000
#define FORM_SHORT				0x8000
#define FORM_SPECIAL			0xC000	/* NaN and the infinities */
#define SHORT_NEGATIVE			0x2000
#define SHORT_SCALE_MASK		0x1F80
#define SHORT_SCALE_SHIFT		7
#define SHORT_WEIGHT_SIGN		0x0040
#define SHORT_WEIGHT_MASK		0x003F
#define LONG_SCALE_MASK			0x3FFF
#define DIGIT_BASE				10000
#define DIGIT_DECIMALS			4

/* More digits than this never fit 64 bits, whatever the last one's zeros. */
#define MOST_DIGITS				6

static inline uint16
get_uint16(const char *from)
{
	uint16		result;

	/* a short varlena header leaves the rest unaligned */
	memcpy(&result, from, sizeof(result));
	return result;
}

/*
 * The digits as an integer times 10^exponent, the exponent being that of the
 * last digit.  Added up below zero, where there is one number more.
 */
static bool
join_digits(const char *digits, int ndigits, int exponent, bool negative, int64 *units)
{
	int64		result = 0;

	for (int i = 0; i < ndigits; i++)
	{
		int64		digit = get_uint16(digits + i * sizeof(uint16));
		int64		base = DIGIT_BASE;

		if (i == ndigits - 1 && exponent < 0)
		{
			/* what is cut off is zeros beyond the scale, unless damaged */
			if (exponent <= -DIGIT_DECIMALS || digit % money_powers_of_ten[-exponent] != 0)
				return false;
			digit /= money_powers_of_ten[-exponent];
			base = money_powers_of_ten[DIGIT_DECIMALS + exponent];
		}
		if (pg_mul_s64_overflow(result, base, &result) ||
			pg_sub_s64_overflow(result, digit, &result))
			return false;
	}
	if (exponent > 0 && result != 0 &&
		(exponent >= (int) lengthof(money_powers_of_ten) ||
		 pg_mul_s64_overflow(result, money_powers_of_ten[exponent], &result)))
		return false;
	if (!negative && result == PG_INT64_MIN)
		return false;
	*units = negative ? result : -result;
	return true;
}

/*
 * The number as units of 10^-scale, scale being what it displays.  False: it
 * does not fit.
 */
static bool
to_units(Numeric value, int64 *units, int *scale)
{
	const char *data = VARDATA_ANY(value);
	int			size = VARSIZE_ANY_EXHDR(value);
	uint16		header = get_uint16(data);
	bool		negative;
	int			weight;
	int			ndigits;

	if ((header & FORM_MASK) == FORM_SHORT)
	{
		negative = (header & SHORT_NEGATIVE) != 0;
		*scale = (header & SHORT_SCALE_MASK) >> SHORT_SCALE_SHIFT;
		weight = header & SHORT_WEIGHT_MASK;
		if (header & SHORT_WEIGHT_SIGN)
			weight -= SHORT_WEIGHT_MASK + 1;
		data += sizeof(uint16);
		size -= sizeof(uint16);
	}
	else
	{
		negative = (header & FORM_MASK) == FORM_NEGATIVE;
		*scale = header & LONG_SCALE_MASK;
		weight = (int16) get_uint16(data + sizeof(uint16));
		data += 2 * sizeof(uint16);
		size -= 2 * sizeof(uint16);
	}
	ndigits = size / (int) sizeof(uint16);
	if (*scale > MONEY_SUM_MAX_SCALE || ndigits > MOST_DIGITS)
		return false;
	return join_digits(data, ndigits,
					   DIGIT_DECIMALS * (weight - ndigits + 1) + *scale,
					   negative, units);
}

void
money_sum_of_int(MoneySum *sum, int64 value)
{
	sum->units = value;
	sum->scale = 0;
	sum->large = NULL;
}

/*
 * What was in sum before is forgotten, not freed.  The value may have a short
 * header, as it lies in a row.  False: it is not finite.
 */
bool
money_sum_of_numeric(MoneySum *sum, Numeric value)
{
	sum->large = NULL;
	if ((get_uint16(VARDATA_ANY(value)) & FORM_MASK) == FORM_SPECIAL)
		return false;
	if (to_units(value, &sum->units, &sum->scale))
		return true;
	sum->units = 0;
	sum->scale = 0;
	sum->large = (Numeric) PG_DETOAST_DATUM_COPY(PointerGetDatum(value));
	return true;
}

void
money_sum_clear(MoneySum *sum)
{
	if (sum->large != NULL)
		pfree(sum->large);
	sum->units = 0;
	sum->scale = 0;
	sum->large = NULL;
}

void
money_sum_copy(MoneySum *sum, const MoneySum *from)
{
	money_sum_clear(sum);
	*sum = *from;
	if (from->large != NULL)
		sum->large = (Numeric) PG_DETOAST_DATUM_COPY(PointerGetDatum(from->large));
}

Numeric
money_sum_to_numeric(const MoneySum *sum)
{
	if (sum->large != NULL)
		return sum->large;
	if (sum->scale == 0)
		return int64_to_numeric(sum->units);
	return int64_div_fast_to_numeric(sum->units, sum->scale);
}

/* Frees what money_sum_to_numeric() made. */
static void
release(Numeric value, const MoneySum *sum)
{
	if (value != sum->large)
		pfree(value);
}

/* The units of the sum at another scale, which is not less than its own. */
static bool
units_at(const MoneySum *sum, int scale, int64 *units)
{
	return !pg_mul_s64_overflow(sum->units, money_powers_of_ten[scale - sum->scale], units);
}

/* a + b or a - b into a; false where it does not fit */
static bool
add_units(MoneySum *a, const MoneySum *b, bool subtract)
{
	int			scale = Max(a->scale, b->scale);
	int64		units_a = a->units;
	int64		units_b = b->units;

	if (a->large != NULL || b->large != NULL)
		return false;
	if (a->scale != b->scale &&
		(!units_at(a, scale, &units_a) || !units_at(b, scale, &units_b)))
		return false;
	if (subtract ? pg_sub_s64_overflow(units_a, units_b, &units_a)
		: pg_add_s64_overflow(units_a, units_b, &units_a))
		return false;
	a->units = units_a;
	a->scale = scale;
	return true;
}

void
money_sum_add_any(MoneySum *sum, const MoneySum *value, bool subtract)
{
	Numeric		a;
	Numeric		b;
	Numeric		result;

	if (add_units(sum, value, subtract))
		return;
	a = money_sum_to_numeric(sum);
	b = money_sum_to_numeric(value);
	result = subtract ? money_subtract(a, b) : money_add(a, b);
	release(b, value);
	pfree(a);
	sum->units = 0;
	sum->scale = 0;
	sum->large = result;
}

int
money_sum_compare(const MoneySum *a, const MoneySum *b)
{
	int			scale = Max(a->scale, b->scale);
	int64		units_a;
	int64		units_b;
	Numeric		numeric_a;
	Numeric		numeric_b;
	int			result;

	if (a->large == NULL && b->large == NULL &&
		units_at(a, scale, &units_a) && units_at(b, scale, &units_b))
		return (units_a > units_b) - (units_a < units_b);

	numeric_a = money_sum_to_numeric(a);
	numeric_b = money_sum_to_numeric(b);
	result = money_compare(numeric_a, numeric_b);
	release(numeric_a, a);
	release(numeric_b, b);
	return result;
}

/*
 * Makes equal sums equal bytes: one that went beyond 64 bits on its way, and
 * came back, is written as units like the others.
 */
void
money_sum_normalize(MoneySum *sum)
{
	Numeric		large = sum->large;

	if (large == NULL || !to_units(large, &sum->units, &sum->scale))
		return;
	sum->large = NULL;
	pfree(large);
}
