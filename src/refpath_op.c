/*
 * refpath_op.c
 *	  Operators and functions of refpath whose result is one value.
 *
 * All are thin: the bytes are compared, cut and joined by refpath_core.c.
 * SQLSTATEs: 22023 for an argument outside its domain and for a result that
 * would hold a member twice, 22003 for a negative member id, 54000 for a
 * result that is too deep.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/array.h"

#include "refpath.h"

/* The bytes of an argument that the operators below only look at. */
#define ARG_BYTES(n)	refpath_bytes(PG_GETARG_REFPATH_PP(n))

PG_FUNCTION_INFO_V1(refpath_op_eq);
PG_FUNCTION_INFO_V1(refpath_op_ne);
PG_FUNCTION_INFO_V1(refpath_op_lt);
PG_FUNCTION_INFO_V1(refpath_op_le);
PG_FUNCTION_INFO_V1(refpath_op_ge);
PG_FUNCTION_INFO_V1(refpath_op_gt);
PG_FUNCTION_INFO_V1(refpath_op_contains);
PG_FUNCTION_INFO_V1(refpath_op_contained);
PG_FUNCTION_INFO_V1(refpath_op_above);
PG_FUNCTION_INFO_V1(refpath_op_below);
PG_FUNCTION_INFO_V1(refpath_op_through);
PG_FUNCTION_INFO_V1(refpath_op_on_path);
PG_FUNCTION_INFO_V1(refpath_op_distance);
PG_FUNCTION_INFO_V1(refpath_op_append);
PG_FUNCTION_INFO_V1(refpath_op_append_id);
PG_FUNCTION_INFO_V1(refpath_op_prepend_id);
PG_FUNCTION_INFO_V1(refpath_fn_depth);
PG_FUNCTION_INFO_V1(refpath_fn_member_id);
PG_FUNCTION_INFO_V1(refpath_fn_sponsor_id);
PG_FUNCTION_INFO_V1(refpath_fn_root_id);
PG_FUNCTION_INFO_V1(refpath_fn_upline);
PG_FUNCTION_INFO_V1(refpath_fn_level_of);
PG_FUNCTION_INFO_V1(refpath_fn_parent);
PG_FUNCTION_INFO_V1(refpath_fn_subpath);
PG_FUNCTION_INFO_V1(refpath_fn_subpath_to_end);
PG_FUNCTION_INFO_V1(refpath_fn_lca);
PG_FUNCTION_INFO_V1(refpath_fn_lca_array);
PG_FUNCTION_INFO_V1(refpath_fn_graft);
PG_FUNCTION_INFO_V1(refpath_fn_path_upper);

/*
 * Comparison.  Toasted arguments are detoasted into the caller's memory; these
 * run inside index searches and sorts, so they give it back.
 */
static int
compare_args(FunctionCallInfo fcinfo)
{
	RefPath    *a = PG_GETARG_REFPATH_PP(0);
	RefPath    *b = PG_GETARG_REFPATH_PP(1);
	int			cmp = refpath_compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return cmp;
}

Datum
refpath_op_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) == 0);
}

Datum
refpath_op_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) != 0);
}

Datum
refpath_op_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) < 0);
}

Datum
refpath_op_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) <= 0);
}

Datum
refpath_op_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) >= 0);
}

Datum
refpath_op_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(compare_args(fcinfo) > 0);
}

/* Containment.  Strict means: of two paths that differ. */

Datum
refpath_op_contains(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(refpath_bytes_contains(ARG_BYTES(0), ARG_BYTES(1)));
}

Datum
refpath_op_contained(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(refpath_bytes_contains(ARG_BYTES(1), ARG_BYTES(0)));
}

Datum
refpath_op_above(PG_FUNCTION_ARGS)
{
	RefPathBytes upper = ARG_BYTES(0);
	RefPathBytes lower = ARG_BYTES(1);

	PG_RETURN_BOOL(upper.len < lower.len && refpath_bytes_contains(upper, lower));
}

Datum
refpath_op_below(PG_FUNCTION_ARGS)
{
	RefPathBytes lower = ARG_BYTES(0);
	RefPathBytes upper = ARG_BYTES(1);

	PG_RETURN_BOOL(upper.len < lower.len && refpath_bytes_contains(upper, lower));
}

/* A number that is no member id stands on no path: false, not an error. */

