/*
 * program_source.c
 *	  The user's own tables: how they are registered, and how they are read.
 *
 * Reading happens with the rights of whoever changes the table: its columns
 * may have types whose casts run the table owner's code, and that code must
 * not run as the program's owner.  Registrations are read and written, and
 * what was read is posted, as the program's owner.
 */
#include "compat.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "program_source.h"

static char *
column_text(uint64 row, int column)
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
static Datum
relid_and_ancestors(Oid relid)
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
	source->id = column_text(row, 2);
	source->sponsor = column_text(row, 3);
	source->joined_at = column_text(row, 4);
	source->rank = column_text(row, 5);
	source->state = column_text(row, 6);
	map = program_column(row, 7, JSONBOID, &isnull);
	source->state_map = isnull ? NULL : DatumGetJsonbPCopy(map);
	source->orphans_root = DatumGetBool(program_get(row, 8, BOOLOID));
	return source;
}

#define ORDER_SOURCE_COLUMNS \
	"s.order_source_id, s.relid::oid, s.key_column, s.member_column, s.amount_column," \
	" s.occurred_at_column, s.status_column, s.paid, s.currency_column, s.attribute_columns, s.since"

static OrderSource *
order_source_row(uint64 row)
{
	OrderSource *source = palloc0(sizeof(OrderSource));
	Datum	   *names;

	source->id = DatumGetInt32(program_get(row, 1, INT4OID));
	source->relid = DatumGetObjectId(program_get(row, 2, OIDOID));
	source->key = column_text(row, 3);
	source->member = column_text(row, 4);
	source->amount = column_text(row, 5);
	source->occurred_at = column_text(row, 6);
	source->status = column_text(row, 7);
	source->paid = DatumGetArrayTypePCopy(program_get(row, 8, TEXTARRAYOID));
	source->currency = column_text(row, 9);
	deconstruct_array(DatumGetArrayTypeP(program_get(row, 10, TEXTARRAYOID)),
					  TEXTOID, -1, false, TYPALIGN_INT, &names, NULL, &source->nattributes);
	source->attributes = palloc(sizeof(char *) * Max(source->nattributes, 1));
	for (int i = 0; i < source->nattributes; i++)
		source->attributes[i] = TextDatumGetCString(names[i]);
	source->since = DatumGetTimestampTz(program_get(row, 11, TIMESTAMPTZOID));
	return source;
}

/* Finding registrations; those of tables that have been dropped are over */

typedef struct Lookup
{
	Oid			relid;			/* InvalidOid: all */
	MemberSource *members;
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
		value = relid_and_ancestors(lookup->relid);
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
		value = relid_and_ancestors(lookup->relid);
	lookup->norders = program_query_now(program,
										OidIsValid(lookup->relid) ?
										"SELECT " ORDER_SOURCE_COLUMNS " FROM @order_source s"
										" WHERE s.detached_at IS NULL AND s.relid::oid = ANY ($1)" :
										"SELECT " ORDER_SOURCE_COLUMNS " FROM @order_source s"
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

static void
register_orders(Program *program, void *arg)
{
	OrderSource *source = arg;
	Oid			types[] = {OIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, TEXTOID, TEXTARRAYOID, TIMESTAMPTZOID};
	Datum		values[10];
	char		nulls[10];
	Datum	   *names = palloc(sizeof(Datum) * Max(source->nattributes, 1));

	for (int i = 0; i < source->nattributes; i++)
		names[i] = CStringGetTextDatum(source->attributes[i]);
	memset(nulls, ' ', sizeof(nulls));
	values[0] = ObjectIdGetDatum(source->relid);
	values[1] = text_or_null(source->key, &nulls[1]);
	values[2] = text_or_null(source->member, &nulls[2]);
	values[3] = text_or_null(source->amount, &nulls[3]);
	values[4] = text_or_null(source->occurred_at, &nulls[4]);
	values[5] = text_or_null(source->status, &nulls[5]);
	values[6] = PointerGetDatum(source->paid);
	values[7] = text_or_null(source->currency, &nulls[7]);
	values[8] = program_array(TEXTOID, names, NULL, source->nattributes);
	values[9] = TimestampTzGetDatum(source->since);
	program_query(program,
				  "INSERT INTO @order_source AS s (order_source_id, relid, key_column, member_column, amount_column,"
				  "            occurred_at_column, status_column, paid, currency_column, attribute_columns, since)"
				  " SELECT coalesce(max(o.order_source_id), 0) + 1, $1::regclass, $2, $3, $4, $5, $6, $7, $8, $9, $10"
				  "   FROM @order_source o"
				  " ON CONFLICT (relid) DO UPDATE"
				  "    SET key_column = excluded.key_column, member_column = excluded.member_column,"
				  "        amount_column = excluded.amount_column, occurred_at_column = excluded.occurred_at_column,"
				  "        status_column = excluded.status_column, paid = excluded.paid,"
				  "        currency_column = excluded.currency_column, attribute_columns = excluded.attribute_columns,"
				  "        since = excluded.since, attached_at = now(), detached_at = NULL"
				  " RETURNING order_source_id",
				  10, types, values, nulls, 0);
	source->id = DatumGetInt32(program_get(0, 1, INT4OID));
	SPI_freetuptable(SPI_tuptable);
}

void
source_register_orders(Program *program, OrderSource *source)
{
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_ORDER_SOURCE), register_orders, source);
}

