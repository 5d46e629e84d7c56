/*
 * program_balance.h
 *	  What members have.
 */
#ifndef DISTRIBUTOR_PROGRAM_BALANCE_H
#define DISTRIBUTOR_PROGRAM_BALANCE_H

#include "money.h"
#include "program.h"

/* under the lock of the account; in the latest snapshot */
extern Numeric account_available(Program *program, int64 member_id, const char *currency);

#endif							/* DISTRIBUTOR_PROGRAM_BALANCE_H */
