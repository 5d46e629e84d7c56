-- What a program says of changes that it could not see when they were made:
-- while its table was detached, by a partition without triggers, or of roots
-- whose sponsor cannot be had.
SET search_path = public, distributor;
\getenv abs_srcdir PG_ABS_SRCDIR
\set fails :abs_srcdir '/include/fails.sql'
\set ECHO none
\i :fails
\set ECHO all
CREATE TABLE aa_users (id int PRIMARY KEY, up int);
CREATE TABLE aa_orders (id int, buyer int, amount int, status text DEFAULT 'paid') PARTITION BY LIST (id);
CREATE TABLE aa_orders_1 PARTITION OF aa_orders FOR VALUES IN (1, 2);
INSERT INTO aa_users VALUES (1, NULL), (2, 1), (3, 2);
SELECT create_program('aa', 'EUR');
SELECT set_plan('aa', '{"rules": [{"name": "p", "kind": "unilevel", "levels": ["10%"]}]}');

-- orphans => 'root': a root that gets a sponsor that cannot be had stays one, and is listed, once
SELECT attach_members('aa', 'aa_users', 'id', 'up', orphans => 'root');
UPDATE aa_users SET up = 78 WHERE id = 1;
UPDATE aa_users SET up = 3 WHERE id = 1;
SELECT fails('UPDATE aa_users SET up = 3 WHERE id = 2');
SELECT pause('aa');
SELECT resume('aa');
SELECT member_id, sponsor_key, problem FROM aa.orphan ORDER BY problem;
SELECT member_id, path FROM aa.member ORDER BY path;
-- a sponsor that can be had takes the root
INSERT INTO aa_users VALUES (78, NULL);
UPDATE aa_users SET up = 78 WHERE id = 1;
SELECT member_id, path FROM aa.member ORDER BY path;

-- posted orders that were deleted, or left their paid status, while the table was detached
SELECT attach_orders('aa', 'aa_orders', 'id', 'buyer', 'amount', status => 'status');
INSERT INTO aa_orders VALUES (1, 3, 100), (2, 3, 50);
SELECT detach_orders('aa', 'aa_orders');
DELETE FROM aa_orders WHERE id = 1;
SELECT fails($$SELECT attach_orders('aa', 'aa_orders', 'id', 'buyer', 'amount', status => 'status')$$);
INSERT INTO aa_orders VALUES (1, 3, 100, 'void');
SELECT fails($$SELECT attach_orders('aa', 'aa_orders', 'id', 'buyer', 'amount', status => 'status')$$);
UPDATE aa_orders SET status = 'paid', amount = 99 WHERE id = 1;
SELECT fails($$SELECT attach_orders('aa', 'aa_orders', 'id', 'buyer', 'amount', status => 'status')$$);
UPDATE aa_orders SET amount = 100 WHERE id = 1;
SELECT attach_orders('aa', 'aa_orders', 'id', 'buyer', 'amount', status => 'status');

-- a partition that came later: seen by catching up, which says so
CREATE TABLE aa_orders_2 PARTITION OF aa_orders FOR VALUES IN (3, 4);
INSERT INTO aa_orders_2 VALUES (3, 3, 9);
SELECT post_sales('aa');
SELECT attach_orders('aa', 'aa_orders', 'id', 'buyer', 'amount', status => 'status');
SELECT post_sales('aa');
INSERT INTO aa_orders_2 VALUES (4, 3, 9);
SELECT order_key, amount FROM aa.earnings ORDER BY order_key;

SET client_min_messages = warning;
SELECT drop_program('aa');
DROP TABLE aa_users, aa_orders;
