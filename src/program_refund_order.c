/*
 * program_refund_order.c
 *	  What orders say of refunds: by their status, by an amount, and by having
 *	  been refunded before they came.
 *
 * A status takes back all that remains.  An amount is what has been refunded
 * of the order so far, so the refund is what it grew by; it is compared with
 * what was told that way before, by whichever table, and other refunds of the
 * order count beside it.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "money.h"
#include "program_member.h"
#include "program_refund.h"
#include "program_total.h"

/* What has been taken back of the sale of an order. */
typedef struct Told
{
	Numeric		by_amount;		/* by the amount of an order */
	bool		by_status;		/* by the status of an order */
	bool		any;			/* has been refunded, be it in part */
	Numeric		remains;
} Told;

static bool
tells(const SaleBatch *batch, const SaleRow *row)
{
	if (row->order_key == NULL)
		return false;
	return row->refunded ||
		(row->paid && batch->tells_refunds && row->refunded_amount != NULL);
}

static void
check_refunded_amount(const SaleRow *row)
{
	if (row->refunded_amount == NULL)
		return;
	if (!money_is_finite(row->refunded_amount))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the refunded amount of order \"%s\" must be finite, not %s",
						text_to_cstring(row->order_key), money_to_string(row->refunded_amount))));
	if (money_sign(row->refunded_amount) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the refunded amount of order \"%s\" must not be negative", text_to_cstring(row->order_key)),
				 errdetail("The amount is %s.", money_to_string(row->refunded_amount))));
}

/*
 * May the order be as it is?  What was read before somebody else posted a
 * refund says nothing.
 */
static void
check_told(Program *program, const SaleBatch *batch, const SaleRow *row, const Told *told)
{
	Numeric		now = row->refunded_amount != NULL ? row->refunded_amount : money_from_int(0);

	if (batch->stale || !row->paid)
		return;
	if (told->by_status)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("order \"%s\" has been refunded: it cannot be paid again", text_to_cstring(row->order_key)),
				 errdetail("Its commissions have been taken back in program \"%s\".", program->name),
				 errhint("Take the change back, and make a new order."),
				 member_errfields(program, "refund", "refund_refund_key_key")));
	if (batch->tells_refunds && money_compare(now, told->by_amount) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the refunded amount of order \"%s\" cannot shrink", text_to_cstring(row->order_key)),
				 errdetail("%s have been taken back, not %s.", money_to_string(told->by_amount), money_to_string(now)),
				 errhint("Take the change back, and make a new order of what was charged again."),
				 member_errfields(program, "refund", "refund_refund_key_key")));
}

/* The refund that an order tells of; false: none that has not been told. */
static bool
told_refund(const SaleRow *row, const Told *told, RefundRow *refund)
{
	char	   *order_key = text_to_cstring(row->order_key);

	memset(refund, 0, sizeof(RefundRow));
	refund->order_key = row->order_key;
	if (row->refunded)
	{
		if (told->any && money_sign(told->remains) <= 0)
			return false;
		refund->refund_key = cstring_to_text(psprintf("%s refunded", order_key));
		return true;
	}
	if (row->refunded_amount == NULL || money_compare(row->refunded_amount, told->by_amount) <= 0)
		return false;
	refund->amount = money_subtract(row->refunded_amount, told->by_amount);
	refund->refund_key = cstring_to_text(psprintf("%s refunded %s", order_key,
												  money_to_string(money_trim(row->refunded_amount))));
	return true;
}

static Datum
keys_array(SaleRow **rows, int n)
{
	Datum	   *keys = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		keys[i] = PointerGetDatum(rows[i]->order_key);
	return program_array(TEXTOID, keys, NULL, n);
}

/* What the row tells is told from now on. */
static void
count_told(Told *told, const RefundRow *refund)
{
	told->any = true;
	if (refund->amount != NULL)
	{
		told->by_amount = money_add(told->by_amount, refund->amount);
		told->remains = money_subtract(told->remains, refund->amount);
	}
	else
	{
		told->by_status = true;
		told->remains = money_from_int(0);
	}
}

