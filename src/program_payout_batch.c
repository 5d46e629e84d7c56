/*
 * program_payout_batch.c
 *	  Batches: the payouts that go to the bank together.
 *
 * A batch goes through a door of its own, by its key.  It then requests a
 * payout for every member who has enough (the sweep), chunk by chunk in the
 * order of the members' ids, and takes in what others have requested.
 */
#include "compat.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "program_arg.h"
#include "program_member.h"
#include "program_money.h"
#include "program_payout.h"

/* Accounts that are locked and paid out in one go. */
#define BATCH_CHUNK		10000

typedef struct Batch
{
	text	   *key;			/* NULL: made of currency and as_of */
	const char *currency_code;
	bool		has_as_of;		/* else now */
	TimestampTz as_of;
	bool		sweep;
	const char *author;
	PayoutCurrency *currency;
	int64		payout_batch_id;	/* result */
} Batch;

/* The door */

/* The same moment has one text, whatever the session's time zone. */
static text *
made_key(Program *program, const Batch *batch)
{
	Oid			types[] = {TEXTOID, TIMESTAMPTZOID};
	Datum		values[2];

	values[0] = CStringGetTextDatum(batch->currency_code);
	values[1] = TimestampTzGetDatum(batch->as_of);
	(void) program_query(program,
						 "SELECT $1 || ' ' || to_char($2 AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
						 2, types, values, NULL, 1);
	return program_copy_text(program_get(0, 1, TEXTOID));
}

static bool
insert_batch(Program *program, Batch *batch)
{
	Oid			sequence = get_relname_relid("payout_batch_id_seq",
											 get_rel_namespace(program->tables[PROGRAM_PAYOUT_BATCH]));
	Oid			types[] = {INT8OID, TEXTOID, TIMESTAMPTZOID, TEXTOID, BOOLOID, TEXTOID};
	Datum		values[lengthof(types)];

	batch->payout_batch_id = nextval_internal(sequence, false);
	values[0] = Int64GetDatum(batch->payout_batch_id);
	values[1] = PointerGetDatum(batch->key);
	values[2] = TimestampTzGetDatum(batch->as_of);
	values[3] = CStringGetTextDatum(batch->currency_code);
	values[4] = BoolGetDatum(batch->sweep);
	values[5] = CStringGetTextDatum(batch->author);
	return program_query(program,
						 "INSERT INTO @payout_batch (payout_batch_id, batch_key, as_of, currency, sweep, author)"
						 " VALUES ($1, $2, $3, $4, $5, $6)"
						 " ON CONFLICT (batch_key) DO NOTHING",
						 lengthof(types), types, values, NULL, 0) == 1;
}

static void
content_error(Program *program, const Batch *batch, const char *what, const char *before, const char *after)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("payout batch \"%s\" has been created with another %s", text_to_cstring(batch->key), what),
			 errdetail("It was created with %s, not %s.", before, after),
			 errhint("Retry with the same content, or use another key for another batch."),
			 member_errfields(program, "payout_batch", "payout_batch_batch_key_key")));
}

/* The key is taken: by the same batch, or that is an error. */
static void
find_batch(Program *program, Batch *batch)
{
	Oid			types[] = {TEXTOID};
	Datum		key = PointerGetDatum(batch->key);
	TimestampTz as_of;
	char	   *currency;
	bool		sweep;

	if (program_query_now(program,
						  "SELECT b.payout_batch_id, b.as_of, b.currency, b.sweep"
						  "  FROM @payout_batch b WHERE b.batch_key = $1",
						  1, types, &key, NULL, 1) != 1)
		elog(ERROR, "payout batch \"%s\" was neither made nor found", text_to_cstring(batch->key));
	batch->payout_batch_id = DatumGetInt64(program_get(0, 1, INT8OID));
	as_of = DatumGetTimestampTz(program_get(0, 2, TIMESTAMPTZOID));
	currency = TextDatumGetCString(program_get(0, 3, TEXTOID));
	sweep = DatumGetBool(program_get(0, 4, BOOLOID));
	SPI_freetuptable(SPI_tuptable);
	if (batch->has_as_of && as_of != batch->as_of)
		content_error(program, batch, "as_of", pstrdup(timestamptz_to_str(as_of)),
					  pstrdup(timestamptz_to_str(batch->as_of)));
	if (strcmp(currency, batch->currency_code) != 0)
		content_error(program, batch, "currency", currency, batch->currency_code);
	if (sweep != batch->sweep)
		content_error(program, batch, "sweep", sweep ? "true" : "false", batch->sweep ? "true" : "false");
}

