--
-- Team totals at any moment: keep_team_totals, team_total, folding
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY sqlstate
\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all

SELECT create_program('tt', 'CNY', time_zone => 'Asia/Shanghai');
SELECT set_plan('tt', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}');
SELECT add_member('tt', 1, joined_at => '2026-01-05'), add_member('tt', 2, 1, joined_at => '2026-01-31 20:00+00'),
       add_member('tt', 3, 2, joined_at => '2026-02-05'), add_member('tt', 4, 1, joined_at => '2026-02-06');
SELECT record_sale('tt', '1', 3, 100, occurred_at => '2026-02-05');
SELECT fails($$SELECT team_total('tt', 1)$$);
-- what is there already is counted
SELECT keep_team_totals('tt');
SELECT m, t.* FROM generate_series(1, 4) m, team_total('tt', m) t;
-- 20:00 of the last of January is the first of February in Shanghai
SELECT member_id, period, people, sales, volume, own_volume FROM tt.team_total ORDER BY member_id, period;
-- changes count at once, and lie beside the totals until they are folded
SELECT add_member('tt', 5, 3, joined_at => '2026-03-01');
SELECT record_sale('tt', '2', 5, 50, occurred_at => '2026-03-02');
SELECT record_sale('tt', '3', 5, 7, currency => 'USD', occurred_at => '2026-03-02');
SELECT record_refund('tt', '1', 'r1', 30, occurred_at => '2026-03-03');
SELECT path, member_id, period, people, sales, volume FROM tt.team_delta ORDER BY path, people, volume;
SELECT m, t.* FROM generate_series(1, 5) m, team_total('tt', m) t;
SELECT m, t.* FROM generate_series(1, 5) m, team_total('tt', m, '2026-03-31') t;
-- people follow the tree, volume stays
SELECT move_member('tt', 3, 4);
SELECT m, t.* FROM generate_series(1, 5) m, team_total('tt', m) t;
-- also what comes back after the move, and of a sale from before
SELECT record_refund('tt', '1', 'r2', occurred_at => '2026-03-04');
SELECT path, member_id, period, people, sales, volume FROM tt.team_delta ORDER BY path, member_id, people, period;
SELECT m, t.* FROM generate_series(1, 5) m, team_total('tt', m) t;
SELECT fold_team('tt', 2), fold_team('tt', 100), fold_team('tt', 100), fold_team('tt', 100);
SELECT count(*) FROM tt.team_delta;
-- a fold of everything closes the generation that changes were written into
CALL fold('tt');
SELECT delta_generation, folded_generation FROM tt.program;
SELECT record_sale('tt', '2a', 5, 1, occurred_at => '2026-03-02'), record_refund('tt', '2a', 'r2a', occurred_at => '2026-03-02');
CALL fold('tt', 1);
SELECT delta_generation, folded_generation, (SELECT count(*) FROM tt.team_delta) AS left FROM tt.program;
SELECT m, t.* FROM generate_series(1, 5) m, team_total('tt', m) t;
SELECT m, t.* FROM generate_series(1, 5) m, team_total('tt', m, '2026-02-10') t;
-- another period: all are built anew; none: they go
SELECT keep_team_totals('tt', 'year');
SELECT member_id, period, people, sales, volume, own_volume FROM tt.team_total ORDER BY member_id, period;
SELECT keep_team_totals('tt', NULL);
SELECT count(*) FROM tt.team_total;
SELECT * FROM audit('tt');
SELECT move_member('tt', 3, 1), record_sale('tt', '4', 5, 1), add_member('tt', 6, 5);
SELECT count(*) FROM tt.team_delta;

SELECT fails($$SELECT keep_team_totals('tt', 'hour')$$);
SELECT fails($$SELECT keep_team_totals(NULL)$$);
SELECT fails($$SELECT fold_team('tt', 0)$$);
SELECT fails($$SELECT team_total('tt', NULL::bigint)$$);
SELECT keep_team_totals('tt');
SELECT fails($$SELECT team_total('tt', 99)$$);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT keep_team_totals('tt');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT fold_team('tt', 10);
ROLLBACK;
CREATE ROLE regress_tt;
GRANT USAGE ON SCHEMA tt TO regress_tt;
SET ROLE regress_tt;
SELECT fails($$SELECT keep_team_totals('tt')$$);
SELECT fails($$SELECT fold_team('tt', 10)$$);
SELECT fails($$SELECT team_total('tt', 1)$$);
RESET ROLE;
GRANT SELECT ON tt.program, tt.member, tt.team_total, tt.team_delta TO regress_tt;
SET ROLE regress_tt;
SELECT people FROM team_total('tt', 1);
RESET ROLE;

