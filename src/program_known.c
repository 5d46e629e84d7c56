/*
 * program_known.c
 *	  What is known of programs, for the session: their tables.
 *
 * Looking for each table and at each of its columns would take longer than
 * posting an order.  The server tells of every change of a table, also one
 * that another session makes, at the latest when we lock the table.
 */
#include "compat.h"

#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "program.h"

static HTAB *known_programs = NULL;

static void
forget(KnownProgram *known, uint64 tables)
{
	known->valid = false;
	known->shaped &= ~tables;
	known->free_of_code &= ~tables;
}

static void
table_changed(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	KnownProgram *known;

	hash_seq_init(&status, known_programs);
	while ((known = hash_seq_search(&status)) != NULL)
	{
		if (!OidIsValid(relid))
			forget(known, ~UINT64CONST(0));
		for (int i = 0; OidIsValid(relid) && i < PROGRAM_NTABLES; i++)
			if (known->tables[i] == relid)
				forget(known, PROGRAM_WRITES(i));
	}
}

/* A schema may have gone, and types and functions with the extension. */
static void
surroundings_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	table_changed(arg, InvalidOid);
}

/* The program whose tables are in this schema; not valid if it is new. */
KnownProgram *
known_program(Oid namespace)
{
	KnownProgram *known;
	bool		found;

	if (known_programs == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(Oid),.entrysize = sizeof(KnownProgram)};

		known_programs = hash_create("distributor programs", 16, &ctl, HASH_ELEM | HASH_BLOBS);
		CacheRegisterRelcacheCallback(table_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, surroundings_changed, (Datum) 0);
	}
	known = hash_search(known_programs, &namespace, HASH_ENTER, &found);
	if (!found)
		memset((char *) known + sizeof(Oid), 0, sizeof(KnownProgram) - sizeof(Oid));
	return known;
}
