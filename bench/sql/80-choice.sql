-- What the planner chooses, left to itself.
-- On a table with both indexes, its arguments known.

SET search_path = joined, public, distributor;
CREATE TABLE by_both AS TABLE by_btree;
CREATE INDEX by_both_btree ON by_both (path);
CREATE INDEX by_both_gist ON by_both USING gist (path);
VACUUM (FREEZE, ANALYZE) by_both;
CREATE TABLE bench.choice (place integer, question text, plan text);

CREATE PROCEDURE bench.choose(place integer, question text, query text)
LANGUAGE plpgsql AS $$
DECLARE
	line text;
	lines text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		lines := lines || line || E'\n';
	END LOOP;
	INSERT INTO bench.choice VALUES (place, question, lines);
END $$;

SELECT path AS small FROM sample WHERE kind = 'deep' ORDER BY n LIMIT 1 \gset
SELECT path AS large FROM sample WHERE kind = 'large' \gset
CALL bench.choose(1, 'a small team', format('SELECT mark FROM by_both WHERE path <@ %L', :'small'));
CALL bench.choose(2, 'a large team', format('SELECT mark FROM by_both WHERE path <@ %L', :'large'));
CALL bench.choose(3, 'counting a large team', format('SELECT count(*) FROM by_both WHERE path <@ %L', :'large'));
CALL bench.choose(4, 'uplines', format('SELECT mark FROM by_both WHERE path @> %L', :'small'));
CALL bench.choose(5, 'teams of many members', 'SELECT s.id, t.mark FROM sample s JOIN by_both t ON t.path <@ s.path WHERE s.kind = ''deep''');
CALL bench.choose(6, 'nearest members', format('SELECT mark FROM by_both ORDER BY path <-> %L LIMIT 10', :'small'));
RESET search_path;
