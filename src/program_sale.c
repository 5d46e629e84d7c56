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
#include "common/hashfn.h"
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
#include "program_sale.h"
#include "program_total.h"

/* State and rank of a member on some path, where they are not the usual. */
typedef struct Standing
{
	int64		member_id;
	bool		known;			/* false: active and without rank */
	EngineState state;
	char	   *rank;
	char		status;
} Standing;

#define SH_PREFIX standings
#define SH_ELEMENT_TYPE Standing
#define SH_KEY_TYPE int64
#define SH_KEY member_id
#define SH_HASH_KEY(tb, key) ((uint32) hash_bytes_extended((const unsigned char *) &(key), sizeof(int64), 0))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* The people along one path who may be paid, by level from 0. */
typedef struct Upline
{
	int			depth;
	int			levels;			/* looked at: min(depth, highest level + 1) */
	int64	   *ids;			/* root first */
	EngineState *states;		/* depth elements; NULL: all active */
	const char **ranks;			/* depth elements; NULL: none */
	EngineSale	sale;			/* as the engine takes it */
	Jsonb	   *counters;		/* NULL: none */
} Upline;

typedef struct Posting
{
	Program    *program;
	SaleBatch  *batch;
	SaleRow   **paid;			/* ordered by key, so that two batches cannot deadlock */
	int			npaid;
	standings_hash *standings;
	Upline	   *uplines;		/* of paid[] */
	bool		reposts;		/* orders that changed */
	bool		counts;			/* some plan asks for counters */
	int		   *order;			/* of paid[]: in which sales are counted */
	EngineResult result;
	LedgerRows *ledger;
	SaleRow    *current;		/* whose order an error is about */
} Posting;

static void check_values(Posting *posting, SaleRow *row);
static void compare_early(Posting *posting);
static void check_unposted(Posting *posting);
static void find_members(Posting *posting);
static void find_plans(Posting *posting);
static void check_payees(Posting *posting);
static void find_uplines(Posting *posting);
static void describe_sales(Posting *posting);
static void count_sales(Posting *posting);
static void insert_sales(Posting *posting);
static void check_same(Posting *posting);
static void check_counted(Posting *posting);
static Datum repost_changed(Posting *posting);
static void check_lines_there(Posting *posting);
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
	program_lock_tree(posting->program, false, 0);
	find_plans(posting);
	check_payees(posting);
	find_members(posting);
	find_uplines(posting);
	describe_sales(posting);
	if (posting->counts)
		count_sales(posting);
	insert_sales(posting);
	check_same(posting);
	check_lines_there(posting);
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
	Datum		refund_ids;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "distributor sales",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ErrorContextCallback errcontext_entry;

	errcontext_entry.callback = order_context;
	errcontext_entry.arg = &posting;
	errcontext_entry.previous = error_context_stack;
	error_context_stack = &errcontext_entry;

	compare_early(&posting);
	posting.paid = palloc(sizeof(SaleRow *) * Max(batch->n, 1));
	for (int i = 0; i < batch->n; i++)
	{
		if (!batch->rows[i].paid)
			continue;
		posting.current = &batch->rows[i];
		check_values(&posting, posting.current);
		posting.paid[posting.npaid++] = posting.current;
	}
	posting.current = NULL;
	qsort(posting.paid, posting.npaid, sizeof(SaleRow *), by_key);

	if (posting.npaid < batch->n)
		check_unposted(&posting);
	if (posting.npaid > 0)
	{
		post_paid(&posting);
		refunds_of_new_sales(program, posting.paid, posting.npaid);
		refund_ids = repost_changed(&posting);
		release_fulfilled(program, batch);
		if (refund_ids != (Datum) 0)
			repost_check_clawback(program, refund_ids);
	}
	refunds_of_orders(program, batch);
	error_context_stack = errcontext_entry.previous;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

