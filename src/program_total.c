/*
 * program_total.c
 *	  The changes that team totals are made of, and folding them.
 *
 * A change lies at the path that it had when it was made, and is added to
 * everybody on it.  Changes are written and deleted, never updated.  A move
 * would leave some at paths that nobody has any more: it folds those first.
 *
 * A refund may come when the member of its sale has moved since.  Its volume
 * belongs to the upline that the sale had, whose paths do not cover it any
 * more; so it is written once for each of them, for that member alone.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "program_arg.h"
#include "program_total.h"
#include "total_fold.h"

/* The lock of folding lives in this subobject of the table team_delta. */
#define FOLD_LOCK_SUBID	0xD158

/* Members written by one statement, and changes read at a time. */
#define TOTAL_CHUNK_ROWS	10000

/* The first day of the period of a time, by the program's clock. */
#define PERIOD_OF(time) "(date_trunc(p.total_period, " time ", p.time_zone) AT TIME ZONE p.time_zone)::date"

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

/* Without a query; false: it takes one. */
static bool
find_total_period(Program *program, bool *isnull)
{
	TableLookup lookup;
	bool		found;

	PushActiveSnapshot(program_snapshot(program));
	found = table_lookup_begin(&lookup, program_table(program, PROGRAM_PROGRAM), (TableColumn) {"singleton", BOOLOID},
							   TABLE_EQUAL, GetActiveSnapshot());
	if (found)
	{
		found = table_lookup(&lookup, BoolGetDatum(true));
		if (found)
			(void) table_value(&lookup, (TableColumn) {"total_period", TEXTOID}, isnull);
		table_lookup_end(&lookup);
	}
	PopActiveSnapshot();
	return found;
}

/*
 * Are totals kept?  Then by which period, and into which generation are their
 * changes written.  Asked after the change itself has been written, or with
 * the tree's lock: whoever starts to keep them locks the tables that changes
 * come from, and what it did not see in them comes later and sees that they
 * are kept.  And asked with the lock for writing team_delta: whoever closes a
 * generation waits for all that hold it.
 */
bool
totals_kept(Program *program, text **period, int *generation)
{
	bool		isnull = true;
	Datum		value;

	(void) program_table_to_write(program, PROGRAM_TEAM_DELTA);
	if (period == NULL && generation == NULL && !IsolationUsesXactSnapshot() &&
		find_total_period(program, &isnull))
		return !isnull;
	if (program_query_now(program, "SELECT p.total_period, p.delta_generation FROM @program p",
						  0, NULL, NULL, NULL, 1) != 1)
		return false;
	value = program_column(0, 1, TEXTOID, &isnull);
	if (!isnull && period != NULL)
		*period = program_copy_text(value);
	if (generation != NULL)
		*generation = DatumGetInt32(program_get(0, 2, INT4OID));
	SPI_freetuptable(SPI_tuptable);
	return !isnull;
}

/* Writing changes */

/* Volume is counted in the program's currency. */
void
totals_of_sales(Program *program, SaleRow **rows, int n)
{
	enum
	{
		PATH, OCCURRED, AMOUNT, NCOLUMNS
	};
	Oid			elements[NCOLUMNS] = {program->refpath, TIMESTAMPTZOID, NUMERICOID};
	Datum	   *columns[NCOLUMNS];
	Oid			types[NCOLUMNS];
	Datum		values[NCOLUMNS];
	int			nposted = 0;

	for (int c = 0; c < NCOLUMNS; c++)
		columns[c] = palloc(sizeof(Datum) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		if (!rows[i]->posted || strcmp(rows[i]->currency, program->currency) != 0)
			continue;
		columns[PATH][nposted] = PointerGetDatum(rows[i]->path);
		columns[OCCURRED][nposted] = TimestampTzGetDatum(rows[i]->occurred_at);
		columns[AMOUNT][nposted++] = NumericGetDatum(rows[i]->amount);
	}
	if (nposted == 0 || !totals_kept(program, NULL, NULL))
		return;
	for (int c = 0; c < NCOLUMNS; c++)
	{
		types[c] = get_array_type(elements[c]);
		values[c] = program_array(elements[c], columns[c], NULL, nposted);
	}
	program_query_now(program,
					  "INSERT INTO @team_delta (generation, path, period, people, sales, volume)"
					  " SELECT p.delta_generation, n.path, " PERIOD_OF("n.occurred_at") ", 0, 1, n.amount"
					  "   FROM unnest($1, $2, $3) AS n(path, occurred_at, amount) CROSS JOIN @program p",
					  NCOLUMNS, types, values, NULL, 0);
}

