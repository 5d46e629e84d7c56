/*
 * program_total_read.c
 *	  A team total at the reader's snapshot: what is folded and what is not.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/int.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "program_arg.h"
#include "program_total.h"

/* What is asked for, and the answer. */
typedef struct TotalQuestion
{
	Program    *program;
	MemberArg	member;
	bool		all_time;
	DateADT		day;			/* of the period, unless of all time */
	/* what is found on the way to the answer */
	RefPath    *path;
	DateADT		period;			/* its first day */
	int			first_generation;	/* of changes that may not be folded */
	int			last_generation;
	/* the answer */
	int64		people;
	int64		sales;
	Numeric		volume;
} TotalQuestion;

/*
 * Changes are summed up by generation, in a subquery that is not pulled up:
 * joined, the planner may take the index by path alone and read all of it.
 */
#define SUMS(of) "SELECT sum(" of ".people) AS people, sum(" of ".sales) AS sales, sum(" of ".volume) AS volume"
#define IN_PERIOD(of) " ($2 IS NULL OR " of ".period = (SELECT g.period FROM g))"
#define GENERATIONS "SELECT c.* FROM g CROSS JOIN LATERAL generate_series(g.first, g.last) AS s(generation)"
#define TOTAL_QUERY(newest) \
	"WITH g AS MATERIALIZED (" \
	"  SELECT p.total_period, date_trunc(p.total_period, $2::timestamp)::date AS period," \
	"         p.folded_generation + 1 AS first, " newest " AS last FROM @program p)" \
	" SELECT coalesce(sum(t.people), 0)::bigint, coalesce(sum(t.sales), 0)::bigint, coalesce(sum(t.volume), 0)," \
	"        NOT EXISTS (SELECT FROM g WHERE g.total_period IS NOT NULL)" \
	"   FROM (" SUMS("t") " FROM @team_total t WHERE t.member_id = $1 AND" IN_PERIOD("t") \
	"         UNION ALL " GENERATIONS \
	"          CROSS JOIN LATERAL (" SUMS("d") " FROM @team_delta d" \
	"            WHERE d.generation = s.generation" \
	"              AND d.path OPERATOR(distributor.>=) (SELECT m.path FROM @member m WHERE m.member_id = $1)" \
	"              AND d.path OPERATOR(distributor.<) distributor.path_upper((SELECT m.path FROM @member m WHERE m.member_id = $1))" \
	"              AND" IN_PERIOD("d") ") c" \
	"         UNION ALL " GENERATIONS \
	"          CROSS JOIN LATERAL (" SUMS("d") " FROM @team_delta d" \
	"            WHERE d.generation = s.generation AND d.member_id = $1 AND" IN_PERIOD("d") ") c) t"
#define NEWEST_GENERATION \
	"greatest(p.delta_generation, (SELECT max(d.generation) FROM @team_delta d WHERE d.path IS NOT NULL)," \
	"         (SELECT max(d.generation) FROM @team_delta d WHERE d.member_id IS NOT NULL))"

/*
 * An old snapshot shows the transaction's own changes; but the generation that
 * they went into was looked up as of then, and the snapshot may not show that
 * there is such a one.
 */
static bool
own_changes_may_be_newer(void)
{
	return IsolationUsesXactSnapshot() && TransactionIdIsValid(GetTopTransactionIdIfAny());
}

static void
refuse_unkept(Program *program)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("program \"%s\" keeps no team totals", program->name),
			 errhint("Let it keep them with distributor.keep_team_totals().")));
}

static void
ask_by_query(TotalQuestion *question)
{
	Program    *program = question->program;
	Oid			types[] = {INT8OID, DATEOID};
	Datum		values[2];

	program_pin(program);
	program_member_must_exist(program, &question->member);
	values[0] = Int64GetDatum(question->member.id);
	values[1] = DateADTGetDatum(question->day);
	if (program_query(program, own_changes_may_be_newer() ? TOTAL_QUERY(NEWEST_GENERATION) : TOTAL_QUERY("p.delta_generation"),
					  2, types, values, question->all_time ? " n" : NULL, 1) != 1)
		elog(ERROR, "a sum has no row");
	if (DatumGetBool(program_get(0, 4, BOOLOID)))
		refuse_unkept(program);
	question->people = DatumGetInt64(program_get(0, 1, INT8OID));
	question->sales = DatumGetInt64(program_get(0, 2, INT8OID));
	question->volume = DatumGetNumeric(program_get(0, 3, NUMERICOID));
}

/*
 * The same without a query, which takes longer to start than a total to find,
 * and twice as long for each change.  Each step returns false where it is for
 * a query.
 */

