--
-- Refunds where they are hard: of orders with many lines, told twice in a
-- statement, and of what does not fit
--
SET search_path = public, distributor;
SET timezone = 'UTC';
SET client_min_messages = warning;
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
SELECT create_program('re', 'USD', time_zone => 'UTC');
SELECT set_plan('re', '{"rules": [
	{"name": "order", "kind": "unilevel", "levels": ["10%", "5%"]},
	{"name": "goods", "kind": "unilevel", "per": "line", "levels": ["10%", "5%"]}]}', '2020-01-01');
SELECT add_member('re', m, nullif(m - 1, 0), '2020-01-01') FROM generate_series(1, 3) AS m;
CREATE VIEW re_orders AS
	SELECT s.order_key, s.amount, p.refunded, e.earned
	  FROM re.sale s
	  LEFT JOIN LATERAL (SELECT sum(p.amount) AS refunded FROM re.refund_posting p WHERE p.sale_id = s.sale_id) p ON true
	  LEFT JOIN LATERAL (SELECT sum(e.amount) AS earned FROM re.earnings e WHERE e.order_key = s.order_key) e ON true;

--
-- Line by line: what is read grows with what the order has, and not with its
-- lines times the refunds so far
--
SELECT record_sale('re', 'many', 3, 2000, lines => (SELECT jsonb_agg('{"amount": 10}'::jsonb) FROM generate_series(1, 200)));
BEGIN;
DO $$ BEGIN
	FOR line IN 1..100 LOOP
		PERFORM record_refund('re', 'many', 'many-' || line, line_key => line::text);
	END LOOP;
END $$;
SELECT relname, idx_tup_fetch + seq_tup_read < 100 * (2 * 200 + 2 + 4 * 100) AS few_reads
  FROM pg_stat_xact_user_tables WHERE schemaname = 're' AND relname IN ('ledger', 'refund_line') ORDER BY relname;
COMMIT;
TABLE re_orders;
-- the number of a line, and what looks like one
SELECT l AS line, fails(format('SELECT record_refund(%L, %L, %L, 1, %L)', 're', 'many', 'no', l))
  FROM unnest('{0,00101,0101,+101,"101 ",201,4294967397,99999999999999999999,-1,1.0,x}'::text[]) AS l;
-- the rest by one statement, of a table
CREATE TABLE re_refunds (no text, order_no text, amount numeric, line text);
SELECT attach_refunds('re', 're_refunds', 'no', 'order_no', 'amount', line_key => 'line');
INSERT INTO re_refunds SELECT 'rest-' || line, 'many', NULL, line FROM generate_series(101, 200) AS line;
TABLE re_orders;

--
-- An order that a statement tells of twice, as the key of its table is not
-- unique: the rows count one after the other
--
CREATE TABLE re_events (id text, member int, amount numeric, status text, refunded numeric);
SELECT attach_orders('re', 're_events', key => 'id', member => 'member', amount => 'amount', status => 'status', refunded_amount => 'refunded');
INSERT INTO re_events VALUES ('e1', 3, 100, 'paid', 10), ('e1', 3, 100, 'paid', 30), ('e1', 3, 100, 'paid', 30);
INSERT INTO re_events VALUES ('e1', 3, 100, 'paid', 35), ('e1', 3, 100, 'paid', 60);
SELECT fails(s) FROM unnest(ARRAY[
	$$INSERT INTO re_events VALUES ('e1', 3, 100, 'paid', 80), ('e1', 3, 100, 'paid', 70)$$,
	$$INSERT INTO re_events VALUES ('e2', 3, 100, 'paid', 60), ('e2', 3, 100, 'paid', 100.01)$$,
	$$INSERT INTO re_events VALUES ('e2', 3, 100, 'refunded', 0), ('e2', 3, 100, 'paid', 0), ('e2', 3, 100, 'paid', 0)$$]) AS s;
INSERT INTO re_events VALUES ('e2', 3, 100, 'paid', 10), ('e2', 3, 100, 'refunded', 10), ('e2', 3, 100, 'canceled', NULL);
INSERT INTO re_events VALUES ('e3', 3, 100, 'paid', 100), ('e3', 3, 100, 'refunded', 100);
SELECT * FROM re_orders WHERE order_key ~ '^e' ORDER BY order_key;
SELECT refund_key, amount FROM re.refund WHERE order_key ~ '^e' ORDER BY refund_id;
SELECT detach_orders('re', 're_events');

--
-- A row that came before its order and does not fit it stays in its table, and
-- stops nobody
--
INSERT INTO re_refunds VALUES ('misfit-1', 'late', 100.01, NULL), ('misfit-2', 'late', 1, 'x'), ('fit', 'late', 25, NULL);
SELECT record_sale('re', 'late', 3, 100);
SELECT post_sales('re');
SELECT pause('re');
SELECT resume('re');
SELECT attach_refunds('re', 're_refunds', 'no', 'order_no', 'amount', line_key => 'line');
SELECT fails($$SELECT record_refund('re', 'late', 'misfit-1', 100.01)$$);
SELECT fails($$DELETE FROM re_refunds WHERE no = 'misfit-1'$$);
-- but a new one that does not fit is an error, whoever reads it
SELECT detach_refunds('re', 're_refunds');
INSERT INTO re_refunds VALUES ('new', 'late', 75.01, NULL);
SELECT fails($$SELECT attach_refunds('re', 're_refunds', 'no', 'order_no', 'amount', line_key => 'line')$$);
DELETE FROM re_refunds WHERE no = 'new';
SELECT attach_refunds('re', 're_refunds', 'no', 'order_no', 'amount', line_key => 'line');
SELECT * FROM re_orders WHERE order_key = 'late';

DROP VIEW re_orders;
SELECT drop_program('re');
DROP TABLE re_refunds, re_events;
