/*
 * program_dry_run.c
 *	  dry_run(): what a plan would have paid on real sales.
 *
 * One pass over the sales in the order in which they passed the door, the
 * engine for each, and a sum for each rule, member and currency.  Nothing is
 * written, and reading needs the caller's own rights.
 *
 * What was stored with a sale is used as it is: path, amount, lines,
 * attributes, its number and its upline's, and the states and ranks of the
 * levels that were looked at then.  The rest is reconstructed:
 *
 * - states and ranks that the plan of that time did not look at come from
 *	 member_history, as they were when the sale was posted.  Changes in the
 *	 transaction of the sale itself count as made before it.
 * - order_number, where it was not stored, is counted over all sales of the
 *	 member, by sale_id.  A batch that did not count was not ordered by time.
 * - recruit_numbers, where they were not stored, are those of today.
 * - "applied" and "earned" are what the dry run itself has paid before, from
 *	 nothing on.  That is exact if "from" is not after the first sale that
 *	 counts (the beginning of the caps' period; the first sale of the member).
 *	 A sale that was posted by this very plan keeps the counters that it had.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "engine.h"
#include "money.h"
#include "program_counter.h"
#include "program_sale.h"

/* Sales calculated between two queries for what belongs to them. */
#define DRY_RUN_CHUNK		2000

/* Zeroed before it is filled: it is compared by its bytes. */
typedef struct SumKey
{
	int64		member_id;
	int32		rule;			/* number of its name */
	int32		currency;		/* number of its code */
} SumKey;

typedef struct Sum
{
	SumKey		key;
	int64		sales;			/* in which the plan would pay */
	int64		last_sale_id;
	Numeric		would_pay;		/* NULL: nothing */
	Numeric		paid;
} Sum;

typedef struct Word
{
	char		text[NAMEDATALEN];
	int			number;
} Word;

/* A version of the program's plan, as sales were posted by it. */
typedef struct Version
{
	int			version;
	CommissionPlan *plan;
	bool		is_same;		/* it is the plan of the dry run */
} Version;

typedef struct DryRun
{
	Program    *program;
	Jsonb	   *document;
	CommissionPlan *plan;
	TimestampTz from;
	TimestampTz to;
	MemoryContext context;		/* lasts for the dry run */
	Counters   *counters;
	EngineResult result;
	HTAB	   *sums;
	HTAB	   *words;
	const char **texts;			/* of the words, by number */
	int			nwords;
	int			maxwords;
	HTAB	   *versions;
} DryRun;

static int
word_number(DryRun *run, const char *text)
{
	bool		found;
	Word	   *word = hash_search(run->words, text, HASH_ENTER, &found);

	if (!found)
	{
		if (run->nwords == run->maxwords)
		{
			run->maxwords *= 2;
			run->texts = repalloc(run->texts, sizeof(char *) * run->maxwords);
		}
		word->number = run->nwords;
		run->texts[run->nwords++] = word->text;
	}
	return word->number;
}

static Sum *
sum_of(DryRun *run, const char *rule, int64 member_id, const char *currency)
{
	SumKey		key;
	Sum		   *sum;
	bool		found;

	memset(&key, 0, sizeof(key));
	key.member_id = member_id;
	key.rule = word_number(run, rule);
	key.currency = word_number(run, currency);
	sum = hash_search(run->sums, &key, HASH_ENTER, &found);
	if (!found)
	{
		sum->sales = 0;
		sum->last_sale_id = -1;
		sum->would_pay = sum->paid = NULL;
	}
	return sum;
}

static void
add_to(DryRun *run, Numeric *sum, Numeric amount)
{
	MemoryContext caller = MemoryContextSwitchTo(run->context);
	Numeric		before = *sum;

	*sum = money_add(before != NULL ? before : money_from_int(0), amount);
	if (before != NULL)
		pfree(before);
	MemoryContextSwitchTo(caller);
}

static Version *
find_version(DryRun *run, int number)
{
	bool		found;
	Version    *version = hash_search(run->versions, &number, HASH_ENTER, &found);

	if (!found)
	{
		Oid			types[] = {INT4OID, JSONBOID};
		Datum		values[2];

		version->plan = program_plan(run->program, number);
		values[0] = Int32GetDatum(number);
		values[1] = JsonbPGetDatum(run->document);
		version->is_same = program_query(run->program,
										 "SELECT FROM @plan p WHERE p.version = $1 AND p.document = $2",
										 2, types, values, NULL, 1) > 0;
		SPI_freetuptable(SPI_tuptable);
	}
	return version;
}

/* States and ranks from history */

typedef struct Gap
{
	StoredSale *stored;
	int			level;
	bool		rank_only;
} Gap;

