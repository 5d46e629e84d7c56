/*
 * fuzz_plan.c
 *	  The plan compiler under fuzz: any text either is refused or gives a plan
 *	  that keeps its invariants and never pays more than its guard.
 */
#include "compat.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "engine.h"
#include "fuzz.h"
#include "plan.h"
#include "plan_reader.h"

static Jsonb *document;
static CommissionPlan *plan;

static const int refusals[] = {
	ERRCODE_INVALID_PARAMETER_VALUE,
	ERRCODE_INVALID_TEXT_REPRESENTATION,
	ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
	ERRCODE_UNTRANSLATABLE_CHARACTER,
	ERRCODE_PROGRAM_LIMIT_EXCEEDED,
	ERRCODE_STATEMENT_TOO_COMPLEX,
	0
};

/* No text reaches the server that is not valid in its encoding. */
static bool
parse(const uint8 *data, Size size)
{
	if (!pg_verifymbstr((const char *) data, (int) size, true))
		return false;
	document = plan_document(cstring_to_text_with_len((const char *) data, (int) size));
	plan = plan_compile(document);
	return true;
}

/* ---- the compiled plan ---- */

static void
check_money(const PlanMoney *money)
{
	FUZZ_HOLDS(money->any == NULL || money->n == 0);
	for (int i = 0; i < money->n; i++)
	{
		FUZZ_HOLDS(money->by_currency[i].currency != NULL);
		FUZZ_HOLDS(money_sign(money->by_currency[i].value) >= 0);
	}
	FUZZ_HOLDS(money->any == NULL || money_sign(money->any) >= 0);
}

static void
check_value(const PlanValue *value)
{
	if (value->kind == PLAN_FIXED)
		check_money(&value->fixed);
	if (value->kind != PLAN_PERCENTAGE)
		return;
	FUZZ_HOLDS(money_is_finite(value->percentage.value));
	FUZZ_HOLDS(money_sign(value->percentage.value) >= 0);
	FUZZ_HOLDS(money_compare(value->percentage.value, money_from_int(1)) <= 0);
	FUZZ_HOLDS(money_scale(value->percentage.value) <= PLAN_MAX_RATE_SCALE);
}

static void
check_rate(const PlanRate *rate)
{
	check_value(&rate->plain);
	FUZZ_HOLDS(rate->by_rank == NULL || rate->plain.kind == PLAN_NO_VALUE);
	for (int rank = 0; rate->by_rank != NULL && rank <= plan->nranks; rank++)
		check_value(&rate->by_rank[rank]);
}

static void
check_when(const PlanWhen *when)
{
	for (int i = 0; i < when->nconditions; i++)
	{
		const PlanCondition *condition = &when->conditions[i];

		if (condition->test == PLAN_TEST_IN || condition->test == PLAN_TEST_NOT_IN)
			FUZZ_HOLDS(condition->nwords >= 1 && condition->nwords <= PLAN_MAX_WORDS);
		for (int j = 1; j < condition->nwords; j++)
			FUZZ_HOLDS(strcmp(condition->words[j - 1], condition->words[j]) <= 0);
		FUZZ_HOLDS(condition->rank >= 0 && condition->rank <= plan->nranks);
	}
}

static void
check_terms(const PlanRule *rule, const PlanTerms *terms)
{
	check_when(&terms->when);
	check_rate(&terms->self);
	FUZZ_HOLDS(terms->nlevels >= 0 && terms->nlevels <= rule->nlevels);
	for (int i = 0; i < terms->nlevels; i++)
		check_rate(&terms->levels[i]);
	check_rate(&terms->rate);
	check_rate(&terms->rates);
	check_rate(&terms->slices);
	check_rate(&terms->budget);
	check_rate(&terms->keep);
	check_rate(&terms->retain);
	check_rate(&terms->pass);
}

/* A rule refers to rules that have run, and look at the same items. */
static void
check_reference(const PlanRule *rule, int index)
{
	FUZZ_HOLDS(index >= 0 && index < rule->index);
	FUZZ_HOLDS(plan->rules[index].per_line == rule->per_line);
}

static void
check_references(const PlanRule *rule, const PlanRules *rules)
{
	for (int i = 0; i < rules->n; i++)
		check_reference(rule, rules->rules[i]);
}

static void
check_rule(const PlanRule *rule)
{
	FUZZ_HOLDS(rule->is_complete && rule->kind != NULL);
	FUZZ_HOLDS(strlen(rule->name) >= 1 && strlen(rule->name) <= PLAN_MAX_NAME);
	FUZZ_HOLDS(rule->nlevels >= 0 && rule->nlevels <= PLAN_MAX_LEVELS);
	FUZZ_HOLDS(rule->place >= 0 && rule->place < plan->nrules);
	FUZZ_HOLDS((rule->group >= 0) == (rule->group_name != NULL) && rule->group < plan->ngroups);
	FUZZ_HOLDS(rule->min_rank >= 0 && rule->min_rank <= plan->nranks);
	check_when(&rule->when);
	check_terms(rule, &rule->terms);
	for (int i = 0; i < rule->nvariants; i++)
	{
		check_terms(rule, &rule->variants[i]);
		FUZZ_HOLDS(i == 0 || rule->variants[i - 1].when.nconditions >= rule->variants[i].when.nconditions);
	}
	check_money(&rule->min_payable);
	for (int cap = 0; cap < PLAN_NCAPS; cap++)
		check_money(&rule->caps[cap]);
	check_references(rule, &rule->deduct);
	check_references(rule, &rule->income);
	check_references(rule, &rule->of);
	if (rule->base.rule >= 0)
		check_reference(rule, rule->base.rule);
}