static void
check_values(Posting *posting, SaleRow *row)
{
	if (row->order_key == NULL || VARSIZE_ANY_EXHDR(row->order_key) == 0)
		ereport(ERROR,
				(errcode(row->order_key == NULL ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the key of an order must not be %s", row->order_key == NULL ? "null" : "empty")));
	if (VARSIZE_ANY_EXHDR(row->order_key) > 1024)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the key of an order has %zu bytes", (Size) VARSIZE_ANY_EXHDR(row->order_key)),
				 errhint("At most 1024 are allowed.")));
	if (!row->has_member)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the member of a paid order must not be null"),
				 errhint("Attach the orders of members only, for example by a status that others never reach.")));
	if (row->amount == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the amount of a paid order must not be null")));
	if (!money_is_finite(row->amount))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the amount of an order must be finite, not %s", money_to_string(row->amount))));
	if (money_sign(row->amount) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the amount of an order must not be negative"),
				 errdetail("The amount is %s.", money_to_string(row->amount))));
	if (posting->batch->timed && !row->has_occurred_at)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the time of a paid order must not be null")));
	if (!row->has_occurred_at)
		row->occurred_at = GetCurrentTransactionStartTimestamp();
	if (TIMESTAMP_NOT_FINITE(row->occurred_at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("the time of an order must be finite")));
	if (row->currency == NULL)
		row->currency = posting->program->currency;
	row->available_at = release_at_posting(posting->program, row->occurred_at);
	lines_check(row);
}

/*
 * Orders from before since are none of ours, unless they were posted when the
 * table was attached from an earlier time on: those must be the same.
 */
static void
compare_early(Posting *posting)
{
	SaleBatch  *batch = posting->batch;
	SaleRow   **rows = palloc(sizeof(SaleRow *) * Max(batch->n, 1));
	Datum	   *keys = palloc(sizeof(Datum) * Max(batch->n, 1));
	int			n = 0;
	Oid			types[] = {TEXTARRAYOID, INT4OID};
	Datum		values[2];
	uint64		found;

	for (int i = 0; i < batch->n; i++)
	{
		if (!batch->rows[i].early || batch->rows[i].order_key == NULL)
			continue;
		rows[n] = &batch->rows[i];
		keys[n++] = PointerGetDatum(batch->rows[i].order_key);
	}
	if (n == 0)
		return;
	values[0] = program_array(TEXTOID, keys, NULL, n);
	values[1] = Int32GetDatum(batch->order_source_id);
	found = program_query_now(posting->program,
							  "SELECT k.place"
							  "  FROM unnest($1) WITH ORDINALITY AS k(key, place)"
							  "  JOIN @sale s ON s.order_key = k.key"
							  " WHERE NOT " SALE_OF_OTHER_TABLE("$2"),
							  2, types, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
		rows[DatumGetInt64(program_get(i, 1, INT8OID)) - 1]->paid = true;
	SPI_freetuptable(SPI_tuptable);
}

/* Orders that are neither paid nor refunded, or gone, must not have been posted. */
static void
check_unposted(Posting *posting)
{
	SaleBatch  *batch = posting->batch;
	Datum	   *keys = palloc(sizeof(Datum) * batch->n);
	int			n = 0;
	Oid			types[] = {TEXTARRAYOID, INT4OID};
	Datum		values[2];

	for (int i = 0; i < batch->n; i++)
		if (!batch->rows[i].paid && !batch->rows[i].early && !batch->rows[i].refunded &&
			batch->rows[i].order_key != NULL)
			keys[n++] = PointerGetDatum(batch->rows[i].order_key);
	if (n == 0)
		return;
	values[0] = program_array(TEXTOID, keys, NULL, n);
	values[1] = Int32GetDatum(batch->order_source_id);
	if (program_query_now(posting->program,
						  "SELECT s.order_key FROM @sale s"
						  " WHERE s.order_key = ANY ($1) AND NOT " SALE_OF_OTHER_TABLE("$2") " LIMIT 1",
						  2, types, values, NULL, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("order \"%s\" has been posted: it can neither be deleted nor leave its paid status",
						TextDatumGetCString(program_get(0, 1, TEXTOID))),
				 errdetail("Its commissions are in the ledger of program \"%s\".", posting->program->name),
				 errhint("Take the change back. Statuses that follow payment belong into the list \"paid\" of attach_orders(), those that take the order back into \"refunded\".")));
	SPI_freetuptable(SPI_tuptable);
}

/*
 * The query that finds members and their paths.  In an old snapshot, what it
 * shows is locked, at once as strongly as counting will: whoever asks for more
 * later waits for others that do the same.
 */
static char *
members_query(Posting *posting, bool by_id)
{
	return psprintf("SELECT k.place, m.member_id, m.path"
					"  FROM unnest($1) WITH ORDINALITY AS k(%s, place)"
					"  JOIN @member m ON m.%s = k.%s%s",
					by_id ? "id" : "key",
					by_id ? "member_id" : "member_key",
					by_id ? "id" : "key",
					!IsolationUsesXactSnapshot() ? "" :
					posting->counts ? " ORDER BY m.member_id FOR NO KEY UPDATE OF m" : " FOR SHARE OF m");
}

/*
 * An order that was posted for somebody who has been erased since: its table
 * still has the key, and nothing else leads from it to the member.
 */
static bool
find_erased(Posting *posting, SaleRow *row)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {PointerGetDatum(row->order_key)};

	if (row->member_key == NULL ||
		program_query(posting->program,
					  "SELECT s.member_id, m.path FROM @sale s"
					  "  JOIN @member m ON m.member_id = s.member_id AND m.member_key IS NULL"
					  " WHERE s.order_key = $1 ORDER BY s.revision DESC LIMIT 1",
					  1, types, values, NULL, 1) == 0)
		return false;
	row->member_id = DatumGetInt64(program_get(0, 1, INT8OID));
	row->path = (RefPath *) PG_DETOAST_DATUM_COPY(program_get(0, 2, posting->program->refpath));
	SPI_freetuptable(SPI_tuptable);
	return true;
}

