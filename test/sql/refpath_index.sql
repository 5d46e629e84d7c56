-- operator classes of refpath: every index answers as a sequential scan does
SET search_path = public, distributor;
\pset null (null)
-- a disabled scan costs so much that every query would be compiled
SET jit = off;
-- nor is each of many small queries worth a worker where parallel plans are forced
SET max_parallel_workers_per_gather = 0;

SELECT opcname, amname, opcdefault, amvalidate(c.oid)
FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE opcnamespace = 'distributor'::regnamespace ORDER BY opcname COLLATE "C";

-- a random tree whose ids take codes of every length; the empty path, a null,
-- a duplicate
\set seed 0.31415
SELECT setseed(:seed);
CREATE TABLE source (id integer PRIMARY KEY, path refpath);
DO $$
DECLARE
	paths refpath[] := '{}';
	sponsor integer;
	member bigint;
BEGIN
	FOR i IN 1..3000 LOOP
		member := i + (ARRAY[0, 0, 0, 5000, 100000, 20000000, 5000000000, 2000000000000, 300000000000000, 80000000000000000])[1 + i % 10];
		-- mostly a young sponsor, so that the tree grows deep
		sponsor := CASE WHEN i <= 3 THEN 0 WHEN random() < 0.9 THEN i - 1 - floor(random() * least(i - 1, 40))
			ELSE 1 + floor(random() * (i - 1)) END;
		paths := paths || CASE sponsor WHEN 0 THEN ARRAY[member]::refpath ELSE refpath_append(paths[sponsor], member) END;
	END LOOP;
	INSERT INTO source SELECT i, p FROM unnest(paths) WITH ORDINALITY AS u(p, i);
END $$;
INSERT INTO source VALUES (3001, ''), (3002, NULL), (3003, NULL), (3004, '1'), (3005, ''), (3006, '0'), (3007, '9223372036854775807');
INSERT INTO source SELECT 4000 + id, path FROM source WHERE id % 50 = 0;
SELECT count(*), max(depth(path)) > 40 AS deep FROM source;

-- what is asked: paths of the table, their sponsors, members that are not
-- there beside, below and above them
CREATE TABLE query (n integer GENERATED ALWAYS AS IDENTITY, path refpath, member bigint);
INSERT INTO query (path, member) VALUES ('', 0), ('0', 1), ('9223372036854775807', 9223372036854775807), ('1', -1);
INSERT INTO query (path, member)
SELECT CASE i % 6 WHEN 0 THEN path WHEN 1 THEN parent(path) WHEN 2 THEN refpath_append(path, 77777) WHEN 3 THEN refpath_append(parent(path), 239)
	WHEN 4 THEN subpath(path, 0, 1 + floor(random() * depth(path))::int) ELSE refpath_append(path, 9223372036854775807) END,
	upline(path, floor(random() * (depth(path)))::int)
FROM (SELECT i, path FROM (SELECT i, 1 + floor(random() * 3000)::int AS id FROM generate_series(1, 500) i) r JOIN source USING (id) ORDER BY i OFFSET 0) s;
SELECT count(*), count(path) AS paths, count(member) AS members FROM query;

CREATE TABLE indexed (id integer, path refpath);
ALTER TABLE indexed SET (autovacuum_enabled = off);

-- the answers of one scan: rows and a digest of them, for each query
CREATE FUNCTION pg_temp.ask(op text) RETURNS TABLE (n integer, rows bigint, digest bigint) LANGUAGE plpgsql AS $$
DECLARE
	q record;
BEGIN
	FOR q IN SELECT * FROM query ORDER BY query.n LOOP
		n := q.n;
		IF op = '<@ member' THEN
			SELECT count(*), sum(hashint4(id)) FROM indexed WHERE path <@ q.member INTO rows, digest;
		ELSIF op = '@> path' THEN
			EXECUTE 'SELECT count(*), sum(hashint4(id)) FROM indexed WHERE $1 @> path' INTO rows, digest USING q.path;
		ELSE
			EXECUTE format('SELECT count(*), sum(hashint4(id)) FROM indexed WHERE path %s $1', op) INTO rows, digest USING q.path;
		END IF;
		RETURN NEXT;
	END LOOP;
