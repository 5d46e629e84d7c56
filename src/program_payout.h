/*
 * program_payout.h
 *	  Payouts: taking what is available from members, and what becomes of it.
 *
 * Accounts are locked before payouts are made, and a payout before anything is
 * said about it: of two who would say different things, one comes second.
 */
#ifndef DISTRIBUTOR_PROGRAM_PAYOUT_H
#define DISTRIBUTOR_PROGRAM_PAYOUT_H

#include "payout.h"
#include "program_account.h"

#define PROGRAM_WRITES_PAYOUTS		(PROGRAM_WRITES(PROGRAM_PAYOUT) | \
									 PROGRAM_WRITES(PROGRAM_PAYOUT_APPROVAL) | \
									 PROGRAM_WRITES(PROGRAM_ACCOUNT) | \
									 PROGRAM_WRITES(PROGRAM_LEDGER))
#define PROGRAM_WRITES_BATCHES		(PROGRAM_WRITES_PAYOUTS | \
									 PROGRAM_WRITES(PROGRAM_PAYOUT_BATCH) | \
									 PROGRAM_WRITES(PROGRAM_PAYOUT_BATCH_ITEM))

/* program_payout_terms.c: what holds in a currency at this moment; as the owner */
typedef struct PayoutCurrency
{
	const char *code;
	int			scale;
	PayoutTerms terms;
	TimestampTz period_from;	/* the period that this transaction is in */
	TimestampTz period_to;
} PayoutCurrency;

extern PayoutCurrency *payout_currency(Program *program, const char *code);

/* program_payout_write.c */

/* One payout, of an account that is locked. */
typedef struct PayoutRow
{
	text	   *key;
	int64		member_id;
	Numeric		amount;
	PayoutHistory history;
	PayoutCharge charge;
	int64		payout_id;
} PayoutRow;

extern void payouts_charge(Program *program, const PayoutCurrency *currency, PayoutRow *rows, int n);
extern bool payouts_write(Program *program, const PayoutCurrency *currency, PayoutRow *rows, int n,
						  const char *author);

/* program_payout_state.c: what has become of a payout */
typedef struct PayoutState
{
	text	   *key;
	int64		payout_id;
	int64		member_id;
	bool		approved;
	bool		settled;
	TimestampTz settled_at;
	text	   *reference;		/* may be NULL */
	bool		failed;
	text	   *failure;
} PayoutState;

extern PayoutState payout_lock(Program *program, text *key, const char *table);

#endif							/* DISTRIBUTOR_PROGRAM_PAYOUT_H */
