/*
 * program_period.c
 *	  Closing periods, and their seals.
 *
 * An entry is in the first closed period that ends after it was posted and
 * whose cut is not below it.  The cuts are such that nothing is added below
 * them (program_cut.c), and neither ends nor cuts ever go back; so a closed
 * period stays as it is, and what is committed late is in a later one.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "money.h"
#include "program_arg.h"
#include "program_cut.h"
#include "program_member.h"

/* Which entries: those up to a moment and an id, less those of the period before. */
typedef struct Period
{
	TimestampTz starts_at;
	TimestampTz ends_at;
	int64		after;			/* cut of the period before; entries after it may be late ones */
	int64		through;
} Period;

typedef struct CurrencySum
{
	char	   *currency;
	Numeric		sum;
} CurrencySum;

typedef struct Seal
{
	int64		entries;
	List	   *sums;			/* of CurrencySum, by name */
	Datum		jsonb;
	bytea	   *hash;
} Seal;

#define SEAL_FETCH	1000

/*
 * The line of an entry is what COPY would write of it in a session whose time
 * zone is UTC and DateStyle ISO, so that a seal can be checked without us.
 */
#define SEAL_ENTRIES \
	"SELECT concat_ws(E'\\t', l.entry_id, l.source, l.source_id, l.member_id, l.level, l.line, l.basis," \
	"                 replace(replace(replace(replace(l.rule, E'\\\\', E'\\\\\\\\'), E'\\t', '\\t'), E'\\n', '\\n'), E'\\r', '\\r')," \
	"                 l.amount, l.currency, coalesce(l.reverses::text, '\\N'), l.posted_at," \
	"                 coalesce(l.available_at::text, '\\N')) || E'\\n'," \
	"       l.currency, l.amount" \
	"  FROM @ledger l" \
	" WHERE l.entry_id <= $4 AND l.posted_at < $2 AND (l.posted_at >= $1 OR l.entry_id > $3)" \
	" ORDER BY l.entry_id"

static void
add_to_sums(Seal *seal, text *name, Numeric amount)
{
	char	   *currency = text_to_cstring(name);
	ListCell   *cell;
	CurrencySum *sum;
	int			place = 0;

	foreach(cell, seal->sums)
	{
		int			order;

		sum = lfirst(cell);
		order = strcmp(currency, sum->currency);
		if (order == 0)
		{
			Numeric		old = sum->sum;

			sum->sum = money_add(old, amount);
			pfree(old);
			pfree(currency);
			return;
		}
		if (order < 0)
			break;
		place++;
	}
	sum = palloc(sizeof(CurrencySum));
	sum->currency = currency;
	sum->sum = money_add(money_from_int(0), amount);
	seal->sums = list_insert_nth(seal->sums, place, sum);
}

