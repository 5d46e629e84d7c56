/*
 * plan.c
 *	  The plan compiler: a jsonb document, checked key by key, to a CommissionPlan.
 */
#include "compat.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "currency.h"
#include "money.h"
#include "plan.h"
#include "rule.h"

/* ---- currencies ---- */

static void
read_currency_scale(const PlanPath *at, const JsonbValue *value, void *target)
{
	int			scale;

	if (value->type != jbvNumeric)
		plan_wrong_type(at, value, "a number");
	if (!money_to_int(value->val.numeric, &scale) ||
		scale < 0 || scale > PLAN_MAX_CURRENCY_SCALE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scale of a currency is out of range"),
				 plan_errfound(at, value),
				 errhint("The scale is the number of decimals, a whole number from 0 to %d.",
						 PLAN_MAX_CURRENCY_SCALE)));
	*(int *) target = scale;
}

static const PlanKey currency_keys[] = {
	{"scale", read_currency_scale, offsetof(PlanCurrency, scale),
	"Say how many decimals the currency has, for example {\"scale\": 0}."},
	{NULL}
};

static void
read_currency(const PlanPath *at, const JsonbValue *value, PlanCurrency *currency)
{
	const PlanKey *const tables[] = {currency_keys};

	if (!currency_valid_code(at->key, at->keylen))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid currency code in commission plan"),
				 plan_errat(at),
				 errhint("A code is 1 to %d upper-case letters, digits and underscores, and begins with a letter.",
						 CURRENCY_MAX_CODE)));
	currency->code = pnstrdup(at->key, at->keylen);
	plan_read_object(at, value, tables, lengthof(tables), currency);
}

/* An object whose keys are chosen by the user: no key table. */
static void
read_currencies(const PlanPath *at, const JsonbValue *value, void *target)
{
	CommissionPlan *plan = target;
	JsonbIterator *iterator;
	JsonbValue	name;
	JsonbValue	member;
	int			size;

	if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		plan_wrong_type(at, value, "an object");
	size = JsonContainerSize(value->val.binary.data);
	if (size > PLAN_MAX_CURRENCIES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many currencies in commission plan"),
				 errdetail("At %s: found %d, the limit is %d.",
						   plan_path_string(at), size, PLAN_MAX_CURRENCIES)));

	plan->currencies = palloc0(sizeof(PlanCurrency) * Max(size, 1));
	iterator = JsonbIteratorInit(value->val.binary.data);
	(void) JsonbIteratorNext(&iterator, &name, true);	/* WJB_BEGIN_OBJECT */
	while (JsonbIteratorNext(&iterator, &name, true) == WJB_KEY)
	{
		PlanPath	here = {at, name.val.string.val, name.val.string.len, 0};

		(void) JsonbIteratorNext(&iterator, &member, true); /* WJB_VALUE */
		read_currency(&here, &member, &plan->currencies[plan->ncurrencies++]);
	}
}

/* The plan's own codes come first: it may pay in thousandths of a cent. */
static int
find_currency_scale(const CommissionPlan *plan, const char *currency)
{
	for (int i = 0; i < plan->ncurrencies; i++)
	{
		if (strcmp(plan->currencies[i].code, currency) == 0)
			return plan->currencies[i].scale;
	}
	return currency_iso_scale(currency);
}

static void
unknown_currency(const CommissionPlan *plan, const char *currency)
{
	char	   *upper;

	if (currency[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("currency must not be empty"),
				 errhint("Give an ISO 4217 code such as \"USD\".")));

	upper = currency_in_upper_case(currency);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown currency \"%.*s\"",
					pg_mbcliplen(currency, strlen(currency), NAMEDATALEN), currency),
			 upper != NULL && find_currency_scale(plan, upper) >= 0 ?
			 errhint("Currency codes are in upper case: write \"%s\".", upper) :
			 errhint("Use an ISO 4217 code, or declare the code under \"currencies\" in the plan, for example {\"POINTS\": {\"scale\": 0}}.")));
}

/* Decimals of a currency. */
int
plan_currency_scale(const CommissionPlan *plan, const char *currency)
{
	int			scale = find_currency_scale(plan, currency);

	if (scale < 0)
		unknown_currency(plan, currency);
	return scale;
}

