/*
 * program_archive.c
 *	  A ledger by months, and taking old months out of it.
 *
 * Tables are made in PL/pgSQL (sql/install/32-balance.sql), as the program's
 * owner and while the program is not open, so that the ledger may be replaced.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/tuplestore.h"

#include "program_arg.h"
#include "program_balance.h"
#include "program_cut.h"
#include "program_ledger.h"
#include "program_sale.h"

/* What was posted then is not in the ledger: nothing can be taken back of it. */
void
ledger_check_not_archived(Program *program, Datum sale_ids)
{
	Oid			types[] = {INT8ARRAYOID};

	if (program_query_now(program,
						  "SELECT s.order_key FROM @program p"
						  "  JOIN @sale s ON s.sale_id = ANY ($1) AND s.posted_at < p.archived_before"
						  " WHERE p.archived_before IS NOT NULL",
						  1, types, &sale_ids, NULL, 1) == 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the entries of order \"%s\" have been archived",
						TextDatumGetCString(program_get(0, 1, TEXTOID))),
				 errdetail("What it paid is not in the ledger any more and cannot be taken back entry by entry."),
				 errhint("Take commissions back by distributor.adjust(); the archived table says which.")));
	SPI_freetuptable(SPI_tuptable);
}

/* Run a statement of DDL, or a function that does, as the owner of the program. */
static Datum
run_as(Oid owner, const char *sql, int nargs, Oid *types, Datum *values, Oid result_type)
{
	Oid			save_userid;
	int			save_sec_context;
	Datum		result = (Datum) 0;
	bool		isnull;

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(owner, save_sec_context | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION | SECURITY_NOFORCE_RLS);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute_with_args(sql, nargs, types, values, NULL, false, 0) < 0)
		elog(ERROR, "could not execute \"%s\"", sql);
	if (OidIsValid(result_type))
		result = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	SPI_finish();
	SetUserIdAndSecContext(save_userid, save_sec_context);
	return result;
}

/* Whose the program is; it is not open afterwards, but its tables stay locked. */
static Oid
owner_alone(FunctionCallInfo fcinfo)
{
	Program    *program = program_arg(fcinfo);
	Oid			owner = program->owner;

	program_check_owner(program);
	program_check_newest("a ledger cannot be divided");
	program_close(program);
	return owner;
}

/* partition_ledger(program) returns void */
PG_FUNCTION_INFO_V1(program_partition_ledger);
Datum
program_partition_ledger(PG_FUNCTION_ARGS)
{
	Oid			owner = owner_alone(fcinfo);
	Oid			types[] = {TEXTOID};
	Datum		values[] = {PG_GETARG_DATUM(0)};

	(void) run_as(owner, "SELECT distributor.partition_ledger_tables($1)", 1, types, values, InvalidOid);
	PG_RETURN_VOID();
}

/* create_ledger_partitions(program, until) returns int */
PG_FUNCTION_INFO_V1(program_create_ledger_partitions);
Datum
program_create_ledger_partitions(PG_FUNCTION_ARGS)
{
	Oid			owner = owner_alone(fcinfo);
	Oid			types[] = {TEXTOID, TIMESTAMPTZOID};
	Datum		values[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("until must not be null")));
	return run_as(owner, "SELECT distributor.create_ledger_months($1, $2)", 2, types, values, INT4OID);
}

/* archive_ledger(program, before) returns setof regclass */

typedef struct Archive
{
	TimestampTz before;			/* as asked for */
	List	   *tables;			/* OIDs of the partitions to take out */
	TimestampTz archived_before;
	TimestampTz statements_from;
} Archive;

