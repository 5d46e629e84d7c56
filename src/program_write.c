/*
 * program_write.c
 *	  Entering rows into a table of a program.
 *
 * The rows are said once, by columns.  They go into the table directly, and
 * what cannot go by a query with an array for each column.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "program.h"

/* Entered by one query. */
#define QUERY_ROWS	50000

/* Arrays may differ in length, which no array can hold: they go as text. */
static Oid
carrier(Oid type)
{
	return OidIsValid(get_element_type(type)) ? TEXTOID : type;
}

static Datum
carried_column(const TableRows *rows, int c, int from, int n)
{
	Oid			type = rows->columns[c].type;
	Oid			as = carrier(type);
	const bool *nulls = rows->nulls[c] == NULL ? NULL : rows->nulls[c] + from;
	Datum	   *values = rows->values[c] + from;

	if (as != type)
	{
		Datum	   *texts = palloc0(sizeof(Datum) * n);

		for (int i = 0; i < n; i++)
			if (nulls == NULL || !nulls[i])
				texts[i] = CStringGetTextDatum(OidOutputFunctionCall(F_ARRAY_OUT, values[i]));
		values = texts;
	}
	return program_array(as, values, nulls, n);
}

/* "INSERT INTO @sale (a, b) SELECT n.a, n.b::text[] FROM unnest($1, $2) AS n(a, b)" */
static char *
insert_statement(ProgramTable table, const TableRows *rows)
{
	StringInfoData names;
	StringInfoData values;
	StringInfoData arrays;

	initStringInfo(&names);
	initStringInfo(&values);
	initStringInfo(&arrays);
	for (int c = 0; c < rows->ncolumns; c++)
	{
		const TableColumn *column = &rows->columns[c];
		const char *comma = c > 0 ? ", " : "";

		appendStringInfo(&names, "%s%s", comma, column->name);
		appendStringInfo(&values, "%sn.%s", comma, column->name);
		if (carrier(column->type) != column->type)
			appendStringInfo(&values, "::%s", format_type_be(column->type));
		appendStringInfo(&arrays, "%s$%d", comma, c + 1);
	}
	return psprintf("INSERT INTO @%s (%s) SELECT %s FROM unnest(%s) AS n(%s)",
					program_table_name(table), names.data, values.data, arrays.data, names.data);
}

/* Rows [from, from + n); ending is what comes after the statement, or "". */
static uint64
insert_by_query(Program *program, ProgramTable table, const TableRows *rows, int from, int n, const char *ending)
{
	Oid		   *types = palloc(sizeof(Oid) * rows->ncolumns);
	Datum	   *arrays = palloc(sizeof(Datum) * rows->ncolumns);
	uint64		inserted;

	for (int c = 0; c < rows->ncolumns; c++)
	{
		types[c] = get_array_type(carrier(rows->columns[c].type));
		arrays[c] = carried_column(rows, c, from, n);
	}
	inserted = program_query(program, psprintf("%s%s", insert_statement(table, rows), ending),
							 rows->ncolumns, types, arrays, NULL, 0);
	for (int c = 0; c < rows->ncolumns; c++)
		pfree(DatumGetPointer(arrays[c]));
	return inserted;
}

/* Rows that must all get in. */
void
program_insert(Program *program, ProgramTable table, const TableRows *rows)
{
	int			done = rows->n == 0 ? 0 : table_insert(program_table_to_write(program, table), rows);

	for (; done < rows->n; done += QUERY_ROWS)
		(void) insert_by_query(program, table, rows, done, Min(QUERY_ROWS, rows->n - done), "");
}

/*
 * Rows of which those get in whose key is not there, in the order given.  The
 * first column is a number that tells them apart.
 */
void
program_insert_new(Program *program, ProgramTable table, const TableRows *rows,
				   const char *const *key, int nkey, bool *inserted)
{
	int			done;
	uint64		found;
	StringInfoData ending;

	memset(inserted, false, rows->n);
	if (rows->n == 0)
		return;
	done = table_insert_new(program_table_to_write(program, table), rows, key, nkey);
	memset(inserted, true, done);
	if (done == rows->n)
		return;
	initStringInfo(&ending);
	for (int k = 0; k < nkey; k++)
		appendStringInfo(&ending, "%s%s", k == 0 ? " ON CONFLICT (" : ", ", key[k]);
	appendStringInfo(&ending, ") DO NOTHING RETURNING %s", rows->columns[0].name);
	found = insert_by_query(program, table, rows, done, rows->n - done, ending.data);
	/* rows come back in the order in which they were handed in */
	for (uint64 i = 0; i < found; i++)
	{
		int64		id = DatumGetInt64(program_get(i, 1, INT8OID));

		while (done < rows->n && DatumGetInt64(rows->values[0][done]) != id)
			done++;
		if (done == rows->n)
			elog(ERROR, "row " INT64_FORMAT " is none of those inserted", id);
		inserted[done] = true;
	}
	SPI_freetuptable(SPI_tuptable);
}
