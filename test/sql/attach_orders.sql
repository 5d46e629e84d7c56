--
-- attach_orders: every paid order posts once, however it comes
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
-- the sales of a program and what they paid, in the order of their keys
CREATE FUNCTION ao_sales(program text DEFAULT 'ao') RETURNS TABLE (order_key text, member_id bigint, amount numeric, currency text, paid text, attributes jsonb)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT s.order_key, s.member_id, s.amount, s.currency, string_agg(l.member_id::text || '':'' || l.amount, '' '' ORDER BY l.level), s.attributes'
		' FROM %1$I.sale s LEFT JOIN %1$I.ledger l ON l.source_id = s.sale_id GROUP BY s.sale_id ORDER BY s.order_key', program);
END
$$;
CREATE FUNCTION ao_drop(program text) RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
BEGIN
	EXECUTE format('DROP SCHEMA %I CASCADE', program);
END
$$;
-- a program with the members 1 > 2 > 3 > 4 that pays 10%, 5%, 1%
CREATE FUNCTION ao_program(program text DEFAULT 'ao', currency text DEFAULT 'CNY') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM create_program(program, currency, time_zone => 'Asia/Shanghai');
	PERFORM set_plan(program, '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%", "1%"]}]}');
	FOR i IN 1..4 LOOP
		PERFORM add_member(program, i, nullif(i - 1, 0));
	END LOOP;
END
$$;

