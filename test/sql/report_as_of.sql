-- As of a day: what reports told at several moments, written down then, against what they tell of these moments later;
-- late and replaced sales, and times that are none, by hand and by plain SQL.
SET search_path = public, distributor;
SET TimeZone = 'UTC';
SET datestyle = 'ISO';
\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all

SELECT create_program('ra', 'CNY', time_zone => 'UTC');
SELECT set_plan('ra', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "1%"]}]}');
SELECT keep_team_totals('ra', 'day');

-- All that the reports tell at a moment, now (as_of null) or later.
CREATE FUNCTION ra_told(as_of timestamptz, since timestamptz) RETURNS TABLE (report text, member_id bigint, place bigint, told jsonb) LANGUAGE plpgsql AS $$
DECLARE
	m bigint;
BEGIN
	FOREACH m IN ARRAY ARRAY(SELECT b.member_id FROM ra.member b) LOOP
		RETURN QUERY SELECT 'member', m, 1::bigint, to_jsonb(t) FROM member_as_of('ra', m, as_of) t;
		RETURN QUERY SELECT 'team', m, t.ordinality, to_jsonb(t) FROM team('ra', m, as_of => as_of) WITH ORDINALITY t;
		RETURN QUERY SELECT 'team_total', m, 1::bigint, to_jsonb(t) FROM team_total('ra', m, as_of => as_of) t WHERE t.people > 0;
		RETURN QUERY SELECT 'team_by_level', m, t.ordinality, to_jsonb(t) FROM team_by_level('ra', m, as_of => as_of) WITH ORDINALITY t;
		RETURN QUERY SELECT 'legs', m, t.ordinality, to_jsonb(t) FROM legs('ra', m, "from" => since, as_of => as_of) WITH ORDINALITY t;
	END LOOP;
	FOREACH m IN ARRAY ARRAY(SELECT b.member_id FROM ra.member b WHERE b.member_id IN (1, 2, 3, 7)) || NULL::bigint LOOP
		RETURN QUERY SELECT x, m, t.ordinality, to_jsonb(t)
			FROM unnest('{personal_volume,team_volume,commissions,recruits}'::text[]) x, leaderboard('ra', x, scope => m, as_of => as_of, max_rows => NULL) WITH ORDINALITY t;
		RETURN QUERY SELECT x || ' since', m, t.ordinality, to_jsonb(t)
			FROM unnest('{personal_volume,team_volume,commissions,recruits}'::text[]) x, leaderboard('ra', x, scope => m, "from" => since, as_of => as_of, max_rows => NULL) WITH ORDINALITY t;
		RETURN QUERY SELECT 'inactive', m, t.ordinality, to_jsonb(t) FROM inactive('ra', since => coalesce(since, now()), scope => m, as_of => as_of) WITH ORDINALITY t;
	END LOOP;
	FOREACH m IN ARRAY ARRAY(SELECT b.member_id FROM ra.member b WHERE b.member_id IN (1, 2, 3, 7)) LOOP
		RETURN QUERY SELECT 'team_tree', m, t.ordinality, to_jsonb(t) FROM team_tree('ra', m, 3, 2, as_of => as_of) WITH ORDINALITY t;
		RETURN QUERY SELECT 'team_dot', m, 1::bigint, to_jsonb(t) FROM team_dot('ra', m, NULL, NULL, as_of => as_of) t WHERE t IS NOT NULL;
	END LOOP;
END $$;
CREATE TABLE ra_was (at timestamptz, since timestamptz, report text, member_id bigint, place bigint, told jsonb);
CREATE TABLE ra_moment (no int GENERATED ALWAYS AS IDENTITY, at timestamptz, since timestamptz);

-- Joins, sales, refunds, moves, people who leave and come again, ranks and states: each at its own time.
CREATE PROCEDURE ra_run(seed float8, steps int) LANGUAGE plpgsql AS $$
DECLARE
	people int := 8; who bigint; target bigint; moves int := 0; rejoined int := 0; half timestamptz;
