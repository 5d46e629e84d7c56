/*
 * program_audit.h
 *	  audit(): everything that money and tree of a program rest on, recomputed.
 *
 * Nothing is kept of what was read but what belongs to one sale, or to one
 * member: tables are read as ordered streams, and merged.
 */
#ifndef DISTRIBUTOR_PROGRAM_AUDIT_H
#define DISTRIBUTOR_PROGRAM_AUDIT_H

#include "funcapi.h"
#include "utils/tuplestore.h"

#include "program_ledger.h"
#include "program_sale.h"

/* A version of the plan; NULL where no sale was posted by it yet. */
typedef struct AuditPlan
{
	int			version;
	TimestampTz valid_from;
	CommissionPlan *plan;
} AuditPlan;

typedef struct Audit
{
	Program    *program;
	ReturnSetInfo *result;
	TimestampTz since;
	TimestampTz archived_before;	/* rows of the ledger from before are not there */
	int			nplans;
	AuditPlan  *plans;			/* by version */
} Audit;

/*
 * Rows of a query, one at a time: values and nulls are those of the row at
 * hand, until the next is asked for.
 */
typedef struct AuditStream
{
	Portal		portal;
	struct SPITupleTable *rows; /* NULL: none left */
	uint64		next;
	int			ncolumns;
	Datum	   *values;
	bool	   *nulls;
	bool		done;
} AuditStream;

/* program_audit.c */
extern void audit_row(Audit *audit, const char *invariant, const char *object,
					  const char *expected, const char *found);
extern AuditStream *audit_stream(Audit *audit, const char *format);
extern bool audit_next(AuditStream *stream);
extern void audit_close(AuditStream *stream);
extern void audit_query(Audit *audit, const char *format);
extern void audit_query_text(Audit *audit, const char *sql, int nargs, const Oid *types, const Datum *values);
extern const AuditPlan *audit_plan(Audit *audit, int version);

/* one file for each concern */
extern void audit_tree(Audit *audit);
extern void audit_sales(Audit *audit);
extern void audit_counters(Audit *audit);
extern void audit_doors(Audit *audit);
extern void audit_payouts(Audit *audit);
extern void audit_checkpoints(Audit *audit);
extern void audit_totals(Audit *audit);
extern void audit_guards(Audit *audit);
extern void audit_sources(Audit *audit);

/* program_audit_refund.c: the refunds of the sales, one sale after the other */
typedef struct AuditRefunds AuditRefunds;

extern AuditRefunds *audit_refunds(Audit *audit);
extern bool audit_is_refunded(AuditRefunds *refunds, int64 sale_id);
extern void audit_refunds_of(AuditRefunds *refunds, const StoredSale *sale, const char *order_key,
							 const CommissionPlan *plan, LedgerEntry *entries, int n);
extern void audit_refunds_end(AuditRefunds *refunds);

#endif							/* DISTRIBUTOR_PROGRAM_AUDIT_H */
