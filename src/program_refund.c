/*
 * program_refund.c
 *	  The door of refunds: each is recorded once, by its key, and then meets
 *	  its sale, if there is one.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "money.h"
#include "program_member.h"
#include "program_refund.h"
#include "program_total.h"

/* Longest key of a refund that somebody gives. */
#define REFUND_MAX_KEY	1024

/* Ours are made of the key of an order and an amount. */
#define REFUND_MAX_OWN_KEY	2048

typedef struct Recording
{
	Program    *program;
	RefundBatch *batch;
	RefundRow **rows;			/* ordered by key, so that two batches cannot deadlock */
} Recording;

static void
check_key(const text *key, const char *what, Size limit)
{
	if (key == NULL || VARSIZE_ANY_EXHDR(key) == 0)
		ereport(ERROR,
				(errcode(key == NULL ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the %s must not be %s", what, key == NULL ? "null" : "empty")));
	if (VARSIZE_ANY_EXHDR(key) > limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the %s has %zu bytes", what, (Size) VARSIZE_ANY_EXHDR(key)),
				 errhint("At most %zu are allowed.", limit)));
}

static void
check_values(const RefundBatch *batch, RefundRow *row)
{
	check_key(row->refund_key, "key of a refund", batch->order_source_id != 0 ? REFUND_MAX_OWN_KEY : REFUND_MAX_KEY);
	check_key(row->order_key, "order key of a refund", REFUND_MAX_KEY);
	if (row->line_key != NULL)
		check_key(row->line_key, "line key of a refund", REFUND_MAX_KEY);
	if (row->amount != NULL && !money_is_finite(row->amount))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the amount of a refund must be finite, not %s", money_to_string(row->amount))));
	if (row->amount != NULL && money_sign(row->amount) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the amount of a refund must be over zero"),
				 errdetail("The amount of refund \"%s\" is %s.", text_to_cstring(row->refund_key),
						   money_to_string(row->amount)),
				 errhint("Say how much is given back; NULL is all that remains.")));
	if (row->amount != NULL && money_scale(row->amount) > MONEY_MAX_SCALE)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the amount of a refund has more than %d decimals", MONEY_MAX_SCALE)));
	if (batch->timed && !row->has_occurred_at)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the time of a refund must not be null")));
	if (!row->has_occurred_at)
		row->occurred_at = GetCurrentTransactionStartTimestamp();
	if (TIMESTAMP_NOT_FINITE(row->occurred_at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the time of a refund must be finite")));
}

static int
compare_keys(const text *a, const text *b)
{
	int			na = VARSIZE_ANY_EXHDR(a);
	int			nb = VARSIZE_ANY_EXHDR(b);
	int			order = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(na, nb));

	return order != 0 ? order : (na > nb) - (na < nb);
}

static int
by_key(const void *a, const void *b)
{
	const RefundRow *x = *(RefundRow *const *) a;
	const RefundRow *y = *(RefundRow *const *) b;
	int			order = compare_keys(x->refund_key, y->refund_key);

	return order != 0 ? order : (x > y) - (x < y);
}

static Datum
text_value(const text *value, bool *isnull)
{
	*isnull = value == NULL;
	return PointerGetDatum(value);
}

/* Rows come back in the order in which they were handed in, as sales do. */
static void
mark_recorded(Recording *recording, uint64 inserted)
{
	int			next = 0;

	for (uint64 i = 0; i < inserted; i++)
	{
		int64		refund_id = DatumGetInt64(program_get(i, 1, INT8OID));

		while (next < recording->batch->n && recording->rows[next]->refund_id != refund_id)
			next++;
		if (next == recording->batch->n)
			elog(ERROR, "refund " INT64_FORMAT " is none of those inserted", refund_id);
		recording->rows[next]->recorded = true;
	}
}

static void
insert_refunds(Recording *recording)
{
	enum
	{
		REFUND, OCCURRED, KEY, ORDER_KEY, LINE_KEY, AMOUNT, NARRAYS
	};
	static const Oid elements[NARRAYS] = {INT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, NUMERICOID};
	Program    *program = recording->program;
	RefundBatch *batch = recording->batch;
	Oid			sequence = get_relname_relid("refund_id_seq", get_rel_namespace(program->tables[PROGRAM_REFUND]));
	Oid			types[NARRAYS + 3];
	Datum		values[NARRAYS + 3];
	char		nulls[NARRAYS + 3];
	Datum	   *columns[NARRAYS];
	bool	   *isnull[NARRAYS];

	for (int c = 0; c < NARRAYS; c++)
	{
		columns[c] = palloc0(sizeof(Datum) * batch->n);
		isnull[c] = palloc0(sizeof(bool) * batch->n);
	}
	for (int i = 0; i < batch->n; i++)
	{
		RefundRow  *row = recording->rows[i];

		row->refund_id = nextval_internal(sequence, false);
		columns[REFUND][i] = Int64GetDatum(row->refund_id);
		columns[OCCURRED][i] = TimestampTzGetDatum(row->occurred_at);
		columns[KEY][i] = PointerGetDatum(row->refund_key);
		columns[ORDER_KEY][i] = PointerGetDatum(row->order_key);
		columns[LINE_KEY][i] = text_value(row->line_key, &isnull[LINE_KEY][i]);
		columns[AMOUNT][i] = NumericGetDatum(row->amount);
		isnull[AMOUNT][i] = row->amount == NULL;
	}
	memset(nulls, ' ', sizeof(nulls));
	for (int c = 0; c < NARRAYS; c++)
	{
		types[c] = get_array_type(elements[c]);
		values[c] = program_array(elements[c], columns[c], isnull[c], batch->n);
	}
	types[NARRAYS] = types[NARRAYS + 1] = INT4OID;
	values[NARRAYS] = Int32GetDatum(batch->order_source_id);
	nulls[NARRAYS] = batch->order_source_id == 0 ? 'n' : ' ';
	values[NARRAYS + 1] = Int32GetDatum(batch->refund_source_id);
	nulls[NARRAYS + 1] = batch->refund_source_id == 0 ? 'n' : ' ';
	types[NARRAYS + 2] = TEXTOID;
	values[NARRAYS + 2] = batch->author == NULL ? (Datum) 0 : CStringGetTextDatum(batch->author);
	nulls[NARRAYS + 2] = batch->author == NULL ? 'n' : ' ';
	mark_recorded(recording,
				  program_query(program,
								"INSERT INTO @refund (refund_id, occurred_at, refund_key, order_key, line_key, amount,"
								"                     order_source_id, refund_source_id, author)"
								" SELECT n.*, $7, $8, $9 FROM unnest($1, $2, $3, $4, $5, $6) AS n"
								" ON CONFLICT (refund_key) DO NOTHING"
								" RETURNING refund_id",
								NARRAYS + 3, types, values, nulls, 0));
	SPI_freetuptable(SPI_tuptable);
}

/* What was recorded before must be the same now. */

static void
content_error(Recording *recording, const RefundRow *row, const char *what, const char *before, const char *after)
{
	if (recording->batch->refund_source_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("refund \"%s\" has been recorded with another %s", text_to_cstring(row->refund_key), what),
				 errdetail("It was recorded with %s, not %s.", before, after),
				 errhint("Retry with the same content, or use another key for another refund."),
				 member_errfields(recording->program, "refund", "refund_refund_key_key")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("refund \"%s\" has been recorded: its %s cannot be changed", text_to_cstring(row->refund_key), what),
			 errdetail("It was recorded with %s, not %s.", before, after),
			 errhint("Take the change back; what is refunded beyond it is another refund."),
			 member_errfields(recording->program, "refund", "refund_refund_key_key")));
}

static const char *
text_or_none(const text *value)
{
	return value == NULL ? "none" : text_to_cstring(value);
}

static const char *
amount_or_all(Numeric amount)
{
	return amount == NULL ? "all that remains" : money_to_string(amount);
}

static const text *
text_at(uint64 at, int column)
{
	bool		isnull;
	Datum		value = program_column(at, column, TEXTOID, &isnull);

	return isnull ? NULL : DatumGetTextPP(value);
}

static void
check_same_content(Recording *recording, const RefundRow *row, uint64 at)
{
	const text *order_key = text_at(at, 4);
	const text *line_key = text_at(at, 5);
	bool		isnull;
	Datum		value = program_column(at, 6, NUMERICOID, &isnull);
	Numeric		amount = isnull ? NULL : DatumGetNumeric(value);
	TimestampTz occurred_at = DatumGetTimestampTz(program_get(at, 7, TIMESTAMPTZOID));

	if (DatumGetBool(program_get(at, 8, BOOLOID)))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("refund \"%s\" has been recorded from another table", text_to_cstring(row->refund_key)),
				 errdetail("The keys of all refunds of a program must differ."),
				 errhint("Attach the key of one of the tables as a generated column with a prefix; or detach the other table, if this one takes its place."),
				 member_errfields(recording->program, "refund", "refund_refund_key_key")));
	if (compare_keys(order_key, row->order_key) != 0)
		content_error(recording, row, "order", text_or_none(order_key), text_or_none(row->order_key));
	if ((line_key == NULL) != (row->line_key == NULL) ||
		(line_key != NULL && compare_keys(line_key, row->line_key) != 0))
		content_error(recording, row, "line", text_or_none(line_key), text_or_none(row->line_key));
	if ((amount == NULL) != (row->amount == NULL) ||
		(amount != NULL && money_compare(amount, row->amount) != 0))
		content_error(recording, row, "amount", amount_or_all(amount), amount_or_all(row->amount));
	if (row->has_occurred_at && occurred_at != row->occurred_at)
		content_error(recording, row, "time", pstrdup(timestamptz_to_str(occurred_at)),
					  pstrdup(timestamptz_to_str(row->occurred_at)));
}

