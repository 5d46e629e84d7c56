-- Reports about one team: team, team_by_level, legs, now and as of a day,
-- against plain SQL over what a random program did.
SET search_path = public, distributor;

SELECT create_program('rt', 'CNY', time_zone => 'UTC');
SELECT set_plan('rt', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}');

-- What happened, by walking sponsors; the program's paths are not looked at.
CREATE TABLE rt_sale (no int, at timestamptz, member_id bigint, ids bigint[], amount numeric);
CREATE TABLE rt_refund (no int PRIMARY KEY, at timestamptz, amount numeric);
CREATE TABLE rt_was (step int, at timestamptz, member_id bigint, sponsor_id bigint, ids bigint[], state text, rank text, joined_at timestamptz);
CREATE VIEW rt_now AS
	WITH RECURSIVE tree AS (
		SELECT m.member_id, m.sponsor_id, ARRAY[m.member_id] AS ids, m.state, m.rank, m.joined_at FROM rt.member m WHERE m.sponsor_id IS NULL
		UNION ALL
		SELECT m.member_id, m.sponsor_id, t.ids || m.member_id, m.state, m.rank, m.joined_at FROM tree t JOIN rt.member m ON m.sponsor_id = t.member_id)
	TABLE tree;

CREATE PROCEDURE rt_run(seed float8, steps int) LANGUAGE plpgsql AS $$
DECLARE
	people int := 20; who bigint; target bigint; price numeric; of_sale int; moves int := 0;
BEGIN
	PERFORM setseed(seed);
	FOR i IN 1..people LOOP
		PERFORM add_member('rt', i, CASE WHEN random() > 0.1 AND i > 1 THEN 1 + floor(random() * (i - 1))::bigint END);
	END LOOP;
	COMMIT;
	FOR step IN 1..steps LOOP
		FOR i IN 1..3 LOOP
			who := 1 + floor(random() * people);
			price := round((random() * 100)::numeric, 2);
			PERFORM record_sale('rt', step || '-' || i, who, price);
			PERFORM record_sale('rt', 'usd' || step || '-' || i, who, 1000, 'USD');
			INSERT INTO rt_sale SELECT step * 10 + i, now(), who, t.ids, price FROM rt_now t WHERE t.member_id = who;
		END LOOP;
		IF random() < 0.3 THEN
			SELECT s.no, round((s.amount * random()::numeric), 2) INTO of_sale, price FROM rt_sale s
			WHERE NOT EXISTS (SELECT FROM rt_refund r WHERE r.no = s.no) ORDER BY s.no LIMIT 1 OFFSET floor(random() * step)::int;
			IF price > 0 THEN
				PERFORM record_refund('rt', of_sale / 10 || '-' || of_sale % 10, 'R' || of_sale, price);
				INSERT INTO rt_refund VALUES (of_sale, now(), price);
			END IF;
		END IF;
		COMMIT;
		IF random() < 0.5 THEN
			people := people + 1;
			PERFORM add_member('rt', people, 1 + floor(random() * (people - 1))::bigint);
		END IF;
		IF random() < 0.6 THEN
			who := 1 + floor(random() * people);
			target := 1 + floor(random() * people);
			IF NOT EXISTS (SELECT FROM rt_now t WHERE t.member_id = target AND who = ANY (t.ids)) THEN
				moves := moves + 1;
				PERFORM move_member('rt', who, CASE WHEN random() > 0.1 THEN target END);
			END IF;
		END IF;
		IF random() < 0.3 THEN
			PERFORM set_rank('rt', 1 + floor(random() * people)::bigint, chr(97 + floor(random() * 3)::int));
			who := 1 + floor(random() * people);
			PERFORM set_state('rt', who, (ARRAY['active', 'frozen', 'left'])[1 + floor(random() * 3)::int]);
		END IF;
		COMMIT;
		INSERT INTO rt_was SELECT step, clock_timestamp(), t.* FROM rt_now t;
		COMMIT;
	END LOOP;
	RAISE NOTICE 'seed %, enough moves: %', seed, moves > steps / 4;
END $$;
CALL rt_run(0.7, 45);

