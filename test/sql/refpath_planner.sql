-- planner support of refpath: a team is a range of a B-tree
SET search_path = public, distributor;
-- a disabled scan costs so much that every query would be compiled
SET jit = off;

-- three levels below each of three roots, nine members under each
CREATE TABLE member (id bigint PRIMARY KEY, path refpath NOT NULL, state text NOT NULL);
INSERT INTO member SELECT a, refpath_append('', a), 'active' FROM generate_series(1, 3) a;
INSERT INTO member SELECT member_id(p), p, CASE WHEN member_id(p) % 3 = 0 THEN 'left' ELSE 'active' END
FROM (SELECT refpath_append(path, id * 10 + i) FROM member, generate_series(1, 9) i) s(p);
INSERT INTO member SELECT member_id(p), p, CASE WHEN member_id(p) % 3 = 0 THEN 'left' ELSE 'active' END
FROM (SELECT refpath_append(path, id * 10 + i) FROM member, generate_series(1, 9) i WHERE id > 3) s(p);
INSERT INTO member SELECT member_id(p), p, CASE WHEN member_id(p) % 3 = 0 THEN 'left' ELSE 'active' END
FROM (SELECT refpath_append(path, id * 10 + i) FROM member, generate_series(1, 9) i WHERE id > 100) s(p);
CREATE INDEX member_path ON member (path);
VACUUM ANALYZE member;
SET enable_seqscan = off; SET enable_bitmapscan = off;

-- a plan; newer servers add to it which nodes are disabled
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line NOT LIKE '%Disabled%' THEN
			RETURN NEXT line;
		END IF;
	END LOOP;
END $$;

-- operators, commutators, function forms
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path <@ '1.11';
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE '1.11' @> path;
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path << '1.11';
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE '1.11' >> path;
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE refpath_contained(path, '1.11');
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE refpath_contains('1.11', path);
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE refpath_below(path, '1.11');
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE refpath_above('1.11', path);
EXPLAIN (COSTS OFF) SELECT path FROM member WHERE path <@ '1.11' ORDER BY path LIMIT 3;
EXPLAIN (COSTS OFF) SELECT count(*) FROM member WHERE path <@ '';

-- not the other way: what lies above X is no range
SELECT pg_temp.plan($$SELECT id FROM member WHERE path @> '1.11'$$);
SELECT pg_temp.plan($$SELECT id FROM member WHERE '1.11' << path$$);
-- not a member anywhere in the path, not a column of the same table
SELECT pg_temp.plan($$SELECT id FROM member WHERE path <@ 11$$);
SELECT pg_temp.plan($$SELECT id FROM member WHERE path <@ parent(path)$$);
-- not a volatile expression, not a null
SELECT pg_temp.plan($$SELECT id FROM member WHERE path <@ (('1.' || floor(random() * 2 + 11))::refpath)$$);
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path <@ NULL::refpath;

-- results
SELECT count(*) FROM member WHERE path <@ '1.11';
SELECT count(*) FROM member WHERE path << '1.11';
SELECT count(*) FROM member WHERE '1.11' @> path;
SELECT count(*) FROM member WHERE path <@ '';
SELECT count(*) FROM member WHERE path << '';
SELECT count(*) FROM member WHERE path <@ '1.11.111.1111';
SELECT count(*) FROM member WHERE path << '1.11.111.1111';
SELECT count(*) FROM member WHERE path <@ '4';
SELECT count(*) FROM member WHERE refpath_below(path, '1.11');

-- a generic plan, a null parameter
SET plan_cache_mode = force_generic_plan;
PREPARE team(refpath) AS SELECT count(*) FROM member WHERE path <@ $1;
EXPLAIN (COSTS OFF) EXECUTE team('1.11');
EXECUTE team('1.11');
EXECUTE team('');
EXECUTE team(NULL);
DEALLOCATE team;
RESET plan_cache_mode;

-- joins and subqueries: the other table's path as the bound
EXPLAIN (COSTS OFF) SELECT a.id, count(*) FROM member a JOIN member b ON b.path <@ a.path WHERE a.id IN (1, 11, 111) GROUP BY a.id;
SELECT a.id, count(*) FROM member a JOIN member b ON b.path <@ a.path WHERE a.id IN (1, 11, 111) GROUP BY a.id ORDER BY a.id;
SELECT count(*) FROM member WHERE path <@ (SELECT path FROM member WHERE id = 11);
EXPLAIN (COSTS OFF) SELECT a.id, (SELECT count(*) FROM member b WHERE a.path >> b.path) FROM member a WHERE a.id = 11;
SELECT a.id, (SELECT count(*) FROM member b WHERE a.path >> b.path) FROM member a WHERE a.id = 11;

