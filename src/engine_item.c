/*
 * engine_item.c
 *	  What is known of an order or an order line: its numbers and words, the
 *	  base of a rule, the conditions of a plan.
 */
#include "compat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "engine_run.h"
#include "plan_reader.h"

/* ---- work whose traces are of no use ---- */

/*
 * A sale may have ten thousand lines and a plan as many conditions, each of
 * which leaves copies of words and numbers behind.
 */
static MemoryContext
enter_scratch(const EngineRun *run)
{
	EngineResult *result = run->result;

	if (result->scratch == NULL)
		result->scratch = AllocSetContextCreate(result->context, "commission engine scratch",
												ALLOCSET_SMALL_SIZES);
	return MemoryContextSwitchTo(result->scratch);
}

static void
leave_scratch(const EngineRun *run, MemoryContext old)
{
	MemoryContextSwitchTo(old);
	MemoryContextReset(run->result->scratch);
}

/* ---- json ---- */

/* The member of an object; NULL: there is none, or it is null. */
JsonbValue *
engine_json_member(JsonbContainer *object, const char *name)
{
	JsonbValue *value;

	if (object == NULL)
		return NULL;
	value = getKeyJsonValueFromContainer(object, name, strlen(name), NULL);
	return value == NULL || value->type == jbvNull ? NULL : value;
}

/* A number, or a text that is one; NULL: neither. */
Numeric
engine_json_number(const JsonbValue *value)
{
	Numeric		number = NULL;

	if (value->type == jbvNumeric)
		number = value->val.numeric;
	else if (value->type == jbvString)
		number = money_from_text(value->val.string.val, value->val.string.len);
	return number != NULL && money_scale(number) <= MONEY_MAX_SCALE ? number : NULL;
}

static Numeric
number_member(JsonbContainer *object, const char *name)
{
	JsonbValue *value = engine_json_member(object, name);

	return value == NULL ? NULL : engine_json_number(value);
}

/* ---- numbers ---- */

/* NULL where not every line has it; a line without quantity is one. */
static Numeric
add_up_lines(const EngineSale *sale, bool of_cost)
{
	Numeric		sum = NULL;
	Numeric		one = money_from_int(1);

	for (int i = 0; i < sale->nitems; i++)
	{
		const EngineItem *item = &sale->items[i];
		Numeric		value = of_cost ? item->cost : item->quantity;

		if (value == NULL && of_cost)
			return NULL;
		money_add_to(&sum, value != NULL ? value : one);
	}
	return sum;
}

/* Once for a sale, however many ask. */
static Numeric
sum_of_lines(const EngineRun *run, bool of_cost)
{
	EngineResult *result = run->result;

	if (!result->line_sums_known[of_cost])
	{
		MemoryContext old = MemoryContextSwitchTo(run->context);

		result->line_sums[of_cost] = add_up_lines(run->sale, of_cost);
		result->line_sums_known[of_cost] = true;
		MemoryContextSwitchTo(old);
	}
	return result->line_sums[of_cost];
}

static Numeric
find_number(const EngineRun *run, const EngineItem *item, const char *name)
{
	bool		is_quantity = strcmp(name, "quantity") == 0;
	bool		is_cost = strcmp(name, "cost") == 0;
	Numeric		number;

	if (strcmp(name, "amount") == 0)
		return item->amount;
	if (item->line > 0 && (is_quantity || is_cost))
		return is_cost ? item->cost : item->quantity;
	number = number_member(item->attributes, name);
	if (number == NULL && item->line == 0 && (is_quantity || is_cost))
		number = sum_of_lines(run, is_cost);
	return number;
}

/* NULL: unknown.  The quantity never is, nor is it negative. */
Numeric
engine_number(const EngineRun *run, const EngineItem *item, const char *name)
{
	Numeric		number = find_number(run, item, name);

	if (strcmp(name, "quantity") == 0)
	{
		if (number == NULL)
			return money_from_int(1);
		if (money_sign(number) < 0)
			return run->result->zero;
	}
	return number;
}

