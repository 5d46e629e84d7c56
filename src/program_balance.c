/*
 * program_balance.c
 *	  What members have.
 */
#include "compat.h"

#include "program_account.h"
#include "program_balance.h"

Numeric
account_available(Program *program, int64 member_id, const char *currency)
{
	AccountSet	set = {0};

	account_add(&set, member_id, currency);
	account_look(program, &set);
	return set.accounts[0].available;
}