--
-- Columns of all kinds: what is there, what comes, and the same again
--
CREATE TYPE ao_status AS ENUM ('cart', 'paid', 'done');
CREATE TYPE ao_key_enum AS ENUM ('1', '2', 'K');
CREATE DOMAIN ao_money AS numeric(10,2);
CREATE TABLE ao_type (key text, first text, second text, amount text, at text, first_at text, status text, unpaid text, paid text);
INSERT INTO ao_type VALUES
	('int', '1', '2', 'numeric(12,2)', 'timestamptz', '2020-01-01 00:00+00', 'text', 'cart', 'paid'),
	('smallint', '-1', '0', 'integer', 'timestamp', '2020-01-01 00:00', 'ao_status', 'cart', 'done'),
	('bigint', '9223372036854775807', '-9223372036854775808', 'bigint', 'date', '2020-01-01', 'boolean', 'false', 'true'),
	('uuid', '00000000-0000-0000-0000-00000000000A', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'smallint', 'timestamptz', '2020-01-01 00:00+00', 'int', '0', '1'),
	('text', 'O''Brien "x" \', ' ', 'ao_money', 'timestamptz', '2020-01-01 00:00+00', 'char(4)', 'cart', 'paid'),
	('numeric', '1.50', '1e10', 'numeric', 'timestamptz', '2020-01-01 00:00+00', 'varchar(4)', 'cart', 'paid'),
	('char(6)', 'ab', 'a', 'numeric', 'timestamptz', '2020-01-01 00:00+00', 'name', 'cart', 'paid'),
	('ao_key_enum', '1', 'K', 'numeric', 'timestamptz', '2020-01-01 00:00+00', 'text', '', 'paid');
DO $$
DECLARE
	t ao_type;
	s record;
	posted bigint;
BEGIN
	FOR t IN SELECT * FROM ao_type LOOP
		PERFORM ao_program();
		EXECUTE format('CREATE TABLE ao_orders (id %s PRIMARY KEY, buyer int, amount %s, at %s, status %s)', t.key, t.amount, t.at, t.status);
		EXECUTE format('INSERT INTO ao_orders VALUES (%L, 4, 100, %L, %L), (%L, 3, 200, %L, %L)', t.first, t.first_at, t.paid, t.second, t.first_at, t.unpaid);
		SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', occurred_at => 'at', status => 'status', paid => ARRAY[t.paid]) INTO posted;
		EXECUTE format('UPDATE ao_orders SET status = %L', t.paid);
		RAISE NOTICE '% %: posted %, then % again', t.key, t.amount, posted, post_sales('ao');
		FOR s IN SELECT a.*, x.occurred_at FROM ao_sales() a JOIN ao.sale x USING (order_key) LOOP
			RAISE NOTICE '    %', s;
		END LOOP;
		PERFORM pause('ao'), resume('ao');
		EXECUTE format('INSERT INTO ao_orders SELECT id, buyer, amount, at, status FROM ao_orders WHERE false');
		PERFORM detach_orders('ao', 'ao_orders');
		DROP TABLE ao_orders;
		PERFORM ao_drop('ao');
	END LOOP;
END
$$;
DROP TABLE ao_type;
-- kinds of amounts and keys that are none
SELECT ao_program();
DO $$
DECLARE
	type text;
BEGIN
	FOREACH type IN ARRAY '{real,float8,money,text,boolean,timestamptz,jsonb,numeric[]}'::text[] LOOP
		EXECUTE format('CREATE TABLE ao_orders (id int, buyer bigint, amount %1$s, at timestamptz)', type);
		RAISE NOTICE '%', fails($s$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount')$s$);
		DROP TABLE ao_orders;
	END LOOP;
	FOREACH type IN ARRAY '{float8,date,boolean,jsonb,bytea}'::text[] LOOP
		EXECUTE format('CREATE TABLE ao_orders (id %1$s, buyer bigint, amount numeric, at timestamptz)', type);
		RAISE NOTICE '%', split_part(fails($s$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount')$s$), E'\n', 1);
		DROP TABLE ao_orders;
	END LOOP;
END
$$;
CREATE TABLE ao_orders (id int PRIMARY KEY, buyer bigint, amount numeric, at timestamptz, status text, cur text, note text, buyer_key text);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer_key', 'amount')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'at', 'amount')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', occurred_at => 'note')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', status => 'at')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', currency => 'at')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', attributes => '{note,nothing}')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', attributes => '{{note},{at}}')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', attributes => '{NULL}')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', status => 'status', paid => '{}')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', status => 'status', paid => '{paid,NULL}')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', status => 'status', paid => NULL)$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', since => NULL)$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', since => '2020-01-01')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', occurred_at => 'at', since => 'infinity')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', NULL, 'buyer', 'amount')$$);
SELECT fails($$SELECT attach_orders('ao', NULL, 'id', 'buyer', 'amount')$$);
SELECT fails($$SELECT attach_orders(NULL, 'ao_orders', 'id', 'buyer', 'amount')$$);
SELECT fails($$SELECT attach_orders('nowhere', 'ao_orders', 'id', 'buyer', 'amount')$$);
CREATE VIEW ao_view AS SELECT * FROM ao_orders;
SELECT fails($$SELECT attach_orders('ao', 'ao_view', 'id', 'buyer', 'amount')$$);
DROP VIEW ao_view;
SELECT fails($$SELECT detach_orders('ao', 'ao_orders')$$);
SELECT fails($$SELECT post_sales('ao', 'ao_orders')$$);
SELECT fails($$SELECT post_sales(NULL)$$);
-- no table at all: nothing to post
SELECT post_sales('ao'), resume('ao');
SELECT count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'ao_orders'::regclass;