/* ---- base ---- */

static Numeric
add_terms(const EngineRun *run, Numeric value, const char *const *names, int n, bool subtract)
{
	for (int i = 0; i < n; i++)
	{
		Numeric		term = engine_number(run, run->item, names[i]);

		if (term != NULL)
			value = subtract ? money_subtract(value, term) : money_add(value, term);
	}
	return value;
}

static Numeric
base_of_numbers(const EngineRun *run, const PlanBase *base)
{
	Numeric		value = run->item->amount;

	if (base->is_profit)
	{
		Numeric		cost = engine_number(run, run->item, "cost");

		if (cost == NULL)
			return NULL;
		value = money_subtract(value, cost);
	}
	else if (base->of != NULL)
		value = engine_number(run, run->item, base->of);
	if (value == NULL)
		return NULL;
	value = add_terms(run, value, base->less, base->nless, true);
	return add_terms(run, value, base->plus, base->nplus, false);
}

static Numeric
clipped_base(const EngineRun *run, const PlanBase *base)
{
	Numeric		value = base_of_numbers(run, base);

	if (value == NULL)
		return NULL;
	if (money_sign(value) < 0)
		value = run->result->zero;
	if (base->min != NULL && money_compare(value, base->min) < 0)
		value = base->min;
	if (base->max != NULL && money_compare(value, base->max) > 0)
		value = base->max;
	if (base->above != NULL)
	{
		value = money_subtract(value, base->above);
		if (money_sign(value) < 0)
			value = run->result->zero;
	}
	return value;
}

/* What percentages are applied to; NULL: it has no value. */
Numeric
engine_base(const EngineRun *run)
{
	const PlanBase *base = &run->rule->base;
	MemoryContext old;
	Numeric		value;
	Numeric		result = NULL;

	if (base->rule >= 0)
	{
		int			index = base->rule;
		PlanRules	rules = {1, &index};

		return engine_paid(run, &rules, base->rule_level, false);
	}
	old = enter_scratch(run);
	value = clipped_base(run, base);
	MemoryContextSwitchTo(old);
	if (value != NULL)
		money_add_to(&result, value);
	leave_scratch(run, old);
	return result;
}

/* ---- conditions ---- */

void
engine_missing_fact(const EngineRun *run, const char *fact, const char *example)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("rule \"%s\" needs %s of the sale", run->rule->name, fact),
			 errhint("Give it in \"sale\", for example %s.", example)));
}

