/*
 * program_source.h
 *	  The user's own tables: how they are registered, and how they are read.
 */
#ifndef DISTRIBUTOR_PROGRAM_SOURCE_H
#define DISTRIBUTOR_PROGRAM_SOURCE_H

#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#include "program.h"
#include "program_member.h"
#include "program_sale.h"

/* Names of the transition tables in the triggers that attach_* make. */
#define SOURCE_NEW_ROWS "new_rows"
#define SOURCE_OLD_ROWS "old_rows"

/* A registered table of members; optional columns are NULL. */
typedef struct MemberSource
{
	Oid			relid;			/* as registered: a partition's rows are read through it */
	char	   *id;
	char	   *sponsor;
	char	   *joined_at;
	char	   *rank;
	char	   *state;
	Jsonb	   *state_map;
	bool		orphans_root;
	bool		returns;		/* once registered: was attached before, and detached */
} MemberSource;

/* What a table of the user is attached as. */
typedef enum SourceKind
{
	SOURCE_OF_MEMBERS,
	SOURCE_OF_ORDERS,
	SOURCE_OF_LINES,
	SOURCE_OF_REFUNDS
} SourceKind;

/* A registered table of order lines; optional columns are NULL. */
typedef struct LineSource
{
	Oid			relid;
	int			order_source_id;	/* the table of orders */
	char	   *order_key;
	char	   *line_key;
	char	   *product;
	char	   *quantity;
	char	   *amount;
	char	   *cost;
	int			nattributes;
	char	  **attributes;
	int64		after_sale_id;	/* sales up to it may have been posted without lines */
	bool		stays;			/* once registered: was attached before, and not detached */
} LineSource;

/* A registered table of orders; optional columns are NULL. */
typedef struct OrderSource
{
	int			id;
	Oid			relid;
	char	   *key;
	char	   *member;
	char	   *amount;
	char	   *occurred_at;
	char	   *status;
	ArrayType  *paid;
	ArrayType  *refunded;		/* statuses that take a paid order back */
	char	   *refunded_amount;
	ArrayType  *fulfilled;		/* statuses that mean fulfilled, and paid as well */
	char	   *fulfilled_at;
	char	   *currency;
	int			nattributes;
	char	  **attributes;
	TimestampTz since;
	bool		returns;		/* registered before, and detached */
	LineSource *lines;			/* the attached table of their lines, or NULL */
} OrderSource;

/* A registered table of refunds; optional columns are NULL. */
typedef struct RefundSource
{
	int			id;
	Oid			relid;
	char	   *key;
	char	   *order_key;
	char	   *amount;
	char	   *line_key;
	char	   *occurred_at;
	bool		returns;		/* registered before, and detached */
} RefundSource;

/* What of a table is read. */
typedef enum SourceRows
{
	SOURCE_TABLE,				/* all that is there; nobody else writes */
	SOURCE_PAID,				/* paid and refunded orders that are there; nobody else writes */
	SOURCE_CATCH_UP,			/* the same while others write */
	SOURCE_INSERTED,			/* transition tables */
	SOURCE_SETTLED,				/* what was inserted, as row triggers have left it */
	SOURCE_UPDATED,
	SOURCE_DELETED
} SourceRows;

/* registrations; bodies run as the owner inside */
extern MemberSource *source_members(Program *program, Oid relid);
extern OrderSource *source_orders(Program *program, Oid relid);
extern OrderSource **source_all_orders(Program *program, int *n);
extern OrderSource *source_orders_by_id(Program *program, int id);
extern LineSource *source_lines(Program *program, Oid relid);
extern MemberSource *source_attached_members(Program *program);
extern void source_register_members(Program *program, MemberSource *source);
extern void source_register_orders(Program *program, OrderSource *source);
extern void source_register_lines(Program *program, LineSource *source);
extern bool source_unregister(Program *program, Oid relid, SourceKind kind);
extern void source_check_members(Program *program, MemberSource *source);
extern void source_check_orders(Program *program, OrderSource *source);
extern void source_check_lines(OrderSource *orders, LineSource *source);