/* ---- rules ---- */

static void
read_rule_name(const PlanPath *at, const JsonbValue *value, void *target)
{
	if (value->type != jbvString)
		plan_wrong_type(at, value, "a string");
	if (value->val.string.len < 1 || value->val.string.len > PLAN_MAX_RULE_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid rule name"),
				 plan_errfound(at, value),
				 errhint("A name has 1 to %d bytes.", PLAN_MAX_RULE_NAME)));
	*(const char **) target = pnstrdup(value->val.string.val, value->val.string.len);
}

static void
read_rule_kind(const PlanPath *at, const JsonbValue *value, void *target)
{
	const RuleKind *kind;

	if (value->type != jbvString)
		plan_wrong_type(at, value, "a string");
	kind = rule_find_kind(value->val.string.val, value->val.string.len);
	if (kind == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown kind of rule"),
				 plan_errfound(at, value),
				 errhint("Known kinds: %s.", rule_list_kinds())));
	*(const RuleKind **) target = kind;
}

/* What every rule has, whatever its kind. */
static const PlanKey rule_keys[] = {
	{"name", read_rule_name, offsetof(PlanRule, name),
	"Every rule has a name, which its payments carry, for example \"name\": \"sales\"."},
	{"kind", read_rule_kind, offsetof(PlanRule, kind),
	"Every rule says what it is, for example \"kind\": \"unilevel\"."},
	{NULL}
};

/*
 * Refuse a rule that has no "kind".  The keys of all kinds are taken as known,
 * so that the reader reports the key that was misspelt, or else the missing
 * one.
 */
static void
refuse_rule_without_kind(const PlanPath *at, const JsonbValue *value, PlanRule *rule)
{
	const PlanKey **tables;
	int			ntables = 1;

	while (rule_kinds[ntables - 1] != NULL)
		ntables++;
	tables = palloc(sizeof(PlanKey *) * ntables);
	tables[0] = rule_keys;
	for (int i = 1; i < ntables; i++)
		tables[i] = rule_kinds[i - 1]->keys;
	plan_read_object(at, value, tables, ntables, rule);
	elog(ERROR, "rule without a kind was accepted");
}

/* The kind decides which keys are known, so it is read first. */
static void
read_rule(const PlanPath *at, const JsonbValue *value, PlanRule *rule)
{
	const JsonbValue *kind = plan_find_key(value, "kind");
	PlanPath	kind_path = {at, "kind", 4, 0};
	const PlanKey *tables[2] = {rule_keys, NULL};

	if (kind == NULL)
		refuse_rule_without_kind(at, value, rule);
	read_rule_kind(&kind_path, kind, &rule->kind);
	tables[1] = rule->kind->keys;
	plan_read_object(at, value, tables, lengthof(tables), rule);
	rule->kind->check(at, value, rule);
}

static void
read_rules(const PlanPath *at, const JsonbValue *value, void *target)
{
	CommissionPlan *plan = target;

	plan->nrules = plan_array_length(at, value, PLAN_MAX_RULES);
	if (plan->nrules == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("commission plan has no rule"),
				 plan_errat(at),
				 errhint("Add a rule, for example {\"name\": \"sales\", \"kind\": \"unilevel\", \"levels\": [\"20%%\", \"5%%\"]}.")));

	plan->rules = palloc0(sizeof(PlanRule) * plan->nrules);
	for (int i = 0; i < plan->nrules; i++)
	{
		PlanPath	here = {at, NULL, 0, i};

		CHECK_FOR_INTERRUPTS();
		read_rule(&here, plan_array_element(value, i), &plan->rules[i]);
	}
}

/* ---- the whole ---- */

static const PlanKey plan_keys[] = {
	{"description", plan_read_ignored_string, 0, NULL},
	{"currencies", read_currencies, 0, NULL},
	{"rules", read_rules, 0,
	"A plan is a list of rules, for example {\"rules\": [{\"name\": \"sales\", \"kind\": \"unilevel\", \"levels\": [\"20%\", \"5%\"]}]}."},
	{NULL}
};

