-- What the volumes of reports are made of: rollups that are looked up member by
-- member, and sales with several refunds, or with several revisions.
SET search_path = public, distributor;

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all

--
-- rollup_volumes against team_rollup
--
CREATE TABLE rv_row AS
	SELECT p::refpath AS path, v FROM (VALUES ('1', 1), ('1.2', 20.50), ('1.2.3', 300), ('1.4', 4000), ('1.4.2', 50000.125), ('1.4.2.3', NULL), ('7', -7), ('7.8', 9223372036854775807)) r(p, v);
SELECT m AS member, r.personal, r.team, v AS looked_up, v IS NOT DISTINCT FROM ARRAY[coalesce(r.personal, 0), coalesce(r.team, 0)] AS same
FROM unnest('{1,2,3,4,7,8,9,-1}'::bigint[]) m
	CROSS JOIN LATERAL (SELECT sum(r.personal[1]) AS personal, sum(r.team[1]) AS team FROM team_rollup('SELECT path, v FROM rv_row') r WHERE r.member_id = m) r
	CROSS JOIN LATERAL (SELECT rollup_volumes('SELECT path, v FROM rv_row', m) AS v OFFSET 0) v ORDER BY m;
-- of everybody, in a tree with members that have several paths
\set seed 0.17
SELECT setseed(:seed);
CREATE TABLE rv_many AS
	SELECT ARRAY[1, 2 + floor(random() * 20)::bigint, 100 + floor(random() * 200)::bigint, 1000 + n % 500]::refpath AS path, round((random() * 100)::numeric, (n % 4)::int) AS v
	FROM generate_series(1, 3000) n;
SELECT count(*) > 700 AS enough, count(*) FILTER (WHERE paths > 1) > 500 AS several,
	count(*) FILTER (WHERE rollup_volumes('SELECT path, v FROM rv_many', r.member_id)::text <> ARRAY[r.personal, r.team]::text) AS wrong
FROM (SELECT member_id, count(*) AS paths, sum(personal[1]) AS personal, sum(team[1]) AS team FROM team_rollup('SELECT path, v FROM rv_many') GROUP BY 1) r;
-- two queries in turn; none; nothing
SELECT n, rollup_volumes(format('SELECT path, v * %s FROM rv_row WHERE path <@ 7', n % 2 + 1), 7) FROM generate_series(1, 4) n;
SELECT rollup_volumes('SELECT path, v FROM rv_row WHERE false', 7), rollup_volumes(NULL, 7) AS no_query, rollup_volumes('SELECT path, v FROM rv_row', NULL) AS nobody;
-- rows of one statement are of one snapshot, and of the next of the next
DO $$
DECLARE
	found numeric[];
BEGIN
	FOR i IN 1..3 LOOP
		found := rollup_volumes('SELECT path, v FROM rv_row WHERE path <@ 7', 8);
		RAISE NOTICE 'volumes of 8: %', found;
		UPDATE rv_row SET v = i WHERE path = '7.8';
	END LOOP;
END $$;
-- in a cursor that goes back, and one that sees none of what came later
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT m, rollup_volumes('SELECT path, v FROM rv_row WHERE path <@ 1', m) AS volumes FROM unnest('{1,2,3}'::bigint[]) m;
FETCH 2 FROM c;
UPDATE rv_row SET v = 0;
FETCH ALL FROM c;
FETCH BACKWARD ALL FROM c;
ROLLBACK;
-- what is seen may change within a transaction, and within a snapshot: by role and by setting
CREATE TABLE rv_tenant (path refpath, v numeric, tenant text);
INSERT INTO rv_tenant VALUES ('1', 1, 'a'), ('1.2', 2, 'a'), ('1', 100, 'b'), ('1.2', 200, 'b');
ALTER TABLE rv_tenant ENABLE ROW LEVEL SECURITY;
CREATE POLICY rv_policy ON rv_tenant USING (tenant = current_setting('rv.tenant', true));
CREATE ROLE regress_rv;
GRANT SELECT ON rv_tenant TO regress_rv;
CREATE FUNCTION rv_stable(m bigint) RETURNS numeric[] LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN rollup_volumes('SELECT path, v FROM rv_tenant', m); END $$;
CREATE FUNCTION rv_volatile(m bigint) RETURNS numeric[] LANGUAGE plpgsql AS $$ BEGIN RETURN rollup_volumes('SELECT path, v FROM rv_tenant', m); END $$;
BEGIN;
SELECT current_user = 'regress_rv' AS limited, rv_stable(1), rv_volatile(1);
SET LOCAL ROLE regress_rv;
SELECT current_user = 'regress_rv' AS limited, rv_stable(1), rv_volatile(1);
SET LOCAL rv.tenant = 'a';
SELECT current_setting('rv.tenant') AS tenant, rv_stable(1), rv_volatile(1);
SET LOCAL rv.tenant = 'b';
SELECT current_setting('rv.tenant') AS tenant, rv_stable(1), rv_volatile(1);
ROLLBACK;
BEGIN;
SET LOCAL ROLE regress_rv;
DO $$
DECLARE
	t text;
	v numeric[];
BEGIN
	FOREACH t IN ARRAY '{a,b}'::text[] LOOP
		PERFORM set_config('rv.tenant', t, true);
		v := distributor.rollup_volumes('SELECT path, v FROM rv_tenant', 1);
		RAISE NOTICE '% sees %', t, v;
		SELECT rv_stable(1) INTO v;
		RAISE NOTICE '% sees % in a function', t, v;
	END LOOP;
