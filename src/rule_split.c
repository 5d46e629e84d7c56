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

/*
 * Sums of shares, of members who all have one rank: for a rule's own terms, and
 * for a variant by what it changes, so that many variants of a rule with many
 * levels cost no more than they say.
 */
typedef struct Sums
{
	Numeric    *by_rank;		/* nranks + 1 elements */
	Numeric		plain;			/* to be added for every rank */
	bool		differ;			/* by rank */
} Sums;

static bool
is_plain(const PlanRate *rate)
{
	return rate == NULL || rate->by_rank == NULL;
}

static Numeric
share_at(const PlanRate *own, const PlanRate *variant, int rank)
{
	Numeric		share = rule_percentage(own, variant, rank);

	return share != NULL ? share : money_from_int(0);
}

/* What a variant makes of one share; without one, the rule's own share. */
static void
add_share(Sums *sums, const CommissionPlan *plan, const PlanRate *own, const PlanRate *variant)
{
	if (is_plain(own) && is_plain(variant))
	{
		sums->plain = money_add(sums->plain, share_at(own, variant, 0));
		if (variant != NULL)
			sums->plain = money_subtract(sums->plain, share_at(own, NULL, 0));
		return;
	}
	sums->differ = true;
	for (int rank = 0; rank <= plan->nranks; rank++)
	{
		Numeric    *sum = &sums->by_rank[rank];

		*sum = money_add(*sum, share_at(own, variant, rank));
		if (variant != NULL)
			*sum = money_subtract(*sum, share_at(own, NULL, rank));
	}
}

static Sums
own_sums(const CommissionPlan *plan, const PlanRule *rule)
{
	Sums		sums = {palloc(sizeof(Numeric) * (plan->nranks + 1)), money_from_int(0), false};

	for (int rank = 0; rank <= plan->nranks; rank++)
		sums.by_rank[rank] = sums.plain;
	for (int s = 0; s <= rule->terms.nlevels; s++)
		add_share(&sums, plan, rule_level_slot(&rule->terms, s), NULL);
	return sums;
}

static Sums
variant_sums(const CommissionPlan *plan, const PlanRule *rule, const PlanTerms *variant,
			 const Sums *own)
{
	Sums		sums = *own;

	sums.by_rank = palloc(sizeof(Numeric) * (plan->nranks + 1));
	memcpy(sums.by_rank, own->by_rank, sizeof(Numeric) * (plan->nranks + 1));
	for (int s = 0; s <= variant->nlevels; s++)
		add_share(&sums, plan, rule_level_slot(&rule->terms, s), rule_level_slot(variant, s));
	return sums;
}

static void
check_sums(const PlanPath *at, const CommissionPlan *plan, const Sums *sums)
{
	for (int rank = 0; rank <= (sums->differ ? plan->nranks : 0); rank++)
	{
		Numeric		sum = money_add(sums->by_rank[rank], sums->plain);
		const char *percent;

		if (money_compare(sum, money_from_int(1)) <= 0)
			continue;
		percent = money_to_string(money_trim(money_multiply(sum, money_from_int(100))));
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("split gives away more than its budget"),
				 !sums->differ ?
				 errdetail("At %s: all shares together are %s%%.", plan_path_string(at), percent) :
				 rank == 0 ?
				 errdetail("At %s: the shares of members without rank are %s%% together.",
						   plan_path_string(at), percent) :
				 errdetail("At %s: the shares of \"%s\" are %s%% together.",
						   plan_path_string(at), plan->ranks[rank - 1], percent),
				 errhint("Lower the shares until they are 100%% or less in sum.")));
	}
}

/* By the rule's own terms, and by each variant alone over them. */
static void
check(const PlanPath *at, const CommissionPlan *plan, PlanRule *rule)
{
	PlanPath	variants = {at, "variants", 8, 0};
	Sums		own = own_sums(plan, rule);

	check_sums(at, plan, &own);
	for (int i = 0; i < rule->nvariants; i++)
	{
		PlanPath	here = {&variants, NULL, 0, rule->variants[i].place};
		Sums		sums;

		CHECK_FOR_INTERRUPTS();
		sums = variant_sums(plan, rule, &rule->variants[i], &own);
		check_sums(&here, plan, &sums);
		pfree(sums.by_rank);
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
}

/* A named member may stand anywhere on the path, and is paid only if active. */
static int
max_level(const PlanRule *rule)
{
	if (rule->compression.mode != PLAN_COMPRESSION_NONE ||
		rule->missing == PLAN_MISSING_ROLLS_UP || rule->missing == PLAN_MISSING_MEMBER)
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
	.check = check,
	.check_terms = check_terms,
	.max_level = max_level,
	.share = share,
	.estimate = estimate,
	.run = engine_run_split,
};
