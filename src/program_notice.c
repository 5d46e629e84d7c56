/*
 * program_notice.c
 *	  Telling at commit whose balances have changed.
 *
 * Changes are summed up for each member and currency while the transaction
 * runs, one sum for each level of subtransactions that is open, and handed to
 * NOTIFY just before it commits.  So whoever listens hears of a member once,
 * and of nothing that was rolled back.
 */
#include "compat.h"

#include "access/xact.h"
#include "commands/async.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "money.h"
#include "program_notice.h"
#include "program_sale.h"

/* Whose balance in what changes. */
typedef struct NoticeKey
{
	Oid			ledger;			/* of which program */
	int64		member_id;
	const char *currency;
} NoticeKey;

typedef struct NoticeSum
{
	NoticeKey	key;
	const char *program;
	const char *member;			/* as the user's tables write it; NULL: not looked up yet */
	Numeric		change;
	char		status;
} NoticeSum;

static inline uint32
key_hash(const NoticeKey *key)
{
	uint32		hash = hash_bytes_uint32(key->ledger);

	hash = hash_combine(hash, hash_bytes((const unsigned char *) &key->member_id, sizeof(int64)));
	return hash_combine(hash, string_hash(key->currency, strlen(key->currency) + 1));
}

static inline bool
key_equal(const NoticeKey *a, const NoticeKey *b)
{
	return a->ledger == b->ledger && a->member_id == b->member_id && strcmp(a->currency, b->currency) == 0;
}

#define SH_PREFIX notices
#define SH_ELEMENT_TYPE NoticeSum
#define SH_KEY_TYPE NoticeKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) key_hash(&(key))
#define SH_EQUAL(tb, a, b) key_equal(&(a), &(b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/*
 * What one level of subtransactions has changed.  Levels without changes have
 * none of these.  All of it lives in TopTransactionContext.
 */
typedef struct NoticeLevel
{
	int			nesting;
	notices_hash *sums;
	List	   *unnamed;		/* NoticeKeys of sums whose member has to be looked up */
	struct NoticeLevel *outer;	/* of a lower nesting */
} NoticeLevel;

static NoticeLevel *innermost = NULL;

static void
add_sum(NoticeLevel *level, const NoticeSum *sum)
{
	bool		found;
	NoticeSum  *mine = notices_insert(level->sums, sum->key, &found);

	if (found)
	{
		mine->change = money_add(mine->change, sum->change);
		return;
	}
	mine->program = sum->program;
	mine->member = sum->member;
	mine->change = sum->change;
}

/* What a subtransaction did that commits is its parent's. */
static void
merge_into_parent(int nesting)
{
	NoticeLevel *level = innermost;
	NoticeLevel *outer = level->outer;
	notices_iterator iterator;
	NoticeSum  *sum;
	MemoryContext caller;

	if (outer == NULL || outer->nesting < nesting - 1)
	{
		level->nesting = nesting - 1;
		return;
	}
	caller = MemoryContextSwitchTo(TopTransactionContext);
	notices_start_iterate(level->sums, &iterator);
	while ((sum = notices_iterate(level->sums, &iterator)) != NULL)
		add_sum(outer, sum);
	notices_destroy(level->sums);
	pfree(level);
	innermost = outer;
	MemoryContextSwitchTo(caller);
}

static void
at_subtransaction(SubXactEvent event, SubTransactionId self, SubTransactionId parent, void *arg)
{
	int			nesting = GetCurrentTransactionNestLevel();

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	if (innermost == NULL || innermost->nesting < nesting)
		return;
	if (event == SUBXACT_EVENT_COMMIT_SUB)
		merge_into_parent(nesting);
	else
		innermost = innermost->outer;
}

static void
tell(const NoticeSum *sum)
{
	StringInfoData payload;

	initStringInfo(&payload);
	appendStringInfoString(&payload, "{\"program\": ");
	escape_json(&payload, sum->program);
	appendStringInfoString(&payload, ", \"member\": ");
	if (sum->member != NULL)
		escape_json(&payload, sum->member);
	else
		appendStringInfo(&payload, INT64_FORMAT, sum->key.member_id);
	appendStringInfo(&payload, ", \"currency\": \"%s\", \"change\": %s}", sum->key.currency,
					 money_to_string(sum->change));
	Async_Notify(sum->program, payload.data);
	pfree(payload.data);
}

