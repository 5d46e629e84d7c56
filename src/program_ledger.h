/*
 * program_ledger.h
 *	  Entering into the ledger what the engine pays.
 */
#ifndef DISTRIBUTOR_PROGRAM_LEDGER_H
#define DISTRIBUTOR_PROGRAM_LEDGER_H

#include "engine.h"
#include "program.h"

/* Rows to be entered.  What they point to must last until then. */
typedef struct LedgerRows LedgerRows;

extern LedgerRows *ledger_rows(void);
extern void ledger_add(LedgerRows *rows, const int64 *sale_id, const char *currency, const EngineLine *line);
extern void ledger_insert(Program *program, LedgerRows *rows);

#endif							/* DISTRIBUTOR_PROGRAM_LEDGER_H */
