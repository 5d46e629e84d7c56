/*
 * source_known.c
 *	  A table of orders as it is registered, kept for the session, and reading
 *	  the rows that a statement inserted without a query.
 *
 * The registration is looked up at every statement; only where its row is the
 * one that was read before, the rest is as well.  Rows are read by the very
 * expressions of the query that maps the user's columns, and only where they
 * run no code but the server's own: whatever could see the difference is left
 * to the query.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_collate.h"
#include "parser/parse_node.h"
#include "parser/parse_param.h"
#include "parser/parse_relation.h"
#include "parser/parse_target.h"
#include "parser/parser.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "program_source.h"

struct OrderReader
{
	ExprContext *econtext;		/* lives as long as the expressions */
	ExprState  *columns[ORDER_COLUMNS];
};

typedef struct OrdersKey
{
	Oid			registry;		/* order_source of the program */
	Oid			relid;
} OrdersKey;

/* Invariant: where valid, the table is as it was when the entry was made. */
typedef struct OrdersEntry
{
	OrdersKey	key;
	bool		valid;
	TableVersion version;		/* of the registration */
	bool		text_keys;		/* of the program, as the expressions have it */
	char	   *time_zone;
	MemoryContext context;		/* of all pointers */
	KnownOrders known;
} OrdersEntry;

static HTAB *entries = NULL;

static void
table_changed(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	OrdersEntry *entry;

	hash_seq_init(&status, entries);
	while ((entry = hash_seq_search(&status)) != NULL)
		if (!OidIsValid(relid) || entry->key.relid == relid)
			entry->valid = false;
}

static void
code_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	table_changed(arg, InvalidOid);
}

