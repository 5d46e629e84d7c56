/*
 * program_attach.h
 *	  What attaching tables has in common with catching up with them.
 */
#ifndef DISTRIBUTOR_PROGRAM_ATTACH_H
#define DISTRIBUTOR_PROGRAM_ATTACH_H

#include "program_source.h"

extern const char *const attach_kind_names[];

extern int attach_renew_triggers(const char *program, Oid relid, SourceKind kind, bool create);
extern List *attach_lock_out_writers(Oid relid);
extern void attach_lock_out_orders(OrderSource *source);
extern List *attach_our_triggers(const char *program, Oid relid, SourceKind kind);
extern void attach_run_ddl(const char *sql);
extern char *attach_arg_text(FunctionCallInfo fcinfo, int argno, const char *name, bool required);
extern void attach_check_isolation(const char *what);
extern int64 attach_catch_up_orders(Program *program, OrderSource *source);
extern int64 attach_catch_up_refunds(Program *program, RefundSource *source, bool check_deleted);
extern int64 attach_sync_members(Program *program, MemberSource *source);

#endif							/* DISTRIBUTOR_PROGRAM_ATTACH_H */
