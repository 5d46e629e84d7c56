/*
 * program_trigger.c
 *	  The triggers on the user's own tables: they take what a statement
 *	  changed and hand it to the program.
 *
 * Anybody may put these functions on a table of their own, so nothing is
 * believed but the registration: the table, by OID, must be attached to the
 * program that the trigger names, at every call.
 */
#include "compat.h"

#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "program_source.h"

/* A statement-level AFTER trigger with one argument, the program's name. */
static const char *
trigger_program(FunctionCallInfo fcinfo, const char *function)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by the trigger manager", function)));
	if (!TRIGGER_FIRED_AFTER(trigdata->tg_event) || !TRIGGER_FIRED_FOR_STATEMENT(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired AFTER, FOR EACH STATEMENT", function),
				 errhint("Triggers are made by distributor.attach_members(), attach_orders(), attach_order_lines() and attach_refunds().")));
	if (trigdata->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" takes one argument, the program, not %d",
						function, trigdata->tg_trigger->tgnargs)));
	if (!program_exists(trigdata->tg_trigger->tgargs[0]))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("program \"%s\" does not exist", trigdata->tg_trigger->tgargs[0]),
				 errdetail("Table \"%s\" still has its triggers.", RelationGetRelationName(trigdata->tg_relation)),
				 errhint("Drop them with distributor.detach_members(), detach_orders(), detach_order_lines() or detach_refunds().")));
	return trigdata->tg_trigger->tgargs[0];
}

static void
not_attached(Relation rel, const char *program, const char *attach)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("table \"%s\" is not attached to program \"%s\"",
					RelationGetRelationName(rel), program),
			 errdetail("The table has a trigger of distributor, but the program does not know the table; a table that is dropped and made again is another one."),
			 errhint("Attach it with distributor.%s(), or drop the trigger.", attach),
			 errtable(rel)));
}

/* The transition tables must have the names that our queries use. */
static void
check_transition_table(Relation rel, const char *name, const char *want)
{
	if (name == NULL || strcmp(name, want) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("trigger on table \"%s\" has no transition table \"%s\"",
						RelationGetRelationName(rel), want),
				 errhint("Triggers are made by distributor.attach_members(), attach_orders(), attach_order_lines() and attach_refunds().")));
}

/*
 * A trigger of the user's, for each row, may change the row that was just
 * inserted: its update is told before the insert, which then tells of a row
 * that is not so any more.
 */
static bool
has_row_triggers(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;

	if (!triggers->trig_insert_after_row)
		return false;
	for (int i = 0; i < triggers->numtriggers; i++)
	{
		Trigger    *trigger = &triggers->triggers[i];

		if (!trigger->tgisinternal && TRIGGER_TYPE_MATCHES(trigger->tgtype, TRIGGER_TYPE_ROW,
														   TRIGGER_TYPE_AFTER, TRIGGER_TYPE_INSERT))
			return true;
	}
	return false;
}

static SourceRows
kind_of_change(TriggerData *trigdata)
{
	Trigger    *trigger = trigdata->tg_trigger;
	Relation	rel = trigdata->tg_relation;
	SourceRows	rows;

	if (TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		rows = has_row_triggers(rel) ? SOURCE_SETTLED : SOURCE_INSERTED;
	else if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
		rows = SOURCE_UPDATED;
	else if (TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
		rows = SOURCE_DELETED;
	else
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" cannot be truncated while it is attached to program \"%s\"",
						RelationGetRelationName(rel), trigger->tgargs[0]),
				 errhint("Detach the table first."),
				 errtable(rel)));
	if (rows != SOURCE_DELETED)
		check_transition_table(rel, trigger->tgnewtable, SOURCE_NEW_ROWS);
	if (rows == SOURCE_UPDATED || rows == SOURCE_DELETED)
		check_transition_table(rel, trigger->tgoldtable, SOURCE_OLD_ROWS);
	return rows;
}

/* The same where queries are going to read the transition tables. */
static SourceRows
changed_rows(TriggerData *trigdata)
{
	SourceRows	rows = kind_of_change(trigdata);

	if (SPI_register_trigger_data(trigdata) != SPI_OK_TD_REGISTER)
		elog(ERROR, "could not register the transition tables");
	return rows;
}

PG_FUNCTION_INFO_V1(trigger_members_changed);
Datum
trigger_members_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	const char *name = trigger_program(fcinfo, "members_changed");
	Program    *program = program_open(name, false);
	MemberSource *source = source_members(program, RelationGetRelid(trigdata->tg_relation));

	if (source == NULL)
		not_attached(trigdata->tg_relation, name, "attach_members");
	if (!program->paused)
	{
		SourceRows	rows = changed_rows(trigdata);
		MemberBatch batch = {.event = MEMBER_JOINS};

		batch.move_timeout = LockTimeout > 0 ? LockTimeout : PROGRAM_LOCK_TIMEOUT;
		source_check_members(program, source);
		source_apply_members(program, source, RelationGetRelid(trigdata->tg_relation), rows, &batch);
	}
	program_close(program);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(trigger_orders_changed);
Datum
trigger_orders_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	const char *name = trigger_program(fcinfo, "orders_changed");
	Relation	rel = trigdata->tg_relation;
	Program    *program = program_begin(name, false);
	KnownOrders known;
	OrderSource *source;

	if (TRIGGER_FIRED_BY_INSERT(trigdata->tg_event) && !program->paused &&
		source_known_orders(program, rel, &known) && known.reader != NULL &&
		kind_of_change(trigdata) == SOURCE_INSERTED)
	{
		(void) source_post_inserted(program, &known, rel, trigdata->tg_newtable);
		program_close(program);
		return PointerGetDatum(NULL);
	}
	program_pin(program);
	source = source_orders(program, RelationGetRelid(rel));
	if (source == NULL)
		not_attached(rel, name, "attach_orders");
	if (!program->paused)
	{
		SourceRows	rows = changed_rows(trigdata);

		source_check_orders(program, source);
		(void) source_post_orders(program, source, RelationGetRelid(rel), rows, DT_NOBEGIN);
	}
	program_close(program);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(trigger_order_lines_changed);
Datum
trigger_order_lines_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	const char *name = trigger_program(fcinfo, "order_lines_changed");
	Program    *program = program_open(name, false);
	LineSource *source = source_lines(program, RelationGetRelid(trigdata->tg_relation));

	if (source == NULL)
		not_attached(trigdata->tg_relation, name, "attach_order_lines");
	if (!program->paused)
	{
		SourceRows	rows = changed_rows(trigdata);
		OrderSource *orders = source_orders_by_id(program, source->order_source_id);

		/* while the orders are detached, nobody watches their lines */
		if (orders != NULL)
		{
			source_check_lines(orders, source);
			source_compare_changed_lines(program, orders, source,
										 RelationGetRelid(trigdata->tg_relation), rows);
		}
	}
	program_close(program);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(trigger_refunds_changed);
Datum
trigger_refunds_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	const char *name = trigger_program(fcinfo, "refunds_changed");
	Program    *program = program_open(name, false);
	RefundSource *source = source_refunds(program, RelationGetRelid(trigdata->tg_relation));

	if (source == NULL)
		not_attached(trigdata->tg_relation, name, "attach_refunds");
	if (!program->paused)
	{
		SourceRows	rows = changed_rows(trigdata);

		source_check_refunds(source);
		(void) source_post_refunds(program, source, RelationGetRelid(trigdata->tg_relation), rows);
	}
	program_close(program);
	return PointerGetDatum(NULL);
}
