/*
 * program_source.c
 *	  How the user's own tables are registered with a program.
 *
 * Registrations are read and written as the program's owner.  The files beside
 * this one are about the tables themselves: source_columns.c says which columns
 * will do, source_query.c builds the queries, source_read.c runs them.
 */
#include "compat.h"

#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "program_source.h"

char *
source_column_text(uint64 row, int column)
{
	bool		isnull;
	Datum		value = program_column(row, column, TEXTOID, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static Datum
text_or_null(const char *string, char *null)
{
	*null = string == NULL ? 'n' : ' ';
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

/* The table itself and what it is a partition of: any of them may be registered. */
Datum
source_relid_and_ancestors(Oid relid)
{
	List	   *ancestors = get_rel_relispartition(relid) ? get_partition_ancestors(relid) : NIL;
	Datum	   *relids = palloc(sizeof(Datum) * (1 + list_length(ancestors)));
	int			n = 0;
	ListCell   *cell;

	relids[n++] = ObjectIdGetDatum(relid);
	foreach(cell, ancestors)
		relids[n++] = ObjectIdGetDatum(lfirst_oid(cell));
	return program_array(OIDOID, relids, NULL, n);
}

#define MEMBER_SOURCE_COLUMNS \
	"s.relid::oid, s.id_column, s.sponsor_column, s.joined_at_column, s.rank_column," \
	" s.state_column, s.state_map, s.orphans = 'root'"

static MemberSource *
member_source_row(uint64 row)
{
	MemberSource *source = palloc0(sizeof(MemberSource));
	bool		isnull;
	Datum		map;

	source->relid = DatumGetObjectId(program_get(row, 1, OIDOID));
	source->id = source_column_text(row, 2);
	source->sponsor = source_column_text(row, 3);
	source->joined_at = source_column_text(row, 4);
	source->rank = source_column_text(row, 5);
	source->state = source_column_text(row, 6);
	map = program_column(row, 7, JSONBOID, &isnull);
	source->state_map = isnull ? NULL : DatumGetJsonbPCopy(map);
	source->orphans_root = DatumGetBool(program_get(row, 8, BOOLOID));
	return source;
}

/* Names from an array of text. */
static char **
names_column(uint64 row, int column, int *n)
{
	Datum	   *values;
	char	  **names;

	deconstruct_array(DatumGetArrayTypeP(program_get(row, column, TEXTARRAYOID)),
					  TEXTOID, -1, false, TYPALIGN_INT, &values, NULL, n);
	names = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		names[i] = TextDatumGetCString(values[i]);
	return names;
}

static Datum
names_array(char **names, int n)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		values[i] = CStringGetTextDatum(names[i]);
	return program_array(TEXTOID, values, NULL, n);
}

#define LINE_SOURCE_COLUMNS \
	"l.relid::oid, l.order_source_id, l.order_key_column, l.line_key_column, l.product_column," \
	" l.quantity_column, l.amount_column, l.cost_column, l.attribute_columns, l.after_sale_id"

/* From a column on; NULL where there is none. */
static LineSource *
line_source_row(uint64 row, int column)
{
	LineSource *source;
	bool		isnull;

	(void) program_column(row, column, OIDOID, &isnull);
	if (isnull)
		return NULL;
	source = palloc0(sizeof(LineSource));
	source->relid = DatumGetObjectId(program_get(row, column, OIDOID));
	source->order_source_id = DatumGetInt32(program_get(row, column + 1, INT4OID));
	source->order_key = source_column_text(row, column + 2);
	source->line_key = source_column_text(row, column + 3);
	source->product = source_column_text(row, column + 4);
	source->quantity = source_column_text(row, column + 5);
	source->amount = source_column_text(row, column + 6);
	source->cost = source_column_text(row, column + 7);
	source->attributes = names_column(row, column + 8, &source->nattributes);
	source->after_sale_id = DatumGetInt64(program_get(row, column + 9, INT8OID));
	return source;
}

#define ORDER_SOURCE_COLUMNS \
	"s.order_source_id, s.relid::oid, s.key_column, s.member_column, s.amount_column," \
	" s.occurred_at_column, s.status_column, s.paid, s.currency_column, s.attribute_columns, s.since," \
	" s.refunded, s.refunded_amount_column, s.fulfilled, s.fulfilled_at_column"

/* With the table of their lines, unless that has been dropped. */
#define ORDER_SOURCES \
	"SELECT " ORDER_SOURCE_COLUMNS ", " LINE_SOURCE_COLUMNS \
	"  FROM @order_source s" \
	"  LEFT JOIN @order_line_source l ON l.order_source_id = s.order_source_id AND l.detached_at IS NULL" \
	"        AND EXISTS (SELECT FROM pg_class c WHERE c.oid = l.relid)"

static OrderSource *
order_source_row(uint64 row)
{
	OrderSource *source = palloc0(sizeof(OrderSource));

	source->id = DatumGetInt32(program_get(row, 1, INT4OID));
	source->relid = DatumGetObjectId(program_get(row, 2, OIDOID));
	source->key = source_column_text(row, 3);
	source->member = source_column_text(row, 4);
	source->amount = source_column_text(row, 5);
	source->occurred_at = source_column_text(row, 6);
	source->status = source_column_text(row, 7);
	source->paid = DatumGetArrayTypePCopy(program_get(row, 8, TEXTARRAYOID));
	source->currency = source_column_text(row, 9);
	source->attributes = names_column(row, 10, &source->nattributes);
	source->since = DatumGetTimestampTz(program_get(row, 11, TIMESTAMPTZOID));
	source->refunded = DatumGetArrayTypePCopy(program_get(row, 12, TEXTARRAYOID));
	source->refunded_amount = source_column_text(row, 13);
	source->fulfilled = DatumGetArrayTypePCopy(program_get(row, 14, TEXTARRAYOID));
	source->fulfilled_at = source_column_text(row, 15);
	source->lines = line_source_row(row, 16);
	return source;
}

/* Finding registrations; those of tables that have been dropped are over */

typedef struct Lookup
{
	Oid			relid;			/* InvalidOid: all */
	int			id;				/* of orders */
	MemberSource *members;
	LineSource *lines;
	OrderSource **orders;
	int			norders;
} Lookup;

static void
lookup_members(Program *program, void *arg)
{
	Lookup	   *lookup = arg;
	Oid			types[] = {OIDARRAYOID};
	Datum		value;

	if (OidIsValid(lookup->relid))
		value = source_relid_and_ancestors(lookup->relid);
	if (program_query_now(program,
						  OidIsValid(lookup->relid) ?
						  "SELECT " MEMBER_SOURCE_COLUMNS " FROM @member_source s"
						  " WHERE s.detached_at IS NULL AND s.relid::oid = ANY ($1)" :
						  "SELECT " MEMBER_SOURCE_COLUMNS " FROM @member_source s"
						  " WHERE s.detached_at IS NULL"
						  "   AND EXISTS (SELECT FROM pg_class c WHERE c.oid = s.relid)",
						  OidIsValid(lookup->relid) ? 1 : 0, types, &value, NULL, 1) > 0)
		lookup->members = member_source_row(0);
	SPI_freetuptable(SPI_tuptable);
}

static void
lookup_orders(Program *program, void *arg)
{
	Lookup	   *lookup = arg;
	Oid			types[] = {OIDARRAYOID};
	Datum		value;

	if (OidIsValid(lookup->relid))
		value = source_relid_and_ancestors(lookup->relid);
	lookup->norders = program_query_now(program,
										OidIsValid(lookup->relid) ?
										ORDER_SOURCES
										" WHERE s.detached_at IS NULL AND s.relid::oid = ANY ($1)" :
										ORDER_SOURCES
										" WHERE s.detached_at IS NULL"
										"   AND EXISTS (SELECT FROM pg_class c WHERE c.oid = s.relid)"
										" ORDER BY s.order_source_id",
										OidIsValid(lookup->relid) ? 1 : 0, types, &value, NULL, 0);
	lookup->orders = palloc(sizeof(OrderSource *) * Max(lookup->norders, 1));
	for (int i = 0; i < lookup->norders; i++)
		lookup->orders[i] = order_source_row(i);
	SPI_freetuptable(SPI_tuptable);
}

/* How relid is registered, by itself or as a partition; NULL: it is not. */
MemberSource *
source_members(Program *program, Oid relid)
{
	Lookup		lookup = {.relid = relid};

	program_as_owner(program, 0, lookup_members, &lookup);
	return lookup.members;
}

/* The table that keeps the tree, if one does. */
MemberSource *
source_attached_members(Program *program)
{
	return source_members(program, InvalidOid);
}

OrderSource *
source_orders(Program *program, Oid relid)
{
	Lookup		lookup = {.relid = relid};

	program_as_owner(program, 0, lookup_orders, &lookup);
	return lookup.norders > 0 ? lookup.orders[0] : NULL;
}

OrderSource **
source_all_orders(Program *program, int *n)
{
	Lookup		lookup = {.relid = InvalidOid};

	program_as_owner(program, 0, lookup_orders, &lookup);
	*n = lookup.norders;
	return lookup.orders;
}

static void
lookup_order_id(Program *program, void *arg)
{
	Lookup	   *lookup = arg;
	Oid			types[] = {INT4OID};
	Datum		value = Int32GetDatum(lookup->id);

	lookup->norders = program_query_now(program,
										ORDER_SOURCES
										" WHERE s.detached_at IS NULL AND s.order_source_id = $1"
										"   AND EXISTS (SELECT FROM pg_class c WHERE c.oid = s.relid)",
										1, types, &value, NULL, 1);
	if (lookup->norders > 0)
	{
		lookup->orders = palloc(sizeof(OrderSource *));
		lookup->orders[0] = order_source_row(0);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* An attached table of orders, as it is registered now; NULL: it is not. */
OrderSource *
source_orders_by_id(Program *program, int id)
{
	Lookup		lookup = {.id = id};

	program_as_owner(program, 0, lookup_order_id, &lookup);
	return lookup.norders > 0 ? lookup.orders[0] : NULL;
}

static void
lookup_lines(Program *program, void *arg)
{
	Lookup	   *lookup = arg;
	Oid			types[] = {OIDARRAYOID};
	Datum		value = source_relid_and_ancestors(lookup->relid);

	if (program_query_now(program,
						  "SELECT " LINE_SOURCE_COLUMNS " FROM @order_line_source l"
						  " WHERE l.detached_at IS NULL AND l.relid::oid = ANY ($1)",
						  1, types, &value, NULL, 1) > 0)
		lookup->lines = line_source_row(0, 1);
	SPI_freetuptable(SPI_tuptable);
}

LineSource *
source_lines(Program *program, Oid relid)
{
	Lookup		lookup = {.relid = relid};

	program_as_owner(program, 0, lookup_lines, &lookup);
	return lookup.lines;
}

/* Making and ending registrations */

static void
register_members(Program *program, void *arg)
{
	MemberSource *source = arg;
	Oid			types[] = {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, JSONBOID, TEXTOID};
	Datum		values[8];
	char		nulls[8];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = ObjectIdGetDatum(source->relid);
	values[1] = text_or_null(source->id, &nulls[1]);
	values[2] = text_or_null(source->sponsor, &nulls[2]);
	values[3] = text_or_null(source->joined_at, &nulls[3]);
	values[4] = text_or_null(source->rank, &nulls[4]);
	values[5] = text_or_null(source->state, &nulls[5]);
	values[6] = JsonbPGetDatum(source->state_map);
	nulls[6] = source->state_map == NULL ? 'n' : ' ';
	values[7] = CStringGetTextDatum(source->orphans_root ? "root" : "error");
	source->returns = program_query(program,
									"SELECT FROM @member_source s"
									" WHERE s.relid::oid = $1 AND s.detached_at IS NOT NULL",
									1, types, values, NULL, 0) > 0;
	program_query(program,
				  "INSERT INTO @member_source AS s (relid, id_column, sponsor_column, joined_at_column,"
				  "            rank_column, state_column, state_map, orphans)"
				  " VALUES ($1::regclass, $2, $3, $4, $5, $6, $7, $8)"
				  " ON CONFLICT (relid) DO UPDATE"
				  "    SET id_column = excluded.id_column, sponsor_column = excluded.sponsor_column,"
				  "        joined_at_column = excluded.joined_at_column, rank_column = excluded.rank_column,"
				  "        state_column = excluded.state_column, state_map = excluded.state_map,"
				  "        orphans = excluded.orphans, attached_at = now(), detached_at = NULL",
				  8, types, values, nulls, 0);
	/* a program that has no members yet takes its kind of key from the table */
	types[0] = BOOLOID;
	values[0] = BoolGetDatum(program->text_keys);
	program_query(program,
				  "UPDATE @program p SET key_type = CASE WHEN $1 THEN 'text' ELSE 'bigint' END"
				  " WHERE (p.key_type = 'text') <> $1",
				  1, types, values, NULL, 0);
}

void
source_register_members(Program *program, MemberSource *source)
{
	program_as_owner(program,
					 PROGRAM_WRITES(PROGRAM_MEMBER_SOURCE) | PROGRAM_WRITES(PROGRAM_PROGRAM),
					 register_members, source);
}

/*
 * By another key, every order that has been posted would be another one.  A
 * column that has another name now is the same.
 */
static void
check_same_key(Program *program, OrderSource *source)
{
	Oid			types[] = {OIDOID, TEXTOID};
	Datum		values[2];

	values[0] = ObjectIdGetDatum(source->relid);
	values[1] = CStringGetTextDatum(source->key);
	if (program_query(program,
					  "SELECT o.key_column FROM @order_source o"
					  " WHERE o.relid::oid = $1 AND o.key_column <> $2"
					  "   AND EXISTS (SELECT FROM pg_attribute a"
					  "                WHERE a.attrelid = o.relid AND a.attname = o.key_column AND NOT a.attisdropped)"
					  "   AND EXISTS (SELECT FROM @sale s WHERE s.order_source_id = o.order_source_id)",
					  2, types, values, NULL, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("orders of table \"%s\" have been posted by the key \"%s\"",
						get_rel_name(source->relid), TextDatumGetCString(program_get(0, 1, TEXTOID))),
				 errhint("Attach the table with that key; by another one they would be posted twice.")));
	SPI_freetuptable(SPI_tuptable);
}

static void
register_orders(Program *program, void *arg)
{
	OrderSource *source = arg;
	Oid			types[] = {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID,
	TEXTARRAYOID, TEXTOID, TEXTARRAYOID, TEXTOID};
	Datum		values[14];
	char		nulls[14];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = ObjectIdGetDatum(source->relid);
	values[1] = text_or_null(source->key, &nulls[1]);
	values[2] = text_or_null(source->member, &nulls[2]);
	values[3] = text_or_null(source->amount, &nulls[3]);
	values[4] = text_or_null(source->occurred_at, &nulls[4]);
	values[5] = text_or_null(source->status, &nulls[5]);
	values[6] = PointerGetDatum(source->paid);
	values[7] = text_or_null(source->currency, &nulls[7]);
	values[8] = names_array(source->attributes, source->nattributes);
	values[9] = TimestampTzGetDatum(source->since);
	values[10] = PointerGetDatum(source->refunded);
	values[11] = text_or_null(source->refunded_amount, &nulls[11]);
	values[12] = PointerGetDatum(source->fulfilled);
	values[13] = text_or_null(source->fulfilled_at, &nulls[13]);
	check_same_key(program, source);
	source->returns = program_query(program,
									"SELECT FROM @order_source o WHERE o.relid::oid = $1 AND o.detached_at IS NOT NULL",
									1, types, values, NULL, 1) > 0;
	program_query(program,
				  "INSERT INTO @order_source AS s (order_source_id, relid, key_column, member_column, amount_column,"
				  "            occurred_at_column, status_column, paid, currency_column, attribute_columns, since,"
				  "            refunded, refunded_amount_column, fulfilled, fulfilled_at_column)"
				  " SELECT coalesce(max(o.order_source_id), 0) + 1, $1::regclass, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
				  "        $13, $14"
				  "   FROM @order_source o"
				  " ON CONFLICT (relid) DO UPDATE"
				  "    SET key_column = excluded.key_column, member_column = excluded.member_column,"
				  "        amount_column = excluded.amount_column, occurred_at_column = excluded.occurred_at_column,"
				  "        status_column = excluded.status_column, paid = excluded.paid,"
				  "        currency_column = excluded.currency_column, attribute_columns = excluded.attribute_columns,"
				  "        since = excluded.since, refunded = excluded.refunded,"
				  "        refunded_amount_column = excluded.refunded_amount_column, fulfilled = excluded.fulfilled,"
				  "        fulfilled_at_column = excluded.fulfilled_at_column, attached_at = now(), detached_at = NULL"
				  " RETURNING order_source_id",
				  14, types, values, nulls, 0);
	source->id = DatumGetInt32(program_get(0, 1, INT4OID));
	SPI_freetuptable(SPI_tuptable);
}

void
source_register_orders(Program *program, OrderSource *source)
{
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_ORDER_SOURCE), register_orders, source);
}

/*
 * Nobody posts meanwhile: the table of orders is locked.  Sales that have been
 * posted while the lines were not attached may be without.
 */
static void
register_lines(Program *program, void *arg)
{
	LineSource *source = arg;
	Oid			types[] = {OIDOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT8OID};
	Datum		values[10];
	char		nulls[10];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = ObjectIdGetDatum(source->relid);
	if (program_query(program,
					  "SELECT l.after_sale_id FROM @order_line_source l"
					  " WHERE l.relid::oid = $1 AND l.detached_at IS NULL",
					  1, types, values, NULL, 1) > 0)
	{
		source->stays = true;
		source->after_sale_id = DatumGetInt64(program_get(0, 1, INT8OID));
	}
	else
	{
		(void) program_query(program, "SELECT coalesce(max(s.sale_id), 0) FROM @sale s", 0, NULL, NULL, NULL, 1);
		source->after_sale_id = DatumGetInt64(program_get(0, 1, INT8OID));
	}
	SPI_freetuptable(SPI_tuptable);

	values[1] = Int32GetDatum(source->order_source_id);
	values[2] = text_or_null(source->order_key, &nulls[2]);
	values[3] = text_or_null(source->line_key, &nulls[3]);
	values[4] = text_or_null(source->product, &nulls[4]);
	values[5] = text_or_null(source->quantity, &nulls[5]);
	values[6] = text_or_null(source->amount, &nulls[6]);
	values[7] = text_or_null(source->cost, &nulls[7]);
	values[8] = names_array(source->attributes, source->nattributes);
	values[9] = Int64GetDatum(source->after_sale_id);
	program_query(program,
				  "INSERT INTO @order_line_source AS l (relid, order_source_id, order_key_column, line_key_column,"
				  "            product_column, quantity_column, amount_column, cost_column, attribute_columns, after_sale_id)"
				  " VALUES ($1::regclass, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
				  " ON CONFLICT (relid) DO UPDATE"
				  "    SET order_source_id = excluded.order_source_id, order_key_column = excluded.order_key_column,"
				  "        line_key_column = excluded.line_key_column, product_column = excluded.product_column,"
				  "        quantity_column = excluded.quantity_column, amount_column = excluded.amount_column,"
				  "        cost_column = excluded.cost_column, attribute_columns = excluded.attribute_columns,"
				  "        after_sale_id = excluded.after_sale_id, attached_at = now(), detached_at = NULL",
				  10, types, values, nulls, 0);
}

void
source_register_lines(Program *program, LineSource *source)
{
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_ORDER_LINE_SOURCE), register_lines, source);
}

