/*
 * rule_pass_up.c
 *	  The rule "pass_up": the first ones go to the upline above.
 *
 * {"name": "two_up", "kind": "pass_up", "passes": 2, "keep": "40%",
 *	"retain": "10%", "pass": "30%"}
 */
#include "compat.h"

#include "money.h"
#include "rule.h"

static void
read_passes(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(int *) target = plan_int(at, value, 0, PLAN_MAX_LEVELS);
}

static void
read_counter(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"recruits", "orders"};

	*(bool *) target = plan_word(at, value, words, lengthof(words)) == 1;
}

static void
read_at_root(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"root", "house"};

	*(bool *) target = plan_word(at, value, words, lengthof(words)) == 1;
}

static const PlanKey pass_up_keys[] = {
	{"passes", read_passes, offsetof(PlanRule, passes),
	"Say how many are passed up, for example \"passes\": 2."},
	{"counter", read_counter, offsetof(PlanRule, counts_orders), NULL},
	{"chain", plan_read_bool, offsetof(PlanRule, chain), NULL},
	{"at_root", read_at_root, offsetof(PlanRule, house_at_root), NULL},
	{NULL}
};

static const PlanKey pass_up_term_keys[] = {
	{"keep", plan_read_rate, offsetof(PlanTerms, keep), NULL},
	{"retain", plan_read_rate, offsetof(PlanTerms, retain), NULL},
	{"pass", plan_read_rate, offsetof(PlanTerms, pass), NULL},
	{NULL}
};

static bool
is_given(const PlanRate *rate)
{
	return rate->by_rank != NULL || rate->plain.kind != PLAN_NO_VALUE;
}

static void
check(const PlanPath *at, const CommissionPlan *plan, PlanRule *rule)
{
	if (!is_given(&rule->terms.keep) && !is_given(&rule->terms.retain) &&
		!is_given(&rule->terms.pass))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule pays nobody"),
				 plan_errat(at),
				 errhint("Give at least one of \"keep\", \"retain\" and \"pass\".")));
	if (rule->chain && rule->counts_orders)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("chain of pass-ups counts orders"),
				 plan_errat(at),
				 errhint("With \"chain\", write \"counter\": \"recruits\".")));
	if (rule->house_at_root && !rule->chain)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"at_root\" goes with a chain of pass-ups"),
				 plan_errat(at),
				 errhint("Write \"chain\": true, or leave \"at_root\" out.")));
	if (rule->counts_orders)
		plan_reading(at)->plan->uses_order_number = true;
	else
		plan_reading(at)->plan->uses_recruit_numbers = true;
}

static int
max_level(const PlanRule *rule)
{
	int			most = rule->chain ? PLAN_ALL_LEVELS : 2;

	return rule->max_level > 0 ? Min(rule->max_level, most) : most;
}

/* ---- the worst case ---- */

static Numeric
rate_at(const PlanRule *rule, const PlanRate *rate, int level, int rank)
{
	Numeric		result = rule_percentage(rate, NULL, rank);

	if (result == NULL || !rule_qualifies(rule, level, rank))
		return money_from_int(0);
	if (rule->uplift_by_rank != NULL && rule->uplift_by_rank[rank].value != NULL)
		result = money_multiply(result, rule->uplift_by_rank[rank].value);
	return result;
}

/* The most that these terms have for either of two uplines; variants may mix them. */
static Numeric
possible_rate(const CommissionPlan *plan, const PlanRule *rule, Size offset, bool *has_fixed)
{
	Numeric		result = money_from_int(0);
	Numeric		uplift = money_from_int(1);

	for (int v = -1; v < rule->nvariants; v++)
	{
		const PlanTerms *terms = v < 0 ? &rule->terms : &rule->variants[v];
		Numeric		rate = rule_highest_percentage(plan, (const PlanRate *) ((const char *) terms + offset),
												   has_fixed);

		if (money_compare(rate, result) > 0)
			result = rate;
	}
	for (int rank = 0; rule->uplift_by_rank != NULL && rank <= plan->nranks; rank++)
	{
		Numeric		other = rule->uplift_by_rank[rank].value;

		if (other != NULL && money_compare(other, uplift) > 0)
			uplift = other;
	}
	return money_multiply(result, uplift);
}

static Numeric
possible_share(const CommissionPlan *plan, const PlanRule *rule)
{
	bool		has_fixed = false;
	Numeric		kept = possible_rate(plan, rule, offsetof(PlanTerms, keep), &has_fixed);
	Numeric		passed = money_add(possible_rate(plan, rule, offsetof(PlanTerms, retain), &has_fixed),
								   possible_rate(plan, rule, offsetof(PlanTerms, pass), &has_fixed));

	if (has_fixed)
		return NULL;
	return money_compare(kept, passed) > 0 ? kept : passed;
}

static int
top_level(const CommissionPlan *plan, const PlanRule *rule)
{
	int			top = max_level(rule);

	return plan->compliance.max_level > 0 ? Min(top, plan->compliance.max_level) : top;
}

/* Kept or passed up is decided by a counter: what is less is own. */
static RuleShare
share(const CommissionPlan *plan, const PlanRule *rule, const RuleShare *shares)
{
	RuleShare	share = rule_share_none(plan);
	bool		passes_up = rule->passes > 0;

	share.varies = true;
	for (int rank = 0; rank <= plan->nranks; rank++)
	{
		Numeric		kept = rate_at(rule, &rule->terms.keep, 1, rank);
		Numeric		passed = rate_at(rule, &rule->terms.retain, 1, rank);

		if (top_level(plan, rule) >= 2)
			passed = money_add(passed, rate_at(rule, &rule->terms.pass, 2, rank));
		if (!passes_up)
			passed = kept;
		if (money_compare(kept, passed) > 0)
		{
			share.own[rank] = passed;
			passed = kept;
		}
		else
			share.own[rank] = kept;
		if (money_compare(passed, share.certain) > 0)
			share.certain = passed;
	}
	share.possible = possible_share(plan, rule);
	rule_share_of_base(plan, rule, shares, &share);
	return share;
}

static double
estimate(const JsonbValue *rule, double uplines)
{
	return Min(uplines, 1);
}

static bool
passes_recruits(const PlanRule *rule)
{
	return !rule->counts_orders;
}

const RuleKind rule_pass_up = {
	.name = "pass_up",
	.has = RULE_BASE | RULE_PER_UNIT | RULE_RANK_OF | RULE_UPLIFT | RULE_MAX_LEVEL,
	.keys = pass_up_keys,
	.term_keys = pass_up_term_keys,
	.check = check,
	.max_level = max_level,
	.share = share,
	.passes_recruits = passes_recruits,
	.estimate = estimate,
	.run = engine_run_pass_up,
};