BEGIN
	PERFORM setseed(seed);
	FOR i IN 1..people LOOP
		PERFORM add_member('ra', i, CASE WHEN random() > 0.1 AND i > 1 THEN 1 + floor(random() * (i - 1))::bigint END);
	END LOOP;
	COMMIT;
	FOR step IN 1..steps LOOP
		FOR i IN 1..2 LOOP
			PERFORM record_sale('ra', step || '-' || i, 1 + floor(random() * people)::bigint, round((random() * 100)::numeric, 2));
			COMMIT;
		END LOOP;
		IF random() < 0.4 THEN
			PERFORM record_refund('ra', s.order_key, 'R' || step, CASE WHEN random() < 0.6 THEN round(s.amount / 3, 2) END)
			FROM (SELECT * FROM ra.sale s WHERE NOT EXISTS (SELECT FROM ra.refund r WHERE r.order_key = s.order_key) ORDER BY s.sale_id LIMIT 1 OFFSET floor(random() * step)::int) s;
			COMMIT;
		END IF;
		IF random() < 0.5 THEN
			people := people + 1;
			PERFORM add_member('ra', people, 1 + floor(random() * (people - 1))::bigint);
			COMMIT;
		END IF;
		IF random() < 0.6 THEN
			who := 1 + floor(random() * people);
			target := 1 + floor(random() * people);
			IF NOT (SELECT t.path <@ who FROM ra.member t WHERE t.member_id = target) THEN
				moves := moves + 1;
				PERFORM move_member('ra', who, CASE WHEN random() > 0.1 THEN target END);
				COMMIT;
			END IF;
		END IF;
		IF random() < 0.3 THEN
			PERFORM set_rank('ra', 1 + floor(random() * people)::bigint, chr(97 + floor(random() * 3)::int));
			COMMIT;
			PERFORM set_state('ra', 1 + floor(random() * people)::bigint, (ARRAY['active', 'frozen'])[1 + floor(random() * 2)::int]);
			COMMIT;
		END IF;
		IF random() < 0.2 THEN
			PERFORM set_state('ra', 2 + floor(random() * (people - 1))::bigint, 'left', downline => 'sponsor');
			COMMIT;
		END IF;
		IF random() < 0.3 THEN
			SELECT m.member_id INTO who FROM ra.member m WHERE m.state = 'left' ORDER BY m.member_id LIMIT 1;
			target := 1 + floor(random() * people);
			IF NOT (SELECT t.path <@ who FROM ra.member t WHERE t.member_id = target) THEN
				PERFORM add_member('ra', who, target);
				rejoined := rejoined + 1;
				COMMIT;
			END IF;
		END IF;
		IF random() < 0.3 THEN
			CALL fold('ra');
		END IF;
		half := CASE step WHEN steps / 2 THEN clock_timestamp() ELSE half END;
		IF step % (steps / 3) = 0 THEN
			INSERT INTO ra_moment (at, since) VALUES (clock_timestamp(), half);
			INSERT INTO ra_was SELECT w.at, w.since, t.* FROM (SELECT * FROM ra_moment ORDER BY no DESC LIMIT 1) w, ra_told(NULL, w.since) t;
			COMMIT;
		END IF;
	END LOOP;
	RAISE NOTICE 'seed %, enough moves: %, members who came again: %', seed, moves > steps / 4, rejoined > 1;
END $$;
CALL ra_run(0.33, 60);

-- Nothing that has happened since changes what is told of then.
CREATE TABLE ra_is AS SELECT w.no, t.* FROM ra_moment w, ra_told(w.at, w.since) t;
SELECT w.no, w.report, count(*) > 0 AS some, count(*) FILTER (WHERE i.report IS NULL OR i.told <> w.told) AS wrong
FROM (SELECT m.no, w.* FROM ra_was w JOIN ra_moment m USING (at)) w
LEFT JOIN ra_is i ON i.no = w.no AND i.report = w.report AND i.member_id IS NOT DISTINCT FROM w.member_id AND i.place = w.place
GROUP BY w.no, w.report HAVING count(*) FILTER (WHERE i.report IS NULL OR i.told <> w.told) > 0 OR w.no = 3 ORDER BY 1, 2;
SELECT (SELECT count(*) FROM ra_is) = (SELECT count(*) FROM ra_was) AS as_many, (SELECT count(DISTINCT no) FROM ra_is) AS moments,
	(SELECT count(DISTINCT told -> 'rank') > 3 FROM ra_is WHERE report = 'team') AS ranks, (SELECT count(DISTINCT told -> 'state') FROM ra_is WHERE report = 'team') AS states;
