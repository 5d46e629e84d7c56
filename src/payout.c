/*
 * payout.c
 *	  What a payout costs its member: fee and tax.
 */
#include "compat.h"

#include "payout.h"

static Numeric
smaller(Numeric a, Numeric b)
{
	return money_compare(a, b) < 0 ? a : b;
}

/* What a is more than b. */
static Numeric
excess(Numeric a, Numeric b)
{
	return money_compare(a, b) > 0 ? money_subtract(a, b) : money_from_int(0);
}

/* fee_rate is of what goes beyond the allowance of the period. */
static Numeric
fee_of(const PayoutTerms *terms, const PayoutHistory *history, Numeric amount)
{
	Numeric		left;

	if (history->count < terms->free_count)
		return money_from_int(0);
	left = excess(terms->free_amount, history->amount);
	return money_add(terms->fee_fixed, money_multiply(terms->fee_rate, excess(amount, left)));
}

/* Of all that is paid out in a period. */
static Numeric
tax_of(const PayoutTerms *terms, Numeric sum)
{
	Numeric		tax = money_from_int(0);

	for (int i = 0; i < terms->nslices; i++)
	{
		const PayoutSlice *slice = &terms->slices[i];
		Numeric		top = i + 1 < terms->nslices ? smaller(sum, slice[1].over) : sum;

		tax = money_add(tax, money_multiply(slice->rate, excess(top, slice->over)));
	}
	return tax;
}

/*
 * Fee and tax are rounded once each, half up.  Where earlier payouts of the
 * period were taxed by another table, more may have been withheld than is due
 * by now: that is not given back here.
 */
PayoutCharge
payout_charge(const PayoutTerms *terms, const PayoutHistory *history, Numeric amount, int scale)
{
	PayoutCharge charge;
	Numeric		due;

	charge.fee = smaller(money_round(fee_of(terms, history, amount), scale, MONEY_HALF_UP), amount);
	charge.net = money_subtract(amount, charge.fee);
	due = excess(tax_of(terms, money_add(history->amount, amount)), history->tax);
	charge.tax = smaller(money_round(due, scale, MONEY_HALF_UP), charge.net);
	charge.net = money_subtract(charge.net, charge.tax);
	return charge;
}
