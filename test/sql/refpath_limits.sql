-- limits of refpath, each at the last value that is allowed and at the next:
-- REFPATH_MAX_DEPTH members, ids up to 2^63 - 1, what an index can hold
SET search_path = public, distributor;
\pset null (null)

CREATE FUNCTION pg_temp.outcome(query text, VARIADIC args refpath[] DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	detail text;
	hint text;
BEGIN
	EXECUTE query INTO result USING args[1], args[2], args[3];
	RETURN coalesce(result, 'done');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' | ', sqlstate, sqlerrm, nullif(regexp_replace(detail, '\([0-9]+,[0-9]+\)', '(block,item)'), ''), nullif(hint, ''));
END $$;

-- depth: 65535 members, by every door
CREATE TEMP TABLE deep AS SELECT n, string_agg(i::text, '.' ORDER BY i) AS t, array_agg(i::bigint ORDER BY i) AS ids,
	'\x01' || string_agg(substr(refpath_send(i::text::refpath), 2), ''::bytea ORDER BY i) AS b
FROM unnest('{65535,65536}'::int[]) n, generate_series(1, n) i GROUP BY n;
SELECT n, pg_temp.outcome(format('SELECT depth(%L)', t)) AS "in" FROM deep ORDER BY n;
SELECT n, pg_temp.outcome('SELECT depth(ids::refpath) FROM deep WHERE n = ' || n) AS "bigint[]" FROM deep ORDER BY n;
SELECT pg_temp.outcome('SELECT depth(refpath_append($1, 70000))', subpath(t::refpath, 0, 65534)) AS append, pg_temp.outcome('SELECT depth(refpath_prepend(70000, $1))', subpath(t::refpath, 0, 65534)) AS prepend,
	pg_temp.outcome('SELECT depth($1 || $2)', subpath(t::refpath, 0, 65533), '70000.70001') AS join,
	pg_temp.outcome('SELECT depth(graft($1, $2, $3))', subpath(t::refpath, 1), '2', '70000.70001') AS graft FROM deep WHERE n = 65535;
SELECT pg_temp.outcome('SELECT depth(refpath_append($1, 70000))', t::refpath) AS append, pg_temp.outcome('SELECT depth(refpath_prepend(70000, $1))', t::refpath) AS prepend,
	pg_temp.outcome('SELECT depth($1 || $2)', t::refpath, '70000') AS join,
	pg_temp.outcome('SELECT depth(graft($1, $2, $3))', t::refpath, '1', '70000.70001') AS graft FROM deep WHERE n = 65535;
-- a path of the greatest depth does what any other does
SELECT depth(p), member_id(p), root_id(p), upline(p, 65534), upline(p, 65535), level_of(p, 1), depth(parent(p)), p <-> '2' AS distance, (SELECT count(*) FROM uplines(p)) AS uplines,
	lca(p, subpath(p, 0, 65000)) = subpath(p, 0, 65000) AS lca, p <@ '1.2.3' AS below, cardinality(p::bigint[]), length(p::text) FROM (SELECT t::refpath AS p FROM deep WHERE n = 65535) d;

-- binary: the version, then a code for each member; as a COPY file
CREATE TEMP TABLE received (path refpath);
CREATE FUNCTION pg_temp.copy_file(value bytea) RETURNS oid LANGUAGE sql AS $$
	SELECT lo_from_bytea(0, '\x5047434f50590aff0d0a0000000000000000000001'::bytea
		|| int4send(length(value)) || value || '\xffff') $$;
\set VERBOSITY sqlstate
\echo 65535 members, and one more
SELECT pg_temp.copy_file(b) AS lo FROM deep WHERE n = 65535 \gset
\lo_export :lo results/refpath_limits_1.bin
\lo_unlink :lo
\copy received FROM 'results/refpath_limits_1.bin' WITH (FORMAT binary)
SELECT pg_temp.copy_file(b) AS lo FROM deep WHERE n = 65536 \gset
\lo_export :lo results/refpath_limits_2.bin
\lo_unlink :lo
\copy received FROM 'results/refpath_limits_2.bin' WITH (FORMAT binary)
\echo the greatest id, and the next
SELECT refpath_send('9223372036854775807') AS greatest;
SELECT pg_temp.copy_file('\x01fe7efefefefefef70f') AS lo \gset
\lo_export :lo results/refpath_limits_3.bin
\lo_unlink :lo
\copy received FROM 'results/refpath_limits_3.bin' WITH (FORMAT binary)
SELECT pg_temp.copy_file('\x01fe7efefefefefef710') AS lo \gset
\lo_export :lo results/refpath_limits_4.bin
\lo_unlink :lo
\copy received FROM 'results/refpath_limits_4.bin' WITH (FORMAT binary)
\set VERBOSITY default
SELECT depth(path), left(path::text, 20) AS begins FROM received;

