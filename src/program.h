/*
 * program.h
 *	  Layer 3: one referral program, its tables, and who may write them.
 *
 * Every entry point opens the program, works on it, and closes it:
 *
 *		Program *p = program_open(name, ...);
 *		... program_query(...) as the caller, program_as_owner(...) as the owner
 *		program_close(p);
 *
 * In between the search_path is pg_catalog, pg_temp and SPI is connected.  On
 * an error the transaction's own cleanup restores both, and the user.  Where
 * mostly no query is needed, program_begin() leaves both to the first one.
 */
#ifndef DISTRIBUTOR_PROGRAM_H
#define DISTRIBUTOR_PROGRAM_H

#include "compat.h"

#include "executor/spi.h"
#include "utils/acl.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "program_table.h"
#include "refpath.h"

typedef enum ProgramTable
{
	PROGRAM_PROGRAM,
	PROGRAM_MEMBER,
	PROGRAM_MEMBER_HISTORY,
	PROGRAM_MEMBER_SOURCE,
	PROGRAM_ORPHAN,
	PROGRAM_PLAN,
	PROGRAM_ORDER_SOURCE,
	PROGRAM_ORDER_LINE_SOURCE,
	PROGRAM_REFUND_SOURCE,
	PROGRAM_SALE,
	PROGRAM_SALE_LINE,
	PROGRAM_SALE_RELEASE,
	PROGRAM_REFUND,
	PROGRAM_REFUND_POSTING,
	PROGRAM_REFUND_LINE,
	PROGRAM_ADJUSTMENT,
	PROGRAM_PAYOUT_TERMS,
	PROGRAM_PAYOUT,
	PROGRAM_PAYOUT_APPROVAL,
	PROGRAM_PAYOUT_BATCH,
	PROGRAM_PAYOUT_BATCH_ITEM,
	PROGRAM_PAYOUT_SETTLEMENT,
	PROGRAM_PAYOUT_FAILURE,
	PROGRAM_ACCOUNT,
	PROGRAM_HELD,
	PROGRAM_ARCHIVED,
	PROGRAM_CLOSED_PERIOD,
	PROGRAM_TEAM_TOTAL,
	PROGRAM_TEAM_DELTA,
	PROGRAM_LEDGER
} ProgramTable;

#define PROGRAM_NTABLES (PROGRAM_LEDGER + 1)

/* What a refund does that takes back more than a member has. */
typedef enum ProgramClawback
{
	CLAWBACK_CARRY,
	CLAWBACK_WRITE_OFF,
	CLAWBACK_BLOCK
} ProgramClawback;

/* What money does after it was earned, as alter_program() says. */
typedef struct ProgramTerms
{
	bool		hold_from_fulfilled;	/* else from when the order occurred */
	Interval	hold_period;
	bool		repost;			/* a posted order may be changed */
	ProgramClawback clawback;
	bool		notices;
} ProgramTerms;

/*
 * Invariants: all tables exist, have one owner and the columns that the code
 * relies on; those that are opened stay so.  The settings are those of the row
 * in the table program when it was opened.
 */
typedef struct Program
{
	char	   *name;			/* as the user writes it, unquoted */
	char	   *schema;			/* quoted */
	Oid			owner;
	Oid			tables[PROGRAM_NTABLES];
	Relation	opened[PROGRAM_NTABLES];	/* by program_table(); so that nobody alters them */
	uint64		free_of_code;	/* tables known to run no code of others, and locked */
	struct KnownProgram *known;
	Oid			refpath;		/* the type */
	bool		text_keys;		/* member ids of the user are keys, not numbers */
	bool		paused;
	char	   *currency;
	char	   *time_zone;
	ProgramTerms terms;
	bool		read_only;		/* queries see the caller's snapshot */
	bool		pinned;			/* for queries; see program_pin() */
	int			guc_level;
	MemoryContext context;
	MemoryContext caller;
} Program;

typedef void (*ProgramBody) (Program *program, void *arg);

/* program.c: opening, rights, writing as the owner */
extern Program *program_open(const char *name, bool read_only);
extern Program *program_begin(const char *name, bool read_only);
extern void program_pin(Program *program);
extern Relation program_table(Program *program, ProgramTable table);
extern Relation program_table_to_write(Program *program, ProgramTable table);
extern const char *program_table_name(ProgramTable table);
extern void program_table_named(Program *program, const char *name, int len);
extern Snapshot program_snapshot(Program *program);
extern void program_close(Program *program);
extern bool program_exists(const char *name);
extern void program_pin_setting(const char *name, const char *value);
extern void program_check_right(Program *program, ProgramTable table, AclMode right);
extern bool program_may_read_all(Program *program, const ProgramTable *tables, int n);
extern void program_check_owner(Program *program);
extern void program_as_owner(Program *program, uint64 writes, ProgramBody body, void *arg);
extern void program_lock_tree(Program *program, bool exclusive, int timeout_ms);

