-- Teams against each other: registered, frozen at the start, a standing a day.
SET search_path = public, distributor;

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
SELECT create_program('rb', 'CNY', time_zone => 'Asia/Shanghai', key_type => 'text');
SELECT set_plan('rb', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}');
DO $$ BEGIN
	PERFORM add_member('rb', k, s, '2026-01-01') FROM (VALUES (1, 'root', NULL), (2, 'red', 'root'), (3, 'blue', 'root'), (4, 'green', 'red'), (5, 'r1', 'red'), (6, 'r2', 'r1'), (7, 'b1', 'blue'), (8, 'g1', 'green'), (9, 'other', 'root')) v(i, k, s) ORDER BY i;
	PERFORM add_member('rb', 'late', 'blue', '2026-03-02');
	PERFORM add_member('rb', 'b2', 'blue', '2026-01-01');
	PERFORM set_state('rb', 'b2', 'left');
END $$;
SELECT create_battle('rb', 'spring', '2026-03-01 00:00+08', '2026-03-04 12:00+08');
SELECT add_battle_team('rb', 'spring', 'Reds', 'red'), add_battle_team('rb', 'spring', 'Blues', 'blue'), add_battle_team('rb', 'spring', 'Greens', 4);
SELECT * FROM team_battle('rb', 'spring');
SELECT fails($$SELECT create_battle('rb', 'spring', '2026-03-01', '2026-03-02')$$);
SELECT fails($$SELECT create_battle('rb', 'x', '2026-03-02', '2026-03-02')$$);
SELECT fails($$SELECT create_battle('rb', 'x', NULL, '2026-03-02')$$);
SELECT fails($$SELECT create_battle('rb', 'x', '2026-03-01', 'infinity')$$);
SELECT fails($$SELECT create_battle('nowhere', 'x', '2026-03-01', '2026-03-02')$$);
SELECT fails($$SELECT create_battle('rb', NULL, '2026-03-01', '2026-03-02')$$);
SELECT fails($$SELECT add_battle_team('rb', 'spring', 'Reds', 'r1')$$);
SELECT fails($$SELECT add_battle_team('rb', 'spring', 'Others', 'red')$$);
SELECT fails($$SELECT add_battle_team('rb', 'spring', 'Others', 'nobody')$$);
SELECT fails($$SELECT add_battle_team('rb', 'spring', 'Others', 4711)$$);
SELECT fails($$SELECT add_battle_team('rb', 'spring', 'Others', NULL::text)$$);
SELECT split_part(fails($$SELECT add_battle_team('rb', 'spring', NULL, 'other')$$), '(', 1) AS without_name;
SELECT fails($$SELECT add_battle_team('rb', 'autumn', 'Reds', 'red')$$);
SELECT fails($$SELECT start_battle('rb', 'autumn')$$);
SELECT fails($$SELECT * FROM team_battle('rb', 'autumn')$$);
SELECT fails($$SELECT * FROM team_battle('nowhere', 'autumn')$$);
SELECT create_battle('rb', 'future', '2126-03-01', '2126-03-02'), create_battle('rb', 'nobody', '2026-03-01', '2026-03-02');
SELECT regexp_replace(fails($$SELECT start_battle('rb', 'future')$$), 'at .*\.', 'at ...');
SELECT start_battle('rb', 'nobody'), (SELECT count(*) FROM team_battle('rb', 'nobody')) AS standings;

-- the start; who is below two captains is with the nearer one, who joined later is with none, who left later is still there
SELECT start_battle('rb', 'spring');
SELECT team, string_agg(m.member_key, ' ' ORDER BY m.member_id) AS roster FROM rb.battle_member b JOIN rb.member m USING (member_id) WHERE battle = 'spring' GROUP BY team ORDER BY team;
SELECT fails($$SELECT start_battle('rb', 'spring')$$);
SELECT fails($$SELECT add_battle_team('rb', 'spring', 'Others', 'other')$$);
SELECT fails($$UPDATE rb.battle_member SET team = 'Blues'$$);
SELECT fails($$DELETE FROM rb.battle_team$$);
SELECT fails($$TRUNCATE rb.battle$$);
-- who had left by then is not
SELECT create_battle('rb', 'now', now(), now() + '1 hour');
SELECT add_battle_team('rb', 'now', 'Blues', 'blue');
SELECT start_battle('rb', 'now');
SELECT string_agg(m.member_key, ' ' ORDER BY m.member_id) AS roster FROM rb.battle_member b JOIN rb.member m USING (member_id) WHERE battle = 'now';
-- sales at the bounds, on the borders of days, refunded, in other currencies, of people who moved or joined later
DO $$ BEGIN
	PERFORM record_sale('rb', o, m, a, c, at::timestamptz) FROM (VALUES ('1', 'red', 1, NULL, '2026-02-28 23:59:59.999999+08'), ('2', 'red', 10, NULL, '2026-03-01 00:00+08'), ('3', 'r2', 20, NULL, '2026-03-01 23:59:59+08'),
		('4', 'b1', 30, NULL, '2026-03-01 12:00+08'), ('5', 'b1', 100, NULL, '2026-03-02 00:00+08'), ('6', 'green', 40, NULL, '2026-03-02 10:00+08'), ('7', 'late', 500, NULL, '2026-03-03 10:00+08'),
		('8', 'other', 500, NULL, '2026-03-03 10:00+08'), ('9', 'red', 70, NULL, '2026-03-04 11:59:59+08'), ('10', 'red', 1000, NULL, '2026-03-04 12:00+08'), ('11', 'blue', 9, 'USD', '2026-03-03 10:00+08')) v(o, m, a, c, at);
	PERFORM record_refund('rb', '5', 'R', 60);
	PERFORM move_member('rb', 'r2', 'blue');
	PERFORM record_sale('rb', '12', 'r2', 3, NULL, '2026-03-03 08:00+08');
