-- uplines(): the members above, nearest first
SET search_path = public, distributor;
\pset null (null)

SELECT * FROM uplines('1.5.42.300');
SELECT * FROM uplines('1.5.42.300', NULL);
SELECT * FROM uplines('1.5.42.300', 2);
SELECT * FROM uplines('1.5.42.300', 2147483647);
SELECT * FROM uplines('1.5.42.300', max_levels => 1);
SELECT * FROM uplines('1.5.42.300', 0);
SELECT * FROM uplines('7');
SELECT * FROM uplines('');
SELECT * FROM uplines('', 5);
SELECT * FROM uplines(NULL);
SELECT * FROM uplines(NULL, 5);
\set VERBOSITY sqlstate
SELECT * FROM uplines('1.5', -1);
SELECT * FROM uplines(NULL, -1);
SELECT * FROM uplines('1.5', -2147483648);
SELECT * FROM uplines(path_upper('1.5'));
\set VERBOSITY default
SELECT * FROM uplines('1.5', -1);

-- the same numbers as upline() and level_of()
SELECT u.*, u.member_id = upline(p, u.level) AS upline, u.level = level_of(p, u.member_id) AS level_of
FROM (SELECT '9223372036854775807.0.239.240.2288'::refpath AS p) s, uplines(p) u;

-- in the select list, twice, under LIMIT, WITH ORDINALITY, joined
SELECT uplines('1.5.42');
SELECT (uplines('1.5.42')).*;
SELECT uplines('1.5.42.300', 2), uplines('1.5');
SELECT uplines('1.5.42') LIMIT 1;
SELECT * FROM uplines('1.5.42.300') LIMIT 1;
SELECT * FROM uplines('1.5.42.300') WITH ORDINALITY;
SELECT * FROM ROWS FROM (uplines('1.5.42.300'), uplines('7.8'));
SELECT path, level, member_id FROM unnest('{1.2,NULL,1,1.2.3,""}'::refpath[]) path LEFT JOIN LATERAL uplines(path) ON true;
SELECT path, n, (SELECT string_agg(member_id::text, ',' ORDER BY level) FROM uplines(path, n))
FROM unnest('{1.2.3.4,5.6}'::refpath[]) path, unnest('{0,1,2,NULL}'::int[]) n;

-- a rewound cursor
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT level, member_id FROM uplines('1.5.42.300');
FETCH 2 FROM c;
MOVE ABSOLUTE 0 IN c;
FETCH ALL FROM c;
FETCH BACKWARD 1 FROM c;
COMMIT;
BEGIN;
DECLARE c CURSOR FOR SELECT uplines('1.5.42.300');
FETCH 1 FROM c;
COMMIT;

-- the greatest depth, with little memory; many calls
SET work_mem = '64kB';
SELECT count(*), min(level), max(level), min(member_id), max(member_id)
FROM uplines((SELECT string_agg(i::text, '.' ORDER BY i) FROM generate_series(1, 65535) i)::refpath);
SELECT count(*), sum(level) FROM generate_series(4, 100003) i, uplines(('1.2.3.' || i)::refpath);
RESET work_mem;

-- rows that the planner expects
CREATE FUNCTION pg_temp.expected_rows(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		IF line LIKE '%Function Scan on uplines%' THEN
			RETURN substring(line FROM 'rows=\d+');
		END IF;
	END LOOP;
END $$;
CREATE TEMP TABLE member (path refpath);
SELECT q, pg_temp.expected_rows('SELECT * FROM ' || q) FROM unnest(ARRAY['uplines(''1.5.42.300'')', 'uplines(''1.5.42.300'', 2)', 'uplines(''1.5.42.300'', 9)',
	'uplines(''1.5.42.300''::text::refpath)', 'uplines(''7'')', 'uplines('''')', 'member, uplines(path)', 'member, uplines(path, 3)', 'member, uplines(path, 30)', 'member, uplines(path, -1)']) q;
