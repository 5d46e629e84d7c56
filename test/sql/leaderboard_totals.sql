--
-- Leaderboards by team totals: of periods that are ranked, of the one at hand,
-- and beside changes that are not folded, they are those of the sales
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY sqlstate
SELECT create_program('lt', 'CNY', time_zone => 'Asia/Shanghai');
SELECT set_plan('lt', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}');
SELECT add_member('lt', 1, joined_at => '2026-01-05'), add_member('lt', 2, 1, joined_at => '2026-01-06'),
       add_member('lt', 3, 2, joined_at => '2026-02-05'), add_member('lt', 4, 1, joined_at => '2026-02-06');
SELECT record_sale('lt', '1', 3, 100.00, occurred_at => '2026-02-05');
SELECT keep_team_totals('lt');
SELECT member_id, period, volume, own_volume, ranked_volume, ranked_own_volume FROM lt.team_total WHERE volume > 0 ORDER BY member_id, period;
SELECT record_sale('lt', '2', 4, 100.00, occurred_at => '2026-02-06'), record_sale('lt', '3', 1, 7, currency => 'USD', occurred_at => '2026-02-06');
SELECT * FROM leaderboard('lt', 'team_volume', '2026-02');
SELECT * FROM leaderboard('lt', 'personal_volume', '2026-02');
SELECT * FROM leaderboard('lt', 'team_volume', '2026-02', max_rows => 1, after_value => 100, after_member => 2);
SELECT * FROM leaderboard('lt', 'team_volume', '2026-02', after_value => 200, after_member => 1);
-- a page as long as can be
SELECT count(*) FROM leaderboard('lt', 'team_volume', '2026-02', 9223372036854775807);
SELECT count(*) FROM leaderboard('lt', 'team_volume', '2026-02', 9223372036854775807, after_value => 200, after_member => 1);
CALL fold('lt');
SELECT * FROM leaderboard('lt', 'team_volume', '2026-02');
SELECT * FROM leaderboard('lt', 'personal_volume', '2026-02');
-- who moved has refunds of before, which are its own and not its new upline's
SELECT move_member('lt', 3, 4), record_refund('lt', '1', 'r1', 40);
SELECT path, member_id, volume, own FROM lt.team_delta WHERE volume <> 0 ORDER BY member_id;
SELECT * FROM leaderboard('lt', 'team_volume', '2026-02');
SELECT * FROM leaderboard('lt', 'personal_volume', '2026-02');
CALL fold('lt');
SELECT * FROM leaderboard('lt', 'team_volume', '2026-02');
SELECT * FROM leaderboard('lt', 'personal_volume', '2026-02');
SELECT * FROM audit('lt');

--
-- The same as from the sales, whatever happens.  A period that ends a moment
-- earlier is none by which totals are kept: it is computed from the sales.
--
CREATE FUNCTION lt_board(metric text, month timestamp, by_totals bool, page bigint DEFAULT NULL, value numeric DEFAULT NULL, member bigint DEFAULT NULL)
RETURNS TABLE (no bigint, place bigint, member_id bigint, member_key text, val numeric) LANGUAGE sql STABLE AS $$
	SELECT row_number() OVER (), l.place, l.member_id, l.member_key, l.value
	  FROM leaderboard('lt', metric, NULL, page, "from" => month AT TIME ZONE 'Asia/Shanghai',
			"to" => (month + interval '1 month') AT TIME ZONE 'Asia/Shanghai' - CASE WHEN by_totals THEN interval '0' ELSE interval '1 microsecond' END,
			after_value => value, after_member => member) l
$$;
-- all of it, a first page, and one behind somebody in the middle
CREATE FUNCTION lt_differs(months timestamp[]) RETURNS TABLE (metric text, month timestamp, page bigint, by_totals text, by_sales text) LANGUAGE plpgsql AS $$
DECLARE
	behind record;
BEGIN
	FOREACH metric IN ARRAY '{team_volume,personal_volume}'::text[] LOOP
		FOREACH month IN ARRAY months LOOP
			SELECT b.* INTO behind FROM lt_board(metric, month, false) b ORDER BY b.no OFFSET floor(random() * 12) LIMIT 1;
			FOREACH page IN ARRAY '{3,NULL,-3,-1000}'::bigint[] LOOP
				by_totals := ARRAY(SELECT b FROM lt_board(metric, month, true, abs(page), CASE WHEN page < 0 THEN behind.val END, behind.member_id) b ORDER BY b.no)::text;
				by_sales := ARRAY(SELECT b FROM lt_board(metric, month, false, abs(page), CASE WHEN page < 0 THEN behind.val END, behind.member_id) b ORDER BY b.no)::text;
				IF by_totals <> by_sales THEN
					RETURN NEXT;
				END IF;
			END LOOP;
		END LOOP;
	END LOOP;
