/*
 * source_query.c
 *	  The queries on the user's tables: their columns mapped to fixed names.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "program_source.h"

/* r is the row of the user, in all of them. */

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
	if (source_column_type(relid, column, parameter) == TIMESTAMPTZOID)
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
 * A column, and a key as a value to compare it with, by an index of the column
 * where it has one.  A key of text need not be one of the column's: members
 * come by call as well, and sponsors and earlier keys from other columns.  Such
 * a key becomes null, which no row has; a cast would fail.  Without its length
 * a type is not cut: plain "character" is of length 1.
 */
char *
source_comparable_key(Oid relid, const char *column, Oid key_type, const char *key)
{
	Oid			type = getBaseType(get_atttype(relid, get_attnum(relid, column)));
	const char *form;
	char	   *cast;

	/* all integers are compared as they are */
	if (key_type == INT8OID || type_is_enum(type))
		return pstrdup(key);
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return psprintf("CASE WHEN %s ~ '^-?[0-9]{1,19}$'"
							" THEN CASE WHEN %s::numeric BETWEEN " INT64_FORMAT " AND " INT64_FORMAT
							" THEN %s::int8 END END", key, key, PG_INT64_MIN, PG_INT64_MAX, key);
		case NUMERICOID:
			form = "^(-?[0-9]+([.][0-9]+)?|NaN|-?Infinity)$";
			break;
		case UUIDOID:
			form = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
			break;
		default:
			form = NULL;
	}
	cast = psprintf("%s::%s", key,
					format_type_extended(type, -1, FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	return form == NULL ? cast : psprintf("CASE WHEN %s ~ '%s' THEN %s END", key, form, cast);
}

char *
source_comparable_column(Oid relid, const char *column)
{
	return type_is_enum(getBaseType(get_atttype(relid, get_attnum(relid, column)))) ?
		text_expression(relid, column) : column_ref(column);
}

/*
 * The rows of a table, or of a part of one, under fixed names; from calls it r.  The comment keeps apart the plans
 * of two tables whose transition tables have the same names and columns.
 */
char *
source_mapped_members(Program *program, MemberSource *source, Oid relid, const char *from)
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
attributes_expression(char **attributes, int nattributes, Oid relid)
{
	StringInfoData call;

	if (nattributes == 0)
		return pstrdup("NULL::jsonb");
	initStringInfo(&call);
	appendStringInfoString(&call, "jsonb_build_object(");
	for (int i = 0; i < nattributes; i++)
	{
		const char *column = attributes[i];
		Oid			type = source_column_type(relid, column, "attributes");

		appendStringInfo(&call, "%s%s, %s", i > 0 ? ", " : "", quote_literal_cstr(column),
						 type_is_enum(type) ? text_expression(relid, column) : column_ref(column));
	}
	appendStringInfoChar(&call, ')');
	return call.data;
}

/* Whether the status is one of these. */
static char *
status_expression(OrderSource *source, Oid relid, ArrayType *statuses)
{
	return psprintf("coalesce(%s = ANY (%s::text[]), false)", text_expression(relid, source->status),
					quote_literal_cstr(OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(statuses))));
}

static char *
number_or_null_expression(const char *column)
{
	return column == NULL ? pstrdup("NULL::numeric") : psprintf("%s::numeric", column_ref(column));
}

/* A fulfilled order is paid as well. */
static char *
paid_expression(OrderSource *source, Oid relid)
{
	if (source->status == NULL)
		return pstrdup("true");
	if (ARR_NDIM(source->fulfilled) == 0)
		return status_expression(source, relid, source->paid);
	return psprintf("(%s OR %s)", status_expression(source, relid, source->paid),
					status_expression(source, relid, source->fulfilled));
}

/* By its status, or because it has a time. */
static char *
fulfilled_expression(OrderSource *source, Oid relid, const char *fulfilled_at)
{
	if (source->status == NULL || ARR_NDIM(source->fulfilled) == 0)
		return psprintf("%s IS NOT NULL", fulfilled_at);
	return psprintf("(%s OR %s IS NOT NULL)", status_expression(source, relid, source->fulfilled), fulfilled_at);
}

