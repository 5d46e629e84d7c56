/*
 * program_sale_check.c
 *	  Whether an order can be posted, and whether one that has been posted is
 *	  still the same.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "money.h"
#include "money_sum.h"
#include "program_member.h"
#include "program_posting.h"
#include "program_release.h"

/* Sums of amounts are in indexes, whose rows have little room: so many digits before the point. */
#define MAX_AMOUNT_DIGITS	1000

static bool
has_too_many_digits(Numeric amount)
{
	MoneySum	sum;
	bool		result = false;

	if (money_sum_of_numeric(&sum, amount))
	{
		if (sum.large != NULL)
			result = strcspn(money_to_string(amount), ".") > MAX_AMOUNT_DIGITS;
		money_sum_clear(&sum);
	}
	return result;
}

void
posting_check_values(Posting *posting, SaleRow *row)
{
	if (row->order_key == NULL || VARSIZE_ANY_EXHDR(row->order_key) == 0)
		ereport(ERROR,
				(errcode(row->order_key == NULL ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the key of an order must not be %s", row->order_key == NULL ? "null" : "empty")));
	if (VARSIZE_ANY_EXHDR(row->order_key) > 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the key of an order has %zu bytes", (Size) VARSIZE_ANY_EXHDR(row->order_key)),
				 errhint("At most 1024 are allowed.")));
	if (!row->has_member)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the member of a paid order must not be null"),
				 errhint("Attach the orders of members only, for example by a status that others never reach.")));
	if (row->amount == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the amount of a paid order must not be null")));
	if (!money_is_finite(row->amount))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the amount of an order must be finite, not %s", money_to_string(row->amount))));
	if (money_sign(row->amount) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the amount of an order must not be negative"),
				 errdetail("The amount is %s.", money_to_string(row->amount))));
	if (has_too_many_digits(row->amount))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the amount of an order has more than %d digits before the point", MAX_AMOUNT_DIGITS)));
	if (posting->batch->timed && !row->has_occurred_at)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the time of a paid order must not be null")));
	if (!row->has_occurred_at)
		row->occurred_at = GetCurrentTransactionStartTimestamp();
	if (TIMESTAMP_NOT_FINITE(row->occurred_at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the time of an order must be finite")));
	if (row->currency == NULL)
		row->currency = posting->program->currency;
	row->available_at = release_at_posting(posting->program, row->occurred_at);
	lines_check(row);
}

/*
 * Orders from before since are none of ours, unless they were posted when the
 * table was attached from an earlier time on: those must be the same.
 */
void
posting_compare_early(Posting *posting)
{
	SaleBatch  *batch = posting->batch;
	SaleRow   **rows = palloc(sizeof(SaleRow *) * Max(batch->n, 1));
	Datum	   *keys = palloc(sizeof(Datum) * Max(batch->n, 1));
	int			n = 0;
	Oid			types[] = {TEXTARRAYOID, INT4OID};
	Datum		values[2];
	uint64		found;

	for (int i = 0; i < batch->n; i++)
	{
		if (!batch->rows[i].early || batch->rows[i].order_key == NULL)
			continue;
		rows[n] = &batch->rows[i];
		keys[n++] = PointerGetDatum(batch->rows[i].order_key);
	}
	if (n == 0)
		return;
	values[0] = program_array(TEXTOID, keys, NULL, n);
	values[1] = Int32GetDatum(batch->order_source_id);
	found = program_query_now(posting->program,
							  "SELECT k.place"
							  "  FROM unnest($1) WITH ORDINALITY AS k(key, place)"
							  "  JOIN @sale s ON s.order_key = k.key"
							  " WHERE NOT " SALE_OF_OTHER_TABLE("$2"),
							  2, types, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
		rows[DatumGetInt64(program_get(i, 1, INT8OID)) - 1]->paid = true;
	SPI_freetuptable(SPI_tuptable);
}

/* Orders that are neither paid nor refunded, or gone, must not have been posted. */
void
posting_check_unposted(Posting *posting)
{
	SaleBatch  *batch = posting->batch;
	Datum	   *keys = palloc(sizeof(Datum) * batch->n);
	int			n = 0;
	Oid			types[] = {TEXTARRAYOID, INT4OID};
	Datum		values[2];

	for (int i = 0; i < batch->n; i++)
		if (!batch->rows[i].paid && !batch->rows[i].early && !batch->rows[i].refunded &&
			batch->rows[i].order_key != NULL)
			keys[n++] = PointerGetDatum(batch->rows[i].order_key);
	if (n == 0)
		return;
	values[0] = program_array(TEXTOID, keys, NULL, n);
	values[1] = Int32GetDatum(batch->order_source_id);
	if (program_query_now(posting->program,
						  "SELECT s.order_key FROM @sale s"
						  " WHERE s.order_key = ANY ($1) AND NOT " SALE_OF_OTHER_TABLE("$2") " LIMIT 1",
						  2, types, values, NULL, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("order \"%s\" has been posted: it can neither be deleted nor leave its paid status",
						TextDatumGetCString(program_get(0, 1, TEXTOID))),
				 errdetail("Its commissions are in the ledger of program \"%s\".", posting->program->name),
				 errhint("Take the change back. Statuses that follow payment belong into the list \"paid\" of attach_orders(), those that take the order back into \"refunded\".")));
	SPI_freetuptable(SPI_tuptable);
}

/* A plan that looks at lines is not to pay by their absence. */
void
posting_check_lines_there(Posting *posting)
{
	if (posting->batch->lines_table == NULL)
		return;
	for (int i = 0; i < posting->npaid; i++)
	{
		SaleRow    *row = posting->paid[i];

		if (row->posted && row->nitems == 0 && row->plan->plan->uses_lines)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("order \"%s\" has no lines", text_to_cstring(row->order_key)),
					 errdetail("The plan asks for them, and table \"%s\" has none of the order.",
							   posting->batch->lines_table),
					 errhint("Write the lines before the order becomes paid, or in the same statement.")));
	}
}

/*
 * An order of a table may change where the program posts it anew; a call that
 * says something else is one that went wrong.
 */
static bool
may_change(Posting *posting)
{
	return posting->program->terms.repost && posting->batch->order_source_id != 0;
}

static void
content_error(Posting *posting, SaleRow *row, const char *what, const char *before, const char *after)
{
	if (may_change(posting))
	{
		row->changed = true;
		return;
	}
	if (posting->batch->order_source_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("order \"%s\" has been posted with %s %s", text_to_cstring(row->order_key),
						strcmp(what, "attributes") == 0 ? "other" : "another", what),
				 errdetail("It was posted with %s, not %s.", before, after),
				 errhint("Retry with the same content, or use another key for another order."),
				 member_errfields(posting->program, "sale", "sale_order_key_key")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("order \"%s\" has been posted: its %s cannot be changed", text_to_cstring(row->order_key), what),
			 errdetail("It was posted with %s, not %s.", before, after),
			 errhint("Take the change back; the commissions of the order are in the ledger."),
			 member_errfields(posting->program, "sale", "sale_order_key_key")));
}