--
-- Values
--
SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', occurred_at => 'at', status => 'status', currency => 'cur', attributes => '{note}');
INSERT INTO ao_orders VALUES (1, 4, 0, '2020-01-01', 'paid'), (2, 4, 1e20, '2020-01-01', 'paid'), (3, 4, 0.01, '2020-01-01', 'paid');
INSERT INTO ao_orders VALUES (4, 4, 1234, '2020-01-01', 'paid', 'JPY', NULL), (5, 4, 1.2345, '2020-01-01', 'paid', 'KWD', NULL), (6, 1, 100, '2020-01-01', 'paid', NULL, 'a root');
SELECT * FROM ao_sales();
SELECT fails($$INSERT INTO ao_orders VALUES (10, 4, 1, '2020-01-01', 'paid', 'usd')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, 4, 1, '2020-01-01', 'paid', 'ZZZ')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, 4, 1, '2020-01-01', 'paid', '')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, 4, 'NaN', '2020-01-01', 'paid')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, 4, 'Infinity', '2020-01-01', 'paid')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, 4, '-Infinity', '2020-01-01', 'paid')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, 4, 1e1000, '2020-01-01', 'paid')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, 4, -0.01, '2020-01-01', 'paid')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, 4, NULL, '2020-01-01', 'paid')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, NULL, 1, '2020-01-01', 'paid')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, 4, 1, NULL, 'paid')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, 4, 1, 'infinity', 'paid')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, 4, 1, '-infinity', 'paid')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, 99, 1, '2020-01-01', 'paid')$$);
SELECT fails($$INSERT INTO ao_orders VALUES (10, -1, 1, '2020-01-01', 'paid')$$);
-- not paid: none of our business
INSERT INTO ao_orders VALUES (10, NULL, 'NaN', NULL, NULL, NULL), (11, 99, -1, 'infinity', 'open', 'x'), (12, 4, NULL, NULL, '', NULL);
DELETE FROM ao_orders WHERE id = 10;
UPDATE ao_orders SET amount = 5, buyer = 3, id = 13 WHERE id = 12;
SELECT fails($$UPDATE ao_orders SET status = 'paid' WHERE id = 11$$);
UPDATE ao_orders SET status = 'paid', at = '2020-01-01' WHERE id = 13;
SELECT * FROM ao_sales() WHERE order_key = '13';
SELECT detach_orders('ao', 'ao_orders');
DROP TABLE ao_orders;
-- keys
CREATE TABLE ao_orders (id text, buyer bigint, amount numeric);
SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount');
SELECT fails($$INSERT INTO ao_orders VALUES (NULL, 4, 10)$$);
SELECT fails($$INSERT INTO ao_orders VALUES ('', 4, 10)$$);
SELECT fails($$INSERT INTO ao_orders VALUES (repeat('x', 1025), 4, 10)$$);
INSERT INTO ao_orders VALUES (repeat('x', 1024), 4, 10), ('a', 4, 10), ('A', 4, 10), ('a ', 4, 10);
-- one key twice: the same order, or an error
INSERT INTO ao_orders VALUES ('b', 4, 10), ('b', 4, 10.00), ('b', 4, 10);
INSERT INTO ao_orders VALUES ('b', 4, 10);
SELECT fails($$INSERT INTO ao_orders VALUES ('c', 4, 10), ('c', 4, 11)$$);
SELECT fails($$INSERT INTO ao_orders VALUES ('b', 3, 10)$$);
SELECT fails($$INSERT INTO ao_orders VALUES ('b', 4, 11)$$);
SELECT left(order_key, 10) AS order_key, paid FROM ao_sales() WHERE order_key !~ '^[0-9]';
SELECT detach_orders('ao', 'ao_orders');
DROP TABLE ao_orders;
SELECT ao_drop('ao');

--
-- since: what occurred before is not posted, now or later
--
SELECT ao_program();
CREATE TABLE ao_orders (id int PRIMARY KEY, buyer bigint, amount numeric, day date, status text DEFAULT 'paid');
INSERT INTO ao_orders VALUES (1, 4, 100, '2019-12-31', 'paid'), (2, 4, 100, '2020-01-01', 'paid'), (3, 4, 100, '2020-01-02', 'paid'), (4, 4, 100, '2019-01-01', 'open');
-- midnight in Shanghai is 16:00 in UTC
SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', occurred_at => 'day', status => 'status', since => '2019-12-31 16:00+00');
SELECT order_key, occurred_at FROM ao.sale ORDER BY 1;
INSERT INTO ao_orders VALUES (5, 4, 100, '2019-12-31'), (6, 4, 100, '2020-01-03');
UPDATE ao_orders SET status = 'paid' WHERE id = 4;
UPDATE ao_orders SET amount = 200, buyer = 1 WHERE id = 1;
DELETE FROM ao_orders WHERE id = 1;
-- a change of time may bring an order in, not out
UPDATE ao_orders SET day = '2020-02-01' WHERE id = 4;
SELECT fails($$UPDATE ao_orders SET day = '2019-02-01' WHERE id = 2$$);
SELECT post_sales('ao'), post_sales('ao', 'ao_orders', '2020-01-02'), post_sales('ao', since => NULL);
SELECT order_key, occurred_at FROM ao.sale ORDER BY 1;
-- attached again, from earlier on
SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', occurred_at => 'day', status => 'status');
SELECT order_key, occurred_at FROM ao.sale ORDER BY 1;
SELECT order_source_id, since, detached_at FROM ao.order_source;
SELECT detach_orders('ao', 'ao_orders');
DROP TABLE ao_orders;
SELECT ao_drop('ao');

