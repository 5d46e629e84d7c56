/*
 * program_catch_up.c
 *	  Catching up with attached tables: post_sales, pause and resume; and
 *	  dropping a program.
 */
#include "compat.h"

#include "catalog/pg_inherits.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "program_attach.h"

/* A partition that came after the table was attached has no triggers yet. */
static void
warn_of_new_partitions(const char *program, Oid relid, SourceKind kind)
{
	List	   *relids = get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE ?
		find_all_inheritors(relid, AccessShareLock, NULL) : NIL;
	ListCell   *cell;

	foreach(cell, relids)
	{
		if (attach_our_triggers(program, lfirst_oid(cell), kind) == NIL)
			ereport(WARNING,
					(errmsg("partition \"%s\" has no triggers of program \"%s\"",
							get_rel_name(lfirst_oid(cell)), program),
					 errdetail("Changes by statements that name the partition go unseen."),
					 errhint("Call attach_%s() again.", attach_kind_names[kind])));
	}
}

/* The tables that are to be caught up with: the one named, or all. */
typedef struct Sources
{
	int			norders;
	OrderSource **orders;
	int			nrefunds;
	RefundSource **refunds;
} Sources;

static void
only_source(Program *program, Oid relid, Sources *sources)
{
	OrderSource *orders = source_orders(program, relid);
	RefundSource *refunds = source_refunds(program, relid);

	if (orders == NULL && refunds == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"%s\" is not attached to program \"%s\"",
						get_rel_name(relid), program->name)));
	sources->norders = orders != NULL ? 1 : 0;
	sources->orders = palloc(sizeof(OrderSource *));
	sources->orders[0] = orders;
	sources->nrefunds = refunds != NULL ? 1 : 0;
	sources->refunds = palloc(sizeof(RefundSource *));
	sources->refunds[0] = refunds;
}

/* post_sales(program text, table regclass, since timestamptz) returns bigint */
PG_FUNCTION_INFO_V1(program_post_sales);
Datum
program_post_sales(PG_FUNCTION_ARGS)
{
	char	   *name = attach_arg_text(fcinfo, 0, "program", true);
	TimestampTz since = PG_ARGISNULL(2) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(2);
	Program    *program = program_open(name, false);
	Sources		sources;
	int64		posted = 0;

	program_check_right(program, PROGRAM_SALE, ACL_INSERT);
	if (PG_ARGISNULL(1))
	{
		sources.orders = source_all_orders(program, &sources.norders);
		sources.refunds = source_all_refunds(program, &sources.nrefunds);
	}
	else
		only_source(program, PG_GETARG_OID(1), &sources);
	if (sources.nrefunds > 0)
		program_check_right(program, PROGRAM_REFUND, ACL_INSERT);
	for (int i = 0; i < sources.norders; i++)
	{
		OrderSource *orders = sources.orders[i];

		source_check_all_visible(orders->relid);
		source_check_orders(program, orders);
		warn_of_new_partitions(name, orders->relid, SOURCE_OF_ORDERS);
		if (orders->lines != NULL)
			warn_of_new_partitions(name, orders->lines->relid, SOURCE_OF_LINES);
		posted += source_post_orders(program, orders, orders->relid, SOURCE_CATCH_UP, since);
	}
	for (int i = 0; i < sources.nrefunds; i++)
	{
		RefundSource *refunds = sources.refunds[i];

		source_check_all_visible(refunds->relid);
		source_check_refunds(refunds);
		warn_of_new_partitions(name, refunds->relid, SOURCE_OF_REFUNDS);
		(void) source_post_refunds(program, refunds, refunds->relid, SOURCE_CATCH_UP);
	}
	program_close(program);
	PG_RETURN_INT64(posted);
}

static void
set_paused(Program *program, void *arg)
{
	Oid			types[] = {BOOLOID};
	Datum		value = BoolGetDatum(*(bool *) arg);

	program_query(program,
				  "UPDATE @program p SET paused_at = CASE WHEN $1 THEN coalesce(p.paused_at, now()) END",
				  1, types, &value, NULL, 0);
}

