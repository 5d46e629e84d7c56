-- Insertions in random order into a GiST index, and the index so grown.
-- 200 thousand at a million members; then the same rows indexed at once.

CREATE PROCEDURE bench.insertions(rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	c record;
	few bigint := (SELECT count(*) / 5 FROM shuffled.by_gist);
BEGIN
	CREATE SCHEMA grown;
	CREATE TABLE grown.by_gist (LIKE shuffled.by_gist);
	CREATE TABLE grown.by_ltree (LIKE shuffled.by_ltree);
	CREATE TABLE grown.by_btree (LIKE shuffled.by_btree);
	CREATE INDEX grown_gist ON grown.by_gist USING gist (path);
	CREATE INDEX grown_ltree ON grown.by_ltree USING gist (path);
	CREATE INDEX grown_btree ON grown.by_btree (path);
	FOR round IN 0 .. rounds LOOP
		FOR c IN SELECT * FROM (VALUES ('this, GiST', 'by_gist'), ('ltree, GiST', 'by_ltree'), ('this, B-tree', 'by_btree')) AS v(contender, tab) LOOP
			EXECUTE format('TRUNCATE grown.%I', c.tab);
			CALL bench.clock('insert', 'shuffled', 'random', c.contender, round,
							 format('INSERT INTO grown.%1$I SELECT * FROM shuffled.%1$I LIMIT %2$s', c.tab, few),
							 format('SELECT count(*), bit_xor(mark) FROM grown.%I', c.tab));
			COMMIT;
		END LOOP;
	END LOOP;
END $$;
CALL bench.insertions(:rounds);

-- built at once from the same rows
CREATE SCHEMA built;
CREATE TABLE built.by_gist AS TABLE grown.by_gist;
CREATE TABLE built.by_ltree AS TABLE grown.by_ltree;
CREATE INDEX built_gist ON built.by_gist USING gist (path);
CREATE INDEX built_ltree ON built.by_ltree USING gist (path);
INSERT INTO bench.size VALUES
	('grown', 'GiST', 'this', pg_relation_size('grown.grown_gist')), ('built', 'GiST', 'this', pg_relation_size('built.built_gist')),
	('grown', 'GiST', 'ltree', pg_relation_size('grown.grown_ltree')), ('built', 'GiST', 'ltree', pg_relation_size('built.built_ltree'));
CREATE TABLE grown.sample AS SELECT * FROM joined.sample WHERE kind <> 'large';
CREATE TABLE built.sample AS TABLE grown.sample;
ALTER TABLE grown.sample ADD PRIMARY KEY (kind, n);
ALTER TABLE built.sample ADD PRIMARY KEY (kind, n);
VACUUM (FREEZE, ANALYZE) grown.by_gist, grown.by_ltree, built.by_gist, built.by_ltree;

CREATE FUNCTION bench.grown(schema text) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(bench.contend(v.topic, schema, 'any', v.contender, v.argument, v.query))
	FROM (VALUES
		('grown team', 'this, GiST', 'path', 'SELECT count(*), bit_xor(mark) FROM by_gist WHERE path <@ $1'),
		('grown team', 'ltree, GiST', 'labels', 'SELECT count(*), bit_xor(mark) FROM by_ltree WHERE path <@ $1'),
		('grown uplines', 'this, GiST', 'path', 'SELECT count(*), bit_xor(mark) FROM by_gist WHERE path @> $1'),
		('grown uplines', 'ltree, GiST', 'labels', 'SELECT count(*), bit_xor(mark) FROM by_ltree WHERE path @> $1')
	) AS v(topic, contender, argument, query) $$;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET search_path = grown, public, distributor;
SELECT bench.grown('grown');
SET search_path = built, public, distributor;
SELECT bench.grown('built');
RESET search_path;
CALL bench.race('grown team', :rounds);
CALL bench.race('grown uplines', :rounds);
RESET enable_seqscan;
RESET enable_bitmapscan;