--
-- Whoever may not read all of the tables reads what he may, by a query
--
CREATE ROLE regress_tt_columns;
GRANT USAGE ON SCHEMA tt TO regress_tt_columns;
GRANT SELECT ON tt.program, tt.member, tt.team_total TO regress_tt_columns;
GRANT SELECT (generation, path, member_id, period, people, sales) ON tt.team_delta TO regress_tt_columns;
SET ROLE regress_tt_columns;
SELECT fails($$SELECT team_total('tt', 1)$$);
RESET ROLE;
GRANT SELECT (volume) ON tt.team_delta TO regress_tt_columns;
BEGIN;
SELECT record_sale('tt', '5', 5, 2.50), record_sale('tt', '6', 2, 3);
SELECT fold_team('tt', 10000);
SELECT record_sale('tt', '7', 3, 4.25);
SELECT * FROM team_total('tt', 1);
SET ROLE regress_tt_columns;
SELECT * FROM team_total('tt', 1);
RESET ROLE;
-- row security
ALTER TABLE tt.team_delta ENABLE ROW LEVEL SECURITY;
SET ROLE regress_tt;
SELECT * FROM team_total('tt', 1);
SET row_security = off;
SELECT fails($$SELECT team_total('tt', 1)$$);
RESET row_security;
RESET ROLE;
CREATE POLICY all_of_it ON tt.team_delta TO regress_tt USING (true);
SET ROLE regress_tt;
SELECT * FROM team_total('tt', 1);
RESET ROLE;
DROP POLICY all_of_it ON tt.team_delta;
ALTER TABLE tt.team_delta DISABLE ROW LEVEL SECURITY;
-- who may see no row of the program is not told that it keeps any
ALTER TABLE tt.program ENABLE ROW LEVEL SECURITY;
SET ROLE regress_tt;
SELECT fails($$SELECT team_total('tt', 1)$$);
RESET ROLE;
ALTER TABLE tt.program DISABLE ROW LEVEL SECURITY;
REVOKE USAGE ON SCHEMA tt FROM regress_tt;
SET ROLE regress_tt;
SELECT fails($$SELECT team_total('tt', 1)$$);
RESET ROLE;
-- without an index, or with one of another name
SAVEPOINT here;
DROP INDEX tt.team_delta_path_idx;
SELECT * FROM team_total('tt', 1);
ROLLBACK TO here;
SAVEPOINT here;
ALTER TABLE tt.team_total DROP CONSTRAINT team_total_pkey;
SELECT * FROM team_total('tt', 1);
ROLLBACK TO here;
SAVEPOINT here;
ALTER INDEX tt.team_delta_path_idx RENAME TO elsewhere;
DROP INDEX tt.team_delta_member_id_idx;
CREATE INDEX ON tt.team_delta (generation DESC, member_id DESC) WHERE member_id IS NOT NULL;
-- this one has too few of the rows
CREATE INDEX aaa ON tt.team_delta (generation, member_id) WHERE people IS NOT NULL AND sales > 5;
SELECT * FROM team_total('tt', 1);
ROLLBACK TO here;
-- a cursor, and a function that is stable, see what their snapshot shows
SAVEPOINT here;
DECLARE before CURSOR FOR SELECT * FROM team_total('tt', 1);
SELECT record_sale('tt', '8', 3, 100);
SELECT * FROM team_total('tt', 1);
FETCH before;
SAVEPOINT one;
SELECT record_sale('tt', '9', 3, 1000);
SELECT * FROM team_total('tt', 1);
ROLLBACK TO one;
SELECT * FROM team_total('tt', 1);
ROLLBACK TO here;
CREATE FUNCTION tt_volume() RETURNS numeric STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT t.volume FROM team_total('tt', 1) t); END $$;
CREATE FUNCTION tt_volume_now() RETURNS numeric VOLATILE LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT t.volume FROM team_total('tt', 1) t); END $$;
SAVEPOINT here;
SELECT tt_volume() AS before, record_sale('tt', '10', 3, 100) > 0 AS sold, tt_volume() AS stable, tt_volume_now() AS volatile;
ROLLBACK TO here;
DROP FUNCTION tt_volume, tt_volume_now;
-- days that are none, and beyond what can be
SELECT * FROM team_total('tt', 1, 'infinity');
SELECT * FROM team_total('tt', 1, '-infinity');
SELECT * FROM team_total('tt', 1, '0044-03-15 BC');
SELECT fails($$SELECT team_total('tt', 1, '5874897-12-31')$$);
-- numbers that 64 bits do not hold
SAVEPOINT here;
SELECT record_sale('tt', '11', 3, 99999999999999999999999999.0000000000000000000000000001),
       record_sale('tt', '12', 2, 0.00000000000000000000000000001), record_sale('tt', '13', 2, 9223372036854775807);
