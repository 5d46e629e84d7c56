/*
 * program_refund_sale.c
 *	  What remains of sales, and taking it back.
 *
 * A refund takes of every entry of its sale the same share of what remains of
 * it, whichever rule has made it; nothing is calculated anew, so moves, ranks
 * and plans that have changed since play no part.
 *
 * Of the whole order, it takes that part of the entries that it is of what
 * remains of the order's amount.  Of a line, it takes that part of the line's
 * own entries that it is of what remains of the line, and of the entries of
 * the whole order what it is of what remains of the order.  Whatever comes
 * last and leaves nothing of the order takes everything that is left.
 *
 * Each group's share is rounded once, half up, and divided by largest
 * remainder.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "apportion.h"
#include "money.h"
#include "plan.h"
#include "program_clawback.h"
#include "program_member.h"
#include "program_refund.h"
#include "program_total.h"

/* Entries of any line. */
#define ANY_LINE (-1)

typedef struct TakenLine
{
	const int64 *refund_id;
	int			line;
	Numeric		amount;
} TakenLine;

typedef struct Taken
{
	const int64 *refund_id;
	int64		sale_id;
	Numeric		amount;
} Taken;

struct RefundTaking
{
	Program    *program;
	List	   *postings;		/* of Taken */
	List	   *lines;			/* of TakenLine */
	LedgerRows *ledger;
	AccountSet	accounts;		/* from which something is taken */
	bool		parked;			/* the refunds waited for their sales, which are posted now */
	int			plan_version;	/* whose plan is at hand; 0: none */
	CommissionPlan *plan;
	MemoryContext scratch;		/* empty between refunds */
};

/* Loading */

static Datum
sale_ids_array(RefundedSale **sales, int n)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(sales[i]->sale_id);
	return program_array(INT8OID, ids, NULL, n);
}

