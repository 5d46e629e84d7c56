/*
 * program_plan.c
 *	  The versions of a program's plan: setting one, finding the valid one.
 *
 * A compiled plan is kept for the session.  Versions never change, but a
 * rolled back version may come again with other content: an entry is used only
 * while its document is the one in the table.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "program_member.h"
#include "program_sale.h"

typedef struct CompiledKey
{
	Oid			table;			/* plan of the program */
	int32		version;
} CompiledKey;

typedef struct Compiled
{
	CompiledKey key;
	MemoryContext context;		/* holds document and plan; NULL: not compiled */
	Jsonb	   *document;
	TableVersion version;		/* of the row it was read from, where that is known */
	CommissionPlan *plan;
} Compiled;

static HTAB *compiled_plans = NULL;

static CommissionPlan *
compiled_plan(Program *program, int version, Jsonb *document)
{
	CompiledKey key = {program->tables[PROGRAM_PLAN], version};
	Compiled   *entry;
	MemoryContext context;
	MemoryContext caller;
	bool		found;

	if (compiled_plans == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(CompiledKey),.entrysize = sizeof(Compiled)};

		compiled_plans = hash_create("distributor plans", 16, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(compiled_plans, &key, HASH_ENTER, &found);
	if (!found)
		entry->context = NULL;
	if (entry->context != NULL)
	{
		if (VARSIZE_ANY(entry->document) == VARSIZE_ANY(document) &&
			memcmp(entry->document, document, VARSIZE_ANY(document)) == 0)
			return entry->plan;
		/* a posting further up may be computing with it: code of the owner runs inside */
		MemoryContextSetParent(entry->context, TopTransactionContext);
		entry->context = NULL;
	}

	memset(&entry->version, 0, sizeof(TableVersion));
	context = AllocSetContextCreate(CurrentMemoryContext, "distributor plan", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	entry->document = palloc(VARSIZE_ANY(document));
	memcpy(entry->document, document, VARSIZE_ANY(document));
	entry->plan = plan_compile(entry->document);
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, TopMemoryContext);
	entry->context = context;
	return entry->plan;
}

/* The plan of a row of the table; its document is read only where it is new. */
static CommissionPlan *
plan_of_row(Program *program, TableLookup *lookup, int version)
{
	CompiledKey key = {program->tables[PROGRAM_PLAN], version};
	TableVersion row = table_version(lookup->slot);
	Compiled   *entry = compiled_plans == NULL ? NULL : hash_search(compiled_plans, &key, HASH_FIND, NULL);
	CommissionPlan *plan;
	bool		isnull;

	if (entry != NULL && entry->context != NULL && table_same_version(&entry->version, &row))
		return entry->plan;
	plan = compiled_plan(program, version,
						 DatumGetJsonbP(table_value(lookup, (TableColumn) {"document", JSONBOID}, &isnull)));
	entry = hash_search(compiled_plans, &key, HASH_FIND, NULL);
	entry->version = row;
	return plan;
}

/* The same as program_plans, by key; NULL: a query must look. */
static PlanVersion *
find_plans(Program *program, TimestampTz from, TimestampTz to, int *n)
{
	int			room = 4;
	PlanVersion *versions = palloc(sizeof(PlanVersion) * room);
	TableLookup lookup;
	bool		found;

	if (IsolationUsesXactSnapshot())
		return NULL;
	*n = 0;
	PushActiveSnapshot(program_snapshot(program));
	if (!table_lookup_begin(&lookup, program_table(program, PROGRAM_PLAN), (TableColumn) {"valid_from", TIMESTAMPTZOID},
							TABLE_UP_TO, GetActiveSnapshot()))
	{
		PopActiveSnapshot();
		return NULL;
	}
	for (found = table_lookup(&lookup, TimestampTzGetDatum(to)); found; found = table_lookup_next(&lookup))
	{
		PlanVersion *version;
		bool		isnull;

		if (*n == room)
			versions = repalloc(versions, sizeof(PlanVersion) * (room *= 2));
		version = &versions[(*n)++];
		version->version = DatumGetInt32(table_value(&lookup, (TableColumn) {"version", INT4OID}, &isnull));
		version->valid_from = DatumGetTimestampTz(table_value(&lookup, (TableColumn) {"valid_from", TIMESTAMPTZOID}, &isnull));
		version->plan = plan_of_row(program, &lookup, version->version);
		if (version->valid_from <= from)
			break;
	}
	table_lookup_end(&lookup);
	PopActiveSnapshot();
	return versions;
}

/*
 * The versions valid at some time between from and to, the latest first: the
 * first whose valid_from is not after a moment is valid at it.  May be none.
 */
PlanVersion *
program_plans(Program *program, TimestampTz from, TimestampTz to, int *n)
{
	PlanVersion *known = find_plans(program, from, to, n);
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[2];
	PlanVersion *versions;

	if (known != NULL)
		return known;
	values[0] = TimestampTzGetDatum(from);
	values[1] = TimestampTzGetDatum(to);
	*n = program_query_now(program,
						   "SELECT p.version, p.valid_from, p.document"
						   "  FROM @plan p"
						   " WHERE p.valid_from <= $2"
						   "   AND p.valid_from >= coalesce((SELECT max(e.valid_from) FROM @plan e"
						   "                                  WHERE e.valid_from <= $1), '-infinity')"
						   " ORDER BY p.valid_from DESC",
						   2, types, values, NULL, 0);
	versions = palloc(sizeof(PlanVersion) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		versions[i].version = DatumGetInt32(program_get(i, 1, INT4OID));
		versions[i].valid_from = DatumGetTimestampTz(program_get(i, 2, TIMESTAMPTZOID));
		versions[i].plan = compiled_plan(program, versions[i].version,
										 DatumGetJsonbP(program_get(i, 3, JSONBOID)));
	}
	SPI_freetuptable(SPI_tuptable);
	return versions;
}

/* One version, which exists. */
CommissionPlan *
program_plan(Program *program, int version)
{
	Oid			types[] = {INT4OID};
	Datum		value = Int32GetDatum(version);
	CommissionPlan *plan;

	if (program_query(program, "SELECT p.document FROM @plan p WHERE p.version = $1",
					  1, types, &value, NULL, 1) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("program \"%s\" has no version %d of its plan", program->name, version)));
	plan = compiled_plan(program, version, DatumGetJsonbP(program_get(0, 1, JSONBOID)));
	SPI_freetuptable(SPI_tuptable);
	return plan;
}