/*
 * How long, in ms, to wait for the tree alone where neither the caller nor
 * lock_timeout says: whoever waits holds up all joins and sales.
 */
#define PROGRAM_LOCK_TIMEOUT 5000

/* What program_as_owner may write: sets of tables, as bits. */
#define PROGRAM_WRITES(table)	(UINT64CONST(1) << (table))
#define PROGRAM_WRITES_TOTALS	(PROGRAM_WRITES(PROGRAM_TEAM_TOTAL) | \
								 PROGRAM_WRITES(PROGRAM_TEAM_DELTA))
#define PROGRAM_WRITES_MEMBERS	(PROGRAM_WRITES(PROGRAM_MEMBER) | \
								 PROGRAM_WRITES(PROGRAM_MEMBER_HISTORY) | \
								 PROGRAM_WRITES(PROGRAM_ORPHAN) | \
								 PROGRAM_WRITES_TOTALS)
#define PROGRAM_WRITES_REFUNDS	(PROGRAM_WRITES(PROGRAM_REFUND) | \
								 PROGRAM_WRITES(PROGRAM_REFUND_POSTING) | \
								 PROGRAM_WRITES(PROGRAM_REFUND_LINE) | \
								 PROGRAM_WRITES(PROGRAM_ACCOUNT) | \
								 PROGRAM_WRITES(PROGRAM_TEAM_DELTA) | \
								 PROGRAM_WRITES(PROGRAM_LEDGER))
/* a sale meets the refunds that came before it */
#define PROGRAM_WRITES_SALES	(PROGRAM_WRITES(PROGRAM_SALE) | \
								 PROGRAM_WRITES(PROGRAM_SALE_LINE) | \
								 PROGRAM_WRITES(PROGRAM_SALE_RELEASE) | \
								 PROGRAM_WRITES_REFUNDS)

/* program_shape.c: what the code relies on in the tables */
extern void program_check_shape(Program *program, ProgramTable table, Relation rel);

/* program_known.c: what is known of programs for the session */
typedef struct KnownProgram
{
	Oid			namespace;
	bool		valid;			/* tables and owner are as they are now */
	Oid			owner;
	Oid			refpath;
	Oid			tables[PROGRAM_NTABLES];
	uint64		shaped;			/* tables that have the columns that the code relies on */
	uint64		free_of_code;	/* tables that run no code of others when written */
} KnownProgram;

extern KnownProgram *known_program(Oid namespace);

/* program_sql.c: the one place that builds names and runs SQL */
extern char *program_sql(Program *program, const char *format);
extern uint64 program_query(Program *program, const char *sql, int nargs,
							const Oid *types, const Datum *values, const char *nulls,
							long limit);
extern uint64 program_query_at(Program *program, Snapshot snapshot, const char *sql, int nargs,
							   const Oid *types, const Datum *values, const char *nulls,
							   long limit);
extern uint64 program_query_text(Program *program, const char *sql, int nargs,
								 const Oid *types, const Datum *values, const char *nulls,
								 long limit);
extern uint64 program_query_now(Program *program, const char *sql, int nargs,
								const Oid *types, const Datum *values, const char *nulls,
								long limit);
extern uint64 program_query_once(Program *program, const char *sql, int nargs,
								 const Oid *types, const Datum *values, long limit);
extern uint64 program_query_text_now(Program *program, const char *sql, int nargs,
									 const Oid *types, const Datum *values, const char *nulls,
									 long limit);
extern Portal program_cursor(Program *program, const char *sql, int nargs,
							 const Oid *types, const Datum *values);
extern Datum program_column(uint64 row, int column, Oid type, bool *isnull);
extern Datum program_get(uint64 row, int column, Oid type);
extern Datum program_array(Oid type, const Datum *values, const bool *nulls, int n);

/* program_write.c: rows into a table, without a query where that can be */
extern void program_insert(Program *program, ProgramTable table, const TableRows *rows);
extern void program_insert_new(Program *program, ProgramTable table, const TableRows *rows,
							   const char *const *key, int nkey, bool *inserted);

/* SPI hands out rows that die with its next query; these outlive it. */
extern text *program_copy_text(Datum value);

#endif							/* DISTRIBUTOR_PROGRAM_H */
