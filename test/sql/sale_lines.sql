--
-- The lines of orders: by call, and from an attached table
--
SET search_path = public, distributor;
SET timezone = 'UTC';
\set VERBOSITY terse

\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
-- what an order was posted with, and what it paid: line:member=amount
CREATE FUNCTION sl_sale(key text, program text DEFAULT 'sl') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	lines text; paid text;
BEGIN
	EXECUTE format('SELECT string_agg(concat_ws('' '', l.line || '':'' || coalesce(l.line_key, ''-''), l.product, l.quantity || ''x'', l.amount, ''cost '' || l.cost, l.attributes), '', '' ORDER BY l.line)'
		' FROM %1$I.sale s JOIN %1$I.sale_line l ON l.sale_id = s.sale_id WHERE s.order_key = $1', program) INTO lines USING key;
	EXECUTE format('SELECT string_agg(l.rule || ''/'' || l.line || '':'' || l.member_id || ''='' || l.amount, '' '' ORDER BY l.rule, l.line, l.level)'
		' FROM %1$I.sale s JOIN %1$I.ledger l ON l.source_id = s.sale_id WHERE s.order_key = $1', program) INTO paid USING key;
	RETURN coalesce(lines, 'no lines') || ' => ' || coalesce(paid, 'nothing');
END
$$;
CREATE FUNCTION sl_drop(program text) RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
BEGIN
	EXECUTE format('DROP SCHEMA %I CASCADE', program);
END
$$;

SELECT create_program('sl', 'CNY', time_zone => 'UTC');
SELECT set_plan('sl', '{"rules": [
	{"name": "goods", "kind": "unilevel", "per": "line", "levels": ["10%"],
	 "variants": [{"when": {"category": "food"}, "levels": ["20%"]}, {"when": {"product": "voucher"}, "pays": false}]},
	{"name": "margin", "kind": "unilevel", "base": "profit", "levels": ["0%", "50%"]}]}', '2020-01-01');
-- an older version of the plan knows nothing of lines
SELECT set_plan('sl', '{"rules": [{"name": "sales", "kind": "unilevel", "levels": ["1%"]}]}', '-infinity');
SELECT add_member('sl', 1), add_member('sl', 2, 1), add_member('sl', 3, 2);

--
-- By call
--
SELECT record_sale('sl', 'C1', 3, 100, occurred_at => '2021-01-01', lines => '[
	{"key": "a", "product": "tea", "quantity": 2, "amount": 60, "cost": 20, "attributes": {"category": "food"}},
	{"key": "b", "product": "cup", "amount": "35.00", "cost": 30},
	{"product": "voucher", "amount": 5, "cost": 0}]');
SELECT sl_sale('C1');
-- the same again
SELECT record_sale('sl', 'C1', 3, 100.0, occurred_at => '2021-01-01', lines => '[
	{"amount": 60.00, "key": "a", "attributes": {"category": "food"}, "product": "tea", "quantity": 2.0, "cost": "20"},
	{"key": "b", "product": "cup", "amount": 35, "cost": 30, "quantity": null, "attributes": null},
	{"product": "voucher", "amount": 5, "cost": 0}]') = 1 AS same;
-- and not the same
SELECT fails($$SELECT record_sale('sl', 'C1', 3, 100, lines => '$$ || l || $$')$$) FROM (VALUES
	('[]'),
	('[{"key": "a", "product": "tea", "quantity": 2, "amount": 60, "cost": 20, "attributes": {"category": "food"}}]'),
	('[{"key": "A", "product": "tea", "quantity": 2, "amount": 60, "cost": 20, "attributes": {"category": "food"}}]'),
	('[{"key": "a", "product": "coffee", "quantity": 2, "amount": 60, "cost": 20, "attributes": {"category": "food"}}]'),
	('[{"key": "a", "product": "tea", "quantity": 1, "amount": 60, "cost": 20, "attributes": {"category": "food"}}]'),
	('[{"key": "a", "product": "tea", "amount": 60, "cost": 20, "attributes": {"category": "food"}}]'),
	('[{"key": "a", "product": "tea", "quantity": 2, "amount": 61, "cost": 20, "attributes": {"category": "food"}}]'),
	('[{"key": "a", "product": "tea", "quantity": 2, "amount": 60, "cost": 21, "attributes": {"category": "food"}}]'),
	('[{"key": "a", "product": "tea", "quantity": 2, "amount": 60, "cost": 20, "attributes": {"category": "drink"}}]'),
	('[{"key": "a", "product": "tea", "quantity": 2, "amount": 60, "cost": 20}]')) AS c(l);
