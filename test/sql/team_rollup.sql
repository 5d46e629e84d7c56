-- team_rollup(): what every member's team adds up to
SET search_path = public, distributor;
\pset null (null)
SET jit = off;

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all

-- what a query given as text fails with
CREATE FUNCTION tr_refused(query text) RETURNS text LANGUAGE sql AS
$$ SELECT fails(format('SELECT count(*) FROM distributor.team_rollup(%L)', query)) $$;

-- By hand: 1 has the legs 2 (10.50 and 8) and 5 (2); 1 and 2 have no row of
-- their own, 1.2.3 has two, and 9 is another root.
CREATE TABLE tr_hand (path refpath, amount numeric, orders integer);
INSERT INTO tr_hand VALUES ('1.2.3', 1.50, 1), ('1.5', 2, 1), ('1.2.3', NULL, 1), ('9', -1, 1), ('1.2.4', 9, 7), (NULL, 1000, 1000);
SELECT member_id, path, depth, input_rows, team_size, frontline, deepest, personal, team FROM team_rollup('SELECT * FROM tr_hand') ORDER BY path;
SELECT path, team, largest_leg, other_legs, legs_at_least, by_level FROM team_rollup('SELECT * FROM tr_hand', true, 2, 3) ORDER BY path;
-- what is not asked for is null
SELECT path, largest_leg, other_legs, legs_at_least, by_level FROM team_rollup('SELECT * FROM tr_hand') WHERE path = '1';
SELECT path, largest_leg, other_legs, legs_at_least, by_level FROM team_rollup('SELECT * FROM tr_hand', legs => true) WHERE path = '1';
SELECT path, largest_leg, other_legs, legs_at_least, by_level FROM team_rollup('SELECT * FROM tr_hand', leg_threshold => 10.5) WHERE path = '1';
SELECT path, largest_leg, other_legs, legs_at_least, by_level FROM team_rollup('SELECT * FROM tr_hand', levels => 1) WHERE path = '1';
SELECT count(*) FROM team_rollup('SELECT * FROM tr_hand', NULL, NULL, NULL) WHERE (largest_leg, legs_at_least, by_level) IS NULL;
-- legs that all lost: the largest is the one that lost least; no leg, no volume
SELECT path, team, largest_leg, other_legs, legs_at_least FROM team_rollup($$SELECT path::refpath, v FROM (VALUES ('1.2', -5), ('1.3', -2), ('1.4', -3)) s(path, v)$$, true, -3) ORDER BY path;
-- no volumes: people alone
SELECT path, team_size, personal, team, largest_leg, other_legs, legs_at_least, by_level FROM team_rollup('SELECT path FROM tr_hand', true, 0, 2) WHERE path = '1';

-- nothing, one root, nobody known
SELECT * FROM team_rollup('SELECT path FROM tr_hand WHERE false');
SELECT * FROM team_rollup('SELECT NULL::refpath, 1');
SELECT * FROM team_rollup($$SELECT '7'::refpath, 1.20$$, true, 0, 1);
SELECT path, team_size, deepest FROM team_rollup($$SELECT '7.8.9223372036854775807'::refpath$$) ORDER BY path;

-- A random forest against naive recursion, every column.  Some members are not
-- in the input, some often; volumes: money, integers, mixed decimals of any
-- size, and what does not fit 64 bits.
\set seed 0.66260
SELECT setseed(:seed);
CREATE TABLE tr_tree (id bigint PRIMARY KEY, sponsor_id bigint, path refpath NOT NULL);
DO $$
DECLARE
	paths refpath[] := '{}';
	ids bigint[] := '{}';
	sponsor integer;
	new_id bigint;
BEGIN
	FOR i IN 1..700 LOOP
		-- ids in no order, of all lengths
		new_id := i + 1000 * floor(power(10, floor(random() * 14)) * random())::bigint;
		sponsor := CASE WHEN random() < 0.01 OR i = 1 THEN 0 ELSE ceil((i - 1) * (1 - random() * random())) END;
		ids := ids || new_id;
		paths := paths || CASE sponsor WHEN 0 THEN ARRAY[new_id]::refpath ELSE refpath_append(paths[sponsor], new_id) END;
		INSERT INTO tr_tree VALUES (new_id, CASE WHEN sponsor > 0 THEN ids[sponsor] END, paths[i]);
	END LOOP;
