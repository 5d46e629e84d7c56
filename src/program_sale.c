/*
 * program_sale.c
 *	  Posting sales and their commissions, in batches.
 *
 * The order is: lock the tree, find members and plans, go through the door
 * (sale, by order_key), and pay only for what got in.  What did not get in has
 * been posted before, and must be the same.
 *
 * A plan that counts takes another turn: the members that it counts for are
 * locked, so that nobody else posts for them, and it can be told before the
 * door who will get in.  What a sale is paid is then calculated before it goes
 * through, as its counters are stored with it.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "engine.h"
#include "money.h"
#include "program_counter.h"
#include "program_ledger.h"
#include "program_member.h"
#include "program_refund.h"
#include "program_release.h"
#include "program_posting.h"
#include "program_total.h"

static void find_plans(Posting *posting);
static void check_payees(Posting *posting);
static void describe_sales(Posting *posting);
static void count_sales(Posting *posting);
static void insert_sales(Posting *posting);
static void check_counted(Posting *posting);
static void repost_changed(Posting *posting);
static void calculate_posted(Posting *posting);

static bool
same_key(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

static int
by_key(const void *a, const void *b)
{
	const SaleRow *x = *(SaleRow *const *) a;
	const SaleRow *y = *(SaleRow *const *) b;
	int			nx = VARSIZE_ANY_EXHDR(x->order_key);
	int			ny = VARSIZE_ANY_EXHDR(y->order_key);
	int			order = memcmp(VARDATA_ANY(x->order_key), VARDATA_ANY(y->order_key), Min(nx, ny));

	if (order != 0)
		return order;
	if (nx != ny)
		return nx < ny ? -1 : 1;
	return (x > y) - (x < y);	/* the same key twice: as they came */
}

/* Say of which order an error is. */
static void
order_context(void *arg)
{
	SaleRow    *row = ((Posting *) arg)->current;

	if (row != NULL && row->order_key != NULL)
		errcontext("order \"%.*s\"", pg_mbcliplen(VARDATA_ANY(row->order_key), VARSIZE_ANY_EXHDR(row->order_key), 80),
				   VARDATA_ANY(row->order_key));
}

/* Whoever is paid gets through the door, and what the plan says. */
static void
post_paid(Posting *posting)
{
	/* before the tree, as by whoever starts to keep totals; see program_total.c */
	(void) program_table_to_write(posting->program, PROGRAM_REFUND_POSTING);
	program_lock_tree(posting->program, false, 0);
	find_plans(posting);
	check_payees(posting);
	posting_find_members(posting);
	posting_find_uplines(posting);
	describe_sales(posting);
	if (posting->counts)
		count_sales(posting);
	insert_sales(posting);
	posting_check_same(posting);
	posting_check_lines_there(posting);
	if (posting->counts)
		check_counted(posting);
	else
		calculate_posted(posting);
	lines_insert(posting->program, posting->paid, posting->npaid);
	ledger_insert(posting->program, posting->ledger);
	totals_of_sales(posting->program, posting->paid, posting->npaid);
}

void
sales_post(Program *program, void *arg)
{
	SaleBatch  *batch = arg;
	Posting		posting = {.program = program,.batch = batch};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "distributor sales",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ErrorContextCallback errcontext_entry;

	errcontext_entry.callback = order_context;
	errcontext_entry.arg = &posting;
	errcontext_entry.previous = error_context_stack;
	error_context_stack = &errcontext_entry;

	posting_compare_early(&posting);
	posting.paid = palloc(sizeof(SaleRow *) * Max(batch->n, 1));
	for (int i = 0; i < batch->n; i++)
	{
		if (!batch->rows[i].paid)
			continue;
		posting.current = &batch->rows[i];
		posting_check_values(&posting, posting.current);
		posting.paid[posting.npaid++] = posting.current;
	}
	posting.current = NULL;
	qsort(posting.paid, posting.npaid, sizeof(SaleRow *), by_key);

	if (posting.npaid < batch->n)
		posting_check_unposted(&posting);
	if (posting.npaid > 0)
	{
		post_paid(&posting);
		refunds_of_new_sales(program, posting.paid, posting.npaid);
		repost_changed(&posting);
		release_fulfilled(program, batch);
	}
	refunds_of_orders(program, batch);
	error_context_stack = errcontext_entry.previous;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* The plan that was valid when each order occurred. */
static void
find_plans(Posting *posting)
{
	TimestampTz from = posting->paid[0]->occurred_at;
	TimestampTz to = from;
	PlanVersion *versions;
	int			nversions;

	for (int i = 1; i < posting->npaid; i++)
	{
		from = Min(from, posting->paid[i]->occurred_at);
		to = Max(to, posting->paid[i]->occurred_at);
	}
	versions = program_plans(posting->program, from, to, &nversions);
	for (int i = 0; i < posting->npaid; i++)
	{
		SaleRow    *row = posting->paid[i];

		row->plan = NULL;
		for (int v = 0; v < nversions && row->plan == NULL; v++)
			if (versions[v].valid_from <= row->occurred_at)
				row->plan = &versions[v];
		if (row->plan == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("program \"%s\" has no plan that is valid at %s",
							posting->program->name, timestamptz_to_str(row->occurred_at)),
					 errdetail("Order \"%s\" occurred then.", text_to_cstring(row->order_key)),
					 errhint("Set one with distributor.set_plan().")));
		/* refuses currencies that nobody knows, before anything is written */
		(void) plan_currency_scale(row->plan->plan, row->currency);
		posting->counts |= counters_needed(row->plan->plan);
	}
}