/* What is taken in */

static Datum
id_array(const int64 *ids, int n)
{
	Datum	   *values = palloc_extended(sizeof(Datum) * (Size) Max(n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
		values[i] = Int64GetDatum(ids[i]);
	return program_array(INT8OID, values, NULL, n);
}

/* The first column of the last query. */
static int64 *
column_of_ids(uint64 n)
{
	int64	   *ids = palloc_extended(sizeof(int64) * Max(n, 1), MCXT_ALLOC_HUGE);

	for (uint64 i = 0; i < n; i++)
		ids[i] = DatumGetInt64(program_get(i, 1, INT8OID));
	SPI_freetuptable(SPI_tuptable);
	return ids;
}

/* Those that are still to be paid: nobody can change that of what is locked. */
static void
insert_items(Program *program, const Batch *batch, Datum payout_ids)
{
	Oid			types[] = {INT8ARRAYOID, INT8OID};
	Datum		values[2];

	values[0] = payout_ids;
	values[1] = Int64GetDatum(batch->payout_batch_id);
	(void) program_query_now(program,
							 "INSERT INTO @payout_batch_item (payout_id, payout_batch_id)"
							 " SELECT k.payout_id, $2 FROM unnest($1) AS k(payout_id)"
							 " WHERE NOT EXISTS (SELECT FROM @payout_batch_item i WHERE i.payout_id = k.payout_id)"
							 "   AND NOT EXISTS (SELECT FROM @payout_settlement s WHERE s.payout_id = k.payout_id)"
							 "   AND NOT EXISTS (SELECT FROM @payout_failure f WHERE f.payout_id = k.payout_id)",
							 2, types, values, NULL, 0);
}

static void
take_in_chunk(Program *program, const Batch *batch, const int64 *ids, int n)
{
	Oid			types[] = {INT8ARRAYOID};
	Datum		array = id_array(ids, n);

	(void) program_query_now(program,
							 "SELECT FROM unnest($1) AS k(payout_id)"
							 "  JOIN @payout p ON p.payout_id = k.payout_id"
							 " ORDER BY p.payout_id FOR UPDATE OF p",
							 1, types, &array, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
	insert_items(program, batch, array);
}

/* What has been approved and waits. */
static void
take_in(Program *program, const Batch *batch)
{
	Oid			types[] = {TEXTOID, TIMESTAMPTZOID};
	Datum		values[2];
	uint64		n;
	int64	   *ids;

	values[0] = CStringGetTextDatum(batch->currency_code);
	values[1] = TimestampTzGetDatum(batch->as_of);
	n = program_query_text(program,
						   program_sql(program,
									   "SELECT p.payout_id FROM @payout p"
									   "  JOIN @payout_approval a ON a.payout_id = p.payout_id"
									   " WHERE p.currency = $1 AND p.requested_at <= $2"
									   "   AND NOT EXISTS (SELECT FROM @payout_batch_item i WHERE i.payout_id = p.payout_id)"
									   "   AND NOT EXISTS (SELECT FROM @payout_settlement s WHERE s.payout_id = p.payout_id)"
									   "   AND NOT EXISTS (SELECT FROM @payout_failure f WHERE f.payout_id = p.payout_id)"
									   " ORDER BY p.payout_id"),
						   2, types, values, NULL, 0);
	ids = column_of_ids(n);
	for (uint64 start = 0; start < n; start += BATCH_CHUNK)
		take_in_chunk(program, batch, ids + start, Min(BATCH_CHUNK, n - start));
}

/* The sweep */

/* The least that is worth a payout. */
static Numeric
least_amount(const PayoutCurrency *currency)
{
	Numeric		unit = money_from_units(1, currency->scale);

	return money_compare(currency->terms.minimum, unit) > 0 ? currency->terms.minimum : unit;
}

/*
 * Whoever may have enough, by id.  Nothing is locked: the accounts are looked
 * at once more.
 */
static int64 *
find_members(Program *program, const Batch *batch, uint64 *n)
{
	Oid			types[] = {TEXTOID, TIMESTAMPTZOID, NUMERICOID};
	Datum		values[3];

	values[0] = CStringGetTextDatum(batch->currency_code);
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[2] = NumericGetDatum(least_amount(batch->currency));
	*n = program_query_text(program,
							program_sql(program,
										"SELECT b.member_id"
										"  FROM (SELECT a.member_id, a.available AS amount FROM @account a WHERE a.currency = $1"
										"        UNION ALL"
										"        SELECT h.member_id, h.amount FROM @held h"
										"         WHERE h.currency = $1 AND " ACCOUNT_HELD_COUNTS("$2")
										"        UNION ALL"
										"        SELECT l.member_id, l.amount FROM @ledger l"
										"         WHERE l.currency = $1 AND l.entry_id > (SELECT s.folded_through FROM @program s)"
										"           AND " ACCOUNT_COUNTS("$2") ") b"
										" GROUP BY b.member_id HAVING sum(b.amount) >= $3"
										" ORDER BY b.member_id"),
							3, types, values, NULL, 0);
	return column_of_ids(*n);
}

/*
 * As of a moment in the past: what has become available since is left for the
 * next batch.  What has been taken since is gone.
 */
static void
leave_later_money(Program *program, const Batch *batch, AccountSet *set)
{
	Oid			types[] = {INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[4];
	uint64		found;

	account_arrays(set, &values[0], &values[1]);
	values[2] = TimestampTzGetDatum(batch->as_of);
	values[3] = TimestampTzGetDatum(GetCurrentTimestamp());
	found = program_query_now(program,
							  "SELECT k.place, d.later"
							  "  FROM unnest($1, $2) WITH ORDINALITY AS k(member_id, currency, place)"
							  " CROSS JOIN LATERAL (SELECT sum(l.amount) AS later FROM @ledger l"
							  "                      WHERE l.member_id = k.member_id AND l.currency = k.currency"
							  "                        AND " ACCOUNT_AVAILABLE_AT " > $3 AND " ACCOUNT_COUNTS("$4") ") d"
							  " WHERE d.later > 0",
							  4, types, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		Account    *account = &set->accounts[DatumGetInt64(program_get(i, 1, INT8OID)) - 1];

		account->available = money_subtract(account->available,
											DatumGetNumeric(program_get(i, 2, NUMERICOID)));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* The members of a chunk who have enough, with all that they have. */
static int
rows_of_chunk(const Batch *batch, const AccountSet *set, PayoutRow *rows)
{
	Numeric		least = least_amount(batch->currency);
	char	   *key = text_to_cstring(batch->key);
	int			n = 0;

	for (int i = 0; i < set->n; i++)
	{
		const Account *account = &set->accounts[i];
		Numeric		amount = money_round(account->available, batch->currency->scale, MONEY_DOWN);

		if (money_compare(amount, least) < 0)
			continue;
		rows[n].member_id = account->member_id;
		rows[n].amount = amount;
		rows[n++].key = cstring_to_text(psprintf("%s " INT64_FORMAT, key, account->member_id));
	}
	return n;
}

/* Nobody asked for it: so nobody loses all to fee and tax. */
static int
leave_out_empty(PayoutRow *rows, int n)
{
	int			kept = 0;

	for (int i = 0; i < n; i++)
		if (money_sign(rows[i].charge.net) > 0)
			rows[kept++] = rows[i];
	return kept;
}

static void
key_taken(Program *program, const Batch *batch)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNIQUE_VIOLATION),
			 errmsg("a payout with a key of batch \"%s\" is there already", text_to_cstring(batch->key)),
			 errdetail("The payouts of a batch have its key, a blank, and the number of the member."),
			 errhint("Use another key for the batch."),
			 member_errfields(program, "payout", "payout_payout_key_key")));
}

static void
sweep_chunk(Program *program, const Batch *batch, const int64 *members, int n)
{
	AccountSet	set = {0};
	PayoutRow  *rows = palloc0(sizeof(PayoutRow) * n);
	int64	   *ids;

	for (int i = 0; i < n; i++)
		account_add(&set, members[i], batch->currency_code);
	account_lock(program, &set);
	account_look(program, &set);
	if (batch->has_as_of)
		leave_later_money(program, batch, &set);
	n = rows_of_chunk(batch, &set, rows);
	payouts_charge(program, batch->currency, rows, n);
	n = leave_out_empty(rows, n);
	if (n == 0)
		return;
	if (!payouts_write(program, batch->currency, rows, n, batch->author))
		key_taken(program, batch);
	if (batch->currency->terms.manual)
		return;
	ids = palloc(sizeof(int64) * n);
	for (int i = 0; i < n; i++)
		ids[i] = rows[i].payout_id;
	insert_items(program, batch, id_array(ids, n));
}

static void
sweep(Program *program, const Batch *batch)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	uint64		n;
	int64	   *members = find_members(program, batch, &n);

	context = AllocSetContextCreate(caller, "distributor payouts", ALLOCSET_DEFAULT_SIZES);
	for (uint64 start = 0; start < n; start += BATCH_CHUNK)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(context);
		sweep_chunk(program, batch, members + start, Min(BATCH_CHUNK, n - start));
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
}

static void
create_batch(Program *program, void *arg)
{
	Batch	   *batch = arg;

	batch->currency = payout_currency(program, batch->currency_code);
	if (batch->key == NULL)
		batch->key = made_key(program, batch);
	if (!insert_batch(program, batch))
	{
		find_batch(program, batch);
		return;
	}
	if (batch->sweep)
		sweep(program, batch);
	take_in(program, batch);
}

/* create_payout_batch(program, as_of, currency, batch_key, sweep) returns bigint */
PG_FUNCTION_INFO_V1(program_create_payout_batch);
Datum
program_create_payout_batch(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	Batch		batch = {0};

	program_check_right(program, PROGRAM_PAYOUT_BATCH, ACL_INSERT);
	batch.author = GetUserNameFromId(GetUserId(), false);
	batch.has_as_of = !PG_ARGISNULL(1);
	batch.as_of = batch.has_as_of ? PG_GETARG_TIMESTAMPTZ(1) : GetCurrentTimestamp();
	if (TIMESTAMP_NOT_FINITE(batch.as_of))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("as_of must be finite")));
	if (batch.as_of > GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of is in the future"),
				 errdetail("It is %s.", timestamptz_to_str(batch.as_of)),
				 errhint("What will be available then cannot be known; null is now.")));
	batch.currency_code = money_currency_arg(fcinfo, 2, program);
	batch.key = PG_ARGISNULL(3) ? NULL : money_key_arg(fcinfo, 3, "the key of a payout batch");
	if (PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("sweep must not be null")));
	batch.sweep = PG_GETARG_BOOL(4);
	if (batch.sweep)
		program_check_right(program, PROGRAM_PAYOUT, ACL_INSERT);
	program_as_owner(program, PROGRAM_WRITES_BATCHES, create_batch, &batch);
	program_close(program);
	PG_RETURN_INT64(batch.payout_batch_id);
}
