/*
 * engine_limit.c
 *	  What changes payments once they are rounded: residue, minimum, caps, the
 *	  guard of the plan.
 */
#include "compat.h"

#include "miscadmin.h"

#include "common/int.h"

#include "engine_run.h"

/* Give a payment another amount, for a reason. */
static void
set_amount(EngineRun *run, EngineLine *line, Numeric amount, EngineReason if_zero, int limited_by)
{
	line->amount = money_round(amount, run->sale->scale, MONEY_DOWN);
	line->units = money_to_units(line->amount, run->sale->scale);
	line->reason = line->units == 0 ? if_zero : ENGINE_PAID;
	line->limited_by = limited_by;
}

/* ---- residue ---- */

/* Would it be paid, but for rounding? */
static bool
takes_part(const EngineLine *line)
{
	return line->reason == ENGINE_PAID || line->reason == ENGINE_ROUNDS_TO_ZERO;
}

/* The sum of the exact values, rounded once, less the sum of the payments. */
static Numeric
find_residue(EngineRun *run, const EngineLine *lines, int n)
{
	Numeric		exact = run->result->zero;
	Numeric		rounded = run->result->zero;

	for (int i = 0; i < n; i++)
	{
		if (!takes_part(&lines[i]))
			continue;
		exact = money_add(exact, lines[i].exact);
		rounded = money_add(rounded, lines[i].amount);
	}
	return money_subtract(money_round(exact, run->sale->scale, run->rounding), rounded);
}

/* One line takes it all; where it has too little to give, the next one. */
static void
give_to_one(EngineRun *run, EngineLine *lines, int n, bool last)
{
	Numeric		residue = find_residue(run, lines, n);

	for (int i = 0; i < n && !money_is_zero(residue); i++)
	{
		EngineLine *line = &lines[last ? n - 1 - i : i];
		Numeric		amount;

		if (!takes_part(line))
			continue;
		amount = money_add(line->amount, residue);
		residue = run->result->zero;
		if (money_sign(amount) < 0)
		{
			residue = amount;
			amount = run->result->zero;
		}
		if (money_compare(amount, line->amount) != 0)
			set_amount(run, line, amount, ENGINE_ROUNDS_TO_ZERO, ENGINE_LIMIT_RESIDUE);
	}
}

/* A payment, and what is cut off when it is rounded down. */
typedef struct Fraction
{
	int			line;
	Numeric		fraction;
} Fraction;