END $$;
CREATE TABLE answers (op text, n integer, rows bigint, digest bigint);
CREATE FUNCTION pg_temp.learn() RETURNS void LANGUAGE sql AS $$
	TRUNCATE answers;
	INSERT INTO answers SELECT op, a.* FROM unnest('{<,<=,=,>=,>,@>,<@,>>,<<,@> path,<@ member}'::text[]) op, pg_temp.ask(op) a $$;
CREATE FUNCTION pg_temp.differ(ops text[]) RETURNS TABLE (op text, queries bigint, matches bool, differ bigint) LANGUAGE sql AS $$
	-- asked once, whatever the planner makes of the join
	WITH a AS MATERIALIZED (SELECT o.op, o.i, asked.* FROM unnest(ops) WITH ORDINALITY AS o(op, i), pg_temp.ask(o.op) asked)
	SELECT a.op, count(*), sum(a.rows) > 0, count(*) FILTER (WHERE (a.rows, a.digest) IS DISTINCT FROM (b.rows, b.digest))
	FROM a JOIN answers b USING (op, n) GROUP BY a.i, a.op ORDER BY a.i $$;
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END $$;

INSERT INTO indexed SELECT * FROM source;
ANALYZE indexed;
SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off;
SELECT pg_temp.learn();
-- the sequential scan itself, against arrays
SELECT count(*) AS pairs, count(*) FILTER (WHERE (q.path @> t.path) IS DISTINCT FROM (ids = (t.path::bigint[])[1:cardinality(ids)])) AS contains,
	count(*) FILTER (WHERE (t.path <@ q.member) IS DISTINCT FROM (q.member = ANY (t.path::bigint[]))) AS through
FROM indexed t, query q, LATERAL (SELECT q.path::bigint[] AS ids) a WHERE t.path IS NOT NULL AND t.id % 7 = 0;
RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_indexonlyscan;
SET enable_seqscan = off;

-- B-tree
CREATE INDEX indexed_btree ON indexed USING btree (path);
SELECT op, ltrim(line) AS line FROM unnest('{<,<=,=,>=,>,@>,<@,>>,<<}'::text[]) op, pg_temp.plan(format('SELECT id FROM indexed WHERE path %s ''1.2''', op)) line WHERE line LIKE '%Index Cond%';
SELECT * FROM pg_temp.differ('{<,<=,=,>=,>,@>,<@,>>,<<,@> path}');
SET enable_sort = off;
SELECT count(*), count(*) FILTER (WHERE path < before) AS unordered FROM (SELECT path, lag(path) OVER (ORDER BY path) AS before FROM indexed WHERE path IS NOT NULL) s;
RESET enable_sort;
DROP INDEX indexed_btree;

-- hash
CREATE INDEX indexed_hash ON indexed USING hash (path);
SELECT pg_temp.plan('SELECT id FROM indexed WHERE path = ''1.2''');
SELECT * FROM pg_temp.differ('{=}');
DROP INDEX indexed_hash;

-- GiST, built from sorted keys
CREATE INDEX indexed_gist ON indexed USING gist (path);
SELECT op, line FROM unnest('{<,<=,=,>=,>,@>,<@,>>,<<}'::text[]) op, pg_temp.plan(format('SELECT id FROM indexed WHERE path %s ''1.2''', op)) line WHERE line LIKE '%Index Cond%';
SELECT line FROM pg_temp.plan('SELECT id FROM indexed WHERE path <@ 42 AND ''1'' @> path') line WHERE line LIKE '%Index Cond%';
SELECT * FROM pg_temp.differ('{<,<=,=,>=,>,@>,<@,>>,<<,@> path,<@ member}');
DROP INDEX indexed_gist;

