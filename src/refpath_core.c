/*
 * refpath_core.c
 *	  The codec of refpath: ids to bytes and back, and what can be answered on
 *	  the bytes alone.  Knows neither fmgr nor SPI; see refpath.h for the format.
 */
#include "postgres.h"

#include "refpath.h"

/* First id of each code length; codes of three bytes and more have one lead. */
#define FIRST_ID_2		INT64CONST(240)
#define FIRST_ID_3		INT64CONST(2288)
#define LEAD_2			0xF0
#define LEAD_3			0xF8
#define LEAD_LAST		0xFE

/* Below this many ids, comparing all pairs beats sorting a copy. */
#define REPEAT_BY_PAIRS_MAX		24

/* Paths of this many bytes together are decoded on the stack. */
#define FEW_BYTES				128

/* first_id_by_length[n]: the first id whose code takes n bytes, n from 3. */
static const int64 first_id_by_length[REFPATH_MAX_CODE + 1] = {
	0, 0, FIRST_ID_2, FIRST_ID_3,
	INT64CONST(67824),
	INT64CONST(16845040),
	INT64CONST(4311812336),
	INT64CONST(1103823440112),
	INT64CONST(282578800150768),
	INT64CONST(72340172838078704)
};

int
refpath_code_length(unsigned char lead)
{
	if (lead < LEAD_2)
		return 1;
	if (lead < LEAD_3)
		return 2;
	if (lead <= LEAD_LAST)
		return lead - LEAD_3 + 3;
	return 1;					/* REFPATH_UPPER_BYTE stands alone */
}

int
refpath_encode_id(int64 id, unsigned char *out)
{
	int			length = 3;
	uint64		rest;

	Assert(id >= 0);

	if (id < FIRST_ID_2)
	{
		out[0] = (unsigned char) id;
		return 1;
	}
	if (id < FIRST_ID_3)
	{
		rest = (uint64) (id - FIRST_ID_2);
		out[0] = LEAD_2 + (unsigned char) (rest >> 8);
		out[1] = (unsigned char) rest;
		return 2;
	}

	while (length < REFPATH_MAX_CODE && id >= first_id_by_length[length + 1])
		length++;
	rest = (uint64) (id - first_id_by_length[length]);
	out[0] = LEAD_3 + length - 3;
	for (int i = length - 1; i > 0; i--)
	{
		out[i] = (unsigned char) rest;
		rest >>= 8;
	}
	return length;
}

/* The whole code must be there: refpath_step() has been asked. */
int64
refpath_decode_id(const unsigned char *code)
{
	int			length;
	uint64		rest = 0;

	if (code[0] < LEAD_2)
		return code[0];
	if (code[0] < LEAD_3)
		return FIRST_ID_2 + ((int64) (code[0] - LEAD_2) << 8) + code[1];

	length = refpath_code_length(code[0]);
	for (int i = 1; i < length; i++)
		rest = (rest << 8) | code[i];
	return (int64) (rest + (uint64) first_id_by_length[length]);
}

/*
 * Length of the code at 'code', of a value that ends at 'end'.  All that
 * decode go through here, so that no damaged page can make them read on.
 */
int
refpath_step(const unsigned char *code, const unsigned char *end)
{
	int			length;

	Assert(code < end);

	if (code[0] < LEAD_2)
		return 1;
	if (code[0] == REFPATH_UPPER_BYTE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the upper bound of a team is not a path"),
				 errhint("Use the result of path_upper only in comparisons.")));
	length = refpath_code_length(code[0]);
	if (length > end - code)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("refpath value is damaged"),
				 errdetail("Its last member id is incomplete.")));
	return length;
}

int
refpath_depth_of(const unsigned char *data, Size len)
{
	const unsigned char *end = data + len;
	int			depth = 0;

	for (; data < end; data += refpath_step(data, end))
		depth++;
	return depth;
}

/* Longest path for whose ids room is taken by its bytes. */
#define REFPATH_UNCOUNTED	512

int
refpath_decode(const RefPath *path, int64 **ids)
{
	RefPathBytes bytes = refpath_bytes(path);
	const unsigned char *code = bytes.data;
	const unsigned char *end = code + bytes.len;
	Size		room = bytes.len;
	int			depth = 0;

	/* a code has a byte at least; short paths need not be counted first */
	if (room > REFPATH_UNCOUNTED)
		room = refpath_depth_of(bytes.data, bytes.len);
	/* one more: palloc(0) would give an array that nobody may look at */
	*ids = (int64 *) palloc(sizeof(int64) * (room + 1));
	while (code < end)
	{
		int			length = refpath_step(code, end);	/* before it is read */

		(*ids)[depth++] = refpath_decode_id(code);
		code += length;
	}
	return depth;
}

