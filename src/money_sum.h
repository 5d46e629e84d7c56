/*
 * money_sum.h
 *	  Exact running sums of numeric, as fast as sums of integers.
 *
 * A rollup adds up a few numbers a row.  A call of numeric for each would cost
 * more than all the rest, so a sum is an integer count of 10^-scale as long as
 * that fits 64 bits, and a numeric from then on.  Nothing is ever rounded.
 */
#ifndef DISTRIBUTOR_MONEY_SUM_H
#define DISTRIBUTOR_MONEY_SUM_H

#include "compat.h"

#include "common/int.h"

#include "money.h"

/* With more decimals than this a sum is a numeric from its first addend on. */
#define MONEY_SUM_MAX_SCALE		(MONEY_POWERS_OF_TEN - 1)

/* Bytes of the numeric of a sum that fits 64 bits, at most. */
#define MONEY_SUM_UNITS_SIZE	32

/*
 * A sum.  All zeros is the sum of nothing.  It displays as many decimals as
 * the addend that has most, as sum(numeric) does.
 *
 * Where large is set it is the sum, a palloc'd copy that the sum owns, and
 * units is 0; it is only ever changed in the memory context that it was made
 * in, which the caller sees to.
 */
typedef struct MoneySum
{
	int64		units;			/* of 10^-scale */
	int			scale;			/* 0 .. MONEY_SUM_MAX_SCALE where large is not set */
	Numeric		large;
} MoneySum;

extern void money_sum_of_int(MoneySum *sum, int64 value);
extern bool money_sum_of_numeric(MoneySum *sum, Numeric value);	/* false: not finite */
extern void money_sum_clear(MoneySum *sum);
extern void money_sum_copy(MoneySum *sum, const MoneySum *from);
extern void money_sum_add_any(MoneySum *sum, const MoneySum *value, bool subtract);
extern int	money_sum_compare(const MoneySum *a, const MoneySum *b);
extern Numeric money_sum_to_numeric(const MoneySum *sum);
extern Size money_sum_size(const MoneySum *sum);
extern Size money_sum_write(const MoneySum *sum, char *out);
extern void money_sum_normalize(MoneySum *sum);

static inline bool
money_sum_is_zero(const MoneySum *sum)	/* and shows no decimals */
{
	return sum->units == 0 && sum->scale == 0 && sum->large == NULL;
}

static inline void
money_sum_add(MoneySum *sum, const MoneySum *value)
{
	int64		units;

	if (money_sum_is_zero(value))
		return;
	if (sum->scale == value->scale && sum->large == NULL && value->large == NULL &&
		!pg_add_s64_overflow(sum->units, value->units, &units))
		sum->units = units;
	else
		money_sum_add_any(sum, value, false);
}

static inline void
money_sum_subtract(MoneySum *sum, const MoneySum *value)
{
	if (!money_sum_is_zero(value))
		money_sum_add_any(sum, value, true);
}

#endif							/* DISTRIBUTOR_MONEY_SUM_H */