static void
make_entries(void)
{
	HASHCTL		ctl = {.keysize = sizeof(OrdersKey),.entrysize = sizeof(OrdersEntry)};

	entries = hash_create("distributor orders", 16, &ctl, HASH_ELEM | HASH_BLOBS);
	CacheRegisterRelcacheCallback(table_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, code_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(TYPEOID, code_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(ENUMOID, code_changed, (Datum) 0);
}

/* Types whose values look the same to an expression as to a query, in any session. */
static bool
is_plain_type(Oid type)
{
	switch (type)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case UUIDOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case JSONBOID:
			return true;
		default:
			return type_is_enum(type);
	}
}

static bool
reads_other_types(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varattno <= 0 || !is_plain_type(((Var *) node)->vartype);
	return expression_tree_walker(node, reads_other_types, context);
}

static bool
has_virtual_columns(TupleDesc desc)
{
	for (int i = 0; i < desc->natts; i++)
	{
		char		generated = TupleDescAttr(desc, i)->attgenerated;

		if (generated != '\0' && generated != ATTRIBUTE_GENERATED_STORED)
			return true;
	}
	return false;
}

/* The expressions of the query, over the columns of rel. */
static List *
mapped_columns(Program *program, OrderSource *source, Relation rel)
{
	char	   *sql = source_mapped_orders(program, source, RelationGetRelid(rel), SOURCE_NEW_ROWS " r");
	List	   *statements = raw_parser(sql, RAW_PARSE_DEFAULT);
	SelectStmt *select = castNode(SelectStmt, linitial_node(RawStmt, statements)->stmt);
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *item;
	static const Oid types[] = {TIMESTAMPTZOID};
	List	   *columns;

	pstate->p_sourcetext = sql;
	setup_parse_fixed_parameters(pstate, types, lengthof(types));
	item = addRangeTableEntryForRelation(pstate, rel, AccessShareLock, makeAlias("r", NIL), false, true);
	addNSItemToQuery(pstate, item, true, true, true);
	columns = transformTargetList(pstate, select->targetList, EXPR_KIND_SELECT_TARGET);
	assign_list_collations(pstate, columns);
	free_parsestate(pstate);
	return columns;
}

/* NULL: it takes a query. */
static OrderReader *
make_reader(Program *program, OrderSource *source, Relation rel)
{
	OrderReader *reader = palloc0(sizeof(OrderReader));
	const Oid  *types = source_order_types(program);
	ParamListInfo params = makeParamList(1);
	List	   *columns;
	ListCell   *cell;
	int			n = 0;

	if (has_virtual_columns(RelationGetDescr(rel)))
		return NULL;
	columns = mapped_columns(program, source, rel);
	if (list_length(columns) != ORDER_COLUMNS || !table_expression_is_plain((Node *) columns) ||
		reads_other_types((Node *) columns, NULL))
		return NULL;
	params->params[0].value = TimestampTzGetDatum(source->since);
	params->params[0].isnull = false;
	params->params[0].pflags = PARAM_FLAG_CONST;
	params->params[0].ptype = TIMESTAMPTZOID;
	reader->econtext = CreateStandaloneExprContext();
	reader->econtext->ecxt_param_list_info = params;
	foreach(cell, columns)
	{
		Expr	   *expr = lfirst_node(TargetEntry, cell)->expr;

		if (exprType((Node *) expr) != types[n])
			return NULL;
		reader->columns[n++] = ExecInitExprWithParams(expression_planner(expr), params);
	}
	return reader;
}

/* Columns of a row, valid until the next one. */
void
order_reader_eval(OrderReader *reader, TupleTableSlot *slot, Datum *values, bool *nulls)
{
	ResetExprContext(reader->econtext);
	reader->econtext->ecxt_scantuple = slot;
	for (int c = 0; c < ORDER_COLUMNS; c++)
		values[c] = ExecEvalExprSwitchContext(reader->columns[c], reader->econtext, &nulls[c]);
}

/* Read anew what is registered; false: not in a way that can be kept. */
static bool
fill_entry(Program *program, Relation rel, OrdersEntry *entry)
{
	MemoryContext context;
	MemoryContext caller;
	OrderSource *source;

	/* somebody further up may be using it */
	if (entry->context != NULL)
		MemoryContextSetParent(entry->context, TopTransactionContext);
	entry->context = NULL;
	program_pin(program);
	context = AllocSetContextCreate(TopTransactionContext, "distributor order source", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	entry->valid = true;		/* a change that is told meanwhile takes it back */
	PG_TRY();
	{
		source = source_orders(program, RelationGetRelid(rel));
		if (source != NULL && source->lines == NULL && source->relid == RelationGetRelid(rel))
		{
			source_check_orders(program, source);
			entry->known.source = source;
			entry->known.reader = make_reader(program, source, rel);
			entry->text_keys = program->text_keys;
			entry->time_zone = pstrdup(program->time_zone);
		}
		else
			entry->valid = false;
	}
	PG_CATCH();
	{
		entry->valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(context, CacheMemoryContext);
	entry->context = context;
	return entry->valid;
}

/* Find the row by which the table is registered now. */
static bool
find_registration(Program *program, Oid relid, TableVersion *version)
{
	TableLookup lookup;
	bool		found = false;
	bool		isnull;

	PushActiveSnapshot(program_snapshot(program));
	if (!table_has_rows(program_table(program, PROGRAM_ORDER_LINE_SOURCE), GetActiveSnapshot()) &&
		table_lookup_begin(&lookup, program_table(program, PROGRAM_ORDER_SOURCE), (TableColumn) {"relid", REGCLASSOID},
						   TABLE_EQUAL, GetActiveSnapshot()))
	{
		if (table_lookup(&lookup, ObjectIdGetDatum(relid)))
		{
			(void) table_value(&lookup, (TableColumn) {"detached_at", TIMESTAMPTZOID}, &isnull);
			found = isnull;
			*version = table_version(lookup.slot);
		}
		table_lookup_end(&lookup);
	}
	PopActiveSnapshot();
	return found;
}

/*
 * How the table is registered, and checked.  False: it is not, or otherwise
 * than can be kept: as a partition, with lines, in an old snapshot.
 */
bool
source_known_orders(Program *program, Relation rel, KnownOrders *known)
{
	OrdersKey	key = {program->tables[PROGRAM_ORDER_SOURCE], RelationGetRelid(rel)};
	TableVersion version;
	OrdersEntry *entry;
	bool		found;

	if (IsolationUsesXactSnapshot() || !find_registration(program, key.relid, &version))
		return false;
	if (entries == NULL)
		make_entries();
	entry = hash_search(entries, &key, HASH_ENTER, &found);
	if (!found)
		memset((char *) entry + sizeof(OrdersKey), 0, sizeof(OrdersEntry) - sizeof(OrdersKey));
	if (!entry->valid || !table_same_version(&entry->version, &version) ||
		entry->text_keys != program->text_keys || strcmp(entry->time_zone, program->time_zone) != 0)
	{
		entry->version = version;
		if (!fill_entry(program, rel, entry))
			return false;
	}
	*known = entry->known;
	return true;
}
