/*
 * plan_check.h
 *	  All that can be said about a plan document, and what differs between two.
 *
 * Layer 2: pure.
 */
#ifndef DISTRIBUTOR_PLAN_CHECK_H
#define DISTRIBUTOR_PLAN_CHECK_H

#include "compat.h"

#include "utils/jsonb.h"

/* Whoever has made so many mistakes begins with the first ones. */
#define PLAN_MAX_ISSUES		1000

typedef struct PlanIssue
{
	bool		is_error;		/* else a warning */
	char	   *path;
	char	   *message;
} PlanIssue;

/* In the order in which they were found, errors first. */
typedef struct PlanIssues
{
	int			n;
	int			max;
	PlanIssue  *issues;
} PlanIssues;

extern PlanIssues *plan_issues(text *document);

typedef struct PlanChange
{
	char	   *path;
	const char *change;			/* "added", "removed", "changed", "moved" */
	Jsonb	   *before;			/* NULL where added */
	Jsonb	   *after;			/* NULL where removed */
} PlanChange;

typedef struct PlanChanges
{
	int			n;
	int			max;
	PlanChange *changes;
} PlanChanges;

extern PlanChanges *plan_changes(Jsonb *before, Jsonb *after);

#endif							/* DISTRIBUTOR_PLAN_CHECK_H */