-- GiST, built by inserting, with and without buffers; a root page alone
CREATE INDEX indexed_gist ON indexed USING gist (path) WITH (buffering = on);
SELECT * FROM pg_temp.differ('{<,<=,=,>=,>,@>,<@,>>,<<,@> path,<@ member}');
TRUNCATE indexed;
INSERT INTO indexed SELECT * FROM source ORDER BY hashint4(id);
SELECT * FROM pg_temp.differ('{<,<=,=,>=,>,@>,<@,>>,<<,@> path,<@ member}');
TRUNCATE indexed;
INSERT INTO indexed SELECT * FROM source ORDER BY path;
SELECT * FROM pg_temp.differ('{<,=,>,@>,<@,>>,<<,<@ member}');
TRUNCATE indexed;
INSERT INTO indexed SELECT * FROM source ORDER BY path DESC;
SELECT * FROM pg_temp.differ('{<,=,>,@>,<@,>>,<<,<@ member}');

-- after deletes, vacuum and new rows
DELETE FROM indexed WHERE id % 3 = 0;
VACUUM indexed;
INSERT INTO indexed SELECT 10000 + id, refpath_append(path, 8000000) FROM source WHERE id % 9 = 0;
UPDATE indexed SET path = graft(path, '1', '6000000') WHERE path <@ '1' AND id % 4 = 0;
DROP INDEX indexed_gist;
SELECT pg_temp.learn();
TRUNCATE indexed;
CREATE INDEX indexed_gist ON indexed USING gist (path);
CREATE INDEX indexed_btree ON indexed USING btree (path);
CREATE INDEX indexed_hash ON indexed USING hash (path);
INSERT INTO indexed SELECT * FROM source;
DELETE FROM indexed WHERE id % 3 = 0;
VACUUM indexed;
INSERT INTO indexed SELECT 10000 + id, refpath_append(path, 8000000) FROM source WHERE id % 9 = 0;
UPDATE indexed SET path = graft(path, '1', '6000000') WHERE path <@ '1' AND id % 4 = 0;
VACUUM indexed;
BEGIN;
DROP INDEX indexed_btree, indexed_hash;
SELECT * FROM pg_temp.differ('{<,<=,=,>=,>,@>,<@,>>,<<,@> path,<@ member}');
ROLLBACK;
BEGIN;
DROP INDEX indexed_gist, indexed_hash;
SELECT * FROM pg_temp.differ('{<,<=,=,>=,>,<@,<<,@> path}');
ROLLBACK;
BEGIN;
DROP INDEX indexed_gist, indexed_btree;
SELECT * FROM pg_temp.differ('{=}');
ROLLBACK;
DROP INDEX indexed_btree, indexed_hash;

-- index-only scans return the path as it was
VACUUM ANALYZE indexed;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT path FROM indexed WHERE path <@ '6000000';
SELECT count(*) FROM ((SELECT path FROM indexed WHERE path <@ '') EXCEPT ALL (SELECT path FROM indexed WHERE path || '' <@ '')) s;
SELECT count(*) FROM ((SELECT path FROM indexed WHERE path || '' <@ '') EXCEPT ALL (SELECT path FROM indexed WHERE path <@ '')) s;