/*
 * Check what the orders tell against what was told, and find the refunds that
 * were not; rows becomes those that tell of one.  A table whose key is not
 * unique may tell of an order twice in a statement: the second row comes after
 * the first, as if by a statement of its own.
 */
static int
untold_refunds(Program *program, const SaleBatch *batch, SaleRow **rows, int n, RefundRow *refunds)
{
	Oid			types[] = {TEXTARRAYOID, INT4OID};
	Datum		values[2];
	uint64		found;
	SaleRow   **telling = palloc(sizeof(SaleRow *) * n);
	int			nrefunds = 0;
	int64		sale_id = 0;
	Told		told;

	values[0] = keys_array(rows, n);
	values[1] = Int32GetDatum(batch->order_source_id);
	found = program_query_now(program,
							  "SELECT k.place, s.sale_id, coalesce(t.by_amount, 0), coalesce(t.by_status, false),"
							  "       t.total IS NOT NULL, s.amount - coalesce(t.total, 0)"
							  "  FROM unnest($1) WITH ORDINALITY AS k(key, place)"
							  "  JOIN @sale s ON s.order_key = k.key"
							  "  CROSS JOIN LATERAL"
							  "       (SELECT sum(p.amount) AS total,"
							  "               sum(p.amount) FILTER (WHERE r.order_source_id IS NOT NULL AND r.amount IS NOT NULL) AS by_amount,"
							  "               bool_or(r.order_source_id IS NOT NULL AND r.amount IS NULL) AS by_status"
							  "          FROM @refund_posting p JOIN @refund r ON r.refund_id = p.refund_id"
							  "         WHERE p.sale_id = s.sale_id) t"
							  " WHERE NOT " SALE_OF_OTHER_TABLE("$2")
							  " ORDER BY s.sale_id, k.place",
							  2, types, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		SaleRow    *row = rows[DatumGetInt64(program_get(i, 1, INT8OID)) - 1];

		if (i == 0 || DatumGetInt64(program_get(i, 2, INT8OID)) != sale_id)
		{
			sale_id = DatumGetInt64(program_get(i, 2, INT8OID));
			told.by_amount = DatumGetNumeric(program_get(i, 3, NUMERICOID));
			told.by_status = DatumGetBool(program_get(i, 4, BOOLOID));
			told.any = DatumGetBool(program_get(i, 5, BOOLOID));
			told.remains = DatumGetNumeric(program_get(i, 6, NUMERICOID));
		}
		check_told(program, batch, row, &told);
		if (!told_refund(row, &told, &refunds[nrefunds]))
			continue;
		count_told(&told, &refunds[nrefunds]);
		telling[nrefunds++] = row;
	}
	SPI_freetuptable(SPI_tuptable);
	memcpy(rows, telling, sizeof(SaleRow *) * nrefunds);
	return nrefunds;
}

