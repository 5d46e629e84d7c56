/*
 * program_balance.h
 *	  What a member has: pending, available, paid out.
 */
#ifndef DISTRIBUTOR_PROGRAM_BALANCE_H
#define DISTRIBUTOR_PROGRAM_BALANCE_H

#include "program.h"

/*
 * Time in statements.  An entry counts at the time it was posted, or, where it
 * was committed after that period had been closed, at the end of the last
 * period that it missed.  So the entries before a moment are those that
 * program_entries_before() tells by two numbers: posted_at < moment and
 * entry_id <= limit.
 */
extern int64 program_entries_before(Program *program, TimestampTz moment);

extern void program_check_statements_from(Program *program, TimestampTz moment);

/* The sale whose release says when an entry is available that does not say so itself. */
#define UNRELEASED_SALE(entry, posting) \
	"CASE " entry ".source WHEN 'sale' THEN " entry ".source_id WHEN 'refund' THEN " posting ".sale_id END"

/* Joins that find it: rows p and r for entry l. */
#define JOIN_RELEASE \
	"  LEFT JOIN @refund_posting p ON l.available_at IS NULL AND l.source = 'refund' AND p.refund_id = l.source_id" \
	"  LEFT JOIN @sale_release r ON l.available_at IS NULL AND r.sale_id = " UNRELEASED_SALE("l", "p")

#endif							/* DISTRIBUTOR_PROGRAM_BALANCE_H */