/* The same for lines. */
static void
lines_error(Posting *posting, SaleRow *row, const char *difference)
{
	if (may_change(posting))
	{
		row->changed = true;
		return;
	}
	if (posting->batch->order_source_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("order \"%s\" has been posted with other lines", text_to_cstring(row->order_key)),
				 errdetail("%s", difference),
				 errhint("Retry with the same content, or use another key for another order."),
				 member_errfields(posting->program, "sale", "sale_order_key_key")));
	lines_changed_error(posting->program, text_to_cstring(row->order_key), difference);
}

void
lines_changed_error(Program *program, const char *order_key, const char *difference)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("order \"%s\" has been posted: its lines cannot be changed", order_key),
			 errdetail("%s", difference),
			 errhint("Take the change back; the commissions of the order are in the ledger."),
			 member_errfields(program, "sale_line", "sale_line_pkey")));
}

static char *
attributes_text(Jsonb *attributes)
{
	return attributes == NULL ? pstrdup("none")
		: JsonbToCString(NULL, &attributes->root, VARSIZE(attributes));
}

/* Compare a row that found its key taken with the sale that has it. */
static void
check_same_content(Posting *posting, SaleRow *row, uint64 at)
{
	bool		isnull;
	int64		member_id = DatumGetInt64(program_get(at, 3, INT8OID));
	Numeric		amount = DatumGetNumeric(program_get(at, 4, NUMERICOID));
	char	   *currency = TextDatumGetCString(program_get(at, 5, TEXTOID));
	TimestampTz occurred_at = DatumGetTimestampTz(program_get(at, 6, TIMESTAMPTZOID));
	Datum		value = program_column(at, 7, JSONBOID, &isnull);
	Jsonb	   *attributes = isnull ? NULL : DatumGetJsonbP(value);

	if (DatumGetBool(program_get(at, 8, BOOLOID)))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("order \"%s\" has been posted from another table", text_to_cstring(row->order_key)),
				 errdetail("The keys of all orders of a program must differ."),
				 errhint("Attach the key of one of the tables as a generated column with a prefix; or detach the other table, if this one takes its place."),
				 member_errfields(posting->program, "sale", "sale_order_key_key")));
	row->sale_id = DatumGetInt64(program_get(at, 2, INT8OID));
	if (member_id != row->member_id)
		content_error(posting, row, "member", psprintf(INT64_FORMAT, member_id), psprintf(INT64_FORMAT, row->member_id));
	if (money_compare(amount, row->amount) != 0)
		content_error(posting, row, "amount", money_to_string(amount), money_to_string(row->amount));
	if (strcmp(currency, row->currency) != 0)
		content_error(posting, row, "currency", currency, row->currency);
	if (row->has_occurred_at && occurred_at != row->occurred_at)
		content_error(posting, row, "time", pstrdup(timestamptz_to_str(occurred_at)),
					  pstrdup(timestamptz_to_str(row->occurred_at)));
	if ((attributes == NULL) != (row->attributes == NULL) ||
		(attributes != NULL && compareJsonbContainers(&attributes->root, &row->attributes->root) != 0))
		content_error(posting, row, "attributes", attributes_text(attributes), attributes_text(row->attributes));
}