static bool
is_one_of(const PlanCondition *condition, const char *word)
{
	int			low = 0;
	int			high = condition->nwords;

	while (low < high)
	{
		int			middle = (low + high) / 2;
		int			order = strcmp(word, condition->words[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static bool
scalar_is_one_of(const PlanCondition *condition, const JsonbValue *value)
{
	char	   *word = plan_word_text(value);
	bool		result;

	if (word == NULL)
		return false;
	result = is_one_of(condition, word);
	pfree(word);
	return result;
}

static bool
value_is_one_of(const PlanCondition *condition, const JsonbValue *value)
{
	uint32		n;

	if (value->type != jbvBinary)
		return scalar_is_one_of(condition, value);
	if (!JsonContainerIsArray(value->val.binary.data))
		return false;
	n = JsonContainerSize(value->val.binary.data);
	for (uint32 i = 0; i < n; i++)
	{
		JsonbValue *element = getIthJsonbValueFromContainer(value->val.binary.data, i);
		bool		found = scalar_is_one_of(condition, element);

		pfree(element);
		if (found)
			return true;
		CHECK_FOR_INTERRUPTS();
	}
	return false;
}

/* The line's own word, or else the order's. */
static bool
word_is_one_of(const EngineRun *run, const PlanCondition *condition)
{
	const EngineItem *item = run->item;
	JsonbValue *value;

	if (item->line > 0 && strcmp(condition->name, "product") == 0 && item->product != NULL)
		return is_one_of(condition, item->product);
	value = item->line > 0 && strcmp(condition->name, "product") == 0 ? NULL
		: engine_json_member(item->attributes, condition->name);
	if (value == NULL && item->line > 0)
		value = engine_json_member(run->sale->attributes, condition->name);
	return value != NULL && value_is_one_of(condition, value);
}

static const char *
buyer_rank(const EngineRun *run)
{
	int			position = engine_rank(run, 0);

	return position > 0 ? run->plan->ranks[position - 1] : NULL;
}

static bool
is_among(const EngineRun *run, const PlanCondition *condition)
{
	const char *word;

	switch (condition->field)
	{
		case PLAN_FIELD_WORD:
			return word_is_one_of(run, condition);
		case PLAN_FIELD_CURRENCY:
			word = run->sale->currency;
			break;
		case PLAN_FIELD_BUYER_RANK:
			word = buyer_rank(run);
			break;
		default:
			elog(ERROR, "unexpected field %d of words", (int) condition->field);
	}
	return word != NULL && is_one_of(condition, word);
}

static bool
number_in_range(const PlanCondition *condition, Numeric number)
{
	return number != NULL &&
		(condition->from == NULL || money_compare(number, condition->from) >= 0) &&
		(condition->over == NULL || money_compare(number, condition->over) > 0) &&
		(condition->to == NULL || money_compare(number, condition->to) <= 0) &&
		(condition->below == NULL || money_compare(number, condition->below) < 0);
}

static bool
time_in_range(const PlanCondition *condition, TimestampTz time)
{
	return (!condition->has_time_from || time >= condition->time_from) &&
		(!condition->has_time_over || time > condition->time_over) &&
		(!condition->has_time_to || time <= condition->time_to) &&
		(!condition->has_time_below || time < condition->time_below);
}

static bool
is_in_range(const EngineRun *run, const PlanCondition *condition)
{
	switch (condition->field)
	{
		case PLAN_FIELD_AMOUNT:
			return number_in_range(condition, run->item->amount);
		case PLAN_FIELD_ORDER_AMOUNT:
			return number_in_range(condition, run->sale->amount);
		case PLAN_FIELD_QUANTITY:
			return number_in_range(condition, engine_number(run, run->item, "quantity"));
		case PLAN_FIELD_NUMBER:
			return number_in_range(condition, engine_number(run, run->item, condition->name));
		case PLAN_FIELD_ORDER_NUMBER:
			if (run->sale->order_number == 0)
				engine_missing_fact(run, "the order number", "{\"counters\": {\"order_number\": 1}}");
			return number_in_range(condition, money_from_int(run->sale->order_number));
		case PLAN_FIELD_TIME:
			if (!run->sale->has_time)
				engine_missing_fact(run, "the time", "{\"occurred_at\": \"2026-11-11T10:00:00Z\"}");
			return time_in_range(condition, run->sale->occurred_at);
		default:
			elog(ERROR, "unexpected field %d of a range", (int) condition->field);
	}
}

static bool
condition_holds(const EngineRun *run, const PlanCondition *condition)
{
	switch (condition->test)
	{
		case PLAN_TEST_IN:
			return is_among(run, condition);
		case PLAN_TEST_NOT_IN:
			return !is_among(run, condition);
		case PLAN_TEST_RANGE:
			return is_in_range(run, condition);
		case PLAN_TEST_AT_LEAST:
			return engine_rank(run, 0) >= condition->rank;
	}
	elog(ERROR, "unexpected test %d", (int) condition->test);
}

bool
engine_when(const EngineRun *run, const PlanWhen *when)
{
	bool		holds = true;

	for (int i = 0; i < when->nconditions && holds; i++)
	{
		MemoryContext old = enter_scratch(run);

		CHECK_FOR_INTERRUPTS();
		holds = condition_holds(run, &when->conditions[i]);
		leave_scratch(run, old);
	}
	return holds;
}