static void
check_plan(void)
{
	FUZZ_HOLDS(plan->nrules >= 1 && plan->nrules <= PLAN_MAX_RULES);
	FUZZ_HOLDS(plan->ncurrencies >= 0 && plan->ncurrencies <= PLAN_MAX_CURRENCIES);
	FUZZ_HOLDS(plan->nranks >= 0 && plan->nranks <= PLAN_MAX_RANKS);
	for (int i = 0; i < plan->nrules; i++)
	{
		const PlanRule *rule = &plan->rules[i];

		FUZZ_HOLDS(rule->index == i);
		FUZZ_HOLDS(i == 0 || plan->rules[i - 1].priority <= rule->priority);
		for (int j = 0; j < i; j++)
			FUZZ_HOLDS(strcmp(rule->name, plan->rules[j].name) != 0);
		check_rule(rule);
	}
	FUZZ_HOLDS(money_compare(plan_worst(plan).certain, plan->guard.max_share.value) <= 0);
}

/* ---- a sale ---- */

/* Nobody outside the upline is paid, but for whom the plan itself names. */
static bool
is_in_path(const EngineSale *sale, const EngineLine *line)
{
	return line->outside ||
		(line->level >= 0 && line->level < sale->depth &&
		 line->member_id == sale->ids[sale->depth - 1 - line->level]);
}

/* Is what is due no more than what the compiler calls possible? */
static void
check_possible(const EngineSale *sale, const EngineResult *result, Numeric unit)
{
	PlanWorst	worst = plan_worst(plan);
	Numeric		due = money_from_int(0);
	Numeric		bound;

	if (worst.possible == NULL)
		return;
	for (int i = 0; i < result->nlines; i++)
	{
		const EngineLine *line = &result->lines[i];

		if (line->reason == ENGINE_PAID && line->exact != NULL)
			due = money_add(due, line->exact);
	}
	/* what is computed on rounded payments is off by as much */
	bound = money_add(money_multiply(worst.possible, sale->amount),
					  money_multiply(unit, money_from_int(result->nlines * 10)));
	FUZZ_HOLDS(money_compare(due, bound) <= 0);
}

/* Nothing negative, and no more than the guard allows. */
static void
check_sale(const char *amount, int scale)
{
	static const int64 ids[] = {5, 4, 3, 2, 1};
	static const int64 recruits[] = {1, 2, 3, 1, 1};
	static const EngineState states[] = {ENGINE_ACTIVE, ENGINE_ACTIVE, ENGINE_FROZEN, ENGINE_ACTIVE, ENGINE_ACTIVE};
	const char *ranks[lengthof(ids)];
	EngineSale	sale = {0};
	EngineResult result;
	Numeric		unit = money_from_int(1);
	Numeric		sum = money_from_int(0);

	for (int i = 0; i < scale; i++)
		unit = money_multiply(unit, money_from_digits("0.1"));
	for (int i = 0; i < lengthof(ids); i++)
	{
		int			rank = (i * 7 + 3) % (plan->nranks + 1);

		ranks[i] = rank > 0 ? plan->ranks[rank - 1] : NULL;
	}
	sale.depth = lengthof(ids);
	sale.ids = ids;
	sale.states = scale > 0 ? states : NULL;
	sale.ranks = ranks;
	sale.amount = money_from_digits(amount);
	sale.scale = scale;
	sale.has_time = true;
	sale.order_number = scale + 1;
	sale.nrecruit_numbers = lengthof(recruits);
	sale.recruit_numbers = recruits;
	engine_init(&result, CurrentMemoryContext);
	engine_run(plan, &sale, &result);

	for (int i = 0; i < result.nlines; i++)
	{
		const EngineLine *line = &result.lines[i];

		FUZZ_HOLDS((line->reason == ENGINE_PAID) == (money_sign(line->amount) > 0));
		FUZZ_HOLDS(money_sign(line->amount) >= 0);
		FUZZ_HOLDS(line->exact == NULL || money_sign(line->exact) >= 0);
		if (line->reason != ENGINE_PAID)
			continue;
		FUZZ_HOLDS(is_in_path(&sale, line));
		sum = money_add(sum, line->amount);
	}
	FUZZ_HOLDS(money_compare(sum, money_multiply(plan->guard.max_share.value, sale.amount)) <= 0);
	check_possible(&sale, &result, unit);
}

/* What is stored is the document again: it compiles to the same. */
static void
check_stored(void)
{
	char	   *stored = JsonbToCString(NULL, &document->root, VARSIZE(document));
	Jsonb	   *again = plan_document(cstring_to_text(stored));
	int			nrules = plan->nrules;
	int			max_level = plan->max_level;

	FUZZ_HOLDS(compareJsonbContainers(&document->root, &again->root) == 0);
	plan = plan_compile(again);
	FUZZ_HOLDS(plan->nrules == nrules && plan->max_level == max_level);
}

static void
check(void)
{
	check_plan();
	check_sale("99.99", 2);
	check_sale("0.07", 2);
	check_sale("123456789012345678901234567890.123456", 0);
	check_stored();
}

const FuzzTarget fuzz_plan = {"plan", refusals, parse, check};
