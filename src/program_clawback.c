/*
 * program_clawback.c
 *	  Refunds that would take more than a member has left, where the program
 *	  blocks them (clawback => 'block').
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "program_clawback.h"
#include "program_member.h"
#include "program_sale.h"

static void
refuse(Program *program, const Account *account, Numeric taken)
{
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("the refund would take more than member \"%s\" has left",
					stored_member_keys(program, &account->member_id, 1)[0]),
			 errdetail("It would take %s %s that were available, and the member has %s.", money_to_string(taken),
					   account->currency, money_to_string(money_add(account->available, taken))),
			 errhint("Let the debt be carried (clawback => 'carry'), or give the member what is missing by distributor.adjust()."),
			 member_errfields(program, "ledger", "ledger_clawback_check")));
}

/*
 * The refunds have been entered, under the lock of these accounts.  None may
 * have gone below zero by money that was available; one that was below before,
 * and of which only pending money is taken, is nobody's hindrance.
 */
void
clawback_check(Program *program, AccountSet *set, Datum refund_ids)
{
	Oid			types[] = {INT8OID, TEXTOID, INT8ARRAYOID, TIMESTAMPTZOID};
	Datum		values[4];

	account_look(program, set);
	for (int i = 0; i < set->n; i++)
	{
		const Account *account = &set->accounts[i];
		bool		isnull;
		Datum		taken;

		if (money_sign(account->available) >= 0)
			continue;
		values[0] = Int64GetDatum(account->member_id);
		values[1] = CStringGetTextDatum(account->currency);
		values[2] = refund_ids;
		values[3] = TimestampTzGetDatum(GetCurrentTimestamp());
		(void) program_query_now(program,
								 "SELECT -sum(l.amount)"
								 "  FROM unnest($3) AS k(refund_id)"
								 "  JOIN @ledger l ON l.source_id = k.refund_id AND l.member_id = $1 AND l.source = 'refund'"
								 " WHERE l.currency = $2 AND " ACCOUNT_COUNTS("$4"),
								 4, types, values, NULL, 1);
		taken = program_column(0, 1, NUMERICOID, &isnull);
		if (!isnull)
			refuse(program, account, DatumGetNumericCopy(taken));
		SPI_freetuptable(SPI_tuptable);
	}
}
