/*
 * plan_reader.c
 *	  Reading a plan document by key tables.
 */
#include "compat.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
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
			 errmsg("wrong type of value in %s", plan_document_name(at)),
			 plan_errfound(at, value),
			 errhint("Write %s here.", wanted)));
}

/* ---- objects ---- */

bool
plan_is_object(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsObject(value->val.binary.data);
}

/* The entry of a key and its table, NULL if no table knows it. */
static const PlanKey *
find_in_tables(const PlanTable *tables, int ntables, const char *name, int len,
			   const PlanTable **found)
{
	for (int t = 0; t < ntables; t++)
	{
		for (const PlanKey *key = tables[t].keys; key->name != NULL; key++)
		{
			if (plan_is_named(key->name, name, len))
			{
				*found = &tables[t];
				return key;
			}
		}
	}
	return NULL;
}

/* How unlike a name the nearest one may be; 0: look for none. */
int
plan_nearest_limit(int len)
{
	return len > COMPARED_BYTES ? 0 : Min(3, len / 2);
}

/* Is the candidate nearer than the nearest so far?  Returns the nearer one. */
const char *
plan_nearest(const char *name, int len, const char *candidate, const char *nearest, int *limit)
{
	int			distance;

	if (*limit <= 0)
		return nearest;
	distance = varstr_levenshtein_less_equal(name, len, candidate, strlen(candidate),
											 1, 1, 1, *limit, true);
	if (distance > *limit)
		return nearest;
	*limit = distance - 1;
	return candidate;
}

/* The known key that looks most like this one, NULL if none does. */
static const char *
nearest_key(const PlanTable *tables, int ntables, const char *name, int len)
{
	const char *nearest = NULL;
	int			limit = plan_nearest_limit(len);

	for (int t = 0; t < ntables; t++)
	{
		if (tables[t].into == NULL)
			continue;
		for (const PlanKey *key = tables[t].keys; key->name != NULL; key++)
			nearest = plan_nearest(name, len, key->name, nearest, &limit);
	}
	return nearest;
}

static char *
list_keys(const PlanTable *tables, int ntables)
{
	StringInfoData out;

	initStringInfo(&out);
	for (int t = 0; t < ntables; t++)
	{
		if (tables[t].into == NULL)
			continue;
		for (const PlanKey *key = tables[t].keys; key->name != NULL; key++)
			appendStringInfo(&out, "%s\"%s\"", out.len > 0 ? ", " : "", key->name);
	}
	return out.data;
}

static void
unknown_key(const PlanPath *at, const PlanTable *tables, int ntables)
{
	const char *nearest = nearest_key(tables, ntables, at->key, at->keylen);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown key in %s", plan_document_name(at)),
			 plan_errat(at),
			 nearest != NULL ?
			 errhint("Perhaps you meant \"%s\".", nearest) :
			 errhint("Keys known here: %s.", list_keys(tables, ntables))));
}

static void
key_not_here(const PlanPath *at, const PlanTable *tables, int ntables)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("key does not apply to this kind of rule"),
			 plan_errat(at),
			 errhint("Keys known here: %s.", list_keys(tables, ntables))));
}

/* The value of a key of an object, NULL if there is none. */
const JsonbValue *
plan_find_key(const JsonbValue *object, const char *name)
{
	if (!plan_is_object(object))
		return NULL;
	return getKeyJsonValueFromContainer(object->val.binary.data,
										name, strlen(name), NULL);
}

int
plan_object_size(const PlanPath *at, const JsonbValue *value, int max)
{
	int			size;

	if (!plan_is_object(value))
		plan_wrong_type(at, value, "an object");
	size = JsonContainerSize(value->val.binary.data);
	if (size > max)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many keys in %s", plan_document_name(at)),
				 errdetail("At %s: found %d keys, the limit is %d.",
						   plan_path_string(at), size, max)));
	return size;
}

/* ---- steps ---- */

PlanReading *
plan_reading(const PlanPath *at)
{
	while (at->parent != NULL)
		at = at->parent;
	return (PlanReading *) at;
}

const char *
plan_document_name(const PlanPath *at)
{
	const char *what = plan_reading(at)->what;

	return what != NULL ? what : "commission plan";
}

/* False: the step has failed, and its error is kept by whoever wanted all. */
bool
plan_attempt(const PlanPath *at, void (*step) (void *arg), void *arg)
{
	PlanReading *reading = plan_reading(at);

	if (reading->attempt == NULL)
	{
		step(arg);
		return true;
	}
	if (reading->attempt(reading, step, arg))
		return true;
	reading->nfailed++;
	return false;
}

typedef struct MemberStep
{
	PlanPath	at;
	const JsonbValue *value;
	PlanRead	read;
	void	   *target;
} MemberStep;

static void
read_member(void *arg)
{
	MemberStep *step = arg;

	step->read(&step->at, step->value, step->target);
}

/* Each key of an object whose keys are the user's own is read by one function. */
void
plan_read_members(const PlanPath *at, const JsonbValue *value, PlanRead read, void *target)
{
	JsonbIterator *iterator;
	JsonbValue	name;
	JsonbValue	member;

	if (!plan_is_object(value))
		plan_wrong_type(at, value, "an object");

	iterator = JsonbIteratorInit(value->val.binary.data);
	(void) JsonbIteratorNext(&iterator, &name, true);	/* WJB_BEGIN_OBJECT */
	while (JsonbIteratorNext(&iterator, &name, true) == WJB_KEY)
	{
		MemberStep	step = {{at, name.val.string.val, name.val.string.len, 0},
		&member, read, target};

		CHECK_FOR_INTERRUPTS();
		(void) JsonbIteratorNext(&iterator, &member, true); /* WJB_VALUE */
		plan_attempt(at, read_member, &step);
	}
}