SELECT * FROM team_total('tt', 1);
SET ROLE regress_tt_columns;
SELECT * FROM team_total('tt', 1);
RESET ROLE;
SELECT * FROM audit('tt');
SELECT fold_team('tt', 2);
SELECT * FROM team_total('tt', 1);
SELECT * FROM audit('tt');
ROLLBACK TO here;
ROLLBACK;

--
-- The same as plain SQL, whatever happens
--
CREATE FUNCTION tt_plain(member bigint, month date) RETURNS TABLE (people bigint, sales bigint, volume numeric) LANGUAGE sql AS $$
	WITH given_back AS (
		SELECT s.path, s.occurred_at, p.amount FROM tt.refund_posting p JOIN tt.sale s USING (sale_id)
		 WHERE s.currency = 'CNY')
	SELECT (SELECT count(*) FROM tt.member m WHERE member = ANY (m.path::bigint[])
			   AND (month IS NULL OR date_trunc('month', m.joined_at AT TIME ZONE 'Asia/Shanghai') = month)),
		   count(*), coalesce(sum(s.amount), 0)
		   - coalesce((SELECT sum(g.amount) FROM given_back g WHERE member = ANY (g.path::bigint[])
						  AND (month IS NULL OR date_trunc('month', g.occurred_at AT TIME ZONE 'Asia/Shanghai') = month)), 0)
	  FROM tt.sale s
	 WHERE s.currency = 'CNY' AND member = ANY (s.path::bigint[])
	   AND (month IS NULL OR date_trunc('month', s.occurred_at AT TIME ZONE 'Asia/Shanghai') = month)
$$;
-- as one who may read each column and not the table, by a query
CREATE FUNCTION tt_queried(member bigint, month date) RETURNS text LANGUAGE sql SECURITY DEFINER STABLE AS $$
	SELECT t::text FROM distributor.team_total('tt', member, month) t
$$;
ALTER FUNCTION tt_queried OWNER TO regress_tt_columns;
CREATE FUNCTION tt_differs() RETURNS TABLE (member bigint, month date, kept text, plain text) LANGUAGE sql AS $$
	SELECT m.member_id, d.month, t::text, p::text
	  FROM tt.member m
	 CROSS JOIN (VALUES (NULL::date), ('2026-02-01'), ('2026-03-01')) d(month)
	 CROSS JOIN team_total('tt', m.member_id, d.month) t
	 CROSS JOIN tt_plain(m.member_id, d.month) p
	 WHERE (t.people, t.sales, t.volume) IS DISTINCT FROM (p.people, p.sales, p.volume)
		OR t::text IS DISTINCT FROM tt_queried(m.member_id, d.month)
