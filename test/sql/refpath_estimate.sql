-- estimates of refpath's operators, beside what is there
SET search_path = public, distributor;
SET max_parallel_workers_per_gather = 0;
SET jit = off;

-- 20,000 members: some come alone, some to those with many recruits, some to
-- recent ones.  ANALYZE reads all of them, so that its statistics are always
-- the same.
CREATE TABLE member (id bigint PRIMARY KEY, path refpath NOT NULL);
DO $$
DECLARE
	paths refpath[];
	u float8;
BEGIN
	FOR i IN 1..20000 LOOP
		u := (i * 2654435761 % 4294967296) / 4294967296.0;
		paths[i] := refpath_append(CASE WHEN i % 50 = 1 THEN ''::refpath
			WHEN i % 2 = 0 THEN paths[1 + floor(u * u * (i - 1))]
			ELSE paths[i - 1 - floor(u * (i - 1) / 10)] END, i::bigint);
	END LOOP;
	INSERT INTO member SELECT i, paths[i] FROM generate_series(1, 20000) i;
END $$;
CREATE INDEX member_path ON member (path);
VACUUM ANALYZE member;
SELECT count(*), round(avg(depth(path)), 2) AS depth, max(depth(path)) FROM member;

-- rows that the planner expects of a query's last step, or of the first of
-- its steps that looks like this
CREATE FUNCTION pg_temp.expected(query text, step text DEFAULT '') RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		IF line LIKE '%' || step || '%' AND line LIKE '%rows=%' THEN
			RETURN substring(line FROM 'rows=(\d+)');
		END IF;
	END LOOP;
