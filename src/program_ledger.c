/*
 * program_ledger.c
 *	  Entering rows into the ledger.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "money.h"
#include "program_ledger.h"
#include "program_notice.h"

typedef struct LedgerRow
{
	const int64 *source_id;		/* known only when the row is entered */
	int64		reverses;		/* entry_id; 0: none */
	TimestampTz available_at;	/* or LEDGER_UNRELEASED */
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
	LedgerSource source;
	int			n;
	int			room;
	LedgerRow  *rows;
};

static const char *const source_names[] = {
	"sale", "refund", "adjustment", "payout", "payout_failure"
};

/* Entered by one statement. */
#define LEDGER_CHUNK_ROWS	50000

LedgerRows *
ledger_rows(LedgerSource source)
{
	LedgerRows *rows = palloc0(sizeof(LedgerRows));

	rows->source = source;
	return rows;
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
ledger_add(LedgerRows *rows, const int64 *sale_id, const char *currency,
		   TimestampTz available_at, const EngineLine *line)
{
	LedgerRow  *row = next_row(rows);

	row->source_id = sale_id;
	row->reverses = 0;
	row->available_at = available_at;
	row->currency = currency;
	row->rule = line->rule->name;
	row->member_id = line->member_id;
	row->amount = line->amount;
	row->level = line->level;
	row->line = line->line;
	row->basis = line->basis;
}

/*
 * Take a part of an entry back, by a row that names it.  It lowers what is
 * pending or available as the entry itself counts there.
 */
void
ledger_take_back(LedgerRows *rows, const int64 *refund_id, const char *currency,
				 const LedgerEntry *entry, Numeric part)
{
	LedgerRow  *row = next_row(rows);

	row->source_id = refund_id;
	row->reverses = entry->entry_id;
	row->available_at = Max(entry->available_at, GetCurrentTransactionStartTimestamp());
	row->currency = currency;
	row->rule = entry->rule;
	row->member_id = entry->member_id;
	row->amount = money_subtract(money_from_int(0), part);
	row->level = entry->level;
	row->line = entry->line;
	row->basis = entry->basis;
}

/* Money that comes or goes otherwise than by an order: at once. */
void
ledger_move(LedgerRows *rows, const int64 *source_id, int64 member_id, const char *rule,
			Numeric amount, const char *currency, int64 reverses)
{
	LedgerRow  *row = next_row(rows);

	row->source_id = source_id;
	row->reverses = reverses;
	row->available_at = GetCurrentTransactionStartTimestamp();
	row->currency = currency;
	row->rule = rule;
	row->member_id = member_id;
	row->amount = amount;
	row->level = 0;
	row->line = 0;
	row->basis = 0;
}

/* The same text is not made anew for each row: many rows have the same rule. */
static Datum
text_of(const char *string, const char **last, Datum *last_text)
{
	if (*last == NULL || (*last != string && strcmp(*last, string) != 0))
	{
		*last = string;
		*last_text = CStringGetTextDatum(string);
	}
	return *last_text;
}

static void
insert_chunk(Program *program, LedgerSource source, const LedgerRow *rows, int n)
{
	enum
	{
		SOURCE_ID, MEMBER, BASIS, REVERSES, POSTED, AVAILABLE, LINE, LEVEL, SOURCE, RULE, AMOUNT, CURRENCY, NCOLUMNS
	};
	static const TableColumn names[NCOLUMNS] = {
		{"source_id", INT8OID}, {"member_id", INT8OID}, {"basis", INT8OID}, {"reverses", INT8OID},
		{"posted_at", TIMESTAMPTZOID}, {"available_at", TIMESTAMPTZOID}, {"line", INT4OID}, {"level", INT4OID},
		{"source", TEXTOID}, {"rule", TEXTOID}, {"amount", NUMERICOID}, {"currency", TEXTOID}
	};
	Datum	   *columns[NCOLUMNS];
	bool	   *nulls[NCOLUMNS] = {0};
	TableRows	entries = {NCOLUMNS, names, n, columns, nulls};
	Datum	   *values = palloc_extended(sizeof(Datum) * n * NCOLUMNS, MCXT_ALLOC_HUGE);
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	Datum		source_text = CStringGetTextDatum(source_names[source]);
	const char *rule = NULL;
	const char *currency = NULL;
	Datum		rule_text = (Datum) 0;
	Datum		currency_text = (Datum) 0;

	for (int c = 0; c < NCOLUMNS; c++)
		columns[c] = values + (Size) c * n;
	nulls[REVERSES] = palloc(n);
	nulls[AVAILABLE] = palloc(n);
	for (int i = 0; i < n; i++)
	{
		columns[SOURCE_ID][i] = Int64GetDatum(*rows[i].source_id);
		columns[MEMBER][i] = Int64GetDatum(rows[i].member_id);
		columns[BASIS][i] = Int64GetDatum(rows[i].basis);
		columns[REVERSES][i] = Int64GetDatum(rows[i].reverses);
		nulls[REVERSES][i] = rows[i].reverses == 0;
		columns[POSTED][i] = TimestampTzGetDatum(now);
		columns[AVAILABLE][i] = TimestampTzGetDatum(rows[i].available_at);
		nulls[AVAILABLE][i] = rows[i].available_at == LEDGER_UNRELEASED;
		columns[LINE][i] = Int32GetDatum(rows[i].line);
		columns[LEVEL][i] = Int32GetDatum(rows[i].level);
		columns[SOURCE][i] = source_text;
		columns[RULE][i] = text_of(rows[i].rule, &rule, &rule_text);
		columns[AMOUNT][i] = NumericGetDatum(rows[i].amount);
		columns[CURRENCY][i] = text_of(rows[i].currency, &currency, &currency_text);
	}
	program_insert(program, PROGRAM_LEDGER, &entries);
	pfree(values);
	pfree(nulls[REVERSES]);
	pfree(nulls[AVAILABLE]);
}

static void
tell_changes(Program *program, const LedgerRows *rows)
{
	for (int i = 0; i < rows->n; i++)
		notice_add(program, rows->rows[i].member_id, rows->rows[i].currency, rows->rows[i].amount);
	notice_name_members(program);
}

void
ledger_insert(Program *program, LedgerRows *rows)
{
	for (int start = 0; start < rows->n; start += LEDGER_CHUNK_ROWS)
		insert_chunk(program, rows->source, rows->rows + start, Min(LEDGER_CHUNK_ROWS, rows->n - start));
	if (program->terms.notices && rows->n > 0)
		tell_changes(program, rows);
}
