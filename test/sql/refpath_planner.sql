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

-- the other way: what lies above X is a list
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path @> '1.11';
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE '1.11' <@ path;
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path >> '1.11';
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE '1.11' << path;
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE refpath_contains(path, '1.11');
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE refpath_contained('1.11', path);
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE refpath_above(path, '1.11');
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE refpath_below('1.11', path);
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path @> '';
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path >> '';
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path >> path_upper('1.11');
-- not a member anywhere in the path, not a column of the same table
SELECT pg_temp.plan($$SELECT id FROM member WHERE path <@ 11$$);
SELECT pg_temp.plan($$SELECT id FROM member WHERE path <@ parent(path)$$);
-- not a volatile expression, not a null
SELECT pg_temp.plan($$SELECT id FROM member WHERE path <@ (('1.' || floor(random() * 2 + 11))::refpath)$$);
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path <@ NULL::refpath;
SELECT pg_temp.plan($$SELECT id FROM member WHERE path @> parent(path)$$);
SELECT pg_temp.plan($$SELECT id FROM member WHERE path >> (('1.' || floor(random() * 2 + 11))::refpath)$$);
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path @> NULL::refpath;

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
SELECT path FROM member WHERE path @> '1.11.111' ORDER BY path;
SELECT path FROM member WHERE path >> '1.11.111' ORDER BY path;
SELECT path FROM member WHERE path @> '1.11.7.8' ORDER BY path;
SELECT path FROM member WHERE path @> path_upper('1.11.111') ORDER BY path;
SELECT count(*) FROM member WHERE path @> '';
SELECT count(*) FROM member WHERE path >> '';

-- a constant too long to list while planning, one too long to list at all
CREATE FUNCTION pg_temp.deep(last integer) RETURNS text LANGUAGE sql IMMUTABLE AS
	$$ SELECT '1.11.111.' || string_agg(i::text, '.') FROM generate_series(10001, last) i $$;
SELECT regexp_replace(line, '[0-9.]{30,}', '...') AS line
FROM pg_temp.plan(format('SELECT id FROM member WHERE path @> %L', pg_temp.deep(10100))) line;
SELECT regexp_replace(line, '[0-9.]{30,}', '...') AS line
FROM pg_temp.plan(format('SELECT id FROM member WHERE path >> %L', pg_temp.deep(60000))) line;
SELECT id FROM member WHERE path @> (SELECT pg_temp.deep(10100)::refpath) ORDER BY id;
\set VERBOSITY sqlstate
SELECT id FROM member WHERE path @> (SELECT pg_temp.deep(60000)::refpath) ORDER BY id;
SELECT ancestors(pg_temp.deep(60000)::refpath);
\set VERBOSITY default

-- the lists themselves
SELECT ancestors('1.5.42'), ancestors_or_self('1.5.42'), ancestors(''), ancestors_or_self(''), ancestors(NULL), ancestors_or_self(NULL);
SELECT ancestors('240.67824.9223372036854775807'), ancestors(path_upper('1.5')), ancestors_or_self(path_upper('1.5')), ancestors_or_self(path_upper(''));
SELECT array_ndims(a), array_lower(a, 1), array_upper(a, 1), a = (SELECT array_agg(p ORDER BY p) FROM unnest(a) p) AS sorted, array_send(a) = array_send((SELECT array_agg(p) FROM unnest(a) p)) AS same
FROM ancestors_or_self('1.300.70000.20000000.5000000000') a;
SELECT count(*) AS pairs, count(*) FILTER (WHERE (a.path @> b.path) <> (a.path = ANY (ancestors_or_self(b.path)))
	OR (a.path >> b.path) <> (a.path = ANY (ancestors(b.path)))) AS differ
FROM member a, member b WHERE a.id < 300 AND b.id % 7 = 0;

-- a generic plan, a null parameter
SET plan_cache_mode = force_generic_plan;
PREPARE team(refpath) AS SELECT count(*) FROM member WHERE path <@ $1;
EXPLAIN (COSTS OFF) EXECUTE team('1.11');
EXECUTE team('1.11');
EXECUTE team('');
EXECUTE team(NULL);
DEALLOCATE team;
PREPARE above(refpath) AS SELECT count(*) FROM member WHERE path >> $1;
EXPLAIN (COSTS OFF) EXECUTE above('1.11.111');
EXECUTE above('1.11.111');
EXECUTE above('');
EXECUTE above(NULL);
DEALLOCATE above;
RESET plan_cache_mode;

-- joins and subqueries: the other table's path as the bound
EXPLAIN (COSTS OFF) SELECT a.id, count(*) FROM member a JOIN member b ON b.path <@ a.path WHERE a.id IN (1, 11, 111) GROUP BY a.id;
SELECT a.id, count(*) FROM member a JOIN member b ON b.path <@ a.path WHERE a.id IN (1, 11, 111) GROUP BY a.id ORDER BY a.id;
SELECT count(*) FROM member WHERE path <@ (SELECT path FROM member WHERE id = 11);
EXPLAIN (COSTS OFF) SELECT a.id, (SELECT count(*) FROM member b WHERE a.path >> b.path) FROM member a WHERE a.id = 11;
SELECT a.id, (SELECT count(*) FROM member b WHERE a.path >> b.path) FROM member a WHERE a.id = 11;

