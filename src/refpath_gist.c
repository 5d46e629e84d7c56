/*
 * refpath_gist.c
 *	  GiST operator class of refpath.
 *
 * A key is a range [lo, hi] of paths in pre-order, both ends included.  On a
 * leaf both are the indexed path itself, so that it can be fetched and every
 * test is exact; above, the range covers all paths below the entry.  There lo
 * and hi need not be stored paths: a long lo is cut to a prefix, which is less,
 * and a long hi to the upper bound of a prefix's team, which is greater.
 *
 * Logic notes.  Let k be any path with lo <= k <= hi, q the query, q* the
 * upper bound of q's team (q's bytes and 0xFF).  k is below or equal to q if
 * and only if q <= k < q*.  An inner entry may be skipped only if no k passes.
 *
 *	k <  q, k <= q	lo < q, lo <= q: the least k decides.
 *	k =  q			lo <= q <= hi.
 *	k >= q, k >  q	hi >= q, hi > q: the greatest k decides.
 *	k <@ q			[lo, hi] meets [q, q*): hi >= q and lo < q*.  The latter
 *					without q*: lo <= q, or lo is itself below q.
 *	k << q			the same with q left out: hi > q and lo < q*.
 *	k @> q			Some prefix of q lies in [lo, hi].  The prefixes of q are
 *					ordered by their length, so it is enough to look at the
 *					least one that is >= lo, p, and ask whether p <= hi.  If
 *					lo > q there is none.  Otherwise let d be how many bytes
 *					lo and q have in common.  If that is all of lo, p = lo.
 *					If not, lo goes on with a lesser byte (lo < q), so every
 *					prefix of up to d bytes is a proper prefix of lo, hence
 *					less, and every longer one greater: p is q up to the first
 *					end of a code beyond d.  If hi >= q, p <= hi.  If hi < q,
 *					p <= hi < q only if hi begins with p, for what lies
 *					between p and q is below p.
 *	k >> q			the same, with p a proper prefix of q.
 *	k <@ id			All k begin with what lo and hi have in common, but any id
 *					may follow it, so a range says nothing unless lo = hi.
 *	k <-> q			For k > q, the part in common with q can only shrink as k
 *					grows, for k < q as k falls.  So with the end of the range
 *					that is nearer to q, it has at most m ids of q's d.  From q
 *					up to there are at least d - m edges; and a k > q is not
 *					itself a prefix of q, so one more leads down to it.  If
 *					lo <= q <= hi the bound is 0.
 */
#include "postgres.h"

#include "access/gist.h"
#include "access/itup.h"
#include "access/stratnum.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/sortsupport.h"

#include "refpath.h"

/* Strategies as named in access/stratnum.h, where it has a name that fits. */
#define THROUGH_STRATEGY		RTContainsElemStrategyNumber	/* refpath <@ bigint */

/* Ends of inner ranges are cut to this many bytes. */
#define BOUND_MAX				256

/*
 * Least size of an inner entry's key.  Measured on a million members against no
 * padding: a sixth less time for uplines, a tenth for small teams, 2 % more
 * pages; 150 gives less, 450 no more.
 */
#define INNER_KEY_SIZE			250

/* Below this a body's first byte is lo's length, as it is. */
#define KEY_LEAD_MAX			0xF0

PG_FUNCTION_INFO_V1(refpath_gist_key_in);
PG_FUNCTION_INFO_V1(refpath_gist_key_out);
PG_FUNCTION_INFO_V1(refpath_gist_compress);
PG_FUNCTION_INFO_V1(refpath_gist_fetch);
PG_FUNCTION_INFO_V1(refpath_gist_consistent);
PG_FUNCTION_INFO_V1(refpath_gist_distance);
PG_FUNCTION_INFO_V1(refpath_gist_union);
PG_FUNCTION_INFO_V1(refpath_gist_same);
PG_FUNCTION_INFO_V1(refpath_gist_penalty);
PG_FUNCTION_INFO_V1(refpath_gist_picksplit);
PG_FUNCTION_INFO_V1(refpath_gist_sortsupport);

/* A key, read; the bytes stay where the key has them.  lo <= hi. */
typedef struct PathRange
{
	RefPathBytes lo;
	RefPathBytes hi;
} PathRange;

/* An entry of a page to split. */
typedef struct SplitItem
{
	PathRange	range;
	OffsetNumber offset;		/* in the entry vector */
	Size		room;			/* bytes of a page that it takes */
} SplitItem;

