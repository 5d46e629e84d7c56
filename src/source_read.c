/*
 * source_read.c
 *	  Reading the user's tables and handing on what was read.
 *
 * Reading happens with the rights of whoever changes the table: its columns
 * may have types whose casts run the table owner's code, and that code must
 * not run as the program's owner.  What was read is posted as the latter.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/execdesc.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"

#include "program_refund.h"
#include "program_source.h"

/* Of the columns that hold ids of members, as the queries map them. */
static Oid
key_type(Program *program)
{
	return program->text_keys ? TEXTOID : INT8OID;
}

/* The rows of a table, as r, whose column is one of the keys in a parameter. */
char *
source_keyed_rows(Oid relid, const char *column, Oid type, int parameter)
{
	return psprintf("%s r WHERE %s = ANY (ARRAY(SELECT %s FROM unnest($%d) AS k(key)))",
					source_qualified_table(relid), source_comparable_column(relid, column),
					source_comparable_key(relid, column, type, "k.key"), parameter);
}

/* The word that state_map has for a state of the table, or the word itself. */
static EngineState
mapped_state(MemberSource *source, const char *word)
{
	JsonbValue	value;

	if (word == NULL)
		return ENGINE_ACTIVE;
	if (source->state_map != NULL &&
		getKeyJsonValueFromContainer(&source->state_map->root, word, strlen(word), &value) != NULL)
	{
		if (value.type != jbvString)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("state_map must map words to words"),
					 errdetail("The word for \"%s\" is not a string.", word)));
		word = pnstrdup(value.val.string.val, value.val.string.len);
	}
	return engine_state_from_word(word);
}

static void
read_member(Program *program, MemberSource *source, MemberRow *row, uint64 at)
{
	bool		isnull;
	Datum		value;
	char	   *state;

	value = program_column(at, 2, key_type(program), &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the id of a member must not be null")));
	if (program->text_keys)
		row->member_key = program_copy_text(value);
	else
		row->member_id = DatumGetInt64(value);
	if (row->member_key != NULL && VARSIZE_ANY_EXHDR(row->member_key) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the id of a member must not be empty")));

	row->sponsor_id = MEMBER_NONE;
	value = program_column(at, 3, key_type(program), &isnull);
	if (!isnull && program->text_keys)
		row->sponsor_key = program_copy_text(value);
	else if (!isnull)
	{
		row->sponsor_id = DatumGetInt64(value);
		if (row->sponsor_id < 0)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("member id %lld is out of range", (long long) row->sponsor_id),
					 errhint("Ids are 0 to 9223372036854775807.")));
	}
	value = program_column(at, 4, TIMESTAMPTZOID, &isnull);
	row->joined_at = isnull ? GetCurrentTransactionStartTimestamp() : DatumGetTimestampTz(value);
	if (TIMESTAMP_NOT_FINITE(row->joined_at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the time at which member \"%s\" joined must be finite", member_name(row))));
	value = program_column(at, 5, TEXTOID, &isnull);
	row->rank = isnull ? NULL : program_copy_text(value);
	state = source_column_text(at, 6);
	row->state = mapped_state(source, state);
}

/* Room for more rows; those there are stay. */
static MemberRow *
more_members(MemberBatch *batch, int n)
{
	MemberRow  *rows;

	if (batch->n + n > batch->room)
	{
		batch->room = Max(batch->n + n, batch->room * 2);
		batch->rows = batch->rows == NULL ?
			MemoryContextAllocHuge(CurrentMemoryContext, sizeof(MemberRow) * (Size) batch->room) :
			repalloc_huge(batch->rows, sizeof(MemberRow) * (Size) batch->room);
	}
	rows = batch->rows + batch->n;
	memset(rows, 0, sizeof(MemberRow) * n);
	batch->n += n;
	return rows;
}

/* Sponsors that the batch names from row first on, and that nobody knows. */
typedef struct NewSponsors
{
	MemberBatch *batch;
	int			first;
	Datum		unknown;		/* int8[] or text[] */
	int			n;
} NewSponsors;

