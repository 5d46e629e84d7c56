/*
 * engine_unilevel.c
 *	  The rule "unilevel": a rate for each level of the upline.
 */
#include "compat.h"

#include "engine_run.h"

static void
pay_plain_level(EngineRun *run, int level, const PlanRate *rate)
{
	const EngineSale *sale = run->sale;

	if (sale->states == NULL || sale->states[level] == ENGINE_ACTIVE)
		engine_pay_percentage(run, level, 0, &run->base, &rate->plain.percentage);
}

/* The short way of a plain rule: what nobody is paid, nobody asks for. */
static void
pay_plain(EngineRun *run)
{
	const PlanTerms *terms = &run->rule->terms;
	int			end = run->top_level < run->sale->depth ? run->top_level + 1 : run->sale->depth;
	int			nlevels = Min(terms->nlevels, end - 1);

	if (end > 0 && terms->self.plain.kind == PLAN_PERCENTAGE)
		pay_plain_level(run, 0, &terms->self);
	for (int i = 0; i < nlevels; i++)
		pay_plain_level(run, i + 1, &terms->levels[i]);
}

void
engine_run_unilevel(EngineRun *run)
{
	if (run->result->paid_only && run->rule->is_plain)
	{
		pay_plain(run);
		return;
	}
	if (engine_has_rate(run, offsetof(PlanTerms, self)))
	{
		EngineShare share = {0};

		share.rate = engine_rate(run, offsetof(PlanTerms, self), 0);
		share.base = &run->base;
		(void) engine_pay(run, &share);
	}
	engine_pay_levels(run, 0, &run->base, 0);
}
