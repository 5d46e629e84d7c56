/*
 * rollup_query.c
 *	  The query whose rows are rolled up: checked, put in order, run.
 *
 * The text is the caller's and runs with the caller's rights, search_path and
 * snapshot, as COPY (query) TO does it.  It becomes a subquery by its parse
 * tree, not by its text: nothing in it, be it quotes, comments or semicolons,
 * can be read as more than the one SELECT that it must be.  Rows go from the
 * executor straight into the rollup.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_clause.h"
#include "parser/parse_oper.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "money.h"
#include "rollup_query.h"

/* ---- what may be asked ---- */

/* Positions of errors are in the query, not in the statement that called. */
static void
error_callback(void *arg)
{
	const char *text = (const char *) arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(text);
	}
	else
		errcontext("query of a rollup: \"%s\"", text);
}

static SelectStmt *
parse_select(const char *text)
{
	List	   *statements = pg_parse_query(text);
	RawStmt    *raw;

	if (list_length(statements) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query of a rollup must be one SELECT"),
				 errdetail("The text has %d statements.", list_length(statements))));
	raw = linitial_node(RawStmt, statements);
	if (!IsA(raw->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query of a rollup must be one SELECT"),
				 errdetail("The text is %s.", CreateCommandName(raw->stmt))));
	return (SelectStmt *) raw->stmt;
}

/* SELECT * FROM (the query) AS input */
static RawStmt *
wrap_select(SelectStmt *select)
{
	SelectStmt *outer = makeNode(SelectStmt);
	RangeSubselect *subselect = makeNode(RangeSubselect);
	ResTarget  *target = makeNode(ResTarget);
	ColumnRef  *star = makeNode(ColumnRef);
	RawStmt    *raw = makeNode(RawStmt);

	subselect->subquery = (Node *) select;
	subselect->alias = makeAlias("input", NIL);
	star->fields = list_make1(makeNode(A_Star));
	star->location = -1;
	target->val = (Node *) star;
	target->location = -1;
	outer->targetList = list_make1(target);
	outer->fromClause = list_make1(subselect);
	raw->stmt = (Node *) outer;
	return raw;
}

static void
check_path_column(const TargetEntry *column, Oid path_type)
{
	Oid			type = exprType((Node *) column->expr);

	if (getBaseType(type) != path_type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the first column of the query must be of type %s",
						format_type_be(path_type)),
				 errdetail("Column \"%s\" is of type %s.", column->resname, format_type_be(type)),
				 errhint("Select the path first, and cast it where it is none: path::refpath.")));
}

static void
check_volume_column(const TargetEntry *column)
{
	Oid			type = exprType((Node *) column->expr);

	switch (getBaseType(type))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("volumes must be integers or numeric"),
					 errdetail("Column \"%s\" is of type %s.", column->resname, format_type_be(type)),
					 errhint("Cast it to numeric in the query.")));
	}
}

/* Returns the number of volume columns. */
static int
check_columns(const List *columns, Oid path_type)
{
	int			ncolumns = list_length(columns) - 1;

	if (ncolumns < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("the query has no columns"),
				 errhint("Select the path first, then the volumes.")));
	if (ncolumns > ROLLUP_MAX_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many columns in the query of a rollup"),
				 errdetail("It has %d columns of volumes; %d are possible.",
						   ncolumns, ROLLUP_MAX_COLUMNS)));
	check_path_column(linitial(columns), path_type);
	for (int i = 1; i <= ncolumns; i++)
		check_volume_column(list_nth(columns, i));
	return ncolumns;
}

/* ORDER BY the first column: an index in that order saves the sort. */
static void
order_by_path(Query *query)
{
	TargetEntry *column = linitial(query->targetList);
	SortGroupClause *clause = makeNode(SortGroupClause);

	clause->tleSortGroupRef = assignSortGroupRef(column, query->targetList);
	get_sort_group_operators(exprType((Node *) column->expr), true, true, false,
							 &clause->sortop, &clause->eqop, NULL, &clause->hashable);
	query->sortClause = list_make1(clause);
}

static Query *
analyze(const char *text, ParamListInfo params)
{
	RawStmt    *raw = wrap_select(parse_select(text));
	Oid		   *types = NULL;
	int			ntypes = 0;
	List	   *queries;

	if (params != NULL)
	{
		ntypes = params->numParams;
		types = palloc(sizeof(Oid) * ntypes);
		for (int i = 0; i < ntypes; i++)
			types[i] = params->params[i].ptype;
	}
	queries = pg_analyze_and_rewrite_fixedparams(raw, text, types, ntypes, NULL);
	if (list_length(queries) != 1)
		elog(ERROR, "a SELECT was rewritten to %d queries", list_length(queries));
	return linitial_node(Query, queries);
}

/*
 * Checks the query and plans it.  What the result points to is allocated in
 * the current memory context.
 */
