/*
 * apportion.c
 *	  Dividing an amount over what remains of rows, to the last unit.
 *
 * Largest remainder, with what remains of the rows as weights.  With the
 * original amounts as weights, three refunds of a third would take all of the
 * first of three rows of 1 three times over; what remains can never be
 * exceeded, and when all of it is taken every row is at exactly zero.
 */
#include "compat.h"

#include "miscadmin.h"

#include "apportion.h"

/* What a row has beyond its whole units, as a multiple of 1 / total. */
typedef struct Fraction
{
	int			row;
	Numeric		rest;
} Fraction;

Numeric
apportion_sum(const Numeric *remainders, int n)
{
	Numeric		sum = money_from_int(0);

	for (int i = 0; i < n; i++)
		sum = money_add(sum, remainders[i]);
	return sum;
}

static int
by_rest(const void *a, const void *b)
{
	const Fraction *x = a;
	const Fraction *y = b;
	int			order = money_compare(y->rest, x->rest);

	return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

/*
 * Divide amount, which is neither negative nor more than the remainders, none
 * of which is negative.  Where amount and remainders have at most scale
 * decimals, so do the parts.
 *
 * A part's exact value is below its row's remainder unless everything is
 * taken, so one unit more than the whole units in it does not exceed the row.
 */
void
apportion(Numeric amount, const Numeric *remainders, int n, int scale, Numeric *parts)
{
	Numeric		total = apportion_sum(remainders, n);
	Numeric		unit = money_from_units(1, scale);
	Numeric		left = amount;
	Fraction   *fractions;

	if (money_compare(amount, total) >= 0)
	{
		for (int i = 0; i < n; i++)
			parts[i] = remainders[i];
		return;
	}
	fractions = palloc_extended(sizeof(Fraction) * (Size) Max(n, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		parts[i] = money_portion(amount, remainders[i], total, scale);
		left = money_subtract(left, parts[i]);
		fractions[i].row = i;
		fractions[i].rest = money_subtract(money_multiply(amount, remainders[i]),
										   money_multiply(parts[i], total));
	}
	qsort(fractions, n, sizeof(Fraction), by_rest);
	for (int i = 0; money_sign(left) > 0; i = (i + 1) % n)
	{
		int			row = fractions[i].row;
		Numeric		more = money_compare(left, unit) < 0 ? left : unit;

		/* finer decimals than the scale's, which are not forbidden, fill up rows */
		if (money_compare(money_add(parts[row], more), remainders[row]) > 0)
			more = money_subtract(remainders[row], parts[row]);
		parts[row] = money_add(parts[row], more);
		left = money_subtract(left, more);
	}
	pfree(fractions);
}

/*
 * Take part / of of everything that remains, rounded once, and divide that;
 * all of it where part is all there is.  Returns what was taken.
 */
Numeric
apportion_take(Numeric part, Numeric of, const Numeric *remainders, int n, int scale, Numeric *parts)
{
	Numeric		total = apportion_sum(remainders, n);
	Numeric		half = money_from_units(5, scale + 1);
	Numeric		taken;

	if (money_compare(part, of) >= 0)
		taken = total;
	else
	{
		/* half up: half a unit more, rounded down; part < of, so at most total */
		Numeric		product = money_add(money_multiply(total, part), money_multiply(half, of));

		taken = money_portion(product, money_from_int(1), of, scale);
		if (money_compare(taken, total) > 0)
			taken = total;
	}
	apportion(taken, remainders, n, scale, parts);
	return taken;
}
