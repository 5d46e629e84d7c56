-- Posting: orders that are inserted, one by one and a hundred thousand at once.
-- Beside the bare table, one with a row trigger and one with a statement
-- trigger that write the rows of the ledger, and nothing else, by hand.

CREATE SCHEMA posting;

-- who ordered for how much, 100 thousand at a million members
CREATE TABLE posting.new_order AS
	SELECT row_number() OVER (ORDER BY hashint8extended(id, 7)) AS n, id AS member_id,
		50.05 + abs(hashint8(id) % 5000) / 100.0 AS amount
	FROM joined.member WHERE sponsor_id IS NOT NULL ORDER BY n LIMIT (SELECT count(*) / 10 FROM joined.member);
ALTER TABLE posting.new_order ADD PRIMARY KEY (n);

CREATE TABLE posting.bare (id bigint PRIMARY KEY, member_id bigint NOT NULL, amount numeric NOT NULL);
CREATE TABLE posting.by_row (LIKE posting.bare INCLUDING ALL);
CREATE TABLE posting.by_set (LIKE posting.bare INCLUDING ALL);
CREATE TABLE posting.this (LIKE posting.bare INCLUDING ALL);

-- as they are usually written: rows known by order and level, found by member
CREATE TABLE posting.by_row_ledger (
	entry_id bigint GENERATED ALWAYS AS IDENTITY,
	order_id bigint NOT NULL,
	member_id bigint NOT NULL,
	level integer NOT NULL,
	amount numeric NOT NULL,
	posted_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (order_id, level)
);
CREATE INDEX by_row_ledger_member ON posting.by_row_ledger (member_id);
CREATE TABLE posting.by_set_ledger (LIKE posting.by_row_ledger INCLUDING ALL);

CREATE FUNCTION posting.pay_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	WITH RECURSIVE up(id, level) AS (
		SELECT m.sponsor_id, 1 FROM joined.member m WHERE m.id = NEW.member_id
		UNION ALL
		SELECT m.sponsor_id, up.level + 1 FROM up JOIN joined.member m ON m.id = up.id WHERE up.level < 3)
	INSERT INTO posting.by_row_ledger (order_id, member_id, level, amount)
	SELECT NEW.id, up.id, up.level, round(NEW.amount * ('{0.20,0.05,0.03}'::numeric[])[up.level], 2)
	FROM up WHERE up.id IS NOT NULL;
	RETURN NULL;
END $$;
CREATE TRIGGER pay AFTER INSERT ON posting.by_row FOR EACH ROW EXECUTE FUNCTION posting.pay_row();

CREATE FUNCTION posting.pay_set() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO posting.by_set_ledger (order_id, member_id, level, amount)
	SELECT o.id, u.id, u.level, round(o.amount * u.rate, 2)
	FROM new_rows o
		JOIN joined.member m ON m.id = o.member_id
		LEFT JOIN joined.member m1 ON m1.id = m.sponsor_id
		LEFT JOIN joined.member m2 ON m2.id = m1.sponsor_id
		CROSS JOIN LATERAL (VALUES (m.sponsor_id, 1, 0.20), (m1.sponsor_id, 2, 0.05), (m2.sponsor_id, 3, 0.03)) AS u(id, level, rate)
	WHERE u.id IS NOT NULL;
	RETURN NULL;
END $$;
CREATE TRIGGER pay AFTER INSERT ON posting.by_set REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION posting.pay_set();

SELECT distributor.create_program('bench_program', 'USD');
SELECT distributor.attach_members('bench_program', 'joined.member', id => 'id', sponsor => 'sponsor_id');
SELECT distributor.set_plan('bench_program',
	'{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["20%", "5%", "3%"]}]}');
SELECT distributor.attach_orders('bench_program', 'posting.this', key => 'id', member => 'member_id', amount => 'amount');

-- autovacuum is off, and nobody's plans are to be made for empty tables
INSERT INTO posting.by_row SELECT -n, member_id, amount FROM posting.new_order LIMIT 1000;
INSERT INTO posting.by_set SELECT -n, member_id, amount FROM posting.new_order LIMIT 1000;
INSERT INTO posting.this SELECT -n, member_id, amount FROM posting.new_order LIMIT 1000;
INSERT INTO posting.bare SELECT -n, member_id, amount FROM posting.new_order LIMIT 1000;
VACUUM (FREEZE, ANALYZE);

-- one statement for each order, in a loop
CREATE FUNCTION posting.loop(contender text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($body$
		CREATE FUNCTION posting.%I(base bigint, orders bigint) RETURNS void LANGUAGE plpgsql AS $function$
		DECLARE
			o record;
		BEGIN
			FOR o IN SELECT n, member_id, amount FROM posting.new_order WHERE n <= orders LOOP
				INSERT INTO posting.%I VALUES (base + o.n, o.member_id, o.amount);
			END LOOP;
		END $function$ $body$, 'loop_' || contender, contender);
END $$;
SELECT posting.loop(v) FROM unnest('{bare,by_row,by_set,this}'::text[]) v;

-- what a round has written, of whoever writes it
CREATE FUNCTION posting.written(contender text, base bigint) RETURNS text LANGUAGE sql AS $$
	SELECT format('SELECT count(*), sum(hashtextextended(format(''%%s %%s %%s %%s'', o, m, l, a), 0))::numeric %% 1000000007 FROM (%s) r(o, m, l, a)',
		CASE contender
			WHEN 'bare' THEN 'SELECT 0, NULL, NULL, NULL WHERE false'
			WHEN 'this' THEN format('SELECT s.order_key::bigint - %1$s, l.member_id, l.level, l.amount
				FROM bench_program.ledger l JOIN bench_program.sale s ON s.sale_id = l.source_id
				WHERE l.source = ''sale'' AND s.order_key::bigint > %1$s', base)
			ELSE format('SELECT order_id - %2$s, member_id, level, amount FROM posting.%1$I WHERE order_id > %2$s', contender || '_ledger', base) END) $$;

CREATE PROCEDURE posting.race(rounds integer)
LANGUAGE plpgsql AS $$
DECLARE
	c text;
	orders bigint := (SELECT count(*) FROM posting.new_order);
	single bigint := orders / 5;
	base bigint := 0;
BEGIN
	FOR round IN 0 .. rounds LOOP
		base := base + 10000000;
		FOREACH c IN ARRAY '{bare,by_row,by_set,this}'::text[] LOOP
			CALL bench.clock('posting', 'joined', CASE c WHEN 'bare' THEN 'bare one' ELSE 'one' END, c, round,
				format('SELECT posting.%I(%s, %s)', 'loop_' || c, base, single), posting.written(c, base));
			COMMIT;
		END LOOP;
		base := base + 10000000;
		FOREACH c IN ARRAY '{bare,by_row,by_set,this}'::text[] LOOP
			CALL bench.clock('posting', 'joined', CASE c WHEN 'bare' THEN 'bare many' ELSE 'many' END, c, round,
				format('INSERT INTO posting.%I SELECT %s + n, member_id, amount FROM posting.new_order', c, base), posting.written(c, base));
			COMMIT;
		END LOOP;
	END LOOP;
	UPDATE bench.result SET us = us / single WHERE topic = 'posting' AND subject LIKE '%one';
END $$;

CALL posting.race(:rounds);
