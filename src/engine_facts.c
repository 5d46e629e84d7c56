/*
 * engine_facts.c
 *	  The facts of a sale, from the json object that commissions() takes.
 *
 * doc/plan.md, "The facts of a sale", is the reference.  Nothing is copied:
 * what is read points into the object.
 */
#include "compat.h"

#include "engine.h"
#include "plan_reader.h"

static void
refuse(const PlanPath *at, const JsonbValue *value, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid %s of a sale", what),
			 plan_errfound(at, value),
			 errhint("%s", hint)));
}

static bool
is_container(const JsonbValue *value, bool of_object)
{
	return value->type == jbvBinary &&
		(of_object ? JsonContainerIsObject(value->val.binary.data)
		 : JsonContainerIsArray(value->val.binary.data));
}

static void
read_object(const PlanPath *at, const JsonbValue *value, void *target)
{
	if (value->type == jbvNull)
		return;
	if (!is_container(value, true))
		plan_wrong_type(at, value, "an object");
	*(JsonbContainer **) target = value->val.binary.data;
}

/* A number, or a text that is one, of which negatives may be refused. */
static Numeric
read_number(const PlanPath *at, const JsonbValue *value, bool negative_too)
{
	Numeric		number = NULL;

	if (value->type == jbvNumeric)
		number = value->val.numeric;
	else if (value->type == jbvString)
		number = money_from_text(value->val.string.val, value->val.string.len);
	else
		plan_wrong_type(at, value, "a number");
	if (number == NULL || money_scale(number) > MONEY_MAX_SCALE ||
		(!negative_too && money_sign(number) < 0))
		refuse(at, value, "number", negative_too ?
			   "Write a number, or its digits in quotes." :
			   "Write a number that is not negative, or its digits in quotes.");
	return number;
}

static void
read_amount(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(Numeric *) target = read_number(at, value, false);
}

static void
read_any_number(const PlanPath *at, const JsonbValue *value, void *target)
{
	if (value->type != jbvNull)
		*(Numeric *) target = read_number(at, value, true);
}

/* A key, which may be a number as well. */
static void
read_word(const PlanPath *at, const JsonbValue *value, void *target)
{
	if (value->type == jbvNull)
		return;
	if (value->type != jbvString && value->type != jbvNumeric)
		plan_wrong_type(at, value, "a string or a number");
	*(const char **) target = plan_word_text(value);
}

static const PlanKey line_keys[] = {
	{"key", read_word, offsetof(EngineItem, key), NULL},
	{"product", read_word, offsetof(EngineItem, product), NULL},
	{"quantity", read_any_number, offsetof(EngineItem, quantity), NULL},
	{"amount", read_amount, offsetof(EngineItem, amount),
	"Every order line has an amount, for example {\"amount\": 60}."},
	{"cost", read_any_number, offsetof(EngineItem, cost), NULL},
	{"attributes", read_object, offsetof(EngineItem, attributes), NULL},
	{NULL}
};

static void
read_lines(const PlanPath *at, const JsonbValue *value, void *target)
{
	EngineSale *sale = target;
	EngineItem *items;

	if (value->type == jbvNull)
		return;
	sale->nitems = plan_array_length(at, value, ENGINE_MAX_ITEMS);
	sale->items = items = palloc0(sizeof(EngineItem) * Max(sale->nitems, 1));
	for (int i = 0; i < sale->nitems; i++)
	{
		PlanPath	here = {at, NULL, 0, i};

		items[i].line = i + 1;
		plan_read_keys(&here, plan_array_element(value, i), line_keys, &items[i]);
	}
}

static void
read_time(const PlanPath *at, const JsonbValue *value, void *target)
{
	EngineSale *sale = target;

	if (value->type == jbvNull)
		return;
	if (value->type != jbvString)
		plan_wrong_type(at, value, "a string");
	if (!plan_parse_time(value->val.string.val, value->val.string.len, &sale->occurred_at))
		refuse(at, value, "time", "Write a time with its offset, for example \"2026-11-11T10:00:00+08:00\".");
	sale->has_time = true;
}

/* 1, 2, 3 ... */
static int64
read_ordinal(const PlanPath *at, const JsonbValue *value)
{
	int			number = 0;

	if (value->type != jbvNumeric)
		plan_wrong_type(at, value, "a whole number");
	if (!money_to_int(value->val.numeric, &number) || number < 1)
		refuse(at, value, "number", "Write a whole number from 1 up.");
	return number;
}

static void
read_order_number(const PlanPath *at, const JsonbValue *value, void *target)
{
	if (value->type != jbvNull)
		((EngineSale *) target)->order_number = read_ordinal(at, value);
}

static void
read_recruit_numbers(const PlanPath *at, const JsonbValue *value, void *target)
{
	EngineSale *sale = target;
	int64	   *numbers;

	if (value->type == jbvNull)
		return;
	sale->nrecruit_numbers = plan_array_length(at, value, PG_INT32_MAX);
	sale->recruit_numbers = numbers = palloc0(sizeof(int64) * Max(sale->nrecruit_numbers, 1));
	for (int i = 0; i < sale->nrecruit_numbers; i++)
	{
		PlanPath	here = {at, NULL, 0, i};
		JsonbValue *element = plan_array_element(value, i);

		if (element->type != jbvNull)
			numbers[i] = read_ordinal(&here, element);
	}
}

static const PlanKey counter_keys[] = {
	{"order_number", read_order_number, 0, NULL},
	{"recruit_numbers", read_recruit_numbers, 0, NULL},
	{"applied", read_object, offsetof(EngineSale, applied), NULL},
	{"earned", read_object, offsetof(EngineSale, earned), NULL},
	{NULL}
};

static void
read_counters(const PlanPath *at, const JsonbValue *value, void *target)
{
	if (value->type != jbvNull)
		plan_read_keys(at, value, counter_keys, target);
}

static const PlanKey sale_keys[] = {
	{"attributes", read_object, offsetof(EngineSale, attributes), NULL},
	{"lines", read_lines, 0, NULL},
	{"occurred_at", read_time, 0, NULL},
	{"counters", read_counters, 0, NULL},
	{NULL}
};

void
engine_read_facts(EngineSale *sale, Jsonb *facts)
{
	PlanReading reading = {.path = {.key = "sale", .keylen = 4}, .what = "facts of a sale"};
	JsonbValue	value = plan_document_root(facts);

	plan_read_keys(&reading.path, &value, sale_keys, sale);
}

/* The same of the counters that are stored with a sale. */
void
engine_read_counters(EngineSale *sale, Jsonb *counters)
{
	PlanReading reading = {.path = {.key = "counters", .keylen = 8}, .what = "counters of a sale"};
	JsonbValue	value = plan_document_root(counters);

	read_counters(&reading.path, &value, sale);
}
