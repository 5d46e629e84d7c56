/*
 * program_sql.c
 *	  SQL on the tables of a program: building its text, running it, arrays in
 *	  and columns out.
 *
 * No other file puts names into SQL.  Plans are kept for the session, by
 * their text: a text names everything with its schema, and the server itself
 * plans anew when one of those things changes.
 */
#include "compat.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "program.h"

typedef struct PlanEntry
{
	const char *sql;
	SPIPlanPtr	plan;
	int			nargs;
	Oid		   *types;
	char		status;
} PlanEntry;

#define SH_PREFIX plans
#define SH_ELEMENT_TYPE PlanEntry
#define SH_KEY_TYPE const char *
#define SH_KEY sql
#define SH_HASH_KEY(tb, key) string_hash(key, strlen(key) + 1)
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static plans_hash *plans = NULL;

/*
 * "@member" stands for the table member of the program; an @ that no lower
 * case letter follows stays.  The tables are opened, and so looked at.
 */
char *
program_sql(Program *program, const char *format)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (const char *c = format; *c != '\0'; c++)
	{
		if (*c == '@' && c[1] >= 'a' && c[1] <= 'z')
		{
			appendStringInfo(&sql, "%s.", program->schema);
			program_table_named(program, c + 1, strspn(c + 1, "abcdefghijklmnopqrstuvwxyz_"));
		}
		else
			appendStringInfoChar(&sql, *c);
	}
	return sql.data;
}

