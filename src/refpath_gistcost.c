/*
 * refpath_gistcost.c
 *	  What a scan of a GiST index on refpath costs.
 *
 * The server's figure for GiST takes the matches to stand side by side and
 * charges nothing but them.  For refpath that is off in three ways, which made
 * the planner take GiST where a B-tree on the same column is faster:
 *
 * - A search tests every entry of the pages that it reads, by a function call.
 * - What lies above a path is on as many pages as there are such paths, as the
 *	 server does charge it for a B-tree, where it is a list of as many probes.
 * - Whether a path runs through a member is asked of all entries.
 *
 * An access method has one cost function for all operator classes, but plugins
 * may editorialize on what the planner knows of an index, and its cost function
 * is part of that.  The planner asks the operators' support function to
 * simplify the query before it looks at the first table, so that this library
 * is there in time in every session.
 *
 * Only costs are touched: which rows an index finds, and how many the planner
 * expects, does not depend on anything here.
 */
#include "postgres.h"

#include "access/gist.h"
#include "catalog/pg_am.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "utils/index_selfuncs.h"
#include "utils/lsyscache.h"
#include "utils/spccache.h"

#include "refpath_gistcost.h"
#include "refpath_selfuncs.h"

/*
 * A test of an entry, in operators.  Measured on a million members in memory:
 * counting a team takes half as long again as by B-tree, and a page of a search
 * for uplines twice as long as a probe of one.
 */
#define TEST_OPERATORS			4.0

/* What the server takes a list to have that it cannot see: estimate_array_length(). */
#define UNSEEN_LIST_LENGTH		10.0

extern PGDLLEXPORT Datum refpath_gist_consistent(PG_FUNCTION_ARGS);

static get_relation_info_hook_type next_relation_info_hook = NULL;

/* Is the first column of the index of our GiST operator class? */
static bool
leads_with_refpath(const IndexOptInfo *index)
{
	Oid			consistent;
	FmgrInfo	flinfo;

	if (index->relam != GIST_AM_OID || index->nkeycolumns < 1)
		return false;
	consistent = get_opfamily_proc(index->opfamily[0], index->opcintype[0],
								   index->opcintype[0], GIST_CONSISTENT_PROC);
	if (!OidIsValid(consistent))
		return false;
	fmgr_info(consistent, &flinfo);
	return flinfo.fn_addr == refpath_gist_consistent;
}

/* Paths above a path: as many probes as a B-tree would be charged for. */
static double
count_above(PlannerInfo *root, const IndexOptInfo *index, Oid funcid, Node *path, bool strict)
{
	if (!IsA(path, Const) || ((Const *) path)->consttype != index->opcintype[0])
		return UNSEEN_LIST_LENGTH;
	return refpath_expected_depth(root, funcid, path) + (strict ? 0 : 1);
}

/*
 * Leaf pages that a condition on the first column makes a search read; 0 where
 * the matches do stand side by side.
 */
static double
scattered_pages(PlannerInfo *root, const IndexOptInfo *index, const RestrictInfo *condition)
{
	OpExpr	   *clause = (OpExpr *) condition->clause;
	Oid			funcid;
	RefPathTest test;

	if (!is_opclause(clause) || list_length(clause->args) != 2)
		return 0;
	funcid = get_opcode(clause->opno);
	if (!refpath_test_of(funcid, &test))
		return 0;
	if (test.by_id)
		return index->pages;
	if (test.upper == 0)
		return count_above(root, index, funcid, (Node *) lsecond(clause->args), test.strict);
	return 0;
}

/*
 * Leaf pages of one scan, given those for matches that stand side by side.  Of
 * several conditions, the one that leaves the fewest.
 */
static double
leaf_pages(PlannerInfo *root, const IndexPath *path, double side_by_side)
{
	double		fewest = 0;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, path->indexclauses)
	{
		IndexClause *iclause = lfirst_node(IndexClause, lc);

		if (iclause->indexcol != 0)
			continue;
		foreach(lc2, iclause->indexquals)
		{
			double		pages = scattered_pages(root, path->indexinfo,
												lfirst_node(RestrictInfo, lc2));

			if (pages == 0)
				return side_by_side;
			if (fewest == 0 || pages < fewest)
				fewest = pages;
		}
	}
	return Min(Max(fewest, side_by_side), Max(path->indexinfo->pages, 1));
}

/* Reading so many pages, when the scan is made again and again. */
static Cost
cost_of_pages(PlannerInfo *root, const IndexOptInfo *index, double pages, double loops)
{
	double		random_page_cost;

	get_tablespace_page_costs(index->reltablespace, &random_page_cost, NULL);
	if (pages * loops > 1)
		pages = index_pages_fetched(pages * loops, index->pages,
									(double) index->pages, root) / loops;
	return pages * random_page_cost;
}

static void
refpath_gist_costestimate(PlannerInfo *root, IndexPath *path, double loop_count,
						  Cost *startup, Cost *total, Selectivity *selectivity,
						  double *correlation, double *pages)
{
	const IndexOptInfo *index = path->indexinfo;
	double		leaves;

	gistcostestimate(root, path, loop_count, startup, total, selectivity,
					 correlation, pages);
	if (path->indexclauses == NIL)
		return;

	leaves = leaf_pages(root, path, *pages);
	if (leaves > *pages)
		*total += cost_of_pages(root, index, leaves, loop_count) -
			cost_of_pages(root, index, *pages, loop_count);
	*total += leaves * (index->tuples / Max(index->pages, 1)) *
		TEST_OPERATORS * cpu_operator_cost;
	*pages = leaves;
}

static void
set_cost_functions(PlannerInfo *root, Oid relationObjectId, bool inhparent, RelOptInfo *rel)
{
	ListCell   *lc;

	if (next_relation_info_hook)
		next_relation_info_hook(root, relationObjectId, inhparent, rel);
	foreach(lc, rel->indexlist)
	{
		IndexOptInfo *index = lfirst_node(IndexOptInfo, lc);

		if (leads_with_refpath(index))
			index->amcostestimate = refpath_gist_costestimate;
	}
}

void
refpath_gistcost_init(void)
{
	next_relation_info_hook = get_relation_info_hook;
	get_relation_info_hook = set_cost_functions;
}