/*
 * Keys.  The body of a stored key is lo's length, written as the code of a
 * member id, and lo; then, in an inner entry only, hi's length and hi in the
 * same way, and padding.
 */

static struct varlena *
key_make_leaf(RefPathBytes path)
{
	unsigned char lead[REFPATH_MAX_CODE];
	Size		lead_len = refpath_encode_id((int64) path.len, lead);
	Size		size = VARHDRSZ + lead_len + path.len;
	struct varlena *key = (struct varlena *) palloc(size);

	SET_VARSIZE(key, size);
	memcpy(VARDATA(key), lead, lead_len);
	memcpy(VARDATA(key) + lead_len, path.data, path.len);
	return key;
}

/* Reads the path at 'at'; returns what follows it, NULL if it is damaged. */
static const unsigned char *
read_end(const unsigned char *at, const unsigned char *end, RefPathBytes *path)
{
	int			lead_len;
	int64		len;

	if (at >= end)
		return NULL;
	lead_len = refpath_code_length(at[0]);
	if (lead_len > end - at)
		return NULL;
	len = refpath_decode_id(at);
	if (len < 0 || len > end - at - lead_len)
		return NULL;
	path->data = at + lead_len;
	path->len = (Size) len;
	return path->data + path->len;
}

/* Kept out of the searches' way: they seldom come here. */
static pg_noinline PathRange
range_of(RefPathBytes body)
{
	PathRange	range;
	const unsigned char *end = body.data + body.len;
	const unsigned char *next = read_end(body.data, end, &range.lo);

	if (next == end)
		range.hi = range.lo;
	else if (next == NULL || read_end(next, end, &range.hi) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("GiST key of a referral path is damaged"),
				 errhint("Please REINDEX the index.")));
	return range;
}

/* Must 'datum' be detoasted to be read? */
static inline bool
is_toasted(Datum datum)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(datum);

	return VARATT_IS_EXTENDED(value) &&
		(!VARATT_IS_SHORT(value) || VARATT_IS_EXTERNAL(value));
}

/*
 * The bytes of a datum.  A search comes here for every entry of every page it
 * reads, and nearly all are read in line.
 */
static inline RefPathBytes
datum_bytes(Datum datum)
{
	if (unlikely(is_toasted(datum)))
		return refpath_bytes(DatumGetRefPathPP(datum));
	return refpath_bytes((RefPath *) DatumGetPointer(datum));
}

static inline PathRange
key_read(Datum key)
{
	RefPathBytes body = datum_bytes(key);
	PathRange	range;
	const unsigned char *next;
	Size		rest;

	/* lengths of one byte each: all but the longest */
	if (unlikely(body.len == 0 || body.data[0] >= Min(body.len, KEY_LEAD_MAX)))
		return range_of(body);
	range.lo.data = body.data + 1;
	range.lo.len = body.data[0];
	range.hi = range.lo;
	rest = body.len - 1 - range.lo.len;
	if (rest == 0)
		return range;

	next = range.lo.data + range.lo.len;
	if (unlikely(next[0] >= Min(rest, KEY_LEAD_MAX)))
		return range_of(body);
	range.hi.data = next + 1;
	range.hi.len = next[0];
	return range;
}

/*
 * The path of a leaf's key, all that the key holds.  A search of a leaf page
 * tests some hundred and seventy of them.
 */
static inline RefPathBytes
key_read_leaf(Datum key)
{
	RefPathBytes body = datum_bytes(key);

	if (unlikely(body.len == 0 || body.data[0] != body.len - 1 ||
				 body.data[0] >= KEY_LEAD_MAX))
		return range_of(body).lo;
	body.data++;
	body.len--;
	return body;
}

/* How many bytes do both begin with? */
static inline Size
same_bytes(RefPathBytes a, RefPathBytes b)
{
	Size		limit = Min(a.len, b.len);
	Size		same = 0;

	while (same + sizeof(uint64) <= limit)
	{
		uint64		x;
		uint64		y;

		memcpy(&x, a.data + same, sizeof(uint64));
		memcpy(&y, b.data + same, sizeof(uint64));
		if (x != y)
			break;
		same += sizeof(uint64);
	}
	while (same < limit && a.data[same] == b.data[same])
		same++;
	return same;
}

/* a < b, of which 'same' is same_bytes() */
static inline bool
less_after(RefPathBytes a, RefPathBytes b, Size same)
{
	if (same < a.len && same < b.len)
		return a.data[same] < b.data[same];
	return a.len < b.len;
}

