/*
 * rule_peer.c
 *	  The rule "peer": those of the same rank again.
 *
 * {"name": "peer", "kind": "peer", "levels": ["10%"],
 *	"of": "first_peer", "income": ["team"]}
 */
#include "compat.h"

#include "money.h"
#include "rule.h"

static void
read_of(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"order", "first_peer", "previous_peer"};

	*(PlanPeerOf *) target = plan_word(at, value, words, lengthof(words));
}

static void
read_self(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"ignored", "counted"};

	*(PlanSelf *) target = plan_word(at, value, words, lengthof(words)) == 1 ?
		PLAN_SELF_COUNTED : PLAN_SELF_IGNORED;
}

static const PlanKey peer_keys[] = {
	{"of", read_of, offsetof(PlanRule, peer_of), NULL},
	{"income", plan_read_references, offsetof(PlanRule, income), NULL},
	{"self", read_self, offsetof(PlanRule, self_mode), NULL},
	{NULL}
};

static const PlanKey peer_term_keys[] = {
	{"levels", plan_read_levels, 0,
	"Say what the first peer gets, the second, and so on, for example \"levels\": [\"10%\"]."},
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
	if (rule->peer_of == PLAN_PEER_OF_ORDER && rule->income.n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"income\" goes with a peer's income"),
				 plan_errat(at),
				 errhint("Write \"of\": \"first_peer\" or \"previous_peer\", or leave \"income\" out.")));
	if (rule->peer_of != PLAN_PEER_OF_ORDER && rule->income.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("missing key \"income\" in commission plan"),
				 plan_errat(at),
				 errhint("Name the rules whose payments are a peer's income, for example \"income\": [\"team\"].")));
	if (plan->nranks == 0 && !plan_reading(at)->any_rank)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rule for equal ranks in a plan without ranks"),
				 plan_errat(at),
				 errhint("List the ranks of the plan, the lowest first, for example \"ranks\": [\"silver\", \"gold\"].")));
	plan_reading(at)->plan->uses_rank = true;
}

static int
max_level(const PlanRule *rule)
{
	return rule->max_level > 0 ? rule->max_level : PLAN_ALL_LEVELS;
}

/* ---- the worst case ---- */

/* Everybody of one rank: the first is at level 1, so the peers begin at level 2. */
static void
own_shares(const CommissionPlan *plan, const PlanRule *rule, RuleShare *share)
{
	int			top = rule->max_level > 0 ? rule->max_level : PLAN_ALL_LEVELS;

	if (plan->compliance.max_level > 0)
		top = Min(top, plan->compliance.max_level);
	for (int rank = 1; rank <= plan->nranks; rank++)
	{
		for (int i = 0; i < rule->terms.nlevels && i + 2 <= top; i++)
		{
			Numeric		rate = rule_percentage(&rule->terms.levels[i], NULL, rank);

			if (rate != NULL && rule_qualifies(rule, i + 2, rank))
				share->own[rank] = money_add(share->own[rank], rate);
		}
		if (money_compare(share->own[rank], share->certain) > 0)
			share->certain = share->own[rank];
	}
}

/* The highest rate that any terms have for so many peers. */
static Numeric
highest_level(const CommissionPlan *plan, const PlanRule *rule, int i, bool *has_fixed)
{
	Numeric		result = money_from_int(0);

	for (int v = -1; v < rule->nvariants; v++)
	{
		const PlanTerms *terms = v < 0 ? &rule->terms : &rule->variants[v];
		Numeric		rate;

		if (i >= terms->nlevels)
			continue;
		rate = rule_highest_percentage(plan, &terms->levels[i], has_fixed);
		if (money_compare(rate, result) > 0)
			result = rate;
	}
	return result;
}

/* Each rank may have all its peers in one upline. */
static Numeric
sum_over_ranks(const CommissionPlan *plan, const PlanRate *rate)
{
	Numeric		sum = money_from_int(0);

	for (int rank = 1; rank <= plan->nranks; rank++)
	{
		Numeric		value = rule_percentage(rate, NULL, rank);

		if (value != NULL)
			sum = money_add(sum, value);
	}
	return sum;
}

static Numeric
possible_share(const CommissionPlan *plan, const PlanRule *rule, const RuleShare *shares)
{
	bool		of_order = rule->peer_of == PLAN_PEER_OF_ORDER;
	bool		has_fixed = false;
	Numeric		result = money_from_int(0);
	Numeric		income = money_from_int(0);

	for (int i = 0; i < rule->nlevels; i++)
	{
		Numeric		rate = highest_level(plan, rule, i, &has_fixed);

		if (of_order && rule->nvariants == 0)
			rate = sum_over_ranks(plan, &rule->terms.levels[i]);
		else if (of_order)
			rate = money_multiply(rate, money_from_int(plan->nranks));
		result = money_add(result, rate);
	}
	if (has_fixed)
		return NULL;
	if (of_order)
		return result;
	for (int i = 0; i < rule->income.n; i++)
	{
		if (shares[rule->income.rules[i]].possible == NULL)
			return NULL;
		income = money_add(income, shares[rule->income.rules[i]].possible);
	}
	return money_multiply(result, income);
}

static RuleShare
share(const CommissionPlan *plan, const PlanRule *rule, const RuleShare *shares)
{
	RuleShare	share = rule_share_none(plan);

	share.possible = possible_share(plan, rule, shares);
	share.varies = true;
	if (rule->peer_of != PLAN_PEER_OF_ORDER)
		return share;
	own_shares(plan, rule, &share);
	rule_share_of_base(plan, rule, shares, &share);
	return share;
}

static double
estimate(const JsonbValue *rule, double uplines)
{
	return Min(rule_estimate_levels(rule, uplines), 2);
}

const RuleKind rule_peer = {
	.name = "peer",
	.has = RULE_BASE | RULE_PER_UNIT | RULE_DEPTH | RULE_COMPRESSION | RULE_MAX_LEVEL,
	.keys = peer_keys,
	.term_keys = peer_term_keys,
	.check = check,
	.max_level = max_level,
	.share = share,
	.estimate = estimate,
	.run = engine_run_peer,
};