EXPLAIN (COSTS OFF) SELECT a.id, b.id FROM member a JOIN member b ON b.path @> a.path WHERE a.id IN (1, 11, 1111);
SELECT a.id, array_agg(b.id ORDER BY b.id) FROM member a JOIN member b ON b.path @> a.path WHERE a.id IN (1, 11, 1111) GROUP BY a.id ORDER BY a.id;
-- through a member: by its path, which an init plan looks up
SELECT replace(line, '(InitPlan 1).col1', '$0') AS line
FROM pg_temp.plan('SELECT count(*) FROM member WHERE path <@ (SELECT m.path FROM member m WHERE m.id = 11)') line WHERE line ~ 'Index';
SELECT count(*), count(*) FILTER (WHERE path <@ 11) FROM member WHERE path <@ (SELECT m.path FROM member m WHERE m.id = 11);
SELECT count(*) FROM member WHERE path <@ 11;

-- order comes with the range
EXPLAIN (COSTS OFF) SELECT path FROM member WHERE path <@ '1.11' ORDER BY path DESC LIMIT 3;
SELECT path FROM member WHERE path <@ '1.11' ORDER BY path DESC LIMIT 3;
EXPLAIN (COSTS OFF) SELECT path FROM member WHERE path <@ '1.11' OR path <@ '2.21';

-- and with the list, either way
EXPLAIN (COSTS OFF) SELECT path FROM member WHERE path @> '1.11.111' ORDER BY path;
EXPLAIN (COSTS OFF) SELECT path FROM member WHERE path @> '1.11.111' ORDER BY path DESC;
SELECT path FROM member WHERE path @> '1.11.111' ORDER BY path DESC;

-- partial, INCLUDE, descending and second columns
DROP INDEX member_path;
CREATE INDEX member_active ON member (path) WHERE state = 'active';
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path <@ '1.11' AND state = 'active';
SELECT count(*) FROM member WHERE path <@ '1.11' AND state = 'active';
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path >> '1.11.111' AND state = 'active';
SELECT id FROM member WHERE path >> '1.11.111' AND state = 'active' ORDER BY path;
DROP INDEX member_active;
CREATE INDEX member_include ON member (path DESC) INCLUDE (id);
VACUUM member;
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path <@ '1.11';
SELECT count(id), min(id), max(id) FROM member WHERE path <@ '1.11';
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path @> '1.11.111' ORDER BY path;
SELECT id FROM member WHERE path @> '1.11.111' ORDER BY path;
DROP INDEX member_include;
CREATE INDEX member_second ON member (state, path);
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE state = 'left' AND path << '1.11' ORDER BY path;
SELECT count(*) FROM member WHERE state = 'left' AND path << '1.11';
-- no list on a column that does not lead: rows would come out of order
EXPLAIN (COSTS OFF) SELECT state, path FROM member WHERE state > 'a' AND path @> '1.12.123' ORDER BY state, path;
SELECT state, path FROM member WHERE state > 'a' AND path @> '1.12.123' ORDER BY state, path;
DROP INDEX member_second;
CREATE INDEX member_first ON member (path, state);
EXPLAIN (COSTS OFF) SELECT path, state FROM member WHERE path @> '1.12.123' AND state > 'a' ORDER BY path, state;
SELECT path, state FROM member WHERE path @> '1.12.123' AND state > 'a' ORDER BY path, state;
SELECT path, state FROM member WHERE path @> '1.12.123' AND state IN ('left', 'active') ORDER BY path, state;
SELECT path FROM member WHERE path @> '1.12.123' AND path @> '1.12.124' ORDER BY path, state;
DROP INDEX member_first;

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
SELECT pg_temp.plan($$SELECT id FROM member WHERE path @> '1.11'$$);
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
SELECT pg_temp.plan($$SELECT id FROM member WHERE path @> '1.11'$$);
DROP OPERATOR FAMILY public.reverse_ops USING btree CASCADE;
DROP FUNCTION public.reverse_cmp;

-- one with our order and not all operators gets what it has operators for
CREATE OPERATOR CLASS public.part_ops FOR TYPE refpath USING btree AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 refpath_cmp(refpath, refpath);
CREATE INDEX member_part ON member (path part_ops);
SELECT pg_temp.plan($$SELECT id FROM member WHERE path <@ '1.11'$$);
EXPLAIN (COSTS OFF) SELECT id FROM member WHERE path >> '1.11';
DROP OPERATOR FAMILY public.part_ops USING btree CASCADE;

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
