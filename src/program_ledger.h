/*
 * program_ledger.h
 *	  Entering into the ledger what the engine pays and what refunds take back.
 */
#ifndef DISTRIBUTOR_PROGRAM_LEDGER_H
#define DISTRIBUTOR_PROGRAM_LEDGER_H

#include "engine.h"
#include "program.h"

/*
 * Rows to be entered, of sales or of refunds, not of both.  What they point to
 * must last until then.
 */
typedef struct LedgerRows LedgerRows;

/* A row that is there, and what remains of it. */
typedef struct LedgerEntry
{
	int64		entry_id;
	int64		member_id;
	int64		basis;
	int			level;
	int			line;
	char	   *rule;
	Numeric		remains;		/* never negative */
} LedgerEntry;

extern LedgerRows *ledger_rows(void);
extern void ledger_add(LedgerRows *rows, const int64 *sale_id, const char *currency, const EngineLine *line);
extern void ledger_take_back(LedgerRows *rows, const int64 *refund_id, const char *currency,
							 const LedgerEntry *entry, Numeric part);
extern void ledger_insert(Program *program, LedgerRows *rows);

#endif							/* DISTRIBUTOR_PROGRAM_LEDGER_H */
