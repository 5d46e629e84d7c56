/*
 * rule_unilevel.c
 *	  The rule "unilevel": a rate for each level of the upline.
 *
 * {"name": "sales", "kind": "unilevel", "self": "20%", "levels": ["5%", "3%"]}
 */
#include "compat.h"

#include "rule.h"

static const PlanKey unilevel_keys[] = {
	{NULL}
};

static const PlanKey unilevel_term_keys[] = {
	{"self", plan_read_rate, offsetof(PlanTerms, self), NULL},
	{"levels", plan_read_levels, 0, NULL},
	{NULL}
};

static void
check_terms(const PlanPath *at, const CommissionPlan *plan,
			const PlanRule *rule, const PlanTerms *terms)
{
	if (terms == &rule->terms && terms->nlevels == 0 &&
		terms->self.plain.kind == PLAN_NO_VALUE && terms->self.by_rank == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule pays nobody"),
				 plan_errat(at),
				 errhint("Give \"levels\" with at least one rate, or \"self\", for example \"levels\": [\"20%%\", \"5%%\"].")));
}

/* Where members are skipped, the last rate may be paid at any level. */
static int
max_level(const PlanRule *rule)
{
	if (rule->nlevels > 0 && rule->compression.mode != PLAN_COMPRESSION_NONE)
		return PLAN_ALL_LEVELS;
	return rule->nlevels;
}

static RuleShare
share(const CommissionPlan *plan, const PlanRule *rule, const RuleShare *shares)
{
	RuleSlots	slots = {rule_level_slot, rule->nlevels + 1, NULL};

	return rule_share_of_slots(plan, rule, &slots, shares);
}

static double
estimate(const JsonbValue *rule, double uplines)
{
	return (plan_find_key(rule, "self") != NULL ? 1 : 0) + rule_estimate_levels(rule, uplines);
}

const RuleKind rule_unilevel = {
	.name = "unilevel",
	.has = RULE_BASE | RULE_PER_UNIT | RULE_DEPTH | RULE_COMPRESSION |
	RULE_SKIPPED_LEVEL | RULE_RANK_OF | RULE_UPLIFT,
	.keys = unilevel_keys,
	.term_keys = unilevel_term_keys,
	.check_terms = check_terms,
	.max_level = max_level,
	.share = share,
	.estimate = estimate,
	.run = engine_run_unilevel,
};
