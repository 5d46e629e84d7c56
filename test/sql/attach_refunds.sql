--
-- Refunds from the user's tables: a status or an amount of an order, and a
-- table of refunds
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
SELECT create_program('ar', 'CNY', time_zone => 'UTC');
SELECT set_plan('ar', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["10%", "5%"]}]}');
SELECT add_member('ar', 1), add_member('ar', 2, 1), add_member('ar', 3, 2);
-- what was paid for an order and what was taken back, by refund
CREATE VIEW ar_orders AS
	SELECT s.order_key, s.amount,
		   (SELECT string_agg(r.refund_key || ': ' || p.amount, ', ' ORDER BY r.refund_id)
			  FROM ar.refund r JOIN ar.refund_posting p USING (refund_id) WHERE p.sale_id = s.sale_id) AS refunds,
		   (SELECT sum(e.amount) FROM ar.earnings e WHERE e.sale_id = s.sale_id) AS earned
	  FROM ar.sale s;

--
-- By the status of an order
--
CREATE TABLE ar_orders_t (id int PRIMARY KEY, buyer int, amount numeric, status text DEFAULT 'paid', refunded numeric, note text);
INSERT INTO ar_orders_t VALUES (1, 3, 100, 'paid'), (2, 3, 100, 'refunded'), (3, 3, 100, 'open');
SELECT attach_orders('ar', 'ar_orders_t', 'id', 'buyer', 'amount', status => 'status', refunded_amount => 'refunded');
SELECT refunded, refunded_amount_column FROM ar.order_source;
TABLE ar_orders ORDER BY 1;
-- what was never paid is not refunded
UPDATE ar_orders_t SET status = 'canceled' WHERE id IN (2, 3);
INSERT INTO ar_orders_t VALUES (4, 3, 40, 'refunded', 40);
TABLE ar_orders ORDER BY 1;
UPDATE ar_orders_t SET status = 'paid' WHERE id = 3;
-- in one statement: two are taken back, one is placed
INSERT INTO ar_orders_t VALUES (5, 3, 50), (6, 3, 60);
INSERT INTO ar_orders_t VALUES (5, 3, 50, 'refunded'), (6, 3, 60, 'canceled'), (7, 3, 70, 'paid')
	ON CONFLICT (id) DO UPDATE SET status = excluded.status;
TABLE ar_orders ORDER BY 1;
-- what is refunded says nothing more
UPDATE ar_orders_t SET note = 'x', amount = 0 WHERE id = 5;
UPDATE ar_orders_t SET status = 'canceled' WHERE id = 5;
TABLE ar_orders ORDER BY 1;
-- and is neither paid again, nor anything else, nor deleted
SELECT s, fails(s) FROM unnest(ARRAY['UPDATE ar_orders_t SET status = ''paid'' WHERE id = 6', 'UPDATE ar_orders_t SET status = ''open'' WHERE id = 6',
	'DELETE FROM ar_orders_t WHERE id = 6', 'UPDATE ar_orders_t SET id = 60 WHERE id = 6']) AS s;

--
-- By the amount that has been refunded of an order so far
--
UPDATE ar_orders_t SET refunded = 30 WHERE id = 1;
UPDATE ar_orders_t SET refunded = 30.00, note = 'again' WHERE id = 1;
UPDATE ar_orders_t SET refunded = 45.5 WHERE id = 1;
TABLE ar_orders ORDER BY 1;
SELECT s, fails(s) FROM unnest(ARRAY['UPDATE ar_orders_t SET refunded = 45 WHERE id = 1', 'UPDATE ar_orders_t SET refunded = NULL WHERE id = 1',
	'UPDATE ar_orders_t SET refunded = 100.01 WHERE id = 1', 'UPDATE ar_orders_t SET refunded = -1 WHERE id = 7',
	'UPDATE ar_orders_t SET refunded = ''NaN'' WHERE id = 7', 'UPDATE ar_orders_t SET amount = 90 WHERE id = 1']) AS s;
-- beside a refund by call
SELECT record_refund('ar', '1', 'call', 4.5) IS NOT NULL AS recorded;
UPDATE ar_orders_t SET refunded = 50 WHERE id = 1;
TABLE ar_orders ORDER BY 1;
-- and then all of it
UPDATE ar_orders_t SET status = 'refunded', refunded = 100 WHERE id = 1;
-- refunded in part when it comes, and wholly
INSERT INTO ar_orders_t VALUES (8, 3, 100, 'paid', 25), (9, 3, 100, 'paid', 100);
TABLE ar_orders ORDER BY 1;

