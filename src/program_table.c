/*
 * program_table.c
 *	  Rows of a table by key, and rows into a table, without a query.
 */
#include "compat.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "pgstat.h"
#include "rewrite/rewriteHandler.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "program_table.h"

/* Rows that an index is asked for at a time, where they may be many: at first, at most. */
#define FIRST_ROWS_AHEAD	64
#define MOST_ROWS_AHEAD		16384

/* Rows that go into the heap together. */
#define MULTI_ROWS	1000

/* Finding rows by a column of an index: its operators, InvalidOid where it cannot. */
typedef struct KnownKey
{
	Oid			collation;
	RegProcedure operators[BTMaxStrategyNumber];	/* by strategy, less one */
} KnownKey;

typedef struct KnownIndex
{
	Oid			oid;
	bool		unique;
	bool		plain;			/* no expression, no predicate, no exclusion, checked at once */
	bool		descending;		/* its first column */
	int			nkeys;			/* without included columns */
	int			ncolumns;
	AttrNumber	columns[INDEX_MAX_KEYS];
	IndexInfo  *info;
	AttrNumber	not_null;		/* it has the rows where this column is not null, and these alone; 0: all */
	int			nfinding;		/* columns that rows may be found by, from the first on */
	KnownKey   *finding;
} KnownIndex;

/*
 * What is known of a table.  Invariant: where valid, as the table is now, for
 * whoever has locked it after the last look for invalidations.
 */
typedef struct KnownTable
{
	Oid			relid;
	bool		valid;
	MemoryContext context;		/* of all that follows */
	TupleDesc	desc;
	int			nindexes;
	KnownIndex *indexes;
	bool		local;			/* rows are here, and not in partitions or on other machines */
	bool		writable;
	ExprState **defaults;		/* by column; NULL: null */
	int			nchecks;
	ExprState **checks;
	ExprContext *econtext;		/* lives as long as the expressions */
} KnownTable;

static HTAB *known_tables = NULL;

static void
table_changed(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	KnownTable *known;

	if (OidIsValid(relid))
	{
		known = hash_search(known_tables, &relid, HASH_FIND, NULL);
		if (known != NULL)
			known->valid = false;
		return;
	}
	hash_seq_init(&status, known_tables);
	while ((known = hash_seq_search(&status)) != NULL)
		known->valid = false;
}

/* Functions, their rights, and operators: any table may use them. */
static void
code_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	table_changed(arg, InvalidOid);
}

static bool
is_not_the_servers(Oid function, void *context)
{
	return function >= FirstUnpinnedObjectId;
}

/* Does it run anything but the server's own functions? */
static bool
runs_other_code(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_not_the_servers, NULL) ||
		IsA(node, CoerceToDomain) || IsA(node, SubLink) || IsA(node, NextValueExpr))
		return true;
	return expression_tree_walker(node, runs_other_code, context);
}

bool
table_expression_is_plain(Node *expression)
{
	return !runs_other_code(expression, NULL);
}

/*
 * Which column must not be null for a row to be in the index: one that is
 * compared with something finds no nulls anyway.  InvalidAttrNumber: it leaves
 * out others as well.
 */
static AttrNumber
column_not_null(List *predicate)
{
	NullTest   *test;

	if (list_length(predicate) != 1 || !IsA(linitial(predicate), NullTest))
		return InvalidAttrNumber;
	test = linitial(predicate);
	if (test->nulltesttype != IS_NOT_NULL || test->argisrow || !IsA(test->arg, Var))
		return InvalidAttrNumber;
	return ((Var *) test->arg)->varattno;
}

static bool
know_key(KnownTable *known, KnownKey *key, Relation index, int column)
{
	AttrNumber	attnum = index->rd_index->indkey.values[column];
	Oid			type = index->rd_opcintype[column];
	Oid			family = index->rd_opfamily[column];

	if (attnum <= 0 ||
		!IsBinaryCoercible(TupleDescAttr(known->desc, attnum - 1)->atttypid, type) ||
		index->rd_indcollation[column] != TupleDescAttr(known->desc, attnum - 1)->attcollation)
		return false;
	key->collation = index->rd_indcollation[column];
	for (StrategyNumber strategy = 1; strategy <= BTMaxStrategyNumber; strategy++)
	{
		Oid			operator = get_opfamily_member(family, type, type, strategy);

		/* all families agree on what is equal, and not on the order */
		if (strategy != BTEqualStrategyNumber &&
			family != lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf)
			continue;
		if (OidIsValid(operator))
			key->operators[strategy - 1] = get_opcode(operator);
	}
	return true;
}