Datum
refpath_op_through(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(refpath_has_id(PG_GETARG_REFPATH_PP(0), PG_GETARG_INT64(1)));
}

Datum
refpath_op_on_path(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(refpath_has_id(PG_GETARG_REFPATH_PP(1), PG_GETARG_INT64(0)));
}

Datum
refpath_op_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(refpath_distance(ARG_BYTES(0), ARG_BYTES(1)));
}

/* Appending. */

static void
check_new_depth(int depth)
{
	if (depth > REFPATH_MAX_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("path is too deep"),
				 errdetail("A path has at most %d members.", REFPATH_MAX_DEPTH)));
}

static void
repeated_member_error(int64 id)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("member " INT64_FORMAT " would be in the path twice", id)));
}

/* May 'id' be joined to 'path'? */
static void
check_new_id(RefPath *path, int64 id)
{
	if (id < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("member id " INT64_FORMAT " is out of range for type %s",
						id, "refpath"),
				 errdetail("Member ids go from 0 to " INT64_FORMAT ".", PG_INT64_MAX)));
	check_new_depth(refpath_depth_of(REFPATH_DATA(path), REFPATH_LEN(path)) + 1);
	if (refpath_has_id(path, id))
		repeated_member_error(id);
}

/* The two parts as one path; neither part repeats an id within itself. */
static RefPath *
join_paths(RefPathBytes head, RefPathBytes tail)
{
	RefPath    *result;
	int64		repeated;

	/* an id takes a byte at least */
	if (head.len + tail.len > REFPATH_MAX_DEPTH)
		check_new_depth(refpath_depth_of(head.data, head.len) +
						refpath_depth_of(tail.data, tail.len));
	if (refpath_find_shared(head, tail, &repeated))
		repeated_member_error(repeated);

	result = (RefPath *) palloc(VARHDRSZ + head.len + tail.len);
	SET_VARSIZE(result, VARHDRSZ + head.len + tail.len);
	memcpy(VARDATA(result), head.data, head.len);
	memcpy(VARDATA(result) + head.len, tail.data, tail.len);
	return result;
}

Datum
refpath_op_append(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(join_paths(ARG_BYTES(0), ARG_BYTES(1)));
}

Datum
refpath_op_append_id(PG_FUNCTION_ARGS)
{
	RefPath    *path = PG_GETARG_REFPATH_PP(0);
	int64		id = PG_GETARG_INT64(1);

	check_new_id(path, id);
	PG_RETURN_POINTER(refpath_append_id(path, id));
}

Datum
refpath_op_prepend_id(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	RefPath    *path = PG_GETARG_REFPATH_PP(1);
	unsigned char code[REFPATH_MAX_CODE];
	RefPathBytes head;

	check_new_id(path, id);
	head.data = code;
	head.len = refpath_encode_id(id, code);
	PG_RETURN_POINTER(join_paths(head, refpath_bytes(path)));
}

/* Members of a path. */

/* Sets the id 'level' steps above the path's own member; false past the root. */
static bool
id_at_level(RefPathBytes path, int level, int64 *id)
{
	int			depth = refpath_depth_of(path.data, path.len);

	if (level >= depth)
		return false;
	*id = refpath_decode_id(path.data + refpath_prefix_len(path, depth - 1 - level));
	return true;
}

Datum
refpath_fn_depth(PG_FUNCTION_ARGS)
{
	RefPathBytes path = ARG_BYTES(0);

	PG_RETURN_INT32(refpath_depth_of(path.data, path.len));
}

Datum
refpath_fn_member_id(PG_FUNCTION_ARGS)
{
	int64		id;

	if (!id_at_level(ARG_BYTES(0), 0, &id))
		PG_RETURN_NULL();
	PG_RETURN_INT64(id);
}

Datum
refpath_fn_sponsor_id(PG_FUNCTION_ARGS)
{
	int64		id;

	if (!id_at_level(ARG_BYTES(0), 1, &id))
		PG_RETURN_NULL();
	PG_RETURN_INT64(id);
}

Datum
refpath_fn_root_id(PG_FUNCTION_ARGS)
{
	RefPathBytes path = ARG_BYTES(0);

	if (path.len == 0)
		PG_RETURN_NULL();
	(void) refpath_step(path.data, path.data + path.len);
	PG_RETURN_INT64(refpath_decode_id(path.data));
}

