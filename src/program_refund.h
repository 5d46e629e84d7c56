/*
 * program_refund.h
 *	  Refunds: what is given back of an order takes its commissions back.
 *
 * A refund is recorded once, by its key, and meets its sale once: in the
 * transaction that records it, or, where it came before its order, in the one
 * that posts the order.
 */
#ifndef DISTRIBUTOR_PROGRAM_REFUND_H
#define DISTRIBUTOR_PROGRAM_REFUND_H

#include "program_ledger.h"
#include "program_sale.h"

/* One refund as somebody reports it. */
typedef struct RefundRow
{
	text	   *refund_key;
	text	   *order_key;
	text	   *line_key;		/* NULL: of the whole order */
	Numeric		amount;			/* NULL: all that remains */
	bool		has_occurred_at;	/* else now */
	TimestampTz occurred_at;
	/* work of the posting */
	int64		refund_id;
	bool		recorded;		/* by this batch, not before */
	bool		waits;			/* recorded before: if it does not fit, it goes on waiting */
	bool		met;			/* its sale, or is there twice */
} RefundRow;

typedef struct RefundBatch
{
	int			n;
	RefundRow  *rows;
	/* where they come from: one of these, else they were parked */
	int			order_source_id;
	int			refund_source_id;
	const char *author;
	bool		timed;			/* every refund has an occurred_at */
} RefundBatch;

/* body for program_as_owner; arg is a RefundBatch */
extern void refunds_post(Program *program, void *arg);

extern void refunds_meet(Program *program, RefundRow **rows, int n, bool parked);

/* program_refund_order.c: what orders and new sales bring with them; as the owner */
extern void refunds_of_orders(Program *program, SaleBatch *batch);
extern void refunds_of_new_sales(Program *program, SaleRow **rows, int n);

/* Which orders tell of refunds that nobody has told of */
typedef struct UntoldRefunds
{
	SaleBatch  *batch;
	bool	   *orders;			/* result; of each row of the batch */
} UntoldRefunds;

/* body for program_as_owner; arg is an UntoldRefunds */
extern void refunds_untold(Program *program, void *arg);

/* program_refund_wait.c: beside others that are not committed yet */
extern bool refund_any(Program *program);
extern void refund_wait(Program *program, ProgramTable table, text *const *order_keys, int n);

/* program_refund_sale.c: what remains of sales, and taking it back */

typedef struct RefundedLine
{
	int			line;
	char	   *key;			/* NULL: it goes by its number */
	Numeric		remains;
} RefundedLine;

/* A sale, locked.  Neither it nor anything in it remains below zero. */
typedef struct RefundedSale
{
	int64		sale_id;
	int			plan_version;
	char	   *currency;
	Numeric		amount;
	Numeric		remains;
	bool		any;			/* has been refunded, be it in part */
	int			nlines;
	RefundedLine *lines;
	int			nentries;
	LedgerEntry *entries;
} RefundedSale;

typedef struct RefundTaking RefundTaking;

extern RefundedSale **refund_lock_sales(Program *program, const Datum *order_keys, int n);
extern RefundTaking *refund_taking(Program *program, bool parked);
extern bool refund_take(RefundTaking *taking, RefundedSale *sale, RefundRow *row, int elevel);
extern void refund_write(RefundTaking *taking);

#endif							/* DISTRIBUTOR_PROGRAM_REFUND_H */
