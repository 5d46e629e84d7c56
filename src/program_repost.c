/*
 * program_repost.c
 *	  Orders that have been posted, and change: the sale that an order has is
 *	  taken back as a whole, and another one replaces it.
 *
 * The sales of an order are a chain by "replaces", and the last one counts.
 * The first one never changes its place, so its row is the lock of the order:
 * whoever takes something back of an order, fulfills or changes it has that
 * lock first, and then looks which sale is the last.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "program_clawback.h"
#include "program_member.h"
#include "program_refund.h"
#include "program_release.h"
#include "program_sale.h"

/* Lock the orders of these keys (text[]), those that have been posted. */
void
repost_lock_orders(Program *program, Datum order_keys)
{
	Oid			types[] = {TEXTARRAYOID};

	(void) program_query_now(program,
							 "SELECT FROM @sale s WHERE s.order_key = ANY ($1) AND s.revision = 1"
							 " ORDER BY s.sale_id FOR UPDATE",
							 1, types, &order_keys, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
}

/* What was given back of an order was given back of what it was then. */
static void
check_not_refunded(Program *program, const SaleRow *row, bool refunded)
{
	if (refunded)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("order \"%s\" has been refunded: it cannot be changed any more", text_to_cstring(row->order_key)),
				 errdetail("What was refunded has been taken back in the proportions that the order had."),
				 errhint("Take the change back; refund what remains, and make a new order."),
				 member_errfields(program, "sale", "sale_order_key_key")));
}

/*
 * What the sale that is replaced leaves to its successor: what the change does
 * not tell, the number that the order has among those of the member, and when
 * it was fulfilled, as the first time that was told counts.
 */
static void
inherit(Program *program, SaleRow *row, uint64 at)
{
	bool		isnull;
	Datum		value;

	row->posted = false;
	row->replaces = DatumGetInt64(program_get(at, 2, INT8OID));
	row->revision = DatumGetInt32(program_get(at, 3, INT4OID)) + 1;
	if (!row->has_occurred_at)
		row->occurred_at = DatumGetTimestampTz(program_get(at, 4, TIMESTAMPTZOID));
	row->available_at = release_at_posting(program, row->occurred_at);
	row->numbered = DatumGetBool(program_get(at, 6, BOOLOID));
	value = program_column(at, 7, INT8OID, &isnull);
	row->order_number = isnull ? 0 : DatumGetInt64(value);
	value = program_column(at, 8, TIMESTAMPTZOID, &isnull);
	if (isnull)
		return;
	row->fulfilled = row->has_fulfilled_at = true;
	row->fulfilled_at = DatumGetTimestampTz(value);
}

/*
 * Which of the member's orders it is.  If it was posted by plans that did not
 * ask, as many as had come to the member until then, itself included.
 */
int64
repost_order_number(Program *program, const SaleRow *row)
{
	Oid			types[] = {TEXTOID, INT8OID};
	Datum		values[] = {PointerGetDatum(row->order_key), Int64GetDatum(row->member_id)};
	int64		number;

	if (row->order_number > 0)
		return row->order_number;
	program_query_now(program,
					  "SELECT count(*) FROM @sale s"
					  " WHERE s.member_id = $2"
					  "   AND s.sale_id <= (SELECT min(e.sale_id) FROM @sale e WHERE e.order_key = $1 AND e.member_id = $2)"
					  "   AND (s.revision = 1 OR NOT EXISTS (SELECT FROM @sale v WHERE v.order_key = s.order_key"
					  "                                         AND v.revision < s.revision AND v.member_id = $2))",
					  2, types, values, NULL, 0);
	number = DatumGetInt64(program_get(0, 1, INT8OID));
	SPI_freetuptable(SPI_tuptable);
	return number;
}