/* At most PLAN_MAX_RULES rules, so comparing each with each is cheap enough. */
static void
check_names(const PlanPath *root, const CommissionPlan *plan)
{
	for (int i = 1; i < plan->nrules; i++)
	{
		for (int j = 0; j < i; j++)
		{
			PlanPath	rules = {root, "rules", 5, 0};
			PlanPath	rule = {&rules, NULL, 0, i};
			PlanPath	name = {&rule, "name", 4, 0};

			if (strcmp(plan->rules[i].name, plan->rules[j].name) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("duplicate rule name \"%s\"", plan->rules[i].name),
						 errdetail("At %s: $.rules[%d] has the same name.",
								   plan_path_string(&name), j),
						 errhint("Payments are told apart by the name of their rule.")));
		}
	}
}

static void
check_sum(const PlanPath *root, const CommissionPlan *plan)
{
	Numeric		sum = money_from_int(0);
	PlanPath	rules = {root, "rules", 5, 0};

	for (int i = 0; i < plan->nrules; i++)
		sum = plan->rules[i].kind->add_share(&plan->rules[i], sum);

	if (money_compare(sum, money_from_int(1)) > 0)
	{
		Numeric		percent = money_multiply(sum, money_from_int(100));

		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("commission plan pays more than the whole sale"),
				 errdetail("At %s: all rates together are %s%%.",
						   plan_path_string(&rules),
						   money_to_string(money_trim(percent))),
				 errhint("Lower the rates until they are 100%% or less in sum.")));
	}
}

static void
check_size(const Jsonb *document)
{
	if (VARSIZE(document) > PLAN_MAX_JSONB_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("commission plan is too large"),
				 errdetail("The document has %zu bytes, the limit is %d.",
						   (Size) VARSIZE(document), PLAN_MAX_JSONB_BYTES)));
}

static JsonbValue
document_root(Jsonb *document)
{
	JsonbValue	root;

	if (JB_ROOT_IS_SCALAR(document))
	{
		(void) JsonbExtractScalar(&document->root, &root);
		return root;
	}
	root.type = jbvBinary;
	root.val.binary.data = &document->root;
	root.val.binary.len = VARSIZE(document) - VARHDRSZ;
	return root;
}

CommissionPlan *
plan_compile(Jsonb *document)
{
	const PlanKey *const tables[] = {plan_keys};
	PlanPath	root = {NULL, NULL, 0, 0};
	JsonbValue	value;
	CommissionPlan *plan;

	check_size(document);
	value = document_root(document);
	plan = palloc0(sizeof(CommissionPlan));
	plan_read_object(&root, &value, tables, lengthof(tables), plan);
	check_names(&root, plan);
	check_sum(&root, plan);

	for (int i = 0; i < plan->nrules; i++)
	{
		const PlanRule *rule = &plan->rules[i];

		plan->max_level = Max(plan->max_level, rule->kind->max_level(rule));
		plan->uses_rank |= rule->kind->uses_rank;
	}
	return plan;
}

/*
 * How many lines will a sale by a member of this depth have under the document?
 * For the planner, which must not fail on a plan that is wrong but never run:
 * nothing is checked.
 */
double
plan_estimate_lines(Jsonb *document, double depth)
{
	JsonbValue	root = document_root(document);
	const JsonbValue *rules = plan_find_key(&root, "rules");
	int			nrules;
	double		lines = 0;

	if (rules == NULL || rules->type != jbvBinary ||
		!JsonContainerIsArray(rules->val.binary.data))
		return 0;

	nrules = Min(JsonContainerSize(rules->val.binary.data), PLAN_MAX_RULES);
	for (int i = 0; i < nrules; i++)
	{
		const JsonbValue *rule = plan_array_element(rules, i);
		const JsonbValue *levels = plan_find_key(rule, "levels");

		if (plan_find_key(rule, "self") != NULL)
			lines += Min(depth, 1);
		if (levels != NULL && levels->type == jbvBinary)
			lines += Min(JsonContainerSize(levels->val.binary.data), Max(depth - 1, 0));
	}
	return lines;
}