static void
know_finding(KnownTable *known, KnownIndex *mine, Relation index)
{
	Form_pg_index form = index->rd_index;

	if (index->rd_rel->relam != BTREE_AM_OID || !form->indisvalid || form->indcheckxmin)
		return;
	if (mine->info->ii_Predicate != NIL)
	{
		mine->not_null = column_not_null(mine->info->ii_Predicate);
		if (mine->not_null == InvalidAttrNumber)
			return;
	}
	mine->descending = (index->rd_indoption[0] & INDOPTION_DESC) != 0;
	mine->finding = palloc0(sizeof(KnownKey) * mine->nkeys);
	while (mine->nfinding < mine->nkeys && know_key(known, &mine->finding[mine->nfinding], index, mine->nfinding))
		mine->nfinding++;
}

static void
know_index(KnownTable *known, KnownIndex *mine, Relation index)
{
	IndexInfo  *info = BuildIndexInfo(index);

	mine->oid = RelationGetRelid(index);
	mine->info = info;
	mine->unique = index->rd_index->indisunique;
	mine->nkeys = info->ii_NumIndexKeyAttrs;
	mine->ncolumns = info->ii_NumIndexAttrs;
	for (int i = 0; i < mine->ncolumns; i++)
		mine->columns[i] = info->ii_IndexAttrNumbers[i];
	mine->plain = info->ii_Expressions == NIL && info->ii_Predicate == NIL &&
		info->ii_ExclusionOps == NULL && index->rd_index->indimmediate;
	know_finding(known, mine, index);
}

static void
know_indexes(KnownTable *known, Relation rel)
{
	List	   *oids = RelationGetIndexList(rel);
	ListCell   *cell;

	known->indexes = palloc0(sizeof(KnownIndex) * Max(list_length(oids), 1));
	foreach(cell, oids)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index->rd_index->indisready)
		{
			know_index(known, &known->indexes[known->nindexes], index);
			known->writable &= known->indexes[known->nindexes++].plain;
		}
		index_close(index, NoLock);
	}
}

/* An expression that a row needs; false: it is not for us to run. */
static bool
know_expression(Node *node, ExprState **state)
{
	Expr	   *expr;

	if (runs_other_code(node, NULL))
		return false;
	expr = expression_planner((Expr *) node);
	*state = ExecInitExpr(expr, NULL);
	return true;
}

static void
know_expressions(KnownTable *known, Relation rel)
{
	TupleDesc	desc = RelationGetDescr(rel);
	TupleConstr *constr = desc->constr;

	known->econtext = CreateStandaloneExprContext();
	known->defaults = palloc0(sizeof(ExprState *) * Max(desc->natts, 1));
	for (int i = 0; known->writable && i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Node	   *node;

		if (att->attisdropped)
			continue;
		if (att->attidentity != '\0' || att->attgenerated != '\0' ||
			get_typtype(att->atttypid) == TYPTYPE_DOMAIN)
			known->writable = false;
		else if ((node = build_column_default(rel, i + 1)) != NULL)
			known->writable &= know_expression(node, &known->defaults[i]);
	}
	if (!known->writable || constr == NULL)
		return;
	known->checks = palloc0(sizeof(ExprState *) * Max(constr->num_check, 1));
	for (int i = 0; known->writable && i < constr->num_check; i++)
		known->writable &= know_expression(stringToNode(constr->check[i].ccbin),
										   &known->checks[known->nchecks++]);
}

/*
 * What a row needs that we do not do.  Triggers before the statement are the
 * guards, which let their program through: the others have been refused.
 */
static bool
has_row_triggers(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;

	return triggers != NULL &&
		(triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
		 triggers->trig_insert_instead_row || triggers->trig_insert_after_statement);
}

static void
know_table(KnownTable *known, Relation rel)
{
	known->desc = CreateTupleDescCopyConstr(RelationGetDescr(rel));

	/* a distributed engine keeps the rows of its tables elsewhere */
	known->local = rel->rd_rel->relkind == RELKIND_RELATION && !rel->rd_rel->relispartition &&
		!rel->rd_rel->relhassubclass && !OidIsValid(get_extension_oid("citus", true));
	known->writable = known->local && !has_row_triggers(rel) && rel->rd_rules == NULL;
	if (!known->local)
		return;
	know_indexes(known, rel);
	know_expressions(known, rel);
}

