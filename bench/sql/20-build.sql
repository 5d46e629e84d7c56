-- Building each index, and its size.
-- The last of each stays.

CREATE PROCEDURE bench.build(schema text, rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	c record;
BEGIN
	FOR round IN 0 .. rounds LOOP
		FOR c IN SELECT * FROM (VALUES
			('GiST', 'this', 'by_gist', 'gist'), ('GiST', 'ltree', 'by_ltree', 'gist'),
			('B-tree', 'this', 'by_btree', 'btree'), ('B-tree', 'ltree', 'by_ltree', 'btree'),
			('B-tree', 'bytes', 'by_bytes', 'btree')) AS v(subject, contender, tab, am)
		LOOP
			EXECUTE format('DROP INDEX IF EXISTS %I.%I', schema, c.tab || '_' || c.am);
			CALL bench.clock('build', schema, c.subject, c.contender, round,
							 format('CREATE INDEX %I ON %I.%I USING %I (path)', c.tab || '_' || c.am, schema, c.tab, c.am),
							 format('SELECT count(*), bit_xor(mark) FROM %I.%I', schema, c.tab));
			COMMIT;
		END LOOP;
	END LOOP;
	INSERT INTO bench.size
		SELECT schema, v.what, v.contender, pg_relation_size(to_regclass(format('%I.%I', schema, v.relation)))
		FROM (VALUES ('GiST', 'this', 'by_gist_gist'), ('GiST', 'ltree', 'by_ltree_gist'),
			('B-tree', 'this', 'by_btree_btree'), ('B-tree', 'ltree', 'by_ltree_btree'), ('B-tree', 'bytes', 'by_bytes_btree'),
			('table', 'this', 'by_btree'), ('table', 'ltree', 'by_ltree'), ('table', 'bytes', 'by_bytes'),
			('table', 'recursive CTE', 'member'), ('table', 'closure table', 'closure')) AS v(what, contender, relation)
		WHERE to_regclass(format('%I.%I', schema, v.relation)) IS NOT NULL;
	EXECUTE format('DROP INDEX %I.by_ltree_btree', schema);
END $$;

CALL bench.build('joined', :rounds);
CALL bench.build('shuffled', 1);

INSERT INTO bench.size
	SELECT 'joined', 'path', contender, bytes FROM (
		SELECT 'this' AS contender, avg(pg_column_size(path)) AS bytes FROM joined.by_btree
		UNION ALL SELECT 'ltree', avg(pg_column_size(path)) FROM joined.by_ltree
		UNION ALL SELECT 'bytes', avg(pg_column_size(path)) FROM joined.by_bytes) s;

-- Scans of an index alone are only that while all rows are known to be visible.
VACUUM (FREEZE, ANALYZE);
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_class WHERE relkind = 'r' AND relname ~ '^by_|^closure$' AND relallvisible < relpages) THEN
		RAISE EXCEPTION 'VACUUM left pages that are not all visible';
	END IF;
END $$;
