/*
 * rollup.c
 *	  The whole-tree rollup: what every member's team adds up to, in one pass.
 *
 * All memory is in the context that rollup_begin() was called in.  The arrays
 * of a place on the stack stay with it from one member to the next; those of
 * levels are handed from member to member, as only the members that have a
 * complete leg need one.
 */
#include "compat.h"

#include "common/int.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "rollup.h"

#define FIRST_STACK				32
#define FIRST_PATH				256

/*
 * Volumes by level: sums[(level - 1) * ncolumns + column].  Those of levels
 * that the member does not have are zero.
 */
struct RollupLevels
{
	RollupLevels *next;			/* in the list of those free */
	MoneySum	sums[FLEXIBLE_ARRAY_MEMBER];
};

/*
 * stack[0 .. depth - 1] are the members of path[0 .. path_len), root first;
 * stack[i].path_len grows with i, and the last one's is path_len.  Places
 * from depth to nready have their arrays, all zero.
 */
struct Rollup
{
	MemoryContext context;
	RollupOptions options;
	RollupEmit	emit;
	void	   *arg;
	RollupMember *stack;
	int			depth;
	int			nready;
	int			nstack;
	unsigned char *path;
	Size		path_len;
	Size		npath;			/* allocated */
	RollupLevels *free_levels;
};

Rollup *
rollup_begin(const RollupOptions *options, RollupEmit emit, void *arg)
{
	Rollup	   *rollup = palloc0(sizeof(Rollup));

	Assert(options->ncolumns <= ROLLUP_MAX_COLUMNS);
	Assert(options->nlevels <= ROLLUP_MAX_LEVELS);

	rollup->context = CurrentMemoryContext;
	rollup->options = *options;
	rollup->emit = emit;
	rollup->arg = arg;
	rollup->nstack = FIRST_STACK;
	rollup->stack = palloc(sizeof(RollupMember) * rollup->nstack);
	rollup->npath = FIRST_PATH;
	rollup->path = palloc(rollup->npath);
	return rollup;
}

const RollupOptions *
rollup_options(const Rollup *rollup)
{
	return &rollup->options;
}

/* How many levels below the member are kept apart. */
int
rollup_levels_of(const Rollup *rollup, const RollupMember *member)
{
	return Min(member->deepest, rollup->options.nlevels);
}

/* The volumes of a level from 1 to rollup_levels_of(), one a column. */
const MoneySum *
rollup_level(const Rollup *rollup, const RollupMember *member, int level)
{
	return member->levels->sums + (level - 1) * rollup->options.ncolumns;
}

/* ---- levels ---- */

static RollupLevels *
take_levels(Rollup *rollup)
{
	RollupLevels *levels = rollup->free_levels;

	if (levels != NULL)
		rollup->free_levels = levels->next;
	else
		levels = palloc0(offsetof(RollupLevels, sums) +
						 sizeof(MoneySum) * rollup->options.nlevels * rollup->options.ncolumns);
	return levels;
}

static void
return_levels(Rollup *rollup, RollupMember *member)
{
	int			nsums = rollup_levels_of(rollup, member) * rollup->options.ncolumns;

	if (member->levels == NULL)
		return;
	for (int i = 0; i < nsums; i++)
		money_sum_clear(&member->levels->sums[i]);
	member->levels->next = rollup->free_levels;
	rollup->free_levels = member->levels;
	member->levels = NULL;
}

/* The leg's level n is level n + 1 of its sponsor. */
static void
add_levels(Rollup *rollup, RollupMember *member, const RollupMember *leg)
{
	int			ncolumns = rollup->options.ncolumns;
	int			nsums = Min(leg->deepest, rollup->options.nlevels - 1) * ncolumns;

	if (member->levels == NULL)
		member->levels = take_levels(rollup);
	for (int i = 0; i < ncolumns; i++)
		money_sum_add(&member->levels->sums[i], &leg->personal[i]);
	for (int i = 0; i < nsums; i++)
		money_sum_add(&member->levels->sums[ncolumns + i], &leg->levels->sums[i]);
}

/* ---- the stack ---- */

/* Arrays for the next place, all zero. */
static void
make_ready(Rollup *rollup)
{
	int			ncolumns = rollup->options.ncolumns;
	RollupMember *member;

	if (rollup->nready == rollup->nstack)
	{
		rollup->nstack *= 2;
		rollup->stack = repalloc(rollup->stack, sizeof(RollupMember) * rollup->nstack);
	}
	member = &rollup->stack[rollup->nready++];
	memset(member, 0, sizeof(RollupMember));
	if (ncolumns == 0)
		return;
	member->personal = palloc0(sizeof(MoneySum) * ncolumns * 3);
	member->team = member->personal + ncolumns;
	member->largest_leg = member->team + ncolumns;
	member->legs_at_least = palloc0(sizeof(int64) * ncolumns);
}

/* The member whose id has its code at path[code .. path_len). */
static void
push(Rollup *rollup, Size code, Size path_len)
{
	RollupMember *member;

	if (rollup->depth == rollup->nready)
		make_ready(rollup);
	member = &rollup->stack[rollup->depth++];
	member->path_len = path_len;
	member->code = code;
	member->input_rows = 0;
	member->team_size = 1;
	member->frontline = 0;
	member->deepest = 0;
}