-- What it must say, of the tree and the sales as they were then.
CREATE FUNCTION rt_net(as_of timestamptz) RETURNS TABLE (member_id bigint, ids bigint[], at timestamptz, amount numeric) LANGUAGE sql AS $$
	SELECT s.member_id, s.ids, s.at, s.amount - coalesce((SELECT sum(r.amount) FROM rt_refund r WHERE r.no = s.no AND r.at <= as_of), 0)
	FROM rt_sale s WHERE s.at <= as_of
$$;
CREATE FUNCTION rt_team(base bigint, at_step int) RETURNS TABLE (member_id bigint, sponsor_id bigint, level int, ids bigint[], state text, rank text, personal numeric, team numeric) LANGUAGE sql AS $$
	SELECT w.member_id, w.sponsor_id, cardinality(w.ids) - array_position(w.ids, base), w.ids, w.state, w.rank,
		v.personal, v.team
	FROM rt_was w
	CROSS JOIN LATERAL (SELECT coalesce(sum(n.amount) FILTER (WHERE n.member_id = w.member_id), 0) AS personal, coalesce(sum(n.amount), 0) AS team
		FROM rt_net(w.at) n WHERE w.member_id = ANY (n.ids)) v
	WHERE w.step = at_step AND base = ANY (w.ids)
$$;
CREATE FUNCTION rt_levels(base bigint, at_step int, since timestamptz) RETURNS TABLE (level int, members bigint, active bigint, joined bigint, sales bigint, volume numeric) LANGUAGE sql AS $$
	SELECT level, coalesce(p.members, 0), coalesce(p.active, 0), coalesce(p.joined, 0), coalesce(v.sales, 0), coalesce(v.volume, 0)
	FROM (SELECT cardinality(w.ids) - array_position(w.ids, base) AS level, count(*) AS members,
			count(*) FILTER (WHERE w.state = 'active') AS active, count(*) FILTER (WHERE w.joined_at >= since) AS joined
		FROM rt_was w WHERE w.step = at_step AND base = ANY (w.ids) GROUP BY 1) p
	FULL JOIN (SELECT cardinality(n.ids) - array_position(n.ids, base) AS level, count(*) AS sales, sum(n.amount) AS volume
		FROM rt_net((SELECT max(at) FROM rt_was WHERE step = at_step)) n WHERE n.at >= since AND base = ANY (n.ids) GROUP BY 1) v USING (level)
$$;
CREATE FUNCTION rt_legs(base bigint, at_step int, since timestamptz) RETURNS TABLE (member_id bigint, state text, size bigint, active bigint, deepest int, joined bigint, sales bigint, volume numeric) LANGUAGE sql AS $$
	SELECT f.member_id, f.state, p.size, p.active, p.deepest, p.joined, s.sales, s.volume
	FROM rt_was f
	CROSS JOIN LATERAL (SELECT count(*) AS size, count(*) FILTER (WHERE w.state = 'active') AS active,
			max(cardinality(w.ids) - array_position(w.ids, base)) AS deepest, count(*) FILTER (WHERE w.joined_at >= since) AS joined
		FROM rt_was w WHERE w.step = at_step AND w.ids[array_position(w.ids, base) + 1] = f.member_id) p
	CROSS JOIN LATERAL (SELECT count(*) AS sales, coalesce(sum(n.amount), 0) AS volume
		FROM rt_net(f.at) n WHERE n.at >= since AND n.ids[array_position(n.ids, base) + 1] = f.member_id) s
	WHERE f.step = at_step AND f.member_id <> base AND (p.size > 0 OR s.sales > 0)
$$;