/*
 * What was posted while its table of lines was not attached has no lines, and
 * there is nothing to compare.
 */
static void
check_same_lines(Posting *posting, SaleRow **rows, int n)
{
	int64	   *sale_ids = palloc(sizeof(int64) * n);
	SaleLines  *stored;

	for (int i = 0; i < n; i++)
		sale_ids[i] = rows[i]->sale_id;
	stored = lines_load(posting->program, sale_ids, n);
	for (int i = 0; i < n; i++)
	{
		SaleLines	now = {rows[i]->nitems, rows[i]->items};
		char	   *difference;

		if (rows[i]->changed || (stored[i].n == 0 && rows[i]->sale_id <= posting->batch->lines_after))
			continue;
		difference = lines_difference(&stored[i], &now);
		if (difference != NULL)
			lines_error(posting, rows[i], difference);
	}
}

Datum
posting_keys(SaleRow **rows, int n)
{
	Datum	   *keys = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		keys[i] = PointerGetDatum(rows[i]->order_key);
	return program_array(TEXTOID, keys, NULL, n);
}

/* Compare orders with the sales that their keys have now. */
void
posting_compare(Posting *posting, SaleRow **rows, int n)
{
	Oid			types[] = {TEXTARRAYOID, INT4OID};
	Datum		values[2];
	uint64		found;

	values[0] = posting_keys(rows, n);
	values[1] = Int32GetDatum(posting->batch->order_source_id);
	found = program_query_now(posting->program,
							  "SELECT k.place, s.sale_id, s.member_id, s.amount, s.currency, s.occurred_at, s.attributes,"
							  "       $2 <> 0 AND " SALE_OF_OTHER_TABLE("$2")
							  "  FROM unnest($1) WITH ORDINALITY AS k(key, place)"
							  "  JOIN @sale s ON s.order_key = k.key AND " SALE_IS_LATEST,
							  2, types, values, NULL, 0);
	if (found != (uint64) n)
		elog(ERROR, "%d orders were neither posted nor found", n - (int) found);
	for (uint64 i = 0; i < found; i++)
		check_same_content(posting, rows[DatumGetInt64(program_get(i, 1, INT8OID)) - 1], i);
	SPI_freetuptable(SPI_tuptable);
	if (posting->batch->lines_known)
		check_same_lines(posting, rows, n);
}

void
posting_check_same(Posting *posting)
{
	SaleRow   **rows = palloc(sizeof(SaleRow *) * posting->npaid);
	int			n = 0;

	for (int i = 0; i < posting->npaid; i++)
		if (!posting->paid[i]->posted)
			rows[n++] = posting->paid[i];
	if (n > 0 && posting->reposts)
		elog(ERROR, "order \"%s\" was posted by others while it was locked", text_to_cstring(rows[0]->order_key));
	if (n > 0)
		posting_compare(posting, rows, n);
}