END $$;
ROLLBACK;
DROP FUNCTION rv_stable, rv_volatile;
DROP TABLE rv_tenant;
DROP ROLE regress_rv;
-- its query
SELECT query, fails(format('SELECT rollup_volumes(%L, 1)', query)) FROM unnest(ARRAY['', 'SELECT path FROM rv_row', 'SELECT path, v, v FROM rv_row', 'SELECT v, path FROM rv_row', 'SELECT path, v::float8 FROM rv_row',
	'DELETE FROM rv_row RETURNING path, v', 'SELECT path, v FROM rv_row FOR UPDATE', 'SELECT path, ''NaN''::numeric FROM rv_row', 'SELECT path, (rollup_volumes(''SELECT path, 1/0 FROM rv_row'', 1))[1] FROM rv_row',
	'SELECT path, (rollup_volumes(''SELECT path, v FROM rv_row'', member_id(path)))[2] FROM rv_row']) query;

--
-- Several refunds of a sale, some in a month that is over when they come; orders that change
--
SELECT create_program('rv', 'CNY', time_zone => 'UTC');
SELECT set_plan('rv', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}');
SELECT alter_program('rv', sale_change => 'repost');
CREATE TABLE rv_order (id text PRIMARY KEY, buyer bigint, amount numeric, status text, at timestamptz);
SELECT attach_orders('rv', 'rv_order', key => 'id', member => 'buyer', amount => 'amount', status => 'status', occurred_at => 'at');
DO $$ BEGIN
	PERFORM add_member('rv', m, s, joined_at => '2026-01-01Z') FROM (VALUES (1, NULL), (2, 1), (3, 2), (4, 2), (5, 1), (6, 5)) v(m, s);
	INSERT INTO rv_order VALUES ('A', 3, 100, 'paid', '2026-02-01Z'), ('B', 3, 10, 'paid', '2026-02-02Z'), ('C', 4, 1000, 'paid', '2026-02-03Z'), ('D', 6, 7, 'paid', '2026-02-04Z'), ('E', 6, 0, 'paid', '2026-02-05Z');
	PERFORM record_refund('rv', order_key => k, refund_key => 'R' || o, amount => a, occurred_at => o) FROM (VALUES
		('A', 1.50, '2026-02-10Z'::timestamptz), ('A', 20, '2026-02-20Z'), ('A', 30, '2026-03-20Z'), ('B', 4, '2026-03-01Z'), ('B', 6, '2026-03-02Z')) v(k, a, o);
END $$;
-- another amount; another buyer; one of nothing that is another's then
UPDATE rv_order SET amount = 2000 WHERE id = 'C';
UPDATE rv_order SET buyer = 2 WHERE id = 'D';
UPDATE rv_order SET buyer = 5 WHERE id = 'E';
SELECT sale_id, revision, order_key, member_id, amount, (SELECT count(*) FROM rv.refund_posting p WHERE p.sale_id = s.sale_id) AS refunds FROM rv.sale s ORDER BY sale_id;
SELECT member_id, level, personal_volume, team_volume FROM team('rv', 1);
SELECT level, sales, volume FROM team_by_level('rv', 1);
SELECT member_id, sales, volume FROM legs('rv', 1);
SELECT day, level, sales, volume FROM (VALUES ('2026-02-09Z'::timestamptz), ('2026-02-10Z'), ('2026-02-28Z'), ('2026-03-01Z'), ('2026-03-31Z')) d(day), team_by_level('rv', 2, as_of => day);
SELECT day, personal_volume, team_volume FROM (VALUES ('2026-02-09Z'::timestamptz), ('2026-02-10Z'), ('2026-02-28Z'), ('2026-03-01Z'), ('2026-03-31Z')) d(day), team('rv', 3, as_of => day);
-- who gave everything back has not bought: 3 has, of A; whoever had an order that is another's now has not
SELECT member_id, last_sale_at AT TIME ZONE 'UTC' AS last_sale_at FROM inactive('rv', since => '2027-01-01Z', scope => 1);
SELECT member_id, last_sale_at AT TIME ZONE 'UTC' AS last_sale_at FROM inactive('rv', since => '2027-01-01Z', scope => 1, after => 2, max_rows => 2);
SELECT i.* FROM inactive('rv', since => '2027-01-01Z', scope => 4711) i;
SELECT count(*) AS differ FROM (SELECT * FROM inactive('rv', since => '2027-01-01Z') EXCEPT SELECT * FROM inactive('rv', since => '2027-01-01Z', scope => 1)) d;
-- and after a move: a member's sales are its own wherever it stood
SELECT move_member('rv', 3, 5);
SELECT member_id, last_sale_at AT TIME ZONE 'UTC' AS last_sale_at FROM inactive('rv', since => '2027-01-01Z', scope => 5);
SELECT member_id, last_sale_at AT TIME ZONE 'UTC' AS last_sale_at FROM inactive('rv', since => '2027-01-01Z', scope => 2);
SELECT member_id, personal_volume, team_volume FROM team('rv', 5);
SELECT team_sources('rv', 5), team_sources('rv', 2), team_sources('rv', 4711) AS nobody;

SET client_min_messages = warning;
SELECT drop_program('rv');
DROP TABLE rv_row, rv_many, rv_order;
