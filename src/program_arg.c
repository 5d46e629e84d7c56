/*
 * program_arg.c
 *	  Arguments of functions that users call: the program, its members.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"

#include "program_arg.h"
#include "program_member.h"

static char *
program_name_arg(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("program must not be null")));
	return text_to_cstring(PG_GETARG_TEXT_PP(0));
}

/* Open the program that the first argument names. */
Program *
program_arg(FunctionCallInfo fcinfo)
{
	return program_open(program_name_arg(fcinfo), false);
}

/* The same for a function that is STABLE: all it reads is in the caller's snapshot. */
Program *
program_arg_to_read(FunctionCallInfo fcinfo)
{
	return program_open(program_name_arg(fcinfo), true);
}

/* The same for one that mostly needs no query; program_pin() comes before the first. */
Program *
program_arg_to_find(FunctionCallInfo fcinfo)
{
	return program_begin(program_name_arg(fcinfo), true);
}

/*
 * Which of its two forms was called is asked of the catalog: an expression
 * tells it as well, but a call by the fastpath protocol has none.
 */
static bool
is_by_number(FunctionCallInfo fcinfo, int argno)
{
	Oid		   *types;
	int			nargs;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &nargs);
	Assert(argno < nargs);
	return types[argno] == INT8OID;
}

/*
 * The member that argument argno names: of type bigint the number inside, of
 * type text what the user's table writes.
 */
MemberArg
program_member_arg(FunctionCallInfo fcinfo, Program *program, int argno, const char *name, bool required)
{
	MemberArg	arg = {0};

	if (PG_ARGISNULL(argno))
	{
		if (required)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", name)));
		return arg;
	}
	arg.given = true;
	if (is_by_number(fcinfo, argno))
		arg.id = PG_GETARG_INT64(argno);
	else if (program->text_keys)
	{
		arg.key = DatumGetTextPCopy(PG_GETARG_DATUM(argno));
		if (VARSIZE_ANY_EXHDR(arg.key) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s must not be empty", name)));
	}
	else
		arg.id = DatumGetInt64(DirectFunctionCall1(int8in, CStringGetDatum(text_to_cstring(PG_GETARG_TEXT_PP(argno)))));
	if (arg.key == NULL && arg.id < 0)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("member id %lld is out of range", (long long) arg.id),
				 errhint("Ids are 0 to 9223372036854775807.")));
	return arg;
}

/* A member that has to exist; its key, if it came by one, is kept for messages. */
void
program_member_must_exist(Program *program, MemberArg *member)
{
	int64		id = member_lookup(program, member->key, member->id);

	if (id == MEMBER_NONE)
	{
		member_check_newer(program, member->key, member->id);
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("member \"%s\" does not exist in program \"%s\"",
						member->key != NULL ? text_to_cstring(member->key) : psprintf(INT64_FORMAT, member->id),
						program->name),
				 member_errfields(program, "member", "member_pkey")));
	}
	member->id = id;
}
