/*
 * plan_reader.c
 *	  Reading a plan document by key tables.
 */
#include "compat.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/json.h"
#include "utils/varlena.h"

#include "money.h"
#include "plan.h"
#include "plan_reader.h"

/* How much of a value an error message shows, in bytes. */
#define SHOWN_BYTES		40

/* Keys longer than this are not compared with the known ones. */
#define COMPARED_BYTES	63

static void
append_clipped(StringInfo out, const char *text, int len)
{
	int			shown = pg_mbcliplen(text, len, SHOWN_BYTES);

	appendBinaryStringInfo(out, text, shown);
	if (shown < len)
		appendStringInfoString(out, "...");
}

static void
append_quoted(StringInfo out, const char *text, int len)
{
	StringInfoData clipped;

	initStringInfo(&clipped);
	append_clipped(&clipped, text, len);
	escape_json(out, clipped.data);
	pfree(clipped.data);
}

/* Can the key stand after a point without quotes, as in "$.rules"? */
static bool
is_plain_key(const char *key, int len)
{
	if (len < 1 || len > SHOWN_BYTES)
		return false;
	for (int i = 0; i < len; i++)
	{
		char		c = key[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
			  (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return true;
}

char *
plan_path_string(const PlanPath *at)
{
	StringInfoData out;
	List	   *steps = NIL;
	ListCell   *cell;

	/* deep only in texts that are no plans, but those are reported too */
	for (; at != NULL && at->parent != NULL; at = at->parent)
		steps = lcons(unconstify(PlanPath *, at), steps);

	initStringInfo(&out);
	appendStringInfoChar(&out, '$');
	foreach(cell, steps)
	{
		const PlanPath *step = lfirst(cell);

		if (step->key == NULL)
			appendStringInfo(&out, "[%d]", step->index);
		else
		{
			appendStringInfoChar(&out, '.');
			if (is_plain_key(step->key, step->keylen))
				appendBinaryStringInfo(&out, step->key, step->keylen);
			else
				append_quoted(&out, step->key, step->keylen);
		}
	}
	list_free(steps);
	return out.data;
}

char *
plan_describe(const JsonbValue *value)
{
	StringInfoData out;
	char	   *digits;

	initStringInfo(&out);
	switch (value->type)
	{
		case jbvNull:
			appendStringInfoString(&out, "null");
			break;
		case jbvBool:
			appendStringInfoString(&out, value->val.boolean ? "true" : "false");
			break;
		case jbvString:
			append_quoted(&out, value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			digits = money_to_string(value->val.numeric);
			append_clipped(&out, digits, strlen(digits));
			break;
		case jbvBinary:
			appendStringInfoString(&out, JsonContainerIsObject(value->val.binary.data) ?
								   "an object" : "an array");
			break;
		default:
			elog(ERROR, "unexpected json value of type %d", (int) value->type);
	}
	return out.data;
}

void
plan_wrong_type(const PlanPath *at, const JsonbValue *value, const char *wanted)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("wrong type of value in commission plan"),
			 plan_errfound(at, value),
			 errhint("Write %s here.", wanted)));
}

/* ---- objects ---- */

static const PlanKey *
find_in_tables(const PlanKey *const *tables, int ntables, const char *name, int len)
{
	for (int t = 0; t < ntables; t++)
	{
		for (const PlanKey *key = tables[t]; key->name != NULL; key++)
		{
			if (strlen(key->name) == len && memcmp(key->name, name, len) == 0)
				return key;
		}
	}
	return NULL;
}

/* The known key that looks most like this one, NULL if none does. */
static const char *
nearest_key(const PlanKey *const *tables, int ntables, const char *name, int len)
{
	const char *nearest = NULL;
	int			limit = Min(3, len / 2);

	if (len > COMPARED_BYTES)
		return NULL;
	for (int t = 0; t < ntables; t++)
	{
		for (const PlanKey *key = tables[t]; key->name != NULL; key++)
		{
			int			distance;

			distance = varstr_levenshtein_less_equal(name, len,
													 key->name, strlen(key->name),
													 1, 1, 1, limit, true);
			if (distance <= limit && limit > 0)
			{
				nearest = key->name;
				limit = distance - 1;
			}
		}
	}
	return nearest;
}

static char *
list_keys(const PlanKey *const *tables, int ntables)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int t = 0; t < ntables; t++)
	{
		for (const PlanKey *key = tables[t]; key->name != NULL; key++)
			appendStringInfo(&out, "%s\"%s\"", out.len > 0 ? ", " : "", key->name);
	}
	return out.data;
}

