/*
 * program_payout_state.c
 *	  What becomes of a payout: approved, settled, failed.
 *
 * Each is a row that is written once, under the lock of the payout's own row.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "program_arg.h"
#include "program_ledger.h"
#include "program_member.h"
#include "program_money.h"
#include "program_payout.h"

static text *
text_at(int column)
{
	bool		isnull;
	Datum		value = program_column(0, column, TEXTOID, &isnull);

	return isnull ? NULL : program_copy_text(value);
}

static TimestampTz
time_at(int column, bool *given)
{
	bool		isnull;
	Datum		value = program_column(0, column, TIMESTAMPTZOID, &isnull);

	*given = !isnull;
	return isnull ? 0 : DatumGetTimestampTz(value);
}

/*
 * Lock a payout until the transaction ends, and then see what has become of
 * it: as it is now, also in an old snapshot.  table is the one that is to be
 * written, for the error if there is no such payout.
 */
PayoutState
payout_lock(Program *program, text *key, const char *table)
{
	PayoutState state = {.key = key};
	Oid			types[] = {TEXTOID};
	Datum		value = PointerGetDatum(key);

	if (program_query_now(program, "SELECT FROM @payout p WHERE p.payout_key = $1 FOR UPDATE",
						  1, types, &value, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("payout \"%s\" does not exist in program \"%s\"", text_to_cstring(key), program->name),
				 errhint("Payouts are made by distributor.request_payout() and distributor.create_payout_batch()."),
				 member_errfields(program, table, psprintf("%s_payout_id_fkey", table))));
	SPI_freetuptable(SPI_tuptable);
	(void) program_query_now(program,
							 "SELECT p.payout_id, p.member_id, a.approved_at, s.settled_at, s.reference, f.reason"
							 "  FROM @payout p"
							 "  LEFT JOIN @payout_approval a ON a.payout_id = p.payout_id"
							 "  LEFT JOIN @payout_settlement s ON s.payout_id = p.payout_id"
							 "  LEFT JOIN @payout_failure f ON f.payout_id = p.payout_id"
							 " WHERE p.payout_key = $1",
							 1, types, &value, NULL, 1);
	state.payout_id = DatumGetInt64(program_get(0, 1, INT8OID));
	state.member_id = DatumGetInt64(program_get(0, 2, INT8OID));
	(void) time_at(3, &state.approved);
	state.settled_at = time_at(4, &state.settled);
	state.reference = text_at(5);
	state.failure = text_at(6);
	state.failed = state.failure != NULL;
	SPI_freetuptable(SPI_tuptable);
	return state;
}

static void
check_not_failed(Program *program, const PayoutState *state, const char *what)
{
	if (state->failed)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("payout \"%s\" has failed and cannot be %s", text_to_cstring(state->key), what),
				 errdetail("Reason: %s", text_to_cstring(state->failure)),
				 errhint("Its money has been returned; request another payout.")));
}

static void
content_error(Program *program, const PayoutState *state, const char *verb, const char *table, const char *what,
			  const char *before, const char *after)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("payout \"%s\" has %s with another %s", text_to_cstring(state->key), verb, what),
			 errdetail("It was told with %s, not %s.", before, after),
			 errhint("Retry with the same content; what has been told stays."),
			 member_errfields(program, table, psprintf("%s_pkey", table))));
}

/* What is said of a payout. */
typedef struct Saying
{
	text	   *key;
	text	   *words;			/* reference, which may be NULL; or reason */
	bool		timed;			/* at was given */
	TimestampTz at;
	const char *author;
} Saying;

/* approve_payout(program, payout_key) returns void */

static void
approve(Program *program, void *arg)
{
	Saying	   *saying = arg;
	PayoutState state = payout_lock(program, saying->key, "payout_approval");
	Oid			types[] = {INT8OID, TEXTOID};
	Datum		values[2];

	check_not_failed(program, &state, "approved");
	if (state.approved)
		return;
	values[0] = Int64GetDatum(state.payout_id);
	values[1] = CStringGetTextDatum(saying->author);
	(void) program_query(program, "INSERT INTO @payout_approval (payout_id, author) VALUES ($1, $2)",
						 2, types, values, NULL, 0);
}

PG_FUNCTION_INFO_V1(program_approve_payout);
Datum
program_approve_payout(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	Saying		saying = {0};

	program_check_right(program, PROGRAM_PAYOUT_APPROVAL, ACL_INSERT);
	saying.author = GetUserNameFromId(GetUserId(), false);
	saying.key = money_text_arg(fcinfo, 1, "the key of a payout", true);
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_PAYOUT_APPROVAL), approve, &saying);
	program_close(program);
	PG_RETURN_VOID();
}

/* settle_payout(program, payout_key, reference, settled_at) returns void */

static const char *
text_or_none(const text *value)
{
	return value == NULL ? "none" : quote_literal_cstr(text_to_cstring(value));
}

