/*
 * program_ledger.c
 *	  Entering into the ledger what the engine pays.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "program_ledger.h"

typedef struct LedgerRow
{
	const int64 *sale_id;		/* known only when the row is entered */
	const char *currency;
	const char *rule;
	int64		member_id;
	Numeric		amount;
	int			level;
	int			line;
	int			basis;
} LedgerRow;

struct LedgerRows
{
	int			n;
	int			room;
	LedgerRow  *rows;
};

/* Entered by one statement. */
#define LEDGER_CHUNK_ROWS	50000

LedgerRows *
ledger_rows(void)
{
	return palloc0(sizeof(LedgerRows));
}

void
ledger_add(LedgerRows *rows, const int64 *sale_id, const char *currency, const EngineLine *line)
{
	LedgerRow  *row;

	if (rows->n == rows->room)
	{
		rows->room = Max(64, rows->room * 2);
		rows->rows = rows->rows == NULL ?
			MemoryContextAllocHuge(CurrentMemoryContext, sizeof(LedgerRow) * (Size) rows->room) :
			repalloc_huge(rows->rows, sizeof(LedgerRow) * (Size) rows->room);
	}
	row = &rows->rows[rows->n++];
	row->sale_id = sale_id;
	row->currency = currency;
	row->rule = line->rule->name;
	row->member_id = line->member_id;
	row->amount = line->amount;
	row->level = line->level;
	row->line = line->line;
	row->basis = line->basis;
}

static void
insert_chunk(Program *program, const LedgerRow *rows, int n)
{
	enum
	{
		SALE, MEMBER, LEVEL, LINE, BASIS, RULE, AMOUNT, CURRENCY, NCOLUMNS
	};
	static const Oid elements[NCOLUMNS] = {INT8OID, INT8OID, INT4OID, INT4OID, INT4OID, TEXTOID, NUMERICOID, TEXTOID};
	Datum	   *columns[NCOLUMNS];
	Oid			types[NCOLUMNS];
	Datum		arrays[NCOLUMNS];

	for (int c = 0; c < NCOLUMNS; c++)
		columns[c] = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
	{
		columns[SALE][i] = Int64GetDatum(*rows[i].sale_id);
		columns[MEMBER][i] = Int64GetDatum(rows[i].member_id);
		columns[LEVEL][i] = Int32GetDatum(rows[i].level);
		columns[LINE][i] = Int32GetDatum(rows[i].line);
		columns[BASIS][i] = Int32GetDatum(rows[i].basis);
		columns[RULE][i] = CStringGetTextDatum(rows[i].rule);
		columns[AMOUNT][i] = NumericGetDatum(rows[i].amount);
		columns[CURRENCY][i] = CStringGetTextDatum(rows[i].currency);
	}
	for (int c = 0; c < NCOLUMNS; c++)
	{
		types[c] = get_array_type(elements[c]);
		arrays[c] = program_array(elements[c], columns[c], NULL, n);
		pfree(columns[c]);
	}
	program_query(program,
				  "INSERT INTO @ledger (source, source_id, member_id, level, line, basis, rule, amount, currency, posted_at)"
				  " SELECT 'sale', n.source_id, n.member_id, n.level, n.line, n.basis, n.rule, n.amount, n.currency, now()"
				  "   FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)"
				  "        AS n(source_id, member_id, level, line, basis, rule, amount, currency)",
				  NCOLUMNS, types, arrays, NULL, 0);
	for (int c = 0; c < NCOLUMNS; c++)
		pfree(DatumGetPointer(arrays[c]));
}

void
ledger_insert(Program *program, LedgerRows *rows)
{
	for (int start = 0; start < rows->n; start += LEDGER_CHUNK_ROWS)
		insert_chunk(program, rows->rows + start, Min(LEDGER_CHUNK_ROWS, rows->n - start));
}
