/*
 * total_fold.c
 *	  What single changes add to each member above them, in one pass.
 */
#include "compat.h"

#include "common/int.h"

#include "total_fold.h"

/* A member on the way from the root to the last change. */
typedef struct FoldMember
{
	Size		path_len;		/* its path ends here */
	int64		member_id;
	int			n;
	int			room;
	int			last;			/* period that was added to last */
	TotalSums  *periods;		/* n, each another period */
} FoldMember;

struct TotalFold
{
	TotalEmit	emit;
	void	   *arg;
	unsigned char *path;		/* of the last change */
	Size		len;
	Size		path_room;
	int			depth;
	int			room;			/* of members; those beyond depth keep their memory */
	FoldMember *members;
};

TotalFold *
total_fold_begin(TotalEmit emit, void *arg)
{
	TotalFold  *fold = palloc0(sizeof(TotalFold));

	fold->emit = emit;
	fold->arg = arg;
	fold->path_room = 256;
	fold->path = palloc(fold->path_room);
	fold->room = 32;
	fold->members = palloc0(sizeof(FoldMember) * fold->room);
	return fold;
}

static int64
add_counts(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a team total is out of range")));
	return sum;
}

static TotalSums *
period_of(FoldMember *member, DateADT period)
{
	TotalSums  *sums;

	if (member->last < member->n && member->periods[member->last].period == period)
		return &member->periods[member->last];
	for (member->last = 0; member->last < member->n; member->last++)
		if (member->periods[member->last].period == period)
			return &member->periods[member->last];
	if (member->n == member->room)
	{
		member->room = Max(4, member->room * 2);
		member->periods = member->periods == NULL ? palloc(sizeof(TotalSums) * member->room) :
			repalloc(member->periods, sizeof(TotalSums) * member->room);
	}
	sums = &member->periods[member->n++];
	memset(sums, 0, sizeof(TotalSums));
	sums->period = period;
	return sums;
}

static TotalSums *
add_to(FoldMember *member, const TotalSums *change)
{
	TotalSums  *sums = period_of(member, change->period);

	sums->people = add_counts(sums->people, change->people);
	sums->sales = add_counts(sums->sales, change->sales);
	money_sum_add(&sums->volume, &change->volume);
	return sums;
}

/* The lowest member is complete. */
static void
close_member(TotalFold *fold)
{
	FoldMember *member = &fold->members[--fold->depth];

	for (int i = 0; i < member->n; i++)
	{
		fold->emit(member->member_id, &member->periods[i], fold->arg);
		if (fold->depth > 0)
			(void) add_to(&fold->members[fold->depth - 1], &member->periods[i]);
		money_sum_clear(&member->periods[i].volume);
		money_sum_clear(&member->periods[i].own);
	}
	member->n = 0;
}

static void
open_member(TotalFold *fold, const unsigned char *code, Size path_len)
{
	FoldMember *member;

	if (fold->depth == fold->room)
	{
		fold->members = repalloc(fold->members, sizeof(FoldMember) * fold->room * 2);
		memset(fold->members + fold->room, 0, sizeof(FoldMember) * fold->room);
		fold->room *= 2;
	}
	member = &fold->members[fold->depth++];
	member->path_len = path_len;
	member->member_id = refpath_decode_id(code);
	member->n = 0;
	member->last = 0;
}

static void
remember_path(TotalFold *fold, RefPathBytes path)
{
	if (path.len > fold->path_room)
	{
		fold->path_room = path.len * 2;
		pfree(fold->path);
		fold->path = palloc(fold->path_room);
	}
	memcpy(fold->path, path.data, path.len);
	fold->len = path.len;
}

/* A change of the member that path ends with; path is not before the last one's. */
void
total_fold_add(TotalFold *fold, RefPathBytes path, const TotalSums *change)
{
	RefPathBytes last = {fold->path, fold->len};
	Size		common = refpath_common_len(last, path);

	while (fold->depth > 0 && fold->members[fold->depth - 1].path_len > common)
		close_member(fold);
	for (Size at = common; at < path.len;)
	{
		const unsigned char *code = path.data + at;

		at += refpath_step(code, path.data + path.len);
		open_member(fold, code, at);
	}
	remember_path(fold, path);
	if (fold->depth > 0)
		money_sum_add(&add_to(&fold->members[fold->depth - 1], change)->own, &change->volume);
}

void
total_fold_end(TotalFold *fold)
{
	while (fold->depth > 0)
		close_member(fold);
	fold->len = 0;
}
