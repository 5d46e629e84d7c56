/*
 * refpath_opclass.c
 *	  Support functions of the btree and hash operator classes of refpath.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/hyperloglog.h"
#include "port/pg_bswap.h"
#include "utils/sortsupport.h"

#include "refpath.h"

PG_FUNCTION_INFO_V1(refpath_cmp);
PG_FUNCTION_INFO_V1(refpath_sortsupport);
PG_FUNCTION_INFO_V1(refpath_hash);
PG_FUNCTION_INFO_V1(refpath_hash_extended);

/* Before this many paths no judgment about abbreviation. */
#define ABBREV_MIN_INPUT		10000

/* With this many distinct keys abbreviation has paid, whatever follows. */
#define ABBREV_ENOUGH_KEYS		100000.0

/* State of one sort: are its abbreviated keys worth making? */
typedef struct PathSortState
{
	int64		input_count;	/* paths abbreviated so far */
	bool		estimating;		/* is the judgment still open? */
	hyperLogLogState abbr_card; /* estimates how many keys are distinct */
} PathSortState;

Datum
refpath_cmp(PG_FUNCTION_ARGS)
{
	RefPath    *a = PG_GETARG_REFPATH_PP(0);
	RefPath    *b = PG_GETARG_REFPATH_PP(1);
	int			cmp = refpath_compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	PG_RETURN_INT32(cmp);
}

static int
path_fast_cmp(Datum x, Datum y, SortSupport ssup)
{
	RefPath    *a = DatumGetRefPathPP(x);
	RefPath    *b = DatumGetRefPathPP(y);
	int			cmp = refpath_compare(a, b);

	if ((Pointer) a != DatumGetPointer(x))
		pfree(a);
	if ((Pointer) b != DatumGetPointer(y))
		pfree(b);
	return cmp;
}

/*
 * The first bytes as a big-endian number.  Padding with 0x00, the least lead
 * byte, can make a path equal to one below it but never greater; equal keys
 * are compared in full.
 */
static Datum
path_abbrev_convert(Datum original, SortSupport ssup)
{
	PathSortState *state = (PathSortState *) ssup->ssup_extra;
	RefPath    *path = DatumGetRefPathPP(original);
	Datum		key = 0;

	memcpy(&key, REFPATH_DATA(path), Min(REFPATH_LEN(path), sizeof(Datum)));
	key = DatumBigEndianToNative(key);

	state->input_count++;
	if (state->estimating)
		addHyperLogLog(&state->abbr_card, hash_bytes((unsigned char *) &key, sizeof(key)));

	if ((Pointer) path != DatumGetPointer(original))
		pfree(path);
	return key;
}

/*
 * Members deep in one part of a tree share their first bytes.  Give up where
 * less than one key in two thousand is distinct, as uuid does.
 */
static bool
path_abbrev_abort(int memtupcount, SortSupport ssup)
{
	PathSortState *state = (PathSortState *) ssup->ssup_extra;
	double		distinct;

	if (memtupcount < ABBREV_MIN_INPUT ||
		state->input_count < ABBREV_MIN_INPUT || !state->estimating)
		return false;

	distinct = estimateHyperLogLog(&state->abbr_card);
	if (distinct > ABBREV_ENOUGH_KEYS)
	{
		state->estimating = false;
		return false;
	}
	return distinct < state->input_count / 2000.0 + 0.5;
}

Datum
refpath_sortsupport(PG_FUNCTION_ARGS)
{
	SortSupport ssup = (SortSupport) PG_GETARG_POINTER(0);
	MemoryContext oldcontext;
	PathSortState *state;

	ssup->comparator = path_fast_cmp;
	if (ssup->abbreviate)
	{
		oldcontext = MemoryContextSwitchTo(ssup->ssup_cxt);
		state = (PathSortState *) palloc(sizeof(PathSortState));
		state->input_count = 0;
		state->estimating = true;
		initHyperLogLog(&state->abbr_card, 10);

		ssup->ssup_extra = state;
		ssup->comparator = ssup_datum_unsigned_cmp;
		ssup->abbrev_converter = path_abbrev_convert;
		ssup->abbrev_abort = path_abbrev_abort;
		ssup->abbrev_full_comparator = path_fast_cmp;
		MemoryContextSwitchTo(oldcontext);
	}
	PG_RETURN_VOID();
}

/*
 * Equal paths have equal bytes, so the bytes are hashed.  The function must
 * never change: it decides the shard and the partition of a stored row.
 */
Datum
refpath_hash(PG_FUNCTION_ARGS)
{
	RefPath    *path = PG_GETARG_REFPATH_PP(0);
	uint32		hash = hash_bytes(REFPATH_DATA(path), (int) REFPATH_LEN(path));

	PG_FREE_IF_COPY(path, 0);
	PG_RETURN_INT32((int32) hash);
}

Datum
refpath_hash_extended(PG_FUNCTION_ARGS)
{
	RefPath    *path = PG_GETARG_REFPATH_PP(0);
	uint64		hash = hash_bytes_extended(REFPATH_DATA(path), (int) REFPATH_LEN(path),
										   (uint64) PG_GETARG_INT64(1));

	PG_FREE_IF_COPY(path, 0);
	PG_RETURN_INT64((int64) hash);
}
