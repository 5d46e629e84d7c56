/*
 * program_payout_terms.c
 *	  What payouts cost and need, by currency: setting it, and what holds now.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "program_arg.h"
#include "program_money.h"
#include "program_payout.h"

static const char *const period_names[] = {"month", "year", "life"};
static const char *const approval_names[] = {"automatic", "manual"};

/* Reading */

static int
place_of(const char *const *names, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static Numeric
numeric_at(int column)
{
	return DatumGetNumericCopy(program_get(0, column, NUMERICOID));
}

static void
no_terms(PayoutTerms *terms)
{
	memset(terms, 0, sizeof(PayoutTerms));
	terms->minimum = terms->fee_fixed = terms->fee_rate = terms->free_amount = money_from_int(0);
}

/* The latest version for a currency, without version if there is none. */
static void
load_terms(Program *program, const char *currency, PayoutTerms *terms)
{
	Oid			types[] = {TEXTOID};
	Datum		value = CStringGetTextDatum(currency);

	no_terms(terms);
	if (program_query_now(program,
						  "SELECT t.version, t.minimum, t.fee_fixed, t.fee_rate, t.free_count, t.free_amount,"
						  "       t.tax, t.period, t.approval"
						  "  FROM @payout_terms t WHERE t.currency = $1 ORDER BY t.version DESC LIMIT 1",
						  1, types, &value, NULL, 1) == 1)
	{
		terms->version = DatumGetInt32(program_get(0, 1, INT4OID));
		terms->minimum = numeric_at(2);
		terms->fee_fixed = numeric_at(3);
		terms->fee_rate = numeric_at(4);
		terms->free_count = DatumGetInt32(program_get(0, 5, INT4OID));
		terms->free_amount = numeric_at(6);
		payout_read_tax(terms, DatumGetJsonbPCopy(program_get(0, 7, JSONBOID)));
		terms->period = place_of(period_names, lengthof(period_names),
								 TextDatumGetCString(program_get(0, 8, TEXTOID)));
		terms->manual = strcmp(TextDatumGetCString(program_get(0, 9, TEXTOID)), "manual") == 0;
	}
	SPI_freetuptable(SPI_tuptable);
}

/* The calendar is the program's: a month begins when its clock says so. */
static void
load_period(Program *program, PayoutCurrency *currency)
{
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[2];

	currency->period_from = DT_NOBEGIN;
	currency->period_to = DT_NOEND;
	if (currency->terms.period == PAYOUT_LIFE)
		return;
	values[0] = CStringGetTextDatum(period_names[currency->terms.period]);
	values[1] = CStringGetTextDatum(program->time_zone);
	(void) program_query_now(program,
							 "SELECT p.begins AT TIME ZONE $2, (p.begins + ('1 ' || $1)::interval) AT TIME ZONE $2"
							 "  FROM date_trunc($1, now() AT TIME ZONE $2) AS p(begins)",
							 2, types, values, NULL, 1);
	currency->period_from = DatumGetTimestampTz(program_get(0, 1, TIMESTAMPTZOID));
	currency->period_to = DatumGetTimestampTz(program_get(0, 2, TIMESTAMPTZOID));
	SPI_freetuptable(SPI_tuptable);
}

PayoutCurrency *
payout_currency(Program *program, const char *code)
{
	PayoutCurrency *currency = palloc0(sizeof(PayoutCurrency));

	currency->code = code;
	currency->scale = money_currency_scale(program, code);
	load_terms(program, code, &currency->terms);
	load_period(program, currency);
	return currency;
}

/* Setting */

typedef struct SetTerms
{
	const char *currency;
	PayoutTerms terms;
	Jsonb	   *tax;
	const char *author;
} SetTerms;

static void
check_rate(Numeric rate)
{
	if (!money_is_finite(rate) || money_sign(rate) < 0 || money_compare(rate, money_from_int(1)) >= 0 ||
		money_scale(money_trim(rate)) > PAYOUT_MAX_RATE_SCALE)
		ereport(ERROR,
				(errcode(money_is_finite(rate) ? ERRCODE_INVALID_PARAMETER_VALUE : ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("fee_rate is out of range"),
				 errdetail("It is %s.", money_to_string(rate)),
				 errhint("Write a fraction from 0 up to but not including 1 with up to %d decimals, for example 0.006 for 0.6%%.",
						 PAYOUT_MAX_RATE_SCALE)));
}

static Numeric
check_sum(Numeric sum, int scale, const char *currency, const char *what)
{
	sum = money_check_amount(sum, scale, currency, what);
	if (money_sign(sum) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative", what)));
	return sum;
}

static void
check_terms(Program *program, SetTerms *set)
{
	PayoutTerms *terms = &set->terms;
	int			scale = money_currency_scale(program, set->currency);

	terms->minimum = check_sum(terms->minimum, scale, set->currency, "minimum");
	terms->fee_fixed = check_sum(terms->fee_fixed, scale, set->currency, "fee_fixed");
	terms->free_amount = check_sum(terms->free_amount, scale, set->currency, "free_amount");
	check_rate(terms->fee_rate);
	terms->fee_rate = money_trim(terms->fee_rate);
	if (terms->free_count < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("free_count must not be negative")));
	payout_read_tax(terms, set->tax);
	for (int i = 0; i < terms->nslices; i++)
		if (money_compare(money_add(terms->fee_rate, terms->slices[i].rate), money_from_int(1)) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("fee and tax together are over 100%%"),
					 errdetail("fee_rate is %s, and the rate over %s is %s.", money_to_string(terms->fee_rate),
							   money_to_string(terms->slices[i].over), money_to_string(terms->slices[i].rate)),
					 errhint("Lower one of them: more than the amount cannot be kept.")));
}

static bool
same_terms(const PayoutTerms *a, const PayoutTerms *b)
{
	if (a->nslices != b->nslices || money_compare(a->minimum, b->minimum) != 0 ||
		money_compare(a->fee_fixed, b->fee_fixed) != 0 || money_compare(a->fee_rate, b->fee_rate) != 0 ||
		a->free_count != b->free_count || money_compare(a->free_amount, b->free_amount) != 0 ||
		a->period != b->period || a->manual != b->manual)
		return false;
	for (int i = 0; i < a->nslices; i++)
		if (money_compare(a->slices[i].over, b->slices[i].over) != 0 ||
			money_compare(a->slices[i].rate, b->slices[i].rate) != 0)
			return false;
	return true;
}

/* The terms that hold already make no new version. */
static void
set_terms(Program *program, void *arg)
{
	SetTerms   *set = arg;
	PayoutTerms *terms = &set->terms;
	PayoutTerms before;
	Oid			types[] = {TEXTOID, INT4OID, NUMERICOID, NUMERICOID, NUMERICOID, INT4OID, NUMERICOID, JSONBOID,
	TEXTOID, TEXTOID, TEXTOID};
	Datum		values[lengthof(types)];

	check_terms(program, set);
	load_terms(program, set->currency, &before);
	terms->version = before.version;
	if (before.version > 0 && same_terms(&before, terms))
		return;
	terms->version++;
	values[0] = CStringGetTextDatum(set->currency);
	values[1] = Int32GetDatum(terms->version);
	values[2] = NumericGetDatum(terms->minimum);
	values[3] = NumericGetDatum(terms->fee_fixed);
	values[4] = NumericGetDatum(terms->fee_rate);
	values[5] = Int32GetDatum(terms->free_count);
	values[6] = NumericGetDatum(terms->free_amount);
	values[7] = JsonbPGetDatum(payout_write_tax(terms));
	values[8] = CStringGetTextDatum(period_names[terms->period]);
	values[9] = CStringGetTextDatum(approval_names[terms->manual ? 1 : 0]);
	values[10] = CStringGetTextDatum(set->author);
	(void) program_query(program,
						 "INSERT INTO @payout_terms (currency, version, minimum, fee_fixed, fee_rate, free_count,"
						 "                           free_amount, tax, period, approval, author)"
						 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
						 lengthof(types), types, values, NULL, 0);
}

static int
word_arg(FunctionCallInfo fcinfo, int argno, const char *what, const char *const *words, int n, const char *hint)
{
	char	   *word = text_to_cstring(PG_GETARG_TEXT_PP(argno));
	int			place = place_of(words, n, word);

	if (place < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value \"%s\" for %s", word, what),
				 errhint("%s", hint)));
	return place;
}

