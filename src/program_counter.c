/*
 * program_counter.c
 *	  What a plan asks for beyond the sale itself.
 *
 * order_number: sales are numbered per member in the order in which they pass
 * the door: after all that are committed, and within a batch by the time when
 * they occurred, then by key.  A sale that is posted late gets a late number,
 * whenever it occurred, because numbers that were given are never changed.
 *
 * applied: whether a rule has paid somebody in an earlier sale of the member,
 * in the same order.  It is counted up to 1.
 *
 * earned: what a rule has paid a member in the calendar period, by the clock
 * of the program, that the sale's own time lies in.
 *
 * To count right beside others, a posting first locks the rows of all members
 * that it counts for, in the order of their ids, and reads with a snapshot
 * that is newer: also in a transaction whose own snapshot is older, as numbers
 * are given at the door and not by what the transaction sees.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "money.h"
#include "program_counter.h"
#include "program_sale.h"

typedef enum Kind
{
	KIND_LOCKED,				/* only to be locked */
	KIND_ORDERS,				/* of the member */
	KIND_RECRUIT,				/* which one of its sponsor the member is; 0: a root */
	KIND_APPLIED,				/* of member and rule */
	KIND_EARNED,				/* of member, rule, period and currency */
	KIND_EARNED_FOR_LIFE		/* of member, rule and currency */
} Kind;

#define NKINDS					(KIND_EARNED_FOR_LIFE + 1)

/* Zeroed before it is filled: it is compared by its bytes. */
typedef struct CountKey
{
	int64		member_id;
	TimestampTz period;			/* where it begins; DT_NOBEGIN: for life */
	int32		kind;
	int32		cap;			/* PlanCap */
	int32		rule;			/* number of its name */
	int32		currency;		/* number of its code */
} CountKey;

typedef struct Count
{
	CountKey	key;
	int64		n;
	Numeric		sum;			/* NULL: nothing yet */
} Count;

typedef struct Word
{
	char		text[NAMEDATALEN];	/* names of rules and codes of currencies are shorter */
	int			number;
} Word;

/* What has been asked for and has not been read yet. */
typedef struct Unread
{
	int			n;
	int			room;
	Count	  **counts;
} Unread;

struct Counters
{
	Program    *program;
	CountersFrom from;
	MemoryContext context;
	HTAB	   *counts;
	HTAB	   *words;
	int			nwords;
	int			maxwords;
	const char **texts;			/* of the words, by number */
	Datum		time_zone;
	bool		any_orders;		/* what some sale asks for */
	bool		any_applied;
	bool		any_earned;
	bool		any_replaced;	/* some order has been posted anew */
	bool		keeps_order;	/* the next sale is an order that is counted */
	int64		kept_number;	/* by this number, if any */
	Unread		unread[NKINDS];
};

static const char *const cap_units[PLAN_NCAPS] = {NULL, NULL, "day", "week", "month", "year", NULL};

bool
counters_needed(const CommissionPlan *plan)
{
	return plan->uses_order_number || plan->uses_recruit_numbers ||
		plan->uses_applied || plan->uses_earned;
}

