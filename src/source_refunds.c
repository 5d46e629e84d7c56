/*
 * source_refunds.c
 *	  The user's tables of refunds: how they are registered, and reading them.
 *
 * As with orders, rows are read with the rights of whoever changes them, and
 * what was recorded of them can neither change nor go.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "program_refund.h"
#include "program_source.h"

/* Registration */

#define REFUND_SOURCES \
	"SELECT s.refund_source_id, s.relid::oid, s.key_column, s.order_key_column, s.amount_column," \
	"       s.line_key_column, s.occurred_at_column" \
	"  FROM @refund_source s WHERE s.detached_at IS NULL"

typedef struct Lookup
{
	Oid			relid;			/* InvalidOid: all that are there */
	int			n;
	RefundSource **refunds;
} Lookup;

static RefundSource *
refund_source_row(uint64 row)
{
	RefundSource *source = palloc0(sizeof(RefundSource));

	source->id = DatumGetInt32(program_get(row, 1, INT4OID));
	source->relid = DatumGetObjectId(program_get(row, 2, OIDOID));
	source->key = source_column_text(row, 3);
	source->order_key = source_column_text(row, 4);
	source->amount = source_column_text(row, 5);
	source->line_key = source_column_text(row, 6);
	source->occurred_at = source_column_text(row, 7);
	return source;
}

static void
lookup_refunds(Program *program, void *arg)
{
	Lookup	   *lookup = arg;
	Oid			types[] = {OIDARRAYOID};
	Datum		value;
	bool		all = !OidIsValid(lookup->relid);

	if (!all)
		value = source_relid_and_ancestors(lookup->relid);
	lookup->n = program_query_now(program, all ?
								  REFUND_SOURCES
								  " AND EXISTS (SELECT FROM pg_class c WHERE c.oid = s.relid)"
								  " ORDER BY s.refund_source_id" :
								  REFUND_SOURCES " AND s.relid::oid = ANY ($1)",
								  all ? 0 : 1, types, &value, NULL, 0);
	lookup->refunds = palloc(sizeof(RefundSource *) * Max(lookup->n, 1));
	for (int i = 0; i < lookup->n; i++)
		lookup->refunds[i] = refund_source_row(i);
	SPI_freetuptable(SPI_tuptable);
}

/* How relid is registered, by itself or as a partition; NULL: it is not. */
RefundSource *
source_refunds(Program *program, Oid relid)
{
	Lookup		lookup = {.relid = relid};

	program_as_owner(program, 0, lookup_refunds, &lookup);
	return lookup.n > 0 ? lookup.refunds[0] : NULL;
}

RefundSource **
source_all_refunds(Program *program, int *n)
{
	Lookup		lookup = {.relid = InvalidOid};

	program_as_owner(program, 0, lookup_refunds, &lookup);
	*n = lookup.n;
	return lookup.refunds;
}

