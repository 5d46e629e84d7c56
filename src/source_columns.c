/*
 * source_columns.c
 *	  Which columns of the user's tables will do for what.
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "program_source.h"

Oid
source_column_type(Oid relid, const char *column, const char *parameter)
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
	Oid			type = source_column_type(relid, column, parameter);

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
	type = source_column_type(relid, column, parameter);
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
	Oid			type = source_column_type(relid, column, "attributes");
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
	Oid			type = source_column_type(source->relid, source->id, "id");
	Oid			sponsor = source_column_type(source->relid, source->sponsor, "sponsor");

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
	if (source->state != NULL && source_column_type(source->relid, source->state, "state") != BOOLOID)
		check_key_column(source->relid, source->state, "state");
}

static bool
is_string(Oid type)
{
	char		category;
	bool		preferred;

	get_type_category_preferred(type, &category, &preferred);
	return category == TYPCATEGORY_STRING;
}

static void
check_number_column(Oid relid, const char *column, const char *parameter)
{
	Oid			type;

	if (column == NULL)
		return;
	type = source_column_type(relid, column, parameter);
	if (!is_integer(type) && type != NUMERICOID)
		type_error(relid, column, parameter, type,
				   "Use a column of numeric or integers; a generated column of type numeric can be made of others.");
}

/* The keys of orders in their lines must be told equal as the orders' own. */
void
source_check_lines(OrderSource *orders, LineSource *source)
{
	Oid			order_type = source_column_type(orders->relid, orders->key, "key");
	Oid			type = source_column_type(source->relid, source->order_key, "order_key");

	if (type != order_type && !(is_integer(type) && is_integer(order_type)) &&
		!(is_string(type) && is_string(order_type)))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" cannot be the \"%s\"",
						source->order_key, get_rel_name(source->relid), "order_key"),
				 errdetail("Its type is %s, and the key \"%s\" of table \"%s\" is of type %s.",
						   format_type_be(type), orders->key, get_rel_name(orders->relid),
						   format_type_be(order_type)),
				 errhint("Use a column of the type of the orders' key.")));
	check_key_column(source->relid, source->order_key, "order_key");
	check_key_column(source->relid, source->line_key, "line_key");
	if (source->product != NULL)
		check_key_column(source->relid, source->product, "product");
	check_number_column(source->relid, source->quantity, "quantity");
	check_number_column(source->relid, source->amount, "amount");
	check_number_column(source->relid, source->cost, "cost");
	for (int i = 0; i < source->nattributes; i++)
		check_attribute_column(source->relid, source->attributes[i]);
}

/* A boolean has two words as text; others would never match. */
static void
check_status_words(OrderSource *source, ArrayType *list, const char *parameter)
{
	Datum	   *words;
	int			n;

	if (source_column_type(source->relid, source->status, "status") != BOOLOID)
		return;
	deconstruct_array(list, TEXTOID, -1, false, TYPALIGN_INT, &words, NULL, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *word = TextDatumGetCString(words[i]);

		if (strcmp(word, "true") != 0 && strcmp(word, "false") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"%s\" is no value of the status column \"%s\"", word, source->status),
					 errdetail("The column is boolean."),
					 errhint("Use %s => '{true}'.", parameter)));
	}
}

void
source_check_orders(Program *program, OrderSource *source)
{
	Oid			type;

	check_key_column(source->relid, source->key, "key");
	type = source_column_type(source->relid, source->member, "member");
	if (is_integer(type) == program->text_keys || !is_key(type))
		type_error(source->relid, source->member, "member", type,
				   program->text_keys ? "The members of the program have keys of text."
				   : "The members of the program have numbers as ids.");
	if (source->status != NULL)
	{
		check_status_words(source, source->paid, "paid");
		check_status_words(source, source->fulfilled, "fulfilled");
	}
	type = source_column_type(source->relid, source->amount, "amount");
	if (!is_integer(type) && type != NUMERICOID)
		type_error(source->relid, source->amount, "amount", type,
				   "Money is numeric; change the column's type, or add a generated column of type numeric.");
	check_number_column(source->relid, source->refunded_amount, "refunded_amount");
	check_time_column(source->relid, source->occurred_at, "occurred_at");
	check_time_column(source->relid, source->fulfilled_at, "fulfilled_at");
	if (source->status != NULL && source_column_type(source->relid, source->status, "status") != BOOLOID)
		check_key_column(source->relid, source->status, "status");
	if (source->currency != NULL)
		check_key_column(source->relid, source->currency, "currency");
	for (int i = 0; i < source->nattributes; i++)
		check_attribute_column(source->relid, source->attributes[i]);
}

void
source_check_refunds(RefundSource *source)
{
	check_key_column(source->relid, source->key, "key");
	check_key_column(source->relid, source->order_key, "order_key");
	check_number_column(source->relid, source->amount, "amount");
	if (source->line_key != NULL)
		check_key_column(source->relid, source->line_key, "line_key");
	check_time_column(source->relid, source->occurred_at, "occurred_at");
}
