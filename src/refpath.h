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
 * REFPATH_MAX_DEPTH ids, each 0 .. 2^63 - 1, no id twice.  A value that ends
 * in 0xFF is the upper bound of a team's range; it exists only inside index
 * conditions and no input function accepts it.
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
extern RefPath *refpath_upper(const RefPath *path);	/* end of the team's range, exclusive */
extern int	refpath_compare(const RefPath *a, const RefPath *b);

#endif							/* DISTRIBUTOR_REFPATH_H */