/* When the replaced sales occurred is put into occurred_at. */
static void
load_replaced(Program *program, SaleRow **rows, int n, TimestampTz *occurred_at)
{
	Datum	   *keys = palloc(sizeof(Datum) * n);
	Datum	   *members = palloc(sizeof(Datum) * n);
	Oid			types[] = {TEXTARRAYOID, INT8ARRAYOID};
	Datum		values[2];
	uint64		found;

	for (int i = 0; i < n; i++)
	{
		keys[i] = PointerGetDatum(rows[i]->order_key);
		members[i] = Int64GetDatum(rows[i]->member_id);
	}
	values[0] = program_array(TEXTOID, keys, NULL, n);
	values[1] = program_array(INT8OID, members, NULL, n);
	found = program_query_now(program,
							  "SELECT k.place, s.sale_id, s.revision, s.occurred_at,"
							  "       EXISTS (SELECT FROM @refund_posting p WHERE p.sale_id = s.sale_id),"
							  "       b.numbered, b.order_number,"
							  "       (SELECT r.fulfilled_at FROM @sale_release r WHERE r.sale_id = s.sale_id)"
							  "  FROM unnest($1, $2) WITH ORDINALITY AS k(key, member_id, place)"
							  "  JOIN @sale s ON s.order_key = k.key AND " SALE_IS_LATEST
							  " CROSS JOIN LATERAL"
							  "       (SELECT count(*) > 0 AS numbered, max((e.counters->>'order_number')::int8) AS order_number"
							  "          FROM @sale e WHERE e.order_key = k.key AND e.member_id = k.member_id) b",
							  2, types, values, NULL, 0);
	if (found != (uint64) n)
		elog(ERROR, "%d orders that were posted are not found", n - (int) found);
	for (uint64 i = 0; i < found; i++)
	{
		int			place = DatumGetInt64(program_get(i, 1, INT8OID)) - 1;
		SaleRow    *row = rows[place];

		occurred_at[place] = DatumGetTimestampTz(program_get(i, 4, TIMESTAMPTZOID));
		check_not_refunded(program, row, DatumGetBool(program_get(i, 5, BOOLOID)));
		inherit(program, row, i);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Where nobody looks at the lines of orders, they are those that they were. */
static void
inherit_lines(Program *program, SaleRow **rows, int n)
{
	int64	   *sale_ids = palloc(sizeof(int64) * n);
	SaleLines  *lines;

	for (int i = 0; i < n; i++)
		sale_ids[i] = rows[i]->replaces;
	lines = lines_load(program, sale_ids, n);
	for (int i = 0; i < n; i++)
	{
		rows[i]->nitems = lines[i].n;
		rows[i]->items = lines[i].items;
	}
}

/*
 * Take back what these orders have been paid, and make them ready to be posted
 * anew.  They are locked, and each is there once.  Returns the ids of the
 * refunds, of which what they take from whom is judged once that is done.
 */
Datum
repost_take_back(Program *program, SaleBatch *batch, SaleRow **rows, int n)
{
	RefundBatch refunds = {.n = n,.order_source_id = batch->order_source_id,.reposts = true};
	Datum	   *ids = palloc(sizeof(Datum) * n);
	TimestampTz *occurred_at = palloc(sizeof(TimestampTz) * n);

	load_replaced(program, rows, n, occurred_at);
	if (!batch->lines_known)
		inherit_lines(program, rows, n);
	refunds.rows = palloc0(sizeof(RefundRow) * n);
	for (int i = 0; i < n; i++)
	{
		RefundRow  *refund = &refunds.rows[i];

		/* as REPOST_IS_REFUND has it */
		refund->refund_key = cstring_to_text(psprintf("%s changed %d", text_to_cstring(rows[i]->order_key),
													  rows[i]->revision - 1));
		refund->order_key = rows[i]->order_key;
		/* so that nothing of what was never so remains in its period */
		refund->has_occurred_at = true;
		refund->occurred_at = occurred_at[i];
	}
	refunds_post(program, &refunds);
	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(refunds.rows[i].refund_id);
	return program_array(INT8OID, ids, NULL, n);
}

/*
 * Where refunds must not take more than members have: what was taken back and
 * paid anew counts together.  The accounts are locked already.
 */
void
repost_check_clawback(Program *program, Datum refund_ids)
{
	Oid			types[] = {INT8ARRAYOID};
	AccountSet	set = {0};
	uint64		found;

	if (program->terms.clawback != CLAWBACK_BLOCK)
		return;
	found = program_query_now(program,
							  "SELECT DISTINCT l.member_id, l.currency"
							  "  FROM unnest($1) AS k(refund_id)"
							  "  JOIN @ledger l ON l.source_id = k.refund_id AND l.source = 'refund'",
							  1, types, &refund_ids, NULL, 0);
	for (uint64 i = 0; i < found; i++)
		account_add(&set, DatumGetInt64(program_get(i, 1, INT8OID)), TextDatumGetCString(program_get(i, 2, TEXTOID)));
	SPI_freetuptable(SPI_tuptable);
	account_lock(program, &set, ACCOUNT_ALONE);
	clawback_check(program, &set, refund_ids);
}
