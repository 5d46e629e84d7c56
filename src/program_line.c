/*
 * program_line.c
 *	  The lines of orders: checking, storing, and comparing them.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "engine.h"
#include "money.h"
#include "program_sale.h"

/* Lines stored by one statement. */
#define LINE_CHUNK_ROWS		10000

/* A list of lines as commissions() takes it. */
SaleLines
lines_from_json(Jsonb *lines)
{
	SaleLines	result = {0};
	EngineSale	sale = {0};
	JsonbParseState *state = NULL;
	JsonbValue	value;

	if (lines == NULL)
		return result;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	value.type = jbvString;
	value.val.string.val = "lines";
	value.val.string.len = strlen("lines");
	(void) pushJsonbValue(&state, WJB_KEY, &value);
	if (JB_ROOT_IS_SCALAR(lines))
		(void) JsonbExtractScalar(&lines->root, &value);
	else
	{
		value.type = jbvBinary;
		value.val.binary.data = &lines->root;
		value.val.binary.len = VARSIZE(lines) - VARHDRSZ;
	}
	(void) pushJsonbValue(&state, WJB_VALUE, &value);
	engine_read_facts(&sale, JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
	result.n = sale.nitems;
	result.items = unconstify(EngineItem *, sale.items);
	return result;
}

static void
check_number(const EngineItem *item, const char *name, Numeric value)
{
	if (value != NULL && !money_is_finite(value))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the %s of line %d must be finite, not %s", name, item->line, money_to_string(value))));
}

static int
by_item_key(const void *a, const void *b)
{
	return strcmp((*(const EngineItem *const *) a)->key, (*(const EngineItem *const *) b)->key);
}

/* A key names one line of an order. */
static void
check_keys(const SaleRow *row)
{
	const EngineItem **items = palloc(sizeof(EngineItem *) * row->nitems);
	int			n = 0;

	for (int i = 0; i < row->nitems; i++)
		if (row->items[i].key != NULL)
			items[n++] = &row->items[i];
	qsort(items, n, sizeof(EngineItem *), by_item_key);
	for (int i = 1; i < n; i++)
		if (by_item_key(&items[i - 1], &items[i]) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("two lines of an order have the key \"%s\"", items[i]->key),
					 errhint("The keys of the lines of one order must differ.")));
	pfree(items);
}

void
lines_check(const SaleRow *row)
{
	if (row->nitems > ENGINE_MAX_ITEMS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an order has %d lines", row->nitems),
				 errhint("At most %d are allowed.", ENGINE_MAX_ITEMS)));
	for (int i = 0; i < row->nitems; i++)
	{
		const EngineItem *item = &row->items[i];

		if (item->key != NULL && strlen(item->key) > 1024)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the key of an order line has %zu bytes", strlen(item->key)),
					 errhint("At most 1024 are allowed.")));
		if (item->amount == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the amount of line %d must not be null", item->line)));
		check_number(item, "amount", item->amount);
		check_number(item, "quantity", item->quantity);
		check_number(item, "cost", item->cost);
		if (money_sign(item->amount) < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the amount of line %d must not be negative", item->line),
					 errdetail("The amount is %s.", money_to_string(item->amount))));
		CHECK_FOR_INTERRUPTS();
	}
	if (row->nitems > 1)
		check_keys(row);
}

/* The attributes of a line as a value of its own; NULL if it has none. */
Jsonb *
lines_attributes(const EngineItem *item)
{
	JsonbParseState *state = NULL;
	JsonbValue *object = NULL;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (item->attributes == NULL)
		return NULL;
	it = JsonbIteratorInit(item->attributes);
	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
		object = pushJsonbValue(&state, token, token < WJB_BEGIN_ARRAY ? &value : NULL);
	return JsonbValueToJsonb(object);
}