static void
settle(Program *program, void *arg)
{
	Saying	   *saying = arg;
	PayoutState state = payout_lock(program, saying->key, "payout_settlement");
	Oid			types[] = {INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID};
	Datum		values[4];
	char		nulls[4] = {' ', ' ', ' ', ' '};

	check_not_failed(program, &state, "settled");
	if (state.settled)
	{
		if (!money_same_text(state.reference, saying->words))
			content_error(program, &state, "been settled", "payout_settlement", "reference",
						  text_or_none(state.reference), text_or_none(saying->words));
		if (saying->timed && saying->at != state.settled_at)
			content_error(program, &state, "been settled", "payout_settlement", "time",
						  pstrdup(timestamptz_to_str(state.settled_at)), pstrdup(timestamptz_to_str(saying->at)));
		return;
	}
	if (!state.approved)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("payout \"%s\" has not been approved", text_to_cstring(state.key)),
				 errhint("Approve it by distributor.approve_payout() before it is transferred.")));
	values[0] = Int64GetDatum(state.payout_id);
	values[1] = TimestampTzGetDatum(saying->at);
	values[2] = PointerGetDatum(saying->words);
	nulls[2] = saying->words == NULL ? 'n' : ' ';
	values[3] = CStringGetTextDatum(saying->author);
	(void) program_query(program,
						 "INSERT INTO @payout_settlement (payout_id, settled_at, reference, author)"
						 " VALUES ($1, $2, $3, $4)",
						 4, types, values, nulls, 0);
}

PG_FUNCTION_INFO_V1(program_settle_payout);
Datum
program_settle_payout(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	Saying		saying = {0};

	program_check_right(program, PROGRAM_PAYOUT_SETTLEMENT, ACL_INSERT);
	saying.author = GetUserNameFromId(GetUserId(), false);
	saying.key = money_text_arg(fcinfo, 1, "the key of a payout", true);
	saying.words = money_text_arg(fcinfo, 2, "the reference of a settlement", false);
	saying.timed = !PG_ARGISNULL(3);
	saying.at = saying.timed ? PG_GETARG_TIMESTAMPTZ(3) : GetCurrentTransactionStartTimestamp();
	if (TIMESTAMP_NOT_FINITE(saying.at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the time of a settlement must be finite")));
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_PAYOUT_SETTLEMENT), settle, &saying);
	program_close(program);
	PG_RETURN_VOID();
}

/* fail_payout(program, payout_key, reason) returns void */

/* Whatever the payout has taken comes back by entries that name it. */
static void
give_back(Program *program, const PayoutState *state)
{
	Oid			types[] = {INT8OID, INT8OID};
	Datum		values[2];
	LedgerRows *rows = ledger_rows(LEDGER_PAYOUT_FAILURE);
	uint64		found;

	values[0] = Int64GetDatum(state->payout_id);
	values[1] = Int64GetDatum(state->member_id);
	found = program_query_now(program,
							  "SELECT l.entry_id, l.rule, l.amount, l.currency FROM @ledger l"
							  " WHERE l.source_id = $1 AND l.member_id = $2 AND l.source = 'payout'"
							  " ORDER BY l.entry_id",
							  2, types, values, NULL, 0);
	if (found == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the entries of payout \"%s\" are not in the ledger", text_to_cstring(state->key)),
				 errdetail("They are in a part of it that has been archived."),
				 errhint("Return the money by distributor.adjust().")));
	for (uint64 i = 0; i < found; i++)
		ledger_move(rows, &state->payout_id, state->member_id,
					TextDatumGetCString(program_get(i, 2, TEXTOID)),
					money_subtract(money_from_int(0), DatumGetNumeric(program_get(i, 3, NUMERICOID))),
					TextDatumGetCString(program_get(i, 4, TEXTOID)),
					DatumGetInt64(program_get(i, 1, INT8OID)));
	SPI_freetuptable(SPI_tuptable);
	ledger_insert(program, rows);
}

static void
fail(Program *program, void *arg)
{
	Saying	   *saying = arg;
	PayoutState state = payout_lock(program, saying->key, "payout_failure");
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID};
	Datum		values[3];

	if (state.failed)
	{
		if (!money_same_text(state.failure, saying->words))
			content_error(program, &state, "failed", "payout_failure", "reason",
						  text_or_none(state.failure), text_or_none(saying->words));
		return;
	}
	values[0] = Int64GetDatum(state.payout_id);
	values[1] = PointerGetDatum(saying->words);
	values[2] = CStringGetTextDatum(saying->author);
	(void) program_query(program,
						 "INSERT INTO @payout_failure (payout_id, failed_at, reason, author)"
						 " VALUES ($1, now(), $2, $3)",
						 3, types, values, NULL, 0);
	give_back(program, &state);
}

PG_FUNCTION_INFO_V1(program_fail_payout);
Datum
program_fail_payout(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	Saying		saying = {0};

	program_check_right(program, PROGRAM_PAYOUT_FAILURE, ACL_INSERT);
	saying.author = GetUserNameFromId(GetUserId(), false);
	saying.key = money_text_arg(fcinfo, 1, "the key of a payout", true);
	saying.words = money_text_arg(fcinfo, 2, "the reason of a failure", true);
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_PAYOUT_FAILURE) | PROGRAM_WRITES(PROGRAM_LEDGER),
					 fail, &saying);
	program_close(program);
	PG_RETURN_VOID();
}