/*
 * Refunds look at where the member of a sale is now: who shares the tree's
 * lock keeps it there until the transaction ends.  It is taken before those
 * of sales and accounts.
 */
void
totals_before_refunds(Program *program)
{
	/* before the tree, as by whoever starts to keep totals */
	(void) program_table_to_write(program, PROGRAM_REFUND_POSTING);
	if (totals_kept(program, NULL, NULL))
		program_lock_tree(program, false, 0);
}

void
totals_of_refunds(Program *program, const TotalRefund *refunds, int n)
{
	Oid			types[2] = {INT8ARRAYOID, InvalidOid};
	Datum	   *columns[2];
	Datum		values[2];

	if (n == 0 || !totals_kept(program, NULL, NULL))
		return;
	/* in case that they are kept only since a moment ago */
	program_lock_tree(program, false, 0);
	for (int c = 0; c < 2; c++)
		columns[c] = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
	{
		columns[0][i] = Int64GetDatum(refunds[i].sale_id);
		columns[1][i] = NumericGetDatum(refunds[i].amount);
	}
	types[1] = get_array_type(NUMERICOID);
	values[0] = program_array(INT8OID, columns[0], NULL, n);
	values[1] = program_array(NUMERICOID, columns[1], NULL, n);
	program_query_now(program,
					  "WITH given_back AS MATERIALIZED ("
					  "  SELECT s.path, m.path OPERATOR(distributor.=) s.path AS in_place,"
					  "         " PERIOD_OF("s.occurred_at") " AS period, n.amount, p.delta_generation"
					  "    FROM unnest($1, $2) AS n(sale_id, amount)"
					  "    JOIN @sale s ON s.sale_id = n.sale_id"
					  "    JOIN @member m ON m.member_id = s.member_id"
					  "    JOIN @program p ON p.currency = s.currency"
					  "   WHERE n.amount <> 0)"
					  " INSERT INTO @team_delta (generation, path, member_id, period, people, sales, volume)"
					  " SELECT g.delta_generation, g.path, NULL, g.period, 0, 0, -g.amount FROM given_back g WHERE g.in_place"
					  " UNION ALL"
					  " SELECT g.delta_generation, NULL, u.member_id, g.period, 0, 0, -g.amount"
					  "   FROM given_back g CROSS JOIN unnest(g.path::bigint[]) AS u(member_id) WHERE NOT g.in_place",
					  2, types, values, NULL, 0);
}

/* Folding */

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
	}
	return n == 0 ? 0 : kept + 1;
}

static void
write_rows(TotalWriter *writer)
{
	enum
	{
		MEMBER, PERIOD, PEOPLE, SALES, VOLUME, NCOLUMNS
	};
	static const Oid elements[NCOLUMNS] = {INT8OID, DATEOID, INT8OID, INT8OID, NUMERICOID};
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
		}
		for (int c = 0; c < NCOLUMNS; c++)
		{
			types[c] = get_array_type(elements[c]);
			values[c] = program_array(elements[c], columns[c], NULL, n);
		}
		program_query(writer->program,
					  "INSERT INTO @team_total AS t (member_id, period, people, sales, volume)"
					  " SELECT n.* FROM unnest($1, $2, $3, $4, $5) AS n"
					  " ON CONFLICT (member_id, period) DO UPDATE"
					  " SET people = t.people + excluded.people, sales = t.sales + excluded.sales,"
					  "     volume = t.volume + excluded.volume",
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

	if (sums->people == 0 && sums->sales == 0 && sums->volume.units == 0 && sums->volume.large == NULL)
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
	MemoryContextSwitchTo(caller);
}