RefPath *
refpath_make(const unsigned char *data, Size len)
{
	RefPath    *result = (RefPath *) palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	if (len > 0)
		memcpy(VARDATA(result), data, len);
	return result;
}

RefPath *
refpath_from_ids(const int64 *ids, int nids)
{
	unsigned char *buffer = (unsigned char *) palloc((Size) nids * REFPATH_MAX_CODE + 1);
	Size		len = 0;
	RefPath    *result;

	for (int i = 0; i < nids; i++)
		len += refpath_encode_id(ids[i], buffer + len);
	result = refpath_make(buffer, len);
	pfree(buffer);
	return result;
}

RefPath *
refpath_append_id(const RefPath *path, int64 id)
{
	RefPathBytes bytes = refpath_bytes(path);
	unsigned char code[REFPATH_MAX_CODE];
	int			length = refpath_encode_id(id, code);
	RefPath    *result = (RefPath *) palloc(VARHDRSZ + bytes.len + length);

	SET_VARSIZE(result, VARHDRSZ + bytes.len + length);
	memcpy(VARDATA(result), bytes.data, bytes.len);
	memcpy(VARDATA(result) + bytes.len, code, length);
	return result;
}

bool
refpath_contains(const RefPath *upper, const RefPath *lower)
{
	return refpath_bytes_contains(refpath_bytes(upper), refpath_bytes(lower));
}

/* The code of 'id' within the path, or NULL. */
static const unsigned char *
find_id(RefPathBytes path, int64 id)
{
	const unsigned char *code = path.data;
	const unsigned char *end = code + path.len;
	unsigned char wanted[REFPATH_MAX_CODE];
	int			length;

	if (id < 0)
		return NULL;
	length = refpath_encode_id(id, wanted);
	for (; length <= end - code; code += refpath_step(code, end))
		if (code[0] == wanted[0] && memcmp(code, wanted, length) == 0)
			return code;
	return NULL;
}

bool
refpath_has_id(const RefPath *path, int64 id)
{
	return find_id(refpath_bytes(path), id) != NULL;
}

/* How far above the path's own member 'id' stands; -1 if it is not in it. */
int
refpath_level_of(RefPathBytes path, int64 id)
{
	const unsigned char *code = find_id(path, id);

	if (code == NULL)
		return -1;
	return refpath_depth_of(code, path.data + path.len - code) - 1;
}

/*
 * Every path of the team begins with this path's bytes and goes on, if it
 * does, with a lead byte below 0xFF.  So these bytes and 0xFF are the least
 * value above the team, for the empty path too, and where no next sibling id
 * exists.
 */
RefPath *
refpath_upper(const RefPath *path)
{
	RefPathBytes bytes = refpath_bytes(path);
	RefPath    *result = (RefPath *) palloc(VARHDRSZ + bytes.len + 1);

	SET_VARSIZE(result, VARHDRSZ + bytes.len + 1);
	memcpy(VARDATA(result), bytes.data, bytes.len);
	REFPATH_DATA(result)[bytes.len] = REFPATH_UPPER_BYTE;
	return result;
}

int
refpath_compare(const RefPath *a, const RefPath *b)
{
	return refpath_bytes_cmp(refpath_bytes(a), refpath_bytes(b));
}

/* Bytes of the first 'depth' ids; the path must have that many. */
Size
refpath_prefix_len(RefPathBytes path, int depth)
{
	const unsigned char *code = path.data;
	const unsigned char *end = code + path.len;

	while (depth-- > 0)
		code += refpath_step(code, end);
	return code - path.data;
}

/*
 * Bytes of the longest path that is above or equal to both.  The first byte
 * that differs may lie within a code; that code then differs as a whole.
 * Takes upper bounds as well: GiST asks about what stands in the column.
 */
Size
refpath_common_len(RefPathBytes a, RefPathBytes b)
{
	Size		limit = Min(a.len, b.len);
	Size		differs = 0;
	Size		boundary = 0;

	while (differs < limit && a.data[differs] == b.data[differs])
		differs++;
	while (boundary < differs)
	{
		Size		next = boundary + refpath_code_length(a.data[boundary]);

		if (next > differs)
			break;
		boundary = next;
	}
	return boundary;
}

