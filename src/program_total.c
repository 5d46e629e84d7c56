/*
 * program_total.c
 *	  The changes that team totals are made of.
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

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "program_total.h"

/* Without a query; false: it takes one.  period NULL: none are kept. */
static bool
find_kept(Program *program, text **period, int *generation)
{
	TableLookup lookup;
	Datum		value;
	bool		isnull;
	bool		found;

	PushActiveSnapshot(program_snapshot(program));
	found = table_lookup_begin(&lookup, program_table(program, PROGRAM_PROGRAM), (TableColumn) {"singleton", BOOLOID},
							   TABLE_EQUAL, GetActiveSnapshot());
	if (found)
	{
		found = table_lookup(&lookup, BoolGetDatum(true));
		if (found)
		{
			value = table_value(&lookup, (TableColumn) {"total_period", TEXTOID}, &isnull);
			*period = isnull ? NULL : DatumGetTextPCopy(value);
			*generation = DatumGetInt32(table_value(&lookup, (TableColumn) {"delta_generation", INT4OID}, &isnull));
		}
		table_lookup_end(&lookup);
	}
	PopActiveSnapshot();
	return found;
}

/*
 * An old snapshot shows totals by the period of then, among which changes by
 * another would not be found.  Where it shows none, nothing is looked for.
 */
static void
check_same_period(Program *program, text *now)
{
	Oid			type = TEXTOID;
	Datum		value = PointerGetDatum(now);

	if (!IsolationUsesXactSnapshot())
		return;
	if (program_query(program, "SELECT FROM @program p WHERE p.total_period IS NOT NULL AND p.total_period IS DISTINCT FROM $1",
					  1, &type, &value, now == NULL ? "n" : NULL, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to concurrent update"),
				 errdetail("The period by which program \"%s\" keeps team totals was changed after the transaction's snapshot was taken.",
						   program->name),
				 errhint("Retry the transaction.")));
	SPI_freetuptable(SPI_tuptable);
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
	text	   *now = NULL;
	int			current;
	bool		isnull;
	Datum		value;

	(void) program_table_to_write(program, PROGRAM_TEAM_DELTA);
	if (!IsolationUsesXactSnapshot() && find_kept(program, &now, &current))
	{
		if (period != NULL)
			*period = now;
		if (generation != NULL)
			*generation = current;
		return now != NULL;
	}
	if (program_query_now(program, "SELECT p.total_period, p.delta_generation FROM @program p",
						  0, NULL, NULL, NULL, 1) != 1)
		return false;
	value = program_column(0, 1, TEXTOID, &isnull);
	if (!isnull && (period != NULL || IsolationUsesXactSnapshot()))
		now = program_copy_text(value);
	if (generation != NULL)
		*generation = DatumGetInt32(program_get(0, 2, INT4OID));
	SPI_freetuptable(SPI_tuptable);
	if (period != NULL && !isnull)
		*period = now;
	check_same_period(program, now);
	return !isnull;
}

/* Writing changes */

/* TOTAL_PERIOD_OF() */
static Datum
period_of(text *period, Datum time, Datum zone)
{
	Datum		start = DirectFunctionCall3(timestamptz_trunc_zone, PointerGetDatum(period), time, zone);

	return DirectFunctionCall1(timestamp_date, DirectFunctionCall2(timestamptz_zone, zone, start));
}

/* Volume is counted in the program's currency. */
static bool
is_counted(Program *program, const SaleRow *row)
{
	return row->posted && strcmp(row->currency, program->currency) == 0;
}