-- order comes with the range
EXPLAIN (COSTS OFF) SELECT path FROM member WHERE path <@ '1.11' ORDER BY path DESC LIMIT 3;
SELECT path FROM member WHERE path <@ '1.11' ORDER BY path DESC LIMIT 3;
EXPLAIN (COSTS OFF) SELECT path FROM member WHERE path <@ '1.11' OR path <@ '2.21';

-- partial, INCLUDE, descending and second columns
DROP INDEX member_path;
CREATE INDEX member_active ON member (path) WHERE state = 'active';
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path <@ '1.11' AND state = 'active';
SELECT count(*) FROM member WHERE path <@ '1.11' AND state = 'active';
DROP INDEX member_active;
CREATE INDEX member_include ON member (path DESC) INCLUDE (id);
VACUUM member;
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path <@ '1.11';
SELECT count(id), min(id), max(id) FROM member WHERE path <@ '1.11';
DROP INDEX member_include;
CREATE INDEX member_second ON member (state, path);
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE state = 'left' AND path << '1.11' ORDER BY path;
SELECT count(*) FROM member WHERE state = 'left' AND path << '1.11';
DROP INDEX member_second;

-- on an expression
CREATE INDEX member_sponsor ON member (parent(path));
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE parent(path) <@ '1.11';
SELECT count(*) FROM member WHERE parent(path) <@ '1.11';
DROP INDEX member_sponsor;

-- a domain, a partitioned table
CREATE DOMAIN path_domain AS refpath;
CREATE TABLE parts (path path_domain, n integer) PARTITION BY RANGE (n);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (1000);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (1000) TO (10000);
INSERT INTO parts SELECT path, id FROM member WHERE id < 10000;
CREATE INDEX ON parts (path);
EXPLAIN (COSTS OFF) SELECT n FROM parts WHERE path <@ '1.11';
SELECT count(*) FROM parts WHERE path <@ '1.11';
DROP TABLE parts;
DROP DOMAIN path_domain;

-- a hash or GiST index is not asked for ranges
CREATE INDEX member_hash ON member USING hash (path);
SELECT pg_temp.plan($$SELECT id FROM member WHERE path <@ '1.11'$$);
DROP INDEX member_hash;
CREATE INDEX member_gist ON member USING gist (path);
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path <@ '1.11';
DROP INDEX member_gist;

-- an operator class with another order gets no range
CREATE FUNCTION public.reverse_cmp(refpath, refpath) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT distributor.refpath_cmp($2, $1)';
CREATE OPERATOR CLASS public.reverse_ops FOR TYPE refpath USING btree AS
	OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 public.reverse_cmp(refpath, refpath);
CREATE INDEX member_reverse ON member (path reverse_ops);
SELECT pg_temp.plan($$SELECT id FROM member WHERE path <@ '1.11'$$);
DROP OPERATOR FAMILY public.reverse_ops USING btree CASCADE;
DROP FUNCTION public.reverse_cmp;

-- without the schema in search_path
CREATE INDEX member_path ON member (path);
SET search_path = public;
EXPLAIN (COSTS OFF) SELECT count(*) FROM member a JOIN member b ON b.path OPERATOR(distributor.<@) a.path WHERE a.id = 1;
SELECT count(*) FROM member a JOIN member b ON b.path OPERATOR(distributor.<@) a.path WHERE a.id = 1;

-- through a view, for a role that may not use the schema
BEGIN;
CREATE VIEW team_of_1 AS SELECT b.* FROM member a JOIN member b ON b.path OPERATOR(distributor.<@) a.path WHERE a.id = 1;
CREATE ROLE regress_refpath_reader;
GRANT SELECT ON team_of_1 TO regress_refpath_reader;
REVOKE USAGE ON SCHEMA distributor FROM PUBLIC;
SET ROLE regress_refpath_reader;
SELECT count(*) FROM team_of_1;
ROLLBACK;
DROP TABLE member;