$$;
\set seed 0.20261125
\echo seed :seed
SELECT setseed(:seed);
-- by the seed alone, and not by where rows happen to lie
CREATE FUNCTION tt_step(step int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	members bigint[] := ARRAY(SELECT member_id FROM tt.member ORDER BY member_id);
	any_member bigint := members[1 + floor(random() * cardinality(members))];
	at timestamptz := timestamptz '2026-01-15' + random() * interval '70 days';
	kind int := floor(random() * 10);
BEGIN
	IF kind < 2 THEN
		PERFORM add_member('tt', 1000 + step, CASE WHEN random() < 0.95 THEN any_member END, joined_at => at);
	ELSIF kind < 5 THEN
		PERFORM record_sale('tt', 's' || step, any_member, round(random()::numeric * 100, 2), occurred_at => at);
	ELSIF kind < 7 THEN
		PERFORM record_refund('tt', s.order_key, 'f' || step, round(s.amount / 3, 2), occurred_at => at)
		   FROM tt.sale s WHERE s.amount > 1
			AND (SELECT coalesce(sum(p.amount), 0) FROM tt.refund_posting p WHERE p.sale_id = s.sale_id) < s.amount * 0.6
		  ORDER BY hashint8extended(s.sale_id, step) LIMIT 1;
	ELSIF kind < 8 THEN
		PERFORM move_member('tt', any_member, m.member_id) FROM tt.member m
		  WHERE NOT any_member = ANY (m.path::bigint[]) ORDER BY hashint8extended(m.member_id, step) LIMIT 1;
	ELSIF kind < 9 THEN
		PERFORM set_state('tt', any_member, 'left', downline => 'sponsor');
	ELSE
		PERFORM fold_team('tt', 1 + floor(random() * 20)::int);
	END IF;
EXCEPTION WHEN check_violation OR object_not_in_prerequisite_state THEN
	NULL;
END
$$;
DO $$
DECLARE
	wrong record;
BEGIN
	FOR step IN 1 .. 300 LOOP
		PERFORM tt_step(step);
		IF step % 20 = 0 THEN
			FOR wrong IN SELECT * FROM tt_differs() LOOP
				RAISE WARNING 'after step %: member %, month %: kept %, plain %', step, wrong.member, wrong.month, wrong.kept, wrong.plain;
			END LOOP;
		END IF;
	END LOOP;
END
$$;
SELECT count(*) > 20 AS members, (SELECT count(*) > 50 FROM tt.sale) AS sales, (SELECT count(*) > 10 FROM tt.refund) AS refunds,
       (SELECT count(*) > 5 FROM tt.member_history WHERE change = 'move') AS moves
  FROM tt.member;
SELECT * FROM audit('tt');
CALL fold('tt', 7);
SELECT count(*) FROM tt.team_delta;
SELECT * FROM tt_differs();
SELECT * FROM audit('tt');
-- what the audit says of totals that are wrong, folded or not
BEGIN;
ALTER TABLE tt.team_total DISABLE TRIGGER USER;
ALTER TABLE tt.team_delta DISABLE TRIGGER USER;
DELETE FROM tt.team_total WHERE member_id = 2 AND period = '2026-02-01';
UPDATE tt.team_total SET volume = volume + 0.01 WHERE member_id = 1 AND period = '2026-03-01';
INSERT INTO tt.team_total VALUES (99, '2026-02-01', 0, 1, 0), (98, '2026-02-01', 0, 0, 0.00);
INSERT INTO tt.team_delta SELECT delta_generation, '77', NULL, '2026-05-01', 1, 0, 0 FROM tt.program;
INSERT INTO tt.team_delta SELECT delta_generation, NULL, 76, '2026-05-01', 0, 0, -5 FROM tt.program;
-- nobody reads what is in a generation that was folded
INSERT INTO tt.team_delta SELECT folded_generation, '75', NULL, '2026-05-01', 1, 0, 0 FROM tt.program;
SELECT object, expected IS NOT NULL AND expected <> found AS differs, found FROM audit('tt') WHERE invariant = 'team_total' ORDER BY object;
ROLLBACK;
-- what was folded is what would be built
CREATE TABLE tt_kept AS SELECT * FROM tt.team_total WHERE people <> 0 OR sales <> 0 OR volume <> 0;
SELECT keep_team_totals('tt');
SELECT count(*) FROM ((TABLE tt_kept EXCEPT TABLE tt.team_total) UNION ALL
                      (SELECT * FROM tt.team_total WHERE people <> 0 OR sales <> 0 OR volume <> 0 EXCEPT TABLE tt_kept)) d;

-- a statement of many members and moves at once, by a table
CREATE TABLE tt_users (id bigint PRIMARY KEY, up bigint);
SET client_min_messages = warning;
SELECT drop_program('tt');
RESET client_min_messages;
SELECT create_program('tt', 'CNY', time_zone => 'Asia/Shanghai');
SELECT set_plan('tt', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%"]}]}');
INSERT INTO tt_users SELECT i, CASE WHEN i > 1 THEN 1 + (i * 7919 % (i - 1)) END FROM generate_series(1, 200) i;
SELECT attach_members('tt', 'tt_users', id => 'id', sponsor => 'up');
GRANT USAGE ON SCHEMA tt TO regress_tt_columns;
GRANT SELECT ON tt.program, tt.member, tt.team_total TO regress_tt_columns;
GRANT SELECT (generation, path, member_id, period, people, sales, volume) ON tt.team_delta TO regress_tt_columns;
SELECT keep_team_totals('tt');
INSERT INTO tt_users SELECT i, 1 + (i * 7919 % (i - 1)) FROM generate_series(201, 300) i;
UPDATE tt_users u SET up = greatest(1, u.up / 2) WHERE id % 3 = 0 AND id > 10;
SELECT * FROM tt_differs() WHERE month IS NULL;
DELETE FROM tt_users WHERE id % 50 = 0;
SELECT * FROM tt_differs() WHERE month IS NULL;
SET client_min_messages = warning;
SELECT drop_program('tt');
RESET client_min_messages;
DROP TABLE tt_users, tt_kept;

-- members by key
SELECT create_program('tt', 'CNY', time_zone => 'Asia/Shanghai', key_type => 'text');
SELECT add_member('tt', 'ann'), add_member('tt', 'bob', 'ann'), add_member('tt', 'cid', 'bob');
SELECT keep_team_totals('tt');
SELECT add_member('tt', 'dot', 'cid');
SELECT m, t.people FROM unnest('{ann,bob,cid,dot}'::text[]) m, team_total('tt', m) t;
SELECT people FROM team_total('tt', (SELECT member_id FROM tt.member WHERE member_key = 'bob'));
SELECT fails($$SELECT team_total('tt', 'eve')$$);
SELECT fails($$SELECT team_total('tt', '')$$);
SELECT fails($$SELECT team_total('tt', NULL::text)$$);
SET client_min_messages = warning;
SELECT drop_program('tt');
RESET client_min_messages;
DROP FUNCTION tt_plain, tt_differs, tt_queried, tt_step;
DROP ROLE regress_tt, regress_tt_columns;
