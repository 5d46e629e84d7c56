/*
 * program_adjust.c
 *	  Adjustments: entries that come by no order, with a reason and an author.
 */
#include "compat.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "program_account.h"
#include "program_adjust.h"
#include "program_arg.h"
#include "program_ledger.h"
#include "program_member.h"
#include "program_money.h"

static bool
insert_adjustment(Program *program, Adjustment *adjustment)
{
	Oid			sequence = get_relname_relid("adjustment_id_seq",
											 get_rel_namespace(program->tables[PROGRAM_ADJUSTMENT]));
	Oid			types[] = {INT8OID, TEXTOID, INT8OID, NUMERICOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[lengthof(types)];

	adjustment->adjustment_id = nextval_internal(sequence, false);
	values[0] = Int64GetDatum(adjustment->adjustment_id);
	values[1] = PointerGetDatum(adjustment->key);
	values[2] = Int64GetDatum(adjustment->member_id);
	values[3] = NumericGetDatum(adjustment->amount);
	values[4] = CStringGetTextDatum(adjustment->currency);
	values[5] = CStringGetTextDatum(adjustment->kind);
	values[6] = PointerGetDatum(adjustment->reason);
	values[7] = CStringGetTextDatum(adjustment->author);
	return program_query(program,
						 "INSERT INTO @adjustment (adjustment_id, adjustment_key, member_id, amount, currency,"
						 "                         kind, reason, author)"
						 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
						 " ON CONFLICT (adjustment_key) DO NOTHING",
						 lengthof(types), types, values, NULL, 0) == 1;
}

static void
content_error(Program *program, const Adjustment *adjustment, const char *what,
			  const char *before, const char *after)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("adjustment \"%s\" has been recorded with another %s", text_to_cstring(adjustment->key), what),
			 errdetail("It was recorded with %s, not %s.", before, after),
			 errhint("Retry with the same content, or use another key for another adjustment."),
			 member_errfields(program, "adjustment", "adjustment_adjustment_key_key")));
}

/* The key is taken: by the same adjustment, or that is an error. */
static void
find_adjustment(Program *program, Adjustment *adjustment)
{
	Oid			types[] = {TEXTOID};
	Datum		key = PointerGetDatum(adjustment->key);
	int64		member_id;
	Numeric		amount;
	text	   *text_value;

	if (program_query_now(program,
						  "SELECT a.adjustment_id, a.member_id, a.amount, a.currency, a.kind, a.reason"
						  "  FROM @adjustment a WHERE a.adjustment_key = $1",
						  1, types, &key, NULL, 1) != 1)
		elog(ERROR, "adjustment \"%s\" was neither recorded nor found", text_to_cstring(adjustment->key));
	adjustment->adjustment_id = DatumGetInt64(program_get(0, 1, INT8OID));
	member_id = DatumGetInt64(program_get(0, 2, INT8OID));
	if (member_id != adjustment->member_id)
		content_error(program, adjustment, "member", psprintf(INT64_FORMAT, member_id),
					  psprintf(INT64_FORMAT, adjustment->member_id));
	amount = DatumGetNumeric(program_get(0, 3, NUMERICOID));
	if (money_compare(amount, adjustment->amount) != 0)
		content_error(program, adjustment, "amount", money_to_string(amount), money_to_string(adjustment->amount));
	text_value = DatumGetTextPP(program_get(0, 4, TEXTOID));
	if (strcmp(text_to_cstring(text_value), adjustment->currency) != 0)
		content_error(program, adjustment, "currency", text_to_cstring(text_value), adjustment->currency);
	text_value = DatumGetTextPP(program_get(0, 5, TEXTOID));
	if (strcmp(text_to_cstring(text_value), adjustment->kind) != 0)
		content_error(program, adjustment, "kind", text_to_cstring(text_value), adjustment->kind);
	text_value = DatumGetTextPP(program_get(0, 6, TEXTOID));
	if (!money_same_text(text_value, adjustment->reason))
		content_error(program, adjustment, "reason", quote_literal_cstr(text_to_cstring(text_value)),
					  quote_literal_cstr(text_to_cstring(adjustment->reason)));
	SPI_freetuptable(SPI_tuptable);
}

/* The same again changes nothing. */
void
adjustment_post(Program *program, Adjustment *adjustment)
{
	LedgerRows *rows;

	if (!insert_adjustment(program, adjustment))
	{
		find_adjustment(program, adjustment);
		return;
	}
	rows = ledger_rows(LEDGER_ADJUSTMENT);
	ledger_move(rows, &adjustment->adjustment_id, adjustment->member_id, adjustment->kind,
				adjustment->amount, adjustment->currency, 0);
	ledger_insert(program, rows);
}

/* adjust(program, member, amount, reason, key, currency) returns bigint */

typedef struct Adjust
{
	MemberArg	member;
	Adjustment	adjustment;
} Adjust;

static void
adjust(Program *program, void *arg)
{
	Adjust	   *work = arg;
	Adjustment *adjustment = &work->adjustment;

	adjustment->amount = money_check_amount(adjustment->amount,
											money_currency_scale(program, adjustment->currency),
											adjustment->currency, "the amount of an adjustment");
	if (money_sign(adjustment->amount) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the amount of an adjustment must not be 0"),
				 errhint("Above zero it gives, below zero it takes.")));
	program_member_must_exist(program, &work->member);
	adjustment->member_id = work->member.id;
	if (money_sign(adjustment->amount) < 0)
	{
		AccountSet	set = {0};

		account_add(&set, adjustment->member_id, adjustment->currency);
		account_lock(program, &set);
	}
	adjustment_post(program, adjustment);
}

PG_FUNCTION_INFO_V1(program_adjust);
Datum
program_adjust(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	Adjust		work = {.adjustment = {.kind = "adjustment"}};

	program_check_right(program, PROGRAM_ADJUSTMENT, ACL_INSERT);
	work.adjustment.author = GetUserNameFromId(GetUserId(), false);
	work.member = program_member_arg(fcinfo, program, 1, "member", true);
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("amount must not be null")));
	work.adjustment.amount = PG_GETARG_NUMERIC(2);
	work.adjustment.reason = money_text_arg(fcinfo, 3, "the reason of an adjustment", true);
	work.adjustment.key = money_key_arg(fcinfo, 4, "the key of an adjustment");
	work.adjustment.currency = money_currency_arg(fcinfo, 5, program);
	program_as_owner(program, PROGRAM_WRITES_ADJUSTMENTS, adjust, &work);
	program_close(program);
	PG_RETURN_INT64(work.adjustment.adjustment_id);
}
