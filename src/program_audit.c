/*
 * program_audit.c
 *	  audit(): is the money of a program what its sales, history and plan say?
 *
 * Everything is read as the caller, with the snapshot of the calling
 * statement, and nothing is written or locked: it runs on a standby and in a
 * read-only transaction.  A table that hides rows from the caller would make
 * the answer a lie, so it is refused.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

#include "program_audit.h"

/* Rows fetched at a time. */
#define AUDIT_FETCH_ROWS	2000

enum
{
	INVARIANT, OBJECT, EXPECTED, FOUND, NCOLUMNS
};

/* One violation; expected or found may be NULL: nothing. */
void
audit_row(Audit *audit, const char *invariant, const char *object, const char *expected, const char *found)
{
	Datum		values[NCOLUMNS];
	bool		nulls[NCOLUMNS] = {0};

	values[INVARIANT] = CStringGetTextDatum(invariant);
	values[OBJECT] = CStringGetTextDatum(object);
	values[EXPECTED] = CStringGetTextDatum(expected != NULL ? expected : "none");
	values[FOUND] = CStringGetTextDatum(found != NULL ? found : "none");
	tuplestore_putvalues(audit->result->setResult, audit->result->setDesc, values, nulls);
}

/*
 * Planned for these tables as they are, and not kept: a plan that was made
 * while they were small would not end once they are large.
 */
static AuditStream *
open_stream(const char *sql, int nargs, const Oid *types, const Datum *values)
{
	MemoryContext caller = CurrentMemoryContext;
	AuditStream *stream = palloc0(sizeof(AuditStream));

	stream->portal = SPI_cursor_open_with_args(NULL, sql, nargs, unconstify(Oid *, types),
											   unconstify(Datum *, values), NULL, true, 0);
	MemoryContextSwitchTo(caller);
	return stream;
}

/*
 * The rows of a query on the tables of the program; $1 is since, and $2 from
 * when on the ledger is there.
 */
AuditStream *
audit_stream(Audit *audit, const char *format)
{
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[2];
	char	   *sql = program_sql(audit->program, format);
	AuditStream *stream;

	values[0] = TimestampTzGetDatum(audit->since);
	values[1] = TimestampTzGetDatum(audit->archived_before);
	stream = open_stream(sql, lengthof(values), types, values);

	pfree(sql);
	return stream;
}

static bool
fetch(AuditStream *stream)
{
	MemoryContext caller = CurrentMemoryContext;

	if (stream->rows != NULL)
		SPI_freetuptable(stream->rows);
	SPI_cursor_fetch(stream->portal, true, AUDIT_FETCH_ROWS);
	MemoryContextSwitchTo(caller);
	stream->rows = SPI_tuptable;
	stream->next = 0;
	SPI_tuptable = NULL;
	return stream->rows->numvals > 0;
}

/* Go on to the next row; false: there is none. */
bool
audit_next(AuditStream *stream)
{
	if (stream->done)
		return false;
	if ((stream->rows == NULL || stream->next == stream->rows->numvals) && !fetch(stream))
	{
		stream->done = true;
		return false;
	}
	if (stream->values == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(stream));

		stream->ncolumns = stream->rows->tupdesc->natts;
		stream->values = palloc(sizeof(Datum) * stream->ncolumns);
		stream->nulls = palloc(sizeof(bool) * stream->ncolumns);
		MemoryContextSwitchTo(caller);
	}
	CHECK_FOR_INTERRUPTS();
	heap_deform_tuple(stream->rows->vals[stream->next++], stream->rows->tupdesc, stream->values, stream->nulls);
	return true;
}

void
audit_close(AuditStream *stream)
{
	if (stream->rows != NULL)
		SPI_freetuptable(stream->rows);
	SPI_cursor_close(stream->portal);
	if (stream->values != NULL)
	{
		pfree(stream->values);
		pfree(stream->nulls);
	}
	pfree(stream);
}

static void
put_rows(Audit *audit, AuditStream *stream)
{
	while (audit_next(stream))
		tuplestore_putvalues(audit->result->setResult, audit->result->setDesc, stream->values, stream->nulls);
	audit_close(stream);
}

/* A check that is a query; its columns are those of audit(), all of type text. */
void
audit_query(Audit *audit, const char *format)
{
	put_rows(audit, audit_stream(audit, format));
}

/* The same for a complete text, which names tables of the user. */
void
audit_query_text(Audit *audit, const char *sql, int nargs, const Oid *types, const Datum *values)
{
	put_rows(audit, open_stream(sql, nargs, types, values));
}

/* NULL: there is no such version. */
const AuditPlan *
audit_plan(Audit *audit, int version)
{
	int			low = 0;
	int			high = audit->nplans;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (audit->plans[middle].version < version)
			low = middle + 1;
		else
			high = middle;
	}
	return low < audit->nplans && audit->plans[low].version == version ? &audit->plans[low] : NULL;
}

static void
load_plans(Audit *audit)
{
	int			n = program_query(audit->program, "SELECT p.version, p.valid_from FROM @plan p ORDER BY p.version",
								  0, NULL, NULL, NULL, 0);

	audit->plans = palloc0(sizeof(AuditPlan) * Max(n, 1));
	audit->nplans = n;
	for (int i = 0; i < n; i++)
	{
		audit->plans[i].version = DatumGetInt32(program_get(i, 1, INT4OID));
		audit->plans[i].valid_from = DatumGetTimestampTz(program_get(i, 2, TIMESTAMPTZOID));
	}
	SPI_freetuptable(SPI_tuptable);
	for (int i = 0; i < n; i++)
		audit->plans[i].plan = program_plan(audit->program, audit->plans[i].version);
}

/* What archive_ledger() took away cannot be looked at. */
static void
load_archived(Audit *audit)
{
	bool		isnull;
	Datum		value;

	program_query(audit->program,
				  "SELECT p.archived_before FROM @program p", 0, NULL, NULL, NULL, 1);
	value = program_column(0, 1, TIMESTAMPTZOID, &isnull);
	audit->archived_before = isnull ? DT_NOBEGIN : DatumGetTimestampTz(value);
	SPI_freetuptable(SPI_tuptable);
}

/* All of every table, or nothing. */
static void
check_readable(Program *program)
{
	for (int i = 0; i < PROGRAM_NTABLES; i++)
	{
		program_check_right(program, i, ACL_SELECT);
		if (check_enable_rls(program->tables[i], InvalidOid, true) == RLS_ENABLED)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("row security would hide rows of table \"%s\" of program \"%s\"",
							get_rel_name(program->tables[i]), program->name),
					 errdetail("An audit that does not see all rows would call missing what is there."),
					 errhint("Act as a role that row security does not apply to.")));
	}
}

/* audit(program text, since timestamptz) returns setof record */
PG_FUNCTION_INFO_V1(program_audit);
Datum
program_audit(PG_FUNCTION_ARGS)
{
	Audit		audit = {0};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("program and since must not be null")));
	InitMaterializedSRF(fcinfo, 0);
	audit.result = (ReturnSetInfo *) fcinfo->resultinfo;
	audit.since = PG_GETARG_TIMESTAMPTZ(1);
	audit.program = program_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	check_readable(audit.program);
	load_plans(&audit);
	load_archived(&audit);

	audit_tree(&audit);
	audit_sales(&audit);
	audit_counters(&audit);
	audit_doors(&audit);
	audit_payouts(&audit);
	audit_checkpoints(&audit);
	audit_totals(&audit);
	audit_guards(&audit);
	audit_sources(&audit);
	program_close(audit.program);
	return (Datum) 0;
}
