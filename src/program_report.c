/*
 * program_report.c
 *	  explain(): why an order paid what it paid.
 *
 * The sale is computed again from what was stored with it, by the version of
 * the plan that it was posted by.  Reading needs the caller's own rights.
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

	if (program_query(program, "SELECT " STORED_SALE_COLUMNS " FROM @sale s WHERE s.order_key = $1",
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
	program_close(program);
	return (Datum) 0;
}
