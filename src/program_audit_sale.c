/*
 * program_audit_sale.c
 *	  audit(): what sales have paid, calculated anew.
 *
 * Sales and their rows in the ledger are read side by side, both in the order
 * of sale_id.  Each sale is calculated from what was stored with it, by the
 * version of the plan that it names, and the result is compared with its rows,
 * one by one: a row too many, one too few, one that differs.  Sales whose time
 * is not asked for ("since") are neither read nor missed.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "engine.h"
#include "money.h"
#include "program_audit.h"

/* Sales calculated between two looks at their lines. */
#define AUDIT_CHUNK			2000

/* What of sales and their rows is looked at: posted since, or refunded since. */
#define SALE_IS_ASKED_FOR(posted_at, sale_id) \
	posted_at " >= $2 AND (" posted_at " >= $1 OR " sale_id " IN (SELECT p.sale_id FROM @refund_posting p WHERE p.posted_at >= $1))"

/* The column of a sale after STORED_SALE_COLUMNS. */
#define SALE_ORDER_KEY		12

/* Columns of a row of the ledger. */
enum
{
	ENTRY_SALE, ENTRY_MEMBER, ENTRY_LEVEL, ENTRY_LINE, ENTRY_BASIS, ENTRY_RULE, ENTRY_AMOUNT,
	ENTRY_CURRENCY, ENTRY_POSTED_AT, ENTRY_AVAILABLE_AT, ENTRY_ID
};

static const char sales_sql[] =
"SELECT " STORED_SALE_COLUMNS ", s.order_key"
"  FROM @sale s WHERE " SALE_IS_ASKED_FOR("s.posted_at", "s.sale_id")
" ORDER BY s.sale_id";

static const char entries_sql[] =
"SELECT l.source_id, l.member_id, l.level, l.line, l.basis, l.rule, l.amount, l.currency, l.posted_at,"
"       l.available_at, l.entry_id"
"  FROM @ledger l"
" WHERE l.source = 'sale' AND " SALE_IS_ASKED_FOR("l.posted_at", "l.source_id")
" ORDER BY l.source_id, l.member_id, l.level, l.line, l.basis, l.rule";

/*
 * Where the upline of a sale is not the one that its member has now, somebody
 * has moved since: each step of it must be one that the history knows.
 */
static const char paths_sql[] =
"WITH moved AS MATERIALIZED ("
"    SELECT s.order_key, s.member_id, s.path, distributor.member_id(s.path) AS ends_in"
"      FROM @sale s"
"      LEFT JOIN @member m ON m.member_id = s.member_id"
"     WHERE s.posted_at >= $1 AND (m.member_id IS NULL OR m.path OPERATOR(distributor.<>) s.path)"
")"
"SELECT 'sale_path'::text, format('order %s', s.order_key),"
"       CASE WHEN s.ends_in <> s.member_id THEN format('a path to member %s', s.member_id)"
"            ELSE format('a path that member %s has had', s.member_id) END,"
"       format('path %s', s.path)"
"  FROM moved s"
" WHERE s.ends_in <> s.member_id"
"    OR EXISTS (SELECT FROM (SELECT u.id, lag(u.id) OVER (ORDER BY u.place) AS sponsor_id"
"                              FROM unnest(s.path::bigint[]) WITH ORDINALITY AS u(id, place)) e"
"                WHERE NOT EXISTS (SELECT FROM @member_history h"
"                                   WHERE h.member_id = e.id AND h.sponsor_id IS NOT DISTINCT FROM e.sponsor_id))";

/* A sale that has been read. */
typedef struct AskedSale
{
	StoredSale *stored;
	char	   *order_key;
	char	   *message;		/* what could not be read; NULL: it could */
} AskedSale;

typedef struct SaleAudit
{
	Audit	   *audit;
	AuditStream *entries;
	bool		any_entry;		/* entries has a row at hand */
	bool		any_lines;		/* some sale has lines */
	AuditRefunds *refunds;
	EngineResult result;
	/* of the sale at hand */
	const StoredSale *sale;
	const char *order_key;
	const CommissionPlan *plan;
	bool		first;			/* none of its entries has been seen */
	TimestampTz available_at;	/* of the first one */
	bool		keeps;			/* its entries are needed once more */
	LedgerEntry *kept;
	int			nkept;
	int			room;
} SaleAudit;

/* Naming things */

static char *
order_object(const SaleAudit *at)
{
	return psprintf("order %s", at->order_key);
}

/* A row of a sale or of a refund: whose it is, and for what. */
static char *
entry_object(const char *of, int64 member_id, int level, const char *rule, int line, int64 basis)
{
	StringInfoData object;

	initStringInfo(&object);
	appendStringInfo(&object, "%s: member " INT64_FORMAT ", level %d, rule %s", of, member_id, level, rule);
	if (line != 0)
		appendStringInfo(&object, ", line %d", line);
	if (basis != 0)
		appendStringInfo(&object, ", basis " INT64_FORMAT, basis);
	return object.data;
}

