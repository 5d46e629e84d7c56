-- operators and functions of refpath
SET search_path = public, distributor;
\pset null (null)

CREATE FUNCTION pg_temp.outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	detail text;
BEGIN
	EXECUTE query INTO result;
	RETURN coalesce(result, 'null');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' | ', sqlstate, sqlerrm, nullif(detail, ''));
END $$;

-- members of a path
SELECT p, depth(p), member_id(p), sponsor_id(p), root_id(p), parent(p), upline(p, 0) AS up0, upline(p, 1) AS up1,
	upline(p, 2) AS up2, upline(p, 3) AS up3, upline(p, 2147483647) AS upmax
FROM unnest('{"",7,1.5,1.5.42,9223372036854775807.0.300.70000}'::refpath[]) AS p;
SELECT id, level_of('1.5.42.300', id) FROM unnest('{1,5,42,300,0,4,-1,256,9223372036854775807}'::bigint[]) AS id;
SELECT level_of('', 1);
SELECT pg_temp.outcome('SELECT upline(''1.5'', -1)');
SELECT pg_temp.outcome('SELECT upline(''1.5'', -2147483648)');
SELECT pg_temp.outcome('SELECT upline('''', -1)');

-- subpath counts as in ltree
SELECT pg_temp.outcome(format('SELECT quote_literal(subpath(''1.2.3.4'', %s))', args)) AS result, args
FROM unnest('{0,1,3,4,5,-1,-3,-4,-5,2147483647,-2147483648}'::text[]) AS args;
SELECT pg_temp.outcome(format('SELECT quote_literal(subpath(''1.2.3.4'', %s))', args)) AS result, args
FROM unnest(ARRAY['0, 0', '0, 1', '0, 4', '0, 5', '1, 2', '3, 1', '3, 2', '0, -1', '0, -4', '0, -5', '1, -1', '1, -3', '1, -4',
	'-1, 1', '-2, 1', '-2, 5', '-3, -1', '-4, -4', '-1, -2', '4, 0', '0, 2147483647', '3, 2147483647', '0, -2147483648',
	'2147483647, 2147483647', '-2147483648, -2147483648', '-2147483648, 2147483647']) AS args;
SELECT pg_temp.outcome('SELECT subpath('''', 0)'), pg_temp.outcome('SELECT subpath('''', 0, 0)');

-- lowest common ancestor
SELECT a, b, lca(a, b), lca(b, a), a <-> b AS distance
FROM (VALUES ('1.2.3', '1.2.4'), ('1.2', '1.2.4'), ('1', '1'), ('1', '2'), ('', '1.2'), ('', ''),
	('1.2287', '1.2286'), ('1.300.5', '1.301.5'), ('70000.1', '70001.1'), ('1.16845040', '1.16845039')) v(x, y),
	LATERAL (SELECT x::refpath AS a, y::refpath AS b) p;
SELECT paths, lca(paths::refpath[]) FROM unnest(ARRAY['{}', '{NULL}', '{NULL,NULL}', '{1.2.3}', '{1.2.3,NULL,1.2.4.5}',
	'{{1.2,1.2.3},{1.2.4,1}}', '[0:1]={1.2,1.3}', '{"",1}', '{1,2,3}', '{{{{{{1.7.2,1.7}}}}}}']) AS paths;
SELECT lca('{1.2.3,1.2.4}'::refpath[]);
SELECT lca(array_agg(('1.2.' || i)::refpath)) FROM generate_series(3, 1000002) i;
SELECT lca(NULL::refpath, '1'), lca(NULL::refpath[]);

-- appending
SELECT '1.2'::refpath || '3.4', refpath_append('1.2', 3), refpath_prepend(0, '1.2'), ''::refpath || '', refpath_append('', 5), refpath_prepend(5, ''),
	'1.2'::refpath || '', '' || '1.2'::refpath;
SELECT q, pg_temp.outcome('SELECT ' || q) FROM unnest(ARRAY['refpath_append(''1.2'', 2)', 'refpath_append(''1.2'', 1)', 'refpath_prepend(1, ''1.2'')',
	'refpath_prepend(2, ''1.2'')', '''1.2''::refpath || ''3.1''', '''1.2''::refpath || ''1.2''', 'refpath_append(''1'', -1)', 'refpath_prepend(-1, ''1'')',
	'refpath_append(''1'', 9223372036854775807)', 'refpath_append(''1'', -9223372036854775808)',
	'''1.2''::refpath || 3', '''1.2''::refpath || 3::bigint', '0 || ''1.2''::refpath', '0::bigint || ''1.2''::refpath']) AS q;
CREATE TEMP TABLE deep AS
SELECT n, (SELECT string_agg(i::text, '.' ORDER BY i) FROM generate_series(1, n) i)::refpath AS path FROM unnest('{1,32768,65534,65535}'::int[]) n;
SELECT q, pg_temp.outcome(format('SELECT depth(%s) FROM deep WHERE n = %s', q, n)) FROM (VALUES ('refpath_append(path, 70000)', 65534), ('refpath_prepend(70000, path)', 65534),
	('refpath_append(path, 70000)', 65535), ('refpath_prepend(70000, path)', 65535), ('path || path', 32768), ('path || ''70000''', 65535), ('path || ''''', 65535),
	('refpath_append(path, 65534)', 65534), ('graft(path, ''1'', ''70000.70001'')', 65535), ('graft(path, ''1.2'', ''70000.70001'')', 65535)) v(q, n);

-- moving: the base is replaced
SELECT graft('1.2.3.4', '1.2', '9'), graft('1.2', '1.2', '9'), graft('1.2.3', '1', ''), graft('1.2.3', '', '9'), graft('1.2.3', '1.2', '1.2'),
	graft('', '', '1.2'), graft('1.2', '1.2', '');
SELECT q, pg_temp.outcome('SELECT ' || q) FROM unnest(ARRAY['graft(''1.2.3'', ''1.3'', ''9'')', 'graft(''1.2'', ''1.2.3'', ''9'')',
	'graft(''1.2.3'', ''1.2'', ''9.3'')', 'graft(path_upper(''1''), ''1'', ''9'')']) AS q;

-- the upper bound of a team: no next sibling needed
SELECT q, pg_temp.outcome('SELECT ' || q) FROM unnest(ARRAY['path_upper('''')', 'path_upper(''1.5'')', 'path_upper(''9223372036854775807'')',
	'path_upper(''1.5'') > ''1.5.9223372036854775807''', 'path_upper(''1.5'') < ''1.6''', 'path_upper(''1.5'') < path_upper(''1'')',
	'path_upper(''1.5'') <@ ''1.5''', 'path_upper(''1.5'') <@ ''1''', 'path_upper(''1.5'') <@ path_upper(''1.5'')']) AS q;

-- null in, null out
SELECT count(*) FILTER (WHERE NOT proisstrict) AS not_strict, count(*) FILTER (WHERE provolatile <> 'i') AS not_immutable,
	count(*) FILTER (WHERE proparallel <> 's') AS not_parallel_safe
FROM pg_proc WHERE pronamespace = 'distributor'::regnamespace AND (prosrc LIKE 'refpath\_op\_%' OR prosrc LIKE 'refpath\_fn\_%');

-- literals find their operator
SELECT pg_typeof('1.2'::refpath || '3') AS literal_last, pg_typeof('1' || '2'::refpath) AS literal_first, pg_typeof(refpath_append('1.2', 3)) AS appended, '1.2'::refpath <@ 1 AS by_int, '1.2'::refpath <@ 1::smallint AS by_smallint, '1.2'::refpath <@ 1::bigint AS by_bigint,
	'1.2'::refpath <@ '1' AS by_path, '1' @> '1.2'::refpath AS path_first, 1 @> '1.2'::refpath AS int_first, '1.2'::refpath @> '1.2.3' AS upper_first,
	'1.2.3'::refpath <@ '2' AS no_prefix, '1.2.3'::refpath <@ 2 AS through, '1.2.3'::refpath <@ -1 AS negative;
PREPARE by_member AS SELECT '1.2.3'::refpath <@ $1;
EXECUTE by_member('1.2');
DEALLOCATE by_member;
PREPARE by_member (int) AS SELECT '1.2.3'::refpath <@ $1, $1 @> '1.2.3'::refpath;
EXECUTE by_member(2);
EXECUTE by_member(4);
DEALLOCATE by_member;

-- With the schema in the search_path, what has a meaning without it keeps that
-- meaning: an operand whose type is not known yet must not become a path.  The
-- definition of a view tells which operator was found, even where two would
-- give the same result.  Every view is rolled back, and its locks with it.
CREATE FUNCTION pg_temp.meaning(expression text, path text, OUT definition text, OUT result text) LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
	PERFORM set_config('search_path', path, true);
	EXECUTE format('CREATE TEMP VIEW meaning AS SELECT %s AS value', expression);
	SET LOCAL search_path = pg_catalog;
	SELECT pg_get_viewdef('pg_temp.meaning'::regclass) INTO definition;
	EXECUTE 'SELECT concat(pg_typeof(value), '' '', coalesce(value::text, ''null'')) FROM pg_temp.meaning' INTO result;
	RAISE EXCEPTION 'undo';
EXCEPTION WHEN OTHERS THEN
	result := coalesce(result, concat_ws(' | ', sqlstate, sqlerrm));
END $$;
SELECT e AS expression, core.result, core IS NOT DISTINCT FROM both_schemas AS same
FROM unnest(ARRAY[
	$$'order-' || 1::bigint$$, $$1::bigint || ' x'$$, $$'order-' || 1$$, $$1 || ' x'$$, $$'1' || 2::bigint$$, $$1::bigint || '2'$$, $$'a' || 'b'$$, $$'1' || '2'$$,
	$$'a' || NULL$$, $$NULL || 1::bigint$$, $$'a'::text || 1::bigint$$, $$'a'::varchar || 'b'$$, $$'order-' || 1.5$$, $$'on ' || '2024-01-02'::date$$, $$'a' || true$$,
	$$ARRAY[1::bigint] || 2::bigint$$, $$2::bigint || ARRAY[1::bigint]$$, $$ARRAY[1::bigint] || '{2}'$$, $$'{2}' || ARRAY[1::bigint]$$, $$ARRAY['a'] || 'b'::text$$,
	$$'{"a":1}'::jsonb || '{"b":2}'$$, $$'{"a":1}' || '{"b":2}'::jsonb$$, $$'\x01'::bytea || '\x02'$$, $$B'1' || '0'$$, $$'a'::tsquery || 'b'$$,
	$$'{"a":1,"b":2}'::jsonb @> '{"a":1}'$$, $$'{"a":1}' <@ '{"a":1,"b":2}'::jsonb$$, $$ARRAY[1,2] @> '{1}'$$, $$ARRAY[1::bigint,2] @> ARRAY[1::bigint]$$, $$'{1}' <@ ARRAY[1::bigint]$$,
	$$'[1,5)'::int8range @> 3::bigint$$, $$3::bigint <@ '[1,5)'::int8range$$, $$'[1,5)'::int8range @> '[2,3)'$$, $$'[1,5)'::int4range @> 3$$, $$'[1,5)'::numrange @> 1.5$$,
	$$'{[1,5)}'::int8multirange @> 3::bigint$$, $$'{[2,3)}' <@ '{[1,5)}'::int8multirange$$, $$box '(2,2),(0,0)' @> '(1,1),(0,1)'$$, $$point '(1,1)' <@ box '(2,2),(0,0)'$$, $$'a'::tsquery <@ 'a&b'$$,
	$$'{1}' @> '{1}'$$, $$'1' <@ '1'$$, $$'[1,5)' @> 3::bigint$$, $$3::bigint <@ '[1,5)'$$, $$'[1,5)' @> 3$$,
	$$inet '10.0.0.0/8' >> '10.1.2.3'$$, $$'10.1.2.3' << inet '10.0.0.0/8'$$, $$1 << 3$$, $$8::bigint >> 2$$, $$'8' >> 2$$, $$1::bigint << '2'$$, $$B'1010' << 1$$,
	$$'[1,2)'::int8range << '[5,6)'$$, $$point '(1,1)' << '(2,2)'$$, $$'8' >> '2'$$, $$'8' << '2'$$, $$'8' >> 2::bigint$$,
	$$point '(0,0)' <-> '(3,4)'$$, $$'(0,0)' <-> point '(3,4)'$$, $$point '(0,0)' <-> circle '<(3,4),1>'$$, $$'a'::tsquery <-> 'b'$$, $$'1' <-> '2'$$, $$'1' <-> 2::bigint$$,
	$$'10' < '9'$$, $$'1.10' <= '1.9'$$, $$'1' = '1'$$, $$'1' <> '1.0'$$, $$'a' > 'b'$$, $$'a' >= NULL$$, $$1::bigint = '1'$$, $$'10' > 9::bigint$$, $$1 <> '2'$$, $$1.5 < '10'$$,
	$$'10'::text < '9'$$, $$'10' < '9'::varchar$$, $$1::bigint < 2.5$$, $$1::bigint = '1.2'$$, $$'1.2' = 1.2$$, $$date '2024-01-02' >= '2024-01-01'$$, $$'10.0.0.1'::inet < '10.0.0.2'$$,
	$$'{1}' = ARRAY[1::bigint]$$, $$'{"a":1}'::jsonb = '{"a": 1}'$$, $$'1'::text = 1::bigint$$, $$1::bigint IN ('1', '2')$$, $$'1' IN ('1', '2')$$, $$1::bigint = ANY ('{1,2}')$$, $$'1' = ANY ('{1,2}'::text[])$$,
	$$'5' BETWEEN '10' AND '9'$$, $$5::bigint BETWEEN '1' AND '10'$$, $$(1::bigint, 'a') < ('2', 'b')$$, $$('1', '10') < ('1', '9')$$, $$'1' IS DISTINCT FROM '1.0'$$, $$nullif('1', '1.0')$$, $$nullif(1::bigint, '1')$$,
	$$CASE '1' WHEN '1.0' THEN 1 ELSE 2 END$$, $$ARRAY(SELECT x FROM unnest(ARRAY['9', '10']) x ORDER BY x USING <)$$]) WITH ORDINALITY AS l(e, n),
	pg_temp.meaning(e, 'public') AS core, pg_temp.meaning(e, 'public, distributor') AS both_schemas ORDER BY n;
-- and with every operator name, a literal on either side of every kind of
-- operand: only what had no meaning at all may gain one
CREATE TEMP TABLE combination AS
WITH literal AS (SELECT * FROM unnest(ARRAY['''a''', '''1.2''', '''{1,2}''', 'NULL']) AS x),
	typed AS (SELECT * FROM unnest(ARRAY['1', '1::bigint', '1.5', '1::float8', '''1''::text', '''1''::varchar', '''{"a":1}''::jsonb', 'ARRAY[1,2]', 'ARRAY[1::bigint]', 'ARRAY[''a'']',
		'''[1,5)''::int8range', '''{[1,5)}''::int8multirange', '''10.0.0.0/8''::inet', 'point ''(1,2)''', 'date ''2024-01-02''', '''\x01''::bytea', '''a''::tsquery', 'true']) AS x)
SELECT e, core.definition, core.result, both_schemas.definition AS definition_with, both_schemas.result AS result_with
FROM (SELECT l.x, t.x FROM literal l, typed t UNION ALL SELECT t.x, l.x FROM literal l, typed t UNION ALL SELECT l.x, r.x FROM literal l, literal r) AS v(a, b),
	(SELECT DISTINCT oprname FROM pg_operator WHERE oprnamespace = 'distributor'::regnamespace) o,
	format('%s %s %s', a, oprname, b) AS e, pg_temp.meaning(e, 'public') AS core, pg_temp.meaning(e, 'public, distributor') AS both_schemas;
SELECT count(*) AS expressions, count(definition) > 400 AS with_meaning,
	count(*) FILTER (WHERE (definition, result) IS DISTINCT FROM (definition_with, result_with) AND result NOT LIKE '42883 | operator does not exist:%') AS changed
FROM combination;
SELECT e AS gained, result AS core, result_with AS both_schemas FROM combination
WHERE (definition, result) IS DISTINCT FROM (definition_with, result_with) ORDER BY e COLLATE "C";
DROP TABLE combination;
-- a parameter has no type yet, as a literal has none
CREATE FUNCTION pg_temp.parameters(expression text, path text) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
	result text;
BEGIN
	PERFORM set_config('search_path', path, true);
	EXECUTE 'PREPARE meaning AS SELECT ' || expression;
	SET LOCAL search_path = pg_catalog;
	SELECT parameter_types::text INTO result FROM pg_prepared_statements WHERE name = 'meaning';
	DEALLOCATE meaning;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN concat_ws(' | ', sqlstate, sqlerrm);
END $$;
SELECT e AS expression, core, core = both_schemas AS same
FROM unnest(ARRAY['$1 || 1::bigint', '1::bigint || $1', '$1 || 1', '$1 || $2', '$1 || ''a''', '$1 = 1::bigint', '$1 = $2', '$1 < ''a''', '$1 @> ARRAY[1::bigint]', '$1 @> ''[1,5)''::int8range',
	'''[1,5)''::int8range @> $1', '$1 << inet ''10.0.0.0/8''', '$1 >> 2', '1::bigint << $1', 'point ''(1,2)'' <-> $1', '1::bigint = ANY ($1)']) WITH ORDINALITY AS l(e, n),
	LATERAL (SELECT pg_temp.parameters(e, 'public') AS core, pg_temp.parameters(e, 'public, distributor') AS both_schemas) p ORDER BY n;

-- every operator has a function form, and a comment
SELECT oprname, oprleft::regtype, oprright::regtype, oprcode::oid::regproc, oprcom <> 0 AS commutes, oprnegate <> 0 AS negates,
	oprcanhash AS hashes, oprcanmerge AS merges, obj_description(oid, 'pg_operator') IS NOT NULL AS commented
FROM pg_operator WHERE oprnamespace = 'distributor'::regnamespace ORDER BY oprname COLLATE "C", oprleft::regtype::text, oprright::regtype::text;

-- the algebra of the operators over all pairs of a hard list, against arrays,
-- whose order is the same
CREATE TEMP TABLE hard (path refpath, ids bigint[]);
INSERT INTO hard (path) VALUES (''), ('0'), ('0.1'), ('1'), ('1.0'), ('1.0.2'), ('1.2'), ('1.2.3'), ('1.2.4'), ('1.3'), ('1.20'), ('2'), ('2.1'), ('12');
INSERT INTO hard (path) SELECT p FROM unnest('{239,240,241,495,496,2287,2288,67823,67824,16845039,16845040,4311812335,4311812336,1103823440111,1103823440112,282578800150767,282578800150768,72340172838078703,72340172838078704,9223372036854775806,9223372036854775807}'::bigint[]) id,
	LATERAL (VALUES (ARRAY[id]::refpath), (ARRAY[1, id]::refpath), (ARRAY[id, 1]::refpath), (ARRAY[id, 9223372036854775805]::refpath)) v(p);
UPDATE hard SET ids = path;
SELECT count(*) FROM hard;
CREATE TEMP VIEW pairs AS SELECT a.path AS a, b.path AS b, a.ids AS x, b.ids AS y FROM hard a, hard b;

SELECT count(*) AS pairs,
	count(*) FILTER (WHERE (a = b) IS DISTINCT FROM (x = y)) AS eq,
	count(*) FILTER (WHERE (a <> b) IS DISTINCT FROM (x <> y)) AS ne,
	count(*) FILTER (WHERE (a < b) IS DISTINCT FROM (x < y)) AS lt,
	count(*) FILTER (WHERE (a <= b) IS DISTINCT FROM (x <= y)) AS le,
	count(*) FILTER (WHERE (a >= b) IS DISTINCT FROM (x >= y)) AS ge,
	count(*) FILTER (WHERE (a > b) IS DISTINCT FROM (x > y)) AS gt,
	count(*) FILTER (WHERE refpath_cmp(a, b) IS DISTINCT FROM btarraycmp(x, y)) AS cmp
FROM pairs;
SELECT count(*) FILTER (WHERE (a @> b) IS DISTINCT FROM (x = y[1:cardinality(x)])) AS contains,
	count(*) FILTER (WHERE (a <@ b) IS DISTINCT FROM (y = x[1:cardinality(y)])) AS contained,
	count(*) FILTER (WHERE (a >> b) IS DISTINCT FROM (x = y[1:cardinality(x)] AND x <> y)) AS above,
	count(*) FILTER (WHERE (a << b) IS DISTINCT FROM (y = x[1:cardinality(y)] AND x <> y)) AS below,
	count(*) FILTER (WHERE (a @> b) IS DISTINCT FROM (b >= a AND b < path_upper(a))) AS team_range,
	count(*) FILTER (WHERE (a >> b) IS DISTINCT FROM (b > a AND b < path_upper(a))) AS strict_team_range,
	count(*) FILTER (WHERE (a <@ member_id(b)) IS DISTINCT FROM (member_id(b) = ANY (x)) AND b <> '') AS through,
	count(*) FILTER (WHERE (level_of(a, member_id(b)) IS NOT NULL) IS DISTINCT FROM (a <@ member_id(b)) AND b <> '') AS level_of,
	count(*) FILTER (WHERE lca(a, b) <> lca(b, a) OR NOT lca(a, b) @> a OR NOT lca(a, b) @> b) AS lca_above,
	count(*) FILTER (WHERE lca(a, b) <> a AND lca(a, b) <> b AND subpath(a, 0, depth(lca(a, b)) + 1) @> b) AS lca_lowest,
	count(*) FILTER (WHERE a <-> b <> depth(a) + depth(b) - 2 * depth(lca(a, b))) AS distance
FROM pairs;

-- commutators and negators, as the catalog has them
CREATE FUNCTION pg_temp.disagree(first text, second text, negated boolean) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM pairs WHERE (a OPERATOR(distributor.%s) b) IS NOT DISTINCT FROM (%s)', first,
		CASE WHEN negated THEN format('a OPERATOR(distributor.%s) b', second)
		ELSE format('(b OPERATOR(distributor.%s) a) = false', second) END) INTO result;
	RETURN result;
END $$;
SELECT o.oprname, c.oprname AS commutator, pg_temp.disagree(o.oprname, c.oprname, false)
FROM pg_operator o JOIN pg_operator c ON c.oid = o.oprcom
WHERE o.oprleft = 'refpath'::regtype AND o.oprright = 'refpath'::regtype AND o.oprresult = 'bool'::regtype ORDER BY o.oprname COLLATE "C";
SELECT o.oprname, n.oprname AS negator, pg_temp.disagree(o.oprname, n.oprname, true)
FROM pg_operator o JOIN pg_operator n ON n.oid = o.oprnegate
WHERE o.oprleft = 'refpath'::regtype AND o.oprright = 'refpath'::regtype ORDER BY o.oprname COLLATE "C";
SELECT count(*) FILTER (WHERE (a <-> b) <> (b <-> a)) AS distance, count(*) FILTER (WHERE (a <@ n) <> (n @> a)) AS through
FROM pairs, LATERAL (SELECT member_id(b) AS n) m;

-- equal hash where equal; the values are stored in shards and never change
SELECT count(*) FILTER (WHERE a = b AND refpath_hash(a) <> refpath_hash(b)) AS equal_but_not_hash,
	count(*) FILTER (WHERE a = b AND refpath_hash_extended(a, 7) <> refpath_hash_extended(b, 7)) AS nor_extended,
	count(*) FILTER (WHERE a <> b AND refpath_hash(a) = refpath_hash(b)) AS collide
FROM pairs;
SELECT p, refpath_hash(p), refpath_hash_extended(p, 0), refpath_hash_extended(p, 1),
	(refpath_hash_extended(p, 0) & 4294967295) = (refpath_hash(p)::bigint & 4294967295) AS low_half
FROM unnest('{"",1,1.5.42}'::refpath[]) p;
DROP VIEW pairs;
