/*
 * rule_split.c
 *	  The rule "split": a budget in shares.
 *
 * {"name": "pool", "kind": "split", "budget": "40%",
 *	"levels": ["50%", "30%", "20%"]}
 */
#include "compat.h"

#include "miscadmin.h"

#include "money.h"
#include "rule.h"

/* ---- "missing" ---- */

/* Ids are 0 to 2^63 - 1. */
static void
read_member(const PlanPath *at, const JsonbValue *value, void *target)
{
	char	   *digits;
	char	   *end;

	if (value->type != jbvNumeric)
		plan_wrong_type(at, value, "the id of a member");
	digits = money_to_string(money_trim(value->val.numeric));
	errno = 0;
	*(int64 *) target = strtoi64(digits, &end, 10);
	if (errno != 0 || *end != '\0' || *(int64 *) target < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid member id in commission plan"),
				 plan_errfound(at, value),
				 errhint("An id is a whole number from 0 to %lld.", (long long) PG_INT64_MAX)));
}

static const PlanKey missing_keys[] = {
	{"member", read_member, offsetof(PlanRule, missing_member),
	"Write {\"member\": 42} for the member with that id."},
	{NULL}
};

static void
read_missing(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"house", "rolls_up", "last"};
	PlanRule   *rule = target;

	if (plan_is_object(value))
	{
		plan_read_keys(at, value, missing_keys, rule);
		rule->missing = PLAN_MISSING_MEMBER;
	}
	else if (value->type == jbvString)
		rule->missing = plan_word(at, value, words, lengthof(words));
	else
		plan_wrong_type(at, value, "\"house\", \"rolls_up\", \"last\" or {\"member\": 42}");
}

/* ---- keys ---- */

static void
read_budget(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanRate   *budget = target;

	plan_read_rate(at, value, budget);
	if (budget->by_rank != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("budget of a split is by rank"),
				 plan_errat(at),
				 errhint("Write one percentage or fixed amount; the shares may be by rank.")));
}

static const PlanKey split_keys[] = {
	{"missing", read_missing, 0, NULL},
	{NULL}
};

static const PlanKey split_term_keys[] = {
	{"budget", read_budget, offsetof(PlanTerms, budget),
	"Say what is to be split, for example \"budget\": \"40%\"."},
	{"self", plan_read_rate, offsetof(PlanTerms, self), NULL},
	{"levels", plan_read_levels, 0, NULL},
	{NULL}
};

/* ---- the sum of the shares ---- */

static void
check_not_fixed(const PlanPath *at, const CommissionPlan *plan, const PlanRate *rate)
{
	bool		has_fixed = false;

	(void) rule_highest_percentage(plan, rate, &has_fixed);
	if (has_fixed)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("share of a split is a fixed amount"),
				 plan_errat(at),
				 errhint("Shares are percentages of the budget.")));
}

static void
check_shares(const PlanPath *at, const CommissionPlan *plan, const PlanTerms *terms)
{
	PlanPath	self = {at, "self", 4, 0};
	PlanPath	levels = {at, "levels", 6, 0};

	check_not_fixed(&self, plan, &terms->self);
	for (int i = 0; i < terms->nlevels; i++)
	{
		PlanPath	here = {&levels, NULL, 0, i};

		check_not_fixed(&here, plan, &terms->levels[i]);
	}
}

/* Shares of members who all have one rank, by a variant over the rule's own. */
static Numeric
sum_of_shares(const PlanRule *rule, const PlanTerms *variant, int rank)
{
	Numeric		sum = money_from_int(0);

	for (int s = 0; s <= rule->nlevels; s++)
	{
		Numeric		share = rule_percentage(rule_level_slot(&rule->terms, s),
											rule_level_slot(variant, s), rank);

		if (share != NULL)
			sum = money_add(sum, share);
	}
	return sum;
}

static bool
any_by_rank(const PlanTerms *terms)
{
	if (terms->self.by_rank != NULL)
		return true;
	for (int i = 0; i < terms->nlevels; i++)
	{
		if (terms->levels[i].by_rank != NULL)
			return true;
	}
	return false;
}

static void
check_sum(const PlanPath *at, const CommissionPlan *plan,
		  const PlanRule *rule, const PlanTerms *terms)
{
	bool		by_rank = any_by_rank(terms) || any_by_rank(&rule->terms);

	for (int rank = 0; rank <= (by_rank ? plan->nranks : 0); rank++)
	{
		Numeric		sum;

		CHECK_FOR_INTERRUPTS();
		sum = sum_of_shares(rule, terms, rank);
		if (money_compare(sum, money_from_int(1)) <= 0)
			continue;
		sum = money_trim(money_multiply(sum, money_from_int(100)));
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split gives away more than its budget"),
				 by_rank ?
				 errdetail("At %s: the shares of %s%s%s are %s%% together.", plan_path_string(at),
						   rank > 0 ? "\"" : "", rank > 0 ? plan->ranks[rank - 1] : "members without rank",
						   rank > 0 ? "\"" : "", money_to_string(sum)) :
				 errdetail("At %s: all shares together are %s%%.",
						   plan_path_string(at), money_to_string(sum)),
				 errhint("Lower the shares until they are 100%% or less in sum.")));
	}
}

static void
check_terms(const PlanPath *at, const CommissionPlan *plan,
			const PlanRule *rule, const PlanTerms *terms)
{
	bool		is_own = terms == &rule->terms;

	if (is_own && terms->nlevels == 0 &&
		terms->self.plain.kind == PLAN_NO_VALUE && terms->self.by_rank == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule pays nobody"),
				 plan_errat(at),
				 errhint("Give \"levels\" with at least one share, or \"self\", for example \"levels\": [\"60%%\", \"40%%\"].")));
	check_shares(at, plan, terms);
	check_sum(at, plan, rule, terms);
}

static int
max_level(const PlanRule *rule)
{
	if (rule->compression.mode != PLAN_COMPRESSION_NONE ||
		rule->missing == PLAN_MISSING_ROLLS_UP)
		return PLAN_ALL_LEVELS;
	return rule->nlevels;
}

static const PlanRate *
budget_slot(const PlanTerms *terms, int slot)
{
	return &terms->budget;
}

static RuleShare
share(const CommissionPlan *plan, const PlanRule *rule, const RuleShare *shares)
{
	RuleSlots	slots = {rule_level_slot, rule->nlevels + 1, budget_slot};

	return rule_share_of_slots(plan, rule, &slots, shares);
}

static double
estimate(const JsonbValue *rule, double uplines)
{
	return (plan_find_key(rule, "self") != NULL ? 1 : 0) + rule_estimate_levels(rule, uplines);
}

const RuleKind rule_split = {
	.name = "split",
	.has = RULE_BASE | RULE_PER_UNIT | RULE_DEPTH | RULE_COMPRESSION |
	RULE_SKIPPED_LEVEL | RULE_RANK_OF,
	.keys = split_keys,
	.term_keys = split_term_keys,
	.check_terms = check_terms,
	.max_level = max_level,
	.share = share,
	.estimate = estimate,
	.run = engine_run_split,
};