/* Member and path of each order. */
static void
find_members(Posting *posting)
{
	bool		by_id = !posting->program->text_keys || posting->paid[0]->member_key == NULL;
	Oid			element = by_id ? INT8OID : TEXTOID;
	Oid			types[1];
	Datum	   *members = palloc(sizeof(Datum) * posting->npaid);
	Datum		array;
	uint64		found;

	for (int i = 0; i < posting->npaid; i++)
		members[i] = by_id ? Int64GetDatum(posting->paid[i]->member_id)
			: PointerGetDatum(posting->paid[i]->member_key);
	array = program_array(element, members, NULL, posting->npaid);
	types[0] = get_array_type(element);
	found = program_query(posting->program,
						  members_query(posting, by_id),
						  1, types, &array, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		SaleRow    *row = posting->paid[DatumGetInt64(program_get(i, 1, INT8OID)) - 1];

		row->member_id = DatumGetInt64(program_get(i, 2, INT8OID));
		row->path = (RefPath *) PG_DETOAST_DATUM_COPY(program_get(i, 3, posting->program->refpath));
	}
	SPI_freetuptable(SPI_tuptable);
	for (int i = 0; i < posting->npaid; i++)
	{
		SaleRow    *row = posting->paid[i];

		if (row->path != NULL || find_erased(posting, row))
			continue;
		member_check_newer(posting->program, row->member_key, row->member_id);
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("member \"%s\" of order \"%s\" does not exist in program \"%s\"",
						row->member_key != NULL ? text_to_cstring(row->member_key)
						: psprintf(INT64_FORMAT, row->member_id),
						text_to_cstring(row->order_key), posting->program->name),
				 errhint("Add the member first."),
				 member_errfields(posting->program, "sale", "sale_member_id_fkey")));
	}
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

/*
 * States and ranks of all who may be paid, in one query for the whole batch.
 * Only those are fetched that are not plainly active and without rank.
 */
