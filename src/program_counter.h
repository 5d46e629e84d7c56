/*
 * program_counter.h
 *	  What a plan asks for beyond the sale itself: which order of the member it
 *	  is, which recruits its upline are, what a rule has paid before.
 *
 * The way of a batch of sales:
 *
 *		counters_want() for each sale
 *		counters_lock(), counters_load()
 *		for each sale in order: counters_of(), engine_read_counters(),
 *			engine_run(), counters_add()
 *
 * so that a sale sees what those before it in the batch were paid.  An order
 * that is posted anew for the same member keeps its number and is not counted
 * once more: counters_keep_order() before counters_of().  Sales that have been
 * replaced count for nothing else.
 */
#ifndef DISTRIBUTOR_PROGRAM_COUNTER_H
#define DISTRIBUTOR_PROGRAM_COUNTER_H

#include "engine.h"
#include "program.h"

typedef struct Counters Counters;

/* Where counting begins. */
typedef enum CountersFrom
{
	COUNTERS_FROM_TABLES,		/* what the program has posted */
	COUNTERS_FROM_REMAINING,	/* less what is being replaced in this transaction */
	COUNTERS_FROM_ZERO			/* nothing before the first sale; recruits are looked up */
} CountersFrom;

/*
 * Of a member, more recruits than this are not told apart: no rule asks beyond
 * a thousand, and a sponsor may have a million.
 */
#define COUNTERS_MAX_RECRUIT	1001

extern bool counters_needed(const CommissionPlan *plan);
extern Counters *counters_create(Program *program, CountersFrom from);
extern void counters_expect(Counters *counters, const CommissionPlan *plan);
extern void counters_want(Counters *counters, const CommissionPlan *plan, const EngineSale *sale);
extern void counters_lock(Counters *counters);
extern void counters_load(Counters *counters);
extern void counters_keep_order(Counters *counters, int64 number);
extern Jsonb *counters_of(Counters *counters, const CommissionPlan *plan, const EngineSale *sale);
extern void counters_add(Counters *counters, const EngineSale *sale, const EngineResult *result);
extern void counters_add_order(Counters *counters, int64 member_id);

#endif							/* DISTRIBUTOR_PROGRAM_COUNTER_H */
