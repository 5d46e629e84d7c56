/*
 * program_refund_wait.c
 *	  Refunds and sales that are written side by side.
 *
 * A refund may come before its order.  Whoever records it looks for the sale,
 * and whoever posts the sale looks for refunds that wait for it; if both did
 * so with ordinary snapshots, each could miss the other, and the refund would
 * wait for ever.  So each writes its own row first and looks afterwards, by
 * key, also at rows that are not committed yet, and waits for those: at least
 * one of the two sees the other.  If both do, the server ends one of them
 * (40P01).  Nobody waits for other orders than his own.
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/skey.h"
#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"

#include "program_refund.h"

/* Has any refund ever been written, committed or not?  Costs no query. */
bool
refund_any(Program *program)
{
	Relation	rel = program_table(program, PROGRAM_REFUND);

	return rel->rd_rel->relkind != RELKIND_RELATION || RelationGetNumberOfBlocks(rel) > 0;
}

/* A whole B-tree that begins with the column; InvalidOid: none. */
static Oid
index_on(Relation rel, AttrNumber attnum)
{
	List	   *indexes = RelationGetIndexList(rel);
	ListCell   *cell;
	Oid			found = InvalidOid;

	foreach(cell, indexes)
	{
		Relation	index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
			index->rd_index->indkey.values[0] == attnum &&
			index->rd_indcollation[0] == C_COLLATION_OID &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
			found = RelationGetRelid(index);
		index_close(index, AccessShareLock);
		if (OidIsValid(found))
			break;
	}
	list_free(indexes);
	return found;
}

/* Whoever is writing a row of the key; InvalidTransactionId: nobody else. */
static TransactionId
other_writer(Relation rel, Oid index, AttrNumber attnum, const text *key)
{
	SnapshotData dirty;
	ScanKeyData scankey;
	SysScanDesc scan;
	TransactionId xid = InvalidTransactionId;

	InitDirtySnapshot(dirty);
	ScanKeyEntryInitialize(&scankey, 0, attnum, BTEqualStrategyNumber, TEXTOID, C_COLLATION_OID,
						   F_TEXTEQ, PointerGetDatum(key));
	scan = systable_beginscan(rel, index, OidIsValid(index), &dirty, 1, &scankey);
	while (!TransactionIdIsValid(xid) && HeapTupleIsValid(systable_getnext(scan)))
		xid = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
	systable_endscan(scan);
	return xid;
}

/* Wait for whoever is writing rows of these orders into the table. */
void
refund_wait(Program *program, ProgramTable table, text *const *order_keys, int n)
{
	Relation	rel = program_table(program, table);
	AttrNumber	attnum = get_attnum(RelationGetRelid(rel), "order_key");
	Oid			index;
	TransactionId xid;

	if (n == 0 || rel->rd_rel->relkind != RELKIND_RELATION)
		return;					/* doors are never partitioned */
	index = index_on(rel, attnum);
	for (int i = 0; i < n; i++)
	{
		while (TransactionIdIsValid(xid = other_writer(rel, index, attnum, order_keys[i])))
			XactLockTableWait(xid, NULL, NULL, XLTW_None);
		CHECK_FOR_INTERRUPTS();
	}
}
