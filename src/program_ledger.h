/*
 * program_ledger.h
 *	  Entering rows into the ledger.
 */
#ifndef DISTRIBUTOR_PROGRAM_LEDGER_H
#define DISTRIBUTOR_PROGRAM_LEDGER_H

#include "engine.h"
#include "program.h"

/* The kinds of events that rows belong to; ledger.source has their names. */
typedef enum LedgerSource
{
	LEDGER_SALE,
	LEDGER_REFUND,
	LEDGER_ADJUSTMENT,
	LEDGER_PAYOUT,
	LEDGER_PAYOUT_FAILURE
} LedgerSource;

/* Rows of one kind, to be entered.  What they point to must last until then. */
typedef struct LedgerRows LedgerRows;

/* When money is available that a later release of its sale will say. */
#define LEDGER_UNRELEASED	DT_NOEND

/* A row that is there, and what remains of it. */
typedef struct LedgerEntry
{
	int64		entry_id;
	int64		member_id;
	int64		basis;
	int			level;
	int			line;
	char	   *rule;
	TimestampTz available_at;	/* or LEDGER_UNRELEASED */
	Numeric		remains;		/* never negative */
} LedgerEntry;

extern LedgerRows *ledger_rows(LedgerSource source);
extern void ledger_add(LedgerRows *rows, const int64 *sale_id, const char *currency,
					   TimestampTz available_at, const EngineLine *line);
extern void ledger_take_back(LedgerRows *rows, const int64 *refund_id, const char *currency,
							 const LedgerEntry *entry, Numeric part);
extern void ledger_move(LedgerRows *rows, const int64 *source_id, int64 member_id, const char *rule,
						Numeric amount, const char *currency, int64 reverses);
extern void ledger_insert(Program *program, LedgerRows *rows);

/* program_archive.c: whose entries are not at hand any more */
extern void ledger_check_not_archived(Program *program, Datum sale_ids);

#endif							/* DISTRIBUTOR_PROGRAM_LEDGER_H */