static char *
amount_text(Numeric amount, const char *currency)
{
	return psprintf("%s %s", money_to_string(amount), currency);
}

static const char *
time_text(TimestampTz at)
{
	return at == LEDGER_UNRELEASED ? "with the release" : pstrdup(timestamptz_to_str(at));
}

/* Comparing the rows of one sale */

static int64
entry_int64(const SaleAudit *at, int column)
{
	return DatumGetInt64(at->entries->values[column]);
}

static int
entry_int32(const SaleAudit *at, int column)
{
	return DatumGetInt32(at->entries->values[column]);
}

static char *
entry_word(const SaleAudit *at, int column)
{
	return TextDatumGetCString(at->entries->values[column]);
}

static bool
word_is(Datum value, const char *word)
{
	text	   *packed = DatumGetTextPP(value);
	Size		length = strlen(word);

	return VARSIZE_ANY_EXHDR(packed) == length && memcmp(VARDATA_ANY(packed), word, length) == 0;
}

static char *
found_object(const SaleAudit *at)
{
	return entry_object(order_object(at), entry_int64(at, ENTRY_MEMBER), entry_int32(at, ENTRY_LEVEL),
						entry_word(at, ENTRY_RULE), entry_int32(at, ENTRY_LINE), entry_int64(at, ENTRY_BASIS));
}

static char *
found_amount(const SaleAudit *at)
{
	return amount_text(DatumGetNumeric(at->entries->values[ENTRY_AMOUNT]), entry_word(at, ENTRY_CURRENCY));
}

static void
next_entry(SaleAudit *at)
{
	at->any_entry = audit_next(at->entries);
}

/* The order of the ledger's own key. */
static int
compare_lines(const void *a, const void *b)
{
	const EngineLine *x = *(EngineLine *const *) a;
	const EngineLine *y = *(EngineLine *const *) b;

	if (x->member_id != y->member_id)
		return x->member_id < y->member_id ? -1 : 1;
	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->basis != y->basis)
		return x->basis < y->basis ? -1 : 1;
	return strcmp(x->rule->name, y->rule->name);
}

/* Where the entry at hand stands to a line that was calculated. */
static int
compare_entry(const SaleAudit *at, const EngineLine *line)
{
	int64		member_id = entry_int64(at, ENTRY_MEMBER);
	int64		basis = entry_int64(at, ENTRY_BASIS);
	int			level = entry_int32(at, ENTRY_LEVEL);
	int			number = entry_int32(at, ENTRY_LINE);

	if (member_id != line->member_id)
		return member_id < line->member_id ? -1 : 1;
	if (level != line->level)
		return level < line->level ? -1 : 1;
	if (number != line->line)
		return number < line->line ? -1 : 1;
	if (basis != line->basis)
		return basis < line->basis ? -1 : 1;
	if (word_is(at->entries->values[ENTRY_RULE], line->rule->name))
		return 0;
	return strcmp(entry_word(at, ENTRY_RULE), line->rule->name);
}

/* All rows of a sale are posted with it, and become available together. */
static void
check_times(SaleAudit *at)
{
	TimestampTz posted_at = DatumGetTimestampTz(at->entries->values[ENTRY_POSTED_AT]);
	TimestampTz available_at = at->entries->nulls[ENTRY_AVAILABLE_AT] ? LEDGER_UNRELEASED
		: DatumGetTimestampTz(at->entries->values[ENTRY_AVAILABLE_AT]);

	if (posted_at != at->sale->posted_at)
		audit_row(at->audit, "posted_at", found_object(at), time_text(at->sale->posted_at), time_text(posted_at));
	if (at->first)
		at->available_at = available_at;
	at->first = false;
	if (available_at != at->available_at)
		audit_row(at->audit, "available_at", found_object(at), time_text(at->available_at), time_text(available_at));
	else if (available_at < posted_at)
		audit_row(at->audit, "available_at", found_object(at),
				  psprintf("%s or later", time_text(posted_at)), time_text(available_at));
}

/* For the refunds of the sale, which take parts of it. */
static void
keep_entry(SaleAudit *at)
{
	LedgerEntry *entry;

	if (at->nkept == at->room)
	{
		at->room = Max(16, at->room * 2);
		at->kept = at->kept == NULL ? palloc(sizeof(LedgerEntry) * at->room)
			: repalloc_huge(at->kept, sizeof(LedgerEntry) * (Size) at->room);
	}
	entry = &at->kept[at->nkept++];
	entry->entry_id = entry_int64(at, ENTRY_ID);
	entry->member_id = entry_int64(at, ENTRY_MEMBER);
	entry->basis = entry_int64(at, ENTRY_BASIS);
	entry->level = entry_int32(at, ENTRY_LEVEL);
	entry->line = entry_int32(at, ENTRY_LINE);
	entry->rule = entry_word(at, ENTRY_RULE);
	entry->available_at = at->entries->nulls[ENTRY_AVAILABLE_AT] ? LEDGER_UNRELEASED
		: DatumGetTimestampTz(at->entries->values[ENTRY_AVAILABLE_AT]);
	entry->remains = DatumGetNumericCopy(at->entries->values[ENTRY_AMOUNT]);
}

