/*
 * program_adjust.h
 *	  Adjustments: entries that come by no order.
 */
#ifndef DISTRIBUTOR_PROGRAM_ADJUST_H
#define DISTRIBUTOR_PROGRAM_ADJUST_H

#include "money.h"
#include "program.h"

typedef struct Adjustment
{
	text	   *key;
	int64		member_id;
	Numeric		amount;			/* as the currency is rounded, not 0 */
	const char *currency;
	const char *kind;			/* "adjustment" or "write_off": also the entry's rule */
	text	   *reason;
	const char *author;
	int64		adjustment_id;	/* result */
} Adjustment;

#define PROGRAM_WRITES_ADJUSTMENTS	(PROGRAM_WRITES(PROGRAM_ADJUSTMENT) | \
									 PROGRAM_WRITES(PROGRAM_ACCOUNT) | \
									 PROGRAM_WRITES(PROGRAM_LEDGER))

/* as the owner; below zero under the lock of the account */
extern void adjustment_post(Program *program, Adjustment *adjustment);

#endif							/* DISTRIBUTOR_PROGRAM_ADJUST_H */