/* Ids of members that the plans name, some of them maybe twice. */
static Datum *
named_members(Posting *posting, int *n)
{
	Datum	   *ids = palloc(sizeof(Datum) * PLAN_MAX_RULES);
	int			room = PLAN_MAX_RULES;
	CommissionPlan *last = NULL;

	*n = 0;
	for (int i = 0; i < posting->npaid; i++)
	{
		CommissionPlan *plan = posting->paid[i]->plan->plan;

		if (plan == last)
			continue;
		last = plan;
		for (int r = 0; r < plan->nrules; r++)
		{
			if (plan->rules[r].missing != PLAN_MISSING_MEMBER)
				continue;
			if (*n == room)
			{
				room *= 2;
				ids = repalloc_huge(ids, sizeof(Datum) * (Size) room);
			}
			ids[(*n)++] = Int64GetDatum(plan->rules[r].missing_member);
		}
	}
	return ids;
}

/*
 * They must be there: nobody could be paid out what the ledger owes to an id,
 * and no row of it could be locked while its caps count.
 */
static void
check_payees(Posting *posting)
{
	Oid			types[] = {INT8ARRAYOID};
	Datum	   *ids;
	Datum		array;
	int			n;

	ids = named_members(posting, &n);
	if (n == 0)
		return;
	array = program_array(INT8OID, ids, NULL, n);
	if (program_query(posting->program,
					  "SELECT k.id FROM unnest($1) AS k(id)"
					  " WHERE NOT EXISTS (SELECT FROM @member m WHERE m.member_id = k.id) LIMIT 1",
					  1, types, &array, NULL, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("member " INT64_FORMAT " that the plan names does not exist in program \"%s\"",
						DatumGetInt64(program_get(0, 1, INT8OID)), posting->program->name),
				 errdetail("It would be paid what is \"missing\" in a split."),
				 errhint("Add the member first, or set a plan that names another.")));
	SPI_freetuptable(SPI_tuptable);
}

static void
describe_sales(Posting *posting)
{
	for (int i = 0; i < posting->npaid; i++)
	{
		SaleRow    *row = posting->paid[i];
		Upline	   *upline = &posting->uplines[i];
		EngineSale *sale = &upline->sale;

		sale->depth = upline->depth;
		sale->ids = upline->ids;
		sale->states = upline->states;
		sale->ranks = upline->ranks;
		sale->amount = row->amount;
		sale->currency = row->currency;
		sale->scale = plan_currency_scale(row->plan->plan, row->currency);
		sale->attributes = row->attributes == NULL ? NULL : &row->attributes->root;
		sale->nitems = row->nitems;
		sale->items = row->items;
		sale->has_time = true;
		sale->occurred_at = row->occurred_at;
	}
	engine_init(&posting->result, CurrentMemoryContext);
	posting->result.paid_only = true;
	posting->ledger = ledger_rows(LEDGER_SALE);
}

/* What the plan pays for a sale, to be entered once all have been calculated. */
static void
calculate(Posting *posting, int at)
{
	SaleRow    *row = posting->paid[at];
	EngineResult *result = &posting->result;

	posting->current = row;
	engine_run(row->plan->plan, &posting->uplines[at].sale, result);
	for (int l = 0; l < result->nlines; l++)
		if (result->lines[l].reason == ENGINE_PAID)
			ledger_add(posting->ledger, &row->sale_id, row->currency, row->available_at, &result->lines[l]);
	posting->current = NULL;
	CHECK_FOR_INTERRUPTS();
}

static void
calculate_posted(Posting *posting)
{
	for (int i = 0; i < posting->npaid; i++)
		if (posting->paid[i]->posted)
			calculate(posting, i);
}

static int
by_time_and_key(const void *a, const void *b, void *arg)
{
	Posting    *posting = arg;
	int			x = *(const int *) a;
	int			y = *(const int *) b;
	TimestampTz tx = posting->paid[x]->occurred_at;
	TimestampTz ty = posting->paid[y]->occurred_at;

	if (tx != ty)
		return tx < ty ? -1 : 1;
	return (x > y) - (x < y);	/* paid[] is ordered by key */
}