static bool
find_member(TotalQuestion *question, Snapshot snapshot)
{
	Program    *program = question->program;
	bool		by_key = question->member.key != NULL;
	TableLookup lookup;
	bool		found;
	bool		isnull;

	if (!table_lookup_begin(&lookup, program_table(program, PROGRAM_MEMBER),
							by_key ? (TableColumn) {"member_key", TEXTOID} : (TableColumn) {"member_id", INT8OID},
							TABLE_EQUAL, snapshot))
		return false;
	found = table_lookup(&lookup, by_key ? PointerGetDatum(question->member.key) : Int64GetDatum(question->member.id));
	if (found)
	{
		question->member.id = DatumGetInt64(table_value(&lookup, (TableColumn) {"member_id", INT8OID}, &isnull));
		question->path = (RefPath *) PG_DETOAST_DATUM_COPY(table_value(&lookup, (TableColumn) {"path", program->refpath},
																	   &isnull));
	}
	table_lookup_end(&lookup);
	return found;
}

/* The first day of the period of a day. */
static DateADT
first_day(Datum unit, DateADT day)
{
	Datum		time = DirectFunctionCall1(date_timestamp, DateADTGetDatum(day));

	return DatumGetDateADT(DirectFunctionCall1(timestamp_date, DirectFunctionCall2(timestamp_trunc, unit, time)));
}

static bool
find_period(TotalQuestion *question, Snapshot snapshot)
{
	TableLookup lookup;
	Datum		unit;
	bool		found;
	bool		isnull;

	if (!table_lookup_begin(&lookup, program_table(question->program, PROGRAM_PROGRAM), (TableColumn) {"singleton", BOOLOID},
							TABLE_EQUAL, snapshot))
		return false;
	found = table_lookup(&lookup, BoolGetDatum(true));
	if (found)
	{
		unit = table_value(&lookup, (TableColumn) {"total_period", TEXTOID}, &isnull);
		if (isnull)
			refuse_unkept(question->program);
		if (!question->all_time)
			question->period = first_day(unit, question->day);
		question->last_generation =
			DatumGetInt32(table_value(&lookup, (TableColumn) {"delta_generation", INT4OID}, &isnull));
		question->first_generation =
			DatumGetInt32(table_value(&lookup, (TableColumn) {"folded_generation", INT4OID}, &isnull)) + 1;
	}
	table_lookup_end(&lookup);
	return found;
}

/* Sums of rows of team_total or team_delta. */
typedef struct TotalRows
{
	const TotalQuestion *question;
	int64		people;
	int64		sales;
	MoneySum	volume;
} TotalRows;

/* Where a table has what is added up. */
typedef struct TotalColumns
{
	AttrNumber	period;
	AttrNumber	people;
	AttrNumber	sales;
	AttrNumber	volume;
} TotalColumns;

static bool
add_volume(MoneySum *sum, Datum value)
{
	struct varlena *volume = PG_DETOAST_DATUM_PACKED(value);
	MoneySum	addend;

	if (!money_sum_of_numeric(&addend, (Numeric) volume))
		return false;
	money_sum_add(sum, &addend);
	money_sum_clear(&addend);
	if (volume != (struct varlena *) DatumGetPointer(value))
		pfree(volume);
	return true;
}

static bool
add_row(TotalRows *rows, TupleTableSlot *slot, const TotalColumns *columns)
{
	bool		isnull;

	if (!rows->question->all_time &&
		DatumGetDateADT(slot_getattr(slot, columns->period, &isnull)) != rows->question->period)
		return true;
	return !pg_add_s64_overflow(rows->people, DatumGetInt64(slot_getattr(slot, columns->people, &isnull)), &rows->people) &&
		!pg_add_s64_overflow(rows->sales, DatumGetInt64(slot_getattr(slot, columns->sales, &isnull)), &rows->sales) &&
		add_volume(&rows->volume, slot_getattr(slot, columns->volume, &isnull));
}

static bool
add_rows(TotalRows *rows, TableLookup *lookup, const Datum *values)
{
	TotalColumns columns;

	if (!table_lookup_all(lookup, values))
		return true;
	columns.period = table_column(lookup, (TableColumn) {"period", DATEOID});
	columns.people = table_column(lookup, (TableColumn) {"people", INT8OID});
	columns.sales = table_column(lookup, (TableColumn) {"sales", INT8OID});
	columns.volume = table_column(lookup, (TableColumn) {"volume", NUMERICOID});
	do
	{
		CHECK_FOR_INTERRUPTS();
		if (!add_row(rows, lookup->slot, &columns))
			return false;
	} while (table_lookup_next(lookup));
	return true;
}

