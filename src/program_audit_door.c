/*
 * program_audit_door.c
 *	  audit(): the doors into the ledger: what has passed one, and only that,
 *	  has its rows; what belongs to a door refers to one that is there.
 *
 * Sales and refunds are in files of their own, as they are calculated.
 */
#include "compat.h"

#include "program_audit.h"

/*
 * What enters as it was told: one row for an adjustment, up to three for a
 * payout, and as many for its failure, each of which reverses one.
 */
static const char moves[] =
"WITH expected AS ("
"    SELECT 'adjustment'::text COLLATE \"C\" AS source, a.adjustment_id AS source_id, a.kind AS rule,"
"           a.member_id, a.amount, a.currency, a.recorded_at AS posted_at, NULL::bigint AS reverses, a.adjustment_key AS key"
"      FROM @adjustment a WHERE a.recorded_at >= $1 AND a.recorded_at >= $2"
"    UNION ALL"
"    SELECT 'payout', p.payout_id, r.rule, p.member_id, r.amount, p.currency, p.requested_at, NULL, p.payout_key"
"      FROM @payout p"
"     CROSS JOIN LATERAL (VALUES ('payout'::text COLLATE \"C\", p.fee + p.tax - p.amount),"
"                                ('fee', -p.fee), ('tax', -p.tax)) AS r(rule, amount)"
"     WHERE p.requested_at >= $1 AND p.requested_at >= $2 AND r.amount <> 0"
"    UNION ALL"
"    SELECT 'payout_failure', p.payout_id, l.rule, l.member_id, -l.amount, l.currency, f.recorded_at, l.entry_id, p.payout_key"
"      FROM @payout_failure f"
"      JOIN @payout p ON p.payout_id = f.payout_id"
"      JOIN @ledger l ON l.source_id = p.payout_id AND l.source = 'payout'"
"     WHERE f.recorded_at >= $1 AND f.recorded_at >= $2"
"), found AS ("
"    SELECT l.* FROM @ledger l"
"     WHERE l.source IN ('adjustment', 'payout', 'payout_failure') AND l.posted_at >= $1"
")"
"SELECT coalesce(e.source, l.source)::text,"
"       CASE WHEN e.source IS NULL THEN format('entry %s of %s %s, rule %s', l.entry_id, l.source, l.source_id, l.rule)"
"            WHEN e.source = 'payout_failure' THEN format('failure of payout %s, rule %s', e.key, e.rule)"
"            ELSE format('%s %s, rule %s', e.source, e.key, e.rule) END,"
"       CASE WHEN e.source IS NOT NULL"
"            THEN concat_ws(', ', format('%s %s for member %s', e.amount, e.currency, e.member_id),"
"                           'reverses ' || e.reverses, 'posted at ' || e.posted_at) ELSE 'none' END,"
"       CASE WHEN l.source IS NOT NULL"
"            THEN concat_ws(', ', format('%s %s for member %s', l.amount, l.currency, l.member_id),"
"                           'reverses ' || l.reverses, 'posted at ' || l.posted_at,"
"                           CASE WHEN l.available_at IS DISTINCT FROM l.posted_at"
"                                THEN 'available at ' || coalesce(l.available_at::text, 'none') END,"
"                           CASE WHEN (l.level, l.line, l.basis) <> (0, 0, 0)"
"                                THEN format('level %s, line %s, basis %s', l.level, l.line, l.basis) END) ELSE 'none' END"
"  FROM expected e"
"  FULL JOIN found l ON l.source = e.source AND l.source_id = e.source_id AND l.rule = e.rule"
" WHERE e.source IS NULL OR l.source IS NULL"
"    OR l.amount <> e.amount OR l.currency <> e.currency OR l.member_id <> e.member_id"
"    OR l.reverses IS DISTINCT FROM e.reverses OR l.posted_at <> e.posted_at"
"    OR l.available_at IS DISTINCT FROM l.posted_at OR (l.level, l.line, l.basis) <> (0, 0, 0)";

/* Nobody is to be paid whom the tree does not know; those of sales stand on their paths. */
static const char members[] =
"SELECT d.source, d.object, format('member %s', d.member_id), 'none'::text"
"  FROM (SELECT 'adjustment'::text AS source, format('adjustment %s', a.adjustment_key) AS object, a.member_id"
"          FROM @adjustment a WHERE a.recorded_at >= $1"
"        UNION ALL"
"        SELECT 'payout', format('payout %s', p.payout_key), p.member_id"
"          FROM @payout p WHERE p.requested_at >= $1) d"
" WHERE NOT EXISTS (SELECT FROM @member m WHERE m.member_id = d.member_id)";