typedef struct Unregister
{
	Oid			relid;
	bool		of_orders;
	bool		found;
} Unregister;

static void
unregister(Program *program, void *arg)
{
	Unregister *what = arg;
	Oid			types[] = {OIDOID};
	Datum		value = ObjectIdGetDatum(what->relid);

	what->found = program_query(program,
								what->of_orders ?
								"UPDATE @order_source s SET detached_at = now()"
								" WHERE s.relid::oid = $1 AND s.detached_at IS NULL" :
								"UPDATE @member_source s SET detached_at = now()"
								" WHERE s.relid::oid = $1 AND s.detached_at IS NULL",
								1, types, &value, NULL, 0) > 0;
}

/* False: it was not registered. */
bool
source_unregister(Program *program, Oid relid, bool of_orders)
{
	Unregister	what = {.relid = relid,.of_orders = of_orders};

	program_as_owner(program,
					 PROGRAM_WRITES(of_orders ? PROGRAM_ORDER_SOURCE : PROGRAM_MEMBER_SOURCE),
					 unregister, &what);
	return what.found;
}

/* Columns and their types */

static Oid
column_type(Oid relid, const char *column, const char *parameter)
{
	AttrNumber	attnum = get_attnum(relid, column);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist", column, get_rel_name(relid)),
				 errdetail("It is the \"%s\" of the attached table.", parameter),
				 errhint("Attach the table again with the columns that it has.")));
	return getBaseType(get_atttype(relid, attnum));
}

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* Types whose text form does not depend on settings, so that it can be a key. */
static bool
is_key(Oid type)
{
	char		category;
	bool		preferred;

	if (is_integer(type) || type == NUMERICOID || type == UUIDOID)
		return true;
	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING || category == TYPCATEGORY_ENUM;
}

static void
type_error(Oid relid, const char *column, const char *parameter, Oid type, const char *want)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of table \"%s\" cannot be the \"%s\"",
					column, get_rel_name(relid), parameter),
			 errdetail("Its type is %s.", format_type_be(type)),
			 errhint("%s", want)));
}

static void
check_key_column(Oid relid, const char *column, const char *parameter)
{
	Oid			type = column_type(relid, column, parameter);

	if (!is_key(type))
		type_error(relid, column, parameter, type,
				   "Use a column of integers, numeric, uuid, text or an enum.");
}