--
-- What no trigger saw
--
SET session_replication_role = replica;
UPDATE ar_orders_t SET refunded = 75 WHERE id = 8;
UPDATE ar_orders_t SET status = 'refunded' WHERE id = 7;
INSERT INTO ar_orders_t VALUES (10, 3, 10, 'paid', 5);
RESET session_replication_role;
SELECT post_sales('ar'), post_sales('ar', 'ar_orders_t');
TABLE ar_orders ORDER BY 1;
SELECT pause('ar');
UPDATE ar_orders_t SET refunded = 80 WHERE id = 8;
UPDATE ar_orders_t SET status = 'canceled' WHERE id = 3;
SELECT resume('ar');
TABLE ar_orders ORDER BY 1;
SELECT pause('ar');
UPDATE ar_orders_t SET refunded = 10 WHERE id = 8;
SELECT fails($$SELECT resume('ar')$$);
UPDATE ar_orders_t SET refunded = 80 WHERE id = 8;
UPDATE ar_orders_t SET status = 'paid' WHERE id = 3;
SELECT fails($$SELECT resume('ar')$$);
UPDATE ar_orders_t SET status = 'refunded' WHERE id = 3;
SELECT resume('ar');

--
-- How it is attached
--
SELECT s, fails('SELECT attach_orders(''ar'', ''ar_orders_t'', ''id'', ''buyer'', ''amount'', ' || s || ')') FROM unnest(ARRAY[
	$$status => 'status', paid => '{paid,canceled}'$$, $$status => 'status', refunded => NULL$$, $$status => 'status', refunded => '{a,NULL}'$$,
	$$status => 'status', refunded_amount => 'nothing'$$, $$status => 'status', refunded_amount => 'note'$$]) AS s;
-- without statuses that take back, it is as it was
SELECT attach_orders('ar', 'ar_orders_t', 'id', 'buyer', 'amount', status => 'status', paid => '{paid,done}', refunded => '{returned}');
INSERT INTO ar_orders_t VALUES (11, 3, 10);
SELECT fails('UPDATE ar_orders_t SET status = ''canceled'' WHERE id = 11');
UPDATE ar_orders_t SET status = 'returned' WHERE id = 11;
SELECT * FROM ar_orders WHERE order_key = '11';
SELECT attach_orders('ar', 'ar_orders_t', 'id', 'buyer', 'amount', status => 'status', refunded => '{returned,refunded,canceled}', refunded_amount => 'refunded');
-- by a boolean
CREATE TABLE ar_flags (id text PRIMARY KEY, buyer int, amount int, is_paid boolean);
SELECT attach_orders('ar', 'ar_flags', 'id', 'buyer', 'amount', status => 'is_paid', paid => '{true}', refunded => '{false}');
INSERT INTO ar_flags VALUES ('f1', 3, 100, NULL), ('f2', 3, 100, true);
UPDATE ar_flags SET is_paid = true WHERE id = 'f1';
UPDATE ar_flags SET is_paid = false WHERE id = 'f2';
SELECT * FROM ar_orders WHERE order_key ~ 'f' ORDER BY 1;