static void
find_uplines(Posting *posting)
{
	Datum	   *ids;
	int			nids = 0;
	Oid			types[] = {INT8ARRAYOID};
	Datum		array;
	uint64		found;
	bool		isnull;
	standings_iterator it;
	Standing   *standing;

	posting->standings = standings_create(CurrentMemoryContext, posting->npaid * 4, NULL);
	posting->uplines = palloc0(sizeof(Upline) * posting->npaid);
	for (int i = 0; i < posting->npaid; i++)
	{
		Upline	   *upline = &posting->uplines[i];

		upline->depth = refpath_decode(posting->paid[i]->path, &upline->ids);
		upline->levels = upline->depth;
		if (posting->paid[i]->plan->plan->max_level < upline->depth)
			upline->levels = posting->paid[i]->plan->plan->max_level + 1;
		for (int level = 0; level < upline->levels; level++)
		{
			bool		exists;

			standing = standings_insert(posting->standings, upline->ids[upline->depth - 1 - level], &exists);
			if (!exists)
				standing->known = false;
		}
	}
	ids = palloc(sizeof(Datum) * posting->standings->members);
	standings_start_iterate(posting->standings, &it);
	while ((standing = standings_iterate(posting->standings, &it)) != NULL)
		ids[nids++] = Int64GetDatum(standing->member_id);
	array = program_array(INT8OID, ids, NULL, nids);
	found = program_query(posting->program,
						  "SELECT m.member_id, m.state, m.rank FROM @member m"
						  " WHERE m.member_id = ANY ($1) AND (m.state <> 'active' OR m.rank IS NOT NULL)",
						  1, types, &array, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		Datum		rank;

		standing = standings_lookup(posting->standings, DatumGetInt64(program_get(i, 1, INT8OID)));
		standing->known = true;
		standing->state = engine_state_from_word(TextDatumGetCString(program_get(i, 2, TEXTOID)));
		rank = program_column(i, 3, TEXTOID, &isnull);
		standing->rank = isnull ? NULL : TextDatumGetCString(rank);
	}
	SPI_freetuptable(SPI_tuptable);

	for (int i = 0; i < posting->npaid; i++)
	{
		Upline	   *upline = &posting->uplines[i];
		bool		uses_rank = posting->paid[i]->plan->plan->uses_rank;

		for (int level = 0; level < upline->levels; level++)
		{
			standing = standings_lookup(posting->standings, upline->ids[upline->depth - 1 - level]);
			if (!standing->known)
				continue;
			if (standing->state != ENGINE_ACTIVE && upline->states == NULL)
				upline->states = palloc0(sizeof(EngineState) * upline->depth);
			if (upline->states != NULL)
				upline->states[level] = standing->state;
			if (uses_rank && standing->rank != NULL && upline->ranks == NULL)
				upline->ranks = palloc0(sizeof(char *) * upline->depth);
			if (upline->ranks != NULL)
				upline->ranks[level] = standing->rank;
		}
	}
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

/* A plan that looks at lines is not to pay by their absence. */
static void
check_lines_there(Posting *posting)
{
	if (posting->batch->lines_table == NULL)
		return;
	for (int i = 0; i < posting->npaid; i++)
	{
		SaleRow    *row = posting->paid[i];

		if (row->posted && row->nitems == 0 && row->plan->plan->uses_lines)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("order \"%s\" has no lines", text_to_cstring(row->order_key)),
					 errdetail("The plan asks for them, and table \"%s\" has none of the order.",
							   posting->batch->lines_table),
					 errhint("Write the lines before the order becomes paid, or in the same statement.")));
	}
}

/* States or ranks of an upline as a text array for the sale; NULL if usual. */
static Datum
standing_array(const Upline *upline, bool of_states, bool *isnull)
{
	Datum	   *words;
	bool	   *nulls;

	*isnull = of_states ? upline->states == NULL : upline->ranks == NULL;
	if (*isnull)
		return (Datum) 0;
	words = palloc0(sizeof(Datum) * upline->levels);
	nulls = palloc0(sizeof(bool) * upline->levels);
	for (int level = 0; level < upline->levels; level++)
	{
		if (of_states)
			words[level] = CStringGetTextDatum(engine_state_word(upline->states[level]));
		else if (upline->ranks[level] != NULL)
			words[level] = CStringGetTextDatum(upline->ranks[level]);
		else
			nulls[level] = true;
	}
	return program_array(TEXTOID, words, nulls, upline->levels);
}

/*
 * The door.  Ids are drawn here, so that a returned one tells which row it is:
 * rows come back in the order in which they were handed in.  A row that does
 * not get in wastes its id.
 */
