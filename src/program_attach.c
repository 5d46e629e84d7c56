/*
 * program_attach.c
 *	  Attaching the user's tables, and detaching them.
 */
#include "compat.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "program_attach.h"

char *
attach_arg_text(FunctionCallInfo fcinfo, int argno, const char *name, bool required)
{
	if (!PG_ARGISNULL(argno))
		return text_to_cstring(PG_GETARG_TEXT_PP(argno));
	if (required)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	return NULL;
}

static Oid
arg_table(FunctionCallInfo fcinfo, int argno)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("table must not be null")));
	return PG_GETARG_OID(argno);
}

/*
 * A table that can keep triggers with transition tables and outlives the
 * session, and all of whose rows its owner can read.
 */
static void
check_table(Oid relid)
{
	Relation	rel = try_table_open(relid, AccessShareLock);
	char		kind;

	if (rel == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table with OID %u does not exist", relid)));
	kind = rel->rd_rel->relkind;
	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(rel)),
				 errhint("Attach the table below it, or post with distributor.record_sale().")));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("temporary table \"%s\" cannot be attached", RelationGetRelationName(rel)),
				 errdetail("A program outlives the session.")));
	if (rel->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED)
		ereport(WARNING,
				(errmsg("table \"%s\" is unlogged", RelationGetRelationName(rel)),
				 errdetail("After a crash it is empty, and the ledger is not.")));
	if (kind == RELKIND_RELATION && find_inheritance_children(relid, NoLock) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is inherited from", RelationGetRelationName(rel)),
				 errdetail("What is written into the tables that inherit fires no trigger here."),
				 errhint("Use a partitioned table.")));
	if (rel->rd_rel->relispartition)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a partition", RelationGetRelationName(rel)),
				 errhint("Attach the partitioned table; its partitions follow.")));
	if (!object_ownercheck(RelationRelationId, relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, RelationGetRelationName(rel));
	table_close(rel, AccessShareLock);
	source_check_all_visible(relid);
}

/* A snapshot that is older than the triggers would miss orders. */
void
attach_check_isolation(const char *what)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s needs a READ COMMITTED transaction", what)));
}

/* Triggers */

void
attach_run_ddl(const char *sql)
{
	int			result = SPI_execute(sql, false, 0);

	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql, SPI_result_code_string(result));
}

static char *
table_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

/* In the names of triggers and of their functions. */
const char *const attach_kind_names[] = {"members", "orders", "order_lines", "refunds"};

/* The function that our triggers call; which program is in their argument. */
static Oid
trigger_function(SourceKind kind)
{
	List	   *name = list_make2(makeString("distributor"),
								  makeString(psprintf("%s_changed", attach_kind_names[kind])));

	return LookupFuncName(name, 0, NULL, false);
}

/* Names of the triggers of the program on a table. */
List *
attach_our_triggers(const char *program, Oid relid, SourceKind kind)
{
	Relation	rel = table_open(relid, AccessShareLock);
	Oid			function = trigger_function(kind);
	List	   *names = NIL;

	for (int i = 0; rel->trigdesc != NULL && i < rel->trigdesc->numtriggers; i++)
	{
		Trigger    *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgfoid == function && trigger->tgnargs == 1 &&
			strcmp(trigger->tgargs[0], program) == 0)
			names = lappend(names, pstrdup(trigger->tgname));
	}
	table_close(rel, AccessShareLock);
	return names;
}

static int
drop_triggers(const char *program, Oid relid, SourceKind kind)
{
	List	   *names = attach_our_triggers(program, relid, kind);
	ListCell   *cell;

	foreach(cell, names)
		attach_run_ddl(psprintf("DROP TRIGGER %s ON %s", quote_identifier(lfirst(cell)), table_name(relid)));
	return list_length(names);
}

/*
 * A name that two programs cannot share: where the server would cut it, the
 * program goes by a hash of its name.
 */
static char *
trigger_name(const char *program, SourceKind kind, const char *event)
{
	char	   *prefix = psprintf("distributor_%s", attach_kind_names[kind]);
	const char *label = program;
	int			length = strlen(label);

	if (strlen(prefix) + length + strlen(event) + 2 >= NAMEDATALEN)
		label = psprintf("%08x", hash_bytes((const unsigned char *) label, length));
	return makeObjectName(prefix, label, event);
}

