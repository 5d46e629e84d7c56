/*
 * program_audit_money.c
 *	  audit(): what is kept of balances beside the ledger, closed periods, and
 *	  that no payout took more than there was.
 */
#include "compat.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "lib/pairingheap.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "money.h"
#include "program_audit.h"

/* Checkpoints */

/*
 * account and held together are the entries up to the cut, those included that
 * have been archived since; how many they are is told while all are there.
 */
static const char checkpoints[] =
"SELECT 'checkpoint'::text, format('member %s, %s', coalesce(l.member_id, c.member_id), coalesce(l.currency, c.currency)),"
"       format('%s in %s entries up to %s', coalesce(l.amount, 0), coalesce(l.entries, 0), (SELECT p.folded_through FROM @program p)),"
"       format('%s in %s entries', coalesce(c.amount, 0), coalesce(c.entries, 0))"
"  FROM (SELECT e.member_id, e.currency, sum(e.amount) AS amount, count(*) AS entries"
"          FROM (SELECT l.member_id, l.currency, l.amount FROM @ledger l"
"                 WHERE l.entry_id <= (SELECT p.folded_through FROM @program p)"
"                UNION ALL SELECT a.member_id, a.currency, a.amount FROM @archived a) e"
"         GROUP BY e.member_id, e.currency) l"
"  FULL JOIN (SELECT k.member_id, k.currency, sum(k.amount) AS amount, sum(k.entries) AS entries"
"               FROM (SELECT a.member_id, a.currency, a.available AS amount, a.entries FROM @account a"
"                     UNION ALL SELECT h.member_id, h.currency, h.amount, 0 FROM @held h) k"
"              GROUP BY k.member_id, k.currency) c"
"    ON c.member_id = l.member_id AND c.currency = l.currency"
" WHERE coalesce(l.amount, 0) <> coalesce(c.amount, 0)"
"    OR ($2 = '-infinity' AND coalesce(l.entries, 0) <> coalesce(c.entries, 0))";

/* What is held is an entry, as it is in the ledger, unless that has been archived. */
static const char held[] =
"SELECT 'held'::text, format('entry %s of member %s', h.entry_id, h.member_id),"
"       CASE WHEN l.entry_id IS NULL THEN format('an entry up to %s', (SELECT p.folded_through FROM @program p))"
"            ELSE format('%s %s of member %s, %s', l.amount, l.currency, l.member_id,"
"                        coalesce('available at ' || l.available_at, 'with the release of sale ' || l.sale_id)) END,"
"       CASE WHEN l.entry_id IS NULL THEN 'none'"
"            ELSE format('%s %s of member %s, %s', h.amount, h.currency, h.member_id,"
"                        coalesce('available at ' || h.available_at, 'with the release of sale ' || h.sale_id)) END"
"  FROM @held h"
"  LEFT JOIN (SELECT l.*, CASE WHEN l.source = 'refund' THEN p.sale_id ELSE l.source_id END AS sale_id,"
"                    r.available_at AS released_at"
"               FROM @ledger l"
"               LEFT JOIN @refund_posting p ON l.source = 'refund' AND p.refund_id = l.source_id"
"               LEFT JOIN @sale_release r ON r.sale_id = CASE WHEN l.source = 'refund' THEN p.sale_id ELSE l.source_id END"
"              WHERE l.entry_id <= (SELECT p.folded_through FROM @program p)) l ON l.entry_id = h.entry_id"
" WHERE CASE WHEN l.entry_id IS NULL THEN $2 = '-infinity'"
"            WHEN l.amount <> h.amount OR l.currency <> h.currency OR l.member_id <> h.member_id THEN true"
"            WHEN h.available_at IS NULL THEN l.available_at IS NOT NULL OR l.sale_id IS DISTINCT FROM h.sale_id"
"            ELSE coalesce(l.available_at, l.released_at) IS DISTINCT FROM h.available_at END";