-- every member's team, levels and legs: now (the last step), and as of each 15th step
CREATE FUNCTION rt_wrong(at_step int, as_of timestamptz, since timestamptz, OUT step int, OUT team bigint, OUT levels bigint, OUT legs bigint, OUT compared bigint)
LANGUAGE plpgsql AS $$
BEGIN
	step := at_step;
	WITH expected AS (SELECT b.member_id AS base, t.* FROM rt_was b, rt_team(b.member_id, at_step) t WHERE b.step = at_step),
	found AS (SELECT b.member_id AS base, t.member_id, t.sponsor_id, t.level, member_ids(t.path) AS ids, t.state, t.rank, t.personal_volume, t.team_volume
		FROM rt.member b, team('rt', b.member_id, as_of => as_of) t)
	SELECT (SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE found) d) + (SELECT count(*) FROM (TABLE found EXCEPT ALL TABLE expected) d),
		(SELECT count(*) FROM expected) INTO team, compared;
	WITH expected AS (SELECT b.member_id AS base, t.* FROM rt_was b, rt_levels(b.member_id, at_step, since) t WHERE b.step = at_step),
	found AS (SELECT b.member_id AS base, t.* FROM rt.member b, team_by_level('rt', b.member_id, "from" => since, as_of => as_of) t)
	SELECT (SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE found) d) + (SELECT count(*) FROM (TABLE found EXCEPT ALL TABLE expected) d) INTO levels;
	WITH expected AS (SELECT b.member_id AS base, t.member_id, t.state, t.size, t.active, t.deepest, t.joined, t.sales, t.volume FROM rt_was b, rt_legs(b.member_id, at_step, since) t WHERE b.step = at_step),
	found AS (SELECT b.member_id AS base, t.member_id, t.state, t.size, t.active, t.deepest, t.joined, t.sales, t.volume FROM rt.member b, legs('rt', b.member_id, "from" => since, as_of => as_of) t)
	SELECT (SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE found) d) + (SELECT count(*) FROM (TABLE found EXCEPT ALL TABLE expected) d) INTO legs;
END $$;
SELECT step, team AS wrong_team, levels AS wrong_levels, legs AS wrong_legs, compared > 20 AS enough
FROM rt_wrong(45, NULL, '-infinity');
SELECT w.step, w.team AS wrong_team, w.levels AS wrong_levels, w.legs AS wrong_legs, w.compared > 20 AS enough
FROM (SELECT DISTINCT step, at FROM (SELECT step, max(at) AS at FROM rt_was GROUP BY step) s) s, rt_wrong(s.step, s.at, '-infinity') w WHERE s.step % 15 = 0 ORDER BY 1;
-- in a period that begins amid the steps
SELECT w.step, w.team AS wrong_team, w.levels AS wrong_levels, w.legs AS wrong_legs
FROM (SELECT max(at) AS at FROM rt_was WHERE step = 15) since, (SELECT max(at) AS at FROM rt_was WHERE step = 30) t, rt_wrong(30, t.at, since.at) w;
-- before anything was there
SELECT (SELECT count(*) FROM team('rt', 1, as_of => '2000-01-01')) AS team, (SELECT count(*) FROM team_by_level('rt', 1, as_of => '2000-01-01')) AS levels,
	(SELECT count(*) FROM legs('rt', 1, as_of => '2000-01-01')) AS legs, (SELECT count(*) FROM team('rt', 1, as_of => 'infinity')) = (SELECT count(*) FROM team('rt', 1)) AS later;
-- what legs and levels must add up to
SELECT count(*) AS members, count(*) FILTER (WHERE t.team_volume <> l.volume OR t.team_volume <> t.personal_volume + g.volume) AS wrong
FROM rt.member m CROSS JOIN LATERAL (SELECT * FROM team('rt', m.member_id, 0)) t
	CROSS JOIN LATERAL (SELECT sum(volume) AS volume FROM team_by_level('rt', m.member_id)) l
	CROSS JOIN LATERAL (SELECT coalesce(sum(volume), 0) AS volume FROM legs('rt', m.member_id)) g;

-- page by page is the same as at once
CREATE FUNCTION rt_pages(base bigint, page bigint) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	r record; n bigint; at refpath; volume numeric; last bigint;
BEGIN
	LOOP
		n := 0;
		FOR r IN SELECT * FROM team('rt', base, after => at, max_rows => page) LOOP
			RETURN NEXT 'team ' || r::text; at := r.path; n := n + 1;
		END LOOP;
		EXIT WHEN n < page;
	END LOOP;
	LOOP
		n := 0;
		FOR r IN SELECT * FROM legs('rt', base, after_volume => volume, after_member => last, max_rows => page) LOOP
			RETURN NEXT 'leg ' || r::text; volume := r.volume; last := r.member_id; n := n + 1;
		END LOOP;
		EXIT WHEN n < page;
	END LOOP;
