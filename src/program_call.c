/*
 * program_call.c
 *	  Members, sales and refunds by call, where no table of the user keeps them.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "program_arg.h"
#include "program_refund.h"
#include "program_source.h"

/*
 * To be called with the lock of the tree, which attach_members() has alone.
 * While a table keeps the tree, it says who is there and who brought whom;
 * what was done past it would be undone at the next catching up.
 */
static void
check_not_attached(Program *program, const char *what, const char *column)
{
	MemberSource *source = source_attached_members(program);
	const char *kept;

	if (source == NULL)
		return;
	kept = strcmp(column, "rank") == 0 ? source->rank :
		strcmp(column, "state") == 0 ? source->state :
		strcmp(column, "sponsor") == 0 ? source->sponsor : NULL;
	if (kept == NULL && strcmp(column, "id") != 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cannot %s: table \"%s\" keeps the members of program \"%s\"",
					what, get_rel_name(source->relid), program->name),
			 kept == NULL ? errhint("Insert them into the table, or delete them from it.")
			 : errhint("Change column \"%s\" of the table.", kept)));
}

/* A batch of one. */
static MemberBatch *
one_member(const MemberArg *member, MemberEvent event)
{
	MemberBatch *batch = palloc0(sizeof(MemberBatch));

	batch->event = event;
	batch->n = 1;
	batch->rows = palloc0(sizeof(MemberRow));
	batch->rows[0].member_id = member->id;
	batch->rows[0].member_key = member->key;
	batch->rows[0].sponsor_id = MEMBER_NONE;
	batch->rows[0].joined_at = GetCurrentTransactionStartTimestamp();
	return batch;
}

/* add_member(program, member, sponsor, joined_at, rank) returns bigint */

typedef struct AddMember
{
	MemberArg	member;
	MemberArg	sponsor;
	TimestampTz joined_at;
	text	   *rank;
	int64		member_id;
} AddMember;

static void
add_member(Program *program, void *arg)
{
	AddMember  *add = arg;
	MemberBatch *batch = one_member(&add->member, MEMBER_JOINS);

	if (program->text_keys && add->member.key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the members of program \"%s\" have keys of text", program->name),
				 errhint("Pass the key as text; its number is given inside.")));
	batch->by_call = true;
	batch->sets_sponsor = true;
	batch->sets_rank = add->rank != NULL;
	batch->rows[0].joined_at = add->joined_at;
	batch->rows[0].rank = add->rank;
	batch->rows[0].sponsor_key = add->sponsor.key;
	if (add->sponsor.given && add->sponsor.key == NULL)
		batch->rows[0].sponsor_id = add->sponsor.id;
	members_apply(program, batch);
	add->member_id = batch->rows[0].member_id;
}

PG_FUNCTION_INFO_V1(program_add_member);
Datum
program_add_member(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	AddMember	add = {0};

	program_check_right(program, PROGRAM_MEMBER, ACL_INSERT);
	program_lock_tree(program, false, 0);
	check_not_attached(program, "add members", "id");
	add.member = program_member_arg(fcinfo, program, 1, "member", true);
	add.sponsor = program_member_arg(fcinfo, program, 2, "sponsor", false);
	add.joined_at = PG_ARGISNULL(3) ? GetCurrentTransactionStartTimestamp() : PG_GETARG_TIMESTAMPTZ(3);
	if (TIMESTAMP_NOT_FINITE(add.joined_at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("joined_at must be finite")));
	add.rank = PG_ARGISNULL(4) ? NULL : PG_GETARG_TEXT_P(4);
	program_as_owner(program, PROGRAM_WRITES_MEMBERS, add_member, &add);
	program_close(program);
	PG_RETURN_INT64(add.member_id);
}

/* move_member(program, member, sponsor, lock_timeout) returns bigint */

typedef struct MoveMember
{
	MemberArg	member;
	MemberArg	sponsor;
	int			timeout;
	int64		moved;
} MoveMember;

static void
move_member(Program *program, void *arg)
{
	MoveMember *move = arg;
	MemberBatch *batch;

	program_member_must_exist(program, &move->member);
	if (move->sponsor.given)
		program_member_must_exist(program, &move->sponsor);
	batch = one_member(&move->member, MEMBER_CHANGES);
	batch->sets_sponsor = true;
	batch->move_timeout = move->timeout;
	if (move->sponsor.given)
		batch->rows[0].sponsor_id = move->sponsor.id;
	members_apply(program, batch);
	move->moved = batch->moved;
}

