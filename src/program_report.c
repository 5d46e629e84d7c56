/*
 * program_report.c
 *	  explain(): why an order paid what it paid.
 *
 * The sale is computed again from what was stored with it, by the version of
 * the plan that it was posted by; what refunds took back is read as it was
 * entered.  Reading needs the caller's own rights.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "engine.h"
#include "money.h"
#include "program_sale.h"

/* The line that a result row shows. */
enum
{
	RULE, LEVEL, MEMBER_ID, MEMBER_KEY, BASE, RATE, EXACT, AMOUNT, CURRENCY, LINE, BASIS,
	REASON, LIMITED_BY, EXPLANATION, NCOLUMNS
};

static CommissionPlan *
load_sale(Program *program, text *order_key, StoredSale *stored)
{
	Oid			types[] = {TEXTOID};
	Datum		key = PointerGetDatum(order_key);
	CommissionPlan *plan;

	if (program_query(program, "SELECT " STORED_SALE_COLUMNS " FROM @sale s WHERE s.order_key = $1 AND " SALE_IS_LATEST,
					  1, types, &key, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("order \"%s\" has not been posted in program \"%s\"",
						text_to_cstring(order_key), program->name),
				 errhint("Orders post when they reach a paid status.")));
	stored_read(program, stored, 0);
	SPI_freetuptable(SPI_tuptable);
	stored_read_lines(program, stored, 1);
	plan = program_plan(program, stored->plan_version);
	stored->sale.scale = plan_currency_scale(plan, stored->currency);
	if (stored->counters != NULL)
		engine_read_counters(&stored->sale, stored->counters);
	return plan;
}

static char **
member_keys(Program *program, const EngineResult *result)
{
	int64	   *ids = palloc(sizeof(int64) * Max(result->nlines, 1));

	for (int i = 0; i < result->nlines; i++)
		ids[i] = result->lines[i].member_id;
	return stored_member_keys(program, ids, result->nlines);
}

static void
put_text(Datum *values, bool *nulls, int column, const char *string)
{
	nulls[column] = string == NULL;
	values[column] = string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

static void
put_numeric(Datum *values, bool *nulls, int column, Numeric number)
{
	nulls[column] = number == NULL;
	values[column] = number == NULL ? (Datum) 0 : NumericGetDatum(number);
}

static void
put_line(ReturnSetInfo *rsinfo, const StoredSale *stored, const EngineLine *line, const char *member_key)
{
	Datum		values[NCOLUMNS];
	bool		nulls[NCOLUMNS] = {0};

	put_text(values, nulls, RULE, line->rule->name);
	values[LEVEL] = Int32GetDatum(line->level);
	nulls[LEVEL] = line->level < 0;
	values[MEMBER_ID] = Int64GetDatum(line->member_id);
	nulls[MEMBER_ID] = line->member_id < 0;
	put_text(values, nulls, MEMBER_KEY, member_key);
	put_numeric(values, nulls, BASE, line->base);
	put_numeric(values, nulls, RATE, line->rate);
	put_numeric(values, nulls, EXACT, line->exact == NULL ? NULL : money_trim(line->exact));
	put_numeric(values, nulls, AMOUNT, line->amount);
	put_text(values, nulls, CURRENCY, stored->currency);
	values[LINE] = Int32GetDatum(line->line);
	values[BASIS] = Int32GetDatum(line->basis);
	put_text(values, nulls, REASON, engine_reason_code(line->reason));
	put_text(values, nulls, LIMITED_BY, engine_limit_code(line->limited_by));
	put_text(values, nulls, EXPLANATION, engine_explain(line, &stored->sale, member_key, stored->currency));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* What refunds have taken back of the sale, as it stands in the ledger. */
static void
put_refunds(Program *program, ReturnSetInfo *rsinfo, const StoredSale *stored)
{
	Oid			types[] = {INT8OID};
	Datum		sale_id = Int64GetDatum(stored->sale_id);
	uint64		found = program_query(program,
									  "SELECT l.rule, l.level, l.member_id, coalesce(m.member_key, l.member_id::text),"
									  "       l.amount, l.line, l.basis::int4, r.refund_key, p.amount"
									  "  FROM @refund_posting p"
									  "  JOIN @refund r ON r.refund_id = p.refund_id"
									  "  JOIN @ledger l ON l.source = 'refund' AND l.source_id = p.refund_id"
									  "  LEFT JOIN @member m ON m.member_id = l.member_id"
									  " WHERE p.sale_id = $1 ORDER BY l.entry_id",
									  1, types, &sale_id, NULL, 0);

	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[NCOLUMNS];
		bool		nulls[NCOLUMNS] = {0};
		char	   *member_key = TextDatumGetCString(program_get(i, 4, TEXTOID));
		Numeric		amount = DatumGetNumeric(program_get(i, 5, NUMERICOID));

		values[RULE] = program_get(i, 1, TEXTOID);
		values[LEVEL] = program_get(i, 2, INT4OID);
		values[MEMBER_ID] = program_get(i, 3, INT8OID);
		put_text(values, nulls, MEMBER_KEY, member_key);
		nulls[BASE] = nulls[RATE] = nulls[EXACT] = true;
		put_numeric(values, nulls, AMOUNT, amount);
		put_text(values, nulls, CURRENCY, stored->currency);
		values[LINE] = program_get(i, 6, INT4OID);
		values[BASIS] = program_get(i, 7, INT4OID);
		put_text(values, nulls, REASON, "refunded");
		nulls[LIMITED_BY] = true;
		put_text(values, nulls, EXPLANATION,
				 psprintf("Refund \"%s\" of %s %s takes %s back from member %s, level %d.",
						  TextDatumGetCString(program_get(i, 8, TEXTOID)),
						  money_to_string(DatumGetNumeric(program_get(i, 9, NUMERICOID))), stored->currency,
						  money_to_string(money_subtract(money_from_int(0), amount)), member_key,
						  DatumGetInt32(values[LEVEL])));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
}

/* explain(program text, order_key text) returns setof record */
PG_FUNCTION_INFO_V1(program_explain);
Datum
program_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Program    *program;
	CommissionPlan *plan;
	StoredSale	stored;
	EngineResult result;
	char	  **keys;

	InitMaterializedSRF(fcinfo, 0);
	program = program_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	plan = load_sale(program, PG_GETARG_TEXT_PP(1), &stored);
	engine_init(&result, CurrentMemoryContext);
	engine_run(plan, &stored.sale, &result);
	keys = member_keys(program, &result);
	for (int i = 0; i < result.nlines; i++)
	{
		CHECK_FOR_INTERRUPTS();
		put_line(rsinfo, &stored, &result.lines[i], keys[i]);
	}
	put_refunds(program, rsinfo, &stored);
	program_close(program);
	return (Datum) 0;
}
