/*
 * fuzz_refpath.c
 *	  refpath under fuzz: an input is several paths, in text or in binary, and
 *	  everything the type promises is checked on each, on every pair, and on
 *	  GiST keys made of them.
 *
 * What the bytes say is held against the ids, decoded to arrays: the plainest
 * program that can be right.  The paths lie in guarded memory.
 */
#include "compat.h"

#include <math.h>

#include "access/gist.h"
#include "access/stratnum.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "storage/bufpage.h"
#include "utils/array.h"
#include "utils/sortsupport.h"

#include "fuzz.h"
#include "fuzz_refpath.h"

#define MAX_PATHS		4

/* Guarded memory: the paths, and beyond them what is being read in. */
#define INPUT_SLOT		MAX_PATHS
#define MESSAGE_SLOT	(MAX_PATHS + 1)

/* One path of the input.  'path' has a short header where it can. */
typedef struct Sample
{
	RefPath    *path;
	RefPath    *plain;			/* the same, as the input function made it */
	int64	   *ids;
	int			depth;
} Sample;

StaticAssertDecl(MESSAGE_SLOT < FUZZ_MAX_VALUES, "every value has its slot");

static Sample samples[MAX_PATHS];
static int	nsamples;

static const int text_refusals[] = {
	ERRCODE_INVALID_TEXT_REPRESENTATION,
	ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
	0
};
static const int binary_refusals[] = {ERRCODE_INVALID_BINARY_REPRESENTATION, 0};

/* ---- input ---- */

static RefPath *
guarded_path(int slot, RefPathBytes bytes)
{
	Size		header = bytes.len + VARHDRSZ_SHORT <= VARATT_SHORT_MAX ? VARHDRSZ_SHORT : VARHDRSZ;
	unsigned char *start = fuzz_guarded(slot, header + bytes.len);

	if (header == VARHDRSZ_SHORT)
		SET_VARSIZE_SHORT(start, header + bytes.len);
	else
		SET_VARSIZE(start, header + bytes.len);
	if (bytes.len > 0)
		memcpy(start + header, bytes.data, bytes.len);
	return (RefPath *) start;
}

static void
add_sample(RefPath *plain)
{
	Sample	   *sample = &samples[nsamples];

	sample->plain = plain;
	sample->path = guarded_path(nsamples, refpath_bytes(plain));
	sample->depth = refpath_decode(plain, &sample->ids);
	nsamples++;
}

