/*
 * program_sale.h
 *	  Posting sales and their commissions, in batches.
 */
#ifndef DISTRIBUTOR_PROGRAM_SALE_H
#define DISTRIBUTOR_PROGRAM_SALE_H

#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "engine.h"
#include "plan.h"
#include "program.h"

/* One order as somebody reports it. */
typedef struct SaleRow
{
	text	   *order_key;
	bool		paid;			/* false: must not have been posted */
	bool		early;			/* paid before since: may have been posted; not paid */
	bool		refunded;		/* by its status; not paid: what was posted is taken back */
	bool		has_member;
	int64		member_id;		/* by id where member_key is NULL */
	text	   *member_key;
	Numeric		amount;			/* NULL is an error where paid */
	Numeric		refunded_amount;	/* so far, of a paid order; NULL: nothing */
	char	   *currency;		/* NULL: the program's */
	bool		has_occurred_at;	/* else now */
	TimestampTz occurred_at;
	Jsonb	   *attributes;		/* an object, or NULL */
	int			nitems;			/* its lines */
	EngineItem *items;
	bool		fulfilled;		/* if paid */
	bool		has_fulfilled_at;	/* else now */
	TimestampTz fulfilled_at;
	/* work of the posting */
	RefPath    *path;
	struct PlanVersion *plan;
	int64		sale_id;
	TimestampTz available_at;	/* of what it pays, or LEDGER_UNRELEASED */
	bool		foreseen;		/* that it will be posted, where that is counted */
	bool		posted;
	bool		changed;		/* was posted with other content, and may be posted anew */
	int64		replaces;		/* the sale that was taken back; 0: none, it is the first */
	int			revision;		/* then */
	bool		numbered;		/* then: the member has had the order before, */
	int64		order_number;	/* by this number; 0: by none */
} SaleRow;

typedef struct SaleBatch
{
	int			n;
	SaleRow    *rows;
	int			order_source_id;	/* 0: recorded by call, by author */
	const char *author;
	bool		timed;			/* every order has an occurred_at */
	bool		tells_refunds;	/* refunded_amount means something */

	/*
	 * Rows may have been read before what is posted by now.  Those that differ
	 * from it stay "changed": they are to be locked and read once more.
	 */
	bool		stale;

	/*
	 * Whether the rows have their lines with them.  Those of a table are to
	 * be there where the plan asks for them, and sales up to lines_after may
	 * have been posted without.
	 */
	bool		lines_known;
	const char *lines_table;	/* NULL: by call */
	int64		lines_after;
	/* results */
	int64		posted;
} SaleBatch;

/*
 * An order that changes is posted anew, by a sale that replaces the last one:
 * s is the one that counts.
 */
#define SALE_IS_LATEST "NOT EXISTS (SELECT FROM @sale v WHERE v.replaces = s.sale_id)"

/*
 * The same key in another attached table is another order.  One that was
 * recorded by call, or posted from a table that is attached no more, is the
 * same: tables are made anew, and their orders move.  s is the sale.
 */
#define SALE_OF_OTHER_TABLE(source) \
	"EXISTS (SELECT FROM @order_source o" \
	"         WHERE o.order_source_id = s.order_source_id AND o.order_source_id <> " source \
	"           AND o.detached_at IS NULL AND EXISTS (SELECT FROM pg_class c WHERE c.oid = o.relid))"

/* Orders posted in one go, and between two progress reports. */
#define SALE_CHUNK_ROWS		50000
#define SALE_PROGRESS_ROWS	100000

/* body for program_as_owner; arg is a SaleBatch */
extern void sales_post(Program *program, void *arg);

/*
 * program_repost.c: orders that have been posted, and change.  Whether refund r
 * takes back sale s because of that, and for no customer.
 */
#define REPOST_IS_REFUND \
	"(r.order_source_id IS NOT NULL AND r.refund_key = s.order_key || ' changed ' || s.revision)"
extern void repost_lock_orders(Program *program, Datum order_keys);
extern Datum repost_take_back(Program *program, SaleBatch *batch, SaleRow **rows, int n);
extern void repost_check_clawback(Program *program, Datum refund_ids);

/* program_line.c: the lines of orders and sales */
typedef struct SaleLines
{
	int			n;
	EngineItem *items;			/* items[i].line is i + 1 */
} SaleLines;

extern SaleLines lines_from_json(Jsonb *lines);
extern void lines_check(const SaleRow *row);
extern Jsonb *lines_attributes(const EngineItem *item);
extern void lines_insert(Program *program, SaleRow **rows, int n);
extern SaleLines *lines_load(Program *program, const int64 *sale_ids, int n);
extern char *lines_difference(const SaleLines *before, const SaleLines *after);
extern void lines_changed_error(Program *program, const char *order_key, const char *difference);

/* program_stored.c: sales as they were posted */
typedef struct StoredSale
{
	int64		sale_id;
	int			plan_version;
	TimestampTz posted_at;
	char	   *currency;
	Jsonb	   *counters;		/* NULL: none */
	EngineSale	sale;			/* but for scale and counters */
} StoredSale;

#define STORED_SALE_COLUMNS \
	"s.sale_id, s.plan_version, s.posted_at, s.currency, s.counters, s.path, s.amount," \
	" s.path_ranks, s.path_states, s.attributes, s.occurred_at"

extern void stored_read(Program *program, StoredSale *stored, uint64 row);
extern void stored_read_lines(Program *program, StoredSale *sales, int n);
extern char **stored_member_keys(Program *program, const int64 *member_ids, int n);

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