static Datum
text_or_null(const char *string, bool *isnull)
{
	*isnull = string == NULL;
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

static Datum
numeric_or_null(Numeric value, bool *isnull)
{
	*isnull = value == NULL;
	return value == NULL ? (Datum) 0 : NumericGetDatum(value);
}

/* Columns of sale_line, as far as they have been filled. */
enum
{
	SALE_ID, LINE, LINE_KEY, PRODUCT, QUANTITY, AMOUNT, COST, ATTRIBUTES, NCOLUMNS
};

typedef struct LineColumns
{
	int			n;
	Datum	   *values[NCOLUMNS];
	bool	   *nulls[NCOLUMNS];
} LineColumns;

static void
store_columns(Program *program, LineColumns *columns)
{
	static const Oid elements[NCOLUMNS] = {INT8OID, INT4OID, TEXTOID, TEXTOID, NUMERICOID, NUMERICOID,
	NUMERICOID, JSONBOID};
	Oid			types[NCOLUMNS];
	Datum		arrays[NCOLUMNS];

	if (columns->n == 0)
		return;
	for (int c = 0; c < NCOLUMNS; c++)
	{
		types[c] = get_array_type(elements[c]);
		arrays[c] = program_array(elements[c], columns->values[c], columns->nulls[c], columns->n);
	}
	program_query(program,
				  "INSERT INTO @sale_line (sale_id, line, line_key, product, quantity, amount, cost, attributes)"
				  " SELECT n.* FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) AS n",
				  NCOLUMNS, types, arrays, NULL, 0);
	for (int c = 0; c < NCOLUMNS; c++)
		pfree(DatumGetPointer(arrays[c]));
	columns->n = 0;
}

static void
add_item(LineColumns *columns, int64 sale_id, const EngineItem *item)
{
	int			n = columns->n++;
	Jsonb	   *attributes = lines_attributes(item);

	columns->values[SALE_ID][n] = Int64GetDatum(sale_id);
	columns->values[LINE][n] = Int32GetDatum(item->line);
	columns->values[LINE_KEY][n] = text_or_null(item->key, &columns->nulls[LINE_KEY][n]);
	columns->values[PRODUCT][n] = text_or_null(item->product, &columns->nulls[PRODUCT][n]);
	columns->values[QUANTITY][n] = numeric_or_null(item->quantity, &columns->nulls[QUANTITY][n]);
	columns->values[AMOUNT][n] = NumericGetDatum(item->amount);
	columns->values[COST][n] = numeric_or_null(item->cost, &columns->nulls[COST][n]);
	columns->values[ATTRIBUTES][n] = JsonbPGetDatum(attributes);
	columns->nulls[ATTRIBUTES][n] = attributes == NULL;
}

/* Store the lines of the rows that got in. */
void
lines_insert(Program *program, SaleRow **rows, int n)
{
	LineColumns columns = {0};
	int64		total = 0;

	for (int i = 0; i < n; i++)
		if (rows[i]->posted)
			total += rows[i]->nitems;
	if (total == 0)
		return;
	for (int c = 0; c < NCOLUMNS; c++)
	{
		columns.values[c] = palloc(sizeof(Datum) * Min(total, LINE_CHUNK_ROWS));
		columns.nulls[c] = palloc0(sizeof(bool) * Min(total, LINE_CHUNK_ROWS));
	}
	for (int i = 0; i < n; i++)
		for (int l = 0; rows[i]->posted && l < rows[i]->nitems; l++)
		{
			if (columns.n == LINE_CHUNK_ROWS)
				store_columns(program, &columns);
			add_item(&columns, rows[i]->sale_id, &rows[i]->items[l]);
		}
	store_columns(program, &columns);
}

static char *
copy_text_column(uint64 row, int column)
{
	bool		isnull;
	Datum		value = program_column(row, column, TEXTOID, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static Numeric
copy_numeric_column(uint64 row, int column)
{
	bool		isnull;
	Datum		value = program_column(row, column, NUMERICOID, &isnull);

	return isnull ? NULL : DatumGetNumericCopy(value);
}

/* The stored lines of each of these sales. */
SaleLines *
lines_load(Program *program, const int64 *sale_ids, int n)
{
	SaleLines  *result = palloc0(sizeof(SaleLines) * Max(n, 1));
	Datum	   *ids = palloc(sizeof(Datum) * Max(n, 1));
	Oid			types[] = {INT8ARRAYOID};
	Datum		array;
	uint64		found;
	EngineItem *items;

	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(sale_ids[i]);
	array = program_array(INT8OID, ids, NULL, n);
	found = program_query_now(program,
							  "SELECT k.place, l.line_key, l.product, l.quantity, l.amount, l.cost, l.attributes"
							  "  FROM unnest($1) WITH ORDINALITY AS k(sale_id, place)"
							  "  JOIN @sale_line l ON l.sale_id = k.sale_id"
							  " ORDER BY k.place, l.line",
							  1, types, &array, NULL, 0);
	items = palloc_extended(sizeof(EngineItem) * Max(found, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 i = 0; i < found; i++)
	{
		SaleLines  *lines = &result[DatumGetInt64(program_get(i, 1, INT8OID)) - 1];
		EngineItem *item = &items[i];
		bool		isnull;
		Datum		value;

		if (lines->n == 0)
			lines->items = item;
		item->line = ++lines->n;
		item->key = copy_text_column(i, 2);
		item->product = copy_text_column(i, 3);
		item->quantity = copy_numeric_column(i, 4);
		item->amount = copy_numeric_column(i, 5);
		item->cost = copy_numeric_column(i, 6);
		value = program_column(i, 7, JSONBOID, &isnull);
		item->attributes = isnull ? NULL : &DatumGetJsonbPCopy(value)->root;
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

static bool
same_string(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
same_number(Numeric a, Numeric b)
{
	return a == NULL || b == NULL ? a == b : money_compare(a, b) == 0;
}

static const char *
string_text(const char *string)
{
	return string == NULL ? "none" : string;
}

static const char *
number_text(Numeric number)
{
	return number == NULL ? "none" : money_to_string(number);
}

static const char *
attributes_text(const EngineItem *item)
{
	Jsonb	   *attributes = lines_attributes(item);

	return attributes == NULL ? "none"
		: JsonbToCString(NULL, &attributes->root, VARSIZE(attributes));
}

static char *
item_difference(const EngineItem *before, const EngineItem *after)
{
	const char *what;
	const char *was;
	const char *is;

	if (!same_string(before->key, after->key))
		what = "key", was = string_text(before->key), is = string_text(after->key);
	else if (!same_string(before->product, after->product))
		what = "product", was = string_text(before->product), is = string_text(after->product);
	else if (!same_number(before->quantity, after->quantity))
		what = "quantity", was = number_text(before->quantity), is = number_text(after->quantity);
	else if (!same_number(before->amount, after->amount))
		what = "amount", was = number_text(before->amount), is = number_text(after->amount);
	else if (!same_number(before->cost, after->cost))
		what = "cost", was = number_text(before->cost), is = number_text(after->cost);
	else if ((before->attributes == NULL) != (after->attributes == NULL) ||
			 (before->attributes != NULL && compareJsonbContainers(before->attributes, after->attributes) != 0))
		what = "attributes", was = attributes_text(before), is = attributes_text(after);
	else
		return NULL;
	return psprintf("Line %d was posted with the %s %s, not %s.", before->line, what, was, is);
}

/* In which way the lines are not those that were posted; NULL: they are. */
char *
lines_difference(const SaleLines *before, const SaleLines *after)
{
	for (int i = 0; i < Min(before->n, after->n); i++)
	{
		char	   *difference = item_difference(&before->items[i], &after->items[i]);

		if (difference != NULL)
			return difference;
	}
	if (before->n != after->n)
		return psprintf("It was posted with %d lines, not %d.", before->n, after->n);
	return NULL;
}
