/*
 * rule_share.c
 *	  What a rule can pay at worst, as a share of the sale.
 *
 * Two bounds that err to different sides.  What some sale is certainly paid
 * refuses a plan, so it must not be said of a plan that cannot: conditions are
 * taken to be able to hold, one variant at a time, but not together.  What is
 * possible warns.
 *
 * All of it is linear in the rates of the plan, times the ranks they are by.
 */
#include "compat.h"

#include "miscadmin.h"

#include "money.h"
#include "rule.h"

typedef struct Work
{
	const CommissionPlan *plan;
	const PlanRule *rule;
	const RuleSlots *slots;
	Numeric		zero;
	int		   *by_uplift;		/* ranks, the highest uplift first; NULL: no uplift */
	Numeric    *highest;		/* of the rule's own rate, by slot */
	Numeric    *least;			/* of any terms, by slot */
	Numeric    *possible;		/* of any terms, by slot, without uplift */
	bool		has_fixed;
} Work;

static Numeric
greater(Numeric a, Numeric b)
{
	return money_compare(a, b) >= 0 ? a : b;
}

static Numeric
smaller(Numeric a, Numeric b)
{
	return money_compare(a, b) <= 0 ? a : b;
}

/* ---- one rate ---- */

static const PlanValue *
value_at(const PlanRate *rate, int rank)
{
	return rate->by_rank != NULL ? &rate->by_rank[rank] : &rate->plain;
}

/* What a variant says, or else the rule's own rate; either may be NULL. */
static const PlanValue *
resolve(const PlanRate *own, const PlanRate *variant, int rank)
{
	static const PlanValue no_value = {PLAN_NO_VALUE};
	const PlanValue *value = variant != NULL ? value_at(variant, rank) : &no_value;

	if (value->kind == PLAN_NO_VALUE && own != NULL)
		value = value_at(own, rank);
	return value;
}

/* NULL: none, or a fixed amount. */
Numeric
rule_percentage(const PlanRate *own, const PlanRate *variant, int rank)
{
	const PlanValue *value = resolve(own, variant, rank);

	return value->kind == PLAN_PERCENTAGE ? value->percentage.value : NULL;
}

static bool
is_plain(const PlanRate *rate)
{
	return rate == NULL || rate->by_rank == NULL;
}

/* May a member of this rank be paid at this level? */
bool
rule_qualifies(const PlanRule *rule, int level, int rank)
{
	if (rank < rule->min_rank)
		return false;
	return level == 0 || rule->depth_by_rank == NULL ||
		rule->depth_by_rank[rank] < 0 || rule->depth_by_rank[rank] >= level;
}

static Numeric
uplifted(const PlanRule *rule, Numeric rate, int rank)
{
	if (rule->uplift_by_rank == NULL || rule->uplift_by_rank[rank].value == NULL)
		return rate;
	return money_multiply(rate, rule->uplift_by_rank[rank].value);
}

/*
 * The most that a member of some rank gets at a level.  By the rank of somebody
 * else, that is not known apart from what the other levels get: the least then.
 */
static Numeric
highest_at(const Work *work, const PlanRate *own, const PlanRate *variant, int level)
{
	const PlanRule *rule = work->rule;
	bool		plain = is_plain(own) && is_plain(variant);
	bool		by_other = !plain && rule->rank_of != PLAN_RANK_OF_RECIPIENT;
	Numeric		result = NULL;

	for (int i = 0; i <= work->plan->nranks; i++)
	{
		int			rank = work->by_uplift != NULL ? work->by_uplift[i] : i;
		const PlanValue *value = resolve(own, variant, rank);
		Numeric		rate = work->zero;

		if (value->kind == PLAN_PERCENTAGE && rule_qualifies(rule, level, rank))
			rate = by_other ? value->percentage.value :
				uplifted(rule, value->percentage.value, rank);
		else if (plain)
			continue;
		if (result == NULL)
			result = rate;
		else
			result = by_other ? smaller(result, rate) : greater(result, rate);
		if (plain)
			break;				/* the highest uplift comes first */
	}
	return result != NULL ? result : work->zero;
}