/* Levels from 0 that a plan looks at on a path. */
static int
levels_of(const CommissionPlan *plan, int depth)
{
	return plan->max_level < depth ? plan->max_level + 1 : depth;
}

/* What the plan looks at and the plan of the time did not. */
static int
find_gaps(DryRun *run, StoredSale *sales, int n, Gap **gaps)
{
	int			ngaps = 0;
	int			room = 64;

	*gaps = palloc(sizeof(Gap) * room);
	for (int i = 0; i < n; i++)
	{
		const CommissionPlan *before = find_version(run, sales[i].plan_version)->plan;
		int			depth = sales[i].sale.depth;
		int			known = levels_of(before, depth);
		bool		lacks_rank = run->plan->uses_rank && !before->uses_rank;

		for (int level = lacks_rank ? 0 : known; level < levels_of(run->plan, depth); level++)
		{
			if (ngaps == room)
			{
				room *= 2;
				*gaps = repalloc_huge(*gaps, sizeof(Gap) * (Size) room);
			}
			(*gaps)[ngaps++] = (Gap)
			{
				.stored = &sales[i],.level = level,.rank_only = level < known
			};
		}
	}
	return ngaps;
}

static void
fill_gap(DryRun *run, const Gap *gap, const char *state, char *rank)
{
	EngineSale *sale = &gap->stored->sale;

	if (!gap->rank_only && strcmp(state, "active") != 0)
	{
		if (sale->states == NULL)
			sale->states = palloc0(sizeof(EngineState) * sale->depth);
		unconstify(EngineState *, sale->states)[gap->level] = engine_state_from_word(state);
	}
	if (run->plan->uses_rank && rank != NULL)
	{
		if (sale->ranks == NULL)
			sale->ranks = palloc0(sizeof(char *) * sale->depth);
		((const char **) sale->ranks)[gap->level] = rank;
	}
}

