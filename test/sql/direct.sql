-- Posting goes without queries where it can, and by them where it cannot: what
-- is posted, and every error, is the same.

SET search_path = public, distributor;
SET client_min_messages = warning;

CREATE FUNCTION di_try(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ': ' || SQLERRM;
END $$;

SELECT create_program('di', 'USD');
CREATE TABLE di_users (id bigint PRIMARY KEY, up bigint, r text);
CREATE TABLE di_orders (id bigint PRIMARY KEY, buyer bigint, total numeric, state text DEFAULT 'paid', note text, at timestamptz DEFAULT '2026-01-01 00:00+00');
SELECT attach_members('di', 'di_users', 'id', 'up', rank => 'r');
SELECT set_plan('di', '{"rules": [{"name": "s", "kind": "unilevel", "levels": ["10%", "5%", "2%"]}]}');
SELECT attach_orders('di', 'di_orders', 'id', 'buyer', 'total', status => 'state', attributes => '{note}', occurred_at => 'at');
INSERT INTO di_users VALUES (1, NULL), (2, 1), (3, 2), (4, 3);

-- what the last orders were paid, oldest first
CREATE FUNCTION di_paid(after text) RETURNS TABLE (order_key text, paid text) LANGUAGE sql AS $$
	SELECT s.order_key, string_agg(format('%s:%s=%s', l.level, l.member_id, l.amount), ' ' ORDER BY l.level)
	FROM di.sale s LEFT JOIN di.ledger l ON l.source = 'sale' AND l.source_id = s.sale_id
	WHERE s.order_key COLLATE "C" >= after GROUP BY s.sale_id ORDER BY s.sale_id $$;

-- one, several, none; the same key is refused by the table itself
INSERT INTO di_orders VALUES (10, 4, 100);
INSERT INTO di_orders SELECT i, 4, i FROM generate_series(11, 13) i;
INSERT INTO di_orders SELECT i, 4, i FROM generate_series(11, 13) i WHERE false;
INSERT INTO di_orders VALUES (14, 4, 100, 'open');
SELECT * FROM di_paid('1');
SELECT order_key, member_id, occurred_at AT TIME ZONE 'UTC' AS occurred_at, posted_at = occurred_at AS same, plan_version, order_source_id,
	revision, replaces, amount, currency, path, path_ranks, path_states, attributes, counters, author
FROM di.sale WHERE order_key IN ('10', '11') ORDER BY sale_id;
SELECT entry_id, source_id = (SELECT sale_id FROM di.sale WHERE order_key = '10') AS its, member_id, basis, reverses, posted_at = available_at AS same,
	line, level, source, rule, amount, currency
FROM di.ledger ORDER BY entry_id LIMIT 3;

-- what is known of the registration, the plan, the members and the settings is as it is now
UPDATE di_users SET r = 'gold' WHERE id = 2;
SELECT set_state('di', 1, 'frozen');
INSERT INTO di_orders VALUES (20, 4, 100);
SELECT * FROM di_paid('20');
SELECT set_plan('di', '{"ranks": ["gold"], "rules": [{"name": "g", "kind": "unilevel", "levels": ["1%", "1%"]}]}');
INSERT INTO di_orders VALUES (21, 4, 100, DEFAULT, 'x', now());
SELECT * FROM di_paid('21');
SELECT path_ranks, path_states FROM di.sale WHERE order_key IN ('20', '21') ORDER BY sale_id;
SELECT pause('di');
INSERT INTO di_orders VALUES (22, 4, 100, DEFAULT, NULL, now());
SELECT count(*) FROM di.sale WHERE order_key = '22';
SELECT resume('di');
SELECT count(*) FROM di.sale WHERE order_key = '22';
ALTER TABLE di_orders ALTER total TYPE text;
SELECT di_try($q$INSERT INTO di_orders VALUES (23, 4, 'a lot', DEFAULT, NULL, now())$q$);
ALTER TABLE di_orders ALTER total TYPE bigint USING total::numeric;
INSERT INTO di_orders VALUES (23, 4, 300, DEFAULT, NULL, now());
ALTER TABLE di_orders RENAME total TO sum;
SELECT di_try($q$INSERT INTO di_orders VALUES (24, 4, 300, DEFAULT, NULL, now())$q$);
ALTER TABLE di_orders RENAME sum TO total;
INSERT INTO di_orders VALUES (24, 4, 300, DEFAULT, NULL, now());
SELECT attach_orders('di', 'di_orders', 'id', 'buyer', 'total', status => 'state', paid => '{paid,done}', attributes => '{note}', occurred_at => 'at');
INSERT INTO di_orders VALUES (25, 4, 300, 'open', NULL, now()), (26, 4, 300, 'done', NULL, now());
SELECT * FROM di_paid('23');
SELECT detach_orders('di', 'di_orders');
INSERT INTO di_orders VALUES (27, 4, 300, 'paid', NULL, now());
SELECT count(*) FROM di.sale WHERE order_key = '27';
SELECT attach_orders('di', 'di_orders', 'id', 'buyer', 'total', status => 'state', paid => '{paid,done}', attributes => '{note}', occurred_at => 'at');

-- errors
SELECT di_try($q$INSERT INTO di_orders VALUES (30, 99, 1, DEFAULT, NULL, now())$q$);
SELECT di_try($q$INSERT INTO di_orders VALUES (30, NULL, 1, DEFAULT, NULL, now())$q$);
SELECT di_try($q$INSERT INTO di_orders VALUES (30, 4, NULL, DEFAULT, NULL, now())$q$);
SELECT di_try($q$INSERT INTO di_orders VALUES (30, 4, -1, DEFAULT, NULL, now())$q$);
SELECT di_try($q$INSERT INTO di_orders VALUES (30, 4, 1, DEFAULT, NULL, 'infinity')$q$);
SELECT di_try($q$INSERT INTO di_orders VALUES (30, 4, 1, DEFAULT, NULL, NULL)$q$);

-- an order recorded by call first: the same, and another
SELECT record_sale('di', '31', 4, 7, occurred_at => '2026-01-01 00:00+00', attributes => '{"note": null}') > 0;
INSERT INTO di_orders VALUES (31, 4, 7);
SELECT record_sale('di', '32', 4, 7) > 0;
SELECT di_try($q$INSERT INTO di_orders VALUES (32, 4, 8)$q$);
-- in the middle of others, the same key twice in a batch
SELECT record_sale('di', '34', 4, 7, occurred_at => '2026-01-01 00:00+00', attributes => '{"note": null}') > 0;
INSERT INTO di_orders SELECT i, 4, 7 FROM generate_series(33, 36) i;
SELECT order_key, order_source_id, author IS NOT NULL AS by_call FROM di.sale WHERE order_key BETWEEN '33' AND '36' ORDER BY order_key;
CREATE TABLE di_twice (id text, buyer bigint, total numeric);
SELECT attach_orders('di', 'di_twice', 'id', 'buyer', 'total');
INSERT INTO di_twice VALUES ('t1', 4, 1), ('t2', 4, 2), ('t1', 4, 1), ('t3', 4, 3), ('t3', 4, 3);
SELECT di_try($q$INSERT INTO di_twice VALUES ('t4', 4, 1), ('t4', 4, 2)$q$);
SELECT * FROM di_paid('t');

-- large values
INSERT INTO di_orders VALUES (40, 4, 7, DEFAULT, (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 10000) i), now());
SELECT length(attributes ->> 'note') FROM di.sale WHERE order_key = '40';

