-- Live totals: read, folded or not, beside counting; what they cost who posts, and folding.
-- Of the largest tree of all; nobody's plans are to be made for empty tables.

CREATE SCHEMA totals;
CREATE TABLE totals.root AS
	SELECT distributor.root_id(path) AS id FROM joined.by_btree GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1;
-- who orders for how much: a tenth of all, at random
CREATE TABLE totals.new_order AS
	SELECT row_number() OVER (ORDER BY hashint8extended(id, 11)) AS n, id AS member_id,
		round(50.05 + abs(hashint8(id) % 5000) / 100.0, 2) AS amount
	FROM joined.member ORDER BY n LIMIT (SELECT count(*) / 10 FROM joined.member);
ALTER TABLE totals.new_order ADD PRIMARY KEY (n);

-- two programs with the same members, one of which keeps totals
CREATE PROCEDURE totals.program(name text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM distributor.create_program(name, 'CNY', time_zone => 'UTC');
	PERFORM distributor.pause(name);
	EXECUTE replace($sql$
		INSERT INTO @.plan (version, valid_from, document, created_by)
		VALUES (1, '-infinity', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%", "3%"]}]}', 'bench');
		INSERT INTO @.member (member_id, sponsor_id, joined_at, path)
		SELECT b.id, distributor.sponsor_id(b.path), '2026-01-01Z'::timestamptz, b.path FROM joined.by_btree b ORDER BY b.id;
		INSERT INTO @.member_history (member_id, sponsor_id, valid_from, revision, change, state)
		SELECT m.member_id, m.sponsor_id, m.joined_at, 1, 'join', 'active' FROM @.member m ORDER BY m.member_id;
		CREATE TABLE totals.@ (id bigint PRIMARY KEY, member_id bigint NOT NULL, amount numeric NOT NULL, paid_at timestamptz NOT NULL DEFAULT now())$sql$, '@', name);
	PERFORM distributor.resume(name);
	PERFORM distributor.attach_orders(name, ('totals.' || name)::regclass, key => 'id', member => 'member_id', amount => 'amount', occurred_at => 'paid_at');
END $$;
CALL totals.program('unkept');
CALL totals.program('kept');
CREATE TABLE totals.bare (LIKE totals.unkept INCLUDING ALL);
SELECT distributor.keep_team_totals('kept');
INSERT INTO totals.unkept SELECT -n, member_id, amount FROM totals.new_order WHERE n <= 1000;
INSERT INTO totals.kept SELECT -n, member_id, amount FROM totals.new_order WHERE n <= 1000;
CALL distributor.fold('kept');
VACUUM (FREEZE, ANALYZE);

-- One question, so many times in one statement: what is measured is not the
-- start of a statement.  $1 is the member; the answer is that of one.
CREATE PROCEDURE totals.ask(subject text, contender text, round integer, times integer, query text)
LANGUAGE plpgsql AS $$
DECLARE
	answer bigint;
	root bigint := (SELECT id FROM totals.root);
	asking text := format('SELECT max(q.answer) FROM generate_series(1, %s) i CROSS JOIN LATERAL (%s) q(answer)', times,
		replace(query, '$1', format('(%s + i * 0)', root)));
	started double precision;
BEGIN
	started := bench.now_us();
	EXECUTE asking INTO answer;
	INSERT INTO bench.result VALUES ('total', 'joined', subject, contender, round, (bench.now_us() - started) / times, answer, 0);
END $$;

-- order by order
CREATE PROCEDURE totals.post(contender text, round integer, orders bigint)
LANGUAGE plpgsql AS $$
BEGIN
	CALL bench.clock('totals', 'joined', 'one', contender, round, format($sql$
		DO $do$
		DECLARE
			o record;
		BEGIN
			FOR o IN SELECT n, member_id, amount FROM totals.new_order WHERE n <= %s LOOP
				INSERT INTO totals.%I (id, member_id, amount) VALUES (%s + o.n, o.member_id, o.amount);
			END LOOP;
		END $do$ $sql$, orders, contender, round * 10000000), format('SELECT count(*), sum(amount)::bigint FROM totals.%I WHERE id > %s', contender, round * 10000000));
	COMMIT;
END $$;

CREATE PROCEDURE totals.race(rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	total text := 'SELECT t.people FROM distributor.team_total(''kept'', $1) t';
	orders bigint := (SELECT count(*) FROM totals.new_order);
	near bigint;
BEGIN
	-- the last order of a thousand in the team
	SELECT max(n) INTO near FROM (
		SELECT o.n FROM totals.new_order o JOIN joined.by_btree b ON b.id = o.member_id
		WHERE distributor.root_id(b.path) = (SELECT id FROM totals.root) ORDER BY o.n LIMIT 1000) t;
	FOR round IN 0 .. rounds LOOP
		CALL totals.ask('the largest team', 'this, folded', round, 2000, total);
		CALL totals.ask('the largest team', 'ltree, GiST', round, 1,
			'SELECT count(*) FROM joined.by_ltree WHERE path <@ text2ltree($1::text)');
		CALL totals.ask('the largest team', 'recursive CTE', round, 1, 'WITH RECURSIVE team AS (SELECT id FROM joined.member WHERE id = $1
			UNION ALL SELECT m.id FROM team t JOIN joined.member m ON m.sponsor_id = t.id) SELECT count(*) FROM team');
		COMMIT;
		CALL totals.post('bare', round + 1, near);
		CALL totals.post('unkept', round + 1, near);
		CALL totals.post('kept', round + 1, near);
		CALL totals.ask('the largest team', 'this, 1000 changes', round, 500, total);
		CALL distributor.fold('kept');
		COMMIT;
	END LOOP;
END $$;
SET enable_seqscan = off;
CALL totals.race(:rounds);
RESET enable_seqscan;
UPDATE bench.result SET us = us / answer WHERE topic = 'totals' AND subject = 'one';

-- Folding what a tenth of all members bought, beside inserting the same changes
-- into a table like that; and what is read while a transaction that began
-- before it still sees them all.
CREATE TABLE totals.change (LIKE kept.team_delta INCLUDING ALL);
CREATE TABLE totals.new_change (LIKE kept.team_delta);
CREATE PROCEDURE totals.orders(round integer)
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO totals.kept (id, member_id, amount) SELECT 1000000000 + round * 10000000 + n, member_id, amount FROM totals.new_order;
END $$;
CREATE PROCEDURE totals.plain(round integer)
LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE totals.new_change, totals.change;
	INSERT INTO totals.new_change SELECT * FROM kept.team_delta;
	CALL bench.clock('totals', 'joined', 'many', 'plain INSERT', round, 'INSERT INTO totals.change SELECT * FROM totals.new_change',
		'SELECT count(*), sum(volume)::bigint FROM totals.change');
END $$;
-- what fold() does for totals; it folds the ledger as well
CREATE PROCEDURE totals.fold(round integer)
LANGUAGE plpgsql AS $$
DECLARE
	changes bigint := (SELECT count(*) FROM kept.team_delta);
	volume bigint := (SELECT sum(d.volume) FROM kept.team_delta d);
	started double precision := bench.now_us();
	us double precision;
BEGIN
	WHILE distributor.fold_team('kept', 10000) > 0 LOOP
		COMMIT;
	END LOOP;
	us := bench.now_us() - started;
	INSERT INTO bench.result VALUES ('totals', 'joined', 'many', 'fold', round, us, changes - (SELECT count(*) FROM kept.team_delta), volume);
END $$;
CREATE PROCEDURE totals.folds(rounds integer)
LANGUAGE plpgsql AS $$
BEGIN
	FOR round IN 0 .. rounds LOOP
		CALL totals.orders(round);
		COMMIT;
		CALL totals.ask('the largest team', 'this, many changes', round, 5, 'SELECT t.people FROM distributor.team_total(''kept'', $1) t');
		CALL totals.plain(round);
		COMMIT;
		CALL totals.fold(round);
		CALL distributor.fold('kept');
		COMMIT;
	END LOOP;
END $$;
CALL totals.folds(:rounds);

BEGIN;
SELECT pg_current_xact_id();
PREPARE TRANSACTION 'old';
CALL totals.orders(:rounds + 1);
CALL distributor.fold('kept');
CALL totals.ask('the largest team', 'this, folded beside an old snapshot', 1, 2000, 'SELECT t.people FROM distributor.team_total(''kept'', $1) t');
ROLLBACK PREPARED 'old';
DROP SCHEMA totals CASCADE;
SELECT distributor.drop_program('kept'), distributor.drop_program('unkept');