static void
unknown_key(const PlanPath *at, const PlanKey *const *tables, int ntables)
{
	const char *nearest = nearest_key(tables, ntables, at->key, at->keylen);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown key in commission plan"),
			 plan_errat(at),
			 nearest != NULL ?
			 errhint("Perhaps you meant \"%s\".", nearest) :
			 errhint("Keys known here: %s.", list_keys(tables, ntables))));
}

static void
check_required_keys(const PlanPath *at, const JsonbValue *object,
					const PlanKey *const *tables, int ntables)
{
	for (int t = 0; t < ntables; t++)
	{
		for (const PlanKey *key = tables[t]; key->name != NULL; key++)
		{
			if (key->required != NULL && plan_find_key(object, key->name) == NULL)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("missing key \"%s\" in commission plan", key->name),
						 plan_errat(at),
						 errhint("%s", key->required)));
		}
	}
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

/* The value of a key of an object, NULL if there is none. */
const JsonbValue *
plan_find_key(const JsonbValue *object, const char *name)
{
	if (!is_object(object))
		return NULL;
	return getKeyJsonValueFromContainer(object->val.binary.data,
										name, strlen(name), NULL);
}

/*
 * Read an object whose keys are those of the tables.  What is there is looked
 * at before what is missing: a misspelt key is then reported as such.
 */
void
plan_read_object(const PlanPath *at, const JsonbValue *value,
				 const PlanKey *const *tables, int ntables, void *into)
{
	JsonbIterator *iterator;
	JsonbValue	name;
	JsonbValue	member;

	if (!is_object(value))
		plan_wrong_type(at, value, "an object");

	iterator = JsonbIteratorInit(value->val.binary.data);
	(void) JsonbIteratorNext(&iterator, &name, true);	/* WJB_BEGIN_OBJECT */
	while (JsonbIteratorNext(&iterator, &name, true) == WJB_KEY)
	{
		PlanPath	here = {at, name.val.string.val, name.val.string.len, 0};
		const PlanKey *key = find_in_tables(tables, ntables, here.key, here.keylen);

		(void) JsonbIteratorNext(&iterator, &member, true); /* WJB_VALUE */
		if (key == NULL)
			unknown_key(&here, tables, ntables);
		key->read(&here, &member, (char *) into + key->offset);
	}

	check_required_keys(at, value, tables, ntables);
}

/* ---- arrays ---- */

int
plan_array_length(const PlanPath *at, const JsonbValue *value, int max)
{
	int			length;

	if (value->type != jbvBinary || !JsonContainerIsArray(value->val.binary.data))
		plan_wrong_type(at, value, "an array");

	length = JsonContainerSize(value->val.binary.data);
	if (length > max)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many elements in commission plan"),
				 errdetail("At %s: found %d elements, the limit is %d.",
						   plan_path_string(at), length, max)));
	return length;
}

JsonbValue *
plan_array_element(const JsonbValue *array, int i)
{
	return getIthJsonbValueFromContainer(array->val.binary.data, i);
}

/* ---- values ---- */

/* For people who read the document; the calculation has no use for it. */
void
plan_read_ignored_string(const PlanPath *at, const JsonbValue *value, void *target)
{
	if (value->type != jbvString)
		plan_wrong_type(at, value, "a string");
}

#define RATE_HINT "A rate is a string such as \"5%\", or a number from 0 up to but not including 1 such as 0.05."

static void
too_many_decimals(const PlanPath *at, const JsonbValue *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("rate has too many decimals"),
			 plan_errfound(at, value),
			 errhint("A percentage may have %d decimals, a number %d.",
					 PLAN_MAX_RATE_SCALE - 2, PLAN_MAX_RATE_SCALE)));
}

static void
rate_over_whole(const PlanPath *at, const JsonbValue *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("rate is over 100%%"),
			 plan_errfound(at, value),
			 errhint("A rate is at most \"100%%\".")));
}

/*
 * The shape of a number without sign: how long, where its point is.  Zeros
 * that change nothing are not counted, so that what is left can be held
 * against the limits before any arithmetic.
 */
