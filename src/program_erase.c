/*
 * program_erase.c
 *	  Forgetting who a member was: the person goes, the number stays.
 *
 * Tree and ledger know members by number.  What leads from there to a person,
 * the key of the user's tables, stands in two places only, and is removed from
 * both.
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "program_arg.h"
#include "program_member.h"
#include "program_source.h"

/* A table that still has the person would bring it back. */
static void
check_gone(Program *program, int64 member_id)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(member_id)};
	MemberSource *source = source_attached_members(program);

	if (source == NULL)
		return;
	if (program_query(program, "SELECT FROM @member m WHERE m.member_id = $1 AND m.state = 'left'",
					  1, types, values, NULL, 1) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot erase a member that table \"%s\" still has", get_rel_name(source->relid)),
				 errhint("Delete the member's row first.")));
	SPI_freetuptable(SPI_tuptable);
}

static void
leave(Program *program, int64 member_id)
{
	MemberRow	row = {.member_id = member_id,.sponsor_id = MEMBER_NONE,.state = ENGINE_LEFT};
	MemberBatch batch = {.event = MEMBER_CHANGES,.n = 1,.rows = &row,.sets_state = true};

	row.joined_at = GetCurrentTransactionStartTimestamp();
	members_apply(program, &batch);
}

static void
erase_member(Program *program, void *arg)
{
	MemberArg  *member = arg;
	Oid			types[] = {INT8OID};
	Datum		values[1];

	program_member_must_exist(program, member);
	check_gone(program, member->id);
	leave(program, member->id);
	values[0] = Int64GetDatum(member->id);
	/* its own row there, and those of orphans that named it as their sponsor */
	program_query(program,
				  "UPDATE @orphan SET sponsor_key = NULL"
				  " WHERE member_id = $1"
				  "    OR sponsor_key = (SELECT coalesce(m.member_key, m.member_id::text) FROM @member m WHERE m.member_id = $1)",
				  1, types, values, NULL, 0);
	program_query(program, "UPDATE @member SET member_key = NULL WHERE member_id = $1 AND member_key IS NOT NULL",
				  1, types, values, NULL, 0);
}

/* erase_member(program, member) returns void */
PG_FUNCTION_INFO_V1(program_erase_member);
Datum
program_erase_member(PG_FUNCTION_ARGS)
{
	Program    *program = program_arg(fcinfo);
	MemberArg	member;

	program_check_right(program, PROGRAM_MEMBER, ACL_UPDATE);
	member = program_member_arg(fcinfo, program, 1, "member", true);
	program_lock_tree(program, false, 0);
	program_as_owner(program, PROGRAM_WRITES_MEMBERS, erase_member, &member);
	program_close(program);
	PG_RETURN_VOID();
}
