/*
 * compat.h
 *	  What differs between the servers that distributor is built for (15 to 18).
 *
 * This is the only file that looks at PG_VERSION_NUM.  Everything else is
 * written for the newest spelling and finds it here for the older servers.
 */
#ifndef DISTRIBUTOR_COMPAT_H
#define DISTRIBUTOR_COMPAT_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/nodes.h"

#if PG_VERSION_NUM < 150000
#error "distributor needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#include "nodes/miscnodes.h"
#else

/* Soft errors came with PostgreSQL 16; before it every input error is raised. */
#define ereturn(escontext, dummy, ...) \
	do { \
		(void) (escontext); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy; \
	} while (0)
#define SOFT_ERROR_OCCURRED(escontext) (false)
#endif

/* Rights on any kind of object through one function came with 16. */
#if PG_VERSION_NUM < 160000
#define object_aclcheck(classid, objid, roleid, mode) \
	((void) StaticAssertExpr((classid) == NamespaceRelationId, "only schemas are checked so"), \
	 pg_namespace_aclcheck((objid), (roleid), (mode)))
#define object_ownercheck(classid, objid, roleid) \
	((void) StaticAssertExpr((classid) == RelationRelationId, "only tables are checked so"), \
	 pg_class_ownercheck((objid), (roleid)))
#endif

/* Since 18 a prefix; the spelling before it is gone there. */
#ifndef pg_noreturn
#define pg_noreturn pg_attribute_noreturn()
#endif

/*
 * json parser (common/jsonapi.h): its actions return a code since 16, and its
 * lexer can live on the caller's stack since 17.
 */
#if PG_VERSION_NUM >= 160000
#define JSON_ACTION_TYPE JsonParseErrorType
#define JSON_ACTION_RETURN() return JSON_SUCCESS
#else
#define JSON_ACTION_TYPE void
#define JSON_ACTION_RETURN() return
#endif

#if PG_VERSION_NUM >= 170000
#define json_lex_context(json) makeJsonLexContext(NULL, (json), true)
#else
#define json_lex_context(json) makeJsonLexContext((json), true)
#endif

/* A plan that is run to its end at once, so that it may be parallel. */
#if PG_VERSION_NUM >= 180000
#define executor_run_once(desc) ExecutorRun((desc), ForwardScanDirection, 0)
#else
#define executor_run_once(desc) ExecutorRun((desc), ForwardScanDirection, 0, true)
#endif

/* Scans of an index count what they do since 18; inserting into one ends since 17. */
#if PG_VERSION_NUM >= 180000
#define compat_index_beginscan(rel, index, snapshot, nkeys) index_beginscan((rel), (index), (snapshot), NULL, (nkeys), 0)
#else
#define compat_index_beginscan(rel, index, snapshot, nkeys) index_beginscan((rel), (index), (snapshot), (nkeys), 0)
#endif

#if PG_VERSION_NUM >= 170000
#define compat_index_insert_cleanup(index, info) index_insert_cleanup((index), (info))
#else
#define compat_index_insert_cleanup(index, info) ((void) (index), (void) (info))
#endif

/* The order of an index is told by a flag since 18, by an operator's strategy before. */
#if PG_VERSION_NUM >= 180000
#define compat_sort_as_index(index, descending, sort) PrepareSortSupportFromIndexRel((index), (descending), (sort))
#else
#define compat_sort_as_index(index, descending, sort) \
	PrepareSortSupportFromIndexRel((index), (descending) ? BTGreaterStrategyNumber : BTLessStrategyNumber, (sort))
#endif

/* The process of a virtual transaction, and which one it runs now (storage/proc.h). */
#if PG_VERSION_NUM >= 170000
#include "storage/procarray.h"
#define vxid_proc(vxid) ProcNumberGetProc((vxid).procNumber)
#define proc_lxid(proc) ((proc)->vxid.lxid)
#else
#include "storage/sinvaladt.h"
#define vxid_proc(vxid) BackendIdGetProc((vxid).backendId)
#define proc_lxid(proc) ((proc)->lxid)
#endif

#endif							/* DISTRIBUTOR_COMPAT_H */
