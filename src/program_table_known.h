/*
 * program_table_known.h
 *	  What a session knows of a table whose rows are found and written without
 *	  a query: for program_table*.c alone.
 */
#ifndef DISTRIBUTOR_PROGRAM_TABLE_KNOWN_H
#define DISTRIBUTOR_PROGRAM_TABLE_KNOWN_H

#include "access/stratnum.h"
#include "nodes/execnodes.h"

#include "program_table.h"

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
	bool		plain;			/* no expression, no exclusion, no predicate but not_null, checked at once */
	bool		descending;		/* its first column */
	AttrNumber	other;			/* only rows in which this column is not usual; 0: not such an index */
	char	   *usual;
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

/* Of a table that is open: made anew when it, or code that its rows run, has changed. */
extern KnownTable *table_known(Relation rel);

/* Looked for from this column on; InvalidAttrNumber: there is none of that name and type. */
extern AttrNumber table_find_column(TupleDesc desc, TableColumn column, int from);

#endif							/* DISTRIBUTOR_PROGRAM_TABLE_KNOWN_H */
