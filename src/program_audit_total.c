/*
 * program_audit_total.c
 *	  audit(): team totals, folded or not, against members, sales and refunds.
 *
 * What is kept and what it should be are folded along their paths, each in one
 * pass; a member comes up more than once, as it had other paths before a move.
 * Sorted by member and period, what belongs together follows each other.
 *
 * A total bears no date that "since" could look at: all are looked at.
 */
#include "compat.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#include "program_audit.h"
#include "program_total.h"

enum
{
	MEMBER, PERIOD, IS_KEPT, PEOPLE, SALES, VOLUME, OWN, NCOLUMNS
};

typedef struct TotalAudit
{
	Audit	   *audit;
	Tuplesortstate *sort;
	TupleTableSlot *slot;
	bool		is_kept;		/* of what is being sorted in */
} TotalAudit;

/* Of one member and period. */
typedef struct TotalPair
{
	int64		member_id;
	TotalSums	sums[2];		/* what should be, what is kept */
} TotalPair;

static TotalAudit *
begin_audit(Audit *audit)
{
	TotalAudit *totals = palloc0(sizeof(TotalAudit));
	TupleDesc	desc = CreateTemplateTupleDesc(NCOLUMNS);
	AttrNumber	keys[] = {MEMBER + 1, PERIOD + 1};
	Oid			operators[] = {Int8LessOperator, InvalidOid};
	Oid			collations[] = {InvalidOid, InvalidOid};
	bool		nulls_first[] = {false, false};

	TupleDescInitEntry(desc, MEMBER + 1, "member_id", INT8OID, -1, 0);
	TupleDescInitEntry(desc, PERIOD + 1, "period", DATEOID, -1, 0);
	TupleDescInitEntry(desc, IS_KEPT + 1, "is_kept", BOOLOID, -1, 0);
	TupleDescInitEntry(desc, PEOPLE + 1, "people", INT8OID, -1, 0);
	TupleDescInitEntry(desc, SALES + 1, "sales", INT8OID, -1, 0);
	TupleDescInitEntry(desc, VOLUME + 1, "volume", NUMERICOID, -1, 0);
	TupleDescInitEntry(desc, OWN + 1, "own_volume", NUMERICOID, -1, 0);
	operators[1] = lookup_type_cache(DATEOID, TYPECACHE_LT_OPR)->lt_opr;
	totals->audit = audit;
	totals->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	totals->sort = tuplesort_begin_heap(desc, lengthof(keys), keys, operators, collations, nulls_first,
										work_mem, NULL, TUPLESORT_NONE);
	return totals;
}

static void
sort_in(TotalAudit *totals, int64 member_id, DateADT period, int64 people, int64 sales,
		Numeric volume, Numeric own)
{
	TupleTableSlot *slot = totals->slot;

	ExecClearTuple(slot);
	slot->tts_values[MEMBER] = Int64GetDatum(member_id);
	slot->tts_values[PERIOD] = DateADTGetDatum(period);
	slot->tts_values[IS_KEPT] = BoolGetDatum(totals->is_kept);
	slot->tts_values[PEOPLE] = Int64GetDatum(people);
	slot->tts_values[SALES] = Int64GetDatum(sales);
	slot->tts_values[VOLUME] = NumericGetDatum(volume);
	slot->tts_values[OWN] = NumericGetDatum(own);
	memset(slot->tts_isnull, 0, sizeof(bool) * NCOLUMNS);
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(totals->sort, slot);
}

static void
sort_in_total(int64 member_id, const TotalSums *sums, void *arg)
{
	Numeric		volume = money_sum_to_numeric(&sums->volume);
	Numeric		own = money_sum_to_numeric(&sums->own);

	sort_in(arg, member_id, sums->period, sums->people, sums->sales, volume, own);
	if (volume != sums->volume.large)	/* that is the sum's own */
		pfree(volume);
	if (own != sums->own.large)
		pfree(own);
}

/* Rows in the order of their paths: path, period, people, sales, volume. */
static void
sort_in_paths(TotalAudit *totals, const char *format)
{
	AuditStream *stream = audit_stream(totals->audit, format);
	TotalFold  *fold = total_fold_begin(sort_in_total, totals);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "audit of totals", ALLOCSET_DEFAULT_SIZES);

	while (audit_next(stream))
	{
		MemoryContext caller = MemoryContextSwitchTo(row_context);
		RefPath    *path = DatumGetRefPathPP(stream->values[0]);
		TotalSums	change = {0};

		change.period = DatumGetDateADT(stream->values[1]);
		change.people = DatumGetInt64(stream->values[2]);
		change.sales = DatumGetInt64(stream->values[3]);
		if (!money_sum_of_numeric(&change.volume, DatumGetNumeric(stream->values[4])))
			audit_row(totals->audit, "team_total", "a change of it", "finite", "not finite");
		MemoryContextSwitchTo(caller);
		total_fold_add(fold, refpath_bytes(path), &change);
		MemoryContextReset(row_context);
	}
	total_fold_end(fold);
	audit_close(stream);
	MemoryContextDelete(row_context);
}

