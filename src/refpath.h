/*
 * refpath.h
 *	  The referral path: the member ids from the root down to a member.
 *
 * Layer 1.  The codec below knows neither fmgr nor SPI.
 *
 * A refpath is a varlena whose body is one code per id, nothing else:
 *
 *		lead byte			code length		ids
 *		0x00 .. 0xEF		1				0 .. 239
 *		0xF0 .. 0xF7		2				240 .. 2287
 *		0xF8				3				2288 .. 67823
 *		0xF9				4				67824 .. 67823 + 2^24
 *		0xFA .. 0xFE		5 .. 9			the next 2^32, ..., up to 2^63 - 1
 *		0xFF				-				never in a path: upper bound of a team
 *
 * The bytes after the lead are the id less the first id of that length, big
 * endian.  So each id has exactly one code, codes are prefix-free, and memcmp
 * of two paths orders them as their lists of ids: a member, then its whole
 * team, contiguous ("pre-order").
 *
 * Invariants of every stored value: it decodes completely, at most
 * REFPATH_MAX_DEPTH ids, each 0 .. 2^63 - 1, no id twice.  A value with 0xFF
 * where a code would begin is the upper bound of a team's range; it exists
 * only inside index conditions and no input function accepts it.  (A last
 * byte of 0xFF says nothing by itself: 2287 is 0xF7FF.)
 *
 * The codec trusts these invariants but never reads past the end of a value:
 * the functions that decode raise an error for an upper bound (22023) and for
 * a damaged value (XX001).
 */
#ifndef DISTRIBUTOR_REFPATH_H
#define DISTRIBUTOR_REFPATH_H

#include "compat.h"

#define REFPATH_MAX_DEPTH		65535
#define REFPATH_MAX_CODE		9		/* bytes of the longest code */
#define REFPATH_UPPER_BYTE		0xFF

typedef struct varlena RefPath;

#define DatumGetRefPathPP(d)	((RefPath *) PG_DETOAST_DATUM_PACKED(d))
#define PG_GETARG_REFPATH_PP(n)	DatumGetRefPathPP(PG_GETARG_DATUM(n))
#define REFPATH_DATA(p)			((unsigned char *) VARDATA_ANY(p))
#define REFPATH_LEN(p)			((Size) VARSIZE_ANY_EXHDR(p))

/*
 * The bytes of a path, or of a whole-code prefix of one, wherever they lie: in
 * a datum, in a GiST key, in a buffer.  Owns nothing.
 */
typedef struct RefPathBytes
{
	const unsigned char *data;
	Size		len;
} RefPathBytes;

/* What refpath_check() can find wrong with bytes from outside. */
typedef enum RefPathFault
{
	REFPATH_OK,
	REFPATH_BAD_LEAD,			/* 0xFF where a code begins */
	REFPATH_TRUNCATED,			/* the last code is incomplete */
	REFPATH_OUT_OF_RANGE,		/* an id above 2^63 - 1 */
	REFPATH_TOO_DEEP,			/* more than REFPATH_MAX_DEPTH ids */
	REFPATH_REPEATED			/* an id twice */
} RefPathFault;

/* codec: refpath_core.c */
extern int	refpath_encode_id(int64 id, unsigned char *out);	/* returns the code's length */
extern int	refpath_code_length(unsigned char lead);
extern int64 refpath_decode_id(const unsigned char *code);
extern int	refpath_depth_of(const unsigned char *data, Size len);
extern int	refpath_decode(const RefPath *path, int64 **ids);	/* palloc'd, root first; returns the depth */
extern RefPath *refpath_make(const unsigned char *data, Size len);
extern RefPath *refpath_append_id(const RefPath *path, int64 id);	/* no check that id is new */
extern bool refpath_contains(const RefPath *upper, const RefPath *lower);	/* ancestor or self */
extern bool refpath_has_id(const RefPath *path, int64 id);
extern RefPath *refpath_upper(const RefPath *path); /* end of the team's range, exclusive */
extern int	refpath_compare(const RefPath *a, const RefPath *b);

/* the same on bytes, and what the SQL functions are made of: refpath_core.c */
extern int	refpath_step(const unsigned char *code, const unsigned char *end);
extern Size refpath_prefix_len(RefPathBytes path, int depth);
extern Size refpath_common_len(RefPathBytes a, RefPathBytes b);
extern int	refpath_level_of(RefPathBytes path, int64 id);	/* -1 if absent */
extern int	refpath_distance(RefPathBytes a, RefPathBytes b);
extern RefPath *refpath_from_ids(const int64 *ids, int nids);	/* no check */
extern bool refpath_find_repeat(const int64 *ids, int nids, int64 *repeated);
extern bool refpath_find_shared(RefPathBytes a, RefPathBytes b, int64 *shared);
extern RefPathFault refpath_check(RefPathBytes path, int64 *repeated);

/* text form, upper bounds too: refpath_io.c */
extern char *refpath_to_cstring(RefPathBytes path);

static inline RefPathBytes
refpath_bytes(const RefPath *path)
{
	RefPathBytes result;

	result.data = (const unsigned char *) VARDATA_ANY(path);
	result.len = VARSIZE_ANY_EXHDR(path);
	return result;
}

/* Pre-order: memcmp, and what ends first comes first. */
static inline int
refpath_bytes_cmp(RefPathBytes a, RefPathBytes b)
{
	int			cmp = memcmp(a.data, b.data, Min(a.len, b.len));

	if (cmp != 0)
		return cmp < 0 ? -1 : 1;
	return (a.len > b.len) - (a.len < b.len);
}

/*
 * Is upper the same path as lower, or above it?  The byte after the prefix is
 * a lead byte; 0xFF there makes lower the end of upper's team, not part of it.
 * Paths in one place of a tree begin alike: where they do not end alike at the
 * end of upper, which is looked at first, they need not be compared.
 */
static inline bool
refpath_bytes_contains(RefPathBytes upper, RefPathBytes lower)
{
	if (upper.len > lower.len)
		return false;
	if (upper.len == 0)
		return lower.len == 0 || lower.data[0] != REFPATH_UPPER_BYTE;
	return upper.data[upper.len - 1] == lower.data[upper.len - 1] &&
		memcmp(upper.data, lower.data, upper.len) == 0 &&
		(upper.len == lower.len ||
		 lower.data[upper.len] != REFPATH_UPPER_BYTE);
}

#endif							/* DISTRIBUTOR_REFPATH_H */
