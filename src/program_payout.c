/*
 * program_payout.c
 *	  request_payout(): one member, one payout.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "program_arg.h"
#include "program_member.h"
#include "program_money.h"
#include "program_payout.h"

typedef struct Request
{
	MemberArg	member;
	Numeric		amount;			/* NULL: all that is available */
	const char *currency;
	const char *author;
	PayoutRow	row;
} Request;

static void
content_error(Program *program, const Request *request, const char *what, const char *before, const char *after)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("payout \"%s\" has been requested with another %s", text_to_cstring(request->row.key), what),
			 errdetail("It was requested with %s, not %s.", before, after),
			 errhint("Retry with the same content, or use another key for another payout."),
			 member_errfields(program, "payout", "payout_payout_key_key")));
}

/* Has the key been used?  By the same request, or that is an error. */
static bool
find_payout(Program *program, Request *request)
{
	Oid			types[] = {TEXTOID};
	Datum		key = PointerGetDatum(request->row.key);
	int64		member_id;
	Numeric		amount;
	char	   *currency;

	if (program_query_now(program,
						  "SELECT p.payout_id, p.member_id, p.amount, p.currency FROM @payout p WHERE p.payout_key = $1",
						  1, types, &key, NULL, 1) == 0)
	{
		SPI_freetuptable(SPI_tuptable);
		return false;
	}
	request->row.payout_id = DatumGetInt64(program_get(0, 1, INT8OID));
	member_id = DatumGetInt64(program_get(0, 2, INT8OID));
	if (member_id != request->row.member_id)
		content_error(program, request, "member", psprintf(INT64_FORMAT, member_id),
					  psprintf(INT64_FORMAT, request->row.member_id));
	currency = TextDatumGetCString(program_get(0, 4, TEXTOID));
	if (strcmp(currency, request->currency) != 0)
		content_error(program, request, "currency", currency, request->currency);
	/* all that is available is another amount each time */
	amount = DatumGetNumeric(program_get(0, 3, NUMERICOID));
	if (request->amount != NULL && money_compare(amount, request->amount) != 0)
		content_error(program, request, "amount", money_to_string(amount), money_to_string(request->amount));
	SPI_freetuptable(SPI_tuptable);
	return true;
}

static void
not_available(Program *program, const Request *request, Numeric available)
{
	char	   *member = request->member.key != NULL ? text_to_cstring(request->member.key)
		: psprintf(INT64_FORMAT, request->member.id);

	if (request->amount == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("member \"%s\" has nothing that can be paid out", member),
				 errdetail("%s %s are available.", money_to_string(available), request->currency),
				 errhint("distributor.balance() tells what is pending."),
				 member_errfields(program, "payout", "payout_available_check")));
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("payout \"%s\" is more than what is available to member \"%s\"",
					text_to_cstring(request->row.key), member),
			 errdetail("It is %s, and %s %s are available.", money_to_string(request->amount),
					   money_to_string(available), request->currency),
			 errhint("Request at most what is available; without an amount that is taken."),
			 member_errfields(program, "payout", "payout_available_check")));
}

static void
check_minimum(Program *program, const Request *request, const PayoutCurrency *currency)
{
	if (money_compare(request->row.amount, currency->terms.minimum) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("payout \"%s\" is less than the minimum", text_to_cstring(request->row.key)),
				 errdetail("It is %s, and the minimum is %s %s.", money_to_string(request->row.amount),
						   money_to_string(currency->terms.minimum), request->currency),
				 errhint("Wait until more is available, or lower the minimum by distributor.set_payout_terms()."),
				 member_errfields(program, "payout", "payout_minimum_check")));
}

static void
lock_account(Program *program, const Request *request)
{
	AccountSet	set = {0};

	account_add(&set, request->row.member_id, request->currency);
	account_lock(program, &set);
}

static void
choose_amount(Program *program, Request *request, const PayoutCurrency *currency)
{
	Numeric		available = account_available(program, request->row.member_id, request->currency);

	request->row.amount = request->amount != NULL ? request->amount
		: money_round(available, currency->scale, MONEY_DOWN);
	if (money_compare(request->row.amount, available) > 0 || money_sign(request->row.amount) <= 0)
		not_available(program, request, available);
	check_minimum(program, request, currency);
}

/*
 * The same request again finds the payout that it made, whatever has become of
 * the money since.
 */
static void
request_payout(Program *program, void *arg)
{
	Request    *request = arg;
	PayoutCurrency *currency = payout_currency(program, request->currency);

	if (request->amount != NULL)
	{
		request->amount = money_check_amount(request->amount, currency->scale, currency->code,
											 "the amount of a payout");
		if (money_sign(request->amount) <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the amount of a payout must be over zero"),
					 errhint("Say how much is paid out; NULL is all that is available.")));
	}
	program_member_must_exist(program, &request->member);
	request->row.member_id = request->member.id;
	lock_account(program, request);
	if (find_payout(program, request))
		return;
	choose_amount(program, request, currency);
	payouts_charge(program, currency, &request->row, 1);
	if (payouts_write(program, currency, &request->row, 1, request->author))
		return;
	/* somebody else has used the key meanwhile, for another account */
	if (!find_payout(program, request))
		elog(ERROR, "payout \"%s\" was neither made nor found", text_to_cstring(request->row.key));
}

/* request_payout(program, member, amount, payout_key, currency) returns bigint */
PG_FUNCTION_INFO_V1(program_request_payout);
Datum
program_request_payout(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	Request		request = {0};

	program_check_right(program, PROGRAM_PAYOUT, ACL_INSERT);
	request.author = GetUserNameFromId(GetUserId(), false);
	request.member = program_member_arg(fcinfo, program, 1, "member", true);
	request.amount = PG_ARGISNULL(2) ? NULL : PG_GETARG_NUMERIC(2);
	request.row.key = money_key_arg(fcinfo, 3, "the key of a payout");
	request.currency = money_currency_arg(fcinfo, 4, program);
	program_as_owner(program, PROGRAM_WRITES_PAYOUTS, request_payout, &request);
	program_close(program);
	PG_RETURN_INT64(request.row.payout_id);
}
