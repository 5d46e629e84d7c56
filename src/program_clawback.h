/*
 * program_clawback.h
 *	  Refunds that would take more than a member has left.
 */
#ifndef DISTRIBUTOR_PROGRAM_CLAWBACK_H
#define DISTRIBUTOR_PROGRAM_CLAWBACK_H

#include "program_account.h"

extern void clawback_check(Program *program, AccountSet *set, Datum refund_ids);

#endif							/* DISTRIBUTOR_PROGRAM_CLAWBACK_H */
