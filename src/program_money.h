/*
 * program_money.h
 *	  What adjustments and payouts have in common: keys, amounts, currencies.
 */
#ifndef DISTRIBUTOR_PROGRAM_MONEY_H
#define DISTRIBUTOR_PROGRAM_MONEY_H

#include "money.h"
#include "program.h"

/* Longest key that somebody gives, and that is made of one, in bytes. */
#define MONEY_MAX_KEY		1024
#define MONEY_MAX_OWN_KEY	2048

extern text *money_key_arg(FunctionCallInfo fcinfo, int argno, const char *what);
extern text *money_text_arg(FunctionCallInfo fcinfo, int argno, const char *what, bool required);
extern char *money_currency_arg(FunctionCallInfo fcinfo, int argno, Program *program);
extern bool money_same_text(const text *a, const text *b);

/* as the owner */
extern int	money_currency_scale(Program *program, const char *currency);
extern Numeric money_check_amount(Numeric amount, int scale, const char *currency, const char *what);

#endif							/* DISTRIBUTOR_PROGRAM_MONEY_H */