typedef struct DigitShape
{
	int			length;			/* bytes of "12.50", 0 if it is no number */
	int			whole;			/* digits before the point, 1 in "01.5" */
	int			decimals;		/* digits after it, 1 in "1.50" */
} DigitShape;

static DigitShape
digit_shape(const char *text, int len)
{
	DigitShape	shape = {0, 0, 0};
	int			i = 0;
	int			point;

	for (; i < len && text[i] >= '0' && text[i] <= '9'; i++)
	{
		if (text[i] != '0' || shape.whole > 0)
			shape.whole++;
	}
	if (i == 0)
		return shape;
	shape.length = i;
	if (i == len || text[i] != '.')
		return shape;

	point = i++;
	for (; i < len && text[i] >= '0' && text[i] <= '9'; i++)
	{
		if (text[i] != '0')
			shape.decimals = i - point;
	}
	shape.length = i > point + 1 ? i : 0;
	return shape;
}

/* A string of digits.  "0.05" may mean either, "5" can only be a percentage. */
static void
no_percent_sign(const PlanPath *at, const JsonbValue *value, bool below_one)
{
	char	   *digits = pnstrdup(value->val.string.val, value->val.string.len);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("rate has no percent sign"),
			 plan_errfound(at, value),
			 below_one ?
			 errhint("Write \"%s%%\" for %s percent, or the number %s without quotes for a fraction of 1.",
					 digits, digits, digits) :
			 errhint("Write \"%s%%\" for %s percent.", digits, digits)));
}

/* "5%" */
static Numeric
percent_to_rate(const PlanPath *at, const JsonbValue *value)
{
	const char *text = value->val.string.val;
	int			len = value->val.string.len;
	DigitShape	shape = digit_shape(text, len);
	Numeric		percent;
	Numeric		hundred = money_from_int(100);

	if (shape.length > 0 && shape.length == len && len <= SHOWN_BYTES)
		no_percent_sign(at, value, shape.whole == 0 && shape.decimals > 0);
	if (shape.length == 0 || shape.length != len - 1 || text[len - 1] != '%')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid rate"),
				 plan_errfound(at, value),
				 errhint("%s", RATE_HINT)));
	if (shape.whole > 3)
		rate_over_whole(at, value);
	if (shape.decimals > PLAN_MAX_RATE_SCALE - 2)
		too_many_decimals(at, value);

	percent = money_from_digits(pnstrdup(text, shape.length));
	if (money_compare(percent, hundred) > 0)
		rate_over_whole(at, value);
	return money_multiply(percent, money_from_digits("0.01"));
}

/* 0.05 */
static Numeric
fraction_to_rate(const PlanPath *at, const JsonbValue *value)
{
	Numeric		number = value->val.numeric;

	if (money_sign(number) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate must not be negative"),
				 plan_errfound(at, value),
				 errhint("%s", RATE_HINT)));

	/* 1 may mean one percent or all of it, so it is not guessed */
	if (money_compare(number, money_from_int(100)) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate is out of range"),
				 plan_errfound(at, value),
				 errhint("%s", RATE_HINT)));
	if (money_compare(number, money_from_int(1)) >= 0)
	{
		char	   *digits = money_to_string(money_trim(number));

		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("rate is out of range"),
				 plan_errfound(at, value),
				 errhint("Write \"%s%%\" for %s percent; a number is a fraction below 1.",
						 digits, digits)));
	}
	if (money_scale(money_trim(number)) > PLAN_MAX_RATE_SCALE)
		too_many_decimals(at, value);
	return number;
}

/* Read a rate into a MoneyFactor, as a fraction of 1. */
void
plan_read_rate(const PlanPath *at, const JsonbValue *value, void *target)
{
	Numeric		rate;

	switch (value->type)
	{
		case jbvString:
			rate = percent_to_rate(at, value);
			break;
		case jbvNumeric:
			rate = fraction_to_rate(at, value);
			break;
		case jbvNull:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("null is not a rate"),
					 plan_errat(at),
					 errhint("Use \"0%%\" for a level that is not paid.")));
			rate = NULL;		/* not reached */
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid rate"),
					 plan_errfound(at, value),
					 errhint("%s", RATE_HINT)));
			rate = NULL;		/* not reached */
			break;
	}
	*(MoneyFactor *) target = money_factor(money_trim(rate));
}