/* The columns path, period, people, sales and volume of a row of a query. */
static void
add_row(TotalFold *fold, Program *program, uint64 at)
{
	RefPath    *path = DatumGetRefPathPP(program_get(at, 1, program->refpath));
	TotalSums	change = {0};

	change.period = DatumGetDateADT(program_get(at, 2, DATEOID));
	change.people = DatumGetInt64(program_get(at, 3, INT8OID));
	change.sales = DatumGetInt64(program_get(at, 4, INT8OID));
	if (!money_sum_of_numeric(&change.volume, DatumGetNumeric(program_get(at, 5, NUMERICOID))))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a change of team totals is not finite")));
	total_fold_add(fold, refpath_bytes(path), &change);
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
	SPITupleTable *rows = SPI_tuptable;

	for (uint64 i = 0; i < n; i++)
	{
		if ((i & 0x3FF) == 0)
			CHECK_FOR_INTERRUPTS();
		SPI_tuptable = rows;	/* writing has its own */
		add_row(fold, program, i);
	}
	total_fold_end(fold);
	write_rows(writer);
	SPI_freetuptable(rows);
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

/*
 * The changes of a team.  Whoever moves it has the tree alone, so none can
 * come any more; a batch of fold() that runs is waited for.
 */
static void
fold_below(Program *program, RefPath *path)
{
	Oid			types[] = {program->refpath};
	Datum		values[] = {PointerGetDatum(path)};

	(void) lock_folding(program, true);
	fold_rows(program,
			  program_query_now(program,
								"WITH gone AS ("
								"  DELETE FROM @team_delta d"
								"   USING @program p CROSS JOIN LATERAL generate_series(p.folded_generation + 1, p.delta_generation) AS g(generation)"
								"   WHERE d.generation = g.generation AND d.path OPERATOR(distributor.>=) $1"
								"     AND d.path OPERATOR(distributor.<) distributor.path_upper($1)"
								"  RETURNING d.path, d.period, d.people, d.sales, d.volume)"
								" SELECT g.* FROM gone g ORDER BY g.path",
								1, types, values, NULL, 0));
}

/* People go from everybody on one path to everybody on the other. */
void
totals_of_move(Program *program, RefPath *old_path, RefPath *new_path)
{
	int			depth = refpath_depth_of(REFPATH_DATA(old_path), REFPATH_LEN(old_path));
	Oid			types[] = {program->refpath, program->refpath, INT8OID};
	Datum		values[3];
	RefPathBytes bytes = refpath_bytes(old_path);
	Size		above = refpath_prefix_len(bytes, depth - 1);

	if (!totals_kept(program, NULL, NULL))
		return;
	fold_below(program, old_path);
	values[0] = PointerGetDatum(refpath_make(bytes.data, above));
	values[2] = Int64GetDatum(refpath_decode_id(bytes.data + above));
	bytes = refpath_bytes(new_path);
	depth = refpath_depth_of(bytes.data, bytes.len);
	values[1] = PointerGetDatum(refpath_make(bytes.data, refpath_prefix_len(bytes, depth - 1)));
	program_query_now(program,
					  "INSERT INTO @team_delta (generation, path, period, people, sales, volume)"
					  " SELECT (SELECT p.delta_generation FROM @program p), s.path, t.period, s.sign * t.people, 0, 0"
					  "   FROM @team_total t CROSS JOIN (VALUES ($1, -1), ($2, 1)) AS s(path, sign)"
					  "  WHERE t.member_id = $3 AND t.people <> 0 AND distributor.depth(s.path) > 0",
					  3, types, values, NULL, 0);
}

/* fold_team(program, batch_size) returns bigint */

typedef struct FoldBatch
{
	int64		size;
	int64		folded;			/* changes; -1: somebody else is folding */
} FoldBatch;

/* Those that are for one member alone. */
static int64
fold_single(Program *program)
{
	uint64		n = program_query_now(program,
									  "WITH gone AS ("
									  "  DELETE FROM @team_delta d WHERE d.member_id IS NOT NULL"
									  "  RETURNING d.member_id, d.period, d.people, d.sales, d.volume),"
									  " written AS ("
									  "  INSERT INTO @team_total AS t (member_id, period, people, sales, volume)"
									  "  SELECT g.member_id, g.period, sum(g.people)::bigint, sum(g.sales)::bigint, sum(g.volume)"
									  "    FROM gone g GROUP BY g.member_id, g.period ORDER BY g.member_id, g.period"
									  "  ON CONFLICT (member_id, period) DO UPDATE"
									  "  SET people = t.people + excluded.people, sales = t.sales + excluded.sales,"
									  "      volume = t.volume + excluded.volume)"
									  " SELECT count(*) FROM gone",
									  0, NULL, NULL, NULL, 1);
	int64		folded = n == 0 ? 0 : DatumGetInt64(program_get(0, 1, INT8OID));

	SPI_freetuptable(SPI_tuptable);
	return folded;
}

/*
 * A batch of the changes of the earliest generation, if that is not after the
 * given one.  All of the path that the batch would end within: so it is never
 * empty.  Whoever calls has the lock of folding.
 */
static int64
fold_generation(Program *program, int generation, int64 size)
{
	Oid			types[] = {INT8OID, INT4OID};
	Datum		values[] = {Int64GetDatum(size), Int32GetDatum(generation)};
	uint64		n = program_query_now(program,
									  "WITH earliest AS MATERIALIZED ("
									  "  SELECT d.generation FROM @team_delta d WHERE d.path IS NOT NULL AND d.generation <= $2"
									  "   ORDER BY d.generation LIMIT 1),"
									  " gone AS ("
									  "  DELETE FROM @team_delta d"
									  "   WHERE d.generation = (SELECT e.generation FROM earliest e)"
									  "     AND d.path OPERATOR(distributor.<=)"
									  "         coalesce((SELECT l.path FROM @team_delta l"
									  "                    WHERE l.generation = (SELECT e.generation FROM earliest e) AND l.path IS NOT NULL"
									  "                    ORDER BY l.path OFFSET $1 - 1 LIMIT 1),"
									  "                  distributor.path_upper(''::distributor.refpath))"
									  "  RETURNING d.path, d.period, d.people, d.sales, d.volume)"
									  " SELECT g.* FROM gone g ORDER BY g.path",
									  2, types, values, NULL, 0);

	fold_rows(program, n);
	return n;
}

/*
 * Let changes go into the next generation; returns the one that is closed so,
 * or 0 where there is nothing to fold.
 */
int
totals_close_generation(Program *program)
{
	int			generation = 0;

	if (program_query_now(program,
						  "UPDATE @program SET delta_generation = delta_generation + 1"
						  " WHERE total_period IS NOT NULL AND EXISTS (SELECT FROM @team_delta)"
						  " RETURNING delta_generation - 1",
						  0, NULL, NULL, NULL, 0) == 1)
		generation = DatumGetInt32(program_get(0, 1, INT4OID));
	SPI_freetuptable(SPI_tuptable);
	return generation;
}

/*
 * A batch of what was written up to a generation that is closed, and whose
 * writers have been waited for.  True when nothing is left of it.
 */
bool
totals_fold_generation(Program *program, int generation, int64 size)
{
	Oid			types[] = {INT4OID};
	Datum		value = Int32GetDatum(generation);

	(void) lock_folding(program, true);
	if (fold_generation(program, generation, size) > 0)
		return false;
	(void) fold_single(program);
	program_query_now(program, "UPDATE @program SET folded_generation = $1 WHERE folded_generation < $1",
					  1, types, &value, NULL, 0);
	return true;
}

static void
fold_batch(Program *program, void *arg)
{
	FoldBatch  *batch = arg;

	if (!lock_folding(program, false))
	{
		batch->folded = -1;
		return;
	}
	batch->folded = fold_generation(program, PG_INT32_MAX, batch->size);
	if (batch->folded == 0)
		batch->folded = fold_single(program);
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
	batch.size = PG_GETARG_INT64(1);
	program_as_owner(program, PROGRAM_WRITES_TOTALS, fold_batch, &batch);
	program_close(program);
	if (batch.folded < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(batch.folded);
}

/* keep_team_totals(program, period) returns void */

static const char *const period_units[] = {"day", "week", "month", "quarter", "year"};

static void
build_totals(Program *program)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "distributor fold", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TotalWriter *writer = begin_writing(program);
	TotalFold  *fold = total_fold_begin(write_total, writer);
	Portal		cursor = program_cursor(program,
										program_sql(program,
													"SELECT m.path, " PERIOD_OF("m.joined_at") ", 1::bigint, 0::bigint, 0::numeric"
													"  FROM @member m CROSS JOIN @program p"
													" UNION ALL"
													" SELECT s.path, " PERIOD_OF("s.occurred_at") ", 0, 1, s.amount"
													"   FROM @sale s JOIN @program p ON p.currency = s.currency"
													" UNION ALL"
													" SELECT s.path, " PERIOD_OF("s.occurred_at") ", 0, 0, -t.amount"
													"   FROM @refund_posting t JOIN @sale s ON s.sale_id = t.sale_id JOIN @program p ON p.currency = s.currency"
													" ORDER BY 1"),
										0, NULL, NULL);

	for (;;)
	{
		SPITupleTable *rows;
		uint64		n;

		SPI_cursor_fetch(cursor, true, TOTAL_CHUNK_ROWS);
		MemoryContextSwitchTo(context);
		rows = SPI_tuptable;
		n = SPI_processed;
		for (uint64 i = 0; i < n; i++)
		{
			SPI_tuptable = rows;
			add_row(fold, program, i);
		}
		SPI_freetuptable(rows);
		CHECK_FOR_INTERRUPTS();
		if (n == 0)
			break;
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

	program_query(program, "UPDATE @program SET total_period = $1", 1, types, values,
				  period == NULL ? "n" : NULL, 0);
	program_query(program, "DELETE FROM @team_delta", 0, NULL, NULL, NULL, 0);
	program_query(program, "DELETE FROM @team_total", 0, NULL, NULL, NULL, 0);
	if (period != NULL)
		build_totals(program);
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
	for (int i = 0; i < lengthof(period_units) && !known; i++)
		known = strcmp(text_to_cstring(period), period_units[i]) == 0;
	if (!known)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid period \"%s\"", text_to_cstring(period)),
				 errhint("Use day, week, month, quarter or year; NULL to keep no totals.")));
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("team totals cannot be built in a %s transaction",
						XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
				 errhint("Use READ COMMITTED.")));
	LockRelationOid(program->tables[PROGRAM_REFUND_POSTING], ShareRowExclusiveLock);
	program_lock_tree(program, true, LockTimeout > 0 ? LockTimeout : PROGRAM_LOCK_TIMEOUT);
	program_as_owner(program, PROGRAM_WRITES_TOTALS | PROGRAM_WRITES(PROGRAM_PROGRAM), keep_totals, period);
	program_close(program);
	PG_RETURN_VOID();
}