-- page by page is the same as at once
CREATE FUNCTION ra_pages(metric text, as_of timestamptz, scope bigint, page bigint) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	r record; n bigint; value numeric; last bigint;
BEGIN
	LOOP
		n := 0;
		FOR r IN SELECT * FROM leaderboard('ra', metric, max_rows => page, scope => scope, as_of => as_of, after_value => value, after_member => last) LOOP
			RETURN NEXT r::text; value := r.value; last := r.member_id; n := n + 1;
		END LOOP;
		EXIT WHEN n < page;
	END LOOP;
END $$;
SELECT metric, scope, count(*) AS pages, bool_and((SELECT array_agg(p) FROM ra_pages(metric, w.at, scope, page) p)
	IS NOT DISTINCT FROM (SELECT array_agg(l::text) FROM leaderboard('ra', metric, max_rows => NULL, scope => scope, as_of => w.at) l)) AS same
FROM ra_moment w, unnest('{personal_volume,team_volume,commissions,recruits}'::text[]) metric, unnest('{1,NULL}'::bigint[]) scope, unnest('{1,3,100}'::bigint[]) page
WHERE w.no = 2 GROUP BY 1, 2 ORDER BY 1, 2;
-- Of every member the timeline is without gap, from its joining to now, and at each moment what member_as_of tells.
CREATE TABLE ra_line AS SELECT m.member_id, m.joined_at, t.*, lag(t.valid_until) OVER own AS before, lag((t.path, t.rank, t.state)::text) OVER own AS was
	FROM ra.member m, member_timeline('ra', m.member_id) t WINDOW own AS (PARTITION BY m.member_id ORDER BY t.valid_from);
SELECT count(*) > 2 * count(DISTINCT member_id) AS enough, count(*) FILTER (WHERE valid_until IS NULL) = count(DISTINCT member_id) AS all_to_now,
	count(*) FILTER (WHERE valid_from IS DISTINCT FROM coalesce(before, joined_at) OR valid_from >= valid_until) AS gaps,
	count(*) FILTER (WHERE (path, rank, state)::text = was) AS the_same_twice, count(*) FILTER (WHERE depth <> depth(path)) AS wrong_depth
FROM ra_line;
SELECT count(*) > 100 AS enough, count(*) FILTER (WHERE (a.sponsor_id, a.depth, a.path, a.rank, a.state) IS DISTINCT FROM (l.sponsor_id, l.depth, l.path, l.rank, l.state)) AS wrong
FROM ra_line l, unnest(ARRAY[l.valid_from, coalesce(l.valid_until - interval '1 microsecond', 'infinity')]) at LEFT JOIN LATERAL member_as_of('ra', l.member_id, at) a ON true;
-- Today is the only day there is; of now it is what is kept.
SELECT count(*) > 10 AS enough, count(*) FILTER (WHERE t IS DISTINCT FROM a OR p IS DISTINCT FROM q) AS wrong
FROM ra.member m, team_total('ra', m.member_id) t, team_total('ra', m.member_id, as_of => clock_timestamp()) a,
	team_total('ra', m.member_id, (m.joined_at AT TIME ZONE 'UTC')::date) p, team_total('ra', m.member_id, (m.joined_at AT TIME ZONE 'UTC')::date, 'infinity') q;
-- People are counted by ranges: around moves, where a member may have stood below whom it stands above now.
SELECT count(*) > 100 AS enough, count(*) FILTER (WHERE t.people <> (SELECT count(*) FROM team_as_of('ra', m.member_id, w.at))) AS wrong
FROM (SELECT h.valid_from AS at FROM ra.member_history h WHERE h.change IN ('move', 'rejoin') ORDER BY 1 LIMIT 5) w, ra.member m, team_total('ra', m.member_id, as_of => w.at) t;
SELECT count(*) AS faults FROM audit('ra');

--
-- Sales that came late, orders that changed, several months: by plain SQL over what the orders are now
--
SELECT create_program('rb', 'CNY', time_zone => 'America/Havana');
SELECT set_plan('rb', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "1%"]}]}');
SELECT alter_program('rb', sale_change => 'repost');
CREATE TABLE rb_order (no int PRIMARY KEY, member_id bigint, amount numeric, currency text, at timestamptz);
SELECT attach_orders('rb', 'rb_order', 'no', 'member_id', 'amount', occurred_at => 'at', currency => 'currency', since => '-infinity');
CREATE PROCEDURE rb_run(seed float8) LANGUAGE plpgsql AS $$
DECLARE
	since CONSTANT timestamptz := '2020-01-01'; who bigint; target bigint;