/*
 * set_payout_terms(program, currency, minimum, fee_fixed, fee_rate, free_count,
 *					free_amount, tax, period, approval) returns int
 */
PG_FUNCTION_INFO_V1(program_set_payout_terms);
Datum
program_set_payout_terms(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"program", "currency", "minimum", "fee_fixed", "fee_rate", "free_count",
	"free_amount", "tax", "period", "approval"};
	Program    *program = program_arg(fcinfo);
	SetTerms	set = {0};

	program_check_right(program, PROGRAM_PAYOUT_TERMS, ACL_INSERT);
	for (int i = 2; i < (int) lengthof(names); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", names[i])));
	set.author = GetUserNameFromId(GetUserId(), false);
	set.currency = money_currency_arg(fcinfo, 1, program);
	set.terms.minimum = PG_GETARG_NUMERIC(2);
	set.terms.fee_fixed = PG_GETARG_NUMERIC(3);
	set.terms.fee_rate = PG_GETARG_NUMERIC(4);
	set.terms.free_count = PG_GETARG_INT32(5);
	set.terms.free_amount = PG_GETARG_NUMERIC(6);
	set.tax = PG_GETARG_JSONB_P(7);
	set.terms.period = word_arg(fcinfo, 8, "period", period_names, lengthof(period_names),
								"Use \"month\", \"year\" or \"life\".");
	set.terms.manual = word_arg(fcinfo, 9, "approval", approval_names, lengthof(approval_names),
								"Use \"automatic\" or \"manual\".") == 1;
	/* one version after the other; payouts read on */
	LockRelationOid(program->tables[PROGRAM_PAYOUT_TERMS], ShareRowExclusiveLock);
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_PAYOUT_TERMS), set_terms, &set);
	program_close(program);
	PG_RETURN_INT32(set.terms.version);
}
