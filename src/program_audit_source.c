/*
 * program_audit_source.c
 *	  audit(): the user's tables against what was posted from them; and the
 *	  triggers, theirs and the program's own, that keep both together.
 *
 * Tables are read as whoever audits, who needs SELECT on them; to leave out a
 * table that cannot be read would call well what nobody has looked at.  While
 * the program is paused nothing is posted, so nothing is missed.
 */
#include "compat.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "parser/parse_func.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "program_audit.h"
#include "program_source.h"

/* Triggers */

#define ALL_EVENTS (TRIGGER_TYPE_INSERT | TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE | TRIGGER_TYPE_TRUNCATE)

static Oid
function_of_ours(const char *name)
{
	return LookupFuncName(list_make2(makeString("distributor"), makeString(pstrdup(name))), 0, NULL, false);
}

/*
 * The events at which a table calls a function, for each statement or for each
 * row; argument: what the call is to name, or NULL.  Guards of rows are made to
 * fire in a session of replication as well, which is not asked here: a restore
 * with --disable-triggers enables them for all other sessions only.
 */
static int
events_guarded(Relation rel, Oid function, const char *argument, bool for_row)
{
	int			events = 0;

	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		Trigger    *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgfoid != function || (TRIGGER_FOR_ROW(trigger->tgtype) != 0) != for_row)
			continue;
		if (argument != NULL && (trigger->tgnargs != 1 || strcmp(trigger->tgargs[0], argument) != 0))
			continue;
		if (trigger->tgenabled == TRIGGER_FIRES_ALWAYS || trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN)
			events |= trigger->tgtype & ALL_EVENTS;
	}
	return events;
}

static void
missing_events(Audit *audit, const char *invariant, const char *object, const char *function, int missing)
{
	static const struct
	{
		int			event;
		const char *name;
	}			events[] = {
		{TRIGGER_TYPE_INSERT, "INSERT"}, {TRIGGER_TYPE_UPDATE, "UPDATE"},
		{TRIGGER_TYPE_DELETE, "DELETE"}, {TRIGGER_TYPE_TRUNCATE, "TRUNCATE"}
	};
	StringInfoData names;

	if (missing == 0)
		return;
	initStringInfo(&names);
	for (int i = 0; i < (int) lengthof(events); i++)
		if (missing & events[i].event)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", events[i].name);
	audit_row(audit, invariant, object, psprintf("%s() on %s", function, names.data), NULL);
}