END $$;
CREATE FUNCTION pg_temp.actual(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	result numeric;
BEGIN
	EXECUTE 'SELECT count(*) FROM (' || query || ') q' INTO result;
	RETURN result;
END $$;
-- by which factor an estimate is off, either way
CREATE FUNCTION pg_temp.off_by(expected numeric, actual numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS
	$$ SELECT round(greatest(expected, 1) / greatest(actual, 1), 2) $$;

CREATE TEMP TABLE team AS
	SELECT a.id, a.path, count(*) AS size FROM member a JOIN member b ON b.path >= a.path AND b.path < path_upper(a.path)
	WHERE a.id % 20 = 1 OR a.id <= 100 GROUP BY a.id, a.path;

-- teams beyond two buckets of the histogram (200 members each): within a
-- factor of 3, by every way to ask, in the query and in the index condition
SELECT ask, count(*), min(size), max(size), bool_and(factor BETWEEN 1 / 3.0 AND 3) AS within_3
FROM team, unnest('{path <@ %L,path << %L,%L @> path,%L >> path,refpath_contained(path\, %L),"refpath_above(%L, path)",path >= %1$L AND path < path_upper(%1$L)}'::text[]) ask,
	LATERAL (SELECT pg_temp.off_by(pg_temp.expected('SELECT * FROM member WHERE ' || format(ask, path)), size)) f(factor)
WHERE size > 400 GROUP BY ask ORDER BY ask COLLATE "C";
SET enable_seqscan = off; SET enable_indexscan = off;
SELECT count(*), bool_and(factor BETWEEN 1 / 3.0 AND 3) AS within_3
FROM team, LATERAL (SELECT pg_temp.off_by(pg_temp.expected(format('SELECT * FROM member WHERE path <@ %L', path), 'Bitmap Index Scan on member_path'), size)) f(factor)
WHERE size > 400;
RESET enable_seqscan; RESET enable_indexscan;
-- the same through a member
SELECT ask, count(*), bool_and(factor BETWEEN 1 / 3.0 AND 3) AS within_3
FROM team, unnest('{path <@ %s,%s @> path,refpath_through(path\, %s),"member_on_path(%s, path)"}'::text[]) ask,
	LATERAL (SELECT pg_temp.off_by(pg_temp.expected('SELECT * FROM member WHERE ' || format(ask, id)), size)) f(factor)
WHERE size > 400 GROUP BY ask ORDER BY ask COLLATE "C";
-- smaller ones: the average path's length where no bound of the histogram is
-- in the team, which is the most frequent answer, and at most two buckets
SELECT mode() WITHIN GROUP (ORDER BY expected), min(expected), max(expected) <= 400 AS at_most_two_buckets
FROM team, LATERAL (SELECT pg_temp.expected(format('SELECT * FROM member WHERE path <@ %L', path))) e(expected)
WHERE size <= 200;

-- uplines: as many as the path has members
SELECT ask, count(*), bool_and(expected = greatest(actual, 1)) AS exact
FROM team, unnest('{path @> %L,path >> %L,%L <@ path,refpath_contains(path\, %L)}'::text[]) ask,
	LATERAL (SELECT pg_temp.expected('SELECT * FROM member WHERE ' || format(ask, path)),
			 pg_temp.actual('SELECT * FROM member WHERE ' || format(ask, path))) e(expected, actual)
WHERE id % 1000 = 1 GROUP BY ask ORDER BY ask COLLATE "C";

-- the index is chosen, without any setting, for all but the largest teams, and
-- for uplines
CREATE FUNCTION pg_temp.scan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Scan using|Index Scan on|Seq Scan' THEN
			RETURN substring(line FROM '(Seq Scan|member_\w+)');
		END IF;
	END LOOP;
END $$;
SELECT kind, count(*), array_agg(DISTINCT pg_temp.scan(format(ask, path))) AS scans
FROM team, (VALUES ('1 small team', 'SELECT id FROM member WHERE path <@ %L', 1, 200),
	('2 larger team', 'SELECT id FROM member WHERE path <@ %L', 201, 4000),
	('3 most of the table', 'SELECT id FROM member WHERE path <@ %L', 15000, 20000),
	('4 count of a team', 'SELECT count(*) FROM member WHERE path <@ %L', 1, 4000),
	('5 uplines', 'SELECT id FROM member WHERE path @> %L', 1, 20000)) AS v(kind, ask, least, most)
WHERE size BETWEEN least AND most GROUP BY kind ORDER BY kind;

-- what is not known: the average, the same up and down
SET plan_cache_mode = force_generic_plan;
PREPARE team(refpath) AS SELECT * FROM member WHERE path <@ $1;
PREPARE below(refpath) AS SELECT * FROM member WHERE path << $1;
PREPARE above(refpath) AS SELECT * FROM member WHERE path @> $1;
PREPARE through(bigint) AS SELECT * FROM member WHERE path <@ $1;
PREPARE by_hand(refpath) AS SELECT * FROM member WHERE path >= $1 AND path < path_upper($1);
PREPARE any_range(refpath, refpath) AS SELECT * FROM member WHERE path >= $1 AND path < $2;
SELECT q, pg_temp.expected('EXECUTE ' || q) FROM unnest('{team(NULL),below(NULL),above(NULL),through(NULL),by_hand(NULL),"any_range(NULL, NULL)"}'::text[]) q;
SET enable_seqscan = off; SET enable_indexscan = off;
SELECT pg_temp.expected('EXECUTE team(NULL)', 'Bitmap Index Scan on member_path');
RESET enable_seqscan; RESET enable_indexscan;
DEALLOCATE ALL;
RESET plan_cache_mode;

-- other ranges are estimated as ranges of any type are
SELECT q, pg_temp.off_by(pg_temp.expected('SELECT * FROM member WHERE ' || q), pg_temp.actual('SELECT * FROM member WHERE ' || q)) BETWEEN 1 / 3.0 AND 3 AS within_3
FROM unnest(ARRAY['path >= ''51'' AND path < ''301''', 'path > ''51'' AND path <= ''301''', 'path < ''301''', 'path >= ''301''', 'path BETWEEN ''51'' AND ''301''']) q;

-- joins
CREATE TABLE leader (id bigint, path refpath);
INSERT INTO leader SELECT id, path FROM team WHERE size > 400;
ANALYZE leader;
SELECT q, pg_temp.off_by(pg_temp.expected('SELECT * FROM ' || q), pg_temp.actual('SELECT * FROM ' || q)) BETWEEN 1 / 3.0 AND 3 AS within_3
FROM unnest(ARRAY['member a JOIN member b ON b.path <@ a.path', 'member a JOIN member b ON a.path @> b.path', 'member a JOIN member b ON b.path << a.path',
	'leader a JOIN member b ON b.path <@ a.path', 'leader a JOIN member b ON refpath_contains(a.path, b.path)',
	'member a WHERE EXISTS (SELECT FROM leader b WHERE b.path >> a.path)']) q;
SELECT pg_temp.off_by(pg_temp.expected('SELECT * FROM member a JOIN member b ON b.path <@ a.id'), sum(depth(path))) BETWEEN 1 / 3.0 AND 3 AS within_3 FROM member;

-- nulls, few values that are common, a domain, an expression, no statistics
CREATE DOMAIN path_domain AS refpath;
CREATE TABLE sale (path refpath, copy path_domain);
INSERT INTO sale SELECT CASE WHEN id % 4 > 0 THEN refpath_append('1', id % 10) END, refpath_append('1', id % 10) FROM member WHERE id % 10 <> 1;
INSERT INTO sale SELECT '1', path FROM member WHERE id % 10 = 1;
ANALYZE sale;
SELECT q, pg_temp.off_by(pg_temp.expected('SELECT * FROM sale WHERE ' || q), pg_temp.actual('SELECT * FROM sale WHERE ' || q)) AS off_by
FROM unnest(ARRAY['path <@ ''1''', 'path << ''1''', 'path <@ ''1.3''', 'path @> ''1.3''', 'path >> ''1.3''', 'path <@ 3', 'copy <@ ''1.3''', 'copy @> ''1.3.5''']) q;
SELECT pg_temp.expected('SELECT * FROM sale WHERE path <@ NULL'), pg_temp.expected('SELECT * FROM sale WHERE path <@ path'),
	pg_temp.expected('SELECT * FROM sale WHERE parent(path) <@ ''1''');
CREATE TABLE unknown (path refpath);
INSERT INTO unknown SELECT path FROM member WHERE id <= 1000;
SELECT pg_temp.expected('SELECT * FROM unknown WHERE path <@ ''1''') BETWEEN 1 AND 20 AS few;

-- a column that holds upper bounds is planned and read
INSERT INTO sale SELECT path_upper(path) FROM member WHERE id % 10 = 1;
ANALYZE sale;
SELECT count(*) FROM sale WHERE path >> '1.2.3';
SELECT pg_temp.expected('SELECT * FROM sale WHERE path >> ''1.2.3''') > 0 AS planned, pg_temp.expected('SELECT * FROM sale WHERE path <@ 3') > 0 AS planned;

-- estimators on operators that they are not for
CREATE FUNCTION public.other_op(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1 < $2;
CREATE OPERATOR public.<<< (LEFTARG = text, RIGHTARG = text, FUNCTION = public.other_op, COMMUTATOR = OPERATOR(public.>>>),
	RESTRICT = distributor.refpath_containsel, JOIN = distributor.refpath_containjoinsel);
CREATE OPERATOR public.<<| (LEFTARG = text, RIGHTARG = text, FUNCTION = public.other_op, RESTRICT = distributor.refpath_ltsel);
CREATE FUNCTION public.other_path_op(refpath, text) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN $1::text < $2;
CREATE OPERATOR public.<<< (LEFTARG = refpath, RIGHTARG = text, FUNCTION = public.other_path_op, RESTRICT = distributor.refpath_containsel);
CREATE OPERATOR public.<<| (LEFTARG = refpath, RIGHTARG = text, FUNCTION = public.other_path_op, RESTRICT = distributor.refpath_ltsel);
SELECT pg_temp.expected('SELECT * FROM pg_catalog.generate_series(1, 20000) i WHERE i::text OPERATOR(public.<<<) ''x''') > 0 AS planned,
	pg_temp.expected('SELECT * FROM member WHERE path::text OPERATOR(public.<<|) ''x''') > 0 AS planned,
	pg_temp.expected('SELECT * FROM member WHERE path OPERATOR(public.<<<) ''x''::text') > 0 AS planned,
	pg_temp.expected('SELECT * FROM member WHERE path OPERATOR(public.<<|) ''x''::text') > 0 AS planned,
	pg_temp.expected('SELECT * FROM member a, member b WHERE a.path::text OPERATOR(public.<<<) b.path::text') > 0 AS planned;
DROP FUNCTION public.other_op, public.other_path_op CASCADE;

-- rows of functions: the average path, less its own member
SELECT q, pg_temp.expected('SELECT * FROM ' || q, 'Function Scan')
FROM unnest(ARRAY['member, uplines(path)', 'member, uplines(path, 3)', 'leader, uplines(path)', 'uplines(''1.2.3'')', 'uplines(NULL)',
	'commissions(''{"rules": [{"name": "a", "kind": "unilevel", "self": "1%", "levels": ["20%", "5%", "3%"]}]}'', NULL, 1)',
	'commissions(''{"rules": [{"name": "a", "kind": "unilevel", "self": "1%", "levels": ["20%", "5%", "3%"]}]}'', ''1.2'', 1)',
	'member, commissions(''{"rules": [{"name": "a", "kind": "unilevel", "levels": ["20%", "5%", "3%"]}]}'', path, 1)']) q;

-- support functions on functions that they are not for
CREATE FUNCTION public.other_uplines(integer, text) RETURNS SETOF integer LANGUAGE plpgsql IMMUTABLE SUPPORT distributor.refpath_uplines_support AS 'BEGIN RETURN; END';
CREATE FUNCTION public.other_commissions(integer, text) RETURNS SETOF integer LANGUAGE plpgsql IMMUTABLE SUPPORT distributor.commissions_support AS 'BEGIN RETURN; END';
SELECT pg_temp.expected('SELECT * FROM public.other_uplines(7, ''x'')') AS uplines, pg_temp.expected('SELECT * FROM public.other_commissions(7, ''x'')') AS commissions;
DROP FUNCTION public.other_uplines, public.other_commissions;

-- a role that may not see the values is given no estimate from them
CREATE ROLE regress_refpath_blind;
CREATE FUNCTION public.expected(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		RETURN substring(line FROM 'rows=(\d+)');
	END LOOP;
END $$;
CREATE POLICY nobody ON member TO regress_refpath_blind USING (id < 0);
ALTER TABLE member ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON member TO regress_refpath_blind;
SET ROLE regress_refpath_blind;
SELECT public.expected('SELECT * FROM member WHERE path <@ ''1''') < 20 AS blind;
RESET ROLE;
SELECT public.expected('SELECT * FROM member WHERE path <@ ''1''') < 20 AS blind;
DROP FUNCTION public.expected;
DROP TABLE member, leader, sale, unknown;
DROP DOMAIN path_domain;
DROP ROLE regress_refpath_blind;
