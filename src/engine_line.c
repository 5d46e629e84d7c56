/*
 * engine_line.c
 *	  The lines of a rule: who stands at a level, whether it is paid, how much.
 */
#include "compat.h"

#include "miscadmin.h"

#include "engine_run.h"
#include "rule.h"

/* ---- lines ---- */

static EngineLine *
next_line(EngineResult *result)
{
	if (result->nlines == result->maxlines)
	{
		CHECK_FOR_INTERRUPTS();
		if (result->nlines >= ENGINE_MAX_LINES)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("commission plan gives too many results for one sale"),
					 errdetail("The limit is %d, over all rules, order lines and levels.", ENGINE_MAX_LINES),
					 errhint("Use fewer rules that look at each order line, or fewer levels.")));
		result->lines = repalloc_huge(result->lines,
									  sizeof(EngineLine) * (Size) result->maxlines * 2);
		result->maxlines *= 2;
	}
	return &result->lines[result->nlines++];
}

/* A line without money, for now. */
EngineLine *
engine_add_line(EngineRun *run, int level, int basis, EngineReason reason)
{
	const EngineSale *sale = run->sale;
	EngineLine *line = next_line(run->result);

	line->rule = run->rule;
	line->line = run->item->line;
	line->level = level;
	line->basis = basis;
	line->member_id = level >= 0 && level < sale->depth ? sale->ids[sale->depth - 1 - level] : -1;
	line->outside = false;
	line->base = NULL;
	line->rate = NULL;
	line->exact = NULL;
	line->amount = run->result->zero;
	line->units = 0;
	line->reason = reason;
	line->limited_by = ENGINE_LIMIT_NONE;
	return line;
}

/* The rule as a whole does nothing for the item. */
void
engine_no_rule(EngineRun *run, EngineReason reason)
{
	if (!run->result->paid_only)
		(void) engine_add_line(run, -1, 0, reason);
}

/* ---- who may be paid ---- */

/* The level at which a member stands on the path. */
int
engine_level_of(const EngineRun *run, int64 member_id)
{
	const EngineSale *sale = run->sale;

	for (int level = 0; level < sale->depth; level++)
		if (sale->ids[sale->depth - 1 - level] == member_id)
			return level;
	return -1;
}

/* The lines of a rule that has run: from start to before end. */
static int
end_of_rule(const EngineRun *run, int index)
{
	return index < run->rule->index ? run->result->rule_starts[index + 1] : run->result->nlines;
}

static void
find_paid_by(EngineRun *run, const PlanRule *other)
{
	int			outside_level = -1;
	bool		outside_known = false;
	int			end = end_of_rule(run, other->index);

	for (int i = run->result->rule_starts[other->index]; i < end; i++)
	{
		const EngineLine *line = &run->result->lines[i];

		if (line->reason != ENGINE_PAID)
			continue;
		/* all that a rule pays outside goes to one member */
		if (line->outside && !outside_known)
		{
			outside_level = engine_level_of(run, line->member_id);
			outside_known = true;
		}
		if (!line->outside)
			run->group_paid[line->level] = true;
		else if (outside_level >= 0)
			run->group_paid[outside_level] = true;
		if (line->member_id == run->rule->missing_member)
			run->group_paid_missing = true;
	}
}

/* Whom have other rules of the group paid?  They have all run. */
void
engine_find_group_paid(EngineRun *run)
{
	run->group_paid = NULL;
	run->group_paid_missing = false;
	if (run->rule->group < 0)
		return;
	run->group_paid = palloc0(sizeof(bool) * Max(run->sale->depth, 1));
	for (int i = 0; i < run->rule->index; i++)
	{
		if (run->plan->rules[i].group != run->rule->group)
			continue;
		CHECK_FOR_INTERRUPTS();
		find_paid_by(run, &run->plan->rules[i]);
	}
}

static bool
is_exempt(const EngineRun *run, int level)
{
	return level == 1 && run->rule->compression.sponsor_exempt;
}

/* ENGINE_PAID, or what the member of that level lacks. */
static EngineReason
qualification(const EngineRun *run, int level, int number)
{
	const PlanRule *rule = run->rule;
	int			rank = engine_rank(run, level);

	if (is_exempt(run, level))
		return ENGINE_PAID;
	if (rank < rule->min_rank)
		return ENGINE_RANK_TOO_LOW;
	if (number > 0 && rule->depth_by_rank != NULL &&
		rule->depth_by_rank[rank] >= 0 && rule->depth_by_rank[rank] < number)
		return ENGINE_DEPTH_LOCKED;
	return ENGINE_PAID;
}