static void
check_line(SaleAudit *at, const EngineLine *line)
{
	if (money_compare(DatumGetNumeric(at->entries->values[ENTRY_AMOUNT]), line->amount) != 0 ||
		!word_is(at->entries->values[ENTRY_CURRENCY], at->sale->currency))
		audit_row(at->audit, "commission", found_object(at),
				  amount_text(line->amount, at->sale->currency), found_amount(at));
}

static void
missing_line(SaleAudit *at, const EngineLine *line)
{
	audit_row(at->audit, "commission",
			  entry_object(order_object(at), line->member_id, line->level, line->rule->name, line->line, line->basis),
			  amount_text(line->amount, at->sale->currency), NULL);
}

/* Lay the entries of the sale beside what was calculated; n < 0: it could not be. */
static void
compare_sale(SaleAudit *at, EngineLine **lines, int n)
{
	int			next = 0;

	at->first = true;
	while (at->any_entry && entry_int64(at, ENTRY_SALE) == at->sale->sale_id)
	{
		int			order = 1;

		while (next < n && (order = compare_entry(at, lines[next])) > 0)
			missing_line(at, lines[next++]);
		if (n >= 0 && next < n && order == 0)
			check_line(at, lines[next++]);
		else if (n >= 0)
			audit_row(at->audit, "commission", found_object(at), NULL, found_amount(at));
		check_times(at);
		if (at->keeps)
			keep_entry(at);
		next_entry(at);
	}
	while (next < n)
		missing_line(at, lines[next++]);
}

/* Calculating */

/*
 * A sale that occurred before it was posted was paid by the version that is
 * valid at its time, as no plan begins before what was posted already.  One
 * dated in the future kept the plan of that day.
 */
static void
check_plan(SaleAudit *at, const AuditPlan *plan)
{
	const Audit *audit = at->audit;
	TimestampTz occurred_at = at->sale->sale.occurred_at;
	const AuditPlan *valid = NULL;

	for (int i = 0; i < audit->nplans; i++)
		if (audit->plans[i].valid_from <= occurred_at &&
			(valid == NULL || audit->plans[i].valid_from > valid->valid_from))
			valid = &audit->plans[i];
	if (plan->valid_from > occurred_at || (occurred_at <= at->sale->posted_at && plan != valid))
		audit_row(at->audit, "sale_plan", order_object(at),
				  valid == NULL ? NULL : psprintf("version %d, which is valid at %s", valid->version, time_text(occurred_at)),
				  psprintf("version %d", plan->version));
}

static void
run_engine(SaleAudit *at, StoredSale *stored)
{
	stored->sale.scale = plan_currency_scale(at->plan, stored->currency);
	if (stored->counters != NULL)
		engine_read_counters(&stored->sale, stored->counters);
	engine_run(at->plan, &stored->sale, &at->result);
}

/*
 * The message of an error about the values of a sale; any other is thrown on.
 * To be called where it was caught: reading and calculating touch nothing but
 * memory, so nothing has to be undone.
 */
static char *
caught_message(MemoryContext context)
{
	ErrorData  *error;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION &&
		ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		PG_RE_THROW();
	FlushErrorState();
	return error->message;
}

/* Calculate a sale from what was stored with it; returns what is wrong with that, or NULL. */
static char *
calculate(SaleAudit *at, StoredSale *stored)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile message = NULL;

	PG_TRY();
	{
		run_engine(at, stored);
	}
	PG_CATCH();
	{
		message = caught_message(context);
	}
	PG_END_TRY();
	return message;
}

/* The same for reading what was stored. */
static char *
read_sale(SaleAudit *at, StoredSale *stored, int row)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *volatile message = NULL;

	PG_TRY();
	{
		stored_read(at->audit->program, stored, row);
	}
	PG_CATCH();
	{
		message = caught_message(context);
	}
	PG_END_TRY();
	return message;
}