static void
find_new_sponsors(Program *program, void *arg)
{
	NewSponsors *new = arg;
	MemberBatch *batch = new->batch;
	Oid			type = key_type(program);
	Datum	   *named = palloc(sizeof(Datum) * batch->n);
	Datum	   *known = palloc(sizeof(Datum) * batch->n);
	int			nnamed = 0;
	Oid			types[2];
	Datum		values[2];

	for (int i = 0; i < batch->n; i++)
	{
		MemberRow  *row = &batch->rows[i];

		known[i] = program->text_keys ? PointerGetDatum(row->member_key) : Int64GetDatum(row->member_id);
		if (i >= new->first && (row->sponsor_key != NULL || row->sponsor_id != MEMBER_NONE))
			named[nnamed++] = program->text_keys ? PointerGetDatum(row->sponsor_key) : Int64GetDatum(row->sponsor_id);
	}
	types[0] = types[1] = get_array_type(type);
	values[0] = program_array(type, named, NULL, nnamed);
	values[1] = program_array(type, known, NULL, batch->n);
	new->n = program_query(program,
						   program->text_keys ?
						   "SELECT k.key FROM unnest($1) AS k(key)"
						   " WHERE NOT EXISTS (SELECT FROM @member m WHERE m.member_key = k.key)"
						   " EXCEPT SELECT o.key FROM unnest($2) AS o(key)" :
						   "SELECT k.id FROM unnest($1) AS k(id)"
						   " WHERE NOT EXISTS (SELECT FROM @member m WHERE m.member_id = k.id)"
						   " EXCEPT SELECT o.id FROM unnest($2) AS o(id)",
						   2, types, values, NULL, 0);
	for (int i = 0; i < new->n; i++)
	{
		Datum		key = program_get(i, 1, type);

		named[i] = program->text_keys ? PointerGetDatum(program_copy_text(key)) : key;
	}
	SPI_freetuptable(SPI_tuptable);
	new->unknown = program_array(type, named, NULL, new->n);
}

/*
 * INSERT ... ON CONFLICT DO UPDATE tells of its updates before its inserts: a
 * new sponsor of an old member then stands in the table, and nobody has told
 * us yet.  Such sponsors are read from the table, and theirs, and join with
 * the batch; their own event finds them as they are.  Values of the table may
 * be equal and look different (1 and 1.00): only the same text is the same key,
 * else a row would be read again and again.
 */
static void
read_new_sponsors(Program *program, MemberSource *source, MemberBatch *batch)
{
	NewSponsors new = {.batch = batch};
	Oid			types[1];

	types[0] = get_array_type(key_type(program));
	for (;;)
	{
		uint64		found;
		MemberRow  *rows;

		program_as_owner(program, 0, find_new_sponsors, &new);
		if (new.n == 0)
			break;
		found = program_query_text(program,
								   psprintf("SELECT n.* FROM %s n"
											" WHERE (n.id IN (SELECT k.key FROM unnest($1) AS k(key))) IS TRUE",
											source_mapped_members(program, source, source->relid,
																  source_keyed_rows(source->relid, source->id, key_type(program), 1))),
								   1, types, &new.unknown, NULL, 0);
		if (found == 0)
			break;
		new.first = batch->n;
		rows = more_members(batch, found);
		for (uint64 i = 0; i < found; i++)
			read_member(program, source, &rows[i], i);
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Read what changed and apply it.  The whole statement is one batch: a child
 * may come before its sponsor.
 */
void
source_apply_members(Program *program, MemberSource *source, Oid relid,
					 SourceRows rows, MemberBatch *batch)
{
	Portal		portal = program_cursor(program, source_members_query(program, source, relid, rows), 0, NULL, NULL);
	bool		any_moves = false;
	bool		isnull;

	batch->sets_rank = source->rank != NULL && rows != SOURCE_DELETED;
	batch->sets_state = source->state != NULL || rows == SOURCE_DELETED;
	batch->orphans_root = source->orphans_root;
	for (;;)
	{
		SPI_cursor_fetch(portal, true, SALE_CHUNK_ROWS);
		if (SPI_processed == 0)
			break;
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			MemberRow  *row = more_members(batch, 1);

			read_member(program, source, row, i);
			(void) program_column(i, 1, BOOLOID, &isnull);
			if (isnull)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("the id of member \"%s\" cannot be changed", member_name(row)),
						 errdetail("It stands in paths and in the ledger."),
						 errhint("Add a member with the new id.")));
			if (DatumGetBool(program_get(i, 7, BOOLOID)))
				any_moves = true;
			if (rows == SOURCE_DELETED)
				row->state = ENGINE_LEFT;
		}
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_cursor_close(portal);

	batch->sets_sponsor = any_moves;
	if (rows == SOURCE_UPDATED && any_moves)
		read_new_sponsors(program, source, batch);
	if (rows == SOURCE_UPDATED)
		batch->event = any_moves ? MEMBER_SYNC : MEMBER_CHANGES;
	else if (rows == SOURCE_DELETED)
		batch->event = MEMBER_CHANGES;
	if (batch->n > 0)
		program_as_owner(program, PROGRAM_WRITES_MEMBERS, members_apply, batch);
}