/* What is not available yet is in no checkpoint. */
static const char not_held[] =
"SELECT 'held'::text, format('entry %s of member %s', l.entry_id, l.member_id),"
"       format('held until %s', coalesce(l.available_at::text, r.available_at::text, 'its release')), 'in the checkpoint'::text"
"  FROM @ledger l"
"  LEFT JOIN @refund_posting p ON l.source = 'refund' AND p.refund_id = l.source_id"
"  LEFT JOIN @sale_release r ON l.available_at IS NULL"
"       AND r.sale_id = CASE WHEN l.source = 'refund' THEN p.sale_id ELSE l.source_id END"
" WHERE l.entry_id <= (SELECT p.folded_through FROM @program p)"
"   AND coalesce(l.available_at, r.available_at, 'infinity') > now()"
"   AND NOT EXISTS (SELECT FROM @held h WHERE h.entry_id = l.entry_id)";

/* Closed periods */

static const char periods[] =
"SELECT 'closed_period'::text, format('period %s', c.name),"
"       CASE WHEN c.through_entry_id < c.cut_before THEN format('entries up to %s or more, as the period before', c.cut_before)"
"            ELSE format('closed at %s or later', c.ends_at) END,"
"       CASE WHEN c.through_entry_id < c.cut_before THEN format('entries up to %s', c.through_entry_id)"
"            ELSE format('closed at %s', c.closed_at) END"
"  FROM (SELECT c.*, lag(c.through_entry_id, 1, 0::bigint) OVER (ORDER BY c.ends_at) AS cut_before"
"          FROM @closed_period c) c"
" WHERE c.closed_at >= $1 AND (c.through_entry_id < c.cut_before OR c.closed_at < c.ends_at)";

static const char seals[] =
"SELECT 'seal'::text, format('period %s', c.name),"
"       format('%s entries, %s, %s', c.entries, c.sums, encode(c.hash, 'hex')),"
"       format('%s entries, %s, %s', s.entries, s.sums, encode(s.hash, 'hex'))"
"  FROM @closed_period c"
" CROSS JOIN LATERAL distributor.period_seal($2, c.name) s"
" WHERE c.hash IS NOT NULL AND c.closed_at >= $1"
"   AND (s.entries IS DISTINCT FROM c.entries OR s.sums IS DISTINCT FROM c.sums OR s.hash IS DISTINCT FROM c.hash)";

static void
check_seals(Audit *audit)
{
	Oid			types[] = {TIMESTAMPTZOID, TEXTOID};
	Datum		values[2];
	bool		any = program_query(audit->program, "SELECT FROM @closed_period c WHERE c.hash IS NOT NULL",
									0, NULL, NULL, NULL, 1) > 0;

	if (!any)
		return;
	values[0] = TimestampTzGetDatum(audit->since);
	values[1] = CStringGetTextDatum(audit->program->name);
	audit_query_text(audit, program_sql(audit->program, seals), 2, types, values);
}

void
audit_checkpoints(Audit *audit)
{
	audit_query(audit, checkpoints);
	audit_query(audit, held);
	audit_query(audit, not_held);
	audit_query(audit, periods);
	check_seals(audit);
}

/*
 * Payouts
 *
 * The entries of each member who was paid out, in the order of their ids.
 * Whatever takes money away is behind the lock of the account, so those with
 * lower ids are all that the payout could find; of what was earned beside it
 * some may not have been there yet, which speaks for the payout only.
 */
enum
{
	MONEY_MEMBER, MONEY_CURRENCY, MONEY_AMOUNT, MONEY_AVAILABLE_AT, MONEY_PAYOUT, MONEY_TAKEN, MONEY_REQUESTED_AT, MONEY_KEY
};

static const char money_sql[] =
"SELECT l.member_id, l.currency, l.amount, coalesce(l.available_at, greatest(r.available_at, r.recorded_at)), p.payout_id, p.amount,"
"       p.requested_at, p.payout_key"
"  FROM @ledger l"
"  LEFT JOIN @refund_posting t ON l.available_at IS NULL AND l.source = 'refund' AND t.refund_id = l.source_id"
"  LEFT JOIN @sale_release r ON l.available_at IS NULL AND l.source IN ('sale', 'refund')"
"        AND r.sale_id = coalesce(t.sale_id, l.source_id)"
"  LEFT JOIN @payout p ON l.source = 'payout' AND p.payout_id = l.source_id"
" WHERE (l.member_id, l.currency) IN (SELECT o.member_id, o.currency FROM @payout o WHERE o.requested_at >= $1)"
" ORDER BY l.member_id, l.currency, l.entry_id";

