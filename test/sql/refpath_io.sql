-- refpath in and out: text, binary, bigint[]
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

-- good text
SELECT x::refpath FROM (VALUES ('1.5.42'), ('0'), ('7'), (''), ('0.1'),
	('9223372036854775807'), ('9223372036854775807.0.9223372036854775806')) v(x);

-- bad text
SELECT quote_literal(x) AS input, pg_temp.outcome(format('SELECT %L::refpath', x))
FROM unnest(ARRAY[' ', '.', '1.', '.1', '1..2', ' 1', '1 ', '1. 2', '1 .2', E'\t1', E'1\n', E'1\r.2',
	'+1', '-1', '1.-2', '01', '01.2', '1.02', '00', '1e3', '0x10', '1_000', '1,2', '1/2', '{1,2}', 'abc',
	'NaN', 'Infinity', 'null', '*', '1.*', '1.2.1', '0.0', '5.6.7.8.6',
	'9223372036854775808', '1.9223372036854775808.2', '18446744073709551616', '18446744073709551617',
	'123456789012345678901234567890', '1.2.99999999999999999999x']) AS x;

-- digits and blanks that are not ASCII: Arabic one, full-width one, no-break
-- space, zero-width space, byte order mark
SELECT n, left(pg_temp.outcome(format('SELECT %L::refpath', x)), 5)
FROM unnest(ARRAY[E'\xd9\xa1', E'1.\xef\xbc\x91', E'1\xc2\xa0', E'1\xe2\x80\x8b.2', E'\xef\xbb\xbf1'])
	WITH ORDINALITY AS u(x, n);

-- an error quotes no more than the beginning of a long input
SELECT pg_temp.outcome(format('SELECT %L::refpath', repeat('1', 100)));
SELECT pg_temp.outcome(format('SELECT %L::refpath', 'x' || repeat('1', 100)));
SELECT length(pg_temp.outcome('SELECT (repeat(''9'', 100000000))::refpath'));
SELECT length(pg_temp.outcome('SELECT (repeat(''0'', 100000000))::refpath'));
SELECT length(pg_temp.outcome('SELECT (repeat(''.'', 100000000))::refpath'));

-- the greatest depth, and beyond
CREATE FUNCTION pg_temp.deep(n integer) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(i::text, '.' ORDER BY i) FROM pg_catalog.generate_series(1, n) i $$;
SELECT n, pg_temp.outcome(format('SELECT depth(pg_temp.deep(%s)::refpath)', n))
FROM unnest(ARRAY[1, 24, 25, 26, 1000, 14654, 65535, 65536, 65537, 200000]) AS n;
SELECT pg_temp.outcome('SELECT depth((pg_temp.deep(65534) || ''.1'')::refpath)');
SELECT n, pg_temp.outcome(format('SELECT depth((pg_temp.deep(%s) || ''.'' || %s)::refpath)', n, n / 2))
FROM unnest(ARRAY[23, 24, 25, 1000]) AS n;
SELECT pg_temp.deep(65535)::refpath::text = pg_temp.deep(65535) AS same_text;

-- soft errors where the server has them (not before 16)
SELECT current_setting('server_version_num')::int >= 160000 AS has_soft_errors \gset
\if :has_soft_errors
SELECT NOT pg_input_is_valid('1.', 'distributor.refpath')
	AND NOT pg_input_is_valid('1.1', 'distributor.refpath')
	AND NOT pg_input_is_valid('9223372036854775808', 'distributor.refpath')
	AND NOT pg_input_is_valid(pg_temp.deep(65536), 'distributor.refpath')
	AND pg_input_is_valid('', 'distributor.refpath')
	AND pg_input_is_valid('1.2', 'distributor.refpath') AS soft \gset
\else
\set soft t
\endif
\echo :soft

-- no type modifier
SELECT '1'::refpath(3);

-- arrays
SELECT x::bigint[]::refpath, x::bigint[]::refpath::bigint[]
FROM (VALUES ('{}'), ('{7}'), ('{1,5,42}'), ('[5:7]={3,2,1}'), ('[-1:0]={0,9223372036854775807}')) v(x);
SELECT x, pg_temp.outcome(format('SELECT %L::bigint[]::refpath', x))
FROM (VALUES ('{1,NULL}'), ('{NULL}'), ('{{1,2},{3,4}}'), ('{{1}}'), ('{{{{{{1}}}}}}'),
	('{-1}'), ('{1,-9223372036854775808}'), ('{1,2,1}')) v(x);
SELECT pg_temp.outcome(format('SELECT depth(ARRAY(SELECT generate_series(1, %s))::bigint[]::refpath)', n))
FROM unnest(ARRAY[65535, 65536, 1000000]) AS n;

-- text: assignment to it, only explicit from it
CREATE TEMP TABLE cast_test (path refpath, t text, ids bigint[]);
INSERT INTO cast_test SELECT p, p, p FROM (SELECT '1.2'::refpath AS p) s;
INSERT INTO cast_test (path) SELECT ids FROM cast_test;
SELECT * FROM cast_test;
INSERT INTO cast_test (path) SELECT t FROM cast_test;
INSERT INTO cast_test (path) SELECT 5;

