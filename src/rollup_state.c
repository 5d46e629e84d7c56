/*
 * rollup_state.c
 *	  What is to be rolled up, as one value that can be sent and combined.
 *
 * Rows are appended as they come.  When as much has been appended as was there
 * after the last sort, the state is sorted and the rows of a path become one:
 * so it is never much more than twice as large as it must be, and a row costs
 * its share of a few sorts.
 */
#include "compat.h"

#include "common/int.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

#include "money.h"
#include "rollup_state.h"

#define STATE_VERSION			1
#define STATE_LARGE				0xFF

/* Where the parts of the header are. */
#define AT_VERSION				0
#define AT_COLUMNS				1
#define AT_USED					2
#define AT_SORTED				6
#define HEADER_SIZE				10

#define FIRST_SIZE				1024
#define SORT_AFTER				(64 * 1024)

/* An entry; rest is what follows the path. */
typedef struct StateEntry
{
	RefPathBytes path;
	const unsigned char *rest;
} StateEntry;

typedef struct StateReader
{
	const unsigned char *next;
	const unsigned char *end;
} StateReader;

pg_noreturn static void
bad_state(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid state of a rollup"),
			 errdetail_internal("%s", detail),
			 errhint("Pass the result of rollup_state() unchanged.")));
}

/* ---- header ---- */

static inline unsigned char *
state_data(const bytea *state)
{
	return (unsigned char *) VARDATA_ANY(state);
}

static uint32
get_size(const bytea *state, int at)
{
	uint32		size;

	memcpy(&size, state_data(state) + at, sizeof(size));
	return pg_ntoh32(size);
}

static void
set_size(bytea *state, int at, Size size)
{
	uint32		value = pg_hton32((uint32) size);

	memcpy(state_data(state) + at, &value, sizeof(value));
}

static void
check_header(const bytea *state)
{
	Size		size = VARSIZE_ANY_EXHDR(state);

	if (size < HEADER_SIZE)
		bad_state("It is too short.");
	if (state_data(state)[AT_VERSION] != STATE_VERSION)
		bad_state(psprintf("Its format version is %d; this server reads version %d.",
						   state_data(state)[AT_VERSION], STATE_VERSION));
	if (state_data(state)[AT_COLUMNS] > ROLLUP_MAX_COLUMNS)
		bad_state("It has too many columns.");
	if (get_size(state, AT_USED) > size || get_size(state, AT_USED) < HEADER_SIZE ||
		get_size(state, AT_SORTED) > get_size(state, AT_USED) ||
		get_size(state, AT_SORTED) < HEADER_SIZE)
		bad_state("Its lengths contradict each other.");
}

int
rollup_state_columns(const bytea *state)
{
	check_header(state);
	return state_data(state)[AT_COLUMNS];
}

static bytea *
allocate_state(Size size)
{
	bytea	   *state;

	if (size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("state of a rollup is too large"),
				 errdetail("It would take %zu bytes; %zu are possible.",
						   size, (Size) MaxAllocSize - VARHDRSZ),
				 errhint("Aggregate parts of the tree, or use team_rollup().")));
	state = palloc(VARHDRSZ + size);
	SET_VARSIZE(state, VARHDRSZ + size);
	return state;
}

bytea *
rollup_state_new(int ncolumns)
{
	bytea	   *state = allocate_state(FIRST_SIZE);

	memset(state_data(state), 0, FIRST_SIZE);
	state_data(state)[AT_VERSION] = STATE_VERSION;
	state_data(state)[AT_COLUMNS] = ncolumns;
	set_size(state, AT_USED, HEADER_SIZE);
	set_size(state, AT_SORTED, HEADER_SIZE);
	return state;
}

/* ---- writing ---- */

static void
put_number(StringInfo out, uint64 number)
{
	while (number >= 0x80)
	{
		appendStringInfoCharMacro(out, (char) (number | 0x80));
		number >>= 7;
	}
	appendStringInfoCharMacro(out, (char) number);
}

static void
put_volume(StringInfo out, const MoneySum *volume)
{
	uint64		units = (uint64) volume->units;

	if (volume->large != NULL)
	{
		char	   *text = money_to_string(volume->large);

		appendStringInfoCharMacro(out, (char) STATE_LARGE);
		put_number(out, strlen(text));
		appendStringInfoString(out, text);
		pfree(text);
		return;
	}
	appendStringInfoCharMacro(out, (char) volume->scale);
	put_number(out, volume->units < 0 ? ~(units << 1) : units << 1);
}

static void
put_entry(StringInfo out, RefPathBytes path, int64 nrows, const MoneySum *volumes, int ncolumns)
{
	put_number(out, path.len);
	appendBinaryStringInfo(out, (const char *) path.data, (int) path.len);
	put_number(out, (uint64) nrows);
	for (int i = 0; i < ncolumns; i++)
		put_volume(out, &volumes[i]);
}

