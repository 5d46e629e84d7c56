/*
 * program_balance.c
 *	  What a member has: pending, available, paid out.
 *
 * As it is now, that is checkpoint + entries that were held back + entries
 * since, read by one statement: fold() moves entries from one to the other,
 * and only a single snapshot sees each exactly once.  As of a moment in the
 * past it is the sum of all entries before it.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/tuplestore.h"

#include "program_arg.h"
#include "program_balance.h"

/* Everything that member $1 has, with the time from when it is available. */
#define BALANCE_NOW \
	"SELECT a.currency, a.available AS amount, '-infinity'::timestamptz AS available_at, a.entries" \
	"  FROM @account a WHERE a.member_id = $1" \
	" UNION ALL " \
	"SELECT h.currency, h.amount, coalesce(h.available_at, r.available_at), 0" \
	"  FROM @held h" \
	"  LEFT JOIN @sale_release r ON h.available_at IS NULL AND r.sale_id = h.sale_id" \
	" WHERE h.member_id = $1" \
	" UNION ALL " \
	"SELECT l.currency, l.amount, coalesce(l.available_at, r.available_at), 1" \
	"  FROM @ledger l" \
	JOIN_RELEASE \
	" WHERE l.member_id = $1 AND l.entry_id > (SELECT f.folded_through FROM @program f)"

/* The same as of $2; $3 is the limit of program_entries_before(). */
#define BALANCE_AS_OF \
	"SELECT a.currency, a.amount," \
	"       coalesce(a.available_at, CASE WHEN r.recorded_at <= $2 THEN r.available_at END) AS available_at, 1 AS entries" \
	"  FROM @archived a" \
	"  LEFT JOIN @sale_release r ON a.available_at IS NULL AND r.sale_id = a.sale_id" \
	" WHERE a.member_id = $1" \
	" UNION ALL " \
	"SELECT l.currency, l.amount," \
	"       coalesce(l.available_at, CASE WHEN r.recorded_at <= $2 THEN r.available_at END), 1" \
	"  FROM @ledger l" \
	JOIN_RELEASE \
	" WHERE l.member_id = $1 AND l.posted_at <= $2 AND l.entry_id <= $3"

/*
 * An entry that missed a period, because it was committed after the closing,
 * has missed all earlier ones as well: their limits only grow.  So one number
 * tells what counts before a moment: the limit of the first period that ends
 * then or later.
 */
int64
program_entries_before(Program *program, TimestampTz moment)
{
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		value = TimestampTzGetDatum(moment);
	int64		limit = PG_INT64_MAX;

	if (program_query(program,
					  "SELECT c.through_entry_id FROM @closed_period c WHERE c.ends_at >= $1 ORDER BY c.ends_at",
					  1, types, &value, NULL, 1) == 1)
		limit = DatumGetInt64(program_get(0, 1, INT8OID));
	SPI_freetuptable(SPI_tuptable);
	return limit;
}

/* What is before has been archived: nobody can tell it from here. */
void
program_check_statements_from(Program *program, TimestampTz moment)
{
	Datum		value;
	bool		isnull;

	program_query(program, "SELECT p.statements_from FROM @program p", 0, NULL, NULL, NULL, 1);
	value = program_column(0, 1, TIMESTAMPTZOID, &isnull);
	if (!isnull && moment < DatumGetTimestampTz(value))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the ledger of program \"%s\" before %s has been archived",
						program->name, timestamptz_to_str(DatumGetTimestampTz(value))),
				 errhint("Ask from then on, or read the tables that archive_ledger() took out of the ledger.")));
	SPI_freetuptable(SPI_tuptable);
}

/* balance(program, member, as_of) returns setof record */

static void
query_balances(Program *program, int64 member_id, bool is_past, TimestampTz as_of)
{
	Oid			types[] = {INT8OID, TIMESTAMPTZOID, INT8OID};
	Datum		values[] = {Int64GetDatum(member_id), TimestampTzGetDatum(as_of), (Datum) 0};

#define BALANCES_OF(rows, until) \
	"SELECT b.currency, sum(b.amount)," \
	"       coalesce(sum(b.amount) FILTER (WHERE b.available_at <= $2), 0)," \
	"       (SELECT coalesce(sum(o.amount), 0) FROM @payout o" \
	"         WHERE o.member_id = $1 AND o.currency = b.currency" until("o.requested_at") \
	"           AND NOT EXISTS (SELECT FROM @payout_failure f WHERE f.payout_id = o.payout_id" until("f.recorded_at") "))" \
	"  FROM (" rows ") b" \
	" GROUP BY b.currency HAVING sum(b.entries) > 0 ORDER BY b.currency"
#define ALWAYS(column) ""
#define UNTIL_AS_OF(column) " AND " column " <= $2"

	if (!is_past)
	{
		program_query(program, BALANCES_OF(BALANCE_NOW, ALWAYS), 2, types, values, NULL, 0);
		return;
	}
	/* what counts at a moment is what counts before the next */
	values[2] = Int64GetDatum(program_entries_before(program, as_of < DT_NOEND - 1 ? as_of + 1 : as_of));
	program_query(program, BALANCES_OF(BALANCE_AS_OF, UNTIL_AS_OF), 3, types, values, NULL, 0);
}

PG_FUNCTION_INFO_V1(program_balance);
Datum
program_balance(PG_FUNCTION_ARGS)
{
	enum
	{
		CURRENCY, PENDING, AVAILABLE, BALANCE, PAID_OUT, NCOLUMNS
	};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Program    *program;
	MemberArg	member;
	bool		is_past = !PG_ARGISNULL(2);
	/* a statement of many transactions (DO, CALL) sees what was posted since it began */
	TimestampTz as_of = is_past ? PG_GETARG_TIMESTAMPTZ(2) : GetCurrentTimestamp();
	uint64		found;

	InitMaterializedSRF(fcinfo, 0);
	program = program_arg_to_read(fcinfo);
	member = program_member_arg(fcinfo, program, 1, "member", true);
	program_member_must_exist(program, &member);
	if (is_past)
		program_check_statements_from(program, as_of);
	query_balances(program, member.id, is_past, as_of);
	found = SPI_processed;
	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[NCOLUMNS];
		bool		nulls[NCOLUMNS] = {0};

		values[CURRENCY] = program_get(i, 1, TEXTOID);
		values[BALANCE] = program_get(i, 2, NUMERICOID);
		values[AVAILABLE] = program_get(i, 3, NUMERICOID);
		values[PAID_OUT] = program_get(i, 4, NUMERICOID);
		values[PENDING] = DirectFunctionCall2(numeric_sub, values[BALANCE], values[AVAILABLE]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	program_close(program);
	return (Datum) 0;
}
