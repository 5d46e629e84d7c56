/*
 * fuzz_plan.c
 *	  The plan compiler under fuzz: any text either is refused or gives a plan
 *	  that keeps its invariants and never pays more than the sale.
 */
#include "compat.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "engine.h"
#include "fuzz.h"
#include "plan.h"

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

static void
check_rate(const MoneyFactor *rate, Numeric *sum)
{
	FUZZ_HOLDS(money_is_finite(rate->value));
	FUZZ_HOLDS(money_sign(rate->value) >= 0);
	FUZZ_HOLDS(money_scale(rate->value) <= PLAN_MAX_RATE_SCALE);
	*sum = money_add(*sum, rate->value);
}

static void
check_plan(void)
{
	Numeric		one = money_from_int(1);
	Numeric		sum = money_from_int(0);

	FUZZ_HOLDS(plan->nrules >= 1 && plan->nrules <= PLAN_MAX_RULES);
	FUZZ_HOLDS(plan->ncurrencies >= 0 && plan->ncurrencies <= PLAN_MAX_CURRENCIES);
	for (int i = 0; i < plan->nrules; i++)
	{
		const PlanRule *rule = &plan->rules[i];

		FUZZ_HOLDS(strlen(rule->name) >= 1 && strlen(rule->name) <= PLAN_MAX_RULE_NAME);
		for (int j = 0; j < i; j++)
			FUZZ_HOLDS(strcmp(rule->name, plan->rules[j].name) != 0);
		FUZZ_HOLDS(rule->nlevels >= 0 && rule->nlevels <= PLAN_MAX_LEVELS);
		if (rule->self.value != NULL)
			check_rate(&rule->self, &sum);
		for (int j = 0; j < rule->nlevels; j++)
			check_rate(&rule->levels[j], &sum);
	}
	FUZZ_HOLDS(money_compare(sum, one) <= 0);
}

/* Every line is within half a unit of its exact share; the shares fit. */
static void
check_sale(const char *amount, int scale)
{
	static const int64 ids[] = {5, 4, 3, 2, 1};
	EngineSale	sale = {0};
	EngineResult result;
	Numeric		unit = money_from_digits("0.5");
	Numeric		sum = money_from_int(0);

	for (int i = 0; i < scale; i++)
		unit = money_multiply(unit, money_from_digits("0.1"));
	sale.depth = lengthof(ids);
	sale.ids = ids;
	sale.amount = money_from_digits(amount);
	sale.scale = scale;
	engine_init(&result, CurrentMemoryContext);
	engine_run(plan, &sale, &result);

	for (int i = 0; i < result.nlines; i++)
	{
		const EngineLine *line = &result.lines[i];
		Numeric		off = money_subtract(line->amount, line->exact);

		FUZZ_HOLDS((line->reason == ENGINE_PAID) == (money_sign(line->amount) > 0));
		FUZZ_HOLDS((line->reason == ENGINE_NO_UPLINE) == (line->member_id == -1));
		if (line->reason != ENGINE_PAID)
			continue;
		if (money_sign(off) < 0)
			off = money_subtract(money_from_int(0), off);
		FUZZ_HOLDS(money_compare(off, unit) <= 0);
		sum = money_add(sum, line->exact);
	}
	FUZZ_HOLDS(money_compare(sum, sale.amount) <= 0);
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
	check_sale("123456789012345678901234567890.123456", 0);
	check_stored();
}

const FuzzTarget fuzz_plan = {"plan", refusals, parse, check};