static void
lock_sales(Program *program, SaleRow **rows, int n)
{
	Oid			types[] = {TEXTARRAYOID};
	Datum		keys = keys_array(rows, n);

	(void) program_query_now(program,
							 "SELECT FROM @sale s WHERE s.order_key = ANY ($1)"
							 " ORDER BY s.sale_id FOR UPDATE",
							 1, types, &keys, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
}

/* Orders that may tell of a refund, or must not be as they are if there is one. */
static int
telling_rows(Program *program, SaleBatch *batch, SaleRow **rows)
{
	bool		any = batch->order_source_id != 0 && refund_any(program);
	int			n = 0;

	for (int i = 0; i < batch->n; i++)
	{
		SaleRow    *row = &batch->rows[i];

		if (tells(batch, row) || (any && row->paid && !row->posted))
		{
			check_refunded_amount(row);
			rows[n++] = row;
		}
	}
	return n;
}

void
refunds_untold(Program *program, void *arg)
{
	UntoldRefunds *untold = arg;
	SaleBatch  *batch = untold->batch;
	SaleRow   **rows = palloc(sizeof(SaleRow *) * Max(batch->n, 1));
	int			n = telling_rows(program, batch, rows);

	if (n > 0)
		n = untold_refunds(program, batch, rows, n, palloc(sizeof(RefundRow) * n));
	for (int i = 0; i < n; i++)
		untold->orders[rows[i] - batch->rows] = true;
}

/*
 * Post the refunds that orders tell of.  To be called once the orders have
 * been posted.  What there is to do is found first, as most have nothing new
 * to tell, and again once nobody else refunds those.
 */
void
refunds_of_orders(Program *program, SaleBatch *batch)
{
	SaleRow   **rows = palloc(sizeof(SaleRow *) * Max(batch->n, 1));
	RefundBatch refunds = {.order_source_id = batch->order_source_id};
	int			n = telling_rows(program, batch, rows);

	if (n == 0)
		return;
	refunds.rows = palloc(sizeof(RefundRow) * n);
	n = untold_refunds(program, batch, rows, n, refunds.rows);
	if (n == 0)
		return;
	totals_before_refunds(program);
	lock_sales(program, rows, n);
	refunds.n = untold_refunds(program, batch, rows, n, refunds.rows);
	refunds_post(program, &refunds);
}

/* Refunds that waited for some of these orders. */
static int
parked_refunds(Program *program, SaleRow **rows, int n, RefundRow ***refunds)
{
	Oid			types[] = {TEXTARRAYOID};
	Datum		keys = keys_array(rows, n);
	int			found = program_query_now(program,
										  "SELECT r.refund_id, r.refund_key, r.order_key, r.line_key, r.amount"
										  "  FROM @refund r"
										  " WHERE r.order_key = ANY ($1)"
										  "   AND NOT EXISTS (SELECT FROM @refund_posting p WHERE p.refund_id = r.refund_id)"
										  " ORDER BY r.refund_id",
										  1, types, &keys, NULL, 0);

	*refunds = palloc(sizeof(RefundRow *) * Max(found, 1));
	for (int i = 0; i < found; i++)
	{
		RefundRow  *row = (*refunds)[i] = palloc0(sizeof(RefundRow));
		bool		isnull;
		Datum		value;

		row->waits = true;
		row->refund_id = DatumGetInt64(program_get(i, 1, INT8OID));
		row->refund_key = program_copy_text(program_get(i, 2, TEXTOID));
		row->order_key = program_copy_text(program_get(i, 3, TEXTOID));
		value = program_column(i, 4, TEXTOID, &isnull);
		row->line_key = isnull ? NULL : program_copy_text(value);
		value = program_column(i, 5, NUMERICOID, &isnull);
		row->amount = isnull ? NULL : DatumGetNumericCopy(value);
	}
	SPI_freetuptable(SPI_tuptable);
	return found;
}

/* Sales that have just been posted meet the refunds that came before them. */
void
refunds_of_new_sales(Program *program, SaleRow **rows, int n)
{
	SaleRow   **posted = palloc(sizeof(SaleRow *) * Max(n, 1));
	text	  **keys = palloc(sizeof(text *) * Max(n, 1));
	RefundRow **refunds;
	int			nposted = 0;
	int			nrefunds;

	if (!refund_any(program))
		return;
	for (int i = 0; i < n; i++)
		if (rows[i]->posted)
		{
			keys[nposted] = rows[i]->order_key;
			posted[nposted++] = rows[i];
		}
	if (nposted == 0)
		return;
	refund_wait(program, PROGRAM_REFUND, keys, nposted);
	nrefunds = parked_refunds(program, posted, nposted, &refunds);
	if (nrefunds > 0)
		refunds_meet(program, refunds, nrefunds, true);
}