Datum
refpath_fn_upline(PG_FUNCTION_ARGS)
{
	int			level = PG_GETARG_INT32(1);
	int64		id;

	if (level < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("level must not be negative"),
				 errdetail("Level 0 is the member itself, level 1 its sponsor; the level given is %d.", level)));
	if (!id_at_level(ARG_BYTES(0), level, &id))
		PG_RETURN_NULL();
	PG_RETURN_INT64(id);
}

Datum
refpath_fn_level_of(PG_FUNCTION_ARGS)
{
	int			level = refpath_level_of(ARG_BYTES(0), PG_GETARG_INT64(1));

	if (level < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(level);
}

/* Parts of a path. */

Datum
refpath_fn_parent(PG_FUNCTION_ARGS)
{
	RefPathBytes path = ARG_BYTES(0);
	int			depth = refpath_depth_of(path.data, path.len);

	if (depth == 0)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(refpath_make(path.data, refpath_prefix_len(path, depth - 1)));
}

/*
 * The ids from 'start' up to before 'end', as ltree counts: a start from the
 * end where negative, an end past the path's is the path's.  64 bits, so that
 * no offset and length can overflow.
 */
static RefPath *
cut_path(RefPathBytes path, int64 start, int64 len, bool to_end)
{
	int			depth = refpath_depth_of(path.data, path.len);
	int64		end;
	Size		from;

	if (start < 0)
		start += depth;
	if (to_end)
		end = depth;
	else if (len < 0)
		end = depth + len;
	else
		end = Min(start + len, depth);

	if (start < 0 || start >= depth || end < start)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid positions"),
				 errdetail("The path has %d members.", depth),
				 errhint("A negative offset counts from the end; a negative length leaves that many off the end.")));

	from = refpath_prefix_len(path, (int) start);
	return refpath_make(path.data + from,
						refpath_prefix_len(path, (int) end) - from);
}

Datum
refpath_fn_subpath(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(cut_path(ARG_BYTES(0), PG_GETARG_INT32(1),
							   PG_GETARG_INT32(2), false));
}

Datum
refpath_fn_subpath_to_end(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(cut_path(ARG_BYTES(0), PG_GETARG_INT32(1), 0, true));
}

/*
 * The first path itself where it is above the second: the state of the
 * aggregate is then not copied again for every row.
 */
Datum
refpath_fn_lca(PG_FUNCTION_ARGS)
{
	RefPath    *path = PG_GETARG_REFPATH_PP(0);
	RefPathBytes a = refpath_bytes(path);
	Size		common = refpath_common_len(a, ARG_BYTES(1));

	if (common == a.len)
		PG_RETURN_POINTER(path);
	PG_RETURN_POINTER(refpath_make(a.data, common));
}

/* One pass, whatever the array's shape; only the first path is kept, cut. */
Datum
refpath_fn_lca_array(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	ArrayIterator iterator = array_create_iterator(array, 0, NULL);
	RefPathBytes common = {NULL, 0};
	Datum		value;
	bool		isnull;

	while (array_iterate(iterator, &value, &isnull))
	{
		RefPath    *path;

		CHECK_FOR_INTERRUPTS();
		if (isnull)
			continue;
		path = DatumGetRefPathPP(value);
		if (common.data == NULL)
		{
			common = refpath_bytes(path);
			continue;
		}
		common.len = refpath_common_len(common, refpath_bytes(path));
		if ((Pointer) path != DatumGetPointer(value))
			pfree(path);
	}
	array_free_iterator(iterator);

	if (common.data == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(refpath_make(common.data, common.len));
}

/* The path of the same member after its upline 'old_base' went to 'new_base'. */
Datum
refpath_fn_graft(PG_FUNCTION_ARGS)
{
	RefPathBytes path = ARG_BYTES(0);
	RefPathBytes old_base = ARG_BYTES(1);

	if (!refpath_bytes_contains(old_base, path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("path \"%s\" is not at or below \"%s\"",
						refpath_to_cstring(path), refpath_to_cstring(old_base))));
	path.data += old_base.len;
	path.len -= old_base.len;
	PG_RETURN_POINTER(join_paths(ARG_BYTES(2), path));
}

Datum
refpath_fn_path_upper(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(refpath_upper(PG_GETARG_REFPATH_PP(0)));
}