/* Of the columns of the query for orders. */
const Oid *
source_order_types(Program *program)
{
	static const Oid by_number[ORDER_COLUMNS] = {
		BOOLOID, TEXTOID, INT8OID, NUMERICOID, TEXTOID, TIMESTAMPTZOID, JSONBOID, BOOLOID, BOOLOID, BOOLOID, NUMERICOID,
		BOOLOID, TIMESTAMPTZOID
	};
	static const Oid by_text[ORDER_COLUMNS] = {
		BOOLOID, TEXTOID, TEXTOID, NUMERICOID, TEXTOID, TIMESTAMPTZOID, JSONBOID, BOOLOID, BOOLOID, BOOLOID, NUMERICOID,
		BOOLOID, TIMESTAMPTZOID
	};

	return program->text_keys ? by_text : by_number;
}

enum
{
	ORDER_HERE, ORDER_KEY, ORDER_MEMBER, ORDER_AMOUNT, ORDER_CURRENCY, ORDER_TIME, ORDER_ATTRIBUTES, ORDER_PAID,
	ORDER_EARLY, ORDER_REFUNDED, ORDER_REFUNDED_AMOUNT, ORDER_FULFILLED, ORDER_FULFILLED_AT
};

/* A row of that query; all of it is copied. */
static void
take_order(Program *program, SaleRow *row, const Datum *values, const bool *nulls)
{
	memset(row, 0, sizeof(SaleRow));
	row->order_key = nulls[ORDER_KEY] ? NULL : program_copy_text(values[ORDER_KEY]);
	row->has_member = !nulls[ORDER_MEMBER];
	if (row->has_member && program->text_keys)
		row->member_key = program_copy_text(values[ORDER_MEMBER]);
	else if (row->has_member)
		row->member_id = DatumGetInt64(values[ORDER_MEMBER]);
	row->amount = nulls[ORDER_AMOUNT] ? NULL : DatumGetNumericCopy(values[ORDER_AMOUNT]);
	row->currency = nulls[ORDER_CURRENCY] ? NULL : TextDatumGetCString(values[ORDER_CURRENCY]);
	row->has_occurred_at = !nulls[ORDER_TIME];
	row->occurred_at = nulls[ORDER_TIME] ? 0 : DatumGetTimestampTz(values[ORDER_TIME]);
	row->attributes = nulls[ORDER_ATTRIBUTES] ? NULL : DatumGetJsonbPCopy(values[ORDER_ATTRIBUTES]);
	row->paid = DatumGetBool(values[ORDER_PAID]);
	row->early = DatumGetBool(values[ORDER_EARLY]);
	row->refunded = DatumGetBool(values[ORDER_REFUNDED]);
	row->refunded_amount = nulls[ORDER_REFUNDED_AMOUNT] ? NULL : DatumGetNumericCopy(values[ORDER_REFUNDED_AMOUNT]);
	row->fulfilled = DatumGetBool(values[ORDER_FULFILLED]);
	row->has_fulfilled_at = !nulls[ORDER_FULFILLED_AT];
	row->fulfilled_at = nulls[ORDER_FULFILLED_AT] ? 0 : DatumGetTimestampTz(values[ORDER_FULFILLED_AT]);
}

static void
read_order(Program *program, SaleRow *row, uint64 at)
{
	const Oid  *types = source_order_types(program);
	Datum		values[ORDER_COLUMNS];
	bool		nulls[ORDER_COLUMNS];

	for (int c = 0; c < ORDER_COLUMNS; c++)
		if ((c >= ORDER_PAID && c <= ORDER_REFUNDED) || c == ORDER_FULFILLED)
			values[c] = program_get(at, c + 1, types[c]);
		else
			values[c] = program_column(at, c + 1, types[c], &nulls[c]);
	take_order(program, row, values, nulls);
}