/* ---- reading ---- */

static uint64
get_number(StateReader *reader)
{
	uint64		number = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		unsigned char byte;

		if (reader->next >= reader->end)
			break;
		byte = *reader->next++;
		if (shift == 63 && byte > 1)
			break;
		number |= (uint64) (byte & 0x7F) << shift;
		if (byte < 0x80)
			return number;
	}
	bad_state("A number in it is incomplete or too large.");
}

static const unsigned char *
get_bytes(StateReader *reader, uint64 len)
{
	const unsigned char *bytes = reader->next;

	if (len > (uint64) (reader->end - reader->next))
		bad_state("An entry in it is incomplete.");
	reader->next += len;
	return bytes;
}

static int64
get_rows(StateReader *reader)
{
	uint64		nrows = get_number(reader);

	if (nrows == 0 || nrows > PG_INT64_MAX)
		bad_state("A number of rows in it is out of range.");
	return (int64) nrows;
}

/* Its large part, if any, is palloc'd. */
static void
get_volume(StateReader *reader, MoneySum *volume)
{
	int			scale = *get_bytes(reader, 1);
	uint64		number = get_number(reader);

	memset(volume, 0, sizeof(MoneySum));
	if (scale == STATE_LARGE)
	{
		char	   *text = pnstrdup((const char *) get_bytes(reader, number), number);

		/* bytes that are no text at all must not come into a message */
		if (strspn(text, "-.0123456789") != number ||
			!money_sum_of_numeric(volume, money_from_digits(text)))
			bad_state("A volume in it is not a finite number.");
		pfree(text);
		return;
	}
	if (scale > MONEY_SUM_MAX_SCALE)
		bad_state("A volume in it has too many decimals.");
	volume->scale = scale;
	volume->units = (int64) ((number & 1) ? ~(number >> 1) : number >> 1);
}

static void
skip_volume(StateReader *reader)
{
	int			scale = *get_bytes(reader, 1);
	uint64		number = get_number(reader);

	if (scale == STATE_LARGE)
		(void) get_bytes(reader, number);
}

/* Finds the next entry's parts; false at the end. */
static bool
next_entry(StateReader *reader, int ncolumns, StateEntry *entry)
{
	if (reader->next == reader->end)
		return false;
	CHECK_FOR_INTERRUPTS();
	entry->path.len = get_number(reader);
	entry->path.data = get_bytes(reader, entry->path.len);
	if (entry->path.len == 0)
		bad_state("A path in it is empty.");
	entry->rest = reader->next;
	(void) get_rows(reader);
	for (int i = 0; i < ncolumns; i++)
		skip_volume(reader);
	return true;
}

static StateReader
read_entries(const bytea *state)
{
	StateReader reader;

	reader.next = state_data(state) + HEADER_SIZE;
	reader.end = state_data(state) + get_size(state, AT_USED);
	return reader;
}

/* ---- sorting ---- */

static int
compare_entries(const void *a, const void *b)
{
	/* a sort of millions must be possible to cancel */
	CHECK_FOR_INTERRUPTS();
	return refpath_bytes_cmp(((const StateEntry *) a)->path, ((const StateEntry *) b)->path);
}

/* All entries in the order of their paths. */
static StateEntry *
sorted_entries(const bytea *state, Size *nentries)
{
	int			ncolumns = rollup_state_columns(state);
	StateReader reader = read_entries(state);
	Size		allocated = 256;
	StateEntry *entries = palloc(sizeof(StateEntry) * allocated);
	Size		n = 0;

	while (next_entry(&reader, ncolumns, &entries[n]))
		if (++n == allocated)
		{
			allocated *= 2;
			entries = repalloc_huge(entries, sizeof(StateEntry) * allocated);
		}
	qsort(entries, n, sizeof(StateEntry), compare_entries);
	*nentries = n;
	return entries;
}

static void
clear_volumes(MoneySum *volumes, int ncolumns)
{
	for (int i = 0; i < ncolumns; i++)
		money_sum_clear(&volumes[i]);
}

/* Adds an entry to what other entries of its path add up to. */
static void
add_entry(const StateEntry *entry, const unsigned char *end, int ncolumns,
		  int64 *nrows, MoneySum *volumes)
{
	StateReader reader = {entry->rest, end};

	if (pg_add_s64_overflow(*nrows, get_rows(&reader), nrows))
		bad_state("A number of rows in it is out of range.");
	for (int i = 0; i < ncolumns; i++)
	{
		MoneySum	volume;

		get_volume(&reader, &volume);
		money_sum_add(&volumes[i], &volume);
		money_sum_clear(&volume);
	}
}