static RefPath *
read_text(const char *text)
{
	Size		size = strlen(text) + 1;
	unsigned char *guarded = fuzz_guarded(INPUT_SLOT, size);

	memcpy(guarded, text, size);
	return DatumGetRefPathPP(DirectFunctionCall3(refpath_in, CStringGetDatum((char *) guarded),
												 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static RefPath *
read_binary(const uint8 *data, Size size)
{
	StringInfoData message;

	message.data = (char *) fuzz_guarded(MESSAGE_SLOT, size);
	message.len = message.maxlen = (int) size;
	message.cursor = 0;
	memcpy(message.data, data, size);
	return DatumGetRefPathPP(DirectFunctionCall3(refpath_recv, PointerGetDatum(&message),
												 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Texts, one a line.  There is one text for a path: what went in comes out. */
static bool
parse_text(const uint8 *data, Size size)
{
	const uint8 *end = data + size;

	nsamples = 0;
	if (!pg_verifymbstr((const char *) data, (int) size, true))
		return false;
	while (nsamples < MAX_PATHS)
	{
		const uint8 *stop = data < end ? memchr(data, '\n', end - data) : NULL;
		char	   *text = pnstrdup((const char *) data, (stop ? stop : end) - data);

		add_sample(read_text(text));
		FUZZ_HOLDS(strcmp(text, refpath_to_cstring(refpath_bytes(samples[nsamples - 1].path))) == 0);
		if (stop == NULL)
			break;
		data = stop + 1;
	}
	return true;
}

static void
check_sent(const RefPath *path, const uint8 *data, Size size)
{
	bytea	   *sent = DatumGetByteaPP(DirectFunctionCall1(refpath_send, PointerGetDatum(path)));

	FUZZ_HOLDS(VARSIZE_ANY_EXHDR(sent) == size);
	FUZZ_HOLDS(memcmp(VARDATA_ANY(sent), data, size) == 0);
}

/* Messages, each after a byte that says its length.  The same holds. */
static bool
parse_binary(const uint8 *data, Size size)
{
	nsamples = 0;
	while (size > 0 && nsamples < MAX_PATHS)
	{
		Size		length = Min(data[0], size - 1);

		data++;
		add_sample(read_binary(data, length));
		check_sent(samples[nsamples - 1].path, data, length);
		data += length;
		size -= length + 1;
	}
	return true;
}

/* ---- one path ---- */

/* Out and in again by text, binary and array. */
static void
check_round_trips(const Sample *s)
{
	char	   *text = refpath_to_cstring(refpath_bytes(s->path));
	bytea	   *sent = DatumGetByteaPP(DirectFunctionCall1(refpath_send, PointerGetDatum(s->path)));
	Datum		array = DirectFunctionCall1(refpath_to_array, PointerGetDatum(s->path));
	RefPath    *from_array = DatumGetRefPathPP(DirectFunctionCall1(refpath_from_array, array));

	FUZZ_HOLDS(refpath_compare(read_text(text), s->path) == 0);
	FUZZ_HOLDS(refpath_compare(read_binary((uint8 *) VARDATA_ANY(sent), VARSIZE_ANY_EXHDR(sent)),
							   s->path) == 0);
	FUZZ_HOLDS(refpath_compare(from_array, s->path) == 0);
	FUZZ_HOLDS(refpath_compare(refpath_from_ids(s->ids, s->depth), s->path) == 0);
}

static void
check_members(const Sample *s)
{
	RefPathBytes bytes = refpath_bytes(s->path);
	RefPath    *upper = refpath_upper(s->path);

	FUZZ_HOLDS(refpath_depth_of(bytes.data, bytes.len) == s->depth);
	FUZZ_HOLDS(refpath_compare(s->path, upper) < 0);
	FUZZ_HOLDS(!refpath_contains(s->path, upper));
	for (int i = 0; i < s->depth; i++)
	{
		FUZZ_HOLDS(s->ids[i] >= 0);
		FUZZ_HOLDS(refpath_level_of(bytes, s->ids[i]) == s->depth - 1 - i);
	}
	FUZZ_HOLDS(refpath_level_of(bytes, -1) == -1);
	if (s->depth > 0)
	{
		RefPath    *parent = refpath_make(bytes.data, refpath_prefix_len(bytes, s->depth - 1));

		FUZZ_HOLDS(!refpath_has_id(parent, s->ids[s->depth - 1]));
		FUZZ_HOLDS(refpath_compare(refpath_append_id(parent, s->ids[s->depth - 1]), s->path) == 0);
		FUZZ_HOLDS(refpath_compare(upper, refpath_upper(parent)) < 0);
	}
}

/* ---- pairs ---- */

static int
naive_common(const Sample *a, const Sample *b)
{
	int			common = 0;

	while (common < a->depth && common < b->depth && a->ids[common] == b->ids[common])
		common++;
	return common;
}

static int
naive_compare(const Sample *a, const Sample *b)
{
	int			common = naive_common(a, b);

	if (common < a->depth && common < b->depth)
		return a->ids[common] < b->ids[common] ? -1 : 1;
	return (a->depth > b->depth) - (a->depth < b->depth);
}

static bool
holds(PGFunction operator, const Sample *a, const Sample *b)
{
	return DatumGetBool(DirectFunctionCall2(operator, PointerGetDatum(a->path), PointerGetDatum(b->path)));
}

static void
check_order(const Sample *a, const Sample *b)
{
	int			cmp = naive_compare(a, b);
	int32		found = DatumGetInt32(DirectFunctionCall2(refpath_cmp, PointerGetDatum(a->path),
														  PointerGetDatum(b->plain)));

	FUZZ_HOLDS((found > 0) - (found < 0) == cmp);
	FUZZ_HOLDS(holds(refpath_op_lt, a, b) == (cmp < 0));
	FUZZ_HOLDS(holds(refpath_op_le, a, b) == (cmp <= 0));
	FUZZ_HOLDS(holds(refpath_op_eq, a, b) == (cmp == 0));
	FUZZ_HOLDS(holds(refpath_op_ne, a, b) == (cmp != 0));
	FUZZ_HOLDS(holds(refpath_op_ge, a, b) == (cmp >= 0));
	FUZZ_HOLDS(holds(refpath_op_gt, a, b) == (cmp > 0));
	if (cmp != 0)
		return;
	FUZZ_HOLDS(DirectFunctionCall1(refpath_hash, PointerGetDatum(a->path)) ==
			   DirectFunctionCall1(refpath_hash, PointerGetDatum(b->plain)));
	FUZZ_HOLDS(DirectFunctionCall2(refpath_hash_extended, PointerGetDatum(a->path), Int64GetDatum(7)) ==
			   DirectFunctionCall2(refpath_hash_extended, PointerGetDatum(b->plain), Int64GetDatum(7)));
}

static void
check_containment(const Sample *a, const Sample *b)
{
	bool		contains = naive_common(a, b) == a->depth;
	bool		strictly = contains && a->depth < b->depth;

	FUZZ_HOLDS(holds(refpath_op_contains, a, b) == contains);
	FUZZ_HOLDS(holds(refpath_op_contained, b, a) == contains);
	FUZZ_HOLDS(holds(refpath_op_above, a, b) == strictly);
	FUZZ_HOLDS(holds(refpath_op_below, b, a) == strictly);
	FUZZ_HOLDS(contains == (refpath_compare(b->path, a->path) >= 0 &&
							refpath_compare(b->path, refpath_upper(a->path)) < 0));
	if (contains)
	{
		RefPath    *same = DatumGetRefPathPP(DirectFunctionCall3(refpath_fn_graft, PointerGetDatum(b->path),
																 PointerGetDatum(a->path), PointerGetDatum(a->path)));

		FUZZ_HOLDS(refpath_compare(same, b->path) == 0);
	}
}

static void
check_relation(const Sample *a, const Sample *b)
{
	RefPathBytes bytes = refpath_bytes(a->path);
	int			common = naive_common(a, b);
	RefPath    *lca = DatumGetRefPathPP(DirectFunctionCall2(refpath_fn_lca, PointerGetDatum(a->path),
															PointerGetDatum(b->path)));

	FUZZ_HOLDS(refpath_compare(lca, refpath_from_ids(a->ids, common)) == 0);
	FUZZ_HOLDS(refpath_distance(bytes, refpath_bytes(b->path)) == a->depth + b->depth - 2 * common);
	for (int i = 0; i < b->depth; i++)
	{
		int			level = -1;

		for (int j = 0; j < a->depth; j++)
			if (a->ids[j] == b->ids[i])
				level = a->depth - 1 - j;
		FUZZ_HOLDS(refpath_level_of(bytes, b->ids[i]) == level);
		FUZZ_HOLDS(refpath_has_id(a->path, b->ids[i]) == (level >= 0));
	}
}

/* ---- sorting ---- */

static SortSupport
sort_support(SortSupport ssup, PGFunction prepare)
{
	memset(ssup, 0, sizeof(SortSupportData));
	ssup->ssup_cxt = CurrentMemoryContext;
	ssup->abbreviate = true;
	DirectFunctionCall1(prepare, PointerGetDatum(ssup));
	return ssup;
}

/* An abbreviated key may tie, never contradict. */
static void
check_sort(SortSupport ssup, Datum a, Datum b, int cmp)
{
	int			full = ssup->abbrev_full_comparator(a, b, ssup);
	int			brief = ssup->comparator(ssup->abbrev_converter(a, ssup),
										 ssup->abbrev_converter(b, ssup), ssup);

	FUZZ_HOLDS((full > 0) - (full < 0) == cmp);
	FUZZ_HOLDS(brief == 0 || (brief > 0) == (cmp > 0));
	FUZZ_HOLDS(brief == 0 || cmp != 0);
}

/* ---- GiST ---- */

static char leaf_page[BLCKSZ] pg_attribute_aligned(MAXIMUM_ALIGNOF);
static char inner_page[BLCKSZ] pg_attribute_aligned(MAXIMUM_ALIGNOF);

static GISTENTRY
gist_entry(Datum key, bool leaf)
{
	GISTENTRY	entry;
	Page		page = leaf ? leaf_page : inner_page;

	if (PageIsNew(page))
	{
		PageInit(page, BLCKSZ, sizeof(GISTPageOpaqueData));
		GistPageGetOpaque(page)->flags = leaf ? F_LEAF : 0;
	}
	gistentryinit(entry, key, NULL, page, FirstOffsetNumber, false);
	return entry;
}

/* A key as a page holds it: packed, and with nothing readable behind it. */
static Datum
stored_key(int slot, Datum key)
{
	return PointerGetDatum(guarded_path(slot, refpath_bytes((RefPath *) DatumGetPointer(key))));
}

static GISTENTRY
leaf_of(const Sample *s)
{
	GISTENTRY	entry = gist_entry(PointerGetDatum(s->path), true);
	GISTENTRY  *compressed;
	GISTENTRY  *fetched;

	entry.leafkey = true;
	compressed = (GISTENTRY *) DatumGetPointer(DirectFunctionCall1(refpath_gist_compress, PointerGetDatum(&entry)));
	fetched = (GISTENTRY *) DatumGetPointer(DirectFunctionCall1(refpath_gist_fetch, PointerGetDatum(compressed)));
	FUZZ_HOLDS(refpath_compare((RefPath *) DatumGetPointer(fetched->key), s->path) == 0);
	return gist_entry(compressed->key, true);
}

static bool
consistent(GISTENTRY *entry, Datum query, StrategyNumber strategy)
{
	bool		recheck = true;
	bool		result = DatumGetBool(DirectFunctionCall5(refpath_gist_consistent, PointerGetDatum(entry), query,
														  UInt16GetDatum(strategy), ObjectIdGetDatum(InvalidOid),
														  PointerGetDatum(&recheck)));

	FUZZ_HOLDS(!recheck);
	return result;
}

static double
gist_distance(GISTENTRY *entry, const Sample *q)
{
	bool		recheck = true;
	double		result = DatumGetFloat8(DirectFunctionCall5(refpath_gist_distance, PointerGetDatum(entry),
															PointerGetDatum(q->path), UInt16GetDatum(RTKNNSearchStrategyNumber),
															ObjectIdGetDatum(InvalidOid), PointerGetDatum(&recheck)));

	FUZZ_HOLDS(!recheck);
	return result;
}

static float
penalty(GISTENTRY *origin, GISTENTRY *added)
{
	float		result = -1;

	(void) DirectFunctionCall3(refpath_gist_penalty, PointerGetDatum(origin), PointerGetDatum(added),
							   PointerGetDatum(&result));
	FUZZ_HOLDS(isfinite(result) && result >= 0);
	return result;
}

/* The entries' key, from FirstOffsetNumber on. */
static Datum
gist_union(GISTENTRY *entries, int n)
{
	GistEntryVector *vector = palloc(GEVHDRSZ + sizeof(GISTENTRY) * (n + 1));
	int			size = 0;
	Datum		key;

	vector->n = n;
	memcpy(vector->vector, entries, sizeof(GISTENTRY) * n);
	key = DirectFunctionCall2(refpath_gist_union, PointerGetDatum(vector), PointerGetDatum(&size));
	FUZZ_HOLDS(size == VARSIZE_ANY(DatumGetPointer(key)));
	return key;
}

/* The strategies between paths, with the operator of each. */
static const struct
{
	StrategyNumber strategy;
	PGFunction	operator;
}			strategies[] = {
	{BTLessStrategyNumber, refpath_op_lt},
	{BTLessEqualStrategyNumber, refpath_op_le},
	{BTEqualStrategyNumber, refpath_op_eq},
	{BTGreaterEqualStrategyNumber, refpath_op_ge},
	{BTGreaterStrategyNumber, refpath_op_gt},
	{RTContainsStrategyNumber, refpath_op_contains},
	{RTContainedByStrategyNumber, refpath_op_contained},
	{RTSubStrategyNumber, refpath_op_below},
	{RTSuperStrategyNumber, refpath_op_above},
};

/* A leaf answers as the operator does; above it nothing is skipped. */
static void
check_search(const Sample *s, GISTENTRY *leaf, GISTENTRY *inner, const Sample *q)
{
	double		near = gist_distance(leaf, q);

	for (int i = 0; i < lengthof(strategies); i++)
	{
		bool		matches = holds(strategies[i].operator, s, q);

		FUZZ_HOLDS(consistent(leaf, PointerGetDatum(q->path), strategies[i].strategy) == matches);
		if (matches)
			FUZZ_HOLDS(consistent(inner, PointerGetDatum(q->path), strategies[i].strategy));
	}
	FUZZ_HOLDS(near == refpath_distance(refpath_bytes(s->path), refpath_bytes(q->path)));
	FUZZ_HOLDS(gist_distance(inner, q) <= near);
	for (int i = 0; i < q->depth; i++)
	{
		bool		through = refpath_has_id(s->path, q->ids[i]);

		FUZZ_HOLDS(consistent(leaf, Int64GetDatum(q->ids[i]), RTContainsElemStrategyNumber) == through);
		if (through)
			FUZZ_HOLDS(consistent(inner, Int64GetDatum(q->ids[i]), RTContainsElemStrategyNumber));
	}
}

/* Every entry is on one side, below the key of its side. */
static void
check_split_side(GISTENTRY *entries, const OffsetNumber *offsets, int n, Datum key, int *seen)
{
	GISTENTRY	side = gist_entry(key, false);

	FUZZ_HOLDS(n > 0);
	for (int i = 0; i < n; i++)
	{
		FUZZ_HOLDS(penalty(&side, &entries[offsets[i] - FirstOffsetNumber]) == 0);
		seen[offsets[i] - FirstOffsetNumber]++;
	}
}

static void
check_split(GISTENTRY *entries, int n)
{
	GistEntryVector *vector = palloc(GEVHDRSZ + sizeof(GISTENTRY) * (n + 1));
	GIST_SPLITVEC split = {0};
	int			seen[MAX_PATHS] = {0};

	vector->n = n + FirstOffsetNumber;
	memcpy(&vector->vector[FirstOffsetNumber], entries, sizeof(GISTENTRY) * n);
	(void) DirectFunctionCall2(refpath_gist_picksplit, PointerGetDatum(vector), PointerGetDatum(&split));
	FUZZ_HOLDS(split.spl_nleft + split.spl_nright == n);
	check_split_side(entries, split.spl_left, split.spl_nleft, split.spl_ldatum, seen);
	check_split_side(entries, split.spl_right, split.spl_nright, split.spl_rdatum, seen);
	for (int i = 0; i < n; i++)
		FUZZ_HOLDS(seen[i] == 1);
}

/* Leaves, an entry over each half, one over both; the last path asks. */
static void
check_gist(void)
{
	GISTENTRY	leaves[MAX_PATHS];
	GISTENTRY	halves[2];
	GISTENTRY	top;
	int			nleaves = nsamples - 1;
	int			nleft = nleaves / 2;

	for (int i = 0; i < nleaves; i++)
		leaves[i] = leaf_of(&samples[i]);
	halves[0] = gist_entry(gist_union(leaves, nleft), false);
	halves[1] = gist_entry(gist_union(leaves + nleft, nleaves - nleft), false);
	top = gist_entry(stored_key(INPUT_SLOT, gist_union(halves, 2)), false);
	halves[0].key = stored_key(MESSAGE_SLOT, halves[0].key);

	for (int i = 0; i < nleaves; i++)
	{
		GISTENTRY  *half = &halves[i < nleft ? 0 : 1];

		FUZZ_HOLDS(penalty(half, &leaves[i]) == 0);
		FUZZ_HOLDS(penalty(&top, &leaves[i]) == 0);
		(void) penalty(&halves[0], &leaves[i]);
		check_search(&samples[i], &leaves[i], half, &samples[nleaves]);
		check_search(&samples[i], &leaves[i], &top, &samples[nleaves]);
	}
	FUZZ_HOLDS(penalty(&top, &halves[0]) == 0 && penalty(&top, &halves[1]) == 0);
	check_split(leaves, nleaves);
}

static void
check_pair(const Sample *a, const Sample *b, SortSupport by_path, SortSupport by_key)
{
	int			cmp = naive_compare(a, b);
	bool		same = false;
	Datum		x = leaf_of(a).key;
	Datum		y = leaf_of(b).key;

	check_order(a, b);
	check_containment(a, b);
	check_containment(b, a);
	check_relation(a, b);
	check_sort(by_path, PointerGetDatum(a->path), PointerGetDatum(b->path), cmp);
	check_sort(by_key, x, y, cmp);
	(void) DirectFunctionCall3(refpath_gist_same, x, y, PointerGetDatum(&same));
	FUZZ_HOLDS(same == (cmp == 0));
}

/* Each pair once, and each path with itself: inputs come in either order. */
static void
check_pairs(void)
{
	SortSupportData by_path;
	SortSupportData by_key;

	sort_support(&by_path, refpath_sortsupport);
	sort_support(&by_key, refpath_gist_sortsupport);
	for (int i = 0; i < nsamples; i++)
		for (int j = i; j < nsamples; j++)
			check_pair(&samples[i], &samples[j], &by_path, &by_key);
}

static void
check(void)
{
	for (int i = 0; i < nsamples; i++)
	{
		check_round_trips(&samples[i]);
		check_members(&samples[i]);
	}
	check_pairs();
	if (nsamples >= 3)
		check_gist();
}

const FuzzTarget fuzz_text = {"text", text_refusals, parse_text, check};
const FuzzTarget fuzz_binary = {"binary", binary_refusals, parse_binary, check};