static int
by_fraction(const void *a, const void *b)
{
	const Fraction *x = a;
	const Fraction *y = b;
	int			order = money_compare(y->fraction, x->fraction);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static void
give_by_fraction(EngineRun *run, EngineLine *lines, int n)
{
	int			scale = run->sale->scale;
	Fraction   *fractions = palloc_extended(sizeof(Fraction) * (Size) n, MCXT_ALLOC_HUGE);
	Numeric		exact = run->result->zero;
	Numeric		down = run->result->zero;
	int			m = 0;
	int64		units;

	for (int i = 0; i < n; i++)
	{
		Numeric		part;

		if (!takes_part(&lines[i]))
			continue;
		part = money_round(lines[i].exact, scale, MONEY_DOWN);
		fractions[m].line = i;
		fractions[m++].fraction = money_subtract(lines[i].exact, part);
		exact = money_add(exact, lines[i].exact);
		down = money_add(down, part);
	}
	/* at most one unit for each */
	units = money_to_units(money_subtract(money_round(exact, scale, run->rounding), down), scale);
	qsort(fractions, m, sizeof(Fraction), by_fraction);
	for (int i = 0; i < m; i++)
	{
		EngineLine *line = &lines[fractions[i].line];
		Numeric		amount = money_round(line->exact, scale, MONEY_DOWN);

		if (i < units)
			amount = money_add(amount, money_from_units(1, scale));
		if (money_compare(amount, line->amount) != 0)
			set_amount(run, line, amount, ENGINE_ROUNDS_TO_ZERO, ENGINE_LIMIT_RESIDUE);
	}
}

/* Of the rule and item at hand. */
void
engine_take_residue(EngineRun *run)
{
	EngineLine *lines = run->result->lines + run->item_start;
	int			n = run->result->nlines - run->item_start;

	switch (run->rule->residue)
	{
		case PLAN_RESIDUE_HOUSE:
			break;
		case PLAN_RESIDUE_FIRST:
			give_to_one(run, lines, n, false);
			break;
		case PLAN_RESIDUE_LAST:
			give_to_one(run, lines, n, true);
			break;
		case PLAN_RESIDUE_LARGEST:
			give_by_fraction(run, lines, n);
			break;
	}
}

/* ---- minimum and caps ---- */

/*
 * What the rule has paid in this sale before the line at hand, in all and to
 * each: by level, at the end to whoever is not on the path.  NULL: nothing.
 */
typedef struct PaidBefore
{
	int			missing_level;	/* of the "missing" member; the depth: not on the path */
	Numeric		total;
	Numeric    *to_member;		/* depth + 1 elements */
} PaidBefore;

static PaidBefore
paid_nothing(const EngineRun *run)
{
	PaidBefore	before = {0};
	int			depth = run->sale->depth;

	before.to_member = palloc0(sizeof(Numeric) * (depth + 1));
	before.missing_level = depth;
	if (run->rule->missing == PLAN_MISSING_MEMBER)
	{
		int			level = engine_level_of(run, run->rule->missing_member);

		if (level >= 0)
			before.missing_level = level;
	}
	return before;
}

static Numeric *
paid_to_member(const PaidBefore *before, const EngineLine *line)
{
	return &before->to_member[line->outside ? before->missing_level : line->level];
}

/* What the rule has paid the member in earlier sales of the cap's period. */
static Numeric
earned_before(const EngineRun *run, const EngineLine *line, PlanCap cap)
{
	JsonbValue *value;
	Numeric		earned;

	value = engine_json_member(run->sale->earned, run->rule->name);
	if (value == NULL || value->type != jbvBinary)
		return run->result->zero;
	value = engine_json_member(value->val.binary.data, plan_cap_names[cap]);
	if (value == NULL || value->type != jbvBinary)
		return run->result->zero;
	value = engine_json_member(value->val.binary.data, psprintf(INT64_FORMAT, line->member_id));
	earned = value == NULL ? NULL : engine_json_number(value);
	return earned != NULL ? earned : run->result->zero;
}

static void
apply_cap(EngineRun *run, EngineLine *line, PlanCap cap, const PaidBefore *before)
{
	Numeric		limit = plan_money_for(&run->rule->caps[cap], run->sale->currency);
	Numeric		paid = cap == PLAN_CAP_SALE ? before->total : *paid_to_member(before, line);
	Numeric		left;

	if (limit == NULL)
		return;
	left = paid != NULL ? money_subtract(limit, paid) : limit;
	if (cap >= PLAN_CAP_MEMBER_DAY)
		left = money_subtract(left, earned_before(run, line, cap));
	if (money_compare(line->amount, left) <= 0)
		return;
	if (money_sign(left) < 0)
		left = run->result->zero;
	set_amount(run, line, left, ENGINE_CAPPED, cap);
}

/* All lines of the rule at hand. */
void
engine_limit_rule(EngineRun *run)
{
	const PlanRule *rule = run->rule;
	Numeric		minimum = plan_money_for(&rule->min_payable, run->sale->currency);
	PaidBefore	before = {0};

	if (minimum == NULL && !rule->has_caps)
		return;
	if (rule->has_caps)
		before = paid_nothing(run);
	for (int i = run->rule_start; i < run->result->nlines; i++)
	{
		EngineLine *line = &run->result->lines[i];

		if (line->reason != ENGINE_PAID)
			continue;
		CHECK_FOR_INTERRUPTS();
		if (minimum != NULL && money_compare(line->amount, minimum) < 0)
			set_amount(run, line, run->result->zero, ENGINE_BELOW_MINIMUM, line->limited_by);
		if (!rule->has_caps)
			continue;
		for (int cap = 0; cap < PLAN_NCAPS && line->reason == ENGINE_PAID; cap++)
			apply_cap(run, line, (PlanCap) cap, &before);
		if (line->reason != ENGINE_PAID)
			continue;
		money_add_to(&before.total, line->amount);
		money_add_to(paid_to_member(&before, line), line->amount);
	}
}

/* ---- guard ---- */

/* Is all that is paid within the limit?  By whole units, where they are small. */
static bool
units_within_guard(const EngineRun *run)
{
	const EngineResult *result = run->result;
	int64		limit;
	int64		sum = 0;

	if (!money_product_units(&run->amount, &run->plan->guard.max_share, run->sale->scale, MONEY_DOWN, &limit))
		return false;
	for (int i = 0; i < result->nlines; i++)
	{
		const EngineLine *line = &result->lines[i];

		if (line->units < 0 || pg_add_s64_overflow(sum, line->units, &sum))
			return false;
	}
	return sum <= limit;
}

static Numeric
sum_paid(const EngineRun *run)
{
	Numeric		sum = NULL;

	for (int i = 0; i < run->result->nlines; i++)
		if (run->result->lines[i].reason == ENGINE_PAID)
			money_add_to(&sum, run->result->lines[i].amount);
	return sum != NULL ? sum : run->result->zero;
}

/* The last payments give first. */
static void
guard_by_priority(EngineRun *run, Numeric excess)
{
	for (int i = run->result->nlines - 1; i >= 0 && money_sign(excess) > 0; i--)
	{
		EngineLine *line = &run->result->lines[i];
		Numeric		less;

		if (line->reason != ENGINE_PAID)
			continue;
		less = money_compare(line->amount, excess) < 0 ? line->amount : excess;
		excess = money_subtract(excess, less);
		set_amount(run, line, money_subtract(line->amount, less), ENGINE_GUARD, ENGINE_LIMIT_GUARD);
	}
}

/* All payments make up the limit, in the proportions that they had. */
static void
guard_in_proportion(EngineRun *run, Numeric limit, Numeric sum)
{
	EngineResult *result = run->result;
	int			scale = run->sale->scale;
	Fraction   *fractions = palloc_extended(sizeof(Fraction) * (Size) Max(result->nlines, 1), MCXT_ALLOC_HUGE);
	Numeric	   *parts = palloc_extended(sizeof(Numeric) * (Size) Max(result->nlines, 1), MCXT_ALLOC_HUGE);
	Numeric		given = result->zero;
	int			m = 0;
	int64		units;

	for (int i = 0; i < result->nlines; i++)
	{
		EngineLine *line = &result->lines[i];

		if (line->reason != ENGINE_PAID)
			continue;
		CHECK_FOR_INTERRUPTS();
		parts[i] = money_portion(limit, line->amount, sum, scale);
		given = money_add(given, parts[i]);
		/* the fraction times sum, which orders them as well */
		fractions[m].fraction = money_subtract(money_multiply(limit, line->amount),
											   money_multiply(parts[i], sum));
		fractions[m++].line = i;
	}
	units = money_to_units(money_subtract(limit, given), scale);
	qsort(fractions, m, sizeof(Fraction), by_fraction);
	for (int i = 0; i < m; i++)
	{
		EngineLine *line = &result->lines[fractions[i].line];
		Numeric		amount = parts[fractions[i].line];

		if (i < units)
			amount = money_add(amount, money_from_units(1, scale));
		if (money_compare(amount, line->amount) != 0)
			set_amount(run, line, amount, ENGINE_GUARD, ENGINE_LIMIT_GUARD);
	}
}

/* Of all lines of the sale. */
void
engine_guard(EngineRun *run)
{
	Numeric		limit;
	Numeric		sum;

	if (run->result->nlines == 0 || units_within_guard(run))
		return;
	limit = money_round(money_multiply(run->sale->amount, run->plan->guard.max_share.value),
						run->sale->scale, MONEY_DOWN);
	sum = sum_paid(run);
	if (money_compare(sum, limit) <= 0)
		return;
	if (run->plan->guard.by_priority)
		guard_by_priority(run, money_subtract(sum, limit));
	else
		guard_in_proportion(run, limit, sum);
}