static int
by_member(const void *a, const void *b)
{
	const NoticeSum *x = *(NoticeSum *const *) a;
	const NoticeSum *y = *(NoticeSum *const *) b;
	int			order = strcmp(x->program, y->program);

	if (order != 0)
		return order;
	if (x->key.member_id != y->key.member_id)
		return x->key.member_id < y->key.member_id ? -1 : 1;
	return strcmp(x->key.currency, y->key.currency);
}

/* In one order, whatever the transaction did. */
static void
tell_all(void)
{
	NoticeSum **sums = palloc_extended(sizeof(NoticeSum *) * (Size) innermost->sums->members, MCXT_ALLOC_HUGE);
	notices_iterator iterator;
	NoticeSum  *sum;
	int			n = 0;

	notices_start_iterate(innermost->sums, &iterator);
	while ((sum = notices_iterate(innermost->sums, &iterator)) != NULL)
		if (money_sign(sum->change) != 0)
			sums[n++] = sum;
	qsort(sums, n, sizeof(NoticeSum *), by_member);
	for (int i = 0; i < n; i++)
		tell(sums[i]);
	pfree(sums);
}

static void
at_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (innermost != NULL)
				tell_all();
			break;
		case XACT_EVENT_PRE_PREPARE:
			if (innermost != NULL)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot prepare a transaction that changes balances of a program with notices"),
						 errhint("Commit it in one phase, or turn the notices off with distributor.alter_program().")));
			break;
		default:
			innermost = NULL;
			break;
	}
}

static NoticeLevel *
current_level(void)
{
	static bool registered = false;
	int			nesting = GetCurrentTransactionNestLevel();
	NoticeLevel *level;

	if (!registered)
	{
		RegisterXactCallback(at_transaction, NULL);
		RegisterSubXactCallback(at_subtransaction, NULL);
		registered = true;
	}
	if (innermost != NULL && innermost->nesting == nesting)
		return innermost;
	level = palloc(sizeof(NoticeLevel));
	level->nesting = nesting;
	level->sums = notices_create(TopTransactionContext, 64, NULL);
	level->unnamed = NIL;
	level->outer = innermost;
	innermost = level;
	return level;
}

static NoticeKey *
copy_key(const NoticeKey *key)
{
	NoticeKey  *copy = palloc(sizeof(NoticeKey));

	*copy = *key;
	return copy;
}

/* A ledger row of the member has been entered; notice_name_members follows. */
void
notice_add(Program *program, int64 member_id, const char *currency, Numeric change)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	NoticeLevel *level = current_level();
	NoticeSum	sum = {.key = {program->tables[PROGRAM_LEDGER], member_id, currency}};
	NoticeSum  *mine = notices_lookup(level->sums, sum.key);

	if (mine == NULL)
	{
		sum.key.currency = pstrdup(currency);
		sum.program = pstrdup(program->name);
		sum.change = DatumGetNumericCopy(NumericGetDatum(change));
		add_sum(level, &sum);
		if (program->text_keys)
			level->unnamed = lappend(level->unnamed, copy_key(&sum.key));
	}
	else
	{
		Numeric		before = mine->change;

		mine->change = money_add(before, change);
		pfree(before);
	}
	MemoryContextSwitchTo(caller);
}

/*
 * The keys that the user's tables have for the members just added, while they
 * can be looked up: at commit no query runs.
 */
void
notice_name_members(Program *program)
{
	int			n = innermost == NULL ? 0 : list_length(innermost->unnamed);
	int64	   *ids;
	char	  **names;

	if (n == 0)
		return;
	ids = palloc_extended(sizeof(int64) * (Size) n, MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
		ids[i] = ((NoticeKey *) list_nth(innermost->unnamed, i))->member_id;
	names = stored_member_keys(program, ids, n);
	for (int i = 0; i < n; i++)
	{
		NoticeKey  *key = list_nth(innermost->unnamed, i);

		notices_lookup(innermost->sums, *key)->member = MemoryContextStrdup(TopTransactionContext, names[i]);
	}
	list_free_deep(innermost->unnamed);
	innermost->unnamed = NIL;
	pfree(ids);
}