static KnownTable *
known_table(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	KnownTable *known;
	bool		found;
	MemoryContext caller;
	MemoryContext context;

	if (known_tables == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(KnownTable)};

		known_tables = hash_create("distributor tables", 64, &ctl, HASH_ELEM | HASH_BLOBS);
		CacheRegisterRelcacheCallback(table_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(PROCOID, code_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(AMOPOPID, code_changed, (Datum) 0);
	}
	known = hash_search(known_tables, &relid, HASH_ENTER, &found);
	if (found && known->valid)
		return known;
	/* somebody further up may be using it: code of an index's owner runs inside */
	if (found && known->context != NULL)
		MemoryContextSetParent(known->context, TopTransactionContext);
	memset((char *) known + sizeof(Oid), 0, sizeof(KnownTable) - sizeof(Oid));

	context = AllocSetContextCreate(TopTransactionContext, "distributor table", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	known->valid = true;		/* a change that is told meanwhile takes it back */
	PG_TRY();
	{
		know_table(known, rel);
	}
	PG_CATCH();
	{
		known->valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, CacheMemoryContext);
	known->context = context;
	return known;
}

/* Columns mostly stand in the order in which they are asked for. */
static AttrNumber
find_column(TupleDesc desc, TableColumn column, int from)
{
	for (int i = 0; i < desc->natts; i++)
	{
		int			at = (from + i) % desc->natts;
		Form_pg_attribute att = TupleDescAttr(desc, at);

		if (strcmp(NameStr(att->attname), column.name) == 0 && !att->attisdropped &&
			att->atttypid == column.type)
			return at + 1;
	}
	return InvalidAttrNumber;
}

/* Finding rows */

/* Where rows are, as numbers that sort as the pages do. */
typedef struct TableRowIds
{
	int			room;
	int			n;
	int			at;				/* the next one to be fetched */
	bool		last;			/* the index has no more, and must not be asked */
	int64	   *ids;
} TableRowIds;

static StrategyNumber
strategy_of(TableMatch match)
{
	switch (match)
	{
		case TABLE_EQUAL:
			return BTEqualStrategyNumber;
		case TABLE_UP_TO:
			return BTLessEqualStrategyNumber;
		case TABLE_FROM:
			return BTGreaterEqualStrategyNumber;
		case TABLE_BELOW:
			return BTLessStrategyNumber;
	}
	return InvalidStrategy;
}

/* Does the index find the rows of all conditions?  Then its keys are made. */
static bool
make_keys(TableLookup *lookup, KnownIndex *index, const AttrNumber *attnums, const TableCondition *conditions, int n)
{
	int			at = 0;
	bool		not_null = index->not_null == InvalidAttrNumber;

	for (int i = 0; i < n; i++)
	{
		StrategyNumber strategy = strategy_of(conditions[i].match);
		KnownKey   *key;

		/* the next column, unless it is another bound of the last one */
		if (i > 0 && attnums[i] != attnums[i - 1])
		{
			if (conditions[i - 1].match != TABLE_EQUAL)
				return false;
			at++;
		}
		if (at >= index->nfinding || index->columns[at] != attnums[i])
			return false;
		key = &index->finding[at];
		if (!OidIsValid(key->operators[strategy - 1]))
			return false;
		not_null |= index->not_null == attnums[i];
		ScanKeyEntryInitialize(&lookup->keys[i], 0, at + 1, strategy, InvalidOid, key->collation,
							   key->operators[strategy - 1], (Datum) 0);
	}
	return not_null;
}

bool
table_lookup_begin_all(TableLookup *lookup, Relation rel, const TableCondition *conditions, int n, Snapshot snapshot)
{
	KnownTable *known = known_table(rel);
	bool		greatest_first = n == 1 && conditions[0].match == TABLE_UP_TO;
	AttrNumber	attnums[TABLE_MAX_CONDITIONS];

	Assert(n <= TABLE_MAX_CONDITIONS);
	for (int i = 0; i < n; i++)
	{
		attnums[i] = known->local ? find_column(known->desc, conditions[i].column, 0) : InvalidAttrNumber;
		if (attnums[i] == InvalidAttrNumber)
			return false;
	}
	for (int i = 0; i < known->nindexes; i++)
	{
		KnownIndex *index = &known->indexes[i];

		if ((greatest_first && index->descending) || !make_keys(lookup, index, attnums, conditions, n))
			continue;
		lookup->rel = rel;
		lookup->last = 0;
		lookup->ahead = NULL;
		lookup->nkeys = n;
		lookup->index = index_open(index->oid, AccessShareLock);
		lookup->scan = compat_index_beginscan(rel, lookup->index, snapshot, n);
		lookup->slot = table_slot_create(rel, NULL);
		lookup->direction = greatest_first ? BackwardScanDirection : ForwardScanDirection;
		return true;
	}
	return false;
}

bool
table_lookup_begin(TableLookup *lookup, Relation rel, TableColumn column, TableMatch match, Snapshot snapshot)
{
	TableCondition condition = {column, match};

	return table_lookup_begin_all(lookup, rel, &condition, 1, snapshot);
}

bool
table_lookup_all(TableLookup *lookup, const Datum *values)
{
	for (int i = 0; i < lookup->nkeys; i++)
		lookup->keys[i].sk_argument = values[i];
	index_rescan(lookup->scan, lookup->keys, lookup->nkeys, NULL, 0);
	if (lookup->ahead != NULL)
	{
		lookup->ahead->n = lookup->ahead->at = 0;
		lookup->ahead->last = false;
	}
	return table_lookup_next(lookup);
}

bool
table_lookup(TableLookup *lookup, Datum value)
{
	return table_lookup_all(lookup, &value);
}

#define ST_SORT sort_row_ids
#define ST_ELEMENT_TYPE int64
#define ST_COMPARE(a, b) ((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * Rows that were written together lie on few pages, and the index has them in
 * another order: for each of them its page would be looked for again.  So they
 * are fetched page by page, in no order that the caller may rely on.  The
 * snapshot does not mind that the index has gone on: whatever it shows is kept.
 */
void
table_lookup_many(TableLookup *lookup)
{
	lookup->ahead = palloc0(sizeof(TableRowIds));
	lookup->ahead->room = FIRST_ROWS_AHEAD;
	lookup->ahead->ids = palloc(sizeof(int64) * FIRST_ROWS_AHEAD);
}

static bool
look_ahead(TableLookup *lookup)
{
	TableRowIds *ahead = lookup->ahead;
	if (ahead->n == ahead->room && ahead->room < MOST_ROWS_AHEAD)
	{
		ahead->room *= 2;
		ahead->ids = repalloc(ahead->ids, sizeof(int64) * ahead->room);
	}
	ahead->n = ahead->at = 0;
	while (!ahead->last && ahead->n < ahead->room)
	{
		ItemPointer tid = index_getnext_tid(lookup->scan, lookup->direction);

		if (tid != NULL)
			ahead->ids[ahead->n++] = itemptr_encode(tid);
		else
			ahead->last = true;
	}
	sort_row_ids(ahead->ids, ahead->n);
	return ahead->n > 0;
}

/* What index_fetch_heap() does; of what a snapshot shows there is one version. */
static bool
fetch_row(TableLookup *lookup, int64 id)
{
	IndexScanDesc scan = lookup->scan;
	ItemPointerData tid;
	bool		more = false;

	itemptr_decode(&tid, id);
	if (!table_index_fetch_tuple(scan->xs_heapfetch, &tid, scan->xs_snapshot, lookup->slot, &more, NULL))
		return false;
	pgstat_count_heap_fetch(scan->indexRelation);
	return true;
}

bool
table_lookup_next(TableLookup *lookup)
{
	TableRowIds *ahead = lookup->ahead;

	if (ahead == NULL)
		return index_getnext_slot(lookup->scan, lookup->direction, lookup->slot);
	while (ahead->at < ahead->n || look_ahead(lookup))
		if (fetch_row(lookup, ahead->ids[ahead->at++]))
			return true;
	return false;
}

void
table_lookup_end(TableLookup *lookup)
{
	if (lookup->ahead != NULL)
	{
		pfree(lookup->ahead->ids);
		pfree(lookup->ahead);
	}
	ExecDropSingleTupleTableSlot(lookup->slot);
	index_endscan(lookup->scan);
	index_close(lookup->index, NoLock);
}

/* The table has been seen to have the column. */
AttrNumber
table_column(TableLookup *lookup, TableColumn column)
{
	AttrNumber	attnum = find_column(RelationGetDescr(lookup->rel), column, lookup->last);

	if (attnum == InvalidAttrNumber)
		elog(ERROR, "table \"%s\" has no column \"%s\" of the type that is needed",
			 RelationGetRelationName(lookup->rel), column.name);
	lookup->last = attnum;
	return attnum;
}

/* Of the row that was found. */
Datum
table_value(TableLookup *lookup, TableColumn column, bool *isnull)
{
	return slot_getattr(lookup->slot, table_column(lookup, column), isnull);
}

bool
table_has_rows(Relation rel, Snapshot snapshot)
{
	TableScanDesc scan;
	TupleTableSlot *slot;
	bool		found;

	if (!known_table(rel)->local)
		return true;
	if (RelationGetNumberOfBlocks(rel) == 0)
		return false;
	scan = table_beginscan(rel, snapshot, 0, NULL);
	slot = table_slot_create(rel, NULL);
	found = table_scan_getnextslot(scan, ForwardScanDirection, slot);
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	return found;
}

TableVersion
table_version(TupleTableSlot *slot)
{
	TableVersion version;
	bool		isnull;

	version.tid = slot->tts_tid;
	version.xmin = DatumGetTransactionId(slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull));
	return version;
}

bool
table_same_version(const TableVersion *a, const TableVersion *b)
{
	return a->xmin == b->xmin && memcmp(&a->tid, &b->tid, sizeof(ItemPointerData)) == 0;
}

/* Writing rows */

typedef struct Insertion
{
	Relation	rel;
	KnownTable *known;
	const TableRows *rows;
	AttrNumber *attnums;		/* of the columns of rows */
	bool	   *given;			/* by column of the table: it is among them */
	int			natts;
	int			n;				/* rows that are made */
	Datum	   *values;			/* of natts columns each */
	bool	   *nulls;
	ItemPointerData *tids;		/* where they have been put */
	Relation   *indexes;		/* open */
	IndexInfo **infos;			/* ours: access methods keep something in them */
} Insertion;

/*
 * Old snapshots are for queries, as they know what must not be overlooked in
 * them, and so is the error where nothing may be written.
 */
static bool
begin_insertion(Insertion *insertion, Relation rel, const TableRows *rows)
{
	KnownTable *known = known_table(rel);

	if (!known->writable || IsolationUsesXactSnapshot() || XactReadOnly || IsInParallelMode())
		return false;
	insertion->rel = rel;
	insertion->known = known;
	insertion->rows = rows;
	insertion->natts = known->desc->natts;
	insertion->n = 0;
	insertion->attnums = palloc(sizeof(AttrNumber) * rows->ncolumns);
	insertion->given = palloc0(sizeof(bool) * insertion->natts);
	for (int c = 0; c < rows->ncolumns; c++)
	{
		AttrNumber	attnum = find_column(known->desc, rows->columns[c], c == 0 ? 0 : insertion->attnums[c - 1]);

		if (attnum == InvalidAttrNumber)
			return false;
		insertion->attnums[c] = attnum;
		insertion->given[attnum - 1] = true;
	}
	insertion->values = palloc_extended(sizeof(Datum) * rows->n * insertion->natts, MCXT_ALLOC_HUGE);
	insertion->nulls = palloc_extended(sizeof(bool) * rows->n * insertion->natts, MCXT_ALLOC_HUGE);
	insertion->tids = palloc_extended(sizeof(ItemPointerData) * rows->n, MCXT_ALLOC_HUGE);
	insertion->indexes = palloc(sizeof(Relation) * Max(known->nindexes, 1));
	insertion->infos = palloc(sizeof(IndexInfo *) * Max(known->nindexes, 1));
	for (int i = 0; i < known->nindexes; i++)
	{
		insertion->indexes[i] = index_open(known->indexes[i].oid, RowExclusiveLock);
		insertion->infos[i] = palloc(sizeof(IndexInfo));
		memcpy(insertion->infos[i], known->indexes[i].info, sizeof(IndexInfo));
		insertion->infos[i]->ii_AmCache = NULL;
		insertion->infos[i]->ii_Context = CurrentMemoryContext;
	}
	return true;
}

static void
end_insertion(Insertion *insertion)
{
	for (int i = 0; i < insertion->known->nindexes; i++)
	{
		compat_index_insert_cleanup(insertion->indexes[i], insertion->infos[i]);
		index_close(insertion->indexes[i], NoLock);
	}
	if (insertion->n > 0)
		CommandCounterIncrement();
}

/* The next row as it will be; false: it is for a query, which will say why. */
static bool
make_row(Insertion *insertion, TupleTableSlot *slot)
{
	KnownTable *known = insertion->known;
	const TableRows *rows = insertion->rows;
	int			natts = insertion->natts;
	Datum	   *values = insertion->values + (Size) insertion->n * natts;
	bool	   *nulls = insertion->nulls + (Size) insertion->n * natts;

	memset(nulls, true, natts);
	for (int c = 0; c < rows->ncolumns; c++)
	{
		int			at = insertion->attnums[c] - 1;

		values[at] = rows->values[c][insertion->n];
		nulls[at] = rows->nulls[c] != NULL && rows->nulls[c][insertion->n];
	}
	for (int i = 0; i < natts; i++)
	{
		if (known->defaults[i] != NULL && !insertion->given[i])
			values[i] = ExecEvalExpr(known->defaults[i], known->econtext, &nulls[i]);
		if (nulls[i])
		{
			values[i] = (Datum) 0;
			if (TupleDescAttr(known->desc, i)->attnotnull)
				return false;
		}
	}
	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, sizeof(Datum) * natts);
	memcpy(slot->tts_isnull, nulls, sizeof(bool) * natts);
	ExecStoreVirtualTuple(slot);
	known->econtext->ecxt_scantuple = slot;
	for (int i = 0; i < known->nchecks; i++)
	{
		bool		isnull;
		Datum		holds = ExecEvalExprSwitchContext(known->checks[i], known->econtext, &isnull);

		if (!isnull && !DatumGetBool(holds))
			return false;
	}
	ResetExprContext(known->econtext);
	insertion->n++;
	return true;
}