/* The partitions that end by then. */
static void
find_partitions(Program *program, Archive *archive)
{
	Oid			types[] = {REGCLASSOID, TIMESTAMPTZOID};
	Datum		values[] = {ObjectIdGetDatum(program->tables[PROGRAM_LEDGER]), TimestampTzGetDatum(archive->before)};
	uint64		found;

	found = program_query(program,
						  "SELECT b.relid, b.ends_at"
						  "  FROM (SELECT c.oid::regclass AS relid,"
						  "               substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \\(''([^'']+)''\\)')::timestamptz AS ends_at"
						  "          FROM pg_inherits i"
						  "          JOIN pg_class c ON c.oid = i.inhrelid"
						  "         WHERE i.inhparent = $1) b"
						  " WHERE b.ends_at <= $2 ORDER BY b.ends_at",
						  2, types, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		archive->tables = lappend_oid(archive->tables, DatumGetObjectId(program_get(i, 1, REGCLASSOID)));
		archive->archived_before = DatumGetTimestampTz(program_get(i, 2, TIMESTAMPTZOID));
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
not_yet(Program *program, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the ledger of program \"%s\" cannot be archived yet", program->name),
			 errdetail("%s", detail),
			 errhint("%s", hint)));
}

/*
 * What is taken out must be folded, so that balances do without it, and in
 * closed periods, so that statements can begin after it.
 */
static void
check_archivable(Program *program, Archive *archive)
{
	Oid			types[] = {TIMESTAMPTZOID, OIDOID};
	Datum		values[] = {TimestampTzGetDatum(archive->archived_before),
	ObjectIdGetDatum(program->tables[PROGRAM_LEDGER])};
	Datum		from;
	bool		isnull;

	program_query(program,
				  "SELECT b.last > p.folded_through, b.outside,"
				  "       (SELECT min(c.ends_at) FROM @closed_period c"
				  "         WHERE c.ends_at >= $1 AND c.through_entry_id >= b.last)"
				  "  FROM @program p,"
				  "       (SELECT coalesce(max(l.entry_id), 0) AS last,"
				  "               coalesce(bool_or(d.partdefid = l.tableoid), false) AS outside"
				  "          FROM @ledger l, pg_partitioned_table d"
				  "         WHERE l.posted_at < $1 AND d.partrelid = $2) b",
				  2, types, values, NULL, 1);
	if (DatumGetBool(program_get(0, 2, BOOLOID)))
		not_yet(program, "Entries of these months are in the default partition.",
				"Call create_ledger_partitions() first, which moves them.");
	if (DatumGetBool(program_get(0, 1, BOOLOID)))
		not_yet(program, "Not all entries of these months have been folded.", "CALL distributor.fold() first.");
	from = program_column(0, 3, TIMESTAMPTZOID, &isnull);
	if (isnull)
		not_yet(program, "Not all entries of these months are in closed periods.",
				"Close the period by distributor.close_period() first.");
	archive->statements_from = DatumGetTimestampTz(from);
	SPI_freetuptable(SPI_tuptable);
}

static bool
has_cap(const CommissionPlan *plan, PlanCap cap)
{
	for (int r = 0; r < plan->nrules; r++)
		if (plan->rules[r].caps[cap].any != NULL || plan->rules[r].caps[cap].n > 0)
			return true;
	return false;
}

/*
 * Plans in force look back into the ledger, some of them for ever.  Shorter
 * caps than a year's look at months that are not closed yet.
 */
static void
check_not_counted(Program *program, Archive *archive)
{
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		value = TimestampTzGetDatum(archive->archived_before);
	uint64		n = program_query(program,
								  "SELECT p.version, $1 > date_trunc('year', now() AT TIME ZONE s.time_zone) AT TIME ZONE s.time_zone"
								  "  FROM @plan p, @program s"
								  " WHERE p.valid_from >= coalesce((SELECT max(c.valid_from) FROM @plan c WHERE c.valid_from <= now()), '-infinity')",
								  1, types, &value, NULL, 0);
	int		   *versions = palloc(sizeof(int) * Max(n, 1));
	bool		this_year = n > 0 && DatumGetBool(program_get(0, 2, BOOLOID));

	for (uint64 i = 0; i < n; i++)
		versions[i] = DatumGetInt32(program_get(i, 1, INT4OID));
	SPI_freetuptable(SPI_tuptable);
	for (uint64 i = 0; i < n; i++)
	{
		const CommissionPlan *plan = program_plan(program, versions[i]);

		if (plan->uses_applied || has_cap(plan, PLAN_CAP_MEMBER_LIFETIME) ||
			(this_year && has_cap(plan, PLAN_CAP_MEMBER_YEAR)))
			not_yet(program,
					psprintf("Version %d of its plan counts what the ledger says of these months (once_per_buyer, or a cap by year or for life).",
							 versions[i]),
					"Keep these months, or change the plan first.");
	}
}

