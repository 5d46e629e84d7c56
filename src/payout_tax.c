/*
 * payout_tax.c
 *	  The table of taxes as a document: [{"over": 0, "rate": "10%"}, ...].
 */
#include "compat.h"

#include "payout.h"
#include "plan.h"
#include "plan_reader.h"

#define SLICE_HINT "A slice is written {\"over\": 800, \"rate\": \"20%\"}."

static void
refuse(const PlanPath *at, const JsonbValue *value, const char *message, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s", message),
			 plan_errfound(at, value),
			 errhint("%s", hint)));
}

static void
read_over(const PlanPath *at, const JsonbValue *value, void *target)
{
	if (value->type != jbvNumeric)
		plan_wrong_type(at, value, "a number");
	if (money_sign(value->val.numeric) < 0 ||
		money_compare(value->val.numeric, money_from_int(PLAN_MONEY_LIMIT)) >= 0 ||
		money_scale(money_trim(value->val.numeric)) > PAYOUT_MAX_RATE_SCALE)
		refuse(at, value, "number is out of range in tax table",
			   "Write from which sum on the rate holds: not negative, up to 15 digits before the point and 10 after it.");
	*(Numeric *) target = money_trim(value->val.numeric);
}

static void
read_rate(const PlanPath *at, const JsonbValue *value, void *target)
{
	Numeric		rate;

	if (value->type == jbvNull)
		plan_wrong_type(at, value, "a rate such as \"10%\"");
	rate = plan_percentage(at, value, 100);
	if (money_compare(rate, money_from_int(1)) >= 0)
		refuse(at, value, "rate of a tax must be below 100%", SLICE_HINT);
	*(Numeric *) target = rate;
}

static const PlanKey slice_keys[] = {
	{"over", read_over, offsetof(PayoutSlice, over), SLICE_HINT},
	{"rate", read_rate, offsetof(PayoutSlice, rate), SLICE_HINT},
	{NULL}
};

/* Fill in the slices; whatever is wrong with the table is an error (22023). */
void
payout_read_tax(PayoutTerms *terms, Jsonb *table)
{
	PlanReading reading = {.path = {NULL},.what = "tax table"};
	JsonbValue	root = plan_document_root(table);

	terms->nslices = plan_array_length(&reading.path, &root, PAYOUT_MAX_SLICES);
	terms->slices = palloc0(sizeof(PayoutSlice) * Max(terms->nslices, 1));
	for (int i = 0; i < terms->nslices; i++)
	{
		PlanPath	here = {&reading.path, NULL, 0, i};
		JsonbValue *value = plan_array_element(&root, i);
		PayoutSlice *slice = &terms->slices[i];

		plan_read_keys(&here, value, slice_keys, slice);
		if (i == 0 && money_sign(slice->over) != 0)
			refuse(&here, plan_find_key(value, "over"), "tax table does not begin at 0",
				   "Begin with {\"over\": 0, \"rate\": 0} where the first part is free.");
		if (i > 0 && money_compare(slice->over, slice[-1].over) <= 0)
			refuse(&here, plan_find_key(value, "over"), "tax table does not ascend",
				   "Order the slices by \"over\"; each is over more than the one before.");
	}
}

/* The same with rates as fractions, which is how it is stored. */
Jsonb *
payout_write_tax(const PayoutTerms *terms)
{
	static const char *const names[] = {"over", "rate"};
	JsonbParseState *state = NULL;
	JsonbValue *result;

	(void) pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < terms->nslices; i++)
	{
		Numeric		numbers[2];

		numbers[0] = terms->slices[i].over;
		numbers[1] = terms->slices[i].rate;
		(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		for (int k = 0; k < 2; k++)
		{
			JsonbValue	name = {.type = jbvString};
			JsonbValue	number = {.type = jbvNumeric};

			name.val.string.val = unconstify(char *, names[k]);
			name.val.string.len = strlen(names[k]);
			number.val.numeric = numbers[k];
			(void) pushJsonbValue(&state, WJB_KEY, &name);
			(void) pushJsonbValue(&state, WJB_VALUE, &number);
		}
		(void) pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	}
	result = pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(result);
}
