/*
 * program_sale.h
 *	  Posting sales and their commissions, in batches.
 */
#ifndef DISTRIBUTOR_PROGRAM_SALE_H
#define DISTRIBUTOR_PROGRAM_SALE_H

#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "plan.h"
#include "program.h"

/* One order as somebody reports it. */
typedef struct SaleRow
{
	text	   *order_key;
	bool		paid;			/* false: must not have been posted */
	bool		early;			/* paid before since: may have been posted; not paid */
	bool		has_member;
	int64		member_id;		/* by id where member_key is NULL */
	text	   *member_key;
	Numeric		amount;			/* NULL is an error where paid */
	char	   *currency;		/* NULL: the program's */
	bool		has_occurred_at;	/* else now */
	TimestampTz occurred_at;
	Jsonb	   *attributes;		/* may be NULL */
	/* work of the posting */
	RefPath    *path;
	struct PlanVersion *plan;
	int64		sale_id;
	bool		posted;
} SaleRow;

typedef struct SaleBatch
{
	int			n;
	SaleRow    *rows;
	int			order_source_id;	/* 0: recorded by call, by author */
	const char *author;
	bool		timed;			/* every order has an occurred_at */
	/* results */
	int64		posted;
} SaleBatch;

/* Orders posted in one go, and between two progress reports. */
#define SALE_CHUNK_ROWS		10000
#define SALE_PROGRESS_ROWS	100000

/* body for program_as_owner; arg is a SaleBatch */
extern void sales_post(Program *program, void *arg);

/* program_plan.c */
typedef struct PlanVersion
{
	int			version;
	TimestampTz valid_from;
	CommissionPlan *plan;
} PlanVersion;

extern PlanVersion *program_plans(Program *program, TimestampTz from, TimestampTz to, int *n);
extern CommissionPlan *program_plan(Program *program, int version);

#endif							/* DISTRIBUTOR_PROGRAM_SALE_H */
