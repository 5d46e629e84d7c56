/*
 * program_total.h
 *	  Team totals that are right at any moment, without a row that all wait for.
 *
 * A sale, a refund, a join or a move appends changes (team_delta); folding
 * moves them into the totals (team_total) of everybody above.  A total is its
 * folded part and the changes below its path.  People follow the tree; volume
 * stays with the upline that the sale had.
 */
#ifndef DISTRIBUTOR_PROGRAM_TOTAL_H
#define DISTRIBUTOR_PROGRAM_TOTAL_H

#include "program_sale.h"
#include "total_fold.h"

/* In SQL, p being the program: the first day of the period of a time, by the program's clock. */
#define TOTAL_PERIOD_OF(time) \
	"(date_trunc(p.total_period, " time ", p.time_zone) AT TIME ZONE p.time_zone)::date"

/* A part of a sale that has been given back. */
typedef struct TotalRefund
{
	int64		refund_id;
	int64		sale_id;
	Numeric		amount;
} TotalRefund;

/* As the owner, after what they tell of has been written.  Joins write theirs themselves. */
extern void totals_of_sales(Program *program, SaleRow **rows, int n);
extern void totals_before_refunds(Program *program);
extern void totals_of_refunds(Program *program, const TotalRefund *refunds, int n);

/*
 * All that totals are made of, of a program that keeps them: path, period,
 * people, sales and volume, in the order of their paths.
 */
extern const char totals_sources[];
extern bool totals_kept(Program *program, text **period, int *generation);

/*
 * Around a move of a team, with the tree's lock alone: before it, what is
 * below the old path is folded, and its people go from the old upline to the
 * new one.
 */
extern void totals_of_move(Program *program, RefPath *old_path, RefPath *new_path);

/*
 * Steps of fold().  Of a generation that is closed, and those before it, what
 * lies before (at, from) has been folded; from is null at the beginning of
 * one.
 */
typedef struct TotalsClosed
{
	int			generation;
	bool		is_new;			/* everything that was committed is in it, or before */
	int			at;
	RefPath    *from;
	MemoryContext context;		/* of from */
} TotalsClosed;

extern bool totals_close_generation(Program *program, TotalsClosed *closed);
extern bool totals_fold_generation(Program *program, TotalsClosed *closed, int64 size);

/* A total at the reader's snapshot: of the arguments of team_total(), the first three. */
extern Datum program_team_total(PG_FUNCTION_ARGS);

/*
 * Steps of fold() after that: totals of periods that are over are ranked.
 * What has been committed of it stays right, wherever it ends.
 */
typedef struct TotalsRanking
{
	bool		begun;
	DateADT		period;			/* the one at hand */
	int64		after;			/* members up to this one are done */
} TotalsRanking;

extern bool totals_rank(Program *program, TotalsRanking *ranking, int64 size);
extern void totals_rank_new(Program *program);
extern void totals_rank_highest(Program *program);
extern void totals_rank_fewer(Program *program);
extern void totals_lock_folding(Program *program);

/* Everything below a path, by whoever has the tree alone; a batch of fold() that runs is waited for. */
extern void totals_fold_below(Program *program, RefPath *path);

#endif							/* DISTRIBUTOR_PROGRAM_TOTAL_H */
