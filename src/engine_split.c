/*
 * engine_split.c
 *	  The rule "split": a budget, and shares of it by level.
 */
#include "compat.h"

#include "miscadmin.h"

#include "engine_run.h"

/* Shares that wait for "the highest upline that this rule pays". */
typedef struct Waiting
{
	int			n;
	struct
	{
		EngineShare share;		/* as it will be paid, but for the level */
		int			line;		/* that refused it; -1: there is none */
	}		   *shares;
} Waiting;

/* Does somebody else get the share, where this is the reason? */
static bool
is_missing(EngineReason reason)
{
	switch (reason)
	{
		case ENGINE_NO_UPLINE:
		case ENGINE_FROZEN_MEMBER:
		case ENGINE_LEFT_MEMBER:
		case ENGINE_ABOVE_MAX_LEVEL:
		case ENGINE_RANK_TOO_LOW:
		case ENGINE_DEPTH_LOCKED:
		case ENGINE_DOUBLE_DIP:
			return true;
		default:
			return false;
	}
}

/* The nearest upline above who can be paid; -1: there is none. */
static int
next_payable(EngineRun *run, EngineShare share)
{
	for (share.level++; share.level < run->sale->depth; share.level++)
	{
		CHECK_FOR_INTERRUPTS();
		if (engine_reason(run, &share) == ENGINE_PAID)
			return share.level;
	}
	return -1;
}

/* The named member may stand in the upline, and then be none who can be paid. */
static bool
is_payable(const EngineRun *run, int64 member_id)
{
	const EngineSale *sale = run->sale;
	int			level;

	if (run->group_paid_missing)
		return false;
	level = engine_level_of(run, member_id);
	return level < 0 || (level <= run->top_level &&
						 (sale->states == NULL || sale->states[level] == ENGINE_ACTIVE));
}

/* False: that member cannot be paid. */
static bool
pay_member(EngineRun *run, const EngineShare *share, const EngineShare *missing)
{
	EngineLine *line;

	if (!is_payable(run, run->rule->missing_member))
		return false;
	(void) engine_refuse(run, missing, ENGINE_MOVED);
	line = engine_pay_exact(run, share->level, share->basis, share->base->value,
							share->rate.percentage->value,
							engine_exact(run, &share->rate, share->base));
	if (line != NULL)
	{
		line->member_id = run->rule->missing_member;
		line->outside = true;
	}
	return true;
}

static void
await_last(EngineRun *run, Waiting *waiting, const EngineShare *share, const EngineShare *missing,
	 EngineReason reason)
{
	EngineLine *line = engine_refuse(run, missing, reason);

	waiting->shares[waiting->n].share = *share;
	waiting->shares[waiting->n++].line = line == NULL ? -1 : (int) (line - run->result->lines);
}

/* Pay a missing share to somebody else; false: it stays with the house. */
static bool
move_share(EngineRun *run, const EngineShare *share, EngineReason reason, Waiting *waiting)
{
	EngineShare moved = *share;

	moved.basis = (run->rule->compression.rolls_up ? share->number : share->level) + 1;
	switch (run->rule->missing)
	{
		case PLAN_MISSING_HOUSE:
			return false;
		case PLAN_MISSING_ROLLS_UP:
			moved.level = next_payable(run, *share);
			if (moved.level < 0)
				return false;
			(void) engine_refuse(run, share, ENGINE_MOVED);
			(void) engine_pay(run, &moved);
			return true;
		case PLAN_MISSING_MEMBER:
			return pay_member(run, &moved, share);
		case PLAN_MISSING_LAST:
			await_last(run, waiting, &moved, share, reason);
			return true;
	}
	elog(ERROR, "unexpected \"missing\" %d", (int) run->rule->missing);
}

static void
pay_share(EngineRun *run, const EngineShare *share, Waiting *waiting)
{
	EngineReason reason = engine_reason(run, share);

	if (share->rate.kind == PLAN_NO_VALUE || engine_rate_is_zero(&share->rate) || !is_missing(reason) ||
		!move_share(run, share, reason, waiting))
		(void) engine_pay(run, share);
}

/* The highest level that the rule pays for the item; -1: none. */
static int
highest_paid(const EngineRun *run)
{
	int			highest = -1;

	for (int i = run->item_start; i < run->result->nlines; i++)
		if (run->result->lines[i].reason == ENGINE_PAID)
			highest = Max(highest, run->result->lines[i].level);
	return highest;
}

static void
pay_waiting(EngineRun *run, Waiting *waiting)
{
	int			highest = highest_paid(run);

	if (highest < 0)
		return;
	for (int w = 0; w < waiting->n; w++)
	{
		if (waiting->shares[w].line >= 0)
			run->result->lines[waiting->shares[w].line].reason = ENGINE_MOVED;
		waiting->shares[w].share.level = highest;
		(void) engine_pay(run, &waiting->shares[w].share);
	}
}

/* What was moved carries no money at the place where it was missing. */
static void
empty_moved(EngineRun *run)
{
	for (int i = run->item_start; i < run->result->nlines; i++)
	{
		EngineLine *line = &run->result->lines[i];

		if (line->reason == ENGINE_MOVED)
			line->base = line->rate = line->exact = NULL;
	}
}

void
engine_run_split(EngineRun *run)
{
	EngineRate	budget_rate = engine_rate(run, offsetof(PlanTerms, budget), 0);
	bool		rolls_up = run->rule->compression.rolls_up;
	MoneyFactor budget;
	Waiting		waiting = {0};
	EngineShare share = {0};

	if (budget_rate.kind == PLAN_NO_VALUE)
	{
		engine_no_rule(run, run->opted_out ? ENGINE_OPTED_OUT : ENGINE_NO_BASE);
		return;
	}
	budget = money_factor(engine_exact(run, &budget_rate, &run->base));
	share.base = &budget;
	waiting.shares = palloc(sizeof(*waiting.shares) * (run->nlevels + 1));
	if (engine_has_rate(run, offsetof(PlanTerms, self)))
	{
		share.rate = engine_rate(run, offsetof(PlanTerms, self), 0);
		pay_share(run, &share, &waiting);
	}
	for (int i = 0; i < run->nlevels; i++)
	{
		share.number = i + 1;
		share.level = engine_next_level(run, rolls_up ? i + 1 : share.level + 1, i + 1, i, &share.rate);
		share.basis = rolls_up && share.level != i + 1 ? i + 2 : 0;
		pay_share(run, &share, &waiting);
	}
	pay_waiting(run, &waiting);
	empty_moved(run);
}
