/*
 * program_audit_refund.c
 *	  audit(): what refunds have taken back, taken back anew.
 *
 * The refunds of a sale followed each other, behind the lock of its row, and
 * each took its part of what the ones before had left.  In that order they are
 * applied again, by the code that applied them, to the entries of the sale as
 * they are in the ledger.  The order is that of their own entries, which were
 * numbered under the lock; a refund that took nothing has none, and goes where
 * its number says, or else where the others make it fit.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "money.h"
#include "program_audit.h"
#include "program_refund.h"

/*
 * What of a refund's is looked at: of a sale that was refunded since, and
 * whose entries are still there.
 */
#define SALE_WAS_REFUNDED(sale_id) \
	sale_id " IN (SELECT e.sale_id FROM @refund_posting e LEFT JOIN @sale s ON s.sale_id = e.sale_id" \
	"              WHERE e.posted_at >= $1 AND (s.posted_at >= $2) IS NOT FALSE)"

enum
{
	POSTING_SALE, POSTING_REFUND, POSTING_AMOUNT, POSTING_AT, POSTING_KEY, POSTING_ORDER_KEY,
	POSTING_LINE_KEY, POSTING_TOLD
};

static const char postings_sql[] =
"SELECT p.sale_id, p.refund_id, p.amount, p.posted_at, r.refund_key, r.order_key, r.line_key, r.amount"
"  FROM @refund_posting p"
"  LEFT JOIN @refund r ON r.refund_id = p.refund_id"
" WHERE " SALE_WAS_REFUNDED("p.sale_id")
" ORDER BY p.sale_id, p.refund_id";

enum
{
	LINE_SALE, LINE_REFUND, LINE_LINE, LINE_AMOUNT
};

static const char lines_sql[] =
"SELECT p.sale_id, l.refund_id, l.line, l.amount"
"  FROM @refund_line l"
"  LEFT JOIN @refund_posting p ON p.refund_id = l.refund_id"
" WHERE p.sale_id IS NULL OR " SALE_WAS_REFUNDED("p.sale_id")
" ORDER BY p.sale_id, l.refund_id, l.line";

enum
{
	TAKEN_SALE, TAKEN_REFUND, TAKEN_ENTRY, TAKEN_REVERSES, TAKEN_MEMBER, TAKEN_LEVEL, TAKEN_LINE, TAKEN_BASIS,
	TAKEN_RULE, TAKEN_AMOUNT, TAKEN_CURRENCY, TAKEN_POSTED_AT, TAKEN_AVAILABLE_AT
};

static const char taken_sql[] =
"SELECT p.sale_id, l.source_id, l.entry_id, l.reverses, l.member_id, l.level, l.line, l.basis, l.rule,"
"       l.amount, l.currency, l.posted_at, l.available_at"
"  FROM @ledger l"
"  LEFT JOIN @refund_posting p ON p.refund_id = l.source_id"
" WHERE l.source = 'refund'"
"   AND ((p.sale_id IS NULL AND l.posted_at >= $1) OR " SALE_WAS_REFUNDED("p.sale_id") ")"
" ORDER BY p.sale_id, l.source_id, l.entry_id";

/*
 * A refund waits while its order is not there, and for ever where it does not
 * fit it.  One that would fit has been forgotten: what remains only shrinks,
 * so it would have fitted when the two met.  Where the order has changed since,
 * what there was of it then is told by its last change, a refund as well, whose
 * id was drawn behind the lock of the order.
 */
