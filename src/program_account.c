/*
 * program_account.c
 *	  Locking members' accounts, and what is available in them.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "program_account.h"

/* currency must last as long as the set */
void
account_add(AccountSet *set, int64 member_id, const char *currency)
{
	Account    *account;

	if (set->n == set->room)
	{
		set->room = Max(16, set->room * 2);
		set->accounts = set->accounts == NULL ?
			MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Account) * (Size) set->room) :
			repalloc_huge(set->accounts, sizeof(Account) * (Size) set->room);
	}
	account = &set->accounts[set->n++];
	account->member_id = member_id;
	account->currency = currency;
	account->available = NULL;
}

static int
by_account(const void *a, const void *b)
{
	const Account *x = a;
	const Account *y = b;

	if (x->member_id != y->member_id)
		return x->member_id < y->member_id ? -1 : 1;
	return strcmp(x->currency, y->currency);
}

/* In the order in which they are locked, each once. */
void
account_sort(AccountSet *set)
{
	int			n = 0;

	if (set->n == 0)
		return;
	qsort(set->accounts, set->n, sizeof(Account), by_account);
	for (int i = 1; i < set->n; i++)
		if (by_account(&set->accounts[n], &set->accounts[i]) != 0)
			set->accounts[++n] = set->accounts[i];
	set->n = n + 1;
}

void
account_arrays(const AccountSet *set, Datum *member_ids, Datum *currencies)
{
	Datum	   *values = palloc_extended(sizeof(Datum) * (Size) Max(set->n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < set->n; i++)
		values[i] = Int64GetDatum(set->accounts[i].member_id);
	*member_ids = program_array(INT8OID, values, NULL, set->n);
	for (int i = 0; i < set->n; i++)
		values[i] = CStringGetTextDatum(set->accounts[i].currency);
	*currencies = program_array(TEXTOID, values, NULL, set->n);
}

/*
 * Lock the accounts, made where there were none, until the transaction ends.
 * Both steps go by member and currency, so that two who lock several never
 * wait for each other; what is read afterwards is read with a newer snapshot.
 */
void
account_lock(Program *program, AccountSet *set, AccountLock lock)
{
	Oid			types[] = {INT8ARRAYOID, TEXTARRAYOID};
	Datum		values[2];
	uint64		locked;

	account_sort(set);
	if (set->n == 0)
		return;
	account_arrays(set, &values[0], &values[1]);
	(void) program_query_now(program,
							 "INSERT INTO @account (member_id, currency)"
							 " SELECT k.member_id, k.currency FROM unnest($1, $2) AS k(member_id, currency)"
							 " ON CONFLICT (member_id, currency) DO NOTHING",
							 2, types, values, NULL, 0);
#define LOCK_ACCOUNTS(strength) \
	"SELECT FROM unnest($1, $2) WITH ORDINALITY AS k(member_id, currency, place)" \
	"  JOIN @account a ON a.member_id = k.member_id AND a.currency = k.currency" \
	" ORDER BY k.place FOR " strength " OF a"

	locked = program_query_now(program,
							   lock == ACCOUNT_SHARED ? LOCK_ACCOUNTS("KEY SHARE") : LOCK_ACCOUNTS("UPDATE"),
							   2, types, values, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
	if (locked != (uint64) set->n)
		elog(ERROR, "%d accounts were neither made nor found", set->n - (int) locked);
}

/* What is available in them at this moment, in the latest snapshot. */
void
account_look(Program *program, AccountSet *set)
{
	Oid			types[] = {INT8ARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID};
	Datum		values[3];
	uint64		found;

	if (set->n == 0)
		return;
	account_arrays(set, &values[0], &values[1]);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	found = program_query_now(program,
							  "SELECT k.place, " ACCOUNT_AVAILABLE("k.member_id", "k.currency", "$3")
							  "  FROM unnest($1, $2) WITH ORDINALITY AS k(member_id, currency, place)",
							  3, types, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		CHECK_FOR_INTERRUPTS();
		set->accounts[DatumGetInt64(program_get(i, 1, INT8OID)) - 1].available =
			DatumGetNumericCopy(program_get(i, 2, NUMERICOID));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* The same of one account, whose lock the caller holds. */
Numeric
account_available(Program *program, int64 member_id, const char *currency)
{
	AccountSet	set = {0};

	account_add(&set, member_id, currency);
	account_look(program, &set);
	return set.accounts[0].available;
}
