/*
 * engine_unilevel.c
 *	  The rule "unilevel": a rate for each level of the upline.
 */
#include "compat.h"

#include "engine_run.h"

void
engine_run_unilevel(EngineRun *run)
{
	if (engine_has_rate(run, offsetof(PlanTerms, self)))
	{
		EngineShare share = {0};

		share.rate = engine_rate(run, offsetof(PlanTerms, self), 0);
		share.base = &run->base;
		(void) engine_pay(run, &share);
	}
	engine_pay_levels(run, 0, &run->base, 0);
}
