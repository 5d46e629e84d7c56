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
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "engine.h"
#include "money.h"
#include "program_member.h"
#include "program_sale.h"

/* A sale as it was posted, and the plan that it was posted by. */
typedef struct PostedSale
{
	CommissionPlan *plan;
	EngineSale	sale;
	char	   *currency;
} PostedSale;

/* Words by level into an array of depth elements; NULL stays NULL. */
static char **
stored_words(Datum array, bool isnull, int depth)
{
	Datum	   *words;
	bool	   *nulls;
	int			n;
	char	  **result;

	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &n);
	result = palloc0(sizeof(char *) * depth);
	for (int level = 0; level < Min(n, depth); level++)
		if (!nulls[level])
			result[level] = TextDatumGetCString(words[level]);
	return result;
}

static PostedSale
load_sale(Program *program, text *order_key)
{
	PostedSale	posted = {0};
	EngineSale *sale = &posted.sale;
	Oid			types[] = {TEXTOID};
	Datum		key = PointerGetDatum(order_key);
	Datum		value;
	char	  **states;
	int			version;
	int64	   *ids;
	bool		isnull;

	if (program_query(program,
					  "SELECT s.plan_version, s.path, s.amount, s.currency, s.path_ranks, s.path_states"
					  "  FROM @sale s WHERE s.order_key = $1",
					  1, types, &key, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("order \"%s\" has not been posted in program \"%s\"",
						text_to_cstring(order_key), program->name),
				 errhint("Orders post when they reach a paid status.")));
	version = DatumGetInt32(program_get(0, 1, INT4OID));
	sale->depth = refpath_decode(DatumGetRefPathPP(program_get(0, 2, program->refpath)), &ids);
	sale->ids = ids;
	sale->amount = DatumGetNumericCopy(program_get(0, 3, NUMERICOID));
	posted.currency = TextDatumGetCString(program_get(0, 4, TEXTOID));
	sale->currency = posted.currency;
	value = program_column(0, 5, TEXTARRAYOID, &isnull);
	sale->ranks = (const char *const *) stored_words(value, isnull, sale->depth);
	value = program_column(0, 6, TEXTARRAYOID, &isnull);
	states = stored_words(value, isnull, sale->depth);
	if (states != NULL)
	{
		EngineState *by_level = palloc0(sizeof(EngineState) * sale->depth);

		for (int level = 0; level < sale->depth; level++)
			by_level[level] = states[level] == NULL ? ENGINE_ACTIVE
				: engine_state_from_word(states[level]);
		sale->states = by_level;
	}
	SPI_freetuptable(SPI_tuptable);
	posted.plan = program_plan(program, version);
	sale->scale = plan_currency_scale(posted.plan, posted.currency);
	return posted;
}

/* What is known outside as the id of each line's member. */
static char **
member_keys(Program *program, EngineResult *result)
{
	char	  **keys = palloc0(sizeof(char *) * Max(result->nlines, 1));
	Datum	   *ids = palloc(sizeof(Datum) * Max(result->nlines, 1));
	Oid			types[] = {INT8ARRAYOID};
	Datum		array;
	uint64		found;

	for (int i = 0; i < result->nlines; i++)
	{
		ids[i] = Int64GetDatum(result->lines[i].member_id);
		if (result->lines[i].member_id >= 0)
			keys[i] = psprintf(INT64_FORMAT, result->lines[i].member_id);
	}
	array = program_array(INT8OID, ids, NULL, result->nlines);
	found = program_query(program,
						  "SELECT k.place, m.member_key"
						  "  FROM unnest($1) WITH ORDINALITY AS k(id, place)"
						  "  JOIN @member m ON m.member_id = k.id WHERE m.member_key IS NOT NULL",
						  1, types, &array, NULL, 0);
	for (uint64 i = 0; i < found; i++)
		keys[DatumGetInt64(program_get(i, 1, INT8OID)) - 1] =
			TextDatumGetCString(program_get(i, 2, TEXTOID));
	SPI_freetuptable(SPI_tuptable);
	return keys;
}

/* explain(program text, order_key text) returns setof record */
PG_FUNCTION_INFO_V1(program_explain);
Datum
program_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Program    *program;
	PostedSale	posted;
	EngineResult result;
	char	  **keys;

	InitMaterializedSRF(fcinfo, 0);
	program = program_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	posted = load_sale(program, PG_GETARG_TEXT_PP(1));
	engine_init(&result, CurrentMemoryContext);
	engine_run(posted.plan, &posted.sale, &result);
	keys = member_keys(program, &result);
	for (int i = 0; i < result.nlines; i++)
	{
		EngineLine *line = &result.lines[i];
		Datum		values[11];
		bool		nulls[11] = {0};

		values[0] = CStringGetTextDatum(line->rule->name);
		values[1] = Int32GetDatum(line->level);
		values[2] = Int64GetDatum(line->member_id);
		nulls[2] = nulls[3] = (line->reason == ENGINE_NO_UPLINE);
		values[3] = keys[i] == NULL ? (Datum) 0 : CStringGetTextDatum(keys[i]);
		values[4] = NumericGetDatum(line->base);
		values[5] = NumericGetDatum(line->rate);
		values[6] = NumericGetDatum(money_trim(line->exact));
		values[7] = NumericGetDatum(line->amount);
		values[8] = CStringGetTextDatum(posted.currency);
		values[9] = CStringGetTextDatum(engine_reason_code(line->reason));
		values[10] = CStringGetTextDatum(engine_explain(line, &posted.sale, keys[i], posted.currency));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	program_close(program);
	return (Datum) 0;
}