static bool
add_folded(TotalRows *rows, Snapshot snapshot)
{
	const TotalQuestion *question = rows->question;
	static const TableCondition conditions[] = {
		{{"member_id", INT8OID}, TABLE_EQUAL}, {{"period", DATEOID}, TABLE_EQUAL}
	};
	Datum		values[] = {Int64GetDatum(question->member.id), DateADTGetDatum(question->period)};
	TableLookup lookup;
	bool		added;

	if (!table_lookup_begin_all(&lookup, program_table(question->program, PROGRAM_TEAM_TOTAL), conditions,
								question->all_time ? 1 : 2, snapshot))
		return false;
	added = add_rows(rows, &lookup, values);
	table_lookup_end(&lookup);
	return added;
}

/* Changes of each generation by such conditions, of which the first is the generation. */
static bool
add_changes(TotalRows *rows, const TableCondition *conditions, Datum *values, int n, Snapshot snapshot)
{
	const TotalQuestion *question = rows->question;
	TableLookup lookup;
	bool		added = true;

	if (!table_lookup_begin_all(&lookup, program_table(question->program, PROGRAM_TEAM_DELTA), conditions, n, snapshot))
		return false;
	table_lookup_many(&lookup);
	for (int64 generation = question->first_generation; added && generation <= question->last_generation; generation++)
	{
		values[0] = Int32GetDatum((int32) generation);
		added = add_rows(rows, &lookup, values);
	}
	table_lookup_end(&lookup);
	return added;
}

static bool
add_team_changes(TotalRows *rows, Snapshot snapshot)
{
	const TotalQuestion *question = rows->question;
	Oid			refpath = question->program->refpath;
	const TableCondition conditions[] = {
		{{"generation", INT4OID}, TABLE_EQUAL}, {{"path", refpath}, TABLE_FROM}, {{"path", refpath}, TABLE_BELOW}
	};
	Datum		values[] = {0, PointerGetDatum(question->path), PointerGetDatum(refpath_upper(question->path))};

	return add_changes(rows, conditions, values, lengthof(conditions), snapshot);
}

static bool
add_single_changes(TotalRows *rows, Snapshot snapshot)
{
	static const TableCondition conditions[] = {
		{{"generation", INT4OID}, TABLE_EQUAL}, {{"member_id", INT8OID}, TABLE_EQUAL}
	};
	Datum		values[] = {0, Int64GetDatum(rows->question->member.id)};

	return add_changes(rows, conditions, values, lengthof(conditions), snapshot);
}

static bool
ask_directly(TotalQuestion *question)
{
	static const ProgramTable tables[] = {PROGRAM_PROGRAM, PROGRAM_MEMBER, PROGRAM_TEAM_TOTAL, PROGRAM_TEAM_DELTA};
	Snapshot	snapshot = program_snapshot(question->program);
	TotalRows	rows = {.question = question};

	if (own_changes_may_be_newer() || !program_may_read_all(question->program, tables, lengthof(tables)) ||
		!find_member(question, snapshot) ||
		!find_period(question, snapshot) ||
		!add_folded(&rows, snapshot) ||
		!add_team_changes(&rows, snapshot) ||
		!add_single_changes(&rows, snapshot))
		return false;
	question->people = rows.people;
	question->sales = rows.sales;
	question->volume = money_sum_to_numeric(&rows.volume);
	return true;
}

PG_FUNCTION_INFO_V1(program_team_total);
Datum
program_team_total(PG_FUNCTION_ARGS)
{
	enum
	{
		PEOPLE, SALES, VOLUME, NCOLUMNS
	};
	MemoryContext caller = CurrentMemoryContext;	/* an open program has another */
	Program    *program = program_arg_to_find(fcinfo);
	TotalQuestion question = {.program = program};
	Datum		values[NCOLUMNS];
	bool		nulls[NCOLUMNS] = {false};
	TupleDesc	desc;
	HeapTuple	result;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	question.member = program_member_arg(fcinfo, program, 1, "member", true);
	question.all_time = PG_ARGISNULL(2);
	if (!question.all_time)
		question.day = PG_GETARG_DATEADT(2);
	if (!ask_directly(&question))
		ask_by_query(&question);
	values[PEOPLE] = Int64GetDatum(question.people);
	values[SALES] = Int64GetDatum(question.sales);
	values[VOLUME] = NumericGetDatum(question.volume);
	MemoryContextSwitchTo(caller);
	result = heap_form_tuple(BlessTupleDesc(desc), values, nulls);
	program_close(program);
	PG_RETURN_DATUM(HeapTupleGetDatum(result));
}