-- ids: 0 to 2^63 - 1, by every door; the ends of every code length
SELECT '9223372036854775807'::refpath, ARRAY[9223372036854775807]::refpath, refpath_append('', 9223372036854775807), refpath_prepend(9223372036854775807, ''), '0'::refpath;
SELECT q, pg_temp.outcome('SELECT ' || q) FROM unnest(ARRAY['''9223372036854775808''::refpath', '''-1''::refpath', 'ARRAY[-1]::bigint[]::refpath', 'refpath_append('''', -1)', 'refpath_prepend(-1, '''')',
	'''99999999999999999999999''::refpath']) q;
SELECT id, length(refpath_send(id::text::refpath)) - 1 AS bytes, id::text::refpath::text = id::text AS same
FROM unnest('{0,239,240,2287,2288,67823,67824,16845039,16845040,4311812335,4311812336,1103823440111,1103823440112,282578800150767,282578800150768,72340172838078703,72340172838078704,9223372036854775807}'::bigint[]) id;

-- levels and positions: the ends of int
SELECT upline('1.2', 2147483647), pg_temp.outcome('SELECT upline(''1.2'', -1)') AS negative, (SELECT count(*) FROM uplines('1.2.3', 2147483647)) AS all_levels, (SELECT count(*) FROM uplines('1.2.3', 0)) AS none;

-- Indexes.  Ids that do not compress, 9 bytes each, and the last one shorter
-- to hit a size exactly.
CREATE FUNCTION pg_temp.path_of(bytes integer) RETURNS refpath LANGUAGE sql AS $$
	SELECT coalesce((SELECT array_agg(72340172838078704 + (hashint8extended(i, 1) & 1152921504606846975)) FROM generate_series(1, bytes / 9) i), '{}')::bigint[]::refpath
		|| (ARRAY['', '7', '300', '3000', '70000', '17000000', '5000000000', '2000000000000', '300000000000000'])[1 + bytes % 9]::refpath $$;
SELECT count(*) FILTER (WHERE length(refpath_send(pg_temp.path_of(n))) <> n + 1) AS of_another_size FROM generate_series(0, 100) n;
CREATE TABLE held (path refpath);
CREATE FUNCTION pg_temp.most_bytes(most integer) RETURNS TABLE (most_bytes integer, most_outcome text, next_outcome text) LANGUAGE plpgsql AS $$
BEGIN
	most_bytes := 0;
	FOR n IN REVERSE most .. 1 LOOP
		IF pg_temp.outcome('INSERT INTO held VALUES ($1) RETURNING ''done''', pg_temp.path_of(n)) = 'done' THEN
			most_bytes := n;
			EXIT;
		END IF;
	END LOOP;
	most_outcome := pg_temp.outcome('INSERT INTO held VALUES ($1) RETURNING ''done''', pg_temp.path_of(most_bytes));
	next_outcome := pg_temp.outcome('INSERT INTO held VALUES ($1) RETURNING ''done''', pg_temp.path_of(most_bytes + 1));
	RETURN NEXT;
END $$;
\x
CREATE INDEX held_btree ON held USING btree (path);
SELECT * FROM pg_temp.most_bytes(2750);
DROP INDEX held_btree;
CREATE INDEX held_gist ON held USING gist (path);
SELECT * FROM pg_temp.most_bytes(8250);
DROP INDEX held_gist;
CREATE INDEX held_hash ON held USING hash (path);
SELECT pg_temp.outcome('INSERT INTO held VALUES ($1) RETURNING ''done''', pg_temp.path_of(500000));
\x
SELECT count(*) FROM held WHERE path = pg_temp.path_of(500000);
DROP TABLE held;

-- Lengths at which the keys and the conditions of indexes change form: keys of
-- GiST at 240 bytes, ends of its ranges at 256, lists made while planning at 256.
CREATE TABLE edge AS SELECT n, pg_temp.path_of(n) AS path FROM generate_series(220, 270) n, generate_series(1, 20);
INSERT INTO edge SELECT -n, refpath_append(path, i) FROM edge, generate_series(1, 3) i;
CREATE TABLE asked AS SELECT DISTINCT path FROM edge;
CREATE INDEX edge_gist ON edge USING gist (path);
CREATE INDEX edge_btree ON edge USING btree (path);
ANALYZE edge, asked;
CREATE FUNCTION pg_temp.answers() RETURNS TABLE (op text, pairs bigint, digest bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH op IN ARRAY '{<@,<<,@>,>>,=,<,>=}'::text[] LOOP
		EXECUTE format('SELECT sum(c), bit_xor(hashint8extended(h, c)) FROM asked a, LATERAL (SELECT count(*), sum(hashint8(n)) FROM edge e WHERE e.path %s a.path) s(c, h)', op) INTO pairs, digest;
		RETURN NEXT;
	END LOOP;
END $$;
SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;
CREATE TEMP TABLE right_answer AS SELECT * FROM pg_temp.answers();
RESET enable_indexscan; RESET enable_indexonlyscan; RESET enable_bitmapscan;
SET enable_seqscan = off;
SELECT r.op, r.pairs > 0 AS some, count(*) FILTER (WHERE a = r) AS same FROM right_answer r, pg_temp.answers() a WHERE a.op = r.op GROUP BY r.op, r.pairs ORDER BY r.op;
DROP INDEX edge_btree;
SELECT r.op, count(*) FILTER (WHERE a = r) AS same FROM right_answer r, pg_temp.answers() a WHERE a.op = r.op GROUP BY r.op, r.pairs ORDER BY r.op;
CREATE INDEX edge_btree ON edge USING btree (path);
CREATE FUNCTION pg_temp.condition(bytes integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (COSTS OFF) SELECT n FROM edge WHERE path @> %L', pg_temp.path_of(bytes)) LOOP
		IF line LIKE '%Index Cond%' THEN
			RETURN regexp_replace(line, '^.*ANY \((\W*\w+)[ ,(].*$', '\1');
		END IF;
	END LOOP;
END $$;
SELECT n, left(pg_temp.condition(n), 20) AS list FROM generate_series(255, 257) n;
RESET enable_seqscan;
DROP TABLE edge, asked;
