/*
 * engine.c
 *	  The commission engine: what a plan pays for one sale.
 *
 * For each rule and item: does the rule apply, what is the base, the lines of
 * its kind, the residue; after the items of a rule its limits, after all rules
 * the guard.
 */
#include "compat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "engine_run.h"
#include "rule.h"

/* Lines, and levels, that a result has room for before it grows. */
#define ENGINE_FIRST_LINES	16
#define ENGINE_FIRST_DEPTH	64

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
	result->maxrules = 0;
	result->rule_starts = NULL;
	result->scratch = NULL;
	result->maxdepth = ENGINE_FIRST_DEPTH;
	result->ranks = palloc(sizeof(int) * ENGINE_FIRST_DEPTH);
	MemoryContextSwitchTo(old);
}

static void
make_rule_starts(EngineResult *result, int nrules)
{
	if (result->rule_starts != NULL)
		pfree(result->rule_starts);
	result->rule_starts = MemoryContextAlloc(result->context, sizeof(int) * nrules);
	result->maxrules = nrules;
}

/* ---- what comes from outside ---- */

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

/* An amount that fits into units is all that it has to be. */
static MoneyFactor
checked_amount(Numeric amount, Numeric zero)
{
	MoneyFactor factor = {amount, -1, 0};

	if (money_is_finite(amount))
		factor = money_factor(amount);
	if (factor.units < 0)
		check_amount(amount, zero);
	return factor;
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
	for (int i = 0; i < sale->nitems; i++)
		check_amount(sale->items[i].amount, zero);
}

/* Ranks as positions, once for the sale. */
static const int *
rank_positions(EngineRun *run)
{
	const EngineSale *sale = run->sale;
	EngineResult *result = run->result;

	if (sale->rank_positions != NULL)
		return sale->rank_positions;
	if (!run->plan->uses_rank || sale->ranks == NULL || sale->depth == 0)
		return NULL;
	if (result->maxdepth < sale->depth)
	{
		result->maxdepth = sale->depth;
		result->ranks = repalloc(result->ranks, sizeof(int) * sale->depth);
	}
	for (int level = 0; level < sale->depth; level++)
		result->ranks[level] = sale->ranks[level] == NULL ? 0
			: plan_find_rank(run->plan, sale->ranks[level], strlen(sale->ranks[level]));
	return result->ranks;
}

/* ---- one rule ---- */

static bool
already_paid(const EngineRun *run)
{
	JsonbValue *count;
	Numeric		number;

	if (!run->rule->once_per_buyer || run->sale->applied == NULL)
		return false;
	count = engine_json_member(run->sale->applied, run->rule->name);
	number = count == NULL ? NULL : engine_json_number(count);
	return number != NULL && money_sign(number) > 0;
}

static void
add_terms(EngineRun *run, const PlanTerms *terms)
{
	run->terms[run->nterms++] = terms;
	run->nlevels = Max(run->nlevels, terms->nlevels);
}

/*
 * The rates that apply to the item, the most specific first.  False: the item
 * is opted out before any of them.
 */
static bool
find_terms(EngineRun *run)
{
	const PlanRule *rule = run->rule;

	run->nterms = 0;
	run->nlevels = 0;
	run->opted_out = false;
	for (int i = 0; i < rule->nvariants; i++)
	{
		if (!engine_when(run, &rule->variants[i].when))
			continue;
		if (!rule->variants[i].pays)
		{
			run->opted_out = true;
			return run->nterms > 0;
		}
		add_terms(run, &rule->variants[i]);
	}
	add_terms(run, &rule->terms);
	return true;
}

/* False: it has no value. */
static bool
find_base(EngineRun *run)
{
	const PlanRule *rule = run->rule;

	run->base.value = NULL;
	if ((rule->kind->has & RULE_BASE) == 0)
		return true;
	if (rule->base.is_amount)
		run->base = run->item == &run->whole ? run->amount : money_factor(run->item->amount);
	else
	{
		Numeric		base = engine_base(run);

		if (base == NULL)
			return false;
		run->base = money_factor(base);
	}
	return true;
}

static void
run_item(EngineRun *run, const EngineItem *item)
{
	const PlanRule *rule = run->rule;

	run->item = item;
	run->item_start = run->result->nlines;
	if (rule->when.nconditions > 0 && !engine_when(run, &rule->when))
		engine_no_rule(run, ENGINE_NOT_APPLICABLE);
	else if (!find_terms(run))
		engine_no_rule(run, ENGINE_OPTED_OUT);
	else if (!find_base(run))
		engine_no_rule(run, ENGINE_NO_BASE);
	else
	{
		run->quantity = rule->per_unit ? engine_number(run, item, "quantity") : NULL;
		rule->kind->run(run);
		if (rule->residue != PLAN_RESIDUE_HOUSE)
			engine_take_residue(run);
	}
}

