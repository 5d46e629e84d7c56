/*
 * refpath_io.c
 *	  refpath in and out: text, binary, bigint[].
 *
 * One value has one text: digits without leading zeros, single dots, nothing
 * else.  SQLSTATEs: 22P02 for text, 22P03 for binary and 22023 for arrays that
 * are no path (a repeated id among them), 22003 for an id beyond bigint, 54000
 * for a path that is too deep.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "refpath.h"

#define BINARY_VERSION			1

/* An error quotes this many bytes of its input at most: inputs may be huge. */
#define QUOTED_INPUT_MAX		64

PG_FUNCTION_INFO_V1(refpath_in);
PG_FUNCTION_INFO_V1(refpath_out);
PG_FUNCTION_INFO_V1(refpath_recv);
PG_FUNCTION_INFO_V1(refpath_send);
PG_FUNCTION_INFO_V1(refpath_from_array);
PG_FUNCTION_INFO_V1(refpath_to_array);

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The first 'len' bytes of the input; if too long, cut between characters. */
static char *
quoted_input(const char *str, size_t len)
{
	if (len <= QUOTED_INPUT_MAX)
		return pnstrdup(str, len);
	return psprintf("%.*s...", pg_mbcliplen(str, QUOTED_INPUT_MAX + 1, QUOTED_INPUT_MAX), str);
}

/* What precedes 'at' is digits and dots, so bytes count characters. */
static bool
syntax_error(const char *str, const char *at, const char *what, Node *escontext)
{
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"",
					"refpath", quoted_input(str, strnlen(str, QUOTED_INPUT_MAX + 1))),
			 errdetail("At character %d, %s.", (int) (at - str) + 1, what),
			 errhint("A path is member ids from the root down, separated by single dots, such as 1.5.42.")));
}

/* Reads one id and moves *cursor behind it. */
static bool
parse_id(const char *str, const char **cursor, int64 *id, Node *escontext)
{
	const char *p = *cursor;
	int64		value = 0;

	if (!is_digit(*p))
		return syntax_error(str, p,
							*p == '\0' || *p == '.' ? "a member id is missing" :
							"there is neither a digit nor a dot", escontext);
	if (*p == '0' && is_digit(p[1]))
		return syntax_error(str, p, "a member id has a leading zero", escontext);
	for (; is_digit(*p); p++)
		if (pg_mul_s64_overflow(value, 10, &value) ||
			pg_add_s64_overflow(value, *p - '0', &value))
			ereturn(escontext, false,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("member id \"%s\" is out of range for type %s",
							quoted_input(*cursor, strspn(*cursor, "0123456789")), "refpath"),
					 errdetail("Member ids go from 0 to " INT64_FORMAT ".", PG_INT64_MAX)));
	*id = value;
	*cursor = p;
	return true;
}

/* Ids that the text may hold: its dots and one, no more than can be legal. */
static int
count_labels(const char *str)
{
	int			labels = 1;

	while (labels < REFPATH_MAX_DEPTH && (str = strchr(str, '.')) != NULL)
	{
		labels++;
		str++;
	}
	return labels;
}

static RefPath *
parse_path(const char *str, Node *escontext)
{
	const char *cursor = str;
	int			nids = 0;
	int64		repeated;
	int64	   *ids;
	RefPath    *result;

	if (*str == '\0')
		return refpath_make(NULL, 0);

	ids = (int64 *) palloc(sizeof(int64) * count_labels(str));
	for (;;)
	{
		if (nids == REFPATH_MAX_DEPTH)
			ereturn(escontext, NULL,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("path is too deep"),
					 errdetail("A path has at most %d members.", REFPATH_MAX_DEPTH)));
		if (!parse_id(str, &cursor, &ids[nids], escontext))
			return NULL;
		nids++;
		if (*cursor == '\0')
			break;
		if (*cursor != '.')
		{
			(void) syntax_error(str, cursor, "there is neither a digit nor a dot", escontext);
			return NULL;
		}
		cursor++;
	}

	if (refpath_find_repeat(ids, nids, &repeated))
		ereturn(escontext, NULL,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"",
						"refpath", quoted_input(str, strnlen(str, QUOTED_INPUT_MAX + 1))),
				 errdetail("Member " INT64_FORMAT " is in the path twice.", repeated)));

	result = refpath_from_ids(ids, nids);
	pfree(ids);
	return result;
}

Datum
refpath_in(PG_FUNCTION_ARGS)
{
	RefPath    *result = parse_path(PG_GETARG_CSTRING(0), fcinfo->context);

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(result);
}