/* team_total(program, member, period) returns record */

PG_FUNCTION_INFO_V1(program_team_total);
Datum
program_team_total(PG_FUNCTION_ARGS)
{
	enum
	{
		PEOPLE, SALES, VOLUME, NCOLUMNS
	};
	Program    *program = program_arg_to_read(fcinfo);
	MemberArg	member = program_member_arg(fcinfo, program, 1, "member", true);
	Oid			types[] = {INT8OID, DATEOID};
	Datum		values[2];
	bool		nulls[NCOLUMNS] = {false};
	TupleDesc	desc;
	HeapTuple	result;
	MemoryContext caller = CurrentMemoryContext;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	program_member_must_exist(program, &member);
	values[0] = Int64GetDatum(member.id);
	values[1] = PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2);
	if (program_query(program,
					  "WITH p AS (SELECT p.total_period, (date_trunc(p.total_period, $2::timestamp))::date AS period FROM @program p)"
					  " SELECT coalesce(sum(t.people), 0)::bigint, coalesce(sum(t.sales), 0)::bigint, coalesce(sum(t.volume), 0),"
					  "        (SELECT p.total_period IS NULL FROM p)"
					  "   FROM (SELECT t.people, t.sales, t.volume, t.period FROM @team_total t WHERE t.member_id = $1"
					  "         UNION ALL"
					  "         SELECT d.people, d.sales, d.volume, d.period"
					  "           FROM @member m"
					  "          CROSS JOIN @program p"
					  "          CROSS JOIN LATERAL generate_series(p.folded_generation + 1, p.delta_generation) AS g(generation)"
					  "           JOIN @team_delta d ON d.generation = g.generation AND d.path OPERATOR(distributor.>=) m.path"
					  "            AND d.path OPERATOR(distributor.<) distributor.path_upper(m.path)"
					  "          WHERE m.member_id = $1"
					  "         UNION ALL"
					  "         SELECT d.people, d.sales, d.volume, d.period FROM @team_delta d WHERE d.member_id = $1) t"
					  "  WHERE $2 IS NULL OR t.period = (SELECT p.period FROM p)",
					  2, types, values, PG_ARGISNULL(2) ? " n" : NULL, 1) != 1)
		elog(ERROR, "a sum has no row");
	if (DatumGetBool(program_get(0, 4, BOOLOID)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("program \"%s\" keeps no team totals", program->name),
				 errhint("Let it keep them with distributor.keep_team_totals().")));
	{
		Datum		columns[NCOLUMNS] = {program_get(0, 1, INT8OID), program_get(0, 2, INT8OID),
		program_get(0, 3, NUMERICOID)};

		MemoryContextSwitchTo(caller);
		result = heap_form_tuple(BlessTupleDesc(desc), columns, nulls);
	}
	program_close(program);
	PG_RETURN_DATUM(HeapTupleGetDatum(result));
}