END $$;
CREATE TABLE tr_input AS
	SELECT id AS member_id, path, round((random() * 200 - 20)::numeric, 2) AS money, floor(random() * 5)::integer AS items,
		round(((random() - 0.3) * power(10, floor(random() * 8)))::numeric, floor(random() * 7)::integer) AS mixed,
		floor(random() * 1e15)::numeric * 1e10 + round(random()::numeric, 12) AS huge,
		(random() * 9e18)::bigint AS big
	FROM tr_tree, generate_series(1, floor(random() * random() * 5)::integer + 0 * depth(path));
INSERT INTO tr_input SELECT 0, NULL, 1, 1, 1, 1, 1 FROM generate_series(1, 10);
UPDATE tr_input SET money = NULL, huge = NULL WHERE random() < 0.1;
SELECT count(*) > 400 AS many, count(DISTINCT member_id) < 500 AS repeated, max(depth(path)) > 8 AS deep FROM tr_input;

-- Naive: everybody with everybody below, by the edges; those with a row in
-- their team are the members of the result.
CREATE VIEW tr_below AS
	WITH RECURSIVE below(top, id, level) AS (
		SELECT id, id, 0 FROM tr_tree
	UNION ALL
		SELECT b.top, t.id, b.level + 1 FROM below b JOIN tr_tree t ON t.sponsor_id = b.id)
	SELECT * FROM below;
CREATE TABLE tr_member AS
	SELECT t.id, t.sponsor_id, t.path,
		(SELECT count(*) FROM tr_input i WHERE i.member_id = t.id) AS input_rows,
		ARRAY(SELECT coalesce(sum(v), 0) FROM tr_input i, unnest(ARRAY[money, items, mixed, huge, big]) WITH ORDINALITY u(v, n)
			  WHERE i.member_id = t.id GROUP BY n ORDER BY n) AS personal
	FROM tr_tree t WHERE EXISTS (SELECT FROM tr_below b JOIN tr_input i ON i.member_id = b.id WHERE b.top = t.id);
UPDATE tr_member SET personal = '{0,0,0,0,0}' WHERE personal = '{}';
CREATE TABLE tr_naive AS
	SELECT m.id AS member_id, m.path, depth(m.path) AS depth, m.input_rows,
		(SELECT count(*) FROM tr_below b JOIN tr_member o USING (id) WHERE b.top = m.id) AS team_size,
		(SELECT count(*) FROM tr_member o WHERE o.sponsor_id = m.id) AS frontline,
		(SELECT max(level) FROM tr_below b JOIN tr_member o USING (id) WHERE b.top = m.id) AS deepest,
		m.personal,
		ARRAY(SELECT sum(v) FROM tr_below b JOIN tr_member o USING (id), unnest(o.personal) WITH ORDINALITY u(v, n)
			  WHERE b.top = m.id GROUP BY n ORDER BY n) AS team
	FROM tr_member m;
CREATE TABLE tr_naive_legs AS
	SELECT m.member_id,
		coalesce((SELECT array_agg(x ORDER BY n) FROM (SELECT n, max(v) AS x FROM tr_naive o JOIN tr_member t ON t.id = o.member_id, unnest(o.team) WITH ORDINALITY u(v, n)
			  WHERE t.sponsor_id = m.member_id GROUP BY n) s), '{0,0,0,0,0}') AS largest_leg,
		coalesce((SELECT array_agg(x ORDER BY n) FROM (SELECT n, sum(v) - max(v) AS x FROM tr_naive o JOIN tr_member t ON t.id = o.member_id, unnest(o.team) WITH ORDINALITY u(v, n)
			  WHERE t.sponsor_id = m.member_id GROUP BY n) s), '{0,0,0,0,0}') AS other_legs,
		coalesce((SELECT array_agg(x ORDER BY n) FROM (SELECT n, count(*) FILTER (WHERE v >= 100.5) AS x FROM tr_naive o JOIN tr_member t ON t.id = o.member_id, unnest(o.team) WITH ORDINALITY u(v, n)
			  WHERE t.sponsor_id = m.member_id GROUP BY n) s), '{0,0,0,0,0}') AS legs_at_least,
		coalesce((SELECT array_agg(x ORDER BY level) FROM (
			SELECT level, array_agg(x ORDER BY n) AS x FROM (
				SELECT b.level, n, sum(v) AS x FROM tr_below b JOIN tr_member o USING (id), unnest(o.personal) WITH ORDINALITY u(v, n)
				WHERE b.top = m.member_id AND b.level BETWEEN 1 AND 4 GROUP BY b.level, n) s GROUP BY level) s), '{}') AS by_level
	FROM tr_naive m;
