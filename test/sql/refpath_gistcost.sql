-- which index the planner takes where a column has both, without any setting
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
CREATE INDEX by_btree ON member (path);
CREATE INDEX by_gist ON member USING gist (path);
VACUUM ANALYZE member;
CREATE TABLE team AS
	SELECT a.id, a.path, count(*) AS size FROM member a JOIN member b ON b.path >= a.path AND b.path < path_upper(a.path)
	WHERE a.id % 20 = 1 OR a.id <= 100 GROUP BY a.id, a.path;
ANALYZE team;

-- the scan of "member" that a plan has, and what it costs
CREATE FUNCTION public.scan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ '(using|on) (by_|member_pkey)|Seq Scan on member' THEN
			RETURN substring(line FROM 'Seq Scan|by_\w+|member_pkey');
		END IF;
	END LOOP;
END $$;
CREATE FUNCTION public.cost_of(query text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan;
	RETURN plan->0->'Plan'->>'Total Cost';
END $$;

-- Teams and uplines by B-tree, which is the faster one for all of them,
-- whatever a page costs; all of most of the table by a sequential scan.
CREATE FUNCTION public.choices() RETURNS TABLE (kind text, teams bigint, scans text[]) LANGUAGE sql AS $$
	SELECT kind, count(*), array_agg(DISTINCT scan_of(format(ask, path)))
	FROM team, (VALUES ('1 small team', 'SELECT id FROM member WHERE path <@ %L', 1, 200),
		('2 larger team', 'SELECT id FROM member WHERE path << %L', 201, 4000),
		('3 most of the table', 'SELECT id FROM member WHERE path <@ %L', 15000, 20000),
		('4 count of a team', 'SELECT count(*) FROM member WHERE path <@ %L', 1, 4000),
		('5 uplines', 'SELECT id FROM member WHERE path @> %L', 1, 20000),
		('6 strict uplines', 'SELECT id FROM member WHERE path >> %L', 1, 20000),
		('7 count of uplines', 'SELECT count(*) FROM member WHERE path @> %L', 1, 20000)) AS v(kind, ask, least, most)
	WHERE size BETWEEN least AND most GROUP BY kind ORDER BY kind $$;
SELECT * FROM choices();
SET random_page_cost = 1.1;
SELECT * FROM choices();
RESET random_page_cost;

-- the same for a parameter, and for many members in one query
SET plan_cache_mode = force_generic_plan;
PREPARE team(refpath) AS SELECT id FROM member WHERE path <@ $1;
PREPARE team_count(refpath) AS SELECT count(*) FROM member WHERE path << $1;
PREPARE uplines(refpath) AS SELECT id FROM member WHERE path @> $1;
PREPARE uplines_count(refpath) AS SELECT count(*) FROM member WHERE path >> $1;
SELECT q, scan_of('EXECUTE ' || q) FROM unnest('{team(NULL),team_count(NULL),uplines(NULL),uplines_count(NULL)}'::text[]) q;
DEALLOCATE ALL;
RESET plan_cache_mode;
SELECT q, scan_of('SELECT count(m.id) FROM team t JOIN member m ON ' || q || ' WHERE t.id < 1000') AS scan
FROM unnest('{m.path <@ t.path,t.path >> m.path,m.path @> t.path,t.path << m.path}'::text[]) q;

-- GiST for what a B-tree cannot do
SET enable_seqscan = off;
SELECT scan_of($$SELECT id FROM member ORDER BY path <-> '1' LIMIT 10$$) AS nearest,
	scan_of($$SELECT id FROM member WHERE path <@ ANY ('{1.2,1.4}'::refpath[])$$) AS teams_of_several,
	scan_of('SELECT id FROM member WHERE path <@ 1') AS through_a_member;
RESET enable_seqscan;
-- where it reads the whole index, it is not taken for cheap
SELECT scan_of('SELECT id FROM member WHERE path <@ 1') AS through_a_member,
	scan_of($$SELECT id FROM member WHERE path <@ 1 AND id = 77$$) AS and_is_one,
	scan_of($$SELECT id FROM member WHERE path <@ 1 AND path <@ '1.2'$$) AS in_a_team;

-- alone, it serves them all, and most of the table is not its business
DROP INDEX by_btree;
SELECT * FROM choices();
-- more pages, more cost: uplines by how many they are, a team by its size
SELECT cost_of($$SELECT id FROM member WHERE path @> '1'$$) < cost_of($$SELECT id FROM member WHERE path @> '1.2.3.4'$$) AS deeper,
	cost_of($$SELECT id FROM member WHERE path @> '1.2.3.4'$$) < cost_of('SELECT id FROM member WHERE path <@ 1') AS all_of_it;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(*) FILTER (WHERE larger.cost < smaller.cost) AS cheaper_and_larger
FROM (SELECT size, cost_of(format('SELECT count(*) FROM member WHERE path <@ %L', path)) AS cost FROM team WHERE size > 400) larger,
	(SELECT size, cost_of(format('SELECT count(*) FROM member WHERE path <@ %L', path)) AS cost FROM team WHERE size > 400) smaller
WHERE larger.size > 3 * smaller.size;
RESET enable_seqscan;
RESET enable_bitmapscan;

-- a second column, no rows, a null: planned and run
CREATE INDEX by_both ON member USING gist (path) INCLUDE (id);
DROP INDEX by_gist;
SELECT scan_of($$SELECT id FROM member WHERE path @> '1.2.3'$$);
SELECT count(*) FROM member WHERE path @> NULL;
CREATE TABLE nobody (path refpath);
CREATE INDEX nobody_gist ON nobody USING gist (path);
SET enable_seqscan = off;
SELECT count(*) FROM nobody WHERE path @> '1.2.3';
SELECT count(*) FROM nobody WHERE path <@ 1;
RESET enable_seqscan;
DROP INDEX by_both;

-- in a session in which nothing has been asked of the extension yet
CREATE INDEX by_btree ON member (path);
CREATE INDEX by_gist ON member USING gist (path);
\c -
SELECT public.scan_of('SELECT m.id FROM public.team t JOIN public.member m ON m.path OPERATOR(distributor.@>) t.path WHERE t.id = 1');
\c -
SELECT public.scan_of('SELECT m.id FROM public.team t JOIN public.member m ON m.path OPERATOR(distributor.<@) t.path WHERE t.id = 1');
DROP TABLE public.member, public.team, public.nobody;
DROP FUNCTION public.scan_of, public.cost_of, public.choices;