/* The longest whole-code prefix that may bound an inner range. */
static Size
bound_len(RefPathBytes path)
{
	Size		len = 0;

	if (path.len <= BOUND_MAX)
		return path.len;
	for (;;)
	{
		Size		next = len + refpath_code_length(path.data[len]);

		if (next > BOUND_MAX)
			return len;
		len = next;
	}
}

/*
 * The key of an inner entry.  A long end is cut outwards.  Padding makes the
 * entries so large that a page has few: a search tests every entry of the pages
 * that it reads, and one page more takes less than a hundred tests.
 */
static struct varlena *
key_make_inner(PathRange range)
{
	unsigned char lead[2][REFPATH_MAX_CODE];
	int			lead_len[2];
	Size		lo_len = bound_len(range.lo);
	Size		hi_len = bound_len(range.hi);
	bool		cut = hi_len < range.hi.len;
	Size		size;
	struct varlena *key;
	unsigned char *out;

	lead_len[0] = refpath_encode_id((int64) lo_len, lead[0]);
	lead_len[1] = refpath_encode_id((int64) (hi_len + cut), lead[1]);
	size = VARHDRSZ + lead_len[0] + lo_len + lead_len[1] + hi_len + cut;
	size = Max(size, INNER_KEY_SIZE);
	key = (struct varlena *) palloc0(size);
	SET_VARSIZE(key, size);

	out = (unsigned char *) VARDATA(key);
	memcpy(out, lead[0], lead_len[0]);
	out += lead_len[0];
	memcpy(out, range.lo.data, lo_len);
	out += lo_len;
	memcpy(out, lead[1], lead_len[1]);
	out += lead_len[1];
	memcpy(out, range.hi.data, hi_len);
	if (cut)
		out[hi_len] = REFPATH_UPPER_BYTE;
	return key;
}

Datum
refpath_gist_key_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot accept a value of type %s", "refpath_gist_key"),
			 errdetail("Only indexes hold values of this type.")));
	PG_RETURN_VOID();
}

Datum
refpath_gist_key_out(PG_FUNCTION_ARGS)
{
	PathRange	range = key_read(PG_GETARG_DATUM(0));

	if (refpath_bytes_cmp(range.lo, range.hi) == 0)
		PG_RETURN_CSTRING(refpath_to_cstring(range.lo));
	PG_RETURN_CSTRING(psprintf("[%s, %s]", refpath_to_cstring(range.lo),
							   refpath_to_cstring(range.hi)));
}

Datum
refpath_gist_compress(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY  *result;
	RefPathBytes path;

	if (!entry->leafkey)
		PG_RETURN_POINTER(entry);

	path = refpath_bytes(DatumGetRefPathPP(entry->key));
	result = (GISTENTRY *) palloc(sizeof(GISTENTRY));
	gistentryinit(*result, PointerGetDatum(key_make_leaf(path)),
				  entry->rel, entry->page, entry->offset, false);
	PG_RETURN_POINTER(result);
}

Datum
refpath_gist_fetch(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	PathRange	range = key_read(entry->key);
	GISTENTRY  *result = (GISTENTRY *) palloc(sizeof(GISTENTRY));

	gistentryinit(*result, PointerGetDatum(refpath_make(range.lo.data, range.lo.len)),
				  entry->rel, entry->page, entry->offset, false);
	PG_RETURN_POINTER(result);
}

/*
 * Searching.  What each test rests on is derived at the top of the file.
 */

/* Length of the shortest prefix of q that is longer than 'len', less than q's. */
static Size
next_prefix_len(RefPathBytes q, Size len)
{
	Size		end = 0;

	while (end <= len)
		end += refpath_code_length(q.data[end]);
	return end;
}

static bool
inner_may_hold_ancestor(PathRange range, RefPathBytes q, bool strict)
{
	Size		same_lo = same_bytes(range.lo, q);
	Size		same_hi;
	Size		prefix;

	if (same_lo == range.lo.len)
		return !strict || range.lo.len < q.len;
	if (same_lo == q.len || range.lo.data[same_lo] > q.data[same_lo])
		return false;

	same_hi = same_bytes(range.hi, q);
	if (less_after(range.hi, q, same_hi))
	{
		/* mostly so: a range aside of q's path */
		if (same_hi <= same_lo)
			return false;
		return next_prefix_len(q, same_lo) <= same_hi;
	}
	if (!strict)
		return true;
	prefix = next_prefix_len(q, same_lo);
	return prefix < q.len;
}

