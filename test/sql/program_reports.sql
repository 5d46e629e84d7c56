--
-- What people read: explain, team, the views
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all

--
-- explain
--
SELECT create_program('pr', 'CNY', time_zone => 'UTC');
SELECT set_plan('pr', '{"rules": [{"name": "sales", "kind": "unilevel", "self": "1%", "levels": ["20%", "5%", "0%", "0.01%", "3%", "2.5%"]}, {"name": "second", "kind": "unilevel", "levels": ["12.345%"]}]}');
SELECT add_member('pr', i, nullif(i - 1, 0)) FROM generate_series(1, 6) i;
SELECT set_state('pr', 5, 'frozen'), set_state('pr', 2, 'left'), set_rank('pr', 4, 'gold');
SELECT record_sale('pr', 'A', 6, 49.99);
SELECT * FROM explain('pr', 'A');
-- too little for anybody
SELECT record_sale('pr', 'Z', 4, 0.02) > 0 AS posted;
SELECT level, member_id, exact, amount, reason, explanation FROM explain('pr', 'Z');
-- what explain says was paid is what is in the ledger
SELECT e.rule, e.level, e.member_id, e.amount FROM explain('pr', 'A') e WHERE e.reason = 'paid'
EXCEPT SELECT rule, level, member_id, amount FROM pr.earnings WHERE order_key = 'A' ORDER BY 1, 2;
SELECT rule, level, member_id, amount FROM pr.earnings WHERE order_key = 'A'
EXCEPT SELECT e.rule, e.level, e.member_id, e.amount FROM explain('pr', 'A') e WHERE e.reason = 'paid';
-- later moves, states, ranks and plans do not change what it says
CREATE TABLE pr_before AS SELECT * FROM explain('pr', 'A');
SELECT move_member('pr', 6, NULL), move_member('pr', 3, 6), set_state('pr', 5, 'active'), set_state('pr', 6, 'left'), set_rank('pr', 4, NULL);
SELECT set_plan('pr', '{"rules": [{"name": "other", "kind": "unilevel", "levels": ["50%"]}]}');
SELECT count(*) AS differences FROM (SELECT * FROM pr_before EXCEPT SELECT * FROM explain('pr', 'A')) d;
SELECT count(*) AS differences FROM (SELECT * FROM explain('pr', 'A') EXCEPT SELECT * FROM pr_before) d;
DROP TABLE pr_before;
SELECT path, path_states, path_ranks FROM pr.sale WHERE order_key = 'A';
-- a sale of nothing, of a root, in a currency without decimals
SELECT record_sale('pr', 'B', 1, 0) > 0 AS posted, record_sale('pr', 'C', 4, 99, 'JPY') > 0 AS posted;
SELECT order_key, e.* FROM unnest('{B,C}'::text[]) order_key, explain('pr', order_key) e;
SELECT fails($$SELECT * FROM explain('pr', 'nothing')$$);
SELECT fails($$SELECT * FROM explain('pr', '')$$);
SELECT fails($$SELECT * FROM explain('nowhere', 'A')$$);
SELECT count(*) FROM explain('pr', NULL);
SELECT count(*) FROM explain(NULL, 'A');
-- as a function of rows like any other
SELECT level FROM explain('pr', 'A') LIMIT 1;
SELECT (explain('pr', 'C')).amount;
BEGIN READ ONLY;
SELECT count(*) FROM explain('pr', 'A');
COMMIT;
SELECT e.order_key, sum(x.amount) FROM pr.sale e CROSS JOIN LATERAL explain('pr', e.order_key) x WHERE x.reason = 'paid' GROUP BY 1 ORDER BY 1;
-- with keys
SELECT create_program('pk', 'CNY', time_zone => 'UTC', key_type => 'text');
SELECT set_plan('pk', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%"]}]}');
SELECT add_member('pk', 'anna'), add_member('pk', 'bert "b" O''Neill', 'anna'), add_member('pk', '42', 'bert "b" O''Neill');
SELECT record_sale('pk', 'A', '42', 100), record_sale('pk', 'B', 'anna', 50);
SELECT level, member_id, member_key, amount, explanation FROM explain('pk', 'A');
SELECT level, member_id, member_key, reason, explanation FROM explain('pk', 'B');

--
-- team
--
SELECT member_id, member_key, sponsor_id, level, path, personal_volume, team_volume FROM team('pk', 'anna');
SELECT member_key, level, team_volume FROM team('pk', '42');
SELECT member_key, level, team_volume FROM team('pk', 2, 0);
SELECT member_key, level, team_volume FROM team('pk', 'anna', 1);
SELECT count(*) FROM team('pk', 'nobody');
SELECT count(*) FROM team('pk', '');
SELECT count(*) FROM team('pk', 4242);
SELECT member_id, sponsor_id, level, path, rank, state, personal_volume, team_volume FROM team('pr', '6');
SELECT count(*) FROM team('pr', NULL::bigint);
SELECT count(*) FROM team('pr', NULL::text);
SELECT count(*) FROM team('pr', 6, NULL) a, team('pr', 6, 2147483647) b;
SELECT fails($$SELECT * FROM team('pr', 6, -1)$$);
SELECT fails($$SELECT * FROM team('pr', 'x')$$);
SELECT split_part(fails($$SELECT * FROM team('nowhere', 6)$$), ':', 1) AS nowhere;
-- functions of the user's that bear our names do not come in between
CREATE FUNCTION public.depth(refpath) RETURNS int LANGUAGE sql AS 'SELECT 1/0';
CREATE FUNCTION public.sum_numeric() RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT member_id, level FROM team('pr', 6, 1);
SELECT member_id, depth FROM pr.team ORDER BY member_id LIMIT 1;
DROP FUNCTION public.depth(refpath), public.sum_numeric();

-- a random tree with sales and moves, against plain SQL
CREATE TABLE pr_sale (order_key text, ids bigint[], amount numeric);
CREATE FUNCTION pr_ids(id bigint) RETURNS bigint[] LANGUAGE sql AS $$
	WITH RECURSIVE up AS (
		SELECT member_id, sponsor_id, ARRAY[member_id] AS ids FROM pr.member WHERE member_id = id
		UNION ALL
		SELECT m.member_id, m.sponsor_id, m.member_id || u.ids FROM up u JOIN pr.member m ON m.member_id = u.sponsor_id)
	SELECT ids FROM up WHERE sponsor_id IS NULL
$$;
-- every team, row by row: who is in it now, with the sales of the upline that each sale had
CREATE FUNCTION pr_wrong() RETURNS bigint LANGUAGE sql AS $$
	WITH expected AS (
		SELECT b.member_id AS base, m.member_id, cardinality(pr_ids(m.member_id)) - cardinality(pr_ids(b.member_id)) AS level,
			   (SELECT coalesce(sum(s.amount), 0) FROM pr_sale s WHERE s.ids[cardinality(s.ids)] = m.member_id) AS personal,
			   (SELECT coalesce(sum(s.amount), 0) FROM pr_sale s WHERE m.member_id = ANY (s.ids)) AS team
		  FROM pr.member b JOIN pr.member m ON b.member_id = ANY (pr_ids(m.member_id))),
	found AS (SELECT b.member_id AS base, t.member_id, t.level, t.personal_volume AS personal, t.team_volume AS team
		  FROM pr.member b CROSS JOIN LATERAL team('pr', b.member_id) t)
	SELECT count(*) FROM (SELECT * FROM expected e FULL JOIN found f USING (base, member_id)
		WHERE ROW(e.level, e.personal, e.team) IS DISTINCT FROM ROW(f.level, f.personal, f.team)) d
$$;
SET client_min_messages = warning;
DROP SCHEMA pr CASCADE;
RESET client_min_messages;
SELECT create_program('pr', 'CNY', time_zone => 'UTC');
SELECT set_plan('pr', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}');
CREATE FUNCTION pr_random(seed float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	still bigint; moving bigint; member bigint; target bigint; price numeric; moves int := 0;
BEGIN
	PERFORM setseed(seed);
	FOR i IN 1..50 LOOP
		PERFORM add_member('pr', i, CASE WHEN random() > 0.05 AND i > 1 THEN 1 + floor(random() * (i - 1))::bigint END);
	END LOOP;
	FOR i IN 1..100 LOOP
		member := 1 + floor(random() * 50);
		price := round((random() * 100)::numeric, 2);
		PERFORM record_sale('pr', i::text, member, price);
		-- in another currency it counts for no team
		PERFORM record_sale('pr', 'usd' || i, member, 1000, 'USD');
		INSERT INTO pr_sale VALUES (i, pr_ids(member), price);
		IF i = 40 THEN
			still := pr_wrong();
		ELSIF i > 40 AND random() < 0.15 THEN
			target := 1 + floor(random() * 50);
			member := 1 + floor(random() * 50);
			IF NOT (member = ANY (pr_ids(target))) THEN
				moves := moves + 1;
				PERFORM move_member('pr', member, target);
			END IF;
		END IF;
	END LOOP;
	moving := pr_wrong();
	RETURN format('seed %s: wrong before moves: %s, after: %s%s', seed, still, moving, CASE WHEN moves < 3 THEN ' (too few moves)' END);
END
$$;
SELECT pr_random(0.42);

--
-- The views: their columns, and what they add up to
--
SELECT table_name, ordinal_position AS no, column_name, data_type FROM information_schema.columns
WHERE table_schema = 'pr' AND table_name IN ('earnings', 'balance', 'team') ORDER BY 1, 2;
SELECT (SELECT sum(amount) FROM pr.earnings) = (SELECT sum(balance) FROM pr.balance) AS agree,
	(SELECT sum(entries) FROM pr.balance) = (SELECT count(*) FROM pr.ledger) AS counted,
	(SELECT count(*) FROM pr.earnings) = (SELECT count(*) FROM pr.ledger) AS all_there;
SELECT count(*) AS wrong FROM pr.team t
WHERE t.frontline <> (SELECT count(*) FROM pr.member m WHERE m.sponsor_id = t.member_id)
   OR t.downline <> (SELECT count(*) FROM pr.member m WHERE t.member_id = ANY (pr_ids(m.member_id)) AND m.member_id <> t.member_id)
   OR t.depth <> cardinality(pr_ids(t.member_id))
   OR t.personal_volume <> (SELECT coalesce(sum(amount), 0) FROM pr_sale s WHERE s.ids[cardinality(s.ids)] = t.member_id);
SELECT member_key, currency, balance, entries FROM pk.balance ORDER BY member_key;
SELECT order_key, member_key, sale_member_id, sale_amount, amount FROM pk.earnings ORDER BY level;

-- programs that are none
SELECT fails($$SELECT * FROM team('nowhere', 1)$$);
SELECT fails($$SELECT * FROM team('nowhere', 'anna')$$);
SELECT fails($$SELECT * FROM team('public', 1, 2)$$);
SELECT fails($$SELECT * FROM team('', 1)$$);
SELECT fails($$SELECT check_program('nowhere')$$);
SELECT check_program('pr') IS NOT NULL AS exists, fails('SELECT check_program(NULL)') AS nothing;

SET client_min_messages = warning;
DROP SCHEMA pr, pk CASCADE;
RESET client_min_messages;
DROP TABLE pr_sale;
DROP FUNCTION pr_random(float8), pr_wrong(), pr_ids(bigint);
