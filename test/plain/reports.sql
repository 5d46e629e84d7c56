-- Every report once more, in SQL of the plainest kind, from the tables of
-- "plain" and doc/reports.md, doc/teams.md and doc/rollup.md alone.  Where the two
-- differ, one of them is wrong, or the page; never look into the extension to
-- mend this.
--
-- as_of is the moment; infinity is now.  A function here has the columns of the
-- report, and its rows come in the order of the report.
\set QUIET on
SET client_min_messages = warning;

-- People: the tree of a moment, by recursion over sponsors.
CREATE TABLE plain.tree AS
WITH RECURSIVE moment AS (
	SELECT at AS as_of FROM plain.moment
	UNION ALL VALUES ('2011-10-01 00:00-04'::timestamptz), ('infinity')
), was AS (
	SELECT DISTINCT ON (m.as_of, c.id) m.as_of, c.id, c.sponsor, p.joined_at, c.rank, c.state
	FROM moment m JOIN plain.change c ON c.at <= m.as_of JOIN plain.person p USING (id) ORDER BY m.as_of, c.id, c.nr DESC
), tree AS (
	SELECT was.*, ARRAY[id] AS ids FROM was WHERE sponsor IS NULL
	UNION ALL
	SELECT was.*, t.ids || was.id FROM tree t JOIN was ON was.sponsor = t.id AND was.as_of = t.as_of)
TABLE tree;
CREATE UNIQUE INDEX ON plain.tree (as_of, id);
CREATE INDEX ON plain.tree (as_of, sponsor);
-- Everybody in everybody's team, the head itself at level 0.
CREATE TABLE plain.team AS
SELECT t.as_of, h.head, t.id, cardinality(t.ids) - h.nth::int AS level, t.ids[h.nth + 1] AS leg, t.ids, t.sponsor, t.joined_at, t.rank, t.state
FROM plain.tree t, unnest(t.ids) WITH ORDINALITY h(head, nth);
CREATE INDEX ON plain.team (as_of, head, level);

-- Sales: what remains of them, and for whom they count, by the upline that each had.
CREATE TABLE plain.sold AS
SELECT m.as_of, s.order_key, s.buyer, s.upline, s.at, s.currency = 'GBP' AS ours, s.attributes,
	s.amount, r.amount AS refunded, s.amount - r.amount AS net, s.amount > r.amount AS bought
FROM (SELECT DISTINCT as_of FROM plain.tree) m
JOIN plain.sale s ON s.at <= m.as_of
CROSS JOIN LATERAL (SELECT coalesce(sum(r.amount), 0) AS amount FROM plain.refund r WHERE r.order_key = s.order_key AND r.at <= m.as_of) r;
CREATE INDEX ON plain.sold (as_of, buyer, at);
CREATE INDEX ON plain.sold (as_of, at);
CREATE TABLE plain.credit AS
SELECT s.as_of, h.head, cardinality(s.upline) - h.nth::int AS level, s.upline[h.nth + 1] AS leg, s.buyer, s.at, s.net
FROM plain.sold s, unnest(s.upline) WITH ORDINALITY h(head, nth) WHERE s.ours;
CREATE INDEX ON plain.credit (as_of, head, level);
ANALYZE plain.tree, plain.team, plain.sold, plain.credit;

-- Periods, as the clocks of New York say them.
CREATE TABLE plain.period (name text, "from" timestamptz, "to" timestamptz, lower timestamptz NOT NULL, upper timestamptz NOT NULL);
INSERT INTO plain.period (name, lower, upper)
SELECT name, lower AT TIME ZONE 'America/New_York', upper AT TIME ZONE 'America/New_York' FROM (VALUES
	('2011', '2011-01-01'::timestamp, '2012-01-01'::timestamp), ('2011-Q4', '2011-10-01', '2012-01-01'), ('2011-11', '2011-11-01', '2011-12-01'),
	('2011-W47', '2011-11-21', '2011-11-28'), ('2011-11-06', '2011-11-06', '2011-11-07'), ('2030', '2030-01-01', '2031-01-01'),
	('this year', date_trunc('year', now() AT TIME ZONE 'America/New_York'), date_trunc('year', now() AT TIME ZONE 'America/New_York') + interval '1 year'),
	('last month', date_trunc('month', now() AT TIME ZONE 'America/New_York') - interval '1 month', date_trunc('month', now() AT TIME ZONE 'America/New_York')),
	('this week', date_trunc('week', now() AT TIME ZONE 'America/New_York'), date_trunc('week', now() AT TIME ZONE 'America/New_York') + interval '1 week')) p(name, lower, upper);
