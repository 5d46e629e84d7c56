/*
 * program_fold.c
 *	  fold(): summing up what has been posted in checkpoints, and changes of
 *	  team totals in the totals; ranking these.
 *
 * Entries up to program.folded_through are in account, as sums, or in held,
 * one by one, while they are not available.  A batch moves the entries of a
 * range of ids there and folded_through with them, in one transaction: whoever
 * reads sees it done or not.  Between batches the procedure commits, so that
 * accounts are not locked for long; wherever it ends, the next call goes on.
 */
#include "compat.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "program_balance.h"
#include "program_cut.h"
#include "program_total.h"

typedef enum FoldStep
{
	FOLD_SUMMARIZE,				/* prepare finding entries by id */
	FOLD_CUT,					/* how far */
	FOLD_ENTRIES,				/* the next ones of the ledger */
	FOLD_RELEASED,				/* tell those held from when they are available */
	FOLD_HELD,					/* what has become available */
	FOLD_GENERATION,			/* let changes of team totals go into the next generation */
	FOLD_WRITERS,				/* wait for those who still write into the last one */
	FOLD_TEAM,					/* its changes */
	FOLD_RANK,					/* the totals of periods that are over */
	FOLD_DONE
} FoldStep;

typedef struct Fold
{
	const char *name;			/* of the program */
	int			batch_size;
	FoldStep	step;
	int64		cut;
	TotalsClosed closed;		/* changes of team totals that are folded */
	TotalsRanking ranking;
} Fold;

/*
 * Entries are found by their block ranges; those that no vacuum has summarized
 * yet would all be read for each batch.  Whoever vacuums now does it, too.
 */
static void
summarize(Oid relid)
{
	Relation	rel;
	ListCell   *cell;

	if (!ConditionalLockRelationOid(relid, ShareUpdateExclusiveLock))
		return;
	rel = table_open(relid, NoLock);
	if (rel->rd_rel->relkind == RELKIND_RELATION)
		foreach(cell, RelationGetIndexList(rel))
		{
			Relation	index = index_open(lfirst_oid(cell), AccessShareLock);
			bool		is_brin = index->rd_rel->relam == BRIN_AM_OID && index->rd_index->indisvalid;

			index_close(index, NoLock);
			if (is_brin)
				(void) DirectFunctionCall1(brin_summarize_new_values, ObjectIdGetDatum(lfirst_oid(cell)));
		}
	table_close(rel, NoLock);
}

/* A step of its own, so that its lock is gone before others are waited for. */
static void
fold_summarize(Program *program, Fold *fold)
{
	ListCell   *cell;

	foreach(cell, find_all_inheritors(program->tables[PROGRAM_LEDGER], AccessShareLock, NULL))
		summarize(lfirst_oid(cell));
	fold->step = FOLD_CUT;
}

