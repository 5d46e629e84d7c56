-- Reports about a whole program: leaderboard, promoters, region, growth,
-- retention, inactive, compliance, against plain SQL over random sales.
SET search_path = public, distributor;

SELECT create_program('rp', 'CNY', time_zone => 'Asia/Shanghai');
SELECT set_plan('rp', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%"]}]}');
CREATE TABLE rp_sale (order_key text, at timestamptz, member_id bigint, ids bigint[], amount numeric, currency text, attributes jsonb, refunded numeric DEFAULT 0);
CREATE VIEW rp_tree AS
	WITH RECURSIVE tree AS (
		SELECT m.member_id, m.sponsor_id, ARRAY[m.member_id] AS ids, m.state, m.joined_at FROM rp.member m WHERE m.sponsor_id IS NULL
		UNION ALL
		SELECT m.member_id, m.sponsor_id, t.ids || m.member_id, m.state, m.joined_at FROM tree t JOIN rp.member m ON m.sponsor_id = t.member_id)
	TABLE tree;
CREATE FUNCTION rp_run(seed float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	who bigint; target bigint; price numeric; at timestamptz; attributes jsonb; moves int := 0; tied int;
BEGIN
	PERFORM setseed(seed);
	FOR i IN 1..60 LOOP
		PERFORM add_member('rp', i, CASE WHEN random() > 0.07 AND i > 1 THEN 1 + floor(random() * (i - 1))::bigint END,
			joined_at => '2025-12-01 00:00+08'::timestamptz + i * interval '2 days' + random() * interval '1 day');
	END LOOP;
	FOR i IN 1..300 LOOP
		-- few prices, so that some tie; a third of the members never buys
		who := 1 + floor(random() * 40);
		price := 10 * (1 + floor(random() * 4));
		at := '2026-01-01 00:00+08'::timestamptz + random() * interval '150 days';
		attributes := CASE WHEN random() > 0.1 THEN jsonb_build_object('channel', (ARRAY['app', 'web'])[1 + floor(random() * 2)::int], 'region', (ARRAY['north', 'south', NULL])[1 + floor(random() * 3)::int]) END;
		PERFORM record_sale('rp', i::text, who, price, CASE WHEN random() < 0.1 THEN 'USD' END, at, attributes);
		INSERT INTO rp_sale SELECT i, at, who, t.ids, price, (SELECT currency FROM rp.sale WHERE order_key = i::text), attributes FROM rp_tree t WHERE t.member_id = who;
		IF random() < 0.15 THEN
			SELECT s.order_key, CASE WHEN random() < 0.5 THEN s.amount ELSE 5 END INTO who, price FROM rp_sale s WHERE s.refunded = 0 ORDER BY s.at, s.order_key LIMIT 1 OFFSET floor(random() * i / 2)::int;
			PERFORM record_refund('rp', who::text, 'R' || who, price);
			UPDATE rp_sale SET refunded = price WHERE order_key = who::text;
		END IF;
		IF random() < 0.05 THEN
			who := 1 + floor(random() * 60);
			target := 1 + floor(random() * 60);
			IF NOT EXISTS (SELECT FROM rp_tree t WHERE t.member_id = target AND who = ANY (t.ids)) THEN
				moves := moves + 1;
				PERFORM move_member('rp', who, target);
			END IF;
		END IF;
	END LOOP;
	PERFORM set_state('rp', 7, 'left'), set_state('rp', 50, 'frozen'), set_state('rp', 21, 'left');
	RETURN format('seed %s, moves enough: %s, refunds enough: %s', seed, moves > 5, (SELECT count(*) > 20 FROM rp.refund_posting));
END $$;
SELECT rp_run(0.31);

--
-- leaderboard
--
CREATE FUNCTION rp_board(metric text, lower timestamptz, upper timestamptz, scope bigint) RETURNS TABLE (place bigint, member_id bigint, member_key text, value numeric) LANGUAGE sql AS $$
	WITH v AS (SELECT m.member_id, CASE metric
			WHEN 'personal_volume' THEN (SELECT sum(s.amount - s.refunded) FROM rp_sale s WHERE s.currency = 'CNY' AND s.at >= lower AND s.at < upper AND s.member_id = m.member_id)
			WHEN 'team_volume' THEN (SELECT sum(s.amount - s.refunded) FROM rp_sale s WHERE s.currency = 'CNY' AND s.at >= lower AND s.at < upper AND m.member_id = ANY (s.ids))
			WHEN 'commissions' THEN (SELECT sum(e.amount) FROM rp.earnings e JOIN rp_sale s USING (order_key) WHERE e.currency = 'CNY' AND s.at >= lower AND s.at < upper AND e.member_id = m.member_id)
			WHEN 'recruits' THEN (SELECT count(*) FROM rp.member r WHERE r.sponsor_id = m.member_id AND r.joined_at >= lower AND r.joined_at < upper) END AS value
		FROM rp_tree m WHERE scope IS NULL OR scope = ANY (m.ids))
	SELECT 1 + (SELECT count(*) FROM v w WHERE w.value > v.value), v.member_id, v.member_id::text, v.value FROM v WHERE v.value > 0
$$;
-- all metrics, periods and scopes: rows, and the order in which they come
SELECT metric, count(*) AS boards, sum(rows) AS rows, sum(ties) > 0 AS some_tie, sum(wrong) AS wrong, count(*) FILTER (WHERE NOT ordered) AS unordered
FROM unnest('{personal_volume,team_volume,commissions,recruits}'::text[]) metric,
	(VALUES (NULL, '-infinity'::timestamptz, 'infinity'::timestamptz), ('2026-02', '2026-02-01 00:00+08', '2026-03-01 00:00+08'), ('2025-12', '2025-12-01 00:00+08', '2026-01-01 00:00+08'), ('2030', '2030-01-01 00:00+08', '2031-01-01 00:00+08')) AS p(period, lower, upper),
	(SELECT NULL::bigint AS scope UNION ALL SELECT g FROM generate_series(1, 60, 9) g UNION ALL SELECT 4711) s,
	LATERAL (SELECT (SELECT count(*) FROM leaderboard('rp', metric, period, NULL, scope)) AS rows,
		(SELECT count(*) - count(DISTINCT place) FROM leaderboard('rp', metric, period, NULL, scope)) AS ties,
		(SELECT count(*) FROM (SELECT * FROM leaderboard('rp', metric, period, NULL, scope) EXCEPT ALL SELECT * FROM rp_board(metric, lower, upper, scope)) d)
		+ (SELECT count(*) FROM (SELECT * FROM rp_board(metric, lower, upper, scope) EXCEPT ALL SELECT * FROM leaderboard('rp', metric, period, NULL, scope)) d) AS wrong,
		(SELECT coalesce(array_agg(member_id), '{}') FROM leaderboard('rp', metric, period, NULL, scope)) = (SELECT coalesce(array_agg(member_id ORDER BY value DESC, member_id), '{}') FROM rp_board(metric, lower, upper, scope)) AS ordered) x
GROUP BY metric ORDER BY metric;
-- places that are shared, and pages through them
SELECT * FROM leaderboard('rp', 'recruits', max_rows => 12);
CREATE FUNCTION rp_pages(metric text, page int) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
	r record; n int; at numeric; last bigint;
BEGIN
	LOOP
		n := 0;
		FOR r IN SELECT * FROM leaderboard('rp', metric, max_rows => page, after_value => at, after_member => last) LOOP
			RETURN NEXT r; at := r.value; last := r.member_id; n := n + 1;
		END LOOP;
		EXIT WHEN n < page;
	END LOOP;
END $$;
SELECT metric, page, (SELECT array_agg(p::text) FROM rp_pages(metric, page) AS p(place bigint, member_id bigint, member_key text, value numeric)) = (SELECT array_agg(l::text) FROM leaderboard('rp', metric, max_rows => NULL) l) AS same
FROM unnest('{team_volume,recruits}'::text[]) metric, unnest('{1,2,7}'::int[]) page;
SELECT * FROM leaderboard('rp', 'team_volume', '2026-03', 3, '1');
SELECT count(*) FROM leaderboard('rp', 'team_volume', NULL, 0);
SELECT count(*) FROM leaderboard('rp', 'team_volume', NULL, 3, NULL::text);

--
-- promoters, region
--
SELECT count(*) AS wrong FROM ((SELECT p.member_id, p.attributes, p.buyers, p.new_buyers, p.sales, p.volume
	FROM (VALUES ('{}'::text[]), ('{channel}'), ('{channel,region}'), ('{nothing}')) AS b(names), promoters('rp', names, '2026-02', max_rows => NULL) p)
EXCEPT ALL
(SELECT s.ids[cardinality(s.ids) - 1], a.attributes, count(DISTINCT s.member_id),
		count(*) FILTER (WHERE (s.at, s.order_key::int) = (SELECT f.at, f.order_key::int FROM rp_sale f WHERE f.member_id = s.member_id AND f.refunded < f.amount ORDER BY f.at, f.order_key::int LIMIT 1)),
		count(*), sum(CASE WHEN s.currency = 'CNY' THEN s.amount - s.refunded ELSE 0 END)
	FROM (VALUES ('{}'::text[]), ('{channel}'), ('{channel,region}'), ('{nothing}')) AS b(names), rp_sale s,
		LATERAL (SELECT coalesce(jsonb_object_agg(n, s.attributes -> n), '{}') AS attributes FROM unnest(names) n) a
	WHERE s.at >= '2026-02-01 00:00+08' AND s.at < '2026-03-01 00:00+08' AND s.refunded < s.amount AND cardinality(s.ids) > 1
	GROUP BY names, 1, 2)) d;
SELECT count(*) AS promoters, sum(buyers) AS buyers, sum(new_buyers) AS new_buyers, sum(sales) AS sales, sum(volume) AS volume FROM promoters('rp', period => '2026-02', max_rows => NULL);
SELECT count(DISTINCT ids[cardinality(ids) - 1]) AS promoters, count(*) AS sales, sum(amount - refunded) FILTER (WHERE currency = 'CNY') AS volume FROM rp_sale
WHERE at >= '2026-02-01 00:00+08' AND at < '2026-03-01 00:00+08' AND refunded < amount AND cardinality(ids) > 1;
SELECT * FROM promoters('rp', '{channel}', max_rows => 5);
SELECT * FROM promoters('rp', '{channel}', max_rows => 3, after_buyers => (SELECT buyers FROM promoters('rp', '{channel}', max_rows => 2) OFFSET 1),
	after_member => (SELECT member_id FROM promoters('rp', '{channel}', max_rows => 2) OFFSET 1), after_attributes => (SELECT attributes FROM promoters('rp', '{channel}', max_rows => 2) OFFSET 1));
SELECT * FROM region('rp');
SELECT attributes ->> 'region' AS value, count(DISTINCT member_id) FILTER (WHERE refunded < amount) AS buyers, count(*) AS sales, sum(amount) AS amount, sum(refunded) AS refunded, sum(amount - refunded) AS volume
FROM rp_sale WHERE currency = 'CNY' GROUP BY 1 ORDER BY 1 NULLS LAST;
SELECT * FROM region('rp', 'channel', '2026-02');
SELECT attributes ->> 'channel' AS value, count(DISTINCT member_id) FILTER (WHERE refunded < amount) AS buyers, count(*) AS sales, sum(amount) AS amount, sum(refunded) AS refunded, sum(amount - refunded) AS volume
FROM rp_sale WHERE currency = 'CNY' AND at >= '2026-02-01 00:00+08' AND at < '2026-03-01 00:00+08' GROUP BY 1 ORDER BY 1 NULLS LAST;

--
-- growth, retention
--
SELECT * FROM growth('rp');
WITH member AS (
	SELECT m.member_id, m.sponsor_id, m.joined_at, date_trunc('month', m.joined_at AT TIME ZONE 'Asia/Shanghai')::date AS cohort,
		(SELECT min(s.at) FROM rp_sale s WHERE s.member_id = m.member_id AND s.refunded < s.amount) AS bought,
		(SELECT count(*) FROM rp_tree r WHERE r.sponsor_id = m.member_id) AS recruits, (SELECT min(r.joined_at) FROM rp_tree r WHERE r.sponsor_id = m.member_id) AS brought
	FROM rp_tree m)
SELECT c.cohort, (SELECT count(*) FROM member m WHERE m.cohort = c.cohort) AS joined, (SELECT count(*) FROM member m WHERE m.cohort = c.cohort AND sponsor_id IS NOT NULL) AS recruited,
	(SELECT count(*) FROM member m WHERE m.cohort = c.cohort AND bought IS NOT NULL) AS activated,
	(SELECT (array_agg(greatest(bought - joined_at, '0') ORDER BY greatest(bought - joined_at, '0')))[(count(*) + 1) / 2] FROM member m WHERE m.cohort = c.cohort AND bought IS NOT NULL) AS time_to_sale,
	(SELECT count(*) FROM member m WHERE m.cohort = c.cohort AND recruits > 0) AS recruiters, (SELECT sum(recruits) FROM member m WHERE m.cohort = c.cohort) AS recruits,
	(SELECT (array_agg(greatest(brought - joined_at, '0') ORDER BY greatest(brought - joined_at, '0')))[(count(*) + 1) / 2] FROM member m WHERE m.cohort = c.cohort AND brought IS NOT NULL) AS time_to_recruit
FROM (SELECT DISTINCT cohort FROM member) c ORDER BY 1;
SELECT cohort, joined FROM growth('rp', '2026-01');
SELECT * FROM retention('rp', months => 3);
SELECT count(*) AS rows, count(*) FILTER (WHERE r.buyers <> x.buyers OR r.members <> x.members OR r.share <> round(x.buyers::numeric / x.members, 4)) AS wrong
FROM retention('rp', months => 8) r,
	LATERAL (SELECT count(*) AS members, count(*) FILTER (WHERE EXISTS (SELECT FROM rp_sale s WHERE s.member_id = m.member_id AND s.refunded < s.amount
			AND to_char(s.at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') = to_char(r.cohort + r.month * interval '1 month', 'YYYY-MM'))) AS buyers
		FROM rp_tree m WHERE to_char(m.joined_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM') = to_char(r.cohort, 'YYYY-MM')) x;
SELECT count(*) AS rows FROM retention('rp', '2026-01', months => 0);

--
-- inactive, compliance
--
SELECT scope, count(*) AS rows, count(*) FILTER (WHERE wrong) AS wrong FROM (SELECT NULL::bigint AS scope UNION ALL SELECT 1 UNION ALL SELECT 2) s,
	LATERAL (SELECT i.member_id, e.member_id IS NULL OR i.member_id IS NULL OR i.last_sale_at IS DISTINCT FROM e.last OR i.joined_at <> e.joined_at OR i.sponsor_id IS DISTINCT FROM e.sponsor_id AS wrong
		FROM inactive('rp', since => '2026-04-01 00:00+08', scope => s.scope) i
		FULL JOIN (SELECT m.*, l.last FROM rp_tree m, LATERAL (SELECT max(s.at) AS last FROM rp_sale s WHERE s.member_id = m.member_id AND s.refunded < s.amount) l
			WHERE m.state = 'active' AND m.joined_at < '2026-04-01 00:00+08' AND coalesce(l.last < '2026-04-01 00:00+08', true) AND (s.scope IS NULL OR s.scope = ANY (m.ids))) e USING (member_id)) x
GROUP BY scope ORDER BY scope NULLS FIRST;
SELECT member_id, last_sale_at IS NULL AS never FROM inactive('rp', since => '2026-04-01 00:00+08', max_rows => 4);
SELECT member_id FROM inactive('rp', since => '2026-04-01 00:00+08', max_rows => 2, after => (SELECT member_id FROM inactive('rp', since => '2026-04-01 00:00+08', max_rows => 2) OFFSET 1));
SELECT (SELECT count(*) FROM inactive('rp', '1 day')) >= (SELECT count(*) FROM inactive('rp', '100 years')) AS more, (SELECT count(*) FROM inactive('rp', '100 years')) AS none,
	(SELECT count(*) FROM inactive('rp', '1 day', NULL, '2')) = (SELECT count(*) FROM inactive('rp', '1 day', scope => 2)) AS by_key, (SELECT count(*) FROM inactive('rp', '1 day', NULL, NULL::text)) AS of_nobody;
SELECT * FROM compliance('rp', min_levels => 3, min_people => 15);
SELECT count(*) AS rows, count(*) FILTER (WHERE c.levels <> x.levels OR c.people <> x.people OR c.frontline <> x.frontline OR c.without_sales <> x.without_sales) AS wrong,
	(SELECT array_agg(member_id) FROM compliance('rp', 2, 3)) = array_agg(c.member_id ORDER BY x.people DESC, c.member_id) AS ordered
FROM (SELECT b.member_id, max(cardinality(m.ids) - cardinality(b.ids)) AS levels, count(*) FILTER (WHERE m.state <> 'left') AS people,
		count(*) FILTER (WHERE m.state <> 'left' AND m.sponsor_id = b.member_id) AS frontline,
		count(*) FILTER (WHERE m.state <> 'left' AND NOT EXISTS (SELECT FROM rp_sale s WHERE s.member_id = m.member_id AND s.refunded < s.amount)) AS without_sales
	FROM rp_tree b JOIN rp_tree m ON b.member_id = ANY (m.ids) AND m.member_id <> b.member_id GROUP BY 1) x
FULL JOIN compliance('rp', 2, 3) c USING (member_id) WHERE c.member_id IS NOT NULL OR (x.levels >= 2 AND x.people >= 3);
SELECT member_id, people FROM compliance('rp', 2, 3, 2, after_people => (SELECT people FROM compliance('rp', 2, 3, 2) OFFSET 1), after_member => (SELECT member_id FROM compliance('rp', 2, 3, 2) OFFSET 1));
SELECT (SELECT count(*) FROM compliance('rp', 0, 0, NULL)) AS everybody, (SELECT count(*) FROM compliance('rp', 0, 0, NULL) WHERE share_without_sales IS NULL) > 0 AS some_have_nobody;

--
-- What is refused; programs without anything
--
\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
SELECT fails($$SELECT * FROM leaderboard('rp', 'sales')$$);
SELECT fails($$SELECT * FROM leaderboard('rp', NULL)$$);
SELECT fails($$SELECT * FROM leaderboard('rp', 'recruits', 'never')$$);
SELECT fails($$SELECT * FROM leaderboard('rp', 'recruits', max_rows => -1)$$);
SELECT fails($$SELECT * FROM retention('rp', months => -1)$$);
SELECT f, fails(format('SELECT * FROM %s', f)) FROM unnest(ARRAY['leaderboard(''nowhere'', ''recruits'')', 'promoters(''nowhere'')', 'region(''nowhere'')', 'growth(''nowhere'')', 'retention(''nowhere'')', 'inactive(''nowhere'')', 'compliance(''nowhere'')']) f;
CREATE FUNCTION rp_all(program text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', (SELECT count(*) FROM leaderboard(program, 'team_volume')), (SELECT count(*) FROM leaderboard(program, 'commissions', NULL, 10, 'anna')), (SELECT count(*) FROM promoters(program)),
		(SELECT count(*) FROM region(program)), (SELECT count(*) FROM growth(program)), (SELECT count(*) FROM retention(program, months => 0)), (SELECT count(*) FROM inactive(program, '0 days')),
		(SELECT count(*) FROM inactive(program, '0 days', NULL, 'anna')), (SELECT count(*) FROM compliance(program, 0, 0)), (SELECT count(*) FROM team(program, 'anna')), (SELECT count(*) FROM team(program, 'anna', as_of => now())),
		(SELECT count(*) FROM team_by_level(program, 'anna', period => 'this day')), (SELECT count(*) FROM legs(program, 'anna')), (SELECT count(*) FROM team_tree(program, 'anna')), length(team_dot(program, 'anna')) > 10)
$$;
SELECT create_program(name, 'CNY', key_type => 'text') FROM unnest('{"rp \"empty\"",@name@,@program@@team@,x$query$y$function$,rp''z}'::text[]) name;
SELECT name, rp_all(name) FROM unnest('{"rp \"empty\"",@name@,@program@@team@,x$query$y$function$,rp''z}'::text[]) name;
DO $$ BEGIN
	PERFORM set_plan(name, '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}'), add_member(name, 'anna', NULL, '2026-01-01'), add_member(name, 'bert', 'anna', '2026-01-01'), record_sale(name, '1', 'bert', 1)
	FROM unnest('{"rp \"empty\"",@name@,@program@@team@,x$query$y$function$,rp''z}'::text[]) name;
END $$;
SELECT name, rp_all(name) FROM unnest('{"rp \"empty\"",@name@,@program@@team@,x$query$y$function$,rp''z}'::text[]) name;

DROP VIEW rp_tree CASCADE;
SET client_min_messages = warning;
DROP SCHEMA rp, "rp ""empty""", "@name@", "@program@@team@", "x$query$y$function$", "rp'z" CASCADE;
RESET client_min_messages;
DROP FUNCTION rp_all(text), rp_pages(text, int), rp_board(text, timestamptz, timestamptz, bigint), rp_run(float8);
DROP TABLE rp_sale;