/* The least that anybody gets whose rate this is; without uplift. */
static Numeric
least_at(const Work *work, const PlanRate *rate, int level, bool is_variant)
{
	const CommissionPlan *plan = work->plan;
	Numeric		result = NULL;

	if (rate == NULL)
		return is_variant ? NULL : work->zero;
	for (int rank = 0; rank <= plan->nranks; rank++)
	{
		const PlanValue *value = value_at(rate, rank);

		if (!rule_qualifies(work->rule, level, rank))
			return work->zero;
		if (value->kind == PLAN_NO_VALUE && is_variant)
			continue;			/* somebody else's is used */
		if (value->kind != PLAN_PERCENTAGE)
			return work->zero;
		if (result == NULL)
			result = value->percentage.value;
		else if (rate->by_rank != NULL)
			result = smaller(result, value->percentage.value);
	}
	return result;
}

/* The highest percentage of any rank, 0 if there is none. */
Numeric
rule_highest_percentage(const CommissionPlan *plan, const PlanRate *rate, bool *has_fixed)
{
	Numeric		result = NULL;
	int			nranks = rate != NULL && rate->by_rank != NULL ? plan->nranks : 0;

	for (int rank = 0; rate != NULL && rank <= nranks; rank++)
	{
		const PlanValue *value = value_at(rate, rank);

		*has_fixed |= value->kind == PLAN_FIXED;
		if (value->kind == PLAN_PERCENTAGE)
			result = result == NULL ? value->percentage.value :
				greater(result, value->percentage.value);
	}
	return result != NULL ? result : money_from_int(0);
}

/* ---- uplifts ---- */

static int
compare_uplifts(const void *a, const void *b, void *arg)
{
	const MoneyFactor *uplifts = arg;
	Numeric		one = uplifts[*(const int *) a].value;
	Numeric		other = uplifts[*(const int *) b].value;

	if (one == NULL || other == NULL)
		return (one == NULL) - (other == NULL);
	return -money_compare(one, other);
}

static int *
order_by_uplift(const CommissionPlan *plan, const PlanRule *rule)
{
	int		   *ranks;

	if (rule->uplift_by_rank == NULL)
		return NULL;
	ranks = palloc(sizeof(int) * (plan->nranks + 1));
	for (int rank = 0; rank <= plan->nranks; rank++)
		ranks[rank] = rank;
	qsort_arg(ranks, plan->nranks + 1, sizeof(int), compare_uplifts, rule->uplift_by_rank);
	return ranks;
}

/* ---- all slots ---- */

/* Own rates where everybody has the same rank, before budget and base. */
static Numeric *
own_sums(const Work *work)
{
	const CommissionPlan *plan = work->plan;
	const PlanRule *rule = work->rule;
	int			nslots = work->slots->nslots;
	Numeric    *own = palloc(sizeof(Numeric) * (plan->nranks + 1));
	Numeric    *plain = palloc(sizeof(Numeric) * (nslots + 1)); /* of the first so many */

	plain[0] = work->zero;
	for (int s = 0; s < nslots; s++)
	{
		const PlanRate *rate = work->slots->slot(&rule->terms, s);

		plain[s + 1] = plain[s];
		if (rate != NULL && rate->plain.kind == PLAN_PERCENTAGE)
			plain[s + 1] = money_add(plain[s], rate->plain.percentage.value);
	}
	for (int rank = 0; rank <= plan->nranks; rank++)
	{
		int			n = nslots;

		if (rule->depth_by_rank != NULL && rule->depth_by_rank[rank] >= 0)
			n = Min(n, rule->depth_by_rank[rank] + 1);
		own[rank] = rank < rule->min_rank ? work->zero : plain[n];
	}
	for (int s = 0; s < nslots; s++)
	{
		const PlanRate *rate = work->slots->slot(&rule->terms, s);

		CHECK_FOR_INTERRUPTS();
		for (int rank = 0; !is_plain(rate) && rank <= plan->nranks; rank++)
		{
			if (rate->by_rank[rank].kind == PLAN_PERCENTAGE && rule_qualifies(rule, s, rank))
				own[rank] = money_add(own[rank], rate->by_rank[rank].percentage.value);
		}
	}
	for (int rank = 0; rank <= plan->nranks; rank++)
		own[rank] = uplifted(rule, own[rank], rank);
	return own;
}

