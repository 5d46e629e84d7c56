/*
 * program_fulfillment.c
 *	  Orders that are fulfilled: their hold period begins.
 *
 * Only what was posted without a time waits for that (its entries have no
 * available_at), whatever the program's settings are by now.  The first time
 * that is told of an order counts.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "program_arg.h"
#include "program_member.h"
#include "program_refund.h"
#include "program_release.h"

/* Sales that are fulfilled, and who says so: a table of orders, or author. */
typedef struct Releases
{
	int			n;
	Datum	   *sale_ids;
	Datum	   *fulfilled_at;
	int			order_source_id;
	const char *author;
} Releases;

static TimestampTz
available_after(Program *program, TimestampTz fulfilled_at)
{
	return Max(GetCurrentTransactionStartTimestamp(), release_after(program, fulfilled_at));
}

static void
check_time(const text *order_key, TimestampTz fulfilled_at)
{
	if (TIMESTAMP_NOT_FINITE(fulfilled_at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the time at which order \"%s\" was fulfilled must be finite", text_to_cstring(order_key))));
}

/*
 * Sales that have a release keep it; those that wait for none get none.  What
 * has been archived is not in the ledger any more, and waits in held.  In an
 * old snapshot, the sale may be newer than that.
 */
static void
insert_releases(Program *program, const Releases *releases)
{
	Oid			types[] = {INT8ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, INT4OID, TEXTOID};
	Datum		values[5];
	char		nulls[] = "     ";
	Datum	   *available_at = palloc(sizeof(Datum) * releases->n);

	for (int i = 0; i < releases->n; i++)
		available_at[i] = TimestampTzGetDatum(available_after(program, DatumGetTimestampTz(releases->fulfilled_at[i])));
	values[0] = program_array(INT8OID, releases->sale_ids, NULL, releases->n);
	values[1] = program_array(TIMESTAMPTZOID, releases->fulfilled_at, NULL, releases->n);
	values[2] = program_array(TIMESTAMPTZOID, available_at, NULL, releases->n);
	values[3] = Int32GetDatum(releases->order_source_id);
	nulls[3] = releases->order_source_id == 0 ? 'n' : ' ';
	values[4] = releases->author == NULL ? (Datum) 0 : CStringGetTextDatum(releases->author);
	nulls[4] = releases->author == NULL ? 'n' : ' ';
	(void) program_query_now(program,
							 "INSERT INTO @sale_release (sale_id, fulfilled_at, available_at, order_source_id, author)"
							 " SELECT n.sale_id, n.fulfilled_at, n.available_at, $4, $5"
							 "   FROM unnest($1, $2, $3) AS n(sale_id, fulfilled_at, available_at)"
							 "  WHERE EXISTS (SELECT FROM @ledger l"
							 "                 WHERE l.source_id = n.sale_id AND l.source = 'sale' AND l.available_at IS NULL)"
							 "     OR EXISTS (SELECT FROM @held h WHERE h.sale_id = n.sale_id AND h.available_at IS NULL)"
							 "  ORDER BY n.sale_id"
							 " ON CONFLICT (sale_id) DO NOTHING",
							 5, types, values, nulls, 0);
}

/* Of orders that have been posted, by now or before. */
void
release_fulfilled(Program *program, SaleBatch *batch)
{
	Releases	releases = {.order_source_id = batch->order_source_id,.author = batch->author};

	releases.sale_ids = palloc(sizeof(Datum) * Max(batch->n, 1));
	releases.fulfilled_at = palloc(sizeof(Datum) * Max(batch->n, 1));
	for (int i = 0; i < batch->n; i++)
	{
		SaleRow    *row = &batch->rows[i];

		if (!row->paid || !row->fulfilled || row->changed)
			continue;
		if (!row->has_fulfilled_at)
			row->fulfilled_at = GetCurrentTransactionStartTimestamp();
		check_time(row->order_key, row->fulfilled_at);
		releases.sale_ids[releases.n] = Int64GetDatum(row->sale_id);
		releases.fulfilled_at[releases.n++] = TimestampTzGetDatum(row->fulfilled_at);
	}
	if (releases.n > 0)
		insert_releases(program, &releases);
}