static void
load_postings(Program *program, RefundedSale **sales, Datum ids)
{
	Oid			types[] = {INT8ARRAYOID};
	uint64		found = program_query_now(program,
										  "SELECT k.place, sum(p.amount)"
										  "  FROM unnest($1) WITH ORDINALITY AS k(sale_id, place)"
										  "  JOIN @refund_posting p ON p.sale_id = k.sale_id"
										  " GROUP BY k.place",
										  1, types, &ids, NULL, 0);

	for (uint64 i = 0; i < found; i++)
	{
		RefundedSale *sale = sales[DatumGetInt64(program_get(i, 1, INT8OID)) - 1];

		sale->any = true;
		sale->remains = money_subtract(sale->amount, DatumGetNumeric(program_get(i, 2, NUMERICOID)));
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * What has been taken of lines or entries, by sale and number.  It is read on
 * its own, and laid beside them here: asked of each of them, it would be as
 * many look-ups as they are, times the refunds so far.
 */
typedef struct Numbered
{
	int64		place;			/* of the sale, from 1 */
	int64		number;
	Numeric		taken;
} Numbered;

static Numbered *
load_taken(Program *program, const char *query, Datum ids, uint64 *n)
{
	Oid			types[] = {INT8ARRAYOID};
	Numbered   *taken;

	*n = program_query_now(program, query, 1, types, &ids, NULL, 0);
	taken = palloc_extended(sizeof(Numbered) * Max(*n, 1), MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < *n; i++)
	{
		taken[i].place = DatumGetInt64(program_get(i, 1, INT8OID));
		taken[i].number = DatumGetInt64(program_get(i, 2, INT8OID));
		taken[i].taken = DatumGetNumericCopy(program_get(i, 3, NUMERICOID));
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	return taken;
}

/* What has been taken of this one, if it is the next; both come in order. */
static Numeric
next_taken(const Numbered *taken, uint64 n, uint64 *next, int64 place, int64 number)
{
	if (*next < n && taken[*next].place == place && taken[*next].number == number)
		return taken[(*next)++].taken;
	return NULL;
}

static void
load_lines(Program *program, RefundedSale **sales, Datum ids)
{
	uint64		ntaken;
	uint64		next = 0;
	Numbered   *taken = load_taken(program,
								   "SELECT k.place, t.line::int8, sum(t.amount)"
								   "  FROM unnest($1) WITH ORDINALITY AS k(sale_id, place)"
								   "  JOIN @refund_posting p ON p.sale_id = k.sale_id"
								   "  JOIN @refund_line t ON t.refund_id = p.refund_id"
								   " GROUP BY k.place, t.line ORDER BY k.place, t.line",
								   ids, &ntaken);
	Oid			types[] = {INT8ARRAYOID};
	uint64		found = program_query_now(program,
										  "SELECT k.place, l.line, l.line_key, l.amount"
										  "  FROM unnest($1) WITH ORDINALITY AS k(sale_id, place)"
										  "  JOIN @sale_line l ON l.sale_id = k.sale_id"
										  " ORDER BY k.place, l.line",
										  1, types, &ids, NULL, 0);
	RefundedLine *lines = palloc_extended(sizeof(RefundedLine) * Max(found, 1), MCXT_ALLOC_HUGE);

	for (uint64 i = 0; i < found; i++)
	{
		int64		place = DatumGetInt64(program_get(i, 1, INT8OID));
		RefundedSale *sale = sales[place - 1];
		bool		isnull;
		Datum		key = program_column(i, 3, TEXTOID, &isnull);
		Numeric		less;

		if (sale->nlines++ == 0)
			sale->lines = &lines[i];
		lines[i].line = DatumGetInt32(program_get(i, 2, INT4OID));
		lines[i].key = isnull ? NULL : TextDatumGetCString(key);
		lines[i].remains = DatumGetNumericCopy(program_get(i, 4, NUMERICOID));
		less = next_taken(taken, ntaken, &next, place, lines[i].line);
		if (less != NULL)
			lines[i].remains = money_subtract(lines[i].remains, less);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
read_entry(LedgerEntry *entry, uint64 at)
{
	bool		unreleased;
	Datum		available_at = program_column(at, 9, TIMESTAMPTZOID, &unreleased);

	entry->entry_id = DatumGetInt64(program_get(at, 2, INT8OID));
	entry->member_id = DatumGetInt64(program_get(at, 3, INT8OID));
	entry->basis = DatumGetInt64(program_get(at, 4, INT8OID));
	entry->level = DatumGetInt32(program_get(at, 5, INT4OID));
	entry->line = DatumGetInt32(program_get(at, 6, INT4OID));
	entry->rule = TextDatumGetCString(program_get(at, 7, TEXTOID));
	entry->available_at = unreleased ? LEDGER_UNRELEASED : DatumGetTimestampTz(available_at);
	entry->remains = DatumGetNumericCopy(program_get(at, 8, NUMERICOID));
}

static void
load_entries(Program *program, RefundedSale **sales, Datum ids)
{
	uint64		ntaken;
	uint64		next = 0;
	Numbered   *taken = load_taken(program,
								   "SELECT k.place, t.reverses, sum(t.amount)"
								   "  FROM unnest($1) WITH ORDINALITY AS k(sale_id, place)"
								   "  JOIN @refund_posting p ON p.sale_id = k.sale_id"
								   "  JOIN @ledger t ON t.source_id = p.refund_id AND t.source = 'refund'"
								   " GROUP BY k.place, t.reverses ORDER BY k.place, t.reverses",
								   ids, &ntaken);
	Oid			types[] = {INT8ARRAYOID};
	uint64		found = program_query_now(program,
										  "SELECT k.place, l.entry_id, l.member_id, l.basis, l.level, l.line, l.rule, l.amount, l.available_at"
										  "  FROM unnest($1) WITH ORDINALITY AS k(sale_id, place)"
										  "  JOIN @ledger l ON l.source_id = k.sale_id AND l.source = 'sale'"
										  " ORDER BY k.place, l.entry_id",
										  1, types, &ids, NULL, 0);
	LedgerEntry *entries = palloc_extended(sizeof(LedgerEntry) * Max(found, 1), MCXT_ALLOC_HUGE);

	for (uint64 i = 0; i < found; i++)
	{
		int64		place = DatumGetInt64(program_get(i, 1, INT8OID));
		RefundedSale *sale = sales[place - 1];
		LedgerEntry *entry = &entries[i];
		Numeric		less;

		if (sale->nentries++ == 0)
			sale->entries = entry;
		read_entry(entry, i);
		less = next_taken(taken, ntaken, &next, place, entry->entry_id);
		if (less != NULL)
			entry->remains = money_add(entry->remains, less);
		if (!money_is_finite(entry->remains) || money_sign(entry->remains) < 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("more has been taken back of entry %lld than it holds", (long long) entry->entry_id),
					 member_errfields(program, "ledger", "ledger_pkey")));
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	if (next != ntaken)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("entry %lld has been taken back by a refund of another sale", (long long) taken[next].number),
				 member_errfields(program, "ledger", "ledger_pkey")));
}

/*
 * Lock the sales of these orders, in the order of their ids, and then see what
 * remains of them: as it is now, also in an old snapshot.  Two refunds of one
 * order follow each other here.  An order that has no sale gives NULL.
 */
RefundedSale **
refund_lock_sales(Program *program, const Datum *order_keys, int n)
{
	RefundedSale **by_place = palloc0(sizeof(RefundedSale *) * Max(n, 1));
	RefundedSale **sales = palloc(sizeof(RefundedSale *) * Max(n, 1));
	int			nsales = 0;
	Oid			types[] = {TEXTARRAYOID};
	Datum		array = program_array(TEXTOID, order_keys, NULL, n);
	uint64		found = program_query_now(program,
										  "SELECT k.place, s.sale_id, s.amount, s.currency, s.plan_version"
										  "  FROM unnest($1) WITH ORDINALITY AS k(key, place)"
										  "  JOIN @sale s ON s.order_key = k.key"
										  " ORDER BY s.sale_id FOR UPDATE OF s",
										  1, types, &array, NULL, 0);

	for (uint64 i = 0; i < found; i++)
	{
		int64		sale_id = DatumGetInt64(program_get(i, 2, INT8OID));

		if (nsales == 0 || sales[nsales - 1]->sale_id != sale_id)
		{
			RefundedSale *sale = sales[nsales++] = palloc0(sizeof(RefundedSale));

			sale->sale_id = sale_id;
			sale->amount = sale->remains = DatumGetNumericCopy(program_get(i, 3, NUMERICOID));
			sale->currency = TextDatumGetCString(program_get(i, 4, TEXTOID));
			sale->plan_version = DatumGetInt32(program_get(i, 5, INT4OID));
		}
		by_place[DatumGetInt64(program_get(i, 1, INT8OID)) - 1] = sales[nsales - 1];
	}
	SPI_freetuptable(SPI_tuptable);
	if (nsales > 0)
	{
		Datum		ids = sale_ids_array(sales, nsales);

		ledger_check_not_archived(program, ids);
		load_postings(program, sales, ids);
		load_lines(program, sales, ids);
		load_entries(program, sales, ids);
	}
	return by_place;
}

/* Does the refund fit its sale? */

/* Of a line that has no key, the number is one; lines are numbered from 1. */
static RefundedLine *
line_named(RefundedSale *sale, const char *key)
{
	int			number = strspn(key, "0123456789") == strlen(key) && strlen(key) < 10 ? atoi(key) : 0;

	for (int i = 0; i < sale->nlines; i++)
		if (sale->lines[i].key != NULL && strcmp(sale->lines[i].key, key) == 0)
			return &sale->lines[i];
	if (key[0] != '0' && number >= 1 && number <= sale->nlines &&
		sale->lines[number - 1].key == NULL && sale->lines[number - 1].line == number)
		return &sale->lines[number - 1];
	return NULL;
}

static Numeric
smaller(Numeric a, Numeric b)
{
	return money_compare(a, b) < 0 ? a : b;
}

static void
no_line(Program *program, const RefundRow *row, int elevel)
{
	ereport(elevel,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("order \"%s\" has no line \"%s\"", text_to_cstring(row->order_key), text_to_cstring(row->line_key)),
			 errdetail("Refund \"%s\" is of that line.", text_to_cstring(row->refund_key)),
			 errhint("Name a line that the order was posted with, or refund the order by amount."),
			 member_errfields(program, "refund", "refund_line_key_fkey")));
}

static void
too_much(Program *program, const RefundedSale *sale, const RefundRow *row, Numeric limit, int elevel)
{
	const char *what = row->line_key == NULL ? "order" : "line";
	const char *key = text_to_cstring(row->line_key == NULL ? row->order_key : row->line_key);

	if (money_sign(limit) == 0)
		ereport(elevel,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("nothing remains of %s \"%s\" to be refunded", what, key),
				 errdetail("Of order \"%s\" over %s %s, %s have been refunded.", text_to_cstring(row->order_key),
						   money_to_string(sale->amount), sale->currency,
						   money_to_string(money_subtract(sale->amount, sale->remains))),
				 errhint("A refund that is told again must have the key that it had."),
				 member_errfields(program, "refund_posting", "refund_posting_remainder_check")));
	else
		ereport(elevel,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("refund \"%s\" is more than what remains of %s \"%s\"",
						text_to_cstring(row->refund_key), what, key),
				 errdetail("It is %s, and %s %s remain.", money_to_string(row->amount),
						   money_to_string(limit), sale->currency),
				 errhint("Refund at most what remains; without an amount that is taken."),
				 member_errfields(program, "refund_posting", "refund_posting_remainder_check")));
}

