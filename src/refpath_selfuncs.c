/*
 * refpath_selfuncs.c
 *	  How many rows stand above or below a path: estimators of refpath's
 *	  operators, from the statistics of the column.
 *
 * Two counts hold all of this together.  A path has as many paths at or above
 * it as it has members.  And since each pair of a member and one above it is
 * counted once from either end, the average team has as many members, itself
 * included, as the average path.  So where the path asked about is not known,
 * both "path @> $1" and "path <@ $1" are expected to find
 *
 *		average depth / number of different paths
 *
 * of the rows ("typical" below).  The average depth is that of the values in
 * the column's statistics.
 *
 * A team whose base is known is a range in pre-order, in which the bounds of
 * the histogram are counted.  One that holds no bound is less than a bucket,
 * and is taken for a typical one, of half a bucket at most.  That is the floor:
 * teams beyond two buckets are estimated well, those below may be anything up
 * to one bucket.
 *
 * Nothing here trusts that an operator's function, an argument or a statistic
 * is what its place says: what is not recognized gets a default.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

#include "refpath_selfuncs.h"

/* Where there is not even a column to look at; contsel's figure. */
#define DEFAULT_TEST_SEL		0.001

PG_FUNCTION_INFO_V1(refpath_containsel);
PG_FUNCTION_INFO_V1(refpath_containjoinsel);
PG_FUNCTION_INFO_V1(refpath_ltsel);