static void
find_unknown(Program *program, void *arg)
{
	SourceKeys *keys = arg;
	Oid			types[] = {TEXTARRAYOID};
	Datum		array = program_array(TEXTOID, keys->keys, keys->nulls, keys->n);
	uint64		found = program_query_at(program, keys->snapshot, keys->query, 1, types, &array, NULL, 0);

	for (uint64 i = 0; i < found; i++)
		keys->unknown[DatumGetInt64(program_get(i, 1, INT8OID)) - 1] = true;
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Others write while rows are read through a cursor.  Which of the rows did
 * the program know when the cursor was opened?  They could not change since,
 * so they are as they were read, but for orders that may be posted anew, which
 * post_changed() sees to; all others may have been changed, recorded or deleted
 * by now.  A row without a key counts as known: it will be refused.
 */
SourceKeys *
source_find_unknown(Program *program, Portal portal, const char *query, text *const *keys, int n)
{
	SourceKeys *result = palloc0(sizeof(SourceKeys));

	result->query = query;
	result->snapshot = portal->queryDesc->snapshot;
	result->n = n;
	result->keys = palloc(sizeof(Datum) * Max(n, 1));
	result->nulls = palloc(sizeof(bool) * Max(n, 1));
	result->unknown = palloc0(sizeof(bool) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		result->nulls[i] = keys[i] == NULL;
		result->keys[i] = PointerGetDatum(keys[i]);
	}
	program_as_owner(program, 0, find_unknown, result);
	return result;
}

/*
 * Keep the rows that are known, each of a size, and give the keys of the
 * others, to be locked and read once more.  Returns how many are kept.
 */
int
source_keep_known(SourceKeys *keys, void *rows, Size size, Datum *others)
{
	int			kept = 0;
	int			n = 0;

	for (int i = 0; i < keys->n; i++)
	{
		if (keys->unknown[i])
			keys->keys[n++] = keys->keys[i];
		else
			memmove((char *) rows + size * kept++, (char *) rows + size * i, size);
	}
	*others = program_array(TEXTOID, keys->keys, NULL, n);
	return kept;
}

/*
 * The lines of the orders that post, or have to be what was posted.  Where
 * others write, a table of lines may have been attached since we looked.
 */
static void
read_lines(Program *program, OrderSource *source, SourceRows rows, SaleBatch *batch)
{
	OrderSource *now = rows == SOURCE_CATCH_UP ? source_orders_by_id(program, source->id) : source;
	SaleRow   **with_lines = palloc(sizeof(SaleRow *) * Max(batch->n, 1));
	int			n = 0;

	if (now == NULL || now->lines == NULL)
		return;
	batch->lines_known = true;
	batch->lines_table = get_rel_name(now->lines->relid);
	batch->lines_after = now->lines->after_sale_id;
	for (int i = 0; i < batch->n; i++)
		if ((batch->rows[i].paid || batch->rows[i].early) && batch->rows[i].order_key != NULL)
			with_lines[n++] = &batch->rows[i];
	if (n == 0)
		return;
	source_check_lines(now, now->lines);
	source_read_lines(program, now->lines, with_lines, n);
}

/* Lock the orders of some keys, and read them as the last of the batch. */
static void
read_locked(Program *program, OrderSource *source, const Datum *since, Datum keys, SaleBatch *batch)
{
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID};
	Datum		values[3];
	SaleRow    *rows;
	uint64		found;

	values[0] = since[0];
	values[1] = since[1];
	values[2] = keys;
	found = program_query_text(program,
							   psprintf("SELECT n.* FROM %s n WHERE n.paid OR n.refunded FOR SHARE",
										source_mapped_orders(program, source, source->relid,
															 source_keyed_rows(source->relid, source->key, TEXTOID, 3))),
							   3, types, values, NULL, 0);
	rows = palloc(sizeof(SaleRow) * Max(batch->n + found, 1));
	if (batch->n > 0)
		memcpy(rows, batch->rows, sizeof(SaleRow) * batch->n);
	for (uint64 i = 0; i < found; i++)
		read_order(program, &rows[batch->n + i], i);
	SPI_freetuptable(SPI_tuptable);
	batch->rows = rows;
	batch->n += found;
}