/* Taking back */

static int
sale_scale(RefundTaking *taking, const RefundedSale *sale)
{
	if (taking->plan == NULL || taking->plan_version != sale->plan_version)
	{
		taking->plan = program_plan(taking->program, sale->plan_version);
		taking->plan_version = sale->plan_version;
	}
	return plan_currency_scale(taking->plan, sale->currency);
}

/*
 * Of the entries of a line, the part that part is of of.  A batch may be of
 * thousands of refunds of one order with thousands of entries, so nothing
 * stays behind but what remains and what is going to be written.
 */
static void
take_entries(RefundTaking *taking, RefundedSale *sale, const RefundRow *row, int line, Numeric part, Numeric of)
{
	int			scale = sale_scale(taking, sale);
	MemoryContext caller = MemoryContextSwitchTo(taking->scratch);
	LedgerEntry **entries = palloc_extended(sizeof(LedgerEntry *) * (Size) Max(sale->nentries, 1), MCXT_ALLOC_HUGE);
	Numeric    *remainders = palloc_extended(sizeof(Numeric) * (Size) Max(sale->nentries, 1), MCXT_ALLOC_HUGE);
	Numeric    *parts = palloc_extended(sizeof(Numeric) * (Size) Max(sale->nentries, 1), MCXT_ALLOC_HUGE);
	int			n = 0;

	for (int i = 0; i < sale->nentries; i++)
	{
		if (line != ANY_LINE && sale->entries[i].line != line)
			continue;
		entries[n] = &sale->entries[i];
		remainders[n++] = sale->entries[i].remains;
	}
	(void) apportion_take(part, of, remainders, n, scale, parts);
	MemoryContextSwitchTo(caller);
	for (int i = 0; i < n; i++)
	{
		Numeric		before = entries[i]->remains;

		CHECK_FOR_INTERRUPTS();
		if (money_sign(parts[i]) == 0)
			continue;
		account_add(&taking->accounts, entries[i]->member_id, sale->currency);
		ledger_take_back(taking->ledger, &row->refund_id, sale->currency, entries[i], parts[i]);
		entries[i]->remains = money_subtract(before, parts[i]);
		pfree(before);			/* which may be the part */
	}
	MemoryContextReset(taking->scratch);
}

