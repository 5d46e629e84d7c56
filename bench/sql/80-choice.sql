-- What the planner chooses, left to itself.
-- On a table with both indexes; beside it the time that either takes, alone.

SET search_path = joined, public, distributor;
CREATE TABLE by_both AS TABLE by_btree;
CREATE INDEX by_both_btree ON by_both (path);
CREATE INDEX by_both_gist ON by_both USING gist (path);
VACUUM (FREEZE, ANALYZE) by_both;

-- "wanted" is the index that the planner is to take, btree or gist
CREATE TABLE bench.choice (
	place integer PRIMARY KEY,
	question text NOT NULL,
	wanted text NOT NULL,
	plan text NOT NULL,
	btree_us double precision NOT NULL,
	gist_us double precision NOT NULL
);

CREATE FUNCTION bench.plan_of(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	line text;
	lines text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		lines := lines || line || E'\n';
	END LOOP;
	RETURN lines;
END $$;

-- The fastest of several runs, by plain index scans, as the two would else
-- differ by how the rows are fetched.
CREATE FUNCTION bench.fastest_us(query text) RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE
	plan json;
	us double precision;
	fastest double precision;
	runs integer := 0;
	spent double precision := 0;
BEGIN
	WHILE runs < 15 OR (runs < 1000 AND spent < 300000) LOOP
		EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || query INTO plan;
		us := (plan->0->>'Execution Time')::double precision * 1000;
		fastest := least(fastest, us);
		spent := spent + us;
		runs := runs + 1;
	END LOOP;
	RETURN fastest;
END $$;

CREATE PROCEDURE bench.choose(place integer, question text, wanted text, query text)
LANGUAGE plpgsql AS $$
DECLARE
	plan text := bench.plan_of(query);
	btree_us double precision;
	gist_us double precision;
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_bitmapscan = off;
	btree_us := bench.fastest_us(replace(query, 'by_both', 'by_btree'));
	gist_us := bench.fastest_us(replace(query, 'by_both', 'by_gist'));
	INSERT INTO bench.choice VALUES (place, question, wanted, plan, btree_us, gist_us);
	COMMIT;
END $$;

SELECT path AS deep, subpath(path, 0, depth(path) / 2) AS middle FROM sample WHERE kind = 'deep' ORDER BY n LIMIT 1 \gset
SELECT path AS large FROM sample WHERE kind = 'large' \gset
CALL bench.choose(1, 'a small team', 'btree', format('SELECT mark FROM by_both WHERE path <@ %L', :'deep'));
CALL bench.choose(2, 'a larger team', 'btree', format('SELECT mark FROM by_both WHERE path <@ %L', :'middle'));
CALL bench.choose(3, 'a large team', 'btree', format('SELECT mark FROM by_both WHERE path <@ %L', :'large'));
CALL bench.choose(4, 'counting a small team', 'btree', format('SELECT count(*) FROM by_both WHERE path <@ %L', :'deep'));
CALL bench.choose(5, 'counting a large team', 'btree', format('SELECT count(*) FROM by_both WHERE path <@ %L', :'large'));
CALL bench.choose(6, 'uplines', 'btree', format('SELECT mark FROM by_both WHERE path @> %L', :'middle'));
CALL bench.choose(7, 'uplines of a deep member', 'btree', format('SELECT mark FROM by_both WHERE path @> %L', :'deep'));
CALL bench.choose(8, 'teams of many members', 'btree', 'SELECT s.id, t.mark FROM sample s JOIN by_both t ON t.path <@ s.path WHERE s.kind = ''deep''');
CALL bench.choose(9, 'uplines of many members', 'btree', 'SELECT s.id, t.mark FROM sample s JOIN by_both t ON t.path @> s.path WHERE s.kind = ''any''');
CALL bench.choose(10, 'nearest members', 'gist', format('SELECT mark FROM by_both ORDER BY path <-> %L LIMIT 10', :'deep'));
RESET search_path;

CREATE VIEW bench.wrong_choice AS
	SELECT question, wanted, plan FROM bench.choice WHERE plan NOT LIKE '%by_both_' || wanted || '%';