static Datum
text_or_null(const char *string, char *null)
{
	*null = string == NULL ? 'n' : ' ';
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

/* By another key, every refund that has been recorded would be another one. */
static void
check_same_key(Program *program, const RefundSource *source)
{
	Oid			types[] = {OIDOID, TEXTOID};
	Datum		values[2];

	values[0] = ObjectIdGetDatum(source->relid);
	values[1] = CStringGetTextDatum(source->key);
	if (program_query(program,
					  "SELECT o.key_column FROM @refund_source o"
					  " WHERE o.relid::oid = $1 AND o.key_column <> $2"
					  "   AND EXISTS (SELECT FROM pg_attribute a"
					  "                WHERE a.attrelid = o.relid AND a.attname = o.key_column AND NOT a.attisdropped)"
					  "   AND EXISTS (SELECT FROM @refund r WHERE r.refund_source_id = o.refund_source_id)",
					  2, types, values, NULL, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("refunds of table \"%s\" have been recorded by the key \"%s\"",
						get_rel_name(source->relid), TextDatumGetCString(program_get(0, 1, TEXTOID))),
				 errhint("Attach the table with that key; by another one they would be recorded twice.")));
	SPI_freetuptable(SPI_tuptable);
}

static void
register_refunds(Program *program, void *arg)
{
	RefundSource *source = arg;
	Oid			types[] = {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[6];
	char		nulls[6];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = ObjectIdGetDatum(source->relid);
	values[1] = text_or_null(source->key, &nulls[1]);
	values[2] = text_or_null(source->order_key, &nulls[2]);
	values[3] = text_or_null(source->amount, &nulls[3]);
	values[4] = text_or_null(source->line_key, &nulls[4]);
	values[5] = text_or_null(source->occurred_at, &nulls[5]);
	check_same_key(program, source);
	source->returns = program_query(program,
									"SELECT FROM @refund_source o WHERE o.relid::oid = $1 AND o.detached_at IS NOT NULL",
									1, types, values, NULL, 1) > 0;
	SPI_freetuptable(SPI_tuptable);
	program_query(program,
				  "INSERT INTO @refund_source AS s (refund_source_id, relid, key_column, order_key_column,"
				  "            amount_column, line_key_column, occurred_at_column)"
				  " SELECT coalesce(max(o.refund_source_id), 0) + 1, $1::regclass, $2, $3, $4, $5, $6"
				  "   FROM @refund_source o"
				  " ON CONFLICT (relid) DO UPDATE"
				  "    SET key_column = excluded.key_column, order_key_column = excluded.order_key_column,"
				  "        amount_column = excluded.amount_column, line_key_column = excluded.line_key_column,"
				  "        occurred_at_column = excluded.occurred_at_column, attached_at = now(), detached_at = NULL"
				  " RETURNING refund_source_id",
				  6, types, values, nulls, 0);
	source->id = DatumGetInt32(program_get(0, 1, INT4OID));
	SPI_freetuptable(SPI_tuptable);
}

void
source_register_refunds(Program *program, RefundSource *source)
{
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_REFUND_SOURCE), register_refunds, source);
}

/* Reading and recording */

/* Rows of a statement or a table; some of them are gone. */
typedef struct Chunk
{
	RefundBatch batch;
	int			ngone;
	Datum	   *gone;			/* keys */
} Chunk;

static text *
copy_text_column(uint64 at, int column)
{
	bool		isnull;
	Datum		value = program_column(at, column, TEXTOID, &isnull);

	return isnull ? NULL : program_copy_text(value);
}

static void
read_refund(RefundRow *row, uint64 at)
{
	bool		isnull;
	Datum		value;

	memset(row, 0, sizeof(RefundRow));
	row->refund_key = copy_text_column(at, 2);
	row->order_key = copy_text_column(at, 3);
	row->line_key = copy_text_column(at, 4);
	value = program_column(at, 5, NUMERICOID, &isnull);
	row->amount = isnull ? NULL : DatumGetNumericCopy(value);
	value = program_column(at, 6, TIMESTAMPTZOID, &isnull);
	row->has_occurred_at = !isnull;
	row->occurred_at = isnull ? 0 : DatumGetTimestampTz(value);
}

static void
read_chunk(Chunk *chunk)
{
	int			n = SPI_processed;

	chunk->batch.rows = palloc(sizeof(RefundRow) * n);
	chunk->gone = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
	{
		RefundRow  *row = &chunk->batch.rows[chunk->batch.n];

		read_refund(row, i);
		if (DatumGetBool(program_get(i, 1, BOOLOID)))
			chunk->batch.n++;
		else if (row->refund_key != NULL)
			chunk->gone[chunk->ngone++] = PointerGetDatum(row->refund_key);
	}
	SPI_freetuptable(SPI_tuptable);
}

#define REFUND_OF_OTHER_TABLE(source) \
	"EXISTS (SELECT FROM @refund_source o" \
	"         WHERE o.refund_source_id = r.refund_source_id AND o.refund_source_id <> " source \
	"           AND o.detached_at IS NULL AND EXISTS (SELECT FROM pg_class c WHERE c.oid = o.relid))"