static const char waiting_sql[] =
"SELECT 'refund_waits'::text, format('refund %s', w.refund_key),"
"       format('taken back of order %s: %s %s', w.order_key, coalesce(w.amount, w.rest), w.currency), 'none'::text"
"  FROM (SELECT r.refund_key, r.order_key, r.amount, s.currency,"
"               least(s.amount - t.taken, l.amount - l.taken) AS rest,"
"               r.line_key IS NULL OR l.line IS NOT NULL AS has_line,"
"               t.any AND r.line_key IS NULL OR r.line_key IS NOT NULL AS needs_rest"
"          FROM @refund r"
"         CROSS JOIN LATERAL (SELECT s.* FROM @sale s WHERE s.order_key = r.order_key ORDER BY s.revision DESC LIMIT 1) s"
"         CROSS JOIN LATERAL (SELECT coalesce(sum(p.amount), 0) AS taken, count(*) > 0 AS any"
"                               FROM @refund_posting p WHERE p.sale_id = s.sale_id) t"
"          LEFT JOIN LATERAL (SELECT i.line, i.amount, coalesce((SELECT sum(x.amount) FROM @refund_posting p"
"                                                                  JOIN @refund_line x ON x.refund_id = p.refund_id"
"                                                                 WHERE p.sale_id = s.sale_id AND x.line = i.line), 0) AS taken"
"                               FROM @sale_line i"
"                              WHERE i.sale_id = s.sale_id AND r.line_key IS NOT NULL"
"                                AND coalesce(i.line_key, i.line::text) = r.line_key COLLATE \"C\""
"                              ORDER BY i.line_key IS NULL LIMIT 1) l ON true"
"         WHERE r.recorded_at >= $1 AND s.posted_at >= $2"
"           AND (s.replaces IS NULL OR r.refund_id > (SELECT max(p.refund_id) FROM @refund_posting p WHERE p.sale_id = s.replaces))"
"           AND NOT EXISTS (SELECT FROM @refund_posting p WHERE p.refund_id = r.refund_id)) w"
" WHERE w.has_line AND coalesce(w.amount, w.rest) <= w.rest AND (coalesce(w.amount, w.rest) > 0 OR NOT w.needs_rest)";

/* A row of a refund in the ledger. */
typedef struct TakenEntry
{
	int64		entry_id;
	int			entry;			/* of the sale's entries, by place; -1: none of them */
	Numeric		amount;			/* over zero */
} TakenEntry;

typedef struct TakenLine
{
	int			line;
	Numeric		amount;
} TakenLine;

/* A refund of the sale at hand. */
typedef struct Refund
{
	RefundRow	row;
	bool		known;			/* refund has it */
	const char *key;
	Numeric		amount;			/* posted */
	TimestampTz posted_at;
	int			ntaken;
	TakenEntry *taken;
	int			nlines;
	TakenLine  *lines;
	int64		first_entry;	/* PG_INT64_MAX: it took nothing */
} Refund;

struct AuditRefunds
{
	Audit	   *audit;
	AuditStream *postings;
	AuditStream *lines;
	AuditStream *taken;
	bool		any_posting;
	bool		any_line;
	bool		any_taken;
	/* of the sale at hand */
	const StoredSale *sale;
	const char *order_key;
	RefundedSale state;			/* what remains */
	MemoryContext contexts[2];	/* of the state, and of the next one */
	Numeric    *found;			/* taken of each entry, by what is in the ledger */
	int			n;
	Refund	   *refunds;
};

AuditRefunds *
audit_refunds(Audit *audit)
{
	AuditRefunds *at = palloc0(sizeof(AuditRefunds));

	audit_query(audit, waiting_sql);
	at->audit = audit;
	for (int i = 0; i < (int) lengthof(at->contexts); i++)
		at->contexts[i] = AllocSetContextCreate(CurrentMemoryContext, "distributor refund", ALLOCSET_DEFAULT_SIZES);
	at->postings = audit_stream(audit, postings_sql);
	at->lines = audit_stream(audit, lines_sql);
	at->taken = audit_stream(audit, taken_sql);
	at->any_posting = audit_next(at->postings);
	at->any_line = audit_next(at->lines);
	at->any_taken = audit_next(at->taken);
	return at;
}

/* The sale of the row at hand of a stream; one that is NULL comes last. */
static int64
sale_of(const AuditStream *stream)
{
	return stream->nulls[0] ? PG_INT64_MAX : DatumGetInt64(stream->values[0]);
}

static void
stray_posting(AuditRefunds *at)
{
	Datum	   *values = at->postings->values;

	audit_row(at->audit, "refund",
			  at->postings->nulls[POSTING_KEY] ? psprintf("refund " INT64_FORMAT, DatumGetInt64(values[POSTING_REFUND]))
			  : psprintf("refund %s", TextDatumGetCString(values[POSTING_KEY])),
			  psprintf("sale " INT64_FORMAT, DatumGetInt64(values[POSTING_SALE])), NULL);
}