static bool
index_row(Insertion *insertion, int i, int row, IndexUniqueCheck check)
{
	KnownIndex *index = &insertion->known->indexes[i];
	const Datum *from = insertion->values + (Size) row * insertion->natts;
	const bool *from_nulls = insertion->nulls + (Size) row * insertion->natts;
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];

	for (int c = 0; c < index->ncolumns; c++)
	{
		values[c] = from[index->columns[c] - 1];
		nulls[c] = from_nulls[index->columns[c] - 1];
	}
	return index_insert(insertion->indexes[i], values, nulls, &insertion->tids[row], insertion->rel,
						check, false, insertion->infos[i]);
}

typedef struct SortedRow
{
	Datum		key;
	bool		isnull;
	int			row;
} SortedRow;

static int
by_key_and_row(const void *a, const void *b, void *arg)
{
	const SortedRow *x = a;
	const SortedRow *y = b;
	int			order = ApplySortComparator(x->key, x->isnull, y->key, y->isnull, arg);

	return order != 0 ? order : (x->row > y->row) - (x->row < y->row);
}

/*
 * Many rows go into a B-tree in the order of its first column: the pages that
 * they go to are then at hand.
 */
static SortedRow *
sorted_rows(Insertion *insertion, int i)
{
	Relation	index = insertion->indexes[i];
	int			first = insertion->known->indexes[i].columns[0] - 1;
	SortedRow  *sorted = palloc_extended(sizeof(SortedRow) * insertion->n, MCXT_ALLOC_HUGE);
	SortSupportData order = {0};

	for (int row = 0; row < insertion->n; row++)
	{
		sorted[row].row = row;
		sorted[row].key = insertion->values[(Size) row * insertion->natts + first];
		sorted[row].isnull = insertion->nulls[(Size) row * insertion->natts + first];
	}
	if (insertion->n == 1 || index->rd_rel->relam != BTREE_AM_OID)
		return sorted;
	order.ssup_cxt = CurrentMemoryContext;
	order.ssup_collation = index->rd_indcollation[0];
	order.ssup_nulls_first = (index->rd_indoption[0] & INDOPTION_NULLS_FIRST) != 0;
	order.ssup_attno = 1;
	compat_sort_as_index(index, (index->rd_indoption[0] & INDOPTION_DESC) != 0, &order);
	qsort_arg(sorted, insertion->n, sizeof(SortedRow), by_key_and_row, &order);
	return sorted;
}