static Datum
sums_as_json(const Seal *seal)
{
	StringInfoData json;
	ListCell   *cell;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	foreach(cell, seal->sums)
	{
		CurrencySum *sum = lfirst(cell);

		if (json.len > 1)
			appendStringInfoString(&json, ", ");
		escape_json(&json, sum->currency);
		appendStringInfo(&json, ": %s", money_to_string(sum->sum));
	}
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

static void
hash_failed(pg_cryptohash_ctx *hash)
{
	elog(ERROR, "could not hash the entries of a period: %s", pg_cryptohash_error(hash));
}

static void
read_entries(Program *program, const Period *period, Seal *seal, pg_cryptohash_ctx *hash)
{
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT8OID};
	Datum		values[] = {TimestampTzGetDatum(period->starts_at), TimestampTzGetDatum(period->ends_at),
	Int64GetDatum(period->after), Int64GetDatum(period->through)};
	MemoryContext context = CurrentMemoryContext;
	Portal		portal = program_cursor(program, program_sql(program, SEAL_ENTRIES), 4, types, values);

	/* SPI's own context fills up with what rows are read into */
	MemoryContextSwitchTo(context);
	do
	{
		SPI_cursor_fetch(portal, true, SEAL_FETCH);
		MemoryContextSwitchTo(context);
		for (uint64 i = 0; i < SPI_processed; i++)
		{
			text	   *line = DatumGetTextPP(program_get(i, 1, TEXTOID));

			CHECK_FOR_INTERRUPTS();
			if (pg_cryptohash_update(hash, (uint8 *) VARDATA_ANY(line), VARSIZE_ANY_EXHDR(line)) < 0)
				hash_failed(hash);
			add_to_sums(seal, DatumGetTextPP(program_get(i, 2, TEXTOID)),
						DatumGetNumeric(program_get(i, 3, NUMERICOID)));
			seal->entries++;
		}
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	MemoryContextSwitchTo(context);
}

static void
compute_seal(Program *program, const Period *period, Seal *seal)
{
	pg_cryptohash_ctx *hash = pg_cryptohash_create(PG_SHA256);
	int			guc_level = NewGUCNestLevel();

	memset(seal, 0, sizeof(Seal));
	program_pin_setting("timezone", "UTC");
	if (pg_cryptohash_init(hash) < 0)
		hash_failed(hash);
	read_entries(program, period, seal, hash);
	seal->hash = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	SET_VARSIZE(seal->hash, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	if (pg_cryptohash_final(hash, (uint8 *) VARDATA(seal->hash), PG_SHA256_DIGEST_LENGTH) < 0)
		hash_failed(hash);
	pg_cryptohash_free(hash);
	seal->jsonb = sums_as_json(seal);
	AtEOXact_GUC(false, guc_level);
}

/* The period that ends before moment: where the next one begins. */
static void
read_previous(Program *program, TimestampTz moment, Period *period)
{
	Oid			types[] = {TIMESTAMPTZOID};
	Datum		value = TimestampTzGetDatum(moment);

	period->starts_at = DT_NOBEGIN;
	period->after = 0;
	if (program_query(program,
					  "SELECT c.ends_at, c.through_entry_id FROM @closed_period c WHERE c.ends_at < $1 ORDER BY c.ends_at DESC",
					  1, types, &value, NULL, 1) == 1)
	{
		period->starts_at = DatumGetTimestampTz(program_get(0, 1, TIMESTAMPTZOID));
		period->after = DatumGetInt64(program_get(0, 2, INT8OID));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* close_period(program, ends_at, name, seal) returns void */

typedef struct ClosePeriod
{
	TimestampTz ends_at;
	text	   *name;
	bool		seal;
	char	   *author;
} ClosePeriod;

/* Was it closed before?  The same again is done; anything else is in the way. */
static bool
is_closed(Program *program, const ClosePeriod *close)
{
	Oid			types[] = {TIMESTAMPTZOID, TEXTOID};
	Datum		values[] = {TimestampTzGetDatum(close->ends_at), PointerGetDatum(close->name)};
	bool		found;
	char	   *name;
	TimestampTz ends_at;

	found = program_query_now(program,
							  "SELECT c.name, c.ends_at FROM @closed_period c WHERE c.name = $2 OR c.ends_at >= $1"
							  " ORDER BY c.name <> $2, c.ends_at",
							  2, types, values, NULL, 1) == 1;
	if (!found)
		return false;
	name = TextDatumGetCString(program_get(0, 1, TEXTOID));
	ends_at = DatumGetTimestampTz(program_get(0, 2, TIMESTAMPTZOID));
	SPI_freetuptable(SPI_tuptable);
	if (strcmp(name, text_to_cstring(close->name)) == 0)
	{
		if (ends_at == close->ends_at)
			return true;
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("period \"%s\" of program \"%s\" has been closed with another end", name, program->name),
				 errdetail("It ends at %s.", timestamptz_to_str(ends_at)),
				 errhint("Give the new period a name of its own."),
				 member_errfields(program, "closed_period", "closed_period_name_key")));
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("what was posted before %s has been closed", pstrdup(timestamptz_to_str(close->ends_at))),
			 errdetail("Period \"%s\" ends at %s.", name, pstrdup(timestamptz_to_str(ends_at))),
			 errhint("Periods follow each other: close one that ends later.")));
	return false;
}

static void
insert_period(Program *program, const ClosePeriod *close, const Period *period)
{
	Oid			types[] = {TIMESTAMPTZOID, TEXTOID, INT8OID, TEXTOID, INT8OID, JSONBOID, BYTEAOID};
	Datum		values[] = {TimestampTzGetDatum(close->ends_at), PointerGetDatum(close->name),
		Int64GetDatum(period->through), CStringGetTextDatum(close->author), (Datum) 0, (Datum) 0, (Datum) 0};
	char		nulls[] = "    nnn";
	Seal		seal;

	if (close->seal)
	{
		compute_seal(program, period, &seal);
		values[4] = Int64GetDatum(seal.entries);
		values[5] = seal.jsonb;
		values[6] = PointerGetDatum(seal.hash);
		memset(nulls + 4, ' ', 3);
	}
	program_query_now(program,
					  "INSERT INTO @closed_period (ends_at, name, through_entry_id, author, entries, sums, hash)"
					  " VALUES ($1, $2, $3, $4, $5, $6, $7)",
					  7, types, values, nulls, 0);
}

static void
close_period(Program *program, void *arg)
{
	ClosePeriod *close = arg;
	Period		period = {.ends_at = close->ends_at};

	if (is_closed(program, close))
		return;
	read_previous(program, close->ends_at, &period);
	period.through = Max(period.after, program_cut(program));
	insert_period(program, close, &period);
}

PG_FUNCTION_INFO_V1(program_close_period);
Datum
program_close_period(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	ClosePeriod close = {0};

	program_check_right(program, PROGRAM_CLOSED_PERIOD, ACL_INSERT);
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("ends_at, name and seal must not be null")));
	close.ends_at = PG_GETARG_TIMESTAMPTZ(1);
	close.name = PG_GETARG_TEXT_P(2);
	close.seal = PG_GETARG_BOOL(3);
	close.author = GetUserNameFromId(GetUserId(), false);
	if (VARSIZE_ANY_EXHDR(close.name) == 0 || VARSIZE_ANY_EXHDR(close.name) > 1024)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name must have 1 to 1024 bytes")));
	if (TIMESTAMP_NOT_FINITE(close.ends_at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("ends_at must be finite")));
	if (close.ends_at > GetCurrentTransactionStartTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a period cannot be closed before it ends"),
				 errdetail("It would end at %s.", timestamptz_to_str(close.ends_at)),
				 errhint("Close it when that time has come.")));
	program_check_newest("a period cannot be closed");
	(void) program_lock_work(program, WORK_CLOSE, true);
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_CLOSED_PERIOD), close_period, &close);
	program_close(program);
	PG_RETURN_VOID();
}

