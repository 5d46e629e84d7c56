/*
 * program_total_fold.c
 *	  Folding the changes of team totals into the totals, and building them.
 *
 * A change is deleted by the statement that adds it to the totals of everybody
 * on its path, in one transaction: whoever reads sees it once.  One folds at a
 * time; those who write changes do not wait for it.
 */
#include "compat.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "program_arg.h"
#include "program_cut.h"
#include "program_total.h"
#include "total_fold.h"

/* The lock of folding lives in this subobject of the table team_delta. */
#define FOLD_LOCK_SUBID	0xD158

/* Members written by one statement, and changes read at a time. */
#define TOTAL_CHUNK_ROWS	10000

typedef struct TotalRow
{
	int64		member_id;
	TotalSums	sums;
} TotalRow;

/* Sums that wait to be written. */
typedef struct TotalWriter
{
	Program    *program;
	int			n;
	TotalRow   *rows;			/* TOTAL_CHUNK_ROWS */
	int64		written;
	MemoryContext context;		/* of their volumes */
} TotalWriter;

static int
by_member(const void *a, const void *b)
{
	const TotalRow *x = a;
	const TotalRow *y = b;

	if (x->member_id != y->member_id)
		return x->member_id < y->member_id ? -1 : 1;
	return (x->sums.period > y->sums.period) - (x->sums.period < y->sums.period);
}

/* A member may stand on paths of before and after a move: one row for both. */
static int
merge_rows(TotalRow *rows, int n)
{
	int			kept = 0;

	qsort(rows, n, sizeof(TotalRow), by_member);
	for (int i = 1; i < n; i++)
	{
		if (by_member(&rows[kept], &rows[i]) != 0)
		{
			rows[++kept] = rows[i];
			continue;
		}
		rows[kept].sums.people += rows[i].sums.people;
		rows[kept].sums.sales += rows[i].sums.sales;
		money_sum_add(&rows[kept].sums.volume, &rows[i].sums.volume);
		money_sum_add(&rows[kept].sums.own, &rows[i].sums.own);
	}
	return n == 0 ? 0 : kept + 1;
}

/*
 * What is added to a total that is there.  That of a period that is ranked, or
 * about to be, is in the indexes by volume; of the period at hand only the
 * highest are, so that of the others nothing is indexed that folding changes.
 */
#define RANKED(period, volume, floor) \
	"CASE WHEN " period " < (SELECT p.ranking_before FROM @program p)" \
	"       OR (" volume " >= (SELECT p." floor " FROM @program p) AND " period " = (SELECT p.ranking_before FROM @program p))" \
	"     THEN nullif(greatest(" volume ", 0), 0) END"
#define INSERT_TOTALS(from) \
	"INSERT INTO @team_total AS t (member_id, period, people, sales, volume, own_volume, ranked_volume, ranked_own_volume)" \
	" SELECT n.member_id, n.period, n.people, n.sales, n.volume, n.own_volume," \
	"        " RANKED("n.period", "n.volume", "ranking_floor") "," \
	"        " RANKED("n.period", "n.own_volume", "ranking_own_floor") \
	"   FROM " from " AS n (member_id, period, people, sales, volume, own_volume)" \
	" ON CONFLICT (member_id, period) DO UPDATE" \
	" SET people = t.people + excluded.people, sales = t.sales + excluded.sales," \
	"     volume = t.volume + excluded.volume, own_volume = t.own_volume + excluded.own_volume," \
	"     ranked_volume = " RANKED("t.period", "t.volume + excluded.volume", "ranking_floor") "," \
	"     ranked_own_volume = " RANKED("t.period", "t.own_volume + excluded.own_volume", "ranking_own_floor")

