/*
 * rule_override.c
 *	  The rule "override": a share of what another rule paid.
 *
 * {"name": "match", "kind": "override", "of": ["sales"], "levels": ["10%"]}
 */
#include "compat.h"

#include "money.h"
#include "rule.h"

static const PlanKey override_keys[] = {
	{"of", plan_read_references, offsetof(PlanRule, of),
	"Name the rules whose payments are matched, for example \"of\": [\"sales\"]."},
	{"on_itself", plan_read_bool, offsetof(PlanRule, on_itself), NULL},
	{NULL}
};

static const PlanKey override_term_keys[] = {
	{"levels", plan_read_levels, 0,
	"Say what the uplines of whoever was paid get, for example \"levels\": [\"10%\"]."},
	{NULL}
};

static void
check(const PlanPath *at, const CommissionPlan *plan, PlanRule *rule)
{
	if (rule->terms.nlevels == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule pays nobody"),
				 plan_errat(at),
				 errhint("Give \"levels\" with at least one rate.")));
}

/* Levels are counted from whoever was paid, at any level. */
static int
max_level(const PlanRule *rule)
{
	return PLAN_ALL_LEVELS;
}

/* ---- the worst case ---- */

/* All rates together, of the terms that have the highest; NULL: there are fixed ones. */
static Numeric
highest_sum(const CommissionPlan *plan, const PlanRule *rule)
{
	bool		has_fixed = false;
	Numeric		sum = money_from_int(0);

	for (int i = 0; i < rule->nlevels; i++)
	{
		Numeric		highest = money_from_int(0);

		for (int v = -1; v < rule->nvariants; v++)
		{
			const PlanTerms *terms = v < 0 ? &rule->terms : &rule->variants[v];
			Numeric		rate;

			if (i >= terms->nlevels)
				continue;
			rate = rule_highest_percentage(plan, &terms->levels[i], &has_fixed);
			if (money_compare(rate, highest) > 0)
				highest = rate;
		}
		sum = money_add(sum, highest);
	}
	return has_fixed ? NULL : sum;
}

static Numeric
highest_uplift(const CommissionPlan *plan, const PlanRule *rule)
{
	Numeric		result = money_from_int(1);

	for (int rank = 0; rule->uplift_by_rank != NULL && rank <= plan->nranks; rank++)
	{
		Numeric		uplift = rule->uplift_by_rank[rank].value;

		if (uplift != NULL && money_compare(uplift, result) > 0)
			result = uplift;
	}
	return result;
}

static Numeric
possible_share(const CommissionPlan *plan, const PlanRule *rule, const RuleShare *shares)
{
	Numeric		rates = highest_sum(plan, rule);
	Numeric		paid = money_from_int(0);

	if (rates == NULL)
		return NULL;
	for (int i = 0; i < rule->of.n; i++)
	{
		if (shares[rule->of.rules[i]].possible == NULL)
			return NULL;
		paid = money_add(paid, shares[rule->of.rules[i]].possible);
	}
	rates = money_multiply(rates, highest_uplift(plan, rule));
	if (rule->on_itself)
	{
		/* r + r^2 + ... is no more than 2 r up to a half; above, it depends on the depth */
		rates = money_multiply(rates, money_from_int(2));
		if (money_compare(rates, money_from_int(1)) > 0)
			return NULL;
	}
	return money_multiply(rates, paid);
}

/* What is certain depends on who was paid: nothing is said of it. */
static RuleShare
share(const CommissionPlan *plan, const PlanRule *rule, const RuleShare *shares)
{
	RuleShare	share = rule_share_none(plan);

	share.possible = possible_share(plan, rule, shares);
	return share;
}

/* As if the rules that it matches paid everybody. */
static double
estimate(const JsonbValue *rule, double uplines)
{
	return rule_estimate_levels(rule, uplines) * 2;
}

const RuleKind rule_override = {
	.name = "override",
	.has = RULE_DEPTH | RULE_COMPRESSION | RULE_RANK_OF | RULE_UPLIFT,
	.keys = override_keys,
	.term_keys = override_term_keys,
	.check = check,
	.max_level = max_level,
	.share = share,
	.estimate = estimate,
	.run = engine_run_override,
};
