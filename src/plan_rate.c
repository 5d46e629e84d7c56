/*
 * plan_rate.c
 *	  Percentages, sums of money, and rates, which are either.
 *
 * A percentage says that it is one: "5%", or a fraction below 1.  What may mean
 * one thing to one reader and another to the next is refused with both
 * spellings in the hint.
 */
#include "compat.h"

#include "miscadmin.h"

#include "money.h"
#include "plan.h"
#include "plan_reader.h"

/* Longest string that is repeated in a hint, in bytes. */
#define REPEATED_BYTES	40

/* Of a rate; guards and uplifts may be higher. */
#define MAX_RATE_PERCENT	100

#define PERCENTAGE_HINT "A rate is a string such as \"5%\", or a number from 0 up to but not including 1 such as 0.05."
#define RATE_HINT "A rate is a string such as \"5%\", a number from 0 up to but not including 1 such as 0.05, {\"fixed\": 8.80}, or {\"by_rank\": {\"gold\": \"8%\"}}."

/* ---- percentages ---- */

static void
too_many_decimals(const PlanPath *at, const JsonbValue *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("rate has too many decimals"),
			 plan_errfound(at, value),
			 errhint("A percentage may have %d decimals, a number %d.",
					 PLAN_MAX_RATE_SCALE - 2, PLAN_MAX_RATE_SCALE)));
}

static void
percentage_too_high(const PlanPath *at, const JsonbValue *value, int max_percent)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("rate is over %d%%", max_percent),
			 plan_errfound(at, value),
			 errhint("A rate is at most \"%d%%\".", max_percent)));
}

/*
 * The shape of a number without sign: how long, where its point is.  Zeros
 * that change nothing are not counted, so that what is left can be held
 * against the limits before any arithmetic.
 */
typedef struct DigitShape
{
	int			length;			/* bytes of "12.50", 0 if it is no number */
	int			whole;			/* digits before the point, 1 in "01.5" */
	int			decimals;		/* digits after it, 1 in "1.50" */
} DigitShape;

static DigitShape
digit_shape(const char *text, int len)
{
	DigitShape	shape = {0, 0, 0};
	int			i = 0;
	int			point;

	for (; i < len && text[i] >= '0' && text[i] <= '9'; i++)
	{
		if (text[i] != '0' || shape.whole > 0)
			shape.whole++;
	}
	if (i == 0)
		return shape;
	shape.length = i;
	if (i == len || text[i] != '.')
		return shape;

	point = i++;
	for (; i < len && text[i] >= '0' && text[i] <= '9'; i++)
	{
		if (text[i] != '0')
			shape.decimals = i - point;
	}
	shape.length = i > point + 1 ? i : 0;
	return shape;
}

/* The number without its sign and without the zeros that end it. */
static Numeric
shape_to_number(const char *text, const DigitShape *shape)
{
	const char *point = memchr(text, '.', shape->length);
	int			length = shape->length;

	if (point != NULL)
		length = (point - text) + (shape->decimals > 0 ? 1 + shape->decimals : 0);
	return money_from_digits(pnstrdup(text, length));
}

/* A string of digits.  "0.05" may mean either, "5" can only be a percentage. */
static void
no_percent_sign(const PlanPath *at, const JsonbValue *value, bool below_one)
{
	char	   *digits = pnstrdup(value->val.string.val, value->val.string.len);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("rate has no percent sign"),
			 plan_errfound(at, value),
			 below_one ?
			 errhint("Write \"%s%%\" for %s percent, or the number %s without quotes for a fraction of 1.",
					 digits, digits, digits) :
			 errhint("Write \"%s%%\" for %s percent.", digits, digits)));
}

/* "5%" */
static Numeric
percent_to_rate(const PlanPath *at, const JsonbValue *value, int max_percent)
{
	const char *text = value->val.string.val;
	int			len = value->val.string.len;
	DigitShape	shape = digit_shape(text, len);
	Numeric		percent;

	if (shape.length > 0 && shape.length == len && len <= REPEATED_BYTES)
		no_percent_sign(at, value, shape.whole == 0 && shape.decimals > 0);
	if (shape.length == 0 || shape.length != len - 1 || text[len - 1] != '%')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid rate"),
				 plan_errfound(at, value),
				 errhint("%s", PERCENTAGE_HINT)));
	if (shape.whole > 4)
		percentage_too_high(at, value, max_percent);
	if (shape.decimals > PLAN_MAX_RATE_SCALE - 2)
		too_many_decimals(at, value);

	percent = shape_to_number(text, &shape);
	if (money_compare(percent, money_from_int(max_percent)) > 0)
		percentage_too_high(at, value, max_percent);
	return money_multiply(percent, money_from_digits("0.01"));
}

