/*
 * program_table_find.c
 *	  Rows of a table by the columns of an index, without a query.
 */
#include "compat.h"

#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/index.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"

#include "program_table_known.h"

/* Rows that an index is asked for at a time, where they may be many: at first, at most. */
#define FIRST_ROWS_AHEAD	64
#define MOST_ROWS_AHEAD		16384

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

static void
begin_lookup(TableLookup *lookup, Relation rel, const KnownIndex *index, int nkeys, ScanDirection direction,
			 Snapshot snapshot)
{
	lookup->rel = rel;
	lookup->last = 0;
	lookup->ahead = NULL;
	lookup->nkeys = nkeys;
	lookup->direction = direction;
	lookup->index = index_open(index->oid, AccessShareLock);
	lookup->scan = NULL;
	/* one that never had a row has its first page only, and nothing for the snapshot */
	if (index->other != InvalidAttrNumber && RelationGetNumberOfBlocks(lookup->index) <= 1)
		return;
	lookup->scan = compat_index_beginscan(rel, lookup->index, snapshot, nkeys);
	lookup->slot = table_slot_create(rel, NULL);
}

bool
table_lookup_begin_all(TableLookup *lookup, Relation rel, const TableCondition *conditions, int n, Snapshot snapshot)
{
	KnownTable *known = table_known(rel);
	bool		greatest_first = n == 1 && conditions[0].match == TABLE_UP_TO;
	AttrNumber	attnums[TABLE_MAX_CONDITIONS];

	Assert(n <= TABLE_MAX_CONDITIONS);
	for (int i = 0; i < n; i++)
	{
		attnums[i] = known->local ? table_find_column(known->desc, conditions[i].column, 0) : InvalidAttrNumber;
		if (attnums[i] == InvalidAttrNumber)
			return false;
	}
	for (int i = 0; i < known->nindexes; i++)
	{
		KnownIndex *index = &known->indexes[i];

		if (index->other != InvalidAttrNumber || (greatest_first && index->descending) ||
			!make_keys(lookup, index, attnums, conditions, n))
			continue;
		begin_lookup(lookup, rel, index, n, greatest_first ? BackwardScanDirection : ForwardScanDirection, snapshot);
		return true;
	}
	return false;
}

/*
 * The same for those rows alone in which the column other, a text, is not
 * usual, where an index has just them: a look at few rows, or at none.
 */
bool
table_lookup_begin_unusual(TableLookup *lookup, Relation rel, TableColumn column,
						   const char *other, const char *usual, Snapshot snapshot)
{
	KnownTable *known = table_known(rel);
	TableColumn other_column = {other, TEXTOID};
	TableCondition equal = {column, TABLE_EQUAL};
	AttrNumber	attnum = known->local ? table_find_column(known->desc, column, 0) : InvalidAttrNumber;
	AttrNumber	other_attnum = known->local ? table_find_column(known->desc, other_column, 0) : InvalidAttrNumber;

	for (int i = 0; attnum != InvalidAttrNumber && i < known->nindexes; i++)
	{
		KnownIndex *index = &known->indexes[i];

		if (index->other != other_attnum || other_attnum == InvalidAttrNumber || strcmp(index->usual, usual) != 0 ||
			!make_keys(lookup, index, &attnum, &equal, 1))
			continue;
		begin_lookup(lookup, rel, index, 1, ForwardScanDirection, snapshot);
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
	if (lookup->scan == NULL)
		return false;
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
	if (lookup->scan != NULL)
	{
		ExecDropSingleTupleTableSlot(lookup->slot);
		index_endscan(lookup->scan);
	}
	index_close(lookup->index, NoLock);
}

/* The table has been seen to have the column. */
AttrNumber
table_column(TableLookup *lookup, TableColumn column)
{
	AttrNumber	attnum = table_find_column(RelationGetDescr(lookup->rel), column, lookup->last);

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

	if (!table_known(rel)->local)
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