static void
write_rows(TotalWriter *writer)
{
	enum
	{
		MEMBER, PERIOD, PEOPLE, SALES, VOLUME, OWN, NCOLUMNS
	};
	static const Oid elements[NCOLUMNS] = {INT8OID, DATEOID, INT8OID, INT8OID, NUMERICOID, NUMERICOID};
	MemoryContext caller = MemoryContextSwitchTo(writer->context);
	int			n = merge_rows(writer->rows, writer->n);
	Datum	   *columns[NCOLUMNS];
	Oid			types[NCOLUMNS];
	Datum		values[NCOLUMNS];

	if (n > 0)
	{
		for (int c = 0; c < NCOLUMNS; c++)
			columns[c] = palloc(sizeof(Datum) * n);
		for (int i = 0; i < n; i++)
		{
			TotalRow   *row = &writer->rows[i];

			columns[MEMBER][i] = Int64GetDatum(row->member_id);
			columns[PERIOD][i] = DateADTGetDatum(row->sums.period);
			columns[PEOPLE][i] = Int64GetDatum(row->sums.people);
			columns[SALES][i] = Int64GetDatum(row->sums.sales);
			columns[VOLUME][i] = NumericGetDatum(money_sum_to_numeric(&row->sums.volume));
			columns[OWN][i] = NumericGetDatum(money_sum_to_numeric(&row->sums.own));
		}
		for (int c = 0; c < NCOLUMNS; c++)
		{
			types[c] = get_array_type(elements[c]);
			values[c] = program_array(elements[c], columns[c], NULL, n);
		}
		program_query(writer->program,
					  INSERT_TOTALS("unnest($1, $2, $3, $4, $5, $6)"),
					  NCOLUMNS, types, values, NULL, 0);
		writer->written += n;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(writer->context);
	writer->n = 0;
}

static void
write_total(int64 member_id, const TotalSums *sums, void *arg)
{
	TotalWriter *writer = arg;
	TotalRow   *row;
	MemoryContext caller;

	if (sums->people == 0 && sums->sales == 0 && sums->volume.units == 0 && sums->volume.large == NULL &&
		sums->own.units == 0 && sums->own.large == NULL)
		return;
	if (writer->n == TOTAL_CHUNK_ROWS)
		write_rows(writer);
	caller = MemoryContextSwitchTo(writer->context);
	row = &writer->rows[writer->n++];
	memset(row, 0, sizeof(TotalRow));
	row->member_id = member_id;
	row->sums.period = sums->period;
	row->sums.people = sums->people;
	row->sums.sales = sums->sales;
	money_sum_copy(&row->sums.volume, &sums->volume);
	money_sum_copy(&row->sums.own, &sums->own);
	MemoryContextSwitchTo(caller);
}

/* The columns path, period, people, sales and volume of a row of a query. */
static void
add_row(TotalFold *fold, Program *program, uint64 at, MemoryContext row_context)
{
	MemoryContext caller = MemoryContextSwitchTo(row_context);
	RefPath    *path = DatumGetRefPathPP(program_get(at, 1, program->refpath));
	TotalSums	change = {0};

	change.period = DatumGetDateADT(program_get(at, 2, DATEOID));
	change.people = DatumGetInt64(program_get(at, 3, INT8OID));
	change.sales = DatumGetInt64(program_get(at, 4, INT8OID));
	if (!money_sum_of_numeric(&change.volume, DatumGetNumeric(program_get(at, 5, NUMERICOID))))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a change of team totals is not finite")));
	MemoryContextSwitchTo(caller);
	total_fold_add(fold, refpath_bytes(path), &change);
}

/* Rows of a query, in the order of their paths; they are freed. */
static void
add_rows(TotalFold *fold, Program *program, SPITupleTable *rows, uint64 n)
{
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "distributor changes", ALLOCSET_DEFAULT_SIZES);

	for (uint64 i = 0; i < n; i++)
	{
		if ((i & 0x3FF) == 0)
		{
			CHECK_FOR_INTERRUPTS();
			MemoryContextReset(row_context);
		}
		SPI_tuptable = rows;	/* writing has its own */
		add_row(fold, program, i, row_context);
	}
	MemoryContextDelete(row_context);
	SPI_freetuptable(rows);
}

static TotalWriter *
begin_writing(Program *program)
{
	TotalWriter *writer = palloc0(sizeof(TotalWriter));

	writer->program = program;
	writer->rows = palloc(sizeof(TotalRow) * TOTAL_CHUNK_ROWS);
	writer->context = AllocSetContextCreate(CurrentMemoryContext, "distributor totals", ALLOCSET_DEFAULT_SIZES);
	return writer;
}