static void
check_time_column(Oid relid, const char *column, const char *parameter)
{
	Oid			type;

	if (column == NULL)
		return;
	type = column_type(relid, column, parameter);
	if (type != TIMESTAMPTZOID && type != TIMESTAMPOID && type != DATEOID)
		type_error(relid, column, parameter, type,
				   "Use a column of timestamp with time zone, timestamp or date.");
}

/*
 * Making json of a value may call a cast that the owner of its type has made;
 * only a superuser makes base types and what is there from the start.
 */
static void
check_attribute_column(Oid relid, const char *column)
{
	Oid			type = column_type(relid, column, "attributes");
	Oid			element = get_element_type(type);
	Oid			base = OidIsValid(element) ? getBaseType(element) : type;

	if (base >= FirstNormalObjectId && get_typtype(base) != TYPTYPE_BASE &&
		(OidIsValid(element) || !type_is_enum(type)))
		type_error(relid, column, "attributes", type,
				   "Use a column of a base type, a built-in type or an enum.");
}

static void
find_any_member(Program *program, void *arg)
{
	*(bool *) arg = program_query_now(program, "SELECT FROM @member LIMIT 1", 0, NULL, NULL, NULL, 1) > 0;
}

static bool
has_members(Program *program)
{
	bool		result;

	program_as_owner(program, 0, find_any_member, &result);
	return result;
}

/*
 * Check the columns of a table of members.  An empty program takes its kind
 * of key from them.
 */
void
source_check_members(Program *program, MemberSource *source)
{
	Oid			type = column_type(source->relid, source->id, "id");
	Oid			sponsor = column_type(source->relid, source->sponsor, "sponsor");

	check_key_column(source->relid, source->id, "id");
	if (is_integer(type) != is_integer(sponsor))
		type_error(source->relid, source->sponsor, "sponsor", sponsor,
				   "Use a column of the type of the ids.");
	check_key_column(source->relid, source->sponsor, "sponsor");
	if (is_integer(type) == program->text_keys)
	{
		if (has_members(program))
			type_error(source->relid, source->id, "id", type,
					   program->text_keys ? "The members of the program have keys of text."
					   : "The members of the program have numbers as ids.");
		program->text_keys = !is_integer(type);
	}
	check_time_column(source->relid, source->joined_at, "joined_at");
	if (source->rank != NULL)
		check_key_column(source->relid, source->rank, "rank");
	if (source->state != NULL && column_type(source->relid, source->state, "state") != BOOLOID)
		check_key_column(source->relid, source->state, "state");
}

/* A boolean has two words as text; others would never match. */
static void
check_paid_words(OrderSource *source)
{
	Datum	   *words;
	int			n;

	if (column_type(source->relid, source->status, "status") != BOOLOID)
		return;
	deconstruct_array(source->paid, TEXTOID, -1, false, TYPALIGN_INT, &words, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *word = TextDatumGetCString(words[i]);

		if (strcmp(word, "true") != 0 && strcmp(word, "false") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" is no value of the status column \"%s\"", word, source->status),
					 errdetail("The column is boolean."),
					 errhint("Use paid => '{true}'.")));
	}
}

void
source_check_orders(Program *program, OrderSource *source)
{
	Oid			type;

	check_key_column(source->relid, source->key, "key");
	type = column_type(source->relid, source->member, "member");
	if (is_integer(type) == program->text_keys || !is_key(type))
		type_error(source->relid, source->member, "member", type,
				   program->text_keys ? "The members of the program have keys of text."
				   : "The members of the program have numbers as ids.");
	if (source->status != NULL)
		check_paid_words(source);
	type = column_type(source->relid, source->amount, "amount");
	if (!is_integer(type) && type != NUMERICOID)
		type_error(source->relid, source->amount, "amount", type,
				   "Money is numeric; change the column's type, or add a generated column of type numeric.");
	check_time_column(source->relid, source->occurred_at, "occurred_at");
	if (source->status != NULL && column_type(source->relid, source->status, "status") != BOOLOID)
		check_key_column(source->relid, source->status, "status");
	if (source->currency != NULL)
		check_key_column(source->relid, source->currency, "currency");
	for (int i = 0; i < source->nattributes; i++)
		check_attribute_column(source->relid, source->attributes[i]);
}