INSERT INTO plain.period VALUES (NULL, NULL, NULL, '-infinity', 'infinity'), (NULL, '2011-03-13 01:00-05', NULL, '2011-03-13 01:00-05', 'infinity'),
	(NULL, NULL, '2011-08-01 00:00+00', '-infinity', '2011-08-01 00:00+00'), (NULL, '2011-02-01 00:00+00', '2011-08-01 00:00+00', '2011-02-01 00:00+00', '2011-08-01 00:00+00');

CREATE FUNCTION plain.month_of(t timestamptz) RETURNS date LANGUAGE sql STABLE AS $$
	SELECT date_trunc('month', t AT TIME ZONE 'America/New_York')::date
$$;

CREATE FUNCTION plain.team(m bigint, max_level integer, t timestamptz)
RETURNS TABLE (member_id bigint, member_key text, sponsor_id bigint, level integer, path distributor.refpath, rank text, state text, joined_at timestamptz, personal_volume numeric, team_volume numeric)
LANGUAGE sql STABLE AS $$
	SELECT id, id::text AS member_key, sponsor, level, array_to_string(ids, '.')::distributor.refpath, rank, state, joined_at,
		(SELECT coalesce(sum(net), 0) FROM plain.credit c WHERE c.as_of = t AND c.head = x.id AND c.level = 0),
		(SELECT coalesce(sum(net), 0) FROM plain.credit c WHERE c.as_of = t AND c.head = x.id)
	FROM plain.team x WHERE as_of = t AND head = m AND (level <= max_level OR max_level IS NULL) ORDER BY ids
$$;

CREATE FUNCTION plain.team_by_level(m bigint, max_level integer, lower timestamptz, upper timestamptz, t timestamptz)
RETURNS TABLE (level integer, members bigint, active bigint, joined bigint, sales bigint, volume numeric)
LANGUAGE sql STABLE AS $$
	SELECT level, coalesce(members, 0), coalesce(active, 0), coalesce(joined, 0), coalesce(sales, 0), coalesce(volume, 0)
	FROM (SELECT level, count(*) AS members, count(*) FILTER (WHERE state = 'active') AS active, count(*) FILTER (WHERE joined_at >= lower AND joined_at < upper) AS joined
		FROM plain.team WHERE as_of = t AND head = m GROUP BY level) p
	FULL JOIN (SELECT level, count(*) AS sales, sum(net) AS volume
		FROM plain.credit WHERE as_of = t AND head = m AND at >= lower AND at < upper GROUP BY level) s USING (level)
	WHERE (level <= max_level OR max_level IS NULL) AND EXISTS (SELECT FROM plain.tree WHERE as_of = t AND id = m) ORDER BY level
$$;

