/*
 * program_account.h
 *	  Locking members' accounts, and what is available in them.
 *
 * Whoever takes money away from members locks their accounts first, all in one
 * go, and then looks at what there is: two never take the same money.  Whoever
 * adds money locks nothing.
 */
#ifndef DISTRIBUTOR_PROGRAM_ACCOUNT_H
#define DISTRIBUTOR_PROGRAM_ACCOUNT_H

#include "money.h"
#include "program.h"

/* A member's money in one currency. */
typedef struct Account
{
	int64		member_id;
	const char *currency;
	Numeric		available;		/* once looked at */
} Account;

typedef struct AccountSet
{
	int			n;
	int			room;
	Account    *accounts;		/* once locked, in order, each once */
} AccountSet;

/*
 * When a row l of the ledger is available: SQL, NULL for never so far.  What a
 * refund takes of an entry waits for the same release as the entry.
 */
#define ACCOUNT_AVAILABLE_AT \
	"coalesce(l.available_at," \
	"         (SELECT r.available_at FROM @sale_release r" \
	"           WHERE r.sale_id = CASE l.source WHEN 'sale' THEN l.source_id" \
	"                             ELSE (SELECT q.sale_id FROM @refund_posting q WHERE q.refund_id = l.source_id) END))"

/*
 * Does the row count at the moment that the parameter names?  What takes money
 * away and was in force when it was posted always does: the transactions that
 * wrote it and look at it may have begun in any order.
 */
#define ACCOUNT_COUNTS(at) \
	"(" ACCOUNT_AVAILABLE_AT " <= " at " OR (l.amount < 0 AND l.available_at <= l.posted_at))"

/* The same of a row h of held. */
#define ACCOUNT_HELD_COUNTS(at) \
	"coalesce(h.available_at," \
	"         (SELECT r.available_at FROM @sale_release r WHERE r.sale_id = h.sale_id)) <= " at

/* What is available to a member in a currency at that moment, or later. */
#define ACCOUNT_AVAILABLE(member, currency, at) \
	"coalesce((SELECT a.available FROM @account a" \
	"           WHERE a.member_id = " member " AND a.currency = " currency "), 0)" \
	" + coalesce((SELECT sum(h.amount) FROM @held h" \
	"              WHERE h.member_id = " member " AND h.currency = " currency \
	"                AND " ACCOUNT_HELD_COUNTS(at) "), 0)" \
	" + coalesce((SELECT sum(l.amount) FROM @ledger l" \
	"              WHERE l.member_id = " member " AND l.currency = " currency \
	"                AND l.entry_id > (SELECT s.folded_through FROM @program s)" \
	"                AND " ACCOUNT_COUNTS(at) "), 0)"

extern void account_add(AccountSet *set, int64 member_id, const char *currency);
extern void account_sort(AccountSet *set);
extern void account_lock(Program *program, AccountSet *set);
extern void account_look(Program *program, AccountSet *set);
extern Numeric account_available(Program *program, int64 member_id, const char *currency);
extern void account_arrays(const AccountSet *set, Datum *member_ids, Datum *currencies);

#endif							/* DISTRIBUTOR_PROGRAM_ACCOUNT_H */
