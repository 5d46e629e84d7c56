-- the aggregate lca(refpath)
SET search_path = public, distributor;
\pset null (null)
SET jit = off;

-- a state with a text form, combined by a function, nothing final
SELECT aggtransfn::regprocedure, aggcombinefn::regprocedure, aggtranstype::regtype, aggfinalfn, agginitval,
	(SELECT proparallel FROM pg_proc WHERE oid = aggfnoid) AS parallel
FROM pg_aggregate WHERE aggfnoid = 'lca(refpath)'::regprocedure;

-- nulls are skipped; nothing in, null out
SELECT lca(p) FROM (SELECT NULL::refpath WHERE false) v(p);
SELECT lca(p) FROM (VALUES (NULL::refpath)) v(p);
SELECT lca(p) FROM (VALUES (NULL::refpath), (NULL)) v(p);
SELECT lca(p) FROM (VALUES (NULL::refpath), ('1.2.3'), (NULL)) v(p);
SELECT lca(p) FROM (VALUES ('1.2.3'::refpath), (NULL), ('1.2.4.5')) v(p);
SELECT lca(p) FROM (VALUES ('1.2'::refpath), ('1.2.3'), ('1.2')) v(p);
SELECT lca(p) FROM (VALUES ('1.2.3'::refpath), ('1.2')) v(p);
SELECT lca(p) FROM (VALUES ('1.2287'::refpath), ('1.2286')) v(p);
SELECT lca(p) = '' AS empty FROM (VALUES ('1'::refpath), ('2'), ('1')) v(p);
SELECT lca(p) = '' AS empty FROM (VALUES (''::refpath), ('1.2')) v(p);
SELECT lca(DISTINCT p), lca(p ORDER BY p DESC), lca(p) FILTER (WHERE depth(p) > 2) FROM (VALUES ('1.2.3'::refpath), ('1.2'), ('1.2.3'), ('1.2.3.4')) v(p);

-- an upper bound is not a path, here as elsewhere: it meets what it bounds
SELECT lca(p) FROM (VALUES (path_upper('1.2')), ('1.2.3'::refpath)) v(p);

-- a random tree
\set seed 0.27182
SELECT setseed(:seed);
CREATE TABLE tree (id integer, team integer, path refpath);
DO $$
DECLARE
	paths refpath[] := '{}';
	sponsor integer;
BEGIN
	FOR i IN 1..2000 LOOP
		sponsor := CASE WHEN i <= 2 THEN 0 ELSE ceil((i - 1) * (1 - 0.3 * random() * random())) END;
		paths := paths || CASE sponsor WHEN 0 THEN ARRAY[i * 1000]::bigint[]::refpath ELSE refpath_append(paths[sponsor], i::bigint * 1000) END;
	END LOOP;
	INSERT INTO tree SELECT i, 1 + i / 7, p FROM unnest(paths) WITH ORDINALITY AS u(p, i);
END $$;
INSERT INTO tree SELECT 2000 + i, i, NULL FROM generate_series(1, 400, 3) i;
ANALYZE tree;
SELECT count(*), count(path), max(depth(path)) > 50 AS deep FROM tree;

-- against the array form and against the fold of pairs, by group
CREATE VIEW by_team AS SELECT team, lca(path), lca(array_agg(path)) AS of_array FROM tree GROUP BY team;
SELECT count(*) AS teams, count(lca) AS with_paths, count(*) FILTER (WHERE lca IS DISTINCT FROM of_array) AS differ,
	count(*) FILTER (WHERE depth(lca) > 0) > 50 AS meet_below_the_top FROM by_team;
SELECT count(*) AS wrong FROM by_team b WHERE EXISTS (SELECT FROM tree t WHERE t.team = b.team AND NOT lca @> path);
SELECT count(*) AS not_lowest FROM by_team b WHERE lca IS NOT NULL AND depth(lca) <> (
	SELECT min(depth(lca(x.path, y.path))) FROM tree x, tree y WHERE x.team = b.team AND y.team = b.team);
SELECT count(*) AS differ FROM (SELECT team, lca(path ORDER BY id), lca(path ORDER BY id DESC) AS reversed FROM tree GROUP BY team) s WHERE lca IS DISTINCT FROM reversed;
SELECT grouping(g) AS all, count(*), count(lca(path)) OVER () AS groups FROM (SELECT team % 5 AS g, path FROM tree) t GROUP BY GROUPING SETS ((g), ()) ORDER BY 1, 2;

-- as a window
SELECT id, path, lca(path) OVER (ORDER BY id), lca(path) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS with_previous,
	lca(path) OVER (ORDER BY id ROWS BETWEEN 2 FOLLOWING AND 3 FOLLOWING) AS later
FROM (VALUES (1, '1.2.3.4'::refpath), (2, '1.2.3.5'), (3, NULL), (4, '1.2.3'), (5, '1.9'), (6, '1.9.7')) v(id, path) ORDER BY id;
SELECT count(*) AS differ FROM (
	SELECT lca(path) OVER w AS moving, lca(array_agg(path) OVER w) AS of_array FROM tree WINDOW w AS (PARTITION BY team % 3 ORDER BY id ROWS BETWEEN 5 PRECEDING AND 2 FOLLOWING)) s
WHERE moving IS DISTINCT FROM of_array;

-- in parallel: states are combined
SET parallel_setup_cost = 0; SET cpu_operator_cost = 1; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT lca(path) FROM tree;
SELECT lca(path) = (SELECT lca(array_agg(path)) FROM tree) AS same, depth(lca(path)) FROM tree;
SELECT lca(path) = (SELECT lca(array_agg(path)) FROM tree WHERE path || '' <@ 2000) AS same, depth(lca(path)) FROM tree WHERE path || '' <@ 2000;
SELECT lca(path) FROM tree WHERE path IS NULL;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT team, lca(path) FROM tree GROUP BY team;
SELECT count(*) AS groups, count(*) FILTER (WHERE p.lca IS DISTINCT FROM a.of_array) AS differ
FROM (SELECT team, lca(path) FROM tree GROUP BY team) p JOIN by_team a USING (team);
RESET enable_sort; RESET parallel_setup_cost; RESET cpu_operator_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;

-- partition-wise: partial states of partitions are combined
CREATE TABLE parted (team integer, path refpath) PARTITION BY HASH (team);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT team, path FROM tree;
ANALYZE parted;
SET enable_partitionwise_aggregate = on; SET max_parallel_workers_per_gather = 0;
EXPLAIN (COSTS OFF) SELECT lca(path) FROM parted;
SELECT lca(path) = (SELECT lca(array_agg(path)) FROM tree) AS same FROM parted;
RESET enable_partitionwise_aggregate; RESET max_parallel_workers_per_gather;

-- a million rows; a long path that is stored toasted
SELECT lca(('1.2.' || i)::refpath) FROM generate_series(3, 1000002) i;
CREATE TABLE toasted (id integer, path refpath);
INSERT INTO toasted SELECT i, refpath_append((SELECT array_agg(hashint8(j)::bigint + 3000000000 ORDER BY j) FROM generate_series(1, 3000) j)::refpath, i::bigint) FROM generate_series(1, 5) i;
SELECT pg_column_size(path) > 10000 AS out_of_line FROM toasted WHERE id = 1;
SELECT depth(lca(path)), lca(path) = (SELECT parent(path) FROM toasted WHERE id = 1) AS same FROM toasted;
SELECT lca(path) = (SELECT path FROM toasted WHERE id = 2) AS same FROM toasted WHERE id = 2;

DROP VIEW by_team;
DROP TABLE tree, parted, toasted;
