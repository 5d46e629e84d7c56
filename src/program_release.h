/*
 * program_release.h
 *	  When what a sale pays becomes available.
 */
#ifndef DISTRIBUTOR_PROGRAM_RELEASE_H
#define DISTRIBUTOR_PROGRAM_RELEASE_H

#include "program_sale.h"

extern TimestampTz release_at_posting(Program *program, TimestampTz occurred_at);
extern TimestampTz release_after(Program *program, TimestampTz start);

/* program_fulfillment.c; as the owner */
extern void release_fulfilled(Program *program, SaleBatch *batch);

#endif							/* DISTRIBUTOR_PROGRAM_RELEASE_H */