--
-- Attributes: stored with the sale, in a form that settings do not change
--
SELECT ao_program();
CREATE TABLE ao_orders (id int PRIMARY KEY, buyer bigint, amount numeric, "Channel" text, at timestamptz, local timestamp, day date, j json, jb jsonb, n numeric, f float8, b boolean, a int[]);
SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', attributes => '{Channel,at,local,day,j,jb,n,b,a,f,Channel}');
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
INSERT INTO ao_orders VALUES (1, 4, 100, 'say "hi"', '2020-07-01 12:00+00', '2020-07-01 12:00', '2020-07-01', '{"b": 1,  "a": [1.0]}', '{"b": 1, "a": [1.0]}', 1.50, 0.5, true, '{1,NULL}');
INSERT INTO ao_orders VALUES (2, 4, 100);
SET timezone = 'Asia/Tokyo';
SET datestyle = 'German';
UPDATE ao_orders SET at = at, j = j, amount = 100.00;
SELECT post_sales('ao');
SET timezone = 'UTC';
RESET datestyle;
SELECT order_key, attributes FROM ao.sale ORDER BY 1;
-- a value that means the same is no change, another one is
UPDATE ao_orders SET j = '{"a":[1.00],"b":1}', n = 1.5 WHERE id = 1;
SELECT fails($$UPDATE ao_orders SET "Channel" = 'web' WHERE id = 1$$);
SELECT fails($$UPDATE ao_orders SET at = at + interval '1 s' WHERE id = 1$$) ~ '^55000: order "1" has been posted: its attributes cannot be changed' AS refused;
DROP TABLE ao_orders;
SELECT ao_drop('ao');

--
-- Attached again with a later since, or with fewer words that mean paid: what
-- has been posted stays as it is
--
SELECT ao_program();
CREATE TABLE ao_orders (id int PRIMARY KEY, buyer bigint, amount numeric, at timestamptz, status text, note text);
INSERT INTO ao_orders VALUES (1, 4, 100, '2020-01-01', 'paid'), (2, 4, 100, '2020-01-01', 'done'), (3, 4, 100, '2021-06-01', 'paid'), (4, 4, 100, '2020-01-01', 'open'), (5, 4, 100, '2021-06-01', 'done');
SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', occurred_at => 'at', status => 'status', paid => '{paid,done}');
SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', occurred_at => 'at', status => 'status', paid => '{paid,done}', since => '2021-01-01');
SELECT fails('UPDATE ao_orders SET amount = 200 WHERE id = 1');
SELECT fails('UPDATE ao_orders SET buyer = 3 WHERE id = 1');
SELECT fails('UPDATE ao_orders SET at = ''2020-01-02'' WHERE id = 1');
SELECT fails('UPDATE ao_orders SET at = ''2021-02-01'' WHERE id = 1');
SELECT fails('UPDATE ao_orders SET at = ''2020-02-01'' WHERE id = 3');
SELECT fails('UPDATE ao_orders SET status = ''void'' WHERE id = 1');
SELECT fails('UPDATE ao_orders SET id = 11 WHERE id = 1');
SELECT fails('DELETE FROM ao_orders WHERE id = 1');
-- what is no change goes on, and what is before and was never posted is free
UPDATE ao_orders SET status = 'done', note = 'x', amount = 100.0 WHERE id = 1;
UPDATE ao_orders SET status = 'paid', amount = 500 WHERE id = 4;
INSERT INTO ao_orders VALUES (6, 4, 100, '2020-01-01', 'paid');
UPDATE ao_orders SET amount = 600 WHERE id = 6;
DELETE FROM ao_orders WHERE id = 6;
-- and while no trigger looks
SELECT pause('ao'), resume('ao');
SELECT pause('ao');
UPDATE ao_orders SET amount = 200 WHERE id = 1;
SELECT fails($$SELECT resume('ao')$$);
UPDATE ao_orders SET amount = 100, status = 'void' WHERE id = 1;
SELECT fails($$SELECT resume('ao')$$);
UPDATE ao_orders SET status = 'paid' WHERE id = 1;
SELECT resume('ao');
-- fewer words
SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', occurred_at => 'at', status => 'status');
SELECT order_key FROM ao.sale ORDER BY 1;
SELECT fails('UPDATE ao_orders SET amount = 200 WHERE id = 2');
SELECT fails('DELETE FROM ao_orders WHERE id = 2');
SELECT fails('UPDATE ao_orders SET status = ''done'' WHERE id = 3');
UPDATE ao_orders SET note = 'y';
-- catching up needs the words that were posted by
SELECT pause('ao');
SELECT fails($$SELECT resume('ao')$$);
SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', occurred_at => 'at', status => 'status', paid => '{paid,done}');
SELECT resume('ao');
DROP TABLE ao_orders;

