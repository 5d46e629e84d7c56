/*
 * program_statement.c
 *	  statement(): the movements of a member's money between two moments.
 *
 * Which entries are in it is told by program_entries_before(); so what one
 * statement ends with is what the next begins with, whenever either is asked
 * for, once the moment between them lies in a closed period.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "money.h"
#include "program_arg.h"
#include "program_balance.h"

enum
{
	KIND, AT, AMOUNT, BALANCE, PENDING, RULE, LEVEL, ORDER_KEY, EVENT_KEY, REASON, OCCURRED_AT,
	BELONGS_TO, ENTRY_ID, NCOLUMNS
};

static const Oid column_types[NCOLUMNS] = {
	TEXTOID, TIMESTAMPTZOID, NUMERICOID, NUMERICOID, NUMERICOID, TEXTOID, INT4OID, TEXTOID, TEXTOID,
	TEXTOID, TIMESTAMPTZOID, TEXTOID, INT8OID
};

typedef struct Statement
{
	int64		member_id;
	text	   *currency;
	TimestampTz from;
	TimestampTz to;
	int64		from_limit;		/* see program_entries_before() */
	int64		to_limit;
	TimestampTz now;			/* not before anything that can be seen was posted */
	ReturnSetInfo *rsinfo;
} Statement;

/* The time until when it is known what is pending: the end, if that has come. */
static TimestampTz
known_until(const Statement *statement, TimestampTz moment)
{
	return Min(moment, statement->now);
}

/* The row before the first movement, or after the last: what was there then. */
static void
put_balance(Program *program, const Statement *statement, const char *kind, TimestampTz moment, int64 limit)
{
	Oid			types[] = {INT8OID, TEXTOID, TIMESTAMPTZOID, INT8OID, TIMESTAMPTZOID};
	Datum		args[] = {Int64GetDatum(statement->member_id), PointerGetDatum(statement->currency),
		TimestampTzGetDatum(moment), Int64GetDatum(limit), TimestampTzGetDatum(known_until(statement, moment))};
	Datum		values[NCOLUMNS] = {0};
	bool		nulls[NCOLUMNS];

	program_query(program,
				  "SELECT coalesce(sum(b.amount), 0),"
				  "       coalesce(sum(b.amount) FILTER (WHERE b.available_at > $5 OR b.available_at IS NULL), 0)"
				  "  FROM (SELECT a.amount,"
				  "               coalesce(a.available_at, CASE WHEN r.recorded_at <= $5 THEN r.available_at END) AS available_at"
				  "          FROM @archived a"
				  "          LEFT JOIN @sale_release r ON a.available_at IS NULL AND r.sale_id = a.sale_id"
				  "         WHERE a.member_id = $1 AND a.currency = $2 AND $3 > '-infinity'"
				  "        UNION ALL"
				  "        SELECT l.amount,"
				  "               coalesce(l.available_at, CASE WHEN r.recorded_at <= $5 THEN r.available_at END)"
				  "          FROM @ledger l"
				  JOIN_RELEASE
				  "         WHERE l.member_id = $1 AND l.currency = $2 AND l.posted_at < $3 AND l.entry_id <= $4) b",
				  5, types, args, NULL, 1);
	memset(nulls, true, sizeof(nulls));
	values[KIND] = CStringGetTextDatum(kind);
	values[BALANCE] = program_get(0, 1, NUMERICOID);
	values[PENDING] = program_get(0, 2, NUMERICOID);
	nulls[KIND] = nulls[BALANCE] = nulls[PENDING] = false;
	values[AT] = TimestampTzGetDatum(moment);
	nulls[AT] = TIMESTAMP_NOT_FINITE(moment);
	tuplestore_putvalues(statement->rsinfo->setResult, statement->rsinfo->setDesc, values, nulls);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Each movement with what caused it.  Its period is the first closed one that
 * it is in by time and id; that of its order, or whatever else caused it, the
 * one in which that occurred.
 */
#define MOVEMENTS \
	"SELECT l.source AS kind, l.at, l.amount, sum(l.amount) OVER (ORDER BY l.at, l.entry_id) AS balance," \
	"       CASE WHEN coalesce(l.available_at, CASE WHEN r.recorded_at <= $7 THEN r.available_at END) <= $7" \
	"            THEN 0 ELSE l.amount END AS pending," \
	"       l.rule, l.level, coalesce(s.order_key, f.order_key) AS order_key," \
	"       coalesce(s.order_key, f.refund_key, j.adjustment_key, o.payout_key) AS event_key," \
	"       coalesce(j.reason, x.reason) AS reason, c.occurred_at," \
	"       (SELECT b.name FROM @closed_period b" \
	"         WHERE b.ends_at = c.ends_at AND b.ends_at IS DISTINCT FROM" \
	"               (SELECT min(i.ends_at) FROM @closed_period i" \
	"                 WHERE i.ends_at > l.posted_at AND i.through_entry_id >= l.entry_id)) AS belongs_to," \
	"       l.entry_id" \
	"  FROM (SELECT e.*, greatest(e.posted_at, (SELECT max(m.ends_at) FROM @closed_period m" \
	"                                            WHERE m.ends_at > e.posted_at AND m.through_entry_id < e.entry_id)) AS at" \
	"          FROM @ledger e" \
	"         WHERE e.member_id = $1 AND e.currency = $2" \
	"           AND e.posted_at < $4 AND e.entry_id <= $6" \
	"           AND NOT (e.posted_at < $3 AND e.entry_id <= $5)) l" \
	JOIN_RELEASE \
	"  LEFT JOIN @sale s ON l.source = 'sale' AND s.sale_id = l.source_id" \
	"  LEFT JOIN @refund f ON l.source = 'refund' AND f.refund_id = l.source_id" \
	"  LEFT JOIN @adjustment j ON l.source = 'adjustment' AND j.adjustment_id = l.source_id" \
	"  LEFT JOIN @payout o ON l.source IN ('payout', 'payout_failure') AND o.payout_id = l.source_id" \
	"  LEFT JOIN @payout_failure x ON l.source = 'payout_failure' AND x.payout_id = l.source_id" \
	" CROSS JOIN LATERAL (SELECT y.occurred_at, (SELECT min(k.ends_at) FROM @closed_period k WHERE k.ends_at > y.occurred_at) AS ends_at" \
	"                       FROM (SELECT coalesce(s.occurred_at, f.occurred_at, j.recorded_at, x.failed_at, o.requested_at) AS occurred_at) y) c" \
	" ORDER BY l.at, l.entry_id"

static void
put_movements(Program *program, const Statement *statement, Numeric opening)
{
	Oid			types[] = {INT8OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID, TIMESTAMPTZOID};
	Datum		args[] = {Int64GetDatum(statement->member_id), PointerGetDatum(statement->currency),
		TimestampTzGetDatum(statement->from), TimestampTzGetDatum(statement->to),
		Int64GetDatum(statement->from_limit), Int64GetDatum(statement->to_limit),
	TimestampTzGetDatum(known_until(statement, statement->to))};
	uint64		found = program_query(program, MOVEMENTS, 7, types, args, NULL, 0);

	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[NCOLUMNS];
		bool		nulls[NCOLUMNS];

		CHECK_FOR_INTERRUPTS();
		for (int c = 0; c < NCOLUMNS; c++)
			values[c] = program_column(i, c + 1, column_types[c], &nulls[c]);
		values[BALANCE] = NumericGetDatum(money_add(opening, DatumGetNumeric(values[BALANCE])));
		tuplestore_putvalues(statement->rsinfo->setResult, statement->rsinfo->setDesc, values, nulls);
		pfree(DatumGetPointer(values[BALANCE]));
	}
	SPI_freetuptable(SPI_tuptable);
}