/*
 * Upper bounds print too, as '1.5.*': EXPLAIN shows index conditions.  The
 * densest code is one byte for three digits and a dot.
 */
char *
refpath_to_cstring(RefPathBytes path)
{
	const unsigned char *code = path.data;
	const unsigned char *end = code + path.len;
	char	   *result = (char *) palloc(4 * path.len + 1);
	char	   *out = result;

	while (code < end)
	{
		int			step;

		if (code > path.data)
			*out++ = '.';
		if (code[0] == REFPATH_UPPER_BYTE)
		{
			*out++ = '*';
			code++;
			continue;
		}
		step = refpath_step(code, end);
		out += pg_lltoa(refpath_decode_id(code), out);
		code += step;
	}
	*out = '\0';
	return result;
}

Datum
refpath_out(PG_FUNCTION_ARGS)
{
	RefPath    *path = PG_GETARG_REFPATH_PP(0);

	PG_RETURN_CSTRING(refpath_to_cstring(refpath_bytes(path)));
}

static void
binary_error(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid external \"%s\" value", "refpath"),
			 errdetail_internal("%s", detail)));
}

/* A version byte, then the codes to the end of the message. */
Datum
refpath_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	RefPathBytes bytes;
	int64		repeated = 0;
	int			version;

	if (buf->cursor >= buf->len)
		binary_error("The value is empty.");
	version = pq_getmsgbyte(buf);
	if (version != BINARY_VERSION)
		binary_error(psprintf("Its format version is %d; this server reads version %d.",
							  version, BINARY_VERSION));

	bytes.len = buf->len - buf->cursor;
	bytes.data = (const unsigned char *) pq_getmsgbytes(buf, (int) bytes.len);
	switch (refpath_check(bytes, &repeated))
	{
		case REFPATH_OK:
			break;
		case REFPATH_BAD_LEAD:
			binary_error("A member id begins with the byte 0xFF.");
			break;
		case REFPATH_TRUNCATED:
			binary_error("The last member id is incomplete.");
			break;
		case REFPATH_OUT_OF_RANGE:
			binary_error(psprintf("A member id is above " INT64_FORMAT ".", PG_INT64_MAX));
			break;
		case REFPATH_TOO_DEEP:
			binary_error(psprintf("A path has at most %d members.", REFPATH_MAX_DEPTH));
			break;
		case REFPATH_REPEATED:
			binary_error(psprintf("Member " INT64_FORMAT " is in the path twice.", repeated));
			break;
	}
	PG_RETURN_POINTER(refpath_make(bytes.data, bytes.len));
}

Datum
refpath_send(PG_FUNCTION_ARGS)
{
	RefPath    *path = PG_GETARG_REFPATH_PP(0);
	StringInfoData buf;

	/* raises an error for an upper bound, which recv would refuse */
	(void) refpath_depth_of(REFPATH_DATA(path), REFPATH_LEN(path));

	pq_begintypsend(&buf);
	pq_sendbyte(&buf, BINARY_VERSION);
	pq_sendbytes(&buf, (const char *) REFPATH_DATA(path), (int) REFPATH_LEN(path));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

static void
check_array_shape(ArrayType *array)
{
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("a path needs a one-dimensional array"),
				 errdetail("The array has %d dimensions.", ARR_NDIM(array))));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a path cannot contain a null member id")));
	if (ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) > REFPATH_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("path is too deep"),
				 errdetail("A path has at most %d members.", REFPATH_MAX_DEPTH)));
}

/* No nulls and one dimension: the array's data are the ids as they stand. */
Datum
refpath_from_array(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	const int64 *ids;
	int64		repeated;
	int			nids;

	check_array_shape(array);
	ids = (const int64 *) ARR_DATA_PTR(array);
	nids = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	for (int i = 0; i < nids; i++)
		if (ids[i] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("member id " INT64_FORMAT " is out of range for type %s",
							ids[i], "refpath"),
					 errdetail("Member ids go from 0 to " INT64_FORMAT ".", PG_INT64_MAX)));
	if (refpath_find_repeat(ids, nids, &repeated))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("member " INT64_FORMAT " would be in the path twice", repeated)));
	PG_RETURN_POINTER(refpath_from_ids(ids, nids));
}

Datum
refpath_to_array(PG_FUNCTION_ARGS)
{
	RefPath    *path = PG_GETARG_REFPATH_PP(0);
	int64	   *ids;
	int			depth = refpath_decode(path, &ids);
	Datum	   *elements = (Datum *) palloc(sizeof(Datum) * (depth + 1));

	for (int i = 0; i < depth; i++)
		elements[i] = Int64GetDatum(ids[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, depth, INT8OID, sizeof(int64),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