static void
reconstruct_standings(DryRun *run, StoredSale *sales, int n)
{
	Gap		   *gaps;
	int			ngaps = find_gaps(run, sales, n, &gaps);
	Datum	   *ids = palloc_extended(sizeof(Datum) * (Size) Max(ngaps, 1), MCXT_ALLOC_HUGE);
	Datum	   *times = palloc_extended(sizeof(Datum) * (Size) Max(ngaps, 1), MCXT_ALLOC_HUGE);
	Oid			types[] = {INT8ARRAYOID, TIMESTAMPTZARRAYOID};
	Datum		values[2];
	uint64		found;

	if (ngaps == 0)
		return;
	for (int i = 0; i < ngaps; i++)
	{
		const EngineSale *sale = &gaps[i].stored->sale;

		ids[i] = Int64GetDatum(sale->ids[sale->depth - 1 - gaps[i].level]);
		times[i] = TimestampTzGetDatum(gaps[i].stored->posted_at);
	}
	values[0] = program_array(INT8OID, ids, NULL, ngaps);
	values[1] = program_array(TIMESTAMPTZOID, times, NULL, ngaps);
	found = program_query(run->program,
						  "SELECT k.place, h.state, h.rank"
						  "  FROM unnest($1, $2) WITH ORDINALITY AS k(member_id, at, place)"
						  " CROSS JOIN LATERAL (SELECT e.state, e.rank FROM @member_history e"
						  "                      WHERE e.member_id = k.member_id AND e.recorded_at <= k.at"
						  "                      ORDER BY e.revision DESC LIMIT 1) h"
						  " WHERE h.state <> 'active' OR h.rank IS NOT NULL",
						  2, types, values, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		Gap		   *gap = &gaps[DatumGetInt64(program_get(i, 1, INT8OID)) - 1];
		bool		isnull;
		Datum		rank = program_column(i, 3, TEXTOID, &isnull);

		fill_gap(run, gap, TextDatumGetCString(program_get(i, 2, TEXTOID)),
				 isnull ? NULL : TextDatumGetCString(rank));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Calculating */

/*
 * The counters of a sale: those that it was posted with, where this plan did
 * so; else its stored numbers, and what the dry run has counted.
 */
static void
apply_counters(DryRun *run, StoredSale *stored)
{
	EngineSale	before = {0};
	EngineSale *sale = &stored->sale;
	bool		is_same = find_version(run, stored->plan_version)->is_same;

	if (!counters_needed(run->plan))
		return;
	if (!is_same)
		engine_read_counters(sale, counters_of(run->counters, run->plan, sale));
	if (stored->counters == NULL)
		return;
	engine_read_counters(&before, stored->counters);
	if (before.order_number > 0)
		sale->order_number = before.order_number;
	if (before.nrecruit_numbers >= sale->nrecruit_numbers)
	{
		sale->nrecruit_numbers = before.nrecruit_numbers;
		sale->recruit_numbers = before.recruit_numbers;
	}
	if (is_same)
	{
		sale->applied = before.applied;
		sale->earned = before.earned;
	}
}

static void
calculate(DryRun *run, StoredSale *stored)
{
	EngineSale *sale = &stored->sale;
	EngineResult *result = &run->result;

	sale->scale = plan_currency_scale(run->plan, stored->currency);
	apply_counters(run, stored);
	engine_run(run->plan, sale, result);
	counters_add(run->counters, sale, result);
	for (int i = 0; i < result->nlines; i++)
	{
		const EngineLine *line = &result->lines[i];
		Sum		   *sum;

		if (line->reason != ENGINE_PAID)
			continue;
		sum = sum_of(run, line->rule->name, line->member_id, stored->currency);
		add_to(run, &sum->would_pay, line->amount);
		if (sum->last_sale_id != stored->sale_id)
			sum->sales++;
		sum->last_sale_id = stored->sale_id;
	}
}

/* What these sales have paid in fact. */
static void
add_paid(DryRun *run, const StoredSale *sales, int n)
{
	Datum	   *ids = palloc(sizeof(Datum) * n);
	Oid			types[] = {INT8ARRAYOID};
	Datum		array;
	uint64		found;

	for (int i = 0; i < n; i++)
		ids[i] = Int64GetDatum(sales[i].sale_id);
	array = program_array(INT8OID, ids, NULL, n);
	found = program_query(run->program,
						  "SELECT l.rule, l.member_id, l.currency, sum(l.amount)"
						  "  FROM unnest($1) AS k(sale_id)"
						  "  JOIN @ledger l ON l.source_id = k.sale_id AND l.source = 'sale'"
						  " GROUP BY l.rule, l.member_id, l.currency",
						  1, types, &array, NULL, 0);
	for (uint64 i = 0; i < found; i++)
	{
		Sum		   *sum = sum_of(run, TextDatumGetCString(program_get(i, 1, TEXTOID)),
								 DatumGetInt64(program_get(i, 2, INT8OID)),
								 TextDatumGetCString(program_get(i, 3, TEXTOID)));

		add_to(run, &sum->paid, DatumGetNumeric(program_get(i, 4, NUMERICOID)));
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
run_chunk(DryRun *run, StoredSale *sales, int n)
{
	if (n == 0)
		return;
	stored_read_lines(run->program, sales, n);
	reconstruct_standings(run, sales, n);
	for (int i = 0; i < n; i++)
		counters_want(run->counters, run->plan, &sales[i].sale);
	counters_load(run->counters);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		calculate(run, &sales[i]);
	}
	add_paid(run, sales, n);
}

/*
 * Where orders are numbered, those outside the time count as well, and nothing
 * else of them is read.
 */
static char *
sales_query(DryRun *run)
{
	return program_sql(run->program,
					   run->plan->uses_order_number ?
					   "SELECT " STORED_SALE_COLUMNS ", s.member_id,"
					   "       s.occurred_at >= $1 AND s.occurred_at < $2"
					   "  FROM @sale s WHERE " SALE_IS_LATEST " ORDER BY s.sale_id" :
					   "SELECT " STORED_SALE_COLUMNS ", s.member_id, true"
					   "  FROM @sale s"
					   " WHERE s.occurred_at >= $1 AND s.occurred_at < $2 AND " SALE_IS_LATEST
					   " ORDER BY s.sale_id");
}

/*
 * Sales outside the time are counted in the order of all, so a chunk ends
 * before each of them that follows one within.
 */
static void
run_sales(DryRun *run)
{
	Oid			types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[2];
	Portal		portal;
	MemoryContext context = AllocSetContextCreate(run->context, "distributor dry run", ALLOCSET_DEFAULT_SIZES);

	values[0] = TimestampTzGetDatum(run->from);
	values[1] = TimestampTzGetDatum(run->to);
	portal = program_cursor(run->program, sales_query(run), 2, types, values);
	for (;;)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);
		SPITupleTable *rows;
		StoredSale *sales;
		int			n = 0;

		SPI_cursor_fetch(portal, true, DRY_RUN_CHUNK);
		rows = SPI_tuptable;
		if (rows->numvals == 0)
		{
			MemoryContextSwitchTo(caller);
			break;
		}
		sales = palloc(sizeof(StoredSale) * rows->numvals);
		for (uint64 i = 0; i < rows->numvals; i++)
		{
			SPI_tuptable = rows;
			if (DatumGetBool(program_get(i, 13, BOOLOID)))
				stored_read(run->program, &sales[n++], i);
			else
			{
				int64		member_id = DatumGetInt64(program_get(i, 12, INT8OID));

				run_chunk(run, sales, n);
				n = 0;
				counters_add_order(run->counters, member_id);
			}
			CHECK_FOR_INTERRUPTS();
		}
		run_chunk(run, sales, n);
		SPI_freetuptable(rows);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	SPI_cursor_close(portal);
}

/* The result */

static int
by_rule_and_member(const void *a, const void *b)
{
	const SumKey *x = &(*(Sum *const *) a)->key;
	const SumKey *y = &(*(Sum *const *) b)->key;

	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	if (x->member_id != y->member_id)
		return x->member_id < y->member_id ? -1 : 1;
	return (x->currency > y->currency) - (x->currency < y->currency);
}

static void
put_sums(DryRun *run, ReturnSetInfo *rsinfo)
{
	long		n = hash_get_num_entries(run->sums);
	Sum		  **sums = palloc_extended(sizeof(Sum *) * Max(n, 1), MCXT_ALLOC_HUGE);
	int64	   *ids = palloc_extended(sizeof(int64) * Max(n, 1), MCXT_ALLOC_HUGE);
	HASH_SEQ_STATUS seq;
	Sum		   *sum;
	char	  **keys;
	int			at = 0;

	hash_seq_init(&seq, run->sums);
	while ((sum = hash_seq_search(&seq)) != NULL)
		sums[at++] = sum;
	qsort(sums, n, sizeof(Sum *), by_rule_and_member);
	for (int i = 0; i < n; i++)
		ids[i] = sums[i]->key.member_id;
	keys = stored_member_keys(run->program, ids, n);
	for (int i = 0; i < n; i++)
	{
		Numeric		zero = money_from_int(0);
		Numeric		would_pay = sums[i]->would_pay != NULL ? sums[i]->would_pay : zero;
		Numeric		paid = sums[i]->paid != NULL ? sums[i]->paid : zero;
		Datum		values[8];
		bool		nulls[8] = {0};

		values[0] = CStringGetTextDatum(run->texts[sums[i]->key.rule]);
		values[1] = Int64GetDatum(sums[i]->key.member_id);
		values[2] = CStringGetTextDatum(keys[i]);
		values[3] = CStringGetTextDatum(run->texts[sums[i]->key.currency]);
		values[4] = Int64GetDatum(sums[i]->sales);
		values[5] = NumericGetDatum(would_pay);
		values[6] = NumericGetDatum(paid);
		values[7] = NumericGetDatum(money_subtract(would_pay, paid));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
check_arguments(FunctionCallInfo fcinfo)
{
	static const char *const names[] = {"program", "plan", "from", "to"};

	for (int i = 0; i < (int) lengthof(names); i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", names[i])));
	if (PG_GETARG_TIMESTAMPTZ(2) > PG_GETARG_TIMESTAMPTZ(3))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"from\" must not be after \"to\"")));
}

static HTAB *
make_hash(const char *name, Size keysize, Size entrysize, int flags)
{
	HASHCTL		ctl = {.keysize = keysize,.entrysize = entrysize,.hcxt = CurrentMemoryContext};

	return hash_create(name, 64, &ctl, HASH_ELEM | HASH_CONTEXT | flags);
}

/* dry_run(program text, plan json, from timestamptz, to timestamptz) returns setof record */
PG_FUNCTION_INFO_V1(program_dry_run);
Datum
program_dry_run(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	DryRun		run = {0};

	check_arguments(fcinfo);
	InitMaterializedSRF(fcinfo, 0);
	run.document = plan_document(PG_GETARG_TEXT_PP(1));
	run.plan = plan_compile(run.document);
	run.from = PG_GETARG_TIMESTAMPTZ(2);
	run.to = PG_GETARG_TIMESTAMPTZ(3);
	run.program = program_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), true);
	run.context = CurrentMemoryContext;
	run.counters = counters_create(run.program, COUNTERS_FROM_ZERO);
	counters_expect(run.counters, run.plan);
	run.sums = make_hash("distributor sums", sizeof(SumKey), sizeof(Sum), HASH_BLOBS);
	run.words = make_hash("distributor words", NAMEDATALEN, sizeof(Word), HASH_STRINGS);
	run.versions = make_hash("distributor plan versions", sizeof(int), sizeof(Version), HASH_BLOBS);
	run.maxwords = 16;
	run.texts = palloc(sizeof(char *) * run.maxwords);
	/* the rules of the plan come first, in the order in which they run */
	for (int i = 0; i < run.plan->nrules; i++)
		(void) word_number(&run, run.plan->rules[i].name);
	engine_init(&run.result, CurrentMemoryContext);
	run.result.paid_only = true;

	run_sales(&run);
	put_sums(&run, rsinfo);
	program_close(run.program);
	return (Datum) 0;
}