/* The rows of the last query, in the order of their paths, into the totals. */
static void
fold_rows(Program *program, uint64 n)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "distributor fold", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TotalWriter *writer = begin_writing(program);
	TotalFold  *fold = total_fold_begin(write_total, writer);

	add_rows(fold, program, SPI_tuptable, n);
	total_fold_end(fold);
	write_rows(writer);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* One at a time: a change must be deleted by whoever adds it to the totals. */
static bool
lock_folding(Program *program, bool wait)
{
	if (!wait)
		return ConditionalLockDatabaseObject(RelationRelationId, program->tables[PROGRAM_TEAM_DELTA],
											 FOLD_LOCK_SUBID, ExclusiveLock);
	LockDatabaseObject(RelationRelationId, program->tables[PROGRAM_TEAM_DELTA], FOLD_LOCK_SUBID, ExclusiveLock);
	return true;
}

void
totals_lock_folding(Program *program)
{
	(void) lock_folding(program, true);
}

/* Changes of one generation in the order of their paths, and where to go on. */
typedef struct FoldRange
{
	int			generation;
	RefPath    *from;			/* nothing is left before it */
	RefPath    *team;			/* of whom; empty: all */
} FoldRange;

/*
 * The next changes of a range, at most as many as said; returns how many.
 * Going on where the last ones ended passes by those that have been deleted
 * and that an old snapshot keeps.
 */
static int64
fold_range(Program *program, FoldRange *range, int64 size)
{
	Oid			types[] = {INT4OID, program->refpath, program->refpath, INT8OID};
	Datum		values[] = {Int32GetDatum(range->generation), PointerGetDatum(range->from),
	PointerGetDatum(range->team), Int64GetDatum(size)};
	uint64		n = program_query_now(program,
									  "WITH gone AS ("
									  "  DELETE FROM @team_delta d"
									  "   WHERE d.ctid = ANY (ARRAY("
									  "     SELECT l.ctid FROM @team_delta l"
									  "      WHERE l.generation = $1 AND l.path IS NOT NULL"
									  "        AND l.path OPERATOR(distributor.>=) $2"
									  "        AND l.path OPERATOR(distributor.<) distributor.path_upper($3)"
									  "      ORDER BY l.path LIMIT $4))"
									  "  RETURNING d.path, d.period, d.people, d.sales, d.volume)"
									  " SELECT g.* FROM gone g ORDER BY g.path",
									  4, types, values, NULL, 0);

	if (n > 0)
		range->from = (RefPath *) PG_DETOAST_DATUM_COPY(program_get(n - 1, 1, program->refpath));
	fold_rows(program, n);
	return n;
}

/* Generations that changes may be in: above first, up to last. */
static void
read_generations(Program *program, int *first, int *last)
{
	program_query_now(program, "SELECT p.folded_generation, p.delta_generation FROM @program p", 0, NULL, NULL, NULL, 1);
	*first = DatumGetInt32(program_get(0, 1, INT4OID)) + 1;
	*last = DatumGetInt32(program_get(0, 2, INT4OID));
	SPI_freetuptable(SPI_tuptable);
}

/*
 * The changes of a team.  Whoever moves it has the tree alone, so none can
 * come any more; a batch of fold() that runs is waited for.
 */
void
totals_fold_below(Program *program, RefPath *path)
{
	FoldRange	range = {.team = path};
	int			last;

	(void) lock_folding(program, true);
	for (read_generations(program, &range.generation, &last); range.generation <= last; range.generation++)
	{
		range.from = path;
		while (fold_range(program, &range, TOTAL_CHUNK_ROWS) == TOTAL_CHUNK_ROWS)
			;
	}
}

/* fold_team(program, batch_size) returns bigint */

typedef struct FoldBatch
{
	int64		size;
	int64		folded;			/* changes; -1: somebody else is folding */
} FoldBatch;

