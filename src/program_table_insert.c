/*
 * program_table_insert.c
 *	  Rows into a table, its indexes with them, without a query.
 */
#include "compat.h"

#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/sortsupport.h"

#include "program_table_known.h"

/* Rows that go into the heap together. */
#define MULTI_ROWS	1000

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
	KnownTable *known = table_known(rel);

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
		AttrNumber	attnum = table_find_column(known->desc, rows->columns[c], c == 0 ? 0 : insertion->attnums[c - 1]);

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

	if (index->not_null != InvalidAttrNumber && from_nulls[index->not_null - 1])
		return true;
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

		if (!index->unique || index->nkeys != nkey || index->nfinding == 0 || index->info->ii_Predicate != NIL)
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
	KnownTable *known = table_known(rel);
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