static char *
table_object(Oid relid)
{
	return psprintf("table %s.%s", get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

/* Tables whose rows are added and never changed. */
static bool
only_grows(ProgramTable table)
{
	switch (table)
	{
		case PROGRAM_MEMBER_HISTORY:
		case PROGRAM_PLAN:
		case PROGRAM_SALE:
		case PROGRAM_SALE_LINE:
		case PROGRAM_SALE_RELEASE:
		case PROGRAM_REFUND:
		case PROGRAM_REFUND_POSTING:
		case PROGRAM_REFUND_LINE:
		case PROGRAM_ADJUSTMENT:
		case PROGRAM_PAYOUT_TERMS:
		case PROGRAM_PAYOUT:
		case PROGRAM_PAYOUT_APPROVAL:
		case PROGRAM_PAYOUT_BATCH:
		case PROGRAM_PAYOUT_BATCH_ITEM:
		case PROGRAM_PAYOUT_SETTLEMENT:
		case PROGRAM_PAYOUT_FAILURE:
		case PROGRAM_CLOSED_PERIOD:
		case PROGRAM_LEDGER:
			return true;
		default:
			return false;
	}
}

static void
check_guards(Audit *audit, ProgramTable table, Oid relid, Oid guard)
{
	Relation	rel = table_open(relid, AccessShareLock);
	int			statement = ALL_EVENTS;
	int			row = 0;

	statement &= ~events_guarded(rel, guard, NULL, false);
	if (only_grows(table))
		row = (TRIGGER_TYPE_UPDATE | TRIGGER_TYPE_DELETE) & ~events_guarded(rel, guard, NULL, true);
	missing_events(audit, "guard", table_object(relid), "guard", statement | row);
	table_close(rel, NoLock);
}

void
audit_guards(Audit *audit)
{
	Oid			guard = function_of_ours("guard");

	for (int i = 0; i < PROGRAM_NTABLES; i++)
	{
		ListCell   *cell;

		foreach(cell, find_all_inheritors(audit->program->tables[i], AccessShareLock, NULL))
			check_guards(audit, i, lfirst_oid(cell), guard);
	}
}

/* A statement fires the triggers of the table that it names, so every partition has its own. */
static void
check_triggers(Audit *audit, Oid relid, const char *function)
{
	Oid			funcid = function_of_ours(function);
	ListCell   *cell;

	foreach(cell, find_all_inheritors(relid, AccessShareLock, NULL))
	{
		Relation	rel = table_open(lfirst_oid(cell), AccessShareLock);

		missing_events(audit, "trigger", table_object(lfirst_oid(cell)), function,
					   ALL_EVENTS & ~events_guarded(rel, funcid, audit->program->name, false));
		table_close(rel, NoLock);
	}
}

/* Orders */

/* The member of a sale, as the table of its order writes it. */
static const char *
member_column(Audit *audit)
{
	return audit->program->text_keys ? "s.member_key" : "s.member_id";
}

/*
 * One row for each order that is not what was posted: o is the order as its
 * table has it, s the last sale of that key.  An order before "since" of its
 * table has no sale, unless it was posted when the table was attached from an
 * earlier time on; and the key of an order in another table is another's.
 * Refunds and later sales are joined in full, which is never made row by row, however few
 * sales the planner takes there to be.
 */
static char *
orders_query(Audit *audit, OrderSource *source)
{
	Program    *program = audit->program;
	StringInfoData sql;
	char	   *table = quote_literal_cstr(get_rel_name(source->relid));

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT 'order'::text, format('order %%s of table %%s', coalesce(c.key, c.order_key), %s),"
					 "       c.difference[1], c.difference[2]"
					 "  FROM (SELECT o.key, s.order_key, CASE"
					 "          WHEN s.sale_id IS NULL AND o.paid THEN ARRAY[format('posted: %%s', o.amount), 'none']"
					 "          WHEN s.sale_id IS NULL OR s.is_other THEN NULL"
					 "          WHEN o.key IS NULL AND s.order_source_id = $2 THEN ARRAY['the order', 'none']"
					 "          WHEN o.key IS NULL OR s.posted_at < $3 THEN NULL"
					 "          WHEN o.refunded AND s.taken IS DISTINCT FROM s.amount"
					 "          THEN ARRAY[format('taken back: %%s', s.amount), coalesce(s.taken::text, 'none')]"
					 "          WHEN o.refunded THEN NULL"
					 "          WHEN NOT o.paid AND NOT o.early THEN ARRAY['not posted', format('posted: %%s', s.amount)]"
					 "          WHEN o.refunded_amount > coalesce(s.told, 0)"
					 "          THEN ARRAY[format('taken back: %%s', o.refunded_amount), coalesce(s.told::text, 'none')]"
					 "          WHEN o.amount IS DISTINCT FROM s.amount"
					 "          THEN ARRAY[format('amount %%s', o.amount), format('amount %%s', s.amount)]"
					 "          WHEN coalesce(o.currency, %s) IS DISTINCT FROM s.currency"
					 "          THEN ARRAY[format('currency %%s', o.currency), format('currency %%s', s.currency)]"
					 "          WHEN %s IS NOT NULL AND o.member IS DISTINCT FROM %s"
					 "          THEN ARRAY[format('member %%s', o.member), format('member %%s', %s)]"
					 "          WHEN o.occurred_at <> s.occurred_at"
					 "          THEN ARRAY[format('of %%s', o.occurred_at), format('of %%s', s.occurred_at)]"
					 "          WHEN o.attributes IS DISTINCT FROM s.attributes"
					 "          THEN ARRAY[format('attributes %%s', coalesce(o.attributes::text, 'none')),"
					 "                     format('attributes %%s', coalesce(s.attributes::text, 'none'))]"
					 "        END AS difference",
					 table, quote_literal_cstr(program->currency),
					 member_column(audit), member_column(audit), member_column(audit));
	appendStringInfo(&sql, " FROM %s o FULL JOIN ",
					 source_mapped_orders(program, source, source->relid,
										  psprintf("%s r", source_qualified_table(source->relid))));
	appendStringInfoString(&sql, program_sql(program,
											 "(SELECT s.*, t.taken, t.told,"
											 "        s.order_source_id IS NOT NULL AND " SALE_OF_OTHER_TABLE("$2") " AS is_other"
											 "   FROM (SELECT s.*, m.member_key, true AS is_there"
											 "           FROM @sale s"
											 "           LEFT JOIN @member m ON m.member_id = s.member_id) s"
											 "   FULL JOIN (SELECT n.replaces FROM @sale n WHERE n.replaces IS NOT NULL) n ON n.replaces = s.sale_id"
											 "   FULL JOIN (SELECT p.sale_id, sum(p.amount) AS taken,"
											 "                     sum(p.amount) FILTER (WHERE r.order_source_id IS NOT NULL AND r.amount IS NOT NULL) AS told"
											 "                FROM @refund_posting p JOIN @refund r ON r.refund_id = p.refund_id"
											 "               GROUP BY p.sale_id) t ON t.sale_id = s.sale_id"
											 "  WHERE coalesce(s.is_there, false) AND n.replaces IS NULL) s"
											 " ON s.order_key = o.key COLLATE \"C\") c"
											 " WHERE c.difference IS NOT NULL"));
	return sql.data;
}

static void
audit_orders(Audit *audit, OrderSource *source)
{
	Oid			types[] = {TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID};
	Datum		values[3];
	int			guc_level = NewGUCNestLevel();

	check_triggers(audit, source->relid, "orders_changed");
	if (source->lines != NULL)
		check_triggers(audit, source->lines->relid, "order_lines_changed");
	source_check_all_visible(source->relid);
	source_check_orders(audit->program, source);
	values[0] = TimestampTzGetDatum(source->since);
	values[1] = Int32GetDatum(source->id);
	values[2] = TimestampTzGetDatum(audit->since);
	/* a time among the attributes must look as it did when it was posted */
	if (source->nattributes > 0)
		program_pin_setting("timezone", "UTC");
	audit_query_text(audit, orders_query(audit, source), 3, types, values);
	AtEOXact_GUC(false, guc_level);
}

/* Refunds */

static char *
refunds_query(Audit *audit, RefundSource *source)
{
	Program    *program = audit->program;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT 'refund_source'::text, format('refund %%s of table %%s', coalesce(o.key, r.refund_key), %s),"
					 "       CASE WHEN r.refund_id IS NULL THEN 'recorded' WHEN o.key IS NULL THEN 'the refund'"
					 "            ELSE concat_ws(', ', format('%%s of order %%s', coalesce(o.amount::text, 'all'), o.order_key), 'line ' || o.line_key) END,"
					 "       CASE WHEN r.refund_id IS NULL OR o.key IS NULL THEN 'none'"
					 "            ELSE concat_ws(', ', format('%%s of order %%s', coalesce(r.amount::text, 'all'), r.order_key), 'line ' || r.line_key) END"
					 "  FROM (SELECT o.key, o.order_key, o.line_key, o.amount FROM ",
					 quote_literal_cstr(get_rel_name(source->relid)));
	appendStringInfoString(&sql, source_mapped_refunds(program, source, source->relid,
													   psprintf("%s r", source_qualified_table(source->relid))));
	appendStringInfoString(&sql, program_sql(program,
											 " o) o FULL JOIN @refund r ON r.refund_key = o.key COLLATE \"C\""
											 " WHERE r.refund_id IS NULL"
											 "    OR (o.key IS NULL AND r.refund_source_id = $1)"
											 "    OR (o.key IS NOT NULL AND r.recorded_at >= $2 AND"
											 "        (o.order_key <> r.order_key COLLATE \"C\" OR o.line_key IS DISTINCT FROM r.line_key COLLATE \"C\""
											 "         OR o.amount IS DISTINCT FROM r.amount))"));
	return sql.data;
}

static void
audit_refund_source(Audit *audit, RefundSource *source)
{
	Oid			types[] = {INT4OID, TIMESTAMPTZOID};
	Datum		values[2];

	check_triggers(audit, source->relid, "refunds_changed");
	source_check_all_visible(source->relid);
	source_check_refunds(source);
	values[0] = Int32GetDatum(source->id);
	values[1] = TimestampTzGetDatum(audit->since);
	audit_query_text(audit, refunds_query(audit, source), 2, types, values);
}

void
audit_sources(Audit *audit)
{
	Program    *program = audit->program;
	MemberSource *members;
	OrderSource **orders;
	RefundSource **refunds;
	int			n;

	if (program->paused)
		return;
	members = source_attached_members(program);
	if (members != NULL)
		check_triggers(audit, members->relid, "members_changed");
	orders = source_all_orders(program, &n);
	for (int i = 0; i < n; i++)
		audit_orders(audit, orders[i]);
	refunds = source_all_refunds(program, &n);
	for (int i = 0; i < n; i++)
		audit_refund_source(audit, refunds[i]);
}