/* The next changes for one member alone, up to a generation. */
static int64
fold_single(Program *program, int first, int last, int64 size)
{
	Oid			types[] = {INT4OID, INT4OID, INT8OID};
	Datum		values[] = {Int32GetDatum(first), Int32GetDatum(last), Int64GetDatum(size)};
	uint64		n = program_query_now(program,
									  "WITH gone AS ("
									  "  DELETE FROM @team_delta d"
									  "   WHERE d.ctid = ANY (ARRAY("
									  "     SELECT l.ctid FROM @team_delta l"
									  "      WHERE l.generation BETWEEN $1 AND $2 AND l.member_id IS NOT NULL LIMIT $3))"
									  "  RETURNING d.member_id, d.own, d.period, d.people, d.sales, d.volume),"
									  " written AS ("
									  INSERT_TOTALS("(SELECT g.member_id, g.period, sum(g.people)::bigint, sum(g.sales)::bigint,"
													"        sum(g.volume), coalesce(sum(g.volume) FILTER (WHERE g.own), 0)"
													"   FROM gone g GROUP BY g.member_id, g.period ORDER BY g.member_id, g.period)")
									  ")"
									  " SELECT count(*) FROM gone",
									  3, types, values, NULL, 1);
	int64		folded = n == 0 ? 0 : DatumGetInt64(program_get(0, 1, INT8OID));

	SPI_freetuptable(SPI_tuptable);
	return folded;
}

/*
 * Let changes go into the next generation; true if there is one that is closed
 * and not folded.  The last fold may have ended before its generation was: that
 * one is folded first, so that they do not become many while somebody keeps a
 * transaction open for long.
 */
bool
totals_close_generation(Program *program, TotalsClosed *closed)
{
	int			first;
	int			last;

	closed->is_new =
		program_query_now(program,
						  "UPDATE @program p SET delta_generation = p.delta_generation + 1"
						  " WHERE p.total_period IS NOT NULL AND p.folded_generation = p.delta_generation - 1"
						  "   AND (EXISTS (SELECT FROM @team_delta d WHERE d.generation = p.delta_generation AND d.path IS NOT NULL)"
						  "     OR EXISTS (SELECT FROM @team_delta d WHERE d.generation = p.delta_generation AND d.member_id IS NOT NULL))",
						  0, NULL, NULL, NULL, 0) == 1;
	read_generations(program, &first, &last);
	closed->generation = last - 1;
	closed->at = first;
	closed->from = NULL;
	return first < last;
}

/*
 * A batch of what was written up to a generation that is closed, and whose
 * writers have been waited for.  True when nothing is left of it.
 */
bool
totals_fold_generation(Program *program, TotalsClosed *closed, int64 size)
{
	FoldRange	range = {.team = refpath_make(NULL, 0)};
	Oid			types[] = {INT4OID};
	Datum		value = Int32GetDatum(closed->generation);
	int			first;
	int			last;

	(void) lock_folding(program, true);
	for (; closed->at <= closed->generation; closed->at++)
	{
		range.generation = closed->at;
		range.from = closed->from != NULL ? closed->from : range.team;
		if (fold_range(program, &range, size) > 0)
		{
			totals_rank_fewer(program);
			closed->from = MemoryContextAlloc(closed->context, VARSIZE_ANY(range.from));
			memcpy(closed->from, range.from, VARSIZE_ANY(range.from));
			return false;
		}
		closed->from = NULL;
	}
	read_generations(program, &first, &last);
	if (fold_single(program, first, closed->generation, size) > 0)
		return false;
	program_query_now(program, "UPDATE @program SET folded_generation = $1 WHERE folded_generation < $1",
					  1, types, &value, NULL, 0);
	return true;
}

/* By hand: whatever is there, of the open generation too. */
static void
fold_batch(Program *program, void *arg)
{
	FoldBatch  *batch = arg;
	FoldRange	range = {.team = refpath_make(NULL, 0)};
	int			first;
	int			last;

	if (!lock_folding(program, false))
	{
		batch->folded = -1;
		return;
	}
	read_generations(program, &first, &last);
	for (range.generation = first; range.generation <= last && batch->folded < batch->size; range.generation++)
	{
		range.from = range.team;
		batch->folded += fold_range(program, &range, batch->size - batch->folded);
	}
	if (batch->folded < batch->size)
		batch->folded += fold_single(program, first, last, batch->size - batch->folded);
	totals_rank_fewer(program);
}