--
-- A boolean status has two words
--
CREATE TABLE ao_orders (id int PRIMARY KEY, buyer bigint, amount numeric, ok boolean);
INSERT INTO ao_orders VALUES (20, 4, 100, true), (21, 4, 100, false), (22, 4, 100, NULL);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', status => 'ok')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', status => 'ok', paid => '{t}')$$);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', status => 'ok', paid => '{true,TRUE}')$$);
SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', status => 'ok', paid => '{true}');
UPDATE ao_orders SET ok = true WHERE id = 21;
SELECT order_key FROM ao.sale WHERE order_key ~ '^2.' ORDER BY 1;
DROP TABLE ao_orders;

--
-- Times among the attributes are the same in every session
--
CREATE TABLE ao_orders (id int PRIMARY KEY, buyer bigint, amount numeric, at timestamptz, many timestamptz[], range tstzrange, local timestamp);
SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount', attributes => '{at,many,range,local}');
SET timezone = 'America/New_York';
INSERT INTO ao_orders VALUES (30, 4, 100, '2020-07-01 12:00+00', '{2020-07-01 12:00+00,2020-01-01 12:00+00,NULL}', '[2020-07-01 12:00+00,2020-07-02 00:00+00)', '2020-07-01 12:00');
SET timezone = 'Asia/Tokyo';
UPDATE ao_orders SET at = '2020-07-01 21:00+09', many = '{2020-07-01 21:00+09,2020-01-01 21:00+09,NULL}', range = '[2020-07-01 21:00+09,2020-07-02 09:00+09)';
INSERT INTO ao_orders SELECT 31, buyer, amount, at, many, range, local FROM ao_orders;
SELECT post_sales('ao');
SELECT pause('ao'), resume('ao');
SHOW timezone;
SELECT fails('UPDATE ao_orders SET at = at + interval ''1 s'' WHERE id = 30') ~ '^55000.*its attributes cannot be changed' AS refused;
SET timezone = 'UTC';
SELECT order_key, attributes FROM ao.sale WHERE order_key ~ '^3.' ORDER BY 1;
DROP TABLE ao_orders;
-- tables that others inherit from are refused
CREATE TABLE ao_orders (id int PRIMARY KEY, buyer bigint, amount numeric);
CREATE TABLE ao_more () INHERITS (ao_orders);
SELECT fails($$SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount')$$);
DROP TABLE ao_more;
SELECT attach_orders('ao', 'ao_orders', 'id', 'buyer', 'amount');
DROP TABLE ao_orders;
SELECT ao_drop('ao');

DROP FUNCTION ao_sales(text), ao_drop(text), ao_program(text, text);
DROP TYPE ao_status, ao_key_enum;
DROP DOMAIN ao_money;