END $$;
SELECT m.member_id, page, (SELECT array_agg(p) FROM rt_pages(m.member_id, page) p)
	= (SELECT array_agg('team ' || t::text) FROM team('rt', m.member_id) t) || (SELECT array_agg('leg ' || l::text) FROM legs('rt', m.member_id) l) AS same
FROM (SELECT sponsor_id AS member_id FROM rt.member GROUP BY 1 HAVING sponsor_id IS NOT NULL ORDER BY count(*) DESC, 1 LIMIT 1) m, unnest('{1,3,100}'::bigint[]) page;
DROP FUNCTION rt_pages(bigint, bigint), rt_wrong(int, timestamptz, timestamptz), rt_legs(bigint, int, timestamptz), rt_levels(bigint, int, timestamptz), rt_team(bigint, int), rt_net(timestamptz);
DROP PROCEDURE rt_run(float8, int);
DROP VIEW rt_now;
DROP TABLE rt_sale, rt_refund, rt_was;

--
-- By hand: people follow the tree, volume stays
--
SELECT create_program('rk', 'CNY', time_zone => 'Asia/Shanghai', key_type => 'text');
SELECT set_plan('rk', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}');
SELECT add_member('rk', k, s, '2026-01-15') FROM (VALUES (1, 'anna', NULL), (2, 'bert', 'anna'), (3, 'cleo', 'anna'), (4, 'dora', 'bert'), (5, 'emil', 'dora')) v(i, k, s) ORDER BY i;
SELECT record_sale('rk', '1', 'anna', 5, occurred_at => '2026-02-01'), record_sale('rk', '2', 'bert', 10, occurred_at => '2026-02-01'),
	record_sale('rk', '3', 'dora', 40, occurred_at => '2026-02-28 15:59:59Z'), record_sale('rk', '4', 'emil', 80, occurred_at => '2026-02-28 16:00Z'), record_sale('rk', '5', 'emil', 1, 'USD', '2026-02-28 12:00');
SELECT record_refund('rk', '3', 'R', 15);
SELECT * FROM team_by_level('rk', 'anna');
SELECT member_id, member_key, size, active, deepest, sales, volume FROM legs('rk', 'anna');
SELECT move_member('rk', 'dora', 'cleo'), set_state('rk', 'emil', 'frozen');
SELECT record_sale('rk', '6', 'emil', 7, occurred_at => '2026-03-02');
-- dora is with cleo now; what she sold with bert stays bert's
SELECT member_key, level, personal_volume, team_volume FROM team('rk', 'anna');
SELECT member_key, size, active, deepest, sales, volume FROM legs('rk', 'anna');
SELECT member_key, size, active, deepest, sales, volume FROM legs('rk', 'bert');
SELECT member_key, size, active, deepest, sales, volume FROM legs('rk', 'cleo');
SELECT * FROM team_by_level('rk', 'bert');
SELECT * FROM team_by_level('rk', 'cleo');
SELECT * FROM team_by_level('rk', 'anna', 1);
-- a month of the program's time zone
SELECT level, joined, sales, volume FROM team_by_level('rk', 'anna', period => '2026-02');
SELECT level, joined, sales, volume FROM team_by_level('rk', 'anna', period => '2026-03');
SELECT level, joined, sales, volume FROM team_by_level('rk', 'anna', period => '2026-Q1');
SELECT member_key, joined, sales, volume FROM legs('rk', 'anna', '2026-01');
SELECT member_key, sales, volume FROM legs('rk', 'anna', "from" => '2026-02-28 16:00Z', "to" => '2026-03-01');
-- nobody
SELECT count(*) FROM team_by_level('rk', 'nobody');
SELECT count(*) FROM legs('rk', 'nobody');
SELECT count(*) FROM legs('rk', 4711);
SELECT count(*) FROM team_by_level('rk', NULL::text);

