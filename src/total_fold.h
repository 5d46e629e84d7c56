/*
 * total_fold.h
 *	  What single changes add to each member above them, in one pass.
 *
 * Layer 2: knows neither fmgr nor SPI.  Changes come in the order of their
 * paths.  A stack holds the members from the root down to the last one's; a
 * member is complete, and is handed out, when a change comes that is not below
 * it.  So each is handed out once for all changes that follow each other below
 * it, and a change is touched once however deep it is.
 */
#ifndef DISTRIBUTOR_TOTAL_FOLD_H
#define DISTRIBUTOR_TOTAL_FOLD_H

#include "compat.h"

#include "utils/date.h"

#include "money_sum.h"
#include "refpath.h"

/*
 * What one period of a team adds up to, or is changed by.  own is the part of
 * volume that is of the member's own sales; of a change it is not looked at,
 * as a change is the last member's own.
 */
typedef struct TotalSums
{
	DateADT		period;			/* its first day */
	int64		people;
	int64		sales;
	MoneySum	volume;
	MoneySum	own;
} TotalSums;

typedef struct TotalFold TotalFold;

/* Receives each member with the sums of one period; what it points to belongs to the fold. */
typedef void (*TotalEmit) (int64 member_id, const TotalSums *sums, void *arg);

extern TotalFold *total_fold_begin(TotalEmit emit, void *arg);
extern void total_fold_add(TotalFold *fold, RefPathBytes path, const TotalSums *change);
extern void total_fold_end(TotalFold *fold);

#endif							/* DISTRIBUTOR_TOTAL_FOLD_H */