bool
engine_is_qualified(const EngineRun *run, int level, int number)
{
	return qualification(run, level, number) == ENGINE_PAID;
}

/*
 * May whoever stands at a level of the path be paid?  The first reason that
 * applies, in the order that the reference gives.
 */
EngineReason
engine_member_reason(const EngineRun *run, int level, int number, bool has_rate)
{
	const EngineSale *sale = run->sale;
	EngineReason reason;

	if (sale->states != NULL && sale->states[level] != ENGINE_ACTIVE)
		return sale->states[level] == ENGINE_FROZEN ? ENGINE_FROZEN_MEMBER : ENGINE_LEFT_MEMBER;
	if (level > run->top_level)
		return ENGINE_ABOVE_MAX_LEVEL;
	reason = qualification(run, level, number);
	if (reason != ENGINE_PAID)
		return reason;
	if (!has_rate)
		return run->opted_out ? ENGINE_OPTED_OUT : ENGINE_NO_RATE;
	if (run->group_paid != NULL && run->group_paid[level])
		return ENGINE_DOUBLE_DIP;
	return ENGINE_PAID;
}

/* The same before any arithmetic, of a share. */
EngineReason
engine_reason(const EngineRun *run, const EngineShare *share)
{
	if (share->level >= run->sale->depth)
		return ENGINE_NO_UPLINE;
	if (engine_rate_is_zero(&share->rate))
		return ENGINE_ZERO_RATE;
	return engine_member_reason(run, share->level, share->number, share->rate.kind != PLAN_NO_VALUE);
}

/* ---- paying ---- */

static const MoneyFactor *
uplift_of(const EngineRun *run, int level)
{
	const MoneyFactor *uplift;

	if (run->rule->uplift_by_rank == NULL)
		return NULL;
	uplift = &run->rule->uplift_by_rank[engine_rank(run, level)];
	return uplift->value != NULL ? uplift : NULL;
}

/* base, rate and exact amount of a share whose rate has a value */
static void
put_money(EngineRun *run, EngineLine *line, const EngineShare *share)
{
	const MoneyFactor *uplift = uplift_of(run, share->level);
	Numeric		factor = share->rate.kind == PLAN_PERCENTAGE ? share->rate.percentage->value : NULL;

	line->exact = engine_exact(run, &share->rate, share->base);
	if (uplift != NULL)
	{
		line->exact = money_multiply(line->exact, uplift->value);
		if (factor != NULL)
			factor = money_trim(money_multiply(factor, uplift->value));
	}
	line->base = factor != NULL ? share->base->value : run->quantity;
	line->rate = factor;
}

/* Not paid: what it would have been, and why it is not. */
EngineLine *
engine_refuse(EngineRun *run, const EngineShare *share, EngineReason reason)
{
	EngineLine *line;

	if (run->result->paid_only)
		return NULL;
	line = engine_add_line(run, share->level, share->basis, reason);
	if (share->rate.kind != PLAN_NO_VALUE)
		put_money(run, line, share);
	return line;
}

/* Round the exact amount of a line; what rounds to zero is not paid. */
static EngineLine *
settle(EngineRun *run, EngineLine *line)
{
	EngineResult *result = run->result;

	line->amount = money_round(line->exact, run->sale->scale, run->rounding);
	line->units = money_to_units(line->amount, run->sale->scale);
	if (line->units != 0)
		return line;
	/* what the residue gives may still come to it */
	line->reason = ENGINE_ROUNDS_TO_ZERO;
	if (!result->paid_only || run->rule->residue != PLAN_RESIDUE_HOUSE)
		return line;
	result->nlines--;
	return NULL;
}

/* The usual case, by one multiplication; without a line if it rounds to zero. */
EngineLine *
engine_pay_percentage(EngineRun *run, int level, int basis, const MoneyFactor *base,
					  const MoneyFactor *percentage)
{
	int64		units;
	Numeric		amount = money_product(base, percentage, run->sale->scale, run->rounding, &units);
	EngineLine *line;

	if (units == 0)
		return NULL;
	line = engine_add_line(run, level, basis, ENGINE_PAID);
	line->base = base->value;
	line->rate = percentage->value;
	line->amount = amount;
	line->units = units;
	return line;
}

/*
 * Pay a share to whoever stands at its level, or say why not.  What is not
 * paid stays with the house.  NULL: there is no line (paid_only).
 */