--
-- Many moves: a team put together of people who sold elsewhere, under thirty sponsors each
--
SELECT create_program('rm', 'CNY', time_zone => 'UTC');
SELECT set_plan('rm', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}');
DO $$ BEGIN
	PERFORM add_member('rm', i) FROM generate_series(1, 31) i;
	PERFORM add_member('rm', 100 + i, i) FROM generate_series(1, 30) i;
	PERFORM add_member('rm', 200 + i, 100 + i) FROM generate_series(1, 30) i;
	PERFORM record_sale('rm', 'before' || i, 200 + i, i, occurred_at => '2026-01-01') FROM generate_series(1, 30) i;
	PERFORM move_member('rm', 100 + i, 31) FROM generate_series(1, 30) i;
	PERFORM record_sale('rm', 'after' || i, 200 + i, 1000 * i, occurred_at => '2026-02-01') FROM generate_series(1, 30) i;
	PERFORM record_refund('rm', 'before' || i, 'R' || i, 1) FROM generate_series(2, 30) i;
END $$;
SELECT count(*) FROM sale_paths('rm', ARRAY(SELECT member_id FROM team('rm', 31)));
SELECT level, count(*), sum(personal_volume) AS personal, sum(team_volume) AS team,
	count(*) FILTER (WHERE level > 0 AND team_volume <> 1001 * (member_id % 100) - CASE WHEN member_id % 100 > 1 THEN 1 ELSE 0 END) AS wrong
FROM team('rm', 31) GROUP BY level ORDER BY level;
SELECT level, members, sales, volume FROM team_by_level('rm', 31);
SELECT count(*), sum(volume) AS volume FROM legs('rm', 31);
SELECT member_id, size, sales, volume FROM legs('rm', 7);
SELECT member_id, value FROM leaderboard('rm', 'team_volume', NULL, 3, 31);
SELECT member_id, value FROM leaderboard('rm', 'team_volume', '2026-01', 3, 31);

--
-- Periods
--
SELECT period, lower AT TIME ZONE 'Asia/Shanghai' AS lower, upper AT TIME ZONE 'Asia/Shanghai' AS upper
FROM unnest('{2026,2026-Q1,2026-Q4,2026-02,2024-02,2026-12,2026-W01,2026-W47,2020-W53,2026-02-28,9999-12-31}'::text[]) period, period_bounds('rk', period);
SELECT period, to_char(lower AT TIME ZONE 'Asia/Shanghai', 'HH24:MI:SS') AS at, upper > now() AS lasts, lower <= now() AS began,
	(SELECT b.upper FROM period_bounds('rk', replace(period, 'this', 'last')) b) = lower AS follows
FROM unnest('{this day,this week,this month,this quarter,this year}'::text[]) period, period_bounds('rk', period);
SELECT * FROM period_bounds('rk', NULL);
\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
SELECT period, fails(format('SELECT * FROM period_bounds(%L, %L)', 'rk', period)) FROM unnest(ARRAY['', '26', '2026-', '2026-13', '2026-00', '2026-Q5', '2026-W00', '2026-W54', '2026-W53', '2026-02-29', '2026-1',
	'0000', '20260', ' 2026', 'this', 'this hour', 'THIS DAY', '2026-11;', E'2026\n']) period;
SELECT fails($$SELECT * FROM period_bounds('rk', '2026', "to" => now())$$);
SELECT fails($$SELECT * FROM legs('rk', 'anna', 'yesterday')$$);
SELECT fails($$SELECT * FROM team_by_level('rk', 'anna', -1)$$);
SELECT fails($$SELECT * FROM legs('rk', 'anna', max_rows => -1)$$);
SELECT fails($$SELECT * FROM team('rk', 'anna', max_rows => -1)$$);
SELECT fails($$SELECT * FROM team_by_level('nowhere', 1)$$);
SELECT fails($$SELECT * FROM legs('nowhere', 'anna')$$);
SELECT fails($$SELECT * FROM period_bounds('nowhere', '2026')$$);
SELECT fails($$SELECT * FROM period_bounds('nowhere', NULL)$$);

SET client_min_messages = warning;
DROP SCHEMA rt, rk, rm CASCADE;
RESET client_min_messages;