static void
run_rule(EngineRun *run)
{
	const PlanRule *rule = run->rule;
	const EngineSale *sale = run->sale;
	const PlanTerms *own_terms[1];

	run->rule_start = run->result->nlines;
	run->result->rule_starts[rule->index] = run->rule_start;
	run->item = &run->whole;
	if (already_paid(run))
	{
		engine_no_rule(run, ENGINE_ALREADY_PAID);
		return;
	}
	engine_find_group_paid(run);
	run->terms = rule->nvariants == 0 ? own_terms
		: palloc(sizeof(PlanTerms *) * (rule->nvariants + 1));
	if (rule->per_line && sale->nitems > 0)
	{
		for (int i = 0; i < sale->nitems; i++)
		{
			CHECK_FOR_INTERRUPTS();
			run_item(run, &sale->items[i]);
		}
	}
	else
		run_item(run, &run->whole);
	engine_limit_rule(run);
}

/* Leave out what is not paid. */
static void
drop_unpaid(EngineResult *result)
{
	int			kept = 0;

	for (int i = 0; i < result->nlines; i++)
		if (result->lines[i].reason == ENGINE_PAID)
		{
			if (kept < i)
				result->lines[kept] = result->lines[i];
			kept++;
		}
	result->nlines = kept;
}

/* What is not paid shows the decimals of the currency as well. */
static void
scale_zeros(EngineResult *result, int scale)
{
	Numeric		zero = money_from_units(0, scale);

	for (int i = 0; i < result->nlines; i++)
		if (result->lines[i].reason != ENGINE_PAID)
			result->lines[i].amount = zero;
}

/*
 * The lines of each rule in the order of running, items, levels; without those
 * that are not paid if paid_only.
 */
void
engine_run(const CommissionPlan *plan, const EngineSale *sale, EngineResult *result)
{
	EngineRun	run = {.plan = plan, .sale = sale, .result = result};

	check_sale(sale, result->zero);
	result->nlines = 0;
	result->line_sums_known[0] = result->line_sums_known[1] = false;
	if (result->maxrules < plan->nrules)
		make_rule_starts(result, plan->nrules);
	run.context = CurrentMemoryContext;
	run.rounding = plan_currency_rounding(plan, sale->currency);
	run.top_level = plan->compliance.max_level > 0 ? plan->compliance.max_level : PG_INT32_MAX;
	run.ranks = rank_positions(&run);
	run.amount = checked_amount(sale->amount, result->zero);
	run.whole.amount = sale->amount;
	run.whole.attributes = sale->attributes;
	for (int i = 0; i < plan->nrules; i++)
	{
		CHECK_FOR_INTERRUPTS();
		run.rule = &plan->rules[i];
		run_rule(&run);
	}
	engine_guard(&run);
	if (result->paid_only)
		drop_unpaid(result);
	else
		scale_zeros(result, sale->scale);
}

/* ---- words ---- */

/* Stable: they are stored and asked for by name. */
static const char *const reason_codes[] = {
	[ENGINE_PAID] = "paid",
	[ENGINE_NO_UPLINE] = "no_upline",
	[ENGINE_FROZEN_MEMBER] = "frozen",
	[ENGINE_LEFT_MEMBER] = "left",
	[ENGINE_ZERO_RATE] = "zero_rate",
	[ENGINE_ROUNDS_TO_ZERO] = "rounds_to_zero",
	[ENGINE_RANK_TOO_LOW] = "rank_too_low",
	[ENGINE_DEPTH_LOCKED] = "depth_locked",
	[ENGINE_NO_RATE] = "no_rate",
	[ENGINE_SKIPPED] = "skipped",
	[ENGINE_ABOVE_MAX_LEVEL] = "above_max_level",
	[ENGINE_NOT_ABOVE] = "not_above",
	[ENGINE_FIRST_OF_RANK] = "first_of_rank",
	[ENGINE_NO_MORE_PEERS] = "no_more_peers",
	[ENGINE_DOUBLE_DIP] = "double_dip",
	[ENGINE_BELOW_MINIMUM] = "below_minimum",
	[ENGINE_CAPPED] = "capped",
	[ENGINE_GUARD] = "guard",
	[ENGINE_MOVED] = "moved",
	[ENGINE_NOT_APPLICABLE] = "not_applicable",
	[ENGINE_OPTED_OUT] = "opted_out",
	[ENGINE_ALREADY_PAID] = "already_paid",
	[ENGINE_NO_BASE] = "no_base",
};

const char *
engine_reason_code(EngineReason reason)
{
	return reason_codes[reason];
}

const char *
engine_limit_code(int limited_by)
{
	if (limited_by == ENGINE_LIMIT_NONE)
		return NULL;
	if (limited_by == ENGINE_LIMIT_RESIDUE)
		return "residue";
	if (limited_by == ENGINE_LIMIT_GUARD)
		return "guard";
	return plan_cap_names[limited_by];
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