static void
create_triggers(const char *program, Oid relid, SourceKind kind)
{
	static const struct
	{
		const char *event;
		const char *referencing;
	}			kinds[] = {
		{"insert", " REFERENCING NEW TABLE AS " SOURCE_NEW_ROWS},
		{"update", " REFERENCING OLD TABLE AS " SOURCE_OLD_ROWS " NEW TABLE AS " SOURCE_NEW_ROWS},
		{"delete", " REFERENCING OLD TABLE AS " SOURCE_OLD_ROWS},
		{"truncate", ""},
	};

	for (int i = 0; i < (int) lengthof(kinds); i++)
	{
		attach_run_ddl(psprintf("CREATE TRIGGER %s AFTER %s ON %s%s FOR EACH STATEMENT"
						 " EXECUTE FUNCTION distributor.%s(%s)",
						 quote_identifier(trigger_name(program, kind, kinds[i].event)),
						 kinds[i].event, table_name(relid), kinds[i].referencing,
						 psprintf("%s_changed", attach_kind_names[kind]), quote_literal_cstr(program)));
	}
}

/*
 * Wait for those who write the table, and keep new ones out until the end of
 * the transaction.  Who names a partition locks that alone, so it takes the
 * locks of all of them; the table and they are returned.
 */
List *
attach_lock_out_writers(Oid relid)
{
	LockRelationOid(relid, ShareRowExclusiveLock);
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		return list_make1_oid(relid);
	return find_all_inheritors(relid, ShareRowExclusiveLock, NULL);
}

/*
 * Statement triggers fire only on the table that a statement names, so every
 * partition gets its own; the two never fire both.  Returns how many there
 * were before.
 */
int
attach_renew_triggers(const char *program, Oid relid, SourceKind kind, bool create)
{
	List	   *relids = attach_lock_out_writers(relid);
	ListCell   *cell;
	int			dropped = 0;

	foreach(cell, relids)
	{
		Oid			table = lfirst_oid(cell);

		if (get_rel_relkind(table) == RELKIND_FOREIGN_TABLE)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("partition \"%s\" is a foreign table", get_rel_name(table)),
					 errdetail("Foreign tables have no transition tables.")));
		dropped += drop_triggers(program, table, kind);
		if (create)
			create_triggers(program, table, kind);
	}
	return dropped;
}

/* The same for orders and their lines, which are attached already. */
void
attach_lock_out_orders(OrderSource *source)
{
	(void) attach_lock_out_writers(source->relid);
	if (source->lines != NULL)
		(void) attach_lock_out_writers(source->lines->relid);
}

/* Members */

/* How long to wait for the tree alone, in ms. */
static int
move_timeout(void)
{
	return LockTimeout > 0 ? LockTimeout : PROGRAM_LOCK_TIMEOUT;
}

int64
attach_sync_members(Program *program, MemberSource *source)
{
	MemberBatch batch = {.event = MEMBER_SYNC};

	batch.move_timeout = move_timeout();
	source_apply_members(program, source, source->relid, SOURCE_TABLE, &batch);
	if (batch.orphans > 0)
		ereport(WARNING,
				(errmsg_plural("%lld member became a root because its sponsor cannot be had",
							   "%lld members became roots because their sponsors cannot be had",
							   batch.orphans, (long long) batch.orphans),
				 errhint("See table \"orphan\" of program \"%s\".", program->name)));
	return batch.n;
}

/* A table that comes back says also who has gone while it was detached. */
static void
leave_deleted(Program *program, MemberSource *source)
{
	int64		left = source_leave_deleted(program, source);

	if (left > 0)
		ereport(NOTICE,
				(errmsg_plural("%lld member is not in table \"%s\" and has left",
							   "%lld members are not in table \"%s\" and have left",
							   left, (long long) left, get_rel_name(source->relid))));
}

/*
 * attach_members(program text, table regclass, id text, sponsor text,
 *				  joined_at text, rank text, state text, state_map jsonb,
 *				  orphans text) returns bigint
 */