typedef struct Unregister
{
	Oid			relid;
	SourceKind	kind;
	bool		found;
} Unregister;

static void
unregister(Program *program, void *arg)
{
	static const char *const updates[] = {
		"UPDATE @member_source s SET detached_at = now()"
		" WHERE s.relid::oid = $1 AND s.detached_at IS NULL",
		"UPDATE @order_source s SET detached_at = now()"
		" WHERE s.relid::oid = $1 AND s.detached_at IS NULL",
		"UPDATE @order_line_source s SET detached_at = now()"
		" WHERE s.relid::oid = $1 AND s.detached_at IS NULL",
		"UPDATE @refund_source s SET detached_at = now()"
		" WHERE s.relid::oid = $1 AND s.detached_at IS NULL",
	};
	Unregister *what = arg;
	Oid			types[] = {OIDOID};
	Datum		value = ObjectIdGetDatum(what->relid);

	what->found = program_query(program, updates[what->kind], 1, types, &value, NULL, 0) > 0;
}

/* False: it was not registered. */
bool
source_unregister(Program *program, Oid relid, SourceKind kind)
{
	static const ProgramTable tables[] = {PROGRAM_MEMBER_SOURCE, PROGRAM_ORDER_SOURCE, PROGRAM_ORDER_LINE_SOURCE,
	PROGRAM_REFUND_SOURCE};
	Unregister	what = {.relid = relid,.kind = kind};

	program_as_owner(program, PROGRAM_WRITES(tables[kind]), unregister, &what);
	return what.found;
}