void
totals_of_sales(Program *program, SaleRow **rows, int n)
{
	enum
	{
		GENERATION, PATH, PERIOD, PEOPLE, SALES, VOLUME, NCOLUMNS
	};
	const TableColumn columns[NCOLUMNS] = {
		{"generation", INT4OID}, {"path", program->refpath}, {"period", DATEOID}, {"people", INT8OID},
		{"sales", INT8OID}, {"volume", NUMERICOID}
	};
	Datum	   *values[NCOLUMNS];
	bool	   *nulls[NCOLUMNS] = {NULL};
	TableRows	changes = {.ncolumns = NCOLUMNS, .columns = columns, .values = values, .nulls = nulls};
	text	   *period;
	int			generation;
	Datum		zone;
	bool		any = false;

	/* who changes nothing need not know, nor fail because it was changed */
	for (int i = 0; i < n && !any; i++)
		any = is_counted(program, rows[i]);
	if (!any || !totals_kept(program, &period, &generation))
		return;
	zone = CStringGetTextDatum(program->time_zone);
	for (int c = 0; c < NCOLUMNS; c++)
		values[c] = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
	{
		int			at = changes.n;

		if (!is_counted(program, rows[i]))
			continue;
		values[GENERATION][at] = Int32GetDatum(generation);
		values[PATH][at] = PointerGetDatum(rows[i]->path);
		values[PERIOD][at] = period_of(period, TimestampTzGetDatum(rows[i]->occurred_at), zone);
		values[PEOPLE][at] = Int64GetDatum(0);
		values[SALES][at] = Int64GetDatum(1);
		values[VOLUME][at] = NumericGetDatum(rows[i]->amount);
		changes.n++;
	}
	program_insert(program, PROGRAM_TEAM_DELTA, &changes);
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
	Oid			types[] = {INT8ARRAYOID, INT8ARRAYOID, InvalidOid, BOOLOID};
	Datum	   *columns[3];
	Datum		values[4];

	if (n == 0 || !totals_kept(program, NULL, NULL))
		return;
	/* in case that they are kept only since a moment ago */
	program_lock_tree(program, false, 0);
	for (int c = 0; c < 3; c++)
		columns[c] = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
	{
		columns[0][i] = Int64GetDatum(refunds[i].refund_id);
		columns[1][i] = Int64GetDatum(refunds[i].sale_id);
		columns[2][i] = NumericGetDatum(refunds[i].amount);
	}
	types[2] = get_array_type(NUMERICOID);
	values[0] = program_array(INT8OID, columns[0], NULL, n);
	values[1] = program_array(INT8OID, columns[1], NULL, n);
	values[2] = program_array(NUMERICOID, columns[2], NULL, n);
	/* an old snapshot may show the member elsewhere, and this transaction is to find what it wrote */
	values[3] = BoolGetDatum(IsolationUsesXactSnapshot());
	program_query_now(program,
					  "WITH given_back AS MATERIALIZED ("
					  "  SELECT s.path, m.path OPERATOR(distributor.=) s.path AND NOT $4 AS in_place,"
					  "         " TOTAL_PERIOD_OF("s.occurred_at") " AS period, n.amount, p.delta_generation,"
					  "         CASE WHEN " REPOST_IS_REFUND " THEN 1 ELSE 0 END AS sales"
					  "    FROM unnest($1, $2, $3) AS n(refund_id, sale_id, amount)"
					  "    JOIN @refund r ON r.refund_id = n.refund_id"
					  "    JOIN @sale s ON s.sale_id = n.sale_id"
					  "    JOIN @member m ON m.member_id = s.member_id"
					  "    JOIN @program p ON p.currency = s.currency"
					  "   WHERE n.amount <> 0 OR " REPOST_IS_REFUND ")"
					  " INSERT INTO @team_delta (generation, path, member_id, period, people, sales, volume, own)"
					  " SELECT g.delta_generation, g.path, NULL, g.period, 0, -g.sales, -g.amount, NULL::boolean"
					  "   FROM given_back g WHERE g.in_place"
					  " UNION ALL"
					  " SELECT g.delta_generation, NULL, u.member_id, g.period, 0, -g.sales, -g.amount,"
					  "        u.member_id = distributor.member_id(g.path)"
					  "   FROM given_back g CROSS JOIN unnest(g.path::bigint[]) AS u(member_id) WHERE NOT g.in_place",
					  4, types, values, NULL, 0);
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
	totals_fold_below(program, old_path);
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