/* A sorted copy of the state: one entry a path. */
bytea *
rollup_state_sorted(const bytea *state)
{
	int			ncolumns = rollup_state_columns(state);
	const unsigned char *end = state_data(state) + get_size(state, AT_USED);
	MoneySum	volumes[ROLLUP_MAX_COLUMNS];
	Size		nentries;
	StateEntry *entries = sorted_entries(state, &nentries);
	StringInfoData out;
	bytea	   *result;

	initStringInfo(&out);
	memset(volumes, 0, sizeof(volumes));
	for (Size i = 0; i < nentries;)
	{
		RefPathBytes path = entries[i].path;
		int64		nrows = 0;

		do
			add_entry(&entries[i++], end, ncolumns, &nrows, volumes);
		while (i < nentries && refpath_bytes_cmp(entries[i].path, path) == 0);
		for (int column = 0; column < ncolumns; column++)
			money_sum_normalize(&volumes[column]);
		put_entry(&out, path, nrows, volumes, ncolumns);
		clear_volumes(volumes, ncolumns);
	}
	pfree(entries);

	result = allocate_state(HEADER_SIZE + out.len);
	state_data(result)[AT_VERSION] = STATE_VERSION;
	state_data(result)[AT_COLUMNS] = ncolumns;
	set_size(result, AT_USED, HEADER_SIZE + out.len);
	set_size(result, AT_SORTED, HEADER_SIZE + out.len);
	memcpy(state_data(result) + HEADER_SIZE, out.data, out.len);
	pfree(out.data);
	return result;
}

/* ---- adding ---- */

/* A copy with room for so many bytes more, and as many again. */
static bytea *
grow(const bytea *state, Size more)
{
	Size		used = get_size(state, AT_USED);
	Size		wanted = used + more;
	bytea	   *result;

	if (wanted <= MaxAllocSize - VARHDRSZ)
		wanted = Min(Max(2 * wanted, FIRST_SIZE), MaxAllocSize - VARHDRSZ);
	result = allocate_state(wanted);
	memcpy(state_data(result), state_data(state), used);
	memset(state_data(result) + used, 0, wanted - used);
	return result;
}

/*
 * Appends entries.  Changes the state in place where that is allowed and there
 * is room; the result is then the same pointer.
 */
static bytea *
append(bytea *state, bool in_place, const void *entries, Size len)
{
	Size		used = get_size(state, AT_USED);

	if (used - get_size(state, AT_SORTED) > Max(get_size(state, AT_SORTED), SORT_AFTER))
	{
		bytea	   *sorted = rollup_state_sorted(state);

		state = grow(sorted, len);
		pfree(sorted);
		used = get_size(state, AT_USED);
	}
	else if (!in_place || VARSIZE_ANY_EXHDR(state) - used < len)
		state = grow(state, len);
	memcpy(state_data(state) + used, entries, len);
	set_size(state, AT_USED, used + len);
	return state;
}

/* Adds a row; volumes as many as the state has columns. */
bytea *
rollup_state_add(bytea *state, bool in_place, RefPathBytes path, const MoneySum *volumes)
{
	StringInfoData entry;

	initStringInfo(&entry);
	put_entry(&entry, path, 1, volumes, rollup_state_columns(state));
	state = append(state, in_place, entry.data, entry.len);
	pfree(entry.data);
	return state;
}

bytea *
rollup_state_join(bytea *state, bool in_place, const bytea *other)
{
	if (rollup_state_columns(state) != rollup_state_columns(other))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("states of rollups with different numbers of volumes cannot be joined"),
				 errdetail("One has %d, the other %d.",
						   rollup_state_columns(state), rollup_state_columns(other))));
	return append(state, in_place, state_data(other) + HEADER_SIZE,
				  get_size(other, AT_USED) - HEADER_SIZE);
}

/* ---- rolling up ---- */

static void
check_path(RefPathBytes path)
{
	int64		repeated;

	if (refpath_check(path, &repeated) != REFPATH_OK)
		bad_state("A path in it is damaged.");
}

/* Gives all entries to the rollup, which is not ended. */
void
rollup_state_run(const bytea *state, Rollup *rollup)
{
	int			ncolumns = rollup_state_columns(state);
	const unsigned char *end = state_data(state) + get_size(state, AT_USED);
	MoneySum	volumes[ROLLUP_MAX_COLUMNS];
	Size		nentries;
	StateEntry *entries = sorted_entries(state, &nentries);

	memset(volumes, 0, sizeof(volumes));
	for (Size i = 0; i < nentries; i++)
	{
		int64		nrows = 0;

		check_path(entries[i].path);
		add_entry(&entries[i], end, ncolumns, &nrows, volumes);
		rollup_add(rollup, entries[i].path, nrows, volumes);
		clear_volumes(volumes, ncolumns);
	}
	pfree(entries);
}