/* Postings of sales that are not there; and what has no posting, which comes last. */
static void
report_strays(AuditRefunds *at, int64 before)
{
	while (at->any_posting && sale_of(at->postings) < before)
	{
		stray_posting(at);
		at->any_posting = audit_next(at->postings);
	}
	while (at->any_line && sale_of(at->lines) < before)
		at->any_line = audit_next(at->lines);
	while (at->any_taken && sale_of(at->taken) < before)
		at->any_taken = audit_next(at->taken);
}

bool
audit_is_refunded(AuditRefunds *at, int64 sale_id)
{
	report_strays(at, sale_id);
	return at->any_posting && sale_of(at->postings) == sale_id;
}

void
audit_refunds_end(AuditRefunds *at)
{
	report_strays(at, PG_INT64_MAX);
	for (; at->any_line; at->any_line = audit_next(at->lines))
		audit_row(at->audit, "refund_line",
				  psprintf("refund " INT64_FORMAT ", line %d", DatumGetInt64(at->lines->values[LINE_REFUND]),
						   DatumGetInt32(at->lines->values[LINE_LINE])),
				  "a refund that has met its sale", NULL);
	for (; at->any_taken; at->any_taken = audit_next(at->taken))
		audit_row(at->audit, "refund",
				  psprintf("entry " INT64_FORMAT " for member " INT64_FORMAT,
						   DatumGetInt64(at->taken->values[TAKEN_ENTRY]), DatumGetInt64(at->taken->values[TAKEN_MEMBER])),
				  psprintf("refund " INT64_FORMAT " that has met its sale", DatumGetInt64(at->taken->values[TAKEN_REFUND])),
				  NULL);
	audit_close(at->postings);
	audit_close(at->lines);
	audit_close(at->taken);
}

/* Reading the refunds of a sale */

static char *
refund_object(const Refund *refund)
{
	return refund->key != NULL ? psprintf("refund %s", refund->key)
		: psprintf("refund " INT64_FORMAT, refund->row.refund_id);
}

static char *
entry_object(const Refund *refund, const LedgerEntry *entry)
{
	StringInfoData object;

	initStringInfo(&object);
	appendStringInfo(&object, "%s: member " INT64_FORMAT ", level %d, rule %s",
					 refund_object(refund), entry->member_id, entry->level, entry->rule);
	if (entry->line != 0)
		appendStringInfo(&object, ", line %d", entry->line);
	if (entry->basis != 0)
		appendStringInfo(&object, ", basis " INT64_FORMAT, entry->basis);
	return object.data;
}

static char *
taken_text(const AuditRefunds *at, Numeric amount)
{
	return money_sign(amount) == 0 ? NULL
		: psprintf("%s %s", money_to_string(money_subtract(money_from_int(0), amount)), at->sale->currency);
}

static void
read_refund(AuditRefunds *at, Refund *refund)
{
	AuditStream *stream = at->postings;

	memset(refund, 0, sizeof(Refund));
	refund->row.refund_id = DatumGetInt64(stream->values[POSTING_REFUND]);
	refund->amount = DatumGetNumericCopy(stream->values[POSTING_AMOUNT]);
	refund->posted_at = DatumGetTimestampTz(stream->values[POSTING_AT]);
	refund->first_entry = PG_INT64_MAX;
	refund->known = !stream->nulls[POSTING_KEY];
	if (!refund->known)
		return;
	refund->row.refund_key = DatumGetTextPCopy(stream->values[POSTING_KEY]);
	refund->row.order_key = DatumGetTextPCopy(stream->values[POSTING_ORDER_KEY]);
	if (!stream->nulls[POSTING_LINE_KEY])
		refund->row.line_key = DatumGetTextPCopy(stream->values[POSTING_LINE_KEY]);
	if (!stream->nulls[POSTING_TOLD])
		refund->row.amount = DatumGetNumericCopy(stream->values[POSTING_TOLD]);
	refund->key = text_to_cstring(refund->row.refund_key);
}

static void
read_refunds(AuditRefunds *at)
{
	int			room = 4;

	at->n = 0;
	at->refunds = palloc(sizeof(Refund) * room);
	while (at->any_posting && sale_of(at->postings) == at->sale->sale_id)
	{
		if (at->n == room)
		{
			room *= 2;
			at->refunds = repalloc_huge(at->refunds, sizeof(Refund) * (Size) room);
		}
		read_refund(at, &at->refunds[at->n++]);
		at->any_posting = audit_next(at->postings);
	}
}