Counters *
counters_create(Program *program, CountersFrom from)
{
	Counters   *counters = palloc0(sizeof(Counters));
	HASHCTL		ctl = {.keysize = sizeof(CountKey),.entrysize = sizeof(Count),.hcxt = CurrentMemoryContext};
	HASHCTL		words_ctl = {.keysize = NAMEDATALEN,.entrysize = sizeof(Word),.hcxt = CurrentMemoryContext};

	counters->program = program;
	counters->from = from;
	counters->context = CurrentMemoryContext;
	counters->counts = hash_create("distributor counters", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	counters->words = hash_create("distributor words", 16, &words_ctl, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	counters->maxwords = 16;
	counters->texts = palloc(sizeof(char *) * counters->maxwords);
	counters->time_zone = CStringGetTextDatum(program->time_zone);
	return counters;
}

static int
word_number(Counters *counters, const char *text)
{
	bool		found;
	Word	   *word = hash_search(counters->words, text, HASH_ENTER, &found);

	if (!found)
	{
		if (counters->nwords == counters->maxwords)
		{
			counters->maxwords *= 2;
			counters->texts = repalloc(counters->texts, sizeof(char *) * counters->maxwords);
		}
		word->number = counters->nwords;
		counters->texts[counters->nwords++] = word->text;
	}
	return word->number;
}

static Count *
enter(Counters *counters, const CountKey *key)
{
	bool		found;
	Count	   *count = hash_search(counters->counts, key, HASH_ENTER, &found);
	Unread	   *unread = &counters->unread[key->kind];

	if (found)
		return count;
	count->n = 0;
	count->sum = NULL;
	if (counters->from == COUNTERS_FROM_ZERO && key->kind != KIND_RECRUIT)
		return count;
	if (unread->n == unread->room)
	{
		unread->room = Max(64, unread->room * 2);
		unread->counts = unread->counts == NULL ?
			MemoryContextAllocHuge(counters->context, sizeof(Count *) * (Size) unread->room) :
			repalloc_huge(unread->counts, sizeof(Count *) * (Size) unread->room);
	}
	unread->counts[unread->n++] = count;
	return count;
}

static Count *
count_of(Counters *counters, Kind kind, int64 member_id, int rule)
{
	CountKey	key;

	memset(&key, 0, sizeof(key));
	key.kind = kind;
	key.member_id = member_id;
	key.rule = rule;
	return enter(counters, &key);
}

static CountKey
earned_key(Counters *counters, int64 member_id, const PlanRule *rule, PlanCap cap,
		   TimestampTz period, const char *currency)
{
	CountKey	key;

	memset(&key, 0, sizeof(key));
	key.kind = cap_units[cap] == NULL ? KIND_EARNED_FOR_LIFE : KIND_EARNED;
	key.member_id = member_id;
	key.rule = word_number(counters, rule->name);
	key.cap = cap;
	key.period = period;
	key.currency = word_number(counters, currency);
	return key;
}

static Count *
earned_by(Counters *counters, int64 member_id, const PlanRule *rule, PlanCap cap,
		  TimestampTz period, const char *currency)
{
	CountKey	key = earned_key(counters, member_id, rule, cap, period, currency);

	return enter(counters, &key);
}

/* Where the period of a cap that contains a time begins. */
static TimestampTz
period_start(Counters *counters, PlanCap cap, TimestampTz at)
{
	if (cap_units[cap] == NULL)
		return DT_NOBEGIN;
	return DatumGetTimestampTz(DirectFunctionCall3(timestamptz_trunc_zone,
												   CStringGetTextDatum(cap_units[cap]),
												   TimestampTzGetDatum(at),
												   counters->time_zone));
}

/* Is this a cap over more than the sale, in the sale's currency? */
static bool
cap_counts(const PlanRule *rule, PlanCap cap, const EngineSale *sale)
{
	return rule->has_caps && cap >= PLAN_CAP_MEMBER_DAY &&
		plan_money_for(&rule->caps[cap], sale->currency) != NULL;
}

/* Levels that the plan looks at, from 0. */
static int
levels_looked_at(const CommissionPlan *plan, const EngineSale *sale)
{
	return plan->max_level < sale->depth ? plan->max_level + 1 : sale->depth;
}

static int
recruits_looked_at(const CommissionPlan *plan, const EngineSale *sale)
{
	return plan->recruit_level < sale->depth ? plan->recruit_level + 1 : sale->depth;
}

static int64
member_at(const EngineSale *sale, int level)
{
	return sale->ids[sale->depth - 1 - level];
}

/* Of whoever a rule may pay: the levels, and who gets what is missing. */
static int64
payee(const CommissionPlan *plan, const PlanRule *rule, const EngineSale *sale, int i)
{
	int			levels = levels_looked_at(plan, sale);

	if (i < levels)
		return member_at(sale, i);
	return i == levels && rule->missing == PLAN_MISSING_MEMBER ? rule->missing_member : -1;
}

static void
want_earned(Counters *counters, const CommissionPlan *plan, const EngineSale *sale)
{
	for (int r = 0; r < plan->nrules; r++)
		for (PlanCap cap = PLAN_CAP_MEMBER_DAY; cap < PLAN_NCAPS; cap++)
		{
			const PlanRule *rule = &plan->rules[r];
			TimestampTz period;
			int64		member_id;

			if (!cap_counts(rule, cap, sale))
				continue;
			period = period_start(counters, cap, sale->occurred_at);
			for (int i = 0; (member_id = payee(plan, rule, sale, i)) >= 0; i++)
			{
				(void) earned_by(counters, member_id, rule, cap, period, sale->currency);
				(void) count_of(counters, KIND_LOCKED, member_id, 0);
			}
		}
}

/* What no plan asks for is not counted. */
void
counters_expect(Counters *counters, const CommissionPlan *plan)
{
	counters->any_orders |= plan->uses_order_number;
	counters->any_applied |= plan->uses_applied;
	counters->any_earned |= plan->uses_earned;
}

/* Say of what a sale is going to ask for. */
void
counters_want(Counters *counters, const CommissionPlan *plan, const EngineSale *sale)
{
	int64		member_id = member_at(sale, 0);

	counters_expect(counters, plan);
	if (plan->uses_order_number)
		(void) count_of(counters, KIND_ORDERS, member_id, 0);
	if (plan->uses_order_number || plan->uses_applied)
		(void) count_of(counters, KIND_LOCKED, member_id, 0);
	for (int r = 0; plan->uses_applied && r < plan->nrules; r++)
		if (plan->rules[r].once_per_buyer)
			(void) count_of(counters, KIND_APPLIED, member_id, word_number(counters, plan->rules[r].name));
	for (int level = 0; plan->uses_recruit_numbers && level < recruits_looked_at(plan, sale); level++)
		(void) count_of(counters, KIND_RECRUIT, member_at(sale, level), 0);
	if (plan->uses_earned)
		want_earned(counters, plan, sale);
}

/* What is to be read of one kind, which then counts as read. */
static Count **
take_unread(Counters *counters, Kind kind, int *n)
{
	Unread	   *unread = &counters->unread[kind];

	*n = unread->n;
	unread->n = 0;
	return unread->counts;
}

static Datum
members_array(Count **counts, int n)
{
	Datum	   *ids = palloc_extended(sizeof(Datum) * (Size) Max(n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(counts[i]->key.member_id);
	return program_array(INT8OID, ids, NULL, n);
}

static Datum
words_array(Counters *counters, Count **counts, int n, bool of_rules)
{
	Datum	   *words = palloc_extended(sizeof(Datum) * (Size) Max(n, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < n; i++)
		words[i] = CStringGetTextDatum(counters->texts[of_rules ? counts[i]->key.rule : counts[i]->key.currency]);
	return program_array(TEXTOID, words, NULL, n);
}

/*
 * From here to the end of the transaction nobody else counts for these
 * members.
 */
void
counters_lock(Counters *counters)
{
	int			n;
	Count	  **counts = take_unread(counters, KIND_LOCKED, &n);
	Oid			types[] = {INT8ARRAYOID};
	Datum		array;

	if (n == 0)
		return;
	array = members_array(counts, n);
	(void) program_query(counters->program,
						 "SELECT FROM @member m WHERE m.member_id = ANY ($1)"
						 " ORDER BY m.member_id FOR NO KEY UPDATE",
						 1, types, &array, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Of sales s, those that have not been replaced.  What is being replaced has
 * been taken back already, and its successor is not there yet.
 */
static const char *
not_replaced(Counters *counters)
{
	if (counters->from == COUNTERS_FROM_REMAINING)
		return " AND NOT EXISTS (SELECT FROM @refund_posting p JOIN @refund r ON r.refund_id = p.refund_id"
			"                     WHERE p.sale_id = s.sale_id AND " REPOST_IS_REFUND ")";
	return counters->any_replaced ? " AND " SALE_IS_LATEST : "";
}

static void
look_for_replaced(Counters *counters)
{
	counters->any_replaced = program_query_now(counters->program,
											   "SELECT FROM @sale s WHERE s.replaces IS NOT NULL LIMIT 1",
											   0, NULL, NULL, NULL, 1) > 0;
	SPI_freetuptable(SPI_tuptable);
}

/* An order counts once for each member that it has been posted for. */
static void
load_orders(Counters *counters)
{
	int			n;
	Count	  **counts = take_unread(counters, KIND_ORDERS, &n);
	Oid			types[] = {INT8ARRAYOID};
	Datum		array;
	uint64		found;

	if (n == 0)
		return;
	array = members_array(counts, n);
	found = program_query_now(counters->program,
							  counters->any_replaced ?
							  "SELECT s.member_id, count(*) FROM @sale s"
							  " WHERE s.member_id = ANY ($1)"
							  "   AND NOT EXISTS (SELECT FROM @sale v WHERE v.order_key = s.order_key"
							  "                      AND v.revision < s.revision AND v.member_id = s.member_id)"
							  " GROUP BY s.member_id" :
							  "SELECT s.member_id, count(*) FROM @sale s"
							  " WHERE s.member_id = ANY ($1) GROUP BY s.member_id",
							  1, types, &array, NULL, 0);
	for (uint64 i = 0; i < found; i++)
		count_of(counters, KIND_ORDERS, DatumGetInt64(program_get(i, 1, INT8OID)), 0)->n =
			DatumGetInt64(program_get(i, 2, INT8OID));
	SPI_freetuptable(SPI_tuptable);
}

/* By when they joined, then by id. */
static void
load_recruits(Counters *counters)
{
	int			n;
	Count	  **counts = take_unread(counters, KIND_RECRUIT, &n);
	Oid			types[] = {INT8ARRAYOID, INT4OID};
	Datum		values[2];
	uint64		found;

	if (n == 0)
		return;
	values[0] = members_array(counts, n);
	values[1] = Int32GetDatum(COUNTERS_MAX_RECRUIT - 1);
	found = program_query(counters->program,
						  "SELECT m.member_id, 1 + (SELECT count(*)"
						  "         FROM (SELECT FROM @member f"
						  "                WHERE f.sponsor_id = m.sponsor_id"
						  "                  AND (f.joined_at, f.member_id) < (m.joined_at, m.member_id)"
						  "                LIMIT $2) e)"
						  "  FROM @member m"
						  " WHERE m.member_id = ANY ($1) AND m.sponsor_id IS NOT NULL",
						  2, types, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
		count_of(counters, KIND_RECRUIT, DatumGetInt64(program_get(i, 1, INT8OID)), 0)->n =
			DatumGetInt64(program_get(i, 2, INT8OID));
	SPI_freetuptable(SPI_tuptable);
}

static void
load_applied(Counters *counters)
{
	int			n;
	Count	  **counts = take_unread(counters, KIND_APPLIED, &n);
	Oid			types[] = {INT8ARRAYOID, TEXTARRAYOID};
	Datum		values[2];
	uint64		found;

	if (n == 0)
		return;
	values[0] = members_array(counts, n);
	values[1] = words_array(counters, counts, n, true);
	found = program_query_now(counters->program,
							  psprintf("SELECT k.place FROM unnest($1, $2) WITH ORDINALITY AS k(member_id, rule, place)"
									   " WHERE EXISTS (SELECT FROM @sale s"
									   "                 JOIN @ledger l ON l.source_id = s.sale_id AND l.source = 'sale'"
									   "                WHERE s.member_id = k.member_id AND l.rule = k.rule%s)",
									   not_replaced(counters)),
							  2, types, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
		counts[DatumGetInt64(program_get(i, 1, INT8OID)) - 1]->n = 1;
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Sums of the ledger: with the sales, unless it is for life and nothing was
 * ever replaced.
 */
static void
load_earned(Counters *counters, bool for_life)
{
	int			n;
	Count	  **counts = take_unread(counters, for_life ? KIND_EARNED_FOR_LIFE : KIND_EARNED, &n);
	Datum	   *units = palloc_extended(sizeof(Datum) * (Size) Max(n, 1), MCXT_ALLOC_HUGE);
	Datum	   *starts = palloc_extended(sizeof(Datum) * (Size) Max(n, 1), MCXT_ALLOC_HUGE);
	Oid			types[] = {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TEXTOID};
	Datum		values[6];
	const char *sale = not_replaced(counters);
	bool		alone = for_life && sale[0] == '\0';
	uint64		found;

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
	{
		units[i] = CStringGetTextDatum(for_life ? "" : cap_units[counts[i]->key.cap]);
		starts[i] = TimestampTzGetDatum(counts[i]->key.period);
	}
	values[0] = members_array(counts, n);
	values[1] = words_array(counters, counts, n, true);
	values[2] = words_array(counters, counts, n, false);
	values[3] = program_array(TEXTOID, units, NULL, n);
	values[4] = program_array(TIMESTAMPTZOID, starts, NULL, n);
	values[5] = counters->time_zone;
	found = program_query_now(counters->program,
							  psprintf("SELECT k.place, sum(l.amount)"
									   "  FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY"
									   "       AS k(member_id, rule, currency, unit, start, place)"
									   "  JOIN @ledger l ON l.member_id = k.member_id AND l.currency = k.currency AND l.rule = k.rule"
									   "%s"
									   " WHERE l.source = 'sale' AND $6 IS NOT NULL%s%s"
									   " GROUP BY k.place",
									   alone ? "" : "  JOIN @sale s ON s.sale_id = l.source_id",
									   for_life ? "" : " AND date_trunc(k.unit, s.occurred_at, $6) = k.start",
									   sale),
							  6, types, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(counters->context);

		counts[DatumGetInt64(program_get(i, 1, INT8OID)) - 1]->sum =
			DatumGetNumericCopy(program_get(i, 2, NUMERICOID));
		MemoryContextSwitchTo(caller);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Read what was asked for, in one query each. */
void
counters_load(Counters *counters)
{
	load_recruits(counters);
	if (counters->from == COUNTERS_FROM_ZERO)
		return;
	look_for_replaced(counters);
	load_orders(counters);
	load_applied(counters);
	load_earned(counters, true);
	load_earned(counters, false);
}

/* The counters of a sale as a document. */

static void
push_key(JsonbParseState **state, const char *key)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, key);
	value.val.string.len = strlen(key);
	(void) pushJsonbValue(state, WJB_KEY, &value);
}

static void
push_number(JsonbParseState **state, JsonbIteratorToken as, int64 number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = money_from_int(number);
	(void) pushJsonbValue(state, as, &value);
}

/* A root is nobody's recruit; it can only be the last. */
static void
push_recruits(JsonbParseState **state, Counters *counters, const CommissionPlan *plan, const EngineSale *sale)
{
	push_key(state, "recruit_numbers");
	(void) pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int level = 0; level < recruits_looked_at(plan, sale); level++)
	{
		int64		number = count_of(counters, KIND_RECRUIT, member_at(sale, level), 0)->n;

		if (number > 0)
			push_number(state, WJB_ELEM, number);
	}
	(void) pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static void
push_applied(JsonbParseState **state, Counters *counters, const CommissionPlan *plan, const EngineSale *sale)
{
	push_key(state, "applied");
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int r = 0; r < plan->nrules; r++)
	{
		const char *name = plan->rules[r].name;

		if (!plan->rules[r].once_per_buyer)
			continue;
		push_key(state, name);
		push_number(state, WJB_VALUE,
					count_of(counters, KIND_APPLIED, member_at(sale, 0), word_number(counters, name))->n);
	}
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* By member, those that have earned something. */
static void
push_earned_of(JsonbParseState **state, Counters *counters, const CommissionPlan *plan,
			   const EngineSale *sale, const PlanRule *rule, PlanCap cap)
{
	TimestampTz period = period_start(counters, cap, sale->occurred_at);
	int64		member_id;

	push_key(state, plan_cap_names[cap]);
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; (member_id = payee(plan, rule, sale, i)) >= 0; i++)
	{
		Count	   *count = earned_by(counters, member_id, rule, cap, period, sale->currency);
		JsonbValue	value;

		if (count->sum == NULL || money_is_zero(count->sum))
			continue;
		push_key(state, psprintf(INT64_FORMAT, member_id));
		value.type = jbvString;
		value.val.string.val = money_to_string(count->sum);
		value.val.string.len = strlen(value.val.string.val);
		(void) pushJsonbValue(state, WJB_VALUE, &value);
	}
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static void
push_earned(JsonbParseState **state, Counters *counters, const CommissionPlan *plan, const EngineSale *sale)
{
	push_key(state, "earned");
	(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	for (int r = 0; r < plan->nrules; r++)
	{
		const PlanRule *rule = &plan->rules[r];
		bool		counts = false;

		for (PlanCap cap = PLAN_CAP_MEMBER_DAY; cap < PLAN_NCAPS; cap++)
		{
			if (!cap_counts(rule, cap, sale))
				continue;
			if (!counts)
			{
				push_key(state, rule->name);
				(void) pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
				counts = true;
			}
			push_earned_of(state, counters, plan, sale, rule, cap);
		}
		if (counts)
			(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	(void) pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* The next sale is of an order that is counted, by this number if the plan asks. */
void
counters_keep_order(Counters *counters, int64 number)
{
	counters->keeps_order = true;
	counters->kept_number = number;
}

static int64
order_number(Counters *counters, int64 member_id)
{
	if (counters->keeps_order)
		return counters->kept_number;
	return count_of(counters, KIND_ORDERS, member_id, 0)->n + 1;
}

/* NULL where the plan asks for nothing. */
Jsonb *
counters_of(Counters *counters, const CommissionPlan *plan, const EngineSale *sale)
{
	JsonbParseState *state = NULL;

	if (!counters_needed(plan))
		return NULL;
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	if (plan->uses_order_number)
	{
		push_key(&state, "order_number");
		push_number(&state, WJB_VALUE, order_number(counters, member_at(sale, 0)));
	}
	if (plan->uses_recruit_numbers)
		push_recruits(&state, counters, plan, sale);
	if (plan->uses_applied)
		push_applied(&state, counters, plan, sale);
	if (plan->uses_earned)
		push_earned(&state, counters, plan, sale);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/* Counting what a sale has been paid. */

/*
 * What the rule paid counts as well for a version of it in another plan, in
 * which alone it has this cap.
 */
static void
add_earned(Counters *counters, const EngineSale *sale, const EngineLine *line)
{
	for (PlanCap cap = PLAN_CAP_MEMBER_DAY; cap < PLAN_NCAPS; cap++)
	{
		CountKey	key = earned_key(counters, line->member_id, line->rule, cap,
									 period_start(counters, cap, sale->occurred_at), sale->currency);
		Count	   *count;
		MemoryContext caller;
		Numeric		before;

		if (cap_counts(line->rule, cap, sale))
			count = enter(counters, &key);
		else
			count = hash_search(counters->counts, &key, HASH_FIND, NULL);
		if (count == NULL)
			continue;
		before = count->sum;
		caller = MemoryContextSwitchTo(counters->context);
		count->sum = money_add(before != NULL ? before : money_from_int(0), line->amount);
		MemoryContextSwitchTo(caller);
		if (before != NULL)
			pfree(before);
	}
}

void
counters_add_order(Counters *counters, int64 member_id)
{
	if (!counters->any_orders)
		return;
	count_of(counters, KIND_ORDERS, member_id, 0)->n++;
}

/* The payments of a sale count for those that follow. */
void
counters_add(Counters *counters, const EngineSale *sale, const EngineResult *result)
{
	/* a sale by a plan that asks for no number counts as well */
	if (!counters->keeps_order)
		counters_add_order(counters, member_at(sale, 0));
	counters->keeps_order = false;
	for (int i = 0; i < result->nlines; i++)
	{
		const EngineLine *line = &result->lines[i];

		if (line->reason != ENGINE_PAID)
			continue;
		if (counters->any_applied)
			count_of(counters, KIND_APPLIED, member_at(sale, 0), word_number(counters, line->rule->name))->n = 1;
		if (counters->any_earned)
			add_earned(counters, sale, line);
	}
}
