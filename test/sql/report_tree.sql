-- Pictures of a team in text: team_tree and team_dot.
SET search_path = public, distributor;

SELECT create_program('rd', 'CNY', time_zone => 'UTC', key_type => 'text');
SELECT set_plan('rd', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}');
DO $$ BEGIN
	PERFORM add_member('rd', k, s) FROM (VALUES (1, 'anna', NULL), (2, 'bert', 'anna'), (3, 'cleo', 'anna'), (4, 'dora', 'anna'), (5, 'emil', 'anna'), (6, 'fred', 'bert'), (7, 'gina', 'bert'),
		(8, 'hugo', 'gina'), (9, 'ida', 'hugo'), (10, 'jack', 'ida'), (11, 'kate', 'dora'), (12, 'liam', 'kate'), (13, 'mona', 'kate'), (14, 'alone', NULL)) v(i, k, s) ORDER BY i;
	PERFORM record_sale('rd', 'A' || i, k, i) FROM (VALUES (1, 'anna'), (10, 'jack'), (100, 'kate'), (1000, 'emil'), (0.5, 'emil')) v(i, k);
	PERFORM record_refund('rd', 'A1000', 'R', 250.00);
END $$;
\pset format unaligned
\pset fieldsep ' | '
-- everything; the largest branches first, then by number
SELECT * FROM team_tree('rd', 'anna', NULL, NULL);
SELECT count(*) FROM team_tree('rd', 1, NULL, NULL);
-- three levels, two at each sponsor
SELECT * FROM team_tree('rd', 'anna', 3, 2);
SELECT tree FROM team_tree('rd', 'anna', 1, 8);
SELECT tree FROM team_tree('rd', 'anna', 8, 1);
SELECT tree FROM team_tree('rd', 'anna', 0);
SELECT tree FROM team_tree('rd', 'anna', max_width => 0);
SELECT * FROM team_tree('rd', 'bert');
SELECT * FROM team_tree('rd', 'alone');
SELECT * FROM team_tree('rd', 'nobody');
SELECT * FROM team_tree('rd', NULL::bigint);
-- for Graphviz
SELECT team_dot('rd', 'anna', 2, 2);
SELECT team_dot('rd', 'alone');
SELECT team_dot('rd', 4711) IS NULL AS nothing;
-- keys that would break out
DO $$ BEGIN
	PERFORM add_member('rd', 'q"]; evil [label="' || chr(10) || '\n', 'alone'), add_member('rd', '张伟 <b>&', 'alone'), add_member('rd', '\', 'alone');
END $$;
SELECT tree FROM team_tree('rd', 'alone');
SELECT team_dot('rd', 'alone');
-- after a move the picture shows where people are, and volume where it was made
SELECT move_member('rd', 'kate', 'alone');
SELECT tree, people, personal_volume, team_volume FROM team_tree('rd', 'alone', 1);
SELECT tree, people, personal_volume, team_volume FROM team_tree('rd', 'dora');
\pset format aligned

-- Every line against plain SQL: people and volumes of those shown, and of those folded, add up to the team.
CREATE FUNCTION rd_random(seed float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	wrong bigint := 0; lines bigint := 0; r record; n bigint;
BEGIN
	PERFORM setseed(seed);
	PERFORM add_member('rd', 'r' || i, CASE WHEN i > 1 THEN 'r' || 1 + floor(random() * (i - 1))::int END) FROM generate_series(1, 120) i;
	PERFORM record_sale('rd', 'S' || i, 'r' || 1 + floor(random() * 120)::int, round((random() * 50)::numeric, 2)) FROM generate_series(1, 100) i;
	FOR r IN SELECT m.member_id, l, w FROM rd.member m, unnest('{0,1,2,3,5,NULL}'::int[]) l, unnest('{0,1,2,4,NULL}'::int[]) w WHERE m.member_key IN ('r1', 'r2', 'r3', 'r7', 'r100') LOOP
		WITH RECURSIVE down AS (
			SELECT b.member_id AS base, b.member_id, 0 AS level FROM rd.member b
			UNION ALL
			SELECT d.base, m.member_id, d.level + 1 FROM down d JOIN rd.member m ON m.sponsor_id = d.member_id),
		size AS (SELECT base AS member_id, count(*) AS people FROM down GROUP BY base),
		ranked AS (SELECT m.member_id, m.sponsor_id, s.people, row_number() OVER (PARTITION BY m.sponsor_id ORDER BY s.people DESC, m.member_id) AS no FROM rd.member m JOIN size s USING (member_id)),
		shown AS (
			SELECT k.member_id, k.people, 0 AS level FROM ranked k WHERE k.member_id = r.member_id
			UNION ALL
			SELECT k.member_id, k.people, s.level + 1 FROM shown s JOIN ranked k ON k.sponsor_id = s.member_id WHERE (r.l IS NULL OR s.level < r.l) AND (r.w IS NULL OR k.no <= r.w)),
		expected AS (
			SELECT s.member_id, s.people, (SELECT coalesce(sum(x.amount), 0) FROM rd.sale x WHERE x.member_id = s.member_id) AS personal,
				(SELECT coalesce(sum(x.amount), 0) FROM rd.sale x JOIN down d ON d.member_id = x.member_id WHERE d.base = s.member_id) AS team FROM shown s
			UNION ALL
			SELECT NULL, sum(k.people), NULL, NULL FROM shown s JOIN ranked k ON k.sponsor_id = s.member_id WHERE k.member_id NOT IN (SELECT member_id FROM shown) GROUP BY s.member_id),
		found AS (SELECT t.member_id, t.people, t.personal_volume, t.team_volume FROM team_tree('rd', r.member_id, r.l, r.w) t)
		SELECT (SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE found) d) + (SELECT count(*) FROM (TABLE found EXCEPT ALL TABLE expected) d), (SELECT count(*) FROM found) INTO n, r.l;
		wrong := wrong + n;
		lines := lines + r.l;
	END LOOP;
	RETURN format('seed %s: %s, wrong: %s', seed, CASE WHEN lines > 500 THEN 'enough lines' ELSE lines || ' lines' END, wrong);
END $$;
SELECT rd_random(0.77);

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
SELECT fails($$SELECT * FROM team_tree('rd', 'anna', -1)$$);
SELECT fails($$SELECT * FROM team_tree('rd', 'anna', 1, -1)$$);
SELECT fails($$SELECT team_dot('rd', 'anna', 1, -1)$$);
SELECT fails($$SELECT team_dot('nowhere', 1)$$);
SELECT fails($$SELECT * FROM team_tree('nowhere', 'anna')$$);
SET client_min_messages = warning;
DROP SCHEMA rd CASCADE;
RESET client_min_messages;
DROP FUNCTION rd_random(float8);