typedef struct NewPlan
{
	Jsonb	   *document;
	bool		has_valid_from;
	TimestampTz valid_from;
	char	   *author;
	int			version;		/* result */
} NewPlan;

/*
 * A plan that begins in the past must not change what sales since then were
 * promised: they have been posted by the plan before it.  Sales dated in the
 * future keep that plan as well, and hinder nobody.
 */
static void
check_no_sales_since(Program *program, TimestampTz valid_from)
{
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[2];

	values[0] = TimestampTzGetDatum(valid_from);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	if (valid_from >= DatumGetTimestampTz(values[1]))
		return;
	if (program_query(program,
					  "SELECT s.order_key, s.plan_version FROM @sale s"
					  " WHERE s.occurred_at BETWEEN $1 AND $2 AND " SALE_IS_LATEST " LIMIT 1",
					  2, types, values, NULL, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("sales since %s have been posted already", timestamptz_to_str(valid_from)),
				 errdetail("Order \"%s\", for one, was posted by version %d of the plan.",
						   TextDatumGetCString(program_get(0, 1, TEXTOID)),
						   DatumGetInt32(program_get(0, 2, INT4OID))),
				 errhint("Let the plan begin now or later.")));
}

/*
 * When a plan begins that is to begin now: with this transaction, so that its
 * own sales are paid by the plan, unless others posted sales while it waited
 * for the tree, or it has set a plan already.
 */
