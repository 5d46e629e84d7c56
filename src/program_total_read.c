/*
 * program_total_read.c
 *	  A team total at the reader's snapshot: what is folded and what is not.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/date.h"
#include "utils/snapmgr.h"

#include "program_arg.h"
#include "program_total.h"

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
	"        (SELECT g.total_period IS NULL FROM g)" \
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

PG_FUNCTION_INFO_V1(program_team_total);
Datum
program_team_total(PG_FUNCTION_ARGS)
{
	enum
	{
		PEOPLE, SALES, VOLUME, NCOLUMNS
	};
	MemoryContext caller = CurrentMemoryContext;	/* an open program has another */
	Program    *program = program_arg_to_read(fcinfo);
	MemberArg	member = program_member_arg(fcinfo, program, 1, "member", true);
	Oid			types[] = {INT8OID, DATEOID};
	Datum		values[2];
	bool		nulls[NCOLUMNS] = {false};
	TupleDesc	desc;
	HeapTuple	result;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	program_member_must_exist(program, &member);
	values[0] = Int64GetDatum(member.id);
	values[1] = PG_ARGISNULL(2) ? (Datum) 0 : PG_GETARG_DATUM(2);
	if (program_query(program, own_changes_may_be_newer() ? TOTAL_QUERY(NEWEST_GENERATION) : TOTAL_QUERY("p.delta_generation"),
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