static SPIPlanPtr
prepare(const char *sql, int nargs, const Oid *types)
{
	PlanEntry  *entry;
	SPIPlanPtr	plan;
	Oid		   *kept_types;
	bool		found;

	if (plans == NULL)
		plans = plans_create(TopMemoryContext, 64, NULL);
	entry = plans_lookup(plans, sql);
	if (entry != NULL && entry->nargs == nargs &&
		(nargs == 0 || memcmp(entry->types, types, sizeof(Oid) * nargs) == 0))
		return entry->plan;

	/*
	 * One plan for all sizes of batch: left alone, the server would plan anew
	 * each time, because an array of one element looks cheaper than the ten
	 * that it assumes.  So no query here may depend on the plan's guess: arrays
	 * are joined by index (pin_index_plans), transition tables by hash.
	 */
	plan = SPI_prepare_cursor(sql, nargs, unconstify(Oid *, types), CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep a plan");
	kept_types = MemoryContextAlloc(TopMemoryContext, sizeof(Oid) * Max(nargs, 1));
	if (nargs > 0)
		memcpy(kept_types, types, sizeof(Oid) * nargs);

	/*
	 * An older plan is left alone, as it may be running further up.  That is
	 * no leak to speak of: the types of a text change only where the
	 * extension was dropped and made again.
	 */
	if (entry == NULL)
		entry = plans_insert(plans, MemoryContextStrdup(TopMemoryContext, sql), &found);
	entry->plan = plan;
	entry->nargs = nargs;
	entry->types = kept_types;
	return plan;
}

/* sql is complete: names of the user's are in it, and an @ in them is theirs. */
static uint64
run_query(Program *program, Snapshot snapshot, const char *sql, int nargs,
		  const Oid *types, const Datum *values, const char *nulls, long limit)
{
	MemoryContext caller = CurrentMemoryContext;
	SPIPlanPtr	plan = prepare(sql, nargs, types);
	int			result;

	Assert(program->pinned);

	result = SPI_execute_snapshot(plan, unconstify(Datum *, values), nulls,
								  snapshot, InvalidSnapshot,
								  program->read_only, true, limit);
	/* SPI leaves its own context behind, which lives until program_close */
	MemoryContextSwitchTo(caller);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * The program's tables are read by their indexes, however small they are: a
 * plan made for five members would still scan the table when a statement
 * brings a hundred thousand, and compare each row with all of the array.
 */
static int
pin_index_plans(Program *program)
{
	int			guc_level;

	program_pin(program);		/* outside of the level that ends with the query */
	guc_level = NewGUCNestLevel();
	program_pin_setting("enable_seqscan", "off");
	program_pin_setting("enable_hashjoin", "off");
	program_pin_setting("enable_mergejoin", "off");

	/*
	 * Nor by their indexes from end to end, to compare each row with the
	 * array: that is fewer pages while a table is small.  Rows count for more.
	 */
	program_pin_setting("cpu_tuple_cost", "100");
	return guc_level;
}

/*
 * Run a query on the program's tables, as of a snapshot that somebody holds;
 * its rows, if any, are in SPI_tuptable.  limit 0 is none.
 */
uint64
program_query_at(Program *program, Snapshot snapshot, const char *format, int nargs,
				 const Oid *types, const Datum *values, const char *nulls,
				 long limit)
{
	char	   *sql = program_sql(program, format);
	int			guc_level = pin_index_plans(program);
	uint64		rows = run_query(program, snapshot, sql, nargs, types, values, nulls, limit);

	AtEOXact_GUC(false, guc_level);
	pfree(sql);
	return rows;
}

/* The same as of this statement. */
uint64
program_query(Program *program, const char *format, int nargs,
			  const Oid *types, const Datum *values, const char *nulls,
			  long limit)
{
	return program_query_at(program, InvalidSnapshot, format, nargs, types, values, nulls, limit);
}

/*
 * The same, planned for these very values and not kept: for what is rare and
 * reads a part of a table that only the values tell.  A plan that was made
 * while the table was small would read all of it for ever after.
 */
uint64
program_query_once(Program *program, const char *format, int nargs,
				   const Oid *types, const Datum *values, long limit)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *sql = program_sql(program, format);
	int			guc_level = pin_index_plans(program);
	int			result = SPI_execute_with_args(sql, nargs, unconstify(Oid *, types),
											   unconstify(Datum *, values), NULL,
											   program->read_only, limit);

	MemoryContextSwitchTo(caller);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
	AtEOXact_GUC(false, guc_level);
	pfree(sql);
	return SPI_processed;
}

static Snapshot
latest_snapshot(Program *program)
{
	return IsolationUsesXactSnapshot() && !program->read_only ? GetLatestSnapshot() : InvalidSnapshot;
}

/*
 * The same for what counts as it is now, also in a transaction whose snapshot
 * is older: a lock has been waited for, and what its holder did is in force.
 */
uint64
program_query_now(Program *program, const char *format, int nargs,
				  const Oid *types, const Datum *values, const char *nulls,
				  long limit)
{
	return program_query_at(program, latest_snapshot(program), format, nargs, types, values, nulls, limit);
}

/* The same for a complete text, which names tables of the user. */
uint64
program_query_text(Program *program, const char *sql, int nargs,
				   const Oid *types, const Datum *values, const char *nulls,
				   long limit)
{
	program_pin(program);
	return run_query(program, InvalidSnapshot, sql, nargs, types, values, nulls, limit);
}

/*
 * The same as it is now.  By index where there is one, else by hash: a plan
 * that was made while the table was small would compare each row with each key
 * for ever after.
 */
uint64
program_query_text_now(Program *program, const char *sql, int nargs,
					   const Oid *types, const Datum *values, const char *nulls,
					   long limit)
{
	int			guc_level;
	uint64		rows;

	program_pin(program);
	guc_level = NewGUCNestLevel();
	program_pin_setting("enable_seqscan", "off");
	program_pin_setting("enable_mergejoin", "off");
	program_pin_setting("enable_material", "off");
	rows = run_query(program, latest_snapshot(program), sql, nargs, types, values, nulls, limit);
	AtEOXact_GUC(false, guc_level);
	return rows;
}

/*
 * The same for rows that are read piece by piece; sql is complete, as it
 * reads tables of the user.
 */
Portal
program_cursor(Program *program, const char *sql, int nargs, const Oid *types, const Datum *values)
{
	program_pin(program);
	return SPI_cursor_open(NULL, prepare(sql, nargs, types), unconstify(Datum *, values),
						   NULL, program->read_only);
}

/*
 * Column (from 1) of a row (from 0) of the last query.  The tables are not
 * ours: that a column has the type that the code takes it for is looked at
 * each time, as a pointer made from a number would end the server.
 */
Datum
program_column(uint64 row, int column, Oid type, bool *isnull)
{
	TupleDesc	desc = SPI_tuptable->tupdesc;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], desc, column, isnull);

	if (TupleDescAttr(desc, column - 1)->atttypid != type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" has type %s where %s is needed",
						NameStr(TupleDescAttr(desc, column - 1)->attname),
						format_type_be(TupleDescAttr(desc, column - 1)->atttypid),
						format_type_be(type))));
	return value;
}

/* The same where null must not be. */
Datum
program_get(uint64 row, int column, Oid type)
{
	bool		isnull;
	Datum		value = program_column(row, column, type, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("column \"%s\" must not be null",
						NameStr(TupleDescAttr(SPI_tuptable->tupdesc, column - 1)->attname))));
	return value;
}

Datum
program_array(Oid type, const Datum *values, const bool *nulls, int n)
{
	int16		length;
	bool		by_value;
	char		alignment;
	int			lower_bound = 1;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return PointerGetDatum(construct_md_array(unconstify(Datum *, values),
											  unconstify(bool *, nulls),
											  1, &n, &lower_bound,
											  type, length, by_value, alignment));
}

text *
program_copy_text(Datum value)
{
	return DatumGetTextPCopy(value);
}
