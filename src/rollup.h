/*
 * rollup.h
 *	  The whole-tree rollup: what every member's team adds up to, in one pass.
 *
 * Layer 2: knows neither fmgr nor SPI.  Rows come in the order of their paths.
 * A stack holds the members from the root down to the last row's; a member is
 * complete, and is handed out, when a row comes that is not below it.  So each
 * row is touched once, each member is added to its sponsor once, and what is
 * kept is as deep as the tree.
 *
 * A member's team is the member itself and all below it, as in "path <@ X":
 * team_size and team count the same people.
 */
#ifndef DISTRIBUTOR_ROLLUP_H
#define DISTRIBUTOR_ROLLUP_H

#include "compat.h"

#include "money_sum.h"
#include "refpath.h"

/*
 * Limits of one rollup.  Together they bound what a member of the stack takes
 * to some 300 kB, and 8 kB without levels.
 */
#define ROLLUP_MAX_COLUMNS		100
#define ROLLUP_MAX_LEVELS		100

/* Volumes of the levels 1 .. of a team; see rollup.c. */
typedef struct RollupLevels RollupLevels;

/*
 * A member.  While it is on the stack, what is "of the legs" is that of the
 * legs that are complete; team is without the member's own volumes until all
 * legs are.
 */
typedef struct RollupMember
{
	Size		path_len;		/* the member's path ends here */
	Size		code;			/* and its own id begins here; code < path_len */
	int64		input_rows;		/* that had this path; 0: only members below it did */
	int64		team_size;		/* people of the legs and the member */
	int64		frontline;		/* legs: members directly below */
	int			deepest;		/* levels below it; 0: nobody is */
	MoneySum   *personal;		/* each of these: one a column */
	MoneySum   *team;
	MoneySum   *largest_leg;	/* greatest team of a leg; of nothing: zero */
	int64	   *legs_at_least;	/* legs whose team reaches the threshold */
	RollupLevels *levels;		/* NULL: no legs, or levels are not asked for */
} RollupMember;

typedef struct Rollup Rollup;

/* Receives each member when it is complete; path belongs to the rollup. */
typedef void (*RollupEmit) (const Rollup *rollup, const RollupMember *member,
							RefPathBytes path, int depth, void *arg);

typedef struct RollupOptions
{
	int			ncolumns;		/* 0 .. ROLLUP_MAX_COLUMNS */
	int			nlevels;		/* 0 .. ROLLUP_MAX_LEVELS: levels to keep apart */
	bool		legs;			/* largest_leg and legs_at_least are wanted */
	const MoneySum *threshold;	/* NULL: no leg is counted */
} RollupOptions;

extern Rollup *rollup_begin(const RollupOptions *options, RollupEmit emit, void *arg);
extern void rollup_add(Rollup *rollup, RefPathBytes path, int64 nrows, const MoneySum *volumes);
extern void rollup_end(Rollup *rollup);

/* For whom a member is handed to. */
extern const RollupOptions *rollup_options(const Rollup *rollup);
extern int	rollup_levels_of(const Rollup *rollup, const RollupMember *member);
extern const MoneySum *rollup_level(const Rollup *rollup, const RollupMember *member, int level);

#endif							/* DISTRIBUTOR_ROLLUP_H */