typedef struct Tables
{
	const PlanTable *tables;
	int			ntables;
	const JsonbValue *object;
	const PlanPath *at;
} Tables;

static void
read_key(const PlanPath *at, const JsonbValue *value, void *target)
{
	Tables	   *known = target;
	const PlanTable *table;
	const PlanKey *key = find_in_tables(known->tables, known->ntables, at->key, at->keylen, &table);

	if (key == NULL)
		unknown_key(at, known->tables, known->ntables);
	if (table->into == NULL)
		key_not_here(at, known->tables, known->ntables);
	key->read(at, value, (char *) table->into + key->offset);
}

static void
check_required_keys(void *arg)
{
	Tables	   *known = arg;

	for (int t = 0; t < known->ntables; t++)
	{
		if (known->tables[t].into == NULL || known->tables[t].all_optional)
			continue;
		for (const PlanKey *key = known->tables[t].keys; key->name != NULL; key++)
		{
			if (key->required != NULL && plan_find_key(known->object, key->name) == NULL)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("missing key \"%s\" in %s", key->name,
								plan_document_name(known->at)),
						 plan_errat(known->at),
						 errhint("%s", key->required)));
		}
	}
}

/*
 * Read an object whose keys are those of the tables.  What is there is looked
 * at before what is missing: a misspelt key is then reported as such.
 */
void
plan_read_object(const PlanPath *at, const JsonbValue *value,
				 const PlanTable *tables, int ntables)
{
	Tables		known = {tables, ntables, value, at};

	plan_read_members(at, value, read_key, &known);
	plan_attempt(at, check_required_keys, &known);
}

static void
check_key(const PlanPath *at, const JsonbValue *value, void *target)
{
	Tables	   *known = target;
	const PlanTable *table;

	if (find_in_tables(known->tables, known->ntables, at->key, at->keylen, &table) == NULL)
		unknown_key(at, known->tables, known->ntables);
}

/* The same without reading a value: only which keys are there. */
void
plan_check_keys(const PlanPath *at, const JsonbValue *value,
				const PlanTable *tables, int ntables)
{
	Tables		known = {tables, ntables, value, at};

	plan_read_members(at, value, check_key, &known);
	plan_attempt(at, check_required_keys, &known);
}

void
plan_read_keys(const PlanPath *at, const JsonbValue *value, const PlanKey *keys, void *into)
{
	PlanTable	table = {keys, into, false};

	plan_read_object(at, value, &table, 1);
}

/* ---- arrays ---- */

bool
plan_is_array(const JsonbValue *value)
{
	return value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
}

int
plan_array_length(const PlanPath *at, const JsonbValue *value, int max)
{
	int			length;

	if (!plan_is_array(value))
		plan_wrong_type(at, value, "an array");

	length = JsonContainerSize(value->val.binary.data);
	if (length > max)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many elements in %s", plan_document_name(at)),
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

void
plan_read_bool(const PlanPath *at, const JsonbValue *value, void *target)
{
	if (value->type != jbvBool)
		plan_wrong_type(at, value, "true or false");
	*(bool *) target = value->val.boolean;
}

int
plan_int(const PlanPath *at, const JsonbValue *value, int min, int max)
{
	int			number;

	if (value->type != jbvNumeric)
		plan_wrong_type(at, value, "a number");
	if (!money_to_int(value->val.numeric, &number) || number < min || number > max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number is out of range in %s", plan_document_name(at)),
				 plan_errfound(at, value),
				 errhint("Write a whole number from %d to %d.", min, max)));
	return number;
}

/* One of a few words, by its place among them. */
int
plan_word(const PlanPath *at, const JsonbValue *value, const char *const *words, int nwords)
{
	StringInfoData list;

	if (value->type != jbvString)
		plan_wrong_type(at, value, "a string");
	for (int i = 0; i < nwords; i++)
	{
		if (plan_is_named(words[i], value->val.string.val, value->val.string.len))
			return i;
	}

	initStringInfo(&list);
	for (int i = 0; i < nwords; i++)
		appendStringInfo(&list, "%s\"%s\"",
						 i == 0 ? "" : i < nwords - 1 ? ", " : " or ", words[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown word in %s", plan_document_name(at)),
			 plan_errfound(at, value),
			 errhint("Write %s.", list.data)));
}

char *
plan_string(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* The name of a rule and the like; what says of what. */
char *
plan_name(const PlanPath *at, const JsonbValue *value, const char *what)
{
	if (value->type != jbvString)
		plan_wrong_type(at, value, "a string");
	if (value->val.string.len < 1 || value->val.string.len > PLAN_MAX_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid %s name", what),
				 plan_errfound(at, value),
				 errhint("A name has 1 to %d bytes.", PLAN_MAX_NAME)));
	return plan_string(value);
}

/* A table by rank is wider than its text: what all tables hold is limited. */
void
plan_count_values(const PlanPath *at, int n)
{
	PlanReading *reading = plan_reading(at);

	reading->nvalues += n;		/* each n is small, and the sum is limited */
	if (reading->nvalues > PLAN_MAX_VALUES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("commission plan has too many rates"),
				 errdetail("At %s: the limit of %d is passed; a rate by rank counts once for each rank.",
						   plan_path_string(at), PLAN_MAX_VALUES)));
}