/* What each slot pays by the rule's own rates, and within what any terms stay. */
static void
look_at_slots(Work *work)
{
	const PlanRule *rule = work->rule;
	int			nslots = work->slots->nslots;

	work->highest = palloc(sizeof(Numeric) * (nslots + 1));
	work->least = palloc(sizeof(Numeric) * (nslots + 1));
	work->possible = palloc(sizeof(Numeric) * (nslots + 1));
	for (int s = 0; s < nslots; s++)
	{
		const PlanRate *rate = work->slots->slot(&rule->terms, s);

		CHECK_FOR_INTERRUPTS();
		work->highest[s] = highest_at(work, rate, NULL, s);
		work->least[s] = least_at(work, rate, s, false);
		work->possible[s] = rule_highest_percentage(work->plan, rate, &work->has_fixed);
	}
	for (int i = 0; i < rule->nvariants; i++)
	{
		const PlanTerms *terms = &rule->variants[i];

		for (int s = 0; s < nslots; s++)
		{
			const PlanRate *rate = work->slots->slot(terms, s);
			Numeric		least;

			if (rate == NULL)
				continue;
			CHECK_FOR_INTERRUPTS();
			least = least_at(work, rate, s, true);
			if (least != NULL)
				work->least[s] = smaller(work->least[s], least);
			work->possible[s] = greater(work->possible[s],
										rule_highest_percentage(work->plan, rate, &work->has_fixed));
		}
	}
}

static Numeric
sum(const Numeric *values, int n, Numeric zero)
{
	Numeric		result = zero;

	for (int i = 0; i < n; i++)
		result = money_add(result, values[i]);
	return result;
}

/* A percentage of the base, 0 where it is fixed; NULL: these terms have none. */
static Numeric
budget_of(const Work *work, const PlanTerms *terms)
{
	const PlanRate *rate;

	if (work->slots->budget == NULL)
		return money_from_int(1);
	rate = work->slots->budget(terms, 0);
	if (rate == NULL || rate->plain.kind == PLAN_NO_VALUE)
		return NULL;
	return rate->plain.kind == PLAN_PERCENTAGE ? rate->plain.percentage.value : work->zero;
}

/* Can a sale be meant by this variant and by no other one? */
bool
rule_variant_is_alone(const PlanRule *rule, int variant)
{
	for (int i = 0; i < rule->nvariants; i++)
	{
		if (i != variant &&
			plan_when_implies(&rule->variants[variant].when, &rule->variants[i].when))
			return false;
	}
	return true;
}

/* The most that a sale is paid to which this variant alone applies. */
static Numeric
variant_sum(const Work *work, int variant, Numeric own)
{
	const PlanRule *rule = work->rule;
	const PlanTerms *terms = &rule->variants[variant];

	for (int s = 0; s < work->slots->nslots; s++)
	{
		const PlanRate *rate = work->slots->slot(terms, s);

		if (rate == NULL)
			continue;
		own = money_add(own, highest_at(work, work->slots->slot(&rule->terms, s), rate, s));
		own = money_subtract(own, work->highest[s]);
	}
	return own;
}

static void
add_variants(const Work *work, RuleShare *share, Numeric highest, Numeric own_budget)
{
	const PlanRule *rule = work->rule;
	Numeric		least_budget = own_budget;

	for (int i = 0; i < rule->nvariants; i++)
	{
		const PlanTerms *terms = &rule->variants[i];
		Numeric		budget = budget_of(work, terms);

		CHECK_FOR_INTERRUPTS();
		if (!terms->pays)
		{
			least_budget = work->zero;
			continue;
		}
		if (budget != NULL)
			least_budget = smaller(least_budget, budget);
		if (rule_variant_is_alone(rule, i))
			share->certain = greater(share->certain,
									 money_multiply(variant_sum(work, i, highest),
													budget != NULL ? budget : own_budget));
	}
	share->least = money_multiply(share->least, least_budget);
	share->varies = rule->nvariants > 0;
}