/*
 * Which orders will get in: those whose key is not there, each key once.
 * Nobody else posts for these members until the end of the transaction.
 */
static void
foresee_posted(Posting *posting)
{
	Datum	   *keys = palloc(sizeof(Datum) * posting->npaid);
	Oid			types[] = {TEXTARRAYOID};
	Datum		array;
	uint64		found;

	for (int i = 0; i < posting->npaid; i++)
	{
		keys[i] = PointerGetDatum(posting->paid[i]->order_key);
		posting->paid[i]->foreseen = i == 0 ||
			!same_key(posting->paid[i - 1]->order_key, posting->paid[i]->order_key);
	}
	if (posting->reposts)
		return;					/* as the next revision, they all will */
	array = program_array(TEXTOID, keys, NULL, posting->npaid);
	found = program_query_now(posting->program,
							  "SELECT k.place FROM unnest($1) WITH ORDINALITY AS k(key, place)"
							  "  JOIN @sale s ON s.order_key = k.key",
							  1, types, &array, NULL, 0);
	for (uint64 i = 0; i < found; i++)
		posting->paid[DatumGetInt64(program_get(i, 1, INT8OID)) - 1]->foreseen = false;
	SPI_freetuptable(SPI_tuptable);
}

/* Count and calculate, in the order in which the sales will be numbered. */
static void
count_sales(Posting *posting)
{
	Counters   *counters = counters_create(posting->program,
										   posting->reposts ? COUNTERS_FROM_REMAINING : COUNTERS_FROM_TABLES);

	posting->order = palloc(sizeof(int) * posting->npaid);
	for (int i = 0; i < posting->npaid; i++)
	{
		posting->order[i] = i;
		counters_want(counters, posting->paid[i]->plan->plan, &posting->uplines[i].sale);
	}
	qsort_arg(posting->order, posting->npaid, sizeof(int), by_time_and_key, posting);
	counters_lock(counters);
	foresee_posted(posting);
	counters_load(counters);
	for (int i = 0; i < posting->npaid; i++)
	{
		int			at = posting->order[i];
		SaleRow    *row = posting->paid[at];
		Upline	   *upline = &posting->uplines[at];

		if (!row->foreseen)
			continue;
		if (row->numbered)
			counters_keep_order(counters, row->order_number);
		upline->counters = counters_of(counters, row->plan->plan, &upline->sale);
		if (upline->counters != NULL)
			engine_read_counters(&upline->sale, upline->counters);
		calculate(posting, at);
		counters_add(counters, &upline->sale, &posting->result);
	}
}

/* Nothing may have got between counting and the door. */
static void
check_counted(Posting *posting)
{
	for (int i = 0; i < posting->npaid; i++)
		if (posting->paid[i]->foreseen != posting->paid[i]->posted)
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent update"),
					 errdetail("Order \"%s\" was posted by another transaction while it was counted.",
							   text_to_cstring(posting->paid[i]->order_key)),
					 errhint("Retry the transaction.")));
}

/*
 * The door.  Ids are drawn here, so that a returned one tells which row it is.
 * A row that does not get in wastes its id.
 */