PG_FUNCTION_INFO_V1(attach_members);
Datum
attach_members(PG_FUNCTION_ARGS)
{
	char	   *name = attach_arg_text(fcinfo, 0, "program", true);
	MemberSource source = {.relid = arg_table(fcinfo, 1)};
	char	   *orphans = attach_arg_text(fcinfo, 8, "orphans", true);
	MemberSource *other;
	Program    *program;
	int64		members = 0;

	source.id = attach_arg_text(fcinfo, 2, "id", true);
	source.sponsor = attach_arg_text(fcinfo, 3, "sponsor", true);
	source.joined_at = attach_arg_text(fcinfo, 4, "joined_at", false);
	source.rank = attach_arg_text(fcinfo, 5, "rank", false);
	source.state = attach_arg_text(fcinfo, 6, "state", false);
	source.state_map = PG_ARGISNULL(7) ? NULL : PG_GETARG_JSONB_P(7);
	if (source.state_map != NULL && !JB_ROOT_IS_OBJECT(source.state_map))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("state_map must be an object"),
				 errhint("For example, {\"normal\": \"active\", \"banned\": \"frozen\"}.")));
	if (strcmp(orphans, "error") != 0 && strcmp(orphans, "root") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value \"%s\" for orphans", orphans),
				 errhint("Use \"error\" or \"root\".")));
	source.orphans_root = strcmp(orphans, "root") == 0;

	program = program_open(name, false);
	attach_check_isolation("attach_members()");
	program_check_right(program, PROGRAM_MEMBER, ACL_INSERT);
	program_check_right(program, PROGRAM_MEMBER, ACL_UPDATE);	/* its rows move members, too */
	check_table(source.relid);

	/*
	 * The table first, as its writers hold it when they ask for the tree.
	 * Whoever waited for the tree sees what keeps it from now on.
	 */
	(void) attach_lock_out_writers(source.relid);
	program_lock_tree(program, true, move_timeout());
	other = source_attached_members(program);
	if (other != NULL && other->relid != source.relid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("the members of program \"%s\" are kept by table \"%s\"",
						program->name, get_rel_name(other->relid)),
				 errhint("Detach it first.")));
	source_check_members(program, &source);
	attach_renew_triggers(program->name, source.relid, SOURCE_OF_MEMBERS, true);
	source_register_members(program, &source);
	if (!program->paused)
		members = attach_sync_members(program, &source);
	if (!program->paused && source.returns)
		leave_deleted(program, &source);
	program_close(program);
	PG_RETURN_INT64(members);
}

/* Orders */

static char **
arg_names(ArrayType *array, int *n)
{
	Datum	   *values;
	bool	   *nulls;
	char	  **names;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("an array of one dimension is needed")));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, n);
	names = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the array must not contain null")));
		names[i] = TextDatumGetCString(values[i]);
	}
	return names;
}

/*
 * Post what is paid, and see that what was posted is still there, still paid,
 * and the same: nobody looked for a while.
 */
int64
attach_catch_up_orders(Program *program, OrderSource *source)
{
	int64		posted;

	source_check_all_visible(source->relid);
	source_check_orders(program, source);
	posted = source_post_orders(program, source, source->relid, SOURCE_TABLE, DT_NOBEGIN);
	source_check_deleted(program, source);
	return posted;
}

/* A status cannot mean both. */
static void
check_apart(ArrayType *statuses, const char *what, ArrayType *refunded)
{
	char	  **ours;
	char	  **theirs;
	int			nours;
	int			ntheirs;

	ours = arg_names(statuses, &nours);
	theirs = arg_names(refunded, &ntheirs);
	for (int i = 0; i < nours; i++)
		for (int r = 0; r < ntheirs; r++)
			if (strcmp(ours[i], theirs[r]) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("status \"%s\" is both %s and refunded", ours[i], what),
						 errhint("Statuses in \"refunded\" take the whole order back; leave it out of one of the lists.")));
}