CREATE FUNCTION plain.legs(m bigint, lower timestamptz, upper timestamptz, t timestamptz)
RETURNS TABLE (member_id bigint, member_key text, state text, size bigint, active bigint, deepest integer, joined bigint, sales bigint, volume numeric)
LANGUAGE sql STABLE AS $$
	SELECT leg, leg::text AS member_key, (SELECT h.state FROM plain.tree h WHERE h.as_of = t AND h.id = leg), coalesce(size, 0), coalesce(active, 0), deepest, coalesce(joined, 0), coalesce(sales, 0), coalesce(volume, 0) AS volume
	FROM (SELECT leg, count(*) AS size, count(*) FILTER (WHERE state = 'active') AS active, max(level) AS deepest, count(*) FILTER (WHERE joined_at >= lower AND joined_at < upper) AS joined
		FROM plain.team WHERE as_of = t AND head = m AND level > 0 GROUP BY leg) p
	FULL JOIN (SELECT leg, count(*) AS sales, sum(net) AS volume
		FROM plain.credit WHERE as_of = t AND head = m AND level > 0 AND at >= lower AND at < upper GROUP BY leg) s USING (leg)
	WHERE EXISTS (SELECT FROM plain.tree WHERE as_of = t AND id = m) ORDER BY coalesce(volume, 0) DESC, leg
$$;

-- What the ledger says was earned, when the sale was.  (004_demo.pl compares the
-- ledger itself with plain SQL.)
CREATE VIEW plain.earned AS
SELECT l.member_id AS id, s.occurred_at AS at, l.amount
FROM shop.ledger l LEFT JOIN shop.refund_posting r ON l.source = 'refund' AND r.refund_id = l.source_id
JOIN shop.sale s ON s.sale_id = coalesce(r.sale_id, l.source_id)
WHERE l.source IN ('sale', 'refund') AND l.currency = 'GBP';

CREATE FUNCTION plain.leaderboard(metric text, scope bigint, lower timestamptz, upper timestamptz)
RETURNS TABLE (place bigint, member_id bigint, member_key text, value numeric)
LANGUAGE sql STABLE AS $$
	WITH value AS (
		SELECT head AS id, sum(net) AS value FROM plain.credit
		WHERE as_of = 'infinity' AND at >= lower AND at < upper AND (metric = 'team_volume' OR metric = 'personal_volume' AND level = 0) GROUP BY head
		UNION ALL
		SELECT id, sum(amount) FROM plain.earned WHERE metric = 'commissions' AND at >= lower AND at < upper GROUP BY id
		UNION ALL
		SELECT sponsor, count(*) FROM plain.tree
		WHERE metric = 'recruits' AND as_of = 'infinity' AND sponsor IS NOT NULL AND joined_at >= lower AND joined_at < upper GROUP BY sponsor)
	SELECT rank() OVER (ORDER BY value DESC), id, id::text AS member_key, value FROM value
	WHERE value > 0 AND (scope IS NULL OR id IN (SELECT x.id FROM plain.team x WHERE x.as_of = 'infinity' AND x.head = scope)) ORDER BY value DESC, id
$$;

CREATE FUNCTION plain.promoters("by" text[], lower timestamptz, upper timestamptz)
RETURNS TABLE (member_id bigint, member_key text, attributes jsonb, buyers bigint, new_buyers bigint, sales bigint, volume numeric)
LANGUAGE sql STABLE AS $$
	SELECT promoter, promoter::text AS member_key, x.attributes, count(DISTINCT buyer) AS buyers, count(DISTINCT buyer) FILTER (WHERE at = first), count(*), sum(CASE WHEN ours THEN net ELSE 0 END)
	FROM (SELECT s.*, s.upline[cardinality(s.upline) - 1] AS promoter, min(s.at) OVER (PARTITION BY s.buyer) AS first,
			coalesce((SELECT jsonb_object_agg(name, s.attributes -> name) FROM unnest("by") name), '{}') AS chosen
		FROM plain.sold s WHERE as_of = 'infinity' AND bought) s,
	LATERAL (SELECT chosen AS attributes) x
	WHERE at >= lower AND at < upper AND promoter IS NOT NULL GROUP BY promoter, x.attributes ORDER BY buyers DESC, promoter, x.attributes
$$;

