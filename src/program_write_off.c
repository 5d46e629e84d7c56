/*
 * program_write_off.c
 *	  Debts that a program carries no longer.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "program_account.h"
#include "program_adjust.h"
#include "program_arg.h"
#include "program_money.h"

/* Accounts that are locked and written in one go. */
#define WRITE_OFF_CHUNK		10000

typedef struct WriteOff
{
	const char *author;
	TimestampTz before;			/* since when a debt has to last */
	int64		count;			/* result */
} WriteOff;

/*
 * Whoever may owe something.  Nothing is locked: the accounts are looked at
 * once more.
 */
static void
find_debtors(Program *program, AccountSet *set)
{
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		now = TimestampTzGetDatum(GetCurrentTimestamp());
	char	   *sql = program_sql(program,
								  "SELECT b.member_id, b.currency"
								  "  FROM (SELECT a.member_id, a.currency, a.available AS amount FROM @account a"
								  "        UNION ALL"
								  "        SELECT h.member_id, h.currency, h.amount FROM @held h"
								  "         WHERE " ACCOUNT_HELD_COUNTS("$1")
								  "        UNION ALL"
								  "        SELECT l.member_id, l.currency, l.amount FROM @ledger l"
								  "         WHERE l.entry_id > (SELECT s.folded_through FROM @program s)"
								  "           AND " ACCOUNT_COUNTS("$1") ") b"
								  " GROUP BY b.member_id, b.currency HAVING sum(b.amount) < 0");
	uint64		found = program_query_text(program, sql, 1, types, &now, NULL, 0);

	for (uint64 i = 0; i < found; i++)
	{
		CHECK_FOR_INTERRUPTS();
		account_add(set, DatumGetInt64(program_get(i, 1, INT8OID)),
					TextDatumGetCString(program_get(i, 2, TEXTOID)));
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * A debt began when the balance was last not below zero.  Going back from what
 * is available now, so that entries of old, which may have been archived, are
 * not needed: where there is no such moment, the debt is older than all.
 */
static uint64
find_lasting(Program *program, const AccountSet *set, TimestampTz before)
{
	Oid			types[] = {INT8ARRAYOID, TEXTARRAYOID, get_array_type(NUMERICOID), TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[5];
	Datum	   *available = palloc(sizeof(Datum) * Max(set->n, 1));

	account_arrays(set, &values[0], &values[1]);
	for (int i = 0; i < set->n; i++)
		available[i] = NumericGetDatum(set->accounts[i].available);
	values[2] = program_array(NUMERICOID, available, NULL, set->n);
	values[3] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[4] = TimestampTzGetDatum(before);
	return program_query_now(program,
							 "SELECT k.place, d.since, d.entry_id"
							 "  FROM unnest($1, $2, $3) WITH ORDINALITY AS k(member_id, currency, available, place)"
							 " CROSS JOIN LATERAL ("
							 "   SELECT max(t.at) FILTER (WHERE k.available - t.sum >= 0) AS since, max(t.entry_id) AS entry_id"
							 "     FROM (SELECT e.at, e.entry_id, sum(e.amount) OVER (ORDER BY e.at DESC) AS sum"
							 "             FROM (SELECT greatest(" ACCOUNT_AVAILABLE_AT ", l.posted_at) AS at, l.entry_id, l.amount"
							 "                     FROM @ledger l"
							 "                    WHERE l.member_id = k.member_id AND l.currency = k.currency"
							 "                      AND " ACCOUNT_COUNTS("$4") ") e) t) d"
							 " WHERE k.available < 0 AND (d.since IS NULL OR d.since <= $5)"
							 " ORDER BY k.place",
							 5, types, values, NULL, 0);
}

static void
write_off_chunk(Program *program, WriteOff *work, AccountSet *set)
{
	uint64		found;
	Adjustment *adjustments;

	account_lock(program, set);
	account_look(program, set);
	found = find_lasting(program, set, work->before);
	adjustments = palloc0(sizeof(Adjustment) * Max(found, 1));
	for (uint64 i = 0; i < found; i++)
	{
		const Account *account = &set->accounts[DatumGetInt64(program_get(i, 1, INT8OID)) - 1];
		Adjustment *adjustment = &adjustments[i];
		bool		ancient;
		bool		isnull;
		Datum		since = program_column(i, 2, TIMESTAMPTZOID, &ancient);
		Datum		entry_id = program_column(i, 3, INT8OID, &isnull);

		adjustment->member_id = account->member_id;
		adjustment->currency = account->currency;
		adjustment->amount = money_subtract(money_from_int(0), account->available);
		adjustment->kind = "write_off";
		adjustment->author = work->author;
		/* the last entry tells the debts of one account apart */
		adjustment->key = cstring_to_text(psprintf("write_off " INT64_FORMAT " %s " INT64_FORMAT,
												   account->member_id, account->currency,
												   isnull ? 0 : DatumGetInt64(entry_id)));
		adjustment->reason = ancient ? cstring_to_text("debt from before the first entry") :
			cstring_to_text(psprintf("debt since %s", timestamptz_to_str(DatumGetTimestampTz(since))));
	}
	SPI_freetuptable(SPI_tuptable);
	for (uint64 i = 0; i < found; i++)
	{
		CHECK_FOR_INTERRUPTS();
		adjustment_post(program, &adjustments[i]);
		work->count++;
	}
}

/* How long a debt has to last is counted by the program's calendar. */
static void
read_terms(Program *program, WriteOff *work)
{
	if (program->terms.clawback != CLAWBACK_WRITE_OFF)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("program \"%s\" does not write debts off", program->name),
				 errhint("Set clawback to \"write_off\" and write_off_after by distributor.alter_program().")));
	(void) program_query_now(program,
							 "SELECT (now() AT TIME ZONE p.time_zone - p.write_off_after) AT TIME ZONE p.time_zone"
							 "  FROM @program p",
							 0, NULL, NULL, NULL, 1);
	work->before = DatumGetTimestampTz(program_get(0, 1, TIMESTAMPTZOID));
	SPI_freetuptable(SPI_tuptable);
}

static void
write_off(Program *program, void *arg)
{
	WriteOff   *work = arg;
	AccountSet	debtors = {0};

	read_terms(program, work);
	find_debtors(program, &debtors);
	account_sort(&debtors);
	for (int start = 0; start < debtors.n; start += WRITE_OFF_CHUNK)
	{
		AccountSet	chunk = {.n = Min(WRITE_OFF_CHUNK, debtors.n - start),
		.accounts = debtors.accounts + start};

		write_off_chunk(program, work, &chunk);
	}
}

/* write_off(program) returns bigint */
PG_FUNCTION_INFO_V1(program_write_off);
Datum
program_write_off(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	WriteOff	work = {0};

	program_check_right(program, PROGRAM_ADJUSTMENT, ACL_INSERT);
	work.author = GetUserNameFromId(GetUserId(), false);
	program_as_owner(program, PROGRAM_WRITES_ADJUSTMENTS, write_off, &work);
	program_close(program);
	PG_RETURN_INT64(work.count);
}
