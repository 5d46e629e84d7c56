/*
 * program_stored.c
 *	  Sales as they were posted, for whoever computes them again.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "program_sale.h"

/* Words by level into an array of depth elements; NULL stays NULL. */
static char **
stored_words(Datum array, int depth)
{
	Datum	   *words;
	bool	   *nulls;
	int			n;
	char	  **result = palloc0(sizeof(char *) * Max(depth, 1));

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &words, &nulls, &n);
	for (int level = 0; level < Min(n, depth); level++)
		if (!nulls[level])
			result[level] = TextDatumGetCString(words[level]);
	return result;
}

static EngineState *
stored_states(Datum array, int depth)
{
	char	  **words = stored_words(array, depth);
	EngineState *states = palloc0(sizeof(EngineState) * Max(depth, 1));

	for (int level = 0; level < depth; level++)
		states[level] = words[level] == NULL ? ENGINE_ACTIVE : engine_state_from_word(words[level]);
	return states;
}

/* A row of STORED_SALE_COLUMNS; all of it is copied. */
void
stored_read(Program *program, StoredSale *stored, uint64 row)
{
	EngineSale *sale = &stored->sale;
	Datum		value;
	int64	   *ids;
	bool		isnull;

	memset(stored, 0, sizeof(StoredSale));
	stored->sale_id = DatumGetInt64(program_get(row, 1, INT8OID));
	stored->plan_version = DatumGetInt32(program_get(row, 2, INT4OID));
	stored->posted_at = DatumGetTimestampTz(program_get(row, 3, TIMESTAMPTZOID));
	stored->currency = TextDatumGetCString(program_get(row, 4, TEXTOID));
	value = program_column(row, 5, JSONBOID, &isnull);
	stored->counters = isnull ? NULL : DatumGetJsonbPCopy(value);

	sale->depth = refpath_decode(DatumGetRefPathPP(program_get(row, 6, program->refpath)), &ids);
	sale->ids = ids;
	sale->amount = DatumGetNumericCopy(program_get(row, 7, NUMERICOID));
	sale->currency = stored->currency;
	value = program_column(row, 8, TEXTARRAYOID, &isnull);
	sale->ranks = isnull ? NULL : (const char *const *) stored_words(value, sale->depth);
	value = program_column(row, 9, TEXTARRAYOID, &isnull);
	sale->states = isnull ? NULL : stored_states(value, sale->depth);
	value = program_column(row, 10, JSONBOID, &isnull);
	if (!isnull)
	{
		Jsonb	   *attributes = DatumGetJsonbPCopy(value);

		/* a call could store anything in earlier versions */
		sale->attributes = JB_ROOT_IS_OBJECT(attributes) ? &attributes->root : NULL;
	}
	sale->occurred_at = DatumGetTimestampTz(program_get(row, 11, TIMESTAMPTZOID));
	sale->has_time = true;
}

void
stored_read_lines(Program *program, StoredSale *sales, int n)
{
	int64	   *sale_ids = palloc(sizeof(int64) * Max(n, 1));
	SaleLines  *lines;

	for (int i = 0; i < n; i++)
		sale_ids[i] = sales[i].sale_id;
	lines = lines_load(program, sale_ids, n);
	for (int i = 0; i < n; i++)
	{
		sales[i].sale.nitems = lines[i].n;
		sales[i].sale.items = lines[i].items;
	}
}

/* What is known outside as the id of each member; NULL for an id of -1. */
char **
stored_member_keys(Program *program, const int64 *member_ids, int n)
{
	char	  **keys = palloc0(sizeof(char *) * Max(n, 1));
	Datum	   *ids = palloc(sizeof(Datum) * Max(n, 1));
	Oid			types[] = {INT8ARRAYOID};
	Datum		array;
	uint64		found;

	for (int i = 0; i < n; i++)
	{
		ids[i] = Int64GetDatum(member_ids[i]);
		if (member_ids[i] >= 0)
			keys[i] = psprintf(INT64_FORMAT, member_ids[i]);
	}
	array = program_array(INT8OID, ids, NULL, n);
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