/*
 * source_known.c: a table of orders as it is registered, kept for the session,
 * with a way to read its rows without a query, where there is one.
 */
typedef struct OrderReader OrderReader;

typedef struct KnownOrders
{
	OrderSource *source;
	OrderReader *reader;		/* NULL: none */
} KnownOrders;

extern bool source_known_orders(Program *program, Relation rel, KnownOrders *known);

/* What the query for orders returns of a row, in its order. */
#define ORDER_COLUMNS	13
extern void order_reader_eval(OrderReader *reader, TupleTableSlot *slot, Datum *values, bool *nulls);

/* reading, as the caller; writing, as the owner */
extern void source_apply_members(Program *program, MemberSource *source, Oid relid,
								 SourceRows rows, MemberBatch *batch);
extern int64 source_post_orders(Program *program, OrderSource *source, Oid relid,
								SourceRows rows, TimestampTz since);
extern int64 source_post_inserted(Program *program, KnownOrders *known, Relation rel,
								  Tuplestorestate *new_rows);
extern int64 source_leave_deleted(Program *program, MemberSource *source);
extern void source_check_deleted(Program *program, OrderSource *source);

/* source_lines.c */
extern void source_read_lines(Program *program, LineSource *source, SaleRow **rows, int n);
extern void source_compare_changed_lines(Program *program, OrderSource *orders, LineSource *source,
										 Oid relid, SourceRows rows);
extern void source_compare_posted_lines(Program *program, OrderSource *orders, LineSource *source);
extern void source_check_all_visible(Oid relid);

/* source_refunds.c */
extern RefundSource *source_refunds(Program *program, Oid relid);
extern RefundSource **source_all_refunds(Program *program, int *n);
extern void source_register_refunds(Program *program, RefundSource *source);
extern void source_check_refunds(RefundSource *source);
extern int64 source_post_refunds(Program *program, RefundSource *source, Oid relid, SourceRows rows);
extern void source_check_deleted_refunds(Program *program, RefundSource *source);

/* among the files of sources */

/* Keys of rows that a cursor read, in their order. */
typedef struct SourceKeys
{
	const char *query;			/* of the keys in $1, the places of those that the program has not */
	Snapshot	snapshot;		/* of the cursor */
	int			n;
	Datum	   *keys;
	bool	   *nulls;
	bool	   *unknown;		/* to the program, then */
} SourceKeys;

extern SourceKeys *source_find_unknown(Program *program, Portal portal, const char *query,
									   text *const *keys, int n);
extern int	source_keep_known(SourceKeys *keys, void *rows, Size size, Datum *others);
extern Datum source_relid_and_ancestors(Oid relid);
extern char *source_refunds_query(Program *program, RefundSource *source, Oid relid, SourceRows rows);
extern char *source_locked_refunds_query(Program *program, RefundSource *source);
extern char *source_column_text(uint64 row, int column);
extern Oid	source_column_type(Oid relid, const char *column, const char *parameter);
extern char *source_qualified_table(Oid relid);
extern char *source_keyed_rows(Oid relid, const char *column, Oid type, int parameter);
extern char *source_changed_lines_query(LineSource *source, Oid relid, SourceRows rows);
extern char *source_lines_query(LineSource *source);
extern char *source_comparable_column(Oid relid, const char *column);
extern char *source_comparable_key(Oid relid, const char *column, Oid key_type, const char *key);
extern char *source_mapped_members(Program *program, MemberSource *source, Oid relid, const char *from);
extern const Oid *source_order_types(Program *program);
extern char *source_mapped_orders(Program *program, OrderSource *source, Oid relid, const char *from);
extern char *source_mapped_refunds(Program *program, RefundSource *source, Oid relid, const char *from);
extern char *source_members_query(Program *program, MemberSource *source, Oid relid, SourceRows rows);
extern char *source_orders_query(Program *program, OrderSource *source, Oid relid, SourceRows rows);

#endif							/* DISTRIBUTOR_PROGRAM_SOURCE_H */
