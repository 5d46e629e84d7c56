-- A large team: counted, from the index alone where that can be, and fetched.
-- It has about 300 thousand at a million members.

SET search_path = joined, public, distributor;
INSERT INTO sample
	SELECT 'large', 1, t.id, t.path, l.path, b.path
	FROM (SELECT c.ancestor_id AS id FROM closure c GROUP BY 1
		  ORDER BY abs(count(*) - 0.3 * (SELECT count(*) FROM member)), 1 LIMIT 1) s
		JOIN by_btree t USING (id) JOIN by_ltree l USING (id) JOIN by_bytes b USING (id);

SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(bench.contend('count', 'joined', 'large', v.contender, v.argument, v.query))
FROM (VALUES
	('this, B-tree', 'path', 'SELECT count(*), 0::bigint FROM by_btree WHERE path <@ $1'),
	('this, GiST', 'path', 'SELECT count(*), 0::bigint FROM by_gist WHERE path <@ $1'),
	('bytes, B-tree', 'bytes', 'SELECT count(*), 0::bigint FROM by_bytes WHERE path >= $1 AND path < $1 || ''\xff''::bytea'),
	('ltree, GiST', 'labels', 'SELECT count(*), 0::bigint FROM by_ltree WHERE path <@ $1'),
	('closure table', 'id', 'SELECT count(*), 0::bigint FROM closure WHERE ancestor_id = $1'),
	('recursive CTE', 'id', 'WITH RECURSIVE team AS (SELECT id FROM member WHERE id = $1
		UNION ALL SELECT m.id FROM team t JOIN member m ON m.sponsor_id = t.id) SELECT count(*), 0::bigint FROM team')
) AS v(contender, argument, query);
SELECT count(bench.contend('fetch', 'joined', 'large', v.contender, v.argument, v.query))
FROM (VALUES
	('this, B-tree', 'path', 'SELECT count(*), bit_xor(mark) FROM by_btree WHERE path <@ $1'),
	('this, GiST', 'path', 'SELECT count(*), bit_xor(mark) FROM by_gist WHERE path <@ $1'),
	('bytes, B-tree', 'bytes', 'SELECT count(*), bit_xor(mark) FROM by_bytes WHERE path >= $1 AND path < $1 || ''\xff''::bytea'),
	('ltree, GiST', 'labels', 'SELECT count(*), bit_xor(mark) FROM by_ltree WHERE path <@ $1')
) AS v(contender, argument, query);
RESET search_path;
CALL bench.race('count', :rounds);
CALL bench.race('fetch', :rounds);
RESET enable_seqscan;
RESET enable_bitmapscan;
