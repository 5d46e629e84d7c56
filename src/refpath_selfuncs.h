/*
 * refpath_selfuncs.h
 *	  What the planner asks about refpath: which test a function makes, how many
 *	  rows pass it, how deep paths are.
 */
#ifndef DISTRIBUTOR_REFPATH_SELFUNCS_H
#define DISTRIBUTOR_REFPATH_SELFUNCS_H

#include "compat.h"

#include "nodes/pathnodes.h"
#include "utils/array.h"

#include "refpath.h"

/* Members in a path of which nothing is known. */
#define REFPATH_DEFAULT_DEPTH	10

/*
 * "Is one argument above the other?", whichever operator or function asks it.
 * The lower one, argument 1 - upper, is always a path.
 */
typedef struct RefPathTest
{
	int			upper;			/* which of the two arguments is above: 0 or 1 */
	bool		strict;			/* false: or equal */
	bool		by_id;			/* the upper one is a member id */
} RefPathTest;

/* refpath_selfuncs.c */
extern bool refpath_test_of(Oid funcid, RefPathTest *test);
extern Selectivity refpath_restriction(PlannerInfo *root, Oid funcid,
									   const RefPathTest *test, List *args,
									   int varRelid);
extern Selectivity refpath_join(PlannerInfo *root, Oid funcid,
								const RefPathTest *test, List *args,
								JoinType jointype, SpecialJoinInfo *sjinfo);
extern double refpath_expected_depth(PlannerInfo *root, Oid funcid, Node *path);

/* refpath_ancestors.c */
extern bool refpath_ancestors_fit(RefPathBytes path);
extern ArrayType *refpath_ancestors_array(RefPathBytes path, bool strict, Oid type);

#endif							/* DISTRIBUTOR_REFPATH_SELFUNCS_H */
