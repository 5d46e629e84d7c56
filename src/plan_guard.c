/*
 * plan_guard.c
 *	  How much a plan may pay: its guard, its worst case, its compliance.
 */
#include "compat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "money.h"
#include "plan.h"
#include "plan_reader.h"
#include "rule.h"

/* ---- "guard" ---- */

static void
read_share(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(MoneyFactor *) target = money_factor(plan_percentage(at, value, PLAN_MAX_UPLIFT));
}

static void
read_excess(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"proportional", "priority"};

	*(bool *) target = plan_word(at, value, words, lengthof(words)) == 1;
}

static const PlanKey guard_keys[] = {
	{"max_share", read_share, offsetof(PlanGuard, max_share), NULL},
	{"excess", read_excess, offsetof(PlanGuard, by_priority), NULL},
	{NULL}
};

void
plan_read_guard(const PlanPath *at, const JsonbValue *value, void *target)
{
	plan_read_keys(at, value, guard_keys, target);
}

/* ---- "compliance" ---- */

/* What is usual in a market: a beginning, no promise. */
typedef struct Market
{
	const char *name;
	int			max_level;		/* 0: none */
	const char *max_share;		/* NULL: none */
	bool		recruiting;		/* warn */
} Market;

static const Market markets[] = {
	{"none", 0, NULL, false},
	{"CN", 2, "0.5", true},
	{"US", 0, "0.5", true},
	{"EU", 0, "0.5", true}
};

/* The keys as they stand; those that do not keep the market's default. */
typedef struct ComplianceReader
{
	int			market;
	int			max_level;		/* 0: not there */
	Numeric		max_share;		/* NULL: not there */
	int			recruiting;		/* -1: not there */
} ComplianceReader;

static void
read_market(const PlanPath *at, const JsonbValue *value, void *target)
{
	const char *words[lengthof(markets)];

	for (int i = 0; i < (int) lengthof(markets); i++)
		words[i] = markets[i].name;
	*(int *) target = plan_word(at, value, words, lengthof(markets));
}

static void
read_max_level(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(int *) target = plan_int(at, value, 1, PLAN_MAX_LEVELS);
}

static void
read_max_share(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(Numeric *) target = plan_percentage(at, value, PLAN_MAX_UPLIFT);
}

static void
read_recruiting(const PlanPath *at, const JsonbValue *value, void *target)
{
	static const char *const words[] = {"allow", "warn"};

	*(int *) target = plan_word(at, value, words, lengthof(words));
}

static const PlanKey compliance_keys[] = {
	{"market", read_market, offsetof(ComplianceReader, market), NULL},
	{"max_level", read_max_level, offsetof(ComplianceReader, max_level), NULL},
	{"max_share", read_max_share, offsetof(ComplianceReader, max_share), NULL},
	{"recruiting", read_recruiting, offsetof(ComplianceReader, recruiting), NULL},
	{NULL}
};

/* Only a level that the document names is enforced. */
void
plan_read_compliance(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanCompliance *compliance = target;
	ComplianceReader reader = {0, 0, NULL, -1};
	const Market *market;

	plan_read_keys(at, value, compliance_keys, &reader);
	market = &markets[reader.market];
	compliance->market = market->name;
	compliance->max_level = reader.max_level;
	compliance->warn_level = reader.max_level > 0 ? reader.max_level : market->max_level;
	compliance->warn_share = reader.max_share;
	if (reader.max_share == NULL && market->max_share != NULL)
		compliance->warn_share = money_from_digits(market->max_share);
	compliance->warn_recruiting = reader.recruiting >= 0 ? reader.recruiting == 1 : market->recruiting;
}

/* ---- the worst case ---- */

/*
 * Sums of money bound shares on one side only: an amount as small as it takes
 * is below every maximum and cap, one as large as it takes above every
 * minimum.  A rule counts where it pays its whole share.
 */
typedef enum SaleSize
{
	SMALL_SALE,
	LARGE_SALE
} SaleSize;

/* A cap of zero, or a base of at most zero: no sale is small enough. */
static bool
pays_nothing(const PlanRule *rule)
{
	if (rule->base.max != NULL && money_is_zero(rule->base.max))
		return true;
	for (int cap = 0; cap < PLAN_NCAPS; cap++)
		if (rule->caps[cap].any != NULL && money_is_zero(rule->caps[cap].any))
			return true;
	return false;
}

static bool
pays_in_full(const PlanRule *rule, SaleSize size)
{
	if (pays_nothing(rule))
		return false;
	if (size == SMALL_SALE)
		return rule->base.above == NULL &&
			rule->min_payable.any == NULL && rule->min_payable.n == 0;
	return rule->base.max == NULL && !rule->has_caps;
}

static bool
is_conditional(const PlanRule *rule)
{
	return rule->when.nconditions > 0;
}

/*
 * What is certain of a group, whose rules never pay a member twice.  Those
 * that run before this one may take its members, unless they do not apply.
 */
static bool
is_first_of_group(const CommissionPlan *plan, const PlanRule *rule, bool of_unconditional)
{
	if (rule->group < 0)
		return true;
	for (int i = 0; i < rule->index; i++)
	{
		const PlanRule *other = &plan->rules[i];

		if (other->group == rule->group && !(of_unconditional && is_conditional(other)))
			return false;
	}
	return true;
}

/* The rules as the sums below see them; shares of what does not count are 0. */
typedef struct Worst
{
	const CommissionPlan *plan;
	const RuleShare *shares;
	Numeric		zero;
	bool	   *counts;			/* pays, if no condition holds */
	bool	   *counts_always;	/* pays at least its least, whatever holds */
	bool	   *counts_alone;	/* may pay its certain share */
} Worst;

