/*
 * program_posting.h
 *	  Among the files that post sales: program_sale.c, which does it,
 *	  program_sale_check.c and program_upline.c.
 */
#ifndef DISTRIBUTOR_PROGRAM_POSTING_H
#define DISTRIBUTOR_PROGRAM_POSTING_H

#include "program_ledger.h"
#include "program_sale.h"

/* The people along one path who may be paid, by level from 0. */
typedef struct Upline
{
	int			depth;
	int			levels;			/* looked at: min(depth, highest level + 1) */
	int64	   *ids;			/* root first */
	EngineState *states;		/* depth elements; NULL: all active */
	const char **ranks;			/* depth elements; NULL: none */
	EngineSale	sale;			/* as the engine takes it */
	Jsonb	   *counters;		/* NULL: none */
} Upline;

typedef struct Posting
{
	Program    *program;
	SaleBatch  *batch;
	SaleRow   **paid;			/* ordered by key, so that two batches cannot deadlock */
	int			npaid;
	struct standings_hash *standings;	/* of all who are on some path */
	bool		any_standing;	/* some are not plainly active and without rank */
	Upline	   *uplines;		/* of paid[] */
	bool		reposts;		/* orders that changed */
	bool		counts;			/* some plan asks for counters */
	int		   *order;			/* of paid[]: in which sales are counted */
	EngineResult result;
	LedgerRows *ledger;
	SaleRow    *current;		/* whose order an error is about */
} Posting;

/* program_sale_check.c: what may be posted, and whether what is there is the same */
extern void posting_check_values(Posting *posting, SaleRow *row);
extern void posting_compare_early(Posting *posting);
extern void posting_check_unposted(Posting *posting);
extern void posting_check_same(Posting *posting);
extern void posting_compare(Posting *posting, SaleRow **rows, int n);
extern Datum posting_keys(SaleRow **rows, int n);
extern void posting_check_lines_there(Posting *posting);

/* program_upline.c: members, and who is above them */
extern void posting_find_members(Posting *posting);
extern void posting_find_uplines(Posting *posting);
extern Datum posting_standing_array(const Upline *upline, bool of_states, bool *isnull);

#endif							/* DISTRIBUTOR_PROGRAM_POSTING_H */
