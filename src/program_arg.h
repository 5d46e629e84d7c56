/*
 * program_arg.h
 *	  Arguments of functions that users call: the program, its members.
 *
 * Each function comes in two forms: members by number (bigint) and by key
 * (text).  In a program whose ids are numbers, a text must be one.
 */
#ifndef DISTRIBUTOR_PROGRAM_ARG_H
#define DISTRIBUTOR_PROGRAM_ARG_H

#include "program.h"

/* A member as an argument: by id, or by key, in which case key is not NULL. */
typedef struct MemberArg
{
	bool		given;
	int64		id;
	text	   *key;
} MemberArg;

extern Program *program_arg(FunctionCallInfo fcinfo);
extern Program *program_arg_to_read(FunctionCallInfo fcinfo);
extern Program *program_arg_to_find(FunctionCallInfo fcinfo);
extern MemberArg program_member_arg(FunctionCallInfo fcinfo, Program *program, int argno,
									const char *name, bool required);
extern void program_member_must_exist(Program *program, MemberArg *member);

#endif							/* DISTRIBUTOR_PROGRAM_ARG_H */