static void
check_statuses(const OrderSource *source)
{
	int			npaid;
	int			nfulfilled;

	(void) arg_names(source->paid, &npaid);
	(void) arg_names(source->fulfilled, &nfulfilled);
	if (source->status == NULL && nfulfilled > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fulfilled needs status"),
				 errhint("Name the column that holds the status, or one with the time in \"fulfilled_at\".")));
	if (source->status == NULL)
		return;
	if (npaid == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("paid must name at least one status")));
	check_apart(source->paid, "paid", source->refunded);
	check_apart(source->fulfilled, "fulfilled", source->refunded);
}

/* Whether orders of the table can take commissions back. */
static bool
tells_refunds(const OrderSource *source)
{
	return source->refunded_amount != NULL ||
		(source->status != NULL && ARR_NDIM(source->refunded) > 0);
}

/* Whether orders of the table can say that they are fulfilled. */
static bool
tells_fulfillment(const OrderSource *source)
{
	return source->fulfilled_at != NULL || ARR_NDIM(source->fulfilled) > 0;
}

/*
 * attach_orders(program text, table regclass, key text, member text,
 *				 amount text, occurred_at text, status text, paid text[],
 *				 currency text, attributes text[], since timestamptz,
 *				 refunded text[], refunded_amount text, fulfilled text[],
 *				 fulfilled_at text) returns bigint
 */
PG_FUNCTION_INFO_V1(attach_orders);
Datum
attach_orders(PG_FUNCTION_ARGS)
{
	char	   *name = attach_arg_text(fcinfo, 0, "program", true);
	OrderSource source = {.relid = arg_table(fcinfo, 1)};
	OrderSource *registered;
	Program    *program;
	int64		posted = 0;

	source.key = attach_arg_text(fcinfo, 2, "key", true);
	source.member = attach_arg_text(fcinfo, 3, "member", true);
	source.amount = attach_arg_text(fcinfo, 4, "amount", true);
	source.occurred_at = attach_arg_text(fcinfo, 5, "occurred_at", false);
	source.status = attach_arg_text(fcinfo, 6, "status", false);
	if (PG_ARGISNULL(7) || PG_ARGISNULL(9) || PG_ARGISNULL(10) || PG_ARGISNULL(11) || PG_ARGISNULL(13))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("paid, attributes, since, refunded and fulfilled must not be null")));
	source.paid = PG_GETARG_ARRAYTYPE_P(7);
	source.refunded = PG_GETARG_ARRAYTYPE_P(11);
	source.refunded_amount = attach_arg_text(fcinfo, 12, "refunded_amount", false);
	source.fulfilled = PG_GETARG_ARRAYTYPE_P(13);
	source.fulfilled_at = attach_arg_text(fcinfo, 14, "fulfilled_at", false);
	check_statuses(&source);
	source.currency = attach_arg_text(fcinfo, 8, "currency", false);
	source.attributes = arg_names(PG_GETARG_ARRAYTYPE_P(9), &source.nattributes);
	source.since = PG_GETARG_TIMESTAMPTZ(10);
	if (TIMESTAMP_IS_NOEND(source.since))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("since must not be infinity"),
				 errhint("No order would ever be posted.")));
	if (!TIMESTAMP_IS_NOBEGIN(source.since) && source.occurred_at == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("since needs occurred_at"),
				 errdetail("Without the time of an order it cannot be told which are older.")));

	program = program_open(name, false);
	attach_check_isolation("attach_orders()");
	program_check_right(program, PROGRAM_SALE, ACL_INSERT);
	if (tells_refunds(&source))
		program_check_right(program, PROGRAM_REFUND, ACL_INSERT);
	if (tells_fulfillment(&source))
		program_check_right(program, PROGRAM_SALE_RELEASE, ACL_INSERT);
	check_table(source.relid);
	source_check_orders(program, &source);
	attach_renew_triggers(program->name, source.relid, SOURCE_OF_ORDERS, true);
	source_register_orders(program, &source);
	registered = source_orders_by_id(program, source.id);
	source.lines = registered->lines;
	attach_lock_out_orders(&source);
	if (!program->paused && source.returns)
		posted = attach_catch_up_orders(program, &source);
	else if (!program->paused)
		posted = source_post_orders(program, &source, source.relid, SOURCE_PAID, DT_NOBEGIN);
	program_close(program);
	PG_RETURN_INT64(posted);
}