PG_FUNCTION_INFO_V1(program_pause);
Datum
program_pause(PG_FUNCTION_ARGS)
{
	Program    *program = program_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	bool		paused = true;

	program_check_owner(program);
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_PROGRAM), set_paused, &paused);
	program_close(program);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(program_resume);
Datum
program_resume(PG_FUNCTION_ARGS)
{
	Program    *program = program_open(text_to_cstring(PG_GETARG_TEXT_PP(0)), false);
	bool		paused = false;
	MemberSource *members;
	OrderSource **orders;
	RefundSource **refunds;
	int			norders;
	int			nrefunds;
	int64		posted = 0;

	attach_check_isolation("resume()");
	program_check_owner(program);
	members = source_attached_members(program);
	orders = source_all_orders(program, &norders);
	refunds = source_all_refunds(program, &nrefunds);

	/* When those who write now go on, they see that the program works again. */
	if (members != NULL)
		(void) attach_lock_out_writers(members->relid);
	for (int i = 0; i < norders; i++)
		attach_lock_out_orders(orders[i]);
	for (int i = 0; i < nrefunds; i++)
		(void) attach_lock_out_writers(refunds[i]->relid);
	program_as_owner(program, PROGRAM_WRITES(PROGRAM_PROGRAM), set_paused, &paused);
	if (members != NULL)
	{
		source_check_all_visible(members->relid);
		source_check_members(program, members);
		(void) attach_sync_members(program, members);
		source_leave_deleted(program, members);
	}
	for (int i = 0; i < norders; i++)
		posted += attach_catch_up_orders(program, orders[i]);
	for (int i = 0; i < nrefunds; i++)
		(void) attach_catch_up_refunds(program, refunds[i], true);
	program_close(program);
	PG_RETURN_INT64(posted);
}

/* drop_program(program text) returns void */
PG_FUNCTION_INFO_V1(program_drop);
Datum
program_drop(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Program    *program = program_open(name, false);
	MemberSource *members;
	OrderSource **orders;
	RefundSource **refunds;
	int			norders;
	int			nrefunds;
	Oid			members_relid;
	Oid		   *orders_relids;
	Oid		   *lines_relids;
	Oid		   *refunds_relids;

	program_check_owner(program);
	members = source_attached_members(program);
	members_relid = members != NULL ? members->relid : InvalidOid;
	orders = source_all_orders(program, &norders);
	orders_relids = SPI_palloc(sizeof(Oid) * Max(norders, 1));
	lines_relids = SPI_palloc(sizeof(Oid) * Max(norders, 1));
	for (int i = 0; i < norders; i++)
	{
		orders_relids[i] = orders[i]->relid;
		lines_relids[i] = orders[i]->lines != NULL ? orders[i]->lines->relid : InvalidOid;
	}
	refunds = source_all_refunds(program, &nrefunds);
	refunds_relids = SPI_palloc(sizeof(Oid) * Max(nrefunds, 1));
	for (int i = 0; i < nrefunds; i++)
		refunds_relids[i] = refunds[i]->relid;
	program_close(program);		/* its tables must not be open when they go */

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (OidIsValid(members_relid))
		attach_renew_triggers(name, members_relid, SOURCE_OF_MEMBERS, false);
	for (int i = 0; i < norders; i++)
	{
		attach_renew_triggers(name, orders_relids[i], SOURCE_OF_ORDERS, false);
		if (OidIsValid(lines_relids[i]))
			attach_renew_triggers(name, lines_relids[i], SOURCE_OF_LINES, false);
	}
	for (int i = 0; i < nrefunds; i++)
		attach_renew_triggers(name, refunds_relids[i], SOURCE_OF_REFUNDS, false);
	attach_run_ddl(psprintf("DROP SCHEMA %s CASCADE", quote_identifier(name)));
	SPI_finish();
	PG_RETURN_VOID();
}
