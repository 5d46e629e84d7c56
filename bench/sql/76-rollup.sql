-- Rolling up the whole tree.
-- As many sales as members.  First the same answer from three ways of asking;
-- then what the rollup takes beside the rows that it is made of, in time and
-- in memory.

SET search_path = joined, public, distributor;
SELECT setseed(0.5);
CREATE TABLE sale AS
	SELECT 1 + floor(random() * n)::bigint AS id, round((random() * 1000)::numeric, 2) AS amount
	FROM (SELECT count(*) AS n FROM member) m, generate_series(1, n);
CREATE TABLE volume AS SELECT path, amount FROM by_btree LEFT JOIN sale USING (id) ORDER BY path;
CREATE INDEX volume_path ON volume (path) INCLUDE (amount);
VACUUM ANALYZE sale;
VACUUM ANALYZE volume;
VACUUM by_btree;

-- a query that returns an answer and a digest, timed
CREATE PROCEDURE bench.ask(subject text, contender text, round integer, query text)
LANGUAGE plpgsql AS $$
DECLARE
	started double precision := bench.now_us();
	answer bigint;
	digest bigint;
BEGIN
	EXECUTE query INTO answer, digest;
	INSERT INTO bench.result VALUES ('rollup', 'joined', subject, contender, round, bench.now_us() - started, answer, digest);
END $$;

CREATE TABLE bench.rollup (place integer, subject text, contender text, rounds integer, query text);
INSERT INTO bench.rollup VALUES
(1, 'size and volume', 'this', 99, $q$
	SELECT count(*), sum(hashint8extended(member_id, team_size) % 1000000 + (team[1] * 100)::bigint % 1000000)::bigint
	FROM team_rollup('SELECT path, amount FROM by_btree LEFT JOIN sale USING (id)') $q$),
(2, 'size and volume', 'unnest, GROUP BY', 2, $q$
	SELECT count(*), sum(hashint8extended(member_id, size) % 1000000 + (volume * 100)::bigint % 1000000)::bigint
	FROM (SELECT member_id, count(*) AS size, sum(amount) AS volume
		  FROM (SELECT path, coalesce(sum(amount), 0) AS amount FROM by_btree LEFT JOIN sale USING (id) GROUP BY path) p,
			unnest(member_ids(path)) AS member_id GROUP BY member_id) r $q$),
(3, 'size and volume', 'recursive CTE, down', 1, $q$
	WITH RECURSIVE team(top, id) AS (
		SELECT id, id FROM member
	UNION ALL
		SELECT t.top, m.id FROM team t JOIN member m ON m.sponsor_id = t.id)
	SELECT count(*), sum(hashint8extended(top, size) % 1000000 + (volume * 100)::bigint % 1000000)::bigint
	FROM (SELECT top, count(*) AS size, coalesce(sum(amount), 0) AS volume
		  FROM team LEFT JOIN (SELECT id, sum(amount) AS amount FROM sale GROUP BY id) s USING (id) GROUP BY top) r $q$),
(4, 'size and volume', 'recursive CTE, up', 1, $q$
	WITH RECURSIVE up AS (
		SELECT m.id, m.sponsor_id, coalesce(s.amount, 0) AS amount
		FROM member m LEFT JOIN (SELECT id, sum(amount) AS amount FROM sale GROUP BY id) s USING (id)
	UNION ALL
		SELECT m.id, m.sponsor_id, u.amount FROM up u JOIN member m ON m.id = u.sponsor_id)
	SELECT count(*), sum(hashint8extended(id, size) % 1000000 + (volume * 100)::bigint % 1000000)::bigint
	FROM (SELECT id, count(*) AS size, sum(amount) AS volume FROM up GROUP BY id) r $q$),
(5, 'sorted', 'sort and join', 99, $q$
	SELECT 0 * count(path), 0 * count(amount)
	FROM (SELECT path, amount FROM by_btree LEFT JOIN sale USING (id) ORDER BY path OFFSET 0) s $q$),
(6, 'sorted', 'rollup', 99, $q$
	SELECT 0 * count(*), 0 FROM team_rollup('SELECT path, amount FROM by_btree LEFT JOIN sale USING (id)') $q$),
(7, 'sorted', 'legs and levels', 99, $q$
	SELECT 0 * count(*), 0 FROM team_rollup('SELECT path, amount FROM by_btree LEFT JOIN sale USING (id)', true, 1000, 5) $q$),