-- older snapshots
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO di_orders VALUES (41, 4, 7);
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO di_orders VALUES (42, 4, 7);
COMMIT;
SELECT * FROM di_paid('41') WHERE order_key IN ('41', '42');
BEGIN;
INSERT INTO di_orders VALUES (43, 4, 7);
SAVEPOINT a;
INSERT INTO di_orders VALUES (44, 4, 7);
ROLLBACK TO a;
INSERT INTO di_orders VALUES (45, 4, 7);
COMMIT;
SELECT order_key FROM di.sale WHERE order_key BETWEEN '43' AND '45' ORDER BY 1;

-- what the owner adds is respected
ALTER TABLE di.ledger ADD noted timestamptz DEFAULT 'epoch', ADD odd bigint DEFAULT 7;
INSERT INTO di_orders VALUES (50, 4, 100, DEFAULT, NULL, now());
SELECT DISTINCT noted AT TIME ZONE 'UTC' AS noted, odd FROM di.ledger WHERE source_id = (SELECT sale_id FROM di.sale WHERE order_key = '50');
ALTER TABLE di.ledger ADD twice numeric GENERATED ALWAYS AS (amount * 2) STORED;
INSERT INTO di_orders VALUES (51, 4, 100, DEFAULT, NULL, now());
SELECT amount, twice FROM di.ledger WHERE source_id = (SELECT sale_id FROM di.sale WHERE order_key = '51') ORDER BY level;
ALTER TABLE di.ledger DROP twice;
ALTER TABLE di.ledger ADD CONSTRAINT modest CHECK (amount < 50);
SELECT di_try($q$INSERT INTO di_orders VALUES (52, 4, 10000, DEFAULT, NULL, now())$q$);
SELECT count(*) FROM di.sale WHERE order_key = '52';
ALTER TABLE di.ledger DROP CONSTRAINT modest;
CREATE FUNCTION di_modest(numeric) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN $1 < 50; END $$;
ALTER TABLE di.ledger ADD CONSTRAINT modest CHECK (di_modest(amount));
SELECT di_try($q$INSERT INTO di_orders VALUES (52, 4, 10000, DEFAULT, NULL, now())$q$);
INSERT INTO di_orders VALUES (53, 4, 100, DEFAULT, NULL, now());
ALTER TABLE di.ledger DROP CONSTRAINT modest;
ALTER TABLE di.sale ADD must text NOT NULL DEFAULT 'is';
INSERT INTO di_orders VALUES (54, 4, 100, DEFAULT, NULL, now());
ALTER TABLE di.sale ALTER must DROP DEFAULT;
SELECT di_try($q$INSERT INTO di_orders VALUES (55, 4, 100, DEFAULT, NULL, now())$q$);
ALTER TABLE di.sale DROP must;
CREATE UNIQUE INDEX di_once ON di.ledger (member_id) WHERE entry_id > 1000000;
INSERT INTO di_orders VALUES (55, 4, 100, DEFAULT, NULL, now());
DROP INDEX di.di_once;
CREATE UNIQUE INDEX di_once ON di.sale (amount) WHERE amount > 5000;
INSERT INTO di_orders VALUES (56, 4, 5600, DEFAULT, NULL, now());
SELECT di_try($q$INSERT INTO di_orders VALUES (57, 4, 5600, DEFAULT, NULL, now())$q$);
DROP INDEX di.di_once;
DROP INDEX di.ledger_entry_id_idx;
CREATE INDEX di_hash ON di.sale USING hash (order_key);
INSERT INTO di_orders VALUES (57, 4, 5600, DEFAULT, NULL, now());
SET enable_seqscan = off;
SELECT count(*) FROM di.sale WHERE order_key = '57';
RESET enable_seqscan;
SELECT * FROM di_paid('5') WHERE order_key LIKE '5%';

