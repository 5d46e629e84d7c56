-- Team totals, rollups and the aggregate in parts against naive recursion, all
-- in one statement: whatever they disagree about is a row of plain.fault.
\set QUIET on
SET client_min_messages = warning;
CREATE SCHEMA plain;

-- People by recursion over sponsors.
CREATE VIEW plain.team AS
WITH RECURSIVE team AS (
	SELECT member_id AS head, member_id, joined_at, 0 AS level FROM shop.member
	UNION ALL
	SELECT t.head, m.member_id, m.joined_at, t.level + 1 FROM team t JOIN shop.member m ON m.sponsor_id = t.member_id)
TABLE team;

-- Sales, the last revision of each, by the upline that it had.
CREATE VIEW plain.credit AS
SELECT h.head, s.occurred_at AS at, s.amount - (SELECT coalesce(sum(r.amount), 0) FROM shop.refund_posting r WHERE r.sale_id = s.sale_id) AS net
FROM shop.sale s, unnest(s.path::bigint[]) h(head)
WHERE s.currency = (SELECT currency FROM shop.program) AND NOT EXISTS (SELECT FROM shop.sale n WHERE n.replaces = s.sale_id);

CREATE VIEW plain.total AS
SELECT m.member_id, coalesce(p.people, 0) AS people, coalesce(s.sales, 0) AS sales, coalesce(s.volume, 0) AS volume
FROM shop.member m
LEFT JOIN (SELECT head, count(*) AS people FROM plain.team GROUP BY head) p ON p.head = m.member_id
LEFT JOIN (SELECT head, count(*) AS sales, sum(net) AS volume FROM plain.credit GROUP BY head) s ON s.head = m.member_id;

CREATE VIEW plain.total_of_period AS
SELECT member_id, period, sum(people)::bigint AS people, sum(sales)::bigint AS sales, sum(volume) AS volume
FROM shop.program g,
LATERAL (
	SELECT head AS member_id, joined_at AS at, 1 AS people, 0 AS sales, 0 AS volume FROM plain.team
	UNION ALL SELECT head, at, 0, 1, net FROM plain.credit) x,
LATERAL (SELECT date_trunc(g.total_period, x.at AT TIME ZONE g.time_zone)::date AS period) y
GROUP BY member_id, period;

-- What is rolled up: sales as they were, and what was taken back, one by one.
CREATE VIEW plain.entry AS
SELECT path, amount, sale_id % 2 = 0 AS part FROM shop.sale WHERE currency = (SELECT currency FROM shop.program)
UNION ALL
SELECT s.path, - r.amount, r.refund_id % 3 = 0 FROM shop.sale s JOIN shop.refund_posting r USING (sale_id) WHERE s.currency = (SELECT currency FROM shop.program);

CREATE VIEW plain.fault AS
SELECT 'team_total' AS what, p.member_id, (p.people, p.sales, p.volume)::text AS should, t::text AS says
FROM plain.total p, LATERAL (SELECT * FROM distributor.team_total('shop', p.member_id) WHERE (SELECT total_period IS NOT NULL FROM shop.program)) t
WHERE (p.people, p.sales, p.volume) IS DISTINCT FROM (t.people, t.sales, t.volume)
UNION ALL
SELECT 'team_total of ' || p.period, p.member_id, (p.people, p.sales, p.volume)::text, t::text
FROM plain.total_of_period p, LATERAL (SELECT * FROM distributor.team_total('shop', p.member_id, p.period) WHERE (SELECT total_period IS NOT NULL FROM shop.program)) t
WHERE hashint8(p.member_id) % 5 = 0 AND (p.people, p.sales, p.volume) IS DISTINCT FROM (t.people, t.sales, t.volume)
UNION ALL
SELECT 'team_rollup of people', coalesce(p.member_id, t.member_id), p.people::text, t.team_size::text
FROM plain.total p FULL JOIN distributor.team_rollup('SELECT path FROM shop.member') t USING (member_id)
WHERE p.people IS DISTINCT FROM t.team_size
UNION ALL
SELECT 'team_rollup of sales', coalesce(p.head, t.member_id), p.net::text, t.net::text
FROM (SELECT head, sum(net) AS net FROM plain.credit GROUP BY head) p
FULL JOIN (SELECT member_id, sum(team[1]) AS net FROM distributor.team_rollup('SELECT path, amount FROM plain.entry') GROUP BY member_id) t ON t.member_id = p.head
WHERE coalesce(p.net, 0) <> coalesce(t.net, 0)
UNION ALL
SELECT 'rollup_state in parts', coalesce(p.head, t.member_id), p.net::text, t.net::text
FROM (SELECT head, sum(net) AS net FROM plain.credit GROUP BY head) p
FULL JOIN (SELECT member_id, sum(team[1]) AS net
	FROM distributor.rollup_members((SELECT distributor.rollup_state_combine(
			(SELECT distributor.rollup_state(path, amount) FROM plain.entry WHERE part), (SELECT distributor.rollup_state(path, amount) FROM plain.entry WHERE NOT part))))
	GROUP BY member_id) t ON t.member_id = p.head
WHERE coalesce(p.net, 0) <> coalesce(t.net, 0);