/* Order lines */

/* The table of orders that the lines belong to: the one named, or the only one. */
static OrderSource *
orders_of_lines(Program *program, bool named, Oid relid)
{
	OrderSource **sources;
	OrderSource *source;
	int			n;

	if (named)
	{
		source = source_orders(program, relid);
		if (source == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_OBJECT),
					 errmsg("table \"%s\" is not attached to program \"%s\"",
							get_rel_name(relid), program->name),
					 errhint("Attach the orders with distributor.attach_orders() first.")));
		return source;
	}
	sources = source_all_orders(program, &n);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no table of orders is attached to program \"%s\"", program->name),
				 errhint("Attach the orders with distributor.attach_orders() first.")));
	if (n > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d tables of orders are attached to program \"%s\"", n, program->name),
				 errhint("Say with \"orders\" which of them the lines belong to.")));
	return sources[0];
}

/* One table of lines for a table of orders, and the other way round. */
static void
check_lines_free(Program *program, const OrderSource *orders, const LineSource *source)
{
	LineSource *registered = source_lines(program, source->relid);

	if (orders->lines != NULL && orders->lines->relid != source->relid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("the lines of the orders of table \"%s\" are kept by table \"%s\"",
						get_rel_name(orders->relid), get_rel_name(orders->lines->relid)),
				 errhint("Detach it first.")));
	if (registered != NULL && registered->order_source_id != source->order_source_id)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("table \"%s\" keeps the lines of other orders", get_rel_name(source->relid)),
				 errhint("Detach it first.")));
}

/*
 * Nobody posts orders from here on, neither by writing them nor by catching up
 * with them, which locks what it posts.
 */
static void
lock_out_posting(Oid relid)
{
	LockRelationOid(relid, ExclusiveLock);
	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
		(void) find_all_inheritors(relid, ExclusiveLock, NULL);
}

/*
 * attach_order_lines(program text, table regclass, order_key text,
 *					  line_key text, product text, quantity text, amount text,
 *					  cost text, attributes text[], orders regclass)
 *	returns void
 */