CREATE FUNCTION plain.region(attribute text, lower timestamptz, upper timestamptz)
RETURNS TABLE (value text, buyers bigint, sales bigint, amount numeric, refunded numeric, volume numeric)
LANGUAGE sql STABLE AS $$
	SELECT v.value, count(DISTINCT buyer) FILTER (WHERE bought), count(*), sum(s.amount), sum(s.refunded), sum(net)
	FROM plain.sold s, LATERAL (SELECT attributes ->> attribute AS value) v
	WHERE as_of = 'infinity' AND ours AND at >= lower AND at < upper GROUP BY v.value ORDER BY v.value COLLATE "C" NULLS LAST
$$;

-- The median of an even number: the lower one of the two in the middle.
CREATE FUNCTION plain.growth(lower timestamptz, upper timestamptz)
RETURNS TABLE (cohort date, joined bigint, recruited bigint, activated bigint, activation numeric, time_to_sale interval, recruiters bigint, recruits bigint, viral_coefficient numeric, time_to_recruit interval)
LANGUAGE sql STABLE AS $$
	SELECT cohort, count(*), count(sponsor), count(bought), round(count(bought)::numeric / count(*), 4),
		(array_agg(greatest(bought - joined_at, '0') ORDER BY greatest(bought - joined_at, '0')) FILTER (WHERE bought IS NOT NULL))[(count(bought) + 1) / 2],
		count(*) FILTER (WHERE recruits > 0), sum(recruits)::bigint, round(sum(recruits) / count(*), 4),
		(array_agg(greatest(brought - joined_at, '0') ORDER BY greatest(brought - joined_at, '0')) FILTER (WHERE brought IS NOT NULL))[(count(brought) + 1) / 2]
	FROM (SELECT plain.month_of(t.joined_at) AS cohort, t.*, (SELECT min(at) FROM plain.sold s WHERE s.as_of = 'infinity' AND s.buyer = t.id AND s.bought) AS bought,
			(SELECT count(*) FROM plain.tree r WHERE r.as_of = 'infinity' AND r.sponsor = t.id) AS recruits, (SELECT min(r.joined_at) FROM plain.tree r WHERE r.as_of = 'infinity' AND r.sponsor = t.id) AS brought
		FROM plain.tree t WHERE as_of = 'infinity' AND joined_at >= lower AND joined_at < upper) x
	GROUP BY cohort ORDER BY cohort
$$;

CREATE FUNCTION plain.retention(lower timestamptz, upper timestamptz, months integer)
RETURNS TABLE (cohort date, month integer, members bigint, buyers bigint, share numeric)
LANGUAGE sql STABLE AS $$
	WITH member AS (SELECT id, plain.month_of(joined_at) AS cohort FROM plain.tree WHERE as_of = 'infinity' AND joined_at >= lower AND joined_at < upper),
	bought AS (SELECT DISTINCT buyer, plain.month_of(at) AS month FROM plain.sold WHERE as_of = 'infinity' AND bought)
	SELECT cohort, k, count(*), count(b.buyer), round(count(b.buyer)::numeric / count(*), 4)
	FROM member CROSS JOIN generate_series(0, months) k LEFT JOIN bought b ON b.buyer = member.id AND b.month = cohort + k * interval '1 month'
	WHERE cohort + k * interval '1 month' <= plain.month_of(now()) GROUP BY cohort, k ORDER BY cohort, k
$$;

CREATE FUNCTION plain.inactive(since timestamptz, scope bigint)
RETURNS TABLE (member_id bigint, member_key text, sponsor_id bigint, joined_at timestamptz, last_sale_at timestamptz)
LANGUAGE sql STABLE AS $$
	SELECT id, id::text AS member_key, sponsor, joined_at, last FROM plain.tree t, LATERAL (SELECT max(at) AS last FROM plain.sold s WHERE s.as_of = 'infinity' AND s.buyer = t.id AND s.bought) l
	WHERE as_of = 'infinity' AND state = 'active' AND joined_at < since AND (last IS NULL OR last < since) AND (scope IS NULL OR scope = ANY (ids)) ORDER BY id
$$;

