/*
 * plan_base.c
 *	  The base of a rule: what its percentages are applied to.
 */
#include "compat.h"

#include "money.h"
#include "plan.h"
#include "plan_reader.h"

/*
 * Numbers of an item are looked up in its order lines where the order lacks
 * these two.
 */
static void
note_number(const PlanPath *at, const char *name)
{
	if (strcmp(name, "quantity") == 0 || strcmp(name, "cost") == 0)
		plan_reading(at)->plan->uses_lines = true;
}

static const char *
read_number_name(const PlanPath *at, const JsonbValue *value)
{
	char	   *name;

	if (value->type != jbvString)
		plan_wrong_type(at, value, "the name of a number such as \"list_price\"");
	if (value->val.string.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of a number is empty"),
				 plan_errat(at),
				 errhint("Name a number of the sale, for example \"list_price\".")));
	name = plan_string(value);
	note_number(at, name);
	return name;
}

static void
read_of(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanBase   *base = target;
	const char *name = read_number_name(at, value);

	base->is_profit = strcmp(name, "profit") == 0;
	base->of = base->is_profit || strcmp(name, "amount") == 0 ? NULL : name;
	if (base->is_profit)
		note_number(at, "cost");
}

static int
read_terms(const PlanPath *at, const JsonbValue *value, const char ***terms)
{
	int			n = plan_array_length(at, value, PLAN_MAX_TERMS);

	*terms = palloc(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		PlanPath	here = {at, NULL, 0, i};

		(*terms)[i] = read_number_name(&here, plan_array_element(value, i));
	}
	return n;
}

static void
read_less(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanBase   *base = target;

	base->nless = read_terms(at, value, &base->less);
}

static void
read_plus(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanBase   *base = target;

	base->nplus = read_terms(at, value, &base->plus);
}

static void
read_number(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(Numeric *) target = plan_number(at, value);
}

static void
read_rule(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(int *) target = plan_rule_index(at, value);
}

static void
read_level(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(int *) target = plan_int(at, value, 0, PLAN_MAX_LEVELS);
}

static const PlanKey base_keys[] = {
	{"of", read_of, 0, NULL},
	{"less", read_less, 0, NULL},
	{"plus", read_plus, 0, NULL},
	{"min", read_number, offsetof(PlanBase, min), NULL},
	{"max", read_number, offsetof(PlanBase, max), NULL},
	{"above", read_number, offsetof(PlanBase, above), NULL},
	{"rule", read_rule, offsetof(PlanBase, rule), NULL},
	{"level", read_level, offsetof(PlanBase, rule_level), NULL},
	{NULL}
};

/* "rule" and "level" stand instead of all others. */
static void
check_base(const PlanPath *at, const JsonbValue *value)
{
	bool		has_rule = plan_find_key(value, "rule") != NULL;
	bool		has_level = plan_find_key(value, "level") != NULL;
	int			nothers = JsonContainerSize(value->val.binary.data) - has_rule - has_level;

	if (has_level && !has_rule)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("base has a level without a rule"),
				 plan_errat(at),
				 errhint("Name the rule whose payments are meant, for example {\"rule\": \"sales\", \"level\": 1}.")));
	if (has_rule && nothers > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("base is both a rule's payments and a number"),
				 plan_errat(at),
				 errhint("Beside \"rule\" there can only be \"level\".")));
}

void
plan_read_base(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanBase   *base = target;

	base->is_amount = false;
	if (value->type == jbvString)
		read_of(at, value, base);
	else if (plan_is_object(value))
	{
		plan_read_keys(at, value, base_keys, base);
		check_base(at, value);
	}
	else
		plan_wrong_type(at, value, "\"amount\", \"profit\", the name of a number, or an object");

	base->is_amount = base->of == NULL && !base->is_profit && base->rule < 0 &&
		base->nless == 0 && base->nplus == 0 &&
		base->min == NULL && base->max == NULL && base->above == NULL;
}