/* Keep the sums of what goes, for statements and balances of the past. */
static void
keep_sums(Program *program, void *arg)
{
	Archive    *archive = arg;
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[] = {TimestampTzGetDatum(archive->archived_before), TimestampTzGetDatum(archive->statements_from)};

	find_partitions(program, archive);
	if (archive->tables == NIL)
		return;
	check_archivable(program, archive);
	check_not_counted(program, archive);
	values[0] = TimestampTzGetDatum(archive->archived_before);
	values[1] = TimestampTzGetDatum(archive->statements_from);
	program_query_once(program,
					   "INSERT INTO @archived AS a (member_id, currency, entry_id, amount, available_at, sale_id)"
					   " SELECT e.member_id, e.currency, e.entry_id, sum(e.amount), max(e.available_at), max(e.sale_id)"
					   "   FROM (SELECT l.member_id, l.currency, l.amount,"
					   "                CASE WHEN v.available THEN 0 ELSE l.entry_id END AS entry_id,"
					   "                CASE WHEN v.available THEN '-infinity' ELSE l.available_at END AS available_at,"
					   "                CASE WHEN NOT v.available AND l.available_at IS NULL THEN " UNRELEASED_SALE("l", "p") " END AS sale_id"
					   "           FROM @ledger l"
					   JOIN_RELEASE
					   "          CROSS JOIN LATERAL (SELECT coalesce(coalesce(l.available_at,"
					   "                     CASE WHEN r.recorded_at <= $2 THEN r.available_at END) <= $2, false) AS available) v"
					   "          WHERE l.posted_at < $1) e"
					   "  GROUP BY 1, 2, 3"
					   " ON CONFLICT (member_id, currency, entry_id) DO UPDATE SET amount = a.amount + excluded.amount",
					   2, types, values, 0);
	/* a month of long ago may have come back, for entries that were committed late */
	program_query(program,
				  "UPDATE @program SET archived_before = greatest(archived_before, $1),"
				  "       statements_from = greatest(statements_from, $2)",
				  2, types, values, NULL, 0);
}

static void
take_out(Oid owner, text *name, Oid relid)
{
	Oid			types[] = {TEXTOID, REGCLASSOID};
	Datum		values[] = {PointerGetDatum(name), ObjectIdGetDatum(relid)};

	(void) run_as(owner, "SELECT distributor.detach_ledger_partition($1, $2)", 2, types, values, InvalidOid);
}

PG_FUNCTION_INFO_V1(program_archive_ledger);
Datum
program_archive_ledger(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Program    *program;
	Archive		archive = {0};
	MemoryContext context;
	Oid			owner;
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	context = CurrentMemoryContext;
	program = program_arg(fcinfo);
	program_check_owner(program);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("before must not be null")));
	archive.before = PG_GETARG_TIMESTAMPTZ(1);
	program_check_newest("a ledger cannot be archived");
	if (get_rel_relkind(program->tables[PROGRAM_LEDGER]) != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the ledger of program \"%s\" is not divided by months", program->name),
				 errhint("Divide it by distributor.partition_ledger() first.")));
	(void) program_lock_work(program, WORK_FOLD, true);
	/* nothing may be added to what is summed up here */
	LockRelationOid(program->tables[PROGRAM_LEDGER], AccessExclusiveLock);
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_PROGRAM) | PROGRAM_WRITES(PROGRAM_ARCHIVED), keep_sums, &archive);
	owner = program->owner;
	MemoryContextSwitchTo(context);
	archive.tables = list_copy(archive.tables);
	program_close(program);		/* its ledger must not be open when it changes */
	foreach(cell, archive.tables)
	{
		Datum		value = ObjectIdGetDatum(lfirst_oid(cell));
		bool		isnull = false;

		take_out(owner, PG_GETARG_TEXT_PP(0), lfirst_oid(cell));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
	}
	return (Datum) 0;
}