static int64
folded_through(Program *program)
{
	int64		result;

	program_query_now(program, "SELECT p.folded_through FROM @program p", 0, NULL, NULL, NULL, 1);
	result = DatumGetInt64(program_get(0, 1, INT8OID));
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/*
 * Accounts are written, and so locked, in the order in which all others lock
 * them.  The clock is that of the account's other users: what is available to
 * them is so here.
 */
#define ADD_TO_ACCOUNTS \
	"INSERT INTO @account AS a (member_id, currency, available, entries, last_posted_at) "
#define IF_THERE \
	" ORDER BY 1, 2" \
	" ON CONFLICT (member_id, currency) DO UPDATE" \
	"   SET available = a.available + excluded.available, entries = a.entries + excluded.entries," \
	"       last_posted_at = greatest(a.last_posted_at, excluded.last_posted_at)"

/* Fold the entries of a range of ids; returns how many accounts they are of. */
static uint64
fold_range(Program *program, int64 after, int64 through)
{
	Oid			types[] = {INT8OID, INT8OID, TIMESTAMPTZOID};
	Datum		values[] = {Int64GetDatum(after), Int64GetDatum(through), TimestampTzGetDatum(GetCurrentTimestamp())};

	return program_query_once(program,
							  "WITH entry AS MATERIALIZED ("
							  "  SELECT l.member_id, l.currency, l.entry_id, l.amount, l.posted_at,"
							  "         coalesce(l.available_at, r.available_at) AS available_at,"
							  "         " UNRELEASED_SALE("l", "p") " AS sale_id"
							  "    FROM @ledger l"
							  JOIN_RELEASE
							  "   WHERE l.entry_id > $1 AND l.entry_id <= $2"
							  "), kept AS ("
							  "  INSERT INTO @held (member_id, currency, entry_id, amount, available_at, sale_id)"
							  "  SELECT e.member_id, e.currency, e.entry_id, e.amount, e.available_at,"
							  "         CASE WHEN e.available_at IS NULL THEN e.sale_id END"
							  "    FROM entry e"
							  "   WHERE e.available_at > $3 OR e.available_at IS NULL)"
							  ADD_TO_ACCOUNTS
							  "SELECT e.member_id, e.currency, coalesce(sum(e.amount) FILTER (WHERE e.available_at <= $3), 0),"
							  "       count(*), max(e.posted_at)"
							  "  FROM entry e GROUP BY 1, 2"
							  IF_THERE,
							  3, types, values, 0);
}

/* Where ids are missing: the one before the next that is there, or the cut. */
static int64
skip_gap(Program *program, int64 after, int64 cut)
{
	Oid			types[] = {INT8OID, INT8OID};
	Datum		values[] = {Int64GetDatum(after), Int64GetDatum(cut)};
	Datum		first;
	bool		isnull;

	program_query_once(program,
					   "SELECT min(l.entry_id) FROM @ledger l WHERE l.entry_id > $1 AND l.entry_id <= $2",
					   2, types, values, 1);
	first = program_column(0, 1, INT8OID, &isnull);
	SPI_freetuptable(SPI_tuptable);
	return isnull ? cut : DatumGetInt64(first) - 1;
}

static void
fold_entries(Program *program, Fold *fold)
{
	int64		after = folded_through(program);
	int64		through;
	Oid			types[] = {INT8OID};
	Datum		value;

	if (after >= fold->cut)
	{
		fold->step = FOLD_RELEASED;
		return;
	}
	through = fold->cut - after > fold->batch_size ? after + fold->batch_size : fold->cut;
	if (fold_range(program, after, through) == 0 && through < fold->cut)
		through = skip_gap(program, through, fold->cut);
	value = Int64GetDatum(through);
	program_query_now(program, "UPDATE @program SET folded_through = $1", 1, types, &value, NULL, 0);
}

/* Rows of held are written here only: that nobody waits for this one, however long it takes. */
static void
fold_released(Program *program, Fold *fold)
{
	program_query_now(program,
					  "UPDATE @held h SET available_at = r.available_at, sale_id = NULL"
					  "  FROM @sale_release r"
					  " WHERE h.available_at IS NULL AND r.sale_id = h.sale_id",
					  0, NULL, NULL, NULL, 0);
	fold->step = FOLD_HELD;
}

static void
fold_held(Program *program, Fold *fold)
{
	Oid			types[] = {TIMESTAMPTZOID, INT4OID};
	Datum		values[] = {TimestampTzGetDatum(GetCurrentTimestamp()), Int32GetDatum(fold->batch_size)};

	if (program_query_now(program,
						  "WITH freed AS ("
						  "  DELETE FROM @held h"
						  "   WHERE h.ctid = ANY (ARRAY(SELECT o.ctid FROM @held o WHERE o.available_at <= $1"
						  "                              ORDER BY o.available_at LIMIT $2))"
						  "  RETURNING h.member_id, h.currency, h.amount)"
						  ADD_TO_ACCOUNTS
						  "SELECT f.member_id, f.currency, sum(f.amount), 0, NULL::timestamptz FROM freed f GROUP BY 1, 2"
						  IF_THERE,
						  2, types, values, NULL, 0) == 0)
		fold->step = FOLD_GENERATION;
}

static void
fold_batch(Program *program, void *arg)
{
	Fold	   *fold = arg;

	switch (fold->step)
	{
		case FOLD_SUMMARIZE:
			fold_summarize(program, fold);
			break;
		case FOLD_CUT:
			fold->cut = program_cut(program);
			fold->step = FOLD_ENTRIES;
			break;
		case FOLD_ENTRIES:
			fold_entries(program, fold);
			break;
		case FOLD_RELEASED:
			fold_released(program, fold);
			break;
		case FOLD_HELD:
			fold_held(program, fold);
			break;
		case FOLD_GENERATION:
			fold->step = totals_close_generation(program, &fold->closed) ? FOLD_WRITERS : FOLD_RANK;
			break;
		case FOLD_WRITERS:
			program_wait_for_writers(program, PROGRAM_TEAM_DELTA);
			fold->step = FOLD_TEAM;
			break;
		case FOLD_TEAM:
			if (totals_fold_generation(program, &fold->closed, fold->batch_size))
				fold->step = fold->closed.is_new ? FOLD_RANK : FOLD_GENERATION;
			break;
		case FOLD_RANK:
			if (totals_rank(program, &fold->ranking, fold->batch_size))
				fold->step = FOLD_DONE;
			break;
		case FOLD_DONE:
			break;
	}
}

/* Who waits for writers must not be one. */
static uint64
writes_of(FoldStep step)
{
	switch (step)
	{
		case FOLD_ENTRIES:
		case FOLD_RELEASED:
		case FOLD_HELD:
			return PROGRAM_WRITES(PROGRAM_PROGRAM) | PROGRAM_WRITES(PROGRAM_ACCOUNT) | PROGRAM_WRITES(PROGRAM_HELD);
		case FOLD_GENERATION:
			return PROGRAM_WRITES(PROGRAM_PROGRAM);
		case FOLD_TEAM:
		case FOLD_RANK:
			return PROGRAM_WRITES(PROGRAM_PROGRAM) | PROGRAM_WRITES_TOTALS;
		default:
			return 0;
	}
}

/* One transaction's worth. */
static void
fold_step(Fold *fold)
{
	Program    *program;

	EnsurePortalSnapshotExists();
	program = program_open(fold->name, false);
	program_check_right(program, PROGRAM_ACCOUNT, ACL_UPDATE);
	program_check_newest("balances cannot be folded");
	if (!program_lock_work(program, WORK_FOLD, false))
	{
		ereport(NOTICE,
				(errmsg("another session is folding the balances of program \"%s\"", program->name)));
		fold->step = FOLD_DONE;
	}
	else
		program_as_owner(program, writes_of(fold->step), fold_batch, fold);
	program_close(program);
}

/* CALL fold(program text, batch_size int) */
PG_FUNCTION_INFO_V1(program_fold);
Datum
program_fold(PG_FUNCTION_ARGS)
{
	Fold		fold = {.step = FOLD_SUMMARIZE};
	CallContext *context = (CallContext *) fcinfo->context;
	MemoryContext step_context;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("program and batch_size must not be null")));
	fold.batch_size = PG_GETARG_INT32(1);
	if (fold.batch_size < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid batch_size %d", fold.batch_size),
				 errhint("Use the number of entries to fold in one transaction, 1 or more.")));
	if (context == NULL || !IsA(context, CallContext) || context->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("fold commits, which this transaction does not allow"),
				 errhint("CALL it on its own, outside of a transaction block and of functions.")));
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	fold.name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	fold.closed.context = CurrentMemoryContext;
	/* what a step leaves behind must not add up over many */
	step_context = AllocSetContextCreate(CurrentMemoryContext, "fold step", ALLOCSET_DEFAULT_SIZES);
	while (fold.step != FOLD_DONE)
	{
		MemoryContext before = MemoryContextSwitchTo(step_context);

		fold_step(&fold);
		MemoryContextSwitchTo(before);
		MemoryContextReset(step_context);
		SPI_commit();
	}
	SPI_finish();
	PG_RETURN_VOID();
}