/* period_seal(program, name) returns setof record */
PG_FUNCTION_INFO_V1(program_period_seal);
Datum
program_period_seal(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Program    *program;
	Oid			types[] = {TEXTOID};
	Datum		name = PG_GETARG_DATUM(1);
	Period		period;
	Seal		seal;
	bool		archived;

	InitMaterializedSRF(fcinfo, 0);
	program = program_arg_to_read(fcinfo);
	if (program_query(program,
					  "SELECT c.ends_at, c.through_entry_id, coalesce(c.ends_at <= p.statements_from, false)"
					  "  FROM @closed_period c, @program p WHERE c.name = $1",
					  1, types, &name, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("period \"%s\" of program \"%s\" does not exist",
						TextDatumGetCString(name), program->name),
				 errhint("Periods are closed by distributor.close_period().")));
	period.ends_at = DatumGetTimestampTz(program_get(0, 1, TIMESTAMPTZOID));
	period.through = DatumGetInt64(program_get(0, 2, INT8OID));
	archived = DatumGetBool(program_get(0, 3, BOOLOID));
	SPI_freetuptable(SPI_tuptable);
	if (!archived)
	{
		Datum		values[3];
		bool		nulls[3] = {0};

		read_previous(program, period.ends_at, &period);
		compute_seal(program, &period, &seal);
		values[0] = Int64GetDatum(seal.entries);
		values[1] = seal.jsonb;
		values[2] = PointerGetDatum(seal.hash);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	program_close(program);
	return (Datum) 0;
}
