/*
 * program_table.h
 *	  Rows of a table by key, and rows into a table, without a query.
 *
 * A query for one row costs more than the row.  So what a query would find out
 * each time is found out once and kept for the session, for as long as the
 * server tells of no change of the table.  Nothing here runs code that is not
 * the server's own or an index's: a table that asks for such (a check that
 * calls a function of its owner, a trigger, a generated column, partitions)
 * is left to queries, and so is every row that would fail, so that all errors
 * are those of a query.
 *
 * None of it knows what the tables are about.
 */
#ifndef DISTRIBUTOR_PROGRAM_TABLE_H
#define DISTRIBUTOR_PROGRAM_TABLE_H

#include "compat.h"

#include "access/genam.h"
#include "access/skey.h"
#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/snapshot.h"

/* A column that is found or written, by name. */
typedef struct TableColumn
{
	const char *name;
	Oid			type;
} TableColumn;

typedef enum TableMatch
{
	TABLE_EQUAL,
	TABLE_UP_TO,				/* not above the value; alone: the greatest first */
	TABLE_FROM,					/* not below it */
	TABLE_BELOW
} TableMatch;

/* A column beside a value. */
typedef struct TableCondition
{
	TableColumn column;
	TableMatch	match;
} TableCondition;

#define TABLE_MAX_CONDITIONS 4

/* Finding rows by conditions.  The slot holds the last one found. */
typedef struct TableLookup
{
	Relation	rel;			/* open, and stays open */
	Relation	index;
	IndexScanDesc scan;
	int			nkeys;
	ScanKeyData keys[TABLE_MAX_CONDITIONS]; /* in the order of the conditions */
	TupleTableSlot *slot;
	ScanDirection direction;
	AttrNumber	last;			/* column that was asked for */
	struct TableRowIds *ahead;	/* rows that the index was asked for in advance; NULL: none are */
} TableLookup;

/*
 * By one column; or by several, of which the first so many are all that an
 * index begins with: those that are to be equal, then at most one within
 * bounds.  False: no index finds just these rows, and a query must.
 */
extern bool table_lookup_begin(TableLookup *lookup, Relation rel, TableColumn column, TableMatch match,
							   Snapshot snapshot);
extern bool table_lookup_begin_all(TableLookup *lookup, Relation rel, const TableCondition *conditions, int n,
								   Snapshot snapshot);
extern bool table_lookup(TableLookup *lookup, Datum value);
extern bool table_lookup_all(TableLookup *lookup, const Datum *values);	/* one for each condition */
extern bool table_lookup_next(TableLookup *lookup);
extern void table_lookup_many(TableLookup *lookup); /* many rows are to be found */
extern void table_lookup_end(TableLookup *lookup);
extern AttrNumber table_column(TableLookup *lookup, TableColumn column);	/* for slot_getattr() of many rows */
extern Datum table_value(TableLookup *lookup, TableColumn column, bool *isnull);
extern bool table_has_rows(Relation rel, Snapshot snapshot);

/* Does it run no code but the server's own? */
extern bool table_expression_is_plain(Node *expression);

/* The version of a row: a row with the same one is the same, in all it holds. */
typedef struct TableVersion
{
	ItemPointerData tid;
	TransactionId xmin;
} TableVersion;

extern TableVersion table_version(TupleTableSlot *slot);
extern bool table_same_version(const TableVersion *a, const TableVersion *b);

/*
 * Rows to be written, by column.  Columns that are not among them get their
 * default.
 */
typedef struct TableRows
{
	int			ncolumns;
	const TableColumn *columns;
	int			n;
	Datum	  **values;			/* values[column][row] */
	bool	  **nulls;			/* the same; nulls[column] may be NULL: none */
} TableRows;

/*
 * Both return how many of the rows, from the first on, have been written; the
 * rest is for a query.
 */
extern int	table_insert(Relation rel, const TableRows *rows);
extern int	table_insert_new(Relation rel, const TableRows *rows, const char *const *key, int nkey);

#endif							/* DISTRIBUTOR_PROGRAM_TABLE_H */