/* Is lo below the upper bound of q's team? */
static inline bool
starts_before_end_of(RefPathBytes lo, RefPathBytes q)
{
	return refpath_bytes_cmp(lo, q) <= 0 || refpath_bytes_contains(q, lo);
}

static bool
inner_consistent(PathRange range, RefPathBytes q, StrategyNumber strategy)
{
	switch (strategy)
	{
		case BTLessStrategyNumber:
			return refpath_bytes_cmp(range.lo, q) < 0;
		case BTLessEqualStrategyNumber:
			return refpath_bytes_cmp(range.lo, q) <= 0;
		case BTEqualStrategyNumber:
			return refpath_bytes_cmp(range.lo, q) <= 0 &&
				refpath_bytes_cmp(range.hi, q) >= 0;
		case BTGreaterEqualStrategyNumber:
			return refpath_bytes_cmp(range.hi, q) >= 0;
		case BTGreaterStrategyNumber:
			return refpath_bytes_cmp(range.hi, q) > 0;
		case RTContainedByStrategyNumber:
			return refpath_bytes_cmp(range.hi, q) >= 0 &&
				starts_before_end_of(range.lo, q);
		case RTSubStrategyNumber:
			return refpath_bytes_cmp(range.hi, q) > 0 &&
				starts_before_end_of(range.lo, q);
		case RTContainsStrategyNumber:
			return inner_may_hold_ancestor(range, q, false);
		case RTSuperStrategyNumber:
			return inner_may_hold_ancestor(range, q, true);
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
			return false;
	}
}

static inline bool
leaf_consistent(RefPathBytes k, RefPathBytes q, StrategyNumber strategy)
{
	switch (strategy)
	{
		case BTLessStrategyNumber:
			return refpath_bytes_cmp(k, q) < 0;
		case BTLessEqualStrategyNumber:
			return refpath_bytes_cmp(k, q) <= 0;
		case BTEqualStrategyNumber:
			return refpath_bytes_cmp(k, q) == 0;
		case BTGreaterEqualStrategyNumber:
			return refpath_bytes_cmp(k, q) >= 0;
		case BTGreaterStrategyNumber:
			return refpath_bytes_cmp(k, q) > 0;
		case RTContainedByStrategyNumber:
			return refpath_bytes_contains(q, k);
		case RTSubStrategyNumber:
			return q.len < k.len && refpath_bytes_contains(q, k);
		case RTContainsStrategyNumber:
			return refpath_bytes_contains(k, q);
		case RTSuperStrategyNumber:
			return k.len < q.len && refpath_bytes_contains(k, q);
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
			return false;
	}
}

static bool
may_run_through(const GISTENTRY *entry, int64 id)
{
	PathRange	range = key_read(entry->key);

	if (!GIST_LEAF(entry) && refpath_bytes_cmp(range.lo, range.hi) != 0)
		return true;
	return refpath_level_of(range.lo, id) >= 0;
}

Datum
refpath_gist_consistent(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	StrategyNumber strategy = (StrategyNumber) PG_GETARG_UINT16(2);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);
	RefPathBytes q;

	*recheck = false;

	if (strategy == THROUGH_STRATEGY)
		PG_RETURN_BOOL(may_run_through(entry, PG_GETARG_INT64(1)));

	q = datum_bytes(PG_GETARG_DATUM(1));
	if (GIST_LEAF(entry))
		PG_RETURN_BOOL(leaf_consistent(key_read_leaf(entry->key), q, strategy));
	PG_RETURN_BOOL(inner_consistent(key_read(entry->key), q, strategy));
}

/* No path of the range is nearer to q than this. */
static int
inner_distance(PathRange range, RefPathBytes q)
{
	RefPathBytes rest = q;
	Size		common;
	int			down = 0;

	if (refpath_bytes_cmp(q, range.lo) < 0)
	{
		common = refpath_common_len(q, range.lo);
		down = 1;
	}
	else if (refpath_bytes_cmp(q, range.hi) > 0)
		common = refpath_common_len(q, range.hi);
	else
		return 0;

	rest.data += common;
	rest.len -= common;
	return refpath_depth_of(rest.data, rest.len) + down;
}

Datum
refpath_gist_distance(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	RefPathBytes q = datum_bytes(PG_GETARG_DATUM(1));
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);
	PathRange	range = key_read(entry->key);

	*recheck = false;
	if (GIST_LEAF(entry))
		PG_RETURN_FLOAT8(refpath_distance(range.lo, q));
	PG_RETURN_FLOAT8(inner_distance(range, q));
}