PG_FUNCTION_INFO_V1(program_fold_team);
Datum
program_fold_team(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	FoldBatch	batch = {0};

	program_check_owner(program);
	if (PG_ARGISNULL(1) || PG_GETARG_INT64(1) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_size must be at least 1")));
	program_check_newest("team totals cannot be folded");
	batch.size = PG_GETARG_INT64(1);
	program_as_owner(program, PROGRAM_WRITES_TOTALS | PROGRAM_WRITES(PROGRAM_PROGRAM), fold_batch, &batch);
	program_close(program);
	if (batch.folded < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(batch.folded);
}

/* keep_team_totals(program, period) returns void */

static const char *const period_units[] = {"day", "week", "month", "quarter", "year"};

const char	totals_sources[] =
"SELECT m.path, " TOTAL_PERIOD_OF("m.joined_at") ", 1::bigint, 0::bigint, 0::numeric"
"  FROM @member m JOIN @program p ON p.total_period IS NOT NULL"
" UNION ALL"
" SELECT s.path, " TOTAL_PERIOD_OF("s.occurred_at") ", 0, 1, s.amount"
"   FROM @sale s JOIN @program p ON p.currency = s.currency AND p.total_period IS NOT NULL"
" UNION ALL"
" SELECT s.path, " TOTAL_PERIOD_OF("s.occurred_at") ", 0, CASE WHEN " REPOST_IS_REFUND " THEN -1 ELSE 0 END, -t.amount"
"   FROM @refund_posting t JOIN @refund r ON r.refund_id = t.refund_id"
"   JOIN @sale s ON s.sale_id = t.sale_id"
"   JOIN @program p ON p.currency = s.currency AND p.total_period IS NOT NULL"
" ORDER BY 1";

static void
build_totals(Program *program)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "distributor fold", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TotalWriter *writer = begin_writing(program);
	TotalFold  *fold = total_fold_begin(write_total, writer);
	/* a plan that was kept since the tables were small would not end */
	Portal		cursor = SPI_cursor_open_with_args(NULL, program_sql(program, totals_sources),
												   0, NULL, NULL, NULL, false, 0);

	for (;;)
	{
		SPI_cursor_fetch(cursor, true, TOTAL_CHUNK_ROWS);
		MemoryContextSwitchTo(context);
		if (SPI_processed == 0)
			break;
		add_rows(fold, program, SPI_tuptable, SPI_processed);
	}
	SPI_cursor_close(cursor);
	total_fold_end(fold);
	write_rows(writer);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

static void
keep_totals(Program *program, void *arg)
{
	text	   *period = arg;
	Oid			types[] = {TEXTOID};
	Datum		values[] = {PointerGetDatum(period)};

	/* a batch of fold() may be writing totals that are not to be seen yet */
	(void) lock_folding(program, true);
	program_query(program, "UPDATE @program SET total_period = $1, ranking_before = NULL, ranked_before = NULL",
				  1, types, values, period == NULL ? "n" : NULL, 0);
	totals_rank_new(program);
	program_query(program, "DELETE FROM @team_delta", 0, NULL, NULL, NULL, 0);
	program_query(program, "DELETE FROM @team_total", 0, NULL, NULL, NULL, 0);
	if (period != NULL)
	{
		build_totals(program);
		totals_rank_highest(program);
	}
}

/*
 * Whoever changes something that totals are made of has locked the table of
 * refunds' postings, or shares the tree; with both alone, nothing is missed.
 * The table first: it is locked before the tree by all who need both.
 */
PG_FUNCTION_INFO_V1(program_keep_team_totals);
Datum
program_keep_team_totals(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	text	   *period = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_P(1);
	bool		known = period == NULL;

	program_check_owner(program);
	for (int i = 0; i < (int) lengthof(period_units) && !known; i++)
		known = strcmp(text_to_cstring(period), period_units[i]) == 0;
	if (!known)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid period \"%s\"", text_to_cstring(period)),
				 errhint("Use day, week, month, quarter or year; NULL to keep no totals.")));
	program_check_newest("team totals cannot be built");
	LockRelationOid(program->tables[PROGRAM_REFUND_POSTING], ShareRowExclusiveLock);
	program_lock_tree(program, true, LockTimeout > 0 ? LockTimeout : PROGRAM_LOCK_TIMEOUT);
	program_as_owner(program, PROGRAM_WRITES_TOTALS | PROGRAM_WRITES(PROGRAM_PROGRAM), keep_totals, period);
	program_close(program);
	PG_RETURN_VOID();
}