static void
insert_sales(Posting *posting)
{
	enum
	{
		SALE, MEMBER, OCCURRED, VERSION, SOURCE, KEY, AMOUNT, CURRENCY, PATH, RANKS, STATES, ATTRIBUTES,
		COUNTERS, AUTHOR, REVISION, REPLACES, NCOLUMNS
	};
	static const char *const key[] = {"order_key", "revision"};
	Program    *program = posting->program;
	SaleBatch  *batch = posting->batch;
	int			n = posting->npaid;
	const TableColumn names[NCOLUMNS] = {
		{"sale_id", INT8OID}, {"member_id", INT8OID}, {"occurred_at", TIMESTAMPTZOID}, {"plan_version", INT4OID},
		{"order_source_id", INT4OID}, {"order_key", TEXTOID}, {"amount", NUMERICOID}, {"currency", TEXTOID},
		{"path", program->refpath}, {"path_ranks", TEXTARRAYOID}, {"path_states", TEXTARRAYOID},
		{"attributes", JSONBOID}, {"counters", JSONBOID}, {"author", TEXTOID},
		{"revision", INT4OID}, {"replaces", INT8OID}
	};
	Datum	   *columns[NCOLUMNS];
	bool	   *isnull[NCOLUMNS];
	TableRows	sales = {NCOLUMNS, names, n, columns, isnull};
	Datum	   *values = palloc0(sizeof(Datum) * n * NCOLUMNS);
	bool	   *nulls = palloc0(sizeof(bool) * n * (NCOLUMNS + 1));
	bool	   *inserted = nulls + n * NCOLUMNS;
	Datum		author = batch->author == NULL ? (Datum) 0 : CStringGetTextDatum(batch->author);
	Oid			sequence = get_relname_relid("sale_id_seq", get_rel_namespace(program->tables[PROGRAM_SALE]));

	for (int c = 0; c < NCOLUMNS; c++)
	{
		columns[c] = values + c * n;
		isnull[c] = nulls + c * n;
	}
	/* sales that are counted get their ids in that order */
	for (int i = 0; i < n; i++)
		posting->paid[posting->counts ? posting->order[i] : i]->sale_id = nextval_internal(sequence, false);
	for (int i = 0; i < n; i++)
	{
		SaleRow    *row = posting->paid[i];

		columns[SALE][i] = Int64GetDatum(row->sale_id);
		columns[MEMBER][i] = Int64GetDatum(row->member_id);
		columns[OCCURRED][i] = TimestampTzGetDatum(row->occurred_at);
		columns[VERSION][i] = Int32GetDatum(row->plan->version);
		columns[SOURCE][i] = Int32GetDatum(batch->order_source_id);
		isnull[SOURCE][i] = batch->order_source_id == 0;
		columns[KEY][i] = PointerGetDatum(row->order_key);
		columns[AMOUNT][i] = NumericGetDatum(row->amount);
		columns[CURRENCY][i] = CStringGetTextDatum(row->currency);
		columns[PATH][i] = PointerGetDatum(row->path);
		columns[RANKS][i] = posting_standing_array(&posting->uplines[i], false, &isnull[RANKS][i]);
		columns[STATES][i] = posting_standing_array(&posting->uplines[i], true, &isnull[STATES][i]);
		columns[ATTRIBUTES][i] = JsonbPGetDatum(row->attributes);
		isnull[ATTRIBUTES][i] = row->attributes == NULL;
		columns[COUNTERS][i] = JsonbPGetDatum(posting->uplines[i].counters);
		isnull[COUNTERS][i] = posting->uplines[i].counters == NULL;
		columns[AUTHOR][i] = author;
		isnull[AUTHOR][i] = batch->author == NULL;
		columns[REVISION][i] = Int32GetDatum(row->replaces == 0 ? 1 : row->revision);
		columns[REPLACES][i] = Int64GetDatum(row->replaces);
		isnull[REPLACES][i] = row->replaces == 0;
	}
	program_insert_new(program, PROGRAM_SALE, &sales, key, lengthof(key), inserted);
	for (int i = 0; i < n; i++)
	{
		posting->paid[i]->posted = inserted[i];
		batch->posted += inserted[i];
	}
}

/* Of two rows with one key, which is the order? */
static void
check_told_once(Posting *posting, int at)
{
	SaleRow   **row = &posting->paid[at];

	if ((at > 0 && same_key(row[-1]->order_key, row[0]->order_key)) ||
		(at + 1 < posting->npaid && same_key(row[1]->order_key, row[0]->order_key)))
		ereport(ERROR,
				(errcode(ERRCODE_CARDINALITY_VIOLATION),
				 errmsg("order \"%s\" changes, and is there twice", text_to_cstring(row[0]->order_key)),
				 errhint("The keys of orders that may change must differ."),
				 member_errfields(posting->program, "sale", "sale_order_key_key")));
}

static int
changed_rows(SaleRow **from, int n, SaleRow **changed)
{
	int			nchanged = 0;

	for (int i = 0; i < n; i++)
		if (from[i]->changed)
			changed[nchanged++] = from[i];
	return nchanged;
}

/*
 * Orders that were posted with other content: what they were paid is taken
 * back, and they are posted once more.  They are compared again once nobody
 * else can change, refund or fulfill them.
 */
static void
repost_changed(Posting *posting)
{
	SaleRow   **rows = palloc(sizeof(SaleRow *) * posting->npaid);
	int			n = changed_rows(posting->paid, posting->npaid, rows);
	Datum		refund_ids;

	if (n == 0 || posting->batch->stale)
		return;
	for (int i = 0; i < posting->npaid; i++)
		if (posting->paid[i]->changed)
			check_told_once(posting, i);
	repost_lock_orders(posting->program, posting_keys(rows, n));
	for (int i = 0; i < n; i++)
		rows[i]->changed = false;
	posting_compare(posting, rows, n);
	n = changed_rows(rows, n, rows);
	if (n == 0)
		return;
	refund_ids = repost_take_back(posting->program, posting->batch, rows, n);
	posting->paid = rows;
	posting->npaid = n;
	posting->reposts = true;
	posting->counts = false;
	post_paid(posting);
	repost_check_clawback(posting->program, refund_ids);
	for (int i = 0; i < n; i++)
		rows[i]->changed = false;
}