/*
 * $1 is since: orders before it do not post; but they may have been posted
 * while the table was attached from an earlier time on.
 */
char *
source_mapped_orders(Program *program, OrderSource *source, Oid relid, const char *from)
{
	char	   *occurred_at = time_expression(program, relid, source->occurred_at, "occurred_at");
	char	   *fulfilled_at = time_expression(program, relid, source->fulfilled_at, "fulfilled_at");
	char	   *paid = paid_expression(source, relid);
	char	   *refunded = source->status == NULL ? "false" : status_expression(source, relid, source->refunded);
	char	   *in_time = source->occurred_at == NULL ? "true" : psprintf("coalesce(%s >= $1, true)", occurred_at);

	return psprintf("(SELECT true AS here, %s AS key, %s AS member, %s::numeric AS amount,"
					" %s AS currency, %s AS occurred_at, %s AS attributes,"
					" %s AND %s AS paid, %s AND NOT %s AS early, %s AS refunded, %s AS refunded_amount,"
					" %s AS fulfilled, %s AS fulfilled_at"
					" FROM %s /* %u */)",
					text_expression(relid, source->key),
					member_expression(program, relid, source->member),
					column_ref(source->amount),
					text_or_null_expression(relid, source->currency),
					occurred_at,
					attributes_expression(source->attributes, source->nattributes, relid),
					paid, in_time, paid, in_time, refunded, number_or_null_expression(source->refunded_amount),
					fulfilled_expression(source, relid, fulfilled_at), fulfilled_at,
					from, relid);
}

