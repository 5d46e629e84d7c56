/*
 * engine.c
 *	  The commission engine: what a plan pays for one sale.
 */
#include "compat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "engine.h"
#include "money.h"
#include "rule.h"

/* Lines that a result has room for before it grows. */
#define ENGINE_FIRST_LINES	16

void
engine_init(EngineResult *result, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);

	result->context = context;
	result->zero = money_from_int(0);
	result->paid_only = false;
	result->nlines = 0;
	result->maxlines = ENGINE_FIRST_LINES;
	result->lines = palloc(sizeof(EngineLine) * ENGINE_FIRST_LINES);
	MemoryContextSwitchTo(old);
}

static EngineLine *
next_line(EngineResult *result)
{
	if (result->nlines == result->maxlines)
	{
		result->maxlines *= 2;
		result->lines = repalloc(result->lines, sizeof(EngineLine) * result->maxlines);
	}
	return &result->lines[result->nlines++];
}

static EngineReason
state_reason(EngineState state)
{
	switch (state)
	{
		case ENGINE_ACTIVE:
			return ENGINE_PAID;
		case ENGINE_FROZEN:
			return ENGINE_FROZEN_MEMBER;
		case ENGINE_LEFT:
			return ENGINE_LEFT_MEMBER;
	}
	elog(ERROR, "unexpected member state %d", (int) state);
}

/*
 * Before any arithmetic: who stands at this level, and may they be paid?  A
 * rate of zero is named before the member's state, for it would pay nothing to
 * an active member either.
 */
static EngineReason
level_reason(const EngineSale *sale, int level, const MoneyFactor *rate)
{
	EngineReason reason;

	if (level >= sale->depth)
		return ENGINE_NO_UPLINE;
	if (sale->states == NULL)
		return ENGINE_PAID;
	reason = state_reason(sale->states[level]);
	if (reason != ENGINE_PAID && money_is_zero(rate->value))
		return ENGINE_ZERO_RATE;
	return reason;
}

/*
 * Pay rate * base to whoever stands at the level, or say why not.  What is not
 * paid stays with the house.
 */
static void
engine_pay_level(EngineRun *run, const PlanRule *rule, int level,
				 const MoneyFactor *base, const MoneyFactor *rate)
{
	const EngineSale *sale = run->sale;
	EngineResult *result = run->result;
	EngineReason reason = level_reason(sale, level, rate);
	Numeric		amount = NULL;
	EngineLine *line;

	if (reason == ENGINE_PAID)
	{
		bool		is_zero;

		amount = money_product(base, rate, sale->scale, &is_zero);
		if (is_zero)
			reason = money_is_zero(rate->value) ? ENGINE_ZERO_RATE : ENGINE_ROUNDS_TO_ZERO;
	}
	if (result->paid_only && reason != ENGINE_PAID)
		return;

	line = next_line(result);
	line->rule = rule;
	line->level = level;
	line->member_id = level < sale->depth ? sale->ids[sale->depth - 1 - level] : -1;
	line->base = base->value;
	line->rate = rate->value;
	line->exact = result->paid_only ? NULL : money_multiply(base->value, rate->value);
	line->amount = amount != NULL ? amount : money_round(result->zero, sale->scale);
	line->reason = reason;
}

void
engine_run_unilevel(EngineRun *run)
{
	const PlanTerms *terms = &run->rule->terms;
	int			nlevels = terms->nlevels;

	if (terms->self.plain.kind == PLAN_PERCENTAGE)
		engine_pay_level(run, run->rule, 0, &run->base, &terms->self.plain.percentage);
	if (run->result->paid_only)
		nlevels = Min(nlevels, run->sale->depth - 1);
	for (int i = 0; i < nlevels; i++)
	{
		if (terms->levels[i].plain.kind == PLAN_PERCENTAGE)
			engine_pay_level(run, run->rule, i + 1, &run->base, &terms->levels[i].plain.percentage);
	}
}

/*
 * The door for money from outside.  'NaN' > 0 is true in SQL, so a check of
 * the sign alone would let it pass.
 */
static void
check_amount(Numeric amount, Numeric zero)
{
	if (!money_is_finite(amount))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amount of a sale must be finite"),
				 errdetail("The amount is %s.", money_to_string(amount))));
	if (money_compare(amount, zero) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("amount of a sale must not be negative"),
				 errhint("What was sold is taken back by a refund.")));
	if (money_scale(amount) > MONEY_MAX_SCALE)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amount of a sale has too many decimals"),
				 errdetail("The amount has %d decimals, the limit is %d.",
						   money_scale(amount), MONEY_MAX_SCALE)));
}

static void
check_sale(const EngineSale *sale, Numeric zero)
{
	if (sale->depth < 0 || (sale->depth > 0 && sale->ids == NULL))
		elog(ERROR, "invalid path of depth %d", sale->depth);
	if (sale->amount == NULL)
		elog(ERROR, "sale without an amount");
	if (sale->scale < 0 || sale->scale > PLAN_MAX_CURRENCY_SCALE)
		elog(ERROR, "invalid scale %d", sale->scale);
	check_amount(sale->amount, zero);
}

/* One line for each rule and level, in this order, unless paid_only. */
void
engine_run(const CommissionPlan *plan, const EngineSale *sale, EngineResult *result)
{
	EngineRun	run = {plan, sale};

	check_sale(sale, result->zero);
	run.base = money_factor(sale->amount);
	run.result = result;
	result->nlines = 0;
	for (int i = 0; i < plan->nrules; i++)
	{
		const PlanRule *rule = &plan->rules[i];

		CHECK_FOR_INTERRUPTS();
		run.rule = rule;
		rule->kind->run(&run);
	}
}

/* Stable: they are stored and asked for by name. */
const char *
engine_reason_code(EngineReason reason)
{
	switch (reason)
	{
		case ENGINE_PAID:
			return "paid";
		case ENGINE_NO_UPLINE:
			return "no_upline";
		case ENGINE_FROZEN_MEMBER:
			return "frozen";
		case ENGINE_LEFT_MEMBER:
			return "left";
		case ENGINE_ZERO_RATE:
			return "zero_rate";
		case ENGINE_ROUNDS_TO_ZERO:
			return "rounds_to_zero";
		default:
			break;
	}
	elog(ERROR, "unexpected reason %d", (int) reason);
}

/* States of members have the same words in tables, arrays and calls. */
static const char *const state_words[] = {"active", "frozen", "left"};

EngineState
engine_state_from_word(const char *word)
{
	for (int state = ENGINE_ACTIVE; state <= ENGINE_LEFT; state++)
		if (strcmp(word, state_words[state]) == 0)
			return (EngineState) state;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid member state \"%s\"", word),
			 errhint("A state is \"active\", \"frozen\" or \"left\"; attach_members() takes a state_map from other words to these.")));
}

const char *
engine_state_word(EngineState state)
{
	return state_words[state];
}