/*
 * While others write, an order may be canceled between our reading it and our
 * posting it, or be paid again before we post its refund, and its trigger would
 * find nothing that we have not committed.  So what is going to be posted or
 * refunded is locked and read once more; the rest stays as it was read, to be
 * compared.  An order that was refunded before it was posted is neither.
 */
static void
lock_untold(Program *program, OrderSource *source, Portal portal, const Datum *since, SaleBatch *batch)
{
	text	  **order_keys = palloc(sizeof(text *) * batch->n);
	SourceKeys *keys;
	UntoldRefunds untold = {.batch = batch};
	Datum		others;
	int			kept;

	for (int i = 0; i < batch->n; i++)
		order_keys[i] = batch->rows[i].order_key;
	keys = source_find_unknown(program, portal,
							   "SELECT k.place FROM unnest($1) WITH ORDINALITY AS k(key, place)"
							   " WHERE k.key IS NOT NULL"
							   "   AND NOT EXISTS (SELECT FROM @sale s WHERE s.order_key = k.key)",
							   order_keys, batch->n);
	untold.orders = palloc0(sizeof(bool) * batch->n);
	program_as_owner(program, 0, refunds_untold, &untold);
	for (int i = 0; i < batch->n; i++)
		keys->unknown[i] = (keys->unknown[i] && !batch->rows[i].refunded) || untold.orders[i];
	kept = source_keep_known(keys, batch->rows, sizeof(SaleRow), &others);
	if (kept == batch->n)
		return;
	batch->n = kept;
	read_locked(program, source, since, others, batch);
}

/*
 * Orders that are not as they were posted have changed, or were read before
 * somebody else changed them: that is told once nobody can any more.
 */
static void
post_changed(Program *program, OrderSource *source, const Datum *since, SaleBatch *batch)
{
	SaleBatch	again = {.order_source_id = source->id,.timed = batch->timed,.tells_refunds = batch->tells_refunds};
	Datum	   *keys = palloc(sizeof(Datum) * Max(batch->n, 1));
	int			n = 0;

	for (int i = 0; i < batch->n; i++)
		if (batch->rows[i].changed)
			keys[n++] = PointerGetDatum(batch->rows[i].order_key);
	if (n == 0)
		return;
	read_locked(program, source, since, program_array(TEXTOID, keys, NULL, n), &again);
	read_lines(program, source, SOURCE_CATCH_UP, &again);
	program_as_owner(program, PROGRAM_WRITES_SALES, sales_post, &again);
	batch->posted += again.posted;
}

/*
 * Post what changed, or what is there, in batches; orders of a table before
 * since are left out.  Returns how many were posted.
 */
int64
source_post_orders(Program *program, OrderSource *source, Oid relid,
				   SourceRows rows, TimestampTz since)
{
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[2];
	Portal		portal;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "distributor orders",
												  ALLOCSET_DEFAULT_SIZES);
	int64		seen = 0;
	int64		posted = 0;

	values[0] = TimestampTzGetDatum(source->since);
	values[1] = TimestampTzGetDatum(since);

	/* a time among the attributes must look the same in every session */
	if (source->nattributes > 0)
		program_pin_setting("timezone", "UTC");
	/* two who catch up at once take the orders in the same order */
	if (rows == SOURCE_CATCH_UP)
		program_pin_setting("synchronize_seqscans", "off");
	portal = program_cursor(program, source_orders_query(program, source, relid, rows), 2, types, values);
	for (;;)
	{
		SaleBatch	batch = {.order_source_id = source->id,.timed = source->occurred_at != NULL};
		MemoryContext caller;

		batch.tells_refunds = source->refunded_amount != NULL;
		batch.stale = rows == SOURCE_CATCH_UP;
		SPI_cursor_fetch(portal, true, SALE_CHUNK_ROWS);
		batch.n = SPI_processed;
		if (batch.n == 0)
			break;
		caller = MemoryContextSwitchTo(context);
		batch.rows = palloc(sizeof(SaleRow) * batch.n);
		for (int i = 0; i < batch.n; i++)
			read_order(program, &batch.rows[i], i);
		SPI_freetuptable(SPI_tuptable);
		if (rows == SOURCE_CATCH_UP)
			lock_untold(program, source, portal, values, &batch);
		read_lines(program, source, rows, &batch);
		program_as_owner(program, PROGRAM_WRITES_SALES, sales_post, &batch);
		post_changed(program, source, values, &batch);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);

		posted += batch.posted;
		seen += batch.n;
		if (rows <= SOURCE_CATCH_UP && seen % SALE_PROGRESS_ROWS == 0)
			ereport(NOTICE,
					(errmsg("%lld orders read, %lld posted", (long long) seen, (long long) posted)));
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_cursor_close(portal);
	MemoryContextDelete(context);
	return posted;
}