EngineLine *
engine_pay(EngineRun *run, const EngineShare *share)
{
	EngineReason reason = engine_reason(run, share);
	EngineLine *line;

	if (reason != ENGINE_PAID)
		return engine_refuse(run, share, reason);
	if (run->result->paid_only && share->rate.kind == PLAN_PERCENTAGE &&
		run->rule->uplift_by_rank == NULL && run->rule->residue == PLAN_RESIDUE_HOUSE)
		return engine_pay_percentage(run, share->level, share->basis, share->base, share->rate.percentage);
	line = engine_add_line(run, share->level, share->basis, ENGINE_PAID);
	put_money(run, line, share);
	return settle(run, line);
}

/* The same of an amount that is known. */
EngineLine *
engine_pay_exact(EngineRun *run, int level, int basis, Numeric base, Numeric rate, Numeric exact)
{
	EngineLine *line = engine_add_line(run, level, basis, ENGINE_PAID);

	line->base = base;
	line->rate = rate;
	line->exact = exact;
	return settle(run, line);
}

/* ---- levels and compression ---- */

/* Does compression pass over the member at a level, for this rate? */
bool
engine_skips(const EngineRun *run, int level, int number, const EngineRate *rate)
{
	const EngineSale *sale = run->sale;

	if (run->rule->compression.mode == PLAN_COMPRESSION_NONE || is_exempt(run, level))
		return false;
	if (sale->states != NULL && sale->states[level] != ENGINE_ACTIVE)
		return true;
	return run->rule->compression.mode == PLAN_COMPRESSION_DYNAMIC &&
		(rate->kind == PLAN_NO_VALUE || qualification(run, level, number) != ENGINE_PAID);
}

/* rotation has one rate for all levels */
static EngineRate
rate_of_level(const EngineRun *run, int list, int level)
{
	return list >= 0 ? engine_level_rate(run, list, level)
		: engine_rate(run, offsetof(PlanTerms, rate), level);
}

/*
 * The first level from "from" upwards that compression does not pass over for
 * the rate levels[list], or the rule's only rate if list is negative; it may
 * be beyond the path.  *rate becomes the rate there.
 */
int
engine_next_level(EngineRun *run, int from, int number, int list, EngineRate *rate)
{
	int			level = from;

	for (;; level++)
	{
		CHECK_FOR_INTERRUPTS();
		*rate = rate_of_level(run, list, level);
		if (level >= run->sale->depth || !engine_skips(run, level, number, rate))
			return level;
		if (!run->result->paid_only)
			(void) engine_add_line(run, level, 0, ENGINE_SKIPPED);
	}
}

/* The rule's levels, counted from "from", each a rate of the base. */
void
engine_pay_levels(EngineRun *run, int from, const MoneyFactor *base, int basis)
{
	int			nlevels = run->nlevels;
	bool		rolls_up = run->rule->compression.rolls_up;
	int			level = from;

	/* nobody above the root can be paid: do not walk there for nothing */
	if (run->result->paid_only)
		nlevels = Min(nlevels, run->sale->depth - 1 - from);
	for (int i = 0; i < nlevels; i++)
	{
		EngineShare share;

		share.number = i + 1;
		share.base = base;
		level = engine_next_level(run, rolls_up ? from + i + 1 : level + 1, i + 1, i, &share.rate);
		share.level = level;
		share.basis = rolls_up && level != from + i + 1 ? from + i + 2 : basis;
		(void) engine_pay(run, &share);
	}
}

/* ---- what has been paid ---- */

/*
 * The first line of a rule that is of the item at hand, or of one that comes
 * later: a rule takes the items in their order.
 */
static int
start_of_item(const EngineRun *run, int start, int end)
{
	int			item = run->item->line;

	while (start < end)
	{
		int			middle = start + (end - start) / 2;

		if (run->result->lines[middle].line < item)
			start = middle + 1;
		else
			end = middle;
	}
	return start;
}

static bool
counts_as_paid(const EngineLine *line, int level, bool and_below)
{
	return line->reason == ENGINE_PAID &&
		(level < 0 || (!line->outside &&
					   (line->level == level || (and_below && line->level < level))));
}

/*
 * The sum that these rules have paid for the item at hand, to its level or, if
 * negative, to all; and below it, if and_below.
 */
Numeric
engine_paid(const EngineRun *run, const PlanRules *rules, int level, bool and_below)
{
	const EngineResult *result = run->result;
	Numeric		sum = NULL;

	for (int r = 0; r < rules->n; r++)
	{
		int			end = end_of_rule(run, rules->rules[r]);
		int			i = start_of_item(run, result->rule_starts[rules->rules[r]], end);

		for (; i < end && result->lines[i].line == run->item->line; i++)
			if (counts_as_paid(&result->lines[i], level, and_below))
				money_add_to(&sum, result->lines[i].amount);
	}
	return sum != NULL ? sum : result->zero;
}