static void
add_leg_volumes(Rollup *rollup, RollupMember *member, const RollupMember *leg)
{
	const MoneySum *threshold = rollup->options.threshold;

	for (int i = 0; i < rollup->options.ncolumns; i++)
	{
		const MoneySum *volume = &leg->team[i];

		money_sum_add(&member->team[i], volume);
		if (!rollup->options.legs)
			continue;
		if (member->frontline == 0 ||
			money_sum_compare(volume, &member->largest_leg[i]) > 0)
			money_sum_copy(&member->largest_leg[i], volume);
		if (threshold != NULL && money_sum_compare(volume, threshold) >= 0)
			member->legs_at_least[i]++;
	}
}

/* Adds a leg that is complete to its sponsor. */
static void
add_leg(Rollup *rollup, RollupMember *member, const RollupMember *leg)
{
	add_leg_volumes(rollup, member, leg);
	if (rollup->options.nlevels > 0 && rollup->options.ncolumns > 0)
		add_levels(rollup, member, leg);
	member->team_size += leg->team_size;
	member->frontline++;
	member->deepest = Max(member->deepest, leg->deepest + 1);
}

/* Leaves the place as push() expects it. */
static void
clear_member(Rollup *rollup, RollupMember *member)
{
	for (int i = 0; i < rollup->options.ncolumns; i++)
	{
		money_sum_clear(&member->personal[i]);
		money_sum_clear(&member->team[i]);
		money_sum_clear(&member->largest_leg[i]);
		member->legs_at_least[i] = 0;
	}
	return_levels(rollup, member);
}

/* The last member is complete. */
static void
pop(Rollup *rollup)
{
	RollupMember *member = &rollup->stack[rollup->depth - 1];
	RefPathBytes path;

	CHECK_FOR_INTERRUPTS();

	for (int i = 0; i < rollup->options.ncolumns; i++)
		money_sum_add(&member->team[i], &member->personal[i]);

	path.data = rollup->path;
	path.len = member->path_len;
	rollup->emit(rollup, member, path, rollup->depth, rollup->arg);

	rollup->depth--;
	if (rollup->depth > 0)
		add_leg(rollup, member - 1, member);
	clear_member(rollup, member);
}

/* ---- rows ---- */

/* Bytes that the path has in common with the last one. */
static Size
common_bytes(const Rollup *rollup, RefPathBytes path)
{
	Size		limit = Min(rollup->path_len, path.len);
	Size		common = 0;

	/* neighbors have most of their bytes in common */
	while (limit - common >= sizeof(uint64))
	{
		uint64		last;
		uint64		next;

		memcpy(&last, rollup->path + common, sizeof(uint64));
		memcpy(&next, path.data + common, sizeof(uint64));
		if (last != next)
			break;
		common += sizeof(uint64);
	}
	while (common < limit && rollup->path[common] == path.data[common])
		common++;
	return common;
}

static void
keep_path(Rollup *rollup, RefPathBytes path, Size common)
{
	if (path.len > rollup->npath)
	{
		while (path.len > rollup->npath)
			rollup->npath *= 2;
		rollup->path = repalloc(rollup->path, rollup->npath);
	}
	memcpy(rollup->path + common, path.data + common, path.len - common);
	rollup->path_len = path.len;
}

/*
 * Makes the path's member the last one of the stack: what is not above it is
 * complete, what is missing above it is put there.  Codes are prefix-free, so
 * a member whose bytes are all in common is above the path.
 */
static void
descend(Rollup *rollup, RefPathBytes path)
{
	Size		common = common_bytes(rollup, path);
	const unsigned char *end = path.data + path.len;
	Size		at;

	if (common == path.len && common == rollup->path_len)
		return;
	if (common == path.len ||
		(common < rollup->path_len && path.data[common] < rollup->path[common]))
		elog(ERROR, "rows of a rollup are not in the order of their paths");

	while (rollup->depth > 0 && rollup->stack[rollup->depth - 1].path_len > common)
		pop(rollup);
	keep_path(rollup, path, common);

	at = rollup->depth > 0 ? rollup->stack[rollup->depth - 1].path_len : 0;
	while (at < path.len)
	{
		Size		next = at + refpath_step(path.data + at, end);

		push(rollup, at, next);
		at = next;
	}
}

/*
 * Adds what a row, or nrows of them together, say about a path that is not
 * empty.  Volumes are copied.
 */
void
rollup_add(Rollup *rollup, RefPathBytes path, int64 nrows, const MoneySum *volumes)
{
	MemoryContext old = MemoryContextSwitchTo(rollup->context);
	RollupMember *member;

	Assert(path.len > 0);

	descend(rollup, path);
	member = &rollup->stack[rollup->depth - 1];
	if (pg_add_s64_overflow(member->input_rows, nrows, &member->input_rows))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("too many rows of one path")));
	for (int i = 0; i < rollup->options.ncolumns; i++)
		money_sum_add(&member->personal[i], &volumes[i]);
	MemoryContextSwitchTo(old);
}

/* No more rows: the members that are still on the stack are complete. */
void
rollup_end(Rollup *rollup)
{
	MemoryContext old = MemoryContextSwitchTo(rollup->context);

	while (rollup->depth > 0)
		pop(rollup);
	rollup->path_len = 0;
	MemoryContextSwitchTo(old);
}