/* 0.05 */
static Numeric
fraction_to_rate(const PlanPath *at, const JsonbValue *value)
{
	Numeric		number = value->val.numeric;

	if (money_sign(number) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate must not be negative"),
				 plan_errfound(at, value),
				 errhint("%s", PERCENTAGE_HINT)));

	/* 1 may mean one percent or all of it, so it is not guessed */
	if (money_compare(number, money_from_int(100)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate is out of range"),
				 plan_errfound(at, value),
				 errhint("%s", PERCENTAGE_HINT)));
	if (money_compare(number, money_from_int(1)) >= 0)
	{
		char	   *digits = money_to_string(money_trim(number));

		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate is out of range"),
				 plan_errfound(at, value),
				 errhint("Write \"%s%%\" for %s percent; a number is a fraction below 1.",
						 digits, digits)));
	}
	if (money_scale(money_trim(number)) > PLAN_MAX_RATE_SCALE)
		too_many_decimals(at, value);
	return number;
}

/* A percentage of up to so many percent, as a fraction of 1. */
Numeric
plan_percentage(const PlanPath *at, const JsonbValue *value, int max_percent)
{
	if (value->type == jbvString)
		return money_trim(percent_to_rate(at, value, max_percent));
	if (value->type == jbvNumeric)
		return money_trim(fraction_to_rate(at, value));
	if (value->type == jbvNull && max_percent == MAX_RATE_PERCENT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("null is not a rate"),
				 plan_errat(at),
				 errhint("Use \"0%%\" for a level that is not paid.")));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid rate"),
			 plan_errfound(at, value),
			 errhint("%s", PERCENTAGE_HINT)));
}

/* ---- sums of money ---- */

static Numeric
check_number(const PlanPath *at, const JsonbValue *value, Numeric number)
{
	number = money_trim(number);
	if (money_sign(number) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number must not be negative in commission plan"),
				 plan_errfound(at, value)));
	if (money_compare(number, money_from_int(PLAN_MONEY_LIMIT)) >= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number is out of range in commission plan"),
				 plan_errfound(at, value),
				 errhint("A sum of money has up to %d digits before the point.",
						 PLAN_MAX_MONEY_DIGITS)));
	if (money_scale(number) > PLAN_MAX_RATE_SCALE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number has too many decimals in commission plan"),
				 plan_errfound(at, value),
				 errhint("A sum of money has up to %d decimals.", PLAN_MAX_RATE_SCALE)));
	return number;
}

/* A number that is neither negative nor beyond all sums of money. */
Numeric
plan_number(const PlanPath *at, const JsonbValue *value)
{
	if (value->type != jbvNumeric)
		plan_wrong_type(at, value, "a number");
	return check_number(at, value, value->val.numeric);
}

/* "12.50": what cannot be in range is not even made a number */
static Numeric
digits_to_number(const PlanPath *at, const JsonbValue *value)
{
	const char *text = value->val.string.val;
	int			len = value->val.string.len;
	DigitShape	shape = digit_shape(text, len);

	if (shape.length == 0 || shape.length != len)
		plan_wrong_type(at, value, "a number such as 8.80");
	if (shape.whole > PLAN_MAX_MONEY_DIGITS || shape.decimals > PLAN_MAX_RATE_SCALE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number is out of range in commission plan"),
				 plan_errfound(at, value),
				 errhint("A sum of money has up to %d digits before the point and %d after it.",
						 PLAN_MAX_MONEY_DIGITS, PLAN_MAX_RATE_SCALE)));
	return check_number(at, value, shape_to_number(text, &shape));
}

static Numeric
money_number(const PlanPath *at, const JsonbValue *value)
{
	return value->type == jbvString ? digits_to_number(at, value) : plan_number(at, value);
}

static void
read_amount(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanMoney  *money = target;
	PlanAmount *amount = &money->by_currency[money->n];

	amount->currency = plan_currency_code(at, at->key, at->keylen);
	amount->value = money_number(at, value);
	money->n++;
}

void
plan_read_money(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanMoney  *money = target;
	int			size;

	if (value->type == jbvNumeric || value->type == jbvString)
	{
		money->any = money_number(at, value);
		return;
	}
	if (!plan_is_object(value))
		plan_wrong_type(at, value, "a number, or an object of numbers by currency");
	size = plan_object_size(at, value, PLAN_MAX_CURRENCIES);
	if (size == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no currency is named"),
				 plan_errat(at),
				 errhint("Write a number, or numbers by currency such as {\"USD\": 5}.")));
	money->by_currency = palloc0(sizeof(PlanAmount) * size);
	plan_read_members(at, value, read_amount, money);
}

/* NULL: it has no value in this currency, or in none if that is NULL. */
Numeric
plan_money_for(const PlanMoney *money, const char *currency)
{
	if (money->any != NULL || currency == NULL)
		return money->any;
	for (int i = 0; i < money->n; i++)
	{
		if (strcmp(money->by_currency[i].currency, currency) == 0)
			return money->by_currency[i].value;
	}
	return NULL;
}