SELECT fails($$SELECT record_sale('sl', 'C1', 3, 100)$$);
-- no lines: "per line" takes the whole order, and there is no cost
SELECT record_sale('sl', 'C2', '3', 10, occurred_at => '2021-01-01');
SELECT record_sale('sl', 'C3', '3', 10, occurred_at => '2021-01-01', attributes => '{"cost": 4, "category": "food"}', lines => '[]');
SELECT record_sale('sl', 'C4', 3, 10, occurred_at => '2019-01-01', lines => '[{"amount": 10}]');
SELECT sl_sale('C2'), sl_sale('C3'), sl_sale('C4') \gx
-- what cannot be
SELECT fails($$SELECT record_sale('sl', 'X', 3, 1, lines => '$$ || l || $$')$$) FROM (VALUES
	('{}'), ('1'), ('"a"'), ('[1]'), ('[{}]'), ('[{"amount": null}]'), ('[{"amount": -1}]'), ('[{"amount": "NaN"}]'),
	('[{"amount": "1e5"}]'), ('[{"amount": "x"}]'), ('[{"amount": 1, "price": 2}]'), ('[{"amount": 1, "quantity": "many"}]'),
	('[{"amount": 1, "attributes": [1]}]'), ('[{"amount": 1, "key": {}}]'),
	('[{"key": "a", "amount": 1}, {"key": "b", "amount": 1}, {"key": "a", "amount": 2}]')) AS c(l);
SELECT fails($$SELECT record_sale('sl', 'X', 3, 1, lines => (SELECT jsonb_agg('{"amount": 1}'::jsonb) FROM generate_series(1, 10001)))$$);
SELECT fails($$SELECT record_sale('sl', 'X', 3, 1, lines => jsonb_build_array(jsonb_build_object('amount', 1, 'key', repeat('k', 1025))))$$);
SELECT fails($$SELECT record_sale('sl', 'X', 3, 1, attributes => '[1]')$$);
SELECT fails($$SELECT record_sale('sl', 'X', 3, 1, attributes => '1')$$);
SELECT count(*) FROM sl.sale;
-- explained with the lines that were stored
SELECT rule, level, member_id, base, rate, amount, line, reason, explanation FROM explain('sl', 'C1');
SELECT rule, level, member_id, base, rate, amount, line, reason, explanation FROM explain('sl', 'C2');
-- the lines only grow
SELECT fails('INSERT INTO sl.sale_line VALUES (1, 4, ''z'', NULL, NULL, 1)');
SELECT fails('UPDATE sl.sale_line SET amount = 1');
SELECT fails('DELETE FROM sl.sale_line');
SELECT fails('TRUNCATE sl.sale_line');

