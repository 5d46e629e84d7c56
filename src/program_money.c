/*
 * program_money.c
 *	  What adjustments and payouts have in common: keys, amounts, currencies.
 */
#include "compat.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "currency.h"
#include "plan.h"
#include "program_money.h"
#include "program_sale.h"

/* A text that is neither null nor empty, or, where it is not required, null. */
text *
money_text_arg(FunctionCallInfo fcinfo, int argno, const char *what, bool required)
{
	text	   *value;

	if (PG_ARGISNULL(argno))
	{
		if (required)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", what)));
		return NULL;
	}
	value = PG_GETARG_TEXT_PP(argno);
	if (VARSIZE_ANY_EXHDR(value) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be empty", what)));
	return value;
}

text *
money_key_arg(FunctionCallInfo fcinfo, int argno, const char *what)
{
	text	   *key = money_text_arg(fcinfo, argno, what, true);

	if (VARSIZE_ANY_EXHDR(key) > MONEY_MAX_KEY)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s has %zu bytes", what, (Size) VARSIZE_ANY_EXHDR(key)),
				 errhint("At most %d are allowed.", MONEY_MAX_KEY)));
	return key;
}

/* Null: that of the program. */
char *
money_currency_arg(FunctionCallInfo fcinfo, int argno, Program *program)
{
	return PG_ARGISNULL(argno) ? program->currency : text_to_cstring(PG_GETARG_TEXT_PP(argno));
}

bool
money_same_text(const text *a, const text *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

static bool
declares(const CommissionPlan *plan, const char *currency)
{
	for (int i = 0; i < plan->ncurrencies; i++)
		if (strcmp(plan->currencies[i].code, currency) == 0)
			return true;
	return false;
}

static void
unknown_currency(Program *program, const char *currency)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown currency \"%s\"",
					strlen(currency) <= CURRENCY_MAX_CODE ? currency : psprintf("%.16s...", currency)),
			 errdetail("It is neither in ISO 4217 nor declared by a plan of program \"%s\".", program->name),
			 errhint("Codes are in upper case, for example CNY; a plan declares others under \"currencies\".")));
}

/*
 * Decimals of a currency: as the plan says that is valid now, else as the
 * latest says that knows it, what was earned in it being there still, else as
 * ISO 4217.
 */
int
money_currency_scale(Program *program, const char *currency)
{
	int			n;
	PlanVersion *plans;

	if (!currency_valid_code(currency, strlen(currency)))
		unknown_currency(program, currency);
	plans = program_plans(program, GetCurrentTransactionStartTimestamp(), GetCurrentTransactionStartTimestamp(), &n);
	if (n > 0 && declares(plans[0].plan, currency))
		return plan_currency_scale(plans[0].plan, currency);
	if (currency_iso_scale(currency) >= 0)
		return currency_iso_scale(currency);
	plans = program_plans(program, DT_NOBEGIN, DT_NOEND, &n);
	for (int i = 0; i < n; i++)
		if (declares(plans[i].plan, currency))
			return plan_currency_scale(plans[i].plan, currency);
	unknown_currency(program, currency);
	return 0;
}

/*
 * A sum of money that somebody gives: finite, not too long, with no more
 * decimals than the currency has.  Returned with just these; its sign is the
 * caller's business.
 */
Numeric
money_check_amount(Numeric amount, int scale, const char *currency, const char *what)
{
	if (!money_is_finite(amount))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s must be finite, not %s", what, money_to_string(amount))));
	if (money_compare(amount, money_from_int(PLAN_MONEY_LIMIT)) >= 0 ||
		money_compare(amount, money_from_int(-PLAN_MONEY_LIMIT)) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s is out of range", what),
				 errhint("A sum of money has up to %d digits before the point.", PLAN_MAX_MONEY_DIGITS)));
	if (money_scale(amount) > scale && money_compare(money_round(amount, scale, MONEY_DOWN), amount) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has more decimals than the currency", what),
				 errdetail("%s has %d.", currency, scale),
				 errhint("Round it first.")));
	return money_round(amount, scale, MONEY_DOWN);
}