static Numeric
opening_balance(Program *program, const Statement *statement)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(statement->rsinfo->setDesc, &TTSOpsMinimalTuple);
	bool		isnull;
	Numeric		result;

	if (!tuplestore_gettupleslot(statement->rsinfo->setResult, true, false, slot))
		elog(ERROR, "a statement has no first row");
	result = DatumGetNumericCopy(slot_getattr(slot, BALANCE + 1, &isnull));
	ExecDropSingleTupleTableSlot(slot);
	return result;
}

/* statement(program, member, from, to, currency) returns setof record */
PG_FUNCTION_INFO_V1(program_statement);
Datum
program_statement(PG_FUNCTION_ARGS)
{
	Statement	statement = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo,.now = GetCurrentTimestamp()};
	Program    *program;
	MemberArg	member;

	InitMaterializedSRF(fcinfo, 0);
	program = program_arg_to_read(fcinfo);
	member = program_member_arg(fcinfo, program, 1, "member", true);
	program_member_must_exist(program, &member);
	statement.member_id = member.id;
	statement.from = PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2);
	statement.to = PG_ARGISNULL(3) ? DT_NOEND : PG_GETARG_TIMESTAMPTZ(3);
	statement.currency = PG_ARGISNULL(4) ? cstring_to_text(program->currency) : PG_GETARG_TEXT_PP(4);
	if (statement.from > statement.to)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a statement cannot end before it begins"),
				 errdetail("It would reach from %s to %s.", pstrdup(timestamptz_to_str(statement.from)),
						   pstrdup(timestamptz_to_str(statement.to)))));
	program_check_statements_from(program, statement.from);
	statement.from_limit = program_entries_before(program, statement.from);
	statement.to_limit = program_entries_before(program, statement.to);
	put_balance(program, &statement, "opening", statement.from, statement.from_limit);
	put_movements(program, &statement, opening_balance(program, &statement));
	put_balance(program, &statement, "closing", statement.to, statement.to_limit);
	program_close(program);
	return (Datum) 0;
}
