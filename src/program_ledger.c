/*
 * program_ledger.c
 *	  Entering into the ledger what the engine pays and what refunds take back.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "money.h"
#include "program_ledger.h"

typedef struct LedgerRow
{
	const int64 *source_id;		/* known only when the row is entered */
	int64		reverses;		/* entry_id; of refunds only */
	const char *currency;
	const char *rule;
	int64		member_id;
	Numeric		amount;
	int			level;
	int			line;
	int64		basis;
} LedgerRow;

struct LedgerRows
{
	bool		of_refunds;
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

static LedgerRow *
next_row(LedgerRows *rows)
{
	if (rows->n == rows->room)
	{
		rows->room = Max(64, rows->room * 2);
		rows->rows = rows->rows == NULL ?
			MemoryContextAllocHuge(CurrentMemoryContext, sizeof(LedgerRow) * (Size) rows->room) :
			repalloc_huge(rows->rows, sizeof(LedgerRow) * (Size) rows->room);
	}
	return &rows->rows[rows->n++];
}

void
ledger_add(LedgerRows *rows, const int64 *sale_id, const char *currency, const EngineLine *line)
{
	LedgerRow  *row = next_row(rows);

	row->source_id = sale_id;
	row->reverses = 0;
	row->currency = currency;
	row->rule = line->rule->name;
	row->member_id = line->member_id;
	row->amount = line->amount;
	row->level = line->level;
	row->line = line->line;
	row->basis = line->basis;
}

/* Take a part of an entry back, by a row that names it. */
void
ledger_take_back(LedgerRows *rows, const int64 *refund_id, const char *currency,
				 const LedgerEntry *entry, Numeric part)
{
	LedgerRow  *row = next_row(rows);

	rows->of_refunds = true;
	row->source_id = refund_id;
	row->reverses = entry->entry_id;
	row->currency = currency;
	row->rule = entry->rule;
	row->member_id = entry->member_id;
	row->amount = money_subtract(money_from_int(0), part);
	row->level = entry->level;
	row->line = entry->line;
	row->basis = entry->basis;
}

static void
insert_chunk(Program *program, bool of_refunds, const LedgerRow *rows, int n)
{
	enum
	{
		SOURCE, MEMBER, LEVEL, LINE, BASIS, RULE, AMOUNT, CURRENCY, REVERSES, NCOLUMNS
	};
	static const Oid elements[NCOLUMNS] = {INT8OID, INT8OID, INT4OID, INT4OID, INT8OID, TEXTOID, NUMERICOID,
	TEXTOID, INT8OID};
	int			ncolumns = of_refunds ? NCOLUMNS : REVERSES;
	Datum	   *columns[NCOLUMNS];
	Oid			types[NCOLUMNS];
	Datum		arrays[NCOLUMNS];

	for (int c = 0; c < ncolumns; c++)
		columns[c] = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
	{
		columns[SOURCE][i] = Int64GetDatum(*rows[i].source_id);
		columns[MEMBER][i] = Int64GetDatum(rows[i].member_id);
		columns[LEVEL][i] = Int32GetDatum(rows[i].level);
		columns[LINE][i] = Int32GetDatum(rows[i].line);
		columns[BASIS][i] = Int64GetDatum(rows[i].basis);
		columns[RULE][i] = CStringGetTextDatum(rows[i].rule);
		columns[AMOUNT][i] = NumericGetDatum(rows[i].amount);
		columns[CURRENCY][i] = CStringGetTextDatum(rows[i].currency);
		if (of_refunds)
			columns[REVERSES][i] = Int64GetDatum(rows[i].reverses);
	}
	for (int c = 0; c < ncolumns; c++)
	{
		types[c] = get_array_type(elements[c]);
		arrays[c] = program_array(elements[c], columns[c], NULL, n);
		pfree(columns[c]);
	}
	program_query(program, of_refunds ?
				  "INSERT INTO @ledger (source, source_id, member_id, level, line, basis, rule, amount, currency, reverses, posted_at)"
				  " SELECT 'refund', n.source_id, n.member_id, n.level, n.line, n.basis, n.rule, n.amount, n.currency, n.reverses, now()"
				  "   FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)"
				  "        AS n(source_id, member_id, level, line, basis, rule, amount, currency, reverses)" :
				  "INSERT INTO @ledger (source, source_id, member_id, level, line, basis, rule, amount, currency, posted_at)"
				  " SELECT 'sale', n.source_id, n.member_id, n.level, n.line, n.basis, n.rule, n.amount, n.currency, now()"
				  "   FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)"
				  "        AS n(source_id, member_id, level, line, basis, rule, amount, currency)",
				  ncolumns, types, arrays, NULL, 0);
	for (int c = 0; c < ncolumns; c++)
		pfree(DatumGetPointer(arrays[c]));
}

void
ledger_insert(Program *program, LedgerRows *rows)
{
	for (int start = 0; start < rows->n; start += LEDGER_CHUNK_ROWS)
		insert_chunk(program, rows->of_refunds, rows->rows + start, Min(LEDGER_CHUNK_ROWS, rows->n - start));
}