extern PGDLLEXPORT Datum refpath_op_contains(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum refpath_op_contained(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum refpath_op_above(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum refpath_op_below(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum refpath_op_through(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum refpath_op_on_path(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum refpath_op_lt(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum refpath_fn_path_upper(PG_FUNCTION_ARGS);

/*
 * Statistics of a column.  The slots are empty where there are none, or where
 * they are not of paths.  Fractions are of all rows.
 */
typedef struct PathStats
{
	double		nonnull;		/* fraction that is not null */
	double		ndistinct;		/* different values, at least 1 */
	double		depth;			/* average members of a path */
	double		common_sum;		/* fraction that the common values make up */
	AttStatsSlot common;		/* most common values, with their fractions */
	AttStatsSlot bounds;		/* histogram of the other values, in pre-order */
} PathStats;

/* ---- which test ---- */

static PGFunction
function_address(Oid funcid)
{
	FmgrInfo	flinfo;

	if (!OidIsValid(funcid))
		return NULL;
	fmgr_info(funcid, &flinfo);
	return flinfo.fn_addr;
}

bool
refpath_test_of(Oid funcid, RefPathTest *test)
{
	static const struct
	{
		PGFunction	function;
		RefPathTest test;
	}			tests[] =
	{
		{refpath_op_contains, {0, false, false}},
		{refpath_op_contained, {1, false, false}},
		{refpath_op_above, {0, true, false}},
		{refpath_op_below, {1, true, false}},
		{refpath_op_on_path, {0, false, true}},
		{refpath_op_through, {1, false, true}},
	};
	PGFunction	function = function_address(funcid);

	for (int i = 0; i < (int) lengthof(tests); i++)
		if (function == tests[i].function)
		{
			*test = tests[i].test;
			return true;
		}
	return false;
}

/* ---- statistics ---- */

static RefPathBytes
slot_path(const AttStatsSlot *slot, int i)
{
	return refpath_bytes(DatumGetRefPathPP(slot->values[i]));
}

/*
 * Number of members; -1 for what is no path.  Unlike the codec, never raises
 * an error: a column may hold upper bounds, and planning has to go on.
 */
static int
count_members(RefPathBytes path)
{
	int			n = 0;

	for (Size at = 0; at < path.len; n++)
	{
		if (path.data[at] == REFPATH_UPPER_BYTE)
			return -1;
		at += refpath_code_length(path.data[at]);
		if (at > path.len)
			return -1;
	}
	return n;
}

static double
count_distinct(VariableStatData *column)
{
	bool		isdefault;
	double		ndistinct = get_variable_numdistinct(column, &isdefault);

	if (isdefault && column->rel != NULL)
		ndistinct = Max(ndistinct, column->rel->tuples);
	return Max(ndistinct, 1.0);
}

/* Average depth of the values that the statistics show. */
static double
average_depth(const PathStats *stats)
{
	double		members = 0;
	double		weights = 0;

	for (int i = 0; i < stats->common.nvalues; i++)
	{
		int			n = count_members(slot_path(&stats->common, i));

		if (n < 0)
			continue;
		members += n * stats->common.numbers[i];
		weights += stats->common.numbers[i];
	}
	for (int i = 0; i < stats->bounds.nvalues; i++)
	{
		int			n = count_members(slot_path(&stats->bounds, i));
		double		weight = (stats->nonnull - stats->common_sum) / stats->bounds.nvalues;

		if (n < 0 || weight <= 0)
			continue;
		members += n * weight;
		weights += weight;
	}
	return weights > 0 ? members / weights : REFPATH_DEFAULT_DEPTH;
}

static void
load_slot(AttStatsSlot *slot, HeapTuple tuple, int kind, int flags, Oid type)
{
	if (get_attstatsslot(slot, tuple, kind, InvalidOid, flags) &&
		getBaseType(slot->valuetype) != type)
	{
		free_attstatsslot(slot);
		memset(slot, 0, sizeof(*slot));
	}
}

/*
 * Statistics of a column as paths of this type; 'funcid' is the function that
 * is estimated, whose right to see values of the column is asked for.
 */
static void
load_stats(PathStats *stats, VariableStatData *column, Oid funcid, Oid type)
{
	memset(stats, 0, sizeof(*stats));
	stats->nonnull = 1.0;
	stats->depth = REFPATH_DEFAULT_DEPTH;
	stats->ndistinct = count_distinct(column);
	if (!HeapTupleIsValid(column->statsTuple))
		return;

	stats->nonnull -= ((Form_pg_statistic) GETSTRUCT(column->statsTuple))->stanullfrac;
	if (!statistic_proc_security_check(column, funcid))
		return;

	load_slot(&stats->common, column->statsTuple, STATISTIC_KIND_MCV,
			  ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS, type);
	if (stats->common.nvalues != stats->common.nnumbers)
		stats->common.nvalues = 0;
	for (int i = 0; i < stats->common.nvalues; i++)
		stats->common_sum += stats->common.numbers[i];

	load_slot(&stats->bounds, column->statsTuple, STATISTIC_KIND_HISTOGRAM,
			  ATTSTATSSLOT_VALUES, type);
	if (stats->bounds.nvalues > 0 &&
		function_address(get_opcode(stats->bounds.staop)) != refpath_op_lt)
		stats->bounds.nvalues = 0;
	stats->depth = average_depth(stats);
}

static void
free_stats(PathStats *stats)
{
	free_attstatsslot(&stats->common);
	free_attstatsslot(&stats->bounds);
}

static double
clamp_fraction(double fraction)
{
	return Min(Max(fraction, 0.0), 1.0);
}

/* Fraction that the histogram stands for. */
static double
uncommon(const PathStats *stats)
{
	return clamp_fraction(stats->nonnull - stats->common_sum);
}

/* ---- fractions ---- */

/* Fraction of the rows that are above an unknown path, or in its team. */
static double
typical_fraction(const PathStats *stats, bool strict)
{
	double		depth = stats->depth - (strict ? 1 : 0);

	return stats->nonnull * Min(Max(depth, 0.5) / stats->ndistinct, 1.0);
}

/* The same where it is known to be less than a bucket of the histogram. */
static double
small_fraction(const PathStats *stats, bool strict)
{
	double		limit = uncommon(stats);

	if (stats->bounds.nvalues > 1)
		limit *= 0.5 / (stats->bounds.nvalues - 1);
	return Min(typical_fraction(stats, strict), limit);
}

/* Where does a path stand: before the team (-1), in it (0), after it (1)? */
static int
side_of_team(RefPathBytes path, RefPathBytes base, bool strict)
{
	if (refpath_bytes_contains(base, path))
		return strict && path.len == base.len ? -1 : 0;
	return refpath_bytes_cmp(path, base) < 0 ? -1 : 1;
}

/* The first bound in the team (side 0) or behind it (side 1). */
static int
find_bound(const AttStatsSlot *bounds, RefPathBytes base, bool strict, int side)
{
	int			low = 0;
	int			high = bounds->nvalues;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (side_of_team(slot_path(bounds, middle), base, strict) < side)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Buckets of the histogram that a team takes up; 0 if it is less than one, as
 * far as can be seen.  From one bound to the next it is a bucket, and half of
 * one on either side, unless the team begins with its first bound: then that
 * is the base itself, which is there by chance and says nothing of its size.
 */
static double
count_buckets(const AttStatsSlot *bounds, RefPathBytes base, bool strict)
{
	int			first = find_bound(bounds, base, strict, 0);
	int			end = find_bound(bounds, base, strict, 1);
	bool		begins = first == 0;
	double		buckets = end - first - 1;

	if (end == first || bounds->nvalues < 2)
		return 0;
	if (slot_path(bounds, first).len == base.len)
	{
		if (buckets == 0)
			return 0;
		begins = true;
	}
	return buckets + (begins ? 0 : 0.5) + (end < bounds->nvalues ? 0.5 : 0);
}

/* Fraction of the rows in the team of a known path. */
static double
team_fraction(const PathStats *stats, RefPathBytes base, bool strict)
{
	double		buckets = count_buckets(&stats->bounds, base, strict);
	double		fraction = 0;

	for (int i = 0; i < stats->common.nvalues; i++)
		if (side_of_team(slot_path(&stats->common, i), base, strict) == 0)
			fraction += stats->common.numbers[i];

	if (buckets > 0)
		fraction += uncommon(stats) * buckets / (stats->bounds.nvalues - 1);
	else
		fraction += small_fraction(stats, strict);
	return clamp_fraction(fraction);
}

/*
 * Fraction of the rows above a known path: each prefix is equally likely to be
 * there, unless it is among the common values.
 */
static double
above_fraction(const PathStats *stats, RefPathBytes path, bool strict)
{
	double		sought = count_members(path) - (strict ? 1 : 0);
	double		others = stats->ndistinct - stats->common.nvalues;
	double		fraction = 0;

	for (int i = 0; i < stats->common.nvalues; i++)
	{
		RefPathBytes value = slot_path(&stats->common, i);

		if (refpath_bytes_contains(value, path) && !(strict && value.len == path.len))
		{
			fraction += stats->common.numbers[i];
			sought--;
		}
	}
	if (sought > 0 && others >= 1)
		fraction += uncommon(stats) * Min(sought / others, 1.0);
	return clamp_fraction(fraction);
}

static bool
runs_through(RefPathBytes path, int64 id)
{
	return count_members(path) > 0 && refpath_level_of(path, id) >= 0;
}

/* Fraction of the rows whose path runs through a known member. */
static double
through_fraction(const PathStats *stats, int64 id)
{
	double		fraction = 0;
	int			hits = 0;

	for (int i = 0; i < stats->common.nvalues; i++)
		if (runs_through(slot_path(&stats->common, i), id))
			fraction += stats->common.numbers[i];
	for (int i = 0; i < stats->bounds.nvalues; i++)
		hits += runs_through(slot_path(&stats->bounds, i), id);

	if (hits > 0)
		fraction += uncommon(stats) * hits / stats->bounds.nvalues;
	else
		fraction += small_fraction(stats, false);
	return clamp_fraction(fraction);
}

/* ---- restrictions ---- */

/* Fraction that passes a test against a constant, if it is of the right type. */
static double
fraction_for(const PathStats *stats, const RefPathTest *test, bool column_above,
			 const Const *value, Oid type)
{
	bool		by_id = test->by_id && !column_above;

	if (value->consttype != (by_id ? INT8OID : type))
		return typical_fraction(stats, test->strict);
	if (by_id)
		return through_fraction(stats, DatumGetInt64(value->constvalue));
	if (column_above)
		return above_fraction(stats, refpath_bytes(DatumGetRefPathPP(value->constvalue)),
							  test->strict);
	return team_fraction(stats, refpath_bytes(DatumGetRefPathPP(value->constvalue)),
						 test->strict);
}

Selectivity
refpath_restriction(PlannerInfo *root, Oid funcid, const RefPathTest *test,
					List *args, int varRelid)
{
	VariableStatData column;
	PathStats	stats;
	Node	   *other;
	bool		column_first;
	Oid			type;
	double		result;

	if (list_length(args) != 2 ||
		!get_restriction_variable(root, args, varRelid, &column, &other, &column_first))
		return DEFAULT_TEST_SEL;
	if (IsA(other, Const) && ((Const *) other)->constisnull)
	{
		ReleaseVariableStats(column);
		return 0.0;
	}

	type = exprType((Node *) list_nth(args, 1 - test->upper));
	load_stats(&stats, &column, funcid, type);
	if (IsA(other, Const))
		result = fraction_for(&stats, test, column_first == (test->upper == 0),
							  (Const *) other, type);
	else
		result = typical_fraction(&stats, test->strict);

	free_stats(&stats);
	ReleaseVariableStats(column);
	return clamp_fraction(result);
}

Datum
refpath_containsel(PG_FUNCTION_ARGS)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			funcid = get_opcode(PG_GETARG_OID(1));
	RefPathTest test;

	if (!refpath_test_of(funcid, &test))
		PG_RETURN_FLOAT8(DEFAULT_TEST_SEL);
	PG_RETURN_FLOAT8(refpath_restriction(root, funcid, &test,
										 (List *) PG_GETARG_POINTER(2),
										 PG_GETARG_INT32(3)));
}

/* ---- joins ---- */

/*
 * Average over the values that the statistics of 'upper' show, of how much of
 * 'lower' is in their teams.  The first bound is the least path of all, which
 * is no fair sample: it is a root, often of the largest tree.  It counts only
 * where the bounds are all there is.
 */
static double
sampled_fraction(const PathStats *upper, const PathStats *lower, bool strict)
{
	const AttStatsSlot *bounds = &upper->bounds;
	int			first = upper->ndistinct > bounds->nvalues + upper->common.nvalues ? 1 : 0;
	double		fraction = 0;

	for (int i = 0; i < upper->common.nvalues; i++)
		fraction += upper->common.numbers[i] *
			team_fraction(lower, slot_path(&upper->common, i), strict);
	for (int i = first; i < bounds->nvalues; i++)
		fraction += uncommon(upper) / (bounds->nvalues - first) *
			team_fraction(lower, slot_path(bounds, i), strict);
	return fraction;
}

/*
 * Of all pairs.  Each lower path has one upper one for each of its members, if
 * the upper column has them all; that is the most there can be, and where the
 * statistics of both columns show less, they are believed.
 */
static double
pair_fraction(const PathStats *upper, const PathStats *lower, const RefPathTest *test)
{
	double		depth = Max(lower->depth - (test->strict ? 1 : 0), 0.5);
	double		result = upper->nonnull * lower->nonnull *
		Min(depth / upper->ndistinct, 1.0);

	if (!test->by_id && upper->bounds.nvalues + upper->common.nvalues > 1 &&
		lower->bounds.nvalues + lower->common.nvalues > 1)
		result = Min(result, sampled_fraction(upper, lower, test->strict));
	return result;
}

Selectivity
refpath_join(PlannerInfo *root, Oid funcid, const RefPathTest *test, List *args,
			 JoinType jointype, SpecialJoinInfo *sjinfo)
{
	VariableStatData columns[2];
	VariableStatData *inner;
	PathStats	stats[2];
	bool		reversed;
	Oid			type;
	double		result;

	if (list_length(args) != 2 || sjinfo == NULL)
		return DEFAULT_TEST_SEL;
	get_join_variables(root, args, sjinfo, &columns[0], &columns[1], &reversed);
	type = exprType((Node *) list_nth(args, 1 - test->upper));
	for (int i = 0; i < 2; i++)
		load_stats(&stats[i], &columns[i], funcid, type);

	result = pair_fraction(&stats[test->upper], &stats[1 - test->upper], test);
	inner = &columns[reversed ? 0 : 1];
	/* what is asked of these is how many rows find a partner */
	if ((jointype == JOIN_SEMI || jointype == JOIN_ANTI) && inner->rel != NULL)
		result *= inner->rel->rows;

	for (int i = 0; i < 2; i++)
	{
		free_stats(&stats[i]);
		ReleaseVariableStats(columns[i]);
	}
	return clamp_fraction(result);
}

Datum
refpath_containjoinsel(PG_FUNCTION_ARGS)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			funcid = get_opcode(PG_GETARG_OID(1));
	RefPathTest test;

	if (!refpath_test_of(funcid, &test))
		PG_RETURN_FLOAT8(DEFAULT_TEST_SEL);
	PG_RETURN_FLOAT8(refpath_join(root, funcid, &test,
								  (List *) PG_GETARG_POINTER(2),
								  (JoinType) PG_GETARG_INT16(3),
								  (SpecialJoinInfo *) PG_GETARG_POINTER(4)));
}

/* ---- the ranges that index conditions are made of ---- */

/*
 * A team by B-tree is "path >= X AND path < path_upper(X)".  The server would
 * take the difference of two positions in the histogram, which is nothing for
 * teams within a bucket, and 0.5 % where X is not known.  It does so only for
 * its own estimators.  So "<" has this one: against an upper bound, the team
 * as a fraction of what the other condition lets pass, which makes the product
 * of the two right.  Alone, without its other half, such a condition is seldom
 * written.
 */

/* Is the value the end of a team?  Then 'base' is the path whose team it is. */
static bool
is_end_of_team(RefPathBytes value, RefPathBytes *base)
{
	if (value.len == 0 || value.data[value.len - 1] != REFPATH_UPPER_BYTE)
		return false;
	*base = value;
	base->len--;
	return count_members(*base) >= 0;
}

/* Selectivity of "column operator value" as the server estimates it. */
static Selectivity
server_estimate(PlannerInfo *root, PGFunction estimator, Oid operator,
				List *args, int varRelid)
{
	return DatumGetFloat8(DirectFunctionCall4(estimator,
											  PointerGetDatum(root),
											  ObjectIdGetDatum(operator),
											  PointerGetDatum(args),
											  Int32GetDatum(varRelid)));
}

/* Fraction of the paths from 'base' on that are in its team. */
static Selectivity
end_of_known_team(PlannerInfo *root, Oid operator, VariableStatData *column,
				  RefPathBytes base, Oid type, int varRelid)
{
	Const	   *from = makeConst(type, -1, InvalidOid, -1,
								 PointerGetDatum(refpath_make(base.data, base.len)),
								 false, false);
	PathStats	stats;
	Selectivity team;
	Selectivity rest;

	load_stats(&stats, column, get_opcode(operator), type);
	team = team_fraction(&stats, base, false);
	free_stats(&stats);
	rest = server_estimate(root, scalargesel, get_negator(operator),
						   list_make2(column->var, from), varRelid);
	return team < rest ? team / rest : 1.0;
}

static Selectivity
end_of_unknown_team(Oid operator, VariableStatData *column, Oid type)
{
	PathStats	stats;
	Selectivity team;

	load_stats(&stats, column, get_opcode(operator), type);
	team = typical_fraction(&stats, false);
	free_stats(&stats);
	return Min(team / DEFAULT_INEQ_SEL, 1.0);
}

/*
 * The lower bound of the same column, among the conditions that stand beside
 * the one estimated.
 */
static RestrictInfo *
find_lower_bound(List *conditions, Oid operator, Node *column)
{
	Oid			at_least = get_negator(operator);
	Oid			above = get_commutator(operator);
	ListCell   *lc;

	foreach(lc, conditions)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		OpExpr	   *clause = (OpExpr *) rinfo->clause;

		if (is_opclause(clause) && list_length(clause->args) == 2 &&
			(clause->opno == at_least || clause->opno == above) &&
			(equal(linitial(clause->args), column) ||
			 equal(strip_implicit_coercions(linitial(clause->args)), column)))
			return rinfo;
	}
	return NULL;
}

/*
 * "path < B" for any B.  Beside a lower bound, what the server makes of such a
 * pair, as a fraction of what the lower bound lets pass.
 */
static Selectivity
end_of_range(PlannerInfo *root, Oid operator, List *args, int varRelid,
			 VariableStatData *column, bool known)
{
	Selectivity below = server_estimate(root, scalarltsel, operator, args, varRelid);
	RestrictInfo *partner = NULL;
	Selectivity from;
	Selectivity range;

	if (column->rel != NULL)
		partner = find_lower_bound(column->rel->baserestrictinfo, operator, column->var);
	if (column->rel != NULL && partner == NULL && !known)
		partner = find_lower_bound(column->rel->joininfo, operator, column->var);
	if (partner == NULL)
		return below;

	from = clause_selectivity(root, (Node *) partner, varRelid, JOIN_INNER, NULL);
	if (below == DEFAULT_INEQ_SEL || from == DEFAULT_INEQ_SEL)
		range = DEFAULT_RANGE_INEQ_SEL;
	else
	{
		range = below + from - 1.0 +
			nulltestsel(root, IS_NULL, column->var, varRelid, JOIN_INNER, NULL);
		if (range < -0.01)
			range = DEFAULT_RANGE_INEQ_SEL;
	}
	return from > 0 ? clamp_fraction(range / from) : 0.0;
}

/* Selectivity of "column < other". */
static Selectivity
upper_bound_selectivity(PlannerInfo *root, Oid operator, List *args, int varRelid,
						VariableStatData *column, Node *other)
{
	Oid			type = exprType((Node *) linitial(args));
	RefPathBytes base;

	if (IsA(other, Const))
	{
		Const	   *value = (Const *) other;

		if (!value->constisnull && value->consttype == type &&
			is_end_of_team(refpath_bytes(DatumGetRefPathPP(value->constvalue)), &base))
			return end_of_known_team(root, operator, column, base, type, varRelid);
	}
	else if (IsA(other, FuncExpr) &&
			 function_address(((FuncExpr *) other)->funcid) == refpath_fn_path_upper)
		return end_of_unknown_team(operator, column, type);
	return end_of_range(root, operator, args, varRelid, column, IsA(other, Const));
}

Datum
refpath_ltsel(PG_FUNCTION_ARGS)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			operator = PG_GETARG_OID(1);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	int			varRelid = PG_GETARG_INT32(3);
	VariableStatData column;
	Node	   *other;
	bool		column_first;
	Selectivity result;

	if (function_address(get_opcode(operator)) != refpath_op_lt ||
		!get_restriction_variable(root, args, varRelid, &column, &other, &column_first))
		PG_RETURN_FLOAT8(server_estimate(root, scalarltsel, operator, args, varRelid));

	if (column_first)
		result = upper_bound_selectivity(root, operator, args, varRelid, &column, other);
	else
		result = server_estimate(root, scalarltsel, operator, args, varRelid);
	ReleaseVariableStats(column);
	PG_RETURN_FLOAT8(clamp_fraction(result));
}

/* ---- how deep ---- */

/* Is there a relation that the column's statistics can be looked up by? */
static bool
is_column_of_query(PlannerInfo *root, Node *node)
{
	Var		   *var = (Var *) node;

	return root != NULL && IsA(node, Var) && var->varlevelsup == 0 &&
		var->varno > 0 && var->varno < root->simple_rel_array_size &&
		root->simple_rel_array[var->varno] != NULL;
}

/* Members that a path is expected to have: known, or the column's average. */
double
refpath_expected_depth(PlannerInfo *root, Oid funcid, Node *path)
{
	VariableStatData column;
	PathStats	stats;

	if (root != NULL)
		path = estimate_expression_value(root, path);
	if (IsA(path, Const))
	{
		if (((Const *) path)->constisnull)
			return 0;
		if (((Const *) path)->constlen != -1)
			return REFPATH_DEFAULT_DEPTH;
		return Max(count_members(refpath_bytes(DatumGetRefPathPP(((Const *) path)->constvalue))), 0);
	}
	if (!is_column_of_query(root, path))
		return REFPATH_DEFAULT_DEPTH;

	examine_variable(root, path, 0, &column);
	load_stats(&stats, &column, funcid, column.vartype);
	free_stats(&stats);
	ReleaseVariableStats(column);
	return stats.depth;
}