static void
take_line(RefundTaking *taking, const RefundRow *row, RefundedLine *line, Numeric amount)
{
	TakenLine  *taken = palloc(sizeof(TakenLine));

	if (money_sign(amount) == 0)
		return;
	taken->refund_id = &row->refund_id;
	taken->line = line->line;
	taken->amount = DatumGetNumericCopy(NumericGetDatum(amount));
	taking->lines = lappend(taking->lines, taken);
	line->remains = money_subtract(line->remains, amount);
}

/*
 * A refund of the whole order is one of its lines as well, and of what the
 * order has beside them (shipping).
 */
static void
divide_over_lines(RefundTaking *taking, RefundedSale *sale, const RefundRow *row, Numeric amount)
{
	int			scale = sale_scale(taking, sale);
	MemoryContext caller = MemoryContextSwitchTo(taking->scratch);
	Numeric    *remainders = palloc(sizeof(Numeric) * (sale->nlines + 1));
	Numeric    *parts = palloc(sizeof(Numeric) * (sale->nlines + 1));
	Numeric		rest = sale->remains;

	for (int i = 0; i < sale->nlines; i++)
	{
		remainders[i] = sale->lines[i].remains;
		rest = money_subtract(rest, remainders[i]);
	}
	remainders[sale->nlines] = money_sign(rest) > 0 ? rest : money_from_int(0);
	apportion(amount, remainders, sale->nlines + 1, scale, parts);
	MemoryContextSwitchTo(caller);
	for (int i = 0; i < sale->nlines; i++)
		take_line(taking, row, &sale->lines[i], parts[i]);
	MemoryContextReset(taking->scratch);
}