-- nearest members first
EXPLAIN (COSTS OFF) SELECT path FROM indexed ORDER BY path <-> '1.2.7' LIMIT 5;
CREATE FUNCTION pg_temp.nearest_differ(k integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	by_index integer[];
	by_sort integer[];
	result bigint := 0;
	q refpath;
BEGIN
	FOR q IN SELECT path FROM query WHERE path IS NOT NULL LOOP
		EXECUTE 'SELECT array_agg(d) FROM (SELECT path <-> $1 AS d FROM indexed ORDER BY path <-> $1 LIMIT $2) s' INTO by_index USING q, k;
		EXECUTE 'SELECT array_agg(d) FROM (SELECT path <-> $1 AS d FROM indexed ORDER BY (path <-> $1) + 0 LIMIT $2) s' INTO by_sort USING q, k;
		IF by_index IS DISTINCT FROM by_sort THEN
			result := result + 1;
		END IF;
	END LOOP;
	RETURN result;
END $$;
SELECT k, pg_temp.nearest_differ(k) FROM unnest('{1,10,500}'::int[]) k;
SELECT bool_and(d >= before) AS ordered, count(*) - (SELECT count(*) FROM indexed) AS missing
FROM (SELECT d, lag(d) OVER () AS before FROM (SELECT path <-> '1.2.7' AS d FROM indexed ORDER BY path <-> '1.2.7') s) s2;

-- a second column, an included one, equal keys, nulls only
DROP INDEX indexed_gist;
CREATE INDEX indexed_gist ON indexed USING gist (refpath_append(path, 5), path) INCLUDE (id) WHERE NOT path <@ 5;
EXPLAIN (COSTS OFF) SELECT id FROM indexed WHERE NOT path <@ 5 AND path <@ '6000000' AND refpath_append(path, 5) <@ 5;
SELECT count(*) AS rows, sum(hashint4(id)) AS digest FROM indexed WHERE NOT path <@ 5 AND path <@ '6000000' AND refpath_append(path, 5) <@ 5 \gset
DROP INDEX indexed_gist;
SELECT count(*) > 0 AS some, count(*) = :rows AND sum(hashint4(id)) = :digest AS same FROM indexed
WHERE NOT path <@ 5 AND path <@ '6000000' AND refpath_append(path, 5) <@ 5;
TRUNCATE indexed;
CREATE INDEX indexed_gist ON indexed USING gist (path);
INSERT INTO indexed SELECT i, '1.2.3' FROM generate_series(1, 2000) i;
INSERT INTO indexed SELECT i, NULL FROM generate_series(1, 2000) i;
SELECT count(*) FILTER (WHERE path <@ '1.2') AS below, count(*) FILTER (WHERE path <@ 3) AS through FROM indexed WHERE path <@ '1.2' AND path <@ 3;
SELECT count(*) FROM indexed WHERE path IS NULL;
SELECT count(*) FROM indexed WHERE path <@ '1.2.3.4';
REINDEX INDEX indexed_gist;
SELECT count(*) FROM indexed WHERE path <@ 3;

-- long paths: up to what a page holds; ends of inner ranges are cut
TRUNCATE indexed;
CREATE FUNCTION pg_temp.long_path(first bigint, n integer) RETURNS refpath LANGUAGE sql AS
$$ SELECT ARRAY(SELECT first + hashint4(i)::bigint * 3 + 7000000000 FROM generate_series(1, n) i)::refpath $$;
INSERT INTO indexed SELECT i, refpath_append(pg_temp.long_path(1, 200), i::bigint) || pg_temp.long_path(2 + i % 2, 200) FROM generate_series(1, 300) i;
SELECT count(*), count(*) FILTER (WHERE path <@ pg_temp.long_path(1, 200)) AS below FROM indexed WHERE path <@ 17;
SELECT count(*) FROM indexed WHERE path <@ refpath_append(pg_temp.long_path(1, 200), 17);
SELECT count(*) FROM indexed WHERE path @> refpath_append(refpath_append(pg_temp.long_path(1, 200), 17) || pg_temp.long_path(3, 200), 5);
SELECT count(*) FROM indexed WHERE path >> (refpath_append(pg_temp.long_path(1, 200), 17) || pg_temp.long_path(3, 200));
SELECT array_agg(id) FROM (SELECT id FROM indexed ORDER BY path <-> (refpath_append(pg_temp.long_path(1, 200), 17) || pg_temp.long_path(3, 150)) LIMIT 1) s;
REINDEX INDEX indexed_gist;
SELECT count(*) FROM indexed WHERE path <@ refpath_append(pg_temp.long_path(1, 200), 17);

-- and where the index compresses its keys
TRUNCATE indexed;
INSERT INTO indexed SELECT i, (SELECT array_agg(10000 + j) FROM generate_series(1, 400 + i) j)::bigint[]::refpath FROM generate_series(1, 300) i;
INSERT INTO indexed SELECT 300 + i, refpath_append((SELECT array_agg(10000 + j) FROM generate_series(1, 400 + i) j)::bigint[]::refpath, 8) FROM generate_series(1, 300) i;
VACUUM indexed;
SELECT line FROM pg_temp.plan('SELECT path FROM indexed WHERE path <@ 10000') line WHERE line LIKE '%Only%';
SELECT count(*) FROM ((SELECT path FROM indexed WHERE path <@ 10001) EXCEPT ALL (SELECT path || '' FROM indexed WHERE path || '' <@ 10001)) s;
SELECT count(path), max(depth(path)) FROM indexed WHERE path <@ (SELECT path FROM indexed WHERE id = 200);
SELECT count(path), max(depth(path)) FROM indexed WHERE path @> (SELECT path FROM indexed WHERE id = 500);
SELECT path AS q FROM indexed WHERE id = 500 \gset
SELECT array_agg(d) FROM (SELECT path <-> :'q' AS d FROM indexed ORDER BY path <-> :'q' LIMIT 5) s;
REINDEX INDEX indexed_gist;
SELECT count(path), max(depth(path)) FROM indexed WHERE path <@ (SELECT path FROM indexed WHERE id = 200);

-- longer: the server's own error
\set VERBOSITY sqlstate
INSERT INTO indexed SELECT 0, pg_temp.long_path(1, 5000);
DROP INDEX indexed_gist;
CREATE INDEX indexed_btree ON indexed (path);
INSERT INTO indexed SELECT 0, pg_temp.long_path(1, 5000);
DROP INDEX indexed_btree;
CREATE INDEX indexed_hash ON indexed USING hash (path);
INSERT INTO indexed SELECT 0, pg_temp.long_path(1, 5000);
SELECT count(*) FROM indexed WHERE path = pg_temp.long_path(1, 5000);

-- GiST keys are written by indexes only
SELECT '1'::refpath_gist_key;
\set VERBOSITY default
RESET enable_seqscan; RESET enable_bitmapscan;

-- sorts: abbreviated keys, their ties, giving them up; parallel build
CREATE TABLE sorted AS SELECT i AS id, (ARRAY[1, 2, 3, 4, 5, 6, 7, 8] || (100 + i % 3)::bigint || hashint4(i)::bigint + 3000000000)::bigint[]::refpath AS path
FROM generate_series(1, 30000) i;
INSERT INTO sorted SELECT id, subpath(path, 9) FROM sorted WHERE id % 3 = 0;
INSERT INTO sorted SELECT id, subpath(path, 0, id % 9) FROM sorted WHERE id % 10 = 0;
SELECT count(*), count(*) FILTER (WHERE path < before) AS unordered, count(*) FILTER (WHERE ids < ids_before) AS unlike_arrays
FROM (SELECT path, lag(path) OVER w AS before, path::bigint[] AS ids, lag(path::bigint[]) OVER w AS ids_before FROM sorted WINDOW w AS (ORDER BY path)) s;
SELECT count(DISTINCT path), count(*) FROM sorted;
SELECT count(*) FROM (SELECT path FROM sorted GROUP BY path) s;
SET max_parallel_maintenance_workers = 2; SET min_parallel_table_scan_size = 0;
CREATE INDEX sorted_path ON sorted (path);
SET enable_seqscan = off; SET enable_sort = off;
SELECT count(*), count(*) FILTER (WHERE path < before) AS unordered FROM (SELECT path, lag(path) OVER (ORDER BY path) AS before FROM sorted) s;
RESET ALL; SET jit = off;
SET search_path = public, distributor;
SET enable_hashjoin = off; SET enable_nestloop = off;
SELECT count(*) FROM sorted a JOIN source b USING (path);
RESET enable_hashjoin; SET enable_mergejoin = off;
SELECT count(*) FROM sorted a JOIN source b USING (path);
RESET enable_nestloop; RESET enable_mergejoin;

-- hash partitions
CREATE TABLE parts (path refpath) PARTITION BY HASH (path);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT path FROM source;
SELECT tableoid::regclass, count(*) > 1000 AS about_half FROM parts GROUP BY 1 ORDER BY 1;

DROP TABLE source, query, indexed, answers, sorted, parts;
