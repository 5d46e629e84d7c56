/*
 * engine_differential.c
 *	  The rule "differential": each upline gets the rate of its rank, less what
 *	  was paid below.
 */
#include "compat.h"

#include "miscadmin.h"

#include "engine_run.h"

/* What a rank gets in all, or what it adds, for the item at hand. */
typedef struct RankValue
{
	EngineRate	rate;
	Numeric		exact;			/* NULL: no value */
} RankValue;

typedef struct Climb
{
	EngineRun  *run;
	RankValue  *values;			/* by rank position */
	int			top;			/* the rank after which nothing follows */
	bool		slices;
	Numeric		taken;			/* rates: the highest so far; deduct: own, paid or kept */
	Numeric		taken_rate;		/* NULL: by a fixed amount */
	int			passed;			/* slices: highest rank so far */
	bool		reached;		/* the top had its turn */
} Climb;

static void
find_values(Climb *climb)
{
	EngineRun  *run = climb->run;
	int			nranks = run->plan->nranks;
	Size		term = climb->slices ? offsetof(PlanTerms, slices) : offsetof(PlanTerms, rates);

	climb->values = palloc0(sizeof(RankValue) * (nranks + 1));
	climb->top = -1;
	for (int rank = 0; rank <= nranks; rank++)
	{
		RankValue  *value = &climb->values[rank];

		value->rate = engine_rate_of_rank(run, term, rank);
		if (value->rate.kind == PLAN_NO_VALUE)
			continue;
		value->exact = engine_exact(run, &value->rate, &run->base);
		if (climb->top < 0 || climb->slices ||
			money_compare(value->exact, climb->values[climb->top].exact) > 0)
			climb->top = rank;
	}
}

/* Exact amount and rate that a rank gets now; *rate NULL: none to show. */
static Numeric
slices_due(const Climb *climb, int rank, Numeric *rate)
{
	const RankValue *values = climb->values;
	Numeric		exact = values[rank].exact;
	Numeric		sum = values[rank].rate.kind == PLAN_PERCENTAGE ? values[rank].rate.percentage->value : NULL;

	for (int r = climb->passed + 1; r < rank && climb->run->rule->gap_filling; r++)
	{
		if (values[r].exact == NULL)
			continue;
		exact = money_add(exact, values[r].exact);
		sum = sum != NULL && values[r].rate.kind == PLAN_PERCENTAGE ?
			money_add(sum, values[r].rate.percentage->value) : NULL;
	}
	*rate = sum;
	return exact;
}

static Numeric
rates_due(const Climb *climb, int level, int rank, Numeric *rate)
{
	const EngineRun *run = climb->run;
	const RankValue *value = &climb->values[rank];

	*rate = value->rate.kind == PLAN_PERCENTAGE ? value->rate.percentage->value : NULL;
	if (run->rule->deduct.n > 0)
		return money_subtract(money_subtract(value->exact, climb->taken),
							  engine_paid(run, &run->rule->deduct, level, true));
	if (*rate != NULL)
		*rate = climb->taken_rate != NULL ? money_subtract(*rate, climb->taken_rate) : NULL;
	return money_subtract(value->exact, climb->taken);
}

/* Whoever stands above gets less by this. */
static void
take(Climb *climb, int rank, Numeric due)
{
	const RankValue *value = &climb->values[rank];

	if (climb->slices)
		climb->passed = rank;
	else if (climb->run->rule->deduct.n > 0)
		climb->taken = money_add(climb->taken, due);
	else
	{
		climb->taken = value->exact;
		climb->taken_rate = value->rate.kind == PLAN_PERCENTAGE ? value->rate.percentage->value : NULL;
	}
}

/* A member that gets nothing: why, and what it would have been. */
static void
refuse(Climb *climb, int level, EngineReason reason, Numeric due, Numeric rate)
{
	EngineRun  *run = climb->run;
	EngineLine *line;

	if (run->result->paid_only)
		return;
	line = engine_add_line(run, level, 0, reason);
	if (due == NULL)
		return;
	line->exact = due;
	line->rate = rate;
	line->base = rate != NULL ? run->base.value : run->quantity;
}

/*
 * Does a member deduct its part from what others get, though it is not paid?
 * Only what it would get, were it not for its state or other rules, or a
 * slice of zero.
 */
static bool
deducts_unpaid(const EngineRun *run, int level, EngineReason reason)
{
	return (reason == ENGINE_FROZEN_MEMBER || reason == ENGINE_LEFT_MEMBER ||
			reason == ENGINE_ABOVE_MAX_LEVEL || reason == ENGINE_DOUBLE_DIP ||
			reason == ENGINE_ZERO_RATE) &&
		engine_is_qualified(run, level, level);
}