/* By refund_id, in which order the refunds are as long as they are read. */
static Refund *
find_refund(AuditRefunds *at, int64 refund_id)
{
	int			low = 0;
	int			high = at->n - 1;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (at->refunds[middle].row.refund_id < refund_id)
			low = middle + 1;
		else
			high = middle;
	}
	Assert(at->refunds[low].row.refund_id == refund_id);
	return &at->refunds[low];
}

static void
read_lines(AuditRefunds *at)
{
	for (; at->any_line && sale_of(at->lines) == at->sale->sale_id; at->any_line = audit_next(at->lines))
	{
		Refund	   *refund = find_refund(at, DatumGetInt64(at->lines->values[LINE_REFUND]));
		TakenLine  *line;

		if ((refund->nlines & (refund->nlines - 1)) == 0)
			refund->lines = refund->lines == NULL ? palloc(sizeof(TakenLine))
				: repalloc_huge(refund->lines, sizeof(TakenLine) * 2 * (Size) refund->nlines);
		line = &refund->lines[refund->nlines++];
		line->line = DatumGetInt32(at->lines->values[LINE_LINE]);
		line->amount = DatumGetNumericCopy(at->lines->values[LINE_AMOUNT]);
	}
}

/* The entries of the sale are ordered by entry_id. */
static int
find_entry(const AuditRefunds *at, int64 entry_id)
{
	int			low = 0;
	int			high = at->state.nentries;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (at->state.entries[middle].entry_id < entry_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < at->state.nentries && at->state.entries[low].entry_id == entry_id ? low : -1;
}

static const char *
time_text(TimestampTz at)
{
	return at == LEDGER_UNRELEASED ? "with the release" : pstrdup(timestamptz_to_str(at));
}

/* Is it of the same member and place as the entry that it names, and of the time of its refund? */
static void
check_reversal(AuditRefunds *at, const Refund *refund, int place)
{
	Datum	   *values = at->taken->values;
	TimestampTz posted_at = DatumGetTimestampTz(values[TAKEN_POSTED_AT]);
	TimestampTz available_at = at->taken->nulls[TAKEN_AVAILABLE_AT] ? LEDGER_UNRELEASED
		: DatumGetTimestampTz(values[TAKEN_AVAILABLE_AT]);
	LedgerEntry self = {.member_id = DatumGetInt64(values[TAKEN_MEMBER]),.basis = DatumGetInt64(values[TAKEN_BASIS])};
	char	   *currency = TextDatumGetCString(values[TAKEN_CURRENCY]);
	LedgerEntry *entry;
	char	   *object;

	self.level = DatumGetInt32(values[TAKEN_LEVEL]);
	self.line = DatumGetInt32(values[TAKEN_LINE]);
	self.rule = TextDatumGetCString(values[TAKEN_RULE]);
	object = entry_object(refund, &self);
	if (place < 0)
	{
		audit_row(at->audit, "refund_reverses", object, psprintf("an entry of order %s", at->order_key),
				  at->taken->nulls[TAKEN_REVERSES] ? NULL
				  : psprintf("entry " INT64_FORMAT, DatumGetInt64(values[TAKEN_REVERSES])));
		return;
	}
	entry = &at->state.entries[place];
	if (self.member_id != entry->member_id || self.level != entry->level || self.line != entry->line ||
		self.basis != entry->basis || strcmp(self.rule, entry->rule) != 0 || strcmp(currency, at->sale->currency) != 0)
		audit_row(at->audit, "refund_reverses", object,
				  psprintf("%s, in %s", entry_object(refund, entry), at->sale->currency), psprintf("%s, in %s", object, currency));
	if (posted_at != refund->posted_at)
		audit_row(at->audit, "posted_at", object, time_text(refund->posted_at), time_text(posted_at));
	if (available_at != Max(entry->available_at, posted_at))
		audit_row(at->audit, "available_at", object,
				  time_text(Max(entry->available_at, posted_at)), time_text(available_at));
}

static void
read_taken(AuditRefunds *at)
{
	for (; at->any_taken && sale_of(at->taken) == at->sale->sale_id; at->any_taken = audit_next(at->taken))
	{
		Datum	   *values = at->taken->values;
		Refund	   *refund = find_refund(at, DatumGetInt64(values[TAKEN_REFUND]));
		int			place = at->taken->nulls[TAKEN_REVERSES] ? -1 : find_entry(at, DatumGetInt64(values[TAKEN_REVERSES]));
		TakenEntry *taken;

		check_reversal(at, refund, place);
		if ((refund->ntaken & (refund->ntaken - 1)) == 0)
			refund->taken = refund->taken == NULL ? palloc(sizeof(TakenEntry))
				: repalloc_huge(refund->taken, sizeof(TakenEntry) * 2 * (Size) refund->ntaken);
		taken = &refund->taken[refund->ntaken++];
		taken->entry_id = DatumGetInt64(values[TAKEN_ENTRY]);
		taken->entry = place;
		taken->amount = money_subtract(money_from_int(0), DatumGetNumeric(values[TAKEN_AMOUNT]));
		refund->first_entry = Min(refund->first_entry, taken->entry_id);
		if (place >= 0)
			money_add_to(&at->found[place], taken->amount);
	}
}

/* Applying them */

static int
by_entry_id(const void *a, const void *b)
{
	const LedgerEntry *x = a;
	const LedgerEntry *y = b;

	return (x->entry_id > y->entry_id) - (x->entry_id < y->entry_id);
}

static int
by_first_entry(const void *a, const void *b)
{
	const Refund *x = a;
	const Refund *y = b;

	if (x->first_entry != y->first_entry)
		return x->first_entry < y->first_entry ? -1 : 1;
	return (x->row.refund_id > y->row.refund_id) - (x->row.refund_id < y->row.refund_id);
}

/* The sale as it was before the first of them. */
static void
begin_state(AuditRefunds *at, LedgerEntry *entries, int n)
{
	RefundedSale *state = &at->state;
	const EngineSale *sale = &at->sale->sale;

	memset(state, 0, sizeof(RefundedSale));
	state->sale_id = at->sale->sale_id;
	state->plan_version = at->sale->plan_version;
	state->currency = at->sale->currency;
	state->amount = state->remains = sale->amount;
	state->nlines = sale->nitems;
	state->lines = palloc0(sizeof(RefundedLine) * Max(sale->nitems, 1));
	for (int i = 0; i < sale->nitems; i++)
	{
		state->lines[i].line = sale->items[i].line;
		state->lines[i].key = unconstify(char *, sale->items[i].key);
		state->lines[i].remains = sale->items[i].amount;
	}
	qsort(entries, n, sizeof(LedgerEntry), by_entry_id);
	state->nentries = n;
	state->entries = entries;
	at->found = palloc(sizeof(Numeric) * Max(n, 1));
	for (int i = 0; i < n; i++)
		at->found[i] = money_from_int(0);
}

static Numeric
copy(Numeric value)
{
	return DatumGetNumericCopy(NumericGetDatum(value));
}

/* A copy that a refund can be tried on. */
static RefundedSale
copy_state(const RefundedSale *from)
{
	RefundedSale to = *from;

	to.remains = copy(from->remains);
	to.lines = palloc(sizeof(RefundedLine) * Max(from->nlines, 1));
	for (int i = 0; i < from->nlines; i++)
	{
		to.lines[i] = from->lines[i];
		to.lines[i].remains = copy(from->lines[i].remains);
	}
	to.entries = palloc_extended(sizeof(LedgerEntry) * (Size) Max(from->nentries, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < from->nentries; i++)
	{
		to.entries[i] = from->entries[i];
		to.entries[i].remains = copy(from->entries[i].remains);
	}
	return to;
}

/* What the ledger says the refund took of each entry of the sale; NULL: nothing. */
static Numeric *
found_by_entry(const Refund *refund, int nentries)
{
	Numeric    *found = palloc_extended(sizeof(Numeric) * (Size) Max(nentries, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (int i = 0; i < refund->ntaken; i++)
	{
		const TakenEntry *taken = &refund->taken[i];

		if (taken->entry >= 0)
			found[taken->entry] = found[taken->entry] == NULL ? taken->amount
				: money_add(found[taken->entry], taken->amount);
	}
	return found;
}

static Numeric
found_of_line(const Refund *refund, int line)
{
	for (int i = 0; i < refund->nlines; i++)
		if (refund->lines[i].line == line)
			return refund->lines[i].amount;
	return money_from_int(0);
}

/*
 * Is what a refund took between two states what it has in the ledger?  If the
 * audit is to tell, each difference is a row of it.
 */
static bool
same_taking(AuditRefunds *at, const Refund *refund, const RefundedSale *before, const RefundedSale *after, bool tell)
{
	Numeric		amount = money_subtract(before->remains, after->remains);
	bool		same = money_compare(amount, refund->amount) == 0;
	Numeric    *by_entry = found_by_entry(refund, before->nentries);

	if (!same && tell)
		audit_row(at->audit, "refund", refund_object(refund), psprintf("%s %s", money_to_string(amount), at->sale->currency),
				  psprintf("%s %s", money_to_string(refund->amount), at->sale->currency));
	for (int i = 0; i < before->nentries && (same || tell); i++)
	{
		Numeric		expected = money_subtract(before->entries[i].remains, after->entries[i].remains);
		Numeric		found = by_entry[i] != NULL ? by_entry[i] : money_from_int(0);

		CHECK_FOR_INTERRUPTS();
		if (money_compare(expected, found) == 0)
			continue;
		same = false;
		if (tell)
			audit_row(at->audit, "refund_entry", entry_object(refund, &before->entries[i]),
					  taken_text(at, expected), taken_text(at, found));
	}
	for (int i = 0; i < before->nlines && (same || tell); i++)
	{
		Numeric		expected = money_subtract(before->lines[i].remains, after->lines[i].remains);
		Numeric		found = found_of_line(refund, before->lines[i].line);

		if (money_compare(expected, found) == 0)
			continue;
		same = false;
		if (tell)
			audit_row(at->audit, "refund_line", psprintf("%s, line %d", refund_object(refund), before->lines[i].line),
					  psprintf("%s %s", money_to_string(expected), at->sale->currency),
					  psprintf("%s %s", money_to_string(found), at->sale->currency));
	}
	return same;
}

/* Apply a refund to a state; false: it does not fit, and the state stays. */
static bool
apply(AuditRefunds *at, Refund *refund, RefundedSale *state)
{
	RefundRow	row = refund->row;

	/* as one that waited: what its members had then is not asked again */
	return refund_take(refund_taking(at->audit->program, true), state, &row, DEBUG5);
}

/*
 * Go on with the next refund.  Where it does not come out as it is in the
 * ledger, those that took nothing may have come before it.
 */
static void
follow(AuditRefunds *at, Refund *refund, Refund *silent, int nsilent)
{
	RefundedSale start = at->state;
	RefundedSale before = copy_state(&start);
	RefundedSale after = copy_state(&start);
	bool		fits = apply(at, refund, &after);

	if (fits && same_taking(at, refund, &before, &after, false))
	{
		at->state = after;
		return;
	}
	for (int i = 0; i < nsilent; i++)
	{
		RefundedSale without = copy_state(&before);

		if (silent[i].row.met || !apply(at, &silent[i], &before) ||
			!same_taking(at, &silent[i], &without, &before, false))
		{
			before = without;
			continue;
		}
		silent[i].row.met = true;
		after = copy_state(&before);
		if (apply(at, refund, &after) && same_taking(at, refund, &before, &after, false))
		{
			at->state = after;
			return;
		}
	}
	for (int i = 0; i < nsilent; i++)
		silent[i].row.met = false;
	at->state = copy_state(&start);
	if (!fits)
		audit_row(at->audit, "refund", refund_object(refund),
				  psprintf("at most what remained of order %s: %s %s", at->order_key,
						   money_to_string(start.remains), at->sale->currency),
				  psprintf("%s %s", money_to_string(refund->amount), at->sale->currency));
	else
	{
		after = copy_state(&start);
		(void) apply(at, refund, &after);
		(void) same_taking(at, refund, &start, &after, true);
		at->state = after;
	}
}

/*
 * As a rule, those that took nothing and were recorded before a refund have
 * come before it.  False, and nothing has changed, if it does not come out so.
 */
static bool
follow_in_order(AuditRefunds *at, Refund *refund, Refund *silent, int nsilent)
{
	RefundedSale before = copy_state(&at->state);
	RefundedSale after;
	Refund	  **placed = palloc(sizeof(Refund *) * Max(nsilent, 1));
	int			nplaced = 0;

	for (int i = 0; i < nsilent && silent[i].row.refund_id < refund->row.refund_id; i++)
	{
		if (silent[i].row.met)
			continue;
		after = copy_state(&before);
		if (!apply(at, &silent[i], &after) || !same_taking(at, &silent[i], &before, &after, false))
			continue;
		before = after;
		silent[i].row.met = true;
		placed[nplaced++] = &silent[i];
	}
	after = copy_state(&before);
	if (apply(at, refund, &after) && same_taking(at, refund, &before, &after, false))
	{
		at->state = after;
		return true;
	}
	while (nplaced > 0)
		placed[--nplaced]->row.met = false;
	return false;
}

/* Whatever the order was: nobody gives back more than he got, nor keeps anything of a refunded order. */
static void
check_remainders(AuditRefunds *at, LedgerEntry *entries)
{
	Numeric		taken = money_from_int(0);
	int			order;

	for (int i = 0; i < at->n; i++)
		taken = money_add(taken, at->refunds[i].amount);
	order = money_compare(taken, at->sale->sale.amount);
	if (order > 0)
		audit_row(at->audit, "refund_remainder", psprintf("order %s", at->order_key),
				  psprintf("at most %s %s refunded", money_to_string(at->sale->sale.amount), at->sale->currency),
				  psprintf("%s %s", money_to_string(taken), at->sale->currency));
	for (int i = 0; i < at->state.nentries; i++)
	{
		Numeric		left = money_subtract(entries[i].remains, at->found[i]);
		int			sign = money_sign(left);

		if (sign < 0 || (sign > 0 && order == 0))
			audit_row(at->audit, "refund_remainder",
					  psprintf("order %s: member " INT64_FORMAT ", level %d, rule %s, entry " INT64_FORMAT, at->order_key,
							   entries[i].member_id, entries[i].level, entries[i].rule, entries[i].entry_id),
					  order == 0 ? psprintf("0 %s", at->sale->currency) : psprintf("0 %s or more", at->sale->currency),
					  psprintf("%s %s", money_to_string(left), at->sale->currency));
	}
}

static void
check_refund(AuditRefunds *at, const Refund *refund)
{
	if (!refund->known)
		audit_row(at->audit, "refund", psprintf("posting of refund " INT64_FORMAT, refund->row.refund_id),
				  "a refund", NULL);
	else if (strcmp(text_to_cstring(refund->row.order_key), at->order_key) != 0)
		audit_row(at->audit, "refund", refund_object(refund),
				  psprintf("order %s", text_to_cstring(refund->row.order_key)), psprintf("order %s", at->order_key));
	for (int i = 0; i < refund->nlines; i++)
	{
		int			line = refund->lines[i].line;

		if (line < 1 || line > at->state.nlines)
			audit_row(at->audit, "refund_line", psprintf("%s, line %d", refund_object(refund), line),
					  psprintf("a line of order %s", at->order_key), NULL);
	}
}

/*
 * The refunds of a sale that audit_is_refunded, whose entries are given; plan
 * is NULL where its version is not there, and nothing can be taken.
 */
void
audit_refunds_of(AuditRefunds *at, const StoredSale *sale, const char *order_key,
				 const CommissionPlan *plan, LedgerEntry *entries, int n)
{
	MemoryContext caller = CurrentMemoryContext;
	int			nspeaking = 0;
	bool		known = plan != NULL;

	at->sale = sale;
	at->order_key = order_key;
	begin_state(at, entries, n);
	read_refunds(at);
	read_lines(at);
	read_taken(at);
	for (int i = 0; i < at->n; i++)
	{
		check_refund(at, &at->refunds[i]);
		known &= at->refunds[i].known;
		nspeaking += at->refunds[i].first_entry != PG_INT64_MAX;
	}
	check_remainders(at, entries);
	if (!known)
		return;
	qsort(at->refunds, at->n, sizeof(Refund), by_first_entry);
	for (int i = 0; i < at->n; i++)
	{
		/* there may be thousands of refunds, and of entries: a state lasts until the next */
		MemoryContextReset(at->contexts[i % 2]);
		MemoryContextSwitchTo(at->contexts[i % 2]);
		if (i < nspeaking)
		{
			if (!follow_in_order(at, &at->refunds[i], at->refunds + nspeaking, at->n - nspeaking))
				follow(at, &at->refunds[i], at->refunds + nspeaking, at->n - nspeaking);
		}
		else if (!at->refunds[i].row.met)
			follow(at, &at->refunds[i], NULL, 0);
		else
			at->state = copy_state(&at->state);
	}
	MemoryContextSwitchTo(caller);
}