static void
insert_sales(Posting *posting)
{
	enum
	{
		SALE, MEMBER, OCCURRED, VERSION, KEY, AMOUNT, CURRENCY, PATH, RANKS, STATES, ATTRIBUTES,
		COUNTERS, REVISION, REPLACES, NARRAYS
	};
	Program    *program = posting->program;
	SaleBatch  *batch = posting->batch;
	/* an array cannot hold arrays of different lengths: ranks and states go as text */
	Oid			elements[NARRAYS] = {INT8OID, INT8OID, TIMESTAMPTZOID, INT4OID, TEXTOID, NUMERICOID,
	TEXTOID, program->refpath, TEXTOID, TEXTOID, JSONBOID, JSONBOID, INT4OID, INT8OID};
	Oid			types[NARRAYS + 2];
	Datum		values[NARRAYS + 2];
	char		nulls[NARRAYS + 2];
	Datum	   *columns[NARRAYS];
	bool	   *isnull[NARRAYS];
	Oid			sequence = get_relname_relid("sale_id_seq", get_rel_namespace(program->tables[PROGRAM_SALE]));
	int			next = 0;
	uint64		inserted;

	for (int c = 0; c < NARRAYS; c++)
	{
		columns[c] = palloc0(sizeof(Datum) * posting->npaid);
		isnull[c] = palloc0(sizeof(bool) * posting->npaid);
	}
	/* sales that are counted get their ids in that order */
	for (int i = 0; i < posting->npaid; i++)
		posting->paid[posting->counts ? posting->order[i] : i]->sale_id = nextval_internal(sequence, false);
	for (int i = 0; i < posting->npaid; i++)
	{
		SaleRow    *row = posting->paid[i];
		Datum		array;

		columns[SALE][i] = Int64GetDatum(row->sale_id);
		columns[MEMBER][i] = Int64GetDatum(row->member_id);
		columns[OCCURRED][i] = TimestampTzGetDatum(row->occurred_at);
		columns[VERSION][i] = Int32GetDatum(row->plan->version);
		columns[KEY][i] = PointerGetDatum(row->order_key);
		columns[AMOUNT][i] = NumericGetDatum(row->amount);
		columns[CURRENCY][i] = CStringGetTextDatum(row->currency);
		columns[PATH][i] = PointerGetDatum(row->path);
		array = standing_array(&posting->uplines[i], false, &isnull[RANKS][i]);
		if (!isnull[RANKS][i])
			columns[RANKS][i] = CStringGetTextDatum(OidOutputFunctionCall(F_ARRAY_OUT, array));
		array = standing_array(&posting->uplines[i], true, &isnull[STATES][i]);
		if (!isnull[STATES][i])
			columns[STATES][i] = CStringGetTextDatum(OidOutputFunctionCall(F_ARRAY_OUT, array));
		columns[ATTRIBUTES][i] = JsonbPGetDatum(row->attributes);
		isnull[ATTRIBUTES][i] = (row->attributes == NULL);
		columns[COUNTERS][i] = JsonbPGetDatum(posting->uplines[i].counters);
		isnull[COUNTERS][i] = (posting->uplines[i].counters == NULL);
		columns[REVISION][i] = Int32GetDatum(row->replaces == 0 ? 1 : row->revision);
		columns[REPLACES][i] = Int64GetDatum(row->replaces);
		isnull[REPLACES][i] = row->replaces == 0;
	}
	memset(nulls, ' ', sizeof(nulls));
	for (int c = 0; c < NARRAYS; c++)
	{
		types[c] = get_array_type(elements[c]);
		values[c] = program_array(elements[c], columns[c], isnull[c], posting->npaid);
	}
	types[NARRAYS] = INT4OID;
	values[NARRAYS] = Int32GetDatum(batch->order_source_id);
	nulls[NARRAYS] = batch->order_source_id == 0 ? 'n' : ' ';
	types[NARRAYS + 1] = TEXTOID;
	values[NARRAYS + 1] = batch->author == NULL ? (Datum) 0 : CStringGetTextDatum(batch->author);
	nulls[NARRAYS + 1] = batch->author == NULL ? 'n' : ' ';

	inserted = program_query(program,
							 "INSERT INTO @sale (sale_id, member_id, occurred_at, plan_version, order_key, amount,"
							 "                   currency, path, path_ranks, path_states, attributes, counters,"
							 "                   revision, replaces, order_source_id, author)"
							 " SELECT n.sale_id, n.member_id, n.occurred_at, n.plan_version, n.order_key, n.amount,"
							 "        n.currency, n.path, n.path_ranks::text[], n.path_states::text[], n.attributes,"
							 "        n.counters, n.revision, n.replaces, $15, $16"
							 "   FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
							 "        AS n(sale_id, member_id, occurred_at, plan_version, order_key, amount,"
							 "             currency, path, path_ranks, path_states, attributes, counters,"
							 "             revision, replaces)"
							 " ON CONFLICT (order_key, revision) DO NOTHING"
							 " RETURNING sale_id",
							 NARRAYS + 2, types, values, nulls, 0);
	for (uint64 i = 0; i < inserted; i++)
	{
		int64		sale_id = DatumGetInt64(program_get(i, 1, INT8OID));

		while (next < posting->npaid && posting->paid[next]->sale_id != sale_id)
			next++;
		if (next == posting->npaid)
			elog(ERROR, "sale " INT64_FORMAT " is none of those inserted", sale_id);
		posting->paid[next]->posted = true;
	}
	SPI_freetuptable(SPI_tuptable);
	batch->posted += inserted;
}