static void
visit(Climb *climb, int level)
{
	EngineRun  *run = climb->run;
	int			rank = engine_rank(run, level);
	const EngineRate *own = &climb->values[rank].rate;
	bool		counted = level == 0 && run->rule->self_mode == PLAN_SELF_COUNTED;
	EngineReason reason;
	Numeric		due = NULL;
	Numeric		rate = NULL;
	bool		above = false;
	bool		deducts;

	if (own->kind != PLAN_NO_VALUE)
	{
		due = climb->slices ? slices_due(climb, rank, &rate) : rates_due(climb, level, rank, &rate);
		above = climb->slices ? rank > climb->passed : money_sign(due) > 0;
	}
	if (engine_rate_is_zero(own) && !(climb->slices && above && !money_is_zero(due)))
		reason = ENGINE_ZERO_RATE;
	else
		reason = engine_member_reason(run, level, level, own->kind != PLAN_NO_VALUE);
	deducts = reason == ENGINE_PAID || deducts_unpaid(run, level, reason);

	if (reason == ENGINE_PAID && above && !counted)
	{
		EngineLine *line = engine_pay_exact(run, level, 0, rate != NULL ? run->base.value : run->quantity,
											rate, due);

		due = line != NULL ? line->amount : run->result->zero;
	}
	else if (!counted)
		refuse(climb, level, reason == ENGINE_PAID ? ENGINE_NOT_ABOVE : reason,
			   above && deducts && reason != ENGINE_PAID && reason != ENGINE_ZERO_RATE ? due : NULL, rate);
	if (!deducts || own->kind == PLAN_NO_VALUE)
		return;
	if (above)
		take(climb, rank, due);
	climb->reached |= climb->slices ? rank == climb->top
		: money_compare(climb->values[rank].exact, climb->values[climb->top].exact) == 0;
}

static void
skip(EngineRun *run, int level)
{
	if (!run->result->paid_only)
		(void) engine_add_line(run, level, 0, ENGINE_SKIPPED);
}

/* The rate of a rank less that of the highest below, -1: nobody. */
static MoneyFactor
rate_step(const PlanRule *rule, int rank, int below, int below_order)
{
	const PlanValue *values = rule->terms.rates.by_rank;

	if (rule->rate_steps != NULL)
		return rule->rate_steps[rule->rate_order[rank] * (rule->top_order + 1) + below_order];
	return below < 0 ? values[rank].percentage
		: money_difference(&values[rank].percentage, &values[below].percentage);
}

/*
 * The short way, where the rates have the same order for every sale: only
 * whoever is paid needs arithmetic.
 */
static void
climb_in_order(EngineRun *run, int start, int end)
{
	const PlanRule *rule = run->rule;
	const PlanValue *values = rule->terms.rates.by_rank;
	int			taken_rank = -1;
	int			taken_order = 0;

	for (int level = start; level < end && taken_order < rule->top_order; level++)
	{
		int			rank = engine_rank(run, level);
		EngineShare share = {.level = level, .number = level, .base = &run->base,
			.rate = {.kind = values[rank].kind, .percentage = &values[rank].percentage}};
		EngineReason reason;

		CHECK_FOR_INTERRUPTS();
		if (level > 0 && engine_skips(run, level, level, &share.rate))
			continue;
		if (rule->rate_order[rank] <= taken_order)
			continue;
		reason = engine_reason(run, &share);
		if (reason == ENGINE_PAID && (level > 0 || rule->self_mode == PLAN_SELF_PAID))
		{
			MoneyFactor difference = rate_step(rule, rank, taken_rank, taken_order);

			(void) engine_pay_percentage(run, level, 0, &run->base, &difference);
		}
		else if (reason != ENGINE_PAID && !deducts_unpaid(run, level, reason))
			continue;
		taken_rank = rank;
		taken_order = rule->rate_order[rank];
	}
}

void
engine_run_differential(EngineRun *run)
{
	const PlanRule *rule = run->rule;
	int			start = rule->self_mode == PLAN_SELF_IGNORED ? 1 : 0;
	int			end = run->sale->depth;
	Climb		climb = {.run = run};

	if (rule->max_level > 0)
		end = Min(end, rule->max_level + 1);
	if (run->result->paid_only && rule->rate_order != NULL && rule->residue == PLAN_RESIDUE_HOUSE)
	{
		if (!money_factor_is_zero(&run->base))
			climb_in_order(run, start, end);
		return;
	}

	climb.slices = engine_has_rate(run, offsetof(PlanTerms, slices));
	climb.taken = run->result->zero;
	climb.taken_rate = run->result->zero;
	find_values(&climb);
	if (climb.top < 0 && run->result->paid_only)
		return;
	for (int level = start; level < end; level++)
	{
		EngineRate *rate = &climb.values[engine_rank(run, level)].rate;

		CHECK_FOR_INTERRUPTS();
		if (level > 0 && engine_skips(run, level, level, rate))
		{
			skip(run, level);
			continue;
		}
		visit(&climb, level);
		if (climb.reached)
			break;			/* nothing is left for anybody above */
	}
}