/* Building the queries.  r is the row of the user, in all of them. */

static char *
column_ref(const char *column)
{
	return psprintf("r.%s", quote_identifier(column));
}

/*
 * A column as text.  An enum goes by its output function, as a cast to text
 * can be made by whoever owns the type, and would run as whoever reads.
 */
static char *
text_expression(Oid relid, const char *column)
{
	if (type_is_enum(getBaseType(get_atttype(relid, get_attnum(relid, column)))))
		return psprintf("enum_out(%s)::text", column_ref(column));
	return psprintf("%s::text", column_ref(column));
}

static char *
text_or_null_expression(Oid relid, const char *column)
{
	return column == NULL ? pstrdup("NULL::text") : text_expression(relid, column);
}

/* A point in time; without a time zone it is one of the program's clock. */
static char *
time_expression(Program *program, Oid relid, const char *column, const char *parameter)
{
	if (column == NULL)
		return pstrdup("NULL::timestamptz");
	if (column_type(relid, column, parameter) == TIMESTAMPTZOID)
		return psprintf("%s::timestamptz", column_ref(column));
	return psprintf("(%s::timestamp AT TIME ZONE %s)", column_ref(column),
					quote_literal_cstr(program->time_zone));
}

static char *
member_expression(Program *program, Oid relid, const char *column)
{
	return program->text_keys ? text_expression(relid, column)
		: psprintf("%s::int8", column_ref(column));
}

/*
 * A column and the type that a key is cast to for the two to be compared, by
 * an index of the column where it has one.  Without its length a type is not
 * cut: plain "character" is of length 1.
 */
static char *
comparable_type(Oid relid, const char *column)
{
	Oid			type = getBaseType(get_atttype(relid, get_attnum(relid, column)));

	return type_is_enum(type) ? "text" :
		format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY);
}

static char *
comparable_column(Oid relid, const char *column)
{
	return type_is_enum(getBaseType(get_atttype(relid, get_attnum(relid, column)))) ?
		text_expression(relid, column) : column_ref(column);
}

/*
 * The rows of a table, or of a part of one, under fixed names; from calls it r.  The comment keeps apart the plans
 * of two tables whose transition tables have the same names and columns.
 */
static char *
mapped_members(Program *program, MemberSource *source, Oid relid, const char *from)
{
	return psprintf("(SELECT true AS here, %s AS id, %s AS sponsor, %s AS joined_at, %s AS rank, %s AS state"
					" FROM %s /* %u */)",
					member_expression(program, relid, source->id),
					member_expression(program, relid, source->sponsor),
					time_expression(program, relid, source->joined_at, "joined_at"),
					text_or_null_expression(relid, source->rank),
					text_or_null_expression(relid, source->state),
					from, relid);
}

static char *
attributes_expression(OrderSource *source, Oid relid)
{
	StringInfoData call;

	if (source->nattributes == 0)
		return pstrdup("NULL::jsonb");
	initStringInfo(&call);
	appendStringInfoString(&call, "jsonb_build_object(");
	for (int i = 0; i < source->nattributes; i++)
	{
		const char *column = source->attributes[i];
		Oid			type = column_type(relid, column, "attributes");

		appendStringInfo(&call, "%s%s, %s", i > 0 ? ", " : "", quote_literal_cstr(column),
						 type_is_enum(type) ? text_expression(relid, column) : column_ref(column));
	}
	appendStringInfoChar(&call, ')');
	return call.data;
}

static char *
paid_expression(OrderSource *source, Oid relid)
{
	if (source->status == NULL)
		return pstrdup("true");
	return psprintf("coalesce(%s = ANY (%s::text[]), false)", text_expression(relid, source->status),
					quote_literal_cstr(OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(source->paid))));
}