-- and what is refused is refused from the next order on
CREATE FUNCTION di_nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER mine AFTER INSERT ON di.ledger FOR EACH ROW EXECUTE FUNCTION di_nothing();
SELECT di_try($q$INSERT INTO di_orders VALUES (60, 4, 100, DEFAULT, NULL, now())$q$);
DROP TRIGGER mine ON di.ledger;
CREATE RULE mine AS ON INSERT TO di.sale DO ALSO NOTHING;
SELECT di_try($q$INSERT INTO di_orders VALUES (60, 4, 100, DEFAULT, NULL, now())$q$);
DROP RULE mine ON di.sale;
ALTER TABLE di.sale ALTER author TYPE varchar;
SELECT di_try($q$INSERT INTO di_orders VALUES (60, 4, 100, DEFAULT, NULL, now())$q$);
ALTER TABLE di.sale ALTER author TYPE text;
ALTER TABLE di.member RENAME TO people;
SELECT di_try($q$INSERT INTO di_orders VALUES (60, 4, 100, DEFAULT, NULL, now())$q$);
ALTER TABLE di.people RENAME TO member;
CREATE TABLE di_heir () INHERITS (di.ledger);
SELECT di_try($q$INSERT INTO di_orders VALUES (60, 4, 100, DEFAULT, NULL, now())$q$);
DROP TABLE di_heir;
INSERT INTO di_orders VALUES (60, 4, 100, DEFAULT, NULL, now());

-- a foreign key of the owner's is checked
CREATE TABLE di_currency (code text COLLATE "C" PRIMARY KEY);
INSERT INTO di_currency VALUES ('EUR');
ALTER TABLE di.sale ADD CONSTRAINT di_fk FOREIGN KEY (currency) REFERENCES di_currency NOT VALID;
SELECT di_try($q$INSERT INTO di_orders VALUES (61, 4, 100, DEFAULT, NULL, now())$q$);
INSERT INTO di_currency VALUES ('USD');
INSERT INTO di_orders VALUES (61, 4, 100, DEFAULT, NULL, now());
ALTER TABLE di.sale DROP CONSTRAINT di_fk;
SELECT * FROM di_paid('6') WHERE order_key LIKE '6%';

-- more than one batch, of rows that the statement keeps in a file
SET work_mem = '64kB';
INSERT INTO di_orders SELECT i, 4, 1 FROM generate_series(700001, 750100) i;
RESET work_mem;
SELECT count(*), sum(amount) FROM di.sale WHERE order_key COLLATE "C" >= '7000' AND length(order_key) = 6;

-- a program that is dropped and made again, in the same session
SELECT drop_program('di');
SELECT create_program('di', 'CNY');
SELECT attach_members('di', 'di_users', 'id', 'up');
SELECT set_plan('di', '{"rules": [{"name": "s", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT attach_orders('di', 'di_orders', 'id', 'buyer', 'total', since => '2030-01-01 00:00+00', occurred_at => 'at');
TRUNCATE di_twice;
SELECT attach_orders('di', 'di_twice', 'id', 'buyer', 'total');
INSERT INTO di_twice VALUES ('t9', 4, 10);
SELECT order_key, l.amount, l.currency FROM di.ledger l JOIN di.sale s ON s.sale_id = l.source_id AND order_key = 't9';
SELECT drop_program('di');
DROP TABLE di_users, di_orders, di_twice, di_currency;
DROP FUNCTION di_paid, di_modest, di_nothing, di_try;