static int
timeout_arg(FunctionCallInfo fcinfo, int argno)
{
	Interval   *interval;
	int64		ms;

	if (PG_ARGISNULL(argno))
		return LockTimeout;
	interval = PG_GETARG_INTERVAL_P(argno);
	if (interval->month != 0 || interval->day != 0 || interval->time < 0 ||
		(ms = interval->time / 1000) > INT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid lock_timeout"),
				 errhint("Use hours, minutes and seconds, not negative; NULL keeps the session's setting.")));
	return Max((int) ms, 1);
}

PG_FUNCTION_INFO_V1(program_move_member);
Datum
program_move_member(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	MoveMember	move = {0};

	program_check_right(program, PROGRAM_MEMBER, ACL_UPDATE);
	move.member = program_member_arg(fcinfo, program, 1, "member", true);
	move.sponsor = program_member_arg(fcinfo, program, 2, "sponsor", false);
	move.timeout = timeout_arg(fcinfo, 3);
	member_check_moves_allowed();
	program_lock_tree(program, true, move.timeout);
	check_not_attached(program, "move members", "sponsor");
	program_as_owner(program, PROGRAM_WRITES_MEMBERS, move_member, &move);
	program_close(program);
	PG_RETURN_INT64(move.moved);
}

/* set_rank(program, member, rank) returns void */

typedef struct SetMember
{
	MemberArg	member;
	text	   *rank;
	EngineState state;
	bool		hand_over;
} SetMember;

static void
set_rank(Program *program, void *arg)
{
	SetMember  *set = arg;
	MemberBatch *batch;

	program_member_must_exist(program, &set->member);
	batch = one_member(&set->member, MEMBER_CHANGES);
	batch->sets_rank = true;
	batch->rows[0].rank = set->rank;
	members_apply(program, batch);
}

PG_FUNCTION_INFO_V1(program_set_rank);
Datum
program_set_rank(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	SetMember	set = {0};

	program_check_right(program, PROGRAM_MEMBER, ACL_UPDATE);
	program_lock_tree(program, false, 0);
	check_not_attached(program, "set ranks", "rank");
	set.member = program_member_arg(fcinfo, program, 1, "member", true);
	set.rank = PG_ARGISNULL(2) ? NULL : PG_GETARG_TEXT_P(2);
	program_as_owner(program, PROGRAM_WRITES_MEMBERS, set_rank, &set);
	program_close(program);
	PG_RETURN_VOID();
}

/* set_state(program, member, state, downline) returns void */

/* The frontline of one who leaves goes to its sponsor.  The tree is locked. */
static void
hand_over_frontline(Program *program, int64 member_id)
{
	MemberBatch batch = {.event = MEMBER_CHANGES,.sets_sponsor = true,.move_timeout = PROGRAM_LOCK_TIMEOUT};
	Oid			types[] = {INT8OID};
	Datum		value = Int64GetDatum(member_id);
	bool		isnull;
	Datum		sponsor;

	batch.n = program_query(program,
							"SELECT f.member_id, m.sponsor_id"
							"  FROM @member m"
							"  JOIN @member f ON f.sponsor_id = m.member_id"
							" WHERE m.member_id = $1",
							1, types, &value, NULL, 0);
	batch.rows = palloc0(sizeof(MemberRow) * Max(batch.n, 1));
	for (int i = 0; i < batch.n; i++)
	{
		batch.rows[i].member_id = DatumGetInt64(program_get(i, 1, INT8OID));
		sponsor = program_column(i, 2, INT8OID, &isnull);
		batch.rows[i].sponsor_id = isnull ? MEMBER_NONE : DatumGetInt64(sponsor);
	}
	SPI_freetuptable(SPI_tuptable);
	members_apply(program, &batch);
}

static void
set_state(Program *program, void *arg)
{
	SetMember  *set = arg;
	MemberBatch *batch;

	program_member_must_exist(program, &set->member);
	if (set->hand_over)
		hand_over_frontline(program, set->member.id);
	batch = one_member(&set->member, MEMBER_CHANGES);
	batch->sets_state = true;
	batch->rows[0].state = set->state;
	members_apply(program, batch);
}