/* record_fulfillment(program, order_key, fulfilled_at) returns void */

typedef struct Fulfillment
{
	text	   *order_key;
	bool		has_time;		/* else now */
	TimestampTz fulfilled_at;
	const char *author;
} Fulfillment;

static void
not_posted(Program *program, const Fulfillment *fulfillment)
{
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("order \"%s\" has not been posted in program \"%s\"",
					text_to_cstring(fulfillment->order_key), program->name),
			 errhint("Orders post when they are paid; say that it is fulfilled afterwards."),
			 member_errfields(program, "sale_release", "sale_release_sale_id_fkey")));
}

/* What was told before must be the same now. */
static void
check_same(Program *program, const Fulfillment *fulfillment, TimestampTz before)
{
	if (!fulfillment->has_time || fulfillment->fulfilled_at == before)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("order \"%s\" has been fulfilled at another time", text_to_cstring(fulfillment->order_key)),
			 errdetail("It was fulfilled at %s, not %s.", pstrdup(timestamptz_to_str(before)),
					   pstrdup(timestamptz_to_str(fulfillment->fulfilled_at))),
			 errhint("The first time that is told counts; leave it as it is."),
			 member_errfields(program, "sale_release", "sale_release_pkey")));
}

/*
 * The order is locked, as it may be changing; whoever is posting it at this
 * moment is waited for.
 */
static void
record_fulfillment(Program *program, void *arg)
{
	Fulfillment *fulfillment = arg;
	Datum		key = PointerGetDatum(fulfillment->order_key);
	Datum		fulfilled_at = TimestampTzGetDatum(fulfillment->fulfilled_at);
	Datum		sale_id;
	Datum		before;
	bool		isnull;
	Oid			types[] = {TEXTOID};
	Releases	releases = {.n = 1,.sale_ids = &sale_id,.fulfilled_at = &fulfilled_at,.author = fulfillment->author};

	refund_wait(program, PROGRAM_SALE, &fulfillment->order_key, 1);
	repost_lock_orders(program, program_array(TEXTOID, &key, NULL, 1));
	if (program_query_now(program,
						  "SELECT s.sale_id, r.fulfilled_at FROM @sale s"
						  "  LEFT JOIN @sale_release r ON r.sale_id = s.sale_id"
						  " WHERE s.order_key = $1 AND " SALE_IS_LATEST,
						  1, types, &key, NULL, 1) == 0)
		not_posted(program, fulfillment);
	sale_id = program_get(0, 1, INT8OID);
	before = program_column(0, 2, TIMESTAMPTZOID, &isnull);
	if (isnull)
		insert_releases(program, &releases);
	else
		check_same(program, fulfillment, DatumGetTimestampTz(before));
}

PG_FUNCTION_INFO_V1(program_record_fulfillment);
Datum
program_record_fulfillment(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	Fulfillment fulfillment = {0};

	program_check_right(program, PROGRAM_SALE_RELEASE, ACL_INSERT);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("order_key must not be null")));
	fulfillment.order_key = PG_GETARG_TEXT_PP(1);
	if (VARSIZE_ANY_EXHDR(fulfillment.order_key) > 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the key of an order has %zu bytes", (Size) VARSIZE_ANY_EXHDR(fulfillment.order_key)),
				 errhint("At most 1024 are allowed.")));
	fulfillment.has_time = !PG_ARGISNULL(2);
	fulfillment.fulfilled_at = fulfillment.has_time ? PG_GETARG_TIMESTAMPTZ(2) : GetCurrentTransactionStartTimestamp();
	check_time(fulfillment.order_key, fulfillment.fulfilled_at);
	fulfillment.author = GetUserNameFromId(GetUserId(), false);
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_SALE_RELEASE), record_fulfillment, &fulfillment);
	program_close(program);
	PG_RETURN_VOID();
}
