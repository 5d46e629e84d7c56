/*
 * engine_rotation.c
 *	  The rule "rotation": each order of a member goes one level further.
 */
#include "compat.h"

#include "engine_run.h"

/*
 * The level before the one that this order is for: where compression passes
 * over members, levels below it have moved up as well.
 */
static int
level_before(const EngineRun *run, int number)
{
	int			level = 0;

	if (run->rule->compression.rolls_up)
		return number - 1;
	for (int i = 1; i < number; i++)
	{
		EngineRate	rate;

		do
		{
			level++;
			rate = engine_rate(run, offsetof(PlanTerms, rate), level);
		} while (level < run->sale->depth && engine_skips(run, level, i, &rate));
	}
	return level;
}

void
engine_run_rotation(EngineRun *run)
{
	const PlanRule *rule = run->rule;
	int64		order = run->sale->order_number;
	EngineShare share = {0};

	if (order == 0)
		engine_missing_fact(run, "the order number", "{\"counters\": {\"order_number\": 1}}");
	if (rule->stops && order > rule->rotation_levels)
	{
		engine_no_rule(run, ENGINE_NOT_APPLICABLE);
		return;
	}
	share.number = (int) ((order - 1) % rule->rotation_levels) + 1;
	share.base = &run->base;
	share.level = engine_next_level(run, level_before(run, share.number) + 1, share.number, -1, &share.rate);
	if (rule->compression.rolls_up && share.level != share.number)
		share.basis = share.number + 1;
	(void) engine_pay(run, &share);
}
