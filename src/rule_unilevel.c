/*
 * rule_unilevel.c
 *	  The rule "unilevel": a rate for each level of the upline.
 *
 * {"name": "sales", "kind": "unilevel", "self": "20%", "levels": ["5%", "3%"]}
 */
#include "compat.h"

#include "money.h"
#include "rule.h"

static void
read_levels(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanRule   *rule = target;
	int			nlevels = plan_array_length(at, value, PLAN_MAX_LEVELS);

	rule->levels = palloc(sizeof(MoneyFactor) * Max(nlevels, 1));
	rule->nlevels = nlevels;
	for (int i = 0; i < nlevels; i++)
	{
		PlanPath	here = {at, NULL, 0, i};

		plan_read_rate(&here, plan_array_element(value, i), &rule->levels[i]);
	}
}

static const PlanKey unilevel_keys[] = {
	{"self", plan_read_rate, offsetof(PlanRule, self), NULL},
	{"levels", read_levels, 0, NULL},
	{NULL}
};

static void
check_unilevel(const PlanPath *at, const JsonbValue *value, PlanRule *rule)
{
	if (rule->self.value == NULL && rule->nlevels == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule pays nobody"),
				 plan_errat(at),
				 errhint("Give \"levels\" with at least one rate, or \"self\", for example \"levels\": [\"20%%\", \"5%%\"].")));
}

static int
unilevel_max_level(const PlanRule *rule)
{
	return rule->nlevels;
}

static Numeric
unilevel_add_share(const PlanRule *rule, Numeric sum)
{
	if (rule->self.value != NULL)
		sum = money_add(sum, rule->self.value);
	for (int i = 0; i < rule->nlevels; i++)
		sum = money_add(sum, rule->levels[i].value);
	return sum;
}

static void
run_unilevel(EngineRun *run, const PlanRule *rule)
{
	int			nlevels = rule->nlevels;

	if (rule->self.value != NULL)
		engine_pay_level(run, rule, 0, &run->amount, &rule->self);

	/* nobody above the root can be paid: do not walk there for nothing */
	if (run->result->paid_only)
		nlevels = Min(nlevels, run->sale->depth - 1);
	for (int i = 0; i < nlevels; i++)
		engine_pay_level(run, rule, i + 1, &run->amount, &rule->levels[i]);
}

const RuleKind rule_unilevel = {
	.name = "unilevel",
	.keys = unilevel_keys,
	.check = check_unilevel,
	.max_level = unilevel_max_level,
	.add_share = unilevel_add_share,
	.run = run_unilevel,
	.uses_rank = false,
};
