/*
 * rollup_query.h
 *	  The query whose rows are rolled up.
 */
#ifndef DISTRIBUTOR_ROLLUP_QUERY_H
#define DISTRIBUTOR_ROLLUP_QUERY_H

#include "compat.h"

#include "nodes/params.h"
#include "nodes/plannodes.h"

#include "rollup.h"

/* A query that has been found fit: (path, volume ...), at most so many. */
typedef struct RollupQuery
{
	const char *text;
	ParamListInfo params;
	PlannedStmt *plan;			/* rows come in the order of their paths */
	int			ncolumns;		/* of volumes */
} RollupQuery;

extern void rollup_query_prepare(RollupQuery *query, const char *text,
								 ParamListInfo params, Oid path_type);
extern void rollup_query_run(const RollupQuery *query, Rollup *rollup);

#endif							/* DISTRIBUTOR_ROLLUP_QUERY_H */
