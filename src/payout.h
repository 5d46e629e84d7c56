/*
 * payout.h
 *	  What a payout costs its member: fee and tax.
 *
 * Layer 2: pure, no table, no clock.  Amounts are in one currency; who calls
 * knows which, and its decimals.
 */
#ifndef DISTRIBUTOR_PAYOUT_H
#define DISTRIBUTOR_PAYOUT_H

#include "compat.h"

#include "money.h"
#include "utils/jsonb.h"

/* Most slices of a table of taxes. */
#define PAYOUT_MAX_SLICES	100

/* Decimals of a rate, as a fraction of 1. */
#define PAYOUT_MAX_RATE_SCALE	10

/* Of what is above over, up to the next slice, the rate is withheld. */
typedef struct PayoutSlice
{
	Numeric		over;
	Numeric		rate;
} PayoutSlice;

/* In which allowances and taxes count anew. */
typedef enum PayoutPeriod
{
	PAYOUT_MONTH,
	PAYOUT_YEAR,
	PAYOUT_LIFE
} PayoutPeriod;

/*
 * Invariants: amounts are finite and not negative, rates below 1; slices
 * ascend, the first is over 0.
 */
typedef struct PayoutTerms
{
	int			version;		/* 0: there are none */
	Numeric		minimum;
	Numeric		fee_fixed;
	Numeric		fee_rate;
	int			free_count;
	Numeric		free_amount;
	int			nslices;
	PayoutSlice *slices;
	PayoutPeriod period;
	bool		manual;			/* approval is */
} PayoutTerms;

/* What a member was paid out in the period before; failures left out. */
typedef struct PayoutHistory
{
	int64		count;
	Numeric		amount;
	Numeric		tax;
} PayoutHistory;

/* fee + tax + net is the amount, and none is negative. */
typedef struct PayoutCharge
{
	Numeric		fee;
	Numeric		tax;
	Numeric		net;
} PayoutCharge;

extern PayoutCharge payout_charge(const PayoutTerms *terms, const PayoutHistory *history,
								  Numeric amount, int scale);
extern void payout_read_tax(PayoutTerms *terms, Jsonb *table);
extern Jsonb *payout_write_tax(const PayoutTerms *terms);

#endif							/* DISTRIBUTOR_PAYOUT_H */