/* The next rows that were inserted, as the query for them would return them. */
static void
next_inserted(Program *program, OrderReader *reader, Tuplestorestate *new_rows, int pointer,
			  TupleTableSlot *slot, SaleBatch *batch)
{
	int			room = 1;

	tuplestore_select_read_pointer(new_rows, pointer);
	batch->rows = palloc(sizeof(SaleRow) * room);
	while (batch->n < SALE_CHUNK_ROWS && tuplestore_gettupleslot(new_rows, true, false, slot))
	{
		Datum		values[ORDER_COLUMNS];
		bool		nulls[ORDER_COLUMNS];

		order_reader_eval(reader, slot, values, nulls);
		if (!DatumGetBool(values[ORDER_PAID]) && !DatumGetBool(values[ORDER_REFUNDED]))
			continue;
		if (batch->n == room)
			batch->rows = repalloc(batch->rows, sizeof(SaleRow) * (room = Min(room * 8, SALE_CHUNK_ROWS)));
		take_order(program, &batch->rows[batch->n++], values, nulls);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * The same as source_post_orders for what a statement has inserted, without a
 * query.  Such orders have no lines (source_known_orders).
 */
int64
source_post_inserted(Program *program, KnownOrders *known, Relation rel, Tuplestorestate *new_rows)
{
	OrderSource *source = known->source;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "distributor orders",
												  ALLOCSET_DEFAULT_SIZES);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsMinimalTuple);
	int			pointer = tuplestore_alloc_read_pointer(new_rows, EXEC_FLAG_REWIND);
	int64		posted = 0;

	if (source->nattributes > 0)
		program_pin_setting("timezone", "UTC");
	tuplestore_select_read_pointer(new_rows, pointer);
	tuplestore_rescan(new_rows);
	for (;;)
	{
		SaleBatch	batch = {.order_source_id = source->id,.timed = source->occurred_at != NULL};
		MemoryContext caller = MemoryContextSwitchTo(context);

		batch.tells_refunds = source->refunded_amount != NULL;
		next_inserted(program, known->reader, new_rows, pointer, slot, &batch);
		if (batch.n > 0)
			program_as_owner(program, PROGRAM_WRITES_SALES, sales_post, &batch);
		ExecClearTuple(slot);	/* read from a file, its row is in the context */
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
		posted += batch.posted;
		if (batch.n < SALE_CHUNK_ROWS)
			break;
	}
	ExecDropSingleTupleTableSlot(slot);
	MemoryContextDelete(context);
	return posted;
}

/*
 * What the program has and the table no longer: rows that were deleted while
 * no trigger looked.  Both sides are compared piece by piece, in the order of
 * the program's own numbers.
 */
typedef struct Piece
{
	const char *sql;			/* of the owner: number, key above $1, by number */
	int64		above;
	Datum		source_id;
	Oid			type;			/* of the keys */
	int			n;
	Datum	   *keys;
} Piece;