/*
 * A payout takes what is available by the clock, and bears the time at which
 * its transaction began, which has been a while then.
 */
#define PAYOUT_GRACE	USECS_PER_DAY

/* Money that is not available yet. */
typedef struct Pending
{
	pairingheap_node node;
	TimestampTz available_at;
	Numeric		amount;
} Pending;

typedef struct Purse
{
	Audit	   *audit;
	AuditStream *stream;
	int64		member_id;
	char	   *currency;
	int64		payout_id;		/* the last one seen */
	Numeric		available;
	pairingheap *pending;
} Purse;

static int
sooner(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const Pending *x = pairingheap_const_container(Pending, node, a);
	const Pending *y = pairingheap_const_container(Pending, node, b);

	return (x->available_at < y->available_at) - (x->available_at > y->available_at);
}

static void
become_available(Purse *purse, TimestampTz at)
{
	while (!pairingheap_is_empty(purse->pending))
	{
		Pending    *first = pairingheap_container(Pending, node, pairingheap_first(purse->pending));

		if (first->available_at > at)
			break;
		(void) pairingheap_remove_first(purse->pending);
		money_add_to(&purse->available, first->amount);
		pfree(first->amount);
		pfree(first);
	}
}

static void
check_payout(Purse *purse)
{
	Datum	   *values = purse->stream->values;
	Numeric		amount = DatumGetNumeric(values[MONEY_TAKEN]);
	TimestampTz requested_at = DatumGetTimestampTz(values[MONEY_REQUESTED_AT]);

	purse->payout_id = DatumGetInt64(values[MONEY_PAYOUT]);
	become_available(purse, requested_at + PAYOUT_GRACE);
	if (requested_at >= purse->audit->since && money_compare(amount, purse->available) > 0)
		audit_row(purse->audit, "payout_available", psprintf("payout %s", TextDatumGetCString(values[MONEY_KEY])),
				  psprintf("at most %s %s", money_to_string(purse->available), purse->currency),
				  psprintf("%s %s", money_to_string(amount), purse->currency));
}

static void
add_entry(Purse *purse)
{
	AuditStream *stream = purse->stream;
	Pending    *pending;

	if (!stream->nulls[MONEY_PAYOUT] && DatumGetInt64(stream->values[MONEY_PAYOUT]) != purse->payout_id)
		check_payout(purse);
	/* not released to this day */
	if (stream->nulls[MONEY_AVAILABLE_AT])
		return;
	pending = palloc(sizeof(Pending));
	pending->available_at = DatumGetTimestampTz(stream->values[MONEY_AVAILABLE_AT]);
	pending->amount = DatumGetNumericCopy(stream->values[MONEY_AMOUNT]);
	pairingheap_add(purse->pending, &pending->node);
}

static bool
is_same_purse(const Purse *purse)
{
	return purse->currency != NULL && DatumGetInt64(purse->stream->values[MONEY_MEMBER]) == purse->member_id &&
		strcmp(TextDatumGetCString(purse->stream->values[MONEY_CURRENCY]), purse->currency) == 0;
}

void
audit_payouts(Audit *audit)
{
	Purse		purse = {.audit = audit};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "distributor purse", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;

	if (audit->archived_before != DT_NOBEGIN)
		return;					/* some of what was there then cannot be seen */
	purse.stream = audit_stream(audit, money_sql);
	MemoryContextSwitchTo(context);
	while (audit_next(purse.stream))
	{
		if (!is_same_purse(&purse))
		{
			MemoryContextReset(context);
			purse.member_id = DatumGetInt64(purse.stream->values[MONEY_MEMBER]);
			purse.currency = TextDatumGetCString(purse.stream->values[MONEY_CURRENCY]);
			purse.payout_id = 0;
			purse.available = money_from_int(0);
			purse.pending = pairingheap_allocate(sooner, NULL);
		}
		add_entry(&purse);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	audit_close(purse.stream);
}
