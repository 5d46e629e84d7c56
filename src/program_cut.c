/*
 * program_cut.c
 *	  An entry of the ledger below which nothing is added any more, and work
 *	  that one session at a time does.
 *
 * The greatest id that can be seen is no such entry: a lower one may be
 * committed later.  But ids are drawn by those who hold the ledger's lock for
 * writing, and they hold it until their transaction ends.  So: read how far
 * the sequence is, and wait for whoever holds that lock at that moment.  Who
 * comes later draws greater ids, and waits for nobody.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"

#include "program_cut.h"

/* Objects of these locks are subobjects of the table account; see program_lock_tree(). */
#define WORK_LOCK_SUBID 0xD157

/*
 * Reads as of another time than now cannot see what has been waited for.
 */
void
program_check_newest(const char *what)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s in a %s transaction", what,
						XactIsoLevel == XACT_SERIALIZABLE ? "SERIALIZABLE" : "REPEATABLE READ"),
				 errdetail("Its snapshot may be older than what has to be seen."),
				 errhint("Use READ COMMITTED.")));
}

/* Until the transaction ends.  Without wait: false if somebody else has it. */
bool
program_lock_work(Program *program, ProgramWork work, bool wait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, RelationRelationId, program->tables[PROGRAM_ACCOUNT],
					   WORK_LOCK_SUBID + work);
	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * How far the sequence is.  It is read past all snapshots, and shows what any
 * session has drawn; but a session that draws several ids at once keeps those
 * that it has not used yet.
 */
static int64
last_entry_id(Program *program)
{
	int64		last;
	int64		cache;

	program_query_now(program,
					  "SELECT CASE WHEN s.is_called THEN s.last_value ELSE s.last_value - 1 END,"
					  "       (SELECT q.seqcache FROM pg_sequence q WHERE q.seqrelid = s.tableoid)"
					  "  FROM @ledger_entry_id_seq s",
					  0, NULL, NULL, NULL, 1);
	last = DatumGetInt64(program_get(0, 1, INT8OID));
	cache = DatumGetInt64(program_get(0, 2, INT8OID));
	SPI_freetuptable(SPI_tuptable);
	if (cache != 1)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("sequence \"ledger_entry_id_seq\" of program \"%s\" caches ids", program->name),
				 errdetail("A session may then use an id that is lower than those of others that are committed."),
				 errhint("ALTER SEQUENCE %s.ledger_entry_id_seq CACHE 1, and let other sessions connect anew.", program->schema)));
	return last;
}

/*
 * Vacuum and the building of an index hold a lock that is listed with those of
 * writers, and write nothing; the latter would even wait for us.  A prepared
 * transaction goes by the process that prepared it, which does something else
 * by now.
 */
static bool
is_maintenance(VirtualTransactionId vxid)
{
	PGPROC	   *proc = VirtualTransactionIdIsRecoveredPreparedXact(vxid) ? NULL : vxid_proc(vxid);

	return proc != NULL && proc_lxid(proc) == vxid.localTransactionId &&
		(proc->statusFlags & (PROC_IS_AUTOVACUUM | PROC_IN_VACUUM | PROC_IN_SAFE_IC)) != 0;
}

/*
 * Wait for everybody who holds the lock for writing a table, and not for those
 * who take it later.  lock_timeout holds for each of them.
 */
void
program_wait_for_writers(Program *program, ProgramTable table)
{
	LOCKTAG		tag;
	VirtualTransactionId *holders;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, program->tables[table]);
	holders = GetLockConflicts(&tag, ShareLock, NULL);
	for (; VirtualTransactionIdIsValid(*holders); holders++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_maintenance(*holders))
			(void) VirtualXactLock(*holders, true);
	}
}

/*
 * An id up to which every entry is committed and can be seen by the next
 * snapshot, or never will be.  To be called as the program's owner.
 */
int64
program_cut(Program *program)
{
	int64		cut = last_entry_id(program);

	program_wait_for_writers(program, PROGRAM_LEDGER);
	return cut;
}
