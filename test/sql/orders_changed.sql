--
-- What happens to an attached table of orders: what is posted stays as it is
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
-- the sales of a program in one line
CREATE FUNCTION oc_sales(program text DEFAULT 'oc') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(s.order_key || ''='' || s.amount || coalesce('' ('' || l.paid || '')'', ''''), '', '' ORDER BY s.order_key COLLATE "C")'
		' FROM %1$I.sale s LEFT JOIN (SELECT source_id, string_agg(member_id::text || '':'' || amount, '' '' ORDER BY level) FROM %1$I.ledger GROUP BY 1) l(id, paid)'
		' ON l.id = s.sale_id', program) INTO result;
	RETURN result;
END
$$;
CREATE FUNCTION oc_drop(program text) RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
BEGIN
	EXECUTE format('DROP SCHEMA %I CASCADE', program);
END
$$;

SELECT create_program('oc', 'CNY', time_zone => 'UTC');
SELECT set_plan('oc', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%"]}]}');
CREATE TABLE oc_users (id bigint PRIMARY KEY, up bigint REFERENCES oc_users, state text);
CREATE TABLE oc_orders (id int PRIMARY KEY, buyer bigint REFERENCES oc_users, amount numeric, at timestamptz DEFAULT '2020-01-01', status text DEFAULT 'paid', cur text, channel text, note text);
SELECT attach_members('oc', 'oc_users', 'id', 'up', state => 'state');
INSERT INTO oc_users VALUES (1, NULL), (2, 1), (3, 2);
SELECT attach_orders('oc', 'oc_orders', 'id', 'buyer', 'amount', 'at', 'status', '{paid,done}', 'cur', '{channel}');

--
-- Ways to come
--
INSERT INTO oc_orders (id, buyer, amount) VALUES (1, 3, 10), (2, 2, 20), (3, 1, 30);
COPY oc_orders (id, buyer, amount, status) FROM stdin;
4	3	40	paid
5	3	50	open
\.
INSERT INTO oc_orders (id, buyer, amount, status) VALUES (6, 3, 60, 'open'), (7, 3, 70, NULL), (8, 3, 80, 'Paid'), (9, 3, 90, 'open');
SELECT oc_sales();
UPDATE oc_orders SET status = 'paid' WHERE id = 5;
UPDATE oc_orders SET status = 'done', amount = 61 WHERE id = 6;
-- paid statuses follow each other
UPDATE oc_orders SET status = 'done' WHERE id < 6;
-- what is no column of ours
UPDATE oc_orders SET note = 'x';
INSERT INTO oc_orders (id, buyer, amount) VALUES (1, 3, 10), (10, 3, 100) ON CONFLICT DO NOTHING;
INSERT INTO oc_orders (id, buyer, amount, status) VALUES (9, 3, 90, 'paid'), (11, 3, 110, 'open') ON CONFLICT (id) DO UPDATE SET status = excluded.status;
MERGE INTO oc_orders o USING (VALUES (11, 'paid'), (12, 'paid'), (7, 'gone')) AS n(id, status) ON o.id = n.id
WHEN MATCHED AND n.status = 'gone' THEN DELETE
WHEN MATCHED THEN UPDATE SET status = n.status
WHEN NOT MATCHED THEN INSERT (id, buyer, amount, status) VALUES (n.id, 3, 120, n.status);
SELECT oc_sales();
-- a user and its order in one statement
WITH u AS (INSERT INTO oc_users VALUES (4, 3) RETURNING id)
INSERT INTO oc_orders (id, buyer, amount) SELECT 13, id, 130 FROM u;
SELECT oc_sales() ~ '13=130 \(3:13.00 2:6.50\)' AS paid;

--
-- Changes of what has been posted
--
SELECT fails('UPDATE oc_orders SET status = ''open'' WHERE id = 1');
SELECT fails('UPDATE oc_orders SET status = NULL WHERE id = 1');
SELECT fails('UPDATE oc_orders SET amount = amount + 0.01 WHERE id = 1');
SELECT fails('UPDATE oc_orders SET amount = NULL WHERE id = 1');
SELECT fails('UPDATE oc_orders SET buyer = 2 WHERE id = 1');
SELECT fails('UPDATE oc_orders SET buyer = NULL WHERE id = 1');
SELECT fails('UPDATE oc_orders SET cur = ''USD'' WHERE id = 1');
SELECT fails('UPDATE oc_orders SET at = ''2020-01-02'' WHERE id = 1');
SELECT fails('UPDATE oc_orders SET channel = ''web'' WHERE id = 1');
SELECT fails('UPDATE oc_orders SET id = 101 WHERE id = 1');
SELECT fails('UPDATE oc_orders SET id = 101, status = ''open'' WHERE id = 1');
SELECT fails('UPDATE oc_orders SET id = -id');
SELECT fails('DELETE FROM oc_orders WHERE id = 1');
SELECT fails('DELETE FROM oc_orders');
SELECT fails('TRUNCATE oc_orders');
SELECT fails('TRUNCATE oc_users CASCADE');
SELECT fails('INSERT INTO oc_orders (id, buyer, amount) VALUES (1, 3, 11) ON CONFLICT (id) DO UPDATE SET amount = excluded.amount');
-- the same in other words is no change
UPDATE oc_orders SET amount = amount * 1.000, cur = 'CNY', at = '2020-01-01 08:00+08' WHERE id = 1;
SELECT post_sales('oc'), post_sales('oc', 'oc_orders');
-- what has not been posted is free
UPDATE oc_orders SET amount = 81, buyer = 2, id = 88, cur = 'USD', channel = 'web', at = now() WHERE id = 8;
DELETE FROM oc_orders WHERE id = 88;
INSERT INTO oc_orders (id, buyer, amount, status) VALUES (8, 3, 80, 'open'), (88, 3, 88, 'open');
-- a new key and payment at once
UPDATE oc_orders SET id = 14, status = 'paid' WHERE id = 8;
-- a statement with one bad order of many does nothing
SELECT fails('UPDATE oc_orders SET status = ''paid'', amount = CASE id WHEN 13 THEN 0 ELSE amount END');
SELECT oc_sales();
SELECT count(*) AS sales, sum(amount) AS amount FROM oc.sale;

--
-- Errors that are caught, savepoints, and what the session is like afterwards
--
CREATE ROLE regress_oc_clerk;
GRANT INSERT, SELECT, UPDATE ON oc_orders TO regress_oc_clerk;
SET ROLE regress_oc_clerk;
SET search_path = distributor, public;
DO $$
BEGIN
	FOR i IN 1..2 LOOP
		BEGIN
			INSERT INTO oc_orders (id, buyer, amount) VALUES (20, 3, 'NaN');
		EXCEPTION WHEN numeric_value_out_of_range THEN
			RAISE NOTICE 'caught: %, search_path %, role %', SQLERRM, current_setting('search_path'), current_user;
		END;
		INSERT INTO oc_orders (id, buyer, amount) VALUES (20 + i, 3, 10);
	END LOOP;
END
$$;
SHOW search_path;
SELECT current_user, fails('SELECT * FROM oc.ledger') AS reads, fails('INSERT INTO oc.ledger DEFAULT VALUES') AS writes,
	fails($$SELECT record_sale('oc', 'X', 3, 10)$$) AS records, fails($$SELECT post_sales('oc')$$) AS posts;
RESET ROLE;
GRANT USAGE ON SCHEMA oc TO regress_oc_clerk;
SET ROLE regress_oc_clerk;
SELECT fails('SELECT * FROM oc.ledger') AS reads, fails('SELECT * FROM oc.earnings') AS views, fails('INSERT INTO oc.ledger DEFAULT VALUES') AS writes,
	fails($$SELECT record_sale('oc', 'X', 3, 10)$$) AS records, fails($$SELECT post_sales('oc')$$) AS posts,
	fails($$SELECT * FROM explain('oc', '1')$$) AS explains, fails($$SELECT * FROM team('oc', 1)$$) AS teams,
	fails($$SELECT pause('oc')$$) AS pauses, fails($$SELECT detach_orders('oc', 'oc_orders')$$) AS detaches,
	fails($$SELECT attach_orders('oc', 'oc_orders', 'id', 'buyer', 'amount')$$) AS attaches,
	fails($$SELECT set_plan('oc', '{"rules": [{"name": "mine", "kind": "unilevel", "levels": ["99%"]}]}')$$) AS plans,
	fails('ALTER TABLE oc.ledger DISABLE TRIGGER ALL') AS alters \gx
RESET ROLE;
REVOKE ALL ON SCHEMA oc FROM regress_oc_clerk;
SET search_path = public, distributor;
REVOKE ALL ON oc_orders FROM regress_oc_clerk;
DROP ROLE regress_oc_clerk;
BEGIN;
INSERT INTO oc_orders (id, buyer, amount) VALUES (23, 3, 10);
SAVEPOINT s;
INSERT INTO oc_orders (id, buyer, amount) VALUES (24, 3, 'NaN');
ROLLBACK TO s;
INSERT INTO oc_orders (id, buyer, amount) VALUES (25, 3, 10);
SAVEPOINT t;
INSERT INTO oc_orders (id, buyer, amount) VALUES (26, 3, 10);
ROLLBACK TO t;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO oc_orders (id, buyer, amount) VALUES (27, 3, 10);
SELECT fails('SET CONSTRAINTS distributor_orders_oc_insert DEFERRED') ~ '^42704' AS refused;
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
INSERT INTO oc_orders (id, buyer, amount) VALUES (28, 3, 10);
SELECT fails($$SELECT attach_orders('oc', 'oc_orders', 'id', 'buyer', 'amount')$$);
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO oc_orders (id, buyer, amount) VALUES (29, 3, 10);
COMMIT;
SELECT order_key FROM oc.sale WHERE order_key::int >= 20 ORDER BY 1;

--
-- Who is frozen or gone is not paid, and the house keeps it
--
UPDATE oc_users SET state = 'frozen' WHERE id = 2;
INSERT INTO oc_orders (id, buyer, amount) VALUES (30, 3, 100);
UPDATE oc_users SET state = 'left' WHERE id = 1;
INSERT INTO oc_orders (id, buyer, amount) VALUES (31, 3, 100), (32, 2, 100), (33, 1, 100);
UPDATE oc_users SET state = NULL;
INSERT INTO oc_orders (id, buyer, amount) VALUES (34, 3, 100);
SELECT s.order_key, s.path, s.path_states, string_agg(l.member_id::text || ':' || l.amount, ' ' ORDER BY l.level) AS paid
FROM oc.sale s LEFT JOIN oc.ledger l ON l.source_id = s.sale_id WHERE s.order_key >= '30' AND length(s.order_key) = 2 GROUP BY s.sale_id ORDER BY 1;

--
-- What no trigger saw
--
SET session_replication_role = replica;
INSERT INTO oc_orders (id, buyer, amount) VALUES (40, 3, 100), (41, 2, 100);
RESET session_replication_role;
SELECT post_sales('oc', 'oc_orders');
SELECT post_sales('oc');
-- pause: changes of every kind, then resume
SELECT pause('oc'), pause('oc');
INSERT INTO oc_users VALUES (5, 6), (6, 1);
UPDATE oc_users SET up = 1 WHERE id = 3;
UPDATE oc_users SET state = 'frozen' WHERE id = 2;
INSERT INTO oc_orders (id, buyer, amount) VALUES (50, 5, 100), (51, 3, 100);
INSERT INTO oc_orders (id, buyer, amount, status) VALUES (52, 5, 100, 'open');
UPDATE oc_orders SET status = 'paid' WHERE id = 52;
DELETE FROM oc_orders WHERE id = 88;
SELECT count(*) AS unseen FROM oc.sale WHERE order_key LIKE '5_';
SELECT resume('oc'), resume('oc');
SELECT path, state FROM oc.member ORDER BY path;
SELECT oc_sales() ~ '50=100 \(6:10.00 1:5.00\), 51=100 \(1:10.00\), 52=100 \(6:10.00 1:5.00\)' AS posted;
-- a member that went while nobody looked
SELECT pause('oc');
INSERT INTO oc_users VALUES (7, 6), (8, 7);
SELECT resume('oc');
SELECT pause('oc');
DELETE FROM oc_users WHERE id = 8;
SELECT resume('oc');
SELECT path, state FROM oc.member WHERE member_id > 6 ORDER BY path;
-- a posted order that was changed, unpaid, or deleted meanwhile: it stays paused
SELECT pause('oc');
UPDATE oc_orders SET amount = 1000 WHERE id = 50;
SELECT fails($$SELECT resume('oc')$$);
UPDATE oc_orders SET amount = 100, status = 'open' WHERE id = 50;
SELECT fails($$SELECT resume('oc')$$);
DELETE FROM oc_orders WHERE id = 50;
SELECT fails($$SELECT resume('oc')$$);
SELECT paused_at IS NOT NULL AS paused FROM oc.program;
INSERT INTO oc_orders (id, buyer, amount) VALUES (50, 5, 100);
SELECT resume('oc');
SELECT paused_at IS NOT NULL AS paused FROM oc.program;
SELECT pause(NULL), resume(NULL);

--
-- The table changes under its triggers
--
ALTER TABLE oc_orders DROP COLUMN note, ADD COLUMN extra int DEFAULT 1;
INSERT INTO oc_orders (id, buyer, amount) VALUES (60, 3, 100);
UPDATE oc_orders SET extra = 2;
ALTER TABLE oc_orders ALTER amount TYPE numeric(14,4), ALTER id TYPE bigint;
INSERT INTO oc_orders (id, buyer, amount) VALUES (61, 3, 100);
UPDATE oc_orders SET extra = 3;
ALTER TABLE oc_orders ALTER amount TYPE float8;
SELECT fails('INSERT INTO oc_orders (id, buyer, amount) VALUES (62, 3, 100)');
ALTER TABLE oc_orders ALTER amount TYPE numeric;
ALTER TABLE oc_orders RENAME channel TO ch;
SELECT fails('INSERT INTO oc_orders (id, buyer, amount) VALUES (62, 3, 100)');
ALTER TABLE oc_orders RENAME ch TO channel;
INSERT INTO oc_orders (id, buyer, amount) VALUES (62, 3, 100);
SELECT count(*) FROM oc.sale WHERE order_key LIKE '6_';
SELECT post_sales('oc');

--
-- Two tables of orders, and one table for two programs
--
CREATE TABLE oc_more (id int PRIMARY KEY, buyer bigint, amount numeric, at timestamptz DEFAULT '2020-01-01', status text DEFAULT 'paid', cur text, channel text);
SELECT attach_orders('oc', 'oc_more', 'id', 'buyer', 'amount', 'at', 'status', '{paid}', 'cur', '{channel}');
INSERT INTO oc_more (id, buyer, amount) VALUES (1000, 3, 100), (1001, 3, 200);
INSERT INTO oc_orders (id, buyer, amount) VALUES (1002, 3, 100);
UPDATE oc_more SET channel = NULL;
-- keys are unique in the whole program
SELECT fails('INSERT INTO oc_more (id, buyer, amount) VALUES (1002, 3, 101)');
SELECT order_key, order_source_id FROM oc.sale WHERE order_key LIKE '100_' ORDER BY 1;
SELECT relid, order_source_id FROM oc.order_source ORDER BY 2;
SELECT create_program('oc2', 'CNY', time_zone => 'UTC');
SELECT set_plan('oc2', '{"rules": [{"name": "two", "kind": "unilevel", "self": "1%", "levels": []}]}');
SELECT attach_members('oc2', 'oc_users', 'id', 'up');
SELECT attach_orders('oc2', 'oc_more', 'id', 'buyer', 'amount');
INSERT INTO oc_more (id, buyer, amount) VALUES (1003, 3, 300);
SELECT oc_sales('oc2');
SELECT oc_sales('oc') ~ '1003=300 \(1:30.00\)' AS both;
-- dropped, a table is forgotten; the other goes on
DROP TABLE oc_more;
SELECT post_sales('oc'), post_sales('oc2');
SELECT pause('oc'), resume('oc');
INSERT INTO oc_orders (id, buyer, amount) VALUES (63, 3, 100);
SELECT oc_drop('oc2');
SELECT fails('INSERT INTO oc_users VALUES (9, 1)');

DROP TABLE oc_orders, oc_users;
SELECT oc_drop('oc');

--
-- Partitions
--
SELECT create_program('oc', 'CNY', time_zone => 'UTC');
SELECT set_plan('oc', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT add_member('oc', 1), add_member('oc', 2, 1);
CREATE TABLE oc_orders (id int, buyer bigint, amount numeric, at date) PARTITION BY RANGE (at);
CREATE TABLE oc_2020 PARTITION OF oc_orders FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE oc_2021 (amount numeric, at date, dropped int, buyer bigint, id int);
ALTER TABLE oc_2021 DROP COLUMN dropped;
ALTER TABLE oc_orders ATTACH PARTITION oc_2021 FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
INSERT INTO oc_orders VALUES (1, 2, 10, '2020-05-01'), (2, 2, 20, '2021-05-01');
SELECT attach_orders('oc', 'oc_orders', 'id', 'buyer', 'amount');
INSERT INTO oc_orders VALUES (3, 2, 30, '2020-05-01'), (4, 2, 40, '2021-05-01');
INSERT INTO oc_2020 VALUES (5, 2, 50, '2020-05-01');
INSERT INTO oc_2021 (id, buyer, amount, at) VALUES (6, 2, 60, '2021-05-01');
SELECT oc_sales();
-- a row that changes its partition is the same order
UPDATE oc_orders SET at = '2020-06-01' WHERE id = 2;
SELECT fails('UPDATE oc_orders SET at = ''2021-06-01'', amount = 31 WHERE id = 3');
SELECT fails('UPDATE oc_2020 SET amount = 1');
SELECT fails('DELETE FROM oc_2021');
SELECT fails('TRUNCATE oc_2020');
-- a partition that comes later, before and after it is attached
CREATE TABLE oc_2022 PARTITION OF oc_orders FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
INSERT INTO oc_2022 VALUES (7, 2, 70, '2022-05-01');
INSERT INTO oc_orders VALUES (8, 2, 80, '2022-05-01');
SELECT oc_sales();
SELECT attach_orders('oc', 'oc_orders', 'id', 'buyer', 'amount');
INSERT INTO oc_2022 VALUES (9, 2, 90, '2022-05-01');
SELECT oc_sales();
DROP TABLE oc_orders;

--
-- The trigger functions, called as they must not be
--
SELECT fails('SELECT orders_changed()');
SELECT fails('SELECT members_changed()');
SELECT fails('SELECT distributor.guard()');
CREATE TABLE oc_trigger (id int, buyer bigint, amount numeric);
SELECT attach_orders('oc', 'oc_trigger', 'id', 'buyer', 'amount');
DO $$
DECLARE
	definition text;
BEGIN
	FOREACH definition IN ARRAY ARRAY[
		'BEFORE INSERT ON oc_trigger FOR EACH STATEMENT EXECUTE FUNCTION orders_changed(''oc'')',
		'AFTER INSERT ON oc_trigger FOR EACH ROW EXECUTE FUNCTION orders_changed(''oc'')',
		'BEFORE INSERT ON oc_trigger FOR EACH ROW EXECUTE FUNCTION orders_changed(''oc'')',
		'AFTER INSERT ON oc_trigger FOR EACH STATEMENT EXECUTE FUNCTION orders_changed(''oc'')',
		'AFTER INSERT ON oc_trigger REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION orders_changed(''oc'')',
		'AFTER INSERT ON oc_trigger REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orders_changed()',
		'AFTER INSERT ON oc_trigger REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orders_changed(''oc'', ''oc'')',
		'AFTER INSERT ON oc_trigger REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orders_changed(''nowhere'')',
		'AFTER INSERT ON oc_trigger REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orders_changed(''oc''''; DROP TABLE oc_trigger; --'')',
		'AFTER INSERT ON oc_trigger REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION members_changed(''oc'')',
		'AFTER INSERT ON oc_trigger REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orders_changed(''oc'')'] LOOP
		EXECUTE 'CREATE TRIGGER a ' || definition;
		RAISE NOTICE '%', fails('INSERT INTO oc_trigger VALUES (501, 2, 10)');
		DROP TRIGGER a ON oc_trigger;
	END LOOP;
END
$$;
-- the last is as attach_orders makes it: to post twice is to post once
SELECT oc_sales() ~ '501=10 \(1:1.00\)' AS posted, (SELECT count(*) FROM oc.sale WHERE order_key = '501') AS once;
-- an update trigger on columns cannot have what it needs
CREATE TRIGGER a AFTER UPDATE OF amount ON oc_trigger FOR EACH STATEMENT EXECUTE FUNCTION orders_changed('oc');
SELECT fails('UPDATE oc_trigger SET amount = 1');
DROP TRIGGER a ON oc_trigger;
-- on a table of somebody else, also one with the name of ours in another schema
CREATE SCHEMA oc_elsewhere;
CREATE TABLE oc_elsewhere.oc_trigger (LIKE oc_trigger);
CREATE TRIGGER a AFTER INSERT ON oc_elsewhere.oc_trigger REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orders_changed('oc');
SELECT fails('INSERT INTO oc_elsewhere.oc_trigger VALUES (1, 2, 1000000)');
CREATE TEMP TABLE oc_trigger (id int, buyer bigint, amount numeric);
CREATE TRIGGER a AFTER INSERT ON pg_temp.oc_trigger REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION orders_changed('oc');
SELECT fails('INSERT INTO pg_temp.oc_trigger VALUES (1, 2, 1000000)');
DROP SCHEMA oc_elsewhere CASCADE;
DROP TABLE pg_temp.oc_trigger, public.oc_trigger;
SELECT oc_drop('oc');

--
-- One key in two tables, and in a table and a call
--
SELECT create_program('oc', 'CNY', time_zone => 'UTC');
SELECT set_plan('oc', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%"]}]}');
SELECT add_member('oc', 1), add_member('oc', 2, 1);
CREATE TABLE oc_a (id text PRIMARY KEY, buyer bigint, amount numeric, at timestamptz DEFAULT '2020-01-01', status text DEFAULT 'paid');
CREATE TABLE oc_b (LIKE oc_a INCLUDING ALL);
SELECT attach_orders('oc', 'oc_a', 'id', 'buyer', 'amount', 'at', 'status'), attach_orders('oc', 'oc_b', 'id', 'buyer', 'amount', 'at', 'status');
INSERT INTO oc_a VALUES ('1', 2, 10), ('2', 2, 20);
-- the same key with the same content is another order
SELECT fails($$INSERT INTO oc_b VALUES ('1', 2, 10)$$);
SELECT fails($$INSERT INTO oc_b VALUES ('1', 2, 11)$$);
-- while it is not paid, it is none of ours
INSERT INTO oc_b VALUES ('1', 2, 99, DEFAULT, 'open'), ('2', 1, 98, DEFAULT, 'open');
UPDATE oc_b SET amount = 97, buyer = 1 WHERE id = '1';
SELECT fails($$UPDATE oc_b SET status = 'paid' WHERE id = '1'$$);
DELETE FROM oc_b WHERE id = '1';
UPDATE oc_b SET id = '3', status = 'paid' WHERE id = '2';
SELECT oc_sales();
-- but the one that was posted is kept as it is
SELECT fails($$UPDATE oc_a SET amount = 11 WHERE id = '1'$$);
SELECT fails($$DELETE FROM oc_a WHERE id = '1'$$);
-- what triggers did not see
SET session_replication_role = replica;
INSERT INTO oc_b VALUES ('1', 2, 10);
RESET session_replication_role;
SELECT fails($$SELECT post_sales('oc')$$);
SELECT post_sales('oc', 'oc_a');
SELECT pause('oc');
SELECT fails($$SELECT resume('oc')$$);
DELETE FROM oc_b WHERE id = '1';
SELECT resume('oc');
-- recorded by call, then in the table, and the other way round: one sale
SELECT record_sale('oc', 'C', 2, 30, occurred_at => '2020-01-01') > 0 AS recorded;
INSERT INTO oc_a VALUES ('C', 2, 30);
INSERT INTO oc_a VALUES ('D', 2, 40);
SELECT record_sale('oc', 'D', 2, 40, occurred_at => '2020-01-01') = sale_id AS same FROM oc.sale WHERE order_key = 'D';
SELECT fails($$SELECT record_sale('oc', 'D', 2, 41, occurred_at => '2020-01-01')$$);
SELECT record_sale('oc', 'E', 2, 50, occurred_at => '2020-01-01') > 0 AS recorded;
SELECT fails($$INSERT INTO oc_a VALUES ('E', 2, 51)$$);
SELECT order_key, order_source_id, author IS NOT NULL AS by_call FROM oc.sale WHERE order_key IN ('C', 'D', 'E') ORDER BY 1;
SELECT fails($$UPDATE oc_a SET amount = 31 WHERE id = 'C'$$);
SELECT fails($$DELETE FROM oc_a WHERE id = 'C'$$);
SELECT oc_sales();
-- a table that is made anew, or takes the place of another, has the same orders
CREATE TABLE oc_anew (LIKE oc_a INCLUDING ALL);
INSERT INTO oc_anew SELECT * FROM oc_a;
SELECT fails($$SELECT attach_orders('oc', 'oc_anew', 'id', 'buyer', 'amount', 'at', 'status')$$);
SELECT detach_orders('oc', 'oc_a');
SELECT attach_orders('oc', 'oc_anew', 'id', 'buyer', 'amount', 'at', 'status');
SELECT fails($$UPDATE oc_anew SET amount = 11 WHERE id = '1'$$);
SELECT fails($$DELETE FROM oc_anew WHERE id = '1'$$);
DROP TABLE oc_b;
CREATE TABLE oc_b (LIKE oc_a INCLUDING ALL);
INSERT INTO oc_b VALUES ('3', 1, 98), ('4', 2, 40);
SELECT attach_orders('oc', 'oc_b', 'id', 'buyer', 'amount', 'at', 'status');
SELECT fails($$UPDATE oc_b SET status = 'open' WHERE id = '3'$$);
SELECT pause('oc'), resume('oc');
SELECT oc_sales();
DROP TABLE oc_a, oc_b, oc_anew;

--
-- Tables that inherit: one that comes later fires no trigger, but is read
--
CREATE TABLE oc_parent (id int PRIMARY KEY, buyer bigint, amount numeric);
SELECT attach_orders('oc', 'oc_parent', 'id', 'buyer', 'amount');
CREATE TABLE oc_child () INHERITS (oc_parent);
INSERT INTO oc_child VALUES (100, 2, 10), (101, 2, 20);
SELECT count(*) AS posted FROM oc.sale WHERE order_key ~ '^10.$';
SELECT post_sales('oc');
SELECT fails('UPDATE oc_parent SET amount = 1 WHERE id = 100');
SELECT fails('DELETE FROM oc_parent WHERE id = 100');
-- past the parent nobody hears it, until all is compared
UPDATE oc_child SET amount = 1 WHERE id = 100;
SELECT fails($$SELECT post_sales('oc')$$);
UPDATE oc_child SET amount = 10 WHERE id = 100;
INSERT INTO oc_child VALUES (102, 2, 30);
SELECT pause('oc'), resume('oc');
SELECT fails($$SELECT attach_orders('oc', 'oc_parent', 'id', 'buyer', 'amount')$$);
SELECT detach_orders('oc', 'oc_parent');
DROP TABLE oc_child, oc_parent;

--
-- A program that is gone leaves its triggers behind
--
CREATE TABLE oc_orders (id int, buyer bigint, amount numeric, at date) PARTITION BY RANGE (at);
CREATE TABLE oc_2020 PARTITION OF oc_orders FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
SELECT attach_orders('oc', 'oc_orders', 'id', 'buyer', 'amount');
SELECT oc_drop('oc');
SELECT fails('INSERT INTO oc_orders VALUES (1, 2, 10, ''2020-01-01'')');
SELECT fails('INSERT INTO oc_2020 VALUES (1, 2, 10, ''2020-01-01'')');
SELECT detach_orders('oc', 'oc_orders');
INSERT INTO oc_orders VALUES (1, 2, 10, '2020-01-01');
INSERT INTO oc_2020 VALUES (2, 2, 10, '2020-01-01');
SELECT fails($$SELECT detach_orders('oc', 'oc_orders')$$);
DROP TABLE oc_orders;

DROP FUNCTION oc_sales(text), oc_drop(text);
