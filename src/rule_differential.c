/*
 * rule_differential.c
 *	  The rule "differential": the rate of the rank, less what was paid below.
 *
 * {"name": "team", "kind": "differential",
 *	"rates": {"by_rank": {"silver": "10%", "gold": "15%"}}}
 */
#include "compat.h"

#include "money.h"
#include "rule.h"

static void
read_self(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"ignored", "paid", "counted"};

	*(PlanSelf *) target = plan_word(at, value, words, lengthof(words));
}

/* What a rank gets in all, or adds: without ranks there is nothing to tell apart. */
static void
read_rate_by_rank(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanRate   *rate = target;

	plan_read_rate(at, value, rate);
	if (rate->by_rank == NULL && value->type != jbvNull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate of a differential is not by rank"),
				 plan_errfound(at, value),
				 errhint("Write {\"by_rank\": {\"silver\": \"10%%\", \"gold\": \"15%%\"}}.")));
}

static const PlanKey differential_keys[] = {
	{"gap_filling", plan_read_bool, offsetof(PlanRule, gap_filling), NULL},
	{"self", read_self, offsetof(PlanRule, self_mode), NULL},
	{"deduct", plan_read_references, offsetof(PlanRule, deduct), NULL},
	{NULL}
};

static const PlanKey differential_term_keys[] = {
	{"rates", read_rate_by_rank, offsetof(PlanTerms, rates), NULL},
	{"slices", read_rate_by_rank, offsetof(PlanTerms, slices), NULL},
	{NULL}
};

static int
compare_percentages(const void *a, const void *b)
{
	const PlanValue *x = *(const PlanValue *const *) a;
	const PlanValue *y = *(const PlanValue *const *) b;

	return money_compare(x->percentage.value, y->percentage.value);
}

/* Up to this many different rates, all differences are made beforehand. */
#define MAX_STEPS_OF	32

static void
make_steps(PlanRule *rule, const PlanValue **sorted, int n)
{
	int			width = rule->top_order + 1;
	MoneyFactor *rates;

	if (rule->top_order > MAX_STEPS_OF)
		return;
	rates = palloc(sizeof(MoneyFactor) * width);
	rates[0] = money_factor(money_from_int(0));
	for (int i = 0; i < n; i++)
		rates[rule->rate_order[sorted[i] - rule->terms.rates.by_rank]] = sorted[i]->percentage;
	rule->rate_steps = palloc0(sizeof(MoneyFactor) * width * width);
	for (int order = 1; order < width; order++)
		for (int below = 0; below < order; below++)
			rule->rate_steps[order * width + below] = money_difference(&rates[order], &rates[below]);
}

/*
 * The order of the ranks' rates, where it is the same for every sale: then the
 * engine compares numbers of places and not amounts.
 */
static void
order_rates(const CommissionPlan *plan, PlanRule *rule)
{
	const PlanValue *values = rule->terms.rates.by_rank;
	const PlanValue **sorted = palloc(sizeof(PlanValue *) * (plan->nranks + 1));
	int			n = 0;
	int			order = 0;

	if (values == NULL || rule->nvariants > 0 || rule->deduct.n > 0)
		return;
	for (int rank = 0; rank <= plan->nranks; rank++)
	{
		if (values[rank].kind == PLAN_FIXED)
			return;
		if (values[rank].kind == PLAN_PERCENTAGE)
			sorted[n++] = &values[rank];
	}
	qsort(sorted, n, sizeof(PlanValue *), compare_percentages);
	rule->rate_order = palloc0(sizeof(int) * (plan->nranks + 1));
	for (int i = 0; i < n; i++)
	{
		if (i == 0 ? !money_is_zero(sorted[i]->percentage.value)
			: compare_percentages(&sorted[i - 1], &sorted[i]) != 0)
			order++;
		rule->rate_order[sorted[i] - values] = order;
	}
	rule->top_order = order;
	make_steps(rule, sorted, n);
}

static void
check(const PlanPath *at, const CommissionPlan *plan, PlanRule *rule)
{
	bool		has_rates = rule->terms.rates.by_rank != NULL;
	bool		has_slices = rule->terms.slices.by_rank != NULL;

	if (has_rates == has_slices)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("differential needs either rates or slices"),
				 plan_errat(at),
				 errhint("\"rates\" say what a rank gets in all, \"slices\" what it adds to the rank below.")));
	if (has_slices && rule->deduct.n > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"deduct\" goes with rates, not with slices"),
				 plan_errat(at),
				 errhint("Write \"rates\" that say what each rank gets in all.")));
	if (has_rates && !rule->gap_filling)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"gap_filling\" goes with slices, not with rates"),
				 plan_errat(at),
				 errhint("Write \"slices\" that say what each rank adds.")));
	order_rates(plan, rule);
}

static void
check_terms(const PlanPath *at, const CommissionPlan *plan,
			const PlanRule *rule, const PlanTerms *terms)
{
	if (rule->terms.rates.by_rank != NULL ? terms->slices.by_rank != NULL : terms->rates.by_rank != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("variant of a differential has other rates than its rule"),
				 plan_errat(at),
				 errhint("Write \"%s\", as the rule does.",
						 rule->terms.rates.by_rank != NULL ? "rates" : "slices")));
}