char *
source_qualified_table(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

static char *
whole_table(Oid relid)
{
	return psprintf("%s r", source_qualified_table(relid));
}

/* The rows of a statement, as the table has them by now. */
static char *
settled_rows(Oid relid, const char *column)
{
	return psprintf("%s r WHERE %s IN (SELECT x.%s FROM " SOURCE_NEW_ROWS " x)",
					source_qualified_table(relid), column_ref(column), quote_identifier(column));
}

char *
source_members_query(Program *program, MemberSource *source, Oid relid, SourceRows rows)
{
	switch (rows)
	{
		case SOURCE_TABLE:
			return psprintf("SELECT n.*, true FROM %s n",
							source_mapped_members(program, source, relid, whole_table(relid)));
		case SOURCE_INSERTED:
			return psprintf("SELECT n.*, true FROM %s n",
							source_mapped_members(program, source, relid, SOURCE_NEW_ROWS " r"));
		case SOURCE_SETTLED:
			return psprintf("SELECT n.*, true FROM %s n",
							source_mapped_members(program, source, relid, settled_rows(relid, source->id)));
		case SOURCE_UPDATED:
			return psprintf("SELECT n.here, coalesce(n.id, o.id), n.sponsor, n.joined_at, n.rank, n.state,"
							" n.sponsor IS DISTINCT FROM o.sponsor"
							" FROM %s n FULL JOIN %s o ON o.id = n.id"
							" WHERE n.here IS NULL"
							" OR ROW(n.sponsor, n.rank, n.state) IS DISTINCT FROM ROW(o.sponsor, o.rank, o.state)",
							source_mapped_members(program, source, relid, SOURCE_NEW_ROWS " r"),
							source_mapped_members(program, source, relid, SOURCE_OLD_ROWS " r"));
		case SOURCE_DELETED:
			return psprintf("SELECT o.*, false FROM %s o",
							source_mapped_members(program, source, relid, SOURCE_OLD_ROWS " r"));
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
char *
source_orders_query(Program *program, OrderSource *source, Oid relid, SourceRows rows)
{
	switch (rows)
	{
		case SOURCE_TABLE:
			return psprintf("SELECT n.* FROM %s n",
							source_mapped_orders(program, source, relid, whole_table(relid)));
		case SOURCE_PAID:
		case SOURCE_CATCH_UP:
			return psprintf("SELECT n.* FROM %s n WHERE (n.paid OR n.refunded) AND coalesce(n.occurred_at >= $2, true)",
							source_mapped_orders(program, source, relid, whole_table(relid)));
		case SOURCE_INSERTED:
			return psprintf("SELECT n.* FROM %s n WHERE n.paid OR n.refunded",
							source_mapped_orders(program, source, relid, SOURCE_NEW_ROWS " r"));
		case SOURCE_SETTLED:
			return psprintf("SELECT n.* FROM %s n WHERE n.paid OR n.refunded",
							source_mapped_orders(program, source, relid, settled_rows(relid, source->key)));
		case SOURCE_UPDATED:
			return psprintf("SELECT n.here, coalesce(n.key, o.key), n.member, n.amount, n.currency,"
							" n.occurred_at, n.attributes, coalesce(n.paid, false), coalesce(n.early, false),"
							" coalesce(n.refunded, false), n.refunded_amount, coalesce(n.fulfilled, false), n.fulfilled_at"
							" FROM %s n FULL JOIN %s o ON o.key = n.key"
							" WHERE n.here IS NULL OR o.here IS NULL OR"
							" ROW(n.member, n.amount, n.currency, n.occurred_at, n.attributes, n.paid, n.early,"
							" n.refunded, n.refunded_amount, n.fulfilled, n.fulfilled_at) IS DISTINCT FROM"
							" ROW(o.member, o.amount, o.currency, o.occurred_at, o.attributes, o.paid, o.early,"
							" o.refunded, o.refunded_amount, o.fulfilled, o.fulfilled_at)",
							source_mapped_orders(program, source, relid, SOURCE_NEW_ROWS " r"),
							source_mapped_orders(program, source, relid, SOURCE_OLD_ROWS " r"));
		case SOURCE_DELETED:
			return psprintf("SELECT o.here, o.key, o.member, o.amount, o.currency, o.occurred_at,"
							" o.attributes, false, false, false, NULL::numeric, false, NULL::timestamptz FROM %s o",
							source_mapped_orders(program, source, relid, SOURCE_OLD_ROWS " r"));
	}
	elog(ERROR, "unrecognized kind of rows %d", (int) rows);
}

/* The attached columns of lines, after the keys. */
static char *
line_columns(LineSource *source, Oid relid)
{
	return psprintf("%s AS line_key, %s AS product, %s AS quantity, %s AS amount, %s AS cost, %s AS attributes",
					text_expression(relid, source->line_key),
					text_or_null_expression(relid, source->product),
					number_or_null_expression(source->quantity),
					number_or_null_expression(source->amount),
					number_or_null_expression(source->cost),
					attributes_expression(source->attributes, source->nattributes, relid));
}

static char *
mapped_lines(LineSource *source, Oid relid, const char *from)
{
	return psprintf("(SELECT %s AS order_key, %s FROM %s /* %u */)",
					text_expression(relid, source->order_key), line_columns(source, relid), from, relid);
}

/*
 * The orders, by key, of whose lines a statement has changed something that is
 * attached.  A line that goes from one order to another is one of both.
 */
char *
source_changed_lines_query(LineSource *source, Oid relid, SourceRows rows)
{
	char	   *new_rows = mapped_lines(source, relid, SOURCE_NEW_ROWS " r");
	char	   *old_rows = mapped_lines(source, relid, SOURCE_OLD_ROWS " r");

	switch (rows)
	{
		case SOURCE_INSERTED:
		case SOURCE_SETTLED:
			return psprintf("SELECT DISTINCT n.order_key FROM %s n WHERE n.order_key IS NOT NULL", new_rows);
		case SOURCE_UPDATED:
			return psprintf("SELECT DISTINCT c.order_key"
							"  FROM ((SELECT n.* FROM %s n EXCEPT ALL SELECT o.* FROM %s o)"
							"        UNION ALL"
							"        (SELECT o.* FROM %s o EXCEPT ALL SELECT n.* FROM %s n)) c"
							" WHERE c.order_key IS NOT NULL",
							new_rows, old_rows, old_rows, new_rows);
		case SOURCE_DELETED:
			return psprintf("SELECT DISTINCT o.order_key FROM %s o WHERE o.order_key IS NOT NULL", old_rows);
		default:
			break;				/* of whole tables */
	}
	elog(ERROR, "unrecognized kind of rows %d", (int) rows);
}

/*
 * The lines of the orders whose keys are in $1: which of the keys, and the
 * line, by the order of the type of the lines' own keys.
 */
char *
source_lines_query(LineSource *source)
{
	return psprintf("SELECT k.place, %s"
					"  FROM unnest($1) WITH ORDINALITY AS k(key, place)"
					"  JOIN %s r ON %s = %s"
					" ORDER BY k.place, %s",
					line_columns(source, source->relid),
					source_qualified_table(source->relid),
					source_comparable_column(source->relid, source->order_key),
					source_comparable_key(source->relid, source->order_key, TEXTOID, "k.key"),
					column_ref(source->line_key));
}

char *
source_mapped_refunds(Program *program, RefundSource *source, Oid relid, const char *from)
{
	return psprintf("(SELECT true AS here, %s AS key, %s AS order_key, %s AS line_key, %s AS amount,"
					" %s AS occurred_at FROM %s /* %u */)",
					text_expression(relid, source->key),
					text_expression(relid, source->order_key),
					text_or_null_expression(relid, source->line_key),
					number_or_null_expression(source->amount),
					time_expression(program, relid, source->occurred_at, "occurred_at"),
					from, relid);
}

/*
 * A refund whose key changes comes as two rows: the new key, and the old one
 * as a refund that is gone.
 */
char *
source_refunds_query(Program *program, RefundSource *source, Oid relid, SourceRows rows)
{
	switch (rows)
	{
		case SOURCE_TABLE:
		case SOURCE_CATCH_UP:
			return psprintf("SELECT n.* FROM %s n",
							source_mapped_refunds(program, source, relid, whole_table(relid)));
		case SOURCE_INSERTED:
			return psprintf("SELECT n.* FROM %s n",
							source_mapped_refunds(program, source, relid, SOURCE_NEW_ROWS " r"));
		case SOURCE_SETTLED:
			return psprintf("SELECT n.* FROM %s n",
							source_mapped_refunds(program, source, relid, settled_rows(relid, source->key)));
		case SOURCE_UPDATED:
			return psprintf("SELECT coalesce(n.here, false), coalesce(n.key, o.key), n.order_key, n.line_key, n.amount,"
							" n.occurred_at"
							" FROM %s n FULL JOIN %s o ON o.key = n.key"
							" WHERE n.here IS NULL OR o.here IS NULL OR"
							" ROW(n.order_key, n.line_key, n.amount, n.occurred_at) IS DISTINCT FROM"
							" ROW(o.order_key, o.line_key, o.amount, o.occurred_at)",
							source_mapped_refunds(program, source, relid, SOURCE_NEW_ROWS " r"),
							source_mapped_refunds(program, source, relid, SOURCE_OLD_ROWS " r"));
		case SOURCE_DELETED:
			return psprintf("SELECT false, o.key, o.order_key, o.line_key, o.amount, o.occurred_at FROM %s o",
							source_mapped_refunds(program, source, relid, SOURCE_OLD_ROWS " r"));
		case SOURCE_PAID:
			break;				/* of orders */
	}
	elog(ERROR, "unrecognized kind of rows %d", (int) rows);
}

/* The refunds whose keys are in $1, locked against those who change them. */
char *
source_locked_refunds_query(Program *program, RefundSource *source)
{
	return psprintf("SELECT n.* FROM %s n FOR SHARE",
					source_mapped_refunds(program, source, source->relid,
								   source_keyed_rows(source->relid, source->key, TEXTOID, 1)));
}
