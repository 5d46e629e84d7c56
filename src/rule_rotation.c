/*
 * rule_rotation.c
 *	  The rule "rotation": each order of a member goes one level further.
 *
 * {"name": "turn", "kind": "rotation", "rate": "10%", "levels": 3}
 */
#include "compat.h"

#include "money.h"
#include "rule.h"

static void
read_levels(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(int *) target = plan_int(at, value, 1, PLAN_MAX_LEVELS);
}

static void
read_after(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"repeat", "stop"};

	*(bool *) target = plan_word(at, value, words, lengthof(words)) == 1;
}

static const PlanKey rotation_keys[] = {
	{"levels", read_levels, offsetof(PlanRule, rotation_levels),
	"Say over how many levels it goes, for example \"levels\": 3."},
	{"after", read_after, offsetof(PlanRule, stops), NULL},
	{NULL}
};

static const PlanKey rotation_term_keys[] = {
	{"rate", plan_read_rate, offsetof(PlanTerms, rate),
	"Say what the one who is paid gets, for example \"rate\": \"10%\"."},
	{NULL}
};

static void
check(const PlanPath *at, const CommissionPlan *plan, PlanRule *rule)
{
	plan_reading(at)->plan->uses_order_number = true;
}

static int
max_level(const PlanRule *rule)
{
	return rule->compression.mode != PLAN_COMPRESSION_NONE ? PLAN_ALL_LEVELS : rule->rotation_levels;
}

/* The first order pays level 1: that slot stands for all. */
static const PlanRate *
rate_slot(const PlanTerms *terms, int slot)
{
	return slot == 1 ? &terms->rate : NULL;
}

static RuleShare
share(const CommissionPlan *plan, const PlanRule *rule, const RuleShare *shares)
{
	RuleSlots	slots = {rate_slot, 2, NULL};
	RuleShare	share = rule_share_of_slots(plan, rule, &slots, shares);

	share.varies = true;
	if (rule->stops || rule->depth_by_rank != NULL ||
		(plan->compliance.max_level > 0 && plan->compliance.max_level < rule->rotation_levels))
		share.least = money_from_int(0);
	return share;
}

static double
estimate(const JsonbValue *rule, double uplines)
{
	return Min(uplines, 1);
}

const RuleKind rule_rotation = {
	.name = "rotation",
	.has = RULE_BASE | RULE_PER_UNIT | RULE_DEPTH | RULE_COMPRESSION |
	RULE_SKIPPED_LEVEL | RULE_RANK_OF | RULE_UPLIFT,
	.keys = rotation_keys,
	.term_keys = rotation_term_keys,
	.check = check,
	.max_level = max_level,
	.share = share,
	.estimate = estimate,
	.run = engine_run_rotation,
};
