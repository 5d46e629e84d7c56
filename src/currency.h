/*
 * currency.h
 *	  ISO 4217 currencies and the decimals of their minor units.
 */
#ifndef DISTRIBUTOR_CURRENCY_H
#define DISTRIBUTOR_CURRENCY_H

#include "compat.h"

/* Longest code that a plan may declare of its own, in bytes. */
#define CURRENCY_MAX_CODE		16

/* Decimals where no currency is named. */
#define CURRENCY_DEFAULT_SCALE	2

extern int	currency_iso_scale(const char *code);	/* -1: not an ISO 4217 code */
extern bool currency_valid_code(const char *code, int len);
extern char *currency_in_upper_case(const char *code);

#endif							/* DISTRIBUTOR_CURRENCY_H */