/*
 * An order of a table may change where the program posts it anew; a call that
 * says something else is one that went wrong.
 */
static bool
may_change(Posting *posting)
{
	return posting->program->terms.repost && posting->batch->order_source_id != 0;
}

static void
content_error(Posting *posting, SaleRow *row, const char *what, const char *before, const char *after)
{
	if (may_change(posting))
	{
		row->changed = true;
		return;
	}
	if (posting->batch->order_source_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("order \"%s\" has been posted with %s %s", text_to_cstring(row->order_key),
						strcmp(what, "attributes") == 0 ? "other" : "another", what),
				 errdetail("It was posted with %s, not %s.", before, after),
				 errhint("Retry with the same content, or use another key for another order."),
				 member_errfields(posting->program, "sale", "sale_order_key_key")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("order \"%s\" has been posted: its %s cannot be changed", text_to_cstring(row->order_key), what),
			 errdetail("It was posted with %s, not %s.", before, after),
			 errhint("Take the change back; the commissions of the order are in the ledger."),
			 member_errfields(posting->program, "sale", "sale_order_key_key")));
}

/* The same for lines. */
static void
lines_error(Posting *posting, SaleRow *row, const char *difference)
{
	if (may_change(posting))
	{
		row->changed = true;
		return;
	}
	if (posting->batch->order_source_id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("order \"%s\" has been posted with other lines", text_to_cstring(row->order_key)),
				 errdetail("%s", difference),
				 errhint("Retry with the same content, or use another key for another order."),
				 member_errfields(posting->program, "sale", "sale_order_key_key")));
	lines_changed_error(posting->program, text_to_cstring(row->order_key), difference);
}

void
lines_changed_error(Program *program, const char *order_key, const char *difference)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("order \"%s\" has been posted: its lines cannot be changed", order_key),
			 errdetail("%s", difference),
			 errhint("Take the change back; the commissions of the order are in the ledger."),
			 member_errfields(program, "sale_line", "sale_line_pkey")));
}

static char *
attributes_text(Jsonb *attributes)
{
	return attributes == NULL ? pstrdup("none")
		: JsonbToCString(NULL, &attributes->root, VARSIZE(attributes));
}

/* Compare a row that found its key taken with the sale that has it. */
static void
check_same_content(Posting *posting, SaleRow *row, uint64 at)
{
	bool		isnull;
	int64		member_id = DatumGetInt64(program_get(at, 3, INT8OID));
	Numeric		amount = DatumGetNumeric(program_get(at, 4, NUMERICOID));
	char	   *currency = TextDatumGetCString(program_get(at, 5, TEXTOID));
	TimestampTz occurred_at = DatumGetTimestampTz(program_get(at, 6, TIMESTAMPTZOID));
	Datum		value = program_column(at, 7, JSONBOID, &isnull);
	Jsonb	   *attributes = isnull ? NULL : DatumGetJsonbP(value);

	if (DatumGetBool(program_get(at, 8, BOOLOID)))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("order \"%s\" has been posted from another table", text_to_cstring(row->order_key)),
				 errdetail("The keys of all orders of a program must differ."),
				 errhint("Attach the key of one of the tables as a generated column with a prefix; or detach the other table, if this one takes its place."),
				 member_errfields(posting->program, "sale", "sale_order_key_key")));
	row->sale_id = DatumGetInt64(program_get(at, 2, INT8OID));
	if (member_id != row->member_id)
		content_error(posting, row, "member", psprintf(INT64_FORMAT, member_id), psprintf(INT64_FORMAT, row->member_id));
	if (money_compare(amount, row->amount) != 0)
		content_error(posting, row, "amount", money_to_string(amount), money_to_string(row->amount));
	if (strcmp(currency, row->currency) != 0)
		content_error(posting, row, "currency", currency, row->currency);
	if (row->has_occurred_at && occurred_at != row->occurred_at)
		content_error(posting, row, "time", pstrdup(timestamptz_to_str(occurred_at)),
					  pstrdup(timestamptz_to_str(row->occurred_at)));
	if ((attributes == NULL) != (row->attributes == NULL) ||
		(attributes != NULL && compareJsonbContainers(&attributes->root, &row->attributes->root) != 0))
		content_error(posting, row, "attributes", attributes_text(attributes), attributes_text(row->attributes));
}

