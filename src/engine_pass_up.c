/*
 * engine_pass_up.c
 *	  The rule "pass_up": the first recruits, or orders, of a member go to the
 *	  upline above.
 */
#include "compat.h"

#include "engine_run.h"

/* Is the member at a level among the first recruits of its sponsor? */
static bool
is_passed_on(const EngineRun *run, int level)
{
	const EngineSale *sale = run->sale;

	if (level >= sale->nrecruit_numbers || sale->recruit_numbers[level] == 0)
		engine_missing_fact(run, "the recruit numbers of the upline",
							"{\"counters\": {\"recruit_numbers\": [1, 4, 2]}}");
	return sale->recruit_numbers[level] <= run->rule->passes;
}

static bool
is_passed_up(const EngineRun *run)
{
	if (!run->rule->counts_orders)
		return is_passed_on(run, 0);
	if (run->sale->order_number == 0)
		engine_missing_fact(run, "the order number", "{\"counters\": {\"order_number\": 1}}");
	return run->sale->order_number <= run->rule->passes;
}

/* Who gets what level 1 passes up; *nobody: that level is too high. */
static int
find_keeper(const EngineRun *run, bool *nobody)
{
	int			depth = run->sale->depth;
	int			end = run->rule->max_level > 0 ? Min(depth, run->rule->max_level + 1) : depth;
	int			level = 2;

	while (run->rule->chain && level < end && is_passed_on(run, level - 1))
		level++;
	*nobody = level >= end;
	if (*nobody && run->rule->chain && end == depth && !run->rule->house_at_root)
	{
		*nobody = false;
		return depth - 1;		/* the root */
	}
	return level;
}

static void
pay(EngineRun *run, Size term, int level, int basis)
{
	EngineShare share = {.level = level, .number = level, .basis = basis};

	if (!engine_has_rate(run, term))
		return;
	share.rate = engine_rate(run, term, level);
	share.base = &run->base;
	(void) engine_pay(run, &share);
}

/* What is passed up, to a level where nobody gets it: as if it were beyond the path. */
static void
pay_nobody(EngineRun *run, int level)
{
	EngineShare share = {.level = run->sale->depth};
	EngineLine *line;

	if (!engine_has_rate(run, offsetof(PlanTerms, pass)))
		return;
	share.rate = engine_rate(run, offsetof(PlanTerms, pass), share.level);
	share.base = &run->base;
	line = engine_refuse(run, &share, ENGINE_NO_UPLINE);
	if (line != NULL)
		line->level = level;
}

void
engine_run_pass_up(EngineRun *run)
{
	bool		nobody;
	int			keeper;

	/* a root has nobody above, whatever the counters say */
	if (run->sale->depth < 2 || !is_passed_up(run))
	{
		pay(run, offsetof(PlanTerms, keep), 1, 0);
		return;
	}
	pay(run, offsetof(PlanTerms, retain), 1, 0);
	keeper = find_keeper(run, &nobody);
	if (nobody)
		pay_nobody(run, keeper);
	else
		/* the share of level 2, apart from what level 1 retains */
		pay(run, offsetof(PlanTerms, pass), keeper, keeper == 1 ? 3 : 0);
}
