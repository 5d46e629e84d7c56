/*
 * source_lines.c
 *	  Reading the user's tables of order lines, and seeing that the lines of
 *	  what was posted stay as they are.
 *
 * An order posts with the lines that it has then.  Whoever writes lines and
 * whoever makes their order paid must not pass each other by unseen: the
 * latter has locked the order's row, by writing it or, where orders are caught
 * up with, on purpose; so the former locks it as well, and looks afterwards
 * whether the order has been posted.  A line that comes before its order is
 * visible, which a foreign key would refuse, is seen by resume() only.
 */
#include "compat.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "program_source.h"

/* Orders compared in one go. */
#define LINES_CHUNK_ORDERS	SALE_CHUNK_ROWS

/*
 * Whoever reads a whole table must see the whole table, and nothing but a
 * table: up to 15 a rule turns one into a view, which runs code of its owner.
 */
void
source_check_all_visible(Oid relid)
{
	Relation	rel = table_open(relid, AccessShareLock);

	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel))));
	table_close(rel, NoLock);
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("row security would hide rows of table \"%s\"", get_rel_name(relid)),
				 errhint("Act as a role that row security does not apply to.")));
}

static void
read_line(EngineItem *item, uint64 at)
{
	bool		isnull;
	Datum		value;

	item->key = source_column_text(at, 2);
	if (item->key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the key of an order line must not be null")));
	item->product = source_column_text(at, 3);
	value = program_column(at, 4, NUMERICOID, &isnull);
	item->quantity = isnull ? NULL : DatumGetNumericCopy(value);
	value = program_column(at, 5, NUMERICOID, &isnull);
	item->amount = isnull ? NULL : DatumGetNumericCopy(value);
	value = program_column(at, 6, NUMERICOID, &isnull);
	item->cost = isnull ? NULL : DatumGetNumericCopy(value);
	value = program_column(at, 7, JSONBOID, &isnull);
	item->attributes = isnull ? NULL : &DatumGetJsonbPCopy(value)->root;
}

/* Give each order, which has a key, its lines; as the caller. */
void
source_read_lines(Program *program, LineSource *source, SaleRow **rows, int n)
{
	Datum	   *keys = palloc(sizeof(Datum) * n);
	Oid			types[] = {TEXTARRAYOID};
	Datum		array;
	uint64		found;
	EngineItem *items;

	source_check_all_visible(source->relid);
	/* a time among the attributes must look the same in every session */
	if (source->nattributes > 0)
		program_pin_setting("timezone", "UTC");
	for (int i = 0; i < n; i++)
		keys[i] = PointerGetDatum(rows[i]->order_key);
	array = program_array(TEXTOID, keys, NULL, n);
	found = program_query_text_now(program, source_lines_query(source), 1, types, &array, NULL, 0);
	items = palloc_extended(sizeof(EngineItem) * Max(found, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 i = 0; i < found; i++)
	{
		SaleRow    *row = rows[DatumGetInt64(program_get(i, 1, INT8OID)) - 1];

		if (row->nitems == 0)
			row->items = &items[i];
		items[i].line = ++row->nitems;
		read_line(&items[i], i);
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Lock the orders whose lines were written, those that are there, in the order
 * of their keys.  As a foreign key does, with the rights of the owner of the
 * orders, who has attached the lines: the columns of the key are all that is
 * looked at.
 */
static void
lock_orders(Program *program, OrderSource *orders, Datum keys)
{
	Relation	rel = table_open(orders->relid, AccessShareLock);
	Oid			owner = rel->rd_rel->relowner;
	char		kind = rel->rd_rel->relkind;
	Oid			types[] = {TEXTARRAYOID};
	Oid			save_userid;
	int			save_sec_context;

	table_close(rel, NoLock);
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		return;					/* the next order says so */
	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(owner, save_sec_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
	(void) program_query_text_now(program,
								  psprintf("SELECT FROM %s ORDER BY %s FOR NO KEY UPDATE",
										   source_keyed_rows(orders->relid, orders->key, TEXTOID, 1),
										   source_comparable_column(orders->relid, orders->key)),
								  1, types, &keys, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
	SetUserIdAndSecContext(save_userid, save_sec_context);
}

/* Sales whose lines are to be compared, of some of these orders. */
typedef struct PostedOrders
{
	OrderSource *orders;
	LineSource *lines;
	Datum		keys;			/* text[] */
	int64		above;			/* sale_id, where keys is null */
	int			n;
	SaleRow    *rows;
	SaleRow   **by_place;
} PostedOrders;

#define WATCHED_SALES \
	"SELECT s.sale_id, s.order_key, s.member_id, s.amount, s.currency, s.occurred_at, s.attributes FROM @sale s" \
	" WHERE (s.sale_id > $2 OR EXISTS (SELECT FROM @sale_line l WHERE l.sale_id = s.sale_id))" \
	"   AND " SALE_IS_LATEST

/* An order as it was posted, but for its lines. */
static void
read_posted(SaleRow *row, uint64 at)
{
	bool		isnull;
	Datum		attributes;

	memset(row, 0, sizeof(SaleRow));
	row->sale_id = DatumGetInt64(program_get(at, 1, INT8OID));
	row->order_key = program_copy_text(program_get(at, 2, TEXTOID));
	row->paid = row->has_member = row->has_occurred_at = true;
	row->member_id = DatumGetInt64(program_get(at, 3, INT8OID));
	row->amount = DatumGetNumericCopy(program_get(at, 4, NUMERICOID));
	row->currency = TextDatumGetCString(program_get(at, 5, TEXTOID));
	row->occurred_at = DatumGetTimestampTz(program_get(at, 6, TIMESTAMPTZOID));
	attributes = program_column(at, 7, JSONBOID, &isnull);
	row->attributes = isnull ? NULL : DatumGetJsonbPCopy(attributes);
}

static void
find_posted(Program *program, void *arg)
{
	PostedOrders *posted = arg;
	Oid			types[] = {TEXTARRAYOID, INT8OID, INT4OID, INT8OID, INT4OID};
	Datum		values[5];
	bool		by_key = DatumGetPointer(posted->keys) != NULL;

	values[0] = posted->keys;
	values[1] = Int64GetDatum(posted->lines->after_sale_id);
	values[2] = Int32GetDatum(posted->orders->id);
	values[3] = Int64GetDatum(posted->above);
	values[4] = Int32GetDatum(LINES_CHUNK_ORDERS);
	posted->n = program_query_now(program,
								  by_key ?
								  WATCHED_SALES " AND s.order_key = ANY ($1)"
								  " AND NOT EXISTS (SELECT FROM @order_source o"
								  "                  WHERE o.order_source_id = s.order_source_id"
								  "                    AND o.order_source_id <> $3 AND o.detached_at IS NULL"
								  "                    AND EXISTS (SELECT FROM pg_class c WHERE c.oid = o.relid))"
								  " ORDER BY s.sale_id" :
								  WATCHED_SALES " AND $1 IS NULL AND s.order_source_id = $3 AND s.sale_id > $4"
								  " ORDER BY s.sale_id LIMIT $5",
								  by_key ? 3 : 5, types, values, by_key ? NULL : "n    ", 0);
	posted->rows = palloc(sizeof(SaleRow) * Max(posted->n, 1));
	posted->by_place = palloc(sizeof(SaleRow *) * Max(posted->n, 1));
	for (int i = 0; i < posted->n; i++)
	{
		read_posted(&posted->rows[i], i);
		posted->above = posted->rows[i].sale_id;
		posted->by_place[i] = &posted->rows[i];
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Other lines than those posted: an error, or a change of the order. */
static void
compare_stored(Program *program, void *arg)
{
	PostedOrders *posted = arg;
	SaleBatch	changed = {.order_source_id = posted->orders->id,.lines_known = true};
	int64	   *sale_ids = palloc(sizeof(int64) * posted->n);
	SaleLines  *stored;

	for (int i = 0; i < posted->n; i++)
		sale_ids[i] = posted->rows[i].sale_id;
	changed.rows = palloc(sizeof(SaleRow) * posted->n);
	stored = lines_load(program, sale_ids, posted->n);
	for (int i = 0; i < posted->n; i++)
	{
		SaleLines	now = {posted->rows[i].nitems, posted->rows[i].items};
		char	   *difference = lines_difference(&stored[i], &now);

		if (difference == NULL)
			continue;
		if (!program->terms.repost)
			lines_changed_error(program, text_to_cstring(posted->rows[i].order_key), difference);
		changed.rows[changed.n++] = posted->rows[i];
	}
	if (changed.n == 0)
		return;
	changed.lines_table = get_rel_name(posted->lines->relid);
	changed.lines_after = posted->lines->after_sale_id;
	sales_post(program, &changed);
}

/* Returns how many orders there were to compare. */
static int
compare(Program *program, PostedOrders *posted)
{
	program_as_owner(program, 0, find_posted, posted);
	if (posted->n == 0)
		return 0;
	source_read_lines(program, posted->lines, posted->by_place, posted->n);
	program_as_owner(program, program->terms.repost ? PROGRAM_WRITES_SALES : 0, compare_stored, posted);
	return posted->n;
}

/*
 * After a statement on a table of lines, or on a partition relid of one: what
 * it changed must not be a part of what was posted.
 */
void
source_compare_changed_lines(Program *program, OrderSource *orders, LineSource *source,
							 Oid relid, SourceRows rows)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "distributor order lines",
												  ALLOCSET_DEFAULT_SIZES);
	Portal		portal;

	portal = program_cursor(program, source_changed_lines_query(source, relid, rows), 0, NULL, NULL);
	for (;;)
	{
		PostedOrders posted = {.orders = orders,.lines = source};
		MemoryContext caller;
		Datum	   *keys;
		int			n;

		SPI_cursor_fetch(portal, true, LINES_CHUNK_ORDERS);
		n = SPI_processed;
		if (n == 0)
			break;
		caller = MemoryContextSwitchTo(context);
		keys = palloc(sizeof(Datum) * n);
		for (int i = 0; i < n; i++)
			keys[i] = PointerGetDatum(program_copy_text(program_get(i, 1, TEXTOID)));
		SPI_freetuptable(SPI_tuptable);
		posted.keys = program_array(TEXTOID, keys, NULL, n);
		lock_orders(program, orders, posted.keys);
		(void) compare(program, &posted);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_cursor_close(portal);
	MemoryContextDelete(context);
}

/* The lines of all that was posted must be those that were posted. */
void
source_compare_posted_lines(Program *program, OrderSource *orders, LineSource *source)
{
	PostedOrders posted = {.orders = orders,.lines = source,.above = -1};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "distributor order lines",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);

	while (compare(program, &posted) > 0)
	{
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}