BEGIN
	PERFORM setseed(seed);
	FOR i IN 1..40 LOOP
		PERFORM add_member('rb', i, CASE WHEN i > 2 THEN 1 + floor(random() * (i - 1))::bigint END, since + random() * interval '200 days');
	END LOOP;
	FOR round IN 1..4 LOOP
		INSERT INTO rb_order SELECT round * 100 + i, 1 + floor(random() * 40), round((random() * 100)::numeric, 2), CASE WHEN random() < 0.1 THEN 'USD' ELSE 'CNY' END,
			since + random() * interval '300 days' FROM generate_series(1, 40) i;
		UPDATE rb_order SET amount = amount + 10, at = CASE WHEN random() < 0.3 THEN at + interval '20 days' ELSE at END, member_id = CASE WHEN random() < 0.2 THEN 1 ELSE member_id END
			WHERE no > round * 100 - 100 AND NOT EXISTS (SELECT FROM rb.refund r WHERE r.order_key = no::text AND r.author IS NOT NULL) AND random() < 0.25;
		PERFORM record_refund('rb', no::text, round || 'R' || no, round(amount / 4, 2), occurred_at => at + random() * interval '60 days')
			FROM rb_order WHERE amount > 1 AND random() < 0.15 AND NOT EXISTS (SELECT FROM rb.refund r WHERE r.order_key = no::text AND r.author IS NOT NULL);
		COMMIT;
		FOR i IN 1..3 LOOP
			who := 1 + floor(random() * 40);
			target := 1 + floor(random() * 40);
			IF NOT (SELECT t.path <@ who FROM rb.member t WHERE t.member_id = target) THEN
				PERFORM move_member('rb', who, target);
			END IF;
			COMMIT;
		END LOOP;
	END LOOP;
END $$;
CALL rb_run(0.2);
SELECT count(*) FILTER (WHERE replaces IS NOT NULL) > 10 AS replaced, (SELECT count(*) > 20 FROM rb.refund_posting) AS refunded FROM rb.sale;

SELECT keep_team_totals('rb', 'month');
-- an order counts by its last revision, with the upline that it had
CREATE TABLE rb_place AS SELECT as_of, m.* FROM unnest('{2020-02-20,2020-05-01,2020-08-01,infinity}'::timestamptz[]) as_of, rb.member b, member_as_of('rb', b.member_id, as_of) m;
CREATE FUNCTION rb_total(member bigint, day date, unit text, as_of timestamptz, OUT people bigint, OUT sales bigint, OUT volume numeric) LANGUAGE plpgsql AS $$
DECLARE
	place refpath;
BEGIN
	SELECT m.path INTO place FROM rb_place m WHERE m.member_id = member AND m.as_of = rb_total.as_of;
	SELECT count(*) INTO people FROM rb_place m
	WHERE m.as_of = rb_total.as_of AND m.path <@ place AND (day IS NULL OR date_trunc(unit, m.joined_at AT TIME ZONE 'America/Havana') = date_trunc(unit, day));
	SELECT count(*), coalesce(sum(s.amount - coalesce((SELECT sum(p.amount) FROM rb.refund_posting p JOIN rb.refund r USING (refund_id) WHERE p.sale_id = s.sale_id AND r.occurred_at <= as_of), 0)), 0)
	INTO sales, volume FROM rb.sale s
	WHERE s.currency = 'CNY' AND s.path <@ member AND place IS NOT NULL AND s.occurred_at <= as_of
		AND NOT EXISTS (SELECT FROM rb.sale n WHERE n.order_key = s.order_key AND n.revision > s.revision)
		AND (day IS NULL OR date_trunc(unit, s.occurred_at AT TIME ZONE 'America/Havana') = date_trunc(unit, day));
END $$;
SELECT day, as_of::date, count(*) AS members, count(*) FILTER (WHERE t.people > 0) > 0 AS people, count(*) FILTER (WHERE t.sales > 0) > 0 AS sales, count(*) FILTER (WHERE t IS DISTINCT FROM x) AS wrong
FROM rb.member m, unnest('{NULL,2020-02-14,2020-05-31}'::date[]) day, unnest('{2020-02-20,2020-08-01,infinity}'::timestamptz[]) as_of,
	team_total('rb', m.member_id, day, as_of) t, rb_total(m.member_id, day, 'month', as_of) x GROUP BY 1, 2 ORDER BY 1, 2;
