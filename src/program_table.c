/*
 * program_table.c
 *	  What a session knows of a table: whether its rows can be found and
 *	  written without a query, and by which indexes.
 */
#include "compat.h"

#include "access/transam.h"
#include "catalog/index.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "rewrite/rewriteHandler.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "program_table_known.h"

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
	return Max(((Var *) test->arg)->varattno, InvalidAttrNumber);
}

/* Has the index only rows whose column, a text, differs from some word? */
static void
know_exceptions(KnownIndex *mine, List *predicate)
{
	OpExpr	   *differs;
	Var		   *column;
	Const	   *usual;

	if (list_length(predicate) != 1 || !IsA(linitial(predicate), OpExpr))
		return;
	differs = linitial(predicate);
	if (differs->opfuncid != F_TEXTNE || differs->inputcollid != C_COLLATION_OID ||
		!IsA(linitial(differs->args), Var) || !IsA(lsecond(differs->args), Const))
		return;
	column = linitial(differs->args);
	usual = lsecond(differs->args);
	if (column->varattno <= 0 || usual->constisnull)
		return;
	mine->other = column->varattno;
	mine->usual = TextDatumGetCString(usual->constvalue);
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
	if (mine->info->ii_Predicate != NIL && mine->not_null == InvalidAttrNumber && mine->other == InvalidAttrNumber)
		return;
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
	if (info->ii_Predicate != NIL)
		mine->not_null = column_not_null(info->ii_Predicate);
	mine->plain = info->ii_Expressions == NIL && info->ii_ExclusionOps == NULL && index->rd_index->indimmediate &&
		(info->ii_Predicate == NIL || mine->not_null != InvalidAttrNumber);
	know_exceptions(mine, info->ii_Predicate);
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

KnownTable *
table_known(Relation rel)
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
AttrNumber
table_find_column(TupleDesc desc, TableColumn column, int from)
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