static void
choose_rules(Worst *worst, SaleSize size)
{
	const CommissionPlan *plan = worst->plan;

	for (int i = 0; i < plan->nrules; i++)
	{
		const PlanRule *rule = &plan->rules[i];
		bool		full = pays_in_full(rule, size);
		bool		first = is_first_of_group(plan, rule, false);

		worst->counts[i] = full && !is_conditional(rule) &&
			is_first_of_group(plan, rule, true);
		worst->counts_always[i] = full && !is_conditional(rule) && first;
		worst->counts_alone[i] = worst->counts[i] || (full && first);
	}
}

/* What rule i pays at least, everybody having this rank. */
static Numeric
least_of_rank(const Worst *worst, int i, int rank)
{
	if (!worst->counts_always[i])
		return worst->zero;
	return worst->shares[i].varies ? worst->shares[i].least : worst->shares[i].own[rank];
}

static void
raise_to(Numeric *highest, Numeric value)
{
	if (money_compare(value, *highest) > 0)
		*highest = value;
}

/*
 * Everybody has the same rank: all rules without conditions, or those that pay
 * whatever holds and the one of the others that pays most.
 */
static Numeric
of_one_rank(const Worst *worst)
{
	Numeric		highest = worst->zero;

	for (int rank = 0; rank <= worst->plan->nranks; rank++)
	{
		Numeric		all = worst->zero;
		Numeric		always = worst->zero;
		Numeric		more = worst->zero;

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < worst->plan->nrules; i++)
		{
			Numeric		own = worst->shares[i].own[rank];
			Numeric		least = least_of_rank(worst, i, rank);

			if (worst->counts[i])
				all = money_add(all, own);
			always = money_add(always, least);
			if (worst->counts_alone[i])
				raise_to(&more, money_subtract(own, least));
		}
		raise_to(&highest, all);
		raise_to(&highest, money_add(always, more));
	}
	return highest;
}

/* One rule at its worst, whoever stands where, and what the others pay at least. */
static Numeric
of_one_rule(const Worst *worst)
{
	Numeric		always = worst->zero;
	Numeric		more = worst->zero;

	for (int i = 0; i < worst->plan->nrules; i++)
	{
		Numeric		least = worst->counts_always[i] ? worst->shares[i].least : worst->zero;

		always = money_add(always, least);
		if (worst->counts_alone[i])
			raise_to(&more, money_subtract(worst->shares[i].certain, least));
	}
	return money_add(always, more);
}

static Numeric
certain_share(const CommissionPlan *plan, const RuleShare *shares)
{
	Worst		worst = {.plan = plan, .shares = shares, .zero = money_from_int(0)};
	Numeric		highest = worst.zero;

	worst.counts = palloc(sizeof(bool) * plan->nrules);
	worst.counts_always = palloc(sizeof(bool) * plan->nrules);
	worst.counts_alone = palloc(sizeof(bool) * plan->nrules);
	for (SaleSize size = SMALL_SALE; size <= LARGE_SALE; size++)
	{
		choose_rules(&worst, size);
		raise_to(&highest, of_one_rank(&worst));
		raise_to(&highest, of_one_rule(&worst));
	}
	return highest;
}

static Numeric
possible_share(const CommissionPlan *plan, const RuleShare *shares)
{
	Numeric		sum = money_from_int(0);

	for (int i = 0; i < plan->nrules; i++)
	{
		if (shares[i].possible == NULL)
			return NULL;
		sum = money_add(sum, shares[i].possible);
	}
	return sum;
}

/* What a plan can pay at worst, if there is no guard. */
PlanWorst
plan_worst(const CommissionPlan *plan)
{
	RuleShare  *shares = palloc(sizeof(RuleShare) * plan->nrules);
	PlanWorst	worst;

	for (int i = 0; i < plan->nrules; i++)
	{
		CHECK_FOR_INTERRUPTS();
		shares[i] = plan->rules[i].kind->share(plan, &plan->rules[i], shares);
	}
	worst.is_bounded = palloc(sizeof(bool) * plan->nrules);
	for (int i = 0; i < plan->nrules; i++)
		worst.is_bounded[i] = shares[i].possible != NULL;
	worst.certain = certain_share(plan, shares);
	worst.possible = possible_share(plan, shares);
	return worst;
}

static void
refuse_worst(const PlanPath *rules, const CommissionPlan *plan, Numeric certain)
{
	Numeric		hundred = money_from_int(100);
	char	   *percent = money_to_string(money_trim(money_multiply(certain, hundred)));
	char	   *limit = money_to_string(money_trim(money_multiply(plan->guard.max_share.value, hundred)));

	if (strcmp(limit, "100") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("commission plan pays more than the whole sale"),
				 errdetail("At %s: all rates together are %s%%.",
						   plan_path_string(rules), percent),
				 errhint("Lower the rates until they are 100%% or less in sum.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("commission plan pays more than its guard allows"),
			 errdetail("At %s: all rates together are %s%%, the guard allows %s%%.",
					   plan_path_string(rules), percent, limit),
			 errhint("Lower the rates, or raise \"max_share\" of the guard.")));
}

/* The check of a plan whose rules are all read: a step of its reading. */
void
plan_check_guard(void *arg)
{
	PlanReading *reading = arg;
	const CommissionPlan *plan = reading->plan;
	PlanPath	rules = {&reading->path, "rules", 5, 0};
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "worst case of a plan",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	PlanWorst	worst = plan_worst(plan);

	if (money_compare(worst.certain, plan->guard.max_share.value) > 0)
		refuse_worst(&rules, plan, worst.certain);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}