/*
 * Building.
 */

/* Widens 'range' to cover 'other'. */
static void
range_add(PathRange *range, PathRange other)
{
	if (refpath_bytes_cmp(other.lo, range->lo) < 0)
		range->lo = other.lo;
	if (refpath_bytes_cmp(other.hi, range->hi) > 0)
		range->hi = other.hi;
}

Datum
refpath_gist_union(PG_FUNCTION_ARGS)
{
	GistEntryVector *entryvec = (GistEntryVector *) PG_GETARG_POINTER(0);
	int		   *size = (int *) PG_GETARG_POINTER(1);
	PathRange	range = key_read(entryvec->vector[0].key);
	struct varlena *key;

	for (int i = 1; i < entryvec->n; i++)
		range_add(&range, key_read(entryvec->vector[i].key));
	key = key_make_inner(range);
	*size = VARSIZE(key);
	PG_RETURN_POINTER(key);
}

Datum
refpath_gist_same(PG_FUNCTION_ARGS)
{
	PathRange	a = key_read(PG_GETARG_DATUM(0));
	PathRange	b = key_read(PG_GETARG_DATUM(1));
	bool	   *result = (bool *) PG_GETARG_POINTER(2);

	*result = refpath_bytes_cmp(a.lo, b.lo) == 0 &&
		refpath_bytes_cmp(a.hi, b.hi) == 0;
	PG_RETURN_POINTER(result);
}

/* Eight bytes from 'from' on as a number, padded with zeros. */
static inline uint64
bytes_as_number(RefPathBytes path, Size from)
{
	uint64		number = 0;

	if (path.len >= from + sizeof(number))
		memcpy(&number, path.data + from, sizeof(number));
	else
		memcpy(&number, path.data + from, path.len - from);
	return pg_ntoh64(number);
}

/*
 * How narrow the gap from 'from' up to 'to' is, in bits: reading paths as
 * binary fractions, minus the logarithm of their difference.  'same' is how
 * many bytes they have in common.  Between powers of two the logarithm is a
 * straight line: it need only grow, and this is asked for every entry that an
 * insertion passes.
 */
static inline float
gap_bits(RefPathBytes from, RefPathBytes to, Size same)
{
	uint64		gap = bytes_as_number(to, same) - bytes_as_number(from, same);
	int			top = gap == 0 ? 0 : pg_leftmost_one_pos64(gap);
	uint32		rest = (uint32) ((gap << (63 - top)) >> 32) & 0x7FFFFFFF;

	return 8.0f * same + (64 - top) - rest * (1.0f / 2147483648.0f);
}

/*
 * The wider the gap that the range must grow over, the worse.  A logarithm,
 * because the gaps of one page differ by more powers of two than float has.
 */
Datum
refpath_gist_penalty(PG_FUNCTION_ARGS)
{
	GISTENTRY  *origin = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY  *added = (GISTENTRY *) PG_GETARG_POINTER(1);
	float	   *result = (float *) PG_GETARG_POINTER(2);
	PathRange	range = key_read(origin->key);
	PathRange	other = key_read(added->key);
	float		penalty = 0;
	Size		same;

	same = same_bytes(other.lo, range.lo);
	if (less_after(other.lo, range.lo, same))
		penalty = 1.0f / (1.0f + gap_bits(other.lo, range.lo, same));

	/* a single path that is below the range is not above it */
	if (penalty == 0 || other.lo.data != other.hi.data)
	{
		same = same_bytes(range.hi, other.hi);
		if (less_after(range.hi, other.hi, same))
			penalty = Max(penalty, 1.0f / (1.0f + gap_bits(range.hi, other.hi, same)));
	}
	*result = penalty;
	PG_RETURN_POINTER(result);
}

static int
compare_split_items(const void *a, const void *b)
{
	const SplitItem *x = (const SplitItem *) a;
	const SplitItem *y = (const SplitItem *) b;
	int			cmp = refpath_bytes_cmp(x->range.lo, y->range.lo);

	if (cmp == 0)
		cmp = refpath_bytes_cmp(x->range.hi, y->range.hi);
	return cmp;
}

