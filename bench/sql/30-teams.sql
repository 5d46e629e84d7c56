-- Teams of members, rows fetched.
-- A team here is the member and all below.

CREATE FUNCTION bench.teams(schema text, kind text) RETURNS void LANGUAGE sql AS $$
	SELECT bench.contend('team', schema, kind, v.contender, v.argument, v.query)
	FROM (VALUES
		('this, GiST', 'path', 'SELECT count(*), bit_xor(mark) FROM by_gist WHERE path <@ $1'),
		('this, B-tree', 'path', 'SELECT count(*), bit_xor(mark) FROM by_btree WHERE path <@ $1'),
		('bytes, B-tree', 'bytes', 'SELECT count(*), bit_xor(mark) FROM by_bytes WHERE path >= $1 AND path < $1 || ''\xff''::bytea'),
		('ltree, GiST', 'labels', 'SELECT count(*), bit_xor(mark) FROM by_ltree WHERE path <@ $1'),
		('recursive CTE', 'id', 'WITH RECURSIVE team AS (SELECT id, mark FROM member WHERE id = $1
			UNION ALL SELECT m.id, m.mark FROM team t JOIN member m ON m.sponsor_id = t.id) SELECT count(*), bit_xor(mark) FROM team'),
		('closure table', 'id', 'SELECT count(*), bit_xor(mark) FROM closure c JOIN member m ON m.id = c.descendant_id WHERE c.ancestor_id = $1')
	) AS v(contender, argument, query)
	WHERE schema = 'joined' OR argument <> 'id' $$;

-- A plan for all members cannot know how large the team is, so all contenders
-- get the same kind of plan: an index scan.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET search_path = joined, public, distributor;
SELECT count(bench.teams('joined', kind)) FROM unnest('{any,early,deep}'::text[]) kind;
SET search_path = shuffled, public, distributor;
SELECT count(bench.teams('shuffled', kind)) FROM unnest('{any,early,deep}'::text[]) kind;
RESET search_path;
CALL bench.race('team', :rounds);
RESET enable_seqscan;
RESET enable_bitmapscan;