/* Edges between two members.  At most twice REFPATH_MAX_DEPTH: fits easily. */
int
refpath_distance(RefPathBytes a, RefPathBytes b)
{
	Size		common = refpath_common_len(a, b);

	return refpath_depth_of(a.data + common, a.len - common) +
		refpath_depth_of(b.data + common, b.len - common);
}

static int
compare_ids(const void *a, const void *b)
{
	int64		ida = *(const int64 *) a;
	int64		idb = *(const int64 *) b;

	return (ida > idb) - (ida < idb);
}

/* Does an id stand in the list twice?  If so, says which. */
bool
refpath_find_repeat(const int64 *ids, int nids, int64 *repeated)
{
	int64	   *sorted;
	bool		found = false;

	if (nids <= REPEAT_BY_PAIRS_MAX)
	{
		for (int i = 1; i < nids; i++)
			for (int j = 0; j < i; j++)
				if (ids[i] == ids[j])
				{
					*repeated = ids[i];
					return true;
				}
		return false;
	}

	sorted = (int64 *) palloc(sizeof(int64) * nids);
	memcpy(sorted, ids, sizeof(int64) * nids);
	qsort(sorted, nids, sizeof(int64), compare_ids);
	for (int i = 1; i < nids && !found; i++)
		if (sorted[i - 1] == sorted[i])
		{
			*repeated = sorted[i];
			found = true;
		}
	pfree(sorted);
	return found;
}

/* Decodes into 'ids', which has room for as many as there are bytes. */
static int
decode_into(RefPathBytes path, int64 *ids)
{
	const unsigned char *code = path.data;
	const unsigned char *end = code + path.len;
	int			nids = 0;

	while (code < end)
	{
		int			length = refpath_step(code, end);

		ids[nids++] = refpath_decode_id(code);
		code += length;
	}
	return nids;
}

/*
 * Does an id stand in both?  If so, says which.  Neither has it twice.  Grafts
 * of whole teams come here for every member: short paths are not allocated for.
 */
bool
refpath_find_shared(RefPathBytes a, RefPathBytes b, int64 *shared)
{
	int64		few[FEW_BYTES];
	int64	   *ids = few;
	int			na;
	int			nb;
	bool		found = false;

	if (a.len + b.len > FEW_BYTES)
		ids = (int64 *) palloc(sizeof(int64) * (a.len + b.len));
	na = decode_into(a, ids);
	nb = decode_into(b, ids + na);

	if (na > 0 && nb > 0)
	{
		if (na + nb > 2 * REPEAT_BY_PAIRS_MAX)
			found = refpath_find_repeat(ids, na + nb, shared);
		else
			for (int i = 0; i < na && !found; i++)
				for (int j = na; j < na + nb; j++)
					if (ids[i] == ids[j])
					{
						*shared = ids[i];
						found = true;
					}
	}
	if (ids != few)
		pfree(ids);
	return found;
}

/*
 * Are these bytes, from outside, a path?  Reads nothing beyond them and
 * allocates no more than a path of the greatest depth takes.
 */
RefPathFault
refpath_check(RefPathBytes path, int64 *repeated)
{
	const unsigned char *code = path.data;
	const unsigned char *end = code + path.len;
	int64	   *ids;
	int			nids = 0;
	bool		again;

	ids = (int64 *) palloc(sizeof(int64) * (Min(path.len, REFPATH_MAX_DEPTH) + 1));
	while (code < end)
	{
		int			length = refpath_code_length(code[0]);

		if (code[0] == REFPATH_UPPER_BYTE)
			return REFPATH_BAD_LEAD;
		if (length > end - code)
			return REFPATH_TRUNCATED;
		if (nids == REFPATH_MAX_DEPTH)
			return REFPATH_TOO_DEEP;
		ids[nids] = refpath_decode_id(code);
		/* only a 9-byte code can overflow: the sum wraps to below its first id */
		if (length == REFPATH_MAX_CODE &&
			ids[nids] < first_id_by_length[REFPATH_MAX_CODE])
			return REFPATH_OUT_OF_RANGE;
		nids++;
		code += length;
	}
	again = refpath_find_repeat(ids, nids, repeated);
	pfree(ids);
	return again ? REFPATH_REPEATED : REFPATH_OK;
}
