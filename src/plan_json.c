/*
 * plan_json.c
 *	  From the text of a plan document to jsonb, refusing duplicate keys.
 *
 * A plan is taken as json because jsonb keeps the last of two equal keys and
 * says nothing: of two "levels" the operator would see one, and be charged
 * for the other.
 */
#include "compat.h"

#include "access/detoast.h"
#include "common/hashfn.h"
#include "common/jsonapi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/jsonfuncs.h"
#include "utils/memutils.h"

#include "plan.h"
#include "plan_reader.h"

/* A key of one object of the text: two of them equal are a duplicate. */
typedef struct SeenKey
{
	int			object;			/* number of the object, in order of its start */
	int			length;
	const char *key;
} SeenKey;

/*
 * The parser tells what begins and ends; the stack of containers that are open
 * is kept here, as the path of an error.  A frame stands for the place inside
 * its container: the current key or element.
 */
typedef struct Frame
{
	PlanPath	path;			/* first: a frame is a place */
	int			object;			/* number of the object, -1: an array */
} Frame;

typedef struct KeyCheck
{
	HTAB	   *seen;
	Frame	   *top;			/* innermost open container, NULL: none */
	int			nobjects;
} KeyCheck;

static const PlanPath document_path = {NULL, NULL, 0, 0};

static uint32
seen_key_hash(const void *key, Size keysize)
{
	const SeenKey *seen = key;

	return hash_combine(hash_uint32(seen->object),
						hash_bytes((const unsigned char *) seen->key, seen->length));
}

static int
seen_key_match(const void *key1, const void *key2, Size keysize)
{
	const SeenKey *a = key1;
	const SeenKey *b = key2;

	if (a->object != b->object || a->length != b->length)
		return 1;
	return memcmp(a->key, b->key, a->length);
}

static void
open_container(KeyCheck *check, int object)
{
	Frame	   *frame = palloc0(sizeof(Frame));

	frame->path.parent = check->top != NULL ? &check->top->path : &document_path;
	frame->path.index = -1;
	frame->object = object;
	check->top = frame;
}

static void
close_container(KeyCheck *check)
{
	Frame	   *frame = check->top;

	check->top = frame->path.parent == &document_path ?
		NULL : (Frame *) frame->path.parent;
	pfree(frame);
}

static JSON_ACTION_TYPE
object_start(void *state)
{
	KeyCheck   *check = state;

	open_container(check, check->nobjects++);
	JSON_ACTION_RETURN();
}

static JSON_ACTION_TYPE
array_start(void *state)
{
	open_container(state, -1);
	JSON_ACTION_RETURN();
}

static JSON_ACTION_TYPE
container_end(void *state)
{
	close_container(state);
	JSON_ACTION_RETURN();
}

static JSON_ACTION_TYPE
array_element_start(void *state, bool isnull)
{
	KeyCheck   *check = state;

	check->top->path.index++;
	JSON_ACTION_RETURN();
}

static JSON_ACTION_TYPE
object_field_start(void *state, char *fname, bool isnull)
{
	KeyCheck   *check = state;
	Frame	   *frame = check->top;
	SeenKey		key;
	bool		found;

	frame->path.key = fname;
	frame->path.keylen = strlen(fname);

	key.object = frame->object;
	key.length = frame->path.keylen;
	key.key = fname;
	(void) hash_search(check->seen, &key, HASH_ENTER, &found);
	if (found)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("duplicate key in commission plan"),
				 plan_errat(&frame->path),
				 errhint("Keep one of the two.")));
	JSON_ACTION_RETURN();
}

/* Also raises whatever is wrong with the text as json. */
static void
check_keys(text *json)
{
	KeyCheck	check = {NULL, NULL, 0};
	JsonSemAction actions = {NULL};
	HASHCTL		control = {0};

	control.keysize = sizeof(SeenKey);
	control.entrysize = sizeof(SeenKey);
	control.hcxt = CurrentMemoryContext;
	control.hash = seen_key_hash;
	control.match = seen_key_match;
	check.seen = hash_create("keys of a plan document", 32, &control,
							 HASH_ELEM | HASH_CONTEXT | HASH_FUNCTION | HASH_COMPARE);

	actions.semstate = &check;
	actions.object_start = object_start;
	actions.object_end = container_end;
	actions.array_start = array_start;
	actions.array_end = container_end;
	actions.object_field_start = object_field_start;
	actions.array_element_start = array_element_start;
	pg_parse_json_or_ereport(json_lex_context(json), &actions);
}

/*
 * The jsonb of a document's text, in the current memory context.  The size is
 * looked at before the value is fetched, let alone parsed.
 */
Jsonb *
plan_document(text *json)
{
	Size		size = toast_raw_datum_size(PointerGetDatum(json)) - VARHDRSZ;
	MemoryContext context = CurrentMemoryContext;
	MemoryContext scratch;
	char	   *source;
	Jsonb	   *result;

	if (size > PLAN_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("commission plan is too large"),
				 errdetail("The text has %zu bytes, the limit is %d.",
						   size, PLAN_MAX_BYTES)));

	scratch = AllocSetContextCreate(context, "plan document", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(scratch);
	json = DatumGetTextPP(PointerGetDatum(json));
	check_keys(json);
	source = text_to_cstring(json);

	MemoryContextSwitchTo(context);
	result = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(source)));
	MemoryContextDelete(scratch);
	return result;
}

/*
 * The same as an SQL function.  The install script does not declare it, the
 * tests do: they read documents without a program to set them in.
 */
PG_FUNCTION_INFO_V1(distributor_plan_document);
Datum
distributor_plan_document(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(plan_document((text *) PG_GETARG_POINTER(0)));
}
