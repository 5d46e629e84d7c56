-- the laws of refpath's operator classes over a hard list: each law counts the
-- pairs or triples that break it, so every number but the first is 0
SET search_path = public, distributor;
SET jit = off;

-- empty, roots, siblings, prefixes, both ends of every code length in every
-- position, bytes that look like leads and upper bounds, the deepest
CREATE TABLE hard (n integer GENERATED ALWAYS AS IDENTITY, path refpath);
INSERT INTO hard (path) SELECT unnest('{"",0,1,2,12,0.1,1.0,1.2,1.3,1.20,1.0.2,1.2.3,1.2.4,1.2.3.4,2.1,2.1.3}'::refpath[]);
INSERT INTO hard (path) SELECT unnest(ARRAY[ARRAY[id]::refpath, refpath_append('1', id), ARRAY[id]::refpath || '1', ARRAY[id, id # 1]::refpath])
FROM unnest('{239,240,495,496,2287,2288,67823,67824,16845039,16845040,4311812335,4311812336,1103823440111,1103823440112,282578800150767,282578800150768,72340172838078703,72340172838078704,9223372036854775807}'::bigint[]) id;
INSERT INTO hard (path) SELECT subpath(p, 0, d) FROM (SELECT array_agg(i::bigint ORDER BY i DESC)::refpath AS p FROM generate_series(1, 65535) i) s, unnest('{24,25,800,65534,65535}'::int[]) d;
SELECT count(*), count(DISTINCT path), max(depth(path)) FROM hard;
CREATE TEMP TABLE pair AS SELECT a.n AS x, b.n AS y, a.path AS a, b.path AS b, refpath_cmp(a.path, b.path) AS cmp FROM hard a, hard b WHERE depth(a.path) <= 25 AND depth(b.path) <= 25;
-- the deepest with each other and with the short ones
INSERT INTO pair SELECT a.n, b.n, a.path, b.path, refpath_cmp(a.path, b.path) FROM hard a, hard b WHERE depth(a.path) > 25 AND (depth(b.path) > 25 OR b.n % 9 = 0);
INSERT INTO pair SELECT y, x, b, a, refpath_cmp(b, a) FROM pair WHERE depth(a) > 25 AND depth(b) <= 25;
SELECT count(*) > 8000 AS many FROM pair;

-- order: one of <, =, > holds; each operator is the sign of cmp, both ways
SELECT count(*) FILTER (WHERE (a < b)::int + (a = b)::int + (a > b)::int <> 1) AS trichotomy,
	count(*) FILTER (WHERE (a < b) <> (cmp < 0) OR (b > a) <> (cmp < 0)) AS lt, count(*) FILTER (WHERE (a <= b) <> (cmp <= 0) OR (b >= a) <> (cmp <= 0)) AS le,
	count(*) FILTER (WHERE (a = b) <> (cmp = 0) OR (b = a) <> (cmp = 0)) AS eq, count(*) FILTER (WHERE (a <> b) <> (cmp <> 0) OR (b <> a) <> (cmp <> 0)) AS ne,
	count(*) FILTER (WHERE (a >= b) <> (cmp >= 0) OR (b <= a) <> (cmp >= 0)) AS ge, count(*) FILTER (WHERE (a > b) <> (cmp > 0) OR (b < a) <> (cmp > 0)) AS gt,
	count(*) FILTER (WHERE sign(refpath_cmp(b, a)) <> -sign(cmp)) AS antisymmetric, count(*) FILTER (WHERE (x = y) <> (cmp = 0)) AS reflexive
FROM pair;
SELECT count(*) > 600000 AS triples, count(*) FILTER (WHERE p.cmp < 0 AND q.cmp < 0 AND NOT r.cmp < 0) AS transitive,
	count(*) FILTER (WHERE p.a @> p.b AND q.a @> q.b AND NOT r.a @> r.b) AS contains_transitive
FROM pair p JOIN pair q ON p.y = q.x JOIN pair r ON r.x = p.x AND r.y = q.y WHERE depth(p.a) <= 25 AND depth(p.b) <= 25 AND depth(q.b) <= 25;

-- containment is a partial order that agrees with the order: a team is a range
SELECT count(*) FILTER (WHERE x = y AND NOT (a @> b AND a <@ b)) AS reflexive, count(*) FILTER (WHERE a @> b AND b @> a AND a <> b) AS antisymmetric,
	count(*) FILTER (WHERE (a @> b) <> (b <@ a) OR (a >> b) <> (b << a)) AS mirrored, count(*) FILTER (WHERE (a >> b) <> (a @> b AND a <> b)) AS strict,
	count(*) FILTER (WHERE a >> b AND NOT a < b) AS before, count(*) FILTER (WHERE (a @> b) <> (b >= a AND b < path_upper(a))) AS range,
	count(*) FILTER (WHERE (a @> b) <> (lca(a, b) = a)) AS lca, count(*) FILTER (WHERE a <-> b <> depth(a) + depth(b) - 2 * depth(lca(a, b))) AS distance,
	count(*) FILTER (WHERE depth(b) > 0 AND (a <@ member_id(b)) <> (level_of(a, member_id(b)) IS NOT NULL)) AS through
FROM pair;

-- hash: equal where equal, with every seed; the parts of an extended hash agree
SELECT count(*) FILTER (WHERE refpath_hash(a) <> refpath_hash((a::text)::refpath)) AS of_the_value,
	count(*) FILTER (WHERE refpath_hash_extended(a, 1) <> refpath_hash_extended(a::bigint[]::refpath, 1)) AS extended,
	count(*) FILTER (WHERE refpath_hash_extended(a, 0)::bit(64)::bit varying(64)::text NOT LIKE '%' || refpath_hash(a)::bit(32)::text) AS low_half
FROM pair WHERE x = y;

-- in and out, by text, array and binary
SELECT count(*) FILTER (WHERE path::text::refpath <> path) AS text, count(*) FILTER (WHERE path::bigint[]::refpath <> path) AS array FROM hard;
\copy hard (path) TO 'results/refpath_algebra.bin' WITH (FORMAT binary)
CREATE TEMP TABLE back (n integer GENERATED ALWAYS AS IDENTITY, path refpath);
\copy back (path) FROM 'results/refpath_algebra.bin' WITH (FORMAT binary)
SELECT count(*) FILTER (WHERE h.path <> b.path) AS binary, count(*) FILTER (WHERE b.n IS NULL) AS missing FROM hard h LEFT JOIN back b USING (n);
-- stored short, compressed and out of line it is the same value
CREATE TABLE stored (n integer, path refpath);
ALTER TABLE stored ALTER path SET STORAGE external;
INSERT INTO stored SELECT n, path FROM hard;
SELECT count(*) FILTER (WHERE s.path <> h.path OR refpath_cmp(s.path, h.path) <> 0) AS differ, count(*) FILTER (WHERE refpath_hash(s.path) <> refpath_hash(h.path)) AS hash,
	count(*) FILTER (WHERE NOT s.path @> h.path OR s.path <-> h.path <> 0 OR lca(s.path, h.path) <> h.path) AS relation
FROM stored s JOIN hard h USING (n);

-- every index, asked for every path of the list, gives the pairs that the
-- operator gives (the two deepest are more than a page holds)
CREATE TABLE indexed AS SELECT n, path FROM hard WHERE depth(path) <= 800;
ANALYZE hard, indexed;
CREATE FUNCTION pg_temp.differ(op text) RETURNS TABLE (operator text, used boolean, matches boolean, differ bigint) LANGUAGE plpgsql AS $$
DECLARE
	line text;
	question text := format('SELECT x.n AS x, y.n AS y FROM hard x, indexed y WHERE y.path %s x.path', op);
BEGIN
	operator := op;
	used := false;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || question LOOP
		used := used OR line ~ 'Index Cond';
	END LOOP;
	EXECUTE format('SELECT count(*) > 0, count(*) FILTER (WHERE i.x IS NULL OR o.x IS NULL) FROM (%s) i FULL JOIN
		(SELECT x.n AS x, y.n AS y FROM hard x, indexed y WHERE (y.path %s x.path) IS TRUE) o USING (x, y)', question, op) INTO matches, differ;
	RETURN NEXT;
END $$;
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET enable_bitmapscan = off;
CREATE INDEX indexed_btree ON indexed USING btree (path);
SELECT d.* FROM unnest('{<,<=,=,>=,>,<@,<<}'::text[]) op, pg_temp.differ(op) d;
DROP INDEX indexed_btree;
CREATE INDEX indexed_gist ON indexed USING gist (path);
SELECT d.* FROM unnest('{<,<=,=,>=,>,@>,<@,>>,<<}'::text[]) op, pg_temp.differ(op) d;
DROP INDEX indexed_gist;
CREATE INDEX indexed_hash ON indexed USING hash (path);
SELECT * FROM pg_temp.differ('=');
RESET ALL;
SET search_path = public, distributor;

-- and as the server judges them
SELECT opcname, amvalidate(oid) FROM pg_opclass WHERE opcnamespace = 'distributor'::regnamespace ORDER BY opcname COLLATE "C";
DROP TABLE hard, stored, indexed;
