/*
 * engine_override.c
 *	  The rule "override": uplines get a share of what another rule paid to
 *	  somebody below them.
 */
#include "compat.h"

#include "miscadmin.h"

#include "engine_run.h"

/*
 * The levels are visited upwards, and a rule pays only above the level whose
 * income it takes: with on_itself, what it pays is complete when its turn
 * comes.
 */
void
engine_run_override(EngineRun *run)
{
	const PlanRule *rule = run->rule;
	PlanRules	of = rule->of;

	if (rule->on_itself)
	{
		of.rules = palloc(sizeof(int) * (of.n + 1));
		memcpy(of.rules, rule->of.rules, sizeof(int) * of.n);
		of.rules[of.n++] = rule->index;
	}
	for (int level = 0; level < run->sale->depth; level++)
	{
		MoneyFactor income;

		CHECK_FOR_INTERRUPTS();
		income = money_factor(engine_paid(run, &of, level, false));
		if (!money_is_zero(income.value))
			engine_pay_levels(run, level, &income, level + 1);
	}
}