END $$;
SELECT * FROM team_battle('rb', 'spring');
SELECT battle, fails(format('SELECT * FROM team_battle(%L, %L)', 'rb', battle)) FROM (VALUES (''), (NULL)) v(battle);

-- who may what: rights on the tables
CREATE ROLE rb_organizer;
GRANT USAGE ON SCHEMA rb TO rb_organizer;
GRANT SELECT ON ALL TABLES IN SCHEMA rb TO rb_organizer;
SET ROLE rb_organizer;
SELECT fails($$SELECT distributor.create_battle('rb', 'mine', '2026-03-01', '2026-03-02')$$);
SELECT count(*) FROM team_battle('rb', 'spring');
RESET ROLE;
GRANT INSERT, UPDATE ON rb.battle TO rb_organizer;
GRANT INSERT ON rb.battle_team, rb.battle_member TO rb_organizer;
SET ROLE rb_organizer;
SELECT create_battle('rb', 'mine', '2026-03-01 00:00+08', '2026-03-02 00:00+08');
SELECT add_battle_team('rb', 'mine', 'All', 'root'), start_battle('rb', 'mine');
SELECT * FROM team_battle('rb', 'mine');
SELECT fails($$UPDATE rb.battle SET ends_at = '2027-01-01'$$);
RESET ROLE;

-- random battles against plain SQL
CREATE FUNCTION rb_random(seed float8) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	wrong bigint := 0; rows bigint := 0; n bigint; k bigint;
BEGIN
	PERFORM setseed(seed);
	PERFORM add_member('rb', 'm' || i, CASE WHEN i > 3 THEN 'm' || 1 + floor(random() * (i - 1))::int END, '2026-04-01') FROM generate_series(1, 60) i;
	PERFORM record_sale('rb', 'S' || i, 'm' || 1 + floor(random() * 60)::int, 10 * (1 + floor(random() * 3))::int, NULL, '2026-05-01 00:00+08'::timestamptz + random() * interval '10 days') FROM generate_series(1, 150) i;
	PERFORM record_refund('rb', 'S' || i, 'RS' || i, 10) FROM generate_series(3, 150, 7) i;
	FOR i IN 1..6 LOOP
		PERFORM create_battle('rb', 'B' || i, '2026-05-02 05:00+08', '2026-05-02 05:00+08'::timestamptz + i * interval '31 hours');
		PERFORM add_battle_team('rb', 'B' || i, 'T' || c, 'm' || c) FROM (SELECT DISTINCT 1 + floor(random() * 20)::int AS c FROM generate_series(1, 5)) c;
		PERFORM start_battle('rb', 'B' || i);
		WITH RECURSIVE tree AS (
			SELECT m.member_id, CASE WHEN t.team IS NOT NULL THEN t.team END AS team FROM rb.member m LEFT JOIN rb.battle_team t ON t.battle = 'B' || i AND t.captain_id = m.member_id WHERE m.sponsor_id IS NULL
			UNION ALL
			SELECT m.member_id, coalesce(c.team, t.team) FROM tree t JOIN rb.member m ON m.sponsor_id = t.member_id LEFT JOIN rb.battle_team c ON c.battle = 'B' || i AND c.captain_id = m.member_id),
		sold AS (SELECT t.team, s.occurred_at AS at, s.amount - coalesce((SELECT sum(p.amount) FROM rb.refund_posting p WHERE p.sale_id = s.sale_id), 0) AS net
			FROM tree t JOIN rb.sale s USING (member_id) JOIN rb.battle b ON b.battle = 'B' || i AND s.occurred_at >= b.starts_at AND s.occurred_at < b.ends_at WHERE t.team IS NOT NULL),
		day AS (SELECT generate_series('2026-05-02'::date, (b.ends_at AT TIME ZONE 'Asia/Shanghai' - interval '1 second')::date, '1 day')::date AS day FROM rb.battle b WHERE b.battle = 'B' || i),
		total AS (SELECT d.day, t.team, t.captain_id, (SELECT count(*) FROM tree x WHERE x.team = t.team) AS members,
				(SELECT count(*) FROM sold s WHERE s.team = t.team AND (s.at AT TIME ZONE 'Asia/Shanghai')::date = d.day) AS sales,
				(SELECT coalesce(sum(s.net), 0) FROM sold s WHERE s.team = t.team AND (s.at AT TIME ZONE 'Asia/Shanghai')::date = d.day) AS volume,
				(SELECT coalesce(sum(s.net), 0) FROM sold s WHERE s.team = t.team AND (s.at AT TIME ZONE 'Asia/Shanghai')::date <= d.day) AS total
			FROM day d, rb.battle_team t WHERE t.battle = 'B' || i),
		expected AS (SELECT t.day, 1 + (SELECT count(*) FROM total o WHERE o.day = t.day AND o.total > t.total) AS place, t.team, t.captain_id, t.members, t.sales, t.volume, t.total FROM total t),
		found AS (SELECT * FROM team_battle('rb', 'B' || i))
		SELECT (SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE found) d) + (SELECT count(*) FROM (TABLE found EXCEPT ALL TABLE expected) d), (SELECT count(*) FROM found) INTO n, k;
		wrong := wrong + n;
		rows := rows + k;
	END LOOP;
	RETURN format('seed %s: %s, wrong: %s', seed, CASE WHEN rows > 50 THEN 'enough rows' ELSE rows || ' rows' END, wrong);
END $$;
SELECT rb_random(0.13);

SET client_min_messages = warning;
DROP SCHEMA rb CASCADE;
RESET client_min_messages;
DROP ROLE rb_organizer;
DROP FUNCTION rb_random(float8);
