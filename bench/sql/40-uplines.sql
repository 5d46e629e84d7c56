-- Uplines of members, rows fetched.
-- Those here are the member and all above.

CREATE FUNCTION bench.uplines(schema text, kind text) RETURNS void LANGUAGE sql AS $$
	SELECT bench.contend('uplines', schema, kind, v.contender, v.argument, v.query)
	FROM (VALUES
		('this, GiST', 'path', 'SELECT count(*), bit_xor(mark) FROM by_gist WHERE path @> $1'),
		('this, B-tree', 'path', 'SELECT count(*), bit_xor(mark) FROM by_btree WHERE path @> $1'),
		('this, primary key', 'path', 'SELECT count(*), bit_xor(mark) FROM by_btree WHERE id = ANY (member_ids($1))'),
		('ltree, GiST', 'labels', 'SELECT count(*), bit_xor(mark) FROM by_ltree WHERE path @> $1'),
		('recursive CTE', 'id', 'WITH RECURSIVE upline AS (SELECT id, sponsor_id, mark FROM member WHERE id = $1
			UNION ALL SELECT m.id, m.sponsor_id, m.mark FROM upline u JOIN member m ON m.id = u.sponsor_id) SELECT count(*), bit_xor(mark) FROM upline'),
		('closure table', 'id', 'SELECT count(*), bit_xor(mark) FROM closure c JOIN member m ON m.id = c.ancestor_id WHERE c.descendant_id = $1')
	) AS v(contender, argument, query)
	WHERE schema = 'joined' OR argument <> 'id' $$;

-- A plan for all members cannot know how many they are, so all contenders
-- get the same kind of plan: an index scan.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET search_path = joined, public, distributor;
SELECT count(bench.uplines('joined', kind)) FROM unnest('{any,early,deep}'::text[]) kind;
SET search_path = shuffled, public, distributor;
SELECT count(bench.uplines('shuffled', kind)) FROM unnest('{any,early,deep}'::text[]) kind;
RESET search_path;
CALL bench.race('uplines', :rounds);
RESET enable_seqscan;
RESET enable_bitmapscan;
