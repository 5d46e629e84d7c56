/*
 * refpath_ancestors.c
 *	  ancestors() and ancestors_or_self(): every path above a path, as an array.
 *
 * This is the list that an index is probed with for "path @> X", so it holds
 * exactly the paths for which the operator says yes: the empty path too, and
 * of an upper bound what the operator takes to be above it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "refpath_selfuncs.h"

PG_FUNCTION_INFO_V1(refpath_fn_ancestors);
PG_FUNCTION_INFO_V1(refpath_fn_ancestors_or_self);

/* What a path of this length takes in an array. */
static inline Size
element_size(Size len)
{
	return INTALIGN(VARHDRSZ + len);
}

/*
 * The next longer prefix of the path that is above it: moves len to its end.
 * False where there is none, at the path's own end or before a bound's 0xFF.
 */
static inline bool
next_prefix(RefPathBytes path, Size *len)
{
	*len += refpath_step(path.data + *len, path.data + path.len);
	return *len < path.len && path.data[*len] != REFPATH_UPPER_BYTE;
}

/* How many proper prefixes are above the path, and what all take in an array. */
static int
count_prefixes(RefPathBytes path, Size *size)
{
	int			n = 0;
	Size		len = 0;

	*size = 0;
	if (path.len == 0 || path.data[0] == REFPATH_UPPER_BYTE)
		return 0;
	do
	{
		CHECK_FOR_INTERRUPTS();
		n++;
		*size += element_size(len);
	} while (next_prefix(path, &len));
	return n;
}

/* Is the list of a path's ancestors and itself small enough to be a value? */
bool
refpath_ancestors_fit(RefPathBytes path)
{
	Size		size;

	(void) count_prefixes(path, &size);
	return AllocSizeIsValid(ARR_OVERHEAD_NONULLS(1) + size + element_size(path.len));
}

/* Writes an element of the array; returns where the next one goes. */
static char *
put_element(char *out, RefPathBytes path)
{
	SET_VARSIZE(out, VARHDRSZ + path.len);
	memcpy(VARDATA(out), path.data, path.len);
	return out + element_size(path.len);
}

/*
 * The array, shortest path first.  It must fit.  Written in place: this runs
 * once for each row of the outer side of a join.
 */
ArrayType *
refpath_ancestors_array(RefPathBytes path, bool strict, Oid type)
{
	RefPathBytes prefix = {path.data, 0};
	ArrayType  *array;
	Size		size;
	char	   *out;
	int			nprefixes = count_prefixes(path, &size);
	int			n = nprefixes + (strict ? 0 : 1);

	if (n == 0)
		return construct_empty_array(type);
	size += ARR_OVERHEAD_NONULLS(1) + (strict ? 0 : element_size(path.len));
	array = (ArrayType *) palloc0(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->elemtype = type;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;

	out = ARR_DATA_PTR(array);
	for (int i = 0; i < nprefixes; i++)
	{
		out = put_element(out, prefix);
		(void) next_prefix(path, &prefix.len);
	}
	if (!strict)
		(void) put_element(out, path);
	return array;
}

static Datum
ancestors(FunctionCallInfo fcinfo, bool strict)
{
	RefPathBytes path = refpath_bytes(PG_GETARG_REFPATH_PP(0));
	Oid			type = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));

	if (!refpath_ancestors_fit(path))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("path is too deep to list the paths above it"),
				 errdetail("The list would take more than %zu bytes.", (Size) MaxAllocSize),
				 errhint("Use uplines() or member_ids() for the members alone.")));
	PG_RETURN_POINTER(refpath_ancestors_array(path, strict, type));
}

Datum
refpath_fn_ancestors(PG_FUNCTION_ARGS)
{
	return ancestors(fcinfo, true);
}

Datum
refpath_fn_ancestors_or_self(PG_FUNCTION_ARGS)
{
	return ancestors(fcinfo, false);
}
