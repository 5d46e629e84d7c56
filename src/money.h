/*
 * money.h
 *	  Exact decimal arithmetic of the calculation layer.
 *
 * Money is numeric, always finite, and rounded once, at the end.  Every sum
 * and product of layer 2 goes through here, so that no other file has to know
 * how the server's numeric is called.  Results are palloc'd in the current
 * memory context.
 */
#ifndef DISTRIBUTOR_MONEY_H
#define DISTRIBUTOR_MONEY_H

#include "compat.h"

#include "utils/numeric.h"

/*
 * More decimals than a numeric column can declare are refused: with up to
 * this many, no product of the engine reaches the scale at which numeric
 * itself would round, so "exact" stays exact.
 */
#define MONEY_MAX_SCALE			NUMERIC_MAX_SCALE

/*
 * A number that is multiplied many times: a rate, the base of a sale.  Where
 * it is small enough it is also kept as units * 10^-scale, and then a product
 * is one multiplication of integers instead of three calls of numeric.
 */
typedef struct MoneyFactor
{
	Numeric		value;			/* NULL: no number */
	int32		units;			/* -1: negative or too large for this form */
	int			scale;			/* 0 .. MONEY_UNITS_MAX_SCALE */
} MoneyFactor;

#define MONEY_UNITS_MAX_SCALE	9

/* 10^0 .. 10^18: all that 64 bits hold */
#define MONEY_POWERS_OF_TEN		19
extern const int64 money_powers_of_ten[MONEY_POWERS_OF_TEN];

/* Sums of a few of these do not overflow. */
#define MONEY_MAX_UNITS			INT64CONST(1000000000000000)

/* Longest number that is read from a text, in bytes. */
#define MONEY_MAX_TEXT			100

/* How to round; all are mirrored for negatives. */
typedef enum MoneyRounding
{
	MONEY_HALF_UP,				/* half away from zero, as numeric does */
	MONEY_HALF_EVEN,
	MONEY_DOWN,					/* toward zero */
	MONEY_CEILING				/* away from zero */
} MoneyRounding;

extern bool money_is_finite(Numeric value);
extern bool money_is_zero(Numeric value);
extern int	money_sign(Numeric value);	/* -1, 0, 1; of a finite value */
extern int	money_compare(Numeric a, Numeric b);
extern int	money_scale(Numeric value); /* digits after the point, as displayed */

extern Numeric money_add(Numeric a, Numeric b);
extern Numeric money_subtract(Numeric a, Numeric b);
extern void money_add_to(Numeric *sum, Numeric value);
extern Numeric money_multiply(Numeric a, Numeric b);
extern Numeric money_round(Numeric value, int scale, MoneyRounding rounding);
extern Numeric money_trim(Numeric value);	/* without trailing zeros */
extern Numeric money_portion(Numeric whole, Numeric part, Numeric of, int scale);

extern MoneyFactor money_factor(Numeric value);
extern bool money_factor_is_zero(const MoneyFactor *factor);
extern MoneyFactor money_difference(const MoneyFactor *a, const MoneyFactor *b);
extern Numeric money_product(const MoneyFactor *a, const MoneyFactor *b,
							 int scale, MoneyRounding rounding, int64 *units);
extern bool money_product_units(const MoneyFactor *a, const MoneyFactor *b, int scale,
								MoneyRounding rounding, int64 *result);
extern int64 money_to_units(Numeric value, int scale);
extern Numeric money_from_units(int64 units, int scale);

extern Numeric money_from_int(int64 value);
extern Numeric money_from_digits(const char *digits);	/* "12.50": checked by the caller */
extern Numeric money_from_text(const char *text, int len);	/* NULL: no plain number */
extern bool money_to_int(Numeric value, int *result);	/* false: not an int */
extern char *money_to_string(Numeric value);

#endif							/* DISTRIBUTOR_MONEY_H */
