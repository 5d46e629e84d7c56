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

/* A changed order keeps its number, unless it is another member's now. */
static const char order_numbers[] =
"SELECT 'order_number'::text, format('order %s', s.order_key),"
"       CASE WHEN s.counted = s.of_all THEN s.counted::text ELSE format('%s to %s', s.counted, s.of_all) END,"
"       coalesce(s.order_number::text, 'none')"
"  FROM (SELECT s.order_key, s.posted_at, s.is_first, s.order_number,"
"               CASE WHEN s.is_first THEN count(*) FILTER (WHERE s.is_first AND s.order_number IS NOT NULL) OVER w ELSE 1 END AS counted,"
"               count(*) FILTER (WHERE s.is_first) OVER w AS of_all"
"          FROM (SELECT s.sale_id, s.member_id, s.order_key, s.posted_at, (s.counters->>'order_number')::numeric AS order_number,"
"                       s.revision = 1 OR NOT EXISTS (SELECT FROM @sale v WHERE v.order_key = s.order_key"
"                                                        AND v.revision < s.revision AND v.member_id = s.member_id) AS is_first"
"                  FROM @sale s) s"
"        WINDOW w AS (PARTITION BY s.member_id ORDER BY s.sale_id ROWS UNBOUNDED PRECEDING)) s"
" WHERE s.order_number NOT BETWEEN s.counted AND s.of_all AND s.posted_at >= $1";

/*
 * Whether a rule had paid in an earlier sale of the member.  A sale that was
 * replaced counts up to the one that replaced it.
 */
static const char applied[] =
"WITH rules AS MATERIALIZED ("
"    SELECT DISTINCT k.rule COLLATE \"C\" AS rule FROM @sale a"
"     CROSS JOIN LATERAL jsonb_object_keys(a.counters->'applied') AS k(rule)"
"), paid AS MATERIALIZED ("
"    SELECT s.sale_id, s.order_key, s.posted_at, s.member_id, s.replaces, r.rule,"
"           (s.counters->'applied'->>r.rule)::numeric AS applied,"
"           EXISTS (SELECT FROM @ledger l WHERE l.source = 'sale' AND l.source_id = s.sale_id AND l.rule = r.rule)::integer AS paid"
"      FROM @sale s CROSS JOIN rules r"
"), events AS ("
"    SELECT e.sale_id, e.order_key, e.posted_at, e.member_id, e.rule, e.applied, e.paid, 0 AS taken,"
"           CASE WHEN e.applied IS NOT NULL THEN e.paid ELSE 0 END AS counted"
"      FROM paid e"
"    UNION ALL"
"    SELECT z.sale_id, NULL, NULL, e.member_id, e.rule, NULL, 0, e.paid, 0"
"      FROM @sale z JOIN paid e ON e.sale_id = z.replaces"
")"
"SELECT 'once_per_buyer'::text, format('order %s, rule %s', e.order_key, e.rule), e.expected, e.applied::text"
"  FROM (SELECT e.*, CASE WHEN sum(e.counted - e.taken) OVER w - e.counted > 0 THEN '1'"
"                         WHEN sum(e.paid - e.taken) OVER w - e.paid <= 0 THEN '0' END AS expected"
"          FROM events e WINDOW w AS (PARTITION BY e.member_id, e.rule ORDER BY e.sale_id RANGE UNBOUNDED PRECEDING)) e"
" WHERE e.applied::text <> e.expected AND e.posted_at >= $1";

/*
 * What a rule had paid a member in the period of the sale.  Each sale says so
 * of those to whom it had paid something; of those that it says nothing about
 * and pays, it was nothing.
 */
static const char earned[] =
"WITH capped AS MATERIALIZED ("
"    SELECT DISTINCT c.rule, c.cap FROM @sale s"
"     CROSS JOIN LATERAL (SELECT r.key COLLATE \"C\" AS rule, k.key AS cap"
"                           FROM jsonb_each(s.counters->'earned') AS r"
"                          CROSS JOIN LATERAL jsonb_object_keys(r.value) AS k(key)) c"
"     WHERE s.counters ? 'earned'"
"), amounts AS ("
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
"), sales AS MATERIALIZED ("
"    SELECT s.sale_id, s.order_key, s.posted_at, s.currency, a.member_id, a.rule, a.cap, sum(a.paid) AS paid,"
"           CASE WHEN s.counters->'earned'->a.rule ? a.cap THEN coalesce(max(a.stored), 0) END AS stored,"
"           CASE a.cap WHEN 'member_lifetime' THEN '-infinity'"
"                      ELSE date_trunc(substr(a.cap, 8), s.occurred_at, (SELECT p.time_zone FROM @program p)) END AS period"
"      FROM amounts a"
"      JOIN @sale s ON s.sale_id = a.sale_id"
"     GROUP BY s.sale_id, a.member_id, a.rule, a.cap"
"), events AS ("
"    SELECT e.sale_id, e.order_key, e.posted_at, e.currency, e.member_id, e.rule, e.cap, e.period, e.stored, e.paid, 0 AS taken,"
"           CASE WHEN e.stored IS NOT NULL THEN e.paid ELSE 0 END AS counted"
"      FROM sales e"
"    UNION ALL"
"    SELECT z.sale_id, NULL, NULL, e.currency, e.member_id, e.rule, e.cap, e.period, NULL, 0, e.paid, 0"
"      FROM @sale z JOIN sales e ON e.sale_id = z.replaces"
")"
"SELECT 'cap'::text, format('order %s: member %s, rule %s, %s', e.order_key, e.member_id, e.rule, e.cap),"
"       CASE WHEN e.least = e.most THEN format('%s %s before', e.most, e.currency)"
"            ELSE format('%s to %s %s before', e.least, e.most, e.currency) END,"
"       format('%s %s', e.stored, e.currency)"
"  FROM (SELECT e.*, sum(e.paid - e.taken) OVER w - e.paid AS most, sum(e.counted - e.taken) OVER w - e.counted AS least"
"          FROM events e"
"        WINDOW w AS (PARTITION BY e.member_id, e.rule, e.cap, e.currency, e.period ORDER BY e.sale_id RANGE UNBOUNDED PRECEDING)) e"
" WHERE e.stored NOT BETWEEN e.least AND e.most AND e.posted_at >= $1";

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