static TimestampTz
earliest_start(Program *program)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	TimestampTz later = GetCurrentTimestamp();
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[2];

	values[0] = TimestampTzGetDatum(now);
	values[1] = TimestampTzGetDatum(later);
	/* sales dated in the future say nothing about who came first */
	if (program_query(program,
					  "SELECT FROM @sale s WHERE s.occurred_at BETWEEN $1 AND $2"
					  " UNION ALL SELECT FROM @plan p WHERE p.valid_from = $1 LIMIT 1",
					  2, types, values, NULL, 1) > 0)
		return later;
	return now;
}

/* One beginning, one plan: the one before would never be valid. */
static void
check_no_plan_at(Program *program, TimestampTz valid_from)
{
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		value = TimestampTzGetDatum(valid_from);

	if (program_query(program,
					  "SELECT p.version FROM @plan p WHERE p.valid_from = $1",
					  1, types, &value, NULL, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("another plan is valid from %s already", timestamptz_to_str(valid_from)),
				 errdetail("It is version %d.", DatumGetInt32(program_get(0, 1, INT4OID))),
				 errhint("Let the plan begin at another time, for example now."),
				 member_errfields(program, "plan", "plan_valid_from_key")));
}

static void
insert_plan(Program *program, void *arg)
{
	NewPlan    *new = arg;
	Oid			types[] = {INT4OID, TIMESTAMPTZOID, JSONBOID, TEXTOID};
	Datum		values[4];

	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a plan cannot be set in a %s transaction",
						XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
				 errdetail("Its snapshot may be older than the sales that the plan must not precede."),
				 errhint("Use READ COMMITTED.")));

	/* Alone with the tree, no sale is being posted by an older version. */
	program_lock_tree(program, true, LockTimeout > 0 ? LockTimeout : PROGRAM_LOCK_TIMEOUT);
	program_query(program, "SELECT coalesce(max(p.version), 0) + 1 FROM @plan p", 0, NULL, NULL, NULL, 1);
	new->version = DatumGetInt32(program_get(0, 1, INT4OID));
	if (!new->has_valid_from)
		new->valid_from = new->version == 1 ? DT_NOBEGIN : earliest_start(program);
	check_no_plan_at(program, new->valid_from);
	check_no_sales_since(program, new->valid_from);
	values[0] = Int32GetDatum(new->version);
	values[1] = TimestampTzGetDatum(new->valid_from);
	values[2] = JsonbPGetDatum(new->document);
	values[3] = CStringGetTextDatum(new->author);
	program_query(program,
				  "INSERT INTO @plan (version, valid_from, document, created_by) VALUES ($1, $2, $3, $4)",
				  4, types, values, NULL, 0);
}

/* set_plan(program text, plan json, valid_from timestamptz) returns int */
PG_FUNCTION_INFO_V1(program_set_plan);
Datum
program_set_plan(PG_FUNCTION_ARGS)
{
	Program    *program;
	NewPlan		new = {0};
	CommissionPlan *plan;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("program and plan must not be null")));
	new.has_valid_from = !PG_ARGISNULL(2);
	if (new.has_valid_from)
		new.valid_from = PG_GETARG_TIMESTAMPTZ(2);
	if (new.has_valid_from && TIMESTAMP_IS_NOEND(new.valid_from))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("valid_from must not be infinity"),
				 errhint("Such a plan would never be valid.")));
	new.document = plan_document(PG_GETARG_TEXT_PP(1));
	plan = plan_compile(new.document);
	new.author = GetUserNameFromId(GetUserId(), false);

	program = program_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	program_check_right(program, PROGRAM_PLAN, ACL_INSERT);
	(void) plan_currency_scale(plan, program->currency);
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_PLAN), insert_plan, &new);
	program_close(program);
	PG_RETURN_INT32(new.version);
}