static int
max_level(const PlanRule *rule)
{
	return rule->max_level > 0 ? rule->max_level : PLAN_ALL_LEVELS;
}

/* ---- the worst case ---- */

static Numeric
slices_up_to(const PlanRule *rule, const PlanTerms *variant, int rank)
{
	Numeric		sum = money_from_int(0);

	for (int r = rule->gap_filling ? 1 : rank; r <= rank; r++)
	{
		Numeric		slice = rule_percentage(&rule->terms.slices,
											variant != NULL ? &variant->slices : NULL, r);

		if (slice != NULL)
			sum = money_add(sum, slice);
	}
	return sum;
}

/* What the first upline of this rank gets, if nobody else is paid below. */
static Numeric
share_of_rank(const PlanRule *rule, const PlanTerms *variant, int rank)
{
	Numeric		rate;

	if (!rule_qualifies(rule, 1, rank))
		return money_from_int(0);
	if (rule->terms.slices.by_rank != NULL)
		return slices_up_to(rule, variant, rank);
	rate = rule_percentage(&rule->terms.rates, variant != NULL ? &variant->rates : NULL, rank);
	return rate != NULL ? rate : money_from_int(0);
}

/* All that can be paid below, if that can be said. */
static bool
deducted(const PlanRule *rule, const RuleShare *shares, Numeric *sum)
{
	*sum = money_from_int(0);
	for (int i = 0; i < rule->deduct.n; i++)
	{
		if (shares[rule->deduct.rules[i]].possible == NULL)
			return false;
		*sum = money_add(*sum, shares[rule->deduct.rules[i]].possible);
	}
	return true;
}

/* The highest rate, or all slices; NULL where there are fixed amounts. */
static Numeric
possible_of(const CommissionPlan *plan, const PlanRate *rate, bool slices)
{
	bool		has_fixed = false;
	Numeric		highest = rule_highest_percentage(plan, rate, &has_fixed);

	if (has_fixed)
		return NULL;
	if (!slices || rate->by_rank == NULL)
		return highest;
	highest = money_from_int(0);
	for (int rank = 0; rank <= plan->nranks; rank++)
	{
		if (rate->by_rank[rank].kind == PLAN_PERCENTAGE)
			highest = money_add(highest, rate->by_rank[rank].percentage.value);
	}
	return highest;
}

static Numeric
possible_share(const CommissionPlan *plan, const PlanRule *rule)
{
	bool		slices = rule->terms.slices.by_rank != NULL;
	Numeric		result = possible_of(plan, slices ? &rule->terms.slices : &rule->terms.rates, slices);

	for (int i = 0; i < rule->nvariants && result != NULL; i++)
	{
		const PlanTerms *terms = &rule->variants[i];
		Numeric		other = possible_of(plan, slices ? &terms->slices : &terms->rates, slices);

		if (other == NULL)
			return NULL;
		/* slices of several variants may be put together, rank by rank */
		if (slices)
			result = money_add(result, other);
		else if (money_compare(other, result) > 0)
			result = other;
	}
	return result;
}

/* Set share to what the rule pays by these terms where each rank stands first. */
static void
look_at_terms(const CommissionPlan *plan, const PlanRule *rule, const PlanTerms *variant,
			  Numeric below, RuleShare *share)
{
	Numeric		zero = money_from_int(0);

	for (int rank = 0; rank <= plan->nranks; rank++)
	{
		Numeric		amount = money_subtract(share_of_rank(rule, variant, rank), below);

		if (money_compare(amount, zero) < 0)
			amount = zero;
		if (variant == NULL && rule->self_mode != PLAN_SELF_COUNTED)
			share->own[rank] = amount;
		if (money_compare(amount, share->certain) > 0)
			share->certain = amount;
	}
}

static RuleShare
share(const CommissionPlan *plan, const PlanRule *rule, const RuleShare *shares)
{
	RuleShare	share = rule_share_none(plan);
	Numeric		below;

	share.possible = possible_share(plan, rule);
	share.varies = true;
	if (rule->deduct.n > 0 && !rule->base.is_amount)
	{
		rule_share_of_base(plan, rule, shares, &share);
		return share;
	}
	if (!deducted(rule, shares, &below))
		return share;

	/* level 0 may be without a rate: then nothing is deducted for it */
	look_at_terms(plan, rule, NULL, below, &share);
	for (int i = 0; i < rule->nvariants; i++)
	{
		if (rule->variants[i].pays && rule_variant_is_alone(rule, i))
			look_at_terms(plan, rule, &rule->variants[i], below, &share);
	}
	rule_share_of_base(plan, rule, shares, &share);
	return share;
}

/* Ranks are few, and each is paid once. */
static double
estimate(const JsonbValue *rule, double uplines)
{
	return Min(uplines, 3);
}

const RuleKind rule_differential = {
	.name = "differential",
	.has = RULE_BASE | RULE_PER_UNIT | RULE_DEPTH | RULE_COMPRESSION | RULE_MAX_LEVEL,
	.keys = differential_keys,
	.term_keys = differential_term_keys,
	.check = check,
	.check_terms = check_terms,
	.max_level = max_level,
	.share = share,
	.estimate = estimate,
	.run = engine_run_differential,
};