static void
gone_error(const char *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("refund \"%s\" has been recorded: it can neither be deleted nor get another key", key),
			 errdetail("What it took back is in the ledger."),
			 errhint("Take the change back; what was refunded by mistake is charged by a new order.")));
}

static void
check_gone(Program *program, void *arg)
{
	Chunk	   *chunk = arg;
	Oid			types[] = {TEXTARRAYOID, INT4OID};
	Datum		values[2];

	values[0] = program_array(TEXTOID, chunk->gone, NULL, chunk->ngone);
	values[1] = Int32GetDatum(chunk->batch.refund_source_id);
	if (program_query_now(program,
						  "SELECT r.refund_key FROM @refund r"
						  " WHERE r.refund_key = ANY ($1) AND NOT " REFUND_OF_OTHER_TABLE("$2")
						  " ORDER BY r.refund_key LIMIT 1",
						  2, types, values, NULL, 1) > 0)
		gone_error(TextDatumGetCString(program_get(0, 1, TEXTOID)));
	SPI_freetuptable(SPI_tuptable);
}

/*
 * While others write, a refund may be deleted between our reading it and our
 * recording it: what is going to be recorded is locked and read once more.
 */
static void
lock_unrecorded(Program *program, RefundSource *source, Portal portal, RefundBatch *batch)
{
	text	  **refund_keys = palloc(sizeof(text *) * batch->n);
	SourceKeys *keys;
	Oid			types[] = {TEXTARRAYOID};
	Datum		unrecorded;
	int			kept;
	uint64		found;

	for (int i = 0; i < batch->n; i++)
		refund_keys[i] = batch->rows[i].refund_key;
	keys = source_find_unknown(program, portal,
							   "SELECT k.place FROM unnest($1) WITH ORDINALITY AS k(key, place)"
							   " WHERE k.key IS NOT NULL"
							   "   AND NOT EXISTS (SELECT FROM @refund r WHERE r.refund_key = k.key)",
							   refund_keys, batch->n);
	kept = source_keep_known(keys, batch->rows, sizeof(RefundRow), &unrecorded);
	if (kept == batch->n)
		return;
	found = program_query_text(program, source_locked_refunds_query(program, source),
							   1, types, &unrecorded, NULL, 0);
	batch->n = kept + found;
	batch->rows = repalloc(batch->rows, sizeof(RefundRow) * Max(batch->n, 1));
	for (uint64 i = 0; i < found; i++)
		read_refund(&batch->rows[kept + i], i);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Record what changed, or what is there, in batches.  Returns how many refunds
 * were new.
 */
int64
source_post_refunds(Program *program, RefundSource *source, Oid relid, SourceRows rows)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "distributor refunds",
												  ALLOCSET_DEFAULT_SIZES);
	Portal		portal;
	int64		recorded = 0;

	/* two who catch up at once take the refunds in the same order */
	if (rows == SOURCE_CATCH_UP)
		program_pin_setting("synchronize_seqscans", "off");
	portal = program_cursor(program, source_refunds_query(program, source, relid, rows), 0, NULL, NULL);
	for (;;)
	{
		Chunk		chunk = {.batch = {.refund_source_id = source->id,.timed = source->occurred_at != NULL}};
		MemoryContext caller;

		SPI_cursor_fetch(portal, true, SALE_CHUNK_ROWS);
		if (SPI_processed == 0)
			break;
		caller = MemoryContextSwitchTo(context);
		read_chunk(&chunk);
		if (chunk.ngone > 0)
			program_as_owner(program, 0, check_gone, &chunk);
		if (rows == SOURCE_CATCH_UP && chunk.batch.n > 0)
			lock_unrecorded(program, source, portal, &chunk.batch);
		program_as_owner(program, PROGRAM_WRITES_REFUNDS, refunds_post, &chunk.batch);
		for (int i = 0; i < chunk.batch.n; i++)
			if (chunk.batch.rows[i].recorded)
				recorded++;
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_cursor_close(portal);
	MemoryContextDelete(context);
	return recorded;
}