-- infinity is whatever has been recorded, as without it
SELECT count(*) FILTER (WHERE t IS DISTINCT FROM a) AS wrong
FROM rb.member m, unnest('{NULL,2020-02-14,2020-05-31}'::date[]) day, team_total('rb', m.member_id, day) t, team_total('rb', m.member_id, day, 'infinity') a;
SELECT count(*) FILTER (WHERE t.sales <> l.sales OR t.volume <> l.volume OR t.people <> l.people) AS wrong
FROM rb.member m, team_total('rb', m.member_id) t, LATERAL (SELECT sum(l.sales) AS sales, sum(l.volume) AS volume, sum(l.members) AS people FROM team_by_level('rb', m.member_id) l) l;
-- leaderboards of all
WITH expected AS (
	SELECT as_of, 'personal_volume' AS metric, s.member_id, sum(s.volume) AS value FROM unnest('{2020-05-01,2020-08-01}'::timestamptz[]) as_of,
		LATERAL (SELECT s.member_id, s.amount - coalesce((SELECT sum(p.amount) FROM rb.refund_posting p JOIN rb.refund r USING (refund_id) WHERE p.sale_id = s.sale_id AND r.occurred_at <= as_of), 0) AS volume
			FROM rb.sale s WHERE s.currency = 'CNY' AND s.occurred_at <= as_of AND NOT EXISTS (SELECT FROM rb.sale n WHERE n.order_key = s.order_key AND n.revision > s.revision)) s
	GROUP BY 1, 3
	UNION ALL
	SELECT as_of, 'team_volume', m.member_id, t.volume FROM unnest('{2020-05-01,2020-08-01}'::timestamptz[]) as_of, rb.member m, rb_total(m.member_id, NULL, NULL, as_of) t
	UNION ALL
	SELECT as_of, 'commissions', e.member_id, sum(e.amount) FROM unnest('{2020-05-01,2020-08-01}'::timestamptz[]) as_of, rb.earnings e JOIN rb.sale s USING (sale_id)
	WHERE s.occurred_at <= as_of AND e.occurred_at <= as_of AND e.currency = 'CNY' AND NOT EXISTS (SELECT FROM rb.sale n WHERE n.order_key = s.order_key AND n.revision > s.revision) GROUP BY 1, 3
	UNION ALL
	SELECT a.as_of, 'recruits', a.sponsor_id, count(*) FROM rb_place a WHERE a.as_of IN ('2020-05-01', '2020-08-01') GROUP BY 1, 3),
should AS (SELECT e.* FROM expected e JOIN rb.member m USING (member_id) WHERE e.value > 0 AND m.joined_at <= e.as_of),
found AS (SELECT as_of, metric, l.member_id, l.value FROM unnest('{2020-05-01,2020-08-01}'::timestamptz[]) as_of, unnest('{personal_volume,team_volume,commissions,recruits}'::text[]) metric,
	leaderboard('rb', metric, max_rows => NULL, as_of => as_of) l)
SELECT metric, as_of::date, count(s.value) > 10 AS enough, count(*) FILTER (WHERE s.value IS DISTINCT FROM f.value) AS wrong
FROM should s FULL JOIN found f USING (as_of, metric, member_id) GROUP BY 1, 2 ORDER BY 1, 2;
-- days of which two begin at midnight: clocks go back from one to midnight on the first of November
SELECT period, lower AT TIME ZONE 'UTC' AS lower, upper AT TIME ZONE 'UTC' AS upper FROM unnest('{2020-10-31,2020-11-01,2020-11,2020-03-08}'::text[]) period, period_bounds('rb', period);
SELECT keep_team_totals('rb', 'day');
INSERT INTO rb_order VALUES (1001, 1, 1000, 'CNY', '2020-11-01 04:30Z'), (1002, 1, 2000, 'CNY', '2020-11-01 03:59Z'), (1003, 1, 4000, 'CNY', '2020-11-01 05:30Z');
SELECT day, team_total('rb', 1, day) = team_total('rb', 1, day, 'infinity') AS same, t.volume - l.volume AS difference
FROM unnest('{2020-10-31,2020-11-01}'::date[]) day, team_total('rb', 1, day) t, LATERAL (SELECT sum(volume) AS volume FROM team_by_level('rb', 1, period => day::text) l) l;

