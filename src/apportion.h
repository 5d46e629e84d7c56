/*
 * apportion.h
 *	  Dividing an amount over what remains of rows, to the last unit.
 */
#ifndef DISTRIBUTOR_APPORTION_H
#define DISTRIBUTOR_APPORTION_H

#include "money.h"

extern Numeric apportion_sum(const Numeric *remainders, int n);
extern void apportion(Numeric amount, const Numeric *remainders, int n, int scale, Numeric *parts);
extern Numeric apportion_take(Numeric part, Numeric of, const Numeric *remainders, int n, int scale,
							  Numeric *parts);

#endif							/* DISTRIBUTOR_APPORTION_H */