static void
next_piece(Program *program, void *arg)
{
	Piece	   *piece = arg;
	Oid			types[] = {INT8OID, INT4OID};
	Datum		values[2];

	values[0] = Int64GetDatum(piece->above);
	values[1] = piece->source_id;
	piece->n = program_query(program, piece->sql, 2, types, values, NULL, 0);
	piece->keys = palloc(sizeof(Datum) * Max(piece->n, 1));
	for (int i = 0; i < piece->n; i++)
	{
		Datum		key = program_get(i, 2, piece->type);

		piece->above = DatumGetInt64(program_get(i, 1, INT8OID));
		piece->keys[i] = piece->type == INT8OID ? key : PointerGetDatum(program_copy_text(key));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* The keys of a piece that the table lacks are left in SPI_tuptable. */
static uint64
absent_keys(Program *program, Piece *piece, Oid relid, const char *column)
{
	Oid			types[1];
	Datum		array = program_array(piece->type, piece->keys, NULL, piece->n);

	types[0] = get_array_type(piece->type);
	return program_query_text(program,
							  psprintf("SELECT k.key FROM unnest($1) AS k(key)"
									   " WHERE NOT EXISTS (SELECT FROM %s r WHERE %s = %s)",
									   source_qualified_table(relid), source_comparable_column(relid, column),
									   source_comparable_key(relid, column, piece->type, "k.key")),
							  1, types, &array, NULL, 0);
}

/* Members that are gone from their table have left; returns how many. */
int64
source_leave_deleted(Program *program, MemberSource *source)
{
	Piece		piece = {.above = -1,.type = program->text_keys ? TEXTOID : INT8OID};
	int64		left = 0;

	piece.sql = program->text_keys ?
		"SELECT m.member_id, m.member_key FROM @member m"
		" WHERE m.state <> 'left' AND m.member_id > $1 AND $2 IS NOT NULL ORDER BY m.member_id LIMIT 20000" :
		"SELECT m.member_id, m.member_id FROM @member m"
		" WHERE m.state <> 'left' AND m.member_id > $1 AND $2 IS NOT NULL ORDER BY m.member_id LIMIT 20000";
	piece.source_id = Int32GetDatum(0);
	for (;;)
	{
		MemberBatch batch = {.event = MEMBER_CHANGES,.sets_state = true};

		program_as_owner(program, 0, next_piece, &piece);
		if (piece.n == 0)
			break;
		batch.n = absent_keys(program, &piece, source->relid, source->id);
		batch.rows = palloc0(sizeof(MemberRow) * Max(batch.n, 1));
		for (int i = 0; i < batch.n; i++)
		{
			Datum		key = program_get(i, 1, piece.type);

			if (program->text_keys)
				batch.rows[i].member_key = program_copy_text(key);
			else
				batch.rows[i].member_id = DatumGetInt64(key);
			batch.rows[i].sponsor_id = MEMBER_NONE;
			batch.rows[i].state = ENGINE_LEFT;
		}
		SPI_freetuptable(SPI_tuptable);
		program_as_owner(program, PROGRAM_WRITES_MEMBERS, members_apply, &batch);
		left += batch.n;
		CHECK_FOR_INTERRUPTS();
	}
	return left;
}

/* A key of the program's that the table lacks; NULL: it has them all. */
static char *
first_absent(Program *program, Piece *piece, Oid relid, const char *column)
{
	for (;;)
	{
		char	   *key = NULL;

		program_as_owner(program, 0, next_piece, piece);
		if (piece->n == 0)
			return NULL;
		if (absent_keys(program, piece, relid, column) > 0)
			key = TextDatumGetCString(program_get(0, 1, TEXTOID));
		SPI_freetuptable(SPI_tuptable);
		if (key != NULL)
			return key;
		CHECK_FOR_INTERRUPTS();
	}
}

/* Orders that have been posted must still be there. */
void
source_check_deleted(Program *program, OrderSource *source)
{
	Piece		piece = {.above = -1,.type = TEXTOID,.source_id = Int32GetDatum(source->id)};
	char	   *key;

	piece.sql = "SELECT s.sale_id, s.order_key FROM @sale s"
		" WHERE s.sale_id > $1 AND s.order_source_id = $2 AND " SALE_IS_LATEST " ORDER BY s.sale_id LIMIT 20000";
	key = first_absent(program, &piece, source->relid, source->key);
	if (key != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("order \"%s\" has been posted and is gone from table \"%s\"",
						key, get_rel_name(source->relid)),
				 errhint("Put the order back; its commissions are in the ledger.")));
}

/* The same for refunds. */
void
source_check_deleted_refunds(Program *program, RefundSource *source)
{
	Piece		piece = {.above = -1,.type = TEXTOID,.source_id = Int32GetDatum(source->id)};
	char	   *key;

	piece.sql = "SELECT r.refund_id, r.refund_key FROM @refund r"
		" WHERE r.refund_id > $1 AND r.refund_source_id = $2 ORDER BY r.refund_id LIMIT 20000";
	key = first_absent(program, &piece, source->relid, source->key);
	if (key != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("refund \"%s\" has been recorded and is gone from table \"%s\"",
						key, get_rel_name(source->relid)),
				 errhint("Put the refund back; what it took back is in the ledger.")));
}