/* Rows of single members: member_id, period, people, sales, volume, own_volume. */
static void
sort_in_members(TotalAudit *totals, const char *format)
{
	AuditStream *stream = audit_stream(totals->audit, format);

	while (audit_next(stream))
	{
		Numeric		volume = DatumGetNumericCopy(stream->values[4]);
		Numeric		own = DatumGetNumericCopy(stream->values[5]);

		sort_in(totals, DatumGetInt64(stream->values[0]), DatumGetDateADT(stream->values[1]),
				DatumGetInt64(stream->values[2]), DatumGetInt64(stream->values[3]), volume, own);
		pfree(volume);
		pfree(own);
	}
	audit_close(stream);
}

static char *
sum_text(const MoneySum *sum)
{
	Datum		value = DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(money_sum_to_numeric(sum)));

	return DatumGetCString(DirectFunctionCall1(numeric_out, value));
}

static char *
sums_text(const TotalSums *sums)
{
	return psprintf("people " INT64_FORMAT ", sales " INT64_FORMAT ", volume %s, own %s", sums->people, sums->sales,
					sum_text(&sums->volume), sum_text(&sums->own));
}

static void
compare(Audit *audit, const TotalPair *pair)
{
	const TotalSums *should = &pair->sums[0];
	const TotalSums *kept = &pair->sums[1];

	if (should->people != kept->people || should->sales != kept->sales ||
		money_sum_compare(&should->volume, &kept->volume) != 0 ||
		money_sum_compare(&should->own, &kept->own) != 0)
		audit_row(audit, "team_total",
				  psprintf("member " INT64_FORMAT ", period %s", pair->member_id,
						   DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(should->period)))),
				  sums_text(should), sums_text(kept));
}

static void
add_numeric(MoneySum *sum, Datum value)
{
	MoneySum	addend = {0};

	(void) money_sum_of_numeric(&addend, DatumGetNumeric(value));
	money_sum_add(sum, &addend);
}

static void
compare_all(TotalAudit *totals)
{
	TotalPair	pair = {0};
	bool		any = false;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "audit of a total", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);

	tuplesort_performsort(totals->sort);
	while (tuplesort_gettupleslot(totals->sort, true, false, totals->slot, NULL))
	{
		int64		member_id;
		DateADT		period;
		TotalSums  *sums;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(totals->slot);
		member_id = DatumGetInt64(totals->slot->tts_values[MEMBER]);
		period = DatumGetDateADT(totals->slot->tts_values[PERIOD]);
		if (!any || member_id != pair.member_id || period != pair.sums[0].period)
		{
			if (any)
				compare(totals->audit, &pair);
			MemoryContextReset(context);
			memset(&pair, 0, sizeof(pair));
			pair.member_id = member_id;
			pair.sums[0].period = pair.sums[1].period = period;
			any = true;
		}
		sums = &pair.sums[DatumGetBool(totals->slot->tts_values[IS_KEPT]) ? 1 : 0];
		sums->people += DatumGetInt64(totals->slot->tts_values[PEOPLE]);
		sums->sales += DatumGetInt64(totals->slot->tts_values[SALES]);
		add_numeric(&sums->volume, totals->slot->tts_values[VOLUME]);
		add_numeric(&sums->own, totals->slot->tts_values[OWN]);
	}
	if (any)
		compare(totals->audit, &pair);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* What the indexes by volume have, and must have for readers to find all that they look for. */
static const char total_ranks[] =
"SELECT 'team_total'::text, format('member %s, period %s, ranked', t.member_id, t.period),"
"       format('volume %s, own %s', coalesce(trim_scale(r.volume), 0), coalesce(trim_scale(r.own_volume), 0)),"
"       format('volume %s, own %s', coalesce(trim_scale(t.ranked_volume), 0), coalesce(trim_scale(t.ranked_own_volume), 0))"
"  FROM @team_total t"
" CROSS JOIN @program p"
" CROSS JOIN LATERAL (SELECT nullif(greatest(t.volume, 0), 0) AS volume, nullif(greatest(t.own_volume, 0), 0) AS own_volume) r"
" WHERE (t.ranked_volume IS DISTINCT FROM r.volume"
"        AND (t.ranked_volume IS NOT NULL OR t.period < p.ranked_before"
"             OR (t.period = p.ranking_before AND r.volume >= p.ranking_floor)))"
"    OR (t.ranked_own_volume IS DISTINCT FROM r.own_volume"
"        AND (t.ranked_own_volume IS NOT NULL OR t.period < p.ranked_before"
"             OR (t.period = p.ranking_before AND r.own_volume >= p.ranking_own_floor)))";

void
audit_totals(Audit *audit)
{
	TotalAudit *totals = begin_audit(audit);

	audit_query(audit, total_ranks);
	sort_in_paths(totals, totals_sources);
	totals->is_kept = true;
	sort_in_members(totals,
					"SELECT t.member_id, t.period, t.people, t.sales, t.volume, t.own_volume FROM @team_total t"
					" UNION ALL"
					" SELECT d.member_id, d.period, d.people, d.sales, d.volume, CASE WHEN d.own THEN d.volume ELSE 0 END"
					"   FROM @team_delta d CROSS JOIN @program p"
					"  WHERE d.member_id IS NOT NULL AND d.generation > p.folded_generation");
	sort_in_paths(totals,
				  "SELECT d.path, d.period, d.people, d.sales, d.volume"
				  "  FROM @team_delta d CROSS JOIN @program p"
				  " WHERE d.path IS NOT NULL AND d.generation > p.folded_generation"
				  " ORDER BY d.path");
	compare_all(totals);
	tuplesort_end(totals->sort);
	ExecDropSingleTupleTableSlot(totals->slot);
	pfree(totals);
}