RefundTaking *
refund_taking(Program *program, bool parked)
{
	RefundTaking *taking = palloc0(sizeof(RefundTaking));

	taking->program = program;
	taking->parked = parked;
	taking->ledger = ledger_rows(LEDGER_REFUND);
	taking->scratch = AllocSetContextCreate(CurrentMemoryContext, "distributor refund", ALLOCSET_DEFAULT_SIZES);
	return taking;
}

/*
 * Take a refund back of its sale, to be written by refund_write; the row must
 * last until then.  One that does not fit is an error, or a warning by elevel,
 * and then false is returned.
 */
bool
refund_take(RefundTaking *taking, RefundedSale *sale, RefundRow *row, int elevel)
{
	RefundedLine *line = row->line_key == NULL ? NULL : line_named(sale, text_to_cstring(row->line_key));
	Taken	   *taken;
	Numeric		limit;
	Numeric		amount;

	if (row->line_key != NULL && line == NULL)
	{
		no_line(taking->program, row, elevel);
		return false;
	}
	limit = line == NULL ? sale->remains : smaller(line->remains, sale->remains);
	amount = row->amount == NULL ? limit : row->amount;
	/* an order over nothing may have paid as well, and is taken back once */
	if (money_compare(amount, limit) > 0 ||
		(money_sign(amount) == 0 && (sale->any || line != NULL)))
	{
		too_much(taking->program, sale, row, limit, elevel);
		return false;
	}

	if (line == NULL || money_compare(amount, sale->remains) == 0)
		take_entries(taking, sale, row, ANY_LINE, amount, sale->remains);
	else
	{
		take_entries(taking, sale, row, line->line, amount, limit);
		take_entries(taking, sale, row, 0, amount, sale->remains);
	}
	if (line != NULL)
		take_line(taking, row, line, amount);
	else if (sale->nlines > 0)
		divide_over_lines(taking, sale, row, amount);
	sale->remains = money_subtract(sale->remains, amount);
	sale->any = true;

	taken = palloc(sizeof(Taken));
	taken->refund_id = &row->refund_id;
	taken->sale_id = sale->sale_id;
	taken->amount = amount;
	taking->postings = lappend(taking->postings, taken);
	row->met = true;
	return true;
}

/* Writing */