PG_FUNCTION_INFO_V1(program_set_state);
Datum
program_set_state(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	SetMember	set = {0};
	char	   *downline;

	program_check_right(program, PROGRAM_MEMBER, ACL_UPDATE);
	set.member = program_member_arg(fcinfo, program, 1, "member", true);
	if (PG_ARGISNULL(2) || PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("state and downline must not be null")));
	set.state = engine_state_from_word(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	downline = text_to_cstring(PG_GETARG_TEXT_PP(3));
	set.hand_over = strcmp(downline, "sponsor") == 0;
	if (!set.hand_over && strcmp(downline, "keep") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value \"%s\" for downline", downline),
				 errhint("Use \"keep\" or \"sponsor\".")));
	if (set.hand_over && set.state != ENGINE_LEFT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("only the downline of a member that left can be handed over")));
	if (set.hand_over)
		member_check_moves_allowed();
	program_lock_tree(program, set.hand_over,
					  !set.hand_over || LockTimeout > 0 ? LockTimeout : PROGRAM_LOCK_TIMEOUT);
	check_not_attached(program, "set states", "state");
	/* who stands in the table is there, whatever is said here */
	if (set.state == ENGINE_LEFT)
		check_not_attached(program, "let members leave", "id");
	program_as_owner(program, PROGRAM_WRITES_MEMBERS, set_state, &set);
	program_close(program);
	PG_RETURN_VOID();
}

/*
 * record_sale(program, order_key, member, amount, currency, occurred_at,
 *			   attributes, lines) returns bigint
 */
PG_FUNCTION_INFO_V1(program_record_sale);
Datum
program_record_sale(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	MemberArg	member;
	SaleRow		row = {.paid = true};
	SaleBatch	batch = {.n = 1,.rows = &row,.lines_known = true};
	SaleLines	lines;

	program_check_right(program, PROGRAM_SALE, ACL_INSERT);
	batch.author = GetUserNameFromId(GetUserId(), false);
	member = program_member_arg(fcinfo, program, 2, "member", true);
	row.has_member = true;
	row.member_id = member.id;
	row.member_key = member.key;
	row.order_key = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_P(1);
	row.amount = PG_ARGISNULL(3) ? NULL : PG_GETARG_NUMERIC(3);
	row.currency = PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4));
	row.has_occurred_at = !PG_ARGISNULL(5);
	row.occurred_at = row.has_occurred_at ? PG_GETARG_TIMESTAMPTZ(5) : 0;
	row.attributes = PG_ARGISNULL(6) ? NULL : PG_GETARG_JSONB_P(6);
	if (row.attributes != NULL && !JB_ROOT_IS_OBJECT(row.attributes))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("attributes must be an object"),
				 errhint("For example, {\"channel\": \"web\"}.")));
	lines = lines_from_json(PG_ARGISNULL(7) ? NULL : PG_GETARG_JSONB_P(7));
	row.nitems = lines.n;
	row.items = lines.items;
	program_as_owner(program, PROGRAM_WRITES_SALES, sales_post, &batch);
	program_close(program);
	PG_RETURN_INT64(row.sale_id);
}

/*
 * record_refund(program, order_key, refund_key, amount, line_key, occurred_at)
 *	returns bigint
 */
PG_FUNCTION_INFO_V1(program_record_refund);
Datum
program_record_refund(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	RefundRow	row = {0};
	RefundBatch batch = {.n = 1,.rows = &row};

	program_check_right(program, PROGRAM_REFUND, ACL_INSERT);
	batch.author = GetUserNameFromId(GetUserId(), false);
	row.order_key = PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1);
	row.refund_key = PG_ARGISNULL(2) ? NULL : PG_GETARG_TEXT_PP(2);
	row.amount = PG_ARGISNULL(3) ? NULL : PG_GETARG_NUMERIC(3);
	row.line_key = PG_ARGISNULL(4) ? NULL : PG_GETARG_TEXT_PP(4);
	row.has_occurred_at = !PG_ARGISNULL(5);
	row.occurred_at = row.has_occurred_at ? PG_GETARG_TIMESTAMPTZ(5) : 0;
	program_as_owner(program, PROGRAM_WRITES_REFUNDS, refunds_post, &batch);
	if (!row.met)
		ereport(NOTICE,
				(errmsg("order \"%s\" has not been posted: refund \"%s\" waits for it",
						text_to_cstring(row.order_key), text_to_cstring(row.refund_key))));
	program_close(program);
	PG_RETURN_INT64(row.refund_id);
}
