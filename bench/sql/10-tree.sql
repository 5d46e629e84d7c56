-- The tree, in the order of joining and in random order.
-- Each contender has a table of its own with the same rows, in the form that it
-- needs.  $TREE names the generator's output.

CREATE SCHEMA joined;
CREATE SCHEMA shuffled;
CREATE TABLE bench.tree (id bigint NOT NULL, sponsor_id bigint, path text NOT NULL);
\copy bench.tree FROM PROGRAM 'cat "$TREE"'

-- the bytes of a path without the version that its binary form begins with
CREATE FUNCTION bench.bytes(path distributor.refpath) RETURNS bytea
LANGUAGE sql IMMUTABLE RETURN substring(distributor.refpath_send(path) FROM 2);

CREATE PROCEDURE bench.load(schema text, sorted_by text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('search_path', schema || ', public, distributor', true);
	EXECUTE 'CREATE TEMPORARY TABLE loading ON COMMIT DROP AS
		SELECT id, hashint8extended(id, 1) AS mark, sponsor_id, path::refpath AS path, path::ltree AS labels
		FROM bench.tree ORDER BY ' || sorted_by;
	CREATE TABLE by_btree AS SELECT id, mark, path FROM loading;
	CREATE TABLE by_gist AS SELECT id, mark, path FROM loading;
	CREATE TABLE by_ltree AS SELECT id, mark, labels AS path FROM loading;
	CREATE TABLE by_bytes AS SELECT id, mark, bench.bytes(path) AS path FROM loading;
	ALTER TABLE by_btree ADD PRIMARY KEY (id);
	CREATE TABLE sample AS
		SELECT kind, n, s.id, path, labels, bench.bytes(path) AS bytes
		FROM bench.sample s JOIN loading USING (id) ORDER BY kind, n;
	ALTER TABLE sample ADD PRIMARY KEY (kind, n);
	IF schema = 'joined' THEN
		CREATE TABLE member AS SELECT id, mark, sponsor_id FROM loading;
		ALTER TABLE member ADD PRIMARY KEY (id);
		CREATE INDEX member_sponsor ON member (sponsor_id);
		-- everybody with everybody above, and with itself
		CREATE TABLE closure AS
			SELECT ancestor_id, id AS descendant_id FROM loading, unnest(member_ids(path)) AS ancestor_id;
		ALTER TABLE closure ADD PRIMARY KEY (ancestor_id, descendant_id);
		CREATE INDEX closure_descendant ON closure (descendant_id, ancestor_id);
	END IF;
END $$;

-- About 3,400 members of each kind.  "any" is every so many-th of all, each
-- from the middle of its stretch.
CREATE TABLE bench.sample AS
	WITH tree AS (SELECT id, distributor.depth(path::distributor.refpath) AS depth FROM bench.tree),
		facts AS (SELECT count(*) AS members, avg(depth) AS mean FROM tree)
	SELECT 'any' AS kind, row_number() OVER (ORDER BY id) AS n, id FROM tree, facts
	WHERE id % greatest(members / 3400, 1) = greatest(members / 3400, 1) / 2
UNION ALL
	SELECT 'early', row_number() OVER (ORDER BY id), id FROM tree, facts
	WHERE id <= members / 10 AND id % greatest(members / 34000, 1) = 0
UNION ALL
	SELECT 'deep', n, id
	FROM (SELECT row_number() OVER (ORDER BY hashint8extended(id, 1)) AS n, id FROM tree, facts
		  WHERE depth >= 2 * mean) s
	WHERE n <= 3400;

CALL bench.load('joined', 'id');
CALL bench.load('shuffled', 'hashint8extended(id, 42)');
DROP TABLE bench.tree;
ANALYZE;