--
-- A table of refunds
--
CREATE TABLE ar_refunds (no text PRIMARY KEY, order_id text, sum numeric, line text, at timestamp, reason text);
INSERT INTO ar_refunds VALUES ('r1', 'f1', 10, NULL, '2026-01-01 10:00');
SELECT attach_refunds('ar', 'ar_refunds', 'no', 'order_id', 'sum', line_key => 'line', occurred_at => 'at');
SELECT key_column, order_key_column, amount_column, line_key_column, occurred_at_column FROM ar.refund_source;
INSERT INTO ar_refunds VALUES ('r2', 'f1', 20, NULL, '2026-01-02'), ('r3', 'o1', NULL, NULL, '2026-01-03'), ('r4', 'o2', 5, 'a', '2026-01-03');
SELECT refund_key, order_key, line_key, amount, occurred_at, refund_source_id FROM ar.refund WHERE refund_key ~ '^r' ORDER BY 1;
SELECT record_sale('ar', 'o1', 3, 100);
SELECT record_sale('ar', 'o2', 3, 100, lines => '[{"key": "a", "amount": 50}, {"key": "b", "amount": 50}]');
SELECT * FROM ar_orders WHERE order_key ~ '^[fo]' ORDER BY 1;
-- what was recorded stays
UPDATE ar_refunds SET reason = 'broken', sum = 10.0 WHERE no = 'r1';
SELECT s, fails(s) FROM unnest(ARRAY['UPDATE ar_refunds SET sum = 11 WHERE no = ''r1''', 'UPDATE ar_refunds SET no = ''r11'' WHERE no = ''r1''',
	'UPDATE ar_refunds SET order_id = ''f2'' WHERE no = ''r1''', 'UPDATE ar_refunds SET at = at + ''1 day'' WHERE no = ''r1''',
	'UPDATE ar_refunds SET line = ''a'' WHERE no = ''r1''', 'DELETE FROM ar_refunds', 'TRUNCATE ar_refunds',
	'INSERT INTO ar_refunds VALUES (''r5'', ''f1'', 70.01, NULL, now())', 'INSERT INTO ar_refunds VALUES (''r5'', ''f1'', 1, NULL, NULL)',
	'INSERT INTO ar_refunds VALUES (''r5'', NULL, 1, NULL, now())', 'INSERT INTO ar_refunds VALUES ('''', ''f1'', 1, NULL, now())',
	'INSERT INTO ar_refunds VALUES (''r5'', ''f1'', ''Infinity'', NULL, now())', 'INSERT INTO ar_refunds VALUES (''r5'', ''f1'', 0, NULL, now())',
	'INSERT INTO ar_refunds VALUES (''r5'', ''o2'', 1, ''x'', now())']) AS s;
-- told again, also by call, it is the same
INSERT INTO ar_refunds VALUES ('r1', 'f1', 10, NULL, '2026-01-01 10:00') ON CONFLICT (no) DO UPDATE SET reason = 'again';
SELECT fails($$SELECT record_refund('ar', 'f1', 'r1', 10)$$), fails($$SELECT record_refund('ar', 'f1', 'r1', 11)$$);
-- COPY, and one statement that takes back twice and too much
COPY ar_refunds (no, order_id, sum, at) FROM stdin WITH (DELIMITER ' ');
c1 f1 1 2026-01-05
c2 f1 2 2026-01-05
\.
SELECT fails($$INSERT INTO ar_refunds SELECT 'm' || i, 'f1', 30, NULL, now() FROM generate_series(1, 3) AS i$$);
INSERT INTO ar_refunds SELECT 'm' || i, 'f1', 30, NULL, now() FROM generate_series(1, 2) AS i;
SELECT * FROM ar_orders WHERE order_key = 'f1';
-- what no trigger saw
SET session_replication_role = replica;
INSERT INTO ar_refunds VALUES ('u1', 'o2', 10, 'b', '2026-01-06'), ('u2', 'o3', 10, 'b', '2026-01-06');
RESET session_replication_role;
SELECT post_sales('ar', 'ar_refunds'), post_sales('ar');
SELECT refund_key, posted.amount FROM ar.refund LEFT JOIN ar.refund_posting posted USING (refund_id) WHERE refund_key ~ '^u' ORDER BY 1;
SELECT pause('ar');
INSERT INTO ar_refunds VALUES ('p1', 'o2', 10, 'b', '2026-01-06');
DELETE FROM ar_refunds WHERE no = 'u1';
SELECT fails($$SELECT resume('ar')$$);
INSERT INTO ar_refunds VALUES ('u1', 'o2', 10, 'b', '2026-01-06');
SELECT resume('ar');
SELECT * FROM ar_orders WHERE order_key = 'o2';
-- detached, nothing is recorded; attached again, it is caught up with
SELECT detach_refunds('ar', 'ar_refunds');
INSERT INTO ar_refunds VALUES ('d1', 'o2', 1, NULL, '2026-01-07');
SELECT fails($$SELECT attach_refunds('ar', 'ar_refunds', 'reason', 'order_id', 'sum')$$);
SELECT attach_refunds('ar', 'ar_refunds', 'no', 'order_id', 'sum', line_key => 'line', occurred_at => 'at');
SELECT * FROM ar_orders WHERE order_key = 'o2';
SELECT s, fails('SELECT ' || s) FROM unnest(ARRAY[$$detach_refunds('ar', 'ar_flags')$$, $$attach_refunds('ar', 'ar_refunds', 'nothing', 'order_id')$$,
	$$attach_refunds('ar', 'ar_refunds', 'no', 'order_id', 'line')$$, $$attach_refunds('ar', 'ar_refunds', 'no', NULL)$$,
	$$attach_refunds('ar', 'ar_orders', 'no', 'order_id')$$, $$attach_refunds('ar', NULL, 'no', 'order_id')$$, $$post_sales('ar', 'pg_class')$$]) AS s;
-- a second table: keys must differ
CREATE TABLE ar_more (no text, order_id text);
INSERT INTO ar_more VALUES ('r1', 'f1');
SELECT fails($$SELECT attach_refunds('ar', 'ar_more', 'no', 'order_id')$$);
UPDATE ar_more SET no = 'more 1', order_id = 'o2';
SELECT attach_refunds('ar', 'ar_more', 'no', 'order_id');
SELECT * FROM ar_orders WHERE order_key = 'o2';
-- partitions
CREATE TABLE ar_parts (no int, order_id text, sum numeric) PARTITION BY RANGE (no);
CREATE TABLE ar_parts_1 PARTITION OF ar_parts FOR VALUES FROM (0) TO (100);
SELECT attach_refunds('ar', 'ar_parts', 'no', 'order_id', 'sum');
SELECT record_sale('ar', 'o4', 3, 100);
INSERT INTO ar_parts VALUES (1, 'o4', 10);
INSERT INTO ar_parts_1 VALUES (2, 'o4', 20);
SELECT * FROM ar_orders WHERE order_key = 'o4';

-- the whole adds up
SELECT count(*) AS wrong FROM ar_orders o
 WHERE o.earned <> 0.15 * (o.amount - coalesce((SELECT sum(p.amount) FROM ar.refund_posting p JOIN ar.sale s USING (sale_id)
												   WHERE s.order_key = o.order_key), 0));
-- drop_program takes the triggers along
DROP VIEW ar_orders;
SET client_min_messages = warning;
SELECT drop_program('ar');
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname ~ 'distributor';
DROP TABLE ar_orders_t, ar_flags, ar_refunds, ar_more, ar_parts;