/* NULL where a fixed amount is paid, which has no share. */
static Numeric
possible_sum(Work *work)
{
	const PlanRule *rule = work->rule;
	Numeric		result = sum(work->possible, work->slots->nslots, work->zero);

	if (work->by_uplift != NULL)
		result = uplifted(rule, result, work->by_uplift[0]);
	if (work->slots->budget != NULL)
	{
		Numeric		budget = rule_highest_percentage(work->plan, work->slots->budget(&rule->terms, 0),
													 &work->has_fixed);

		for (int i = 0; i < rule->nvariants; i++)
			budget = greater(budget,
							 rule_highest_percentage(work->plan, work->slots->budget(&rule->variants[i], 0),
													 &work->has_fixed));
		result = money_multiply(result, budget);
	}
	return work->has_fixed ? NULL : result;
}

/*
 * A rule that pays each slot its rate.  A variant's rates stand instead of the
 * rule's own, one by one.
 */
RuleShare
rule_share_of_slots(const CommissionPlan *plan, const PlanRule *rule,
					const RuleSlots *slots, const RuleShare *shares)
{
	RuleSlots	reached = *slots;
	Work		work = {.plan = plan, .rule = rule, .slots = &reached, .zero = money_from_int(0)};
	RuleShare	share = {NULL};
	Numeric		budget;
	Numeric		highest;

	if (plan->compliance.max_level > 0)
		reached.nslots = Min(reached.nslots, plan->compliance.max_level + 1);
	work.by_uplift = order_by_uplift(plan, rule);
	look_at_slots(&work);

	budget = budget_of(&work, &rule->terms);
	if (budget == NULL)
		budget = work.zero;
	highest = sum(work.highest, reached.nslots, work.zero);
	share.own = own_sums(&work);
	share.certain = money_multiply(highest, budget);
	share.least = sum(work.least, reached.nslots, work.zero);
	for (int rank = 0; rank <= plan->nranks; rank++)
	{
		share.own[rank] = money_multiply(share.own[rank], budget);
		share.certain = greater(share.certain, share.own[rank]);
	}
	add_variants(&work, &share, highest, budget);
	share.possible = possible_sum(&work);
	rule_share_of_base(plan, rule, shares, &share);
	return share;
}

/* Nothing that is certain, nothing that is known to be impossible. */
RuleShare
rule_share_none(const CommissionPlan *plan)
{
	RuleShare	share = {NULL};
	Numeric		zero = money_from_int(0);

	share.own = palloc(sizeof(Numeric) * (plan->nranks + 1));
	for (int rank = 0; rank <= plan->nranks; rank++)
		share.own[rank] = zero;
	share.certain = zero;
	share.least = zero;
	return share;
}

/*
 * From shares of the base to shares of the sale's amount.  A base that can be
 * as high as the amount, and never higher, changes nothing.  Order lines may
 * add up to more than was paid for the order.
 */
void
rule_share_of_base(const CommissionPlan *plan, const PlanRule *rule,
				   const RuleShare *shares, RuleShare *share)
{
	const PlanBase *base = &rule->base;
	Numeric		possible = share->possible;

	if (base->of != NULL || base->is_profit || base->nplus > 0 ||
		base->min != NULL || base->rule >= 0)
	{
		*share = rule_share_none(plan);
		if (base->rule >= 0 && possible != NULL && shares[base->rule].possible != NULL)
			share->possible = money_multiply(possible, shares[base->rule].possible);
	}
	if (rule->per_line)
		share->possible = NULL;
}

/* Slots of the kinds that have "self" and "levels". */
const PlanRate *
rule_level_slot(const PlanTerms *terms, int slot)
{
	if (slot == 0)
		return &terms->self;
	return slot <= terms->nlevels ? &terms->levels[slot - 1] : NULL;
}