/* Lists the offsets of 'items' for one side of a split; returns its key. */
static Datum
split_side(const SplitItem *items, int nitems, OffsetNumber **offsets)
{
	PathRange	range = items[0].range;

	*offsets = (OffsetNumber *) palloc(sizeof(OffsetNumber) * nitems);
	for (int i = 0; i < nitems; i++)
	{
		(*offsets)[i] = items[i].offset;
		/* they are sorted by lo */
		if (refpath_bytes_cmp(items[i].range.hi, range.hi) > 0)
			range.hi = items[i].range.hi;
	}
	return PointerGetDatum(key_make_inner(range));
}

/*
 * How many items go left, so that both sides take the same room.  A sorted
 * build splits what fills four pages: halves by number would often be just too
 * large for two, and leave the index with pages that are half empty.
 */
static int
split_point(const SplitItem *items, int nitems)
{
	Size		total = 0;
	Size		left = 0;
	int			nleft = 0;

	for (int i = 0; i < nitems; i++)
		total += items[i].room;
	while (nleft < nitems - 1 && 2 * left + items[nleft].room < total)
		left += items[nleft++].room;
	return Max(nleft, 1);
}

/*
 * Halves in pre-order: ranges of leaves stay disjoint, and those above them as
 * good as that.
 */
Datum
refpath_gist_picksplit(PG_FUNCTION_ARGS)
{
	GistEntryVector *entryvec = (GistEntryVector *) PG_GETARG_POINTER(0);
	GIST_SPLITVEC *split = (GIST_SPLITVEC *) PG_GETARG_POINTER(1);
	int			nitems = entryvec->n - FirstOffsetNumber;
	int			nleft;
	SplitItem  *items = (SplitItem *) palloc(sizeof(SplitItem) * nitems);

	for (int i = 0; i < nitems; i++)
	{
		Datum		key = entryvec->vector[FirstOffsetNumber + i].key;

		items[i].offset = (OffsetNumber) (FirstOffsetNumber + i);
		items[i].range = key_read(key);
		items[i].room = MAXALIGN(sizeof(IndexTupleData) +
								 VARSIZE_ANY(DatumGetPointer(key))) + sizeof(ItemIdData);
	}
	qsort(items, nitems, sizeof(SplitItem), compare_split_items);
	nleft = split_point(items, nitems);

	split->spl_nleft = nleft;
	split->spl_ldatum = split_side(items, nleft, &split->spl_left);
	split->spl_nright = nitems - nleft;
	split->spl_rdatum = split_side(items + nleft, nitems - nleft, &split->spl_right);
	PG_RETURN_POINTER(split);
}

/*
 * Sorted build: keys of leaves, in pre-order.  Long keys come compressed; what
 * the sort detoasts it must free, its memory lives until the index is built.
 */

static pg_noinline int
key_slow_cmp(Datum x, Datum y)
{
	RefPath    *a = DatumGetRefPathPP(x);
	RefPath    *b = DatumGetRefPathPP(y);
	int			cmp = refpath_bytes_cmp(range_of(refpath_bytes(a)).lo,
										range_of(refpath_bytes(b)).lo);

	if ((Pointer) a != DatumGetPointer(x))
		pfree(a);
	if ((Pointer) b != DatumGetPointer(y))
		pfree(b);
	return cmp;
}

static int
key_fast_cmp(Datum x, Datum y, SortSupport ssup)
{
	if (unlikely(is_toasted(x) || is_toasted(y)))
		return key_slow_cmp(x, y);
	return refpath_bytes_cmp(key_read(x).lo, key_read(y).lo);
}

/* As for the btree class: equal numbers are compared in full. */
static Datum
key_abbrev_convert(Datum original, SortSupport ssup)
{
	RefPath    *key = DatumGetRefPathPP(original);
	RefPathBytes lo = range_of(refpath_bytes(key)).lo;
	Datum		number = 0;

	memcpy(&number, lo.data, Min(lo.len, sizeof(Datum)));
	if ((Pointer) key != DatumGetPointer(original))
		pfree(key);
	return DatumBigEndianToNative(number);
}

/* The conversion is cheap next to building the index: never give up. */
static bool
key_abbrev_abort(int memtupcount, SortSupport ssup)
{
	return false;
}

Datum
refpath_gist_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);

	ssup->comparator = key_fast_cmp;
	if (ssup->abbreviate)
	{
		ssup->comparator = ssup_datum_unsigned_cmp;
		ssup->abbrev_converter = key_abbrev_convert;
		ssup->abbrev_abort = key_abbrev_abort;
		ssup->abbrev_full_comparator = key_fast_cmp;
	}
	PG_RETURN_VOID();
}