-- what a path takes: a byte for a small id
SELECT p, pg_column_size(p), refpath_send(p)
FROM unnest('{"",1,239,240,2287,2288,67823,67824,16845039,16845040,4311812335,4311812336,1103823440111,1103823440112,282578800150767,282578800150768,72340172838078703,72340172838078704,9223372036854775807}'::refpath[]) AS p;

-- the upper bound of a team prints, is not read, is not sent
SELECT path_upper('1.5'), path_upper('');
SELECT pg_temp.outcome('SELECT path_upper(''1.5'')::text::refpath');
SELECT pg_temp.outcome('SELECT refpath_send(path_upper(''1.5''))');
SELECT pg_temp.outcome('SELECT depth(path_upper(''1.5''))');
SELECT pg_temp.outcome('SELECT path_upper(''1.5'')::bigint[]');
SELECT pg_temp.outcome('SELECT refpath_append(path_upper(''1.5''), 7)');

-- random paths there and back; ids of all code lengths
\set seed 0.20250711
SELECT setseed(:seed);
CREATE TABLE io_random (n integer, path refpath);
INSERT INTO io_random
SELECT n, ARRAY(SELECT id FROM (
		SELECT DISTINCT floor(power(2, random() * 63 * (n % 4) / 3.0 + 0 * i))::numeric::bigint AS id
		FROM generate_series(1, (random() * 40)::int + 0 * n) i) s ORDER BY md5(id::text))::refpath
FROM generate_series(1, 5000) n;
INSERT INTO io_random VALUES (-1, ''), (-2, NULL), (-3, '0'), (-4, pg_temp.deep(65535)::refpath);
SELECT count(*) FILTER (WHERE path::text::refpath <> path) AS text_differs,
	count(*) FILTER (WHERE path::bigint[]::refpath <> path) AS array_differs,
	count(*) FILTER (WHERE path::text <> array_to_string(path::bigint[], '.')) AS unlike_array,
	count(*) FILTER (WHERE depth(path) <> cardinality(path::bigint[])) AS depth_differs,
	max(depth(path)) AS deepest, count(DISTINCT path) > 3000 AS many, avg(depth(path)) FILTER (WHERE n > 0) > 5 AS long
FROM io_random;

CREATE TABLE io_copy (LIKE io_random);
\copy io_random TO 'results/refpath_io.txt'
\copy io_copy FROM 'results/refpath_io.txt'
SELECT count(*) FROM io_random r JOIN io_copy c USING (n) WHERE r.path IS NOT DISTINCT FROM c.path;
TRUNCATE io_copy;
\copy io_random TO 'results/refpath_io.bin' WITH (FORMAT binary)
\copy io_copy FROM 'results/refpath_io.bin' WITH (FORMAT binary)
SELECT count(*) FROM io_random r JOIN io_copy c USING (n) WHERE r.path IS NOT DISTINCT FROM c.path;
SELECT count(*) FROM io_random r JOIN io_copy c USING (n)
WHERE refpath_send(r.path) IS DISTINCT FROM refpath_send(c.path);

-- toasted, compressed, short: the datum's form makes no difference
CREATE TABLE io_form (form text, path refpath);
ALTER TABLE io_form ALTER path SET STORAGE external;
INSERT INTO io_form VALUES ('external', pg_temp.deep(20000)::refpath);
ALTER TABLE io_form ALTER path SET STORAGE extended;
INSERT INTO io_form VALUES ('compressed', pg_temp.deep(3000)::refpath), ('toasted', pg_temp.deep(65535)::refpath), ('short', '1.2');
ALTER TABLE io_form ALTER path SET STORAGE plain;
INSERT INTO io_form VALUES ('plain', pg_temp.deep(1500)::refpath);
SELECT a.form, depth(a.path), member_id(a.path), a.path = b.path AS equal, refpath_hash(a.path) = refpath_hash(b.path) AS hash,
	a.path @> b.path AND b.path <@ a.path AS contains, refpath_append(a.path, 70000) << a.path AS appends
FROM io_form a, LATERAL (SELECT a.path::text::refpath AS path) b WHERE a.form <> 'toasted';
SELECT count(*) FROM io_form WHERE path <@ '1.2';
SELECT form FROM io_form ORDER BY path;

-- binary from outside: each case a COPY file of one column
CREATE FUNCTION pg_temp.copy_file(value bytea) RETURNS oid LANGUAGE sql AS $$
	SELECT lo_from_bytea(0, '\x5047434f50590aff0d0a0000000000000000000001'::bytea
		|| int4send(length(value)) || value || '\xffff') $$;