--
-- By hand
--
SELECT create_program('rk', 'CNY', time_zone => 'Asia/Shanghai', key_type => 'text');
SELECT set_plan('rk', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}');
SELECT add_member('rk', k, s, j::timestamptz, r) FROM (VALUES (1, 'anna', NULL, '2020-01-15', 'gold'), (2, 'bert', 'anna', '2020-02-15', NULL), (3, 'cleo', 'anna', '2020-03-15', NULL),
	(4, 'early', 'cleo', '2020-02-20', NULL), (5, 'future', 'anna', '2999-01-01', NULL)) v(i, k, s, j, r) ORDER BY i;
SELECT record_sale('rk', '1', 'bert', 100, occurred_at => '2020-02-16'), record_sale('rk', '2', 'early', 10, occurred_at => '2020-02-21'),
	record_sale('rk', '3', 'future', 1, occurred_at => '2999-02-01');
SELECT record_refund('rk', '1', 'R', 40, occurred_at => '2020-03-01');
-- a sale that is posted late was there all the same
SELECT record_sale('rk', 'late', 'bert', 1000, occurred_at => '2020-02-17');
SELECT as_of::date, a.people, a.sales, a.volume, b.people AS bert, b.sales, b.volume
FROM unnest('{-infinity,2020-01-14,2020-01-16,2020-02-16,2020-02-18,2020-02-22,2020-03-01,2020-03-16,2998-01-01,infinity}'::timestamptz[]) as_of, team_total('rk', 'anna', as_of => as_of) a, team_total('rk', 'bert', as_of => as_of) b;
SELECT team_total('rk', 'anna', NULL, 'infinity');
-- up to the very moment
SELECT volume FROM unnest(ARRAY[interval '0', interval '-1 microsecond']) d, team_total('rk', 'bert', as_of => '2020-02-16'::timestamptz + d);
-- who joined before its sponsor did stands where that was going to stand, and stays there when it moves
SELECT as_of::date, m.* FROM unnest('{2020-02-25,2020-03-20}'::timestamptz[]) as_of, member_as_of('rk', 'early', as_of) m;
-- and the sponsor, where it is named, is not counted
SELECT tree, people FROM team_tree('rk', 'anna', as_of => '2020-02-25');
SELECT (SELECT count(*) FROM team('rk', 'anna', as_of => '2020-02-25')) AS team, (SELECT people FROM team_total('rk', 'anna', as_of => '2020-02-25')) AS total,
	(SELECT sum(members) FROM team_by_level('rk', 'anna', as_of => '2020-02-25')) AS levels, (SELECT 1 + sum(size) FROM legs('rk', 'anna', as_of => '2020-02-25')) AS legs;
SELECT move_member('rk', 'cleo', 'bert');
SELECT as_of::date, m.path, (SELECT array_agg(t.member_key || ' ' || t.path::text) FROM team('rk', 'anna', as_of => as_of) t) AS team_of_anna, (SELECT count(*) FROM team('rk', 'bert', as_of => as_of)) AS bert, (SELECT count(*) FROM team('rk', 'cleo', as_of => as_of)) AS cleo
FROM unnest('{2020-02-25,2020-03-20,infinity}'::timestamptz[]) as_of, member_as_of('rk', 'early', as_of) m;
SELECT set_rank('rk', 'bert', 'silver'), set_rank('rk', 'early', 'bronze'), set_state('rk', 'early', 'left');
-- two changes at one time are one
SELECT row_number() OVER (ORDER BY valid_from) AS no, valid_from = joined_at AS joined, valid_until IS NULL AS now, t.sponsor_id, t.depth, t.path, t.rank, t.state
FROM rk.member m, member_timeline('rk', m.member_key) t WHERE m.member_key = 'early';
SELECT row_number() OVER (ORDER BY valid_from) AS no, valid_until IS NULL AS now, sponsor_id, depth, path, rank, state FROM member_timeline('rk', 'bert');
SELECT valid_from::date, valid_until, path FROM member_timeline('rk', 'future');
SELECT member_key, level, rank, state FROM team('rk', 'anna', as_of => '2020-03-20');
SELECT member_key, level, rank, state FROM team('rk', 'anna');
-- the same of a person who was erased, but for the key
SELECT erase_member('rk', 'bert');
SELECT t.member_id, t.level, t.rank, t.state, t.personal_volume FROM team('rk', 1, as_of => '2020-03-20') t ORDER BY 1;
SELECT path, rank, state FROM member_as_of('rk', 2, '2020-03-20');
SELECT count(*) FROM member_timeline('rk', 2);
-- nobody, and before anybody was there
SELECT (SELECT count(*) FROM member_as_of('rk', 'nobody')) + (SELECT count(*) FROM member_as_of('rk', 4711, now())) + (SELECT count(*) FROM member_as_of('rk', NULL::text, now()))
	+ (SELECT count(*) FROM member_timeline('rk', 'nobody')) + (SELECT count(*) FROM member_timeline('rk', NULL::bigint)) + (SELECT count(*) FROM member_as_of('rk', 'anna', '-infinity'))
	+ (SELECT count(*) FROM team_tree('rk', 'anna', as_of => '-infinity')) + (SELECT count(*) FROM leaderboard('rk', 'team_volume', as_of => '-infinity'))
	+ (SELECT count(*) FROM leaderboard('rk', 'team_volume', scope => 1, as_of => '2020-01-14')) + (SELECT count(*) FROM leaderboard('rk', 'recruits', NULL, 10, 'nobody', as_of => now()))
	+ (SELECT count(*) FROM inactive('rk', as_of => '2020-01-14')) AS rows, team_dot('rk', 'anna', as_of => '-infinity') IS NULL AS no_picture;
