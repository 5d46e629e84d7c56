/*
 * program_total_as_of.c
 *	  A team total now, which is kept (program_total_read.c), or as it was at a
 *	  time: that is computed anew (46-as-of.sql), as nothing that is kept tells
 *	  of the past.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"

#include "program_arg.h"
#include "program_total.h"

static Datum
total_as_of(PG_FUNCTION_ARGS)
{
	enum
	{
		PEOPLE, SALES, VOLUME, NCOLUMNS
	};
	MemoryContext caller = CurrentMemoryContext;	/* an open program has another */
	Program    *program = program_arg_to_read(fcinfo);
	MemberArg	member = program_member_arg(fcinfo, program, 1, "member", true);
	Oid			types[] = {TEXTOID, INT8OID, DATEOID, TIMESTAMPTZOID};
	Datum		values[] = {PG_GETARG_DATUM(0), (Datum) 0, (Datum) 0, PG_GETARG_DATUM(3)};
	Datum		columns[NCOLUMNS];
	bool		nulls[NCOLUMNS] = {false};
	TupleDesc	desc;
	HeapTuple	result;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	program_member_must_exist(program, &member);
	values[1] = Int64GetDatum(member.id);
	if (!PG_ARGISNULL(2))
		values[2] = PG_GETARG_DATUM(2);
	if (program_query(program, "SELECT t.people, t.sales, t.volume FROM distributor.team_total_as_of($1, $2, $3, $4) t",
					  4, types, values, PG_ARGISNULL(2) ? "  n " : NULL, 1) != 1)
		elog(ERROR, "a total has no row");
	columns[PEOPLE] = program_get(0, 1, INT8OID);
	columns[SALES] = program_get(0, 2, INT8OID);
	columns[VOLUME] = program_get(0, 3, NUMERICOID);
	MemoryContextSwitchTo(caller);
	result = heap_form_tuple(BlessTupleDesc(desc), columns, nulls);
	program_close(program);
	PG_RETURN_DATUM(HeapTupleGetDatum(result));
}

/* team_total(program, member, period, as_of) */
PG_FUNCTION_INFO_V1(program_team_total_as_of);
Datum
program_team_total_as_of(PG_FUNCTION_ARGS)
{
	return PG_ARGISNULL(3) ? program_team_total(fcinfo) : total_as_of(fcinfo);
}