static void
write_postings(RefundTaking *taking)
{
	int			n = list_length(taking->postings);
	Datum	   *columns[3];
	Oid			types[] = {INT8ARRAYOID, INT8ARRAYOID, InvalidOid};
	Datum		values[3];
	int			at = 0;
	ListCell   *cell;

	for (int c = 0; c < 3; c++)
		columns[c] = palloc(sizeof(Datum) * n);
	foreach(cell, taking->postings)
	{
		Taken	   *taken = lfirst(cell);

		columns[0][at] = Int64GetDatum(*taken->refund_id);
		columns[1][at] = Int64GetDatum(taken->sale_id);
		columns[2][at++] = NumericGetDatum(taken->amount);
	}
	types[2] = get_array_type(NUMERICOID);
	values[0] = program_array(INT8OID, columns[0], NULL, n);
	values[1] = program_array(INT8OID, columns[1], NULL, n);
	values[2] = program_array(NUMERICOID, columns[2], NULL, n);
	program_query(taking->program,
				  "INSERT INTO @refund_posting (refund_id, sale_id, amount)"
				  " SELECT n.refund_id, n.sale_id, n.amount FROM unnest($1, $2, $3) AS n(refund_id, sale_id, amount)",
				  3, types, values, NULL, 0);
}

static void
write_lines(RefundTaking *taking)
{
	int			n = list_length(taking->lines);
	Datum	   *columns[3];
	Oid			types[] = {INT8ARRAYOID, INT4ARRAYOID, InvalidOid};
	Datum		values[3];
	int			at = 0;
	ListCell   *cell;

	for (int c = 0; c < 3; c++)
		columns[c] = palloc_extended(sizeof(Datum) * (Size) n, MCXT_ALLOC_HUGE);
	foreach(cell, taking->lines)
	{
		TakenLine  *taken = lfirst(cell);

		columns[0][at] = Int64GetDatum(*taken->refund_id);
		columns[1][at] = Int32GetDatum(taken->line);
		columns[2][at++] = NumericGetDatum(taken->amount);
	}
	types[2] = get_array_type(NUMERICOID);
	values[0] = program_array(INT8OID, columns[0], NULL, n);
	values[1] = program_array(INT4OID, columns[1], NULL, n);
	values[2] = program_array(NUMERICOID, columns[2], NULL, n);
	program_query(taking->program,
				  "INSERT INTO @refund_line (refund_id, line, amount)"
				  " SELECT n.refund_id, n.line, n.amount FROM unnest($1, $2, $3) AS n(refund_id, line, amount)",
				  3, types, values, NULL, 0);
}

static void
tell_totals(RefundTaking *taking)
{
	TotalRefund *refunds = palloc(sizeof(TotalRefund) * Max(list_length(taking->postings), 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, taking->postings)
	{
		Taken	   *taken = lfirst(cell);

		refunds[n].sale_id = taken->sale_id;
		refunds[n++].amount = taken->amount;
	}
	totals_of_refunds(taking->program, refunds, n);
}

/* Ids of the refunds that have met their sale. */
static Datum
posted_ids(const RefundTaking *taking)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(list_length(taking->postings), 1));
	int			n = 0;
	ListCell   *cell;

	foreach(cell, taking->postings)
		ids[n++] = Int64GetDatum(*((Taken *) lfirst(cell))->refund_id);
	return program_array(INT8OID, ids, NULL, n);
}

/*
 * What comes with its sale takes no more than the sale has just brought, so it
 * is not held against clawback's rule: nobody's order is refused for it.
 */
void
refund_write(RefundTaking *taking)
{
	account_lock(taking->program, &taking->accounts);
	if (taking->postings != NIL)
		write_postings(taking);
	if (taking->lines != NIL)
		write_lines(taking);
	ledger_insert(taking->program, taking->ledger);
	tell_totals(taking);
	if (!taking->parked && taking->program->terms.clawback == CLAWBACK_BLOCK)
		clawback_check(taking->program, &taking->accounts, posted_ids(taking));
}
