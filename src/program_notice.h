/*
 * program_notice.h
 *	  Telling at commit whose balances have changed.
 */
#ifndef DISTRIBUTOR_PROGRAM_NOTICE_H
#define DISTRIBUTOR_PROGRAM_NOTICE_H

#include "utils/numeric.h"

#include "program.h"

extern void notice_add(Program *program, int64 member_id, const char *currency, Numeric change);
extern void notice_name_members(Program *program);

#endif							/* DISTRIBUTOR_PROGRAM_NOTICE_H */