CREATE FUNCTION plain.compliance(min_levels integer, min_people bigint)
RETURNS TABLE (member_id bigint, member_key text, sponsor_id bigint, levels integer, people bigint, frontline bigint, without_sales bigint, share_without_sales numeric)
LANGUAGE sql STABLE AS $$
	WITH bought AS (SELECT DISTINCT buyer FROM plain.sold WHERE as_of = 'infinity' AND bought),
	figure AS (
		SELECT head, max(level) AS levels, count(*) FILTER (WHERE level > 0 AND state <> 'left') AS people, count(*) FILTER (WHERE level = 1 AND state <> 'left') AS frontline,
			count(*) FILTER (WHERE level > 0 AND state <> 'left' AND b.buyer IS NULL) AS without
		FROM plain.team x LEFT JOIN bought b ON b.buyer = x.id WHERE as_of = 'infinity' GROUP BY head)
	SELECT head, head::text AS member_key, h.sponsor, levels, people, frontline, without, round(without::numeric / nullif(people, 0), 4)
	FROM figure JOIN plain.person h ON h.id = head WHERE levels >= min_levels AND people >= min_people ORDER BY people DESC, head
$$;

CREATE FUNCTION plain.team_total(m bigint, lower timestamptz, upper timestamptz, OUT people bigint, OUT sales bigint, OUT volume numeric)
LANGUAGE sql STABLE AS $$
	SELECT (SELECT count(*) FROM plain.team WHERE as_of = 'infinity' AND head = m AND joined_at >= lower AND joined_at < upper),
		(SELECT count(*) FROM plain.credit WHERE as_of = 'infinity' AND head = m AND at >= lower AND at < upper),
		(SELECT coalesce(sum(net), 0) FROM plain.credit WHERE as_of = 'infinity' AND head = m AND at >= lower AND at < upper)
$$;

-- Battles that begin at one of the moments.
CREATE FUNCTION plain.team_battle(captains bigint[], starts_at timestamptz, ends_at timestamptz)
RETURNS TABLE (day date, place bigint, team text, captain_id bigint, members bigint, sales bigint, volume numeric, total numeric)
LANGUAGE sql STABLE AS $$
	WITH roster AS (
		SELECT t.id, (SELECT u.id FROM unnest(t.ids) WITH ORDINALITY u(id, nth) WHERE u.id = ANY (captains) ORDER BY u.nth DESC LIMIT 1) AS captain
		FROM plain.tree t WHERE t.as_of = starts_at AND t.state <> 'left'
	), sold AS (
		SELECT r.captain, (s.at AT TIME ZONE 'America/New_York')::date AS day, s.net
		FROM roster r JOIN plain.sold s ON s.as_of = 'infinity' AND s.buyer = r.id AND s.ours AND s.at >= starts_at AND s.at < ends_at
	), day AS (
		SELECT d::date AS day FROM generate_series((starts_at AT TIME ZONE 'America/New_York')::date::timestamp,
			least((ends_at - interval '1 microsecond') AT TIME ZONE 'America/New_York', now() AT TIME ZONE 'America/New_York')::date, '1 day') d
	), figure AS (
		SELECT day.day, 'team ' || c AS team, c, (SELECT count(*) FROM roster r WHERE r.captain = c) AS members,
			(SELECT count(*) FROM sold s WHERE s.captain = c AND s.day = day.day) AS sales,
			(SELECT coalesce(sum(net), 0) FROM sold s WHERE s.captain = c AND s.day = day.day) AS volume,
			(SELECT coalesce(sum(net), 0) FROM sold s WHERE s.captain = c AND s.day <= day.day) AS total
		FROM day, unnest(captains) c)
	SELECT day, rank() OVER (PARTITION BY day ORDER BY total DESC) AS place, team, c, members, sales, volume, total FROM figure ORDER BY day, place, team COLLATE "C"
$$;