/*
 * Those that found their key taken: they are what has it.  The same key in
 * another attached table is another refund.  One that did not fit its order
 * stays in its table, where it can neither change nor go; who reads the table
 * once more is not to fail for it.  Who calls again is to be told.
 */
static void
find_recorded(Recording *recording)
{
	RefundBatch *batch = recording->batch;
	RefundRow **rows = palloc(sizeof(RefundRow *) * batch->n);
	Datum	   *keys = palloc(sizeof(Datum) * batch->n);
	int			n = 0;
	Oid			types[] = {TEXTARRAYOID, INT4OID};
	Datum		values[2];
	uint64		found;

	for (int i = 0; i < batch->n; i++)
	{
		if (recording->rows[i]->recorded)
			continue;
		rows[n] = recording->rows[i];
		keys[n++] = PointerGetDatum(recording->rows[i]->refund_key);
	}
	if (n == 0)
		return;
	values[0] = program_array(TEXTOID, keys, NULL, n);
	values[1] = Int32GetDatum(batch->refund_source_id);
	found = program_query_now(recording->program,
							  "SELECT k.place, r.refund_id,"
							  "       EXISTS (SELECT FROM @refund_posting p WHERE p.refund_id = r.refund_id),"
							  "       r.order_key, r.line_key, r.amount, r.occurred_at,"
							  "       $2 <> 0 AND EXISTS (SELECT FROM @refund_source o"
							  "                            WHERE o.refund_source_id = r.refund_source_id"
							  "                              AND o.refund_source_id <> $2 AND o.detached_at IS NULL"
							  "                              AND EXISTS (SELECT FROM pg_class c WHERE c.oid = o.relid))"
							  "  FROM unnest($1) WITH ORDINALITY AS k(key, place)"
							  "  JOIN @refund r ON r.refund_key = k.key",
							  2, types, values, NULL, 0);
	if (found != (uint64) n)
		elog(ERROR, "%d refunds were neither recorded nor found", n - (int) found);
	for (uint64 i = 0; i < found; i++)
	{
		RefundRow  *row = rows[DatumGetInt64(program_get(i, 1, INT8OID)) - 1];

		row->refund_id = DatumGetInt64(program_get(i, 2, INT8OID));
		row->met = DatumGetBool(program_get(i, 3, BOOLOID));
		row->waits = batch->refund_source_id != 0;
		check_same_content(recording, row, i);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Which of these have met their sale by now? */
static void
find_met(Program *program, RefundRow **rows, int n)
{
	Datum	   *ids = palloc(sizeof(Datum) * n);
	Oid			types[] = {INT8ARRAYOID};
	Datum		array;
	uint64		found;

	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(rows[i]->refund_id);
	array = program_array(INT8OID, ids, NULL, n);
	found = program_query_now(program,
							  "SELECT k.place FROM unnest($1) WITH ORDINALITY AS k(refund_id, place)"
							  "  JOIN @refund_posting p ON p.refund_id = k.refund_id",
							  1, types, &array, NULL, 0);
	for (uint64 i = 0; i < found; i++)
		rows[DatumGetInt64(program_get(i, 1, INT8OID)) - 1]->met = true;
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Let refunds meet their sales, in the order given; those whose order is not
 * there wait on.  parked: they waited for these sales, which are posted now, or
 * the orders are posted anew right away: what they take is judged with that.
 */
void
refunds_meet(Program *program, RefundRow **rows, int n, bool parked)
{
	Datum	   *keys = palloc(sizeof(Datum) * Max(n, 1));
	RefundTaking *taking = refund_taking(program, parked);
	RefundedSale **sales;

	for (int i = 0; i < n; i++)
		keys[i] = PointerGetDatum(rows[i]->order_key);
	sales = refund_lock_sales(program, keys, n);
	/* one that waited may have met its sale before we had the lock */
	find_met(program, rows, n);
	for (int i = 0; i < n; i++)
	{
		if (sales[i] != NULL && !rows[i]->met)
			(void) refund_take(taking, sales[i], rows[i], rows[i]->waits ? WARNING : ERROR);
		CHECK_FOR_INTERRUPTS();
	}
	refund_write(taking);
}

/* A key that is twice in the batch is one refund: the first of the rows counts. */
static int
unmet_rows(Recording *recording, RefundRow **unmet)
{
	RefundBatch *batch = recording->batch;
	int			n = 0;

	for (int i = 1; i < batch->n; i++)
		if (compare_keys(recording->rows[i - 1]->refund_key, recording->rows[i]->refund_key) == 0)
			recording->rows[i]->met = true;
	for (int i = 0; i < batch->n; i++)
		if (!batch->rows[i].met)
			unmet[n++] = &batch->rows[i];
	return n;
}

void
refunds_post(Program *program, void *arg)
{
	RefundBatch *batch = arg;
	Recording	recording = {.program = program,.batch = batch};
	RefundRow **unmet;
	text	  **keys;
	int			n = 0;

	if (batch->n == 0)
		return;
	recording.rows = palloc(sizeof(RefundRow *) * batch->n);
	for (int i = 0; i < batch->n; i++)
	{
		check_values(batch, &batch->rows[i]);
		recording.rows[i] = &batch->rows[i];
	}
	qsort(recording.rows, batch->n, sizeof(RefundRow *), by_key);
	totals_before_refunds(program);
	insert_refunds(&recording);
	find_recorded(&recording);
	keys = palloc(sizeof(text *) * batch->n);
	for (int i = 0; i < batch->n; i++)
		if (recording.rows[i]->recorded)
			keys[n++] = recording.rows[i]->order_key;
	refund_wait(program, PROGRAM_SALE, keys, n);
	unmet = palloc(sizeof(RefundRow *) * batch->n);
	n = unmet_rows(&recording, unmet);
	if (n > 0)
		refunds_meet(program, unmet, n, batch->reposts);
}