CREATE TEMP TABLE io_recv (path refpath);
\echo the empty path
SELECT pg_temp.copy_file('\x01') AS lo \gset
\lo_export :lo results/refpath_recv_1.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_1.bin' WITH (FORMAT binary)
\echo 1.239.240.2287.2288
SELECT pg_temp.copy_file('\x0101eff000f7fff80000') AS lo \gset
\lo_export :lo results/refpath_recv_2.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_2.bin' WITH (FORMAT binary)
\echo the greatest id
SELECT pg_temp.copy_file('\x01fe7efefefefefef70f') AS lo \gset
\lo_export :lo results/refpath_recv_3.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_3.bin' WITH (FORMAT binary)
\echo no byte at all
SELECT pg_temp.copy_file('') AS lo \gset
\lo_export :lo results/refpath_recv_4.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_4.bin' WITH (FORMAT binary)
\echo version 0
SELECT pg_temp.copy_file('\x0001') AS lo \gset
\lo_export :lo results/refpath_recv_5.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_5.bin' WITH (FORMAT binary)
\echo version 2
SELECT pg_temp.copy_file('\x0201') AS lo \gset
\lo_export :lo results/refpath_recv_6.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_6.bin' WITH (FORMAT binary)
\echo version 255
SELECT pg_temp.copy_file('\xff01') AS lo \gset
\lo_export :lo results/refpath_recv_7.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_7.bin' WITH (FORMAT binary)
\echo code of two bytes cut
SELECT pg_temp.copy_file('\x01f0') AS lo \gset
\lo_export :lo results/refpath_recv_8.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_8.bin' WITH (FORMAT binary)
\echo code of nine bytes cut
SELECT pg_temp.copy_file('\x0101fe7efefefefefef7') AS lo \gset
\lo_export :lo results/refpath_recv_9.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_9.bin' WITH (FORMAT binary)
\echo lead 0xFF at the end: an upper bound
SELECT pg_temp.copy_file('\x0105ff') AS lo \gset
\lo_export :lo results/refpath_recv_10.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_10.bin' WITH (FORMAT binary)
\echo lead 0xFF inside
SELECT pg_temp.copy_file('\x0105ff01') AS lo \gset
\lo_export :lo results/refpath_recv_11.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_11.bin' WITH (FORMAT binary)
\echo greatest id and one
SELECT pg_temp.copy_file('\x01fe7efefefefefef710') AS lo \gset
\lo_export :lo results/refpath_recv_12.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_12.bin' WITH (FORMAT binary)
\echo all bits set
SELECT pg_temp.copy_file('\x01feffffffffffffffff') AS lo \gset
\lo_export :lo results/refpath_recv_13.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_13.bin' WITH (FORMAT binary)
\echo repeated id
SELECT pg_temp.copy_file('\x01010201') AS lo \gset
\lo_export :lo results/refpath_recv_14.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_14.bin' WITH (FORMAT binary)
\echo repeated long id
SELECT pg_temp.copy_file('\x01fe0000000000000000fe0000000000000000') AS lo \gset
\lo_export :lo results/refpath_recv_15.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_15.bin' WITH (FORMAT binary)
\echo text in place of binary
SELECT pg_temp.copy_file('1.2') AS lo \gset
\lo_export :lo results/refpath_recv_16.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_16.bin' WITH (FORMAT binary)
\echo greatest depth
SELECT pg_temp.copy_file((SELECT '\x01' || string_agg('\xf8' || substr(int4send(i), 3), '' ORDER BY i) FROM generate_series(0, 65534) i)) AS lo \gset
\lo_export :lo results/refpath_recv_17.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_17.bin' WITH (FORMAT binary)
\echo greatest depth and one
SELECT pg_temp.copy_file((SELECT '\x01' || string_agg('\xf8' || substr(int4send(i), 3), '' ORDER BY i) FROM generate_series(0, 65535) i)) AS lo \gset
\lo_export :lo results/refpath_recv_18.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv_18.bin' WITH (FORMAT binary)
-- the refused ones again, for their SQLSTATE
\set VERBOSITY sqlstate
\copy io_recv FROM 'results/refpath_recv_4.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_5.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_6.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_7.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_8.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_9.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_10.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_11.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_12.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_13.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_14.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_15.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_16.bin' WITH (FORMAT binary)
\copy io_recv FROM 'results/refpath_recv_18.bin' WITH (FORMAT binary)
\set VERBOSITY default

-- field lengths that are wrong themselves
CREATE FUNCTION pg_temp.copy_file_of_length(n integer, value bytea) RETURNS oid LANGUAGE sql AS $$
	SELECT lo_from_bytea(0, '\x5047434f50590aff0d0a0000000000000000000001'::bytea
		|| int4send(n) || value || '\xffff') $$;
\echo length -1 is null
SELECT pg_temp.copy_file_of_length(-1, '') AS lo \gset
\lo_export :lo results/refpath_recv.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv.bin' WITH (FORMAT binary)
\echo length -2
SELECT pg_temp.copy_file_of_length(-2, '') AS lo \gset
\lo_export :lo results/refpath_recv.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv.bin' WITH (FORMAT binary)
\echo length beyond the bytes
SELECT pg_temp.copy_file_of_length(100, '\x0101') AS lo \gset
\lo_export :lo results/refpath_recv.bin
\lo_unlink :lo
\copy io_recv FROM 'results/refpath_recv.bin' WITH (FORMAT binary)
SELECT depth(path), left(path::text, 50) FROM io_recv;

DROP TABLE io_random, io_copy, io_form;