(8, 'in order', 'index scan', 99, $q$
	SELECT 0 * count(path), 0 * count(amount) FROM (SELECT path, amount FROM volume ORDER BY path OFFSET 0) s $q$),
(9, 'in order', 'kept', 99, $q$
	WITH s AS MATERIALIZED (SELECT path, amount FROM volume ORDER BY path) SELECT 0 * count(*), 0 FROM s $q$),
(10, 'in order', 'rollup', 99, $q$
	SELECT 0 * count(*), 0 FROM team_rollup('SELECT path, amount FROM volume') $q$),
(11, 'people in order', 'index scan', 99, $q$
	SELECT 0 * count(path), 0 FROM (SELECT path FROM by_btree ORDER BY path OFFSET 0) s $q$),
(12, 'people in order', 'kept', 99, $q$
	WITH s AS MATERIALIZED (SELECT path FROM by_btree ORDER BY path) SELECT 0 * count(*), 0 FROM s $q$),
(13, 'people in order', 'rollup', 99, $q$
	SELECT 0 * count(*), 0 FROM team_rollup('SELECT path FROM by_btree') $q$);

CREATE PROCEDURE bench.rollups(of_rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	c record;
BEGIN
	FOR round IN 0 .. of_rounds LOOP
		FOR c IN SELECT * FROM bench.rollup WHERE round <= rounds AND (round > 0 OR rounds > 1) ORDER BY place LOOP
			CALL bench.ask(c.subject, c.contender, round, c.query);
			COMMIT;
		END LOOP;
	END LOOP;
END $$;
CALL bench.rollups(:rounds);

-- Memory: the peak of a session that has done nothing else.  The rows alone,
-- joined and sorted, take as much for join, sort and shared pages as they do
-- below a rollup, so the difference is what the rollup adds.  Over an index
-- there is no sort whose memory would be free again when the result grows.
CREATE TABLE deep AS
	SELECT path::refpath, 1 AS amount FROM (
		SELECT string_agg(n::text, '.') OVER (ORDER BY n) AS path FROM generate_series(1, 5000) n) s;
CREATE TABLE bench.rollup_memory (place integer, subject text, contender text, query text);
INSERT INTO bench.rollup_memory
SELECT place, subject, contender, format('SELECT count(s) FROM ' || CASE contender
	WHEN 'rollup' THEN 'team_rollup(%L, ' || options || ') s' ELSE '(%s ORDER BY path OFFSET 0) s' END, query)
FROM (VALUES
	(1, 'one volume', 'SELECT path, amount FROM by_btree LEFT JOIN sale USING (id)', 'false'),
	(3, 'ten volumes, legs and five levels', 'SELECT path, amount' || repeat(', amount', 9) || ' FROM by_btree LEFT JOIN sale USING (id)', 'true, 1000, 5'),
	(5, 'a chain of 5,000, ten volumes, legs and five levels', 'SELECT path, amount' || repeat(', amount', 9) || ' FROM deep', 'true, 1000, 5'),
	(7, 'one volume by an index in order', 'SELECT path, amount FROM volume', 'false')) q(first, subject, query, options),
	(VALUES (0, 'rows'), (1, 'rollup')) c(n, contender), LATERAL (SELECT first + n AS place) p;

-- asks, and says how much memory this session has had at most
CREATE PROCEDURE bench.remember(of_place integer)
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
	asked bench.rollup_memory;
	ignored bigint;
BEGIN
	SELECT * INTO asked FROM bench.rollup_memory WHERE place = of_place;
	EXECUTE asked.query INTO ignored;
	INSERT INTO bench.size
	SELECT 'rollup', asked.subject, asked.contender, m[1]::bigint * 1024
	FROM regexp_match(pg_read_file('/proc/self/status', 0, 10000, true), 'VmHWM:\s+([0-9]+) kB') m WHERE m IS NOT NULL;
END $$;
\connect
CALL bench.remember(1);
\connect
CALL bench.remember(2);
\connect
CALL bench.remember(3);
\connect
CALL bench.remember(4);
\connect
CALL bench.remember(5);
\connect
CALL bench.remember(6);
\connect
CALL bench.remember(7);
\connect
CALL bench.remember(8);