PG_FUNCTION_INFO_V1(attach_order_lines);
Datum
attach_order_lines(PG_FUNCTION_ARGS)
{
	char	   *name = attach_arg_text(fcinfo, 0, "program", true);
	LineSource	source = {.relid = arg_table(fcinfo, 1)};
	OrderSource *orders;
	Program    *program;

	source.order_key = attach_arg_text(fcinfo, 2, "order_key", true);
	source.line_key = attach_arg_text(fcinfo, 3, "line_key", true);
	source.product = attach_arg_text(fcinfo, 4, "product", false);
	source.quantity = attach_arg_text(fcinfo, 5, "quantity", false);
	source.amount = attach_arg_text(fcinfo, 6, "amount", false);
	source.cost = attach_arg_text(fcinfo, 7, "cost", false);
	if (source.amount == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("amount must not be null"),
				 errhint("Name the column with what was paid for the line; a generated column can multiply a price by the quantity.")));
	if (PG_ARGISNULL(8))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("attributes must not be null")));
	source.attributes = arg_names(PG_GETARG_ARRAYTYPE_P(8), &source.nattributes);

	program = program_open(name, false);
	attach_check_isolation("attach_order_lines()");
	program_check_right(program, PROGRAM_SALE, ACL_INSERT);
	check_table(source.relid);
	orders = orders_of_lines(program, !PG_ARGISNULL(9), PG_ARGISNULL(9) ? InvalidOid : PG_GETARG_OID(9));
	/* whoever writes a line locks its order */
	if (!object_ownercheck(RelationRelationId, orders->relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(orders->relid));

	lock_out_posting(orders->relid);
	orders = source_orders_by_id(program, orders->id);
	if (orders == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the table of orders has just been detached")));
	source.order_source_id = orders->id;
	check_lines_free(program, orders, &source);
	source_check_lines(orders, &source);
	attach_renew_triggers(program->name, source.relid, SOURCE_OF_LINES, true);
	source_register_lines(program, &source);
	if (!program->paused)
		source_compare_posted_lines(program, orders, &source);
	program_close(program);
	PG_RETURN_VOID();
}

/* Refunds */

/* Record what is there, and see that what was recorded is still there. */
int64
attach_catch_up_refunds(Program *program, RefundSource *source, bool check_deleted)
{
	int64		recorded;

	source_check_all_visible(source->relid);
	source_check_refunds(source);
	recorded = source_post_refunds(program, source, source->relid, SOURCE_TABLE);
	if (check_deleted)
		source_check_deleted_refunds(program, source);
	return recorded;
}

/*
 * attach_refunds(program text, table regclass, key text, order_key text,
 *				  amount text, line_key text, occurred_at text) returns bigint
 */
PG_FUNCTION_INFO_V1(attach_refunds);
Datum
attach_refunds(PG_FUNCTION_ARGS)
{
	char	   *name = attach_arg_text(fcinfo, 0, "program", true);
	RefundSource source = {.relid = arg_table(fcinfo, 1)};
	Program    *program;
	int64		recorded = 0;

	source.key = attach_arg_text(fcinfo, 2, "key", true);
	source.order_key = attach_arg_text(fcinfo, 3, "order_key", true);
	source.amount = attach_arg_text(fcinfo, 4, "amount", false);
	source.line_key = attach_arg_text(fcinfo, 5, "line_key", false);
	source.occurred_at = attach_arg_text(fcinfo, 6, "occurred_at", false);

	program = program_open(name, false);
	attach_check_isolation("attach_refunds()");
	program_check_right(program, PROGRAM_REFUND, ACL_INSERT);
	check_table(source.relid);
	source_check_refunds(&source);
	attach_renew_triggers(program->name, source.relid, SOURCE_OF_REFUNDS, true);
	source_register_refunds(program, &source);
	if (!program->paused)
		recorded = attach_catch_up_refunds(program, &source, source.returns);
	program_close(program);
	PG_RETURN_INT64(recorded);
}

/* Detaching */

static void
detach_from_nothing(const char *program, Oid relid, SourceKind kind)
{
	int			dropped;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	dropped = attach_renew_triggers(program, relid, kind, false);
	SPI_finish();
	if (dropped == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("program \"%s\" does not exist", program)));
}

static void
detach(const char *name, Oid relid, SourceKind kind)
{
	Program    *program;
	bool		exists = get_rel_name(relid) != NULL;
	bool		owns_table = exists && object_ownercheck(RelationRelationId, relid, GetUserId());
	int			dropped = 0;

	/* A program that is gone has left its triggers behind. */
	if (!program_exists(name) && owns_table)
	{
		detach_from_nothing(name, relid, kind);
		return;
	}
	program = program_open(name, false);

	/*
	 * The program's owner can turn a table out, and clear what a dropped one
	 * leaves behind; the triggers are the table's owner's to drop.
	 */
	if (!exists)
		program_check_owner(program);
	else if (!owns_table && !has_privs_of_role(GetUserId(), program->owner))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));
	if (owns_table)
		dropped = attach_renew_triggers(name, relid, kind, false);
	if (!source_unregister(program, relid, kind) && dropped == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"%s\" is not attached to program \"%s\"",
						exists ? get_rel_name(relid) : psprintf("%u", relid), name)));
	program_close(program);
}

PG_FUNCTION_INFO_V1(detach_members);
Datum
detach_members(PG_FUNCTION_ARGS)
{
	detach(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_OID(1), SOURCE_OF_MEMBERS);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(detach_orders);
Datum
detach_orders(PG_FUNCTION_ARGS)
{
	detach(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_OID(1), SOURCE_OF_ORDERS);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(detach_order_lines);
Datum
detach_order_lines(PG_FUNCTION_ARGS)
{
	detach(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_OID(1), SOURCE_OF_LINES);
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(detach_refunds);
Datum
detach_refunds(PG_FUNCTION_ARGS)
{
	detach(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_OID(1), SOURCE_OF_REFUNDS);
	PG_RETURN_VOID();
}

/* Catching up */