/* $1 is since: orders before it are none of ours. */
static char *
mapped_orders(Program *program, OrderSource *source, Oid relid, const char *from)
{
	char	   *occurred_at = time_expression(program, relid, source->occurred_at, "occurred_at");

	return psprintf("(SELECT true AS here, %s AS key, %s AS member, %s::numeric AS amount,"
					" %s AS currency, %s AS occurred_at, %s AS attributes,"
					" %s AND %s AS paid FROM %s /* %u */)",
					text_expression(relid, source->key),
					member_expression(program, relid, source->member),
					column_ref(source->amount),
					text_or_null_expression(relid, source->currency),
					occurred_at,
					attributes_expression(source, relid),
					paid_expression(source, relid),
					source->occurred_at == NULL ? "true" : psprintf("coalesce(%s >= $1, true)", occurred_at),
					from, relid);
}

static char *
qualified_table(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

static char *
whole_table(Oid relid)
{
	return psprintf("%s r", qualified_table(relid));
}

static char *
members_query(Program *program, MemberSource *source, Oid relid, SourceRows rows)
{
	switch (rows)
	{
		case SOURCE_TABLE:
			return psprintf("SELECT n.*, true FROM %s n",
							mapped_members(program, source, relid, whole_table(relid)));
		case SOURCE_INSERTED:
			return psprintf("SELECT n.*, true FROM %s n",
							mapped_members(program, source, relid, SOURCE_NEW_ROWS " r"));
		case SOURCE_UPDATED:
			return psprintf("SELECT n.here, coalesce(n.id, o.id), n.sponsor, n.joined_at, n.rank, n.state,"
							" n.sponsor IS DISTINCT FROM o.sponsor"
							" FROM %s n FULL JOIN %s o ON o.id = n.id"
							" WHERE n.here IS NULL"
							" OR ROW(n.sponsor, n.rank, n.state) IS DISTINCT FROM ROW(o.sponsor, o.rank, o.state)",
							mapped_members(program, source, relid, SOURCE_NEW_ROWS " r"),
							mapped_members(program, source, relid, SOURCE_OLD_ROWS " r"));
		case SOURCE_DELETED:
			return psprintf("SELECT o.*, false FROM %s o",
							mapped_members(program, source, relid, SOURCE_OLD_ROWS " r"));
		case SOURCE_PAID:
		case SOURCE_CATCH_UP:
			break;				/* of orders */
	}
	elog(ERROR, "unrecognized kind of rows %d", (int) rows);
}

/*
 * An order whose key changes comes as two rows: the new key, and the old one
 * as an order that is not paid, which it must never have been.
 */
static char *
orders_query(Program *program, OrderSource *source, Oid relid, SourceRows rows)
{
	switch (rows)
	{
		case SOURCE_TABLE:
			return psprintf("SELECT n.* FROM %s n",
							mapped_orders(program, source, relid, whole_table(relid)));
		case SOURCE_PAID:
		case SOURCE_CATCH_UP:
			return psprintf("SELECT n.* FROM %s n WHERE n.paid AND coalesce(n.occurred_at >= $2, true)",
							mapped_orders(program, source, relid, whole_table(relid)));
		case SOURCE_INSERTED:
			return psprintf("SELECT n.* FROM %s n WHERE n.paid",
							mapped_orders(program, source, relid, SOURCE_NEW_ROWS " r"));
		case SOURCE_UPDATED:
			return psprintf("SELECT n.here, coalesce(n.key, o.key), n.member, n.amount, n.currency,"
							" n.occurred_at, n.attributes, coalesce(n.paid, false)"
							" FROM %s n FULL JOIN %s o ON o.key = n.key"
							" WHERE n.here IS NULL OR o.here IS NULL OR"
							" ROW(n.member, n.amount, n.currency, n.occurred_at, n.attributes, n.paid) IS DISTINCT FROM"
							" ROW(o.member, o.amount, o.currency, o.occurred_at, o.attributes, o.paid)",
							mapped_orders(program, source, relid, SOURCE_NEW_ROWS " r"),
							mapped_orders(program, source, relid, SOURCE_OLD_ROWS " r"));
		case SOURCE_DELETED:
			return psprintf("SELECT o.here, o.key, o.member, o.amount, o.currency, o.occurred_at,"
							" o.attributes, false FROM %s o",
							mapped_orders(program, source, relid, SOURCE_OLD_ROWS " r"));
	}
	elog(ERROR, "unrecognized kind of rows %d", (int) rows);
}

/* Reading */

/* Of the columns that hold ids of members, as the queries map them. */
static Oid
key_type(Program *program)
{
	return program->text_keys ? TEXTOID : INT8OID;
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
	state = column_text(at, 6);
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
						   "SELECT DISTINCT k.key FROM unnest($1) AS k(key)"
						   " WHERE NOT EXISTS (SELECT FROM @member m WHERE m.member_key = k.key)"
						   "   AND k.key <> ALL ($2)" :
						   "SELECT DISTINCT k.id FROM unnest($1) AS k(id)"
						   " WHERE NOT EXISTS (SELECT FROM @member m WHERE m.member_id = k.id)"
						   "   AND k.id <> ALL ($2)",
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
 * the batch; their own event finds them as they are.
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
								   psprintf("SELECT n.* FROM %s n",
											mapped_members(program, source, source->relid,
														   psprintf("%s r WHERE %s = ANY ($1::%s[])",
																	qualified_table(source->relid),
																	comparable_column(source->relid, source->id),
																	comparable_type(source->relid, source->id)))),
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
	Portal		portal = program_cursor(members_query(program, source, relid, rows), 0, NULL, NULL);
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

static void
read_order(Program *program, SaleRow *row, uint64 at)
{
	bool		isnull;
	Datum		value;

	memset(row, 0, sizeof(SaleRow));
	value = program_column(at, 2, TEXTOID, &isnull);
	row->order_key = isnull ? NULL : program_copy_text(value);
	value = program_column(at, 3, key_type(program), &isnull);
	row->has_member = !isnull;
	if (!isnull && program->text_keys)
		row->member_key = program_copy_text(value);
	else if (!isnull)
		row->member_id = DatumGetInt64(value);
	value = program_column(at, 4, NUMERICOID, &isnull);
	row->amount = isnull ? NULL : DatumGetNumericCopy(value);
	row->currency = column_text(at, 5);
	value = program_column(at, 6, TIMESTAMPTZOID, &isnull);
	row->has_occurred_at = !isnull;
	row->occurred_at = isnull ? 0 : DatumGetTimestampTz(value);
	value = program_column(at, 7, JSONBOID, &isnull);
	row->attributes = isnull ? NULL : DatumGetJsonbPCopy(value);
	row->paid = DatumGetBool(program_get(at, 8, BOOLOID));
}

/*
 * Put the batch's orders that have been posted first; returns how many they
 * are.  One without a key is among them: it will be refused.
 */
typedef struct Partition
{
	SaleBatch  *batch;
	int			nposted;
	Datum		unposted;		/* text[] */
} Partition;

static void
partition_posted(Program *program, void *arg)
{
	Partition  *partition = arg;
	SaleBatch  *batch = partition->batch;
	SaleRow    *rows = palloc(sizeof(SaleRow) * batch->n);
	Datum	   *keys = palloc(sizeof(Datum) * batch->n);
	bool	   *nulls = palloc(sizeof(bool) * batch->n);
	Oid			types[] = {TEXTARRAYOID};
	Datum		array;
	int			n;
	int			at = 0;

	for (int i = 0; i < batch->n; i++)
	{
		nulls[i] = batch->rows[i].order_key == NULL;
		keys[i] = PointerGetDatum(batch->rows[i].order_key);
	}
	array = program_array(TEXTOID, keys, nulls, batch->n);
	n = program_query(program,
					  "SELECT k.place FROM unnest($1) WITH ORDINALITY AS k(key, place)"
					  " WHERE k.key IS NOT NULL"
					  "   AND NOT EXISTS (SELECT FROM @sale s WHERE s.order_key = k.key)"
					  " ORDER BY k.place",
					  1, types, &array, NULL, 0);
	for (int i = 0; i < batch->n; i++)
	{
		if (at < n && DatumGetInt64(program_get(at, 1, INT8OID)) == i + 1)
			keys[at++] = keys[i];
		else
			rows[partition->nposted++] = batch->rows[i];
	}
	SPI_freetuptable(SPI_tuptable);
	partition->unposted = program_array(TEXTOID, keys, NULL, n);
	memcpy(batch->rows, rows, sizeof(SaleRow) * partition->nposted);
}

/*
 * While others write, an order may be canceled between our reading it and our
 * posting it, and its trigger would find nothing posted yet.  So what is going
 * to be posted is locked and read once more; the rest stays as it was read,
 * to be compared.
 */
static void
lock_unposted(Program *program, OrderSource *source, const Datum *since, SaleBatch *batch)
{
	Partition	partition = {.batch = batch};
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTARRAYOID};
	Datum		values[3];
	uint64		found;

	program_as_owner(program, 0, partition_posted, &partition);
	if (partition.nposted == batch->n)
		return;
	values[0] = since[0];
	values[1] = since[1];
	values[2] = partition.unposted;
	found = program_query_text(program,
							   psprintf("SELECT n.* FROM %s n WHERE n.paid FOR SHARE",
										mapped_orders(program, source, source->relid,
													  psprintf("%s r WHERE %s = ANY ($3::%s[])",
															   qualified_table(source->relid),
															   comparable_column(source->relid, source->key),
															   comparable_type(source->relid, source->key)))),
							   3, types, values, NULL, 0);
	batch->n = partition.nposted + found;
	batch->rows = repalloc(batch->rows, sizeof(SaleRow) * Max(batch->n, 1));
	for (uint64 i = 0; i < found; i++)
		read_order(program, &batch->rows[partition.nposted + i], i);
	SPI_freetuptable(SPI_tuptable);
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
	portal = program_cursor(orders_query(program, source, relid, rows), 2, types, values);
	for (;;)
	{
		SaleBatch	batch = {.order_source_id = source->id,.timed = source->occurred_at != NULL};
		MemoryContext caller;

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
			lock_unposted(program, source, values, &batch);
		program_as_owner(program, PROGRAM_WRITES_SALES, sales_post, &batch);
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
									   " WHERE NOT EXISTS (SELECT FROM %s r WHERE %s = k.key::%s)",
									   qualified_table(relid), comparable_column(relid, column),
									   comparable_type(relid, column)),
							  1, types, &array, NULL, 0);
}

/* Members that are gone from their table have left. */
void
source_leave_deleted(Program *program, MemberSource *source)
{
	Piece		piece = {.above = -1,.type = program->text_keys ? TEXTOID : INT8OID};

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
		CHECK_FOR_INTERRUPTS();
	}
}

/* Orders that have been posted must still be there. */
void
source_check_deleted(Program *program, OrderSource *source)
{
	Piece		piece = {.above = -1,.type = TEXTOID,.source_id = Int32GetDatum(source->id)};

	piece.sql = "SELECT s.sale_id, s.order_key FROM @sale s"
		" WHERE s.sale_id > $1 AND s.order_source_id = $2 ORDER BY s.sale_id LIMIT 20000";
	for (;;)
	{
		program_as_owner(program, 0, next_piece, &piece);
		if (piece.n == 0)
			break;
		if (absent_keys(program, &piece, source->relid, source->key) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("order \"%s\" has been posted and is gone from table \"%s\"",
							TextDatumGetCString(program_get(0, 1, TEXTOID)), get_rel_name(source->relid)),
					 errhint("Put the order back; its commissions are in the ledger.")));
		SPI_freetuptable(SPI_tuptable);
		CHECK_FOR_INTERRUPTS();
	}
}