SELECT count(*) FILTER (WHERE input_rows = 0) > 50 AS some_missing, count(*) < 700 AS some_absent, max(team_size) > 100 AS large FROM tr_naive;

CREATE TABLE tr_rollup AS SELECT * FROM team_rollup('SELECT path, money, items, mixed, huge, big FROM tr_input', true, 100.5, 4);
SELECT count(*) = (SELECT count(*) FROM tr_naive) AS as_many FROM tr_rollup;
SELECT count(*) AS differ FROM tr_rollup r FULL JOIN tr_naive n USING (member_id)
WHERE (r.path, r.depth, r.input_rows, r.team_size, r.frontline, r.deepest, r.personal, r.team)
	IS DISTINCT FROM (n.path, n.depth, n.input_rows, n.team_size, n.frontline, n.deepest, n.personal, n.team);
SELECT count(*) AS differ FROM tr_rollup r FULL JOIN tr_naive_legs n USING (member_id)
WHERE (r.largest_leg, r.other_legs, r.legs_at_least, r.by_level) IS DISTINCT FROM (n.largest_leg, n.other_legs, n.legs_at_least, n.by_level);
-- as many decimals as sum() shows
SELECT count(*) AS differ FROM tr_rollup r JOIN tr_naive n USING (member_id) WHERE r.team::text <> n.team::text OR r.personal::text <> n.personal::text;
SELECT count(*) > 0 AS beyond_bigint, max(scale(team[4])) AS decimals FROM tr_rollup WHERE team[4] > 1e20;

-- With what is asked for, nothing else changes; levels up to n are the first n.
SELECT count(*) AS differ FROM team_rollup('SELECT path, money, items, mixed, huge, big FROM tr_input', levels => 2) a JOIN tr_rollup b USING (member_id)
WHERE a.by_level IS DISTINCT FROM b.by_level[:2] OR a.team <> b.team;
SELECT count(*) AS differ FROM team_rollup('SELECT path, money, items, mixed, huge, big FROM tr_input', levels => 100) a JOIN tr_rollup b USING (member_id)
WHERE a.by_level[:4] IS DISTINCT FROM b.by_level OR coalesce(array_length(a.by_level, 1), 0) <> a.deepest;
-- The same from an index in order, without a sort, and from a query that has an order of its own.
CREATE INDEX ON tr_input (path);
ANALYZE tr_input;
CREATE VIEW tr_same AS SELECT * FROM (VALUES
	('SELECT path, money, items, mixed, huge, big FROM tr_input ORDER BY big'),
	('SELECT path, money, items, mixed, huge, big FROM tr_input ORDER BY path DESC LIMIT 1000000'),
	('WITH s AS (SELECT * FROM tr_input) SELECT path, money, items, mixed, huge, big FROM s'),
	('SELECT path, money, items, mixed, huge, big FROM tr_input WHERE items < 3 UNION ALL SELECT path, money, items, mixed, huge, big FROM tr_input WHERE items >= 3 OR items IS NULL')) v(query);
