/*
 * program_total_rank.c
 *	  Ranking team totals, so that an index has the highest volumes of a period.
 *
 * A total that is written by every fold would have every fold write an index
 * by volume with it.  So totals have their volumes a second time, indexed,
 * only where that is read, or costs little:
 *
 * - Of periods before program.ranking_before, which are over, all that are
 *	 above zero.  When a period has ended, what folds from then on writes both
 *	 volumes, and those that are there already are gone through once, in
 *	 batches.  After that ranked_before follows, and readers look only at what
 *	 is before it: what is left half done is gone on with by the next fold.
 * - Of the period ranking_before itself those from ranking_floor on.  It is
 *	 raised whenever they have become many, and leaves those behind that are
 *	 below it until they are written the next time.  Whoever wants more than
 *	 are above it reads all totals of the period.
 *
 * Everybody who writes totals has the lock of folding; who takes it sees what
 * the last one committed.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/date.h"
#include "utils/guc.h"

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
					  "UPDATE @program p SET ranking_before = " OPEN_PERIOD ", ranking_floor = NULL, ranking_own_floor = NULL"
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

/* Totals that are about to be built anew: those of periods that are over will be written with their rank. */
void
totals_rank_new(Program *program)
{
	if (begin_ranking(program))
		end_ranking(program);
}

/* The period at hand */

/* As many as pages are long that people look at; twice as many may come before some are left out again. */
#define HIGHEST			"1000"
#define TOO_MANY		"2000"
#define TOO_FEW			"500"

/* Those that are ranked from the floor on, up to as many as said. */
#define COUNT_RANKED(volume, floor, most) \
	"(SELECT count(*) FROM (SELECT FROM @team_total t" \
	"                        WHERE t.period = p.ranking_before AND t.ranked_" volume " >= p." floor \
	"                          AND t.ranked_" volume " IS NOT NULL LIMIT " most ") c)"

/* Raise a floor that has too many above it; those that are level with it are all ranked, however many they are. */
#define RAISE_FLOOR(volume, floor) \
	"UPDATE @program p SET " floor " = r.floor" \
	"  FROM (SELECT (SELECT t.ranked_" volume " FROM @team_total t" \
	"                 WHERE t.period = p.ranking_before AND t.ranked_" volume " IS NOT NULL" \
	"                 ORDER BY t.ranked_" volume " DESC, t.member_id OFFSET " HIGHEST " LIMIT 1) AS floor" \
	"          FROM @program p" \
	"         WHERE " COUNT_RANKED(volume, floor, TOO_MANY) " >= " TOO_MANY ") r" \
	" WHERE r.floor > p." floor

/* Find one where there is none, or where it has become too high. */
#define FIND_FLOOR(volume, floor) \
	"UPDATE @program p" \
	"   SET " floor " = coalesce((SELECT t." volume " FROM @team_total t" \
	"                              WHERE t.period = p.ranking_before AND t." volume " > 0" \
	"                              ORDER BY t." volume " DESC OFFSET " HIGHEST " LIMIT 1), 0)" \
	" WHERE p.ranking_before IS NOT NULL" \
	"   AND (p." floor " IS NULL OR (p." floor " > 0 AND " COUNT_RANKED(volume, floor, TOO_FEW) " < " TOO_FEW "))"
#define RANK_FROM_FLOOR(volume, floor) \
	"UPDATE @team_total t SET ranked_" volume " = t." volume \
	"  FROM @program p" \
	" WHERE t.period = p.ranking_before AND t." volume " >= p." floor " AND t." volume " > 0 AND t.ranked_" volume " IS NULL"

/* After a batch of folding: what has come above the floors may have become much. */
void
totals_rank_fewer(Program *program)
{
	program_query_now(program, RAISE_FLOOR("volume", "ranking_floor"), 0, NULL, NULL, NULL, 0);
	program_query_now(program, RAISE_FLOOR("own_volume", "ranking_own_floor"), 0, NULL, NULL, NULL, 0);
}

void
totals_rank_highest(Program *program)
{
	if (program_query_now(program, FIND_FLOOR("volume", "ranking_floor"), 0, NULL, NULL, NULL, 0) > 0)
		program_query_now(program, RANK_FROM_FLOOR("volume", "ranking_floor"), 0, NULL, NULL, NULL, 0);
	if (program_query_now(program, FIND_FLOOR("own_volume", "ranking_own_floor"), 0, NULL, NULL, NULL, 0) > 0)
		program_query_now(program, RANK_FROM_FLOOR("own_volume", "ranking_own_floor"), 0, NULL, NULL, NULL, 0);
}

/* Periods that are over */

/* The next of those that are being ranked that has totals, from this one on or after it; false: there is none. */
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

/*
 * The next members of the period; false: there are none.  By the index that
 * has them in their order: by that of periods, each batch would read and sort
 * all of the period.
 */
static bool
rank_members(Program *program, TotalsRanking *ranking, int64 size)
{
	Oid			types[] = {DATEOID, INT8OID, INT8OID};
	Datum		values[] = {DateADTGetDatum(ranking->period), Int64GetDatum(ranking->after), Int64GetDatum(size)};
	Datum		last;
	bool		isnull;
	int			guc_level = NewGUCNestLevel();

	program_pin_setting("enable_sort", "off");
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
					  "     AND ((t.volume > 0 AND t.ranked_volume IS NULL)"
					  "       OR (t.own_volume > 0 AND t.ranked_own_volume IS NULL)))"
					  " SELECT max(n.member_id) FROM next n",
					  3, types, values, NULL, 1);
	AtEOXact_GUC(false, guc_level);
	last = program_column(0, 1, INT8OID, &isnull);
	SPI_freetuptable(SPI_tuptable);
	if (!isnull)
		ranking->after = DatumGetInt64(last);
	return !isnull;
}

/*
 * A batch of ranking, of so many members; true when nothing is left.  The
 * first one tells everybody who folds, and is committed before the others.
 */
bool
totals_rank(Program *program, TotalsRanking *ranking, int64 size)
{
	bool		more;

	totals_lock_folding(program);
	if (!ranking->begun)
	{
		ranking->begun = true;
		DATE_NOBEGIN(ranking->period);
		more = begin_ranking(program);
		totals_rank_highest(program);
		if (!more)
			return true;
		more = next_period(program, &ranking->period, true);
	}
	else if (rank_members(program, ranking, size))
		return false;
	else
		more = next_period(program, &ranking->period, false);
	ranking->after = PG_INT64_MIN;
	if (!more)
		end_ranking(program);
	return !more;
}
