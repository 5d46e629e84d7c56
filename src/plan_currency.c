/*
 * plan_currency.c
 *	  The currencies of a plan, and how amounts are rounded in them.
 */
#include "compat.h"

#include "mb/pg_wchar.h"

#include "currency.h"
#include "money.h"
#include "plan.h"
#include "plan_reader.h"

/* ---- reading ---- */

/* In the order of MoneyRounding. */
static const char *const rounding_words[] = {"half_up", "half_even", "down", "ceiling"};

void
plan_read_rounding(const PlanPath *at, const JsonbValue *value, void *target)
{
	*(MoneyRounding *) target = plan_word(at, value, rounding_words, lengthof(rounding_words));
}

static void
read_scale(const PlanPath *at, const JsonbValue *value, void *target)
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

#define SCALE_HINT "Say how many decimals the currency has, for example {\"scale\": 0}."

/* What ISO 4217 knows need not say its scale. */
static const PlanKey iso_currency_keys[] = {
	{"scale", read_scale, offsetof(PlanCurrency, scale), NULL},
	{"rounding", plan_read_rounding, offsetof(PlanCurrency, rounding), NULL},
	{NULL}
};

static const PlanKey currency_keys[] = {
	{"scale", read_scale, offsetof(PlanCurrency, scale), SCALE_HINT},
	{"rounding", plan_read_rounding, offsetof(PlanCurrency, rounding), NULL},
	{NULL}
};

static void
read_currency(const PlanPath *at, const JsonbValue *value, void *target)
{
	CommissionPlan *plan = target;
	PlanCurrency *currency = &plan->currencies[plan->ncurrencies];
	int			iso_scale;

	if (!currency_valid_code(at->key, at->keylen))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid currency code in commission plan"),
				 plan_errat(at),
				 errhint("A code is 1 to %d upper-case letters, digits and underscores, and begins with a letter.",
						 CURRENCY_MAX_CODE)));

	/* counted before its keys are read: the code is known, whatever they say */
	plan->ncurrencies++;
	currency->code = pnstrdup(at->key, at->keylen);
	iso_scale = currency_iso_scale(currency->code);
	currency->scale = Max(iso_scale, 0);
	currency->rounding = plan->rounding;
	plan_read_keys(at, value, iso_scale >= 0 ? iso_currency_keys : currency_keys, currency);
}

/* After the plan's own rounding, which is what a currency has that names none. */
void
plan_read_currencies(const PlanPath *at, const JsonbValue *value, void *target)
{
	CommissionPlan *plan = target;
	int			size;

	if (!plan_is_object(value))
		plan_wrong_type(at, value, "an object");
	size = JsonContainerSize(value->val.binary.data);
	if (size > PLAN_MAX_CURRENCIES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many currencies in commission plan"),
				 errdetail("At %s: found %d, the limit is %d.",
						   plan_path_string(at), size, PLAN_MAX_CURRENCIES)));

	plan->currencies = palloc0(sizeof(PlanCurrency) * Max(size, 1));
	plan_read_members(at, value, read_currency, plan);
}

/* ---- looking up ---- */

/* The plan's own codes come first: it may pay in thousandths of a cent. */
static const PlanCurrency *
find_currency(const CommissionPlan *plan, const char *currency)
{
	for (int i = 0; i < plan->ncurrencies; i++)
	{
		if (strcmp(plan->currencies[i].code, currency) == 0)
			return &plan->currencies[i];
	}
	return NULL;
}

static int
find_scale(const CommissionPlan *plan, const char *currency)
{
	const PlanCurrency *own = find_currency(plan, currency);

	return own != NULL ? own->scale : currency_iso_scale(currency);
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
			 upper != NULL && find_scale(plan, upper) >= 0 ?
			 errhint("Currency codes are in upper case: write \"%s\".", upper) :
			 errhint("Use an ISO 4217 code, or declare the code under \"currencies\" in the plan, for example {\"POINTS\": {\"scale\": 0}}.")));
}

/* Decimals of a currency. */
int
plan_currency_scale(const CommissionPlan *plan, const char *currency)
{
	int			scale = find_scale(plan, currency);

	if (scale < 0)
		unknown_currency(plan, currency);
	return scale;
}

/* How amounts are rounded; currency may be NULL, unknown. */
MoneyRounding
plan_currency_rounding(const CommissionPlan *plan, const char *currency)
{
	const PlanCurrency *own = currency != NULL ? find_currency(plan, currency) : NULL;

	return own != NULL ? own->rounding : plan->rounding;
}

/*
 * A currency that the document names somewhere: a code that no sale can have
 * is a misspelt one.
 */
char *
plan_currency_code(const PlanPath *at, const char *code, int len)
{
	const PlanReading *reading = plan_reading(at);
	char	   *currency = pnstrdup(code, len);
	char	   *upper;

	if (reading->any_currency || find_scale(reading->plan, currency) >= 0)
		return currency;

	upper = currency_in_upper_case(currency);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown currency in commission plan"),
			 errdetail("At %s: \"%.*s\" is neither in ISO 4217 nor under \"currencies\".",
					   plan_path_string(at), pg_mbcliplen(code, len, NAMEDATALEN), code),
			 upper != NULL && find_scale(reading->plan, upper) >= 0 ?
			 errhint("Currency codes are in upper case: write \"%s\".", upper) :
			 errhint("Declare a code of your own, for example \"currencies\": {\"POINTS\": {\"scale\": 0}}.")));
}