CREATE FUNCTION tr_differ(query text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM distributor.team_rollup(query, true, 100.5, 4) a FULL JOIN tr_rollup b USING (member_id) WHERE a IS DISTINCT FROM b $$;
SELECT tr_differ(query) AS differ FROM tr_same;
SET enable_seqscan = off; SET enable_sort = off;
SELECT tr_differ(query) AS differ FROM tr_same;
RESET enable_seqscan; RESET enable_sort;
-- with little memory, and by parallel workers
SET work_mem = '64kB';
SELECT tr_differ(query) AS differ FROM tr_same;
RESET work_mem;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
SELECT tr_differ(query) AS differ FROM tr_same;
-- it is they who read the rows
CREATE FUNCTION tr_process() RETURNS integer LANGUAGE plpgsql VOLATILE PARALLEL SAFE AS $$ BEGIN RETURN pg_backend_pid(); END $$;
SET parallel_leader_participation = off;
SELECT count(*) FILTER (WHERE input_rows > 0 AND personal[1] / input_rows = pg_backend_pid()) AS read_by_leader FROM team_rollup('SELECT path, tr_process() FROM tr_input');
RESET parallel_leader_participation;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;
-- sums of parts are what sum() of the whole is
SELECT sum(personal[4]) = (SELECT sum(huge) FROM tr_input WHERE path IS NOT NULL) AS same, sum(team[5]) FILTER (WHERE depth = 1) = sum(personal[5]) AS roots FROM tr_rollup;

-- Integers of each size, domains: numbers at the edges.
CREATE DOMAIN tr_amount AS numeric CHECK (VALUE > -1e30);
CREATE DOMAIN tr_path AS refpath;
SELECT path, personal, team FROM team_rollup($$SELECT p::refpath::tr_path, a::int2, b::int4, c::int8, d::tr_amount FROM (VALUES
	('1', -32768, -2147483648, -9223372036854775808, 0.1), ('1.2', -1, -1, -1, -0.1), ('1.3', 32767, 2147483647, 9223372036854775807, 1e29)) v(p, a, b, c, d)$$) ORDER BY path;
SELECT path, personal, team FROM team_rollup($$SELECT p::refpath, v FROM (VALUES
	('1', 0.000), ('1.2', 1e-18), ('1.2.3', 1e-19), ('1.3', 9223372036854775807), ('1.4', 922337203685477580.7), ('1.5', 1e18), ('1.6', -12345.6789), ('1.7', 99999999999999.9999), ('1.8', 10000)) v(p, v)$$) ORDER BY path;
SELECT path, length(team[1]::text), team[1] % 1 FROM team_rollup($$SELECT p::refpath, v FROM (VALUES ('1', 1e1000), ('1.2', 1e-20)) v(p, v)$$) ORDER BY path;
-- beyond 64 bits and back
SELECT path, team, largest_leg, other_legs FROM team_rollup($$SELECT p::refpath, v FROM (VALUES ('1', 9e18), ('1', 9e18), ('1', -18e18), ('1.2', 5e18), ('1.3', 4e18), ('1.4', 6e18)) v(p, v)$$, true) ORDER BY path;

-- Deep: a chain of 1,000 with a row each, and one row with all above it missing.
SELECT count(*), sum(team_size), max(deepest), sum(team[1]), count(*) FILTER (WHERE by_level[100][1] = 1) FROM team_rollup(
	'SELECT (SELECT array_agg(i) FROM generate_series(1, n) i)::bigint[]::refpath, 1 FROM generate_series(1, 1000) n', true, 500, 100);
SELECT count(*), sum(team_size), max(deepest), sum(team[1]), count(legs_at_least[1]) FROM team_rollup(
	'SELECT (SELECT array_agg(i) FROM generate_series(1, 5000) i)::bigint[]::refpath, 1.5', true, 1);
-- wide: one sponsor of all
SELECT path, team_size, frontline, deepest, team, largest_leg, other_legs, legs_at_least, by_level FROM team_rollup($$SELECT ARRAY[1, n]::bigint[]::refpath, n FROM generate_series(2, 20000) n$$, true, 19000, 2) WHERE frontline > 0;
-- as many columns as there may be, and one more
SELECT tr_refused('SELECT path' || repeat(', 1', n) || ' FROM tr_hand') FROM (VALUES (100), (101)) v(n);
SELECT cardinality(team), team[100], array_dims(by_level) FROM team_rollup('SELECT path' || (SELECT string_agg(', ' || i, '') FROM generate_series(1, 100) i) || ' FROM tr_hand', true, 1, 100) WHERE path = '1';

-- Parameters
SELECT path, team FROM team_rollup('SELECT path, amount FROM tr_hand WHERE amount > $1 AND path <@ $2', false, NULL, 0, 1, '1.2'::refpath) ORDER BY path;
SELECT path, team FROM team_rollup('SELECT path, amount FROM tr_hand WHERE amount > $1 AND amount < $2', false, NULL, 0, VARIADIC ARRAY[1, 8.5]) ORDER BY path;
SELECT path, team FROM team_rollup('SELECT $1::refpath, $2', false, NULL, 0, '1', 7) ORDER BY path;
SELECT count(*) FROM team_rollup('SELECT path FROM tr_hand WHERE path = $1', false, NULL, 0, NULL::refpath);
SELECT path, pg_typeof(team) FROM team_rollup('SELECT path FROM tr_hand', false, NULL, 0, VARIADIC NULL::integer[]) WHERE path = '9';
SELECT path FROM team_rollup('SELECT path FROM tr_hand', false, NULL, 0, VARIADIC '{}'::integer[]) WHERE path = '9';
SELECT fails($$SELECT * FROM team_rollup('SELECT path, $1 FROM tr_hand')$$);
SELECT fails($$SELECT * FROM team_rollup('SELECT path, $3 FROM tr_hand', false, NULL, 0, 1, 2)$$);
SELECT fails($$SELECT * FROM team_rollup('SELECT path, $1 FROM tr_hand', false, NULL, 0, '1')$$);

-- What is refused: not one SELECT
SELECT fails('SELECT * FROM team_rollup(NULL)');
SELECT tr_refused(q) FROM (VALUES (''), (' ; '), ('-- nothing'), ('SELECT path FROM tr_hand; SELECT 1'), ('INSERT INTO tr_hand VALUES (''1'', 1, 1) RETURNING path'),
	('DELETE FROM tr_hand'), ('CREATE TABLE tr_x()'), ('EXPLAIN SELECT path FROM tr_hand'), ('SELECT path INTO tr_x FROM tr_hand'),
	('WITH d AS (DELETE FROM tr_hand RETURNING path) SELECT path FROM d'), ('SELECT path FROM tr_hand FOR UPDATE'), ('SELECT path FROM tr_hand FOR KEY SHARE'),
	('SELECT path FROM tr_hand) input; DROP TABLE tr_hand; SELECT (1'), ('SELECT path FROM'), ('SELEKT'), ('SELECT path FROM tr_absent'), ('SELECT patj FROM tr_hand')) v(q);
-- not what a rollup needs
SELECT tr_refused(q) FROM (VALUES ('SELECT FROM tr_hand'), ('SELECT 1'), ('SELECT path::text FROM tr_hand'), ('SELECT ''1.2'''), ('SELECT NULL'), ('SELECT amount, path FROM tr_hand'), ('SELECT path_upper(path) FROM tr_hand'),
	('SELECT path, 1::float8 FROM tr_hand'), ('SELECT path, 1::real AS points FROM tr_hand'), ('SELECT path, 1::money FROM tr_hand'), ('SELECT path, ''1'' AS volume FROM tr_hand'),
	('SELECT path, ARRAY[1.0] FROM tr_hand'), ('SELECT tr_hand FROM tr_hand'),
	('SELECT path, ''NaN''::numeric AS amount FROM tr_hand'), ('SELECT path, 1, CASE WHEN path = ''1.5'' THEN ''-Infinity''::numeric END AS bonus FROM tr_hand'), ('SELECT ''''::refpath'),
	('SELECT path, 1 / (depth(path) - 2) FROM tr_hand')) v(q);
SELECT fails('SELECT * FROM team_rollup(''SELECT path FROM tr_hand'', levels => ' || n || ')') FROM (VALUES (-1), (101), (2147483647)) v(n);
SELECT fails('SELECT * FROM team_rollup(''SELECT path FROM tr_hand'', leg_threshold => ' || n || ')') FROM (VALUES ('''NaN'''), ('''Infinity''')) v(n);
SELECT fails($$SELECT * FROM team_rollup('SELECT ''1''::refpath, 9e131071 FROM generate_series(1, 2)')$$);
-- a position within the query
\set VERBOSITY default
SELECT * FROM team_rollup('SELECT path,
   amout FROM tr_hand');
SELECT * FROM team_rollup('SELECT path, 1 / 0 FROM tr_hand');
\set VERBOSITY terse

-- What is fine: comments, semicolons, quotes, a name that the function uses too
SELECT count(*) FROM (VALUES ('SELECT path FROM tr_hand;'), ('SELECT path FROM tr_hand -- all'), ('/* all */ SELECT path FROM tr_hand ; -- all'), ('(SELECT path FROM tr_hand)'), ('TABLE tr_hand'),
	('SELECT path AS "a""b; --", 1 AS input FROM tr_hand input'), ('VALUES (''1''::refpath, 2)'), ('SELECT path, amount, amount, 1, 1 FROM tr_hand'),
	('WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT ARRAY[n]::bigint[]::refpath, n FROM r')) v(q), team_rollup(q);

-- Where it may stand
SELECT (team_rollup('SELECT path FROM tr_hand')).path ORDER BY 1;
SELECT path FROM team_rollup('SELECT path FROM tr_hand') ORDER BY path LIMIT 1;
SELECT path, team_size FROM team_rollup('SELECT path FROM tr_hand') LIMIT 0;
SELECT a.path, a.team, b.team_size FROM team_rollup('SELECT path, amount FROM tr_hand') a JOIN team_rollup('SELECT path FROM tr_hand WHERE amount > 1') b USING (path) ORDER BY 1;
-- of a query that rolls up itself
SELECT path, team FROM team_rollup($$SELECT path, team[1], team_size FROM distributor.team_rollup('SELECT path, amount FROM tr_hand')$$) ORDER BY path;
-- once a row of another table
SELECT root, path, team FROM (VALUES ('1.2'::refpath), ('9'), ('4')) v(root), team_rollup('SELECT path, amount FROM tr_hand WHERE path <@ $1', false, NULL, 0, root) WHERE path <@ root ORDER BY 1, 2;
BEGIN READ ONLY;
DECLARE tr_cursor SCROLL CURSOR FOR SELECT path, team FROM team_rollup('SELECT path, amount FROM tr_hand') WHERE depth < 3;
FETCH 2 FROM tr_cursor;
FETCH BACKWARD 1 FROM tr_cursor;
FETCH ALL FROM tr_cursor;
COMMIT;
CREATE FUNCTION tr_in_function() RETURNS TABLE (path refpath, team numeric[]) LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	INSERT INTO tr_hand VALUES ('1.2.3', 100, 0);
	-- sees what was done before the statement that asks
	FOR r IN SELECT * FROM distributor.team_rollup('SELECT path, amount FROM tr_hand') t WHERE t.path <@ '1.2'::refpath LOOP
		path := r.path; team := r.team; RETURN NEXT;
	END LOOP;
	BEGIN
		PERFORM * FROM distributor.team_rollup('SELECT path, 1 / (depth(path) - 3) FROM tr_hand');
	EXCEPTION WHEN division_by_zero THEN
		RAISE NOTICE 'caught: %', SQLERRM;
	END;
	DELETE FROM tr_hand WHERE amount = 100;
	RETURN QUERY SELECT t.path, t.team FROM distributor.team_rollup('SELECT path, amount FROM tr_hand') t WHERE t.path = '1';
END $$;
SELECT * FROM tr_in_function();
PREPARE tr_prepared(text) AS SELECT path, team_size FROM team_rollup('SELECT path FROM tr_hand WHERE amount > $1', false, NULL, 0, $1::numeric) ORDER BY 1;
SET plan_cache_mode = force_generic_plan;
EXECUTE tr_prepared(8);
EXECUTE tr_prepared(NULL);
RESET plan_cache_mode;
-- without an end
CREATE FUNCTION tr_endless() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) FROM distributor.team_rollup('SELECT ''1''::distributor.refpath, public.tr_endless()') $$;
SET max_stack_depth = '100kB';
SELECT split_part(fails('SELECT tr_endless()'), E'\n', 1) AS fails;
RESET max_stack_depth;

-- Rights are the caller's, and so is the search_path.
CREATE ROLE regress_tr_reader;
SET ROLE regress_tr_reader;
SELECT tr_refused('SELECT path FROM public.tr_hand');
RESET ROLE;
GRANT SELECT (path) ON tr_hand TO regress_tr_reader;
SET ROLE regress_tr_reader;
SELECT count(*) FROM team_rollup('SELECT path FROM tr_hand');
SELECT tr_refused('SELECT path, amount FROM public.tr_hand');
RESET ROLE;
REVOKE SELECT (path) ON tr_hand FROM regress_tr_reader;
DROP ROLE regress_tr_reader;

-- EXPLAIN knows it as a function scan; the query's own plan is not part of it.
EXPLAIN (COSTS OFF) SELECT * FROM team_rollup('SELECT path FROM tr_hand');

-- The state: as a value, in parts, from text and back
SELECT rollup_state(path, amount) FROM tr_hand WHERE false;
SELECT rollup_state(path, amount) FROM tr_hand WHERE path IS NULL;
SELECT rollup_state(path, amount) FROM tr_hand;
SELECT path, team_size, input_rows, personal, team, largest_leg, other_legs, legs_at_least, by_level FROM rollup_members((SELECT rollup_state(path, amount, orders) FROM tr_hand), true, 2, 3) ORDER BY path;
SELECT count(*) FROM rollup_members(NULL);
CREATE TABLE tr_state AS SELECT rollup_state(path, money, items, mixed, huge, big) AS state FROM tr_input;
SELECT count(*) AS differ FROM rollup_members((SELECT state FROM tr_state), true, 100.5, 4) a FULL JOIN tr_rollup b USING (member_id) WHERE a IS DISTINCT FROM b;
SELECT count(*) AS differ FROM rollup_members((SELECT state::text::bytea FROM tr_state), true, 100.5, 4) a FULL JOIN tr_rollup b USING (member_id) WHERE a IS DISTINCT FROM b;
-- the same bytes, whatever the order, the parts, and the way of combining
SELECT count(*) AS differ FROM tr_state, (VALUES
	((SELECT rollup_state(path, money, items, mixed, huge, big ORDER BY big) FROM tr_input)),
	((SELECT rollup_state(path, money, items, mixed, huge, big ORDER BY path DESC) FROM tr_input)),
	((SELECT rollup_state_final(rollup_state_combine(a, b)) FROM (SELECT
		rollup_state(path, money, items, mixed, huge, big) FILTER (WHERE items < 3) AS a,
		rollup_state(path, money, items, mixed, huge, big) FILTER (WHERE items >= 3) AS b FROM tr_input) s)),
	((SELECT rollup_state_final(state) FROM tr_state))) v(other) WHERE other <> state;
-- beyond 64 bits and back, on one way only
SELECT (SELECT rollup_state('1'::refpath, v ORDER BY v) FROM (VALUES (9e18), (9e18), (-9e18), (-8999999999999999999)) s(v))
	= rollup_state('1'::refpath, v ORDER BY v * v, v) AS same FROM (VALUES (9e18), (9e18), (-9e18), (-8999999999999999999)) s(v);
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET cpu_operator_cost = 1; SET enable_indexscan = off; SET enable_indexonlyscan = off;
EXPLAIN (COSTS OFF) SELECT rollup_state(path, money) FROM tr_input;
SELECT rollup_state(path, money, items, mixed, huge, big) = (SELECT state FROM tr_state) AS same FROM tr_input;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather; RESET cpu_operator_cost; RESET enable_indexscan; RESET enable_indexonlyscan;
-- many rows of few paths stay small; many paths are sorted now and then
SELECT length(s), (SELECT team FROM rollup_members(s) WHERE depth = 1) FROM (SELECT rollup_state(ARRAY[1, 1 + i % 7 + 1]::bigint[]::refpath, i) AS s FROM generate_series(1, 60000) i) t;
SELECT count(*), sum(personal[1]), max(team[1]) FROM rollup_members((SELECT rollup_state(ARRAY[1, 1 + (i * 7919) % 20011]::bigint[]::refpath, i) FROM generate_series(1, 40000) i WHERE (i * 7919) % 20011 > 0));
-- by group, and as a window
SELECT items, length(rollup_state(path, money)) > 100 AS filled FROM tr_input WHERE path IS NOT NULL GROUP BY items ORDER BY 1;
SELECT i, (SELECT team FROM rollup_members(moving) WHERE depth = 1) AS moving, (SELECT team FROM rollup_members(running) WHERE depth = 1) AS running
FROM (SELECT i, rollup_state(ARRAY[1, i]::bigint[]::refpath, i) OVER (ORDER BY i ROWS 1 PRECEDING) AS moving,
	rollup_state(ARRAY[1, i]::bigint[]::refpath, i) OVER (ORDER BY i) AS running FROM generate_series(2, 5) i) s;

-- what the aggregate refuses
SELECT fails($$SELECT rollup_state('1'::refpath, 'NaN')$$);
SELECT fails($$SELECT rollup_state('1.2'::refpath, 1, '-Infinity')$$);
SELECT fails($$SELECT rollup_state('1.2'::refpath, 1::float8)$$);
SELECT fails($$SELECT rollup_state(''::refpath, 1)$$);
SELECT fails($$SELECT rollup_state(path_upper('1'), 1)$$);
SELECT fails($$SELECT rollup_state('1'::refpath, VARIADIC NULL::numeric[])$$);
SELECT fails($$SELECT rollup_state('1'::refpath, VARIADIC array_fill(1, ARRAY[101])::numeric[])$$);
SELECT fails($$SELECT rollup_state('1'::refpath, VARIADIC v) FROM (VALUES ('{1}'::numeric[]), ('{1,2}')) s(v)$$);
SELECT fails($$SELECT rollup_state_combine((SELECT rollup_state('1'::refpath, 1)), (SELECT rollup_state('1'::refpath, 1, 2)))$$);
SELECT fails($$SELECT * FROM rollup_members((SELECT rollup_state('1'::refpath, 1)), levels => 101)$$);
SELECT path, team FROM rollup_members((SELECT rollup_state('1.2'::refpath, VARIADIC '{}'::numeric[]))) ORDER BY path;
-- bytes that are no state
SELECT fails(format('SELECT * FROM rollup_members(%L)', b)) FROM (VALUES ('\x'), ('\x01'), ('\x02000000000a0000000a'), ('\x01650000000a0000000a'), ('\x01010000000b0000000a'), ('\x0101000000090000000a'), ('\x01010000000a0000000b'), ('\x01010000000a00000000'),
	('\x01000000000b0000000a01'), ('\x01000000000c0000000a0101'), ('\x01000000000c0000000a0001'), ('\x01000000000d0000000a010100'), ('\x01000000000d0000000a01ff01'), ('\x01000000000f0000000a0201010101'), ('\x01000000000e0000000a02010101'), ('\x01000000000d0000000a01f801'),
	('\x01010000000f0000000a0101011300'), ('\x0101000000110000000a010101ff034e614e'), ('\x0101000000120000000a010101ff034e614e'), ('\x0101000000100000000a010101ff0178'), ('\x0101000000180000000a01010100ffffffffffffffffff7f'), ('\x01010000000e0000000a01010100')) v(b);
SELECT path, personal FROM rollup_members('\x01010000000f0000000a0101010202') ORDER BY path;
-- a damaged state is refused or read, never more
\set seed 0.16021
SELECT setseed(:seed);
SELECT count(*) AS tried, count(*) FILTER (WHERE outcome LIKE '22P03%' OR outcome = 'no error' OR outcome LIKE '22P02%') AS fine FROM (
	SELECT fails(format('SELECT * FROM distributor.rollup_members(%L, true, 1, 3)', set_byte(s, floor(random() * length(s))::integer, floor(random() * 256)::integer))) AS outcome
	FROM (SELECT rollup_state(path, amount, orders, 1e40) AS s FROM tr_hand) t, generate_series(1, 3000)) o;

DROP TABLE tr_state, tr_rollup, tr_naive_legs, tr_naive, tr_member, tr_input, tr_hand, tr_tree CASCADE;
DROP FUNCTION tr_process, tr_endless, tr_in_function, tr_differ, tr_refused;
DROP DOMAIN tr_amount, tr_path;