/* Enter all rows that are in the table into all indexes but one. */
static void
index_rows(Insertion *insertion, int but)
{
	for (int i = 0; i < insertion->known->nindexes; i++)
	{
		KnownIndex *index = &insertion->known->indexes[i];
		SortedRow  *sorted;

		if (i == but)
			continue;
		sorted = sorted_rows(insertion, i);
		for (int at = 0; at < insertion->n; at++)
		{
			(void) index_row(insertion, i, sorted[at].row, index->unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO);
			CHECK_FOR_INTERRUPTS();
		}
		pfree(sorted);
	}
}

/*
 * Rows of which none is there yet.  The relation is open and locked, and the
 * caller has seen to it that its triggers need not be fired.
 */
int
table_insert(Relation rel, const TableRows *rows)
{
	Insertion	insertion;
	TupleTableSlot **slots;
	int			nslots = Min(rows->n, MULTI_ROWS);
	bool		good = true;

	if (rows->n == 0 || !begin_insertion(&insertion, rel, rows))
		return 0;
	slots = palloc(sizeof(TupleTableSlot *) * nslots);
	for (int i = 0; i < nslots; i++)
		slots[i] = MakeSingleTupleTableSlot(insertion.known->desc, &TTSOpsVirtual);
	for (int start = 0; good && start < rows->n; start = insertion.n)
	{
		int			n = 0;

		while (n < nslots && start + n < rows->n && (good = make_row(&insertion, slots[n])))
			n++;
		if (n == 0)
			break;
		table_multi_insert(rel, slots, n, GetCurrentCommandId(true), 0, NULL);
		for (int i = 0; i < n; i++)
			insertion.tids[start + i] = slots[i]->tts_tid;
		CHECK_FOR_INTERRUPTS();
	}
	for (int i = 0; i < nslots; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	index_rows(&insertion, -1);
	end_insertion(&insertion);
	return insertion.n;
}

/* The one index that is unique in exactly these columns; -1: none, or several. */
static int
key_index(KnownTable *known, const char *const *key, int nkey)
{
	int			found = -1;

	for (int i = 0; i < known->nindexes; i++)
	{
		KnownIndex *index = &known->indexes[i];
		int			matches = 0;

		if (!index->unique || index->nkeys != nkey || index->nfinding == 0 || index->not_null != InvalidAttrNumber)
			continue;
		for (int c = 0; c < nkey; c++)
			for (int k = 0; k < nkey; k++)
				matches += strcmp(NameStr(TupleDescAttr(known->desc, index->columns[c] - 1)->attname), key[k]) == 0;
		if (matches != nkey)
			continue;
		if (found >= 0)
			return -1;
		found = i;
	}
	return found;
}

/*
 * Put the last row made into the table and the index of its key, as INSERT ...
 * ON CONFLICT does: nobody can wait for a row that may yet be taken back.
 */
static bool
insert_if_new(Insertion *insertion, int arbiter, TupleTableSlot *slot)
{
	TransactionId xid = GetCurrentTransactionId();
	uint32		token = SpeculativeInsertionLockAcquire(xid);
	int			row = insertion->n - 1;
	bool		is_new;

	table_tuple_insert_speculative(insertion->rel, slot, GetCurrentCommandId(true), 0, NULL, token);
	insertion->tids[row] = slot->tts_tid;
	is_new = index_row(insertion, arbiter, row, UNIQUE_CHECK_PARTIAL);
	table_tuple_complete_speculative(insertion->rel, slot, token, is_new);
	SpeculativeInsertionLockRelease(xid);
	return is_new;
}

/*
 * Rows with a unique key.  The first whose key may be there already ends it: a
 * query waits for whoever is writing the key, if somebody is, and it must do
 * so before a later row is written.
 */
int
table_insert_new(Relation rel, const TableRows *rows, const char *const *key, int nkey)
{
	Insertion	insertion;
	KnownTable *known = known_table(rel);
	int			arbiter = known->writable ? key_index(known, key, nkey) : -1;
	TupleTableSlot *slot;

	if (arbiter < 0 || rows->n == 0 || !begin_insertion(&insertion, rel, rows))
		return 0;
	slot = MakeSingleTupleTableSlot(known->desc, &TTSOpsHeapTuple);
	while (insertion.n < rows->n && make_row(&insertion, slot))
	{
		if (!insert_if_new(&insertion, arbiter, slot))
		{
			insertion.n--;
			break;
		}
		CHECK_FOR_INTERRUPTS();
	}
	ExecDropSingleTupleTableSlot(slot);
	index_rows(&insertion, arbiter);
	end_insertion(&insertion);
	return insertion.n;
}