-- Pictures.  The order of lines is that of "at".
CREATE FUNCTION plain.lines(m bigint, max_level integer, max_width integer)
RETURNS TABLE (tree text, member_id bigint, sponsor_id bigint, folded bigint, people bigint)
LANGUAGE sql STABLE AS $$
	WITH RECURSIVE child AS (
		SELECT t.id, t.sponsor, z.size, row_number() OVER w AS nth, count(*) OVER (PARTITION BY t.sponsor) AS siblings,
			sum(z.size) OVER (w ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)::bigint AS others
		FROM plain.tree t, LATERAL (SELECT count(*) AS size FROM plain.team x WHERE x.as_of = 'infinity' AND x.head = t.id) z
		WHERE t.as_of = 'infinity' AND m = ANY (t.ids) AND t.id <> m WINDOW w AS (PARTITION BY t.sponsor ORDER BY z.size DESC, t.id)
	), line AS (
		SELECT '{}'::bigint[] AS at, 0 AS level, id::text AS tree, '' AS indent, id AS member_id, NULL::bigint AS sponsor_id, NULL::bigint AS folded,
			(SELECT count(*) FROM plain.team x WHERE x.as_of = 'infinity' AND x.head = m) AS people
		FROM plain.tree WHERE as_of = 'infinity' AND id = m
		UNION ALL
		SELECT l.at || nth, l.level + 1, l.indent || CASE WHEN last THEN '└── ' ELSE '├── ' END || CASE WHEN f.old THEN
				format('... %s more (%s %s)', f.rest, others, CASE others WHEN 1 THEN 'person' ELSE 'people' END) ELSE c.id::text END,
			l.indent || CASE WHEN last THEN '    ' ELSE '│   ' END, CASE WHEN f.old THEN NULL ELSE c.id END, l.member_id, CASE WHEN f.old THEN f.rest END, CASE WHEN f.old THEN others ELSE size END
		FROM line l JOIN child c ON c.sponsor = l.member_id,
		LATERAL (SELECT CASE WHEN l.level >= max_level THEN 0 ELSE coalesce(max_width, siblings) END AS shown) s,
		LATERAL (SELECT nth > shown AS old, siblings - shown AS rest, nth > shown OR nth = siblings AS last) f
		WHERE nth <= shown + 1)
	SELECT tree, member_id, sponsor_id, folded, people FROM line ORDER BY at
$$;

CREATE FUNCTION plain.team_tree(m bigint, max_level integer, max_width integer)
RETURNS TABLE (tree text, member_id bigint, people bigint, personal_volume numeric, team_volume numeric)
LANGUAGE sql STABLE AS $$
	SELECT tree, l.member_id, l.people, v.personal_volume, v.team_volume
	FROM (SELECT row_number() OVER () AS nr, * FROM plain.lines(m, max_level, max_width)) l LEFT JOIN plain.team(m, NULL, 'infinity') v USING (member_id) ORDER BY nr
$$;

CREATE FUNCTION plain.team_dot(m bigint, max_level integer, max_width integer) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT E'digraph team {\n  node [shape=box, style=rounded];\n' || string_agg(
		format(CASE WHEN l.folded IS NULL THEN E'  %s [label="%s\\n%s\\n%s"];\n' ELSE E'  %s [label="%s more\\n%s", style="rounded,dashed"];\n' END,
			n.node, coalesce(l.folded, l.member_id), l.people || CASE l.people WHEN 1 THEN ' person' ELSE ' people' END, v.team_volume)
		|| coalesce('  m' || l.sponsor_id || ' -> ' || n.node || E';\n', ''), '' ORDER BY nr) || E'}\n'
	FROM (SELECT row_number() OVER () AS nr, * FROM plain.lines(m, max_level, max_width)) l LEFT JOIN plain.team(m, NULL, 'infinity') v USING (member_id),
	LATERAL (SELECT CASE WHEN l.folded IS NULL THEN 'm' || l.member_id ELSE 'more' || l.sponsor_id END AS node) n
$$;

