/*
 * program_total_rank.c
 *	  Ranking the totals of periods that are over, so that an index has the best.
 *
 * While a period lasts its totals are written by every fold, and an index by
 * volume would be written with them; so they get a second volume, which is
 * indexed, only once the period has ended.  From the moment at which
 * program.ranking_before says so, whoever folds a change into a total of such
 * a period writes both; those that are there already are gone through once, in
 * batches.  When that is done ranked_before follows, and only that is what
 * readers look at: whatever is left half done, is not looked at, and is gone
 * on with by the next fold.
 *
 * Everybody who writes totals has the lock of folding; who takes it sees what
 * the last one committed.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/date.h"

#include "program_total.h"

/* The first day of the period that is not over, by the program's clock. */
#define OPEN_PERIOD		TOTAL_PERIOD_OF("$1::timestamptz")

/* From now on totals of periods that are over are written with their rank; true if some are not yet. */
static bool
begin_ranking(Program *program)
{
	Oid			type = TIMESTAMPTZOID;
	Datum		now = TimestampTzGetDatum(GetCurrentTimestamp());
	bool		to_do;

	program_query_now(program,
					  "UPDATE @program p SET ranking_before = " OPEN_PERIOD
					  " WHERE p.total_period IS NOT NULL AND (p.ranking_before >= " OPEN_PERIOD ") IS NOT TRUE",
					  1, &type, &now, NULL, 0);
	to_do = program_query_now(program,
							  "SELECT FROM @program p WHERE p.ranking_before > coalesce(p.ranked_before, '-infinity')",
							  0, NULL, NULL, NULL, 1) > 0;
	SPI_freetuptable(SPI_tuptable);
	return to_do;
}

static void
end_ranking(Program *program)
{
	program_query_now(program, "UPDATE @program SET ranked_before = ranking_before", 0, NULL, NULL, NULL, 0);
}

/* Totals that are built anew are written so from the first. */
void
totals_rank_from_now(Program *program)
{
	if (begin_ranking(program))
		end_ranking(program);
}

/* The next period of those that are being ranked that has totals; false: there is none. */
static bool
next_period(Program *program, DateADT *period, bool inclusive)
{
	Oid			types[] = {DATEOID, BOOLOID};
	Datum		values[] = {DateADTGetDatum(*period), BoolGetDatum(inclusive)};
	Datum		next;
	bool		isnull;

	program_query_now(program,
					  "SELECT (SELECT t.period FROM @team_total t"
					  "         WHERE t.period >= greatest($1, p.ranked_before) AND (t.period > $1 OR $2)"
					  "           AND t.period < p.ranking_before"
					  "         ORDER BY t.period LIMIT 1)"
					  "  FROM @program p",
					  2, types, values, NULL, 1);
	next = program_column(0, 1, DATEOID, &isnull);
	SPI_freetuptable(SPI_tuptable);
	if (!isnull)
		*period = DatumGetDateADT(next);
	return !isnull;
}

/* The next members of the period; false: there are none. */
static bool
rank_members(Program *program, TotalsRanking *ranking, int64 size)
{
	Oid			types[] = {DATEOID, INT8OID, INT8OID};
	Datum		values[] = {DateADTGetDatum(ranking->period), Int64GetDatum(ranking->after), Int64GetDatum(size)};
	Datum		last;
	bool		isnull;

	program_query_now(program,
					  "WITH next AS MATERIALIZED ("
					  "  SELECT t.member_id, t.period FROM @team_total t"
					  "   WHERE t.member_id > $2 AND t.period = $1"
					  "   ORDER BY t.member_id LIMIT $3),"
					  " ranked AS ("
					  "  UPDATE @team_total t"
					  "     SET ranked_volume = nullif(greatest(t.volume, 0), 0),"
					  "         ranked_own_volume = nullif(greatest(t.own_volume, 0), 0)"
					  "    FROM next n"
					  "   WHERE t.member_id = n.member_id AND t.period = n.period"
					  "     AND t.ranked_volume IS NULL AND (t.volume > 0 OR t.own_volume > 0))"
					  " SELECT max(n.member_id) FROM next n",
					  3, types, values, NULL, 1);
	last = program_column(0, 1, INT8OID, &isnull);
	SPI_freetuptable(SPI_tuptable);
	if (!isnull)
		ranking->after = DatumGetInt64(last);
	return !isnull;
}

/*
 * A batch of ranking, of so many members; true when everything that is over is
 * ranked.  The first one tells everybody who folds, and is committed alone.
 */
bool
totals_rank(Program *program, TotalsRanking *ranking, int64 size)
{
	totals_lock_folding(program);
	if (!ranking->begun)
	{
		ranking->begun = true;
		ranking->after = PG_INT64_MIN;
		DATE_NOBEGIN(ranking->period);
		if (!begin_ranking(program))
			return true;
		if (next_period(program, &ranking->period, true))
			return false;
	}
	else if (rank_members(program, ranking, size))
		return false;
	else
	{
		ranking->after = PG_INT64_MIN;
		if (next_period(program, &ranking->period, false))
			return false;
	}
	end_ranking(program);
	return true;
}