static int
sort_lines(SaleAudit *at, EngineLine ***lines)
{
	int			n = 0;

	*lines = palloc_extended(sizeof(EngineLine *) * (Size) Max(at->result.nlines, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < at->result.nlines; i++)
		if (at->result.lines[i].reason == ENGINE_PAID)
			(*lines)[n++] = &at->result.lines[i];
	qsort(*lines, n, sizeof(EngineLine *), compare_lines);
	return n;
}

/* Entries whose sale is not there. */
static void
report_strays(SaleAudit *at, int64 before)
{
	while (at->any_entry && entry_int64(at, ENTRY_SALE) < before)
	{
		audit_row(at->audit, "sale",
				  psprintf("entry " INT64_FORMAT " for member " INT64_FORMAT, entry_int64(at, ENTRY_ID),
						   entry_int64(at, ENTRY_MEMBER)),
				  psprintf("sale " INT64_FORMAT, entry_int64(at, ENTRY_SALE)), NULL);
		next_entry(at);
	}
}

static void
audit_sale(SaleAudit *at, AskedSale *asked)
{
	StoredSale *stored = asked->stored;
	char	   *message = asked->message;
	const AuditPlan *plan = audit_plan(at->audit, stored->plan_version);
	EngineLine **lines = NULL;
	int			n = -1;

	at->sale = stored;
	at->order_key = asked->order_key;
	at->plan = plan == NULL ? NULL : plan->plan;
	at->keeps = audit_is_refunded(at->refunds, stored->sale_id);
	at->kept = NULL;
	at->nkept = at->room = 0;
	report_strays(at, stored->sale_id);
	if (plan == NULL)
		audit_row(at->audit, "sale_plan", order_object(at), psprintf("version %d", stored->plan_version), NULL);
	else
	{
		check_plan(at, plan);
		if (message == NULL)
			message = calculate(at, stored);
		if (message == NULL)
			n = sort_lines(at, &lines);
	}
	if (message != NULL)
		audit_row(at->audit, "sale_content", order_object(at), "what the plan can be applied to", message);
	compare_sale(at, lines, n);
	if (at->keeps)
		audit_refunds_of(at->refunds, stored, at->order_key, at->plan, at->kept, at->nkept);
}

/* Reading */

static AskedSale *
read_chunk(SaleAudit *at, Portal portal, int *n)
{
	MemoryContext caller = CurrentMemoryContext;
	SPITupleTable *rows;
	StoredSale *sales;
	AskedSale  *asked;

	SPI_cursor_fetch(portal, true, AUDIT_CHUNK);
	MemoryContextSwitchTo(caller);
	rows = SPI_tuptable;
	*n = rows->numvals;
	sales = palloc(sizeof(StoredSale) * Max(*n, 1));
	asked = palloc(sizeof(AskedSale) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		asked[i].stored = &sales[i];
		asked[i].message = read_sale(at, &sales[i], i);
		asked[i].order_key = TextDatumGetCString(program_get(i, SALE_ORDER_KEY, TEXTOID));
		CHECK_FOR_INTERRUPTS();
	}
	SPI_freetuptable(rows);
	if (at->any_lines && *n > 0)
		stored_read_lines(at->audit->program, sales, *n);
	return asked;
}

static void
audit_all(SaleAudit *at, Portal portal)
{
	MemoryContext chunk = AllocSetContextCreate(CurrentMemoryContext, "distributor sales", ALLOCSET_DEFAULT_SIZES);
	MemoryContext one = AllocSetContextCreate(CurrentMemoryContext, "distributor sale", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	AskedSale  *sales;
	int			n;

	do
	{
		MemoryContextSwitchTo(chunk);
		sales = read_chunk(at, portal, &n);
		MemoryContextSwitchTo(one);
		for (int i = 0; i < n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			audit_sale(at, &sales[i]);
			MemoryContextReset(one);
		}
		MemoryContextReset(chunk);
	} while (n > 0);
	report_strays(at, PG_INT64_MAX);
	MemoryContextSwitchTo(caller);
}

void
audit_sales(Audit *audit)
{
	SaleAudit	at = {.audit = audit};
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[2];
	MemoryContext caller = CurrentMemoryContext;
	Portal		portal;

	audit_query(audit, paths_sql);
	at.any_lines = program_query(audit->program, "SELECT FROM @sale_line LIMIT 1", 0, NULL, NULL, NULL, 1) > 0;
	MemoryContextSwitchTo(caller);
	engine_init(&at.result, CurrentMemoryContext);
	at.result.paid_only = true;
	at.refunds = audit_refunds(audit);
	at.entries = audit_stream(audit, entries_sql);
	next_entry(&at);
	values[0] = TimestampTzGetDatum(audit->since);
	values[1] = TimestampTzGetDatum(audit->archived_before);
	portal = SPI_cursor_open_with_args(NULL, program_sql(audit->program, sales_sql), 2, types, values, NULL, true, 0);
	MemoryContextSwitchTo(caller);
	audit_all(&at, portal);
	SPI_cursor_close(portal);
	audit_close(at.entries);
	audit_refunds_end(at.refunds);
}
