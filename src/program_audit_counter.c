/*
 * program_audit_counter.c
 *	  audit(): what plans counted: numbers of orders, who was paid before, and
 *	  what a rule had paid, against the sales that came before.
 *
 * Who counts locks the member before its sale draws its id, so among sales
 * that counted the order of ids is that of counting.  A sale of a plan that
 * does not count locks nobody, and one with a lower id may not have been seen:
 * where there are such, a number may lie between the two.
 *
 * Numbers of recruits are not looked at: members join with a time of the past,
 * and move.
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "program_audit.h"

static const char order_numbers[] =
"SELECT 'order_number'::text, format('order %s', s.order_key),"
"       CASE WHEN s.counted = s.of_all THEN s.counted::text ELSE format('%s to %s', s.counted, s.of_all) END,"
"       coalesce(s.order_number::text, 'none')"
"  FROM (SELECT s.order_key, s.posted_at, (s.counters->>'order_number')::numeric AS order_number,"
"               count(*) FILTER (WHERE s.counters ? 'order_number') OVER w AS counted, count(*) OVER w AS of_all"
"          FROM @sale s WINDOW w AS (PARTITION BY s.member_id ORDER BY s.sale_id ROWS UNBOUNDED PRECEDING)) s"
" WHERE s.order_number NOT BETWEEN s.counted AND s.of_all AND s.posted_at >= $1";

/* By member and rule: a sale by which the rule was applied follows one that it paid. */
static const char applied[] =
"SELECT 'once_per_buyer'::text, format('order %s, rule %s', s.order_key, s.rule), s.expected, s.applied::text"
"  FROM (SELECT s.order_key, s.posted_at, s.rule, s.applied,"
"               CASE WHEN s.before_counted > 0 THEN '1' WHEN s.before = 0 THEN '0' END AS expected"
"          FROM (SELECT s.*, sum(s.paid) OVER w - s.paid AS before,"
"                       sum(s.paid) FILTER (WHERE s.applied IS NOT NULL) OVER w"
"                       - CASE WHEN s.applied IS NOT NULL THEN s.paid ELSE 0 END AS before_counted"
"                  FROM (SELECT s.sale_id, s.order_key, s.posted_at, s.member_id, r.rule,"
"                               (s.counters->'applied'->>r.rule)::numeric AS applied,"
"                               EXISTS (SELECT FROM @ledger l WHERE l.source = 'sale' AND l.source_id = s.sale_id"
"                                        AND l.rule = r.rule)::integer AS paid"
"                          FROM @sale s"
"                         CROSS JOIN (SELECT DISTINCT k.rule COLLATE \"C\" AS rule FROM @sale a"
"                                      CROSS JOIN LATERAL jsonb_object_keys(a.counters->'applied') AS k(rule)) r) s"
"                WINDOW w AS (PARTITION BY s.member_id, s.rule ORDER BY s.sale_id ROWS UNBOUNDED PRECEDING)) s"
"         WHERE s.applied IS NOT NULL) s"
" WHERE s.applied::text <> s.expected AND s.posted_at >= $1";

/*
 * What a rule had paid a member in the period of the sale.  Each sale says so
 * of those to whom it had paid something; of those that it says nothing about
 * and pays, it was nothing.  $1 is since, the clock that of the program.
 */
static const char earned[] =
"WITH capped AS MATERIALIZED ("
"    SELECT DISTINCT c.rule, c.cap FROM @sale s"
"     CROSS JOIN LATERAL (SELECT r.key COLLATE \"C\" AS rule, k.key AS cap"
"                           FROM jsonb_each(s.counters->'earned') AS r"
"                          CROSS JOIN LATERAL jsonb_object_keys(r.value) AS k(key)) c"
"     WHERE s.counters ? 'earned'"
"), events AS ("
"    SELECT s.sale_id, l.member_id, c.rule, c.cap, sum(l.amount) AS paid, NULL::numeric AS stored"
"      FROM capped c"
"      JOIN @ledger l ON l.rule = c.rule AND l.source = 'sale'"
"      JOIN @sale s ON s.sale_id = l.source_id"
"     GROUP BY s.sale_id, l.member_id, c.rule, c.cap"
"    UNION ALL"
"    SELECT s.sale_id, m.key::bigint, r.key COLLATE \"C\", c.key, 0, m.value::numeric"
"      FROM @sale s"
"     CROSS JOIN LATERAL jsonb_each(s.counters->'earned') AS r"
"     CROSS JOIN LATERAL jsonb_each(r.value) AS c"
"     CROSS JOIN LATERAL jsonb_each_text(c.value) AS m"
"     WHERE s.counters ? 'earned'"
"), joined AS ("
"    SELECT s.sale_id, s.order_key, s.posted_at, s.currency, e.member_id, e.rule, e.cap, sum(e.paid) AS paid,"
"           CASE WHEN s.counters->'earned'->e.rule ? e.cap THEN coalesce(max(e.stored), 0) END AS stored,"
"           CASE e.cap WHEN 'member_lifetime' THEN '-infinity'"
"                      ELSE date_trunc(substr(e.cap, 8), s.occurred_at, (SELECT p.time_zone FROM @program p)) END AS period"
"      FROM events e"
"      JOIN @sale s ON s.sale_id = e.sale_id"
"     GROUP BY s.sale_id, e.member_id, e.rule, e.cap"
")"
"SELECT 'cap'::text, format('order %s: member %s, rule %s, %s', j.order_key, j.member_id, j.rule, j.cap),"
"       CASE WHEN j.counted = j.of_all THEN format('%s %s before', j.of_all, j.currency)"
"            ELSE format('%s to %s %s before', j.counted, j.of_all, j.currency) END,"
"       format('%s %s', j.stored, j.currency)"
"  FROM (SELECT j.*, sum(j.paid) OVER w - j.paid AS of_all,"
"               coalesce(sum(j.paid) FILTER (WHERE j.stored IS NOT NULL) OVER w, 0)"
"               - CASE WHEN j.stored IS NOT NULL THEN j.paid ELSE 0 END AS counted"
"          FROM joined j"
"        WINDOW w AS (PARTITION BY j.member_id, j.rule, j.cap, j.currency, j.period ORDER BY j.sale_id ROWS UNBOUNDED PRECEDING)) j"
" WHERE j.stored NOT BETWEEN j.counted AND j.of_all AND j.posted_at >= $1";

void
audit_counters(Audit *audit)
{
	bool		any_number = false;
	bool		any_applied = false;
	bool		any_earned = false;

	for (int i = 0; i < audit->nplans; i++)
	{
		any_number |= audit->plans[i].plan->uses_order_number;
		any_applied |= audit->plans[i].plan->uses_applied;
		any_earned |= audit->plans[i].plan->uses_earned;
	}
	if (any_number)
		audit_query(audit, order_numbers);
	if (audit->archived_before != DT_NOBEGIN)
		return;					/* what was paid before cannot be told */
	if (any_applied)
		audit_query(audit, applied);
	if (any_earned)
		audit_query(audit, earned);
}