void
rollup_query_prepare(RollupQuery *query, const char *text, ParamListInfo params, Oid path_type)
{
	ErrorContextCallback callback;
	Query	   *tree;

	callback.callback = error_callback;
	callback.arg = (void *) text;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	tree = analyze(text, params);
	query->text = text;
	query->params = params;
	query->ncolumns = check_columns(tree->targetList, path_type);
	order_by_path(tree);
	query->plan = pg_plan_query(tree, text, CURSOR_OPT_PARALLEL_OK, params);
	if (!CommandIsReadOnly(query->plan))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the query of a rollup must not lock rows"),
				 errhint("Leave out FOR UPDATE or FOR SHARE.")));

	error_context_stack = callback.previous;
}

/* ---- rows ---- */

/* What the executor sends rows to. */
typedef struct RowReceiver
{
	DestReceiver pub;
	Rollup	   *rollup;
	MemoryContext context;		/* of one row, for what has to be detoasted */
	TupleDesc	columns;
	Oid		   *types;			/* of the volumes, domains looked through */
	MoneySum   *volumes;
} RowReceiver;

/* NaN > 0 and Infinity - Infinity: no sum with either means anything. */
pg_noreturn static void
not_finite(const RowReceiver *receiver, int column, RefPathBytes path, Numeric value)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("volumes must be finite"),
			 errdetail("Column \"%s\" is %s at path %s.",
					   NameStr(TupleDescAttr(receiver->columns, column)->attname),
					   money_to_string(value), refpath_to_cstring(path))));
}

static void
take_volume(const RowReceiver *receiver, int column, RefPathBytes path, Datum value)
{
	MoneySum   *volume = &receiver->volumes[column - 1];

	switch (receiver->types[column - 1])
	{
		case INT2OID:
			money_sum_of_int(volume, DatumGetInt16(value));
			break;
		case INT4OID:
			money_sum_of_int(volume, DatumGetInt32(value));
			break;
		case INT8OID:
			money_sum_of_int(volume, DatumGetInt64(value));
			break;
		default:
			{
				Numeric		number = (Numeric) PG_DETOAST_DATUM_PACKED(value);

				if (!money_sum_of_numeric(volume, number))
					not_finite(receiver, column, path, number);
			}
	}
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	RowReceiver *receiver = (RowReceiver *) self;
	int			ncolumns = rollup_options(receiver->rollup)->ncolumns;
	MemoryContext old;
	RefPathBytes path;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0])
		return true;

	old = MemoryContextSwitchTo(receiver->context);
	path = refpath_bytes(DatumGetRefPathPP(slot->tts_values[0]));
	if (path.len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the empty path is no member's"),
				 errhint("Leave it out, or make it null: rows without a path are not rolled up.")));
	for (int i = 1; i <= ncolumns; i++)
	{
		if (slot->tts_isnull[i])
			money_sum_of_int(&receiver->volumes[i - 1], 0);
		else
			take_volume(receiver, i, path, slot->tts_values[i]);
	}
	rollup_add(receiver->rollup, path, 1, receiver->volumes);
	MemoryContextSwitchTo(old);
	MemoryContextReset(receiver->context);
	return true;
}

static void
start_rows(DestReceiver *self, int operation, TupleDesc columns)
{
	RowReceiver *receiver = (RowReceiver *) self;
	int			ncolumns = rollup_options(receiver->rollup)->ncolumns;

	receiver->columns = columns;
	receiver->volumes = palloc0(sizeof(MoneySum) * Max(ncolumns, 1));
	receiver->types = palloc(sizeof(Oid) * Max(ncolumns, 1));
	for (int i = 0; i < ncolumns; i++)
		receiver->types[i] = getBaseType(TupleDescAttr(columns, i + 1)->atttypid);
	receiver->context = AllocSetContextCreate(CurrentMemoryContext, "rollup row",
											  ALLOCSET_SMALL_SIZES);
}

static void
end_rows(DestReceiver *self)
{
	MemoryContextDelete(((RowReceiver *) self)->context);
}

static void
destroy_receiver(DestReceiver *self)
{
	/* its memory is its context's */
}

/* Runs the query; its rows go into the rollup, which is not ended. */
void
rollup_query_run(const RollupQuery *query, Rollup *rollup)
{
	ErrorContextCallback callback;
	RowReceiver receiver = {.pub = {receive_row, start_rows, end_rows, destroy_receiver, DestNone}};
	QueryDesc  *desc;

	callback.callback = error_callback;
	callback.arg = (void *) query->text;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	receiver.rollup = rollup;
	desc = CreateQueryDesc(query->plan, query->text, GetActiveSnapshot(), InvalidSnapshot,
						   &receiver.pub, query->params, NULL, 0);
	ExecutorStart(desc, 0);
	executor_run_once(desc);
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);

	error_context_stack = callback.previous;
}