-- A rollup of people by the tree as it is, with what each of them bought by itself
-- and how often; levels one by one, as "by_level" ends where the team does.
CREATE FUNCTION plain.team_rollup(threshold numeric)
RETURNS TABLE (member_id bigint, path distributor.refpath, depth integer, input_rows bigint, team_size bigint, frontline bigint, deepest integer,
	personal numeric[], team numeric[], largest_leg numeric[], other_legs numeric[], legs_at_least bigint[], levels numeric[])
LANGUAGE sql STABLE AS $$
	WITH own AS MATERIALIZED (
		SELECT t.id, count(s.buyer) AS n, coalesce(sum(s.net), 0) AS net
		FROM plain.tree t LEFT JOIN plain.sold s ON s.as_of = 'infinity' AND s.buyer = t.id AND s.ours WHERE t.as_of = 'infinity' GROUP BY t.id
	), leg AS (
		SELECT x.head, x.leg, sum(o.n) AS n, sum(o.net) AS net FROM plain.team x JOIN own o USING (id) WHERE as_of = 'infinity' AND x.level > 0 GROUP BY x.head, x.leg
	), legs AS (
		SELECT head, sum(n) AS n, sum(net) AS net, max(n) AS n_max, max(net) AS net_max, count(*) FILTER (WHERE n >= threshold) AS n_legs, count(*) FILTER (WHERE net >= threshold) AS net_legs
		FROM leg GROUP BY head
	), level AS (
		SELECT x.head, x.level, sum(o.n) AS n, sum(o.net) AS net FROM plain.team x JOIN own o USING (id) WHERE as_of = 'infinity' AND level BETWEEN 1 AND 2 GROUP BY x.head, x.level)
	SELECT t.id, array_to_string(t.ids, '.')::distributor.refpath, cardinality(t.ids), greatest(o.n, 1), z.size, z.frontline, z.deepest,
		ARRAY[o.net, o.n], ARRAY[o.net + coalesce(l.net, 0), o.n + coalesce(l.n, 0)], ARRAY[coalesce(net_max, 0), coalesce(n_max, 0)],
		ARRAY[coalesce(l.net - net_max, 0), coalesce(l.n - n_max, 0)], ARRAY[coalesce(net_legs, 0), coalesce(n_legs, 0)], ARRAY[l1.net, l1.n, l2.net, l2.n]
	FROM plain.tree t JOIN own o USING (id) LEFT JOIN legs l ON l.head = t.id LEFT JOIN level l1 ON l1.head = t.id AND l1.level = 1 LEFT JOIN level l2 ON l2.head = t.id AND l2.level = 2,
	LATERAL (SELECT count(*) AS size, count(*) FILTER (WHERE x.level = 1) AS frontline, max(x.level) AS deepest FROM plain.team x WHERE x.as_of = 'infinity' AND x.head = t.id) z
	WHERE t.as_of = 'infinity' ORDER BY t.ids
$$;

-- A report read page by page: "after" is pairs of an argument and the column of
-- the last row that it takes.
CREATE FUNCTION plain.pages(call text, after text[], size int) RETURNS TABLE (line jsonb) LANGUAGE plpgsql AS $$
DECLARE
	onward text := '';
	n int;
BEGIN
	LOOP
		n := 0;
		FOR line IN EXECUTE format('SELECT to_jsonb(x) FROM distributor.%s x', format(call, format(', max_rows => %s', size) || onward)) LOOP
			RETURN NEXT;
			n := n + 1;
			SELECT string_agg(format(', %s => %L::%s', a[1], line ->> a[2], a[3]), '') INTO onward
			FROM generate_series(1, cardinality(after), 3) i, LATERAL (SELECT after[i:i + 2] AS a) x;
		END LOOP;
		IF n > size THEN RAISE 'a page of % has % rows', size, n; END IF;
		EXIT WHEN n < size;
	END LOOP;
END $$;
CREATE FUNCTION plain.whole(call text) RETURNS TABLE (line jsonb) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT to_jsonb(x) FROM distributor.%s x', format(call, ', max_rows => NULL'));
END $$;