/* In the order of PlanCap. */
const char *const plan_cap_names[PLAN_NCAPS] = {
	"sale", "member_sale", "member_day", "member_week", "member_month",
	"member_year", "member_lifetime"
};

static const PlanKey cap_keys[] = {
	{"sale", plan_read_money, sizeof(PlanMoney) * PLAN_CAP_SALE, NULL},
	{"member_sale", plan_read_money, sizeof(PlanMoney) * PLAN_CAP_MEMBER_SALE, NULL},
	{"member_day", plan_read_money, sizeof(PlanMoney) * PLAN_CAP_MEMBER_DAY, NULL},
	{"member_week", plan_read_money, sizeof(PlanMoney) * PLAN_CAP_MEMBER_WEEK, NULL},
	{"member_month", plan_read_money, sizeof(PlanMoney) * PLAN_CAP_MEMBER_MONTH, NULL},
	{"member_year", plan_read_money, sizeof(PlanMoney) * PLAN_CAP_MEMBER_YEAR, NULL},
	{"member_lifetime", plan_read_money, sizeof(PlanMoney) * PLAN_CAP_MEMBER_LIFETIME, NULL},
	{NULL}
};

void
plan_read_caps(const PlanPath *at, const JsonbValue *value, void *target)
{
	CommissionPlan *plan = plan_reading(at)->plan;
	PlanRule   *rule = target;

	plan_read_keys(at, value, cap_keys, rule->caps);
	for (int cap = 0; cap < PLAN_NCAPS; cap++)
	{
		bool		limits = rule->caps[cap].any != NULL || rule->caps[cap].n > 0;

		rule->has_caps |= limits;
		plan->uses_earned |= limits && cap > PLAN_CAP_MEMBER_SALE;
		plan->uses_time |= limits && cap > PLAN_CAP_MEMBER_SALE &&
			cap < PLAN_CAP_MEMBER_LIFETIME;
	}
}

/* ---- rates ---- */

static void
read_fixed(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanValue  *fixed = target;

	plan_read_money(at, value, &fixed->fixed);
	fixed->kind = PLAN_FIXED;
}

static const PlanKey value_keys[] = {
	{"fixed", read_fixed, 0, "A fixed amount is written {\"fixed\": 8.80}."},
	{NULL}
};

/* A percentage or a fixed amount; null in a variant is no value. */
static void
read_value(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanValue  *result = target;

	if (value->type == jbvNull && plan_reading(at)->in_variant)
		return;
	if (plan_is_object(value))
	{
		plan_read_keys(at, value, value_keys, result);
		return;
	}
	result->percentage = money_factor(plan_percentage(at, value, MAX_RATE_PERCENT));
	result->kind = PLAN_PERCENTAGE;
}

static void
read_values_by_rank(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanReading *reading = plan_reading(at);
	PlanRate   *rate = target;
	int			n = reading->plan->nranks + 1;

	plan_count_values(at, n);
	rate->by_rank = palloc0(sizeof(PlanValue) * n);
	plan_read_by_rank(at, value, rate->by_rank, sizeof(PlanValue), read_value);
	reading->plan->uses_rank = true;
}

static const PlanKey rate_keys[] = {
	{"fixed", read_fixed, offsetof(PlanRate, plain), NULL},
	{"by_rank", read_values_by_rank, 0, NULL},
	{NULL}
};

static void
read_rate_object(const PlanPath *at, const JsonbValue *value, PlanRate *rate)
{
	if (JsonContainerSize(value->val.binary.data) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid rate"),
				 plan_errfound(at, value),
				 errhint("%s", RATE_HINT)));
	plan_read_keys(at, value, rate_keys, rate);
	if (plan_find_key(value, "fixed") != NULL && plan_find_key(value, "by_rank") != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate is both fixed and by rank"),
				 plan_errat(at),
				 errhint("Write the fixed amounts inside \"by_rank\", \"*\" for every other rank.")));
}

void
plan_read_rate(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanRate   *rate = target;

	plan_count_values(at, 1);
	if (plan_is_object(value))
		read_rate_object(at, value, rate);
	else if (value->type == jbvBool || value->type == jbvBinary)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid rate"),
				 plan_errfound(at, value),
				 errhint("%s", RATE_HINT)));
	else
		read_value(at, value, &rate->plain);
}

void
plan_read_levels(const PlanPath *at, const JsonbValue *value, void *target)
{
	PlanTerms  *terms = target;
	int			nlevels;

	if (value->type == jbvNull && plan_reading(at)->in_variant)
		return;
	nlevels = plan_array_length(at, value, PLAN_MAX_LEVELS);
	terms->levels = palloc0(sizeof(PlanRate) * Max(nlevels, 1));
	for (int i = 0; i < nlevels; i++)
	{
		PlanPath	here = {at, NULL, 0, i};

		CHECK_FOR_INTERRUPTS();
		plan_read_rate(&here, plan_array_element(value, i), &terms->levels[i]);
	}
	terms->nlevels = nlevels;
}