--
-- From a table
--
CREATE TABLE sl_orders (id int PRIMARY KEY, buyer bigint, amount numeric, at timestamptz DEFAULT '2021-01-01', status text DEFAULT 'open');
CREATE TABLE sl_lines (order_id bigint, no int, product text, qty int, amount numeric, cost numeric, category text, note text, PRIMARY KEY (order_id, no));
-- what does not fit
SELECT fails($$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', amount => 'amount')$$);
SELECT attach_orders('sl', 'sl_orders', 'id', 'buyer', 'amount', 'at', 'status');
SELECT fails(c) FROM unnest(ARRAY[
	$$SELECT attach_order_lines(NULL, 'sl_lines', 'order_id', 'no', amount => 'amount')$$,
	$$SELECT attach_order_lines('sl', NULL, 'order_id', 'no', amount => 'amount')$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', NULL, 'no', amount => 'amount')$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', NULL, amount => 'amount')$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no')$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', amount => 'amount', attributes => NULL)$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', amount => 'amount', attributes => '{NULL}')$$,
	$$SELECT attach_order_lines('none', 'sl_lines', 'order_id', 'no', amount => 'amount')$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', 'orderid', 'no', amount => 'amount')$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', 'product', 'no', amount => 'amount')$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'nr', amount => 'amount')$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', amount => 'product')$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', amount => 'amount', quantity => 'product')$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', amount => 'amount', cost => 'category')$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', amount => 'amount', attributes => '{color}')$$,
	$$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', amount => 'amount', orders => 'sl_lines')$$,
	$$SELECT attach_order_lines('sl', 'sl.team', 'order_id', 'no', amount => 'amount')$$,
	$$SELECT detach_order_lines('sl', 'sl_lines')$$]) AS c;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT fails($$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', amount => 'amount')$$);
ROLLBACK;

-- order 1 is posted before anybody knows of lines
INSERT INTO sl_lines VALUES (1, 1, 'tea', 1, 10, 1, 'food');
INSERT INTO sl_orders VALUES (1, 3, 10, '2021-01-01', 'paid');
SELECT sl_sale('1');
SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', product => 'product', quantity => 'qty', amount => 'amount', cost => 'cost', attributes => '{category}');
SELECT relid, order_source_id, order_key_column, line_key_column, product_column, quantity_column, amount_column, cost_column, attribute_columns, after_sale_id, detached_at FROM sl.order_line_source;
SELECT tgname, tgfoid::regproc, tgnargs FROM pg_trigger WHERE tgrelid = 'sl_lines'::regclass AND NOT tgisinternal ORDER BY tgname COLLATE "C";
-- its lines are free
UPDATE sl_lines SET amount = 11 WHERE order_id = 1;
SELECT fails($$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', product => 'product', quantity => 'qty', amount => 'amount', cost => 'cost', attributes => '{category}')$$);

-- lines first, then the order becomes paid
INSERT INTO sl_orders VALUES (2, 3, 100);
INSERT INTO sl_lines VALUES (2, 10, 'cup', 1, 40, 10, NULL), (2, 9, 'tea', 2, 60.50, NULL, 'food');
UPDATE sl_lines SET cost = 20 WHERE no = 9;
UPDATE sl_orders SET status = 'paid' WHERE id = 2;
SELECT sl_sale('2');
-- in the same statement, whichever comes first
WITH o AS (INSERT INTO sl_orders VALUES (3, 3, 10, '2021-01-01', 'paid'))
INSERT INTO sl_lines VALUES (3, 1, 'tea', 1, 10, 1, 'food');
WITH l AS (INSERT INTO sl_lines VALUES (4, 1, 'tea', 1, 10, 1, 'drink'))
INSERT INTO sl_orders VALUES (4, 3, 10, '2021-01-01', 'paid');
SELECT sl_sale('3'), sl_sale('4') \gx
-- many at once
INSERT INTO sl_orders SELECT i, 3, i FROM generate_series(1000, 1999) i;
INSERT INTO sl_lines SELECT 1000 + i % 1000, i, 'p' || i % 7, 1, i % 10, 0, CASE i % 3 WHEN 0 THEN 'food' END FROM generate_series(1, 3000) i;
UPDATE sl_orders SET status = 'paid' WHERE id >= 1000;
SELECT count(*) AS sales, sum(lines) AS lines, min(lines), max(lines) FROM (SELECT (SELECT count(*) FROM sl.sale_line l WHERE l.sale_id = s.sale_id) AS lines FROM sl.sale s WHERE s.order_key ~ '^1...$') n;
-- what each line paid, computed without us
SELECT count(*) AS differences FROM (
	SELECT o.id::text AS order_key, row_number() OVER (PARTITION BY o.id ORDER BY l.no) AS line, round(l.amount * CASE WHEN l.category = 'food' THEN 0.2 ELSE 0.1 END, 2) AS amount
	FROM sl_orders o JOIN sl_lines l ON l.order_id = o.id WHERE o.id >= 1000) e
FULL JOIN (SELECT s.order_key, l.line, l.amount FROM sl.sale s JOIN sl.ledger l ON l.source_id = s.sale_id WHERE s.order_key ~ '^1...$' AND l.rule = 'goods') p
	ON p.order_key = e.order_key AND p.line = e.line
WHERE coalesce(e.amount, 0) <> coalesce(p.amount, 0);
-- no lines where the plan asks for them; where it does not, that is fine
SELECT fails($$INSERT INTO sl_orders VALUES (5, 3, 10, '2021-01-01', 'paid')$$);
INSERT INTO sl_orders VALUES (6, 3, 10, '2019-01-01', 'paid');
INSERT INTO sl_orders VALUES (7, 3, 10, '2019-01-01');
INSERT INTO sl_lines VALUES (7, 1, 'tea', 1, 10, 1, 'food');
UPDATE sl_orders SET status = 'paid' WHERE id = 7;
SELECT sl_sale('6'), sl_sale('7') \gx
-- lines that cannot be
INSERT INTO sl_orders SELECT i, 3, 1 FROM generate_series(20, 24) i;
INSERT INTO sl_lines (order_id, no, amount, qty) VALUES (20, 1, NULL, 1), (21, 1, -1, 1), (22, 1, 'NaN', 1), (23, 1, 'Infinity', 1), (24, 1, 1, -3);
SELECT fails(format('UPDATE sl_orders SET status = ''paid'' WHERE id = %s', i)) FROM generate_series(20, 23) i;
UPDATE sl_orders SET status = 'paid' WHERE id = 24;
SELECT sl_sale('24');

--
-- Changes of the lines of what has been posted
--
SELECT fails(c) FROM unnest(ARRAY[
	$$UPDATE sl_lines SET amount = amount + 1 WHERE order_id = 2$$,
	$$UPDATE sl_lines SET product = 'x' WHERE order_id = 2 AND no = 9$$,
	$$UPDATE sl_lines SET qty = NULL WHERE order_id = 2 AND no = 9$$,
	$$UPDATE sl_lines SET cost = 0 WHERE order_id = 2 AND no = 9$$,
	$$UPDATE sl_lines SET category = 'drink' WHERE order_id = 2 AND no = 9$$,
	$$UPDATE sl_lines SET no = 8 WHERE order_id = 2 AND no = 9$$,
	$$UPDATE sl_lines SET order_id = 5 WHERE order_id = 2 AND no = 9$$,
	$$UPDATE sl_lines SET order_id = 2 WHERE order_id = 21$$,
	$$UPDATE sl_lines SET order_id = 6 WHERE order_id = 21$$,
	$$INSERT INTO sl_lines VALUES (2, 11, 'tea', 1, 1)$$,
	$$INSERT INTO sl_lines VALUES (6, 1, 'tea', 1, 1)$$,
	$$DELETE FROM sl_lines WHERE order_id = 2 AND no = 9$$,
	$$WITH d AS (DELETE FROM sl_lines WHERE order_id = 2 AND no = 10 RETURNING *) UPDATE sl_lines SET note = 'y' WHERE order_id = 1$$,
	$$DELETE FROM sl_lines$$,
	$$TRUNCATE sl_lines$$]) AS c;
-- what is not attached, not posted, or the same in the end
UPDATE sl_lines SET note = 'x';
UPDATE sl_lines SET amount = amount + 0.00, qty = 1 * qty WHERE order_id = 2;
UPDATE sl_lines SET amount = 2 WHERE order_id = 21;
DELETE FROM sl_lines WHERE order_id = 22;
UPDATE sl_lines SET order_id = 22 WHERE order_id = 23;
INSERT INTO sl_lines VALUES (2, 9, 'tea', 2, 60.50, 20, 'food') ON CONFLICT (order_id, no) DO UPDATE SET amount = excluded.amount;
SELECT fails($$UPDATE sl_orders SET id = 102 WHERE id = 2$$);
SELECT post_sales('sl');

--
-- Pause and resume
--
SELECT pause('sl');
INSERT INTO sl_orders VALUES (8, 3, 10, '2021-01-01', 'paid');
INSERT INTO sl_lines VALUES (8, 1, 'tea', 1, 10, 1, 'food');
SELECT resume('sl');
SELECT sl_sale('8');
SELECT pause('sl');
UPDATE sl_lines SET amount = 9 WHERE order_id = 8;
SELECT fails($$SELECT resume('sl')$$);
UPDATE sl_lines SET amount = 10 WHERE order_id = 8;
SELECT resume('sl');

--
-- Detach, and attach again
--
SELECT detach_order_lines('sl', 'sl_lines');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'sl_lines'::regclass;
SELECT fails($$SELECT detach_order_lines('sl', 'sl_lines')$$);
INSERT INTO sl_orders VALUES (9, 3, 10, '2021-01-01', 'paid');
SELECT sl_sale('9');
INSERT INTO sl_lines VALUES (9, 1, 'tea', 1, 10, 1, 'food');
UPDATE sl_lines SET amount = 9 WHERE order_id = 8;
-- with the lines of what was posted with lines
SELECT fails($$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', 'product', 'qty', 'amount', 'cost', '{category}', 'sl_orders')$$);
UPDATE sl_lines SET amount = 10 WHERE order_id = 8;
SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', 'product', 'qty', 'amount', 'cost', '{category}', 'sl_orders');
-- 9 was posted without
UPDATE sl_lines SET amount = 9 WHERE order_id = 9;
SELECT fails($$UPDATE sl_lines SET amount = 9 WHERE order_id = 8$$);
-- while the orders are detached nobody looks, and nothing is forgotten
SELECT detach_orders('sl', 'sl_orders');
UPDATE sl_lines SET amount = 9 WHERE order_id = 8;
SELECT fails($$SELECT attach_orders('sl', 'sl_orders', 'id', 'buyer', 'amount', 'at', 'status')$$);
UPDATE sl_lines SET amount = 10 WHERE order_id = 8;
SELECT attach_orders('sl', 'sl_orders', 'id', 'buyer', 'amount', 'at', 'status');
SELECT fails($$UPDATE sl_lines SET amount = 9 WHERE order_id = 8$$);
-- one table of lines for one of orders
CREATE TABLE sl_other (order_id text, line text, amount numeric, PRIMARY KEY (order_id, line));
SELECT fails($$SELECT attach_order_lines('sl', 'sl_other', 'order_id', 'line', amount => 'amount')$$);
CREATE TABLE sl_others (id text PRIMARY KEY, buyer bigint, amount numeric, at timestamptz DEFAULT '2021-01-01', status text DEFAULT 'open');
SELECT attach_orders('sl', 'sl_others', 'id', 'buyer', 'amount', 'at', 'status');
SELECT fails($$SELECT attach_order_lines('sl', 'sl_other', 'order_id', 'line', amount => 'amount')$$);
SELECT fails($$SELECT attach_order_lines('sl', 'sl_other', 'order_id', 'line', amount => 'amount', orders => 'sl_orders')$$);
SELECT fails($$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', amount => 'amount', orders => 'sl_others')$$);
SELECT attach_order_lines('sl', 'sl_other', 'order_id', 'line', amount => 'amount', orders => 'sl_others');
INSERT INTO sl_other VALUES ('n1', 'b', 2), ('n1', 'B', 3), ('n1', 'a', 1), ('n2', 'a', 5);
INSERT INTO sl_others VALUES ('n1', 3, 6, '2021-01-01', 'paid');
SELECT sl_sale('n1');

--
-- By hand: a trigger on a table that is not attached, and in other ways
--
CREATE TABLE sl_strange (order_id int, no int, amount numeric);
CREATE TRIGGER t AFTER INSERT ON sl_strange REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION order_lines_changed('sl');
SELECT fails('INSERT INTO sl_strange VALUES (1, 1, 1)');
SELECT fails('SELECT order_lines_changed()');
DROP TABLE sl_strange;

--
-- Roles: who writes lines needs nothing of the program, nor of the orders
--
INSERT INTO sl_orders VALUES (5, 3, 10);
CREATE ROLE regress_sl_clerk;
GRANT SELECT, INSERT, UPDATE ON sl_lines TO regress_sl_clerk;
SET ROLE regress_sl_clerk;
INSERT INTO sl_lines VALUES (5, 1, 'tea', 1, 10, 1, 'food');
SELECT fails($$INSERT INTO sl_lines VALUES (2, 77, 'tea', 1, 10, 1, 'food')$$);
SELECT fails($$SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'no', amount => 'amount', orders => 'sl_orders')$$);
SELECT fails($$SELECT detach_order_lines('sl', 'sl_lines')$$);
RESET ROLE;
-- who makes an order paid reads its lines
CREATE ROLE regress_sl_cashier;
GRANT SELECT, UPDATE ON sl_orders TO regress_sl_cashier;
SET ROLE regress_sl_cashier;
SELECT fails($$UPDATE sl_orders SET status = 'paid' WHERE id = 5$$);
RESET ROLE;
GRANT SELECT ON sl_lines TO regress_sl_cashier;
ALTER TABLE sl_lines ENABLE ROW LEVEL SECURITY;
CREATE POLICY none ON sl_lines USING (false);
SET ROLE regress_sl_cashier;
SELECT fails($$UPDATE sl_orders SET status = 'paid' WHERE id = 5$$);
RESET ROLE;
ALTER TABLE sl_lines DISABLE ROW LEVEL SECURITY;
SET ROLE regress_sl_cashier;
UPDATE sl_orders SET status = 'paid' WHERE id = 5;
RESET ROLE;
SELECT sl_sale('5');
REVOKE ALL ON sl_lines, sl_orders FROM regress_sl_clerk, regress_sl_cashier;
DROP ROLE regress_sl_clerk, regress_sl_cashier;

--
-- Columns that change their name, and tables that go
--
ALTER TABLE sl_lines RENAME qty TO pieces;
INSERT INTO sl_orders VALUES (10, 3, 10);
SELECT fails($$INSERT INTO sl_lines VALUES (10, 1, 'tea', 1, 10)$$);
ALTER TABLE sl_lines RENAME pieces TO qty;
INSERT INTO sl_lines VALUES (10, 1, 'tea', 1, 10);
SET client_min_messages = warning;
SELECT drop_program('sl');
RESET client_min_messages;
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('sl_lines'::regclass, 'sl_other'::regclass, 'sl_orders'::regclass);
DROP TABLE sl_lines, sl_orders, sl_other, sl_others;

--
-- Partitions, keys of uuid, triggers of the user
--
SELECT create_program('sl', 'CNY', time_zone => 'UTC', key_type => 'text');
SELECT set_plan('sl', '{"rules": [{"name": "goods", "kind": "unilevel", "per": "line", "per_unit": true, "levels": [{"fixed": 1}]}]}');
SELECT add_member('sl', 'ann'), add_member('sl', 'bob', 'ann');
CREATE TABLE sl_orders (id uuid PRIMARY KEY, buyer text, amount numeric, status text DEFAULT 'open');
CREATE TABLE sl_lines (order_id uuid, id uuid, qty int, amount int, at timestamptz DEFAULT '2021-01-01') PARTITION BY RANGE (amount);
CREATE TABLE sl_lines_1 PARTITION OF sl_lines FOR VALUES FROM (0) TO (10);
CREATE TABLE sl_lines_2 PARTITION OF sl_lines FOR VALUES FROM (10) TO (100);
SELECT attach_orders('sl', 'sl_orders', 'id', 'buyer', 'amount', status => 'status');
SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'id', quantity => 'qty', amount => 'amount', attributes => '{at}');
INSERT INTO sl_orders VALUES ('11111111-1111-1111-1111-111111111111', 'bob', 10), ('22222222-2222-2222-2222-222222222222', 'bob', 10);
INSERT INTO sl_lines_2 VALUES ('11111111-1111-1111-1111-111111111111', 'ffffffff-1111-1111-1111-111111111111', 3, 20);
SET timezone = 'Asia/Shanghai';
INSERT INTO sl_lines VALUES ('11111111-1111-1111-1111-111111111111', 'aaaaaaaa-1111-1111-1111-111111111111', 2, 5);
UPDATE sl_orders SET status = 'paid' WHERE id = '11111111-1111-1111-1111-111111111111';
SET timezone = 'UTC';
SELECT sl_sale('11111111-1111-1111-1111-111111111111');
SELECT fails($$UPDATE sl_lines_1 SET qty = 1$$);
SELECT fails($$UPDATE sl_lines SET amount = 15 WHERE amount = 5$$);
SELECT fails($$DELETE FROM sl_lines_2$$);
SELECT fails($$TRUNCATE sl_lines_1$$);
-- a line without an order, an order without its line's key
INSERT INTO sl_lines VALUES (NULL, 'bbbbbbbb-1111-1111-1111-111111111111', 2, 5);
INSERT INTO sl_lines VALUES ('22222222-2222-2222-2222-222222222222', NULL, 2, 5);
SELECT fails($$UPDATE sl_orders SET status = 'paid' WHERE id = '22222222-2222-2222-2222-222222222222'$$);
DELETE FROM sl_lines WHERE id IS NULL;
-- two lines of one key, where nothing else forbids it
INSERT INTO sl_lines SELECT '22222222-2222-2222-2222-222222222222', 'bbbbbbbb-1111-1111-1111-111111111111', i, 5 FROM generate_series(1, 2) i;
SELECT fails($$UPDATE sl_orders SET status = 'paid' WHERE id = '22222222-2222-2222-2222-222222222222'$$);
DELETE FROM sl_lines WHERE qty = 1;
-- a row trigger of the user's that changes what was just inserted
CREATE FUNCTION sl_double() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE sl_lines SET qty = 2 * new.qty WHERE id = new.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER double AFTER INSERT ON sl_lines_2 FOR EACH ROW EXECUTE FUNCTION sl_double();
INSERT INTO sl_lines VALUES ('22222222-2222-2222-2222-222222222222', 'cccccccc-1111-1111-1111-111111111111', 4, 50);
UPDATE sl_orders SET status = 'paid' WHERE id = '22222222-2222-2222-2222-222222222222';
SELECT sl_sale('22222222-2222-2222-2222-222222222222');
SELECT rule, level, member_key, base, rate, exact, amount, line, explanation FROM explain('sl', '22222222-2222-2222-2222-222222222222');
-- a partition that came later has no triggers yet
CREATE TABLE sl_lines_3 PARTITION OF sl_lines FOR VALUES FROM (100) TO (1000);
SELECT post_sales('sl');
SELECT attach_order_lines('sl', 'sl_lines', 'order_id', 'id', quantity => 'qty', amount => 'amount', attributes => '{at}');
SELECT post_sales('sl');
-- the program is gone, its triggers are not
SELECT sl_drop('sl');
SELECT fails($$DELETE FROM sl_lines$$);
SELECT detach_order_lines('sl', 'sl_lines');
SELECT detach_orders('sl', 'sl_orders');
DROP TABLE sl_lines, sl_orders;
DROP FUNCTION sl_sale, sl_drop, sl_double;