-- null is now
SELECT (SELECT array_agg(l) FROM leaderboard('rk', 'team_volume', as_of => NULL) l) = (SELECT array_agg(l) FROM leaderboard('rk', 'team_volume') l) AS leaders,
	(SELECT array_agg(t) FROM team_tree('rk', 'anna', as_of => NULL) t) = (SELECT array_agg(t) FROM team_tree('rk', 'anna') t) AS tree;
-- whoever has bought since was inactive then
SELECT as_of::date, member_key, last_sale_at::date FROM unnest('{2020-02-16,2020-02-25,2020-05-20}'::timestamptz[]) as_of, inactive('rk', '1 day', as_of => as_of) ORDER BY 1, member_id;

SELECT fails($$SELECT team_total('rk', 'anna', '2020-02-01', '2020-03-01')$$);
SELECT fails($$SELECT team_total('rk', 'anna')$$);
SELECT fails($$SELECT team_total('rk', 'nobody', as_of => '2020-03-01')$$);
SELECT fails($$SELECT team_total('rk', 4711, as_of => now())$$);
SELECT fails($$SELECT team_total('rk', NULL::bigint, as_of => now())$$);
SELECT fails($$SELECT team_total('nowhere', 1, as_of => now())$$);
SELECT fails($$SELECT * FROM member_as_of('nowhere', 1)$$);
SELECT fails($$SELECT * FROM member_timeline('nowhere', 1)$$);
SELECT fails($$SELECT * FROM leaderboard('rk', 'beauty', as_of => now())$$);
SELECT fails($$SELECT * FROM leaderboard('rk', NULL, as_of => now())$$);
SELECT fails($$SELECT * FROM leaderboard('rk', 'recruits', max_rows => -1, as_of => now())$$);
-- it reads with the caller's rights
CREATE ROLE regress_as_of;
GRANT USAGE ON SCHEMA rk TO regress_as_of;
GRANT SELECT ON rk.program, rk.member, rk.member_history, rk.sale, rk.refund_posting TO regress_as_of;
SET ROLE regress_as_of;
SELECT fails($$SELECT team_total('rk', 1, as_of => now())$$);
SELECT m.path FROM member_as_of('rk', 1, now()) m;
RESET ROLE;
GRANT SELECT ON rk.refund TO regress_as_of;
SET ROLE regress_as_of;
SELECT team_total('rk', 1, as_of => '2020-03-20');
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA ra, rb, rk CASCADE;
DROP OWNED BY regress_as_of;
DROP ROLE regress_as_of;
RESET client_min_messages;
DROP TABLE ra_was, ra_is, ra_moment, ra_line, rb_order, rb_place;
DROP FUNCTION ra_told(timestamptz, timestamptz), ra_pages(text, timestamptz, bigint, bigint), rb_total(bigint, date, text, timestamptz);
DROP PROCEDURE ra_run(float8, int), rb_run(float8);