static const char payout_steps[] =
"SELECT 'payout_step'::text, d.object, d.expected, 'none'::text"
"  FROM (SELECT format('approval of payout %s', a.payout_id) AS object, format('payout %s', a.payout_id) AS expected"
"          FROM @payout_approval a"
"         WHERE a.approved_at >= $1 AND NOT EXISTS (SELECT FROM @payout p WHERE p.payout_id = a.payout_id)"
"        UNION ALL"
"        SELECT format('settlement of payout %s', s.payout_id), format('payout %s', s.payout_id)"
"          FROM @payout_settlement s"
"         WHERE s.recorded_at >= $1 AND NOT EXISTS (SELECT FROM @payout p WHERE p.payout_id = s.payout_id)"
"        UNION ALL"
"        SELECT format('failure of payout %s', f.payout_id), format('payout %s', f.payout_id)"
"          FROM @payout_failure f"
"         WHERE f.recorded_at >= $1 AND NOT EXISTS (SELECT FROM @payout p WHERE p.payout_id = f.payout_id)"
"        UNION ALL"
"        SELECT format('payout %s in batch %s', i.payout_id, i.payout_batch_id), format('payout %s', i.payout_id)"
"          FROM @payout_batch_item i"
"         WHERE NOT EXISTS (SELECT FROM @payout p WHERE p.payout_id = i.payout_id)"
"        UNION ALL"
"        SELECT format('payout %s in batch %s', i.payout_id, i.payout_batch_id), format('batch %s', i.payout_batch_id)"
"          FROM @payout_batch_item i"
"         WHERE NOT EXISTS (SELECT FROM @payout_batch b WHERE b.payout_batch_id = i.payout_batch_id)"
"        UNION ALL"
"        SELECT format('payout %s', p.payout_key), format('terms of %s, version %s', p.currency, p.terms_version)"
"          FROM @payout p"
"         WHERE p.requested_at >= $1 AND p.terms_version IS NOT NULL"
"           AND NOT EXISTS (SELECT FROM @payout_terms t WHERE t.currency = p.currency AND t.version = p.terms_version)) d";

/*
 * Each number once, which no index sees to: one with all partitions' rows
 * cannot be.  Counting is by far quicker than grouping, and enough as a rule.
 */
static const char entry_ids[] =
"SELECT 'entry_id'::text, format('entry %s', l.entry_id), '1 row'::text, format('%s rows', count(*))"
"  FROM @ledger l"
" WHERE (SELECT count(DISTINCT a.entry_id) <> count(*) FROM @ledger a)"
" GROUP BY l.entry_id HAVING count(*) > 1 AND max(l.posted_at) >= $1";

/* A changed order replaces the one before, of which nothing is left. */
static const char revisions[] =
"SELECT 'sale_revision'::text, format('order %s, revision %s', s.order_key, s.revision),"
"       CASE WHEN b.sale_id IS NULL OR b.order_key <> s.order_key OR b.revision <> s.revision - 1"
"            THEN format('replaces revision %s', s.revision - 1)"
"            ELSE format('revision %s taken back: %s %s', b.revision, b.amount, b.currency) END,"
"       CASE WHEN b.sale_id IS NULL THEN format('replaces sale %s, which is not there', s.replaces)"
"            WHEN b.order_key <> s.order_key OR b.revision <> s.revision - 1"
"            THEN format('replaces revision %s of order %s', b.revision, b.order_key)"
"            ELSE format('%s %s', coalesce(b.taken::text, 'none'), b.currency) END"
"  FROM @sale s"
"  LEFT JOIN LATERAL (SELECT b.*, (SELECT sum(p.amount) FROM @refund_posting p WHERE p.sale_id = b.sale_id) AS taken"
"                       FROM @sale b WHERE b.sale_id = s.replaces) b ON true"
" WHERE s.revision > 1 AND s.posted_at >= $1"
"   AND (b.sale_id IS NULL OR b.order_key <> s.order_key OR b.revision <> s.revision - 1"
"        OR b.taken IS DISTINCT FROM b.amount)";

static const char sale_lines[] =
"SELECT 'sale_line'::text, coalesce('order ' || max(s.order_key), 'lines of sale ' || l.sale_id),"
"       CASE WHEN max(s.sale_id) IS NULL THEN format('sale %s', l.sale_id) ELSE format('lines 1 to %s', count(*)) END,"
"       CASE WHEN max(s.sale_id) IS NULL THEN 'none' ELSE format('lines %s to %s', min(l.line), max(l.line)) END"
"  FROM @sale_line l"
"  LEFT JOIN @sale s ON s.sale_id = l.sale_id"
" WHERE s.sale_id IS NULL OR s.posted_at >= $1"
" GROUP BY l.sale_id"
" HAVING max(s.sale_id) IS NULL OR min(l.line) <> 1 OR max(l.line) <> count(*)";

/* What a release says is asked for only where the posting left it open. */
static const char releases[] =
"SELECT 'sale_release'::text, coalesce('order ' || s.order_key, 'release of sale ' || r.sale_id),"
"       CASE WHEN s.sale_id IS NULL THEN format('sale %s', r.sale_id)"
"            WHEN r.available_at < r.fulfilled_at THEN format('available from %s on', r.fulfilled_at)"
"            ELSE 'entries that wait for the release' END,"
"       CASE WHEN s.sale_id IS NULL THEN 'none'"
"            WHEN r.available_at < r.fulfilled_at THEN format('available from %s on', r.available_at)"
"            ELSE 'entries that have a time of their own' END"
"  FROM @sale_release r"
"  LEFT JOIN @sale s ON s.sale_id = r.sale_id"
" WHERE r.recorded_at >= $1"
"   AND (s.sale_id IS NULL OR r.available_at < r.fulfilled_at"
"        OR EXISTS (SELECT FROM @ledger l WHERE l.source = 'sale' AND l.source_id = r.sale_id AND l.available_at IS NOT NULL))";

void
audit_doors(Audit *audit)
{
	audit_query(audit, moves);
	audit_query(audit, members);
	audit_query(audit, payout_steps);
	audit_query(audit, entry_ids);
	audit_query(audit, revisions);
	audit_query(audit, sale_lines);
	audit_query(audit, releases);
}