END
$$;
\set seed 0.20261123
\echo seed :seed
SELECT setseed(:seed);
-- January and February are over; of March, so this lets the program think, is the day at hand
CREATE PROCEDURE lt_back_to(open date) LANGUAGE plpgsql AS $$
BEGIN
	ALTER TABLE lt.program DISABLE TRIGGER guard_change;
	ALTER TABLE lt.team_total DISABLE TRIGGER guard_change;
	UPDATE lt.program SET ranking_before = open, ranked_before = open, ranking_floor = NULL, ranking_own_floor = NULL;
	UPDATE lt.team_total SET ranked_volume = NULL, ranked_own_volume = NULL WHERE period >= open;
	ALTER TABLE lt.program ENABLE ALWAYS TRIGGER guard_change;
	ALTER TABLE lt.team_total ENABLE ALWAYS TRIGGER guard_change;
END
$$;
CREATE FUNCTION lt_step(step int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	members bigint[] := ARRAY(SELECT member_id FROM lt.member);
	any_member bigint := members[1 + floor(random() * cardinality(members))];
	at timestamptz := timestamptz '2026-01-10' + random() * interval '75 days';
	kind int := floor(random() * 12);
BEGIN
	IF kind < 2 THEN
		PERFORM add_member('lt', 1000 + step, any_member, joined_at => at);
	ELSIF kind < 7 THEN
		-- few amounts, so that many are level
		PERFORM record_sale('lt', 's' || step, any_member, 10 * (1 + floor(random() * 4))::int, occurred_at => at);
	ELSIF kind < 9 THEN
		PERFORM record_refund('lt', s.order_key, 'f' || step, s.amount / 2, occurred_at => at)
		   FROM lt.sale s WHERE s.currency = 'CNY'
			AND (SELECT coalesce(sum(p.amount), 0) FROM lt.refund_posting p WHERE p.sale_id = s.sale_id) <= s.amount / 2
		  ORDER BY random() LIMIT 1;
	ELSIF kind < 11 THEN
		PERFORM move_member('lt', any_member, m.member_id) FROM lt.member m
		  WHERE NOT any_member = ANY (m.path::bigint[]) ORDER BY random() LIMIT 1;
	ELSE
		PERFORM fold_team('lt', 1 + floor(random() * 40)::int);
	END IF;
END
$$;
CREATE PROCEDURE lt_run(steps int, months timestamp[]) LANGUAGE plpgsql AS $$
DECLARE
	wrong record;
BEGIN
	FOR step IN 1 .. steps LOOP
		PERFORM lt_step((SELECT count(*)::int FROM lt.sale) * 1000 + step);
		IF step % 10 = 0 THEN
			FOR wrong IN SELECT * FROM lt_differs(months) LOOP
				RAISE WARNING 'after step %: %', step, wrong;
			END LOOP;
		END IF;
	END LOOP;
END
$$;
CALL lt_run(60, '{2026-01-01,2026-02-01,2026-03-01}');
SELECT count(*) FROM audit('lt');
-- a month that is being ranked, and the one at hand
CALL lt_back_to('2026-02-01');
CALL lt_run(20, '{2026-01-01,2026-02-01,2026-03-01}');
SELECT count(*) FROM audit('lt');
CALL fold('lt', 3);
SELECT ranking_before = ranked_before, ranked_before > '2026-03-01' FROM lt.program;
SELECT * FROM lt_differs('{2026-01-01,2026-02-01,2026-03-01}');
CALL lt_run(20, '{2026-01-01,2026-02-01,2026-03-01}');
SELECT count(*) FROM audit('lt');
-- what a fold that ended half way left: told, and some ranked
CALL lt_back_to('2026-02-01');
DO $$
BEGIN
	ALTER TABLE lt.program DISABLE TRIGGER guard_change;
	ALTER TABLE lt.team_total DISABLE TRIGGER guard_change;
	UPDATE lt.program SET ranking_before = '2026-04-01';
	UPDATE lt.team_total SET ranked_volume = volume, ranked_own_volume = nullif(own_volume, 0) WHERE period = '2026-02-01' AND volume > 0 AND member_id % 2 = 0;
	ALTER TABLE lt.program ENABLE ALWAYS TRIGGER guard_change;
	ALTER TABLE lt.team_total ENABLE ALWAYS TRIGGER guard_change;
END
$$;
CALL lt_run(20, '{2026-01-01,2026-02-01,2026-03-01}');
SELECT count(*) FROM audit('lt');
CALL fold('lt', 5);
SELECT ranking_before = ranked_before FROM lt.program;
SELECT * FROM lt_differs('{2026-01-01,2026-02-01,2026-03-01}');
SELECT count(*) FROM audit('lt');

--
-- The period at hand with more members than are ranked: the highest are
--
SELECT date_trunc('month', now() AT TIME ZONE 'Asia/Shanghai') AS this_month \gset
CREATE TABLE lt_users (id bigint PRIMARY KEY, up bigint);
CREATE TABLE lt_orders (id bigint PRIMARY KEY, user_id bigint, amount numeric, status text DEFAULT 'paid', paid_at timestamptz DEFAULT now());
INSERT INTO lt_users SELECT 100000 + i, CASE WHEN i > 1 THEN 100000 + i / 2 END FROM generate_series(1, 2600) i;
SELECT attach_members('lt', 'lt_users', id => 'id', sponsor => 'up');
SELECT attach_orders('lt', 'lt_orders', key => 'id', member => 'user_id', amount => 'amount', status => 'status', occurred_at => 'paid_at');
CALL fold('lt');
SELECT ranking_floor, ranking_own_floor FROM lt.program;
INSERT INTO lt_orders SELECT 1000000 + i, 100000 + i, 10 + i % 300 FROM generate_series(1, 2600) i;
SELECT * FROM lt_differs(ARRAY[:'this_month']::timestamp[]);
CALL fold('lt', 500);
CREATE FUNCTION lt_highest() RETURNS TABLE (floors bool, ranked bool, own_ranked bool) LANGUAGE sql AS $$
	SELECT p.ranking_floor > 0 AND p.ranking_own_floor > 0,
		(SELECT count(*) BETWEEN 500 AND 2000 FROM lt.team_total t WHERE t.period = p.ranking_before AND t.ranked_volume >= p.ranking_floor),
		(SELECT count(*) BETWEEN 500 AND 2000 FROM lt.team_total t WHERE t.period = p.ranking_before AND t.ranked_own_volume >= p.ranking_own_floor)
	  FROM lt.program p
$$;
SELECT * FROM lt_highest();
SELECT * FROM lt_differs(ARRAY[:'this_month']::timestamp[]);
SELECT count(*) FROM audit('lt');
-- pages across the floor, and somebody who rises from below it
INSERT INTO lt_orders VALUES (1005001, 102599, 100000), (1005002, 102598, 308), (1005003, 102597, 309);
SELECT * FROM lt_differs(ARRAY[:'this_month']::timestamp[]);
SELECT metric, page, behind, t.differ FROM (VALUES ('team_volume'), ('personal_volume')) v(metric) CROSS JOIN (VALUES (10), (1000)) w(page)
	CROSS JOIN (VALUES (5), (990), (2000)) x(behind),
	LATERAL (SELECT b.val, b.member_id FROM lt_board(metric, :'this_month', false) b WHERE b.no = behind) b,
	LATERAL (SELECT count(*) AS differ FROM lt_board(metric, :'this_month', true, page, b.val, b.member_id) t
		FULL JOIN lt_board(metric, :'this_month', false, page, b.val, b.member_id) s USING (no) WHERE t IS DISTINCT FROM s) t
	WHERE t.differ > 0;
CALL fold('lt', 500);
SELECT * FROM lt_differs(ARRAY[:'this_month']::timestamp[]);
-- most of it comes back: fewer are above the floor than a page has
UPDATE lt_orders SET status = 'refunded' WHERE amount > 100;
SELECT * FROM lt_differs(ARRAY[:'this_month']::timestamp[]);
CALL fold('lt');
SELECT * FROM lt_highest();
SELECT * FROM lt_differs(ARRAY[:'this_month']::timestamp[]);
SELECT count(*) FROM audit('lt');
-- the same when built anew; by the year this month is none
SELECT keep_team_totals('lt');
SELECT * FROM lt_highest();
SELECT * FROM lt_differs(ARRAY[:'this_month']::timestamp[]);
SELECT keep_team_totals('lt', 'year');
SELECT * FROM lt_differs(ARRAY[:'this_month', '2026-02-01']::timestamp[]);
SELECT count(*) FROM audit('lt');

-- who may not read totals gets the same from the sales, if he may read these
CREATE ROLE regress_lt;
GRANT USAGE ON SCHEMA lt TO regress_lt;
GRANT SELECT ON lt.program, lt.member, lt.sale, lt.refund_posting TO regress_lt;
SELECT keep_team_totals('lt');
SET ROLE regress_lt;
SELECT period IS NULL AS by_sales FROM kept_period('lt', '2026-02-01 00:00+08', '2026-03-01 00:00+08');
SELECT * FROM leaderboard('lt', 'team_volume', '2026-02', 3);
RESET ROLE;
GRANT SELECT ON lt.team_total, lt.team_delta TO regress_lt;
SET ROLE regress_lt;
SELECT period FROM kept_period('lt', '2026-02-01 00:00+08', '2026-03-01 00:00+08');
SELECT * FROM leaderboard('lt', 'team_volume', '2026-02', 3);
RESET ROLE;
ALTER TABLE lt.sale ENABLE ROW LEVEL SECURITY;
SET ROLE regress_lt;
SELECT period IS NULL AS by_sales FROM kept_period('lt', '2026-02-01 00:00+08', '2026-03-01 00:00+08');
SELECT count(*) FROM leaderboard('lt', 'team_volume', '2026-02', 3);
RESET ROLE;
-- where clocks go back at midnight, November 2020 begins with the first of two such hours
SELECT create_program('lth', 'USD', time_zone => 'America/Havana');
SELECT keep_team_totals('lth', 'month');
SELECT b.lower, b.upper, k.period FROM unnest('{2020-10,2020-11,2020-12}'::text[]) m, period_bounds('lth', m) b, kept_period('lth', b.lower, b.upper) k;
SELECT period FROM kept_period('lth', '2020-11-01 00:00-05', '2020-12-01 00:00-05');
-- more that are level than are to be ranked: the floor stays, and is not written again and again
SELECT create_program('lte', 'CNY', time_zone => 'UTC');
SELECT set_plan('lte', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}');
SELECT attach_members('lte', 'lt_users', id => 'id', sponsor => 'up');
CREATE TABLE lt_parcels (id bigint PRIMARY KEY, user_id bigint, amount numeric, status text DEFAULT 'paid', paid_at timestamptz DEFAULT now());
SELECT attach_orders('lte', 'lt_parcels', key => 'id', member => 'user_id', amount => 'amount', status => 'status', occurred_at => 'paid_at');
SELECT keep_team_totals('lte', 'year');
INSERT INTO lt_parcels SELECT i, 100000 + i, 99 FROM generate_series(1, 2600) i;
SELECT fold_team('lte', 5000);
SELECT ranking_own_floor, ctid AS version FROM lte.program \gset
SELECT :ranking_own_floor AS own_floor, count(*) AS ranked FROM lte.team_total WHERE ranked_own_volume >= :ranking_own_floor;
INSERT INTO lt_parcels VALUES (5000, 102600, 1);
SELECT fold_team('lte', 5000);
SELECT ctid = :'version' AS is_same FROM lte.program;
SELECT place, count(*), min(member_id), value FROM leaderboard('lte', 'personal_volume', date_part('year', now() AT TIME ZONE 'UTC')::text, NULL) GROUP BY place, value ORDER BY place;
SELECT count(*) FROM audit('lte');
-- the largest amounts that there can be have room in the indexes
INSERT INTO lt_parcels SELECT 6000 + n, 100001 + n, (d.digits || '.' || d.digits)::numeric
  FROM generate_series(1, 3) n, (SELECT left(string_agg(abs(hashint4(i))::text, ''), 1000) AS digits FROM generate_series(1, 200) i) d;
SELECT fold_team('lte', 5000);
SELECT count(*) FROM lte.team_total WHERE ranked_volume > 1e999;
SELECT count(*) FROM audit('lte');
-- as far back as times go
SELECT count(*) > 0 AS any FROM leaderboard('lt', 'team_volume', "from" => '4714-11-24 00:00+00 BC', "to" => '2026-03-01');
SELECT count(*) > 0 AS any FROM leaderboard('lt', 'team_volume', "from" => '-infinity', "to" => 'infinity');

SET client_min_messages = warning;
SELECT drop_program('lt'), drop_program('lth'), drop_program('lte');
RESET client_min_messages;
DROP TABLE lt_users, lt_orders, lt_parcels;
DROP PROCEDURE lt_back_to, lt_run;
DROP FUNCTION lt_board, lt_differs, lt_step, lt_highest;
DROP ROLE regress_lt;
