-- joins, grouping, DISTINCT, partitions: what the operator classes of refpath
-- give the planner, each answer against the same over bigint[]
SET search_path = public, distributor;
\pset null (null)
SET jit = off; SET max_parallel_workers_per_gather = 0; SET work_mem = '4MB';

-- three teams of 729 members, ids of two and three bytes; orders of some, of
-- nobody, and of unknown members
\set seed 0.57721
SELECT setseed(:seed);
CREATE TABLE member (id integer PRIMARY KEY, path refpath, ids bigint[]);
INSERT INTO member (id, path)
WITH RECURSIVE tree AS (
	SELECT i AS id, ARRAY[i]::bigint[]::refpath AS path FROM generate_series(1, 3) i
	UNION ALL SELECT tree.id * 3 + j, refpath_append(tree.path, (tree.id * 3 + j)::bigint) FROM tree, generate_series(1, 3) j WHERE tree.id <= 1092 AND depth(tree.path) < 7)
SELECT DISTINCT ON (path) id, path FROM tree ORDER BY path;
UPDATE member SET ids = path;
CREATE TABLE sale (id integer, path refpath, ids bigint[]);
INSERT INTO sale SELECT i, path, ids FROM (SELECT i, 1 + floor(random() * 3279)::int AS m FROM generate_series(1, 5000) i) r JOIN member ON member.id = m;
INSERT INTO sale SELECT 6000 + i, path, path FROM generate_series(1, 20) i, LATERAL (SELECT ('9999.' || i)::refpath) p(path);
INSERT INTO sale SELECT 7000 + i, NULL, NULL FROM generate_series(1, 10) i;
INSERT INTO member VALUES (9001, '', '{}'), (9002, NULL, NULL);
INSERT INTO sale VALUES (7100, '', '{}');
ANALYZE member, sale;
SELECT (SELECT count(*) FROM member) AS members, (SELECT count(*) FROM sale) AS sales, (SELECT count(DISTINCT path) FROM sale) > 2000 AS many;

-- what every join has to give: pairs and a digest of them, from arrays
CREATE VIEW joined AS SELECT m.id AS m, s.id AS s FROM member m JOIN sale s ON m.path = s.path;
CREATE VIEW left_joined AS SELECT m.id AS m, s.id AS s FROM sale s LEFT JOIN member m ON m.path = s.path;
CREATE VIEW full_joined AS SELECT m.id AS m, s.id AS s FROM sale s FULL JOIN member m ON m.path = s.path;
CREATE VIEW semi_joined AS SELECT m.id AS m, 0 AS s FROM member m WHERE EXISTS (SELECT FROM sale s WHERE s.path = m.path);
CREATE VIEW anti_joined AS SELECT m.id AS m, 0 AS s FROM member m WHERE NOT EXISTS (SELECT FROM sale s WHERE s.path = m.path);
CREATE TABLE expected AS
	SELECT 'joined' AS query, m.id AS m, s.id AS s FROM member m JOIN sale s ON m.ids = s.ids
	UNION ALL SELECT 'left_joined', m.id, s.id FROM sale s LEFT JOIN member m ON m.ids = s.ids
	UNION ALL SELECT 'full_joined', m.id, s.id FROM sale s FULL JOIN member m ON m.ids = s.ids
	UNION ALL SELECT 'semi_joined', m.id, 0 FROM member m WHERE EXISTS (SELECT FROM sale s WHERE s.ids = m.ids)
	UNION ALL SELECT 'anti_joined', m.id, 0 FROM member m WHERE NOT EXISTS (SELECT FROM sale s WHERE s.ids = m.ids);
CREATE FUNCTION pg_temp.joins(OUT query text, OUT plan text, OUT rows bigint, OUT differ bigint) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOREACH query IN ARRAY '{joined,left_joined,full_joined,semi_joined,anti_joined}'::text[] LOOP
		plan := NULL;
		FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) SELECT * FROM ' || query LOOP
			plan := coalesce(plan, substring(line FROM '(Hash|Merge|Nested) ') || ' ' || coalesce(substring(line FROM '(?:Join|Loop)'), ''));
		END LOOP;
		EXECUTE format('SELECT count(*), (SELECT count(*) FROM ((TABLE %1$I EXCEPT ALL SELECT m, s FROM expected WHERE query = %1$L)
			UNION ALL (SELECT m, s FROM expected WHERE query = %1$L EXCEPT ALL TABLE %1$I)) d) FROM %1$I', query) INTO rows, differ;
		RETURN NEXT;
	END LOOP;