/*
 * What was posted while its table of lines was not attached has no lines, and
 * there is nothing to compare.
 */
static void
check_same_lines(Posting *posting, SaleRow **rows, int n)
{
	int64	   *sale_ids = palloc(sizeof(int64) * n);
	SaleLines  *stored;

	for (int i = 0; i < n; i++)
		sale_ids[i] = rows[i]->sale_id;
	stored = lines_load(posting->program, sale_ids, n);
	for (int i = 0; i < n; i++)
	{
		SaleLines	now = {rows[i]->nitems, rows[i]->items};
		char	   *difference;

		if (rows[i]->changed || (stored[i].n == 0 && rows[i]->sale_id <= posting->batch->lines_after))
			continue;
		difference = lines_difference(&stored[i], &now);
		if (difference != NULL)
			lines_error(posting, rows[i], difference);
	}
}

static Datum
keys_array(SaleRow **rows, int n)
{
	Datum	   *keys = palloc(sizeof(Datum) * n);

	for (int i = 0; i < n; i++)
		keys[i] = PointerGetDatum(rows[i]->order_key);
	return program_array(TEXTOID, keys, NULL, n);
}

/* Compare orders with the sales that their keys have now. */
static void
compare_posted(Posting *posting, SaleRow **rows, int n)
{
	Oid			types[] = {TEXTARRAYOID, INT4OID};
	Datum		values[2];
	uint64		found;

	values[0] = keys_array(rows, n);
	values[1] = Int32GetDatum(posting->batch->order_source_id);
	found = program_query_now(posting->program,
							  "SELECT k.place, s.sale_id, s.member_id, s.amount, s.currency, s.occurred_at, s.attributes,"
							  "       $2 <> 0 AND " SALE_OF_OTHER_TABLE("$2")
							  "  FROM unnest($1) WITH ORDINALITY AS k(key, place)"
							  "  JOIN @sale s ON s.order_key = k.key AND " SALE_IS_LATEST,
							  2, types, values, NULL, 0);
	if (found != n)
		elog(ERROR, "%d orders were neither posted nor found", n - (int) found);
	for (uint64 i = 0; i < found; i++)
		check_same_content(posting, rows[DatumGetInt64(program_get(i, 1, INT8OID)) - 1], i);
	SPI_freetuptable(SPI_tuptable);
	if (posting->batch->lines_known)
		check_same_lines(posting, rows, n);
}

static void
check_same(Posting *posting)
{
	SaleRow   **rows = palloc(sizeof(SaleRow *) * posting->npaid);
	int			n = 0;

	for (int i = 0; i < posting->npaid; i++)
		if (!posting->paid[i]->posted)
			rows[n++] = posting->paid[i];
	if (n > 0 && posting->reposts)
		elog(ERROR, "order \"%s\" was posted by others while it was locked", text_to_cstring(rows[0]->order_key));
	if (n > 0)
		compare_posted(posting, rows, n);
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
 * else can change, refund or fulfill them.  Returns the ids of the refunds, of
 * which what they take is judged once the orders are released again; 0: none.
 */
static Datum
repost_changed(Posting *posting)
{
	SaleRow   **rows = palloc(sizeof(SaleRow *) * posting->npaid);
	int			n = changed_rows(posting->paid, posting->npaid, rows);
	Datum		refund_ids;

	if (n == 0 || posting->batch->stale)
		return (Datum) 0;
	for (int i = 0; i < posting->npaid; i++)
		if (posting->paid[i]->changed)
			check_told_once(posting, i);
	repost_lock_orders(posting->program, keys_array(rows, n));
	for (int i = 0; i < n; i++)
		rows[i]->changed = false;
	compare_posted(posting, rows, n);
	n = changed_rows(rows, n, rows);
	if (n == 0)
		return (Datum) 0;
	refund_ids = repost_take_back(posting->program, posting->batch, rows, n);
	posting->paid = rows;
	posting->npaid = n;
	posting->reposts = true;
	posting->counts = false;
	post_paid(posting);
	for (int i = 0; i < n; i++)
		rows[i]->changed = false;
	return refund_ids;
}
