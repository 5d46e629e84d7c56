-- The harness: one way to time a contender, for all of them.

CREATE EXTENSION distributor;
CREATE EXTENSION ltree;
CREATE SCHEMA bench;

-- A measurement.  Contenders of one (topic, loaded, subject) must agree on
-- answer and digest, or none of their figures is printed.
CREATE TABLE bench.result (
	topic text NOT NULL,
	loaded text NOT NULL,			-- the order of the rows: joined, shuffled
	subject text NOT NULL,			-- what was asked, such as a sample of members
	contender text NOT NULL,
	round integer NOT NULL,			-- 0 warms up and is not counted
	us double precision NOT NULL,	-- microseconds for one query or statement, see bench.now_us()
	answer bigint NOT NULL,			-- rows found
	digest bigint NOT NULL,			-- of which rows, query by query
	PRIMARY KEY (topic, loaded, subject, contender, round)
);

CREATE TABLE bench.size (
	loaded text NOT NULL,
	what text NOT NULL,
	contender text NOT NULL,
	bytes bigint NOT NULL,
	PRIMARY KEY (loaded, what, contender)
);

-- The plan of each contender, for whoever doubts that it had the right one.
CREATE TABLE bench.plan (
	topic text NOT NULL,
	loaded text NOT NULL,
	subject text NOT NULL,
	contender text NOT NULL,
	lines text NOT NULL,
	PRIMARY KEY (topic, loaded, subject, contender)
);

CREATE TABLE bench.contender (
	topic text NOT NULL,
	loaded text NOT NULL,
	subject text NOT NULL,
	contender text NOT NULL,
	place integer GENERATED ALWAYS AS IDENTITY,
	function text NOT NULL,
	PRIMARY KEY (topic, loaded, subject, contender)
);

-- The time that this server process has computed, where the system tells
-- (Linux, in steps of some milliseconds): what else the machine does then counts
-- little.  Else the clock.  All that is measured is in memory, by one process.
CREATE FUNCTION bench.now_us() RETURNS double precision
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	RETURN split_part(pg_read_file('/proc/self/schedstat', 0, 100, true), ' ', 1)::double precision / 1000;
EXCEPTION WHEN OTHERS THEN
	RETURN extract(epoch FROM clock_timestamp()) * 1e6;
END $$;

-- contend(): a function that asks 'query' about each member of a sample, in
-- which $1 stands for the column 'argument' of the sample.  The query returns
-- count(*) and bit_xor(mark): no index has the mark of a row, so this fetches
-- the rows, and it says which they were.  One statement asks for the whole
-- sample, so that what is measured is the query and not its start; its plan is
-- made before.  Quick ones go through the sample again, until a quarter of a
-- second has passed.
CREATE FUNCTION bench.contend(topic text, loaded text, subject text, contender text,
							  argument text, query text) RETURNS void
LANGUAGE plpgsql AS $contend$
DECLARE
	name text := format('%I.%I', loaded, topic || ' ' || subject || ' ' || contender);
	asking text := format('
		SELECT sum(t.found), bit_xor(hashint8extended(coalesce(t.which, 0), hashint8extended(t.found, s.n)))
		FROM sample s CROSS JOIN LATERAL (%s) AS t(found, which) WHERE s.kind = %L',
		replace(query, '$1', 's.' || argument), subject);
	line text;
	lines text := '';
BEGIN
	EXECUTE format($body$
		CREATE FUNCTION %1$s(OUT us double precision, OUT answer bigint, OUT digest bigint)
		LANGUAGE plpgsql SET search_path FROM CURRENT AS $function$
		DECLARE
			asked bigint := (SELECT count(*) FROM sample WHERE kind = %3$L);
			passes integer := 0;
			started double precision := bench.now_us();
		BEGIN
			LOOP
				SELECT a.answer, a.digest FROM (%2$s) AS a(answer, digest) INTO answer, digest;
				passes := passes + 1;
				us := bench.now_us() - started;
				EXIT WHEN us > 250000;
			END LOOP;
			us := us / passes / asked;
		END $function$ $body$,
		name, asking, subject);
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || asking LOOP
		lines := lines || line || E'\n';
	END LOOP;
	IF lines LIKE '%Seq Scan%' THEN
		RAISE WARNING '%, %, %: no index serves it, left out', topic, subject, contender;
		RETURN;
	END IF;
	INSERT INTO bench.contender (topic, loaded, subject, contender, function)
	VALUES (topic, loaded, subject, contender, name);
	INSERT INTO bench.plan VALUES (topic, loaded, subject, contender, lines);
END $contend$;

-- race(): all contenders of a topic, one after the other, again and again, so
-- that what else the machine does meets all of them.
CREATE PROCEDURE bench.race(of_topic text, rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	c bench.contender;
	m record;
BEGIN
	FOR round IN 0 .. rounds LOOP
		FOR c IN SELECT * FROM bench.contender WHERE topic = of_topic ORDER BY place LOOP
			EXECUTE 'SELECT * FROM ' || c.function || '()' INTO m;
			INSERT INTO bench.result VALUES (c.topic, c.loaded, c.subject, c.contender, round, m.us, m.answer, m.digest);
			COMMIT;
		END LOOP;
	END LOOP;
END $$;

-- clock(): one statement, timed, with what it must leave behind.
CREATE PROCEDURE bench.clock(topic text, loaded text, subject text, contender text, round integer,
							 statement text, check_query text)
LANGUAGE plpgsql AS $$
DECLARE
	started double precision := bench.now_us();
	us double precision;
	answer bigint;
	digest bigint;
BEGIN
	EXECUTE statement;
	us := bench.now_us() - started;
	EXECUTE check_query INTO answer, digest;
	INSERT INTO bench.result VALUES (topic, loaded, subject, contender, round, us, answer, coalesce(digest, 0));
END $$;