END $$;
CREATE FUNCTION pg_temp.plan_lines(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || query;
END $$;
SET enable_mergejoin = off; SET enable_nestloop = off;
SELECT * FROM pg_temp.joins();
SET work_mem = '64kB';
SELECT * FROM pg_temp.joins();
SET work_mem = '4MB';
SET enable_mergejoin = on; SET enable_hashjoin = off;
SELECT * FROM pg_temp.joins();
CREATE INDEX member_path ON member (path);
CREATE INDEX sale_path ON sale (path);
SET enable_sort = off; SET enable_seqscan = off; SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM joined;
SELECT * FROM pg_temp.joins();
RESET enable_sort; RESET enable_seqscan; RESET enable_bitmapscan; RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_nestloop;
DROP INDEX member_path, sale_path;

-- the planner may turn a join by = around and derive a third equality
EXPLAIN (COSTS OFF) SELECT count(*) FROM member m JOIN sale s ON s.path = m.path WHERE m.path = '1.4';
SELECT count(*) = (SELECT count(*) FROM sale WHERE ids = '{1,4}') AS same, count(*) > 0 AS some FROM member m JOIN sale s ON s.path = m.path WHERE m.path = '1.4';

-- grouping, by hash and by sort; spilled too
CREATE VIEW grouped AS SELECT path::text, count(*) FROM sale GROUP BY path;
CREATE TABLE expected_groups AS SELECT array_to_string(ids, '.') AS path, count(*) FROM sale GROUP BY ids;
CREATE FUNCTION pg_temp.groups_differ() RETURNS bigint LANGUAGE sql AS
$$ SELECT count(*) FROM ((TABLE grouped EXCEPT ALL TABLE expected_groups) UNION ALL (TABLE expected_groups EXCEPT ALL TABLE grouped)) d $$;
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT path, count(*) FROM sale GROUP BY path;
SELECT pg_temp.groups_differ();
SET work_mem = '64kB';
SELECT pg_temp.groups_differ();
SELECT count(*) FROM (SELECT DISTINCT path FROM sale) d;
SET work_mem = '4MB'; RESET enable_sort; SET enable_hashagg = off;
EXPLAIN (COSTS OFF) SELECT path, count(*) FROM sale GROUP BY path;
SELECT pg_temp.groups_differ();
SELECT count(*) FROM (SELECT DISTINCT path FROM sale) d;
RESET enable_hashagg;
SELECT count(*) FROM (SELECT path FROM member INTERSECT SELECT path FROM sale) i;
SELECT count(*) = (SELECT count(*) FROM expected WHERE query = 'anti_joined' AND m <> 9002) AS same FROM (SELECT path FROM member EXCEPT SELECT path FROM sale) e;
SELECT count(DISTINCT path), count(DISTINCT ids) FROM sale;
-- hashed: a list, a subquery, a memoized loop, a recursive union
SELECT count(*) FROM sale WHERE path IN ('1.4', '1.5', '2.7', '', '9999.3', '1.4.13', '1.4.14', '1.4.15', '3', NULL);
SELECT count(*) FROM sale WHERE ids IN ('{1,4}', '{1,5}', '{2,7}', '{}', '{9999,3}', '{1,4,13}', '{1,4,14}', '{1,4,15}', '{3}', NULL);
SELECT count(*) FROM member WHERE path NOT IN (SELECT path FROM sale WHERE path IS NOT NULL);
WITH RECURSIVE up(path) AS (SELECT path FROM sale UNION SELECT parent(path) FROM up) SELECT count(*), count(path) FROM up;
CREATE INDEX member_path ON member (path);
SET enable_hashjoin = off; SET enable_mergejoin = off;
SELECT trim(line) FROM pg_temp.plan_lines('SELECT count(*) FROM sale s JOIN member m ON m.path = s.path') line WHERE line ~ 'Memoize|Key|Cond';
SELECT * FROM pg_temp.joins() WHERE query = 'joined';
RESET enable_hashjoin; RESET enable_mergejoin;
DROP INDEX member_path;

-- hash partitions: a row lies where its hash says, = finds it there
CREATE TABLE by_hash (id integer, path refpath, PRIMARY KEY (path)) PARTITION BY HASH (path);
SELECT format('CREATE TABLE by_hash_%s PARTITION OF by_hash FOR VALUES WITH (MODULUS 4, REMAINDER %1$s)', i) FROM generate_series(0, 3) i \gexec
INSERT INTO by_hash SELECT id, path FROM member WHERE path IS NOT NULL;
ANALYZE by_hash;
SELECT tableoid::regclass AS partition, count(*) BETWEEN 700 AND 940 AS about_a_quarter,
	bool_and(satisfies_hash_partition('by_hash'::regclass, 4, right(tableoid::regclass::text, 1)::int, path)) AS belongs FROM by_hash GROUP BY 1 ORDER BY 1;
EXPLAIN (COSTS OFF) SELECT * FROM by_hash WHERE path = '1.5.42';
EXPLAIN (COSTS OFF) SELECT * FROM by_hash WHERE path = ANY ('{1.5.42,1.5.16}');
SELECT count(*) FROM member m WHERE path IS NOT NULL AND NOT EXISTS (SELECT FROM by_hash b WHERE b.path = m.path AND b.id = m.id);
\set VERBOSITY sqlstate
INSERT INTO by_hash SELECT 1, '1.5.16';
INSERT INTO by_hash SELECT 1, NULL;
INSERT INTO by_hash_0 SELECT id, path FROM by_hash_1 LIMIT 1;
\set VERBOSITY default
UPDATE by_hash SET path = graft(path, '1.5', '2.7.1005') WHERE path <@ '1.5';
SELECT count(*), bool_and(satisfies_hash_partition('by_hash'::regclass, 4, right(tableoid::regclass::text, 1)::int, path)) AS belongs FROM by_hash WHERE path <@ '2.7.1005';
CREATE TABLE sale_by_hash (id integer, path refpath) PARTITION BY HASH (path);
SELECT format('CREATE TABLE sale_by_hash_%s PARTITION OF sale_by_hash FOR VALUES WITH (MODULUS 4, REMAINDER %1$s)', i) FROM generate_series(0, 3) i \gexec
INSERT INTO sale_by_hash SELECT id, path FROM sale;
ANALYZE sale_by_hash;
SET enable_partitionwise_join = on; SET enable_partitionwise_aggregate = on; SET enable_mergejoin = off; SET enable_nestloop = off; SET enable_sort = off;
SELECT count(*) AS joins FROM (SELECT pg_temp.plan_lines('SELECT count(*) FROM by_hash b JOIN sale_by_hash s ON s.path = b.path')) p(line) WHERE line LIKE '%Hash Join%';
SELECT count(*) = (SELECT count(*) FROM by_hash b JOIN sale s ON s.path = b.path) AS same FROM by_hash b JOIN sale_by_hash s ON s.path = b.path;
SELECT count(*) = (SELECT count(*) FROM expected_groups) AS same FROM (SELECT path, count(*) FROM sale_by_hash GROUP BY path) g;
RESET enable_partitionwise_join; RESET enable_partitionwise_aggregate; RESET enable_mergejoin; RESET enable_nestloop; RESET enable_sort;

-- range partitions: a team is a range, so a big team can have a partition of
-- its own.  The bounds are the member and the next sibling id, or the next but
-- one where that is in the path already: the range is exact all the same.
CREATE TABLE by_team (id integer, path refpath) PARTITION BY RANGE (path);
CREATE TABLE team_none PARTITION OF by_team FOR VALUES FROM ('') TO ('1');
CREATE TABLE team_1 PARTITION OF by_team FOR VALUES FROM ('1') TO ('2');
CREATE TABLE team_2 PARTITION OF by_team FOR VALUES FROM ('2') TO ('3') PARTITION BY RANGE (path);
CREATE TABLE team_2_early PARTITION OF team_2 FOR VALUES FROM (MINVALUE) TO ('2.8');
CREATE TABLE team_2_8 PARTITION OF team_2 FOR VALUES FROM ('2.8') TO ('2.9');
CREATE TABLE team_2_late PARTITION OF team_2 FOR VALUES FROM ('2.9') TO (MAXVALUE);
CREATE TABLE team_3 PARTITION OF by_team FOR VALUES FROM ('3') TO ('4');
INSERT INTO by_team SELECT id, path FROM member WHERE path IS NOT NULL;
CREATE INDEX ON by_team (path);
ANALYZE by_team;
SELECT tableoid::regclass AS partition, count(*), count(*) FILTER (WHERE path <@ '2.8') AS below_2_8 FROM by_team GROUP BY 1 ORDER BY 1;
SELECT relname, pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid IN ('team_2'::regclass, 'team_2_8'::regclass) ORDER BY relname;

-- what is asked in terms of the order looks into the partitions concerned only
CREATE FUNCTION pg_temp.looks_into(condition text) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(m[1], ' ' ORDER BY n) FROM pg_temp.plan_lines('SELECT id FROM by_team WHERE ' || condition) WITH ORDINALITY AS l(line, n), regexp_matches(line, 'on (team_\w+)') m $$;
SET enable_indexscan = off; SET enable_bitmapscan = off;
SELECT c AS condition, pg_temp.looks_into(c) FROM unnest(ARRAY['path = ''2.8.26''', 'path >= ''2.8'' AND path < path_upper(''2.8'')', 'path < ''1''', 'path > ''3.12''',
	'path >= ''2'' AND path < path_upper(''2'')', 'path IN (''1.4'', ''3.10'')', 'path >= ''1.4'' AND path <= ''2.7''']) c;
RESET enable_indexscan; RESET enable_bitmapscan;
SET enable_seqscan = off; SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM by_team ORDER BY path LIMIT 10;
SELECT count(*), count(*) FILTER (WHERE path < before) AS unordered FROM (SELECT path, lag(path) OVER () AS before FROM (SELECT path FROM by_team ORDER BY path) o) s;
RESET enable_seqscan; RESET enable_bitmapscan;
SELECT q, (SELECT count(*) FROM by_team WHERE path <@ q) AS rows,
	(SELECT count(*) FROM by_team WHERE path <@ q) = (SELECT count(*) FROM member WHERE ids[1:depth(q)] = q::bigint[]) AS same
FROM unnest('{"",1,2,2.8,2.8.26,3,4}'::refpath[]) q;

-- a moved team goes to the partition of its new upline
SELECT tableoid::regclass AS partition, count(*) FROM by_team WHERE path <@ 10 GROUP BY 1;
UPDATE by_team SET path = graft(path, '3', '2.8.26') WHERE path <@ '3.10';
SELECT tableoid::regclass AS partition, count(*) FROM by_team WHERE path <@ 10 GROUP BY 1;

-- overlap is refused, by the order of paths; so is a row of another team
\set VERBOSITY sqlstate
CREATE TABLE team_overlap PARTITION OF by_team FOR VALUES FROM ('2.7.22') TO ('2.7.23');
CREATE TABLE team_empty PARTITION OF by_team FOR VALUES FROM ('5.1') TO ('5');
INSERT INTO team_3 VALUES (1, '2.8.1');
INSERT INTO by_team VALUES (1, '4');
INSERT INTO by_team VALUES (1, NULL);
\set VERBOSITY default
CREATE TABLE team_other PARTITION OF by_team DEFAULT;
INSERT INTO by_team VALUES (1, '4'), (1, '9223372036854775807'), (1, NULL);
SELECT tableoid::regclass AS partition, array_agg(path ORDER BY path) FROM by_team WHERE path >= '4' OR path IS NULL GROUP BY 1;

-- list partitions
CREATE TABLE by_list (path refpath) PARTITION BY LIST (path);
CREATE TABLE by_list_top PARTITION OF by_list FOR VALUES IN ('', '1', '2');
CREATE TABLE by_list_rest PARTITION OF by_list DEFAULT;
INSERT INTO by_list SELECT path FROM member WHERE depth(path) < 2;
SELECT tableoid::regclass AS partition, array_agg(path ORDER BY path) FROM by_list GROUP BY 1 ORDER BY 1;
EXPLAIN (COSTS OFF) SELECT * FROM by_list WHERE path = '2';

DROP VIEW joined, left_joined, full_joined, semi_joined, anti_joined, grouped;
DROP TABLE member, sale, expected, expected_groups, by_hash, sale_by_hash, by_team, by_list;
